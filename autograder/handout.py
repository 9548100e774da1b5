"""What students of an assignment receive through a learning platform: one zip file."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from autograder import source, terms
from autograder.course import Course, write_atomic
from autograder.leaks import find_leaks
from autograder.release import ReleaseError

README = """\
{assignment}

{assignment}.ipynb   the notebook in which you work
checks.npz           what its checks compare with; leave it beside the notebook

1. Start Jupyter in this folder, with the package `unrolled` of the course installed.
2. Write your answers into the cells that ask for them. Run a check after each.
3. Before you hand in:  course check {assignment}.ipynb
   It runs the notebook from the top in a fresh process and lists what is missing.
4. Hand in {assignment}.ipynb, under this name, and nothing else.
{due}"""

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The date of every member: equal files make an equal zip file."""


def zip_bytes(members: Mapping[str, bytes]) -> bytes:
    """A zip file of ``members`` by path. Equal members make equal bytes, on any machine."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, EPOCH)
            info.create_system, info.external_attr = 3, 0o100644 << 16
            archive.writestr(info, data)
    return buffer.getvalue()


def write_handout(course: Course, assignment: str, folder: Path) -> Path:
    """Write ``grading/handout/<assignment>.zip`` from a release.

    Args:
        folder: the released assignment, as :func:`autograder.release.release` returns it.

    Raises:
        ReleaseError: something private is in it; nothing is then written.
        TermsError: the due dates cannot be read.
    """
    notebook, checks = f"{assignment}.ipynb", "checks.npz"
    members = {f"{assignment}/{name}": (folder / name).read_bytes() for name in (notebook, checks)}
    members[f"{assignment}/README.txt"] = readme(course, assignment).encode()
    data = zip_bytes(members)
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch, f"{assignment}.zip").write_bytes(data)
        if leaks := find_leaks(Path(scratch), assignment, course):
            raise ReleaseError("The zip file is refused, it would give away: " + "; ".join(leaks))
    path = course.grading / "handout" / f"{assignment}.zip"
    write_atomic(path, data)
    return path


def readme(course: Course, assignment: str) -> str:
    """The text beside the notebook, with the due date if there is one."""
    dates = terms.read_terms(course, source.assignments())
    due = dates.due.get(assignment) if dates else None
    when = f"\nDue: {due:%Y-%m-%d %H:%M} UTC\n" if due else ""
    return README.format(assignment=assignment, due=when)
