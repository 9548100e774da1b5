"""Marks as the tables that a learning platform's gradebook imports, or as one for a person.

Who is who comes from ``grading/roster.csv``, whose columns may be ``id``, ``name``, ``email``,
``login``, ``canvas`` (Canvas's own number), ``sis`` and ``section``; numbers that the roster does
not have are taken from the zip files that were collected. Marks hold what persons gave and what
lateness costs.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, MissingEntry

from autograder import lms, terms
from autograder.course import Course, CourseError, write_atomic
from autograder.gradebook import open_gradebook
from autograder.nbgrader import MarksCsv, marks_row, spreadsheet_safe
from autograder.publish import read_origins

FORMATS = ("nbgrader", "csv", "canvas", "moodle")

CANVAS_HEAD = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
MOODLE_HEAD = (
    *("Identifier", "Full name", "Email address", "Status", "Grade", "Maximum Grade"),
    *("Grade can be changed", "Last modified (submission)", "Last modified (grade)"),
)
"""The columns of Moodle's grading worksheet; it does not take one that lacks the last."""


@dataclass(frozen=True)
class Entry:
    """One student's mark of one assignment; None without a submission. ``waits``: answers that a
    person has yet to mark. ``when`` is the time of the hand-in in UTC."""

    student: str
    mark: float | None
    max_mark: float
    waits: int = 0
    when: str = ""


@dataclass(frozen=True)
class Table:
    """A table to write, and sentences about what is not in it or not final."""

    rows: list[list[Any]]
    notes: list[str]


def export(
    course: Course,
    form: str = "nbgrader",
    assignment: str | None = None,
    target: Path | None = None,
    *,
    zero: bool = False,
    column_id: str = "",
) -> tuple[Path, list[str]]:
    """Write a table of marks.

    Args:
        form: one of :data:`FORMATS`. ``canvas`` and ``moodle`` need an assignment.
        assignment: only this one; all if left out.
        target: the file; ``grading/grades.csv`` or ``grading/<assignment>-<form>.csv`` if left out.
        zero: who handed in nothing gets 0 instead of an empty mark (canvas, moodle, csv).
        column_id: Canvas's number of the assignment, which is then found without a question.

    Returns:
        The file, and sentences about students who are not in it and marks that are not final.

    Raises:
        CourseError: there are no marks, or the roster cannot be used.
    """
    if not course.gradebook.is_file():
        raise CourseError(
            f"There are no marks yet: {course.gradebook} does not exist. Run: "
            + course.command(f"grade {assignment or 'ASSIGNMENT'}")
        )
    if form in ("canvas", "moodle") and assignment is None:
        raise CourseError(
            f"{form.title()} takes one assignment at a time. For example: "
            + course.command(f"export a1_rnn --format {form}")
        )
    stem = f"{assignment}-{form}" if form != "nbgrader" else "grades"
    path = target or course.grading / f"{stem if assignment else 'grades'}.csv"
    people = read_people(course)
    with open_gradebook(course) as gradebook:
        for known in gradebook.assignments:
            terms.update(course, gradebook, known.name)
        if form == "nbgrader":
            MarksCsv(to=str(path), assignment=[assignment] if assignment else []).export(gradebook)
            return path, []
        names = [assignment] if assignment else [a.name for a in gradebook.assignments]
        marks = {name: entries(course, gradebook, name, people) for name in names}
    table = {
        "csv": lambda: wide_table(marks, people, zero),
        "canvas": lambda: canvas_table(course, assignment, marks, people, zero, column_id),
        "moodle": lambda: moodle_table(course, assignment, marks, people, zero),
    }[form]()
    write_atomic(path, csv_bytes(table.rows))
    return path, [*table.notes, *unfinished(course, marks, zero)]


