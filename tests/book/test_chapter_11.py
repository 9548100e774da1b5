"""Chapter 11, attention: its cells run, and what the text says about the results is so."""

import itertools
import math
import re

import numpy as np
import pytest
import torch
from chapters import EveryListedChapter

from unrolled.data import scenes

CHAPTER = "11-attention"
DERIVATIVES, BOXES = 13, 4
LINKED_BY_THE_ASSIGNMENT = [
    "where-to-look",
    "additive-scores",
    "softmax-over-places",
    "masked-places",
    "context-vector",
    "query-is-the-last-state",
    "attention-captioner",
    "doubly-stochastic",
    "hard-attention",
    "baseline-variance",
    "attention-maps",
    "pointing-measured",
    "reads-one-step-early",
    "reshape-bug",
    "gallery",
]
REFUTED = {
    "only the largest place",
    "values without scores",
    "scores without values",
    "context over the keys",
    "scaled by sqrt(D_x)",
    "the inputs are averaged",
    "query forgotten",
    "four examples show the rate",
    "sum over the words is 1",
    "the mass is L",
    "penalty with 1 is P",
    "through p, not log p",
}

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group(CHAPTER)]


class TestPage(EveryListedChapter):
    pass


def mean(values):
    return float(values.double().mean())


# --- scores, weights, context --------------------------------------------------------------------


def test_a_look_is_at_everything(page, variables):
    assert (variables["trained"] > 0).all()
    assert "places that a look depends on: 16 of 16" in page.out
    assert mean(variables["untrained"].max(dim=2).values) < 0.15
    assert mean(variables["trained"].max(dim=2).values) > 0.5
    assert (variables["untrained"] > 0.02).all()


def test_softmax_over_the_wrong_axis(page):
    line = r"softmax over the \w+ *: sums of the rows \[(.*?)\], .* \[(.*?)\]"
    (right, _), (wrong, alone) = re.findall(line, page.out)
    assert set(right.split()) == {"1."}
    assert all(abs(float(x) - 1) > 0.1 for x in wrong.split())
    assert set(alone.split()) == {"1."}


def test_without_tanh_the_query_is_not_seen(variables):
    assert (variables["linear"] - variables["other"]).abs().max() < 1e-12
    assert (variables["by_any"] - variables["by_right"]).abs().max() < 1e-12


def test_size_of_dot_products(variables):
    std, top, slope = (np.array(column) for column in zip(*variables["by_scale"].values()))
    assert std == pytest.approx([8, 2, 1, 0.125], rel=0.02)
    assert (np.diff(top) < 0).all()
    assert (np.diff(slope) > 0).all()


def test_rows_with_nothing_to_keep(page, variables):
    (filled, f_before, f_behind), (large, *_), (added, a_before, a_behind), (kept, *slopes) = (
        variables["masked"].values()
    )
    assert np.isnan(filled).all()
    assert math.isnan(f_behind)
    assert math.isfinite(f_before)
    assert large == pytest.approx([1 / 3] * 3, abs=0.01)
    assert (added == 0).all()
    assert math.isnan(a_before)
    assert math.isfinite(a_behind)
    assert (kept == 0).all()
    assert all(map(math.isfinite, slopes))
    assert "-1e9 in half precision: -inf" in page.out


# --- the captioner and its maps ------------------------------------------------------------------


def test_the_first_look_by_hand(variables):
    assert np.abs(variables["shares"] - variables["first_look"]).max() < 1e-6


def test_corners_displace_the_peak(variables):
    i = variables["i"]
    pixels, g = variables["pixels"], variables["g"]

    def peak(x, place):
        return float(np.interp(place, x, i)) + 0.5

    assert peak(variables["half_pixel"], 1) == pytest.approx(12)
    assert 12 - peak(variables["corners"], 1) == pytest.approx(1.2, abs=0.05)
    assert pixels / g == 8
    assert 4 - peak(variables["corners"], 0) == pytest.approx(3.5)


def test_the_picker_is_about_what_the_network_wrote(page, variables):
    (figure,) = page.sliders
    assert [s.name for s in figure["sliders"]] == ["image", "word"]
    assert len(figure["data"]) == 6
    for n, look in enumerate(figure["data"]):
        right = [*variables["new"].captions[n][0].split(), "<end>"]
        assert [w == r for w, r in zip(look["words"], right)] == look["right"]
        assert look["place"] == [*variables["new"].places[n][0], -1]
        assert np.sum(look["alpha"], axis=1) == pytest.approx(np.ones(7), abs=0.02)


