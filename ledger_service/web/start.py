"""A buyer asks for a return on a page: the goods and facts come with the link, the rest depends on law and ground.

Who withdraws by law is asked for no reason and no photo, and is shown until when; who says that something is wrong is
asked what, and for a photo. Promises: a form that is sent twice opens one return, and the receipt comes at once.
Does not: judge the request (`operations/record.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ledger_service.core.clock import ClockState
from ledger_service.core.encoding import Json
from ledger_service.core.fields import TEXT_CHARACTERS_MAX
from ledger_service.operations.asked import Step, Uploaded
from ledger_service.operations.orders import VERB, Order, order_of, request_fields, withdrawal_window
from ledger_service.operations.principal import Principal, Scope
from ledger_service.operations.record import record
from ledger_service.store.read import StoredEntry
from ledger_service.web.act import keep_statement, standing, told_entry
from ledger_service.web.answering import Form, PageRoute, page, sent_form
from ledger_service.web.answers import AnswersError, read_files
from ledger_service.web.files import waiting_files
from ledger_service.web.follow import return_of
from ledger_service.web.session import PageError, key_in, new_key, required_caller
from ledger_service.web.site import render, site_of, talk_of
from ledger_service.web.talk import Talk

PATH = f"/return/steps/{VERB}"
WITHDRAWAL = "statutory_withdrawal"  # of which the law of the buyer's country gives, or does not
PHOTO = "product_photo"
STATEMENT = "withdrawal_statement"
KINDS = (PHOTO, "product_video", "logistics_document", "delivery_proof_outbound", "order_snapshot")
_WRONG = (
    "defective", "damaged_in_transit", "not_as_described", "wrong_item", "missing_parts", "arrived_late",
    "counterfeit_or_safety", "other",
)  # fmt: skip
_UNWANTED = ("changed_mind", "size_fit", "style_color", "arrived_late", "other")


@dataclass(frozen=True, slots=True)
class Ground:
    """A ground to ask for a return on: the reasons and remedies to choose from; of one there is nothing to choose."""

    reasons: tuple[str, ...]
    wanted: tuple[str, ...]


GROUNDS = {
    WITHDRAWAL: Ground(("changed_mind",), ("refund",)),
    "non_conformity": Ground(_WRONG, ("refund", "exchange", "repair")),
    "seller_policy": Ground(_UNWANTED, ("refund", "exchange")),
    "platform_guarantee": Ground(_WRONG, ("refund",)),
}  # goodwill is given, not asked for


@dataclass(frozen=True, slots=True)
class Asked:
    """What was filled in: rows of the lines that come back, the buyer's words, files as (kind, SHA-256)."""

    lines: tuple[dict[str, Json], ...]
    words: str
    files: tuple[tuple[str, bytes], ...]


@page
def choose(request: Request) -> Response:
    """Return the page that asks on what ground the goods come back; the request itself, where it was made."""
    principal, order = _order(request)
    if (stands := _stands(request, principal)) is not None:
        return told_entry(request, stands, again=True)
    clock, talk = withdrawal_window(site_of(request).ledger, order), talk_of(request)
    return render(
        request, "start.html", signed_in=True, order=order, path=PATH,
        grounds=[one for one in GROUNDS if clock is not None or one != WITHDRAWAL],
        window="" if clock is None or clock.due_date is None else talk.day(clock.due_date),
        over=clock is not None and clock.state is ClockState.MISSED,
        law="" if clock is None else clock.citation, country=talk.country(str(order.fields["buyer_country"])),
        delivered=_day(order, "outbound_delivered_at", talk), ordered=_day(order, "ordered_at", talk),
    )  # fmt: skip


@page
def ask(request: Request) -> Response:
    """Return the form of the request on a ground."""
    principal, order = _order(request)
    if (stands := _stands(request, principal)) is not None:
        return told_entry(request, stands, again=True)
    return _form(request, order, {"key": new_key()}, {})


