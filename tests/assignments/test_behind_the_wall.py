"""Every assignment graded as submissions are: through sanitizer, wall and pipe."""

from __future__ import annotations

import copy

import pytest

from autograder import sample_class, source
from autograder.course import Course
from autograder.judge import Grader
from autograder.release import load_release, notebook_bytes
from autograder.sanitize import RawSubmission, submission_of
from unrolled.exercise import load

pytestmark = pytest.mark.slow

each_assignment = pytest.mark.parametrize("assignment", source.assignments())


def grade(tmp_path, assignment: str, *notebooks: bytes):
    course = Course(tmp_path)
    (tmp_path / "assignments").symlink_to(source.ROOT / "assignments")
    with Grader(course, assignment) as grader:
        for data in notebooks:
            raw = RawSubmission(data, "graded")
            yield grader.grade("student", submission_of(raw, load_release(assignment)))


@each_assignment
def test_the_reference_gets_all_points_and_the_release_none(tmp_path, assignment):
    solved = copy.deepcopy(load_release(assignment))
    sample_class.solve(solved, assignment)
    right, empty = grade(
        tmp_path, assignment, notebook_bytes(solved), notebook_bytes(load_release(assignment))
    )
    for verdict in right.exercises:
        assert (verdict.outcome, verdict.points) == ("pass", verdict.max_points), verdict.message
    assert right.notes == ()
    assert {v.outcome for v in empty.exercises} == {"missing"}
    assert sum(v.points for v in empty.exercises) == 0


@each_assignment
def test_a_mistake_in_the_first_exercise_costs_nothing_that_does_not_build_on_it(
    tmp_path, assignment
):
    exercises = load(assignment)
    first = next(iter(exercises))
    known = next(m for m in source.load_misconceptions(assignment) if m.exercise == first)
    solved = copy.deepcopy(load_release(assignment))
    sample_class.solve(solved, assignment)
    sample_class.mistake(solved, assignment, first, known.name)
    (result,) = grade(tmp_path, assignment, notebook_bytes(solved))
    by_name = {v.exercise: v for v in result.exercises}
    assert by_name[first].misconception == known.name
    assert known.hint in by_name[first].message
    for verdict in by_name.values():
        if verdict.exercise != first and first not in exercises[verdict.exercise].uses:
            assert verdict.outcome == "pass", (verdict.exercise, verdict.message)
