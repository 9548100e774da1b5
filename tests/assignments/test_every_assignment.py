"""What holds for every assignment: its probes, its bank, its variants, its notebook.

``make graders`` measures the same with many more seeds; here is enough to see a mistake.
"""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from typing import Any

import graders
import pytest

from autograder import source
from autograder.release import visible_checks
from unrolled.exercise import Exercise, load
from unrolled.judge import expect, judge, run_cases, same_mistake
from unrolled.namespace import LocalNamespace

BOOK = source.ROOT / "book"
ASSIGNMENTS = source.assignments()
EXERCISES = [(a, e) for a in ASSIGNMENTS for e in load(a)]
EXACT = [(a, e) for a, e in EXERCISES if load(a)[e].needs_reference]
TRAINING = [pair for pair in EXERCISES if pair not in EXACT]

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")

each_assignment = pytest.mark.parametrize("assignment", ASSIGNMENTS)
each_exercise = pytest.mark.parametrize(("assignment", "name"), EXERCISES)
each_exercise_apart = pytest.mark.parametrize(
    ("assignment", "name"),
    [pytest.param(*p, marks=[pytest.mark.training] if p in TRAINING else []) for p in EXERCISES],
)
"""Those that train take minutes: `make test-training` runs them."""
each_exact_exercise = pytest.mark.parametrize(("assignment", "name"), EXACT)
each_training = pytest.mark.parametrize(("assignment", "name"), TRAINING)


def exercise_of(assignment: str, name: str) -> Exercise:
    return load(assignment)[name]


def row(assignment: str, name: str) -> graders.Row:
    return graders.Row(assignment, name)


# --- right work, known mistakes, mutants ---------------------------------------------------------


@each_exercise
def test_the_reference_gets_all_points(assignment, name):
    exercise, names = exercise_of(assignment, name), source.load_reference(assignment)
    seeds = tuple(range(77, 77 + exercise.seeds))
    runs = run_cases(exercise, LocalNamespace(names), seeds)
    found = judge(exercise, expect(exercise, names, seeds), runs)
    assert (found.outcome, found.points) == ("pass", exercise.points), found.message


@each_exercise_apart
def test_every_misconception_is_refused_with_its_own_hint(assignment, name):
    measured = row(assignment, name)
    graders.measure_bank(measured, exercise_of(assignment, name), 1)
    assert measured.notes == []
    assert measured.found == measured.hints == measured.bank >= 4


@each_exercise_apart
def test_every_correct_variant_gets_all_points(assignment, name):
    exercise, measured = exercise_of(assignment, name), row(assignment, name)
    graders.measure_variants(measured, exercise, 2 if exercise.needs_reference else 1)
    assert measured.notes == []
    assert measured.accepted == measured.variants >= 5


@each_exact_exercise
def test_every_mutation_that_changes_something_is_found(assignment, name):
    measured = row(assignment, name)
    graders.measure_mutants(measured, load(assignment), exercise_of(assignment, name))
    assert measured.notes == []
    assert measured.mutants >= 5


@each_assignment
def test_reasons_are_given_for_exercises_that_exist(assignment):
    assert set(graders.equivalent(assignment)) <= set(load(assignment))


# --- the bank -------------------------------------------------------------------------------------


@lru_cache
def visible(assignment: str) -> Any:
    return visible_checks(assignment, "book")


@each_exact_exercise
def test_visible_mistakes_are_wrong_and_no_two_are_alike(assignment, name):
    exercise, checks = exercise_of(assignment, name), visible(assignment)
    own = graders.own(assignment, name)
    known, expected = checks.mistakes[name][: len(own)], checks.expected[name]
    allowed = {frozenset((m.name, other)) for m in own for other in m.same_as}
    for i, a in enumerate(known):
        for b in known[i + 1 :]:
            alike = all(
                same_mistake(exercise, right, output, a.runs[key], b.runs[key])
                for key, right in expected.items()
                for output in right.outputs
            )
            assert not alike or frozenset((a.match.name, b.match.name)) in allowed


