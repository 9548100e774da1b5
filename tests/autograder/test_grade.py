from __future__ import annotations

import fcntl
import json
import os
import queue
import re
import subprocess
import sys
import threading
from concurrent import futures
from dataclasses import replace

import notebooks as nb
import pytest
from classroom import ASSIGNMENT, grade_by_looks, hand_in, marks

from autograder import grade, records
from autograder import gradebook as gb
from autograder.course import CourseError
from autograder.grade import (
    Job,
    bar,
    failed_result,
    grade_class,
    grade_submission,
    left_to_do,
    problem_of,
    student_id,
    students_of,
    summary,
)
from autograder.pool import Lost
from autograder.sandbox.wall import WallError
from autograder.sanitize import RawSubmission
from unrolled.verdict import Verdict

pytestmark = pytest.mark.usefixtures("fake_grader")


@pytest.fixture
def handed_in(course):
    hand_in(course, "alice")
    hand_in(course, "bob", nb.make_release())
    hand_in(course, "dave", b"{")
    (course.submitted / "erin").mkdir()
    return course


def run(course, **options):
    return grade_class(course, ASSIGNMENT, progress=False, **options)


def test_every_student_has_a_result(handed_in, tmp_path):
    results = run(handed_in, json=tmp_path / "out.json")
    assert [(r.student, r.status, r.score) for r in results] == [
        ("alice", "graded", 15.0),
        ("bob", "graded", 0.0),
        ("dave", "unreadable", 0.0),
        ("erin", "missing", 0.0),
    ]
    data = json.loads((tmp_path / "out.json").read_text())
    assert data["assignment"] == ASSIGNMENT
    assert data["results"] == [r.to_json() for r in results]
    assert set(records.read_records(handed_in, ASSIGNMENT)) == {"alice", "bob", "dave", "erin"}
    assert marks(handed_in, "alice")["check_loop"] == (6.0, None, False)
    assert marks(handed_in, "erin")["check_loop"] == (0.0, None, True)
    for student in ("alice", "bob", "dave", "erin"):
        assert gb.notebook_path(handed_in, ASSIGNMENT, student).is_file()


def test_what_is_up_to_date_is_not_run_again(handed_in, fake_grader):
    first = run(handed_in)
    fake_grader.clear()
    assert run(handed_in) == first
    assert fake_grader == []
    assert run(handed_in, force=True) == first
    assert fake_grader == ["alice", "bob", "dave", "erin"]


def test_a_new_submission_is_graded_and_a_person_is_asked_again(handed_in, fake_grader):
    run(handed_in)
    with gb.open_gradebook(handed_in) as gradebook:
        grade_ = gradebook.find_grade("in_words", ASSIGNMENT, ASSIGNMENT, "alice")
        grade_.manual_score, grade_.needs_manual_grade = 2.0, False
        gradebook.db.commit()
    run(handed_in, force=True)
    assert marks(handed_in, "alice")["in_words"] == (None, 2.0, False)
    fake_grader.clear()
    changed = nb.solved(lambda n: nb.find(n, "in_words").update(source="Another answer."))
    hand_in(handed_in, "alice", changed)
    run(handed_in)
    assert fake_grader == ["alice"]
    assert marks(handed_in, "alice")["in_words"] == (None, 2.0, True)


@pytest.mark.parametrize("lost", ["record", "notebook", "gradebook", "all"])
def test_what_was_lost_is_made_again(handed_in, lost):
    def state():
        made = {
            p.relative_to(handed_in.grading): p.read_bytes()
            for folder in (handed_in.records, handed_in.autograded)
            for p in folder.rglob("*")
            if p.is_file() and p.suffix != ".lock"
        }
        return made, {s: marks(handed_in, s) for s in ("alice", "bob", "dave", "erin")}

    run(handed_in)
    before = state()
    if lost in ("record", "all"):
        records.record_path(handed_in, ASSIGNMENT, "alice").unlink()
    if lost in ("notebook", "all"):
        gb.notebook_path(handed_in, ASSIGNMENT, "alice").unlink()
    if lost in ("gradebook", "all"):
        handed_in.gradebook.unlink()
    run(handed_in)
    assert state() == before


def test_a_damaged_record_is_made_again(handed_in, capsys):
    run(handed_in)
    path = records.record_path(handed_in, ASSIGNMENT, "bob")
    whole = path.read_bytes()
    path.write_bytes(whole[:40])
    run(handed_in)
    assert path.read_bytes() == whole
    assert "was damaged" in capsys.readouterr().err


def test_other_checks_grade_everybody_again(handed_in, fake_grader, monkeypatch):
    run(handed_in)
    fake_grader.clear()
    monkeypatch.setattr(grade.source, "bank_hash", lambda assignment: "new bank")
    run(handed_in)
    assert fake_grader == ["alice", "bob", "dave", "erin"]


