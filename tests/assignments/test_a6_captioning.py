"""What is special to assignment a6: parity with torch and sacrebleu, searches against all captions.

What holds for every assignment is in ``test_every_assignment.py``.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import sacrebleu
import torch
import torch.nn.functional as F
from marking import verdict_on
from torch import nn

from autograder import source
from unrolled.exercise import load
from unrolled.exercises import a6_captioning as probes
from unrolled.torch_probe import tensor
from unrolled.verdict import Verdict

A6 = "a6_captioning"
EXERCISES = load(A6)
SEEDS = (501, 502)


def reference() -> Mapping[str, Any]:
    return source.load_reference(A6)


def verdict(name: str, text: str, hints: bool = True) -> Verdict:
    return verdict_on(A6, name, source.load_variant(A6, text), SEEDS, hints)


# --- the reference, libraries and brute force -----------------------------------------------------


def test_the_captioner_is_torchs_cell_with_an_image_at_the_first_step():
    rng = np.random.default_rng(1)
    p = {k: tensor(v) for k, v in probes.captioner(rng, 6, 7, 3, 5).items()}
    image, ids = tensor(rng.standard_normal((4, 6))), tensor(rng.integers(0, 7, (4, 3)))
    cell = nn.RNNCell(3 + 6, 5).double()
    cell.weight_ih.data = torch.cat([p["Wx"], p["Wi"]]).T
    cell.weight_hh.data, cell.bias_ih.data = p["Wh"].T, p["b"]
    cell.bias_hh.data.zero_()
    h, logits = None, reference()["captioner_forward"](image, ids, p)
    for t in range(3):
        seen = image if t == 0 else torch.zeros_like(image)
        h = cell(torch.cat([p["embed"][ids[:, t]], seen], 1), h)
        torch.testing.assert_close(logits[:, t], h @ p["Wo"] + p["bo"])


def test_the_loss_is_torchs_where_something_counts():
    torch.manual_seed(2)
    logits, captions = torch.randn(4, 5, 6).double(), torch.randint(6, (4, 6))
    for pad in (0, 3, 5):
        theirs = F.cross_entropy(logits.mT, captions[:, 1:], ignore_index=pad)
        torch.testing.assert_close(reference()["caption_loss"](logits, captions, pad), theirs)


def test_grid_features_are_what_stands_at_each_place():
    fmap = torch.arange(2 * 3 * 4 * 5).view(2, 3, 4, 5).double()
    grid = reference()["grid_features"](fmap)
    for n, r, s in itertools.product(range(2), range(4), range(5)):
        assert grid[n, 5 * r + s].tolist() == fmap[n, :, r, s].tolist()


CORPUS = """a red ring and a blue cross | a blue cross and a red ring | a ring and a blue cross
a red red ring | a red ring and a ring | a cross
two rings of blue | a ring | two rings of blue and the cross"""


@pytest.mark.parametrize("max_n", [1, 2, 3, 4])
def test_bleu_is_sacrebleus(max_n):
    rows = [[s.split() for s in row.split(" | ")] for row in CORPUS.splitlines()]
    said, known = [row[0] for row in rows], [row[1:] for row in rows]
    metric = sacrebleu.BLEU(tokenize="none", smooth_method="none", max_ngram_order=max_n)
    streams = [[" ".join(references[k]) for references in known] for k in range(2)]
    theirs = metric.corpus_score([" ".join(s) for s in said], streams).score / 100
    assert 0 < theirs < 1
    assert reference()["bleu"](said, known, max_n) == pytest.approx(theirs, abs=1e-12)


def searchable(seed: int, V: int = 4, end: float = 0.3):
    """A captioner with few words as a step, its image, start and end."""
    rng = np.random.default_rng(seed)
    nets, images, start, stop = probes.tellers(rng, end, 5, V, 3, 6)
    steps = []
    probes.searches(
        {"take": lambda step, image: steps.append(step)}, "take", nets[:1], images[:1], ()
    )
    return steps[0], images[0], start, stop


def every_caption(step, image, start: int, end: int, V: int, max_len: int):
    """All captions with their log-probabilities: those that end, and those that are cut."""
    waiting, found = [((), 0.0, None)], []
    for t in range(max_len):
        longer = []
        for ids, total, h in waiting:
            log_p, after = step(image if t == 0 else None, ids[-1] if ids else start, h)
            longer += [((*ids, k), total + log_p[k].item(), after) for k in range(V)]
        found += [(ids, total) for ids, total, _ in longer if ids[-1] == end]
        waiting = [one for one in longer if one[0][-1] != end]
    return found + [(ids, total) for ids, total, _ in waiting]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("power", [0.0, 0.7, 1.3])
def test_a_beam_that_holds_everything_finds_the_best_caption(seed, power):
    step, image, start, end = searchable(seed)
    ids, score = reference()["beam_search"](step, image, start, end, 10_000, 4, power)
    captions = every_caption(step, image, start, end, 4, 4)
    assert math.fsum(math.exp(total) for _, total in captions) == pytest.approx(1)
    best = max(captions, key=lambda one: one[1] / len(one[0]) ** power)
    assert ids == [k for k in best[0] if k != end]
    assert score == pytest.approx(best[1] / len(best[0]) ** power)


@pytest.mark.parametrize("seed", range(4))
def test_a_beam_of_one_is_greedy(seed):
    step, image, start, end = searchable(seed, V=9)
    ids, _ = reference()["beam_search"](step, image, start, end, 1, 6)
    assert ids == reference()["greedy_caption"](step, image, start, end, 6)


def test_the_searches_of_a_check_tell_widths_and_penalties_apart():
    """Inputs on which every search finds the same caption could show no mistake."""
    rng = np.random.default_rng(7)
    nets, images, start, end = probes.tellers(rng, 1.0, 6, 7, 4, 5)

    def found(*rest):
        searched = probes.beam_searches(reference(), nets, images, (start, end, *rest))
        return [tuple(ids) for ids, _ in searched]

    narrow, wide, long = found(1, 6), found(5, 6), found(5, 6, 1.5)
    assert narrow != wide != long != narrow
    assert len({len(ids) for ids in wide}) > 2


# --- mistakes in other styles than the bank's -----------------------------------------------------

WRONG = {
    "the mask of what is heard": (
        "caption_loss",
        """
