"""Assignment a2: what is special about a character model.

Parity with torch, the numbers of the text, the frequency test of the sampler with its power and
its error rate, the bound of the training loop, and mistakes written by hand in other styles.

``python tests/assignments/test_a2_char_lm.py 20`` trains every correct variant 20 times and prints
where they end; the bound of 1.0 comes from that. In 210 runs of the reference and twelve variants
the mean was 0.461 nats per character on unseen text and the worst 0.549 (plain descent at rate
0.1), with at most 0.568 at the end of the losses; within a variant the standard deviation was 0.003
to 0.019. A grading takes the median of three runs.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from marking import verdict_on

from autograder import source
from unrolled.exercise import load
from unrolled.exercises import a2_char_lm as probes
from unrolled.rules import SameFrequencies, chi_square
from unrolled.verdict import Verdict

A2 = "a2_char_lm"
EXERCISES = load(A2)
SEEDS = (301, 302)

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def verdict(name: str, code: str, hints: bool = False) -> Verdict:
    """The verdict on the reference with `code` executed after it."""
    return verdict_on(A2, name, source.load_variant(A2, code), SEEDS, hints)


def text() -> str:
    return "\n".join(c.source for c in source.read_cells(A2))


def test_points_and_order_are_those_of_the_course():
    assert {e.name: e.points for e in EXERCISES.values()} == {
        "word_embedding_forward": 2,
        "word_embedding_backward": 3,
        "batchify": 4,
        "clip_gradients": 4,
        "char_rnn_step": 10,
        "sample": 6,
        "perplexity": 3,
        "train_char_rnn": 6,
    }


# --- parity with torch ---------------------------------------------------------------------------


def test_the_step_agrees_with_torch():
    import torch

    N, T, D, H, V = 3, 5, 4, 6, 7
    rng = np.random.default_rng(4)
    params = probes.model(rng, D, H, V)
    x, y, h0 = probes.text(rng, V, N, T), probes.text(rng, V, N, T), rng.normal(size=(N, H))
    loss, grads, hT = source.load_reference(A2)["char_rnn_step"](params, x, y, h0)

    rnn = torch.nn.RNN(D, H, batch_first=True).double()
    rows = torch.tensor(params["embed"], requires_grad=True)
    Wy, by = (torch.tensor(params[k], requires_grad=True) for k in ("Wy", "by"))
    with torch.no_grad():
        rnn.weight_ih_l0.copy_(torch.tensor(params["Wx"].T))
        rnn.weight_hh_l0.copy_(torch.tensor(params["Wh"].T))
        rnn.bias_ih_l0.copy_(torch.tensor(params["b"]))
        rnn.bias_hh_l0.zero_()
    embedded = torch.nn.functional.embedding(torch.tensor(x), rows)
    h, last = rnn(embedded, torch.tensor(h0)[None])
    logits = (h @ Wy + by).flatten(0, 1)
    auto = torch.nn.functional.cross_entropy(logits, torch.tensor(y).flatten())
    auto.backward()
    assert loss == pytest.approx(auto.item(), abs=1e-13)
    np.testing.assert_allclose(hT, last[0].detach().numpy(), atol=1e-13)
    found = {
        "Wx": rnn.weight_ih_l0.grad.T,
        "Wh": rnn.weight_hh_l0.grad.T,
        "b": rnn.bias_ih_l0.grad,
        "Wy": Wy.grad,
        "by": by.grad,
        "embed": rows.grad,
    }
    for name, grad in found.items():
        np.testing.assert_allclose(grads[name], grad.numpy(), atol=1e-13, err_msg=name)


def test_clipping_agrees_with_torch():
    import torch

    rng = np.random.default_rng(0)
    grads = {"a": rng.normal(size=(3, 4)), "b": rng.normal(size=5)}
    leaves = [torch.zeros(g.shape, dtype=torch.float64) for g in grads.values()]
    for leaf, g in zip(leaves, grads.values()):
        leaf.grad = torch.tensor(g)
    norm = torch.nn.utils.clip_grad_norm_(leaves, 1.5)
    assert source.load_reference(A2)["clip_gradients"](grads, 1.5) == pytest.approx(norm.item())
    for leaf, g in zip(leaves, grads.values()):
        np.testing.assert_allclose(leaf.grad.numpy(), g, rtol=1e-6)


def test_chunks_with_the_state_carried_are_the_whole_text():
    ref, rng = source.load_reference(A2), np.random.default_rng(2)
    params, ids = probes.model(rng, 4, 5, 6), rng.integers(6, size=62)
    h, losses = np.zeros((2, 5)), []
    for x, y in ref["batchify"](ids, 2, 10):
        loss, _, h = ref["char_rnn_step"](params, x, y, h)
        losses.append(loss)
    strips = ids.reshape(2, 31)
    whole, _, last = ref["char_rnn_step"](params, strips[:, :-1], strips[:, 1:], np.zeros((2, 5)))
    assert np.mean(losses) == pytest.approx(whole, abs=1e-13)
    np.testing.assert_allclose(h, last, atol=1e-13)


def test_the_evaluation_of_the_probe_is_the_loss_of_the_step():
    ref, rng = source.load_reference(A2), np.random.default_rng(5)
    params, ids = probes.model(rng, 3, 5, 8), rng.integers(8, size=50)
    loss, _, _ = ref["char_rnn_step"](params, ids[None, :-1], ids[None, 1:], np.zeros((1, 5)))
    assert probes.nats_per_character(params, ids) == pytest.approx(loss, abs=1e-12)


# --- what is returned, and in which form ---------------------------------------------------------

FORMS = {
    ("batchify", "no list"): "def batchify(ids, B, T):\n    return {}",
    ("batchify", "no pairs"): "def batchify(ids, B, T):\n    return [ids]",
    ("batchify", "no arrays"): "def batchify(ids, B, T):\n    return [([1], [2])]",
    ("batchify", "floats"): (
        "b = batchify\ndef batchify(*a):\n    return [(x * 1.0, y * 1.0) for x, y in b(*a)]"
    ),
    ("char_rnn_step", "missing gradient"): (
        "f = char_rnn_step\ndef char_rnn_step(*a):\n    loss, g, h = f(*a)\n"
        "    del g['by']\n    return loss, g, h"
    ),
    ("char_rnn_step", "gradient of h0"): (
        "f = char_rnn_step\ndef char_rnn_step(*a):\n    loss, g, h = f(*a)\n"
        "    return loss, g | {'h0': h}, h"
    ),
    ("char_rnn_step", "state written into h0"): (
        "f = char_rnn_step\ndef char_rnn_step(p, x, y, h0):\n    loss, g, h = f(p, x, y, h0)\n"
        "    h0[:] = h\n    return loss, g, h"
    ),
    ("char_rnn_step", "parameters updated"): (
        "f = char_rnn_step\ndef char_rnn_step(p, x, y, h0):\n    loss, g, h = f(p, x, y, h0)\n"
        "    p['b'] -= g['b']\n    return loss, g, h"
    ),
    ("sample", "floats"): "s = sample\ndef sample(*a):\n    return s(*a) * 1.0",
    ("sample", "one too many"): (
        "s = sample\ndef sample(p, h, c, n, *a):\n    return s(p, h, c, n + 1, *a)"
    ),
    ("sample", "no character"): "s = sample\ndef sample(*a):\n    return s(*a) + 1",
    ("sample", "state written into"): (
        "s = sample\ndef sample(p, h, *a):\n    found = s(p, h, *a)\n    h += 1\n    return found"
    ),
    ("clip_gradients", "name added"): (
        "c = clip_gradients\ndef clip_gradients(g, m):\n    n = c(g, m)\n"
        "    g['norm'] = n\n    return n"
    ),
    ("clip_gradients", "nothing returned"): (
        "c = clip_gradients\ndef clip_gradients(g, m):\n    c(g, m)"
    ),
    ("perplexity", "another exception"): (
        "def perplexity(a, n):\n    return float(np.exp(sum(a) / int(sum(n))))"
    ),
}


@pytest.mark.parametrize(("name", "what"), FORMS)
def test_a_wrong_form_costs_points_and_is_named(name, what):
    found = verdict(name, FORMS[name, what])
    assert found.points < EXERCISES[name].points
    assert found.outcome in ("error", "fail", "partial")
    assert "cannot be used" not in found.message, found.message
    assert re.search(f"{name}|grads|has the type|is None", found.message), found.message


def test_a_list_of_ids_is_accepted():
    assert verdict("sample", "s = sample\ndef sample(*a):\n    return s(*a).tolist()").points == 6


# --- mistakes written by hand --------------------------------------------------------------------
# Each a solution of its own style, not the reference with a line replaced; the ids are those of the
# list of known mistakes.

CLIP = """
def clip_gradients(grads, max_norm):
    total = 0.0
    for name in grads:
        total = total + float((grads[name].astype(float) ** 2).sum())
    norm = total ** 0.5
    for name in grads:
        grads[name][...] *= min(1.0, max_norm / max(norm, 1e-12))
    return norm
