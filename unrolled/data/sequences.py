"""Small data sets made from a seed: nothing is downloaded, and everyone gets the same numbers.

Arrays are batch first, (N, T) or (N, T, D). Functions that draw take a seed or a NumPy generator.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Seed = int | np.random.Generator
"""Whatever `numpy.random.default_rng` turns into a generator; a generator is used as it is."""

HELLO = "hello"
"""The text of the smallest character model."""

HELLO_VOCABULARY = ("h", "e", "l", "o")
"""Its characters, in the order in which the lectures number them."""

REVIEWS: tuple[tuple[str, int], ...] = (
    ("not bad , it is good", 1),
    ("not good , it is bad", 0),
    ("good", 1),
    ("bad", 0),
    ("the plot is good", 1),
    ("the plot is not good", 0),
    ("the plot is not bad", 1),
    ("it is bad , and the plot is bad", 0),
)
"""Toy reviews with their sentiment (1 is good). The first two have the same words."""


def encode(text: str, vocabulary: tuple[str, ...]) -> NDArray[np.int64]:
    """The positions (T,) of the characters of `text` in `vocabulary`; ValueError if one is not."""
    unknown = set(text) - set(vocabulary)
    if unknown:
        raise ValueError(f"not in the vocabulary: {sorted(unknown)}")
    return np.array([vocabulary.index(c) for c in text], dtype=np.int64)


def one_hot(ids: ArrayLike, size: int) -> NDArray[np.float64]:
    """Vectors with a 1 at the place of each id: any shape (...) becomes (..., size).

    Raises IndexError for an id outside 0..size-1.
    """
    ids = np.asarray(ids)
    if ids.size and not 0 <= ids.min() <= ids.max() < size:
        raise IndexError(f"ids must lie in 0..{size - 1}")
    return np.eye(size)[ids]


def traffic(days: int, seed: Seed) -> NDArray[np.float64]:
    """Vehicles per hour at one made-up detector, (24 * days,), beginning on a Monday.

    Working days have a peak in the morning and a higher one in the evening, weekends a single low
    one; the deviation from that pattern dies away over some hours, as a jam does.
    """
    rng = np.random.default_rng(seed)
    hour = np.arange(24 * days) % 24
    weekend = np.arange(24 * days) // 24 % 7 >= 5

    def peak(at: float, width: float) -> NDArray[np.float64]:
        return np.exp(-(((hour - at) / width) ** 2) / 2)

    work = 900 * peak(8, 1.4) + 1050 * peak(17.5, 1.9) + 450 * peak(13, 3.5)
    pattern = 120 + np.where(weekend, 620 * peak(14.5, 4.0), work)
    deviation = autoregressive(24 * days, [0.85], rng, noise=0.09)
    return np.round(np.maximum(pattern * (1 + deviation), 0.0))


def autoregressive(
    length: int, coefficients: ArrayLike, seed: Seed, noise: float = 1.0
) -> NDArray[np.float64]:
    """A series (length,) in which x_t = sum_k coefficients[k-1] x_{t-k} + noise, from zeros."""
    rng = np.random.default_rng(seed)
    a = np.asarray(coefficients, dtype=float)
    x = np.zeros(length + len(a))
    shocks = noise * rng.standard_normal(length)
    for t in range(length):
        x[t + len(a)] = x[t : t + len(a)] @ a[::-1] + shocks[t]
    return x[len(a) :]


def parity(n: int, length: int, seed: Seed) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Random bits (n, length), and whether the number of ones so far is odd, (n, length)."""
    bits = np.random.default_rng(seed).integers(0, 2, (n, length))
    return bits, np.cumsum(bits, axis=1) % 2


def recall(
    n: int, length: int, seed: Seed, symbols: int = 4
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Sequences (n, length, symbols) of a one-hot symbol and then zeros, and which it was (n,)."""
    which = np.random.default_rng(seed).integers(0, symbols, n)
    x = np.zeros((n, length, symbols))
    x[:, 0] = one_hot(which, symbols)
    return x, which


class HMM(NamedTuple):
    """A hidden Markov model with K states and M symbols; every row of an array sums to 1."""

    start: NDArray[np.float64]
    """(K,) probability of each state at the first step."""
    move: NDArray[np.float64]
    """(K, K) from the state of the row to the state of the column."""
    emit: NDArray[np.float64]
    """(K, M) from the state of the row to the symbol of the column."""


WEATHER = HMM(
    start=np.array([0.5, 0.3, 0.2]),
    move=np.array([[0.8, 0.15, 0.05], [0.25, 0.5, 0.25], [0.1, 0.3, 0.6]]),
    emit=np.array([[0.9, 0.1], [0.6, 0.4], [0.15, 0.85]]),
)
"""Hidden: high, changing or low pressure. Seen: 0 a dry day, 1 a wet one."""


def observe(hmm: HMM, length: int, seed: Seed) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Hidden states and symbols, (length,) each, drawn from the model."""
    rng = np.random.default_rng(seed)
    states = np.empty(length, dtype=np.int64)
    symbols = np.empty(length, dtype=np.int64)
    chances = hmm.start
    for t in range(length):
        states[t] = rng.choice(len(chances), p=chances)
        symbols[t] = rng.choice(hmm.emit.shape[1], p=hmm.emit[states[t]])
        chances = hmm.move[states[t]]
    return states, symbols


DIGITS = (
    (".###.", "#...#", "....#", "...#.", "..#..", ".#...", "#####"),
    (".###.", "#...#", "#...#", ".###.", "#...#", "#...#", ".###."),
)
"""A 2 and an 8, five columns wide and seven rows high."""


def house_number() -> NDArray[np.float64]:
    """The number 28 as a picture (9, 14) of zeros and ones."""
    picture = np.zeros((9, 14))
    for k, rows in enumerate(DIGITS):
        block = [[c == "#" for c in row] for row in rows]
        picture[1:8, 1 + 7 * k : 6 + 7 * k] = block
    return picture
