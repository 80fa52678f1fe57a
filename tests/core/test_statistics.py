"""Cases added up: shares as pairs, quantiles that occur, groups, and what a narrower question leaves out."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from ledger_service.core import encoding
from ledger_service.core.case_figures import CaseFigures, ClockFigure, Decline
from ledger_service.core.clock import ClockState
from ledger_service.core.clock_kinds import Nature
from ledger_service.core.entry import RuleReference
from ledger_service.core.statistics import Counted, Narrowing, Reach, Spread, Statistics, count
from ledger_service.core.statistics_sheets import COLUMNS, statistics_members, statistics_sheet

EU, POLICY = RuleReference("EU", "2"), RuleReference("PLATFORM", "1")
WAITING = Reach(1, 0, ())
A, B = "a" * 32, "b" * 32


def clock(state: ClockState, rule: RuleReference = EU, nature: Nature = Nature.DUTY) -> ClockFigure:
    """Return a refund deadline, or as a right an appeal window."""
    return ClockFigure("refund_deadline" if nature is Nature.DUTY else "appeal_window", nature, rule, state)


def case(*sellers: str, reach: Reach = WAITING, **figures: Any) -> Counted:
    """Return a case with a single step, and whatever else is named."""
    base: dict[str, Any] = {
        "opened_at": "2026-11-04T12:00:00.000Z",
        "buyer_country": "DE",
        "seller_country": "CN",
        "state": "requested",
        "decided": False,
        "steps": (("request_return", 1),),
        "clocks": (),
        "declines": (),
        "holds": (),
        "disputes": 0,
        "until": None,
    }
    return Counted(CaseFigures(**{**base, **figures}), sellers, reach)


CASES = (
    case(
        A,
        reach=Reach(3, 3, (10, 30)),
        decided=True,
        state="declined",
        steps=(("decline_return", 2), ("request_return", 1)),
        declines=(Decline(POLICY, "appeal"), Decline(POLICY)),
        clocks=(clock(ClockState.MET), clock(ClockState.MISSED), clock(ClockState.MISSED, nature=Nature.RIGHT)),
        holds=(60, None),
    ),
    case(
        A,
        B,
        opened_at="2026-12-01T00:00:00.000Z",
        buyer_country="FR",
        decided=True,
        state="closed",
        disputes=2,
        declines=(Decline(EU, "ruling"), Decline(None)),
        clocks=(clock(ClockState.RUNNING, POLICY),),
        holds=(120,),
    ),
    case(),
)


def test_totals_count_each_case_once() -> None:
    totals = count(CASES).totals

    assert (totals.opened, totals.closed, totals.disputed, totals.decided, totals.declined) == (3, 1, 1, 2, 2)
    assert (totals.declines, totals.overturned, totals.duties_met, totals.duties_missed) == (4, 2, 1, 1)
    assert (totals.holds_open, totals.holds) == (1, Spread(2, 60, 120))
    assert (totals.entries, totals.anchored, totals.delays) == (5, 3, Spread(2, 10, 30))
    assert totals.ratios == {
        "decline": (2, 2), "overturn": (2, 4), "missed": (1, 2), "anchored": (3, 5), "final": (2, 5)
    }  # fmt: skip


def test_groups_hold_every_case_under_each_of_its_names() -> None:
    found = count(CASES)

    assert [(month, one.opened) for month, one in found.months] == [("2026-11", 2), ("2026-12", 1)]
    assert [(pair, one.opened) for pair, one in found.pairs] == [(("DE", "CN"), 2), (("FR", "CN"), 1)]
    assert [(seller, one.opened) for seller, one in found.sellers] == [(A, 2), (B, 1)]
    assert found.steps == (("decline_return", 2), ("request_return", 3))
    assert found.states == (("closed", 1), ("declined", 1), ("requested", 1))


def test_deadlines_are_told_by_kind_and_rule_and_rights_apart_from_duties() -> None:
    found = count(CASES).clocks

    assert [(one.clock_id, one.rule.id, one.nature, one.missed) for one in found] == [
        ("appeal_window", "EU", Nature.RIGHT, (1, 1)),
        ("refund_deadline", "EU", Nature.DUTY, (1, 2)),
        ("refund_deadline", "PLATFORM", Nature.DUTY, (0, 0)),
    ]
    assert [(one.rule.id, one.count, one.overturned) for one in count(CASES).declines] == [
        ("EU", 1, {"appeal": 0, "ruling": 1}),
        ("PLATFORM", 2, {"appeal": 1, "ruling": 0}),
    ]


@pytest.mark.parametrize(
    ("narrowing", "cases", "declines", "missed"),
    [
        (Narrowing(), 3, 4, 1),
        (Narrowing(seller=B), 1, 2, 0),
        (Narrowing(seller="c" * 32), 0, 0, 0),
        (Narrowing(rule="EU"), 2, 1, 1),
        (Narrowing(rule="PLATFORM"), 2, 2, 0),
        (Narrowing(rule="UK"), 0, 0, 0),
        (Narrowing(verb="decline_return"), 1, 2, 1),
        (Narrowing(seller=A, rule="EU", verb="decline_return"), 1, 0, 1),
    ],
)
def test_a_narrower_question_leaves_the_other_cases_and_rules_out(
    narrowing: Narrowing, cases: int, declines: int, missed: int
) -> None:
    totals = count(CASES, narrowing).totals

    assert (totals.opened, totals.declines, totals.duties_missed) == (cases, declines, missed)


@pytest.mark.parametrize(
    ("values", "median", "p95"),
    [([], None, None), ([7], 7, 7), ([1, 2], 1, 2), ([3, 1, 2], 2, 3), (list(range(1, 101)), 50, 95)],
)
def test_a_quantile_is_a_value_that_occurs(values: list[int], median: int | None, p95: int | None) -> None:
    assert Spread.of(values) == Spread(len(values), median, p95)


def whole_numbers_only(value: Any) -> bool:
    """Say whether no float stands anywhere in a JSON value."""
    if isinstance(value, dict):
        return all(map(whole_numbers_only, value.values()))
    return all(map(whole_numbers_only, value)) if isinstance(value, list) else not isinstance(value, float)


def test_the_json_is_canonical_and_holds_no_float() -> None:
    members = statistics_members(count(CASES))

    assert whole_numbers_only(json.loads(encoding.encode(members)))
    assert members["totals"]["ratios"]["decline"] == {"count": 2, "of": 2}  # type: ignore[index,call-overload]


def sheet(statistics: Statistics) -> dict[tuple[str, str, str], tuple[str, str]]:
    """Return the lines of the table by their names."""
    rows = list(csv.reader(io.StringIO(statistics_sheet(statistics).decode("utf-8-sig"))))
    assert tuple(rows[0]) == COLUMNS
    assert len({tuple(row[:3]) for row in rows[1:]}) == len(rows) - 1
    return {(row[0], row[1], row[2]): (row[3], row[4]) for row in rows[1:]}


def test_the_table_for_a_spreadsheet_holds_the_same_figures_as_the_json() -> None:
    found = sheet(count(CASES))

    assert found["all", "", "decline_share"] == ("2", "2")
    assert found["month", "2026-12", "opened"] == ("1", "")
    assert found["pair", "DE CN", "holds_median_seconds"] == ("60", "")
    assert found["pair", "FR CN", "delays_p95_seconds"] == ("", "")
    assert found["seller", B, "overturn_share"] == ("1", "2")
    assert found["clock", "refund_deadline EU 2", "missed_of_decided"] == ("1", "2")
    assert found["clock", "refund_deadline EU 2", "met"] == ("1", "")
    assert found["decline", "PLATFORM 1", "overturned_by_appeal"] == ("1", "2")
    assert found["step", "decline_return", "count"] == ("2", "")
    assert found["state", "closed", "count"] == ("1", "")


def test_nothing_counted_is_nothing_of_nothing() -> None:
    found = count([])

    assert found.totals.ratios["missed"] == (0, 0)
    assert (found.months, found.pairs, found.sellers, found.clocks, found.steps) == ((), (), (), (), ())
    assert sheet(found)["all", "", "opened"] == ("0", "")
