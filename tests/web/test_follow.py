"""A buyer follows a return: the link that opens it, what the page says, receipts, steps taken on it."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import pytest

from ledger_service.core.encoding import Json
from ledger_service.core.entry import Role, RuleReference
from ledger_service.core.receipt import parse_receipt
from ledger_service.core.verify import verify
from ledger_service.operations.access import share
from ledger_service.operations.asked import Step
from ledger_service.operations.credentials import issue_link
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.record import record
from tests.api.asking import Asking
from tests.documents.reading import attached, text_of
from tests.operations.world import PLATFORM, SELLER
from tests.web.browsing import HOST, Browser, Page

WEEK = 7 * 86_400


def link_to(service: Asking, return_id: str, party: Party) -> str:
    """Return a one-time link as a shop puts it into a message."""
    share(service.ledger, return_id, party)
    return f"https://{HOST}/open#{issue_link(service.ledger, party, return_id, valid_seconds=WEEK).token}"


def opened(service: Asking, name: str, *, accepts: str = "en") -> tuple[Browser, Page, str]:
    """Return a browser with a new return open, its page, and the return's id."""
    return_id = service.open_case(name)
    browser = Browser(service.app, accepts=accepts)
    page = browser.send(browser.get("/open"), "/open", link=link_to(service, return_id, Party(Role.BUYER, name)))
    return browser, page, return_id


def test_a_link_opens_its_return_once(service: Asking) -> None:
    return_id = service.open_case("once@web")
    link = link_to(service, return_id, Party(Role.BUYER, "once@web"))
    mine, other = Browser(service.app), Browser(service.app)

    page = mine.send(mine.get("/open"), "/open", link=link)
    again = other.send(other.get("/open"), "/open", link=link)

    assert (page.status, page.answer.url.path) == (200, "/return")
    assert return_id in page.text
    assert again.status == 401
    assert "This link does not open" in again.text
    assert other.get("/return").status == 401


def test_the_same_form_sent_twice_opens_the_same_session(service: Asking) -> None:
    return_id = service.open_case("twice@web")
    link = link_to(service, return_id, Party(Role.BUYER, "twice@web"))
    browser = Browser(service.app)
    form = browser.get("/open")

    assert browser.send(form, "/open", link=link).status == 200
    assert browser.send(form, "/open", link=link).status == 200


@pytest.mark.parametrize(("language", "words"), [("en", "Whatwasrecorded"), ("zh-Hans", "记录内容")])
def test_each_step_has_a_receipt_to_print_in_the_language_of_the_page(
    service: Asking, language: str, words: str
) -> None:
    browser, page, return_id = opened(service, f"{language}@paper", accepts=language)
    index = service.ledger.read.case(return_id).last_index
    path = f"/return/receipts/{index}/pdf"

    answer = browser.raw("GET", path, headers={"Accept-Language": language})

    assert path in page.links
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.headers["content-disposition"] == f'attachment; filename="entry-{index}.receipt.pdf"'
    assert words in text_of(answer.content)
    assert attached(answer.content)[f"entry-{index}.receipt.json"] == browser.raw("GET", path[:-4]).content
    assert [browser.raw("GET", f"/return/receipts/{wrong}/pdf").status_code for wrong in ("0", "x", "9" * 16)] == [
        404
    ] * 3
    assert Browser(service.app).raw("GET", path).status_code == 401


@pytest.mark.parametrize(
    "link", ["", "x", "rll_0_0", "https://ledger.test/open#", "é", "rlk_" + "0" * 16 + "_" + "A" * 43]
)
def test_what_is_no_link_is_told_apart_from_nothing(service: Asking, link: str) -> None:
    browser = Browser(service.app)

    page = browser.send(browser.get("/open"), "/open", link=link)

    assert page.status == 401
    assert "/open" in page.links


def test_a_session_is_in_a_cookie_that_no_script_and_no_other_site_gets(service: Asking) -> None:
    return_id = service.open_case("cookie@web")
    link = link_to(service, return_id, Party(Role.BUYER, "cookie@web"))
    browser = Browser(service.app)
    form = browser.get("/open").form("/open")

    sent = {"data": {**form.fields, "link": link}, "headers": {"Origin": f"http://{HOST}"}}
    cookie = browser.raw("POST", "/open", **sent).headers["set-cookie"]

    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert link.rpartition("#")[2] not in cookie


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://elsewhere.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {},
     {"Sec-Fetch-Site": "same-site", "Origin": f"http://{HOST}"}],
)  # fmt: skip
def test_a_form_from_elsewhere_does_nothing(service: Asking, headers: dict[str, str]) -> None:
    browser, _, _ = opened(service, f"elsewhere-{len(headers)}-{secrets.token_hex(3)}@web")

    answer = browser.raw("POST", "/leave", data={}, headers=headers)

    assert answer.status_code == 403
    assert browser.get("/return").status == 200


