"""A made-up graded class for the tests of the pages: records, graded notebooks, a gradebook."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import sys
import tempfile
import warnings
from functools import cache
from pathlib import Path
from unittest import mock

import matplotlib
import nbformat
import numpy as np
from nbgrader.api import Gradebook
from sqlalchemy.exc import SAWarning

from autograder.course import Course
from autograder.results import Result
from unrolled.exercise import Exercise, load
from unrolled.verdict import Match, Row, Verdict

matplotlib.use("Agg")

ASSIGNMENT = "a1_rnn"
WRITTEN = "bptt_in_words"
WRITTEN_POINTS = 6.0
OUTPUTS = {
    "rnn_step_forward": ("next_h",),
    "rnn_step_backward": ("dx", "dprev_h", "dWx", "dWh", "db"),
    "rnn_forward": ("h",),
    "rnn_backward": ("dx", "dh0", "dWx", "dWh", "db"),
    "temporal_affine_forward": ("out",),
    "temporal_affine_backward": ("dx", "dw", "db"),
    "temporal_softmax_loss": ("loss", "dx"),
    "numerical_gradient": ("grad",),
}
MISTAKES = {
    "rnn_step_forward": Match(
        "transposed-recurrence",
        "`prev_h` is a row vector for every sample. On which side of it does `Wh` stand?",
        "chapters/02-vanilla-rnn.html#shapes-of-the-step",
        ("next_h",),
    ),
    "rnn_backward": Match(
        "only-the-output-gradient",
        "A state has two children: the output of its step and the next state.",
        "chapters/03-bptt.html#two-children",
        ("dWh", "dWx", "db", "dh0", "dx"),
    ),
    "temporal_softmax_loss": Match(
        "mean-over-all-tokens",
        "Over how many tokens is the mean taken when some are masked?",
        "chapters/03-bptt.html#masked-loss",
        ("dx", "loss"),
    ),
}
SECRET_SEED = 918273645


def make_png(rng: np.random.Generator) -> str:
    """A small figure as base64, the way a notebook stores it."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(4, 2.2))
    axes.plot(np.exp(-np.arange(60) / 15) + 0.05 * rng.normal(size=60))
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80, bbox_inches="tight")
    plt.close(figure)
    return base64.b64encode(buffer.getvalue()).decode()


def make_verdict(exercise: Exercise, outcome: str, rng: np.random.Generator) -> Verdict:
    """A verdict as the judge words it."""
    name, outputs = exercise.name, OUTPUTS[exercise.name]
    seeds = (SECRET_SEED,)
    right = tuple(
        Row(case, o, "(3, 5)", float(abs(rng.normal()) * 1e-15), True)
        for o in outputs
        for case in exercise.cases
    )
    full = exercise.points
    if outcome == "pass":
        return Verdict(name, full, full, "pass", "Everything is right.", right, (), seeds)
    if outcome in ("error", "timeout", "missing"):
        message = {
            "error": f"{name} stopped with NameError: name 'hidden' is not defined.",
            "timeout": f"{name} took longer than 20 s and was stopped.",
            "missing": f"There is no function {name}.",
        }[outcome]
        rows = tuple(Row(r.case, r.output, "", None, False, message) for r in right)
        return Verdict(name, 0.0, full, outcome, message, rows, (), seeds)
    if outcome == "partial":
        last = list(exercise.cases)[-1]
        note = "has shape (5, 3), expected (3, 5) (it may be transposed)"
        rows = tuple(
            Row(r.case, r.output, "(5, 3)", None, False, note) if r.case == last else r
            for r in right
        )
        message = f"{outputs[0]} {note} (case: {last})."
        return Verdict(name, full / 2, full, "partial", message, rows, (), seeds)
    note = "14 of 15 values differ, most at [2, 1]"
    rows = tuple(Row(r.case, r.output, "(3, 5)", 0.73, False, note) for r in right)
    matches = (MISTAKES[name],) if name in MISTAKES else ()
    message = f"{outputs[0]} {note} (case: random)." + "".join(f" {m.hint}" for m in matches)
    return Verdict(name, 0.0, full, "fail", message, rows, matches, seeds)


