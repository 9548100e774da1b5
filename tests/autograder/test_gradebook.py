from __future__ import annotations

import dataclasses
import json
import shutil
import sqlite3
import threading

import nbformat
import notebooks as nb
import pytest
from classroom import ASSIGNMENT, grade_by_looks, hand_in, marks
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.preprocessors import SaveCells

from autograder import gradebook as gb
from autograder.course import Course
from autograder.grade import Job
from autograder.gradebook import GradebookError
from autograder.sanitize import read_submission

RELEASE = nb.make_release()
FULL = {"check_step": 4.0, "check_loop": 6.0, "check_loss": 5.0}


@pytest.fixture
def gradebook(course):
    with gb.open_gradebook(course) as opened:
        gb.ensure_assignment(course, opened, ASSIGNMENT, RELEASE)
        yield opened


def result_of(course, student, notebook=None):
    folder = hand_in(course, student, notebook)
    return grade_by_looks(Job(course, ASSIGNMENT, student, read_submission(folder, ASSIGNMENT)))


def write(course, gradebook, result, **options):
    gb.write(course, gradebook, result, RELEASE, **options)
    return marks(course, result.student)


def set_by_person(gradebook, student, cell, score, comment=None):
    grade = gradebook.find_grade(cell, ASSIGNMENT, ASSIGNMENT, student)
    grade.manual_score, grade.needs_manual_grade = score, False
    if comment:
        found = gradebook.find_comment(cell, ASSIGNMENT, ASSIGNMENT, student)
        found.manual_comment = comment
    gradebook.db.commit()


def test_marks_of_a_graded_submission(course, gradebook):
    got = write(course, gradebook, result_of(course, "alice"))
    assert got == {
        **{name: (points, None, False) for name, points in FULL.items()},
        "in_words": (None, None, True),
    }


def test_an_untouched_written_answer_has_no_points_and_waits_for_nobody(course, gradebook):
    got = write(course, gradebook, result_of(course, "carol", RELEASE))
    assert got == dict.fromkeys([*FULL, "in_words"], (0.0, None, False))
    comments = gradebook.find_submission_notebook(ASSIGNMENT, ASSIGNMENT, "carol").comments
    assert {c.auto_comment for c in comments} == {"No response."}


def test_what_cannot_be_read_has_no_points_and_waits_for_a_person(course, gradebook):
    got = write(course, gradebook, result_of(course, "dave", b"{"))
    assert got == dict.fromkeys([*FULL, "in_words"], (0.0, None, True))


@pytest.mark.parametrize("later", [b"{", RELEASE])
def test_a_later_submission_that_fails_replaces_the_mark(course, gradebook, later):
    write(course, gradebook, result_of(course, "alice"))
    got = write(course, gradebook, result_of(course, "alice", later))
    assert [auto for auto, _, _ in got.values()] == [0.0] * 4


def test_a_later_good_submission_replaces_an_unreadable_one(course, gradebook):
    write(course, gradebook, result_of(course, "alice", b"{"))
    got = write(course, gradebook, result_of(course, "alice"))
    assert got["check_step"] == (4.0, None, False)


def test_scores_and_comments_of_a_person_survive(course, gradebook):
    result = result_of(course, "alice")
    write(course, gradebook, result)
    set_by_person(gradebook, "alice", "in_words", 2.5, "Good.")
    set_by_person(gradebook, "alice", "check_step", 3.0)

    same = write(course, gradebook, result, changed=False)
    assert same["in_words"] == (None, 2.5, False)
    assert same["check_step"] == (4.0, 3.0, False)

    other = write(course, gradebook, result_of(course, "alice", RELEASE))
    assert other["in_words"] == (0.0, 2.5, True)
    assert other["check_step"] == (0.0, 3.0, True)
    assert other["check_loop"] == (0.0, None, False)
    gradebook.db.expire_all()
    comment = gradebook.find_comment("in_words", ASSIGNMENT, ASSIGNMENT, "alice")
    assert comment.comment == "Good."
    assert gradebook.find_submission(ASSIGNMENT, "alice").score == 5.5


