"""Run jobs in processes that may die: a lost process is replaced, its job tried once more.

A process that dies costs the job it had, and nothing else. ``concurrent.futures`` and
``multiprocessing.Pool`` do not give that: the first gives up the whole pool, the second waits for
ever. Neither does ``pebble`` (5.2.3, tried): its processes share one pipe and its locks, so when an
idle one is killed (as a kernel short of memory does) the pool refuses all further jobs, one killed
while it holds a lock blocks the others, and a job whose process ends with status 0 never returns.
Here every process has a pipe of its own, and jobs are taken one by one, when they are needed.
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
STARTS = 3
"""Processes that may end one after the other before one of them is ready."""
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
) -> Iterator[tuple[Any, Any]]:
    """Do ``work(job)`` for each of ``jobs`` in ``count`` processes; yield ``(job, outcome)``.

    The processes start at once and have their first jobs before the first outcome is asked for.

    Args:
        jobs: are taken one at a time, when a process is free.
        work: a function of a module; what it raises loses the job, like the death of its process.
        close: called in a process before it ends.

    Raises:
        CourseError: ``work`` raised it, which no other attempt or job could avoid; or one process
            after the other ended before it could take a job.
    """
    outcomes = _outcomes(jobs, count, work, close)
    next(outcomes)
    return outcomes


def _outcomes(
    jobs: Iterator[Any], count: int, work: Callable[[Any], Any], close: Callable[[], None]
) -> Iterator[Any]:
    """First None, when the processes are busy; then as :func:`run_in_processes`."""
    pool: list[_Worker] = []
    again: list[_Task] = []
    failed_starts = 0
    begun = False
    try:
        pool += (_start(work, close) for _ in range(count))
        while True:
            for i, worker in enumerate(pool):
                task = _next(again, jobs) if worker.task is None else None
                if task and not _give(worker, task):
                    pool[i] = _replace(worker, work, close)
                    _give(pool[i], task)
            if not begun:
                begun = True
                yield None
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
                    worker.ready, failed_starts = True, 0
                    continue
                if kind == "fatal":
                    raise value
                worker.task = None
                if kind == "dead" and not worker.ready:
                    failed_starts += 1
                    if failed_starts == STARTS:
                        raise CourseError(f"The grading processes do not start: {value}.")
                    task.attempts -= 1  # it was not begun
                if kind == "dead":
                    pool[i] = _replace(worker, work, close)
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


def _start(work: Callable, close: Callable) -> _Worker:
    # Not fork: a thread of this process (tqdm has one) would leave its locks taken in the child.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, work, close), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours)


def _replace(worker: _Worker, work: Callable, close: Callable) -> _Worker:
    worker.process.kill()
    _stop(worker)
    return _start(work, close)


def _stop(worker: _Worker) -> None:
    """Let an idle process end by itself; end one that is busy."""
    worker.connection.close()
    if worker.task is not None:
        worker.process.kill()
    worker.process.join(10)
    if worker.process.is_alive():
        worker.process.kill()
        worker.process.join()


def _serve(connection: Connection, work: Callable, close: Callable) -> None:
    """The loop of a process: take a job, answer it, end when the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    with contextlib.suppress(EOFError, OSError):
        connection.send(("ready", None))
        while True:
            job = connection.recv()
            try:
                answer = ("done", work(job))
            except CourseError as error:
                answer = ("fatal", error)
            except Exception as error:
                traceback.print_exc(file=sys.stderr)
                answer = ("lost", f"{type(error).__name__}: {error}"[:200])
            connection.send(answer)
    close()
