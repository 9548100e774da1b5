"""The walls hold and honest work gets its points when an ordinary user grades."""

import sys

import ordinary

CASES = [
    "honest_numpy",
    "odd_magics",
    "processes.exit_in_function",
    "memory_hog_4gb",
    "fork_bomb_to_the_limit",
    "zygote_signals",
    "zygote_kill_all",
    "zygote_ptrace",
    "zygote_limits",
    "zygote_namespaces",
    "zygote_control",
    "wall_memfd_and_shm",
    "wall_sockets",
    "wall_many_processes",
    "proc_of_others",
    "read_gradebook",
    "pipe_garbage",
]


def test_the_command_runs_as_somebody_else_than_root():
    done = ordinary.run(["id", "-u"], timeout=30)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) != 0


def test_cases_graded_by_an_ordinary_user():
    done = ordinary.run([sys.executable, "tests/attacks.py", "--only", *CASES], timeout=400)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert [c for c in CASES if not any(c in line for line in lines)] == []
    assert all(line.endswith(" ok") for line in lines[:-1])
