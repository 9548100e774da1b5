"""``course check``: what a student sees before handing in, from the notebook file alone.

Three things: the verdicts of the visible checks, whether the notebook runs from the top to the
bottom in a fresh process, and what would be missing at hand-in. The notebook's code runs without
the sandbox: this is for one's own work and for trying a release, not for grading. It needs neither
``solutions/`` nor Linux.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from itertools import pairwise
from pathlib import Path

from autograder.course import Course, CourseError
from autograder.definitions import names_bound
from autograder.handin import code_cells, grade_id, missing_at_hand_in, submission_of
from autograder.preflight import Event, Step, run_steps
from autograder.sanitize import Submission

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
    submission = submission_of(raw, course.assignments / name / f"{name}.ipynb")
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


def tell(steps: list[Step], events: Iterator[Event]) -> tuple[int, list[str]]:
    """Print verdicts as they come; return how many are right, and sentences on what did not run."""
    right, slow = 0, False
    seen: set[int] = set()
    faults: dict[int, str] = {}
    for event in events:
        step = steps[event.step]
        seen.add(event.step)
        slow = slow or event.kind == "hung"
        if event.kind == "verdict":
            right += event.right
            print(event.text, end="\n\n", flush=True)
        elif event.kind == "hung" and step.check:
            print(f"{step.check}: the check {event.text}\n", flush=True)
            faults[event.step] = f"{step.label} {event.text}."
        elif event.kind in ("hung", "ended"):
            rest = "with its definitions alone" if event.kept else "without it"
            faults[event.step] = f"{step.label} {event.text}; the cells after it ran {rest}."
            if step.number:  # else the same cell is told when the file is run as it stands
                print(f"{step.label} {event.text}.\n", flush=True)
        elif event.kind == "error" and not unsolved(step, event):
            faults[event.step] = (
                f"{step.label} stops with {event.text}{where(event, steps, faults)}"
            )
    said = list(faults.values())
    if len(seen) < len(steps):
        said.append(
            "The run was given up, because too much had to be stopped. Cells that were not run: "
            f"{len(steps) - len(seen)}."
        )
    if slow:
        said.append("If your code needs more time than that: --seconds gives every cell as much.")
    return right, said


def unsolved(step: Step, event: Event) -> bool:
    """Whether a check cell says that its exercise is not right, which its verdict says as well."""
    return step.name.startswith("check_") and event.text.startswith("AssertionError")


def where(event: Event, steps: list[Step], stopped: Container[int]) -> str:
    """The rest of a sentence about a name that is not defined: where it is, if anywhere.

    Args:
        stopped: the steps that did not run to their end.
    """
    name = event.missing
    if not name:
        return "."
    others = [(i, s) for i, s in enumerate(steps) if i != event.step]
    places = [(i, s) for i, s in others if name in names_bound(s.source)]
    for i, step in places:
        if i in stopped:
            return f". `{name}` is defined in {step.label}, which did not run to its end."
        if i > event.step:
            return f". `{name}` is first defined further down, in {step.label}."
    if places:
        return "."
    return f". No cell defines `{name}`; it may come from one that was deleted."


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
