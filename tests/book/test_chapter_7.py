"""Chapter 7, the GRU and its relatives: its cells, its numbers, its exercises' answers."""

import numpy as np
import pytest
import torch
from chapters import EveryChapter

CHAPTER = "07-gru"
DERIVATIVES, BOXES = 9, 2
LINKED_BY_THE_ASSIGNMENT = [
    "gru-step",
    "gru-backward",
    "keep-or-update",
    "reset-before-or-after",
    "gru-index-error",
    "gru-variants",
    "cost-comparison",
]

pytestmark = pytest.mark.xdist_group(CHAPTER)


class TestPage(EveryChapter):
    pass


@pytest.mark.slow
def test_the_errors_are_run_and_fail(page):
    wrong = " ".join(page.refuted)
    for name in ("r = 1 alone", "h in place of r * h", "only diag(z)", "other end"):
        assert name in wrong
    for name in ("before is after", "reset before", "b_h added", "both biases", "through sigma"):
        assert name in wrong
    for version in ("textbook, random", "slides, random", "slides, constant"):
        assert version in wrong
    assert "textbook, constant" in " ".join(page.compared)


# --- numbers and claims in the text --------------------------------------------------------------


@pytest.mark.slow
def test_the_picture_at_the_top(variables):
    held, candidates = np.array(variables["held"]), np.array(variables["candidates"])
    still = [t for t in range(1, 14) if t + 1 not in (2, 7, 11)]
    assert np.abs(np.diff(held))[np.array(still) - 1].max() == 0
    for t in (2, 7):
        assert held[t - 1] == pytest.approx(candidates[t - 1], abs=0.01)
    assert held[10] == pytest.approx((held[9] + candidates[10]) / 2)


@pytest.mark.slow
def test_the_state_lies_between_the_old_one_and_the_candidate(variables):
    v = variables
    block, new = v["mix"](v["inputs"]["random"][0], v["h_0"][0], v["W_x"], v["W_h"], v["b"])
    low, high = (f(v["h_0"][0], block["n"]) for f in (np.minimum, np.maximum))
    assert ((low <= new) & (new <= high)).all()


@pytest.mark.slow
def test_late_gates_store_the_value_after_the_marked_one(variables):
    stored, values = variables["stored"], variables["values"]
    standard = stored["standard"][:, 0]
    assert standard[2:7] == pytest.approx(np.tanh(values[2]), abs=1e-6)
    assert standard[7:] == pytest.approx(np.tanh(values[7]), abs=1e-6)
    assert np.tanh([0.9, 0.6]) == pytest.approx([0.72, 0.54], abs=0.005)
    for version in ("textbook", "slides"):
        assert stored[version][3:8, 0] == pytest.approx(np.tanh(values[3]), abs=1e-6)
        assert stored[version][8:, 0] == pytest.approx(np.tanh(values[8]), abs=1e-6)
        assert stored[version][2, 0] == pytest.approx(0, abs=1e-6)


@pytest.mark.slow
def test_the_sigma_candidate_never_goes_below_zero(variables):
    assert variables["from_zero"].min() >= 0


@pytest.mark.slow
def test_sizes_of_the_units_and_who_can_count(variables):
    sizes, units = variables["sizes"], variables["UNITS"]
    for name, (blocks, _) in units.items():
        assert sizes[name][0] == len(blocks) * (8 * 32 + 32 * 32 + 32)
    for name in ("vanilla", "update gate only", "minimal gated unit", "GRU"):
        assert sizes[name][2] <= 1
    for name in ("LSTM", "no output gate", "no forget gate"):
        assert sizes[name][2] > 2
    assert sizes["no forget gate"][2] > 20


@pytest.mark.slow
def test_the_units_of_the_table_are_torchs(variables):
    """The table's LSTM and vanilla unit against torch's cells; the GRU against `mix`."""
    v, D, H = variables, 3, 5
    x = torch.randn(2, D, dtype=torch.float64)
    h, c = torch.randn(2, 2, H, dtype=torch.float64)
    for name, cell, order in (
        ("LSTM", torch.nn.LSTMCell(D, H, dtype=torch.float64), "ifgo"),
        ("vanilla", torch.nn.RNNCell(D, H, dtype=torch.float64), "n"),
    ):
        P = v["parameters"](order, D, H)
        with torch.no_grad():
            cell.weight_ih.copy_(torch.cat([P["W_x", k].T for k in order]))
            cell.weight_hh.copy_(torch.cat([P["W_h", k].T for k in order]))
            cell.bias_ih.copy_(torch.cat([P["b", k] for k in order]))
            cell.bias_hh.zero_()
        right = cell(x, (h, c))[0] if name == "LSTM" else cell(x, h)
        torch.testing.assert_close(v["UNITS"][name][1](x, h, c, P)[0], right)
    P = v["parameters"]("zrn", D, H)
    arrays = [{k: P[kind, k].detach().numpy() for k in "zrn"} for kind in ("W_x", "W_h", "b")]
    ours = v["mix"](x.numpy(), h.numpy(), *arrays)[1]
    theirs = v["UNITS"]["GRU"][1](x, h, c, P)[0]
    np.testing.assert_allclose(theirs.detach().numpy(), ours, rtol=1e-12)


