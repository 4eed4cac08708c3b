"""IRHeader, pack and unpack: MXNet's bytes, and labels that float32 would change."""

from __future__ import annotations

import hashlib
import math
import struct
from typing import Any

import numpy as np
import pytest
from conftest import GOLDEN
from hypothesis import given
from hypothesis import strategies as st

from rectool import HeaderError, IRHeader, LimitError, RecordReader, pack, unpack

ids = st.integers(0, 2**64 - 1)
float32s = st.floats(width=32)


@pytest.mark.parametrize("name", ["labels", "images", "faces"])
def test_golden_headers(name: str, expected: dict[str, Any]) -> None:
    with RecordReader(GOLDEN / f"{name}.rec") as reader:
        for record, entry in zip(reader, expected[name], strict=True):
            header, payload = unpack(record)
            assert (header.flag, header.id, header.id2) == (
                entry["flag"],
                entry["id"],
                entry["id2"],
            )
            assert np.asarray(header.label).tolist() == entry["label"]
            assert len(payload) == entry["payload_size"]
            assert hashlib.sha256(payload).hexdigest() == entry["payload_sha256"]
            assert pack(header, payload) == record


@given(float32s, ids, ids, st.binary(max_size=40))
def test_a_number_is_the_headers_own_label(label: float, id_: int, id2: int, tail: bytes) -> None:
    record = pack(IRHeader(9, label, id_, id2), tail)
    assert record == struct.pack("<IfQQ", 0, label, id_, id2) + tail
    header, payload = unpack(record)
    assert (header.flag, header.id, header.id2, payload) == (0, id_, id2, tail)
    assert header.label == label or math.isnan(label)


@given(st.lists(float32s, min_size=1, max_size=260), ids, st.binary(max_size=40))
def test_a_sequence_is_a_label_vector(labels: list[float], id_: int, tail: bytes) -> None:
    record = pack((0, labels, id_, 0), tail)
    values = struct.pack(f"<{len(labels)}f", *labels)
    assert record == struct.pack("<IfQQ", len(labels), 0.0, id_, 0) + values + tail
    header, payload = unpack(record)
    assert header.flag == len(labels)
    assert header.label.tobytes() == values
    assert (header.label.dtype, payload) == (np.float32, tail)
    assert not header.label.flags.writeable


def test_labels_of_any_kind() -> None:
    assert unpack(pack(IRHeader(0, True, 1, 0), b""))[0].label == 1.0
    assert unpack(pack(IRHeader(0, np.int64(5), 1, 0), b""))[0] == (0, 5.0, 1, 0)
    matrix = np.arange(6, dtype=np.float64).reshape(2, 3)
    assert unpack(pack(IRHeader(0, matrix, 1, 0), b""))[0].label.tolist() == [0, 1, 2, 3, 4, 5]
    assert unpack(pack(IRHeader(0, np.array(3.0), 1, 0), b""))[0].flag == 1  # as in MXNet
    assert unpack(pack(IRHeader(0, [], 1, 0), b"x"))[0].flag == 0  # as in MXNet


@pytest.mark.parametrize("label", [2**24 + 1, 17186135, 17186135.0, -(2**24) - 1, 2**31 - 1])
@pytest.mark.parametrize("wrap", [lambda label: label, lambda label: [0, label], np.int64])
def test_whole_numbers_that_float32_would_change_are_refused(label: float, wrap: Any) -> None:
    with pytest.raises(LimitError, match="float32"):
        pack(IRHeader(0, wrap(label), 0, 0), b"")


@pytest.mark.parametrize("label", [2**24, -(2**24), 2**24 + 2, 2**30, 3.4e38, 0.1, math.inf])
def test_labels_that_float32_can_hold_or_round(label: float) -> None:
    assert unpack(pack(IRHeader(0, label, 0, 0), b""))[0].label == np.float32(label)
    assert unpack(pack(IRHeader(0, [label], 0, 0), b""))[0].label[0] == np.float32(label)


@pytest.mark.parametrize("label", [1e39, -1e300, [1.0, 1e39], 10**400], ids=["a", "b", "c", "d"])
def test_labels_too_large_for_float32(label: Any) -> None:
    with pytest.raises(LimitError, match="too large for float32"):
        pack(IRHeader(0, label, 0, 0), b"")


@pytest.mark.parametrize("header", [(0, 1.0, -1, 0), (0, 1.0, 2**64, 0), (0, 1.0, 0, -1)])
def test_ids_are_64_bits(header: tuple[int, float, int, int]) -> None:
    with pytest.raises(LimitError, match=r"id2? must be 0 to 18446744073709551615, got -?\d+"):
        pack(header, b"")


@pytest.mark.parametrize("label", [None, [1, None], np.datetime64("2020"), "cat", {}])
def test_a_label_that_is_no_number_is_no_nan(label: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        pack(IRHeader(0, label, 0, 0), b"")


@pytest.mark.parametrize(("id_", "id2"), [("7", 0), (7.0, 0), (0, None)])
def test_an_id_that_is_no_whole_number_is_named(id_: Any, id2: Any) -> None:
    with pytest.raises(TypeError, match=r"id2? must be a whole number, got ('7'|7.0|None)"):
        pack(IRHeader(0, 1.0, id_, id2), b"")


@pytest.mark.parametrize("size", range(24))
def test_too_short_for_a_header(size: int) -> None:
    with pytest.raises(HeaderError, match=f"{size} bytes"):
        unpack(b"\0" * size)


def test_too_short_for_its_labels() -> None:
    record = pack(IRHeader(0, [1, 2, 3], 0, 0), b"")
    with pytest.raises(HeaderError, match="3 labels, 36 bytes in all, but the record has 35"):
        unpack(record[:-1])


def test_views_are_not_copied() -> None:
    record = pack(IRHeader(0, [1, 2], 5, 0), b"payload")
    _, payload = unpack(memoryview(record))
    assert isinstance(payload, memoryview)
    assert payload.obj is record
    assert payload == b"payload"
