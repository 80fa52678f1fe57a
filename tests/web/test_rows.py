"""Steps that count: parcels, pieces and amounts on a page, by whoever takes them, in words of both languages."""

from __future__ import annotations

import json
import re
import secrets
from typing import Any

import pytest

from ledger_service.core.balance import Line
from ledger_service.core.encoding import Json
from ledger_service.core.entry import Kind, Role
from ledger_service.core.lifecycle import LIFECYCLE
from ledger_service.operations.credentials import LINK_ROLES
from ledger_service.operations.dockets import open_entries
from ledger_service.operations.pseudonyms import Party
from ledger_service.web.answers import AnswersError, read_answers
from ledger_service.web.entries import Named
from ledger_service.web.offers import Offer, offer_in_table
from ledger_service.web.rows import Goods, read_amount
from ledger_service.web.site import environment
from ledger_service.web.talk import TAGS, talk
from tests.api.asking import Asking
from tests.operations.world import SELLER
from tests.web.browsing import HOST, Browser, Page
from tests.web.test_follow import link_to

LINES: list[dict[str, Json]] = [
    {"line_id": line, "qty": qty, "reason": "defective", "wanted": "refund", "paid": {"minor": paid, "currency": "EUR"}}
    for line, qty, paid in (("lamp", 2, 25_800), ("bulb", 3, 900))
]
ENTRIES = tuple(  # the buyer's request, and steps of the seller and the buyer in turn
    Named(f"{seq:064x}", 10 + seq, seq, Kind.TRANSITION, verb, role, "2026-11-03T10:22:05.000Z", role == "buyer", True)
    for seq, (verb, role) in enumerate(
        [("request_return", "buyer"), ("approve_return", "seller"), ("ship_back", "buyer"), ("add_evidence", "seller")]
    )
)
GOODS = Goods((Line("lamp", requested=2, approved=2), Line("bulb", requested=3, approved=1)), "EUR", ("EU@1",), ENTRIES)


def signed_in(service: Asking, return_id: str, party: Party) -> Browser:
    """Return the browser of a party that opened its link."""
    browser = Browser(service.app)
    browser.send(browser.get("/open"), "/open", link=link_to(service, return_id, party))
    return browser


def take(browser: Browser, verb: str, kind: str | None = None, **filled: str) -> Page:
    """Take a step on its page, with a file of a kind where one is named."""
    path = f"/return/steps/{verb}"
    page = browser.get(path)
    if kind is not None:
        (form,) = [one for one in page.forms if one.action.startswith("/return/files/")]
        content = b"%PDF-1.4\n" + secrets.token_bytes(64)
        sent = {"file": ("slip.pdf", content, "application/pdf")}
        browser.raw("POST", form.action, files=sent, headers={"Origin": f"http://{HOST}"})
        page = browser.get(path)
        file = next(name for name in page.form(path).fields if name.startswith("file-"))
        filled[file] = kind  # the newest stands first
    return browser.send(page, path, **filled)


def newest(service: Asking, return_id: str) -> dict[str, Any]:
    """Return the facts and opened values of the newest entry of a return."""
    rows = service.ledger.read.entries_of(return_id)
    return dict(open_entries(service.ledger.read, service.ledger.keys, return_id, rows)[-1].values)


