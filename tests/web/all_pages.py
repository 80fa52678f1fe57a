"""Every page there is, with a session of whoever may look at it. Does not: look."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

import httpx
from fastapi import FastAPI

from ledger_service.api.problem_types import PROBLEM_TYPES
from ledger_service.core.entry import Role
from ledger_service.errors import RefusedError
from ledger_service.operations.asked import Step
from ledger_service.operations.credentials import issue_start, redeem_link
from ledger_service.operations.orders import Order, OrderLine, encode_order
from ledger_service.operations.principal import Scope
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.record import record
from ledger_service.operations.staff import sign_in_with_key
from tests.api.asking import Asking
from tests.operations.cases import CLAIM, COURT, DISPUTE, Story
from tests.operations.world import BUYER, PLATFORM, SELLER
from tests.web.browsing import HOST, Browser
from tests.web.test_follow import link_to
from tests.web.test_staff import key_for
from tests.web.test_start import FIELDS

HELP = tuple(one.url for one in PROBLEM_TYPES.values())
PUBLIC = (
    "/", "/log", "/what-it-proves", "/open", "/staff", "/staff/at/nobody", "/staff/back", "/verify", "/no/such/page",
    "/language", "/help", "/return", "/operator", "/regulator",
)  # fmt: skip
STEPS = {  # on the page of a step, by whose return has come so far that it is offered
    "buyer": ("add_evidence", "open_dispute", "withdraw_request", "correct", "no_such_step"),
    "seller": ("approve_return", "decline_return", "add_evidence", "request_info"),
    "declined": ("appeal", "give_feedback"),
    "approved": ("ship_back",),
    "arriving": ("receive",),
    "inspecting": ("complete_inspection",),
    "inspected": ("approve_refund", "deny_refund", "offer_settlement", "ship_exchange", "return_to_buyer"),
    "paying": ("issue_refund",),
    "paid": ("settle_refund",),
    "offered": ("accept_offer", "refuse_offer"),
    "disputing": tuple(f"{verb}/{DISPUTE}" for verb in ("submit_evidence", "settle", "withdraw_dispute")),
    "deciding": (f"rule/{DISPUTE}",),
}
WHOLE = ("/return", "/return/case", "/return/pictures", "/return/proofs", "/return/completeness")
STAFF = {
    "staff": ("/staff", "/operator", "/regulator"),
    "regulator": ("/staff", "/regulator", "/regulator?buyer_country=de", "/operator"),
    "reader": ("/staff", "/regulator"),
}
NEW = ("", "/statutory_withdrawal", "/non_conformity", "/seller_policy", "/platform_guarantee")
WAREHOUSE = Party(Role.INSPECTOR, "warehouse-3")
PAID = {"minor": 12_900, "currency": "EUR"}
PRICED = [{"line_id": "line-1", "qty": 1, "reason": "damaged_in_transit", "wanted": "refund", "paid": PAID}]
ORDER = encode_order(Order((OrderLine("lamp", 2, "Lamp, brass 黄铜灯"), OrderLine("bulb", 4, "Bulb 灯泡")), FIELDS))
REFUND = {"lines": [{"line_id": "line-1", "amount": PAID}]}


@dataclass(frozen=True)
class Prepared:
    """The sessions' tokens by name, and the index of an entry that the buyer recorded."""

    sessions: dict[str, str]
    recorded: int


def prepare(service: Asking) -> Prepared:
    """Return the sessions of a buyer with some steps, of a seller, of a buyer with an order, of others, of staff.

    Of the buyer's steps one was refused, and a file was opened. The others are parties to returns that are further on.
    """
    return_id, buyer = service.open_case("pseudo@web"), Party(Role.BUYER, "pseudo@web")
    photo = service.folder / "seam.png"
    photo.write_bytes(b"\x89PNG\r\n\x1a\n" + secrets.token_bytes(64))
    comment = {"comment": "a b", "language": "zh-Hans"}
    done = record(service.ledger, Step("add_evidence", buyer, buyer, comment, [("product_photo", photo)], return_id))
    with suppress(RefusedError):  # an attempt stands in the log then
        record(service.ledger, Step("ship_back", buyer, PLATFORM, {}, [], return_id))
    links = {name: link_to(service, return_id, party) for name, party in (("buyer", buyer), ("seller", SELLER))}
    links |= {name: link_to(service, story.return_id, party) for name, story, party in further(service)}
    links["new"] = issue_start(service.ledger, Party(Role.BUYER, "pseudo-new@web"), ORDER, valid_seconds=3600).token
    found = {name: redeem_link(service.ledger, link.rpartition("#")[2], "1")[0].token for name, link in links.items()}
    keys = {
        "staff": key_for(service, PLATFORM),
        "regulator": key_for(service),
        "reader": key_for(service, Party(Role.REGULATOR, "reader"), scopes=[Scope.READ]),
    }
    found |= {name: sign_in_with_key(service.ledger, key.token).token for name, key in keys.items()}
    prepared = Prepared(found, done.appended.index)
    looking(service.app, prepared, "buyer").raw("GET", f"/return/pictures/{done.appended.index}/0")
    return prepared


