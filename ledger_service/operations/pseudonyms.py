"""Names that nobody can guess without the ledger's keys: of parties in a case, and of idempotency keys.

Promises: the same person has another pseudonym in every case (design §4); what is stored of a caller's key or request
cannot be tried out by whoever holds the database alone. Does not: store anything.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from ledger_service.core.entry import PARTY_BYTES, Actor, Role
from ledger_service.operations.ledger import Ledger
from ledger_service.store.drafts import IdempotencyKey
from ledger_service.store.keys import KeyRing


@dataclass(frozen=True, slots=True)
class Party:
    """Who acts: its role, and how the operator calls it (a customer number, say); never stored in clear."""

    role: Role
    reference: str


def actor(case_key: bytes, party: Party) -> Actor:
    """Return the party under its pseudonym in the case that has this key."""
    message = f"{party.role}\n{party.reference}".encode()
    return Actor(party.role, _keyed(case_key, "pseudonym", message)[:PARTY_BYTES].hex())


def mark_of(party_key: bytes, party: Party) -> bytes:
    """Return the mark (32 bytes) of a party in access lists: one for all its cases, gone with its key."""
    return _keyed(party_key, "member", f"{party.role}\n{party.reference}".encode())


def idempotency_key(
    ledger: Ledger,
    recorder: Party,
    key: str,
    *,
    about: Sequence[str],
    payload: bytes,
    keys: KeyRing | None = None,
) -> IdempotencyKey:
    """Return a caller's key and the fingerprint of its request under pseudonyms.

    Args:
        ledger: Its key store makes the keys that are not there yet.
        recorder: Whose key it is.
        key: The caller's text.
        about: The subject whose key makes the fingerprint, so that it goes when that key is destroyed; one.
        payload: What was asked, as bytes.
        keys: The keys as they were looked up just now; None: they are looked up.
    """
    ring = keys or ledger.keys.ring()
    _, recorder_key = ring.key_for(f"party:{recorder.reference}")
    _, about_key = ring.key_for(about[-1]) if about else (b"", recorder_key)
    scope = scope_of(recorder_key, recorder.role)
    name = _keyed(recorder_key, "idempotency", key.encode()).hex()
    return IdempotencyKey(scope, name, _keyed(about_key, "fingerprint", payload))


def erasure_id(ledger: Ledger, recorder: Party, key: str) -> str:
    """Return the id (16 bytes as hex) of the erasure that a caller asks for under its idempotency key."""
    _, recorder_key = ledger.keys.key_for(f"party:{recorder.reference}")
    return _keyed(recorder_key, "erasure", f"{recorder.role}\n{key}".encode())[:16].hex()


def scope_of(party_key: bytes, role: Role) -> str:
    """Return the scope under which what a party asked in a role is kept."""
    return _keyed(party_key, "scope", role.value.encode()).hex()[:32]


def _keyed(key: bytes, purpose: str, message: bytes) -> bytes:
    return hmac.digest(key, f"return-ledger/{purpose}@v1\n".encode() + message, "sha256")  # all of it in C
