"""Signed notes, recomputed from the C2SP texts: what verifies, and under which keys."""

from __future__ import annotations

import base64
import dataclasses
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.core.checkpoint import (
    NOTE_BYTES_MAX,
    ORIGIN_BYTES_MAX,
    SIGNATURES_MAX,
    Checkpoint,
    VerifierKey,
    parse_checkpoint,
    parse_verifier_key,
    sign_checkpoint,
    verifier_key,
    verify_checkpoint,
)
from ledger_service.core.merkle import SIZE_MAX
from ledger_service.errors import CheckpointFormatError, InvalidProofError, InvalidSignatureError, LedgerError
from tests.core.entries import HASHES, ORIGINS
from tests.core.notes import HEAD, KEY, LINE, NOTE, ORIGIN, OTHER, PRIVATE, TEXT, encoded, note, signature_line, typed
from tests.core.untraced import untraced

EXTENSIONS = st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cs"]), min_size=1, max_size=20)


def test_a_signed_checkpoint_is_the_note_that_the_specification_describes() -> None:
    assert note(TEXT, LINE) == NOTE
    assert HEAD.text() == TEXT

    lines = NOTE.decode().split("\n")
    raw = base64.b64decode(lines[4].split(" ")[2])
    assert raw[:4] == KEY.key_id()
    Ed25519PublicKey.from_public_bytes(KEY.public).verify(raw[4:], TEXT.encode())


@given(
    ORIGINS,
    st.integers(0, SIZE_MAX),
    HASHES,
    st.lists(EXTENSIONS, max_size=3),
    st.binary(min_size=32, max_size=32),
)
def test_every_checkpoint_reads_back_from_its_note(
    origin: str, size: int, root: bytes, extensions: list[str], seed: bytes
) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    checkpoint = Checkpoint(origin, size, root, tuple(extensions))

    signed = sign_checkpoint(checkpoint, private)
    at_hand = verifier_key(checkpoint.origin, private).key_id()
    assert sign_checkpoint(checkpoint, private, key_id=at_hand) == signed

    assert verify_checkpoint(signed, [verifier_key(origin, private)], origin=origin) == checkpoint
    text = checkpoint.text()
    assert signed == note(text, signature_line(text, private, origin))


@pytest.mark.parametrize(
    "checkpoint",
    [
        Checkpoint("", 1, bytes(32)),
        Checkpoint("a b", 1, bytes(32)),
        Checkpoint("a+b", 1, bytes(32)),
        Checkpoint("é", 1, bytes(32)),
        Checkpoint("a\n", 1, bytes(32)),
        Checkpoint("a" * (ORIGIN_BYTES_MAX + 1), 1, bytes(32)),
        Checkpoint("a", -1, bytes(32)),
        Checkpoint("a", True, bytes(32)),
        Checkpoint("a", SIZE_MAX + 1, bytes(32)),
        Checkpoint("a", 1, bytes(31)),
        Checkpoint("a", 1, bytes(33)),
        Checkpoint("a", 1, bytes(32), ("",)),
        Checkpoint("a", 1, bytes(32), ("x", "")),
        Checkpoint("a", 1, bytes(32), ("x\ny",)),
        Checkpoint("a", 1, bytes(32), ("x\n\n\u2014 a AAAAAAA=",)),
    ],
    ids=repr,
)
def test_nothing_is_signed_that_would_be_read_otherwise(checkpoint: Checkpoint) -> None:
    with pytest.raises(CheckpointFormatError):
        sign_checkpoint(checkpoint, PRIVATE)


def test_a_note_with_unknown_extra_signatures_still_verifies() -> None:
    """Cosignatures, other key types and other logs' keys stand beside ours and change nothing."""
    extra = signature_line(TEXT, OTHER, "witness.example/w1")
    unknown_type = f"\u2014 {ORIGIN} {encoded(bytes(4) + b'anything at all')}"
    short = f"\u2014 short {encoded(bytes(5))}"

    for lines in ([extra, LINE], [LINE, extra], [unknown_type, short, LINE], [LINE, LINE]):
        assert verify_checkpoint(note(TEXT, *lines), [KEY], origin=ORIGIN) == HEAD


