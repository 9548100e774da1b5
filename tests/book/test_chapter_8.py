"""Chapter 8, architectures: its cells run, and what the text says about the results is so."""

import itertools
import math
import re
from pathlib import Path

import jupytext
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from unrolled import gradcheck, interactive, plot

PAGE = Path(__file__).parents[2] / "book" / "chapters" / "08-architectures.md"
TEXT = PAGE.read_text(encoding="utf-8")
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

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("chapter 8")]


def code():
    notebook = jupytext.read(PAGE, fmt="md:myst")
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


@pytest.fixture(scope="module")
def run():
    """Run all cells once: (their variables, what they print, equations compared and refuted)."""
    before = torch.get_default_dtype(), torch.get_num_threads()
    registries = gradcheck.compared, gradcheck.refuted
    saved = [dict(registry) for registry in registries]
    for registry in registries:
        registry.clear()
    printed: list[str] = []
    namespace = {
        "__name__": "chapter_8",
        "print": lambda *parts: printed.append(" ".join(map(str, parts))),
    }
    with pytest.MonkeyPatch.context() as patch, plt.rc_context():
        patch.setattr(plot, "display", lambda bundle, raw: None)
        patch.setattr(interactive, "display", lambda bundle, raw: None)
        try:
            for k, source in enumerate(code()):
                exec(compile(source, f"{PAGE.name}, cell {k}", "exec"), namespace)
            yield namespace, "\n".join(printed), *(dict(registry) for registry in registries)
        finally:
            torch.set_default_dtype(before[0])
            torch.set_num_threads(before[1])
            plt.close("all")
            for registry, old in zip(registries, saved):
                registry.clear()
                registry.update(old)


@pytest.fixture
def ns(run):
    return run[0]


# --- the page ------------------------------------------------------------------------------------


def test_every_labelled_derivative_is_compared(run):
    labels = gradcheck.labels(TEXT)
    assert len(labels) == len(set(labels)) >= 5
    assert gradcheck.unchecked(TEXT) == []
    assert set(labels) == set(run[2])


def test_labels_occur_in_no_other_chapter():
    label = re.compile(r"^(?::label: |\((?=[\w-]+\)=$))([\w-]+)|^ +name: (fig-[\w-]+)$", re.M)
    mine = set(label.findall(TEXT))
    for other in PAGE.parent.glob("*.md"):
        if other != PAGE:
            assert not mine & set(label.findall(other.read_text(encoding="utf-8"))), other.name


def test_wrong_equations_are_run_and_fail(run):
    assert set(run[3]) == {
        "one state for all layers",
        "W^1 is n x 2n",
        "state after the padding",
        "brackets do not matter",
        "decoder steps at once",
    }


def test_every_spotted_error_is_followed_by_a_cell_that_refutes_it():
    boxes = list(re.finditer(r"^````\{spot-the-error\}.*?^````$", TEXT, re.M | re.S))
    assert len(boxes) == 4
    cell = re.compile(r"^```\{code-cell\} ipython3\n(.*?)^```$", re.M | re.S)
    for box in boxes:
        following = cell.search(TEXT, box.end())
        assert "gradcheck.fails(" in following[1], box[0][:60]
        assert TEXT[box.end() : following.start()].strip() == ""
        assert "```{dropdown} The right statement" in box[0]


def test_the_assignment_finds_its_anchors():
    for anchor in LINKED_BY_THE_ASSIGNMENT:
        assert re.search(rf"^\({anchor}\)=\n#+ ", TEXT, re.M), anchor


def test_exercises_have_answers_and_there_are_enough_questions():
    exercises = re.findall(r"^```\{exercise\}.*\n:label: (\S+)", TEXT, re.M)
    answers = re.findall(r"^```\{solution\} (\S+)\n:class: dropdown", TEXT, re.M)
    assert 4 <= len(exercises) <= 8
    assert exercises == answers
    assert 3 <= len(re.findall(r"^```\{quiz\}", TEXT, re.M)) <= 6


