"""A buyer in Berlin withdraws on the last evening; the seller withholds the refund until the parcel is posted.

Directive 2011/83/EU Art. 9, 13, 14. The 14 days end on Good Friday, so the last day is the Tuesday after Easter; the
seller in Lyon learns of the posting six days after the withdrawal, and until then withholds lawfully (Art. 13(3)).
"""

from __future__ import annotations

from datetime import timedelta

from ledger_service.cli.demo.files import box_photo, message, paper
from ledger_service.cli.demo.story import Story, StoryStep, charge, days_of, money, stated
from ledger_service.core.encoding import Json
from ledger_service.core.entry import Authenticity, Role, RuleReference

ZONE = "Europe/Berlin"
TRACKING = "CC482910377DE"
COAT, SHIRTS = "line-coat", "line-shirts"
EU = RuleReference("EU", "1")
POLICY = RuleReference("shop-policy-returns", "2026-01")
HOOK = Authenticity.WEBHOOK_VERIFIED

TITLE = "A buyer in Berlin withdraws from a purchase in Lyon, and the seller waits for the proof of posting."

PARTIES = {
    Role.BUYER: "buyer-20417",
    Role.SELLER: "seller-lyon-12",
    Role.PLATFORM: "marketplace",
    Role.CARRIER: "post-de",
    Role.INSPECTOR: "warehouse-lyon",
    Role.PSP: "psp-1",
}


def story() -> Story:
    """Return the story of March and April 2026."""
    return Story(
        title=TITLE,
        parties=PARTIES,
        zone=ZONE,
        steps=(*_withdrawal(), *_way_back(), *_settlement()),
    )


_at = days_of(ZONE, 2026)


def _euros(minor: int) -> Json:
    return money("EUR", minor)


def _withdrawal() -> list[StoryStep]:
    lines: list[Json] = [
        {"line_id": COAT, "qty": 1, "reason": "size_fit", "wanted": "refund", "paid": _euros(8900)},
        {"line_id": SHIRTS, "qty": 2, "reason": "changed_mind", "wanted": "refund", "paid": _euros(5800)},
    ]
    approved: list[Json] = [{"line_id": COAT, "qty": 1}, {"line_id": SHIRTS, "qty": 2}]
    order = {"order": "L-2026-00931", "lines": [{"id": COAT, "price": 89.0}, {"id": SHIRTS, "price": 58.0}]}
    words = {"subject": "Widerruf", "text": "Hiermit widerrufe ich den Vertrag über Mantel und Hemden."}
    return [
        StoryStep(
            _at(3, 20, 22, 15),
            Role.BUYER,
            "request_return",
            {
                "legal_basis": "statutory_withdrawal",
                "lines": lines,
                "language": "de",
                "buyer_country": "DE",
                "buyer_zone": ZONE,
                "seller_country": "FR",
                "buyer_informed": True,
                "outbound_delivered_at": stated(_at(3, 6, 14, 10)),
            },
            (
                ("withdrawal_statement", "withdrawal.json", message(words)),
                ("order_snapshot", "order.json", message(order)),
                ("delivery_proof_outbound", "delivered.json", message({"delivered": stated(_at(3, 6, 14, 10))})),
            ),
        ),
        StoryStep(
            _at(3, 21, 9, 30),
            Role.SELLER,
            "approve_return",
            {
                "approved_lines": approved,
                "return_cost_payer": "buyer",
                "return_method": "by_mail",
                "ship_to_country": "FR",
                "rma_no": "RMA-L-931",
                "rule_ids": ["EU"],
            },
            (("rma_document", "rma.pdf", paper("Return authorisation", [("RMA", "RMA-L-931"), ("Ship to", "Lyon")])),),
            rule=EU,
            anchor=True,
        ),
    ]


