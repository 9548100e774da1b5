"""Marks into nbgrader's gradebook: the only place that writes them.

Everything goes through :mod:`nbgrader.api`, so nbgrader's formgrader, feedback and export see
marks as if nbgrader had given them. A person's scores and comments are never touched.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from autograder.course import TEMPORARY, Course, CourseError, write_atomic
from autograder.results import Result
from autograder.sanitize import Cell, release_cells, release_kind

if TYPE_CHECKING:
    from nbgrader.api import Gradebook, Notebook

LOCK_PATIENCE = 60.0
"""Seconds for which a gradebook that another program holds is tried again."""

T = TypeVar("T")


class GradebookError(CourseError):
    """The gradebook cannot be used; the message says why and what to do."""


# --- opening --------------------------------------------------------------------------------------


def put_tools_on_path() -> None:
    """Let nbgrader find ``alembic``, which lies beside the Python that runs us."""
    folder = str(Path(sys.executable).parent)
    parts = os.environ.get("PATH", "").split(os.pathsep)
    if folder not in parts:
        os.environ["PATH"] = os.pathsep.join([folder, *parts])


@cache
def expected_version() -> str:
    """The version of the gradebook's tables that the installed nbgrader works with."""
    from alembic.script import ScriptDirectory
    from nbgrader.dbutil import ALEMBIC_DIR

    return str(ScriptDirectory(ALEMBIC_DIR).get_current_head())


def check_version(path: Path) -> None:
    """Look at a gradebook without changing it.

    Raises:
        GradebookError: it is no gradebook, cannot be read, or is of another version of nbgrader.
    """
    try:
        try:
            found = _versions(path, "ro")
        except sqlite3.OperationalError as error:
            if "readonly" not in str(error):
                raise
            # What wrote it was stopped in the middle of a commit: sqlite puts back what was there
            # before, which it cannot do without writing.
            found = _versions(path, "rw")
    except sqlite3.DatabaseError as error:
        if is_locked(error):
            return  # found out again, with patience, when it is written
        if "no such table" not in str(error):
            raise GradebookError(
                f"The gradebook {path} cannot be read ({error}). Look whether the file and its "
                "folder can be written. If it is damaged, put it back from a backup, or move it "
                "away: then a new one is made."
            ) from error
        found = []
    if found != [expected_version()]:
        raise GradebookError(
            f"The gradebook {path} is of version {', '.join(found) or 'unknown'}, this nbgrader "
            f"needs {expected_version()}. Copy the file to a safe place, then run "
            f"`nbgrader db upgrade` in {path.parent}."
        )


def _versions(path: Path, mode: str) -> list[str]:
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode={mode}", uri=True)) as db:
        return [str(v) for (v,) in db.execute("SELECT version_num FROM alembic_version")]


def create(course: Course) -> None:
    """Make an empty gradebook unless there is one. A crash leaves none rather than half of one."""
    path = course.gradebook
    if path.exists():
        return
    from nbgrader.api import Gradebook

    put_tools_on_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{TEMPORARY}{os.getpid()}-gradebook.db")
    temporary.unlink(missing_ok=True)
    try:
        with explained(path):
            Gradebook(f"sqlite:///{temporary.resolve()}").close()
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def open_gradebook(course: Course) -> Iterator[Gradebook]:
    """nbgrader's :class:`~nbgrader.api.Gradebook` of the course, made if there is none.

    Raises:
        GradebookError: it cannot be opened; see :func:`check_version`.
    """
    from nbgrader.api import Gradebook

    create(course)
    check_version(course.gradebook)
    with quiet():
        # sqlite's own patience of 5 s would only make the steps of ours coarser.
        gradebook = patiently(course, lambda: Gradebook(f"{course.gradebook_url}?timeout=1"))
    try:
        yield gradebook
    finally:
        gradebook.close()


# --- trouble --------------------------------------------------------------------------------------


def is_locked(error: BaseException) -> bool:
    return "locked" in str(error) or "database is busy" in str(error)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep nbgrader from printing a traceback for each attempt that a lock stops."""
    log = logging.getLogger("tornado.application")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn a database error into a :class:`GradebookError`. A lock passes as it is."""
    from nbgrader.api import InvalidEntry
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, InvalidEntry) as error:
        if is_locked(error):
            raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        advice = "Nothing is lost: put that right and run the same command again."
        if "no such" in reason:
            advice = "It is of another version of nbgrader: copy it and run `nbgrader db upgrade`."
        raise GradebookError(
            f"The gradebook {path} cannot be written: {reason}. {advice}"
        ) from error


