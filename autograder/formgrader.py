"""nbgrader's formgrader, in which a person marks the written answers, started by one command."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from autograder.course import MARKER, Course, CourseError
from autograder.gradebook import check_version, open_gradebook, put_tools_on_path

HOST = "127.0.0.1"
PATIENCE = 90.0
"""Seconds until a server that does not answer counts as one that did not start."""


def waiting(course: Course) -> dict[str, int]:
    """Submissions with marks that a person has yet to give, by assignment."""
    with open_gradebook(course) as gradebook:
        return {
            entry.name: sum(bool(s.needs_manual_grade) for s in entry.submissions)
            for entry in gradebook.assignments
        }


@contextlib.contextmanager
def serving(course: Course, port: int = 0) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run a Jupyter server with the formgrader on this machine alone; gives address and process.

    Args:
        port: 0 for any that is free.

    Raises:
        CourseError: there are no marks yet, the port is taken, or the server does not start.
    """
    require(course)
    port = free_port(port)
    token = secrets.token_urlsafe(24)
    put_tools_on_path()  # nbgrader looks there for alembic
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        server = subprocess.Popen(
            command(course.root, port),
            cwd=course.root,
            # not on the command line, where everybody on the machine can read it
            env={**os.environ, "JUPYTER_TOKEN": token},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            wait_for(server, f"http://{HOST}:{port}/api/status?token={token}", log)
            yield f"http://{HOST}:{port}/formgrader/gradebook?token={token}", server
        finally:
            end(server)


def end(server: subprocess.Popen[bytes]) -> None:
    """Ask the server to end, and end it if it does not."""
    server.terminate()
    try:
        server.wait(timeout=20)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def require(course: Course) -> None:
    """Raise CourseError unless there is a gradebook that nbgrader reads, and its settings."""
    if not course.gradebook.is_file():
        raise CourseError(
            f"There is nothing to mark yet: {course.gradebook} does not exist. Run: "
            + course.command("grade ASSIGNMENT")
        )
    check_version(course.gradebook)
    if not (course.root / MARKER).is_file():
        raise CourseError(f"{course.root / MARKER} is missing; nbgrader finds the course by it.")


def command(root: Path, port: int) -> list[str]:
    """A server on the loopback alone, with the formgrader, without terminals or a browser."""
    settings = {
        "ip": HOST,
        "port": port,
        "port_retries": 0,
        "root_dir": root,
        "open_browser": False,
        "terminals_enabled": False,
        "log_level": "WARN",
        "jpserver_extensions": "{'nbgrader.server_extensions.formgrader': True}",
        "allow_root": getattr(os, "geteuid", lambda: 1)() == 0,
    }
    options = [f"--ServerApp.{name}={value}" for name, value in settings.items()]
    return [sys.executable, "-m", "jupyter_server", *options]


def free_port(port: int) -> int:
    """``port`` if it is free, any free one for 0; raises CourseError if it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise CourseError(
                f"Port {port} cannot be used ({error.strerror}); name another one with --port."
            ) from error
        return probe.getsockname()[1]


def wait_for(server: subprocess.Popen[bytes], address: str, log: IO[str]) -> None:
    """Return when the server answers; raises CourseError with the end of ``log`` if it ends."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if server.poll() is not None:
            log.seek(0)
            said = log.read().strip().splitlines()
            raise CourseError(f"The Jupyter server did not start: {' '.join(said[-3:])}")
        with contextlib.suppress(OSError):
            urllib.request.urlopen(address, timeout=5).close()
            return
        time.sleep(0.2)
    raise CourseError(f"The Jupyter server did not answer within {PATIENCE:g} s.")


def run(course: Course, port: int = 0) -> None:
    """Serve until the person presses Ctrl-C; say before where, and what waits.

    Raises:
        CourseError: as :func:`serving`, and if the server ends by itself.
    """
    require(course)
    for assignment, count in waiting(course).items():
        print(f"{assignment}: submissions that wait for marks of a person: {count}.")
    print("Starting nbgrader's formgrader ...", flush=True)
    with serving(course, port) as (address, server), contextlib.suppress(KeyboardInterrupt):
        print(f"It is at {address}\nuntil you press Ctrl-C.", end=" ")
        print("Marks and comments stay when you grade again.", flush=True)
        server.wait()
        raise CourseError(
            f"The server has ended by itself (exit status {server.returncode}). Marks that "
            "were saved are in the gradebook; the same command starts it again."
        )
    print("\nThe formgrader has ended; the marks are in the gradebook.")
