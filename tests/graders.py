"""``make graders``: how well the probes tell right from wrong, exercise by exercise.

* **Misconceptions**: every one of the bank is graded ``GRADINGS`` times with fresh seeds.
  Found means refused in all gradings; the hint is right if it is its own in all gradings.
* **Variants**: correct solutions in other styles, on fresh seeds. Accepted means full points on
  every seed.
* **Mutants**: every systematic change of the reference (``tests/mutants.py``). Found means that the
  probe of the exercise, or of one that builds on it, refuses it. Those that no legal input can
  tell from the reference are listed with the reason in ``solutions/aN_x/equivalent.py``.

``--write`` puts the figures where the book's preface reads them. The exit status is 1 when a
misconception is not found, a hint is wrong, a variant is refused or a mutant is left over.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import multiprocessing
import re
import resource
import runpy
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))  # for ``mutants``, as under pytest

from mutants import __file__ as mutants_file
from mutants import mutants

from autograder import source
from unrolled.exercise import Exercise, load
from unrolled.judge import (
    Expected,
    Run,
    compare_output,
    expect,
    expect_case,
    judge,
    run_case,
    run_cases,
)
from unrolled.namespace import LocalNamespace

FIGURES = source.ROOT / "book" / "_data" / "graders.json"
FIRST_SEED = 10_000
GRADINGS = 20
SEEDS = 200
TRAINING_GRADINGS = 3
TRAINING_SEEDS = 10
MUTANT_SEEDS = 5
SLOW_SECONDS = 30.0
MEMORY_BYTES = 8 * 2**30


@dataclass
class Row:
    """What was measured for one exercise."""

    assignment: str
    exercise: str
    bank: int = 0
    found: int = 0
    hints: int = 0
    wrong_hints: int = 0
    variants: int = 0
    accepted: int = 0
    seeds: int = 0
    mutants: int = 0
    mutants_found: int = 0
    equivalent: int = 0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.notes


class TooSlow(Exception):
    """A mutant that does not come to an end; as good as refused."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise TooSlow in the body when it takes longer."""

    def stop(*_: object) -> None:
        raise TooSlow("does not come to an end")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def own(assignment: str, exercise: str) -> list[source.Misconception]:
    return [m for m in source.load_misconceptions(assignment) if m.exercise == exercise]


def equivalent(assignment: str) -> dict[str, dict[str, str]]:
    """``EQUIVALENT`` of ``solutions/aN_x/equivalent.py``: by exercise, mutants with the reason."""
    path = source.source_path(assignment).with_name("equivalent.py")
    return runpy.run_path(str(path))["EQUIVALENT"] if path.is_file() else {}


def gradings(exercise: Exercise, count: int) -> Iterator[tuple[int, ...]]:
    """Fresh seeds for each of ``count`` gradings."""
    numbers = itertools.count(FIRST_SEED)
    for _ in range(count):
        yield tuple(itertools.islice(numbers, exercise.seeds))


def measure_bank(row: Row, exercise: Exercise, count: int) -> None:
    """Grade every misconception of the exercise ``count`` times."""
    mine = own(row.assignment, exercise.name)
    row.bank = len(mine)
    found, hinted, wrong = Counter(), Counter(), Counter()
    for seeds in gradings(exercise, count):
        expected = expect(exercise, source.load_reference(row.assignment), seeds)
        known = source.mistakes_for(row.assignment, exercise, seeds)
        for m in mine:
            names = source.load_mutant(row.assignment, m)
            runs = run_cases(exercise, LocalNamespace(names), seeds)
            verdict = judge(exercise, expected, runs, partial(tuple, known))
            allowed = {m.name, *m.same_as, *(o.name for o in mine if m.name in o.same_as)}
            given = {match.name for match in verdict.matches}
            found[m.name] += verdict.outcome != "pass"
            hinted[m.name] += bool(given) and given <= allowed
            wrong[m.name] += not given <= allowed
            if verdict.outcome == "pass":
                row.notes.append(f"not found with the seeds {seeds}: {m.name}")
            elif not given or not given <= allowed:
                row.notes.append(f"{m.name} got the hint {sorted(given)} with the seeds {seeds}")
    row.found = sum(found[m.name] == count for m in mine)
    row.hints = sum(hinted[m.name] == count for m in mine)
    row.wrong_hints = sum(wrong[m.name] > 0 for m in mine)


