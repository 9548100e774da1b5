"""Chapter 4, language models: its cells, its numbers, its claims, its exercises' answers."""

import json
import math
import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch
from chapters import EveryChapter, source

from unrolled import corpus

CHAPTER = "04-language-models"
DERIVATIVES, BOXES = 4, 2
LINKED_BY_THE_ASSIGNMENT = [
    "hello-by-hand",
    "embedding-lookup",
    "embedding-gradient",
    "contiguous-strips",
    "carry-and-cut",
    "truncation-bias",
    "temperature",
    "why-not-argmax",
    "why-not-the-vector",
    "perplexity",
    "training-loop",
    "clipping-preview",
]

pytestmark = pytest.mark.xdist_group(CHAPTER)


class TestPage(EveryChapter):
    pass


def test_the_unbuffered_sum_is_left_to_the_reader():
    assert "np.add.at" not in source(CHAPTER)


@pytest.mark.slow
def test_wrong_equations_are_run_and_fail(page):
    assert page.compared["mean over random cuts"] < 1e-10
    for wrong in (
        "squared error",
        "G[ids] += g",
        "mean of means",
        "mean of perplexities",
        "all losses of the window",
        "truncated is not full",
        "state reset",
        "vector fed",
    ):
        assert page.refuted[wrong] > 0.03, wrong


@pytest.mark.slow
def test_what_is_shown(page):
    assert len(page.shown) == 7  # three plots, one with sliders, three marked texts


# --- counting -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_tables_are_those_of_plain_counting(variables):
    """Witten and Bell's mixture, written with dictionaries, on a part of the held-out text."""
    text, V = corpus.standard_library(), 96
    grams = [
        Counter(text.training[i : i + n] for i in range(len(text.training) - n + 1))
        for n in (1, 2, 3)
    ]
    after, kinds = [Counter() for _ in grams], [Counter() for _ in grams]
    for n, table in enumerate(grams):
        for gram, times in table.items():
            after[n][gram[:-1]] += times
            kinds[n][gram[:-1]] += 1
    assert [len(table) for table in grams] == variables["table_size"][:3]
    total = np.zeros(3)
    for i in range(6, len(text.held_out)):
        p = 1 / V
        for n in range(3):
            gram = text.held_out[i - n : i + 1]
            if seen := after[n][gram[:-1]]:
                few = kinds[n][gram[:-1]]
                p = (grams[n][gram] + few * p) / (seen + few)
            total[n] -= math.log(p)
    assert variables["table_nats"][:3] == pytest.approx(total / (len(text.held_out) - 6), rel=1e-9)


@pytest.mark.slow
def test_longer_contexts_help_and_then_harm(variables):
    nats = variables["table_nats"]
    assert int(np.argmin(nats)) in (3, 4)
    assert nats[0] == pytest.approx(3.1, abs=0.1)
    assert nats[4] == pytest.approx(1.7, abs=0.1)
    assert 0.02 < nats[6] - nats[4] < 0.4  # "rises slightly"
    assert variables["table_size"][0] == 96
    assert variables["table_size"][6] == pytest.approx(4e5, rel=0.2)


# --- hello ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_hello(page, variables):
    assert variables["hello"]["W_x"][0] + variables["hello"]["b"] == pytest.approx(
        [1.0, -0.4, -0.1]
    )
    losses = variables["hello_losses"]
    assert losses[0] == pytest.approx(variables["hello_loss"])
    assert losses[0] > variables["floor"] > losses[100] * 5
    assert variables["floor"] == pytest.approx(0.347, abs=5e-4)
    assert "says 'ello' for 'ello'" in page.out


@pytest.mark.slow
def test_rows_and_losses(page, variables):
    assert "rows looked up equal the product: True" in page.out
    assert "id 5 of 5: ids must lie in 0..4" in page.out
    assert variables["twice"].item() == pytest.approx(math.log(math.e + 9) - 1, abs=1e-5)
    assert abs(variables["wrong_axis"] - variables["flat"]) > 0.01
    assert (variables["lost"] == 0).tolist() == [True, False, True, False, False]
    assert "e to the nats 65.0, 2 to the bits 65.0, 2 to the nats 18.1" in page.out
    assert "perplexity 1.22; exp of the mean of means 2.72; mean of perplexities 4.19" in page.out
    recurrent, out, logits_bytes = variables["cost"](40_000)
    assert out / (out + recurrent) > 0.95
    assert logits_bytes == 32 * 64 * 40_000 * 4


# --- truncation -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_strips_go_on_from_chunk_to_chunk(page, variables):
    ids = torch.arange(26)
    pairs = list(variables["chunk_pairs"](ids.unfold(0, 8, 8), 3))
    for (inputs, targets), (later, _) in pairwise(pairs):
        assert torch.equal(later[:, 0], inputs[:, -1] + 1)
        assert torch.equal(targets, inputs + 1)
    assert "chunk 2: reads def | lmn | tuv   targets efg | mno | uvw" in page.out
    assert "abc | def | ghi  then  jkl | mno | pqr" in page.out


