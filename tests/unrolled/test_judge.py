"""The judge on a small exercise of its own, where every rule can be counted by hand."""

import numpy as np
import pytest

from unrolled.exercise import exercise
from unrolled.judge import Expected, expect, judge, mistake, run_cases
from unrolled.namespace import LocalNamespace
from unrolled.text import verdict_text
from unrolled.verdict import Match

SEEDS = (11, 12)


@exercise(points=6, link="page.html", cases={"random": {}, "one row": {"N": 1}})
def scale_and_sum(ns, rng, N=3):
    x = rng.normal(size=(N, 4))
    scaled, total, cache = ns.scale_and_sum(x, 2.5, returns=("scaled", "total", "cache"))
    back = ns.undo(scaled, cache)
    return {"scaled": scaled, "total": total, "back": back}


def right(x, factor):
    return x * factor, float(x.sum() * factor), {"factor": factor}


def undo(y, cache):
    return y / cache["factor"]


REFERENCE = {"scale_and_sum": right, "undo": undo}


def verdict(function, undo=undo, mistakes=(), unsound=()):
    names = {"scale_and_sum": function, "undo": undo}
    expected = expect(scale_and_sum, REFERENCE, SEEDS)
    runs = run_cases(scale_and_sum, LocalNamespace(names), SEEDS)
    known = [
        mistake(scale_and_sum, Match(name, f"hint of {name}", "page.html#x"), found, SEEDS)
        for name, found in mistakes
    ]
    return judge(scale_and_sum, expected, runs, lambda: known, lambda: unsound)


def test_right_in_another_form_gets_all_points():
    def other(x, factor):
        rows = [[v * factor for v in row] for row in x]
        return [np.array(rows), np.float32(np.sum(rows)), {"factor": factor}]

    found = verdict(other)
    assert (found.outcome, found.points, found.misconception) == ("pass", 6, None)
    assert all(row.ok for row in found.rows)


def test_each_output_has_an_equal_share():
    found = verdict(lambda x, f: (x * f, 0.0, {"factor": f}))
    assert (found.outcome, found.points) == ("partial", 4)
    assert "total is zero (case: random)" in found.message


def test_an_output_wrong_in_one_extra_case_keeps_the_other_cases():
    def wrong_alone(x, factor):
        scaled, total, cache = right(x, factor)
        return scaled, total + (len(x) == 1), cache

    # Its share is 2; it is right in one of two cases, and the arguments are untouched: 2 of 3.
    found = verdict(wrong_alone)
    assert found.points == pytest.approx(2 + 2 + 2 * 2 / 3, abs=0.005)
    assert "(case: one row). It is right in every other case." in found.message


def test_a_wrong_shape_is_said_before_a_wrong_number():
    def both(x, factor):
        return x * factor * 2, np.ones(2), {"factor": factor}

    assert verdict(both).message.startswith("total has shape (2,), expected ()")


def test_a_mistake_in_the_numbers_does_not_explain_a_wrong_type():
    def mistaken(x, factor):
        return x * factor + 1, float(x.sum() * factor), {"factor": factor}

    def typed(x, factor):
        return x * factor, [float(x.sum() * factor)], {"factor": factor}

    found = verdict(typed, mistakes=[("shifted", {**REFERENCE, "scale_and_sum": mistaken})])
    assert "total is of type list" in found.message
    assert found.matches == ()


def test_an_output_right_only_in_an_extra_case_earns_nothing():
    def only_alone(x, factor):
        scaled, total, cache = right(x, factor)
        return scaled, total if len(x) == 1 else total + 1, cache

    assert verdict(only_alone).points == 4


def test_an_argument_written_into_is_found_and_costs_a_case():
    def in_place(x, factor):
        x *= factor
        return x, float(x.sum()), {"factor": factor}

    found = verdict(in_place)
    assert found.points == pytest.approx(6 * 2 / 3)
    assert "scale_and_sum wrote into its argument x" in found.message


