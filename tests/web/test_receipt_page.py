"""The page of a receipt: who said what, how far it is proven, and a code that finds the entry in the public log."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser as Chromium

from ledger_service.core.entry import Role
from ledger_service.core.locator import Locator, encode_locator
from ledger_service.operations.pseudonyms import Party
from ledger_service.web.code import draw_code
from tests.api.asking import Asking
from tests.web.browsing import Browser
from tests.web.test_follow import approve, link_to, opened
from tests.web.walking import walker


def modules(path: str) -> set[tuple[int, int]]:
    """Return the dark modules that a path covers."""
    runs = [tuple(map(int, found)) for found in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\d+z", path)]
    return {(x + n, y) for x, y, length in runs for n in range(length)}


def test_the_page_of_a_receipt_shows_it_with_its_code(service: Asking) -> None:
    browser, page, return_id = opened(service, "code@web")
    row = service.ledger.read.entries_of(return_id)[-1]
    assert f"/return/entries/{row.index}" in page.links

    shown = browser.get(f"/return/entries/{row.index}")
    chinese = Browser(service.app, accepts="zh-CN", cookies=browser.cookies).get(f"/return/entries/{row.index}")

    code = draw_code(encode_locator(Locator(service.ledger.origin, row.index, row.leaf_hash)))
    assert f'd="{code.path}"' in shown.html
    assert row.leaf_hash.hex() in shown.text
    assert service.ledger.origin in shown.text
    assert f"/return/receipts/{row.index}" in shown.links
    assert chinese.headings[0] == f"条目 {row.index} 的回执"


def test_a_code_is_square_framed_in_white_and_another_for_another_text() -> None:
    one, other = draw_code("returns.example\n1\n" + "0" * 64), draw_code("returns.example\n2\n" + "0" * 64)
    dark = modules(one.path)

    finder = {(4 + x, 4 + y) for x in range(7) for y in range(7) if x in (0, 6) or y in (0, 6)}
    assert finder <= dark
    assert {x for x, _ in dark} | {y for _, y in dark} <= set(range(4, one.side - 4))
    assert modules(other.path) != dark


@pytest.mark.parametrize("index", ["999999999", "x", "-1", "0", "00000000000000000000"])
def test_there_is_no_page_of_another_receipt(service: Asking, index: str) -> None:
    stranger, _, _ = opened(service, f"none-{index}@code")
    other = service.open_case(f"other-{index}@code")
    theirs = service.ledger.read.entries_of(other)[-1].index

    assert stranger.get(f"/return/entries/{index}").status == 404
    assert stranger.get(f"/return/entries/{theirs}").status == 404
    assert Browser(service.app).get(f"/return/entries/{theirs}").status == 401


@pytest.mark.campaign
def test_case_and_receipt_are_printed_in_black_on_white_without_forms(
    service: Asking, address: str, chromium: Chromium, tmp_path: Path
) -> None:
    return_id = service.open_case("printed@web")
    approve(service, return_id)
    index = service.ledger.read.entries_of(return_id)[-1].index
    who, context = walker(chromium, address, color_scheme="dark", viewport={"width": 680, "height": 960})
    link = link_to(service, return_id, Party(Role.ARBITRATOR, "adr-print"))
    who.go(f"/open#{link.rpartition('#')[2]}")
    who.follow("main form button")
    for path in ("/return/case", f"/return/entries/{index}"):
        who.go(path)
        who.page.emulate_media(media="print")
        style = "() => [getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
        assert who.page.evaluate(style) == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
        assert who.page.locator("form:visible, nav:visible, .button:visible").count() == 0
        assert who.page.evaluate("document.documentElement.scrollWidth") <= 680
        printed = who.page.pdf(path=tmp_path / "page.pdf", format="A4")
        assert printed.startswith(b"%PDF-")
        who.page.emulate_media(media="screen")
    assert who.page.locator(".code svg").bounding_box() is not None
    context.close()
