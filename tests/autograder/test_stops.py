"""Nothing is lost: whatever stops a run, the next one ends where an undisturbed one does."""

from __future__ import annotations

import shutil
import signal

import pytest
import stops
from classroom import ASSIGNMENT, make_course

from autograder.records import read_records

pytestmark = pytest.mark.slow

CLASSES = {"first hand-in": stops.first_class, "second hand-in": stops.second_class}


@pytest.fixture(params=CLASSES)
def handed_in(request, memory, empty_gradebook):
    """A course before the run that is disturbed, and what an undisturbed one makes of it."""
    course = make_course(memory / "before", empty_gradebook)
    CLASSES[request.param](course)
    undisturbed = stops.copy_of(course, memory / "undisturbed")
    operations = stops.count_operations(undisturbed)
    return course, stops.state(undisturbed), operations


@pytest.mark.parametrize("fault", [stops.kill, stops.disk_full], ids=["killed", "disk full"])
def test_stopped_before_any_write(handed_in, memory, fault):
    """The run is stopped in the place of each durable operation in turn, then started again."""
    before, undisturbed, operations = handed_in
    assert operations > 30
    for k in range(operations):
        course = stops.copy_of(before, memory / f"stopped-{k}")
        ended = stops.run_in_fork(course, k, fault)
        assert ended == (-signal.SIGKILL if fault is stops.kill else stops.SAID), k
        stops.grade_here(course)
        assert stops.state(course) == undisturbed, f"after operation {k} of {operations}"
        assert set(read_records(course, ASSIGNMENT)) == {"alice", "bob", "dave", "erin"}
        shutil.rmtree(course.root)
    print(f"{operations} points")


def test_what_was_handed_in_before_the_run_was_stopped_can_come_back(handed_in, memory):
    """Marks of a new file are half written; then the student puts the old file back."""
    before, _, operations = handed_in
    old = stops.copy_of(before, memory / "old")
    stops.grade_here(old)
    expected = stops.state(old)
    for k in range(0, operations, 3):
        course = stops.copy_of(old, memory / f"back-{k}")
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
