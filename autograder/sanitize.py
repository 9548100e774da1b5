"""From a submitted folder to the cells that are run: only source text survives.

A submission is read as bytes, once, without following links. From the bytes come the student's
sources; everything else of the notebook (ids, tags, metadata, outputs, attachments, kernel,
schema versions) decides at most *where* a source belongs and is then dropped. Locked cells are
always those of the release. What had to be repaired is said in notes, one sentence each.
"""

from __future__ import annotations

import ast
import codecs
import difflib
import hashlib
import itertools
import json
import os
import re
import stat
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from autograder.results import Status

MAX_FILE = 20_000_000
"""Bytes of a notebook: plots take a few million, text never does."""
MAX_CELL = 1_000_000
"""Characters of one cell: the longest honest ones have some ten thousand."""
MAX_OWN = 4_000_000
"""Characters of all cells that the student added."""
MAX_CELLS = 2_000
"""Cells of a notebook: a long honest one has two hundred."""
MAX_PARSED = 300_000
"""Characters of a notebook that are parsed, at 2 s per million; then ``def`` lines are sought."""
MAX_ENTRIES = 1_000
"""Files of a folder that are looked at."""

Kind = Literal["locked", "check", "solution", "written", "free", "own"]


@dataclass(frozen=True)
class RawSubmission:
    """A submission as it lies on the disk. ``data`` is None if there is nothing to read."""

    data: bytes | None
    status: Status
    notes: tuple[str, ...] = ()
    needs_human: bool = False
    timestamp: str = ""

    @property
    def hash(self) -> str:
        """The SHA-256 of the bytes, "" if there are none."""
        return "" if self.data is None else hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class Cell:
    """One cell to run or to show.

    Attributes:
        kind: "own" for a cell that the student added, else what the release says it is.
        name: grade_id of the release ("experiment" for a free cell, "" for an own one).
        cell_type: "code" or "markdown".
        source: the text; the release's for "locked" and "check".
        untouched: the student left the release's text as it was, or deleted the cell.
    """

    kind: Kind
    name: str
    cell_type: str
    source: str
    untouched: bool = False


@dataclass(frozen=True)
class Submission:
    """What is left of a submission: its cells in the order of the release.

    ``status`` is "graded" for one that can be run; then ``cells`` holds every cell of the release
    (a free cell only if the student kept it) and the student's own ones between them. Otherwise
    ``cells`` is empty. ``needs_human`` is true if a note asks for a decision.
    """

    status: Status
    cells: tuple[Cell, ...] = ()
    notes: tuple[str, ...] = ()
    needs_human: bool = False
    hash: str = ""
    timestamp: str = ""

    def named(self, kind: Kind) -> dict[str, Cell]:
        """The cells of one kind by name."""
        return {c.name: c for c in self.cells if c.kind == kind}


# --- reading the folder ---------------------------------------------------------------------------


class _Unreadable(Exception):
    """A file or notebook that cannot be used; the message is the note."""


def read_submission(folder: Path, assignment: str) -> RawSubmission:
    """Read the notebook of ``folder`` (``<student>/<assignment>``), whatever else lies there.

    ``<assignment>.ipynb`` is taken if it is there, else the only notebook, else the one with the
    most similar name, with a note. Links, pipes, devices and folders are never opened.
    """
    try:
        student = _open_folder(folder.parent)
        try:
            fd = _open_folder(folder.name, student)
        finally:
            os.close(student)
    except FileNotFoundError:
        return RawSubmission(None, "missing", ("Nothing was handed in.",), True)
    except OSError as error:
        note = f"The folder of the submission cannot be opened: {error.strerror}."
        return RawSubmission(None, "unreadable", (note,), True)
    try:
        return _read_folder(fd, assignment)
    finally:
        os.close(fd)


def _open_folder(path: str | Path, within: int | None = None) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=within)


