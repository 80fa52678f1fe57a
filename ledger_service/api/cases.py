"""What a return looks like to its parties: the timeline, what each may do now, and what a wallet is to sign.

Promises: values that a party may not be shown are left out; nothing is recorded by looking here. Does not: judge.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from ledger_service.api.address import ReturnId
from ledger_service.api.bodies import body_of, documented
from ledger_service.api.identity import At, IfMatch, Key, Reader, Recorder, etag
from ledger_service.api.respond import PRIVATE, document
from ledger_service.api.steps import expected_head, step_of
from ledger_service.api.wire import Answer, Hex16, Hex32, Index, Instant, RoleName, StepRequest
from ledger_service.core.actions import action_members
from ledger_service.core.case_proof import encode_case_proof
from ledger_service.core.clock import clock_members
from ledger_service.core.entry import Role
from ledger_service.core.timeline import timeline_members
from ledger_service.operations.access import open_case
from ledger_service.operations.ledger import format_instant
from ledger_service.operations.prepare_statement import prepare_statement
from ledger_service.operations.prove_case import prove_covered
from ledger_service.operations.show import available, timeline

router = APIRouter(tags=["returns"])
STATEMENT_SECONDS = 3_600  # a person fetches a wallet, reads, signs


class AvailableAnswer(Answer):
    """What a role may do now, and the clocks that it must keep or has missed."""

    role: RoleName
    actions: list[dict[str, Any]]
    due: list[dict[str, Any]]


class ActionsAnswer(Answer):
    """The roles of a return with something to do, as of `now`."""

    return_id: Hex16
    now: Instant
    items: list[AvailableAnswer]


class StatementAnswer(Answer):
    """Typed data (EIP-712) for `eth_signTypedData_v4`; the other members go back with the signature."""

    typed_data: dict[str, Any]
    nonce: Hex32
    deadline: Index
    previous: Hex32 | None = Field(description="leaf hash of the return's last entry, which the statement covers")


@router.get(
    "/v1/returns/{return_id}/completeness",
    responses={200: {"content": {"application/json": {"schema": {"type": "object"}}}}},
)
def show_completeness(service: At, principal: Reader, return_id: ReturnId) -> Response:
    """Return the proof of how many entries the return has, as of the newest final seal; `rledger verify` checks it."""
    open_case(service.ledger, principal, return_id)
    sent = f'attachment; filename="return-{return_id}.completeness.json"'
    data = encode_case_proof(prove_covered(service.ledger, return_id))
    return Response(data, 200, {**PRIVATE, "Content-Disposition": sent}, "application/json")


@router.get(
    "/v1/returns/{return_id}/timeline",
    responses={200: {"content": {"application/json": {"schema": {"type": "object"}}}}},
)
def show_timeline(service: At, principal: Reader, return_id: ReturnId) -> Response:
    """Return the timeline of a return, its clocks, quantities, money, custody and disputes."""
    stored = open_case(service.ledger, principal, return_id)
    found = timeline(service.ledger, return_id, reader=principal)
    return document(timeline_members(found), headers={"ETag": etag(stored.last_index)})


@router.get("/v1/returns/{return_id}/actions", responses={200: {"model": ActionsAnswer}})
def list_actions(
    service: At,
    principal: Reader,
    return_id: ReturnId,
    role: Annotated[RoleName | None, Query(description="only this role; all if left out")] = None,
) -> Response:
    """Return what each role may do with a return now, with the fields and evidence that it takes."""
    stored = open_case(service.ledger, principal, return_id)
    roles = tuple(Role) if role is None else (Role(role),)
    found = available(service.ledger, return_id, roles)
    return document(
        {
            "return_id": return_id,
            "now": format_instant(service.ledger.clock()),
            "items": [
                {
                    "role": one.role.value,
                    "actions": [action_members(action) for action in one.actions],
                    "due": [clock_members(clock) for clock in one.due],
                }
                for one in found
            ],
        },
        headers={"ETag": etag(stored.last_index)},
    )


@router.post(
    "/v1/returns/{return_id}/statements",
    responses={200: {"model": StatementAnswer}},
    openapi_extra=documented(StepRequest),
)
def prepare_statement_of_step(
    service: At,
    principal: Recorder,
    return_id: ReturnId,
    key: Key,  # as on every POST; nothing is recorded, so that any will do
    expected: IfMatch,
    body: Annotated[StepRequest, Depends(body_of(StepRequest))],
) -> Response:
    """Return what a party's wallet is to sign for a step. Nothing is recorded, unless the step is refused."""
    del key
    stored = open_case(service.ledger, principal, return_id)
    head = expected_head(service, stored, expected)
    step = step_of(service, principal, body, return_id=return_id, expected_head=head, idempotency_key=None)
    made = prepare_statement(service.ledger, step, valid_seconds=STATEMENT_SECONDS)
    return document(
        {
            "typed_data": made.typed_data,
            "nonce": made.nonce.hex(),
            "deadline": made.deadline,
            "previous": None if made.previous is None else made.previous.hex(),
        }
    )
