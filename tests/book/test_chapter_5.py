"""Chapter 5, gradient flow: its cells, its numbers, its exercises' answers."""

import re

import numpy as np
import pytest
import torch
from chapters import EveryChapter, cells

from unrolled import interactive

CHAPTER = "05-gradient-flow"
DERIVATIVES, BOXES = 9, 4
LINKED_BY_THE_ASSIGNMENT = [
    "jacobian-product",
    "eigen-powers",
    "modulus-not-sign",
    "singular-bound",
    "non-normal",
    "activation-choice",
    "success-falls",
    "clipping",
    "global-norm",
    "leaky-units",
    "half-life",
    "time-scales",
    "residual-analogy",
    "information-flow",
]
OF_THE_ASSIGNMENT = [
    "matrix_power_eig",
    "rescale_spectral_radius",
    "gradient_norms",
    "vanishing_bound",
    "leaky_step",
    "leaky_half_life",
    "forget_bias_retention",
    "success_rate",
    "clip_gradients",
]

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group(CHAPTER)]


class TestPage(EveryChapter):
    pass


def test_the_published_errors_are_run_and_fail(page):
    refuted = " ".join(page.refuted)
    for wrong in ("eigenvalue < 1", "1.5^50", "sigma_max^20", "snippet", "norm of each", "no v"):
        assert wrong in refuted


def test_no_cell_names_a_function_of_the_assignment():
    code = "\n".join(cells(CHAPTER))
    for name in OF_THE_ASSIGNMENT:
        assert not re.search(rf"\b{name}\b", code)


# --- products of Jacobians -----------------------------------------------------------------------


