"""The corpus: one alphabet, the same files everywhere, and what a person sees in a program."""

import importlib.util
import sys
import sysconfig

import numpy as np
import pytest

from unrolled import corpus


@pytest.fixture(scope="module")
def text():
    return corpus.standard_library()


def test_the_vocabulary_is_the_same_whatever_the_text(text):
    assert len(corpus.VOCABULARY) == len(set(corpus.VOCABULARY)) == 96
    assert set(text.training + text.held_out) <= set(corpus.VOCABULARY)


def test_there_is_enough_text_and_it_is_in_two_parts(text):
    assert 1_400_000 < len(text.training) < 1_900_000
    assert 190_000 < len(text.held_out) < 250_000
    assert not set(corpus.TRAINING) & set(corpus.HELD_OUT)
    assert len(set(corpus.TRAINING)) == len(corpus.TRAINING)
    for module in corpus.HELD_OUT:
        assert corpus.source(module)[:500] not in text.training


def test_the_text_is_the_library_of_this_interpreter(tmp_path, monkeypatch):
    spec = importlib.util.find_spec("textwrap")
    assert corpus.source("textwrap") == corpus.plain(spec.loader.get_source("textwrap"))
    (tmp_path / "textwrap.py").write_text("an impostor")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert "impostor" not in corpus.source("textwrap")


def test_a_missing_library_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(FileNotFoundError, match="source is not installed"):
        corpus.source("calendar")


def test_plain_text():
    assert corpus.plain("\tx = 'é'  \n\f\r# ok") == "        x = '?'\n?# ok"


def test_encoding_is_undone_by_decoding(text):
    ids = corpus.encode(text.held_out)
    assert ids.min() >= 0
    assert ids.max() < 96
    assert corpus.decode(ids) == text.held_out
    assert corpus.encode("\n ~").tolist() == [0, 1, 95]
    with pytest.raises(KeyError):
        corpus.encode("é")


def marked(written, name):
    """The characters of a program for which a feature is on."""
    return "".join(c for c, on in zip(written, corpus.structure(written)[name]) if on)


def test_structure_of_a_small_program():
    written = 'def f(a, b=[1, (2)]):\n    """Say\n  so."""\n    return a  # not "b"\n'
    view = corpus.structure(written)
    assert all(v.shape == (len(written),) for v in view.values())
    assert marked(written, "string") == '"""Say\n  so."""'
    assert marked(written, "comment") == '# not "b"'
    depth = view["brackets"]
    assert depth[written.index("2")] == 3
    assert depth[written.index("a,")] == 1
    assert depth[written.index("]")] == 1  # after the closing one
    assert depth[written.index(":\n")] == 0
    assert depth[-1] == 0
    start = written.index("    return")
    assert view["indentation"][start : start + 6].tolist() == [1, 2, 3, 4, 4, 4]
    assert view["column"][start : start + 3].tolist() == [0, 1, 2]


def test_strings_with_a_prefix_are_strings_in_every_version():
    written = "x = f'{a[0]} {b!r}' + rb'c' + y\n"
    assert marked(written, "string") == "f'{a[0]} {b!r}'rb'c'"


def test_structure_of_the_held_out_modules_is_balanced():
    for module in corpus.HELD_OUT:
        written = corpus.source(module)
        view = corpus.structure(written)
        assert view["brackets"].min() == 0
        assert view["brackets"][-1] == 0
        assert 0.1 < np.mean(view["string"]) < 0.6
        assert not np.any(view["string"] * view["comment"])


def test_what_is_no_program_has_no_structure():
    with pytest.raises((SyntaxError, corpus.tokenize.TokenError)):
        corpus.structure("x = (1,\n")
