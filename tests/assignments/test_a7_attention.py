"""What is special to assignment a7: parity with torch, what trains and never looks.

What holds for every assignment is in ``test_every_assignment.py``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from marking import verdict_on
from torch import nn

from autograder import source
from unrolled import plot
from unrolled.exercise import load
from unrolled.exercises import a7_attention as probes
from unrolled.judge import run_case
from unrolled.namespace import Failure, LocalNamespace
from unrolled.torch_probe import tensor
from unrolled.verdict import Verdict

A7 = "a7_attention"
EXERCISES = load(A7)
SEEDS = (401, 402)

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def reference() -> Mapping[str, Any]:
    return source.load_reference(A7)


def verdict(name: str, text: str, hints: bool = True) -> Verdict:
    return verdict_on(A7, name, source.load_variant(A7, text), SEEDS, hints)


def changed(name: str, find: str, replace: str) -> str:
    cell = source.solution_cell(A7, name).source
    assert cell.count(find) == 1
    return cell.replace(find, replace)


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64)


# --- the reference, PyTorch and theory ------------------------------------------------------------


@pytest.mark.parametrize("grid", [(3, 5), (4, 4), (1, 6), (5, 1), (7, 2)])
@pytest.mark.parametrize("size", [(3, 5), (8, 8), (2, 9), (1, 1), (20, 3)])
def test_maps_are_the_formula_of_the_text_and_those_of_torch(grid, size):
    torch.manual_seed(0)
    alpha = random(grid[0] * grid[1]).softmax(0)
    found = reference()["attention_map"](alpha, grid, size)
    # np.interp repeats the border
    x, y = (((np.arange(s) + 0.5) * g / s - 0.5) for g, s in zip(grid, size))
    small = alpha.numpy().reshape(grid)
    tall = np.stack([np.interp(x, np.arange(grid[0]), c) for c in small.T], axis=1)
    fine = np.stack([np.interp(y, np.arange(grid[1]), r) for r in tall])
    np.testing.assert_allclose(found.numpy(), fine / fine.sum(), rtol=0, atol=1e-12)
    theirs = F.interpolate(alpha.view(1, 1, *grid), size, mode="bilinear", align_corners=False)[
        0, 0
    ]
    torch.testing.assert_close(found, theirs / theirs.sum(), rtol=0, atol=1e-12)


def test_a_look_is_that_of_torch():
    """With queries of length 1 and keys that are the scores, the dot product gives the scores."""
    torch.manual_seed(1)
    a, e = random(4, 5, 3), random(4, 5)
    mask = torch.rand(4, 5) < 0.6
    mask[:, 0] = True
    z, _ = reference()["attend"](a, e, mask)
    query, keys = torch.ones(4, 1, 1, dtype=torch.float64), e[:, :, None]
    theirs = F.scaled_dot_product_attention(query, keys, a, attn_mask=mask[:, None])
    torch.testing.assert_close(z, theirs[:, 0], rtol=0, atol=1e-12)


def test_a_step_is_that_of_torchs_cell():
    torch.manual_seed(2)
    params = {
        name: tensor(value)
        for name, value in probes.captioner(np.random.default_rng(2), 7, 3, 4, 5, 6).items()
    }
    a, ids = random(3, 8, 4), torch.randint(7, (3, 4))
    logits, alphas = reference()["attention_captioner_forward"](a, ids, params)
    cell = nn.RNNCell(3 + 4, 5).double()
    cell.weight_ih.data = torch.cat([params["Wx"], params["Wz"]]).T
    cell.weight_hh.data, cell.bias_ih.data = params["Wh"].T, params["b"]
    cell.bias_hh.data.zero_()
    h = torch.zeros(3, 5, dtype=torch.float64)
    for t in range(4):
        scores = torch.tanh(a @ params["Wa"] + (h @ params["Wq"])[:, None]) @ params["v"]
        torch.testing.assert_close(alphas[:, t], scores.softmax(1), rtol=0, atol=1e-12)
        z = torch.einsum("nl,nld->nd", alphas[:, t], a)
        h = cell(torch.cat([params["embed"][ids[:, t]], z], 1), h)
        torch.testing.assert_close(logits[:, t], h @ params["Wo"] + params["bo"])


@pytest.mark.parametrize("baseline", [0.0, -2.0, 7.0])
def test_the_loss_of_hard_attention_has_the_right_gradient_on_average(baseline):
    scores, reward = random(5), random(5)
    p = scores.softmax(0)
    rows = []
    for place in range(5):
        e = scores.clone().requires_grad_()
        loss = reference()["hard_attention_loss"](
            e.log_softmax(0)[None],
            torch.tensor([place]),
            reward[[place]],
            torch.full((1,), baseline, dtype=torch.float64),
        )
        rows.append(torch.autograd.grad(loss, e)[0])
    e = scores.clone().requires_grad_()
    (exact,) = torch.autograd.grad(-(e.softmax(0) @ reward), e)
    torch.testing.assert_close(p @ torch.stack(rows), exact, rtol=0, atol=1e-12)


def test_the_penalty_is_least_for_even_looks_and_the_targets_differ_by_a_constant():
    penalty = reference()["doubly_stochastic_penalty"]
    even = torch.full((2, 3, 7), 1 / 7, dtype=torch.float64)
    assert penalty(even).item() == pytest.approx(0, abs=1e-12)
    for k in range(3):
        alphas = tensor(probes.shares(np.random.default_rng(k), 2, 3, 7))
        with_one = (1 - alphas.sum(1)).square().sum(1).mean()
        gap = with_one - penalty(alphas)
        assert gap.item() == pytest.approx(7 * (1 - 3 / 7) ** 2)


# --- mistakes in other styles than the bank's -----------------------------------------------------

WRONG = {
    "the query added along the places": (
        "additive_scores",
        """
