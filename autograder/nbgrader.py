"""What ``nbgrader_config.py`` sets, so that nbgrader's own commands work on the course.

``nbgrader autograde`` runs this course's grader: the same reading, sandbox, judge and writing as
``course grade``, so both give the same marks. nbgrader's own run cannot be kept: it follows links
when it copies a submission, opens pipes, passes over a renamed notebook, stops at one that it
cannot read, and has no setting for any of this.
"""

from __future__ import annotations

import csv
import io
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import nbgrader.apps.api
import nbgrader.apps.autogradeapp
import nbgrader.converters
from nbgrader.api import Assignment, Gradebook, MissingEntry, Student
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.plugins import CsvExportPlugin
from traitlets.config import Config

from autograder import feedback
from autograder.collect import SafeCollect
from autograder.course import Course, CourseError, write_atomic
from autograder.exchange import CourseReleaseFeedback
from autograder.gradebook import put_tools_on_path


class CourseAutograde(Autograde):
    """nbgrader's converter, with the course's own grader in place of nbgrader's two passes."""

    def start(self) -> None:
        """Grade what ``--student`` and ``--assignment`` name.

        Raises:
            NbGraderException: the course, the gradebook or the sandbox is not ready.
        """
        from autograder.grade import grade_class, students_of

        course = Course(Path(self.coursedir.root).parent)
        left_out = self.coursedir.student_id_exclude.split(",")
        try:
            chosen = [
                student
                for student in students_of(course.submitted)
                if fnmatchcase(student, self.coursedir.student_id) and student not in left_out
            ]
            results = grade_class(
                course,
                self.coursedir.assignment_id,
                students=chosen,
                force=self.force,
                progress=False,
            )
        except CourseError as error:
            self.log.error("%s", error)
            raise NbGraderException(str(error)) from error
        for result in results:
            log = self.log.warning if result.needs_human else self.log.info
            points = f"{result.score:g} of {result.max_score:g} points"
            log("%s: %s, %s. %s", result.student, result.status, points, " ".join(result.notes))


class MarksCsv(CsvExportPlugin):
    """nbgrader's table of marks, as CSV that a spreadsheet reads as text and numbers only."""

    FIELDS = (
        *("assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email"),
        *("raw_score", "late_submission_penalty", "score", "max_score"),
    )

    def export(self, gradebook: Gradebook) -> None:
        """Write the table to ``to`` (default: ``grades.csv``)."""
        target = Path(self.to or "grades.csv")
        table = io.StringIO()
        writer = csv.DictWriter(table, self.FIELDS, lineterminator="\n")
        writer.writeheader()
        wanted = {str(name) for name in self.assignment}
        students = {str(name) for name in self.student}
        for assignment in gradebook.assignments:
            for student in sorted(gradebook.students, key=lambda s: (s.last_name or "", s.id)):
                if (not wanted or assignment.name in wanted) and (
                    not students or student.id in students
                ):
                    row = marks_row(gradebook, assignment, student)
                    writer.writerow({key: spreadsheet_safe(value) for key, value in row.items()})
        write_atomic(target, table.getvalue().encode())
        self.log.info("Exported marks to %s", target)


def marks_row(gradebook: Gradebook, assignment: Assignment, student: Student) -> dict[str, Any]:
    """One line of the table; a student who handed in nothing has 0 points."""
    row = {
        "assignment": assignment.name,
        "duedate": assignment.duedate,
        "timestamp": None,
        "student_id": student.id,
        "last_name": student.last_name,
        "first_name": student.first_name,
        "email": student.email,
        "raw_score": 0.0,
        "late_submission_penalty": 0.0,
        "score": 0.0,
        "max_score": assignment.max_score,
    }
    try:
        submission = gradebook.find_submission(assignment.name, student.id)
    except MissingEntry:
        return row
    penalty = submission.late_submission_penalty or 0.0
    return row | {
        "timestamp": submission.timestamp,
        "raw_score": submission.score,
        "late_submission_penalty": penalty,
        "score": max(0.0, submission.score - penalty),
    }


FORMULA = re.compile(r"(^|[,;|\t\r\n])(?=[\s\"']*[=+\-@\uff1d\uff0b\uff0d\uff20])|^(?=[\t\r\n])")
"""Where a formula could begin: at the start, or behind a separator that some spreadsheet uses."""


def spreadsheet_safe(value: Any) -> str:
    """A value as text that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    return FORMULA.sub(r"\1'", value) if isinstance(value, str) else str(value)


def configure(c: Config, root: Path) -> Config:
    """Set up nbgrader for the course at ``root``; called from ``nbgrader_config.py``."""
    course = Course(Path(root).resolve())
    put_tools_on_path()
    c.CourseDirectory.root = str(course.grading)
    c.ExportApp.plugin_class = MarksCsv
    c.ExchangeFactory.collect = SafeCollect
    c.ExchangeFactory.release_feedback = CourseReleaseFeedback
    # The formgrader shows a student's cells in the instructor's browser: markup in them stays text.
    c.HTMLExporter.sanitize_html = True
    feedback.configure(c, course)
    # nbgrader has no setting for the converter's class; these are the places that look it up.
    for module in (nbgrader.converters, nbgrader.apps.api, nbgrader.apps.autogradeapp):
        module.Autograde = CourseAutograde
    return c
