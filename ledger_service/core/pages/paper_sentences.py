"""The headings and sentences of reports and of receipts on paper, in English and Simplified Chinese.

They are part of `sentences.py`, which says what they promise. Does not: hold words for codes (`words.py`).
"""

from __future__ import annotations

from typing import Final

PAPER: Final[dict[str, tuple[str, str]]] = {
    # the report
    "report_title": ("Report on return {return_id}", "退货单 {return_id} 报告"),
    "report_made": (
        "Made by the ledger {origin} from its entries as of {now}, for: {role}.",
        "由账本 {origin} 依其条目制作，截至 {now}，接收者：{role}。",
    ),
    "report_no_proof": (
        "This report is not the proof. The receipts in the package are, and whoever decides verifies the whole package"
        " with a program of their own.",
        "本报告不是证明；证明是资料包内的回执。裁决者应以自有程序验证整个资料包。",
    ),
    "report_foot": (
        "return {return_id}, ledger {origin}; not the proof: the receipts are",
        "退货单 {return_id}，账本 {origin}；本文件不是证明，回执才是",
    ),
    "report_case": ("The case", "案件"),
    "report_parties": ("Parties, under the pseudonyms that they have in this case alone", "参与方（仅用于本案的化名）"),
    "report_findings": ("Finding of facts", "事实认定"),
    "report_issues": ("What is to be decided", "待裁决事项"),
    "report_timeline": ("Timeline", "时间线"),
    "report_deductions": ("Deductions", "扣款"),
    "report_evidence": ("Evidence register and custody log", "证据登记与保管记录"),
    "report_register": ("Every file of the case", "本案全部文件"),
    "report_claims": (
        "What photos say of themselves: anybody can write that into a file, and it shows nothing",
        "照片文件自身所载信息：任何人都可写入，不证明任何事",
    ),
    "col_claims": ("What the file says", "文件所载"),
    "claims_camera": ("camera: {camera}", "相机：{camera}"),
    "claims_software": ("written by: {software}", "写入软件：{software}"),
    "claims_taken": ("camera time: {at} ({offset})", "相机时间：{at}（{offset}）"),
    "claims_no_zone": ("no zone said", "未注明时区"),
    "claims_satellite": ("satellite time: {at}", "卫星时间：{at}"),
    "claims_position": ("it holds a position; look it up in the file", "文件含有位置信息；请在文件中查看"),
    "claims_credentials": (
        "content credentials (C2PA): {state}; codes: {codes}; read with {reader}",
        "内容凭证（C2PA）：{state}；代码：{codes}；读取程序：{reader}",
    ),
    "report_access": ("Who read or exported", "查阅与导出记录"),
    "report_pictures": ("Photos and weights side by side", "照片与重量对照"),
    "report_weights": ("What the goods weighed, as recorded", "记录的商品重量"),
    "report_beside": (
        "Corrections, late evidence, and steps on behalf of others",
        "更正、逾期证据及由他方代为记录的步骤",
    ),
    "report_integrity": ("Integrity", "完整性"),
    "report_limits": ("What this proves, and what it does not", "证明什么，不证明什么"),
    "report_check": (
        "How to check: rledger verify FILE.zip --trust FILE --rpc URL, with a trust file and a node that you chose.",
        "验证方法：rledger verify FILE.zip --trust FILE --rpc URL，信任配置与节点由您选择。",
    ),
    "issue_return": ("The return itself", "退货本身"),
    "issue_dispute": ("Dispute {id}", "争议 {id}"),
    "issue_question": (
        "Is the buyer's claim upheld? For the buyer, for the seller, or partly for each.",
        "是否支持买家的主张？支持买家、支持卖家，或部分支持双方。",
    ),
    "about_lines": ("order lines: {lines}", "涉及明细：{lines}"),
    "recorded_for": ("recorded by {role}", "记录方：{role}"),
    "withheld_file": ("not shown to this reader", "不向本读者披露"),
    "picture": ("{kind}, {entry}, recorded {at}", "{kind}，{entry}，记录于 {at}"),
    "pictures_where": (
        "The photos lie in evidence/; report.html shows them beside each other.",
        "照片位于 evidence/；report.zh.html 将其并列展示。",
    ),
    "grams": ("{grams} g", "{grams} 克"),
    "in_block": (
        "chain {chain}, block {block} of {at}, {after} blocks after it seen",
        "链 {chain}，区块 {block}（{at}），其后已见 {after} 个区块",
    ),
    "after_block": (
        "recorded after block {block} of chain {chain}, of {at}, which entry {seal} of the ledger wrote down",
        "记录时间晚于链 {chain} 的区块 {block}（{at}），该区块已记于账本条目 {seal}",
    ),
    "fact_return": ("Return", "退货单"),
    "fact_state": ("State", "状态"),
    "fact_opened": ("Opened", "立案时间"),
    "fact_basis": ("Basis", "依据"),
    "fact_language": ("Language", "语言"),
    "fact_order": ("Order lines", "订单明细"),
    "fact_seller": ("Seller of record", "登记卖家"),
    "fact_paid": ("Paid", "已付"),
    "fact_approved": ("Approved for refund", "已批准退款"),
    "fact_refunded": ("Refunded, as recorded", "已退（依记录）"),
    "fact_rules": ("Rule sets", "规则"),
    "fact_ledger": ("Ledger", "账本"),
    "fact_chain": ("Chain id", "链编号"),
    "fact_contract": ("Contract", "合约"),
    "fact_deployed": ("Created in block", "合约创建于区块"),
    "fact_log": ("Log id", "日志编号"),
    "col_entry": ("Entry", "条目"),
    "col_step": ("Step", "步骤"),
    "col_times": ("Times", "时间"),
    "col_who": ("Who says so, and how it is known", "陈述方与可信类别"),
    "col_said": ("What was said, and files", "陈述内容与文件"),
    "col_role": ("Role", "角色"),
    "col_party": ("Pseudonym", "化名"),
    "col_country": ("Country", "国家"),
    "col_reason": ("Reason", "原因"),
    "col_amount": ("Amount", "金额"),
    "col_kind": ("Kind", "种类"),
    "col_submitter": ("Submitted by", "提交方"),
    "col_recorded": ("Recorded", "记录时间"),
    "col_size": ("Bytes, type", "字节数与类型"),
    "col_fingerprint": ("SHA-256", "SHA-256 指纹"),
    "col_file": ("File in the package", "包内文件"),
    "col_weight": ("Weight", "重量"),
    "col_seq": ("No. in the case", "案内序号"),
    "col_leaf": ("Leaf hash", "叶子哈希"),
    "col_blocks": ("State, and the blocks that hold it", "状态与所在区块"),
    "col_delay": ("Recorded until in a block", "从记录到上链"),
    # a receipt on paper
    "paper_title": ("Receipt of entry {index}", "条目 {index} 的回执"),
    "paper_lead": (
        "The ledger {origin} recorded this step. As of {now}.",
        "账本 {origin} 已记录此步骤。截至 {now}。",
    ),
    "paper_no_proof": (
        "This paper is not the proof. The file {file}, attached inside this PDF, is: keep that file.",
        "本纸面文件不是证明；附于此 PDF 内的文件 {file} 才是，请保存该文件。",
    ),
    "paper_foot": (
        "entry {index}, ledger {origin}; not the proof: the attached file is",
        "条目 {index}，账本 {origin}；本文件不是证明，所附文件才是",
    ),
    "paper_code": (
        "This code holds three lines: the ledger's name, the number of the entry, and its fingerprint. Compare them"
        " with those of a receipt file: {origin} · {index} · {leaf}. By itself it proves nothing.",
        "此二维码含三行：账本名称、条目序号及其指纹。请与回执文件核对：{origin} · {index} · {leaf}。"
        "二维码本身不证明任何事。",
    ),
    "report_code": (
        "This code holds three lines: the ledger's name, and the number and the fingerprint of the last entry of this"
        " return when the report was made: {origin} · {index} · {leaf}. By itself it proves nothing.",
        "此二维码含三行：账本名称，以及制作本报告时此退货单最后一条条目的序号及指纹：{origin} · {index} · {leaf}。"
        "二维码本身不证明任何事。",
    ),
    "paper_attached": ("The receipt: the proof that this paper is about", "回执：本纸面文件所指的证明"),
    "paper_recorded": ("What was recorded", "记录内容"),
    "paper_said": ("What was said, as a claim of whoever said it", "陈述内容（仅为陈述方所称）"),
    "paper_hidden": (
        "{name}: not shown here; its commitment stays in the entry",
        "{name}：此处不显示；其承诺值仍在条目中",
    ),
    "paper_files": ("Files", "文件"),
    "paper_fingerprints": ("What was handed in", "已提交的文件"),
    "paper_originals": (
        "Keep your original files unchanged: a file that is edited or saved again has another fingerprint.",
        "请原样保存您的原始文件：经编辑或重新保存的文件，其指纹会改变。",
    ),
    "paper_proof": ("How far the proof has come", "证明进度"),
    "paper_pending": (
        "The ledger has signed for this entry; no block holds it yet. Fetch the receipt again later: it grows.",
        "账本已为此条目签名，但尚无区块包含它。请稍后重新获取回执：回执会随之增长。",
    ),
    "paper_anchors": ("Blocks that hold the tree head over this entry", "包含此条目所在树头的区块"),
    "paper_no_later": (
        "The entry was recorded no later than the time of such a block, once that block is final on its chain.",
        "该区块在其链上最终确认后，即表明条目的记录时间不晚于该区块的时间。",
    ),
    "paper_since": (
        "It was recorded after {since}, the time of block {block} of chain {chain}: before it the ledger wrote down the"
        " fingerprint of that block, which nobody knew earlier.",
        "条目的记录时间晚于 {since}，即链 {chain} 上区块 {block} 的时间："
        "账本在写入此条目之前记下了该区块的指纹，而此前无人知晓该指纹。",
    ),
    "paper_no_since": (
        "Since when is not shown: this receipt proves no block that the ledger wrote down before the entry, as for the"
        " first entries of a ledger.",
        "未显示最早的记录时间：本回执未证明账本在此条目之前记下的任何区块，账本最初的条目即是如此。",
    ),
    "paper_next": ("What happens next, who must act, by when", "后续步骤：谁须在何时之前行动"),
    "paper_duty": ("{role}: {what} ({state})", "{role}：{what}（{state}）"),
    "paper_disagree": (
        "Who does not agree asks for a second review or opens a dispute, on the return's page or through the shop.",
        "如有异议，可在退货单页面或通过商家申请复核或发起争议。",
    ),
    "paper_check": ("How to check without trusting us", "如何在不信任我方的情况下核对"),
    "paper_how": (
        "rledger verify {file} --trust FILE --rpc URL. The trust file is one that you got from a source you trust, the"
        " URL a node of the chain that you chose. No account is needed.",
        "rledger verify {file} --trust FILE --rpc URL。信任配置应来自您信任的来源，节点由您选择。无需账户。",
    ),
    "fact_said_by": ("Said by", "陈述方"),
    "fact_known": ("How that is known", "可信类别"),
    "fact_recorder": ("Recorded by", "记录方"),
    "fact_occurred": ("Said to have happened", "所称发生时间"),
    "fact_rule": ("Rule", "规则"),
    "fact_leaf": ("Fingerprint of the entry", "条目指纹"),
    "fact_life": ("State", "状态"),
    "col_block": ("Block", "区块"),
    "col_block_time": ("Time of the block", "区块时间"),
}
