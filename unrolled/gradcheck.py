"""Compare the derivatives that the book displays with automatic differentiation.

A chapter writes a derivative by hand, gives its equation a label `eq-d-...`, and evaluates it in a
cell next to what autograd says on the same float64 inputs:

    gradcheck.compare("eq-d-hidden", hand, auto)      # prints one line, raises if they differ
    gradcheck.fails("slide 17", wrong, auto)          # raises if the wrong equation is *not* wrong

A comparison can only show a mistake on inputs that are able to show it: the two functions refuse
a gradient that is zero everywhere, and never broadcast. `unchecked` finds the labelled
derivatives of a page that no cell compares.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

compared: dict[str, float] = {}
"""Labels compared since the interpreter started, with the largest relative difference seen."""

refuted: dict[str, float] = {}
"""Wrong equations that were run and seen to fail, with how far off they are (relative)."""

# `:label: eq-d-x` in a directive, or `$$ (eq-d-x)` after a formula between dollars.
_LABEL = re.compile(r"^(?:\s*:label:\s*|.*\$\$\s*\()(eq-d-[\w-]+)\)?\s*$", re.MULTILINE)
_CELL = re.compile(r"^```\{code-cell\}.*?^```\s*$", re.MULTILINE | re.DOTALL)
_COMPARE = re.compile(r"""compare\(\s*["'](eq-d-[^"']+)["']""")


def compare(label: str, hand: Any, auto: Any, tol: float = 1e-10) -> None:
    """Check a derivative written by hand against the one from autograd, and print one line.

    Args:
        label: label of the equation, such as `eq-d-hidden`.
        hand: the displayed derivative evaluated: array, torch tensor or number.
        auto: what it must equal, of the same shape.
        tol: largest difference allowed, in units of the largest magnitude in `auto`.

    Raises:
        AssertionError: the shapes differ, a value is not finite, or the difference exceeds `tol`.
        ValueError: `auto` is empty or zero everywhere, so that the comparison would prove nothing.
    """
    ours, theirs = _array(hand), _array(auto)
    scale = _scale(label, theirs)
    if ours.shape != theirs.shape:
        raise AssertionError(
            f"{label}: by hand {_shape(ours)}, autograd {_shape(theirs)}: the shapes differ"
        )
    difference = float(np.max(np.abs(ours - theirs)))
    if not difference <= tol * scale:  # written so that NaN fails too
        raise AssertionError(
            f"{label}: max |difference| = {difference:.2g} at values up to {scale:.2g}, "
            f"allowed {tol:.0e} of that"
        )
    compared[label] = max(difference / scale, compared.get(label, 0.0))
    print(f"{label:<26} max |difference| = {difference:.1e}  (values up to {scale:.2g})  ok")


def fails(label: str, wrong: Any, auto: Any, at_least: float = 1e-3) -> None:
    """Show that a wrong equation is wrong: print by how much it misses, raise if it does not.

    Args:
        label: what is being refuted, such as `slide: no tanh'`.
        wrong: the wrong equation evaluated: array, torch tensor or number.
        auto: what autograd says. Another shape than that of `wrong` counts as a failure.
        at_least: smallest difference that counts, in units of the largest magnitude in `auto`.

    Raises:
        AssertionError: the wrong equation is right on these inputs.
        ValueError: `auto` is empty or zero everywhere.
    """
    theirs_wrong, right = _array(wrong), _array(auto)
    scale = _scale(label, right)
    if theirs_wrong.shape != right.shape:
        refuted[label] = float("inf")
        print(f"{label:<26} shape {_shape(theirs_wrong)} instead of {_shape(right)}  ✗ wrong")
        return
    difference = float(np.max(np.abs(theirs_wrong - right)))
    if difference < at_least * scale:
        raise AssertionError(
            f"{label}: expected to be wrong, but max |difference| = {difference:.2g} "
            f"at values up to {scale:.2g}"
        )
    refuted[label] = difference / scale
    print(
        f"{label:<26} off by {difference:.2g} where the values are up to {scale:.2g} "
        f"({difference / scale:.0%})  ✗ wrong"
    )


def labels(page: str) -> list[str]:
    """Labels `eq-d-...` of the derivatives that a MyST page displays."""
    return _LABEL.findall(page)


def unchecked(page: str) -> list[str]:
    """Labels `eq-d-...` of a MyST page that no code cell of that page passes to `compare`."""
    cells = "\n".join(_CELL.findall(page))
    checked = set(_COMPARE.findall(cells))
    return [label for label in labels(page) if label not in checked]


def _array(value: Any) -> np.ndarray:
    """The numbers in an array, a torch tensor (also one that requires grad) or a nested list."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    return np.asarray(value, dtype=np.float64)


def _scale(label: str, auto: np.ndarray) -> float:
    """Largest magnitude in `auto`; refuses what no comparison can use."""
    if auto.size == 0 or not np.any(auto):
        raise ValueError(f"{label}: autograd's gradient is empty or zero everywhere")
    scale = float(np.max(np.abs(auto)))
    if not np.isfinite(scale):
        raise AssertionError(f"{label}: autograd's gradient is not finite")
    return scale


def _shape(array: np.ndarray) -> str:
    return str(array.shape) if array.ndim else "a number"