def test_a_run_that_is_stopped_anywhere_is_completed_by_the_next(course, monkeypatch):
    """Fail at every single step of writing in turn; the end is that of an undisturbed run."""
    for student in ("alice", "bob"):
        hand_in(course, student)
    steps = [("write_notebook", gb), ("write", gb), ("write_record", grade)]

    class Stopped(BaseException):
        pass

    for name, module in steps:
        for when in ("before", "after"):
            for student in ("alice", "bob"):
                original = getattr(module, name)

                def stop(*args, original=original, when=when, student=student, **options):
                    here = any(getattr(a, "student", None) == student for a in args)
                    if here and when == "before":
                        raise Stopped
                    value = original(*args, **options)
                    if here:
                        raise Stopped
                    return value

                with monkeypatch.context() as patch:
                    patch.setattr(module, name, stop)
                    with pytest.raises(Stopped):
                        run(course, force=True)
                results = run(course)
                assert [r.score for r in results] == [15.0, 15.0]
                for r in results:
                    assert marks(course, r.student)["check_step"] == (4.0, None, False)
                    assert records.read_record(course, ASSIGNMENT, r.student)[0] == r


def test_a_submission_that_the_grader_fails_on_needs_a_person_and_is_tried_again(
    handed_in, monkeypatch
):
    def outcomes(jobs, count, scheduler):
        for job in jobs:
            lost = job.student == "alice"
            yield job, Lost("its process ended with SIGKILL") if lost else grade_by_looks(job)

    exercises = {}
    monkeypatch.setattr(grade, "load_exercises", lambda assignment: exercises)
    with monkeypatch.context() as patch:
        patch.setattr(grade, "outcomes", outcomes)
        alice = run(handed_in)[0]
    assert (alice.status, alice.score, alice.needs_human) == ("unreadable", 0.0, True)
    assert "SIGKILL" in alice.notes[-1]
    assert marks(handed_in, "alice")["check_step"] == (0.0, None, True)
    assert run(handed_in)[0].score == 15.0
    assert marks(handed_in, "alice")["check_step"] == (4.0, None, False)


def test_a_failed_result_lists_all_exercises(course):
    raw = RawSubmission(b"", "graded", ("First note.",))
    result = failed_result(Job(course, "a1_rnn", "alice", raw), "it hung")
    assert len(result.exercises) == 8
    assert {v.outcome for v in result.exercises} == {"error"}
    assert result.notes[0] == "First note."


def test_only_some_students(handed_in, fake_grader):
    run(handed_in, students=["bob"])
    assert fake_grader == ["bob"]
    with pytest.raises(CourseError, match="No folder of nobody"):
        run(handed_in, students=["nobody"])


def test_submissions_from_elsewhere(handed_in, tmp_path):
    other = tmp_path / "other"
    handed_in.submitted.rename(other)
    assert len(run(handed_in, submissions_dir=other)) == 4
    with pytest.raises(CourseError, match="There are no submissions"):
        run(handed_in)


def test_an_empty_class(course):
    course.submitted.mkdir(parents=True)
    assert run(course) == []
    assert "nothing was graded" in summary([])


def test_files_and_hidden_folders_are_no_students(handed_in):
    (handed_in.submitted / "list.csv").write_text("x")
    (handed_in.submitted / ".git").mkdir()
    assert list(students_of(handed_in.submitted)) == ["alice", "bob", "dave", "erin"]


@pytest.mark.parametrize("name", ["alice", "Müller, Anna", "=1+1", "李雷", "a" * 100])
def test_ordinary_names_stay(name):
    assert student_id(name) == name


@pytest.mark.parametrize("name", ["a" * 255, "\x1b[31mred", "line\nbreak", "\udcff", "‮abc"])
def test_names_that_cannot_be_printed_or_stored_are_made_so(name):
    made = student_id(name)
    assert made.isprintable()
    assert len(made.encode()) <= 100
    assert made != student_id(name + "2")


def test_odd_names_are_graded(course):
    os.makedirs(os.path.join(os.fsencode(course.submitted), b"\xff" * 200))
    (result,) = run(course)
    assert result.status == "missing"
    assert run(course) == [result]


def test_a_full_disk_is_said_plainly(handed_in, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(grade, "write_record", full)
    with pytest.raises(CourseError, match=r"No space left.*run the same command again"):
        run(handed_in)


def test_a_second_grader_waits_and_says_so(handed_in, monkeypatch, fake_grader):
    said: queue.Queue[str] = queue.Queue()
    monkeypatch.setattr(grade, "say", said.put)
    path = handed_in.records / f"{ASSIGNMENT}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as held:
        held.write("4711")
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)
        waiting = threading.Thread(target=run, args=[handed_in])
        waiting.start()
        text = said.get(timeout=60)
        assert "graded by process 4711 already; waiting" in text
        assert fake_grader == []
        fcntl.flock(held, fcntl.LOCK_UN)
        waiting.join()
    assert fake_grader == ["alice", "bob", "dave", "erin"]


