"""A student's process behind the wall, kept alive over crashes: first its cells, then its calls.

When a cell or a call ends the process or hangs, a fresh fork runs the cells again, the culprit
reduced to its definitions. So a crash costs the exercise it happens in, and no other.
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from autograder.definitions import definitions
from autograder.sandbox import limits
from autograder.sandbox.client import RemoteNamespace, Session, Zygote
from autograder.sanitize import Cell
from unrolled.exercise import Exercise
from unrolled.namespace import Failure, Namespace

PNG = b"\x89PNG\r\n\x1a\n"
OVER = "The notebook used up its {:.0f} s before this exercise was reached."


class Attempt:
    """One submission while it is graded.

    Attributes:
        outputs: nbformat outputs of the cells that ran, by their place in ``cells``.
        notes: what was stopped or left out, in sentences for the student.
        errors: what a named cell raised, by the name of the cell.
    """

    def __init__(self, zygote: Zygote, cells: tuple[Cell, ...], exercises: Iterable[Exercise] = ()):
        self.cells = cells
        self.outputs: dict[int, list[dict[str, Any]]] = {}
        self.notes: list[str] = []
        self.errors: dict[str, str] = {}
        self._zygote = zygote
        training = sum(e.seconds or 0.0 for e in exercises)
        self._seconds = limits.SUBMISSION_SECONDS + training
        self._deadline = time.monotonic() + self._seconds
        self._session: Session | None = None
        self._restarts = 0
        self._until: int | None = None
        # No mark depends on an experiment, which may train for long: only its definitions count.
        self._sources = {
            i: definitions(c.source) if c.kind == "free" else c.source
            for i, c in enumerate(cells)
            if c.cell_type == "code" and c.kind != "check"
        }

    def namespace(
        self,
        stand_ins: Mapping[str, Callable[..., Any]],
        until: int | None = None,
        seconds: float | None = None,
    ) -> Namespace:
        """The student's functions for one exercise, in a living process.

        Args:
            stand_ins: functions of ours that take the place of the student's of the same name.
            until: place in ``cells`` of the last cell that has run; None for all of them.
            seconds: wall time for all calls together; None for the usual limit.

        Raises:
            Failure: no process could be had within the submission's bounds.
        """
        if self._session and until != self._until:
            self._session.end()
        self._until = until
        while not (self._session and self._session.alive):
            if time.monotonic() > self._deadline:
                raise Failure("timeout", OVER.format(self._seconds))
            if self._restarts > limits.RESTARTS:
                raise Failure("error", "The code ended its process too often.")
            self._restarts += 1
            self._session = self._start()
        self._session.prepare(stand_ins)
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise Failure("timeout", OVER.format(self._seconds))
        return RemoteNamespace(self._session, min(seconds or limits.EXERCISE_SECONDS, left))

    def close(self) -> None:
        """End the process and all that it started."""
        if self._session:
            self._session.end()

    def _start(self) -> Session | None:
        """Run the cells in a fresh process; None if one of them ended it."""
        session = self._zygote.open()
        end = min(time.monotonic() + limits.CELLS_SECONDS, self._deadline)
        for i, source in self._sources.items():
            if self._until is not None and i > self._until:
                break
            left = end - time.monotonic()
            if source and left <= 0 and self.cells[i].kind == "own":
                self._reduce(i, "was left out, because the cells before it used up the time")
                source = self._sources[i]
            if source and left <= -limits.CELL_SECONDS:  # even the definitions take their time
                self._reduce(i, "was not reached within the time of all cells", nothing=True)
                source = ""
            if not source:
                continue
            seconds = min(limits.CELL_SECONDS, max(left, 1.0))
            ran = session.run_cell(source, seconds)
            self.outputs.setdefault(i, clean_outputs(ran["outputs"]))
            if ran["ended"] == "error" and self.cells[i].name:
                self.errors[self.cells[i].name] = error_text(self.outputs[i])
            if ran["ended"] == "timeout":
                self._reduce(i, f"was stopped after {seconds:.0f} s")
                ran = session.run_cell(self._sources[i], seconds)
            if ran["ended"] in ("killed", "timeout"):
                session.end()
                self._reduce(
                    i, ran.get("message", "did not stop").removeprefix("The code ").rstrip(".")
                )
                return None
        return session

    def _reduce(self, i: int, what: str, nothing: bool = False) -> None:
        """Keep of a cell only its definitions from now on; nothing if that was tried already."""
        shorter = "" if nothing else definitions(self._sources[i])
        self._sources[i] = "" if shorter == self._sources[i] else shorter
        kept = "only its definitions count" if self._sources[i] else "it does not count"
        note = f"{self._label(i)} {what}; {kept}."
        if note not in self.notes:
            self.notes.append(note)

    def _label(self, i: int) -> str:
        cell = self.cells[i]
        number = 1 + sum(c.cell_type == "code" for c in self.cells[:i])
        return f"Code cell {number}" + (f" ({cell.name})" if cell.name else " (your own)")


def clean_outputs(outputs: Any) -> list[dict[str, Any]]:
    """The outputs that a student's process reported, as valid nbformat outputs of bounded size."""
    kept = []
    room = limits.CELL_OUTPUT_BYTES
    for raw in outputs[: limits.CELL_OUTPUTS] if isinstance(outputs, list) else []:
        output = clean_output(raw, room) if isinstance(raw, dict) else None
        if output:
            room = max(room - len(str(output.get("text", ""))), 0)
            kept.append(output)
    return kept


def clean_output(raw: dict[str, Any], room: int) -> dict[str, Any] | None:
    """One output with text and PNG images only; None if nothing is left of it."""
    kind = raw.get("output_type")
    if kind == "stream":
        name = "stderr" if raw.get("name") == "stderr" else "stdout"
        return {"output_type": "stream", "name": name, "text": text_of(raw.get("text"), room)}
    if kind == "error":
        lines = raw.get("traceback")
        lines = lines if isinstance(lines, list) else []
        return {
            "output_type": "error",
            "ename": text_of(raw.get("ename"), 80),
            "evalue": text_of(raw.get("evalue"), limits.MESSAGE_CHARS),
            "traceback": [text_of(line, limits.MESSAGE_CHARS) for line in lines[:20]],
        }
    data = raw.get("data")
    if kind not in ("display_data", "execute_result") or not isinstance(data, dict):
        return None
    bundle = {}
    if is_png(data.get("image/png")):
        bundle["image/png"] = data["image/png"]
    if isinstance(data.get("text/plain"), str):
        bundle["text/plain"] = text_of(data["text/plain"], room)
    if not bundle:
        return None
    extra = {"execution_count": None} if kind == "execute_result" else {}
    return {"output_type": kind, "data": bundle, "metadata": {}, **extra}


def error_text(outputs: list[dict[str, Any]]) -> str:
    """The last error among the outputs of a cell on one line: where, its type, its text."""
    traces = [o["traceback"] for o in outputs if o["output_type"] == "error"]
    return ": ".join(" ".join(x.split()) for x in traces[-1][-2:]) if traces else "an error"


def text_of(value: Any, room: int) -> str:
    """A string of bounded length without lone surrogates (which no file could hold)."""
    text = value[:room] if isinstance(value, str) else ""
    return text.encode("utf-8", "replace").decode()


def is_png(value: Any) -> bool:
    """Whether this is base64 of something that starts like a PNG, of bounded size."""
    if not isinstance(value, str) or len(value) > limits.IMAGE_BYTES * 4 // 3:
        return False
    try:
        return base64.b64decode(value, validate=True).startswith(PNG)
    except (binascii.Error, ValueError):
        return False
