"""What a witness signs: cosignature/v1 of a checkpoint (c2sp.org/tlog-cosignature), with the time at which it saw it.

A cosignature says that up to this size and root the witness saw one log that only grew. It is one more signature line
of the checkpoint's note, of the type 0x04, so that nobody takes it for the log's own.

Promises: one spelling of keys and lines. Does not: say when to sign (`watch/witness.py`).
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ledger_service.core.checkpoint import ORIGIN_BYTES_MAX, Checkpoint, NoteSignature, decode_base64
from ledger_service.core.log_entry import ORIGIN
from ledger_service.core.merkle import HASH_BYTES, SIZE_MAX
from ledger_service.errors import CheckpointFormatError, InvalidSignatureError

COSIGNATURE = 0x04  # signature type byte of c2sp.org/signed-note
TIME_BYTES = 8  # seconds since 1970, the higher byte first
COSIGNATURE_BYTES = TIME_BYTES + 64
_PRIVATE = "PRIVATE+KEY+"


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """The Ed25519 public key of a witness with its name: `name`, `public` (32 bytes)."""

    name: str
    public: bytes

    def key_id(self) -> bytes:
        """Return SHA-256(name ‖ 0x0A ‖ 0x04 ‖ public)[:4] (c2sp.org/signed-note)."""
        return sha256(self.name.encode() + b"\n" + bytes([COSIGNATURE]) + self.public).digest()[:4]

    def encode(self) -> str:
        """Return the verifier key text `name+key id+base64`."""
        return f"{self.name}+{self.key_id().hex()}+{base64.b64encode(bytes([COSIGNATURE]) + self.public).decode()}"

    def made(self, signature: NoteSignature) -> bool:
        """Say whether a line names this key; whether it verifies is another question."""
        return (signature.name, signature.key_id) == (self.name, self.key_id())

    def verify(self, signature: NoteSignature, checkpoint: Checkpoint) -> int:
        """Return when this witness cosigned a checkpoint, in seconds since 1970.

        Raises:
            InvalidSignatureError: The line is not its cosignature of it.
        """
        raw = signature.signature
        if not self.made(signature) or len(raw) != COSIGNATURE_BYTES:
            raise InvalidSignatureError(f"the line is no cosignature by the witness {self.name}")
        seconds = int.from_bytes(raw[:TIME_BYTES], "big")
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(raw[TIME_BYTES:], message(checkpoint, seconds))
        except (InvalidSignature, ValueError):
            reason = f"the cosignature does not verify under the key of the witness {self.name}"
            raise InvalidSignatureError(reason) from None
        return seconds


def witness_key(name: str, private: Ed25519PrivateKey) -> WitnessKey:
    """Return the public half of a witness's key."""
    return WitnessKey(name, private.public_key().public_bytes_raw())


def parse_witness_key(text: str) -> WitnessKey:
    """Return the key of a verifier key text.

    Raises:
        CheckpointFormatError: Not `name+8 hex digits+base64`, another type than 0x04, or a key id that differs.
    """
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    raw = decode_base64(encoded)
    if not ORIGIN.fullmatch(name) or len(name) > ORIGIN_BYTES_MAX:
        raise CheckpointFormatError(f"a witness is called by 1 to {ORIGIN_BYTES_MAX} visible ASCII characters")
    if len(raw) != 1 + HASH_BYTES or raw[0] != COSIGNATURE:
        raise CheckpointFormatError("a witness's key is name+key id+base64 of 0x04 and 32 bytes")
    key = WitnessKey(name, raw[1:])
    if key.key_id().hex() != key_id:
        raise CheckpointFormatError(f"the key id of {name} is {key.key_id().hex()}, the text says {key_id[:16]}")
    return key


def encode_private_key(name: str, private: Ed25519PrivateKey) -> str:
    """Return the text that a witness keeps secret: as notes have it, with the type 0x04."""
    key_id = witness_key(name, private).key_id().hex()
    return f"{_PRIVATE}{name}+{key_id}+{base64.b64encode(bytes([COSIGNATURE]) + private.private_bytes_raw()).decode()}"


def parse_private_key(text: str) -> tuple[str, Ed25519PrivateKey]:
    """Return name and key of the text that `encode_private_key` wrote; no message holds any of it.

    Raises:
        CheckpointFormatError: It is none.
    """
    name, _, rest = text.removeprefix(_PRIVATE).partition("+")
    try:
        raw = base64.b64decode(rest.partition("+")[2], validate=True)
        private = Ed25519PrivateKey.from_private_bytes(raw[1:])
        if text == encode_private_key(name, private) and ORIGIN.fullmatch(name):
            return name, private
    except ValueError:
        pass
    raise CheckpointFormatError("this is no witness's key") from None


def message(checkpoint: Checkpoint, seconds: int) -> bytes:
    """Return the bytes that a witness signs; the first line keeps them apart from every note."""
    return f"cosignature/v1\ntime {seconds}\n{checkpoint.text()}".encode()


def cosign(checkpoint: Checkpoint, name: str, private: Ed25519PrivateKey, *, seconds: int) -> NoteSignature:
    """Return a witness's cosignature of a checkpoint, seen at this time."""
    assert 0 <= seconds <= SIZE_MAX
    signature = seconds.to_bytes(TIME_BYTES, "big") + private.sign(message(checkpoint, seconds))
    return NoteSignature(name, witness_key(name, private).key_id(), signature)
