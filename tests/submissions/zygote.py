"""Attacks on process 1, from which the next submission will be forked. Wrong answers: just 0."""

from .case import FULL, POINTS, Handin, case
from .walls import HOLDS

LIBC = """
import contextlib
import ctypes
import os
import signal
libc = ctypes.CDLL(None, use_errno=True)


def tried(what, result):
    print(what, result, os.strerror(ctypes.get_errno()) if result == -1 else "DONE")
"""


def against_process_1(s: Handin, code: str, right: bool = False) -> None:
    s.right() if right else s.wrong()
    s.own(LIBC + HOLDS, where="setup")
    s.own(code, where="rnn_step_forward")


@case(0, stock=False)
def zygote_signals(s: Handin) -> None:
    """Every signal to process 1, with kill, tgkill, sigqueue and through a pidfd."""
    against_process_1(
        s,
        """
        for number in range(1, 65):
            with contextlib.suppress(OSError):
                os.kill(1, number)
            libc.syscall(234, 1, 1, number)
            libc.syscall(129, 1, number, ctypes.create_string_buffer(128))
        with contextlib.suppress(OSError):
            fd = os.pidfd_open(1)
            for number in (9, 19, 15):
                signal.pidfd_send_signal(fd, number)
        """,
    )


@case((0, FULL), stock=False, seconds=60)
def zygote_kill_all(s: Handin) -> None:
    """SIGSTOP and SIGKILL to everything: kill(-1), the group, the parent."""
    against_process_1(
        s,
        """
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for target in (-1, 1, os.getppid()):
                with contextlib.suppress(OSError):
                    os.kill(target, number)
        """,
        right=True,
    )


@case(0, stock=False)
def zygote_ptrace(s: Handin) -> None:
    """Attaches to process 1 with ptrace and process_vm, opens its memory, copies descriptors."""
    against_process_1(
        s,
        """
        tried("attach", libc.ptrace(16, 1, 0, 0))
        tried("seize", libc.ptrace(0x4206, 1, 0, 0))
        buffer = ctypes.create_string_buffer(64)
        vector = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 64)
        for number in (310, 311):
            result = libc.syscall(number, 1, vector, 1, vector, 1, 0)
            tried("process_vm", result)
            holds(result == -1)
        for file in ("mem", "maps", "environ", "fd/0", "fd/3", "root", "cwd", "exe", "auxv"):
            for mode in (os.O_RDONLY, os.O_WRONLY):
                with contextlib.suppress(OSError):
                    fd = os.open(f"/proc/1/{file}", mode)
                    print(file, mode, os.read(fd, 100) if mode == 0 else os.write(fd, b"x"))
        fd = os.pidfd_open(1)
        for number in range(10):
            holds(libc.syscall(438, fd, number, 0) == -1)
        """,
    )


@case(0, stock=False)
def zygote_limits(s: Handin) -> None:
    """Limits, priority, scheduling, processors, I/O class and oom score of process 1."""
    against_process_1(
        s,
        """
        import resource
        zero = (ctypes.c_ulong * 2)(0, 0)
        for what in range(16):
            result = libc.syscall(302, 1, what, zero, None)
            holds(result == -1)
        for what in ("oom_score_adj", "timerslack_ns", "coredump_filter", "comm", "uid_map",
                     "setgroups", "clear_refs", "autogroup", "attr/current", "sched"):
            with contextlib.suppress(OSError):
                with open(f"/proc/1/{what}", "w") as file:
                    file.write("1")
        for call in (
            lambda: os.setpriority(os.PRIO_PROCESS, 1, 19), lambda: os.sched_setaffinity(1, [0]),
            lambda: os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0)),
            lambda: os.nice(19), lambda: resource.prlimit(1, resource.RLIMIT_NOFILE, (4, 4)),
        ):
            with contextlib.suppress(OSError, PermissionError):
                call()
        """,
    )


@case(0, stock=False, seconds=60)
def zygote_children(s: Handin) -> None:
    """Leaves orphans, zombies, daemons and stopped processes to process 1."""
    against_process_1(
        s,
        """
        import time
        for k in range(30):
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    if k % 3 == 0:
                        os.kill(os.getpid(), signal.SIGSTOP)
                    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
                    time.sleep(100 if k % 2 else 0)
                os._exit(0)
        """,
    )


