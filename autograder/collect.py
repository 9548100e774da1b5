"""Bring submissions into ``grading/submitted`` without following a link on the way.

nbgrader copies with the instructor's rights and follows links, so a student's link to a file that
only the instructor may read would become a copy of that file. Here only regular files are copied.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbgrader.exchange.default import ExchangeCollect

from autograder import lms
from autograder.course import Course, CourseError, create_once, write_atomic
from autograder.grade import student_id, students_of
from autograder.publish import add_origins
from autograder.release import load_release
from autograder.sanitize import (
    MAX_FILE,
    name_similarity,
    read_regular_files,
    read_submission,
    sanitize,
)

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
    """nbgrader's collect with :func:`copy_submission` in place of its copying.

    Every version that a student handed in is kept, and the newest that can be read is taken; with
    nbgrader's own, a broken file that is handed in last hides the good one before it.
    """

    def copy_files(self) -> None:
        course = Course(Path(self.coursedir.root).parent)
        try:
            release = load_release(self.coursedir.assignment_id, course.root)
        except CourseError as error:
            self.fail(str(error))
        self.src_records = [self.readable(course, release, r) for r in self.src_records]
        super().copy_files()

    def readable(
        self, course: Course, release: Mapping[str, Any], newest: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Keep what a student handed in up to a record; return the newest that can be read.

        The record itself if none can be: then the grader says what is wrong with it.
        """
        student, assignment = newest["username"], self.coursedir.assignment_id
        folders = Path(self.inbound_path).glob(f"{glob.escape(student)}+{assignment}+*")
        records = [self._path_to_record(str(folder)) for folder in folders]
        found = []
        for record in self._sort_by_timestamp(records):
            if record["timestamp"] > newest["timestamp"] or record["username"] != student:
                continue
            data = read_submission(Path(self.inbound_path, record["filename"]), assignment).data
            if data is not None:
                when = lms.comparable_time(record["timestamp"].isoformat())
                keep(course, assignment, student, data, when)
                if sanitize(data, release).status == "graded":
                    found.append(record)
        if found and found[0]["filename"] != newest["filename"]:
            text = "%s: what came at %s cannot be read; what came at %s counts"
            self.log.warning(text, student, newest["timestamp"], found[0]["timestamp"])
        return found[0] if found else newest

    def do_copy(self, src: str, dest: str, log: object = None) -> None:
        if left_out := copy_submission(Path(src), Path(dest)):
            self.log.warning("%s: links and other odd files were left out (%d)", src, left_out)


@dataclass(frozen=True)
class Taken:
    """What was done about one student: a row of the table that the command prints."""

    student: str
    taken: str
    when: str
    note: str

    @property
    def ok(self) -> bool:
        return bool(self.taken)


def collect_from_zip(course: Course, assignment: str, path: Path) -> tuple[list[Taken], list[str]]:
    """Take submissions out of a learning platform's zip file; see :mod:`autograder.lms`.

    Of several hand-ins the newest that can be read counts. Every one is kept, under
    ``grading/collected``; a submission that is there already is replaced by a newer one alone.

    Returns:
        A row per student, and sentences about members of the zip file that were left out.

    Raises:
        CourseError: the zip file or the roster cannot be used.
    """
    contents = lms.read_zip(path)
    roster = lms.read_roster(course.grading / "roster.csv")
    by_student: dict[str, list[lms.Handed]] = {}
    unknown: dict[str, str] = {}
    for file in contents.files:
        student = roster.find(file.names)
        if student is None:
            student = safe_name(file.key)
            if roster.path:
                unknown[student] = "not in the roster"
        by_student.setdefault(student, []).append(file)
    rows = [
        take(course, assignment, student, files, unknown.get(student, ""))
        for student, files in sorted(by_student.items())
    ]
    found = {student: newest(files, assignment) for student, files in by_student.items()}
    members = {student: files[0].member for student, files in found.items() if files}
    add_origins(course, assignment, contents.platform, members)
    return rows, contents.left_out


def newest(files: list[lms.Handed], assignment: str) -> list[lms.Handed]:
    """The notebooks among the files of one student, the newest first."""
    return sorted(
        (f for f in files if is_notebook(f.file)),
        key=lambda f: (f.when, f.attempt, name_similarity(f.file, assignment)),
        reverse=True,
    )


def take(
    course: Course, assignment: str, student: str, files: list[lms.Handed], note: str = ""
) -> Taken:
    """Keep all notebooks of a student and make the newest that can be read the submission."""
    notes = [note] if note else []
    newest_first = newest(files, assignment)
    if not newest_first:
        others = ", ".join(sorted(shown(f.file) for f in files)[:3])
        return Taken(student, "", "", "; ".join([*notes, f"no notebook among: {others}"]))
    release = load_release(assignment, course.root)
    for file in newest_first:
        keep(course, assignment, student, file.data, file.when)
    readable = [f for f in newest_first if sanitize(f.data, release).status == "graded"]
    chosen = (readable or newest_first)[0]
    if len(newest_first) > 1:
        notes.append(f"{len(newest_first)} notebooks, this one counts")
    if chosen is not newest_first[0]:
        notes.append(f"{shown(newest_first[0].file)} is newer and cannot be read")
    elif not readable:
        notes.append("it cannot be read")
    if chosen.late:
        notes.append("late")
    before = course.submitted / student / assignment
    there = read_submission(before, assignment) if before.exists() else None
    when = lms.comparable_time(there.timestamp) if there else ""
    if there and there.data == chosen.data:
        notes.append("it was there already")
    elif there and when and chosen.when and when > chosen.when:
        return Taken(student, "", chosen.when, "; ".join([*notes, f"the one of {when} is newer"]))
    else:
        if there and there.data is not None:
            keep(course, assignment, student, there.data, when)
        replace_submission(before, assignment, chosen.data, chosen.when)
    return Taken(student, shown(chosen.file), chosen.when, "; ".join(notes))