def make_result(student: str, outcomes: dict[str, str], rng, **changes) -> Result:
    """The record of one student; exercises that are not named in ``outcomes`` are right."""
    verdicts = tuple(
        make_verdict(e, outcomes.get(e.name, "pass"), rng) for e in load(ASSIGNMENT).values()
    )
    settings = {
        "exercises": verdicts,
        "status": "graded",
        "written": (WRITTEN,),
        "seconds": float(rng.uniform(0.1, 0.6)),
        "submission_hash": f"{rng.integers(2**60):060x}",
        "bank_hash": "b" * 64,
        "versions": {"python": "3.11.9", "numpy": "2.4.6"},
    }
    return Result(student, ASSIGNMENT, **{**settings, **changes})


def nbgrader_cell(cell, grade_id: str, points: float = 0.0, **flags):
    """Give a cell nbgrader's metadata."""
    meta = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3}
    cell.metadata["nbgrader"] = {**meta, **flags, "grade_id": grade_id, "cell_type": cell.cell_type}
    if points:
        cell.metadata["nbgrader"]["points"] = points
    return cell


def make_notebook(rng: np.random.Generator, answer: str = "The gradient flows back through `Wh`."):
    """An executed notebook as the grader leaves it."""
    v4 = nbformat.v4
    cells = [
        v4.new_markdown_cell(
            "# Assignment 1\n\nOne step is $h_t = \\tanh(x_t W_x + h_{t-1} W_h + b)$, see "
            "[the chapter](https://example.org/chapters/02.html).\n\n"
            "$$\\bar{h}_{t-1} = \\left(\\bar{h}_t \\odot (1 - h_t^2)\\right) W_h^\\top$$"
        )
    ]
    for count, exercise in enumerate(load(ASSIGNMENT).values(), start=1):
        name = exercise.name
        source = f'def {name}(x, prev_h, Wx, Wh, b):\n    """One step."""\n    # my answer\n'
        source += "    a = x @ Wx + prev_h @ Wh + b\n    return np.tanh(a), (x, 0.5, a)\n"
        code = v4.new_code_cell(source, execution_count=2 * count)
        cells.append(nbgrader_cell(code, name, solution=True))
        outputs = [v4.new_output("stream", name="stdout", text="output of a check cell\n")]
        check = v4.new_code_cell(f'check("{name}")', outputs=outputs)
        cells.append(nbgrader_cell(check, f"check_{name}", exercise.points, grade=True))
    written = v4.new_markdown_cell(answer)
    cells.append(nbgrader_cell(written, WRITTEN, WRITTEN_POINTS, grade=True, solution=True))
    outputs = [
        v4.new_output("stream", name="stderr", text="\r 10%|#\r100%|##########\x1b[0m\n"),
        v4.new_output("stream", name="stdout", text="\x1b[32mloss 0.12\x1b[0m\n"),
        v4.new_output(
            "display_data", {"image/png": make_png(rng), "text/plain": "<Figure size 400x220>"}
        ),
        v4.new_output(
            "error",
            ename="ValueError",
            evalue="shapes (3,4) and (5,6) not aligned",
            traceback=[
                "File /srv/course/autograder/judge.py, line 12, in drive\n",
                "  line 3, in <module>",
                "  line 12, in train",
                "ValueError: shapes (3,4) and (5,6) not aligned",
            ],
        ),
    ]
    free = v4.new_code_cell("losses = train()\nplt.plot(losses)", outputs=outputs)
    free.execution_count = 18
    return v4.new_notebook(cells=[*cells, free])


