"""What goes wrong is told on a page, in the reader's language: what happened, why, and what to do."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from ledger_service.api.problem_types import PROBLEM_TYPES
from ledger_service.app import make_app
from ledger_service.core.entry import Role
from ledger_service.errors import (
    BackPressureError,
    BalanceError,
    BehindMarkError,
    CalendarError,
    ClockRefusedError,
    CorrectionRefusedError,
    EvidenceKindError,
    FieldValueError,
    IdempotencyMismatchError,
    LedgerError,
    MissingEvidenceError,
    MissingFieldError,
    StatementExpiredError,
    StoreBusyError,
    TransitionRefusedError,
    UnknownRuleError,
    UnknownVerbError,
    WrongRoleError,
    WrongStateError,
)
from ledger_service.operations.attempt import refusal_code
from ledger_service.operations.credentials import issue_link
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.revoke import revoke
from ledger_service.web.answering import PageRoute, page
from ledger_service.web.site import environment
from ledger_service.web.talk import TAGS, talk
from tests.api.asking import Asking
from tests.web.browsing import HOST, Browser, Page, look
from tests.web.test_follow import approve, link_to, opened

PERSON = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
OURS = {"Origin": f"http://{HOST}", **PERSON}


def told(browser: Browser, method: str, path: str, *, language: str = "en", **more: object) -> Page:
    """Return the page that answers a person's browser."""
    headers = {**OURS, "Accept-Language": language}
    made = Page(browser.raw(method, path, headers=headers, **more))
    look(made)
    return made


@pytest.mark.parametrize(
    ("method", "path", "status", "heading"),
    [
        ("GET", "/no/such/page", 404, "There is nothing here for you"),
        ("GET", "/help/problems/no-such-problem", 404, "There is nothing here for you"),
        ("GET", "/language", 405, "This page takes no such request"),
        ("DELETE", "/return", 405, "This page takes no such request"),
        ("GET", "/return", 401, "Open your return first"),
    ],
)
def test_a_person_is_told_on_a_page(service: Asking, method: str, path: str, status: int, heading: str) -> None:
    english = told(Browser(service.app), method, path)
    chinese = told(Browser(service.app), method, path, language="zh-CN")

    assert (english.status, english.headings[0]) == (status, heading)
    assert (chinese.status, chinese.language) == (status, "zh-Hans")
    assert chinese.headings[0] != heading
    assert english.answer.headers["x-request-id"] in english.text


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        ("/v1/nothing", PERSON["Accept"]),
        ("/checkpoint/nothing", PERSON["Accept"]),
        ("/no/such/page", "*/*"),
        ("/no/such/page", "application/json, text/html;q=0"),
    ],
)
def test_a_program_is_told_in_a_problem_document(service: Asking, path: str, accept: str) -> None:
    answer = Browser(service.app).raw("GET", path, headers={"Accept": accept})

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_a_page_that_takes_no_such_method_names_those_it_takes(service: Asking) -> None:
    assert told(Browser(service.app), "PUT", "/open").answer.headers["allow"] == "GET, HEAD, POST"


def test_an_unforeseen_error_is_a_page_without_its_cause(service: Asking) -> None:
    app = make_app(service.ledger, service.app.state.service.settings)

    async def broken(_: Request) -> Response:
        raise RuntimeError("secret cause")

    app.router.routes.append(PageRoute("/broken", broken))

    person = told(Browser(app), "GET", "/broken")
    program = Browser(app).raw("GET", "/broken")

    assert (person.status, person.headings[0]) == (500, "Something went wrong here")
    assert "secret cause" not in person.html
    assert program.json()["type"] == "/help/problems/internal"


@pytest.mark.parametrize(
    ("error", "heading"),
    [
        (BehindMarkError("behind"), "The ledger records nothing now"),
        (BackPressureError("full"), "The ledger cannot answer now"),
        (StoreBusyError("locked"), "The ledger cannot answer now"),
    ],
)
def test_a_ledger_that_cannot_write_says_so_and_that_nothing_was_lost(
    service: Asking, error: LedgerError, heading: str
) -> None:
    app = make_app(service.ledger, service.app.state.service.settings)

    def refuses(_: Request) -> Response:
        raise error

    app.router.routes.append(PageRoute("/refuses", page(refuses)))

    made = told(Browser(app), "GET", "/refuses")

    assert (made.status, made.headings[0]) == (503, heading)
    assert "Nothing was lost" in made.text
    assert int(made.answer.headers["retry-after"]) > 0