@pytest.mark.slow
def test_carry_and_cut(page, variables):
    parts = (variables["first_loss"] + variables["carried"]).item()
    assert parts == pytest.approx(variables["whole"].item(), rel=1e-12)
    assert abs(variables["from_zero"].item() - variables["carried"].item()) > 1e-3
    assert "without detach: Trying to backward through the graph a second time" in page.out


@pytest.mark.slow
def test_an_uncut_graph_grows_with_every_chunk(variables):
    cut, uncut = variables["graph_sizes"]["detach"], variables["graph_sizes"]["retain_graph"]
    assert len(set(cut)) == 1
    steps = np.diff(uncut)
    assert np.all(steps > 0.7 * uncut[0])
    assert uncut[-1] > 20 * uncut[0]


@pytest.mark.slow
def test_overlapping_windows_count_twice(variables):
    assert variables["counts"] == [2, 2, 2, 2, 2, 2, 1, 1]


@pytest.mark.slow
def test_the_delayed_bit_needs_chunks_that_reach_it(variables):
    for k, losses in variables["delay_loss"].items():
        if k <= 6:
            assert min(losses) > 0.6, k
        else:
            assert max(losses) < 0.1, k


@pytest.mark.slow
def test_a_state_of_a_stranger_shows_in_the_order_and_the_second_time(page, variables):
    for effect in (variables["order_effect"], variables["twice_effect"]):
        assert effect[True] < 1e-12
        assert effect[False] > 1e-3
    assert "a batch of 2: too many values to unpack" in page.out


# --- the trained network --------------------------------------------------------------------------


@pytest.mark.slow
def test_training(variables):
    held_out, counting = variables["history"][-1][2], variables["table_nats"]
    assert held_out == pytest.approx(variables["held_out_nats"](variables["model"]))
    assert held_out < counting[1] - 0.4
    assert abs(held_out - counting[4]) < 0.3  # "about what counting gives at its best"
    assert variables["history"][0][2] > variables["history"][9][2] > held_out
    assert variables["history"][2][2] < counting[1] + 0.1  # within about a hundred steps or two
    assert 3.5 < sum(variables["table_size"][:5]) / variables["numbers"] < 5  # "a fourth as many"
    assert 1.3 < variables["STEPS"] * 32 * variables["K"] / len(variables["train_ids"]) < 1.7
    assert np.all(np.isfinite(variables["lengths"]))


@pytest.mark.slow
def test_samples_look_like_programs_in_the_end(variables):
    samples = variables["samples"]
    assert len(set(samples[0])) > 70
    blanks = {step: sum(c in " \n" for c in s) / len(s) for step, s in samples.items()}
    assert blanks[0] < 0.1
    assert blanks[variables["STEPS"]] > 0.12


@pytest.mark.slow
def test_truncation_is_biased_and_more_so_after_training(variables):
    bias, cosine = variables["bias"], variables["cosine"]
    for name in ("trained", "before training"):
        curve = [bias[name, 16, k] for k in variables["chunk_lengths"]]
        assert curve == sorted(curve, reverse=True)
        for k in (1, 4, 16):  # noise would be halved by four times as much text
            assert bias[name, 64, k] > 0.65 * bias[name, 16, k]
    for k in variables["chunk_lengths"]:
        assert bias["trained", 16, k] > bias["before training", 16, k]
    assert 0.03 < bias["trained", 16, 64] < 0.3
    assert cosine["trained", 16, 64] > 0.95


@pytest.mark.slow
def test_a_wrong_state_at_the_border_costs(variables):
    cost = variables["state_cost"]
    assert cost["carried"][0] == pytest.approx(cost["carried"][1], abs=1e-3)
    for origin in ("zero", "another row"):
        assert cost[origin][0] > cost[origin][1] > cost["carried"][1] + 0.02


# --- sampling -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_slider_shows_the_network(page, variables):
    markup = next(b["text/html"] for b in page.shown if "sampling-temperature" in b["text/html"])
    stored = json.loads(re.search(r'type="application/json">(.*?)</script>', markup)[1])
    assert len(stored["names"]) == 96
    for prefix, case in zip(variables["prefixes"], stored["cases"]):
        with torch.no_grad():
            logits = variables["model"](torch.from_numpy(corpus.encode(prefix))[None])[0][0, -1]
        now, then = (torch.softmax(torch.as_tensor(v), 0) for v in (case["o"], logits))
        assert torch.allclose(now, then, atol=0.01)
        assert case["top"][0] == int(logits.argmax())
    assert len(markup) < 20_000


@pytest.mark.slow
def test_other_temperatures_are_no_better_models(variables):
    heated = variables["heated_nats"]
    assert min(heated, key=heated.get) in (0.8, 1.0, 1.25)
    assert min(heated[0.5], heated[2.0]) > heated[1.0] + 0.05


