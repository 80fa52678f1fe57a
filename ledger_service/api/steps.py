"""A step as it comes over the wire, as a step of the ledger. Does not: judge it."""

from __future__ import annotations

from ledger_service.api.service import Service
from ledger_service.api.wire import StepRequest, WalletStatement
from ledger_service.core.entry import Authenticity, Role, RuleReference
from ledger_service.errors import PermissionRefusedError, StaleHeadError
from ledger_service.operations.asked import Step
from ledger_service.operations.principal import Principal, Scope
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.sign_step import WalletSignature
from ledger_service.store.read import StoredCase


def step_of(
    service: Service,
    principal: Principal,
    body: StepRequest,
    *,
    return_id: str | None,
    expected_head: bytes | None,
    idempotency_key: str | None,
    seen: StoredCase | None = None,
) -> Step:
    """Return the step that a caller asks to have recorded.

    Raises:
        PermissionRefusedError: The caller may not speak for that party, vouch for a webhook, or share the case.
    """
    if principal.return_id is not None and return_id != principal.return_id:
        raise PermissionRefusedError("this session is for one return", hint="ask the shop for a link to the other one")
    spoken = body.asserted_by
    speaker = principal.party if spoken is None else principal.require_speaker(Role(spoken.role), spoken.reference)
    if body.parties:
        principal.require(Scope.SHARE)
    authenticity = Authenticity(body.authenticity)
    if authenticity is not Authenticity.PLATFORM_ATTESTED and principal.party.role is not Role.PLATFORM:
        raise PermissionRefusedError("only the platform says how a message of somebody else was checked")
    return Step(
        verb=body.verb,
        asserted_by=speaker,
        recorded_by=principal.party,
        fields=body.fields,
        evidence=[service.upload(principal, item.kind, bytes.fromhex(item.sha256)) for item in body.evidence],
        return_id=return_id,
        authenticity=authenticity,
        occurred_at=body.occurred_at,
        rule=None if body.rule is None else RuleReference(body.rule.id, body.rule.version),
        to_state=body.to_state,
        expected_head=expected_head,
        idempotency_key=idempotency_key,
        signed=None if body.signed is None else _signature(body.signed),
        members=[Party(Role(one.role), one.reference) for one in body.parties],
        seen=seen,
    )


def expected_head(service: Service, stored: StoredCase, expected: int | None) -> bytes | None:
    """Return the leaf hash that If-Match names.

    Raises:
        StaleHeadError: It names no entry of this return; one that is not the last is refused when it is recorded,
            so that the retry of a step that stands is not.
    """
    if expected is None:
        return None
    if expected == stored.last_index:
        return stored.case.head
    if expected < service.ledger.read.size():
        row = service.ledger.read.entry(expected)
        if row.return_id == stored.case.return_id and row.seq is not None:
            return row.leaf_hash
    raise StaleHeadError(
        f"entry {expected} is none of this return; its last is {stored.last_index}", hint="read it again, then decide"
    )


def _signature(sent: WalletStatement) -> WalletSignature:
    return WalletSignature(
        address=bytes.fromhex(sent.address[2:]),
        signature=bytes.fromhex(sent.signature[2:]),
        nonce=bytes.fromhex(sent.nonce),
        deadline=sent.deadline,
        previous=None if sent.previous is None else bytes.fromhex(sent.previous),
    )
