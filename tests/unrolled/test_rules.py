"""Rules: bounds, properties, frequencies."""

from __future__ import annotations

import math

import numpy as np
import pytest

from unrolled.exercise import exercise
from unrolled.judge import expect, judge, mistake, run_cases
from unrolled.namespace import LocalNamespace
from unrolled.rules import AtLeast, AtMost, Holds, SameFrequencies, chi_square
from unrolled.verdict import Match

SHARES = np.array([0.1, 0.2, 0.3, 0.25, 0.15])
NOTHING = np.array(0.0)


def counts(rng: np.random.Generator, shares=SHARES, n: int = 4000) -> np.ndarray:
    return rng.multinomial(n, shares)


def test_right_samplers_are_refused_no_more_often_than_stated():
    rng, rule = np.random.default_rng(0), SameFrequencies(0.01)
    refused = sum(not rule.compare(counts(rng), counts(rng)).ok for _ in range(2000))
    assert refused <= 20  # a hundredth; the bound on the tail is wide, so it is far fewer
    strict = SameFrequencies(1e-9)
    assert all(strict.compare(counts(rng), counts(rng)).ok for _ in range(2000))


def tail(t: float, d: int) -> float:
    """P(chi2_d >= t) for an even d."""
    return math.exp(-t / 2) * sum((t / 2) ** k / math.factorial(k) for k in range(d // 2))


@pytest.mark.parametrize("d", [2, 4, 30])
def test_the_threshold_is_safe_and_not_much_too_wide(d):
    threshold = SameFrequencies(1e-9).threshold(d + 1)
    assert tail(threshold, d) <= 1e-9
    assert tail(0.8 * threshold, d) > 1e-9


def test_another_distribution_is_refused_and_the_worst_place_is_named():
    rng, rule = np.random.default_rng(0), SameFrequencies(1e-9)
    wrong = np.array([0.1, 0.2, 0.3, 0.15, 0.25])
    for _ in range(50):
        found = rule.compare(counts(rng), counts(rng, wrong))
        assert not found.ok
        assert "does not have the right frequencies" in found.note
        assert "at [3]" in found.note or "at [4]" in found.note


def test_samples_of_different_sizes_are_compared_by_their_shares():
    rng, rule = np.random.default_rng(0), SameFrequencies(1e-9)
    assert rule.compare(counts(rng), counts(rng, n=900)).ok
    assert not rule.compare(counts(rng), counts(rng, SHARES[::-1], n=2000)).ok


def test_rare_cells_are_put_together():
    statistic, cells = chi_square(np.array([500, 3, 0, 2]), np.array([510, 0, 4, 1]))
    assert cells == 2
    assert statistic < 4


@pytest.mark.parametrize("bad", [None, "x", np.zeros(4), np.zeros(5), np.full(5, -1), 3])
def test_what_is_no_count_is_refused(bad):
    assert not SameFrequencies(1e-9).compare(counts(np.random.default_rng(0)), bad).ok


def test_no_draws_are_not_the_same_as_some():
    rule = SameFrequencies(1e-9)
    assert not rule.compare(counts(np.random.default_rng(0)), np.zeros(5, int)).ok


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (AtMost(2.0, "nats"), [2.0, 1.9, np.float64(-3)], [2.1, np.nan, np.inf, None, "1"]),
        (AtLeast(0.9, "accuracy"), [0.9, 1.0, 1], [0.89, np.nan, [1.0], np.array([1.0])]),
        (Holds(), [True, np.bool_(True)], [False, 1, 1.0, "True", None, np.array([True])]),
    ],
)
def test_bounds_and_properties(rule, good, bad):
    assert all(rule.compare(NOTHING, value).ok for value in good)
    for value in bad:
        found = rule.compare(NOTHING, value)
        assert not found.ok
        assert found.note


def test_words_of_a_bound():
    found = AtMost(1.75, "nats per token on unseen text").compare(NOTHING, 2.314)
    assert found.note == "is 2.31 nats per token on unseen text, expected at most 1.75"
    assert found.error == pytest.approx(0.564)


@exercise(
    4,
    link="page.html",
    seeds=1,
    rules={"loss": AtMost(1.0, "nats"), "a loss per step": Holds("is not what it should be")},
)
def train(ns, rng):
    losses = ns.train(int(rng.integers(5, 9)))
    return {"loss": losses[-1], "a loss per step": len(losses) > 3}


def verdict(function, mistakes=tuple):
    expected = expect(train, {}, (1,))  # no reference is asked
    return judge(
        train, expected, run_cases(train, LocalNamespace({"train": function}), (1,)), mistakes
    )


def test_an_exercise_with_rules_alone_is_judged_without_the_reference():
    assert not train.needs_reference
    assert verdict(lambda n: [2.0] * n + [0.5]).outcome == "pass"
    found = verdict(lambda n: [2.0] * n)
    assert (found.outcome, found.points) == ("partial", 2.0)
    assert "loss is 2 nats, expected at most 1" in found.message
    assert verdict(lambda n: [0.5]).message.startswith("a loss per step is not what it should be")


def test_a_known_mistake_is_told_by_its_numbers():
    def known():
        names = {"train": lambda n: [3.0] * n}
        return [mistake(train, Match("flat", "Does it learn?", "page.html#x"), names, (1,))]

    assert verdict(lambda n: [3.0] * n, known).misconception == "flat"
    assert verdict(lambda n: [2.5] * n, known).misconception is None
