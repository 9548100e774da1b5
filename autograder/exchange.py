"""nbgrader's exchange: assignments go out through it, and pages of feedback come back to students.

nbgrader finds a student's page by a secret that lies beside the submission. Its own release of
feedback expects that secret beside the page, stops at the first submission that has none, and
reaches nobody who handed in under another file name; here all of them are reached or named.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from nbgrader.exchange.default import ExchangeReleaseFeedback
from nbgrader.utils import notebook_hash

from autograder.course import Course, CourseError, write_atomic
from autograder.records import read_record
from autograder.sanitize import MAX_FILE, read_regular_files, read_submission

SECRET = "submission_secret.txt"
LOG_PREFIX = re.compile(r"^\[\w+ \| (?P<level>\w+)\] ?")


class CourseReleaseFeedback(ExchangeReleaseFeedback):
    """nbgrader's release of feedback, with the submission's own secret and file names."""

    def copy_files(self) -> None:
        """Put the page of every student who is meant into the exchange; name those who get none."""
        course = Course(Path(self.coursedir.root).parent)
        assignment = self.coursedir.assignment_id
        left_out = set(self.coursedir.student_id_exclude.split(","))
        for page in self.pages():
            student = page.parent.parent.name
            if student in left_out:
                continue
            if reason := self.send(course, assignment, student, page):
                self.log.warning("%s: not released, %s.", student, reason)
            else:
                self.log.info("%s: released.", student)

    def pages(self) -> list[Path]:
        """The pages of the students that the command names."""
        base = Path(self.coursedir.root) / self.coursedir.feedback_directory
        assignment = self.coursedir.assignment_id
        return sorted(base.glob(f"{self.coursedir.student_id}/{assignment}/{assignment}.html"))

    def send(self, course: Course, assignment: str, student: str, page: Path) -> str:
        """Copy one page to where its student looks for it; say why not, "" if it was done."""
        folder = course.submitted / student / assignment
        files = {name: data for name, data in read_regular_files(folder, MAX_FILE) if data}
        secret = files.get(SECRET, b"").decode("utf-8", "replace")
        if not secret:
            return "the submission did not come through the exchange"
        record, _ = read_record(course, assignment, student)
        if record is None or record.submission_hash != read_submission(folder, assignment).hash:
            command = course.command(f"grade {assignment} --student {student}")
            return f"a newer submission waits ({command})"
        names = {Path(name).stem for name in files if name.endswith(".ipynb")} | {assignment}
        for name in sorted(names):  # the student's nbgrader asks by the name that was handed in
            checksum = notebook_hash(secret=secret, notebook_id=name)
            write_atomic(Path(self.dest_path) / f"{checksum}.html", page.read_bytes())
        return ""


def release_assignment(course: Course, assignment: str) -> list[str]:
    """Put the released assignment into the exchange, over what was there; return what was said.

    Raises:
        CourseError: nbgrader refuses; the message is its own.
    """
    return nbgrader(course, "release_assignment", assignment, "--force")


def release_feedback(
    course: Course, assignment: str, students: list[str] | None = None
) -> list[str]:
    """Put the pages that were written into the exchange; return what was said of whom.

    Raises:
        CourseError: nbgrader refuses; the message is its own.
    """
    chosen = [[f"--student={s}"] for s in students] if students else [[]]
    said = [
        line
        for words in chosen
        for line in nbgrader(course, "release_feedback", assignment, *words)
    ]
    sent = sum(line.endswith(": released.") for line in said)
    return [*said, f"Pages of feedback that are in the exchange now: {sent}."]


def nbgrader(course: Course, *words: str) -> list[str]:
    """Run one of nbgrader's commands with the course's settings; return the lines that it logs.

    A command of its own reads the settings of the machine and of the course as nbgrader documents.
    """
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *words],
        cwd=course.root,
        capture_output=True,
        text=True,
        check=False,
    )
    said = [(LOG_PREFIX.match(line), line) for line in done.stderr.splitlines()]
    lines = [(m["level"], line[m.end() :]) for m, line in said if m]
    if done.returncode:
        faults = [text for level, text in lines if level in ("ERROR", "CRITICAL")]
        known = [text for text in faults if text != f"nbgrader {words[0]} failed"]
        reason = " ".join(known or faults or done.stderr.strip().splitlines()[-1:])
        raise CourseError(f"nbgrader {words[0]}: {reason}")
    return [text for _, text in lines]
