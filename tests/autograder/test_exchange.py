"""The whole way of an assignment through nbgrader's exchange, with its own commands' classes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import notebooks as nb
import pytest
from classroom import ASSIGNMENT, hand_in
from nbgrader.auth import Authenticator
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange.default import (
    ExchangeCollect,
    ExchangeFetchAssignment,
    ExchangeFetchFeedback,
    ExchangeSubmit,
)
from traitlets.config import Config

from autograder import exchange
from autograder.collect import SafeCollect
from autograder.collected import hand_in as hand_in_of
from autograder.course import CourseError
from autograder.feedback import write_feedback
from autograder.grade import grade_class

SETTINGS = """
from pathlib import Path
from autograder.nbgrader import configure
c = get_config()
c.CourseDirectory.course_id = "unrolled"
c.Exchange.root = {root!r}
configure(c, Path(__file__).parent)
"""


@pytest.fixture
def place(tmp_path):
    return tmp_path / "exchange"


@pytest.fixture
def here(course, place, fake_grader):
    """A course whose exchange is a temporary folder, with a released assignment."""
    place.mkdir()
    (course.root / "nbgrader_config.py").write_text(SETTINGS.format(root=str(place)))
    shutil.copytree(course.assignments / ASSIGNMENT, course.released / ASSIGNMENT)
    return course


def run(kind: type, place: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run one of nbgrader's exchange classes in ``folder``, as the person of the test."""
    folder.mkdir(exist_ok=True)
    monkeypatch.chdir(folder)
    config = Config()
    config.Exchange.root, config.Exchange.cache = str(place), str(place.parent / "cache")
    config.CourseDirectory.course_id = "unrolled"
    config.CourseDirectory.assignment_id = ASSIGNMENT
    config.CourseDirectory.root = str(folder)
    courses = CourseDirectory(config=config)
    kind(coursedir=courses, authenticator=Authenticator(config=config), config=config).start()


@pytest.mark.slow
def test_an_assignment_goes_out_and_our_page_comes_back(here, place, tmp_path, monkeypatch):
    said = exchange.release_assignment(here, ASSIGNMENT)
    assert said[-1] == f"Released as: unrolled {ASSIGNMENT}"
    exchange.release_assignment(here, ASSIGNMENT)  # over the one that is there

    student = tmp_path / "student"
    run(ExchangeFetchAssignment, place, student, monkeypatch)
    released = student / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    released.unlink()
    (student / ASSIGNMENT / "my work.ipynb").write_bytes(nb.raw(nb.solved()))
    run(ExchangeSubmit, place, student, monkeypatch)
    assert issubclass(SafeCollect, ExchangeCollect)
    run(SafeCollect, place, here.grading, monkeypatch)

    monkeypatch.chdir(here.root)
    hand_in(here, "zed")
    grade_class(here, ASSIGNMENT, progress=False)
    write_feedback(here, ASSIGNMENT)
    said = exchange.release_feedback(here, ASSIGNMENT)
    assert "zed: not released, the submission did not come through the exchange." in said
    assert said[-1] == "Pages of feedback that are in the exchange now: 1."

    run(ExchangeFetchFeedback, place, student, monkeypatch)
    (page,) = (student / ASSIGNMENT / "feedback").rglob("*.html")
    (name,) = [p.name for p in here.submitted.iterdir() if p.name != "zed"]
    assert page.name == "my work.html"
    assert page.read_bytes() == (here.feedback / name / ASSIGNMENT / "a1.html").read_bytes()
    assert "in_words" in page.read_text("utf-8")

    # nbgrader's own setting names students who are left out.
    away = f"--CourseDirectory.student_id_exclude={name}"
    said = exchange.nbgrader(here, "release_feedback", ASSIGNMENT, away)
    assert [line for line in said if line.startswith(f"{name}: ")] == []
    assert any(line.startswith("zed: not released") for line in said)

    # Without a record nobody knows of which hand-in the page is.
    record = here.records / ASSIGNMENT / f"{name}.json"
    hidden = record.rename(record.with_suffix(".away"))
    said = exchange.release_feedback(here, ASSIGNMENT, [name])
    assert f"{name}: not released" in said[0]
    hidden.rename(record)

    # A newer hand-in waits: its student must not get the page of the older one.
    collected = here.submitted / name / ASSIGNMENT / "my work.ipynb"
    collected.write_bytes(nb.raw(nb.solved()) + b"\n")
    said = exchange.release_feedback(here, ASSIGNMENT, [name])
    assert f"{name}: not released, a newer submission waits" in said[0]
    assert said[-1].endswith(": 0.")


@pytest.mark.slow
def test_a_broken_file_handed_in_last_does_not_hide_the_good_one(
    here, place, tmp_path, monkeypatch, caplog
):
    exchange.release_assignment(here, ASSIGNMENT)
    student = tmp_path / "student"
    run(ExchangeFetchAssignment, place, student, monkeypatch)
    notebook = student / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    given, good = notebook.read_bytes(), nb.raw(nb.solved())
    for data in (given, good, b"{ half of a noteb"):
        notebook.write_bytes(data)
        run(ExchangeSubmit, place, student, monkeypatch)
    run(SafeCollect, place, here.grading, monkeypatch)
    (name,) = [p.name for p in here.submitted.iterdir()]
    assert (here.submitted / name / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").read_bytes() == good
    assert f"{name}: what came at" in caplog.text
    assert hand_in_of(here, ASSIGNMENT, name, None).attempts == 3


@pytest.mark.slow
def test_what_can_never_be_read_is_taken_as_it_is(here, place, tmp_path, monkeypatch):
    exchange.release_assignment(here, ASSIGNMENT)
    student = tmp_path / "student"
    run(ExchangeFetchAssignment, place, student, monkeypatch)
    notebook = student / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    for data in (b"{ half", b"{ another half"):
        notebook.write_bytes(data)
        run(ExchangeSubmit, place, student, monkeypatch)
    run(SafeCollect, place, here.grading, monkeypatch)
    (folder,) = here.submitted.glob(f"*/{ASSIGNMENT}")
    assert (folder / f"{ASSIGNMENT}.ipynb").read_bytes() == b"{ another half"


def test_lines_that_are_no_messages_are_passed_over(here, monkeypatch):
    messages = ("[App | WARNING] odd", "[App | ERROR] no", "[App | ERROR] nbgrader x failed")
    said = "\n".join(["Traceback: of a library", *messages])
    done = subprocess.CompletedProcess([], 0, "", said)
    monkeypatch.setattr(exchange.subprocess, "run", lambda *words, **options: done)
    assert exchange.nbgrader(here, "x") == ["odd", "no", "nbgrader x failed"]
    done.returncode = 1
    with pytest.raises(CourseError, match=r"^nbgrader x: no$"):
        exchange.nbgrader(here, "x")
    done.stderr = "Traceback: of a library\nKeyError: 3\n"
    with pytest.raises(CourseError, match=r"^nbgrader x: KeyError: 3$"):
        exchange.nbgrader(here, "x")


@pytest.mark.slow
def test_what_nbgrader_refuses_is_one_sentence(here):
    with pytest.raises(CourseError) as refused:
        exchange.release_assignment(here, "a9")
    assert str(refused.value).startswith("nbgrader release_assignment: Assignment not found")
    assert "failed" not in str(refused.value)
