"""Submissions as Canvas, Moodle, Blackboard and Gradescope hand them out: one zip file each.

Nothing is extracted. Members are read one by one into memory, within bounds, and only under names
that a platform gives; a link, a path that climbs out, an encrypted member or one that unpacks to
more than it may is left out and named. What a student zipped once more is looked into one level.

The names of the members, as the platforms write them:

* Canvas: ``doejane_LATE_1234_56789_a1_rnn-1.ipynb`` (name, LATE or nothing, user, submission, file;
  ``-1`` for the second hand-in)
* Moodle: ``Jane Doe_1234_assignsubmission_file_/a1_rnn.ipynb`` or, flat,
  ``Jane Doe_1234_assignsubmission_file_a1_rnn.ipynb``
* Blackboard: ``gradebook_COURSE_a1_jdoe_attempt_2026-11-20-10-11-12_a1_rnn.ipynb``, with a ``.txt``
  per attempt whose first line is ``Name: Jane Doe (jdoe)``
* Gradescope: ``assignment_1_export/submission_2/a1_rnn.ipynb`` with ``submission_metadata.yml``
"""

from __future__ import annotations

import csv
import io
import lzma
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import yaml

from autograder.course import CourseError
from autograder.sanitize import MAX_FILE

MAX_MEMBERS = 100_000
MAX_TOTAL = 2_000_000_000
"""Bytes of all members together that are held in memory: 800 students with 2.5 MB each."""

MAX_WITHIN = 100_000_000
"""Bytes of all members of a zip file that one student handed in, as of a folder."""

DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, OSError, ValueError, RuntimeError),
)
"""What reading a damaged zip file raises; some of them are not documented."""

READ = (".ipynb", ".zip", ".txt", ".yml")
"""What is looked at: notebooks, what may hold one, and what the platforms say about them."""

CANVAS = re.compile(
    r"^(?P<name>[^_/]+)_(?:(?P<late>LATE)_)?(?P<user>\d+)_(?P<submission>\d+)_(?P<file>[^/]+)$"
)
MOODLE = re.compile(
    r"^(?:.*/)?(?P<name>[^/]+)_(?P<user>\d+)_assignsubmission_file(?:_?/|_)(?P<file>.+)$"
)
BLACKBOARD = re.compile(
    r"^(?:.*/)?(?P<head>[^/]+)_attempt_(?P<when>\d{4}(?:-\d\d){5})(?:_(?P<file>[^/]+)|(?P<about>\.txt))$"
)
GRADESCOPE = re.compile(r"^(?:.*/)?(?P<submission>submission_\d+)/(?P<file>.+)$")
METADATA = "submission_metadata.yml"


class ZipError(CourseError):
    """A zip file that cannot be used; the message says why."""


@dataclass(frozen=True)
class Handed:
    """One file of one student, as a platform hands it out.

    Attributes:
        key: what the platform calls the student: a login or a number with the name.
        names: everything by which a roster may know the student.
        file: name of the file as it was handed in, in any folder.
        when: time of the hand-in, as far as it is known, for example ``2026-11-20T10:11:12``.
        attempt: number of the hand-in where times are not known; a larger one is newer.
        late: the platform marked it so.
        member: path in the platform's zip file, from which it knows the student again.
    """

    key: str
    names: tuple[str, ...]
    file: str
    data: bytes
    when: str = ""
    attempt: int = 0
    late: bool = False
    member: str = ""