@pytest.mark.parametrize(
    ("function", "outcome", "words"),
    [
        (None, "missing", "scale_and_sum is not defined"),
        (5, "missing", "scale_and_sum is not a function"),
        (lambda x, f: x * f, "error", "must return 3 results"),
        (lambda x, f: (x, 1.0), "error", "it returned 2"),
        (lambda x, f: (x, 1.0, {"factor": 1})[3], "error", "raised IndexError"),
        (lambda x: x, "error", "raised TypeError"),
    ],
)
def test_what_cannot_be_compared_is_said(function, outcome, words):
    found = verdict(function)
    assert (found.outcome, found.points) == (outcome, 0)
    assert words in found.message


def test_a_stub_is_missing_and_not_wrong():
    def stub(x, factor):
        raise NotImplementedError()

    found = verdict(stub)
    assert found.outcome == "missing"
    assert found.message == "scale_and_sum is not implemented yet."


def test_a_known_misconception_is_named_with_its_hint():
    def doubled(x, factor):
        return x * factor, 2 * float(x.sum() * factor), {"factor": factor}

    def halved(x, factor):
        return x * factor, float(x.sum() * factor) / 2, {"factor": factor}

    known = [("halved", {**REFERENCE, "scale_and_sum": halved})]
    known += [("doubled", {**REFERENCE, "scale_and_sum": doubled})]
    found = verdict(doubled, mistakes=known)
    assert found.misconception == "doubled"
    assert found.message.endswith("hint of doubled")
    assert found.matches[0].outputs == ("total",)
    assert verdict(lambda x, f: (x * f, 1.25, {"factor": f}), mistakes=known).misconception is None


def test_two_misconceptions_at_once_are_both_named():
    wrong_total = {**REFERENCE, "scale_and_sum": lambda x, f: (x * f, 1.0, {"factor": f})}
    wrong_undo = {**REFERENCE, "undo": lambda y, cache: y}
    found = verdict(
        wrong_total["scale_and_sum"],
        undo=wrong_undo["undo"],
        mistakes=[("total", wrong_total), ("undo", wrong_undo)],
    )
    assert {m.name for m in found.matches} == {"total", "undo"}
    assert found.points == 2


def test_an_unexplained_error_names_the_earlier_function_that_is_wrong():
    found = verdict(lambda x, f: (x + f, 0.0, {"factor": f}), unsound=["earlier"])
    assert found.message.endswith("earlier is not right yet, and this one builds on it.")


def test_the_text_has_one_line_per_output():
    text = verdict_text(verdict(lambda x, f: (x * f, 0.0, {"factor": f})))
    lines = text.splitlines()
    assert lines[0] == "scale_and_sum: 2 of 3 results are right"
    assert lines[2].split() == ["✓", "scaled", "all", "2", "cases", "(3,", "4)", "0.0e+00"]
    assert lines[3].startswith("✗  total   random")


def test_a_reference_that_fails_is_an_error_of_ours():
    with pytest.raises(RuntimeError, match="the reference fails on scale_and_sum"):
        expect(scale_and_sum, {}, SEEDS)


def noisy(size):
    def function(x, factor):
        return x * factor * (1 + size), float(x.sum() * factor), {"factor": factor}

    return function


@pytest.mark.parametrize("function", [right, *map(noisy, (1e-12, 3e-6, 1e-5, 3e-5, 1e-3))])
def test_tolerances_worked_out_late_give_the_same_verdict(function):
    runs = run_cases(scale_and_sum, LocalNamespace({**REFERENCE, "scale_and_sum": function}), SEEDS)
    late = expect(scale_and_sum, REFERENCE, SEEDS)
    at_once = {k: Expected(e.outputs, dict(e.tolerance)) for k, e in late.items()}
    again = expect(scale_and_sum, REFERENCE, SEEDS)
    assert judge(scale_and_sum, again, runs) == judge(scale_and_sum, at_once, runs)


def test_a_right_answer_asks_for_no_tolerance():
    counted = []

    def reference(x, factor):
        counted.append(1)
        return right(x, factor)

    names = {**REFERENCE, "scale_and_sum": reference}
    expected = expect(scale_and_sum, names, SEEDS)
    runs = run_cases(scale_and_sum, LocalNamespace(REFERENCE), SEEDS)
    assert judge(scale_and_sum, expected, runs).outcome == "pass"
    assert len(counted) == len(SEEDS) * len(scale_and_sum.cases)
    for e in expected.values():
        assert all(e.least[name] <= bound for name, bound in e.tolerance.items())
