"""The pipe: what goes in comes out, and nothing that comes in can do more than be refused."""

import json
import math
import socket
import sys
import time
from collections import namedtuple

import numpy as np
import pytest
import torch

from autograder.sandbox import limits, wire

VALUES = [
    None,
    True,
    -7,
    2**70,
    0.1,
    math.inf,
    "text ✓",
    (1, [2.5, None], "a"),
    {"W": np.arange(6.0).reshape(2, 3), 3: (1,)},
    np.array(3.5),
    np.zeros((0, 4)),
    np.array([[True, False]]),
    np.arange(24, dtype=np.int16).reshape(2, 3, 4).transpose(2, 0, 1),
    np.asfortranarray(np.random.default_rng(0).normal(size=(3, 4))),
    np.random.default_rng(0).normal(size=(3, 8))[:, ::2],
    np.array([1.5, np.nan, -np.inf], dtype=">f8"),
]


def round_trip(value):
    a, b = socket.socketpair()
    with a, b:
        blobs = []
        wire.send(a, {"id": 1, "value": wire.encode(value, blobs)}, blobs)
        document, blob = wire.receive(b, time.monotonic() + 5)
        return wire.decode(document["value"], blob)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_plain_data_comes_back_equal(value):
    back = round_trip(value)
    assert type(back) is type(value)
    np.testing.assert_equal(back, value)


def test_arrays_keep_type_and_layout_and_can_be_written():
    for array in (VALUES[-3], VALUES[-2], VALUES[9]):
        back = round_trip(array)
        assert back.flags.c_contiguous == array.flags.c_contiguous
        assert back.flags.f_contiguous == array.flags.f_contiguous
        assert back.dtype == array.dtype
        back[...] = 0


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(6).reshape(2, 3),
        torch.tensor(2.5, requires_grad=True),
        torch.ones(3, 2, dtype=torch.float64).T,
        torch.tensor([True, False]),
        torch.zeros(0, 4, dtype=torch.float32),
        torch.nn.Parameter(torch.ones(2)),
    ],
    ids=str,
)
def test_tensors_cross_with_type_and_shape_and_without_a_graph(tensor):
    back = round_trip([tensor])[0]
    assert type(back) is torch.Tensor
    assert back.dtype == tensor.dtype
    assert torch.equal(back, tensor.detach())
    assert not back.requires_grad


@pytest.mark.parametrize(
    "tensor",
    [
        torch.ones(2, dtype=torch.bfloat16),
        torch.ones(2, dtype=torch.complex64),
        torch.ones(2).to_sparse(),
        torch.ones(2, device="meta"),
    ],
    ids=str,
)
def test_other_tensors_cross_as_the_name_of_their_type(tensor):
    assert round_trip(tensor) == wire.Opaque("Tensor")


def test_a_tensor_is_only_a_name_where_torch_is_not_in_use(monkeypatch):
    blobs = []
    data = wire.encode(torch.ones(2), blobs)
    monkeypatch.delitem(sys.modules, "torch")
    assert wire.decode(data, b"".join(blobs)) == wire.Opaque("Tensor")


def test_a_generator_crosses_in_its_state():
    rng = np.random.default_rng(3)
    rng.random(5)
    back = round_trip(rng)
    assert back.random(4).tolist() == rng.random(4).tolist()


@pytest.mark.parametrize(
    "data",
    [
        {"$": "tensor", "v": 3},
        {"$": "tensor", "v": {"$": "list", "v": []}},
        {"$": "generator", "v": 3},
        {"$": "generator", "v": {"$": "dict", "v": [["bit_generator", "PCG64"]]}},
        {"$": "generator", "v": {"$": "dict", "v": [["bit_generator", "MT19937"]]}},
    ],
)
def test_false_tensors_and_generators_are_refused(data):
    with pytest.raises(wire.ProtocolError):
        wire.decode(data, b"")


def test_named_tuples_and_long_doubles_cross_as_plain_ones():
    pair = namedtuple("pair", "a b")(1, np.longdouble([1.5, 2.5]))
    back = round_trip(pair)
    assert type(back) is tuple
    np.testing.assert_equal(back[1], np.array([1.5, 2.5]))
    assert back[1].dtype == np.float64


def test_what_is_no_plain_data_crosses_as_the_name_of_its_type():
    class Loss:
        pass

    assert round_trip(Loss()) == wire.Opaque("Loss")
    assert round_trip(np.array([object()])) == wire.Opaque("ndarray of object")
    assert round_trip({(1, 2): 3}) == wire.Opaque("dict")
    assert round_trip(1j) == wire.Opaque("complex")


