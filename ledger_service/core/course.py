"""The course of one clock: which steps begin it, pause it, stop it or take its stop back.

Promises: a course is read from the order of the log; times decide only whether a stop was in time.
Does not: know where a period ends (`counting.py`) or what a reader is told (`clocks.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger_service.core.clock_kinds import ClockKind, Nature
from ledger_service.core.moments import History, Moment, Step, recorded_time, start_time, time_of
from ledger_service.core.rule_clock import RuleClock
from ledger_service.core.trigger import Trigger


@dataclass(frozen=True, slots=True)
class Start:
    """The step that begins a clock and when; `moment` is None where that is not recorded, and `missing` says what.

    `own` says that the step itself may also stop the clock: its time is that of another event.
    """

    step: Step
    moment: Moment | None
    missing: tuple[str, ...] = ()
    own: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """The step after which a clock no longer runs; `done`: what was owed was done, else nothing is owed any more."""

    step: Step
    moment: Moment
    done: bool


@dataclass(frozen=True, slots=True)
class Pauses:
    """The pauses that count, how long they are together, and since when the clock is paused now, if it is."""

    spans: tuple[tuple[datetime, datetime | None], ...]
    total: timedelta
    since: datetime | None


def find_starts(history: History, kind: ClockKind, rule: RuleClock, *, collected: bool) -> list[Start]:
    """Return what begins clocks of this kind under this rule, in the order of the log."""
    triggers = rule.starts_if_collected if collected and rule.starts_if_collected else rule.starts
    found = _all(history, triggers)
    if found and not rule.each:
        known = [start for start in found if start.moment is not None]
        found = [min(known, key=_instant)] if known else found[:1]
    for start in _all(history, rule.starts_if_idle):
        place = start.step.place
        earlier = [other for other in found if other.step.place <= place]
        if all(stop_of(history, kind, rule, other, until=place) for other in earlier):
            found.append(start)
    return sorted(found, key=lambda start: start.step.place)


def stop_of(
    history: History,
    kind: ClockKind,
    rule: RuleClock,
    start: Start,
    *,
    due: datetime | None = None,
    until: int | None = None,
) -> Stop | None:
    """Return what stopped the clock, None while nothing did.

    Args:
        history: The steps of the case or of the dispute.
        kind: What stops, ends and revives the clock.
        rule: Whether a statement sent in time is enough.
        start: What began it.
        due: Its bound, if known: a right is not revived after it.
        until: Look only at steps before this place.
    """
    stops: list[Stop] = []
    for step in history.after(start.step.place + (not start.own), kind):
        if until is not None and step.place >= until:
            break
        undone = kind.revives.get(step.seen.verb, ())
        if kind.nature is Nature.DUTY or due is None or time_of(step).at < due:
            stops = [
                stop for stop in stops if not (stop.step.seen.verb in undone and _same(stop.step, step, "refund_id"))
            ]
        if _stops(kind, start.step, step):
            stops.append(Stop(step, _stop_time(step, rule), done=True))
        elif any(step.matches(trigger) for trigger in kind.ends):
            stops.append(Stop(step, time_of(step), done=False))
        if stops and not kind.revives:
            break
    return stops[0] if stops else None


def pauses_of(history: History, kind: ClockKind, start: Start, stop: Stop | None, due: datetime) -> Pauses:
    """Return the pauses of a clock that would end at `due` without them. What begins after its end pauses nothing."""
    spans: list[tuple[datetime, datetime | None]] = []
    total, since, resuming = timedelta(), None, ""
    for step in history.after(start.step.place + 1, kind):
        if stop is not None and step.place >= stop.step.place:
            break
        at = time_of(step).at
        if since is None and step.seen.verb in kind.pauses and at < due + total:
            since, resuming = at, kind.pauses[step.seen.verb]
        elif since is not None and step.seen.verb == resuming:
            spans.append((since, max(since, at)))
            total += max(since, at) - since
            since = None
    if since is not None and stop is not None:
        spans.append((since, max(since, stop.moment.at)))
        total += max(since, stop.moment.at) - since
        since = None
    elif since is not None:
        spans.append((since, None))
    return Pauses(tuple(spans), total, since)


def first_time(history: History, triggers: Iterable[Trigger]) -> datetime | None:
    """Return the earliest time of the steps that the triggers name, None if there are none."""
    times = [start.moment.at for start in _all(history, triggers) if start.moment is not None]
    return min(times, default=None)


def _all(history: History, triggers: Iterable[Trigger]) -> list[Start]:
    found: list[Start] = []
    for trigger in triggers:
        for step in history.named_by(trigger):
            holds = trigger.holds(step.fields)
            if holds is None:
                found.append(Start(step, None, missing=(str(trigger.field),)))
            elif holds:
                moment = start_time(step, trigger)
                missing = () if moment is not None else (str(trigger.at),)
                found.append(Start(step, moment, missing, own=trigger.at is not None))
    return sorted(found, key=lambda start: start.step.place)


def _stops(kind: ClockKind, start: Step, step: Step) -> bool:
    if not any(step.matches(trigger) for trigger in kind.stops):
        return False
    if kind.other_party and step.seen.role is start.seen.role:
        return False
    return kind.subject is None or _same(start, step, kind.subject)


def _same(one: Step, other: Step, name: str) -> bool:
    """Return whether nothing tells the two apart by this field."""
    return name not in one.fields or name not in other.fields or one.fields[name] == other.fields[name]


def _stop_time(step: Step, rule: RuleClock) -> Moment:
    """Return when a step stops a clock: a statement when it was sent, where that is enough, else when it came."""
    if step.seen.verb == "request_return" and not rule.sent:
        return recorded_time(step)
    return time_of(step)


def _instant(start: Start) -> datetime:
    assert start.moment is not None
    return start.moment.at
