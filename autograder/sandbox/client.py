"""The grader's side: start the zygote, open a session for a submission, call its functions."""

from __future__ import annotations

import json
import math
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from autograder.sandbox import limits, wall, wire
from unrolled.arrays import is_tensor
from unrolled.namespace import Failure, Namespace

TEXTS = {
    "memory": f"used more than {limits.MEMORY_BYTES // limits.MB} MB of memory and was stopped",
    "": "ended the process it ran in",
}


class Zygote:
    """The warm process behind the wall; one submission at a time.

    Args:
        material: folder of public files that submissions find beside them.
        weak: start it without the wall. Only for submissions that we wrote ourselves.
        torch: have torch imported, which takes seconds and 0.2 GB.

    Raises:
        WallError: the wall cannot be put up.
    """

    def __init__(self, material: Path, *, weak: bool = False, torch: bool = True):
        self.material, self.weak, self.torch = material, weak, torch
        if not weak:
            wall.require()
        self.lost = 0  # times that the process itself was gone when a submission ended
        self._process: subprocess.Popen | None = None
        self._control: socket.socket | None = None
        self._work: str | None = None
        self._errors: Any = None

    def start(self) -> None:
        """Start the process unless it runs already; returns when it is warm."""
        if self._process and self._process.poll() is None:
            return
        said = self._start() and self._start()  # one that was killed meanwhile is started again
        if said:
            raise wall.WallError(f"The sandbox did not start. It said: {said}")

    def _start(self) -> str:
        """Start the process once; what it said if it does not get warm, else ""."""
        self.close()
        # Under root a submission gets a user of its own, so that the kernel counts its processes.
        uid = 200_000 + secrets.randbelow(100_000) if os.getuid() == 0 else None
        self._work = tempfile.mkdtemp(prefix="unrolled-weak-") if self.weak else None
        below_tmp = [str(p) for p in wall.visible_paths() if p.is_relative_to("/tmp")]
        settings = {
            "wall": not self.weak,
            "uid": uid,
            "work": self._work,
            "below_tmp": sorted(below_tmp),
            "torch": self.torch,
        }
        text = json.dumps(settings)
        command = wall.command(self.material.resolve(), text)
        environment = None
        if self.weak:
            command = [sys.executable, *wall.python_flags(), text]
            environment = {**wall.environment(), "HOME": self._work}
            shutil.copytree(self.material, self._work, dirs_exist_ok=True)
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        with theirs:
            self._process = subprocess.Popen(
                command,
                stdin=theirs,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                env=environment,
            )
        self._control.settimeout(limits.START_SECONDS)
        if not self._ask(None):
            self._errors.seek(0)
            said = self._errors.read()[-2000:].decode(errors="replace").strip()
            self.close()
            return said or "nothing"
        self._control.settimeout(limits.CONTROL_SECONDS)
        return ""

    def open(self) -> Session:
        """Fork a process for a submission and return the session with it."""
        for _ in range(2):
            self.start()
            ours, theirs = socket.socketpair()
            with theirs:
                answer = self._ask({"op": "fork"}, [theirs.fileno()])
            if answer:
                return Session(ours, self)
            ours.close()
            self.close()
        raise wall.WallError("The sandbox does not answer. Look at memory and disk of the machine.")

    def end(self) -> str:
        """Kill all that the submission left; return why it was stopped from inside ("" if not)."""
        answer = self._ask({"op": "end"})
        if answer is None:  # killed from outside; nothing inside can reach it
            self.lost += 1
            self.close()
            return ""
        return str(answer["reason"])

    def _ask(self, command: dict | None, fds: Sequence[int] = ()) -> dict | None:
        assert self._control
        try:
            if command is not None:
                socket.send_fds(self._control, [json.dumps(command).encode()], list(fds))
            packet = self._control.recv(65536)
        except OSError:
            return None
        return json.loads(packet) if packet else None

    def close(self) -> None:
        """End the process and everything inside the wall."""
        if self._control:
            self._control.close()
        if self._process:
            self._process.kill()
            self._process.wait()
        if self._errors:
            self._errors.close()
        if self._work:
            shutil.rmtree(self._work, ignore_errors=True)
        self._process = self._control = self._work = self._errors = None

    def __enter__(self) -> Zygote:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True)