@dataclass
class Contents:
    """What a zip file holds: the files of students, and sentences about what was left out."""

    platform: str
    files: list[Handed] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def read_zip(path: Path) -> Contents:
    """Read a platform's zip file.

    Raises:
        ZipError: it is no zip file, holds too much, or is of no known platform.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            left_out: list[str] = []
            members = dict(_members(archive, left_out))
    except FileNotFoundError:
        raise ZipError(f"There is no file {path}.") from None
    except DAMAGED as error:
        raise ZipError(f"{path} cannot be read as a zip file: {error}.") from error
    contents = _platform(members)
    if contents is None:
        raise ZipError(
            f"{path} holds no names as Canvas, Moodle, Blackboard or Gradescope write them. For "
            "another source unpack it yourself into <student>/ folders and collect that folder."
        )
    contents.left_out = left_out
    contents.files = list(_unpacked(contents.files, left_out))
    return contents


def _members(
    archive: zipfile.ZipFile, left_out: list[str], within: str = "", room: int = MAX_TOTAL
) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every member that may be read."""
    infos = archive.infolist()
    if len(infos) > MAX_MEMBERS:
        raise ZipError(f"The zip file has {len(infos):,} members, more than {MAX_MEMBERS:,}.")
    left = room
    for info in infos:
        if info.is_dir() or not info.filename.lower().endswith(READ):
            continue
        name = unicodedata.normalize("NFC", info.filename)
        shown = within + _shown(name)
        if reason := _refusal(info):
            left_out.append(f"{shown}: {reason}.")
            continue
        try:
            with archive.open(info) as member:
                data = member.read(MAX_FILE + 1)
        except DAMAGED as error:
            left_out.append(f"{shown}: damaged ({error}).")
            continue
        if len(data) > MAX_FILE:
            left_out.append(f"{shown}: more than {MAX_FILE // 1_000_000} MB when unpacked.")
            continue
        left -= len(data)
        if left < 0:
            raise ZipError(f"The zip file unpacks to more than {room // 10**6:,} MB.")
        yield name, data


def _refusal(info: zipfile.ZipInfo) -> str:
    """Why a member is not read, "" if it may be."""
    parts = info.filename.replace("\\", "/").split("/")
    if info.filename.startswith(("/", "\\")) or ".." in parts or re.match(r"^[A-Za-z]:", parts[0]):
        return "a path that leads out of the zip file"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "a link"
    if info.flag_bits & 1:
        return "encrypted"
    if info.file_size > MAX_FILE:
        return f"more than {MAX_FILE // 1_000_000} MB when unpacked"
    return ""


def _shown(name: str) -> str:
    text = "".join(c if c.isprintable() else "?" for c in name)
    return text if len(text) <= 100 else f"{text[:97]}..."


# --- whose a member is ----------------------------------------------------------------------------


def _platform(members: Mapping[str, bytes]) -> Contents | None:
    """The files by student, by the platform whose names fit; None if none does."""
    for name, read in (
        ("Gradescope", _gradescope),
        ("Moodle", _moodle),
        ("Blackboard", _blackboard),
        ("Canvas", _canvas),
    ):
        if files := read(members):
            return Contents(name, files)
    return None


def _canvas(members: Mapping[str, bytes]) -> list[Handed]:
    found = []
    for path, data in members.items():
        if not (m := CANVAS.match(path.rsplit("/", 1)[-1])):
            continue
        again = re.search(r"-(\d+)(?=\.[^.]+$)", m["file"])
        found.append(
            Handed(
                key=f"{m['name']}-{m['user']}",
                names=(m["user"], m["name"]),
                file=m["file"],
                data=data,
                attempt=int(again[1]) if again else 0,
                late=m["late"] is not None,
                member=path,
            )
        )
    return found


def _moodle(members: Mapping[str, bytes]) -> list[Handed]:
    return [
        Handed(
            key=f"{m['name']}-{m['user']}",
            names=(m["user"], f"Participant {m['user']}", m["name"]),
            file=m["file"],
            data=data,
            member=path,
        )
        for path, data in members.items()
        if (m := MOODLE.match(path))
    ]


