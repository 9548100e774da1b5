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
HUNG_SECONDS = 400
"""A run over two submissions that takes longer has hung."""
KEPT_BYTES = 20_000_000
CELL_SECONDS = 30
"""Limit per cell, as nbgrader has it where nobody sets another."""
PORT = 47_811
WATCH = Path(__file__).with_name("watch.py")
BEFORE, STUDENT, AFTER = "a_before", "m_case", "z_after"

KINDS = {
    "unearned": "points that were not earned",
    "lost": "points that were due are lost",
    "leak": "hidden tests, solutions or marks get out",
    "harm": "other students' marks change",
    "stop": "the run stops or hangs",
    "trouble": "other trouble, such as an error at the end of the run",
    "left": "processes or much data are left behind",
}
"""What can go wrong with a case, in the order in which it is said."""

CONFIG = """
c = get_config()
c.CourseDirectory.root = "{root}"
c.ExecutePreprocessor.timeout = {seconds}
c.Execute.timeout = {seconds}
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
    """What stock nbgrader made of a case.

    Attributes:
        mark: None when it gave none.
        happened: what was not as it should be, as pairs of one of :data:`KINDS` and a text.
    """

    case: Case
    mark: float | None
    seconds: float
    happened: list[tuple[str, str]] = field(default_factory=list)


class Stock:
    """A scratch course of stock nbgrader with an honest student who is graded already."""

    def __init__(self) -> None:
        self.scratch = Path(tempfile.mkdtemp(prefix="unrolled-stock-"))
        self.template = self.scratch / "template"
        self.course = self.scratch / "course"
        self.report = self.scratch / "home" / "seen.json"
        self.report.parent.mkdir()
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
        config = CONFIG.format(root=self.course, seconds=CELL_SECONDS)
        (self.course / "nbgrader_config.py").write_text(config)
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
        s = Handin(self.release, PORT, str(self.course / "submitted"))
        build(s)  # type: ignore[operator]
        folder = self.course / "submitted" / student / ASSIGNMENT
        s.write(folder)
        if not (folder / "checks.npz").exists():
            shutil.copy(source.ROOT / "assignments" / ASSIGNMENT / "checks.npz", folder)

    def _nbgrader(self, *args: str) -> tuple[int, str]:
        """Run an nbgrader command behind the outer wall; exit status (-1: hung) and its log."""
        home = self.scratch / "home"
        wall = ["bwrap", "--die-with-parent", "--new-session", "--unshare-pid", "--unshare-net"]
        wall += ["--unshare-ipc", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
        wall += ["--tmpfs", "/tmp", "--bind", str(self.course), str(self.course)]
        wall += ["--bind", str(home), str(home), "--chdir", str(self.course)]
        wall += ["--setenv", "HOME", str(home), "--setenv", "OMP_NUM_THREADS", "1"]
        wall += ["--setenv", "PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin"]
        watched = [sys.executable, str(WATCH), str(self.report), str(PORT)]
        command = [*wall, *watched, sys.executable, "-m", "nbgrader", *args]
        self.report.unlink(missing_ok=True)
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=HUNG_SECONDS, errors="replace"
            )
        except subprocess.TimeoutExpired:
            return -1, ""
        return done.returncode, done.stderr

    def run(self, case: Case) -> StockOutcome:
        """Grade the case, then an honest student, in one run of ``nbgrader autograde``."""
        subprocess.run(["chmod", "-R", "u+w", str(self.scratch)], check=False)
        shutil.rmtree(self.report.parent)  # a home in which the case before may have left something
        self.report.parent.mkdir()
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
            said.append(("unearned", "unearned points"))
        if (mark or 0.0) < low:
            said.append(("lost", "points lost"))
        said += [("leak", text) for text in self._leaks()]
        before, after = self._mark(BEFORE), self._mark(AFTER)
        for when, other in (("before", before), ("after", FULL if after is None else after)):
            if other != FULL:
                text = f"a student graded {when} it has {other or 0.0:g} of {FULL:g}"
                said.append(("harm", text))
        if status == -1:
            said.append(("stop", "the run hangs"))
        elif after is None:
            said.append(("stop", "the run stops"))
        elif status != 0:
            said.append(("trouble", f"exit status {status}"))
        if left := self._seen().get("processes"):
            said.append(("left", f"{left} {'process lives' if left == 1 else 'processes live'} on"))
        size = sum(p.lstat().st_size for p in self.course.rglob(f"{STUDENT}/**/*"))
        if size > KEPT_BYTES:
            said.append(("left", f"{size // 1_000_000} MB kept"))

    def _seen(self) -> dict[str, int]:
        """What the watch inside the wall has seen; nothing if it did not live to tell."""
        return json.loads(self.report.read_text()) if self.report.is_file() else {}

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

    def _leaks(self) -> list[str]:
        """What got out: into the outputs, which the feedback shows, into files, over a socket."""
        folder = self.course / "autograded" / STUDENT / ASSIGNMENT
        outputs = self._outputs(folder / f"{ASSIGNMENT}.ipynb")
        found = [
            f"{what} in the outputs"
            for what, text in (("hidden tests", HIDDEN), ("solutions", "### BEGIN SOLUTION"))
            if text in outputs
        ]
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                with path.open("rb") as file:
                    if file.read(15) == b"SQLite format 3":
                        found.append("the gradebook is copied")
        if self._seen().get("connections"):
            found.append("a connection was made")
        return found

    def _outputs(self, path: Path) -> str:
        if not path.is_file() or path.is_symlink():
            return ""
        try:
            cells = json.loads(path.read_text(errors="replace")).get("cells", [])
        except ValueError:
            return ""
        return json.dumps([c.get("outputs", []) for c in cells])

    def feedback_shows_hidden_tests(self) -> bool:
        """Whether the page that nbgrader makes for an honest student holds the hidden tests."""
        self._nbgrader("generate_feedback", ASSIGNMENT, f"--student={BEFORE}")
        page = self.course / "feedback" / BEFORE / ASSIGNMENT / f"{ASSIGNMENT}.html"
        return HIDDEN in page.read_text()

    def close(self) -> None:
        subprocess.run(["chmod", "-R", "u+w", str(self.scratch)], check=False)
        shutil.rmtree(self.scratch, ignore_errors=True)

    def __enter__(self) -> Stock:
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
