"""Chapter 9, convolutional features: its cells run, and what the text says about them is so."""

import math

import numpy as np
import pytest
import torch
from chapters import EveryListedChapter, cells

CHAPTER = "09-convolutional-features"
DERIVATIVES, BOXES = 14, 6
LINKED_BY_THE_ASSIGNMENT = ["grid-features", "train-or-eval"]
REFUTED = {
    "kernel not turned",
    "statistics as constants",
    "shortcut forgotten",
}

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group(CHAPTER)]


class TestPage(EveryListedChapter):
    pass


def test_grid_features_are_left_to_the_reader(variables):
    assert "grid_features" not in variables
    assert not any("def grid_features(" in cell for cell in cells(CHAPTER))


# --- one layer -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("stride", "pad", "k"), [(1, 1, 3), (2, 1, 4), (3, 2, 5)])
def test_the_gradients_by_hand_for_other_strides(variables, stride, pad, k):
    rng = np.random.default_rng(stride)
    x = torch.tensor(rng.normal(size=(2, 3, 10, 13)), requires_grad=True)
    K = torch.tensor(rng.normal(size=(4, 3, k, k)), requires_grad=True)
    b = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    y = torch.nn.functional.conv2d(x, K, b, stride, pad)
    fits = variables["fits"]
    assert y.shape[2:] == (fits(10, k, stride, pad), fits(13, k, stride, pad))
    sent = torch.tensor(rng.normal(size=y.shape))
    auto = torch.autograd.grad((y * sent).sum(), [K, b, x])
    hand = variables["by_hand"](x.detach().numpy(), K.detach().numpy(), sent.numpy(), stride, pad)
    for ours, theirs in zip(hand, auto):
        assert np.allclose(ours, theirs, atol=1e-12)


def test_the_company_of_an_image(variables):
    right = variables["company"]
    eval_mode = right["eval(), 64 at once"]
    assert right["eval(), 1 at once"] == eval_mode > 0.9
    assert right["train(), 64 at once"] > eval_mode - 0.06  # "large mixed batches hide it"
    assert right["train(), 8 at once"] < eval_mode - 0.04
    assert right["train(), 1 at once"] < 0.2
    assert right["train(), 64 alike at once"] < right["eval() on the same 64 alike"] - 0.15
    assert right["eval(), after 600 others in train()"] < eval_mode - 0.04
    assert variables["changes"][True] > 0.1
    assert variables["changes"][False] < 1e-5


# --- sizes ---------------------------------------------------------------------------------------

KNOWN = {  # depth and parameters, as these networks are known outside
    "LeNet-5": (5, 61_706),
    "AlexNet, 2 groups": (8, 60_965_224),
    "AlexNet, 1 group": (8, 62_378_344),
    "VGG-16": (16, 138_357_544),
    "GoogLeNet": (22, 6_998_552),
    "ResNet-34": (34, 21_797_672),
    "ResNet-50": (50, 25_557_032),
    "DenseNet-121": (121, 7_978_856),
}


@pytest.mark.parametrize("name", KNOWN)
def test_sizes_are_those_of_torch_and_the_known_ones(variables, name):
    layers, shape = variables["NETWORKS"][name]
    depth, weights = KNOWN[name]
    assert variables["depth"](layers) == depth
    with torch.device("meta"):
        net = variables["built"](layers, shape)
    assert sum(p.numel() for p in net.parameters()) == weights
    assert variables["totals"][name]["weights"] == weights


@pytest.mark.parametrize("name", KNOWN)
def test_shapes_and_work_of_every_convolution_are_those_of_a_forward_pass(variables, name):
    layers, shape = variables["NETWORKS"][name]
    with torch.device("meta"):
        net = variables["built"](layers, shape)
        passed = []

        def note(layer, given, out):
            if isinstance(layer, torch.nn.Linear):
                passed.append((out.shape[1], 1, 1, layer.weight.numel()))
            else:
                places = out.shape[2] * out.shape[3]
                passed.append((*out.shape[1:], layer.weight.numel() * places))

        for layer in net.modules():
            if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear):
                layer.register_forward_hook(note)
        net(torch.empty(2, *shape))
    rows = variables["sizes"](layers, shape)
    ours = [(*row[1], row[3]) for row in rows if row[0] in ("conv", "fc")]
    assert len(ours) > 4
    assert sorted(ours) == sorted(passed)


def test_what_the_sources_say(page, variables):
    totals = variables["totals"]
    assert variables["lenet_1998"] == 60_000
    rounded = {letter: round(value) for letter, value in variables["millions"].items()}
    assert rounded == {"A": 133, "B": 133, "C": 134, "D": 138, "E": 144}
    assert "54 from 224, 55 from 227" in page.out
    assert round(totals["VGG-16"]["fc"], 2) == 0.89
    assert round(totals["AlexNet, 2 groups"]["fc"], 2) == 0.96
    assert round(totals["AlexNet, 1 group"]["weights"] / 1e6, 1) == 62.4
    assert totals["ResNet-34"]["work"] == pytest.approx(
        totals["ResNet-50"]["work"], rel=0.06
    )  # "about the same"
    ones = variables["ones"]
    assert (ones.count(1), ones.count(3)) == (36, 16)
    assert 2 < ones.count(1) / ones.count(3) < 2.5


