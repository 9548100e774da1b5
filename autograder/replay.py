"""``course replay``: one exercise of one submission call by call, as it was graded.

For appeals. The same submission runs again behind the wall on the inputs of the recorded seeds;
shown are the arguments, what came back, what was expected, and the first place where they part.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder.attempt import Attempt
from autograder.course import Course, CourseError
from autograder.judge import WITH_OURS, Grader
from autograder.records import read_record
from autograder.release import load_release
from autograder.sandbox.client import printable
from autograder.sanitize import read_submission, submission_of
from unrolled.arrays import Kept, is_tensor, numbers
from unrolled.exercise import Exercise
from unrolled.judge import Expected, Run, compare_output, expect_case, run_case
from unrolled.namespace import Failure, Namespace

SHOWN = 60
"""Numbers of an array that are printed in full; of a larger one, its corners."""
ENTRIES = 20
"""Entries of a list or a dict that are printed."""
LINES = 200
"""Lines that are printed of one argument or result."""


@dataclass
class Call:
    """One call of the student's code and what it gave."""

    function: str
    args: tuple[Any, ...]
    value: Any = None
    failure: str = ""


@dataclass
class Watched(Namespace):
    """A namespace that notes every call of another one."""

    inner: Namespace
    calls: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def run(self, helper: Callable[..., Any], *args: Any, keep: bool = False) -> Any:
        return self._noted(helper.__name__, args, lambda: self.inner.run(helper, *args, keep=keep))

    def _invoke(
        self, name: str, args: tuple[Any, ...], keep: bool | Sequence[int]
    ) -> tuple[Any, list[str]]:
        return self._noted(name, args, lambda: self.inner._invoke(name, args, keep))

    def _noted(self, name: str, args: tuple[Any, ...], go: Callable[[], Any]) -> Any:
        call = Call(name, args)
        self.calls.append(call)
        try:
            given = go()
        except Failure as failure:
            call.failure = str(failure)
            raise
        call.value = given[0] if isinstance(given, tuple) and len(given) == 2 else given
        return given


def replay(
    course: Course,
    student: str,
    assignment: str,
    exercise: str,
    *,
    every: bool = False,
    allow_weak_wall: bool = False,
) -> str:
    """Run one exercise of a graded submission again and tell it call by call.

    Args:
        every: tell the cases that are right too, and go on after one that took too long.
        allow_weak_wall: go on without bubblewrap; only for submissions that we wrote ourselves.

    Raises:
        CourseError: there is no such exercise or record, or the submission has changed since.
    """
    record, note = read_record(course, assignment, student)
    if record is None:
        command = course.command(f"grade {assignment} --student {student}")
        raise CourseError(note or f"{student} has no record of {assignment}. Run: {command}")
    verdicts = {v.exercise: v for v in record.exercises}
    if exercise not in verdicts:
        raise CourseError(f"{assignment} has no exercise {exercise!r}: {', '.join(verdicts)}.")
    verdict = verdicts[exercise]
    raw = read_submission(course.submitted / student / assignment, assignment)
    if raw.hash != record.submission_hash:
        raise CourseError(
            f"What {student} handed in is not what was graded: it was replaced since. Grade it, or "
            "put back the version that was graded; all are kept under grading/collected."
        )
    submission = submission_of(raw, load_release(assignment, course.root))
    if submission.status != "graded":
        raise CourseError(f"{student}'s notebook could not be run: {' '.join(record.notes)}")
    lines = [
        f"{student}, {assignment}, {exercise}: {verdict.points:g} of {verdict.max_points:g} points "
        f"({verdict.outcome})",
        verdict.message,
    ]
    with Grader(course, assignment, allow_weak_wall=allow_weak_wall) as grader:
        if grader.bank_hash != record.bank_hash:
            lines.append("The checks have changed since: this is what they say now.")
        zygote = grader.zygote_for(submission)
        zygote.start()
        attempt = Attempt(zygote, submission.cells, grader.exercises.values())
        try:
            lines += _cases(grader, attempt, grader.exercises[exercise], verdicts, every)
        finally:
            attempt.close()
    return "\n".join(lines)