CLASS = {
    "ada": {},
    "bela": {"rnn_backward": "fail", "temporal_softmax_loss": "partial"},
    "chen": {"rnn_step_forward": "fail", "rnn_forward": "fail", "rnn_backward": "timeout"},
    "dario": {"rnn_backward": "fail", "numerical_gradient": "error"},
    "élise": {"temporal_softmax_loss": "fail", "rnn_backward": "fail"},
    "farid": dict.fromkeys(OUTPUTS, "missing"),
    "grace": {"numerical_gradient": "partial"},
    "hana": {"rnn_step_backward": "error", "rnn_backward": "error"},
}


def save(course: Course, result: Result, notebook=None) -> None:
    """Write a record and, if given, the graded notebook."""
    path = course.records / result.assignment / f"{result.student}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result.to_record()), encoding="utf-8")
    if notebook is not None:
        folder = course.autograded / result.student / result.assignment
        folder.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, folder / f"{result.assignment}.ipynb")


def make_gradebook(course: Course, results: list[Result], marked: dict[str, float]) -> None:
    """A gradebook as grading leaves it; ``marked`` gives a person's marks of the written answer."""
    with Gradebook(course.gradebook_url) as book, warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # nbgrader's own order of adding objects
        book.add_assignment(ASSIGNMENT)
        book.add_notebook(ASSIGNMENT, ASSIGNMENT)
        for e in load(ASSIGNMENT).values():
            cell = {"max_score": e.points, "cell_type": "code"}
            book.add_grade_cell(f"check_{e.name}", ASSIGNMENT, ASSIGNMENT, **cell)
            book.add_solution_cell(e.name, ASSIGNMENT, ASSIGNMENT)
        cell = {"max_score": WRITTEN_POINTS, "cell_type": "markdown"}
        book.add_grade_cell(WRITTEN, ASSIGNMENT, ASSIGNMENT, **cell)
        book.add_solution_cell(WRITTEN, ASSIGNMENT, ASSIGNMENT)
        for result in results:
            book.add_student(result.student)
            book.add_submission(ASSIGNMENT, result.student)
            where = (ASSIGNMENT, ASSIGNMENT, result.student)
            for v in result.exercises:
                grade = book.find_grade(f"check_{v.exercise}", *where)
                grade.auto_score, grade.needs_manual_grade = v.points, False
            if result.student in marked:
                grade = book.find_grade(WRITTEN, *where)
                grade.manual_score, grade.needs_manual_grade = marked[result.student], False
                comment = book.find_comment(WRITTEN, *where)
                comment.manual_comment = "Clear. Say also what happens for **long** sequences."
        book.db.commit()


@cache
def _template() -> tempfile.TemporaryDirectory[str]:
    """The class, made once: a new gradebook takes seconds because nbgrader starts alembic."""
    folder = tempfile.TemporaryDirectory()
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with mock.patch.dict(os.environ, PATH=path):
        build_class(Path(folder.name))
    return folder


def make_class(root: Path) -> Course:
    """The sample class in a folder of its own."""
    shutil.copytree(_template().name, root, dirs_exist_ok=True)
    return Course(root)


def build_class(root: Path, seed: int = 7) -> Course:
    """A class of eight graded students, one unreadable and one missing submission."""
    (root / "_config.yml").write_text("title: sample\n", encoding="utf-8")
    course, rng = Course(root), np.random.default_rng(seed)
    results = []
    for student, outcomes in CLASS.items():
        notes = ()
        if student == "chen":
            notes = ("The locked cell `setup` had been changed; the released one was used.",)
        if student == "hana":
            notes = ("Two cells define `rnn_forward`; the first one was graded.",)
        result = make_result(student, outcomes, rng, notes=notes, needs_human=student == "hana")
        save(course, result, make_notebook(rng))
        results.append(result)
    make_gradebook(course, results, {"ada": 5.5})
    nothing = {"exercises": (), "written": (), "bank_hash": ""}
    note = ("The notebook is cut off: it ends within a string.",)
    save(course, make_result("ivan", {}, rng, status="unreadable", notes=note, **nothing))
    save(course, make_result("jo", {}, rng, status="missing", **nothing))
    return course
