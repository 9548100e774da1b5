"""What README and front matter say can be typed and opened exists."""

import re
import shlex
from pathlib import Path

import pytest
from nbgrader.apps.nbgraderapp import NbGraderApp

from autograder import cli
from autograder.book import ROOT

GUIDES = ("how-to-use", "doing-an-assignment", "instructor/term")
PAGES = [ROOT / "README.md", *(ROOT / "book" / f"{name}.md" for name in GUIDES)]
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^ {4}(\S.*)$", re.MULTILINE)
INLINE = re.compile(r"`((?:course|make|nbgrader) [a-z][^`]*)`")
OF_THE_SYSTEM = {"git", "cd", "source", ".", "apt-get", "pip"}


def commands(text: str) -> list[list[str]]:
    """The commands of a page: its indented and fenced lines, and those within a sentence."""
    without_fences = BLOCK.sub("", text)
    lines = [line for block in BLOCK.findall(text) for line in block.splitlines()]
    lines += INDENTED.findall(without_fences) + INLINE.findall(without_fences)
    found = [shlex.split(part, comments=True) for line in lines for part in line.split(" && ")]
    return [words for words in found if words]


def complaint(words: list[str]) -> str | None:
    """What is wrong with a command, or None."""
    program, *rest = Path(words[0]).name, *words[1:]
    if words[0] in OF_THE_SYSTEM:
        return None
    if program == "course":
        try:
            cli.parser().parse_args(rest)
        except SystemExit:
            return "course does not understand it"
        return None
    if program == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        return None if set(rest) <= set(targets) else "the Makefile has no such target"
    if program == "nbgrader":
        return None if rest[0] in NbGraderApp.subcommands else "nbgrader has no such command"
    if program == "jupyter":
        here = rest[0] == "lab" and (ROOT / rest[1]).exists()
        inside = any(ROOT.glob(f"assignments/*/{rest[1]}"))
        return None if here or inside else "there is no such notebook"
    return "an unknown program"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_exists(page: Path) -> None:
    found = commands(page.read_text(encoding="utf-8"))
    assert len(found) >= 2
    assert [(words, why) for words in found if (why := complaint(words))] == []


@pytest.mark.parametrize(
    "line",
    ["course grad a1_rnn", "make everything", "nbgrader mark a1", "jupyter lab b.ipynb", "rm x"],
)
def test_a_command_that_does_not_exist_is_found(line: str) -> None:
    """The test above would pass if every command were accepted."""
    (words,) = commands(f"Text.\n\n    {line}   # a comment\n")
    assert complaint(words)


def test_every_subcommand_is_explained() -> None:
    texts = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    (actions,) = (a.choices for a in cli.parser()._actions if a.dest == "command")
    explained = set(re.findall(r"\bcourse ([a-z-]+)", texts)) | {"demo"}  # by make demo
    assert set(actions) <= explained


def test_every_target_of_the_makefile_is_explained() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    assert set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split()) == targets
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert targets <= set(re.findall(r"\bmake ([a-z-]+)", readme))


def test_the_first_page_leads_to_every_page() -> None:
    contents = (ROOT / "book" / "_toc.yml").read_text(encoding="utf-8")
    intro = (ROOT / "book" / "intro.md").read_text(encoding="utf-8")
    files = set(re.findall(r"file: (\S+)", contents)) - {"references"}
    assert files == set(re.findall(r"\{doc\}`([^`<]+)`", intro))
