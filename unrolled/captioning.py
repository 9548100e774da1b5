"""Train and evaluate a small captioner, on made scenes or on photographs.

    python -m unrolled.captioning train --help

The model is a GRU that looks at a grid of features before every word (additive attention, after
Bahdanau 2015 and Xu 2015), written with torch.nn. Scenes bring their features with them, or pixels
and a small convolutional network that is trained along; photographs bring the features of a
torchvision network, computed once (`unrolled.data.coco`). The model is the same for all.

A run is a folder: settings.json, vocabulary.json, checkpoint.pt, metrics.json. The same command
again goes on where the run was stopped, and ends at the same numbers as without the stop: the batch
of step k follows from the seed and k alone.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from unrolled.data import coco, scenes, words
from unrolled.data.coco import DataError

LOOKS = ("soft", "mean")
"""What the decoder sees of the grid: places weighted by attention, or all places alike."""


class Eyes(nn.Module):
    """Three convolutions that turn images (B, 3, S, S) into features (B, (S / 8)**2, D)."""

    def __init__(self, dim: int, places: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in ((3, 32), (32, 64), (64, dim)):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.ReLU()]
        self.layers = nn.Sequential(*layers[:-1])
        self.place = nn.Parameter(0.5 * torch.randn(places, dim))

    def forward(self, images: Tensor) -> Tensor:
        """The map's vectors row by row; to each is added a learnt code of its place."""
        return torch.einsum("bdhw->bhwd", self.layers(images)).flatten(1, 2) + self.place


