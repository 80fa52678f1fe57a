"""The first half of the dispute over an inspection: request, rejection, appeal, and an offer that nobody answers.

Does not: go on to the dispute itself (`inspection_dispute.py`).
"""

from __future__ import annotations

from ledger_service.cli.demo.files import box_photo, message, paper
from ledger_service.cli.demo.story import StoryStep, charge, days_of, money, stated
from ledger_service.core.encoding import Json
from ledger_service.core.entry import Authenticity, Role, RuleReference

ZONE = "Europe/Vienna"
TRACKING = "RR558201994AT"
LINE = "line-1"
OFFER = "3d9a6c51f0e24b7788a1c4d2be905f16"
POLICY = RuleReference("shop-policy-warranty", "2026-01")
HOOK = Authenticity.WEBHOOK_VERIFIED
BUYERS_WALLET = 3


at = days_of(ZONE, 2026)


def euros(minor: int) -> Json:
    """Return an amount of euro cents."""
    return money("EUR", minor)


def request() -> list[StoryStep]:
    """Return the steps from the request to the delivery in Leipzig."""
    line: Json = {"line_id": LINE, "qty": 1, "reason": "defective", "wanted": "refund", "paid": euros(32_900)}
    slip = [("Item", TRACKING), ("Accepted", stated(at(2, 5, 9, 5))), ("Weight", "4210 g")]
    return [
        StoryStep(
            at(2, 2, 18, 20),
            Role.BUYER,
            "request_return",
            {
                "legal_basis": "non_conformity",
                "lines": [line],
                "language": "de-AT",
                "buyer_country": "AT",
                "seller_country": "DE",
                "outbound_delivered_at": stated(at(1, 14, 12, 30)),
            },
            (
                ("product_photo", "leak.png", box_photo(torn=True)),
                ("order_snapshot", "order.json", message({"order": "LEJ-3310", "total": "329.00 EUR"})),
            ),
        ),
        StoryStep(
            at(2, 3, 10, 5),
            Role.SELLER,
            "approve_return",
            {
                "approved_lines": [{"line_id": LINE, "qty": 1}],
                "return_cost_payer": "seller",
                "return_method": "by_mail",
                "ship_to_country": "DE",
            },
            (("rma_document", "rma.pdf", paper("Return authorisation", [("RMA", "RMA-3310"), ("To", "Leipzig")])),),
            rule=POLICY,
            anchor=True,
        ),
        StoryStep(
            at(2, 5, 9, 5),
            Role.BUYER,
            "ship_back",
            {
                "parcels": [{"parcel_id": "P1", "tracking_no": TRACKING, "weight_grams": 4_210}],
                "posted_at": stated(at(2, 5, 9, 5)),
                "charges": [charge("freight", "seller", euros(1_490))],
            },
            (("proof_of_posting", "posting-slip.pdf", paper("Posting slip", slip)),),
        ),
        StoryStep(
            at(2, 9, 9, 50),
            Role.CARRIER,
            "confirm_delivery",
            {"parcel_id": "P1", "delivered_at": stated(at(2, 9, 9, 50)), "signer": "Tor 1"},
            (("proof_of_delivery", "delivery.json", message({"item": TRACKING, "code": "delivered"})),),
            authenticity=HOOK,
        ),
    ]


def inspection() -> list[StoryStep]:
    """Return the steps from the receipt to the refusal of the refund."""
    graded: Json = {
        "line_id": LINE,
        "accepted_qty": 0,
        "rejected_qty": 1,
        "missing_qty": 0,
        "grade": "used",
        "condition": "leaks; by its weight the brew group is missing",
    }
    return [
        StoryStep(
            at(2, 9, 15, 30),
            Role.INSPECTOR,
            "receive",
            # Digits swapped at the scale: corrected a month later.
            {"lines": [{"line_id": LINE, "received_qty": 1}], "seal_state": "intact", "weight_grams": 2_410},
            (("receiving_report", "receiving.json", message({"item": TRACKING, "units": 1, "weight": "2410 g"})),),
            name="receipt",
        ),
        StoryStep(at(2, 10, 8, 0), Role.INSPECTOR, "start_inspection", {"checklist_version": "kitchen-4"}),
        StoryStep(
            at(2, 11, 14, 0),
            Role.INSPECTOR,
            "complete_inspection",
            {"lines": [graded], "outcome": "failed"},
            (("inspection_report", "inspection.pdf", paper("Inspection", [("Result", "rejected: incomplete")])),),
            name="inspection",
        ),
        StoryStep(
            at(2, 12, 14, 0),
            Role.SELLER,
            "deny_refund",
            {"reason_code": "condition_not_met", "explanation": "Brühgruppe fehlt", "language": "de"},
            (("inspection_report", "denial.pdf", paper("Refund refused", [("Reason", "incomplete")])),),
            rule=POLICY,
            anchor=True,
        ),
    ]


def appeal() -> list[StoryStep]:
    """Return the appeal, its refusal, and the offer."""
    return [
        StoryStep(
            at(2, 16, 19, 45),
            Role.BUYER,
            "appeal",
            {"grounds": "Die Maschine war vollständig, der Postschein zeigt das Gewicht."},
            (("appeal_statement", "appeal.json", message({"Berufung": "Gewicht laut Postschein 4210 g"})),),
            refers={"appealed_entry": "inspection"},
            wallet=BUYERS_WALLET,
        ),
        StoryStep(
            at(2, 17, 11, 0),
            Role.PLATFORM,
            "uphold",
            {"reasons": "The warehouse's weight is taken as measured."},
            (("ruling", "upheld.pdf", paper("Second review", [("Result", "upheld")])),),
        ),
        StoryStep(
            at(2, 18, 16, 0),
            Role.SELLER,
            "offer_settlement",  # nobody answers: the system records the refusal when the last day is over
            {"remedy": "partial_refund", "remedy_id": OFFER, "amount": euros(16_450), "valid_days": 3},
            (("offer_document", "offer.pdf", paper("Settlement offer", [("Refund", "164.50 of 329.00 EUR")])),),
            rule=POLICY,
            anchor=True,
        ),
    ]
