"""From ``solutions/aN_x/`` to what students get: the notebook without solutions, and its checks.

nbgrader's own preprocessors clear the solutions, lock cells, compute checksums and enter the
assignment into the gradebook. ``assignments/aN_x/`` is a copy of what they make.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from autograder import source
from autograder.course import Course, CourseError, write_atomic
from autograder.gradebook import prepare_release
from autograder.leaks import find_leaks
from unrolled import bank
from unrolled.exercise import load as load_exercises
from unrolled.judge import Mistake, expect
from unrolled.verdict import Match

LOCAL_BOOK = "../../_build/html"
"""Where the book is, seen from ``assignments/aN_x/``, until ``html.baseurl`` says where it is."""

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


class ReleaseError(CourseError):
    """A release that cannot or must not be made; the message says why."""


def release(course: Course, assignment: str, out: Path | None = None) -> Path:
    """Make the release of an assignment and enter it into the gradebook.

    Args:
        course: the course; ``grading/source`` and ``grading/release`` in it are written.
        assignment: for example ``"a1_rnn"``.
        out: folder that receives ``<assignment>/``; ``course.assignments`` if left out.

    Returns:
        The folder with the notebook and ``checks.npz``.

    Raises:
        SourceError: something under ``solutions/`` is not as it must be.
        GradebookError: it cannot be used, or holds submissions with other cells.
        ReleaseError: nbgrader refuses, or a solution would get out.
    """
    notebook = source_notebook(assignment, book_base(course.root))
    prepare_release(course, assignment, notebook)
    folder = course.source / assignment
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / f"{assignment}.ipynb", notebook_bytes(notebook), mode=0o600)
    checks = course.grading / "checks.npz"
    bank.save(checks, visible_checks(assignment, book_base(course.root)))
    checks.replace(folder / "checks.npz")
    generate(course, assignment)
    made = course.released / assignment
    if leaks := find_leaks(made, assignment, course):
        raise ReleaseError("The release is refused, it would give away: " + "; ".join(leaks))
    target = (out or course.assignments) / assignment
    target.mkdir(parents=True, exist_ok=True)
    # nbgrader stamps nothing into the file, but its key order and trailing newline may change
    # between versions: what is committed is written in one fixed form.
    made_notebook = json.loads((made / f"{assignment}.ipynb").read_text("utf-8"))
    write_atomic(target / f"{assignment}.ipynb", notebook_bytes(made_notebook))
    write_atomic(target / "checks.npz", (made / "checks.npz").read_bytes())
    load_release.cache_clear()
    return target


def generate(course: Course, assignment: str) -> None:
    """Run nbgrader's generate_assignment; raises ReleaseError with what it said."""
    from nbgrader.apps.api import NbGraderAPI
    from traitlets.config import Config

    from autograder.nbgrader import configure

    config = Config()
    configure(config, course.root)
    done = NbGraderAPI(config=config).generate_assignment(assignment, force=True)
    if not done["success"]:
        said = (done.get("error") or done.get("log") or "").strip().splitlines()
        raise ReleaseError(f"nbgrader could not make {assignment}: {' '.join(said[-2:])}")


def book_base(root: Path) -> str:
    """The address of the published book (``html.baseurl``), else the path to the local build."""
    import yaml

    config = root / "_config.yml"
    settings = yaml.safe_load(config.read_text("utf-8")) if config.is_file() else {}
    return ((settings.get("html") or {}).get("baseurl") or LOCAL_BOOK).rstrip("/")