"""

STEP = """
def char_rnn_step(params, x, y, h0):
    p, (N, T) = params, x.shape
    h, e, chances, loss = {-1: h0}, {}, {}, 0.0
    for t in range(T):
        e[t] = p["embed"][x[:, t]]
        h[t] = np.tanh(e[t] @ p["Wx"] + h[t - 1] @ p["Wh"] + p["b"])
        o = h[t] @ p["Wy"] + p["by"]
        o = o - o.max(axis=1)[:, None]
        z = np.exp(o).sum(axis=1)[:, None]
        chances[t] = np.exp(o) / z
        loss += (np.log(z)[:, 0] - o[np.arange(N), y[:, t]]).sum() / (N * T)
    g = {k: np.zeros(v.shape) for k, v in p.items()}
    after = np.zeros(h0.shape)
    for t in range(T)[::-1]:
        do = chances[t].copy()
        do[np.arange(N), y[:, t]] -= 1
        do /= N * T
        g["Wy"] += h[t].T @ do
        g["by"] += do.sum(0)
        dh = do @ p["Wy"].T + after
        da = dh * (1 - h[t] ** 2)
        g["b"] += da.sum(0)
        g["Wx"] += e[t].T @ da
        g["Wh"] += h[t - 1].T @ da
        for n in range(N):
            g["embed"][x[n, t]] += p["Wx"] @ da[n]
        after = da @ p["Wh"].T
    return loss, g, h[T - 1]
