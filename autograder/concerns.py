"""Who may need help, by rules that stand on the page, each with its reason in words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from autograder import html
from autograder.results import Result

LOW = 0.5
"""Below this share of an assignment's points."""
MANY = 5
"""Versions handed in of an assignment that is still not all right."""
RULES = (
    "Nothing was handed in of an assignment that others handed in.",
    "The submission could not be read.",
    f"Below {LOW:.0%} of the points that the grader gives.",
    f"{MANY} or more versions were handed in, and not everything is right.",
    "The same part of the book explains a mistake in more than one assignment.",
)


@dataclass(frozen=True)
class Concern:
    """A student and the reasons, in sentences."""

    student: str
    reasons: tuple[str, ...]


def concerns(
    results: Mapping[str, Mapping[str, Result]],
    attempts: Mapping[str, Mapping[str, int]],
    students: Sequence[str],
    damaged: Collection[tuple[str, str]] = (),
) -> tuple[Concern, ...]:
    """Everybody to whom a rule applies, who has the most reasons first.

    Args:
        results: of every assignment by student.
        attempts: versions handed in, of every assignment by student.
        students: everybody in the course.
        damaged: assignment and student of records that cannot be read: of these nothing is said.
    """
    found = []
    for student in students:
        reasons = [
            reason
            for assignment, graded in results.items()
            if (assignment, student) not in damaged
            for reason in reasons_in(
                assignment, graded.get(student), attempts.get(assignment, {}).get(student, 0)
            )
        ]
        own = {a: graded[student] for a, graded in results.items() if student in graded}
        reasons += [
            f"Mistakes in {' and '.join(places)} that the same part of the book explains: "
            f"{section_words(link)}."
            for link, places in repeated(own).items()
        ]
        if reasons:
            found.append(Concern(student, tuple(reasons)))
    return tuple(sorted(found, key=lambda c: (-len(c.reasons), c.student)))


def reasons_in(assignment: str, result: Result | None, attempts: int) -> list[str]:
    """What one assignment gives reason for."""
    if result is None or result.status == "missing":
        return [f"{assignment}: nothing was handed in."]
    if result.status == "unreadable":
        return [f"{assignment}: the submission could not be read."]
    score, most = result.score, result.max_score
    reasons = []
    if score < LOW * most - 1e-9:
        points = f"{html.number(score)} of {html.number(most)} points"
        reasons.append(f"{assignment}: {points} by the grader.")
    if attempts >= MANY and score < most - 1e-9:
        reasons.append(f"{assignment}: {attempts} versions, and not everything is right.")
    return reasons


def repeated(results: Mapping[str, Result]) -> dict[str, list[str]]:
    """The assignments in which a section of the book explains a mistake, where they are several."""
    places: dict[str, list[str]] = {}
    for assignment, result in results.items():
        for link in sections(result):
            places.setdefault(link, []).append(assignment)
    return {link: found for link, found in places.items() if len(found) > 1}


def sections(result: Result) -> list[str]:
    """The links of the misconceptions of a submission, each once."""
    return list(dict.fromkeys(m.link for v in result.exercises for m in v.matches))


def section_words(link: str) -> str:
    """A link into the book as text."""
    return str(html.book_link("", link).striptags())
