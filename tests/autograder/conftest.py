from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from classroom import VERSIONS, grade_by_looks, make_course

from autograder import grade, gradebook
from autograder.course import Course


@pytest.fixture(scope="session")
def empty_gradebook(tmp_path_factory):
    """A gradebook as nbgrader makes it; that takes seconds, so it is made once."""
    course = Course(tmp_path_factory.mktemp("gradebook"))
    gradebook.create(course)
    return course.gradebook


@pytest.fixture
def memory(tmp_path):
    """A folder in memory where there is one: runs that synchronise wait for the disk otherwise."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


@pytest.fixture
def course(tmp_path, empty_gradebook):
    return make_course(tmp_path / "course", empty_gradebook)


@pytest.fixture
def fake_grader(monkeypatch):
    """Grade in this process by the looks; the value counts the students that were graded."""
    graded: list[str] = []

    def outcomes(jobs, count, scheduler):
        for job in jobs:
            graded.append(job.student)
            yield job, grade_by_looks(job)

    monkeypatch.setattr(grade.wall, "require", lambda: None)
    monkeypatch.setattr(grade, "outcomes", outcomes)
    monkeypatch.setattr(grade, "versions", lambda: VERSIONS)
    monkeypatch.setattr(grade.source, "bank_hash", lambda assignment: "bank")
    return graded