def is_notebook(path: str) -> bool:
    *folders, name = path.split("/")
    hidden = any(part.startswith((".", "__MACOSX")) for part in (*folders, name))
    return name.lower().endswith(".ipynb") and not hidden


def keep(course: Course, assignment: str, student: str, data: bytes, when: str) -> None:
    """Keep a version of a submission for good; the same one is kept once."""
    mark = hashlib.sha256(data).hexdigest()[:12]
    folder = course.grading / "collected" / assignment / student
    if not list(folder.glob(f"*{mark}.ipynb")):
        stamp = f"{when.replace(':', '-')}-" if when else ""
        create_once(folder / f"{stamp}{mark}.ipynb", data)


def replace_submission(folder: Path, assignment: str, data: bytes, when: str) -> None:
    """Make ``data`` the submission in ``folder``, with nbgrader's time stamp if one is known."""
    if folder.is_symlink():
        folder.unlink()
    fresh = folder.with_name(f".{folder.name}-new")
    shutil.rmtree(fresh, ignore_errors=True)
    write_atomic(fresh / f"{assignment}.ipynb", data)
    if when:
        write_atomic(fresh / "timestamp.txt", f"{when.replace('T', ' ')} UTC\n".encode())
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)


def safe_name(key: str) -> str:
    """What a platform calls a student, as the name of a folder."""
    text = re.sub(r"[^\w.@+-]+", "-", unicodedata.normalize("NFC", key)).strip("-.")
    return student_id(text or "nameless")


def shown(name: str) -> str:
    text = "".join(c if c.isprintable() else "?" for c in name)
    return text if len(text) <= 60 else f"{text[:57]}..."


def table(rows: list[Taken], left_out: list[str]) -> str:
    """The rows as text, with the left-out members and a last line that counts."""
    head = Taken("student", "taken", "handed in", "note")
    wide = [max(len(getattr(r, k)) for r in [head, *rows]) for k in ("student", "taken", "when")]
    lines = [
        f"{r.student:{wide[0]}}  {r.taken or '-':{wide[1]}}  {r.when or '-':{wide[2]}}  {r.note}"
        for r in [head, *rows]
    ]
    lines += [f"left out: {text}" for text in left_out]
    count = sum(r.ok for r in rows)
    lines.append(f"{count} of {len(rows)} students have a submission from this file.")
    return "\n".join(line.rstrip() for line in lines)


def collect_from(course: Course, assignment: str, folder: Path) -> list[str]:
    """Copy submissions from a folder of students' folders.

    In a student's folder the notebook lies in ``<assignment>/``, in ``assignments/<assignment>/``
    or directly. A folder may be a Git clone; the time of the last commit then dates what is there.
    What was collected before is kept under ``grading/collected``.

    Returns:
        One sentence per student.

    Raises:
        CourseError: there is no such folder, or nobody in it handed in anything.
    """
    said = []
    for student, path in students_of(folder).items():
        origin = origin_of(path, assignment)
        if origin is None:
            continue
        target = course.submitted / student / assignment
        try:
            if path.is_symlink():
                raise NotADirectoryError("its folder is a link")
            before = read_submission(target, assignment)
            if before.data is not None:
                when = lms.comparable_time(before.timestamp)
                keep(course, assignment, student, before.data, when)
            left_out = copy_submission(origin, target)
            if (path / ".git").exists():  # what a student says about the time counts for nothing
                (target / "timestamp.txt").unlink(missing_ok=True)
            if when := commit_time(path):
                write_atomic(target / "timestamp.txt", f"{when.replace('T', ' ')} UTC\n".encode())
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


def origin_of(path: Path, assignment: str) -> Path | None:
    """The folder in a student's folder that holds the submission; None if there is none."""
    for nested in (path / assignment, path / "assignments" / assignment):
        if os.path.lexists(nested):
            return nested
    return path if list(path.glob("*.ipynb")) else None


def commit_time(clone: Path) -> str:
    """The time of the last commit of a Git clone, in UTC; "" for a folder that is none.

    A clone's own settings can name programs to run; the one command here needs none of them.
    """
    if not (clone / ".git").exists():
        return ""
    safe = [
        "-c",
        "core.fsmonitor=false",
        "-c",
        "core.hooksPath=/dev/null",
        "-c",
        "log.showSignature=false",
    ]
    command = ["git", *safe, "-C", str(clone), "log", "-1", "--no-ext-diff", "--format=%cI"]
    environment = {**os.environ, "GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=20, check=False, env=environment
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return lms.comparable_time(done.stdout) if done.returncode == 0 else ""


def collect_from_exchange(course: Course, assignment: str) -> int:
    """Run ``nbgrader collect``; the exit status is nbgrader's."""
    command = [sys.executable, "-m", "nbgrader", "collect", assignment, "--update"]
    return subprocess.run(command, cwd=course.root, check=False).returncode
