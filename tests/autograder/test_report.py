"""The page about the class: the numbers in it are those of the records."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pages_sample as sample
import pytest
from nbgrader.api import Gradebook
from test_feedback import Text

from autograder import report
from autograder.course import Course
from autograder.feedback import OUTCOMES, write_feedback
from autograder.html import TEMPLATES
from autograder.results import Result
from unrolled.verdict import Verdict


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Course:
    course = sample.make_class(tmp_path_factory.mktemp("class"))
    write_feedback(course, "a1_rnn", list(sample.CLASS))
    (course.records / "a1_rnn" / "kim.json").write_text('{"student": ', encoding="utf-8")
    return course


@pytest.fixture(scope="module")
def page(course) -> Text:
    path = report.write_report(course, "a1_rnn")
    assert path == course.grading / "reports" / "a1_rnn.html"
    return Text(path.read_text(encoding="utf-8"))


def test_counts_of_statuses(page):
    assert "8 graded 1 unreadable 1 without a notebook" in page.text
    assert "3 to look at 7 written answers to mark" in page.text


def test_points_per_exercise(course):
    lines = {li.name: li for li in report.class_page(course, "a1_rnn").exercises}
    assert list(lines) == list(sample.OUTPUTS)
    counts = lines["rnn_backward"].counts
    assert counts == {"pass": 2, "partial": 0, "fail": 3, "error": 1, "timeout": 1, "missing": 1}
    assert lines["rnn_backward"].mean == pytest.approx(2 * 6 / 8)
    assert lines["temporal_softmax_loss"].mean == pytest.approx((5 * 5 + 2.5) / 8)


def test_misconceptions_by_how_many_have_them(course, page):
    lines = report.class_page(course, "a1_rnn").misconceptions
    assert [(m.name, m.students) for m in lines] == [
        ("only-the-output-gradient", ("bela", "dario", "élise")),
        ("transposed-recurrence", ("chen",)),
        ("mean-over-all-tokens", ("élise",)),
    ]
    assert sample.MISTAKES["rnn_backward"].hint in page.text
    assert "../../_build/html/chapters/03-bptt.html#two-children" in page.links


def test_who_needs_a_person_and_why(page):
    assert "kim no result The record of this submission cannot be read" in page.text
    assert "hana graded Two cells define rnn_forward; the first one was graded." in page.text
    assert "ivan unreadable The notebook is cut off" in page.text
    assert "1 submission was repaired or noted without a question" in page.text


def test_students_with_a_link_to_their_feedback(course, page):
    assert "ada graded 39.5 of 40" in page.text
    assert "bela graded 25.5 of 40" in page.text
    links = [li for li in page.links if li.startswith("../feedback/")]
    assert len(set(links)) == len(sample.CLASS)
    assert "../feedback/%C3%A9lise/a1_rnn/a1_rnn.html" in links
    assert (course.grading / "reports" / "../feedback/ada/a1_rnn/a1_rnn.html").is_file()


def test_outcomes_are_told_without_colour(course, page):
    text = (course.grading / "reports" / "a1_rnn.html").read_text(encoding="utf-8")
    assert 'aria-label="rnn_backward: took too long"' in text
    signs = [sign for sign, _ in OUTCOMES.values()]
    assert len(set(signs)) == len(signs)


def test_a_gradebook_that_disagrees_needs_a_person(tmp_path):
    course = sample.make_class(tmp_path)
    with Gradebook(course.gradebook_url) as book:
        book.find_grade("check_rnn_forward", "a1_rnn", "a1_rnn", "ada").auto_score = 1.0
        book.db.commit()
    human = {s.student: s.notes for s in report.class_page(course, "a1_rnn").human}
    assert "holds 1 points for `rnn_forward`, the record 4" in human["ada"][0]


def test_several_sets_of_checks_are_pointed_out(tmp_path):
    course = sample.make_class(tmp_path)
    rng = np.random.default_rng(3)
    sample.save(course, sample.make_result("lea", {}, rng, bank_hash="c" * 64))
    path = report.write_report(course, "a1_rnn")
    assert "graded with 2 different sets of checks" in Text(path.read_text(encoding="utf-8")).text


def test_nothing_graded(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"Run: course --root \S+ grade "):
        report.write_report(Course(tmp_path), "a1_rnn")


def test_a_class_of_nothing_but_unreadable_records(tmp_path):
    course = Course(tmp_path)
    folder = course.records / "a1_rnn"
    folder.mkdir(parents=True)
    for name, text in {"a": "", "b": "[1]", "c": '{"exercises": 3}', "d": "\x00"}.items():
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    (folder / "e.json").write_bytes(b"\xff\xfe")
    text = Text(report.write_report(course, "a1_rnn").read_text(encoding="utf-8")).text
    assert "0 graded" in text
    assert text.count("The record of this submission cannot be read") == 5


@pytest.mark.parametrize("top", [1.0, 4.0, 7.5, 34.0, 100.0, 120.0, 1000.0])
def test_the_histogram_counts_every_score_once(top):
    scores = np.random.default_rng(5).uniform(0, top, 200).round(2).tolist()
    bins = report.histogram([0.0, top, *scores], top)
    assert sum(b.count for b in bins) == 202
    assert (bins[0].low, bins[-1].high) == (0.0, top)
    assert 1 < len(bins) <= report.BINS
    for b in bins[:-1]:
        assert b.count == sum(b.low <= s < b.high for s in [0.0, top, *scores])


def test_the_words_of_a_bin_say_where_it_ends():
    words = [b.words for b in report.histogram([1.0], 7.5)]
    assert (words[0], words[-1]) == ("0 to below 1", "7 to 7.5")


def test_the_histogram_without_points():
    assert report.histogram([0.0], 0.0) == ()


def test_a_missing_exercise_in_one_record_does_not_reorder_the_others():
    def graded(*names):
        return Result("s", "a", "graded", tuple(Verdict(n, 1, 1, "pass", "") for n in names))

    lines = report.exercise_lines([graded("b"), graded("c", "b", "a")])
    assert [li.name for li in lines] == ["c", "b", "a"]


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_text_has_enough_contrast_light_and_dark():
    css = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    schemes = re.findall(r":root \{([^}]*--page[^}]*)\}", css)
    assert len(schemes) == 2
    for scheme in schemes:
        colours = dict(re.findall(r"--([\w-]+): (#\w{6})", scheme))
        for name in set(colours) - {"page", "panel", "line", "hint", "hint-line"}:
            for ground in ("page", "panel"):
                assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
        for name in ("ink", "muted", "link"):
            assert contrast(colours[name], colours["hint"]) >= 4.5, name


def test_tables_have_headers_and_headings_have_no_gaps(course, page):
    text = (course.grading / "reports" / "a1_rnn.html").read_text(encoding="utf-8")
    assert not re.search(r"<th(?! scope=)[ >]", text)
    levels = [int(n) for n in re.findall(r"<h([1-6])", text)]
    assert levels[0] == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))
    assert all(
        'role="radiogroup"' in s or 'aria-hidden="true"' in s
        for s in re.findall("<svg[^>]*>", text)
    )
