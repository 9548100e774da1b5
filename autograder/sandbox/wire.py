"""Messages on the pipe: JSON and raw arrays, nothing that runs code when it is read.

One message is a header (two unsigned 32-bit lengths), a JSON document and a blob. Arrays lie in the
blob; the document says type, shape, place and memory layout. The reader trusts nothing: lengths,
nesting, types and shapes are checked before anything is allocated.
"""

from __future__ import annotations

import json
import math
import socket
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.sandbox import limits
from unrolled.arrays import is_tensor, layout, with_layout

HEADER = struct.Struct("!II")
DTYPES = {
    np.dtype(t).str: np.dtype(t)
    for t in ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")
}
TAG = "$"


class ProtocolError(Exception):
    """The other side sent something that is not a message of this protocol."""


class Closed(ProtocolError):
    """The other side closed the pipe (its process ended)."""


@dataclass(frozen=True)
class Handle:
    """An object that stays on the student's side."""

    id: int


@dataclass(frozen=True)
class Opaque:
    """A result that is no plain data; only the name of its type crosses."""

    type_name: str


@dataclass(frozen=True)
class Foreign:
    """An object that stays on the judge's side; the student's side can only hand it back."""

    id: int


@dataclass(frozen=True)
class Function:
    """A function of the judge that the student's side may call."""

    id: int


REFERENCES = {c.__name__.lower(): c for c in (Handle, Foreign, Function)}


def encode(value: Any, blobs: list[bytes], other: Callable[[Any], Any] | None = None) -> Any:
    """Turn ``value`` into JSON data; array bytes go to ``blobs``.

    ``other`` is asked about anything that is not plain data; it returns something that is.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value)
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.dtype.itemsize > 8:
        value = value.astype(np.float64)  # long double
    if isinstance(value, np.ndarray) and value.dtype.newbyteorder("=").str in DTYPES:
        native = value.astype(value.dtype.newbyteorder("="), copy=False)
        entry = [native.dtype.str, list(native.shape), sum(map(len, blobs)), layout(value)]
        blobs.append(np.ascontiguousarray(native).tobytes())
        return {TAG: "array", "v": entry}
    if is_tensor(value):
        array = tensor_values(value)
        if array is None:
            return {TAG: "opaque", "v": type_name(value)}
        return {TAG: "tensor", "v": encode(array, blobs)}
    if isinstance(value, np.random.Generator):
        return {TAG: "generator", "v": encode(value.bit_generator.state, blobs)}
    if isinstance(value, list | tuple):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {TAG: kind, "v": [encode(v, blobs, other) for v in value]}
    if isinstance(value, dict) and all(isinstance(k, str | int) for k in value):
        return {TAG: "dict", "v": [[k, encode(v, blobs, other)] for k, v in value.items()]}
    if isinstance(value, Handle | Foreign | Function):
        return {TAG: type(value).__name__.lower(), "v": value.id}
    if isinstance(value, Opaque):
        return {TAG: "opaque", "v": value.type_name}
    if other is not None:
        return encode(other(value), blobs)
    return {TAG: "opaque", "v": type_name(value)}


def tensor_values(value: Any) -> np.ndarray | None:
    """The numbers of a tensor of an ordinary kind, else None."""
    try:
        array = value.detach().cpu().numpy()
    except (TypeError, RuntimeError, NotImplementedError):  # sparse, bfloat16, without storage
        return None
    return array if isinstance(array, np.ndarray) and array.dtype.str in DTYPES else None


def as_tensor(value: Any) -> Any:
    """A tensor with these numbers, where torch is in use; else only the name of the type."""
    torch = sys.modules.get("torch")
    return torch.from_numpy(value) if torch else Opaque("Tensor")


def as_generator(state: Any) -> np.random.Generator:
    """A generator of its own in this state."""
    generator = np.random.PCG64()
    try:
        generator.state = state
    except (TypeError, ValueError, LookupError, OverflowError):
        raise ProtocolError("not a generator of the protocol") from None
    return np.random.Generator(generator)


def type_name(value: Any) -> str:
    """The name of a value's type, with the element type for arrays that do not cross."""
    name = type(value).__name__
    return f"{name} of {value.dtype}" if isinstance(value, np.ndarray) else name


class Blob:
    """The arrays' part of a message. Every byte is taken once at most.

    Otherwise a short message could describe many arrays at one place and fill the reader's memory.
    """

    def __init__(self, data: bytes):
        self._data, self._taken = data, 0

    def take(self, dtype: np.dtype, count: int, start: int) -> np.ndarray:
        """``count`` elements from byte ``start``; raises ProtocolError if they are not there."""
        end = start + count * dtype.itemsize
        if start < self._taken or end > len(self._data):
            raise ProtocolError("an array that does not fit its message")
        self._taken = end
        return np.frombuffer(self._data, dtype, count, start)


