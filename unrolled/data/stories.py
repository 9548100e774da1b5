"""Small stories with questions whose supporting sentences are known, made from a seed.

A story is a list of sentences of three words. In each, somebody goes somewhere or takes a thing:

    anna visits rome . ben takes silk . ben visits delhi . anna takes silk . where is silk ?  rome

A thing is with whoever took it last, and goes where that person goes. So an answer needs two
sentences, the *supports*: the last one in which the thing is taken, and the last one in which its
taker visits a place, before or after. Nothing is realistic: a thing can be taken from anywhere.

    batch = make(1000, seed=0)
    batch.words        (N, S, 3) ids; rows of zeros behind the last sentence of a shorter story
    batch.lengths      (N,) number of sentences
    batch.things       (N,) id of the thing that is asked for
    batch.answers      (N,) position of the answer in PLACES
    batch.supports     (N, 2) which sentences: the taking, the visit
    told(batch, 7)     the story as text

The task is the second one of Weston et al. (2015), "Towards AI-complete question answering", cut
down to what it needs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.data.sequences import Seed

PEOPLE = ("anna", "ben", "carl", "dora")
PLACES = ("rome", "cairo", "delhi", "paris", "tokyo")
THINGS = ("gold", "silk", "tea")
VERBS = ("visits", "takes")
VOCABULARY = ("<pad>", *PEOPLE, *VERBS, *PLACES, *THINGS)
"""All words; an id is a position in it, and 0 is padding."""

VISITS, TAKES = (VOCABULARY.index(verb) for verb in VERBS)


class Stories(NamedTuple):
    """N stories of at most S sentences."""

    words: NDArray[np.int64]
    """(N, S, 3) person, verb, and place or thing; 0 behind the last sentence."""
    lengths: NDArray[np.int64]
    """(N,) number of sentences."""
    things: NDArray[np.int64]
    """(N,) id of the thing that is asked for."""
    answers: NDArray[np.int64]
    """(N,) position of the answer in PLACES."""
    supports: NDArray[np.int64]
    """(N, 2) positions of the sentence with the last taking and of its taker's last visit."""


def make(n: int, seed: Seed, shortest: int = 6, longest: int = 10) -> Stories:
    """Draw `n` stories of `shortest` to `longest` sentences, each with one question.

    The question is drawn among those that the story answers; a story that answers none is drawn
    again.

    Raises:
        ValueError: `n` is negative, or not 2 <= shortest <= longest.
    """
    if n < 0:
        raise ValueError(f"n must be 0 or more, not {n}")
    if not 2 <= shortest <= longest:
        raise ValueError(
            "a story needs two sentences and 2 <= shortest <= longest, "
            f"not shortest={shortest}, longest={longest}"
        )
    rng = np.random.default_rng(seed)
    words = np.zeros((n, longest, 3), dtype=np.int64)
    lengths, things, answers = (np.zeros(n, dtype=np.int64) for _ in range(3))
    supports = np.zeros((n, 2), dtype=np.int64)
    for row in range(n):
        known: dict[int, tuple[int, int]] = {}
        while not known:
            story = _story(int(rng.integers(shortest, longest + 1)), rng)
            known = answerable(story)
        thing = sorted(known)[int(rng.integers(len(known)))]
        words[row, : len(story)] = story
        lengths[row], things[row], supports[row] = len(story), thing, known[thing]
        answers[row] = PLACES.index(VOCABULARY[story[known[thing][1], 2]])
    return Stories(words, lengths, things, answers, supports)


def answerable(story: NDArray[np.int64]) -> dict[int, tuple[int, int]]:
    """The supports of each thing of a story (S, 3) whose place is known, by the thing's id."""
    visited: dict[int, int] = {}
    taken: dict[int, int] = {}
    for at, (person, verb, last) in enumerate(story.tolist()):
        if verb == VISITS:
            visited[person] = at
        elif verb == TAKES:
            taken[last] = at
    holders = {thing: int(story[at, 0]) for thing, at in taken.items()}
    return {
        thing: (at, visited[holders[thing]])
        for thing, at in taken.items()
        if holders[thing] in visited
    }


def told(stories: Stories, row: int) -> str:
    """Story `row` as text, with its question."""
    kept = stories.words[row, : stories.lengths[row]]
    sentences = [" ".join(VOCABULARY[word] for word in sentence) for sentence in kept]
    return " . ".join([*sentences, f"where is {VOCABULARY[stories.things[row]]} ?"])


def bags(stories: Stories) -> NDArray[np.float64]:
    """How often each word stands in each sentence, (N, S, V), padding not counted."""
    bags = np.eye(len(VOCABULARY))[stories.words].sum(axis=2)
    bags[:, :, 0] = 0
    return bags


def ages(stories: Stories) -> NDArray[np.int64]:
    """How many sentences come after each, (N, S): 0 for the last one of a story; -1 in padding."""
    after = stories.lengths[:, None] - 1 - np.arange(stories.words.shape[1])
    return np.maximum(after, -1)


def _story(length: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Sentences (length, 3) drawn independently: half of them visits, half takings."""
    people = rng.integers(len(PEOPLE), size=length)
    visits = rng.integers(2, size=length) == 0
    places = rng.integers(len(PLACES), size=length)
    things = rng.integers(len(THINGS), size=length)
    first = VOCABULARY.index(PEOPLE[0])
    place, thing = VOCABULARY.index(PLACES[0]), VOCABULARY.index(THINGS[0])
    return np.stack(
        [
            first + people,
            np.where(visits, VISITS, TAKES),
            np.where(visits, place + places, thing + things),
        ],
        axis=1,
    )
