"""Bars for people who would rather look than read: what stands in the tables by month, countries and rule, in pixels.

Promises: a bar's length is its share of the longest, and what is not nothing is seen; each bar is told in numbers too,
so that no colour carries a meaning alone. Does not: write SVG (`regulator.html` does, from these places).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from unicodedata import east_asian_width

from ledger_service.core.clock import ClockState
from ledger_service.core.clock_kinds import Nature
from ledger_service.core.statistics import Statistics, Totals
from ledger_service.web.talk import Talk

WIDTH = 320  # fits a phone without being made smaller, so that its words stay legible
ROW = 40  # a bar: its words, and the bar under them
BAR = 14
SEEN = 2  # the least of a bar that stands for something
MONTHS_SHOWN = 24  # the newest; the table holds all
OTHERS_SHOWN = 12  # pairs of countries and rules, those with the most; the tables hold all
LABEL_MAX = 34  # letters that stand beside the numbers, a Chinese character counted as two


@dataclass(frozen=True, slots=True)
class Bar:
    """A month, pair or rule: its words, its numbers in words, and the lengths of the two parts beside each other."""

    y: int
    label: str
    numbers: str
    first: int
    second: int


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing; `name` says which one, `by` what its bars are of; `bars` are empty where there is nothing to draw."""

    name: str
    by: str
    height: int
    bars: tuple[Bar, ...]


_PARTS: dict[str, Callable[[Totals], tuple[int, int]]] = {  # what a bar is made of, the first part first
    "returns": lambda totals: (totals.closed, totals.opened - totals.closed),
    "deadlines": lambda totals: (totals.duties_met, totals.duties_missed),
    "refusals": lambda totals: (totals.declines - totals.overturned, totals.overturned),
    "holds": lambda totals: (totals.holds.count, totals.holds_open),
    "steps": lambda totals: (totals.delays.count, totals.entries - totals.delays.count),
}
Row = tuple[str, int, int]  # its words, and the two parts


def charts(statistics: Statistics, talk: Talk) -> tuple[Chart, ...]:
    """Return the drawings: of the newest months, of the pairs of countries and of the rules with the most."""
    months = statistics.months[-MONTHS_SHOWN:]
    by_month = [
        draw(name, "months", [(talk.month(month), *parts(totals)) for month, totals in months], talk)
        for name, parts in _PARTS.items()
    ]
    pairs = [(talk.pair(pair), *_PARTS["returns"](totals)) for pair, totals in statistics.pairs]
    return (
        *by_month,
        draw("pairs", "pairs", _most(pairs), talk),
        draw("rules", "rules", _most(_by_rule(statistics, talk)), talk),
    )


def _by_rule(statistics: Statistics, talk: Talk) -> list[Row]:
    """Return the duties met and missed under each set of rules, whatever its version."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for tally in statistics.clocks:
        if tally.nature is Nature.DUTY:
            met, missed = (tally.states[state] for state in (ClockState.MET, ClockState.MISSED))
            sums[tally.rule.id][0] += met
            sums[tally.rule.id][1] += missed
    return [(talk.rule_set(rule), met, missed) for rule, (met, missed) in sums.items()]


def _most(rows: Sequence[Row]) -> list[Row]:
    ordered = sorted(rows, key=lambda row: (-row[1] - row[2], row[0]))[:OTHERS_SHOWN]
    return [(_fitting(label), *parts) for label, *parts in ordered]  # type: ignore[misc]


def _fitting(label: str) -> str:
    """Return a label that leaves room for its numbers."""
    room = LABEL_MAX
    for place, letter in enumerate(label):
        room -= 2 if east_asian_width(letter) in "WF" else 1
        if room < 0:
            return f"{label[: place - 1].rstrip()}…"
    return label


def draw(name: str, by: str, rows: Sequence[Row], talk: Talk) -> Chart:
    """Return a drawing of rows: their words, and two numbers that add up."""
    most = max((first + second for _, first, second in rows), default=0)
    if not most:
        return Chart(name, by, 0, ())
    bars = tuple(
        Bar(
            y=ROW * place,
            label=label,
            numbers=f"{talk.number(first)} + {talk.number(second)}",
            first=_length(first, most),
            second=_length(second, most),
        )
        for place, (label, first, second) in enumerate(rows)
    )
    return Chart(name, by, ROW * len(bars), bars)


def _length(number: int, most: int) -> int:
    return max(SEEN, number * (WIDTH - SEEN) // most) if number else 0