def test_the_timestamp_is_taken_over_if_it_is_one(course, gradebook):
    result = result_of(course, "alice")
    write(course, gradebook, result, timestamp="2025-03-01 12:00:00 UTC")
    for odd in ("", "yesterday", "9" * 90, "0001-01-01 00:00:00 +2359"):
        write(course, gradebook, result, timestamp=odd)
    gradebook.db.expire_all()
    assert str(gradebook.find_submission(ASSIGNMENT, "alice").timestamp) == "2025-03-01 12:00:00"


def test_holds(course, gradebook):
    result = result_of(course, "alice")
    assert not gb.holds(gradebook, result, RELEASE)
    write(course, gradebook, result)
    assert gb.holds(gradebook, result, RELEASE)
    worse = dataclasses.replace(
        result, exercises=(dataclasses.replace(result.exercises[0], points=1.0),)
    )
    assert not gb.holds(gradebook, worse, RELEASE)


def test_a_release_with_other_points_updates_the_gradebook(course, gradebook):
    write(course, gradebook, result_of(course, "alice"))
    release = nb.make_release()
    nb.find(release, "check_step")["metadata"]["nbgrader"]["points"] = 8.0
    gb.ensure_assignment(course, gradebook, ASSIGNMENT, release)
    gradebook.db.expire_all()
    assert gradebook.find_assignment(ASSIGNMENT).max_score == 22.0


def test_a_release_with_other_cells_is_refused_once_there_are_submissions(course, gradebook):
    release = nb.make_release()
    extra = nb.cell("code", "check(1)", "check_more", grade=True, points=1.0, cell_type="code")
    release["cells"].append(extra)
    gb.ensure_assignment(course, gradebook, ASSIGNMENT, release)
    gb.write(course, gradebook, result_of(course, "alice"), release)
    for attempt in (
        lambda: gb.ensure_assignment(course, gradebook, ASSIGNMENT, RELEASE),
        lambda: gb.prepare_release(course, ASSIGNMENT, RELEASE),
    ):
        with pytest.raises(GradebookError, match=r"gone: check_more\).*new name"):
            attempt()
    assert marks(course, "alice")["check_step"] == (4.0, None, False)


def test_a_release_with_other_text_is_let_through_and_keeps_all_marks(course, gradebook):
    """Text cells are numbered, so one more at the top renames all that follow."""
    write(course, gradebook, result_of(course, "alice"))
    set_by_person(gradebook, "alice", "in_words", 2.5, "Good.")
    before = marks(course, "alice")
    release = nb.make_release()
    nb.find(release, "text_06")["metadata"]["nbgrader"]["grade_id"] = "text_07"
    release["cells"].insert(1, nb.cell("markdown", "Read this first.", "text_00", locked=True))
    nb.find(release, "text_05")["source"] = "## Say it in one sentence"
    gb.prepare_release(course, ASSIGNMENT, release)
    save_cells(course, release)
    gradebook.db.expire_all()
    cells = gradebook.find_notebook(ASSIGNMENT, ASSIGNMENT).source_cells
    texts = {c.name: c.source for c in cells if c.name.startswith("text")}
    assert texts["text_00"] == "Read this first."
    assert texts["text_05"] == "## Say it in one sentence"
    assert "text_06" not in texts
    assert marks(course, "alice") == before
    comment = gradebook.find_comment("in_words", ASSIGNMENT, ASSIGNMENT, "alice")
    assert comment.comment == "Good."


def save_cells(course, release):
    """What nbgrader's generate_assignment does to the gradebook."""
    names = {"notebook": ASSIGNMENT, "assignment": ASSIGNMENT, "db_url": course.gradebook_url}
    SaveCells().preprocess(nbformat.from_dict(release), {"nbgrader": names})


def test_before_the_first_release_there_is_a_whole_gradebook(tmp_path):
    course = Course(tmp_path)
    gb.prepare_release(course, ASSIGNMENT, RELEASE)
    gb.check_version(course.gradebook)
    assert [p.name for p in course.grading.iterdir()] == ["gradebook.db"]


