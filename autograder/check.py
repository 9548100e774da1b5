"""``course check``: what a student sees before handing in, from the notebook file alone.

Three things: the verdicts of the visible checks, whether the notebook runs from the top to the
bottom in a fresh process, and what would be missing at hand-in. The notebook's code runs without
the sandbox: this is for one's own work and for trying a release, not for grading. It needs neither
``solutions/`` nor Linux.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from autograder.course import Course, CourseError
from autograder.preflight import Event, Step, run_steps
from autograder.release import load_release
from autograder.sanitize import MAX_FILE, Cell, Submission, sanitize

CELL_SECONDS = 60.0
"""For a cell or a check; the experiments of the assignments train for less."""


def check_notebook(
    course: Course, notebook: Path, assignment: str | None = None, seconds: float = CELL_SECONDS
) -> bool:
    """Print what there is to say about a notebook file.

    Args:
        course: has the release with its ``checks.npz``.
        notebook: the file to check.
        assignment: its assignment; found in the file's name if left out.
        seconds: for which a cell may run.

    Returns:
        Whether all visible checks are right, the notebook runs, and nothing would be missing.

    Raises:
        CourseError: the file is not there or is no notebook, or its assignment is not clear.
    """
    if not notebook.is_file():
        raise CourseError(f"There is no file {notebook}.")
    name = assignment or assignment_of(notebook, course)
    if name not in released(course):
        raise CourseError(f"There is no assignment {name!r}. There are: {known(course)}.")
    raw = notebook.read_bytes()
    submission = sanitize(raw, load_release(name, course.root))
    if submission.status != "graded":
        print("\n".join(submission.notes))
        raise CourseError(f"{notebook} cannot be checked.")
    checks = (course.assignments / name / "checks.npz").resolve()
    folder = notebook.resolve().parent
    graded, given = graded_steps(submission), given_steps(raw)
    same = [s.source.strip() for s in graded] == [s.source.strip() for s in given]
    if same:  # the rule: then one run tells both, the verdicts and whether the file runs
        graded = [Step(s.source, s.check, s.name, g.number) for s, g in zip(graded, given)]
    right, faults = tell(graded, run_steps(graded, checks, folder, seconds))
    if not same:
        _, faults = tell(given, run_steps(given, checks, folder, seconds))
    total = sum(bool(s.check) for s in graded)
    print(f"{right} of {total} exercises are right on the visible inputs.")
    missing = [*missing_at_hand_in(submission, raw, notebook, name, checks)]
    ran = [*(faults or ["It runs."]), *order_notes(raw)]
    show("Running it from the top in a fresh process:", ran)
    show("Before you hand in:", missing or ["Nothing is missing."])
    return right == total and not faults and not missing


def show(title: str, lines: list[str]) -> None:
    print("\n".join(["", title, *(f"  - {line}" for line in lines)]))


# --- which assignment -----------------------------------------------------------------------------


def released(course: Course) -> list[str]:
    """The assignments that are there as students have them."""
    return sorted(p.parent.name for p in course.assignments.glob("*/checks.npz"))


def known(course: Course) -> str:
    return ", ".join(released(course)) or f"none (in {course.assignments})"


def assignment_of(notebook: Path, course: Course) -> str:
    """The assignment whose name the file's name or its folder's begins with."""
    for part in (notebook.stem, notebook.resolve().parent.name):
        for name in released(course):
            if part.lower().startswith(name):
                return name
    raise CourseError(
        f"The name of {notebook} does not say which assignment it is ({known(course)}); "
        "add --assignment NAME."
    )


# --- what runs ------------------------------------------------------------------------------------


def graded_steps(submission: Submission) -> list[Step]:
    """The code cells that the grader runs, in its order."""
    return [
        Step(c.source, c.name.removeprefix("check_") if c.kind == "check" else "", c.name)
        for c in submission.cells
        if c.cell_type == "code" and c.source.strip()
    ]


def given_steps(raw: bytes) -> list[Step]:
    """The code cells as they stand in the file."""
    return [
        Step(text, "", name, number)
        for number, (cell, text) in enumerate(code_cells(raw), 1)
        if text.strip()
        for name in [grade_id(cell)]
    ]


def grade_id(cell: dict[str, Any]) -> str:
    metadata = cell.get("metadata")
    own = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    name = own.get("grade_id") if isinstance(own, dict) else None
    return name if isinstance(name, str) else ""


def read(raw: bytes) -> dict[str, Any]:
    """The notebook in the bytes of a file that :func:`sanitize` could read."""
    text = raw.decode(json.detect_encoding(raw), "replace")
    return json.loads(text, parse_int=lambda digits: int(digits[:15]))  # Python refuses long ones


def code_cells(raw: bytes) -> list[tuple[dict[str, Any], str]]:
    """The code cells of the file with their text; those of the old formats lie in sheets."""
    notebook = read(raw)
    sheets = [s for s in notebook.get("worksheets") or [] if isinstance(s, dict)]
    cells = notebook.get("cells") or [cell for s in sheets for cell in s.get("cells") or []]
    found = []
    for cell in cells:
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            text = cell.get("source", cell.get("input", ""))
            parts = text if isinstance(text, list) else [text]
            found.append((cell, "".join(p for p in parts if isinstance(p, str))))
    return found


def tell(steps: list[Step], events: Iterator[Event]) -> tuple[int, list[str]]:
    """Print verdicts as they come; return how many are right, and sentences on what did not run."""
    right = seen = 0
    faults = []
    for event in events:
        step = steps[event.step]
        seen += 1
        if event.kind == "verdict":
            right += event.right
            print(event.text, end="\n\n", flush=True)
        elif event.kind == "hung" and step.check:
            print(f"{step.check}: the check {event.text}\n", flush=True)
            faults.append(f"{step.label} {event.text}.")
        elif event.kind in ("hung", "ended"):
            faults.append(f"{step.label} {event.text}; the cells after it ran without it.")
        elif event.kind == "error" and not unsolved(step, event):
            faults.append(f"{step.label} stops with {event.text}{where(event, steps)}")
    if seen < len(steps):
        faults.append(f"The run was given up; {len(steps) - seen} cells were not run.")
    return right, faults


def unsolved(step: Step, event: Event) -> bool:
    """Whether a check cell says that its exercise is not right, which its verdict says as well."""
    return step.name.startswith("check_") and event.text.startswith("AssertionError")


def where(event: Event, steps: list[Step]) -> str:
    """The rest of a sentence about a name that is not defined: where it is, if anywhere."""
    if not event.missing:
        return "."
    for later in steps[event.step + 1 :]:
        if event.missing in names_bound(later.source):
            return f". `{event.missing}` is first defined further down, in {later.label}."
    return f". No cell defines `{event.missing}`; it may come from one that was deleted."


def names_bound(source: str) -> set[str]:
    """Names that a cell binds at its top level, in whatever way."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    found = set()
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
            continue
        if isinstance(node, ast.alias):
            found.add((node.asname or node.name).partition(".")[0])
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        if not isinstance(node, ast.Lambda):
            waiting += ast.iter_child_nodes(node)
    return found


