"""``course regrade``: whose mark changes with other checks, submissions or versions, and why."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder import grade, source
from autograder.course import Course, CourseError
from autograder.pool import Lost
from autograder.records import read_record, read_records, up_to_date
from autograder.release import load_release
from autograder.results import Result
from autograder.sanitize import read_submission
from unrolled.verdict import Verdict


@dataclass(frozen=True)
class Change:
    """One submission that was graded again: what is on record, and what comes out now."""

    before: Result | None
    after: Result

    @property
    def marks_differ(self) -> bool:
        return self.before is None or (self.before.status, self.before.score) != (
            self.after.status,
            self.after.score,
        )

    def exercises(self) -> Iterator[tuple[Verdict | None, Verdict | None]]:
        """Verdicts before and after that differ in outcome, points or misconception."""
        old = {v.exercise: v for v in self.before.exercises} if self.before else {}
        new = {v.exercise: v for v in self.after.exercises}
        for name in dict.fromkeys([*old, *new]):
            if verdict_text(old.get(name)) != verdict_text(new.get(name)):
                yield old.get(name), new.get(name)

    def reasons(self) -> list[str]:
        """What is not as it was when the record was written."""
        old, new = self.before, self.after
        if old is None:
            return ["there is no record of it"]
        found = []
        if old.bank_hash != new.bank_hash:
            found.append(f"the checks changed ({old.bank_hash[:8]} to {new.bank_hash[:8]})")
        if old.submission_hash != new.submission_hash:
            short = [r.submission_hash[:8] or "none" for r in (old, new)]
            found.append(f"the submission changed ({short[0]} to {short[1]})")
        for name in sorted(old.versions.keys() | new.versions.keys()):
            was, now = old.versions.get(name, "none"), new.versions.get(name, "none")
            if was != now:
                found.append(f"the version of {name} changed ({was} to {now})")
        return found or ["nothing that a record knows of changed"]


def regrade(
    course: Course,
    assignment: str,
    *,
    dry_run: bool = False,
    submissions_dir: Path | None = None,
    jobs: int | None = None,
    force: bool = False,
    students: Iterable[str] | None = None,
) -> list[Change]:
    """Grade again what is not up to date with the checks of today.

    Args:
        dry_run: write nothing, not even a lock.
        force: grade also what is up to date.

    The others are those of :func:`autograder.grade.grade_class`.

    Returns:
        What was graded again, by student, changed or not.

    Raises:
        CourseError: it cannot be graded.
    """
    if dry_run:
        return list(_try(course, assignment, submissions_dir, jobs, force, students))
    before = read_records(course, assignment)
    results = grade.grade_class(
        course,
        assignment,
        submissions_dir=submissions_dir,
        jobs=jobs,
        force=force,
        students=students,
    )
    return [
        Change(before.get(r.student), r) for r in results if force or before.get(r.student) != r
    ]


def _try(
    course: Course,
    assignment: str,
    submissions_dir: Path | None,
    jobs: int | None,
    force: bool,
    students: Iterable[str] | None,
) -> Iterator[Change]:
    load_release(assignment, course.root)
    folders = grade.chosen(course, submissions_dir, students)
    if not course.has_secret():
        raise CourseError(f"{assignment} was never graded here, so there is nothing to compare.")
    current = (source.bank_hash(assignment), grade.versions())
    before, again = {}, []
    for student, folder in folders.items():
        raw = read_submission(folder / assignment, assignment)
        before[student], _ = read_record(course, assignment, student)
        if force or not up_to_date(before[student], raw, *current):
            again.append(grade.Job(course, assignment, student, raw))
    count = min(jobs or len(os.sched_getaffinity(0)), len(again))
    after = {}
    with contextlib.closing(grade.outcomes(iter(again), count, None)) as finished:
        for job, outcome in finished:
            lost = isinstance(outcome, Lost)
            after[job.student] = grade.failed_result(job, outcome.reason) if lost else outcome
    yield from (Change(before[s], after[s]) for s in folders if s in after)


def verdict_text(verdict: Verdict | None) -> str:
    if verdict is None:
        return "not an exercise"
    known = f", {verdict.misconception}" if verdict.misconception else ""
    return f"{verdict.outcome}, {verdict.points:g} of {verdict.max_points:g}{known}"


def result_text(result: Result | None) -> str:
    if result is None:
        return "no mark"
    status = "" if result.status == "graded" else f" ({result.status})"
    return f"{result.score:g} of {result.max_score:g}{status}"


def describe(changes: list[Change], dry_run: bool) -> str:
    """Each submission whose mark or verdicts differ, exercise by exercise, and a last sentence."""
    lines = []
    for change in changes:
        differing = list(change.exercises())
        if not (change.marks_differ or differing):
            continue
        marks = [result_text(change.before), result_text(change.after)]
        same = "" if change.marks_differ else " (the mark stays)"
        lines.append(f"{change.after.student}: {marks[0]} -> {marks[1]}{same}")
        for old, new in differing if change.before else ():
            name = (new or old).exercise
            lines.append(f"    {name}: {verdict_text(old)} -> {verdict_text(new)}")
        lines.append(f"    because {', '.join(change.reasons())}")
    count = sum(c.marks_differ for c in changes)
    verb = "would change" if dry_run else "changed"
    lines.append(
        f"{len(changes)} {'submission' if len(changes) == 1 else 'submissions'} graded again, "
        f"{count} {'mark' if count == 1 else 'marks'} {verb}."
        + (" Nothing was written." if dry_run else "")
    )
    return "\n".join(lines)
