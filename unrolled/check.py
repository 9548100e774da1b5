"""``check("rnn_step_forward")``: the visible checks, in the notebook, in well under a second."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from unrolled import bank
from unrolled.exercise import Exercise
from unrolled.exercise import load as load_exercises
from unrolled.judge import judge, run_cases
from unrolled.namespace import LocalNamespace
from unrolled.text import verdict_text
from unrolled.verdict import Verdict


def check(
    exercise: str,
    namespace: Mapping[str, Any] | None = None,
    *,
    checks: str | Path = "checks.npz",
) -> None:
    """Check one exercise on the visible inputs and print a table.

    Args:
        exercise: the name of the function to check.
        namespace: where to find it; the caller's globals if left out.
        checks: the file with the expected results, beside the notebook.

    Raises:
        AssertionError: something is not right yet; the message says what.
        FileNotFoundError: ``checks`` is not there.
        ValueError: there is no exercise of this name, or ``checks`` is damaged.
    """
    __tracebackhide__ = True
    names = sys._getframe(1).f_globals if namespace is None else namespace
    verdict = verdict_of(exercise, names, Path(checks))
    print(verdict_text(verdict))
    if verdict.outcome != "pass":
        raise AssertionError(verdict.message) from None


def verdict_of(exercise: str, names: Mapping[str, Any], path: Path) -> Verdict:
    """The verdict on the visible inputs; raises like :func:`check` for a bad name or file."""
    path = path.resolve()
    if not path.is_file():
        raise FileNotFoundError(
            f"{path.name} is not in {path.parent}. It came with the notebook: put the two into one "
            "folder and start Jupyter there."
        )
    known = _load(path, path.stat().st_mtime_ns)
    exercises = load_exercises(known.assignment)
    if exercise not in exercises:
        raise ValueError(
            f"{known.assignment} has no exercise {exercise!r}; it has {', '.join(exercises)}."
        )
    return _judge(exercises, known, exercise, names)


def _judge(
    exercises: Mapping[str, Exercise], known: bank.Checks, name: str, names: Mapping[str, Any]
) -> Verdict:
    expected = known.expected[name]
    seeds = sorted({seed for seed, _ in expected})
    runs = run_cases(exercises[name], LocalNamespace(names), seeds)

    def unsound() -> list[str]:
        return [
            earlier
            for earlier in exercises[name].uses
            if _judge(exercises, known, earlier, names).outcome != "pass"
        ]

    return judge(exercises[name], expected, runs, lambda: known.mistakes[name], unsound)


@lru_cache(maxsize=4)
def _load(path: Path, _modified: int) -> bank.Checks:
    return bank.load(path)
