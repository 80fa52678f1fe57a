"""Every page is switched through all languages, with dates and money as each writes them."""

from __future__ import annotations

import re

import pytest

from ledger_service.core.encoding import Json
from ledger_service.core.entry import RuleReference
from ledger_service.operations.asked import Step
from ledger_service.operations.record import record
from ledger_service.web.talk import TAGS, spoken_in_core, talk
from tests.api.asking import Asking
from tests.operations.world import PLATFORM, SELLER
from tests.web.all_pages import Prepared, is_a_file, looking, pages_of, prepare
from tests.web.browsing import Browser, Page
from tests.web.test_follow import approve, opened

RAW = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]\.[0-9]{2} [A-Z]{3}\b")  # how programs write days and amounts
EXACT = re.compile(r'<span class="quiet" lang="en">.*?</span>')  # the words of a verifier, as it says them everywhere
HOW = {
    "en": r"[0-9]{1,2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{5} UTC",
    "zh-Hans": "[0-9]{4}年[0-9]{1,2}月[0-9]{1,2}日 [0-9:]{5} UTC",
}


def raw(page: Page) -> list[str]:
    """Return what a reader of a page sees that is written as programs write it."""
    return RAW.findall(re.sub("<[^>]*>", " ", EXACT.sub("", page.html)))


def switched(browser: Browser, page: Page, tag: str) -> Page:
    """Choose a language on a page, as a person does, and return the page that comes."""
    return browser.send(page, "/language", tag=tag)


@pytest.fixture(scope="module")
def prepared(service: Asking) -> Prepared:
    """Return a session for each kind of person."""
    return prepare(service)


def test_every_page_speaks_every_language_that_is_chosen_on_it(service: Asking, prepared: Prepared) -> None:
    for who, path in pages_of(prepared):
        browser, seen = looking(service.app, prepared, who), dict[str, list[str]]()
        answer = browser.raw("GET", path, headers={"Accept": "text/html"})
        if is_a_file(path, answer):
            continue
        page = Page(answer)
        for tag in (*reversed(TAGS), TAGS[0]):
            page = switched(browser, page, tag)
            assert (page.language, page.answer.url.path) == (tag, path.partition("?")[0]), path
            assert (path, tag, raw(page)) == (path, tag, [])
            seen[tag] = page.headings
        assert len({tuple(headings) for headings in seen.values()}) == len(TAGS), path


def test_dates_and_money_stand_as_each_language_writes_them(service: Asking, prepared: Prepared) -> None:
    browser, page, return_id = opened(service, "dated@web")
    approve(service, return_id)
    refund: dict[str, Json] = {"lines": [{"line_id": "line-1", "amount": {"minor": 123_456, "currency": "EUR"}}]}
    rule = RuleReference("eu-2019-771-art-13", "1")
    record(service.ledger, Step("approve_refund", SELLER, PLATFORM, refund, return_id=return_id, rule=rule))
    rows = service.ledger.read.entries_of(return_id)
    new = looking(service.app, prepared, "new")

    for tag in TAGS:
        spoken, page = talk(tag), switched(browser, browser.get("/return"), tag)
        assert spoken.amount(123_456, "EUR") in page.text
        assert all(spoken.instant(row.recorded_at) in page.text for row in rows)
        whole = browser.get("/return/case")
        assert spoken.instant(rows[0].recorded_at) in whole.text
        if spoken_in_core(tag):
            assert len(re.findall(f"({HOW[tag]}) ", whole.text)) == whole.text.count(" UTC ") > len(rows)
        assert f'<td class="number">{spoken.amount(123_456, "EUR")}</td>' in whole.html, (
            "in the table of quantities and money"
        )
        assert raw(page) == raw(whole) == []
        asked = switched(new, new.get("/return"), tag)
        assert spoken.day("2026-11-13") in asked.text
        assert spoken.country("DE") in asked.text

    assert talk("en").instant(rows[0].recorded_at) != talk("zh-Hans").instant(rows[0].recorded_at)