def csv_bytes(rows: list[list[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([[spreadsheet_safe(value) for value in row] for row in rows])
    return text.getvalue().encode()


def read_people(course: Course) -> dict[str, dict[str, str]]:
    """The rows of the roster by id, with the columns' names in small letters.

    Raises:
        CourseError: the roster cannot be used; see :func:`autograder.lms.read_roster`.
    """
    path = course.grading / "roster.csv"
    if not lms.read_roster(path).path:
        return {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [
            {k.strip().lower(): (v or "").strip() for k, v in row.items() if isinstance(k, str)}
            for row in csv.DictReader(file)
        ]
    return {row["id"]: row for row in rows}


def entries(
    course: Course, gradebook: Gradebook, assignment: str, people: Mapping[str, Any]
) -> dict[str, Entry]:
    """The marks of an assignment for everybody in the gradebook or the roster.

    Raises:
        CourseError: the gradebook does not know the assignment.
    """
    try:
        known = gradebook.find_assignment(assignment)
    except MissingEntry:
        raise CourseError(
            f"The gradebook has no marks of {assignment}. Run: "
            + course.command(f"grade {assignment}")
        ) from None
    found = {}
    for student in gradebook.students:
        row = marks_row(gradebook, known, student)
        try:
            submission = gradebook.find_submission(assignment, student.id)
        except MissingEntry:
            continue
        waits = sum(g.needs_manual_grade for n in submission.notebooks for g in n.grades)
        when = f"{row['timestamp']:%Y-%m-%d %H:%M}" if row["timestamp"] else ""
        found[student.id] = Entry(student.id, row["score"], row["max_score"], waits, when)
    listed = {*people, *(s.id for s in gradebook.students)}
    absent = {s: Entry(s, None, known.max_score) for s in listed - set(found)}
    return dict(sorted({**found, **absent}.items()))


def shown(entry: Entry, zero: bool) -> str:
    """A mark as platforms read it: with a point, without digits that say nothing."""
    mark = 0.0 if entry.mark is None and zero else entry.mark
    return "" if mark is None else f"{round(mark, 4):g}"


def unfinished(course: Course, marks: Mapping[str, Mapping[str, Entry]], zero: bool) -> list[str]:
    """Sentences about marks that are missing or may still change."""
    notes = []
    for assignment, found in marks.items():
        if waiting := [e.student for e in found.values() if e.waits]:
            notes.append(
                f"{assignment}: answers of {some(waiting)} wait for a person's mark and count "
                f"nothing yet. Give them with: {course.command('formgrader')}"
            )
        if absent := [e.student for e in found.values() if e.mark is None]:
            what = "0" if zero else "empty; --zero writes 0"
            notes.append(f"{assignment}: nothing was handed in by {some(absent)} ({what}).")
    return notes


def some(names: list[str], most: int = 10) -> str:
    """Names in a sentence; the number of the others where there are many."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


# --- the formats ----------------------------------------------------------------------------------


def wide_table(
    marks: Mapping[str, Mapping[str, Entry]], people: Mapping[str, dict[str, str]], zero: bool
) -> Table:
    """A row per student, a column per assignment, and the sum."""
    rows: list[list[Any]] = [["student_id", "name", "email", *marks, "sum"]]
    for student in sorted({s for found in marks.values() for s in found}):
        own = [found[student] for found in marks.values()]
        person = people.get(student, {})
        total = sum(e.mark or 0.0 for e in own)
        rows.append(
            [student, person.get("name", ""), person.get("email", "")]
            + [shown(e, zero) for e in own]
            + [f"{round(total, 4):g}"]
        )
    return Table(rows, [])


def left_out(found: Mapping[str, Entry], unknown: list[str], need: str) -> list[str]:
    """The sentence about students whom the platform would not know, with their marks."""
    if not unknown:
        return []
    who = [f"{s} ({shown(found[s], False) or 'no mark'})" for s in unknown]
    return [f"Not in the file, because {need}: {some(who, 50)}."]


def canvas_table(
    course: Course,
    assignment: str,
    marks: Mapping[str, Mapping[str, Entry]],
    people: Mapping[str, dict[str, str]],
    zero: bool,
    column_id: str,
) -> Table:
    """Canvas's gradebook: it knows a student by its own number, the SIS id or the login."""
    origins = read_origins(course, assignment).get("canvas", {})
    found = marks[assignment]
    points = max((e.max_mark for e in found.values()), default=0.0)
    column = f"{assignment} ({column_id})" if column_id else assignment
    rows: list[list[Any]] = [
        [*CANVAS_HEAD, column],
        ["    Points Possible", "", "", "", "", f"{points:g}"],
    ]
    unknown = []
    for student, entry in found.items():
        person = people.get(student, {})
        member = lms.CANVAS.match(origins.get(student, "").rsplit("/", 1)[-1])
        number = person.get("canvas") or (member["user"] if member else "")
        ids = [number, person.get("sis", ""), person.get("login", "")]
        if not any(ids):
            unknown.append(student)
            continue
        name = person.get("name") or student
        rows.append([name, *ids, person.get("section", ""), shown(entry, zero)])
    need = "the roster has no `canvas`, `sis` or `login` of them"
    notes = left_out(found, unknown, need)
    notes.append(
        "In Canvas: Grades, Import. The assignment has to be published, or Canvas takes it for a "
        "new one. Where Canvas has a mark already, the one in the file replaces it, an empty one "
        "too; the page that it shows before it saves lists every change."
    )
    if not column_id:
        notes.append(
            f"Canvas will ask which of its assignments {assignment} is; with --column-id NUMBER "
            "(it stands in the address of the assignment's page) it knows."
        )
    return Table(rows, notes)


def moodle_table(
    course: Course,
    assignment: str,
    marks: Mapping[str, Mapping[str, Entry]],
    people: Mapping[str, dict[str, str]],
    zero: bool,
) -> Table:
    """Moodle's grading worksheet, which its gradebook imports by e-mail address as well."""
    origins = read_origins(course, assignment).get("moodle", {})
    found = marks[assignment]
    rows: list[list[Any]] = [list(MOODLE_HEAD)]
    unknown, by_mail = [], []
    for student, entry in found.items():
        person = people.get(student, {})
        member = lms.MOODLE.match(origins.get(student, ""))
        email = person.get("email", "")
        if not member and not email:
            unknown.append(student)
            continue
        if not member:
            by_mail.append(student)
        rows.append(
            [
                f"Participant {member['user']}" if member else "",
                person.get("name") or (member["name"] if member else student),
                email,
                "" if entry.mark is None else "Submitted for grading",
                shown(entry, zero),
                f"{entry.max_mark:g}",
                "Yes",
                entry.when,
                "",
            ]
        )
    notes = left_out(found, unknown, "neither a participant's number nor an `email` is known")
    if by_mail:
        notes.append(
            f"Without a participant's number: {some(by_mail)}. The worksheet of the assignment "
            "passes over them; the import into the gradebook, by e-mail address, does not."
        )
    notes.append(
        "In Moodle: the assignment, Upload grading worksheet (the assignment's setting Offline "
        "grading worksheet has to be on). Students whose mark stands there already are passed over "
        'unless you tick "Allow updating records that have been modified more recently in Moodle '
        'than in the spreadsheet".'
    )
    return Table(rows, notes)
