"""What probes of torch functions share: tensors of their own, gradients through a student's graph.

Torch is imported where it is used: a probe of a NumPy exercise shall not wait for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from unrolled import remote
from unrolled.namespace import Failure


def tensor(array: Any) -> Any:
    """A torch tensor of its own with these numbers."""
    import torch

    return torch.tensor(np.asarray(array))


def gradient(
    names: Mapping[str, Any],
    function: str,
    args: Sequence[Any],
    wrt: Sequence[int | Sequence[int]],
    upstream: Any,
) -> Any:
    """All gradients in one vector (see `remote.gradients`); zeros where the graph is cut."""
    import torch

    try:
        _, found = remote.gradients(names, function, args, wrt, upstream)
    except Failure as failure:
        if failure.outcome != "fail":
            raise
        paths = [(path,) if isinstance(path, int) else path for path in wrt]
        found = [torch.zeros_like(remote.at(args, path)) for path in paths]
    return torch.cat([g.flatten() for g in found])


def slopes(
    ns: Any,
    function: str,
    args: Sequence[Any],
    wrt: Sequence[int | Sequence[int]],
    value: Any,
    upstream: Any = None,
) -> Any:
    """The gradient of a function whose value is known; None if that has not the right shape."""
    shape = () if upstream is None else tuple(upstream.shape)
    if tuple(getattr(value, "shape", ())) != shape:
        return None
    return ns.run(gradient, function, args, wrt, upstream)