def test_any_of_several_pinned_keys_is_enough() -> None:
    second = verifier_key(ORIGIN, OTHER)

    assert verify_checkpoint(NOTE, [second, KEY], origin=ORIGIN) == HEAD
    both = note(TEXT, signature_line(TEXT, OTHER, ORIGIN), LINE)
    assert verify_checkpoint(both, [second, KEY], origin=ORIGIN) == HEAD


def test_a_bad_signature_under_a_pinned_key_never_verifies_even_beside_a_good_one() -> None:
    second = verifier_key(ORIGIN, OTHER)
    forged = f"\u2014 {ORIGIN} {encoded(second.key_id() + bytes(64))}"

    assert verify_checkpoint(note(TEXT, forged, LINE), [KEY], origin=ORIGIN) == HEAD
    for lines in ([forged, LINE], [LINE, forged], [forged]):
        with pytest.raises(InvalidSignatureError, match="does not verify"):
            verify_checkpoint(note(TEXT, *lines), [KEY, second], origin=ORIGIN)


def test_a_note_without_a_signature_by_a_pinned_key_is_not_accepted() -> None:
    for keys in ([], [verifier_key(ORIGIN, OTHER)], [verifier_key("another.example", PRIVATE)]):
        with pytest.raises(InvalidSignatureError, match="no signature by a pinned key"):
            verify_checkpoint(NOTE, keys, origin=ORIGIN)


def test_the_same_name_with_another_key_id_is_another_key() -> None:
    raw = base64.b64decode(LINE.split(" ")[2])
    renamed = f"\u2014 {ORIGIN} {encoded(bytes([raw[0] ^ 1]) + raw[1:])}"

    with pytest.raises(InvalidSignatureError, match="no signature by a pinned key"):
        verify_checkpoint(note(TEXT, renamed), [KEY], origin=ORIGIN)


@pytest.mark.parametrize("length", [0, 1, 63, 65, 128])
def test_a_signature_of_another_length_never_verifies(length: int) -> None:
    raw = (base64.b64decode(LINE.split(" ")[2])[4:] * 3)[:length]
    line = f"\u2014 {ORIGIN} {encoded(KEY.key_id() + raw)}"

    with pytest.raises(LedgerError):
        verify_checkpoint(note(TEXT, line), [KEY], origin=ORIGIN)


def test_the_second_valid_looking_form_of_an_ed25519_signature_is_refused() -> None:
    """s and s + L satisfy the same equation; RFC 8032 §5.1.7 asks for the smaller one."""
    order = 2**252 + 27742317777372353535851937790883648493
    raw = base64.b64decode(LINE.split(" ")[2])
    s = int.from_bytes(raw[36:], "little")
    again = raw[:36] + (s + order).to_bytes(32, "little")

    with pytest.raises(InvalidSignatureError):
        verify_checkpoint(note(TEXT, f"\u2014 {ORIGIN} {encoded(again)}"), [KEY], origin=ORIGIN)


def test_a_checkpoint_of_another_log_is_not_accepted() -> None:
    other = sign_checkpoint(dataclasses.replace(HEAD, origin="returns.example/us"), PRIVATE)
    key = verifier_key("returns.example/us", PRIVATE)

    assert verify_checkpoint(other, [key], origin="returns.example/us").size == 42
    with pytest.raises(InvalidSignatureError, match=r"is of 'returns.example/us', not of 'returns.example/eu'"):
        verify_checkpoint(other, [key, KEY], origin=ORIGIN)


def test_a_signature_by_the_key_of_another_purpose_is_not_accepted() -> None:
    """The operator's key signs other texts too: their signatures fit no checkpoint."""
    line = signature_line("return-ledger/key@v1\n" + TEXT, PRIVATE, ORIGIN)

    with pytest.raises(InvalidSignatureError):
        verify_checkpoint(note(TEXT, line), [KEY], origin=ORIGIN)


def test_extension_lines_are_signed_and_kept() -> None:
    text = TEXT + "first \u00e9\n\u2014 looks like a signature\n"
    signed = note(text, signature_line(text, PRIVATE, ORIGIN))

    checkpoint = verify_checkpoint(signed, [KEY], origin=ORIGIN)

    assert checkpoint == dataclasses.replace(HEAD, extensions=("first é", "\u2014 looks like a signature"))
    with pytest.raises(InvalidSignatureError):
        verify_checkpoint(signed.replace(b"first", b"First"), [KEY], origin=ORIGIN)
    with pytest.raises(InvalidSignatureError):
        verify_checkpoint(signed.replace("first é\n".encode(), b""), [KEY], origin=ORIGIN)