ARRAY = ["<f8", [2], 0, "C"]


@pytest.mark.parametrize(
    "data",
    [
        [1, 2],
        {"$": "array"},
        {"$": "array", "v": None},
        {"$": "array", "v": ["<f8", [2], 0]},
        {"$": "array", "v": ["|O", [2], 0, "C"]},
        {"$": "array", "v": ["<c16", [1], 0, "C"]},
        {"$": "array", "v": [["<f8"], [2], 0, "C"]},
        {"$": "array", "v": ["<f8", [-2], 0, "C"]},
        {"$": "array", "v": ["<f8", [2.0], 0, "C"]},
        {"$": "array", "v": ["<f8", [True], 0, "C"]},
        {"$": "array", "v": ["<f8", [2], -8, "C"]},
        {"$": "array", "v": ["<f8", [2], 8, "C"]},
        {"$": "array", "v": ["<f8", [2], 2**70, "C"]},
        {"$": "array", "v": ["<f8", [2**40, 2**40], 0, "C"]},
        {"$": "array", "v": ["<f8", [1] * 40, 0, "C"]},
        {"$": "array", "v": ["<f8", [2], 0, "Z"]},
        {"$": "array", "v": ["<f8", [2], 0, "strided"], "x": 1},
        {"$": "array", "v": ["<f8", [], 0, "strided"]},
        {"$": "array", "v": ["<f8", [2**26] * 7 + [0], 0, "strided"]},
        {"$": ["array"], "v": 1},
        {"$": "tuple", "v": [{"$": "array", "v": ["<f8", [2], 0, "C"]}] * 2},
        {"$": "list", "v": "text"},
        {"$": "dict", "v": [[1]]},
        {"$": "dict", "v": [[None, 1]]},
        {"$": "handle", "v": True},
        {"$": "handle", "v": "0"},
        {"$": "pickle", "v": "gASVCQ=="},
    ],
    ids=str,
)
def test_what_encode_does_not_make_is_refused(data):
    with pytest.raises(wire.ProtocolError):
        wire.decode(data, bytes(16))


def test_nesting_is_bounded():
    deep = 1
    for _ in range(limits.NESTING + 2):
        deep = {"$": "list", "v": [deep]}
    with pytest.raises(wire.ProtocolError):
        wire.decode(deep, b"")


def frame(text, blob=b"", claimed=None):
    sizes = claimed or (len(text), len(blob))
    return wire.HEADER.pack(*sizes) + text + blob


@pytest.mark.parametrize(
    "data",
    [
        frame(b"not json"),
        frame(b"[1, 2]"),
        frame(b"\xff\xfe"),
        frame(b"[" * 100_000),
        frame(b'{"a": ' * 5000 + b"1" + b"}" * 5000),
        frame(b'{"id": ' + b"9" * 5000 + b"}"),
        frame(b"{}", claimed=(limits.HEADER_BYTES + 1, 0)),
        frame(b"{}", claimed=(2, limits.BLOB_BYTES + 1)),
    ],
    ids=range(8),
)
def test_bytes_that_are_no_message_are_refused(data):
    a, b = socket.socketpair()
    with a, b:
        a.sendall(data)
        with pytest.raises(wire.ProtocolError):
            wire.decode(*wire.receive(b, time.monotonic() + 5))


def test_a_message_that_stops_in_the_middle_times_out_or_is_closed():
    a, b = socket.socketpair()
    with b:
        a.sendall(frame(b'{"id": 1}')[:-1])
        with pytest.raises(TimeoutError):
            wire.receive(b, time.monotonic() + 0.05)
        a.close()
        with pytest.raises(wire.Closed):
            wire.receive(b, time.monotonic() + 5)


def test_random_bytes_never_do_anything_else():
    rng = np.random.default_rng(5)
    whole = frame(json.dumps({"id": 1, "value": {"$": "array", "v": ARRAY}}).encode(), bytes(16))
    refused = 0
    for _ in range(300):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), size=3):
            data[place] = rng.integers(0, 256)
        a, b = socket.socketpair()
        with b:
            with a:
                a.sendall(bytes(data))
            try:
                document, blob = wire.receive(b, time.monotonic() + 5)
                wire.decode(document.get("value"), blob)
            except wire.ProtocolError:
                refused += 1
    assert refused > 100
