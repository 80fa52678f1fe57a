"""Pages for everybody: every language, the public log, what is served beside a page."""

from __future__ import annotations

import re

import pytest

from ledger_service.web.site import asset_path, assets
from ledger_service.web.talk import TAGS
from tests.api.asking import Asking
from tests.web.browsing import Browser

PAGES = ["/", "/log", "/what-it-proves", "/open", "/verify", "/help"]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("tag", TAGS)
def test_a_page_is_in_the_language_that_was_asked_for(service: Asking, path: str, tag: str) -> None:
    page = Browser(service.app, accepts=f"fr, {tag};q=0.9").get(path)

    assert (page.status, page.language) == (200, tag)
    assert bool(re.search(r"[一-鿿]", page.headings[0])) == (tag == "zh-Hans")


def test_a_chosen_language_stays_and_leads_back(service: Asking) -> None:
    browser = Browser(service.app, accepts="en")

    page = browser.send(browser.get("/log"), "/language", tag="zh-Hans")

    assert page.language == "zh-Hans"
    assert page.answer.url.path == "/log"
    assert browser.get("/").language == "zh-Hans"


@pytest.mark.parametrize(
    "back", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "log", "/l\nog"]
)
def test_a_language_form_leads_nowhere_else(service: Asking, back: str) -> None:
    answer = Browser(service.app).raw(
        "POST", "/language", data={"tag": "en", "back": back}, headers={"Sec-Fetch-Site": "same-origin"}
    )

    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_a_language_that_is_not_here_is_refused(service: Asking) -> None:
    assert Browser(service.app).post("/language", {"tag": "xx", "back": "/"}).status == 400


def test_the_public_log_says_what_it_holds(service: Asking) -> None:
    service.open_case("log-page")
    head = service.ledger.read.head()
    assert head is not None

    page = Browser(service.app).get("/log")

    assert f"The log holds {head.size} entries." in page.text
    assert head.root.hex() in page.text
    assert {"/checkpoint", "/.well-known/return-ledger"} <= set(page.links)


def test_a_file_of_the_pages_is_served_for_ever_under_its_content(service: Asking) -> None:
    browser = Browser(service.app)
    for name, content in assets().items():
        answer = browser.raw("GET", asset_path(name))

        assert (answer.status_code, answer.content) == (200, content)
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/static/0000000000000000/style.css", "/static/x/..%2Fsite.py", "/static/x/none.css"])
def test_nothing_else_is_served_there(service: Asking, path: str) -> None:
    assert Browser(service.app).raw("GET", path).status_code == 404


def test_a_page_takes_no_query(service: Asking) -> None:
    assert Browser(service.app).raw("GET", "/log?x=1").status_code == 422


def test_a_file_comes_packed_to_whoever_takes_it_so(service: Asking) -> None:
    browser, path = Browser(service.app), asset_path("style.css")
    for accepted, expected in {"gzip": "gzip", "br, GZIP;q=0.5": "gzip", "gzip;q=0": None, "identity": None}.items():
        answer = browser.raw("GET", path, headers={"Accept-Encoding": accepted})

        assert answer.headers.get("content-encoding") == expected
        assert (answer.content, answer.headers["vary"]) == (assets()["style.css"], "Accept-Encoding")
        assert int(answer.headers["content-length"]) <= len(assets()["style.css"])


def test_pages_are_small(service: Asking) -> None:
    files = sum(len(content) for name, content in assets().items() if name != "verifier.js")
    for path in PAGES:
        assert files + len(Browser(service.app).get(path).html.encode()) < 150_000


def test_the_page_that_verifies_is_small_as_it_travels(service: Asking) -> None:
    """Its script has the cryptography of two curves in it, and comes packed."""
    page = Browser(service.app).get("/verify")
    loaded = re.findall(r'(?:src|href)="(/static/[^"]*)"', page.html)
    sent = [Browser(service.app).raw("GET", path, headers={"Accept-Encoding": "gzip"}) for path in loaded]

    assert len(loaded) == 2
    assert sum(int(answer.headers["content-length"]) for answer in sent) + len(page.html.encode()) < 100_000