def additive_scores(a, h, Wa, Wh, v):
    query = h @ Wh
    if len(query) != a.shape[1]:
        query = query[:, None]
    return torch.tanh(a @ Wa + query) @ v
""",
        None,
    ),
    "both parts squashed": (
        "additive_scores",
        """
def additive_scores(a, h, Wa, Wh, v):
    keys, query = (a @ Wa).tanh(), (h @ Wh).tanh()
    return torch.einsum("nlk,k->nl", keys + query.unsqueeze(1), v)
""",
        "squashed-apart",
    ),
    "an axis too many": (
        "additive_scores",
        """
def additive_scores(a, h, Wa, Wh, v):
    return torch.tanh(a @ Wa + (h @ Wh)[:, None]) @ v[:, None]
""",
        None,
    ),
    "float32 scores": (
        "additive_scores",
        """
def additive_scores(a, h, Wa, Wh, v):
    return (torch.tanh(a @ Wa + (h @ Wh)[:, None]) @ v).float()
""",
        None,
    ),
    "minus infinity and nothing else": (
        "attend",
        """
def attend(a, e, mask):
    if mask is not None:
        e = e.masked_fill(mask == 0, -float("inf"))
    alpha = F.softmax(e, dim=-1)
    return torch.bmm(alpha[:, None], a)[:, 0], alpha
""",
        "not-a-number-when-empty",
    ),
    "minus a billion": (
        "attend",
        """
def attend(a, e, mask):
    if mask is not None:
        e = torch.where(mask, e, torch.full_like(e, -1e9))
    alpha = e.softmax(dim=-1)
    return torch.einsum("nl,nld->nd", alpha, a), alpha
""",
        "large-negative-number",
    ),
    "True means drop": (
        "attend",
        """
def attend(a, e, mask):
    if mask is not None:
        e = e.masked_fill(mask & ~mask.all(1, keepdim=True), float("-inf"))
    alpha = e.softmax(1)
    if mask is not None:
        alpha = alpha.masked_fill(mask, 0)
    return (alpha.unsqueeze(-1) * a).sum(1), alpha
""",
        "inverted-mask",
    ),
    "written into the scores": (
        "attend",
        """
def attend(a, e, mask):
    if mask is not None:
        e[~mask & mask.any(1, keepdim=True)] = float("-inf")
    alpha = e.softmax(1)
    if mask is not None:
        alpha = alpha * mask
    return (alpha[:, :, None] * a).sum(1), alpha
""",
        None,
    ),
    "one mask for all rows": (
        "attend",
        """
def attend(a, e, mask):
    if mask is not None:
        e = e.masked_fill(~mask.any(0), -1e30)
    alpha = e.softmax(1)
    return (alpha[:, :, None] * a).sum(1), alpha