def order_notes(raw: bytes) -> list[str]:
    """Sentences about the order in which the saved notebook's cells were run."""
    counts = [
        (number, cell.get("execution_count"))
        for number, (cell, text) in enumerate(code_cells(raw), 1)
        if text.strip()
    ]
    ran = [(n, c) for n, c in counts if isinstance(c, int)]
    late = next((b for a, b in pairwise(ran) if b[1] < a[1]), None)
    if late is None:
        return []
    before = max((a for a in ran if a[0] < late[0]), key=lambda a: a[1])
    return [
        f"For your information: when it was saved, code cell {late[0]} had been run before code "
        f"cell {before[0]}, which stands above it. What it showed then may not be what it shows "
        "when it runs from the top."
    ]


# --- what would be missing ------------------------------------------------------------------------


def missing_at_hand_in(
    submission: Submission, raw: bytes, notebook: Path, assignment: str, checks: Path
) -> Iterator[str]:
    """Sentences about what a hand-in of this file would lack."""
    if open_ := untouched(submission.cells, "solution"):
        yield f"Not solved yet: {', '.join(open_)}."
    if empty := untouched(submission.cells, "written"):
        yield f"Nothing is written yet in: {', '.join(empty)}."
    if notebook.name != f"{assignment}.ipynb":
        yield f"The file is called {notebook.name}; hand it in as {assignment}.ipynb."
    beside = notebook.resolve().parent / "checks.npz"
    if not beside.is_file():
        yield "checks.npz is not beside the notebook, so the checks in it cannot run."
    elif beside.read_bytes() != checks.read_bytes():
        yield "checks.npz beside the notebook is not the one of this release; take a fresh copy."
    if len(raw) > MAX_FILE:
        yield (
            f"The file has {len(raw) / 1e6:.0f} MB, more than the {MAX_FILE / 1e6:.0f} MB that are "
            "taken. Clear the outputs and save it again."
        )
    yield from (f"The grader will note: {note}" for note in submission.notes)
    yield from format_notes(raw)


def untouched(cells: Iterable[Cell], kind: str) -> list[str]:
    """The cells of a kind that are as they were released, or emptied."""
    return [c.name for c in cells if c.kind == kind and (c.untouched or not c.source.strip())]


def format_notes(raw: bytes) -> Iterator[str]:
    """Sentences about a kernel or a version of the format that others could not open."""
    notebook = read(raw)
    metadata = notebook.get("metadata")
    kernel = metadata.get("kernelspec") if isinstance(metadata, dict) else None
    language = kernel.get("language", "python") if isinstance(kernel, dict) else "python"
    if language != "python":
        yield f"The notebook's kernel is for {language}; choose a Python kernel and save it again."
    if notebook.get("nbformat") != 4:
        yield (
            f"The notebook's format is version {notebook.get('nbformat')}, not 4; open it in a "
            "current Jupyter and save it again."
        )
