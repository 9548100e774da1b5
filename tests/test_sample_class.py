"""The sample class, graded for real: behind the wall, through the gradebook, with exact marks."""

import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
from nbgrader.api import Gradebook

from autograder import demo, grade, judge, regrade, source
from autograder.course import Course
from autograder.feedback import write_feedback
from autograder.grade import grade_class
from autograder.release import load_release, release
from autograder.report import write_report
from autograder.sample_class import make_class, write_class
from unrolled.exercise import load as load_exercises

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("sample class")]

A1 = "a1_rnn"

# Points of 34; for every exercise that is not right its outcome and misconception.
EXPECTED = {
    "right": (34, {}),
    "right: pure_python": (34, {}),
    "right: einsum": (34, {}),
    "right: torch_autograd": (34, {}),
    "right: stacked_weights": (34, {}),
    "right: closure_cache": (34, {}),
    "right: float32 inside": (34, {}),
    "right, warns on stderr": (34, {}),
    "right, an own slow cell": (34, {}),
    "half: forward only": (
        10,
        dict.fromkeys(
            (
                "rnn_step_backward",
                "rnn_backward",
                "temporal_affine_backward",
                "temporal_softmax_loss",
                "numerical_gradient",
            ),
            ("missing", None),
        ),
    ),
    "half: one step": (
        10,
        dict.fromkeys(
            (
                "rnn_forward",
                "rnn_backward",
                "temporal_affine_forward",
                "temporal_affine_backward",
                "temporal_softmax_loss",
                "numerical_gradient",
            ),
            ("missing", None),
        ),
    ),
    "half: all but the loss": (29, {"temporal_softmax_loss": ("missing", None)}),
    # The forward step sinks the backward step, which reads its cache; the sequence is not charged.
    "mistake: transposed-recurrence": (
        24,
        {
            "rnn_step_forward": ("fail", "transposed-recurrence"),
            "rnn_step_backward": ("fail", "transposed-recurrence"),
        },
    ),
    "mistake: derivative-at-wrong-variable": (
        28,
        {"rnn_step_backward": ("fail", "derivative-at-wrong-variable")},
    ),
    "mistake: initial-state-ignored": (
        24,
        {
            "rnn_forward": ("fail", "initial-state-ignored"),
            "rnn_backward": ("fail", "initial-state-ignored"),
        },
    ),
    # Two of five results (dx, dh0) are right: 2/5 of 6 points.
    "mistake: weight-gradients-overwritten": (
        30.4,
        {"rnn_backward": ("partial", "weight-gradients-overwritten")},
    ),
    "mistake: future-ignored": (28, {"rnn_backward": ("fail", "future-ignored")}),
    # One of two results (the loss) is right: 1/2 of 5 points.
    "mistake: gradient-not-masked": (
        31.5,
        {"temporal_softmax_loss": ("partial", "gradient-not-masked")},
    ),
    "mistake: softmax-overflows": (33, {"temporal_softmax_loss": ("partial", "softmax-overflows")}),
    "mistake: one-sided-difference": (30, {"numerical_gradient": ("fail", "one-sided-difference")}),
    "mistakes: three": (
        34 - 6 / 5 - 3 / 3 - 4,
        {
            "rnn_step_backward": ("partial", "db-averaged"),
            "temporal_affine_backward": ("partial", "dw-transposed"),
            "numerical_gradient": ("fail", "x-not-restored"),
        },
    ),
    "mistakes: two in one function": (
        34 - 2 * 6 / 5,
        {"rnn_step_backward": ("partial", "dprev-h-not-transposed")},
    ),
    # "Arguments left unchanged" is one of seven cases of rnn_backward.
    "writes into an argument": (33.14, {"rnn_backward": ("partial", None)}),
    "empty: the release handed in": (0, None),
    "broken: deleted check cells": (34, {}),
    "broken: copied cells": (34, {}),
    "broken: renamed file": (34, {}),
    "broken: endless loop": (
        29,
        {
            "temporal_affine_forward": ("timeout", None),
            "temporal_affine_backward": ("timeout", None),
        },
    ),
    "broken: syntax error": (29, {"temporal_softmax_loss": ("error", None)}),
    "broken: file cut off": (0, None),
}


@pytest.fixture(scope="module")
def classroom(tmp_path_factory):
    """A course with the release and the submissions, not graded yet."""
    root = tmp_path_factory.mktemp("class")
    for name in ("_config.yml", "nbgrader_config.py"):
        shutil.copy(source.ROOT / name, root)
    course = Course(root)
    release(course, A1)
    samples = write_class(A1, load_release(A1, root), course.submitted)
    return course, {s.case: s.student for s in samples}


@pytest.fixture(scope="module")
def graded(classroom):
    course, students = classroom
    results = {r.student: r for r in grade_class(course, A1, jobs=2, progress=False)}
    return {case: results[student] for case, student in students.items()}


def test_the_class_has_all_cases(classroom):
    _, students = classroom
    assert set(students) == set(EXPECTED)
    assert len(set(students.values())) >= 24


def test_the_same_seed_makes_the_same_class(classroom):
    course, _ = classroom
    again = make_class(A1, load_release(A1, course.root))
    for sample in again:
        folder = course.submitted / sample.student / A1
        assert {p.name: p.read_bytes() for p in folder.iterdir()} == dict(sample.files)


