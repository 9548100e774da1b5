"""`build_book` shows progress and says what failed; outputs are made again when they are stale."""

import sys
from pathlib import Path

import pytest

from autograder import book, cli


def fake(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let a script stand for Jupyter Book."""
    monkeypatch.setattr(book, "_JUPYTER_BOOK", [sys.executable, "-c", script])


def test_failure_is_reported_in_plain_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake(
        monkeypatch,
        r"""
print("\x1b[01mreading sources... \x1b[39m[ 50%] \x1b[35mchapters/01\x1b[39m")
print("/b/chapters/01.md: Executing notebook using local CWD [mystnb]")
print("[IPKernelApp] WARNING | Kernel is running over TCP")
print("\x1b[91m/b/chapters/01.md:7: WARNING: undefined label: 'x'\x1b[39m")
print("\x1b[91m/b/chapters/01.md:7: WARNING: undefined label: 'x'\x1b[39m")
raise SystemExit(1)
""",
    )
    with pytest.raises(book.BookError) as problem:
        book.build_book(tmp_path)
    assert str(problem.value).splitlines() == [
        "The book was not built:",
        "/b/chapters/01.md:7: WARNING: undefined label: 'x'",
        f"Whole log: {tmp_path / '_build' / 'book.log'}",
    ]
    shown = capsys.readouterr().out
    assert " 50%  read chapters/01" in shown
    assert "running 01.md" in shown
    assert "WARNING | Kernel" in (tmp_path / "_build" / "book.log").read_text()


def test_silent_failure_is_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake(monkeypatch, "raise SystemExit(3)")
    with pytest.raises(book.BookError, match="status 3"):
        book.build_book(tmp_path)


def test_warnings_are_errors_only_if_strict(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake(monkeypatch, "import sys; print('x: WARNING: y'); raise SystemExit('-W' in sys.argv)")
    assert book.build_book(tmp_path, strict=False) == tmp_path / "_build" / "html"
    with pytest.raises(book.BookError, match="WARNING: y"):
        book.build_book(tmp_path, strict=True)


def test_course_build_says_plainly_what_failed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake(monkeypatch, "print('x.md:3: WARNING: y'); raise SystemExit(1)")
    monkeypatch.setattr(book.build_book, "__defaults__", (tmp_path, True))
    assert cli.main(["build"]) != 0
    told = capsys.readouterr().err
    assert told.startswith("course build: The book was not built:\nx.md:3: WARNING: y\n")
    assert "Traceback" not in told


def test_old_pages_do_not_stay(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stale = tmp_path / "_build" / "html" / "gone.html"
    stale.parent.mkdir(parents=True)
    stale.write_text("old")
    fake(monkeypatch, "pass")
    book.build_book(tmp_path)
    assert not stale.exists()


def test_environment_is_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/elsewhere")
    environment = book._environment()
    assert environment["PATH"].split(":")[0] == str(Path(sys.executable).parent)
    assert environment["JUPYTER_PREFER_ENV_PATH"] == "1"
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert book._environment()["OMP_NUM_THREADS"] == "2"


def test_outputs_made_with_other_code_are_dropped(tmp_path: Path) -> None:
    from types import SimpleNamespace

    from stale_outputs import drop_old_outputs

    config = SimpleNamespace(nb_execution_cache_path="", outputs_depend_on="one")
    app = SimpleNamespace(config=config, outdir=tmp_path / "html")
    output = tmp_path / ".jupyter_cache" / "output.ipynb"

    drop_old_outputs(app)
    output.write_text("result")
    drop_old_outputs(app)
    assert output.exists()

    config.outputs_depend_on = "two"
    drop_old_outputs(app)
    assert not output.exists()


def test_fingerprint_follows_what_the_pages_import_and_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import stale_outputs

    from autograder import source

    files = {
        "book/page.md": "from unrolled import plot\n\nread('marks.json')\n",
        "book/_data/marks.json": "{}",
        "book/_data/other.json": "{}",
        "unrolled/plot.py": "from unrolled.arrays import a\n",
        "unrolled/arrays.py": "a = 1\n",
        "unrolled/exercises.py": "b = 1\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(stale_outputs, "BOOK", tmp_path / "book")
    monkeypatch.setattr(source, "ROOT", tmp_path)
    before = stale_outputs.fingerprint()
    assert before == stale_outputs.fingerprint()
    for name, text in files.items():
        (tmp_path / name).write_text(text + "\n")
        same = before == stale_outputs.fingerprint()
        assert same == (name in ("book/page.md", "book/_data/other.json", "unrolled/exercises.py"))
        (tmp_path / name).write_text(text)