@pytest.mark.slow
def test_argmax_repeats_itself(variables):
    nats, distinct = variables["nats_of_text"], variables["distinct"]
    greedy, sampled, real = variables["greedy"], variables["sampled"], variables["real"]
    assert np.mean([nats(s) for s in greedy]) < 0.6 * np.mean([nats(s) for s in real])
    assert np.mean([nats(s) for s in sampled]) == pytest.approx(
        np.mean([nats(s) for s in real]), rel=0.3
    )
    assert max(map(distinct, greedy)) < 0.3
    assert min(np.mean(list(map(distinct, texts))) for texts in (sampled, real)) > 0.7
    assert sum(variables["period"](s) is not None for s in greedy) >= 4
    assert variables["period"]("ab" * 100) == 2
    assert variables["period"](real[0]) is None


@pytest.mark.slow
def test_draws_follow_the_distribution(variables):
    p = variables["shares"]["probability"].numpy()
    shares = np.array([float(v) for v in variables["shares"]["share of draws"]])
    assert np.all(np.abs(shares - p) < 5 * np.sqrt(p * (1 - p) / 4000))
    assert len(variables["again"]) == 1
    assert variables["refused"] > 0


@pytest.mark.slow
def test_the_vector_leads_between_the_characters(variables):
    unsure, divergence = variables["unsure"], variables["divergence"]
    assert divergence[unsure].mean() > 0.1
    assert divergence[unsure].mean() > divergence[~unsure].mean()
    nearest = variables["between"].min(dim=1).values.mean()
    assert variables["to_nearest"][unsure].mean() > 0.3 * nearest
    mixed = variables["chances"]  # one row of probabilities at the end of the run
    assert mixed.sum().item() == pytest.approx(1, abs=1e-5)


# --- units ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_units_follow_strings_and_brackets(variables):
    found = variables["found"]
    for k in (0, 1):
        assert abs(found["trained"][k][1]) > 0.35
        assert abs(found["trained"][k][1]) > 1.5 * abs(found["untrained"][k][1])
    assert abs(found["untrained"][3][1]) > 0.25  # the place in the line is easy
    assert variables["effect"][variables["bracket_unit"]] < -0.1
    assert abs(variables["effect"][variables["bracket_unit"]]) > 4 * np.median(
        np.abs(variables["effect"])
    )


# --- answers to the exercises --------------------------------------------------------------------


def test_answer_floor():
    p = np.linspace(0.01, 0.99, 981)
    cost = -np.log(p) - np.log(1 - p)
    assert p[cost.argmin()] == pytest.approx(0.5, abs=1e-3)
    assert cost.min() / 4 == pytest.approx(0.347, abs=5e-4)
    assert cost.min() / 5 == pytest.approx(0.277, abs=5e-4)


def test_answer_bits():
    assert math.exp(1.6) == pytest.approx(4.95, abs=0.005)
    bits = 1.6 / math.log(2)
    assert bits == pytest.approx(2.31, abs=0.005)
    assert round(bits * 200_000) == 461_662
    assert bits * 200_000 / 8 == pytest.approx(57_700, abs=50)
    assert round(math.exp(9.6)) == 14_765
    assert math.isclose(96**6, 7.8e11, rel_tol=0.01)


def test_answer_odds():
    logits = torch.tensor([math.log(9), 0.0, 2.0])
    for T, odds in ((2, 3), (0.5, 81)):
        p = torch.softmax(logits / T, 0)
        assert (p[0] / p[1]).item() == pytest.approx(odds, rel=1e-5)


def test_answer_strips():
    strip = 1003 // 4
    assert (strip, 1003 - 4 * strip) == (250, 3)
    is_target = np.zeros(1003, dtype=bool)
    chunks = 0
    for begin in range(0, strip, 50):
        if begin + 50 + 1 <= strip:
            chunks += 1
            for row in range(4):
                is_target[row * strip + begin + 1 : row * strip + begin + 51] = True
    assert chunks == 4
    assert (~is_target).sum() == 203
    assert (~is_target[:strip]).sum() == 50


def test_answer_random_cuts_have_a_variance_that_grows():
    q, steps = 0.3, 5
    mean_square = ((1 - q) * (1 / (1 - q)) ** 2) ** steps
    assert mean_square == pytest.approx((1 - q) ** -steps)


def test_answer_greedy():
    first, second = {"a": 0.6, "b": 0.4}, {"a": [0.5, 0.5], "b": [0.9, 0.1]}
    greedy = max(first, key=first.get)
    best = max(first, key=lambda c: first[c] * max(second[c]))
    assert (greedy, best) == ("a", "b")
    assert first["a"] * 0.5 == pytest.approx(0.3)
    assert first["b"] * 0.9 == pytest.approx(0.36)
