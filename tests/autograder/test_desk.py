"""Handing out, publishing and exporting, as an instructor's commands do it."""

from __future__ import annotations

import csv
import io
import shlex
import zipfile

import notebooks as nb
import pytest
from classroom import ASSIGNMENT, hand_in
from test_lms import CANVAS, MOODLE, make_zip, zipped

from autograder import export, handout, publish, terms
from autograder import gradebook as gb
from autograder.cli import main
from autograder.course import CourseError
from autograder.release import ReleaseError

ROSTER = (
    "id,name,email,login,canvas,sis,section\n"
    "jane,Jane Doe,jane@example.org,jdoe,1234,S-9,Group 1\n"
    "jörg,Jörg Müller,joerg@example.org,,77,,\n"
    "mia,Mia Meier,mia@example.org,mmeier,,,Group 2\n"
)


@pytest.fixture
def here(course, monkeypatch, fake_grader):
    monkeypatch.chdir(course.root)
    (course.grading / "roster.csv").write_text(ROSTER, "utf-8")
    return course


@pytest.fixture
def graded(here, tmp_path):
    """Jane and Jörg handed in through Canvas, zed as a folder that no roster knows; mia did not."""
    path = make_zip(tmp_path / "submissions.zip", CANVAS)
    assert main(["collect", ASSIGNMENT, "--from", str(path)]) == 0
    hand_in(here, "zed")
    assert main(["grade", ASSIGNMENT]) == 0
    return here


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


# --- handing out ----------------------------------------------------------------------------------


def test_the_handout_is_the_same_bytes_every_time_and_says_when_it_is_due(here, monkeypatch):
    folder = here.assignments / ASSIGNMENT
    (folder / "checks.npz").write_bytes(b"numbers")
    monkeypatch.setattr(handout, "find_leaks", lambda *_: [])
    monkeypatch.setattr(terms.source, "assignments", lambda: [ASSIGNMENT])
    (here.grading / terms.NAME).write_text(f"[due]\n{ASSIGNMENT} = 2026-12-01T23:59:00\n")
    path = handout.write_handout(here, ASSIGNMENT, folder)
    first = path.read_bytes()
    (folder / "checks.npz").touch()
    assert handout.write_handout(here, ASSIGNMENT, folder).read_bytes() == first
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert archive.testzip() is None
        names = [f"{ASSIGNMENT}/{n}" for n in (f"{ASSIGNMENT}.ipynb", "checks.npz", "README.txt")]
        assert archive.namelist() == names
        assert archive.read(names[1]) == b"numbers"
        text = archive.read(names[2]).decode()
    assert f"course check {ASSIGNMENT}.ipynb" in text
    assert "Due: 2026-12-01 23:59 UTC" in text


def test_a_handout_that_would_leak_is_refused(here, monkeypatch):
    folder = here.assignments / ASSIGNMENT
    (folder / "checks.npz").write_bytes(zipped({"a.npy": b"-" * 999 + here.secret()}))
    monkeypatch.setattr("autograder.leaks.private_lines", lambda assignment: {})
    with pytest.raises(ReleaseError, match=r"it would give away: .* holds the secret"):
        handout.write_handout(here, ASSIGNMENT, folder)
    assert not (here.grading / "handout").exists()


# --- feedback for platforms -----------------------------------------------------------------------


def pages_for(course, *students):
    paths = [course.feedback / s / ASSIGNMENT / f"{ASSIGNMENT}.html" for s in students]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"page of {path.parent.parent.name}")
    return paths


