"""``make faults``: kill parts of real grading runs at random moments, and look at what is left.

A small class is graded behind the wall with two processes. At a moment drawn from a seed, one part
is ended: the command itself, a grading process or a sandbox. It gets SIGKILL, or is moved into a
control group without memory, where the kernel kills it when it next takes a page; where control
groups cannot be made, its address space is bounded instead, so that it gets no more memory. The
command must go on without a grading process or a sandbox; when it was killed itself, it is started
again. In the end records, graded notebooks and gradebook must be those of an undisturbed run, with
nothing left over.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import copy
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
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


# --- ways to end a part ---------------------------------------------------------------------------


def send_sigkill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def refuse_memory(pid: int) -> None:
    """Let a process have no more memory than it has: what it asks for is refused."""
    resource.prlimit(pid, resource.RLIMIT_AS, (2**20, 2**20))


def memory_groups() -> Path | None:
    """The folder in which control groups with bounded memory can be made, or None."""
    for folder in (Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")):
        with contextlib.suppress(OSError):
            group = folder / f"unrolled-{os.getpid()}-try"
            group.mkdir()
            found = limit_of(group)
            group.rmdir()
            if found:
                return folder
    return None


def limit_of(group: Path) -> Path | None:
    """The file that holds a control group's bound on memory, of either version of them."""
    names = ("memory.limit_in_bytes", "memory.max")
    return next((group / n for n in names if (group / n).is_file()), None)


def oom_kills(group: Path) -> int:
    """How many processes of a control group the kernel has killed for want of memory."""
    names = ("memory.oom_control", "memory.events")
    text = "".join((group / n).read_text() for n in names if (group / n).is_file())
    counts = dict(line.split() for line in text.splitlines())
    return int(counts.get("oom_kill", 0))


def run_out_of_memory(pid: int) -> None:
    """Move a process into a control group without memory and wait until the kernel kills it.

    Raises:
        ProcessLookupError: it ended by itself before.
    """
    folder = memory_groups()
    assert folder is not None
    group = folder / f"unrolled-{os.getpid()}-{pid}"
    group.mkdir()
    try:
        limit = limit_of(group)
        assert limit is not None
        limit.write_text("4096")
        (group / "cgroup.procs").write_text(str(pid))
        while members(group):
            time.sleep(0.05)
        if oom_kills(group) == 0:
            raise ProcessLookupError("it ended by itself")
    finally:
        while members(group):
            time.sleep(0.05)
        group.rmdir()


def members(group: Path) -> list[str]:
    """The processes of a control group."""
    return (group / "cgroup.procs").read_text().split()


def ways() -> dict[str, Callable[[int], None]]:
    """How a part can be ended on this machine."""
    memory = run_out_of_memory if memory_groups() else refuse_memory
    name = "killed for want of memory" if memory is run_out_of_memory else "refused memory"
    return {"killed": send_sigkill, name: memory}


# --- one run --------------------------------------------------------------------------------------


def trial(
    course: Course,
    undisturbed: dict[str, Any],
    seed: int,
    seconds: float,
    root: Path,
    end: Callable[[int], None] = send_sigkill,
) -> tuple[str, float]:
    """End one part of a run at a random moment; return which and when.

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
    try:
        end(rng.choice(victims))
    except (IndexError, ProcessLookupError):
        target = "nothing, it was over"
    if target == "command" or end is refuse_memory:
        process.communicate(timeout=PATIENCE)
    else:
        finish(process)
    finish(start(here, *GRADE))
    assert state(here) == undisturbed, f"seed {seed}: {target} ended after {moment:.1f} s"
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
    in_turns = list(ways().items())
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
            how, end = in_turns[seed % len(in_turns)]
            try:
                target, moment = trial(course, undisturbed, seed, seconds, root, end)
            except (AssertionError, RuntimeError, subprocess.TimeoutExpired) as error:
                failed += 1
                print(f"seed {seed}: FAILED: {str(error)[:2000]}", flush=True)
                continue
            counts[f"{target} {how}"] += 1
            print(f"seed {seed}: {target} {how} after {moment:.1f} s: the same", flush=True)
    killed = ", ".join(f"{name} {n}" for name, n in sorted(counts.items()))
    print(f"{args.count} runs disturbed ({killed}), {failed} ended differently")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
