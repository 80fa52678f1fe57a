"""The pages of a package: every file that is derived from the case's entries, and the plain words around them.

Promises: the same timeline and register give the same bytes. Does not: read anything, or hold receipts and originals
(`operations/package.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ledger_service.core import encoding
from ledger_service.core.anchor_record import Anchor
from ledger_service.core.encoding import Json
from ledger_service.core.entry import Role
from ledger_service.core.package_forms import dispute_form, issues
from ledger_service.core.package_sheets import (
    RegisterRow,
    access_sheet,
    clock_rows,
    clock_sheet,
    evidence_sheet,
    timeline_sheet,
)
from ledger_service.core.pages.language import Language
from ledger_service.core.pages.speech import Speech
from ledger_service.core.pages.timeline_text import format_findings, format_timeline
from ledger_service.core.timeline import Timeline, parties, timeline_members
from ledger_service.core.trust import Trust

LIMITS: Final = (
    "A receipt shows that an entry stood in the ledger, unchanged, no later than the block of its anchor, and in which"
    " order.",
    "It does not show that a photo or a statement is true, that a key belongs to a person, or that a step was recorded"
    " on time.",
    "The sequence numbers of the case run without a gap up to the head that manifest.json names, each entry naming the"
    " one before it: none of them was taken out or put in between.",
    "They do not show that this head is the newest one, or that no entry beside the chain (access, attempt, finding)"
    " was left out: for that the operator must be held to a count, and no proof of it is in this package.",
    "Pages, tables and forms are derived from the entries by the ledger, which signs them with the manifest; only"
    " entries, receipts and originals are checked against the log.",
    "A value that is withheld or erased is named and not shown; its commitment stays in the entry.",
    "A demonstration chain proves nothing against its operator.",
)
LIMITS_ZH: Final = (
    "回执表明：某条目不晚于其锚定区块的时间已在账本中，此后未被更改，且次序确定。",
    "它不表明照片或陈述属实，不表明密钥属于某人，也不表明某步骤被及时记录。",
    "本案序号连续无缺，直至 manifest.json 所列的案件末条；每一条都指明前一条，故其间未被删去或插入条目。",
    "这并不表明该末条就是最新一条，也不表明旁附条目（查阅、尝试、发现）没有遗漏：为此须由运营方对总数作出承诺，本包不含此种证明。",
    "页面、表格和表单由账本依条目生成，并随清单一并签名；只有条目、回执和原件与日志核对。",
    "未披露或已删除的内容会列出名称而不显示；其承诺值仍在条目中。",
    "演示链不能用来对抗其运营方。",
)
_README: Final = """\
THE PACKAGE OF RETURN {return_id}
Ledger {origin}. Made as of {generated_at} (UTC) for: {role}.

What this is
  Everything that the ledger holds about one return and that the reader may see. It is read without any program of ours.

  findings.txt         one page: what is proven, what is only claimed, what is missing
  timeline.txt         every step, every deadline with its rule, quantities and money, who held the goods, disputes
  timeline.csv, .json  the same steps as a table, and for programs
  case.json            parties under the pseudonyms that they have in this case alone, ledger, contract, rules
  clocks.csv, .json    each deadline: rule, citation, start, pauses, due, met or missed and by how much
  balances.json        pieces and money, line by line
  evidence.csv         every file of the case: submitter, SHA-256, size, and whether it is in here
  evidence/            the originals, byte for byte as they were handed in
  access.csv           who read or exported, and when
  issues.json          what is to be decided, with ruling options (ERC-1497 style)
  dispute_form.json    the fields of a card network's dispute form, filled from the record
  integrity.json       each entry: place in the log, leaf hash, sequence number, anchor
  receipts/            a receipt for each entry: it verifies alone
  head.receipt.json    the tree head under which this package was made
  ledger.trust.json    what the ledger says should be pinned; get your own copy from somewhere else
  manifest.json, .note SHA-256 of every file, and the ledger's signature over that list
  limits.txt           what all this does not show

  The files that end in .zh.txt are in Chinese. Times are UTC. An entry is named by its index in the log.

How to verify
  rledger verify FILE.zip --trust ledger.trust.json --rpc URL
  The trust file is one that YOU pinned, the URL a node of the chain that you chose. Do not unpack before: the archive
  itself is checked too. Exit code 0 means valid, 1 invalid, 3 inconclusive (not final yet, or nobody was asked).
  Without our program: compare the SHA-256 of each file with manifest.json; SPEC.md of return-ledger has the formats.

这是什么
  本包包含账本就退货单 {return_id} 所存的、且接收者（{role_zh}）有权查看的全部内容，无需我方软件即可阅读。
  findings.zh.txt 一页说明：已证明、仅为主张、缺失的事项；timeline.zh.txt 为完整时间线。
  evidence/ 为原始文件；evidence.csv 为证据登记；access.csv 为查阅与导出记录；receipts/ 为每个条目的回执。

如何验证
  rledger verify FILE.zip --trust ledger.trust.json --rpc URL
  信任配置须为您自行固定的文件，节点由您选择。请勿先行解压：压缩包本身也会被检查。
  退出码 0 为有效，1 为无效，3 为无法判定（尚未最终确认，或未询问节点）。

