"""A buyer opens a return by a link that knows the order, and is asked only what law and ground need."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger_service.core.encoding import Json
from ledger_service.core.entry import Role, parse_entry
from ledger_service.core.receipt import parse_receipt
from ledger_service.errors import CredentialError, PermissionRefusedError, UnknownReturnError
from ledger_service.operations.asked import Step, Uploaded
from ledger_service.operations.credentials import authenticate, issue_start, redeem_link
from ledger_service.operations.dockets import open_entries
from ledger_service.operations.orders import (
    LINES_MAX,
    Order,
    OrderLine,
    OrderRefusedError,
    check_order,
    encode_order,
    order_of,
    parse_order,
)
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.record import record
from tests.api.asking import Asking
from tests.operations.world import NOON, PLATFORM, SELLER
from tests.web.browsing import HOST, Browser, Page
from tests.web.test_follow import opened

PATH = "/return/steps/request_return"
FIELDS: dict[str, Json] = {
    "buyer_country": "DE", "seller_country": "CN", "buyer_zone": "Europe/Berlin", "language": "de",
    "outbound_delivered_at": "2026-10-30T15:00:00+01:00", "ordered_at": "2026-10-20T09:00:00+02:00",
}  # fmt: skip
LINES = [
    {"line_id": "lamp", "qty": 2, "name": "Lamp, brass 黄铜灯", "paid": {"minor": 12_900, "currency": "EUR"}},
    {"line_id": "bulb", "qty": 4, "name": "Bulb"},
]


def body(name: str, **changed: Any) -> dict[str, Any]:
    """Return what a marketplace posts to `/v1/links`."""
    order = {"lines": LINES, "fields": FIELDS, "parties": [{"role": "seller", "reference": SELLER.reference}]}
    return {"order": {**order, **changed}, "party": {"role": "buyer", "reference": name}}


def begun(service: Asking, name: str, *, language: str = "en", **changed: Any) -> tuple[Browser, Page, str]:
    """Return a browser with a link to a new return opened, its page, and the name that the return will have."""
    made = service.post("/v1/links", PLATFORM, body(name, **changed)).json()
    browser = Browser(service.app, accepts=language)
    page = browser.send(browser.get("/open"), "/open", link=f"https://{HOST}/open#{made['token']}")
    return browser, page, made["return_id"]


def values(service: Asking, return_id: str) -> dict[str, Any]:
    """Return the facts and opened values of the request."""
    rows = service.ledger.read.entries_of(return_id)
    known = open_entries(service.ledger.read, service.ledger.keys, return_id, rows)[0]
    return dict(known.values)


def send_photo(browser: Browser, page: Page) -> str:
    """Send a photo by the form of a page and return its SHA-256."""
    (form,) = [one for one in page.forms if one.action.startswith("/return/files/")]
    content = b"\xff\xd8\xff\xe0" + secrets.token_bytes(200)
    files = {"file": ("IMG.jpg", content, "image/jpeg")}
    answer = browser.raw("POST", form.action, files=files, headers={"Origin": f"http://{HOST}"})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def test_a_buyer_withdraws_without_a_reason_and_has_the_receipt_at_once(service: Asking) -> None:
    browser, page, return_id = begun(service, "withdraws@start")
    assert page.answer.url.path == PATH
    assert "Lamp, brass 黄铜灯 × 2" in page.text
    assert "In Germany you have until November 13, 2026. No reason and no photo is needed." in page.text
    assert service.ask("GET", f"/v1/returns/{return_id}", PLATFORM).status_code == 404

    form = browser.get(f"{PATH}/statutory_withdrawal")
    assert not [one for one in form.controls if one.startswith(("reason", "wanted", "file"))]
    done = browser.send(form, f"{PATH}/statutory_withdrawal", **{"qty-0": "1", "qty-1": "0"})

    assert done.headings[0] == "Your step is recorded"
    (path,) = [link for link in done.links if re.fullmatch(r"/return/receipts/\d+", link)]
    entry = json.loads(parse_receipt(browser.raw("GET", path).content).entry)
    assert (entry["return_id"], entry["verb"]) == (return_id, "request_return")
    assert [one["kind"] for one in entry["evidence"]] == ["withdrawal_statement"]
    told = values(service, return_id)
    paid = {"minor": 12_900, "currency": "EUR"}
    assert told["lines"] == [{"line_id": "lamp", "qty": 1, "reason": "changed_mind", "wanted": "refund", "paid": paid}]
    assert {name: told[name] for name in FIELDS} == FIELDS
    assert told["legal_basis"] == "statutory_withdrawal"


def test_marketplace_and_seller_see_the_return_as_soon_as_it_is_open_and_nobody_else(service: Asking) -> None:
    browser, _, return_id = begun(service, "seen@start")
    browser.send(browser.get(f"{PATH}/statutory_withdrawal"), f"{PATH}/statutory_withdrawal", **{"qty-0": "1"})

    asked = [service.ask("GET", f"/v1/returns/{return_id}", who).status_code for who in (PLATFORM, SELLER)]
    stranger = service.ask("GET", f"/v1/returns/{return_id}", Party(Role.SELLER, "another shop")).status_code

    assert (asked, stranger) == ([200, 200], 404)
    assert return_id in browser.get("/return").text


def test_who_says_that_something_is_wrong_is_asked_what_and_for_a_photo(service: Asking) -> None:
    browser, _, return_id = begun(service, "wrong@start")
    path = f"{PATH}/non_conformity"
    form = browser.get(path)

    missing = browser.send(form, path, **{"qty-0": "2", "words": "Der Schirm ist zerbrochen. <b>"})
    assert missing.status == 422
    assert {"#reason-0", "#wanted-0", "#files"} <= set(missing.links)
    assert missing.form(path).fields["words"] == "Der Schirm ist zerbrochen. <b>"
    assert missing.form(path).fields["qty-0"] == "2"

    assert send_photo(browser, missing) == f"{path}#files"
    form = browser.get(path)
    (photo,) = [name for name in form.form(path).fields if name.startswith("file-")]
    assert form.form(path).fields[photo] == "product_photo"
    filled = {"qty-0": "2", "reason-0": "damaged_in_transit", "wanted-0": "exchange", "words": "Zerbrochen."}
    done = browser.send(form, path, **filled)

    assert done.headings[0] == "Your step is recorded"
    told = values(service, return_id)
    assert [(one["line_id"], one["qty"], one["reason"], one["wanted"]) for one in told["lines"]] == [
        ("lamp", 2, "damaged_in_transit", "exchange")
    ]
    assert told["comment"] == "Zerbrochen."


@pytest.mark.parametrize(
    ("filled", "wrong"),
    [
        ({}, "#qty-0"),
        ({"qty-0": "3"}, "#qty-0"),
        ({"qty-0": "-1"}, "#qty-0"),
        ({"qty-0": "1.5"}, "#qty-0"),
        ({"qty-1": "٣"}, "#qty-1"),
        ({"qty-0": "1", "words": ""}, "#words"),
        ({"qty-0": "1", "words": "a" * 4001}, "#words"),
    ],
)
def test_what_cannot_be_counted_comes_back_as_it_was_filled_in(
    service: Asking, filled: dict[str, str], wrong: str
) -> None:
    browser, _, return_id = begun(service, f"{secrets.token_hex(4)}@counted")
    path = f"{PATH}/statutory_withdrawal"

    page = browser.send(browser.get(path), path, **filled)

    assert page.status == 422
    assert wrong in page.links
    assert service.ledger.read.find_case(return_id) is None


def test_a_reason_or_remedy_of_another_ground_is_none(service: Asking) -> None:
    browser, _, _ = begun(service, "another@start")
    path = f"{PATH}/non_conformity"
    fields = browser.get(path).form(path).fields

    page = browser.post(path, {**fields, "qty-0": "1", "reason-0": "changed_mind", "wanted-0": "gold"})

    assert {"#reason-0", "#wanted-0"} <= set(page.links)


def test_the_form_sent_twice_opens_one_return(service: Asking) -> None:
    browser, _, return_id = begun(service, "twice@start")
    path = f"{PATH}/statutory_withdrawal"
    form = browser.get(path)
    first = browser.send(form, path, **{"qty-0": "1"})

    second = browser.send(form, path, **{"qty-0": "1"})
    third = browser.send(form, path, **{"qty-0": "2"})
    back = [browser.get(one) for one in (PATH, path)]

    assert first.headings[0] == "Your step is recorded"
    assert {one.headings[0] for one in (second, third, *back)} == {"This step is already recorded"}
    assert service.ledger.read.case(return_id).case.count == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"buyer_country": "US"}, None),
        ({"outbound_delivered_at": "2026-09-01T15:00:00+02:00"}, "the time for this ended on September 15, 2026"),
        ({"buyer_country": "CN", "seller_country": "DE", "buyer_zone": "Asia/Shanghai"}, "In China you have until"),
    ],
)
def test_the_law_of_the_buyer_s_country_decides_what_is_offered(
    service: Asking, fields: dict[str, Json], words: str | None
) -> None:
    browser, page, _ = begun(service, f"{secrets.token_hex(4)}@law", fields={**FIELDS, **fields})

    path = f"{PATH}/statutory_withdrawal"
    assert browser.get(path).status == (404 if words is None else 200)
    assert browser.post(path, {"key": "0" * 32}).status == (404 if words is None else 422)
    assert (f"{PATH}/statutory_withdrawal" in page.links) is (words is not None)
    assert words is None or words in page.text
    assert f"{PATH}/non_conformity" in page.links


def test_without_the_day_of_delivery_no_last_day_is_claimed(service: Asking) -> None:
    fields = {name: value for name, value in FIELDS.items() if name != "outbound_delivered_at"}

    _, page, _ = begun(service, "undelivered@start", fields=fields)

    assert "until when is not known here" in page.text


def test_the_form_speaks_chinese_and_says_so_in_the_case(service: Asking) -> None:
    fields = {name: value for name, value in FIELDS.items() if name != "language"}
    browser, page, return_id = begun(service, "zh@start", language="zh-CN", fields=fields)
    path = f"{PATH}/statutory_withdrawal"
    form = browser.get(path)
    browser.send(form, path, **{"qty-0": "1"})

    assert page.headings[0] == "申请退货"
    assert form.form(path).fields["words"] == "我在此撤回有关上述商品的合同。"
    assert values(service, return_id)["language"] == "zh-Hans"


def test_a_session_without_an_order_opens_nothing(service: Asking) -> None:
    browser, _, return_id = opened(service, "ordinary@start")

    assert browser.get(PATH).status == 409
    assert browser.get(f"{PATH}/non_conformity").status == 409
    assert browser.post(f"{PATH}/non_conformity", {"key": "0" * 32}).status == 409
    assert service.ledger.read.case(return_id).case.count == 1


def test_the_session_of_an_order_opens_no_other_return_over_the_api(service: Asking) -> None:
    link = service.post("/v1/links", PLATFORM, body("api@start")).json()["token"]
    session, _ = redeem_link(service.ledger, link, "1")
    step = {"verb": "request_return", "fields": {**FIELDS, "legal_basis": "goodwill", "lines": LINES}}

    assert service.post("/v1/returns", session.token, step).status_code == 403


def test_there_is_no_other_ground(service: Asking) -> None:
    browser, _, _ = begun(service, "ground@start")

    assert browser.get(f"{PATH}/goodwill").status == 404
    assert browser.post(f"{PATH}/goodwill", {"key": "0" * 32}).status == 404


def test_the_order_in_the_readme_makes_a_link(service: Asking, project_root: Path) -> None:
    papers = (project_root / "README.md").read_text()
    (block,) = re.findall(r"```json\n(\{\n  \"party\".*?\n\})\n```", papers, re.DOTALL)

    assert service.post("/v1/links", PLATFORM, json.loads(block)).status_code == 201


def test_a_link_is_to_a_return_or_to_an_order_and_never_to_both(service: Asking) -> None:
    return_id, given = service.open_case("both@start"), body("both@start")

    both = service.post("/v1/links", PLATFORM, {**given, "return_id": return_id})
    neither = service.post("/v1/links", PLATFORM, {"party": given["party"]})

    assert (both.status_code, neither.status_code) == (422, 422)


def test_a_link_that_opens_a_return_is_a_buyer_s(service: Asking) -> None:
    given = body("none@start") | {"party": {"role": "seller", "reference": "shop"}}

    assert service.post("/v1/links", PLATFORM, given).status_code == 403
    with pytest.raises(PermissionRefusedError):
        issue_start(service.ledger, Party(Role.BUYER, "long"), "{}", valid_seconds=10**9)


@pytest.mark.parametrize(
    "order",
    [
        Order((), {}),
        Order(tuple(OrderLine(f"l{n}", 1, "x") for n in range(LINES_MAX + 1)), FIELDS),
        Order((OrderLine("a", 1, "x"), OrderLine("a", 1, "y")), FIELDS),
        Order((OrderLine("a b", 1, "x"),), FIELDS),
        Order((OrderLine("a", 0, "x"),), FIELDS),
        Order((OrderLine("a", 1, " "),), FIELDS),
        Order((OrderLine("a", 1, "x" * 201),), FIELDS),
        Order((OrderLine("a", 1, "x", {"minor": -1, "currency": "EUR"}),), FIELDS),
        Order((OrderLine("a", 1, "x"),), {**FIELDS, "legal_basis": "goodwill"}),
        Order((OrderLine("a", 1, "x"),), {**FIELDS, "no_such": "x"}),
        Order((OrderLine("a", 1, "x"),), {**FIELDS, "outbound_delivered_at": "yesterday"}),
        Order((OrderLine("a", 1, "x"),), {"buyer_country": "DE"}),
    ],
)
def test_an_order_of_which_no_request_could_be_made_is_refused(order: Order) -> None:
    with pytest.raises(OrderRefusedError):
        check_order(order)


def test_an_order_is_the_same_after_its_way_through_a_credential() -> None:
    paid: Json = {"minor": 1, "currency": "JPY"}
    order = Order((OrderLine("a", 1, "x\u202e\n", paid), OrderLine("b", 2, "灯")), FIELDS, (PLATFORM, SELLER))

    text = encode_order(order)

    assert parse_order(text) == order
    assert "\n" not in text


def test_the_database_holds_no_order_in_clear_and_erasing_its_buyer_takes_it_away(service: Asking) -> None:
    made = service.post("/v1/links", PLATFORM, body("erased@start")).json()
    session, _ = redeem_link(service.ledger, made["token"], "1")
    principal = authenticate(service.ledger, session.token)
    assert order_of(service.ledger, principal) is not None

    rows = service.ledger.store.rows("SELECT * FROM credentials")
    known = service.ledger.keys.find("party:erased@start")
    assert known is not None
    service.ledger.keys.destroy(known[0])

    assert not [row for row in rows if "黄铜灯" in str(row) or "黄铜灯".encode() in b"".join(
        one for one in row if isinstance(one, bytes))]  # fmt: skip
    with pytest.raises(CredentialError):
        authenticate(service.ledger, session.token)


def test_a_case_gets_a_name_that_was_asked_for_only_where_it_was_drawn_for_it(service: Asking) -> None:
    upload = service.ask(
        "POST", "/v1/evidence", PLATFORM, files={"file": ("a.png", b"\x89PNG\r\n\x1a\n" + secrets.token_bytes(9))}
    ).json()
    mark = authenticate(service.ledger, service.token(PLATFORM)).mark
    step = Step(
        "request_return", Party(Role.BUYER, "named@start"), PLATFORM,
        {**FIELDS, "legal_basis": "non_conformity",
         "lines": [{"line_id": "a", "qty": 1, "reason": "other", "wanted": "refund"}]},
        [("product_photo", Uploaded(mark, bytes.fromhex(upload["sha256"])))], return_id=secrets.token_hex(16),
    )  # fmt: skip

    with pytest.raises(UnknownReturnError):
        record(service.ledger, step)
    made = record(service.ledger, replace(step, opens=True))

    assert made.return_id == step.return_id
    assert parse_entry(made.appended.encoded) == made.appended.entry
    assert service.ledger.clock() > NOON
