"""A cosignature verifies for its checkpoint, witness and time alone, and is spelled as C2SP says."""

from __future__ import annotations

import base64
import dataclasses
from hashlib import sha256

import pytest

from ledger_service.core.checkpoint import NoteSignature, parse_checkpoint, parse_signature, sign_checkpoint
from ledger_service.core.cosignature import (
    WitnessKey,
    cosign,
    encode_private_key,
    parse_private_key,
    parse_witness_key,
    witness_key,
)
from ledger_service.errors import CheckpointFormatError, InvalidSignatureError
from tests.core.notes import HEAD, OTHER, PRIVATE

NAME = "witness.example/eu"
KEY = witness_key(NAME, PRIVATE)
TIME = 1_793_701_400
MADE = cosign(HEAD, NAME, PRIVATE, seconds=TIME)


def test_a_cosignature_is_made_of_the_bytes_that_the_text_of_c2sp_says() -> None:
    signed = f"cosignature/v1\ntime {TIME}\n{HEAD.text()}".encode()
    key_id = sha256(NAME.encode() + b"\n\x04" + KEY.public).digest()[:4]
    raw = key_id + TIME.to_bytes(8, "big") + PRIVATE.sign(signed)

    assert MADE.line() == f"— {NAME} {base64.b64encode(raw).decode()}\n"
    assert KEY.encode() == f"{NAME}+{key_id.hex()}+{base64.b64encode(bytes([4]) + KEY.public).decode()}"
    assert parse_signature(MADE.line()[:-1]) == MADE


def test_it_verifies_and_gives_its_time() -> None:
    assert KEY.verify(MADE, HEAD) == TIME


def test_a_note_with_it_is_still_a_checkpoint() -> None:
    note = sign_checkpoint(HEAD, PRIVATE) + MADE.line().encode()

    checkpoint, signatures = parse_checkpoint(note)

    assert checkpoint == HEAD
    assert [KEY.made(one) for one in signatures] == [False, True]


@pytest.mark.parametrize(
    "changed",
    [
        dataclasses.replace(MADE, name="other.example"),
        dataclasses.replace(MADE, key_id=bytes(4)),
        dataclasses.replace(MADE, signature=MADE.signature[:-1]),
        dataclasses.replace(MADE, signature=(TIME + 1).to_bytes(8, "big") + MADE.signature[8:]),
        cosign(dataclasses.replace(HEAD, size=43), NAME, PRIVATE, seconds=TIME),
        dataclasses.replace(cosign(HEAD, NAME, OTHER, seconds=TIME), key_id=KEY.key_id()),
        NoteSignature(NAME, KEY.key_id(), bytes(8) + PRIVATE.sign(HEAD.text().encode())),
    ],
)
def test_another_name_key_time_checkpoint_or_kind_of_signature_does_not(changed: NoteSignature) -> None:
    with pytest.raises(InvalidSignatureError):
        KEY.verify(changed, HEAD)


def test_a_key_that_is_no_point_verifies_nothing() -> None:
    broken = WitnessKey(NAME, b"\xff" * 32)

    with pytest.raises(InvalidSignatureError):
        broken.verify(dataclasses.replace(MADE, key_id=broken.key_id()), HEAD)


def test_a_key_text_is_read_back_and_has_one_spelling() -> None:
    text = KEY.encode()

    assert parse_witness_key(text) == KEY
    log_key = text.rpartition("+")[0] + "+" + base64.b64encode(b"\x01" + KEY.public).decode()
    for wrong in ("", text[:-4], text.upper(), log_key, text.replace("+", "+0", 1), "a b" + text, "x" * 256 + text):
        with pytest.raises(CheckpointFormatError):
            parse_witness_key(wrong)


def test_a_private_key_is_read_back_and_nothing_else_is() -> None:
    text = encode_private_key(NAME, PRIVATE)

    name, private = parse_private_key(text)

    assert (name, private.private_bytes_raw()) == (NAME, PRIVATE.private_bytes_raw())
    for wrong in ("", text[:-1], text.removeprefix("PRIVATE+"), encode_private_key("a b", PRIVATE), text + "\n", "é"):
        with pytest.raises(CheckpointFormatError, match="no witness's key"):
            parse_private_key(wrong)