""",
        None,
    ),
    "Luong's order": (
        "attention_captioner_forward",
        """
def attention_captioner_forward(a, captions_in, params):
    p, h, out = params, a.new_zeros(len(a), len(params["b"])), []
    for t in range(captions_in.shape[1]):
        x = p["embed"][captions_in[:, t]] @ p["Wx"] + p["b"]
        asks = torch.tanh(x + h @ p["Wh"])
        z, alpha = attend(a, additive_scores(a, asks, p["Wa"], p["Wq"], p["v"]), None)
        h = torch.tanh(x + h @ p["Wh"] + z @ p["Wz"])
        out.append((h @ p["Wo"] + p["bo"], alpha))
    return tuple(torch.stack(part, 1) for part in zip(*out))
""",
        "new-state-asks",
    ),
    "the context of the whole image from the first step": (
        "attention_captioner_forward",
        """
def attention_captioner_forward(a, captions_in, params):
    p, h, out, z = params, a.new_zeros(len(a), len(params["b"])), [], None
    for ids in captions_in.unbind(1):
        new, alpha = attend(a, additive_scores(a, h, p["Wa"], p["Wq"], p["v"]), None)
        z = new if z is None else z
        h = torch.tanh(p["embed"][ids] @ p["Wx"] + z @ p["Wz"] + h @ p["Wh"] + p["b"])
        out.append((h @ p["Wo"] + p["bo"], alpha))
    return tuple(torch.stack(part, 1) for part in zip(*out))
""",
        "first-context-at-every-step",
    ),
    "time first": (
        "attention_captioner_forward",
        """
def attention_captioner_forward(a, captions_in, params):
    p, h, out = params, a.new_zeros(len(a), len(params["b"])), []
    for ids in captions_in.unbind(1):
        z, alpha = attend(a, additive_scores(a, h, p["Wa"], p["Wq"], p["v"]), None)
        h = torch.tanh(p["embed"][ids] @ p["Wx"] + z @ p["Wz"] + h @ p["Wh"] + p["b"])
        out.append((h @ p["Wo"] + p["bo"], alpha))
    return tuple(torch.stack(part) for part in zip(*out))
""",
        None,
    ),
    "the paper's target": (
        "doubly_stochastic_penalty",
        """
def doubly_stochastic_penalty(alphas):
    return ((1.0 - alphas.sum(1)) ** 2).sum(1).mean(0)
""",
        "target-one",
    ),
    "a target of other sums": (
        "doubly_stochastic_penalty",
        """
def doubly_stochastic_penalty(alphas):
    sums = alphas.sum(1)
    return (sums - sums.mean()).square().mean()
""",
        "mean-over-the-places",
    ),
    "a probability for its logarithm": (
        "hard_attention_loss",
        """
def hard_attention_loss(log_p, place, reward, baseline):
    p = log_p.exp()[torch.arange(len(place)), place]
    return ((baseline - reward).detach() * p).mean()
""",
        "through-the-probability",
    ),
    "a vector": (
        "hard_attention_loss",
        """
def hard_attention_loss(log_p, place, reward, baseline):
    return -(reward - baseline).detach() * log_p[torch.arange(len(place)), place]
""",
        None,
    ),
    "pixels and places from their corners": (
        "attention_map",
        """
def attention_map(alpha, grid, size):
    x, y = (torch.linspace(0, g - 1, s, dtype=alpha.dtype) for g, s in zip(grid, size))
    hat = lambda x, g: (1 - (x[:, None] - torch.arange(g)).abs()).clamp(min=0)
    fine = hat(x, grid[0]) @ alpha.reshape(grid) @ hat(y, grid[1]).T
    return fine / fine.sum()
""",
        "corners-aligned",
    ),
    "filled column by column": (
        "attention_map",
        """
