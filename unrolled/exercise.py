"""An exercise is a function that a student writes, together with the probe that drives it.

A probe is a plain function ``probe(ns, rng, **case)`` that draws its own inputs from ``rng``, calls
functions of the namespace ``ns`` and returns a dict of named results. The same probe runs on the
reference, on every known misconception and on the student's work; a verdict is a comparison of
what they return (:mod:`unrolled.verdict`).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

Probe = Callable[..., dict[str, Any]]

VISIBLE_SEEDS = (2025, 2026)
"""Seeds of the checks that students see. Graded checks never use them."""


@dataclass(frozen=True)
class Exercise:
    """One graded function of an assignment.

    Attributes:
        name: name of the function that the student writes.
        points: points for a result that is right in every case.
        probe: ``probe(ns, rng, **case) -> {output name: value}``.
        cases: keyword arguments of the probe by the name of the case. The first is the main case:
            an output that is wrong there earns nothing, however right it is elsewhere.
        uses: earlier exercises of the assignment that a solution may call.
        link: page and anchor of the book that explains it, relative to the book's root.
        tolerance: ``{output: absolute error}`` for outputs where the derived one does not fit.
    """

    name: str
    points: float
    probe: Probe
    cases: Mapping[str, Mapping[str, Any]]
    uses: tuple[str, ...]
    link: str
    tolerance: Mapping[str, float]

    @property
    def main_case(self) -> str:
        return next(iter(self.cases))

    def rng(self, seed: int, case: str) -> np.random.Generator:
        """The generator of one case of one seed; the same inputs wherever the probe runs."""
        return np.random.default_rng([seed, list(self.cases).index(case)])


def exercise(
    points: float,
    *,
    link: str,
    cases: Mapping[str, Mapping[str, Any]] | None = None,
    uses: tuple[str, ...] = (),
    tolerance: Mapping[str, float] | None = None,
) -> Callable[[Probe], Exercise]:
    """Turn a probe into an :class:`Exercise` named like the probe."""

    def wrap(probe: Probe) -> Exercise:
        return Exercise(
            name=probe.__name__,
            points=points,
            probe=probe,
            cases=dict(cases or {"random": {}}),
            uses=uses,
            link=link,
            tolerance=dict(tolerance or {}),
        )

    return wrap


def exercises_of(module: ModuleType) -> dict[str, Exercise]:
    """The exercises that a module defines, in the order of definition."""
    return {v.name: v for v in vars(module).values() if isinstance(v, Exercise)}


def load(assignment: str) -> dict[str, Exercise]:
    """The exercises of an assignment by name, for example ``load("a1_rnn")``.

    Raises:
        ModuleNotFoundError: there is no such assignment.
    """
    return exercises_of(importlib.import_module(f"unrolled.exercises.{assignment}"))
