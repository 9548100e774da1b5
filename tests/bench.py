"""``make bench``: the same honest submissions with stock nbgrader and with this course's grader.

Both grade in turns, round after round, on the same machine in one run; printed are the wall time
per submission of each, the ratio, what a submission costs beyond running its own cells, and memory.
Times on one machine at one moment: compare the ratio, not the seconds.
"""

from __future__ import annotations

import argparse
import copy
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from autograder import source
from autograder.course import Course
from autograder.judge import Grader
from autograder.release import load_release, notebook_bytes, release
from autograder.sample_class import restyle, solve
from autograder.sandbox import shell as shells
from autograder.sanitize import RawSubmission, Submission, submission_of

A1 = "a1_rnn"
STYLES = {"numpy a1_rnn": None, "torch a1_rnn": "torch_autograd"}
STOCK = """
c = get_config()
c.CourseDirectory.root = {root!r}
c.CourseDirectory.course_id = "bench"
"""


def notebook(folder: Path, style: str | None) -> bytes:
    """An honest submission: the reference, or a correct variant of it."""
    nb = copy.deepcopy(load_release(A1, folder))
    solve(nb, A1)
    if style:
        restyle(nb, source.load_variants(A1)[style])
    return notebook_bytes(nb)


def hand_in(course: Course, count: int, data: bytes, round_: int) -> None:
    """``count`` submissions by as many students; the round makes each file another one."""
    shutil.rmtree(course.submitted, ignore_errors=True)
    for i in range(count):
        folder = course.submitted / f"student-{i:03}" / A1
        folder.mkdir(parents=True)
        (folder / f"{A1}.ipynb").write_bytes(data.rstrip() + b"\n" * (round_ + 2))
        shutil.copy(course.assignments / A1 / "checks.npz", folder)


def timed(command: list[str], cwd: Path) -> float:
    """Wall time of a command, which must succeed."""
    start = time.monotonic()
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    return time.monotonic() - start


def make_course(root: Path, stock: bool) -> Course:
    """A course with a fresh release; with ``stock`` its settings are nbgrader's own."""
    root.mkdir(parents=True)
    for name in ("_config.yml", "nbgrader_config.py"):
        shutil.copy(source.ROOT / name, root)
    course = Course(root)
    release(course, A1)
    if stock:
        (root / "nbgrader_config.py").write_text(STOCK.format(root=str(course.grading)))
    return course


def compare(count: int, rounds: int) -> None:
    """Print wall time per submission of both graders, in turns, and the ratio of the medians."""
    with tempfile.TemporaryDirectory() as scratch:
        ours = make_course(Path(scratch) / "ours", stock=False)
        stock = make_course(Path(scratch) / "stock", stock=True)
        print(f"{count} submissions a round, {rounds} rounds, in turns, {os.cpu_count()} cores")
        for name, style in STYLES.items():
            data = notebook(ours.root, style)
            times: dict[str, list[float]] = {"stock": [], "ours": []}
            for k in range(rounds):
                hand_in(ours, count, data, k)
                hand_in(stock, count, data, k)
                run = [sys.executable, "-m", "nbgrader", "autograde", A1, "--force"]
                times["stock"].append(timed(run, stock.root) / count)
                run = [sys.executable, "-m", "autograder.cli", "grade", A1, "--force"]
                times["ours"].append(timed(run, ours.root) / count)
            a, b = (statistics.median(times[x]) for x in ("stock", "ours"))
            print(
                f"{name}: stock {a:.2f} s, course grade {b:.3f} s per submission, starting "
                f"included; ratio {a / b:.1f}"
            )


def overhead(count: int) -> None:
    """Print what one submission costs in a warm grader, with and without its own cells."""
    with tempfile.TemporaryDirectory() as scratch:
        course = make_course(Path(scratch) / "course", stock=False)
        for name, style in STYLES.items():
            data = notebook(course.root, style)
            submission = submission_of(RawSubmission(data, "graded"), load_release(A1, course.root))
            with Grader(course, A1) as grader:
                grader.grade("warm-up", submission)
                total, cells, memory = [], [], []
                for k in range(count):
                    start = time.monotonic()
                    result = grader.grade(f"s{k}", submission)
                    total.append(time.monotonic() - start)
                    cells.append(run_cells(submission))
                    memory.append(resident_mb())
                assert result.score == result.max_score
            beyond = statistics.median(t - c for t, c in zip(total, cells))
            print(
                f"{name}: {statistics.median(total):.3f} s per submission in a warm grader, "
                f"{beyond:.3f} s beyond its own cells; the grader's memory {memory[0]:.0f} MB, "
                f"after {count} submissions {memory[-1]:.0f} MB"
            )


def run_cells(submission: Submission) -> float:
    """Seconds that the cells which the grader runs take in a warm interpreter, this process."""
    shell = shells.make_shell()
    start = time.monotonic()
    for cell in submission.cells:
        if cell.cell_type == "code" and cell.kind not in ("check", "free"):
            assert shells.run_cell(shell, cell.source, 60)["ended"] == "done"
    return time.monotonic() - start


def resident_mb() -> float:
    """Resident memory of this process."""
    return int(re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=12, help="submissions a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--warm", type=int, default=100, help="submissions in a warm grader")
    args = parser.parse_args()
    overhead(args.warm)
    compare(args.count, args.rounds)


if __name__ == "__main__":
    main()