"""

SAMPLE = """
def sample(params, h, first_id, length, temperature, rng):
    out, c = np.zeros(length, int), first_id
    for i in range(length):
        x = params["embed"][c]
        h = np.tanh(params["b"] + x @ params["Wx"] + h @ params["Wh"])
        o = params["by"] + h @ params["Wy"]
        if temperature == 0:
            c = np.argmax(o)
        else:
            p = np.exp((o - max(o)) / temperature)
            p = p / p.sum()
            c = np.searchsorted(np.cumsum(p), rng.random() * 0.999999999)
        out[i] = c
    return out
"""

STRIPS = """
def batchify(ids, batch_size, seq_len):
    S = len(ids) // batch_size
    rows = [ids[b * S : b * S + S] for b in range(batch_size)]
    batches, at = [], 0
    while at + seq_len < S:
        x = np.stack([r[at : at + seq_len] for r in rows])
        y = np.stack([r[at + 1 : at + seq_len + 1] for r in rows])
        batches.append((x, y))
        at += seq_len
    return batches
"""

PERPLEXITY = """
def perplexity(nll_sums, token_counts):
    nll_sums, token_counts = list(nll_sums), list(token_counts)
    if sum(token_counts) == 0:
        raise ValueError("nothing")
    return np.exp(sum(nll_sums) / sum(token_counts))
"""

EMBEDDING = """
def word_embedding_forward(ids, W):
    return np.take(W, ids, 0), (ids, W)


def word_embedding_backward(dout, cache):
    ids, W = cache
    dW = np.zeros(W.shape)
    for v in range(len(W)):
        dW[v] = dout[ids == v].sum(0)
    return dW
