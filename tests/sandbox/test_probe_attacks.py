"""Probes with tensors, gradients, generators and kept objects, driven against hostile code.

Each case is what a student's cell holds, the exercise that it answers, and the points that a right
judge gives. Behind the wall the code may do what it likes to the functions of ours that run beside
it; out here only numbers arrive, and they have to be right.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from autograder import source
from autograder.sandbox import limits, wall
from autograder.sandbox.client import RemoteNamespace, Session, Zygote, weight
from unrolled import diagnose, namespace, remote
from unrolled.exercise import exercise
from unrolled.judge import expect, judge, run_cases
from unrolled.namespace import Failure
from unrolled.rules import SameFrequencies

pytestmark = pytest.mark.xdist_group("attacks")
SEEDS = (11, 12)
SIDES = 5


@exercise(points=1, link="")
def energy(ns, rng):
    """A torch function of two arguments: its value, which has to be a tensor, and its gradients."""
    x, w = (torch.tensor(rng.normal(size=shape)) for shape in ((4, 3), (3, 3)))
    value, (dx, dw) = ns.run(remote.gradients, "energy", [x, w], [0, 1])
    return {"value": value, "dx": dx, "dw": dw}


@exercise(points=1, link="", rules={"counts": SameFrequencies(1e-9)})
def throw(ns, rng):
    """Draws with given probabilities from a generator that is handed in."""
    p = rng.dirichlet(np.ones(SIDES))
    drawn = ns.throw(p, 2000, np.random.default_rng(int(rng.integers(2**31))))
    return {"counts": np.array([np.sum(drawn == k) for k in range(SIDES)])}


@exercise(points=1, link="")
def Average(ns, rng):
    """An object that stays over there, whose method is called twice."""
    made = ns.Average(0.9, keep=True)
    steps = [ns.run(remote.method, made, "step", rng.normal(size=4)) for _ in range(2)]
    return dict(zip(("first", "second"), steps))


EXERCISES = {e.name: e for e in (energy, throw, Average)}
HONEST = {
    "energy": "def energy(x, w):\n    return ((x @ w) ** 2).sum() + x.sin().sum()",
    "throw": "def throw(p, n, rng):\n    return rng.choice(len(p), size=n, p=p)",
    "Average": """
class Average:
    def __init__(self, keep):
        self.keep, self.value = keep, 0.0

    def step(self, x):
        self.value = self.keep * self.value + (1 - self.keep) * x
        return self.value
""",
}
WRONG = {
    "energy": "def energy(x, w):\n    return (x @ w).sum()",
    "throw": "def throw(p, n, rng):\n    return rng.integers(len(p), size=n)",
    "Average": """
class Average:
    def __init__(self, keep): pass
    def step(self, x): return x
""",
}
REFERENCE: dict = {"np": np, "torch": torch}
exec("\n\n".join(HONEST.values()), REFERENCE)

CASES: dict[str, tuple[str, float, str]] = {
    **{f"honest {name}": (name, 1.0, code) for name, code in HONEST.items()},
    **{f"wrong {name}": (name, 0.0, code) for name, code in WRONG.items()},
    "all of a gradient in numpy": (
        "energy",
        0.0,
        """
def energy(x, w):
    x, w = x.detach().numpy(), w.detach().numpy()
    return float(((x @ w) ** 2).sum() + np.sin(x).sum())
""",
    ),
    "a graph that is cut": (
        "energy",
        0.0,
        "def energy(x, w):\n    return ((x.detach() @ w.detach()) ** 2).sum()",
    ),
    "autograd replaced by ones": (
        "energy",
        0.0,
        WRONG["energy"]
        + "\ntorch.autograd.grad = lambda value, leaves, *a, **k: [torch.ones(2)] * 2",
    ),
    "the helper replaced": (
        "energy",
        0.0,
        WRONG["energy"]
        + """
import sys
import unrolled.remote
unrolled.remote.gradients = lambda names, f, args, wrt, upstream=None: (True, [True, True])
sys.modules["unrolled.remote"] = unrolled.remote
""",
    ),
    "the helpers' module replaced": (
        "Average",
        0.0,
        WRONG["Average"]
        + """
