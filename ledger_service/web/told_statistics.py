"""Statistics as the page of the regulator tells them: totals and tables in the words of one language.

Promises: no figure is left out of the tables but for the sellers after the first `SELLERS_SHOWN`, which the page says.
Does not: write HTML (`regulator.html`) or draw (`charts.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from ledger_service.core.clock import ClockState
from ledger_service.core.clock_kinds import CLOCK_KINDS, Nature
from ledger_service.core.lifecycle import LIFECYCLE
from ledger_service.core.statistics import Spread, Totals
from ledger_service.operations.statistics import Answer
from ledger_service.web.talk import Talk

SELLERS_SHOWN = 20
_OPEN = (ClockState.RUNNING, ClockState.PAUSED)


@dataclass(frozen=True, slots=True)
class Told:
    """The page: `facts` are pairs of words; each table is its rows, whose first cell names the row.

    `narrower` holds for months, pairs and sellers the query of a URL that asks about the row alone.
    """

    now: str
    size: str
    opened: int
    facts: tuple[tuple[str, str], ...]
    months: tuple[tuple[str, ...], ...]
    pairs: tuple[tuple[str, ...], ...]
    sellers: tuple[tuple[str, ...], ...]
    sellers_more: int
    clocks: tuple[tuple[str, ...], ...]
    rights: tuple[tuple[str, ...], ...]
    declines: tuple[tuple[str, ...], ...]
    steps: tuple[tuple[str, ...], ...]
    states: tuple[tuple[str, ...], ...]
    narrower: dict[str, list[str]]


def told_statistics(answer: Answer, talk: Talk) -> Told:
    """Return statistics in the words of a language."""
    found = answer.statistics
    clocks = [(one, _clock(talk, one.clock_id, f"{one.rule.id}@{one.rule.version}")) for one in found.clocks]
    rows = [
        (
            one.nature,
            (
                name,
                talk.number(one.states[ClockState.MET]),
                talk.share(one.missed),
                talk.number(sum(one.states[state] for state in _OPEN)),
                talk.number(one.states[ClockState.STOPPED]),
                talk.number(one.states[ClockState.UNKNOWN]),
            ),
        )
        for one, name in clocks
    ]
    return Told(
        now=talk.instant(answer.now),
        size=talk.number(answer.size),
        opened=found.totals.opened,
        facts=tuple(_facts(found.totals, talk)),
        months=tuple((talk.month(month), *_cells(totals, talk)) for month, totals in found.months),
        pairs=tuple((talk.pair(pair), *_cells(totals, talk)) for pair, totals in found.pairs),
        sellers=tuple((seller, *_cells(totals, talk)) for seller, totals in found.sellers[:SELLERS_SHOWN]),
        sellers_more=max(0, len(found.sellers) - SELLERS_SHOWN),
        clocks=tuple(cells for nature, cells in rows if nature is Nature.DUTY),
        rights=tuple(cells for nature, cells in rows if nature is Nature.RIGHT),
        declines=tuple(
            (
                talk.rule(f"{one.rule.id}@{one.rule.version}"),
                talk.number(one.count),
                talk.share((one.overturned["appeal"], one.count)),
                talk.share((one.overturned["ruling"], one.count)),
            )
            for one in found.declines
        ),
        steps=tuple((talk.speech.verb(verb), talk.number(number)) for verb, number in found.steps),
        states=tuple(
            (talk.speech.of(LIFECYCLE.case.states[state].words), talk.number(number)) for state, number in found.states
        ),
        narrower=_narrower(answer),
    )


def _narrower(answer: Answer) -> dict[str, list[str]]:
    asked, found = answer.question, answer.statistics
    questions = {
        "months": [replace(asked, first=month, last=month) for month, _ in found.months],
        "pairs": [replace(asked, buyer_country=pair[0], seller_country=pair[1]) for pair, _ in found.pairs],
        "sellers": [replace(asked, seller=seller) for seller, _ in found.sellers[:SELLERS_SHOWN]],
    }
    return {table: [urlencode(one.members()) for one in listed] for table, listed in questions.items()}


def _facts(totals: Totals, talk: Talk) -> list[tuple[str, str]]:
    found = [(talk.speech.code("figure", name), talk.number(number)) for name, number in totals.counts.items()]
    found += [(talk.speech.code("figure", name), _spread(spread, talk)) for name, spread in totals.spreads.items()]
    return found + [(talk.speech.code("share", name), talk.share(ratio)) for name, ratio in totals.ratios.items()]


def _cells(totals: Totals, talk: Talk) -> tuple[str, ...]:
    ratios = totals.ratios
    return (
        talk.number(totals.opened),
        talk.number(totals.closed),
        talk.share(ratios["decline"]),
        talk.share(ratios["overturn"]),
        talk.share(ratios["missed"]),
        _spread(totals.holds, talk),
        talk.share(ratios["anchored"]),
        _spread(totals.delays, talk),
    )


def _spread(spread: Spread, talk: Talk) -> str:
    """Return how many, and their median length and that which 95 of 100 do not exceed."""
    if spread.median is None or spread.p95 is None:
        return "–"
    return f"{talk.number(spread.count)}: {talk.speech.duration(spread.median)} / {talk.speech.duration(spread.p95)}"


def _clock(talk: Talk, clock_id: str, rule: str) -> str:
    return f"{talk.speech.of(CLOCK_KINDS[clock_id].words)} · {talk.rule(rule)}"