"""

BASES = {
    "word_embedding_forward": EMBEDDING,
    "word_embedding_backward": EMBEDDING,
    "batchify": STRIPS,
    "clip_gradients": CLIP,
    "char_rnn_step": STEP,
    "sample": SAMPLE,
    "perplexity": PERPLEXITY,
}

BY_HAND = [
    ("C1", "word_embedding_backward", "dout[ids == v].sum(0)", "dout[ids == v][-1:].sum(0)",
     "duplicates-overwritten"),
    ("C3", "word_embedding_backward", "in range(len(W))", "in range(1, len(W))",
     "lowest-id-not-trained"),
    ("C5", "word_embedding_forward", "ids, 0)", "ids - 1, 0)", "row-before"),
    ("B3", "char_rnn_step", "Wy\"].T + after", "Wy\"].T", "gradient-not-carried"),
    ("B4", "char_rnn_step", "do @ p[\"Wy\"].T + after", "after if t < T - 1 else do @ p[\"Wy\"].T",
     "own-output-forgotten"),
    ("A2", "char_rnn_step", "dh * (1 - h[t] ** 2)", "dh", "no-tanh-derivative"),
    ("A5", "char_rnn_step", "after = da @ p[\"Wh\"].T", "after = da @ p[\"Wh\"]",
     "carried-not-transposed"),
    ("A6", "char_rnn_step", "h[t - 1].T @ da", "h[t].T @ da", "dwh-from-the-new-state"),
    ("A7", "char_rnn_step", "da.sum(0)", "da.mean(0)", "db-averaged"),
    ("B1", "char_rnn_step", "{-1: h0}", "{-1: np.zeros_like(h0)}", "initial-state-ignored"),
    ("B5", "char_rnn_step", "g[\"Wh\"] +=", "g[\"Wh\"] =", "dwh-overwritten"),
    ("C1", "char_rnn_step", "g[\"embed\"][x[n, t]] += p[\"Wx\"] @ da[n]",
     "g[\"embed\"][x[n, t]] = p[\"Wx\"] @ da[n]", None),
    ("D2", "char_rnn_step", "(N, T) = params, x.shape", "(N, T) = params, x.shape; M = N", None),
    ("D6", "char_rnn_step", "o = o - o.max(axis=1)[:, None]", "pass", "exp-overflows"),
    ("H1", "char_rnn_step", "g, h[T - 1]", "g, 0 * h0", "zero-state-returned"),
    ("H1", "char_rnn_step", "g, h[T - 1]", "g, h0", "initial-state-returned"),
    ("H8", "batchify", "np.stack([r[at : at + seq_len] for r in rows])",
     "ids[at * batch_size :][: batch_size * seq_len].reshape(batch_size, seq_len)", None),
    ("L1", "batchify", "r[at + 1 : at + seq_len + 1]", "r[at : at + seq_len]",
     "targets-are-the-inputs"),
    ("J1", "clip_gradients", "total ** 0.5", "total", "squared-norm"),
    ("J2", "clip_gradients", "max_norm / max(norm, 1e-12)",
     "max_norm / max(np.sqrt((grads[name] ** 2).sum()), 1e-12)", None),
    ("J4", "clip_gradients", "min(1.0, max_norm / max(norm, 1e-12))",
     "(max_norm / max(norm, 1e-12))", None),
    ("", "clip_gradients", "grads[name][...] *= ", "grads[name] = grads[name] * ",
     "new-arrays-in-the-dictionary"),
    ("I1", "sample", "/ temperature)", "* temperature)", "temperature-multiplied"),
    ("I3", "sample", "p = p / p.sum()", "p = np.exp(p / p.sum()); p = p / p.sum()",
     "softmax-twice"),
    ("I4", "sample", "np.searchsorted(np.cumsum(p), rng.random() * 0.999999999)", "np.argmax(p)",
     "argmax-for-sampling"),
    ("I5", "sample", "rng.random()", "np.random.default_rng(3).random()", None),
    ("I5", "sample", "rng.random()", "np.random.rand()", "global-generator"),
    ("I8", "sample", "x = params[\"embed\"][c]",
     "x = params[\"embed\"][c] if i == 0 or temperature == 0 else p @ params[\"embed\"]",
     "probabilities-fed-back"),
    ("B1", "sample", "out, c = np.zeros(length, int), first_id",
     "out, c, h = np.zeros(length, int), first_id, np.zeros_like(h)", "state-restarted-at-zero"),
    ("", "sample", "out[i] = c", "out[i] = c; c = first_id", "first-character-fed-again"),
    ("D6", "sample", "np.exp((o - max(o)) / temperature)", "np.exp(o / temperature)", None),
    ("D12", "perplexity", "np.exp(sum(nll_sums) / sum(token_counts))",
     "np.exp(np.mean([a / n for a, n in zip(nll_sums, token_counts)]))", None),
    ("D12", "perplexity", "np.exp(sum(nll_sums) / sum(token_counts))",
     "np.mean([np.exp(a / max(n, 1)) for a, n in zip(nll_sums, token_counts)])", None),
    ("D13", "perplexity", "np.exp(sum", "2 ** (sum", "two-to-the-nats"),
]  # fmt: skip


@pytest.mark.parametrize("name", BASES)
def test_the_bases_of_the_mistakes_by_hand_are_right(name):
    found = verdict(name, BASES[name])
    assert found.points == EXERCISES[name].points, found.message


@pytest.mark.parametrize(
    ("id_", "name", "find", "replace", "hint"),
    BY_HAND,
    ids=[f"{b[1]}-{i}" for i, b in enumerate(BY_HAND)],
)
def test_a_mistake_by_hand_is_refused_with_the_right_hint(id_, name, find, replace, hint):
    base = BASES[name]
    assert base.count(find) == 1
    code = base.replace(find, replace)
    if id_ == "D2":
        code = code.replace("/ (N * T)", "/ M").replace("/= N * T", "/= M")
        hint = "mean-over-rows-only"
    found = verdict(name, code, hints=True)
    assert found.points < EXERCISES[name].points
    if hint:
        assert [m.name for m in found.matches] == [hint], found.message


# --- the sampler ---------------------------------------------------------------------------------

CASES = [
    (kw.get("length", 3), kw["temperature"], kw.get("texts", 1500))
    for kw in EXERCISES["sample"].cases.values()
    if not kw.get("cold")
]
"""Length, temperature and number of texts of the cases that count."""

Draw = Callable[[np.ndarray], np.ndarray]


def chances_of_texts(
    params: Mapping[str, np.ndarray],
    h: np.ndarray,
    first_id: int,
    length: int,
    draw: Draw,
    carried: bool = True,
    fed: str = "drawn",
    squash: Draw = np.tanh,
) -> np.ndarray:
    """The probability of every text of some characters, (V,) * length; `draw` maps logits to p."""
    V = len(params["by"])
    chances = np.zeros((V,) * length)

    def go(state: np.ndarray, x: np.ndarray, before: tuple[int, ...], p: float) -> None:
        new = squash(x @ params["Wx"] + (state if carried else h) @ params["Wh"] + params["b"])
        q = draw(new @ params["Wy"] + params["by"])
        for c in range(V):
            if len(before) + 1 == length:
                chances[(*before, c)] = p * q[c]
                continue
            rows = {"drawn": params["embed"][c], "first": params["embed"][first_id]}
            go(new, rows.get(fed, q @ params["embed"]), (*before, c), p * q[c])

    go(h, params["embed"][first_id], (), 1.0)
    return chances


def softmax(o: np.ndarray) -> np.ndarray:
    return np.exp(o - o.max()) / np.exp(o - o.max()).sum()


def wrong_samplers(
    params: dict[str, np.ndarray], h: np.ndarray, first_id: int, T: float
) -> dict[str, dict[str, Any]]:
    """Arguments of `chances_of_texts` for samplers with a mistake."""
    right = {"params": params, "h": h, "first_id": first_id, "draw": lambda o: softmax(o / T)}
    return {
        "temperature multiplied": right | {"draw": lambda o: softmax(o * T)},
        "temperature ignored": right | {"draw": softmax},
        "softmax twice": right | {"draw": lambda o: softmax(softmax(o / T))},
        "uniform": right | {"draw": lambda o: softmax(0 * o)},
        "state not carried": right | {"carried": False},
        "probabilities fed": right | {"fed": "probabilities"},
        "first character fed": right | {"fed": "first"},
        "no tanh": right | {"squash": lambda a: a},
        "state from zero": right | {"h": 0 * h},
        "bias missing": right | {"params": params | {"b": 0 * params["b"]}},
        "output bias missing": right | {"params": params | {"by": 0 * params["by"]}},
        "transposed recurrence": right | {"params": params | {"Wh": params["Wh"].T}},
        **{
            f"first id {other} places off": right | {"first_id": (first_id + other) % 4}
            for other in (1, 2, 3)
        },
    }


def distance(p: np.ndarray, q: np.ndarray, n: int) -> float:
    """How many standard deviations the mean of the statistic lies beyond the threshold."""
    cells, shift = p.size, float(n * np.sum((p - q) ** 2 / (p + q)))
    beyond = cells - 1 + shift - SameFrequencies(probes.RIGHT_SAMPLER_REFUSED).threshold(cells)
    return beyond / np.sqrt(2 * (cells - 1) + 4 * shift)


@pytest.mark.parametrize("seed", probes.TELLING)
def test_every_model_tells_every_known_mistake(seed):
    params, h, first_id = probes.telling(seed, 4)
    best: dict[str, float] = {}
    for length, T, n in CASES[:1]:  # each case has a model of its own: one has to do
        right = chances_of_texts(params, h, first_id, length, lambda o, T=T: softmax(o / T))
        assert right.sum() == pytest.approx(1)
        for name, wrong in wrong_samplers(params, h, first_id, T).items():
            other = chances_of_texts(length=length, **wrong)
            one, two = (p.reshape(4, -1).sum(axis=1) for p in (right, other))
            found = max(distance(right, other, n), distance(one, two, n))
            best[name] = max(best.get(name, -np.inf), found)
    assert min(best.values()) >= 6, best


def test_a_disguise_moves_no_probability():
    rng = np.random.default_rng(0)
    for _ in range(5):
        seed = int(np.random.default_rng(rng.integers(2**31)).choice(probes.TELLING))
        params, h, first_id = probes.telling(seed, 4)
        again = np.random.default_rng(int(rng.integers(2**31)))

        class One:
            """A generator whose first choice is the seed."""

            def __getattr__(self, name, again=again):
                return getattr(again, name)

            def choice(self, of, size=None, again=again, seed=seed):
                return seed if of is probes.TELLING else again.choice(of, size=size)

        disguised = probes.undecided(One(), 4)
        assert disguised[2] != 0
        plain = chances_of_texts(params, h, first_id, 2, softmax)
        moved = chances_of_texts(*disguised, 2, softmax)
        np.testing.assert_allclose(np.sort(plain, axis=None), np.sort(moved, axis=None), rtol=1e-9)


def test_a_right_sampler_is_not_refused():
    """20,000 tests of right against right: the largest statistic stays far below the threshold."""
    rng = np.random.default_rng(1)
    worst = 0.0
    for k in range(200):
        model = probes.telling(probes.TELLING[k % len(probes.TELLING)], 4)
        length, T, n = CASES[k % len(CASES)]
        p = chances_of_texts(*model, length, lambda o, T=T: softmax(o / T)).ravel()
        for a, b in rng.multinomial(n, p, (100, 2)):
            statistic, cells = chi_square(a, b)
            limit = SameFrequencies(probes.RIGHT_SAMPLER_REFUSED).threshold(cells)
            worst = max(worst, statistic / limit)
    assert worst < 0.75


@pytest.mark.parametrize("seed", probes.TELLING)
def test_a_long_text_does_not_come_out_twice_by_chance(seed):
    """60 characters with a tenth of the logits: the chance that two draws agree, at its largest.

    Every unit lies between -1 and 1, which bounds each logit and with it every probability.
    """
    params, _, _ = probes.telling(seed, 4)
    away = np.abs(params["Wy"]).sum(axis=0) / 10
    low, high = params["by"] / 10 - away, params["by"] / 10 + away
    others = [np.exp(np.delete(low, c)).sum() for c in range(4)]
    largest = max(np.exp(v) / (np.exp(v) + rest) for v, rest in zip(high, others))
    assert largest**60 < probes.RIGHT_SAMPLER_REFUSED


def test_the_cold_models_leave_no_doubt():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        params, h, c = probes.decided(rng, 4, 1.0)
        for _ in range(5):
            a = params["embed"][c] @ params["Wx"] + h @ params["Wh"] + params["b"]
            assert np.abs(a).min() > 50
            h = np.tanh(a)
            o = np.sort(h @ params["Wy"] + params["by"])
            assert o[-1] - o[-2] > 0.05
            c = int(np.argmax(h @ params["Wy"] + params["by"]))


# --- the training loop ---------------------------------------------------------------------------


def training_verdict(code: str) -> Verdict:
    return verdict("train_char_rnn", code)


FAKES = {
    "no parameters": ("return None, [1.0] * steps", "params must be a dict"),
    "float32": (
        "return {k: v.astype(np.float32) for k, v in p.items()}, [1.0] * steps",
        "must be a float64 array; it is float32",
    ),
    "a name missing": ("del p['by']; return p, [1.0] * steps", "params must be a dict"),
    "shapes that do not fit": ("p['by'] = p['by'][1:]; return p, [1.0] * steps", "has shape (7,)"),
    "too few losses": ("return p, [1.0] * 20", "it has 20 entries"),
    "losses that are no numbers": ("return p, ['a'] * steps", "losses must be a list of floats"),
    "too good to be true": ("return p, [0.01] * steps", "nobody can be below 0.443"),
    "untrained": ("return p, [1.0] * steps", "nats per character on unseen text"),
    "not a number": ("p['b'] = p['b'] * np.nan; return p, [1.0] * steps", "no finite number"),
}


@pytest.mark.parametrize("what", FAKES)
def test_what_train_char_rnn_must_not_return(what):
    body, message = FAKES[what]
    code = f"""