def _read_folder(fd: int, assignment: str) -> RawSubmission:
    wanted = f"{assignment}.ipynb"
    found = set(_notebooks(fd)) | ({wanted} if _mode(wanted, fd) else set())
    notes: list[str] = []
    ranked = sorted(found, key=lambda p: (p != wanted, -name_similarity(p, assignment), p))
    for path in ranked:
        try:
            data = _read_file(fd, path, MAX_FILE)
        except _Unreadable as error:
            notes.append(str(error))
            continue
        others = len(found) - 1
        if path != wanted:
            notes.append(f'{wanted} could not be had; "{_shown(path)}" was graded.')
        elif others:
            notes.append(f"Other notebooks in the folder were not looked at ({others}).")
        doubtful = path != wanted and others > 0
        return RawSubmission(data, "graded", tuple(notes), doubtful, _timestamp(fd))
    if found:
        return RawSubmission(None, "unreadable", tuple(notes), True, _timestamp(fd))
    note = f"The folder holds no notebook; {wanted} was expected."
    return RawSubmission(None, "missing", (note,), True, _timestamp(fd))


def _notebooks(fd: int, prefix: str = "") -> Iterator[str]:
    """Paths of notebooks in a folder and its direct subfolders, whatever kind of file they are."""
    with os.scandir(fd) as entries:
        names = [entry.name for entry in itertools.islice(entries, MAX_ENTRIES)]
    for name in names:
        if name.startswith("."):
            continue
        if name.lower().endswith(".ipynb"):
            yield prefix + name
        elif not prefix and stat.S_ISDIR(_mode(name, fd)):
            try:
                below = _open_folder(name, fd)
            except OSError:
                continue
            try:
                yield from _notebooks(below, f"{name}/")
            finally:
                os.close(below)


def name_similarity(path: str, assignment: str) -> float:
    """How likely a notebook of this name is the assignment's, from 0 to 2."""
    stem = path.rsplit("/", 1)[-1][: -len(".ipynb")].lower()
    start = 1.0 if stem.startswith(assignment.lower()) else 0.0
    return start + difflib.SequenceMatcher(None, stem[:200], assignment.lower()).ratio()


def _read_file(fd: int, path: str, limit: int) -> bytes:
    """The bytes of a regular file below the folder ``fd``; no part of ``path`` may be a link."""
    shown = _shown(path)
    *folders, name = path.split("/")
    opened: list[int] = []
    try:
        for folder in folders:
            opened.append(_open_folder(folder, opened[-1] if opened else fd))
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
        opened.append(os.open(name, flags, dir_fd=opened[-1] if opened else fd))
        about = os.fstat(opened[-1])
        if not stat.S_ISREG(about.st_mode):
            raise _Unreadable(f'"{shown}" is not a regular file and was not opened.')
        with os.fdopen(os.dup(opened[-1]), "rb") as file:
            data = b"" if about.st_size > limit else file.read(limit + 1)
    except OSError as error:
        if stat.S_ISLNK(_mode(name, opened[-1] if opened else fd)):
            raise _Unreadable(f'"{shown}" is a link and was not followed.') from error
        raise _Unreadable(f'"{shown}" cannot be read: {error.strerror}.') from error
    finally:
        for number in opened:
            os.close(number)
    if about.st_size > limit or len(data) > limit:
        raise _Unreadable(
            f'"{shown}" is larger than {limit // 1_000_000} MB and was not read; '
            "clear its outputs and hand it in again."
        )
    return data


def read_regular_files(folder: Path, limit: int) -> Iterator[tuple[str, bytes | None]]:
    """Name and bytes of every file directly in a folder; None for links, pipes, folders, devices
    and files above ``limit`` bytes.

    Raises:
        OSError: the folder cannot be opened or is a link.
    """
    fd = _open_folder(folder)
    try:
        with os.scandir(fd) as entries:
            names = sorted(entry.name for entry in entries)
        for name in names:
            try:
                yield name, _read_file(fd, name, limit)
            except _Unreadable:
                yield name, None
    finally:
        os.close(fd)


def _mode(name: str, fd: int) -> int:
    try:
        return os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode
    except OSError:
        return 0


