"""A reader is told between which two times an entry was recorded, wherever a page says how far its proof has come."""

from __future__ import annotations

import json

import pytest

from ledger_service.core.timeline_row import block_instant
from ledger_service.web.talk import talk
from tests.api.asking import Asking
from tests.web.browsing import Browser
from tests.web.final import make_final
from tests.web.test_follow import opened


@pytest.fixture(scope="module")
def followed(service: Asking) -> tuple[Browser, Browser]:
    """Return the browsers of two buyers: of the first return of a ledger, and of one after its first anchors."""
    first, _, _ = opened(service, "since-first@web")
    make_final(service)
    service.open_case("since-second@web")
    make_final(service)  # its seal quotes the first anchor
    later, _, _ = opened(service, "since-later@web")
    make_final(service)
    return first, later


def receipt_of(browser: Browser) -> dict[str, int]:
    """Return the index of the newest entry, and the times between which its receipt says that it was recorded."""
    (path,) = [one for one in browser.get("/return").links if one.startswith("/return/receipts/") and "pdf" not in one]
    receipt = json.loads(browser.raw("GET", path).text)
    after = receipt.get("after")
    since = {} if after is None else {"since": after["anchor"]["time"]}
    return {"index": receipt["index"], "by": receipt["anchors"][0]["time"], **since}


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("en", "recorded after {since} and no later than {by}"),
        ("zh-Hans", "记录时间晚于 {since}，不晚于 {by}"),
    ],
)
def test_pages_tell_both_times_that_the_receipt_proves(
    followed: tuple[Browser, Browser], service: Asking, tag: str, words: str
) -> None:
    _, later = followed
    found, spoken = receipt_of(later), talk(tag)
    times = {name: spoken.instant(block_instant(found[name])) for name in ("since", "by")}
    reader = Browser(service.app, accepts=tag, cookies=later.cookies)

    pages = [reader.get(path) for path in ("/return", "/return/case", f"/return/entries/{found['index']}")]

    assert found["since"] < found["by"]
    for page in pages:
        assert page.language == tag
        assert words.format(**times) in page.text
    assert pages[0].text.count(words.format(**times)) == 2, "of the step, and of all steps together"
    assert pages[1].text.count(words.format(**times)) == 2, "of the entry, and in the list of what is proven"
    why = {"en": "the ledger wrote down the fingerprint of a block", "zh-Hans": "记下了前一时间的区块指纹"}[tag]
    assert [why in page.text for page in pages] == [True, True, True]


def test_the_first_entries_of_a_ledger_are_told_without_an_earlier_time(followed: tuple[Browser, Browser]) -> None:
    first, _ = followed
    found = receipt_of(first)
    by = talk("en").instant(block_instant(found["by"]))

    pages = [first.get(path) for path in ("/return", "/return/case", f"/return/entries/{found['index']}")]

    assert "since" not in found
    for page in pages:
        assert "recorded after" not in page.text
        assert f"no later than {by}" in page.text
