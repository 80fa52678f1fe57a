"""The forms of a package hold what the record says: the question of each dispute, and what a card network asks for."""

from __future__ import annotations

from typing import Any

from ledger_service.core.package_forms import dispute_form, issues
from tests.core.cases import DISPUTE_ID, PARCELS, approved


def test_an_issue_asks_what_the_dispute_claims() -> None:
    told = approved()
    before: Any = issues(told.timeline(), ())
    told.step("open_dispute", fields={"dispute_id": DISPUTE_ID, "type": "adr", "claim": "the lamp is broken"})

    after: Any = issues(told.timeline(), ())
    (issue,) = after["issues"]

    assert (issue["category"], issue["description"], issue["dispute_id"]) == (
        "return, adr", "the lamp is broken", DISPUTE_ID,
    )  # fmt: skip
    assert before["issues"][0]["description"].startswith("A return on the basis")


def test_the_form_names_each_parcel_that_was_sent_and_leaves_empty_what_nobody_recorded() -> None:
    told = approved()
    (parcel,) = PARCELS["parcels"]
    second = {"parcel_id": "p2", "tracking_no": "RR1"}
    told.step("ship_back", fields={"parcels": [{**parcel, "tracking_no": "RR0"}, second, {"parcel_id": "p3"}]})

    form: Any = dispute_form(told.timeline(), ())
    before: Any = dispute_form(approved().timeline(), ())

    assert form["fields"]["shipping_tracking_number"] == "RR0, RR1"
    assert "refund_refusal_explanation" in form["empty"]
    assert "shipping_tracking_number" in before["empty"]
