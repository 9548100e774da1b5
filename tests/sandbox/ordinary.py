"""Run a command as an ordinary user, also where root's Python lies in a folder only root may enter.

Root starts it in a file system made of the same parts, in which every folder on the way to Python
and to the course can be entered, and then gives up being root. An ordinary user just runs it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from autograder.sandbox.wall import ROOT, python_folders

USER = "54321"
"""A number that no account of a machine has; no account is needed."""


def command(args: Sequence[str]) -> list[str]:
    """The command line that runs ``args`` as an ordinary user."""
    if os.getuid() != 0:
        return list(args)
    made = ["bwrap", "--die-with-parent", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    for folder in ("/usr", "/etc", "/bin", "/sbin", "/lib", "/lib32", "/lib64"):
        path = Path(folder)
        if path.is_symlink():
            made += ["--symlink", str(path.readlink()), folder]
        elif path.is_dir():
            made += ["--ro-bind", folder, folder]
    # The inner wall may mount /proc only where the outer one is whole.
    made += ["--dev-bind", "/proc", "/proc", "--dev-bind", "/dev", "/dev"]
    made += ["--perms", "1777", "--tmpfs", "/tmp"]
    visible = [*python_folders(), ROOT]
    folders = {p for path in visible for p in path.parents if p.name and p != Path("/tmp")}
    for folder in sorted(folders):
        made += ["--perms", "0755", "--dir", str(folder)]
    for path in visible:
        made += ["--ro-bind", str(path), str(path)]
    made += ["--chdir", str(ROOT), "--setenv", "HOME", "/tmp", "--unsetenv", "TMPDIR", "--"]
    return [*made, "setpriv", "--reuid", USER, "--regid", USER, "--clear-groups", *args]


def run(args: Sequence[str], timeout: float) -> subprocess.CompletedProcess[str]:
    """Run ``args`` as an ordinary user from the course's folder."""
    return subprocess.run(
        command(args), cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False
    )
