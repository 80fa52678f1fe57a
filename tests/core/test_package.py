"""Promises of manifest and note: one spelling, one signature, never a checkpoint; names say which entry is meant."""

from __future__ import annotations

import base64
import dataclasses

import pytest

from ledger_service.core.checkpoint import parse_checkpoint, sign_checkpoint, verifier_key
from ledger_service.core.package import (
    FIXED,
    VERIFIER,
    FileSum,
    Manifest,
    PackageFormatError,
    encode_manifest,
    evidence_file_name,
    evidence_place,
    parse_manifest,
    receipt_index,
    receipt_name,
    require_layout,
    sign_manifest,
    verify_manifest,
)
from ledger_service.errors import CheckpointFormatError, InvalidSignatureError
from tests.core.entries import NEW_KEY, OLD_KEY, ORIGIN, RECORDED_AT
from tests.core.packages import CASE, head

MANIFEST = Manifest(ORIGIN, CASE, RECORDED_AT, 4, 3, bytes(32), 7, bytes(32), (FileSum("a.txt", 1, bytes(32)),))
DATA = encode_manifest(MANIFEST)
KEYS = (verifier_key(ORIGIN, NEW_KEY), verifier_key(ORIGIN, OLD_KEY))
NOTE = sign_manifest(DATA, OLD_KEY, origin=ORIGIN, return_id=CASE)


def accept(note: bytes, data: bytes = DATA, *, return_id: str = CASE, origin: str = ORIGIN) -> None:
    """Verify a note of the case."""
    verify_manifest(note, data, KEYS, origin=origin, return_id=return_id)


def test_a_manifest_is_read_as_it_was_written() -> None:
    assert parse_manifest(DATA) == MANIFEST
    assert encode_manifest(parse_manifest(DATA)) == DATA


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"chain": 3', b'"chain": 0'),
        (b'"size": 7', b'"size": 1'),
        (b'"chain": 3', b'"chain": true'),
        (b"package@v1", b"package@v2"),
        (b'"a.txt"', b'"a\\u002etxt"'),
        (b'"entries": 4,', b""),
        (b'"origin": "', b'"origin": " '),
        (b".000Z", b"Z"),
        (b'"sha256": "00', b'"sha256": "0'),
    ],
)
def test_a_manifest_that_is_spelled_another_way_is_refused(old: bytes, new: bytes) -> None:
    changed = DATA.replace(old, new, 1)

    assert changed != DATA
    with pytest.raises(PackageFormatError):
        parse_manifest(changed)


@pytest.mark.parametrize("names", [("b.txt", "a.txt"), ("a.txt", "a.txt")])
def test_files_stand_in_order_and_once(names: tuple[str, str]) -> None:
    files = tuple(FileSum(name, 1, bytes(32)) for name in names)

    with pytest.raises(PackageFormatError):
        parse_manifest(encode_manifest(dataclasses.replace(MANIFEST, files=files)))


def test_a_note_is_accepted_for_its_manifest_alone() -> None:
    accept(NOTE)
    for wrong in (
        lambda: accept(NOTE, DATA + b" "),
        lambda: accept(NOTE, return_id="11" * 16),
        lambda: accept(NOTE, origin="returns.example/other"),
        lambda: accept(sign_manifest(DATA, OLD_KEY, origin="returns.example/other", return_id=CASE)),
        lambda: verify_manifest(NOTE, DATA, KEYS[:1], origin=ORIGIN, return_id=CASE),
        lambda: verify_manifest(NOTE, DATA, (), origin=ORIGIN, return_id=CASE),
    ):
        with pytest.raises(InvalidSignatureError):
            wrong()


def test_no_byte_of_a_note_may_differ() -> None:
    for at in range(len(NOTE)):
        changed = bytearray(NOTE)
        changed[at] ^= 1
        with pytest.raises(InvalidSignatureError):
            accept(bytes(changed))
    for changed_note in (
        NOTE + b"\n",
        NOTE[:-1],
        NOTE + NOTE.split(b"\n\n")[1],
        NOTE[:-1] + b"=\n",
        NOTE + b"x" * 2_000,
    ):
        with pytest.raises(InvalidSignatureError):
            accept(changed_note)


def test_a_signature_spelled_with_unused_bits_is_refused() -> None:
    """68 bytes end in padding: the bits that stand for nothing must be zero."""
    line = NOTE.rstrip(b"\n")
    assert line.endswith(b"=")
    last = line[-2:-1].decode()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = alphabet[alphabet.index(last) + 1].encode()
    assert base64.b64decode(line[-4:-2] + other + b"=") == base64.b64decode(line[-4:])

    with pytest.raises(InvalidSignatureError):
        accept(line[:-2] + other + b"=\n")


def test_a_note_is_never_a_checkpoint_whatever_the_log_is_called() -> None:
    for origin in (ORIGIN, "42", "return-ledger/package@v1", "return-ledger/key@v1"):
        note = sign_manifest(DATA, OLD_KEY, origin=origin, return_id=CASE)
        with pytest.raises(CheckpointFormatError):
            parse_checkpoint(note)


def test_a_checkpoint_is_never_a_note() -> None:
    with pytest.raises(InvalidSignatureError):
        accept(sign_checkpoint(head(), OLD_KEY))


def test_names_lead_back_to_what_they_name() -> None:
    assert receipt_index(receipt_name(12)) == 12
    assert receipt_index(receipt_name(123_456_789)) == 123_456_789
    assert evidence_place(evidence_file_name(12, 3, kind="product_photo", media_type="image/png")) == (12, 3)
    assert evidence_file_name(1, 0, kind="other", media_type="text/html").endswith(".bin")
    for wrong in ("receipts/12.receipt.json", "receipts/000000012.receipt.json", "receipts/00000012.json"):
        assert receipt_index(wrong) is None
    for wrong in ("evidence/12-0-a.png", "evidence/00000012-00-A.png", "evidence/00000012-00-a"):
        assert evidence_place(wrong) is None


def test_a_layout_has_every_fixed_file_and_no_other() -> None:
    require_layout([*FIXED, receipt_name(1)])
    with pytest.raises(PackageFormatError):
        require_layout(FIXED[1:])
    with pytest.raises(PackageFormatError):
        require_layout([*FIXED, "setup.exe"])


def test_a_verifier_may_lie_in_a_package_and_packages_without_one_stay_packages() -> None:
    require_layout([*FIXED, VERIFIER])
    with pytest.raises(PackageFormatError):
        require_layout([*FIXED, f"evidence/{VERIFIER}"])