import sys, types
fake = types.ModuleType("unrolled.remote")
fake.method = fake.after = fake.gradients = lambda *a: "pass"
sys.modules["unrolled.remote"] = fake
""",
    ),
    "another element type": (
        "energy",
        0.0,
        "def energy(x, w):\n    return (((x @ w) ** 2).sum() + x.sin().sum()).to(torch.complex128)",
    ),
    "a tensor of 8 TB that is one number": (
        "energy",
        0.0,
        "def energy(x, w):\n    return (x.sum() + w.sum()).expand(2**20, 2**20)",
    ),
    "a tensor that answers every question itself": (
        "energy",
        0.0,
        """
class Evil(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return True

def energy(x, w):
    return (x.sum() + w.sum()).as_subclass(Evil)
""",
    ),
    "a tensor whose values never come": (
        "energy",
        0.0,
        """
class Slow(torch.Tensor):
    def detach(self):
        while True:
            pass

def energy(x, w):
    return (x.sum() + w.sum()).as_subclass(Slow)
""",
    ),
    "a tensor without storage": (
        "Average",
        0.0,
        """
class Average:
    def __init__(self, keep): pass
    def step(self, x): return torch.ones(4, device="meta")
""",
    ),
    "a generator that was exchanged": (
        "throw",
        0.0,
        """
from autograder.sandbox import wire

class Loaded:
    def choice(self, n, size, p): return np.zeros(size, int)

wire.as_generator = lambda state: Loaded()

def throw(p, n, rng):
    return rng.choice(len(p), size=n, p=p)
""",
    ),
    "a generator that is handed back": ("throw", 0.0, "def throw(p, n, rng):\n    return rng"),
    "draws that compare equal to everything": (
        "throw",
        0.0,
        """
class Any:
    __eq__ = lambda self, other: np.ones(2000, bool)
    __len__ = lambda self: 2000

def throw(p, n, rng):
    return Any()
""",
    ),
    "draws of a type that is no number": (
        "throw",
        0.0,
        "def throw(p, n, rng):\n    return rng.choice(len(p), size=n, p=p).astype(object)",
    ),
    "a class that is a number": ("Average", 0.0, "Average = 5"),
    "a kept object that is a number": ("Average", 0.0, "def Average(keep):\n    return 5"),
    "a kept object that is a module": ("Average", 0.0, "def Average(keep):\n    return np"),
    "a kept object that ends the process": (
        "Average",
        0.0,
        """
class Average:
    def __init__(self, keep): pass
    def __getattr__(self, name):
        import os
        os._exit(0)
""",
    ),
    "a kept object that says it is another": (
        "Average",
        0.0,
        """
class Average:
    __class__ = np.ndarray
    def __init__(self, keep): pass
    def step(self, x): return self
""",
    ),
    "a kept object that is handed out as a result": (
        "Average",
        0.0,
        """
from autograder.sandbox import wire

class Average:
    def __init__(self, keep): pass
    def step(self, x): return wire.Handle(0)
""",
    ),
}


@dataclass
class Behind:
    """A warm sandbox with torch."""

    zygote: Zygote

    def points(self, name: str, code: str) -> tuple[float, str]:
        """Run a cell with ``code`` behind the wall and judge the exercise ``name`` out here."""
        one = EXERCISES[name]
        session = self.zygote.open()
        try:
            session.run_cell(f"import numpy as np\nimport torch\n{code}", 10.0)
            session.prepare({})
            runs = run_cases(one, RemoteNamespace(session, 3.0), SEEDS)
        finally:
            session.end()
        verdict = judge(one, expect(one, REFERENCE, SEEDS), runs, list, list)
        return verdict.points, verdict.message


@pytest.fixture(scope="module")
def behind():
    wall.require()
    with Zygote(source.ROOT / "assignments" / "a1_rnn", torch=True) as zygote:
        yield Behind(zygote)


@pytest.mark.parametrize("case", CASES)
def test_points(behind, case):
    name, just, code = CASES[case]
    points, said = behind.points(name, code)
    assert points == just, said
    assert said.isprintable()


# --- what the judge reads -------------------------------------------------------------------------


class NoZygote:
    def end(self) -> str:
        return ""


def array(code="<f8", shape=(1,), start=0, kind="C"):
    return {"$": "array", "v": [code, list(shape), start, kind]}


def tagged(tag, v):
    return {"$": tag, "v": v}


def pcg(**changes):
    state = {"bit_generator": "PCG64", "has_uint32": 0, "uinteger": 0}
    state["state"] = tagged("dict", [["state", 1], ["inc", 3]])
    return tagged("generator", tagged("dict", [[k, v] for k, v in (state | changes).items()]))


FORGED = {
    "tensor of nothing": tagged("tensor", None),
    "tensor of a number": tagged("tensor", 1.5),
    "tensor of a list": tagged("tensor", tagged("list", [array()])),
    "tensor of a tensor": tagged("tensor", tagged("tensor", array())),
    "tensor of a handle": tagged("tensor", tagged("handle", 0)),
    "tensor of objects": tagged("tensor", array("|O")),
    "tensor that is not there": tagged("tensor", array(shape=[2**40])),
    "generator of nothing": tagged("generator", None),
    "generator of an array": tagged("generator", array()),
    "generator of a generator": tagged("generator", pcg()),
    "generator of another kind": pcg(bit_generator="MT19937"),
    "generator without a state": tagged("generator", tagged("dict", [])),
    "generator whose state is an array": pcg(state=array()),
    "generator whose state is too large": pcg(
        state=tagged("dict", [["state", 2**200], ["inc", 2**200]])
    ),
    "generator whose state is text": pcg(state="9" * 9000),
}


def answered(value: object, blob: bytes) -> object:
    """What a call returns when the student's side answers with this."""
    ours, theirs = socket.socketpair()

    def answer() -> None:
        head = theirs.recv(8, socket.MSG_WAITALL)
        asked = json.loads(theirs.recv(sum(struct.unpack("!II", head)), socket.MSG_WAITALL))
        text = json.dumps({"id": asked["id"], "value": value, "changed": []}).encode()
        theirs.sendall(struct.pack("!II", len(text), len(blob)) + text + blob)

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        return RemoteNamespace(Session(ours, NoZygote()), 5.0).anything()
    finally:
        thread.join()
        ours.close()
        theirs.close()


@pytest.mark.parametrize("form", FORGED)
def test_forged_tensors_and_generators_are_no_plain_data(form):
    with pytest.raises(Failure, match="no plain data"):
        answered(FORGED[form], bytes(64))


def test_tensors_and_generators_that_are_whole_arrive():
    """The test above would pass if nothing could arrive."""
    made = answered(tagged("tensor", array(shape=[2])), np.array([1.0, 2.0]).tobytes())
    assert torch.equal(made, torch.tensor([1.0, 2.0], dtype=torch.float64))
    assert isinstance(answered(pcg(), b""), np.random.Generator)


def test_what_a_callback_is_given_is_weighed_as_a_tensor_too():
    """Otherwise the functions of ours that run out here could be kept busy with huge tensors."""
    for value in (np.zeros((50, 100)), torch.zeros(50, 100), [torch.zeros(5000)]):
        assert weight(value) > limits.CALLBACK_ELEMENTS
    assert weight({"a": torch.zeros(3)}) < 10
    assert weight(torch.zeros(0, 10**6)) >= 10**6


def test_the_helpers_return_raw_results():
    """A helper runs beside hostile code, so it must not know what is right."""
    text = Path(remote.__file__).read_text()
    for module in ("judge", "compare", "rules", "verdict", "exercises", "bank"):
        assert f"unrolled.{module}" not in text


@pytest.mark.parametrize("value", ["Tensor", "list of str"])
def test_what_does_not_cross_is_called_by_its_own_name(value):
    """A student is not told of the wrapper that stands for it out here."""
    opaque = answered(tagged("opaque", value), b"")
    assert diagnose.wrong_type(np.zeros(2), opaque) == f"is of type {value}, expected a NumPy array"
    assert diagnose.no_tensor(opaque) == f"is of type {value}, expected a torch tensor"
    assert namespace.describe(opaque) == f"one {value}"
