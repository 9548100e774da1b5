"""Code of a student's, judged by an assignment's probes: what the tests of assignments share."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from autograder import source
from unrolled.exercise import load
from unrolled.judge import Expected, Key, Mistake, expect, judge, run_cases
from unrolled.namespace import LocalNamespace
from unrolled.verdict import Verdict

Seeds = tuple[int, ...]


def verdict_on(
    assignment: str, name: str, names: Mapping[str, Any], seeds: Seeds, hints: bool = True
) -> Verdict:
    """What the probe of `name` says of these functions; at most as many seeds as it takes."""
    exercise = load(assignment)[name]
    seeds = seeds[: exercise.seeds]
    runs = run_cases(exercise, LocalNamespace(names), seeds)
    mistakes = (lambda: known(assignment, name, seeds)) if hints else tuple
    return judge(exercise, expected(assignment, name, seeds), runs, mistakes)


@lru_cache
def expected(assignment: str, name: str, seeds: Seeds) -> dict[Key, Expected]:
    return expect(load(assignment)[name], source.load_reference(assignment), seeds)


@lru_cache
def known(assignment: str, name: str, seeds: Seeds) -> list[Mistake]:
    return source.mistakes_for(assignment, load(assignment)[name], seeds)
