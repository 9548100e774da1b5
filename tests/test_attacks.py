"""A fast part of the corpus: a case of every kind, each between gradings of an honest student.

``make attacks`` runs all of it, with the limits as they are.
"""

import json

import pytest
from submissions import CASES
from submissions.arena import Arena
from submissions.stock import KINDS

from autograder import source
from autograder.sandbox import limits

FAST = [
    "honest_torch",
    "honest_warnings",
    "honest_syntax_error_in_one",
    "odd_builtins_shadowed_at_the_end",
    "odd_warnings_are_errors_at_the_end",
    "odd_magics",
    "odd_named_tuple",
    "odd_memory_orders",
    "odd_streams",
    "patch_everything",
    "liar_in_a_tuple",
    "exfil_socket",
    "tolerate_nan_and_inf",
    "exit_in_function",
    "infinite_loop",
    "memory_hog_4gb",
    "segfault",
    "background_survivor",
    "tag_skip_execution",
    "change_grade_id",
    "no_nbgrader_metadata",
    "broken_json",
    "json_odd_values",
    "symlink_to_source",
    "notebook_is_a_pipe",
    "write_gradebook",
    "pipe_garbage",
    "pipe_one_blob_many_arrays",
    "pipe_strided_without_axes",
    "pipe_answer_in_advance",
    "pipe_odd_changes",
    "pipe_forked",
    "zygote_signals",
    "zygote_ptrace",
    "zygote_namespaces",
    "wall_memfd_and_shm",
    "wall_sockets_full_of_data",
    "wall_inodes",
    "torch_hidden_in_a_cell",
    "tensor_of_every_kind",
    "tensor_subclass_that_lies",
    "pipe_generators",
    "helpers_replaced",
    "kept_object_of_another_kind",
    "stand_ins_recorded",
    "stand_ins_help_the_honest",
    "page_outputs",
    "page_type_names",
    "page_student_name_markup",
]


pytestmark = pytest.mark.xdist_group("attacks")  # one warm sandbox for all


@pytest.fixture(scope="module")
def arena():
    with Arena() as made:
        yield made


@pytest.fixture(autouse=True)
def short_limits(monkeypatch):
    monkeypatch.setattr(limits, "EXERCISE_SECONDS", 2.0)
    monkeypatch.setattr(limits, "CELL_SECONDS", 3.0)


@pytest.mark.parametrize("name", FAST)
def test_case(arena, name):
    outcome = arena.run(CASES[name])
    assert outcome.faults == []


def test_every_case_says_what_is_right():
    for case in CASES.values():
        assert case.text.endswith("."), case.name
        assert 0 <= case.just[0] <= case.just[1] <= 34, case.name


def test_the_time_of_cells_is_bounded_whatever_they_define(arena, monkeypatch):
    monkeypatch.setattr(limits, "CELLS_SECONDS", 2.0)
    monkeypatch.setattr(limits, "CELL_SECONDS", 1.0)
    outcome = arena.run(CASES["slow_definitions"])
    assert outcome.result is not None
    assert outcome.seconds < 60  # three hundred definitions take 270 s
    assert "was not reached within the time of all cells" in " ".join(outcome.result.notes)


def test_the_book_shows_the_cases_as_they_are():
    """The page for instructors shows what a run has found; these are the cases that it was about.

    ``python tests/attacks.py --only NAME --table book/_data/attacks.json`` enters one that changed.
    """
    shown = json.loads((source.ROOT / "book" / "_data" / "attacks.json").read_text("utf-8"))
    for grader in ("ours", "stock"):
        assert set(shown[grader]["outcomes"]) <= set(CASES)
    for name, outcome in shown["ours"]["outcomes"].items():
        case, kept = CASES[name], shown["cases"][name]
        assert (kept["text"], kept["just"]) == (case.text, list(case.just)), name
        assert outcome["said"] == [], name
    assert set(shown["ours"]["outcomes"]) == set(CASES)
    assert len(shown["stock"]["outcomes"]) > 60
    assert {k for o in shown["stock"]["outcomes"].values() for k, _ in o["said"]} <= set(KINDS)