def caption_loss(logits, captions, pad):
    heard, said = captions[:, :-1], captions[:, 1:]
    log_p = logits.log_softmax(-1).gather(2, said[:, :, None])[:, :, 0]
    return -log_p[heard != pad].mean() if (heard != pad).any() else 0 * logits.sum()
""",
        "mask-from-the-inputs",
    ),
    "a view in place of a transposition": (
        "grid_features",
        """
def grid_features(fmap):
    N, C, R, S = fmap.shape
    return fmap.contiguous().view(N, R * S, C)
""",
        "reshape",
    ),
    "clipping forgotten": (
        "bleu",
        """
def bleu(candidates, references, max_n=4):
    logs = []
    for n in range(1, max_n + 1):
        grams = lambda s: [tuple(s[i:i + n]) for i in range(len(s) - n + 1)]
        hit = total = 0
        for c, refs in zip(candidates, references):
            allowed = {g for r in refs for g in grams(r)}
            hit += sum(g in allowed for g in grams(c))
            total += len(grams(c))
        if not hit:
            return 0.0
        logs.append(math.log(hit / total))
    c = sum(map(len, candidates))
    r = sum(min((abs(len(x) - len(s)), len(x)) for x in refs)[1]
            for s, refs in zip(candidates, references))
    return math.exp(min(0, 1 - r / c) + sum(logs) / max_n)
""",
        "not-clipped",
    ),
    "beams that forget who they were": (
        "beam_search",
        """
def beam_search(step, image, start, end, width, max_len, length_penalty=0.0):
    kept, h = [([], 0.0)], None
    for t in range(max_len):
        pool = [b for b in kept if b[0] and b[0][-1] == end]
        for ids, total in kept:
            if ids and ids[-1] == end:
                continue
            log_p, h = step(image if t == 0 else None, ids[-1] if ids else start, h)
            pool += [(ids + [k], total + log_p[k].item()) for k in range(len(log_p))]
        kept = sorted(pool, key=lambda b: -b[1] / len(b[0]) ** length_penalty)[:width]
    ids, total = kept[0]
    return [k for k in ids if k != end], total / len(ids) ** length_penalty
""",
        None,
    ),
    "START copied before the first step": (  # N3
        "beam_search",
        """
def beam_search(step, image, start, end, width, max_len, length_penalty=0.0):
    kept = [([], 0.0, None)] * width
    for t in range(max_len):
        pool = [b for b in kept if b[0] and b[0][-1] == end]
        for ids, total, h in kept:
            if not ids or ids[-1] != end:
                log_p, after = step(image if t == 0 else None, ids[-1] if ids else start, h)
                pool += [(ids + [k], total + log_p[k].item(), after) for k in range(len(log_p))]
        kept = sorted(pool, key=lambda b: -b[1] / len(b[0]) ** length_penalty)[:width]
    ids, total, _ = kept[0]
    return [k for k in ids if k != end], total / len(ids) ** length_penalty
""",
        "one-candidate",
    ),
    "ids as a tensor of floats": (
        "encode_captions",
        """
_right = encode_captions


def encode_captions(captions, vocab, max_len):
    return _right(captions, vocab, max_len).float()
