"""Photographs with captions that people have on their disk, and grid features computed from them.

Three kinds of files are read (nothing is downloaded):

* COCO: `captions_train2014.json` and the like, with a folder of images;
* Karpathy's splits: `dataset_coco.json`, `dataset_flickr8k.json`, `dataset_flickr30k.json`;
* a Flickr8k folder: `Flickr8k.token.txt` (`name.jpg#0<tab>caption`) or `captions.txt`
  (`image,caption`), the split lists `Flickr_8k.trainImages.txt`, `...devImages.txt`,
  `...testImages.txt` where they are, and the images.

    photos = read("dataset_flickr8k.json", images="Flickr8k_Dataset")
    print(photos.report())                     # what was left out, and why
    net, name = backbone("resnet18")           # needs torchvision
    features = extract(photos.part("train"), net, name, cache="features")
    features.at(np.arange(32))                 # (32, L, D), from the disk
    features.photos[0].captions                # the captions of the same image

`extract` keeps its result in files, goes on where it was stopped, and leaves out images that cannot
be read, naming each. It takes any module that maps (B, 3, S, S) to a map of features (B, D, h, w).
"""

from __future__ import annotations

import csv
import hashlib
import itertools
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.data import words

if TYPE_CHECKING:
    import torch

SPLITS = ("train", "val", "test")
MEAN = np.array((0.485, 0.456, 0.406), dtype=np.float32)
DEVIATION = np.array((0.229, 0.224, 0.225), dtype=np.float32)
"""Of the channels of ImageNet's images: what torchvision's networks were trained with."""

TORCHVISION = (
    "A pretrained backbone needs torchvision. Install the build that belongs to your torch, from "
    "the same index: for torch 2.13.0 on a CPU\n"
    "    pip install torchvision==0.28.0 --index-url https://download.pytorch.org/whl/cpu\n"
    "(a build for another torch, or one with CUDA, does not load)."
)


class DataError(Exception):
    """Data that cannot be used; the message says which file and what to do."""


class Photo(NamedTuple):
    """One image and what is said of it."""

    file: Path
    captions: tuple[str, ...]
    """Words in lower case with blanks between them (`words.tidy`)."""
    split: str | None
    """One of `SPLITS`, or None where the files do not say."""


@dataclass(frozen=True)
class Photos:
    """Images with captions, and what was left out of them."""

    items: tuple[Photo, ...]
    left_out: dict[str, list[str]] = field(default_factory=dict)
    """Reason to the files or captions that it concerns."""

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, k: int) -> Photo:
        return self.items[k]

    @property
    def captions(self) -> list[list[str]]:
        """Per image its captions."""
        return [list(photo.captions) for photo in self.items]

    def part(self, split: str) -> Photos:
        """The images of one split; DataError if there are none."""
        kept = tuple(photo for photo in self.items if photo.split == split)
        if not kept:
            known = Counter(photo.split or "no split" for photo in self.items)
            has = ", ".join(f"{n} of {name}" for name, n in sorted(known.items())) or "none"
            raise DataError(f"no image belongs to the split {split!r} (there are: {has})")
        return Photos(kept)

    def divided(self, held_out: float = 0.1, seed: int = 0) -> Photos:
        """The same images with the splits train and val drawn anew, by image and from a seed.

        Raises:
            DataError: a part would be empty.
        """
        count = round(held_out * len(self))
        if not 0 < count < len(self):
            raise DataError(f"{held_out} of {len(self)} images leaves a part empty")
        val = set(np.random.default_rng(seed).permutation(len(self))[:count].tolist())
        items = (p._replace(split="val" if k in val else "train") for k, p in enumerate(self.items))
        return Photos(tuple(items), self.left_out)

    def report(self, examples: int = 3) -> str:
        """What there is and what was left out, in a few lines."""
        splits = Counter(photo.split or "no split" for photo in self.items)
        lines = [
            f"{len(self)} images with {sum(len(p.captions) for p in self.items)} captions ("
            + ", ".join(f"{name}: {n}" for name, n in sorted(splits.items()))
            + ")"
        ]
        for reason, cases in self.left_out.items():
            shown = ", ".join(cases[:examples]) + (", ..." if len(cases) > examples else "")
            lines.append(f"{reason}: {len(cases)} ({shown})")
        return "\n".join(lines)


# Reading captions


