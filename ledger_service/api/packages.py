"""Packages and exports: what leaves the ledger to be read elsewhere. That it left is an entry of each case.

Promises: the entry is durable before the first byte is sent; an answer is streamed, never whole in memory; what a
party may not be shown is not in it. Does not: keep what it sent: the same request under the same key makes it again.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from ledger_service.api.bodies import Wire, body_of, documented
from ledger_service.api.identity import At, Exporter, Key
from ledger_service.api.respond import PRIVATE
from ledger_service.api.wire import Instant
from ledger_service.core.case_index import Scope
from ledger_service.core.case_proof import encode_case_proof
from ledger_service.core.export import Filters
from ledger_service.core.pages.language import Language
from ledger_service.operations.access import open_case
from ledger_service.operations.export import choose_cases, choose_head
from ledger_service.operations.once import Outcome, once
from ledger_service.operations.package import make_package, record_package
from ledger_service.operations.prove_case import prove_scope_for

router = APIRouter(tags=["packages and exports"])
ARCHIVE = "application/zip"
_ZIP: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "the archive; `rledger verify` checks it",
        "content": {ARCHIVE: {"schema": {"type": "string", "format": "binary"}}},
    }
}
LINES = "application/x-ndjson"
_LINES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "a header, one line an entry, a trailer; `rledger verify` checks it",
        "content": {LINES: {"schema": {"type": "string"}}},
    }
}
Country = Annotated[str, Field(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2")]


class ExportRequest(Wire):
    """Which cases to export, of those that the caller may see; all of them where nothing is given."""

    buyer_country: Country | None = None
    seller_country: Country | None = None
    opened_from: Instant | None = Field(None, description="opened at this time or later")
    opened_until: Instant | None = Field(None, description="opened before this time")
    final: bool = Field(False, description="only what the newest final tree head holds, so that the export is valid")


@router.post("/v1/returns/{return_id}/package", response_class=StreamingResponse, responses=_ZIP)
def export_return(
    service: At,
    principal: Exporter,
    return_id: str,
    key: Key,
    language: Annotated[Language, Query(description="of report.pdf; the other pages are in every language")] = (
        Language.EN
    ),
) -> StreamingResponse:
    """Return the package of a return as the caller may see it; the export stands in the ledger as an entry.

    A repetition under the same key is made as of the same entry: it records nothing, and may have grown by anchors,
    unless the return has moved on.
    """
    ledger = service.ledger
    open_case(ledger, principal, return_id)

    def work() -> Outcome:
        index, now = record_package(ledger, principal, return_id)
        return Outcome({"index": index, "recorded_at": now})

    asked = once(ledger, principal.party, key, ["POST", f"/v1/returns/{return_id}/package"], work)
    before, now = int(asked.answer["index"]), str(asked.answer["recorded_at"])  # type: ignore[arg-type]
    folder = service.settings.home.absolute()
    made = make_package(ledger, principal, return_id, before=before, now=now, folder=folder, language=language)
    headers = {
        **PRIVATE,
        "Content-Disposition": f'attachment; filename="return-{return_id}.zip"',
        "Content-Length": str(made.size),
        **({"Idempotent-Replayed": "true"} if asked.replayed else {}),
    }
    return StreamingResponse(made.chunks(), 200, headers, ARCHIVE)


@router.get(
    "/v1/completeness",
    responses={200: {"content": {"application/json": {"schema": {"type": "object"}}}}},
)
def show_scope_completeness(
    service: At,
    principal: Exporter,
    buyer_country: Country,
    seller_country: Country,
    month: Annotated[
        str | None, Query(pattern=r"^\d{4}-(?:0[1-9]|1[0-2])$", description="opened in this month; all if left out")
    ] = None,
) -> Response:
    """Return the proof of which returns of two countries there are, as of the newest final seal.

    `rledger verify` checks it, and an export that is given beside it: whether a return, or the end of one, is left out.
    It names no return: only who knows a return's id finds it there. For regulators of either country, and platforms.
    """
    proof = prove_scope_for(service.ledger, principal, Scope(buyer_country, seller_country, month))
    named = "-".join(one for one in (buyer_country, seller_country, month) if one)
    sent = f'attachment; filename="{named}.completeness.json"'
    return Response(encode_case_proof(proof), 200, {**PRIVATE, "Content-Disposition": sent}, "application/json")


@router.post(
    "/v1/exports",
    response_class=StreamingResponse,
    responses=_LINES,
    openapi_extra=documented(ExportRequest),
)
def export_cases(
    service: At, principal: Exporter, key: Key, body: Annotated[ExportRequest, Depends(body_of(ExportRequest))]
) -> StreamingResponse:
    """Stream the cases that the caller may see; that each was exported stands in the ledger as an entry.

    A repetition under the same key is made up to the same tree head, and stands in the ledger again.
    """
    ledger = service.ledger
    ledger.require_writer()

    def work() -> Outcome:
        return Outcome({"size": choose_head(ledger, final=body.final).size})

    asked = once(ledger, principal.party, key, ["POST", "/v1/exports", body.model_dump()], work)
    head = ledger.read.checkpoint_at(int(asked.answer["size"]))  # type: ignore[arg-type]
    assert head is not None  # checkpoints are never deleted
    filters = Filters(body.buyer_country, body.seller_country, body.opened_from, body.opened_until)
    made = choose_cases(ledger, principal, filters, head=head)
    headers = {
        **PRIVATE,
        "Content-Disposition": 'attachment; filename="export.ndjson"',
        **({"Idempotent-Replayed": "true"} if asked.replayed else {}),
    }
    return StreamingResponse(made.lines(), 200, headers, LINES)
