"""Helpers that a probe runs where the student's functions live (``ns.run``).

Some of what a probe wants to know cannot be had from a call's result: a dict that was changed in
place, a gradient through the student's graph, a method of an object that stays there. Each function
here gets the student's names first and returns raw results. In grading it runs beside code that may
be hostile and could be replaced by it, so nothing it returns is a verdict: the probe compares.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unrolled.arrays import copy_argument
from unrolled.namespace import Failure, calling, find


def after(names: Mapping[str, Any], function: str, *args: Any) -> tuple[Any, list[Any]]:
    """Call a function; return its value and its arguments as they are afterwards."""
    with calling(function):
        return find(names, function)(*args), list(args)


def method(names: Mapping[str, Any], owner: Any, name: str, *args: Any) -> Any:
    """Call a method of a kept object."""
    called = f"{type(owner).__name__}.{name}"
    function = getattr(owner, name, None)
    if not callable(function):
        raise Failure("missing", f"{called} is not defined.")
    with calling(called):
        return function(*args)


def gradients(
    names: Mapping[str, Any],
    function: str,
    args: Sequence[Any],
    wrt: Sequence[int | Sequence[int]],
    upstream: Any = None,
) -> tuple[Any, list[Any]]:
    """Call a torch function; return its value and gradients with respect to some arguments.

    Args:
        function: name of the student's function.
        args: its arguments; floating tensors.
        wrt: places in ``args``, or paths such as ``(1, 0, 2)`` into nested lists and tuples.
        upstream: tensor of the value's shape that the gradient starts from; None for a scalar.

    Raises:
        Failure: the value is no tensor that depends on the arguments.
    """
    import torch

    args, leaves = copy_argument(tuple(args)), []
    for path in wrt:
        leaves.append(at(args, (path,) if isinstance(path, int) else path).requires_grad_(True))
    with calling(function):
        value = find(names, function)(*args)
    if not isinstance(value, torch.Tensor):
        raise Failure("error", f"{function} must return a tensor; it returned {kind(value)}.")
    if not value.requires_grad:
        text = f"The result of {function} has no gradient: the graph is cut somewhere inside it."
        raise Failure("fail", text)
    with calling(f"The backward pass through {function}"):
        found = torch.autograd.grad(value, leaves, upstream, allow_unused=True)
    zero = [torch.zeros_like(x) if g is None else g for g, x in zip(found, leaves)]
    return value.detach(), zero


def at(value: Any, path: Sequence[int]) -> Any:
    """The entry of nested lists and tuples that ``path`` leads to."""
    for i in path:
        value = value[i]
    return value


def kind(value: Any) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"
