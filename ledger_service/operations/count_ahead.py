"""Count the cases that moved before anybody asks for statistics, as the worker does between its rounds.

Promises: a case that was counted since it moved is left alone; time is bounded, and the next round goes on. Does not:
look at deadlines that have come meanwhile: who asks counts these.
"""

from __future__ import annotations

from ledger_service.operations.case_tallies import StillCountingError
from ledger_service.operations.ledger import Ledger, format_instant

AHEAD_SECONDS = 2.0  # of a round: recording and anchoring share the processor with it
AHEAD_MOST = 2_000  # cases looked up at once; more are counted in the next rounds


def count_ahead(ledger: Ledger, *, seconds: float = AHEAD_SECONDS) -> int:
    """Count cases until time is up; return how many were looked up and are still to be counted.

    Raises:
        StoreError: The database cannot be read or written now.
    """
    moved = ledger.case_figures.moved(limit=AHEAD_MOST)
    try:
        ledger.tallies.of(moved, now=format_instant(ledger.clock()), seconds=seconds)
    except StillCountingError as error:
        return error.cases - error.counted
    return 0
