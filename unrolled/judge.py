"""From the results of a probe to a verdict: points, a table, and the misconception behind it.

Every named output has an equal share of the points. An output that is wrong in the main case earns
nothing; one that is right there earns its share times the part of the cases in which it is right.
That no argument was written into counts as one more case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from unrolled.arrays import is_tensor, numbers
from unrolled.compare import ETA, PERTURBATIONS, Comparison, agrees, compare, tolerance
from unrolled.exercise import Exercise
from unrolled.namespace import Failure, LocalNamespace, Namespace, PerturbedNamespace
from unrolled.verdict import Match, Outcome, Row, Verdict

Key = tuple[int, str]
"""A seed and the name of a case."""


@dataclass(frozen=True)
class Run:
    """What a probe returned in one case: outputs, or the failure that kept it from returning."""

    outputs: Mapping[str, Any] = field(default_factory=dict)
    failure: Failure | None = None
    changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Expected:
    """The right outputs of one case and how far off each may be.

    ``least`` holds, where it is known at once, an error that ``tolerance`` accepts in any case;
    ``tensors`` names the outputs that are torch tensors.
    """

    outputs: Mapping[str, np.ndarray]
    tolerance: Mapping[str, float]
    least: Mapping[str, float] = field(default_factory=dict)
    tensors: frozenset[str] = frozenset()


class Derived(Mapping[str, float]):
    """Tolerances that are worked out when one is asked for: it takes four runs of the reference.

    Most answers agree with the reference to the last bits, and then nobody asks.
    """

    def __init__(self, names: Iterable[str], derive: Callable[[], Mapping[str, float]]):
        self._names, self._derive = tuple(names), derive

    @cached_property
    def _values(self) -> Mapping[str, float]:
        return self._derive()

    def __getitem__(self, name: str) -> float:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclass(frozen=True)
class Mistake:
    """A known misconception and what it returns, case by case (no outputs where it fails)."""

    match: Match
    runs: Mapping[Key, Mapping[str, np.ndarray]]


def run_case(exercise: Exercise, ns: Namespace, seed: int, case: str) -> Run:
    """Drive ``ns`` through one case. Whatever goes wrong becomes the run's failure."""
    ns.changed = []
    try:
        outputs = exercise.probe(ns, exercise.rng(seed, case), **exercise.cases[case])
    except Failure as failure:
        return Run(failure=failure, changed=tuple(ns.changed))
    except Exception as error:
        text = f"{exercise.name} returned a value that cannot be used ({type(error).__name__})."
        return Run(failure=Failure("error", text), changed=tuple(ns.changed))
    return Run(outputs=outputs, changed=tuple(ns.changed))


def run_cases(exercise: Exercise, ns: Namespace, seeds: Iterable[int]) -> dict[Key, Run]:
    """Drive ``ns`` through every case of every seed."""
    return {(s, c): run_case(exercise, ns, s, c) for s in seeds for c in exercise.cases}


def expect(exercise: Exercise, names: Mapping[str, Any], seeds: Iterable[int]) -> dict:
    """Run the reference ``names``; return ``{(seed, case): Expected}``.

    Raises:
        RuntimeError: the reference itself fails or returns something that is no finite number.
    """
    return {(s, c): expect_case(exercise, names, s, c) for s in seeds for c in exercise.cases}


def expect_case(exercise: Exercise, names: Mapping[str, Any], seed: int, case: str) -> Expected:
    """The right outputs of one case with the tolerance of each; see :mod:`unrolled.compare`."""
    if not exercise.needs_reference:
        stated = {name: np.asarray(rule.stated) for name, rule in exercise.rules.items()}
        return Expected(stated, dict.fromkeys(stated, 0.0))
    run = run_case(exercise, LocalNamespace(names), seed, case)
    if run.failure or run.changed:
        raise RuntimeError(
            f"the reference fails on {exercise.name}, case {case!r}: "
            f"{run.failure or '; '.join(run.changed)}"
        )
    outputs = {k: numbers(v) for k, v in run.outputs.items()}
    if any(v is None or not np.all(np.isfinite(v)) for v in outputs.values()):
        raise RuntimeError(f"the reference of {exercise.name} returns no finite numbers: {case!r}")
    stated = {**dict.fromkeys(exercise.rules, 0.0), **exercise.tolerance}
    derived = [name for name in outputs if name not in stated]

    def derive() -> dict[str, float]:
        moved = []
        for k in range(PERTURBATIONS):
            ns = PerturbedNamespace(names, ETA, np.random.default_rng([seed, k]))
            with np.errstate(all="ignore"):
                moved.append(run_case(exercise, ns, seed, case).outputs)
        found = dict(stated)
        for name in derived:
            others = [numbers(m[name]) for m in moved if name in m]
            found[name] = tolerance(outputs[name], others)
        return found

    least = {name: tolerance(outputs[name], []) for name in derived}
    tensors = frozenset(k for k, v in run.outputs.items() if is_tensor(v))
    return Expected(outputs, Derived([*stated, *derived], derive), least, tensors)