def _way_back() -> list[StoryStep]:
    slip = [("Item", TRACKING), ("Accepted", stated(_at(3, 25, 11, 20))), ("Office", "Berlin 44")]
    parcel: Json = {
        "parcel_id": "P1",
        "tracking_no": TRACKING,
        "weight_grams": 2480,
        "lines": [{"line_id": COAT, "qty": 1}, {"line_id": SHIRTS, "qty": 2}],
    }
    return [
        StoryStep(
            _at(3, 25, 11, 20),
            Role.BUYER,
            "ship_back",
            {
                "parcels": [parcel],
                "posted_at": stated(_at(3, 25, 11, 20)),
                "charges": [charge("freight", "buyer", _euros(1349))],
            },
            (
                ("proof_of_posting", "posting-slip.pdf", paper("Posting slip", slip)),
                ("product_photo", "parcel.png", box_photo()),
            ),
            recorded_after=timedelta(days=1, hours=6, minutes=45),  # the buyer sends the slip a day later
        ),
        StoryStep(
            _at(3, 27, 4, 50),
            Role.CARRIER,
            "scan",
            {"code": "departed", "parcel_id": "P1", "location": "Saarbrücken", "scanned_at": stated(_at(3, 27, 4, 50))},
            (("tracking_event", "scan.json", message({"item": TRACKING, "code": "departed"})),),
            authenticity=HOOK,
        ),
        StoryStep(
            _at(3, 30, 10, 40),
            Role.CARRIER,
            "confirm_delivery",
            {"parcel_id": "P1", "delivered_at": stated(_at(3, 30, 10, 40)), "signer": "quai 3"},
            (("proof_of_delivery", "delivery.json", message({"item": TRACKING, "code": "delivered"})),),
            authenticity=HOOK,
            anchor=True,
        ),
    ]


def _settlement() -> list[StoryStep]:
    received: list[Json] = [{"line_id": COAT, "received_qty": 1}, {"line_id": SHIRTS, "received_qty": 2}]
    graded: list[Json] = [
        {"line_id": COAT, "accepted_qty": 1, "rejected_qty": 0, "missing_qty": 0, "grade": "as_new"},
        {
            "line_id": SHIRTS,
            "accepted_qty": 2,
            "rejected_qty": 0,
            "missing_qty": 0,
            "grade": "used",
            "condition": "one collar worn",
            "deduction": _euros(800),
        },
    ]
    refund = {"refund": "re_55120", "minor": 14_395, "currency": "EUR", "method": "original"}
    refunded: list[Json] = [{"line_id": COAT, "amount": _euros(8900)}, {"line_id": SHIRTS, "amount": _euros(5800)}]
    return [
        StoryStep(
            _at(3, 30, 15, 0),
            Role.INSPECTOR,
            "receive",
            {"lines": received, "seal_state": "intact", "weight_grams": 2470},
            (("receiving_report", "receiving.json", message({"item": TRACKING, "units": 3, "seal": "intact"})),),
        ),
        StoryStep(_at(3, 31, 9, 0), Role.INSPECTOR, "start_inspection", {"checklist_version": "textiles-7"}),
        StoryStep(
            _at(3, 31, 11, 30),
            Role.INSPECTOR,
            "complete_inspection",
            {"lines": graded, "outcome": "mixed"},
            (("inspection_report", "inspection.pdf", paper("Inspection", [("Coat", "as new"), ("Shirts", "worn")])),),
        ),
        StoryStep(
            _at(4, 1, 10, 0),
            Role.SELLER,
            "approve_refund",
            {
                "lines": refunded,
                "deductions": [{"why": "used", "amount": _euros(800)}],  # Art. 14(2)
                "shipping_refund": _euros(495),  # Art. 13(1): the standard delivery is refunded too
            },
            rule=EU,
            anchor=True,
        ),
        StoryStep(
            _at(4, 2, 9, 15),
            Role.PSP,
            "issue_refund",
            {
                "refund_id": "re_55120",
                "amount": _euros(14_395),
                "method": "original",
                "original_payment_ref": "pi_80931",
            },
            (("refund_record", "refund.json", message(refund)),),
            authenticity=HOOK,
        ),
        StoryStep(
            _at(4, 8, 6, 20),
            Role.PSP,
            "settle_refund",
            {"refund_id": "re_55120", "settled_at": stated(_at(4, 8, 6, 20)), "arn": "74537611"},
            (("refund_record", "settled.json", message({**refund, "state": "settled"})),),
            authenticity=HOOK,
        ),
        StoryStep(
            _at(4, 9, 18, 5),
            Role.BUYER,
            "give_feedback",
            {"score": 4, "comment": "Abzug nachvollziehbar", "language": "de"},
            (("feedback_record", "feedback.json", message({"score": 4})),),
        ),
        StoryStep(_at(4, 10, 10, 0), Role.PLATFORM, "close", refused="clock_refused"),  # the buyer may still appeal
        StoryStep(_at(4, 15, 9, 0), Role.PLATFORM, "close", rule=POLICY, anchor=True),
    ]
