"""Runs the pages again when the package that they import, or the data that they show, has changed.

The cache of executed notebooks looks at a page's own cells only: without this, a page would go on
showing what an older `unrolled` computed.
"""

import hashlib
import re
import shutil
from importlib.metadata import version
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

from autograder.source import code_behind

BOOK = Path(__file__).resolve().parents[1]
LIBRARIES = ("torch", "numpy", "matplotlib")
IMPORT = re.compile(r"^ *from (unrolled[\w.]*) import ([\w, ]+)", re.MULTILINE)


def behind(text: str) -> set[Path]:
    """The modules of ours that the code of a page imports, directly or not, and data it names."""
    modules = set()
    for package, names in IMPORT.findall(text):
        place = BOOK.parent.joinpath(*package.split("."))
        for path in (place, *(place / name.strip() for name in names.split(","))):
            modules |= {path.with_suffix(".py"), path / "__init__.py"}
    data = {BOOK / "_data" / name for name in re.findall(r"\b[\w-]+\.json\b", text)}
    return {
        path
        for path in {*code_behind(*(m for m in modules if m.is_file())), *data}
        if path.is_file()
    }


def fingerprint() -> str:
    """A hash of what the pages' outputs depend on beside the pages."""
    total = hashlib.sha256(" ".join(version(name) for name in LIBRARIES).encode())
    pages = "\n".join(page.read_text("utf-8") for page in sorted(BOOK.rglob("*.md")))
    for file in sorted(behind(pages)):
        total.update(file.name.encode() + b"\0" + file.read_bytes())
    return total.hexdigest()


def read_pages_again(app: Sphinx, config: Config) -> None:
    config.outputs_depend_on = fingerprint()  # a setting of which every page depends


def drop_old_outputs(app: Sphinx) -> None:
    cache = Path(app.config.nb_execution_cache_path or Path(app.outdir).parent / ".jupyter_cache")
    stamp = cache / "made_with.txt"
    if cache.exists() and not (
        stamp.exists() and stamp.read_text() == app.config.outputs_depend_on
    ):
        shutil.rmtree(cache)
    cache.mkdir(parents=True, exist_ok=True)
    stamp.write_text(app.config.outputs_depend_on)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_config_value("outputs_depend_on", "", "env")
    app.connect("config-inited", read_pages_again)
    app.connect("builder-inited", drop_old_outputs, priority=100)  # before myst-nb opens the cache
    return {"parallel_read_safe": True, "parallel_write_safe": True}
