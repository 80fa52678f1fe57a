"""When a step happened, on whose word, and the steps of a case in an order that clocks can search.

Which time counts: what the step's own field states (when a parcel was posted, delivered, released), else when the
step is said to have occurred, else when it was recorded. No step happened after it was recorded, so a later claim is
not followed. The date that a party puts on its own statement counts only where somebody else vouches for it: a
verified webhook or the platform. A signature shows who spoke, not when.

Promises: a time that cannot be had is None. Does not: know rules (`rules.py`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from ledger_service.core.clock import Basis, Happening
from ledger_service.core.clock_kinds import ClockKind
from ledger_service.core.encoding import Json
from ledger_service.core.entry import Authenticity
from ledger_service.core.fields import Form, check
from ledger_service.core.trigger import Trigger

STATED_BY: Final = MappingProxyType(
    {
        "confirm_delivery": "delivered_at",
        "deliver_exchange": "delivered_at",
        "release_from_customs": "released_at",
        "scan": "scanned_at",
        "settle_refund": "settled_at",
        "ship_back": "posted_at",
    }
)
"""The field in which a step states its own time."""

STATEMENT = "request_return"  # the one step whose date decides over the right of the party that puts it there
VOUCHED = frozenset({Authenticity.PLATFORM_ATTESTED, Authenticity.WEBHOOK_VERIFIED})
_INSTANT = Form("instant")


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant (UTC) and whose word it is."""

    at: datetime
    basis: Basis


@dataclass(frozen=True, slots=True)
class Step:
    """A happening with its place in its history, and with fields that earlier steps complete."""

    place: int
    seen: Happening
    fields: Mapping[str, Json]

    def matches(self, trigger: Trigger) -> bool:
        """Return whether the step is one that the trigger names; a condition that cannot be seen does not hold."""
        named = self.seen.verb == trigger.verb if trigger.evidence is None else trigger.evidence in self.seen.evidence
        return named and trigger.holds(self.fields) is True


@dataclass(frozen=True, slots=True)
class History:
    """The steps of the case, or of one dispute, in order, indexed by verb and by `evidence:kind`."""

    steps: Sequence[Step]
    named: Mapping[str, list[Step]]
    _relevant: dict[str, list[int]] = field(default_factory=dict)  # places by kind of clock, once they were asked for

    @staticmethod
    def of(steps: Sequence[Step]) -> History:
        """Return the history of steps, each of which stands at its place."""
        named: dict[str, list[Step]] = {}
        for step in steps:
            for name in {step.seen.verb, *[f"evidence:{kind}" for kind in step.seen.evidence]}:
                named.setdefault(name, []).append(step)
        return History(steps, named)

    def after(self, place: int, kind: ClockKind) -> Iterator[Step]:
        """Yield the steps from a place on that can stop, end, revive or pause a clock of the kind."""
        if kind.id not in self._relevant:
            names = {*kind.revives, *kind.pauses, *kind.pauses.values()}
            names.update(trigger.name for trigger in (*kind.stops, *kind.ends))
            self._relevant[kind.id] = sorted({step.place for name in names for step in self.named.get(name, ())})
        places = self._relevant[kind.id]
        for nth in range(bisect_left(places, place), len(places)):
            yield self.steps[places[nth]]

    def named_by(self, trigger: Trigger) -> Sequence[Step]:
        """Return the steps whose verb or evidence is that of the trigger, whatever its condition."""
        return self.named.get(trigger.name, ())


def stated(fields: Mapping[str, Json], name: str) -> datetime | None:
    """Return the instant (UTC) that a field states, None if it is not there or is no instant."""
    value = fields.get(name)
    if not isinstance(value, str) or check(_INSTANT, value) is not None:
        return None
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except OverflowError:  # the year 1 or 9999, on the far side of an offset
        return None


def time_of(step: Step) -> Moment:
    """Return when the step happened."""
    seen = step.seen
    own = stated(step.fields, STATED_BY.get(seen.verb, ""))
    recorded = recorded_time(step)
    if own is not None and own <= recorded.at:
        return Moment(own, Basis.STATED)
    if seen.verb == STATEMENT and seen.authenticity not in VOUCHED:
        return recorded
    if seen.occurred_at is None or (occurred := parse_instant(seen.occurred_at)) > recorded.at:
        return recorded
    return Moment(occurred, Basis.OCCURRED)


def recorded_time(step: Step) -> Moment:
    """Return when the ledger recorded the step."""
    return Moment(parse_instant(step.seen.recorded_at), Basis.RECORDED)


def start_time(step: Step, trigger: Trigger) -> Moment | None:
    """Return the time at which the step starts a clock, None if it is not recorded.

    Evidence counts from when it was supplied, which is when the ledger got it.
    """
    if trigger.evidence is not None:
        return recorded_time(step)
    if trigger.at is not None:
        at = stated(step.fields, trigger.at)
        return None if at is None else Moment(at, Basis.STATED)
    return time_of(step)


def parse_instant(text: str) -> datetime:
    """Return the instant of RFC 3339 UTC text with milliseconds."""
    return datetime.fromisoformat(text).astimezone(UTC)
