"""Nothing is lost: whatever stops a run, the next one ends where an undisturbed one does."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest
import stops
from classroom import ASSIGNMENT, make_course

from autograder.records import read_records

pytestmark = pytest.mark.slow

CLASSES = {"first hand-in": stops.first_class, "second hand-in": stops.second_class}


@pytest.fixture
def tmp_path(tmp_path):
    """A folder in memory where there is one: hundreds of runs wait for the disk otherwise."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


@pytest.fixture(params=CLASSES)
def handed_in(request, tmp_path, empty_gradebook):
    """A course before the run that is disturbed, and what an undisturbed one makes of it."""
    course = make_course(tmp_path / "before", empty_gradebook)
    CLASSES[request.param](course)
    undisturbed = stops.copy_of(course, tmp_path / "undisturbed")
    operations = stops.count_operations(undisturbed)
    return course, stops.state(undisturbed), operations


@pytest.mark.parametrize("fault", [stops.kill, stops.disk_full], ids=["killed", "disk full"])
def test_stopped_before_any_write(handed_in, tmp_path, fault):
    """The run is stopped in the place of each durable operation in turn, then started again."""
    before, undisturbed, operations = handed_in
    assert operations > 30
    for k in range(operations):
        course = stops.copy_of(before, tmp_path / f"stopped-{k}")
        ended = stops.run_in_fork(course, k, fault)
        assert ended == (-signal.SIGKILL if fault is stops.kill else stops.SAID), k
        stops.grade_here(course)
        assert stops.state(course) == undisturbed, f"after operation {k} of {operations}"
        assert set(read_records(course, ASSIGNMENT)) == {"alice", "bob", "dave", "erin"}
        shutil.rmtree(course.root)
    print(f"{operations} points")


def test_what_was_handed_in_before_the_run_was_stopped_can_come_back(handed_in, tmp_path):
    """Marks of a new file are half written; then the student puts the old file back."""
    before, _, operations = handed_in
    old = stops.copy_of(before, tmp_path / "old")
    stops.grade_here(old)
    expected = stops.state(old)
    for k in range(0, operations, 3):
        course = stops.copy_of(old, tmp_path / f"back-{k}")
        path = course.submitted / "bob" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
        given = path.read_bytes()
        stops.hand_in(course, "bob")
        stops.run_in_fork(course, k, stops.kill)
        path.write_bytes(given)
        stops.grade_here(course)
        made = stops.state(course)
        assert made["files"] == expected["files"], k
        scores = {s: [(n, auto) for n, auto, *_ in row[1]] for s, row in made["gradebook"].items()}
        wanted = {s: [(n, a) for n, a, *_ in r[1]] for s, r in expected["gradebook"].items()}
        assert scores == wanted, k