def _cases(
    grader: Grader,
    attempt: Attempt,
    exercise: Exercise,
    verdicts: Mapping[str, Any],
    every: bool,
) -> Iterator[str]:
    verdict = verdicts[exercise.name]
    failed = [n for n in exercise.uses if verdicts[n].outcome != "pass"]
    way = grader.stand_ins(failed) if verdict.message.startswith(WITH_OURS) else {}
    right_ones = []
    cases = list(itertools.product(verdict.seeds, exercise.cases))
    for number, (seed, case) in enumerate(cases, 1):
        with np.errstate(all="ignore"):
            expected = expect_case(exercise, grader.reference, seed, case)
            watched = Watched(attempt.namespace(way, None, exercise.seconds))
            run = run_case(exercise, watched, seed, case)
        if parts(exercise, expected, run) or every:
            yield ""
            yield f'Seed {seed}, case "{case}"'
            yield from tell(exercise, expected, run, watched.calls)
        else:
            right_ones.append(case)
        left = len(cases) - number
        if run.failure and run.failure.outcome == "timeout" and left and not every:
            yield ""
            yield f"It took too long, so the cases after it ({left}) were not run; --all runs them."
            break
    if right_ones:
        yield ""
        yield f"Right in {len(right_ones)} other cases: {', '.join(dict.fromkeys(right_ones))}."


def parts(exercise: Exercise, expected: Expected, run: Run) -> bool:
    """Whether anything differs in this case."""
    if run.failure or run.changed:
        return True
    return not all(
        compare_output(exercise, expected, o, run.outputs[o]).ok for o in expected.outputs
    )


def tell(exercise: Exercise, expected: Expected, run: Run, calls: Sequence[Call]) -> Iterator[str]:
    """One case: every call, then every output beside the right one."""
    for call in calls:
        yield f"  {call.function}("
        for argument in call.args:
            yield from indented(argument, 6)
        yield f"  ) -> {call.failure}" if call.failure else "  ) ->"
        if not call.failure:
            yield from indented(call.value, 6)
    yield from (f"  {note}" for note in run.changed)
    if run.failure:
        yield f"  Failed: {run.failure}"
        return
    for output, right in expected.outputs.items():
        found = compare_output(exercise, expected, output, run.outputs[output])
        yield f"  {output}: {'right' if found.ok else found.note}"
        if found.ok or output in exercise.rules:
            continue
        actual = numbers(run.outputs[output])
        yield "    expected"
        yield from indented(right, 6)
        if actual is not None and actual.shape == right.shape:
            yield f"    {first_difference(right, actual, expected.tolerance[output])}"


def first_difference(right: np.ndarray, actual: np.ndarray, tol: float) -> str:
    """Where two arrays part first, in reading order."""
    with np.errstate(all="ignore"):
        off = ~(np.abs(actual.astype(float) - right) <= tol)
    where = np.argwhere(off)
    if not len(where):
        return "The numbers are equal within the tolerance."
    place = tuple(int(i) for i in where[0])
    return (
        f"first differs at {list(place)}: returned {actual[place]:.9g}, expected "
        f"{right[place]:.9g} (tolerance {tol:.2g}); {len(where)} of {right.size} values differ"
    )


def indented(value: Any, by: int) -> Iterator[str]:
    """A value as lines of text."""
    lines = words(value).splitlines()
    for line in some(lines[:LINES], len(lines)).splitlines():
        yield " " * by + line


def words(value: Any) -> str:
    """A value for a person: arrays with their shape and type, what stays there by its kind."""
    if isinstance(value, Kept) or type(value).__name__ == "Handle":
        return "(stays with the student's code)"
    if is_tensor(value):
        return f"tensor, {words(numbers(value))}"
    if isinstance(value, np.ndarray):
        text = np.array2string(value, threshold=SHOWN, precision=9, max_line_width=100)
        return f"{value.dtype} {value.shape}\n{text}"
    if isinstance(value, list | tuple) and any(not isinstance(v, int | float) for v in value):
        return some([words(v) for v in value[:ENTRIES]], len(value))
    if isinstance(value, dict):
        shown = itertools.islice(value.items(), ENTRIES)
        return some([f"{printable(str(k)[:60])}: {words(v)}" for k, v in shown], len(value))
    if callable(value):
        return "(a function of the check)"
    return repr(value)[:500]


def some(lines: list[str], count: int) -> str:
    """The first of ``count`` lines or entries, and how many are not shown."""
    more = [f"and {count - len(lines)} more"] if count > len(lines) else []
    return "\n".join([*lines, *more])