def _timestamp(fd: int) -> str:
    """What nbgrader's exchange wrote into ``timestamp.txt``, "" if that cannot be read."""
    try:
        return _read_file(fd, "timestamp.txt", 100).decode("ascii").strip()
    except (_Unreadable, UnicodeDecodeError):
        return ""


def _shown(name: str) -> str:
    """A name from a student's disk, fit to be printed."""
    text = "".join(c if c.isprintable() else "?" for c in name)
    return text if len(text) <= 80 else f"{text[:77]}..."


# --- from bytes to the student's cells ------------------------------------------------------------


@dataclass
class _Given:
    """A cell as it was handed in, and to which cell of the release it belongs, if to any.

    ``claims`` is the name that its metadata names; ``same`` is the release cell whose text it has.
    """

    cell_type: str
    source: str
    claims: str | None
    same: int | None = None
    home: int | None = None
    defines: frozenset[str] = field(default_factory=frozenset)


def _decode(raw: bytes, notes: list[str]) -> str:
    if not raw.strip():
        raise _Unreadable("The notebook cannot be read: the file is empty.")
    encoding = json.detect_encoding(raw[:4])
    if raw.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or (
        not encoding.startswith("utf-8")
    ):
        notes.append("The file was not plain UTF-8 and has been converted.")
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        notes.append("Some characters of the file could not be read and are shown as �.")
        return raw.decode(encoding, "replace")


def _parse(raw: bytes, notes: list[str]) -> list[Any]:
    """The cells of a notebook as JSON values; only their being a list is certain."""
    text = _decode(raw, notes)
    try:
        # Numbers decide nothing, and Python refuses to read very long ones.
        notebook = json.loads(text, parse_int=len, parse_float=len, parse_constant=len)
    except (RecursionError, MemoryError) as error:
        raise _Unreadable("The notebook cannot be read: it is nested too deeply.") from error
    except ValueError as error:
        line = getattr(error, "lineno", 0)
        raise _Unreadable(
            f"The notebook cannot be read: the file is damaged or cut off (line {line})."
        ) from error
    if not isinstance(notebook, dict):
        raise _Unreadable("The notebook cannot be read: the file is no notebook.")
    cells = notebook.get("cells")
    if cells is None and isinstance(sheets := notebook.get("worksheets"), list):
        notes.append("The notebook had an old format and has been converted.")
        lists = [s.get("cells") for s in sheets if isinstance(s, dict)]
        cells = [cell for found in lists if isinstance(found, list) for cell in found]
    if not isinstance(cells, list):
        raise _Unreadable("The notebook cannot be read: it has no list of cells.")
    return cells


def _text(value: Any) -> str:
    """A cell's source, whatever it is, as text that can be encoded."""
    if isinstance(value, list):
        value = "".join(part for part in value if isinstance(part, str))
    if not isinstance(value, str):
        value = ""
    return value.encode("utf-8", "replace").decode()


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _given(raw_cells: list[Any], notes: list[str]) -> list[_Given]:
    cells, odd, long = [], 0, 0
    for raw in raw_cells[:MAX_CELLS]:
        if not isinstance(raw, dict):
            odd += 1
            continue
        cell_type = raw.get("cell_type")
        source = _text(raw.get("source", raw.get("input")))
        if cell_type == "heading":  # nbformat 3
            source = f"# {source}"
        if len(source) > MAX_CELL:
            long += 1
            source = ""
        claims = _at(raw, "metadata", "nbgrader", "grade_id")
        free = _at(raw, "metadata", "unrolled", "free")
        name = next((c for c in (claims, free) if isinstance(c, str)), None)
        kind = cell_type if cell_type in ("code", "raw") else "markdown"
        cells.append(_Given(kind, source, name))
    if odd:
        notes.append(f"Entries that are no cells were left out ({odd}).")
    if long:
        notes.append(f"Cells of more than {MAX_CELL:,} characters were emptied ({long}).")
    if len(raw_cells) > MAX_CELLS:
        notes.append(f"Only the first {MAX_CELLS:,} cells were looked at.")
    return cells