def test_an_api_key_is_no_session(service: Asking) -> None:
    browser = Browser(service.app)
    browser.cookies.set("session", service.token(PLATFORM), domain=HOST)

    assert browser.get("/return").status == 401


def test_the_page_says_where_the_return_stands_and_what_happens_next(service: Asking) -> None:
    _, page, _ = opened(service, "next@web")

    assert page.headings[:2] == ["My return", "What happens next"]
    assert "as the buyer says" not in page.text
    assert "You said this." in page.text
    assert "Nothing is final yet." in page.text
    assert "Rule " in page.text


def test_money_that_was_approved_is_shown_as_the_language_writes_it(service: Asking) -> None:
    browser, page, return_id = opened(service, "money@web")
    assert "Approved for refund" not in page.text
    approve(service, return_id)
    refund: dict[str, Json] = {"lines": [{"line_id": "line-1", "amount": {"minor": 12_900, "currency": "EUR"}}]}
    rule = RuleReference("eu-2019-771-art-13", "1")
    record(service.ledger, Step("approve_refund", SELLER, PLATFORM, refund, return_id=return_id, rule=rule))

    page = browser.get("/return")

    assert "Approved for refund €129.00" in page.text
    assert "Sent so far, as recorded €0.00" in page.text


def approve(service: Asking, return_id: str) -> None:
    """Let the seller approve."""
    paper = service.folder / f"rma-{secrets.token_hex(4)}.txt"
    paper.write_text("RMA 1")
    fields: dict[str, Json] = {"approved_lines": [{"line_id": "line-1", "qty": 1}], "return_cost_payer": "seller"}
    record(service.ledger, Step("approve_return", SELLER, PLATFORM, fields, [("rma_document", paper)], return_id))


def test_a_receipt_from_the_page_is_one_that_verifies(service: Asking, tmp_path: Path) -> None:
    browser, page, _ = opened(service, "receipt@web")
    (path, *_) = [link for link in page.links if link.startswith("/return/receipts/")]

    answer = browser.raw("GET", path)

    assert answer.headers["content-disposition"].startswith("attachment")
    receipt = parse_receipt(answer.content)
    assert json.loads(receipt.entry)["verb"] == "request_return"
    names = {check.name: check.outcome.value for check in verify(answer.content, None, ()).checks}
    assert names["inclusion"] == names["disclosures"] == "pass"


@pytest.mark.parametrize("index", ["999999999", "x", "-1", "00000000000000000000", "0x1"])
def test_there_is_no_other_receipt(service: Asking, index: str) -> None:
    browser, _, _ = opened(service, f"none-{index}@web")

    assert browser.raw("GET", f"/return/receipts/{index}").status_code == 404
    assert browser.get(f"/return/recorded/{index}").status == 404


def test_nobody_sees_another_party_s_return(service: Asking) -> None:
    stranger, _, _ = opened(service, "stranger@web")
    _, page, return_id = opened(service, "mine@web")
    (path, *_) = [link for link in page.links if link.startswith("/return/receipts/")]

    assert stranger.raw("GET", path).status_code == 404
    assert return_id not in stranger.get("/return").text
    assert stranger.get(path.replace("receipts", "recorded")).status == 404


def test_a_session_ends_where_it_is_left(service: Asking) -> None:
    browser, page, _ = opened(service, "leave@web")
    kept = dict(browser.cookies)

    assert browser.send(page, "/leave").answer.url.path == "/"
    browser.cookies.set("session", kept["session"], domain=HOST)
    assert browser.get("/return").status == 401


def test_a_buyer_withdraws_on_the_page(service: Asking) -> None:
    browser, page, return_id = opened(service, "withdraw@web")
    assert "/return/steps/withdraw_request" in page.links
    form = browser.get("/return/steps/withdraw_request")

    done = browser.send(form, "/return/steps/withdraw_request", **{"field-reason": "I keep it. 我留下它。"})
    again = browser.send(form, "/return/steps/withdraw_request", **{"field-reason": "I keep it. 我留下它。"})

    assert done.headings[0] == "Your step is recorded"
    assert again.answer.url == f"{done.answer.url}/again"
    assert again.headings[0] == "This step is already recorded"
    case = service.ledger.read.case(return_id).case
    assert (case.state, case.count) == ("canceled", 2)
    assert "I keep it. 我留下它。" in browser.get("/return").text


def test_a_statement_that_is_written_is_a_file_of_the_entry(service: Asking) -> None:
    browser, page, return_id = opened(service, "words@web")
    form = browser.get("/return/steps/add_evidence")
    words = "The box was open when it came.\n<script>alert(1)</script>"

    done = browser.send(form, "/return/steps/add_evidence", statement=words)

    assert done.status == 200
    rows = service.ledger.read.entries_of(return_id)
    entry = json.loads(rows[-1].encoded)
    assert [(one["kind"], one["media_type"], one["size"]) for one in entry["evidence"]] == [
        ("message_log", "text/plain", len(words))
    ]
    assert "<script>alert" not in browser.get("/return").html
    assert page.language == "en"