""",
        None,
    ),
}


@pytest.mark.parametrize("label", WRONG)
def test_a_mistake_in_another_style_is_refused(label):
    name, text, hint = WRONG[label]
    found = verdict(name, text)
    assert found.outcome != "pass"
    assert found.misconception == hint, found.message


def test_a_step_that_is_called_too_often_is_said():
    text = """
_right = greedy_caption


def greedy_caption(step, image, start, end, max_len):
    _right(step, image, start, end, max_len)
    return _right(step, image, start, end, max_len)
"""
    found = verdict("greedy_caption", text, hints=False)
    assert found.points == 0
    assert re.search(r"called step \d+ times for at most 7 words", found.message)


@pytest.mark.parametrize(
    ("name", "returned", "said"),
    [
        ("greedy_caption", "None", "must return a list of ids; it returned a NoneType"),
        ("greedy_caption", "['a']", "must return a list of ids; it returned a list"),
        ("beam_search", "[1, 2, 3]", "must return (ids, score)"),
        ("beam_search", "([1], 'good')", "must be a number; it is a str"),
        ("beam_search", "(4, 0.5)", "must return a list of ids; it returned a int"),
    ],
)
def test_results_of_another_kind_are_named(name, returned, said):
    text = f"def {name}(*args):\n    return {returned}\n"
    assert said in verdict(name, text, hints=False).message


def test_messages_narrow_down_what_no_hint_knows():
    text = """
_right = captioner_forward


def captioner_forward(image, captions_in, params):
    return _right(image, captions_in, params).roll(1, dims=1)
"""
    message = verdict("captioner_forward", text).message
    assert message.startswith("logits is shifted by one time step")


# --- training ------------------------------------------------------------------------------------

LOOPS = [None, *(label for label in source.load_variants(A6) if label.startswith("train"))]


def trained(text: str | None, seed: int, hide: bool = False) -> float:
    """Accuracy on new images after training with the loop of a variant, or the reference's."""
    rng = np.random.default_rng(seed)
    disguise = probes.disguised(rng)
    images, captions = probes.told(disguise, rng, probes.TRAINING)
    new = probes.told(disguise, rng, probes.HELD_OUT)
    names = source.load_variant(A6, text) if text else reference()
    params = names["train_captioner"](
        tensor(0 * images if hide else images),
        tensor(captions),
        disguise.vocab_size,
        disguise.pad,
        probes.STEPS,
        seed,
    )
    return probes.accuracy(
        probes.usable(params, probes.SHAPES, {"F": probes.WIDTH, "V": disguise.vocab_size}),
        *new,
        disguise.pad,
    )


@pytest.mark.slow
@pytest.mark.parametrize("label", LOOPS)
def test_a_correct_loop_is_far_above_the_bound(label):
    text = source.load_variants(A6)[label] if label else None
    assert trained(text, 11) >= 0.97 > probes.TOKENS_RIGHT


@pytest.mark.slow
def test_without_the_image_half_of_the_words_are_wrong():
    assert trained(None, 12, hide=True) < 0.44


def test_the_accuracy_is_that_of_the_captioner():
    rng = np.random.default_rng(3)
    disguise = probes.disguised(rng)
    images, captions = probes.told(disguise, rng, 50)
    V, F_ = disguise.vocab_size, probes.WIDTH
    params = {k: tensor(v) for k, v in probes.captioner(rng, F_, V, 4, 6).items()}
    logits = reference()["captioner_forward"](
        tensor(images).double(), tensor(captions[:, :-1]), params
    )
    said = tensor(captions[:, 1:])
    real = said != disguise.pad
    share = ((logits.argmax(2) == said) & real).sum() / real.sum()
    found = probes.accuracy(params, images, captions, disguise.pad)
    assert found == pytest.approx(share.item(), abs=1e-6)
    assert 0 < found < 0.5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: p.pop("Wi"), "must be a dict with the names"),
        (lambda p: p.update(bo=p["bo"].numpy()), "'bo'] must be a tensor"),
        (lambda p: p.update(Wh=p["Wh"][:, :5]), "'Wh'] has shape (6, 5), expected (6, 6)"),
        (lambda p: p["b"].fill_(math.nan), "not finite"),
        (lambda p: p.update(Wx=torch.zeros(4, 999)), "512 is the most"),
    ],
)
def test_parameters_that_are_none_are_named(change, said):
    rng = np.random.default_rng(4)
    params = {k: tensor(v) for k, v in probes.captioner(rng, probes.WIDTH, 9, 4, 6).items()}
    assert probes.usable(dict(params), probes.SHAPES, {"F": probes.WIDTH, "V": 9})
    change(params)
    with pytest.raises(probes.Failure) as failure:
        probes.usable(params, probes.SHAPES, {"F": probes.WIDTH, "V": 9})
    assert said in str(failure.value)
