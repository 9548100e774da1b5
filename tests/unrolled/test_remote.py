"""Helpers that run beside the student's functions, and tensors as arguments and results."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unrolled import remote
from unrolled.exercise import exercise
from unrolled.judge import expect, judge, run_cases
from unrolled.namespace import Failure, LocalNamespace


def test_a_dict_that_is_changed_in_place_comes_back():
    def halve(arrays, factor):
        arrays["a"] *= factor
        return factor

    given = {"a": np.array([2.0, 4.0])}
    value, (after, _) = LocalNamespace({"halve": halve}).run(remote.after, "halve", given, 0.5)
    assert value == 0.5
    assert after["a"].tolist() == [1.0, 2.0]
    assert given["a"].tolist() == [2.0, 4.0]


def test_gradients_with_respect_to_nested_arguments():
    def tree(pair, scale):
        assert type(pair) is tuple
        left, (middle, _) = pair
        return (left * middle * scale).sum()

    a, b, c = (torch.tensor([x, 2.0], dtype=torch.float64) for x in (1.0, 3.0, 5.0))
    ns = LocalNamespace({"tree": tree})
    value, (da, db, dc) = ns.run(
        remote.gradients, "tree", [(a, (b, c)), 2.0], [(0, 0), (0, 1, 0), (0, 1, 1)]
    )
    assert value.item() == 14.0
    assert da.tolist() == [6.0, 4.0]
    assert db.tolist() == [2.0, 4.0]
    assert dc.tolist() == [0.0, 0.0]
    assert not a.requires_grad


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: x.detach() * 2, "has no gradient"),
        (lambda x: 3.0, "must return a tensor"),
        (lambda x: x.detach().numpy()[9], "raised IndexError"),
    ],
)
def test_a_result_without_a_gradient_is_a_failure_with_a_reason(function, message):
    with pytest.raises(Failure, match=message):
        LocalNamespace({"f": function}).run(
            remote.gradients, "f", [torch.ones(2)], [0], torch.ones(2)
        )


def test_a_kept_object_and_its_methods():
    class Counter:
        def __init__(self, start):
            self.n = start

        def add(self, k):
            self.n += k
            return self.n

        def broken(self):
            raise KeyError("x")

    ns = LocalNamespace({"Counter": Counter})
    counter = ns.Counter(3, keep=True)
    assert ns.run(remote.method, counter, "add", 2) == 5
    assert ns.run(remote.method, counter, "add", 2) == 7
    with pytest.raises(Failure, match=r"Counter.broken raised KeyError"):
        ns.run(remote.method, counter, "broken")
    with pytest.raises(Failure, match=r"Counter.gone is not defined"):
        ns.run(remote.method, counter, "gone")


def test_a_generator_is_handed_in_as_a_copy():
    rng = np.random.default_rng(1)
    ns = LocalNamespace({"draw": lambda g: g.integers(0, 1000, 5)})
    assert ns.draw(rng).tolist() == ns.draw(rng).tolist()
    assert ns.changed == []


@exercise(2, link="page.html")
def scale(ns, rng):
    x = torch.tensor(rng.normal(size=(2, 3)))
    upstream = torch.tensor(rng.normal(size=(2, 3)))
    _, (dx,) = ns.run(remote.gradients, "scale", [x, [3.0]], [0], upstream)
    return {"y": ns.scale(x, [3.0]), "dx": dx}


def verdict(function):
    names = {"scale": lambda x, k: x * k[0]}
    expected = expect(scale, names, (1, 2))
    return judge(scale, expected, run_cases(scale, LocalNamespace({"scale": function}), (1, 2)))


def written_into(x, k):
    return x * 3 if x.requires_grad else x.mul_(3)


def test_tensors_are_compared_with_their_type():
    assert verdict(lambda x, k: k[0] * x).outcome == "pass"
    single = verdict(lambda x, k: (x * 3).float())
    assert "y has the type float32, expected float64" in single.message
    assert "y is zero everywhere" in verdict(lambda x, k: x * 0).message
    assert "scale wrote into its argument x" in verdict(written_into).message
    numpy = verdict(lambda x, k: x * 3 if x.requires_grad else (x * 3).numpy())
    assert numpy.message.startswith("y is a NumPy array, expected a torch tensor")
    assert numpy.points == 1.0


def test_integer_arguments_inside_lists_are_watched():
    def spoil(ids):
        ids[0].append(9)
        ids[1][0] = 5
        return 1

    ns = LocalNamespace({"spoil": spoil})
    assert ns.spoil([[1, 2], [3]]) == 1
    assert ns.changed == ["spoil wrote into its argument ids"]
