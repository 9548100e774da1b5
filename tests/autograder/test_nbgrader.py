"""nbgrader's own commands on the course, and the whole way of a1_rnn through either command."""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from traitlets.config import Config

from autograder import gradebook as gb
from autograder import source
from autograder.course import Course
from autograder.nbgrader import configure
from autograder.release import release
from autograder.sandbox import wall

A1 = "a1_rnn"
BIN = Path(sys.executable).parent

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    course = Course(tmp_path_factory.mktemp("course"))
    for name in ("nbgrader_config.py", "_config.yml"):
        shutil.copy(source.ROOT / name, course.root)
    release(course, A1)
    return course


@pytest.fixture
def course(released, tmp_path):
    """A copy of the released course with a class in it."""
    shutil.copytree(released.root, tmp_path / "course")
    course = Course(tmp_path / "course")
    for student, notebook in submissions(course).items():
        folder = course.submitted / student / A1
        folder.mkdir(parents=True)
        (folder / f"{A1}.ipynb").write_bytes(notebook)
    (course.submitted / "renamed" / A1 / f"{A1}.ipynb").rename(
        course.submitted / "renamed" / A1 / "homework.ipynb"
    )
    linked = course.submitted / "linked" / A1
    linked.mkdir(parents=True)
    (linked / f"{A1}.ipynb").symlink_to(course.source / A1 / f"{A1}.ipynb")
    (course.submitted / "right" / A1 / "db").symlink_to(course.gradebook)
    os.mkfifo(course.submitted / "right" / A1 / "pipe")
    (course.submitted / "absent").mkdir()
    return course


EXPECTED = {
    "absent": 0.0,
    "broken": 0.0,
    "copied": 34.0,
    "linked": 0.0,
    "partly": 8.0,
    "renamed": 34.0,
    "right": 34.0,
    "untouched": 0.0,
}


def submissions(course: Course) -> dict[str, bytes]:
    path = course.assignments / A1 / f"{A1}.ipynb"
    untouched = json.loads(path.read_text())
    solutions = {c.name: c.source for c in source.read_cells(A1) if c.kind == "exercise"}

    def solve(*names: str) -> dict:
        notebook = copy.deepcopy(untouched)
        for cell in notebook["cells"]:
            name = cell["metadata"].get("nbgrader", {}).get("grade_id")
            if name in names:
                cell["source"] = solutions[name]
        return notebook

    right = solve(*solutions)
    copied = copy.deepcopy(right)
    copied["cells"] += [c for c in right["cells"] if c["cell_type"] == "code"]
    made = {
        "broken": json.dumps(right)[:5000],
        "copied": json.dumps(copied),
        "partly": json.dumps(solve("rnn_step_forward", "rnn_forward")),
        "renamed": json.dumps(right),
        "right": json.dumps(right),
        "untouched": json.dumps(untouched),
    }
    return {student: text.encode() for student, text in made.items()}


def command(course: Course, *words: str) -> subprocess.CompletedProcess:
    """Run a command as from a virtual environment that is not activated."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(course.root), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [str(BIN / words[0]), *words[1:]],
        cwd=course.root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def auto_scores(course: Course) -> dict[str, dict[str, float | None]]:
    with gb.open_gradebook(course) as gradebook:
        return {
            s.student.id: {g.name: g.auto_score for g in s.notebooks[0].grades}
            for s in gradebook.assignment_submissions(A1)
        }


def records(course: Course) -> dict[str, dict]:
    found = {}
    for path in (course.records / A1).glob("*.json"):
        record = json.loads(path.read_text())
        del record["seconds"]
        found[path.stem] = record
    return found


def test_nbgrader_and_course_give_the_same_marks(course, tmp_path):
    wall.require()
    course.secret()
    shutil.copytree(course.root, tmp_path / "other", symlinks=True, ignore=skip_pipes)
    other = Course(tmp_path / "other")

    by_course = command(course, "course", "grade", A1, "--json", "out.json")
    assert by_course.returncode == 0, by_course.stderr
    results = json.loads((course.root / "out.json").read_text())["results"]
    assert {r["student"]: r["score"] for r in results} == EXPECTED

    by_nbgrader = command(other, "nbgrader", "autograde", A1)
    assert by_nbgrader.returncode == 0, by_nbgrader.stderr
    assert auto_scores(other) == auto_scores(course)
    assert records(other) == records(course)

    for made in (course, other):
        files = {p.name for p in made.autograded.rglob("*") if not p.is_dir()}
        assert files == {f"{A1}.ipynb"}

    one = command(other, "nbgrader", "autograde", A1, "--student", "right", "--force")
    assert one.returncode == 0, one.stderr
    assert "right: graded, 34 of 34" in one.stderr
    assert "partly" not in one.stderr

    pages = command(other, "nbgrader", "generate_feedback", A1)
    assert pages.returncode == 0, pages.stderr
    assert len(list(other.feedback.rglob("*.html"))) == len(EXPECTED)

    table = command(other, "nbgrader", "export", "--to", "marks.csv")
    assert table.returncode == 0, table.stderr
    assert len((other.root / "marks.csv").read_text().splitlines()) == 1 + len(EXPECTED)


def skip_pipes(folder, names):
    return [n for n in names if n == "pipe"]


def test_an_unknown_assignment_ends_plainly(course):
    done = command(course, "nbgrader", "autograde", "a9_none")
    assert done.returncode == 1
    assert "There is no assignment 'a9_none'" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_check_command(course):
    notebook = course.submitted / "partly" / A1 / f"{A1}.ipynb"
    done = command(course, "course", "check", str(notebook))
    assert done.returncode == 1, done.stderr
    assert "2 of 8 exercises are right on the visible inputs." in done.stdout
    assert "rnn_step_forward: 1 of 1 results are right" in done.stdout
    renamed = course.submitted / "renamed" / A1 / "homework.ipynb"
    done = command(course, "course", "check", str(renamed))
    assert done.returncode == 1, done.stderr
    assert "8 of 8 exercises are right on the visible inputs." in done.stdout
    assert "The file is called homework.ipynb; hand it in as a1_rnn.ipynb." in done.stdout
    broken = course.submitted / "broken" / A1 / f"{A1}.ipynb"
    done = command(course, "course", "check", str(broken))
    assert done.returncode == 2
    assert "cannot be checked" in done.stderr


def test_what_the_formgrader_shows_of_a_student_runs_nothing(course):
    """The exporter as the formgrader makes it: nbconvert's, with the course's settings."""
    import nbformat.v4 as v4
    from nbconvert.exporters import HTMLExporter

    config = configure(Config(), course.root)
    text = "<script>alert(1)</script><img src=x onerror=alert(2)> [a](javascript:alert(3)) <b>4</b>"
    cell = v4.new_code_cell("1", outputs=[v4.new_output("display_data", {"text/html": text})])
    notebook = v4.new_notebook(cells=[v4.new_markdown_cell(text), cell])
    page, _ = HTMLExporter(config=config).from_notebook_node(notebook)
    body = page[page.index("<body") :]
    for live in ("<script>alert", "<img src=x", 'href="javascript:'):
        assert live not in body
    assert "<b>4</b>" in body
