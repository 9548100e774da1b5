"""What is special to assignment a5: parity with torch, the checks of a module, mistakes by hand.

What holds for every assignment is in ``test_every_assignment.py``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from marking import verdict_on
from torch import nn

from autograder import source
from unrolled import plot
from unrolled.exercise import load
from unrolled.exercises import a5_architectures as probes
from unrolled.judge import run_case
from unrolled.namespace import LocalNamespace
from unrolled.verdict import Verdict

A5 = "a5_architectures"
EXERCISES = load(A5)
SEEDS = (301, 302)

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def reference() -> Mapping[str, Any]:
    return source.load_reference(A5)


def verdict(name: str, text: str, hints: bool = True) -> Verdict:
    return verdict_on(A5, name, source.load_variant(A5, text), SEEDS, hints)


# --- the reference and PyTorch --------------------------------------------------------------------


def layer(rnn: nn.RNN, number: int, suffix: str = "") -> tuple[torch.Tensor, ...]:
    W_ih, W_hh, b_ih, b_hh = (
        getattr(rnn, f"{name}_l{number}{suffix}")
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    return W_ih.T, W_hh.T, b_ih + b_hh


def test_the_stack_is_that_of_torch():
    torch.manual_seed(0)
    rnn = nn.RNN(3, 5, num_layers=3, batch_first=True).double()
    x = torch.randn(2, 4, 3, dtype=torch.float64)
    h = reference()["stacked_forward"](x, [layer(rnn, k) for k in range(3)])
    torch.testing.assert_close(h, rnn(x)[0], rtol=0, atol=1e-12)


def test_both_ways_is_that_of_a_packed_layer_of_torch():
    torch.manual_seed(1)
    rnn = nn.RNN(3, 5, batch_first=True, bidirectional=True).double()
    x, lengths = torch.randn(4, 6, 3, dtype=torch.float64), torch.tensor([3, 6, 1, 4])
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    out, h_n = rnn(packed)
    out, _ = nn.utils.rnn.pad_packed_sequence(out, batch_first=True)
    names = reference()
    both = names["bidirectional_forward"](x, lengths, layer(rnn, 0), layer(rnn, 0, "_reverse"))
    torch.testing.assert_close(both, out, rtol=0, atol=1e-12)
    last = names["last_states"](both[:, :, :5], lengths)
    torch.testing.assert_close(last, h_n[0], rtol=0, atol=1e-12)


def test_the_loss_is_that_of_torch_where_torch_has_one():
    torch.manual_seed(2)
    logits = torch.randn(3, 5, 5, dtype=torch.float64)
    targets = torch.randint(0, 5, (3, 5))
    loss = reference()["masked_cross_entropy"](logits, targets, 2)
    theirs = nn.functional.cross_entropy(logits.transpose(1, 2), targets, ignore_index=2)
    torch.testing.assert_close(loss, theirs, rtol=0, atol=1e-12)


def test_the_reference_copes_with_padding_that_is_no_number():
    """Not asked of a student, as a mask that multiplies is right for numbers."""
    names = reference()
    x = torch.tensor([[[1.0], [2.0], [float("nan")]]])
    lengths = torch.tensor([2])
    assert names["reverse_padded"](x, lengths)[0, :2, 0].tolist() == [2, 1]
    one, zero = torch.ones(1, 1), torch.zeros(1)
    both = names["bidirectional_forward"](x, lengths, (one, one, zero), (one, one, zero))
    assert torch.isfinite(both).all()


# --- mistakes in other styles than the bank's -----------------------------------------------------

WRONG = {
    "layers start where the one below ended": (
        "stacked_forward",
        """
def stacked_forward(x, layers):
    h = x.new_zeros(len(x), len(layers[0][2]))
    for Wx, Wh, b in layers:
        states = []
        for t in range(x.shape[1]):
            h = torch.tanh(x[:, t] @ Wx + h @ Wh + b)
            states.append(h)
        x = torch.stack(states, 1)
    return x
