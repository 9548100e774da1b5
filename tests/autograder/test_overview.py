"""The page about the course: who may need help and why, what to explain again, how students do."""

from __future__ import annotations

import re
import sys
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pages_sample as sample
import pytest
from test_feedback import Text

from autograder import charts, collect, collected, concerns, overview
from autograder.course import Course, CourseError
from autograder.html import TEMPLATES
from autograder.items import Item
from autograder.report import write_report
from autograder.results import Result
from autograder.terms import Terms
from unrolled.verdict import Match, Verdict

sys.path.append(str(Path(__file__).parent.parent / "book"))
from browser import Browser

LINK = "chapters/03-bptt.html#two-children"
OTHER = "chapters/02-vanilla-rnn.html#one-step"


def result(student, assignment, points, links=(), status="graded") -> Result:
    matches = tuple(Match("name", "A hint.", link) for link in links)
    verdict = Verdict("f", points, 8.0, "partial", "", (), matches)
    return Result(student, assignment, status, (verdict,) if status == "graded" else ())


def results() -> dict[str, dict[str, Result]]:
    first = {
        "ann": result("ann", "a1", 8.0),
        "bob": result("bob", "a1", 3.5, [LINK]),
        "cem": result("cem", "a1", 4.0, [LINK, OTHER, LINK]),
        "dia": result("dia", "a1", 0.0, status="unreadable"),
    }
    second = {
        "ann": result("ann", "a2", 7.0, [OTHER]),
        "cem": result("cem", "a2", 6.0, [LINK]),
        "dia": result("dia", "a2", 0.0, status="missing"),
    }
    return {"a1": first, "a2": second}


def reasons(attempts=None, students=("ann", "bob", "cem", "dia", "eve"), damaged=()):
    found = concerns.concerns(results(), attempts or {}, students, damaged)
    return {c.student: c.reasons for c in found}


def test_every_rule_gives_its_reason():
    found = reasons({"a1": {"ann": 9}, "a2": {"ann": concerns.MANY}})
    assert found["ann"] == ("a2: 5 versions, and not everything is right.",)
    assert found["bob"] == ("a1: 3.5 of 8 points by the grader.", "a2: nothing was handed in.")
    assert found["cem"] == (
        "Mistakes in a1 and a2 that the same part of the book explains: chapter 3: two children.",
    )
    assert found["dia"] == (
        "a1: the submission could not be read.",
        "a2: nothing was handed in.",
    )
    assert found["eve"] == ("a1: nothing was handed in.", "a2: nothing was handed in.")
    assert list(found) == ["bob", "dia", "eve", "ann", "cem"]


def test_the_bounds_of_the_rules():
    assert "ann" not in reasons({"a2": {"ann": concerns.MANY - 1}})
    assert not any("4 of 8" in r for r in reasons()["cem"])


def test_of_a_damaged_record_nothing_is_said():
    found = reasons(damaged={("a1", "eve"), ("a2", "eve")})
    assert "eve" not in found
    assert "bob" in found


def test_sections_join_the_assignments():
    lines = overview.section_lines(results())
    assert [(li.link, li.everybody) for li in lines] == [
        (OTHER, ("ann", "cem")),
        (LINK, ("bob", "cem")),
    ]
    assert lines[1].students == {"a1": ("bob", "cem"), "a2": ("cem",)}


def test_the_spread_is_that_of_the_graded_ones():
    found = overview.spread("a1", results()["a1"])
    assert found.students == 3
    shares = [3.5 / 8, 0.5, 1.0]
    assert found.quartiles == pytest.approx(np.percentile(shares, [0, 25, 50, 75, 100]).tolist())
    assert found.words == "median 50%, half of them 47% to 75%, all 44% to 100%"
    assert overview.spread("a", {"dia": results()["a1"]["dia"]}) is None
    verdict = Verdict("f", 0.0, 8.0, "missing", "")
    others = {
        "ann": result("ann", "a", 8.0),
        "bob": Result("bob", "a", "unreadable", (verdict,)),
        "cem": Result("cem", "a", "graded", ()),
    }
    assert overview.spread("a", others).quartiles == (1.0, 1.0, 1.0, 1.0, 1.0)


