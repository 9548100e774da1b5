"""The measurement of the graders can fail; what the book says of it is of the present probes."""

from __future__ import annotations

import json

import graders
import pytest

from autograder import source
from unrolled.exercise import load

A1 = "a1_rnn"


@pytest.fixture(scope="module")
def figures() -> dict:
    return json.loads(graders.FIGURES.read_text("utf-8"))


def test_the_figures_in_the_book_are_those_of_the_present_probes(figures):
    stale = [a for a, entry in figures.items() if entry["hash"] != graders.inputs_hash(a)]
    again = f"python -m tests.graders --jobs 2 --exact --write {' '.join(stale)}"
    assert not stale, f"run: {again}"
    assert "a1_rnn" in figures
    assert set(figures) <= set(source.assignments())


def test_the_figures_are_what_the_course_promises(figures):
    for assignment, entry in figures.items():
        exact = [name for name, e in load(assignment).items() if e.needs_reference]
        assert [row["exercise"] for row in entry["exercises"]] == exact
        for row in entry["exercises"]:
            assert row["found"] == row["hints"] == row["bank"] >= 4
            assert row["wrong_hints"] == 0
            assert row["accepted"] == row["variants"] >= 5
            assert row["mutants_found"] + row["equivalent"] == row["mutants"]
            assert row["seeds"] >= graders.SEEDS
    assert sum(r["bank"] for e in figures.values() for r in e["exercises"]) >= 200


def measured(monkeypatch, function, **changed) -> graders.Row:
    """One part of the measurement with something about the assignment changed."""
    for name, value in changed.items():
        monkeypatch.setattr(source, name, value)
    exercise = load(A1)["rnn_forward"]
    row = graders.Row(A1, exercise.name)
    if function is graders.measure_mutants:
        function(row, load(A1), exercise)
    else:
        function(row, exercise, 1)
    return row


def test_a_mistake_that_is_none_is_reported(monkeypatch):
    harmless = source.Misconception(
        "rnn_forward", "harmless", "states.append(state)", "states.append(1.0 * state)", "?", "x"
    )
    row = measured(monkeypatch, graders.measure_bank, load_misconceptions=lambda a: (harmless,))
    assert (row.bank, row.found, row.hints) == (1, 0, 0)
    assert row.notes == ["not found with the seeds (10000, 10001): harmless"]
    assert not row.ok


def test_a_hint_of_another_mistake_is_reported(monkeypatch):
    one, other = [m for m in source.load_misconceptions(A1) if m.exercise == "rnn_forward"][:2]
    from dataclasses import replace

    twin = replace(one, name="twin")
    row = measured(
        monkeypatch, graders.measure_bank, load_misconceptions=lambda a: (one, twin, other)
    )
    assert (row.bank, row.found, row.hints, row.wrong_hints) == (3, 3, 2, 1)
    assert row.notes[0].startswith(f"twin got the hint ['{one.name}']")


def test_a_correct_style_that_is_refused_is_reported(monkeypatch):
    wrong = "def rnn_forward(x, h0, Wx, Wh, b):\n    return x @ Wx + b, None\n"
    row = measured(monkeypatch, graders.measure_variants, load_variants=lambda a: {"bad": wrong})
    assert (row.variants, row.accepted) == (1, 0)
    assert row.notes[0].startswith("variant bad is refused with seed 10000: h ")


def test_mutants_that_are_left_and_reasons_that_are_wrong_are_reported(monkeypatch):
    monkeypatch.setattr(graders, "equivalent", lambda a: {"rnn_forward": {"x  ->  y": "no"}})
    row = measured(monkeypatch, graders.measure_mutants)
    assert row.mutants_found < row.mutants
    assert "mutant not found: (states, cache)  ->  (cache, states)" in row.notes
    assert "listed as equivalent, but found: x  ->  y" in row.notes


def test_an_endless_mutant_is_found(monkeypatch):
    monkeypatch.setattr(graders, "SLOW_SECONDS", 0.2)
    text = "def rnn_forward(x, h0, Wx, Wh, b):\n    while True:\n        pass\n"
    names = source.load_variant(A1, text)
    known = graders.Expectations(A1)
    assert graders.notices(load(A1), known, "rnn_forward", names)
