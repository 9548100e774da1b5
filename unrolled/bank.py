"""The file ``checks.npz`` beside an assignment: what the visible checks compare with.

It holds the right outputs, their tolerances, and the outputs and hints of the misconceptions, all
for the fixed visible seeds. The inputs are drawn again from the seeds; no source code is in it.
"""

from __future__ import annotations

import json
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
    arrays: dict[str, np.ndarray] = {}
    exercises = {}
    for name, cases in checks.expected.items():
        known = checks.mistakes[name]
        exercises[name] = {
            "keys": [list(key) for key in cases],
            "tolerance": [right.tolerance for right in cases.values()],
            "mistakes": [[m.match.name, m.match.hint, m.match.link] for m in known],
        }
        for i, (key, right) in enumerate(cases.items()):
            for output, value in right.outputs.items():
                arrays[f"{name}/{i}/right/{output}"] = value
            for j, m in enumerate(known):
                for output, value in m.runs[key].items():
                    arrays[f"{name}/{i}/{j}/{output}"] = value
    meta = json.dumps({"assignment": checks.assignment, "exercises": exercises}, sort_keys=True)
    arrays["meta"] = np.frombuffer(meta.encode(), dtype=np.uint8)
    np.savez_compressed(path, **arrays)


def load(path: Path) -> Checks:
    """Read ``checks.npz``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a file that :func:`save` wrote.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {k: file[k] for k in file.files}
        meta = json.loads(arrays.pop("meta").tobytes())
        expected, mistakes = {}, {}
        groups: dict[str, dict[str, np.ndarray]] = {}
        for key, value in arrays.items():
            group, output = key.rsplit("/", 1)
            groups.setdefault(group, {})[output] = value
        for name, entry in meta["exercises"].items():
            keys: list[Key] = [(seed, case) for seed, case in entry["keys"]]
            expected[name] = {
                key: Expected(groups[f"{name}/{i}/right"], entry["tolerance"][i])
                for i, key in enumerate(keys)
            }
            mistakes[name] = tuple(
                Mistake(
                    Match(*words),
                    {key: groups.get(f"{name}/{i}/{j}", {}) for i, key in enumerate(keys)},
                )
                for j, words in enumerate(entry["mistakes"])
            )
        return Checks(meta["assignment"], expected, mistakes)
    except (KeyError, TypeError, zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a checks.npz of this course") from error
