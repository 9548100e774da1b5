"""No state survives from one submission to the next, graded as root or as an ordinary user."""

import json
import os
import subprocess
import sys

import ordinary
import pytest

from autograder.sandbox.wall import ROOT

pytestmark = pytest.mark.xdist_group("state")

TAKEN = {
    *("files", "shm", "fifo", "named_socket", "abstract_socket", "tcp", "process", "stopped"),
    *("deaf", "thread", "environment", "module", "module_attribute", "grader_module", "side"),
    *("builtin", "path", "handler", "timer", "folder", "umask", "limit", "random", "in_flight"),
}
"""Plants that succeed in the submission's own process: what the test is about."""

REFUSED = {
    *("shmget", "msgget", "semget", "mq_open", "add_key", "memfd", "limit_of_1", "nice_of_1"),
    *("processors", "processors_of_1", "scheduler", "io_priority", "hostname"),
}
"""Plants that the wall refuses, because they would outlive the process or reach another one."""


@pytest.fixture(scope="module", params=["root", "ordinary user"])
def seen(request):
    args = [sys.executable, "tests/sandbox/state.py"]
    if request.param == "root" and os.getuid() != 0:
        pytest.fail("grading as root cannot be tested by an ordinary user; run the tests as root")
    if request.param == "ordinary user":
        done = ordinary.run(args, timeout=240)
    else:
        done = subprocess.run(args, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_plants_took_or_were_refused(seen):
    planted = set(seen["planted"])
    assert planted >= TAKEN
    assert not planted & REFUSED


def test_no_file_of_the_kernel_or_of_process_1_can_be_written(seen):
    assert [p for p in seen["planted"] if p.startswith("writable: ")] == []


def test_the_next_submission_sees_nothing_of_it(seen):
    before, after = seen["before"], seen["after"]
    assert list(before) == list(after)
    assert {k: after[k] for k in before if after[k] != before[k]} == {}


def test_the_same_submission_sees_what_it_planted(seen):
    """The look is not blind: run beside the plants, it finds them."""
    before, meanwhile = seen["before"], seen["meanwhile"]
    changed = {k for k in before if meanwhile[k] != before[k]}
    assert changed >= {
        *("files", "processes", "own", "limits", "abstract", "tcp", "free_port", "descriptors"),
        *("environment", "folder", "threads", "modules", "path", "tanh", "grader", "builtins"),
        *("warnings", "errors", "torch", "plot", "names", "hooks", "handlers", "python"),
    }


def test_a_submission_has_no_privileges(seen):
    own = seen["before"]["own"]
    assert own["CapEff"] == own["CapBnd"] == "0000000000000000"
    assert own["NoNewPrivs"] == "1"
    assert own["Seccomp"] == "2"
