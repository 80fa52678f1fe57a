"""Steps that a person takes on forms of their own: what is asked for, served, corrected, ruled, offered, claimed."""

from __future__ import annotations

import json
from typing import Any

from ledger_service.core.encoding import Json
from ledger_service.core.entry import Role
from ledger_service.operations.asked import Step
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.record import record
from tests.api.asking import Asking
from tests.operations.world import PLATFORM, SELLER
from tests.web.browsing import Browser, Page
from tests.web.test_follow import approve
from tests.web.test_rows import LINES, newest, signed_in, take

ARBITRATOR = Party(Role.ARBITRATOR, "adr-7")
APPROVED = {"field-return_cost_payer": "seller"}  # all pieces that were asked for


def entry_called(page: Page, words: str) -> str:
    """Return the leaf hash of the entry that a form calls by these words."""
    options = [part.split("</option>")[0] for part in page.html.split('<option value="')[1:]]
    (found,) = [one for one in options if words in one]
    return found.split('"')[0]


def test_a_seller_asks_for_what_is_missing(service: Asking) -> None:
    return_id = service.open_case("asked@forms")
    seller, path = signed_in(service, return_id, SELLER), "/return/steps/request_info"

    empty = take(seller, "request_info")
    done = take(seller, "request_info", **{"field-asked_for-product_photo": "yes", "field-asked_for-ruling": "yes"})

    assert (empty.status, "#asked_for" in empty.links) == (422, True)
    assert "Choose at least one." in empty.text
    assert "field-asked_for-product_photo" in empty.form(path).boxes
    assert done.headings[0] == "Your step is recorded"
    assert newest(service, return_id)["asked_for"] == ["product_photo", "ruling"]


def test_what_was_ticked_stays_ticked(service: Asking) -> None:
    seller = signed_in(service, service.open_case("ticked@forms"), SELLER)
    path = "/return/steps/request_info"

    ticked = {"field-asked_for-ruling": "yes", "field-reason": "x" * 4001}
    page = seller.post(path, seller.get(path).form(path).fields | ticked)

    assert page.status == 422
    assert page.form(path).fields["field-asked_for-ruling"] == "yes"
    assert "<details open>" in page.html, "what is ticked is seen"


def test_a_dispute_is_served_heard_and_ruled_on_pages(service: Asking) -> None:
    name = "ruled@forms"
    return_id = service.open_case(name, lines=LINES)
    buyer, seller, neutral = (
        signed_in(service, return_id, one) for one in (Party(Role.BUYER, name), SELLER, ARBITRATOR)
    )
    opening = {"field-type": "adr", "field-claim": "The money", "statement": "It broke.", "lines-1-qty": "2"}
    take(buyer, "open_dispute", **opening)
    (dispute,) = service.ledger.read.case(return_id).case.disputes
    assert newest(service, return_id)["lines"] == [{"line_id": "bulb", "qty": 2}]

    page = seller.get(f"/return/steps/acknowledge_service/{dispute.dispute_id}")
    served = entry_called(page, "Open a dispute")
    take(seller, f"acknowledge_service/{dispute.dispute_id}", **{"field-served_entry": served})
    assert newest(service, return_id)["served_entry"] == served
    assert served not in buyer.get(f"/return/steps/acknowledge_service/{dispute.dispute_id}").html

    chosen = {"field-neutral_id": "adr-7", "field-language": "de", "to_state": "arbitration"}
    take(neutral, f"appoint_neutral/{dispute.dispute_id}", **chosen)
    assert service.ledger.read.case(return_id).case.disputes[0].state == "arbitration"
    assert newest(service, return_id)["language"] == "de"

    order = {
        "order-1-who": "seller",
        "order-1-pays": "20,50",
        "order-1-what": "Pays the buyer",
        "order-1-by": "2027-01-31",
    }
    kind = "ruling"
    done = take(neutral, f"rule/{dispute.dispute_id}", kind, **{"field-outcome": "split", **order})
    assert done.headings[0] == "Your step is recorded"
    assert newest(service, return_id)["order"] == [
        {"who": "seller", "pays": {"minor": 2_050, "currency": "EUR"}, "what": "Pays the buyer",
         "by": "2027-01-31T23:59:59Z"}
    ]  # fmt: skip


def test_a_buyer_takes_back_what_did_not_happen_and_the_form_sent_twice_is_one_correction(service: Asking) -> None:
    name = "correct@forms"
    return_id = service.open_case(name)
    buyer, path = signed_in(service, return_id, Party(Role.BUYER, name)), "/return/steps/correct"
    assert path not in buyer.get("/return").links, "there is only the request, which is not taken back"
    take(buyer, "add_evidence", statement="The box was open.")

    page = buyer.get(path)
    wrong = entry_called(page, "Add evidence")
    filled = {"field-wrong_entry": wrong, "field-reason": "did_not_occur", "statement": "It was closed."}
    first = buyer.send(page, path, **filled)
    again = buyer.send(page, path, **filled)

    assert first.headings[0] == "Your step is recorded"
    assert again.headings[0] == "This step is already recorded"
    assert newest(service, return_id)["wrong_entry"] == wrong
    entry = json.loads(service.ledger.read.entries_of(return_id)[-1].encoded)
    assert (entry["kind"], [one["kind"] for one in entry["evidence"]]) == ("correction", ["error_declaration"])


