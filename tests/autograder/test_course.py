from __future__ import annotations

import os
import stat
import subprocess
import threading

import pytest

from autograder import course as module
from autograder.course import Course, CourseError, create_once, remove_leftovers, write_atomic


def test_find_goes_up(tmp_path):
    (tmp_path / "nbgrader_config.py").write_text("")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert Course.find(below).root == tmp_path.resolve()


def test_find_outside_of_a_course(tmp_path):
    with pytest.raises(CourseError, match="is not in a course"):
        Course.find(tmp_path)


def test_the_secret_is_made_once_and_is_private(tmp_path):
    course = Course(tmp_path)
    secret = course.secret()
    assert len(secret) == 32
    assert Course(tmp_path).secret() == secret
    assert stat.S_IMODE((course.grading / "secret").stat().st_mode) == 0o600
    assert os.listdir(course.grading) == ["secret"]


def test_of_many_that_make_the_secret_one_wins(tmp_path):
    found = []
    start = threading.Barrier(8)

    def ask():
        start.wait()
        found.append(Course(tmp_path).secret())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(set(found)) == 1


def test_a_damaged_secret_is_not_used(tmp_path):
    course = Course(tmp_path)
    course.secret()
    (course.grading / "secret").write_bytes(b"short")
    with pytest.raises(CourseError, match="is damaged"):
        course.secret()


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomic(path, b"old")

    def full(*args):
        raise OSError(28, "No space left on device")

    for name in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(module.os, name, full)
            with pytest.raises(OSError, match="No space"):
                write_atomic(path, b"new")
        assert path.read_bytes() == b"old"
        assert os.listdir(tmp_path) == ["file"]


def test_create_once_keeps_what_is_there(tmp_path):
    create_once(tmp_path / "file", b"first")
    create_once(tmp_path / "file", b"second")
    assert (tmp_path / "file").read_bytes() == b"first"


def test_leftovers_of_a_killed_run_are_removed(tmp_path):
    with subprocess.Popen(["true"]) as ended:
        pass
    (tmp_path / f".writing-{ended.pid}-abc").write_text("half")
    (tmp_path / ".writing-abc").write_text("half")
    (tmp_path / f".writing-{os.getpid()}-abc").write_text("of a process that lives")
    (tmp_path / "alice.json").write_text("{}")
    remove_leftovers(tmp_path)
    remove_leftovers(tmp_path / "nothing")
    assert sorted(os.listdir(tmp_path)) == [f".writing-{os.getpid()}-abc", "alice.json"]