def further(service: Asking) -> Iterable[tuple[str, Story, Party]]:
    """Open returns that have come further, and yield each with a party that has a step to take."""

    def story() -> Story:
        return Story(service.ledger, service.folder, lines=PRICED)

    def received() -> Story:
        made = story().approve().ship()
        made.take("receive", WAREHOUSE, {"lines": [{"line_id": "line-1", "received_qty": 1}]}, "receiving_report")
        made.take("start_inspection", WAREHOUSE, {})
        return made

    def inspected() -> Story:
        made, counted = received(), {"accepted_qty": 1, "rejected_qty": 0, "missing_qty": 0}
        lines = [{"line_id": "line-1", "grade": "used", **counted}]
        made.take("complete_inspection", WAREHOUSE, {"lines": lines}, "inspection_report")
        return made

    yield "declined", story().decline(), BUYER
    yield "approved", story().approve(), BUYER
    yield "arriving", story().approve().ship(), WAREHOUSE
    yield "inspecting", received(), WAREHOUSE
    yield "inspected", inspected(), SELLER
    paying, paid, offered, disputed = inspected(), inspected(), inspected(), story().approve()
    for one in (paying, paid):
        one.take("approve_refund", SELLER, REFUND)
    yield "paying", paying, SELLER
    sent = {"refund_id": "R-1", "amount": PAID, "method": "original", "original_payment_ref": "P-1"}
    paid.take("issue_refund", SELLER, sent, "refund_record")
    yield "paid", paid, BUYER
    offered.take("offer_settlement", SELLER, {"remedy": "partial_refund", "amount": PAID}, "offer_document")
    yield "offered", offered, BUYER
    disputed.take("open_dispute", BUYER, CLAIM, "dispute_notice")
    disputed.take("appoint_neutral", PLATFORM, {"dispute_id": DISPUTE, "neutral_id": "n-1"}, to_state="arbitration")
    yield "disputing", disputed, BUYER
    yield "deciding", disputed, COURT


def pages_of(prepared: Prepared) -> list[tuple[str, str]]:
    """Return every page, with whose session it is looked at."""
    stands = prepared.recorded
    found = [("", path) for path in (*PUBLIC, *HELP)]
    found += [(who, path) for who in ("buyer", "deciding") for path in WHOLE]
    found += [("buyer", f"/return/{path}") for path in (f"entries/{stands}", f"recorded/{stands}")]
    found += [("buyer", f"/return/recorded/{stands}/again"), ("buyer", "/return/files/1/99")]
    found += [(who, path) for who, paths in STAFF.items() for path in paths]
    found += [(who, f"/return/steps/{verb}") for who, verbs in STEPS.items() for verb in verbs]
    return found + [("new", f"/return/steps/request_return{ground}") for ground in NEW]


def is_a_file(path: str, answer: httpx.Response) -> bool:
    """Say whether a page that says "not yet" has become the file: tests in another order may have made a seal."""
    return path == "/return/completeness" and answer.status_code == 200


def cookie_of(prepared: Prepared, who: str) -> tuple[str, str]:
    """Return the name and the value of the cookie that holds a session."""
    return "staff" if who in STAFF else "session", prepared.sessions[who]


def looking(app: FastAPI, prepared: Prepared, who: str) -> Browser:
    """Return the browser of somebody, with the session that was prepared."""
    browser = Browser(app)
    if who:
        browser.cookies.set(*cookie_of(prepared, who), domain=HOST)
    return browser