""",
        None,
    ),
    "one state, column by column": (
        "stacked_forward",
        """
def stacked_forward(x, layers):
    state, out = torch.zeros(x.shape[0], layers[0][1].shape[0], dtype=x.dtype), []
    for t in range(x.shape[1]):
        below = x[:, t]
        for Wx, Wh, b in layers:
            below = state = torch.tanh(below @ Wx + state @ Wh + b)
        out.append(state)
    return torch.stack(out, 1)
""",
        "one-state-for-all-layers",
    ),
    "detached states": (
        "stacked_forward",
        """
def stacked_forward(x, layers):
    with torch.no_grad():
        h = x
        for Wx, Wh, b in layers:
            state, states = torch.zeros(len(h), len(b), dtype=x.dtype), []
            for t in range(h.shape[1]):
                state = torch.tanh(h[:, t] @ Wx + state @ Wh + b)
                states.append(state)
            h = torch.stack(states, 1)
    return h
""",
        None,
    ),
    "float32 results": (
        "stacked_forward",
        """
def stacked_forward(x, layers):
    h = x.float()
    for Wx, Wh, b in layers:
        state, states = torch.zeros(len(h), len(b)), []
        for t in range(h.shape[1]):
            state = torch.tanh(h[:, t] @ Wx.float() + state @ Wh.float() + b.float())
            states.append(state)
        h = torch.stack(states, 1)
    return h
""",
        None,
    ),
    "padding found by its zeros": (
        "reverse_padded",
        """
def reverse_padded(x, lengths):
    return torch.stack([
        torch.cat([row[row.abs().sum(1) > 0].flip(0), row[row.abs().sum(1) == 0]]) for row in x
    ])
""",
        None,
    ),
    "written into the argument": (
        "reverse_padded",
        """
def reverse_padded(x, lengths):
    for row, n in zip(x, lengths):
        row[:n] = row[:n].flip(0)
    return x
""",
        None,
    ),
    "sorted and not put back": (
        "bidirectional_forward",
        """
def bidirectional_forward(x, lengths, forward, backward):
    order = lengths.argsort(descending=True)
    x, lengths = x[order], lengths[order]
    there = stacked_forward(x, [forward])
    back = reverse_padded(stacked_forward(reverse_padded(x, lengths), [backward]), lengths)
    real = torch.arange(x.shape[1]) < lengths[:, None]
    return torch.cat([there, back], 2) * real[:, :, None]
""",
        None,
    ),
    "forgets to flip back, with packing in mind": (
        "bidirectional_forward",
        """
def bidirectional_forward(x, lengths, forward, backward):
    turned = torch.stack([torch.cat([r[:n].flip(0), r[n:]]) for r, n in zip(x, lengths)])
    both = torch.cat([stacked_forward(x, [forward]), stacked_forward(turned, [backward])], -1)
    return both.masked_fill((torch.arange(x.shape[1]) >= lengths[:, None])[:, :, None], 0)
""",
        "not-turned-back",
    ),
    "the last state that is not zero": (
        "last_states",
        """
def last_states(h, lengths):
    return torch.stack([row[row.abs().sum(1).nonzero().max()] for row in h])
""",
        "last-column",
    ),
    "lists changed": (
        "shift_targets",
        """
def shift_targets(target, bos, eos, pad):
    for ids in target:
        ids.append(eos)
    M = max(map(len, target))
    out = torch.tensor([ids + [pad] * (M - len(ids)) for ids in target])
    heard = torch.tensor([[bos] + ids[:-1] + [pad] * (M - len(ids)) for ids in target])
    return heard, out
""",
        None,
    ),
    "framed and cut": (
        "shift_targets",
        """
def shift_targets(target, bos, eos, pad):
    M = max(map(len, target)) + 2
    framed = torch.tensor([[bos, *ids, eos] + [pad] * (M - 2 - len(ids)) for ids in target])
    return framed[:, :-1], framed[:, 1:]
