"""Every page that there is, in a real browser: in both languages, light and dark, by whoever may look at it."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from playwright.sync_api import Browser as Chromium

from ledger_service.core.entry import Role
from ledger_service.operations import statistics
from ledger_service.operations.credentials import redeem_link
from ledger_service.operations.pseudonyms import Party
from ledger_service.web.answering import PageRoute
from ledger_service.web.pages import ROUTES
from tests.api.asking import Asking
from tests.operations.cases import Story
from tests.web.all_pages import HELP, Prepared, cookie_of, pages_of, prepare
from tests.web.test_follow import link_to
from tests.web.walking import Walker, walker

pytestmark = pytest.mark.campaign
NO_PAGES = {  # answered with a file, or by leading elsewhere
    "/static/{digest}/{name}", "/verifier.html", "/verifier.html.sha256", "/return/receipts/{index}",
    "/return/receipts/{index}/pdf", "/return/parts/{sha256}", "/return/completeness",
    "/return/pictures/{index}/{position}", "/regulator/statistics.csv", "/regulator/statistics.json",
    "/regulator/completeness.json",
}  # fmt: skip


@pytest.fixture(scope="module")
def prepared(service: Asking) -> Prepared:
    """Return a session for each kind of person."""
    return prepare(service)


def never_seen(routes: Iterable[PageRoute], seen: Iterable[str]) -> list[str]:
    """Return the pages of which no address was looked at. The first route that takes an address is its page."""
    pages, paths = list(routes), set(seen)
    found = {path: next((one for one in pages if one.path_regex.fullmatch(path)), None) for path in paths}
    looked_at = {one.path for one in found.values() if one is not None}
    return [one.path for one in pages if one.path not in looked_at]


def shown_pages() -> list[PageRoute]:
    """Return the routes that answer a GET with a page."""
    return [one for one in ROUTES if "GET" in (one.methods or ()) and one.path not in NO_PAGES]


def is_of(language: str, path: str) -> bool:
    """Say whether a page is looked at in a language: of those of problems, alike but for their words, a few."""
    return path not in HELP or HELP.index(path) % 8 == (0 if language == "en" else 4)


def sign_in(who: Walker, prepared: Prepared, name: str) -> None:
    """Let somebody with a session sit down at the browser; nobody has an empty name."""
    who.page.context.clear_cookies()
    if name:
        cookie, value = cookie_of(prepared, name)
        who.page.context.add_cookies([{"name": cookie, "value": value, "url": who.address}])


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_every_page_holds_in_both_languages_and_in_the_dark(
    service: Asking, address: str, prepared: Prepared, chromium: Chromium, language: str
) -> None:
    who, context = walker(chromium, address, language=language)

    for name, path in pages_of(prepared):
        if path == "/return/completeness" or not is_of(language, path):
            continue
        sign_in(who, prepared, name)
        assert who.go(path) not in (429, 500), path
        if language == "en":
            who.look_in_the_dark()

    context.close()
    assert never_seen(shown_pages(), who.seen) == []


def test_a_page_that_nobody_looked_at_is_named(prepared: Prepared) -> None:
    seen = {path.partition("?")[0] for _, path in pages_of(prepared)}
    steps = {path for path in seen if path.startswith("/return/steps/request_return/")}

    assert never_seen(shown_pages(), seen) == []
    assert never_seen(shown_pages(), seen - steps - {"/operator"}) == [
        "/return/steps/request_return/{basis}",
        "/operator",
    ]


def test_links_that_do_not_open_hold_too(service: Asking, address: str, chromium: Chromium) -> None:
    return_id, buyer = service.open_case("links@every"), Party(Role.BUYER, "links@every")
    tokens = [link_to(service, return_id, buyer).rpartition("#")[2] for _ in range(3)]
    used, old, revoked = tokens
    ledger = service.ledger
    redeem_link(ledger, used, "1")
    for column, token in (("expires_at", old), ("revoked_at", revoked)):
        change = f"UPDATE credentials SET {column} = '2026-01-01T00:00:00.000Z' WHERE prefix = ?"
        ledger.store.change(change, token.split("_")[1])
    who, context = walker(chromium, address)

    said = set()
    for token in (*tokens, "nonsense"):
        who.page.goto("about:blank")  # or the address would change behind its # alone
        who.go(f"/open#{token}")
        who.follow("main form button")
        who.look_in_the_dark()
        assert who.page.inner_text("h1") == "This link does not open"
        said.add(who.page.inner_text(".lead"))

    assert len(said) == 4
    context.close()


def test_statistics_that_cannot_be_told_hold_too(
    service: Asking, address: str, prepared: Prepared, chromium: Chromium, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        Story(service.ledger, service.folder)
    who, context = walker(chromium, address)
    sign_in(who, prepared, "regulator")

    for limit, value, said in (("COUNTING_SECONDS", -1.0, "Still counting"), ("CASES_MAX", 0, "Too many returns")):
        with monkeypatch.context() as lowered:
            lowered.setattr(statistics, limit, value)
            who.go("/regulator")
            assert said in who.page.inner_text(".summary")
            who.look_in_the_dark()

    context.close()
