"""Files and words of a return on its page: who may open them, how they are sent, and that it stands in the ledger."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

import pytest

from ledger_service.core.entry import CaseEntry, Kind, Role, parse_entry
from ledger_service.operations.access import share
from ledger_service.operations.asked import Step
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.record import record
from tests.api.asking import Asking
from tests.operations.world import PLATFORM, SELLER
from tests.web.browsing import Browser
from tests.web.test_follow import link_to, opened
from tests.web.test_whole import decided_by

WORDS = "The box was <b>open</b> when it came.\nnot \u202eredro\u202c mine\u200b"
SHOWN = "The box was &lt;b&gt;open&lt;/b&gt; when it came.\nnot \\u202eredro\\u202c mine\\u200b"
PDF = b"%PDF-1.4\nwhat the inspector found"
HELD_FOR = {
    "message_log": ("txt", "application/octet-stream", WORDS.encode()),
    "inspection_report": ("pdf", "application/pdf", PDF),
    "listing_snapshot": ("txt", "application/octet-stream", b"<html><script>alert(1)</script></html>"),
    "tracking_event": ("bin", "application/octet-stream", b'{"scan": 1}'),
    "product_video": ("bin", "application/octet-stream", b"PK\x03\x04 an archive"),
}


def said(service: Asking, name: str, kind: str = "message_log", content: bytes = WORDS.encode()) -> tuple[str, int]:
    """Return a return to which its buyer added a file, and the index of that entry."""
    return_id = service.open_case(name)
    path = service.folder / secrets.token_hex(4)
    path.write_bytes(content)
    step = Step("add_evidence", Party(Role.BUYER, name), PLATFORM, {}, [(kind, path)], return_id)
    return return_id, record(service.ledger, step).appended.index


def looks(service: Asking, return_id: str) -> list[tuple[str, object]]:
    """Return who opened which entry's file, as the log says it."""
    entries = [parse_entry(row.encoded) for row in service.ledger.read.entries_of(return_id)]
    return [
        (one.asserted_by.role.value, one.facts["entry"])
        for one in entries
        if isinstance(one, CaseEntry) and one.kind is Kind.ACCESS and one.verb == "read_evidence"
    ]


def browser_of(service: Asking, return_id: str, party: Party) -> Browser:
    """Return the browser of a party with the return open."""
    browser = Browser(service.app)
    browser.send(browser.get("/open"), "/open", link=link_to(service, return_id, party))
    return browser


@pytest.mark.parametrize("kind", HELD_FOR)
def test_a_file_is_sent_to_be_kept_and_that_is_recorded(service: Asking, kind: str) -> None:
    ending, media_type, content = HELD_FOR[kind]
    return_id, index = said(service, f"{kind}@opened", kind, content)
    browser, page = decided_by(service, return_id)
    assert f"/return/files/{index}/0" in page.links
    before = looks(service, return_id)

    answer = browser.raw("GET", f"/return/files/{index}/0")

    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["content-type"] == media_type
    assert answer.headers["content-disposition"] == f'attachment; filename="entry-{index}-{kind}-1.{ending}"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["cache-control"] == "private, no-store"
    assert looks(service, return_id) == [*before, ("arbitrator", service.ledger.read.entry(index).leaf_hash.hex())]


@pytest.mark.parametrize("role", [Role.BUYER, Role.SELLER, Role.ARBITRATOR])
def test_whoever_argues_about_a_return_reads_what_was_written(service: Asking, role: Role) -> None:
    name = f"{role.value}@words"
    return_id, index = said(service, name)
    party = {Role.BUYER: Party(Role.BUYER, name), Role.SELLER: SELLER}.get(role, Party(role, "adr-words"))
    browser = browser_of(service, return_id, party)

    page = browser.get("/return/case")

    assert f'<blockquote><p dir="auto">{SHOWN}</p></blockquote>' in page.html
    assert WORDS not in page.html
    assert browser.raw("GET", f"/return/files/{index}/0").content == WORDS.encode()


