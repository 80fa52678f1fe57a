"""One signed note and the parts it is made of, written from the C2SP texts."""

from __future__ import annotations

import base64
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_service.core.checkpoint import Checkpoint, sign_checkpoint, verifier_key

ORIGIN = "returns.example/eu"
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
KEY = verifier_key(ORIGIN, PRIVATE)
HEAD = Checkpoint(ORIGIN, 42, bytes(range(32)))
NOTE = sign_checkpoint(HEAD, PRIVATE)


def encoded(raw: bytes) -> str:
    """Return standard base64."""
    return base64.b64encode(raw).decode()


def typed(kind: int, public: bytes) -> str:
    """Return the third part of a key text."""
    return encoded(bytes([kind]) + public)


def note(text: str, *signatures: str) -> bytes:
    """Return a note of this text with these signature lines."""
    return (text + "\n" + "".join(line + "\n" for line in signatures)).encode()


def signature_line(text: str, private: Ed25519PrivateKey, name: str) -> str:
    """Return a signature line, from c2sp.org/signed-note and nothing of ours."""
    public = private.public_key().public_bytes_raw()
    key_id = sha256(name.encode() + b"\x0a\x01" + public).digest()[:4]
    return f"\u2014 {name} {encoded(key_id + private.sign(text.encode()))}"


TEXT = f"{ORIGIN}\n42\n{encoded(bytes(range(32)))}\n"
LINE = signature_line(TEXT, PRIVATE, ORIGIN)
