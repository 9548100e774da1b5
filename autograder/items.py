"""Item analysis: how hard an exercise is, and whether it tells who can do the rest.

*Difficulty* is the mean share of the points (1 is the easiest). *Discrimination* is the corrected
item-total correlation: Pearson's correlation between the points of an exercise and the sum of the
points of all others (Crocker and Algina, Introduction to Classical and Modern Test Theory, ch. 14).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autograder.results import Result

FEWEST = 10
"""Students from which on a correlation is told: of fewer, one student can turn its sign."""
WEAK = 0.2
"""Below this an exercise hardly separates (Ebel's rule of thumb for classroom tests)."""


@dataclass(frozen=True)
class Item:
    """One exercise as an item of a test.

    ``difficulty`` is in [0, 1], ``discrimination`` in [-1, 1] or None; then ``why_not`` says in a
    sentence why it has no value.
    """

    name: str
    students: int
    difficulty: float
    discrimination: float | None
    why_not: str = ""

    @property
    def remark(self) -> str:
        """What a teacher may want to look at, "" if nothing."""
        if self.discrimination is None:
            return self.why_not
        if self.discrimination < 0:
            return "Who does well elsewhere does worse here: look at the text and the checks."
        if self.discrimination < WEAK:
            return "Hardly tells who does well elsewhere."
        return ""


def items(results: Sequence[Result]) -> tuple[Item, ...]:
    """The analysis of all exercises, over the results that have a verdict on each of them.

    Args:
        results: of one assignment; only those with status "graded" count.
    """
    graded = [r for r in results if r.status == "graded"]
    names = [v.exercise for v in max((r.exercises for r in graded), key=len, default=())]
    rows, most = [], {}
    for result in graded:
        by_name = {v.exercise: v for v in result.exercises}
        if set(names) <= set(by_name):
            rows.append([by_name[n].points for n in names])
            most |= {n: by_name[n].max_points for n in names}
    if not rows:
        return ()
    return analyse(names, np.array(rows, float), np.array([most[n] for n in names], float))


def analyse(names: Sequence[str], points: np.ndarray, most: np.ndarray) -> tuple[Item, ...]:
    """The analysis of a table of points.

    Args:
        names: of the E exercises.
        points: (S, E), what each of the S students has.
        most: (E,), what is to be had; an exercise without points is left out.
    """
    total = points.sum(axis=1)
    found = []
    for e, name in enumerate(names):
        if most[e] <= 0:
            continue
        value, why_not = correlation(points[:, e], total - points[:, e])
        found.append(Item(name, len(points), float(points[:, e].mean() / most[e]), value, why_not))
    return tuple(found)


def correlation(item: np.ndarray, rest: np.ndarray) -> tuple[float | None, str]:
    """Pearson's correlation of two vectors (S,), or None and a sentence that says why."""
    if len(item) < FEWEST:
        return None, f"Not told for fewer than {FEWEST} students."
    if np.ptp(item) <= 1e-9:
        return None, "Undefined: everybody has the same points here."
    if np.ptp(rest) <= 1e-9:
        return None, "Undefined: everybody has the same points in all other exercises together."
    return float(np.clip(np.corrcoef(item, rest)[0, 1], -1.0, 1.0)), ""
