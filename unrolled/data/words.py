"""Captions as words and ids, alike for made scenes and for real data.

A caption is a str of words with blanks between them. A vocabulary is a dict from word to id in
which the four special words have the ids 0 to 3.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

PAD, START, END, UNKNOWN = SPECIAL = ("<pad>", "<start>", "<end>", "<unk>")
"""The special words, in the order of their ids."""

_WORD = re.compile(r"\w+(?:['’-]\w+)*")


def tidy(caption: str) -> str:
    """The caption in lower case without punctuation, one blank between words (maybe empty).

    Apostrophes and hyphens within a word stay. This is close to, and not the same as, the tokens of
    Karpathy's split files.
    """
    return " ".join(_WORD.findall(caption.lower()))


def vocabulary(captions: Iterable[str], least: int = 1) -> dict[str, int]:
    """Ids of the special words and of every word that occurs at least `least` times.

    Words are numbered from the most frequent on, equally frequent ones in alphabetical order, so
    the order of the captions does not matter.
    """
    counts = Counter(word for caption in captions for word in caption.split())
    known = [w for w, n in counts.items() if n >= least and w not in SPECIAL]
    known.sort(key=lambda word: (-counts[word], word))
    return numbered(known)


def numbered(known: Iterable[str]) -> dict[str, int]:
    """A vocabulary of the special words and then these, in their order."""
    return {word: k for k, word in enumerate((*SPECIAL, *known))}


def to_ids(
    captions: Sequence[str], vocab: dict[str, int], longest: int | None = None
) -> NDArray[np.int64]:
    """Ids (N, T + 1): start, words, end, padding. The columns but the last are a model's input,
    the columns but the first its targets.

    Args:
        captions: N captions.
        vocab: word to id; a word that it lacks becomes `<unk>`.
        longest: as many words of a caption are kept; all of them if not said.
    """
    rows = [caption.split()[:longest] for caption in captions]
    table = np.full((len(rows), max(map(len, rows), default=0) + 2), vocab[PAD], dtype=np.int64)
    table[:, 0] = vocab[START]
    for k, row in enumerate(rows):
        table[k, 1 : len(row) + 1] = [vocab.get(word, vocab[UNKNOWN]) for word in row]
        table[k, len(row) + 1] = vocab[END]
    return table


def to_text(ids: Iterable[int], vocab: dict[str, int]) -> str:
    """The words of these ids up to the first end, without start and padding."""
    names = list(vocab)
    found = []
    for k in map(int, ids):
        if names[k] == END:
            break
        if names[k] not in (START, PAD):
            found.append(names[k])
    return " ".join(found)
