"""What probes of trained captioners share: disguised scenes, parameters that can be evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.arrays import is_tensor, numbers
from unrolled.data import scenes, words
from unrolled.draw import Floats
from unrolled.namespace import Failure

Ints = NDArray[np.integer]
Params = Mapping[str, Any]

WIDEST = 512
"""Sizes of a captioner that is still evaluated: several times what the texts ask for."""


class Disguise:
    """Other numbers for the same scenes: features are rotated, places and words are renumbered.

    So nothing can be learned before the hand-in, and padding may be any id.
    """

    def __init__(self, rng: np.random.Generator, settings: scenes.Settings, width: int):
        self.settings = settings
        self.vocab_size = len(scenes.vocabulary(settings))
        self.rotation, _ = np.linalg.qr(rng.standard_normal((width, width)))
        self.word = rng.permutation(self.vocab_size)
        self.place = rng.permutation(settings.grid**2)

    @property
    def pad(self) -> int:
        return int(self.word[words.SPECIAL.index(words.PAD)])

    def rotated(self, features: Floats) -> Floats:
        """Features (N, ..., width), float32."""
        return (features @ self.rotation).astype(np.float32)

    def rearranged(self, features: Floats) -> Floats:
        """Features (N, L, width), float32, each at the new number of its place."""
        moved = np.empty(features.shape, dtype=np.float32)
        moved[:, self.place] = self.rotated(features)
        return moved


def usable(params: Any, shapes: Mapping[str, str], known: Mapping[str, int]) -> Params:
    """The parameters, if they have the names, types and shapes of a captioner.

    Args:
        shapes: the axes of each parameter, a letter each, as in ``{"Wx": "DH"}``.
        known: the lengths of the axes that are not the student's choice.

    Raises:
        Failure: they have not, or hold a number that is not finite.
    """
    if not isinstance(params, dict) or set(params) != set(shapes):
        found = sorted(map(str, params)) if isinstance(params, dict) else type(params).__name__
        text = f"params must be a dict with the names {', '.join(shapes)}; it has {found}."
        raise Failure("error", text)
    for name, value in params.items():
        array = numbers(value) if is_tensor(value) else None
        if array is None or array.dtype.kind != "f":
            raise Failure("error", f"params[{name!r}] must be a tensor of floating numbers.")
        if not np.all(np.isfinite(array)):
            text = f"params[{name!r}] holds numbers that are not finite: training has diverged."
            raise Failure("fail", text)
    lengths = dict(known)
    for name, axes in shapes.items():
        if params[name].ndim == len(axes):
            for axis, length in zip(axes, params[name].shape):
                lengths.setdefault(axis, length)
    said = ", ".join(f"{axis} = {lengths[axis]}" for axis in sorted(lengths))
    for name, axes in shapes.items():
        if max(params[name].shape, default=0) > WIDEST:  # nothing may take long out here
            text = f"params[{name!r}] has shape {tuple(params[name].shape)}"
            raise Failure("error", f"{text}; {WIDEST} is the most that is evaluated.")
        shape = tuple(lengths.get(axis, 0) for axis in axes)
        if tuple(params[name].shape) != shape:
            text = f"params[{name!r}] has shape {tuple(params[name].shape)}, expected {shape}"
            raise Failure("error", f"{text} for {said}.")
    return params
