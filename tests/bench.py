"""``make bench``: the same honest submissions with stock nbgrader and with this course's grader.

Both grade in turns, round after round, on the same machine in one run; printed are the wall time
per submission of each, the ratio, what a submission costs beyond running its own cells, and memory.
Times on one machine at one moment: compare the ratio, not the seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import multiprocessing
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from autograder import source
from autograder.course import Course
from autograder.judge import Grader
from autograder.release import load_release, notebook_bytes, release
from autograder.sample_class import restyle, solve
from autograder.sandbox import shell as shells
from autograder.sandbox import wall
from autograder.sanitize import RawSubmission, Submission, submission_of

A1 = "a1_rnn"
STYLES = {"numpy a1_rnn": None, "torch a1_rnn": "torch_autograd"}
COMMANDS = {"stock": ["nbgrader", "autograde"], "ours": ["autograder.cli", "grade"]}
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
        print(
            f"{count} submissions a round, {rounds} rounds, in turns, sandbox on, "
            f"{len(os.sched_getaffinity(0))} cores",
            flush=True,
        )
        for name, style in STYLES.items():
            data = notebook(ours.root, style)
            times: dict[str, list[float]] = {"stock": [], "ours": []}
            for k in range(rounds):
                hand_in(ours, count, data, k)
                hand_in(stock, count, data, k)
                turns = {"stock": stock, "ours": ours}
                for who in sorted(turns, reverse=k % 2 == 0):  # each goes first in turn
                    run = [sys.executable, "-m", *COMMANDS[who], A1, "--force"]
                    times[who].append(timed(run, turns[who].root) / count)
            a, b = (statistics.median(times[x]) for x in ("stock", "ours"))
            print(
                f"{name}: stock {a:.2f} s, course grade {b:.3f} s per submission, starting "
                f"included; ratio {a / b:.1f}",
                flush=True,
            )


def overhead(count: int) -> None:
    """Print what one submission costs in a warm grader, with and without its own cells.

    Each notebook is graded in a process of its own, as a worker of ``course grade`` is one.
    """
    with tempfile.TemporaryDirectory() as scratch:
        course = make_course(Path(scratch) / "course", stock=False)
        for name in STYLES:
            process = multiprocessing.get_context("spawn").Process(
                target=warm, args=(course.root, name, count)
            )
            process.start()
            process.join()
            if process.exitcode:
                raise SystemExit(f"{name} could not be measured")


def warm(root: Path, name: str, count: int) -> None:
    """Grade one notebook ``count`` times in this process and print what it took."""
    data = notebook(root, STYLES[name])
    submission = submission_of(RawSubmission(data, "graded"), load_release(A1, root))
    with (
        Grader(Course(root), A1) as grader,
        # Elsewhere, because what the cells import is no memory of the grader.
        ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as elsewhere,
    ):
        grader.grade("warm-up", submission)
        elsewhere.submit(run_cells, submission).result()
        total, cells, cells_cpu, cpu, own, sandbox = [], [], [], [], [], []
        for k in range(count):
            before = used_by(grader)
            start = time.monotonic()
            result = grader.grade(f"s{k}", submission)
            total.append(time.monotonic() - start)
            cpu.append(used_by(grader) - before)
            if result.score != result.max_score:
                raise SystemExit(f"{name}: {result.score} of {result.max_score} points")
            own.append(proportional_mb([os.getpid()]))
            sandbox.append(proportional_mb(descendants(sandbox_of(grader))))
            wall_time, processor_time = elsewhere.submit(run_cells, submission).result()
            cells.append(wall_time)
            cells_cpu.append(processor_time)
    for what, whole, part in (("wall", total, cells), ("processor", cpu, cells_cpu)):
        beyond = statistics.mean(whole) - statistics.mean(part)
        print(
            f"{name}, warm, {what} time: {statistics.mean(whole):.3f} s per submission, of which "
            f"{beyond:.3f} s beyond its own cells"
        )
    print(
        f"{name}, memory: worker {own[0]:.0f} MB and its sandbox {sandbox[0]:.0f} MB; after "
        f"{count} submissions {own[-1]:.0f} MB and {sandbox[-1]:.0f} MB",
        flush=True,
    )


def run_cells(submission: Submission) -> tuple[float, float]:
    """Wall and processor seconds that the cells which the grader runs take in this process."""
    shell = shells.make_shell()
    start, before = time.monotonic(), time.process_time()
    for cell in submission.cells:
        if cell.cell_type == "code" and cell.kind not in ("check", "free"):
            ended = shells.run_cell(shell, cell.source, 60)["ended"]
            if ended != "done":
                raise RuntimeError(f"A cell of an honest submission ended with {ended}.")
    return time.monotonic() - start, time.process_time() - before


def sandbox_of(grader: Grader) -> list[int]:
    """The outermost process of each sandbox that runs."""
    processes = [zygote._process for zygote in grader._zygotes.values()]
    return [process.pid for process in processes if process]


def descendants(pids: list[int]) -> list[int]:
    """These processes and all below them."""
    found, left = list(pids), list(pids)
    while left:
        pid = left.pop()
        for file in Path(f"/proc/{pid}/task").glob("*/children"):
            below = [int(p) for p in file.read_text().split()]
            found += below
            left += below
    return found


def proportional_mb(pids: list[int]) -> float:
    """Memory of processes, what is shared counted once."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(re.search(r"^Pss:\s+(\d+)", text, re.M)[1])
    return total / 1024


def used_by(grader: Grader) -> float:
    """Processor seconds of this process and of all in the sandboxes, the ended ones included."""
    ticks = 0
    for pid in descendants(sandbox_of(grader)):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=24, help="submissions a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--warm", type=int, default=500, help="submissions in a warm grader")
    args = parser.parse_args()
    wall.require()
    print(f"load average before: {' '.join(f'{x:.1f}' for x in os.getloadavg())}", flush=True)
    compare(args.count, args.rounds)
    overhead(args.warm)
    print(f"load average after: {' '.join(f'{x:.1f}' for x in os.getloadavg())}")


if __name__ == "__main__":
    main()
