"""Plant something in every place that a submission can write or hold, and look from the next one.

``python tests/sandbox/state.py`` prints JSON: what a submission sees in a fresh sandbox, which
plants another one had taken, what that one sees itself, and what the next one sees.
"""

from __future__ import annotations

import json
import sys

from autograder.sandbox.client import Session, Zygote
from autograder.sandbox.wall import ROOT

MARK = "planted-5e1f"

# Each line of PLANTS is tried by itself; what the wall refuses cannot leak.
PLANTS = f"""
import atexit, builtins, ctypes, fcntl, gc, json, locale, mmap, os, random, resource, signal
import socket, subprocess, sys, threading, time, warnings
import matplotlib, matplotlib.pyplot as plt, numpy as np, torch
import autograder.sandbox.student, autograder.sandbox.zygote, unrolled

M = "{MARK}"
libc = ctypes.CDLL(None, use_errno=True)
kept, took = [], []


def wrote(path, text=M):
    with open(path, "w") as file:
        file.write(text)


def syscall(number, *args):
    if libc.syscall(number, *args) == -1:
        raise OSError(ctypes.get_errno(), "refused")


def listen(name):
    link = socket.socket(socket.AF_UNIX)
    link.bind(name)
    link.listen()
    kept.append(link)


def tcp():
    link = socket.create_server(("127.0.0.1", 45671))
    kept.append(link)


def leave(code):
    if os.fork() == 0:
        os.setsid()
        code()
        time.sleep(100)
        os._exit(0)


def in_flight():
    a, b = socket.socketpair()
    socket.send_fds(a, [b"x"], [a.fileno(), b.fileno()])
    kept.append((a, b))


def locked():
    fd = os.open(np.__file__, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    kept.append(fd)


def everywhere():
    for number, (folder, names, _) in enumerate(os.walk("/")):
        names[:] = [n for n in names if n not in ("proc", "sys", "share", "site-packages")]
        if number > 5000:
            return
        try:
            wrote(folder + "/" + M)
        except OSError:
            pass


def proc_files():
    for top in ("/proc/sys", "/proc/1", "/sys"):
        for number, (folder, names, files) in enumerate(os.walk(top)):
            names[:] = [n for n in names if n not in ("task", "map_files", "net")]
            if number > 800:
                break
            for name in files:
                path = folder + "/" + name
                try:
                    fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
                    try:
                        os.write(fd, b"1")
                    finally:
                        os.close(fd)
                    took.append("writable: " + path)
                except OSError:
                    continue


plants = dict(
    files=everywhere,
    proc=proc_files,
    shm=lambda: wrote("/dev/shm/" + M),
    link=lambda: os.symlink("/proc/self", "/tmp/work/" + M + "2"),
    fifo=lambda: os.mkfifo("/tmp/" + M + "fifo"),
    named_socket=lambda: listen("/tmp/" + M + "socket"),
    abstract_socket=lambda: listen("\\0" + M),
    tcp=tcp,
    in_flight=in_flight,
    pty=lambda: kept.append(os.openpty()),
    shmget=lambda: syscall(29, 0x5E1F, 4096, 0o1666),
    msgget=lambda: syscall(68, 0x5E1F, 0o1666),
    semget=lambda: syscall(64, 0x5E1F, 1, 0o1666),
    mq_open=lambda: syscall(240, b"/planted", 0o102, 0o666, None),
    add_key=lambda: syscall(248, b"user", b"planted", b"x", 1, -4),
    memfd=lambda: kept.append(os.memfd_create(M)),
    lock=locked,
    process=lambda: leave(lambda: None),
    stopped=lambda: leave(lambda: os.kill(os.getpid(), signal.SIGSTOP)),
    deaf=lambda: leave(lambda: signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))),
    shell=lambda: subprocess.Popen("(setsid sleep 100 &)", shell=True),
    thread=lambda: threading.Thread(target=time.sleep, args=(100,), name=M).start(),
    environment=lambda: os.environ.update({{M: M}}),
    module=lambda: sys.modules.update({{M: sys}}),
    module_attribute=lambda: setattr(np, "tanh", None),
    grader_module=lambda: setattr(autograder.sandbox.zygote, "child", None),
    side=lambda: setattr(autograder.sandbox.student.Side, "call", None),
    builtin=lambda: setattr(builtins, "planted", M),
    path=lambda: sys.path.insert(0, "/tmp/" + M),
    warnings=lambda: warnings.simplefilter("error"),
    errors=lambda: np.seterr(all="raise"),
    random=lambda: (random.seed(5), np.random.seed(5), torch.manual_seed(5)),
    torch_state=lambda: (torch.set_default_dtype(torch.float16), torch.set_grad_enabled(False)),
    plot_style=lambda: matplotlib.rcParams.update({{"lines.linewidth": 77}}),
    figures=lambda: plt.figure(M),
    namespace=lambda: get_ipython().user_ns.update({{M: M}}),
    hook=lambda: get_ipython().events.register("pre_run_cell", lambda *_: print(M)),
    exit_function=lambda: atexit.register(print, M),
    handler=lambda: signal.signal(signal.SIGUSR1, lambda *_: None),
    blocked=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {{signal.SIGTERM}}),
    timer=lambda: signal.setitimer(signal.ITIMER_VIRTUAL, 50),
    folder=lambda: os.chdir("/dev/shm"),
    umask=lambda: os.umask(0o777),
    limit=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)),
    limit_of_1=lambda: resource.prlimit(1, resource.RLIMIT_NOFILE, (16, 16)),
    nice=lambda: os.nice(5),
    nice_of_1=lambda: os.setpriority(os.PRIO_PROCESS, 1, 19),
    processors=lambda: os.sched_setaffinity(0, {{0}}),
    processors_of_1=lambda: os.sched_setaffinity(1, {{0}}),
    scheduler=lambda: os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0)),
    io_priority=lambda: syscall(251, 1, 1, 3 << 13),
    signal_1=lambda: [os.kill(1, n) for n in (1, 2, 9, 10, 15, 19)],
    hostname=lambda: socket.sethostname(M),
    dumpable=lambda: syscall(157, 4, 1, 0, 0, 0),
    subreaper=lambda: syscall(157, 36, 1, 0, 0, 0),
    name=lambda: syscall(157, 15, b"planted", 0, 0, 0),
    locale=lambda: locale.setlocale(locale.LC_ALL, "C"),
    collector=lambda: gc.disable(),
    recursion=lambda: sys.setrecursionlimit(200),
    trace=lambda: sys.setswitchinterval(50),
)
for name, plant in plants.items():
    try:
        plant()
        took.append(name)
    except (OSError, ValueError, RuntimeError):
        pass
sys.stdout.write("RESULT" + json.dumps(took))
"""

