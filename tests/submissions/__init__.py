"""The corpus of honest, broken and hostile submissions: see :mod:`submissions.case`."""

from . import (
    files,
    honest,
    notebooks,
    odd,
    pages,
    pipe,
    processes,
    standins,
    tensors,
    tricks,
    walls,
    zygote,
)
from .case import CASES, Case, Handin

__all__ = [
    "CASES",
    "Case",
    "Handin",
    "files",
    "honest",
    "notebooks",
    "odd",
    "pages",
    "pipe",
    "processes",
    "standins",
    "tensors",
    "tricks",
    "walls",
    "zygote",
]