def measure_variants(row: Row, exercise: Exercise, count: int) -> None:
    """Judge every variant that redefines something that the exercise calls, on fresh seeds."""
    reference = source.load_reference(row.assignment)
    touching = {}
    for label, text in source.load_variants(row.assignment).items():
        names = source.load_variant(row.assignment, text)
        functions = "|".join((exercise.name, *exercise.uses))
        if re.search(rf"^(?:def|class) (?:{functions})\b", text, re.MULTILINE):
            touching[label] = names
    row.variants, row.seeds, row.accepted = len(touching), count, len(touching)
    refused = set()
    for seed in range(FIRST_SEED, FIRST_SEED + count):
        expected = expect(exercise, reference, [seed])
        for label, names in touching.items():
            if label in refused:
                continue
            verdict = judge(exercise, expected, run_cases(exercise, LocalNamespace(names), [seed]))
            if verdict.outcome != "pass":
                refused.add(label)
                row.accepted -= 1
                row.notes.append(f"variant {label} is refused with seed {seed}: {verdict.message}")


class Expectations:
    """Right outputs by exercise, seed and case, worked out once."""

    def __init__(self, assignment: str):
        self._reference = source.load_reference(assignment)
        self._known: dict[tuple[str, int, str], Expected] = {}

    def get(self, exercise: Exercise, seed: int, case: str) -> Expected:
        key = exercise.name, seed, case
        if key not in self._known:
            self._known[key] = expect_case(exercise, self._reference, seed, case)
        return self._known[key]


def refuses(exercise: Exercise, right: Expected, run: Run) -> bool:
    """Whether anything in one case costs points."""
    if run.failure or run.changed:
        return True
    return not all(
        compare_output(exercise, right, output, run.outputs[output]).ok for output in right.outputs
    )


def notices(
    exercises: Mapping[str, Exercise], known: Expectations, name: str, names: Mapping[str, Any]
) -> bool:
    """Whether a probe of the exercise, or of one that builds on it, refuses ``names``."""
    concerned = [e for e in exercises.values() if name == e.name or name in e.uses]
    concerned.sort(key=lambda e: e.name != name)
    for exercise in concerned:
        count = MUTANT_SEEDS if exercise.needs_reference else 1
        for seed in range(FIRST_SEED, FIRST_SEED + count):
            for case in exercise.cases:
                right = known.get(exercise, seed, case)
                try:
                    with at_most(SLOW_SECONDS):
                        run = run_case(exercise, LocalNamespace(names), seed, case)
                except TooSlow:
                    return True
                if refuses(exercise, right, run):
                    return True
    return False


def measure_mutants(row: Row, exercises: Mapping[str, Exercise], exercise: Exercise) -> None:
    """Change the solution cell in every systematic way; note what nobody notices."""
    known, left = Expectations(row.assignment), set()
    for label, text in mutants(source.solution_cell(row.assignment, exercise.name).source):
        row.mutants += 1
        try:
            with at_most(SLOW_SECONDS):
                names = source.load_variant(row.assignment, text)
        except Exception:  # a cell that does not run defines nothing
            row.mutants_found += 1
            continue
        if notices(exercises, known, exercise.name, names):
            row.mutants_found += 1
        else:
            left.add(label)
    reasons = equivalent(row.assignment).get(exercise.name, {})
    row.equivalent = len(left & set(reasons))
    row.notes += [f"mutant not found: {label}" for label in sorted(left - set(reasons))]
    row.notes += [f"listed as equivalent, but found: {x}" for x in sorted(set(reasons) - left)]