@sent_form
def take(request: Request, form: Form) -> Response:
    """Open the return; what is not right comes back as it was filled in."""
    principal, order = _order(request)
    basis, key = _basis(request, order), key_in(form)
    if (stands := _stands(request, principal)) is not None:
        return told_entry(request, stands, again=True)
    try:
        asked = read_request(order, basis, form)
    except AnswersError as error:
        return _form(request, order, form, error.wrong)
    ledger = site_of(request).ledger
    evidence = [(kind, Uploaded(principal.mark, digest)) for kind, digest in asked.files]
    comment = asked.words
    if basis == WITHDRAWAL:
        evidence.append((STATEMENT, keep_statement(ledger, principal, asked.words.encode())))
        comment = ""
    step = Step(
        verb=VERB,
        asserted_by=principal.party,
        recorded_by=principal.party,
        fields=request_fields(order, basis=basis, lines=asked.lines, comment=comment, language=talk_of(request).tag),
        evidence=evidence,
        return_id=return_of(principal),
        idempotency_key=f"page-{key}",
        members=order.parties,
        opens=True,
    )
    done = record(ledger, step).appended
    return RedirectResponse(f"/return/recorded/{done.index}", int(HTTPStatus.SEE_OTHER))


def read_request(order: Order, basis: str, form: Mapping[str, str]) -> Asked:
    """Return what was filled in.

    Raises:
        AnswersError: Something is missing, or has not its form.
    """
    ground, wrong, lines = GROUNDS[basis], dict[str, str](), list[dict[str, Json]]()
    for place, line in enumerate(order.lines):
        digits = form.get(f"qty-{place}", "").strip() or "0"
        if not digits.isascii() or not digits.isdigit() or len(digits) > 7 or int(digits) > line.qty:
            wrong[f"qty-{place}"] = "too_many"
            continue
        if not int(digits):
            continue
        row: dict[str, Json] = {"line_id": line.line_id, "qty": int(digits)}
        for name, choices in (("reason", ground.reasons), ("wanted", ground.wanted)):
            chosen = choices[0] if len(choices) == 1 else form.get(f"{name}-{place}", "")
            if chosen not in choices:
                wrong[f"{name}-{place}"] = "missing" if not chosen else "choice"
            row[name] = chosen
        lines.append(row)
    if not lines and not wrong:
        wrong["qty-0"] = "nothing_chosen"
    files = read_files(KINDS, form, wrong)
    words = form.get("words", "").strip()
    if len(words) > TEXT_CHARACTERS_MAX:
        wrong["words"] = "too_long"
    elif basis == WITHDRAWAL and not words:
        wrong["words"] = "missing"
    elif basis != WITHDRAWAL and PHOTO not in [kind for kind, _ in files]:
        wrong.setdefault("files", "missing_photo")
    if wrong:
        raise AnswersError(wrong)
    return Asked(tuple(lines), words, files)


def _order(request: Request) -> tuple[Principal, Order]:
    principal = required_caller(request)
    principal.require(Scope.RECORD)
    order = order_of(site_of(request).ledger, principal)
    if order is None:
        raise PageError("not_now", HTTPStatus.CONFLICT)
    return principal, order


def _stands(request: Request, principal: Principal) -> StoredEntry | None:
    """Return the entry of the request, None where the return is not opened yet."""
    opened = site_of(request).ledger.read.find_case(return_of(principal)) is not None
    return standing(request, VERB) if opened else None


def _day(order: Order, name: str, talk: Talk) -> str:
    value = order.fields.get(name)
    return talk.day(value[:10]) if isinstance(value, str) else ""


def _basis(request: Request, order: Order) -> str:
    """Return the ground that the path names, one of those that this order can come back on."""
    basis = str(request.path_params["basis"])
    given = basis != WITHDRAWAL or withdrawal_window(site_of(request).ledger, order) is not None
    if basis not in GROUNDS or not given:
        raise PageError("nothing", HTTPStatus.NOT_FOUND)
    return basis


def _form(request: Request, order: Order, form: Mapping[str, str], wrong: Mapping[str, str]) -> Response:
    basis = _basis(request, order)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK
    return render(
        request, "request.html", status=status, signed_in=True, order=order, basis=basis, ground=GROUNDS[basis],
        form=form, wrong=wrong, path=f"{PATH}/{basis}", kinds=KINDS, file_key=new_key(),
        files=waiting_files(site_of(request).ledger, required_caller(request)),
        withdraws=basis == WITHDRAWAL,
    )  # fmt: skip


ROUTES = [
    PageRoute(PATH, choose),
    PageRoute(PATH + "/{basis}", ask, methods=["GET"]),
    PageRoute(PATH + "/{basis}", take, methods=["POST"]),
]
