"""What a hand-in of a notebook file would lack, seen from the file and the release.

Most students work in the folder that they received, so what should be the release is often their
own notebook. nbgrader wrote a checksum into every cell that it made: with these it is known which
cells are as they were released, also where no untouched release is left.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from autograder.sanitize import MAX_FILE, Cell, Submission, sanitize
from unrolled.exercise import load as load_exercises

# --- reading --------------------------------------------------------------------------------------


def marking(cell: dict[str, Any]) -> dict[str, Any]:
    """What nbgrader wrote into a cell about itself, empty if nothing."""
    metadata = cell.get("metadata")
    own = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    return own if isinstance(own, dict) else {}


def grade_id(cell: dict[str, Any]) -> str:
    name = marking(cell).get("grade_id")
    return name if isinstance(name, str) else ""


def read(raw: bytes) -> dict[str, Any]:
    """The notebook in the bytes of a file that :func:`sanitize` could read."""
    text = raw.decode(json.detect_encoding(raw), "replace")
    return json.loads(text, parse_int=lambda digits: int(digits[:15]))  # Python refuses long ones


def cells_of(raw: bytes) -> list[dict[str, Any]]:
    """The cells of the file, each with its text as ``source``; old formats keep them in sheets."""
    notebook = read(raw)
    sheets = [s for s in notebook.get("worksheets") or [] if isinstance(s, dict)]
    cells = notebook.get("cells") or [cell for s in sheets for cell in s.get("cells") or []]
    return [cell | {"source": text_of(cell)} for cell in cells if isinstance(cell, dict)]


def text_of(cell: dict[str, Any]) -> str:
    text = cell.get("source", cell.get("input", ""))
    parts = text if isinstance(text, list) else [text]
    return "".join(p for p in parts if isinstance(p, str))


def code_cells(raw: bytes) -> list[tuple[dict[str, Any], str]]:
    """The code cells of the file with their text."""
    return [(c, c["source"]) for c in cells_of(raw) if c.get("cell_type") == "code"]


# --- what is as it was released -------------------------------------------------------------------


def checksum(cell: dict[str, Any]) -> str:
    """nbgrader's checksum of a cell; without nbgrader, which takes seconds to import."""
    own = marking(cell)
    parts = [cell["source"], cell.get("cell_type", "")]
    parts += [str(bool(own.get(key, False))) for key in ("grade", "solution", "locked")]
    parts.append(grade_id(cell))
    if own.get("grade"):
        parts.append(str(float(own.get("points", 0))))
    return hashlib.md5("".join(parts).encode("utf-8", "replace")).hexdigest()


def changed(cells: Iterable[dict[str, Any]]) -> set[str]:
    """The cells of the release whose text is not the one that their checksum was made of."""
    return {grade_id(c) for c in cells if grade_id(c) and marking(c).get("checksum") != checksum(c)}


def submission_of(raw: bytes, release: Path) -> Submission:
    """What the grader would make of the bytes of a notebook file.

    Args:
        release: the released notebook, or what became of it if the student worked in it.
    """
    try:
        cells = cells_of(release.read_bytes())
        if not changed(cells):
            return sanitize(raw, {"cells": cells})
        own = cells_of(raw)
    except (ValueError, RecursionError, AttributeError):  # then it says why it cannot be read
        return sanitize(raw, {"cells": []})
    return without_release(raw, own)


def without_release(raw: bytes, cells: list[dict[str, Any]]) -> Submission:
    """The same where no untouched release is left: the cells of the file itself stand for it."""
    known = [c for c in cells if grade_id(c) or free(c)]
    other = changed(known)
    clean = sanitize(raw, {"cells": known})
    answers = ("solution", "written")
    made = tuple(
        replace(c, untouched=c.name not in other) if c.kind in answers else c for c in clean.cells
    )
    locked = [c.name for c in made if c.kind in ("locked", "check") and c.name in other]
    notes = [f"Locked cells have been changed: {', '.join(locked)}."] if locked else []
    return replace(clean, cells=made, notes=(*clean.notes, *notes))


def free(cell: dict[str, Any]) -> bool:
    metadata = cell.get("metadata")
    own = metadata.get("unrolled") if isinstance(metadata, dict) else None
    return isinstance(own, dict) and isinstance(own.get("free"), str)


# --- what would be missing ------------------------------------------------------------------------


def missing_at_hand_in(
    submission: Submission, raw: bytes, notebook: Path, assignment: str, checks: Path
) -> Iterator[str]:
    """Sentences about what a hand-in of this file would lack."""
    names = {c.name for c in submission.cells}
    lost = [n for e in load_exercises(assignment) for n in (e, f"check_{e}") if n not in names]
    if lost:
        yield f"Cells are missing, which the grader puts back as they were: {', '.join(lost)}."
    if open_ := untouched(submission.cells, "solution"):
        yield f"Not solved yet: {', '.join(open_)}."
    if empty := untouched(submission.cells, "written"):
        yield f"Nothing is written yet in: {', '.join(empty)}."
    if notebook.name != f"{assignment}.ipynb":
        yield f"The file is called {notebook.name}; hand it in as {assignment}.ipynb."
    beside = notebook.resolve().parent / "checks.npz"
    if not beside.is_file():
        yield "checks.npz is not beside the notebook, so the checks in it cannot run."
    elif beside.read_bytes() != checks.read_bytes():
        yield "checks.npz beside the notebook is not the one of this release; take a fresh copy."
    if len(raw) > MAX_FILE:
        yield (
            f"The file has {len(raw) / 1e6:.0f} MB, more than the {MAX_FILE / 1e6:.0f} MB that are "
            "taken. Clear the outputs and save it again."
        )
    yield from (f"The grader will note: {note}" for note in submission.notes)
    yield from format_notes(raw)


def untouched(cells: Iterable[Cell], kind: str) -> list[str]:
    """The cells of a kind that are as they were released, or emptied."""
    return [c.name for c in cells if c.kind == kind and (c.untouched or not c.source.strip())]


def format_notes(raw: bytes) -> Iterator[str]:
    """Sentences about a kernel or a version of the format that others could not open."""
    notebook = read(raw)
    metadata = notebook.get("metadata")
    kernel = metadata.get("kernelspec") if isinstance(metadata, dict) else None
    language = kernel.get("language", "python") if isinstance(kernel, dict) else "python"
    if language != "python":
        yield f"The notebook's kernel is for {language}; choose a Python kernel and save it again."
    if notebook.get("nbformat") != 4:
        yield (
            f"The notebook's format is version {notebook.get('nbformat')}, not 4; open it in a "
            "current Jupyter and save it again."
        )
