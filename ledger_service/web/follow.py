"""A return as one of its parties follows it: the link that opens it, where it stands, what happens next, receipts.

Promises: a link's token comes in the body of a form and never in a URL that a server sees; the page shows a party what
the API would. Does not: record a step (`act.py`).
"""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ledger_service.core.clock import Clock
from ledger_service.core.clocks import clocks
from ledger_service.core.docket import Docket
from ledger_service.core.entry import CaseEntry, parse_entry
from ledger_service.core.happenings import happenings
from ledger_service.core.locator import Locator, encode_locator
from ledger_service.core.receipt import encode_receipt
from ledger_service.core.timeline_row import block_instant
from ledger_service.documents.paper import MEDIA_TYPE
from ledger_service.errors import CredentialError
from ledger_service.operations.access import open_case, open_entry
from ledger_service.operations.anchored import anchors_of, life
from ledger_service.operations.credentials import SESSION_SECONDS_MAX, find_by_token, redeem_link
from ledger_service.operations.disclosing import visible_names
from ledger_service.operations.ledger import Ledger, format_instant
from ledger_service.operations.orders import VERB as REQUEST
from ledger_service.operations.orders import order_of
from ledger_service.operations.principal import Principal, Scope
from ledger_service.operations.print_receipt import print_own_receipt
from ledger_service.operations.prove import prove
from ledger_service.operations.revoke import revoke
from ledger_service.operations.show import available, timeline
from ledger_service.operations.since import since_of
from ledger_service.store.read import StoredEntry
from ledger_service.web.answering import Form, PageRoute, page, sent_form
from ledger_service.web.code import draw_code
from ledger_service.web.entries import named_entries
from ledger_service.web.offers import Offer, offer_of
from ledger_service.web.paging import PAGE, WORDS_BYTES_MAX, asked_part, parts
from ledger_service.web.rows import Goods
from ledger_service.web.session import PageError, caller_of, key_in, new_key, required_caller, sign_in, sign_out
from ledger_service.web.site import render, site_of, talk_of
from ledger_service.web.told import Offered, step_weights, told_offer, told_return

_INDEX_DIGITS_MAX = 15
STEPS_MAX = 60  # of one page, which then has some 60 KB


@page
def ask_for_link(request: Request) -> Response:
    """Return the page that takes a link."""
    return render(request, "open.html", signed_in=caller_of(request) is not None, key=new_key())


@sent_form
def open_link(request: Request, form: Form) -> Response:
    """Exchange a link for a session. Sent twice, the same form opens the same session."""
    ledger, key = site_of(request).ledger, key_in(form)
    token = form.get("link", "").strip().rpartition("#")[2]
    try:
        made, _ = redeem_link(ledger, token, key)
    except CredentialError:
        if _is_open_already(request, token):
            return RedirectResponse("/return", int(HTTPStatus.SEE_OTHER))
        raise _why_not(ledger, token) from None
    answer = RedirectResponse("/return", int(HTTPStatus.SEE_OTHER))
    sign_in(request, answer, made.token, seconds=SESSION_SECONDS_MAX)
    return answer


def _is_open_already(request: Request, token: str) -> bool:
    """Say whether a link that was used is that of the session of this browser: then nobody needs another one."""
    link, caller = find_by_token(site_of(request).ledger, token, kinds=("link",)), caller_of(request)
    if link is None or caller is None:
        return False
    return (link.return_id, link.mark) == (caller.return_id, caller.mark)


def _why_not(ledger: Ledger, token: str) -> PageError:
    """Return why a link does not open. Only whoever holds its secret is told which of the reasons it is."""
    link = find_by_token(ledger, token, kinds=("link",))
    if link is not None and link.revoked_at is not None:
        return PageError("link_revoked", HTTPStatus.UNAUTHORIZED, at=link.revoked_at)
    if link is not None and link.used_at is not None:
        return PageError("link_used", HTTPStatus.UNAUTHORIZED, at=link.used_at)
    if link is not None and link.expires_at is not None and link.expires_at <= format_instant(ledger.clock()):
        return PageError("link_old", HTTPStatus.UNAUTHORIZED, at=link.expires_at)
    return PageError("link", HTTPStatus.UNAUTHORIZED)


@page
def follow(request: Request) -> Response:
    """Return the page of the return, or lead to the form that opens it."""
    principal = required_caller(request)
    principal.require(Scope.READ)
    ledger, return_id = site_of(request).ledger, return_of(principal)
    if ledger.read.find_case(return_id) is None and order_of(ledger, principal) is not None:
        return RedirectResponse(f"/return/steps/{REQUEST}", int(HTTPStatus.SEE_OTHER))
    open_case(ledger, principal, return_id)
    found = timeline(ledger, return_id, reader=principal)
    part = asked_part(request, parts(step_weights(found), entries_max=STEPS_MAX, weight_max=WORDS_BYTES_MAX))
    told = told_return(found, talk_of(request), role=principal.party.role, part=part)
    return render(request, "return.html", signed_in=True, told=told, offers=offers_for(request, principal), part=part)


