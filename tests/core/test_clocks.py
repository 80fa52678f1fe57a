"""Clocks as a whole: which run, which stand beside each other, and that nothing recorded makes them fail."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.core import calendars, encoding
from ledger_service.core.calendars import Territory
from ledger_service.core.clock import Basis, Clock, ClockState, Happening, Reason, instant_text
from ledger_service.core.clock_kinds import CLOCK_KINDS
from ledger_service.core.clocks import clock_members, clocks
from ledger_service.core.counting import Offset, Period, Roll, Unit, count
from ledger_service.core.entry import Authenticity, Role, RuleReference
from ledger_service.core.lifecycle import LIFECYCLE
from ledger_service.core.rules import Ground
from tests.core.happenings import do, numbered, read, request

NOW = "2026-03-02T09:00:00.000Z"


def kinds(steps: list[Happening], *, ground: Ground | None = None) -> list[str]:
    """Return the kinds of the clocks of a case, under one ground or all."""
    found = clocks(numbered(steps), now=NOW)
    return [clock.clock_id for clock in found if ground in (None, clock.ground)]


def test_without_a_request_there_is_no_clock() -> None:
    assert clocks([], now=NOW) == ()
    assert clocks([do("request_info", NOW)], now=NOW) == ()


@pytest.mark.parametrize("basis", ["non_conformity", "seller_policy", "platform_guarantee", "goodwill"])
def test_only_a_statutory_withdrawal_starts_the_clocks_of_a_withdrawal(basis: str) -> None:
    law = {"withdrawal_window", "ship_back", "refund_deadline"}

    assert law == set(kinds([request()], ground=Ground.RESIDENCE))
    assert kinds([request(basis=basis)], ground=Ground.RESIDENCE) == []


def test_policy_is_silent_where_a_law_speaks() -> None:
    steps = [do("approve_return", NOW), do("approve_refund", NOW)]

    assert {"ship_back", "refund_deadline"} & set(kinds([request(), *steps], ground=Ground.POLICY)) == set()
    assert {"ship_back", "refund_deadline"} <= set(kinds([request(country="CH"), *steps], ground=Ground.POLICY))


def test_policy_is_silent_where_the_law_will_speak_later() -> None:
    """In Great Britain the refund clock has not started before the goods move, but it is the one that counts."""
    assert "refund_deadline" not in kinds([request(country="GB"), do("approve_refund", NOW)])


def test_a_second_approval_starts_no_second_clock_while_the_first_runs() -> None:
    steps = [request(country="CH"), do("approve_refund", NOW), do("approve_refund", NOW)]

    assert kinds(steps).count("refund_deadline") == 1
    paid = [*steps, do("issue_refund", NOW), do("approve_refund", NOW)]
    assert kinds(paid).count("refund_deadline") == 2


def test_every_decision_has_an_appeal_window_of_its_own() -> None:
    steps = [request(), do("decline_return", NOW), do("appeal", NOW), do("approve_return", NOW)]
    passed = do("complete_inspection", NOW, lines=[{"line_id": "1", "accepted_qty": 1, "rejected_qty": 0}])
    failed = do("complete_inspection", NOW, outcome="failed")

    assert kinds(steps).count("appeal_window") == 1
    assert kinds([*steps, passed]).count("appeal_window") == 1
    assert kinds([*steps, failed]).count("appeal_window") == 2


def test_customs_clocks_follow_the_countries_and_where_the_goods_go() -> None:
    def customs(buyer: str, seller: str, to: str | None = None) -> set[str]:
        steps = [request(country=buyer, seller=seller), do("approve_return", NOW, ship_to_country=to or seller)]
        return set(kinds(steps, ground=Ground.CUSTOMS))

    assert customs("DE", "FR") == set()
    assert customs("DE", "CN") == {"eu_duty_90"}
    assert customs("US", "DE") == {"returned_goods_relief"}
    assert customs("US", "CN") == set()
    assert customs("US", "CN", to="NL") == {"returned_goods_relief"}
    assert customs("GB", "GB") == set()
    assert customs("DE", "GB") == {"eu_duty_90", "returned_goods_relief"}


def test_a_law_that_a_decision_names_stands_beside_that_of_the_residence() -> None:
    named = do("supersede_policy_basis", NOW, old_rule_id="EU", new_rule_id="KR", why="agreed")
    shop = do("supersede_policy_basis", NOW, old_rule_id="EU", new_rule_id="shop-policy", why="new season")

    found = {(clock.rule.id, clock.ground) for clock in clocks(numbered([request(), named, shop]), now=NOW)}

    assert ("EU", Ground.RESIDENCE) in found
    assert ("KR", Ground.GOVERNING_LAW) in found
    assert "shop-policy" not in {identity for identity, _ in found}


def test_the_law_of_the_residence_is_not_counted_twice() -> None:
    assert kinds([request(governing_law=["EU", "EU"])]) == kinds([request()])


@pytest.mark.parametrize("name", ["ATLANTIS", "PLATFORM"])
def test_a_law_that_we_have_no_rules_of_is_shown_as_unknown(name: str) -> None:
    found = [clock for clock in clocks([request(governing_law=[name])], now=NOW) if clock.rule.version == "unknown"]

    assert [(clock.rule, clock.state, clock.reason) for clock in found] == [
        (RuleReference(name, "unknown"), ClockState.UNKNOWN, Reason.RULE_SET_UNKNOWN)
    ]


def test_the_version_that_a_decision_rests_on_counts() -> None:
    decided = do("approve_return", NOW, rule=("EU", "2"))
    other = do("approve_return", NOW, rule=("EU", "99"))

    assert {c.rule.version for c in clocks([request(), decided], now=NOW) if c.rule.id == "EU"} == {"2"}
    assert {c.rule.version for c in clocks([request(), other], now=NOW) if c.rule.id == "EU"} == {"1"}


def test_two_disputes_have_clocks_of_their_own() -> None:
    steps = [
        request(),
        do("open_dispute", NOW, type="adr"),
        do("open_dispute", NOW, type="court", dispute_id="d2"),
        do("settle", NOW, dispute_id="d2"),
    ]

    found = [c for c in clocks(numbered(steps), now=NOW) if c.clock_id == "evidence_due"]

    assert [(c.subject, c.state, c.started_by) for c in found] == [("d1", "running", 1), ("d2", "stopped", 2)]


def test_a_ruling_for_the_seller_leaves_nothing_to_carry_out() -> None:
    steps = [request(), do("open_dispute", NOW, type="adr")]

    assert "compliance_due" not in kinds([*steps, do("rule", NOW, outcome="seller")])
    assert "compliance_due" in kinds([*steps, do("rule", NOW, outcome="split")])


@pytest.mark.parametrize(
    ("said", "recorded", "posted", "basis", "at"),
    [
        (None, "2026-03-05T10:00:00Z", None, Basis.RECORDED, "2026-03-05T10:00:00.000Z"),
        ("2026-03-04T10:00:00Z", "2026-03-05T10:00:00Z", None, Basis.OCCURRED, "2026-03-04T10:00:00.000Z"),
        ("2026-03-06T10:00:00Z", "2026-03-05T10:00:00Z", None, Basis.RECORDED, "2026-03-05T10:00:00.000Z"),
        ("2026-03-04T10:00:00Z", "2026-03-05T10:00:00Z", "2026-03-03T10:00:00+08:00", Basis.STATED,
         "2026-03-03T02:00:00.000Z"),
        ("2026-03-04T10:00:00Z", "2026-03-05T10:00:00Z", "2026-03-07T10:00:00Z", Basis.OCCURRED,
         "2026-03-04T10:00:00.000Z"),
        (None, "2026-03-05T10:00:00Z", "0001-01-01T00:00:00+14:00", Basis.RECORDED, "2026-03-05T10:00:00.000Z"),
        (None, "2026-03-05T10:00:00Z", "yesterday", Basis.RECORDED, "2026-03-05T10:00:00.000Z"),
    ],
)  # fmt: skip
def test_the_time_of_a_step_is_stated_else_said_else_recorded_and_never_later_than_its_record(
    said: str | None, recorded: str, posted: str | None, basis: Basis, at: str
) -> None:
    step = do("ship_back", recorded, said=said, posted_at=posted)

    [clock] = read([request(), step], NOW, "ship_back", "EU")

    assert (clock.stop_basis, clock.stopped_at) == (basis, at)


@pytest.mark.parametrize(
    ("vouched", "basis"),
    [
        (Authenticity.PLATFORM_ATTESTED, Basis.OCCURRED),
        (Authenticity.WEBHOOK_VERIFIED, Basis.OCCURRED),
        (Authenticity.SIGNED, Basis.RECORDED),
        (Authenticity.IMPORTED_UNVERIFIED, Basis.RECORDED),
        (None, Basis.RECORDED),
    ],
)
def test_the_date_of_a_statement_counts_where_somebody_else_vouches_for_it(
    vouched: Authenticity | None, basis: Basis
) -> None:
    [clock] = read([request(said="2026-03-01T09:00:00Z", vouched=vouched)], NOW, "refund_deadline", "EU")

    assert clock.start_basis is basis
    assert clock.start_at == ("2026-03-01" if basis is Basis.OCCURRED else "2026-03-02") + "T09:00:00.000Z"


def test_days_that_are_no_count_are_not_followed() -> None:
    for days in (True, -1, "30", None):
        [clock] = read([request(), do("decline_return", NOW, appeal_days=days)], NOW, "appeal_window", "PLATFORM")
        assert clock.due_date == "2026-03-16"


def test_a_count_beyond_the_calendar_is_unknown() -> None:
    step = do("decline_return", NOW, appeal_days=encoding.INTEGER_MAX)

    [clock] = read([request(), step], NOW, "appeal_window", "PLATFORM")

    assert (clock.state, clock.reason) == (ClockState.UNKNOWN, Reason.CALENDAR_UNKNOWN)
    assert "9999" in clock.details


def test_a_request_in_an_unknown_zone_is_dated_by_utc() -> None:
    found = clocks([request("2026-06-18T23:30:00Z", buyer_zone="Moon/Crater")], now=NOW)

    assert {clock.rule.version for clock in found if clock.rule.id == "EU"} == {"1"}
    assert {clock.reason for clock in found if clock.rule.id == "EU"} >= {Reason.ZONE_UNKNOWN}


def test_hours_run_without_a_zone() -> None:
    [clock] = read([request(country="US")], NOW, "review", "PLATFORM")

    assert (clock.state, clock.due_date, clock.due_at) == ("running", None, "2026-03-03T09:00:00.000Z")


def test_a_clock_as_json_is_canonical_and_has_every_member() -> None:
    steps = [
        request(governing_law=["ATLANTIS"], delivered="2026-03-01T10:00:00+01:00"),
        do("request_info", "2026-03-02T10:00:00Z"),
        do("hold_at_customs", "2026-03-02T10:00:00Z"),
    ]

    for clock in clocks(numbered(steps), now=NOW):
        members = clock_members(clock)
        assert set(members) == set(Clock.__dataclass_fields__)
        assert json.loads(encoding.encode(members)) == members
    [paused] = read(steps, NOW, "review", "PLATFORM")
    assert clock_members(paused)["pauses"] == [{"from": "2026-03-02T10:00:00.000Z", "to": None}]
    assert clock_members(paused)["words"] == {"en": "Review of the request", "zh": "审核期限"}


def test_a_clock_names_the_steps_that_stop_it() -> None:
    [refund] = read([request()], NOW, "refund_deadline", "EU")
    [tax] = read([request(country="CN", customs_regime="cbec_import")], NOW, "cn_tax_30", "CN-CBEC-IM")

    assert refund.stopping_steps == ("issue_refund",)
    assert tax.stopping_steps == ("evidence:customs_declaration",)


def test_clocks_stand_in_the_order_of_the_steps_that_start_them() -> None:
    steps = [request(), do("request_info", NOW), do("provide_info", NOW), do("decline_return", NOW)]

    started = [clock.started_by for clock in clocks(numbered(steps), now=NOW)]

    assert started == sorted(started)
    assert started[-1] == 3


# ── properties ───────────────────────────────────────────────────────────────────────────────────────────────────────

ZONES = st.sampled_from(
    ["Pacific/Pago_Pago", "Pacific/Kiritimati", "Europe/Berlin", "Asia/Beirut", "America/Havana", "Australia/Lord_Howe"]
)
WHERE = st.sampled_from([Territory(code) for code in ("DE", "CN", "KR", "US", "BR", "JP")])
STARTS = st.datetimes(datetime(2020, 1, 1), datetime(2025, 6, 1), timezones=st.just(UTC))  # noqa: DTZ001
PERIODS = st.builds(
    Period, st.integers(0, 60), st.sampled_from([u for u in Unit if u is not Unit.HOURS]), st.sampled_from(Offset),
    st.sampled_from(Roll),
).filter(lambda p: p.unit in (Unit.CALENDAR, Unit.BUSINESS) or p.count <= 5)  # fmt: skip


@given(PERIODS, STARTS, ZONES, WHERE)
def test_a_period_never_ends_before_it_starts(period: Period, start: datetime, name: str, where: Territory) -> None:
    if period.unit in (Unit.MONTHS, Unit.YEARS):
        period = Period(period.count, Unit.MONTHS, period.offset, period.roll)
    zone = calendars.zone(name)

    end = count(period, start, zone, where)

    assert end.at > start
    assert end.first_day is not None
    assert end.last_day is not None
    assert start.astimezone(zone).date() <= end.last_day
    assert (end.at - timedelta(microseconds=1)).astimezone(zone).date() == end.last_day
    assert end.at.astimezone(zone).date() > end.last_day


@given(st.integers(1, 30), STARTS, ZONES, WHERE, st.sampled_from(Offset))
def test_business_days_are_those_of_a_walk_day_by_day(
    days: int, start: datetime, name: str, where: Territory, offset: Offset
) -> None:
    zone = calendars.zone(name)
    day = start.astimezone(zone).date() + timedelta(days=offset is Offset.NEXT_DAY)
    walked = (day + timedelta(days=step) for step in itertools.count())
    worked = [d for d in itertools.islice(walked, 120) if calendars.is_working_day(d, where)]

    found = count(Period(days, Unit.BUSINESS, offset, Roll.NONE), start, zone, where)

    assert found.last_day == worked[days - 1]


@given(PERIODS, STARTS, st.timedeltas(timedelta(0), timedelta(days=40)), ZONES, WHERE)
def test_who_starts_later_ends_no_earlier(
    period: Period, start: datetime, later: timedelta, name: str, where: Territory
) -> None:
    if period.unit is Unit.YEARS:
        period = Period(period.count, Unit.MONTHS, period.offset, period.roll)
    zone = calendars.zone(name)

    assert count(period, start, zone, where).at <= count(period, start + later, zone, where).at


JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 2**53 - 1), st.sampled_from(["", "DE", "CN", "collected", "passed"]),
    st.sampled_from(["2026-03-05T10:00:00Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"]),
    st.lists(st.dictionaries(st.sampled_from(["by", "reason", "rejected_qty"]), st.text(max_size=3)), max_size=2),
)  # fmt: skip
FIELDS = sorted(
    {name for machine in (LIFECYCLE.case, LIFECYCLE.dispute) for t in machine.transitions.values() for name in t.fields}
    | {"buyer_zone", "governing_law", "buyer_informed", "customs_regime", "outbound_exported_at", "import_released_at",
       "import_accepted_at", "valid_days", "appeal_days", "dispute_id", "respond_by", "evidence_due_by"}
)  # fmt: skip
TIMES = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=st.just(UTC)).map(instant_text)  # noqa: DTZ001
STEPS = st.builds(
    Happening,
    seq=st.integers(0, 9),
    verb=st.sampled_from([*LIFECYCLE.case.transitions, *LIFECYCLE.dispute.transitions]),
    role=st.sampled_from(Role),
    occurred_at=st.none() | TIMES,
    recorded_at=TIMES,
    fields=st.dictionaries(st.sampled_from(FIELDS), JUNK, max_size=6),
    evidence=st.lists(st.sampled_from(["proof_of_posting", "loss_claim"]), max_size=2).map(tuple),
    rule=st.none() | st.builds(RuleReference, st.sampled_from(["EU", "x"]), st.sampled_from(["1", "9"])),
    dispute=st.booleans(),
    authenticity=st.none() | st.sampled_from(Authenticity),
)


@given(st.lists(STEPS, max_size=8), st.dictionaries(st.sampled_from(FIELDS), JUNK, max_size=8), TIMES, TIMES)
def test_nothing_that_was_recorded_makes_the_clocks_fail(
    steps: list[Happening], fields: dict[str, encoding.Json], at: str, now: str
) -> None:
    opened = {"legal_basis": "statutory_withdrawal", "buyer_country": "DE"} | fields
    first = Happening(0, "request_return", Role.BUYER, None, at, opened, (), None)

    found = clocks([first, *steps], now=now)

    assert found == clocks([first, *steps], now=now)
    for kind in CLOCK_KINDS:
        alone = clocks([first, *steps], now=now, only=(kind,))
        assert alone == tuple(clock for clock in found if clock.clock_id == kind)
    for clock in found:
        unknown = clock.state is ClockState.UNKNOWN
        assert unknown is (clock.reason not in (None, Reason.LAWFULLY_WITHHELD))
        assert encoding.encode(clock_members(clock))