def test_who_asks_too_often_is_told_to_wait(service: Asking) -> None:
    settings = service.app.state.service.settings.model_copy(
        update={"requests_per_second_max": 0.01, "requests_burst_max": 2}
    )
    browser = Browser(make_app(service.ledger, settings))

    answers = [told(browser, "GET", "/what-it-proves") for _ in range(3)]

    assert [one.status for one in answers] == [200, 200, 429]
    assert (answers[2].headings[0], answers[2].answer.headers["retry-after"]) == ("Too much at once", "5")


@pytest.mark.parametrize("slug", ["busy", "invalid-json"])
def test_the_help_of_a_problem_is_a_page_in_the_language_of_the_reader(service: Asking, slug: str) -> None:
    known, path = PROBLEM_TYPES[slug], f"/help/problems/{slug}"

    english = told(Browser(service.app), "GET", path)
    chinese = told(Browser(service.app), "GET", path, language="zh-CN")

    assert english.headings[0] == known.title
    assert known.meaning in english.text
    assert chinese.headings[0] == known.title_zh
    assert known.meaning_zh in chinese.text
    assert all(one.meaning_zh != one.meaning for one in PROBLEM_TYPES.values())


def test_a_link_that_was_opened_elsewhere_says_so_to_whoever_holds_it(service: Asking) -> None:
    return_id = service.open_case("used@errors")
    link = link_to(service, return_id, Party(Role.BUYER, "used@errors"))
    mine, other = Browser(service.app), Browser(service.app)
    mine.send(mine.get("/open"), "/open", link=link)

    page = other.send(other.get("/open"), "/open", link=link)
    guess = other.send(other.get("/open"), "/open", link=link[:-1] + ("A" if link[-1] != "A" else "B"))

    assert "It opened its return already" in page.text
    assert "tell the shop at once" in page.text
    assert "It opened its return already" not in guess.text
    assert guess.status == page.status == 401


def test_a_link_that_is_opened_again_on_the_same_device_leads_to_its_return(service: Asking) -> None:
    return_id = service.open_case("again@errors")
    link = link_to(service, return_id, Party(Role.BUYER, "again@errors"))
    browser = Browser(service.app)
    browser.send(browser.get("/open"), "/open", link=link)

    page = browser.send(browser.get("/open"), "/open", link=link)

    assert (page.status, page.answer.url.path) == (200, "/return")
    assert return_id in page.text


def test_a_link_of_another_return_is_not_taken_for_the_open_one(service: Asking) -> None:
    browser, _, _ = opened(service, "mine@errors")
    other = service.open_case("other@errors")
    link = link_to(service, other, Party(Role.BUYER, "other@errors"))
    somebody = Browser(service.app)
    somebody.send(somebody.get("/open"), "/open", link=link)

    assert browser.send(browser.get("/open"), "/open", link=link).status == 401


def test_a_link_that_is_too_old_or_was_taken_back_says_who_can_send_another(service: Asking) -> None:
    return_id, buyer = service.open_case("old@errors"), Party(Role.BUYER, "old@errors")
    old = issue_link(service.ledger, buyer, return_id, valid_seconds=60)
    back = issue_link(service.ledger, buyer, return_id, valid_seconds=60)
    revoke(service.ledger, back.credential)
    change = "UPDATE credentials SET expires_at = '2020-01-02T03:04:05.000Z' WHERE prefix = ?"
    service.ledger.store.change(change, old.credential.prefix)
    browser = Browser(service.app)

    expired = browser.send(browser.get("/open"), "/open", link=old.token)
    revoked = browser.send(browser.get("/open"), "/open", link=back.token)

    assert "It was good until 2 Jan 2020 03:04 UTC" in expired.text
    assert "Whoever sent it took it back" in revoked.text
    assert all("the shop" in one.text and "/open" in one.links for one in (expired, revoked))


