"""Mends what the tools below the book write into its pages that assistive software trips over.

A folded cell names itself "Toggle hidden content", not what a reader sees on it, and the entries of
the bibliography have a role that was withdrawn and that a list may not contain.
"""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

REPAIRS = (
    (re.compile(r'<summary aria-label="Toggle hidden content">'), "<summary>"),
    (re.compile(r' role="doc-biblioentry"'), ' role="listitem"'),
)


def repair(html: str) -> str:
    for pattern, better in REPAIRS:
        html = pattern.sub(better, html)
    return html


def repair_page(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    if "body" in context:
        context["body"] = repair(context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", repair_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
