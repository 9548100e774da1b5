"""Chromium for tests, driven through the pipe of its DevTools protocol; no package needed.

with Browser() as browser:
    page = browser.visit("file:///.../intro.html")
    page.requests, page.complaints, page.evaluate("document.title"), page.screenshot(path)
"""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# The protocol's pipe is file descriptors 3 and 4 of the browser.
ON_3_AND_4 = (
    "import fcntl, os, sys\n"
    "r, w = (fcntl.fcntl(int(fd), fcntl.F_DUPFD, 10) for fd in sys.argv[1:3])\n"
    "os.dup2(r, 3), os.dup2(w, 4)\n"
    "os.execv(sys.argv[3], sys.argv[3:])\n"
)
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
)


def chromium() -> str:
    """The path of a Chromium or Chrome.

    Raises:
        FileNotFoundError: if there is none.
    """
    for name in NAMES:
        if path := shutil.which(name):
            return path
    raise FileNotFoundError(
        "The book's pages are tested in a real browser, and there is none: "
        "install Chromium (Debian, Ubuntu: apt-get install chromium)."
    )


@dataclass
class Page:
    """What was seen while a page loaded, and the page itself as long as no other is visited."""

    browser: "Browser"
    url: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    bytes: dict[str, int] = field(default_factory=dict)

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression (awaited if it is a promise)."""
        answer = self.browser.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def screenshot(self, path: Path, whole: bool = False) -> None:
        """Write a PNG of the window, or of the whole page."""
        answer = self.browser.call(
            "Page.captureScreenshot", format="png", captureBeyondViewport=whole
        )
        path.write_bytes(base64.b64decode(answer["data"]))

    def pdf(self, path: Path) -> None:
        """Print the page."""
        answer = self.browser.call("Page.printToPDF", printBackground=True)
        path.write_bytes(base64.b64decode(answer["data"]))


class Browser:
    """One Chromium with one tab; a context manager."""

    def __enter__(self) -> Self:
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        read_end, browser_writes = os.pipe()
        browser_reads, write_end = os.pipe()
        ends = (browser_reads, browser_writes)
        command = [chromium(), *OPTIONS, f"--user-data-dir={self._profile.name}", "about:blank"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", ON_3_AND_4, *map(str, ends), *command],
            pass_fds=ends,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for end in ends:
            os.close(end)
        self._read_end, self._write_end = read_end, write_end
        self._buffer, self._serial, self._session = b"", 0, None
        self._page: Page | None = None
        self._loaded = False
        targets = self.call("Target.getTargets")["targetInfos"]
        target = next(t["targetId"] for t in targets if t["type"] == "page")
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = session["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._write_end)  # the browser ends when its pipe does
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._read_end)
        self._profile.cleanup()

    def look(self, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Set the size of the window and the colour scheme that the reader's system prefers."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media="", features=[scheme])

    def visit(self, url: str) -> Page:
        """Load a page and wait until it and all that it asks for have arrived."""
        self._page, self._loaded = Page(self, url), False
        self.call("Page.navigate", url=url)
        deadline = time.monotonic() + 60
        while not self._loaded:
            self._receive(deadline)
        page = self._page
        page.evaluate("document.fonts.ready.then(() => new Promise(r => setTimeout(r, 100)))")
        return page

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol and wait for its result."""
        self._serial += 1
        message: dict[str, Any] = {"id": self._serial, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write_end, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + 60
        while True:
            answer = self._receive(deadline)
            if answer.get("id") == self._serial:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def _receive(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read_end], [], [], deadline - time.monotonic())
            chunk = os.read(self._read_end, 1 << 20) if ready else b""
            if not chunk:
                raise RuntimeError("Chromium does not answer")
            self._buffer += chunk
        text, _, self._buffer = self._buffer.partition(b"\0")
        message = json.loads(text)
        if "method" in message:
            self._note(message["method"], message["params"])
        return message

    def _note(self, event: str, what: dict[str, Any]) -> None:
        if event == "Page.loadEventFired":
            self._loaded = True
        if self._page is None:
            return
        if event == "Network.requestWillBeSent":
            self._page.requests.append(what["request"]["url"])
        elif event == "Network.loadingFailed":
            self._page.complaints.append(f"not loaded: {what['errorText']}")
        elif event == "Runtime.exceptionThrown":
            detail = what["exceptionDetails"]
            text = detail.get("exception", {}).get("description", detail["text"])
            self._page.complaints.append(text)
        elif event == "Runtime.consoleAPICalled" and what["type"] in ("error", "warning"):
            self._page.complaints.append(str([arg.get("value") for arg in what["args"]]))
        elif event == "Log.entryAdded" and what["entry"]["level"] in ("error", "warning"):
            entry = what["entry"]
            self._page.complaints.append(f"{entry['text']} {entry.get('url', '')}".strip())
