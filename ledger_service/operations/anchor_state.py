"""Where anchoring stands at each target: for `doctor`, `/health/ready` and the metrics.

Promises: read from the database alone, so that it can be asked often, and while the chain is silent. An alarm says what
it means and the way out. Does not: ask a chain, or judge.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.core.alarms import LINES, Alarm
from ledger_service.core.anchor_record import AnchorState, parse_anchor_record
from ledger_service.core.encoding import Json
from ledger_service.core.log_entry import Target
from ledger_service.operations.heads import LedgerHeads
from ledger_service.operations.ledger import Ledger
from ledger_service.store.anchor_status import AnchorStatuses
from ledger_service.store.anchors import AnchorHistory


@dataclass(frozen=True, slots=True)
class TargetState:
    """One target: the sizes of its newest heads, how long the oldest entry waits, and what its worker said last.

    `state`: of the newest anchor, None before the first. `since`, `looked_at`: RFC 3339 UTC, None before its worker
    looked. `newest_age_seconds`: of the block of the newest anchor, None before the first.
    """

    chain: str
    log_id: bytes
    state: str | None
    included_size: int
    final_size: int
    waiting_seconds: int
    newest_age_seconds: int | None
    alarm: Alarm | None
    detail: str
    since: str | None
    looked_at: str | None


def anchoring(ledger: Ledger) -> list[TargetState]:
    """Return the state of each target, in the order of the log's targets."""
    statuses = AnchorStatuses(ledger.store).all()
    now = int(ledger.clock().timestamp())
    found = []
    for target in ledger.targets():
        status = statuses.get(target.log_id)
        state, included, final, placed_at = _heads(ledger, target)
        oldest = LedgerHeads(ledger).backlog(included, None).oldest_at
        found.append(
            TargetState(
                chain=ledger.chains.name_of(target.chain_id),
                log_id=target.log_id,
                state=state,
                included_size=included,
                final_size=final,
                waiting_seconds=0 if oldest is None else max(0, now - oldest),
                newest_age_seconds=None if placed_at is None else max(0, now - placed_at),
                alarm=None if status is None or status.alarm is None else Alarm(status.alarm),
                detail="" if status is None else status.detail,
                since=None if status is None else status.since,
                looked_at=None if status is None else status.looked_at,
            )
        )
    return found


def target_members(one: TargetState) -> dict[str, Json]:
    """Return a target's state as machines are shown it."""
    line = None if one.alarm is None else LINES[one.alarm]
    return {
        "chain": one.chain,
        "log_id": "0x" + one.log_id.hex(),
        "state": one.state,
        "included_size": one.included_size,
        "final_size": one.final_size,
        "waiting_seconds": one.waiting_seconds,
        "alarm": None if one.alarm is None else one.alarm.value,
        "meaning": None if line is None else line.meaning,
        "way_out": None if line is None else line.way_out,
        "detail": one.detail,
        "since": one.since,
        "looked_at": one.looked_at,
    }


def _heads(ledger: Ledger, target: Target) -> tuple[str | None, int, int, int | None]:
    """Return the newest anchor's state, the largest included and final size, and when the newest was placed."""
    history = AnchorHistory(ledger.store)
    newest = history.newest(target.log_id)
    final = history.newest_final(target.log_id)
    placed = [
        anchor
        for row in (newest, final)
        if row is not None
        and (anchor := parse_anchor_record(row.record)).state in (AnchorState.INCLUDED, AnchorState.FINALIZED)
    ]
    times = [anchor.block.time for anchor in placed if anchor.block is not None]
    return (
        None if newest is None else newest.state,
        max((anchor.size for anchor in placed), default=0),
        0 if final is None else final.size,
        max(times, default=None),
    )
