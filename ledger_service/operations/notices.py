"""What webhooks are told: the four events, what each is about, and its body, made when it is sent.

A body is canonical JSON: `{"created_at", "data", "id", "type"}`. Promises: every attempt to deliver a notice makes the
same bytes; they hold no value of a party, no pseudonym and no name, only what anybody on the access list reads in
clear in the entry. Does not: say who is told (`notify.py`), or send (`deliver.py`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

from ledger_service.core.anchor_record import AnchorState, parse_anchor_record
from ledger_service.core.clock import Clock, ClockState
from ledger_service.core.clocks import clocks
from ledger_service.core.encoding import Json, encode
from ledger_service.core.entry import CaseEntry, Kind, RuleReference, parse_entry
from ledger_service.core.happenings import happenings
from ledger_service.operations.keep_time import BREACHED, clock_name
from ledger_service.operations.ledger import Ledger, format_instant
from ledger_service.store.anchors import AnchorHistory, StoredAnchor
from ledger_service.store.read import StoredEntry
from ledger_service.store.webhooks import StoredDelivery

_STATE_KINDS = frozenset({Kind.TRANSITION, Kind.CORRECTION})  # of a dispute and an erasure the states are others


class Event(StrEnum):
    """What a webhook can be told of."""

    STATE_CHANGED = "return.state_changed"
    DUE_SOON = "clock.due_soon"
    BREACHED = "clock.breached"
    ANCHOR_FINALIZED = "anchor.finalized"


def event_of(row: StoredEntry) -> Event | None:
    """Return the event that an entry is, None if it is none: its subject is its index."""
    if row.kind not in (*_STATE_KINDS, Kind.FINDING):
        return None
    entry = parse_entry(row.encoded)
    assert isinstance(entry, CaseEntry)  # of these kinds
    if entry.kind is Kind.FINDING:
        return Event.BREACHED if entry.verb == BREACHED else None
    return Event.STATE_CHANGED if entry.from_state != entry.to_state else None


def clock_subject(return_id: str, clock: Clock) -> str:
    """Return the subject of a clock that is due: another one when its deadline moved."""
    return f"{clock_name(return_id, clock)}/{clock.due_at}"


def anchor_subject(anchor: StoredAnchor) -> str:
    """Return the subject of an anchor."""
    return f"{anchor.log_id.hex()}/{anchor.sequence}"


def message_id(delivery: StoredDelivery) -> str:
    """Return the id by which a receiver knows a notice again, whatever the attempt."""
    return f"msg_{delivery.id}"


def make_body(ledger: Ledger, delivery: StoredDelivery) -> bytes | None:
    """Return the body of a notice; None: what it says is no longer so, as of a deadline that was kept meanwhile."""
    event = Event(delivery.event)
    if event is Event.DUE_SOON:
        content = _due_soon(ledger, delivery)
    elif event is Event.ANCHOR_FINALIZED:
        content = _finalized(ledger, delivery)
    else:
        content = _entry(ledger.read.entry(int(delivery.subject)), event)
    if content is None:
        return None
    return encode({"created_at": delivery.created_at, "data": content, "id": message_id(delivery), "type": event.value})


def _entry(row: StoredEntry, event: Event) -> dict[str, Json]:
    entry = parse_entry(row.encoded)
    assert isinstance(entry, CaseEntry)  # the others are no event
    content: dict[str, Json] = {
        "index": row.index,
        "leaf_hash": row.leaf_hash.hex(),
        "recorded_at": entry.recorded_at,
        "return_id": entry.return_id,
    }
    if event is Event.STATE_CHANGED:
        return content | {
            "asserted_by": entry.asserted_by.role.value,
            "from_state": entry.from_state,
            "occurred_at": entry.occurred_at,
            "seq": entry.seq,
            "to_state": entry.to_state,
            "verb": entry.verb,
        }
    assert entry.rule is not None  # of a breach
    return content | {
        "actor": entry.facts.get("actor"),
        "clock": entry.facts.get("clock"),
        "clock_id": entry.facts.get("clock_id"),
        "rule": _rule(entry.rule),
        "state": entry.from_state,
    }


def _due_soon(ledger: Ledger, delivery: StoredDelivery) -> dict[str, Json] | None:
    assert delivery.return_id is not None  # a clock is of a case
    docket = ledger.dockets.of(delivery.return_id)
    found = clocks(happenings(docket), now=format_instant(ledger.clock()))
    for clock in found:
        if clock.state is ClockState.RUNNING and clock_subject(delivery.return_id, clock) == delivery.subject:
            return {
                "actor": clock.actor.value,
                "clock": clock_name(delivery.return_id, clock),
                "clock_id": clock.clock_id,
                "due_at": clock.due_at,
                "nature": clock.nature.value,
                "return_id": delivery.return_id,
                "rule": _rule(clock.rule),
            }
    return None


def _finalized(ledger: Ledger, delivery: StoredDelivery) -> dict[str, Json] | None:
    log_id, _, sequence = delivery.subject.partition("/")
    rows = AnchorHistory(ledger.store).history(bytes.fromhex(log_id), int(sequence))
    records = [parse_anchor_record(row.record) for row in rows if row.state == AnchorState.FINALIZED]
    block = records[-1].block if records else None
    if block is None:  # no history ends like this; a receiver is told nothing that we cannot show
        return None
    anchor = records[-1]
    return {
        "anchored_at": format_instant(datetime.fromtimestamp(block.time, UTC)),
        "block_hash": "0x" + block.block_hash.hex(),
        "block_number": block.number,
        "chain_id": anchor.chain_id,
        "contract": "0x" + anchor.contract.hex(),
        "log_id": "0x" + anchor.log_id.hex(),
        "root_hash": anchor.root.hex(),
        "sequence": anchor.sequence,
        "size": anchor.size,
    }


def _rule(rule: RuleReference) -> dict[str, Json]:
    return {"id": rule.id, "version": rule.version}
