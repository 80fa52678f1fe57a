"""Entry bundles (c2sp.org/tlog-tiles) for who may read every entry in them: monitors, regulators, the operator.

Promises: to everybody else a bundle answers like one that does not exist, and no shared cache keeps it. Does not: show
values; entries hold commitments.
"""

from __future__ import annotations

from fastapi import APIRouter, Response

from ledger_service.api.identity import Anybody, At
from ledger_service.api.problems import ProblemError
from ledger_service.api.public import tile_span
from ledger_service.api.respond import PRIVATE
from ledger_service.operations.bundles import read_bundle

router = APIRouter(tags=["public log"])


@router.get(
    "/tile/entries/{place:path}",
    response_class=Response,
    responses={
        200: {
            "description": "each entry after its length as two bytes, the higher first; 256 entries a full bundle",
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
def entry_bundle(service: At, principal: Anybody, place: str) -> Response:
    """Return a full or partial entry bundle, if the caller may read every entry in it."""
    first, count = tile_span(place)
    found = read_bundle(service.ledger, principal, first, count)
    if found is None:
        raise ProblemError("unknown-object", "no such entry bundle for you: an entry in it is not yours, or not there")
    return Response(found, media_type="application/octet-stream", headers=PRIVATE)