def test_right_network_no_attention_and_the_two_mistakes(variables):
    told = {
        name: (mean(r.right), mean(r.hit), mean(r.mass)) for name, r in variables["results"].items()
    }
    accuracy, hit, mass = told["attention"]
    assert accuracy > 0.93
    assert hit > 0.75
    assert mass > 0.6
    accuracy, hit, mass = told["no attention"]
    assert accuracy < 0.75
    assert mass == pytest.approx(1 / 16, abs=1e-6)
    accuracy, hit, mass = told["reshape bug"]
    assert accuracy < told["no attention"][0] - 0.03  # "worse than without any attention"
    assert hit < 0.1
    assert mass < 0.1
    assert variables["last"] < variables["first"] / 2  # "the loss falls all the same"


def test_softmax_over_the_batch_needs_its_batch(variables):
    at_once = variables["batch_size"]
    assert at_once[64] > 0.85
    assert max(at_once[n] for n in (1, 8, 500)) < 0.5


def test_any_network_has_maps_that_convince(variables):
    assert len(variables["chosen"]) == len(variables["used"]) == 4
    assert variables["favourites"] > 0.6
    bug = variables["results"]["reshape bug"]
    for n, t in variables["chosen"]:
        assert bug.hit[n, t]
        assert bug.right[n, t]
        assert bug.mass[n, t] > 0.4
    assert mean(bug.hit) < 0.1


def test_shapes_are_read_one_step_early(variables):
    whole, blind = variables["without"]["last state asks"]
    assert (blind[::2] < 0.5).all()
    assert (blind[1::2] > 0.7).all()
    assert (blind[1::2] > blind[::2] + 0.3).all()
    assert (whole > 0.8).all()
    whole, blind = variables["without"]["new state asks"]
    assert (blind < 0.55).all()
    assert (whole > 0.8).all()
    early = variables["results"]["attention"]
    late = variables["pointing"](variables["late"])
    assert mean(late.mass[:, 1::2]) > mean(early.mass[:, 1::2]) + 0.1  # "the sharper ones"


def test_the_test_that_finds_the_bug_without_training(variables):
    assert variables["touched"] == {"moved": [5], "reshape": list(range(16))}


# --- the penalty ---------------------------------------------------------------------------------


def test_the_target_is_no_matter(page, variables):
    one, share = variables["by_target"].values()
    assert (one[1] - share[1]).abs().max() < 1e-15
    assert one[0] - share[0] == pytest.approx(196 * (1 - 20 / 196) ** 2)
    assert "smallest possible 158.04" in page.out


def test_right_captions_without_pointing(variables):
    plain = variables["results"]["attention"]
    for r in variables["spread"].values():
        assert mean(r.right) > mean(plain.right) - 0.01
        assert mean(r.hit[:, 1::2]) < 0.01  # "never hit"
        assert mean(r.hit[:, ::2]) > 0.8
        assert mean(r.mass) < 0.3
    for seed, n in variables["misled"].items():
        assert variables["spread"][seed].right[n].all()
    assert variables["on_objects"] < 0.05


# --- hard attention ------------------------------------------------------------------------------


def test_variance_of_three_places(variables):
    at_mean = variables["toy"][variables["J"]]
    assert all(v > 10 * at_mean for b, v in variables["toy"].items() if b != variables["J"])


def test_variance_in_the_captioner(variables):
    early, later = (
        [variables["variance"][steps, name] for name in variables["baselines"]]
        for steps in (60, 200)
    )
    assert variables["unbiased"] < 1e-12
    assert early[0] > 50 * early[1]  # "nearly all of this"
    assert later[0] < 3 * later[1]  # "later the gain is smaller"
    for row in (early, later):
        assert row == sorted(row, reverse=True)
    assert later[3] < later[2] / 4
    for drawn, told in variables["sampled"].values():
        assert drawn == pytest.approx(told, rel=0.05)


def test_the_best_baseline_is_the_best(variables):
    alpha, reward = variables["weights"], variables["rewards"]
    enumerated = variables["enumerated"]
    for n in range(5):
        best = variables["best_b"][n]
        least = enumerated(alpha[n], reward[n], best)[1]
        for shift in (-0.3, -0.05, 0.05, 0.3):
            assert enumerated(alpha[n], reward[n], best + shift)[1] >= least - 1e-12


