"""Photographs with captions: every format as it is published, in small, and what may be missing."""

import json
import shutil
import subprocess
import sys
import textwrap
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from unrolled.data import coco, scenes
from unrolled.data.coco import DataError

SAID = ["A man rides.", "Two dogs play!", "A cat, asleep", "The red bus"]


def paint(folder, name, seed, size=(40, 30), mode="RGB"):
    """A small image of noise."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(noise).convert(mode).save(folder / name)
    return folder / name


def tiny(seed=0, batch_norm=False):
    """A backbone that maps (B, 3, 16, 16) to (B, 5, 4, 4)."""
    torch.manual_seed(seed)
    layers = [nn.Conv2d(3, 5, 4, stride=4)]
    return nn.Sequential(*layers, *([nn.BatchNorm2d(5)] if batch_norm else []))


@pytest.fixture
def coco_file(tmp_path):
    """COCO's own format: four images, of which each lacks something, beside two good ones."""
    names = [f"COCO_val2014_{k:012d}.jpg" for k in range(6)]
    for k in (0, 1, 2, 3, 5):
        paint(tmp_path / "val2014", names[k], k)
    images = [{"id": 10 + k, "file_name": n, "width": 40, "height": 30, "license": 1}
              for k, n in enumerate(names)]  # fmt: skip
    twin = {**images[1], "id": 30}
    said = [
        (30, "other words"),
        (10, SAID[0]),
        (10, "a man  RIDES"),
        (10, " . "),
        (10, "On a horse"),
        (11, SAID[1]),
    ]
    said += [(12, ""), (14, SAID[2]), (99, SAID[3]), (15, None), (15, SAID[3])]
    annotations = [{"image_id": i, "id": k, "caption": c} for k, (i, c) in enumerate(said)]
    content = {
        "info": {},
        "licenses": [],
        "images": [*images, images[1], twin],
        "annotations": annotations,
    }
    file = tmp_path / "annotations" / "captions_val2014.json"
    file.parent.mkdir()
    file.write_text(json.dumps(content))
    return file


def test_coco_captions_and_what_is_left_out(coco_file, tmp_path):
    photos = coco.read(coco_file, tmp_path / "val2014")
    assert photos.captions == [["a man rides", "on a horse"], ["two dogs play"], ["the red bus"]]
    assert [p.split for p in photos.items] == [None] * 3
    assert photos[0].file == tmp_path / "val2014" / "COCO_val2014_000000000000.jpg"
    counts = {reason: len(cases) for reason, cases in photos.left_out.items()}
    assert counts == {
        "image listed twice": 2,
        "caption of an image that is not listed": 1,
        "caption twice for an image": 1,
        "empty caption": 3,
        "image without captions": 2,
        "image file missing": 1,
    }
    report = photos.report()
    assert "3 images with 4 captions (no split: 3)" in report
    assert "image file missing: 1 (COCO_val2014_000000000004.jpg)" in report
    assert "caption of an image that is not listed: 1 (99)" in report


def test_images_are_found_in_the_usual_places(coco_file):
    assert len(coco.read(coco_file)) == 3


@pytest.mark.parametrize("with_folder", [True, False])
def test_karpathy_splits(tmp_path, with_folder):
    images = []
    for k, split in enumerate(["train", "restval", "val", "test"]):
        folder = "val2014" if k else "train2014"
        name = f"image{k}.jpg"
        paint(tmp_path / "photos" / (folder if with_folder else ""), name, k)
        sentence = {"tokens": SAID[k].lower().split(), "raw": SAID[k], "imgid": k, "sentid": k}
        if k == 3:
            del sentence["raw"]
        image = {"filename": name, "imgid": k, "split": split, "sentids": [k]}
        image |= {"sentences": [sentence]} | ({"filepath": folder} if with_folder else {})
        images.append(image)
    file = tmp_path / "dataset_coco.json"
    file.write_text(json.dumps({"images": images, "dataset": "coco"}))
    photos = coco.read(file, tmp_path / "photos")
    assert [p.split for p in photos.items] == ["train", "train", "val", "test"]
    assert photos.captions == [
        ["a man rides"],
        ["two dogs play"],
        ["a cat asleep"],
        ["the red bus"],
    ]
    assert len(photos.part("train")) == 2
    with pytest.raises(DataError, match=r"'dev' \(there are: 1 of test, 2 of train, 1 of val\)"):
        photos.part("dev")


