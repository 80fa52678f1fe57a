"""A buyer in Hangzhou returns within seven days; the seller has the goods back and refunds a day too late.

消费者权益保护法 Art. 25: seven days from the day after signing for the goods, and the price back within seven days of
the seller's receipt. The goods were signed for at half past seven in the morning, which is still the day before in UTC:
counted by UTC dates, the last evening of the window would be too late.
"""

from __future__ import annotations

from ledger_service.cli.demo.files import box_photo, message, paper
from ledger_service.cli.demo.story import Story, StoryStep, charge, days_of, money, stated
from ledger_service.core.encoding import Json
from ledger_service.core.entry import Authenticity, Role, RuleReference

ZONE = "Asia/Shanghai"
TRACKING = "SF1482093377120"
LINE = "line-1"
CN = RuleReference("CN", "1")
HOOK = Authenticity.WEBHOOK_VERIFIED

TITLE = "A buyer in Hangzhou returns headphones within seven days, and the refund comes a day late."

PARTIES = {
    Role.BUYER: "buyer-hz-3391",
    Role.SELLER: "seller-hk-205",
    Role.PLATFORM: "marketplace",
    Role.CARRIER: "express-cn",
    Role.INSPECTOR: "warehouse-sz-2",
    Role.PSP: "psp-2",
}


def story() -> Story:
    """Return the story of September 2026."""
    return Story(
        title=TITLE,
        parties=PARTIES,
        zone=ZONE,
        steps=(*_request(), *_way_back(), *_refund()),
    )


_at = days_of(ZONE, 2026)


def _yuan(minor: int) -> Json:
    return money("CNY", minor)


def _request() -> list[StoryStep]:
    line: Json = {"line_id": LINE, "qty": 1, "reason": "changed_mind", "wanted": "refund", "paid": _yuan(89_900)}
    order = {"order": "HK-77-20931", "lines": [{"id": LINE, "title": "蓝牙耳机", "price": "899.00"}]}
    return [
        StoryStep(
            _at(9, 8, 19, 10),
            Role.BUYER,
            "request_return",
            {
                "legal_basis": "statutory_withdrawal",
                "lines": [line],
                "language": "zh-Hans",
                "buyer_country": "CN",
                "buyer_zone": ZONE,
                "seller_country": "HK",
                "buyer_informed": True,
                "outbound_delivered_at": stated(_at(9, 1, 7, 30)),
                "comment": "七日无理由退货，商品完好",
            },
            (
                ("withdrawal_statement", "request.json", message({"申请": "七日无理由退货", "订单": "HK-77-20931"})),
                ("product_photo", "headphones.png", box_photo(light=10)),
                ("order_snapshot", "order.json", message(order)),
                ("delivery_proof_outbound", "signed-for.json", message({"签收": stated(_at(9, 1, 7, 30))})),
            ),
        ),
        StoryStep(
            _at(9, 9, 10, 0),
            Role.SELLER,
            "approve_return",
            {
                "approved_lines": [{"line_id": LINE, "qty": 1}],
                "return_cost_payer": "buyer",
                "return_method": "by_mail",
                "ship_to_country": "CN",
                "rma_no": "RMA-5520",
            },
            (("rma_document", "rma.pdf", paper("Return authorisation", [("RMA", "RMA-5520"), ("To", "Shenzhen")])),),
            rule=CN,
            anchor=True,
        ),
    ]


def _way_back() -> list[StoryStep]:
    return [
        StoryStep(
            _at(9, 9, 18, 40),
            Role.BUYER,
            "ship_back",
            {
                "parcels": [{"parcel_id": "P1", "tracking_no": TRACKING, "weight_grams": 640}],
                "posted_at": stated(_at(9, 9, 18, 40)),
                "charges": [charge("freight", "buyer", _yuan(1_300))],
            },
            (("proof_of_posting", "waybill.pdf", paper("Waybill", [("No.", TRACKING), ("From", "Hangzhou")])),),
        ),
        StoryStep(
            _at(9, 11, 9, 20),
            Role.CARRIER,
            "confirm_delivery",
            {"parcel_id": "P1", "delivered_at": stated(_at(9, 11, 9, 20)), "signer": "深圳仓"},
            (("proof_of_delivery", "delivery.json", message({"运单": TRACKING, "状态": "已签收"})),),
            authenticity=HOOK,
        ),
        StoryStep(
            _at(9, 11, 10, 30),
            Role.INSPECTOR,
            "receive",
            {"lines": [{"line_id": LINE, "received_qty": 1}], "seal_state": "intact", "weight_grams": 640},
            (("receiving_report", "receiving.json", message({"运单": TRACKING, "件数": 1})),),
            anchor=True,
        ),
        StoryStep(_at(9, 14, 9, 0), Role.INSPECTOR, "start_inspection", {"checklist_version": "audio-2"}),
        StoryStep(
            _at(9, 14, 9, 40),
            Role.INSPECTOR,
            "complete_inspection",
            {
                "lines": [{"line_id": LINE, "accepted_qty": 1, "rejected_qty": 0, "missing_qty": 0, "grade": "as_new"}],
                "outcome": "passed",
            },
            (("inspection_report", "inspection.pdf", paper("Inspection", [("Grade", "as new")])),),
        ),
    ]


def _refund() -> list[StoryStep]:
    refund = {"退款": "rf_20260919_11", "金额": "899.00", "方式": "原路退回"}
    return [
        StoryStep(
            _at(9, 15, 11, 0),
            Role.SELLER,
            "approve_refund",
            {"lines": [{"line_id": LINE, "amount": _yuan(89_900)}]},
            rule=CN,
        ),
        StoryStep(
            _at(9, 19, 9, 40),  # the last day was the 18th
            Role.PSP,
            "issue_refund",
            {
                "refund_id": "rf_20260919_11",
                "amount": _yuan(89_900),
                "method": "original",
                "original_payment_ref": "pay_77120931",
            },
            (("refund_record", "refund.json", message(refund)),),
            authenticity=HOOK,
            anchor=True,
        ),
        StoryStep(
            _at(9, 20, 8, 0),
            Role.PSP,
            "settle_refund",
            {"refund_id": "rf_20260919_11", "settled_at": stated(_at(9, 20, 8, 0))},
            (("refund_record", "settled.json", message({**refund, "状态": "到账"})),),
            authenticity=HOOK,
        ),
        StoryStep(
            _at(9, 20, 21, 15),
            Role.BUYER,
            "give_feedback",
            {"score": 2, "comment": "退款迟了一天", "language": "zh-Hans"},
            (("feedback_record", "feedback.json", message({"评分": 2})),),
        ),
        StoryStep(_at(9, 22, 9, 0), Role.PLATFORM, "close", anchor=True),
    ]
