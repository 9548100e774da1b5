"""Images of coloured shapes whose captions, places and answers are known, made from a seed.

A scene is a grid of `grid` x `grid` cells, numbered row by row from 0 at the top left. Some cells
hold an object (colour, shape, size), some a grey mark that nobody speaks of (a distractor). From
the objects follow captions that are true, for every word of a caption the cell that it is about (or
-1), and questions with their answers. So what a model looks at can be measured instead of looked
at.

    batch = make(10_000, seed=0, objects=3)
    batch.images            (N, 3, S, S) float32 in 0..1
    batch.captions[7][0]    "red square blue circle green square"
    batch.places[7][0]      [2, 2, 5, 5, 11, 11]
    encoded(batch)          ids (N, T + 1) and places (N, T) as arrays
    features(batch)         grid features (N, L, D) and an image vector (N, F) without any network
    ask(batch, seed=1)      questions, answers and where the answer stands

What a caption may say (`Settings.kinds`):

names     "red square blue circle": the objects, nothing else
list      "a red square and a blue circle"
relation  "a red square left of a blue circle": a chain of `depth` relations
count     "two red shapes", "one square", "three red squares": how many of all there are

A is left of B if its column is smaller, above B if its row is smaller, however far away; both may
hold. Distractors are never counted. All draws come from one seed: the same seed and settings give
the same batch.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.data import words
from unrolled.data.sequences import Seed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("red", "green", "blue", "yellow", "purple", "cyan")
"""Colour words; a scene uses the first `Settings.colours` of them."""
RGB = np.array(
    [
        (0.94, 0.20, 0.18),
        (0.14, 0.70, 0.25),
        (0.24, 0.42, 1.00),
        (0.98, 0.88, 0.12),
        (0.72, 0.28, 0.86),
        (0.20, 0.86, 0.92),
    ],
    dtype=np.float32,
)
"""(6, 3) what they look like at full brightness; an object has 0.85 to 1 of it."""
MARK_RGB = np.array((0.78, 0.78, 0.78), dtype=np.float32)
"""Distractors are light grey."""
SHAPES = ("square", "circle", "triangle", "diamond", "ring", "cross")
SIZES = ("small", "large")
RELATIONS = ("left of", "right of", "above", "below")
NUMBERS = (
    *("zero", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)
KINDS = ("names", "list", "relation", "count")
QUESTION_KINDS = ("colour", "shape", "count", "exists")

_CHUNK = 500
"""Scenes drawn at a time: their pixels stay in the cache."""


@dataclass(frozen=True)
class Settings:
    """What scenes and captions look like. The defaults are the level "standard".

    Raises ValueError for what cannot be: the message says which two settings are at odds.
    """

    grid: int = 4
    """Rows and columns of cells; L = grid * grid places."""
    cell: int = 8
    """Pixels of a cell's side; an image is grid * cell pixels wide."""
    objects: int | tuple[int, int] = 3
    """How many objects a scene has, or the least and the most."""
    distractors: int = 0
    """Grey marks on cells without an object."""
    colours: int = 4
    shapes: int = 4
    sizes: str = "same"
    """"same": all large; "named": two sizes, named with every object; "sometimes": two sizes, named
    for every second object or so."""
    distinct: bool = False
    """No two objects of a scene agree in colour and shape."""
    kinds: tuple[str, ...] = ("names",)
    """Kinds of captions that are drawn from; see the module's text."""
    order: str = "raster"
    """In which order objects are named: "raster" is row by row, so that with the kind "names" there
    is one right caption; "random" makes several."""
    captions: int = 1
    """Captions per image; one that is drawn again is left out, so there may be fewer."""
    depth: int = 1
    """Relations in a caption of the kind "relation"."""
    noise: float = 0.05
    """Standard deviation of the noise on every pixel."""
    texture: float = 0.12
    """Contrast of the stripes of the ground."""

    def __post_init__(self) -> None:
        if self.grid < 1 or self.cell < 6:
            raise ValueError(f"grid must be at least 1 and cell at least 6, not {self}")
        low, high = self.least, self.most
        if not 1 <= low <= high:
            raise ValueError(f"objects must be a number or (least, most) from 1 on: {self.objects}")
        if high >= len(NUMBERS):
            raise ValueError(f"{high} objects: the grammar counts to {len(NUMBERS) - 1}")
        if self.distractors < 0:
            raise ValueError(f"distractors must not be negative: {self.distractors}")
        if high + self.distractors > self.places:
            raise ValueError(
                f"{high} objects and {self.distractors} distractors do not fit into "
                f"{self.grid} x {self.grid} = {self.places} cells"
            )
        for name, has in (("colours", len(COLOURS)), ("shapes", len(SHAPES))):
            if not 1 <= getattr(self, name) <= has:
                raise ValueError(f"{name} must lie in 1..{has}: {getattr(self, name)}")
        if self.distinct and high > self.colours * self.shapes:
            raise ValueError(
                f"{high} distinct objects need more than {self.colours} colours x "
                f"{self.shapes} shapes"
            )
        _choice("sizes", self.sizes, ("same", "named", "sometimes"))
        _choice("order", self.order, ("raster", "random"))
        if not self.kinds:
            raise ValueError(f"kinds must name at least one of {', '.join(KINDS)}")
        for kind in self.kinds:
            _choice("kinds", kind, KINDS)
        if self.captions < 1 or self.depth < 1:
            raise ValueError("captions and depth must be at least 1")
        if "relation" in self.kinds and self.depth >= low:
            raise ValueError(
                f"a chain of {self.depth} relations needs {self.depth + 1} objects; "
                f"a scene may have {low}"
            )
        if self.noise < 0 or not 0 <= self.texture <= 0.5:
            raise ValueError("noise must not be negative, texture must lie in 0..0.5")

    @property
    def least(self) -> int:
        """The smallest number of objects."""
        return self.objects if isinstance(self.objects, int) else self.objects[0]

    @property
    def most(self) -> int:
        """The largest number of objects."""
        return self.objects if isinstance(self.objects, int) else self.objects[1]

    @property
    def places(self) -> int:
        """L, the number of cells."""
        return self.grid**2

    @property
    def pixels(self) -> int:
        """S, the number of rows and of columns of an image."""
        return self.grid * self.cell


