"""Erasures: the platform decides about a person's data, and looks up what it decided.

Promises: an answer names no person: a decision is known by its id; a retry under the same key gets the decision as it
stands now. Does not: let anybody but the platform decide, or bring anything back.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from ledger_service.api.bodies import Wire, body_of, documented
from ledger_service.api.identity import At, Eraser, Key
from ledger_service.api.problems import ProblemError
from ledger_service.api.respond import created, document
from ledger_service.api.wire import Answer, Hex16, Index, Instant, PartyReference, RoleName
from ledger_service.core.entry import Role
from ledger_service.core.erasure import Ground
from ledger_service.operations.erase import Request, erase, erasure_members
from ledger_service.operations.lift import lift
from ledger_service.operations.pseudonyms import Party, erasure_id

router = APIRouter(tags=["erasures"])
GroundName = Literal[
    "purpose_fulfilled", "consent_withdrawn", "objection", "unlawful_processing", "legal_obligation",
    "retention_ended", "accuracy_contested", "erasure_opposed", "needed_for_claims", "objection_pending",
]  # fmt: skip
assert set(GroundName.__args__) == {ground.value for ground in Ground}  # type: ignore[attr-defined]


class ErasureRequest(Wire):
    """A request about a person's data: erasure, or on the last four grounds restriction."""

    party: PartyReference = Field(description="whose data; every role under this reference")
    ground: GroundName
    asked_by: RoleName = Field(description="who asked for it")
    asked_at: Instant = Field(description="when it was asked for")


class ErasedCase(Answer):
    """What goes of a return: the person's `own` words and files, or joint facts too (`case`); null: nothing."""

    return_id: Hex16
    extent: Literal["own", "case"] | None
    retention_until: Instant | None = Field(description="until when its joint facts are kept; null: they are not")
    entries: list[Index] = Field(description="entries that tell of the erasure")


class ErasureAnswer(Answer):
    """A decision with its ground and dates. `reason` says why it is deferred, `citation` names the articles."""

    id: Hex16
    outcome: Literal["done", "restricted", "deferred"]
    ground: GroundName
    reason: Literal["open_dispute", "open_case", "retention"] | None
    citation: str
    asked_by: RoleName
    asked_at: Instant
    decided_at: Instant
    review_at: Instant | None = Field(description="when it is looked at again; null: it is not")
    told_at: Instant | None = Field(description="when the person was told that a restriction would be lifted")
    lifted_at: Instant | None = Field(description="when a restriction was lifted; null: it was not")
    cases: list[ErasedCase]


@router.post(
    "/v1/erasures",
    status_code=201,
    responses={201: {"model": ErasureAnswer}},
    openapi_extra=documented(ErasureRequest),
)
def decide_erasure(
    service: At, principal: Eraser, key: Key, body: Annotated[ErasureRequest, Depends(body_of(ErasureRequest))]
) -> Response:
    """Decide about a person's data: erased when this returns, kept and not shown, or deferred with the reason."""
    ledger = service.ledger
    request = Request(
        person=Party(Role(body.party.role), body.party.reference),
        ground=Ground(body.ground),
        asked_by=Role(body.asked_by),
        asked_at=body.asked_at,
        # The key is kept as this id alone: a fingerprint of the body would outlive the person under our own key.
        id=erasure_id(ledger, principal.party, key),
    )
    known = ledger.erasures.find(request.id) is not None
    decided = erase(ledger, request, by=principal.party)
    return created(erasure_members(decided), headers={"Location": f"/v1/erasures/{decided.id}"}, replayed=known)


class LiftRequest(Wire):
    """That a restriction ends. The person was told before (GDPR Art. 18(3))."""

    told_at: Instant = Field(description="when the person was told; not before the decision, not in the future")


@router.post(
    "/v1/erasures/{id}/lift",
    status_code=201,
    responses={201: {"model": ErasureAnswer}},
    openapi_extra=documented(LiftRequest),
)
def lift_restriction(
    service: At, principal: Eraser, _: Key, id: str, body: Annotated[LiftRequest, Depends(body_of(LiftRequest))]
) -> Response:
    """Lift a restriction: what was kept and not shown is shown again. Lifted before, it is answered as it stands."""
    ledger = service.ledger
    before = ledger.erasures.find(id)
    lifted = lift(ledger, id, told_at=body.told_at, by=principal.party)
    replayed = before is not None and erasure_members(before)["lifted_at"] is not None
    return created(erasure_members(lifted), headers={"Location": f"/v1/erasures/{lifted.id}"}, replayed=replayed)


@router.get("/v1/erasures/{id}", responses={200: {"model": ErasureAnswer}})
def show_erasure(service: At, _: Eraser, id: str) -> Response:
    """Return a decision as it stands now: one that was deferred may have been carried out since."""
    found = service.ledger.erasures.find(id)
    if found is None:
        raise ProblemError("unknown-object", f"there is no erasure {id!r:.40}")
    return document(erasure_members(found))
