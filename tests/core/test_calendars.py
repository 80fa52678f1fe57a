"""Zones and working days: known from the lock alone, and refused where nobody knows."""

from __future__ import annotations

import shutil
import zoneinfo
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from ledger_service.core import calendars, data
from ledger_service.core.calendars import Territory
from ledger_service.core.counting import Offset, Period, Roll, Unit, add_months, count, count_hours, end_on
from ledger_service.core.fields import Form, check
from ledger_service.errors import CalendarError

BERLIN = calendars.zone("Europe/Berlin")


def test_every_default_zone_belongs_to_a_country_and_exists() -> None:
    table = data.load("zones.json")
    assert isinstance(table, dict)

    assert [country for country in table if check(Form("country"), country)] == []
    assert set(table.values()) <= calendars.ZONES
    assert list(table) == sorted(table)


@pytest.mark.parametrize("country", ["AU", "BR", "CA", "CD", "CL", "ID", "KI", "MX", "RU", "US", "XX", ""])
def test_a_country_with_several_zones_has_no_default(country: str) -> None:
    assert calendars.default_zone(country) is None


def test_a_zone_comes_from_the_package_and_not_from_the_machine(tmp_path: Path) -> None:
    lie = tmp_path / "Asia" / "Kathmandu"
    lie.parent.mkdir()
    shutil.copy(str(files("tzdata").joinpath("zoneinfo", "Etc", "UTC")), lie)
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(to=[str(tmp_path)])
    try:
        noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
        assert zoneinfo.ZoneInfo.no_cache("Asia/Kathmandu").utcoffset(noon) == timedelta(0)
        assert data.load_zone("Asia/Kathmandu").utcoffset(noon) == timedelta(hours=5, minutes=45)
    finally:
        zoneinfo.reset_tzpath(to=before)


@pytest.mark.parametrize("name", ["Europe/Atlantis", "", "../../etc/passwd", "europe/berlin", "Europe"])
def test_a_zone_that_does_not_exist_is_refused(name: str) -> None:
    with pytest.raises(CalendarError, match="no time zone is called") as refused:
        calendars.zone(name)

    assert "Europe/Berlin" in refused.value.hint


@pytest.mark.parametrize(
    ("day", "where", "works"),
    [
        ("2026-03-02", Territory("DE"), True),
        ("2026-03-01", Territory("DE"), False),  # Sunday
        ("2026-04-03", Territory("DE"), False),  # Good Friday
        ("2026-04-03", Territory("FR"), True),  # worked in most of France
        ("2026-11-01", Territory("DE", "BY"), False),  # a Sunday anyway
        ("2026-06-04", Territory("DE", "BY"), False),  # Corpus Christi in Bavaria
        ("2026-06-04", Territory("DE"), True),
        ("2026-10-10", Territory("CN"), True),  # a Saturday, worked
        ("2026-10-17", Territory("CN"), False),  # a Saturday like any other
        ("2026-07-03", Territory("US"), False),  # Independence Day, observed
    ],
)
def test_a_day_is_worked_or_free(day: str, where: Territory, works: bool) -> None:
    assert calendars.is_working_day(date.fromisoformat(day), where) is works


@pytest.mark.parametrize(
    ("day", "where", "reason"),
    [
        (date(2027, 1, 4), Territory("CN"), "CN lacks the year 2027"),
        (date(1999, 1, 4), Territory("CN"), "CN lacks the year 1999"),
        (date(2150, 1, 4), Territory("DE"), "DE lacks the year 2150"),
        (date(2026, 1, 5), Territory("XX"), "no calendar of public holidays for XX"),
        (date(2026, 1, 5), Territory("DE", "ZZ"), "no calendar of public holidays for DE-ZZ"),
        (date(2027, 3, 10), Territory("IN"), "IN near 2027-03-10 depends on the moon"),
        (date(2027, 3, 9), Territory("IN"), "IN near 2027-03-09 depends on the moon"),
        (date(2027, 3, 11), Territory("IN"), "IN near 2027-03-11 depends on the moon"),
    ],
)
def test_a_day_that_no_calendar_knows_is_refused(day: date, where: Territory, reason: str) -> None:
    with pytest.raises(CalendarError, match=reason):
        calendars.is_working_day(day, where)


def test_a_day_two_days_from_an_estimated_feast_is_known() -> None:
    assert calendars.is_working_day(date(2027, 3, 12), Territory("IN"))


