"""Chapter 8, architectures: its cells run, and what the text says about the results is so."""

import itertools
import math
import re

import numpy as np
import pytest
import torch
from chapters import EveryListedChapter

CHAPTER = "08-architectures"
DERIVATIVES, BOXES = 5, 4
LINKED_BY_THE_ASSIGNMENT = [
    "stacked",
    "three-blocks",
    "bidirectional",
    "reverse-within-length",
    "last-states",
    "sentence-vector",
    "leak-of-the-future",
    "deep-bidirectional",
    "trees",
    "encoder-decoder",
    "shift-and-pad",
    "masked-loss-again",
    "greedy-decoding",
    "teacher-forcing",
    "exposure-bias",
    "output-recurrence",
    "fixed-context",
]
REFUTED = {
    "one state for all layers",
    "W^1 is n x 2n",
    "state after the padding",
    "brackets do not matter",
    "decoder steps at once",
}

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group(CHAPTER)]


class TestPage(EveryListedChapter):
    pass


# --- which inputs reach a position ---------------------------------------------------------------


def test_the_figure_at_the_top(variables):
    forward, backward, both, flipped = variables["reached"]
    for n in range(1, 11):
        for t in range(1, n + 1):
            place = n - 1, t - 1
            seen = {
                name: {s for s, c in enumerate(table[place[0]][place[1]], start=1) if c == "1"}
                for name, table in zip("fbrx", (forward, backward, both, flipped))
            }
            assert seen["f"] == set(range(1, t + 1))
            assert seen["b"] == set(range(t, n + 1))
            assert seen["r"] == set(range(1, n + 1))
            assert seen["x"] == set(range(1, 11))  # the padding too


def test_gradient_of_deep_transitions(variables):
    last = {name: row[-1] for name, row in variables["norms"].items()}
    assert last["deep"] < last["shallow"] / 3 < last["with skip"] / 3


# --- both ways -----------------------------------------------------------------------------------


def test_the_gap_needs_both_sides(variables):
    accuracy = variables["gap_accuracy"]
    assert accuracy["both sides"] > 0.9
    for side in ("the left", "the right"):
        assert accuracy[side] == pytest.approx(1 / 3, abs=0.15)
    trained_on = [
        line for (line, _), true in zip(variables["sentences"], variables["true"]) if not true
    ]
    for (line, _), true in zip(variables["sentences"], variables["true"]):
        assert not true or line not in trained_on


def test_flipping_whole_rows_is_wrong_for_the_short_ones_only(variables):
    flipped, batch_of, alone = (
        variables["flipped_rows"],
        variables["batch_of"],
        variables["each_alone"],
    )
    H = alone[0].shape[1] // 2
    for filler, extra, harmed in ((0.0, 0, (0, 2)), (9.0, 0, (0, 2)), (0.0, 4, (0, 1, 2))):
        wrong = flipped(batch_of(variables["rows"], filler, extra))
        for k, row in enumerate(alone):
            error = (wrong[k, : len(row)] - row[:, H:]).abs().max()
            assert (error > 0.1) == (k in harmed)


def test_half_of_the_last_column_has_read_one_word(variables):
    wrong, right = variables["felt"]["out[:, -1]"], variables["felt"]["h_n"]
    assert (wrong[:-1] == 0).all()
    assert wrong[-1] > 0
    assert (right > 0).all()


def test_the_leak_and_what_is_left_of_it(variables):
    best = math.log(6)
    (forward, _), (leaking, alone), (gap, _) = variables["leak"].values()
    assert forward == pytest.approx(best, abs=0.03)
    assert gap == pytest.approx(best, abs=0.03)
    assert leaking < 0.1
    assert alone > best + 0.05


def test_the_second_forward_layer_knows_the_future(variables):
    assert (variables["slope"].norm(dim=1) > 0).all()


# --- trees ---------------------------------------------------------------------------------------


