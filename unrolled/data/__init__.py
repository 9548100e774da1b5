"""Data made from a seed, and readers of data that people have: nothing is downloaded.

The small data sets of `sequences` (texts, series, hidden Markov models) are names of this package.
Import the others where they are needed:

* `unrolled.data.scenes`: images of coloured shapes with captions, places and questions;
* `unrolled.data.coco`: COCO-format captions, Karpathy's splits and Flickr8k folders;
* `unrolled.data.stories`: stories of short sentences, questions, and which sentences answer them;
* `unrolled.data.words`: captions as words and ids.
"""

from unrolled.data.sequences import (
    DIGITS,
    HELLO,
    HELLO_VOCABULARY,
    HMM,
    REVIEWS,
    WEATHER,
    Seed,
    autoregressive,
    encode,
    house_number,
    observe,
    one_hot,
    parity,
    recall,
    traffic,
)

__all__ = [
    "DIGITS",
    "HELLO",
    "HELLO_VOCABULARY",
    "HMM",
    "REVIEWS",
    "WEATHER",
    "Seed",
    "autoregressive",
    "encode",
    "house_number",
    "observe",
    "one_hot",
    "parity",
    "recall",
    "traffic",
]
