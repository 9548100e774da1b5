"""Probes of assignment a4: LSTM and GRU, forward and backward, in NumPy, and a way into PyTorch.

A backward function is driven with the cache of the student's own forward, whose layout is nobody
else's business; the output of that forward is not looked at here. All weights are random and all
blocks differ, since equal blocks hide every wrong order of the gates.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from unrolled.draw import Floats, normal, sizes, time_first
from unrolled.exercise import exercise
from unrolled.namespace import Failure

WEIGHT_SCALE = 0.5
"""With inputs of size 1 this puts pre-activations near 1, where no gate is at one of its ends."""

SATURATING = 1e6
"""Factor on one sample that drives its pre-activations far into saturation, where exp overflows."""

FULL_CELL = 1e3
"""Factor on one sample's cell, whose tanh is then flat, and whose exp overflows."""


def _weights(rng: np.random.Generator, D: int, H: int, blocks: int) -> tuple[Floats, ...]:
    """Wx (D, blocks H), Wh (H, blocks H), b (blocks H,)."""
    return (
        normal(rng, D, blocks * H, scale=WEIGHT_SCALE),
        normal(rng, H, blocks * H, scale=WEIGHT_SCALE),
        normal(rng, blocks * H, scale=WEIGHT_SCALE),
    )


def _lstm_step_inputs(
    rng: np.random.Generator, N: int, D: int, H: int, large: bool = False
) -> tuple[Floats, ...]:
    """x (N, D), prev_h (N, H), prev_c (N, H), Wx, Wh, b.

    With `large` the first sample saturates all gates, and the last one has a large cell.
    """
    x, prev_h, prev_c = normal(rng, N, D), normal(rng, N, H), normal(rng, N, H)
    if large:
        x[0] *= SATURATING
        prev_c[-1] *= FULL_CELL
    return x, prev_h, prev_c, *_weights(rng, D, H, 4)


def _sequence_inputs(
    rng: np.random.Generator,
    N: int,
    T: int,
    D: int,
    H: int,
    large: bool = False,
    swapped: bool = False,
) -> tuple[Floats, ...]:
    """x (N, T, D), h0 (N, H), Wx, Wh, b of an LSTM; with `large` the first sample saturates."""
    x, h0 = normal(rng, N, T, D), normal(rng, N, H)
    if large:
        x[0] *= SATURATING
    return time_first(x) if swapped else x, h0, *_weights(rng, D, H, 4)


def _gru_step_inputs(
    rng: np.random.Generator, N: int, D: int, H: int, large: bool = False
) -> tuple[Floats, ...]:
    """x (N, D), prev_h (N, H), Wx, Wh, b of a GRU; with `large` the first sample saturates."""
    x, prev_h = normal(rng, N, D), normal(rng, N, H)
    if large:
        x[0] *= SATURATING
    return x, prev_h, *_weights(rng, D, H, 3)


@exercise(
    points=5,
    link="chapters/06-lstm.html#cell-state",
    cases={
        "random": {},
        "one sample": {"N": 1},
        "one unit": {"H": 1},
        "large pre-activations": {"large": True},
    },
)
def lstm_step_forward(
    ns: Any,
    rng: np.random.Generator,
    N: int | None = None,
    H: int | None = None,
    large: bool = False,
):
    n, D, m = sizes(rng, 3)
    next_h, next_c, _ = ns.lstm_step_forward(
        *_lstm_step_inputs(rng, N or n, D, H or m, large), returns=("next_h", "next_c", "cache")
    )
    return {"next_h": next_h, "next_c": next_c}


@exercise(
    points=8,
    link="chapters/06-lstm.html#lstm-backward",
    uses=("lstm_step_forward",),
    cases={
        "random": {},
        "gradient at the hidden state only": {"only": "h"},
        "gradient at the cell only": {"only": "c"},
        "one sample": {"N": 1},
        "large pre-activations": {"large": True},
        "after another forward": {"again": True},
    },
)
def lstm_step_backward(
    ns: Any,
    rng: np.random.Generator,
    N: int | None = None,
    only: str = "",
    large: bool = False,
    again: bool = False,
):
    n, D, H = sizes(rng, 3)
    n = N or n
    results = ("next_h", "next_c", "cache")
    *_, cache = ns.lstm_step_forward(*_lstm_step_inputs(rng, n, D, H, large), returns=results)
    if again:
        ns.lstm_step_forward(*_lstm_step_inputs(rng, n, D, H), returns=results)
    dnext_h, dnext_c = normal(rng, n, H), normal(rng, n, H)
    if only == "h":
        dnext_c[:] = 0.0
    elif only == "c":
        dnext_h[:] = 0.0
    names = ("dx", "dprev_h", "dprev_c", "dWx", "dWh", "db")
    return dict(zip(names, ns.lstm_step_backward(dnext_h, dnext_c, cache, returns=names)))


