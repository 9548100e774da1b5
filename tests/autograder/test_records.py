from __future__ import annotations

import dataclasses

import pytest

from autograder.course import Course
from autograder.records import read_record, read_records, record_path, up_to_date, write_record
from autograder.results import Result
from autograder.sanitize import RawSubmission
from unrolled.verdict import Match, Row, Verdict

RAW = RawSubmission(b"notebook", "graded", ("A note.",))
VERDICT = Verdict(
    "step",
    2.0,
    4.0,
    "partial",
    "next_h is off.",
    (Row("random", "next_h", "(2, 3)", 0.5, False, "is off"), Row("", "x", "", None, True)),
    (Match("transposed", "Look again.", "page.html#one", ("next_h",)),),
    (1, 2),
)
RESULT = Result(
    "alice",
    "a1",
    "graded",
    (VERDICT,),
    notes=("A note.", "Another."),
    written=("in_words",),
    submission_hash=RAW.hash,
    bank_hash="bank",
    versions={"python": "3"},
    cells=({"kind": "own"},),
)


def test_a_record_gives_back_an_equal_result_without_cells(tmp_path):
    course = Course(tmp_path)
    write_record(course, RESULT)
    got, note = read_record(course, "a1", "alice")
    assert got == dataclasses.replace(RESULT, cells=())
    assert got.cells == ()
    assert note == ""
    assert read_records(course, "a1") == {"alice": got}


def test_equal_results_make_equal_bytes(tmp_path):
    first = write_record(Course(tmp_path / "a"), RESULT).read_bytes()
    again = dataclasses.replace(RESULT, versions=dict(reversed(RESULT.versions.items())))
    assert write_record(Course(tmp_path / "b"), again).read_bytes() == first


def test_no_record(tmp_path):
    assert read_record(Course(tmp_path), "a1", "alice") == (None, "")
    assert read_records(Course(tmp_path), "a1") == {}


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"null", b"{}", b"[" * 10_000, b"\xff\xfe", b'{"student": "alice"}'],
)
def test_a_damaged_record_counts_as_none_and_says_so(tmp_path, data):
    course = Course(tmp_path)
    path = write_record(course, RESULT)
    path.write_bytes(data)
    got, note = read_record(course, "a1", "alice")
    assert got is None
    assert "was damaged" in note
    assert read_records(course, "a1") == {}


def test_every_cut_of_a_record_counts_as_none(tmp_path):
    course = Course(tmp_path)
    path = write_record(course, RESULT)
    whole = path.read_bytes()
    for end in range(0, len(whole) - 2, 37):
        path.write_bytes(whole[:end])
        assert read_record(course, "a1", "alice")[0] is None


def test_a_record_of_somebody_else_counts_as_none(tmp_path):
    course = Course(tmp_path)
    path = write_record(course, RESULT)
    path.rename(record_path(course, "a1", "bob"))
    assert read_record(course, "a1", "bob")[0] is None


def test_up_to_date():
    assert up_to_date(RESULT, RAW, "bank", {"python": "3"})
    assert not up_to_date(None, RAW, "bank", {"python": "3"})
    assert not up_to_date(RESULT, RAW, "other", {"python": "3"})
    assert not up_to_date(RESULT, RAW, "bank", {"python": "4"})
    other = RawSubmission(b"changed", "graded", RAW.notes)
    assert not up_to_date(RESULT, other, "bank", {"python": "3"})
    renamed = RawSubmission(RAW.data, "graded", ("Another file was graded.",))
    assert not up_to_date(RESULT, renamed, "bank", {"python": "3"})


def test_up_to_date_without_a_notebook():
    raw = RawSubmission(None, "missing", ("Nothing was handed in.",), True)
    record = dataclasses.replace(RESULT, status="missing", submission_hash="", notes=raw.notes)
    assert up_to_date(record, raw, "bank", {"python": "3"})
    assert not up_to_date(record, dataclasses.replace(raw, status="unreadable"), "bank", {})
    failed = dataclasses.replace(record, status="unreadable")
    assert not up_to_date(failed, raw, "bank", {"python": "3"})
