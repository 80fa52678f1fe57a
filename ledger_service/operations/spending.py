"""What our own anchors cost of late, and which of their transactions may still wait: read out of the saved steps.

Promises: what is not known yet counts at its worst, gas limit times the highest fee. Does not: ask a chain.
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger_service.core.anchor_record import Anchor, Attempt, parse_anchor_record
from ledger_service.core.chain_view import OwnRows
from ledger_service.store.anchors import StoredAnchor

DAY_SECONDS = 86_400


def own_rows(rows: Sequence[StoredAnchor], anchor: Anchor, *, since: int) -> OwnRows:
    """Return what the other saved steps say.

    Args:
        rows: The working set of the target.
        anchor: The anchor that is being decided on: its own attempts are not counted.
        since: Seconds since 1970; what was signed before is not counted.
    """
    own = {attempt.tx_hash for attempt in anchor.attempts}
    spent: dict[int, int] = {}  # by nonce: of all that is signed for one, the chain takes one
    waiting: dict[int, Attempt] = {}
    for row in rows:
        other = parse_anchor_record(row.record)
        attempts = [attempt for attempt in other.attempts if attempt.tx_hash not in own]
        for attempt in attempts:
            if attempt.signed_at >= since:
                worst = other.fee_paid if other.fee_paid is not None else attempt.gas * attempt.max_fee
                spent[attempt.nonce] = max(spent.get(attempt.nonce, 0), worst)
            if other.fee_paid is None and attempt.max_fee >= _fee(waiting.get(attempt.nonce)):
                waiting[attempt.nonce] = attempt
    for attempt in anchor.attempts:
        spent.pop(attempt.nonce, None)  # a transaction of ours at that nonce takes the other's place
    return OwnRows(sum(spent.values()), waiting)


def _fee(attempt: Attempt | None) -> int:
    return -1 if attempt is None else attempt.max_fee
