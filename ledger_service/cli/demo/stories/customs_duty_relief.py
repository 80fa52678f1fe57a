"""A coffee grinder goes back from Madrid to Shenzhen, is held by customs, and comes in free of duty.

Directive 2011/83/EU for the buyer, who has paid duty and tax on its import and claims them back within 90 days (Union
Customs Code); 2023年第4号公告 for the seller, who may bring it back within six months of its export without duty. The
customs clocks run beside the consumer's: the refund is due whatever customs does.
"""

from __future__ import annotations

from datetime import timedelta

from ledger_service.cli.demo.files import box_photo, message, paper
from ledger_service.cli.demo.story import Story, StoryStep, charge, days_of, money, stated
from ledger_service.core.encoding import Json
from ledger_service.core.entry import Authenticity, Role, RuleReference

ZONE = "Europe/Madrid"
TRACKING = "EE906114428ES"
OUTBOUND = "LZ880042316CN"
EXPORT = "CN-EXP-20260629-40118"
IMPORT = "26ES00280130044712"
LINE = "line-1"
EU = RuleReference("EU", "2")
HOOK = Authenticity.WEBHOOK_VERIFIED

TITLE = "A grinder goes back from Madrid to Shenzhen, is held by customs, and comes in free of duty."

PARTIES = {
    Role.BUYER: "buyer-mad-617",
    Role.SELLER: "seller-sz-0102",
    Role.PLATFORM: "marketplace",
    Role.CARRIER: "express-es",
    Role.CUSTOMS: "customs",
    Role.INSPECTOR: "warehouse-sz-2",
    Role.PSP: "psp-1",
}


def story() -> Story:
    """Return the story of July and August 2026."""
    return Story(
        title=TITLE,
        parties=PARTIES,
        zone=ZONE,
        steps=(*_request(), *_across_the_border(), *_refund()),
    )


_at = days_of(ZONE, 2026)
_there = days_of("Asia/Shanghai", 2026)


def _euros(minor: int) -> Json:
    return money("EUR", minor)


def _request() -> list[StoryStep]:
    line: Json = {"line_id": LINE, "qty": 1, "reason": "changed_mind", "wanted": "refund", "paid": _euros(26_000)}
    order = {"order": "SZ-26-9917", "lines": [{"id": LINE, "title": "Molinillo 磨豆机", "price": "260.00"}]}
    entry = [
        ("Declaration", IMPORT),
        ("Accepted", stated(_at(7, 8, 10, 12))),
        ("Duty", "9.62 EUR"),
        ("VAT", "56.62 EUR"),
    ]
    return [
        StoryStep(
            _at(7, 20, 20, 30),
            Role.BUYER,
            "request_return",
            {
                "legal_basis": "statutory_withdrawal",
                "lines": [line],
                "language": "es",
                "buyer_country": "ES",
                "buyer_zone": ZONE,
                "seller_country": "CN",
                "buyer_informed": True,
                "outbound_delivered_at": stated(_at(7, 10, 13, 25)),
                "customs_regime": "cbec_export",
                "outbound_exported_at": stated(_there(6, 29, 16, 0)),
                "import_accepted_at": stated(_at(7, 8, 10, 12)),
            },
            (
                ("withdrawal_statement", "desistimiento.json", message({"texto": "Desisto del contrato SZ-26-9917."})),
                ("order_snapshot", "order.json", message(order)),
                ("delivery_proof_outbound", "delivered.json", message({"delivered": stated(_at(7, 10, 13, 25))})),
                ("logistics_document", "import-declaration.pdf", paper("Import declaration", entry)),
            ),
        ),
        StoryStep(
            _at(7, 21, 10, 0),
            Role.SELLER,
            "approve_return",
            {
                "approved_lines": [{"line_id": LINE, "qty": 1}],
                "return_cost_payer": "buyer",
                "return_method": "by_mail",
                "ship_to_country": "CN",
                "rma_no": "RMA-9917",
            },
            (("rma_document", "rma.pdf", paper("Return authorisation", [("RMA", "RMA-9917"), ("To", "Shenzhen")])),),
            rule=EU,
        ),
        StoryStep(
            _at(7, 21, 10, 20),
            Role.PLATFORM,
            "issue_label",
            {
                "carrier": "Express",
                "paid_by": "buyer",
                "tracking_no": TRACKING,
                "label_source": "printed_by_buyer",
                "charges": [charge("freight", "buyer", _euros(3_140))],
            },
            (("return_label", "label.pdf", paper("Return label", [("Item", TRACKING), ("To", "Shenzhen, CN")])),),
            anchor=True,
        ),
    ]