def _choice(name: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise ValueError(f"{name}: {value!r} is not one of {', '.join(allowed)}")


LEVELS = {
    "easy": Settings(grid=3, objects=2, colours=3, shapes=3),
    "standard": Settings(),
    "hard": Settings(
        grid=5,
        objects=(3, 5),
        distractors=4,
        colours=6,
        shapes=6,
        sizes="sometimes",
        kinds=("names", "list", "relation", "count"),
        order="random",
        captions=5,
        depth=2,
        noise=0.1,
        texture=0.25,
    ),
}
"""Settings to begin with; `make(..., **changes)` takes single ones.

More objects and cells make it harder to keep them apart without looking at one at a time, and so do
distractors; noise blurs what is seen; several kinds and orders of captions lower what any model can
reach, because it cannot know which is meant. `python -m unrolled.captioning compare --level ...`
measures a model that looks against three that do not.
"""


class Objects(NamedTuple):
    """The objects of N scenes, at most M each, in the order of their cells; -1 where there is none.

    Every array is (N, M): places in `COLOURS`, `SHAPES`, `SIZES`, and the cell, row by row.
    """

    colour: NDArray[np.int64]
    shape: NDArray[np.int64]
    size: NDArray[np.int64]
    cell: NDArray[np.int64]

    @property
    def number(self) -> NDArray[np.int64]:
        """(N,) how many there are."""
        return (self.cell >= 0).sum(axis=1)


@dataclass(frozen=True)
class Scenes:
    """N scenes. `images` is drawn when it is first asked for."""

    settings: Settings
    objects: Objects
    marks: NDArray[np.int64]
    """(N, distractors) the cells of the grey marks."""
    captions: list[list[str]]
    """Per scene its captions, words with blanks between them."""
    places: list[list[list[int]]]
    """Per scene and caption the cell of every word, -1 where none is meant: articles, numbers,
    relations, and what is said of several objects at once."""
    pixel_seed: int
    """From which the ground, the noise and the jitter of the objects are drawn."""

    def __len__(self) -> int:
        return len(self.captions)

    @cached_property
    def images(self) -> NDArray[np.float32]:
        """(N, 3, S, S) from 0 to 1."""
        return render(self.objects, self.marks, self.settings, self.pixel_seed)

    @property
    def vocabulary(self) -> dict[str, int]:
        """Ids of all words that captions with these settings can have."""
        return vocabulary(self.settings)


def make(
    n: int, seed: Seed, settings: Settings | str = LEVELS["standard"], **changes: Any
) -> Scenes:
    """Draw `n` scenes.

    Args:
        n: how many.
        seed: an int or a NumPy generator; the same one gives the same scenes.
        settings: settings or the name of one of `LEVELS`.
        **changes: single settings that differ, as in `make(100, 0, objects=5)`.

    Raises:
        ValueError: settings that cannot be, an unknown level.
        TypeError: an unknown setting.
    """
    if isinstance(settings, str):
        _choice("settings", settings, tuple(LEVELS))
        settings = LEVELS[settings]
    unknown = set(changes) - {field.name for field in fields(Settings)}
    if unknown:
        raise TypeError(f"no such setting: {', '.join(sorted(unknown))}")
    settings = replace(settings, **changes)
    if n < 0:
        raise ValueError(f"n must not be negative: {n}")
    things, sentences, pixels = np.random.default_rng(seed).spawn(3)
    objects, marks = _draw(n, things, settings)
    captions, places = _describe(objects, sentences, settings)
    return Scenes(settings, objects, marks, captions, places, int(pixels.integers(2**62)))


def vocabulary(settings: Settings) -> dict[str, int]:
    """Ids of the special words and of all words of the grammar with these settings."""
    colours, shapes = COLOURS[: settings.colours], SHAPES[: settings.shapes]
    known = [*colours, *shapes]
    if settings.sizes != "same" and set(settings.kinds) != {"count"}:
        known += SIZES
    if {"list", "relation"} & set(settings.kinds):
        known += ["a"]
    if "list" in settings.kinds:
        known += ["and"]
    if "relation" in settings.kinds:
        known += ["left", "right", "of", "above", "below"]
    if "count" in settings.kinds:
        known += NUMBERS[1 : settings.most + 1]
        known += ["shape", "shapes", *map(plural, shapes)]
    return words.numbered(known)


def plural(noun: str) -> str:
    """More than one of a shape."""
    return noun + ("es" if noun.endswith("ss") else "s")


def _draw(
    n: int, rng: np.random.Generator, settings: Settings
) -> tuple[Objects, NDArray[np.int64]]:
    """Objects and the cells of the distractors, (n, distractors)."""
    most = settings.most
    cells = np.argsort(rng.random((n, settings.places)), axis=1)
    marks = np.sort(cells[:, most : most + settings.distractors], axis=1)
    there = np.arange(most) < rng.integers(settings.least, most + 1, n)[:, None]
    # An object that is not there sorts behind all others.
    cell = np.sort(np.where(there, cells[:, :most], settings.places), axis=1)
    pairs = settings.colours * settings.shapes
    if settings.distinct:
        pair = np.argsort(rng.random((n, pairs)), axis=1)[:, :most]
    else:
        pair = rng.integers(0, pairs, (n, most))
    size = rng.integers(0, 2, (n, most)) if settings.sizes != "same" else np.ones((n, most), int)
    absent = cell == settings.places
    colour, shape = np.divmod(pair, settings.shapes)
    return Objects(*(np.where(absent, -1, a) for a in (colour, shape, size, cell))), marks


# Captions


def _describe(
    objects: Objects, rng: np.random.Generator, settings: Settings
) -> tuple[list[list[str]], list[list[list[int]]]]:
    """Captions and the places of their words, per scene."""
    n, most = objects.cell.shape
    k = settings.captions
    kind = rng.integers(0, len(settings.kinds), (n, k)).tolist()
    key = rng.random((n, k, most))
    key[np.broadcast_to(objects.cell[:, None] < 0, key.shape)] = np.inf  # absent ones last
    order = np.argsort(key, axis=2).tolist()
    coins = rng.integers(0, 2**31, (n, k, most)).tolist()
    number = objects.number.tolist()
    table = np.stack(objects, axis=2).tolist()
    captions, places = [], []
    for i in range(n):
        found: dict[str, list[int]] = {}
        for c in range(k):
            shown = order[i][c][: number[i]]
            name = settings.kinds[kind[i][c]]
            if settings.order == "raster" and name in ("names", "list"):
                shown = sorted(shown)
            pairs = list(_SENTENCES[name](table[i], shown, coins[i][c], settings))
            found.setdefault(" ".join(word for word, _ in pairs), [place for _, place in pairs])
        captions.append(list(found))
        places.append(list(found.values()))
    return captions, places


Thing = list[int]
"""Colour, shape, size and cell of one object."""
Words = Iterator[tuple[str, int]]
"""Words and their places."""


def _noun(thing: Thing, coin: int, settings: Settings) -> Words:
    colour, shape, size, cell = thing
    if settings.sizes == "named" or (settings.sizes == "sometimes" and coin >> 8 & 1):
        yield SIZES[size], cell
    yield COLOURS[colour], cell
    yield SHAPES[shape], cell


def _names(things: list[Thing], shown: list[int], coins: list[int], settings: Settings) -> Words:
    for j in shown:
        yield from _noun(things[j], coins[j], settings)


def _list(things: list[Thing], shown: list[int], coins: list[int], settings: Settings) -> Words:
    for j in shown:
        if j != shown[0]:
            yield "and", -1
        yield "a", -1
        yield from _noun(things[j], coins[j], settings)


def _relation(things: list[Thing], shown: list[int], coins: list[int], settings: Settings) -> Words:
    for step, j in enumerate(shown[: settings.depth + 1]):
        if step:
            holds = _relations(things[shown[step - 1]][3], things[j][3], settings.grid)
            for word in RELATIONS[holds[coins[j] % len(holds)]].split():
                yield word, -1
        yield "a", -1
        yield from _noun(things[j], coins[j], settings)


def _relations(a: int, b: int, grid: int) -> list[int]:
    """Which relations cell `a` has to cell `b`: one or two, as they differ."""
    (row_a, col_a), (row_b, col_b) = divmod(a, grid), divmod(b, grid)
    holds = (col_a < col_b, col_a > col_b, row_a < row_b, row_a > row_b)
    return [r for r, true in enumerate(holds) if true]


def _count(things: list[Thing], shown: list[int], coins: list[int], settings: Settings) -> Words:
    """How many agree with one object in colour, in shape or in both."""
    said = things[shown[0]]
    by_colour, by_shape = ((True, False), (False, True), (True, True))[coins[shown[0]] % 3]
    alike = [
        things[j][3]
        for j in shown
        if (not by_colour or things[j][0] == said[0]) and (not by_shape or things[j][1] == said[1])
    ]
    place = alike[0] if len(alike) == 1 else -1
    noun = SHAPES[said[1]] if by_shape else "shape"
    yield NUMBERS[len(alike)], -1
    if by_colour:
        yield COLOURS[said[0]], place
    yield noun if len(alike) == 1 else plural(noun), place


_SENTENCES = {"names": _names, "list": _list, "relation": _relation, "count": _count}


class Encoded(NamedTuple):
    """Captions as arrays; M is the number of captions."""

    ids: NDArray[np.int64]
    """(M, T + 1): start, words, end, padding."""
    places: NDArray[np.int64]
    """(M, T): the place of the word that step t predicts, ids[:, t + 1], or -1."""
    scene: NDArray[np.int64]
    """(M,) the scene that a caption describes."""


def encoded(batch: Scenes, vocab: dict[str, int] | None = None, every: bool = False) -> Encoded:
    """The first caption of every scene (or `every` one) as ids and places.

    `vocab` is the batch's own if not given; words that it lacks become `<unk>`.
    """
    keep = None if every else 1
    captions = [c for one in batch.captions for c in one[:keep]]
    ids = words.to_ids(captions, batch.vocabulary if vocab is None else vocab)
    places = np.full((len(captions), ids.shape[1] - 1), -1, dtype=np.int64)
    for k, row in enumerate(row for one in batch.places for row in one[:keep]):
        places[k, : len(row)] = row
    counts = [len(one[:keep]) for one in batch.captions]
    return Encoded(ids, places, np.repeat(np.arange(len(batch)), counts))


# Features


class Features(NamedTuple):
    """What a network that sees would hand on, without one."""

    grid: NDArray[np.float32]
    """(N, L, D) one vector per place, row by row."""
    image: NDArray[np.float32]
    """(N, F) one vector for the whole image."""


def features(
    batch: Scenes, dim: int = 32, image_dim: int = 128, noise: float = 0.3, seed: Seed = 0
) -> Features:
    """Grid features and image vectors from the objects themselves: cheap, and known exactly.

    Every cell has a code of zeros and ones: one-hot colour (6 colours, grey for a mark), one-hot
    shape (6 shapes, the mark), one-hot size (2); all zero for an empty cell. Then

    * grid[n, l] = (code, one-hot row of l, one-hot column of l) @ P / 2 + noise, and
    * image[n] = sum over cells of code @ Q[l] / 2 + noise,

    where P (16 + 2 grid, D) and Q (L, 16, F) are standard normal and always the same for one grid
    and one size of the vectors: they do not depend on `seed`, so that training and held-out scenes
    agree. The noise has the standard deviation `noise` and comes from `seed`: give another seed for
    another batch. Without noise a number of `grid` has a standard deviation of about 1.1 at a cell
    with an object, and one of `image` of about 1.5 with three objects. A cell thus says what it
    holds *and where it is*, as a convolutional network with padded borders does; the image vector
    has all of that for all cells, added into F numbers.

    Raises:
        ValueError: a dimension below 1, negative noise.
    """
    if dim < 1 or image_dim < 1 or noise < 0:
        raise ValueError("dim and image_dim must be at least 1, noise must not be negative")
    n, cells = len(batch), batch.settings.places
    code = codes(batch)
    fixed = np.random.default_rng([2015, batch.settings.grid, dim, image_dim])
    line = np.eye(batch.settings.grid, dtype=np.float32)
    where = np.concatenate([np.repeat(line, len(line), axis=0), np.tile(line, (len(line), 1))], 1)
    content = fixed.standard_normal((code.shape[2], dim)).astype(np.float32) / 2
    position = fixed.standard_normal((where.shape[1], dim)).astype(np.float32) / 2
    mixed = fixed.standard_normal((cells * code.shape[2], image_dim)).astype(np.float32) / 2
    rng = np.random.default_rng(seed)
    grid = code @ content + where @ position
    grid += np.float32(noise) * rng.standard_normal(grid.shape, dtype=np.float32)
    image = code.reshape(n, -1) @ mixed
    image += np.float32(noise) * rng.standard_normal(image.shape, dtype=np.float32)
    return Features(grid, image)


def codes(batch: Scenes) -> NDArray[np.float32]:
    """(N, L, 16): colour (6 and grey), shape (6 and mark) and size (2) of each cell, one-hot."""
    n, colours, shapes = len(batch), len(COLOURS) + 1, len(SHAPES) + 1
    code = np.zeros((n, batch.settings.places, colours + shapes + len(SIZES)), dtype=np.float32)
    scene, j = np.nonzero(batch.objects.cell >= 0)
    colour, shape, size, cell = (a[scene, j] for a in batch.objects)
    code[scene, cell, colour] = 1
    code[scene, cell, colours + shape] = 1
    code[scene, cell, colours + shapes + size] = 1
    for mark in batch.marks.T:
        code[np.arange(n), mark, colours - 1] = 1
        code[np.arange(n), mark, colours + shapes - 1] = 1
    return code


# Pixels


def _inside(u: NDArray[np.float64], v: NDArray[np.float64]) -> Iterator[NDArray[np.bool_]]:
    """Which points (u to the right, v downwards, about the centre, radius 1) a shape covers."""
    far, r = np.maximum(abs(u), abs(v)), np.hypot(u, v)
    yield far <= 0.86
    yield r <= 1
    yield (v <= 0.8) & (abs(u) <= (v + 1) / 1.8)
    yield abs(u) + abs(v) <= 1.08
    yield (r <= 1) & (r >= 0.52)
    yield (far <= 1) & (np.minimum(abs(u), abs(v)) <= 0.3)
    yield (far <= 0.75) & (abs(abs(u) - abs(v)) <= 0.25)  # the mark


def masks(cell: int) -> NDArray[np.float32]:
    """(7, 2, 9, cell, cell): how much of a pixel each shape (last: the mark), small and large,
    covers at each of nine jitters by 6 % of the cell."""
    fine = 5
    axis = (np.arange(cell * fine) + 0.5) / (cell * fine) - 0.5
    found = np.empty((len(SHAPES) + 1, 2, 9, cell, cell), dtype=np.float32)
    for k, (size, jitter) in enumerate(np.ndindex(2, 9)):
        radius = (0.28, 0.42)[k // 9]
        x, y = 0.06 * (jitter % 3 - 1), 0.06 * (jitter // 3 - 1)
        v, u = np.meshgrid((axis - y) / radius, (axis - x) / radius, indexing="ij")
        for shape, covered in enumerate(_inside(u, v)):
            blocks = covered.reshape(cell, fine, cell, fine)
            found[shape, size, jitter] = blocks.mean(axis=(1, 3))
    return found


def render(
    objects: Objects, marks: NDArray[np.int64], settings: Settings, seed: Seed
) -> NDArray[np.float32]:
    """Images (N, 3, S, S): objects and marks on a ground of faint stripes, with noise."""
    rng = np.random.default_rng(seed)
    n, size = len(objects.cell), settings.pixels
    images = np.empty((n, 3, size, size), dtype=np.float32)
    shapes = masks(settings.cell)
    for at in range(0, n, _CHUNK):
        part = slice(at, at + _CHUNK)
        images[part] = _ground(images[part].shape, rng, settings)
        scene, j = np.nonzero(objects.cell[part] >= 0)
        colour, shape, big, cell = (a[part][scene, j] for a in objects)
        _paint(images[part], scene, cell, RGB[colour], shapes[shape, big], rng, settings)
        scene, j = np.nonzero(marks[part] >= 0)
        last = shapes[np.full(len(scene), len(SHAPES)), rng.integers(0, 2, len(scene))]
        grey = np.broadcast_to(MARK_RGB, (len(scene), 3))
        _paint(images[part], scene, marks[part][scene, j], grey, last, rng, settings)
        if settings.noise:
            noise = rng.standard_normal(images[part].shape, dtype=np.float32)
            images[part] += np.float32(settings.noise) * noise
        np.clip(images[part], 0, 1, out=images[part])
    return images


def _ground(
    shape: tuple[int, ...], rng: np.random.Generator, settings: Settings
) -> NDArray[np.float32]:
    """A dark tint per image, with stripes of random direction and width."""
    n, _, size, _ = shape
    tint = rng.uniform(0.12, 0.26, (n, 3, 1, 1)).astype(np.float32)
    angle = rng.uniform(0, np.pi, n)
    pace = 2 * np.pi / (settings.cell * rng.uniform(0.5, 2.0, n))
    phase = rng.uniform(0, 2 * np.pi, n)
    axis = np.arange(size)
    wave = (
        (pace * np.cos(angle))[:, None, None] * axis
        + (pace * np.sin(angle))[:, None, None] * axis[:, None]
        + phase[:, None, None]
    ).astype(np.float32)
    return tint * (1 + np.float32(settings.texture) * 2 * np.sin(wave))[:, None]


def _paint(
    images: NDArray[np.float32],
    scene: NDArray[np.int64],
    cell: NDArray[np.int64],
    colour: NDArray[np.float32],
    mask: NDArray[np.float32],
    rng: np.random.Generator,
    settings: Settings,
) -> None:
    """Lay P shapes, masks (P, 9, p, p) and colours (P, 3), on their cells in place."""
    n, p, grid = len(images), settings.cell, settings.grid
    bright = rng.uniform(0.85, 1.0, len(scene)).astype(np.float32)
    cover = mask[np.arange(len(scene)), rng.integers(0, 9, len(scene))][:, None]
    tiles = images.reshape(n, 3, grid, p, grid, p)
    at = (scene, slice(None), cell // grid, slice(None), cell % grid)
    paint = (colour * bright[:, None])[:, :, None, None]
    tiles[at] += cover * (paint - tiles[at])


# Questions


class Questions(NamedTuple):
    """Q questions and their answers."""

    scene: NDArray[np.int64]
    """(Q,) the scene that a question is about."""
    text: list[str]
    answers: list[str]
    kinds: list[str]
    """Each of `QUESTION_KINDS`."""
    places: NDArray[np.int64]
    """(Q,) the cell of the object whose colour or shape is asked for, else -1."""

    @property
    def vocabulary(self) -> dict[str, int]:
        """Ids of all words that a question can have."""
        return words.numbered(QUESTION_WORDS)


QUESTION_WORDS = (
    *("what", "how", "many", "is", "are", "there", "the", "a", "?", "colour", "shape", "shapes"),
    *("left", "right", "of", "above", "below", *COLOURS, *SHAPES, *map(plural, SHAPES)),
)
ANSWERS = ("no", "yes", *NUMBERS, *COLOURS, *SHAPES)
"""All words that answer a question."""


def ask(
    batch: Scenes,
    seed: Seed,
    kinds: Sequence[str] = QUESTION_KINDS,
    depth: int = 1,
    per_scene: int = 1,
) -> Questions:
    """Questions with exactly one right answer.

    * colour: "what colour is the shape left of the red square ?". The chain of `depth` relations
      starts at an object that colour and shape alone make out, and at every step exactly one object
      has the relation to the one before; no object comes twice.
    * shape: "what shape is left of the red square ?", likewise.
    * count: "how many red shapes are there ?", "how many squares ...", "how many red squares ...".
    * exists: "is there a red square ?"; about every second answer is "yes".

    A depth of 0 asks "what colour is the square ?" and "what shape is red ?" where there is one
    such object only. A scene that has no such question gets one of kind "count" instead if that is
    among `kinds`, else none. Questions of one scene may repeat.

    Raises:
        ValueError: an unknown kind, or none; a negative depth, or more than 3.
    """
    if not kinds:
        raise ValueError(f"kinds must name at least one of {', '.join(QUESTION_KINDS)}")
    for kind in kinds:
        _choice("kinds", kind, QUESTION_KINDS)
    if not 0 <= depth <= 3 or per_scene < 1:
        raise ValueError("depth must lie in 0..3 and per_scene be at least 1")
    rng = np.random.default_rng(seed)
    n = len(batch)
    scene = np.repeat(np.arange(n), per_scene)
    kind = rng.integers(0, len(kinds), len(scene)).tolist()
    chains = {name: _chains(batch, depth, name) for name in {"colour", "shape"} & set(kinds)}
    picked = {name: _pick(chain.ends >= 0, scene, rng) for name, chain in chains.items()}
    dice = rng.integers(0, 2**31, (len(scene), 2)).tolist()
    table = np.stack(batch.objects, axis=2).tolist()
    number = batch.objects.number.tolist()
    found: list[tuple[int, str, str, str, int]] = []
    for q, i in enumerate(scene.tolist()):
        name, things = kinds[kind[q]], table[i][: number[i]]
        if name in chains:
            way = int(picked[name][q])
            if way >= 0:
                text, j = chains[name].question(i, way, things)
                answer = COLOURS[things[j][0]] if name == "colour" else SHAPES[things[j][1]]
                found.append((i, text, answer, name, things[j][3]))
                continue
            if "count" not in kinds:
                continue
            name = "count"
        make_one = _ask_count if name == "count" else _ask_exists
        found.append((i, *make_one(things, *dice[q], batch.settings), name, -1))
    columns = list(zip(*found)) or [()] * 5
    return Questions(
        np.array(columns[0], dtype=np.int64),
        list(columns[1]),
        list(columns[2]),
        list(columns[3]),
        np.array(columns[4], dtype=np.int64),
    )


@dataclass(frozen=True)
class _Chains:
    """All ways to make out one object; a way is a number: an object and then relations."""

    kind: str
    depth: int
    ends: NDArray[np.int64]
    """(N, ways) the object that is meant, -1 where the way makes out none."""

    def question(self, scene: int, way: int, things: list[Thing]) -> tuple[str, int]:
        """The text of a question, and the object that it asks about."""
        start, steps = divmod(way, len(RELATIONS) ** self.depth)
        end = int(self.ends[scene, way])
        colour, shape = COLOURS[things[start][0]], SHAPES[things[start][1]]
        if self.depth == 0:
            text = f"colour is the {shape}" if self.kind == "colour" else f"shape is {colour}"
            return f"what {text} ?", end
        said = f"the {colour} {shape}"
        for step in range(self.depth):
            relation = RELATIONS[steps // len(RELATIONS) ** (self.depth - 1 - step) % 4]
            last = step == self.depth - 1 and self.kind == "shape"
            said = f"{relation} {said}" if last else f"the shape {relation} {said}"
        return f"what {self.kind} is {said} ?", end


def _chains(batch: Scenes, depth: int, kind: str) -> _Chains:
    """Follow every chain of `depth` relations from every object of every scene at once."""
    objects, grid = batch.objects, batch.settings.grid
    n, most = objects.cell.shape
    there = objects.cell >= 0
    both = there[:, :, None] & there[:, None, :]
    pair = objects.colour * len(SHAPES) + objects.shape
    if depth == 0:
        pair = objects.shape if kind == "colour" else objects.colour
    alone = ((pair[:, :, None] == pair[:, None, :]) & both).sum(axis=2) == 1
    ends = np.where(alone & there, np.arange(most), -1)
    seen = [ends]
    row, col = objects.cell // grid, objects.cell % grid
    smaller = [a[:, :, None] < a[:, None, :] for a in (col, row)]
    # holds[n, r, i, j]: object i is in relation r to object j
    holds = np.stack(
        [smaller[0], smaller[0].swapaxes(1, 2), smaller[1], smaller[1].swapaxes(1, 2)], axis=1
    )
    holds &= both[:, None]
    only = np.where(holds.sum(axis=2) == 1, holds.argmax(axis=2), -1)  # (n, relation, j)
    scenes = np.arange(n)[:, None, None]
    for _ in range(depth):
        step = only[scenes, np.arange(len(RELATIONS)), seen[-1][:, :, None]]
        step = np.where(seen[-1][:, :, None] >= 0, step, -1).reshape(n, -1)
        seen = [np.repeat(s, len(RELATIONS), axis=1) for s in seen]
        for before in seen:
            step = np.where(step == before, -1, step)
        seen.append(step)
    return _Chains(kind, depth, seen[-1])


def _pick(
    possible: NDArray[np.bool_], scene: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """For each question one of the possible ways of its scene, evenly; -1 where there is none."""
    rank = rng.random(len(scene)) * possible.sum(axis=1)[scene]
    way = (possible.cumsum(axis=1)[scene] > rank[:, None].astype(int)).argmax(axis=1)
    return np.where(possible.any(axis=1)[scene], way, -1)


def _ask_count(things: list[Thing], a: int, b: int, settings: Settings) -> tuple[str, str]:
    """Colour and shape are drawn freely in a third of the cases, so that zero is an answer too."""
    colour, shape = things[b % len(things)][:2]
    if a // 3 % 3 == 0:
        colour, shape = b % settings.colours, b // settings.colours % settings.shapes
    if a % 3 == 0:
        said, number = f"{COLOURS[colour]} shapes", sum(t[0] == colour for t in things)
    elif a % 3 == 1:
        said, number = plural(SHAPES[shape]), sum(t[1] == shape for t in things)
    else:
        said = f"{COLOURS[colour]} {plural(SHAPES[shape])}"
        number = sum(t[:2] == [colour, shape] for t in things)
    return f"how many {said} are there ?", NUMBERS[number]


def _ask_exists(things: list[Thing], a: int, b: int, settings: Settings) -> tuple[str, str]:
    pairs = settings.colours * settings.shapes
    here = sorted({t[0] * settings.shapes + t[1] for t in things})
    absent = sorted(set(range(pairs)) - set(here))
    choose = here if a % 2 or not absent else absent
    colour, shape = divmod(choose[b % len(choose)], settings.shapes)
    answer = "yes" if choose is here else "no"
    return f"is there a {COLOURS[colour]} {SHAPES[shape]} ?", answer


# A look


def figure(batch: Scenes, which: Sequence[int] = range(6)) -> tuple[Figure, str]:
    """A figure of some scenes with their first captions, and its alt text.

    Use it as `plot.show(*figure(batch))`. Thin lines are the grid; the number in a cell with an
    object is its place, which stands behind the words that are about it.

    Raises:
        IndexError: no such scene.
        ValueError: no scene at all.
    """
    import matplotlib.pyplot as plt

    from unrolled import plot

    which = list(which)
    if not which:
        raise ValueError("which scenes? The list is empty")
    columns = min(3, len(which))
    rows = -(-len(which) // columns)
    plot.use()
    fig, axes = plt.subplots(rows, columns, figsize=(2.6 * columns, 3.1 * rows), squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    grid, cell = batch.settings.grid, batch.settings.cell
    told = []
    for ax, i in zip(axes.flat, which):
        big = np.kron(batch.images[i].transpose(1, 2, 0), np.ones((4, 4, 1), dtype=np.float32))
        ax.imshow(big, interpolation="nearest", extent=(0, grid, grid, 0))
        for line in range(grid + 1):
            ax.plot([0, grid], [line, line], color=plot.FAINT, linewidth=0.6, linestyle="-")
            ax.plot([line, line], [0, grid], color=plot.FAINT, linewidth=0.6, linestyle="-")
        for place in batch.objects.cell[i][batch.objects.cell[i] >= 0]:
            row, col = divmod(int(place), grid)
            # The image is dark on every page, so its labels keep their colours.
            box = {"facecolor": "#000000", "edgecolor": "none", "pad": 0.8}
            at = (col + 0.05, row + 0.05)
            ax.text(*at, f"{place}", size=7, va="top", ha="left", color="#ffffff", bbox=box)
        text = _with_places(batch.captions[i][0], batch.places[i][0])
        below = textwrap.fill(text, 34)
        ax.text(0, grid * 1.03, below, size=8.5, va="top", ha="left", color=plot.INK)
        told.append(f"“{batch.captions[i][0]}”")
    count = "One image" if len(which) == 1 else f"{len(which)} images"
    alt = (
        f"{count} of {grid} by {grid} cells with coloured shapes on a dark striped ground, "
        f"{grid * cell} pixels wide; each cell with an object has its number. Captions: "
        + "; ".join(told)
        + "."
    )
    return fig, alt


def _with_places(caption: str, places: Sequence[int]) -> str:
    """The caption with the place of neighbouring words that share one behind the last of them."""
    said = caption.split()
    marked = [
        word
        if place < 0 or (k + 1 < len(said) and places[k + 1] == place)
        else f"{word}\N{NO-BREAK SPACE}({place})"
        for k, (word, place) in enumerate(zip(said, places))
    ]
    return " ".join(marked)
