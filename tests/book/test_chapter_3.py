"""Chapter 3, backpropagation through time: its cells, its numbers, its exercises' answers."""

import re

import numpy as np
import pytest
import torch
from chapters import EveryChapter

CHAPTER = "03-bptt"
DERIVATIVES, BOXES = 21, 5
LINKED_BY_THE_ASSIGNMENT = [
    "two-children",
    "step-backward",
    "bptt-recursion",
    "shared-weights",
    "gradient-of-h0",
    "softmax-gradient",
    "masked-loss",
    "affine-backward",
    "gradient-checking",
    "immediate-partial",
]

pytestmark = pytest.mark.xdist_group(CHAPTER)


class TestPage(EveryChapter):
    pass


def test_the_derivatives_are_counted(page):
    assert f"\n{DERIVATIVES} labelled derivatives compared" in page.out


def test_the_published_errors_are_run_and_fail(page):
    refuted = " ".join(page.refuted)
    for wrong in ("2L", "g'(o)", "(A)", "(B)", "(C)", "(D)", "dh_T", "dW_hh", "line 2", "total"):
        assert wrong in refuted
    assert "mismatch" in re.search(r"^\(C\) as it is written.*$", page.out, re.M)[0]
    assert "returned, not explained: W_hh" in page.out


# --- numbers and claims in the text --------------------------------------------------------------


def test_the_figure_at_the_top_shows_real_gradients(variables):
    T, H, tau, scale = 10, 64, 7, 1.3
    rng = np.random.default_rng(4)
    recurrent = rng.normal(size=(H, H))
    recurrent *= scale / np.abs(np.linalg.eigvals(recurrent)).max()
    states = [torch.zeros(H, dtype=torch.float64, requires_grad=True)]
    for _ in range(T):
        inputs = torch.tensor(0.5 * rng.normal(size=H))
        states.append(torch.tanh(inputs + states[-1] @ torch.tensor(recurrent)))
        states[-1].retain_grad()
    message = rng.normal(size=H)
    states[tau].backward(torch.tensor(message / np.linalg.norm(message)))
    lengths = [np.log10(states[t].grad.norm().item()) for t in range(1, tau + 1)]
    np.testing.assert_allclose(variables["lengths"]["1.3"][tau - 1], lengths, atol=0.006)
    assert states[tau + 1].grad is None  # "a state after the loss hears nothing"


def test_the_slider_reaches_vanishing_and_growing_gradients(variables):
    last = {scale: rows[-1] for scale, rows in variables["lengths"].items()}
    assert last["0.5"][0] < -3
    assert last["3.0"][0] > 0


def test_time_and_memory_are_linear(variables):
    per_step = np.diff(variables["kept"]) / np.diff(variables["sizes"])
    assert np.ptp(per_step) == 0
    assert per_step[0] == 8 * 64 * 8 + 8 * 16 * 8


def test_what_is_said_about_the_step_of_a_difference(variables):
    slopes, error, hs = (variables[name] for name in ("slopes", "error", "hs"))
    float64 = [error(slopes(h)) for h in hs]
    float32 = [error(slopes(h, np.float32)) if h > 1e-8 else np.inf for h in hs]
    assert 1e-6 < hs[np.argmin(float64)] < 1e-4
    assert 1e-3 < hs[np.argmin(float32)] < 1e-1
    assert error(slopes(1e-5)) < 1e-9  # the quiz: "by less than 10^-9"
    assert 2e-5 < error(slopes(1e-11)) < 1e-3  # the quiz: "off by 10^-4"
    assert 0.02 < error(slopes(1e-5, np.float32)) < 0.2  # "wrong by several percent"
    assert error(slopes(1e-5, two_sided=False)) > 1e3 * error(slopes(1e-5))


def test_every_poor_input_is_blind_to_something_and_the_generic_one_to_nothing(page):
    rows = page.out.split("generic\n")[1].splitlines()[:7]
    cells = [re.split(r"\s{2,}", row.strip())[1:] for row in rows]
    blind = np.array([[cell == "·" for cell in row] for row in cells])
    assert blind.shape == (7, 6)
    assert blind[:, :5].any(axis=0).all()
    assert not blind[:, 5].any()


