"""Zip files as learning platforms write them, and what goes wrong with them."""

from __future__ import annotations

import contextlib
import io
import random
import stat
import zipfile
from pathlib import Path

import notebooks as nb
import pytest
from classroom import ASSIGNMENT

from autograder import collect, lms
from autograder.cli import main
from autograder.course import CourseError
from autograder.lms import ZipError, comparable_time, read_roster, read_zip

GOOD = nb.raw(nb.solved())
OTHER = GOOD + b"\n"
BROKEN = b'{"cells": '


def make_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


CANVAS = {
    "doejane_1234_5678_a1.ipynb": GOOD,
    "muellerjörg_LATE_77_90001_Untitled-1.ipynb": GOOD,
}
MOODLE = {
    "Jane Doe_1234_assignsubmission_file_/a1.ipynb": GOOD,
    "Jörg Müller_77_assignsubmission_file_a1 (1).ipynb": GOOD,
}
BLACKBOARD = {
    "gradebook_C1_a1_jane_doe_attempt_2026-11-20-10-11-12.txt": b"Name: Jane Doe (jane_doe)\n",
    "gradebook_C1_a1_jane_doe_attempt_2026-11-20-10-11-12_a1.ipynb": GOOD,
    "gradebook_C1_a1_jm77_attempt_2026-11-19-08-00-00_a1.ipynb": GOOD,
}
GRADESCOPE = {
    "assignment_1_export/submission_metadata.yml": (
        "submission_5:\n"
        "  :submitters:\n"
        "  - :name: Jane Doe\n"
        "    :sid: '1234'\n"
        "    :email: jane@example.org\n"
        "  - :name: Jörg Müller\n"
        "    :sid: ''\n"
        "    :email: joerg@example.org\n"
        "  :created_at: 2026-11-20 10:11:12.5 +01:00\n"
    ).encode(),
    "assignment_1_export/submission_5/a1.ipynb": GOOD,
}


@pytest.mark.parametrize(
    ("platform", "members", "students"),
    [
        ("Canvas", CANVAS, ["doejane-1234", "muellerjörg-77"]),
        ("Moodle", MOODLE, ["Jane Doe-1234", "Jörg Müller-77"]),
        ("Blackboard", BLACKBOARD, ["jane_doe", "jm77"]),
        ("Gradescope", GRADESCOPE, ["1234", "joerg@example.org"]),
    ],
)
def test_names_of_each_platform_are_understood(tmp_path, platform, members, students):
    contents = read_zip(make_zip(tmp_path / "all.zip", members))
    assert contents.platform == platform
    assert [f.key for f in contents.files] == students
    assert {f.data for f in contents.files} == {GOOD}
    assert contents.left_out == []


def test_times_and_late_marks(tmp_path):
    late = read_zip(make_zip(tmp_path / "c.zip", CANVAS)).files
    assert [f.late for f in late] == [False, True]
    attempts = read_zip(make_zip(tmp_path / "b.zip", BLACKBOARD)).files
    assert attempts[0].when == "2026-11-20T10:11:12"
    groups = read_zip(make_zip(tmp_path / "g.zip", GRADESCOPE)).files
    assert {f.when for f in groups} == {"2026-11-20T09:11:12"}
    assert comparable_time("2015-02-02 15:58:23.948203 UTC") == "2015-02-02T15:58:23"
    assert comparable_time("yesterday") == ""