def test_every_year_of_china_that_is_known_has_its_make_up_days() -> None:
    known = []
    for year in range(1995, 2040):
        try:
            calendars.is_working_day(date(year, 3, 15), Territory("CN"))
            known.append(year)
        except CalendarError:
            pass

    assert known == list(range(2001, known[-1] + 1))
    assert known[-1] >= 2026


def test_a_day_ends_where_the_next_begins_whatever_the_clocks_do() -> None:
    ends = {
        ("Europe/Berlin", "2026-03-28"): "2026-03-28T23:00",  # the night before summer time
        ("Europe/Berlin", "2026-03-29"): "2026-03-29T22:00",  # a day of 23 hours
        ("Europe/Berlin", "2026-10-25"): "2026-10-25T23:00",  # a day of 25 hours
        ("Asia/Beirut", "2026-03-28"): "2026-03-28T22:00",  # midnight is skipped
        ("America/Havana", "2026-10-31"): "2026-11-01T04:00",  # midnight comes twice: the first
        ("Pacific/Pago_Pago", "2026-03-01"): "2026-03-02T11:00",
        ("Pacific/Kiritimati", "2026-03-01"): "2026-03-01T10:00",
    }

    for (name, day), end in ends.items():
        found = calendars.end_of_day(date.fromisoformat(day), calendars.zone(name))
        assert found == datetime.fromisoformat(end).replace(tzinfo=UTC), (name, day)


@pytest.mark.parametrize(
    "impossible",
    [
        lambda: calendars.end_of_day(date.max, BERLIN),
        lambda: calendars.add_days(date.max, 1),
        lambda: calendars.local_day(datetime.min.replace(tzinfo=UTC), calendars.zone("America/New_York")),
        lambda: add_months(date(9999, 12, 1), 1),
        lambda: count_hours(24, datetime.max.replace(tzinfo=UTC), timedelta(), None),
    ],
)
def test_a_date_outside_the_calendar_is_refused(impossible: object) -> None:
    assert callable(impossible)
    with pytest.raises(CalendarError, match="9999"):
        impossible()


@pytest.mark.parametrize(
    ("period", "last"),
    [
        (Period(1, Unit.MONTHS, Offset.NEXT_DAY, Roll.NONE), "2026-02-28"),  # 31 January: no 31 February
        (Period(1, Unit.MONTHS, Offset.SAME_DAY, Roll.NONE), "2026-02-27"),
        (Period(13, Unit.MONTHS, Offset.NEXT_DAY, Roll.NONE), "2027-02-28"),
        (Period(2, Unit.YEARS, Offset.NEXT_DAY, Roll.NONE), "2028-01-31"),
        (Period(1, Unit.CALENDAR, Offset.SAME_DAY, Roll.NONE), "2026-01-31"),
        (Period(1, Unit.CALENDAR, Offset.NEXT_DAY, Roll.NEXT_WORKING_DAY), "2026-02-02"),  # Sunday the 1st
        (Period(1, Unit.BUSINESS, Offset.SAME_DAY, Roll.NONE), "2026-02-02"),  # Saturday the 31st
        (Period(2, Unit.BUSINESS, Offset.NEXT_DAY, Roll.NONE), "2026-02-03"),
        (Period(0, Unit.CALENDAR, Offset.NEXT_DAY, Roll.NEXT_WORKING_DAY), "2026-01-31"),
    ],
)
def test_a_period_from_saturday_31_january_2026(period: Period, last: str) -> None:
    found = count(period, datetime(2026, 1, 31, 11, tzinfo=UTC), BERLIN, Territory("DE"))

    assert str(found.last_day) == last


@pytest.mark.parametrize("unit", [Unit.BUSINESS, Unit.CALENDAR])
def test_without_a_territory_nothing_that_needs_holidays_is_counted(unit: Unit) -> None:
    start = datetime(2026, 3, 2, tzinfo=UTC)
    period = Period(3, unit, Offset.NEXT_DAY, Roll.NEXT_WORKING_DAY)

    with pytest.raises(CalendarError, match="whose public holidays"):
        count(period, start, BERLIN, None)
    plain = count(Period(3, Unit.CALENDAR, Offset.NEXT_DAY, Roll.NONE), start, BERLIN, None)
    assert plain == end_on(date(2026, 3, 3), date(2026, 3, 5), BERLIN)
