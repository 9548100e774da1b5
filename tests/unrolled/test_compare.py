import numpy as np
import pytest

from unrolled.compare import ETA, agrees, compare, tolerance

RIGHT = np.array([[1.5, -2.0, 0.25], [3.0, 0.5, -1.25]])


@pytest.mark.parametrize(
    ("actual", "words"),
    [
        (None, "is None"),
        ("text", "of type str"),
        (RIGHT.tolist(), "of type list"),
        (RIGHT.astype(object), "array of type object"),
        (RIGHT + 0j, "array of type complex128"),
        (RIGHT.T, "may be transposed"),
        (RIGHT[0], "an axis was summed or dropped"),
        (RIGHT.ravel(), "has shape (6,), expected (2, 3)"),
        (RIGHT.astype(int), "expected floating numbers"),
        (np.where(RIGHT > 0, RIGHT, np.nan), "contains 2 NaN of 6 values"),
        (np.where(RIGHT > 0, RIGHT, np.inf), "contains 2 infinite of 6 values"),
        (-RIGHT, "has the opposite sign"),
        (3 * RIGHT, "is 3 times what it should be"),
        (0 * RIGHT, "is zero everywhere"),
        (RIGHT + np.array([[0, 0, 0], [0, 0.5, 0]]), "is right only in rows [0] of axis 0"),
        (RIGHT[::-1], "has the right rows in another order"),
        (RIGHT + 0.25, "is off by 0.25 everywhere"),
        (np.abs(RIGHT), "has the right sizes, and wrong signs in some places"),
        (RIGHT + np.array([[0.1, 0, 0], [0, 0.5, 0]]), "right only in the columns 2 of 0..2"),
        (
            RIGHT + np.array([[0.1, 0, 0.1], [0, 0.5, 0.1]]),
            "differs in 4 of 6 values, most at [1, 1]",
        ),
    ],
)
def test_wrong_results_are_told_in_words(actual, words):
    found = compare(RIGHT, actual, tol=1e-9)
    assert not found.ok
    assert words in found.note


def test_time_patterns_are_named():
    right = np.random.default_rng(0).normal(size=(2, 4, 3))
    last = right.copy()
    last[:, :-1] += 1
    shifted = np.roll(right, 1, axis=1)
    assert "last time step only" in compare(right, last, 1e-9).note
    assert "reversed in time" in compare(right, right[:, ::-1], 1e-9).note
    assert "shifted by one time step" in compare(right, shifted, 1e-9).note


def test_blocks_of_columns_are_named():
    right = np.random.default_rng(0).normal(size=(3, 8))
    i, f, o, g = np.split(right, 4, axis=1)
    swapped = np.concatenate([i, f, g, o], axis=1)
    note = compare(right, swapped, 1e-9).note
    assert note == "has the right blocks of 2 columns in another order"
    one = np.concatenate([i, f * 2, o, g], axis=1)
    assert compare(right, one, 1e-9).note == "is right only in the columns 0..1, 4..7 of 0..7"
    assert "another order" in compare(right[0], swapped[0], 1e-9).note


def test_properties_are_told_as_properties():
    assert compare(np.asarray(True), False, 0.0).note == "does not hold"
    assert compare(np.asarray(False), True, 0.0).note == "holds, and should not"
    several = compare(np.array([True, True, False]), np.array([True, False, True]), 0.0)
    assert several.note == "is wrong in 2 of 3 places, first at [1]"


@pytest.mark.parametrize("form", [np.asfortranarray, np.float32, lambda a: a.T.copy().T])
def test_any_layout_and_float_type_is_right(form):
    assert compare(RIGHT, form(RIGHT), tol=1e-6).ok


def test_a_number_may_be_a_python_float_or_a_numpy_scalar():
    for value in (2.5, np.float64(2.5), np.array(2.5)):
        assert compare(np.asarray(2.5), value, tol=1e-12).ok
    assert "is 1.04 times what it should be" in compare(np.asarray(2.5), 2.6, tol=1e-12).note


def test_integers_are_compared_exactly():
    right = np.array([3, 1, 2])
    assert compare(right, np.array([3, 1, 2], np.int32), 0.0).ok
    assert not compare(right, np.array([3, 1, 1]), 0.0).ok
    assert "expected integers" in compare(right, np.array([3.0, 1.0, 2.0]), 0.0).note


def test_tolerance_follows_the_condition_of_the_computation():
    rng = np.random.default_rng(1)
    x = rng.normal(size=50)
    moved = [x * (1 + ETA * rng.choice([-1, 1], size=50)) for _ in range(4)]
    well = tolerance(np.asarray(x @ x), [np.asarray(m @ m) for m in moved])
    big = 1e6  # the same sum with two huge terms that cancel
    ill = tolerance(
        np.asarray(x @ x),
        [np.asarray(m @ m + big * (1 + ETA) - big) for m in moved],
    )
    assert abs(np.float32(x) @ np.float32(x) - x @ x) < well < 1e-2
    assert ill > 1e3 * well


def test_agreement_with_a_mistake_counts_missing_and_nan_values():
    wrong = {"a": np.array([1.0, np.nan]), "b": np.array([2.0])}
    assert agrees(wrong, {"a": np.array([1.0, np.nan])}, "a", 1e-9)
    assert not agrees(wrong, {"a": np.array([np.nan, 1.0])}, "a", 1e-9)
    assert not agrees(wrong, {"a": np.array([1.0, 2.0])}, "a", 1e-9)
    assert not agrees(wrong, {}, "b", 1e-9)
    assert agrees({}, {}, "b", 1e-9)
