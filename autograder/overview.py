"""The page about the course: all graded assignments together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autograder import charts, html
from autograder.collected import hand_in
from autograder.concerns import RULES, Concern, concerns, section_words, sections
from autograder.course import Course, write_atomic
from autograder.export import read_people
from autograder.report import read_results
from autograder.results import Result
from autograder.source import assignments as known_assignments
from autograder.terms import read_terms

Results = Mapping[str, Mapping[str, Result]]
"""The results of every assignment by student."""


@dataclass(frozen=True)
class Spread:
    """The shares of the points in one assignment: least, quartiles, most; and how many had them."""

    assignment: str
    students: int
    quartiles: tuple[float, float, float, float, float]

    @property
    def words(self) -> str:
        low, q1, median, q3, high = self.quartiles
        return (
            f"median {median:.0%}, half of them {q1:.0%} to {q3:.0%}, all {low:.0%} to {high:.0%}"
        )


@dataclass(frozen=True)
class SectionLine:
    """A section of the book, and who made a mistake that it explains, by assignment."""

    link: str
    words: str
    students: Mapping[str, tuple[str, ...]]

    @property
    def everybody(self) -> tuple[str, ...]:
        return tuple(sorted({s for found in self.students.values() for s in found}))


@dataclass(frozen=True)
class CoursePage:
    """Everything that the template shows."""

    assignments: tuple[str, ...]
    students: tuple[str, ...]
    results: Results
    unreadable: tuple[tuple[str, str, str], ...]
    spreads: tuple[Spread, ...]
    sections: tuple[SectionLine, ...]
    concerns: tuple[Concern, ...]
    pages: frozenset[str]
    book: str


def spread(assignment: str, results: Mapping[str, Result]) -> Spread | None:
    """The spread of the points of the graded submissions; None if there are none."""
    shares = [
        r.score / r.max_score for r in results.values() if r.status == "graded" and r.max_score > 0
    ]
    if not shares:
        return None
    values = np.percentile(shares, [0, 25, 50, 75, 100])
    return Spread(assignment, len(shares), tuple(float(v) for v in values))


def section_lines(results: Results) -> tuple[SectionLine, ...]:
    """The sections of the book that explain the class's mistakes, the most needed first.

    The misconceptions of different assignments have names of their own; what they have in common is
    the place where the book explains them.
    """
    found: dict[str, dict[str, list[str]]] = {}
    for assignment, graded in results.items():
        for student, result in graded.items():
            for link in sections(result):
                found.setdefault(link, {}).setdefault(assignment, []).append(student)
    lines = [
        SectionLine(link, section_words(link), {a: tuple(sorted(s)) for a, s in places.items()})
        for link, places in found.items()
    ]
    return tuple(sorted(lines, key=lambda line: (-len(line.everybody), line.link)))


def course_page(course: Course) -> CoursePage:
    """Count everything that the page shows.

    Raises:
        FileNotFoundError: nothing has been graded.
        CourseError: the roster or the file of due dates cannot be used.
    """
    results, unreadable = {}, []
    for folder in sorted(p for p in course.records.glob("*") if p.is_dir()):
        read, damaged, _ = read_results(course, folder.name)
        unreadable += [(folder.name, *item) for item in damaged]
        if read:
            results[folder.name] = {r.student: r for r in read}
    if not results and not unreadable:
        command = course.command("grade ASSIGNMENT")
        raise FileNotFoundError(f"Nothing has been graded yet. Run: {command}")
    damaged = {(a, s) for a, s, _ in unreadable}
    students = sorted(
        {s for graded in results.values() for s in graded}
        | set(read_people(course))
        | {s for _, s in damaged}
    )
    terms = read_terms(course, known_assignments())
    attempts = {
        a: {s: hand_in(course, a, s, terms).attempts for s in graded}
        for a, graded in results.items()
    }
    return CoursePage(
        assignments=tuple(results),
        students=tuple(students),
        results=results,
        unreadable=tuple(unreadable),
        spreads=tuple(s for a, graded in results.items() if (s := spread(a, graded))),
        sections=section_lines(results),
        concerns=concerns(results, attempts, students, damaged),
        pages=frozenset(p.stem for p in (course.grading / "reports").glob("*.html")),
        book=html.book_url(course, course.grading / "reports"),
    )


def write_overview(course: Course) -> Path:
    """Write ``grading/reports/course.html`` and return its path; raises as :func:`course_page`."""
    template = html.environment().get_template("report/course.html.j2")
    text = template.render(
        page=course_page(course),
        rules=RULES,
        charts=charts,
        plural=html.plural,
        book_link=html.book_link,
    )
    path = course.grading / "reports" / "course.html"
    write_atomic(path, text.encode("utf-8", "replace"))
    return path
