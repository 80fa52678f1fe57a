"""Read what the ledger holds, for people: a summary, one entry, the timeline of a return.

Promises: values are shown only where their keys still exist, and as claims of whoever asserted them.
Does not: judge, or format (`cli/`, later pages).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ledger_service.core import encoding
from ledger_service.core.actions import Action, actions, duties
from ledger_service.core.clock import Clock
from ledger_service.core.clocks import clocks
from ledger_service.core.entry import Role
from ledger_service.core.happenings import happenings
from ledger_service.core.timeline import Timeline, make_timeline
from ledger_service.core.timeline_row import Placed
from ledger_service.errors import UnknownReturnError
from ledger_service.operations.anchored import anchors_of, life, lives
from ledger_service.operations.disclosing import visible
from ledger_service.operations.dockets import open_entries
from ledger_service.operations.ledger import Ledger, format_instant
from ledger_service.operations.principal import Principal
from ledger_service.operations.since import since_of


@dataclass(frozen=True, slots=True)
class Available:
    """What a role may do with a case now, and the clocks that it must keep or has missed."""

    role: Role
    actions: tuple[Action, ...]
    due: tuple[Clock, ...]


def timeline(
    ledger: Ledger,
    return_id: str,
    *,
    reader: Principal | None = None,
    before: int | None = None,
    now: str | None = None,
) -> Timeline:
    """Return the timeline of a return.

    Args:
        ledger: Opened to read or to write.
        return_id: The return.
        reader: Whose eyes it is for: values that this party may not be shown are left out; None: the operator.
        before: Only entries with a smaller index; None: all.
        now: As of when (RFC 3339 UTC with milliseconds); None: now.

    Raises:
        UnknownReturnError: There is none with this id.
    """
    stored = [row for row in ledger.read.entries_of(return_id) if before is None or row.index < before]
    if not stored:
        raise UnknownReturnError(f"there is no return {return_id}", hint="`rledger show` lists what the ledger holds")
    anchors, places = anchors_of(ledger), [row.index for row in stored]
    life_of, since = lives(anchors, required=ledger.genesis()[0].required), since_of(ledger, anchors, places)
    opened = open_entries(ledger.read, ledger.keys, return_id, stored)
    if reader is not None:
        opened = visible(ledger, stored, opened, reader)
    placed = [
        Placed(known, index, *life_of(index), since=since.get(index))
        for known, index in zip(opened, places, strict=True)
    ]
    return make_timeline(placed, now=now or format_instant(ledger.clock()))


def describe(ledger: Ledger, index: int) -> dict[str, Any]:
    """Return one entry for machines: its exact members, place and leaf hash.

    Raises:
        RefusedError: There is no such entry.
    """
    row = ledger.read.entry(index)
    state, anchored_at = life(anchors_of(ledger), index, required=ledger.genesis()[0].required)
    return {
        "index": index,
        "leaf_hash": row.leaf_hash.hex(),
        "state": state,
        "anchored_at": anchored_at,
        "entry": encoding.parse(row.encoded),
    }


def summarize(ledger: Ledger) -> dict[str, Any]:
    """Return what the ledger holds: its name, size, head, anchors and cases."""
    genesis, leaf = ledger.genesis()
    head = ledger.read.head()
    assert head is not None  # there is a genesis entry
    anchors = anchors_of(ledger)
    return {
        "origin": genesis.origin,
        "genesis": leaf.hex(),
        "size": head.size,
        "root": head.root.hex(),
        "anchors": [
            {"sequence": a.sequence, "size": a.size, "state": a.state.value, "reason": a.reason} for a in anchors
        ],
        "cases": [
            {
                "return_id": stored.case.return_id,
                "state": stored.case.state,
                "entries": stored.case.count,
                "opened_at": stored.case.opened_at,
            }
            for stored in ledger.read.cases()
        ],
    }


def available(ledger: Ledger, return_id: str, roles: Iterable[Role] = tuple(Role)) -> list[Available]:
    """Return what each role may do with a return now, and what it must; roles that can do nothing are left out.

    Raises:
        UnknownReturnError: There is none with this id.
    """
    case = ledger.read.case(return_id).case
    docket, now = ledger.dockets.of(return_id), format_instant(ledger.clock())
    found = clocks(happenings(docket), now=now)
    each = [Available(role, actions(case, docket, role, now=now, found=found), duties(found, role)) for role in roles]
    return [one for one in each if one.actions or one.due]