def patiently(course: Course, action: Callable[[], T], undo: Callable[[], Any] = lambda: None) -> T:
    """Do ``action``; while another program holds the gradebook, ``undo`` and try again.

    Raises:
        GradebookError: it is still locked after ``LOCK_PATIENCE`` seconds, or broken.
    """
    from nbgrader.api import InvalidEntry
    from sqlalchemy.exc import SQLAlchemyError

    until = time.monotonic() + LOCK_PATIENCE
    pause = 0.1
    while True:
        try:
            with explained(course.gradebook), quiet():
                return action()
        except (SQLAlchemyError, InvalidEntry) as error:
            undo()
            if time.monotonic() > until:
                raise GradebookError(
                    f"The gradebook {course.gradebook} has been locked by another program for "
                    f"{LOCK_PATIENCE:.0f} s. Close what writes to it (formgrader, another nbgrader "
                    "command) and run the same command again; nothing is lost."
                ) from error
            time.sleep(pause)
            pause = min(2 * pause, 2.0)
        except BaseException:
            undo()
            raise


# --- the assignment -------------------------------------------------------------------------------


def ensure_assignment(
    course: Course, gradebook: Gradebook, assignment: str, release: dict[str, Any]
) -> None:
    """Make the gradebook know the cells of the release, with nbgrader's own SaveCells.

    Raises:
        GradebookError: it has submissions for a release with other cells.
    """

    def save() -> None:
        if _known_cells(gradebook, assignment) != _cells_of(release):
            _save_cells(course, gradebook, assignment, release)

    patiently(course, save, gradebook.db.rollback)


def _cells_of(release: dict[str, Any]) -> tuple[dict[str, float], set[str], set[str]]:
    """Graded cells with their points, answer cells, and all that nbgrader knows of."""
    metas = [m for c in release["cells"] if (m := c["metadata"].get("nbgrader"))]
    return (
        {m["grade_id"]: float(m["points"]) for m in metas if m["grade"]},
        {m["grade_id"] for m in metas if m["solution"]},
        {m["grade_id"] for m in metas},
    )


def _known_cells(
    gradebook: Gradebook, assignment: str
) -> tuple[dict[str, float], set[str], set[str]] | None:
    """The cells in the gradebook: SaveCells enters them one by one and may have been stopped."""
    from nbgrader.api import MissingEntry

    try:
        notebook = gradebook.find_notebook(assignment, assignment)
        return (
            {c.name: c.max_score for c in notebook.grade_cells},
            {c.name for c in notebook.solution_cells},
            {c.name for c in notebook.source_cells},
        )
    except MissingEntry:
        return None
    finally:
        gradebook.db.rollback()  # ends the reading transaction; SaveCells writes in its own


def _save_cells(
    course: Course, gradebook: Gradebook, assignment: str, release: dict[str, Any]
) -> None:
    import nbformat
    from nbgrader.preprocessors import SaveCells

    gradebook.update_or_create_assignment(assignment)
    nbgrader = {"notebook": assignment, "assignment": assignment, "db_url": course.gradebook_url}
    _make_room(course, gradebook, assignment, release)
    SaveCells().preprocess(nbformat.from_dict(release), {"nbgrader": nbgrader})
    gradebook.db.expire_all()


def prepare_release(course: Course, assignment: str, notebook: dict[str, Any]) -> None:
    """Make the gradebook ready for a release, before anything else of it is written.

    nbgrader refuses any other set of cells once there are submissions. Other locked text is
    harmless, because marks and comments hang on graded and answer cells, so it is let through.

    Raises:
        GradebookError: there are submissions, and graded or answer cells came or went.
    """
    with open_gradebook(course) as gradebook:
        patiently(
            course,
            lambda: _make_room(course, gradebook, assignment, notebook),
            gradebook.db.rollback,
        )


