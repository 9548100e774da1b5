"""What a case of the corpus is, and the hand-in that it is made from.

A case is a function with a docstring: it takes a :class:`Handin`, which starts as the release
notebook handed in unchanged, and turns it into a submission. The decorator says the just mark.
"""

from __future__ import annotations

import copy
import json
import os
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from autograder import source

ASSIGNMENT = "a1_rnn"
POINTS = {
    "rnn_step_forward": 4,
    "rnn_step_backward": 6,
    "rnn_forward": 4,
    "rnn_backward": 6,
    "temporal_affine_forward": 2,
    "temporal_affine_backward": 3,
    "temporal_softmax_loss": 5,
    "numerical_gradient": 4,
}
FULL = float(sum(POINTS.values()))
LOSS = "temporal_softmax_loss"
"""The exercise that most attacks sit in: no other one builds on it."""
WITHOUT_LOSS = FULL - POINTS[LOSS]
WITHOUT_STEP = FULL - POINTS["rnn_step_forward"] - POINTS["rnn_step_backward"]
"""A backward step reads the cache of its forward step, so it is lost with it."""

WRONG = {
    "rnn_step_forward": "(x, prev_h, Wx, Wh, b):\n    return 0.5 * np.ones(prev_h.shape), None",
    "rnn_step_backward": "(dnext_h, cache):\n    return tuple(0.5 * np.ones(k) for k in range(5))",
    "rnn_forward": "(x, h0, Wx, Wh, b):\n    return 0.5 * np.ones((*x.shape[:2], len(b))), None",
    "rnn_backward": "(dh, cache):\n    return tuple(0.5 * np.ones(k) for k in range(5))",
    "temporal_affine_forward": "(x, w, b):\n    return np.ones((*x.shape[:2], len(b))), None",
    "temporal_affine_backward": "(dout, cache):\n    return np.ones(2), np.ones(3), np.ones(4)",
    "temporal_softmax_loss": "(x, y, mask):\n    return 0.5, 0.5 * np.ones(x.shape)",
    "numerical_gradient": "(f, x, df, h=1e-5):\n    return 0.5 * np.ones(np.shape(x))",
}
"""Stubs that return numbers of a plausible form, all of them wrong: they must get 0."""


@dataclass(frozen=True)
class Case:
    """One submission of the corpus.

    Attributes:
        just: the lowest and the highest mark that a right grader gives.
        status: what the result must be.
        says: a piece of text that some note or message must hold.
        seconds: how long grading may take with the limits as they are.
        stock: also run by stock nbgrader (what aims at this grader alone means nothing there).
        student: the name of the folder, where the case is about that.
    """

    name: str
    group: str
    text: str
    build: Callable[[Handin], None]
    just: tuple[float, float]
    status: str
    says: str
    seconds: float
    stock: bool
    student: str


CASES: dict[str, Case] = {}


def case(
    just: float | tuple[float, float] = FULL,
    *,
    status: str = "graded",
    says: str = "",
    seconds: float = 30.0,
    stock: bool = True,
    student: str = "",
) -> Callable[[Callable[[Handin], None]], Callable[[Handin], None]]:
    """Enter a function into :data:`CASES`; see :class:`Case`."""

    def enter(build: Callable[[Handin], None]) -> Callable[[Handin], None]:
        name = build.__name__
        assert name not in CASES, f"two cases are called {name}"
        assert build.__doc__, f"{name} does not say what it does"
        low, high = just if isinstance(just, tuple) else (just, just)
        CASES[name] = Case(
            name=name,
            group=build.__module__.rpartition(".")[2],
            text=" ".join(build.__doc__.split()),
            build=build,
            just=(float(low), float(high)),
            status=status,
            says=says,
            seconds=seconds,
            stock=stock,
            student=student or name,
        )
        return build

    return enter


@lru_cache(maxsize=1)
def solutions() -> dict[str, str]:
    """The source of the right answers, without nbgrader's markers."""
    return {
        name: "\n".join(
            line
            for line in source.solution_cell(ASSIGNMENT, name).source.splitlines()
            if not line.strip().startswith("### ")
        )
        for name in POINTS
    }


