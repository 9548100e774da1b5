"""Due dates, the late policy and extensions: ``grading/course.toml``.

    timezone = "Europe/Berlin"

    [late]
    grace_minutes = 10    # this late is not late
    per_day = 0.10        # share of the points that each started day costs
    most_days = 3         # what is later counts for nothing

    [due]
    a1_rnn = 2026-12-01T23:59:00

    [extensions.a1_rnn]
    jdoe = 2026-12-08T23:59:00

Without the file nothing is due and nothing is late. Penalties are written where nbgrader keeps
them, beside the points, so its formgrader, feedback and export show them.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from autograder import source
from autograder.course import Course, CourseError
from autograder.gradebook import patiently

if TYPE_CHECKING:
    from nbgrader.api import Gradebook

NAME = "course.toml"
DAY = timedelta(days=1)
EXAMPLE = [line[4:] for line in __doc__.splitlines() if line.startswith("    ") or not line]
TEMPLATE = "\n".join(EXAMPLE).strip() + "\n"


class TermsError(CourseError):
    """The file is not as it must be; the message names the line."""


@dataclass(frozen=True)
class Terms:
    """When what is due, and what lateness costs. Times are UTC without a zone, as in nbgrader."""

    due: Mapping[str, datetime] = field(default_factory=dict)
    extensions: Mapping[str, Mapping[str, datetime]] = field(default_factory=dict)
    grace: timedelta = timedelta(0)
    per_day: float = 0.0
    most_days: int | None = None

    def due_for(self, assignment: str, student: str) -> datetime | None:
        """When a student has to hand in; None if the assignment has no date."""
        extended = self.extensions.get(assignment, {}).get(student)
        return extended or self.due.get(assignment)

    def days_late(self, assignment: str, student: str, when: datetime | None) -> int:
        """Started days after the student's date; 0 within the grace time or without a date."""
        due = self.due_for(assignment, student)
        if due is None or when is None or when <= due + self.grace:
            return 0
        return math.ceil((when - due) / DAY)

    def penalty(self, assignment: str, student: str, when: datetime | None) -> float:
        """The share of the points that is lost, from 0 to 1."""
        days = self.days_late(assignment, student, when)
        if self.most_days is not None and days > self.most_days:
            return 1.0
        return min(1.0, days * self.per_day)


def read_terms(course: Course, assignments: list[str]) -> Terms | None:
    """Read the course's file; None if there is none.

    Raises:
        TermsError: something in it cannot be meant so.
    """
    path = course.grading / NAME
    if not path.is_file():
        return None
    data = path.read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise TermsError(f"{path}, line {line}: not UTF-8. Save the file as UTF-8.") from error
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TermsError(f"{path}: {error}.") from error
    return _Reader(path, text, assignments).read(data)


