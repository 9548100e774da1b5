"""A small release like those of the course, and submissions made from it by hand."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

EXERCISES = {"step": 4.0, "loop": 6.0, "loss": 5.0}
WRITTEN = {"in_words": 3.0}


def stub(name: str) -> str:
    text = '    """What it does."""\n    # YOUR CODE HERE\n    raise NotImplementedError()'
    return f"def {name}(x):\n{text}"


def answer(name: str, body: str = "return x + 1") -> str:
    return f"def {name}(x):\n    {body}"


def cell(cell_type: str, source: str, grade_id: str | None = None, /, **nbgrader: Any) -> dict:
    made: dict[str, Any] = {"cell_type": cell_type, "metadata": {}, "source": source}
    if grade_id is not None:
        made["metadata"]["nbgrader"] = {
            "grade": False,
            "grade_id": grade_id,
            "locked": False,
            "schema_version": 3,
            "solution": False,
            "task": False,
            **nbgrader,
        }
    if cell_type == "code":
        made |= {"execution_count": None, "outputs": []}
    return made


def make_release() -> dict:
    cells = [
        cell("markdown", "# The assignment", "text_01", locked=True),
        cell("code", "import math\nfrom unrolled import check", "setup", locked=True),
    ]
    for number, (name, points) in enumerate(EXERCISES.items(), 2):
        cells += [
            cell("markdown", f"## Write `{name}`", f"text_{number:02d}", locked=True),
            cell("code", stub(name), name, solution=True),
            cell(
                "code",
                f'check("{name}")',
                f"check_{name}",
                grade=True,
                locked=True,
                points=points,
            ),
        ]
    cells += [
        cell("markdown", "## Say it", "text_05", locked=True),
        cell("markdown", "YOUR ANSWER HERE", "in_words", grade=True, solution=True, points=3.0),
        cell("code", "print('experiment')"),
        cell("markdown", "The end.", "text_06", locked=True),
    ]
    cells[-2]["metadata"]["unrolled"] = {"free": "experiment"}
    for made in cells:
        meta = made["metadata"].get("nbgrader")
        if meta and meta["grade"]:
            meta["cell_type"] = made["cell_type"]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 4}


def find(notebook: dict, grade_id: str) -> dict:
    return next(
        c
        for c in notebook["cells"]
        if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id
    )


def position(notebook: dict, grade_id: str) -> int:
    return notebook["cells"].index(find(notebook, grade_id))


def solved(*changes: Callable[[dict], Any]) -> dict:
    """The release with every exercise and the written answer filled in, then changed further."""
    notebook = copy.deepcopy(make_release())
    for name in EXERCISES:
        find(notebook, name)["source"] = answer(name)
    find(notebook, "in_words")["source"] = "Because the chain rule sums over paths."
    for change in changes:
        change(notebook)
    return notebook


def raw(notebook: Any) -> bytes:
    return json.dumps(notebook).encode()
