"""Statistics as others read them: JSON, and one table of lines for a spreadsheet.

Promises: both hold the same figures; a share stands as a count and of how many, and nothing was rounded. Does not:
count (`statistics.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

from ledger_service.core.csv_sheet import csv_sheet
from ledger_service.core.encoding import Json
from ledger_service.core.statistics import Ratio, Spread, Statistics, Totals

COLUMNS = ("table", "group", "figure", "count", "of")
_Line = tuple[str, str, str, int | None, int | None]


def statistics_members(statistics: Statistics) -> dict[str, Json]:
    """Return statistics as a JSON object."""
    return {
        "totals": _totals(statistics.totals),
        "months": [{"month": month, **_totals(totals)} for month, totals in statistics.months],
        "pairs": [
            {"buyer_country": pair[0], "seller_country": pair[1], **_totals(totals)}
            for pair, totals in statistics.pairs
        ],
        "sellers": [{"seller": seller, **_totals(totals)} for seller, totals in statistics.sellers],
        "clocks": [
            {
                "clock_id": one.clock_id,
                "nature": one.nature.value,
                "rule": {"id": one.rule.id, "version": one.rule.version},
                "states": {state.value: number for state, number in one.states.items()},
                "missed": _ratio(one.missed),
            }
            for one in statistics.clocks
        ],
        "declines": [
            {
                "rule": {"id": one.rule.id, "version": one.rule.version},
                "count": one.count,
                "overturned": dict[str, Json](one.overturned),
            }
            for one in statistics.declines
        ],
        "steps": [{"verb": verb, "count": number} for verb, number in statistics.steps],
        "states": [{"state": state, "count": number} for state, number in statistics.states],
    }


def statistics_sheet(statistics: Statistics) -> bytes:
    """Return statistics as CSV, a line for each figure of each group (`COLUMNS`)."""
    return csv_sheet(COLUMNS, _lines(statistics))


def _totals(totals: Totals) -> dict[str, Json]:
    return {
        **totals.counts,
        **{name: _spread(spread) for name, spread in totals.spreads.items()},
        "ratios": {name: _ratio(ratio) for name, ratio in totals.ratios.items()},
    }


def _ratio(ratio: Ratio) -> dict[str, Json]:
    return {"count": ratio[0], "of": ratio[1]}


def _spread(spread: Spread) -> dict[str, Json]:
    return {"count": spread.count, "median_seconds": spread.median, "p95_seconds": spread.p95}


def _lines(statistics: Statistics) -> Iterator[_Line]:
    yield from _group("all", "", statistics.totals)
    for month, totals in statistics.months:
        yield from _group("month", month, totals)
    for pair, totals in statistics.pairs:
        yield from _group("pair", " ".join(pair), totals)
    for seller, totals in statistics.sellers:
        yield from _group("seller", seller, totals)
    for clock in statistics.clocks:
        name = f"{clock.clock_id} {clock.rule.id} {clock.rule.version}"
        for state, number in clock.states.items():
            yield "clock", name, state.value, number, None
        yield "clock", name, "missed_of_decided", *clock.missed
    for decline in statistics.declines:
        name = f"{decline.rule.id} {decline.rule.version}"
        yield "decline", name, "count", decline.count, None
        for by, number in decline.overturned.items():
            yield "decline", name, f"overturned_by_{by}", number, decline.count
    for verb, number in statistics.steps:
        yield "step", verb, "count", number, None
    for state_name, number in statistics.states:
        yield "state", state_name, "count", number, None


def _group(table: str, name: str, totals: Totals) -> Iterator[_Line]:
    for figure, number in totals.counts.items():
        yield table, name, figure, number, None
    for figure, spread in totals.spreads.items():
        yield table, name, figure, spread.count, None
        yield table, name, f"{figure}_median_seconds", spread.median, None
        yield table, name, f"{figure}_p95_seconds", spread.p95, None
    for figure, ratio in totals.ratios.items():
        yield table, name, f"{figure}_share", *ratio