@exercise(
    points=3,
    link="chapters/06-lstm.html#lstm-forward",
    uses=("lstm_step_forward",),
    cases={
        "random": {},
        "one step": {"T": 1},
        "one sample": {"N": 1},
        "large pre-activations": {"large": True},
        "time first in memory": {"swapped": True},
    },
)
def lstm_forward(
    ns: Any,
    rng: np.random.Generator,
    N: int | None = None,
    T: int | None = None,
    large: bool = False,
    swapped: bool = False,
):
    n, t, D, H = sizes(rng, 4, low=3, high=7)
    h, _ = ns.lstm_forward(
        *_sequence_inputs(rng, N or n, T or t, D, H, large, swapped), returns=("h", "cache")
    )
    return {"h": h}


@exercise(
    points=6,
    link="chapters/06-lstm.html#two-children-of-c",
    uses=("lstm_step_forward", "lstm_step_backward", "lstm_forward"),
    cases={
        "random": {},
        "loss at the last step only": {"only": -1},
        "loss at the first step only": {"only": 0},
        "one step": {"T": 1},
        "one sample": {"N": 1},
        "time first in memory": {"swapped": True},
        "after another forward": {"again": True},
    },
)
def lstm_backward(
    ns: Any,
    rng: np.random.Generator,
    N: int | None = None,
    T: int | None = None,
    only: int | None = None,
    swapped: bool = False,
    again: bool = False,
):
    n, t, D, H = sizes(rng, 4, low=3, high=7)
    n, t = N or n, T or t
    inputs = _sequence_inputs(rng, n, t, D, H, swapped=swapped)
    _, cache = ns.lstm_forward(*inputs, returns=("h", "cache"))
    if again:
        ns.lstm_forward(*_sequence_inputs(rng, n, t, D, H), returns=("h", "cache"))
    dh = normal(rng, n, t, H)
    if only is not None:
        kept = dh[:, only].copy()
        dh[:] = 0.0
        dh[:, only] = kept
    names = ("dx", "dh0", "dWx", "dWh", "db")
    results = ns.lstm_backward(time_first(dh) if swapped else dh, cache, returns=names)
    return dict(zip(names, results))


@exercise(
    points=5,
    link="chapters/07-gru.html#gru-step",
    cases={
        "random": {},
        "one sample": {"N": 1},
        "one unit": {"H": 1},
        "large pre-activations": {"large": True},
    },
)
def gru_step_forward(
    ns: Any,
    rng: np.random.Generator,
    N: int | None = None,
    H: int | None = None,
    large: bool = False,
):
    n, D, m = sizes(rng, 3)
    next_h, _ = ns.gru_step_forward(
        *_gru_step_inputs(rng, N or n, D, H or m, large), returns=("next_h", "cache")
    )
    return {"next_h": next_h}


@exercise(
    points=7,
    link="chapters/07-gru.html#gru-backward",
    uses=("gru_step_forward",),
    cases={
        "random": {},
        "one sample": {"N": 1},
        "large pre-activations": {"large": True},
        "after another forward": {"again": True},
    },
)
def gru_step_backward(
    ns: Any,
    rng: np.random.Generator,
    N: int | None = None,
    large: bool = False,
    again: bool = False,
):
    n, D, H = sizes(rng, 3)
    n = N or n
    results = ("next_h", "cache")
    _, cache = ns.gru_step_forward(*_gru_step_inputs(rng, n, D, H, large), returns=results)
    if again:
        ns.gru_step_forward(*_gru_step_inputs(rng, n, D, H), returns=results)
    names = ("dx", "dprev_h", "dWx", "dWh", "db")
    return dict(zip(names, ns.gru_step_backward(normal(rng, n, H), cache, returns=names)))


