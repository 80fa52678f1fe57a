"""The pages of a package: every file that is derived from the case's entries, and the plain words around them.

Promises: the same timeline and register give the same bytes. Does not: read anything, or hold receipts and originals
(`operations/package.py`).
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from ledger_service.core import encoding
from ledger_service.core.encoding import Json
from ledger_service.core.package import EVENTS, REPORTS
from ledger_service.core.package_case import Bound, case_members, integrity_members
from ledger_service.core.package_forms import dispute_form, issues
from ledger_service.core.package_sheets import (
    access_sheet,
    clock_rows,
    clock_sheet,
    event_lines,
    evidence_sheet,
    timeline_sheet,
)
from ledger_service.core.pages.document_html import format_html
from ledger_service.core.pages.language import Language
from ledger_service.core.pages.limits import LIMITS, LIMITS_ZH
from ledger_service.core.pages.report import report
from ledger_service.core.pages.speech import Speech
from ledger_service.core.pages.timeline_text import format_findings, format_timeline
from ledger_service.core.timeline import timeline_members

_README: Final = """\
THE PACKAGE OF RETURN {return_id}
Ledger {origin}. Made as of {generated_at} (UTC) for: {role}.

What this is
  Everything that the ledger holds about one return and that the reader may see. It is read without any program of ours.

  report.html          all of it on one page, photos side by side: unpack the archive, then open it in a browser
  report.pdf           the same to print, in one language (not of a thousand entries and more); never the proof
  findings.txt         one page: what is proven, what is only claimed, what is missing
  timeline.txt         every step, every deadline with its rule, quantities and money, who held the goods, disputes
  timeline.csv, .json  the same steps as a table, and for programs
  events.jsonl         each entry on a line, for programs; compared with the receipts by `rledger verify`
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
  verifier.html        a page that verifies this package on your device, with the network off
  limits.txt           what all this does not show

  The files that end in .zh.txt and .zh.html are in Chinese. Times are UTC. An entry is named by its index in the log.

How to verify
  rledger verify FILE.zip --trust ledger.trust.json --rpc URL
  The trust file is one that YOU pinned, the URL a node of the chain that you chose. Do not unpack before: the archive
  itself is checked too. Exit code 0 means valid, 1 invalid, 3 inconclusive (not final yet, or nobody was asked).
  In a browser: take verifier.html out, open it, and choose FILE.zip and your trust file in it; it needs no network.
  Whoever made this package put it there. So compare its SHA-256 (sha256sum verifier.html) with the one published with
  the source code of return-ledger, or use a copy that you got elsewhere.
  Without our program: compare the SHA-256 of each file with manifest.json; SPEC.md of return-ledger has the formats.

这是什么
  本包包含账本就退货单 {return_id} 所存的、且接收者（{role_zh}）有权查看的全部内容，无需我方软件即可阅读。
  report.zh.html 为完整报告（含照片对照），解压后用浏览器打开；
  findings.zh.txt 一页说明：已证明、仅为主张、缺失的事项；timeline.zh.txt 为完整时间线。
  evidence/ 为原始文件；evidence.csv 为证据登记；access.csv 为查阅与导出记录；receipts/ 为每个条目的回执。

如何验证
  rledger verify FILE.zip --trust ledger.trust.json --rpc URL
  信任配置须为您自行固定的文件，节点由您选择。请勿先行解压：压缩包本身也会被检查。
  也可在浏览器中验证：取出 verifier.html 并打开，在其中选择 FILE.zip 和您的信任配置，无需网络。
  该页面由本包的制作方放入，请将其 SHA-256（sha256sum verifier.html）
  与随 return-ledger 源代码公布的数值比对，或使用从别处取得的副本。
  退出码 0 为有效，1 为无效，3 为无法判定（尚未最终确认，或未询问节点）。

"""


def pages(bound: Bound) -> dict[str, bytes]:
    """Return every page by its name (`package.PAGES`), the events, and the reports but for the PDF."""
    timeline, register = bound.timeline, bound.register
    english, chinese = (format_html(report(bound, language)) for language in (Language.EN, Language.ZH))
    reports = {REPORTS[0]: english, REPORTS[2]: chinese}
    sums: dict[str, Json] = {name: sha256(content).hexdigest() for name, content in reports.items()}
    return {
        **reports,
        "README.txt": _readme(bound),
        "access.csv": access_sheet(timeline),
        "balances.json": encoding.encode_document(timeline.balance.members()),
        "case.json": encoding.encode_document({**case_members(bound), "report_sha256": sums}),
        "clocks.csv": clock_sheet(timeline),
        "clocks.json": encoding.encode_document({"items": clock_rows(timeline), "now": timeline.now}),
        "dispute_form.json": encoding.encode_document(dispute_form(timeline, register)),
        EVENTS: event_lines(timeline.rows, register),
        "evidence.csv": evidence_sheet(register),
        "findings.txt": _text(format_findings(timeline)),
        "findings.zh.txt": _text(format_findings(timeline, Language.ZH)),
        "integrity.json": encoding.encode_document(integrity_members(bound)),
        "issues.json": encoding.encode_document(issues(timeline, register)),
        "limits.txt": _text(_limits()),
        "timeline.csv": timeline_sheet(timeline, register),
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
