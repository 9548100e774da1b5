"""``course replay`` on real submissions behind the wall."""

from __future__ import annotations

import copy
import json
import shutil

import pytest

from autograder import sample_class, source
from autograder.cli import main
from autograder.course import Course, CourseError
from autograder.grade import grade_class
from autograder.release import load_release, notebook_bytes
from autograder.replay import indented, replay
from autograder.sandbox import limits
from autograder.sandbox.wire import Opaque
from unrolled.exercise import load

A1 = "a1_rnn"
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("replay")]


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A student with a transposed product, a crash, and a function built on a wrong one."""
    root = tmp_path_factory.mktemp("course")
    for name in ("_config.yml", "nbgrader_config.py"):
        shutil.copy(source.ROOT / name, root)
    (root / "assignments").symlink_to(source.ROOT / "assignments")
    course = Course(root)
    nb = copy.deepcopy(load_release(A1))
    sample_class.solve(nb, A1)
    sample_class.mistake(nb, A1, "rnn_step_backward", "dprev-h-not-transposed")
    cell = sample_class.solution_of(nb, "temporal_softmax_loss")
    cell["source"] = "def temporal_softmax_loss(x, y, mask):\n    return 1 / 0\n"
    cell = sample_class.solution_of(nb, "numerical_gradient")
    cell["source"] = "def numerical_gradient(f, x, h=1e-5):\n    while True:\n        pass\n"
    folder = course.submitted / "jane" / A1
    folder.mkdir(parents=True)
    (folder / f"{A1}.ipynb").write_bytes(notebook_bytes(nb))
    grade_class(course, A1, jobs=1, progress=False)
    return course


def test_shows_the_first_place_where_the_student_parts_from_the_right_one(graded):
    said = replay(graded, "jane", A1, "rnn_step_backward")
    assert said.startswith("jane, a1_rnn, rnn_step_backward: 4.8 of 6 points (partial)")
    assert 'case "random"' in said
    assert "rnn_step_forward(" in said
    assert "(stays with the student's code)" in said
    assert "dx: right" in said
    assert "first differs at [0, 0]: returned" in said
    assert "The checks have changed" not in said


def test_shows_a_crash_and_its_inputs(graded):
    said = replay(graded, "jane", A1, "temporal_softmax_loss")
    assert "raised ZeroDivisionError" in said
    assert "bool (" in said  # the mask that it was called with


def test_after_a_case_that_took_too_long_the_others_are_not_run(graded, monkeypatch):
    monkeypatch.setattr(limits, "EXERCISE_SECONDS", 1.0)
    said = replay(graded, "jane", A1, "numerical_gradient")
    assert said.count("\nSeed ") == 1
    cases = len(load(A1)["numerical_gradient"].cases)
    seeds = len(
        json.loads((graded.records / A1 / "jane.json").read_text())["exercises"][-1]["seeds"]
    )
    assert f"so the cases after it ({cases * seeds - 1}) were not run; --all" in said
    every = replay(graded, "jane", A1, "numerical_gradient", every=True)
    assert every.count("\nSeed ") == cases * seeds


def test_with_ours_in_the_place_of_a_wrong_one(graded):
    said = replay(graded, "jane", A1, "rnn_backward")
    assert "Judged with our" in said
    assert "Right in 12 other cases" in said
    assert 'case "random"' not in said
    assert 'case "random"' in replay(graded, "jane", A1, "rnn_backward", every=True)


def test_what_cannot_be_replayed_is_said(graded, capsys):
    command = ["--root", str(graded.root), "replay"]
    assert main([*command, "joe", A1, "rnn_forward"]) == 2
    said = capsys.readouterr().err
    assert "joe has no record of a1_rnn. Run: course " in said
    assert said.endswith(" grade a1_rnn --student joe\n")
    assert main([*command, "jane", A1, "rnn"]) == 2
    assert "has no exercise 'rnn': rnn_step_forward," in capsys.readouterr().err
    path = graded.submitted / "jane" / A1 / f"{A1}.ipynb"
    before = path.read_bytes()
    try:
        path.write_bytes(before + b"\n")
        with pytest.raises(CourseError, match="is not what was graded"):
            replay(graded, "jane", A1, "rnn_forward")
    finally:
        path.write_bytes(before)


@pytest.mark.parametrize(
    "value",
    [
        {"\x1b[2J\u202e\ud800\n" * 100: 1.0},
        {k: [[["\x1b]0;title\x07"] * 50] * 50] * 50 for k in range(50)},
        ["\x1b[2J"] * 100_000,
        [[]] * 100_000,
        "\u202e" * 100_000,
        Opaque("x"),
    ],
    ids=["key", "nested", "texts", "lists", "text", "object"],
)
def test_what_a_student_returned_is_shown_within_bounds_and_without_escapes(value):
    lines = list(indented(value, 2))
    assert all(line.isprintable() for line in lines)
    assert sum(map(len, lines)) < 200_000
