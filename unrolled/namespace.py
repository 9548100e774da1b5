"""Where a probe finds the functions that it drives.

``ns.some_function(*args, returns=("next_h", "cache"))`` calls the function of that name, and
``ns.run(helper, *args)`` runs a function of ours beside it (:mod:`unrolled.remote`). A
:class:`LocalNamespace` does so in this process; the grader's remote namespace does it on the
student's side of a pipe. Both hand in copies of the arguments, find those that were written into,
and turn everything that can go wrong into a :class:`Failure`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from unrolled.arrays import Kept, copy_argument, is_tensor, same_argument
from unrolled.diagnose import kind
from unrolled.verdict import Outcome

OPAQUE = ("cache", "state")
"""Results of these names stay where the student's code runs; a probe can only hand them back."""


class Failure(Exception):
    """A call that gave no result to compare. ``outcome`` says of which kind, the text says why."""

    def __init__(self, outcome: Outcome, message: str):
        super().__init__(message)
        self.outcome = outcome


class Namespace:
    """The functions that a probe may call; see the module's text.

    Attributes:
        changed: a sentence for every argument that a call wrote into.
        asked: the names of the results of each function that was called with ``returns``.
    """

    def __init__(self) -> None:
        self.changed: list[str] = []
        self.asked: dict[str, tuple[str, ...]] = {}

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        return partial(self._call, name)

    def _call(
        self, name: str, *args: Any, returns: Sequence[str] | None = None, keep: bool = False
    ) -> Any:
        """Call a function.

        Args:
            returns: names of its results, if it returns several; those in ``OPAQUE`` stay there.
            keep: its one result stays there.
        """
        kept = True if keep else [i for i, r in enumerate(returns or ()) if r in OPAQUE]
        value, changed = self._invoke(name, args, kept)
        for label in changed:
            note = f"{name} wrote into its argument {label}"
            if note not in self.changed:
                self.changed.append(note)
        if returns is None:
            return value
        self.asked[name] = tuple(returns)
        return as_results(name, value, returns)

    def run(self, helper: Callable[..., Any], *args: Any, keep: bool = False) -> Any:
        """Run ``helper(names, *args)``, a function of a module of this package, over there.

        Args:
            keep: its result stays there.
        """
        raise NotImplementedError

    def _invoke(
        self, name: str, args: tuple[Any, ...], keep: bool | Sequence[int]
    ) -> tuple[Any, list[str]]:
        """Return the value and the labels of the arguments that were written into.

        What ``keep`` names stays: the whole value, or the results at some places.
        """
        raise NotImplementedError