@page
def receipt(request: Request) -> Response:
    """Return the receipt of one entry of the return, as a file."""
    principal, ledger, row = required_caller(request), site_of(request).ledger, _row(request)
    entry = parse_entry(row.encoded)
    shown = visible_names(ledger, row.index, entry, principal) if isinstance(entry, CaseEntry) else frozenset()
    sent = f'attachment; filename="entry-{row.index}.receipt.json"'
    headers = {"Cache-Control": "no-store", "Content-Disposition": sent}
    return Response(encode_receipt(prove(ledger, row.index, show=shown)), 200, headers, "application/json")


@page
def shown_receipt(request: Request) -> Response:
    """Return the page of a receipt, to be looked at or printed, with a code that finds the entry in the public log."""
    ledger, talk, row = site_of(request).ledger, talk_of(request), _row(request)
    entry = parse_entry(row.encoded)
    if not isinstance(entry, CaseEntry):
        raise PageError("nothing", HTTPStatus.NOT_FOUND)
    anchors = anchors_of(ledger)
    state, at = life(anchors, row.index, required=ledger.genesis()[0].required)
    since = since_of(ledger, anchors, [row.index]).get(row.index)
    located = encode_locator(Locator(ledger.origin, row.index, row.leaf_hash))
    return render(
        request, "receipt.html", signed_in=True, index=row.index, leaf=row.leaf_hash.hex(), code=draw_code(located),
        words=talk.speech.verb(entry.verb), role=talk.speech.code("role", entry.asserted_by.role.value),
        at=talk.instant(row.recorded_at), life=talk.speech.code("life", state), final=state == "finalized",
        since="" if since is None else talk.instant(block_instant(since.time)),
        by="" if at is None else talk.instant(block_instant(at)), return_id=entry.return_id,
    )  # fmt: skip


@page
def receipt_on_paper(request: Request) -> Response:
    """Return the receipt of one step as PDF, in the language of the reader."""
    principal, row = required_caller(request), _row(request)
    principal.require(Scope.READ)
    data = print_own_receipt(site_of(request).ledger, principal, row.index, talk_of(request).speech.language)
    sent = f'attachment; filename="entry-{row.index}.receipt.pdf"'
    headers = {"Cache-Control": "no-store", "Content-Disposition": sent, "Vary": "Accept-Language, Cookie"}
    return Response(data, 200, headers, MEDIA_TYPE)


def _row(request: Request) -> StoredEntry:
    """Return the entry that the path names, if the caller may see it."""
    digits = request.path_params["index"]
    if not digits.isascii() or not digits.isdigit() or len(digits) > _INDEX_DIGITS_MAX:
        raise PageError("nothing", HTTPStatus.NOT_FOUND)
    return open_entry(site_of(request).ledger, required_caller(request), int(digits))


@sent_form
def leave(request: Request, _: Form) -> Response:
    """End the session, here and for whoever else holds it."""
    principal = caller_of(request)
    ledger = site_of(request).ledger
    if principal is not None and (found := ledger.credentials.find(principal.name)) is not None:
        revoke(ledger, found)
    answer = RedirectResponse("/", int(HTTPStatus.SEE_OTHER))
    sign_out(request, answer)
    return answer


def return_of(principal: Principal) -> str:
    """Return the return that a session is for."""
    assert principal.return_id is not None  # `caller_of` takes no other
    return principal.return_id


def offers_for(request: Request, principal: Principal) -> list[Offer]:
    """Return the steps that the party can take on a page now."""
    found = available(site_of(request).ledger, return_of(principal), [principal.party.role])
    goods = goods_of(request, principal)
    offers = [offer_of(action, goods) for one in found for action in one.actions]
    return [one for one in offers if one is not None]


def goods_of(request: Request, principal: Principal) -> Goods:
    """Return what the forms of a return know of it."""
    ledger, return_id = site_of(request).ledger, return_of(principal)
    docket, found = _docket_and_clocks(request, principal)
    rules = sorted({f"{one.rule.id}@{one.rule.version}" for one in found})
    return Goods(
        lines=tuple(docket.balance.lines.values()),
        currency=docket.balance.currency,
        rules=tuple(rules),
        entries=named_entries(ledger, principal, return_id),
    )


def offer_told(request: Request, principal: Principal) -> Offered | None:
    """Return the settlement offer that is open in a return, in the words of its reader."""
    docket, found = _docket_and_clocks(request, principal)
    return told_offer(docket.balance, found, talk_of(request))


def _docket_and_clocks(request: Request, principal: Principal) -> tuple[Docket, tuple[Clock, ...]]:
    ledger = site_of(request).ledger
    docket = ledger.dockets.of(return_of(principal))
    return docket, tuple(clocks(happenings(docket), now=format_instant(ledger.clock())))


ROUTES = [
    PageRoute("/open", ask_for_link, methods=["GET"]),
    PageRoute("/open", open_link, methods=["POST"]),
    PageRoute("/return", follow, query=(PAGE,)),
    PageRoute("/return/receipts/{index}", receipt),
    PageRoute("/return/entries/{index}", shown_receipt),
    PageRoute("/return/receipts/{index}/pdf", receipt_on_paper),
    PageRoute("/leave", leave, methods=["POST"]),
]