def test_what_could_do_harm_is_left_out_and_named(tmp_path, monkeypatch):
    monkeypatch.setattr(lms, "MAX_FILE", 100_000)
    path = make_zip(
        tmp_path / "all.zip",
        {
            **CANVAS,
            "../evil_1_2_a1.ipynb": GOOD,
            "/etc/evil_1_2_a1.ipynb": GOOD,
            "C:\\evil_1_2_a1.ipynb": GOOD,
            "bomb_1_3_a1.ipynb": b"0" * 100_001,
            "odd_1_4_\x1b[31m.ipynb": GOOD,
        },
    )
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("link_1_5_a1.ipynb")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        lying = zipfile.ZipInfo("lying_1_6_a1.ipynb")
        lying.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(lying, b"0" * 200_000)
        archive.getinfo("lying_1_6_a1.ipynb").file_size = 10  # as its header will claim
    contents = read_zip(path)
    assert {f.key for f in contents.files} == {"doejane-1234", "muellerjörg-77", "odd-1"}
    said = "\n".join(contents.left_out)
    assert said.count("a path that leads out of the zip file") == 3
    assert "link_1_5_a1.ipynb: a link." in said
    assert "bomb_1_3_a1.ipynb: more than" in said
    assert "lying_1_6_a1.ipynb: " in said
    assert "\x1b" not in said
    assert not (tmp_path / "evil_1_2_a1.ipynb").exists()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"no zip", "cannot be read as a zip file"),
        (zipped({"notes.txt": b"x"}), "holds no names as Canvas, Moodle, Blackboard or Gradescope"),
        (zipped({"submission_metadata.yml": b"{"}), "submission_metadata.yml cannot be read"),
    ],
    ids=["no zip", "no names", "broken metadata"],
)
def test_a_file_that_is_no_export_gets_a_message(tmp_path, data, words):
    (tmp_path / "all.zip").write_bytes(data)
    with pytest.raises(ZipError, match=words):
        read_zip(tmp_path / "all.zip")
    with pytest.raises(ZipError, match="There is no file"):
        read_zip(tmp_path / "none.zip")


def test_what_one_student_zipped_does_not_fill_the_memory(tmp_path, monkeypatch):
    """Zeros pack to a thousandth: a file of 2 MB could unpack to 2 GB, and so could the next."""
    monkeypatch.setattr(lms, "MAX_WITHIN", 300_000)
    bomb = zipped({f"{i}.ipynb": bytes(100_000) for i in range(5)})
    contents = read_zip(make_zip(tmp_path / "all.zip", {**CANVAS, "roe_7_8_a1.zip": bomb}))
    assert {f.key for f in contents.files} == {"doejane-1234", "muellerjörg-77"}
    assert "a1.zip cannot be unpacked (The zip file unpacks to more than" in contents.left_out[-1]


def test_damage_anywhere_costs_at_most_what_it_hits(tmp_path):
    """Random bytes changed in an archive of every kind of compression, and in one within it."""
    for seed in range(400):
        rng = random.Random(seed)
        inner = damaged(rng, {f"a{i}.ipynb": GOOD * 9 for i in range(2)})
        (tmp_path / "all.zip").write_bytes(damaged(rng, {**CANVAS, "roe_7_8_a.zip": inner}))
        with contextlib.suppress(ZipError):
            read_zip(tmp_path / "all.zip")
        (tmp_path / "all.zip").write_bytes(zipped({**CANVAS, "roe_7_8_a.zip": inner}))
        keys = {f.key for f in read_zip(tmp_path / "all.zip").files}
        assert keys >= {"doejane-1234", "muellerjörg-77"}, seed