def members_of(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_pages_go_back_to_canvas_under_the_numbers_that_it_gave(graded):
    path, unknown = publish.write_zip(
        graded, ASSIGNMENT, "canvas", pages_for(graded, "jane", "jörg", "zed")
    )
    assert unknown == ["zed"]
    assert members_of(path) == {
        "doejane_1234_5678_a1.html": "page of jane",
        "muellerjörg_LATE_77_90001_a1.html": "page of jörg",
    }
    for name in members_of(path):  # what Canvas looks for: two numbers between underscores
        assert [p for p in name.split("_") if p.isdigit()][:2] in (
            ["1234", "5678"],
            ["77", "90001"],
        )


def test_pages_go_back_to_moodle_in_folders_that_it_reads(here, tmp_path):
    odd = {"Ann_Marie Lee_9_assignsubmission_file_/a1.ipynb": nb.raw(nb.solved())}
    assert (
        main(["collect", ASSIGNMENT, "--from", str(make_zip(tmp_path / "m.zip", MOODLE | odd))])
        == 0
    )
    pages = pages_for(here, "jane", "jörg", "Ann_Marie-Lee-9")
    path, unknown = publish.write_zip(here, ASSIGNMENT, "moodle", pages)
    assert members_of(path) == {
        "Jane Doe_1234_assignsubmission_file_/a1.html": "page of jane",
        "Jörg Müller_77_assignsubmission_file_/a1.html": "page of jörg",
        "Ann Marie Lee_9_assignsubmission_file_/a1.html": "page of Ann_Marie-Lee-9",
    }
    assert unknown == []
    for name in members_of(path):  # how Moodle takes a path apart
        _, number, kind, plugin, rest = name.split("/")[0].split("_", 4)
        assert (number.isdigit(), kind, plugin, rest) == (True, "assignsubmission", "file", "")


def test_platforms_without_an_import_and_without_names_are_named(graded):
    pages = pages_for(graded, "jane")
    with pytest.raises(CourseError, match=r"Gradescope imports no zip file.*--zip plain"):
        publish.write_zip(graded, ASSIGNMENT, "gradescope", pages)
    with pytest.raises(CourseError, match=r"course collect a1 --from"):
        publish.write_zip(graded, ASSIGNMENT, "moodle", pages)
    path, _ = publish.write_zip(graded, ASSIGNMENT, "plain", pages)
    assert members_of(path) == {"jane/a1.html": "page of jane"}


def test_names_of_an_earlier_zip_file_are_kept(graded, tmp_path):
    later = {"leeann_5_6_a1.ipynb": nb.raw(nb.solved()), "nobody_7_8_a1.pdf": b""}
    assert main(["collect", ASSIGNMENT, "--from", str(make_zip(tmp_path / "2.zip", later))]) == 0
    origins = publish.read_origins(graded, ASSIGNMENT)["canvas"]
    assert origins["jane"] == "doejane_1234_5678_a1.ipynb"
    assert origins["leeann-5"] == "leeann_5_6_a1.ipynb"
    assert len(origins) == 3
    publish.origins_path(graded, ASSIGNMENT).write_text("[1]")
    with pytest.raises(CourseError, match=r"origins\.json is damaged"):
        publish.read_origins(graded, ASSIGNMENT)


# --- marks for platforms --------------------------------------------------------------------------


def test_canvas_gets_its_columns_and_nobody_is_lost(graded, capsys):
    assert main(["export", ASSIGNMENT, "--format", "canvas", "--column-id", "4711"]) == 0
    said = capsys.readouterr().out
    assert rows_of(graded.grading / "a1-canvas.csv") == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "a1 (4711)"],
        ["    Points Possible", "", "", "", "", "18"],
        ["Jane Doe", "1234", "S-9", "jdoe", "Group 1", "15"],
        ["Jörg Müller", "77", "", "", "", "15"],
        ["Mia Meier", "", "", "mmeier", "Group 2", ""],
    ]
    assert "Not in the file, because the roster has no `canvas`" in said
    assert "of them: zed (15)." in said
    assert "nothing was handed in by mia (empty; --zero writes 0)" in said
    assert "answers of jane, jörg, zed wait for a person's mark" in said
    assert "Canvas will ask" not in said
    assert "In Canvas: Grades, Import. The assignment has to be published" in said


