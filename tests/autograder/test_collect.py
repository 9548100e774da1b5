from __future__ import annotations

import os
import subprocess
from pathlib import Path

import notebooks as nb
import pytest
from classroom import ASSIGNMENT

from autograder import collect
from autograder.collect import SafeCollect, collect_from, copy_submission
from autograder.course import CourseError


@pytest.fixture
def inbox(tmp_path):
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def hand_in(folder: Path, data: bytes = b"{}") -> Path:
    folder.mkdir(parents=True)
    (folder / f"{ASSIGNMENT}.ipynb").write_bytes(data)
    return folder


def test_both_layouts_are_collected(course, inbox):
    hand_in(inbox / "alice" / ASSIGNMENT, b"nested")
    hand_in(inbox / "bob", b"flat")
    (inbox / "carol").mkdir()
    said = collect_from(course, ASSIGNMENT, inbox)
    assert said == ["alice: collected.", "bob: collected."]
    got = {p.parent.parent.name: p.read_bytes() for p in course.submitted.rglob("*.ipynb")}
    assert got == {"alice": b"nested", "bob": b"flat"}


def test_only_regular_files_are_copied(course, inbox, tmp_path, monkeypatch):
    monkeypatch.setattr(collect, "MAX_FOLDER", 1000)
    secret = tmp_path / "secret"
    secret.write_text("solutions")
    folder = hand_in(inbox / "alice" / ASSIGNMENT)
    (folder / "data.csv").write_text("1,2")
    (folder / "large.bin").write_bytes(b"x" * 1001)
    (folder / "link.txt").symlink_to(secret)
    (folder / "linked").symlink_to(tmp_path)
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    assert collect_from(course, ASSIGNMENT, inbox) == ["alice: collected; odd files left out (5)."]
    target = course.submitted / "alice" / ASSIGNMENT
    assert sorted(p.name for p in target.iterdir()) == ["a1.ipynb", "data.csv"]


def test_linked_folders_are_not_collected(course, inbox, tmp_path):
    elsewhere = hand_in(tmp_path / "elsewhere" / ASSIGNMENT)
    (inbox / "alice").mkdir()
    (inbox / "alice" / ASSIGNMENT).symlink_to(elsewhere)
    (inbox / "bob").symlink_to(tmp_path / "elsewhere")
    said = collect_from(course, ASSIGNMENT, inbox)
    assert [s.split(",")[0] for s in said] == ["alice: not collected", "bob: not collected"]
    assert not list(course.grading.rglob("*.ipynb"))


def test_a_second_collection_replaces_the_first(course, inbox):
    folder = hand_in(inbox / "alice" / ASSIGNMENT, b"first")
    (folder / "old.txt").write_text("")
    collect_from(course, ASSIGNMENT, inbox)
    (folder / "old.txt").unlink()
    (folder / "a1.ipynb").write_bytes(b"second")
    collect_from(course, ASSIGNMENT, inbox)
    target = course.submitted / "alice" / ASSIGNMENT
    assert {p.name: p.read_bytes() for p in target.iterdir()} == {"a1.ipynb": b"second"}


def test_a_link_in_the_way_is_replaced_not_followed(course, inbox, tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("kept")
    (course.submitted / "alice").mkdir(parents=True)
    (course.submitted / "alice" / ASSIGNMENT).symlink_to(precious)
    hand_in(inbox / "alice" / ASSIGNMENT)
    collect_from(course, ASSIGNMENT, inbox)
    assert os.listdir(precious) == ["file"]
    assert not (course.submitted / "alice" / ASSIGNMENT).is_symlink()


def test_nothing_there_is_said_plainly(course, inbox):
    with pytest.raises(CourseError, match="holds no submissions of a1"):
        collect_from(course, ASSIGNMENT, inbox)
    with pytest.raises(CourseError, match="does not exist"):
        collect_from(course, ASSIGNMENT, inbox / "nothing")


def test_nbgrader_copies_with_the_same_care(tmp_path):
    source = hand_in(tmp_path / "source", nb.raw(nb.solved()))
    (source / "link").symlink_to("/etc/passwd")
    target = tmp_path / "target"
    SafeCollect().do_copy(str(source), str(target))
    assert os.listdir(target) == ["a1.ipynb"]
    with pytest.raises(OSError, match="is not a folder"):
        copy_submission(source / "link", target)


def test_clones_are_collected_with_the_time_of_the_last_commit(course, inbox):
    clone = inbox / "alice"
    hand_in(clone / "assignments" / ASSIGNMENT, b"first")
    environment = {
        **os.environ,
        "GIT_AUTHOR_DATE": "2026-11-20T10:00:00+01:00",
        "GIT_COMMITTER_DATE": "2026-11-20T10:00:00+01:00",
    }
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "hand in"]):
        subprocess.run(["git", "-C", str(clone), *command], check=True, env=environment)
    evil = clone / "ran"
    subprocess.run(
        ["git", "-C", str(clone), "config", "core.fsmonitor", f"touch {evil}"], check=True
    )
    assert collect_from(course, ASSIGNMENT, inbox) == ["alice: collected."]
    target = course.submitted / "alice" / ASSIGNMENT
    assert (target / "timestamp.txt").read_text() == "2026-11-20 09:00:00 UTC\n"
    assert not evil.exists()
    (clone / "assignments" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").write_bytes(b"second")
    (clone / "assignments" / ASSIGNMENT / "timestamp.txt").write_text("2020-01-01 00:00:00 UTC")
    (clone / ".git" / "HEAD").unlink()
    collect_from(course, ASSIGNMENT, inbox)
    assert not (target / "timestamp.txt").exists()
    kept = course.grading / "collected" / ASSIGNMENT / "alice"
    assert [p.read_bytes() for p in kept.iterdir()] == [b"first"]
