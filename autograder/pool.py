"""Run jobs in processes that may die: a lost process is replaced, its job tried once more.

``concurrent.futures`` gives up the whole pool when one process dies; here a submission that takes
a process with it costs its own result and nothing else.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from autograder.course import CourseError

ATTEMPTS = 2
MAX_SECONDS = 600.0
"""A job has its own bounds, far below this; one that takes longer is taken for hung."""


@dataclass(frozen=True)
class Lost:
    """What stands for the outcome of a job that could not be done."""

    reason: str


@dataclass
class _Task:
    job: Any
    attempts: int = 0


@dataclass
class _Worker:
    process: Any
    connection: Connection
    task: _Task | None = None
    ready: bool = False
    deadline: float = 0.0


def run_in_processes(
    jobs: Iterator[Any],
    count: int,
    work: Callable[[Any], Any],
    close: Callable[[], None],
    fatal: tuple[type[Exception], ...],
) -> Iterator[tuple[Any, Any]]:
    """Do ``work(job)`` for each of ``jobs`` in ``count`` processes; yield ``(job, outcome)``.

    Args:
        jobs: are taken one at a time, when a process is free.
        work: a function of a module; what it raises loses the job, like the death of its process.
        close: called in a process before it ends.
        fatal: exceptions that no other attempt and no other job could avoid.

    Raises:
        fatal: as ``work`` raised it.
        CourseError: a process ended before it could take a job.
    """
    pool = [_start(work, close, fatal) for _ in range(count)]
    again: list[_Task] = []
    try:
        while True:
            for i, worker in enumerate(pool):
                task = _next(again, jobs) if worker.task is None else None
                if task and not _give(worker, task):
                    pool[i] = _replace(worker, work, close, fatal)
                    _give(pool[i], task)
            busy = [w for w in pool if w.task]
            if not busy:
                return
            ready = wait([w.connection for w in busy], timeout=1.0)
            for i, worker in enumerate(pool):
                if worker.task is None:
                    continue
                task = worker.task
                if worker.connection in ready:
                    kind, value = _receive(worker)
                elif time.monotonic() > worker.deadline:
                    kind, value = "dead", "it hung"
                else:
                    continue
                if kind == "ready":
                    worker.ready = True
                    continue
                if kind == "fatal":
                    raise value
                if kind == "dead" and not worker.ready:
                    raise CourseError(f"The grading processes do not start: {value}.")
                worker.task = None
                if kind == "dead":
                    pool[i] = _replace(worker, work, close, fatal)
                if kind == "done":
                    yield task.job, value
                elif task.attempts < ATTEMPTS:
                    again.append(task)
                else:
                    yield task.job, Lost(value)
    finally:
        for worker in pool:
            _stop(worker)


def _next(again: list[_Task], jobs: Iterator[Any]) -> _Task | None:
    if again:
        return again.pop()
    for job in jobs:
        return _Task(job)
    return None


def _give(worker: _Worker, task: _Task) -> bool:
    """Send a job to a process; False if the process is dead."""
    worker.task, worker.deadline = task, time.monotonic() + MAX_SECONDS
    try:
        worker.connection.send(task.job)
    except OSError:
        return False
    task.attempts += 1
    return True


def _receive(worker: _Worker) -> tuple[str, Any]:
    try:
        return worker.connection.recv()
    except (EOFError, OSError):
        worker.process.join(5)
        code = worker.process.exitcode
        name = signal.Signals(-code).name if code and code < 0 else f"status {code}"
        return "dead", f"its process ended with {name}"


def _start(work: Callable, close: Callable, fatal: tuple) -> _Worker:
    # Not fork: a thread of this process (tqdm has one) would leave its locks taken in the child.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, work, close, fatal), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours)


def _replace(worker: _Worker, work: Callable, close: Callable, fatal: tuple) -> _Worker:
    worker.process.kill()
    _stop(worker)
    return _start(work, close, fatal)


def _stop(worker: _Worker) -> None:
    """Let an idle process end by itself; end one that is busy."""
    worker.connection.close()
    if worker.task is not None:
        worker.process.kill()
    worker.process.join(10)
    if worker.process.is_alive():
        worker.process.kill()
        worker.process.join()


def _serve(connection: Connection, work: Callable, close: Callable, fatal: tuple) -> None:
    """The loop of a process: take a job, answer it, end when the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    with contextlib.suppress(EOFError, OSError):
        connection.send(("ready", None))
        while True:
            job = connection.recv()
            try:
                answer = ("done", work(job))
            except fatal as error:
                answer = ("fatal", error)
            except Exception as error:
                traceback.print_exc(file=sys.stderr)
                answer = ("lost", f"{type(error).__name__}: {error}"[:200])
            connection.send(answer)
    close()
