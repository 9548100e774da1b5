"""Chapter 2: its cells run, and what the text says about the results is so."""

import numpy as np
import pytest
import torch
from chapters import EveryChapter

CHAPTER = "02-vanilla-rnn"
DERIVATIVES, BOXES = 3, 3
LINKED_BY_THE_ASSIGNMENT = [
    "one-step",
    "unrolled-sequence",
    "shapes-of-the-step",
    "output-layer",
    "loss-per-step",
    "why-tanh",
    "initial-state",
]

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group(CHAPTER)]


class TestPage(EveryChapter):
    pass


@pytest.mark.slow
def test_there_are_figures(page):
    assert len(page.shown) >= 6


def test_step_is_that_of_torch_and_of_its_sigmoid_twin(variables):
    np.testing.assert_allclose(variables["out"].numpy(), variables["ours"], atol=1e-10, rtol=0)
    twin = variables["states"](
        variables["xs"].transpose(1, 0, 2),
        (variables["h0"] + 1) / 2,
        *(2 * variables["W_x"], 4 * variables["W_h"]),
        2 * variables["b"] - 2 * variables["W_h"].sum(axis=0),
        squash=variables["logistic"],
    )
    for t, s in enumerate(twin):
        np.testing.assert_allclose(2 * s - 1, variables["ours"][:, t], atol=1e-13)


def test_relu_grows_sigmoid_forgets_and_tanh_lies_between(variables):
    sizes, slopes = variables["sizes"], variables["slopes"]
    assert max(sizes["tanh"]) < 1
    assert max(sizes["sigmoid"]) < 1
    assert sizes["ReLU"][-1] > 1000
    assert slopes["sigmoid"][-1] < 1e-8 < 1 < slopes["tanh"][-1] < slopes["ReLU"][-1]


def test_sigmoid_learns_from_the_twin_start_only(variables):
    at_ten = {name: np.mean(rows[1]) for name, rows in variables["learned"].items()}
    assert at_ten["tanh"] > 0.9
    assert max(variables["learned"]["sigmoid"][1]) < 0.4
    assert at_ten["sigmoid, twin start"] > 0.8


def test_time_and_memory_grow_in_proportion(variables):
    table = variables["table"]
    bytes_per_step = {n: kept / n for n, (kept, _) in table.items()}
    assert max(bytes_per_step.values()) < 1.05 * min(bytes_per_step.values())
    assert all(row == 3 * n for n, (_, row) in table.items())


def test_output_recurrence_knows_parity_but_not_delay(variables):
    right = variables["right"]
    assert right["parity", "output_recurrent"] > 0.99
    assert right["delay", "hidden_recurrent"] > 0.99
    assert right["delay", "output_recurrent"] == pytest.approx(0.5, abs=0.03)


def test_teacher_forcing_ends_at_the_relative_frequencies(variables):
    torch.testing.assert_close(variables["fitted"], variables["frequencies"], atol=1e-6, rtol=0)


def test_exercise_answers_of_chapter_2():
    def more_than_half(h):
        return h * h > 201 * h + 100

    assert not more_than_half(201)
    assert more_than_half(202)
    h = 1.0
    for _ in range(100_000):
        h = np.tanh(h)
    assert h == pytest.approx(np.sqrt(3 / 200_000), rel=1e-3)
