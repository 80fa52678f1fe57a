"""The words for the choices of fields of steps, by the name of the form in the table of the life cycle.

Choices that stand on other sheets of a case too have theirs in `words.py`. Promises: every choice of a form has both
languages (a test compares them with the table). Does not: know why a person wants it, as the form that opens a return
asks (`web/templates/choices.html`).
"""

from __future__ import annotations

from typing import Final

CHOICES: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "return_reason": {
        "changed_mind": ("changed their mind", "改变主意"),
        "size_fit": ("does not fit", "尺码不合适"),
        "style_color": ("not their style or colour", "款式或颜色不合适"),
        "not_as_described": ("not as described", "与描述不符"),
        "defective": ("does not work", "无法正常使用"),
        "damaged_in_transit": ("came damaged", "收到时已损坏"),
        "wrong_item": ("something else than was ordered", "不是所订购的商品"),
        "missing_parts": ("parts are missing", "缺少部件"),
        "arrived_late": ("came too late", "送达太晚"),
        "counterfeit_or_safety": ("a fake, or not safe", "假货，或不安全"),
        "other": ("something else", "其他原因"),
    },
    "return_method": {
        "by_mail": ("By post", "邮寄"),
        "collected": ("It is collected", "上门取件"),
        "in_store": ("To a shop", "退至门店"),
        "drop_off_point": ("To a drop-off point", "交至代收点"),
        "keep_item": ("It is kept", "保留商品"),
    },
    "decline_reason": {
        "return_period_ended": ("The time to return it is over", "退货期限已过"),
        "excluded_goods": ("Goods that the right leaves out", "不适用退货的商品"),
        "final_sale": ("Sold without return", "不可退换的销售"),
        "condition_not_met": ("Not in the condition that is asked for", "商品状况不符合要求"),
        "not_the_item_sold": ("Not what was sold", "并非所售商品"),
        "insufficient_evidence": ("Too little to go by", "证据不足"),
        "other": ("Something else", "其他原因"),
    },
    "label_source": {
        "printed_by_buyer": ("Printed by the buyer", "由买家打印"),
        "in_the_box": ("It was in the box", "随箱附带"),
        "digital_code": ("A code on the phone", "手机电子码"),
    },
    "customs_form": {
        "cn22": ("CN22", "CN22 报关签条"),
        "cn23": ("CN23", "CN23 报关单"),
        "commercial_invoice": ("Commercial invoice", "商业发票"),
        "none": ("No form", "无"),
    },
    "scan_code": {
        "accepted": ("accepted by the carrier", "承运商已揽收"),
        "departed": ("left a depot", "已离开转运点"),
        "arrived": ("came to a depot", "已到达转运点"),
        "in_transit": ("on its way", "运输中"),
        "out_for_delivery": ("out for delivery", "派送中"),
        "delivery_attempted": ("nobody took it in", "派送未成功"),
        "awaiting_pickup": ("waits to be picked up", "待自提"),
        "returning_to_sender": ("goes back to the sender", "退回寄件人途中"),
        "exception": ("something is out of order", "物流异常"),
        "other": ("something else", "其他"),
    },
    "hold_reason": {
        "documents_missing": ("papers are missing", "单证不全"),
        "duty_unpaid": ("duty is not paid", "未缴关税"),
        "inspection": ("it is inspected", "查验"),
        "valuation": ("its value is in question", "估价存疑"),
        "restricted_goods": ("goods under restrictions", "限制进出境商品"),
        "prohibited_goods": ("forbidden goods", "禁止进出境商品"),
        "other": ("something else", "其他原因"),
    },
    "customs_document": {
        "commercial_invoice": ("commercial invoice", "商业发票"),
        "proof_of_export": ("proof of export", "出口证明"),
        "import_declaration": ("import declaration", "进口报关单"),
        "customs_form": ("customs form of the parcel", "包裹海关单"),
        "proof_of_value": ("proof of value", "价值证明"),
        "licence": ("licence", "许可证件"),
        "power_of_attorney": ("power of attorney", "委托书"),
        "other": ("another paper", "其他单证"),
    },
    "seal_state": {
        "intact": ("Whole", "完好"),
        "broken": ("Broken", "破损"),
        "absent": ("None", "无封条"),
    },
    "discrepancy_kind": {
        "missing": ("Goods are missing", "缺少商品"),
        "wrong_item": ("Something else came", "收到其他商品"),
        "empty_box": ("The box was empty", "空箱"),
        "extra": ("More came", "多出商品"),
    },
    "inspection_outcome": {
        "passed": ("In order", "合格"),
        "failed": ("Not in order", "不合格"),
        "mixed": ("In part", "部分合格"),
    },
    "grade": {
        "as_new": ("As new", "全新"),
        "opened": ("Opened", "已拆封"),
        "used": ("Used", "已使用"),
        "damaged": ("Damaged", "已损坏"),
        "unusable": ("Not usable", "无法使用"),
    },
    "goods_disposition": {
        "restock": ("Back into stock", "重新入库"),
        "refurbish": ("Made good again", "翻新"),
        "return_to_buyer": ("Back to the buyer", "退回买家"),
        "return_to_supplier": ("Back to the supplier", "退回供应商"),
        "dispose": ("Thrown away", "丢弃"),
        "destroy": ("Destroyed", "销毁"),
        "hold": ("Kept for now", "暂存"),
    },
    "customs_regime": {
        "cbec_import": ("cross-border e-commerce import into China", "跨境电商进口"),
        "cbec_export": ("cross-border e-commerce export from China", "跨境电商出口"),
        "none": ("none", "无"),
    },
    "correction_reason": {
        "did_not_occur": ("it did not happen", "并未发生"),
        "incorrect_data": ("its data are wrong", "数据有误"),
    },
    "line_outcome": {
        "refunded": ("refunded", "已退款"),
        "partly_refunded": ("partly refunded", "部分退款"),
        "exchanged": ("exchanged", "已换货"),
        "repaired": ("repaired", "已维修"),
        "kept": ("kept by the buyer", "买家保留"),
        "returned_to_buyer": ("sent back to the buyer", "已退回买家"),
        "missing": ("missing", "缺失"),
        "declined": ("refused", "已拒绝"),
    },
    "boolean": {
        "true": ("Yes", "是"),
        "false": ("No", "否"),
    },
}
"""Form, then code, then English and Simplified Chinese."""
