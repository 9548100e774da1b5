from __future__ import annotations

import csv
import itertools
import shutil
import subprocess
import sys
import threading
import urllib.request

import pytest
from classroom import ASSIGNMENT, grade_by_looks, hand_in

from autograder import check, cli, grade
from autograder import gradebook as gb
from autograder.cli import main
from autograder.nbgrader import spreadsheet_safe
from autograder.source import ROOT


@pytest.fixture
def here(course, monkeypatch, fake_grader):
    monkeypatch.chdir(course.root)
    hand_in(course, "alice")
    hand_in(course, "=HYPERLINK(1)", b"{")
    return course


def test_grade(here, tmp_path, capsys):
    assert main(["grade", ASSIGNMENT, "--json", str(tmp_path / "out.json")]) == 0
    got = capsys.readouterr()
    assert "1 of 2 submissions graded, 15.0 points on average; 1 needs a person." in got.out
    assert "[2/2] alice" in got.err
    assert (tmp_path / "out.json").is_file()


def test_options_of_grade_arrive(here, tmp_path, monkeypatch):
    seen = {}

    def outcomes(jobs, count, scheduler):
        seen.update(count=count, scheduler=scheduler)
        for job in jobs:
            yield job, grade_by_looks(job)

    monkeypatch.setattr(grade, "outcomes", outcomes)
    other = tmp_path / "other"
    here.submitted.rename(other)
    options = ["--submissions", str(other), "--jobs", "1", "--scheduler", "tcp://x", "--force"]
    assert main(["grade", ASSIGNMENT, *options, "--student", "alice"]) == 0
    assert seen == {"count": 1, "scheduler": "tcp://x"}


def test_export_holds_no_formula(here, capsys):
    assert main(["grade", ASSIGNMENT]) == 0
    assert main(["export"]) == 0
    path = here.grading / "grades.csv"
    assert str(path) in capsys.readouterr().out
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert [(r["student_id"], r["score"], r["max_score"]) for r in rows] == [
        ("'=HYPERLINK(1)", "0.0", "18.0"),
        ("alice", "15.0", "18.0"),
    ]
    assert main(["export", "other", "--to", str(here.root / "none.csv")]) == 0
    assert len((here.root / "none.csv").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@x", " =1", "\t1", "\r1", "\n1", '"=1', "＝1"]
)
def test_text_that_starts_like_a_formula_is_quoted(text):
    assert spreadsheet_safe(text) == f"'{text}"


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", "\n"])
def test_text_that_another_separator_makes_a_formula_of_is_quoted(separator):
    """A spreadsheet set up for another country splits a cell at its own separator."""
    assert spreadsheet_safe(f"a{separator}=1+1") == f"a{separator}'=1+1"


def test_other_values_stay():
    values = ("a=b", -1.5, None, "", "ann-marie", "d'Arc, Jeanne", "x@y.org", "0")
    shown = ["a=b", "-1.5", "", "", "ann-marie", "d'Arc, Jeanne", "x@y.org", "0"]
    assert [spreadsheet_safe(v) for v in values] == shown


FORMULAS = [
    "=HYPERLINK('http://192.0.2.1')",
    "=cmd|' -C calc'!A0",
    "+1+cmd|' -C calc'!A0",
    "-2+3",
    "@SUM(1)",
    " =1+1",
    "＝1+1",
    "x;=1+1",
    "x,=1+1",
    'x",=1+1',
    "x|=1+1",
]


def test_no_table_of_a_hostile_class_holds_a_formula(here, capsys):
    """Folders, and names in the gradebook, that are formulas: whatever commands write a table."""
    for name in FORMULAS:
        hand_in(here, name)
    assert main(["grade", ASSIGNMENT]) == 0
    with gb.open_gradebook(here) as gradebook:
        for i, name in enumerate(FORMULAS):
            evil = f"\t{name}\n{name}"
            gradebook.update_or_create_student(name, first_name=name, last_name=evil, email=name)
            gradebook.update_or_create_student(f"{name}-{i}-no-hand-in", first_name=name)
    for name in ("_config.yml", "nbgrader_config.py"):
        shutil.copy(ROOT / name, here.root)
    for words in (["export"], ["report", ASSIGNMENT], ["feedback", ASSIGNMENT]):
        assert main(words) == 0
    subprocess.run(
        [sys.executable, "-m", "nbgrader", "export", "--to", "nbgrader.csv"],
        cwd=here.root,
        check=True,
        capture_output=True,
    )
    tables = [p for p in here.root.rglob("*") if p.suffix.lower() in (".csv", ".tsv", ".xls")]
    assert sorted(p.name for p in tables) == ["grades.csv", "nbgrader.csv"]
    for path, separator in itertools.product(tables, ",;|\t"):
        with path.open(newline="") as file:
            rows = list(csv.reader(file, delimiter=separator))
        cells = [cell for row in rows for cell in row]
        assert len(cells) > 2 * len(FORMULAS)
        assert [c for c in cells if c.strip('"\t\r\n ')[:1] in tuple("=+-@＝")] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["grade", "a1", "--submissions", "nowhere"], "There are no submissions"),
        (["grade", "a1", "--student", "nobody"], "No folder of nobody"),
        (["grade", "a9_none"], "There is no assignment 'a9_none'"),
        (["grade", "a1", "--json", "nbgrader_config.py/out.json"], "cannot be written"),
        (["export"], "There are no marks"),
        (["serve-book"], "Run: course build"),
        (["release"], "Which assignment"),
        (["check", "nothing.ipynb"], "There is no file nothing.ipynb"),
        (["collect", "a1", "--from", "nowhere"], "does not exist"),
        (["feedback", "a1"], "Run: course grade a1"),
        (["report", "a1"], "a1"),
    ],
)
def test_errors_are_one_sentence_or_two_and_no_traceback(here, capsys, arguments, said):
    if arguments == ["export"]:
        here.gradebook.unlink()
    assert main(arguments) == 2
    error = capsys.readouterr().err
    last = error.strip().splitlines()[-1]
    assert last.startswith(f"course {arguments[0]}: ")
    assert said in last
    assert "Traceback" not in error


