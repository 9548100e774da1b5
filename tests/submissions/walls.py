"""Memory, descriptors and disk in every way that a process can hold them, each bounded."""

from .case import FULL, LOSS, WITHOUT_LOSS, Handin, case

HOLDS = """

def holds(refused):
    if not refused:
        print("CANARY" + "-GAP-31f0")
"""


def own_code(s: Handin, code: str) -> None:
    """Right answers, and ``code`` in an own cell. What it takes must be freed afterwards."""
    s.right()
    s.own(f"import contextlib, ctypes, mmap, os, socket, time\n{HOLDS}", where="setup")
    s.own(code, where="rnn_step_forward")


@case((0, FULL), stock=False, seconds=60, says="memory")
def wall_many_processes_with_memory(s: Handin) -> None:
    """Twenty processes of 250 MB each, shared with nobody: 5 GB are stopped at 2."""
    own_code(
        s,
        """
        for _ in range(20):
            if os.fork() == 0:
                hog = [bytearray(b"x" * 2**20) for _ in range(250)]
                time.sleep(20)
                os._exit(0)
        time.sleep(8)
        """,
    )


@case((0, FULL), stock=False, seconds=60, says="memory")
def wall_copies_of_the_warm_process(s: Handin) -> None:
    """Thirty forks that write to every page they inherited: 200 MB each that looked shared."""
    s.right()
    s.inside(
        LOSS,
        """
        import os, re, time, ctypes
        for _ in range(30):
            if os.fork() == 0:
                for line in open("/proc/self/maps"):
                    found = re.match(r"(\\w+)-(\\w+) rw-p .* (\\S*)$", line)
                    if found and ("heap" in line or line.rstrip().endswith(" 0")):
                        start, end = int(found[1], 16), int(found[2], 16)
                        for page in range(start, end, 4096):
                            byte = ctypes.c_char.from_address(page)
                            byte.value = byte.value
                time.sleep(20)
                os._exit(0)
        time.sleep(8)
        """,
    )


@case((0, FULL), stock=False, seconds=60)
def wall_shared_mapping(s: Handin) -> None:
    """3 GB of anonymous memory that is shared with a child."""
    own_code(
        s,
        """
        parts = []
        with contextlib.suppress(OSError, MemoryError, ValueError):
            for _ in range(12):
                parts.append(mmap.mmap(-1, 2**28))
                parts[-1].write(b"x" * 2**28)
        print(len(parts))
        """,
    )


@case((0, FULL), stock=False)
def wall_memfd_and_shm(s: Handin) -> None:
    """memfd_create, System V segments, POSIX queues and a full /dev/shm, left behind."""
    own_code(
        s,
        """
        libc = ctypes.CDLL(None, use_errno=True)
        with contextlib.suppress(OSError):
            os.memfd_create("x")
            raise AssertionError("CANARY" + "-GAP-31f0")
        holds(libc.shmget(5, 10_000_000, 0o1666) == -1)
        holds(libc.msgget(5, 0o1666) == -1)
        holds(libc.semget(5, 1, 0o1666) == -1)
        with contextlib.suppress(OSError):
            with open("/dev/shm/x", "wb") as file:
                while True:
                    file.write(b"x" * 1_000_000)
        """,
    )


@case((0, FULL), stock=False, seconds=60, says="memory")
def wall_sockets_full_of_data(s: Handin) -> None:
    """Twenty processes, each with 120 pairs of sockets full of data that nobody reads: 0.7 GB."""
    own_code(
        s,
        """
        for _ in range(20):
            if os.fork() == 0:
                pairs = []
                with contextlib.suppress(OSError):
                    for _ in range(120):
                        a, b = socket.socketpair()
                        a.setblocking(False)
                        pairs.append((a, b))
                        with contextlib.suppress(OSError):
                            while True:
                                a.send(b"x" * 65536)
                time.sleep(20)
                os._exit(0)
        time.sleep(4)
        """,
    )


