"""Whose mark changes, from what to what, and why; a dry run writes nothing."""

from __future__ import annotations

import dataclasses
import shutil

import notebooks as nb
import pytest
from classroom import ASSIGNMENT, VERSIONS, grade_by_looks, hand_in

from autograder import grade, regrade, source
from autograder.cli import main
from autograder.grade import grade_class
from autograder.judge import versions


@pytest.fixture
def graded(course, fake_grader, monkeypatch):
    """Two students graded; from then on the checks are others and ``step`` counts half."""
    hand_in(course, "alice")
    hand_in(course, "bob", nb.make_release())
    course.secret()
    grade_class(course, ASSIGNMENT, progress=False)
    fake_grader.clear()
    monkeypatch.chdir(course.root)
    return course


@pytest.fixture
def other_checks(graded, monkeypatch):
    def outcomes(jobs, count, scheduler):
        for job in jobs:
            result = grade_by_looks(job)
            first = result.exercises[0]
            if first.points:
                first = dataclasses.replace(first, points=2.0, outcome="partial")
            exercises = (first, *result.exercises[1:])
            yield job, dataclasses.replace(result, exercises=exercises, bank_hash="bank-two")

    monkeypatch.setattr(grade, "outcomes", outcomes)
    monkeypatch.setattr(grade.source, "bank_hash", lambda assignment: "bank-two")


def files(course):
    return {
        p: (p.stat().st_mtime_ns, p.read_bytes()) for p in course.root.rglob("*") if p.is_file()
    }


def test_nothing_to_do(graded, fake_grader, capsys):
    before = files(graded)
    assert main(["regrade", ASSIGNMENT, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert said == "0 submissions graded again, 0 marks would change. Nothing was written.\n"
    assert fake_grader == []
    assert main(["regrade", ASSIGNMENT, "--dry-run", "--force"]) == 0
    assert "2 submissions graded again, 0 marks would change." in capsys.readouterr().out
    assert files(graded) == before


@pytest.mark.usefixtures("other_checks")
def test_a_dry_run_says_whose_mark_would_change_and_writes_nothing(graded, capsys):
    before = files(graded)
    assert main(["regrade", ASSIGNMENT, "--dry-run"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "alice: 15 of 15 -> 13 of 15",
        "    step: pass, 4 of 4 -> partial, 2 of 4",
        "    because the checks changed (bank to bank-two)",
        "2 submissions graded again, 1 mark would change. Nothing was written.",
    ]
    assert files(graded) == before


@pytest.mark.usefixtures("other_checks")
def test_without_dry_run_it_is_done(graded, capsys):
    assert main(["regrade", ASSIGNMENT]) == 0
    assert capsys.readouterr().out.endswith("2 submissions graded again, 1 mark changed.\n")
    assert main(["regrade", ASSIGNMENT]) == 0
    assert capsys.readouterr().out == "0 submissions graded again, 0 marks changed.\n"


def test_the_reason_is_the_one_that_changed(graded, monkeypatch):
    hand_in(graded, "bob")
    hand_in(graded, "carol")
    (graded.submitted / "carol").rename(graded.submitted / "dora")
    monkeypatch.setattr(grade, "versions", lambda: {**VERSIONS, "numpy": "9"})
    changes = {c.after.student: c for c in regrade.regrade(graded, ASSIGNMENT, dry_run=True)}
    assert [c.marks_differ for c in changes.values()] == [False, True, True]
    assert changes["bob"].reasons()[0].startswith("the submission changed (")
    assert changes["dora"].reasons() == ["there is no record of it"]
    after = dataclasses.replace(changes["alice"].after, versions={**VERSIONS, "numpy": "9"})
    changed = dataclasses.replace(changes["alice"], after=after)
    assert changed.reasons() == ["the version of numpy changed (none to 9)"]


def test_a_course_in_which_nothing_was_graded(course, fake_grader, monkeypatch, capsys):
    hand_in(course, "alice")
    monkeypatch.chdir(course.root)
    assert main(["regrade", ASSIGNMENT, "--dry-run"]) == 2
    assert "was never graded here" in capsys.readouterr().err
    assert not (course.grading / "secret").exists()


# --- what counts as a change ----------------------------------------------------------------------

DECIDES = {
    "solutions/a1_rnn/a1_rnn.py": "checks",
    "solutions/a1_rnn/misconceptions.py": "checks",
    "solutions/a1_rnn/variants.py": "",
    "unrolled/exercises/a1_rnn.py": "checks",
    "unrolled/draw.py": "checks",
    "unrolled/compare.py": "checks, grader",
    "unrolled/judge.py": "checks, grader",
    "unrolled/plot.py": "",
    "autograder/judge.py": "grader",
    "autograder/attempt.py": "grader",
    "autograder/sanitize.py": "grader",
    "autograder/sandbox/limits.py": "grader",
    "autograder/sandbox/shell.py": "grader",
    "autograder/sandbox/student.py": "grader",
    "autograder/sandbox/zygote.py": "grader",
    "autograder/report.py": "",
    "autograder/cli.py": "",
}


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """A copy of all that could decide a mark, of which the hashes are taken."""
    for name in ("autograder", "unrolled", "solutions"):
        shutil.copytree(source.ROOT / name, tmp_path / name, ignore=lambda *_: ["__pycache__"])
    monkeypatch.setattr(source, "ROOT", tmp_path)
    monkeypatch.setattr(source, "SOLUTIONS", tmp_path / "solutions")
    forget()
    yield tmp_path
    forget()


def forget():
    source.grader_hash.cache_clear()
    source.code_behind.cache_clear()


def test_what_decides_a_mark_is_known_and_nothing_else(sources):
    """A change of a file makes those marks be computed again that it could change."""
    before = source.bank_hash("a1_rnn"), source.grader_hash()
    for name, meant in DECIDES.items():
        path = sources / name
        text = path.read_text()
        path.write_text(f"{text}\n# another line\n")
        forget()
        after = source.bank_hash("a1_rnn"), source.grader_hash()
        changed = [w for w, b, a in zip(("checks", "grader"), before, after) if a != b]
        assert ", ".join(changed) == meant, name
        path.write_text(text)
    forget()
    assert (source.bank_hash("a1_rnn"), source.grader_hash()) == before


def test_another_grader_is_a_reason_to_grade_again():
    """The code that reads, runs and marks submissions is one of the versions of a record."""
    assert versions()["grader"] == source.grader_hash()