def decode(data: Any, blob: bytes, other: Callable[[Any], Any] | None = None) -> Any:
    """The inverse of :func:`encode`. ``other`` maps references to what they stand for.

    Raises:
        ProtocolError: ``data`` is not what :func:`encode` makes.
    """
    return _decode(data, Blob(blob), other, 0)


def _decode(data: Any, blob: Blob, other: Callable[[Any], Any] | None, depth: int) -> Any:
    if data is None or isinstance(data, bool | int | float | str):
        return data
    if depth > limits.NESTING or not isinstance(data, dict) or set(data) != {TAG, "v"}:
        raise ProtocolError("not a value of the protocol")
    tag, v = data[TAG], data["v"]
    if tag == "array":
        return decode_array(v, blob)
    if tag == "tensor":
        array = _decode(v, blob, None, depth + 1)
        if not isinstance(array, np.ndarray):
            raise ProtocolError("not a tensor of the protocol")
        return as_tensor(array)
    if tag == "generator":
        return as_generator(_decode(v, blob, None, depth + 1))
    if tag in ("list", "tuple") and isinstance(v, list):
        items = [_decode(x, blob, other, depth + 1) for x in v]
        return items if tag == "list" else tuple(items)
    if tag == "dict" and isinstance(v, list):
        if not all(isinstance(p, list) and len(p) == 2 and isinstance(p[0], str | int) for p in v):
            raise ProtocolError("not a dict of the protocol")
        return {k: _decode(x, blob, other, depth + 1) for k, x in v}
    if tag == "opaque" and isinstance(v, str):
        return Opaque("".join(c for c in v[:80] if c.isprintable()))
    if isinstance(tag, str) and tag in REFERENCES and type(v) is int:
        value = REFERENCES[tag](v)
        return other(value) if other else value
    raise ProtocolError("not a value of the protocol")


def decode_array(entry: Any, blob: Blob) -> np.ndarray:
    """An array of its own from its description and the blob; see :func:`decode`."""
    try:
        code, shape, start, kind = entry
        dtype = DTYPES[code]
    except (TypeError, ValueError, KeyError):
        raise ProtocolError("not an array of the protocol") from None
    good = (
        isinstance(shape, list)
        and len(shape) <= limits.DIMENSIONS
        and all(type(n) is int and 0 <= n <= limits.BLOB_BYTES for n in shape)
        and type(start) is int
        and kind in ("C", "F", "strided")
        and not (kind == "strided" and not shape)
    )
    if not good:
        raise ProtocolError("not an array of the protocol")
    flat = blob.take(dtype, math.prod(shape), start)
    try:
        return with_layout(flat.reshape(shape), kind)
    except (ValueError, MemoryError):  # an empty array whose axes numpy cannot multiply
        raise ProtocolError("not an array of the protocol") from None


def send(sock: socket.socket, document: dict[str, Any], blobs: list[bytes]) -> None:
    """Send one message; ``document`` is JSON data in which :func:`encode` was used."""
    text = json.dumps(document).encode()
    sock.sendall(HEADER.pack(len(text), sum(map(len, blobs))) + text + b"".join(blobs))


def receive(sock: socket.socket, deadline: float | None = None) -> tuple[dict[str, Any], bytes]:
    """Receive one message.

    Args:
        deadline: on ``time.monotonic()``; None waits for ever.

    Raises:
        TimeoutError: the deadline passed.
        Closed: the pipe was closed.
        ProtocolError: what came is not a message.
    """
    text_length, blob_length = HEADER.unpack(receive_exactly(sock, HEADER.size, deadline))
    if text_length > limits.HEADER_BYTES or blob_length > limits.BLOB_BYTES:
        raise ProtocolError("a message that is too large")
    text = receive_exactly(sock, text_length, deadline)
    blob = receive_exactly(sock, blob_length, deadline)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise ProtocolError("a message that is not JSON") from None
    if not isinstance(document, dict):
        raise ProtocolError("a message that is not an object")
    return document, blob


def receive_exactly(sock: socket.socket, size: int, deadline: float | None) -> bytes:
    """``size`` bytes from the socket; raises like :func:`receive`."""
    data = bytearray()
    while len(data) < size:
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            sock.settimeout(left)
        try:
            part = sock.recv(min(size - len(data), 2**20))
        except ConnectionError:
            raise Closed("the process ended") from None
        if not part:
            raise Closed("the process ended")
        data += part
    return bytes(data)