def test_a_note_has_at_most_its_limit_of_bytes_and_signatures() -> None:
    short = "\u2014 w AAAAAAA="
    wide = TEXT + "x" * (NOTE_BYTES_MAX - len(NOTE) - 1) + "\n"

    full = note(TEXT, LINE, *[short] * (SIGNATURES_MAX - 1))
    assert verify_checkpoint(full, [KEY], origin=ORIGIN) == HEAD
    with pytest.raises(CheckpointFormatError, match="at most 100 signatures, got 101"):
        parse_checkpoint(note(TEXT, LINE, *[short] * SIGNATURES_MAX))
    largest = note(wide, signature_line(wide, PRIVATE, ORIGIN))
    assert len(largest) == NOTE_BYTES_MAX
    assert verify_checkpoint(largest, [KEY], origin=ORIGIN).size == 42
    with pytest.raises(CheckpointFormatError, match="at most 65536 bytes, got 65537"):
        parse_checkpoint(largest.replace(b"x", b"xx", 1))


@untraced
def test_no_changed_byte_of_a_note_verifies_with_another_content() -> None:
    """Every byte to every other value: the note is refused; nothing of its content can move."""
    for place, before in enumerate(NOTE):
        for byte in range(256):
            changed = NOTE[:place] + bytes([byte]) + NOTE[place + 1 :]
            if byte == before:
                continue
            with pytest.raises((CheckpointFormatError, InvalidProofError)):
                verify_checkpoint(changed, [KEY], origin=ORIGIN)


@untraced
def test_no_note_with_a_byte_less_or_a_byte_more_verifies() -> None:
    for place in range(len(NOTE)):
        for changed in (NOTE[:place] + NOTE[place + 1 :], NOTE[:place] + NOTE[place : place + 1] + NOTE[place:]):
            with pytest.raises((CheckpointFormatError, InvalidProofError)):
                verify_checkpoint(changed, [KEY], origin=ORIGIN)


@given(ORIGINS, st.binary(min_size=32, max_size=32))
def test_a_key_reads_back_from_its_text(name: str, public: bytes) -> None:
    key = VerifierKey(name, public)
    expected = sha256(name.encode() + b"\n\x01" + public).digest()[:4]

    assert key.key_id() == expected
    assert key.encode() == f"{name}+{expected.hex()}+{typed(1, public)}"
    assert parse_verifier_key(key.encode()) == key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "++",
        ORIGIN,
        f"{ORIGIN}+{KEY.key_id().hex()}",
        f"{ORIGIN}+{KEY.key_id().hex()}+",
        f"{ORIGIN}+00000000+{typed(1, KEY.public)}",
        f"{ORIGIN}+{KEY.key_id().hex().upper()}x+{typed(1, KEY.public)}",
        f"{ORIGIN}+{KEY.key_id().hex()}+{typed(2, KEY.public)}",
        f"{ORIGIN}+{KEY.key_id().hex()}+{typed(1, KEY.public[:31])}",
        f"{ORIGIN}+{KEY.key_id().hex()}+{typed(1, KEY.public + bytes(1))}",
        f"{ORIGIN}x+{KEY.key_id().hex()}+{typed(1, KEY.public)}",
        f"+{VerifierKey('', KEY.public).key_id().hex()}+{typed(1, KEY.public)}",
        VerifierKey("a b", KEY.public).encode(),
        VerifierKey("é", KEY.public).encode(),
        VerifierKey("a" * 256, KEY.public).encode(),
        KEY.encode() + "\n",
        " " + KEY.encode(),
    ],
    ids=lambda text: repr(text)[:40],
)
def test_a_key_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(CheckpointFormatError):
        parse_verifier_key(text)


def test_a_key_that_is_no_point_of_the_curve_verifies_nothing() -> None:
    key = VerifierKey(ORIGIN, b"\x02" + bytes(30) + b"\x80")

    with pytest.raises(InvalidSignatureError):
        key.verify(bytes(64), b"")
    with pytest.raises(InvalidSignatureError):
        VerifierKey(ORIGIN, bytes(31)).verify(bytes(64), b"")
