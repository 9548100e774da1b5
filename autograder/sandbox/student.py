"""The student's side of the pipe: runs cells and calls functions when the judge asks.

This runs in the student's process, together with the student's code, so the judge believes none of
it: it only takes numbers, which have to be right.
"""

from __future__ import annotations

import importlib
import itertools
import socket
from collections.abc import Callable
from typing import Any

from autograder.sandbox import shell as shells
from autograder.sandbox import wire
from unrolled.arrays import Kept, copy_argument
from unrolled.namespace import Failure, call_copied, calling, describe_error


class Side:
    """The loop that answers one request after the other until the pipe is closed."""

    def __init__(self, sock: socket.socket, shell: shells.Shell):
        self.sock = sock
        self.shell = shell
        self.kept: dict[int, Any] = {}
        self.numbers = itertools.count()
        self.replaced: dict[str, Any] = {}
        self.request: Any = None

    def serve(self) -> None:
        while True:
            document, blob = wire.receive(self.sock)
            self.request = document["id"]
            answer, blobs = self.answer(document, blob)
            wire.send(self.sock, {"id": self.request, **answer}, blobs)

    def answer(self, document: dict[str, Any], blob: bytes) -> tuple[dict[str, Any], list[bytes]]:
        if document["op"] == "run":
            return shells.run_cell(self.shell, document["source"], document["seconds"]), []
        if document["op"] == "prepare":
            self.kept.clear()
            self.stand_in(document["functions"])
            return {}, []
        return self.call(document, blob)

    def stand_in(self, functions: dict[str, int]) -> None:
        """Put functions of the judge in the place of the student's; put earlier ones back."""
        names = self.shell.user_ns
        for name, original in self.replaced.items():
            names.pop(name, None)
            if original is not None:
                names[name] = original
        self.replaced = {name: names.get(name) for name in functions}
        for name, number in functions.items():
            names[name] = self.callback(number)

    def call(self, document: dict[str, Any], blob: bytes) -> tuple[dict[str, Any], list[bytes]]:
        """Call one function, or a helper of a module of ours; what ``keep`` names stays here."""
        args = wire.decode(document["args"], blob, self.resolve)
        self.shell.outputs = shells.Outputs()
        try:
            if document["module"]:
                value, changed = self.help(document["module"], document["name"], args), []
            else:
                value, changed = call_copied(self.shell.user_ns, document["name"], args)
            blobs: list[bytes] = []
            data = wire.encode(self.hold(value, document["keep"]), blobs)
        except Failure as failure:
            return {"failure": [failure.outcome, str(failure)]}, []
        except BaseException as error:  # SystemExit, KeyboardInterrupt, anything while encoding
            return {"failure": ["error", describe_error(document["name"], error)]}, []
        return {"value": data, "changed": changed}, blobs

    def help(self, module: str, name: str, args: tuple[Any, ...]) -> Any:
        helper = getattr(importlib.import_module(module), name)
        with calling(name):
            return helper(self.shell.user_ns, *copy_argument(args))

    def hold(self, value: Any, keep: bool | list[int]) -> Any:
        """Replace the value, or the results at some places of a tuple or list, by handles."""
        if keep is True:
            return self.handle(value)
        if keep is False or not isinstance(value, tuple | list):
            return value
        held = [self.handle(v) if i in keep else v for i, v in enumerate(value)]
        return tuple(held) if isinstance(value, tuple) else held  # also for a named tuple

    def handle(self, value: Any) -> wire.Handle:
        number = next(self.numbers)
        self.kept[number] = value
        return wire.Handle(number)

    def resolve(self, value: Any) -> Any:
        if isinstance(value, wire.Handle):
            return Kept(self.kept[value.id])
        return self.callback(value.id) if isinstance(value, wire.Function) else value

    def callback(self, number: int) -> Callable[..., Any]:
        """A function of the judge; calling it asks the judge over the pipe."""

        def function(*args: Any) -> Any:
            blobs: list[bytes] = []
            data = wire.encode(args, blobs)
            wire.send(self.sock, {"id": self.request, "callback": number, "args": data}, blobs)
            document, blob = wire.receive(self.sock)
            if "raise" in document:
                raise ValueError(document["raise"])
            return wire.decode(document["value"], blob)

        return function