def test_without_a_roster_the_numbers_come_from_the_zip_file(graded):
    (graded.grading / "roster.csv").unlink()
    path, notes = export.export(graded, "canvas", ASSIGNMENT)
    assert [row[:2] for row in rows_of(path)[2:]] == [["jane", "1234"], ["jörg", "77"]]
    assert any("Canvas will ask which" in note for note in notes)


def test_moodle_gets_its_worksheet(here, tmp_path):
    zipped = make_zip(tmp_path / "m.zip", MOODLE)
    assert main(["collect", ASSIGNMENT, "--from", str(zipped)]) == 0
    hand_in(here, "mia")
    hand_in(here, "zed")
    assert main(["grade", ASSIGNMENT]) == 0
    path, notes = export.export(here, "moodle", ASSIGNMENT)
    head, *rows = rows_of(path)
    # Without these three Moodle refuses the file (its class for importing worksheets).
    assert {"Identifier", "Grade", "Last modified (grade)"} <= set(head)
    assert [dict(zip(head, row))["Identifier"] for row in rows] == [
        "Participant 1234",
        "Participant 77",
        "",
    ]
    jane = dict(zip(head, rows[0]))
    assert (jane["Full name"], jane["Email address"]) == ("Jane Doe", "jane@example.org")
    assert (jane["Grade"], jane["Maximum Grade"]) == ("15", "18")
    assert any("zed (15)" in note for note in notes)
    assert any(note.startswith("Without a participant's number: mia.") for note in notes)
    assert any("modified more recently in Moodle" in note for note in notes)


def test_a_row_per_student_has_late_penalties_and_written_marks_in_it(graded, monkeypatch):
    monkeypatch.setattr(terms.source, "assignments", lambda: [ASSIGNMENT])
    text = f"[late]\nper_day = 0.5\n[due]\n{ASSIGNMENT} = 2026-11-19T08:00:00\n"
    (graded.grading / terms.NAME).write_text(text)
    with gb.open_gradebook(graded) as gradebook:
        notebook = gradebook.find_submission_notebook(ASSIGNMENT, ASSIGNMENT, "jane")
        written = next(g for g in notebook.grades if g.name == "in_words")
        written.manual_score, written.needs_manual_grade = 2.5, False
        gradebook.update_or_create_submission(ASSIGNMENT, "jane", timestamp="2026-11-19 09:00:00")
    path, notes = export.export(graded, "csv", ASSIGNMENT, zero=True)
    marks = {row[0]: row[1:] for row in rows_of(path)}
    assert marks["student_id"] == ["name", "email", "a1", "sum"]
    assert marks["jane"] == ["Jane Doe", "jane@example.org", "8.75", "8.75"]
    assert marks["zed"] == ["", "", "15", "15"]
    assert marks["mia"][2:] == ["0", "0"]
    assert any("answers of jörg, zed wait" in note for note in notes)


def test_all_assignments_stand_in_one_table(graded):
    with gb.open_gradebook(graded) as gradebook:
        gradebook.add_assignment("b2")
    path, _ = export.export(graded, "csv")
    head, *rows = rows_of(path)
    assert head == ["student_id", "name", "email", "a1", "b2", "sum"]
    assert next(r for r in rows if r[0] == "jane")[3:] == ["15", "", "15"]


def test_the_roster_knows_better_than_the_zip_file(graded):
    (graded.grading / "roster.csv").write_text("id,canvas\njane,4321\njörg,77\n", "utf-8")
    export.export(graded, "canvas", ASSIGNMENT)
    assert rows_of(graded.grading / "a1-canvas.csv")[2][:2] == ["jane", "4321"]