def test_influence_of_the_first_leaf(variables):
    chain, tree = variables["influence"].T
    assert chain[0] == pytest.approx(tree[0], rel=1e-12)
    assert chain[-1] < 1e-8
    assert tree[-1] > 0.1


def test_the_tree_generalises_and_the_chain_does_not(variables):
    for (network, _), (*_, at_8, at_16, at_24) in variables["evaluated"].items():
        if network == "tree_network":
            assert min(at_8, at_16, at_24) > 0.97
        else:
            assert at_24 < 0.75
            assert at_24 < at_8 - 0.1


def test_values_of_expressions(variables):
    rng = np.random.default_rng(3)
    for n in range(1, 9):
        tree = variables["grow"](n, rng)
        text = " ".join(variables["spelled"](tree)).replace("and", "&").replace("xor", "^")
        assert eval(text.replace("or", "|")) == variables["value"](tree)


# --- encoder and decoder -------------------------------------------------------------------------


def test_number_words(variables):
    assert " ".join(variables["in_words"](4007)) == "four thousand and seven"
    assert " ".join(variables["in_words"](9999)) == "nine thousand nine hundred and ninety nine"
    assert len({tuple(variables["in_words"](n)) for n in range(10_000)}) == 10_000


def test_shifted_rows(page):
    rows = dict(re.findall(r"^decoder (input|target) +(.*)$", page.out, re.M))
    assert rows["input"].split() == ["^342$", "^7$__", "^4007"]
    assert rows["target"].split() == ["342$_", "7$___", "4007$"]


def test_what_padding_does_to_the_loss(page):
    lines = re.findall(r"padding (\w+): (\S+), with four more columns of padding (\S+)", page.out)
    (_, *ignored), (_, *counted) = lines
    assert ignored[0] == ignored[1]
    assert abs(float(counted[0]) - float(counted[1])) > 0.01
    assert "only padding: nan" in page.out


def test_the_translator_and_the_copying_one(variables):
    assert variables["translated"] > 0.9
    assert not set(variables["kept_out"]) & set(variables["known"])
    assert variables["restarted"] < 0.1
    assert variables["copied"] < 0.05
    assert variables["copying_losses"][-1] < variables["losses"][199] / 10


def test_exposure_bias(variables):
    forced, free = variables["with_teacher"], variables["alone"]
    assert torch.equal(forced[:, 0], free[:, 0])
    assert torch.equal(forced.all(dim=1), free.all(dim=1))
    by_position = (forced.double() - free.double()).mean(dim=0)
    assert (by_position[2:8] > 0.05).all()
    assert variables["after"]["teacher-forced"] > variables["after"]["free-running"] + 0.15
    assert free[:, 7].double().mean() < 0.45  # "about a quarter"
    assert forced[:, 8].double().mean() > 0.95
    assert free[:, 8].double().mean() > 0.95


def test_the_coin_does_harm_here(variables):
    (forced, free, whole), (coin_forced, coin_free, coin_whole) = variables["coin"].values()
    assert coin_forced < forced - 0.03
    assert coin_free < free - 0.03
    assert coin_whole < whole
    assert coin_forced - coin_free > forced - free - 0.01
    assert free > variables["alone"].double().mean() + 0.03  # more steps with the teacher help


def test_a_larger_context_holds_longer_inputs(variables):
    lengths, fits = variables["lengths"], variables["fits"]
    assert all(len(starts) == 3 for starts in fits.values())
    for row in itertools.chain(*fits.values()):
        assert row[0] == 1.0
        assert row[lengths.index(12)] < 0.6
    for length in (5, 6, 7, 8):  # "even the best is below the worst with a larger one"
        of_size = [[row[lengths.index(length)] for row in fits[size]] for size in (16, 32, 64)]
        assert max(of_size[0]) < min(of_size[1]) <= max(of_size[1]) < min(of_size[2]), length