""",
        "eos-among-the-inputs",
    ),
    "ignore_index alone": (
        "masked_cross_entropy",
        """
def masked_cross_entropy(logits, targets, pad):
    return F.cross_entropy(logits.transpose(1, 2), targets, ignore_index=pad)
""",
        "not-a-number-without-tokens",
    ),
    "classes on the second axis": (
        "masked_cross_entropy",
        """
def masked_cross_entropy(logits, targets, pad):
    loss = F.cross_entropy(logits, targets, reduction="none")
    real = targets != pad
    return (loss * real).sum() / real.sum().clamp(min=1)
""",
        None,
    ),
    "a number in place of a tensor": (
        "masked_cross_entropy",
        """
def masked_cross_entropy(logits, targets, pad):
    real = targets != pad
    return F.cross_entropy(logits[real], targets[real]).item() if real.any() else 0.0
""",
        None,
    ),
    "nothing to learn from, and no graph": (
        "masked_cross_entropy",
        """
def masked_cross_entropy(logits, targets, pad):
    real = targets != pad
    if not real.any():
        return torch.tensor(0.0, dtype=logits.dtype)
    return F.cross_entropy(logits[real], targets[real])
""",
        None,
    ),
    "brackets that do not matter": (
        "tree_rnn",
        """
def tree_rnn(tree, Wl, Wr, b):
    def leaves(t):
        return [t] if torch.is_tensor(t) else leaves(t[0]) + leaves(t[1])

    state, *others = leaves(tree)
    for leaf in others:
        state = torch.tanh(state @ Wl + leaf @ Wr + b)
    return state
""",
        None,
    ),
    "only one level": (
        "tree_rnn",
        """
def tree_rnn(tree, Wl, Wr, b):
    if torch.is_tensor(tree):
        return tree
    flat = [c if torch.is_tensor(c) else sum(c) if torch.is_tensor(c[0]) else c[1] for c in tree]
    return torch.tanh(flat[0] @ Wl + flat[1] @ Wr + b)