@pytest.mark.parametrize("form", ["token", "table"])
@pytest.mark.parametrize("lists", [True, False])
def test_flickr8k_folders(tmp_path, form, lists):
    names = [f"{k}_ab.jpg" for k in range(5)]
    for k, name in enumerate(names[:4]):
        paint(tmp_path / ("Flicker8k_Dataset" if form == "token" else "Images"), name, k)
    said = [
        (n, c) for n, c in zip(names, [*SAID, "No image"]) for c in (c, f"{c} again , and more .")
    ]
    if form == "token":
        folder = tmp_path / "Flickr8k_text"
        lines = [f"{n}#{k % 2}\t{c}" for k, (n, c) in enumerate(said)] + ["no tab here", ""]
        text = tmp_path / "Flickr8k_text" / "Flickr8k.token.txt"
    else:
        folder = tmp_path
        lines = ["image,caption", *(f"{n},{c}" for n, c in said), f'{names[0]},"a ""b"", c"', "odd"]
        text = tmp_path / "captions.txt"
    folder.mkdir(exist_ok=True)
    text.write_text("\n".join(lines) + "\n")
    if lists:
        for part, which in (("train", [0, 1, 4]), ("dev", [2]), ("test", [1])):
            file = folder / f"Flickr_8k.{part}Images.txt"
            file.write_text("\n".join(names[k] for k in which) + "\n")
    photos = coco.read(tmp_path)
    splits = {p.file.name: p.split for p in photos.items}
    if lists:
        assert splits == {names[0]: "train", names[1]: "train", names[2]: "val"}
        assert photos.left_out["image in no split list"] == [names[3]]
        assert photos.left_out["image in two splits, the first counts"] == [names[1]]
    else:
        assert splits == dict.fromkeys(names[:4])
    assert photos.left_out["image file missing"] == [names[4]]
    assert len(photos.left_out[f"line without a {'tab' if form == 'token' else 'comma'}"]) == 1
    expected = ["a man rides", "a man rides again and more"] + (
        ["a b c"] if form == "table" else []
    )
    assert list(photos[0].captions) == expected


