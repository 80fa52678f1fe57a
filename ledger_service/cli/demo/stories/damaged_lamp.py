"""The story that the demonstration walks: a lamp from Shenzhen arrives damaged in Berlin and goes back.

It is recorded now: its times, days and weeks ago, are what the parties claim, and the timeline shows both.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from ledger_service.cli.demo.files import message, paper, photo
from ledger_service.cli.demo.story import Story, StoryStep, money, stated
from ledger_service.core.encoding import Json
from ledger_service.core.entry import Authenticity, Role, RuleReference

RETURN_LINE = "line-1"
TRACKING = "RR473124829DE"
OUTBOUND = "LZ996201157CN"
REMEDY = "7c0e3f6a91d24b58a1f7e2c9d4b60835"
POLICY = RuleReference("shop-policy-damaged-goods", "2026-07")
WARRANTY = RuleReference("eu-2019-771-art-13", "1")

TITLE = "A lamp from Shenzhen arrives broken in Berlin and goes back."

Ago = Callable[[float], datetime]

PARTIES = {
    Role.BUYER: "buyer-58113",
    Role.SELLER: "seller-sz-0071",
    Role.PLATFORM: "marketplace",
    Role.CARRIER: "post-de",
    Role.CUSTOMS: "customs-shenzhen",
    Role.INSPECTOR: "warehouse-sz-2",
    Role.PSP: "psp-1",
}


def story(now: datetime) -> Story:
    """Return the story, ending shortly before `now`; the appeal window after its inspection is over by then."""

    def ago(days: float) -> datetime:
        return now.astimezone(UTC) - timedelta(days=days)

    return Story(
        title=TITLE,
        parties=PARTIES,
        zone="Europe/Berlin",
        steps=(*_way_to_the_parcel(ago), *_way_back(ago), *_settlement(ago)),
        moved=False,
    )


def _way_to_the_parcel(ago: Ago) -> list[StoryStep]:
    lines: list[Json] = [{"line_id": RETURN_LINE, "qty": 1, "reason": "damaged_in_transit", "wanted": "refund"}]
    order = {
        "order": "R-2026-118204",
        "lines": [{"id": RETURN_LINE, "title": "Table lamp 台灯", "price": money("EUR", 5900)}],
    }
    return [
        StoryStep(
            ago(41.0),
            Role.BUYER,
            "request_return",
            {
                "legal_basis": "non_conformity",
                "lines": lines,
                "language": "de",
                "buyer_country": "DE",
                "seller_country": "CN",
                "outbound_delivered_at": stated(ago(42.4)),
            },
            (
                ("product_photo", "photo-shade.png", photo(cracked=True)),
                ("product_photo", "photo-box.png", photo(cracked=True, light=-28)),
                ("order_snapshot", "order.json", message(order)),
            ),
        ),
        StoryStep(
            ago(40.6), Role.PLATFORM, "request_info", {"asked_for": ["product_photo"], "reason": "serial number?"}
        ),
        StoryStep(
            ago(40.2),
            Role.BUYER,
            "provide_info",
            {"comment": "Seriennummer unter dem Fuß, siehe Foto"},
            (("product_photo", "photo-serial.png", photo(cracked=True, light=24)),),
        ),
        StoryStep(
            ago(39.7),
            Role.SELLER,
            "approve_return",
            {
                "approved_lines": [{"line_id": RETURN_LINE, "qty": 1}],
                "return_cost_payer": "seller",
                "return_method": "by_mail",
                "ship_to_country": "CN",
                "rma_no": "RMA-30471",
            },
            (("rma_document", "rma.pdf", paper("Return authorisation", [("RMA", "RMA-30471"), ("Ship to", "CN")])),),
            rule=POLICY,
        ),
        StoryStep(
            ago(39.6),
            Role.PLATFORM,
            "issue_label",
            {"carrier": "Deutsche Post", "paid_by": "seller", "tracking_no": TRACKING, "label_source": "digital_code"},
            (("return_label", "label.pdf", paper("Return label", [("Item", TRACKING), ("To", "Shenzhen, CN")])),),
            anchor=True,
        ),
    ]


def _way_back(ago: Ago) -> list[StoryStep]:
    slip = [("Item", TRACKING), ("Accepted", stated(ago(38.0))), ("Office", "Berlin 120"), ("Weight", "2140 g")]
    cn23 = [
        ("Category", "Returned goods"),
        ("Item", TRACKING),
        ("Outbound item", OUTBOUND),
        ("HS", "9405.21"),
        ("Value", "EUR 59.00"),
    ]
    return [
        StoryStep(
            ago(38.0),
            Role.BUYER,
            "ship_back",
            {
                "parcels": [{"parcel_id": "P1", "tracking_no": TRACKING, "weight_grams": 2140}],
                "posted_at": stated(ago(38.0)),
                "cn_form": "cn23",
                "hs6": ["940521"],
                "outbound_item_no": OUTBOUND,
            },
            (
                ("proof_of_posting", "courier-slip.pdf", paper("Courier slip", slip)),
                ("customs_declaration", "cn23.pdf", paper("Customs declaration CN23", cn23)),
            ),
        ),
        StoryStep(
            ago(36.5),
            Role.CARRIER,
            "scan",
            {"code": "departed", "parcel_id": "P1", "location": "Frankfurt IPZ", "scanned_at": stated(ago(36.5))},
            (("tracking_event", "scan.json", message({"item": TRACKING, "code": "EMC", "at": stated(ago(36.5))})),),
            authenticity=Authenticity.WEBHOOK_VERIFIED,
        ),
        StoryStep(
            ago(31.0),
            Role.CUSTOMS,
            "hold_at_customs",
            {
                "country": "CN",
                "hold_reason": "documents_missing",
                "needed_documents": ["proof_of_export"],
                "respond_by": stated(ago(28.0)),
            },
            (("customs_notice", "hold.json", message({"item": TRACKING, "hold": "proof of export missing"})),),
            anchor=True,
        ),
        StoryStep(
            ago(30.2),
            Role.SELLER,
            "submit_customs_documents",
            {"returned_goods_relief_claim": True, "original_declaration_no": "CN-EXP-20260922-77120"},
            (("customs_declaration", "export.pdf", paper("Export declaration", [("Outbound item", OUTBOUND)])),),
        ),
        StoryStep(
            ago(29.1),
            Role.CUSTOMS,
            "release_from_customs",
            {"duty_paid": {"currency": "CNY", "minor": 0}, "payer": "seller", "released_at": stated(ago(29.1))},
            (("customs_notice", "release.json", message({"item": TRACKING, "released": stated(ago(29.1))})),),
        ),
        StoryStep(
            ago(27.8),
            Role.CARRIER,
            "confirm_delivery",
            {"parcel_id": "P1", "delivered_at": stated(ago(27.8)), "signer": "warehouse gate 2"},
            (("proof_of_delivery", "delivery.json", message({"item": TRACKING, "delivered": stated(ago(27.8))})),),
            authenticity=Authenticity.WEBHOOK_VERIFIED,
            anchor=True,
        ),
    ]


def _settlement(ago: Ago) -> list[StoryStep]:
    graded: list[Json] = [
        {
            "line_id": RETURN_LINE,
            "accepted_qty": 1,
            "rejected_qty": 0,
            "missing_qty": 0,
            "grade": "damaged",
            "condition": "shade cracked; bulb missing",
            "deduction": money("EUR", 700),
        }
    ]
    refund = {"refund": "re_90417", "amount": money("EUR", 5200), "method": "original"}
    return [
        StoryStep(
            ago(27.0),
            Role.INSPECTOR,
            "receive",
            {"lines": [{"line_id": RETURN_LINE, "received_qty": 1}], "seal_state": "intact", "weight_grams": 2105},
            (("receiving_report", "receiving.json", message({"item": TRACKING, "units": 1, "seal": "intact"})),),
        ),
        StoryStep(ago(26.5), Role.INSPECTOR, "start_inspection", {"checklist_version": "lamps-4"}),
        StoryStep(
            ago(26.4),
            Role.INSPECTOR,
            "complete_inspection",
            {"lines": graded, "outcome": "mixed"},
            (
                (
                    "inspection_report",
                    "inspection.pdf",
                    paper("Inspection", [("Grade", "damaged"), ("Bulb", "missing")]),
                ),
                ("product_photo", "photo-inspection.png", photo(cracked=True, light=-10)),
            ),
        ),
        StoryStep(
            ago(25.9),
            Role.SELLER,
            "offer_settlement",
            {"remedy": "partial_refund", "remedy_id": REMEDY, "amount": money("EUR", 5200), "valid_days": 30},
            (("offer_document", "offer.pdf", paper("Settlement offer", [("Refund", "EUR 52.00 of 59.00")])),),
            rule=WARRANTY,
            anchor=True,
        ),
        StoryStep(
            ago(25.1),
            Role.BUYER,
            "accept_offer",
            {"remedy_id": REMEDY},
            (("offer_document", "acceptance.json", message({"remedy": REMEDY, "accepted": True})),),
        ),
        StoryStep(
            ago(24.8),
            Role.PSP,
            "issue_refund",
            {
                "refund_id": "re_90417",
                "amount": money("EUR", 5200),
                "method": "original",
                "original_payment_ref": "pi_77120",
            },
            (("refund_record", "refund.json", message(refund)),),
            authenticity=Authenticity.WEBHOOK_VERIFIED,
        ),
        StoryStep(
            ago(22.0),
            Role.PSP,
            "settle_refund",
            {"refund_id": "re_90417", "settled_at": stated(ago(22.0))},
            (("refund_record", "settled.json", message({**refund, "state": "settled", "arn": "74537604"})),),
            authenticity=Authenticity.WEBHOOK_VERIFIED,
        ),
        StoryStep(
            ago(21.0),
            Role.BUYER,
            "give_feedback",
            {"score": 4, "comment": "Hat gedauert, aber fair", "language": "de"},
            (("feedback_record", "feedback.json", message({"score": 4})),),
        ),
        StoryStep(ago(0.2), Role.PLATFORM, "close", {"retention_until": stated(ago(-1095.0))}, anchor=True),
    ]
