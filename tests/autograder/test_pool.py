"""Processes that die, hang or raise; the functions below run in them."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from autograder import pool
from autograder.course import CourseError
from autograder.pool import Lost, run_in_processes


class Refused(CourseError):
    pass


FIRST = Path(os.environ.get("FIRST", "nowhere"))
pool_serve = pool._serve


def work(job):
    kind, value = job
    if kind == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "exit":
        os._exit(3)
    if kind == "die once" and not Path(value).exists():
        Path(value).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "raise":
        raise ValueError(value)
    if kind == "refuse":
        raise Refused(value)
    if kind == "hang":
        time.sleep(600)
    if kind == "pid":
        return os.getpid()
    return value


def close():
    pass


def run(jobs, count=2):
    return dict(run_in_processes(iter(jobs), count, work, close))


def test_every_job_has_its_outcome():
    jobs = [("ok", i) for i in range(9)]
    assert run(jobs) == {job: job[1] for job in jobs}


def test_no_jobs():
    assert run([]) == {}
    assert run([], count=0) == {}


def test_a_death_costs_its_own_job_only():
    jobs = [("ok", 1), ("die", 2), ("ok", 3), ("exit", 4), ("ok", 5)]
    assert run(jobs) == {
        ("ok", 1): 1,
        ("die", 2): Lost("its process ended with SIGKILL"),
        ("ok", 3): 3,
        ("exit", 4): Lost("its process ended with status 3"),
        ("ok", 5): 5,
    }


def test_a_job_is_tried_once_more(tmp_path):
    job = ("die once", str(tmp_path / "tried"))
    assert run([job], count=1) == {job: job[1]}


def test_an_exception_is_no_end(capfd):
    assert run([("raise", "odd"), ("ok", 1)], count=1) == {
        ("raise", "odd"): Lost("ValueError: odd"),
        ("ok", 1): 1,
    }
    assert "ValueError: odd" in capfd.readouterr().err


def test_a_job_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setattr(pool, "MAX_SECONDS", 3.0)
    assert run([("hang", 0), ("ok", 1)]) == {("hang", 0): Lost("it hung"), ("ok", 1): 1}


def test_what_nothing_can_avoid_ends_the_run():
    with pytest.raises(Refused, match="no wall"):
        run([("refuse", "no wall"), ("ok", 1)])


def broken_start(*_):
    os._exit(9)


def test_processes_that_do_not_start_are_no_fault_of_the_submissions(monkeypatch):
    monkeypatch.setattr(pool, "_serve", broken_start)
    with pytest.raises(CourseError, match="do not start"):
        run([("ok", 1)])


def start_second_time(connection, *rest):
    """Die as soon as it is started, but only the first time."""
    if not FIRST.exists():
        FIRST.touch()
        os._exit(9)
    pool_serve(connection, *rest)


def test_a_death_at_the_start_is_made_good(monkeypatch, tmp_path):
    monkeypatch.setenv("FIRST", str(tmp_path / "first"))
    monkeypatch.setattr(pool, "_serve", start_second_time)
    assert run([("die", 2), ("ok", 1)], count=1) == {
        ("die", 2): Lost("its process ended with SIGKILL"),
        ("ok", 1): 1,
    }


def test_an_idle_process_that_is_killed_is_replaced():
    """As by a kernel that is short of memory."""
    jobs: list[tuple[str, object]] = [("pid", i) for i in range(4)]
    outcomes = run_in_processes(iter(jobs), 1, work, close)
    _, pid = next(outcomes)
    os.kill(pid, signal.SIGKILL)
    time.sleep(0.5)
    rest = dict(outcomes)
    assert list(rest) == jobs[1:]
    assert pid not in rest.values()


def test_processes_end_with_the_run():
    outcomes = run_in_processes(iter([("pid", 0), ("pid", 1)]), 2, work, close)
    pids = {value for _, value in outcomes}
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_processes_end_when_the_run_is_left_early():
    before = threading.active_count()
    outcomes = run_in_processes(iter([("pid", 0), ("hang", 1)]), 2, work, close)
    _, pid = next(outcomes)
    outcomes.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert threading.active_count() == before
