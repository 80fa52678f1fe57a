"""Returns with very many entries: small pages that lead on and back without a script and leave none out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_service.core.entry import Role
from ledger_service.operations.pseudonyms import Party
from ledger_service.web.paging import parts
from ledger_service.web.site import assets
from tests.api.asking import Asking, asking
from tests.operations.conftest import make_world
from tests.web.browsing import Browser, Page
from tests.web.test_follow import link_to
from tests.web.test_verdicts import BUYER, add

MANY = 160
PAGE_BYTES_MAX = 150_000
STYLE = len(assets()["style.css"])
PATHS = {
    "/return": r'<a href="/return/receipts/(\d+)" download>',
    "/return/case": r'<li id="entry-(\d+)"',
    "/return/proofs": r'<section aria-labelledby="proof-(\d+)">',
}


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Asking, str]]:
    """Return a service with a return of many entries, and its id."""
    folder: Path = tmp_path_factory.mktemp("long")
    world = make_world(folder / "home")
    world.found()
    with asking(world, folder) as service:
        return_id = service.open_case(BUYER.reference)
        for number in range(MANY):
            add(service, return_id, comment=f"what I saw on day {number} & <later>")
        yield service, return_id


def buyer_of(service: Asking, return_id: str, *, accepts: str = "en") -> Browser:
    """Return the browser of the buyer with the return open."""
    browser = Browser(service.app, accepts=accepts)
    browser.send(browser.get("/open"), "/open", link=link_to(service, return_id, Party(Role.BUYER, BUYER.reference)))
    return browser


def leading(page: Page, rel: str) -> str | None:
    """Return where the next page, or the one before, is."""
    found = set(re.findall(rf'rel="{rel}" href="([^"]*)"', page.html))
    assert len(found) <= 1
    return found.pop() if found else None


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("accepts", ["en", "zh"])
def test_a_long_return_is_read_page_by_page(long: tuple[Asking, str], path: str, accepts: str) -> None:
    service, return_id = long
    browser = buyer_of(service, return_id, accepts=accepts)
    held = [row.index for row in service.ledger.read.entries_of(return_id)]
    seen: list[int] = []
    at: str | None = path
    before: str | None = None
    while at is not None:
        page = browser.get(at)
        shown = [int(index) for index in re.findall(PATHS[path], page.html)]
        assert page.status == 200
        assert 0 < len(shown) <= 100
        assert len(page.html.encode()) + STYLE < PAGE_BYTES_MAX, (at, len(page.html.encode()))
        assert (leading(page, "prev") or "").partition("?page=1")[0] == (before or "").partition("?page=1")[0]
        seen, before, at = [*seen, *shown], at, leading(page, "next")

    assert seen == (held[::-1] if path == "/return" else held)
    assert before is not None
    assert "?page=" in before, "all on one page"


@pytest.mark.parametrize("page", ["0", "-1", "x", "99", "1.0", "", "9999999", "１"])
@pytest.mark.parametrize("path", PATHS)
def test_there_is_no_other_page(long: tuple[Asking, str], path: str, page: str) -> None:
    service, return_id = long
    browser = buyer_of(service, return_id)

    assert browser.raw("GET", path, params={"page": page}).status_code in (404, 422)
    assert browser.raw("GET", f"{path}?page=1&page=2").status_code == 422


def test_a_picture_leads_to_the_page_that_its_entry_stands_on(long: tuple[Asking, str]) -> None:
    service, return_id = long
    browser = buyer_of(service, return_id)
    last = service.ledger.read.entries_of(return_id)[-1].index
    at: str | None = "/return/pictures"
    found: list[str] = []
    while at is not None:
        page = browser.get(at)
        assert page.html.count("<img ") <= 20
        assert len(page.html.encode()) + STYLE < PAGE_BYTES_MAX
        found += [link for link in page.links if link.startswith("/return/case") and "#" in link]
        at = leading(page, "next")

    assert len(found) == MANY + 1, "each picture once"
    assert found[-1].endswith(f"#entry-{last}")
    assert f'id="entry-{last}"' in browser.get(found[-1].partition("#")[0]).html


@pytest.mark.parametrize("path", ["/return", "/return/case"])
def test_long_words_make_pages_of_fewer_entries(long: tuple[Asking, str], path: str) -> None:
    service, _ = long
    return_id = service.open_case(BUYER.reference)
    for _ in range(9):
        add(service, return_id, comment="退货 " * 1_333)
    browser = buyer_of(service, return_id)

    first, second = browser.get(path), browser.get(f"{path}?page=2")

    assert all(len(page.html.encode()) + STYLE < PAGE_BYTES_MAX for page in (first, second))
    assert 0 < len(re.findall(PATHS[path], first.html)) < 9


@pytest.mark.parametrize(
    ("weights", "ends"),
    [
        ([], [0]),
        ([9], [1]),
        ([1, 1, 1], [2, 3]),
        ([3, 3, 3], [1, 2, 3]),
        ([9, 9], [1, 2]),
        ([2, 3, 1], [2, 3]),
        ([0] * 5, [2, 4, 5]),
    ],
)
def test_a_list_is_cut_where_a_page_is_full(weights: list[int], ends: list[int]) -> None:
    found = parts(weights, entries_max=2, weight_max=5)

    assert [one.end for one in found] == ends
    assert [one.first for one in found] == [0, *ends[:-1]]
    assert {one.count for one in found} == {len(ends)}
    assert (found[0].before, found[-1].after) == (None, None)
