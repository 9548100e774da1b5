"""The built pages, read as files: alt text, nothing from outside, links, equations."""

import re
from pathlib import Path

import pytest
from checked_equations import published
from markup import css_loads, elements, ids, is_external, loads, target

from autograder.book import ROOT
from unrolled import gradcheck

pytestmark = pytest.mark.slow  # the book is built for them
CHAPTERS = published(ROOT / "book")
A_PATH = re.compile(r"^\S*(/|\\)\S*$|\.(png|svg|jpe?g|gif|webp)$", re.IGNORECASE)


def where(page: Path, book: Path, line: int) -> str:
    return f"{page.relative_to(book)}:{line}"


def test_every_chapter_of_the_toc_is_built(book: Path) -> None:
    toc = (ROOT / "book" / "_toc.yml").read_text(encoding="utf-8")
    for name in re.findall(r"(?:file|root): (\S+)", toc):
        assert (book / f"{name}.html").exists(), name


def test_index_leads_to_the_first_page(book: Path) -> None:
    (refresh,) = [one for one in elements(book / "index.html", "meta") if one["http-equiv"]]
    assert refresh["content"].endswith("url=intro.html")


def test_nothing_else_than_the_book_is_published(book: Path) -> None:
    toc = (ROOT / "book" / "_toc.yml").read_text(encoding="utf-8")
    made_by_sphinx = {"index", "search", "genindex", "prf-prf"}
    allowed = {*re.findall(r"(?:file|root): (\S+)", toc), *made_by_sphinx}
    built = {str(page.relative_to(book).with_suffix("")) for page in book.rglob("*.html")}
    assert built <= allowed


def test_every_image_says_what_is_seen(book: Path, pages: list[Path]) -> None:
    silent = []
    for page in pages:
        for one in elements(page, "img", "svg"):
            text = one["alt"] if one.tag == "img" else one["aria-label"]
            role = one.tag == "img" or one["role"] == "img"
            if not one.hidden and (not role or len(text) < 10 or A_PATH.search(text)):
                silent.append(f"{where(page, book, one.line)} <{one.tag}> {text!r}")
    assert silent == []


def test_nothing_is_loaded_from_outside(book: Path, pages: list[Path]) -> None:
    outside = [
        f"{page.relative_to(book)}: {address}"
        for page in pages
        for address in loads(page)
        if is_external(address)
    ]
    for sheet in book.rglob("*.css"):
        for address in css_loads(sheet.read_text(encoding="utf-8")):
            if is_external(address):
                outside.append(f"{sheet.relative_to(book)}: {address}")
    assert outside == []


def test_everything_loaded_is_there(book: Path, pages: list[Path]) -> None:
    absent = [
        f"{page.relative_to(book)}: {address}"
        for page in pages
        for address in loads(page)
        if not address.startswith("#") and not target(page, address)[0].exists()
    ]
    assert absent == []


def test_links_and_anchors_lead_somewhere(book: Path, pages: list[Path]) -> None:
    broken, followed = [], 0
    for page in pages:
        for one in elements(page, "a"):
            address = one["href"]
            if not address or is_external(address):
                continue
            followed += 1
            file, anchor = target(page, address)
            lost = not file.exists() or (
                anchor and file.suffix == ".html" and anchor not in ids(file)
            )
            if lost:
                broken.append(f"{where(page, book, one.line)} {address}")
    assert broken == []
    assert followed > 100


def test_ids_are_unique(book: Path, pages: list[Path]) -> None:
    # The theme writes the search field and the table of contents twice; what we write must not be.
    for page in pages:
        seen = [one["id"] for one in elements(page) if re.match(r"quiz-|u[0-9a-f]{8}-", one["id"])]
        assert len(seen) == len(set(seen)), page.relative_to(book)


def test_pages_say_what_they_are(pages: list[Path]) -> None:
    for page in pages:
        if page.name in ("search.html", "genindex.html", "prf-prf.html"):
            continue
        metas = {one["name"]: one["content"] for one in elements(page, "meta")}
        assert len(metas.get("description", "")) > 50, page
        assert any(one["rel"] == "icon" for one in elements(page, "link")), page


