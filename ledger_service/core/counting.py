"""A period of law as a value, and the day and instant on which it ends.

Promises: days are counted by the local dates of a zone, never by 24 hours or in UTC. A period ends with the end of
its last local day: its bound is the first instant that is no longer that day, and an act is in time when it happens
before the bound. Does not: know what starts or stops a period (`clocks.py`).

>>> berlin = calendars.zone("Europe/Berlin")
>>> fortnight = Period(14, Unit.CALENDAR, Offset.NEXT_DAY, Roll.NONE)
>>> end = count(fortnight, datetime.fromisoformat("2026-03-15T23:30+00:00"), berlin, None)  # the 16th in Berlin
>>> str(end.last_day), str(end.at)  # summer time begins on 29 March
('2026-03-30', '2026-03-30 22:00:00+00:00')
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from ledger_service.core import calendars
from ledger_service.core.calendars import Territory
from ledger_service.errors import CalendarError

MONTHS_OF_YEAR = 12


class Unit(StrEnum):
    """What a period counts."""

    CALENDAR = "calendar"
    BUSINESS = "business"
    HOURS = "hours"
    MONTHS = "months"
    YEARS = "years"


class Offset(StrEnum):
    """Whether the day of the event is the first day of the period, or the day after it."""

    SAME_DAY = "same_day"
    NEXT_DAY = "next_day"


class Roll(StrEnum):
    """What happens when the last day is a Saturday, Sunday or public holiday."""

    NONE = "none"
    NEXT_WORKING_DAY = "next_working_day"


@dataclass(frozen=True, slots=True)
class Period:
    """So many units. A count of 0 means at once: by the end of the day of the event."""

    count: int
    unit: Unit
    offset: Offset
    roll: Roll


@dataclass(frozen=True, slots=True)
class End:
    """Where a period ends: its first and last local day, and the bound (UTC), which is no longer in time.

    The days are None where hours are counted and no zone is known.
    """

    first_day: date | None
    last_day: date | None
    at: datetime


def count(period: Period, start: datetime, zone: ZoneInfo, where: Territory | None) -> End:
    """Return the end of a period that an instant starts.

    Args:
        period: How much, in days, months or years.
        start: The instant (aware) of the event.
        zone: Whose local dates count.
        where: Whose public holidays count; None if that is not known.

    Raises:
        CalendarError: Public holidays are needed and not known, or the end lies after the year 9999.
    """
    day = calendars.local_day(start, zone)
    if period.count == 0:
        return End(day, day, calendars.end_of_day(day, zone))
    first = calendars.add_days(day, 1) if period.offset is Offset.NEXT_DAY else day
    return end_on(first, _roll(_last_day(period, day, first, where), period.roll, where), zone)


def count_hours(hours: int, start: datetime, paused: timedelta, zone: ZoneInfo | None) -> End:
    """Return the end of so many hours, which pauses make longer; a zone, if known, gives the local days.

    Raises:
        CalendarError: The end lies after the year 9999.
    """
    try:
        at = start + timedelta(hours=hours) + paused
    except OverflowError:
        raise CalendarError("the deadline lies after the year 9999") from None
    if zone is None:
        return End(None, None, at)
    return End(calendars.local_day(start, zone), calendars.local_day(at, zone), at)


def end_on(first: date, last: date, zone: ZoneInfo) -> End:
    """Return the end of a period whose days are known.

    Raises:
        CalendarError: After the year 9999.
    """
    return End(first, last, calendars.end_of_day(last, zone))


def add_months(day: date, months: int) -> date:
    """Return the same day of a later month, or its last day where that month has no such day.

    Raises:
        CalendarError: After the year 9999.
    """
    # Regulation (EEC, Euratom) No 1182/71 Art. 3(2)(c): the day that does not occur in the last month.
    years, month = divmod(day.month - 1 + months, MONTHS_OF_YEAR)
    year = day.year + years
    if year > date.max.year:
        raise CalendarError("the deadline lies after the year 9999")
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def extend(end: End, months: int, roll: Roll, zone: ZoneInfo, where: Territory | None) -> End:
    """Return the end of a period that a duty to inform, not kept, makes longer by months after its last day.

    Raises:
        CalendarError: As `count`.
    """
    assert end.first_day is not None
    assert end.last_day is not None
    return end_on(end.first_day, _roll(add_months(end.last_day, months), roll, where), zone)


def _last_day(period: Period, day: date, first: date, where: Territory | None) -> date:
    if period.unit is Unit.CALENDAR:
        return calendars.add_days(first, period.count - 1)
    if period.unit is Unit.BUSINESS:
        return calendars.nth_working_day(first, period.count, _known(where))
    months = period.count * (MONTHS_OF_YEAR if period.unit is Unit.YEARS else 1)
    if period.offset is Offset.NEXT_DAY:
        return add_months(day, months)  # the event's own number of the day, Reg. 1182/71 Art. 3(2)(c)
    return calendars.add_days(add_months(first, months), -1)


def _roll(last: date, roll: Roll, where: Territory | None) -> date:
    return last if roll is Roll.NONE else calendars.working_day_from(last, _known(where))


def _known(where: Territory | None) -> Territory:
    if where is None:
        raise CalendarError("nothing says whose public holidays count")
    return where
