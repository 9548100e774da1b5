"""Grade a class: many processes that run submissions, one that writes.

The parent reads submissions, hands them to workers, and writes the graded notebook, the marks and
the record of each result, in this order, before it counts as done. So a run that is killed at any
point leaves every submission either with a complete result or to be graded by the next run.
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import hashlib
import itertools
import json as json_format
import os
import sys
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from tqdm import tqdm

from autograder import gradebook as marks
from autograder import source, terms
from autograder.course import Course, CourseError, remove_leftovers, write_atomic
from autograder.judge import Grader, versions
from autograder.pool import Lost, run_in_processes
from autograder.records import read_record, up_to_date, write_record
from autograder.release import load_release
from autograder.results import Result
from autograder.sandbox import wall
from autograder.sanitize import RawSubmission, read_submission, submission_of
from unrolled.exercise import load as load_exercises
from unrolled.verdict import Verdict

if TYPE_CHECKING:
    from nbgrader.api import Gradebook

MAX_NAME = 100
"""Bytes of a student's name that are kept: it becomes a file name and a key of the gradebook."""


@dataclass(frozen=True)
class Job:
    """One submission to grade."""

    course: Course
    assignment: str
    student: str
    raw: RawSubmission
    allow_weak_wall: bool = False


# --- one submission, in any process ---------------------------------------------------------------

_local = threading.local()


def grade_submission(job: Job) -> Result:
    """Grade one submission in this process, whose sandbox is kept warm for the next one.

    Raises:
        WallError: the sandbox cannot be started.
    """
    grader = _grader(job)
    release = load_release(job.assignment, job.course.root)
    try:
        return grader.grade(job.student, submission_of(job.raw, release))
    except BaseException:
        close_grader()  # whatever happened in it, the next submission gets a fresh one
        raise


def _grader(job: Job) -> Grader:
    key = (job.course, job.assignment, job.allow_weak_wall)
    if getattr(_local, "key", None) != key:
        close_grader()
        grader = Grader(job.course, job.assignment, allow_weak_wall=job.allow_weak_wall)
        _local.key, _local.grader = key, grader
    return _local.grader


def close_grader() -> None:
    """End the sandbox of this thread, if it has one."""
    grader = getattr(_local, "grader", None)
    _local.key = _local.grader = None
    if grader is not None:
        grader.close()


def failed_result(job: Job, reason: str) -> Result:
    """The result of a submission on which the grader itself failed. It is not kept as graded."""
    note = f"The grader could not grade this submission ({reason}); a person has to look at it."
    return Result(
        student=job.student,
        assignment=job.assignment,
        status="unreadable",
        exercises=tuple(
            Verdict(e.name, 0.0, e.points, "error", note)
            for e in load_exercises(job.assignment).values()
        ),
        notes=(*job.raw.notes, note),
        needs_human=True,
    )


# --- the class ------------------------------------------------------------------------------------


def students_of(submissions: Path) -> dict[str, Path]:
    """The students who have a folder in ``submissions``, by the name under which they are graded.

    Raises:
        CourseError: there is no such folder.
    """
    if not submissions.is_dir():
        raise CourseError(
            f"There are no submissions: {submissions} does not exist. Collect them there, as "
            "<student>/<assignment>/<assignment>.ipynb, or name another folder with --submissions."
        )
    names = sorted(
        entry.name
        for entry in os.scandir(submissions)
        if entry.is_dir() and not entry.name.startswith(".")
    )
    return {student_id(name): submissions / name for name in names}


def chosen(
    course: Course, submissions: Path | None, students: Iterable[str] | None
) -> dict[str, Path]:
    """The folders of ``students``, of all if it is None; see :func:`students_of`.

    Raises:
        CourseError: one of them has no folder, or there is no folder at all.
    """
    folders = students_of(submissions or course.submitted)
    if students is None:
        return folders
    wanted = set(students)
    if unknown := wanted - set(folders):
        raise CourseError(f"No folder of {', '.join(sorted(unknown))} is there.")
    return {name: path for name, path in folders.items() if name in wanted}


def student_id(name: str) -> str:
    """A folder's name as a student's id: itself if it is printable and short, else made so."""
    plain = "".join(c if c.isprintable() else "_" for c in name)
    if plain == name and len(name.encode()) <= MAX_NAME:
        return name
    mark = hashlib.sha256(os.fsencode(name)).hexdigest()[:8]
    return f"{plain.encode()[: MAX_NAME - 9].decode(errors='ignore')}-{mark}"


@contextlib.contextmanager
def sole_grader(course: Course, assignment: str) -> Iterator[None]:
    """Hold the assignment's lock; wait, and say so, while another process has it."""
    path = course.records / f"{assignment}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b", buffering=0) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            say(
                f"{assignment} is being graded by process {file.read().decode() or '?'} already; "
                "waiting for it to end. What it grades is not graded again."
            )
            fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        with contextlib.suppress(OSError):  # a full disk is found, and said, where it matters
            file.write(str(os.getpid()).encode())
        yield