def _make_room(
    course: Course, gradebook: Gradebook, assignment: str, notebook: dict[str, Any]
) -> None:
    """Give the gradebook the locked cells of ``notebook``, if it has submissions."""
    from nbgrader.api import MissingEntry, SourceCell

    try:
        known = gradebook.find_notebook(assignment, assignment)
        metas = [c["metadata"].get("nbgrader") for c in notebook["cells"]]
        new = {m["grade_id"]: (m["grade"], m["solution"]) for m in metas if m}
        if not known.submissions:
            return  # SaveCells replaces what is there
        _require_same_answers(course, known, assignment, new)
        old = {cell.name: cell for cell in known.source_cells}
        for name in old.keys() - new.keys():
            gradebook.db.delete(old[name])
        for name in new.keys() - old.keys():  # what is in it comes from SaveCells
            gradebook.db.add(SourceCell(name=name, notebook=known, cell_type="markdown"))
        gradebook.db.commit()
    except MissingEntry:
        return
    finally:
        gradebook.db.rollback()  # ends the transaction; SaveCells writes in its own


def _require_same_answers(
    course: Course, known: Notebook, assignment: str, new: dict[str, tuple[bool, bool]]
) -> None:
    """Raise GradebookError unless the graded cells and the answer cells are those of ``new``."""
    old = [{c.name for c in known.grade_cells}, {c.name for c in known.solution_cells}]
    now = [{name for name, is_kind in new.items() if is_kind[kind]} for kind in (0, 1)]
    if old == now:
        return
    gone = sorted((old[0] - now[0]) | (old[1] - now[1]))
    come = sorted((now[0] - old[0]) | (now[1] - old[1]))
    words = [f"{what}: {', '.join(names)}" for what, names in (("gone", gone), ("new", come))]
    raise GradebookError(
        f"The gradebook {course.gradebook} holds submissions of {assignment} with other graded or "
        f"answer cells ({'; '.join(w for w, n in zip(words, (gone, come)) if n)}), and nbgrader "
        "cannot change those under marks. Either give the changed assignment a new name; or copy "
        "the gradebook to a safe place and move it away, release and grade again: then only the "
        "marks and comments that people gave have to be taken over by hand."
    )


# --- marks ----------------------------------------------------------------------------------------


def auto_scores(result: Result, written: set[str]) -> dict[str, float | None]:
    """The grader's score of each graded cell; None where a person has to give one.

    Args:
        written: grade_ids of the written answers of the release.
    """
    scores: dict[str, float | None] = {f"check_{v.exercise}": v.points for v in result.exercises}
    waiting = set(result.written) if result.status == "graded" else set()
    return scores | {name: None if name in waiting else 0.0 for name in written}


def write(
    course: Course,
    gradebook: Gradebook,
    result: Result,
    release: dict[str, Any],
    *,
    timestamp: str = "",
    changed: bool = True,
) -> None:
    """Write the marks of one submission in one transaction, whatever was there before.

    Scores and comments that a person gave stay. They are put up for review if ``changed``, that is,
    if the submission is not the one that the person saw.

    Raises:
        GradebookError: the gradebook is locked, full, read-only, ...; nothing is then changed.
    """
    patiently(
        course,
        lambda: _write(gradebook, result, release, timestamp, changed),
        gradebook.db.rollback,
    )


def _write(
    gradebook: Gradebook, result: Result, release: dict[str, Any], timestamp: str, changed: bool
) -> None:
    from nbgrader.utils import parse_utc

    when = {}
    with contextlib.suppress(ValueError, OverflowError, AttributeError, TypeError):
        when = {"timestamp": parse_utc(timestamp)} if timestamp else {}
    with gradebook.db.no_autoflush:
        gradebook.update_or_create_student(result.student)
        gradebook.update_or_create_submission(result.assignment, result.student, **when)
    notebook = gradebook.find_submission_notebook(
        result.assignment, result.assignment, result.student
    )
    scores = auto_scores(result, _names(release, "written"))
    # The names of all cells in two queries; `grade.name` would be one query for each mark.
    known = gradebook.find_notebook(result.assignment, result.assignment)
    names = {cell.id: cell.name for cell in (*known.grade_cells, *known.solution_cells)}
    for grade in notebook.grades:
        grade.auto_score = scores.get(names[grade.cell_id], 0.0)
        by_person = grade.manual_score is not None
        if result.status != "graded" or by_person:
            grade.needs_manual_grade = changed or grade.needs_manual_grade
        else:
            grade.needs_manual_grade = grade.auto_score is None
    silent = _unanswered(result, release)
    for comment in notebook.comments if silent is not None else ():
        comment.auto_comment = "No response." if names[comment.cell_id] in silent else None
    gradebook.db.commit()