def read(path: str | Path, images: str | Path | None = None) -> Photos:
    """Read captions and find their images; which format it is follows from the content.

    Args:
        path: a JSON file of COCO or of Karpathy, or a Flickr8k folder.
        images: the folder that the images' names are relative to. Without it the usual places
            beside `path` are tried.

    Returns:
        What can be used. Left out and listed: images that are not there, images without captions,
        captions without an image, empty captions, a caption twice for one image, an image twice.

    Raises:
        DataError: no such file or folder, no JSON, another format, or nothing left.
    """
    path = Path(path)
    if path.is_dir():
        folder, entries, notes = path, *_flickr8k(path)
    elif path.is_file():
        folder, (entries, notes) = path.parent, _json_file(path)
    else:
        raise DataError(f"{path}: no such file or folder")
    if images is not None and not Path(images).is_dir():
        raise DataError(f"{images}: no such folder of images")
    photos = _collect(entries, _image_folders(folder, images), notes)
    if not photos.items:
        looked = images if images is not None else f"the folders beside {path}"
        raise DataError(
            f"{path}: no image with a caption was found; images were looked for in {looked}\n"
            + photos.report()
        )
    return photos


class _Entry(NamedTuple):
    names: tuple[str, ...]
    """Where the image may lie, relative to the folder of images; the first is what it is called."""
    captions: list[str]
    split: str | None


_Notes = dict[str, list[str]]


def _json_file(path: Path) -> tuple[list[_Entry], _Notes]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no text in UTF-8: {error}") from error
    except json.JSONDecodeError as error:
        raise DataError(f"{path} is no complete JSON: {error}. Was it downloaded whole?") from error
    try:
        if "annotations" in content:
            return _coco(content, path)
        if "sentences" in content["images"][0]:
            return _karpathy(content), {}
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path} is JSON, but of neither known format: COCO's has images (id, file_name) and "
            "annotations (image_id, caption), Karpathy's images (filename, split, sentences). "
            f"What failed: {type(error).__name__}: {error}"
        ) from error
    raise DataError(
        f"{path} has images but no captions: take captions_*.json, not instances_*.json"
    )


def _coco(content: dict[str, Any], path: Path) -> tuple[list[_Entry], _Notes]:
    if content["annotations"] and "caption" not in content["annotations"][0]:
        raise DataError(
            f"{path} has annotations without captions: take captions_*.json, not instances_*.json"
        )
    notes: _Notes = {}
    found: dict[Any, _Entry] = {}
    for image in content["images"]:
        if image["id"] in found:
            _note(notes, "image listed twice", image["file_name"])
        else:
            name = image["file_name"]
            found[image["id"]] = _Entry((name,), [], None)
    for annotation in content["annotations"]:
        if annotation["image_id"] in found:
            found[annotation["image_id"]].captions.append(annotation["caption"])
        else:
            _note(notes, "caption of an image that is not listed", str(annotation["image_id"]))
    return list(found.values()), notes


def _karpathy(content: dict[str, Any]) -> list[_Entry]:
    entries = []
    for image in content["images"]:
        name = image["filename"]
        within = image.get("filepath", "")
        names = (f"{within}/{name}", name) if within else (name,)
        split = {"restval": "train"}.get(image["split"], image["split"])
        said = [s["raw"] if s.get("raw") else " ".join(s["tokens"]) for s in image["sentences"]]
        entries.append(_Entry(names, said, split))
    return entries


def _flickr8k(folder: Path) -> tuple[list[_Entry], _Notes]:
    lists = {"train": "trainImages", "val": "devImages", "test": "testImages"}
    tokens = _below(folder, "Flickr8k.token.txt")
    table = _below(folder, "captions.txt")
    if tokens is None and table is None:
        raise DataError(f"{folder} has neither Flickr8k.token.txt nor captions.txt")
    notes: _Notes = {}
    said: dict[str, list[str]] = {}
    for name, caption in _token_lines(tokens, notes) if tokens else _table_lines(table, notes):
        said.setdefault(name, []).append(caption)
    split: dict[str, str] = {}
    for part, name in lists.items():
        file = _below(folder, f"Flickr_8k.{name}.txt")
        for image in file.read_text(encoding="utf-8").split() if file else []:
            if split.setdefault(image, part) != part:
                _note(notes, "image in two splits, the first counts", image)
            said.setdefault(image, [])
    if split:
        for image in [image for image in said if image not in split]:
            _note(notes, "image in no split list", image)
            del said[image]
    return [_Entry((name,), captions, split.get(name)) for name, captions in said.items()], notes


def _token_lines(file: Path, notes: _Notes) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        name, tab, caption = line.partition("\t")
        if tab:
            yield name.rpartition("#")[0] or name, caption
        elif line.strip():
            _note(notes, "line without a tab", f"{file.name}:{number}")


