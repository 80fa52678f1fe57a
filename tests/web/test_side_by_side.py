"""Evidence side by side: by kind, whoever sent it, by line of goods, and files that are no picture as links."""

from __future__ import annotations

import re
import secrets
from typing import Any

import pytest

from ledger_service.core.entry import Role
from ledger_service.operations.access import share
from ledger_service.operations.asked import Step
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.record import record
from tests.api.asking import Asking
from tests.operations.world import PLATFORM, SELLER
from tests.web.browsing import Page
from tests.web.test_files import JPEG
from tests.web.test_opened import PDF, browser_of
from tests.web.test_whole import decided_by

INSPECTOR = Party(Role.INSPECTOR, "warehouse-3")
HTML = b"<html><body>The lamp, as listed</body></html>"
LINES = [{"line_id": one, "qty": 1, "reason": "damaged_in_transit", "wanted": "refund"} for one in ("lamp", "bulb")]


def take(
    service: Asking, return_id: str, verb: str, by: Party, fields: dict[str, Any], *files: tuple[str, bytes]
) -> int:
    """Record a step with its files; return the index of the entry."""
    evidence = []
    for kind, content in files:
        path = service.folder / secrets.token_hex(4)
        path.write_bytes(content)
        evidence.append((kind, path))
    return record(service.ledger, Step(verb, by, PLATFORM, fields, evidence, return_id)).appended.index


def picture() -> bytes:
    """Return a picture that nobody sent before."""
    return JPEG + secrets.token_bytes(20)


def columns(page: Page) -> dict[str, str]:
    """Return the columns of a page by their headings."""
    found = re.findall(r'<h2 id="column-\d+">(.*?)</h2>(.*?)</section>', page.html, re.DOTALL)
    return {heading.replace("&#39;", "'"): held for heading, held in found}


def goods(column: str) -> dict[str, str]:
    """Return the parts of a column by the lines of goods that they are of; "-" where none is named."""
    first, *rest = re.split(r"<h3>(.*?)</h3>", column)
    assert "<figure>" not in first or not rest
    return {
        " ".join(re.findall(r"<code>(.*?)</code>", heading)) or "-": held
        for heading, held in zip(rest[::2], rest[1::2], strict=True)
    }


@pytest.fixture(scope="module")
def inspected(service: Asking) -> tuple[str, dict[str, int]]:
    """Return a return of two goods that was inspected, and the indexes of what was shown of it."""
    name = "beside@web"
    buyer = Party(Role.BUYER, name)
    return_id = service.open_case(name, lines=LINES)
    found = {"request": service.ledger.read.entries_of(return_id)[0].index}
    sent = [{"line_id": one["line_id"], "qty": 1} for one in LINES]
    approval = {"approved_lines": sent, "return_cost_payer": "seller"}
    take(service, return_id, "approve_return", SELLER, approval, ("rma_document", b"RMA 1"))
    parcels = {"parcels": [{"parcel_id": "p-1", "lines": sent}]}
    found["posted"] = take(service, return_id, "ship_back", buyer, parcels, ("proof_of_posting", picture()))
    received = {"lines": [{"line_id": "lamp", "received_qty": 1}]}
    found["received"] = take(service, return_id, "receive", INSPECTOR, received, ("receiving_report", picture()))
    take(service, return_id, "start_inspection", INSPECTOR, {})
    graded = {"lines": [{"line_id": "lamp", "accepted_qty": 0, "rejected_qty": 1, "missing_qty": 0}]}
    found["graded"] = take(
        service, return_id, "complete_inspection", INSPECTOR, graded,
        ("inspection_report", PDF), ("inspection_report", picture()),
    )  # fmt: skip
    found["seen"] = take(service, return_id, "add_evidence", INSPECTOR, {}, ("product_photo", picture()))
    found["listed"] = take(service, return_id, "add_evidence", SELLER, {}, ("listing_snapshot", picture()))
    found["page"] = take(service, return_id, "add_evidence", buyer, {}, ("listing_snapshot", HTML))
    found["talk"] = take(service, return_id, "add_evidence", buyer, {}, ("message_log", b"words of the buyer"))
    return return_id, found


def test_each_kind_of_evidence_has_its_column_whoever_sent_it(
    service: Asking, inspected: tuple[str, dict[str, int]]
) -> None:
    return_id, at = inspected
    browser, whole = decided_by(service, return_id)

    found = columns(browser.get("/return/pictures"))

    assert "/return/pictures" in whole.links
    assert list(found) == ["The buyer's photos", "From the inspection", "The listing", "Other pictures"]
    drawn = {heading: re.findall(r'src="/return/pictures/(\d+)/(\d+)"', held) for heading, held in found.items()}
    assert drawn == {
        "The buyer's photos": [(str(at["request"]), "0")],
        "From the inspection": [(str(at["received"]), "0"), (str(at["graded"]), "1"), (str(at["seen"]), "0")],
        "The listing": [(str(at["listed"]), "0")],
        "Other pictures": [(str(at["posted"]), "0")],
    }


def test_a_listing_and_a_report_that_are_no_pictures_are_files_to_open(
    service: Asking, inspected: tuple[str, dict[str, int]]
) -> None:
    return_id, at = inspected
    browser, _ = decided_by(service, return_id)

    found = columns(browser.get("/return/pictures"))

    assert re.findall(r'href="(/return/files/[^"]*)"', found["The listing"]) == [f"/return/files/{at['page']}/0"]
    assert re.findall(r'href="(/return/files/[^"]*)"', found["From the inspection"]) == [
        f"/return/files/{at['graded']}/0"
    ]
    assert browser.raw("GET", f"/return/files/{at['page']}/0").content == HTML
    assert not any(f"/{at['talk']}/" in held for held in found.values())


def test_a_column_is_told_by_lines_of_goods_where_entries_name_them(
    service: Asking, inspected: tuple[str, dict[str, int]]
) -> None:
    return_id, at = inspected
    browser, _ = decided_by(service, return_id)

    found = columns(browser.get("/return/pictures"))

    inspection = goods(found["From the inspection"])
    assert list(inspection) == ["lamp", "-"]
    assert f"/return/pictures/{at['graded']}/1" in inspection["lamp"]
    assert f"/return/pictures/{at['seen']}/0" in inspection["-"]
    assert list(goods(found["The buyer's photos"])) == ["lamp, bulb"]
    assert goods(found["The listing"]) == {}, "nothing there is told apart"


def test_who_may_open_no_file_is_offered_none_here(service: Asking, inspected: tuple[str, dict[str, int]]) -> None:
    return_id, _ = inspected
    reader = Party(Role.INSPECTOR, "warehouse-4")
    share(service.ledger, return_id, reader)
    browser = browser_of(service, return_id, reader)
    service.ledger.store.change("UPDATE credentials SET scopes = 'read' WHERE kind = 'session' AND role = 'inspector'")

    page = browser.get("/return/pictures")

    assert page.status == 200
    assert "/return/files/" not in page.html
    assert "A file that is no picture, and that you may not open." in page.text
