"""The custody chain: who held the goods from when to when, and where the record does not say how they got on.

It follows the steps in force about the goods sent back; the replacement of an exchange is not part of it. Promises: a
holding names the entry that began it and whose word its time is; a handover that nobody recorded, silence of a carrier
of more than `SILENCE_DAYS_MAX` days, goods that are lost and pieces that did not arrive are gaps, never filled in.
Does not: say who is to blame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from ledger_service.core.clock import Basis, instant_text
from ledger_service.core.encoding import Json
from ledger_service.core.moments import stated
from ledger_service.core.timeline_row import Act, seconds_between

SILENCE_DAYS_MAX = 10


class Holder(StrEnum):
    """Who has the goods. `return_address` is the seller's or warehouse's door, `unknown` where they are lost."""

    BUYER = "buyer"
    CARRIER = "carrier"
    CUSTOMS = "customs"
    RETURN_ADDRESS = "return_address"
    INSPECTOR = "inspector"
    UNKNOWN = "unknown"
    DESTROYED = "destroyed"


class GapReason(StrEnum):
    """Why the chain is open at a place."""

    HANDOVER_NOT_RECORDED = "handover_not_recorded"
    CARRIER_SILENT = "carrier_silent"
    WHEREABOUTS_UNKNOWN = "whereabouts_unknown"
    PIECES_NOT_RECEIVED = "pieces_not_received"


@dataclass(frozen=True, slots=True)
class Holding:
    """One holder, from `since` (None: not recorded) to `until` (None: still).

    `began` and `ended` are indexes of entries; times are RFC 3339 UTC with milliseconds.
    """

    holder: Holder
    since: str | None
    basis: Basis | None
    began: int
    until: str | None = None
    ended: int | None = None


@dataclass(frozen=True, slots=True)
class CustodyGap:
    """A stretch that nothing explains, between the entries `after` and `before` (None: nothing since)."""

    reason: GapReason
    since: str | None
    until: str | None
    after: int
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Custody:
    """The holdings in order, and the gaps."""

    holdings: tuple[Holding, ...] = ()
    gaps: tuple[CustodyGap, ...] = ()


_MOVES: dict[str, tuple[Holder, frozenset[Holder]]] = {  # verb: who has the goods now, and who can have given them
    "ship_back": (Holder.CARRIER, frozenset({Holder.BUYER})),
    "scan": (Holder.CARRIER, frozenset({Holder.CARRIER, Holder.UNKNOWN})),
    "hold_at_customs": (Holder.CUSTOMS, frozenset({Holder.CARRIER})),
    "release_from_customs": (Holder.CARRIER, frozenset({Holder.CUSTOMS})),
    "seize": (Holder.CUSTOMS, frozenset({Holder.CUSTOMS})),
    "report_lost": (Holder.UNKNOWN, frozenset(Holder)),
    "confirm_delivery": (Holder.RETURN_ADDRESS, frozenset({Holder.CARRIER, Holder.UNKNOWN})),
    "receive": (Holder.INSPECTOR, frozenset({Holder.RETURN_ADDRESS, Holder.INSPECTOR, Holder.UNKNOWN})),
    "start_inspection": (Holder.INSPECTOR, frozenset({Holder.INSPECTOR, Holder.RETURN_ADDRESS})),
    "return_to_buyer": (Holder.CARRIER, frozenset({Holder.INSPECTOR, Holder.RETURN_ADDRESS})),
}


def custody_of(acts: Sequence[Act], *, until: str) -> Custody:
    """Return the custody chain of the steps in force.

    Args:
        acts: In the order of the log. Without a `request_return` there are no goods.
        until: Up to when silence counts: now, or when the case ended.
    """
    chain = _Chain()
    for act in acts:
        chain.take(act)
    return chain.custody(until)


class _Chain:
    """Custody as it is followed."""

    def __init__(self) -> None:
        self._past: list[Holding] = []
        self._held: Holding | None = None
        self._gaps: list[CustodyGap] = []
        self._seen: list[tuple[str, int]] = []  # signs of life of the carrier that holds the goods
        self._short: Act | None = None

    def take(self, act: Act) -> None:
        verb = act.entry.verb
        if verb == "request_return":
            delivered = stated(act.values, "outbound_delivered_at")
            since, basis = (None, None) if delivered is None else (instant_text(delivered), Basis.STATED)
            self._held = Holding(Holder.BUYER, since, basis, act.index)
        elif self._held is not None and verb in _MOVES:
            holder, givers = _MOVES[verb]
            if verb == "seize" and act.values.get("destroyed") is True:
                holder = Holder.DESTROYED
            if self._held.holder not in givers:
                last = max(self._seen) if self._seen else (self._held.since, self._held.began)
                self._gaps.append(CustodyGap(GapReason.HANDOVER_NOT_RECORDED, last[0], act.at, last[1], act.index))
            if holder is not self._held.holder:
                self._hand_over(self._held, holder, act)
            elif holder is Holder.CARRIER:
                self._seen.append((act.at, act.index))
            if verb == "receive":
                self._short = act if act.entry.to_state == "partially_received" else None

    def custody(self, until: str) -> Custody:
        if self._held is not None:
            self._silence(until, None)
            self._past.append(self._held)
        for one in self._past:
            if one.holder is Holder.UNKNOWN:
                gap = CustodyGap(GapReason.WHEREABOUTS_UNKNOWN, one.since, one.until, one.began, one.ended)
                self._gaps.append(gap)
        if (short := self._short) is not None:
            self._gaps.append(CustodyGap(GapReason.PIECES_NOT_RECEIVED, short.at, None, short.index))
        return Custody(tuple(self._past), tuple(sorted(self._gaps, key=lambda gap: gap.after)))

    def _hand_over(self, held: Holding, holder: Holder, act: Act) -> None:
        self._silence(act.at, act.index)
        self._past.append(replace(held, until=act.at, ended=act.index))
        self._held = Holding(holder, act.at, act.basis, act.index)
        self._seen = [(act.at, act.index)] if holder is Holder.CARRIER else []

    def _silence(self, until: str, index: int | None) -> None:
        """Name what is too long between two signs of life of the carrier; these may be recorded in any order."""
        signs = sorted(self._seen)
        ends: list[tuple[str, int | None]] = [*signs[1:], (until, index)]
        for (since, after), (then, before) in zip(signs, ends, strict=False):
            if seconds_between(since, then) > SILENCE_DAYS_MAX * 86_400:
                self._gaps.append(CustodyGap(GapReason.CARRIER_SILENT, since, then, after, before))


def custody_members(custody: Custody) -> dict[str, Json]:
    """Return the custody chain as a JSON object."""
    return {
        "holdings": [
            {
                "holder": one.holder.value,
                "since": one.since,
                "since_basis": None if one.basis is None else one.basis.value,
                "until": one.until,
                "began": one.began,
                "ended": one.ended,
            }
            for one in custody.holdings
        ],
        "gaps": [
            {"reason": gap.reason.value, "since": gap.since, "until": gap.until, "after": gap.after,
             "before": gap.before}
            for gap in custody.gaps
        ],
    }  # fmt: skip
