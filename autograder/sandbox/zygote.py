"""The first process inside the wall: imports everything once, then forks for every submission.

It obeys the grader over a socket on file descriptor 0, one JSON packet a command: ``fork`` (with
the descriptor of the submission's pipe) and ``end`` (kill all that is left, report). It is process
1 of its namespace, so nothing inside can kill it and ``kill(-1)`` reaches all that a submission
started. It may import torch, but computes nothing: thread pools would not survive the fork.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import json
import os
import re
import resource
import select
import signal
import socket
import stat
import sys
from pathlib import Path
from typing import Any

from autograder.sandbox import kernel, limits
from autograder.sandbox import shell as shells
from autograder.sandbox.student import Side

WORK = "/tmp/work"


def main() -> None:
    """Serve until the grader closes the socket. ``argv[1]`` is a JSON object of settings."""
    settings = json.loads(sys.argv[1])
    control = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    shell, rules = warm_up(settings)
    for fd in (1, 2):  # from here on nothing is said to the grader but over the socket
        os.dup2(null, fd)
    control.send(json.dumps({"ready": os.getpid()}).encode())
    gc.collect()
    gc.freeze()
    job = Job()
    while True:
        if not select.select([control], [], [], limits.MEMORY_POLL_SECONDS if job.pid else None)[0]:
            job.watch()
            continue
        packet, fds, _, _ = socket.recv_fds(control, 65536, 1)
        if not packet:
            break
        command = json.loads(packet)
        if command["op"] == "fork":
            job.end()
            job = Job(os.fork())
            if job.pid == 0:
                control.close()
                child(fds[0], shell, rules, settings)
            os.close(fds[0])
            control.send(json.dumps({"pid": job.pid}).encode())
        else:
            job.end()
            control.send(json.dumps({"reason": job.reason}).encode())
    job.end()


def warm_up(settings: dict[str, Any]) -> tuple[Any, Any]:
    """Import what submissions import; make the shell and the system call filter."""
    for name in ("check", "diagrams", "data", "plot", "text"):
        importlib.import_module(f"unrolled.{name}")
    if settings["torch"]:
        # The first gradient imports the second, the first optimizer the third: a second each.
        for name in ("torch", "torch.fx.experimental.symbolic_shapes", "torch._dynamo"):
            importlib.import_module(name)
        sys.modules["torch"].set_num_threads(1)
    rules = None
    if settings["wall"]:
        kernel.hide_from_others()
        rules = kernel.system_call_filter()
    shell = shells.make_shell()
    draw_something()
    return shell, rules


def draw_something() -> None:
    """Draw a figure, so that matplotlib finds its fonts and loads its backend once."""
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots()
    ax.set_title("$h_t$")
    ax.plot([0, 1], label="a")
    ax.legend()
    fig.savefig(io.BytesIO(), format="png")
    plt.close(fig)


class Job:
    """The processes of one submission, seen from process 1."""

    def __init__(self, pid: int = 0):
        self.pid = pid
        self.reason = ""
        self.baseline = anonymous_bytes("self") if pid else 0

    def watch(self) -> None:
        """Reap what ended; kill everything when the memory is used up."""
        reap()
        held = sorted((anonymous_bytes(pid) for pid in others()), reverse=True)
        # A fork shares the pages of this process until it writes to them, which nobody counts: so
        # what they weigh is only taken off a few processes.
        shared = [self.baseline] * limits.LIGHT_PROCESSES + [0] * len(held)
        total = sum(max(h - s, 0) for h, s in zip(held, shared))
        if total + sockets() * limits.SOCKET_BYTES > limits.MEMORY_BYTES:
            self.reason = "memory"
            kill_all(self.pid)

    def end(self) -> None:
        """Kill and reap everything that is left of the submission."""
        while self.pid and kill_all(self.pid):
            if not reap(block=True):
                break
        self.pid = 0


def kill_all(pid: int) -> bool:
    """Send SIGKILL to all of a submission; False when nothing is left to kill."""
    try:
        if os.getpid() == 1:
            os.kill(-1, signal.SIGKILL)
        else:  # without the wall: the process group is all that can be reached
            os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def reap(block: bool = False) -> bool:
    """Collect ended children; with ``block`` wait for one. False when there are none."""
    with contextlib.suppress(ChildProcessError):
        if block:
            os.waitpid(-1, 0)
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return True
    return False


def others() -> list[str]:
    """The other processes of this process namespace (of this group without the wall)."""
    if os.getpid() != 1:
        return []
    return [p for p in os.listdir("/proc") if p.isdigit() and p != "1"]


def sockets() -> int:
    """Open sockets behind the wall: what waits in them is memory of no process."""
    try:
        found = re.search(r"sockets: used (\d+)", Path("/proc/net/sockstat").read_text())
    except OSError:
        return 0
    return int(found[1]) if found else 0


def anonymous_bytes(pid: str | int) -> int:
    """Memory of a process that no file backs: private pages and shared anonymous ones."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return sum(int(kb) * 1024 for kb in re.findall(r"^Rss(?:Anon|Shmem):\s+(\d+)", status, re.M))