@case(0, stock=False)
def zygote_control_socket(s: Handin) -> None:
    """Looks for the control socket among all descriptors and writes commands into each."""
    against_process_1(
        s,
        """
        import socket
        print(os.listdir("/proc/self/fd"))
        for fd in range(0, 256):
            if fd == 3:
                continue
            for data in (b'{"op": "end"}', b'{"op": "fork"}', b"null"):
                with contextlib.suppress(OSError):
                    os.write(fd, data)
                with contextlib.suppress(OSError):
                    socket.socket(fileno=os.dup(fd)).send(data)
        """,
    )


@case(0, stock=False)
def zygote_modules(s: Handin) -> None:
    """Changes modules, types and memory that were shared at the fork; the next sees nothing."""
    against_process_1(
        s,
        """
        import builtins, json, sys
        import autograder.sandbox.zygote as zygote
        import autograder.sandbox.student as student
        np.tanh = np.exp = lambda v: v
        np.ndarray.__module__
        zygote.child = zygote.main = None
        student.Side.serve = None if False else student.Side.serve
        builtins.open = builtins.__import__
        ctypes.memset(id(0.0) + 16, 1, 1)
        sys.modules["numpy"] = sys.modules["torch"] = None
        """,
    )


@case((0, FULL), stock=False, seconds=60)
def zygote_memory_to_the_limit(s: Handin) -> None:
    """Fills memory, tmpfs and pipes to just below each limit and ends abruptly. Right answers."""
    against_process_1(
        s,
        """
        hog = [bytearray(b"x" * 2**20) for _ in range(1000)]
        pipes = [os.pipe() for _ in range(100)]
        for _, end in pipes:
            os.set_blocking(end, False)
            with contextlib.suppress(OSError):
                while True:
                    os.write(end, b"x" * 65536)
        """,
        right=True,
    )


@case(0, stock=False)
def zygote_namespaces(s: Handin) -> None:
    """New namespaces, mounts, chroot, setns into process 1, raised capabilities, setuid."""
    against_process_1(
        s,
        """
        for flag in (0x00020000, 0x10000000, 0x20000000, 0x40000000, 0x08000000, 0x04000000):
            holds(libc.unshare(flag) == -1)
            holds(libc.syscall(56, flag | 17, 0, 0, 0, 0) == -1)
        holds(libc.mount(b"tmpfs", b"/tmp/work", b"tmpfs", 0, None) == -1)
        holds(libc.umount2(b"/dev/shm", 2) == -1)
        for call in (lambda: os.chroot("/tmp"), lambda: os.setuid(0), lambda: os.setgid(0),
                     lambda: os.mknod("/tmp/work/disk", 0o60600, os.makedev(254, 0))):
            with contextlib.suppress(PermissionError, OSError):
                call()
                raise AssertionError("CANARY" + "-GAP-31f0")
        !mount -t tmpfs x /tmp/work; chroot /; unshare -r true; su -c id; passwd -l root
        """,
    )


@case(0, stock=False)
def proc_of_others(s: Handin) -> None:
    """Reads what /proc shows of anybody: environments, command lines, descriptors, kernel keys."""
    against_process_1(
        s,
        """
        import glob
        more = ["/proc/keys", "/proc/net/unix", "/proc/1/mountinfo", "/proc/cmdline"]
        for path in [*glob.glob("/proc/*/environ"), *glob.glob("/proc/*/cmdline"), *more]:
            with contextlib.suppress(OSError):
                print(path, open(path, "rb").read(3000))
        print(dict(os.environ))
        !ps aux; env; cat /etc/passwd /etc/shadow
        """,
    )


@case(0, stock=False)
def seeds_guessed(s: Handin) -> None:
    """Draws the inputs again for every small seed and every seed in sight, to foresee answers."""
    s.wrong()
    for name in POINTS:
        s.inside(
            name,
            f"""
            import gc
            from unrolled.exercise import load
            probe = load("a1_rnn")[{name!r}]
            ints = [o for o in gc.get_objects() if type(o) is int][:100]
            for seed in [*range(50), *ints]:
                first = probe.rng(seed, probe.main_case).normal()
                if np.any(np.asarray(args[0]) == first):
                    print("CANARY" + "-SECRET-9b1e7c52", seed)
            """
            if name != "numerical_gradient"
            else "pass",
            solve=False,
        )
