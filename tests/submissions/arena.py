"""Grade one case after the other between honest students, and see what became of everything.

The arena is a scratch course with things worth stealing (a secret, a gradebook, a source notebook,
another student's work), each of which holds a canary, and a listener on the loopback.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import socket
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder import gradebook as marks
from autograder import source
from autograder.course import Course
from autograder.feedback import write_feedback
from autograder.grade import Writer, student_id
from autograder.judge import Grader
from autograder.release import load_release
from autograder.results import Result
from autograder.sanitize import load_submission

from .case import ASSIGNMENT, FULL, Case, Handin

CANARIES = {
    "the secret": "CANARY-SECRET-9b1e7c52",
    "the gradebook": "CANARY-GRADEBOOK-c0ffee11",
    "the solutions": "### BEGIN SOLUTION",
    "another submission": "CANARY-OTHER-4d2a8e90",
    "the environment": "CANARY-ENVIRONMENT-77aa01",
    "a gap in the wall": "CANARY-GAP-31f0",
}
HONEST = "an_honest_student"


@dataclass
class Outcome:
    """What became of one case. ``faults`` is empty when everything is as it must be."""

    case: Case
    result: Result | None = None
    seconds: float = 0.0
    leaked: list[str] = field(default_factory=list)
    harmed: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def mark(self) -> float:
        return self.result.score if self.result else float("nan")

    def line(self) -> str:
        """The line of the report: mark, just mark, others, leaks, seconds."""
        low, high = self.case.just
        just = f"{low:g}" if low == high else f"{low:g}-{high:g}"
        others = "harmed" if self.harmed else "unharmed"
        leaked = "LEAKED" if self.leaked else "nothing"
        verdict = "ok" if not self.faults else "FALLS SHORT: " + "; ".join(self.faults)
        name = f"{self.case.group}.{self.case.name}"
        return (
            f"{name:<48} {self.mark:>6g} of just {just:<6} others {others:<8} leaked {leaked:<7} "
            f"{self.seconds:6.2f} s  {verdict}"
        )


class Listener:
    """Counts the connections to a port of 127.0.0.1."""

    def __init__(self) -> None:
        self.count = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.count += 1
                connection.close()

    def close(self) -> None:
        self._socket.close()


class Arena:
    """A scratch course with one grader, in which cases are graded one after the other."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="unrolled-arena-"))
        self.course = Course(self.root)
        self.release = load_release(ASSIGNMENT)
        os.environ["UNROLLED_CANARY"] = CANARIES["the environment"]
        self.listener = Listener()
        self._furnish()
        self.grader = Grader(self.course, ASSIGNMENT)
        self._stack = contextlib.ExitStack()
        self.gradebook = self._stack.enter_context(marks.open_gradebook(self.course))
        marks.ensure_assignment(self.course, self.gradebook, ASSIGNMENT, self.release)
        self.writer = Writer(self.course, ASSIGNMENT, self.gradebook, self.release)
        self.gradebook.update_or_create_student(
            HONEST, first_name=CANARIES["the gradebook"], email="a@b"
        )
        self._honest = self.build(Handin.right)
        self.grade_honest("at the start")

    def _furnish(self) -> None:
        shutil.copytree(source.ROOT / "assignments", self.root / "assignments")
        for name in ("_config.yml", "nbgrader_config.py"):
            shutil.copy(source.ROOT / name, self.root)
        folder = self.course.source / ASSIGNMENT
        folder.mkdir(parents=True)
        text = f"# {CANARIES['the solutions']}\n"
        (folder / f"{ASSIGNMENT}.ipynb").write_text(json.dumps({"cells": [{"source": text}]}))
        (folder / f"{ASSIGNMENT}.py").write_text(text)
        other = self.course.submitted / "other" / ASSIGNMENT
        other.mkdir(parents=True)
        (other / f"{ASSIGNMENT}.ipynb").write_text(CANARIES["another submission"])
        (self.course.grading / "secret").write_text(CANARIES["the secret"].ljust(32)[:32])

    def handin(self) -> Handin:
        return Handin(self.release, self.listener.port, str(self.course.submitted))

    def build(self, change: Any) -> Handin:
        s = self.handin()
        change(s)
        return s

    def grade(self, student: str, s: Handin) -> Result:
        """Grade as the class is graded: read, sanitize, run, judge, write, make the page."""
        folder = self.course.submitted / student / ASSIGNMENT
        shutil.rmtree(folder.parent, ignore_errors=True)
        s.write(folder)
        name = student_id(student)
        result = self.grader.grade(name, load_submission(folder, ASSIGNMENT, self.release))
        self.writer.write(result, "")
        write_feedback(self.course, ASSIGNMENT, [name])
        return result

    def grade_honest(self, when: str) -> None:
        """Grade the honest student; raises AssertionError if anything of the mark is lost."""
        result = self.grade(HONEST, self._honest)
        assert result.score == FULL, f"an honest student got {result.score:g} {when}"

    # --- one case ---------------------------------------------------------------------------------

    def run(self, case: Case) -> Outcome:
        """Grade a case, then the honest student again; say what is not as it must be."""
        outcome = Outcome(case)
        s = self.build(case.build)
        before = self._digest(case.student)
        mark_before = self._mark(HONEST)
        connections = self.listener.count
        start = time.monotonic()
        try:
            outcome.result = self.grade(case.student, s)
        except Exception as error:  # the one thing that must never happen
            outcome.seconds = time.monotonic() - start
            outcome.faults.append(f"grading raised {type(error).__name__}: {error}"[:300])
            self.gradebook.db.rollback()
            return outcome
        outcome.seconds = time.monotonic() - start
        self._look_at_result(outcome)
        outcome.harmed += [f"process {p} lives on" for p in self.survivors()]
        if self._digest(case.student) != before:
            outcome.harmed.append("files of the course have changed")
        if self._mark(HONEST) != mark_before:
            outcome.harmed.append("the mark of an earlier student has changed")
        try:
            self.grade_honest("after it")
        except AssertionError as error:
            outcome.harmed.append(str(error))
        shutil.rmtree(self.course.submitted / case.student, ignore_errors=True)
        outcome.leaked += self._leaks(case)
        if self.listener.count != connections:
            outcome.leaked.append("a connection was made")
        outcome.faults += [f"harmed: {h}" for h in outcome.harmed]
        outcome.faults += [f"leaked: {x}" for x in outcome.leaked]
        return outcome

    def _look_at_result(self, outcome: Outcome) -> None:
        case, result = outcome.case, outcome.result
        assert result is not None
        low, high = case.just
        if not low <= round(result.score, 6) <= high:
            what = "unearned points" if result.score > high else "points lost"
            failed = [v for v in result.exercises if v.outcome != "pass"]
            said = "; ".join(f"{v.exercise}: {v.message}" for v in failed)[:400]
            outcome.faults.append(f"{what} ({result.score:g}; {said}; {' '.join(result.notes)})")
        if result.status != case.status:
            outcome.faults.append(f"status {result.status}, not {case.status}: {result.notes}")
        said = " ".join((*result.notes, *(v.message for v in result.exercises)))
        if case.says not in said:
            outcome.faults.append(f"{case.says!r} is not said, but: {said[:600]}")
        if outcome.seconds > case.seconds:
            outcome.faults.append(f"took longer than {case.seconds:g} s")
        size = len(json.dumps(result.cells)) + len(json.dumps(result.to_record()))
        if size > 12_000_000:
            outcome.faults.append(f"{size} bytes are kept of it")

    def page(self, student: str) -> str:
        """The feedback page of a student."""
        path = self.course.feedback / student_id(student) / ASSIGNMENT / f"{ASSIGNMENT}.html"
        return path.read_text("utf-8")

    def _leaks(self, case: Case) -> list[str]:
        name = student_id(case.student)
        record = (self.course.records / ASSIGNMENT / f"{name}.json").read_text()
        text = record + self.page(case.student)
        text += marks.notebook_path(self.course, ASSIGNMENT, name).read_text()
        return [f"{what} is shown" for what, canary in CANARIES.items() if canary in text]

    def _mark(self, student: str) -> tuple[float, ...]:
        submission = self.gradebook.find_submission(ASSIGNMENT, student)
        scores = tuple(g.auto_score or 0.0 for n in submission.notebooks for g in n.grades)
        self.gradebook.db.rollback()
        return scores

    def _digest(self, student: str) -> str:
        """All files of the course but those of this student and the gradebook's."""
        digest = hashlib.sha256()
        mine = {student, student_id(student), f"{student_id(student)}.json", HONEST}
        for folder, names, files in os.walk(self.root):
            names[:] = sorted(n for n in names if n not in mine)
            for file in sorted(files):
                if file in mine or file.startswith(("gradebook", HONEST)):
                    continue
                path = Path(folder, file)
                content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
                digest.update(
                    f"{path}\0{path.lstat().st_mode}\0".encode("utf-8", "surrogateescape")
                )
                digest.update(content)
        return digest.hexdigest()

    def survivors(self) -> list[str]:
        """Processes inside a wall other than its process 1, seen from here.

        Our children are the walls; theirs is process 1, whose children are what is left.
        """
        tree: dict[str, list[str]] = {}
        for entry in os.scandir("/proc"):
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    status = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
                    if status[0] != "Z":
                        tree.setdefault(status[1], []).append(entry.name)
        generation = [str(os.getpid())]
        for _ in range(3):
            generation = [child for pid in generation for child in tree.get(pid, [])]
        return generation

    def close(self) -> None:
        self.grader.close()
        self._stack.close()
        self.listener.close()
        os.environ.pop("UNROLLED_CANARY", None)
        shutil.rmtree(self.root, ignore_errors=True)

    def __enter__(self) -> Arena:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
