"""The bubblewrap command line around the zygote, and whether this machine can run it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

from autograder.course import CourseError
from autograder.sandbox.limits import MATERIAL

ROOT = Path(__file__).resolve().parent.parent.parent
REMEDY = "install it with: apt-get install bubblewrap libseccomp2"

# What process 1 needs to set up a submission and to clear it away; a submission has none of it.
CAPABILITIES = ("SYS_ADMIN", "SETPCAP", "KILL")
AS_ROOT = ("SETUID", "SETGID", "SYS_RESOURCE")


class WallError(CourseError):
    """The wall cannot be put up on this machine; one sentence says why and what to do."""


def command(material: Path, settings: str) -> list[str]:
    """The command that starts the zygote behind the wall.

    Args:
        material: folder of public files that submissions find in their working folder.
        settings: JSON for the zygote.
    """
    root = os.getuid() == 0
    args = ["bwrap", "--die-with-parent", "--new-session", "--as-pid-1", "--clearenv"]
    # As root the kernel would not count processes of user 0, so submissions run as another user
    # of the machine; an ordinary user gets a user namespace instead.
    args += ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    args += ["--unshare-cgroup-try", "--hostname", "unrolled"]
    args += [] if root else ["--unshare-user"]
    args += ["--cap-drop", "ALL"]
    for capability in (*CAPABILITIES, *(AS_ROOT if root else ())):
        args += ["--cap-add", f"CAP_{capability}"]
    for name, value in environment().items():
        args += ["--setenv", name, value]
    args += files(material)
    return [*args, "--", sys.executable, *python_flags(), settings]


def python_flags() -> list[str]:
    """Isolated mode: nothing of the working folder or the environment is imported."""
    return ["-I", "-m", "autograder.sandbox.zygote"]


def environment() -> dict[str, str]:
    """All environment variables inside the wall."""
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": "/tmp/home",
        "USER": "student",
        "LOGNAME": "student",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "OMP_NUM_THREADS": "1",  # a pool per submission would only fight for the same cores
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }


def files(material: Path) -> list[str]:
    """What is visible inside, all of it read-only: the system, Python, two packages, the material.

    The course's solutions, gradebook, records and the submissions are not among it.
    """
    args = ["--ro-bind", "/usr", "/usr", "--perms", "0755", "--dir", "/etc"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        path = Path("/", name)
        if path.is_symlink():
            args += ["--symlink", str(path.readlink()), f"/{name}"]
        elif path.is_dir():
            args += ["--ro-bind", f"/{name}", f"/{name}"]
    for path in ("/etc/ld.so.cache", "/etc/fonts", "/etc/localtime", "/etc/alternatives"):
        args += ["--ro-bind-try", path, path]
    args += ["--perms", "1777", "--tmpfs", "/tmp"]
    visible = visible_paths()
    # bubblewrap makes the folders above a mount for its own user only; submissions are another.
    for folder in sorted({parent for path in visible for parent in path.parents if parent.name}):
        args += ["--perms", "0755", "--dir", str(folder)]
    for path in visible:
        args += ["--ro-bind", str(path), str(path)]
    args += ["--ro-bind", str(material), MATERIAL]
    args += ["--proc", "/proc", "--dev", "/dev", "--chdir", "/tmp"]
    return [*args, "--remount-ro", "/dev", "--remount-ro", "/"]


def visible_paths() -> list[Path]:
    """What is bound at its own path: Python, its environment, and the packages used inside."""
    own = [ROOT / "unrolled", ROOT / "autograder/__init__.py", ROOT / "autograder/sandbox"]
    return [*python_folders(), *own]


def python_folders() -> list[Path]:
    """The folders of this Python and of its environment, unless they lie under /usr."""
    found: list[Path] = []
    executable = Path(sys.executable).resolve().parent.parent
    for folder in (Path(sys.base_prefix), executable, Path(sys.prefix)):
        if folder not in found and not folder.is_relative_to("/usr"):
            found.append(folder)
    return found


@lru_cache(maxsize=1)
def missing() -> str | None:
    """None if the wall can be put up, else one sentence that says what is missing and the remedy.

    It is found by trying: the same kinds of namespaces around ``true``.
    """
    if not sys.platform.startswith("linux"):
        return "Grading needs Linux: the wall around submissions is made of Linux namespaces."
    if shutil.which("bwrap") is None:
        return f"bubblewrap is not installed, and nothing is graded without its wall; {REMEDY}"
    try:
        import pyseccomp
    except (ImportError, OSError, RuntimeError) as error:
        return f"libseccomp cannot be loaded ({error}); {REMEDY}"
    assert pyseccomp
    full = command(ROOT / "unrolled", "{}")
    probe = [*full[: full.index("--")], "--", "/usr/bin/true"]
    try:
        done = subprocess.run(probe, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap cannot be run ({error}); {REMEDY}"
    if done.returncode == 0:
        return None
    why = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
    return (
        f"bubblewrap cannot make its namespaces here ({why[0]}); allow unprivileged user "
        "namespaces (sysctl kernel.unprivileged_userns_clone=1, or an AppArmor profile for bwrap), "
        "or run the grader as root; in a container start it with --privileged."
    )


def require() -> None:
    """Raise WallError unless the wall can be put up."""
    if reason := missing():
        raise WallError(reason)
