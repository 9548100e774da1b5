"""The page about the class: marks, exercises, misconceptions, and who needs a person."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup

from autograder import charts, html, similarity
from autograder.collected import Bucket, HandIn, hand_in, timing
from autograder.course import Course, CourseError, write_atomic
from autograder.feedback import OUTCOMES, exercise_item, load_result
from autograder.items import Item, items
from autograder.marks import Marks, read_marks
from autograder.release import load_release
from autograder.results import Result
from autograder.source import assignments as known_assignments
from autograder.terms import read_terms

GRADER_OUTCOMES = ("pass", "partial", "fail", "error", "timeout", "missing")
BINS = 10
"""Most bars of the histogram."""


@dataclass(frozen=True)
class Bin:
    """One bar of the histogram: submissions with ``low <= score < high``, the last one closed."""

    low: float
    high: float
    count: int
    closed: bool = False

    @property
    def label(self) -> str:
        return f"{html.number(self.low)}–{html.number(self.high)}"

    @property
    def words(self) -> str:
        end = "to" if self.closed else "to below"
        return f"{html.number(self.low)} {end} {html.number(self.high)}"


@dataclass(frozen=True)
class ExerciseLine:
    """One exercise over the class."""

    name: str
    max_points: float
    mean: float
    counts: dict[str, int]


@dataclass(frozen=True)
class MisconceptionLine:
    """One misconception over the class."""

    exercise: str
    name: str
    hint: str
    link: str
    students: tuple[str, ...]


@dataclass(frozen=True)
class StudentLine:
    """One student: the outcome of every exercise, points, and what waits for a person."""

    student: str
    page: str
    status: str
    points: float | None
    max_points: float
    outcomes: tuple[tuple[str, str], ...]
    waiting: int
    seconds: float
    notes: tuple[str, ...]
    needs_human: bool
    hand_in: HandIn


@dataclass(frozen=True)
class ClassPage:
    """Everything that the template shows."""

    assignment: str
    book: str
    students: tuple[StudentLine, ...]
    exercises: tuple[ExerciseLine, ...]
    items: tuple[Item, ...]
    timing: tuple[Bucket, ...]
    likeness: similarity.Likeness
    comparisons: tuple[tuple[similarity.Pair, tuple[similarity.Side, similarity.Side]], ...]
    misconceptions: tuple[MisconceptionLine, ...]
    bins: tuple[Bin, ...]
    status: dict[str, int]
    unreadable_records: tuple[tuple[str, str], ...]
    median: float | None
    mean: float | None
    max_points: float
    graded_at: str
    banks: tuple[str, ...]
    versions: tuple[tuple[str, str], ...]

    @property
    def human(self) -> tuple[StudentLine, ...]:
        return tuple(s for s in self.students if s.needs_human)

    @property
    def noted(self) -> tuple[StudentLine, ...]:
        return tuple(s for s in self.students if s.notes and not s.needs_human)

    @property
    def written_waiting(self) -> int:
        return sum(s.waiting for s in self.students)


# --- counting -------------------------------------------------------------------------------------


def histogram(scores: Sequence[float], top: float) -> tuple[Bin, ...]:
    """Count ``scores`` in at most ten bins of equal, whole or half-point width over [0, top]."""
    if top <= 0:
        return ()
    width = next(w for w in _widths() if top / w <= BINS)
    count = math.ceil(top / width - 1e-9)
    edges = [width * i for i in range(count)] + [top]
    counts = Counter(min(max(int(s / width + 1e-9), 0), count - 1) for s in scores)
    return tuple(
        Bin(edges[i], edges[i + 1], counts[i], closed=i == count - 1) for i in range(count)
    )


def _widths():
    base = 0.5
    while True:
        yield from (base, 2 * base, 4 * base, 10 * base)
        base *= 10


def exercise_lines(results: Sequence[Result]) -> tuple[ExerciseLine, ...]:
    """Mean points and outcomes per exercise, in the order of the assignment."""
    order = max((r.exercises for r in results), key=len, default=())
    names = dict.fromkeys(v.exercise for v in order)
    names |= dict.fromkeys(v.exercise for r in results for v in r.exercises)
    lines = []
    for name in names:
        verdicts = [v for r in results for v in r.exercises if v.exercise == name]
        counts = Counter(v.outcome for v in verdicts)
        lines.append(
            ExerciseLine(
                name=name,
                max_points=max(v.max_points for v in verdicts),
                mean=statistics.fmean(v.points for v in verdicts),
                counts={o: counts[o] for o in GRADER_OUTCOMES},
            )
        )
    return tuple(lines)


def misconception_lines(results: Sequence[Result]) -> tuple[MisconceptionLine, ...]:
    """Misconceptions by the number of students who have them, the most frequent first."""
    found: dict[tuple[str, str], list[str]] = {}
    words: dict[tuple[str, str], tuple[str, str]] = {}
    for result in results:
        for verdict in result.exercises:
            for match in verdict.matches:
                key = (verdict.exercise, match.name)
                found.setdefault(key, []).append(result.student)
                words[key] = (match.hint, match.link)
    lines = [
        MisconceptionLine(*key, *words[key], tuple(dict.fromkeys(who)))
        for key, who in found.items()
    ]
    return tuple(sorted(lines, key=lambda m: (-len(m.students), m.exercise, m.name)))


def student_line(
    course: Course, assignment: str, result: Result, marks: Marks, handed: HandIn
) -> StudentLine:
    """One line of the table of students; marks by a person count as in the feedback."""
    items = [exercise_item(v, marks) for v in result.exercises]
    checks = {f"check_{v.exercise}" for v in result.exercises}
    written = {name: m for name, m in marks.marks.items() if name not in checks}
    waiting = {n for n, m in written.items() if m.waits and not m.by_person}
    waiting |= {n for n in result.written if n not in written}
    if result.status != "graded":
        waiting = set()
    notes = [*result.notes, *disagreements(result, marks)]
    path = course.feedback / result.student / assignment / f"{assignment}.html"
    relative = Path("..", "feedback", result.student, assignment, path.name)
    return StudentLine(
        student=result.student,
        page=quote(relative.as_posix()) if path.is_file() else "",
        status=result.status,
        points=sum(i.points for i in items)
        + sum(m.score for m in written.values())
        - marks.late_penalty,
        max_points=result.max_score + sum(m.max_score for m in written.values()),
        outcomes=tuple((i.name, i.outcome) for i in items),
        waiting=len(waiting),
        seconds=result.seconds,
        notes=tuple(notes),
        needs_human=result.needs_human
        or result.status == "unreadable"
        or len(notes) > len(result.notes),
        hand_in=handed,
    )


def disagreements(result: Result, marks: Marks) -> list[str]:
    """Exercises for which the gradebook holds another automatic mark than the record."""
    return [
        f"The gradebook holds {html.number(mark.auto_score)} points for `{v.exercise}`, the record "
        f"{html.number(v.points)}. Grade the submission again to settle it."
        for v in result.exercises
        if (mark := marks.marks.get(f"check_{v.exercise}")) is not None
        and mark.auto_score is not None
        and abs(mark.auto_score - v.points) > 1e-6
    ]


# --- the page -------------------------------------------------------------------------------------


def read_results(
    course: Course, assignment: str
) -> tuple[list[Result], list[tuple[str, str]], float]:
    """All records of an assignment.

    Returns:
        the results by student, ``(student, reason)`` for records that cannot be read, and the time
        at which the newest was written (seconds since the epoch; 0.0 if there is none).
    """
    results, unreadable, newest = [], [], 0.0
    for path in sorted((course.records / assignment).glob("*.json")):
        try:
            results.append(load_result(path, path.stem, assignment))
            newest = max(newest, path.stat().st_mtime)
        except (OSError, ValueError) as error:
            unreadable.append((path.stem, str(error)))
    return results, unreadable, newest


def class_page(course: Course, assignment: str) -> ClassPage:
    """Count everything that the page shows.

    Raises:
        FileNotFoundError: nothing of this assignment has been graded.
    """
    results, unreadable, newest = read_results(course, assignment)
    if not results and not unreadable:
        command = course.command(f"grade {assignment}")
        raise FileNotFoundError(f"No records of {assignment}. Run: {command}")
    marks = read_marks(course.gradebook_url, assignment)
    graded = [r for r in results if r.status == "graded"]
    top = max((r.max_score for r in graded), default=0.0)
    scores = [r.score for r in graded]
    terms = read_terms(course, known_assignments())
    handed = {r.student: hand_in(course, assignment, r.student, terms) for r in results}
    likeness, comparisons = alike(course, assignment, [r.student for r in graded])
    return ClassPage(
        assignment=assignment,
        book=html.book_url(course, course.grading / "reports"),
        students=tuple(
            student_line(course, assignment, r, marks.get(r.student, Marks()), handed[r.student])
            for r in results
        ),
        exercises=exercise_lines(graded),
        items=items(graded),
        timing=timing(handed.values()),
        likeness=likeness,
        comparisons=comparisons,
        misconceptions=misconception_lines(graded),
        bins=histogram(scores, top),
        status={
            s: sum(r.status == s for r in results) for s in ("graded", "unreadable", "missing")
        },
        unreadable_records=tuple(unreadable),
        median=statistics.median(scores) if scores else None,
        mean=statistics.fmean(scores) if scores else None,
        max_points=top,
        graded_at=f"{datetime.fromtimestamp(newest, UTC):%Y-%m-%d %H:%M} UTC" if newest else "",
        banks=tuple(sorted({r.bank_hash for r in graded if r.bank_hash})),
        versions=tuple(sorted({item for r in graded for item in r.versions.items()})),
    )


def alike(course: Course, assignment: str, students: Sequence[str]) -> tuple:
    """The likeness of the answers of a class, and the pairs to show with their two sides."""
    answers = similarity.class_answers(course, assignment, students)
    release = released_answers(course, assignment)
    likeness = similarity.compare(answers, release)
    shown = likeness.pairs[: similarity.SHOWN]
    return likeness, tuple((p, similarity.sides(p, answers)) for p in shown)


def released_answers(course: Course, assignment: str) -> similarity.Answers:
    """The answer cells as students get them; none if the assignment is not released."""
    for root in ({"root": course.root}, {}):
        try:
            return similarity.answers_of(load_release(assignment, **root))
        except CourseError:
            continue
    return {}


def marked(source: str, passages: Sequence[similarity.Passage]) -> Markup:
    """Highlighted source in which the lines of ``passages`` are marked."""
    alike = {n for p in passages for n in range(p.first, p.last + 1)}
    plain, same = '<span class="line">', '<span class="line same">'
    lines = str(html.highlight(source)).split("\n")
    return Markup(
        "\n".join(
            same + line.removeprefix(plain) if n in alike else line
            for n, line in enumerate(lines, 1)
        )
    )


def write_report(course: Course, assignment: str) -> Path:
    """Write ``grading/reports/<assignment>.html`` and return its path.

    Raises:
        FileNotFoundError: nothing of this assignment has been graded.
        GradebookError: the gradebook cannot be read; see :func:`autograder.marks.read_marks`.
    """
    page = class_page(course, assignment)
    template = html.environment().get_template("report/index.html.j2")
    text = template.render(
        page=page,
        outcomes=OUTCOMES,
        grader_outcomes=GRADER_OUTCOMES,
        charts=charts,
        marked=marked,
        least=similarity.LEAST,
        times=similarity.TIMES,
        plural=html.plural,
        book_link=html.book_link,
    )
    path = course.grading / "reports" / f"{assignment}.html"
    write_atomic(path, text.encode("utf-8", "replace"))
    return path
