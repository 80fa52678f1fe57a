"""What a verifier says of each entry of a return, check by check, on the word of this ledger about blocks.

Promises: the page says whose word it rests on; an entry whose proof is broken stands there as such, with the reason,
and the others beside it. Does not: verify independently (`/verify`, `rledger verify`).
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ledger_service.core.entry import CaseEntry, parse_entry
from ledger_service.errors import FormatError
from ledger_service.operations.access import open_case
from ledger_service.operations.anchored import anchors_of
from ledger_service.operations.own_verdict import own_verdict
from ledger_service.operations.principal import Scope
from ledger_service.store.read import StoredEntry
from ledger_service.web.answering import PageRoute, page
from ledger_service.web.follow import return_of
from ledger_service.web.paging import PAGE, asked_part, parts
from ledger_service.web.session import required_caller
from ledger_service.web.site import render, site_of, talk_of
from ledger_service.web.talk import Talk

ENTRIES_MAX = 25  # of one page: each is verified anew, and told in a dozen lines


@page
def proofs(request: Request) -> Response:
    """Return what a verifier says of the entries of the return, a page of them at a time."""
    principal = required_caller(request)
    principal.require(Scope.READ)
    ledger, return_id = site_of(request).ledger, return_of(principal)
    open_case(ledger, principal, return_id)
    rows, talk = ledger.read.entries_of(return_id), talk_of(request)
    part = asked_part(request, parts([1] * len(rows), entries_max=ENTRIES_MAX, weight_max=ENTRIES_MAX))
    anchors = anchors_of(ledger)
    reports = [
        (row.index, _words(row, talk), own_verdict(ledger, row, principal, anchors))
        for row in rows[part.first : part.end]
    ]
    return render(request, "proofs.html", signed_in=True, reports=reports, part=part)


def _words(row: StoredEntry, talk: Talk) -> str:
    """Return what an entry says was done, empty where it cannot be read."""
    try:
        entry = parse_entry(row.encoded)
    except FormatError:
        return ""
    return talk.speech.verb(entry.verb) if isinstance(entry, CaseEntry) else ""


ROUTES = [PageRoute("/return/proofs", proofs, query=(PAGE,))]
