"""A person's marks, given through the real formgrader over HTTP, stay when we grade again."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from classroom import ASSIGNMENT, hand_in, marks

from autograder import formgrader
from autograder import gradebook as gb
from autograder.course import Course, CourseError
from autograder.grade import grade_class
from autograder.marks import read_marks
from autograder.regrade import regrade

SETTINGS = """
from pathlib import Path
from autograder.nbgrader import configure
c = get_config()
c.CourseDirectory.course_id = "unrolled"
configure(c, Path(__file__).parent)
"""


@pytest.fixture
def graded(course, fake_grader):
    (course.root / "nbgrader_config.py").write_text(SETTINGS)
    for student in ("alice", "bob"):
        hand_in(course, student)
    grade_class(course, ASSIGNMENT, progress=False)
    return course


class Browser:
    """Talks to the formgrader as its page does: JSON with the token."""

    def __init__(self, address: str):
        self.base, self.token = address.partition("/formgrader/")[0], address.split("token=")[1]

    def __call__(self, path: str, method: str = "GET", token: str | None = None, **data: object):
        request = urllib.request.Request(
            f"{self.base}/formgrader/{path}",
            data=json.dumps(data).encode() if data else None,
            method=method,
            headers={"Authorization": f"token {token or self.token}"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read().decode()

    def json(self, path: str, **data: object):
        return json.loads(self(path, **data))


def on_a_terminal(words: list[str], folder: Path, until: bytes, key: bytes) -> tuple[int, str]:
    """Run a command on a terminal of its own, press a key once it has said ``until``.

    Returns its exit status and all that stood on the terminal.
    """
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.execv(words[0], words)
    said, pressed = b"", False
    with contextlib.suppress(OSError):  # how Linux says that nobody holds the other end any more
        while part := os.read(terminal, 65536):
            said += part
            if until in said and not pressed:
                pressed = os.write(terminal, key) == len(key)
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), said.decode()


@pytest.mark.slow
def test_control_c_on_a_terminal_ends_it_and_its_server(graded):
    words = [sys.executable, "-m", "autograder.cli", "formgrader"]
    status, said = on_a_terminal(words, graded.root, b"until you press Ctrl-C", b"\x03")
    assert status == 0
    assert f"{ASSIGNMENT}: submissions that wait for marks of a person: 2." in said
    assert said.rstrip().endswith("The formgrader has ended; the marks are in the gradebook.")
    assert "Traceback" not in said
    port = int(said.partition("http://127.0.0.1:")[2].partition("/")[0])
    assert formgrader.free_port(port) == port


def test_a_server_that_ends_by_itself_is_not_called_stopped(graded, monkeypatch, capsys):
    @contextlib.contextmanager
    def serving(course, port):
        yield "http://127.0.0.1/", subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])

    monkeypatch.setattr(formgrader, "serving", serving)
    with pytest.raises(CourseError, match=r"ended by itself \(exit status 3\)"):
        formgrader.run(graded)
    assert "has ended; the marks" not in capsys.readouterr().out


@pytest.mark.slow
def test_marks_and_comments_of_a_person_survive(graded):
    assert formgrader.waiting(graded) == {ASSIGNMENT: 2}
    with formgrader.serving(graded) as (address, server):
        browser = Browser(address)
        assert browser.base.startswith("http://127.0.0.1:")
        assert "Manual Grading" in browser("gradebook")
        path = f"api/submitted_notebooks/{ASSIGNMENT}/{ASSIGNMENT}"
        assert '"student": "alice"' in browser(path)
        assert '"student": "alice"' not in browser(path, token="wrong")  # but the log-in page
        submissions = browser.json(path)
        alice = next(s["id"] for s in submissions if s["student"] == "alice")
        assert "Because the chain rule" in browser(f"submissions/{alice}/")
        grades = browser.json(f"api/grades?submission_id={alice}")
        (mark,) = [g for g in grades if g["needs_manual_grade"]]
        browser(f"api/grade/{mark['id']}", method="PUT", manual_score=2.5, extra_credit=None)
        comments = browser.json(f"api/comments?submission_id={alice}")
        comment = next(c for c in comments if c["name"] == "in_words")
        browser(f"api/comment/{comment['id']}", method="PUT", manual_comment="Well said.")
    assert server.returncode is not None
    assert formgrader.waiting(graded) == {ASSIGNMENT: 1}
    (change,) = regrade(graded, ASSIGNMENT, force=True, students=["alice"])
    assert not change.marks_differ
    assert marks(graded, "alice")["in_words"] == (None, 2.5, False)
    stored = read_marks(graded.gradebook_url, ASSIGNMENT, "alice")["alice"]
    assert stored.comments == {"in_words": "Well said."}
    with gb.open_gradebook(graded) as gradebook:
        assert gradebook.find_submission(ASSIGNMENT, "alice").score == 17.5


def test_a_port_that_is_taken_is_named(graded):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(CourseError, match=f"Port {port} cannot be used .*--port"):
            formgrader.run(graded, port)


def test_a_server_that_ends_at_once_is_told_with_its_last_words(graded, monkeypatch):
    words = [formgrader.sys.executable, "-c", "raise SystemExit('no such extension')"]
    monkeypatch.setattr(formgrader, "command", lambda root, port: words)
    with pytest.raises(CourseError, match="did not start: no such extension"):
        formgrader.run(graded)


def test_there_must_be_marks_and_settings(course, tmp_path):
    (course.root / "nbgrader_config.py").unlink()
    with pytest.raises(CourseError, match=r"nbgrader_config\.py is missing"):
        formgrader.require(course)
    with pytest.raises(CourseError, match="nothing to mark yet"):
        formgrader.require(Course(tmp_path / "empty"))


def test_the_token_is_not_on_the_command_line_and_nobody_else_can_connect():
    words = formgrader.command(Path("/srv/course"), 1234)
    assert "--ServerApp.ip=127.0.0.1" in words
    assert not any("token" in word.lower() for word in words)
