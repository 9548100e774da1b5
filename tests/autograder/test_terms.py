"""Due dates, lateness and extensions: the file, the arithmetic, the gradebook."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from classroom import ASSIGNMENT, hand_in

from autograder import cli, gradebook, terms
from autograder.grade import grade_class
from autograder.terms import Terms, TermsError, read_terms

FILE = """
timezone = "Europe/Berlin"

[late]
grace_minutes = 10
per_day = 0.1
most_days = 3

[due]
a1 = 2026-12-01T23:59:00

[extensions.a1]
"jane doe" = 2026-12-08T23:59:00
jim = 2026-12-02T12:00:00Z
"""
DUE = datetime(2026, 12, 1, 22, 59)


@pytest.fixture
def course_with(course):
    def write(text=FILE):
        (course.grading / "course.toml").write_text(text, "utf-8")
        return course

    return write


def test_times_are_read_in_the_zone_of_the_file(course_with):
    found = read_terms(course_with(), ["a1"])
    assert found.due == {"a1": DUE}
    assert found.extensions["a1"] == {
        "jane doe": datetime(2026, 12, 8, 22, 59),
        "jim": datetime(2026, 12, 2, 12, 0),
    }
    assert found.due_for("a1", "jim") == datetime(2026, 12, 2, 12, 0)
    assert found.due_for("a2", "jim") is None


@pytest.mark.parametrize(
    ("late", "days", "share"),
    [
        (timedelta(minutes=-1), 0, 0.0),
        (timedelta(minutes=10), 0, 0.0),
        (timedelta(minutes=11), 1, 0.1),
        (timedelta(days=1), 1, 0.1),
        (timedelta(days=1, seconds=1), 2, 0.2),
        (timedelta(days=3), 3, 0.3),
        (timedelta(days=3, seconds=1), 4, 1.0),
    ],
)
def test_started_days_count(course_with, late, days, share):
    found = read_terms(course_with(), ["a1"])
    assert found.days_late("a1", "somebody", DUE + late) == days
    assert found.penalty("a1", "somebody", DUE + late) == pytest.approx(share)
    assert found.penalty("a1", "jane doe", DUE + late) == 0
    assert found.penalty("a1", "somebody", None) == 0
    assert Terms(due={"a1": DUE}, per_day=0.5).penalty("a1", "x", DUE + timedelta(days=9)) == 1


@pytest.mark.parametrize(
    ("find", "replace", "words"),
    [
        ('"Europe/Berlin"', '"Berlin"', "line 2: `timezone` is no time zone; it is written like"),
        ("per_day = 0.1", "per_day = 10", "line 6: `per_day` must be a number from 0 to 1"),
        ("per_day = 0.1", "per_day = true", "line 6: `per_day` must be a number"),
        ("most_days", "max_days", "line 7: `max_days` is not known; it may be grace_minutes, per"),
        ("a1 = 2026", "a7 = 2026", "line 10: `a7` is not known; it may be a1"),
        ("T12:00:00Z", "", "line 14: `jim` must be a date with a time"),
        ("[extensions.a1]", "[extensions.b1]", "line 12: `b1` is not known; it may be a1"),
        ("[late]", "[late", "course.toml: Expected"),
        ('timezone = "Europe/Berlin"', "extensions.a1 = 3", "`a1` must be a table of its own"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_line(course_with, find, replace, words):
    assert FILE.count(find) == 1
    text = FILE.replace(find, replace)
    if "extensions.a1 = 3" in text:
        text = text.partition("[extensions")[0]
    with pytest.raises(TermsError) as found:
        read_terms(course_with(text), ["a1"])
    assert words in str(found.value)


def test_a_file_that_is_not_utf_8_is_named_with_its_line(course_with):
    course = course_with()
    (course.grading / "course.toml").write_bytes("[due]\n# für alle\n".encode("latin-1"))
    with pytest.raises(TermsError, match=r"course\.toml, line 2: not UTF-8"):
        read_terms(course, ["a1"])


def test_an_extension_for_somebody_unknown_is_shown_as_such(course_with, monkeypatch, capsys):
    course = course_with()
    (course.grading / "roster.csv").write_text("id,name\njim,Jim\n")
    monkeypatch.setattr(terms.source, "assignments", lambda: [ASSIGNMENT])
    assert cli.main(["--root", str(course.root), "dates"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [x.split()[0] for x in lines if x.endswith("not in the roster")] == ["jane"]
    (course.grading / "roster.csv").unlink()
    assert cli.main(["--root", str(course.root), "dates"]) == 0
    assert "not in the roster" not in capsys.readouterr().out


def penalties(course) -> dict[str, tuple]:
    with gradebook.open_gradebook(course) as book:
        return {
            s.student.id: (s.score, s.late_submission_penalty, s.extension)
            for s in book.assignment_submissions(ASSIGNMENT)
        }


def test_penalties_reach_the_gradebook_and_follow_the_file(
    course_with, fake_grader, monkeypatch, capsys
):
    monkeypatch.setattr(terms.source, "assignments", lambda: [ASSIGNMENT])
    course = course_with()
    stamps = {"ann": "2026-12-01 20:00:00 UTC", "bob": "2026-12-03 20:00:00 UTC"}
    for student, stamp in {**stamps, "jim": stamps["bob"], "cyd": ""}.items():
        folder = hand_in(course, student)
        if stamp:
            (folder / "timestamp.txt").write_text(stamp)
    grade_class(course, ASSIGNMENT, jobs=1, progress=False)
    found = penalties(course)
    score = found["ann"][0]
    assert score > 0
    assert {s: (x[1], x[2]) for s, x in found.items()} == {
        "ann": (0.0, None),
        "bob": (pytest.approx(0.2 * score), None),
        "jim": (pytest.approx(0.2 * score), timedelta(hours=13, minutes=1)),
        "cyd": (0.0, None),
    }
    course_with(FILE.replace("per_day = 0.1", "per_day = 0.25"))
    assert cli.main(["--root", str(course.root), "export"]) == 0
    assert penalties(course)["bob"][1] == pytest.approx(0.5 * score)
    line = next(x for x in (course.grading / "grades.csv").read_text().splitlines() if "bob" in x)
    assert f"{score},{0.5 * score},{0.5 * score}," in line
    capsys.readouterr()


def test_without_a_file_the_gradebook_keeps_its_own_dates(course, fake_grader):
    hand_in(course, "ann")
    grade_class(course, ASSIGNMENT, jobs=1, progress=False)
    with gradebook.open_gradebook(course) as book:
        book.update_or_create_assignment(ASSIGNMENT, duedate="2020-01-01 00:00:00 UTC")
        terms.update(course, book, ASSIGNMENT)
        assert book.find_assignment(ASSIGNMENT).duedate == datetime(2020, 1, 1)


def test_the_command_begins_a_file_once_and_shows_what_it_says(course, capsys, monkeypatch):
    monkeypatch.setattr(terms.source, "assignments", lambda: ["a1_rnn"])
    command = ["--root", str(course.root), "dates"]
    assert cli.main(command) == 0
    assert "Nothing is due" in capsys.readouterr().out
    assert cli.main([*command, "--init"]) == 0
    said = capsys.readouterr().out
    assert "a1_rnn               2026-12-01 22:59:00  1" in said
    assert "10% of the points a started day; later than 3 days costs all." in said
    path = course.grading / "course.toml"
    path.write_text(path.read_text().replace("0.10", "0.20"))
    cli.main([*command, "--init"])
    assert "20% of the points" in capsys.readouterr().out
