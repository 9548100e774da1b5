"""Processes: exits, endless loops, bombs, hogs of memory, disk and output, survivors."""

from .case import FULL, LOSS, POINTS, WITHOUT_LOSS, WITHOUT_STEP, Handin, case


@case((WITHOUT_STEP, FULL), says="ended the process")
def exit_at_import(s: Handin) -> None:
    """os._exit(0) in the first answer cell, above the right answer. The run goes on.

    Only the definitions of the cell count then, so nothing is lost here.
    """
    s.right()
    cell = s.cell("rnn_step_forward")
    cell["source"] = "import os\nos._exit(0)\n\n" + cell["source"]


@case(WITHOUT_STEP, says="ended the process")
def exit_in_function(s: Handin) -> None:
    """os._exit(0) inside the first function. Costs that exercise and its backward step."""
    s.right()
    s.inside("rnn_step_forward", "import os\nos._exit(0)")


@case(WITHOUT_STEP, says="SystemExit")
def sys_exit_in_function(s: Handin) -> None:
    """sys.exit(0) inside the first function: exit code 0 is no proof of passing."""
    s.right()
    s.inside("rnn_step_forward", "import sys\nsys.exit(0)")


@case(0)
def kill_parent(s: Handin) -> None:
    """SIGKILL to the parent and to all of its parents it can see. Must get 0; the run goes on."""
    s.wrong()
    s.own(
        """
        import os, re, signal
        pid = os.getppid()
        for _ in range(5):
            if pid <= 0:
                break
            try:
                status = open(f"/proc/{pid}/status").read()
                if pid == 1 or re.search(r"Name:\\s+(python|nbgrader|jupyter)", status):
                    os.kill(pid, signal.SIGKILL)
                pid = int(re.search(r"PPid:\\s+(\\d+)", status)[1])
            except OSError as error:
                print(error)
                break
        """,
        where="setup",
    )


@case(WITHOUT_LOSS, says="did not return in time", seconds=40)
def infinite_loop(s: Handin) -> None:
    """Endless loop in one function. Costs that exercise and one timeout."""
    s.right()
    s.inside(LOSS, "while True:\n    pass")


@case(WITHOUT_STEP, seconds=70)
def endless_in_every_test(s: Handin) -> None:
    """Sleeps past the timeout in the first function at each call, on which three others build."""
    s.right()
    s.inside("rnn_step_forward", "import time\ntime.sleep(3600)")


@case(WITHOUT_LOSS, seconds=40)
def loop_that_catches_everything(s: Handin) -> None:
    """An endless loop that catches every exception and blocks every signal it can."""
    s.right()
    s.inside(
        LOSS,
        """
        import signal
        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
        while True:
            try:
                while True:
                    pass
            except BaseException:
                continue
        """,
    )


@case(FULL, says="only its definitions count")
def endless_own_cell_that_catches(s: Handin) -> None:
    """An own cell that cannot be interrupted. It is ended with its process and left out."""
    s.right()
    s.own(
        """
        import signal
        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
        while True:
            try:
                while True:
                    pass
            except BaseException:
                continue
        """,
        where="setup",
    )


@case((0, FULL), seconds=60)
def fork_bomb_50(s: Handin) -> None:
    """Starts 50 child processes which spin for 8 s and then sleep for 25 s. None may live on."""
    s.right()
    s.own(
        """
        import os, time
        for _ in range(50):
            if os.fork() == 0:
                end = time.time() + 8
                while time.time() < end:
                    pass
                time.sleep(25)
                os._exit(0)
        """,
        where="setup",
    )


@case(FULL, stock=False, seconds=60)
def fork_bomb_to_the_limit(s: Handin) -> None:
    """Forks until the kernel refuses: it must refuse below 250, and the exercises still work."""
    s.right()
    s.own(
        """
        import os, time
        count = 0
        try:
            while count < 400:
                if os.fork() == 0:
                    time.sleep(60)
                    os._exit(0)
                count += 1
        except OSError as error:
            print(count, error)
        assert count < 250
        print("REFUSED" if count < 250 else "NOT REFUSED")
        """,
        where="setup",
    )