class Handin:
    """A submission in the making.

    Attributes:
        notebook: the nbformat dict, at first the release.
        name: the notebook's file name; None for no notebook.
        raw: the bytes of the file, if they are not the notebook's JSON.
        files: more files of the folder, by name.
        actions: called with the folder once everything is written (links, pipes, modes).
        port: of a listener on 127.0.0.1 that notes every connection.
        others: folder in which the submissions of other students lie.
    """

    def __init__(self, release: dict[str, Any], port: int = 9, others: str = "/nowhere"):
        self.notebook = copy.deepcopy(release)
        self.name: str | None = f"{ASSIGNMENT}.ipynb"
        self.raw: bytes | None = None
        self.files: dict[str, bytes] = {}
        self.actions: list[Callable[[Path], None]] = []
        self.port = port
        self.others = others

    # --- cells ------------------------------------------------------------------------------------

    @property
    def cells(self) -> list[dict[str, Any]]:
        return self.notebook["cells"]

    def cell(self, grade_id: str) -> dict[str, Any]:
        """The first cell with this grade_id."""
        return next(c for c in self.cells if meta(c).get("grade_id") == grade_id)

    def checks(self) -> list[dict[str, Any]]:
        """The check cells."""
        return [c for c in self.cells if str(meta(c).get("grade_id", "")).startswith("check_")]

    def answer(self, name: str, text: str) -> None:
        """Put ``text`` into the solution cell of an exercise."""
        self.cell(name)["source"] = textwrap.dedent(text).strip()

    def right(self, *names: str) -> None:
        """Solve these exercises, or all."""
        for name in names or POINTS:
            self.answer(name, solutions()[name])

    def wrong(self, *names: str) -> None:
        """Give wrong numbers in these exercises, or in all."""
        for name in names or POINTS:
            self.answer(name, f"def {name}{WRONG[name]}")

    def inside(self, name: str, code: str, solve: bool = True) -> None:
        """Solve an exercise (or not) with ``code`` at the start of every call.

        ``code`` finds the arguments in ``args``; it may return a result of its own.
        """
        text = solutions()[name] if solve else f"def {name}{WRONG[name]}"
        text = text.replace(f"def {name}(", f"def inner_{name}(")
        body = textwrap.indent(textwrap.dedent(code).strip(), "    ")
        call = f"    return inner_{name}(*args, **kwargs)"
        self.answer(name, f"{text}\n\n\ndef {name}(*args, **kwargs):\n{body}\n{call}")

    def wrapped(self, name: str, code: str) -> None:
        """Solve an exercise under the name ``inner``; ``code`` makes the asked function of it."""
        text = solutions()[name].replace(f"def {name}(", f"def inner_{name}(")
        code = textwrap.dedent(code).strip().replace("inner", f"inner_{name}")
        self.answer(name, f"{text}\n\n\n{code}")

    def own(self, code: str, where: str = "end", cell_type: str = "code") -> dict[str, Any]:
        """Add a cell of the student's own at the ``start``, the ``end`` or below a cell."""
        made: dict[str, Any] = {
            "cell_type": cell_type,
            "id": f"own-{len(self.cells)}",
            "metadata": {},
            "source": textwrap.dedent(code).strip(),
        }
        if cell_type == "code":
            made |= {"execution_count": None, "outputs": []}
        place = {"start": 0, "end": len(self.cells)}.get(where)
        if place is None:
            place = self.cells.index(self.cell(where)) + 1
        self.cells.insert(place, made)
        return made

    # --- files ------------------------------------------------------------------------------------

    def link(self, name: str, target: str) -> None:
        """A symbolic link in the folder."""
        self.actions.append(lambda folder: os.symlink(target, folder / name))

    def data(self) -> bytes:
        """The bytes of the notebook file."""
        if self.raw is not None:
            return self.raw
        return json.dumps(self.notebook, indent=1).encode()

    def write(self, folder: Path) -> None:
        """Write the submission to ``folder``, which is made."""
        folder.mkdir(parents=True)
        if self.name is not None:
            (folder / self.name).write_bytes(self.data())
        for name, data in self.files.items():
            (folder / name).write_bytes(data)
        for action in self.actions:
            action(folder)


def meta(cell: dict[str, Any]) -> dict[str, Any]:
    """nbgrader's metadata of a cell; nothing if it is of an odd form."""
    found = cell.get("metadata") if isinstance(cell, dict) else None
    found = found.get("nbgrader") if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}