def test_a_return_with_two_parcels_goes_all_its_way_on_pages(service: Asking) -> None:
    name = "rows@web"
    return_id = service.open_case(name, lines=LINES)
    buyer, seller = (signed_in(service, return_id, one) for one in (Party(Role.BUYER, name), SELLER))
    inspector = signed_in(service, return_id, Party(Role.INSPECTOR, "warehouse-3"))

    form = seller.get("/return/steps/approve_return").form("/return/steps/approve_return")
    assert (form.fields["approved_lines-0-qty"], form.fields["approved_lines-1-qty"]) == ("2", "3")
    take(seller, "approve_return", "rma_document", **{"approved_lines-1-qty": "1", "field-return_cost_payer": "seller"})
    assert newest(service, return_id)["approved_lines"] == [
        {"line_id": "lamp", "qty": 2}, {"line_id": "bulb", "qty": 1}
    ]  # fmt: skip

    parcels = {"parcels-1-tracking_no": "LX 1 DE", "parcels-1-0": "1", "parcels-2-0": "1", "parcels-1-1": "1"}
    done = take(buyer, "ship_back", "proof_of_posting", **parcels)
    assert done.headings[0] == "Your step is recorded"
    assert newest(service, return_id)["parcels"] == [
        {"parcel_id": "parcel-1", "tracking_no": "LX 1 DE",
         "lines": [{"line_id": "lamp", "qty": 1}, {"line_id": "bulb", "qty": 1}]},
        {"parcel_id": "parcel-2", "lines": [{"line_id": "lamp", "qty": 1}]},
    ]  # fmt: skip

    take(inspector, "receive", "receiving_report", **{"lines-0-received_qty": "2", "lines-1-received_qty": "1"})
    assert service.ledger.read.case(return_id).case.state == "received"
    take(inspector, "start_inspection")
    graded = {
        "lines-0-accepted_qty": "1", "lines-0-rejected_qty": "1", "lines-0-grade": "damaged",
        "lines-0-condition": "scratched", "lines-0-deduction": "12,50", "lines-1-accepted_qty": "1",
    }  # fmt: skip
    take(inspector, "complete_inspection", "inspection_report", **graded)
    assert newest(service, return_id)["lines"][0] == {
        "line_id": "lamp", "accepted_qty": 1, "rejected_qty": 1, "missing_qty": 0, "grade": "damaged",
        "condition": "scratched", "deduction": {"minor": 1_250, "currency": "EUR"},
    }  # fmt: skip

    refund = take(seller, "approve_refund", **{"lines-0-amount": "116.50"})
    assert refund.headings[0] == "Your step is recorded"
    assert service.ledger.dockets.of(return_id).balance.refund_approved_minor == 11_650
    assert "Approved for refund €116.50" in buyer.get("/return").text


def test_a_refusal_names_the_rule_that_it_rests_on(service: Asking) -> None:
    return_id = service.open_case("ruled@web")
    seller = signed_in(service, return_id, SELLER)

    without = take(seller, "decline_return", "policy_snapshot", **{"field-reason_code": "final_sale"})
    assert without.status == 422
    assert "#rule" in without.links
    rules = re.findall(r'<option value="([A-Z-]+@[0-9]+)"', without.html)
    filled = {"field-reason_code": "final_sale", "rule": rules[0]}
    done = take(seller, "decline_return", "policy_snapshot", **filled)

    entry = json.loads(service.ledger.read.entries_of(return_id)[-1].encoded)
    assert "PLATFORM@1" in rules
    assert ">Policy of the platform (PLATFORM@1)</option>" in without.html
    assert f"{entry['rule']['id']}@{entry['rule']['version']}" == rules[0]
    assert done.headings[0] == "Your step is recorded"
    assert service.ledger.read.case(return_id).case.state == "declined"


def test_pieces_that_do_not_add_up_are_refused_and_told(service: Asking) -> None:
    return_id = service.open_case("sums@web")
    seller = signed_in(service, return_id, SELLER)

    filled = {"approved_lines-0-qty": "9", "field-return_cost_payer": "seller"}
    page = take(seller, "approve_return", "rma_document", **filled)

    assert (page.status, page.headings[0]) == (409, "The ledger refused this step")
    assert "The pieces or the amounts do not fit those that this return has." in page.text
    assert "9 approved, 1 requested" in page.text


def answered(verb: str, role: Role, filled: dict[str, str]) -> dict[str, Json]:
    """Return the fields of a step that were filled in; raises `AnswersError`."""
    offer = offer_in_table(verb, None, role, GOODS)
    assert offer is not None
    files = {f"file-{n:064x}": group[0] for n, group in enumerate(offer.groups)}
    return read_answers(offer, {**files, **filled}, key="0" * 32, language="en").fields


@pytest.mark.parametrize(
    ("verb", "role", "filled", "wrong"),
    [
        ("approve_return", Role.SELLER, {"field-return_cost_payer": "seller"},
         {"approved_lines-0-qty": "nothing_chosen"}),
        ("approve_return", Role.SELLER, {"approved_lines-0-qty": "x", "field-return_cost_payer": "seller"},
         {"approved_lines-0-qty": "too_many"}),
        ("ship_back", Role.BUYER, {"parcels-1-0": "99999999"}, {"parcels-1-0": "too_many"}),
        ("ship_back", Role.BUYER, {"parcels-2-tracking_no": "x" * 4001}, {"parcels-2-tracking_no": "too_long"}),
        ("ship_back", Role.BUYER, {"parcels-1-0": "1", "field-cn_form": "cn99"}, {"cn_form": "choice"}),
        ("complete_inspection", Role.INSPECTOR, {"lines-0-accepted_qty": "1", "lines-0-grade": "fine"},
         {"lines-0-grade": "choice"}),
        ("complete_inspection", Role.INSPECTOR, {"lines-0-accepted_qty": "1", "lines-0-deduction": "-1"},
         {"lines-0-deduction": "no_amount"}),
        ("complete_inspection", Role.INSPECTOR, {"lines-0-deduction": "1"}, {"lines-0-accepted_qty": "nothing_chosen"}),
        ("approve_refund", Role.SELLER, {"lines-0-qty": "1"}, {"lines-0-amount": "missing"}),
        ("issue_refund", Role.SELLER, {"field-refund_id": "a b", "field-amount": "1", "field-method": "other"},
         {"refund_id": "no_reference"}),
        ("issue_refund", Role.SELLER, {"field-refund_id": "r", "field-amount": "1.234", "field-method": "other"},
         {"amount": "no_amount"}),
    ],
)  # fmt: skip
def test_what_cannot_be_counted_is_named(verb: str, role: Role, filled: dict[str, str], wrong: dict[str, str]) -> None:
    with pytest.raises(AnswersError) as refused:
        answered(verb, role, filled)

    assert refused.value.wrong == wrong