def test_the_part_of_the_book_that_most_need_comes_first():
    graded = {s: result(s, "a1", 4.0, [LINK]) for s in ("ann", "bob")}
    graded["cem"] = result("cem", "a1", 4.0, [OTHER])
    assert [line.link for line in overview.section_lines({"a1": graded})] == [LINK, OTHER]


def test_a_course_of_which_no_record_can_be_read_has_a_page(tmp_path):
    course = Course(tmp_path)
    (course.records / "a1").mkdir(parents=True)
    (course.records / "a1" / "ann.json").write_text("{", encoding="utf-8")
    assert [item[:2] for item in overview.course_page(course).unreadable] == [("a1", "ann")]


def test_versions_handed_in_count_for_who_may_need_help(tmp_path):
    course = Course(tmp_path)
    sample.save(course, result("ann", "a1", 7.0))
    for n in range(concerns.MANY):
        collect.keep(course, "a1", "ann", str(n).encode(), "")
    (concern,) = overview.course_page(course).concerns
    assert concern.reasons == (f"a1: {concerns.MANY} versions, and not everything is right.",)


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Course:
    course = sample.make_class(tmp_path_factory.mktemp("course"))
    rng = np.random.default_rng(8)
    for student, right in {"ada": True, "bela": False, "zed": True}.items():
        done = sample.make_result(student, {} if right else {"rnn_backward": "fail"}, rng)
        sample.save(course, Result(student, "b2", "graded", done.exercises))
    (course.records / "b2" / "kim.json").write_text("{", encoding="utf-8")
    (course.grading / "roster.csv").write_text("id,name\nada,Ada\nxin,Xin\n", encoding="utf-8")
    return course


def test_the_page(course):
    path = overview.write_overview(course)
    assert path == course.grading / "reports" / "course.html"
    page = Text(path.read_text(encoding="utf-8"))
    assert "13 students 2 assignments graded" in page.text
    assert "b2, kim: kim.json" in page.text or "b2, kim:" in page.text
    assert "xin a1_rnn: nothing was handed in. b2: nothing was handed in." in page.text
    both = "Mistakes in a1_rnn and b2 that the same part of the book explains"
    assert f"bela {both}: chapter 3: two children." in page.text
    assert "../../_build/html/chapters/03-bptt.html#two-children" in page.links
    for rule in concerns.RULES:
        assert rule in page.text


def test_charts_can_be_reached_with_the_keyboard_and_say_what_they_show(course):
    text = overview.write_overview(course).read_text(encoding="utf-8")
    marks = re.findall(r'<input type="radio" name="Points of [^"]*" aria-label="([^"]*)"', text)
    assert [m.split(":")[0] for m in marks] == ["a1_rnn", "b2"]
    assert all("median" in m for m in marks)
    assert "<script" not in text
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', text)


def test_nothing_graded(tmp_path):
    with pytest.raises(FileNotFoundError, match="Nothing has been graded yet"):
        overview.write_overview(Course(tmp_path))


def test_a_roster_that_cannot_be_used(tmp_path):
    course = Course(tmp_path)
    sample.save(course, result("ann", "a1", 8.0))
    (course.grading / "roster.csv").write_text("name\nAnn\n", encoding="utf-8")
    with pytest.raises(CourseError, match=r"line 2: the column `id`"):
        overview.write_overview(course)


# --- hand-ins -------------------------------------------------------------------------------------

DUE = datetime(2026, 11, 20, 23, 59)


def test_versions_are_counted_once_each(tmp_path):
    course = Course(tmp_path)
    for data, when in ((b"one", "2026-11-18T10:00:00"), (b"two", "2026-11-19T10:00:00")):
        collect.keep(course, "a1", "ann", data, when)
    folder = course.submitted / "ann" / "a1"
    folder.mkdir(parents=True)
    (folder / "a1.ipynb").write_bytes(b"two")
    (folder / "timestamp.txt").write_text("2026-11-19 12:00:00 +0200")
    terms = Terms(due={"a1": DUE}, extensions={"a1": {"ann": DUE + timedelta(days=1)}})
    found = collected.hand_in(course, "a1", "ann", terms)
    assert (found.attempts, found.when) == (2, datetime(2026, 11, 19, 10))
    assert found.before_due == timedelta(days=2, hours=13, minutes=59)
    (folder / "a1.ipynb").write_bytes(b"three")
    assert collected.hand_in(course, "a1", "ann", terms).attempts == 3
    assert collected.hand_in(course, "a1", "bob", None) == collected.HandIn()


