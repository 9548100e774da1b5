"""Is anything private in what students receive: solution lines, misconceptions, the secret?"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autograder import source
from autograder.course import Course

SHORTEST = 12
"""Characters, without white space, of a line that tells something."""

COMMONPLACE = r"return[\w,.]*|\w+\.append\(\w+\)|for\w+inrange\([\w.\[\]]*\):"
"""Lines that anybody writes: they tell nothing about a solution."""

PUBLIC = ("unrolled", "book", "assignments")
SKIPPED = ("_build", "_vendor", "__pycache__", ".ipynb_checkpoints")


def find_leaks(folder: Path, assignment: str, course: Course) -> list[str]:
    """What of an assignment's private lines stands in the files below ``folder``, in sentences."""
    private = private_lines(assignment)
    hidden = course.grading / "secret"
    secret = hidden.read_bytes().strip() if hidden.is_file() else b""
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        if any(part in SKIPPED for part in path.parts):
            continue
        for text in texts(path.read_bytes()):
            if secret and secret in text:
                found.append(f"{path.name} holds the secret of the hidden seeds")
            squeezed = squeeze(text.decode("utf-8", "replace").replace("\\n", "\n"))
            found += [
                f"{path.name}: {line!r} ({why})"
                for line, why in private.items()
                if line in squeezed
            ]
    return found


def find_public_leaks(root: Path, course: Course) -> list[str]:
    """The same for everything public in the repository: package, book and assignments."""
    found = []
    for assignment in source.assignments():
        for name in PUBLIC:
            found += find_leaks(root / name, assignment, course)
    return found


def public_lines(path: Path, data: bytes) -> set[str]:
    """All lines of a file without white space; of a notebook the lines of its cells and outputs."""
    text = data.decode("utf-8", "replace")
    if path.suffix == ".ipynb":
        text = "\n".join(strings(json.loads(text)))
    return {line.split("#")[0] for line in squeeze(text).splitlines()}


def strings(value: Any) -> Iterator[str]:
    """Every string in JSON data."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield "".join(v for v in value if isinstance(v, str))
        for v in value:
            yield from strings(v)
    elif isinstance(value, dict):
        for v in value.values():
            yield from strings(v)


def private_lines(assignment: str) -> dict[str, str]:
    """Lines that nobody outside may see, without white space, with the reason for each."""
    lines: dict[str, str] = {}
    given = {x for c in source.read_cells(assignment) for x in telling(stub(c.source))}
    for cell in source.read_cells(assignment):
        for line in solution_lines(cell.source):
            lines.setdefault(line, f"solution of {cell.name}")
    for m in source.load_misconceptions(assignment):
        before = source.solution_cell(assignment, m.exercise).source.splitlines()
        after = source.mutate(assignment, m).splitlines()
        for line in telling("\n".join(x for x in after if x not in before)):
            lines.setdefault(line, f"misconception {m.exercise}/{m.name}")
    return {line: why for line, why in lines.items() if line not in given}


def stub(text: str) -> str:
    """A cell without what stands between the solution marks."""
    return re.sub(r"### BEGIN SOLUTION.*?### END SOLUTION", "", text, flags=re.DOTALL)


def solution_lines(text: str) -> Iterator[str]:
    """The telling lines between the solution marks of a cell."""
    for part in re.findall(r"### BEGIN SOLUTION(.*?)### END SOLUTION", text, flags=re.DOTALL):
        yield from telling(part)


def telling(text: str) -> Iterator[str]:
    """Lines, without white space and comments, that tell something."""
    for raw in text.splitlines():
        line = squeeze(raw.split("#")[0])
        if len(line) >= SHORTEST and not re.fullmatch(COMMONPLACE, line):
            yield line


def squeeze(text: str) -> str:
    """Text without white space, so that another layout does not hide a line."""
    return re.sub(r"[^\S\n]+", "", text)


def texts(data: bytes, depth: int = 2) -> Iterator[bytes]:
    """The bytes of a file, and those of the members of an archive, also of one in an archive."""
    yield data
    if depth and zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield from texts(archive.read(name), depth - 1)
