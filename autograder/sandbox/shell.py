"""An IPython shell without a kernel around it: runs cells, keeps what they show, within bounds.

The shell is made once in the warm process; a fork of it costs milliseconds. Nothing that it reports
decides a mark.
"""

from __future__ import annotations

import base64
import builtins
import io
import signal
import sys
import time
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config

from autograder.sandbox import limits

SHOWN = ("text/plain", "image/png")
CUT = "\n[output cut: more than {} kB]\n"


class CellTimeout(BaseException):
    """The time of a cell is over. Not an Exception, so that ``except Exception`` lets it pass."""


class Outputs:
    """The outputs of one cell in nbformat's form, bounded in number and size."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []
        self.left = limits.CELL_OUTPUT_BYTES
        self.images_left = limits.CELL_IMAGES_BYTES

    def text(self, name: str, text: str) -> None:
        if self.left <= 0 or not text:
            return
        if len(text) > self.left:
            text = text[: self.left] + CUT.format(limits.CELL_OUTPUT_BYTES // 1024)
        self.left -= len(text)
        last = self.items[-1] if self.items else {}
        if last.get("output_type") == "stream" and last.get("name") == name:
            last["text"] += text
        elif len(self.items) < limits.CELL_OUTPUTS:
            self.items.append({"output_type": "stream", "name": name, "text": text})

    def data(self, kind: str, bundle: dict[str, Any]) -> None:
        kept: dict[str, str] = {}
        for mime in SHOWN:
            value = bundle.get(mime)
            if isinstance(value, bytes):
                value = base64.b64encode(value).decode()
            image = mime == "image/png"
            room = min(limits.IMAGE_BYTES, self.images_left) if image else self.left
            if isinstance(value, str) and len(value) <= room:
                kept[mime] = value
                if image:
                    self.images_left -= len(value)
                else:
                    self.left -= len(value)
        if kept and len(self.items) < limits.CELL_OUTPUTS:
            item: dict[str, Any] = {"output_type": kind, "data": kept, "metadata": {}}
            if kind == "execute_result":
                item["execution_count"] = None
            self.items.append(item)


class Stream(io.TextIOBase):
    """``sys.stdout`` or ``sys.stderr`` of the student's code."""

    def __init__(self, shell: Shell, name: str):
        self._shell, self._name = shell, name

    @property
    def encoding(self) -> str:
        return "utf-8"

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._shell.outputs.text(self._name, str(text))
        return len(text)


class Hook(DisplayHook):
    """Keeps the value of a cell's last expression."""

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: dict, md_dict: dict | None = None) -> None:
        self.shell.outputs.data("execute_result", format_dict)


class Publisher(DisplayPublisher):
    """Keeps what ``display`` and matplotlib show."""

    def publish(self, data: dict, metadata: dict | None = None, **_: Any) -> None:
        self.shell.outputs.data("display_data", data)


class Shell(InteractiveShell):
    """The shell of one submission."""

    displayhook_class = Type(Hook)
    display_pub_class = Type(Publisher)
    outputs: Outputs

    def init_history(self) -> None:
        super().init_history()
        self.history_manager.enabled = False

    def showtraceback(self, *_: Any, **__: Any) -> None:
        """The error is taken from the result of the cell."""

    showsyntaxerror = showtraceback

    def enable_gui(self, gui: str | None = None) -> None:
        """No event loop is wanted."""


def make_shell() -> Shell:
    """The shell, with matplotlib's inline backend and without history, prompts or input."""
    config = Config()
    config.HistoryManager.enabled = False
    config.HistoryManager.hist_file = ":memory:"
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.cache_size = 0
    shell = Shell.instance(config=config)
    shell.outputs = Outputs()
    import matplotlib.pyplot as plt

    plt.switch_backend("module://matplotlib_inline.backend_inline")
    from matplotlib_inline.backend_inline import configure_inline_support

    configure_inline_support(shell, "module://matplotlib_inline.backend_inline")
    return shell


def no_input(*_: Any, **__: Any) -> str:
    raise EOFError("input() cannot be answered while a notebook is graded")


def prepare(shell: Shell) -> None:
    """In the child: send output to the shell, and refuse input."""
    sys.stdin = io.StringIO()
    sys.stdout = sys.__stdout__ = Stream(shell, "stdout")
    sys.stderr = sys.__stderr__ = Stream(shell, "stderr")
    builtins.input = no_input


def on_alarm(*_: Any) -> None:
    raise CellTimeout


def run_cell(shell: Shell, source: str, seconds: float) -> dict[str, Any]:
    """Run one cell for at most ``seconds``; return its outputs and how it ended."""
    shell.outputs = outputs = Outputs()
    start = time.monotonic()
    signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    error: BaseException | None = None
    try:
        result = shell.run_cell(source, store_history=True)
        error = result.error_before_exec or result.error_in_exec
    except BaseException as raised:
        error = raised
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    ended = "done"
    if isinstance(error, CellTimeout):
        ended = "timeout"
    elif error is not None:
        ended = "error"
        outputs.items.append(error_output(error))
    return {"ended": ended, "outputs": outputs.items, "seconds": time.monotonic() - start}


def error_output(error: BaseException) -> dict[str, Any]:
    """An nbformat error output that shows the student's lines and nothing of the grader."""
    name = type(error).__name__
    text = str(error.msg if isinstance(error, SyntaxError) else error)[: limits.MESSAGE_CHARS]
    lines = []
    trace = error.__traceback__
    while trace is not None:
        filename = trace.tb_frame.f_code.co_filename
        if "ipython-input" in filename or "ipykernel" in filename:
            lines.append(f"  line {trace.tb_lineno}, in {trace.tb_frame.f_code.co_name}")
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and error.lineno:
        lines.append(f"  line {error.lineno}")
    summary = f"{name}: {text}"
    return {
        "output_type": "error",
        "ename": name,
        "evalue": text,
        "traceback": [*lines[-6:], summary],
    }
