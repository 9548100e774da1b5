"""``course check``: the visible checks on a notebook file, outside a notebook.

The notebook's code runs in a process of its own, without the sandbox: this is for one's own work
and for trying a release, not for grading.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from autograder.course import Course, CourseError
from autograder.release import load_release
from autograder.sanitize import sanitize
from autograder.source import assignments


def check_notebook(course: Course, notebook: Path, assignment: str | None = None) -> bool:
    """Run a notebook's cells and print the table of every exercise; return whether all are right.

    Args:
        course: has the release and its ``checks.npz``.
        notebook: the file to check.
        assignment: its assignment; found in the file's name if left out.

    Raises:
        CourseError: the file is not there or is no notebook, or its assignment is not clear.
    """
    if not notebook.is_file():
        raise CourseError(f"There is no file {notebook}.")
    name = assignment or assignment_of(notebook)
    submission = sanitize(notebook.read_bytes(), load_release(name, course.root))
    for note in submission.notes:
        print(note)
    if submission.status != "graded":
        raise CourseError(f"{notebook} cannot be checked.")
    cells = [[c.kind, c.name, c.source] for c in submission.cells if c.cell_type == "code"]
    checks = course.assignments / name / "checks.npz"
    done = subprocess.run(
        [sys.executable, "-m", "autograder.check", str(checks.resolve())],
        input=json.dumps(cells).encode(),
        cwd=notebook.resolve().parent,
        env={**os.environ, "MPLBACKEND": "agg"},
        check=False,
    )
    return done.returncode == 0


def assignment_of(notebook: Path) -> str:
    """The assignment whose name the file's name or its folder's begins with."""
    for part in (notebook.stem, notebook.resolve().parent.name):
        for name in assignments():
            if part.lower().startswith(name):
                return name
    known = ", ".join(assignments()) or "none"
    raise CourseError(
        f"The name of {notebook} does not say which assignment it is ({known}); "
        "add --assignment NAME."
    )


def run(cells: list[list[str]], checks: Path) -> bool:
    """Run the cells in this process and print what the checks say."""
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    from unrolled.check import verdict_of
    from unrolled.text import verdict_text

    shell = InteractiveShell.instance()
    right = []
    for kind, name, source in cells:
        if kind == "check":
            verdict = verdict_of(name.removeprefix("check_"), shell.user_ns, checks)
            print(verdict_text(verdict), end="\n\n", flush=True)
            right.append(verdict.outcome == "pass")
            continue
        with capture_output():
            done = shell.run_cell(source)
        error = done.error_before_exec or done.error_in_exec
        if error is not None:
            label = f"cell {name}" if name else "a cell of your own"
            print(f"In {label}: {type(error).__name__}: {error}\n", flush=True)
    print(f"{sum(right)} of {len(right)} exercises are right on the visible inputs.")
    return all(right)


if __name__ == "__main__":
    try:
        sys.exit(not run(json.load(sys.stdin), Path(sys.argv[1])))
    except (FileNotFoundError, ValueError) as error:  # checks.npz is missing or damaged
        sys.exit(str(error))
