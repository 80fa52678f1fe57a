"""Time zones and working days: on which local day an instant falls, and on which days a law counts.

Promises: zones come from the `tzdata` package and holidays from the `holidays` package, both pinned in the lock, so
a deadline is the same on every machine. What the packages do not know (a zone's name, a year, a feast that depends
on the moon and is only estimated) is a `CalendarError`, never a guess. Working days are Monday to Friday except
public holidays, and the weekend days that a government declares working days.
Does not: know a rule or a deadline (`rules.py`, `counting.py`).

>>> is_working_day(date(2026, 10, 10), Territory("CN"))  # a Saturday on which China worked for the National Day week
True
>>> default_zone("DE"), default_zone("US")
('Europe/Berlin', None)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

import holidays

from ledger_service.core import data
from ledger_service.errors import CalendarError

SATURDAY = 5  # date.weekday(): Monday is 0
ONE_DAY = timedelta(days=1)

ZONES: Final = data.load_zone_names()
"""Every name of the IANA time zone database."""


@dataclass(frozen=True, slots=True)
class Territory:
    """Whose public holidays count: a country (ISO 3166-1), and a subdivision as `holidays` names it, if known."""

    country: str
    subdivision: str | None = None


@dataclass(frozen=True, slots=True)
class _Year:
    free: frozenset[date]
    made_up: frozenset[date]  # weekend days that are worked
    estimated: frozenset[date]


@cache
def zone(name: str) -> ZoneInfo:
    """Return the time zone of an IANA name.

    Raises:
        CalendarError: No zone has this name.
    """
    if name not in ZONES:
        hint = "use a name of the IANA time zone database: Europe/Berlin, Pacific/Pago_Pago"
        raise CalendarError(f"no time zone is called {name!r:.60}", hint=hint)
    return data.load_zone(name)


def default_zone(country: str) -> str | None:
    """Return the zone of a country whose mainland has one official zone, None for every other."""
    return _DEFAULT_ZONES.get(country)


def local_day(instant: datetime, of: ZoneInfo) -> date:
    """Return the date on which an instant (aware) falls in a zone.

    Raises:
        CalendarError: Before the year 1 or after 9999.
    """
    try:
        return instant.astimezone(of).date()
    except OverflowError:
        raise _no_date() from None


def end_of_day(day: date, of: ZoneInfo) -> datetime:
    """Return the first instant (UTC) that is no longer `day` in the zone.

    Where clocks jump over midnight, that is the instant of the jump: for a time that a zone skips, fold 0 reads the
    offset from before the jump (PEP 495).

    Raises:
        CalendarError: After the year 9999.
    """
    try:
        return datetime.combine(day + ONE_DAY, time(), tzinfo=of).astimezone(UTC)
    except OverflowError:
        raise _no_date() from None


def add_days(day: date, count: int) -> date:
    """Return the date `count` days later.

    Raises:
        CalendarError: After the year 9999.
    """
    try:
        return day + timedelta(days=count)
    except OverflowError:
        raise _no_date() from None


def is_working_day(day: date, where: Territory) -> bool:
    """Return whether people work on this day.

    Raises:
        CalendarError: The territory has no calendar, the calendar lacks the year, or a holiday is only estimated
            to fall on or beside this day.
    """
    year = _year(where.country, where.subdivision, day.year)
    if not year.estimated.isdisjoint({day - ONE_DAY, day, day + ONE_DAY}):
        raise CalendarError(f"a holiday of {where.country} near {day} depends on the moon and is only estimated")
    if day in year.made_up:
        return True
    return day.weekday() < SATURDAY and day not in year.free


def working_day_from(day: date, where: Territory) -> date:
    """Return the day itself if it is a working day, else the next one.

    Raises:
        CalendarError: As `is_working_day`.
    """
    while not is_working_day(day, where):
        day = add_days(day, 1)
    return day


def nth_working_day(first: date, count: int, where: Territory) -> date:
    """Return the `count`-th working day from `first` on, which counts itself if it is one. `count` is 1 or more.

    Raises:
        CalendarError: As `is_working_day`.
    """
    day = working_day_from(first, where)
    for _ in range(count - 1):
        day = working_day_from(add_days(day, 1), where)
    return day


@lru_cache(maxsize=4096)
def _year(country: str, subdivision: str | None, year: int) -> _Year:
    try:
        known = holidays.country_holidays(country, subdiv=subdivision, years=year)
        named: Any = holidays.country_holidays(country, subdiv=subdivision, years=year, language="en_US")
    except NotImplementedError:
        place = country if subdivision is None else f"{country}-{subdivision}"
        raise CalendarError(f"there is no calendar of public holidays for {place}") from None
    made_up = frozenset(day for day in getattr(known, "weekend_workdays", ()) if day.year == year)
    # China's State Council publishes each year's days off and make-up working weekends; a year without them is not
    # known, though the feasts themselves can be computed.
    if not known or (country == "CN" and not made_up):
        hint = "a newer version of the package `holidays` may have it"
        raise CalendarError(f"the calendar of public holidays of {country} lacks the year {year}", hint=hint)
    estimated = frozenset(day for day, name in named.items() if "estimated" in name)
    return _Year(frozenset(known), made_up, estimated)


def _no_date() -> CalendarError:
    return CalendarError("the day lies outside the years 1 to 9999")


def _load_default_zones() -> dict[str, str]:
    table: Any = data.load("zones.json")
    return dict(table)


_DEFAULT_ZONES: Final = _load_default_zones()