def test_a_refund_says_what_is_taken_off_and_what_comes_on_top(service: Asking) -> None:
    return_id = service.open_case("refund@forms", lines=LINES)
    seller = signed_in(service, return_id, SELLER)
    parts = {
        "lines-0-amount": "200", "field-shipping_refund": "4.90", "field-duty_tax_refund": "1.10",
        "deductions-1-why": "used", "deductions-1-amount": "6",
    }  # fmt: skip
    take(seller, "approve_return", "rma_document", **APPROVED)
    path = "/return/steps/approve_refund"
    rule = next(one for one in _choices(seller.get(path), "rule") if one)

    done = take(seller, "approve_refund", **parts, rule=rule)

    assert done.headings[0] == "Your step is recorded"
    assert newest(service, return_id)["deductions"] == [{"why": "used", "amount": {"minor": 600, "currency": "EUR"}}]
    assert service.ledger.dockets.of(return_id).balance.refund_approved_minor == 20_000
    assert "keep_item" not in newest(service, return_id)


def _choices(page: Page, name: str) -> list[str]:
    chosen = page.html.partition(f'<select id="{name}"')[2].partition("</select>")[0]
    return [part.split('"')[0] for part in chosen.split('<option value="')[1:]]


def offered(service: Asking, name: str, **more: Json) -> tuple[str, Browser]:
    """Return a case with an open offer, and the browser of its buyer."""
    return_id = service.open_case(name, lines=LINES)
    seller = signed_in(service, return_id, SELLER)
    take(seller, "approve_return", "rma_document", **APPROVED)
    filled = {
        "field-remedy": "partial_refund",
        "field-amount": "30",
        "statement": "30 euros, and you keep them.",
        **more,
    }
    done = take(seller, "offer_settlement", **{key: str(value) for key, value in filled.items()})
    assert done.headings[0] == "Your step is recorded"
    return return_id, signed_in(service, return_id, Party(Role.BUYER, name))


def test_an_open_offer_is_told_and_accepted_in_words(service: Asking) -> None:
    more: dict[str, Any] = {"lines-0-qty": "1", "field-valid_days": "14"}
    return_id, buyer = offered(service, "offer@forms", **more)
    assert newest(service, return_id)["lines"] == [{"line_id": "lamp", "qty": 1}]

    page, form = buyer.get("/return"), buyer.get("/return/steps/accept_offer")
    for told in (page, form):
        assert (
            "What is offered partial refund Amount €30.00 Pieces of lamp 1 It stands until November 17, 2026"
            in told.text
        )
    assert "The ledger keeps the offer itself beside your acceptance." in form.text
    missing = take(buyer, "accept_offer")
    assert (missing.status, "Write something, or choose a file above." in missing.text) == (422, True)
    done = take(buyer, "accept_offer", statement="I accept 30 euros for one lamp.")

    assert done.headings[0] == "Your step is recorded"
    entry = json.loads(service.ledger.read.entries_of(return_id)[-1].encoded)
    assert [one["kind"] for one in entry["evidence"]] == ["offer_document"]
    assert "An offer waits for an answer" not in buyer.get("/return").text


def test_an_offer_that_names_no_days_stands_by_the_rules_and_one_that_is_refused_is_gone(service: Asking) -> None:
    return_id, buyer = offered(service, "openended@forms")

    told = buyer.get("/return").text
    take(buyer, "refuse_offer", **{"field-reason": "Too little"})

    assert "An offer waits for an answer" in told
    assert "It stands until November 10, 2026" in told, "as long as the policy of the platform says"
    assert "An offer waits for an answer" not in buyer.get("/return").text
    assert service.ledger.read.case(return_id).case.state == "approved"


def test_relief_for_returned_goods_is_claimed_on_the_page(service: Asking) -> None:
    name = "customs@forms"
    return_id = service.open_case(name)
    approve(service, return_id)
    buyer = signed_in(service, return_id, Party(Role.BUYER, name))
    take(buyer, "ship_back", "proof_of_posting", **{"parcels-1-tracking_no": "LX 1 DE"})
    notice = service.folder / "held.txt"
    notice.write_text("held")
    held: dict[str, Json] = {"country": "CN", "hold_reason": "documents_missing"}
    customs = Party(Role.CUSTOMS, "cn")
    record(service.ledger, Step("hold_at_customs", customs, PLATFORM, held, [("customs_notice", notice)], return_id))

    take(buyer, "submit_customs_documents", "customs_declaration", **{"field-returned_goods_relief_claim": "yes"})

    assert newest(service, return_id)["returned_goods_relief_claim"] is True
