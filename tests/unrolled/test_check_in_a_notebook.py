"""check() as students meet it: in a folder with the notebook's checks.npz."""

import shutil
import subprocess
import sys

import numpy as np
import pytest

from autograder import source
from unrolled import bank, check
from unrolled.exercise import load

FOLDER = source.ROOT / "assignments" / "a1_rnn"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    shutil.copy(FOLDER / "checks.npz", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", list(load("a1_rnn")))
def test_the_reference_passes(folder, name, capsys):
    check(name, source.load_reference("a1_rnn"))
    out = capsys.readouterr().out
    assert "✗" not in out
    assert out.count("✓") >= 1


def test_the_functions_of_the_calling_notebook_are_found(folder):
    names = dict(source.load_reference("a1_rnn"))
    exec("from unrolled import check\ncheck('rnn_step_forward')", names)


def test_a_misconception_gets_its_hint_and_a_link(folder, capsys):
    m = next(m for m in source.load_misconceptions("a1_rnn") if m.name == "transposed-recurrence")
    with pytest.raises(AssertionError, match="next_h differs") as error:
        check(m.exercise, source.load_mutant("a1_rnn", m))
    out = capsys.readouterr().out
    assert f"Hint: {m.hint}" in out
    assert m.link in out
    assert m.hint in str(error.value)


def test_a_stub_fails_with_one_plain_sentence(folder):
    def rnn_step_forward(*args):
        raise NotImplementedError()

    with pytest.raises(AssertionError, match="rnn_step_forward is not implemented yet"):
        check("rnn_step_forward", {"rnn_step_forward": rnn_step_forward})


def test_an_unknown_name_lists_the_known_ones(folder):
    with pytest.raises(ValueError, match="no exercise 'rnn_step'; it has rnn_step_forward"):
        check("rnn_step", {})


def test_a_missing_file_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="put the two into one folder"):
        check("rnn_step_forward", {})


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 cut off"])
def test_a_damaged_file_is_named(folder, content):
    (folder / "checks.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"not a checks\.npz of this course"):
        check("rnn_step_forward", {})


def test_a_file_of_other_arrays_is_named(folder):
    np.savez(folder / "checks.npz", meta=np.zeros(3, np.uint8))
    with pytest.raises(ValueError, match=r"checks\.npz"):
        check("rnn_step_forward", {})


def test_the_file_survives_a_round_trip(tmp_path):
    checks = bank.load(FOLDER / "checks.npz")
    bank.save(tmp_path / "again.npz", checks)
    again = bank.load(tmp_path / "again.npz")
    assert again.assignment == checks.assignment
    for name, cases in checks.expected.items():
        assert list(again.expected[name]) == list(cases)
        for key, right in cases.items():
            assert again.expected[name][key].tolerance == right.tolerance
            for output, value in right.outputs.items():
                np.testing.assert_array_equal(again.expected[name][key].outputs[output], value)


def test_nothing_of_the_grader_is_imported():
    code = "import sys, unrolled; print([m for m in sys.modules if m in {'autograder', 'torch'}])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