class Ours:
    """A result of a stand-in that must not cross the pipe."""

    value: Any


class Session:
    """The pipe to one student's process. Everything that comes out of it is untrusted data."""

    def __init__(self, sock: socket.socket, zygote: Zygote):
        self._sock, self._zygote = sock, zygote
        self._stand_ins: list[Callable[..., Any]] = []
        self._foreign: list[Any] = []
        self.alive = True

    def run_cell(self, source: str, seconds: float) -> dict[str, Any]:
        """Run a cell; see :func:`autograder.sandbox.shell.run_cell` for what comes back.

        ``ended`` is one of done, error, timeout, killed; the last means that the session is over.
        """
        start = time.monotonic()
        try:
            answer, _ = self._request(
                {"op": "run", "source": source, "seconds": seconds},
                [],
                start + seconds + limits.GRACE_SECONDS,
            )
        except Failure as failure:
            return {
                "ended": "killed",
                "outputs": [],
                "seconds": time.monotonic() - start,
                "message": str(failure),
            }
        ended = answer.get("ended")
        outputs = answer.get("outputs")
        return {
            "ended": ended if ended in ("done", "error", "timeout") else "error",
            "outputs": outputs if isinstance(outputs, list) else [],
            "seconds": time.monotonic() - start,
        }

    def prepare(self, stand_ins: Mapping[str, Callable[..., Any]]) -> None:
        """Let go of the handles of earlier calls; put ``stand_ins`` in the place of functions.

        A stand-in runs on this side, called over the pipe. What it returns that is an
        :class:`Ours` stays here too; the student's code can hand it to another stand-in.
        """
        self._stand_ins = list(stand_ins.values())
        self._foreign.clear()
        numbers = {name: i for i, name in enumerate(stand_ins)}
        request = {"op": "prepare", "functions": numbers}
        self._request(request, [], time.monotonic() + limits.GRACE_SECONDS)

    def call(
        self,
        name: str,
        args: tuple[Any, ...],
        keep: bool | Sequence[int],
        deadline: float,
        module: str | None = None,
    ) -> tuple[Any, list[str]]:
        """Call a function of the student; return its value and the arguments it wrote into.

        With ``module`` it is a helper of ours in that module, run beside the student's functions.

        Raises:
            Failure: it raised, is missing, hangs, ended the process or answered nonsense.
        """
        functions = list(self._stand_ins)

        def hand_in(value: Any) -> wire.Function:
            functions.append(value)
            return wire.Function(len(functions) - 1)

        blobs: list[bytes] = []
        data = wire.encode(args, blobs, hand_in)
        keep = keep if isinstance(keep, bool) else list(keep)
        request = {"op": "call", "name": name, "args": data, "keep": keep, "module": module}
        answer, blob = self._request(request, blobs, deadline, functions, name)
        if "failure" in answer:
            raise as_failure(name, answer["failure"])
        try:
            value = wire.decode(answer.get("value"), blob)
        except wire.ProtocolError:
            raise Failure("error", f"{name} returned something that is no plain data.") from None
        changed = answer.get("changed")
        changed = changed if isinstance(changed, list) else []
        return value, [printable(c[:40]) for c in changed[:20] if isinstance(c, str)]

    def _request(
        self,
        request: dict[str, Any],
        blobs: list[bytes],
        deadline: float,
        functions: Sequence[Callable[..., Any]] = (),
        what: str = "The code",
    ) -> tuple[dict[str, Any], bytes]:
        """Send a request and wait for its answer, serving the calls of ``functions`` meanwhile."""
        number = secrets.randbits(53)
        try:
            self._sock.settimeout(max(deadline - time.monotonic(), 0.001))
            wire.send(self._sock, {"id": number, **request}, blobs)
            for _ in range(limits.CALLBACKS):
                answer, blob = wire.receive(self._sock, deadline)
                if answer.get("id") != number:
                    raise wire.ProtocolError("an answer to no question")
                if "callback" not in answer:
                    return answer, blob
                self._serve(answer, blob, functions, number)
            raise Failure("error", f"{what} called the function it was given too often.")
        except TimeoutError:
            self.end()
            raise Failure("timeout", f"{what} did not return in time.") from None
        except (wire.Closed, OSError):
            reason = TEXTS.get(self.end(), TEXTS[""])
            raise Failure("error", f"{what} {reason}.") from None
        except wire.ProtocolError:
            self.end()
            raise Failure("error", f"{what} wrote into the grader's pipe.") from None
        except Failure:
            self.end()
            raise

    def _serve(
        self, asked: dict[str, Any], blob: bytes, functions: Sequence[Callable], number: int
    ) -> None:
        index = asked["callback"]
        if type(index) is not int or not 0 <= index < len(functions):
            raise wire.ProtocolError("a function that was not handed in")
        args = wire.decode(asked.get("args"), blob, self._resolve)
        if not isinstance(args, tuple):
            raise wire.ProtocolError("arguments that are no tuple")
        blobs: list[bytes] = []
        kept = len(self._foreign)
        try:
            # Our function runs out here, so the student must not be able to let it work for long.
            if weight(args) > limits.CALLBACK_ELEMENTS or kept > limits.CALLBACK_OBJECTS:
                raise ValueError("too much")
            with np.errstate(all="ignore"):
                answer = {"value": wire.encode(functions[index](*args), blobs, self._keep)}
            if sum(map(len, blobs)) > limits.CALLBACK_BYTES:
                raise ValueError("too much")
        except Exception:  # whatever the student handed in did not fit the function
            del self._foreign[kept:]
            answer, blobs = {"raise": "the function cannot be evaluated for this argument"}, []
        wire.send(self._sock, {"id": number, **answer}, blobs)

    def _keep(self, value: Any) -> wire.Foreign:
        if not isinstance(value, Ours):
            raise TypeError("not plain data")
        self._foreign.append(value.value)
        return wire.Foreign(len(self._foreign) - 1)

    def _resolve(self, value: Any) -> Any:
        if isinstance(value, wire.Foreign) and 0 <= value.id < len(self._foreign):
            return self._foreign[value.id]
        raise wire.ProtocolError("an object that was not handed out")

    def end(self) -> str:
        """End the submission's processes; return why they were stopped from inside ("" if not)."""
        if not self.alive:
            return ""
        self.alive = False
        self._sock.close()
        return self._zygote.end()


