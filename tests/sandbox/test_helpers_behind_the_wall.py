"""Tensors, generators, kept objects and helpers of ours, through the real wall."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from autograder.sandbox.client import RemoteNamespace, Zygote
from autograder.source import ROOT
from unrolled import remote
from unrolled.namespace import Failure

CODE = """
import numpy as np
import torch


class Model(torch.nn.Module):
    def __init__(self, size):
        super().__init__()
        self.linear = torch.nn.Linear(size, 1).double()

    def forward(self, x):
        return self.linear(x)


def double(x):
    return 2 * x


def cut(x):
    return 2 * x.detach()


def draw(rng, count):
    return rng.integers(0, 100, count)


def clip(arrays):
    arrays["a"] *= 0.5


def spoil(x):
    x.mul_(0)
    return x


def slow(x):
    import time
    time.sleep(60)


def replace_helpers():
    from unrolled import remote
    remote.gradients = lambda *_: (torch.zeros(2), [torch.zeros(2)])
    remote.after = lambda *_: True
"""


@pytest.fixture(scope="module")
def zygote():
    with Zygote(ROOT / "assignments" / "a1_rnn", torch=True) as zygote:
        yield zygote


@pytest.fixture
def ns(zygote):
    session = zygote.open()
    assert session.run_cell(CODE, 20.0)["ended"] == "done"
    session.prepare({})
    yield RemoteNamespace(session, 20.0)
    session.end()


def test_a_tensor_goes_there_and_comes_back(ns):
    x = torch.tensor([[1.5, -2.0]], dtype=torch.float64)
    y = ns.double(x)
    assert y.dtype == torch.float64
    assert y.tolist() == [[3.0, -4.0]]
    ns.spoil(x)
    assert ns.changed == ["spoil wrote into its argument x"]
    assert x.tolist() == [[1.5, -2.0]]


def test_gradients_are_taken_over_there(ns):
    x, up = torch.ones(3), torch.tensor([1.0, 2.0, 3.0])
    value, (dx,) = ns.run(remote.gradients, "double", [x], [0], up)
    assert value.tolist() == [2.0, 2.0, 2.0]
    assert dx.tolist() == [2.0, 4.0, 6.0]
    with pytest.raises(Failure, match="cut has no gradient") as found:
        ns.run(remote.gradients, "cut", [x], [0], up)
    assert found.value.outcome == "fail"


def test_generators_are_copies_and_dicts_come_back_changed(ns):
    rng = np.random.default_rng(4)
    assert ns.draw(rng, 5).tolist() == np.random.default_rng(4).integers(0, 100, 5).tolist()
    given = {"a": np.array([2.0, 4.0])}
    _, (after,) = ns.run(remote.after, "clip", given)
    assert after["a"].tolist() == [1.0, 2.0]


def test_a_module_stays_there_and_is_called_there(ns):
    model = ns.Model(3, keep=True)
    state = ns.run(remote.method, model, "state_dict")
    assert list(state) == ["linear.weight", "linear.bias"]  # an OrderedDict over there
    assert state["linear.weight"].shape == (1, 3)
    y = ns.run(remote.method, model, "forward", torch.ones(2, 3, dtype=torch.float64))
    assert y.shape == (2, 1)
    with pytest.raises(Failure, match=r"Model.nothing is not defined"):
        ns.run(remote.method, model, "nothing")


def test_a_helper_that_was_replaced_returns_what_it_wants_and_nothing_more(ns):
    ns.replace_helpers()
    value, _ = ns.run(remote.gradients, "double", [torch.ones(2)], [0], torch.ones(2))
    assert value.tolist() == [0.0, 0.0]
    assert ns.run(remote.after, "clip", {}) is True


def test_the_time_of_an_exercise_is_its_own(zygote):
    session = zygote.open()
    session.run_cell(CODE, 20.0)
    session.prepare({})
    with pytest.raises(Failure, match=r"all checks of an exercise have 1 s together") as found:
        RemoteNamespace(session, 1.0).slow(1)
    assert found.value.outcome == "timeout"
    session.end()