"""


@dataclass(frozen=True, slots=True)
class Bound:
    """A package's subject: the timeline as its reader sees it, the register, the anchors, and for whom it is."""

    timeline: Timeline
    register: Sequence[RegisterRow]
    anchors: Sequence[Anchor]
    trust: Trust
    reader: Role


def pages(bound: Bound) -> dict[str, bytes]:
    """Return every page by its name (`package.PAGES`)."""
    timeline, register = bound.timeline, bound.register
    return {
        "README.txt": _readme(bound),
        "access.csv": access_sheet(timeline),
        "balances.json": encoding.encode_document(timeline.balance.members()),
        "case.json": encoding.encode_document(_case(bound)),
        "clocks.csv": clock_sheet(timeline),
        "clocks.json": encoding.encode_document({"items": clock_rows(timeline), "now": timeline.now}),
        "dispute_form.json": encoding.encode_document(dispute_form(timeline, register)),
        "evidence.csv": evidence_sheet(register),
        "findings.txt": _text(format_findings(timeline)),
        "findings.zh.txt": _text(format_findings(timeline, Language.ZH)),
        "integrity.json": encoding.encode_document(_integrity(bound)),
        "issues.json": encoding.encode_document(issues(timeline, register)),
        "limits.txt": _text(_limits()),
        "timeline.csv": timeline_sheet(timeline),
        "timeline.json": encoding.encode_document(timeline_members(timeline)),
        "timeline.txt": _text(format_timeline(timeline)),
        "timeline.zh.txt": _text(format_timeline(timeline, Language.ZH)),
    }


def _readme(bound: Bound) -> bytes:
    timeline = bound.timeline
    filled = _README.format(
        return_id=timeline.return_id,
        origin=timeline.origin,
        generated_at=timeline.now,
        role=bound.reader.value,
        role_zh=Speech(Language.ZH).code("role", bound.reader.value),
    )
    return _text(filled + _limits())


def _limits() -> str:
    english = "".join(f"  - {line}\n" for line in LIMITS)
    chinese = "".join(f"  - {line}\n" for line in LIMITS_ZH)
    return f"What this proves, and what it does not\n{english}\n本包证明什么，不证明什么\n{chinese}"


def _text(text: str) -> bytes:
    return (text.rstrip("\n") + "\n").encode()


def _case(bound: Bound) -> dict[str, Json]:
    timeline, target = bound.timeline, bound.trust.targets[0].target
    rules = {(clock.rule.id, clock.rule.version) for clock in timeline.clocks}
    rules |= {(row.entry.rule.id, row.entry.rule.version) for row in timeline.rows if row.entry.rule is not None}
    facts = timeline.request.entry.facts
    known = ("legal_basis", "language", "buyer_country", "seller_country")
    return {
        "return_id": timeline.return_id,
        "origin": timeline.origin,
        "generated_at": timeline.now,
        "prepared_for": bound.reader.value,
        "state": timeline.state,
        "state_words": {"en": timeline.state_words.en, "zh": timeline.state_words.zh},
        "opened_at": timeline.request.entry.recorded_at,
        **{name: facts.get(name) for name in known},
        "parties": [{"role": role, "party": party} for role, party in parties(timeline)],
        "rules": [{"id": one, "version": version} for one, version in sorted(rules)],
        "currency": timeline.balance.currency,
        "anchored_in": {
            "chain_id": target.chain_id,
            "contract": "0x" + target.contract.hex(),
            "log_id": "0x" + target.log_id.hex(),
        },
    }


def _integrity(bound: Bound) -> dict[str, Json]:
    chain = [row for row in bound.timeline.rows if row.entry.seq is not None]
    numbers = [row.entry.seq for row in chain]
    return {
        "entries": [
            {
                "index": row.index,
                "leaf_hash": row.placed.known.leaf.hex(),
                "kind": row.entry.kind.value,
                "seq": row.entry.seq,
                "prev": None if row.entry.prev is None else row.entry.prev.hex(),
                "state": row.life,
                "anchor": _anchor_of(row.index, row.life, bound.anchors),
            }
            for row in bound.timeline.rows
        ],
        "count": len(chain),
        "head": chain[-1].placed.known.leaf.hex(),
        "without_holes": numbers == list(range(len(chain))),
        "shows": LIMITS[2],
        "does_not_show": LIMITS[3],
    }


def _anchor_of(index: int, life: str, anchors: Sequence[Anchor]) -> Json:
    """Return the smallest head in this state that covers the entry."""
    covering = [one for one in anchors if one.size > index and one.block is not None and one.state.value == life]
    if not covering:
        return None
    one = min(covering, key=lambda anchor: anchor.size)
    block = one.block
    assert block is not None  # as chosen
    members: Mapping[str, Json] = {
        "chain_id": one.chain_id,
        "contract": "0x" + one.contract.hex(),
        "sequence": one.sequence,
        "size": one.size,
        "root": one.root.hex(),
        "block_number": block.number,
        "block_hash": "0x" + block.block_hash.hex(),
        "time": block.time,
    }
    return dict(members)