LOOK = f"""
import builtins, gc, json, locale, os, random, re, resource, signal, socket, sys, threading
import warnings, zlib
import matplotlib, matplotlib.pyplot as plt, numpy as np, torch
import autograder.sandbox.student as student, autograder.sandbox.zygote as zygote

M = "{MARK}"


def text(path):
    try:
        return open(path).read()
    except OSError as error:
        return type(error).__name__


def status(pid, keys):
    lines = dict(line.split(":", 1) for line in text(f"/proc/{{pid}}/status").splitlines())
    return {{k: lines.get(k, "").strip() for k in keys}}


def files():
    found = []
    for folder, names, plain in os.walk("/"):
        names[:] = [n for n in names if n not in ("proc", "sys", "share", "site-packages")]
        found += [folder + "/" + n for n in names + plain
                  if M in n or folder.startswith(("/tmp", "/dev", "/course"))]
    return sorted(found)


def free_port():
    try:
        socket.create_server(("127.0.0.1", 45671)).close()
        return True
    except OSError:
        return False


def stat(pid):
    fields = text(f"/proc/{{pid}}/stat").rpartition(")")[2].split()
    return fields[0:1] * 0 + fields[15:17] + fields[37:40]


KEYS = ("Name", "Umask", "Uid", "Gid", "Groups", "Threads", "SigPnd", "ShdPnd", "SigBlk", "SigIgn",
        "SigCgt", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp", "Cpus_allowed_list", "TracerPid")
seen = dict(
    files=files(),
    processes=len([p for p in os.listdir("/proc") if p.isdigit()]),
    own=status("self", KEYS),
    first=status(1, KEYS),
    own_stat=stat("self"),
    first_stat=stat(1),
    limits=text("/proc/self/limits"),
    first_limits=text("/proc/1/limits"),
    oom=[text("/proc/self/oom_score_adj"), text("/proc/1/oom_score_adj")],
    queues=[text("/proc/sysvipc/" + n) for n in ("shm", "msg", "sem")],
    keys=re.findall("planted", text("/proc/keys")),
    unix=len(text("/proc/net/unix").splitlines()),
    abstract=M in text("/proc/net/unix"),
    tcp=[line.split()[1:4] for line in text("/proc/net/tcp").splitlines()],
    locks=text("/proc/locks").count("FLOCK"),
    sockets=text("/proc/net/sockstat").splitlines()[:1],
    free_port=free_port(),
    mounts=text("/proc/self/mounts"),
    hostname=socket.gethostname(),
    descriptors=sorted(os.listdir("/proc/self/fd")),
    terminals=sorted(os.listdir("/dev/pts")),
    environment=dict(os.environ),
    folder=os.getcwd(),
    threads=[t.name for t in threading.enumerate()],
    modules=[len(sys.modules), zlib.crc32(" ".join(sorted(sys.modules)).encode())],
    path=list(sys.path),
    tanh=repr(np.tanh),
    grader=[repr(zygote.child)[:20], repr(student.Side.call)[:20]],
    builtins=sorted(dir(builtins)),
    warnings=repr(warnings.filters),
    errors=np.geterr(),
    random=[random.random() == 0.6229016948897019, float(np.random.rand()) == 0.22199317108973948],
    torch=[str(torch.get_default_dtype()), torch.is_grad_enabled(), torch.get_num_threads()],
    plot=[matplotlib.rcParams["lines.linewidth"], plt.get_fignums()],
    names=sorted(n for n in get_ipython().user_ns if M in n),
    hooks=len(get_ipython().events.callbacks["pre_run_cell"]),
    handlers=[str(signal.getsignal(n)) for n in (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT)],
    timers=[signal.getitimer(signal.ITIMER_VIRTUAL), text("/proc/self/timers")],
    priority=[os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0),
              sorted(os.sched_getaffinity(0))],
    locale=locale.setlocale(locale.LC_ALL),
    python=[gc.isenabled(), sys.getrecursionlimit(), sys.getswitchinterval()],
)
sys.stdout.write("RESULT" + json.dumps(seen))
"""


def result_of(session: Session, source: str) -> object:
    """Run a cell that writes RESULT and JSON; raises ValueError with its outputs otherwise."""
    ran = session.run_cell(source, 60)
    texts = [o.get("text", "") for o in ran["outputs"] if o.get("output_type") == "stream"]
    said = "".join(texts).partition("RESULT")[2]
    if not said:
        raise ValueError(f"the cell did not finish: {ran}")
    return json.loads(said)


def main() -> None:
    found = {}
    with Zygote(ROOT / "assignments" / "a1_rnn") as zygote:
        for key, source in (("before", LOOK), ("planted", PLANTS), ("after", LOOK)):
            session = zygote.open()
            found[key] = result_of(session, source)
            if key == "planted":
                found["meanwhile"] = result_of(session, LOOK)
            session.end()
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
