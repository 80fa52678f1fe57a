"""Statistics of cases: how many, which deadlines were met, what was declined and overturned, customs, anchors.

A case counts in the month in which it was opened, as in an export, so that whoever has the export of the same cases
can count again. Promises: integers alone: a share is a pair (so many, of so many), a quantile is a value that occurs
(nearest rank). Does not: read a case (`case_figures.py`), or know whose eyes it is for.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from ledger_service.core.case_figures import CaseFigures, ClockFigure
from ledger_service.core.clock import ClockState
from ledger_service.core.clock_kinds import Nature
from ledger_service.core.entry import RuleReference

K = TypeVar("K", bound=Hashable)
Ratio = tuple[int, int]
OVERTURNED_BY: Final = ("appeal", "ruling")
COUNTS: Final = (
    "opened", "closed", "disputed", "decided", "declined", "declines", "overturned", "duties_met", "duties_missed",
    "holds_open", "entries", "anchored",
)  # fmt: skip
_DECIDED = (ClockState.MET, ClockState.MISSED)


@dataclass(frozen=True, slots=True)
class Reach:
    """How far the steps of a case have come: how many, how many stand in a block, and the delays of the final ones.

    A delay is in whole seconds, from being recorded to being final.
    """

    entries: int
    anchored: int
    delays: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Counted:
    """A case to count: its figures, its sellers under names of the statistics' own, and how far its steps have come."""

    figures: CaseFigures
    sellers: tuple[str, ...]
    reach: Reach


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Which of the cases: with this seller, with a clock or decline under this rule set, with a step of this verb.

    Under a rule, deadlines and declines are those of this rule alone.
    """

    seller: str | None = None
    rule: str | None = None
    verb: str | None = None

    def holds(self, case: Counted) -> bool:
        """Say whether the case is one of them."""
        figures = case.figures
        return (
            (self.seller is None or self.seller in case.sellers)
            and (self.rule is None or figures.concerns(self.rule))
            and (self.verb is None or any(verb == self.verb for verb, _ in figures.steps))
        )


EVERYTHING: Final = Narrowing()


@dataclass(frozen=True, slots=True)
class Spread:
    """Whole seconds of so many: the middle one, and the one that 95 of 100 do not exceed; None of nothing."""

    count: int
    median: int | None
    p95: int | None

    @staticmethod
    def of(values: Sequence[int]) -> Spread:
        """Return the spread of values, by nearest rank.

        >>> Spread.of([5, 1, 9, 3])
        Spread(count=4, median=3, p95=9)
        """
        ranked = sorted(values)
        return Spread(len(ranked), _rank(ranked, 50), _rank(ranked, 95))


@dataclass(frozen=True, slots=True)
class Totals:
    """The figures of a group of cases.

    `duties_met` and `duties_missed` count deadlines of duties; rights that lapse are no breach. `declines` are
    refusals, `overturned` those of them that an appeal or a ruling overturned.
    """

    opened: int
    closed: int
    disputed: int
    decided: int
    declined: int
    declines: int
    overturned: int
    duties_met: int
    duties_missed: int
    holds_open: int
    holds: Spread
    entries: int
    anchored: int
    delays: Spread

    @property
    def counts(self) -> dict[str, int]:
        """The figures that are plain numbers, by name."""
        return {name: getattr(self, name) for name in COUNTS}

    @property
    def spreads(self) -> dict[str, Spread]:
        """The lengths of time, by name: of customs holds, and from being recorded to being final."""
        return {"holds": self.holds, "delays": self.delays}

    @property
    def ratios(self) -> dict[str, Ratio]:
        """The shares, by name: returns declined of those decided, declines overturned, duties missed, steps anchored
        and final."""
        return {
            "decline": (self.declined, self.decided),
            "overturn": (self.overturned, self.declines),
            "missed": (self.duties_missed, self.duties_met + self.duties_missed),
            "anchored": (self.anchored, self.entries),
            "final": (self.delays.count, self.entries),
        }


@dataclass(frozen=True, slots=True)
class ClockTally:
    """The deadlines of one kind under one rule set, by where they are."""

    clock_id: str
    nature: Nature
    rule: RuleReference
    states: dict[ClockState, int]

    @property
    def missed(self) -> Ratio:
        """Missed ones, of those that were met or missed."""
        return self.states[ClockState.MISSED], sum(self.states[state] for state in _DECIDED)


@dataclass(frozen=True, slots=True)
class DeclineTally:
    """The refusals that cite one rule set, and those of them that were overturned, by what did it."""

    rule: RuleReference
    count: int
    overturned: dict[str, int]


@dataclass(frozen=True, slots=True)
class Statistics:
    """Everything about a choice of cases; groups are in the order of their names, sellers by how many cases."""

    totals: Totals
    months: tuple[tuple[str, Totals], ...]
    pairs: tuple[tuple[tuple[str, str], Totals], ...]
    sellers: tuple[tuple[str, Totals], ...]
    clocks: tuple[ClockTally, ...]
    declines: tuple[DeclineTally, ...]
    steps: tuple[tuple[str, int], ...]
    states: tuple[tuple[str, int], ...]


def count(cases: Iterable[Counted], narrowing: Narrowing = EVERYTHING) -> Statistics:
    """Return the statistics of those of the cases that are asked for."""
    chosen = [case for case in cases if narrowing.holds(case)]
    steps, states = Counter[str](), Counter[str]()
    for case in chosen:
        steps.update(dict(case.figures.steps))
        states[case.figures.state] += 1
    by_seller = _grouped(chosen, lambda case: case.sellers, narrowing)
    return Statistics(
        totals=_totals(chosen, narrowing),
        months=_grouped(chosen, lambda case: (case.figures.opened_at[:7],), narrowing),
        pairs=_grouped(chosen, lambda case: ((case.figures.buyer_country, case.figures.seller_country),), narrowing),
        sellers=tuple(sorted(by_seller, key=lambda one: (-one[1].opened, one[0]))),
        clocks=_clocks(chosen, narrowing),
        declines=_declines(chosen, narrowing),
        steps=tuple(sorted(steps.items())),
        states=tuple(sorted(states.items())),
    )


def _grouped(
    cases: Sequence[Counted], keys_of: Callable[[Counted], Iterable[K]], narrowing: Narrowing
) -> tuple[tuple[K, Totals], ...]:
    groups: dict[K, list[Counted]] = defaultdict(list)
    for case in cases:
        for key in keys_of(case):
            groups[key].append(case)
    return tuple((key, _totals(groups[key], narrowing)) for key in sorted(groups))  # type: ignore[type-var]


@dataclass(slots=True)
class _Sums:
    """What of a group is added up step by step."""

    states: Counter[ClockState] = field(default_factory=Counter)
    declines: int = 0
    overturned: int = 0
    holds: list[int | None] = field(default_factory=list)
    delays: list[int] = field(default_factory=list)


def _totals(cases: Sequence[Counted], narrowing: Narrowing) -> Totals:
    sums, declined = _Sums(), 0
    for case in cases:
        figures = case.figures
        clocks = (one for one in figures.clocks if one.nature is Nature.DUTY and _under(one.rule, narrowing))
        sums.states.update(one.state for one in clocks)
        declines = [one for one in figures.declines if _under(one.rule, narrowing)]
        declined += bool(declines)
        sums.declines += len(declines)
        sums.overturned += sum(one.overturned_by is not None for one in declines)
        sums.holds += figures.holds
        sums.delays += case.reach.delays
    return Totals(
        opened=len(cases),
        closed=sum(case.figures.state == "closed" for case in cases),
        disputed=sum(case.figures.disputes > 0 for case in cases),
        decided=sum(case.figures.decided for case in cases),
        declined=declined,
        declines=sums.declines,
        overturned=sums.overturned,
        duties_met=sums.states[ClockState.MET],
        duties_missed=sums.states[ClockState.MISSED],
        holds_open=sums.holds.count(None),
        holds=Spread.of([one for one in sums.holds if one is not None]),
        entries=sum(case.reach.entries for case in cases),
        anchored=sum(case.reach.anchored for case in cases),
        delays=Spread.of(sums.delays),
    )


def _clocks(cases: Iterable[Counted], narrowing: Narrowing) -> tuple[ClockTally, ...]:
    counted: dict[tuple[str, str, str], Counter[ClockState]] = defaultdict(Counter)
    natures: dict[str, Nature] = {}
    for one in _all_clocks(cases):
        if _under(one.rule, narrowing):
            counted[one.clock_id, one.rule.id, one.rule.version][one.state] += 1
            natures[one.clock_id] = one.nature
    return tuple(
        ClockTally(clock_id, natures[clock_id], RuleReference(*rule), {state: found[state] for state in ClockState})
        for (clock_id, *rule), found in sorted(counted.items())
    )


def _all_clocks(cases: Iterable[Counted]) -> Iterable[ClockFigure]:
    return (one for case in cases for one in case.figures.clocks)


def _declines(cases: Iterable[Counted], narrowing: Narrowing) -> tuple[DeclineTally, ...]:
    found: dict[tuple[str, str], Counter[str | None]] = defaultdict(Counter)
    for case in cases:
        for one in case.figures.declines:
            if one.rule is not None and _under(one.rule, narrowing):
                found[one.rule.id, one.rule.version][one.overturned_by] += 1
    return tuple(
        DeclineTally(RuleReference(*rule), ways.total(), {by: ways[by] for by in OVERTURNED_BY})
        for rule, ways in sorted(found.items())
    )


def _under(rule: RuleReference | None, narrowing: Narrowing) -> bool:
    return narrowing.rule is None or (rule is not None and rule.id == narrowing.rule)


def _rank(ranked: Sequence[int], percent: int) -> int | None:
    """Return the value at the nearest rank: the smallest that at least so many of 100 do not exceed."""
    return ranked[-(-len(ranked) * percent // 100) - 1] if ranked else None