@each_assignment
def test_names_and_hints_are_in_order(assignment):
    misconceptions = source.load_misconceptions(assignment)
    for m in misconceptions:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", m.name), m.name
        assert 30 <= len(m.hint) <= 300, m.name
        assert m.hint[-1] in ".?)", m.name
        assert "np." not in m.hint, m.name
        assert m.exercise in load(assignment), m.name
    for name in load(assignment):
        names = [m.name for m in misconceptions if m.exercise == name]
        assert len(set(names)) == len(names)


def solution_lines(assignment: str, exercise: str) -> list[str]:
    text = source.solution_cell(assignment, exercise).source
    body = " ".join(re.findall(r"### BEGIN SOLUTION(.*?)### END SOLUTION", text, re.DOTALL))
    return [re.sub(r"\s", "", line.split("#")[0]) for line in body.splitlines() if line.strip()]


@each_assignment
def test_no_hint_quotes_the_solution(assignment):
    for m in source.load_misconceptions(assignment):
        hint = re.sub(r"\s", "", m.hint)
        for text in solution_lines(assignment, m.exercise):
            _, _, value = text.partition("=")
            for piece in (text, value):
                assert len(piece) < 8 or piece not in hint, (m.name, piece)


@each_assignment
def test_links_lead_to_sections_of_the_book(assignment):
    links = {m.link for m in source.load_misconceptions(assignment)}
    links |= {e.link for e in load(assignment).values()}
    notebook = "\n".join(c.source for c in source.read_cells(assignment))
    links |= set(re.findall(r"\{BOOK\}/([^)\s]+)", notebook))
    for link in links:
        page, _, anchor = link.partition("#")
        text = (BOOK / page).with_suffix(".md").read_text("utf-8")
        assert not anchor or f"({anchor})=" in text, link


# --- the notebook ---------------------------------------------------------------------------------


@each_assignment
def test_points_in_the_headings_are_the_real_ones(assignment):
    text = "\n".join(c.source for c in source.read_cells(assignment))
    stated = dict(re.findall(r"### Exercise \d+: `(\w+)` \(([\d.]+) points?\)", text))
    assert {n: float(p) for n, p in stated.items()} == {
        e.name: e.points for e in load(assignment).values()
    }
    written = [c for c in source.read_cells(assignment) if c.kind == "written"]
    assert written
    for cell in written:
        assert f"({cell.points:.0f} points)" in text
        assert cell.source.startswith("### BEGIN SOLUTION")
        assert cell.source.rstrip().endswith("### END SOLUTION")


@each_exercise
def test_every_function_has_a_docstring_with_shapes(assignment, name):
    tree = ast.parse(source.solution_cell(assignment, name).source)
    (defined,) = [n for n in tree.body if getattr(n, "name", "") == name]
    functions = [defined]
    if isinstance(defined, ast.ClassDef):
        assert ast.get_docstring(defined)
        functions = [n for n in defined.body if isinstance(n, ast.FunctionDef) and n.name[0] != "_"]
    for function in functions:
        text = ast.get_docstring(function)
        assert "Args:" in text
        assert "Returns:" in text
        for argument in function.args.args:
            if argument.arg != "self":
                assert re.search(rf"\b{argument.arg}\b", text), (name, argument.arg)


def stub(cell: source.Cell) -> str:
    solution = re.compile(r"### BEGIN SOLUTION.*?### END SOLUTION", re.DOTALL)
    return solution.sub("raise NotImplementedError()", cell.source)


@each_assignment
def test_the_notebook_explains_itself_before_anything_is_solved(assignment, capsys, monkeypatch):
    from unrolled import plot

    monkeypatch.setattr(plot, "show", lambda fig, alt: None)
    cells = [
        c
        for c in source.read_cells(assignment)
        if c.cell_type == "code" and c.kind not in ("check", "written")
    ]
    source.execute((stub(c) for c in cells), assignment)
    said = capsys.readouterr().out.splitlines()
    missing = [re.match(r"This cell needs (\w+), which is not written yet\.", s) for s in said]
    known = {m[1] for m in missing if m}
    assert known
    assert known <= {*load(assignment), "forward", "encode", "greedy", "__init__"}


@each_training
def test_a_visible_check_that_trains_says_how_long_it_takes(assignment, name):
    text = "\n".join(c.source for c in source.read_cells(assignment))
    after = text.split(f"`{name}` (")[1]
    assert re.search(r"\bseconds\b", after.split("### Exercise")[0]), name