def child(fd: int, shell: Any, rules: Any, settings: dict[str, Any]) -> None:
    """Become the student's process: close the wall behind, then serve the pipe. Never returns."""
    try:
        os.dup2(fd, 3)
        os.closerange(4, os.sysconf("SC_OPEN_MAX"))
        sock = socket.socket(fileno=3)
        os.setsid()
        if settings["wall"]:
            enclose(settings["uid"], rules, settings["below_tmp"])
        else:
            os.chdir(settings["work"])
        shells.prepare(shell)
        Side(sock, shell).serve()
    finally:
        os._exit(0)


def empty_tmp(below: list[str]) -> None:
    """Mount an empty file system over /tmp, in which the paths ``below`` it stay visible.

    They are part of the Python or the course where that lies in /tmp, such as a clone for trying.
    """
    held = [os.open(path, os.O_PATH) for path in below]
    kernel.mount_tmpfs("/tmp", limits.DISK_BYTES, limits.DISK_INODES)
    for path, fd in zip(below, held):
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            target.mkdir(exist_ok=True)
        else:
            target.touch()
        kernel.bind(f"/proc/self/fd/{fd}", path)
        os.close(fd)


def enclose(uid: int | None, rules: Any, below_tmp: list[str]) -> None:
    """Fresh files, bounded resources, no privileges, fewer system calls."""
    kernel.unshare_files_and_ipc()
    empty_tmp(below_tmp)
    kernel.mount_tmpfs("/dev/shm", limits.DISK_BYTES, limits.DISK_INODES)
    for folder in (WORK, "/tmp/home"):
        os.mkdir(folder)
        os.chmod(folder, 0o777)
    for file in os.listdir(limits.MATERIAL):
        os.symlink(f"{limits.MATERIAL}/{file}", f"{WORK}/{file}")
    os.chdir(WORK)
    with contextlib.suppress(OSError):  # so that a kernel short of memory takes this one first
        Path("/proc/self/oom_score_adj").write_text("1000")
    mapped = next(
        int(line.split()[1]) * 1024
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmSize")
    )
    for what, bound in {
        resource.RLIMIT_AS: mapped + limits.ADDRESS_SPACE_BYTES,
        resource.RLIMIT_CPU: limits.CPU_SECONDS,
        resource.RLIMIT_FSIZE: limits.FILE_BYTES,
        resource.RLIMIT_NOFILE: limits.OPEN_FILES,
        resource.RLIMIT_NPROC: limits.PROCESSES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }.items():
        resource.setrlimit(what, (bound, bound))
    kernel.drop_privileges(uid)
    rules.load()


if __name__ == "__main__":
    main()
