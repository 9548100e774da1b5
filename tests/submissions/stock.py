"""The corpus through stock nbgrader, for comparison: hidden tests in the notebook, no wall of ours.

Submissions do here what they please, so all of it happens behind an outer wall: the file system is
read-only but for a scratch course, there is no network and no process of the machine in sight.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from autograder import source
from autograder.release import source_notebook

from .case import ASSIGNMENT, FULL, Case, Handin, meta, solutions

HIDDEN = "CANARY-HIDDEN-TEST-5512"
SECONDS = 240
BEFORE, STUDENT, AFTER = "a_before", "m_case", "z_after"

CONFIG = """
c = get_config()
c.CourseDirectory.root = "{root}"
c.ExecutePreprocessor.timeout = 15
c.Execute.timeout = 15
"""

TESTS = """# Tests of {name}
### BEGIN HIDDEN TESTS
# {hidden}
from unrolled.exercise import load as load_exercises
from unrolled.namespace import LocalNamespace

reference = {{"np": np}}
exec({solutions!r}, reference)
exercise = load_exercises({assignment!r})[{name!r}]
for seed in (101, 102):
    for case, options in exercise.cases.items():
        expected = exercise.probe(LocalNamespace(reference), exercise.rng(seed, case), **options)
        actual = exercise.probe(LocalNamespace(globals()), exercise.rng(seed, case), **options)
        for output in expected:
            np.testing.assert_allclose(actual[output], expected[output], rtol=1e-5, atol=1e-8)
### END HIDDEN TESTS
"""


@dataclass
class StockOutcome:
    """What stock nbgrader made of a case; ``mark`` is None when it gave none."""

    case: Case
    mark: float | None
    seconds: float
    happened: list[str] = field(default_factory=list)


class Stock:
    """A scratch course of stock nbgrader with an honest student who is graded already."""

    def __init__(self) -> None:
        self.scratch = Path(tempfile.mkdtemp(prefix="unrolled-stock-"))
        self.template = self.scratch / "template"
        self.course = self.scratch / "course"
        self._make_template()

    def _make_template(self) -> None:
        notebook = source_notebook(ASSIGNMENT, "book")
        everything = "\n\n".join(solutions().values())
        for cell in notebook["cells"]:
            name = str(meta(cell).get("grade_id", ""))
            if name.startswith("check_"):
                cell["source"] = TESTS.format(
                    hidden=HIDDEN,
                    solutions=everything,
                    assignment=ASSIGNMENT,
                    name=name.removeprefix("check_"),
                )
        self.course.mkdir()
        (self.course / "nbgrader_config.py").write_text(CONFIG.format(root=self.course))
        folder = self.course / "source" / ASSIGNMENT
        folder.mkdir(parents=True)
        (folder / f"{ASSIGNMENT}.ipynb").write_text(json.dumps(notebook))
        shutil.copy(source.ROOT / "assignments" / ASSIGNMENT / "checks.npz", folder)
        self._nbgrader("generate_assignment", ASSIGNMENT)
        released = self.course / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
        self.release = json.loads(released.read_text())
        for cell in self.release["cells"]:
            cell["source"] = "".join(cell["source"])
        self._hand_in(BEFORE, Handin.right)
        self._nbgrader("autograde", ASSIGNMENT)
        shutil.copytree(self.course, self.template, symlinks=True)

    def _hand_in(self, student: str, build: object) -> None:
        s = Handin(self.release, others=str(self.course / "submitted"))
        build(s)  # type: ignore[operator]
        folder = self.course / "submitted" / student / ASSIGNMENT
        s.write(folder)
        if not (folder / "checks.npz").exists():
            shutil.copy(source.ROOT / "assignments" / ASSIGNMENT / "checks.npz", folder)

    def _nbgrader(self, *args: str) -> tuple[int, str]:
        """Run an nbgrader command behind the outer wall; exit status (-1: hung) and its log."""
        home = self.scratch / "home"
        home.mkdir(exist_ok=True)
        wall = ["bwrap", "--die-with-parent", "--new-session", "--unshare-pid", "--unshare-net"]
        wall += ["--unshare-ipc", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
        wall += ["--tmpfs", "/tmp", "--bind", str(self.course), str(self.course)]
        wall += ["--bind", str(home), str(home), "--chdir", str(self.course)]
        wall += ["--setenv", "HOME", str(home), "--setenv", "OMP_NUM_THREADS", "1"]
        wall += ["--setenv", "PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin"]
        limited = ["bash", "-c", 'ulimit -v 8000000 -u 400; exec "$@"', "-"]
        command = [*wall, *limited, sys.executable, "-m", "nbgrader", *args]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=SECONDS, errors="replace"
            )
        except subprocess.TimeoutExpired:
            return -1, ""
        return done.returncode, done.stderr

    def run(self, case: Case) -> StockOutcome:
        """Grade the case, then an honest student, in one run of ``nbgrader autograde``."""
        subprocess.run(["chmod", "-R", "u+w", str(self.course)], check=False)
        shutil.rmtree(self.course)
        shutil.copytree(self.template, self.course, symlinks=True)
        self._hand_in(STUDENT, case.build)
        self._hand_in(AFTER, Handin.right)
        start = time.monotonic()
        status, _ = self._nbgrader("autograde", ASSIGNMENT)
        outcome = StockOutcome(case, self._mark(STUDENT), time.monotonic() - start)
        self._judge(outcome, status)
        return outcome

    def _judge(self, outcome: StockOutcome, status: int) -> None:
        low, high = outcome.case.just
        mark, said = outcome.mark, outcome.happened
        if mark is not None and mark > high:
            said.append("UNEARNED POINTS")
        if (mark or 0.0) < low:
            said.append("points lost")
        before, after = self._mark(BEFORE), self._mark(AFTER)
        if before != FULL or after not in (FULL, None):
            said.append(f"others harmed (before {before}, after {after})")
        if status == -1:
            said.append("RUN HANGS")
        elif after is None:
            said.append("RUN STOPS")
        elif status != 0:
            said.append(f"exit status {status}")
        if self._shows_hidden_tests():
            said.append("leak: hidden tests in output")
        size = sum(p.lstat().st_size for p in self.course.rglob(f"{STUDENT}/**/*"))
        if size > 20_000_000:
            said.append(f"{size // 1_000_000} MB kept")
        if outcome.seconds > 60:
            said.append("slow")

    def _mark(self, student: str) -> float | None:
        """The automatic points of a student straight from the gradebook; None if there are none."""
        query = """
            select sum(coalesce(g.manual_score, g.auto_score, 0)) from grade g
            join submitted_notebook n on g.notebook_id = n.id
            join submitted_assignment s on n.assignment_id = s.id where s.student_id = ?
        """
        try:
            with sqlite3.connect(self.course / "gradebook.db") as db:
                found = db.execute(query, (student,)).fetchone()[0]
        except sqlite3.Error:
            return None
        return None if found is None else round(float(found), 2)

    def _shows_hidden_tests(self) -> bool:
        """Whether an output of the graded notebook, which the feedback shows, holds the tests."""
        path = self.course / "autograded" / STUDENT / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
        if not path.is_file() or path.is_symlink():
            return False
        try:
            cells = json.loads(path.read_text(errors="replace")).get("cells", [])
        except ValueError:
            return False
        return any(HIDDEN in json.dumps(c.get("outputs", [])) for c in cells)

    def close(self) -> None:
        subprocess.run(["chmod", "-R", "u+w", str(self.scratch)], check=False)
        shutil.rmtree(self.scratch, ignore_errors=True)

    def __enter__(self) -> Stock:
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