@pytest.mark.parametrize("case", EXPECTED)
def test_marks_are_exact(graded, case):
    result = graded[case]
    points, wrong = EXPECTED[case]
    assert result.max_score == 34
    assert result.score == pytest.approx(points, abs=0.005)
    if wrong is not None:
        found = {
            v.exercise: (v.outcome, v.misconception)
            for v in result.exercises
            if v.outcome != "pass"
        }
        assert found == wrong


def test_broken_submissions_say_what_was_done(graded):
    def notes(case):
        return " ".join(graded[case].notes)

    assert graded["broken: file cut off"].status == "unreadable"
    assert "cannot be read" in notes("broken: file cut off")
    assert "were missing and were put back" in notes("broken: deleted check cells")
    assert "Copies of cells" in notes("broken: copied cells")
    assert "a1_rnn (1).ipynb" in notes("broken: renamed file")
    assert "stopped after 10 s" in notes("right, an own slow cell")
    loss = next(v for v in graded["broken: syntax error"].exercises if v.points == 0)
    assert "SyntaxError" in loss.message
    assert "only its definitions count" not in notes("right")
    assert graded["right"].notes == ()


def test_the_gradebook_holds_the_same_marks(classroom, graded):
    course, students = classroom
    with Gradebook(course.gradebook_url) as gradebook:
        for case, student in students.items():
            marks = gradebook.find_submission(A1, student)
            assert marks.score == pytest.approx(graded[case].score)


def test_grading_again_runs_nothing_and_changes_nothing(classroom, graded):
    course, students = classroom
    records = {s: (course.records / A1 / f"{s}.json").read_bytes() for s in students.values()}
    again = {r.student: r for r in grade_class(course, A1, jobs=1, progress=False)}
    assert {case: again[s] for case, s in students.items()} == graded
    assert records == {s: (course.records / A1 / f"{s}.json").read_bytes() for s in records}


def test_every_student_gets_a_page_and_the_class_a_report(classroom, graded):
    course, students = classroom
    pages = write_feedback(course, A1)
    assert len(pages) == len(students)
    report = write_report(course, A1).read_text()
    for student in students.values():
        assert student in report
    hinted = next(p for p in pages if students["mistake: future-ignored"] in p.parts).read_text()
    match = next(v for v in graded["mistake: future-ignored"].exercises if v.matches).matches[0]
    assert match.link in hinted


def test_a_dry_run_after_a_change_of_checks_says_whose_mark_would_change(
    classroom, graded, monkeypatch
):
    """One misconception is struck out, one exercise counts more; graded in this process."""
    course, students = classroom
    known = [m for m in source.load_misconceptions(A1) if m.name != "future-ignored"]
    exercises = load_exercises(A1)
    name = "temporal_softmax_loss"
    heavier = {**exercises, name: replace(exercises[name], points=10)}
    monkeypatch.setattr(source, "load_misconceptions", lambda assignment: tuple(known))
    monkeypatch.setattr(source, "bank_hash", lambda assignment: "other checks")
    monkeypatch.setattr(judge, "load_exercises", lambda assignment: heavier)

    def outcomes(jobs, count, scheduler):
        for job in jobs:
            yield job, grade.grade_submission(job)

    monkeypatch.setattr(grade, "outcomes", outcomes)
    cases = ("right", "mistake: future-ignored", "half: all but the loss", "broken: file cut off")
    before = {p: p.read_bytes() for p in course.grading.rglob("*") if p.is_file()}
    try:
        changes = regrade.regrade(course, A1, dry_run=True, students=[students[c] for c in cases])
    finally:
        grade.close_grader()
    assert {p: p.read_bytes() for p in course.grading.rglob("*") if p.is_file()} == before
    found = {c.after.student: c for c in changes}
    texts = {
        case: [tuple(map(regrade.verdict_text, pair)) for pair in found[students[case]].exercises()]
        for case in cases
    }
    loss = ("pass, 5 of 5", "pass, 10 of 10")
    assert texts["right"] == [loss]
    assert texts["mistake: future-ignored"] == [
        ("fail, 0 of 6, future-ignored", "fail, 0 of 6"),
        loss,
    ]
    assert texts["half: all but the loss"] == [("missing, 0 of 5", "missing, 0 of 10")]
    assert [c.marks_differ for c in found.values()].count(True) == 2
    old = graded["right"].bank_hash[:8]
    assert found[students["right"]].reasons() == [f"the checks changed ({old} to other ch)"]


def test_nbgrader_autograde_gives_the_same_marks(classroom, graded, tmp_path):
    course, students = classroom
    chosen = ("right: einsum", "mistakes: three", "broken: copied cells", "broken: file cut off")
    other = Course(tmp_path / "course")
    for name in ("_config.yml", "nbgrader_config.py"):
        other.root.mkdir(exist_ok=True)
        shutil.copy(source.ROOT / name, other.root)
    release(other, A1)
    for case in chosen:
        shutil.copytree(course.submitted / students[case], other.submitted / students[case])
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "autograde", A1],
        cwd=other.root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with Gradebook(other.gradebook_url) as gradebook:
        for case in chosen:
            marks = gradebook.find_submission(A1, students[case])
            assert marks.score == pytest.approx(graded[case].score)


def test_the_demo_course_shares_nothing_that_a_class_produces(tmp_path):
    real = Course(tmp_path)
    for name in ("_config.yml", "nbgrader_config.py"):
        shutil.copy(source.ROOT / name, tmp_path)
    made = demo.make_course(real)
    assert made.grading != real.grading
    assert made.grading.is_relative_to(tmp_path / "build")
