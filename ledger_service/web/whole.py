"""The whole return for whoever has to decide: timeline, sheets, pictures side by side, and the package.

Promises: a file that is looked at and a package that is taken along stand in the ledger, as over the API; a picture is
sent as one and as nothing else. Does not: decide who may see what (`operations/access.py`).
"""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from ledger_service.core.case_proof import encode_case_proof
from ledger_service.core.timeline import Timeline
from ledger_service.operations.access import open_case
from ledger_service.operations.principal import Principal
from ledger_service.operations.principal import Scope as Allowed
from ledger_service.operations.prove_case import NoSealError, prove_covered
from ledger_service.operations.read_evidence import may_open
from ledger_service.operations.read_texts import read_texts
from ledger_service.operations.show import timeline
from ledger_service.web.answering import PageRoute, error_page, page
from ledger_service.web.files import scope_for
from ledger_service.web.follow import return_of
from ledger_service.web.paging import PAGE, WORDS_BYTES_MAX, Part, asked_part, parts
from ledger_service.web.session import PageError, is_ours, new_key, required_caller
from ledger_service.web.side_by_side import by_goods, column_parts, columns_of
from ledger_service.web.site import render, site_of, talk_of
from ledger_service.web.talk import Talk
from ledger_service.web.told_case import Readable, entry_weights, told_case

ENTRIES_MAX = 40  # of one page, which then has some 60 KB beside the sheets


@page
def whole(request: Request) -> Response:
    """Return the page of the whole return."""
    principal, told = _opened(request)
    ledger, export = site_of(request).ledger, Allowed.EXPORT in principal.scopes
    try:
        sealed = prove_covered(ledger, return_of(principal)).seal.index
    except NoSealError:
        sealed = None
    part = asked_part(request, entry_parts(told, talk_of(request)))
    readable = Readable(
        opens=lambda row, position: may_open(ledger, principal, row.entry, row.index, position),
        texts=dict(read_texts(ledger, principal, told.rows, told.rows[part.first : part.end])),
    )
    shown = told_case(told, talk_of(request), readable, part)
    return render(request, "case.html", signed_in=True, told=shown, sealed=sealed, export=export, part=part)


@page
def side_by_side(request: Request) -> Response:
    """Return the evidence of a return side by side, each kind in a column."""
    principal, told = _opened(request)
    ledger, talk = site_of(request).ledger, talk_of(request)
    found = columns_of(
        told, talk,
        opens=lambda row, position: may_open(ledger, principal, row.entry, row.index, position),
        entries=entry_parts(told, talk),
    )  # fmt: skip
    part = asked_part(request, column_parts(found))
    return render(request, "pictures.html", signed_in=True, columns=list(by_goods(found, part)), part=part)


@page
def complete(request: Request) -> Response:
    """Return the proof of how many entries the return has, as a file."""
    principal = required_caller(request)
    principal.require(Allowed.READ)
    ledger, return_id = site_of(request).ledger, return_of(principal)
    open_case(ledger, principal, return_id)
    sent = f'attachment; filename="return-{return_id}.completeness.json"'
    headers = {"Cache-Control": "no-store", "Content-Disposition": sent}
    return Response(encode_case_proof(prove_covered(ledger, return_id)), 200, headers, "application/json")


def entry_parts(told: Timeline, talk: Talk) -> list[Part]:
    """Return which entries of a return stand on which page of the whole of it."""
    return parts(entry_weights(told, talk), entries_max=ENTRIES_MAX, weight_max=WORDS_BYTES_MAX)


class _Package:
    """The package, by the way of the API, which records that it was made."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on to the API, whose answer is the answer where it is the archive."""
        request = Request(scope, receive)
        try:
            if not is_ours(request):
                raise PageError("elsewhere", HTTPStatus.FORBIDDEN)
            principal = required_caller(request)
        except PageError as error:
            await error_page(request, error)(scope, receive, send)
            return
        key = f"page-package-{new_key()}".encode()
        path, language = f"/v1/returns/{return_of(principal)}/package", talk_of(request).speech.language
        inner = scope_for(request, path, [(b"idempotency-key", key)], query=f"language={language}")
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            if status == HTTPStatus.OK:
                await send(message)

        await request.app(inner, receive, sending)
        if status != HTTPStatus.OK:
            reason = "not_permitted" if status == HTTPStatus.FORBIDDEN else "busy"
            await error_page(request, PageError(reason, HTTPStatus(status)))(scope, receive, send)


def _opened(request: Request) -> tuple[Principal, Timeline]:
    principal = required_caller(request)
    principal.require(Allowed.READ)
    ledger, return_id = site_of(request).ledger, return_of(principal)
    open_case(ledger, principal, return_id)
    return principal, timeline(ledger, return_id, reader=principal)


ROUTES = [
    PageRoute("/return/case", whole, query=(PAGE,)),
    PageRoute("/return/pictures", side_by_side, query=(PAGE,)),
    PageRoute("/return/completeness", complete),
    PageRoute("/return/package", _Package(), methods=["POST"]),
]