def test_the_three_numbers_of_the_boxes(variables):
    assert variables["drawn_weights"] == 200_425_832
    assert variables["sizes"](variables["alexnet"](2)[:8], (3, 227, 227))[-1][1] == (256, 6, 6)
    assert variables["sizes"](variables["as_drawn"][:7], (3, 227, 227))[-1][1] == (256, 13, 13)
    assert variables["numbers"] == 15_237_608
    assert round(4e-6 * variables["numbers"]) == 61
    assert round(variables["twice"] / 1e6, 1) == 28.8
    assert round(4e-6 * variables["twice"]) == 115
    assert variables["early"] > 0.4
    assert round(variables["in_convolutions"] / 1e6, 1) == 6.0
    assert round(variables["google"] / 1e6, 1) == 7.0
    assert round(variables["auxiliary"] / 1e6, 1) == 3.2
    assert round((variables["google"] + 2 * variables["auxiliary"]) / 1e6) == 13
    assert variables["google_flat"] > 8 * variables["google"]


def test_both_auxiliary_classifiers_see_the_same_size(variables):
    later = [*variables["TO_4A"], *variables["FROM_4B"][:3]]  # up to 4d
    (_, here, *_), (_, there, *_) = (
        variables["sizes"](layers, (3, 224, 224))[-1] for layers in (variables["TO_4A"], later)
    )
    assert here == (512, 14, 14)
    assert there == (528, 14, 14)


def test_four_ideas_in_numbers(variables):
    three, one = variables["stack"]
    assert three == 3 * (9 * 64**2 + 64)
    assert one == 49 * 64**2 + 64
    (small, work), (large, naive_work) = variables["modules"].values()
    assert naive_work > 2 * work
    assert large[0] > small[0] > variables["shape_3a"][0]
    costs = [max(work) for work in variables["inside"].values()]
    assert len(costs) == 4
    assert len(set(costs)) == 1


def test_the_sliders_show_what_the_table_has(page, variables):
    (figure,) = page.sliders
    for name, rows in figure["data"]:
        totals = variables["totals"][name]
        assert sum(row[2] for row in rows) == totals["weights"]
        assert sum(row[3] for row in rows) == totals["kept"]
        assert sum(row[4] for row in rows) == totals["work"]
    vgg = dict(figure["data"])["VGG-16"]
    assert max(range(len(vgg)), key=lambda k: vgg[k][2]) > len(vgg) - 4
    assert max(range(len(vgg)), key=lambda k: vgg[k][3]) < 3


def test_receptive_fields(variables):
    assert variables["measured_sides"] == [3, 7, 15, 19]
    assert variables["core"] > 1.3 * 81 / 361  # "the weight is largest in the middle"
    field, networks = variables["field"], variables["NETWORKS"]
    known = {"AlexNet, 2 groups": 195, "VGG-16": 212, "ResNet-34": 899, "ResNet-50": 483}
    for name, side in known.items():
        grid = [layer for layer in networks[name][0] if layer[0] not in ("mean", "fc")]
        assert field(grid)[0] == side
        assert side > 0.85 * networks[name][1][1]  # "almost as large as the image, or larger"


# --- depth ---------------------------------------------------------------------------------------


def test_degradation(variables):
    training = {key: losses[:, 0].mean() for key, losses in variables["fitted"].items()}
    assert max(training, key=training.get) == (13, False)
    assert training[13, False] > training[3, False] + 0.05
    assert training[13, True] < training[3, False] - 0.4
    assert training[13, True] < training[3, True] + 0.25  # "no worse than the shallow one"
    for losses in variables["fitted"].values():
        inside, outside = losses.mean(axis=0)
        assert abs(outside - inside) < 0.3
    plain, shortcut = (variables["tower"](13, s) for s in (False, True))
    counts = [sum(p.numel() for p in net.parameters()) for net in (plain, shortcut)]
    assert counts[0] == counts[1]


def test_gradients_at_the_start(variables):
    slopes = variables["slopes"]
    plain, residual = slopes["plain, normalised"], slopes["residual, normalised"]
    assert plain[0] / plain[-1] > 10
    assert residual[0] / residual[-1] < 8
    level = slopes["plain, not normalised"]
    assert max(level) < 8 * min(level)
    assert min(slopes["residual, not normalised"]) > 10 * max(residual)


def test_blocks_with_zeros(variables):
    starts = variables["starts"]
    assert starts["both zero"] == (True, [0.0, 0.0])
    identity, (first, last) = starts["last zero"]
    assert identity
    assert first == 0
    assert last > 0
    assert starts["first zero"][1] == [0.0, 0.0]
    assert variables["shrunk"] < 0.05
    assert variables["with_gamma"] == pytest.approx(0.2, abs=0.05)


