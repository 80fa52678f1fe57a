"""A checkpoint: a tree head as a signed note (c2sp.org/signed-note, c2sp.org/tlog-checkpoint), with Ed25519.

Example of the bytes::

    returns.example/eu
    42
    <base64 of the 32-byte root hash>

    — returns.example/eu <base64 of the 4-byte key id and the 64-byte signature>

Promises: one spelling for each number and hash; a note with an unknown extra signature still verifies; a bad
signature that claims a pinned key never does. Does not: keep keys, or know what a tree is.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ledger_service.core.merkle import HASH_BYTES, SIZE_MAX
from ledger_service.errors import CheckpointFormatError, InvalidSignatureError

NOTE_BYTES_MAX = 65_536  # a checkpoint with a hundred cosignatures has about 12 KB
SIGNATURES_MAX = 100  # c2sp.org/signed-note asks readers to accept at least 16
ORIGIN_BYTES_MAX = 255  # a schema-less URL such as returns.example/eu
ED25519 = 0x01  # signature type byte of c2sp.org/signed-note

_ORIGIN = re.compile(r"[!-*,-~]+")  # visible ASCII without space and plus: it is also the key's name
_SIZE = re.compile(r"0|[1-9][0-9]*")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")  # all but the newline


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: `origin` (the log's name), `size` (leaves), `root` (32 bytes), `extensions` (further lines)."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        """Return the signed text, each line ended by a newline."""
        lines = [self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions]
        return "".join(line + "\n" for line in lines)


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """An Ed25519 public key with its name: `name`, `public` (32 bytes)."""

    name: str
    public: bytes

    def key_id(self) -> bytes:
        """Return SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public)[:4] (c2sp.org/signed-note)."""
        return sha256(self.name.encode() + b"\n" + bytes([ED25519]) + self.public).digest()[:4]

    def encode(self) -> str:
        """Return the verifier key text `name+key id+base64`."""
        return f"{self.name}+{self.key_id().hex()}+{base64.b64encode(bytes([ED25519]) + self.public).decode()}"

    def verify(self, signature: bytes, message: bytes) -> None:
        """Accept only a signature of `message` by this key.

        Raises:
            InvalidSignatureError: It is not one.
        """
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            raise InvalidSignatureError(f"the signature does not verify under the key {self.name}") from None


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: the key's name and id (4 bytes), and the signature bytes."""

    name: str
    key_id: bytes
    signature: bytes

    def line(self) -> str:
        """Return the line, ended by a newline."""
        return f"— {self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n"


def verifier_key(name: str, private: Ed25519PrivateKey) -> VerifierKey:
    """Return the public half of a signing key under a name."""
    return VerifierKey(name, private.public_key().public_bytes_raw())


def parse_verifier_key(text: str) -> VerifierKey:
    """Return the key of a verifier key text.

    Raises:
        CheckpointFormatError: Not `name+8 hex digits+base64`, another type than Ed25519, or a key id that differs.
    """
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    raw = decode_base64(encoded)
    if len(raw) != 1 + HASH_BYTES or raw[0] != ED25519:
        raise CheckpointFormatError("a verifier key is name+key id+base64 of 0x01 and 32 bytes")
    key = VerifierKey(_require_origin(name), raw[1:])
    if key.key_id().hex() != key_id:
        raise CheckpointFormatError(f"the key id of {name} is {key.key_id().hex()}, the text says {key_id[:16]}")
    return key


def sign_checkpoint(checkpoint: Checkpoint, private: Ed25519PrivateKey, *, key_id: bytes | None = None) -> bytes:
    """Return the signed note of a checkpoint; the key's name is the origin.

    Args:
        checkpoint: What is signed.
        private: The key.
        key_id: Its id under that name (4 bytes), where it is at hand; None: it is computed.

    Raises:
        CheckpointFormatError: Nobody could read this checkpoint back: nothing is signed.
    """
    text = checkpoint.text()
    if _parse_text(text[:-1]) != checkpoint:
        raise CheckpointFormatError("an extension is one line of text")
    if key_id is None:
        key_id = verifier_key(checkpoint.origin, private).key_id()
    signature = base64.b64encode(key_id + private.sign(text.encode())).decode()
    return f"{text}\n— {checkpoint.origin} {signature}\n".encode()