@case((0, FULL), stock=False)
def wall_inodes(s: Handin) -> None:
    """A hundred thousand empty files and folders in /tmp and /dev/shm."""
    own_code(
        s,
        """
        for where in ("/tmp/work/i", "/dev/shm/i"):
            with contextlib.suppress(OSError):
                for k in range(100_000):
                    os.mkdir(f"{where}{k}") if k % 2 else os.close(os.open(f"{where}{k}", 64))
                raise AssertionError("CANARY" + "-GAP-31f0")
        """,
    )


@case((0, FULL), stock=False)
def wall_descriptors(s: Handin) -> None:
    """Opens descriptors of every kind until the kernel refuses, then is asked for answers."""
    own_code(
        s,
        """
        kept = []
        with contextlib.suppress(OSError):
            for k in range(1000):
                kept.append(os.open("/dev/null", 0) if k % 3 else os.eventfd(0))
            raise AssertionError("CANARY" + "-GAP-31f0")
        """,
    )


@case(FULL, stock=False)
def wall_large_file(s: Handin) -> None:
    """One file of 200 MB: stopped at its bound, with an error that costs the cell only."""
    own_code(s, "with open('large', 'wb') as file:\n    file.write(bytes(200_000_000))")


@case(WITHOUT_LOSS, stock=False, seconds=40)
def wall_processor_time(s: Handin) -> None:
    """An endless loop in eight threads and eight processes. Costs its exercise."""
    s.right()
    s.inside(
        LOSS,
        """
        import os, threading

        def spin():
            while True:
                pass

        for _ in range(8):
            threading.Thread(target=spin, daemon=True).start()
            if os.fork() == 0:
                spin()
        spin()
        """,
    )


@case(FULL, stock=False)
def wall_network(s: Handin) -> None:
    """Name lookups and connections to addresses that exist nowhere outside. None may succeed."""
    own_code(
        s,
        """
        socket.setdefaulttimeout(0.5)
        for address in (("192.0.2.1", 80), ("localhost", 22), ("10.255.255.1", 53)):
            with contextlib.suppress(OSError):
                socket.create_connection(address)
                raise AssertionError("CANARY" + "-GAP-31f0")
        with contextlib.suppress(OSError):
            socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            raise AssertionError("CANARY" + "-GAP-31f0")
        with contextlib.suppress(OSError):
            socket.getaddrinfo("host.invalid", 80)
        """,
    )


@case((0, FULL), stock=False, seconds=60)
def wall_output_of_every_kind(s: Handin) -> None:
    """Ten thousand pictures, streams and displays in one cell; stored output stays small."""
    own_code(
        s,
        """
        import base64, sys
        from IPython.display import Image, display
        png = base64.b64decode("iVBORw0KGgo=") + os.urandom(900_000)
        for k in range(300):
            display(Image(data=png, format="png"))
            print("x" * 1000)
            print("y" * 1000, file=sys.stderr)
        """,
    )


@case((0, FULL), stock=False, seconds=60)
def wall_system_calls(s: Handin) -> None:
    """Calls that reach beyond the process, old ones included: bpf, keyrings, io_uring, clock."""
    own_code(
        s,
        """
        libc = ctypes.CDLL(None, use_errno=True)
        numbers = {"bpf": 321, "add_key": 248, "keyctl": 250, "io_uring_setup": 425,
                   "perf_event_open": 298, "userfaultfd": 323, "settimeofday": 164,
                   "clock_settime": 227, "reboot": 169, "swapon": 167, "sethostname": 170,
                   "init_module": 175, "kexec_load": 246, "fanotify_init": 300, "clone3": 435,
                   "memfd_secret": 447, "open_by_handle_at": 304, "acct": 163, "iopl": 172}
        for name, number in numbers.items():
            result = libc.syscall(number, 0, 0, 0, 0, 0)
            holds(result == -1)
        """,
    )
