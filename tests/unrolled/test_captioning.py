"""The captioner on the command line: it learns, looks, goes on after a stop, says what is wrong."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.unrolled.test_coco import SAID, paint, tiny
from unrolled import captioning
from unrolled.captioning import AcrossTheBatch, Captioner, Options, Source, main
from unrolled.data import coco, words
from unrolled.data.coco import DataError

SMALL = ["--scenes", "60", "--held-out", "20", "--width", "16", "--batch", "8"]


def small(**changes):
    """Options of a run that takes a moment."""
    return Options(**{"scenes": 60, "held_out": 20, "width": 16, "batch": 8, **changes})


def losses(run):
    return torch.load(run / "checkpoint.pt", weights_only=True)["losses"]


# The model


def test_weights_sum_to_one_over_the_places_and_the_mistake_does_not():
    source, vocab = captioning.load(small(), "train")
    ids = torch.from_numpy(source.ids[:6])
    seen = torch.from_numpy(source.at(source.image[:6]))
    for kind, look, dim in (
        (Captioner, "soft", 2),
        (Captioner, "mean", 2),
        (AcrossTheBatch, "soft", 0),
    ):
        torch.manual_seed(0)
        logits, weights = kind(len(vocab), seen.shape[2], 16, look)(seen, ids[:, :-1])
        assert logits.shape == (*ids[:, 1:].shape, len(vocab))
        assert weights.shape == (*ids[:, 1:].shape, 16)
        torch.testing.assert_close(weights.sum(dim=dim), torch.ones_like(weights.sum(dim=dim)))
        assert torch.allclose(weights, weights.mean(dim=2, keepdim=True)) == (look == "mean")
    with pytest.raises(ValueError, match="soft, mean"):
        Captioner(5, 4, look="hard")


def test_an_image_is_described_as_the_forward_pass_says():
    source, vocab = captioning.load(small(), "train")
    model = captioning.build(small(), source, vocab)
    captioning.train(model, source, 150, seed=0, batch=8)
    seen = torch.from_numpy(source.at(np.arange(5)))
    said = model.describe(seen, vocab, longest=7)
    assert len(set(said)) > 2
    ids = torch.from_numpy(words.to_ids(said, vocab))
    for k, caption in enumerate(said):
        logits, _ = model(seen[k : k + 1], ids[k : k + 1, : len(caption.split()) + 1])
        logits[:, :, [0, 1]] = -torch.inf
        best = logits[0].argmax(dim=1).tolist()
        expected = [vocab[w] for w in caption.split()] + [vocab["<end>"]]
        assert best == expected or (len(caption.split()) == 7 and best[:7] == expected[:7])


def test_a_description_has_neither_padding_nor_start():
    source, vocab = captioning.load(small(), "train")
    model = captioning.build(small(), source, vocab)
    with torch.no_grad():
        model.readout.bias[:2] = 100.0
        model.readout.bias[2] = -100.0
    said = model.describe(torch.from_numpy(source.at(np.arange(3))), vocab, longest=5)
    assert [len(s.split()) for s in said] == [5, 5, 5]


def test_what_follows_in_a_caption_does_not_change_what_was_predicted():
    source, vocab = captioning.load(small(), "train")
    model = captioning.build(small(), source, vocab)
    seen = torch.from_numpy(source.at(np.arange(4)))
    ids = torch.from_numpy(source.ids[:4, :-1])
    changed = ids.clone()
    changed[:, 3:] = 5
    torch.testing.assert_close(model(seen, ids)[0][:, :3], model(seen, changed)[0][:, :3])


def test_scrambled_is_a_reshape_without_a_transposition():
    maps = np.random.default_rng(0).standard_normal((2, 5, 3, 4)).astype(np.float32)
    right = maps.reshape(2, 5, 12).swapaxes(1, 2)
    wrong = captioning.scrambled(right)
    assert np.array_equal(wrong, maps.reshape(2, 12, 5))
    assert not np.array_equal(wrong, right)


def test_bleu_agrees_with_a_count_by_hand():
    assert captioning.bleu(["a b c d e"], [["a b c d e"]]) == pytest.approx(100)
    assert captioning.bleu(["a b c"], [["d e f g", "a"]]) == 0
    # 5 of 6 words, 3 of 5 pairs, 2 of 4 triples, 1 of 3 quadruples; one reference is as long.
    found = captioning.bleu(["a b c d x a"], [["a b c d e f", "x"]])
    assert found == pytest.approx(100 * (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25)
    # All words are right; 6 of them against 8 of the references of the closest length.
    found = captioning.bleu(["a b c d", "a b"], [["a b c d e f"], ["a b", "z"]])
    assert found == pytest.approx(100 * np.exp(1 - 8 / 6))


class Fixed(torch.nn.Module):
    """A captioner that says and looks as told."""

    def __init__(self, logits, weights, said):
        super().__init__()
        self.told, self.said = (logits, weights), said

    def forward(self, seen, ids):
        rows = seen[:, 0, 0].long()
        return tuple(x[rows, : ids.shape[1]] for x in self.told)

    def describe(self, seen, vocab):
        return [self.said[k] for k in seen[:, 0, 0].long()]


@pytest.mark.parametrize("batch", [1, 2, 50])
def test_the_numbers_of_an_evaluation_are_counted_right(batch):
    vocab = words.numbered(["a", "b", "c"])
    captions = [["a b c"], ["b"]]
    ids = words.to_ids([c[0] for c in captions], vocab)
    logits = torch.nn.functional.one_hot(torch.from_numpy(ids[:, 1:]), 7).float() * 3
    logits[0, 1] = logits[0, 1].roll(1)  # one of six words is wrong, padding is right
    weights = torch.full((2, 4, 3), 0.1)
    weights[0, 0, 2], weights[0, 1, 2], weights[1, 0, 0] = 0.8, 0.8, 0.8
    places = np.array([[2, 2, 1, -1], [1, -1, -1, -1]])
    rows = np.arange(2, dtype=np.float32).reshape(2, 1, 1)
    source = Source(lambda k: rows[k], ids, np.arange(2), captions, places)
    found = captioning.evaluate(Fixed(logits, weights, ["a b c", "b"]), source, vocab, batch)
    assert found["token_accuracy"] == pytest.approx(5 / 6)
    one = np.log(np.exp(3) + 6)
    assert found["nats"] == pytest.approx(one - 3 * 5 / 6, abs=1e-6)
    assert found["hit"] == pytest.approx(2 / 4)  # of the equal weights the first counts: no hit
    assert found["mass"] == pytest.approx((0.8 + 0.8 + 0.1 + 0.1) / 4)
    assert found["hit_first"] == pytest.approx(1 / 3)
    assert found["mass_first"] == pytest.approx((0.8 + 0.1 + 0.1) / 3)
    assert found["uniform"] == pytest.approx(1 / 3)
    assert found["bleu"] == 0  # no caption has four words


@pytest.mark.slow
def test_a_model_that_looks_is_better_and_only_its_gaze_tells_the_reshape_bug():
    """Bounds lie far from what three seeds gave: accuracy .95-.96, .77-.79, .71-.73, .49-.51 and
    hits .87-.88, .11-.12, .11-.13, .35-.40, in the order of the table; 1 / L is .111."""
    scene = ("grid=3", "objects=3", "colours=3", "shapes=3")
    options = Options(scene=scene, scenes=1500, held_out=300, width=64, batch=48)
    found = captioning.compare(options, steps=250)
    accuracy = {name: row["token_accuracy"] for name, row in found.items()}
    hit = {name: row["hit"] for name, row in found.items()}
    assert accuracy["attention"] > 0.9
    assert hit["attention"] > 0.75
    assert found["attention"]["mass"] > 0.5
    assert accuracy["mean of places"] < accuracy["attention"] - 0.1
    assert accuracy["scrambled"] < accuracy["attention"] - 0.1
    assert accuracy["across the batch"] < 0.65
    assert max(hit["mean of places"], hit["scrambled"]) < 0.25
    assert accuracy["scrambled"] > 0.5  # it does learn


# Runs


def test_training_lowers_the_loss_and_evaluation_reports(tmp_path, capsys):
    run = tmp_path / "run"
    assert main(["train", "--run", str(run), *SMALL, "--steps", "40"]) == 0
    assert np.mean(losses(run)[-5:]) < 0.9 * losses(run)[0]
    assert main(["evaluate", "--run", str(run), "--show", "2"]) == 0
    out = capsys.readouterr().out
    assert out.count("model  ") == out.count("true   ") == 2
    stored = json.loads((run / "metrics.json").read_text())
    assert stored["split"] == "val"
    assert stored["steps"] == 40
    for name in ("token_accuracy", "bleu", "hit", "mass", "hit_first"):
        assert f"{name:16} {stored[name]:.4f}" in out


@pytest.mark.parametrize("see", ["features", "pixels"])
def test_a_run_in_two_parts_is_the_same_as_in_one(tmp_path, see):
    once, twice = tmp_path / "once", tmp_path / "twice"
    options = [*SMALL, "--see", see, "--save-every", "3"]
    assert main(["train", "--run", str(once), *options, "--steps", "9"]) == 0
    assert main(["train", "--run", str(twice), *options, "--steps", "4"]) == 0
    assert main(["train", "--run", str(twice), *options, "--steps", "9"]) == 0
    assert losses(once) == losses(twice)
    assert len(losses(once)) == 9
    assert main(["train", "--run", str(twice), *options, "--steps", "9"]) == 0  # nothing to do
    other = tmp_path / "other"
    assert main(["train", "--run", str(other), *options, "--steps", "9", "--seed", "1"]) == 0
    assert losses(other) != losses(once)


def start(run):
    root = Path(captioning.__file__).parents[1]
    command = [sys.executable, "-m", "unrolled.captioning", "train", "--run", str(run), *SMALL]
    return subprocess.Popen(
        [*command, "--steps", "100000", "--save-every", "20"],
        cwd=root,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_stopped_goes_on(tmp_path, kind):
    run = tmp_path / "run"
    with start(run) as process:
        until = time.monotonic() + 120
        while not (run / "checkpoint.pt").is_file() and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(kind)
        out, _ = process.communicate(timeout=60)
    done = losses(run)
    if kind == signal.SIGKILL:
        assert len(done) % 20 == 0
    else:
        assert process.returncode == 128 + kind
        assert f"stopped after {len(done)} steps" in out
    steps = len(done) + 5
    # The number of threads changes the order of sums, and with it the last digits.
    torch.set_num_threads(1)
    assert main(["train", "--run", str(run), *SMALL, "--steps", str(steps)]) == 0
    assert losses(run)[: len(done)] == done
    assert len(losses(run)) == steps


def test_another_option_is_another_run(tmp_path, capsys):
    run = str(tmp_path / "run")
    assert main(["train", "--run", run, *SMALL, "--steps", "2"]) == 0
    assert main(["train", "--run", run, *SMALL, "--steps", "3", "--look", "mean"]) == 1
    assert "look was 'soft'" in capsys.readouterr().err
    assert main(["train", "--run", run, *SMALL, "--steps", "3", "--scene", "objects=2"]) == 1


def test_what_is_wrong_is_said_in_one_line(tmp_path, capsys):
    def refused(*arguments):
        assert main(list(arguments)) == 1
        return capsys.readouterr().err

    train = ("train", "--run", str(tmp_path / "a"), *SMALL)
    assert "there is no run" in refused("evaluate", "--run", str(tmp_path / "none"))
    assert "write NAME=VALUE" in refused(*train, "--scene", "objects")
    assert "write yes or no" in refused(*train[:2], str(tmp_path / "b"), "--scene", "distinct=1")
    assert "do not fit" in refused(*train[:2], str(tmp_path / "c"), "--scene", "objects=3-12",
                                   "--scene", "grid=3")  # fmt: skip
    assert "cells of 8 pixels" in refused(*train[:2], str(tmp_path / "d"), "--see", "pixels",
                                          "--scene", "cell=12")  # fmt: skip
    assert "no such file" in refused(*train[:2], str(tmp_path / "e"), "--data", "nothing.json")
    begun = captioning.Run(tmp_path / "f")
    begun.begin(small())
    begun.keep_vocabulary(captioning.load(small(), "train")[1])
    assert "train first" in refused("evaluate", "--run", str(tmp_path / "f"))
    run = tmp_path / "g"
    assert main(["train", "--run", str(run), *SMALL, "--steps", "2"]) == 0
    (run / "checkpoint.pt").write_bytes((run / "checkpoint.pt").read_bytes()[:1000])
    assert "is damaged" in refused("evaluate", "--run", str(run))
    with pytest.raises(SystemExit):
        main(["train", "--run", str(run), "--steps", "0"])
    with pytest.raises(SystemExit):
        main(["train", "--run", str(run), "--rate", "-1"])
    assert "must be above 0" in capsys.readouterr().err


def test_a_loss_that_is_no_number_stops_training():
    source, vocab = captioning.load(small(), "train")
    model = captioning.build(small(), source, vocab)
    broken = Source(lambda k: source.at(k) * np.nan, source.ids, source.image, source.references)
    with pytest.raises(DataError, match="loss is nan at step 0: take a smaller --rate"):
        captioning.train(model, broken, 3, seed=0)


def test_scene_settings_are_read():
    found = captioning.scene_settings(
        "easy", ["objects=2-4", "kinds=list,count", "noise=0.2", "distinct=yes", "order=random"]
    )
    assert found.objects == (2, 4)
    assert found.kinds == ("list", "count")
    assert (found.noise, found.distinct, found.order, found.grid) == (0.2, True, "random", 3)
    with pytest.raises(DataError, match="objects=many"):
        captioning.scene_settings("easy", ["objects=many"])


# Photographs


@pytest.fixture
def karpathy(tmp_path, monkeypatch):
    """Twelve photographs with two captions each; a tiny network in torchvision's place."""
    images = []
    for k in range(12):
        paint(tmp_path / "photos", f"{k}.jpg", k)
        said = [SAID[k % 4], f"{SAID[k % 4]} again"]
        sentences = [{"tokens": s.lower().split(), "raw": s} for s in said]
        split = ("train", "train", "val", "test")[k // 3]
        images.append({"filename": f"{k}.jpg", "split": split, "sentences": sentences})
    file = tmp_path / "dataset_flickr8k.json"
    file.write_text(json.dumps({"images": images, "dataset": "flickr8k"}))
    monkeypatch.setattr(coco, "backbone", lambda name, weights: (tiny(), name))
    return file


def test_the_same_captioner_learns_photographs(karpathy, tmp_path, capsys):
    run = tmp_path / "run"
    (tmp_path / "photos" / "1.jpg").write_text("broken")
    train = ["train", "--run", str(run), "--data", str(karpathy), "--least", "1", "--width", "16"]
    train += ["--images", str(tmp_path / "photos"), "--cache", str(tmp_path / "cache")]
    train += ["--image-size", "16", "--batch", "4"]
    assert main([*train, "--steps", "60"]) == 0
    out = capsys.readouterr().out
    assert "5 images, 10 captions" in out
    assert np.mean(losses(run)[-5:]) < 0.7 * losses(run)[0]
    for split in ("val", "test"):
        assert main(["evaluate", "--run", str(run), "--split", split, "--show", "1"]) == 0
        found = json.loads((run / "metrics.json").read_text())
        assert found["split"] == split
        assert {"token_accuracy", "bleu"} <= set(found)
        assert "hit" not in found  # nobody knows the places
    assert len(list((tmp_path / "cache").iterdir())) == 3
    shutil.rmtree(tmp_path / "cache")
    assert main([*train, "--steps", "62"]) == 0


def test_captions_without_splits_are_divided_and_limited(karpathy, tmp_path):
    content = json.loads(karpathy.read_text())
    listed = {
        "images": [{"id": k, "file_name": i["filename"]} for k, i in enumerate(content["images"])],
        "annotations": [
            {"image_id": k, "caption": s["raw"]}
            for k, i in enumerate(content["images"])
            for s in i["sentences"]
        ],
    }
    file = tmp_path / "captions_val.json"
    file.write_text(json.dumps(listed))
    options = Options(data=str(file), images=str(tmp_path / "photos"), least=1, longest=2,
                      cache=str(tmp_path / "cache"), image_size=16)  # fmt: skip
    train, vocab = captioning.load(options, "train", progress=False)
    val, _ = captioning.load(options, "val", vocab, progress=False)
    assert (len(train), len(val)) == (11, 1)
    assert train.ids.shape == (22, 4)
    assert train.at(np.array([3, 1])).shape == (2, 16, 5)
    limited, _ = captioning.load(Options(**{**vars(options), "limit": 4}), "train", progress=False)
    assert len(limited) == 4