def test_no_cell_defines_a_function_of_the_assignment():
    names = "stacked_forward reverse_padded bidirectional_forward last_states shift_targets"
    for name in f"{names} masked_cross_entropy Seq2Seq tree_rnn greedy".split():
        assert not re.search(rf"(def|class) {name}\b", "\n".join(code()))


# --- which inputs reach a position ---------------------------------------------------------------


def test_the_figure_at_the_top(ns):
    forward, backward, both, flipped = ns["reached"]
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


def test_gradient_of_deep_transitions(ns):
    last = {name: row[-1] for name, row in ns["norms"].items()}
    assert last["deep"] < last["shallow"] / 3 < last["with skip"] / 3


# --- both ways -----------------------------------------------------------------------------------


def test_the_gap_needs_both_sides(ns):
    accuracy = ns["gap_accuracy"]
    assert accuracy["both sides"] > 0.9
    for side in ("the left", "the right"):
        assert accuracy[side] == pytest.approx(1 / 3, abs=0.15)
    trained_on = [line for (line, _), true in zip(ns["sentences"], ns["true"]) if not true]
    for (line, _), true in zip(ns["sentences"], ns["true"]):
        assert not true or line not in trained_on


def test_flipping_whole_rows_is_wrong_for_the_short_ones_only(ns):
    flipped, batch_of, alone = ns["flipped_rows"], ns["batch_of"], ns["each_alone"]
    H = alone[0].shape[1] // 2
    for filler, extra, harmed in ((0.0, 0, (0, 2)), (9.0, 0, (0, 2)), (0.0, 4, (0, 1, 2))):
        wrong = flipped(batch_of(ns["rows"], filler, extra))
        for k, row in enumerate(alone):
            error = (wrong[k, : len(row)] - row[:, H:]).abs().max()
            assert (error > 0.1) == (k in harmed)


def test_half_of_the_last_column_has_read_one_word(ns):
    wrong, right = ns["felt"]["out[:, -1]"], ns["felt"]["h_n"]
    assert (wrong[:-1] == 0).all()
    assert wrong[-1] > 0
    assert (right > 0).all()


def test_the_leak_and_what_is_left_of_it(ns):
    best = math.log(6)
    (forward, _), (leaking, alone), (gap, _) = ns["leak"].values()
    assert forward == pytest.approx(best, abs=0.03)
    assert gap == pytest.approx(best, abs=0.03)
    assert leaking < 0.1
    assert alone > best + 0.05


def test_the_second_forward_layer_knows_the_future(ns):
    assert (ns["slope"].norm(dim=1) > 0).all()


# --- trees ---------------------------------------------------------------------------------------


def test_influence_of_the_first_leaf(ns):
    chain, tree = ns["influence"].T
    assert chain[0] == pytest.approx(tree[0], rel=1e-12)
    assert chain[-1] < 1e-8
    assert tree[-1] > 0.1


def test_the_tree_generalises_and_the_chain_does_not(ns):
    for (network, _), (*_, at_8, at_16, at_24) in ns["evaluated"].items():
        if network == "tree_network":
            assert min(at_8, at_16, at_24) > 0.97
        else:
            assert at_24 < 0.75
            assert at_24 < at_8 - 0.1


def test_values_of_expressions(ns):
    rng = np.random.default_rng(3)
    for n in range(1, 9):
        tree = ns["grow"](n, rng)
        text = " ".join(ns["spelled"](tree)).replace("and", "&").replace("xor", "^")
        assert eval(text.replace("or", "|")) == ns["value"](tree)


# --- encoder and decoder -------------------------------------------------------------------------


def test_number_words(ns):
    assert " ".join(ns["in_words"](4007)) == "four thousand and seven"
    assert " ".join(ns["in_words"](9999)) == "nine thousand nine hundred and ninety nine"
    assert len({tuple(ns["in_words"](n)) for n in range(10_000)}) == 10_000


def test_shifted_rows(run):
    rows = dict(re.findall(r"^decoder (input|target) +(.*)$", run[1], re.M))
    assert rows["input"].split() == ["^342$", "^7$__", "^4007"]
    assert rows["target"].split() == ["342$_", "7$___", "4007$"]


