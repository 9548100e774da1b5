"""Assignment a3: what is special about it; tests/assignments/test_every_assignment.py has the rest.

The reference against PyTorch and closed forms, the numbers of the text, mistakes written by hand in
other styles, and the bounds of the exercise that trains, measured on many networks side by side.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from autograder import source
from unrolled.check import verdict_of
from unrolled.exercise import load
from unrolled.exercises import a3_gradient_flow as probes
from unrolled.judge import expect, judge, run_cases
from unrolled.namespace import LocalNamespace

A3 = "a3_gradient_flow"
EXERCISES = load(A3)
CHECKS = source.ROOT / "assignments" / A3 / "checks.npz"
SEEDS = (301, 302, 303)
TEXT = "\n".join(c.source for c in source.read_cells(A3))

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def ref(name: str):
    return source.load_reference(A3)[name]


def verdict(name: str, text: str, seeds=SEEDS):
    """The verdict, with hints, on the reference with ``text`` executed after it."""
    exercise = EXERCISES[name]
    right = expect(exercise, source.load_reference(A3), seeds)
    runs = run_cases(exercise, LocalNamespace(source.load_variant(A3, text)), seeds)
    return judge(exercise, right, runs, lambda: source.mistakes_for(A3, exercise, seeds))


# --- the reference -------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 2, 13])
def test_powers_agree_with_repeated_multiplication(n):
    W = np.random.default_rng(1).normal(size=(6, 6)) / 2
    assert np.iscomplex(np.linalg.eigvals(W)).any()
    power = ref("matrix_power_eig")(W, n)
    assert power.dtype == np.float64
    np.testing.assert_allclose(power, np.linalg.matrix_power(W, n), atol=1e-12)


def test_a_rescaled_matrix_has_the_wanted_radius():
    W = np.random.default_rng(2).normal(size=(7, 7))
    for rho in (0.2, 1.0, 3.0):
        rescaled = ref("rescale_spectral_radius")(W, rho)
        assert np.abs(np.linalg.eigvals(rescaled)).max() == pytest.approx(rho)


def test_norms_are_those_of_the_jacobians_of_torch():
    T, D, H = 6, 3, 5
    rng = np.random.default_rng(3)
    x, Wh = rng.normal(size=(T, D)), rng.normal(size=(H, H))
    rnn = torch.nn.RNN(D, H, dtype=torch.float64)
    with torch.no_grad():
        rnn.weight_hh_l0.copy_(torch.tensor(Wh.T))
    states = rnn(torch.tensor(x))[0]
    norms = ref("gradient_norms")(states.detach().numpy(), Wh)
    for k in range(T):
        start = states[T - 1 - k].detach()

        def last(h, k=k):
            return rnn(torch.tensor(x[T - k :]), h[None])[0][-1] if k else h

        jacobian = torch.autograd.functional.jacobian(last, start)
        assert norms[k] == pytest.approx(torch.linalg.norm(jacobian, 2).item(), rel=1e-10)
        assert norms[k] <= ref("vanishing_bound")(Wh, k) * (1 + 1e-12)


def test_a_half_life_halves():
    for alpha in (0.01, 0.5, 0.93, 0.9999):
        assert alpha ** ref("leaky_half_life")(alpha) == pytest.approx(0.5)
    mu = ref("leaky_step")(1.0, 0.0, 0.5 ** (1 / 7))
    for _ in range(6):
        mu = ref("leaky_step")(mu, 0.0, 0.5 ** (1 / 7))
    assert mu == pytest.approx(0.5)


@pytest.mark.filterwarnings("error")
def test_retention_takes_any_bias_without_a_warning():
    retention = ref("forget_bias_retention")
    assert [retention(b, 3) for b in (-1000, 0, 1000.0)] == [0.0, 0.125, 1.0]
    assert [retention(b, 0) for b in (-1000, 0, 1000)] == [1.0, 1.0, 1.0]
    for bias in (-30.0, -0.3, 0.3, 30.0):
        assert retention(bias, 7) == pytest.approx(np.exp(-7 * np.logaddexp(0, -bias)), rel=1e-12)


# --- the text ------------------------------------------------------------------------------------


def test_the_examples_by_hand():
    power = ref("matrix_power_eig")(np.array([[1.0, 2.0], [2.0, 1.0]]), 3)
    np.testing.assert_allclose(power, [[13, 14], [14, 13]])
    W = np.array([[0.5, 0.0], [3.0, -2.0]])
    assert sorted(np.linalg.eigvals(W)) == [-2, 0.5]
    half = ref("rescale_spectral_radius")(W, 1.0)
    np.testing.assert_allclose(half, [[0.25, 0.0], [1.5, -1.0]])
    norms = ref("gradient_norms")(np.array([[0.9], [0.5], [-0.6]]), np.array([[2.0]]))
    np.testing.assert_allclose(norms, [1, 1.28, 1.92])
    np.testing.assert_allclose(1 - np.array([0.9, 0.5, -0.6]) ** 2, [0.19, 0.75, 0.64])
    W = np.array([[0.0, 3.0], [0.0, 0.0]])
    assert ref("vanishing_bound")(W, 2) == pytest.approx(9)
    assert not (W @ W).any()
    assert ref("leaky_step")(4, 8, 0.75) == 5
    times = [ref("leaky_half_life")(a) for a in (0.5, 0.25, math.sqrt(0.5))]
    np.testing.assert_allclose(times, [1, 0.5, 2])
    assert ref("forget_bias_retention")(0, 3) == 0.125
    assert ref("forget_bias_retention")(0, 20) == pytest.approx(1e-6, rel=0.05)
    gate = ref("forget_bias_retention")(4.0, 1)
    assert ref("leaky_half_life")(gate) == pytest.approx(38, abs=0.5)
    assert "half-life about 38" in TEXT


def test_the_numbers_of_the_training_check_are_in_the_text():
    said = re.search(r"\*\*What is checked\.\*\*(.*?)The check takes", TEXT, re.DOTALL)[1]
    said = " ".join(said.replace("#", " ").split())
    assert f"Lengths 1 and 2 are learned in {probes.UPDATES} updates" in said
    assert f"In {probes.FEW_UPDATES} updates length {probes.LONG} is not" in said


def cell(name: str) -> str:
    (found,) = [c for c in source.read_cells(A3) if c.name == name]
    return found.source


@pytest.fixture
def shown(monkeypatch) -> list[str]:
    """The alt texts of the figures that are shown."""
    from unrolled import plot

    alts: list[str] = []
    monkeypatch.setattr(plot, "show", lambda fig, alt: alts.append(alt))
    return alts


def test_the_pictures_show_what_the_text_says(shown):
    names = dict(source.load_reference(A3))
    source.execute([cell("picture_powers"), cell("picture_norms")], A3, names)
    first, last = re.search(r"radius 0.9: ([\d.]+), ([\d.e+-]+);", shown[0]).groups()
    assert float(first) > 1 > float(last)  # longer in one step, although the radius is below 1
    small, medium, large = (float(v) for v in re.findall(r"([\d.e+-]+) for inputs", shown[1]))
    assert small > 1 > 1e-2 > medium > 1e-10 > large


def test_before_training_gates_alone_are_worse_than_none(shown):
    names = dict(source.load_reference(A3))
    source.execute([cell("experiment").split("with when_solved")[0]], A3, names)
    names["success_rate"] = lambda cell, lengths, seeds, steps: np.ones(len(lengths))
    names["experiment"]()
    left = {k: float(v) for k, v in re.findall(r"(vanilla|bias \d) ([\d.]+e[+-]\d+)", shown[0])}
    assert left["bias 0"] < left["vanilla"] < 1e-6 < 0.1 < left["bias 4"]


# --- mistakes in other styles --------------------------------------------------------------------

BY_HAND = {
    ("matrix_power_eig", "transpose-for-inverse"): """
