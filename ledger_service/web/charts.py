"""Bars for people who would rather look than read: what stands in the table by month, in whole pixels.

Promises: a bar's length is its share of the longest, and what is not nothing is seen; each bar is told in numbers too,
so that no colour carries a meaning alone. Does not: write SVG (`regulator.html` does, from these places).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ledger_service.core.statistics import Statistics, Totals
from ledger_service.web.talk import Talk

WIDTH = 320  # fits a phone without being made smaller, so that its words stay legible
ROW = 40  # a month: its words, and the bar under them
BAR = 14
SEEN = 2  # the least of a bar that stands for something
MONTHS_SHOWN = 24  # the newest; the table holds all


@dataclass(frozen=True, slots=True)
class Bar:
    """A month: its words, the numbers in words, and the lengths of the two parts that follow each other."""

    y: int
    label: str
    numbers: str
    first: int
    second: int


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing; `name` says which one, `bars` are empty where there is nothing to draw."""

    name: str
    height: int
    bars: tuple[Bar, ...]


_PARTS: dict[str, Callable[[Totals], tuple[int, int]]] = {  # what a bar is made of, the first part first
    "returns": lambda totals: (totals.closed, totals.opened - totals.closed),
    "deadlines": lambda totals: (totals.duties_met, totals.duties_missed),
    "refusals": lambda totals: (totals.declines - totals.overturned, totals.overturned),
    "steps": lambda totals: (totals.delays.count, totals.entries - totals.delays.count),
}


def charts(statistics: Statistics, talk: Talk) -> tuple[Chart, ...]:
    """Return the drawings of the newest months."""
    months = statistics.months[-MONTHS_SHOWN:]
    return tuple(
        draw(name, [(talk.month(month), *parts(totals)) for month, totals in months], talk)
        for name, parts in _PARTS.items()
    )


def draw(name: str, rows: Sequence[tuple[str, int, int]], talk: Talk) -> Chart:
    """Return a drawing of rows: their words, and two numbers that add up."""
    most = max((first + second for _, first, second in rows), default=0)
    if not most:
        return Chart(name, 0, ())
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
    return Chart(name, ROW * len(bars), bars)


def _length(number: int, most: int) -> int:
    return max(SEEN, number * (WIDTH - SEEN) // most) if number else 0
