"""The words of the pages for every code that a timeline holds, in English and Simplified Chinese.

States, steps, roles' meanings and kinds of evidence have theirs in `core/data/lifecycle.json`, clocks and rule sets in
their own tables; fields and their choices have modules beside this one. Promises: every code of the groups below has
both (a test compares them with the code).
Does not: know where a word is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ledger_service.core.lifecycle import Words
from ledger_service.core.pages.choice_words import CHOICES
from ledger_service.core.pages.field_words import FIELDS

_TABLE: dict[str, dict[str, tuple[str, str]]] = {
    "role": {
        "buyer": ("buyer", "买家"),
        "seller": ("seller", "卖家"),
        "platform": ("platform", "平台"),
        "carrier": ("carrier", "承运商"),
        "customs": ("customs", "海关"),
        "inspector": ("inspector", "质检方"),
        "psp": ("psp", "支付机构"),
        "arbitrator": ("arbitrator", "仲裁方"),
        "regulator": ("regulator", "监管机构"),
        "system": ("system", "系统"),
    },
    "flag": {
        "occurred_after_recorded": ("said to have happened after it was recorded", "所称发生时间晚于记录时间"),
        "delivered_before_shipped": ("delivered before it was sent", "送达时间早于寄出时间"),
        "photo_before_order": ("the photo is older than the order", "照片早于下单时间"),
        "step_before_earlier_step": (
            "said to have happened before the step that it follows",
            "所称发生时间早于其前一步骤",
        ),
        "does_not_balance": ("does not balance", "数量或金额不平衡"),
        "recorded_late": ("recorded more than a day after it is said to have happened", "所称发生后超过一天才记录"),
        "late_evidence": ("late: after the deadline or the decision", "逾期：晚于期限或决定"),
        "voided": ("taken back by a correction", "已被更正撤销"),
        "corrected": ("counts with corrected data", "数据已更正"),
        "on_behalf": ("recorded on behalf of another party", "由他方代为记录"),
        "unsigned": ("not signed: rests on the word of whoever recorded it", "未签名：仅凭记录方陈述"),
        "imported_unverified": ("imported, not verified", "外部导入，未经核实"),
    },
    "authenticity": {
        "signed": ("signed with a wallet", "钱包签名"),
        "webhook_verified": ("message checked by its signature", "消息签名已核验"),
        "platform_attested": ("platform attested", "平台陈述"),
        "imported_unverified": ("imported, not verified", "外部导入，未经核实"),
    },
    "life": {
        "checkpointed": ("checkpointed", "已入检查点"),
        "submitted": ("submitted", "已提交上链"),
        "included": ("included", "已上链"),
        "finalized": ("finalized", "已最终确认"),
    },
    "kind": {
        "transition": ("step", "步骤"),
        "correction": ("correction", "更正"),
        "dispute": ("dispute", "争议"),
        "attempt": ("refused attempt", "被拒绝的尝试"),
        "access": ("access", "查阅"),
        "finding": ("finding", "发现"),
        "erasure": ("erasure", "删除"),
    },
    "beside": {  # verbs of entries that no table of steps holds
        "export_case": ("An export of this return was made", "导出了本退货单"),
        "export_package": (
            "A package of this return was made",
            "制作了本退货单的资料包",
        ),  # verbs of entries that no table of steps holds
        "read_evidence": ("A file of this return was opened", "查阅了本退货单的文件"),
        "read_statistics": ("Figures of this return were read in statistics", "统计中查阅了本退货单的数据"),
        "clock_breached": ("A deadline was missed", "期限已逾期"),
        "erase": ("Data were erased", "数据已删除"),
        "unknown_step": ("A step that does not exist", "不存在的步骤"),
    },
    "clock_state": {
        "running": ("running", "进行中"),
        "paused": ("paused", "已暂停"),
        "met": ("met", "已按期完成"),
        "missed": ("missed", "已逾期"),
        "lapsed": ("over", "已届满"),  # of a right: nobody had to use it
        "unknown": ("unknown", "无法计算"),
        "stopped": ("ended, nothing owed", "已终止，无需履行"),
    },
    "ground": {
        "residence": ("law of the buyer's residence", "买家居住地法律"),
        "governing_law": ("law that the case names", "案件指明的法律"),
        "policy": ("policy of the platform", "平台政策"),
        "customs": ("customs rules", "海关规则"),
        "carrier": ("carrier's terms", "承运条款"),
        "card_network": ("card network's rules", "卡组织规则"),
    },
    "clock_reason": {
        "start_not_recorded": ("the start is not recorded", "起算事实未记录"),
        "condition_not_recorded": ("what it depends on is not recorded", "适用条件未记录"),
        "zone_not_recorded": ("the time zone is not recorded", "时区未记录"),
        "zone_unknown": ("the time zone does not exist", "时区不存在"),
        "calendar_unknown": ("the calendar of holidays is not known", "节假日历未知"),
        "notice_without_date": ("the notice states no date", "通知未载明日期"),
        "buyer_not_informed": ("the buyer was not informed of the right", "买家未被告知该权利"),
        "rule_set_unknown": ("we have no rules of this law", "未收录该法律的规则"),
        "lawfully_withheld": ("lawfully withheld", "依法暂缓退款"),
    },
    "basis": {
        "stated": ("as the step states", "步骤载明"),
        "occurred": ("as the party says", "当事方陈述"),
        "recorded": ("when it was recorded", "以记录时间为准"),
    },
    "confidence": {
        "V": ("read in a source", "已核对来源"),
        "P": ("partly read in a source", "部分核对来源"),
        "M": ("from memory, to be checked", "凭记忆，待核对"),
    },
    "holder": {
        "buyer": ("buyer", "买家"),
        "carrier": ("carrier", "承运商"),
        "customs": ("customs", "海关"),
        "return_address": ("seller's address", "退货地址"),
        "inspector": ("inspector", "质检方"),
        "unknown": ("nobody knows", "下落不明"),
        "destroyed": ("destroyed", "已销毁"),
    },
    "gap": {
        "handover_not_recorded": ("a handover is not recorded", "交接未记录"),
        "carrier_silent": ("more than 10 days without a sign of the carrier", "承运商超过 10 天无物流信息"),
        "whereabouts_unknown": ("nobody knows where the goods were", "商品下落不明"),
        "pieces_not_received": ("pieces that were sent did not arrive", "部分寄出商品未收到"),
    },
    "refusal": {
        "goods_sent": ("the goods were sent back already", "商品已寄回"),
        "no_offer_open": ("no offer is open", "没有待答复的方案"),
        "dispute_open": ("a dispute is open", "有未了结的争议"),
        "too_many_disputes": ("the case has the most disputes that it can have", "争议数量已达上限"),
        "matters_open": ("something is not settled", "尚有未了事项"),
        "appeal_window_runs": ("the time to appeal still runs", "申诉期限未满"),
        "nothing_ran_out": ("no deadline has run out", "没有期限届满"),
        "offer_stands": ("the offer has not expired", "方案尚未到期"),
        "offer_expired": ("the offer expired", "方案已到期"),
        "offer_open": ("an offer is open already", "已有待答复的方案"),
        "nothing_approved": ("nothing approved is left to refund", "没有已批准而未退的款项"),
        "no_refund_under_way": ("no refund is under way", "没有进行中的退款"),
        "no_exchange_open": ("no exchange or repair is open", "没有进行中的换货或维修"),
        "nothing_to_return": ("there is nothing to send back to the buyer", "没有可退回买家的商品"),
    },
    "attempt": {  # the class of a refusal, as an attempt records it
        "unknown_verb": ("no such step", "没有此步骤"),
        "wrong_state": ("not possible in this state", "当前状态下不可行"),
        "wrong_role": ("not for this role", "该角色无权进行"),
        "missing_evidence": ("evidence is missing", "缺少证据"),
        "evidence_kind": ("no such kind of evidence", "没有此类证据"),
        "missing_field": ("a field is missing", "缺少字段"),
        "field_value": ("a value is not possible", "字段值无效"),
        "balance": ("the numbers do not allow it", "数量或金额不允许"),
        "clock_refused": ("a deadline does not allow it", "期限不允许"),
        "correction_refused": ("the entry cannot be corrected so", "不能如此更正"),
    },
    "legal_basis": {
        "statutory_withdrawal": ("withdrawal under the law", "法定无理由退货"),
        "non_conformity": ("goods that do not conform", "商品不符合约定"),
        "seller_policy": ("the seller's policy", "卖家政策"),
        "platform_guarantee": ("the platform's guarantee", "平台保障"),
        "goodwill": ("goodwill", "自愿善意处理"),
    },
    "dispute_type": {
        "platform": ("before the platform", "平台争议"),
        "adr": ("alternative dispute resolution", "替代性争议解决"),
        "chargeback": ("chargeback", "拒付"),
        "court": ("court", "法院"),
        "regulator": ("authority", "监管机构"),
    },
    "dispute_outcome": {
        "buyer": ("for the buyer", "支持买家"),
        "seller": ("for the seller", "支持卖家"),
        "split": ("partly for each", "部分支持双方"),
        "won": ("chargeback won", "拒付胜诉"),
        "lost": ("chargeback lost", "拒付败诉"),
    },
    "column": {  # the columns of a line, in the order of the balance
        "requested": ("requested", "申请"),
        "approved": ("approved", "同意"),
        "shipped": ("shipped", "寄出"),
        "received": ("received", "收到"),
        "accepted": ("accepted", "合格"),
        "rejected": ("rejected", "不合格"),
        "missing": ("missing", "缺失"),
        "kept": ("kept", "保留"),
        "exchanged": ("exchanged", "换货"),
        "returned_to_buyer": ("sent back", "退回买家"),
        "refund_minor": ("refund", "退款"),
        "paid_minor": ("paid", "已付"),
    },
    "payer": {
        "buyer": ("buyer", "买家"),
        "seller": ("seller", "卖家"),
        "platform": ("platform", "平台"),
        "carrier": ("carrier", "承运商"),
    },
    "charge": {
        "freight": ("freight", "运费"),
        "duty": ("duty", "关税"),
        "tax": ("tax", "税费"),
        "fx": ("exchange of money", "换汇费"),
        "handling": ("handling", "手续费"),
        "other": ("other", "其他"),
    },
    "doubt": {
        "camera_against_satellite": (
            "camera time and satellite time cannot both be right",
            "相机时间与卫星时间不可能同时正确",
        ),
        "taken_after_recorded": ("taken after it was recorded, as it says", "文件自称的拍摄时间晚于记录时间"),
    },
    "credentials": {
        "none": ("none in the file", "文件中没有"),
        "valid": (
            "unchanged since somebody signed it; who that is, nobody vouches for",
            "自签署后未改动；签署人身份无人担保",
        ),
        "invalid": ("do not hold", "不成立"),
        "trusted": ("unchanged since a signer on a trust list signed it", "自信任列表中的签署方签署后未改动"),
        "unread": ("not looked for", "未读取"),
    },
    "deduction": {
        "used": ("used", "已使用"),
        "damaged": ("damaged", "损坏"),
        "incomplete": ("incomplete", "不完整"),
        "freight": ("freight", "运费"),
        "duty": ("duty", "关税"),
        "tax": ("tax", "税费"),
        "restocking": ("restocking", "重新入库"),
        "other": ("other", "其他"),
    },
    "file_state": {
        "included": ("included", "已收入"),
        "withheld": ("the reader may not see it", "接收者无权查看"),
        "erased": ("erased", "已删除"),
        "altered": ("its bytes are not those that were recorded", "内容与记录不一致"),
        "missing": ("not where it was stored", "存储处已无此文件"),
        "too_large": ("no room in the archive", "超出压缩包容量"),
    },
    "refund_state": {
        "issued": ("sent, not settled", "已发起，未到账"),
        "settled": ("settled", "已到账"),
        "failed": ("failed", "失败"),
    },
    "refund_method": {
        "original": ("by the original route", "原路退回"),
        "credit": ("as credit", "退为余额"),
        "other": ("otherwise", "其他方式"),
    },
    "erasure_outcome": {
        "done": ("erased", "已删除"),
        "restricted": ("restricted: kept, not shown", "已限制：保留但不展示"),
        "deferred": ("deferred: nothing was erased yet", "已暂缓：尚未删除任何内容"),
    },
    "erasure_ground": {
        "purpose_fulfilled": ("no longer needed", "处理目的已实现"),
        "consent_withdrawn": ("consent was withdrawn", "已撤回同意"),
        "objection": ("objection to the processing", "反对处理"),
        "unlawful_processing": ("processed unlawfully", "违法处理"),
        "legal_obligation": ("the law asks for it", "法律要求删除"),
        "retention_ended": ("the time of keeping has ended", "保存期限已届满"),
        "accuracy_contested": ("accuracy is contested", "准确性有争议"),
        "erasure_opposed": ("the person prefers restriction to erasure", "本人要求限制而非删除"),
        "needed_for_claims": ("the person needs the data for claims", "本人主张权利需要"),
        "objection_pending": ("an objection is being looked at", "异议正在核实"),
    },
    "erasure_reason": {
        "open_dispute": ("a dispute is open", "有未了结的争议"),
        "open_case": ("a return is open", "有未了结的退货"),
        "retention": ("the law asks to keep it", "法律要求保存"),
    },
    "erasure_extent": {
        "own": ("the person's own words and files", "本人的陈述和文件"),
        "case": ("joint facts too", "以及共同事实"),
    },
    "figure": {  # of statistics, in the order in which they are shown
        "opened": ("returns opened", "已申请的退货"),
        "closed": ("returns closed", "已结案的退货"),
        "disputed": ("returns with a dispute", "有争议的退货"),
        "decided": ("returns decided", "已作决定的退货"),
        "declined": ("returns refused", "被拒绝的退货"),
        "declines": ("refusals", "拒绝次数"),
        "overturned": ("refusals overturned", "被推翻的拒绝"),
        "duties_met": ("deadlines met", "按期履行的期限"),
        "duties_missed": ("deadlines missed", "逾期的期限"),
        "holds_open": ("held by customs now", "海关扣留中"),
        "holds": ("customs holds that ended", "已结束的海关扣留"),
        "entries": ("steps recorded", "已记录的步骤"),
        "anchored": ("steps in a block", "已上链的步骤"),
        "delays": ("steps final", "已最终确认的步骤"),
    },
    "share": {
        "decline": ("refused, of those decided", "拒绝率（占已决定的退货）"),
        "overturn": ("overturned, of all refusals", "推翻率（占全部拒绝）"),
        "missed": ("missed, of deadlines decided", "逾期率（占已有结果的期限）"),
        "anchored": ("in a block, of all steps", "上链率（占全部步骤）"),
        "final": ("final, of all steps", "最终确认率（占全部步骤）"),
    },
    "remedy": {
        "refund": ("refund", "退款"),
        "partial_refund": ("partial refund", "部分退款"),
        "keep_item": ("the buyer keeps the goods", "买家保留商品"),
        "exchange": ("exchange", "换货"),
        "repair": ("repair", "维修"),
        "store_credit": ("store credit", "店铺余额"),
    },
}

WORDS: Final[Mapping[str, Mapping[str, Words]]] = MappingProxyType(
    {
        group: {code: Words(*pair) for code, pair in codes.items()}
        for group, codes in (_TABLE | CHOICES | {"field": FIELDS}).items()
    }
)
"""Group, then code."""
