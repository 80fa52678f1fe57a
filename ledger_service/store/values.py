"""A committed value and its salt, encrypted for the store: AES-256-GCM under the key of the one it is about.

Promises: opens only under the same key and for the same commitment (the commitment is the additional data), and what
opens is checked against that commitment. Does not: keep keys (`keys.py`), or hide how long a value is.
"""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger_service.core import encoding
from ledger_service.core.disclosure import Disclosure, parse_record
from ledger_service.errors import FormatError, StoreError

KEY_BYTES = 32  # AES-256
NONCE_BYTES = 12  # NIST SP 800-38D §8.2.2: random 96 bits, safe for 2^32 values under one key


def seal_value(
    key: bytes, disclosure: Disclosure, *, nonce: bytes | None = None, commitment: bytes | None = None
) -> bytes:
    """Return nonce ‖ ciphertext ‖ tag of a disclosure.

    Args:
        key: 32 bytes of the person, or of the case for joint facts.
        disclosure: Name, salt and value; its commitment is bound to the ciphertext.
        nonce: 12 random bytes that were never used before; None: they are drawn.
        commitment: The disclosure's, where it is at hand; None: it is computed.
    """
    nonce = nonce or secrets.token_bytes(NONCE_BYTES)
    plain = encoding.encode({"name": disclosure.name, "salt": disclosure.salt.hex(), "value": disclosure.value})
    return nonce + AESGCM(key).encrypt(nonce, plain, commitment or disclosure.commitment())


def open_value(key: bytes, ciphertext: bytes, *, commitment: bytes) -> Disclosure:
    """Return the disclosure that `seal_value` took.

    Raises:
        StoreError: Another key, another commitment, or altered bytes.
    """
    try:
        plain = AESGCM(key).decrypt(ciphertext[:NONCE_BYTES], ciphertext[NONCE_BYTES:], commitment)
        disclosure = parse_record(encoding.parse(plain)).disclosure
    except (InvalidTag, ValueError, FormatError):
        disclosure = None
    if disclosure is None or disclosure.commitment() != commitment:
        raise StoreError(
            "a sealed value does not open to its commitment", hint="its row or its key was altered: run `rledger audit`"
        )
    return disclosure


def seal_text(key: bytes, text: str, *, about: bytes) -> bytes:
    """Return nonce ‖ ciphertext ‖ tag of a text that is no value of an entry; `about` says what it belongs to."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, text.encode(), about)


def open_text(key: bytes, ciphertext: bytes, *, about: bytes) -> str:
    """Return the text that `seal_text` took.

    Raises:
        StoreError: Another key, something else that it belongs to, or altered bytes.
    """
    try:
        return AESGCM(key).decrypt(ciphertext[:NONCE_BYTES], ciphertext[NONCE_BYTES:], about).decode()
    except (InvalidTag, ValueError):
        raise StoreError("a sealed text does not open", hint="its row or its key was altered") from None
