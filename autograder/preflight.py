"""Run a notebook's cells in order in a fresh process, each for a bounded time.

The process is a plain one, without a wall: this is for one's own notebook, on any system. A cell
that does not end, or ends the process, is reduced to its definitions, as the grader does it, and
all run again; if that does not help, it is left out.

Between the two processes goes one line of JSON per event. The cells come in through the standard
input; the events go out through what was the standard output before it was given to the cells.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

from autograder.course import CourseError
from autograder.definitions import definitions

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 120.0
"""Until the process is ready: torch is imported in this time on a slow disk."""
MOST_STARTS = 6
"""Processes before the run is given up: a cell that hangs costs its time and a new start."""
LABEL_CHARS = 40


@dataclass(frozen=True)
class Step:
    """One code cell to run. ``check`` names the exercise whose check it is; ``number`` counts the
    code cells of the file from 1, 0 where the cell is not in it."""

    source: str
    check: str = ""
    name: str = ""
    number: int = 0

    @property
    def label(self) -> str:
        """What the cell is called in a sentence."""
        where = f"code cell {self.number}" if self.number else "a cell"
        first = self.source.strip().partition("\n")[0].strip()
        cut = first if len(first) <= LABEL_CHARS else f"{first[: LABEL_CHARS - 3]}..."
        what = self.name or (f"`{cut}`" if cut else "")
        return f"{where} ({what})" if what else where


@dataclass(frozen=True)
class Event:
    """What came of a step: ``kind`` is "done", "error", "verdict", "hung" or "ended".

    ``text`` is the error's last line or the verdict's table, ``missing`` the name that an error
    says is not defined, ``right`` whether a verdict is "pass". ``kept`` is whether the steps after
    one that hung or ended the process run with its definitions; otherwise they run without it.
    """

    step: int
    kind: str
    text: str = ""
    missing: str = ""
    right: bool = False
    kept: bool = False


def run_steps(
    steps: list[Step], checks: Path, folder: Path, seconds: float, most: int = MOST_STARTS
) -> Iterator[Event]:
    """Run the steps in ``folder`` and yield what came of each, in their order.

    A step whose definitions do not end either, or that does not end when all run again, has a
    further event.

    Args:
        checks: the file with the expected results of the visible checks.
        seconds: for each step.
        most: processes that are started before the run is given up.

    Raises:
        CourseError: no process can be started.
    """
    given: list[Step | None] = list(steps)
    told = -1
    for _ in range(most):
        culprit = None
        for event in _run_once(given, checks, folder, seconds):
            if event.kind in ("hung", "ended"):
                culprit = event.step
                given[culprit] = _reduced(given[culprit])
                yield replace(event, kept=given[culprit] is not None)
            elif event.step > told:
                yield event
            told = max(told, event.step)
        if culprit is None:
            return


def _reduced(step: Step) -> Step | None:
    """The step with nothing but its definitions; None if that leaves nothing or changes nothing."""
    shorter = "" if step.check else definitions(step.source)
    return replace(step, source=shorter) if shorter not in ("", step.source) else None


def _run_once(
    steps: list[Step | None], checks: Path, folder: Path, seconds: float
) -> Iterator[Event]:
    """One process. The last event is "hung" or "ended" if it did not come to the end."""
    given = [s and (s.source, s.check) for s in steps]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "autograder.preflight", str(checks)],
            cwd=folder,
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=hasattr(os, "killpg"),
        )
        lines: queue.Queue[bytes] = queue.Queue()

        def read() -> None:
            for line in process.stdout:
                lines.put(line)
            lines.put(b"")

        threading.Thread(target=read, daemon=True).start()
        try:
            with suppress(OSError):  # it has ended already, which is found below
                process.stdin.write(json.dumps(given).encode())
                process.stdin.close()
            _wait_until_ready(lines, errors)
            yield from _events(lines, [i for i, g in enumerate(given) if g], seconds)
        finally:
            _kill(process)


def _wait_until_ready(lines: queue.Queue[bytes], errors: IO[bytes]) -> None:
    with suppress(queue.Empty):
        if lines.get(timeout=START_SECONDS):
            return
    errors.seek(0)
    said = errors.read().decode("utf-8", "replace").strip().splitlines()[-1:]
    raise CourseError(
        f"No Python process could be started for the notebook's cells. {' '.join(said)}".strip()
    )


def _events(lines: queue.Queue[bytes], waiting: list[int], seconds: float) -> Iterator[Event]:
    for step in waiting:
        try:
            line = lines.get(timeout=seconds)
        except queue.Empty:
            yield Event(step, "hung", f"did not end within {seconds:g} s")
            return
        if not line:
            yield Event(step, "ended", "ended the process")
            return
        yield Event(**json.loads(line))


def _environment() -> dict[str, str]:
    path = os.pathsep.join(p for p in (str(ROOT), os.environ.get("PYTHONPATH", "")) if p)
    return {**os.environ, "MPLBACKEND": "agg", "PYTHONPATH": path, "PYTHONUTF8": "1"}


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the process, and what it started where the system can tell."""
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


# --- in the other process -------------------------------------------------------------------------


def main(checks: Path) -> None:
    """Run the steps that stand on the standard input; write an event for each."""
    given = json.loads(sys.stdin.buffer.read())
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)  # what cells and their programs print is none of our lines

    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    shell = InteractiveShell.instance()
    print("{}", file=out, flush=True)
    for number, step in enumerate(given):
        if step is None:
            continue
        with capture_output():
            event = _run_step(shell, number, *step, checks)
        print(json.dumps(asdict(event)), file=out, flush=True)


def _run_step(shell: Any, number: int, source: str, check: str, checks: Path) -> Event:
    if check:
        from unrolled.check import verdict_of
        from unrolled.text import verdict_text

        try:
            verdict = verdict_of(check, shell.user_ns, checks)
        except (FileNotFoundError, ValueError) as error:
            return Event(number, "error", str(error))
        return Event(number, "verdict", verdict_text(verdict), right=verdict.outcome == "pass")
    done = shell.run_cell(source)
    error = done.error_before_exec or done.error_in_exec
    if error is None:
        return Event(number, "done")
    missing = getattr(error, "name", "") if isinstance(error, NameError) else ""
    said = str(error).strip().splitlines()
    text = f"{type(error).__name__}: {said[0] if said else ''}".rstrip(": ")
    return Event(number, "error", text, missing or "")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
