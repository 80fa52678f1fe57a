"""A ledger's summary, and totals of statistics, as text for a terminal. Does not: read anything."""

from __future__ import annotations

from typing import Any

from ledger_service.core.pages.escaping import escaped
from ledger_service.core.pages.speech import Speech
from ledger_service.core.statistics import Totals


def format_summary(summary: dict[str, Any]) -> str:
    """Return what the ledger holds, in a few lines."""
    lines = [f"ledger {summary['origin']}: {_entries(summary['size'])}, root {summary['root']}"]
    for anchor in summary["anchors"]:
        reason = f" ({anchor['reason']})" if anchor["reason"] else ""
        lines.append(f"  head {anchor['sequence']}: {_entries(anchor['size'])}, {anchor['state']}{escaped(reason)}")
    for case in summary["cases"]:
        lines.append(f"  return {case['return_id']}: {case['state']}, {_entries(case['entries'])}")
    return "\n".join(lines)


def format_totals(totals: Totals, speech: Speech) -> str:
    """Return totals, a line for each figure; a share as so many / of so many, a length of time as its median."""
    lines = [f"{speech.code('figure', name)}: {number}" for name, number in totals.counts.items()]
    for name, spread in totals.spreads.items():
        median = "" if spread.median is None else f" (≈ {speech.duration(spread.median)})"
        lines.append(f"{speech.code('figure', name)}: {spread.count}{median}")
    lines += [f"{speech.code('share', name)}: {some} / {of}" for name, (some, of) in totals.ratios.items()]
    return "\n".join(lines)


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count} entries"
