"""A course in a temporary folder with the small release, and a grader that runs nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import notebooks as nb

from autograder import gradebook as gb
from autograder.course import Course
from autograder.grade import Job
from autograder.results import Result
from autograder.sanitize import submission_of
from unrolled.verdict import Verdict

ASSIGNMENT = "a1"
VERSIONS = {"python": "3"}


def make_course(root: Path, empty_gradebook: Path | None = None) -> Course:
    course = Course(root)
    folder = course.assignments / ASSIGNMENT
    folder.mkdir(parents=True)
    (folder / f"{ASSIGNMENT}.ipynb").write_text(json.dumps(nb.make_release()))
    (root / "nbgrader_config.py").write_text("")
    if empty_gradebook:
        course.grading.mkdir()
        shutil.copy(empty_gradebook, course.gradebook)
    return course


def hand_in(course: Course, student: str, notebook: dict | bytes | None = None) -> Path:
    folder = course.submitted / student / ASSIGNMENT
    folder.mkdir(parents=True, exist_ok=True)
    data = notebook if isinstance(notebook, bytes) else nb.raw(notebook or nb.solved())
    (folder / f"{ASSIGNMENT}.ipynb").write_bytes(data)
    return folder


def grade_by_looks(job: Job) -> Result:
    """Full points for every exercise whose cell was written in: enough to test what is around."""
    submission = submission_of(job.raw, nb.make_release())
    cells = submission.named("solution")
    done = {name for name, cell in cells.items() if not cell.untouched}
    verdicts = tuple(
        Verdict(
            name,
            points if name in done else 0.0,
            points,
            "pass" if name in done else "missing",
            "Everything is right." if name in done else f"{name} is not there.",
        )
        for name, points in nb.EXERCISES.items()
    )
    written = submission.named("written").items()
    return Result(
        student=job.student,
        assignment=job.assignment,
        status=submission.status,
        exercises=verdicts,
        notes=submission.notes,
        needs_human=submission.needs_human,
        written=tuple(name for name, cell in written if not cell.untouched),
        seconds=0.5,
        submission_hash=submission.hash,
        bank_hash="bank",
        versions=VERSIONS,
        cells=tuple(
            {
                "kind": c.kind,
                "name": c.name,
                "cell_type": c.cell_type,
                "source": c.source,
                **({"outputs": []} if c.cell_type == "code" else {}),
            }
            for c in submission.cells
        ),
    )


def marks(course: Course, student: str) -> dict[str, tuple[float | None, float | None, bool]]:
    """(auto_score, manual_score, needs_manual_grade) by graded cell."""
    with gb.open_gradebook(course) as gradebook:
        notebook = gradebook.find_submission_notebook(ASSIGNMENT, ASSIGNMENT, student)
        return {
            g.name: (g.auto_score, g.manual_score, g.needs_manual_grade) for g in notebook.grades
        }
