"""Copies of arguments that keep the memory layout, and whether one was written into."""

from __future__ import annotations

import copy
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Kept:
    """An object of the student's, such as a cache, that a probe only hands back.

    What is in it is nobody else's business: it is not copied, not perturbed and not compared.
    """

    value: Any


def is_tensor(value: Any) -> bool:
    """Whether this is a torch tensor; torch is not imported to find out."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def as_array(value: Any) -> np.ndarray | None:
    """A numeric array or Python number as an array; None for anything else, tensors too."""
    if isinstance(value, np.ndarray | np.generic | bool | int | float):
        array = np.asarray(value)
        return array if array.dtype.kind in "biuf" else None
    return None


def numbers(value: Any) -> np.ndarray | None:
    """The same as :func:`as_array`, for torch tensors too."""
    return as_array(value.detach().cpu().numpy()) if is_tensor(value) else as_array(value)


def layout(a: np.ndarray) -> str:
    """``"C"``, ``"F"`` (Fortran order) or ``"strided"`` (neither, such as a slice with a step)."""
    if a.flags.c_contiguous:
        return "C"
    return "F" if a.flags.f_contiguous else "strided"


def with_layout(a: np.ndarray, kind: str) -> np.ndarray:
    """A writable copy of ``a`` whose memory layout is ``kind`` (see :func:`layout`)."""
    if kind != "strided":
        return np.array(a, order=kind)
    room = np.zeros((*a.shape[:-1], 2 * a.shape[-1]), a.dtype)
    view = room[..., ::2]
    view[...] = a
    return view


def copy_argument(value: Any) -> Any:
    """Copy the arrays, tensors and generators inside lists, tuples and dicts.

    Anything else is handed on as it is. A :class:`Kept` object is taken out of its wrapper.
    """
    if isinstance(value, Kept):
        return value.value
    if isinstance(value, np.ndarray):
        return with_layout(value, layout(value))
    if isinstance(value, np.random.Generator):
        return copy.deepcopy(value)
    if is_tensor(value):
        return value.detach().clone()
    if isinstance(value, dict):
        return {k: copy_argument(v) for k, v in value.items()}
    if type(value) in (list, tuple):
        return type(value)(copy_argument(v) for v in value)
    return value


def same_argument(before: Any, after: Any) -> bool:
    """Whether an argument is bit for bit as it was (NaN equals the same NaN).

    Of a generator nothing is asked: it is there to be drawn from.
    """
    if is_tensor(before) and is_tensor(after):
        before, after = before.detach().numpy(), after.detach().numpy()
    if isinstance(before, np.ndarray):
        return (
            isinstance(after, np.ndarray)
            and (before.dtype, before.shape) == (after.dtype, after.shape)
            and before.tobytes() == after.tobytes()
        )
    if isinstance(before, dict):
        return (
            isinstance(after, dict)
            and list(before) == list(after)
            and all(same_argument(v, after[k]) for k, v in before.items())
        )
    if type(before) in (list, tuple):
        return (
            type(after) is type(before)
            and len(before) == len(after)
            and all(same_argument(b, a) for b, a in zip(before, after))
        )
    if isinstance(before, bool | int | float | str):  # inside a list or a dict that was handed in
        return type(after) is type(before) and (after == before or before != before)
    return True
