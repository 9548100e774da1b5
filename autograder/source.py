"""Read ``solutions/aN_x/``: the notebook source, the reference, the misconceptions, the variants.

The notebook source is a script in jupytext's percent format. The metadata of a cell says what it
is: ``exercise="name"`` (a solution), ``check="name"`` (its visible check), ``locked="name"`` (code
that students may not change), ``free="name"`` (code that they may change), ``written="name"``
with ``points=`` (an answer that a person marks); Markdown without metadata is locked text.
"""

from __future__ import annotations

import ast
import hashlib
import linecache
import runpy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import jupytext
import numpy as np

from autograder.course import CourseError
from unrolled.exercise import Exercise
from unrolled.exercise import load as load_exercises
from unrolled.judge import Mistake, mistake
from unrolled.verdict import Match

ROOT = Path(__file__).resolve().parent.parent
SOLUTIONS = ROOT / "solutions"
KINDS = ("exercise", "check", "locked", "free", "written")


@dataclass(frozen=True)
class Cell:
    """One cell of the notebook source. ``kind`` is one of ``KINDS`` or ``"text"``."""

    kind: str
    name: str
    cell_type: str
    source: str
    points: float = 0.0


@dataclass(frozen=True)
class Misconception:
    """The reference with one piece of one source line replaced: a mistake that people make.

    Attributes:
        exercise: whose solution cell is changed.
        name: kebab-case, unique within the exercise.
        find: text that stands exactly once in that cell, within one line.
        replace: what stands there instead.
        hint: what a student is told; it leads and does not give the answer away.
        link: page and anchor of the book, relative to its root.
        same_as: names of misconceptions of the exercise that no input can tell from this one.
    """

    exercise: str
    name: str
    find: str
    replace: str
    hint: str
    link: str
    same_as: tuple[str, ...] = ()


class SourceError(CourseError):
    """Something under ``solutions/`` is not as it must be; the message says where and what."""


def assignments() -> list[str]:
    """The names of all assignments, for example ``["a1_rnn"]``."""
    return sorted(p.parent.name for p in SOLUTIONS.glob("*/*.py") if p.stem == p.parent.name)


def source_path(assignment: str) -> Path:
    """The notebook source of an assignment.

    Raises:
        SourceError: there is no such assignment.
    """
    path = SOLUTIONS / assignment / f"{assignment}.py"
    if not path.is_file():
        known = ", ".join(assignments()) or "none"
        raise SourceError(f"There is no assignment {assignment!r}. Known assignments: {known}.")
    return path


@lru_cache(maxsize=16)
def read_cells(assignment: str) -> tuple[Cell, ...]:
    """The cells of the notebook source in order.

    Raises:
        SourceError: unknown assignment, a cell without a kind, or a kind used twice for one name.
    """
    path = source_path(assignment)
    notebook = jupytext.reads(path.read_text("utf-8"), fmt="py:percent")
    cells = []
    for number, raw in enumerate(notebook.cells, 1):
        kind = next((k for k in KINDS if k in raw.metadata), None)
        if kind is None and raw.cell_type != "markdown":
            raise SourceError(f"{path.name}: code cell {number} has none of {', '.join(KINDS)}.")
        name = raw.metadata[kind] if kind else f"text_{number:02d}"
        points = float(raw.metadata.get("points", 0))
        cells.append(Cell(kind or "text", name, raw.cell_type, raw.source, points))
    names = [(c.kind, c.name) for c in cells]
    if doubled := {n for n in names if names.count(n) > 1}:
        raise SourceError(f"{path.name}: used twice: {sorted(doubled)}.")
    return tuple(cells)


def solution_cell(assignment: str, exercise: str) -> Cell:
    """The solution cell of an exercise; raises SourceError if there is none."""
    for cell in read_cells(assignment):
        if (cell.kind, cell.name) == ("exercise", exercise):
            return cell
    raise SourceError(f"{assignment} has no solution cell for {exercise!r}.")


def execute(sources: Iterable[str], label: str, names: dict[str, Any] | None = None) -> dict:
    """Run sources in order in one namespace, which is returned.

    ``check`` calls are not part of the sources; ``label`` names the code in tracebacks.
    """
    names = {"__name__": "__main__"} if names is None else names
    for i, source in enumerate(sources):
        filename = f"<{label} {i}>"
        linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
        exec(compile(source, filename, "exec"), names)  # our own files under solutions/
    return names


@lru_cache(maxsize=16)
def load_reference(assignment: str) -> Mapping[str, Any]:
    """The namespace of the reference: setup and solution cells, executed in order."""
    return execute(_reference_sources(assignment), assignment)


