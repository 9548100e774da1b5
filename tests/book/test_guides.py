"""The commands of the guides, typed as printed, in a fresh course with two students."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autograder import sample_class
from autograder.book import ROOT
from autograder.course import Course
from autograder.records import read_record

pytestmark = pytest.mark.slow

A1 = "a1_rnn"
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
OPENS_A_SERVER = {"course formgrader"}
"""What stays open until a person ends it; the formgrader has tests of its own."""


def printed(page: str) -> list[str]:
    """The lines in the shell blocks of a page."""
    text = (ROOT / "book" / f"{page}.md").read_text(encoding="utf-8")
    return [line for block in BLOCK.findall(text) for line in block.splitlines()]


def command(line: str) -> str:
    return line.partition("#")[0].strip()


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Type one line where the environment is active."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Course:
    """What the guide begins with: the checkout's settings, and what two students handed in."""
    course = Course(tmp_path_factory.mktemp("guide"))
    for name in ("nbgrader_config.py", "_config.yml"):
        shutil.copy(ROOT / name, course.root)
    released = json.loads((ROOT / "assignments" / A1 / f"{A1}.ipynb").read_text(encoding="utf-8"))
    for student, mistakes in {
        "01-ada": [],
        "02-ben": [("rnn_forward", "initial-state-ignored")],
    }.items():
        notebook = json.loads(json.dumps(released))
        sample_class.solve(notebook, A1)
        for mistake in mistakes:
            sample_class.mistake(notebook, A1, *mistake)
        folder = course.root / "handed-in" / student / A1
        folder.mkdir(parents=True)
        (folder / f"{A1}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    return course


def test_the_instructors_guide_as_printed(course):
    lines = [command(line) for line in printed("instructor/term")]
    assert len(lines) >= 10
    for line in lines:
        if line in OPENS_A_SERVER:
            continue
        done = shell(line, course.root)
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        if line.startswith("course replay"):
            assert "rnn_forward" in done.stdout
    points = {s: read_record(course, A1, s)[0].score for s in ("01-ada", "02-ben")}
    assert points["01-ada"] > points["02-ben"] > 0
    assert sorted(p.parts[-3] for p in course.feedback.glob(f"*/{A1}/{A1}.html")) == sorted(points)
    assert (course.assignments / A1 / "checks.npz").is_file()
    example = (course.grading / "course.toml").read_text(encoding="utf-8")
    page = (ROOT / "book/instructor/term.md").read_text(encoding="utf-8")
    assert f"```toml\n{example.strip()}\n```" in page


def test_the_students_guide_as_printed(course, tmp_path):
    lines = [command(line) for line in printed("doing-an-assignment")]
    (check,) = (line for line in lines if line.startswith("course check"))
    assert f".venv/bin/jupyter lab assignments/{A1}/{A1}.ipynb" in lines
    shutil.copy(ROOT / "assignments" / A1 / "checks.npz", tmp_path)
    notebook = course.root / "handed-in" / "{}" / A1 / f"{A1}.ipynb"
    said = {}
    for student in ("01-ada", "02-ben"):
        shutil.copy(str(notebook).format(student), tmp_path)
        said[student] = shell(check, tmp_path)
    assert said["01-ada"].returncode == 0, said["01-ada"].stdout
    assert said["02-ben"].returncode != 0
    assert "Change h0 and look at the result" in " ".join(said["02-ben"].stdout.split())


def test_the_readers_guide_names_what_exists():
    lines = [command(line) for line in printed("how-to-use")]
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    made = [line.split()[1] for line in lines if line.startswith("make ")]
    assert made
    assert set(made) <= set(targets)
