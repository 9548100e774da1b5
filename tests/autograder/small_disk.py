"""Grade a class on a disk that is really full: ``python small_disk.py COURSE DISK``.

DISK is a small file system of its own. A course with COURSE's files is graded there by a run that
finds 0, 1, 2, ... blocks free, until one finds enough. After each of them the disk gets room again
and the run is repeated; what it makes must be what a run makes that was never short of room. Prints
how the runs ended and what they said, as JSON.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import stops

from autograder.course import Course


def leave_free(disk: Path, blocks: int) -> Path:
    """Fill a disk up to ``blocks`` of 4 kB; return the file that does it."""
    filler = disk / "filler"
    with filler.open("wb") as file:
        room = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        os.posix_fallocate(file.fileno(), 0, max(room - 4096 * blocks, 1))
    return filler


def runs(before: Course, disk: Path) -> list[tuple[int, str]]:
    """How the runs ended with more and more room, the last of them well.

    Raises:
        AssertionError: a run ended otherwise than it may, or the next one made something else.
    """
    whole = stops.copy_of(before, disk / "undisturbed")
    stops.grade_here(whole)
    undisturbed = stops.state(whole)
    shutil.rmtree(whole.root)
    ended: list[tuple[int, str]] = []
    while not ended or ended[-1][0] != stops.DONE:
        course = stops.copy_of(before, disk / "course")
        filler = leave_free(disk, len(ended))
        status, told = stops.in_fork(lambda course=course: stops.grade_here(course))
        assert status in (stops.SAID, stops.DONE), (len(ended), status)
        filler.unlink()
        stops.grade_here(course)
        assert stops.state(course) == undisturbed, f"after {len(ended)} free blocks"
        shutil.rmtree(course.root)
        ended.append((status, told.replace(str(course.root), "")))
    return ended


if __name__ == "__main__":
    print(json.dumps(runs(Course(Path(sys.argv[1])), Path(sys.argv[2]))))