@pytest.mark.slow
def test_costs_are_those_of_the_shapes(variables):
    cost = variables["cost"]
    for kind, blocks in (("RNN", 1), ("GRU", 3), ("LSTM", 4)):
        layer = getattr(torch.nn, kind)(64, 128)
        in_torch = sum(p.numel() for p in layer.parameters())
        count, madds = cost(kind, 64, 128)
        assert in_torch - count == blocks * 128  # the second bias
        assert madds == blocks * (64 * 128 + 128 * 128)
    assert set(variables["took"]) == {"RNN", "GRU", "LSTM"}


@pytest.mark.slow
def test_what_is_said_about_the_two_tasks(variables):
    scores, units = variables["scores"], variables["UNITS_FOR"]
    counts = [variables["cost"](kind, 4, H)[0] for kind, H in units.items()]
    assert max(counts) < 1.15 * min(counts)
    worst_gated = max(np.mean(v) for k, v in scores.items() if k[0] == "sum" and k[1] != "RNN")
    assert worst_gated < np.mean(scores["sum", "RNN", None]) / 2
    for keep in (2.0, 4.0):
        assert min(scores["recall", "GRU", keep]) > 0.95
    assert max(scores["recall", "LSTM", 4.0]) > 0.9  # sometimes
    for kind in ("GRU", "LSTM"):
        assert max(scores["recall", kind, None]) < 0.5
    assert max(scores["recall", "RNN", None]) < 0.9


# --- the worked answers --------------------------------------------------------------------------


@pytest.mark.slow
def test_answer_bounded(variables):
    v = variables
    h = np.array([3.0, -2.5, 0.1, 0.0, 1.5])
    top = np.maximum(1, np.abs(h))
    for x in 3 * np.random.default_rng(1).normal(size=(100, 3)):
        h = v["mix"](x, h, v["W_x"], v["W_h"], v["b"])[1]
        assert (np.abs(h) <= top).all()


@pytest.mark.slow
def test_answer_leaky(variables):
    zero, rng = np.zeros((1, 1)), np.random.default_rng(2)
    W_x = {"z": zero, "r": rng.normal(size=(1, 1)), "n": np.ones((1, 1))}
    W_h = {"z": zero, "r": rng.normal(size=(1, 1)), "n": zero}
    b = {"z": np.array([np.log(9.0)]), "r": rng.normal(size=1), "n": np.zeros(1)}
    assert np.log(9.0) == pytest.approx(2.20, abs=0.005)
    h, mu = np.array([0.3]), 0.3
    for x in rng.normal(size=20):
        h = variables["mix"](np.array([x]), h, W_x, W_h, b)[1]
        mu = 0.9 * mu + 0.1 * np.tanh(x)
        assert h[0] == pytest.approx(mu, rel=1e-12)


def test_answer_size():
    def size(G, H):
        return G * (100 * H + H * H + H)

    assert size(4, 128) == 117_248
    for G, H, count in ((3, 153, 116_586), (1, 295, 116_820)):
        assert size(G, H) == count <= 117_248 < size(G, H + 1)


@pytest.mark.slow
def test_answer_gru_and_coupled_lstm(variables):
    v, rng = variables, np.random.default_rng(3)
    P = v["parameters"]("zn", 3, 5)
    x, h = (torch.tensor(rng.normal(size=(2, n))) for n in (3, 5))
    f, g = v["gate"]("z", x, h, P), torch.tanh(v["block"]("n", x, h, P))
    coupled = f * h + (1 - f) * g
    torch.testing.assert_close(coupled, v["UNITS"]["update gate only"][1](x, h, None, P)[0])


@pytest.mark.slow
def test_answer_shut_gate(variables):
    v = variables
    shut = {**v["b"], "z": np.full(5, 1000.0)}
    _, bar = v["differentiate"](v["x"], v["e"], v["h_0"], v["W_x"], v["W_h"], shut)
    for t in v["steps"]:
        assert not any(bar["a", k, t].any() for k in "zrn")
    np.testing.assert_allclose(bar["h", 0], sum(v["e"][t] for t in v["steps"]))
