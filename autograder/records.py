"""One JSON record per submission: what was graded, with which checks, with which outcome.

A record is written whole or not at all, so a run that is killed at any point goes on from the
records that are there. It holds exactly what :meth:`autograder.results.Result.to_record` gives.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from autograder.course import Course, write_atomic
from autograder.results import Result
from autograder.sanitize import RawSubmission


def record_path(course: Course, assignment: str, student: str) -> Path:
    return course.records / assignment / f"{student}.json"


def write_record(course: Course, result: Result) -> Path:
    """Write the record of ``result`` over the one before it. Equal results make equal bytes.

    Raises:
        OSError: the disk is full, the folder is not writable. The old record is then still there.
    """
    path = record_path(course, result.assignment, result.student)
    text = json.dumps(result.to_record(), indent=1, sort_keys=True, allow_nan=False)
    write_atomic(path, f"{text}\n".encode())
    return path


def read_record(course: Course, assignment: str, student: str) -> tuple[Result | None, str]:
    """The record of a submission, and a note if there is one that cannot be used.

    A damaged record counts as none: the submission is then graded again.
    """
    path = record_path(course, assignment, student)
    try:
        result = Result.from_record(json.loads(path.read_bytes()))
        if (result.student, result.assignment) != (student, assignment):
            raise ValueError("it belongs to another submission")
    except FileNotFoundError:
        return None, ""
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        reason = f"{type(error).__name__}: {error}"[:200]
        return None, f"The record {path} was damaged and is made anew ({reason})."
    return result, ""


def read_records(course: Course, assignment: str) -> dict[str, Result]:
    """All readable records of an assignment by student."""
    found = {}
    for path in sorted((course.records / assignment).glob("*.json")):
        result, _ = read_record(course, assignment, path.stem)
        if result is not None:
            found[path.stem] = result
    return found


def up_to_date(
    record: Result | None, raw: RawSubmission, bank_hash: str, current: Mapping[str, str]
) -> bool:
    """Whether grading again would ask the same questions of the same submission.

    Args:
        record: what is known from an earlier run.
        raw: the submission as it is now.
        bank_hash: of the checks as they are now (:func:`autograder.source.bank_hash`).
        current: versions of what would run it (:func:`autograder.judge.versions`).
    """
    return (
        record is not None
        and record.submission_hash == raw.hash
        and (raw.data is not None or record.status == raw.status)
        and record.notes[: len(raw.notes)] == raw.notes
        and record.bank_hash == bank_hash
        and dict(record.versions) == dict(current)
    )