def matrix_power_eig(W, n):
    lam, Q = np.linalg.eig(W)
    return np.einsum("ik,k,jk->ij", Q, lam**n, Q).real
""",
    ("matrix_power_eig", "elementwise-power"): """
def matrix_power_eig(W, n):
    return np.array([[w**n for w in row] for row in W])
""",
    ("matrix_power_eig", "complex-result"): """
def matrix_power_eig(W, n):
    lam, Q = np.linalg.eig(W)
    return Q @ np.diag(lam**n) @ np.linalg.inv(Q)
""",
    ("matrix_power_eig", "one-factor-too-many"): """
def matrix_power_eig(W, n):
    result = W
    for _ in range(n):
        result = result @ W
    return result
""",
    ("rescale_spectral_radius", "largest-eigenvalue-by-sign"): """
def rescale_spectral_radius(W, rho):
    return rho * W / max(value.real for value in np.linalg.eigvals(W))
""",
    ("rescale_spectral_radius", "largest-singular-value"): """
def rescale_spectral_radius(W, rho):
    return rho * W / np.sqrt(np.linalg.eigvalsh(W.T @ W)[-1])
""",
    ("gradient_norms", "weights-not-transposed"): """
def gradient_norms(h, Wh):
    J, norms = np.eye(len(Wh)), []
    for t in reversed(range(len(h))):
        norms.append(np.linalg.svd(J, compute_uv=False)[0])
        J = J @ ((1 - h[t] ** 2)[:, None] * Wh)
    return np.array(norms)
