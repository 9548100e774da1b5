"""Words for how a wrong output is wrong, when no known misconception explains it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np


def wrong_type(expected: np.ndarray, actual: Any) -> str:
    """Words for a value that is not a NumPy array (or number) at all."""
    wanted = "a NumPy array" if expected.ndim else "a number"
    if actual is None:
        return f"is None, expected {wanted}"
    if isinstance(actual, np.ndarray):
        return f"is an array of type {actual.dtype}, expected numbers"
    return f"is of type {kind(actual)}, expected {wanted}"


def kind(actual: Any) -> str:
    """The name of a value's type. In grading, of most only ``type_name`` comes over the pipe."""
    name = getattr(actual, "type_name", None)
    return name if isinstance(name, str) else type(actual).__name__


def no_tensor(actual: Any) -> str:
    """Words for a value that is no torch tensor where one is asked for."""
    if actual is None:
        return "is None, expected a torch tensor"
    found = "a NumPy array" if isinstance(actual, np.ndarray) else f"of type {kind(actual)}"
    return f"is {found}, expected a torch tensor"


def wrong_shape(expected: np.ndarray, actual: np.ndarray) -> str:
    """Words for a shape that differs."""
    text = f"has shape {actual.shape}, expected {expected.shape}"
    if actual.shape == expected.shape[::-1] and expected.ndim > 1:
        return text + " (it may be transposed)"
    if sorted(actual.shape) == sorted(expected.shape):
        return text + " (the axes are in another order)"
    if actual.size == expected.size:
        return text
    if actual.ndim == expected.ndim - 1:
        return text + " (an axis was summed or dropped)"
    return text


def not_finite(actual: np.ndarray) -> str:
    """Words for NaN and infinities."""
    nan, inf = int(np.isnan(actual).sum()), int(np.isinf(actual).sum())
    parts = [f"{n} {word}" for n, word in ((nan, "NaN"), (inf, "infinite")) if n]
    return f"contains {' and '.join(parts)} of {actual.size} values"


def wrong_values(expected: np.ndarray, actual: np.ndarray, tol: float) -> str:
    """Words for values that differ: a pattern if one is seen, else where and by how much."""
    if expected.dtype.kind == "b":
        return wrong_truths(expected, actual)
    for pattern in patterns(expected, actual.astype(np.float64), tol):
        return pattern
    difference = np.abs(actual.astype(np.float64) - expected)
    if not expected.ndim:
        return f"is off by {float(difference):.2g}"
    where = tuple(int(i) for i in np.unravel_index(np.argmax(difference), difference.shape))
    wrong = int(np.sum(difference > tol))
    return f"differs in {wrong} of {expected.size} values, most at {list(where)}"


def wrong_truths(expected: np.ndarray, actual: np.ndarray) -> str:
    """Words for a property, or several, that should hold and do not (or the other way round)."""
    wrong = actual.astype(bool) != expected
    if not expected.ndim:
        return "does not hold" if expected else "holds, and should not"
    where = [int(i) for i in np.argwhere(wrong)[0]]
    return f"is wrong in {int(wrong.sum())} of {expected.size} places, first at {where}"


def patterns(expected: np.ndarray, actual: np.ndarray, tol: float) -> Iterator[str]:
    """Yield what relates the wrong values to the right ones, the most specific first."""

    def close(a: np.ndarray, b: np.ndarray) -> bool:
        return a.shape == b.shape and bool(np.max(np.abs(a - b), initial=0.0) <= tol)

    if not np.any(actual):
        yield "is zero everywhere" if expected.ndim else "is zero"
        return
    factor = float(np.sum(actual * expected) / max(np.sum(expected * expected), 1e-300))
    if close(actual, -expected):
        yield "has the opposite sign"
    elif factor and close(actual / factor, expected):
        yield f"is {factor:.3g} times what it should be"
    if expected.size > 1 and close(actual - np.mean(actual - expected), expected):
        yield f"is off by {float(np.mean(actual - expected)):.3g} everywhere"
    if expected.size > 1 and close(np.abs(actual), np.abs(expected)):
        yield "has the right sizes, and wrong signs in some places"
    if expected.ndim == 2 and close(actual.T, expected):
        yield "is transposed"
    if expected.ndim == 3:
        yield from patterns_in_time(expected, actual, tol)
    if expected.ndim >= 2:
        yield from patterns_in_rows(expected, actual, tol)
    if expected.ndim:
        yield from patterns_in_columns(expected, actual, tol)


def patterns_in_rows(expected: np.ndarray, actual: np.ndarray, tol: float) -> Iterator[str]:
    """Rows of axis 0 that are right, or right in another place."""
    far = np.max(np.abs(actual[:, None] - expected[None]), axis=tuple(range(2, expected.ndim + 1)))
    right = far <= tol  # (row of the answer, row that it should be)
    if right.any(axis=0).all() and right.any(axis=1).all():
        yield "has the right rows in another order"
    elif right.diagonal().any():
        yield f"is right only in rows {np.flatnonzero(right.diagonal()).tolist()} of axis 0"


def patterns_in_columns(expected: np.ndarray, actual: np.ndarray, tol: float) -> Iterator[str]:
    """Places of the last axis that are right, or blocks of them that changed places."""
    columns = expected.shape[-1]
    flat, other = expected.reshape(-1, columns), actual.reshape(-1, columns)
    right = np.max(np.abs(flat - other), axis=0, initial=0.0) <= tol
    for count in (2, 3, 4):
        if columns % count or columns == count:
            continue
        blocks = [np.split(a, count, axis=1) for a in (flat, other)]
        same = np.array(
            [[np.max(np.abs(a - b), initial=0.0) <= tol for b in blocks[1]] for a in blocks[0]]
        )
        if same.any(axis=0).all() and same.any(axis=1).all():
            yield f"has the right blocks of {columns // count} columns in another order"
            return
    if right.any() and expected.ndim > 1:
        yield f"is right only in the columns {spans(np.flatnonzero(right))} of 0..{columns - 1}"


def spans(places: np.ndarray) -> str:
    """Sorted numbers in words: ``0..3, 7``."""
    runs = np.split(places, np.flatnonzero(np.diff(places) > 1) + 1)
    return ", ".join(f"{r[0]}..{r[-1]}" if len(r) > 1 else f"{r[0]}" for r in runs)


def patterns_in_time(expected: np.ndarray, actual: np.ndarray, tol: float) -> Iterator[str]:
    """The same for arrays (N, T, ...), whose axis 1 is time."""

    def close(a: np.ndarray, b: np.ndarray) -> bool:
        return bool(np.max(np.abs(a - b), initial=0.0) <= tol)

    T = expected.shape[1]
    if T < 2:
        return
    if close(actual[:, ::-1], expected):
        yield "is reversed in time"
    elif close(actual[:, 1:], expected[:, :-1]) or close(actual[:, :-1], expected[:, 1:]):
        yield "is shifted by one time step"
    right = [t for t in range(T) if close(actual[:, t], expected[:, t])]
    if right == [T - 1]:
        yield "is right at the last time step only"
    elif right == [0]:
        yield "is right at the first time step only"
    elif right:
        yield f"is right only at the time steps {right} of 0..{T - 1}"
