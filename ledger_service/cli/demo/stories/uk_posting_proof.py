"""A buyer in London cancels; the seller in Shenzhen must refund from the evidence of sending, not from the receipt.

SI 2013/3134 reg. 34(5): 14 days from the day on which the trader receives the goods or, if earlier, on which the
consumer supplies evidence of having sent them. The parcel travels ten days; the clock does not wait for it.
"""

from __future__ import annotations

from datetime import timedelta

from ledger_service.cli.demo.files import box_photo, message, paper
from ledger_service.cli.demo.story import Story, StoryStep, charge, days_of, money, stated
from ledger_service.core.encoding import Json
from ledger_service.core.entry import Authenticity, Role, RuleReference

ZONE = "Europe/London"
TRACKING = "RN310948842GB"
LINE = "line-1"
GB = RuleReference("GB", "1")
HOOK = Authenticity.WEBHOOK_VERIFIED

TITLE = "A keyboard goes back from London to Shenzhen, and the slip from the post office starts the clock."

PARTIES = {
    Role.BUYER: "buyer-ldn-804",
    Role.SELLER: "seller-sz-0088",
    Role.PLATFORM: "marketplace",
    Role.CARRIER: "post-gb",
    Role.INSPECTOR: "warehouse-sz-2",
    Role.PSP: "psp-1",
}


def story() -> Story:
    """Return the story of May and June 2026."""
    return Story(
        title=TITLE,
        parties=PARTIES,
        zone=ZONE,
        steps=(*_request(), *_way_back(), *_refund()),
    )


_at = days_of(ZONE, 2026)


def _pounds(minor: int) -> Json:
    return money("GBP", minor)


def _request() -> list[StoryStep]:
    line: Json = {"line_id": LINE, "qty": 1, "reason": "changed_mind", "wanted": "refund", "paid": _pounds(6_400)}
    order = {"order": "SZ-20-4471", "lines": [{"id": LINE, "title": "Keyboard", "price": "64.00", "delivery": "3.99"}]}
    return [
        StoryStep(
            _at(5, 14, 22, 40),
            Role.BUYER,
            "request_return",
            {
                "legal_basis": "statutory_withdrawal",
                "lines": [line],
                "language": "en-GB",
                "buyer_country": "GB",
                "buyer_zone": ZONE,
                "seller_country": "CN",
                "buyer_informed": True,
                "outbound_delivered_at": stated(_at(5, 2, 11, 5)),
            },
            (
                ("withdrawal_statement", "cancellation.json", message({"text": "I cancel the order SZ-20-4471."})),
                ("order_snapshot", "order.json", message(order)),
                ("delivery_proof_outbound", "delivered.json", message({"delivered": stated(_at(5, 2, 11, 5))})),
            ),
        ),
        StoryStep(
            _at(5, 15, 10, 0),
            Role.SELLER,
            "approve_return",
            {
                "approved_lines": [{"line_id": LINE, "qty": 1}],
                "return_cost_payer": "buyer",
                "return_method": "by_mail",
                "ship_to_country": "CN",
                "rma_no": "RMA-4471",
            },
            (("rma_document", "rma.pdf", paper("Return authorisation", [("RMA", "RMA-4471"), ("To", "Shenzhen")])),),
            rule=GB,
            anchor=True,
        ),
    ]


def _way_back() -> list[StoryStep]:
    slip = [("Item", TRACKING), ("Accepted", stated(_at(5, 18, 16, 20))), ("Branch", "London N1")]
    return [
        StoryStep(
            _at(5, 18, 16, 20),
            Role.BUYER,
            "ship_back",
            {
                "parcels": [{"parcel_id": "P1", "tracking_no": TRACKING, "weight_grams": 980}],
                "posted_at": stated(_at(5, 18, 16, 20)),
                "cn_form": "cn22",
                "hs6": ["847160"],
                "charges": [charge("freight", "buyer", _pounds(1_265))],
            },
            (
                ("proof_of_posting", "certificate-of-posting.pdf", paper("Certificate of posting", slip)),
                ("product_photo", "parcel.png", box_photo(light=-12)),
            ),
            recorded_after=timedelta(minutes=30),
            anchor=True,
        ),
        StoryStep(
            _at(5, 21, 2, 10),
            Role.CARRIER,
            "scan",
            {
                "code": "departed",
                "parcel_id": "P1",
                "location": "Langley HWDC",
                "scanned_at": stated(_at(5, 21, 2, 10)),
            },
            (("tracking_event", "scan.json", message({"item": TRACKING, "code": "departed"})),),
            authenticity=HOOK,
        ),
        StoryStep(
            _at(5, 28, 3, 30),
            Role.CARRIER,
            "confirm_delivery",
            {"parcel_id": "P1", "delivered_at": stated(_at(5, 28, 3, 30)), "signer": "warehouse gate 2"},
            (("proof_of_delivery", "delivery.json", message({"item": TRACKING, "code": "delivered"})),),
            authenticity=HOOK,
        ),
        StoryStep(
            _at(5, 29, 4, 0),
            Role.INSPECTOR,
            "receive",
            {"lines": [{"line_id": LINE, "received_qty": 1}], "seal_state": "intact", "weight_grams": 975},
            (("receiving_report", "receiving.json", message({"item": TRACKING, "units": 1})),),
            anchor=True,
        ),
    ]


def _refund() -> list[StoryStep]:
    graded: Json = {"line_id": LINE, "accepted_qty": 1, "rejected_qty": 0, "missing_qty": 0, "grade": "opened"}
    refund = {"refund": "re_66118", "minor": 6_799, "currency": "GBP", "method": "original"}
    return [
        StoryStep(_at(6, 1, 3, 0), Role.INSPECTOR, "start_inspection", {"checklist_version": "peripherals-3"}),
        StoryStep(
            _at(6, 1, 3, 40),
            Role.INSPECTOR,
            "complete_inspection",
            {"lines": [graded], "outcome": "passed"},
            (("inspection_report", "inspection.pdf", paper("Inspection", [("Grade", "opened, complete")])),),
        ),
        StoryStep(
            _at(6, 1, 9, 0),
            Role.SELLER,
            "approve_refund",
            {"lines": [{"line_id": LINE, "amount": _pounds(6_400)}], "shipping_refund": _pounds(399)},
            rule=GB,
        ),
        StoryStep(
            _at(6, 1, 14, 0),
            Role.PSP,
            "issue_refund",
            {
                "refund_id": "re_66118",
                "amount": _pounds(6_799),
                "method": "original",
                "original_payment_ref": "pi_4471",
            },
            (("refund_record", "refund.json", message(refund)),),
            authenticity=HOOK,
            anchor=True,
        ),
        StoryStep(
            _at(6, 3, 5, 0),
            Role.PSP,
            "settle_refund",
            {"refund_id": "re_66118", "settled_at": stated(_at(6, 3, 5, 0)), "arn": "74537702"},
            (("refund_record", "settled.json", message({**refund, "state": "settled"})),),
            authenticity=HOOK,
        ),
        StoryStep(
            _at(6, 3, 19, 0),
            Role.BUYER,
            "give_feedback",
            {"score": 5, "comment": "Refunded before I expected it", "language": "en-GB"},
            (("feedback_record", "feedback.json", message({"score": 5})),),
        ),
        StoryStep(_at(6, 5, 9, 0), Role.PLATFORM, "close", anchor=True),
    ]
