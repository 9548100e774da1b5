"""Joins what a cell printed as it was printed, however the kernel cut it into messages.

A kernel sends printed text in pieces, cut where a timer flushes it, also between a line and its
newline. myst-nb's setting nb_merge_streams ends each piece with a newline, so a page would get an
empty or a broken line now and then. Here the pieces are joined before myst-nb sees them.
"""

from myst_nb.core import render
from nbformat import NotebookNode
from sphinx.application import Sphinx

_finish = render.coalesce_streams  # puts stdout before stderr, obeys \r and \b


def join_streams(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """The outputs with one stdout and one stderr at most, each where its first piece was."""
    joined: list[NotebookNode] = []
    streams: dict[str, NotebookNode] = {}
    for output in outputs:
        if output["output_type"] != "stream":
            joined.append(output)
        elif output["name"] in streams:
            streams[output["name"]]["text"] += output["text"]
        else:
            streams[output["name"]] = NotebookNode(output)
            joined.append(streams[output["name"]])
    return _finish(joined)


def setup(app: Sphinx) -> dict[str, bool]:
    render.coalesce_streams = join_streams
    return {"parallel_read_safe": True, "parallel_write_safe": True}