def measure(assignment: str, name: str, seeds: int = SEEDS, count: int = GRADINGS) -> Row:
    """Everything about one exercise; ``seeds`` and ``count`` are cut for one that trains."""
    warnings.simplefilter("ignore")
    resource.setrlimit(
        resource.RLIMIT_AS, (MEMORY_BYTES, resource.getrlimit(resource.RLIMIT_AS)[1])
    )
    start = time.monotonic()
    exercises = load(assignment)
    exercise = exercises[name]
    if not exercise.needs_reference:
        seeds, count = min(seeds, TRAINING_SEEDS), min(count, TRAINING_GRADINGS)
    row = Row(assignment, name)
    measure_bank(row, exercise, count)
    measure_variants(row, exercise, seeds)
    measure_mutants(row, exercises, exercise)
    row.seconds = round(time.monotonic() - start, 1)
    return row


HEAD = (
    f"{'exercise':32} {'bank':>7} {'hints':>7} {'wrong':>6} {'variants':>9} {'seeds':>6} "
    f"{'mutants':>9} {'equiv.':>6} {'s':>6}"
)


def line(row: Row) -> str:
    return (
        f"{row.exercise:32} {f'{row.found}/{row.bank}':>7} {f'{row.hints}/{row.found}':>7} "
        f"{row.wrong_hints:>6} {f'{row.accepted}/{row.variants}':>9} {row.seeds:>6} "
        f"{f'{row.mutants_found}/{row.mutants}':>9} {row.equivalent:>6} {row.seconds:>6.0f}"
    )


def inputs_hash(assignment: str) -> str:
    """A hash of all that the figures of an assignment follow from."""
    folder = source.source_path(assignment).parent
    files = [folder / "variants.py", folder / "equivalent.py", Path(mutants_file)]
    digest = hashlib.sha256(source.bank_hash(assignment).encode())
    for file in files:
        if file.is_file():
            digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def write(rows: list[Row], path: Path = FIGURES) -> None:
    """Put rows into the file that the book reads; exercises that train are not in it.

    Measuring those takes many training runs, so their figures are printed and not kept.
    """
    rows = [r for r in rows if load(r.assignment)[r.exercise].needs_reference]
    known = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    for assignment in {row.assignment for row in rows}:
        mine = [asdict(r) for r in rows if r.assignment == assignment]
        for entry in mine:
            del entry["seconds"], entry["notes"], entry["assignment"]
        known[assignment] = {"hash": inputs_hash(assignment), "exercises": mine}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(dict(sorted(known.items())), indent=1) + "\n", "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("assignments", nargs="*", default=source.assignments())
    parser.add_argument("--exercise", action="append", help="only this one (may be repeated)")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="fresh seeds for the variants")
    parser.add_argument("--gradings", type=int, default=GRADINGS, help="of every misconception")
    parser.add_argument("--exact", action="store_true", help="leave out exercises that train")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--write", action="store_true", help=f"write {FIGURES.name} for the book")
    chosen = parser.parse_args()
    tasks = [
        (assignment, name, chosen.seeds, chosen.gradings)
        for assignment in chosen.assignments
        for name, exercise in load(assignment).items()
        if not chosen.exercise or name in chosen.exercise
        if exercise.needs_reference or not chosen.exact
    ]
    rows = []
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(chosen.jobs, context) as pool:
        for row in pool.map(measure, *zip(*tasks, strict=True)):
            if not rows or rows[-1].assignment != row.assignment:
                print(f"\n{row.assignment}\n{HEAD}")
            rows.append(row)
            print(line(row), flush=True)
            for note in row.notes:
                print(f"    {note}", flush=True)
    total = Row("", "all")
    for key in asdict(total):
        if isinstance(getattr(total, key), int | float) and key != "seeds":
            setattr(total, key, sum(getattr(row, key) for row in rows))
    print(f"\n{HEAD}\n{line(total)}")
    if chosen.write and not chosen.exercise:
        write(rows)
    return 0 if all(row.ok for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