class _Reader:
    """Turns the tables of the file into :class:`Terms`, or says which line is wrong."""

    def __init__(self, path: Path, text: str, assignments: list[str]):
        self.path, self.lines, self.assignments = path, text.splitlines(), assignments

    def read(self, data: dict[str, Any]) -> Terms:
        self.known(data, "", ("timezone", "late", "due", "extensions"))
        late = self.table(data, "late")
        self.known(late, "late", ("grace_minutes", "per_day", "most_days"))
        zone = self.zone(data.get("timezone", "UTC"))
        due = self.dates(self.table(data, "due"), "due", zone)
        self.known(due, "due", self.assignments)
        extended = self.table(data, "extensions")
        self.known(extended, "extensions", self.assignments)
        most = late.get("most_days")
        return Terms(
            due=due,
            extensions={
                a: self.dates(self.table(extended, a, "extensions."), f"extensions.{a}", zone)
                for a in extended
            },
            grace=timedelta(minutes=self.number(late, "grace_minutes", 0, 7 * 24 * 60)),
            per_day=self.number(late, "per_day", 0, 1),
            most_days=None if most is None else int(self.number(late, "most_days", 0, 1000)),
        )

    def table(self, data: dict[str, Any], key: str, prefix: str = "") -> dict[str, Any]:
        value = data.get(key, {})
        if not isinstance(value, dict):
            self.refuse(prefix.rstrip("."), key, "must be a table of its own, with names below it")
        return value

    def known(self, table: Mapping[str, Any], where: str, names: Any) -> None:
        for key in table:
            if key not in names:
                self.refuse(where, key, f"is not known; it may be {', '.join(names) or 'nothing'}")

    def zone(self, name: Any) -> ZoneInfo:
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
            self.refuse("", "timezone", 'is no time zone; it is written like "Europe/Berlin"')

    def number(self, table: Mapping[str, Any], key: str, low: float, high: float) -> float:
        value = table.get(key, 0)
        plain = isinstance(value, int | float) and not isinstance(value, bool)
        if not plain or not low <= value <= high:
            self.refuse("late", key, f"must be a number from {low} to {high}")
        return value

    def dates(self, table: Mapping[str, Any], where: str, zone: ZoneInfo) -> dict[str, datetime]:
        found = {}
        for key, value in table.items():
            if not isinstance(value, datetime):
                self.refuse(where, key, "must be a date with a time, such as 2026-12-01T23:59:00")
            local = value if value.tzinfo else value.replace(tzinfo=zone)
            found[key] = local.astimezone(UTC).replace(tzinfo=None)
        return found

    def refuse(self, where: str, key: str, why: str) -> Any:
        raise TermsError(f"{self.path}, line {self.line(where, key)}: `{key}` {why}.")

    def line(self, where: str, key: str) -> int:
        """The line on which a key of a table stands, as far as plain reading tells."""
        table = ""
        for number, line in enumerate(self.lines, 1):
            if head := re.match(r"\s*\[\s*([^\]]+?)\s*\]", line):
                table = head[1].replace(" ", "").replace('"', "")
                if table == (f"{where}.{key}" if where else key):
                    return number
            elif table == where and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]", line):
                return number
        return 1


def update(course: Course, gradebook: Gradebook, assignment: str) -> None:
    """Bring due dates, extensions and penalties in nbgrader's gradebook up to date.

    A penalty is a share of all points, those that a person gave too, so this runs again whenever
    marks are about to be used. Without the file the gradebook is left as it is.

    Raises:
        TermsError: the file cannot be used.
        GradebookError: the gradebook cannot be written.
    """
    terms = read_terms(course, source.assignments())
    if terms is None:
        return

    def write() -> None:
        apply(terms, gradebook, assignment)
        gradebook.db.commit()

    patiently(course, write, gradebook.db.rollback)


def apply(terms: Terms, gradebook: Gradebook, assignment: str) -> None:
    """Set what follows from ``terms`` on the assignment and its submissions; commit nothing."""
    entry = gradebook.find_assignment(assignment)
    entry.duedate = terms.due.get(assignment)
    for submission in gradebook.assignment_submissions(assignment):
        student = submission.student.id
        own = terms.due_for(assignment, student)
        extended = entry.duedate is not None and own is not None and own != entry.duedate
        submission.extension = own - entry.duedate if extended else None
        share = terms.penalty(assignment, student, submission.timestamp)
        for notebook in submission.notebooks:
            notebook.late_submission_penalty = share * notebook.score if share else None


def describe(terms: Terms, students: Container[str] | None = None) -> str:
    """The dates as a table, for a person who wants to see whether the file was understood.

    Args:
        students: the ids of the roster; an extension for anybody else is marked.
    """
    lines = [f"{'assignment':20} due (UTC)            extensions"]
    for name in sorted({*terms.due, *terms.extensions}):
        due = terms.due.get(name)
        lines.append(f"{name:20} {due or 'never'!s:20} {len(terms.extensions.get(name, {}))}")
        for student, when in sorted(terms.extensions.get(name, {}).items()):
            known = students is None or student in students
            lines.append(f"  {student:18} {when}{'' if known else '  not in the roster'}")
    minutes = terms.grace / timedelta(minutes=1)
    until = "" if terms.most_days is None else f"; later than {terms.most_days} days costs all"
    lines.append(
        f"Late by more than {minutes:g} minutes: {terms.per_day:.0%} of the points a started day"
        f"{until}."
    )
    return "\n".join(lines)
