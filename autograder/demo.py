"""``make demo``: the whole course once, on a made-up class, in a course folder of its own."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

from autograder.course import Course

ASSIGNMENT = "a1_rnn"
SHOWN = "mistakes: two in one function"
"""The student whose feedback is named at the end."""

WEAK = """
************************************************************************************************
* {reason}
* The demo goes on WITHOUT the wall, because it grades only submissions that it made itself.
* `course grade` refuses to do that.
************************************************************************************************
"""


def run(course: Course) -> int:
    """Build the book, release, grade a sample class, write feedback and report; return 0.

    Everything but the book is written to ``build/demo``, which is emptied first, so that no real
    submission or mark is touched.
    """
    from autograder.book import build_book
    from autograder.feedback import write_feedback
    from autograder.grade import grade_class, summary
    from autograder.release import load_release, release
    from autograder.report import write_report
    from autograder.sample_class import write_class
    from autograder.sandbox import wall

    steps = Steps(6)
    steps.next("Building the book")
    book = build_book()
    steps.next(f"Releasing {ASSIGNMENT}")
    demo = make_course(course)
    folder = release(demo, ASSIGNMENT)
    print(f"{folder}: {', '.join(sorted(p.name for p in folder.iterdir()))}")
    steps.next("Making a sample class")
    samples = write_class(ASSIGNMENT, load_release(ASSIGNMENT, demo.root), demo.submitted)
    print(f"{len(samples)} submissions in {demo.submitted}")
    steps.next("Grading it")
    reason = wall.missing()
    if reason:
        print(WEAK.format(reason=reason), file=sys.stderr, flush=True)
    results = grade_class(demo, ASSIGNMENT, allow_weak_wall=bool(reason))
    print(summary(results))
    steps.next("Writing feedback")
    pages = write_feedback(demo, ASSIGNMENT)
    print(f"{len(pages)} pages below {demo.feedback}")
    steps.next("Writing the class report")
    report = write_report(demo, ASSIGNMENT)
    shown = next(s for s in samples if s.case == SHOWN)
    page = next(p for p in pages if shown.student in p.parts)
    print(f"\nDone in {steps.elapsed():.0f} s. Open in a browser:")
    for what, path in (
        ("the book", book / "index.html"),
        ("the class report", report),
        (f"feedback for {shown.student} ({shown.case})", page),
    ):
        print(f"  {what:<55} {path.resolve()}")
    return 0


def make_course(course: Course) -> Course:
    """An empty course in ``build/demo`` that shares the book and the settings of ``course``."""
    root = course.root / "build" / "demo"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    for name in ("_config.yml", "nbgrader_config.py"):
        shutil.copy(course.root / name, root / name)
    (root / "_build").symlink_to(Path("../../_build"))
    return Course(root)


class Steps:
    """Numbered headings with the time since the start."""

    def __init__(self, total: int):
        self._total, self._number, self._start = total, 0, time.monotonic()

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._start

    def next(self, what: str) -> None:
        """Print the heading of the next step."""
        self._number += 1
        line = f"[{self._number}/{self._total}] {what} ({self.elapsed():.0f} s so far)"
        print(f"\n{line}\n{'-' * len(line)}", flush=True)
