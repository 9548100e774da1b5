"""The page of one student: what it says, what it must not say, and that nbgrader makes the same."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pages_sample as sample
import pytest
from nbgrader.api import Gradebook

from autograder import feedback, html
from autograder.course import Course, CourseError
from autograder.results import Result
from unrolled.exercise import load
from unrolled.verdict import Match, Row, Verdict


class Text(HTMLParser):
    """The text, the ids and the links of a page."""

    def __init__(self, page: str):
        super().__init__()
        self.parts, self.ids, self.links, self.tags, self.skip = [], [], [], [], False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        values = dict(attrs)
        self.skip = tag == "style"
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values["href"]] if "href" in values else []

    def handle_endtag(self, tag):
        self.skip = False
        self.parts.append(" " if tag in ("td", "th", "li", "p", "strong") else "")

    def handle_data(self, data):
        if not self.skip:
            self.parts.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.parts).split())


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Course:
    return sample.make_class(tmp_path_factory.mktemp("class"))


@pytest.fixture(scope="module")
def pages(course) -> dict[str, str]:
    paths = feedback.write_feedback(course, sample.ASSIGNMENT)
    return {p.parts[-3]: p.read_text(encoding="utf-8") for p in paths}


def test_every_student_with_a_record_gets_a_page(course, pages):
    assert set(pages) == {*sample.CLASS, "ivan", "jo"}
    assert (course.feedback / "ada/a1_rnn/a1_rnn.html").stat().st_mode & 0o777 == 0o644


def test_only_the_named_students(course):
    assert [p.parts[-3] for p in feedback.write_feedback(course, "a1_rnn", ["bela"])] == ["bela"]
    with pytest.raises(FileNotFoundError, match="nobody"):
        feedback.write_feedback(course, "a1_rnn", ["nobody"])
    with pytest.raises(FileNotFoundError, match=r"Run: course --root \S+ grade \w+"):
        feedback.write_feedback(course, "a9_none")


def test_points_outcomes_hint_and_link(pages):
    page = Text(pages["bela"])
    full = sum(e.points for e in load("a1_rnn").values())
    points = full - 6 - 2.5
    assert f"{points:g} of {full + sample.WRITTEN_POINTS:g} points so far" in page.text
    assert "rnn_backward ✗ not right yet 0 of 6" in page.text
    assert "temporal_softmax_loss ◐ partly right 2.5 of 5" in page.text
    assert page.text.count(sample.MISTAKES["rnn_backward"].hint) == 1
    assert "Read chapter 3: two children" in page.text
    assert "../../../../_build/html/chapters/03-bptt.html#two-children" in page.links


def test_anchors_of_the_summary_exist_once(pages):
    for page in map(Text, pages.values()):
        assert len(page.ids) == len(set(page.ids))
        assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)


def test_a_written_answer_waits_or_has_its_mark_and_comment(pages):
    waiting, marked = Text(pages["bela"]), Text(pages["ada"])
    assert "bptt_in_words (6 points) waits for a person" in waiting.text
    assert "bptt_in_words ? waits for a person – of 6" in waiting.text
    assert "waits for a person" not in marked.text
    assert "bptt_in_words ✎ marked by a person 5.5 of 6" in marked.text
    assert "Say also what happens for long sequences." in marked.text


def test_a_mark_set_by_a_person_goes_before_the_graders(tmp_path):
    course = sample.make_class(tmp_path)
    with Gradebook(course.gradebook_url) as book:
        grade = book.find_grade("check_rnn_backward", "a1_rnn", "a1_rnn", "bela")
        grade.manual_score = 3.5
        book.db.commit()
    (path,) = feedback.write_feedback(course, "a1_rnn", ["bela"])
    page = Text(path.read_text(encoding="utf-8"))
    assert "A person set this mark; the grader had given 0." in page.text
    assert "29 of 40 points so far" in page.text


def test_without_a_gradebook_written_answers_wait(tmp_path):
    course = sample.make_class(tmp_path)
    course.gradebook.unlink()
    (path,) = feedback.write_feedback(course, "a1_rnn", ["ada"])
    assert "waits for a person" in Text(path.read_text(encoding="utf-8")).text
    assert not course.gradebook.exists()


def test_notes_and_statuses(pages):
    assert "The locked cell setup had been changed" in Text(pages["chen"]).text
    assert "Your instructor will look at this" in Text(pages["hana"]).text
    assert "The submitted notebook could not be read" in Text(pages["ivan"]).text
    assert "ends within a string" in Text(pages["ivan"]).text
    assert "No notebook was found" in Text(pages["jo"]).text


def test_the_page_holds_no_seed_no_path_and_no_other_student(pages):
    for student, page in pages.items():
        assert str(sample.SECRET_SEED) not in page
        assert "judge.py" not in page
        assert "/srv/" not in page
        assert "output of a check cell" not in page
        for other in set(pages) - {student, "jo", "ada"}:  # "jo" is part of other words
            assert other not in Text(page).text
        assert "<script" not in page


def test_the_notebook_is_shown(pages):
    text = Text(pages["ada"]).text
    assert "def rnn_step_forward(x, prev_h, Wx, Wh, b):" in text
    assert '<span class="hl-k">def</span>' in pages["ada"]
    assert "100%|##########" in text
    assert " 10%|#" not in text
    assert "loss 0.12" in text
    assert "\x1b" not in pages["ada"]
    assert "[32m" not in text
    assert 'src="data:image/png;base64,' in pages["ada"]
    assert "<Figure size" not in text
    places = "at line 3 of the cell, then line 12 in train"
    assert f"ValueError: shapes (3,4) and (5,6) not aligned {places}" in text
    assert "<math" in pages["ada"]


def test_an_unreadable_record_gives_a_page_that_says_so(tmp_path):
    course = sample.make_class(tmp_path)
    path = course.records / "a1_rnn" / "ada.json"
    for text in ("{", "[]", "null", '{"student": "ada"}', path.read_text().replace("ada", "bob")):
        path.write_text(text, encoding="utf-8")
        (written,) = feedback.write_feedback(course, "a1_rnn", ["ada"])
        page = Text(written.read_text(encoding="utf-8"))
        assert "The result of grading could not be read" in page.text
        assert "def rnn_step_forward" in page.text


def test_a_gradebook_of_another_version_is_explained(tmp_path):
    course = sample.make_class(tmp_path)
    with closing(sqlite3.connect(course.gradebook)) as db:
        db.execute("UPDATE alembic_version SET version_num = 'old'")
        db.commit()
    with pytest.raises(CourseError, match="nbgrader db upgrade"):
        feedback.write_feedback(course, "a1_rnn", ["ada"])


def test_a_damaged_notebook_leaves_the_verdicts(tmp_path):
    course = sample.make_class(tmp_path)
    path = course.autograded / "bela/a1_rnn/a1_rnn.ipynb"
    path.write_text(path.read_text(encoding="utf-8")[:1000], encoding="utf-8")
    (written,) = feedback.write_feedback(course, "a1_rnn", ["bela"])
    page = Text(written.read_text(encoding="utf-8"))
    assert "rnn_backward ✗ not right yet 0 of 6" in page.text
    assert sample.MISTAKES["rnn_backward"].hint in page.text


def test_the_same_record_gives_the_same_page(course, pages):
    (path,) = feedback.write_feedback(course, "a1_rnn", ["élise"])
    assert path.read_text(encoding="utf-8") == pages["élise"]


def test_nbgrader_makes_the_same_pages(course, pages):
    """Through nbgrader's own command line, with the configuration that a course has."""
    config = course.grading / "nbgrader_config.py"
    config.write_text(
        "from pathlib import Path\n"
        "from autograder.course import Course\n"
        "from autograder.feedback import configure\n"
        "c = get_config()\n"
        f"configure(c, Course(Path({str(course.root)!r})))\n"
        f"c.CourseDirectory.root = {str(course.grading)!r}\n"
        "c.CourseDirectory.feedback_directory = 'by_nbgrader'\n",
        encoding="utf-8",
    )
    bin_folder = str(Path(sys.executable).parent)
    env = {**os.environ, "PATH": bin_folder + os.pathsep + os.environ["PATH"]}
    subprocess.run(
        [sys.executable, "-m", "nbgrader", "generate_feedback", "a1_rnn"],
        cwd=course.grading,
        env=env,
        check=True,
        capture_output=True,
        timeout=120,
    )
    for student in sample.CLASS:
        path = course.grading / "by_nbgrader" / student / "a1_rnn" / "a1_rnn.html"
        assert path.read_text(encoding="utf-8") == pages[student]


