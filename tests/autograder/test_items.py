"""Item analysis: the numbers are those of the definitions, and what has none says why."""

from __future__ import annotations

import numpy as np
import pytest

from autograder import items
from autograder.results import Result
from unrolled.verdict import Verdict

NAMES = ("a", "b", "c", "d")
MOST = np.array([2.0, 5.0, 3.0, 4.0])


def points(students: int, seed: int = 11) -> np.ndarray:
    rng = np.random.default_rng(seed)
    skill = rng.normal(size=(students, 1))
    return MOST * (skill + rng.normal(size=(students, len(MOST))) > -0.3)


def test_difficulty_is_the_mean_share_and_discrimination_leaves_the_item_out():
    table = points(37)
    found = items.analyse(NAMES, table, MOST)
    assert [i.name for i in found] == list(NAMES)
    for e, item in enumerate(found):
        rest = np.delete(table, e, axis=1).sum(axis=1)
        a, b = table[:, e] - table[:, e].mean(), rest - rest.mean()
        assert item.discrimination == pytest.approx((a @ b) / np.sqrt((a @ a) * (b @ b)))
        assert item.difficulty == pytest.approx(table[:, e].sum() / (37 * MOST[e]))
        assert (item.students, item.why_not) == (37, "")


def test_a_reversed_exercise_is_pointed_out():
    table = points(60)
    table[:, 1] = MOST[1] - table[:, 1]
    item = items.analyse(NAMES, table, MOST)[1]
    assert item.discrimination < 0
    assert "look at the text" in item.remark


def test_what_is_undefined_says_why():
    table = points(12)
    table[:, 2] = 3.0
    found = items.analyse(NAMES, table, MOST)
    assert found[2].discrimination is None
    assert "everybody has the same points here" in found[2].remark
    assert all(i.discrimination is not None for i in (found[0], found[1], found[3]))
    (only,) = items.analyse(["a"], table[:, :1], MOST[:1])
    assert "all other exercises together" in only.why_not


@pytest.mark.parametrize(
    ("correlation", "remark"),
    [(-0.1, "look at the text"), (items.WEAK - 0.01, "Hardly tells"), (items.WEAK, "")],
)
def test_what_a_teacher_may_want_to_look_at(correlation, remark):
    said = items.Item("a", 30, 0.5, correlation).remark
    assert remark in said
    assert bool(said) == bool(remark)


@pytest.mark.parametrize("students", [1, items.FEWEST - 1])
def test_few_students_get_no_correlation(students):
    found = items.analyse(NAMES, points(students), MOST)
    assert {i.discrimination for i in found} == {None}
    enough = items.analyse(NAMES, points(items.FEWEST), MOST)
    assert any(i.discrimination is not None for i in enough)
    assert all(f"fewer than {items.FEWEST}" in i.why_not for i in found)
    assert all(0 <= i.difficulty <= 1 for i in found)


def result(student: str, given: dict[str, float], status: str = "graded") -> Result:
    verdicts = tuple(Verdict(n, p, 4.0, "partial", "") for n, p in given.items())
    return Result(student, "x", status, verdicts)


def test_only_complete_graded_results_count():
    results = [
        result("s1", {"a": 4.0, "b": 1.0}),
        result("s2", {"b": 3.0, "a": 2.0}),
        result("s3", {"a": 0.0}),
        result("s4", {}, "missing"),
        result("s5", {"a": 0.0, "b": 0.0}, "unreadable"),
    ]
    found = {i.name: i for i in items.items(results)}
    assert list(found) == ["a", "b"]
    assert {i.students for i in found.values()} == {2}
    assert found["a"].difficulty == pytest.approx(6 / 8)
    assert found["b"].difficulty == pytest.approx(4 / 8)


def test_nothing_to_analyse_and_exercises_without_points():
    assert items.items([]) == ()
    assert items.items([result("s", {}, "missing")]) == ()
    assert [i.name for i in items.analyse(NAMES[:2], points(15)[:, :2], np.array([0.0, 5.0]))] == [
        "b"
    ]