@case(WITHOUT_LOSS, says="emory")
def memory_hog_4gb(s: Handin) -> None:
    """One function takes 4 GB at once. Costs that exercise."""
    s.right()
    s.inside(LOSS, "hog = np.ones(4 * 2**30 // 8)")


@case(WITHOUT_LOSS, says="memory")
def memory_hog_in_pieces(s: Handin) -> None:
    """One function takes 3 GB in pieces of 10 MB and touches them. Costs that exercise."""
    s.right()
    s.inside(LOSS, "hog = [bytearray(b'x' * 10_000_000) for _ in range(300)]")


@case(FULL)
def output_200mb(s: Handin) -> None:
    """Prints 200 MB in lines of 100 kB. Must get all; stored output must be small."""
    s.right()
    s.own("for _ in range(2000):\n    print('x' * 100_000)", where="setup")


@case((0, FULL))
def disk_fill_500mb(s: Handin) -> None:
    """Writes 500 MB into the working folder. Right answers; the space is freed."""
    s.right()
    s.own(
        """
        for k in range(50):
            with open(f"fill_{k}", "wb") as file:
                file.write(b"x" * 10_000_000)
        """,
        where="setup",
    )


@case(FULL)
def background_survivor(s: Handin) -> None:
    """Leaves background processes (sleep 100) in sessions of their own. They must be killed."""
    s.right()
    s.own(
        """
        import subprocess
        subprocess.Popen(["sleep", "100"], start_new_session=True)
        subprocess.Popen("(setsid nohup sleep 100 &) &", shell=True)
        """,
        where="setup",
    )


# --- aimed at this grader -------------------------------------------------------------------------


@case(0, seconds=60, stock=False)
def exit_in_every_function(s: Handin) -> None:
    """Every function ends its process. Each costs its exercise; the number of forks is bounded."""
    s.wrong()
    for name in POINTS:
        s.inside(name, "import os\nos._exit(0)", solve=False)


@case(0, seconds=60)
def crash_in_every_cell(s: Handin) -> None:
    """Every answer cell ends its process when it is run, definitions included. Must get 0."""
    s.wrong()
    for name in POINTS:
        s.cell(name)["source"] += "\n\n\n@(lambda f: __import__('os').abort())\ndef boom(): pass"


@case(WITHOUT_LOSS)
def segfault(s: Handin) -> None:
    """Reads address 0 in one function. Costs that exercise."""
    s.right()
    s.inside(LOSS, "import ctypes\nctypes.string_at(0)")


@case(WITHOUT_LOSS)
def stack_overflow(s: Handin) -> None:
    """Recursion without end, below a raised limit, until the stack is gone."""
    s.right()
    s.inside(
        LOSS,
        """
        import sys
        sys.setrecursionlimit(10**9)
        deep = lambda n: [deep(n + 1) for _ in (1,)]
        deep(0)
        """,
    )


@case((0, FULL), seconds=200, stock=False)
def slow_just_under_the_limit(s: Handin) -> None:
    """Every call and every cell takes a little less than its limit. The total is bounded."""
    s.right()
    for name in POINTS:
        s.inside(name, "import time\ntime.sleep(0.7)")
        s.cell(name)["source"] += "\nimport time\ntime.sleep(9)"


@case((0, FULL), seconds=200, stock=False)
def slow_definitions(s: Handin) -> None:
    """Three hundred own cells whose *definitions* take 0.9 s each. The total is bounded."""
    s.right()
    for k in range(300):
        s.own(f"import time\ndef own_{k}(x=time.sleep(0.9)):\n    pass", where="setup")


@case((0, FULL), seconds=60)
def threads_to_the_limit(s: Handin) -> None:
    """Starts threads until the kernel refuses; they sleep. Right answers."""
    s.right()
    s.own(
        """
        import threading, time
        try:
            for _ in range(500):
                threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        except RuntimeError as error:
            print(error)
        """,
        where="setup",
    )
