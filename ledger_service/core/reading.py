"""The reading of one clock: from the step that starts it, by the rule that counts it, to what a reader is told.

Promises: `clock` never raises; whatever is not known makes the clock unknown and says why. Does not: choose rules or
starting steps (`clocks.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from ledger_service.core import calendars, counting
from ledger_service.core.applicable import Applied, CaseFacts, territory, weaker
from ledger_service.core.calendars import Territory
from ledger_service.core.clock import Clock, ClockState, Reason, ZoneBasis, instant_text
from ledger_service.core.clock_kinds import ClockKind
from ledger_service.core.counting import End, Period, Unit
from ledger_service.core.course import Pauses, Start, Stop, first_time, pauses_of, stop_of
from ledger_service.core.entry import Role
from ledger_service.core.moments import History, stated
from ledger_service.core.rule_clock import BUYER, WAREHOUSE, From, RuleClock
from ledger_service.errors import CalendarError

_OTHER = {Role.BUYER: Role.SELLER, Role.SELLER: Role.BUYER}  # who answers a dispute; the seller, if others open it
_SECOND = timedelta(seconds=1)


class _UnknownError(Exception):
    """The clock cannot be counted, for this reason."""

    def __init__(self, reason: Reason, *missing: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.missing = missing


@dataclass(frozen=True, slots=True)
class _Zone:
    """Whose local days count, if that is known: `missing` names the field that would say it."""

    zone: ZoneInfo | None = None
    basis: ZoneBasis | None = None
    reason: Reason = Reason.ZONE_NOT_RECORDED
    missing: str = ""


@dataclass(frozen=True, slots=True)
class _Withholding:
    """Since when a refund may lawfully be withheld, and until when, if that came."""

    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What one clock is read from: the rule and why it applies, the case, the step that starts it, and now."""

    applied: Applied
    rule: RuleClock
    kind: ClockKind
    facts: CaseFacts
    history: History
    start: Start
    now: datetime

    def clock(self) -> Clock:
        """Return the clock."""
        zone = self._zone()
        blank = self._blank(zone)
        try:
            return self._counted(blank, zone)
        except _UnknownError as unknown:
            return replace(blank, reason=unknown.reason, missing=unknown.missing)
        except CalendarError as error:
            return replace(blank, reason=Reason.CALENDAR_UNKNOWN, details=error.message)

    def _blank(self, zone: _Zone) -> Clock:
        """Return the clock with what is known before anything is counted."""
        subject = self.start.step.fields.get(self.kind.subject or "")
        moment = self.start.moment
        return Clock(
            clock_id=self.kind.id,
            words=self.kind.words,
            nature=self.kind.nature,
            rule=self.applied.rules.reference,
            ground=self.applied.ground,
            actor=self.rule.actor or _OTHER.get(self.start.step.seen.role, Role.SELLER),
            state=ClockState.UNKNOWN,
            started_by=self.start.step.seen.seq,
            citation=self.rule.citation,
            confidence=weaker(self.rule.confidence, self.applied.confidence),
            subject=subject if isinstance(subject, str) else None,
            start_at=None if moment is None else instant_text(moment.at),
            start_basis=None if moment is None else moment.basis,
            zone=None if zone.zone is None else zone.zone.key,
            zone_basis=zone.basis,
            conditions=self.rule.conditions,
            stopping_steps=tuple(trigger.name for trigger in self.kind.stops),
        )

    def _counted(self, blank: Clock, zone: _Zone) -> Clock:
        moment = self.start.moment
        if moment is None:
            reason = Reason.START_NOT_RECORDED if self.start.own else Reason.CONDITION_NOT_RECORDED
            raise _UnknownError(reason, *self.start.missing)
        end = self._end(moment.at, zone)
        stop = stop_of(self.history, self.kind, self.rule, self.start, due=end.at)
        pauses = pauses_of(self.history, self.kind, self.start, stop, end.at)
        if pauses.total:
            end = self._end(moment.at, zone, paused=pauses.total)
        withheld = self._withholding(moment.at, stop)
        if withheld.until is not None and zone.zone is not None and end.first_day is not None:
            day = calendars.local_day(withheld.until, zone.zone)
            if (
                end.last_day is not None and day > end.last_day
            ):  # the days are over: owed at once, by the end of this one
                end = counting.end_on(end.first_day, day, zone.zone)
        counted = replace(
            blank,
            first_day=_day(end.first_day),
            due_date=_day(end.last_day),
            due_at=instant_text(end.at),
            pauses=tuple((instant_text(since), _text(until)) for since, until in pauses.spans),
            withheld_from=_text(withheld.since),
            withheld_until=_text(withheld.until),
        )
        if stop is not None:
            return self._stopped(counted, end, stop, withheld)
        return self._open(counted, end, pauses, withheld)

    def _stopped(self, counted: Clock, end: End, stop: Stop, withheld: _Withholding) -> Clock:
        """Return the clock judged by what stopped it."""
        in_time = stop.moment.at < end.at
        excused = not in_time and withheld.since is not None and withheld.until is None
        margin = None if excused or (in_time and not stop.done) else (end.at - stop.moment.at) // _SECOND
        done = ClockState.MET if stop.done else ClockState.STOPPED
        return replace(
            counted,
            state=done if in_time or excused else ClockState.MISSED,
            stopped_by=stop.step.seen.seq,
            stopped_at=instant_text(stop.moment.at),
            stop_basis=stop.moment.basis,
            margin_seconds=margin,
            reason=Reason.LAWFULLY_WITHHELD if excused else None,
        )

    def _open(self, counted: Clock, end: End, pauses: Pauses, withheld: _Withholding) -> Clock:
        """Return the clock judged by now."""
        if pauses.since is not None:
            left = (end.at - pauses.since) // _SECOND
            return replace(counted, state=ClockState.PAUSED, due_date=None, due_at=None, margin_seconds=left)
        if self.now < end.at:
            return replace(counted, state=ClockState.RUNNING, margin_seconds=(end.at - self.now) // _SECOND)
        if withheld.since is not None and withheld.until is None:
            return replace(counted, state=ClockState.RUNNING, reason=Reason.LAWFULLY_WITHHELD)
        return replace(counted, state=ClockState.MISSED, margin_seconds=(end.at - self.now) // _SECOND)

    def _end(self, start: datetime, zone: _Zone, *, paused: timedelta = timedelta()) -> End:
        fields, rule = self.start.step.fields, self.rule
        if rule.due_field is not None and (noted := stated(fields, rule.due_field)) is not None:
            return counting.count_hours(0, noted, timedelta(), zone.zone)
        if rule.period is None:
            raise _UnknownError(Reason.NOTICE_WITHOUT_DATE, str(rule.due_field))
        period = rule.period
        if period.unit is Unit.HOURS:
            return counting.count_hours(period.count, start, paused, zone.zone)
        if zone.zone is None:
            raise _UnknownError(zone.reason, zone.missing)
        given = fields.get(rule.count_field or "")
        if isinstance(given, int) and not isinstance(given, bool) and given >= 0:
            period = replace(period, count=given)
        where = territory(self.applied, rule, self.facts)
        if self.facts.informed or rule.uninformed is None:
            return counting.count(period, start, zone.zone, where)
        return self._uninformed(period, start, zone.zone, where)

    def _uninformed(self, period: Period, start: datetime, zone: ZoneInfo, where: Territory | None) -> End:
        """Return the end of a window of whose right the buyer was not informed."""
        rule = self.rule.uninformed
        assert rule is not None
        if rule.start is From.UNKNOWN:
            raise _UnknownError(Reason.BUYER_NOT_INFORMED)
        if rule.start is From.START:
            months = Period(rule.months, Unit.MONTHS, period.offset, period.roll)
            return counting.count(months, start, zone, where)
        return counting.extend(counting.count(period, start, zone, where), rule.months, period.roll, zone, where)

    def _withholding(self, start: datetime, stop: Stop | None) -> _Withholding:
        if not self.rule.withheld_until or self.facts.collected:
            return _Withholding()
        until = first_time(self.history, self.rule.withheld_until)
        if stop is not None and until is not None and stop.moment.at < until:
            until = stop.moment.at
        return _Withholding(start, until)

    def _zone(self) -> _Zone:
        """Return whose local days count."""
        place = self.rule.place
        if place == BUYER and (named := self.facts.buyer_zone) is not None:
            if named not in calendars.ZONES:
                return _Zone(reason=Reason.ZONE_UNKNOWN, missing="buyer_zone")
            return _Zone(calendars.zone(named), ZoneBasis.STATED)
        country = self.facts.one({BUYER: "buyer_country", WAREHOUSE: "goods_to"}[place]) if place in _PLACES else place
        default = calendars.default_zone(str(country))
        if default is None:
            return _Zone(missing="buyer_zone" if place == BUYER else "ship_to_country")
        return _Zone(calendars.zone(default), ZoneBasis.COUNTRY if place in _PLACES else ZoneBasis.RULE)


_PLACES = (BUYER, WAREHOUSE)


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _text(at: datetime | None) -> str | None:
    return None if at is None else instant_text(at)
