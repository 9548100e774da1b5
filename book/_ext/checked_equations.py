"""Every displayed derivative is compared with autograd: says which is not, and counts them.

An equation labelled ``eq-d-...`` that no cell of its page passes to `gradcheck.compare` is a
warning, which fails a strict build. What the front matter says about the book in numbers is
counted here, from the chapters' text, and written as ``{{ checked_equations }}`` and so on.
"""

import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging

from unrolled import gradcheck

logger = logging.getLogger(__name__)


def numbers(chapters: list[str]) -> dict[str, int]:
    """What the book contains, from the text of its chapters."""
    text = "\n".join(chapters)
    return {
        "checked_equations": sum(
            len(gradcheck.labels(chapter)) - len(gradcheck.unchecked(chapter))
            for chapter in chapters
        ),
        "spotted_errors": len(re.findall(r"^`{3,}\{spot-the-error\}", text, re.MULTILINE)),
        "quiz_questions": len(re.findall(r"^`{3,}\{quiz\}", text, re.MULTILINE)),
    }


def published(book: Path) -> list[Path]:
    """The chapters that the table of contents names; others may be there, not finished yet."""
    contents = (book / "_toc.yml").read_text(encoding="utf-8")
    return [book / f"{name}.md" for name in re.findall(r"file: (chapters/\S+)", contents)]


def count(app: Sphinx, config: Config) -> None:
    found = numbers([one.read_text(encoding="utf-8") for one in published(Path(app.srcdir))])
    # A new dictionary, so that Sphinx sees a changed setting and reads the front matter again.
    config.myst_substitutions = {**config.myst_substitutions, **found}


def warn_of_unchecked(app: Sphinx, docname: str, source: list[str]) -> None:
    for label in gradcheck.unchecked(source[0]):
        logger.warning("%s is displayed but no cell compares it", label, location=docname)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("config-inited", count)
    app.connect("source-read", warn_of_unchecked)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