def _across_the_border() -> list[StoryStep]:
    cn23 = [("Category", "Returned goods"), ("Item", TRACKING), ("Outbound item", OUTBOUND), ("HS", "8509.40")]
    claim = [("Goods", "re-exported"), ("Import declaration", IMPORT), ("Claimed", "duty 9.62 EUR, VAT 56.62 EUR")]
    return [
        StoryStep(
            _at(7, 23, 12, 15),
            Role.BUYER,
            "ship_back",
            {
                "parcels": [{"parcel_id": "P1", "tracking_no": TRACKING, "weight_grams": 3_320}],
                "posted_at": stated(_at(7, 23, 12, 15)),
                "cn_form": "cn23",
                "hs6": ["850940"],
                "outbound_item_no": OUTBOUND,
            },
            (
                ("proof_of_posting", "posting-slip.pdf", paper("Posting slip", [("Item", TRACKING)])),
                ("customs_declaration", "cn23.pdf", paper("Customs declaration CN23", cn23)),
                ("customs_declaration", "repayment-claim.pdf", paper("Application for repayment", claim)),
                ("product_photo", "parcel.png", box_photo(light=6)),
            ),
            recorded_after=timedelta(hours=5),
        ),
        StoryStep(
            _there(7, 27, 9, 30),
            Role.CUSTOMS,
            "hold_at_customs",
            {
                "country": "CN",
                "authority": "深圳海关",
                "hold_reason": "documents_missing",
                "needed_documents": ["proof_of_export", "import_declaration"],
                "respond_by": stated(_there(7, 31, 17, 0)),
                "duty_amount": money("CNY", 21_200),
            },
            (("customs_notice", "hold.json", message({"运单": TRACKING, "原因": "缺少出口证明"})),),
            anchor=True,
        ),
        StoryStep(
            _there(7, 28, 15, 20),
            Role.SELLER,
            "submit_customs_documents",
            {
                "declaration_no": "CN-IMP-20260728-00931",
                "returned_goods_relief_claim": True,
                "original_declaration_no": EXPORT,
            },
            (
                (
                    "customs_declaration",
                    "export.pdf",
                    paper("Export declaration", [("No.", EXPORT), ("Item", OUTBOUND)]),
                ),
                ("customs_declaration", "relief-claim.pdf", paper("Claim of relief", [("Original state", "yes")])),
            ),
        ),
        StoryStep(
            _there(7, 29, 11, 0),
            Role.CUSTOMS,
            "release_from_customs",
            {
                "duty_paid": money("CNY", 0),
                "payer": "seller",
                "charges": [charge("handling", "seller", money("CNY", 4_800))],
                "released_at": stated(_there(7, 29, 11, 0)),
            },
            (("customs_notice", "release.json", message({"运单": TRACKING, "结论": "退运货物，免征关税"})),),
            anchor=True,
        ),
        StoryStep(
            _there(7, 30, 9, 45),
            Role.CARRIER,
            "confirm_delivery",
            {"parcel_id": "P1", "delivered_at": stated(_there(7, 30, 9, 45)), "signer": "2号门"},
            (("proof_of_delivery", "delivery.json", message({"item": TRACKING, "code": "delivered"})),),
            authenticity=HOOK,
        ),
        StoryStep(
            _there(7, 30, 15, 0),
            Role.INSPECTOR,
            "receive",
            {"lines": [{"line_id": LINE, "received_qty": 1}], "seal_state": "intact", "weight_grams": 3_310},
            (("receiving_report", "receiving.json", message({"item": TRACKING, "units": 1})),),
        ),
    ]


def _refund() -> list[StoryStep]:
    graded: Json = {"line_id": LINE, "accepted_qty": 1, "rejected_qty": 0, "missing_qty": 0, "grade": "opened"}
    refund = {"refund": "re_71009", "minor": 26_000, "currency": "EUR", "method": "original"}
    import_charges: list[Json] = [charge("duty", "buyer", _euros(962)), charge("tax", "buyer", _euros(5_662))]
    return [
        StoryStep(_there(7, 31, 9, 0), Role.INSPECTOR, "start_inspection", {"checklist_version": "kitchen-1"}),
        StoryStep(
            _there(7, 31, 9, 50),
            Role.INSPECTOR,
            "complete_inspection",
            {"lines": [graded], "outcome": "passed"},
            (("inspection_report", "inspection.pdf", paper("Inspection", [("Grade", "opened, complete")])),),
        ),
        StoryStep(
            _at(7, 31, 10, 0),
            Role.SELLER,
            "approve_refund",
            # Duty and tax were the buyer's at import: customs repays them, the seller does not.
            {"lines": [{"line_id": LINE, "amount": _euros(26_000)}], "charges": import_charges},
            rule=EU,
        ),
        StoryStep(
            _at(8, 3, 16, 30),
            Role.PSP,
            "issue_refund",
            {
                "refund_id": "re_71009",
                "amount": _euros(26_000),
                "method": "original",
                "original_payment_ref": "pi_9917",
            },
            (("refund_record", "refund.json", message(refund)),),
            authenticity=HOOK,
            anchor=True,
        ),
        StoryStep(
            _at(8, 5, 6, 0),
            Role.PSP,
            "settle_refund",
            {"refund_id": "re_71009", "settled_at": stated(_at(8, 5, 6, 0)), "arn": "74538100"},
            (("refund_record", "settled.json", message({**refund, "state": "settled"})),),
            authenticity=HOOK,
        ),
        StoryStep(
            _at(8, 14, 12, 0),
            Role.CUSTOMS,
            "add_evidence",
            {"comment": "Repayment of import duty and VAT granted: 66.24 EUR", "language": "en"},
            (("customs_notice", "repayment.json", message({"declaration": IMPORT, "repaid": "66.24 EUR"})),),
        ),
        StoryStep(
            _at(8, 15, 20, 0),
            Role.BUYER,
            "give_feedback",
            {"score": 5, "language": "es"},
            (("feedback_record", "feedback.json", message({"score": 5})),),
        ),
        StoryStep(_at(8, 20, 9, 0), Role.PLATFORM, "close", anchor=True),
    ]
