"""What is said when the wall cannot be put up, and what then happens."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from classroom import ASSIGNMENT, hand_in

from autograder import book, demo, sample_class, source
from autograder.cli import main
from autograder.course import Course
from autograder.sandbox import wall

SAMPLES = ("right", demo.SHOWN)


def ended(code, stderr):
    def run(command, **options):
        assert command[0] == "bwrap"
        return subprocess.CompletedProcess(command, code, "", stderr)

    return run


def refuse(command, **options):
    raise PermissionError(13, "Permission denied", "bwrap")


def not_linux(patch):
    patch.setattr(sys, "platform", "darwin")


def no_bwrap(patch):
    patch.setenv("PATH", "/nowhere")


def no_libseccomp(patch):
    patch.setitem(sys.modules, "pyseccomp", None)


def no_namespaces(patch):
    said = "bwrap: some warning\nbwrap: No permissions to create new namespace"
    patch.setattr(wall.shutil, "which", lambda name: "/usr/bin/bwrap")
    patch.setattr(wall.subprocess, "run", ended(1, said))


def not_executable(patch):
    patch.setattr(wall.shutil, "which", lambda name: "/usr/bin/bwrap")
    patch.setattr(wall.subprocess, "run", refuse)


@pytest.mark.parametrize(
    ("lacking", "what", "remedy"),
    [
        (not_linux, "needs Linux", "Linux namespaces"),
        (no_bwrap, "bubblewrap is not installed", "apt-get install bubblewrap libseccomp2"),
        (no_libseccomp, "libseccomp cannot be loaded", "apt-get install bubblewrap libseccomp2"),
        (no_namespaces, "(bwrap: No permissions to create new namespace)", "sysctl"),
        (not_executable, "bubblewrap cannot be run", "apt-get install bubblewrap"),
    ],
)
def test_each_missing_piece_is_one_sentence_with_its_remedy(monkeypatch, lacking, what, remedy):
    lacking(monkeypatch)
    said = wall.missing.__wrapped__()
    assert what in said
    assert remedy in said
    assert ". " not in said
    assert "\n" not in said


def test_nothing_is_missing_where_bubblewrap_does_its_work(monkeypatch):
    monkeypatch.setattr(wall.shutil, "which", lambda name: "/usr/bin/bwrap")
    monkeypatch.setattr(wall.subprocess, "run", ended(0, ""))
    assert wall.missing.__wrapped__() is None


def test_course_grade_ends_with_the_sentence_and_writes_nothing(course, monkeypatch, capsys):
    hand_in(course, "alice")
    monkeypatch.chdir(course.root)
    monkeypatch.setattr(wall, "missing", lambda: "bubblewrap is not installed; install it.")
    before = {p: p.stat().st_mtime_ns for p in course.root.rglob("*")}
    assert main(["grade", ASSIGNMENT]) == 2
    assert capsys.readouterr().err == ("course grade: bubblewrap is not installed; install it.\n")
    assert {p: p.stat().st_mtime_ns for p in course.root.rglob("*")} == before


@pytest.mark.slow
def test_the_demo_goes_on_loudly(tmp_path, monkeypatch, capsys):
    """Two submissions of our own without the wall: the same marks, and a warning that is seen."""
    for name in ("_config.yml", "nbgrader_config.py"):
        shutil.copy(source.ROOT / name, tmp_path)
    make_class = sample_class.make_class

    def two(assignment, release, seed=7):
        return [s for s in make_class(assignment, release, seed) if s.case in SAMPLES]

    monkeypatch.setattr(sample_class, "make_class", two)
    monkeypatch.setattr(book, "build_book", lambda: Path("book"))
    monkeypatch.setattr(wall, "missing", lambda: "bubblewrap is not installed; install it.")
    assert demo.run(Course(tmp_path)) == 0
    said = capsys.readouterr()
    assert "* bubblewrap is not installed; install it." in said.err
    assert "WITHOUT the wall" in said.err
    assert "31.6 of 34" in said.out
    assert "34 of 34" in said.out
    assert "2 of 2 submissions graded" in said.out
