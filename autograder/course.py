"""The folders of a course, its secret, and writing files so that a crash leaves no half of one."""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path

MARKER = "nbgrader_config.py"
SECRET_BYTES = 32
TEMPORARY = ".writing-"
"""Prefix of files that are being written; the number of the writing process follows."""


class CourseError(Exception):
    """Something that the person at the keyboard can put right; the message says how.

    Every module's own errors of this kind are subclasses, so that a command shows the message alone
    and a run over a class ends with it instead of charging a submission.
    """


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _write_beside(path: Path, data: bytes, mode: int) -> Path:
    """Write ``data`` to a new file in the folder of ``path`` and on to the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fd, name = tempfile.mkstemp(prefix=f"{TEMPORARY}{os.getpid()}-", dir=path.parent)
    try:
        with os.fdopen(fd, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        os.unlink(name)
        raise
    return Path(name)


def write_atomic(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write ``data`` to ``path`` so that a reader, at any time, finds the old or the new file.

    Raises:
        OSError: the disk is full, the folder is not writable.
    """
    temporary = _write_beside(path, data, mode)
    try:
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def create_once(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write ``data`` to ``path`` unless it exists; of two that try at once, one wins whole."""
    temporary = _write_beside(path, data, mode)
    try:
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink()
    _sync_folder(path.parent)


def remove_leftovers(folder: Path) -> None:
    """Remove what processes that live no more were writing in ``folder`` when they were killed."""
    for path in folder.glob(f"{TEMPORARY}*"):
        writer = path.name.removeprefix(TEMPORARY).partition("-")[0]
        if not (writer.isdigit() and Path(f"/proc/{writer}").exists()):
            path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Course:
    """A course: the checkout at ``root``; all that a class produces lies under ``grading/``."""

    root: Path

    @classmethod
    def find(cls, start: Path | None = None) -> Course:
        """The course that holds the folder ``start`` (default: where the command runs).

        Raises:
            CourseError: neither that folder nor one above it is a course.
        """
        here = (start or Path.cwd()).resolve()
        for folder in (here, *here.parents):
            if (folder / MARKER).is_file():
                return cls(folder)
        raise CourseError(
            f"{here} is not in a course: no folder above it holds {MARKER}. "
            "Run the command in the course's folder or name that with --root."
        )

    def command(self, words: str) -> str:
        """What a person types for this course in the folder where they are now."""
        try:
            here = Course.find() == self
        except CourseError:
            here = False
        return f"course {words}" if here else f"course --root {shlex.quote(str(self.root))} {words}"

    @property
    def grading(self) -> Path:
        return self.root / "grading"

    @property
    def source(self) -> Path:
        return self.grading / "source"

    @property
    def released(self) -> Path:
        return self.grading / "release"

    @property
    def submitted(self) -> Path:
        return self.grading / "submitted"

    @property
    def autograded(self) -> Path:
        return self.grading / "autograded"

    @property
    def feedback(self) -> Path:
        return self.grading / "feedback"

    @property
    def records(self) -> Path:
        return self.grading / "records"

    @property
    def assignments(self) -> Path:
        """What students receive, one folder per assignment."""
        return self.root / "assignments"

    @property
    def gradebook(self) -> Path:
        return self.grading / "gradebook.db"

    @property
    def gradebook_url(self) -> str:
        return f"sqlite:///{self.gradebook.resolve()}"

    def has_secret(self) -> bool:
        """Whether anything was ever graded or released here."""
        return (self.grading / "secret").exists()

    def secret(self) -> bytes:
        """The secret from which the seeds of graded checks are derived; made at first use.

        Raises:
            CourseError: the file exists but does not hold a secret.
        """
        path = self.grading / "secret"
        if not path.exists():
            create_once(path, secrets.token_bytes(SECRET_BYTES))
        data = path.read_bytes()
        if len(data) != SECRET_BYTES:
            raise CourseError(
                f"{path} is damaged: it should hold {SECRET_BYTES} bytes and holds {len(data)}. "
                "Put it back from a backup, or remove it; a new one gives other test inputs."
            )
        return data
