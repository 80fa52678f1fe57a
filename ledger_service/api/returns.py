"""Returns: open one, record a step, look at it, ask what is possible now, prepare what a wallet is to sign.

Promises: 201 only when the entry is durable; a retry with the same key gets the same answer. Does not: decide whether a
step is allowed (`operations/admit.py`).
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from ledger_service.api.address import Cursor, Plain, ReturnId
from ledger_service.api.asked import Asked, asking
from ledger_service.api.bodies import documented
from ledger_service.api.identity import At, Reader, etag
from ledger_service.api.respond import created, document, page
from ledger_service.api.service import Service
from ledger_service.api.steps import expected_head, step_of
from ledger_service.api.wire import CaseAnswer, CaseList, RecordedAnswer, StepRequest
from ledger_service.core.case import Case
from ledger_service.core.encoding import Json
from ledger_service.core.entry import CaseEntry
from ledger_service.core.receipt import receipt_members
from ledger_service.core.returns import allowed_verbs
from ledger_service.errors import UnknownReturnError, WrongStateError
from ledger_service.operations.access import list_cases, open_case
from ledger_service.operations.answer import receipt_of
from ledger_service.operations.principal import Principal, Scope
from ledger_service.operations.record import Recorded
from ledger_service.operations.record_async import record_async
from ledger_service.store.read import StoredCase

router = APIRouter(tags=["returns"])
Opening = Annotated[Asked[StepRequest], Depends(asking(Scope.RECORD, StepRequest))]
_ask_to_go = asking(Scope.RECORD, StepRequest, matched=True)
Going = Annotated[Asked[StepRequest], Depends(_ask_to_go)]
_CREATED: dict[int | str, dict[str, Any]] = {201: {"model": RecordedAnswer}}


@router.post(
    "/v1/returns",
    status_code=201,
    responses=_CREATED,
    openapi_extra=documented(StepRequest),
)
async def open_return(asked: Opening) -> Response:
    """Open a return: record its first step, under a new random return_id."""
    recorded = await take_step(asked.service, asked.principal, asked.body, key=asked.key)
    return answer_recorded(asked.service, recorded)


@router.post(
    "/v1/returns/{return_id}/transitions",
    status_code=201,
    responses=_CREATED,
    openapi_extra=documented(StepRequest),
)
async def record_transition(asked: Going, return_id: ReturnId) -> Response:
    """Record a step of a return, or of one of its disputes."""
    service = asked.service
    stored = open_case(service.ledger, asked.principal, return_id)
    head = expected_head(service, stored, asked.expected)
    recorded = await take_step(service, asked.principal, asked.body, key=asked.key, seen=stored, head=head)
    return answer_recorded(service, recorded)


TRANSITIONS_PATH = re.compile(r"/v1/returns/([0-9a-f]{32})/transitions")  # with a `ReturnId`


async def serve_transition(request: Request, return_id: str) -> Response:
    """Answer what the route of `record_transition` answers, for a path of the form above (`shortcut.py`)."""
    return await record_transition(await _ask_to_go(request), return_id)


@router.get("/v1/returns", responses={200: {"model": CaseList}})
def list_returns(
    service: At,
    principal: Reader,
    after: Annotated[Cursor, Query(description="`next` of the page before")] = "",
    limit: Annotated[Plain, Query(ge=1, le=200)] = 50,
) -> Response:
    """List the returns that the caller may see."""
    found = list_cases(service.ledger, principal, after=after, limit=limit + 1)
    items = [case_members(service.ledger.read.case(return_id)) for return_id in found[:limit]]
    return page(items, found[limit - 1] if len(found) > limit else None)


@router.get("/v1/returns/{return_id}", responses={200: {"model": CaseAnswer}})
def show_return(service: At, principal: Reader, return_id: ReturnId) -> Response:
    """Return a return as it stands; the ETag goes into If-Match of the next step."""
    stored = open_case(service.ledger, principal, return_id)
    return document(case_members(stored), headers={"ETag": etag(stored.last_index)})


async def take_step(
    service: Service,
    principal: Principal,
    body: StepRequest,
    *,
    key: str,
    seen: StoredCase | None = None,
    head: bytes | None = None,
) -> Recorded:
    """Record a step of a return that the caller may see (`seen`), or of a new one (None); durable on return.

    Raises:
        LedgerError: As `record`.
    """
    return_id = None if seen is None else seen.case.return_id
    step = step_of(service, principal, body, return_id=return_id, expected_head=head, idempotency_key=key, seen=seen)
    try:
        return await record_async(service.ledger, step)
    except UnknownReturnError as error:
        if seen is not None:
            raise
        allowed = allowed_verbs(None, step.asserted_by.role)  # a step that only a return which exists can take
        raise WrongStateError(
            f"a return does not begin with {body.verb}", verb=body.verb, state=None, allowed=allowed
        ) from error


def case_members(stored: StoredCase) -> dict[str, Json]:
    """Return a return as the API shows it."""
    case = stored.case
    return {
        "return_id": case.return_id,
        "state": case.state,
        "entries": case.count,
        "head": case.head.hex(),
        "last_index": stored.last_index,
        "buyer_country": case.buyer_country,
        "seller_country": case.seller_country,
        "opened_at": case.opened_at,
        "disputes": _disputes(case),
    }


def recorded_members(service: Service, recorded: Recorded) -> dict[str, Json]:
    """Return a recorded step as the API answers it."""
    appended = recorded.appended
    entry = appended.entry
    assert isinstance(entry, CaseEntry)  # a step of a case
    return {
        "return_id": recorded.return_id,
        "index": appended.index,
        "leaf_hash": appended.leaf_hash.hex(),
        "verb": entry.verb,
        "state": entry.to_state,
        "recorded_at": entry.recorded_at,
        "size": appended.size,
        "receipt": receipt_members(receipt_of(service.ledger, appended, recorded.disclosures)),
    }


def answer_recorded(service: Service, recorded: Recorded) -> Response:
    """Return 201 with the entry's place and receipt."""
    index = recorded.appended.index
    headers = {
        "Location": f"/v1/entries/{index}",
        "Link": f'</v1/entries/{index}/receipt>; rel="receipt"',
        "ETag": etag(index),
    }
    return created(recorded_members(service, recorded), headers=headers, replayed=recorded.appended.replayed)


def _disputes(case: Case) -> list[Json]:
    return [{"dispute_id": one.dispute_id, "state": one.state} for one in case.disputes]