def test_a_step_back_after_a_step_shows_it_with_its_receipt(service: Asking) -> None:
    browser, _, return_id = opened(service, "back@errors")
    form = browser.get("/return/steps/withdraw_request")
    done = browser.send(form, "/return/steps/withdraw_request")
    index = service.ledger.read.entries_of(return_id)[-1].index

    back = browser.get("/return/steps/withdraw_request")

    assert done.headings[0] == "Your step is recorded"
    assert (back.status, back.headings[0]) == (200, "This step is already recorded")
    assert f"/return/receipts/{index}" in back.links


def test_a_step_that_somebody_else_took_is_not_shown_as_one_s_own(service: Asking) -> None:
    browser, _, return_id = opened(service, "others@errors")
    approve(service, return_id)
    seller = Browser(service.app)
    seller.send(seller.get("/open"), "/open", link=link_to(service, return_id, Party(Role.SELLER, "another shop")))

    assert browser.get("/return/steps/approve_return").status == 409
    assert seller.get("/return/steps/approve_return").status == 409


def test_a_step_in_one_dispute_is_not_shown_for_another(service: Asking) -> None:
    browser, _, return_id = opened(service, "disputes@errors")
    filled = {"field-type": "platform", "field-claim": "All of it", "statement": "You promised a refund."}
    browser.send(browser.get("/return/steps/open_dispute"), "/return/steps/open_dispute", **filled)
    (dispute,) = service.ledger.read.case(return_id).case.disputes
    path = f"/return/steps/withdraw_dispute/{dispute.dispute_id}"
    browser.send(browser.get(path), path)

    assert browser.get(path).headings[0] == "This step is already recorded"
    assert browser.get(f"/return/steps/withdraw_dispute/{secrets.token_hex(16)}").status == 409


def test_a_form_that_is_changed_and_sent_again_is_told_that_the_first_stands(service: Asking) -> None:
    browser, _, return_id = opened(service, "changed@errors")
    form = browser.get("/return/steps/add_evidence")
    browser.send(form, "/return/steps/add_evidence", statement="one")

    page = browser.send(form, "/return/steps/add_evidence", statement="two")

    assert (page.status, page.headings[0]) == (409, "This form was recorded already")
    assert service.ledger.read.case(return_id).case.count == 2


REFUSALS = (
    UnknownVerbError, WrongStateError, WrongRoleError, MissingEvidenceError, EvidenceKindError, MissingFieldError,
    FieldValueError, BalanceError, ClockRefusedError, CorrectionRefusedError, UnknownRuleError, CalendarError,
    StatementExpiredError, IdempotencyMismatchError,
)  # fmt: skip


@pytest.mark.parametrize("tag", TAGS)
def test_why_a_step_was_refused_is_told_by_its_class_in_the_reader_s_language(service: Asking, tag: str) -> None:
    app, words = make_app(service.ledger, service.app.state.service.settings), dict[type, str]()
    spoken = environment(talk(tag)).get_template("refusals.html").module.why  # type: ignore[attr-defined]

    def refuses(request: Request) -> Response:
        kind: Any = next(one for one in REFUSALS if one.__name__ == request.path_params["kind"])
        more = {"verb": "close", "state": None, "allowed": ()} if issubclass(kind, TransitionRefusedError) else {}
        raise kind("exactly <this>", **more)

    app.router.routes.append(PageRoute("/refuses/{kind}", page(refuses)))
    for kind in REFUSALS:
        made = told(Browser(app), "GET", f"/refuses/{kind.__name__}", language=tag)

        assert made.status == 409
        assert '<span lang="en">exactly &lt;this&gt;</span>' in made.html
        (words[kind],) = [one for one in spoken.values() if str(one) in made.html]

    assert len(set(words.values())) == len(REFUSALS) == len(spoken)
    assert words[StatementExpiredError] == spoken["signature_refused"]
    assert words[IdempotencyMismatchError] == spoken["refused"]


def test_no_class_of_refused_steps_is_without_words() -> None:
    spoken = environment(talk("en")).get_template("refusals.html").module.why  # type: ignore[attr-defined]

    refused = [kind("", verb="close", state=None, allowed=()) for kind in TransitionRefusedError.__subclasses__()]
    assert {refusal_code(one) for one in refused} <= set(spoken)
