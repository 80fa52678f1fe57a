"""RLP: the same bytes as the package `rlp`, and every other spelling refused."""

from __future__ import annotations

import pytest
import rlp
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.core.rlp_items import (
    DEPTH_MAX,
    Item,
    decode_item,
    decode_list,
    decode_number,
    encode_item,
    encode_number,
)
from ledger_service.errors import InvalidProofError

_BYTES = st.binary(max_size=80) | st.binary(min_size=250, max_size=300)
_ITEMS = st.recursive(_BYTES, lambda inner: st.lists(inner, max_size=5), max_leaves=12)


def depth(item: Item) -> int:
    return 0 if isinstance(item, bytes) else 1 + max((depth(one) for one in item), default=0)


@given(_ITEMS)
def test_bytes_are_those_of_the_package_and_are_read_back(item: Item) -> None:
    encoded = encode_item(item)
    assert encoded == rlp.encode(item)
    if depth(item) <= DEPTH_MAX:
        assert decode_item(encoded) == item


@given(st.binary(max_size=40))
def test_whatever_is_read_has_no_other_spelling(data: bytes) -> None:
    try:
        item = decode_item(data)
    except InvalidProofError:
        return
    assert encode_item(item) == data


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("", "cut off"),
        ("8100", "stands for itself"),
        ("817f", "stands for itself"),
        ("82ff", "cut off"),
        ("c2ff", "cut off"),
        ("c181", "cut off"),
        ("b801ff", "shortest form"),
        ("b800", "shortest form"),
        ("b90038" + "aa" * 56, "shortest form"),
        ("b8", "length is cut off"),
        ("bfff", "length is cut off"),
        ("bfffffffffffffffff", "cut off"),
        ("f800", "shortest form"),
        ("f90038" + "80" * 56, "shortest form"),
        ("8080", "after the item"),
        ("c0c0", "after the item"),
        ("c5c4c3c2c1c0", "deeper"),
        ("c282ffff", "cut off"),
    ],
)
def test_another_spelling_is_refused(data: str, why: str) -> None:
    with pytest.raises(InvalidProofError, match=why):
        decode_item(bytes.fromhex(data))


def test_a_list_is_no_text() -> None:
    with pytest.raises(InvalidProofError, match="a list is expected"):
        decode_list(b"\x80")
    assert decode_list(b"\xc1\x80") == [b""]


@given(st.integers(min_value=0, max_value=2**64 - 1))
def test_a_number_has_one_spelling(value: int) -> None:
    assert decode_number(encode_number(value)) == value


@pytest.mark.parametrize("item", [b"\0", b"\0\1", bytes([1]) + bytes(8), []])
def test_another_number_is_refused(item: Item) -> None:
    with pytest.raises(InvalidProofError, match="number"):
        decode_number(item)
