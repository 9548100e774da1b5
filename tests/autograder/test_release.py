"""Releases: what students get, that nothing private is in it, and that the commit is up to date."""

import json
import shutil

import numpy as np
import pytest

from autograder import leaks, release, source
from autograder.course import Course
from unrolled import bank
from unrolled.exercise import VISIBLE_SEEDS, load

ROOT = source.ROOT


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A course with a fresh release of a1_rnn."""
    course = Course(tmp_path_factory.mktemp("course"))
    for name in ("_config.yml", "nbgrader_config.py"):
        shutil.copy(ROOT / name, course.root)
    course.secret()
    release.release(course, "a1_rnn")
    return course


@pytest.fixture(scope="module")
def notebook(made):
    return release.load_release("a1_rnn", made.root)


def test_what_is_committed_is_what_a_fresh_release_makes(made):
    # The other assignments: `course release --check`, which continuous integration runs.
    new, old = made.assignments / "a1_rnn", ROOT / "assignments" / "a1_rnn"
    assert release.differences("a1_rnn", new, old) == []


def test_every_assignment_is_released_with_its_exercises():
    for assignment in source.assignments():
        cells = release.load_release(assignment)["cells"]
        grade_ids = {c["metadata"].get("nbgrader", {}).get("grade_id") for c in cells}
        checks = bank.load(ROOT / "assignments" / assignment / "checks.npz")
        for name in load(assignment):
            assert {name, f"check_{name}"} <= grade_ids
            assert name in checks.expected


def test_every_exercise_has_a_stub_and_a_locked_check(notebook):
    cells = {
        c["metadata"]["nbgrader"]["grade_id"]: c
        for c in notebook["cells"]
        if "nbgrader" in c["metadata"]
    }
    for name, exercise in load("a1_rnn").items():
        stub, check = cells[name], cells[f"check_{name}"]
        assert "raise NotImplementedError()" in "".join(stub["source"])
        assert f"def {name}(" in "".join(stub["source"])
        assert not stub["metadata"]["nbgrader"]["locked"]
        assert "".join(check["source"]) == f'check("{name}")'
        assert check["metadata"]["nbgrader"]["locked"]
        assert check["metadata"]["nbgrader"]["points"] == exercise.points


def test_one_answer_is_marked_by_a_person(notebook):
    written = [
        c["metadata"]["nbgrader"]
        for c in notebook["cells"]
        if c["metadata"].get("nbgrader", {}).get("solution") and c["metadata"]["nbgrader"]["grade"]
    ]
    assert len(written) == 1
    assert written[0]["points"] > 0


def test_links_lead_into_the_book(notebook):
    text = json.dumps(notebook)
    assert "{BOOK}" not in text
    assert f"{release.LOCAL_BOOK}/chapters/" in text


def test_nothing_private_is_in_what_students_get(made):
    assert leaks.find_leaks(made.assignments, "a1_rnn", made) == []
    assert leaks.find_public_leaks(ROOT, made) == []


def test_private_lines_are_many_and_found_where_they_stand(made, tmp_path):
    lines = leaks.private_lines("a1_rnn")
    assert len(lines) > 100
    misconceptions = source.load_misconceptions("a1_rnn")
    assert sum("misconception" in why for why in lines.values()) > len(misconceptions) / 2
    shutil.copytree(made.assignments / "a1_rnn", tmp_path / "out")
    path = tmp_path / "out" / "a1_rnn.ipynb"
    notebook = json.loads(path.read_text())
    solved = source.solution_cell("a1_rnn", "rnn_step_backward").source
    notebook["cells"][-1]["source"] = solved.replace("    ", "  ")  # another layout hides nothing
    path.write_text(json.dumps(notebook))
    found = leaks.find_leaks(tmp_path / "out", "a1_rnn", made)
    assert any("solution of rnn_step_backward" in f for f in found)


def test_the_secret_and_a_misconception_are_found_even_in_an_archive(made, tmp_path):
    m = source.load_misconceptions("a1_rnn")[0]
    line = next(
        x for x in source.mutate("a1_rnn", m).splitlines() if m.replace in x and m.find != x
    )
    np.savez(tmp_path / "a.npz", note=np.frombuffer(line.encode(), np.uint8))
    secret = (made.grading / "secret").read_bytes()
    np.savez(tmp_path / "b.npz", note=np.frombuffer(b"--" + secret, np.uint8))
    found = leaks.find_leaks(tmp_path, "a1_rnn", made)
    assert any(f.startswith("b.npz holds the secret") for f in found)
    assert any(f.startswith("a.npz") for f in found)


def test_a_release_that_would_leak_is_refused(made, tmp_path, monkeypatch):
    monkeypatch.setattr(release, "find_leaks", lambda *_: ["a line"])
    with pytest.raises(release.ReleaseError, match="would give away: a line"):
        release.release(made, "a1_rnn", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_checks_hold_the_visible_seeds_only(made):
    checks = bank.load(made.assignments / "a1_rnn" / "checks.npz")
    assert list(checks.expected) == list(load("a1_rnn"))
    for cases in checks.expected.values():
        assert {seed for seed, _ in cases} == set(VISIBLE_SEEDS)


def test_another_notebook_or_other_numbers_are_reported(made, tmp_path):
    other = tmp_path / "a1_rnn"
    shutil.copytree(made.assignments / "a1_rnn", other)
    (other / "a1_rnn.ipynb").write_text("{}")
    checks = bank.load(other / "checks.npz")
    case = next(iter(checks.expected["rnn_forward"].values()))
    case.outputs["h"] = case.outputs["h"] + 1e-3
    bank.save(other / "checks.npz", checks)
    found = release.differences("a1_rnn", made.assignments / "a1_rnn", other)
    assert found == [
        "a1_rnn.ipynb is not what `course release a1_rnn` makes",
        "checks.npz differs in rnn_forward",
    ]


def test_unknown_assignments_are_named(made):
    with pytest.raises(source.SourceError, match=r"no assignment 'a9'\. Known assignments: a1_rnn"):
        release.release(made, "a9")
    with pytest.raises(source.SourceError, match="no assignment 'a9'"):
        release.load_release("a9", made.root)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"find": "no such text"}, "stands 0 times"),
        ({"find": "a"}, "times, not once"),
        ({"replace": "("}, "is not Python"),
    ],
)
def test_a_misconception_that_does_not_fit_is_named(change, words):
    from dataclasses import replace

    m = replace(source.load_misconceptions("a1_rnn")[0], **change)
    with pytest.raises(source.SourceError, match=words):
        source.mutate("a1_rnn", m)
