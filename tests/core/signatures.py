"""Wallets, statements and signed entries for the tests of signing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_typing import Hash32

from ledger_service.core.disclosure import Disclosure, Record, evidence_name
from ledger_service.core.encoding import Json
from ledger_service.core.entry import (
    Actor,
    Authenticity,
    CaseEntry,
    EvidenceDescriptor,
    Kind,
    NamedCommitment,
    Role,
    RuleReference,
)
from ledger_service.core.signing import (
    SIGNATURE_NAME,
    SIGNER_NAME,
    Domain,
    SignatureValue,
    Statement,
    content_hash,
    digest,
    signer_value,
)

ORDER = 2**256 - 432420386565659656852420866394968145599  # of secp256k1 (SEC 2, §2.4.1), in its other spelling
DOMAIN = Domain("returns.example/eu", 11155111, bytes([0xC0]) * 20)
HEAD = bytes(range(100, 132))
RETURN_ID = "5a" * 16
DEADLINE = 1_793_704_800
STATEMENT = Statement(
    return_id=RETURN_ID,
    previous=HEAD,
    verb="ship_back",
    role=Role.BUYER,
    occurred_at="2026-11-03T10:20:00.000Z",
    content_hash=bytes(range(32)),
    nonce=bytes(range(32, 64)),
    deadline=DEADLINE,
)
OPENING = replace(STATEMENT, return_id=None, previous=None, verb="request_return", occurred_at=None)


def wallet(seed: int) -> LocalAccount:
    """Return a wallet of a known key; never use it."""
    account: LocalAccount = Account.from_key(seed.to_bytes(32, "big"))
    return account


def address(account: LocalAccount) -> bytes:
    """Return the wallet's 20 bytes."""
    return bytes.fromhex(account.address[2:])


def sign(account: LocalAccount, domain: Domain, statement: Statement) -> bytes:
    """Return r ‖ s ‖ v of the wallet over our digest."""
    return bytes(account.unsafe_sign_hash(Hash32(digest(domain, statement))).signature)


BUYER, STRANGER = wallet(0xB0B), wallet(0xBAD)


def high_s(signature: bytes) -> bytes:
    """Return the other signature that everybody can make from one (EIP-2)."""
    s = ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])


def signed_entry(
    *,
    signer: LocalAccount = BUYER,
    domain: Domain = DOMAIN,
    facts: Mapping[str, Json] | None = None,
    committed: Sequence[tuple[str, Json]] = (("note", "left with the neighbour"), ("tracking_no", "RR123456785CN")),
    files: Sequence[tuple[str, bytes]] = (("proof_of_posting", bytes([1]) * 32), ("product_photo", bytes([2]) * 32)),
    statement_changes: Mapping[str, Any] | None = None,
    value_changes: Mapping[str, Json] | None = None,
    signer_shown: Json = None,
    **changes: Any,
) -> tuple[CaseEntry, list[Record]]:
    """Return an entry whose step was signed as it stands, with all its records.

    `changes` replace members of the entry before it is signed; `statement_changes` what is signed instead of the
    step, `value_changes` and `signer_shown` what is committed to instead of the truth.
    """
    facts = {"carrier_code": "dhl", "parcels": 1} if facts is None else facts
    entry = CaseEntry(
        **{
            "kind": Kind.TRANSITION,
            "origin": domain.origin,
            "return_id": RETURN_ID,
            "seq": 3,
            "prev": HEAD,
            "verb": "ship_back",
            "from_state": "approved",
            "to_state": "in_transit",
            "asserted_by": Actor(Role.BUYER, "55" * 16),
            "recorded_by": Actor(Role.PLATFORM, "66" * 16),
            "authenticity": Authenticity.SIGNED,
            "occurred_at": "2026-11-03T10:20:00.000Z",
            "recorded_at": "2026-11-03T10:22:05.000Z",
            "rule": RuleReference("EU-2011-83.art-14", "2026-06"),
            "facts": dict(facts),
            **changes,
        }
    )
    previous = None if entry.seq == 0 else HEAD if entry.seq is None else entry.prev
    statement = Statement(
        return_id=None if previous is None else entry.return_id,
        previous=previous,
        verb=entry.verb,
        role=entry.asserted_by.role,
        occurred_at=entry.occurred_at,
        content_hash=content_hash(
            fields={**facts, **dict(committed)}, evidence=files, rule=entry.rule, to_state=entry.to_state
        ),
        nonce=bytes(range(32)),
        deadline=DEADLINE,
    )
    signed = replace(statement, **statement_changes or {})
    value = SignatureValue(
        chain_id=domain.chain_id,
        contract=domain.contract,
        previous=statement.previous,
        to_state=entry.to_state,
        nonce=statement.nonce,
        deadline=statement.deadline,
        signature=sign(signer, domain, signed),
    )
    fields: list[tuple[str, Json]] = [
        *committed,
        (SIGNATURE_NAME, value.as_json() | dict(value_changes or {})),
        (SIGNER_NAME, signer_value(address(signer)) if signer_shown is None else signer_shown),
    ]
    return with_commitments(entry, fields, files)


def with_commitments(
    entry: CaseEntry, fields: Sequence[tuple[str, Json]], files: Sequence[tuple[str, bytes]]
) -> tuple[CaseEntry, list[Record]]:
    """Return the entry with commitments to these fields and files, and the records that show them."""
    shown = [Disclosure(evidence_name(kind), bytes([n]) * 32, content.hex()) for n, (kind, content) in enumerate(files)]
    shown += [Disclosure(name, bytes([100 + n]) * 32, value) for n, (name, value) in enumerate(fields)]
    entry = replace(
        entry,
        evidence=tuple(
            EvidenceDescriptor(kind, 1000, "image/jpeg", one.commitment())
            for (kind, _), one in zip(files, shown, strict=False)
        ),
        commitments=tuple(NamedCommitment(one.name, one.commitment()) for one in shown[len(files) :]),
    )
    return entry, [Record(one.name, one) for one in shown]