def grade_class(
    course: Course,
    assignment: str,
    submissions_dir: Path | None = None,
    jobs: int | None = None,
    scheduler: str | None = None,
    json: Path | None = None,
    force: bool = False,
    progress: bool = True,
    students: Iterable[str] | None = None,
    allow_weak_wall: bool = False,
) -> list[Result]:
    """Grade all submissions of an assignment; whatever is up to date is not run again.

    Args:
        course: the course, which gets graded notebooks, marks and records.
        assignment: for example ``"a1_rnn"``.
        submissions_dir: folder with ``<student>/<assignment>/``; ``course.submitted`` if left out.
        jobs: processes; as many as there are cores if left out.
        scheduler: address of a Dask scheduler whose workers share the course's folder.
        json: file that receives the results.
        force: grade also what is up to date.
        progress: show how far it is on stderr.
        students: grade only these.
        allow_weak_wall: go on without bubblewrap; only for submissions that we wrote ourselves.

    Returns:
        One result per student, by name.

    Raises:
        CourseError: nothing, or nothing more, can be graded; what was graded before is kept.
    """
    release = load_release(assignment, course.root)
    folders = chosen(course, submissions_dir, students)
    if scheduler is None and not allow_weak_wall:
        wall.require()  # before anything is written; a cluster's workers have walls of their own
    results: dict[str, Result] = {}
    with sole_grader(course, assignment):
        for folder in (course.grading, course.records / assignment):
            remove_leftovers(folder)
        for folder in course.autograded.glob(f"*/{glob.escape(assignment)}"):
            remove_leftovers(folder)
        open_jobs = []
        current = (source.bank_hash(assignment), versions())
        for student, folder in folders.items():
            raw = read_submission(folder / assignment, assignment)
            record, note = read_record(course, assignment, student)
            if note:
                say(note)
            fresh = not force and up_to_date(record, raw, *current)
            if fresh and marks.holds_notebook(course, record):
                results[student] = record
            else:
                open_jobs.append((student, folder))
        jobs_to_do = (
            Job(course, assignment, s, read_submission(f / assignment, assignment), allow_weak_wall)
            for s, f in open_jobs
        )
        count = min(jobs or len(os.sched_getaffinity(0)), len(open_jobs))
        with (
            contextlib.closing(outcomes(jobs_to_do, count, scheduler)) as finished,
            marks.open_gradebook(course) as gradebook,
            bar(len(folders), len(results), progress) as advance,
        ):
            writer = Writer(course, assignment, gradebook, release)
            marks.ensure_assignment(course, gradebook, assignment, release)
            for student, record in results.items():
                writer.complete(record, folders[student])
            for job, outcome in finished:
                lost = isinstance(outcome, Lost)
                result = failed_result(job, outcome.reason) if lost else outcome
                writer.write(result, job.raw.timestamp)
                results[result.student] = result
                advance(result)
            terms.update(course, gradebook, assignment)
    ordered = [results[student] for student in folders]
    if json is not None:
        write_json(json, assignment, ordered)
    return ordered


class Writer:
    """The one place that writes results: graded notebook, marks, record, in this order."""

    def __init__(
        self, course: Course, assignment: str, gradebook: Gradebook, release: dict[str, Any]
    ) -> None:
        self.course, self.assignment = course, assignment
        self.gradebook, self.release = gradebook, release

    def complete(self, record: Result, folder: Path) -> None:
        """Put the marks of a record into the gradebook if they are not there."""
        if not marks.holds(self.gradebook, record, self.release):
            raw = read_submission(folder / self.assignment, self.assignment)
            marks.write(self.course, self.gradebook, record, self.release, timestamp=raw.timestamp)

    def write(self, result: Result, timestamp: str) -> None:
        before, _ = read_record(self.course, self.assignment, result.student)
        changed = before is None or (before.submission_hash, before.status) != (
            result.submission_hash,
            result.status,
        )
        try:
            marks.write_notebook(self.course, result, self.release, timestamp)
            marks.write(
                self.course,
                self.gradebook,
                result,
                self.release,
                timestamp=timestamp,
                changed=changed,
            )
            write_record(self.course, result)
        except OSError as error:
            raise CourseError(
                f"The result of {result.student} cannot be written: {error}. What was graded "
                "before is kept; put that right and run the same command again."
            ) from error


def outcomes(
    jobs: Iterator[Job], count: int, scheduler: str | None
) -> Iterator[tuple[Job, Result | Lost]]:
    """The outcome of each job, in the order in which they end."""
    if scheduler is None:
        return run_in_processes(jobs, count, grade_submission, close_grader)
    return run_on_cluster(jobs, scheduler)


