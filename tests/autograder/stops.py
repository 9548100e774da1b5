"""Stop a grading run at its k-th durable operation, for every k; look at what the next one makes.

A durable operation is one after which the disk holds something else: a file that is put in its
place, synchronised, linked or removed, and a commit of the gradebook. The run is a fork of the test
process, which kills itself or fails there; nothing in the grader knows of this.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import sqlite3
import struct
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import notebooks as nb
from classroom import ASSIGNMENT, VERSIONS, grade_by_looks, hand_in
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError

from autograder import grade
from autograder import gradebook as gb
from autograder.cli import explanation
from autograder.course import Course

OPERATIONS = ("fsync", "replace", "link", "unlink")
SAID, DONE, FAILED = 40, 0, 41
"""How a run in a fork ends: with a message for a person, well, with an error of ours."""


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def disk_full() -> None:
    raise OSError(28, "No space left on device")


@contextmanager
def fault_at(k: int, fault: Callable[[], None]) -> Iterator[list[str]]:
    """Let ``fault`` happen in the place of the ``k``-th durable operation; yield what was done.

    A full disk stays full: it happens at every later operation that writes, too.
    """
    done: list[str] = []
    originals = {name: getattr(os, name) for name in OPERATIONS}

    def count(name: str) -> None:
        here = len(done)
        done.append(name)
        if here == k or (here > k and fault is disk_full and name != "unlink"):
            fault()

    def hooked(name: str) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            count(name)
            return originals[name](*args, **options)

        return call

    def committing(connection: Any) -> None:
        try:
            count("commit")
        except OSError as error:
            full = sqlite3.OperationalError("database or disk is full")
            raise OperationalError("COMMIT", None, full) from error  # as sqlalchemy wraps it

    for name in OPERATIONS:
        setattr(os, name, hooked(name))
    event.listen(Engine, "commit", committing)
    try:
        yield done
    finally:
        event.remove(Engine, "commit", committing)
        for name, original in originals.items():
            setattr(os, name, original)


def grade_here(course: Course) -> None:
    """One run in this process, with a grader that looks at submissions only."""

    def outcomes(jobs: Any, count: int, scheduler: str | None) -> Iterator[Any]:
        for job in jobs:
            yield job, grade_by_looks(job)

    before = grade.outcomes, grade.versions, grade.source.bank_hash
    grade.outcomes, grade.versions = outcomes, lambda: VERSIONS
    grade.source.bank_hash = lambda assignment: "bank"
    try:
        grade.grade_class(
            course,
            ASSIGNMENT,
            progress=False,
            json=course.root / "out.json",
            allow_weak_wall=True,  # nothing is run
        )
    finally:
        grade.outcomes, grade.versions, grade.source.bank_hash = before


def in_fork(action: Callable[[], None]) -> tuple[int, str]:
    """Do something in a fork; how it ended, as ``subprocess`` says it, and what a person is told.

    A fault of ours ends it with ``FAILED``, what ``course`` would say in a sentence with ``SAID``.
    """
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = FAILED
        try:
            action()
            status = DONE
        except Exception as error:
            told = explanation(error)
            if told is None:
                traceback.print_exc(file=sys.stderr)
            else:
                status = SAID
                os.write(theirs, told.encode())
        finally:
            os._exit(status)
    os.close(theirs)
    with os.fdopen(ours) as pipe:
        told = pipe.read()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), told


def run_in_fork(course: Course, k: int, fault: Callable[[], None]) -> int:
    """A run with a fault in a fork; how it ended."""

    def run() -> None:
        with fault_at(k, fault):
            grade_here(course)

    return in_fork(run)[0]


def obey_file_modes() -> None:
    """Give up root's power to write what is read-only, for good; nothing changes for others."""
    header = struct.pack("<Ii", 0x20080522, 0)  # the third version of capset, for this process
    none = bytes(24)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capset(header, none) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def count_operations(course: Course) -> int:
    with fault_at(-1, kill) as done:
        grade_here(course)
    return len(done)


def copy_of(course: Course, target: Path) -> Course:
    shutil.copytree(course.root, target)
    return Course(target)


def first_class(course: Course) -> None:
    """A good, an empty and an unreadable submission, and a student who handed in nothing."""
    (hand_in(course, "alice") / "timestamp.txt").write_text("2025-03-01 12:00:00 UTC")
    hand_in(course, "bob", nb.make_release())
    hand_in(course, "dave", b"{")
    (course.submitted / "erin").mkdir()


def second_class(course: Course) -> None:
    """The first one graded and marked by a person; then some hand in again."""
    first_class(course)
    grade_here(course)
    with gb.open_gradebook(course) as gradebook:
        for student, score in (("alice", 2.0), ("bob", 1.0)):
            mark = gradebook.find_grade("in_words", ASSIGNMENT, ASSIGNMENT, student)
            mark.manual_score, mark.needs_manual_grade = score, False
            comment = gradebook.find_comment("in_words", ASSIGNMENT, ASSIGNMENT, student)
            comment.manual_comment = "By hand."
        gradebook.db.commit()
    (course.submitted / "alice" / ASSIGNMENT / "timestamp.txt").unlink()
    hand_in(course, "alice", nb.solved(lambda n: nb.find(n, "in_words").update(source="Other.")))
    hand_in(course, "dave")
    hand_in(course, "bob", b"[")


def state(course: Course) -> dict[str, Any]:
    """All that a run leaves: files byte by byte, the rows of the gradebook without its own ids."""
    files = {
        str(p.relative_to(course.root)): p.read_bytes()
        for p in sorted(course.root.rglob("*"))
        if p.is_file() and p != course.gradebook and p.suffix != ".lock"
    }
    with gb.open_gradebook(course) as gradebook:
        rows = {
            submission.student.id: (
                str(submission.timestamp),
                sorted(
                    (g.name, g.auto_score, g.manual_score, g.needs_manual_grade, g.max_score)
                    for notebook in submission.notebooks
                    for g in notebook.grades
                ),
                sorted(
                    (c.name, c.auto_comment, c.manual_comment)
                    for notebook in submission.notebooks
                    for c in notebook.comments
                ),
            )
            for submission in gradebook.assignment_submissions(ASSIGNMENT)
        }
    return {"files": files, "gradebook": rows}
