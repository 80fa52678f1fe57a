"""What our own anchors cost of late, and which of their transactions may still wait: read out of the saved steps.

A transaction costs when it comes into a block, which may be long after it was signed. So a head that was placed counts
by the time of its block; what was not seen in a block counts at its worst, gas limit times the highest fee, however
long ago it was signed, until its anchor has been over for `LINGERS_SECONDS`.

Promises: what is not known yet counts at its worst. Does not: ask a chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ledger_service.core.anchor_record import Anchor, Attempt, parse_anchor_record
from ledger_service.core.chain_view import OwnRows
from ledger_service.store.anchors import StoredAnchor

DAY_SECONDS = 86_400
LINGERS_SECONDS = 3 * DAY_SECONDS  # nodes forget sooner what waits and is offered no more; and it is charged by then


def own_rows(rows: Sequence[StoredAnchor], anchor: Anchor, *, since: int, nonce: int) -> OwnRows:
    """Return what the saved steps say about everything but the next transaction of an anchor.

    Args:
        rows: The working set of the target.
        anchor: The anchor that is being decided on.
        since: Seconds since 1970; what was charged before is not counted.
        nonce: The next one of the account: the one that the next transaction would have.
    """
    own = {attempt.tx_hash for attempt in anchor.attempts}
    spent: dict[int, int] = {}  # by nonce: of all that is signed for one, the chain takes one
    waiting: dict[int, Attempt] = {}
    for row in rows:
        other = parse_anchor_record(row.record)
        attempts = [attempt for attempt in other.attempts if attempt.tx_hash not in own]
        # Of a head that was placed by one of several nonces, the others' transactions may still wait, and cost.
        if other.block is None or other.fee_paid is None or len({attempt.nonce for attempt in other.attempts}) > 1:
            _add_worst(spent, attempts)
        elif other.block.time >= since:
            spent.update({attempt.nonce: other.fee_paid for attempt in attempts})
        for attempt in attempts:  # nobody looks at a nonce that the chain has used
            waiting[attempt.nonce] = _dearer(attempt, waiting.get(attempt.nonce))
    _add_worst(spent, (attempt for attempt in anchor.attempts if attempt.nonce > nonce))
    spent.pop(nonce, None)  # the next transaction takes the place of what waits there
    return OwnRows(sum(spent.values()), waiting)


def _add_worst(spent: dict[int, int], attempts: Iterable[Attempt]) -> None:
    for attempt in attempts:
        spent[attempt.nonce] = max(spent.get(attempt.nonce, 0), attempt.gas * attempt.max_fee)


def _dearer(one: Attempt, other: Attempt | None) -> Attempt:
    """Return an attempt with the higher of both caps, each by itself: which of the two a node has kept is not known."""
    if other is None:
        return one
    caps = (max(one.max_fee, other.max_fee), max(one.priority_fee, other.priority_fee))
    return replace(one, max_fee=caps[0], priority_fee=caps[1])