def test_the_figure_at_the_top_shows_real_jacobians(variables):
    """One curve anew, by autograd and without the cell's own bookkeeping."""
    radius, power, T = 1.5, -1.0, 10
    W = torch.tensor(radius * variables["base"])
    noise = np.random.default_rng(7).normal(size=(50, 32))

    def network(h):
        for x in noise[:T]:
            h = torch.tanh(torch.tensor(10**power * x) + h @ W)
        return h

    auto = torch.autograd.functional.jacobian(network, torch.zeros(32, dtype=torch.float64))
    drawn = variables["curves"][0][variables["radii"].index(radius)]
    drawn = drawn[variables["powers_of_ten"].index(power)]
    assert drawn[T // 5] == pytest.approx(np.log10(np.linalg.norm(auto, 2)), abs=0.051)


def test_the_figure_at_the_top_stays_below_its_bound_and_is_light(variables):
    sigma = np.linalg.norm(variables["base"], 2)
    steps = np.arange(0, 51, 5)
    for curves, slope in zip(variables["curves"], (1.0, 0.25, 1.0)):
        for radius, of_radius in zip(variables["radii"], curves):
            bound = steps * np.log10(slope * sigma * radius)
            assert np.all(np.array(of_radius) <= bound + 0.06)
    page = interactive.markup(
        "x",
        alt="one two three four",
        sliders=[interactive.Slider("a", "a", 0, 1, 1, 0)],
        data=variables["curves"],
        draw="() => ''",
    )
    assert len(page) < 30_000


def test_rectifier_networks_without_bias_do_not_see_the_input_scale(variables):
    """What the second slider shows with ReLU: the network is positively homogeneous."""
    for of_radius in variables["curves"][2]:
        assert np.ptp(np.array(of_radius), axis=0).max() <= 0.1001


def test_where_the_memory_is_safe_the_derivative_is_gone(page):
    rows = re.findall(r"^ +(-?0\.[19]) +(-?0\.9575) +0\.1664 +(\S+)$", page.out, re.M)
    assert [float(start) for start, _, _ in rows] == [0.9, 0.1, -0.1, -0.9]
    assert all(float(start) * float(end) > 0 for start, end, _ in rows)
    assert all(float(derivative) < 1e-30 for _, _, derivative in rows)
    assert abs(np.tanh(2 * 0.9575) - 0.9575) < 1e-4


def test_modulus_and_sign(variables):
    examples = variables["examples"]
    eigenvalues = {name: np.linalg.eigvals(W) for name, W in examples.items()}
    assert eigenvalues["-1.2 and 0.5"].real.max() < 1
    assert np.isclose(1.2**50, 9e3, rtol=0.02)
    for name in ("-1.2 and 0.5", "1.2 exp(±2i)"):
        assert np.linalg.norm(np.linalg.matrix_power(examples[name], 50), 2) > 9e3
    np.testing.assert_allclose(np.abs(eigenvalues["0.9 exp(±2i)"]), 0.9)


def test_one_radius_three_input_scales(variables):
    table = variables["radius_table"]
    assert np.all((table[0.01] > 1e2) & (table[0.01] < 1e5))
    assert np.all((table[1.0] > 1e-7) & (table[1.0] < 1e-1))
    assert np.all(table[5.0] < 1e-13)
    assert np.all(np.array(variables["linear"]) > 1e8)


def test_growth_before_decay(variables):
    norms = variables["norm_of_power"]
    assert norms[1] == pytest.approx(10.02, abs=0.01)
    assert norms[2] == pytest.approx(10.0, abs=0.01)
    assert norms[7] > 1 > norms[8]
    assert norms[50] < 1e-11
    for n in (1, 3, 10):
        corner = np.linalg.matrix_power([[0.5, 10], [0, 0.5]], n)[0, 1]
        assert corner == pytest.approx(10 * n * 0.5 ** (n - 1))
    np.testing.assert_allclose(np.array([0.0, 1.0]) @ np.array([[0.5, 10], [0, 0.5]]).T, [10, 0.5])


def test_a_nilpotent_matrix_explodes_with_a_rectifier(variables, page):
    assert "W_h squared: [[0.0, 0.0], [0.0, 0.0]]" in page.out
    assert variables["explosion"] > 1e6


def test_what_is_said_about_the_activations(variables):
    table = variables["activation_table"]
    state, norm = table["random, radius 2", "ReLU"]
    assert state > 1e3
    assert norm > 1e4
    for start in ("random, radius 1", "orthogonal"):
        assert table[start, "ReLU"][1] < 1e-4
    assert table["identity", "ReLU"][1] == pytest.approx(1, rel=1e-9)
    for start in variables["starts"]:
        assert table[start, "sigmoid"][1] < 1e-15
        assert table[start, "tanh"][0] <= 1
    _, states = variables["log_norms"](variables["starts"]["orthogonal"], 0.1, 50, "ReLU")
    assert 0.35 < (states > 0).mean() < 0.65  # "about half of the units are inactive"


# --- success, clipping, the penalty --------------------------------------------------------------


def test_the_networks_trained_side_by_side_are_those_of_torch(variables):
    generator = torch.Generator().manual_seed(0)
    weights = [w.detach().double() for w in variables["draw_networks"](generator, 3)]
    first = torch.eye(4)[None].repeat(3, 1, 1).double()
    last = variables["unroll"](weights, first, 6)[-1]
    x = torch.zeros(4, 6, 4, dtype=torch.float64)
    x[:, 0] = first[0]
    for k in range(3):
        rnn = torch.nn.RNN(4, 16, batch_first=True).double()
        own = {"weight_ih_l0": weights[0][k].T, "weight_hh_l0": weights[1][k].T}
        own |= {"bias_ih_l0": weights[2][k, 0], "bias_hh_l0": torch.zeros(16)}
        rnn.load_state_dict(own)
        assert (rnn(x)[1][0] - last[k]).abs().max() < 1e-10


def test_success_falls_with_length(variables):
    succeeded = variables["succeeded"]
    assert variables["lengths"] == (5, 10, 20, 40, 80)
    for shares in succeeded.values():
        assert shares[0] >= 0.8  # the text: certain at length 5
        assert shares[-1] <= 0.6  # and not at 80
        assert shares[0] > shares[-1]
    assert succeeded["SGD"][2:] == [0.0, 0.0, 0.0]
    assert succeeded["SGD, orthogonal W_h"][1] > 0.8
    assert 0.1 < succeeded["SGD, orthogonal W_h"][2] < 0.9
    assert succeeded["Adam, rate 0.01"][3] >= 0.3 > succeeded["Adam, rate 0.003"][3]
    before = variables["before_training"]
    assert before["uniform"][2] < 1e-4
    assert before["orthogonal"][-1] > 0.02
    assert np.sqrt(0.5 * 0.5 / 16) == pytest.approx(0.12, abs=0.006)


def test_the_cliff(variables):
    assert 300 < variables["steepest"].max() < 600
    assert -0.47 < variables["grid"][variables["steepest"].argmax()] < -0.44
    assert 0.1 < variables["thrown"][np.inf] < 0.4
    assert variables["thrown"][1.0] == 0
    assert variables["longest"][1.0].max() <= 0.05 + 1e-12
    assert variables["free"][variables["hit"] + 1] > 1  # the arrow points to the right


def test_the_table_of_the_snippet(variables):
    def norm(c, before):
        return np.linalg.norm(variables["snippet"](before * variables["direction"], c))

    printed = {(5, 2.4): 2.083, (5, 3): 1.667, (5, 5): 1.0, (5, 10): 0.5, (5, 100): 0.05}
    for (c, before), after in printed.items():
        assert norm(c, before) == pytest.approx(after, abs=6e-4)
    assert norm(0.5, 0.6) == pytest.approx(0.6)
    assert norm(0.5, 0.7) == pytest.approx(0.7)


def test_clipping_each_array_by_itself_turns_the_gradient(variables):
    angle, flat, ways = (variables[name] for name in ("angle", "flat", "ways"))
    assert np.linalg.norm(flat(ways["each array by itself"])) == pytest.approx(1.118, abs=1e-3)
    assert angle["one norm for all"] == pytest.approx(0, abs=1e-5)
    assert angle["each array by itself"] > 15
    assert angle["each entry to ±0.5"] > 15
    assert 0 < variables["gap"] < 1e-6


def test_the_order_of_an_update(variables):
    update = variables["one_update"]
    assert update("backward, clip, step") == pytest.approx(0, abs=1e-4)
    assert update("clip, backward, step") == -99
    assert update("backward, step, clip") == -99
    assert update("clamp p, backward, step") == -99
    assert update("backward, unscale, clip, step", loss_scale=1024.0) == pytest.approx(0, abs=1e-4)
    assert update("backward, clip, unscale, step", loss_scale=1024.0) > 0.99


def test_nan_spreads_when_clipped_by_norm(page):
    assert "a gradient with nan: by norm [nan nan nan], by value [ 1. nan  1.]" in page.out
    parameter = torch.nn.Parameter(torch.zeros(2))
    parameter.grad = torch.tensor([1.0, float("nan")])
    with pytest.raises(RuntimeError, match="non-finite"):
        torch.nn.utils.clip_grad_norm_([parameter], 1.0, error_if_nonfinite=True)


def test_the_penalty_helps(variables):
    without, with_penalty = (variables["with_flow"][w] for w in (0.0, 1.0))
    assert (without > 0.95).sum() == 0
    assert (with_penalty > 0.95).sum() >= 12


# --- other paths ---------------------------------------------------------------------------------


def test_residual_against_plain(variables):
    through = variables["through"]
    for gain in (0.1, 0.5, 1.0):
        high, low = through[gain, False][1]
        assert low < 1e-10 * high
    assert through[0.1, False][1][0] < 1e-30
    for high, low in through[0.1, True]:
        assert 1 / 3 < low < high < 3
    assert through[1.0, True][1][0] > 30
    assert variables["np"].array_equal(
        variables["deep"]([np.zeros((4, 4))] * 50, True, np.ones(4))[1], np.eye(4)
    )


def test_what_the_figure_of_the_skips_says(variables):
    reached = variables["reached"]
    assert reached["steps only"][60] < 1e-12
    both = reached["steps and jumps of 10"]
    assert 1e-2 < both.min() <= both.max() < 2
    jumps = reached["jumps of 10 only"]
    assert set(np.flatnonzero(jumps)) == {0, 10, 20, 30, 40, 50, 60}


def test_leaks(variables):
    leaks = variables["leaks"]
    at_100 = [leaks[a][2] for a in (0.0, 0.5, 0.9, 0.99)]
    assert at_100 == sorted(at_100)
    assert at_100[0] < 1e-15
    assert at_100[-1] > 0.5
    recalled = variables["recalled"]
    assert min(recalled[0.9], recalled[1.0]) > 1.3 * recalled[0.5]
    assert recalled[0.5] > recalled[1.5]


# --- the worked answers --------------------------------------------------------------------------


def test_answer_power_by_hand():
    powers = [np.linalg.matrix_power([[0.9, 1.0], [0.0, 0.9]], n)[0, 1] for n in range(1, 31)]
    np.testing.assert_allclose(powers, [n * 0.9 ** (n - 1) for n in range(1, 31)])
    assert powers[8] == pytest.approx(powers[9])
    assert max(powers) == pytest.approx(3.87, abs=0.005)
    assert max(powers) == pytest.approx(powers[8])


def test_answer_switching():
    WT = np.array([[0.0, 2.0], [2.0, 0.0]])
    J1, J2 = np.diag([0, 1]) @ WT, np.diag([1, 0]) @ WT
    np.testing.assert_array_equal(J1, [[0, 0], [2, 0]])
    np.testing.assert_array_equal(J2, [[0, 2], [0, 0]])
    assert np.abs(np.linalg.eigvals(J1)).max() == np.abs(np.linalg.eigvals(J2)).max() == 0
    np.testing.assert_array_equal(J2 @ J1, [[4, 0], [0, 0]])
    h = np.array([1.0, 0.0])
    for expected in ([0, 2], [4, 0]):
        h = np.maximum(h @ WT.T, 0)
        np.testing.assert_array_equal(h, expected)


def test_answer_when_the_snippet_is_right(variables):
    for c in (0.3, 1.0, 2.0, 5.0):
        for n in (0.2, 0.3**0.5, 0.8, 1.0, 1.2, 2.0, 4.0, 6.0):
            g = n * variables["direction"]
            same = np.allclose(variables["snippet"](g, c), variables["limit_norm"]([g], c)[0])
            assert same == (n <= min(c, c**0.5) or (n == 1 and c < 1)), (c, n)


def test_answer_orthogonal():
    rng = np.random.default_rng(0)
    Q, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    sent, h = rng.normal(size=6), np.tanh(rng.normal(size=6))
    assert np.linalg.norm(sent @ Q.T) == pytest.approx(np.linalg.norm(sent))
    assert np.linalg.norm((sent * (1 - h**2)) @ Q.T) < np.linalg.norm(sent)


def test_answer_designing_a_memory():
    alpha = 2 ** (-1 / 100)
    assert alpha == pytest.approx(0.99309, abs=1e-5)
    assert alpha**1000 == pytest.approx(0.00098, abs=1e-5)
    bias = np.log(alpha / (1 - alpha))
    assert bias == pytest.approx(4.97, abs=0.005)
    for b, half_life in ((1, 2.2), (2, 5.5)):
        assert np.log(0.5) / np.log(1 / (1 + np.exp(-b))) == pytest.approx(half_life, abs=0.05)


def test_answer_counting_paths():
    def paths(u, v, T=10, d=5):
        g = [1.0]
        for t in range(1, T + 1):
            g.append(u * g[t - 1] + (v * g[t - d] if t >= d else 0))
        return g

    assert paths(1, 1) == [1, 1, 1, 1, 1, 2, 3, 4, 5, 6, 8]
    assert paths(0.5, 0.5)[10] == pytest.approx(0.5**10 + 6 * 0.5**6 + 0.5**2)
    assert paths(0.5, 0.5)[10] == pytest.approx(0.345, abs=5e-4)
