"""What a cell prints is on the page as it was printed, however the kernel cut it into messages."""

import re
import subprocess
import sys

import nbformat
import pytest
from nbformat import NotebookNode, v4

from autograder.book import ROOT

LINES = "one\ntwo\nthree\n"
CUTS = [
    ["one\ntwo\nthree\n"],
    ["one\ntwo", "\nthree\n"],  # between a line and its newline
    ["one\ntw", "o\nthree\n"],
    ["one\n", "two\n", "three", "\n"],
    list(LINES),
]
CONF = """
import sys
sys.path.insert(0, {extensions!r})
extensions = ["myst_nb", "joined_streams"]
nb_execution_mode = "off"
nb_merge_streams = True
"""


def printed(text: str, name: str = "stdout") -> NotebookNode:
    return v4.new_output("stream", name=name, text=text)


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The HTML of cells that have their outputs already: those of CUTS, and one of all kinds."""
    source = tmp_path_factory.mktemp("source")
    mixed = [
        printed("care", "stderr"),
        printed("on"),
        v4.new_output("display_data", data={"text/html": "<b>figure</b>"}),
        printed("e\n"),
        printed("ful\n", "stderr"),
    ]
    outputs = [*([printed(text) for text in cuts] for cuts in CUTS), mixed]
    notebook = v4.new_notebook(
        cells=[
            v4.new_markdown_cell("# Page"),
            *(v4.new_code_cell("1", outputs=each) for each in outputs),
        ],
        metadata={"language_info": {"name": "python", "pygments_lexer": "ipython3"}},
    )
    nbformat.write(notebook, source / "index.ipynb")
    (source / "conf.py").write_text(CONF.format(extensions=str(ROOT / "book" / "_ext")))
    # In a process of its own: the extension changes myst-nb, and myst-nb Sphinx's settings.
    subprocess.run([sys.executable, "-m", "sphinx", "-q", "-W", source, source / "out"], check=True)
    html = (source / "out" / "index.html").read_text(encoding="utf-8")
    return re.split(r'<div class="cell_output', html)[1:]


def streams(cell: str) -> list[str]:
    blocks = re.findall(r'<div class="output \w+ highlight.*?<pre>(.*?)</pre>', cell, re.DOTALL)
    return [re.sub(r"<[^>]+>", "", block) for block in blocks]


@pytest.mark.parametrize("k", range(len(CUTS)))
def test_lines_are_those_that_were_printed(cells: list[str], k: int) -> None:
    assert streams(cells[k]) == [LINES]


def test_warnings_and_figures_keep_their_place(cells: list[str]) -> None:
    assert streams(cells[-1]) == ["one\n", "careful\n"]
    assert cells[-1].index("careful") < cells[-1].index("<b>figure</b>")


def test_the_book_uses_it() -> None:
    assert "joined_streams: book/_ext" in (ROOT / "_config.yml").read_text(encoding="utf-8")
