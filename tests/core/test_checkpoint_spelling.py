"""A note has one spelling: each other way to write its numbers, hashes and lines is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ledger_service.core.checkpoint import (
    parse_checkpoint,
    parse_verifier_key,
    verify_checkpoint,
)
from ledger_service.core.merkle import SIZE_MAX
from ledger_service.errors import CheckpointFormatError
from tests.core.notes import KEY, LINE, NOTE, ORIGIN, TEXT, encoded, note


@pytest.mark.parametrize(
    "size",
    [
        "",
        "042",
        "00",
        "+42",
        "-42",
        "-0",
        " 42",
        "42 ",
        "4_2",
        "4e1",
        "42.0",
        "0x2a",
        "٤٢",
        "4２",
        str(SIZE_MAX + 1),
        "9" * 20,
        "1" * 10_000,
    ],
    ids=lambda s: s[:24],
)
def test_a_size_has_one_spelling_within_its_range(size: str) -> None:
    for good in ("0", "42", str(SIZE_MAX)):
        assert str(parse_checkpoint(note(TEXT.replace("\n42\n", f"\n{good}\n"), LINE))[0].size) == good
    with pytest.raises(CheckpointFormatError):
        parse_checkpoint(note(TEXT.replace("\n42\n", f"\n{size}\n"), LINE))


ROOT = encoded(bytes(range(32)))
BASE64: list[Callable[[str], str]] = [
    lambda s: s.rstrip("="),
    lambda s: s + "=",
    lambda s: s + "\t",
    lambda s: s + "A",
    lambda s: s[:10] + " " + s[10:],
    lambda s: s[:10] + "\r" + s[10:],
    lambda s: s[:10] + "=" + s[10:],
    lambda s: s[:10] + "-_" + s[12:],
    lambda s: s[:-2] + chr(ord(s[-2]) + 1) + "=",  # bits that say nothing
    lambda s: s[:-1] + "é",
    lambda s: "",
    lambda s: "=",
]


@pytest.mark.parametrize("respell", BASE64, ids=range(len(BASE64)))
def test_base64_has_one_spelling_in_roots_signatures_and_keys(respell: Callable[[str], str]) -> None:
    name, key_id, public = KEY.encode().split("+", 2)
    parts = LINE.split(" ")

    with pytest.raises(CheckpointFormatError):
        parse_checkpoint(note(TEXT.replace(ROOT, respell(ROOT)), LINE))
    with pytest.raises(CheckpointFormatError):
        parse_checkpoint(note(TEXT, " ".join([*parts[:2], respell(parts[2])])))
    if respell(public) != public:  # 33 bytes need no padding, so none can be left out
        with pytest.raises(CheckpointFormatError):
            parse_verifier_key(f"{name}+{key_id}+{respell(public)}")


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_root_is_32_bytes(length: int) -> None:
    with pytest.raises(CheckpointFormatError):
        parse_checkpoint(note(TEXT.replace(ROOT, encoded(bytes(length))), LINE))


@pytest.mark.parametrize(
    "line",
    [
        "",
        "-",
        "\u2014",
        "\u2014 ",
        f"\u2014 {ORIGIN}",
        f"\u2014 {ORIGIN} ",
        f"- {ORIGIN} AAAAAAA=",
        f"\u2013 {ORIGIN} AAAAAAA=",
        f"\u2014{ORIGIN} AAAAAAA=",
        f"\u2014  {ORIGIN} AAAAAAA=",
        f" \u2014 {ORIGIN} AAAAAAA=",
        f"\u2014 {ORIGIN}  AAAAAAA=",
        f"\u2014 {ORIGIN} AAAAAAA= ",
        f"\u2014 {ORIGIN} AAAAAA==",
        "\u2014  AAAAAAA=",
        "\u2014 a+b AAAAAAA=",
        "\u2014 a\u00a0b AAAAAAA=",
        "\u2014 a\u2003b AAAAAAA=",
        "\u2014 a\u0085b AAAAAAA=",
    ],
    ids=repr,
)
def test_a_malformed_signature_line_spoils_the_whole_note(line: str) -> None:
    assert parse_checkpoint(note(TEXT, LINE, "\u2014 wîtness.example AAAAAAA="))
    with pytest.raises(CheckpointFormatError):
        parse_checkpoint(note(TEXT, LINE, line))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"\n\n",
        NOTE[:-1],
        NOTE + b"\n",
        b"\n" + NOTE,
        NOTE.replace(b"\n\n", b"\n"),
        NOTE.replace(b"\n\n", b"\n\n\n"),
        NOTE.replace(b"\n", b"\r\n"),
        NOTE.replace(b"42", b"4\x002"),
        NOTE.replace(b"42\n", b"42\nx\ty\n"),
        NOTE.replace(b"42\n", b""),
        TEXT.encode(),
        TEXT.encode() + b"\n",
        note(ORIGIN + "\n42\n", LINE),
        note("\n42\n" + ROOT + "\n", LINE),
        note(ORIGIN + "\n\n42\n" + ROOT + "\n", LINE),
        note(TEXT + "\n", LINE),
        note("a b\n42\n" + ROOT + "\n", LINE),
        NOTE.replace("\u2014".encode(), b"\xe2\x80"),
        b"\xff" + NOTE,
        b"\xef\xbb\xbf" + NOTE,
    ],
    ids=lambda raw: repr(raw)[:40],
)
def test_what_is_no_note_of_a_tree_head_is_refused(raw: bytes) -> None:
    with pytest.raises(CheckpointFormatError):
        parse_checkpoint(raw)
    with pytest.raises(CheckpointFormatError):
        verify_checkpoint(raw, [KEY], origin=ORIGIN)