def attention_map(alpha, grid, size):
    small = torch.zeros(grid, dtype=alpha.dtype)
    for l, weight in enumerate(alpha):
        small[l % grid[0], l // grid[0]] = weight
    fine = F.interpolate(small[None, None], size, mode="bilinear")[0, 0]
    return fine / fine.sum()
""",
        "column-by-column",
    ),
    "repeated pixels": (
        "attention_map",
        """
def attention_map(alpha, grid, size):
    fine = F.interpolate(alpha.reshape(1, 1, *grid), size)[0, 0]
    return fine / fine.sum()
""",
        "nearest-place",
    ),
    "over all steps": (
        "pointing_accuracy",
        """
def pointing_accuracy(alphas, places):
    return (alphas.argmax(-1) == places).double().mean().item()
""",
        "steps-without-a-place-count",
    ),
    "a tensor": (
        "pointing_accuracy",
        """
def pointing_accuracy(alphas, places):
    meant = places >= 0
    return (alphas.argmax(-1) == places)[meant].double().mean() if meant.any() else torch.zeros(())
""",
        None,
    ),
    "nothing meant": (
        "pointing_accuracy",
        """
def pointing_accuracy(alphas, places):
    return (alphas.argmax(-1) == places)[places >= 0].double().mean().item()
""",
        "not-a-number-without-steps",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_mistakes_in_other_styles_are_refused(what):
    name, text, hint = WRONG[what]
    found = verdict(name, text)
    assert found.outcome != "pass"
    assert [m.name for m in found.matches] == ([hint] if hint else [])


SAID = {
    "the query added along the places": "It is right in every other case.",
    "an axis too many": "has shape",
    "float32 scores": "has the type float32, expected float64",
    "written into the scores": "attend wrote into its argument e.",
    "time first": "the axes are in another order",
    "a vector": "must return a scalar; it returned the shape",
    "a tensor": "expected a number",
    "minus infinity and nothing else": "contains",
}


@pytest.mark.parametrize("what", SAID)
def test_the_message_says_what_is_off(what):
    name, text, _ = WRONG[what]
    assert SAID[what] in verdict(name, text).message


def test_a_gradient_that_is_no_number_costs_the_gradient_and_not_the_results():
    (m,) = (m for m in source.load_misconceptions(A7) if m.name == "repaired-forwards-only")
    found = verdict("attend", source.mutate(A7, m))
    assert found.outcome == "partial"
    assert {r.output for r in found.rows if not r.ok} == {"gradient of z", "gradient of alpha"}
    assert "NaN" in found.message
    assert m.hint in found.message


def test_a_loss_without_a_gradient_earns_nothing_for_rewards_that_get_none():
    text = """
def hard_attention_loss(log_p, place, reward, baseline):
    return torch.zeros(())
"""
    assert verdict("hard_attention_loss", text).points == 0


def test_a_mistake_in_an_earlier_exercise_is_not_charged_twice():
    """The captioner writes its own look; that of `attend` may be wrong."""
    text = changed("attend", "is None else mask", "is None else ~mask")
    assert verdict("attention_captioner_forward", text).outcome == "pass"


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

    a, h, *_, v = seen["additive_scores"]
    assert len({*a.shape, h.shape[1], len(v)}) == 5

    a, e, mask = seen["attend"]
    assert len(set(a.shape)) == 3
    kept = mask.sum(1)
    assert kept.min() > 0
    assert (kept < a.shape[1]).sum() > 1
    assert len(set(kept.tolist())) > 1
    assert (e.where(mask, -torch.inf).argmax(1) != e.argmax(1)).any()

    a, ids, params = seen["attention_captioner_forward"]
    assert ids.shape[1] >= 3
    assert len({*a.shape[:2], ids.shape[1]}) == 3
    assert len({params["embed"].shape[1], a.shape[2], *params["Wq"].shape, len(params["bo"])}) == 5
    assert torch.equal(ids[:, 0], ids[:, 2])

    (alphas,) = seen["doubly_stochastic_penalty"]
    assert len(set(alphas.shape)) == 3

    log_p, place, reward, baseline = seen["hard_attention_loss"]
    assert len(set(place.tolist())) < len(place)
    assert {0, log_p.shape[1] - 1} <= set(place.tolist())
    assert (place != log_p.argmax(1)).any()
    assert (reward < 0).all()
    assert ((reward > baseline).any(), (reward < baseline).any()) != (False, False)

    alphas, places = seen["pointing_accuracy"]
    assert len(set(alphas.shape)) == 3
    share = reference()["pointing_accuracy"](alphas, places)
    assert 0 < share < 1
    assert (places[-1] == -1).all()
    assert (places >= 0).sum(1).unique().numel() > 1


def test_ties_are_exact_and_count_both_ways():
    exercise, seen = EXERCISES["pointing_accuracy"], []

    class Names(dict):
        def get(self, name, default=None):
            return lambda *args: seen.append(args) or 0.0

    for seed in range(10):
        run_case(exercise, LocalNamespace(Names()), seed, "ties")
    for alphas, places in seen:
        most = alphas == alphas.amax(2, keepdim=True)
        assert (most.sum(2) == 2).all()
        hits = alphas.argmax(2) == places
        on_either = torch.take_along_dim(most, places.clamp(min=0)[:, :, None], 2)[:, :, 0]
        assert hits.any()
        assert torch.equal(on_either[places >= 0], torch.ones_like(on_either[places >= 0]))


# --- training -------------------------------------------------------------------------------------


def trained(text: str = "", seed: int = 5, count: int = 1) -> tuple[float, float]:
    """Median token accuracy and pointing over `count` runs of the training in the text."""
    names = source.load_variant(A7, text) if text else reference()
    rng = np.random.default_rng(seed)
    disguise = probes.disguised(rng)
    data, new = (
        probes.told(disguise, rng, probes.TRAINING),
        probes.told(disguise, rng, probes.HELD_OUT),
    )
    found = []
    for k in range(count):
        params = names["train_attention_captioner"](
            tensor(data.a),
            tensor(data.captions),
            disguise.vocab_size,
            disguise.pad,
            probes.STEPS,
            seed + k,
        )
        usable = probes.usable(params, probes.SHAPES, {"D": probes.WIDTH, "V": disguise.vocab_size})
        found.append(probes.measured(usable, new, disguise.pad))
    accuracy, pointing = np.median(found, axis=0)
    return float(accuracy), float(pointing)


FORWARD = "attention_captioner_forward(a[chosen], heard, params)"


@lru_cache
def training_text() -> str:
    text = "\n".join(c.source for c in source.read_cells(A7))
    part = text.split("### Exercise 8")[1].split("## Part 6")[0]
    return re.sub(r"\s+", " ", part)


def test_right_training_reaches_what_the_text_says():
    accuracy, pointing = trained()
    assert "Correct training reaches 0.97 and 0.95" in training_text()
    assert accuracy == pytest.approx(0.97, abs=0.02)
    assert pointing == pytest.approx(0.95, abs=0.03)
    assert f"at least {probes.TOKENS_RIGHT}" in training_text()
    assert f"at least {probes.POINTING}" in training_text()
    assert "Training may take 450 steps" in training_text()
    assert (probes.TRAINING, probes.HELD_OUT, probes.STEPS) == (2000, 1000, 450)


def test_a_captioner_that_never_looks_misses_both_bounds():
    text = changed(
        "attention_captioner_forward",
        'e = additive_scores(a, h, params["Wa"], params["Wq"], params["v"])',
        "e = a.new_zeros(a.shape[:2])",
    )
    accuracy, pointing = trained(text)
    # Here it is evaluated with scores that were never trained; below with equal ones.
    assert accuracy < probes.TOKENS_RIGHT - 0.05
    assert pointing < probes.POINTING - 0.2
    mean = "a.mean(1, True).expand_as(a)"
    names = source.load_variant(
        A7, changed("train_attention_captioner", FORWARD, FORWARD.replace("a[", f"{mean}["))
    )
    rng = np.random.default_rng(5)
    disguise = probes.disguised(rng)
    data, new = (
        probes.told(disguise, rng, probes.TRAINING),
        probes.told(disguise, rng, probes.HELD_OUT),
    )
    params = names["train_attention_captioner"](
        tensor(data.a), tensor(data.captions), disguise.vocab_size, disguise.pad, probes.STEPS, 5
    )
    blind = probes.Told(np.broadcast_to(new.a.mean(1, keepdims=True), new.a.shape), *vars_of(new))
    accuracy, _ = probes.measured(params, blind, disguise.pad)
    assert "never looks gets about 0.8" in training_text()
    assert (
        "never looks: about 0.8"
        in EXERCISES["train_attention_captioner"].rules["token accuracy"].what
    )
    assert accuracy == pytest.approx(0.8, abs=0.04)


def vars_of(told: probes.Told) -> tuple[Any, Any]:
    return told.captions, told.places


def test_attention_that_is_not_trained_misses_both_bounds():
    (m,) = (m for m in source.load_misconceptions(A7) if m.name == "attention-not-trained")
    found = trained(source.mutate(A7, m), count=3)
    assert found[0] < probes.TOKENS_RIGHT - 0.03
    assert found[1] < probes.POINTING - 0.2


def test_chance_is_what_the_text_says():
    assert f"Chance gives {1 / probes.GRID**2:.2f}" in training_text()


def test_scrambled_regions_train_and_do_not_pass():
    text = changed(
        "train_attention_captioner",
        "D, E, H, K",
        "a = a.mT.reshape(a.shape)\n    D, E, H, K",
    )
    accuracy, pointing = trained(text)
    assert accuracy < probes.TOKENS_RIGHT - 0.05
    assert pointing < probes.POINTING - 0.5


@pytest.mark.parametrize("name", ["few_units", "adam_at_the_usual_rate", "momentum"])
def test_training_that_ends_lowest_stays_above_the_bounds(name):
    accuracy, pointing = trained(source.load_variants(A7)[name])
    assert accuracy > probes.TOKENS_RIGHT + 0.01
    assert pointing > probes.POINTING + 0.03


@pytest.mark.parametrize(("name", "runs"), [("", 3), ("attention-not-trained", 1)])
def test_a_first_run_that_is_far_below_decides_alone(name, runs):
    """Only so many runs are paid for, by a student and for every mistake of the bank."""
    calls = []
    found = {m.name: m for m in source.load_misconceptions(A7)}
    names = source.load_mutant(A7, found[name]) if name else reference()

    def counted(*args):
        calls.append(args[-1])
        return names["train_attention_captioner"](*args)

    exercise = EXERCISES["train_attention_captioner"]
    ns = LocalNamespace({**names, "train_attention_captioner": counted})
    run = run_case(exercise, ns, 3, exercise.main_case)
    assert run.failure is None
    assert len(set(calls)) == len(calls) == runs


def test_the_grader_measures_what_the_students_functions_measure():
    rng = np.random.default_rng(9)
    disguise = probes.disguised(rng)
    told = probes.told(disguise, rng, 40)
    params = {
        name: tensor(value)
        for name, value in probes.captioner(rng, disguise.vocab_size, 5, 32, 6, 7).items()
    }
    names = reference()
    captions = tensor(told.captions)
    logits, alphas = names["attention_captioner_forward"](
        tensor(told.a).double(), captions[:, :-1], params
    )
    right = (logits.argmax(2) == captions[:, 1:])[captions[:, 1:] != disguise.pad]
    accuracy, pointing = probes.measured(params, told, disguise.pad)
    assert accuracy == pytest.approx(right.double().mean().item())
    assert pointing == pytest.approx(names["pointing_accuracy"](alphas, tensor(told.places)))


def test_a_disguise_keeps_the_scenes_and_hides_the_numbers():
    told = [
        probes.told(probes.disguised(np.random.default_rng(k)), np.random.default_rng(1), 50)
        for k in (1, 2)
    ]
    first, second = told
    assert first.a.dtype == np.float32
    length = [np.sort(np.linalg.norm(t.a, axis=2), axis=1) for t in told]
    np.testing.assert_allclose(*length, rtol=1e-4)
    assert not np.allclose(first.a, second.a)
    assert not np.array_equal(first.captions, second.captions)
    counts = [(t.places >= 0).sum(axis=1) for t in told]
    assert np.array_equal(*counts)
    assert set(counts[0]) == {1, 2}
    # the place that is meant is that of an object: what is there is longer than what is at most
    # other places, in both
    for t in told:
        n, step = np.nonzero(t.places >= 0)
        norms = np.linalg.norm(t.a, axis=2)
        assert norms[n, t.places[n, step]].mean() > norms.mean() + 1
    pads = {probes.disguised(np.random.default_rng(k)).pad for k in range(20)}
    assert len(pads) > 5


def test_only_the_first_word_about_an_object_counts():
    told = probes.told(probes.disguised(np.random.default_rng(0)), np.random.default_rng(1), 50)
    steps = np.flatnonzero((told.places >= 0).any(axis=0))
    assert steps.tolist() == [0, 2]  # the colours; the shapes are the steps 1 and 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: None, "must be a dict with the names"),
        (lambda p: {k: v for k, v in p.items() if k != "bo"}, "must be a dict with the names"),
        (
            lambda p: p | {"v": p["v"][:, None]},
            r"params\['v'\] has shape \(7, 1\), expected \(7,\)",
        ),
        (lambda p: p | {"Wx": p["Wx"][0]}, "has shape"),
        (lambda p: p | {"b": p["b"].numpy()}, r"params\['b'\] must be a tensor"),
        (lambda p: p | {"b": p["b"].long()}, "must be a tensor of floating numbers"),
        (lambda p: p | {"Wq": p["Wq"] / 0}, "not finite: training has diverged"),
        (lambda p: p | {"Wa": torch.ones(32, 600), "v": torch.ones(600)}, "512 is the most"),
    ],
)
def test_parameters_that_cannot_be_used_are_said(change, said):
    params = {
        name: tensor(value)
        for name, value in probes.captioner(np.random.default_rng(0), 12, 5, 32, 6, 7).items()
    }
    assert probes.usable(params, probes.SHAPES, {"D": probes.WIDTH, "V": 12}) is params
    with pytest.raises(Failure, match=said):
        probes.usable(change(params), probes.SHAPES, {"D": probes.WIDTH, "V": 12})


def test_training_is_the_same_twice_and_leaves_its_arguments_alone():
    rng = np.random.default_rng(3)
    disguise = probes.disguised(rng)
    told = probes.told(disguise, rng, 80)
    a, captions = tensor(told.a), tensor(told.captions)
    before = a.clone(), captions.clone()
    args = (a, captions, disguise.vocab_size, disguise.pad, 3)
    train = reference()["train_attention_captioner"]
    first, again, other = train(*args, 1), train(*args, 1), train(*args, 2)
    assert all(torch.equal(first[name], again[name]) for name in probes.SHAPES)
    assert not torch.equal(first["Wq"], other["Wq"])
    assert torch.equal(a, before[0])
    assert torch.equal(captions, before[1])
    assert not any(value.requires_grad for value in first.values())


# --- the notebook ---------------------------------------------------------------------------------


def test_numbers_of_the_examples_in_the_text():
    text = "\n".join(c.source for c in source.read_cells(A7))
    names, one = reference(), torch.ones(1, 1, dtype=torch.float64)
    half = torch.full((1, 1, 1), 0.5, dtype=torch.float64)
    assert (
        f"\\tanh(1.5) = {names['additive_scores'](half, one, one, one, one[0]).item():.3f}" in text
    )
    a = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]])
    z, alpha = names["attend"](a, torch.tensor([[np.log(2), 0.0, 0.0]]), None)
    assert alpha[0].numpy().round(6).tolist() == [0.5, 0.25, 0.25]
    assert z[0].numpy().round(6).tolist() == [0.75, 0.5]
    stare = torch.eye(4)[None, [0, 0]]
    assert names["doubly_stochastic_penalty"](stare).item() == pytest.approx(3)
    assert "P = \\frac94 + 3 \\cdot \\frac14 = 3" in text


@pytest.mark.slow
def test_the_notebook_shows_what_it_says(monkeypatch, capsys):
    shown: list[str] = []
    monkeypatch.setattr(plot, "show", lambda fig, alt, caption=None: shown.append(alt))
    cells = [c for c in source.read_cells(A7) if c.cell_type == "code"]
    source.execute((c.source for c in cells if c.kind not in ("check", "written")), A7)
    said = capsys.readouterr().out
    assert "0.905" in said
    assert "alpha [0.5  0.25 0.25]   z [0.75 0.5 ]" in said
    assert "alpha [0. 0. 0.]   z [0. 0.]" in said
    means = re.findall(r"baseline .*mean (\[.*\]) ", said)
    assert len(means) == 3
    assert len(set(means)) == 1
    assert f"-E[reward]: {means[0]}" in said
    none, mean, far = map(float, re.findall(r"variance +([\d.]+)", said))
    assert mean < none < far
    assert len(shown) == 2
    table = {
        name: [float(x) for x in numbers.split()]
        for name, numbers in re.findall(
            r"^(your captioner|no attention|reshape bug) +(.*)$", said, re.M
        )
    }
    assert table["your captioner"][0] > 0.9
    assert table["your captioner"][1] > 0.75
    for name in ("no attention", "reshape bug"):
        accuracy, hits, mass = table[name]
        assert accuracy < 0.8
        assert hits < 0.15
        assert mass < 0.1