def test_what_is_handed_on_with_zero_kernels(variables):
    out = variables["handed_on"]
    assert {name: bool(o.any()) for name, o in out.items()} == {
        "residual": True,
        "dense": True,
        "fractal": False,
    }
    assert variables["depth"](variables["fractal"](3, 8)) == 4


# --- transfer ------------------------------------------------------------------------------------


def test_transfer(variables):
    mean = {way: rows.mean(axis=1) for way, rows in variables["table"].items()}
    frozen, tuned = mean["trained, frozen"], mean["trained, then fine-tuned"]
    scratch, chance = mean["from scratch"], mean["random, frozen"]
    assert frozen[0] > scratch[1] + 0.05  # 40 images against 120
    assert (frozen > scratch + 0.05).all()
    assert (frozen > chance + 0.3).all()
    assert frozen[-1] > 0.93
    assert tuned[-1] > 0.9
    gap = frozen - scratch
    assert gap[-1] < gap[0] / 2  # "the gap closes"
    own = variables["own"]
    inside = np.mean([variables["reached"][own, 120, s] for s in variables["SEEDS"]])
    assert inside > scratch[1] + 0.3  # "of the others, much less"
    assert variables["by_kind"]["met before"] > variables["by_kind"]["new to it"] > 0.5
    with torch.no_grad():
        assert variables["found_pairs"].all(dim=1).float().mean() > 0.88


def test_what_training_threw_away(variables):
    columns = variables["columns"]
    assert columns["random", "mean"] > columns["trained", "mean"] + 0.03
    assert columns["trained", "mean"] > 0.4
    assert columns["random, borders joined", "mean"] < 0.4
    assert min(columns["trained", "grid"], columns["random", "grid"]) > 0.9


def test_evidence_lies_on_the_objects(variables):
    assert variables["evidence_hit"] > 0.85
    assert len(variables["shown"]) == 2


def test_captions_from_grids(variables):
    found = variables["described"]
    words = {name: f["token_accuracy"] for name, f in found.items()}
    hit = {name: f["hit"] for name, f in found.items()}
    assert words["learned"] > words["made: scenes.features"] - 0.03
    assert words["learned, raw"] > words["learned"] - 0.06
    assert words["random"] < words["learned"] - 0.05
    assert hit["learned, raw"] < hit["learned"] < hit["made: scenes.features"] - 0.1
    assert hit["random"] > hit["learned"]
    knows = variables["neighbours"]
    assert knows["learned", 1] > 0.8
    assert knows["made: scenes.features", 1] < 0.15
    assert knows["made: scenes.features", 0] > 0.95
    assert knows["learned", 0] > 0.95
    assert knows["random", 1] < knows["random", 0] < 0.9  # "less, and least beside the object"
    assert knows["random", 1] < knows["learned", 1] - 0.1


# --- exercises -----------------------------------------------------------------------------------


def test_exercise_on_counting(variables):
    conv, sizes = variables["conv"], variables["sizes"]
    ((_, shape, weights, work),) = sizes([conv(128, 3, 2)], (64, 57, 57))
    assert (shape, weights, work) == ((128, 29, 29), 73_856, 62_005_248)
    ((_, _, weights, work),) = sizes([conv(128, 3, 2, groups=4)], (64, 57, 57))
    assert (weights, work) == (18_560, 15_501_312)


def test_exercise_on_the_matrix_of_a_convolution():
    k = torch.tensor([2.0, 3.0, 5.0])
    eye = torch.eye(4)[:, None]
    rows = torch.nn.functional.conv1d(eye, k[None, None], padding=1)[:, 0].T
    assert rows.tolist() == [[3, 5, 0, 0], [2, 3, 5, 0], [0, 2, 3, 5], [0, 0, 2, 3]]
    turned = torch.nn.functional.conv1d(eye, k.flip(0)[None, None], padding=1)[:, 0].T
    assert torch.equal(turned, rows.T)


def test_exercise_on_the_gradient_of_normalisation():
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.normal(size=(3, 4, 5, 2)), requires_grad=True)
    y = torch.nn.functional.batch_norm(x, None, None, training=True, eps=1e-14)
    (x_bar,) = torch.autograd.grad((y * torch.tensor(rng.normal(size=y.shape))).sum(), x)
    assert x_bar.abs().max() > 0.1
    assert x_bar.sum(dim=(0, 2, 3)).abs().max() < 1e-12
    assert (x_bar * y).sum(dim=(0, 2, 3)).abs().max() < 1e-12


def test_exercise_on_fields(variables):
    conv, field = variables["conv"], variables["field"]
    assert field([conv(1)] * 111)[0] == 223
    assert field([conv(1)] * 112)[0] == 225
    every_second = [conv(1, stride=1 + k % 2) for k in range(12)]
    assert [field(every_second[:n])[0] for n in (10, 11, 12)] == [125, 189, 253]


def test_exercise_on_ways():
    L, delta = 54, 0.1
    weights = [math.comb(L, k) * delta**k for k in range(L + 1)]
    assert round(sum(weights)) == 172
    assert round(sum(k * w for k, w in enumerate(weights)) / sum(weights), 1) == 4.9
