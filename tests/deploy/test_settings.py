"""The hub's settings: what is refused, and what is closed to students; no hub is started."""

from __future__ import annotations

import os
import pwd
import re
import stat
import subprocess
from pathlib import Path

import pytest
import settings as hub

ROOT = Path(__file__).resolve().parents[2]
GOOD = (ROOT / "deploy" / "hub.toml").read_text(encoding="utf-8")


@pytest.fixture
def course(tmp_path):
    """A course that a hub can serve, and the file of settings beside it."""
    folder = tmp_path / "course"
    for name in ("solutions/a1", "grading/submitted", ".git", "unrolled"):
        (folder / name).mkdir(parents=True)
    (folder / "nbgrader_config.py").write_text("")
    (folder / "solutions/a1/a1.py").write_text("the solution")
    return folder


def settings_of(course: Path, *changes: tuple[str, str]) -> hub.Settings:
    text = GOOD.replace('course = ".."', 'course = "course"')
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = course.parent / "hub.toml"
    path.write_text(text)
    return hub.read_settings(path)


def test_the_file_as_it_comes_serves_this_checkout():
    settings = hub.read_settings(ROOT / "deploy" / "hub.toml")
    assert settings.course == ROOT
    assert not settings.separate
    assert settings.exchange == ROOT / "grading/hub/exchange"
    assert settings.people == {"instructor", "ada", "ben"}


def test_the_course_has_one_name():
    config = (ROOT / "nbgrader_config.py").read_text(encoding="utf-8")
    servers = (ROOT / "deploy/jupyter/everybody/nbgrader_config.py").read_text(encoding="utf-8")
    names = re.findall(r'course_id = "(\w+)"', config + servers)
    assert names == [hub.COURSE_ID] * 2


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"one"', '"two"', "neither"),
        ("port = 8000", 'port = "8000"', "whole number"),
        ("port = 8000", "port = 80", "whole number"),
        ("port = 8000", "port = true", "whole number"),
        ("port = 8000", "prot = 8000", "port is missing"),
        ("port = 8000", "port = 8000\nhome = 3", "home is unknown"),
        ('["ada", "ben"]', '["ada", "../ben"]', "../ben"),
        ('["ada", "ben"]', "[]", "list of names"),
        ('["ada", "ben"]', '"ada"', "list of names"),
        ('["ada", "ben"]', '["ada", "instructor"]', "instructor is instructor and student"),
        ('course = "course"', 'course = "corse"', "nbgrader_config.py"),
        ('owner = "grader"', 'owner = ""', "no text"),
        ("port = 8000", "port = ", "cannot be read"),
    ],
)
def test_a_bad_line_is_named(course, old, new, said):
    with pytest.raises(hub.SettingsError, match=re.escape(said)):
        settings_of(course, (old, new))


def test_private_folders_are_closed_and_others_stay_open(course):
    settings = settings_of(course)
    hub.prepare(settings)
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in course.iterdir() if p.is_dir()}
    assert {modes[name] for name in hub.PRIVATE} == {0o700}
    assert modes["unrolled"] & 0o055 == 0o055
    assert stat.S_IMODE(settings.exchange.stat().st_mode) == 0o1777


@pytest.mark.skipif(os.geteuid() == 0, reason="root may start servers for others")
def test_separate_accounts_need_root(course):
    with pytest.raises(hub.SettingsError, match="needs root"):
        hub.prepare(settings_of(course, ('accounts = "one"', 'accounts = "system"')))


# --- with real accounts ---------------------------------------------------------------------------
# Accounts that every Linux has stand in for people; a process takes on one of them.

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root takes on other accounts")
PEOPLE = (
    ('accounts = "one"', 'accounts = "system"'),
    ('owner = "grader"', 'owner = "daemon"'),
    ('["instructor"]', '["bin"]'),
    ('["ada", "ben"]', '["nobody"]'),
)


def as_account(name: str, code: str) -> str:
    """What a Python process of that account prints."""
    who = pwd.getpwnam(name)
    done = subprocess.run(
        ["/bin/sh", "-c", code],
        user=who.pw_uid,
        group=who.pw_gid,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    return done.stdout + done.stderr


@pytest.fixture
def separate(course, monkeypatch):
    """A course whose private folders belong to its owner, and settings for separate accounts."""
    for name in hub.PRIVATE:
        for path in (course / name, *(course / name).rglob("*")):
            os.chown(path, pwd.getpwnam("daemon").pw_uid, -1)
    for folder in (course, *course.parents):
        if folder.is_relative_to(Path("/tmp")) and folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o055)
    monkeypatch.setattr(hub, "PYTHON", Path("/bin/sh"))  # this one may lie in somebody's home
    shared = (
        *(("/usr/local/share/nbgrader/exchange", str(course.parent / "exchange")),),
        *(("/var/lib/unrolled-hub", str(course.parent / "state")),),
    )
    return settings_of(course, *PEOPLE, *shared)


@needs_root
def test_a_student_reads_neither_solutions_nor_marks_nor_history(separate):
    solution = separate.course / "solutions/a1/a1.py"
    assert as_account("nobody", f"cat {solution}") == "the solution"  # before the hub starts
    hub.prepare(separate)
    for name in hub.PRIVATE:
        assert "Permission denied" in as_account("nobody", f"ls {separate.course / name}")
    assert "Permission denied" in as_account("nobody", f"cat {solution}")
    assert as_account("daemon", f"cat {solution}") == "the solution"
    assert "Permission denied" in as_account("nobody", f"ls {separate.state}")
    assert as_account("nobody", f"ls {separate.course / 'unrolled'}") == ""


@needs_root
def test_a_student_does_not_move_the_course_in_the_exchange(separate):
    hub.prepare(separate)
    made = as_account("daemon", f"mkdir {separate.exchange}/unrolled")
    assert made == ""
    moved = as_account("nobody", f"mv {separate.exchange}/unrolled {separate.exchange}/mine")
    assert "not permitted" in moved
    assert (separate.exchange / "unrolled").is_dir()


@needs_root
def test_what_would_let_students_in_is_refused_with_what_to_type(separate):
    os.chown(separate.course / "solutions", 0, -1)
    separate.course.chmod(0o757)
    with pytest.raises(hub.SettingsError) as caught:
        hub.prepare(separate)
    assert f"chown -R daemon {separate.course}/solutions" in str(caught.value)
    assert f"chmod o-w {separate.course}" in str(caught.value)
    separate.course.chmod(0o750)
    with pytest.raises(hub.SettingsError, match=f"chmod o\\+x {separate.course}"):
        hub.prepare(separate)


@needs_root
def test_a_missing_account_is_named(separate):
    settings = hub.Settings(**{**vars(separate), "students": ("nobody", "ghost-of-a-student")})
    with pytest.raises(hub.SettingsError, match="useradd --create-home ghost-of-a-student"):
        hub.prepare(settings)


@needs_root
def test_a_python_that_others_cannot_run_is_named(separate, tmp_path, monkeypatch):
    python = tmp_path / "home" / "bin" / "python3"
    python.parent.mkdir(parents=True)
    python.touch()
    link = separate.course / "python"
    link.symlink_to(python)
    monkeypatch.setattr(hub, "PYTHON", link)
    for folder in (tmp_path, tmp_path.parent, python.parent.parent, python.parent):
        folder.chmod(0o755)
    hub.prepare(separate)
    python.parent.parent.chmod(0o700)
    with pytest.raises(hub.SettingsError) as caught:
        hub.prepare(separate)
    assert f"cannot go through {python.parent.parent}:" in str(caught.value)