@pytest.mark.parametrize(
    ("hours", "label"),
    [
        (168, "> 7 days"),
        (167.9, "3–7 days"),
        (24, "1–3 days"),
        (6, "6–24 h"),
        (0, "last 6 h"),
        (-0.1, "late"),
        (-9999, "late"),
    ],
)
def test_times_before_the_due_date(hours, label):
    handed = [collected.HandIn(1, DUE - timedelta(hours=hours), DUE), collected.HandIn(1, DUE)]
    buckets = collected.timing(handed)
    assert {b.label: b.count for b in buckets if b.count} == {label: 1}


def test_no_times_no_chart():
    assert collected.timing([collected.HandIn(2), collected.HandIn(1, DUE)]) == ()


def press(browser: Browser, key: str) -> None:
    code = {"Tab": 9, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}[key]
    for kind in ("keyDown", "keyUp"):
        browser.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code)


FOCUS = "document.activeElement.getAttribute('aria-label') || ''"
SHOWN = """[...document.querySelectorAll('.tip')]
    .filter(t => getComputedStyle(t).visibility == 'visible').map(t => t.textContent).join('|')"""


def test_tab_goes_to_a_chart_and_arrow_keys_from_mark_to_mark(course):
    path = overview.write_overview(course)
    first, second = (f"{s.assignment}: {s.words}" for s in overview.course_page(course).spreads)
    with Browser() as browser:
        page = browser.visit(path.as_uri())
        seen = []
        while len(seen) < 20 and first not in seen:
            assert page.evaluate(SHOWN) == ""
            press(browser, "Tab")
            seen.append(page.evaluate(FOCUS))
        assert seen[-1] == page.evaluate(SHOWN) == first
        for key, there in (
            ("ArrowRight", second),
            ("ArrowLeft", first),
            ("ArrowDown", second),
            ("ArrowDown", first),
            ("ArrowUp", second),
        ):
            press(browser, key)
            assert page.evaluate(FOCUS) == page.evaluate(SHOWN) == there
        press(browser, "Tab")
        assert page.evaluate(SHOWN) == ""
        assert page.evaluate(FOCUS) not in (first, second)
        assert page.complaints == []


def point_at_every_mark(browser: Browser, page) -> int:
    """Point at the middle of each mark; its words have to show. Returns how many there are."""
    marks = page.evaluate("document.querySelectorAll('svg input').length")
    for n in range(marks):
        x, y, words = page.evaluate(
            f"""(() => {{
            const mark = document.querySelectorAll('.point')[{n}];
            const drawn = mark.querySelector('circle, .tone, .bar-plain, .box');
            drawn.scrollIntoView({{block: 'center', behavior: 'instant'}});
            const box = drawn.getBoundingClientRect();
            const words = mark.querySelector('input').ariaLabel;
            return [box.x + box.width / 2, box.y + box.height / 2, words];
            }})()"""
        )
        browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        assert page.evaluate(SHOWN) == words
    return marks


def test_every_mark_of_a_report_can_be_pointed_at(course, tmp_path):
    found = [Item("a", 30, 0.25, 0.5), Item("b", 30, 0.75, -0.1), Item("c", 30, 1.0, None)]
    style = (TEMPLATES / "page.css").read_text("utf-8")
    other = tmp_path / "scatter.html"
    other.write_text(f"<!doctype html><style>{style}</style>{charts.scatter(found)}", "utf-8")
    with Browser() as browser:
        assert point_at_every_mark(browser, browser.visit(other.as_uri())) == 2
        page = browser.visit(write_report(course, "a1_rnn").as_uri())
        assert point_at_every_mark(browser, page) > 20
        groups = "new Set([...document.querySelectorAll('svg input')].map(i => i.name)).size"
        assert page.evaluate(groups) == page.evaluate(
            "document.querySelectorAll('[role=radiogroup]').length"
        )
