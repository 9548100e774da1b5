"""An exercise is a function that a student writes, together with the probe that drives it.

A probe is a plain function ``probe(ns, rng, **case)`` that draws its own inputs from ``rng``, calls
functions of the namespace ``ns`` and returns a dict of named results. The same probe runs on the
reference, on every known misconception and on the student's work; a verdict is a comparison of
what they return (:mod:`unrolled.verdict`).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from unrolled.rules import Rule

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
        rules: ``{output: rule}`` for outputs where equality is not the point; see
            :mod:`unrolled.rules`. Where no rule needs the reference, every output has one.
        seeds: fresh seeds per grading, each with all cases.
        seconds: wall time for all cases and seeds together; None for the grader's usual limit.
    """

    name: str
    points: float
    probe: Probe
    cases: Mapping[str, Mapping[str, Any]]
    uses: tuple[str, ...]
    link: str
    tolerance: Mapping[str, float]
    rules: Mapping[str, Rule] = field(default_factory=dict)
    seeds: int = 2
    seconds: float | None = None

    @property
    def needs_reference(self) -> bool:
        """Whether a verdict needs what the reference returns.

        Not if every output has a rule that knows by itself: a training run is not done twice.
        """
        return not self.rules or any(rule.needs_reference for rule in self.rules.values())

    @property
    def visible_seeds(self) -> tuple[int, ...]:
        return VISIBLE_SEEDS[: self.seeds]

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
    rules: Mapping[str, Rule] | None = None,
    seeds: int = 2,
    seconds: float | None = None,
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
            rules=dict(rules or {}),
            seeds=seeds,
            seconds=seconds,
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