""",
    ("gradient_norms", "slopes-left-out"): """
def gradient_norms(h, Wh):
    powers = [np.linalg.matrix_power(Wh, k) for k in range(len(h))]
    return np.array([np.linalg.norm(p, 2) for p in powers])
""",
    ("gradient_norms", "state-before-the-step"): """
def gradient_norms(h, Wh):
    J, norms = np.eye(len(Wh)), np.ones(len(h))
    for k in range(1, len(h)):
        J = J @ ((1 - h[len(h) - 1 - k] ** 2)[:, None] * Wh.T)
        norms[k] = np.linalg.norm(J, 2)
    return norms
""",
    ("gradient_norms", "norms-multiplied"): """
def gradient_norms(h, Wh):
    steps = [np.linalg.norm(np.diag(1 - s**2) @ Wh.T, 2) for s in h[:0:-1]]
    return np.cumprod([1.0, *steps])
""",
    ("vanishing_bound", "spectral-radius"): """
def vanishing_bound(Wh, T):
    return max(abs(np.linalg.eigvals(Wh))) ** T
""",
    ("vanishing_bound", "frobenius-norm"): """
def vanishing_bound(Wh, T):
    return float(np.sqrt((Wh**2).sum())) ** T
""",
    ("leaky_step", "weights-exchanged"): """
def leaky_step(mu, v, alpha):
    return mu + alpha * (v - mu)
""",
    ("leaky_half_life", "rounded-up"): """
def leaky_half_life(alpha):
    steps, left = 0, 1.0
    while left > 0.5:
        steps, left = steps + 1, left * alpha
    return float(steps)
""",
    ("leaky_half_life", "approximation-near-one"): """
def leaky_half_life(alpha):
    return 0.6931471805599453 / (1 - alpha)
""",
    ("forget_bias_retention", "gate-overflows"): """
def forget_bias_retention(bias, T):
    e = np.exp(bias)
    return (e / (e + 1)) ** T
""",
    ("forget_bias_retention", "sign-of-the-bias"): """
def forget_bias_retention(bias, T):
    return float((1 / (1 + np.exp(bias))) ** T)