def test_what_the_truncation_figure_says(variables):
    missing = {}
    for scale in (0.7, 1.3, 2.0):
        parts = variables["contributions"](scale)
        full = parts.sum(axis=0)
        missing[scale] = [np.linalg.norm(parts[: 30 - k2].sum(axis=0)) for k2 in range(1, 30)]
        missing[scale] /= np.linalg.norm(full)
    assert missing[0.7][9] < 0.01  # ten steps are enough
    assert 0.05 < missing[1.3][9] < 0.9
    assert missing[2.0][9] > 0.5


def test_the_cube_root_rule():
    eps = 2.0**-52
    h = (3 * eps) ** (1 / 3)
    assert h**2 / 6 + eps / h == pytest.approx(4e-11, rel=0.25)  # f = f''' = 1
    one_sided = 2 * np.sqrt(eps)
    assert one_sided / 2 + 2 * eps / one_sided == pytest.approx(1e-8, abs=3e-8)


# --- the worked answers --------------------------------------------------------------------------


def leaf(rng, *shape):
    return torch.tensor(rng.normal(size=shape), dtype=torch.float64, requires_grad=True)


def test_answer_by_hand():
    x1, x2, h0 = 0.4, -0.9, 0.7
    w = torch.tensor(1.3, dtype=torch.float64, requires_grad=True)
    h1 = torch.tanh(x1 + w * h0)
    h2 = torch.tanh(x2 + w * h1)
    h2.backward()
    answer = (1 - h2**2) * (h1 + w * (1 - h1**2) * h0)
    assert answer.item() == pytest.approx(w.grad.item(), rel=1e-12)


def test_answer_sigmoid_and_rectifier():
    a = torch.linspace(-3, 3, 8, dtype=torch.float64, requires_grad=True)
    for function, slope in (
        (torch.sigmoid, lambda h: h * (1 - h)),
        (torch.relu, lambda h: (h > 0).double()),
    ):
        h = function(a)
        (auto,) = torch.autograd.grad(h.sum(), a)
        torch.testing.assert_close(slope(h.detach()), auto)
    assert torch.sigmoid(torch.tensor(0.0)) * 0.5 == 0.25


def test_answer_output_recurrence():
    rng = np.random.default_rng(0)
    N, T, D, H, V = 2, 4, 3, 5, 6
    x = [leaf(rng, N, D) for _ in range(T + 1)]
    W_x, W_o, b, W_y, b_y = (leaf(rng, *s) for s in [(D, H), (V, H), (H,), (H, V), (V,)])
    o, h, loss = [leaf(rng, N, V)], [None], 0.0
    y = [torch.tensor(rng.integers(V, size=N)) for _ in range(T + 1)]
    for t in range(1, T + 1):
        h.append(torch.tanh(x[t] @ W_x + o[-1] @ W_o + b))
        o.append(h[-1] @ W_y + b_y)
        loss = loss + torch.nn.functional.cross_entropy(o[-1], y[t], reduction="sum")
    auto_W, *auto_o = torch.autograd.grad(loss, [W_o, *o[1:]])

    a_bar, W_bar = torch.zeros(N, H, dtype=torch.float64), 0.0
    for t in range(T, 0, -1):
        o_bar = torch.softmax(o[t], -1) - torch.eye(V)[y[t]] + a_bar @ W_o.T
        torch.testing.assert_close(o_bar, auto_o[t - 1])
        a_bar = (o_bar @ W_y.T) * (1 - h[t] ** 2)
        W_bar = W_bar + o[t - 1].T @ a_bar
    torch.testing.assert_close(W_bar, auto_W)


def test_answer_tied_weights():
    rng = np.random.default_rng(1)
    N, T, D, H = 2, 4, 6, 5
    x = [torch.eye(D, dtype=torch.float64)[rng.integers(D, size=N)] for _ in range(T)]
    W_x, W_h = leaf(rng, D, H), leaf(rng, H, H)
    h, a, o, loss = [leaf(rng, N, H)], [], [], 0.0
    for x_t in x:
        a.append(x_t @ W_x + h[-1] @ W_h)
        h.append(torch.tanh(a[-1]))
        o.append(h[-1] @ W_x.T)
        target = torch.tensor(rng.integers(D, size=N))
        loss = loss + torch.nn.functional.cross_entropy(o[-1], target, reduction="sum")
    auto, *bars = torch.autograd.grad(loss, [W_x, *a, *o])
    a_bar, o_bar = bars[:T], bars[T:]
    answer = sum(x[t].T @ a_bar[t] + o_bar[t].T @ h[t + 1] for t in range(T))
    torch.testing.assert_close(answer, auto)