def test_a_context_at_every_step_is_not_forgotten(variables):
    assert variables["felt_by"][False][-1] < 0.1 * variables["felt_by"][False][0]
    assert variables["felt_by"][True][-1] > 0.3 * variables["felt_by"][True][0]


# --- the output alone ----------------------------------------------------------------------------


def test_output_recurrence_fails_where_the_target_is_silent(variables):
    for (feedback, silent), row in variables["hidden_state"].items():
        if silent and feedback == "output":
            assert all(0.35 < a < 0.65 for a in row)
        else:
            assert min(row) > 0.95


def test_operations_in_a_row(variables):
    hidden, output = variables["depth"]["hidden"], variables["depth"]["output"]
    assert len(set(output)) == 1
    assert hidden[2] - hidden[1] == 2 * (hidden[1] - hidden[0]) > 0


def test_probabilities_add_up(variables):
    assert variables["total"] == pytest.approx(1, abs=1e-12)


# --- the worked answers --------------------------------------------------------------------------


def count(rnn):
    """Parameters with one bias per layer and direction instead of PyTorch's two."""
    return sum(p.numel() for name, p in rnn.named_parameters() if "bias_hh" not in name)


def test_answer_parameters():
    D, H, layers = 10, 64, 3
    stack = D * H + (2 * layers - 1) * H**2 + layers * H
    assert stack == count(torch.nn.RNN(D, H, num_layers=layers)) == 21_312
    assert count(torch.nn.RNN(D, H, bidirectional=True)) == 2 * (D * H + H**2 + H)
    both = 2 * D * H + 2 * H**2 + 2 * H + (layers - 1) * (6 * H**2 + 2 * H)
    assert both == count(torch.nn.RNN(D, H, num_layers=layers, bidirectional=True))
    assert count(torch.nn.RNN(D, 140)) == 21_140
    assert count(torch.nn.RNN(D, 141)) == 21_432


def test_answer_blind_to_flipping(variables):
    g = torch.Generator().manual_seed(0)
    p = variables["draw_weights"](3, 5, g)

    def read(x):
        return variables["read"](x, p)

    def same(one, other):
        return torch.isclose(one, other, atol=1e-12).all(dim=1).tolist()

    for n in (1, 4, 5):
        x = torch.randn(n, 3, generator=g, dtype=torch.float64)
        right = read(x.flip(0)).flip(0)
        middle = [2 * t == n - 1 for t in range(n)]
        assert same(read(x.flip(0)), right) == middle
        palindrome = torch.cat([x, x.flip(0)])
        assert all(same(read(palindrome).flip(0), read(palindrome.flip(0)).flip(0)))
        if n > 1:
            assert not all(same(read(x).flip(0), right))


def test_answer_paths():
    layers, steps = 3, 10
    moves = steps + layers - 1
    ways = sum(1 for _ in itertools.combinations(range(moves), layers - 1))
    assert ways == math.comb(moves, layers - 1) == 66
    assert moves == 12


def test_answer_levels():
    assert 5 < 10 ** (12 / 16) < 6
    assert pytest.approx(5.6, abs=0.05) == 10 ** (12 / 16)
    assert pytest.approx(1.54, abs=0.005) == 10 ** (12 / 64)


def test_answer_faultless():
    assert pytest.approx(0.605, abs=5e-4) == 0.99**50
    assert pytest.approx(0.9979, abs=5e-5) == 0.9 ** (1 / 50)


def test_answer_tree_or_chain(variables):
    rng = np.random.default_rng(0)
    for n in range(2, 12):
        trees = [variables["grow"](n, rng) for _ in range(100)]
        kind, *_, height, _ = variables["listed"](trees)
        assert int((kind >= 2).sum()) == 100 * (n - 1)
        assert int(height.max()) <= n - 1
        for tree in trees:
            assert int(variables["listed"]([tree])[3].max()) >= math.ceil(math.log2(n))
