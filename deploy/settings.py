"""What ``hub.toml`` says, and whether this machine keeps students out of what is private."""

from __future__ import annotations

import os
import pwd
import re
import sys
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

COURSE_ID = "unrolled"
"""The name of the course in the exchange; nbgrader_config.py has the same."""

PRIVATE = ("solutions", "grading", ".git")
"""Folders of the course that no student may read; the history holds the solutions, too."""

PYTHON = Path(sys.executable)
"""What runs the servers: each account must be able to start it."""

NAME = re.compile(r"[a-z_][a-z0-9_.-]*")


class SettingsError(Exception):
    """The hub cannot start like this; the message says what to change."""


@dataclass(frozen=True)
class Settings:
    """The lines of ``hub.toml``."""

    accounts: str
    course: Path
    port: int
    instructors: tuple[str, ...]
    students: tuple[str, ...]
    owner: str
    exchange: Path
    state: Path

    @property
    def separate(self) -> bool:
        """Whether people have accounts of their own."""
        return self.accounts == "system"

    @property
    def people(self) -> set[str]:
        return {*self.instructors, *self.students}


def read_settings(path: Path) -> Settings:
    """Read and check ``hub.toml``.

    With one account for all, exchange and state lie in the course's ``grading/hub``, whatever the
    file says: nothing outside the course is then written.

    Raises:
        SettingsError: the file is missing or damaged, or a line has a value that cannot be.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    names = [field.name for field in fields(Settings)]
    if missing := [name for name in names if name not in values]:
        raise SettingsError(f"{path}: {', '.join(missing)} is missing.")
    if unknown := [name for name in values if name not in names]:
        raise SettingsError(f"{path}: {', '.join(unknown)} is unknown. Known: {', '.join(names)}.")
    for name, value in values.items():
        if fault := fault_of(name, value):
            raise SettingsError(f"{path}: {name} = {value!r} {fault}")
    if both := set(values["instructors"]) & set(values["students"]):
        raise SettingsError(f"{path}: {', '.join(sorted(both))} is instructor and student.")
    course = (path.parent / values["course"]).resolve()
    if not (course / "nbgrader_config.py").is_file():
        raise SettingsError(f"{path}: course = {values['course']!r} holds no nbgrader_config.py.")
    own = values["accounts"] == "one"
    return Settings(
        accounts=values["accounts"],
        course=course,
        port=values["port"],
        instructors=tuple(values["instructors"]),
        students=tuple(values["students"]),
        owner=values["owner"],
        exchange=course / "grading/hub/exchange" if own else path.parent / values["exchange"],
        state=course / "grading/hub" if own else path.parent / values["state"],
    )


def fault_of(name: str, value: Any) -> str:
    """What is wrong with one line, "" if nothing is."""
    if name == "accounts":
        return "" if value in ("one", "system") else 'is neither "one" nor "system".'
    if name == "port":
        good = type(value) is int and 1024 <= value <= 65532
        return "" if good else "is no whole number from 1024 to 65532."
    if name in ("instructors", "students"):
        if not isinstance(value, list) or not value:
            return 'is no list of names, such as ["ada", "ben"].'
        bad = [v for v in value if not (isinstance(v, str) and NAME.fullmatch(v))]
        return f"holds what cannot be the name of an account: {bad}." if bad else ""
    return "" if isinstance(value, str) and value else "is no text."


def prepare(settings: Settings) -> None:
    """Make the folders that the hub needs, and close the private ones to everybody else.

    Raises:
        SettingsError: with separate accounts, the machine does not keep people apart.
    """
    if settings.separate:
        require_separation(settings)
    settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.exchange.mkdir(parents=True, exist_ok=True)
    # nbgrader insists on an exchange that everybody may write; the sticky bit keeps people from
    # renaming or removing what is not theirs.
    settings.exchange.chmod(0o1777)
    for folder in private_folders(settings.course):
        folder.chmod(0o700)


def private_folders(course: Path) -> list[Path]:
    return [course / name for name in PRIVATE if (course / name).is_dir()]


def require_separation(settings: Settings) -> None:
    """Look whether the accounts exist and who owns what.

    Raises:
        SettingsError: with all that has to be changed.
    """
    if os.geteuid() != 0:
        raise SettingsError('accounts = "system" needs root: the hub starts servers for others.')
    faults = []
    wanted = sorted({settings.owner, *settings.people})
    known = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}
    for name in wanted:
        if name not in known:
            faults.append(f"there is no account {name} (useradd --create-home {name})")
    if settings.owner in settings.students:
        faults.append(f"owner = {settings.owner!r} is a student")
    for folder in private_folders(settings.course):
        if settings.owner in known and folder.stat().st_uid != known[settings.owner]:
            faults.append(
                f"{folder} is not {settings.owner}'s (chown -R {settings.owner} {folder})"
            )
    for folder in (settings.course, *settings.course.parents):
        if not folder.stat().st_mode & 0o001:
            faults.append(f"students cannot go through {folder} (chmod o+x {folder})")
        elif folder.stat().st_mode & 0o1002 == 0o002:
            faults.append(f"students can replace what is in {folder} (chmod o-w {folder})")
    if closed := closed_folders(PYTHON):
        faults.append(
            f"{PYTHON} is {PYTHON.resolve()}, and others cannot go through {closed[-1]}: make "
            ".venv anew with a Python that everybody may run: rm -r .venv; "
            "make hub PYTHON=/usr/bin/python3.11"
        )
    if faults:
        raise SettingsError("The machine is not ready:\n  " + "\n  ".join(faults))


def closed_folders(path: Path) -> list[Path]:
    """The folders above a path, and above what it links to, that not everybody may go through."""
    ways = {*path.absolute().parents, *path.resolve().parents}
    return sorted(folder for folder in ways if not folder.stat().st_mode & 0o001)