@lru_cache(maxsize=1024)
def load_mutant(assignment: str, m: Misconception) -> Mapping[str, Any]:
    """The namespace of the reference with one misconception in it."""
    sources = _reference_sources(assignment, {m.exercise: mutate(assignment, m)})
    return execute(sources, f"{assignment} {m.name}")


def load_variant(assignment: str, source: str) -> Mapping[str, Any]:
    """The namespace of the reference with ``source`` executed after it."""
    return execute([*_reference_sources(assignment), source], f"{assignment} variant")


def _reference_sources(assignment: str, changed: Mapping[str, str] | None = None) -> list[str]:
    changed = changed or {}
    return [
        changed.get(cell.name, cell.source) if cell.kind == "exercise" else cell.source
        for cell in read_cells(assignment)
        if cell.cell_type == "code" and cell.kind in ("locked", "exercise")
    ]


def mutate(assignment: str, m: Misconception) -> str:
    """The solution cell with the misconception in it.

    Raises:
        SourceError: ``find`` does not stand exactly once, spans lines, or the result is no Python.
    """
    source = solution_cell(assignment, m.exercise).source
    where = f"{assignment}: misconception {m.exercise}/{m.name}"
    if source.count(m.find) != 1:
        raise SourceError(f"{where}: {m.find!r} stands {source.count(m.find)} times, not once.")
    if "\n" in m.find.strip("\n"):
        raise SourceError(f"{where}: {m.find!r} is more than one line.")
    changed = source.replace(m.find, m.replace)
    try:
        ast.parse(changed)
    except SyntaxError as error:
        raise SourceError(f"{where}: the replaced source is not Python: {error}") from error
    return changed


@lru_cache(maxsize=16)
def load_misconceptions(assignment: str) -> tuple[Misconception, ...]:
    """``MISCONCEPTIONS`` of ``solutions/aN_x/misconceptions.py``."""
    return tuple(_private(assignment, "misconceptions.py")["MISCONCEPTIONS"])


def load_variants(assignment: str) -> dict[str, str]:
    """``VARIANTS`` of ``solutions/aN_x/variants.py``: correct solutions in other styles."""
    return dict(_private(assignment, "variants.py")["VARIANTS"])


def _private(assignment: str, name: str) -> dict[str, Any]:
    return runpy.run_path(str(source_path(assignment).with_name(name)))


def mistakes_for(
    assignment: str, exercise: Exercise, seeds: Iterable[int], *, inherited: bool = True
) -> list[Mistake]:
    """What the misconceptions of an exercise, and of those it builds on, return for ``seeds``.

    A misconception of an earlier exercise is listed after the exercise's own: a function that
    calls an earlier one inherits its mistake. Not for an exercise that trains: a bound on a loss
    hardly tells mistakes apart, and each of them would cost a training run.

    Args:
        inherited: take the misconceptions of earlier exercises too.
    """
    seeds = list(seeds)
    own = [m for m in load_misconceptions(assignment) if m.exercise == exercise.name]
    earlier = [
        m
        for m in load_misconceptions(assignment)
        if inherited and m.exercise in exercise.uses and exercise.needs_reference
    ]
    found = []
    for m in [*own, *earlier]:
        hint = m.hint
        if m.exercise != exercise.name:
            hint = f"This comes from {m.exercise}, which this one builds on. {m.hint}"
        match = Match(m.name, hint, m.link)
        with np.errstate(all="ignore"):
            found.append(mistake(exercise, match, load_mutant(assignment, m), seeds))
    return found


def bank_hash(assignment: str) -> str:
    """A hash of all that decides which answers are right.

    That is the notebook source, the misconceptions, the probes, and what compares.
    """
    folder = source_path(assignment).parent
    probes = ROOT / "unrolled" / "exercises" / f"{assignment}.py"
    code = code_behind(probes, ROOT / "unrolled" / "judge.py")
    return _digest([folder / f"{assignment}.py", folder / "misconceptions.py", *code])


@cache
def grader_hash() -> str:
    """A hash of the code that reads a submission, runs it and gives the marks."""
    grader = ROOT / "autograder"
    return _digest(code_behind(grader / "judge.py", grader / "sandbox" / "zygote.py"))[:12]


@cache
def code_behind(*roots: Path) -> tuple[Path, ...]:
    """The modules of this repository that ``roots`` import, directly or not, and ``roots``."""
    found: set[Path] = set()
    waiting = list(roots)
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imported_by(path)
    return tuple(sorted(found))


def _imported_by(path: Path) -> list[Path]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    places = [ROOT.joinpath(*name.split(".")) for name in names]
    files = [f for p in places for f in (p.with_suffix(".py"), p / "__init__.py")]
    return [f for f in files if f.is_file()]


def _digest(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def max_points(assignment: str) -> float:
    """The points that the grader gives at most (written answers not counted)."""
    return sum(e.points for e in load_exercises(assignment).values())