def test_files_that_are_no_captions_are_named(tmp_path, coco_file):
    with pytest.raises(DataError, match="no such file or folder"):
        coco.read(tmp_path / "nothing.json")
    with pytest.raises(DataError, match=r"neither Flickr8k.token.txt nor captions.txt"):
        coco.read(tmp_path / "annotations")
    with pytest.raises(DataError, match="no such folder of images"):
        coco.read(coco_file, tmp_path / "nowhere")
    whole = coco_file.read_text()
    for text, message in [
        (whole[: len(whole) // 2], "no complete JSON"),
        ("[1, 2]", "of neither known format"),
        ('{"images": []}', "of neither known format"),
        ('{"images": [{"id": 1}], "annotations": [{"caption": "a"}]}', "KeyError: 'file_name'"),
        ('{"images": [], "annotations": [{"bbox": 1}]}', "take captions_"),
        ('{"images": [{"id": 1, "file_name": "a"}]}', "take captions_"),
        ('{"images": [], "annotations": []}', "no image with a caption was found"),
    ]:
        (tmp_path / "odd.json").write_text(text)
        with pytest.raises(DataError, match=message):
            coco.read(tmp_path / "odd.json", tmp_path)
    (tmp_path / "odd.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="UTF-8"):
        coco.read(tmp_path / "odd.json", tmp_path)
    with pytest.raises(DataError, match="image file missing: 7"):
        coco.read(coco_file, tmp_path / "annotations")


def test_a_held_out_part_is_drawn_by_image_and_seed(tmp_path):
    photos = coco.Photos(tuple(coco.Photo(tmp_path / str(k), ("a",), None) for k in range(40)))
    first = photos.divided(0.25, seed=1)
    assert len(first.part("val")) == 10
    assert len(first.part("train")) == 30
    assert first == photos.divided(0.25, seed=1)
    assert first != photos.divided(0.25, seed=2)
    with pytest.raises(DataError, match="leaves a part empty"):
        photos.divided(0.001)


# Features


@pytest.fixture
def photos(tmp_path):
    """Ten images, of which two are broken in different ways."""
    items = []
    for k in range(10):
        file = paint(tmp_path / "images", f"{k}.png", k, mode=("RGB", "L", "P", "RGBA")[k % 4])
        items.append(coco.Photo(file, (f"word{k}",), "train"))
    items[3].file.write_bytes(items[3].file.read_bytes()[:200])
    items[8].file.write_text("no image at all")
    return coco.Photos(tuple(items))


def take(photos, net, cache, **changes):
    settings = {"size": 16, "batch": 3, "progress": False, **changes}
    return coco.extract(photos, net, "tiny", cache, **settings)


def test_features_are_those_of_each_image_alone(photos, tmp_path):
    net = tiny(batch_norm=True)
    with torch.no_grad():  # statistics as after some training
        for _ in range(5):
            net.train()(torch.randn(8, 3, 16, 16) + 1)
    found = take(photos, net, tmp_path / "cache", dtype="float32")
    assert net.training
    assert found.shape == (4, 4)
    assert found.at(np.arange(8)).shape == (8, 16, 5)
    assert [p.captions[0] for p in found.photos.items] == [
        f"word{k}" for k in (0, 1, 2, 4, 5, 6, 7, 9)
    ]
    net.eval()
    for k, photo in enumerate(found.photos.items):
        with torch.no_grad():
            own = net(torch.from_numpy(coco.load_image(photo.file, 16))[None])[0].numpy()
        for row in range(4):
            for column in range(4):
                np.testing.assert_allclose(
                    found.at(np.array(k))[4 * row + column], own[:, row, column], atol=1e-5
                )


def test_broken_images_are_left_out_and_listed(photos, tmp_path):
    found = take(photos, tiny(), tmp_path / "cache")
    assert len(found) == len(found.photos) == 8
    assert [line.split(":")[0] for line in found.broken] == [
        str(photos[3].file),
        str(photos[8].file),
    ]
    assert "UnidentifiedImageError" in found.broken[1]
    assert found.stored.dtype == np.float16
    only = coco.Photos((photos[8],))
    with pytest.raises(DataError, match="none of the 1 images could be read"):
        take(only, tiny(), tmp_path / "cache")


class Counting(nn.Module):
    """A backbone that counts the images that it saw."""

    def __init__(self, net):
        super().__init__()
        self.net, self.seen = net, 0

    def forward(self, images):
        self.seen += len(images)
        return self.net(images)


def test_features_are_computed_once_per_backbone_and_list(photos, tmp_path):
    net = Counting(tiny())
    first = take(photos, net, tmp_path / "cache")
    assert net.seen == 9  # one for the shape of the map
    again = take(photos, net, tmp_path / "cache")
    assert net.seen == 9
    assert again.broken == first.broken
    assert np.array_equal(again.at(np.arange(8)), first.at(np.arange(8)))
    other = Counting(tiny(seed=1))
    assert not np.allclose(take(photos, other, tmp_path / "cache").at(0), first.at(0))
    assert other.seen == 9
    take(coco.Photos(photos.items[:2]), net, tmp_path / "cache")
    take(photos, net, tmp_path / "cache", size=20)
    paint(photos[0].file.parent, "0.png", 5, size=(50, 50))
    changed = take(photos, net, tmp_path / "cache")
    assert net.seen == 9 + 3 + 9 + 9
    assert not np.allclose(changed.at(0), first.at(0))
    assert len(list((tmp_path / "cache").iterdir())) == 5


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from torch import nn
    from tests.unrolled.test_coco import Counting, tiny
    from unrolled.data import coco

    class Fatal(Counting):
        def forward(self, images):
            if self.seen >= 6:
                os.kill(os.getpid(), signal.SIGKILL)
            return super().forward(images)

    files = [Path(name) for name in sys.argv[2:]]
    photos = coco.Photos(tuple(coco.Photo(f, ("a",), None) for f in files))
    coco.extract(photos, Fatal(tiny()), "tiny", sys.argv[1], size=16, batch=3, progress=False)
"""


def test_a_killed_computation_goes_on_where_it_stopped(photos, tmp_path):
    cache = tmp_path / "cache"
    files = [str(p.file) for p in photos.items]
    run = [sys.executable, "-c", textwrap.dedent(KILLED), str(cache), *files]
    done = subprocess.run(run, check=False, cwd=Path(coco.__file__).parents[2])
    assert done.returncode == -9
    (folder,) = cache.iterdir()
    state = np.load(folder / "state.npy")
    assert state.tolist() == [1, 1, 1, 2, 1, 1, 0, 0, 0, 0]
    net = Counting(tiny())
    resumed = take(photos, net, cache)
    assert net.seen == 3  # 6, 7 and 9: no image twice
    assert (cache / folder.name / "state.npy").is_file()
    fresh = take(photos, tiny(), tmp_path / "other")
    assert np.array_equal(resumed.at(np.arange(8)), fresh.at(np.arange(8)))
    assert resumed.broken == fresh.broken


def test_progress_begins_where_the_work_stood(photos, tmp_path, capsys):
    take(photos, tiny(), tmp_path / "cache", progress=True)
    assert "10/10" in capsys.readouterr().err


def test_what_does_not_fit_is_said(photos, tmp_path, monkeypatch):
    with pytest.raises(DataError, match="no images"):
        take(coco.Photos(()), tiny(), tmp_path)
    with pytest.raises(DataError, match=r"must give a map \(B, D, h, w\), it gives \(1, 768\)"):
        take(photos, nn.Flatten(), tmp_path)
    with pytest.raises(DataError, match="fails on an image of 2 x 2"):
        take(photos, tiny(), tmp_path, size=2)

    class Greedy(Counting):
        def forward(self, images):
            if len(images) > 1:
                raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")
            return super().forward(images)

    with pytest.raises(DataError, match="3 images at a time do not fit into memory"):
        take(photos, Greedy(tiny()), tmp_path)
    usage = types.SimpleNamespace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DataError, match=r"has 0\.0 GB left"):
        take(photos, tiny(seed=9), tmp_path / "full")
    assert not list((tmp_path / "full").iterdir())


def test_scenes_as_image_files_give_the_map_of_the_scene(tmp_path):
    batch = scenes.make(3, 0, noise=0, texture=0)
    items = []
    for k, image in enumerate(batch.images):
        pixels = (255 * image.transpose(1, 2, 0)).round().astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{k}.png")
        items.append(coco.Photo(tmp_path / f"{k}.png", tuple(batch.captions[k]), None))
    average = nn.AvgPool2d(8)  # the mean colour of each cell
    found = take(coco.Photos(tuple(items)), average, tmp_path / "cache", size=32)
    values = found.at(np.arange(3)) * coco.DEVIATION + coco.MEAN
    tiles = batch.images.reshape(3, 3, 4, 8, 4, 8).mean(axis=(3, 5)).reshape(3, 3, 16)
    np.testing.assert_allclose(values, tiles.swapaxes(1, 2), atol=0.01)


# torchvision, which need not be installed: a stand-in with its interface


class Residual(nn.Module):
    """Named like torchvision's ResNet."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 8, stride=8)
        self.layer4 = nn.ReLU()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(4, 10)


class Plain(nn.Module):
    """Named like torchvision's VGG."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 4, 8, stride=8))
        self.classifier = nn.Linear(4, 10)


@pytest.fixture
def torchvision(monkeypatch):
    """A module `torchvision` with `models.get_model`."""
    known = {"resnet18": Residual, "vgg16": Plain, "odd": lambda: nn.Sequential(nn.Linear(1, 1))}

    def get_model(name, weights):
        if name not in known:
            raise ValueError(f"Unknown model {name}")
        if weights is not None:
            raise OSError("no route to host")
        return known[name]()

    module = types.ModuleType("torchvision")
    module.models = types.SimpleNamespace(get_model=get_model)
    monkeypatch.setitem(sys.modules, "torchvision", module)
    return module


@pytest.mark.parametrize("name", ["resnet18", "vgg16"])
def test_the_classifier_is_cut_off(torchvision, name):
    net, said = coco.backbone(name, "none")
    assert said == f"{name}-none"
    assert net(torch.zeros(2, 3, 64, 64)).shape == (2, 4, 8, 8)


def test_weights_from_a_file(torchvision, tmp_path):
    whole = Residual()
    torch.save(whole.state_dict(), tmp_path / "weights.pt")
    net, said = coco.backbone("resnet18", tmp_path / "weights.pt")
    assert said == "resnet18"
    assert torch.equal(net[0].weight, whole.conv1.weight)
    with pytest.raises(DataError, match="does not belong to vgg16"):
        coco.backbone("vgg16", tmp_path / "weights.pt")
    (tmp_path / "bad.pt").write_text("nothing")
    with pytest.raises(DataError, match="no file of weights"):
        coco.backbone("resnet18", tmp_path / "bad.pt")
    with pytest.raises(DataError, match="no such file with weights"):
        coco.backbone("resnet18", tmp_path / "missing.pt")


def test_what_torchvision_lacks_is_said(torchvision, monkeypatch):
    with pytest.raises(DataError, match="no network 'resnet1'"):
        coco.backbone("resnet1")
    with pytest.raises(DataError, match="could not be downloaded"):
        coco.backbone("resnet18")
    with pytest.raises(DataError, match="take a ResNet"):
        coco.backbone("odd", "none")
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(DataError, match="pip install torchvision==") as error:
        coco.backbone("resnet18")
    assert "ModuleNotFoundError" in str(error.value)