def test_what_is_left_empty_is_left_out() -> None:
    assert answered("ship_back", Role.BUYER, {"parcels-3-tracking_no": "LX"}) == {
        "parcels": [{"parcel_id": "parcel-3", "tracking_no": "LX"}]
    }
    assert answered("approve_refund", Role.SELLER, {"lines-1-amount": "3"}) == {
        "lines": [{"line_id": "bulb", "amount": {"minor": 300, "currency": "EUR"}}]
    }
    assert answered("receive", Role.INSPECTOR, {"lines-0-received_qty": "2", "lines-1-received_qty": "0"}) == {
        "lines": [{"line_id": "lamp", "received_qty": 2}]
    }


def test_a_step_with_two_kinds_of_files_needs_one_of_each() -> None:
    offer = offer_in_table("report_discrepancy", None, Role.INSPECTOR, GOODS)
    assert offer is not None
    one = {f"file-{1:064x}": "receiving_report", "field-kind": "missing"}

    with pytest.raises(AnswersError) as refused:
        read_answers(offer, one, key="0" * 32, language="en")

    assert refused.value.wrong == {"files": "missing_file"}
    assert (
        len(
            read_answers(offer, {**one, f"file-{2:064x}": "weight_dimension_record"}, key="0" * 32, language="en").files
        )
        == 2
    )


def test_where_nothing_was_priced_no_amount_is_asked_for() -> None:
    unpriced = Goods(GOODS.lines, None, GOODS.rules)

    assert offer_in_table("approve_refund", None, Role.SELLER, unpriced) is None
    assert offer_in_table("issue_refund", None, Role.SELLER, unpriced) is None
    graded = offer_in_table("complete_inspection", None, Role.INSPECTOR, unpriced)
    assert graded is not None
    assert "deduction" not in {column.name for rows in graded.rows for row in rows.rows for column in row.columns}
    assert offer_in_table("decline_return", None, Role.SELLER, Goods(GOODS.lines)) is None


@pytest.mark.parametrize("text", ["", "1.2.3", "1,234.50", "12.345", "-1", "1e3", "٣", "9" * 13, " 1"])
def test_what_is_no_amount_is_none(text: str) -> None:
    assert read_amount(text, "EUR") is None


def forms() -> list[Offer]:
    """Return every form that a link can lead to."""
    dispute = "0" * 32
    verbs: list[tuple[str, str | None]] = [(verb, None) for verb in LIFECYCLE.case.transitions]
    verbs += [(verb, None if verb == "open_dispute" else dispute) for verb in LIFECYCLE.dispute.transitions]
    found = [offer_in_table(verb, at, role, GOODS) for verb, at in verbs for role in LINK_ROLES]
    return [one for one in found if one is not None]


@pytest.mark.parametrize("tag", TAGS)
def test_every_question_of_every_form_has_words(tag: str) -> None:
    said: Any = environment(talk(tag)).get_template("choices.html").make_module({"talk": talk(tag)})
    offered = forms()
    assert {"ship_back", "approve_return", "receive", "complete_inspection", "approve_refund"} <= {
        one.action.verb for one in offered
    }

    for offer in offered:
        columns = [column for rows in offer.rows for row in rows.rows for column in row.columns]
        for name, form, choices in [
            *((field.name, field.form.name, field.form.choices) for field in offer.asked),
            *((column.name, column.form, column.choices) for column in columns),
        ]:
            words = [
                str(said.field(name)),
                str(said.group(name)),
                *(talk(tag).choice(form, choice) for choice in choices),
            ]
            assert all(words), (offer.action.verb, name)
            if tag != "en":
                assert not set(words) & set(choices), "a choice is shown by its code"
                assert not any("_" in one for one in words), (name, words)
