"""Assignment a4: what is special about it, beyond what ``test_every_assignment`` asks of all.

Parity with torch, every wrong order of the blocks, the forms that a state dict may have, mistakes
written by hand in other styles, and the numbers that the notebook's text states.
"""

from __future__ import annotations

import itertools
import re
import warnings
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from marking import verdict_on

from autograder import source
from unrolled import gate_diagrams
from unrolled.exercise import load
from unrolled.judge import run_case, run_cases
from unrolled.namespace import LocalNamespace
from unrolled.verdict import Verdict

A4 = "a4_lstm_gru"
EXERCISES = load(A4)
SEEDS = (201, 202, 203)
ORDERS = ["".join(order) for order in itertools.permutations("ifog")]

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def verdict(name: str, names: Mapping[str, Any], hints: bool = True) -> Verdict:
    return verdict_on(A4, name, names, SEEDS, hints)


def with_function(name: str, function: Any) -> dict[str, Any]:
    return {**source.load_reference(A4), name: function}


def arrays(*shapes: tuple[int, ...], seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


# --- the exercises and the reference -------------------------------------------------------------


def test_points_and_order_are_those_of_the_course():
    assert {e.name: e.points for e in EXERCISES.values()} == {
        "lstm_step_forward": 5,
        "lstm_step_backward": 8,
        "lstm_forward": 3,
        "lstm_backward": 6,
        "gru_step_forward": 5,
        "gru_step_backward": 7,
        "lstm_to_torch": 4,
        "init_lstm_bias": 2,
    }


def test_there_are_enough_misconceptions():
    counts = dict.fromkeys(EXERCISES, 0)
    for m in source.load_misconceptions(A4):
        counts[m.exercise] += 1
    assert min(counts.values()) >= 14
    assert sum(counts.values()) >= 200


def test_the_lstm_of_the_reference_agrees_with_torch():
    N, T, D, H = 2, 5, 3, 4
    x, e, h0, Wx, Wh, b = arrays((N, T, D), (N, T, H), (N, H), (D, 4 * H), (H, 4 * H), (4 * H,))
    ref = source.load_reference(A4)
    h, cache = ref["lstm_forward"](x, h0, Wx, Wh, b)
    dx, dh0, dWx, dWh, db = ref["lstm_backward"](e, cache)

    module = torch.nn.LSTM(D, H, batch_first=True).double()
    module.load_state_dict(ref["lstm_to_torch"](Wx, Wh, b))
    inputs, start = (torch.tensor(a, requires_grad=True) for a in (x, h0[None]))
    out, _ = module(inputs, (start, torch.zeros_like(start)))
    (out * torch.tensor(e)).sum().backward()
    moved = ref["lstm_to_torch"](dWx, dWh, db)
    for ours, theirs in [
        (h, out.detach()),
        (dx, inputs.grad),
        (dh0, start.grad[0]),
        (moved["weight_ih_l0"], module.weight_ih_l0.grad),
        (moved["weight_hh_l0"], module.weight_hh_l0.grad),
        (moved["bias_ih_l0"] + moved["bias_hh_l0"], module.bias_ih_l0.grad),
    ]:
        np.testing.assert_allclose(ours, theirs, atol=1e-13)


def test_one_lstm_step_of_the_reference_agrees_with_autograd():
    N, D, H = 3, 2, 4
    given = arrays((N, D), (N, H), (N, H), (D, 4 * H), (H, 4 * H), (4 * H,))
    dh, dc = arrays((N, H), (N, H), seed=1)
    ref = source.load_reference(A4)
    *_, cache = ref["lstm_step_forward"](*given)
    x, h, c, Wx, Wh, b = leaves = [torch.tensor(a, requires_grad=True) for a in given]
    i, f, o, g = (x @ Wx + h @ Wh + b).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    auto = torch.autograd.grad((h, c), leaves, (torch.tensor(dh), torch.tensor(dc)))
    for hand, grad in zip(ref["lstm_step_backward"](dh, dc, cache), auto, strict=True):
        np.testing.assert_allclose(hand, grad, atol=1e-14)


def test_one_gru_step_of_the_reference_agrees_with_autograd():
    N, D, H = 3, 2, 4
    given = arrays((N, D), (N, H), (D, 3 * H), (H, 3 * H), (3 * H,))
    (dh,) = arrays((N, H), seed=1)
    ref = source.load_reference(A4)
    next_h, cache = ref["gru_step_forward"](*given)
    x, h, Wx, Wh, b = leaves = [torch.tensor(a, requires_grad=True) for a in given]
    xz, xr, xn = (x @ Wx + b).chunk(3, dim=1)
    hz, hr, hn = Wh.chunk(3, dim=1)
    z, r = torch.sigmoid(xz + h @ hz), torch.sigmoid(xr + h @ hr)
    out = z * h + (1 - z) * torch.tanh(xn + (r * h) @ hn)
    np.testing.assert_allclose(next_h, out.detach(), atol=1e-15)
    auto = torch.autograd.grad(out, leaves, torch.tensor(dh))
    for hand, grad in zip(ref["gru_step_backward"](dh, cache), auto, strict=True):
        np.testing.assert_allclose(hand, grad, atol=1e-14)


@pytest.mark.parametrize("diagonal", [True, False])
def test_the_gru_is_torchs_where_the_candidates_matrix_is_diagonal_and_only_there(diagonal):
    """Torch resets after the product, which is the same if the matrix does not mix the units."""
    N, D, H = 3, 2, 4
    x, h, Wx, Wh, b = arrays((N, D), (N, H), (D, 3 * H), (H, 3 * H), (3 * H,))
    if diagonal:
        Wh[:, 2 * H :] = np.diag(np.diag(Wh[:, 2 * H :]))
    next_h, _ = source.load_reference(A4)["gru_step_forward"](x, h, Wx, Wh, b)
    cell = torch.nn.GRUCell(D, H).double()
    with torch.no_grad():
        for to, w in ((cell.weight_ih, Wx), (cell.weight_hh, Wh), (cell.bias_ih, b)):
            z, r, n = np.split(w.T, 3)
            to.copy_(torch.tensor(np.concatenate([r, z, n])))
        cell.bias_hh.zero_()
        off = np.abs(next_h - cell(torch.tensor(x), torch.tensor(h)).numpy()).max()
    assert off < 1e-14 if diagonal else off > 0.05


def test_the_reference_does_not_warn_at_huge_pre_activations():
    N, D, H = 2, 3, 4
    ref = source.load_reference(A4)
    x, h, c, Wx, Wh, b = arrays((N, D), (N, H), (N, H), (D, 4 * H), (H, 4 * H), (4 * H,))
    Vx, Vh, v = arrays((D, 3 * H), (H, 3 * H), (3 * H,))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        *_, lstm = ref["lstm_step_forward"](1e8 * x, h, 1e5 * c, Wx, Wh, b)
        ref["lstm_step_backward"](h, c, lstm)
        _, gru = ref["gru_step_forward"](1e8 * x, h, Vx, Vh, v)
        ref["gru_step_backward"](h, gru)


def test_a_naive_sigmoid_that_warns_but_is_right_gets_all_points():
    text = source.load_variants(A4)["einsum_and_naive_sigmoid"]
    names = source.load_variant(A4, text)
    with pytest.warns(RuntimeWarning, match="overflow"):
        names["sigmoid"](np.array(-1e4))
    for name in ("lstm_step_forward", "lstm_step_backward", "lstm_forward", "gru_step_forward"):
        assert verdict(name, names, hints=False).outcome == "pass"


def test_a_cache_of_the_reference_survives_another_forward_and_two_backwards():
    ref = source.load_reference(A4)
    shapes = [(2, 4, 3), (2, 5), (3, 20), (5, 20), (20,)]
    (dh,) = arrays((2, 4, 5), seed=1)
    _, cache = ref["lstm_forward"](*arrays(*shapes))
    first = ref["lstm_backward"](dh, cache)
    ref["lstm_forward"](*arrays(*shapes, seed=2))
    for a, b in zip(first, ref["lstm_backward"](dh, cache), strict=True):
        np.testing.assert_array_equal(a, b)


# --- the probes ----------------------------------------------------------------------------------


class Recorder(dict):
    """The reference, with the arguments of every call noted."""

    def __init__(self):
        super().__init__(source.load_reference(A4))
        self.calls: list[tuple[str, tuple]] = []

    def get(self, name, default=None):
        def recorded(*args):
            self.calls.append((name, args))
            return self[name](*args)

        return recorded


@pytest.mark.parametrize("name", [n for n in EXERCISES if n != "init_lstm_bias"])
def test_the_main_case_hides_nothing(name):
    """Sizes differ, there are several steps, no number is zero, no two blocks are alike."""
    names = Recorder()
    for seed in SEEDS:
        run_case(EXERCISES[name], LocalNamespace(names), seed, EXERCISES[name].main_case)
    for function, args in names.calls:
        given = [a for a in args if isinstance(a, np.ndarray)]
        if function.endswith("forward"):
            N, D, H = given[0].shape[0], given[0].shape[-1], given[1].shape[1]
            assert len({N, D, H}) == 3
            assert min(N, D, H) >= 2
        if given[0].ndim == 3:
            N, T, D = given[0].shape
            assert len({N, T, D}) == 3
            assert T >= 3
        for a in given:
            assert np.all(a)
            for count in (3, 4):
                if a.shape[-1] % count == 0:
                    blocks = np.split(a, count, axis=-1)
                    assert all(
                        np.abs(p - q).max() > 1e-3 for p, q in itertools.combinations(blocks, 2)
                    )


@pytest.mark.parametrize("order", [o for o in ORDERS if o != "ifog"])
def test_every_wrong_order_of_the_lstms_blocks_is_refused(order):
    """Also one that forward and backward share, and the same for the way into torch."""
    ref = source.load_reference(A4)
    places = ["ifog".index(k) for k in order]

    def moved(w, back=False):
        blocks = np.split(w, 4, axis=-1)
        to = np.argsort(places) if back else places
        return np.concatenate([blocks[k] for k in to], axis=-1)

    def forward(x, prev_h, prev_c, Wx, Wh, b):
        return ref["lstm_step_forward"](x, prev_h, prev_c, moved(Wx), moved(Wh), moved(b))

    def backward(dnext_h, dnext_c, cache):
        *states, dWx, dWh, db = ref["lstm_step_backward"](dnext_h, dnext_c, cache)
        return *states, moved(dWx, True), moved(dWh, True), moved(db, True)

    names = {**ref, "lstm_step_forward": forward, "lstm_step_backward": backward}
    for name in ("lstm_step_forward", "lstm_step_backward"):
        assert verdict(name, names, hints=False).points == 0, name

    def to_torch(Wx, Wh, b):
        return ref["lstm_to_torch"](moved(Wx), moved(Wh), moved(b))

    assert verdict("lstm_to_torch", with_function("lstm_to_torch", to_torch), False).points == 0


@pytest.mark.parametrize("order", [o for o in itertools.permutations(range(3)) if o != (0, 1, 2)])
def test_every_wrong_order_of_the_grus_blocks_is_refused(order):
    ref = source.load_reference(A4)

    def moved(w):
        blocks = np.split(w, 3, axis=-1)
        return np.concatenate([blocks[k] for k in order], axis=-1)

    def forward(x, prev_h, Wx, Wh, b):
        return ref["gru_step_forward"](x, prev_h, moved(Wx), moved(Wh), moved(b))

    assert (
        verdict("gru_step_forward", with_function("gru_step_forward", forward), False).points == 0
    )


def in_place(name: str, place: int) -> dict[str, Any]:
    """The reference, which also writes into one of its arguments."""
    reference = source.load_reference(A4)[name]

    def wrapped(*args):
        result = reference(*(a.copy() if isinstance(a, np.ndarray) else a for a in args))
        args[place].flat[-1] += 1e-9
        return result

    return with_function(name, wrapped)


ARRAYS = {
    "lstm_step_forward": 6,
    "lstm_step_backward": 2,
    "lstm_forward": 5,
    "lstm_backward": 1,
    "gru_step_forward": 5,
    "gru_step_backward": 1,
    "lstm_to_torch": 3,
}
"""How many of the first arguments are arrays."""


@pytest.mark.parametrize(
    ("name", "place"), [(name, i) for name, count in ARRAYS.items() for i in range(count)]
)
def test_an_argument_written_in_place_costs_a_part_of_the_points(name, place):
    found = verdict(name, in_place(name, place), hints=False)
    assert found.outcome == "partial"
    assert f"{name} wrote into its argument" in found.message


# --- into torch ----------------------------------------------------------------------------------


def state_dict(Wx, Wh, b):
    return source.load_reference(A4)["lstm_to_torch"](Wx, Wh, b)


def loaded(Wx, Wh, b):
    module = torch.nn.LSTM(len(Wx), len(Wh), batch_first=True).double()
    module.load_state_dict(state_dict(Wx, Wh, b))
    return module


def each(change):
    return lambda *w: {name: change(v) for name, v in state_dict(*w).items()}


def shared(*w):
    state = state_dict(*w)
    b = state["bias_ih_l0"]
    return state | {"bias_ih_l0": 3.5 * b, "bias_hh_l0": -2.5 * b}


ACCEPTED = {
    "float32": each(lambda v: v.float()),
    "parameters": each(torch.nn.Parameter),
    "an OrderedDict": lambda *w: OrderedDict(reversed(state_dict(*w).items())),
    "a module's state dict": lambda *w: loaded(*w).state_dict(),
    "a module's parameters": lambda *w: dict(loaded(*w).named_parameters()),
    "not contiguous": each(lambda v: v.t().contiguous().t()),
    "bias shared out": shared,
    "with a graph": each(lambda v: 1.0 * torch.nn.Parameter(v.double())),
}


@pytest.mark.parametrize("form", ACCEPTED)
def test_any_state_dict_that_torch_can_load_is_accepted(form):
    found = verdict("lstm_to_torch", with_function("lstm_to_torch", ACCEPTED[form]))
    assert found.outcome == "pass", found.message


def without(name):
    return lambda *w: {k: v for k, v in state_dict(*w).items() if k != name}


REFUSED = {
    "missing: ['bias_hh_l0']": without("bias_hh_l0"),
    "missing: ['weight_ih_l0', 'weight_hh_l0'": lambda *w: {},
    "does not have: ['weight_ih_l1']": lambda *w: state_dict(*w) | {"weight_ih_l1": torch.zeros(1)},
    "it returned: LSTM": loaded,
    "it returned: tuple": lambda *w: tuple(state_dict(*w).values()),
    "it returned: NoneType": lambda *w: None,
    "weight_ih_l0 is of the type NumPy array": each(lambda v: v.numpy()),
    "weight_ih_l0 is of the type list": each(lambda v: v.tolist()),
    "weight_ih_l0 is another kind of tensor": each(lambda v: v.half()),
    "bias_hh_l0 is another kind": lambda *w: (
        state_dict(*w) | {"bias_hh_l0": torch.zeros(len(w[2]), dtype=torch.int64)}
    ),
    "Which axis of torch's weights belongs to the blocks": each(lambda v: v.t()),
    "bias_ih_l0 of shape (1, ": lambda *w: (
        state_dict(*w) | {"bias_ih_l0": torch.zeros(1, len(w[2]))}
    ),
    "h contains": each(lambda v: v * float("nan")),
}


@pytest.mark.parametrize("says", REFUSED)
def test_what_torch_cannot_load_gets_a_clear_message(says):
    found = verdict("lstm_to_torch", with_function("lstm_to_torch", REFUSED[says]))
    assert found.points == 0
    assert says in found.message
    assert "cannot be used" not in found.message


def test_load_state_dict_refuses_numpy_arrays_so_the_check_does():
    Wx, Wh, b = arrays((2, 12), (3, 12), (12,))
    as_arrays = {name: v.numpy() for name, v in state_dict(Wx, Wh, b).items()}
    with pytest.raises(RuntimeError, match=r"expected torch\.Tensor"):
        torch.nn.LSTM(2, 3).load_state_dict(as_arrays)


def test_the_tolerance_stands_between_float32_and_any_mistake():
    """The figures beside the probe: float32 is 45 times below the tolerance, mistakes far above."""
    exercise, ref = EXERCISES["lstm_to_torch"], source.load_reference(A4)
    seeds = range(40)

    def errors(change, cases):
        right = run_cases(exercise, LocalNamespace(ref), seeds)
        other = run_cases(exercise, LocalNamespace({**ref, "lstm_to_torch": change}), seeds)
        return [
            np.abs(right[key].outputs["h"] - other[key].outputs["h"]).max()
            for key in right
            if key[1] in cases
        ]

    assert max(errors(each(lambda v: v.float()), exercise.cases)) < 3e-7
    twice = each(lambda v: v * (2 if v.ndim == 1 else 1))
    assert min(errors(twice, exercise.cases)) > 0.005
    swapped = each(lambda v: torch.cat([*v.chunk(4)[:2], *v.chunk(4)[:1:-1]]))
    assert min(errors(swapped, [exercise.main_case])) > 0.1
    assert exercise.tolerance["h"] == 1e-5


# --- the initial bias ----------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [np.nextafter, lambda v, _: np.float64(np.float32(v))])
def test_the_initial_bias_is_exact(wrong):
    def off(H, forget_bias):
        b = source.load_reference(A4)["init_lstm_bias"](H, forget_bias)
        b[H] = wrong(b[H], 9.0)
        return b

    assert verdict("init_lstm_bias", with_function("init_lstm_bias", off)).points == 0


def test_single_precision_and_integers_are_seen_in_the_initial_bias():
    def single(H, forget_bias):
        return np.float32(source.load_reference(A4)["init_lstm_bias"](H, forget_bias))

    def integer(H, forget_bias):
        return np.array([0] * H + [forget_bias] * H + [0] * 2 * H)

    found = verdict("init_lstm_bias", with_function("init_lstm_bias", single))
    assert (found.points, found.misconception) == (0, "single-precision")
    found = verdict("init_lstm_bias", with_function("init_lstm_bias", integer))
    assert (found.outcome, found.misconception) == ("partial", "type-of-the-argument")


# --- mistakes written by hand --------------------------------------------------------------------
# Ids are those of the list of known mistakes. Each is a solution of its own style, not the
# reference with a line replaced; `None` where only the refusal matters, not the hint.

LSTM = """
def sigma(v):
    return 1 / (1 + np.exp(-v))


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    H = prev_h.shape[1]
    part = {k: slice(m * H, (m + 1) * H) for m, k in enumerate("ifog")}
    a = {k: np.einsum("nd,dh->nh", x, Wx[:, s]) + prev_h @ Wh[:, s] + b[s] for k, s in part.items()}
    i, f, o = sigma(a["i"]), sigma(a["f"]), sigma(a["o"])
    g = np.tanh(a["g"])
    next_c = np.multiply(prev_c, f) + np.multiply(g, i)
    next_h = np.tanh(next_c) * o
    gates = i, f, o, g
    return next_h, next_c, dict(x=x, h=prev_h, c=prev_c, Wx=Wx, Wh=Wh, gates=gates, new=next_c)


def lstm_step_backward(dnext_h, dnext_c, cache):
    i, f, o, g = cache["gates"]
    shown = np.tanh(cache["new"])
    at_cell = np.add(dnext_c, dnext_h * o * (1 - shown * shown))
    d_o, d_i, d_f, d_g = dnext_h * shown, at_cell * g, at_cell * cache["c"], at_cell * i
    slope_g = 1 - g * g
    gates = [d * s * (1 - s) for d, s in ((d_i, i), (d_f, f), (d_o, o))]
    back = np.concatenate([*gates, d_g * slope_g], axis=1)
    dWx, dWh = np.zeros(cache["Wx"].shape), np.zeros(cache["Wh"].shape)
    for n in range(len(back)):
        dWx += np.outer(cache["x"][n], back[n])
        dWh += np.outer(cache["h"][n], back[n])
    old_cell = at_cell * f
    dprev_h = np.dot(back, cache["Wh"].T)
    return [np.dot(back, cache["Wx"].T), dprev_h, old_cell, dWx, dWh, np.sum(back, 0)]
"""

SEQUENCE = """
def lstm_forward(x, h0, Wx, Wh, b):
    h, caches, now, cell = np.zeros((*x.shape[:2], h0.shape[1])), {}, h0, 0 * h0
    for t in range(x.shape[1]):
        now, cell, caches[t] = lstm_step_forward(x[:, t], now, cell, Wx, Wh, b)
        h[:, t] = now
    return h, caches


def lstm_backward(dh, cache):
    grads, from_h, from_c = [], np.zeros_like(dh[:, 0]), np.zeros_like(dh[:, 0])
    for t in range(dh.shape[1] - 1, -1, -1):
        step = lstm_step_backward(dh[:, t] + from_h, from_c, cache[t])
        from_h, from_c = step[1], step[2]
        grads.insert(0, step)
    dx = np.array([g[0] for g in grads]).transpose(1, 0, 2)
    dWx, dWh, db = (sum(g[k] for g in grads) for k in (3, 4, 5))
    return dx, from_h, dWx, dWh, db
"""

GRU = """
def sigma(v):
    return 1 / (1 + np.exp(-v))


def gru_step_forward(x, prev_h, Wx, Wh, b):
    H = prev_h.shape[1]
    part = {k: slice(m * H, (m + 1) * H) for m, k in enumerate("zrn")}
    z, r = (sigma(x @ Wx[:, part[k]] + prev_h @ Wh[:, part[k]] + b[part[k]]) for k in "zr")
    past = np.multiply(r, prev_h) @ Wh[:, part["n"]]
    new = np.tanh(x @ Wx[:, part["n"]] + past + b[part["n"]])
    next_h = (1 - z) * new + z * prev_h
    return next_h, (x, prev_h, Wx, Wh, z, r, new, part)


def gru_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, z, r, new, part = cache
    d_n = dnext_h * (1 - z) * (1 - new * new)
    d_seen = np.einsum("nk,jk->nj", d_n, Wh[:, part["n"]])
    d_z = dnext_h * (prev_h - new) * z * (1 - z)
    d_r = d_seen * prev_h * r * (1 - r)
    dprev_h = dnext_h * z
    dprev_h = dprev_h + d_seen * r
    dprev_h = dprev_h + np.einsum("nk,jk->nj", d_z, Wh[:, part["z"]])
    dprev_h = dprev_h + np.einsum("nk,jk->nj", d_r, Wh[:, part["r"]])
    back = np.concatenate([d_z, d_r, d_n], axis=1)
    seen = r * prev_h
    dWh = np.concatenate([prev_h.T @ d_z, prev_h.T @ d_r, seen.T @ d_n], axis=1)
    return back @ Wx.T, dprev_h, x.T @ back, dWh, back.sum(0)
"""

BASES = {
    "lstm_step_forward": LSTM,
    "lstm_step_backward": LSTM,
    "lstm_forward": SEQUENCE,
    "lstm_backward": SEQUENCE,
    "gru_step_forward": GRU,
    "gru_step_backward": GRU,
}

BY_HAND = [
    ("E1", "lstm_step_forward", '"ifog"', '"ifgo"', "order-of-torch"),
    ("E2", "lstm_step_forward", '"ifog"', '"fiog"', "input-and-forget-gate-swapped"),
    ("E3", "lstm_step_forward", '"ifog"', '"igfo"', "order-of-tensorflow"),
    ("E4", "lstm_step_forward", '"ifog"', '"iofg"', "order-of-onnx"),
    ("E5", "lstm_step_forward", '"ifog"', '"figo"', "order-of-the-lectures"),
    ("E6", "lstm_step_forward", '"ifog"', '"gifo"', "candidate-first"),
    (
        "E7",
        "lstm_step_forward",
        "np.multiply(prev_c, f) + np.multiply(g, i)",
        "np.multiply(prev_c, i) + np.multiply(g, f)",
        "input-and-forget-gate-swapped",
    ),
    ("E8", "lstm_step_forward", 'np.tanh(a["g"])', 'sigma(a["g"])', "sigmoid-candidate"),
    ("A9", "lstm_step_forward", "+ b[s] for", "+ 2 * b[s] for", "bias-added-twice"),
    (
        "E10",
        "lstm_step_backward",
        "np.add(dnext_c, dnext_h * o * (1 - shown * shown))",
        "dnext_h * o * (1 - shown * shown)",
        "gradient-at-the-cell-ignored",
    ),
    (
        "E11",
        "lstm_step_backward",
        "np.add(dnext_c, dnext_h * o * (1 - shown * shown))",
        "dnext_c",
        "gradient-at-the-hidden-state-ignored",
    ),
    ("E12", "lstm_step_backward", " * (1 - shown * shown)", "", "no-slope-of-the-cells-tanh"),
    (
        "E13",
        "lstm_step_backward",
        "old_cell = at_cell * f",
        "old_cell = at_cell",
        "forget-gate-missing-on-the-highway",
    ),
    ("E16", "lstm_step_backward", "d * s * (1 - s)", "d", "no-slope-of-the-sigmoids"),
    (
        "E16",
        "lstm_step_backward",
        "d * s * (1 - s)",
        "d * sigma(s) * (1 - sigma(s))",
        "sigmoid-applied-twice",
    ),
    (
        "E18",
        "lstm_step_backward",
        "slope_g = 1 - g * g",
        "slope_g = g * (1 - g)",
        "sigmoid-slope-of-the-candidate",
    ),
    (
        "E22",
        "lstm_step_backward",
        "(d_o, o))]",
        '(d_o, o))]; v = dnext_c * cache["c"]; gates[1] = v + (d_f - v) * f * (1 - f)',
        "bracket-missing-at-the-forget-gate",
    ),
    ("A6", "lstm_step_backward", '(cache["h"][n]', "((o * shown)[n]", "dwh-from-the-new-state"),
    ("A7", "lstm_step_backward", "np.sum(back, 0)", "np.mean(back, 0)", "db-averaged"),
    ("E21", "lstm_forward", "now, cell, Wx", "now, 0 * cell, Wx", "cell-not-carried"),
    ("B1", "lstm_forward", "{}, h0, 0", "{}, 0 * h0, 0", "initial-state-ignored"),
    ("B2", "lstm_forward", "x[:, t], now,", "x[:, t], h0,", "hidden-state-not-carried"),
    (
        "E21",
        "lstm_backward",
        "dh[:, t] + from_h, from_c,",
        "dh[:, t] + from_h, 0 * from_c,",
        "cells-message-lost",
    ),
    (
        "B3",
        "lstm_backward",
        "dh[:, t] + from_h, from_c,",
        "dh[:, t], from_c,",
        "hidden-states-message-lost",
    ),
    (
        "B4",
        "lstm_backward",
        "dh[:, t] + from_h, from_c,",
        "from_h if grads else dh[:, t], from_c,",
        "own-output-ignored",
    ),
    (
        "B5",
        "lstm_backward",
        "(sum(g[k] for g in grads)",
        "(grads[0][k]",
        "weight-gradients-overwritten",
    ),
    ("B8", "lstm_backward", "dx, from_h,", "dx, 0 * from_h,", "dh0-zero"),
    ("B8", "lstm_backward", "dx, from_h,", "dx, from_c,", "dh0-of-the-cell"),
    (
        "B9",
        "lstm_backward",
        "for g in grads) for",
        "for g in grads) / len(grads) for",
        "weight-gradients-averaged-over-time",
    ),
    ("B11", "lstm_backward", "cache[t])", "cache[len(cache) - 1])", "one-cache-for-all-steps"),
    (
        "F2",
        "gru_step_forward",
        'np.multiply(r, prev_h) @ Wh[:, part["n"]]',
        'np.multiply(r, prev_h @ Wh[:, part["n"]])',
        "reset-after-the-product",
    ),
    ("F3", "gru_step_forward", "np.multiply(r, prev_h)", "prev_h", "reset-gate-unused"),
    ("F4", "gru_step_forward", "np.tanh(x", "sigma(x", "sigmoid-candidate"),
    (
        "X40",
        "gru_step_forward",
        "(1 - z) * new + z *",
        "z * new + (1 - z) *",
        "update-gate-replaces",
    ),
    ("E1", "gru_step_forward", '"zrn"', '"rzn"', "gates-exchanged"),
    (
        "F2",
        "gru_step_backward",
        "d_seen * prev_h *",
        'd_n * (prev_h @ Wh[:, part["n"]]) *',
        "reset-gate-behind-the-product",
    ),
    (
        "A6",
        "gru_step_backward",
        "seen.T @ d_n",
        "prev_h.T @ d_n",
        "candidates-weights-meet-the-old-state",
    ),
    ("B3", "gru_step_backward", "dprev_h = dnext_h * z\n", "dprev_h = 0\n", "kept-state-ignored"),
    (
        "B3",
        "gru_step_backward",
        "dprev_h + d_seen * r",
        "dprev_h",
        "way-through-the-candidate-ignored",
    ),
    (
        "E16",
        "gru_step_backward",
        "(prev_h - new) * z * (1 - z)",
        "(prev_h - new)",
        None,
    ),
    (
        "X40",
        "gru_step_backward",
        "(prev_h - new)",
        "(new - prev_h)",
        None,
    ),
]


def by_hand(name: str, find: str, replace: str) -> str:
    text = BASES[name]
    assert text.count(find) == 1, find
    return text.replace(find, replace)


@pytest.mark.parametrize("base", [LSTM, SEQUENCE, GRU])
def test_the_bases_of_the_mistakes_by_hand_are_right(base):
    names = source.load_variant(A4, base)
    assert all(verdict(n, names).outcome == "pass" for n in EXERCISES if f"def {n}(" in base)


@pytest.mark.parametrize(
    ("id_", "name", "find", "replace", "hint"), BY_HAND, ids=[f"{r[0]}-{r[1]}" for r in BY_HAND]
)
def test_a_mistake_by_hand_is_refused(id_, name, find, replace, hint):
    found = verdict(name, source.load_variant(A4, by_hand(name, find, replace)))
    assert found.outcome != "pass", id_
    assert hint is None or hint in {m.name for m in found.matches}


BEFORE = "first = dict(globals())\n"

OTHERS = {
    "E10 and E11 hide each other where one gradient is zero": """
def lstm_step_backward(dnext_h, dnext_c, cache):
    right = list(first["lstm_step_backward"](dnext_h, dnext_c, cache))
    if dnext_h.any() and dnext_c.any():
        right[2] = first["lstm_step_backward"](dnext_h, 0 * dnext_c, cache)[2]
    return right
""",
    "a cache that all calls share": """
def lstm_step_forward(*args):
    global last
    last = first["lstm_step_forward"](*args)
    return *last[:2], None


def lstm_step_backward(dnext_h, dnext_c, cache):
    return first["lstm_step_backward"](dnext_h, dnext_c, last[2])
""",
    "a buffer for the gates that all calls share": """
buffers = {}


def gru_step_forward(x, prev_h, Wx, Wh, b):
    h, cache = first["gru_step_forward"](x, prev_h, Wx, Wh, b)
    kept = buffers.setdefault(h.shape, np.empty_like(h))
    kept[...] = cache[4]
    return h, (*cache[:4], kept, *cache[5:])
""",
    "B11, one state written over and over": """
def lstm_forward(x, h0, Wx, Wh, b):
    kept, cell, states, steps = h0.copy(), 0 * h0, [], []
    for t in range(x.shape[1]):
        h, cell, step = lstm_step_forward(x[:, t], kept.copy(), cell, Wx, Wh, b)
        kept[...] = h
        states.append(kept)
        steps.append(step)
    return np.stack(states, axis=1), steps
""",
    "the cell clipped": """
def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    return first["lstm_step_forward"](x, prev_h, np.clip(prev_c, -10, 10), Wx, Wh, b)
""",
    "pre-activations clipped": """
def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    return first["lstm_step_forward"](np.clip(x, -9, 9), prev_h, prev_c, Wx, Wh, b)
""",
    "a peephole (E27)": """
def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    return first["lstm_step_forward"](x, prev_h + 0.1 * prev_c, prev_c, Wx, Wh, b)
""",
    "dropout on the cell (E26)": """
def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    kept = np.random.default_rng(0).random(prev_c.shape) < 0.9
    return first["lstm_step_forward"](x, prev_h, prev_c * kept, Wx, Wh, b)
""",
    "the gates one step late (F6)": """
late = {}


def lstm_forward(x, h0, Wx, Wh, b):
    return first["lstm_forward"](np.concatenate([x[:, :1], x[:, :-1]], axis=1), h0, Wx, Wh, b)
""",
    "samples exchanged in one gradient": """
def lstm_backward(dh, cache):
    dx, dh0, *weights = first["lstm_backward"](dh, cache)
    return dx, dh0[::-1], *weights
""",
    "the output gate's gradient of another sample": """
def gru_step_backward(dnext_h, cache):
    dx, dprev_h, dWx, dWh, db = first["gru_step_backward"](dnext_h, cache)
    return np.roll(dx, 1, axis=0), dprev_h, dWx, dWh, db
""",
    "results rounded to three decimals": """
def gru_step_forward(x, prev_h, Wx, Wh, b):
    h, cache = first["gru_step_forward"](x, prev_h, Wx, Wh, b)
    return np.round(h, 3), cache
""",
    "one unit treated as a vector": """
def gru_step_forward(x, prev_h, Wx, Wh, b):
    h, cache = first["gru_step_forward"](x, prev_h, Wx, Wh, b)
    return np.squeeze(h), cache
""",
    "a bias that only works for even numbers of units": """
def init_lstm_bias(H, forget_bias):
    return np.repeat([0.0, forget_bias, 0.0, 0.0], max(H, 2))
""",
}


@pytest.mark.parametrize("what", OTHERS)
def test_other_mistakes_are_refused(what):
    names = source.load_variant(A4, BEFORE + OTHERS[what])
    defined = [n for n in EXERCISES if f"def {n}(" in OTHERS[what]]
    touched = {n for n in EXERCISES if {n, *EXERCISES[n].uses} & set(defined)}
    assert any(verdict(n, names, hints=False).outcome != "pass" for n in touched)


# --- the drawings --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["lstm_step", "cell_backward", "gru_step"])
def test_a_drawing_joins_its_own_nodes_and_describes_itself(name):
    graph = getattr(gate_diagrams, f"{name}_graph")()
    names = [n.name for n in graph.nodes]
    assert len(set(names)) == len(names)
    assert {end for e in graph.edges for end in (e.tail, e.head)} <= set(names)
    assert len(graph.alt) > 100
    assert getattr(gate_diagrams, name)().get_label() == graph.alt


def test_the_drawings_have_the_arrows_that_the_text_counts():
    lstm, gru = gate_diagrams.lstm_step_graph(), gate_diagrams.gru_step_graph()
    cell = gate_diagrams.cell_backward_graph()
    assert sum(e.tail == "h0" for e in gru.edges) == 4  # kept, reset, both gates
    assert [e.tail for e in lstm.edges if e.head == "h"] == ["read"]
    back = [e for e in cell.edges if e.kind == "gradient"]
    assert {(e.tail, e.head) for e in back} == {("h", "c"), ("next", "c")}


# --- the notebook --------------------------------------------------------------------------------


@pytest.fixture
def shown(monkeypatch) -> list[str]:
    """The alt texts of the figures that are shown."""
    from unrolled import plot

    alts: list[str] = []
    monkeypatch.setattr(plot, "show", lambda fig, alt: alts.append(alt))
    return alts


@pytest.mark.slow
def test_the_notebook_teaches_what_it_says(shown, capsys):
    cells = [c for c in source.read_cells(A4) if c.cell_type == "code" and c.kind != "check"]
    source.execute((c.source for c in cells), A4)
    said = capsys.readouterr().out
    assert "[[0.204]] [[1.15]]" in said
    assert "db = [0.2    0.1875 0.     0.18  ]  dprev_c = [[0.75]]" in said
    assert "[0.095 0.151]" in said
    assert "db = [0.056 " in said
    assert "[[0.575]]" in said
    assert re.search(r"db = \[-0\.0563 +\S+ +0\.09 +\]", said)
    slopes = re.findall(r"measured (\S+), predicted (\S+)", said)
    assert len(slopes) == 3
    assert all(
        a == pytest.approx(float(b), rel=1e-7) for a, b in [(float(m), p) for m, p in slopes]
    )
    parity = re.findall(r"largest difference (\S+)", said)
    assert len(parity) == 6
    assert all(float(off) < 1e-10 for off in parity)
    assert "cell    1.00  2.00  3.00  3.00  3.00  2.00  1.00  0.00 -1.00 -2.00  0.00" in said
    assert len(shown) == 5
    left = {int(b): float(v) for v, b in re.findall(r"(\S+) with forget bias (\d)", shown[3])}
    assert left[0] < 1e-7
    assert left[2] > 0.1
    assert left[4] > 1  # the other paths: it grows
    rows = re.findall(r"forget bias (\d): (\S+) at length 10, (\S+) at length 20, (\S+) at", said)
    recalled = {int(bias): [float(s) for s in shares] for bias, *shares in rows}
    assert max(recalled[0][1:]) < 0.5
    assert min(recalled[4]) > 0.95
    assert min(recalled[2][:2]) > 0.95


def test_numbers_of_the_text():
    text = "\n".join(c.source for c in source.read_cells(A4))
    sigma = 1 / (1 + np.exp(-np.array([0.0, 4.0])))
    assert 0.5e-6 < sigma[0] ** 20 < 2e-6
    assert "a millionth after 20 steps" in text
    assert round(100 * sigma[1] ** 20) == 70
    assert "it is 70 %" in text
    at_c2 = 0.25 * (1 - np.tanh(0.7) ** 2)
    assert (f"{at_c2:.3f}", f"{0.75 * at_c2:.3f}") == ("0.159", "0.119")
    shapes = {"Wx": (1, 4), "Wh": (1, 4), "b": (4,)}
    numbers = {"Wx": [[1, 2, 3, 4]], "Wh": [[5, 6, 7, 8]], "b": [9, 10, 11, 12]}
    given = [np.array(numbers[k], dtype=float).reshape(s) for k, s in shapes.items()]
    state = state_dict(*given)
    assert state["weight_ih_l0"].flatten().tolist() == [1, 2, 4, 3]
    assert state["weight_hh_l0"].flatten().tolist() == [5, 6, 8, 7]
    assert (state["bias_ih_l0"] + state["bias_hh_l0"]).tolist() == [9, 10, 12, 11]
    assert list(source.load_reference(A4)["init_lstm_bias"](2, 1.0)) == [0, 0, 1, 1, 0, 0, 0, 0]
