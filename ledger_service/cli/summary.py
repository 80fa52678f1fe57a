"""A ledger's summary as text for a terminal. Does not: read anything."""

from __future__ import annotations

from typing import Any

from ledger_service.core.pages.escaping import escaped


def format_summary(summary: dict[str, Any]) -> str:
    """Return what the ledger holds, in a few lines."""
    lines = [f"ledger {summary['origin']}: {_entries(summary['size'])}, root {summary['root']}"]
    for anchor in summary["anchors"]:
        reason = f" ({anchor['reason']})" if anchor["reason"] else ""
        lines.append(f"  head {anchor['sequence']}: {_entries(anchor['size'])}, {anchor['state']}{escaped(reason)}")
    for case in summary["cases"]:
        lines.append(f"  return {case['return_id']}: {case['state']}, {_entries(case['entries'])}")
    return "\n".join(lines)


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count} entries"