def test_what_is_written_carries_the_language_of_the_page_it_was_written_on(service: Asking) -> None:
    browser, _, return_id = opened(service, "spoken@web", accepts="zh-CN")
    path = "/return/steps/add_evidence"
    form = browser.get(path)

    browser.accepts = "en"  # the reader changes the language before the form is sent, and sends it again after that
    first, again = (browser.send(form, path, statement="盒子是开着的。") for _ in range(2))
    browser.send(browser.get(path), path, statement="The box was open.")

    facts = [json.loads(row.encoded)["facts"] for row in service.ledger.read.entries_of(return_id)]
    assert [one["language"] for one in facts[1:]] == ["zh-Hans", "en"]
    assert again.answer.url == f"{first.answer.url}/again"
    forged = {**form.form(path).fields, "key": "1" * 32, "statement": "x", "language": "de"}
    assert browser.post(path, forged).status == 400


def test_what_is_missing_is_named_and_what_was_written_stays(service: Asking) -> None:
    browser, _, return_id = opened(service, "missing@web")
    form = browser.get("/return/steps/open_dispute")

    page = browser.send(form, "/return/steps/open_dispute", **{"field-claim": 'my "money" & <b>back</b>'})

    assert page.status == 422
    assert {"#type", "#statement"} <= set(page.links)
    assert page.form("/return/steps/open_dispute").fields["field-claim"] == 'my "money" & <b>back</b>'
    assert service.ledger.read.case(return_id).case.count == 1


def test_a_dispute_is_opened_once_and_then_led_on_the_page(service: Asking) -> None:
    browser, _, return_id = opened(service, "dispute@web")
    form = browser.get("/return/steps/open_dispute")
    filled = {"field-type": "platform", "field-claim": "All of it", "statement": "You promised a refund."}

    first = browser.send(form, "/return/steps/open_dispute", **filled)
    second = browser.send(form, "/return/steps/open_dispute", **filled)

    assert second.answer.url == f"{first.answer.url}/again"
    (dispute,) = service.ledger.read.case(return_id).case.disputes
    path = f"/return/steps/withdraw_dispute/{dispute.dispute_id}"
    assert path in browser.get("/return").links
    done = browser.send(browser.get(path), path, **{"field-reason": "It is settled"})
    assert done.headings[0] == "Your step is recorded"


def test_a_form_that_was_opened_before_the_return_moved_on_is_refused(service: Asking) -> None:
    browser, _, return_id = opened(service, "moved@web")
    form = browser.get("/return/steps/withdraw_request")
    approve(service, return_id)

    page = browser.send(form, "/return/steps/withdraw_request")

    assert page.status == 409
    assert "The return moved on meanwhile" in page.text
    assert service.ledger.read.case(return_id).case.count == 2


@pytest.mark.parametrize("verb", ["approve_refund", "no_such_step", "ship_back", "accept_offer"])
def test_a_step_that_no_page_offers_is_refused(service: Asking, verb: str) -> None:
    browser, page, _ = opened(service, f"{verb}@web")

    assert f"/return/steps/{verb}" not in page.links
    assert browser.get(f"/return/steps/{verb}").status == 409
    assert browser.post(f"/return/steps/{verb}", {"key": "0" * 32, "head": "0" * 64}).status == 409


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        ("key=" + "a" * 70_000, "application/x-www-form-urlencoded", 413),
        ("key=1&key=2", "application/x-www-form-urlencoded", 400),
        ("key", "application/x-www-form-urlencoded", 400),
        ("&".join(f"a{n}=1" for n in range(60)), "application/x-www-form-urlencoded", 400),
        ("key=%ff", "application/x-www-form-urlencoded", 400),
        ("key=\xff", "application/x-www-form-urlencoded", 400),
        ("{}", "application/json", 415),
        ("", "application/x-www-form-urlencoded", 400),
        ("key=0", "application/x-www-form-urlencoded; charset=utf-8", 400),
    ],
)
def test_what_is_no_form_of_ours_is_refused(service: Asking, body: str, media_type: str, status: int) -> None:
    headers = {"Origin": f"http://{HOST}", "Content-Type": media_type}

    answer = Browser(service.app).raw("POST", "/open", content=body.encode("latin-1"), headers=headers)

    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")


def test_every_page_of_a_walk_speaks_chinese(service: Asking) -> None:
    browser, page, _ = opened(service, "zh@web", accepts="zh-CN")
    assert page.headings[0] == "我的退货"

    form = browser.get("/return/steps/withdraw_request")
    wrong = browser.get("/return/steps/no_such_step")
    done = browser.send(form, "/return/steps/withdraw_request")

    assert [one.language for one in (page, form, wrong, done)] == ["zh-Hans"] * 4
    assert done.headings[0] == "您的步骤已记录"
    assert wrong.headings[0] == "现在无法进行此步骤"