class Captioner(nn.Module):
    """A GRU over words that looks at a grid of features before each of them."""

    def __init__(
        self,
        size: int,
        dim: int,
        width: int = 128,
        look: str = "soft",
        eyes: nn.Module | None = None,
    ) -> None:
        """`size` words, features of `dim` numbers; `eyes` turn what is given into features."""
        super().__init__()
        if look not in LOOKS:
            raise ValueError(f"look: {look!r} is not one of {', '.join(LOOKS)}")
        self.look, self.width = look, width
        self.eyes = eyes if eyes is not None else nn.Identity()
        self.embedding = nn.Embedding(size, width)
        self.keys = nn.Linear(dim, width)
        self.query = nn.Linear(width, width, bias=False)
        self.energy = nn.Linear(width, 1, bias=False)
        self.cell = nn.GRUCell(width + dim, width)
        self.readout = nn.Linear(width, size)

    def weigh(self, energies: Tensor) -> Tensor:
        """Energies (B, L) as weights (B, L)."""
        if self.look == "mean":
            return torch.full_like(energies, 1 / energies.shape[1])
        return nn.functional.softmax(energies, dim=1)

    def advance(
        self, grid: Tensor, keys: Tensor, ids: Tensor, state: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One word further: logits (B, V), the state (B, H) and the weights (B, L)."""
        energies = self.energy(torch.tanh(keys + self.query(state)[:, None])).squeeze(2)
        weights = self.weigh(energies)
        glimpse = torch.einsum("bl,bld->bd", weights, grid)
        state = self.cell(torch.cat([self.embedding(ids), glimpse], dim=1), state)
        return self.readout(state), state, weights

    def forward(self, seen: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, T, V) and weights (B, T, L).

        Args:
            seen: features (B, L, D), or images (B, 3, S, S) if the model has eyes.
            ids: (B, T) the words before those to predict.
        """
        grid = self.eyes(seen)
        keys, state = self.keys(grid), grid.new_zeros(len(grid), self.width)
        logits, weights = [], []
        for column in ids.unbind(dim=1):
            out, state, weight = self.advance(grid, keys, column, state)
            logits.append(out)
            weights.append(weight)
        return torch.stack(logits, dim=1), torch.stack(weights, dim=1)

    @torch.no_grad()
    def describe(self, seen: Tensor, vocab: dict[str, int], longest: int = 30) -> list[str]:
        """The caption of each image, always with the most probable next word."""
        grid = self.eyes(seen)
        keys, state = self.keys(grid), grid.new_zeros(len(grid), self.width)
        ids = torch.full((len(grid),), vocab[words.START])
        said = []
        for _ in range(longest):
            out, state, _ = self.advance(grid, keys, ids, state)
            out[:, [vocab[words.PAD], vocab[words.START]]] = -math.inf
            ids = out.argmax(dim=1)
            said.append(ids)
        return [words.to_text(row, vocab) for row in torch.stack(said, dim=1).tolist()]


@dataclass(frozen=True)
class Source:
    """Images and captions of one split, however they came about."""

    at: Callable[[NDArray[np.int64]], NDArray[np.float32]]
    """What the model sees of the images with these numbers."""
    ids: NDArray[np.int64]
    """(M, T + 1) the captions."""
    image: NDArray[np.int64]
    """(M,) the image of each."""
    references: list[list[str]]
    """All captions of each image."""
    places: NDArray[np.int64] | None = None
    """(M, T) the place of each predicted word or -1, where it is known."""

    def __len__(self) -> int:
        return len(self.references)


# Training and evaluating


def loss_of(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy in nats over the words that are no padding (whose id is 0)."""
    return nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=0)


def train(
    model: Captioner,
    source: Source,
    steps: int,
    seed: int,
    batch: int = 64,
    rate: float = 3e-3,
    optimizer: torch.optim.Optimizer | None = None,
    first: int = 0,
    after: Callable[[int, float], bool] | None = None,
) -> list[float]:
    """Adam steps `first` to `steps` - 1; the losses.

    `after` is called with the number of steps done and the loss, and stops training by True.

    Raises:
        DataError: the loss is no number any more.
    """
    optimizer = optimizer or torch.optim.Adam(model.parameters(), rate)
    model.train()
    losses = []
    for step in range(first, steps):
        chosen = np.random.default_rng([seed, step]).integers(0, len(source.ids), batch)
        ids = torch.from_numpy(source.ids[chosen])
        logits, _ = model(torch.from_numpy(source.at(source.image[chosen])), ids[:, :-1])
        loss = loss_of(logits, ids[:, 1:])
        if not torch.isfinite(loss):
            raise DataError(f"the loss is {loss.item()} at step {step}: take a smaller --rate")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        losses.append(loss.item())
        if after is not None and after(step + 1, losses[-1]):
            break
    return losses


@torch.no_grad()
def evaluate(
    model: Captioner, source: Source, vocab: dict[str, int], batch: int = 256
) -> dict[str, float]:
    """How well the model does on a split.

    Returns:
        token_accuracy: share of the words (end included, padding not) that are most probable when
            the true words before are given;
        nats: mean cross-entropy of those words;
        bleu: corpus BLEU-4 of greedy captions against all captions of an image, 0 to 100, by
            sacrebleu without tokenising or smoothing;
        and where places are known, over the words that have one:
        hit: share whose largest weight is on the place;
        mass: mean weight on the place;
        hit_first, mass_first: the same over words that are the first about their object (the others
            may have been read one step earlier);
        uniform: 1 / L, the mass of a model that does not look.
    """
    model.eval()
    right = total = 0
    nats = 0.0
    on_place: list[NDArray[np.float64]] = []
    for k in range(0, len(source.ids), batch):
        ids = torch.from_numpy(source.ids[k : k + batch])
        seen = torch.from_numpy(source.at(source.image[k : k + batch]))
        logits, weights = model(seen, ids[:, :-1])
        targets = ids[:, 1:]
        spoken = ids[:, 1:] != words.SPECIAL.index(words.PAD)
        right += ((logits.argmax(dim=2) == targets) & spoken).sum().item()
        total += spoken.sum().item()
        nats += loss_of(logits, targets).item() * spoken.sum().item()
        if source.places is not None:
            on_place.append(_looked(weights.numpy(), source.places[k : k + batch]))
    found = {"token_accuracy": right / total, "nats": nats / total}
    found["bleu"] = bleu(
        [
            c
            for k in range(0, len(source), batch)
            for c in _describe(model, source, vocab, k, batch)
        ],
        source.references,
    )
    if on_place:
        hit, mass, first, uniform = np.concatenate(on_place, axis=1)
        early = first > 0
        if len(hit):
            found |= {"hit": hit.mean(), "mass": mass.mean(), "uniform": uniform.mean()}
            found |= {"hit_first": hit[early].mean(), "mass_first": mass[early].mean()}
    return {name: float(value) for name, value in found.items()}


def _describe(
    model: Captioner, source: Source, vocab: dict[str, int], at: int, count: int
) -> list[str]:
    which = np.arange(at, min(at + count, len(source)))
    return model.describe(torch.from_numpy(source.at(which)), vocab)


def _looked(weights: NDArray[np.float32], places: NDArray[np.int64]) -> NDArray[np.float64]:
    """(4, words with a place): hit, mass, whether it is the first of its object, 1 / L."""
    before = np.pad(places, ((0, 0), (1, 0)), constant_values=-1)[:, :-1]
    meant = places >= 0
    here = np.take_along_axis(weights, np.maximum(places, 0)[:, :, None], axis=2)[:, :, 0]
    hit = weights.argmax(axis=2) == places
    uniform = np.full(places.shape, 1 / weights.shape[2])
    return np.stack([x[meant].astype(float) for x in (hit, here, before != places, uniform)])


def bleu(captions: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Corpus BLEU-4 from 0 to 100 by sacrebleu, on the words as they are."""
    from sacrebleu.metrics import BLEU

    most = max(map(len, references))
    streams = [[r[k] if k < len(r) else None for r in references] for k in range(most)]
    metric = BLEU(tokenize="none", smooth_method="none", force=True)
    return metric.corpus_score(list(captions), streams).score


# Data


@dataclass(frozen=True)
class Options:
    """Everything that a run depends on; the command line has an option for each."""

    data: str = "scenes"
    images: str | None = None
    level: str = "standard"
    scene: tuple[str, ...] = ()
    scenes: int = 4000
    held_out: int = 1000
    see: str = "features"
    backbone: str = "resnet18"
    weights: str = "DEFAULT"
    cache: str = "features"
    image_size: int = 224
    limit: int | None = None
    least: int = 5
    longest: int = 20
    look: str = "soft"
    width: int = 128
    batch: int = 64
    rate: float = 3e-3
    seed: int = 0


def scene_settings(level: str, changes: Sequence[str]) -> scenes.Settings:
    """Settings from "objects=4", "objects=2-5", "kinds=list,relation" and so on.

    Raises:
        DataError: what is no setting, or cannot be.
    """
    given: dict[str, Any] = {}
    kinds = {f.name: type(getattr(scenes.Settings(), f.name)) for f in fields(scenes.Settings)}
    for change in changes:
        name, _, text = change.partition("=")
        if name not in kinds or not text:
            raise DataError(f"--scene {change}: write NAME=VALUE with one of {', '.join(kinds)}")
        try:
            given[name] = _value(name, text, kinds[name])
        except ValueError as error:
            raise DataError(f"--scene {change}: {error}") from error
    try:
        return scenes.make(0, 0, level, **given).settings
    except ValueError as error:
        raise DataError(f"such scenes cannot be: {error}") from error


def _value(name: str, text: str, kind: type) -> Any:
    if kind is bool:
        if text not in ("yes", "no"):
            raise ValueError("write yes or no")
        return text == "yes"
    if kind is tuple:
        return tuple(text.split(","))
    if name == "objects" and "-" in text:
        low, high = text.split("-")
        return int(low), int(high)
    return kind(text)


def load(
    options: Options, split: str, vocab: dict[str, int] | None = None, progress: bool = True
) -> tuple[Source, dict[str, int]]:
    """One split ("train", "val" or "test") and the vocabulary, which "train" makes.

    Raises:
        DataError: see `coco.read`, `coco.extract` and `scene_settings`.
    """
    make = _scenes if options.data == "scenes" else _photos
    return make(options, split, vocab, progress)


def _scenes(
    options: Options, split: str, vocab: dict[str, int] | None, progress: bool
) -> tuple[Source, dict[str, int]]:
    settings = scene_settings(options.level, options.scene)
    count = options.scenes if split == "train" else options.held_out
    stream, noise = np.random.default_rng([options.seed, coco.SPLITS.index(split)]).spawn(2)
    batch = scenes.make(count, stream, settings)
    if options.see == "pixels":
        if settings.cell != 8:
            raise DataError("--see pixels needs cells of 8 pixels, one place per cell")
        seen = batch.images
    else:
        seen = scenes.features(batch, seed=noise).grid
    vocab = batch.vocabulary if vocab is None else vocab
    ids, places, image = scenes.encoded(batch, vocab, every=True)
    return Source(lambda k: seen[k], ids, image, batch.captions, places), vocab


def _photos(
    options: Options, split: str, vocab: dict[str, int] | None, progress: bool
) -> tuple[Source, dict[str, int]]:
    photos = coco.read(options.data, options.images)
    if progress:
        print(photos.report(), file=sys.stderr)
    if all(photo.split is None for photo in photos.items):
        photos = photos.divided(seed=options.seed)
    photos = photos.part(split)
    photos = coco.Photos(photos.items[: options.limit])
    net, name = coco.backbone(options.backbone, options.weights)
    features = coco.extract(
        photos, net, name, options.cache, size=options.image_size, progress=progress
    )
    if features.broken and progress:
        print(f"{len(features.broken)} images cannot be read and are left out:", file=sys.stderr)
        print(*features.broken[:5], sep="\n", file=sys.stderr)
    said = features.photos.captions
    flat = [caption for captions in said for caption in captions]
    vocab = words.vocabulary(flat, options.least) if vocab is None else vocab
    image = np.repeat(np.arange(len(said)), [len(captions) for captions in said])
    ids = words.to_ids(flat, vocab, options.longest)
    return Source(features.at, ids, image, said), vocab


def build(options: Options, source: Source, vocab: dict[str, int]) -> Captioner:
    """A captioner for what this source shows; its first weights come from the seed."""
    torch.manual_seed(options.seed)
    shape = source.at(np.arange(1)).shape[1:]
    if len(shape) == 3:
        dim = 64
        return Captioner(
            len(vocab), dim, options.width, options.look, Eyes(dim, (shape[1] // 8) ** 2)
        )
    return Captioner(len(vocab), shape[1], options.width, options.look)


# Runs


class Run:
    """The folder of a run."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def begin(self, options: Options) -> None:
        """Write down the options, or see that they are those of the run that is there.

        Raises:
            DataError: the run was begun with other options.
        """
        if not (self.folder / "settings.json").is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            self._write("settings.json", vars(options))
            return
        before = vars(self.options())
        changed = [k for k, v in vars(options).items() if before[k] != v]
        if changed:
            what = ", ".join(f"{k} was {before[k]!r}" for k in changed)
            raise DataError(
                f"{self.folder} was begun with other options ({what}): take another --run"
            )

    def options(self) -> Options:
        """What the run was begun with; DataError if there is no run."""
        stored = self._read("settings.json")
        return Options(**{**stored, "scene": tuple(stored["scene"])})

    def vocabulary(self) -> dict[str, int]:
        """Words and ids of the run."""
        return words.numbered(self._read("vocabulary.json")[len(words.SPECIAL) :])

    def keep_vocabulary(self, vocab: dict[str, int]) -> None:
        """Store it."""
        self._write("vocabulary.json", list(vocab))

    def keep_metrics(self, metrics: dict[str, Any]) -> None:
        """Store what an evaluation found."""
        self._write("metrics.json", metrics)

    def keep(self, model: Captioner, optimizer: torch.optim.Optimizer, losses: list[float]) -> None:
        """Store the state after this many steps; a kill meanwhile leaves the one before."""
        state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "losses": losses}
        making = self.folder / "checkpoint.tmp"
        torch.save(state, making)
        os.replace(making, self.folder / "checkpoint.pt")

    def restore(
        self, model: Captioner, optimizer: torch.optim.Optimizer | None = None
    ) -> list[float]:
        """Put the stored state into model and optimizer; the losses so far, [] if none is stored.

        Raises:
            DataError: the file is damaged.
        """
        file = self.folder / "checkpoint.pt"
        if not file.is_file():
            return []
        try:
            state = torch.load(file, weights_only=True)
            model.load_state_dict(state["model"])
            if optimizer is not None:
                optimizer.load_state_dict(state["optimizer"])
            return state["losses"]
        except Exception as error:  # what torch raises depends on the kind of damage
            raise DataError(f"{file} is damaged ({error}): remove it to begin anew") from error

    def _read(self, name: str) -> Any:
        file = self.folder / name
        if not file.is_file():
            raise DataError(f"{file} is missing: there is no run in {self.folder}")
        return json.loads(file.read_text(encoding="utf-8"))

    def _write(self, name: str, value: Any) -> None:
        making = self.folder / f"{name}.tmp"
        making.write_text(json.dumps(value, indent=1), encoding="utf-8")
        os.replace(making, self.folder / name)


class _Stop:
    """Whether someone wants to stop: Ctrl-C or SIGTERM end training behind the current step."""

    def __init__(self) -> None:
        self.signal = 0

    def __enter__(self) -> _Stop:
        kinds = (signal.SIGINT, signal.SIGTERM)
        self._before = {kind: signal.signal(kind, self._note) for kind in kinds}
        return self

    def __exit__(self, *_: object) -> None:
        for kind, handler in self._before.items():
            signal.signal(kind, handler)

    def _note(self, number: int, _: object) -> None:
        self.signal = number


def train_run(options: Options, run: Run, steps: int, every: int, progress: bool = True) -> int:
    """Train until `steps` steps are done in all, from where the run stands.

    Returns:
        0, or 128 + the signal that stopped it (the state is stored then too).
    """
    run.begin(options)
    source, vocab = load(options, "train", progress=progress)
    run.keep_vocabulary(vocab)
    model = build(options, source, vocab)
    optimizer = torch.optim.Adam(model.parameters(), options.rate)
    losses = run.restore(model, optimizer)
    if len(losses) >= steps:
        print(f"{run.folder} has {len(losses)} steps already")
        return 0
    print(
        f"{len(source)} images, {len(source.ids)} captions, {len(vocab)} words; "
        f"steps {len(losses)} to {steps}"
    )
    bar = tqdm(total=steps, initial=len(losses), unit="step", disable=not progress)

    with bar, _Stop() as stop:

        def after(done: int, loss: float) -> bool:
            losses.append(loss)
            bar.update()
            bar.set_postfix(loss=f"{np.mean(losses[-50:]):.3f}", refresh=False)
            if done % every == 0 or done == steps or stop.signal:
                run.keep(model, optimizer, losses)
            return bool(stop.signal)

        train(
            model,
            source,
            steps,
            options.seed,
            options.batch,
            optimizer=optimizer,
            first=len(losses),
            after=after,
        )
    if stop.signal:
        print(f"stopped after {len(losses)} steps; the same command again goes on from there")
        return 128 + stop.signal
    print(f"{run.folder}: {steps} steps, mean loss of the last 50: {np.mean(losses[-50:]):.4f}")
    return 0


def evaluate_run(run: Run, split: str, show: int, progress: bool = True) -> dict[str, float]:
    """Evaluate a run's last state on a split, print and store the numbers."""
    options, vocab = run.options(), run.vocabulary()
    source, _ = load(options, split, vocab, progress)
    model = build(options, source, vocab)
    losses = run.restore(model)
    if not losses:
        raise DataError(f"{run.folder} has no checkpoint yet: train first")
    metrics = evaluate(model, source, vocab)
    for name, value in metrics.items():
        print(f"{name:16} {value:.4f}")
    for said, true in zip(_describe(model, source, vocab, 0, show), source.references):
        print(f"\nmodel  {said}\ntrue   " + "\n       ".join(true))
    run.keep_metrics({"split": split, "steps": len(losses), **metrics})
    return metrics


# A model that looks, and three that do not


class AcrossTheBatch(Captioner):
    """A known mistake: the weights of a place sum to 1 over the images of the batch."""

    def weigh(self, energies: Tensor) -> Tensor:
        """Weights (B, L) whose columns, not rows, sum to 1."""
        return nn.functional.softmax(energies, dim=0)


def scrambled(grid: NDArray[np.float32]) -> NDArray[np.float32]:
    """A known mistake: a map (B, D, h, w) reshaped to (B, L, D) without moving its channels."""
    return np.ascontiguousarray(grid.swapaxes(1, 2)).reshape(grid.shape)


def compare(options: Options, steps: int) -> dict[str, dict[str, float]]:
    """Train four captioners on the same scenes and evaluate them on held-out ones.

    "attention" looks; "mean of places" sees the mean of all places at every step; "scrambled" and
    "across the batch" look, with the mistakes above.
    """
    source, vocab = load(options, "train")
    held_out, _ = load(options, "val", vocab)

    def twisted(s: Source) -> Source:
        return Source(lambda k: scrambled(s.at(k)), s.ids, s.image, s.references, s.places)

    dim = source.at(np.arange(1)).shape[2]
    found = {}
    for name, kind, look, change in (
        ("attention", Captioner, "soft", lambda s: s),
        ("mean of places", Captioner, "mean", lambda s: s),
        ("scrambled", Captioner, "soft", twisted),
        ("across the batch", AcrossTheBatch, "soft", lambda s: s),
    ):
        torch.manual_seed(options.seed)
        model = kind(len(vocab), dim, options.width, look)
        train(model, change(source), steps, options.seed, options.batch, options.rate)
        found[name] = evaluate(model, change(held_out), vocab)
    return found


# The command line

EXAMPLES = """examples:
  train on made scenes, see how well it does and where it looks:
      python -m unrolled.captioning train --run runs/scenes --steps 600
      python -m unrolled.captioning evaluate --run runs/scenes
  harder scenes, from pixels, without attention:
      python -m unrolled.captioning train --run runs/hard --level hard --see pixels --look mean
  other scenes: four or five objects, two kinds of captions (see unrolled.data.scenes.Settings):
      python -m unrolled.captioning train --run runs/own \\
          --scene objects=4-5 --scene kinds=list,count
  a captioner that looks against three that do not:
      python -m unrolled.captioning compare --steps 600
  Flickr8k with Karpathy's splits; needs torchvision; features are computed once:
      python -m unrolled.captioning train --run runs/flickr --data dataset_flickr8k.json \\
          --images Flicker8k_Dataset --backbone resnet50 --steps 20000
      python -m unrolled.captioning evaluate --run runs/flickr --split test
The same train command again goes on where it was stopped."""


def parser() -> argparse.ArgumentParser:
    """The command line's arguments."""
    default = Options()
    shape = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        prog="python -m unrolled.captioning",
        description="Train and evaluate a small captioner on made scenes or on photographs.",
        epilog=EXAMPLES,
        formatter_class=shape,
    )
    commands = top.add_subparsers(dest="command", required=True)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name, help=text, description=text, epilog=EXAMPLES, formatter_class=shape
        )

    learn = command("train", "train a captioner, or go on training it")
    learn.add_argument("--run", required=True, help="folder of the run")
    learn.add_argument("--steps", type=_count, default=600, help="steps in all (600)")
    learn.add_argument("--save-every", type=_count, default=100, help="steps per checkpoint (100)")
    contrast = command("compare", "train four captioners on scenes: one looks, three do not")
    contrast.add_argument("--steps", type=_count, default=600, help="steps of each (600)")
    for sub in (learn, contrast):
        made = sub.add_argument_group("scenes")
        made.add_argument("--level", choices=tuple(scenes.LEVELS), default=default.level)
        made.add_argument(
            "--scene",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="change one setting of the level; may be given several times",
        )
        made.add_argument("--scenes", type=_count, default=default.scenes, help="to train on")
        made.add_argument("--held-out", type=_count, default=default.held_out, help="to evaluate")
        model = sub.add_argument_group("model")
        model.add_argument("--width", type=_count, default=default.width)
        model.add_argument("--batch", type=_count, default=default.batch)
        model.add_argument("--rate", type=_rate, default=default.rate, help="of Adam")
        model.add_argument("--seed", type=int, default=default.seed)
    learn.add_argument(
        "--data",
        default=default.data,
        help="scenes, a JSON file of COCO or Karpathy, or a Flickr8k folder (scenes)",
    )
    learn.add_argument("--look", choices=LOOKS, default=default.look, help="mean: no attention")
    learn.add_argument("--see", choices=("features", "pixels"), default=default.see)
    real = learn.add_argument_group("photographs")
    real.add_argument("--images", help="folder of the images (the usual places beside --data)")
    real.add_argument("--backbone", default=default.backbone, help="torchvision's name for it")
    real.add_argument(
        "--weights", default=default.weights, help="DEFAULT, none or a file with a state dict"
    )
    real.add_argument("--cache", default=default.cache, help="folder of the computed features")
    real.add_argument("--image-size", type=_count, default=default.image_size)
    real.add_argument("--limit", type=_count, help="as many images of each split")
    real.add_argument("--least", type=_count, default=default.least, help="rarer words are <unk>")
    real.add_argument("--longest", type=_count, default=default.longest, help="words of a caption")
    check = command("evaluate", "token accuracy, BLEU and, on scenes, where a captioner looks")
    check.add_argument("--run", required=True, help="folder of the run")
    check.add_argument("--split", choices=coco.SPLITS, default="val")
    check.add_argument("--show", type=int, default=3, help="captions to print (3)")
    return top


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


def _rate(text: str) -> float:
    number = float(text)
    if not number > 0:
        raise argparse.ArgumentTypeError(f"{text} must be above 0")
    return number


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 0, 1 (said why on stderr), or 128 + the signal that stopped it."""
    given = vars(parser().parse_args(arguments))
    progress = sys.stderr.isatty()
    try:
        if given["command"] == "evaluate":
            evaluate_run(Run(given["run"]), given["split"], given["show"], progress)
            return 0
        known = {f.name for f in fields(Options)}
        options = Options(
            **{k: tuple(v) if k == "scene" else v for k, v in given.items() if k in known}
        )
        if given["command"] == "train":
            return train_run(
                options, Run(given["run"]), given["steps"], given["save_every"], progress
            )
        table = compare(options, given["steps"])
    except (DataError, OSError) as error:
        print(f"captioning: {error}", file=sys.stderr)
        return 1
    names = list(next(iter(table.values())))
    print(f"{'':18}" + "".join(f"{name:>16}" for name in names))
    for name, row in table.items():
        print(f"{name:18}" + "".join(f"{row[k]:16.3f}" for k in names))
    return 0


if __name__ == "__main__":
    sys.exit(main())
