"""A step that a party takes on a page: the form, what was filled in, the entry, and its receipt at once.

Promises: a form that is sent twice, or again after a step back, records once; one that was looked at before the return
moved on is refused, and nothing that was written is lost. Does not: judge the step (`operations/record.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ledger_service.core.entry import ASIDE_KINDS, CaseEntry, parse_entry
from ledger_service.errors import IdempotencyMismatchError
from ledger_service.operations.access import open_case, open_entry
from ledger_service.operations.asked import Step, Uploaded
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.principal import Principal, Scope
from ledger_service.operations.pseudonyms import actor
from ledger_service.operations.record import record
from ledger_service.operations.uploads import keep_upload, require_disk, require_quota
from ledger_service.store.read import StoredEntry
from ledger_service.web.answering import Form, PageRoute, page, sent_form
from ledger_service.web.answers import AnswersError, read_answers
from ledger_service.web.files import waiting_files
from ledger_service.web.follow import goods_of, offer_told, offers_for, return_of
from ledger_service.web.offers import STATEMENT_BYTES_MAX, Offer, offer_in_table
from ledger_service.web.session import PageError, key_in, new_key, required_caller
from ledger_service.web.site import render, site_of, talk_of

_ANSWERS = ("accept_offer", "refuse_offer")  # whose forms say once more what is offered


@page
def ask(request: Request) -> Response:
    """Return the form of a step; where it is offered no more and the party took it, the entry that it became."""
    try:
        principal, offer = _offered(request)
    except PageError as error:
        stands = None if error.reason != "not_now" else standing(request, request.path_params["verb"])
        if stands is None:
            raise
        return told_entry(request, stands, again=True)
    head = open_case(site_of(request).ledger, principal, return_of(principal)).case.head
    return _form(request, offer, {"key": new_key(), "head": head.hex()}, {})


@sent_form
def take(request: Request, form: Form) -> Response:
    """Record a step; what is not right comes back as it was filled in."""
    principal, offer = _offered(request, again=form)
    key = key_in(form)
    try:
        answers = read_answers(offer, form, key=key, language=_language(request, form))
    except AnswersError as error:
        _offered(request)  # a form of a step that is offered no more is not filled in again
        return _form(request, offer, form, error.wrong)
    ledger = site_of(request).ledger
    evidence = [(kind, Uploaded(principal.mark, digest)) for kind, digest in answers.files]
    if answers.statement is not None and offer.statement is not None:
        evidence.append((offer.statement, keep_statement(ledger, principal, answers.statement)))
    step = Step(
        verb=offer.action.verb,
        asserted_by=principal.party,
        recorded_by=principal.party,
        fields=answers.fields,
        evidence=evidence,
        rule=answers.rule,
        to_state=answers.to_state,
        return_id=return_of(principal),
        expected_head=_head(form),
        idempotency_key=f"page-{key}",
    )
    try:
        done = record(ledger, step).appended
    except IdempotencyMismatchError:  # the form of a step back, changed and sent again
        raise PageError("sent_before", HTTPStatus.CONFLICT) from None
    again = "/again" if done.replayed else ""
    return RedirectResponse(f"/return/recorded/{done.index}{again}", int(HTTPStatus.SEE_OTHER))


@page
def recorded(request: Request) -> Response:
    """Return the page that follows a step: what stands in the ledger, since now or, under `again`, since before."""
    principal = required_caller(request)
    digits = request.path_params["index"]
    if not digits.isascii() or not digits.isdigit() or len(digits) > 15:
        raise PageError("nothing", HTTPStatus.NOT_FOUND)
    row = open_entry(site_of(request).ledger, principal, int(digits))
    if row.return_id != return_of(principal):
        raise PageError("nothing", HTTPStatus.NOT_FOUND)
    return told_entry(request, row, again=request.url.path.endswith("/again"))


def told_entry(request: Request, row: StoredEntry, *, again: bool) -> Response:
    """Return the page of an entry that a step became; `again` where it stood before."""
    return render(
        request,
        "recorded.html",
        signed_in=True,
        again=again,
        index=row.index,
        leaf=row.leaf_hash.hex(),
        at=talk_of(request).instant(row.recorded_at),
    )


def standing(request: Request, verb: str) -> StoredEntry | None:
    """Return the newest entry by which the party took a step, of the dispute that the path names; None: none."""
    principal, ledger = required_caller(request), site_of(request).ledger
    _, case_key = ledger.keys.key_for(f"case:{return_of(principal)}")
    who, wanted = actor(case_key, principal.party), (verb, request.path_params.get("dispute_id"))
    for row in reversed(ledger.read.entries_of(return_of(principal))):
        entry = parse_entry(row.encoded)
        if not isinstance(entry, CaseEntry) or entry.kind in ASIDE_KINDS or entry.asserted_by != who:
            continue
        if (entry.verb, entry.facts.get("dispute_id") if wanted[1] else None) == wanted:
            return row
    return None


def _offered(request: Request, *, again: Mapping[str, str] | None = None) -> tuple[Principal, Offer]:
    """Return who asks and the step that the path names.

    Args:
        request: Whose path it is.
        again: The form that was sent: it may be one that was recorded already, so the step need not be offered now.

    Raises:
        PageError: No such step can be taken on a page now.
    """
    principal = required_caller(request)
    principal.require(Scope.RECORD)
    verb, dispute_id = request.path_params["verb"], request.path_params.get("dispute_id")
    for offer in offers_for(request, principal):
        if (offer.action.verb, offer.action.dispute_id) == (verb, dispute_id):
            return principal, offer
    if again is not None:
        known = offer_in_table(verb, dispute_id, principal.party.role, goods_of(request, principal))
        if known is not None:
            return principal, known
    raise PageError("not_now", HTTPStatus.CONFLICT)


def _form(request: Request, offer: Offer, form: Mapping[str, str], wrong: Mapping[str, str]) -> Response:
    status = HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK
    principal, talk = required_caller(request), talk_of(request)
    files = waiting_files(site_of(request).ledger, principal) if offer.kinds else ()
    return render(
        request, "step.html", status=status, signed_in=True, offer=offer, form=form, wrong=wrong, files=files,
        file_key=new_key(), words=talk.speech.of(offer.action.words),
        offered=offer_told(request, principal) if offer.action.verb in _ANSWERS else None,
    )  # fmt: skip


def _head(form: Mapping[str, str]) -> bytes:
    """Return the head of the return that the form was made for."""
    text = form.get("head", "")
    if len(text) != 64 or not all(c in "0123456789abcdef" for c in text):
        raise PageError("form", HTTPStatus.BAD_REQUEST)
    return bytes.fromhex(text)


def _language(request: Request, form: Mapping[str, str]) -> str:
    """Return the language of the page that a form was filled in on, whatever the person chose since."""
    tag = form.get("language", talk_of(request).tag)
    if tag not in site_of(request).languages.tags:
        raise PageError("form", HTTPStatus.BAD_REQUEST)
    return tag


def keep_statement(ledger: Ledger, principal: Principal, statement: bytes) -> Uploaded:
    """Store what was written as a file of the party."""
    require_disk(ledger, len(statement))
    require_quota(ledger, principal.mark, len(statement))
    file = ledger.evidence.begin(size_max=STATEMENT_BYTES_MAX, what="the statement")
    try:
        file.write(statement)
        stored = file.finish()
    finally:
        file.abandon()
    keep_upload(ledger, principal.mark, stored)
    return Uploaded(principal.mark, stored.sha256)


ROUTES = [
    PageRoute("/return/steps/{verb}", ask, methods=["GET"]),
    PageRoute("/return/steps/{verb}", take, methods=["POST"]),
    PageRoute("/return/steps/{verb}/{dispute_id}", ask, methods=["GET"]),
    PageRoute("/return/steps/{verb}/{dispute_id}", take, methods=["POST"]),
    PageRoute("/return/recorded/{index}", recorded),
    PageRoute("/return/recorded/{index}/again", recorded),
]
