"""RLP read strictly, and written: what trie nodes and block headers are made of (Ethereum yellow paper, appendix B).

Promises: each value has one spelling; a length with a leading zero, a long form where a short one would do, a single
byte below 0x80 with a prefix, and bytes after the value are refused. Reading takes time in proportion to the bytes.
Does not: know what an item means.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from ledger_service.errors import InvalidProofError

Item: TypeAlias = "bytes | list[Item]"

DEPTH_MAX = 4  # a node that is embedded in a node holds at most lists in lists; headers hold none
_SHORT = 55  # bytes of the longest content whose length stands in the prefix itself


def decode_item(data: bytes) -> Item:
    """Return the one item that `data` is.

    Raises:
        InvalidProofError: Not one item in its one spelling, or lists deeper than `DEPTH_MAX`.
    """
    item, end = _read(data, 0, len(data), 0)
    if end != len(data):
        raise InvalidProofError(f"RLP: {len(data) - end} bytes stand after the item")
    return item


def decode_list(data: bytes) -> list[Item]:
    """Return the items of the list that `data` is.

    Raises:
        InvalidProofError: As `decode_item`, or no list.
    """
    item = decode_item(data)
    if isinstance(item, bytes):
        raise InvalidProofError("RLP: a list is expected")
    return item


def encode_item(item: bytes | Sequence[Item]) -> bytes:
    """Return the RLP of bytes, or of a sequence of items."""
    if isinstance(item, bytes):
        if len(item) == 1 and item[0] < 0x80:
            return item
        return _prefix(0x80, len(item)) + item
    content = b"".join(encode_item(one) for one in item)
    return _prefix(0xC0, len(content)) + content


def encode_number(value: int) -> bytes:
    """Return the content of a number of 0 or more: big-endian, without leading zeros; 0 is no bytes."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def decode_number(item: Item, *, bits: int = 64) -> int:
    """Return the number that an item holds.

    Raises:
        InvalidProofError: A list, a leading zero, or more than `bits` bits.
    """
    if not isinstance(item, bytes) or item[:1] == b"\0" or len(item) * 8 > bits:
        raise InvalidProofError(f"RLP: a number of at most {bits} bits without leading zeros is expected")
    return int.from_bytes(item, "big")


def _prefix(short: int, length: int) -> bytes:
    if length <= _SHORT:
        return bytes([short + length])
    digits = encode_number(length)
    return bytes([short + _SHORT + len(digits)]) + digits


def _read(data: bytes, start: int, end: int, depth: int) -> tuple[Item, int]:
    """Return the item that begins at `start`, and where it ends, which is at most `end`."""
    if start >= end:
        raise InvalidProofError("RLP: an item is cut off")
    first = data[start]
    if first < 0x80:
        return data[start : start + 1], start + 1
    base = 0x80 if first < 0xC0 else 0xC0
    content, stop = _content(data, start, end, first - base)
    if base == 0x80:
        if stop - content == 1 and data[content] < 0x80:
            raise InvalidProofError("RLP: a byte below 0x80 stands for itself, without a prefix")
        return data[content:stop], stop
    if depth == DEPTH_MAX:
        raise InvalidProofError(f"RLP: lists are nested deeper than {DEPTH_MAX}")
    items: list[Item] = []
    while content < stop:
        item, content = _read(data, content, stop, depth + 1)
        items.append(item)
    return items, stop


def _content(data: bytes, start: int, end: int, kind: int) -> tuple[int, int]:
    """Return where the content of the item at `start` begins and ends; `kind` is its first byte above the base."""
    content, length = start + 1, kind
    if kind > _SHORT:
        content = start + 1 + kind - _SHORT
        digits = data[start + 1 : min(content, end)]
        if len(digits) < kind - _SHORT:
            raise InvalidProofError("RLP: a length is cut off")
        length = int.from_bytes(digits, "big")
        if digits[0] == 0 or length <= _SHORT:
            raise InvalidProofError("RLP: a length is not in its shortest form")
    if length > end - content:
        raise InvalidProofError("RLP: an item is cut off")
    return content, content + length