# --- parts ----------------------------------------------------------------------------------------


def test_the_table_has_one_line_per_result():
    rows = (
        Row("random", "dx", "(2, 3)", 1e-16, True),
        Row("one step", "dx", "(2, 3)", 3e-16, True),
        Row("random", "dW", "(3, 4)", 1e-16, True),
        Row("one step", "dW", "(3, 4)", 0.5, False, "is transposed"),
        Row("", "arguments", "", None, False, "x was written into"),
    )
    lines = feedback.output_lines(Verdict("f", 1, 2, "partial", "", rows))
    assert [(li.row.output, li.right, li.cases, li.row.error) for li in lines] == [
        ("dx", 2, 2, 3e-16),
        ("dW", 1, 2, 0.5),
        ("arguments", 0, 1, None),
    ]
    assert [li.note for li in lines] == [
        "right",
        "is transposed (case: one step)",
        "x was written into",
    ]


def test_a_failure_is_told_once():
    message = "f stopped with NameError: name 'y' is not defined."
    failed = tuple(Row(case, "out", "", None, False, message) for case in ("a", "b"))
    assert feedback.output_lines(Verdict("f", 0, 2, "error", message, failed)) == []
    partly = (Row("main", "out", "(2,)", 0.0, True), *failed)
    (line,) = feedback.output_lines(Verdict("f", 1, 2, "partial", message, partly))
    assert (line.right, line.cases, line.note) == (1, 3, "gave no result (case: a)")


