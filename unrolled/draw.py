"""Inputs for probes: sizes that all differ, numbers that hide nothing.

A test on a zero state, a symmetric matrix, equal sizes or a mask that keeps everything cannot see
the mistakes that matter. Everything that a probe draws comes from here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def sizes(rng: np.random.Generator, count: int, low: int = 2, high: int = 6) -> list[int]:
    """`count` sizes from low..high (both included), pairwise different.

    Raises:
        ValueError: there are not so many different sizes in the range.
    """
    return [int(n) for n in rng.choice(np.arange(low, high + 1), size=count, replace=False)]


def normal(rng: np.random.Generator, *shape: int, scale: float = 1.0) -> Floats:
    """Normal deviates, pushed away from zero by scale / 10; an array of the given shape."""
    z = rng.standard_normal(shape)
    return np.asarray(scale * (z + 0.1 * np.where(z < 0, -1.0, 1.0)))


def partial_mask(rng: np.random.Generator, N: int, T: int) -> NDArray[np.bool_]:
    """A mask (N, T) that keeps some tokens, and whose count gives no wrong average away.

    The number kept is neither 1, N, T nor N T; with several rows and steps the rows keep different
    numbers, and some row drops a token before one that it keeps (a mask is more than padding at
    the end). Needs max(N, T) >= 3.
    """
    while True:
        mask = rng.random((N, T)) < 0.6
        if mask.sum() in (0, 1, N, T, N * T):
            continue
        if min(N, T) > 1 and np.ptp(mask.sum(axis=1)) == 0:
            continue
        if T > 1 and not np.any(~mask[:, :-1] & mask[:, 1:]):
            continue
        return mask


def time_first(a: Floats) -> Floats:
    """The same (N, T, ...) array, laid out in memory with the time axis first."""
    return np.ascontiguousarray(np.swapaxes(a, 0, 1)).swapaxes(0, 1)
