"""Grade one submission: run it behind the wall, probe it through the pipe, judge it out here.

The reference and the misconceptions run in this process on inputs from fresh seeds. The student's
process gets the inputs and returns numbers; nothing else that it does is evidence of a mark.
"""

from __future__ import annotations

import hashlib
import hmac
import platform
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from autograder import source
from autograder.attempt import Attempt
from autograder.course import Course
from autograder.results import Result
from autograder.sandbox.client import Ours, Zygote
from autograder.sanitize import Submission
from unrolled.exercise import Exercise
from unrolled.exercise import load as load_exercises
from unrolled.judge import Run, expect, judge, run_case, run_cases
from unrolled.namespace import OPAQUE, Failure, LocalNamespace
from unrolled.text import verdict_text
from unrolled.verdict import Verdict

WITH_OURS = "Judged with our"
"""How a message begins when an earlier function was replaced."""


class Grader:
    """Grades submissions of one assignment, one after the other, in a warm sandbox.

    There are two sandboxes, with and without torch, each started when it is first needed. Which one
    a submission gets follows from its own text alone, so that it never meets what another one left.

    Args:
        course: where the secret and the released files are.
        assignment: for example ``"a1_rnn"``.
        allow_weak_wall: go on without bubblewrap. Only for submissions that we wrote ourselves.

    Raises:
        WallError: the wall cannot be put up (from the first use on).
        SourceError: there is no such assignment.
    """

    def __init__(self, course: Course, assignment: str, *, allow_weak_wall: bool = False):
        self.course, self.assignment = course, assignment
        self.exercises = load_exercises(assignment)
        self.reference = source.load_reference(assignment)
        self.bank_hash = source.bank_hash(assignment)
        self._secret = course.secret()
        self._opaque_results = self._find_opaque_results()
        material = course.assignments / assignment
        self._zygotes = {
            torch: Zygote(material, weak=allow_weak_wall, torch=torch) for torch in (False, True)
        }

    def grade(self, student: str, submission: Submission) -> Result:
        """The result of one submission. Nothing that a submission does makes this raise.

        A sandbox that is gone (by the kernel, short of memory, or by a person) is no fault of the
        submission, which is then graded once more from the start.
        """
        zygote = self.zygote_for(submission)
        lost = zygote.lost
        result = self._grade(zygote, student, submission)
        return result if zygote.lost == lost else self._grade(zygote, student, submission)

    def zygote_for(self, submission: Submission) -> Zygote:
        """The sandbox in which a submission runs."""
        return self._zygotes[wants_torch(submission)]

    def _grade(self, zygote: Zygote, student: str, submission: Submission) -> Result:
        if submission.status == "graded":
            zygote.start()
        start = time.monotonic()
        notes = list(submission.notes)
        if submission.status == "graded":
            attempt = Attempt(zygote, submission.cells, self.exercises.values())
            try:
                verdicts = self._verdicts(student, submission, attempt)
            finally:
                attempt.close()
            notes += attempt.notes
            cells = self._cells(submission, attempt, verdicts)
        else:
            reason = notes[-1] if notes else "Nothing was handed in."
            verdicts = {
                e.name: Verdict(e.name, 0.0, e.points, "missing", reason)
                for e in self.exercises.values()
            }
            cells = ()
        return Result(
            student=student,
            assignment=self.assignment,
            status=submission.status,
            exercises=tuple(verdicts.values()),
            notes=tuple(notes),
            needs_human=submission.needs_human,
            written=tuple(n for n, c in submission.named("written").items() if not c.untouched),
            seconds=round(time.monotonic() - start, 3),
            submission_hash=submission.hash,
            bank_hash=self.bank_hash,
            versions=versions(),
            cells=cells,
        )

    def seeds(self, student: str, submission_hash: str, exercise: str) -> list[int]:
        """Seeds that nobody knows before the hand-in and everybody with the secret can replay."""
        count = self.exercises[exercise].seeds
        text = "\0".join((self.assignment, student, submission_hash, exercise)).encode()
        digest = hmac.new(self._secret, text, hashlib.sha256).digest()
        return [int.from_bytes(digest[4 * k : 4 * k + 4], "big") for k in range(count)]

    def _verdicts(
        self, student: str, submission: Submission, attempt: Attempt
    ) -> dict[str, Verdict]:
        """Judge the exercises in order, after all cells have run.

        An exercise is not charged for a cell of the student's own that stands below its check and
        spoils what the check saw (a builtin's name used for a number, numpy told to raise): one
        that failed is tried again with the cells down to its check, and the better verdict counts.
        """
        verdicts: dict[str, Verdict] = {}
        for exercise in self.exercises.values():
            self._judge(exercise, student, submission, attempt, verdicts)
        for exercise in self.exercises.values():
            until = spoilt_from(submission, exercise.name)
            if verdicts[exercise.name].outcome != "pass" and until is not None:
                self._judge(exercise, student, submission, attempt, verdicts, until)
        return {n: explained(v, submission, attempt) for n, v in verdicts.items()}

    def _judge(
        self,
        exercise: Exercise,
        student: str,
        submission: Submission,
        attempt: Attempt,
        verdicts: dict[str, Verdict],
        until: int | None = None,
    ) -> None:
        """Put the verdict on one exercise into ``verdicts``, unless a better one is there.

        An exercise is not charged for an earlier one's bug where that can be told: if it builds on
        one that failed, it is also tried with the reference in the place of that one, and the
        better verdict counts.
        """
        seeds = self.seeds(student, submission.hash, exercise.name)
        failed = [n for n in exercise.uses if verdicts[n].outcome != "pass"]
        stand_ins = self.stand_ins(failed)
        ways: list[Mapping[str, Any]] = [{}, stand_ins] if failed else [{}]
        if any(verdicts[n].outcome in ("timeout", "error") for n in failed):
            ways.reverse()  # so that one endless loop does not cost its time over and over
        for way in ways:
            unsound = failed if not way else []
            verdict = self._verdict(exercise, seeds, attempt, unsound, way, until)
            best = verdicts.get(exercise.name)
            if way and verdict.points:
                text = f"{WITH_OURS} {' and '.join(way)} in the place of yours. "
                verdict = replace(verdict, message=text + verdict.message)
            better = best is None or verdict.points > best.points
            if better or (until is None and not way and not best.points):
                verdicts[exercise.name] = verdict
            if verdict.outcome in ("pass", "missing"):
                break

    def _verdict(
        self,
        exercise: Exercise,
        seeds: list[int],
        attempt: Attempt,
        unsound: list[str],
        stand_ins: Mapping[str, Callable[..., Any]],
        until: int | None,
    ) -> Verdict:
        with np.errstate(all="ignore"):
            expected = expect(exercise, self.reference, seeds)
            try:
                ns = attempt.namespace(stand_ins, until, exercise.seconds)
                runs = run_cases(exercise, ns, seeds)
            except Failure as failure:
                runs = {key: Run(failure=failure) for key in expected}
            return judge(
                exercise,
                expected,
                runs,
                lambda: source.mistakes_for(self.assignment, exercise, seeds),
                lambda: unsound,
            )

    def stand_ins(self, failed: Iterable[str]) -> dict[str, Callable[..., Any]]:
        """The reference in the place of functions that failed.

        A function and the one whose cache it reads can only be replaced together.
        """
        ours = {m for n in failed for m in (n, *self.exercises[n].uses)}
        return {name: self._stand_in(name) for name in self.exercises if name in ours}

    def _stand_in(self, name: str) -> Callable[..., Any]:
        """The reference of an exercise, whose opaque results stay on this side of the pipe."""
        function = self.reference[name]
        opaque = self._opaque_results.get(name, ())

        def call(*args: Any) -> Any:
            value = function(*args)
            if not opaque:
                return value
            return tuple(Ours(v) if i in opaque else v for i, v in enumerate(value))

        return call

    def _find_opaque_results(self) -> dict[str, tuple[int, ...]]:
        """Places of the results of each function that no probe looks into, such as a cache."""
        found: dict[str, tuple[int, ...]] = {}
        for exercise in self.exercises.values():
            if not exercise.needs_reference:
                continue  # it trains, and calls nothing that an earlier probe does not call
            ns = LocalNamespace(self.reference)
            with np.errstate(all="ignore"):
                run_case(exercise, ns, 0, exercise.main_case)
            for name, returns in ns.asked.items():
                found[name] = tuple(i for i, r in enumerate(returns) if r in OPAQUE)
        return found

    def _cells(
        self, submission: Submission, attempt: Attempt, verdicts: Mapping[str, Verdict]
    ) -> tuple[dict[str, Any], ...]:
        """The notebook as it was graded: sources, outputs, and our verdicts below the checks."""
        cells = []
        for i, cell in enumerate(submission.cells):
            entry: dict[str, Any] = {
                "kind": cell.kind,
                "name": cell.name,
                "cell_type": cell.cell_type,
                "source": cell.source,
            }
            if cell.cell_type == "code":
                entry["outputs"] = attempt.outputs.get(i, [])
            if cell.kind == "check":
                text = verdict_text(verdicts[cell.name.removeprefix("check_")])
                entry["outputs"] = [
                    {"output_type": "stream", "name": "stdout", "text": text + "\n"}
                ]
            cells.append(entry)
        return tuple(cells)

    def close(self) -> None:
        """End the sandboxes."""
        for zygote in self._zygotes.values():
            zygote.close()

    def __enter__(self) -> Grader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def explained(verdict: Verdict, submission: Submission, attempt: Attempt) -> Verdict:
    """A verdict without points with the plainest reason: a stub, or a cell that stopped."""
    name = verdict.exercise
    cell = submission.named("solution").get(name)
    elsewhere = any(
        f"def {name}" in c.source for c in submission.cells if c.kind in ("own", "free")
    )
    if verdict.points or elsewhere:
        return verdict
    if cell is None or cell.untouched:
        return replace(verdict, outcome="missing", message=f"{name} is not implemented yet.")
    if verdict.outcome == "missing" and name in attempt.errors:
        text = f"The cell of {name} stopped with an error: {attempt.errors[name]}"
        return replace(verdict, outcome="error", message=text)
    return verdict


def wants_torch(submission: Submission) -> bool:
    """Whether the code of a submission may import torch.

    One that hides the word still can; its process then takes seconds to do so.
    """
    return any("torch" in c.source for c in submission.cells if c.cell_type == "code")


def spoilt_from(submission: Submission, exercise: str) -> int | None:
    """Place of an exercise's check if code of the student's own stands below it, else None."""
    places = [i for i, c in enumerate(submission.cells) if c.name == f"check_{exercise}"]
    below = submission.cells[places[0] + 1 :] if places else ()
    own = any(c.kind == "own" and c.cell_type == "code" for c in below)
    return places[0] if own else None


def versions() -> dict[str, str]:
    """What the marks were computed with."""
    from importlib.metadata import version

    packages = {name: version(name) for name in ("numpy", "torch", "unrolled")}
    return {"python": platform.python_version(), **packages, "grader": source.grader_hash()}
