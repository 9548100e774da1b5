"""Likeness: a renamed copy is found, what the class or the release has in common is not."""

from __future__ import annotations

import re

import numpy as np
import pytest

from autograder import report, similarity

RELEASE = {
    "forward": 'def forward(x, w, b):\n    """One step."""\n    # YOUR CODE HERE\n'
    "    raise NotImplementedError()\n",
    "given": "def given(a, b, c):\n    total = a * b - c / (a + b)\n"
    "    pieces = [total, a - b, b - c, c - a]\n"
    "    while len(pieces) < 9:\n        pieces.append(pieces[-1] ** 2 - total)\n"
    "    if not pieces or pieces[0] > pieces[1] + 4:\n        del pieces[2:5], pieces[0]\n"
    "    counts = {p: pieces.count(p) for p in set(pieces)}\n"
    "    return sum(pieces) / max(pieces)\n",
}
IDIOMS = (
    "out = np.zeros((len(x), 3))",
    "acc = sum(p * q for p, q in zip(x, w)) / (n - 1)",
    "x = x - x.max(axis=1, keepdims=True)",
    "out[range(n), w] -= 1",
    "assert n >= 2 and not (b or w), x",
)


def expression(rng: np.random.Generator, depth: int = 4) -> str:
    """A random expression: what two of them share is chance."""
    if depth == 0:
        return str(rng.choice(["x", "w", "b", "acc", "2", "7"]))
    a, b = expression(rng, depth - 1), expression(rng, depth - 1)
    forms = (f"({a} {rng.choice(list('+-*/@%'))} {b})", f"[{a}, {b}]", f"np.sum({a}, {b})")
    return forms[rng.choice(3, p=[0.7, 0.1, 0.2])]


def own(rng: np.random.Generator) -> str:
    """A function of what everybody writes and of what only this one does."""
    body = [f"acc = {expression(rng)}" for _ in range(5)]
    body += [IDIOMS[i] for i in rng.permutation(len(IDIOMS))[:4]]
    body = [body[i] for i in rng.permutation(len(body))]
    return "def forward(x, w, b):\n    " + "\n    ".join(body) + "\n    return out\n"


def renamed(source: str) -> str:
    """The same code with other names, comments and strings."""
    for old, new in {"x": "inputs", "w": "matrix", "b": "offset", "acc": "z", "out": "res"}.items():
        source = re.sub(rf"\b{old}\b", new, source)
    head, rest = source.split("\n", 1)
    return f'{head}\n    "my own words"\n\n    # all of it mine\n{rest}'.replace(
        "k += 1", "k  +=  1"
    )


def make_class(students: int, seed: int = 5) -> dict[str, dict[str, str]]:
    rng = np.random.default_rng(seed)
    return {f"s{n:03}": {**RELEASE, "forward": own(rng)} for n in range(students)}


def with_copy(students: int = 25) -> dict[str, dict[str, str]]:
    answers = make_class(students)
    answers["copy"] = {**RELEASE, "forward": renamed(answers["s007"]["forward"])}
    return answers


def test_names_comments_strings_and_spaces_do_not_hide_a_copy():
    found = similarity.compare(with_copy(), RELEASE)
    assert [p.students for p in found.pairs] == [("copy", "s007")]
    (pair,) = found.pairs
    assert pair.share > 0.7
    assert pair.shared >= found.fence > found.usual
    assert found.closest["copy"] == pair.shared


def test_a_class_without_a_copy_has_no_pair():
    assert similarity.compare(make_class(26), RELEASE).pairs == ()


def test_what_many_write_is_no_likeness():
    answers = make_class(25)
    for n in range(12):
        answers[f"s{n:03}"] = dict(answers["s000"])
    found = similarity.compare(answers, RELEASE)
    assert found.pairs == ()
    assert found.limit == 2


def test_what_the_release_holds_counts_for_nothing():
    answers = {f"s{n}": {"forward": own(np.random.default_rng(n))} for n in range(12)}
    for student in ("s3", "s4"):
        answers[student] = {**answers[student], "given": RELEASE["given"]}
    assert similarity.compare(answers, RELEASE).pairs == ()
    assert [p.students for p in similarity.compare(answers, {}).pairs] == [("s3", "s4")]


def test_a_copy_in_another_cell_is_found():
    answers = with_copy()
    answers["copy"] = {"backward": answers["copy"]["forward"]}
    assert [p.students for p in similarity.compare(answers, RELEASE).pairs] == [("copy", "s007")]


def test_the_two_sides_show_the_lines_that_are_alike():
    answers = with_copy()
    answers["copy"]["forward"] += "\n\ndef quite_other(p):\n    del p[3]; yield from p\n"
    (pair,) = similarity.compare(answers, RELEASE).pairs
    copy, first = similarity.sides(pair, answers)
    assert (copy.student, first.student) == ("copy", "s007")
    assert list(copy.cells) == list(first.cells) == ["forward"]
    lines = copy.cells["forward"].split("\n")
    alike = {n for p in copy.passages["forward"] for n in range(p.first, p.last + 1)}
    body = {n for n, line in enumerate(lines, 1) if 5 <= n <= lines.index("    return res")}
    assert len(alike & body) > 0.8 * len(body)
    other = {n for n, line in enumerate(lines, 1) if "quite_other" in line or "yield" in line}
    assert not alike & other


def test_lines_of_the_source_are_found_again():
    source = 'class Net(Base):\n    """Two\n    lines."""\n\n    # note\n    size = 3\n'
    source += "    def f(self):\n"
    text = similarity.normalise(source)
    assert sorted(set(text.lines.tolist())) == [0, 1, 5, 6]
    assert (np.diff(text.lines) >= 0).all()
    assert len(text.runs) == len(text.lines) - similarity.RUN + 1


@pytest.mark.parametrize("source", ["", "\n", "x", "def (((\x00 '''", "\u202e\ud800 = 'a\n" * 9])
def test_what_is_no_python_is_compared_too(source):
    answers = {**with_copy(), "odd": {"forward": source}, "none": {}}
    found = similarity.compare(answers, RELEASE)
    assert [p.students for p in found.pairs] == [("copy", "s007")]
    assert similarity.passages_of(source, found.pairs[0].common) == ()


@pytest.mark.parametrize("answers", [{}, {"one": {"forward": IDIOMS[0]}}])
def test_nobody_to_compare(answers):
    assert similarity.compare(answers, RELEASE).pairs == ()


def test_the_same_class_in_another_order_gives_the_same():
    answers = with_copy()
    turned = dict(reversed(answers.items()))
    assert similarity.compare(answers, RELEASE) == similarity.compare(turned, RELEASE)


def test_only_answer_cells_are_compared():
    def cell(kind="code", **meta):
        return {"cell_type": kind, "source": "a\r\nb", "metadata": {"nbgrader": meta}}

    cells = [
        cell(grade_id="f", solution=True),
        cell(grade_id="check_f", grade=True),
        cell(grade_id="words", kind="markdown", solution=True, grade=True),
        {"cell_type": "code", "source": "own", "metadata": {}},
    ]
    assert similarity.answers_of({"cells": cells}) == {"f": "a\nb"}


def test_marked_lines_are_markup_and_everything_else_is_text():
    source = "a = '<b>'\nb = 2\n<script>\n"
    marked = report.marked(source, [similarity.Passage(2, 3)])
    lines = marked.split("\n")
    assert [line.startswith('<span class="line same">') for line in lines] == [False, True, True]
    assert "<script" not in marked
    assert "<b>" not in marked