# The module computes in float64. Weights that were rounded to float32 move its results by 2.2e-7 at
# most (300 seeds, all cases), to float16 by 2e-4 (median); any wrong order of the blocks moves them
# by 0.24 and more in the main case (60 seeds), a bias that counts twice by 0.01 and more.
@exercise(
    points=4,
    link="chapters/06-lstm.html#gate-order",
    tolerance={"h": 1e-5},
    cases={
        "random": {},
        "given initial states": {"start": True},
        "as many inputs as rows in Wx's transpose": {"H": 2, "D": 8},
        "one input, one unit": {"D": 1, "H": 1},
    },
)
def lstm_to_torch(
    ns: Any,
    rng: np.random.Generator,
    D: int | None = None,
    H: int | None = None,
    start: bool = False,
):
    N, T, d, m = sizes(rng, 4, low=3, high=7)
    D, H = D or d, H or m
    weights = ns.lstm_to_torch(*_weights(rng, D, H, 4))
    states = [normal(rng, N, H) if start else np.zeros((N, H)) for _ in range(2)]
    return {"h": _states_of_torch(weights, normal(rng, N, T, D), *states)}


def _states_of_torch(weights: Any, x: Floats, h0: Floats, c0: Floats) -> Floats:
    """The states (N, T, H) of a torch.nn.LSTM in float64 that has loaded ``weights``.

    Raises:
        Failure: ``weights`` is not a state dict of such a module.
    """
    import torch

    module = torch.nn.LSTM(x.shape[2], h0.shape[1], batch_first=True).double()
    _refuse_what_cannot_be_loaded(weights, module.state_dict())
    try:
        module.load_state_dict({name: value.detach() for name, value in weights.items()})
    except RuntimeError as error:
        text = str(error).strip().splitlines()[-1].strip()
        raise _unusable(f"torch cannot load its result: {text[:200]}") from error
    with torch.no_grad():
        start = torch.from_numpy(h0[None]), torch.from_numpy(c0[None])
        h, _ = module(torch.from_numpy(x), start)
    return h.numpy()


def _refuse_what_cannot_be_loaded(weights: Any, wanted: Mapping[str, Any]) -> None:
    """Raise a Failure that says what is wrong with the form of ``weights``.

    NumPy arrays as values are refused, as load_state_dict refuses them. Of the number types that it
    would convert without a word, only float32 and float64 are precise enough.
    """
    import torch

    if not isinstance(weights, Mapping):
        raise _unusable(f"must return a dict of four tensors; it returned: {_kind(weights)}.")
    if missing := [name for name in wanted if name not in weights]:
        raise _unusable(
            f"must return a dict with the four keys of torch's LSTM; missing: {missing}."
        )
    if extra := [name for name in weights if name not in wanted]:
        raise _unusable(f"returned keys that torch's LSTM does not have: {extra[:4]}.")
    for name, right in wanted.items():
        value = weights[name]
        if not isinstance(value, torch.Tensor) and _kind(value) not in ("Tensor", "Parameter"):
            raise _unusable(
                f"must return tensors, as load_state_dict loads nothing else; {name} is of the "
                f"type {_kind(value)}."
            )
        if getattr(value, "dtype", None) not in (torch.float32, torch.float64):
            raise _unusable(f"must return float32 or float64; {name} is another kind of tensor.")
        if value.shape != right.shape:
            which = " Which axis of torch's weights belongs to the blocks, and which of yours?"
            raise _unusable(
                f"returned {name} of shape {tuple(value.shape)}, torch wants {tuple(right.shape)}."
                + which * (value.ndim == right.ndim == 2)
            )


def _unusable(what: str) -> Failure:
    return Failure("error", f"lstm_to_torch {what}")


def _kind(value: Any) -> str:
    """The name of a type; of what cannot cross the grader's wall only this name is known here."""
    if isinstance(value, np.ndarray):
        return "NumPy array"
    return str(getattr(value, "type_name", type(value).__name__))[:40]


@exercise(
    points=2,
    link="chapters/06-lstm.html#forget-bias",
    tolerance={"b": 0.0},
    cases={
        "random": {},
        "a whole number": {"forget_bias": 3},
        "a negative bias": {"sign": -1.0},
        "one unit": {"H": 1},
        "zero": {"forget_bias": 0.0},
    },
)
def init_lstm_bias(
    ns: Any,
    rng: np.random.Generator,
    H: int | None = None,
    sign: float = 1.0,
    forget_bias: float | None = None,
):
    # Not a multiple of a power of two, so that float32 shows.
    drawn = sign * float(rng.uniform(1.1, 4.9))
    units = int(rng.integers(3, 8))
    return {"b": ns.init_lstm_bias(H or units, drawn if forget_bias is None else forget_bias)}