def run_on_cluster(jobs: Iterator[Job], scheduler: str) -> Iterator[tuple[Job, Result | Lost]]:
    """Hand the jobs to a Dask cluster, a few per worker at a time.

    Raises:
        CourseError: Dask is not installed, or no scheduler answers.
        CourseError: a worker cannot grade at all.
    """
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise CourseError(
            "--scheduler needs Dask, which is not installed: pip install distributed"
        ) from error
    try:
        client = Client(scheduler, timeout="10s")
    except (OSError, ValueError) as error:
        raise CourseError(f"No Dask scheduler answers at {scheduler}: {error}") from error
    with client:
        if not client.nthreads():
            say(f"No worker is connected to {scheduler} yet; waiting for one.")
        window = 2 * max(sum(client.nthreads().values()), 1)

        def submit(job: Job) -> Any:
            future = client.submit(grade_submission, job, pure=False, retries=1)
            running[future] = job
            return future

        running: dict[Any, Job] = {}
        pending = as_completed([submit(job) for job in itertools.islice(jobs, window)])
        for future in pending:
            job = running.pop(future)
            error = future.exception()
            if isinstance(error, CourseError):
                raise error
            if error is None:
                yield job, future.result()
            else:
                yield job, Lost(type(error).__name__)
            for more in itertools.islice(jobs, 1):
                pending.add(submit(more))


# --- what is shown --------------------------------------------------------------------------------


BAR = "{percentage:3.0f}% {bar} {n_fmt} of {total_fmt}, {rate_noinv_fmt}, {remaining} left{postfix}"
"""The bar on a terminal, in words and not in tqdm's signs; the postfix is who is done."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def bar(total: int, done: int, show: bool, stream: IO[str] | None = None) -> Iterator[Any]:
    """A function to call with each result: a bar on a terminal, else one line per result."""
    stream = sys.stderr if stream is None else stream
    if not show:
        yield lambda result: None
        return
    if done:
        print(f"{done} of {total} submissions are up to date.", file=stream, flush=True)
    if stream.isatty():
        with tqdm(
            total=total, initial=done, unit=" submissions", file=stream, bar_format=BAR
        ) as progress:

            def advance(result: Result) -> None:
                if problem := problem_of(result):
                    progress.write(f"{result.student}: {problem}", file=stream)
                progress.set_postfix_str(result.student, refresh=False)
                progress.update()

            yield advance
        return
    count = itertools.count(done + 1)

    def line(result: Result) -> None:
        print(
            f"[{next(count)}/{total}] {result.student}: {result.status}, "
            f"{result.score:g} of {result.max_score:g} points, {result.seconds:.1f} s",
            file=stream,
            flush=True,
        )

    yield line


def problem_of(result: Result) -> str:
    """Why a person has to look at a submission, in one line; "" if nobody has to."""
    if result.status == "missing":
        return "no notebook was handed in."
    if result.status == "unreadable" or result.needs_human:
        return " ".join(result.notes) or f"{result.status}."
    return ""


def summary(results: list[Result]) -> str:
    """The table at the end: one line per student, then the class in one sentence."""
    if not results:
        return "No student has a folder there; nothing was graded."
    width = max(len(r.student) for r in results)
    lines = [f"{'student':<{width}}  {'points':>13}  status"]
    for r in results:
        points = f"{r.score:g} of {r.max_score:g}"
        flag = "  needs a person" if r.needs_human else ""
        lines.append(f"{r.student:<{width}}  {points:>13}  {r.status}{flag}")
    graded = [r for r in results if r.status == "graded"]
    mean = sum(r.score for r in graded) / len(graded) if graded else 0.0
    people = sum(r.needs_human for r in results)
    lines.append("")
    lines.append(
        f"{len(graded)} of {len(results)} submissions graded, {mean:.1f} points on average; "
        f"{people} need{'s' if people == 1 else ''} a person."
    )
    return "\n".join(lines)


def left_to_do(course: Course, results: list[Result], waiting: int = 0) -> Iterator[str]:
    """What a person has to look at, with the command for it, and the next commands.

    Args:
        waiting: submissions with marks that a person has yet to give.
    """
    if not results:
        return
    assignment = results[0].assignment
    problems = {r.student: problem for r in results if (problem := problem_of(r))}
    if problems:
        yield f"\nTo look at (in grading/submitted/<student>/{assignment}):"
        yield from (f"  {student}: {problem}" for student, problem in problems.items())
    timeouts = [
        "  " + course.command(f"replay {r.student} {assignment} {v.exercise}")
        for r in results
        for v in r.exercises
        if v.outcome == "timeout"
    ]
    if timeouts:
        yield "\nTook too long; what was called with what:"
        yield from timeouts
    yield "\nNext:"
    commands = {f"feedback {assignment}": "a page per student"}
    commands[f"report {assignment}"] = "the page about the class"
    if waiting:
        waits = "submission waits" if waiting == 1 else "submissions wait"
        commands = {"formgrader": f"{waiting} {waits} for marks of a person", **commands}
    yield from (f"  {course.command(words):32} {why}" for words, why in commands.items())


def write_json(path: Path, assignment: str, results: list[Result]) -> None:
    """Write the results in the form that the README describes."""
    data = {"assignment": assignment, "results": [r.to_json() for r in results]}
    remove_leftovers(path.parent)
    try:
        write_atomic(path, f"{json_format.dumps(data, indent=1)}\n".encode())
    except OSError as error:
        raise CourseError(f"{path} cannot be written: {error.strerror}.") from error
