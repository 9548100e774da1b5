"""Builds the book: `course build`, `make book`."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from autograder.course import CourseError

ROOT = Path(__file__).resolve().parent.parent

# Jupyter Book's own command, in the environment that runs this.
_JUPYTER_BOOK = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()"]
_COLORS = re.compile(r"\x1b\[[0-9;]*m")
_PROBLEM = re.compile(r"\b(WARNING|ERROR|CRITICAL)\b: |^\S*(Error|Exception): |^Extension error")
_STEP = re.compile(r"^(reading sources|writing output)\.\.\. \[ *(\d+)%\] (.+)$")
_EXECUTED = re.compile(r"^(.+): Executing notebook")


class BookError(CourseError):
    """The book was not built, or not without a warning; the message says what failed."""


def build_book(out: Path | None = None, strict: bool = True) -> Path:
    """Build the book's HTML and return the folder with its `index.html`.

    Pages whose cells and whose package have not changed come from the cache, all else is run.

    Args:
        out: folder that gets `_build/html`; by default the repository.
        strict: a warning fails the build (at its end, so that all are seen), as does a reference
            to nothing. Otherwise only what stops Sphinx does.

    Raises:
        BookError: with the warnings and errors of the build, and where its whole log is.
    """
    build = (out or ROOT).resolve() / "_build"
    pages = build / "html"
    shutil.rmtree(pages, ignore_errors=True)  # or pages that no longer exist would stay
    build.mkdir(parents=True, exist_ok=True)
    log = build / "book.log"
    options = ["-W", "-n", "--keep-going"] if strict else []
    command = [*_JUPYTER_BOOK, "build", str(ROOT / "book"), "--all", *options]
    command += ["--path-output", str(build.parent)]
    problems = _run(command, log)
    if problems:
        raise BookError("\n".join(["The book was not built:", *problems, f"Whole log: {log}"]))
    return pages


def _run(command: list[str], log: Path) -> list[str]:
    """Run the build, show how far it is, and return what went wrong (nothing: it went well)."""
    print("Building the book (the first time, each page's code runs: some minutes)", flush=True)
    problems: list[str] = []
    with (
        log.open("w", encoding="utf-8") as record,
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        ) as process,
    ):
        for line in _lines(process):
            record.write(line + "\n")
            _show(line)
            if _PROBLEM.search(line) and line not in problems:
                problems.append(line)
    if process.returncode == 0:
        return []
    return problems or [f"Jupyter Book ended with status {process.returncode}"]


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    """The lines of the process's output as they come, without colours."""
    for line in process.stdout:
        yield from (_COLORS.sub("", part).rstrip() for part in line.split("\r"))


def _show(line: str) -> None:
    if match := _EXECUTED.match(line):
        print(f"        running {Path(match[1]).name}", flush=True)
    elif match := _STEP.match(line):
        verb = "read" if match[1].startswith("reading") else "wrote"
        print(f"  {int(match[2]):3d}%  {verb} {match[3]}", flush=True)


def _environment() -> dict[str, str]:
    """Lets the pages' kernels start in this environment, not in one installed elsewhere."""
    beside = str(Path(sys.executable).parent)
    return {
        "OMP_NUM_THREADS": "1",  # the models are small: more threads only wait for each other
        **os.environ,
        "PATH": os.pathsep.join([beside, os.environ.get("PATH", "")]),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "PYTHONUNBUFFERED": "1",
    }
