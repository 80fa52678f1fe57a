"""The verdict on one file as `rledger verify` says it: each check, then what they mean together, in words.

Promises: the words for `valid` say what was proven of this kind of file, and no more. Does not: verify.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ledger_service.cli import output
from ledger_service.core.entry import CaseEntry
from ledger_service.core.export_scope import COMPLETE
from ledger_service.core.report import Outcome, Report, Verdict
from ledger_service.core.verify import entry_of
from ledger_service.core.verify_contradiction import CONTRADICTION

_HINTS = {
    "trust": "give the trust file you pinned: --trust FILE",
    "chain": "ask a node: --rpc URL, or --rpc embedded:FOLDER",
    "block": "ask a node: --rpc URL; or give the hash of the block named above, from an explorer: --block-hash HASH",
    "finality": "the anchor is not final yet: run again later",
    "policy": "not anchored yet: fetch the receipt again later",
    "witnesses": "fetch the receipt again later, or ask the ledger which witnesses cosign it",
    "anchor": "a tlog-proof names no anchor: verify the receipt of the entry",
    "completeness": "ask for the package again: a new one shows what the newest seal counts",
    "receipts": "what a receipt lacks stands above; give --trust and --rpc, or ask for the package again later",
}


def verdict_json(path: Path, found: Report) -> dict[str, Any]:
    """Return a report as one element of the answer with --json."""
    checks = [{"name": c.name, "outcome": c.outcome.value, "detail": c.detail} for c in found.checks]
    return {"file": str(path), "verdict": found.verdict.value, "checks": checks}


def print_verdict(path: Path, data: bytes, found: Report) -> None:
    """Print a report: what the file is, each check, the verdict in words, and a hint where something is not known."""
    entry = entry_of(data)
    about = ""
    if isinstance(entry, CaseEntry):
        about = f": return {entry.return_id[:8]}…, {entry.verb}, {entry.from_state or 'new'} -> {entry.to_state}"
    output.answer(f"{path}{about}")
    for check in found.checks:
        output.answer(f"  {check.outcome.value:<8} {check.name:<12} {check.detail}")
    output.answer(f"{found.verdict.value}: {_meaning(found)}")
    if found.verdict is Verdict.INCONCLUSIVE:
        for check in found.checks:
            if check.outcome is Outcome.UNKNOWN and check.name in _HINTS:
                output.say(f"hint: {_HINTS[check.name]}")
                break


def _meaning(found: Report) -> str:
    shown = next((check for check in found.checks if check.name == CONTRADICTION), None)
    if found.verdict is Verdict.VALID and shown is not None:
        return f"the log contradicts itself: {shown.detail}"
    if found.verdict is Verdict.VALID and any(check.name == "archive" for check in found.checks):
        return "every receipt in it is valid, and every file is the one that the ledger signed"
    if found.verdict is Verdict.VALID and any(check.name == "trailer" for check in found.checks):
        held = any(check.name == COMPLETE and check.outcome is Outcome.PASS for check in found.checks)
        more = "; nothing that the seals count is left out" if held else ""
        return f"every entry in it is in the pinned log, unchanged, and its tree head is final{more}"
    if found.verdict is Verdict.VALID and any(check.name == "case_index" for check in found.checks):
        return "the seal is in the pinned log, final, and commits the ledger to what stands under case_index"
    if found.verdict is Verdict.VALID:
        return "the entry is in the pinned log, unchanged, and its anchor is final"
    if found.verdict is Verdict.INVALID:
        names = ", ".join(dict.fromkeys(c.name for c in found.checks if c.outcome is Outcome.FAIL))
        return f"contradicted by: {names}"
    names = ", ".join(dict.fromkeys(c.name for c in found.checks if c.outcome is Outcome.UNKNOWN and c.decisive))
    return f"nothing contradicts it; not known: {names}"
