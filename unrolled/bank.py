"""The file ``checks.npz`` beside an assignment: what the visible checks compare with.

It holds the right outputs, their tolerances, and the outputs and hints of the misconceptions, all
for the fixed visible seeds. The inputs are drawn again from the seeds; no source code is in it.
"""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unrolled.judge import Expected, Key, Mistake
from unrolled.verdict import Match


@dataclass(frozen=True)
class Checks:
    """The visible checks of one assignment: by exercise, what is right and the known mistakes."""

    assignment: str
    expected: Mapping[str, Mapping[Key, Expected]]
    mistakes: Mapping[str, tuple[Mistake, ...]]


def save(path: Path, checks: Checks) -> None:
    """Write ``checks`` to ``path``; equal checks make equal bytes."""
    pool = _Pool()
    exercises = {}
    for name, cases in checks.expected.items():
        known = checks.mistakes[name]
        exercises[name] = {
            "keys": [list(key) for key in cases],
            "right": [pool.put_all(right.outputs) for right in cases.values()],
            "tolerance": [dict(right.tolerance) for right in cases.values()],
            "tensors": sorted(next(iter(cases.values())).tensors),
            "mistakes": [
                [m.match.name, m.match.hint, m.match.link, [pool.put_all(m.runs[k]) for k in cases]]
                for m in known
            ],
        }
    meta = {"assignment": checks.assignment, "exercises": exercises, "arrays": pool.index}
    text = json.dumps(meta).encode()
    np.savez_compressed(
        path,
        meta=np.frombuffer(text, np.uint8),
        data=np.frombuffer(b"".join(pool.parts), np.uint8),
    )


def load(path: Path) -> Checks:
    """Read ``checks.npz``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a file that :func:`save` wrote.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            meta, data = json.loads(file["meta"].tobytes()), file["data"].tobytes()
        arrays = [
            np.frombuffer(data, dtype, math.prod(shape), start).reshape(shape)
            for dtype, shape, start in meta["arrays"]
        ]

        def take(places: dict[str, int]) -> dict[str, np.ndarray]:
            return {output: arrays[i] for output, i in places.items()}

        expected, mistakes = {}, {}
        for name, entry in meta["exercises"].items():
            keys: list[Key] = [(seed, case) for seed, case in entry["keys"]]
            expected[name] = {
                key: Expected(take(right), tolerance, tensors=frozenset(entry["tensors"]))
                for key, right, tolerance in zip(keys, entry["right"], entry["tolerance"])
            }
            mistakes[name] = tuple(
                Mistake(Match(*words), {key: take(run) for key, run in zip(keys, runs)})
                for *words, runs in entry["mistakes"]
            )
        return Checks(meta["assignment"], expected, mistakes)
    except (KeyError, TypeError, IndexError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is not a checks.npz of this course") from error


class _Pool:
    """Arrays behind each other, equal ones once: a mistake leaves most outputs as they are."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.index: list[list] = []
        self._places: dict[tuple, int] = {}
        self._size = 0

    def put_all(self, outputs: Mapping[str, np.ndarray]) -> dict[str, int]:
        return {name: self.put(np.asarray(value)) for name, value in outputs.items()}

    def put(self, value: np.ndarray) -> int:
        data = np.ascontiguousarray(value).tobytes()
        key = (value.dtype.str, value.shape, data)
        if key not in self._places:
            self._places[key] = len(self.index)
            self.index.append([value.dtype.str, list(value.shape), self._size])
            self.parts.append(data)
            self._size += len(data)
        return self._places[key]