def mistake(
    exercise: Exercise, match: Match, names: Mapping[str, Any], seeds: Iterable[int]
) -> Mistake:
    """Run a misconception; keep its numeric outputs."""
    runs = run_cases(exercise, LocalNamespace(names), seeds)
    kept = {
        key: {k: numbers(v) for k, v in run.outputs.items() if numbers(v) is not None}
        for key, run in runs.items()
    }
    return Mistake(match, kept)


def judge(
    exercise: Exercise,
    expected: Mapping[Key, Expected],
    runs: Mapping[Key, Run],
    mistakes: Callable[[], Iterable[Mistake]] = tuple,
    unsound: Callable[[], Iterable[str]] = tuple,
) -> Verdict:
    """Compare ``runs`` with ``expected``.

    Args:
        mistakes: called only if something is wrong; gives the misconceptions to compare with.
        unsound: called only if none matches; names the earlier exercises that are wrong already.
    """
    compared = compare_all(exercise, expected, runs)
    share = credit(exercise, compared, runs)
    points = round(exercise.points * share, 2)
    seeds = tuple(sorted({seed for seed, _ in expected}))
    rows = table(exercise, compared, expected, runs)
    if share == 1:
        return Verdict(
            exercise.name, points, exercise.points, "pass", "Everything is right.", rows, (), seeds
        )
    failure = next((r.failure for r in runs.values() if r.failure), None)
    outcome: Outcome = failure.outcome if failure else "fail"
    if points:
        outcome = "partial"
    elif outcome == "missing" and not str(failure).startswith(f"{exercise.name} "):
        outcome = "error"  # a function that this one is checked with is missing
    matches = explain(exercise, expected, runs, compared, mistakes())
    message = describe(rows, runs, failure, matches, unsound)
    return Verdict(exercise.name, points, exercise.points, outcome, message, rows, matches, seeds)


def compare_all(
    exercise: Exercise, expected: Mapping[Key, Expected], runs: Mapping[Key, Run]
) -> dict[tuple[int, str, str], Comparison]:
    """Every output of every case: ``{(seed, case, output): Comparison}``."""
    found = {}
    for (seed, case), right in expected.items():
        run = runs[seed, case]
        for output in right.outputs:
            if run.failure:
                one = Comparison(False, None, str(run.failure))
            else:
                one = compare_output(exercise, right, output, run.outputs[output])
            found[seed, case, output] = one
    return found


def compare_output(exercise: Exercise, right: Expected, output: str, actual: Any) -> Comparison:
    """Compare one output by its rule, or with the right value and its tolerance."""
    value, tensor = right.outputs[output], output in right.tensors
    if output in exercise.rules:
        return exercise.rules[output].compare(value, actual)
    one = compare(value, actual, right.least.get(output, 0.0), tensor=tensor)
    return one if one.ok else compare(value, actual, right.tolerance[output], tensor=tensor)


def same_mistake(
    exercise: Exercise,
    right: Expected,
    output: str,
    wrong: Mapping[str, Any],
    actual: Mapping[str, Any],
) -> bool:
    """Whether ``actual[output]`` is what a known mistake returned."""
    if output not in exercise.rules:
        return agrees(wrong, actual, output, right.tolerance[output])
    a, b = numbers(wrong.get(output)), numbers(actual.get(output))
    if a is None or b is None:
        return a is None and b is None
    return exercise.rules[output].agrees(a, b)


def credit(
    exercise: Exercise,
    compared: Mapping[tuple[int, str, str], Comparison],
    runs: Mapping[Key, Run],
) -> float:
    """The share of the points in [0, 1]; see the text of the module."""
    outputs = list(dict.fromkeys(output for _, _, output in compared))
    untouched = not any(run.changed for run in runs.values())
    total = 0.0
    for output in outputs:
        right = [
            all(c.ok for (_, case, o), c in compared.items() if case == name and o == output)
            for name in exercise.cases
        ]
        if right[0]:
            total += (sum(right) + untouched) / (len(right) + 1)
    return total / len(outputs)