def source_notebook(assignment: str, base: str) -> dict[str, Any]:
    """The instructor's notebook with nbgrader's metadata; ``{BOOK}`` becomes ``base``.

    Raises:
        SourceError: a check cell names no exercise, or an exercise has no check or solution cell.
    """
    cells = source.read_cells(assignment)  # first: it has a message for an unknown assignment
    exercises = load_exercises(assignment)
    for kind in ("exercise", "check"):
        found = [c.name for c in cells if c.kind == kind]
        if found != list(exercises):
            raise source.SourceError(
                f"{assignment}: the {kind} cells are {found}, the exercises {list(exercises)}."
            )
    return {
        "cells": [notebook_cell(c, exercises, base) for c in cells],
        "metadata": {"kernelspec": KERNEL, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def notebook_cell(cell: source.Cell, exercises: dict, base: str) -> dict[str, Any]:
    """One nbformat cell with the metadata that nbgrader and the sanitizer read."""
    name = f"check_{cell.name}" if cell.kind == "check" else cell.name
    metadata: dict[str, Any] = {"unrolled": {cell.kind: cell.name}}
    if cell.kind != "free":
        metadata["nbgrader"] = {
            "grade_id": name,
            "grade": cell.kind in ("check", "written"),
            "solution": cell.kind in ("exercise", "written"),
            "locked": cell.kind in ("text", "locked", "check"),
            "task": False,
            "schema_version": 3,
            "cell_type": cell.cell_type,
        }
        if cell.kind == "check":
            metadata["nbgrader"]["points"] = exercises[cell.name].points
        if cell.kind == "written":
            metadata["nbgrader"]["points"] = cell.points
    made: dict[str, Any] = {
        "cell_type": cell.cell_type,
        "id": name.replace("_", "-"),
        "metadata": metadata,
        "source": cell.source.replace("{BOOK}", base),
    }
    if cell.cell_type == "code":
        made |= {"execution_count": None, "outputs": []}
    return made


def notebook_bytes(notebook: dict[str, Any]) -> bytes:
    """A notebook file in one fixed form."""
    return (json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def visible_checks(assignment: str, base: str) -> bank.Checks:
    """What ``check`` compares with, for the visible seeds; links start with ``base``.

    A mistake is told where it was made: a student who works in order meets it there, and of a later
    exercise ``check`` says that an earlier one is not right yet.
    """
    exercises = load_exercises(assignment)
    reference = source.load_reference(assignment)

    def linked(m: Mistake) -> Mistake:
        return Mistake(Match(m.match.name, m.match.hint, f"{base}/{m.match.link}"), m.runs)

    with np.errstate(all="ignore"):
        return bank.Checks(
            assignment,
            {n: expect(e, reference, e.visible_seeds) for n, e in exercises.items()},
            {
                n: tuple(
                    linked(m)
                    for m in source.mistakes_for(assignment, e, e.visible_seeds, inherited=False)
                )
                for n, e in exercises.items()
            },
        )


@lru_cache(maxsize=16)
def load_release(assignment: str, root: Path = source.ROOT) -> dict[str, Any]:
    """The released notebook, from ``assignments/``.

    Raises:
        ReleaseError: it is not there.
    """
    path = root / "assignments" / assignment / f"{assignment}.ipynb"
    if not path.is_file():
        source.source_path(assignment)  # an unknown assignment gets its own message
        command = Course(root).command(f"release {assignment}")
        raise ReleaseError(f"{assignment} is not released yet. Run: {command}")
    notebook = json.loads(path.read_text("utf-8"))
    for cell in notebook["cells"]:  # the file holds lists of lines, everything else expects text
        cell["source"] = "".join(cell["source"])
    return notebook


def differences(assignment: str, made: Path, committed: Path) -> list[str]:
    """How a fresh release differs from the committed one, in sentences; empty when it does not.

    The notebook has to be the same bytes. Expected results are compared as numbers, because another
    processor may round the last bit in another way.
    """
    found = []
    names = {p.name for p in made.iterdir()}
    if names != {p.name for p in committed.iterdir() if not p.name.startswith(".")}:
        found.append(f"{assignment}: the files are not {sorted(names)}")
    notebook = f"{assignment}.ipynb"
    if (made / notebook).read_bytes() != (committed / notebook).read_bytes():
        found.append(f"{notebook} is not what `course release {assignment}` makes")
    new, old = bank.load(made / "checks.npz"), bank.load(committed / "checks.npz")
    if new.assignment != old.assignment or list(new.expected) != list(old.expected):
        return [*found, "checks.npz is of other exercises"]
    drawn = {n for n, e in load_exercises(assignment).items() if e.rules}
    return found + [
        f"checks.npz differs in {n}" for n in new.expected if not same(new, old, n, n not in drawn)
    ]


def same(a: bank.Checks, b: bank.Checks, exercise: str, numbers: bool = True) -> bool:
    """Whether two files of checks agree in an exercise, up to the rounding of another processor.

    Args:
        numbers: compare the numbers too. What a training run or a sampler gives may differ by more
            than rounding on another processor: one draw that falls to the other side is enough.
    """

    def close(x: Mapping[str, np.ndarray], y: Mapping[str, np.ndarray]) -> bool:
        return list(x) == list(y) and all(
            x[k].shape == y[k].shape and np.allclose(x[k], y[k], rtol=1e-7, equal_nan=True)
            for k in x
        )

    right, other = a.expected[exercise], b.expected[exercise]
    known, others = a.mistakes[exercise], b.mistakes[exercise]
    return (
        list(right) == list(other)
        and [m.match for m in known] == [m.match for m in others]
        and (
            not numbers
            or (
                all(close(right[k].outputs, other[k].outputs) for k in right)
                and all(close(m.runs[k], o.runs[k]) for m, o in zip(known, others) for k in right)
            )
        )
    )


def check_committed(root: Path = source.ROOT) -> list[str]:
    """Release every assignment into a temporary course; return the differences to the commit."""
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        course = Course(Path(scratch))
        for name in ("_config.yml", "nbgrader_config.py"):
            if (root / name).is_file():
                shutil.copy(root / name, scratch)
        for assignment in source.assignments():
            made = release(course, assignment)
            found += differences(assignment, made, root / "assignments" / assignment)
    return found