# --- trouble --------------------------------------------------------------------------------------


def test_a_lock_is_waited_for(course, gradebook):
    result = result_of(course, "alice")
    holder = sqlite3.connect(course.gradebook, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN EXCLUSIVE")
    release_it = threading.Timer(2.5, holder.rollback)  # sqlite itself gives up after 1 s
    release_it.start()
    assert write(course, gradebook, result)["check_step"] == (4.0, None, False)
    release_it.join()
    holder.close()


def test_a_lock_that_stays_is_said_plainly(course, gradebook, monkeypatch, capsys):
    monkeypatch.setattr(gb, "LOCK_PATIENCE", 0.0)
    result = result_of(course, "alice")
    with sqlite3.connect(course.gradebook, isolation_level=None) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(GradebookError, match="locked by another program"):
            gb.write(course, gradebook, result, RELEASE)
        holder.rollback()
    holder.close()
    assert "Traceback" not in capsys.readouterr().err
    assert write(course, gradebook, result)["check_step"] == (4.0, None, False)


def set_version(path, version):
    with sqlite3.connect(path) as db:
        db.execute("UPDATE alembic_version SET version_num = ?", [version])
    db.close()


def test_another_version_is_refused(course):
    set_version(course.gradebook, "167914646830")
    with pytest.raises(GradebookError, match=r"is of version 167914646830.*nbgrader db upgrade"):
        gb.check_version(course.gradebook)


def test_no_gradebook_file_is_refused(course):
    course.gradebook.write_bytes(b"this is no database" * 1000)
    with pytest.raises(GradebookError, match="cannot be read"), gb.open_gradebook(course):
        pass


def test_tables_of_another_program_are_refused(course):
    course.gradebook.unlink()
    with sqlite3.connect(course.gradebook) as db:
        db.execute("CREATE TABLE something (x)")
    db.close()
    with pytest.raises(GradebookError, match="version unknown"), gb.open_gradebook(course):
        pass


def test_a_failed_write_changes_nothing(course, gradebook, monkeypatch):
    write(course, gradebook, result_of(course, "alice"))
    before = marks(course, "alice")

    def fail(*args):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(gb, "_unanswered", fail)
    with pytest.raises(sqlite3.OperationalError):
        gb.write(course, gradebook, result_of(course, "alice", RELEASE), RELEASE)
    assert marks(course, "alice") == before


def test_create_leaves_nothing_behind_and_keeps_what_is_there(course):
    gb.create(course)
    assert [p.name for p in course.grading.iterdir()] == ["gradebook.db"]
    shutil.copy(course.gradebook, course.grading / "copy")
    set_version(course.gradebook, "x")
    gb.create(course)
    with pytest.raises(GradebookError):
        gb.check_version(course.gradebook)


# --- the graded notebook --------------------------------------------------------------------------


@pytest.mark.parametrize("notebook", [None, RELEASE, b"{"])
def test_the_graded_notebook_is_one_that_nbgrader_reads(course, notebook):
    result = result_of(course, "alice", notebook)
    path = gb.write_notebook(course, result, RELEASE, "2025-03-01 12:00:00 UTC")
    read = nbformat.read(path, as_version=4)
    nbformat.validate(read)
    MetadataValidator().validate_nb(read)
    ids = [c.metadata.nbgrader.grade_id for c in read.cells if "nbgrader" in c.metadata]
    assert ids == [
        c["metadata"]["nbgrader"]["grade_id"]
        for c in RELEASE["cells"]
        if "nbgrader" in c["metadata"]
    ]
    assert path.with_name("timestamp.txt").read_text() == "2025-03-01 12:00:00 UTC"
    if notebook == b"{":
        assert "cannot be read" in read.cells[0].source


def test_nothing_of_the_submitted_metadata_is_in_the_graded_notebook(course):
    notebook = nb.solved()
    for c in notebook["cells"]:
        c["metadata"]["tags"] = ["planted"]
    notebook["metadata"]["planted"] = 1
    result = result_of(course, "alice", notebook)
    assert "planted" not in json.dumps(gb.graded_notebook(result, RELEASE))