def test_what_padding_does_to_the_loss(run):
    lines = re.findall(r"padding (\w+): (\S+), with four more columns of padding (\S+)", run[1])
    (_, *ignored), (_, *counted) = lines
    assert ignored[0] == ignored[1]
    assert abs(float(counted[0]) - float(counted[1])) > 0.01
    assert "only padding: nan" in run[1]


def test_the_translator_and_the_copying_one(ns):
    assert ns["translated"] > 0.9
    assert not set(ns["kept_out"]) & set(ns["known"])
    assert ns["restarted"] < 0.1
    assert ns["copied"] < 0.05
    assert ns["copying_losses"][-1] < ns["losses"][199] / 10


def test_exposure_bias(ns):
    forced, free = ns["with_teacher"], ns["alone"]
    assert torch.equal(forced[:, 0], free[:, 0])
    assert torch.equal(forced.all(dim=1), free.all(dim=1))
    by_position = (forced.double() - free.double()).mean(dim=0)
    assert (by_position[2:8] > 0.05).all()
    assert ns["after"]["teacher-forced"] > ns["after"]["free-running"] + 0.15
    assert free[:, 7].double().mean() < 0.45  # "about a quarter"
    assert forced[:, 8].double().mean() > 0.95
    assert free[:, 8].double().mean() > 0.95


def test_the_coin_does_harm_here(ns):
    (forced, free, whole), (coin_forced, coin_free, coin_whole) = ns["coin"].values()
    assert coin_forced < forced - 0.03
    assert coin_free < free - 0.03
    assert coin_whole < whole
    assert coin_forced - coin_free > forced - free - 0.01
    assert free > ns["alone"].double().mean() + 0.03  # more steps with the teacher help


def test_a_larger_context_holds_longer_inputs(ns):
    lengths, fits = ns["lengths"], ns["fits"]
    for row in fits.values():
        assert row[0] == 1.0
        assert row[lengths.index(12)] < 0.6
    at_6 = [fits[H][lengths.index(6)] for H in (16, 32, 64)]
    at_8 = [fits[H][lengths.index(8)] for H in (16, 32, 64)]
    assert at_6 == sorted(at_6)
    assert at_8 == sorted(at_8)
    assert at_8[2] - at_8[0] > 0.1


def test_a_context_at_every_step_is_not_forgotten(ns):
    assert ns["felt_by"][False][-1] < 0.1 * ns["felt_by"][False][0]
    assert ns["felt_by"][True][-1] > 0.3 * ns["felt_by"][True][0]


# --- the output alone ----------------------------------------------------------------------------


def test_output_recurrence_fails_where_the_target_is_silent(ns):
    for (feedback, silent), row in ns["hidden_state"].items():
        if silent and feedback == "output":
            assert all(0.35 < a < 0.65 for a in row)
        else:
            assert min(row) > 0.95


def test_operations_in_a_row(ns):
    hidden, output = ns["depth"]["hidden"], ns["depth"]["output"]
    assert len(set(output)) == 1
    assert hidden[2] - hidden[1] == 2 * (hidden[1] - hidden[0]) > 0


def test_probabilities_add_up(ns):
    assert ns["total"] == pytest.approx(1, abs=1e-12)


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


def test_answer_blind_to_flipping(ns):
    g = torch.Generator().manual_seed(0)
    p = ns["draw_weights"](3, 5, g)

    def read(x):
        return ns["read"](x, p)

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


def test_answer_tree_or_chain(ns):
    rng = np.random.default_rng(0)
    for n in range(2, 12):
        trees = [ns["grow"](n, rng) for _ in range(100)]
        kind, *_, height, _ = ns["listed"](trees)
        assert int((kind >= 2).sum()) == 100 * (n - 1)
        assert int(height.max()) <= n - 1
        for tree in trees:
            assert int(ns["listed"]([tree])[3].max()) >= math.ceil(math.log2(n))