def table(
    exercise: Exercise,
    compared: Mapping[tuple[int, str, str], Comparison],
    expected: Mapping[Key, Expected],
    runs: Mapping[Key, Run],
) -> tuple[Row, ...]:
    """One row per output and case, the worst over the seeds; then the arguments if changed."""
    rows = []
    outputs = list(dict.fromkeys(output for _, _, output in compared))
    for output in outputs:
        for case in exercise.cases:
            found = {s: c for (s, k, o), c in compared.items() if (k, o) == (case, output)}
            seed, worst = max(found.items(), key=lambda item: badness(item[1]))
            actual = numbers(runs[seed, case].outputs.get(output))
            shape = "" if actual is None else shape_text(actual.shape)
            rows.append(Row(case, output, shape, worst.error, worst.ok, worst.note))
    changed = list(dict.fromkeys(note for run in runs.values() for note in run.changed))
    if changed:
        rows.append(Row("", "arguments", "", None, False, "; ".join(changed)))
    return tuple(rows)


def badness(c: Comparison) -> tuple[bool, float]:
    return (not c.ok, float("inf") if c.error is None else c.error)


def shape_text(shape: tuple[int, ...]) -> str:
    return str(shape) if shape else "number"


def explain(
    exercise: Exercise,
    expected: Mapping[Key, Expected],
    runs: Mapping[Key, Run],
    compared: Mapping[tuple[int, str, str], Comparison],
    mistakes: Iterable[Mistake],
) -> tuple[Match, ...]:
    """The misconceptions that return what the student's code returned.

    One that agrees in every output and case is the answer. Otherwise each wrong output is explained
    by one that agrees in it in every case; as few as possible are taken.
    """
    wrong = {o for (_, _, o), c in compared.items() if not c.ok}
    returned = [key for key, run in runs.items() if not run.failure]
    if not returned or not wrong:
        return ()
    everything = set(next(iter(expected.values())).outputs)
    agreeing: list[tuple[Mistake, set[str]]] = []
    for known in mistakes:
        outputs = {
            o
            for o in everything
            if all(
                same_mistake(exercise, expected[k], o, known.runs[k], runs[k].outputs) for k in runs
            )
        }
        # A value of the wrong type may be right as a number: no mistake in the numbers made that.
        explained = {o for o in outputs & wrong if not harmless(exercise, expected, known, o)}
        if wrong == explained and outputs == everything:
            return (with_outputs(known.match, wrong),)
        if explained:
            agreeing.append((known, explained))
    chosen: list[Match] = []
    while wrong and agreeing:
        best, covers = max(agreeing, key=lambda item: len(item[1] & wrong))
        if not covers & wrong:
            break
        chosen.append(with_outputs(best.match, covers & wrong))
        wrong -= covers
    return tuple(chosen)


def harmless(
    exercise: Exercise, expected: Mapping[Key, Expected], known: Mistake, output: str
) -> bool:
    """Whether a known mistake leaves the numbers of this output as they have to be."""
    return all(
        output in known.runs[k]
        and compare_output(
            exercise, replace(right, tensors=frozenset()), output, known.runs[k][output]
        ).ok
        for k, right in expected.items()
    )


def with_outputs(match: Match, outputs: set[str]) -> Match:
    return Match(match.name, match.hint, match.link, tuple(sorted(outputs)))


def describe(
    rows: tuple[Row, ...],
    runs: Mapping[Key, Run],
    failure: Failure | None,
    matches: tuple[Match, ...],
    unsound: Callable[[], Iterable[str]],
) -> str:
    """The message for the student: what is off, then the hints, else what to look at first."""
    parts = []
    if failure:
        parts.append(str(failure))
    else:
        wrong = [r for r in rows if not r.ok and r.case]
        if wrong:
            worst = min((r for r in wrong if r.case == wrong[0].case), key=telling)
            parts.append(f"{worst.output} {worst.note} (case: {worst.case}).")
            parts += right_elsewhere(rows, worst)
    parts += [f"{r.note}." for r in rows if r.output == "arguments"]
    if len(matches) == 1:
        parts.append(matches[0].hint)
    else:
        parts += [f"About {' and '.join(m.outputs)}: {m.hint}" for m in matches]
    if not matches:
        earlier = [n for n in unsound() if not str(failure or "").startswith(f"{n} ")]
        if earlier:
            names = " and ".join(earlier)
            verb, it = ("is", "it") if len(earlier) == 1 else ("are", "them")
            parts.append(f"{names} {verb} not right yet, and this one builds on {it}.")
    return " ".join(parts)


def telling(row: Row) -> int:
    """How little a row tells: a wrong shape or type first, then a pattern, then mere numbers."""
    if row.error is None:
        return 0
    plain = row.note.startswith("differs in") or (
        row.note.startswith("is off by") and not row.note.endswith("everywhere")
    )
    return 2 if plain else 1


def right_elsewhere(rows: tuple[Row, ...], worst: Row) -> list[str]:
    """A sentence about the cases in which an output is right, if there are some."""
    same = [r for r in rows if r.output == worst.output]
    right = [r.case for r in same if r.ok]
    if not right:
        return []
    if len(right) == len(same) - 1:
        return ["It is right in every other case."]
    return [f"It is right in: {', '.join(right)}."]