def test_mathematics_is_in_the_pages(book: Path, pages: list[Path]) -> None:
    formulas = 0
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert "katex-error" not in text, page
        assert not re.search(r"<script[^>]*mathjax|window\.MathJax", text), page
        for one in elements(page):
            formulas += one["class"].split()[:1] == ["katex"]
        raw = len(re.findall(r'class="math[ "][^>]*>(?!\s*<span class="katex)', text))
        assert raw == 0, f"{page.relative_to(book)} has {raw} formulas that were not rendered"
    assert formulas > 100


def test_no_text_is_left_in_tex(pages: list[Path]) -> None:
    """A dollar sign or a role that MyST did not understand stays in the text of the page."""
    for page in pages:
        text = re.sub(
            r"<(script|style|pre|code|annotation|title)\b.*?</\1>",
            "",
            page.read_text(encoding="utf-8"),
            flags=re.DOTALL,
        )
        assert not re.search(r"\$[^$<\n]*\\[a-z]+[^$<\n]*\$|\{(eq|ref|cite|numref|doc)\}`", text), (
            page
        )


def test_displayed_derivatives_are_compared_with_autograd(book: Path) -> None:
    labels = 0
    for chapter in CHAPTERS:
        source = chapter.read_text(encoding="utf-8")
        assert gradcheck.unchecked(source) == [], chapter.name
        page = book / "chapters" / f"{chapter.stem}.html"
        for label in gradcheck.labels(source):
            labels += 1
            assert f"equation-{label}" in ids(page), f"{label} is not a numbered equation"
            outputs = page.read_text(encoding="utf-8")
            assert re.search(rf"{label}\s+max \|difference\|[^\n]*ok", outputs), label
    assert labels > 0
    intro = re.sub(r"<[^>]+>", "", (book / "intro.html").read_text(encoding="utf-8"))
    assert f"{labels} displayed derivatives" in " ".join(intro.split())


def test_references_are_sorted_and_each_is_cited() -> None:
    keys = re.findall(
        r"^@\w+\{([^,]+),", (ROOT / "book" / "references.bib").read_text(), re.MULTILINE
    )
    assert keys == sorted(set(keys))
    text = "".join(file.read_text() for file in (ROOT / "book").rglob("*.md"))
    cited = {
        key.strip()
        for group in re.findall(r"\{cite[:a-z]*\}`([^`]+)`", text)
        for key in group.split(",")
    }
    assert cited == set(keys)


def test_katex_script_style_and_fonts_are_of_one_version(book: Path) -> None:
    vendor = ROOT / "book" / "_vendor" / "katex"
    script = (vendor / "katex.min.js").read_text(encoding="utf-8")
    style = (vendor / "static" / "katex" / "katex.min.css").read_text(encoding="utf-8")
    version = re.search(r'katex-version:after\{content:"([\d.]+)"', style)[1]
    assert f'version:"{version}"' in script or f'"{version}"' in script
    for font in css_loads(style):
        assert font.endswith(".woff2")
        assert (book / "_static" / "katex" / font).exists()


def test_icons_in_use_are_in_the_cut_fonts(book: Path) -> None:
    from fontTools.ttLib import TTFont
    from icon_subset import characters_in_use

    texts = [page.read_text(encoding="utf-8") for page in book.glob("*.html")]
    styles = [css.read_text(encoding="utf-8") for css in book.rglob("*.css")]
    wanted = characters_in_use(texts, [], styles)
    have = set()
    for font in book.glob("_static/vendor/fontawesome/webfonts/*.woff2"):
        have |= set(TTFont(font).getBestCmap())
        assert font.stat().st_size < 20_000
    assert 0xF0C9 in wanted  # the three bars that open the menu
    icons = {code for code in wanted if 0xE000 <= code <= 0xF8FF}
    assert icons <= have


def test_page_reader_sees_what_it_should(tmp_path: Path) -> None:
    """The tests above would pass with a reader that sees nothing."""
    page = tmp_path / "page.html"
    page.write_text(
        '<style>a{b:url("https://x.org/f.woff2")}</style><p style="c:url(d.png)">'
        '<i aria-hidden="true"><img src="e.png, f.png 2x"><b/></i><img src="data:g,h"><svg/>'
    )
    assert loads(page) == ["e.png", "f.png", "https://x.org/f.woff2", "d.png"]
    assert [(one.tag, one.hidden) for one in elements(page, "img", "svg")] == [
        ("img", True),
        ("img", False),
        ("svg", False),
    ]
    assert is_external("//cdn.example/x.js")
    assert is_external("https://cdn.example/x.js")
    assert not is_external("../x.js#y")