def test_a_locked_gradebook_is_an_error_of_one_sentence(here, capsys, monkeypatch):
    from autograder import gradebook

    here.gradebook.write_bytes(b"nonsense" * 1000)
    monkeypatch.setattr(gradebook, "LOCK_PATIENCE", 0.0)
    assert main(["grade", ASSIGNMENT]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_outside_of_a_course(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["grade", ASSIGNMENT]) == 2
    assert "is not in a course" in capsys.readouterr().err


def test_faults_of_ours_keep_their_traceback(here, monkeypatch):
    def broken(*args, **options):
        raise ZeroDivisionError

    monkeypatch.setattr(grade, "grade_class", broken)
    with pytest.raises(ZeroDivisionError):
        main(["grade", ASSIGNMENT])


def test_control_c_says_what_happens(here, monkeypatch, capsys):
    def interrupted(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(grade, "grade_class", interrupted)
    assert main(["grade", ASSIGNMENT]) == 130
    assert "the same command goes on" in capsys.readouterr().err
    monkeypatch.setattr(check, "check_notebook", interrupted)
    assert main(["check", "a1.ipynb"]) == 130
    assert capsys.readouterr().err == "\nStopped.\n"


def test_control_c_ends_the_book_as_it_says(here, monkeypatch):
    import http.server

    def interrupted(server):
        raise KeyboardInterrupt

    (here.root / "_build" / "html").mkdir(parents=True)
    (here.root / "_build" / "html" / "index.html").touch()
    monkeypatch.setattr(http.server.ThreadingHTTPServer, "serve_forever", interrupted)
    assert main(["serve-book", "--port", "0"]) == 0


def test_feedback_names_pages_of_those_who_are_named_and_counts_those_of_a_class(here, capsys):
    assert main(["grade", ASSIGNMENT]) == 0
    capsys.readouterr()
    assert main(["feedback", ASSIGNMENT, "--zip", "plain"]) == 0
    pages, zipped = capsys.readouterr().out.splitlines()
    assert pages == f"Pages below {here.feedback}, in a folder for each student: 2."
    assert zipped.endswith(f"{ASSIGNMENT}-plain.zip, with pages of 2 students")
    assert main(["feedback", ASSIGNMENT, "--student", "alice"]) == 0
    path = here.feedback / "alice" / ASSIGNMENT / f"{ASSIGNMENT}.html"
    assert capsys.readouterr().out == f"{path}\n"


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom autograder.cli import parser\nparser().format_help()\n"
        "print(sorted({'numpy', 'torch', 'nbgrader', 'nbformat'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_every_command_has_help(capsys):
    for name in (
        *("build", "release", "check", "collect", "grade", "regrade", "feedback", "report"),
        *("export", "serve-book", "demo"),
    ):
        with pytest.raises(SystemExit) as ended:
            main([name, "--help"])
        assert ended.value.code == 0
        assert f"usage: course {name}" in capsys.readouterr().out


def test_collect(here, tmp_path, capsys):
    folder = tmp_path / "inbox" / "carol"
    folder.mkdir(parents=True)
    (folder / "a1.ipynb").write_text("{}")
    assert main(["collect", ASSIGNMENT, "--from", str(tmp_path / "inbox")]) == 0
    assert capsys.readouterr().out == "carol: collected.\n"
    assert (here.submitted / "carol" / ASSIGNMENT / "a1.ipynb").is_file()


def test_the_book_is_served_on_this_machine_only(here, capsys, monkeypatch):
    pages = here.root / "_build" / "html"
    pages.mkdir(parents=True)
    (pages / "index.html").write_text("the book")
    import http.server

    servers = []

    class Server(http.server.ThreadingHTTPServer):
        def __init__(self, address, handler):
            super().__init__(address, handler)
            servers.append((self, address))
            started.set()

    started = threading.Event()
    monkeypatch.setattr(http.server, "ThreadingHTTPServer", Server)
    thread = threading.Thread(target=main, args=[["serve-book", "--port", "0"]], daemon=True)
    thread.start()
    assert started.wait(60)
    server, address = servers[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{server.server_address[1]}/") as answer:
        assert answer.read() == b"the book"
    server.shutdown()
    thread.join()
    assert address[0] == "127.0.0.1"


def test_positive():
    assert cli.positive("3") == 3
    for odd in ("0", "-1", "many"):
        with pytest.raises(SystemExit):
            main(["grade", ASSIGNMENT, "--jobs", odd])
