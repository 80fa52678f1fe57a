"""A docket as the clocks see it: one happening for each entry that is in force.

Does not: compute a deadline (`clocks.py`).
"""

from __future__ import annotations

from ledger_service.core.clock import Happening
from ledger_service.core.docket import Docket, Known
from ledger_service.core.entry import Kind


def happenings(docket: Docket) -> list[Happening]:
    """Return what happened, in order; entries that were taken back are left out."""
    return [happening(known) for known in docket.in_force() if known.entry.kind is not Kind.CORRECTION]


def happenings_as_recorded(docket: Docket) -> list[Happening]:
    """Return what happened as if nothing had been corrected since."""
    return [happening(known) for known in docket.steps if known.entry.kind is not Kind.CORRECTION]


def happening(known: Known) -> Happening:
    """Return an entry as the clocks see it."""
    entry = known.entry
    return Happening(
        seq=entry.seq or 0,
        verb=entry.verb,
        role=entry.asserted_by.role,
        occurred_at=entry.occurred_at,
        recorded_at=entry.recorded_at,
        fields=known.values,
        evidence=tuple(item.kind for item in entry.evidence),
        rule=entry.rule,
        dispute=entry.kind is Kind.DISPUTE,
        authenticity=entry.authenticity,
        to_state=entry.to_state,
    )
