"""The public log over HTTP: checkpoint and hash tiles (c2sp.org/tlog-tiles), trust file, health.

Promises: nothing of a case is served here; what is fixed for ever may be cached for ever, the rest not at all.
Does not: write.
"""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from ledger_service.api.identity import At
from ledger_service.api.problems import ProblemError
from ledger_service.api.respond import FIXED, FRESH
from ledger_service.core.encoding import Json
from ledger_service.core.trust import encode_trust
from ledger_service.errors import LedgerMissingError
from ledger_service.operations.anchor_state import anchoring, target_members

TILE_WIDTH = 256  # hashes in a full tile (c2sp.org/tlog-tiles, tile height 8)
TILE_HEIGHT = 8
TILE_LEVEL_MAX = 7  # 8 levels of 8 bits cover every size up to 2^63

# Groups of three digits, all but the last after an x, none of them idle; six hold every index below 2^56.
_TILE_NUMBER = re.compile(r"(?:(?!x000)x[0-9]{3}/(?:x[0-9]{3}/){0,4})?[0-9]{3}")
_TILE_WIDTH = re.compile(r"[1-9][0-9]{0,2}")

router = APIRouter(tags=["public log"])


def _sent(media_type: str, schema: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {media_type: {"schema": schema}}}}


@router.get("/checkpoint", responses=_sent("text/plain", {"type": "string"}))
def checkpoint(service: At) -> Response:
    """Return the newest signed tree head."""
    head = service.ledger.read.head()
    if head is None:
        raise LedgerMissingError("this ledger has no genesis entry yet")
    return PlainTextResponse(head.note, headers=FRESH)


@router.get(
    "/tile/{level}/{place:path}", responses=_sent("application/octet-stream", {"type": "string", "format": "binary"})
)
def tile(service: At, level: str, place: str) -> Response:
    """Return a full or partial hash tile, 32 bytes a hash."""
    if not re.fullmatch(r"[0-9]", level):
        raise _no_tile("its level is one digit")
    first, count = tile_span(place)
    if int(level) > TILE_LEVEL_MAX or first + count > service.ledger.read.size() >> (TILE_HEIGHT * int(level)):
        raise _no_tile("the log is not that large yet")
    hashes = service.ledger.read.tile(TILE_HEIGHT * int(level), first, count)
    return Response(b"".join(hashes), media_type="application/octet-stream", headers=FIXED)


@router.get("/.well-known/return-ledger", responses=_sent("application/json", {"type": "object"}))
def trust(service: At) -> Response:
    """Return the trust file. Pin it once; fetching it anew each time trusts whoever serves it."""
    return Response(encode_trust(service.ledger.trust()), media_type="application/json", headers=FRESH)


@router.get("/health/live", responses=_sent("application/json", {"type": "object"}))
def live() -> Response:
    """Say that the process answers."""
    return JSONResponse({"live": True}, headers=FRESH)


@router.get("/health/ready", responses=_sent("application/json", {"type": "object"}))
def ready(service: At) -> Response:
    """Say whether the ledger can be read, its size, and where anchoring stands: an alarm there stops no recording."""
    head = service.ledger.read.head()
    if head is None:
        raise LedgerMissingError("this ledger has no genesis entry yet")
    targets: list[Json] = [target_members(one) for one in anchoring(service.ledger)]
    return JSONResponse({"ready": True, "size": head.size, "anchoring": targets}, headers=FRESH)


def tile_span(place: str) -> tuple[int, int]:
    """Return the first position of a tile, and how many it holds.

    Raises:
        ProblemError: It is written in another way than in c2sp.org/tlog-tiles.
    """
    number, partial, width = place.partition(".p/")
    if not _TILE_NUMBER.fullmatch(number):
        raise _no_tile("a tile is /tile/<level>/<number>, written as in c2sp.org/tlog-tiles")
    if partial and (not _TILE_WIDTH.fullmatch(width) or int(width) >= TILE_WIDTH):
        raise _no_tile(f"a partial tile has 1 to {TILE_WIDTH - 1} hashes")
    count = int(width) if partial else TILE_WIDTH
    return int(number.replace("x", "").replace("/", "")) * TILE_WIDTH, count


def _no_tile(detail: str) -> ProblemError:
    return ProblemError("unknown-object", f"no such tile: {detail}")