""",
}


@pytest.mark.parametrize(("name", "wanted"), BY_HAND, ids="-".join)
def test_a_mistake_in_another_style_gets_its_hint(name, wanted):
    found = verdict(name, BY_HAND[name, wanted])
    assert found.points < EXERCISES[name].points
    known = {"state-before-the-step": "slope-of-the-state-before"}
    assert [m.name for m in found.matches] == [known.get(wanted, wanted)], found.message


def test_an_overflow_that_raises_is_refused_and_named():
    text = "import math\n\ndef forget_bias_retention(bias, T):\n"
    text += "    return (1 / (1 + math.exp(-bias))) ** T\n"
    found = verdict("forget_bias_retention", text)
    assert found.outcome == "partial"
    assert "OverflowError" in found.message


# --- success_rate --------------------------------------------------------------------------------

STYLE = source.load_variants(A3)["side_by_side"]
"""A correct solution that shares no line with the reference, and is the quickest."""

TRAINED_WRONGLY = {
    "first-state-read": ("for t in range(length):", "for t in range(1):"),
    "cell-ignored": ('k = 4 if cell == "lstm" else 1', 'cell, k = "rnn", 1'),
    "guessing-counts-as-success": ("> 0.95", "> 0.24 - 0.1"),
    "one-question-only": ("n = 256 if step == steps", "n = 1 if step == steps"),
    "seed-ignored": (".manual_seed(seed) for seed in seeds", " for _ in seeds"),
    "same-seed-for-all": (".manual_seed(seed) for seed in seeds", ".manual_seed(1) for _ in seeds"),
    "lengths-sorted": ("map(rate, lengths)", "map(rate, sorted(lengths))"),
    "repeated-lengths-merged": ("map(rate, lengths)", "map(rate, {n: 0 for n in lengths})"),
    "share-that-fails": ("> 0.95", "<= 0.95"),
    "never-updated": ("adam.step()", "len(weights)"),
    "percent": (".double().mean().item()", ".double().mean().item() * 100"),
}


def trained(text: str):
    """The verdict with the hints that a student gets beside the notebook."""
    text = text.replace("torch.Generator() for _", "seeded() for _")
    text = "def seeded():\n    g = torch.Generator()\n    g.seed()\n    return g\n\n\n" + text
    return verdict_of("success_rate", source.load_variant(A3, text), CHECKS)


@pytest.mark.slow
@pytest.mark.parametrize("wanted", TRAINED_WRONGLY)
def test_a_mistake_in_training_gets_its_hint(wanted):
    find, replace = TRAINED_WRONGLY[wanted]
    assert STYLE.count(find) == 1
    found = trained(STYLE.replace(find, replace))
    assert found.points < EXERCISES["success_rate"].points
    assert [m.name for m in found.matches] == [wanted], found.message


@pytest.mark.parametrize("made", ["zeros", "ones"])
def test_shares_without_training_earn_nothing(made):
    head = "def success_rate(cell, lengths, seeds, steps):\n    "
    found = trained(f"{head}return np.{made}(len(lengths))")
    assert found.points == 0
    assert "nothing was trained while it ran" in found.message


@pytest.mark.slow
def test_a_list_costs_the_form_alone():
    found = trained(STYLE.replace("return np.array(list(map(rate, lengths)))", LISTED))
    assert [r.output for r in found.rows if not r.ok] == ["form"]


LISTED = "return list(map(rate, lengths))"


def test_code_that_cannot_be_watched_is_given_the_benefit_of_the_doubt():
    def refuses_modes(cell, lengths, seeds, steps):
        raise RuntimeError("not under a dispatch mode")

    ns = LocalNamespace({"success_rate": refuses_modes})
    assert probes._watched(ns, [1, 2]) == (True, True, True)


def test_shares_that_nobody_trained_for_earn_nothing():
    def made_up(cell, lengths, seeds, steps):
        return np.array([float(steps >= 40 and length < 100) for length in lengths])

    exercise = EXERCISES["success_rate"]
    runs = run_cases(exercise, LocalNamespace({"success_rate": made_up}), [1])
    found = judge(exercise, expect(exercise, {}, [1]), runs)
    assert found.points == 0
    assert "nothing was trained while it ran" in found.message


@lru_cache
def successes(cell: str, length: int, updates: int, recipe: tuple, S: int = 256) -> int:
    """How many of S networks succeed; trained side by side, one generator for all."""
    kind, rate, H, N, start = recipe
    g = torch.Generator().manual_seed(length + updates)
    k = 4 if cell == "lstm" else 1
    shapes = [(4, k * H), (H, k * H), (1, k * H), (H, 4), (1, 4)]
    weights = [(2 * torch.rand(S, *shape, generator=g) - 1) / H**0.5 for shape in shapes]
    if start == "orthogonal":
        blocks = torch.randn(S, k, H, H, generator=g)
        weights[1] = torch.linalg.qr(blocks)[0].transpose(1, 2).reshape(S, H, k * H)
    weights = [w.requires_grad_() for w in weights]
    steps = {"Adam": torch.optim.Adam, "RMSprop": torch.optim.RMSprop, "SGD": torch.optim.SGD}
    optimizer = steps[kind](weights, lr=rate)

    def scores(symbols):
        Wx, Wh, b, Wy, by = weights
        first = F.one_hot(symbols, 4).float() @ Wx
        h = c = torch.zeros(*symbols.shape, H)
        for t in range(length):
            a = torch.baddbmm(b, h, Wh) + (first if t == 0 else 0)
            if cell == "rnn":
                h = torch.tanh(a)
            else:
                i, f, o, candidate = a.split(H, 2)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(candidate)
                h = torch.sigmoid(o) * torch.tanh(c)
        return torch.baddbmm(by, h, Wy)

    for _ in range(updates):
        symbols = torch.randint(4, (S, N), generator=g)
        loss = S * F.cross_entropy(scores(symbols).flatten(0, 1), symbols.flatten())
        gradients = torch.autograd.grad(loss, weights)
        norm = torch.sqrt(sum(v.square().sum((1, 2)) for v in gradients))
        factor = (1 / (norm + 1e-12)).clamp(max=1)[:, None, None]
        for w, v in zip(weights, gradients):
            w.grad = v * factor
        optimizer.step()
    symbols = torch.arange(4).repeat(S, 1)  # the four questions there are
    with torch.no_grad():
        return int((scores(symbols).argmax(2) == symbols).all(1).sum())


SLOWEST = [("Adam", 0.001, 16, 32, "uniform"), ("RMSprop", 0.001, 16, 32, "uniform")]
QUICKEST = [("Adam", 0.01, 64, 64, "uniform"), ("RMSprop", 0.01, 64, 64, "uniform")]


@pytest.mark.slow
@pytest.mark.parametrize("recipe", SLOWEST)
@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_slow_recipes_learn_the_short_lengths(cell, recipe):
    """Refused when two of three runs fail: with 1 failure in 256 that is 5e-5."""
    assert 256 - successes(cell, max(probes.SHORT), probes.UPDATES, recipe) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [*QUICKEST, ("SGD", 0.5, 16, 32, "uniform")])
def test_quick_recipes_learn_nothing_in_one_update(recipe):
    """Refused when 15 of 120 runs succeed; binomial with 1 % that has a probability below 1e-10."""
    assert successes("rnn", 5, 1, recipe) <= 2


@pytest.mark.slow
@pytest.mark.parametrize("start", ["uniform", "orthogonal"])
def test_good_recipes_do_not_learn_the_long_length_every_time(start):
    """Refused when four of four runs succeed; with 10 % that is 1e-4."""
    recipe = ("Adam", 0.003 if start == "orthogonal" else 0.01, 32, 32, start)
    assert successes("rnn", probes.LONG, probes.FEW_UPDATES, recipe, S=64) <= 6
