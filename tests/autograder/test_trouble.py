"""Disks and gradebooks that cannot be written: said plainly, and nothing is lost."""

from __future__ import annotations

import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import stops
from classroom import hand_in, make_course

from autograder import gradebook as gb
from autograder.sandbox import wall

DISK_BYTES = 6 * 2**20
MORE_STUDENTS = 8


@pytest.fixture
def handed_in(memory, empty_gradebook):
    """A class that was graded and marked by a person before; some have handed in again."""
    course = make_course(memory / "course", empty_gradebook)
    stops.second_class(course)
    undisturbed = stops.copy_of(course, memory / "undisturbed")
    stops.grade_here(undisturbed)
    return course, stops.state(undisturbed)


def tree(course):
    return {p: p.read_bytes() for p in course.root.rglob("*") if p.is_file()}


@pytest.mark.parametrize("what", ["file", "folder", "file and folder"])
def test_a_gradebook_that_is_read_only(handed_in, what):
    course, undisturbed = handed_in
    before = stops.state(course)["gradebook"]

    def run() -> None:
        stops.obey_file_modes()
        stops.grade_here(course)

    if "file" in what:
        course.gradebook.chmod(0o444)
    if "folder" in what:
        course.grading.chmod(0o555)
    status, told = stops.in_fork(run)
    course.grading.chmod(0o755)
    course.gradebook.chmod(0o644)
    assert status == stops.SAID
    assert str(course.gradebook) in told
    assert "cannot be written" in told
    assert "run the same command again" in told
    assert len(told.splitlines()) == 1
    assert stops.state(course)["gradebook"] == before
    stops.grade_here(course)
    assert stops.state(course) == undisturbed


def test_a_gradebook_whose_writer_was_killed_within_a_commit(handed_in):
    """What sqlite has to put back must not be taken for damage, by those that only read either."""
    course, undisturbed = handed_in

    def run() -> None:
        db = sqlite3.connect(course.gradebook)
        db.execute("PRAGMA cache_size = 1")  # so that changes reach the file before the commit
        rows = ((f"student-{i}", "x" * 500) for i in range(500))
        db.executemany("INSERT INTO student (id, first_name) VALUES (?, ?)", rows)
        db.execute("UPDATE grade SET auto_score = 0, manual_score = 0")
        stops.kill()

    assert stops.in_fork(run)[0] == -signal.SIGKILL
    journal = course.gradebook.with_name("gradebook.db-journal")
    assert journal.stat().st_size > 0
    gb.check_version(course.gradebook)
    assert not journal.exists()
    stops.grade_here(course)
    assert stops.state(course) == undisturbed


def test_reading_commands_need_no_writable_gradebook(handed_in, monkeypatch):
    """Feedback, report and export of what is there."""
    from autograder.cli import main

    course, _ = handed_in
    stops.grade_here(course)
    (course.root / "_config.yml").write_text("")
    monkeypatch.chdir(course.root)

    def run() -> None:
        stops.obey_file_modes()
        for words in (["feedback", "a1"], ["report", "a1"], ["export", "--to", "marks.csv"]):
            assert main(words) == 0, words

    course.gradebook.chmod(0o444)
    status, _ = stops.in_fork(run)
    course.gradebook.chmod(0o644)
    assert status == stops.DONE


@pytest.mark.slow
def test_a_disk_that_is_really_full(handed_in, memory):
    """A file system of some megabytes, filled up to 0, 1, 2, ... free blocks, until a run fits."""
    wall.require()
    course, _ = handed_in
    for number in range(MORE_STUDENTS):
        hand_in(course, f"student-{number}")
    disk = memory / "disk"
    disk.mkdir()
    made = ["bwrap", "--die-with-parent", "--dev-bind", "/", "/", "--size", str(DISK_BYTES)]
    made += ["--tmpfs", str(disk), "--setenv", "PYTHONPATH", os.pathsep.join(sys.path)]
    script = Path(stops.__file__).with_name("small_disk.py")
    command = [*made, sys.executable, str(script), str(course.root), str(disk)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    ended = json.loads(done.stdout)
    assert [status for status, _ in ended[:-1]] == [stops.SAID] * (len(ended) - 1)
    assert len(ended) > 5
    said = {" ".join(text.split()) for _, text in ended[:-1]}
    assert any("No space left on device" in text for text in said)
    assert any("database or disk is full" in text for text in said)


@pytest.mark.parametrize("kilobytes", [0, 1, 4, 16, 64])
def test_files_that_may_not_grow(handed_in, kilobytes):
    """A quota: no file may get larger than some kilobytes, which stops even the gradebook."""
    course, undisturbed = handed_in

    def run() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # as with a quota, writing fails
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024 * kilobytes, resource.RLIM_INFINITY))
        stops.grade_here(course)

    status, told = stops.in_fork(run)
    assert status == stops.SAID
    assert len(told.splitlines()) == 1
    stops.grade_here(course)
    assert stops.state(course) == undisturbed
