"""Probes of assignment a3: powers of a matrix, norms of Jacobians, leaks, and success of training.

All but the last compare with the reference. The last one trains networks whose size, optimiser and
random numbers are the student's own choice, so it compares shares of runs with bounds that any
reasonable choice keeps, and looks at what the code does where results cannot tell.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from unrolled.arrays import numbers
from unrolled.draw import Floats, normal, sizes
from unrolled.exercise import exercise
from unrolled.namespace import Failure
from unrolled.rules import AtLeast, Holds

# --- powers --------------------------------------------------------------------------------------


def _orthogonal(rng: np.random.Generator, H: int) -> Floats:
    return np.linalg.qr(rng.standard_normal((H, H)))[0]


def _matrix(rng: np.random.Generator, real: Sequence[float], pairs: Sequence[complex]) -> Floats:
    """A real matrix with these real eigenvalues and these ones with their conjugates.

    It is not normal: its eigenvectors are far from orthogonal, and independent enough (the basis
    has the condition number 3) for an eigendecomposition to lose next to nothing.
    """
    H = len(real) + 2 * len(pairs)
    blocks = np.zeros((H, H))
    for i, value in enumerate(real):
        blocks[i, i] = value
    for k, value in enumerate(pairs):
        i = len(real) + 2 * k
        blocks[i : i + 2, i : i + 2] = [[value.real, -value.imag], [value.imag, value.real]]
    basis = _orthogonal(rng, H) @ np.diag(np.geomspace(0.6, 1.8, H)) @ _orthogonal(rng, H)
    return basis @ blocks @ np.linalg.inv(basis)


def _apart(rng: np.random.Generator, count: int, low: float, high: float) -> list[float]:
    """`count` numbers between low and high in random order, no two of them close to each other."""
    step = (high - low) / count
    return [low + step * (i + rng.uniform(0.2, 0.8)) for i in rng.permutation(count)]


def _turned(rng: np.random.Generator, modulus: float) -> complex:
    """A complex number of this modulus, far from both axes."""
    return modulus * np.exp(1j * rng.choice([rng.uniform(0.4, 1.2), rng.uniform(1.9, 2.7)]))


def _spectrum(
    rng: np.random.Generator, kind: str, low: float = 0.5, high: float = 1.3
) -> tuple[list[float], list[complex]]:
    """Real and complex eigenvalues; `kind` says which of them has the largest modulus."""
    *rest, top = sorted(_apart(rng, 4, low, high))
    rest = [rest[i] for i in rng.permutation(3)]
    if kind == "complex":
        return [rest[0], -rest[1]], [_turned(rng, top), _turned(rng, rest[2])]
    return [-top if kind == "negative" else top, -rest[0], rest[1]], [_turned(rng, rest[2])]


def _real(found: Any, name: str) -> Any:
    """The result, unless it is an array of complex numbers.

    Such an array does not come through the wall; what arrives in its place knows its type's name.
    """
    here = isinstance(found, np.ndarray) and found.dtype.kind == "c"
    if here or "complex" in getattr(found, "type_name", ""):
        raise Failure("fail", f"{name} returned complex numbers for a real matrix.")
    return found


@exercise(
    points=4,
    link="chapters/05-gradient-flow.html#eigen-powers",
    cases={
        "complex eigenvalues": {},
        "real eigenvalues": {"kind": "real"},
        "symmetric": {"kind": "symmetric"},
        "power 0": {"n": 0},
        "power 1": {"n": 1},
        "power 60": {"n": 60, "high": 1.05},
        "one unit, negative": {"kind": "one", "n": 3},
        "transposed view": {"view": True},
    },
)
def matrix_power_eig(
    ns: Any,
    rng: np.random.Generator,
    kind: str = "complex",
    n: int | None = None,
    high: float = 1.3,
    view: bool = False,
):
    if kind == "one":
        W = np.array([[-rng.uniform(1.2, 1.6)]])
    elif kind == "complex":
        W = _matrix(rng, *_spectrum(rng, str(rng.choice(["complex", "negative"])), high=high))
    else:
        values = np.array(_apart(rng, 4, 0.5, 1.3)) * [1, -1, 1, -1]
        Q = _orthogonal(rng, 4)
        W = Q @ np.diag(values) @ Q.T if kind == "symmetric" else _matrix(rng, values, [])
    power = int(rng.integers(3, 8)) if n is None else n
    found = ns.matrix_power_eig(W.T if view else W, power)
    return {"power": _real(found, "matrix_power_eig")}


@exercise(
    points=3,
    link="chapters/05-gradient-flow.html#modulus-not-sign",
    cases={
        "a complex pair is largest": {},
        "a negative eigenvalue is largest": {"kind": "negative"},
        "a positive eigenvalue is largest": {"kind": "positive"},
        "from a large radius to a small one": {"kind": "negative", "factor": 30.0},
        "one unit, negative": {"kind": "one"},
    },
)
def rescale_spectral_radius(
    ns: Any, rng: np.random.Generator, kind: str = "complex", factor: float = 1.0
):
    if kind == "one":
        W = np.array([[-rng.uniform(1.2, 2.5)]])
    else:
        W = factor * _matrix(rng, *_spectrum(rng, kind))
    rho = float(rng.uniform(0.3, 0.45) if rng.random() < 0.5 else rng.uniform(1.6, 2.4))
    found = ns.rescale_spectral_radius(W, rho)
    return {"rescaled": _real(found, "rescale_spectral_radius")}


# --- Jacobians -----------------------------------------------------------------------------------


def _states(rng: np.random.Generator, T: int, H: int, saturated: bool) -> Floats:
    """States whose slopes differ from unit to unit and from step to step, the first ones too."""
    h = np.sign(rng.standard_normal((T, H))) * rng.uniform(0.15, 0.9, (T, H))
    if saturated:
        h[:, 0] = 1.0
        h[T // 2] = -1.0
    return h


def _weights(rng: np.random.Generator, H: int, scale: float = 1.0) -> Floats:
    """Recurrent weights that are not normal: the rows differ in length by a factor of three."""
    return scale * normal(rng, H, H) * np.geomspace(0.6, 1.8, H)[rng.permutation(H), None]


@exercise(
    points=6,
    link="chapters/05-gradient-flow.html#jacobian-product",
    cases={
        "random": {},
        "one step": {"T": 1},
        "two steps": {"T": 2},
        "one unit, negative weight": {"H": 1},
        "growing": {"scale": 3.0},
        "saturated units": {"saturated": True},
        "as many steps as units": {"T": 4, "H": 4},
    },
)
def gradient_norms(
    ns: Any,
    rng: np.random.Generator,
    T: int | None = None,
    H: int | None = None,
    scale: float = 1.0,
    saturated: bool = False,
):
    t, units = sizes(rng, 2, low=3, high=7)
    t, units = T or t, H or units
    h = _states(rng, t, units, saturated)
    Wh = _weights(rng, units, scale) if units > 1 else np.array([[-rng.uniform(1.2, 1.8)]])
    return {"norms": ns.gradient_norms(h, Wh)}


@exercise(
    points=2,
    link="chapters/05-gradient-flow.html#singular-bound",
    cases={
        "random": {},
        "no step": {"T": 0},
        "one step": {"T": 1},
        "many steps": {"T": 40, "scale": 0.25},
        "one unit, negative weight": {"H": 1},
    },
)
def vanishing_bound(
    ns: Any,
    rng: np.random.Generator,
    T: int | None = None,
    H: int | None = None,
    scale: float = 0.6,
):
    t, units = sizes(rng, 2, low=3, high=7)
    units = H or units
    Wh = _weights(rng, units, scale) if units > 1 else np.array([[-rng.uniform(1.2, 1.8)]])
    return {"bound": ns.vanishing_bound(Wh, t if T is None else T)}


# --- paths without a matrix ----------------------------------------------------------------------


# Python numbers are not perturbed to find a tolerance, and two terms may nearly cancel: three
# roundings in float32 of numbers up to 4 are below 1e-6.
@exercise(
    points=2,
    link="chapters/05-gradient-flow.html#leaky-units",
    tolerance={"mu": 3e-6},
    cases={
        "random": {},
        "numbers": {"shape": ()},
        "three axes": {"shape": (2, 4, 3)},
        "keeps everything": {"alpha": 1.0},
        "keeps nothing": {"alpha": 0.0},
    },
)
def leaky_step(
    ns: Any,
    rng: np.random.Generator,
    shape: tuple[int, ...] | None = None,
    alpha: float | None = None,
):
    shape = tuple(sizes(rng, 2)) if shape is None else shape
    mu, v = normal(rng, *shape), normal(rng, *shape)
    # Far from one half, where the two weights would be nearly the same.
    alpha = float(rng.uniform(0.65, 0.95)) if alpha is None else alpha
    if not shape:
        mu, v = float(mu), float(v)
    return {"mu": ns.leaky_step(mu, v, alpha)}


# A gate or an alpha that is computed in float32 is off by up to 6e-8, hence for the half-lives up
# to 70 steps in here by 3e-4, and for the shares by less than 1e-5.
@exercise(
    points=2,
    link="chapters/05-gradient-flow.html#half-life",
    tolerance={"steps": 5e-4},
    cases={
        "random": {},
        "long memory": {"low": 0.98, "high": 0.99},
        "short memory": {"low": 0.01, "high": 0.3},
        "one half": {"low": 0.5, "high": 0.5},
    },
)
def leaky_half_life(ns: Any, rng: np.random.Generator, low: float = 0.6, high: float = 0.95):
    return {"steps": ns.leaky_half_life(float(rng.uniform(low, high)))}


@exercise(
    points=3,
    link="chapters/06-lstm.html#forget-bias",
    tolerance={"share": 1e-5},
    cases={
        "random": {},
        "negative bias": {"low": -0.9, "high": -0.3, "steps": (2, 4)},
        "small bias": {"low": 0.1, "high": 0.5},
        "bias 0": {"low": 0.0, "high": 0.0},
        "no step": {"steps": (0, 0)},
        "many steps": {"low": 4.0, "high": 6.0, "steps": (90, 110)},
        "bias 1000": {"low": 1000.0, "high": 1000.0},
        "bias -1000": {"low": -1000.0, "high": -1000.0},
        "bias -1000, no step": {"low": -1000.0, "high": -1000.0, "steps": (0, 0)},
    },
)
def forget_bias_retention(
    ns: Any,
    rng: np.random.Generator,
    low: float = 0.6,
    high: float = 2.5,
    steps: tuple[int, int] = (3, 8),
):
    bias, T = float(rng.uniform(low, high)), int(rng.integers(steps[0], steps[1] + 1))
    return {"share": ns.forget_bias_retention(bias, T)}


# --- training ------------------------------------------------------------------------------------

UPDATES, SHORT = 300, (2, 1)
FEW_UPDATES, LONG = 40, 200
RUNS, LONG_RUNS, FRESH_RUNS = 3, 4, 120
COMPUTES = ("mm", "mv", "dot", "linear", "tanh", "sigmoid", "rnn", "lstm")
"""In the names of the operations that a cell is made of, and not in those of what starts it."""
FEW_RESULTS = 20
"""The shortest training has some hundred; fewer means that nothing is trained with torch."""


UNSEEN = (
    "success_rate returned shares, but nothing was trained while it ran: the networks have to be "
    "trained with torch inside this function, and not in other threads or processes."
)


def _shares(
    ns: Any, cell: str, lengths: Sequence[int], seeds: Sequence[int], steps: int
) -> tuple[Floats, bool]:
    """What success_rate returns, and whether it has the right form.

    Of a wrong shape nothing can be read: then all shares are NaN.
    """
    value = ns.success_rate(cell, list(lengths), list(seeds), steps)
    found = numbers(np.array(value) if isinstance(value, list | tuple) else value)
    if found is None or found.shape != (len(lengths),):
        return np.full(len(lengths), np.nan), False
    runs = found.astype(float) * len(seeds)
    whole = np.abs(runs - np.round(runs)) < 1e-3
    right = whole & (np.round(runs) >= 0) & (np.round(runs) <= len(seeds))
    formed = isinstance(value, np.ndarray) and found.dtype.kind == "f" and bool(right.all())
    return found.astype(float), formed


def watch(names: Mapping[str, Any], cell: str, seed: int) -> dict[str, Any]:
    """Which products and activations a short run consists of, and a checksum of every result.

    Results of training hardly depend on the kind of cell or on the seed, but the operations and
    the numbers in them do. Code that works without torch leaves nothing here.
    """
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    operations: Counter[str] = Counter()
    checksums: set[int] = set()

    class Recorder(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            out = func(*args, **(kwargs or {}))
            results = [v for v in (out if isinstance(out, tuple | list) else [out]) if plain(v)]
            if any(word in str(func) for word in COMPUTES):
                operations[f"{func} {[tuple(v.shape) for v in results]}"] += 1
            for v in results if "empty" not in str(func) else []:  # that holds anything
                checksums.add(zlib.crc32(v.detach().contiguous().numpy().tobytes()))
            return out

    def plain(value: Any) -> bool:
        return type(value) in (torch.Tensor, torch.nn.Parameter) and value.is_floating_point()

    try:
        with Recorder():
            names["success_rate"](cell, [3], [seed], 1)
    except Exception:  # it runs without being watched, as the other calls have shown
        return {"watched": False, "operations": [], "checksums": []}
    return {
        "watched": True,
        "operations": [f"{count} {name}" for name, count in sorted(operations.items())],
        "checksums": sorted(checksums),
    }


def _watched(ns: Any, seeds: Sequence[int]) -> tuple[bool, bool, bool]:
    """Whether the two cells differ; whether a run comes back with its seed; whether seeds differ.

    Code that does not run while it is watched has that not held against it.

    Raises:
        Failure: next to nothing was recorded, so the shares do not come from training. They are
            numbers that anybody could write down.
    """
    rnn, lstm = (ns.run(watch, cell, seeds[0]) for cell in ("rnn", "lstm"))
    again, other = (ns.run(watch, "rnn", seed) for seed in seeds)
    first, repeated, different = (set(w["checksums"]) for w in (rnn, again, other))
    if not rnn["watched"]:
        return True, True, True
    if len(first) < FEW_RESULTS:
        raise Failure("fail", UNSEEN)
    cells = rnn["operations"] != lstm["operations"]
    # Right: all but all numbers come back with the seed, and few with another one (the zeros of an
    # initial state, for example). Never seeded: few in both. Always the same seed: all in both.
    repeats = 2 * len(first & repeated) >= len(first)
    seeded = 2 * len(first & different) < len(first)
    return cells, repeats, seeded or not repeats


# A correct solution chooses its own networks, so the bounds have room for all choices. Measured
# with stacked networks (vanilla and LSTM; 16, 32 and 64 units; Adam and RMSprop with rates 0.001 to
# 0.01, SGD with 0.5; batches of 32 and 64; uniform, Xavier, normal and orthogonal starts; with and
# without clipping; forget biases 0, 1 and 4):
#   - lengths 1 and 2, 300 updates: at most 1 of 512 runs failed (LSTM, 16 units, Adam 0.001).
#     Refused when two of three runs of a length fail: 3 (1/512)^2, about 1e-5.
#   - one update, length 5: none of 1000 runs succeeded. Refused when 15 of 120 do.
#   - length 200, 40 updates: 2 of 32 runs at most succeeded (Adam 0.003, orthogonal start).
#     Refused when all four do: 2e-5.
# What results cannot tell: a threshold between 30 % and 95 % (the answer depends on the symbol
# alone, so shares are multiples of a quarter, and in short runs jump from one to four of them), and
# questions that are those of the last batch in place of fresh ones (there are only four); nor one
# update more or less, nor gradients that are never set to zero: the short lengths are learned
# anyway. Inputs that are no one-hot vectors, but show the symbol, cannot be told either.
@exercise(
    points=6,
    link="chapters/05-gradient-flow.html#success-falls",
    seeds=1,
    seconds=120,
    rules={
        "cell": Holds(
            "is not right: the same is computed for 'rnn' and 'lstm', or nothing is learned at all"
        ),
        "training": AtLeast(
            0.85,
            f"(share of runs that succeed after {UPDATES} updates, less that after one update, "
            "the latter to the nearest quarter)",
        ),
        "rnn": AtLeast(0.6, "(the same for a vanilla network at the worse of the lengths 1 and 2)"),
        "lstm": AtLeast(0.6, "(the same for an LSTM at length 2)"),
        "memory": AtLeast(
            0.2,
            f"(share of successes of a vanilla network at length 1, less that at length {LONG} "
            f"after {FEW_UPDATES} updates; the latter counts only if every run succeeds)",
        ),
        "order": Holds("is not that of lengths: a long sequence seems to be easier than a short"),
        "form": Holds(
            "is not right: one number per length, repeated ones too, each a number of runs over "
            "len(seeds), in an array of floats"
        ),
        "repetition": Holds(
            "fails: the same seed gives another run (or training does not succeed at all)"
        ),
        "seed": Holds(
            "does not matter: another seed gives the same run (or no run succeeds by training)"
        ),
    },
)
def success_rate(ns: Any, rng: np.random.Generator):
    seeds = [int(s) for s in rng.choice(10**6, FRESH_RUNS, replace=False)]
    rnn, formed = _shares(ns, "rnn", SHORT, seeds[:RUNS], UPDATES)
    lstm, formed_lstm = _shares(ns, "lstm", SHORT[:1], seeds[:RUNS], UPDATES)
    fresh, formed_fresh = _shares(ns, "rnn", [5], seeds, 1)
    _, formed_repeated = _shares(ns, "lstm", [5, 3, 5], seeds[:3], 1)
    hard, formed_hard = _shares(ns, "rnn", [LONG, 1], seeds[:LONG_RUNS], FEW_UPDATES)
    cells, repeats, seeded = _watched(ns, seeds[:2])
    learned, untrained = float(rnn.max()), float(np.round(4 * fresh[0]) / 4)
    works = learned - untrained > 0.5  # else nothing was shown by the rest
    return {
        "cell": works and cells,
        "training": learned - untrained,
        "rnn": float(rnn.min()) - untrained,
        "lstm": float(lstm[0]) - untrained if cells else 0.0,
        "memory": learned - float(np.floor(hard[0])),
        "order": learned > 0 and bool(hard[0] <= hard[1]),
        "form": all((formed, formed_lstm, formed_fresh, formed_repeated, formed_hard)),
        "repetition": works and repeats,
        "seed": works and seeded,
    }