def holds(gradebook: Gradebook, result: Result, release: dict[str, Any]) -> bool:
    """Whether the gradebook has these scores already."""
    from nbgrader.api import MissingEntry

    try:
        notebook = gradebook.find_submission_notebook(
            result.assignment, result.assignment, result.student
        )
    except MissingEntry:
        return False
    scores = auto_scores(result, _names(release, "written"))
    found = {g.name: g.auto_score for g in notebook.grades}
    gradebook.db.rollback()  # ends the reading transaction
    return found == scores


def _names(release: dict[str, Any], kind: str) -> set[str]:
    kinds = [release_kind(c) for c in release["cells"]]
    return {name for k, name in kinds if k == kind}


def _unanswered(result: Result, release: dict[str, Any]) -> set[str] | None:
    """Answer cells in which nothing was written, as nbgrader finds them; None if not known."""
    if result.status == "graded" and not result.cells:
        return None
    stubs = {
        c.name: c.source.strip()
        for c in release_cells(release)
        if c.kind in ("solution", "written")
    }
    given = {c["name"]: c["source"].strip() for c in result.cells if c["kind"] != "own"}
    return {name for name, stub in stubs.items() if given.get(name, stub) == stub}


# --- the graded notebook --------------------------------------------------------------------------


def notebook_path(course: Course, assignment: str, student: str) -> Path:
    return course.autograded / student / assignment / f"{assignment}.ipynb"


def graded_notebook(result: Result, release: dict[str, Any]) -> dict[str, Any]:
    """The notebook as it was graded, with the metadata of the release, for nbgrader and people.

    One that could not be graded is the release with a first cell that says why.
    """
    originals = {release_kind(c): c for c in release["cells"] if release_kind(c)[1]}
    if result.status == "graded":
        entries: list[dict[str, Any]] = list(result.cells)
    else:
        why = Cell("own", "", "markdown", "\n\n".join(f"**{note}**" for note in result.notes))
        given = [why, *release_cells(release)]
        entries = [
            {"kind": c.kind, "name": c.name, "cell_type": c.cell_type, "source": c.source}
            for c in given
        ]
    return {
        "cells": [_notebook_cell(e, originals) for e in entries],
        "metadata": {
            "kernelspec": release["metadata"].get("kernelspec", {}),
            "unrolled": _identity(result),
        },
        "nbformat": 4,
        "nbformat_minor": 4,
    }


def _identity(result: Result) -> dict[str, str]:
    """What tells this grading of a submission from an earlier one."""
    return {"submission": result.submission_hash, "checks": result.bank_hash}


def holds_notebook(course: Course, result: Result) -> bool:
    """Whether the graded notebook that is there is the one of ``result``."""
    path = notebook_path(course, result.assignment, result.student)
    try:
        return json.loads(path.read_bytes())["metadata"]["unrolled"] == _identity(result)
    except (OSError, ValueError, LookupError, TypeError):
        return False


def _notebook_cell(entry: dict[str, Any], originals: dict[tuple, dict]) -> dict[str, Any]:
    original = originals.get((entry["kind"], entry["name"]), {})
    cell = {
        "cell_type": entry["cell_type"],
        "metadata": original.get("metadata", {}),
        "source": entry["source"],
    }
    if entry["cell_type"] == "code":
        cell |= {"execution_count": None, "outputs": entry.get("outputs", [])}
    return cell


def write_notebook(
    course: Course, result: Result, release: dict[str, Any], timestamp: str = ""
) -> Path:
    """Write the graded notebook to where nbgrader looks for it.

    Raises:
        OSError: the disk is full, the folder is not writable.
    """
    path = notebook_path(course, result.assignment, result.student)
    text = json.dumps(graded_notebook(result, release), indent=1, sort_keys=True)
    write_atomic(path, f"{text}\n".encode(), mode=0o444)
    # nbgrader compares it with the submission's to see whether a newer one waits.
    beside = path.with_name("timestamp.txt")
    if timestamp:
        write_atomic(beside, timestamp.encode(), mode=0o444)
    else:
        beside.unlink(missing_ok=True)
    return path
