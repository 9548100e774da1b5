"""Rules for outputs that are not judged by equality with the reference.

A bound on a loss, a frequency test for a sampler, a property that must hold. A rule compares one
output; ``needs_reference`` says whether it has to know what the reference returned. An exercise all
of whose outputs have rules that need no reference is graded without running it, so that a training
run is paid for once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from unrolled.arrays import numbers
from unrolled.compare import Comparison

SAME_NUMBER = 1e-3
"""Relative difference up to which two training runs count as the same mistake."""

EXPECTED_IN_A_CELL = 20
"""Counts below this, of both samples together, are put into one: the test needs large counts."""


class Rule(Protocol):
    """What a rule is; ``stated`` is kept beside the checks where no reference ran."""

    needs_reference: ClassVar[bool]

    @property
    def stated(self) -> float: ...

    def compare(self, expected: np.ndarray, actual: Any) -> Comparison: ...

    def agrees(self, wrong: np.ndarray, actual: np.ndarray) -> bool: ...


@dataclass(frozen=True)
class Holds:
    """The output must be True; ``otherwise`` says what is wrong if it is not."""

    otherwise: str = "does not hold"
    needs_reference: ClassVar[bool] = False

    @property
    def stated(self) -> float:
        return 1.0

    def compare(self, expected: np.ndarray, actual: Any) -> Comparison:
        ok = isinstance(actual, bool | np.bool_) and bool(actual)
        return Comparison(ok, 0.0 if ok else None, "" if ok else self.otherwise)

    def agrees(self, wrong: np.ndarray, actual: np.ndarray) -> bool:
        return bool(np.array_equal(wrong, actual))


@dataclass(frozen=True)
class AtMost:
    """The output must be a finite number that is not above ``bound``."""

    bound: float
    what: str
    needs_reference: ClassVar[bool] = False

    @property
    def stated(self) -> float:
        return self.bound

    def compare(self, expected: np.ndarray, actual: Any) -> Comparison:
        return bounded(actual, self.what, "at most", self.bound, 1)

    def agrees(self, wrong: np.ndarray, actual: np.ndarray) -> bool:
        return same_number(wrong, actual)


@dataclass(frozen=True)
class AtLeast:
    """The output must be a finite number that is not below ``bound``."""

    bound: float
    what: str
    needs_reference: ClassVar[bool] = False

    @property
    def stated(self) -> float:
        return self.bound

    def compare(self, expected: np.ndarray, actual: Any) -> Comparison:
        return bounded(actual, self.what, "at least", self.bound, -1)

    def agrees(self, wrong: np.ndarray, actual: np.ndarray) -> bool:
        return same_number(wrong, actual)


@dataclass(frozen=True)
class SameFrequencies:
    """The output counts independent draws; so did the reference's, from the same distribution.

    The test is the two-sample chi-square test. Its threshold t is where Chernoff's bound on the
    tail, P(chi2_d >= t) <= (t/d exp(1 - t/d))^(d/2), is ``error``: draws from the same distribution
    are refused at most that often, up to the normal approximation, for which rare cells are put
    into one.
    """

    error: float
    needs_reference: ClassVar[bool] = True

    @property
    def stated(self) -> float:
        return self.error

    def compare(self, expected: np.ndarray, actual: Any) -> Comparison:
        counts = numbers(actual)
        if counts is None or counts.shape != expected.shape or counts.dtype.kind not in "iu":
            return Comparison(False, None, "cannot be counted")
        if counts.min(initial=0) < 0:
            return Comparison(False, None, "cannot be counted")
        statistic, cells = chi_square(expected, counts)
        ok = statistic <= self.threshold(cells)
        share = np.abs(counts / max(counts.sum(), 1) - expected / max(expected.sum(), 1))
        if ok:
            return Comparison(True, float(share.max(initial=0.0)), "")
        where = tuple(int(i) for i in np.unravel_index(np.argmax(share), share.shape))
        of = counts[where] / max(counts.sum(), 1)
        wanted = expected[where] / max(expected.sum(), 1)
        note = (
            "does not have the right frequencies: "
            f"{of:.1%} instead of about {wanted:.1%} at {list(where)}"
        )
        return Comparison(False, float(share.max()), note)

    def agrees(self, wrong: np.ndarray, actual: np.ndarray) -> bool:
        return self.compare(np.asarray(wrong), actual).ok

    def threshold(self, cells: int) -> float:
        """The largest statistic that is accepted, for d = cells - 1 degrees of freedom."""
        d = max(cells - 1, 1)
        wanted = -2 * math.log(self.error) / d
        low, high = 1.0, 2.0 + 2 * wanted  # of r = t / d, where r - log(r) - 1 = wanted
        while high - low > 1e-9 * high:
            middle = (low + high) / 2
            low, high = (middle, high) if middle - math.log(middle) - 1 < wanted else (low, middle)
        return d * high


def chi_square(a: np.ndarray, b: np.ndarray) -> tuple[float, int]:
    """The two-sample statistic of two arrays of counts, and the number of its cells."""
    a, b = a.astype(float).ravel(), b.astype(float).ravel()
    rare = a + b < EXPECTED_IN_A_CELL
    a = np.append(a[~rare], a[rare].sum())
    b = np.append(b[~rare], b[rare].sum())
    a, b = a[a + b > 0], b[a + b > 0]
    if not a.sum() or not b.sum():
        return (0.0 if a.sum() == b.sum() else math.inf), len(a)
    ratio = math.sqrt(b.sum() / a.sum())
    return float(np.sum((a * ratio - b / ratio) ** 2 / (a + b))), len(a)


def bounded(actual: Any, what: str, words: str, bound: float, sign: int) -> Comparison:
    """Compare one number with a bound from above (``sign`` 1) or below (-1)."""
    value = numbers(actual)
    if value is None or value.ndim or not np.isfinite(value):
        return Comparison(False, None, f"({what}) is no finite number")
    ok = sign * float(value) <= sign * bound
    note = "" if ok else f"is {float(value):.3g} {what}, expected {words} {bound:.3g}"
    return Comparison(ok, max(sign * (float(value) - bound), 0.0), note)


def same_number(wrong: np.ndarray, actual: np.ndarray) -> bool:
    return bool(
        np.shape(wrong) == np.shape(actual)
        and np.allclose(wrong, actual, rtol=SAME_NUMBER, atol=1e-12, equal_nan=True)
    )
