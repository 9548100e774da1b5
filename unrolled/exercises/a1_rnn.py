"""Probes of assignment a1: a vanilla RNN, forward and backward, in NumPy.

A backward function is driven with the cache of the student's own forward, whose layout is nobody
else's business; the output of that forward is not looked at here, so a probe fails for the
function that it names or for the forward that feeds it, and for nothing else.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from unrolled.draw import Floats, normal, partial_mask, sizes, time_first
from unrolled.exercise import exercise

WEIGHT_SCALE = 0.5
"""With inputs of size 1 this puts pre-activations near 1, where tanh is neither linear nor flat."""

SATURATING = 1e6
"""Factor on one sample that drives its pre-activations far into saturation, where exp overflows."""


def _weights(rng: np.random.Generator, D: int, H: int) -> tuple[Floats, Floats, Floats]:
    """Wx (D, H), Wh (H, H), b (H,)."""
    return (
        normal(rng, D, H, scale=WEIGHT_SCALE),
        normal(rng, H, H, scale=WEIGHT_SCALE),
        normal(rng, H, scale=WEIGHT_SCALE),
    )


def _step_inputs(
    rng: np.random.Generator, N: int, D: int, H: int, large: bool = False
) -> tuple[Floats, ...]:
    """x (N, D), prev_h (N, H), Wx, Wh, b; with `large` the first sample saturates."""
    x, prev_h = normal(rng, N, D), normal(rng, N, H)
    if large:
        x[0] *= SATURATING
    return x, prev_h, *_weights(rng, D, H)


def _sequence_inputs(
    rng: np.random.Generator, N: int, T: int, D: int, H: int, large: bool = False
) -> tuple[Floats, ...]:
    """x (N, T, D), h0 (N, H), Wx, Wh, b; with `large` the first sample saturates."""
    x, h0 = normal(rng, N, T, D), normal(rng, N, H)
    if large:
        x[0] *= SATURATING
    return x, h0, *_weights(rng, D, H)


@exercise(
    points=4,
    link="chapters/02-vanilla-rnn.html#one-step",
    cases={"random": {}, "one sample": {"N": 1}, "large pre-activations": {"large": True}},
)
def rnn_step_forward(ns: Any, rng: np.random.Generator, N: int | None = None, large: bool = False):
    n, D, H = sizes(rng, 3)
    next_h, _ = ns.rnn_step_forward(
        *_step_inputs(rng, N or n, D, H, large), returns=("next_h", "cache")
    )
    return {"next_h": next_h}


@exercise(
    points=6,
    link="chapters/03-bptt.html#step-backward",
    uses=("rnn_step_forward",),
    cases={
        "random": {},
        "one sample": {"N": 1},
        "large pre-activations": {"large": True},
        "after another forward": {"again": True},
    },
)
def rnn_step_backward(
    ns: Any,
    rng: np.random.Generator,
    N: int | None = None,
    large: bool = False,
    again: bool = False,
):
    n, D, H = sizes(rng, 3)
    n = N or n
    _, cache = ns.rnn_step_forward(*_step_inputs(rng, n, D, H, large), returns=("next_h", "cache"))
    if again:
        ns.rnn_step_forward(*_step_inputs(rng, n, D, H), returns=("next_h", "cache"))
    dx, dprev_h, dWx, dWh, db = ns.rnn_step_backward(
        normal(rng, n, H), cache, returns=("dx", "dprev_h", "dWx", "dWh", "db")
    )
    return {"dx": dx, "dprev_h": dprev_h, "dWx": dWx, "dWh": dWh, "db": db}


@exercise(
    points=4,
    link="chapters/02-vanilla-rnn.html#unrolled-sequence",
    uses=("rnn_step_forward",),
    cases={
        "random": {},
        "one step": {"T": 1},
        "one sample": {"N": 1},
        "large pre-activations": {"large": True},
    },
)
def rnn_forward(
    ns: Any,
    rng: np.random.Generator,
    N: int | None = None,
    T: int | None = None,
    large: bool = False,
):
    n, t, D, H = sizes(rng, 4, low=3, high=7)
    h, _ = ns.rnn_forward(
        *_sequence_inputs(rng, N or n, T or t, D, H, large), returns=("h", "cache")
    )
    return {"h": h}


@exercise(
    points=6,
    link="chapters/03-bptt.html#bptt-recursion",
    uses=("rnn_step_forward", "rnn_step_backward", "rnn_forward"),
    cases={
        "random": {},
        "loss at the last step only": {"only": -1},
        "loss at the first step only": {"only": 0},
        "one step": {"T": 1},
        "one sample": {"N": 1},
        "after another forward": {"again": True},
    },
)
def rnn_backward(
    ns: Any,
    rng: np.random.Generator,
    N: int | None = None,
    T: int | None = None,
    only: int | None = None,
    again: bool = False,
):
    n, t, D, H = sizes(rng, 4, low=3, high=7)
    n, t = N or n, T or t
    _, cache = ns.rnn_forward(*_sequence_inputs(rng, n, t, D, H), returns=("h", "cache"))
    if again:
        ns.rnn_forward(*_sequence_inputs(rng, n, t, D, H), returns=("h", "cache"))
    dh = normal(rng, n, t, H)
    if only is not None:
        kept = dh[:, only].copy()
        dh[:] = 0.0
        dh[:, only] = kept
    dx, dh0, dWx, dWh, db = ns.rnn_backward(dh, cache, returns=("dx", "dh0", "dWx", "dWh", "db"))
    return {"dx": dx, "dh0": dh0, "dWx": dWx, "dWh": dWh, "db": db}


@exercise(
    points=2,
    link="chapters/02-vanilla-rnn.html#output-layer",
    cases={
        "random": {},
        "one step": {"T": 1},
        "one sample": {"N": 1},
        "time first in memory": {"swapped": True},
    },
)
def temporal_affine_forward(
    ns: Any,
    rng: np.random.Generator,
    N: int | None = None,
    T: int | None = None,
    swapped: bool = False,
):
    n, t, D, M = sizes(rng, 4, low=3, high=7)
    x = normal(rng, N or n, T or t, D)
    out, _ = ns.temporal_affine_forward(
        time_first(x) if swapped else x,
        normal(rng, D, M),
        normal(rng, M),
        returns=("out", "cache"),
    )
    return {"out": out}


@exercise(
    points=3,
    link="chapters/03-bptt.html#affine-backward",
    uses=("temporal_affine_forward",),
    cases={
        "random": {},
        "one step": {"T": 1},
        "one sample": {"N": 1},
        "time first in memory": {"swapped": True},
        "after another forward": {"again": True},
    },
)
def temporal_affine_backward(
    ns: Any,
    rng: np.random.Generator,
    N: int | None = None,
    T: int | None = None,
    swapped: bool = False,
    again: bool = False,
):
    n, t, D, M = sizes(rng, 4, low=3, high=7)
    n, t = N or n, T or t

    def forward() -> Any:
        x = normal(rng, n, t, D)
        _, cache = ns.temporal_affine_forward(
            time_first(x) if swapped else x,
            normal(rng, D, M),
            normal(rng, M),
            returns=("out", "cache"),
        )
        return cache

    cache = forward()
    if again:
        forward()
    dout = normal(rng, n, t, M)
    dx, dw, db = ns.temporal_affine_backward(
        time_first(dout) if swapped else dout, cache, returns=("dx", "dw", "db")
    )
    return {"dx": dx, "dw": dw, "db": db}


@exercise(
    points=5,
    link="chapters/03-bptt.html#masked-loss",
    cases={
        "random": {},
        "as many steps as classes": {"T": 5, "V": 5},
        "nothing masked": {"keep": "all"},
        "one row masked": {"keep": "not the first row"},
        "everything masked": {"keep": "nothing"},
        "one step": {"T": 1},
        "one sample, one token": {"N": 1, "keep": "one"},
        "huge logits": {"scale": 1e4},
        "huge offsets": {"offset": 1e4},
    },
)
def temporal_softmax_loss(
    ns: Any,
    rng: np.random.Generator,
    N: int | None = None,
    T: int | None = None,
    V: int | None = None,
    keep: str = "some",
    scale: float = 1.0,
    offset: float = 0.0,
):
    n, t, v = sizes(rng, 3, low=3, high=7)
    n, t, v = N or n, T or t, V or v
    # Every token has logits at a height of its own, as softmax cannot see it.
    x = scale * normal(rng, n, t, v) + offset * normal(rng, n, t, 1)
    mask = partial_mask(rng, n, t)
    y = rng.integers(0, v, size=(n, t))
    # The lowest and the highest id are ordinary classes: one kept token has each.
    first, *_, last = np.argwhere(mask)
    y[tuple(first)], y[tuple(last)] = 0, v - 1
    if keep == "all":
        mask[:] = True
    elif keep == "not the first row":
        mask[0] = False
    elif keep == "one":
        mask[:] = False
        mask[tuple(last)] = True
    elif keep == "nothing":
        mask[:] = False
    loss, dx = ns.temporal_softmax_loss(x, y, mask, returns=("loss", "dx"))
    return {"loss": loss, "dx": dx}


# Rounding and truncation set the tolerance, not float32. f has derivatives of order 10 and the sums
# are of order 10. Two right solutions use the same h, so their truncation is the same; they differ
# by rounding, 10 * 1e-16 / h ~ 1e-10 (3e-10 at most over 300 seeds). A one-sided difference is off
# by h / 2 times the second derivative, 1e-5 and more, and central ones with h = 1e-4 by h^2 / 6
# times the third, 2e-8 and more.
@exercise(
    points=4,
    link="chapters/03-bptt.html#gradient-checking",
    tolerance={"grad": 5e-9},
    cases={
        "matrix": {"shape": (3, 4), "out": (2, 5)},
        "vector, f gives a number": {"shape": (7,), "out": ()},
        "three axes, near zero": {"shape": (2, 3, 2), "out": (4,), "scale": 1e-6},
        "a single number": {"shape": (), "out": (3,)},
        "transposed view": {"shape": (4, 2), "out": (3,), "view": "transposed"},
        "every other column": {"shape": (2, 3), "out": (5,), "view": "strided"},
        "wide step": {"shape": (5,), "out": (2,), "h": 0.05},
    },
)
def numerical_gradient(
    ns: Any,
    rng: np.random.Generator,
    shape: tuple[int, ...],
    out: tuple[int, ...],
    view: str = "",
    h: float | None = None,
    scale: float = 1.0,
):
    # f mixes all elements of x and is curved, so that every element and every term counts.
    mixing = normal(rng, *shape, *out, scale=1.5)
    phase = normal(rng, *out)
    df = normal(rng, *out)

    def f(v: Floats) -> Floats | float:
        v = np.asarray(v, dtype=float)
        if v.shape != shape:
            raise ValueError(f"f takes an array of shape {shape}, not {v.shape}")
        value = np.sin(phase + np.tensordot(v, mixing, axes=v.ndim))
        return value if out else float(value)

    if view == "transposed":
        x = normal(rng, *shape[::-1]).T
    elif view == "strided":
        x = normal(rng, shape[0], 2 * shape[1])[:, ::2]
    else:
        # A number far below h loses bits when h is subtracted and added again.
        x = normal(rng, *shape, scale=scale)
    step = () if h is None else (h,)
    return {"grad": ns.numerical_gradient(f, x, df if out else float(df), *step)}