def damaged(rng: random.Random, members: dict[str, bytes]) -> bytes:
    """A zip file in which a few bytes are others."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data, compress_type=rng.choice([0, 8, 12, 14]))
    text = bytearray(made.getvalue())
    for _ in range(rng.randrange(1, 5)):
        text[rng.randrange(len(text))] = rng.randrange(256)
    return bytes(text)


def test_a_zip_within_is_looked_into_once(tmp_path):
    inner = zipped({"work/a1.ipynb": GOOD, "__MACOSX/work/._a1.ipynb": b"x", "deep.zip": b"x"})
    members = {"doejane_1_2_work.zip": inner, "roejim_3_4_work.zip": b"damaged"}
    contents = read_zip(make_zip(tmp_path / "all.zip", members))
    files = {f.file for f in contents.files}
    assert "work/a1.ipynb" in files
    assert "roejim-3: work.zip cannot be unpacked" in contents.left_out[0]
    assert collect.is_notebook("work/a1.ipynb")
    assert not collect.is_notebook("__MACOSX/work/._a1.ipynb")


# --- collecting -----------------------------------------------------------------------------------


def submission(course, student: str) -> bytes:
    return (course.submitted / student / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").read_bytes()


def versions(course, student: str) -> set[bytes]:
    folder = course.grading / "collected" / ASSIGNMENT / student
    return {p.read_bytes() for p in folder.iterdir()}


def take(course, path: Path) -> str:
    return collect.table(*collect.collect_from_zip(course, ASSIGNMENT, path))


def attempt(login: str, when: str, data: bytes) -> dict[str, bytes]:
    return {f"gradebook_C1_a1_{login}_attempt_{when}_a1.ipynb": data}


def test_the_newest_readable_one_counts_and_all_are_kept(course, tmp_path):
    path = make_zip(
        tmp_path / "all.zip",
        {
            **attempt("jane", "2026-11-20-10-00-00", GOOD),
            **attempt("jane", "2026-11-20-12-00-00", OTHER),
            **attempt("jane", "2026-11-20-13-00-00", BROKEN),
            "gradebook_C1_a1_jim_attempt_2026-11-20-13-00-00_essay.txt": b"x",
        },
    )
    said = take(course, path)
    assert submission(course, "jane") == OTHER
    assert versions(course, "jane") == {GOOD, OTHER, BROKEN}
    assert "a1.ipynb is newer and cannot be read" in said
    assert "jim      -         -                    no notebook among: essay.txt" in said
    assert said.endswith("1 of 2 students have a submission from this file.")
    stamp = course.submitted / "jane" / ASSIGNMENT / "timestamp.txt"
    assert stamp.read_text() == "2026-11-20 12:00:00 UTC\n"


def test_an_older_one_does_not_replace_a_newer_one(course, tmp_path):
    take(course, make_zip(tmp_path / "1.zip", attempt("jane", "2026-11-21-10-00-00", GOOD)))
    said = take(course, make_zip(tmp_path / "2.zip", attempt("jane", "2026-11-20-10-00-00", OTHER)))
    assert "the one of 2026-11-21T10:00:00 is newer" in said
    assert submission(course, "jane") == GOOD
    assert versions(course, "jane") == {GOOD, OTHER}
    again = take(course, make_zip(tmp_path / "3.zip", attempt("jane", "2026-11-21-10-00-00", GOOD)))
    assert "it was there already" in again
    take(course, make_zip(tmp_path / "4.zip", attempt("jane", "2026-11-22-10-00-00", OTHER)))
    assert submission(course, "jane") == OTHER


def test_what_was_there_without_a_time_is_kept_too(course, tmp_path):
    before = course.submitted / "jane" / ASSIGNMENT
    before.mkdir(parents=True)
    (before / f"{ASSIGNMENT}.ipynb").write_bytes(BROKEN)
    take(course, make_zip(tmp_path / "1.zip", attempt("jane", "2026-11-21-10-00-00", GOOD)))
    assert submission(course, "jane") == GOOD
    assert versions(course, "jane") == {GOOD, BROKEN}


def test_a_roster_gives_the_ids(course, tmp_path):
    (course.grading / "roster.csv").write_text(
        "id,name,canvas\njd,Jane Doe,1234\njm,Jörg Müller,77\nxx,Somebody,\n", "utf-8"
    )
    members = {**CANVAS, "ghost_5_6_a1.ipynb": GOOD}
    said = take(course, make_zip(tmp_path / "all.zip", members))
    assert {p.name for p in course.submitted.iterdir()} == {"jd", "jm", "ghost-5"}
    assert "late" in next(line for line in said.splitlines() if line.startswith("jm"))
    assert "not in the roster" in next(x for x in said.splitlines() if x.startswith("ghost-5"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name\nJane\n", "line 2: the column `id` is empty or missing"),
        ("id\na\nb\na\n", "line 4: a stands in line 2 too"),
    ],
)
def test_a_roster_that_cannot_be_used_says_where(tmp_path, text, words):
    (tmp_path / "roster.csv").write_text(text)
    with pytest.raises(CourseError, match=words):
        read_roster(tmp_path / "roster.csv")


def test_two_people_of_one_name_are_not_taken_for_each_other(tmp_path):
    (tmp_path / "roster.csv").write_text("id,name\na,Kim Lee\nb,Kim Lee\n")
    roster = read_roster(tmp_path / "roster.csv")
    assert roster.find(("Kim Lee",)) is None
    assert roster.find(("kim  lee", "B")) == "b"


def test_the_command(course, tmp_path, capsys):
    path = make_zip(tmp_path / "all.zip", MOODLE)
    assert main(["--root", str(course.root), "collect", ASSIGNMENT, "--from", str(path)]) == 0
    assert "2 of 2 students have a submission from this file." in capsys.readouterr().out
    assert submission(course, "Jane-Doe-1234") == GOOD