class LocalNamespace(Namespace):
    """Functions of a dict, called in this process. Exceptions become a :class:`Failure`."""

    def __init__(self, names: Mapping[str, Any]):
        super().__init__()
        self._names = names

    def run(self, helper: Callable[..., Any], *args: Any, keep: bool = False) -> Any:
        with calling(helper.__name__):
            value = helper(self._names, *self._copy(args))
        return Kept(value) if keep else value

    def _invoke(
        self, name: str, args: tuple[Any, ...], keep: bool | Sequence[int]
    ) -> tuple[Any, list[str]]:
        value, changed = self._value(name, args)
        return kept_apart(value, keep), changed

    def _value(self, name: str, args: tuple[Any, ...]) -> tuple[Any, list[str]]:
        return call_copied(self._names, name, args)

    def _copy(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        return copy_argument(args)


class PerturbedNamespace(LocalNamespace):
    """A local namespace in which every floating argument is off by about a relative ``eta``.

    What the results then move by measures the conditioning of the computation in float64, from
    which :mod:`unrolled.compare` derives how far off a right answer may be.
    """

    def __init__(self, names: Mapping[str, Any], eta: float, rng: np.random.Generator):
        super().__init__(names)
        self._eta, self._rng = eta, rng

    def _value(self, name: str, args: tuple[Any, ...]) -> tuple[Any, list[str]]:
        # No watch on the arguments: this is for a reference that was seen to leave them alone.
        return self._names[name](*self._copy(args)), []

    def _copy(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(self._perturb(a) for a in args)

    def _perturb(self, value: Any) -> Any:
        # Not signs: two terms that nearly cancel would move together in half of the runs.
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            moved = copy_argument(value)  # in place, which keeps the memory layout
            moved *= 1 + self._eta * self._rng.normal(size=value.shape)
            return moved
        if is_tensor(value) and value.is_floating_point():
            return value * (1 + self._eta * value.new_tensor(self._rng.normal(size=value.shape)))
        if isinstance(value, dict):
            return {k: self._perturb(v) for k, v in value.items()}
        if type(value) in (list, tuple):
            return type(value)(self._perturb(v) for v in value)
        return copy_argument(value)


def call_copied(
    names: Mapping[str, Any], name: str, args: tuple[Any, ...]
) -> tuple[Any, list[str]]:
    """Call ``names[name]`` on copies of ``args``; return its value and the changed arguments.

    Raises:
        Failure: there is no such function, or it raised.
    """
    function = find(names, name)
    copies = copy_argument(args)
    with calling(name):
        value = function(*copies)
    changed = [i for i, (a, c) in enumerate(zip(args, copies)) if not same_argument(a, c)]
    labels = argument_labels(function, len(args)) if changed else []
    return value, [labels[i] for i in changed]


def find(names: Mapping[str, Any], name: str) -> Callable[..., Any]:
    """The function of this name; raises a Failure if there is none."""
    function = names.get(name)
    if not callable(function):
        what = "is not defined" if function is None else "is not a function"
        raise Failure("missing", f"{name} {what}. Run the cell that defines it.")
    return function


@contextmanager
def calling(name: str) -> Iterator[None]:
    """Turn what a function of the student's raises into a :class:`Failure` that names it."""
    try:
        yield
    except Failure:
        raise
    except Exception as error:
        stub = isinstance(error, NotImplementedError)
        raise Failure("missing" if stub else "error", describe_error(name, error)) from error


def kept_apart(value: Any, keep: bool | Sequence[int]) -> Any:
    """``value`` with what is to be kept in wrappers; see :meth:`Namespace._invoke`."""
    if keep is True:
        return Kept(value)
    if not keep or not isinstance(value, tuple | list):
        return value
    return tuple(Kept(v) if i in keep else v for i, v in enumerate(value))


def argument_labels(function: Callable[..., Any], n: int) -> list[str]:
    """Names of the first ``n`` parameters, or their places where they have no names."""
    places = [str(i + 1) for i in range(n)]
    try:
        names = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return places
    return [*names[:n], *places[len(names) :]]


def describe_error(name: str, error: BaseException) -> str:
    """One sentence about an exception: its type, its first line, and the student's line number."""
    if isinstance(error, NotImplementedError):
        return f"{name} is not implemented yet."
    text = str(error).strip().splitlines()
    line, trace = None, error.__traceback__
    while trace is not None:
        if is_notebook_file(trace.tb_frame.f_code.co_filename):
            line = trace.tb_lineno
        trace = trace.tb_next
    where = f" (line {line} of the cell)" if line else ""
    return f"{name} raised {type(error).__name__}{where}" + (f": {text[0][:300]}" if text else "")


def is_notebook_file(filename: str) -> bool:
    """Whether code of this file name was typed into a notebook cell."""
    return filename.startswith("<") or "ipykernel" in filename


def as_results(name: str, value: Any, returns: Sequence[str]) -> tuple[Any, ...]:
    """Check that ``value`` is a tuple or list with one entry per name in ``returns``.

    Raises:
        Failure: it is not.
    """
    wanted = f"{len(returns)} results ({', '.join(returns)})"
    if not isinstance(value, tuple | list):
        raise Failure("error", f"{name} must return {wanted}; it returned {describe(value)}.")
    if len(value) != len(returns):
        raise Failure("error", f"{name} must return {wanted}; it returned {len(value)}.")
    return tuple(value)


def describe(value: Any) -> str:
    """A few words about a value of any type, without its contents."""
    if value is None:
        return "None"
    if isinstance(value, np.ndarray):
        return f"one array of shape {value.shape}"
    return f"one {kind(value)}"