# --- what a cell defines --------------------------------------------------------------------------


def defined_names(source: str, *, parse: bool = True, code: bool = True) -> frozenset[str]:
    """Names that ``source`` defines at top level: functions, classes, assigned names.

    Source that does not parse (a syntax error, a magic), or need not be parsed, is searched for
    lines that start a definition, unless ``code`` is false: prose that happens to hold such a line
    defines nothing.
    """
    if parse:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return frozenset(_bound(ast.parse(source).body))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            pass
    if not code:
        return frozenset()
    pattern = r"^(?:async[ \t]+def|def|class)[ \t]+(\w+)|^(\w+)[ \t]*=(?!=)"
    return frozenset(a or b for a, b in re.findall(pattern, source, re.MULTILINE))


def _bound(body: Iterable[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (t.id for t in targets if isinstance(t, ast.Name))
        elif isinstance(node, ast.If | ast.Try | ast.With):
            yield from _bound(node.body)


# --- putting the notebook together ----------------------------------------------------------------


def release_kind(cell: dict[str, Any]) -> tuple[Kind, str]:
    """What a cell of the release is, and its name."""
    free = _at(cell, "metadata", "unrolled", "free")
    if isinstance(free, str):
        return "free", free
    meta = _at(cell, "metadata", "nbgrader") or {}
    name = meta.get("grade_id", "")
    if meta.get("solution"):
        return ("written" if meta.get("grade") else "solution"), name
    return ("check" if meta.get("grade") else "locked"), name


def release_cells(release: dict[str, Any]) -> list[Cell]:
    """The cells of a release notebook (an nbformat dict), all untouched."""
    cells = []
    for raw in release["cells"]:
        kind, name = release_kind(raw)
        cells.append(Cell(kind, name, raw["cell_type"], _text(raw["source"]), untouched=True))
    return cells


def _normal(source: str) -> str:
    """Text without what editors change unasked: line ends and white space at them."""
    return "\n".join(line.rstrip() for line in source.splitlines()).strip()


def load_submission(folder: Path, assignment: str, release: dict[str, Any]) -> Submission:
    """Read and sanitize the submission in ``folder``; see the two functions."""
    return submission_of(read_submission(folder, assignment), release)


def submission_of(raw: RawSubmission, release: dict[str, Any]) -> Submission:
    """Sanitize what :func:`read_submission` read; its notes come first."""
    if raw.data is None:
        return Submission(raw.status, (), raw.notes, True, "", raw.timestamp)
    clean = sanitize(raw.data, release)
    return replace(
        clean,
        notes=(*raw.notes, *clean.notes),
        needs_human=raw.needs_human or clean.needs_human,
        timestamp=raw.timestamp,
    )


def sanitize(raw: bytes, release: dict[str, Any]) -> Submission:
    """The clean submission in the bytes of a notebook file. Raises for no bytes whatever.

    Args:
        raw: the file.
        release: the notebook that was released, as an nbformat dict.
    """
    notes: list[str] = []
    digest = hashlib.sha256(raw).hexdigest()
    try:
        given = _given(_parse(raw, notes), notes)
    except _Unreadable as error:
        return Submission("unreadable", (), (*notes, str(error)), True, digest)
    return replace(_Match(release_cells(release), given, notes).result(), hash=digest)


class _Match:
    """Which cell that was handed in belongs to which cell of the release.

    A cell belongs where its text stands in the release, else where its metadata says, else where
    the function that it defines is asked for. The steps of :meth:`result` are in this order, and
    each sees only what those before it have left.
    """

    def __init__(self, release: list[Cell], given: list[_Given], notes: list[str]) -> None:
        self.release = release
        self.given = given
        self.notes = notes
        self.needs_human = False
        self.index = {c.name: i for i, c in enumerate(release) if c.name}
        self.exercises = [c.name for c in release if c.kind == "solution"]
        self.answers: dict[int, _Given] = {}
        self.text: dict[int, str] = {}

    def result(self) -> Submission:
        self.match_texts()
        self.match_claims()
        self.find_solutions()
        self.find_written()
        self.find_free()
        self.report_locked()
        return Submission("graded", self.assemble(), tuple(self.notes), self.needs_human)

    def flag(self, note: str) -> None:
        self.notes.append(note)
        self.needs_human = True

    def match_texts(self) -> None:
        """Cells with the text of a release cell belong there, whatever their metadata says."""
        places: dict[str, list[int]] = {}
        for i, cell in enumerate(self.release):
            if key := _normal(cell.source):
                places.setdefault(key, []).append(i)
        taken: set[int] = set()
        copies = moved = 0
        for cell in self.given:
            where = places.get(_normal(cell.source), [])
            if not where:
                continue
            claimed = self.index.get(cell.claims or "")
            free = [i for i in where if i not in taken]
            cell.same = claimed if claimed in where else (free or where)[0]
            copies += cell.same in taken
            moved += claimed not in (None, *where)
            taken.add(cell.same)
        if moved:
            self.notes.append(f"Cells bore the ids of other cells ({moved}); their text decided.")
        if copies:
            self.notes.append(f"Copies of cells of the release were left out ({copies}).")

    def match_claims(self) -> None:
        parsed = 0
        for cell in self.given:
            cell.home = cell.same if cell.same is not None else self.index.get(cell.claims or "")
            if cell.same is None and any(name in cell.source for name in self.exercises):
                parsed += len(cell.source)
                cell.defines = defined_names(
                    cell.source, parse=parsed <= MAX_PARSED, code=cell.cell_type == "code"
                )
        if self.given and not any(c.claims in self.index for c in self.given):
            self.notes.append(
                "The notebook had lost its nbgrader metadata; cells were found by their text and "
                "by the functions that they define."
            )

    def changed(self, condition: Callable[[_Given], bool]) -> list[_Given]:
        """Cells that differ from the release, are not yet placed, and meet the condition."""
        used = {id(c) for c in self.answers.values()}
        return [c for c in self.given if c.same is None and id(c) not in used and condition(c)]

    def pick(self, name: str, found: list[_Given]) -> bool:
        """Take the last of several candidates, as running the notebook from the top would."""
        if not found:
            return False
        self.answers[self.index[name]] = found[-1]
        if len({_normal(c.source) for c in found}) > 1:
            self.flag(f"{name} is answered in {len(found)} cells; the last of them was graded.")
        return True

    def find_solutions(self) -> None:
        home = self.index
        open_ = [
            name
            for name in self.exercises
            if not self.pick(
                name, self.changed(lambda c, n=name: c.home == home[n] and n in c.defines)
            )
        ]
        self.report_second_definitions()
        open_ = [name for name in open_ if not self.find_definition(name)]
        for name in open_:
            self.pick(name, self.changed(lambda c, n=name: c.home == home[n]))
        for name in self.exercises:
            if self.answered_elsewhere(name):
                continue
            if not any(c.home == home[name] for c in self.given) and home[name] not in self.answers:
                self.notes.append(f"The cell of {name} is missing.")

    def report_second_definitions(self) -> None:
        for name in self.exercises:
            answer = self.answers.get(self.index[name])
            others = self.changed(lambda c, n=name: c.home is None and n in c.defines)
            if answer and any(_normal(c.source) != _normal(answer.source) for c in others):
                self.flag(
                    f"{name} is defined in its cell and again in an added one; "
                    "the one that stands last counts."
                )

    def find_definition(self, name: str) -> bool:
        """Look for an exercise in cells that do not claim to be it."""
        found = self.changed(lambda c: name in c.defines)
        code = [c for c in found if c.cell_type == "code"]
        if not self.pick(name, code or found):
            return False
        if any(c.claims in self.index for c in self.given):
            self.notes.append(f"{name} was found in another cell than its own.")
        if not code:
            self.notes.append(f"The cell of {name} was no code cell and has been made one.")
        return True

    def answered_elsewhere(self, name: str) -> bool:
        """Whether an exercise without an answer is defined in the answer of another one.

        Its own cell must then not put the stub over that definition.
        """
        answer = self.answers.get(self.index[name])
        if answer:
            return True
        for i, other in self.answers.items():
            if name in other.defines:
                owner = self.release[i].name
                self.text[self.index[name]] = f"# {name} is defined in the cell of {owner}."
                self.notes.append(f"{name} was found in the cell of {owner}.")
                return True
        return False

    def find_written(self) -> None:
        for i, cell in enumerate(self.release):
            if cell.kind != "written":
                continue
            if self.pick(cell.name, self.changed(lambda c, i=i: c.home == i)):
                continue
            added = self.added_text_around(i)
            if added:
                self.text[i] = "\n\n".join(c.source for c in added)
                self.notes.append(f"The answer {cell.name} was found in an added text cell.")
                for c in added:
                    c.home, c.same = i, i
            elif not any(c.home == i for c in self.given):
                self.notes.append(f"The cell of {cell.name} is missing.")

    def added_text_around(self, i: int) -> list[_Given]:
        """Added text cells between the cells that stand before and after release cell ``i``."""
        homes = [c.home for c in self.given]
        before = [p for p, h in enumerate(homes) if h is not None and h < i]
        after = [p for p, h in enumerate(homes) if h is not None and h > i]
        start = max(before, default=-1) + 1
        end = min((p for p in after if p >= start), default=len(homes))
        return [
            c
            for c in self.given[start:end]
            if c.home is None and c.cell_type != "code" and c.source.strip()
        ]

    def find_free(self) -> None:
        for i, cell in enumerate(self.release):
            here = [c for c in self.given if c.home == i]
            if cell.kind == "free" and here:
                self.answers[i] = here[-1]

    def report_locked(self) -> None:
        known = any(c.claims in self.index for c in self.given)
        changed, missing = [], 0
        for i, cell in enumerate(self.release):
            if cell.kind not in ("locked", "check"):
                continue
            here = [c for c in self.given if c.home == i]
            if any(c.same is None for c in here):
                changed.append(cell.name)
            elif not here:
                missing += 1
        if changed:
            self.notes.append(
                f"Locked cells had been changed and were put back: {', '.join(changed)}."
            )
        if missing and known:
            self.notes.append(f"Locked cells were missing and were put back ({missing}).")

    def assemble(self) -> tuple[Cell, ...]:
        own = self.own_cells()
        cells = own.get(-1, [])
        for i, cell in enumerate(self.release):
            placed = self.placed(i, cell)
            cells = [*cells, *([placed] if placed else []), *own.get(i, [])]
        return tuple(cells)

    def placed(self, i: int, cell: Cell) -> Cell | None:
        answer = self.answers.get(i)
        if cell.kind in ("locked", "check"):
            return cell
        if i in self.text:
            return replace(cell, source=self.text[i], untouched=False)
        if answer is None:
            return None if cell.kind == "free" else cell
        if cell.kind == "solution" and answer.cell_type != "code" and answer.home == i:
            self.notes.append(f"The cell of {cell.name} was no code cell and has been made one.")
        return replace(cell, source=answer.source, untouched=answer.same is not None)

    def own_cells(self) -> dict[int, list[Cell]]:
        """The student's own cells by the release cell that they follow (-1: before the first)."""
        used = {id(c) for c in self.answers.values()}
        place = {id(c): i for i, c in self.answers.items()}
        own: dict[int, list[Cell]] = {}
        at, size, dropped = -1, 0, 0
        for cell in self.given:
            if id(cell) in used:
                at = place[id(cell)]
                continue
            at = cell.home if cell.home is not None else at
            if cell.same is not None or not cell.source.strip():
                continue
            size += len(cell.source)
            if size > MAX_OWN:
                dropped += 1
                continue
            kind = "code" if cell.cell_type == "code" else "markdown"
            own.setdefault(at, []).append(Cell("own", "", kind, cell.source))
        if dropped:
            self.notes.append(
                f"Added cells beyond {MAX_OWN:,} characters were left out ({dropped})."
            )
        return own
