"""Source code of the Python standard library as a text to learn from: every reader has it already.

The files lie beside the interpreter, so nothing is downloaded. Which modules are read, and in which
order, is fixed here; all are plain files in Python 3.11 to 3.13. Their text is brought to one
alphabet of 96 characters (`VOCABULARY`), which does not depend on what the files happen to contain.

What varies: a patch release changes a few lines, a minor release up to a tenth or so of them. So
numbers that a network learns from this text agree between machines in the first digits only, and
whatever is said about them has to hold with a margin.
"""

from __future__ import annotations

import io
import sysconfig
import tokenize
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

VOCABULARY = "\n" + "".join(map(chr, range(32, 127)))
"""The line break and the 95 printable characters of ASCII."""

# fmt: off
TRAINING = (
    "calendar", "code", "codeop", "colorsys", "compileall", "configparser", "contextlib",
    "copy", "csv", "cProfile", "dis", "doctest", "fileinput", "filecmp", "fnmatch", "fractions",
    "ftplib", "getopt", "getpass", "gettext", "glob", "gzip", "hashlib", "heapq", "hmac",
    "imaplib", "ipaddress", "linecache", "locale", "lzma", "mailbox", "mimetypes",
    "modulefinder", "netrc", "numbers", "optparse", "pdb", "pickle", "platform", "plistlib",
    "poplib", "pprint", "profile", "pstats", "pyclbr", "queue", "quopri", "random", "reprlib",
    "sched", "secrets", "selectors", "shelve", "shlex", "shutil", "signal", "smtplib", "socket",
    "socketserver", "statistics",
)
# fmt: on
"""Modules of the training text, in this order."""

HELD_OUT = ("bdb", "cmd", "difflib", "string", "textwrap", "timeit", "tabnanny", "uuid")
"""Modules that no model is trained on."""


class Text(NamedTuple):
    """The two parts of the corpus."""

    training: str
    held_out: str


def standard_library() -> Text:
    """The modules of `TRAINING` and of `HELD_OUT`, each part joined by blank lines.

    Raises:
        FileNotFoundError: this Python was installed without the source of its library.
    """
    return Text(*("\n\n".join(map(source, part)) for part in (TRAINING, HELD_OUT)))


def source(module: str) -> str:
    """The source of one module of the standard library in the characters of `VOCABULARY`.

    The file is found by the interpreter's own paths, so a file of the same name in the working
    folder cannot take its place.

    Raises:
        FileNotFoundError: there is no such file.
    """
    file = Path(sysconfig.get_path("stdlib"), *module.split(".")).with_suffix(".py")
    if not file.is_file():
        raise FileNotFoundError(f"{file}: the standard library's source is not installed")
    return plain(file.read_text(encoding="utf-8"))


def plain(text: str) -> str:
    """`text` in the characters of `VOCABULARY`: tabs become spaces, anything unknown a "?".

    Form feeds, which a few old files have, and blanks at the end of a line are left out.
    """
    lines = text.replace("\f", "").expandtabs(8).split("\n")
    known = set(VOCABULARY)
    return "\n".join("".join(c if c in known else "?" for c in line.rstrip()) for line in lines)


def encode(text: str) -> NDArray[np.int64]:
    """The ids (T,) of the characters of `text`, places in `VOCABULARY`; KeyError if one is not."""
    place = {character: k for k, character in enumerate(VOCABULARY)}
    return np.array([place[character] for character in text], dtype=np.int64)


def decode(ids: NDArray[np.integer]) -> str:
    """The text that has these ids (T,)."""
    return "".join(VOCABULARY[k] for k in ids)


def structure(text: str) -> dict[str, NDArray[np.float64]]:
    """What a person sees in a program, for each of its T characters, from Python's own tokenizer.

    Returns:
        Arrays (T,): "string" and "comment" are 1 within one (its quotes or its hash included) and
        else 0; "brackets" counts the open round, square and curly brackets; "indentation" is the
        number of blanks at the beginning of the line as far as they have been read; "column" is
        the place in the line.

    Raises:
        tokenize.TokenError, SyntaxError: `text` is no Python.
    """
    lines = text.splitlines(keepends=True)
    starts = np.concatenate([[0], np.cumsum([len(line) for line in lines])])
    seen = {name: np.zeros(len(text)) for name in ("string", "comment", "brackets")}
    f_start, f_end = (
        getattr(tokenize, "FSTRING_START", None),
        getattr(tokenize, "FSTRING_END", None),
    )
    f_strings: list[int] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        begin = starts[token.start[0] - 1] + token.start[1]
        if token.type in (tokenize.ENDMARKER, tokenize.DEDENT):
            continue
        end = starts[token.end[0] - 1] + token.end[1]
        if token.type == tokenize.STRING:
            seen["string"][begin:end] = 1
        elif token.type == f_start:
            f_strings.append(begin)
        elif token.type == f_end:
            seen["string"][f_strings.pop() : end] = 1
        elif token.type == tokenize.COMMENT:
            seen["comment"][begin:end] = 1
        elif token.type == tokenize.OP and token.string in "([{":
            seen["brackets"][begin:] += 1
        elif token.type == tokenize.OP and token.string in ")]}":
            seen["brackets"][begin:] -= 1
    column = np.arange(len(text)) - np.repeat(starts[:-1], np.diff(starts))
    blanks = np.repeat([len(line) - len(line.lstrip(" ")) for line in lines], np.diff(starts))
    return {**seen, "indentation": np.minimum(column + 1.0, blanks), "column": column + 0.0}