def test_two_graders_at_once(handed_in, fake_grader):
    threads = [threading.Thread(target=run, args=[handed_in]) for _ in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(fake_grader) == ["alice", "bob", "dave", "erin"]


def test_dask_that_is_not_installed_is_named(handed_in, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(CourseError, match="pip install distributed"):
        list(grade.run_on_cluster(iter([]), "tcp://127.0.0.1:1"))


class FakeDask:
    """What is used of ``distributed``: jobs run at once, and count how many are under way."""

    def __init__(self, work):
        self.work, self.waiting, self.most = work, [], 0

    def Client(self, address, timeout):
        if address == "nobody":
            raise OSError("Timed out")
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def nthreads(self):
        return {"one": 1, "two": 2}

    def submit(self, function, job, pure, retries):
        assert (function, pure, retries) == (grade_submission, False, 1)
        future = futures.Future()
        try:
            future.set_result(self.work(job))
        except Exception as error:
            future.set_exception(error)
        return future

    def as_completed(self, started):
        self.waiting = list(started)
        return self

    def add(self, future):
        self.waiting.append(future)

    def __iter__(self):
        while self.waiting:
            self.most = max(self.most, len(self.waiting))
            yield self.waiting.pop(0)


def jobs_for(course, count):
    return [Job(course, ASSIGNMENT, f"s{i}", RawSubmission(None, "missing")) for i in range(count)]


def test_a_cluster_gets_a_few_jobs_at_a_time(course, monkeypatch):
    def work(job):
        if job.student == "s3":
            raise RuntimeError("worker died")
        return grade_by_looks(job)

    dask = FakeDask(work)
    monkeypatch.setitem(sys.modules, "distributed", dask)
    jobs = jobs_for(course, 20)
    got = dict(grade.run_on_cluster(iter(jobs), "tcp://here"))
    assert set(got) == set(jobs)
    assert got[jobs[3]] == Lost("RuntimeError")
    assert all(got[job].student == job.student for job in jobs if job != jobs[3])
    assert dask.most == 6
    with pytest.raises(CourseError, match="No Dask scheduler answers at nobody"):
        list(grade.run_on_cluster(iter(jobs), "nobody"))


def test_a_cluster_that_cannot_grade_ends_the_run(course, monkeypatch):
    def work(job):
        raise WallError("no bubblewrap")

    monkeypatch.setitem(sys.modules, "distributed", FakeDask(work))
    with pytest.raises(WallError, match="no bubblewrap"):
        list(grade.run_on_cluster(iter(jobs_for(course, 3)), "tcp://here"))


def test_progress_in_a_log(handed_in, capsys):
    grade_class(handed_in, ASSIGNMENT)
    said = capsys.readouterr().err
    assert "[1/4] alice: graded, 15 of 15 points, 0.5 s\n" in said
    grade_class(handed_in, ASSIGNMENT)
    assert capsys.readouterr().err == "4 of 4 submissions are up to date.\n"


def test_progress_on_a_terminal(handed_in):
    class Terminal(list):
        encoding = "utf-8"
        write = list.append

        def isatty(self):
            return True

        def flush(self):
            pass

    screen = Terminal()
    results = run(handed_in)
    with bar(4, 0, True, screen) as advance:
        for result in results:
            advance(result)
    shown = "".join(screen)
    assert "100% " in shown
    assert re.search(r" 4 of 4, +(\d[\d.]*|\?) submissions/s, (\d\d:)+\d\d left, erin", shown)
    problems = [r for r in results if problem_of(r)]
    assert len(problems) == 2
    for result in problems:
        assert f"{result.student}: {problem_of(result)}\n" in shown


def test_summary(handed_in):
    lines = summary(run(handed_in)).splitlines()
    assert lines[1].split() == ["alice", "15", "of", "15", "graded"]
    assert lines[3].endswith("unreadable  needs a person")
    assert lines[-1] == "2 of 4 submissions graded, 7.5 points on average; 2 need a person."


def test_the_module_starts_no_torch():
    """Grading processes start often; torch is only needed behind the wall."""
    code = "import sys, autograder.grade; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_what_is_left_to_do_names_people_and_commands(handed_in):
    results = run(handed_in)
    slow = Verdict("loop", 0.0, 6.0, "timeout", "It took too long.")
    alice = replace(results[0], exercises=(slow,))
    said = "\n".join(left_to_do(handed_in, [alice, *results[1:]], waiting=3))
    for result in results:
        if result.status == "graded" and not result.needs_human:
            assert f"  {result.student}: " not in said
        else:
            assert f"  {result.student}: {problem_of(result)}" in said
    assert f"course --root {handed_in.root} replay {alice.student} {ASSIGNMENT} loop\n" in said
    assert f"course --root {handed_in.root} formgrader " in said
    assert "3 submissions wait for marks" in said
    assert "formgrader" not in "\n".join(left_to_do(handed_in, results))
    assert list(left_to_do(handed_in, [])) == []
