"""A row of a timeline: one entry of a case with its place in the log, its three times, and what stands against it.

`Placed` is what a row is made of, `Act` an entry in force with the time that counts. Promises: three times stand apart:
when it is said to have happened, when it was recorded, and between which blocks that was. Does not: flag (`flags.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from ledger_service.core.clock import Basis, Happening, instant_text
from ledger_service.core.docket import Known
from ledger_service.core.encoding import Json
from ledger_service.core.entry import Actor, CaseEntry
from ledger_service.core.moments import STATED_BY, Step, stated, time_of


class Flag(StrEnum):
    """What a reader is told of a row. The first five are contradictions: flagged, never corrected."""

    OCCURRED_AFTER_RECORDED = "occurred_after_recorded"
    DELIVERED_BEFORE_SHIPPED = "delivered_before_shipped"
    PHOTO_BEFORE_ORDER = "photo_before_order"
    STEP_BEFORE_EARLIER_STEP = "step_before_earlier_step"
    DOES_NOT_BALANCE = "does_not_balance"
    RECORDED_LATE = "recorded_late"
    LATE_EVIDENCE = "late_evidence"
    VOIDED = "voided"
    CORRECTED = "corrected"
    ON_BEHALF = "on_behalf"
    UNSIGNED = "unsigned"
    IMPORTED_UNVERIFIED = "imported_unverified"


@dataclass(frozen=True, slots=True)
class Since:
    """The block after which an entry was recorded: that of the anchor which the seal at index `seal` quotes.

    The seal stands before the entry, and quotes what nobody knew before that block (`verify_after.py`). `time` is in
    seconds since 1970.
    """

    seal: int
    chain_id: int
    sequence: int
    block_number: int
    time: int


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry with its index in the log, how far it has come, and the time of the block that holds it.

    `life` is `checkpointed`, `submitted`, `included` or `finalized`; `anchored_at` is in seconds since 1970. `since`:
    the block after which it was recorded, None where its receipt shows none.
    """

    known: Known
    index: int
    life: str
    anchored_at: int | None
    since: Since | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """A step in force: `values` as corrected, `at` the time that counts and `basis` whose word it is.

    `claims` are all times that the step claims for itself. Times are RFC 3339 UTC with milliseconds.
    """

    index: int
    entry: CaseEntry
    values: Mapping[str, Any]
    at: str
    basis: Basis
    claims: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One entry. `values` and `erased` are as recorded; `corrected` are the data that a correction puts in their place.

    `voided_by` and `corrected_by` are indexes of corrections.
    """

    placed: Placed
    flags: tuple[Flag, ...] = ()
    voided_by: int | None = None
    corrected_by: int | None = None
    corrected: Mapping[str, Json] | None = None

    @property
    def index(self) -> int:
        """Where the entry stands in the log."""
        return self.placed.index

    @property
    def entry(self) -> CaseEntry:
        """The entry."""
        return self.placed.known.entry

    @property
    def values(self) -> Mapping[str, Any]:
        """Its facts and opened values."""
        return self.placed.known.values

    @property
    def erased(self) -> tuple[str, ...]:
        """The names of what cannot be opened any more."""
        return self.placed.known.erased

    @property
    def withheld(self) -> tuple[str, ...]:
        """The names of the fields that can be opened, and not by this reader."""
        names = (named.name for named in self.entry.commitments)
        return tuple(name for name in names if name not in self.values and name not in self.erased)

    @property
    def life(self) -> str:
        """How far it has come."""
        return self.placed.life

    @property
    def since_at(self) -> str | None:
        """The time of the block after which it was recorded (RFC 3339 UTC), None where its receipt shows none."""
        return None if self.placed.since is None else block_instant(self.placed.since.time)

    @property
    def recorded_after_seconds(self) -> int | None:
        """How long after the claimed time it was recorded, None without one."""
        entry = self.entry
        return None if entry.occurred_at is None else seconds_between(entry.occurred_at, entry.recorded_at)

    @property
    def anchored_after_seconds(self) -> int | None:
        """How long after it was recorded a block held it, None while none does."""
        at = self.placed.anchored_at
        return None if at is None else seconds_between(self.entry.recorded_at, block_instant(at))


def act_of(index: int, known: Known, happening: Happening) -> Act:
    """Return a step in force, with its values as they count."""
    claims = claimed_times(known)
    if not claims:
        return Act(index, known.entry, known.values, known.entry.recorded_at, Basis.RECORDED, ())
    moment = time_of(Step(0, happening, happening.fields))
    return Act(index, known.entry, known.values, instant_text(moment.at), moment.basis, claims)


def claimed_times(known: Known) -> tuple[str, ...]:
    """Return every time that a step claims for itself: in its own field, and as when it occurred."""
    own = stated(known.values, STATED_BY.get(known.entry.verb, ""))
    found = () if own is None else (instant_text(own),)
    return found if known.entry.occurred_at is None else (*found, known.entry.occurred_at)


def block_instant(seconds: int) -> str:
    """Return the time of a block (seconds since 1970) as RFC 3339 UTC with milliseconds."""
    return instant_text(datetime.fromtimestamp(seconds, UTC))


def seconds_between(since: str, until: str) -> int:
    """Return the whole seconds from one instant to another, below zero when they stand the other way round."""
    between = datetime.fromisoformat(until) - datetime.fromisoformat(since)
    return between.days * 86_400 + between.seconds


def row_members(row: Row) -> dict[str, Json]:
    """Return the row as a JSON object."""
    entry = row.entry
    at = row.placed.anchored_at
    return {
        "index": row.index,
        "leaf_hash": row.placed.known.leaf.hex(),
        "kind": entry.kind.value,
        "seq": entry.seq,
        "verb": entry.verb,
        "from_state": entry.from_state,
        "to_state": entry.to_state,
        "asserted_by": _actor(entry.asserted_by),
        "recorded_by": _actor(entry.recorded_by),
        "authenticity": entry.authenticity.value,
        "occurred_at": entry.occurred_at,
        "recorded_at": entry.recorded_at,
        "since_at": row.since_at,
        "anchored_at": None if at is None else block_instant(at),
        "recorded_after_seconds": row.recorded_after_seconds,
        "anchored_after_seconds": row.anchored_after_seconds,
        "life": row.life,
        "rule": None if entry.rule is None else {"id": entry.rule.id, "version": entry.rule.version},
        "values": dict(row.values),
        "erased": list(row.erased),
        "withheld": list(row.withheld),
        "evidence": [{"kind": e.kind, "size": e.size, "media_type": e.media_type} for e in entry.evidence],
        "missing": list(entry.missing),
        "flags": [flag.value for flag in row.flags],
        "voided_by": row.voided_by,
        "corrected_by": row.corrected_by,
        "corrected": None if row.corrected is None else dict(row.corrected),
    }


def _actor(actor: Actor) -> Json:
    return {"role": actor.role.value, "party": actor.party}
