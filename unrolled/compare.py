"""Compare what a probe returned with what it should have returned.

How far off a right answer may be is derived, not tried out. The reference is run again on inputs
that are off by about a relative ``ETA``; what an output moves by, divided by ``ETA``, is its
condition with respect to its inputs in float64. A backward stable computation in a format with
rounding unit ``u`` has an error of about ``n u`` times that, where ``n`` counts the roundings that
add up. We accept ``u`` of float32, so that a solution may compute in float32, and ``n = 64``: sums
in the exercises have at most some tens of terms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from unrolled import diagnose
from unrolled.arrays import as_array, is_tensor, numbers

ETA = 2.0**-20
PERTURBATIONS = 4
ROUNDINGS = 64
UNIT = float(np.finfo(np.float32).eps) / 2


@dataclass(frozen=True)
class Comparison:
    """Whether one output is right; ``error`` is None where no difference can be formed."""

    ok: bool
    error: float | None
    note: str


def tolerance(expected: np.ndarray, perturbed: list[np.ndarray]) -> float:
    """The absolute error that a right answer may have; see the text of the module.

    Args:
        expected: the output, any shape.
        perturbed: the same output for inputs that are off by a relative ``ETA``.
    """
    if expected.dtype.kind != "f" or expected.size == 0:
        return 0.0
    scale = float(np.max(np.abs(expected)))
    moved = [float(np.max(np.abs(p - expected))) for p in perturbed if p.shape == expected.shape]
    return ROUNDINGS * UNIT * (max(moved, default=0.0) / ETA + scale)


def compare(expected: np.ndarray, actual: Any, tol: float, *, tensor: bool = False) -> Comparison:
    """Compare one output; ``actual`` may be anything that a student's function returns.

    Args:
        tensor: the output must be a torch tensor, with the element type of ``expected``.
    """
    array = numbers(actual) if tensor and is_tensor(actual) else as_array(actual)
    if tensor and not is_tensor(actual):
        return Comparison(False, None, diagnose.no_tensor(actual))
    if array is None:
        return Comparison(False, None, diagnose.wrong_type(expected, actual))
    if array.shape != expected.shape:
        return Comparison(False, None, diagnose.wrong_shape(expected, array))
    if expected.dtype.kind == "f" and array.dtype.kind != "f" and expected.ndim:
        return Comparison(False, None, f"has the type {array.dtype}, expected floating numbers")
    if expected.dtype.kind in "iu" and array.dtype.kind not in "iu":
        return Comparison(False, None, f"has the type {array.dtype}, expected integers")
    if tensor and array.dtype != expected.dtype:
        return Comparison(False, None, f"has the type {array.dtype}, expected {expected.dtype}")
    if array.size == 0:
        return Comparison(True, 0.0, "")
    if not np.all(np.isfinite(array)):
        return Comparison(False, None, diagnose.not_finite(array))
    error = float(np.max(np.abs(array.astype(np.float64) - expected)))
    if error <= tol:
        return Comparison(True, error, "")
    return Comparison(False, error, diagnose.wrong_values(expected, array, tol))


def agrees(wrong: Mapping[str, Any], actual: Mapping[str, Any], output: str, tol: float) -> bool:
    """Whether ``actual[output]`` is what a known mistake returns (both may be missing or NaN)."""
    a, b = numbers(wrong.get(output)), numbers(actual.get(output))
    if a is None or b is None:
        return a is None and b is None and type(wrong.get(output)) is type(actual.get(output))
    if a.shape != b.shape:
        return False
    a, b = a.astype(np.float64), b.astype(np.float64)
    finite = np.isfinite(a)
    if not np.array_equal(finite, np.isfinite(b)) or not finite.any():
        return bool(np.array_equal(finite, np.isfinite(b)))
    slack = tol * max(1.0, float(np.max(np.abs(a[finite]))))
    return bool(np.max(np.abs(a[finite] - b[finite])) <= slack)