def test_soft_hard_and_hard_without_a_baseline(variables):
    accuracies = [
        mean(variables["pointing"](variables[net]).right) for net in ("soft", "hard", "bare")
    ]
    assert accuracies[0] > accuracies[1] + 0.02 > accuracies[2] + 0.02
    end = [np.mean(variables[f"{net}_losses"][-60:]) for net in ("soft", "hard", "bare")]
    assert end == sorted(end)
    soft, hard = (variables["pointing"](variables[net]) for net in ("soft", "hard"))
    assert mean(hard.hit) - mean(hard.mass) < 0.5 * (mean(soft.hit) - mean(soft.mass))
    assert 0.3 < variables["alike"] < 0.9


def test_gallery_by_the_rule(variables):
    score, shown = variables["score"], variables["shown"]
    order = np.argsort(-score.numpy(), kind="stable")
    assert {float(score[n]) for n in shown[:3]} == {float(score[n]) for n in order[:3]}
    assert {float(score[n]) for n in shown[3:]} == {float(score[n]) for n in order[-3:]}
    wrong, ranked = variables["wrong_words"], variables["ranked"]
    assert mean(wrong[ranked[:50]]) < 0.1
    assert mean(wrong[ranked[-50:]]) > 1
    for n in shown[:3]:
        assert wrong[n] == 0
    assert sum(int(wrong[n]) for n in shown[3:]) > 0


# --- the worked answers --------------------------------------------------------------------------


def test_answer_by_hand():
    a = torch.tensor([[1.0, 0], [0, 1], [1, 1]], dtype=torch.float64)
    e = torch.tensor([math.log(2), 0, 0], dtype=torch.float64, requires_grad=True)
    alpha = e.softmax(dim=0)
    z = alpha @ a
    assert alpha.tolist() == pytest.approx([1 / 2, 1 / 4, 1 / 4])
    assert z.tolist() == pytest.approx([3 / 4, 1 / 2])
    (e_bar,) = torch.autograd.grad(z[0], e)
    assert e_bar.tolist() == pytest.approx([1 / 8, -3 / 16, 1 / 16])


def test_answer_cost():
    places, size = 196, 512
    assert places * size * size / 1e6 == pytest.approx(51, abs=0.5)
    assert size * size / 1e6 == pytest.approx(0.26, abs=0.005)
    assert (size * size + 2 * places * size) / 1e6 == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_answer_two_places(variables, p):
    reward = torch.tensor([1.3, -0.4], dtype=torch.float64)
    alpha = torch.tensor([p, 1 - p], dtype=torch.float64)
    b = (1 - p) * reward[0] + p * reward[1]
    assert variables["enumerated"](alpha, reward, b)[1] == pytest.approx(0, abs=1e-15)
    rows = variables["one_sample"](alpha, reward, b)
    assert rows[0].tolist() == pytest.approx(rows[1].tolist())
    assert float(rows[0, 0]) == pytest.approx(p * (1 - p) * 1.7)


def test_answer_the_hit_rate_of_a_fool():
    share = [math.comb(15 - k, 2) / math.comb(16, 3) for k in range(16)]
    assert sum(share) == pytest.approx(1)
    assert max(share) == share[0] == pytest.approx(105 / 560)
    places = np.array([one[0] for one in scenes.make(4000, seed=5).places])
    assert (places[:, 0] == 0).mean() == pytest.approx(share[0], abs=0.03)
    assert (places == 1).mean() == pytest.approx(1 / 16, abs=0.01)


@pytest.mark.parametrize("N", [2, 4])
def test_answer_baseline_of_the_same_batch(variables, N):
    """In the quiz: a mean over N draws with the own one among them shrinks it to (N - 1) / N."""
    alpha, reward = variables["alpha_3"], variables["reward"]
    exact = alpha @ variables["one_sample"](alpha, reward, 0.0)
    told = torch.zeros(3, dtype=torch.float64)
    for drawn in itertools.product(range(3), repeat=N):
        rows = variables["one_sample"](alpha, reward, reward[list(drawn)].mean())
        told += alpha[list(drawn)].prod() * rows[list(drawn)].mean(dim=0)
    assert told.tolist() == pytest.approx((exact * (N - 1) / N).tolist())