def printable(text: str) -> str:
    """Text of the student's side without line breaks, escapes and invisible characters."""
    return "".join(c if c.isprintable() else " " for c in text)


def weight(value: Any) -> int:
    """What a value of plain data can cost a function: its elements, or its longest axis."""
    if isinstance(value, np.ndarray) or is_tensor(value):
        return max(math.prod(value.shape), *value.shape, 1)
    if isinstance(value, dict):
        return 1 + sum(map(weight, value.values()))
    if isinstance(value, list | tuple):
        return 1 + sum(map(weight, value))
    return 1


def as_failure(name: str, data: Any) -> Failure:
    """The failure that the student's side reports, with nothing taken for granted."""
    if isinstance(data, list) and len(data) == 2 and all(isinstance(x, str) for x in data):
        outcome, text = data
        text = printable(text[: limits.MESSAGE_CHARS])
        return Failure(outcome if outcome in ("missing", "fail") else "error", text)
    return Failure("error", f"{name} failed.")


class RemoteNamespace(Namespace):
    """The functions of a student, called through the pipe, within ``seconds`` for all calls."""

    def __init__(self, session: Session, seconds: float):
        super().__init__()
        self._session, self._seconds = session, seconds
        self._deadline = time.monotonic() + seconds
        self._over: Failure | None = None

    def run(self, helper: Callable[..., Any], *args: Any, keep: bool = False) -> Any:
        return self._ask(helper.__name__, args, keep, helper.__module__)[0]

    def _invoke(
        self, name: str, args: tuple[Any, ...], keep: bool | Sequence[int]
    ) -> tuple[Any, list[str]]:
        return self._ask(name, args, keep)

    def _ask(
        self,
        name: str,
        args: tuple[Any, ...],
        keep: bool | Sequence[int],
        module: str | None = None,
    ) -> tuple[Any, list[str]]:
        if self._over:
            raise self._over
        try:
            return self._session.call(name, args, keep, self._deadline, module)
        except Failure as failure:
            if failure.outcome == "timeout":
                time_ = f"(all checks of an exercise have {self._seconds:.0f} s together)"
                failure = Failure("timeout", f"{str(failure).rstrip('.')} {time_}.")
            if not self._session.alive:
                self._over = failure
            raise failure from None
