"""Chapter 1: its cells run, and what the text says about the results is so."""

import numpy as np
import pytest
from chapters import EveryChapter

CHAPTER = "01-sequences"
DERIVATIVES, BOXES = 0, 3
LINKED_BY_THE_ASSIGNMENT: list[str] = []

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group(CHAPTER)]


class TestPage(EveryChapter):
    pass


@pytest.mark.slow
def test_there_are_figures(page):
    assert len(page.shown) >= 6


def test_a_longer_past_helps_only_in_order(variables):
    flow, shuffled, error = variables["flow"], variables["shuffled"], variables["window_error"]
    assert len(flow) == 16 * 7 * 24
    in_order = [error(flow, k) for k in (1, 2, 3, 24)]
    assert in_order == sorted(in_order, reverse=True)
    assert in_order[0] < flow.std() / 2
    for k in (1, 2, 3, 24):
        assert error(shuffled, k) == pytest.approx(flow.std(), rel=0.05)


def test_a_window_is_perfect_up_to_its_length_and_guesses_beyond(variables):
    score = variables["best_window_accuracy"]
    for k in (2, 4, 6):
        assert score(k, k) == 1.0
        assert score(k, k + 1) < 0.58


def test_networks_that_found_the_rule_keep_it_at_every_length(variables):
    rows = variables["accuracy"].values()
    found = [row for row in rows if row[0] == 1.0]
    assert len(rows) == 5
    assert 2 <= len(found) <= 4  # the text needs some of both
    assert all(row == [1.0] * 4 for row in found)
    assert all(row[-1] < 0.65 for row in rows if row not in found)


def test_one_shared_model_needs_fewer_sequences(variables):
    assert variables["separate_error"][0] > 1.5
    assert variables["separate_error"] == sorted(variables["separate_error"], reverse=True)
    assert all(error == pytest.approx(1.0, abs=0.05) for error in variables["shared_error"])


def test_memory_grows_with_the_state_and_stays_below_its_size(variables):
    curves = variables["curves"]
    reach = [np.flatnonzero(scores > 0.5).max() for scores in curves.values()]
    assert reach == sorted(set(reach))
    for units, scores in curves.items():
        assert scores[0] > 0.95
        assert scores[-1] < 0.05
        assert scores.sum() < units


def test_convolutions_see_neighbours_and_recurrence_the_past(variables):
    shallow, deep, recurrent = (m.numpy() > 0 for m in variables["reach"].values())
    place = np.subtract.outer(np.arange(24), np.arange(24))
    assert np.array_equal(shallow, abs(place) <= 1)
    assert np.array_equal(deep, abs(place) <= 4)
    assert np.array_equal(recurrent, place >= 0)


def test_recursion_of_the_hidden_markov_model_is_the_sum_over_all_paths(variables):
    assert variables["recursive"] == pytest.approx(variables["enumerated"], rel=1e-13)
    assert np.all(
        list(variables["beliefs"](variables["long_record"]))[-1] == 0
    )  # the exercise says it underflows
    assert np.isfinite(variables["log_p"])
    short = variables["long_record"][:50]
    arrived, total = variables["start"], 0.0
    for symbol in short:
        joint = arrived * variables["emit"][:, symbol]
        total += np.log(joint.sum())
        arrived = joint / joint.sum() @ variables["move"]
    assert total == pytest.approx(np.log(list(variables["beliefs"](short))[-1].sum()))


def test_shapes_have_the_lengths_of_the_table(variables):
    lengths = {name: len(outputs) for name, outputs in variables["shapes"].items()}
    assert lengths == {
        "one to one": 1,
        "one to many": 3,
        "many to one": 1,
        "many to many, unaligned": 2,
        "many to many, aligned": 4,
    }


def test_a_network_reads_what_a_bag_of_words_cannot_hold(variables):
    assert min(variables["sentiment"]) == 1.0
    ids, praise = variables["reviews"]([("good", "bad")])
    words = [[variables["dictionary"][i] for i in row] for row in ids.tolist()]
    assert " ".join(words[0]) == "not bad , it is good"
    assert sorted(words[0]) == sorted(words[1])
    assert praise.tolist() == [1.0, 0.0]
    assert len(variables["bags"]) == len(variables["ids"]) // 2


def test_a_state_knows_where_the_dot_is_going(variables):
    one, all_frames = variables["seen_next"]["one frame"], variables["seen_next"]["all frames"]
    assert max(one) < 0.75  # half, and all at the two ends: 8 of 14
    assert all_frames[0] < 0.75
    assert min(all_frames[2:]) > 0.98
    dot = variables["video"](50, 30, np.random.default_rng(0))
    assert set(np.abs(np.diff(dot)).ravel()) == {1}
    assert set(dot.ravel().tolist()) == set(range(8))


def test_the_canvas_becomes_the_picture(variables):
    wrong = [int((c != variables["picture"]).sum()) for c in variables["canvases"]]
    assert wrong == sorted(set(wrong), reverse=True)
    assert wrong[-1] == 0


def test_a_chain_is_a_tree_that_grows_to_the_left(variables):
    assert np.array_equal(variables["state"], variables["left_tree"](variables["leaves"]))
    assert np.abs(variables["state"] - variables["balanced"](variables["leaves"])).max() > 0.1
    assert [variables["depth"](n) for n in (1, 2, 3, 8)] == [0, 1, 2, 3]
