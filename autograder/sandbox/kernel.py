"""The few Linux calls that Python has no module for: mounts, namespaces, capabilities, seccomp."""

from __future__ import annotations

import ctypes
import errno
import os

import pyseccomp

CLONE_NEWNS = 0x00020000
CLONE_NEWIPC = 0x08000000
NAMESPACE_FLAGS = (
    CLONE_NEWNS,
    CLONE_NEWIPC,
    0x00000080,  # time
    0x02000000,  # cgroup
    0x04000000,  # uts
    0x10000000,  # user
    0x20000000,  # pid
    0x40000000,  # net
)
MS_NOSUID, MS_NODEV, MS_BIND = 2, 4, 0x1000
MS_REC, MS_PRIVATE = 0x4000, 0x40000
PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 4, 24, 38
CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)

# Calls that nothing in the course needs and that reach beyond the process: other processes, the
# kernel's configuration, memory or state that the other limits do not see or that outlives it.
DENIED = (
    *("mount", "umount2", "pivot_root", "fsopen", "fsmount", "move_mount", "open_tree"),
    *("mount_setattr", "unshare", "setns", "chroot"),
    *("ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp"),
    *("perf_event_open", "bpf", "userfaultfd", "process_madvise"),
    *("io_uring_setup", "io_uring_enter", "io_uring_register"),
    *("keyctl", "add_key", "request_key"),
    *("shmget", "msgget", "semget", "mq_open", "memfd_create", "memfd_secret"),
    *("setpriority", "sched_setscheduler", "sched_setparam", "sched_setattr"),
    *("sched_setaffinity", "ioprio_set"),
    *("reboot", "swapon", "swapoff", "acct", "quotactl", "syslog", "kexec_load"),
    *("init_module", "finit_module", "delete_module", "sethostname", "setdomainname"),
    *("name_to_handle_at", "open_by_handle_at", "fanotify_init"),
)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare_files_and_ipc() -> None:
    """Give the process a mount table and System V and POSIX queues of its own."""
    _check(_libc.unshare(CLONE_NEWNS | CLONE_NEWIPC), "unshare")
    _check(_libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "mount private")


def mount_tmpfs(path: str, size: int, inodes: int) -> None:
    """Mount an empty, bounded file system at ``path``, writable for everybody."""
    options = f"size={size},nr_inodes={inodes},mode=1777".encode()
    flags = MS_NOSUID | MS_NODEV
    _check(_libc.mount(b"tmpfs", path.encode(), b"tmpfs", flags, options), f"mount {path}")


def bind(source: str, target: str) -> None:
    """Make ``source``, which keeps its flags such as read-only, visible at ``target`` too."""
    _check(_libc.mount(source.encode(), target.encode(), None, MS_BIND, None), f"bind {target}")


def hide_from_others() -> None:
    """Forbid other processes of the same user to read this one's memory or descriptors."""
    _check(_libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl")


def drop_privileges(uid: int | None) -> None:
    """Give up every capability for good and, as root, become ``uid``."""
    for capability in range(64):
        if _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break  # beyond the last capability of this kernel
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    _check(_libc.capset(header, (ctypes.c_uint32 * 6)()), "capset")
    _check(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")


def system_call_filter() -> pyseccomp.SyscallFilter:
    """A filter that refuses :data:`DENIED`, new namespaces and limits set on other processes."""
    refuse = pyseccomp.ERRNO(errno.EPERM)
    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    for name in DENIED:
        if pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name) >= 0:
            rules.add_rule(refuse, name)
    for flag in NAMESPACE_FLAGS:
        rules.add_rule(refuse, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, flag, flag))
    # glibc falls back to clone, whose flags can be looked at.
    rules.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")
    rules.add_rule(refuse, "prlimit64", pyseccomp.Arg(0, pyseccomp.NE, 0))
    return rules
