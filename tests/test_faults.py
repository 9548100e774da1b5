"""Real runs that are killed, run twice at once, or repeated: always the same result."""

from __future__ import annotations

import time

import faults
import pytest

from autograder.sandbox import wall

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]

NBGRADER = ("nbgrader", "autograde", faults.A1)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The course, what an undisturbed run makes of it, and how long that takes."""
    wall.require()
    folder = tmp_path_factory.mktemp("faults").resolve()
    course = faults.make_course(folder / "course")
    whole = faults.copy_of(course, folder / "undisturbed")
    begin = time.monotonic()
    faults.finish(faults.start(whole, *faults.GRADE))
    return course, faults.state(whole), time.monotonic() - begin


def test_the_class_is_graded_as_it_should_be(undisturbed):
    records = undisturbed[1]["records"]
    scores = {s: sum(v["points"] for v in r["exercises"]) for s, r in records.items()}
    assert scores == {"a": 34, "b": 28, "c": 34, "d": 0}


@pytest.mark.parametrize("seed", [1, 2, 4, 5])
def test_a_part_is_killed_at_a_random_moment(undisturbed, tmp_path, seed):
    faults.trial(*undisturbed[:2], seed, undisturbed[2], tmp_path.resolve() / "course")


@pytest.mark.parametrize("seed", [4, 5, 9])
def test_a_part_runs_out_of_memory(undisturbed, tmp_path, seed):
    """The kernel kills it where control groups can be made; elsewhere it is refused memory."""
    end = list(faults.ways().values())[1]
    faults.trial(*undisturbed[:2], seed, undisturbed[2], tmp_path.resolve() / "course", end)


@pytest.mark.parametrize(
    ("first", "second"),
    [(faults.GRADE, NBGRADER), (NBGRADER, faults.GRADE), (faults.GRADE, faults.GRADE)],
    ids=["course, nbgrader", "nbgrader, course", "course, course"],
)
def test_two_graders_at_once(undisturbed, tmp_path, first, second):
    course = faults.copy_of(undisturbed[0], tmp_path.resolve() / "course")
    one = faults.start(course, *first)
    time.sleep(1.0)
    two = faults.start(course, *second)
    faults.finish(one)
    faults.finish(two)
    assert faults.state(course) == undisturbed[1]


def test_other_processes_another_number_another_order_the_same_records(undisturbed, tmp_path):
    course = faults.copy_of(undisturbed[0], tmp_path.resolve() / "course")
    for student in "dcba":
        one = (*faults.GRADE[:-1], "1", "--student", student)
        faults.finish(faults.start(course, *one))
    assert faults.state(course) == undisturbed[1]
    faults.finish(faults.start(course, *faults.GRADE, "--force"))
    assert faults.state(course) == undisturbed[1]
