"""Chapters 1 and 2: their cells run, and what the text says about the results is so."""

import re
from pathlib import Path

import jupytext
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from unrolled import gradcheck, plot

CHAPTERS = Path(__file__).parents[2] / "book" / "chapters"
NAMES = ("01-sequences", "02-vanilla-rnn")
ANCHORS = {  # the assignment links to these
    "02-vanilla-rnn": (
        "one-step",
        "unrolled-sequence",
        "shapes-of-the-step",
        "output-layer",
        "loss-per-step",
        "why-tanh",
        "initial-state",
    )
}

pytestmark = pytest.mark.slow


def run(name):
    """Execute the code cells of a chapter in one namespace; also returns the figures' alt texts."""
    shown = []
    notebook = jupytext.read(CHAPTERS / f"{name}.md", fmt="md:myst")
    namespace = {"__name__": name}
    dtype, threads = torch.get_default_dtype(), torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch, plt.rc_context():
        patch.setattr(plot, "display", lambda bundle, raw: shown.append(bundle["text/plain"]))
        patch.setattr(plt, "show", lambda: None)
        try:
            for cell in notebook.cells:
                if cell.cell_type == "code":
                    exec(compile(cell.source, f"{name}.md", "exec"), namespace)
        finally:
            torch.set_default_dtype(dtype)
            torch.set_num_threads(threads)
            plt.close("all")
    return namespace, shown


@pytest.fixture(scope="module")
def first():
    return run("01-sequences")


@pytest.fixture(scope="module")
def second():
    return run("02-vanilla-rnn")


# --- chapter 1 ---------------------------------------------------------------------------------


def test_a_longer_past_helps_only_in_order(first):
    ns, _ = first
    flow, shuffled, error = ns["flow"], ns["shuffled"], ns["window_error"]
    assert len(flow) == 16 * 7 * 24
    in_order = [error(flow, k) for k in (1, 2, 3, 24)]
    assert in_order == sorted(in_order, reverse=True)
    assert in_order[0] < flow.std() / 2
    for k in (1, 2, 3, 24):
        assert error(shuffled, k) == pytest.approx(flow.std(), rel=0.05)


def test_a_window_is_perfect_up_to_its_length_and_guesses_beyond(first):
    score = first[0]["best_window_accuracy"]
    for k in (2, 4, 6):
        assert score(k, k) == 1.0
        assert score(k, k + 1) < 0.58


def test_networks_that_found_the_rule_keep_it_at_every_length(first):
    rows = first[0]["accuracy"].values()
    found = [row for row in rows if row[0] == 1.0]
    assert len(rows) == 5
    assert 2 <= len(found) <= 4  # the text needs some of both
    assert all(row == [1.0] * 4 for row in found)
    assert all(row[-1] < 0.65 for row in rows if row not in found)


def test_one_shared_model_needs_fewer_sequences(first):
    ns, _ = first
    assert ns["separate_error"][0] > 1.5
    assert ns["separate_error"] == sorted(ns["separate_error"], reverse=True)
    assert all(error == pytest.approx(1.0, abs=0.05) for error in ns["shared_error"])


def test_memory_grows_with_the_state_and_stays_below_its_size(first):
    curves = first[0]["curves"]
    reach = [np.flatnonzero(scores > 0.5).max() for scores in curves.values()]
    assert reach == sorted(set(reach))
    for units, scores in curves.items():
        assert scores[0] > 0.95
        assert scores[-1] < 0.05
        assert scores.sum() < units


def test_convolutions_see_neighbours_and_recurrence_the_past(first):
    shallow, deep, recurrent = (m.numpy() > 0 for m in first[0]["reach"].values())
    place = np.subtract.outer(np.arange(24), np.arange(24))
    assert np.array_equal(shallow, abs(place) <= 1)
    assert np.array_equal(deep, abs(place) <= 4)
    assert np.array_equal(recurrent, place >= 0)


def test_recursion_of_the_hidden_markov_model_is_the_sum_over_all_paths(first):
    ns, _ = first
    assert ns["recursive"] == pytest.approx(ns["enumerated"], rel=1e-13)
    assert np.all(
        list(ns["beliefs"](ns["long_record"]))[-1] == 0
    )  # the exercise says it underflows
    assert np.isfinite(ns["log_p"])
    short = ns["long_record"][:50]
    arrived, total = ns["start"], 0.0
    for symbol in short:
        joint = arrived * ns["emit"][:, symbol]
        total += np.log(joint.sum())
        arrived = joint / joint.sum() @ ns["move"]
    assert total == pytest.approx(np.log(list(ns["beliefs"](short))[-1].sum()))


def test_shapes_have_the_lengths_of_the_table(first):
    lengths = {name: len(outputs) for name, outputs in first[0]["shapes"].items()}
    assert lengths == {
        "one to one": 1,
        "one to many": 3,
        "many to one": 1,
        "many to many, unaligned": 2,
        "many to many, aligned": 4,
    }