def parse_checkpoint(note: bytes) -> tuple[Checkpoint, tuple[NoteSignature, ...]]:
    """Return the checkpoint and the signatures of a note, none of them verified.

    Raises:
        CheckpointFormatError: Not a signed note whose text is origin, size and root.
    """
    if len(note) > NOTE_BYTES_MAX:
        raise CheckpointFormatError(f"a note has at most {NOTE_BYTES_MAX} bytes, got {len(note)}")
    try:
        decoded = note.decode()
    except UnicodeDecodeError:
        raise CheckpointFormatError("a note is UTF-8") from None
    if _CONTROL.search(decoded):
        raise CheckpointFormatError("a note has no control characters but newlines")
    text, separator, tail = decoded.rpartition("\n\n")
    if not separator or not tail.endswith("\n"):
        raise CheckpointFormatError("a note is text, an empty line, and signature lines")
    lines = tail[:-1].split("\n")
    if len(lines) > SIGNATURES_MAX:
        raise CheckpointFormatError(f"a note has at most {SIGNATURES_MAX} signatures, got {len(lines)}")
    return _parse_text(text), tuple(parse_signature(line) for line in lines)


def verify_checkpoint(note: bytes, keys: Sequence[VerifierKey], *, origin: str) -> Checkpoint:
    """Return the checkpoint of a note that is signed by one of the pinned keys.

    Args:
        note: The bytes of the note.
        keys: Pinned keys; signatures by other keys are ignored.
        origin: The log the caller means.

    Raises:
        CheckpointFormatError: Not a checkpoint.
        InvalidSignatureError: Another origin, no signature by a pinned key, or one that does not verify.
    """
    checkpoint, signatures = parse_checkpoint(note)
    if checkpoint.origin != origin:
        raise InvalidSignatureError(f"the checkpoint is of {checkpoint.origin!r}, not of {origin!r}")
    message = checkpoint.text().encode()
    verified = 0
    for signature in signatures:
        for key in keys:
            if (signature.name, signature.key_id) == (key.name, key.key_id()):
                key.verify(signature.signature, message)
                verified += 1
    if not verified:
        raise InvalidSignatureError(f"the checkpoint of {origin!r} bears no signature by a pinned key")
    return checkpoint


def _parse_text(text: str) -> Checkpoint:
    lines = text.split("\n")
    if len(lines) < 3 or "" in lines:
        raise CheckpointFormatError("a checkpoint is origin, size and root, a line each, and no empty line")
    if not _SIZE.fullmatch(lines[1]) or len(lines[1]) > 19 or int(lines[1]) > SIZE_MAX:
        raise CheckpointFormatError(f"{lines[1][:40]!r} is not a tree size")
    root = decode_base64(lines[2])
    if len(root) != HASH_BYTES:
        raise CheckpointFormatError(f"a root hash is {HASH_BYTES} bytes of base64")
    return Checkpoint(_require_origin(lines[0]), int(lines[1]), root, tuple(lines[3:]))


def parse_signature(line: str) -> NoteSignature:
    """Return the signature of a line, without its newline.

    Raises:
        CheckpointFormatError: It is none.
    """
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    raw = decode_base64(encoded)
    if dash != "—" or name.split() != [name] or "+" in name or len(raw) < 5:  # split: by any white space of Unicode
        raise CheckpointFormatError("a signature line is '— name base64(key id and signature)'")
    return NoteSignature(name, raw[:4], raw[4:])


def _require_origin(origin: str) -> str:
    if not _ORIGIN.fullmatch(origin) or len(origin) > ORIGIN_BYTES_MAX:
        raise CheckpointFormatError(f"an origin is 1 to {ORIGIN_BYTES_MAX} visible ASCII characters without '+'")
    return origin


def decode_base64(text: str) -> bytes:
    """Return the bytes of the one base64 spelling that they have.

    Raises:
        CheckpointFormatError: It is none.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise CheckpointFormatError(f"{text[:40]!r} is not base64 in its one spelling") from None
    # Unused bits set, or padding too much: a second spelling of the same bytes. Versions of Python read different ones.
    if base64.b64encode(raw).decode() != text:
        raise CheckpointFormatError(f"{text[:40]!r} is not base64 in its one spelling")
    return raw
