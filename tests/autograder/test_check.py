"""What a student is told before handing in, on a machine with neither Linux nor the solutions."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import notebooks as nb
import pytest

from autograder import check, definitions, handin, preflight, source
from autograder.cli import main
from autograder.course import Course
from autograder.preflight import Event, Step, run_steps
from autograder.sample_class import solve
from autograder.sanitize import sanitize
from unrolled.check import verdict_of
from unrolled.text import verdict_text

A1 = "a1_rnn"

ELSEWHERE = '''
"""Like a system that is not Linux, for the modules of this course; others adapt by themselves."""
import builtins, os, sys
real, ours = builtins.__import__, ("autograder", "unrolled", "__main__")
def guarded(name, globals=None, locals=None, fromlist=(), level=0):
    if name in {"fcntl", "resource", "pyseccomp", "pwd", "grp"}:
        if (globals or {}).get("__name__", "").startswith(ours):
            raise ImportError(f"{name} is not on this system")
    return real(name, globals, locals, fromlist, level)
builtins.__import__ = guarded
for missing in ("killpg", "O_DIRECTORY", "O_NOFOLLOW", "sched_getaffinity"):
    delattr(os, missing)
'''


def solve_only(notebook: dict, *exercises: str) -> None:
    """Solve exercises and leave the written answers as they are released."""
    empty = {handin.grade_id(c): c["source"] for c in notebook["cells"]}
    solve(notebook, A1, exercises)
    nb.find(notebook, "bptt_in_words")["source"] = empty["bptt_in_words"]


@pytest.fixture(scope="module")
def copy_of_a_student(tmp_path_factory):
    """A folder as a student has it: the assignment and the two packages, nothing else."""
    root = tmp_path_factory.mktemp("student")
    for name in ("autograder", "unrolled"):
        skip = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source.ROOT / name, root / name, ignore=skip)
    shutil.copytree(source.ROOT / "assignments" / A1, root / "assignments" / A1)
    (root / "elsewhere").mkdir()
    (root / "elsewhere" / "sitecustomize.py").write_text(ELSEWHERE)
    return root


def course_check(root: Path, notebook: Path, *words: str) -> subprocess.CompletedProcess:
    path = os.pathsep.join([str(root / "elsewhere"), str(root)])
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(root), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "autograder.cli", "check", str(notebook), *words],
        cwd=root,
        env=environment | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_student_sees_the_verdicts_of_check_without_linux_or_solutions(copy_of_a_student):
    folder = copy_of_a_student / "assignments" / A1
    notebook = json.loads((folder / f"{A1}.ipynb").read_text("utf-8"))
    solve_only(notebook, "rnn_step_forward", "rnn_forward")
    path = folder / f"{A1}.ipynb"
    path.write_text(json.dumps(notebook), "utf-8")
    done = course_check(copy_of_a_student, path)
    assert done.returncode == 1, done.stderr
    assert "2 of 8 exercises are right on the visible inputs." in done.stdout
    assert "Not solved yet: rnn_step_backward, rnn_backward," in done.stdout
    assert "Nothing is written yet in: bptt_in_words." in done.stdout
    assert "It runs." in done.stdout
    assert "checks.npz" not in done.stdout
    names: dict = {}
    for cell in notebook["cells"]:
        if handin.grade_id(cell) in ("setup", "rnn_step_forward", "rnn_step_backward"):
            exec("".join(cell["source"]), names)
    for exercise in ("rnn_step_forward", "rnn_step_backward"):
        verdict = verdict_of(exercise, names, folder / "checks.npz")
        assert verdict_text(verdict) in done.stdout


def test_a_file_that_is_no_notebook_and_an_unknown_assignment(copy_of_a_student, tmp_path):
    broken = tmp_path / f"{A1}.ipynb"
    broken.write_text('{"cells": ')
    done = course_check(copy_of_a_student, broken)
    assert done.returncode == 2
    assert "cannot be checked" in done.stderr
    other = tmp_path / "homework.ipynb"
    other.write_text("{}")
    done = course_check(copy_of_a_student, other)
    assert done.returncode == 2
    assert f"does not say which assignment it is ({A1}); add --assignment" in done.stderr
    done = course_check(copy_of_a_student, other, "--assignment", "a9")
    assert f"There is no assignment 'a9'. There are: {A1}." in done.stderr


# --- what it says as a whole ----------------------------------------------------------------------


@pytest.fixture
def said_of(tmp_path, monkeypatch, capsys):
    """A function: whether all is right, and the text, for a solved notebook that is changed."""

    def run_steps(steps, checks, folder, seconds):
        for i, step in enumerate(steps):
            if step.check:
                yield Event(i, "verdict", step.check, right="wrong" not in steps[i - 1].source)
            elif "1 / 0" in step.source:
                yield Event(i, "error", "ZeroDivisionError: division by zero")
            else:
                yield Event(i, "done")

    monkeypatch.setattr(check, "run_steps", run_steps)
    release = source.ROOT / "assignments" / A1

    def said(name: str = f"{A1}.ipynb", **added: str) -> tuple[bool, str]:
        notebook = json.loads((release / f"{A1}.ipynb").read_text("utf-8"))
        solve(notebook, A1)
        for cell, text in added.items():
            own = nb.find(notebook, cell)
            own["source"] = "".join(own["source"]) + text
        shutil.copy(release / "checks.npz", tmp_path)
        (tmp_path / name).write_bytes(nb.raw(notebook))
        all_right = check.check_notebook(Course(source.ROOT), tmp_path / name)
        return all_right, capsys.readouterr().out

    return said


def test_all_is_right(said_of):
    all_right, text = said_of()
    assert all_right
    assert "8 of 8 exercises are right" in text
    assert "It runs." in text
    assert "Nothing is missing." in text


def test_a_wrong_result_a_cell_that_stops_and_a_wrong_name_each_count(said_of):
    all_right, text = said_of(rnn_forward="\n# wrong")
    assert not all_right
    assert "7 of 8 exercises are right" in text
    all_right, text = said_of(rnn_forward="\n1 / 0")
    assert not all_right
    assert "(rnn_forward) stops with ZeroDivisionError" in text
    assert "Nothing is missing." in text
    all_right, text = said_of(f"{A1} (1).ipynb")
    assert not all_right
    assert f"hand it in as {A1}.ipynb" in text
    assert "It runs." in text


def test_a_locked_cell_that_was_changed_counts_as_it_stands_in_the_file(said_of):
    all_right, text = said_of(setup="\n1 / 0")
    assert not all_right
    assert "8 of 8 exercises are right" in text  # the grader puts the cell back
    assert "code cell 1 (setup) stops with ZeroDivisionError" in text


@pytest.mark.parametrize("path", ["A1_RNN final.ipynb", f"{A1}/homework.ipynb"])
def test_names_that_say_which_assignment_it_is(path, tmp_path):
    assert check.assignment_of(tmp_path / path, Course(source.ROOT)) == A1


# --- running it from the top ----------------------------------------------------------------------


def events(tmp_path, *sources: str, seconds: float = 5.0, most: int = 5) -> list[Event]:
    steps = [Step(text, number=i) for i, text in enumerate(sources, 1)]
    return list(run_steps(steps, tmp_path / "checks.npz", tmp_path, seconds, most))


def test_cells_that_hang_or_end_the_process_cost_only_themselves(tmp_path):
    got = events(
        tmp_path,
        "x = 3\nprint('{}')",
        "while True: pass",
        "import os\nos.write(1, b'{}\\n')\nos._exit(0)",
        "raise ValueError(f'{x} is odd\\nand more')",
        "y + x",
    )
    assert [(e.step, e.kind) for e in got] == [
        (0, "done"),
        (1, "hung"),
        (2, "ended"),
        (3, "error"),
        (4, "error"),
    ]
    assert got[3].text == "ValueError: 3 is odd"
    assert got[4].missing == "y"


def test_a_notebook_in_which_too_much_hangs_is_given_up(tmp_path):
    got = events(tmp_path, *["__import__('os')._exit(1)"] * 3, "x = 1", most=2)
    assert [(e.step, e.kind, e.kept) for e in got] == [(0, "ended", False), (1, "ended", False)]
    steps = [Step("", number=i) for i in range(1, 5)]
    _, faults = check.tell(steps, iter(got))
    assert faults[-1].endswith("had to be stopped. Cells that were not run: 2.")


def test_of_a_cell_that_hangs_the_definitions_are_left(tmp_path):
    hangs = "start = 3\ndef half(x):\n    return x / 2\nwhile True: pass"
    worse = "def wait(x=__import__('time').sleep(60)): pass\nwhile True: pass"
    got = events(tmp_path, "x = 8", hangs, "assert half(x) == 4", "start", worse, seconds=2.0)
    assert [(e.step, e.kind, e.kept) for e in got] == [
        (0, "done", False),
        (1, "hung", True),
        (2, "done", False),
        (3, "error", False),
        (4, "hung", True),
        (4, "hung", False),
    ]


def test_a_check_that_hangs_is_left_out_at_once(tmp_path):
    checks = source.ROOT / "assignments" / A1 / "checks.npz"
    name = "rnn_step_forward"
    steps = [
        Step(f"def {name}(*arguments):\n    while True: pass"),
        Step(f"import unrolled\nunrolled.check('{name}')", check=name),
        Step("x = 1"),
    ]
    got = run_steps(steps, checks, tmp_path, 5.0)
    assert [(e.step, e.kind, e.kept) for e in got] == [
        (0, "done", False),
        (1, "hung", False),
        (2, "done", False),
    ]


def test_cells_run_beside_their_files_and_errors_of_any_kind_are_told(tmp_path):
    (tmp_path / "data.txt").touch()
    read, wrong = events(tmp_path, "open('data.txt').close()", "x = (")
    assert read.kind == "done"
    assert wrong.kind == "error"
    assert wrong.text.startswith("SyntaxError: ")
    (lost,) = run_steps([Step("", check="step")], tmp_path / "checks.npz", tmp_path, 30.0)
    assert lost.kind == "error"
    assert "checks.npz" in lost.text


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_what_a_cell_started_ends_with_it(tmp_path):
    start = "import subprocess\nchild = subprocess.Popen(['sleep', '600'])"
    (event,) = events(tmp_path, f"{start}\nprint(child.pid, file=open('pid', 'w'), flush=True)")
    assert event.kind == "done"
    stat = Path("/proc", (tmp_path / "pid").read_text().strip(), "stat")
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        while stat.read_text().rpartition(")")[2].split()[0] not in "ZX":
            time.sleep(0.05)


def test_who_waits_is_told_which_cell_hung_and_for_how_long(tmp_path, capsys):
    own = "while True: pass  # until something happens, which it does not"
    steps = [
        Step("start = 3\nwhile True: pass", name="experiment", number=1),
        Step("start", number=2),
        Step(own, number=3),
    ]
    events = [
        Event(0, "hung", "did not end within 5 s", kept=True),
        Event(1, "error", "NameError: name 'start' is not defined", "start"),
        Event(2, "hung", "did not end within 5 s"),
    ]
    _, faults = check.tell(steps, iter(events))
    first, second, third, advice = faults
    assert first.startswith("code cell 1 (experiment) did not end within 5 s; ")
    assert first.endswith("ran with its definitions alone.")
    assert "`start` is defined in code cell 1 (experiment), which did not run" in second
    cell = "code cell 3 (`while True: pass  # until something h...`) did not end within 5 s"
    assert third == f"{cell}; the cells after it ran without it."
    assert "--seconds" in advice
    said = capsys.readouterr().out
    assert said == f"code cell 1 (experiment) did not end within 5 s.\n\n{cell}.\n\n"
    _, faults = check.tell(steps, iter([Event(i, "done") for i in range(3)]))
    assert faults == []


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "long"])
def test_a_time_that_is_none_is_refused(seconds, capsys):
    with pytest.raises(SystemExit):
        main(["check", "a1_rnn.ipynb", "--seconds", seconds])
    assert f"--seconds: invalid seconds value: '{seconds}'" in capsys.readouterr().err


def test_a_name_that_a_cell_bound_and_lost_is_not_said_to_be_nowhere():
    steps = [Step("x = 1\ndel x", number=1), Step("x", number=2)]
    error = Event(1, "error", "NameError: name 'x' is not defined", "x")
    _, faults = check.tell(steps, iter([Event(0, "done"), error]))
    assert faults == ["code cell 2 (`x`) stops with NameError: name 'x' is not defined."]


def test_a_process_that_does_not_start_is_no_fault_of_a_cell(tmp_path, monkeypatch):
    monkeypatch.setattr(preflight.sys, "executable", shutil.which("false"))
    with pytest.raises(preflight.CourseError, match="No Python process could be started"):
        events(tmp_path, "x = 1")


def test_a_name_is_told_where_it_is_defined():
    steps = [
        Step("f(scale)", number=1),
        Step("def g():\n    scale = 2", number=2),
        Step("for i, scale in pairs:\n    pass", name="loop", number=3),
    ]
    error = "NameError: name 'scale' is not defined"
    _, faults = check.tell(steps, iter([Event(0, "error", error, "scale")]))
    assert faults[0].endswith("`scale` is first defined further down, in code cell 3 (loop).")
    _, faults = check.tell(steps, iter([Event(2, "error", error, "pairs")]))
    assert "No cell defines `pairs`" in faults[0]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import a.b, c as d\nfrom e import f", {"a", "d", "f"}),
        ("with x as y:\n    z: int = 1\nw += 1", {"y", "z", "w"}),
        ("class A:\n    inner = 1\nh = lambda k: k", {"A", "h"}),
        ("%matplotlib inline", set()),
    ],
)
def test_names_that_a_cell_binds(text, names):
    assert definitions.names_bound(text) == names


def test_a_check_that_fails_is_told_by_its_verdict_alone():
    steps = [Step("", name="check_step"), Step("", name="own")]
    failed = [Event(i, "error", "AssertionError: wrong") for i in range(2)]
    _, faults = check.tell(steps, iter(failed))
    assert faults == ["a cell (own) stops with AssertionError: wrong."]


def test_the_order_in_which_cells_were_run():
    notebook = nb.solved()
    code = [c for c in notebook["cells"] if c["cell_type"] == "code"]
    for cell, count in zip(code, [1, 2, 3, 9, None, 5]):
        cell["execution_count"] = count
    (note,) = check.order_notes(nb.raw(notebook))
    assert "code cell 6 had been run before code cell 4" in note
    code[5]["execution_count"] = 10
    assert check.order_notes(nb.raw(notebook)) == []


# --- what would be missing ------------------------------------------------------------------------


@pytest.fixture
def missing(tmp_path, monkeypatch):
    """A function: the sentences about a notebook, whose checks lie beside it."""
    monkeypatch.setattr(handin, "load_exercises", lambda assignment: nb.EXERCISES)
    known = tmp_path / "release.npz"
    known.write_bytes(b"checks")

    def sentences(notebook: dict, name: str = "a1.ipynb", beside: bytes | None = b"checks"):
        path = tmp_path / name
        path.write_bytes(nb.raw(notebook))
        if beside is not None:
            (tmp_path / "checks.npz").write_bytes(beside)
        submission = sanitize(path.read_bytes(), nb.make_release())
        return list(handin.missing_at_hand_in(submission, path.read_bytes(), path, "a1", known))

    return sentences


def test_nothing_is_missing_in_a_notebook_that_is_done(missing):
    assert missing(nb.solved()) == []


def test_what_is_not_done_is_listed(missing):
    notebook = copy.deepcopy(nb.make_release())
    nb.find(notebook, "loop")["source"] = nb.answer("loop")
    assert missing(notebook) == [
        "Not solved yet: step, loss.",
        "Nothing is written yet in: in_words.",
    ]
    emptied = nb.solved(lambda n: nb.find(n, "in_words").update(source=" \n"))
    assert missing(emptied) == ["Nothing is written yet in: in_words."]


def test_names_of_files_and_checks(missing):
    assert missing(nb.solved(), "my a1.ipynb") == [
        "The file is called my a1.ipynb; hand it in as a1.ipynb."
    ]
    assert "is not the one of this release" in missing(nb.solved(), beside=b"old")[0]


def test_checks_that_are_not_there(missing):
    assert "checks.npz is not beside the notebook" in missing(nb.solved(), beside=None)[0]


def test_locked_cells_that_were_deleted_or_changed(missing):
    def change(notebook):
        nb.find(notebook, "setup")["source"] = "import cmath"
        del notebook["cells"][nb.position(notebook, "check_loop")]

    changed, deleted = missing(nb.solved(change))
    assert changed.startswith("The grader will note: Locked cells had been changed")
    assert "setup" in changed
    assert "Locked cells were missing and were put back (1)." in deleted


def test_kernels_and_formats_that_others_cannot_open(missing):
    def julia(notebook):
        notebook["metadata"]["kernelspec"] = {"language": "julia"}
        notebook["nbformat"] = 10**20

    kernel, version = missing(nb.solved(julia))
    assert "kernel is for julia" in kernel
    assert "not 4" in version


def test_a_file_that_is_too_large(missing, monkeypatch):
    monkeypatch.setattr(handin, "MAX_FILE", 1_000)
    assert "more than the 0 MB" in missing(nb.solved())[0]


# --- where no untouched release is left -----------------------------------------------------------


@pytest.fixture(scope="module")
def released():
    path = source.ROOT / "assignments" / A1 / f"{A1}.ipynb"
    return path, handin.cells_of(path.read_bytes())


def test_files_that_sanitize_takes_can_be_read_here_as_well():
    old = {
        "nbformat": 3,
        "worksheets": [{"cells": [{"cell_type": "code", "input": ["x =", " 1"]}]}],
    }
    assert [text for _, text in handin.code_cells(nb.raw(old))] == ["x = 1"]
    assert handin.read(b'{"nbformat": ' + b"4" * 5000 + b"}")["nbformat"] > 4
    broken = b'{"cells": [{"cell_type": "code", "source": "a\xffb"}]}'
    assert [text for _, text in handin.code_cells(broken)] == ["a\ufffdb"]


def test_checksums_are_those_of_nbgrader(released):
    from nbformat import from_dict
    from nbgrader.utils import compute_checksum

    known = [c for c in released[1] if handin.grade_id(c)]
    assert len(known) > 20
    for cell in known:
        cell["source"] += " changed"
        assert handin.checksum(cell) == compute_checksum(from_dict(cell))
        cell["source"] = cell["source"].removesuffix(" changed")
    assert handin.changed(known) == set()


def test_a_student_who_works_in_the_folder_of_the_release(released, tmp_path):
    notebook = json.loads(released[0].read_text("utf-8"))
    solve_only(notebook, "rnn_forward")
    cells = {handin.grade_id(c): c for c in notebook["cells"]}
    cells["setup"]["source"] = "import numpy"
    cells["check_rnn_forward"]["source"] = "pass"
    notebook["cells"].remove(cells["check_rnn_backward"])
    notebook["cells"].append(nb.cell("code", "own = 1"))
    raw = nb.raw(notebook)
    path = tmp_path / f"{A1}.ipynb"
    path.write_bytes(raw)
    (tmp_path / "checks.npz").write_bytes(b"checks")
    submission = handin.submission_of(raw, path)
    assert submission.status == "graded"
    assert [c.source for c in submission.cells if c.kind == "own"] == ["own = 1"]
    said = list(handin.missing_at_hand_in(submission, raw, path, A1, tmp_path / "checks.npz"))
    assert said[0].endswith("as they were: check_rnn_backward.")
    assert "rnn_step_forward, rnn_step_backward, rnn_backward" in said[1]
    assert "rnn_forward" not in said[1].split(", ")
    assert said[2:] == [
        "Nothing is written yet in: bptt_in_words.",
        "The grader will note: Locked cells have been changed: setup, check_rnn_forward.",
    ]
    # With an untouched release beside it the grader's own way is taken.
    assert "put back: setup, check_rnn_forward" in " ".join(
        handin.submission_of(raw, released[0]).notes
    )


def test_a_damaged_notebook_in_the_folder_of_the_release(tmp_path):
    path = tmp_path / f"{A1}.ipynb"
    path.write_bytes(b'{"cells": ')
    submission = handin.submission_of(path.read_bytes(), path)
    assert submission.status == "unreadable"
    assert "damaged or cut off" in submission.notes[-1]
