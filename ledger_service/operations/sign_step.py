"""Steps that a party signs with a wallet: what it is asked to sign, and the check of what it signed.

Promises: a signature counts for one step on one head of one ledger, once; a party that signed in a case before signs
with the same wallet there. Does not: know which wallet belongs to whom beyond that: whoever records the step says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ledger_service.core.docket import Docket
from ledger_service.core.encoding import Json
from ledger_service.core.entry import Actor, Role, RuleReference
from ledger_service.core.signing import (
    SIGNATURE_NAME,
    SIGNER_NAME,
    Domain,
    SignatureValue,
    Statement,
    content_hash,
    digest,
    signer_value,
    typed_data,
    verify_statement,
)
from ledger_service.errors import WrongSignerError
from ledger_service.operations.ledger import Ledger


@dataclass(frozen=True, slots=True)
class WalletSignature:
    """What a party returns: its address (20 bytes), the signature (65), and nonce (32), deadline (seconds since 1970)
    and head (32 bytes, None for a new case) of the statement that it signed."""

    address: bytes
    signature: bytes
    nonce: bytes
    deadline: int
    previous: bytes | None


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a step, as a statement covers it; `evidence` are kinds with SHA-256 digests, in order."""

    return_id: str | None
    verb: str
    role: Role
    occurred_at: str | None
    fields: Mapping[str, Json]
    evidence: Sequence[tuple[str, bytes]]
    rule: RuleReference | None
    to_state: str | None


def domain_of(ledger: Ledger) -> Domain:
    """Return the place that statements for this ledger name."""
    target = ledger.target()
    return Domain(ledger.origin, target.chain_id, target.contract)


def ask_to_sign(ledger: Ledger, content: Content, *, head: bytes | None, nonce: bytes, deadline: int) -> dict[str, Any]:
    """Return the typed data (EIP-712, for `eth_signTypedData_v4`) that a wallet is to sign for a step."""
    return typed_data(domain_of(ledger), _statement(content, head, nonce, deadline))


def check_signature(
    ledger: Ledger, content: Content, signed: WalletSignature, *, docket: Docket, actor: Actor, now: int
) -> tuple[dict[str, Json], bytes]:
    """Check a signature; return the values to commit to under their names, and the digest of the statement.

    Raises:
        SignatureRefusedError: It is none, has expired, or another wallet made it; the subclass says which.
        StaleHeadError: The party saw another head.
    """
    domain = domain_of(ledger)
    statement = _statement(content, signed.previous, signed.nonce, signed.deadline)
    verify_statement(domain, statement, signed.signature, expected_address=signed.address, now=now, head=docket.head)
    signer = signer_value(signed.address)
    before = [known.values[SIGNER_NAME] for known in docket.steps if known.entry.asserted_by == actor
              if SIGNER_NAME in known.values]  # fmt: skip
    if before and before[-1] != signer:
        raise WrongSignerError(
            "this party signed with another wallet in this case before", hint="sign with that wallet"
        )
    value = SignatureValue(
        chain_id=domain.chain_id,
        contract=domain.contract,
        previous=signed.previous,
        to_state=content.to_state,
        nonce=signed.nonce,
        deadline=signed.deadline,
        signature=signed.signature,
    )
    return {SIGNATURE_NAME: value.as_json(), SIGNER_NAME: signer}, digest(domain, statement)


def _statement(content: Content, head: bytes | None, nonce: bytes, deadline: int) -> Statement:
    return Statement(
        return_id=None if head is None else content.return_id,
        previous=head,
        verb=content.verb,
        role=content.role,
        occurred_at=content.occurred_at,
        content_hash=content_hash(
            fields=content.fields, evidence=content.evidence, rule=content.rule, to_state=content.to_state
        ),
        nonce=nonce,
        deadline=deadline,
    )