""",
        None,
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_mistakes_in_other_styles_are_refused(what):
    name, text, hint = WRONG[what]
    found = verdict(name, text)
    assert found.outcome != "pass"
    if hint:
        assert [m.name for m in found.matches] == [hint]


def test_a_cut_graph_costs_the_gradient_and_not_the_states():
    found = verdict("stacked_forward", WRONG["detached states"][1])
    assert (found.outcome, found.points) == ("partial", 2)
    assert "gradient is zero everywhere" in found.message


def test_the_type_is_said():
    found = verdict("stacked_forward", WRONG["float32 results"][1])
    assert "has the type float32, expected float64" in found.message


def test_an_argument_that_is_written_into_is_said():
    found = verdict("reverse_padded", WRONG["written into the argument"][1])
    assert "reverse_padded wrote into its argument x" in found.message


def test_a_batch_without_tokens_needs_a_graph():
    found = verdict("masked_cross_entropy", WRONG["nothing to learn from, and no graph"][1])
    assert found.outcome == "partial"
    assert "has no gradient: the graph is cut" in found.message


def test_a_list_as_a_pair_is_not_asked_for_but_what_the_probe_hands_in_is_a_tuple():
    seen = []

    class Names(dict):
        def get(self, name, default=None):
            def recorded(tree, *weights):
                seen.append(tree)
                return reference()[name](tree, *weights)

            return recorded

    exercise = EXERCISES["tree_rnn"]
    run_case(exercise, LocalNamespace(Names()), 1, exercise.main_case)
    assert seen
    assert all(isinstance(tree, tuple) and len(tree) == 2 for tree in seen)


# --- the probes' inputs ---------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_the_main_cases_can_show_a_mistake(seed):
    seen: dict[str, tuple] = {}

    class Names(dict):
        def get(self, name, default=None):
            def recorded(*args):
                seen.setdefault(name, args)
                return reference()[name](*args)

            return recorded

    for exercise in EXERCISES.values():
        if exercise.needs_reference:
            run = run_case(exercise, LocalNamespace(Names()), seed, exercise.main_case)
            assert run.failure is None

    x, layers = seen["stacked_forward"]
    assert len({*x.shape, len(layers[0][2])}) == 4
    assert x.shape[1] >= 3
    assert len(layers) == 3

    for name in ("reverse_padded", "bidirectional_forward", "last_states"):
        x, lengths, *_ = seen[name]
        T = x.shape[1]
        assert lengths.dtype == torch.int64
        assert T in lengths
        assert len(set(lengths.tolist())) >= 3
        assert lengths.tolist() != sorted(lengths.tolist(), reverse=True)
    assert 0 in seen["reverse_padded"][1]

    logits, targets, pad = seen["masked_cross_entropy"]
    assert pad == 0
    counts = (targets != pad).sum(1)
    assert len(set(counts.tolist())) > 1
    assert 0 < counts.sum() < targets.numel()
    assert {1, logits.shape[2] - 1} <= set(targets[targets != pad].tolist())

    target, bos, eos, pad = seen["shift_targets"]
    assert len({*map(len, target)}) > 1
    assert len({bos, eos, pad}) == 3


# --- Seq2Seq --------------------------------------------------------------------------------------


def outputs(text: str, case: str, seed: int = 11) -> dict[str, Any]:
    names = source.load_variant(A5, text)
    run = run_case(EXERCISES["Seq2Seq"], LocalNamespace(names), seed, case)
    assert run.failure is None, run.failure
    return dict(run.outputs)


def changed(find: str, replace: str) -> str:
    cell = source.solution_cell(A5, "Seq2Seq").source
    assert cell.count(find) == 1
    return cell.replace(find, replace)


INIT = "super().__init__()"
SMALL = ("one row", "one symbol")


def test_a_module_that_says_nothing_earns_nothing_for_what_it_does_not_do():
    text = changed("return self.score(h)\n", "return self.score(h) * 0\n")
    found = outputs(text, "one row")
    assert found["source"] == found["past"] == found["future"] == 1
    assert found["padding"] == found["rows"] == 1
    assert (found["greedy"], found["end"]) == (5, 7)


@pytest.mark.parametrize("case", SMALL)
def test_log_probabilities_are_logits(case):
    text = changed("return self.score(h)\n", "return self.score(h).log_softmax(dim=2)\n")
    assert set(outputs(text, case).values()) <= {0, 1.0}


@pytest.mark.parametrize("case", SMALL)
def test_a_module_may_keep_bos_from_being_said(case):
    """Nothing says what to do when the decoder itself writes bos, so no way of it is refused."""
    text = changed(
        "heard = self.score(h).argmax(dim=2)",
        "heard = self.score(h).index_fill(2, torch.tensor([bos]), -1e9).argmax(dim=2)",
    )
    assert set(outputs(text, case).values()) <= {0, 1.0}
    text = changed(
        "return [row[: row.index(eos)] if eos in row else row for row in rows]",
        "rows = [row[: row.index(eos)] if eos in row else row for row in rows]\n"
        "        return [[i for i in row if i != bos] for row in rows]",
    )
    assert set(outputs(text, case).values()) <= {0, 1.0}


@pytest.mark.parametrize("case", SMALL)
def test_dropout_does_not_refuse_a_module(case):
    text = changed(
        "return self.score(h)\n", "return self.score(F.dropout(h, 0.5, self.training))\n"
    )
    assert set(outputs(text, case).values()) <= {0, 1.0}


def test_forms_that_cannot_be_used_are_said():
    for find, replace, said in (
        ("return self.score(h)\n", "return self.score(h)[:, :-1]\n", "have shape"),
        ("return self.score(h)\n", "return None\n", "must return a tensor"),
        ("return self.score(h)\n", "return self.score(h) / 0\n", "not all finite"),
        ("class Seq2Seq(nn.Module)", "class Seq2Seq(Plain)", "subclass of torch.nn.Module"),
    ):
        plain = "class Plain:\n    def __init__(self): pass\n\n"
        names = source.load_variant(A5, plain + changed(find, replace))
        run = run_case(EXERCISES["Seq2Seq"], LocalNamespace(names), 11, "one row")
        assert said in str(run.failure)


@pytest.mark.parametrize(
    ("find", "replace", "output", "fault"),
    [
        ("return [row[", "return torch.zeros(len(src), 2)\n        return [row[", "greedy", 1),
        (".tolist()\n", ".tolist()\n        rows = [tuple(r) for r in rows]\n", "greedy", 0),
        ("argmax(dim=2)", "argmin(dim=2)", "greedy", 4),
        ("heard = torch.full(", "state = 0 * state\n        heard = torch.full(", "greedy", 4),
        ("context = last_states(h, lengths)", "context = h.mean(dim=1)", "padding", 2),
        (
            "context = last_states(h, lengths)",
            "context = h.flip(0)[torch.arange(len(h)), lengths - 1]",
            "rows",
            2,
        ),
        ("context[None]", "context[None].flip(1)", "rows", 3),
        (INIT, INIT + "\n        self.spare = nn.Linear(2, 2)", "parameters", 5),
        (INIT, INIT + "\n        self.h0 = torch.zeros(1, requires_grad=True)", "parameters", 0),
    ],
)
def test_faults_of_a_module_are_told_apart(find, replace, output, fault):
    exercise = EXERCISES["Seq2Seq"]
    rng = np.random.default_rng(3)
    ns = LocalNamespace(source.load_variant(A5, changed(find, replace)))
    model = probes.Module(ns, 8, 9, probes.WIDTH, 5, lively=True)
    many = [probes.some_sources(rng, 5, 6, 8) for _ in range(3)]
    batch = (*many[0], rng.integers(0, 9, (5, 4)))
    found = {
        "greedy": lambda: probes.greedy_faults(model, many, 4)[0],
        "padding": lambda: probes.padding_fault(model, rng, batch, 8),
        "rows": lambda: probes.rows_fault(model, batch),
        "parameters": lambda: probes.parameters_fault(model, rng, batch),
    }[output]()
    assert found == fault
    assert exercise.rules[output].compare(np.asarray(0.0), found).ok == (not fault)


def test_a_mistake_in_another_kind_of_module_gets_the_same_hint():
    """Modules differ in their numbers; what is wrong with them is what a hint goes by."""
    lstm = source.load_variants(A5)["lstm_packed"]
    for find, replace, hint in (
        ("h, state = self.decoder", "h, _ = self.decoder", "state-not-carried-in-greedy"),
        ("return self.head(h)", "return self.head(h).softmax(2)", "probabilities-for-logits"),
        ("self.encoder(packed)", "self.encoder(self.embed_in(src))", "context-after-the-padding"),
    ):
        assert lstm.count(find) == 1
        found = verdict("Seq2Seq", lstm.replace(find, replace))
        assert [m.name for m in found.matches] == [hint], found.message


def test_a_mistake_that_nobody_listed_gets_no_hint_that_is_not_its_own():
    own_cells = source.load_variants(A5)["own_cells"]
    assert own_cells.count("scores.argmax(1)") == 1
    found = verdict("Seq2Seq", own_cells.replace("scores.argmax(1)", "scores.argmin(1)"))
    assert found.outcome == "partial"
    assert found.matches == ()
    assert "does not write, step by step, what forward scores highest" in found.message


@pytest.mark.parametrize("name", ["vanilla", "bidirectional_two_layers", "source_in_reverse"])
def test_modules_that_learn_least_stay_above_the_bound(name):
    ns = LocalNamespace(source.load_variant(A5, source.load_variants(A5)[name]))
    shares = [probes.share_learned(ns, np.random.default_rng(50 + k)) for k in range(2)]
    assert min(shares) > probes.LEARNED + 0.1


@pytest.mark.parametrize(
    ("find", "replace"),
    [
        ("h, _ = self.reader(self.look(src))", "h = self.look(src).cumsum(dim=1)"),
        ("self.writer(self.listen(decoder_in), state)", "self.writer(self.listen(decoder_in))"),
        ("h, state = self.writer", "h, _ = self.writer"),
    ],
)
def test_modules_that_cannot_do_the_task_stay_below_the_bound(find, replace):
    ns = LocalNamespace(source.load_variant(A5, changed(find, replace)))
    assert probes.share_learned(ns, np.random.default_rng(60)) < probes.LEARNED - 0.05


def test_a_module_that_was_not_trained_stays_below_the_bound(monkeypatch):
    monkeypatch.setattr(probes, "UPDATES", 1)
    assert probes.share_learned(LocalNamespace(reference()), np.random.default_rng(70)) < 0.1


# --- the notebook ---------------------------------------------------------------------------------


def test_numbers_of_the_examples_in_the_text():
    names = reference()
    one, zero = torch.ones(1, 1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    text = "\n".join(c.source for c in source.read_cells(A5))
    x = torch.full((1, 1, 1), 0.5, dtype=torch.float64)
    first = names["stacked_forward"](x, [(one, one, zero)]).item()
    second = names["stacked_forward"](x, [(one, one, zero)] * 2).item()
    assert f"\\tanh(0.5) = {first:.3f}" in text
    assert f"\\tanh({first:.3f}) = {second:.3f}" in text
    row = torch.tensor([[[1.0], [2.0], [7.0]]], dtype=torch.float64)
    weights = (one, 0 * one, zero)
    both = names["bidirectional_forward"](row, torch.tensor([2]), weights, weights)
    assert both[0].numpy().round(3).tolist() == [[0.762, 0.762], [0.964, 0.964], [0, 0]]
    u, v, w = torch.tensor([[0.1], [0.2], [0.3]], dtype=torch.float64)
    inner = names["tree_rnn"]((v, w), one, 2 * one, zero).item()
    assert f"\\tanh(0.2 + 0.6) = {inner:.3f}" in text
    assert f"\\tanh(0.1 + {2 * round(inner, 3):.3f}) = 0.891" in text
    assert names["tree_rnn"]((u, (v, w)), one, 2 * one, zero).item() == pytest.approx(
        0.891, abs=1e-3
    )
    heard, said = names["shift_targets"]([[5, 6, 7], [], [8]], 1, 2, 0)
    for ids, a, b in zip(("[5, 6, 7]", "[]", "[8]"), heard.tolist(), said.tolist()):
        assert f"| `{ids}` | `{' '.join(map(str, a))}` | `{' '.join(map(str, b))}` |" in text


def test_the_notebook_shows_what_it_says(monkeypatch, capsys):
    shown: list[str] = []
    monkeypatch.setattr(plot, "show", lambda fig, alt: shown.append(alt))
    cells = [c for c in source.read_cells(A5) if c.cell_type == "code"]
    source.execute((c.source for c in cells if c.kind not in ("check", "written")), A5)
    said = capsys.readouterr().out
    assert "0.432" in said
    assert "0.891\n0.786" in said
    assert "0.693\n0.693\n0.0" in said
    assert "MDCCLXXXIX" not in said or "wrong" in said
    assert len(shown) == 6
    by_length = {int(n): float(a) for a, n in re.findall(r"([\d.]+) at (\d+)", shown[-2])}
    assert all(by_length[n] > 0.9 for n in range(3, 9))
    assert by_length[12] < 0.9
    narrow, wide = (
        {int(n): float(a) for a, n in re.findall(r"([\d.]+) at (\d+)", part)}
        for part in re.split(r"64 numbers: ", shown[-1])
    )
    assert narrow[5] < wide[5]
    assert wide[5] > 0.8
    assert wide[9] < 0.5
    assert narrow[2] > 0.9