def _blackboard(members: Mapping[str, bytes]) -> list[Handed]:
    matches = {path: m for path in members if (m := BLACKBOARD.match(path))}
    logins = {}  # by what stands before "_attempt_": the login may hold underscores itself
    for path, m in matches.items():
        if m["about"]:
            text = members[path].decode("utf-8", "replace")
            if said := re.search(r"^Name:\s*(.*?)\s*\(([^()\s]+)\)\s*$", text, re.MULTILINE):
                logins[m["head"]] = said[2], said[1]
    found = []
    for path, m in matches.items():
        if m["about"]:
            continue
        login, name = logins.get(m["head"], (m["head"].rsplit("_", 1)[-1], ""))
        date, time = m["when"][:10], m["when"][11:].replace("-", ":")
        found.append(
            Handed(
                key=login,
                names=tuple(n for n in (login, name) if n),
                file=m["file"],
                data=members[path],
                when=comparable_time(f"{date}T{time}"),
                member=path,
            )
        )
    return found


def _gradescope(members: Mapping[str, bytes]) -> list[Handed]:
    about = next((data for p, data in members.items() if p.rsplit("/", 1)[-1] == METADATA), None)
    if about is None:
        return []
    try:
        metadata = yaml.safe_load(about.decode("utf-8", "replace"))
    except yaml.YAMLError as error:
        raise ZipError(f"{METADATA} cannot be read: {error}.") from error
    found = []
    for path, data in members.items():
        m = GRADESCOPE.match(path)
        entry = metadata.get(m["submission"]) if m and isinstance(metadata, dict) else None
        if not isinstance(entry, dict):
            continue
        created = entry.get(":created_at", "")
        when = comparable_time(str(created))
        for person in entry.get(":submitters") or []:  # each of a group gets the file
            names = [str(person.get(k) or "") for k in (":sid", ":email", ":name")]
            key = next((n for n in names if n), m["submission"])
            found.append(
                Handed(key, tuple(filter(None, names)), m["file"], data, when, member=path)
            )
    return found


def comparable_time(text: str) -> str:
    """A time as ``2026-11-20T10:11:12``, in UTC if the text names a zone; "" for what is none."""
    text = text.strip().replace(" UTC", "+00:00")
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return ""
    if offset := when.utcoffset():
        when -= offset
    return when.replace(tzinfo=None, microsecond=0).isoformat()


def _unpacked(files: list[Handed], left_out: list[str]) -> Iterator[Handed]:
    """The files; for a zip file that a student handed in, what is in it."""
    for file in files:
        if not file.file.lower().endswith(".zip"):
            yield file
            continue
        try:
            with zipfile.ZipFile(io.BytesIO(file.data)) as archive:
                where = f"{file.key}: {_shown(file.file)}/"
                inner = list(_members(archive, left_out, where, MAX_WITHIN))
        except (*DAMAGED, ZipError) as error:
            left_out.append(f"{file.key}: {_shown(file.file)} cannot be unpacked ({error}).")
            continue
        for name, data in inner:
            yield replace(file, file=name, data=data)


# --- the roster -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Roster:
    """Who is who: the id in this course by everything that a platform may call a student."""

    ids: Mapping[str, str]
    path: Path | None = None

    def find(self, names: tuple[str, ...]) -> str | None:
        """The student's id, None if nobody is called so."""
        return next((self.ids[k] for n in names if (k := _folded(n)) in self.ids), None)


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def read_roster(path: Path) -> Roster:
    """Read a CSV file with a column ``id`` and any others (name, email, login, canvas, moodle...).

    Every value of a row stands for the student of that row, unless two rows have it.

    Raises:
        CourseError: there is no column ``id``, or an id stands twice.
    """
    if not path.is_file():
        return Roster({})
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    ids: dict[str, str] = {}
    doubled: set[str] = set()
    seen: dict[str, int] = {}
    for number, row in enumerate(rows, 2):
        student = (row.get("id") or "").strip()
        if not student:
            raise CourseError(f"{path}, line {number}: the column `id` is empty or missing.")
        if student in seen:
            raise CourseError(
                f"{path}, line {number}: {student} stands in line {seen[student]} too."
            )
        seen[student] = number
        for value in row.values():
            key = _folded(value) if isinstance(value, str) else ""
            if key and ids.setdefault(key, student) != student:
                doubled.add(key)
    return Roster({k: v for k, v in ids.items() if k not in doubled}, path)
