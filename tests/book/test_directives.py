"""The book's own directives and its math renderer, on small pages built with plain Sphinx."""

import re
from pathlib import Path

import pytest
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import docutils_namespace

from unrolled import gradcheck

EXTENSIONS = ["myst_parser", "sphinx_design", "katex_math", "quiz", "spot_the_error"]

QUIZ = """# Page

```{quiz} What is $h_t$?
- [ ] the *input*

  No, that is $x_t$.
- [x] the state

  Yes.
```
"""


def build(folder: Path, text: str, **settings: object) -> tuple[str, str]:
    """The HTML of a page with this text, and the warnings."""
    source, out = folder / "source", folder / "out"
    source.mkdir(exist_ok=True)
    (source / "index.md").write_text(text, encoding="utf-8")
    with (folder / "warnings.txt").open("w") as warnings, docutils_namespace():
        app = Sphinx(
            source,
            None,
            out,
            out / "doctrees",
            "html",
            confoverrides={
                "extensions": [*EXTENSIONS, *settings.pop("more_extensions", [])],
                "html_math_renderer": "katex",
                "myst_enable_extensions": ["dollarmath", "amsmath"],
                "html_theme": "basic",
                "numfig": True,
                **settings,
            },
            status=None,
            warning=warnings,
        )
        app.build()
    html = (out / "index.html").read_text(encoding="utf-8")
    return html, (folder / "warnings.txt").read_text()


def test_quiz_has_a_labelled_button_and_feedback_for_each_answer(tmp_path: Path) -> None:
    html, warnings = build(tmp_path, QUIZ)
    assert warnings == ""
    assert len(re.findall(r'<input type="radio"', html)) == 2
    for key in re.findall(r'<input type="radio" id="([^"]+)" name="quiz-0"', html):
        assert f'<label for="{key}">' in html
    assert html.count('class="quiz-feedback"') == 2
    assert html.count("quiz-answer quiz-right") == 1
    assert "[ ]" not in html
    assert "[x]" not in html
    assert re.search(r"<legend>What is <span class=\"math[^>]*><span class=\"katex", html)
    assert "the <em>input</em>" in html


def test_quiz_with_two_right_answers_has_check_boxes(tmp_path: Path) -> None:
    html, _ = build(tmp_path, QUIZ.replace("- [ ]", "- [x]"))
    assert html.count('type="checkbox"') == 2


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("- [x]", "- [ ]", "at least one of them"),
        ("- [x] the state", "- the state", "an answer starts with"),
        ("\n\n  Yes.", "", "has no feedback"),
        ("- [x] the state\n\n  Yes.\n", "", "two or more answers"),
        ("- [ ] the", "Choose.\n\n- [ ] the", "one list of answers"),
    ],
)
def test_quiz_that_cannot_be_answered_is_an_error(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    _, warnings = build(tmp_path, QUIZ.replace(old, new))
    assert complaint in warnings


def test_quiz_in_other_formats_keeps_its_text(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "index.md").write_text(QUIZ)
    with docutils_namespace():
        app = Sphinx(
            source,
            None,
            tmp_path,
            tmp_path / "doctrees",
            "text",
            confoverrides={"extensions": EXTENSIONS, "myst_enable_extensions": ["dollarmath"]},
            status=None,
        )
        app.build()
    text = (tmp_path / "index.txt").read_text()
    for words in ("What is", "the state", "No, that is", "Yes."):
        assert words in text


def test_spot_the_error_is_an_admonition_that_holds_a_dropdown(tmp_path: Path) -> None:
    page = "# Page\n\n````{spot-the-error} the *transposed* $W$\nA slide says: $h = W$.\n\n"
    page += "```{dropdown} What is right\nThe other.\n```\n````\n"
    html, warnings = build(tmp_path, page)
    assert warnings == ""
    assert re.search(r'<div class="admonition spot-the-error', html)
    assert "Spot the error: the <em>transposed</em>" in html
    assert "<details" in html


def test_formulas_are_rendered_numbered_and_referred_to(tmp_path: Path) -> None:
    page = (
        "# Page\n\n$a_t$, see {eq}`eq-d-one` and {eq}`eq-two`\n\n$$ \\bar h = 1 $$ (eq-d-one)\n\n"
    )
    page += "```{math}\n:label: eq-two\na &= b \\\\\nc &= d\n```\n\n"
    page += "\\begin{align}\nx &= y\\\\\nz &= w\n\\end{align}\n"
    html, warnings = build(tmp_path, page)
    assert warnings == ""
    assert html.count('class="katex"') == 4
    assert html.count('class="katex-display"') == 3
    assert "katex-error" not in html
    assert html.count('class="eqno">(') == 3
    assert 'href="#equation-eq-d-one"' in html
    assert 'id="equation-eq-two"' in html
    assert "window.MathJax" not in html
    assert "<annotation" in html  # for screen readers, and to copy from


@pytest.mark.parametrize("tex", [r"\frac{1}", r"\nosuchcommand x", "x^2^3", "x 中"])
def test_bad_tex_fails_the_build_with_page_and_formula(tmp_path: Path, tex: str) -> None:
    with pytest.raises(ExtensionError, match="index"):
        build(tmp_path, f"# Page\n\nWords and ${tex}$.\n")
    warnings = (tmp_path / "warnings.txt").read_text()
    assert "index.md:3" in warnings
    assert tex in warnings
    # The next build looks at the page again although its text is the same.
    assert not (tmp_path / "out" / "index.html").exists()
    with pytest.raises(ExtensionError, match="index"):
        build(tmp_path, f"# Page\n\nWords and ${tex}$.\n")


PAGE_WITH_DERIVATIVE = "# Page\n\n$$ \\bar h = 1 $$ (eq-d-one)\n\n"
CELL = '```{code-cell} ipython3\ngradcheck.compare("eq-d-one", hand, auto)\n```\n'


def test_derivative_without_a_comparison_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "_toc.yml").write_text("root: index\n")
    _, warnings = build(tmp_path, PAGE_WITH_DERIVATIVE, more_extensions=["checked_equations"])
    assert "eq-d-one is displayed but no cell compares it" in warnings


