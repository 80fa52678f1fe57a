"""Mutations of a file's bytes, whatever they mean."""

from __future__ import annotations

import re
import unicodedata

from tests.campaigns.receipts.draw import Draw, kind

_LOOKALIKE = str.maketrans({"a": "а", "c": "с", "e": "е", "o": "о", "p": "р", "x": "х", "1": "１", "0": "０", "-": "‐"})
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff", b"+/v8-", "\u200b".encode(), b"\xc2\xa0")
_CODECS = (
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "utf-32-le",
    "utf-32-be",
    "utf-7",
    "cp1252",
    "gb18030",
    "cp500",
)


def splice(data: bytes, start: int, end: int, new: bytes) -> bytes:
    """Return the bytes with [start, end) replaced."""
    return data[:start] + new + data[end:]


def place(draw: Draw) -> int:
    """Return a place in the file, half of the time in its first quarter, where the short members stand."""
    size = len(draw.base.data)
    return draw.rng.randrange(size if draw.rng.random() < 0.5 else max(size // 4, 1))


@kind
def bit_flipped(draw: Draw) -> bytes:
    at = place(draw)
    return splice(draw.base.data, at, at + 1, bytes([draw.base.data[at] ^ 1 << draw.rng.randrange(8)]))


@kind
def byte_deleted(draw: Draw) -> bytes:
    at = place(draw)
    return splice(draw.base.data, at, at + 1, b"")


@kind
def byte_inserted(draw: Draw) -> bytes:
    at = place(draw)
    return splice(draw.base.data, at, at, draw.rng.choice([draw.rng.randbytes(1), b"0", b'"', b",", b"\\", b"}"]))


@kind
def byte_doubled(draw: Draw) -> bytes:
    at = place(draw)
    return splice(draw.base.data, at, at, draw.base.data[at : at + 1])


@kind
def byte_replaced(draw: Draw) -> bytes:
    at = place(draw)
    return splice(draw.base.data, at, at + 1, draw.rng.randbytes(1))


@kind
def digit_changed(draw: Draw) -> bytes:
    at = draw.rng.choice([match.start() for match in re.finditer(rb"[0-9a-f]", draw.base.data)])
    return splice(draw.base.data, at, at + 1, draw.rng.choice(b"0123456789abcdef".decode()).encode())


@kind
def letter_case_changed(draw: Draw) -> bytes:
    at = draw.rng.choice([match.start() for match in re.finditer(rb"[a-zA-Z]", draw.base.data)])
    return splice(draw.base.data, at, at + 1, draw.base.data[at : at + 1].swapcase())


@kind
def neighbours_swapped(draw: Draw) -> bytes:
    at = min(place(draw), len(draw.base.data) - 2)
    return splice(draw.base.data, at, at + 2, draw.base.data[at : at + 2][::-1])


@kind
def run_deleted(draw: Draw) -> bytes:
    at = place(draw)
    return splice(draw.base.data, at, at + draw.rng.randint(2, 200), b"")


@kind
def run_doubled(draw: Draw) -> bytes:
    at, length = place(draw), draw.rng.randint(2, 200)
    return splice(draw.base.data, at, at, draw.base.data[at : at + length])


@kind
def run_moved(draw: Draw) -> bytes:
    at, length = place(draw), draw.rng.randint(2, 100)
    run, rest = draw.base.data[at : at + length], splice(draw.base.data, at, at + length, b"")
    to = draw.rng.randrange(len(rest))
    return splice(rest, to, to, run)


@kind
def run_from_another(draw: Draw) -> bytes:
    at, length = place(draw), draw.rng.randint(8, 400)
    return splice(draw.base.data, at, at + length, draw.another().data[at : at + length])


@kind
def line_removed(draw: Draw) -> bytes:
    lines = draw.base.data.splitlines(keepends=True)
    lines.pop(draw.rng.randrange(len(lines)))
    return b"".join(lines)


@kind
def line_doubled(draw: Draw) -> bytes:
    lines = draw.base.data.splitlines(keepends=True)
    at = draw.rng.randrange(len(lines))
    return b"".join([*lines[: at + 1], *lines[at:]])


@kind
def truncated(draw: Draw) -> bytes:
    return draw.base.data[: place(draw)]


@kind
def beginning_cut(draw: Draw) -> bytes:
    return draw.base.data[1 + place(draw) :]


@kind
def something_after_the_end(draw: Draw) -> bytes:
    more = [b"\x00", b"}", b"]", b"x", b"{}", b"null", b"\x1a", b"//", b",", b"\x0c", "\u2028".encode(), draw.base.data]
    return draw.base.data + draw.rng.choice(more) + b"\n" * draw.rng.randrange(3)


@kind
def something_before_the_beginning(draw: Draw) -> bytes:
    more = [b"\x00", b"{", b"[", b"x", b"{}", b"null ", b")]}'\n", b"//\n", b"#!\n", b"\x1e", draw.base.data]
    return b"\n" * draw.rng.randrange(3) + draw.rng.choice(more) + draw.base.data


@kind
def byte_order_mark(draw: Draw) -> bytes:
    return draw.rng.choice(_BOMS) + draw.base.data


@kind
def other_encoding(draw: Draw) -> bytes:
    return draw.base.data.decode().encode(draw.rng.choice(_CODECS), errors="replace")


@kind
def nul_inserted(draw: Draw) -> bytes:
    at = place(draw)
    return splice(draw.base.data, at, at, draw.rng.choice([b"\x00", b"\\u0000", b"\x00" * 40]))


@kind
def control_character_inserted(draw: Draw) -> bytes:
    at = place(draw)
    return splice(draw.base.data, at, at, bytes([draw.rng.choice([1, 8, 11, 12, 27, 31, 127, 0x85])]))


@kind
def broken_utf8(draw: Draw) -> bytes:
    at = place(draw)
    byte = draw.base.data[at]
    overlong = [bytes([0xC0 | byte >> 6, 0x80 | byte & 0x3F]), bytes([0xE0, 0x80 | byte >> 6, 0x80 | byte & 0x3F])]
    broken = [b"\xed\xa0\x80", b"\xed\xa0\xbd\xed\xb8\x80", b"\xf5\x80\x80\x80", b"\x80", b"\xfe", b"\xc3"]
    return splice(draw.base.data, at, at + 1, draw.rng.choice([*overlong, *broken]))


@kind
def lookalike_letter(draw: Draw) -> bytes:
    text = draw.base.data.decode()
    at = draw.rng.choice([n for n, letter in enumerate(text) if letter.translate(_LOOKALIKE) != letter])
    return (text[:at] + text[at].translate(_LOOKALIKE) + text[at + 1 :]).encode()


@kind
def other_normal_form(draw: Draw) -> bytes:
    text = draw.base.data.decode()
    form = draw.rng.choice(["NFD", "NFKD", "combining", "bidi"])
    if form == "NFD":
        return unicodedata.normalize("NFD", text).encode()
    if form == "NFKD":
        return unicodedata.normalize("NFKD", text).encode()
    at = draw.rng.randrange(len(text))
    mark = "\u0301" if form == "combining" else draw.rng.choice("\u202e\u200b\u200d\u2066\ufeff\u00ad")
    return (text[:at] + mark + text[at:]).encode()
