"""Builds the book once per test run, and lets the tests import the book's Sphinx extensions."""

import fcntl
import os
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import chapters
import pytest
from browser import Browser

from autograder.book import ROOT, build_book

sys.path.insert(0, str(ROOT / "book" / "_ext"))


NEED_THE_BOOK = {"page", "book"}
"""Fixtures for which the cells of the book are run."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that `make test-book` runs."""
    for item in items:
        if NEED_THE_BOOK & set(getattr(item, "fixturenames", ())):
            item.add_marker("book")


@pytest.fixture(scope="module")
def page(request: pytest.FixtureRequest) -> Iterator[chapters.Run]:
    """What the cells of the page left behind that the tests' module names as its CHAPTER."""
    with chapters.run(request.module.CHAPTER) as run:
        yield run


@pytest.fixture
def variables(page: chapters.Run) -> dict[str, Any]:
    return page.variables


@pytest.fixture(scope="session")
def book() -> Path:
    """The folder of the built book.

    UNROLLED_BOOK_HTML names one that is built already. Several pytest workers share one build: the
    first makes it, the others wait for it.
    """
    if given := os.environ.get("UNROLLED_BOOK_HTML"):
        return Path(given).resolve()
    this_run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    (ROOT / "_build").mkdir(exist_ok=True)
    with (ROOT / "_build" / "built_by_tests.txt").open("a+") as stamp:
        fcntl.flock(stamp, fcntl.LOCK_EX)
        stamp.seek(0)
        if stamp.read() != this_run:
            build_book()
            stamp.truncate(0)
            stamp.write(this_run)
    return ROOT / "_build" / "html"


@pytest.fixture(scope="session")
def pages(book: Path) -> list[Path]:
    """The HTML files of the book that a reader sees (index.html leads to the first at once)."""
    found = [page for page in book.rglob("*.html") if "_static" not in page.parts]
    return sorted(page for page in found if page != book / "index.html")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as chromium:
        yield chromium


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Say nothing of each request."""


@pytest.fixture(scope="module")
def site(book: Path) -> Iterator[str]:
    """The address of the book served over HTTP."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=book))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
