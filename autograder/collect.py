"""Bring submissions into ``grading/submitted`` without following a link on the way.

nbgrader copies with the instructor's rights and follows links, so a student's link to a file that
only the instructor may read would become a copy of that file. Here only regular files are copied.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

from nbgrader.exchange.default import ExchangeCollect

from autograder.course import Course, CourseError, write_atomic
from autograder.sanitize import MAX_FILE, read_regular_files

MAX_FOLDER = 100_000_000
"""Bytes of all files of one submission, as in nbgrader."""


def copy_submission(source: Path, target: Path) -> int:
    """Copy the regular files of one folder, over what ``target`` held; return how many were left.

    Links, pipes, folders, files over 20 MB and what goes beyond 100 MB in all are left out.

    Raises:
        OSError: ``source`` is no folder or a link, or ``target`` cannot be written.
    """
    if not stat.S_ISDIR(source.lstat().st_mode):
        raise NotADirectoryError(f"{source} is not a folder")
    if target.is_symlink():
        target.unlink()
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    room, left_out = MAX_FOLDER, 0
    for name, data in read_regular_files(source, MAX_FILE):
        if data is None or len(data) > room:
            left_out += 1
            continue
        room -= len(data)
        write_atomic(target / name, data)
    return left_out


class SafeCollect(ExchangeCollect):
    """nbgrader's collect with :func:`copy_submission` in place of its copying."""

    def do_copy(self, src: str, dest: str, log: object = None) -> None:
        if left_out := copy_submission(Path(src), Path(dest)):
            self.log.warning("%s: links and other odd files were left out (%d)", src, left_out)


def collect_from(course: Course, assignment: str, folder: Path) -> list[str]:
    """Copy submissions from a folder with ``<student>/<assignment>/`` or ``<student>/`` in it.

    Returns:
        One sentence per student.

    Raises:
        CourseError: there is no such folder, or nobody in it handed in anything.
    """
    from autograder.grade import students_of

    said = []
    for student, path in students_of(folder).items():
        nested = path / assignment
        if os.path.lexists(nested):
            origin = nested
        elif list(path.glob("*.ipynb")):
            origin = path
        else:
            continue
        try:
            if path.is_symlink():
                raise NotADirectoryError("its folder is a link")
            left_out = copy_submission(origin, course.submitted / student / assignment)
        except OSError as error:
            said.append(f"{student}: not collected, {error.strerror or error}.")
            continue
        more = f"; odd files left out ({left_out})" if left_out else ""
        said.append(f"{student}: collected{more}.")
    if not said:
        raise CourseError(
            f"{folder} holds no submissions of {assignment}. Expected: <student>/{assignment}/, "
            "or <student>/ with the notebook in it."
        )
    return said


def collect_from_exchange(course: Course, assignment: str) -> int:
    """Run ``nbgrader collect``; the exit status is nbgrader's."""
    command = [sys.executable, "-m", "nbgrader", "collect", assignment, "--update"]
    return subprocess.run(command, cwd=course.root, check=False).returncode