def test_a_failure_of_an_earlier_function_gives_no_table():
    rows = tuple(Row(c, "dx", "", None, False, "g is not implemented yet.") for c in "ab")
    verdict = Verdict("f", 0, 2, "missing", "f is not implemented yet.", rows)
    assert feedback.output_lines(verdict) == []


def test_a_written_answer_left_empty_does_not_wait():
    empty = feedback.Mark(6.0, auto_score=0.0, manual_score=None, extra_credit=0.0, waits=False)
    assert feedback.written_item("w", 6.0, empty).outcome == "missing"
    waiting = feedback.Mark(6.0, None, None, 0.0, waits=True)
    assert feedback.written_item("w", 6.0, waiting).outcome == "waits"
    assert feedback.written_item("w", 6.0, waiting, graded=False).outcome == "missing"
    marked = feedback.Mark(6.0, None, 4.0, 0.5, waits=False)
    assert feedback.written_item("w", 6.0, marked).outcome == "marked"
    assert feedback.written_item("w", 6.0, marked).points == 4.5


def test_an_unreadable_submission_is_told_once():
    verdicts = tuple(Verdict(n, 0, 4, "missing", "The notebook cannot be read.") for n in "fg")
    result = Result("ada", "a1_rnn", "unreadable", verdicts, written=("w",))
    page = feedback.page_of([], result, feedback.Marks(), "ada", "a1_rnn", "")
    assert (page.listed, page.loose, page.cells, page.waiting) == (False, (), (), ())
    assert (page.points, page.max_points) == (0, 8)


def test_hints_are_not_repeated_in_the_message():
    match = Match("m", "On which side?", "chapters/02-vanilla-rnn.html#one-step")
    verdict = Verdict("f", 0, 1, "fail", "out is transposed. On which side?", (), (match,))
    assert feedback.message_without_hints(verdict) == "out is transposed."


def test_exercises_without_a_cell_are_shown_all_the_same():
    result = sample.make_result("ada", {}, np.random.default_rng(0))
    page = feedback.page_of([], result, feedback.Marks(), "ada", "a1_rnn", "")
    assert [i.name for i in page.loose] == [*load("a1_rnn"), sample.WRITTEN]


def test_late_penalty_is_taken_off():
    result = Result("ada", "a1_rnn", "graded", (Verdict("f", 3, 4, "partial", ""),))
    marks = feedback.Marks(late_penalty=1.0)
    page = feedback.page_of([], result, marks, "ada", "a1_rnn", "")
    assert (page.points, page.max_points) == (2.0, 4.0)


def test_outputs_stay_within_bounds():
    text = {"output_type": "stream", "name": "stdout", "text": "x" * 5_000_000}
    shown = feedback.outputs_of([text] * 3, feedback.Budget())
    assert sum(len(o.content) for o in shown) < feedback.MAX_TEXT + 200
    assert "4980000 more characters are left out" in shown[0].content
    many = [{"output_type": "execute_result", "data": {"text/plain": "1"}}] * 10_000
    assert (
        "9800 more outputs are left out" in feedback.outputs_of(many, feedback.Budget())[-1].content
    )
    picture = sample.make_png(np.random.default_rng(0))
    pictures = [{"output_type": "display_data", "data": {"image/png": picture}}] * 20
    kinds = [o.kind for o in feedback.outputs_of(pictures, feedback.Budget())]
    assert kinds.count("picture") == feedback.MAX_PICTURES


def test_the_book_is_where_the_configuration_says(tmp_path):
    course = Course(tmp_path)
    page = course.feedback / "ada" / "a1_rnn"
    assert html.book_url(course, page) == "../../../../_build/html/"
    (tmp_path / "_config.yml").write_text("html:\n  baseurl: https://example.org/book\n")
    assert html.book_url(course, page) == "https://example.org/book/"
    (tmp_path / "_config.yml").write_text("html:\n  baseurl: javascript:alert(1)\n")
    assert html.book_url(course, page) == "../../../../_build/html/"
