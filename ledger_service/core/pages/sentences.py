"""The headings and sentences of the pages, in English and Simplified Chinese: templates by name.

Promises: both languages of a sentence fill the same places. Does not: hold words for codes (`words.py`), or those of
documents on paper (`paper_sentences.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ledger_service.core.lifecycle import Words
from ledger_service.core.pages.paper_sentences import PAPER

_TABLE: dict[str, tuple[str, str]] = {
    # time and number
    "entry": ("entry {index}", "条目 {index}"),
    "entries": ("entries {indexes}", "条目 {indexes}"),
    "one_entry": ("1 entry", "1 个条目"),
    "many_entries": ("{count} entries", "{count} 个条目"),
    "days": ("{n} d", "{n} 天"),
    "hours": ("{n} h", "{n} 小时"),
    "minutes": ("{n} min", "{n} 分钟"),
    "seconds": ("{n} s", "{n} 秒"),
    "not_known": ("not known", "未知"),
    "now": ("now", "至今"),
    "none": ("none", "无"),
    "new": ("new", "新建"),
    # header and rows
    "return": ("return {return_id}", "退货单 {return_id}"),
    "state": ("{words} ({state}), as of {now}", "{words}（{state}），截至 {now}"),
    "header": (
        "ledger {origin}, opened {opened}; buyer in {buyer}, seller in {seller}; basis: {basis}; language {language}",
        "账本 {origin}，{opened} 立案；买家所在国 {buyer}，卖家所在国 {seller}；依据：{basis}；语言 {language}",
    ),
    "parties": ("parties: {parties}", "参与方：{parties}"),
    "reading": (
        "{entries}; times are UTC; values are what the asserting party claims",
        "共{entries}；时间为 UTC；内容均为陈述方所称",
    ),
    "by": ("by {role}, {authenticity}", "陈述方：{role}，{authenticity}"),
    "recorded_by_other": ("; recorded by {role}", "；记录方：{role}"),
    "times": ("occurred {occurred}   recorded {recorded}{gap}", "发生 {occurred}   记录 {recorded}{gap}"),
    "later": (" ({duration} later)", "（{duration}后）"),
    "earlier": (" ({duration} earlier)", "（早 {duration}）"),
    "life_by": ("{life} by {at}{gap}", "{life}，不晚于 {at}{gap}"),
    "life_between": (
        "{life}: recorded after {since} and no later than {at}{gap}",
        "{life}：记录时间晚于 {since}，不晚于 {at}{gap}",
    ),
    "rule": ("rule: {rule}", "规则：{rule}"),
    "flags": ("! {words}", "！{words}"),
    "flagged_by": ("! {words}: {entry}", "！{words}：{entry}"),
    "corrected_value": ("corrected: {name}: {value}", "更正为：{name}: {value}"),
    "file": ("file: {kind}, {media_type}, {size} bytes", "文件：{kind}，{media_type}，{size} 字节"),
    "erased": ("erased: {name}", "已删除：{name}"),
    "withheld": (
        "withheld from this reader: {name} (the receipt proves that it is there)",
        "不向本读者披露：{name}（回执证明其存在）",
    ),
    "not_held": ("not held: {kind}", "未持有：{kind}"),
    # clock sheet
    "clocks": ("Deadlines", "期限"),
    "clocks_before": ("Deadlines as they were before corrections", "更正前的期限"),
    "clock_rule": (
        "rule {rule} ({ground}): {citation} [{mark}: {confidence}]",
        "规则 {rule}（{ground}）：{citation}〔{mark}：{confidence}〕",
    ),
    "clock_start": (
        "for {role}; started by {entry} at {start} ({basis})",
        "义务方：{role}；起算：{entry}，{start}（{basis}）",
    ),
    "clock_no_start": (
        "for {role}; started by {entry}, the time is not known",
        "义务方：{role}；起算：{entry}，时间未知",
    ),
    "clock_due": ("due {day} in {zone}; too late from {at}", "截止 {day}（{zone}）；{at} 起为逾期"),
    "clock_due_instant": ("due before {at}", "截止于 {at} 之前"),
    "clock_pause": ("paused from {since} to {until}", "暂停：{since} 至 {until}"),
    "clock_withheld": (
        "the refund may lawfully be withheld from {since} to {until}",
        "依法可暂缓退款：{since} 至 {until}",
    ),
    "clock_stop": ("stopped by {entry} at {at}", "终止：{entry}，{at}"),
    "clock_left": ("{duration} left", "剩余 {duration}"),
    "clock_spare": ("met with {duration} to spare", "按期完成，提前 {duration}"),
    "clock_missed": ("missed by {duration}", "逾期 {duration}"),
    "clock_too_late": ("too late by {duration}", "迟 {duration}"),
    "clock_why": ("{reason}", "{reason}"),
    "clock_lacks": ("{reason}; missing: {names}", "{reason}；缺少：{names}"),
    "no_clocks": ("no deadline runs", "没有期限"),
    # balance
    "balance": ("Quantities and money", "数量与金额"),
    "line": ("line", "明细"),
    "incomplete": ("some values are erased: not everything can be counted", "部分数据已删除，无法完整计算"),
    "money": ("approved for refund {approved}, refunded {refunded}", "已批准退款 {approved}，已退 {refunded}"),
    "refund": ("refund {id}: {amount}, {method}, {state}", "退款 {id}：{amount}，{method}，{state}"),
    "remedy": ("remedy {id}: {kind}, {state}", "处理方式 {id}：{kind}，{state}"),
    "done": ("done", "已完成"),
    "open": ("open", "未完成"),
    "decided": ("decided", "已决定"),
    "offer": ("open offer {id}: {kind}, {amount}", "待答复方案 {id}：{kind}，{amount}"),
    "charge": ("{kind} {amount}, paid by {payer}", "{kind} {amount}，由{payer}承担"),
    # custody, disputes, attempts, contradictions
    "custody": ("Who held the goods", "商品保管链"),
    "holding": ("{holder}: {since} to {until} ({entry})", "{holder}：{since} 至 {until}（{entry}）"),
    "gap": ("! {reason}: {since} to {until} ({entries})", "！{reason}：{since} 至 {until}（{entries}）"),
    "disputes": ("Disputes", "争议"),
    "dispute": ("{id}: {type}, {state}{outcome} ({entries})", "{id}：{type}，{state}{outcome}（{entries}）"),
    "outcome": (", {outcome}", "，{outcome}"),
    "attempts": ("Refused attempts", "被拒绝的尝试"),
    "attempt": ("{entry}, {at}: {role} tried {verb}: {refused}", "{entry}，{at}：{role}尝试 {verb}：{refused}"),
    "contradictions": ("Contradictions (flagged, not corrected)", "矛盾之处（仅标示，不更正）"),
    "contradiction": ("{entry}: {flag}", "{entry}：{flag}"),
    "contradiction_times": (
        "{entry}: {flag}: {said} against {other}{against}",
        "{entry}：{flag}：{said} 对 {other}{against}",
    ),
    "against": (" of {entry}", "（{entry}）"),
    # the three lists
    "proven": ("Proven", "已证明"),
    "claimed": ("Only claimed", "仅为陈述"),
    "missing": ("Missing", "缺失"),
    "recorded_by": (
        "{entries}: recorded no later than {at}, the time of a final block; what they say is not proved by that",
        "{entries}：记录时间不晚于 {at}（最终确认区块的时间）；内容真实性不因此得证",
    ),
    "recorded_between": (
        "{entries}: recorded after {since} and no later than {at}: before them the ledger wrote down the fingerprint of"
        " a block of the first time, which nobody knew earlier, and a final block of the second time holds them; what"
        " they say is not proved by that",
        "{entries}：记录时间晚于 {since}，不晚于 {at}：账本在此之前记下了前一时间的区块指纹（此前无人知晓），"
        "后一时间的最终确认区块包含这些条目；内容真实性不因此得证",
    ),
    "chain_whole": (
        "the {count} entries of the case follow one another without a hole",
        "本案 {count} 个条目前后相接，没有缺号",
    ),
    "files_fixed": (
        "{entries}: the fingerprints of {count} file(s) are fixed{by}; what a file that matches shows is not proved",
        "{entries}：{count} 个文件的指纹已固定{by}；与之相符的文件所示内容不因此得证",
    ),
    "files_by": (", no later than {at}", "（不晚于 {at}）"),
    "signed_by_wallet": (
        "{entries}: signed with the wallet that the {role} used; who holds its key is not proved by that",
        "{entries}：由{role}所用钱包签名；密钥持有人身份不因此得证",
    ),
    "message_verified": (
        "{entries}: the ledger checked that the {role}'s system had signed the message; its content is not proved",
        "{entries}：账本收到时核验过该消息由{role}的系统签名；内容真实性不因此得证",
    ),
    "says": (
        "{entries}: {role} says: {verb}, {at} ({authenticity})",
        "{entries}：{role}称：{verb}，{at}（{authenticity}）",
    ),
    "no_time_said": ("no time said", "未称时间"),
    "not_final": ("{entries}: not in a final block yet ({life})", "{entries}：尚未进入最终确认的区块（{life}）"),
    "chain_broken": (
        "{entries}: does not follow the entry before it in the case",
        "{entries}：与本案前一条目不相接",
    ),
    "evidence_not_held": (
        "{kind}: recorded as missing ({entries}), never supplied",
        "{kind}：记录为缺失（{entries}），至今未补",
    ),
    "clock_unknown": (
        "deadline {clock} under {rule} ({entries}): {reason}",
        "期限 {clock}（{rule}，{entries}）：{reason}",
    ),
    "custody_gap": (
        "goods, {since} to {until}: {reason} ({entries})",
        "商品去向，{since} 至 {until}：{reason}（{entries}）",
    ),
    "values_erased": ("{entries}: erased: {names}", "{entries}：已删除：{names}"),
    # erasures
    "erasure": ("erasure {id}: {outcome}", "删除决定 {id}：{outcome}"),
    "erasure_ground": ("ground: {ground} ({citation})", "依据：{ground}（{citation}）"),
    "erasure_reason": ("reason: {reason}", "原因：{reason}"),
    "erasure_dates": (
        "asked for by {role} on {asked}, decided on {decided}",
        "{role}于 {asked} 提出，{decided} 作出决定",
    ),
    "erasure_review": ("looked at again on {at}", "将于 {at} 再次审查"),
    "erasure_lifted": (
        "the person was told on {told}; lifted on {lifted}",
        "已于 {told} 告知本人；已于 {lifted} 解除限制",
    ),
    "erasure_case": ("return {return_id}: {extent}", "退货单 {return_id}：{extent}"),
    "erasure_kept": ("; joint facts are kept until {at}", "；共同事实保存至 {at}"),
    # what may be done
    "may": ("hint: {role} may record now: {verbs}", "提示：{role}现在可以记录：{verbs}"),
    "must": ("hint: {role}: {clock}: {due}", "提示：{role}：{clock}：{due}"),
    "nothing": ("the {role} can do nothing now", "{role}现在没有可进行的步骤"),
    "action": ("{verb}  {words}{targets}", "{verb}  {words}{targets}"),
    "leads": (" -> {targets}", " -> {targets}"),
    "in_dispute": ("in dispute {id}", "争议 {id}"),
    "needs_evidence": ("evidence: {kinds}", "证据：{kinds}"),
    "any": ("of any kind", "任何种类"),
    "or": (" or ", "或"),
    "needs_fields": ("fields: {names}", "字段：{names}"),
    "may_fields": ("optional: {names}", "可选：{names}"),
    "needs_rule": ("the rule that it rests on (--rule ID@VERSION)", "所依据的规则（--rule ID@VERSION）"),
    "left": ("at most {amount} may be refunded", "最多可退 {amount}"),
    "stops": ("stops the deadline: {clock}: {due}", "可终止期限：{clock}：{due}"),
    "refused_now": ("refused now: {why}", "现在会被拒绝：{why}"),
    # packages
    "package_made": (
        "{file}: the package of return {return_id}, {size} bytes",
        "{file}：退货单 {return_id} 的资料包，{size} 字节",
    ),
    "export_made": (
        "{file}: {cases} returns, as they stand in the tree of {size} entries",
        "{file}：{cases} 个退货单，依据含 {size} 个条目的日志树",
    ),
    "package_left_out": ("not in it: {kind} of entry {index}: {state}", "未收入：条目 {index} 的 {kind}：{state}"),
    "package_next": (
        "hint: check it: rledger verify {file} --trust FILE --rpc URL",
        "提示：验证：rledger verify {file} --trust FILE --rpc URL",
    ),
    "due_for": ("Due from the {role}", "{role}的期限"),
}

SENTENCES: Final[Mapping[str, Words]] = MappingProxyType(
    {name: Words(*pair) for name, pair in (_TABLE | PAPER).items()}
)
"""Templates of `str.format`, by name."""
