"""``make faults``: kill parts of real grading runs at random moments, and look at what is left.

A small class is graded behind the wall with two processes. At a moment drawn from a seed, one part
gets SIGKILL: the command itself, a grading process or a sandbox. The command must go on without a
grading process or a sandbox; when it was killed itself, it is started again. In the end records,
graded notebooks and gradebook must be those of an undisturbed run, with nothing left over.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import copy
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from autograder import gradebook as gb
from autograder import source
from autograder.course import TEMPORARY, Course
from autograder.release import load_release, notebook_bytes, release
from autograder.sample_class import mistake, restyle, solve

A1 = "a1_rnn"
TARGETS = ("command", "grading process", "sandbox")
GRADE = ("autograder.cli", "grade", A1, "--jobs", "2")
PATIENCE = 300.0
"""Seconds for a run over four submissions; it takes ten on a quiet machine."""


def make_course(root: Path) -> Course:
    """A released course with four submissions: right, with a mistake, in torch, unreadable."""
    root.mkdir(parents=True)
    for name in ("_config.yml", "nbgrader_config.py"):
        shutil.copy(source.ROOT / name, root)
    course = Course(root)
    release(course, A1)
    course.secret()
    right = copy.deepcopy(load_release(A1, root))
    solve(right, A1)
    wrong, torch = copy.deepcopy(right), copy.deepcopy(right)
    mistake(wrong, A1, "rnn_backward", "future-ignored")
    restyle(torch, source.load_variants(A1)["torch_autograd"])
    class_ = {name: notebook_bytes(nb) for name, nb in zip("abc", (right, wrong, torch))}
    class_["d"] = class_["a"][:3000]
    for student, data in class_.items():
        folder = course.submitted / student / A1
        folder.mkdir(parents=True)
        (folder / f"{A1}.ipynb").write_bytes(data)
    return course


def copy_of(course: Course, root: Path) -> Course:
    shutil.copytree(course.root, root)
    return Course(root)


def start(course: Course, *words: str) -> subprocess.Popen:
    """Start a module as a command in the course's folder."""
    return subprocess.Popen(
        [sys.executable, "-m", *words],
        cwd=course.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen) -> str:
    """Wait for a command; what it said on stderr. Raises RuntimeError unless it ended well."""
    _, said = process.communicate(timeout=PATIENCE)
    if process.returncode != 0:
        raise RuntimeError(f"the command ended with {process.returncode}: {said[-2000:]}")
    return said


def state(course: Course) -> dict[str, Any]:
    """Records without times, graded notebooks, marks and comments."""
    records = {}
    for path in sorted((course.records / A1).glob("*.json")):
        records[path.stem] = json.loads(path.read_bytes())
        del records[path.stem]["seconds"]
    notebooks = {str(p): p.read_bytes() for p in course.autograded.rglob("*") if p.is_file()}
    with gb.open_gradebook(course) as gradebook:
        rows = {
            submission.student.id: (
                sorted(
                    (g.name, g.auto_score, g.manual_score, g.needs_manual_grade)
                    for g in submission.notebooks[0].grades
                ),
                sorted((c.name, c.auto_comment) for c in submission.notebooks[0].comments),
            )
            for submission in gradebook.assignment_submissions(A1)
        }
    short = {p.removeprefix(str(course.root)): data for p, data in notebooks.items()}
    return {"records": records, "notebooks": short, "gradebook": rows}


def processes(course: Course) -> dict[str, list[int]]:
    """What runs for a course, found by working folder and command line."""
    found: dict[str, list[int]] = {name: [] for name in TARGETS}
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if not folder.name.isdigit():
                continue
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if line.startswith("bwrap") and str(course.root) in line:
                below = Path(f"/proc/{folder.name}/task/{folder.name}/children").read_text()
                found["sandbox"] += [int(folder.name), *map(int, below.split())]
            elif (folder / "cwd").readlink() == course.root:
                if "autograder.cli" in line:
                    found["command"].append(int(folder.name))
                elif "spawn_main" in line:
                    found["grading process"].append(int(folder.name))
    return found


def trial(
    course: Course, undisturbed: dict[str, Any], seed: int, seconds: float, root: Path
) -> tuple[str, float]:
    """Kill one part of a run at a random moment; return which and when.

    Raises:
        AssertionError: what is left differs from an undisturbed run.
        RuntimeError: the run did not go on, or the next one failed.
    """
    rng = random.Random(seed)
    target, moment = rng.choice(TARGETS), rng.uniform(0.2, seconds)
    here = copy_of(course, root)
    process = start(here, *GRADE)
    time.sleep(moment)
    victims: list[int] = []
    while process.poll() is None and not (victims := processes(here)[target]):
        time.sleep(0.05)
    if victims:
        with contextlib.suppress(ProcessLookupError):
            os.kill(rng.choice(victims), signal.SIGKILL)
    else:
        target = "nothing, it was over"
    if target == "command":
        process.communicate(timeout=PATIENCE)
    else:
        finish(process)
    finish(start(here, *GRADE))
    assert state(here) == undisturbed, f"seed {seed}: {target} killed after {moment:.1f} s"
    left = [str(p) for p in here.grading.rglob(f"{TEMPORARY}*")]
    assert left == [], f"seed {seed}: {left}"
    until = time.monotonic() + 60
    while any(processes(here).values()) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(processes(here).values()), f"seed {seed}: {processes(here)} live on"
    shutil.rmtree(root)
    return target, moment


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=40, help="runs that are disturbed")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first")
    args = parser.parse_args()
    counts: collections.Counter[str] = collections.Counter()
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        course = make_course(Path(scratch).resolve() / "course")
        whole = copy_of(course, Path(scratch).resolve() / "undisturbed")
        begin = time.monotonic()
        finish(start(whole, *GRADE))
        seconds = time.monotonic() - begin
        undisturbed = state(whole)
        print(f"undisturbed: {seconds:.1f} s", flush=True)
        for seed in range(args.seed, args.seed + args.count):
            root = Path(scratch).resolve() / f"trial-{seed}"
            try:
                target, moment = trial(course, undisturbed, seed, seconds, root)
            except (AssertionError, RuntimeError, subprocess.TimeoutExpired) as error:
                failed += 1
                print(f"seed {seed}: FAILED: {str(error)[:2000]}", flush=True)
                continue
            counts[target] += 1
            print(f"seed {seed}: {target} killed after {moment:.1f} s: the same", flush=True)
    killed = ", ".join(f"{name} {n}" for name, n in sorted(counts.items()))
    print(f"{args.count} runs disturbed ({killed}), {failed} ended differently")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