def test_only_what_is_published_is_counted(tmp_path: Path) -> None:
    from checked_equations import published

    contents = "root: intro\nparts:\n- chapters:\n  - file: notation\n  - file: chapters/01-a\n"
    (tmp_path / "_toc.yml").write_text(contents)
    assert published(tmp_path) == [tmp_path / "chapters" / "01-a.md"]


def test_numbers_count_what_is_compared() -> None:
    from checked_equations import numbers

    assert gradcheck.unchecked(PAGE_WITH_DERIVATIVE + CELL) == []
    box = "````{spot-the-error} x\n````\n"
    found = numbers([PAGE_WITH_DERIVATIVE + CELL, PAGE_WITH_DERIVATIVE + QUIZ + box])
    assert found == {"checked_equations": 1, "spotted_errors": 1, "quiz_questions": 1}


def test_quiz_feedback_does_not_stick_to_its_mark(tmp_path: Path) -> None:
    html, _ = build(tmp_path, QUIZ)
    text = " ".join(re.sub(r"<[^>]+>", "", html).split())
    assert "✓ Yes." in text
    assert "✗ No, that is" in text


def test_quiz_names_an_answer_that_is_nothing_but_a_formula(tmp_path: Path) -> None:
    html, _ = build(tmp_path, QUIZ.replace("the state", "$10 \\cdot h < 1$").replace("$x_t$", "x"))
    (label,) = re.findall(r'<input [^>]*aria-label="([^"]*)"', html)
    assert label == "10⋅h&lt;1"


def test_what_tools_write_is_mended() -> None:
    from accessible_markup import repair

    cell = '<details><summary aria-label="Toggle hidden content">\n<p>Show code'
    assert repair(cell) == "<details><summary>\n<p>Show code"
    entry = '<div class="citation" id="id3" role="doc-biblioentry">'
    assert repair(entry) == '<div class="citation" id="id3" role="listitem">'


def test_chinese_words_are_marked_as_such(tmp_path: Path) -> None:
    page = "# 循环 and 递归\n\nA mask (掩码), the *n 元语法*; not `码` in code.\n\n"
    page += "```{glossary}\nhidden state\n隐藏状态\n  Memory.\n```\n\n{term}`隐藏状态`\n"
    html, warnings = build(tmp_path, page, more_extensions=["chinese"])
    body = html[html.index("<h1>") :]
    assert warnings == ""
    marked = re.findall(r'<span lang="zh-Hans">([^<]+)</span>', body)
    assert sorted(set(marked)) == sorted(["循环", "递归", "掩码", "元语法", "隐藏状态"])
    assert marked.count("隐藏状态") == 2  # the term, and the reference to it
    assert "<em>n <span" in body
    assert re.search(r"<code[^>]*><span class=\"pre\">码</span>", body)