def train_char_rnn(ids, vocab_size, steps, rng):
    n = rng.standard_normal
    p = {{"Wx": n((3, 4)), "Wh": n((4, 4)), "b": n(4), "Wy": n((4, 8)), "by": n(8)}}
    p["embed"] = n((8, 3))
    {body}
"""
    found = training_verdict(code)
    assert found.points < 6
    assert message in found.message


WRONG_TRAINING = {
    "a state of zeros at every character": ("x, y, h)", "x[:, :1], y[:, :1], 0 * h)"),
    "uphill": ("params[name] -=", "params[name] +="),
    "steps that are too short": ("16, 64, 16, 25, 0.1", "16, 64, 16, 25, 1e-4"),
    "weights of zero": ("rng.normal(0, 1 / np.sqrt(fan_in)", "0 * rng.normal(0, 1"),
    "one row of another text": ("batches[step % len(batches)]", "batches[0][0], batches[-1][1]"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG_TRAINING)
def test_training_that_goes_wrong_misses_the_bound(what):
    find, replace = WRONG_TRAINING[what]
    code = source.solution_cell(A2, "train_char_rnn").source
    assert code.count(find) == 1
    found = training_verdict(code.replace(find, replace))
    assert (found.outcome, found.points) == ("fail", 0), found.message


def test_the_language_is_what_the_notebook_says():
    rng = np.random.default_rng(0)
    singles, pairs = [], []
    for _ in range(20):
        words = probes.language(rng)
        assert sorted(map(len, words)) == [n + 1 for n in probes.LENGTHS]
        assert len({tuple(w) for w in words}) == 10
        seen, unseen = (probes.speech(rng, words, n) for n in (20_000, 4_000))
        assert (len(seen), seen.min(), seen.max()) == (20_000, 0, seen.max())
        assert seen.max() <= probes.LETTERS
        table = np.full((8, 8), 0.1)
        np.add.at(table, (seen[:-1], seen[1:]), 1)
        one, two = table.sum(0) / table.sum(), table / table.sum(1, keepdims=True)
        singles.append(-np.log(one[unseen[1:]]).mean())
        pairs.append(-np.log(two[unseen[:-1], unseen[1:]]).mean())
    assert pytest.approx(np.log(10) / 5.2) == probes.FLOOR
    assert f"{probes.FLOOR:.3f}" == "0.443"
    assert np.mean(singles) == pytest.approx(2.0, abs=0.05)
    assert np.mean(pairs) == pytest.approx(1.4, abs=0.05)
    # Even the easiest languages leave room between the pairs and the bound.
    assert min(pairs) > probes.HELD_OUT_BOUND + 0.15
    words_of = " ".join(text().split())
    for said in ("20,000 characters", "600 steps", "4,000 characters", "at most 1.0", "0.443"):
        assert said in words_of
    assert "how frequent each character is has 2.0; who knows the last character only has 1.4" in (
        words_of.replace("# ", "")
    )


# --- the notebook --------------------------------------------------------------------------------


@pytest.fixture
def shown(monkeypatch) -> list[str]:
    """The alt texts of the figures that are shown."""
    from unrolled import plot

    alts: list[str] = []
    monkeypatch.setattr(plot, "show", lambda fig, alt: alts.append(alt))
    return alts


def test_the_notebook_teaches_what_it_says(shown, capsys):
    cells = [
        c.source.replace("STEPS = 6000", "STEPS = 800")
        for c in source.read_cells(A2)
        if c.cell_type == "code" and c.kind not in ("check", "written")
    ]
    source.execute(cells, A2)
    said = capsys.readouterr().out
    assert "[[[5.0, 6.0], [1.0, 2.0], [5.0, 6.0]]]" in said
    assert "[[2.0, 20.0], [0.0, 0.0], [4.0, 40.0]]" in said
    assert "abc|ijk|qrs -> bcd|jkl|rst\ndef|lmn|tuv -> efg|mno|uvw" in said
    assert "5.0 [1.5, 0.0] [[2.0]]" in said
    assert "loss 1.059, state [-0.411  0.372  0.986]" in said
    assert "\n1.22\n" in said
    columns = re.findall(r"^(?:Wx|Wh|b|Wy|by|embed) +(\S+) +(\S+)$", said, re.MULTILINE)
    assert len(columns) == 6
    assert all(abs(float(a) - float(b)) < 1e-7 for a, b in columns)
    single, pair, own = (float(v) for v in re.findall(r"^  \D+ +([\d.]+)$", said, re.MULTILINE))
    assert own < pair < single
    assert len(re.findall(r"^----- temperature", said, re.MULTILINE)) == 4
    assert len(shown) == 3


def test_numbers_of_the_examples_in_the_text():
    ref = source.load_reference(A2)
    for T, said in ((1, 0.88), (0.5, 0.98), (2, 0.73)):
        assert round(1 / (1 + np.exp(-2 / T)), 2) == said
        assert f"{said}" in text()
    assert round(ref["perplexity"]([2.0, 0.0], [1, 9]), 2) == 1.22
    assert round(np.exp((2 + 0) / 2), 2) == 2.72
    assert round((np.exp(2) + 1) / 2, 2) == 4.19
    assert round(np.log(4), 3) == 1.386
    letters = probes.text(np.random.default_rng(0), 5, 3, 4)
    assert {0, 4} <= set(letters.ravel().tolist())


def test_the_hello_of_the_notebook_is_that_of_the_book():
    chapter = (source.ROOT / "book/chapters/04-language-models.md").read_text("utf-8")
    (cell,) = [c.source for c in source.read_cells(A2) if c.name == "example_hello"]
    here = re.findall(r"-?\d\.\d", cell.split("reads, follows")[0].split("hello = {")[1])
    there = re.findall(r"-?\d\.\d", chapter.split("hello = {")[1].split("np.zeros(4)")[0])
    assert here == there


def measure(times: int) -> None:
    """Train the reference and every variant `times` times; print where they end."""
    names = {"reference": source.load_reference(A2)}
    for label, code in source.load_variants(A2).items():
        if label.startswith("training"):
            names[label] = source.load_variant(A2, code)
    for label, of in names.items():
        ends, begin = [], time.process_time()
        for k in range(times):
            rng = np.random.default_rng([987, k])
            words = probes.language(rng)
            seen, unseen = (
                probes.speech(rng, words, n) for n in (probes.TRAINING_IDS, probes.HELD_OUT_IDS)
            )
            params, losses = of["train_char_rnn"](seen, 8, probes.TRAINING_STEPS, probes.fresh(rng))
            ends.append((probes.nats_per_character(params, unseen), probes.end_of(losses)))
        means, worst = np.mean(ends, axis=0), np.max(ends, axis=0)
        seconds = (time.process_time() - begin) / times
        print(
            f"{label:42} held out {means[0]:.3f} (worst {worst[0]:.3f}), losses {means[1]:.3f} "
            f"(worst {worst[1]:.3f}), {seconds:.1f} s",
            flush=True,
        )


if __name__ == "__main__":
    measure(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
