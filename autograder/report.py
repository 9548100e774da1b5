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

from autograder import html
from autograder.course import Course, write_atomic
from autograder.feedback import OUTCOMES, exercise_item, load_result
from autograder.marks import Marks, read_marks
from autograder.results import Result

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


@dataclass(frozen=True)
class ClassPage:
    """Everything that the template shows."""

    assignment: str
    book: str
    students: tuple[StudentLine, ...]
    exercises: tuple[ExerciseLine, ...]
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


def student_line(course: Course, assignment: str, result: Result, marks: Marks) -> StudentLine:
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


# --- figures --------------------------------------------------------------------------------------


def histogram_svg(bins: Sequence[Bin]) -> Markup:
    """The distribution of the points as SVG in the colours of the page."""
    width, height, base, top = 720, 220, 180, 30
    step = (width - 20) / len(bins)
    most = max(max(b.count for b in bins), 1)
    parts = [_line(10, base, width - 10, base)]
    for i, b in enumerate(bins):
        x, tall = 10 + i * step, (base - top) * b.count / most
        middle = x + step / 2
        if b.count:
            parts.append(
                f'<rect class="bar-plain" x="{x + 3:.1f}" y="{base - tall:.1f}" '
                f'width="{step - 6:.1f}" height="{tall:.1f}" rx="2"/>'
            )
            parts.append(_text(middle, base - tall - 7, b.count))
        parts.append(_text(middle, base + 18, b.label, "muted"))
    parts.append(_text(width / 2, height - 4, "points", "muted"))
    label = "How many submissions have how many points: " + "; ".join(
        f"{b.words}: {b.count}" for b in bins
    )
    return _svg(width, height, label, parts)


def outcomes_svg(lines: Sequence[ExerciseLine]) -> Markup:
    """One bar per exercise, divided by outcome. A sign and a pattern repeat what colour says."""
    left, width, row = 250, 720, 32
    parts = [_patterns()]
    for i, line in enumerate(lines):
        y, x = i * row + 4, float(left)
        parts.append(_text(left - 12, y + 17, line.name[:32], anchor="end"))
        total = max(sum(line.counts.values()), 1)
        for outcome, count in line.counts.items():
            if not count:
                continue
            wide = (width - left - 4) * count / total
            box = f'x="{x:.1f}" y="{y}" width="{wide:.1f}" height="{row - 8}"'
            parts.append(f'<g class="{outcome}"><rect class="tone" {box}/>')
            parts.append(f'<rect fill="url(#p-{outcome})" {box}/></g>')
            plate = 18 + 9 * len(str(count))
            if wide >= plate + 8:
                place = f'x="{x + 4:.1f}" y="{y + 4}" width="{plate}" height="16" rx="3"'
                parts.append(f'<rect class="plate" {place}/>')
                words = f"{OUTCOMES[outcome][0]} {count}"
                parts.append(_text(x + 4 + plate / 2, y + 16.5, words))
            x += wide
    return _svg(
        width, len(lines) * row + 4, "Outcomes per exercise; the table below has the numbers", parts
    )


def swatch(outcome: str) -> Markup:
    """The pattern of an outcome for the legend."""
    return Markup(
        f'<svg class="{outcome}" width="22" height="14" aria-hidden="true">'
        '<rect class="tone" width="22" height="14"/>'
        f'<rect fill="url(#p-{outcome})" width="22" height="14"/></svg>'
    )


def share_svg(count: int, total: int) -> Markup:
    """A small bar beside a count."""
    wide = 90 * count / max(total, 1)
    return Markup(
        '<svg width="90" height="10" aria-hidden="true">'
        f'<rect class="bar-plain" width="{wide:.1f}" height="10" rx="2"/></svg>'
    )


def _patterns() -> str:
    marks = {
        "pass": "",
        "partial": '<path class="mark" d="M0 8L8 0M-2 2L2 -2M6 10L10 6" stroke-width="1.6"/>',
        "fail": '<path class="mark" d="M0 0L8 8M0 8L8 0" stroke-width="1.3"/>',
        "error": '<circle class="dot" cx="4" cy="4" r="1.7"/>',
        "timeout": '<path class="mark" d="M4 0V8" stroke-width="1.8"/>',
        "missing": '<path class="mark" d="M0 4H8" stroke-width="4"/>',
    }
    return "<defs>{}</defs>".format(
        "".join(
            f'<pattern id="p-{name}" width="8" height="8" patternUnits="userSpaceOnUse">{mark}'
            "</pattern>"
            for name, mark in marks.items()
        )
    )


def _text(x: float, y: float, text: object, style: str = "", anchor: str = "middle") -> str:
    words = html.escape(str(text))
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>'


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="axis" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>'


def _svg(width: int, height: int, label: str, parts: Sequence[str]) -> Markup:
    head = f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{html.escape(label)}">'
    return Markup(head + "".join(parts) + "</svg>")


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
        raise FileNotFoundError(f"No records of {assignment}: grade it first.")
    marks = read_marks(course.gradebook_url, assignment)
    graded = [r for r in results if r.status == "graded"]
    top = max((r.max_score for r in graded), default=0.0)
    scores = [r.score for r in graded]
    return ClassPage(
        assignment=assignment,
        book=html.book_url(course, course.grading / "reports"),
        students=tuple(
            student_line(course, assignment, r, marks.get(r.student, Marks())) for r in results
        ),
        exercises=exercise_lines(graded),
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
        histogram_svg=histogram_svg,
        outcomes_svg=outcomes_svg,
        swatch=swatch,
        share_svg=share_svg,
        plural=html.plural,
        book_link=html.book_link,
    )
    path = course.grading / "reports" / f"{assignment}.html"
    write_atomic(path, text.encode("utf-8", "replace"))
    return path