def test_words_are_recorded_as_shown_once_for_each_reader(service: Asking) -> None:
    return_id, index = said(service, "once@words")
    leaf = service.ledger.read.entry(index).leaf_hash.hex()

    browser, first = decided_by(service, return_id)
    second = browser.get("/return/case")
    seller = browser_of(service, return_id, SELLER).get("/return/case")

    assert all(SHOWN in page.html for page in (first, second, seller))
    assert looks(service, return_id) == [("arbitrator", leaf), ("seller", leaf)]


def test_words_that_cannot_be_recorded_as_shown_are_not_shown(service: Asking) -> None:
    return_id, index = said(service, "closed@words")
    browser, writer = browser_of(service, return_id, Party(Role.ARBITRATOR, "adr-closed")), service.ledger.writer
    service.ledger.writer = None
    try:
        page = browser.get("/return/case")
        file = browser.get(f"/return/files/{index}/0")
    finally:
        service.ledger.writer = writer

    assert (page.status, file.status) == (200, 503)
    assert SHOWN not in page.html
    assert f"/return/files/{index}/0" in page.links


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (b"zzzzzz" + b"a" * 16_378, True),
        (b"zzzzzz" + b"a" * 16_379, False),
        (b'["zzzz"]', False),
        (b"zzzzzz \x00", False),
        (b"zzzzzz \xff", False),
    ],
)
def test_what_is_long_or_no_text_is_not_in_the_page(service: Asking, content: bytes, shown: bool) -> None:
    return_id, index = said(service, f"{secrets.token_hex(4)}@long", content=content)

    _, page = decided_by(service, return_id)

    assert (content[:6].decode() in page.html) == shown
    assert bool(looks(service, return_id)) == shown
    assert f"/return/files/{index}/0" in page.links


def test_who_may_not_read_a_file_is_offered_none(service: Asking) -> None:
    return_id, index = said(service, "scope@opened")
    inspector = Party(Role.INSPECTOR, "inspector-opened")
    share(service.ledger, return_id, inspector)
    browser = browser_of(service, return_id, inspector)
    service.ledger.store.change("UPDATE credentials SET scopes = 'read' WHERE kind = 'session' AND role = 'inspector'")

    page = browser.get("/return/case")

    assert page.status == 200
    assert f"/return/files/{index}/0" not in page.links
    assert SHOWN not in page.html
    assert browser.get(f"/return/files/{index}/0").status == 403
    assert looks(service, return_id) == []


@pytest.mark.parametrize("kind", ["files", "pictures"])
def test_nobody_opens_a_file_of_another_return(service: Asking, kind: str) -> None:
    return_id, index = said(service, f"other@{kind}")
    stranger, _, own = opened(service, f"stranger@{kind}")

    assert stranger.get(f"/return/{kind}/{index}/0").status == 404
    assert Browser(service.app).get(f"/return/{kind}/{index}/0").status == 401
    assert looks(service, return_id) == looks(service, own) == []


@pytest.mark.parametrize("place", ["x/0", "0/x", "-1/0", "999999999/0", "0/0", "0x1/0", "1/99", "9" * 16 + "/0", "²/0"])
def test_there_is_no_other_file(service: Asking, place: str) -> None:
    return_id, _ = said(service, f"{secrets.token_hex(4)}@place")
    browser, _ = decided_by(service, return_id)

    assert browser.raw("GET", f"/return/files/{place}").status_code == 404


def test_a_file_that_was_altered_is_not_sent(service: Asking) -> None:
    return_id, index = said(service, "altered@opened", "inspection_report", PDF)
    browser, _ = decided_by(service, return_id)
    (row,) = service.ledger.read.files(index)
    found = [path for path in service.folder.rglob("*") if path.is_file() and path.name == Path(row.name).name]
    for path in found:
        path.chmod(0o600)
        path.write_bytes(PDF.replace(b"found", b"hoped"))

    page = browser.get(f"/return/files/{index}/0")

    assert len(found) == 1
    assert (page.status, page.headings[0]) == (409, "A file is not here any more")
    assert not re.search("hoped", page.html)