def test_the_canvas_becomes_the_picture(first):
    ns, _ = first
    wrong = [int((c != ns["picture"]).sum()) for c in ns["canvases"]]
    assert wrong == sorted(set(wrong), reverse=True)
    assert wrong[-1] == 0


def test_a_chain_is_a_tree_that_grows_to_the_left(first):
    ns, _ = first
    assert np.array_equal(ns["state"], ns["left_tree"](ns["leaves"]))
    assert np.abs(ns["state"] - ns["balanced"](ns["leaves"])).max() > 0.1
    assert [ns["depth"](n) for n in (1, 2, 3, 8)] == [0, 1, 2, 3]


# --- chapter 2 ---------------------------------------------------------------------------------


def test_displayed_slopes_were_compared(second):
    assert {"eq-d-tanh-slope", "eq-d-sigmoid", "eq-d-relu"} <= set(gradcheck.compared)


def test_step_is_that_of_torch_and_of_its_sigmoid_twin(second):
    ns, _ = second
    np.testing.assert_allclose(ns["out"].numpy(), ns["ours"], atol=1e-10, rtol=0)
    twin = ns["states"](
        ns["xs"].transpose(1, 0, 2),
        (ns["h0"] + 1) / 2,
        *(2 * ns["W_x"], 4 * ns["W_h"]),
        2 * ns["b"] - 2 * ns["W_h"].sum(axis=0),
        squash=ns["logistic"],
    )
    for t, s in enumerate(twin):
        np.testing.assert_allclose(2 * s - 1, ns["ours"][:, t], atol=1e-13)


def test_relu_grows_sigmoid_forgets_and_tanh_lies_between(second):
    sizes, slopes = second[0]["sizes"], second[0]["slopes"]
    assert max(sizes["tanh"]) < 1
    assert max(sizes["sigmoid"]) < 1
    assert sizes["ReLU"][-1] > 1000
    assert slopes["sigmoid"][-1] < 1e-8 < 1 < slopes["tanh"][-1] < slopes["ReLU"][-1]


def test_sigmoid_learns_from_the_twin_start_only(second):
    at_ten = {name: np.mean(rows[1]) for name, rows in second[0]["learned"].items()}
    assert at_ten["tanh"] > 0.9
    assert max(second[0]["learned"]["sigmoid"][1]) < 0.4
    assert at_ten["sigmoid, twin start"] > 0.8


def test_time_and_memory_grow_in_proportion(second):
    table = second[0]["table"]
    bytes_per_step = {n: kept / n for n, (kept, _) in table.items()}
    assert max(bytes_per_step.values()) < 1.05 * min(bytes_per_step.values())
    assert all(row == 3 * n for n, (_, row) in table.items())


def test_output_recurrence_knows_parity_but_not_delay(second):
    right = second[0]["right"]
    assert right["parity", "output_recurrent"] > 0.99
    assert right["delay", "hidden_recurrent"] > 0.99
    assert right["delay", "output_recurrent"] == pytest.approx(0.5, abs=0.03)


def test_teacher_forcing_ends_at_the_relative_frequencies(second):
    torch.testing.assert_close(second[0]["fitted"], second[0]["frequencies"], atol=1e-6, rtol=0)


def test_exercise_answers_of_chapter_2():
    def more_than_half(h):
        return h * h > 201 * h + 100

    assert not more_than_half(201)
    assert more_than_half(202)
    h = 1.0
    for _ in range(100_000):
        h = np.tanh(h)
    assert h == pytest.approx(np.sqrt(3 / 200_000), rel=1e-3)


# --- both --------------------------------------------------------------------------------------


def test_every_figure_shown_says_what_is_seen(first, second):
    for _, shown in (first, second):
        assert len(shown) >= 6
        assert all(text.startswith("[Figure: ") and len(text) > 60 for text in shown)


@pytest.mark.parametrize("name", NAMES)
def test_chapter_has_its_parts(name):
    text = (CHAPTERS / f"{name}.md").read_text()
    for anchor in ANCHORS.get(name, ()):
        assert f"\n({anchor})=\n#" in text
    assert 3 <= text.count("```{quiz}") <= 6
    exercises = re.findall(r"\{exercise\}\n:label: (\S+)", text)
    answers = re.findall(r"\{solution(?:-start)?\} (\S+)\n:class: dropdown", text)
    assert exercises == answers
    assert 4 <= len(exercises) <= 8
    errors = text.count("{spot-the-error}")
    assert errors >= 3
    followed = re.findall(r"\{spot-the-error\}.*?\n````\n\n```\{code-cell\}", text, re.DOTALL)
    assert len(followed) == errors
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings[-4:] == ["Check yourself", "Exercises", "Summary", "Further reading"]
    assert "{admonition} The assignment" in text
