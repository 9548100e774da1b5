"""Probes of assignment a6: captions as ids, a captioner, two searches, BLEU; in torch.

The functions are compared with the reference, value and gradient. The two searches get a small
captioner as `step` that is built beside the student's code; its state and its words depend so much
on what was said before that a state taken from another beam leads elsewhere. The training loop is
judged by what its captioner says of new images, worked out here from the parameters it returns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from unrolled.arrays import numbers
from unrolled.captioner_probe import Disguise, Ints, Params, usable
from unrolled.data import scenes, words
from unrolled.draw import Floats, normal, sizes
from unrolled.exercise import exercise
from unrolled.namespace import Failure, calling, find
from unrolled.rules import AtLeast
from unrolled.torch_probe import slopes, tensor

WEIGHT_SCALE = 0.5
"""With inputs of size 1 this puts pre-activations near 1, where tanh is neither linear nor flat."""

# --- captions as rows of numbers ---------------------------------------------------------------

SPECIAL = words.SPECIAL
KNOWN = ("a", "A", "red", "Red", "ring", "ring.", "and", "blue", "two", "the", "left", "of")
"""Words of the vocabulary. Some differ in their first letter only, one by a full stop."""

UNKNOWN = ("Ring", "BLUE", "purple", "two-tone", "ring,", "<blank>")
"""Words that it lacks; in lower case, or without the comma, some would be known."""


def numbered(rng: np.random.Generator) -> dict[str, int]:
    """A vocabulary whose special words have no usual ids; the one of padding is not 0."""
    ids = rng.permutation(len(SPECIAL) + len(KNOWN))
    if ids[SPECIAL.index(words.PAD)] == 0:
        ids = ids[::-1]
    return {word: int(k) for word, k in zip((*SPECIAL, *KNOWN), ids)}


@exercise(
    points=3,
    link="chapters/10-captioning.html#caption-tokens",
    cases={
        "captions of different lengths": {},
        "captions that are too long": {"max_len": 5},
        "as long as there is room": {"kind": "exact"},
        "unknown words": {"kind": "unknown"},
        "a caption without words": {"kind": "empty"},
        "more blanks than needed": {"kind": "blanks"},
        "room for no word": {"max_len": 2},
        "one caption": {"N": 1},
    },
)
def encode_captions(
    ns: Any, rng: np.random.Generator, N: int | None = None, max_len: int = 12, kind: str = ""
):
    n = N or int(rng.integers(4, 7))
    lengths = rng.permutation(np.append([3, 7], rng.integers(2, 9, n)))[:n]
    if n > 1:
        lengths[:2] = 7, 3
        lengths = rng.permutation(lengths)
    if kind == "exact":
        max_len = 2 + int(lengths.max())
    if kind == "empty":
        lengths[0] = 0
    captions = []
    for k in lengths:
        said = [str(w) for w in rng.choice(KNOWN, size=k)]
        if k > 2:  # a word that comes back, and for the special case words that are not known
            said[2] = said[0]
        if kind == "unknown":
            said = [str(rng.choice(UNKNOWN)) if rng.random() < 0.5 else word for word in said]
            said[-1] = str(rng.choice(UNKNOWN))
        gap = "  " if kind == "blanks" else " "
        captions.append(f" {gap.join(said)}\t" if kind == "blanks" else gap.join(said))
    return {"ids": ns.encode_captions(captions, numbered(rng), max_len)}


# --- the captioner -----------------------------------------------------------------------------


@exercise(
    points=2,
    link="chapters/09-convolutional-features.html#grid-features",
    cases={
        "random": {},
        "as many channels as places": {"C": 6, "rows": 2, "columns": 3},
        "as tall as wide": {"rows": 4, "columns": 4},
        "as many channels as rows and columns": {"C": 3, "rows": 3, "columns": 3},
        "one row of places": {"rows": 1},
        "one channel": {"C": 1},
        "one image": {"N": 1},
    },
)
def grid_features(
    ns: Any,
    rng: np.random.Generator,
    N: int | None = None,
    C: int | None = None,
    rows: int | None = None,
    columns: int | None = None,
):
    n, c, r, s = sizes(rng, 4, low=2, high=6)
    n, c, r, s = N or n, C or c, rows or r, columns or s
    fmap = tensor(normal(rng, n, c, r, s))
    grid = ns.grid_features(fmap)
    upstream = tensor(normal(rng, n, r * s, c))
    return {"grid": grid, "gradient": slopes(ns, "grid_features", (fmap,), [0], grid, upstream)}


SHAPES = {"embed": "VD", "Wi": "FH", "Wx": "DH", "Wh": "HH", "b": "H", "Wo": "HV", "bo": "V"}
"""The axes of each parameter: F image, D word, H hidden state, V vocabulary."""


def captioner(
    rng: np.random.Generator, F: int, V: int, D: int, H: int, scale: float = 1.0
) -> dict[str, Floats]:
    """Parameters in whose captions every one of them can be seen."""
    return {
        "Wi": normal(rng, F, H, scale=WEIGHT_SCALE),
        "embed": normal(rng, V, D),
        "Wx": normal(rng, D, H, scale=WEIGHT_SCALE),
        "Wh": normal(rng, H, H, scale=WEIGHT_SCALE),
        "b": normal(rng, H, scale=WEIGHT_SCALE),
        "Wo": normal(rng, H, V, scale=scale),
        "bo": normal(rng, V),
    }


@exercise(
    points=5,
    link="chapters/10-captioning.html#image-first-step-only",
    cases={
        "random": {},
        "one step": {"T": 1},
        "two steps": {"T": 2},
        "one row": {"N": 1},
        "as many rows as steps": {"N": 4, "T": 4},
        "all widths equal": {"width": 4},
        "large images": {"scale": 10.0},
    },
)
def captioner_forward(
    ns: Any,
    rng: np.random.Generator,
    N: int | None = None,
    T: int | None = None,
    width: int | None = None,
    scale: float = 1.0,
):
    n, t = sizes(rng, 2, low=3, high=6)
    n, t = N or n, T or t
    F, D, H, V = [width] * 3 + [7] if width else sizes(rng, 4, low=3, high=8)
    params = {name: tensor(value) for name, value in captioner(rng, F, V, D, H).items()}
    ids = rng.integers(0, V, (n, t))
    ids.flat[: min(2, ids.size)] = (V - 1, 0)[: min(2, ids.size)]
    if t > 2:
        ids[:, 2] = ids[:, 0]  # a word that comes back finds another state
    args = (tensor(scale * normal(rng, n, F)), tensor(ids), params)
    logits = ns.captioner_forward(*args)
    upstream = tensor(normal(rng, n, t, V))
    wrt = [0, *((2, name) for name in SHAPES)]
    return {
        "logits": logits,
        "gradient": slopes(ns, "captioner_forward", args, wrt, logits, upstream),
    }


@exercise(
    points=4,
    link="chapters/10-captioning.html#start-end-pad",
    cases={
        "captions of different lengths": {},
        "as many steps as words": {"T": 5, "V": 5},
        "another id for padding": {"pad": "last"},
        "captions that begin with padding": {"kind": "first"},
        "padding in the middle": {"kind": "holes"},
        "no padding": {"kind": "full"},
        "nothing but padding": {"kind": "empty"},
        "a caption of padding": {"kind": "empty row"},
        "a single word": {"kind": "single"},
        "one caption": {"N": 1},
        "one step": {"T": 1, "kind": "full"},
        "huge logits": {"scale": 1e4},
        "huge offsets": {"offset": 1e4},
    },
)
def caption_loss(
    ns: Any,
    rng: np.random.Generator,
    N: int | None = None,
    T: int | None = None,
    V: int | None = None,
    pad: str = "first",
    kind: str = "",
    scale: float = 1.0,
    offset: float = 0.0,
):
    n, t, v = sizes(rng, 3, low=4, high=8)
    n, t, v = N or n, T or t, V or v
    blank = v - 1 if pad == "last" else 0
    others = np.setdiff1d(np.arange(v), [blank])
    captions = rng.choice(others, size=(n, t + 1))
    lengths = np.full(n, t + 1)
    if not kind or kind in ("first", "empty row"):  # a full one, one of one word, others between
        lengths = rng.integers(2, t + 1, n)
        lengths[: min(n, 2)] = (2 if n == 1 else t + 1, 2)[: min(n, 2)]
        if n == 1:
            lengths[:] = t - 1
    captions[np.arange(t + 1) >= lengths[:, None]] = blank
    if kind == "first":  # what is heard decides nothing, nor does what comes first
        captions[:, 0] = blank
    elif kind == "holes":
        captions[rng.random((n, t + 1)) < 0.4] = blank
        captions[:, -2:] = others[0]
        captions[0, 1] = blank
    elif kind == "empty":
        captions[:, 1:] = blank
    elif kind == "empty row":
        captions[0] = blank
    elif kind == "single":
        captions[:, 1:] = blank
        captions[rng.integers(n), rng.integers(2, t)] = rng.choice(others)
    logits = scale * normal(rng, n, t, v) + offset * normal(rng, n, t, 1)
    args = (tensor(logits), tensor(captions), blank)
    loss = ns.caption_loss(*args)
    return {"loss": loss, "gradient": slopes(ns, "caption_loss", args, [0], loss)}


# --- searches ----------------------------------------------------------------------------------

SEARCHES = 8
"""Searches of one case, each with a captioner of its own: not each can show each mistake."""


def tellers(
    rng: np.random.Generator,
    end: float,
    F: int,
    V: int,
    D: int,
    H: int,
    alike: bool = False,
) -> tuple[list[dict[str, Any]], list[Any], int, int]:
    """Captioners, images, and the ids of start and end; END has the bias `end` in the logits.

    The recurrence is strong, so that what comes next depends on the whole way there. With `alike`
    the first words have nearly the same probability, so the best caption begins with any of them.
    """
    start, stop = (int(k) for k in rng.choice(V, size=2, replace=False))
    nets = []
    for _ in range(SEARCHES):
        net = captioner(rng, F, V, D, H, scale=1.2)
        net["Wh"], net["Wi"] = 3.0 * net["Wh"], 2.0 * net["Wi"]
        if alike:
            for name in ("Wi", "b", "bo"):
                net[name] *= 0.1
            net["embed"][start] *= 0.1
        net["bo"][stop] = end
        net["bo"][start] = -1.0
        nets.append({name: tensor(value) for name, value in net.items()})
    return nets, [tensor(normal(rng, F)) for _ in range(SEARCHES)], start, stop


def searches(
    names: Mapping[str, Any],
    function: str,
    nets: Sequence[Params],
    images: Sequence[Any],
    rest: Sequence[Any],
) -> list[tuple[Any, int]]:
    """For each captioner what a search with its step finds, and how often it called the step."""
    import torch

    def search(net: Params, image: Any) -> tuple[Any, int]:
        calls = 0

        def step(image: Any, id: int, h: Any) -> tuple[Any, Any]:
            nonlocal calls
            calls += 1
            a = net["embed"][int(id)] @ net["Wx"] + net["b"]
            if image is not None:
                a = a + image @ net["Wi"]
            if h is not None:
                a = a + h @ net["Wh"]
            h = torch.tanh(a)
            return torch.log_softmax(h @ net["Wo"] + net["bo"], dim=0), h

        with calling(function):
            found = find(names, function)(step, image, *rest)
        return found, calls

    return [search(net, image) for net, image in zip(nets, images)]


def caption_searches(
    names: Mapping[str, Any],
    nets: Sequence[Params],
    images: Sequence[Any],
    rest: Sequence[Any],
) -> list[tuple[list[int], int]]:
    """What `greedy_caption` finds: ids and calls.

    Raises:
        Failure: it returned something that is no list of ids.
    """
    found = searches(names, "greedy_caption", nets, images, rest)
    return [(listed("greedy_caption", ids), calls) for ids, calls in found]


def beam_searches(
    names: Mapping[str, Any],
    nets: Sequence[Params],
    images: Sequence[Any],
    rest: Sequence[Any],
) -> list[tuple[list[int], float]]:
    """What `beam_search` finds: ids and score.

    Raises:
        Failure: it returned something that is no pair of a list of ids and a number.
    """
    results = []
    for found, _ in searches(names, "beam_search", nets, images, rest):
        if not isinstance(found, tuple | list) or len(found) != 2:
            raise Failure("error", "beam_search must return (ids, score).")
        ids, score = found
        try:
            score = float(score)
        except (TypeError, ValueError):
            text = f"The score of beam_search must be a number; it is a {type(score).__name__}."
            raise Failure("error", text) from None
        results.append((listed("beam_search", ids), score))
    return results


def listed(function: str, ids: Any) -> list[int]:
    """The ids as a list of int.

    Raises:
        Failure: they are none.
    """
    try:
        return [int(k) for k in ids]
    except (TypeError, ValueError):
        text = f"{function} must return a list of ids; it returned a {type(ids).__name__}."
        raise Failure("error", text) from None


def rows(found: Sequence[list[int]], max_len: int) -> Ints:
    """Lists of ids as rows of an array, filled up with -1."""
    table = np.full((len(found), max(max_len, *map(len, found))), -1)
    for row, ids in zip(table, found):
        row[: len(ids)] = ids
    return table


@exercise(
    points=3,
    link="chapters/10-captioning.html#greedy-decoding-captions",
    cases={
        "captions of different lengths": {},
        "captions that do not end": {"end": -20.0},
        "captions that are empty": {"end": 20.0},
        "one step": {"max_len": 1},
        "a large vocabulary": {"V": 60, "end": 2.0},
    },
)
def greedy_caption(
    ns: Any, rng: np.random.Generator, end: float = 1.0, max_len: int = 7, V: int | None = None
):
    F, v, D, H = sizes(rng, 4, low=4, high=8)
    nets, images, start, stop = tellers(rng, end, F, V or v, D, H)
    found = ns.run(caption_searches, nets, images, (start, stop, max_len))
    for _, calls in found:
        if calls > max_len:
            text = f"greedy_caption called step {calls} times for at most {max_len} words."
            raise Failure("fail", text)
    return {"ids": rows([ids for ids, _ in found], max_len)}


@exercise(
    points=6,
    link="chapters/10-captioning.html#beam-search",
    cases={
        "width 3": {},
        "width 1": {"width": 1},
        "width 2, captions that end early": {"width": 2, "end": 2.5},
        "wider than the vocabulary": {"width": 12, "V": 5, "max_len": 4},
        "a length penalty": {"length_penalty": 0.7, "end": 1.5},
        "a strong length penalty": {"length_penalty": 1.5, "end": 2.0, "width": 4},
        "captions that do not end": {"end": -20.0},
        "captions that are empty": {"end": 20.0},
        "one step": {"max_len": 1},
        "first words that are nearly alike": {"alike": True, "V": 12, "width": 8, "end": -1.0},
        "wide enough to find the best": {"width": 300, "V": 4, "max_len": 4, "end": 0.5},
    },
)
def beam_search(
    ns: Any,
    rng: np.random.Generator,
    end: float = 1.0,
    width: int = 3,
    max_len: int = 6,
    length_penalty: float | None = None,
    V: int | None = None,
    alike: bool = False,
):
    F, v, D, H = sizes(rng, 4, low=4, high=8)
    nets, images, start, stop = tellers(rng, end, F, V or v, D, H, alike)
    rest = (start, stop, width, max_len)
    if length_penalty is not None:
        rest = (*rest, length_penalty)
    found = ns.run(beam_searches, nets, images, rest)
    return {
        "ids": rows([ids for ids, _ in found], max_len),
        "score": np.array([score for _, score in found]),
    }


# --- BLEU --------------------------------------------------------------------------------------

TOKENS = ("a", "red", "blue", "ring", "and", "the", "of", "cross")


def sentence(rng: np.random.Generator, length: int) -> list[str]:
    return [str(w) for w in rng.choice(TOKENS, size=length)]


def edited(rng: np.random.Generator, said: Sequence[str], longer: int) -> list[str]:
    """A sentence like this one: a word replaced, one said twice, and so many words more or less."""
    said = list(said)
    k, j = (int(i) for i in rng.choice(np.arange(1, len(said) - 1), size=2, replace=False))
    said[k] = str(rng.choice([w for w in TOKENS if w != said[k]]))
    said.insert(j, said[j])
    said.pop()
    if longer > 0:
        said += sentence(rng, longer)
    return said[: len(said) + min(longer, 0)]


@exercise(
    points=5,
    link="chapters/10-captioning.html#bleu-by-hand",
    tolerance={"bleu": 1e-9},
    cases={
        "candidates of several lengths": {},
        "candidates that are too short": {"longer": -3},
        "candidates that are too long": {"longer": 4},
        "a reference shorter and one longer by the same": {"kind": "tie"},
        "words said too often": {"kind": "often"},
        "one sentence": {"N": 1},
        "one reference": {"references": 1},
        "up to pairs": {"max_n": 2},
        "up to runs of five": {"max_n": 5},
        "single words": {"max_n": 1, "longer": -1},
        "right word for word": {"kind": "same"},
        "an empty candidate among others": {"kind": "empty"},
        "candidates of three words": {"kind": "short"},
        "no word right": {"kind": "wrong"},
    },
)
def bleu(
    ns: Any,
    rng: np.random.Generator,
    N: int | None = None,
    references: int = 3,
    longer: int = 0,
    max_n: int | None = None,
    kind: str = "",
):
    n = N or int(rng.integers(4, 7))
    candidates, known = [], []
    for k in range(n):
        # Sentences of different lengths, so that a mean over sentences is not that of the corpus.
        base = sentence(rng, 9 + 3 * (k % 3) + int(rng.integers(2)))
        extra = longer if longer else int(rng.integers(-1, 2))
        candidate = list(base) if kind == "same" else edited(rng, base, extra)
        others = [base]
        for j in range(1, references):
            # Each further reference shares a piece with the candidate and has a length of its own.
            cut = int(rng.integers(3, 7))
            piece = candidate[cut : cut + 5]
            others.append([*sentence(rng, 3 + k % 2), *piece, *sentence(rng, 1 + 2 * j)])
        if kind == "tie":
            candidate = candidate[:9]
            others = [[*base[:9], *sentence(rng, 2)], base[:7]]
        elif kind == "often":
            candidate[: len(candidate) // 2] = [base[0]] * (len(candidate) // 2)
        elif kind == "short":
            candidate = base[:3]
        elif kind == "wrong":
            candidate = [f"not-{word}" for word in candidate]
        candidates.append(candidate)
        known.append([others[i] for i in rng.permutation(len(others))])
    if kind == "empty":
        candidates[1] = []
    return {"bleu": ns.bleu(candidates, known, *([] if max_n is None else [max_n]))}


# --- training ----------------------------------------------------------------------------------

TOKENS_RIGHT = 0.9
"""The bound. Ten correct loops (four optimizers, widths from 64 to 192, batches from 32 to 128,
three ways to draw the first weights, with and without clipping) were run six times each: none of
the 60 runs fell below 0.97, and 0.9 is 18 standard deviations or more below the mean of each loop.
Of three runs the middle one counts. The test of this assignment runs each loop again; without the
image 0.44 is the most."""

GRID, OBJECTS, WIDTH = 2, (1, 2), 64
TRAINING, HELD_OUT, STEPS, RUNS = 3000, 1000, 300, 3


def disguised(rng: np.random.Generator) -> Disguise:
    return Disguise(rng, scenes.Settings(grid=GRID, objects=OBJECTS), WIDTH)


def told(disguise: Disguise, rng: np.random.Generator, count: int) -> tuple[Floats, Ints]:
    """So many images (count, WIDTH), float32, and their captions (count, T + 1)."""
    batch = scenes.make(count, rng, grid=GRID, objects=OBJECTS)
    seen = scenes.features(batch, image_dim=WIDTH, seed=rng).image
    return disguise.rotated(seen), disguise.word[scenes.encoded(batch).ids]


def accuracy(params: Params, images: Floats, captions: Ints, pad: int) -> float:
    """The share of right tokens, with the right words before and padding left out."""
    p = {name: numbers(value).astype(np.float64) for name, value in params.items()}
    heard, said = captions[:, :-1], captions[:, 1:]
    h, right = np.zeros((len(images), len(p["b"]))), 0
    for t in range(heard.shape[1]):
        a = p["embed"][heard[:, t]] @ p["Wx"] + h @ p["Wh"] + p["b"]
        h = np.tanh(a + images @ p["Wi"] if t == 0 else a)
        guess = np.argmax(h @ p["Wo"] + p["bo"], axis=1)
        right += np.sum((guess == said[:, t]) & (said[:, t] != pad))
    return float(right / np.sum(said != pad))


@exercise(
    points=5,
    link="chapters/10-captioning.html#caption-training",
    uses=("captioner_forward", "caption_loss"),
    rules={
        "token accuracy": AtLeast(
            TOKENS_RIGHT, "of the tokens right on new images (a captioner without image: 0.4)"
        ),
    },
    cases={f"{STEPS} steps": {}},
    seeds=1,
    seconds=120,
)
def train_captioner(ns: Any, rng: np.random.Generator):
    disguise = disguised(rng)
    images, captions = told(disguise, rng, TRAINING)
    new = told(disguise, rng, HELD_OUT)
    known = {"F": WIDTH, "V": disguise.vocab_size}
    found = []
    for seed in rng.integers(2**31, size=RUNS):
        params = ns.train_captioner(
            tensor(images),
            tensor(captions),
            disguise.vocab_size,
            disguise.pad,
            STEPS,
            int(seed),
        )
        found.append(accuracy(usable(params, SHAPES, known), *new, disguise.pad))
    return {"token accuracy": float(np.median(found))}
