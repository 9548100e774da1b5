"""A hub in a process of its own, and people in front of it with a browser each."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "deploy" / "jupyterhub_config.py"
PASSWORD = "for-one-test-only"
PATIENCE = 150.0
"""Seconds for anything on a busy machine; every wait ends as soon as what it waits for is there."""
SIZE = {"width": 1200, "height": 800}
COLOURS = 64
"""Of a screenshot: enough for text and lines, and the files stay small."""
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


expect.set_options(timeout=PATIENCE * 1000)


def free_ports(count: int = 4) -> int:
    """The first of ``count`` ports in a row that nobody listens on now."""
    for first in range(20000 + os.getpid() % 10000, 60000, count):
        with contextlib.ExitStack() as stack:
            try:
                for port in range(first, first + count):
                    listener = stack.enter_context(socket.socket())
                    listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise OSError("no ports are free")


@dataclass
class Hub:
    """A running hub: its address, its process, what it writes."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, path: str) -> None:
        """Wait until the hub, or what is behind it, answers under ``path``.

        Raises:
            RuntimeError: the hub ended or does not answer; with what it wrote last.
        """
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                with urllib.request.urlopen(self.url + path, timeout=10):
                    return
            except urllib.error.HTTPError as error:
                if error.code == 403:  # it is there and wants a login
                    return
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"no answer from {path}:\n{self.text()[-6000:]}")
            time.sleep(0.2)


@contextlib.contextmanager
def running(
    settings: Path, log: Path, port: int, environment: Mapping[str, str] | None = None
) -> Iterator[Hub]:
    """Start a hub and end it with all that it started."""
    command = [sys.executable, "-m", "jupyterhub", "--config", str(CONFIG)]
    env = {**os.environ, "HUB_SETTINGS": str(settings), "HUB_PASSWORD": PASSWORD}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--JupyterHub.log_level=INFO"],
            cwd=settings.parent,
            env=env | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        try:
            yield Hub(f"http://127.0.0.1:{port}", process, log)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium, driven by Playwright."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        try:
            yield browser
        finally:
            browser.close()


def log_in(browser: Browser, hub: Hub, name: str, password: str = PASSWORD) -> Page:
    """A page in a browser profile of its own, where ``name`` has typed name and password."""
    context = browser.new_context(viewport=SIZE, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.set_default_navigation_timeout(PATIENCE * 1000)
    page.goto(hub.url)
    page.get_by_label(re.compile("username", re.IGNORECASE)).fill(name)
    page.get_by_label(re.compile("password", re.IGNORECASE)).fill(password)
    page.get_by_role("button", name=re.compile("sign in", re.IGNORECASE)).click()
    return page


RENAME = """([folder, name]) => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const node = texts.currentNode;
        if (node.data.includes(folder)) node.data = node.data.replaceAll(folder, name);
    }
}"""


def picture(page: Page, path: Path, height: int = SIZE["height"]) -> None:
    """A screenshot of the upper ``height`` pixels, with few colours.

    The folder of this checkout is shown under the name that the book gives it.
    """
    page.evaluate(RENAME, [str(ROOT), "/srv/unrolled"])
    page.screenshot(path=path, animations="disabled")
    with Image.open(path) as image:
        cut = image.convert("RGB").crop((0, 0, image.width, height))
    cut.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