def _table_lines(file: Path, notes: _Notes) -> Iterator[tuple[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.reader(lines):
            if row[:2] == ["image", "caption"]:
                continue
            if len(row) > 1:  # commas within a caption are not always quoted
                yield row[0], ",".join(row[1:])
            elif row:
                _note(notes, "line without a comma", row[0])


def _below(folder: Path, name: str) -> Path | None:
    """A file of this name in the folder or one level below it."""
    return next(itertools.chain(folder.glob(name), folder.glob(f"*/{name}")), None)


def _image_folders(beside: Path, images: str | Path | None) -> list[Path]:
    if images is not None:
        return [Path(images)]
    usual = ("Flicker8k_Dataset", "Flickr8k_Dataset", "Images", "images", "train2014", "val2014")
    roots = [beside, beside.parent]
    return [f for root in roots for f in (root, *(root / name for name in usual)) if f.is_dir()]


def _collect(entries: Iterable[_Entry], folders: Sequence[Path], notes: _Notes) -> Photos:
    """Look for the files and leave out what cannot be used."""
    present = _listing(folders)
    photos: dict[Path, Photo] = {}
    for entry in entries:
        name = entry.names[0]
        said: dict[str, None] = {}
        for raw in entry.captions:
            caption = words.tidy(raw if isinstance(raw, str) else "")
            if not caption:
                _note(notes, "empty caption", name)
            elif caption in said:
                _note(notes, "caption twice for an image", f"{name}: {caption}")
            said[caption] = None
        said.pop("", None)
        places = (f / n for f in folders for n in entry.names)
        file = next((f for f in places if present(f)), None)
        if file is None:
            _note(notes, "image file missing", name)
        elif not said:
            _note(notes, "image without captions", name)
        elif file in photos:
            _note(notes, "image listed twice", name)
        else:
            photos[file] = Photo(file, tuple(said), entry.split)
    return Photos(tuple(photos.values()), notes)


def _listing(folders: Sequence[Path]) -> Any:
    """Whether a file is there, by one listing per folder: a look at each of 120,000 is slow."""
    known: dict[Path, set[str]] = {}

    def present(file: Path) -> bool:
        folder = file.parent
        if folder not in known:
            known[folder] = {e.name for e in os.scandir(folder)} if folder.is_dir() else set()
        return file.name in known[folder]

    return present


def _note(notes: _Notes, reason: str, case: str) -> None:
    notes.setdefault(reason, []).append(case)


# Backbones


def backbone(name: str = "resnet18", weights: str | Path = "DEFAULT") -> tuple[Any, str]:
    """A torchvision network without its classifier, and a name that stands for its weights.

    Args:
        name: as torchvision knows it: "resnet18", "resnet50", "mobilenet_v3_small", "vgg16"...
        weights: "DEFAULT" for torchvision's best (downloaded once by torchvision, if you are
            online), "none" for random ones (to try things out), or a file with a state dict.

    Raises:
        DataError: torchvision is missing or does not fit, there is no such network, the weights
            cannot be had.
    """
    try:
        from torchvision import models
    except (ImportError, RuntimeError) as error:
        raise DataError(f"{TORCHVISION}\nWhat failed: {type(error).__name__}: {error}") from error
    state = None
    if weights not in ("DEFAULT", "none"):
        state = _state(Path(weights))
    try:
        net = models.get_model(name, weights="DEFAULT" if weights == "DEFAULT" else None)
    except ValueError as error:
        raise DataError(f"torchvision has no network {name!r}: {error}") from error
    except OSError as error:
        raise DataError(
            f"the weights of {name} could not be downloaded ({error}). Without a network, fetch "
            f"the file elsewhere and give its path, or take weights 'none' to try things out."
        ) from error
    if state is not None:
        try:
            net.load_state_dict(state)
        except RuntimeError as error:
            raise DataError(f"{weights} does not belong to {name}: {error}") from error
    return _without_classifier(net, name), f"{name}-{weights}" if state is None else name


def _state(file: Path) -> Any:
    import torch

    if not file.is_file():
        raise DataError(f"{file}: no such file with weights")
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # what torch raises here depends on the kind of damage
        raise DataError(f"{file} is no file of weights: {error}") from error


def _without_classifier(net: Any, name: str) -> Any:
    """The part that maps an image to its last map of features."""
    import torch

    children = dict(net.named_children())
    if "features" in children:
        return children["features"]
    if list(children)[-2:] == ["avgpool", "fc"]:  # ResNet and its relatives
        return torch.nn.Sequential(*list(children.values())[:-2])
    raise DataError(f"it is not known where the classifier of {name} begins; take a ResNet")


# Features


@dataclass(frozen=True)
class GridFeatures:
    """Features of all images that could be read."""

    photos: Photos
    shape: tuple[int, int]
    """(rows, columns) of the L places."""
    broken: tuple[str, ...]
    """Files that could not be read, with the reason."""
    stored: NDArray[Any]
    """(all images, L, D) on the disk, with rows of zeros for those that could not be read."""
    rows: NDArray[np.int64]
    """(N,) the row of each of `photos` in `stored`."""

    def __len__(self) -> int:
        return len(self.photos)

    def at(self, which: Any) -> NDArray[np.float32]:
        """The features (..., L, D) of the images with these numbers (an array), from the disk."""
        return np.asarray(self.stored[self.rows[which]], dtype=np.float32)


def load_image(file: str | Path, size: int) -> NDArray[np.float32]:
    """An image as (3, size, size), scaled as a whole, normalised as torchvision's networks want.

    Nothing is cut off, because a caption may speak of what lies at the border.

    Raises whatever Pillow raises for a file that it cannot read.
    """
    from PIL import Image, ImageOps

    with Image.open(file) as opened:
        upright = ImageOps.exif_transpose(opened).convert("RGB")
    picture = upright.resize((size, size), Image.Resampling.BILINEAR)
    values = np.asarray(picture, dtype=np.float32) / 255
    return ((values - MEAN) / DEVIATION).transpose(2, 0, 1)


_TODO, _DONE, _BROKEN = 0, 1, 2


def extract(
    photos: Photos,
    net: torch.nn.Module,
    name: str,
    cache: str | Path,
    size: int = 224,
    batch: int = 32,
    device: str = "cpu",
    dtype: str = "float16",
    readers: int = 4,
    progress: bool = True,
) -> GridFeatures:
    """Grid features of all images, computed once and kept in `cache`.

    The result lies in a folder of its own for every combination of backbone (name and weights),
    image size, number format and list of images (names and sizes of the files): another combination
    is another folder. Stopped at any time, the next call goes on behind the last finished batch.
    The network is used in evaluation mode, so an image's features do not depend on its batch.

    Args:
        photos: what `read` gave, or a part of it.
        net: maps (B, 3, size, size) to (B, D, h, w).
        name: of the backbone, for the folder's name.
        cache: the folder for all such results.
        size: to how many rows and columns images are scaled.
        batch: images at a time.
        device: where torch computes.
        dtype: "float16" (half the disk) or "float32".
        readers: threads that read images.
        progress: show a bar.

    Raises:
        DataError: no images, too little room on the disk or in memory, a backbone that does not
            give a map, no image that could be read.
    """
    if not len(photos):
        raise DataError("there are no images to compute features of")
    files = [photo.file for photo in photos.items]
    key = _key(files, net, name, size, dtype)
    was_training = net.training
    net.eval().to(device)
    try:
        folder = Path(cache) / f"{name}-{key}"
        if not (folder / "state.npy").is_file():
            _prepare(folder, len(files), _map_shape(net, size, device), dtype, files, name)
        grid = np.load(folder / "grid.npy", mmap_mode="r+")
        state = np.load(folder / "state.npy", mmap_mode="r+")
        _compute(files, net, grid, state, folder, size, batch, device, readers, progress)
    finally:
        net.train(was_training)
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    broken = _broken(folder)
    rows = np.flatnonzero(state == _DONE)
    if not len(rows):
        first = next(iter(broken.values()))
        raise DataError(f"none of the {len(files)} images could be read; the first: {first}")
    kept = Photos(tuple(photos[k] for k in rows))
    stored = np.load(folder / "grid.npy", mmap_mode="r")
    return GridFeatures(kept, tuple(about["shape"]), tuple(broken.values()), stored, rows)


def _key(files: Sequence[Path], net: torch.nn.Module, name: str, size: int, dtype: str) -> str:
    """A hash of all that the features depend on; a missing file counts as one of no bytes."""
    digest = hashlib.sha256(json.dumps([name, size, dtype]).encode())
    for key, value in net.state_dict().items():
        digest.update(key.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    for file in files:
        length = file.stat().st_size if file.is_file() else 0
        digest.update(f"{file.parent.name}/{file.name} {length}\n".encode())
    return digest.hexdigest()[:16]


def _map_shape(net: torch.nn.Module, size: int, device: str) -> tuple[int, int, int]:
    """Rows, columns and channels that the backbone makes of an image."""
    import torch

    try:
        with torch.no_grad():
            found = net(torch.zeros(1, 3, size, size, device=device))
    except RuntimeError as error:
        raise DataError(f"the backbone fails on an image of {size} x {size}: {error}") from error
    if not isinstance(found, torch.Tensor) or found.ndim != 4:
        got = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
        raise DataError(f"the backbone must give a map (B, D, h, w), it gives {got}")
    return found.shape[2], found.shape[3], found.shape[1]


def _prepare(
    folder: Path,
    n: int,
    shape: tuple[int, int, int],
    dtype: str,
    files: Sequence[Path],
    name: str,
) -> None:
    """Empty files for the result, which appear under their name together or not at all."""
    rows, columns, channels = shape
    folder.parent.mkdir(parents=True, exist_ok=True)
    needed = n * rows * columns * channels * np.dtype(dtype).itemsize
    free = shutil.disk_usage(folder.parent).free
    if needed > free:
        raise DataError(
            f"the features of {n} images take {needed / 1e9:.1f} GB and {folder.parent} has "
            f"{free / 1e9:.1f} GB left. Take fewer images, a smaller image size or another cache."
        )
    making = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".making-"))
    try:
        for file, kind, size in (
            ("grid.npy", dtype, (n, rows * columns, channels)),
            ("state.npy", "uint8", (n,)),
        ):
            np.lib.format.open_memmap(making / file, "w+", kind, size).flush()
        about = {"backbone": name, "shape": [rows, columns], "files": [str(f) for f in files]}
        (making / "about.json").write_text(json.dumps(about, indent=1), encoding="utf-8")
        making.chmod(0o755)
        making.rename(folder)
    except OSError:
        shutil.rmtree(making, ignore_errors=True)
        if not (folder / "state.npy").is_file():  # else somebody else was faster
            raise


def _compute(
    files: Sequence[Path],
    net: torch.nn.Module,
    grid: NDArray[Any],
    state: NDArray[np.uint8],
    folder: Path,
    size: int,
    batch: int,
    device: str,
    readers: int,
    progress: bool,
) -> None:
    """Fill in what is still to do. An image counts as done only after its features are written."""
    import torch
    from tqdm import tqdm

    todo = np.flatnonzero(state == _TODO)
    batches = [todo[k : k + batch] for k in range(0, len(todo), batch)]
    bar = tqdm(
        total=len(files),
        initial=len(files) - len(todo),
        unit="image",
        desc="features",
        disable=not progress,
    )
    with bar, ThreadPoolExecutor(readers) as pool, torch.no_grad():
        ahead = iter([pool.submit(_read, files[k], size) for k in some] for some in batches)
        waiting = next(ahead, [])
        for some in batches:
            images = [w.result() for w in waiting]
            waiting = next(ahead, [])  # the next images are read while these are computed
            good = [j for j, image in enumerate(images) if not isinstance(image, str)]
            bad = {int(some[j]): i for j, i in enumerate(images) if isinstance(i, str)}
            if good:
                stack = torch.from_numpy(np.stack([images[j] for j in good])).to(device)
                grid[some[good]] = _places(_forward(net, stack, batch)).astype(grid.dtype)
                grid.flush()
            _note_broken(folder, files, bad)
            state[some[good]] = _DONE
            state[list(bad)] = _BROKEN
            state.flush()
            bar.update(len(some))


def _read(file: Path, size: int) -> NDArray[np.float32] | str:
    """The image, or why it cannot be read."""
    try:
        return load_image(file, size)
    except Exception as error:  # Pillow's decoders raise many kinds for damaged files
        return f"{type(error).__name__}: {error}"


def _forward(net: torch.nn.Module, images: torch.Tensor, batch: int) -> NDArray[np.float32]:
    import torch

    try:
        return net(images).float().cpu().numpy()
    except (MemoryError, torch.OutOfMemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "memory" not in str(error):
            raise
        raise DataError(
            f"{batch} images at a time do not fit into memory ({error}); take a smaller batch"
        ) from error


def _places(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Maps (B, D, h, w) as one vector per place, (B, h * w, D), row by row."""
    last = np.moveaxis(maps, 1, 3)
    return last.reshape(len(maps), -1, last.shape[3])


def _note_broken(folder: Path, files: Sequence[Path], bad: dict[int, str]) -> None:
    if bad:
        with (folder / "broken.jsonl").open("a", encoding="utf-8") as out:
            for k, reason in bad.items():
                out.write(json.dumps([k, f"{files[k]}: {reason}"]) + "\n")


def _broken(folder: Path) -> dict[int, str]:
    """Number of each image that could not be read, and why."""
    file = folder / "broken.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return dict(map(json.loads, lines))