def test_moodle_is_told_who_handed_in_and_when(here, tmp_path):
    assert main(["collect", ASSIGNMENT, "--from", str(make_zip(tmp_path / "m.zip", MOODLE))]) == 0
    assert main(["grade", ASSIGNMENT]) == 0
    with gb.open_gradebook(here) as gradebook:
        gradebook.update_or_create_submission(ASSIGNMENT, "jane", timestamp="2026-11-19 09:00:00")
    (here.grading / "roster.csv").write_text("id,email\njane,jane@example.org\nmia,m@x.org\n")
    head, *rows = rows_of(export.export(here, "moodle", ASSIGNMENT)[0])
    by_mail = {row[2]: dict(zip(head, row)) for row in rows}
    jane, mia = by_mail["jane@example.org"], by_mail["m@x.org"]
    assert (jane["Full name"], jane["Status"]) == ("Jane Doe", "Submitted for grading")
    assert "2026-11-19" in jane["Last modified (submission)"]
    assert (mia["Full name"], mia["Status"], mia["Grade"]) == ("mia", "", "")


def test_nobody_who_is_left_out_is_hidden_by_a_number():
    assert export.some([f"s{n}" for n in range(12)]).endswith("s9 and 2 more")
    found = {f"s{n}": export.Entry(f"s{n}", 1.0, 2.0) for n in range(40)}
    (said,) = export.left_out(found, list(found), "of a reason")
    assert all(f"s{n} (1)" in said for n in range(40))


def test_no_table_for_a_platform_holds_a_formula(graded):
    evil = '=HYPERLINK("http://192.0.2.1")'
    with (graded.grading / "roster.csv").open("a", encoding="utf-8") as file:
        csv.writer(file).writerow(["eve", evil, "+1@example.org", "@login", "-2", "=1", "x;=2"])
    for form in ("csv", "canvas", "moodle"):
        path, _ = export.export(graded, form, ASSIGNMENT)
        assert "eve" in path.read_text() or "HYPERLINK" in path.read_text()
        for separator in ",;|\t":
            with path.open(encoding="utf-8", newline="") as file:
                cells = [c for row in csv.reader(file, delimiter=separator) for c in row]
            assert [c for c in cells if c.strip('" \t')[:1] in tuple("=+-@")] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["export", "--format", "canvas"], "Canvas takes one assignment at a time"),
        (["export", "other", "--format", "moodle"], "has no marks of other. Run: course grade"),
        (["feedback", ASSIGNMENT, "--zip", "blackboard"], "Blackboard imports no zip file"),
    ],
)
def test_what_cannot_be_exported_is_said(graded, capsys, words, said):
    assert main(words) == 2
    assert said in capsys.readouterr().err


def test_every_platform_that_the_command_offers_is_known():
    from autograder.cli import parser

    commands = next(a for a in parser()._actions if hasattr(a, "choices") and a.choices)
    options = {a.dest: a for a in commands.choices["feedback"]._actions}
    assert tuple(options["zip"].choices) == publish.PLATFORMS
    options = {a.dest: a for a in commands.choices["export"]._actions}
    assert tuple(options["format"].choices) == export.FORMATS
    assert {*publish.NAMES, *publish.WITHOUT_IMPORT, "plain"} == set(publish.PLATFORMS)


def test_a_printed_command_works_where_it_is_printed(graded, tmp_path_factory, monkeypatch, capsys):
    assert graded.command("dates") == "course dates"
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    words = shlex.split(graded.command("dates"))
    assert words == ["course", "--root", str(graded.root), "dates"]
    assert main(words[1:]) == 0
    assert str(graded.grading / terms.NAME) in capsys.readouterr().out


def test_what_an_error_says_to_run_can_be_typed_as_printed(
    here, tmp_path_factory, monkeypatch, capsys
):
    hand_in(here, "zed")
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    feedback = ["--root", str(here.root), "feedback", ASSIGNMENT]
    assert main(feedback) == 2
    first, *words = shlex.split(capsys.readouterr().err.rpartition("Run: ")[2])
    assert (first, main(words), main(feedback)) == ("course", 0, 0)
