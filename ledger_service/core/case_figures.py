"""What one case adds to statistics: its steps, deadlines, declines and customs holds, without anybody's name.

An entry that a correction took back counts nowhere; one with corrected data counts with these.
Promises: the same docket and `now` give the same figures; they hold as long as no entry is added and `until` has not
come. Does not: add cases up (`statistics.py`), or judge a decline: it is overturned when a later step says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any, Final

from ledger_service.core import data, encoding
from ledger_service.core.clock import Clock, ClockState
from ledger_service.core.clock_kinds import Nature
from ledger_service.core.clocks import clocks
from ledger_service.core.docket import Docket, Known
from ledger_service.core.encoding import Json
from ledger_service.core.entry import Kind, RuleReference
from ledger_service.core.happenings import happening
from ledger_service.core.moments import Step, time_of
from ledger_service.errors import FormatError

FORMAT: Final = 1  # one more whenever the same entries give other figures, so that what is kept is counted anew
DECLINES: Final = frozenset({"decline_return", "deny_refund"})
DECISIONS: Final = DECLINES | {"approve_return"}
FOR_THE_BUYER: Final = frozenset({"buyer", "split", "lost"})  # of a ruling; a chargeback is lost by who was paid
HOLD: Final = "customs_hold"
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class ClockFigure:
    """One deadline of the case: its kind, whether it is a duty, the rule set it comes from, and where it is."""

    clock_id: str
    nature: Nature
    rule: RuleReference
    state: ClockState


@dataclass(frozen=True, slots=True)
class Decline:
    """One refusal: the rule that it cites, and how it was overturned: `appeal`, `ruling`, or None: it stands."""

    rule: RuleReference | None
    overturned_by: str | None = None


@dataclass(frozen=True, slots=True)
class CaseFigures:
    """What one case adds.

    `opened_at` is RFC 3339 UTC with milliseconds; `state` where the case is; `decided` whether anybody approved or
    refused anything. `steps` are (verb, how often); `holds` how many seconds each customs hold lasted, None while it
    lasts. `until` is the first time at which a clock may read otherwise, None: only a further entry changes anything.
    """

    opened_at: str
    buyer_country: str
    seller_country: str
    state: str
    decided: bool
    steps: tuple[tuple[str, int], ...]
    clocks: tuple[ClockFigure, ...]
    declines: tuple[Decline, ...]
    holds: tuple[int | None, ...]
    disputes: int
    until: str | None

    def concerns(self, rule: str) -> bool:
        """Say whether a clock or a decline of the case rests on this rule set."""
        cited = (decline.rule for decline in self.declines)
        return any(one is not None and one.id == rule for one in (*cited, *(clock.rule for clock in self.clocks)))


def figures_of(docket: Docket, *, now: str) -> CaseFigures:
    """Return the figures of a case.

    Args:
        docket: Of the case, from its first entry on.
        now: RFC 3339 UTC with milliseconds; clocks that nothing stopped are judged by it.
    """
    in_force = [known for known in docket.in_force() if known.entry.kind is not Kind.CORRECTION]
    found = clocks([happening(known) for known in in_force], now=now)
    first = docket.steps[0].entry
    moved = [known.entry for known in docket.steps if known.entry.kind in (Kind.TRANSITION, Kind.CORRECTION)]
    steps = Counter(known.entry.verb for known in in_force)
    return CaseFigures(
        opened_at=first.recorded_at,
        buyer_country=str(first.facts.get("buyer_country")),
        seller_country=str(first.facts.get("seller_country")),
        state=moved[-1].to_state or "",
        decided=not DECISIONS.isdisjoint(steps),
        steps=tuple(sorted(steps.items())),
        clocks=tuple(ClockFigure(one.clock_id, one.nature, one.rule, one.state) for one in found),
        declines=_declines(in_force),
        holds=_holds(in_force),
        disputes=steps["open_dispute"],
        until=_until(found, now),
    )


def figures_members(figures: CaseFigures, steps: Iterable[tuple[int, str]]) -> dict[str, Json]:
    """Return figures as a JSON object, with index and time of each step; `parse_figures` reads it."""
    return {
        "mark": _mark(),
        "opened_at": figures.opened_at,
        "countries": [figures.buyer_country, figures.seller_country],
        "state": figures.state,
        "decided": figures.decided,
        "steps": [list(one) for one in figures.steps],
        "clocks": [
            [one.clock_id, one.nature.value, one.rule.id, one.rule.version, one.state.value] for one in figures.clocks
        ],
        "declines": [
            [None if one.rule is None else [one.rule.id, one.rule.version], one.overturned_by]
            for one in figures.declines
        ],
        "holds": list(figures.holds),
        "disputes": figures.disputes,
        "until": figures.until,
        "entries": [list(one) for one in steps],
    }


def parse_figures(value: Json) -> tuple[CaseFigures, list[tuple[int, str]]]:
    """Return what `figures_members` took.

    Raises:
        FormatError: Anything else, or figures of code with other tables: they have to be counted anew.
    """
    try:
        m: Any = value
        if m["mark"] != _mark():
            raise FormatError("figures of other rules")
        figures = CaseFigures(
            opened_at=m["opened_at"],
            buyer_country=m["countries"][0],
            seller_country=m["countries"][1],
            state=m["state"],
            decided=m["decided"],
            steps=tuple((verb, number) for verb, number in m["steps"]),
            clocks=tuple(
                ClockFigure(clock_id, Nature(nature), RuleReference(rule, version), ClockState(state))
                for clock_id, nature, rule, version, state in m["clocks"]
            ),
            declines=tuple(Decline(None if rule is None else RuleReference(*rule), by) for rule, by in m["declines"]),
            holds=tuple(m["holds"]),
            disputes=m["disputes"],
            until=m["until"],
        )
        return figures, [(index, at) for index, at in m["entries"]]
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise FormatError(f"no figures of a case: {type(error).__name__}") from None


@cache
def _mark() -> str:
    """Return what figures depend on beside the case: this code and the tables of rules, clocks and steps."""
    tables = [data.load(name) for name in ("rules.json", "clocks.json", "lifecycle.json")]
    return sha256(encoding.encode([FORMAT, *tables])).hexdigest()[:32]


def _until(found: Sequence[Clock], now: str) -> str | None:
    """Return the next time that a clock looks at; times of one form are in the order of their text."""
    times = (at for one in found for at in (one.due_at, one.withheld_from, one.withheld_until))
    return min((at for at in times if at is not None and at > now), default=None)


def _declines(in_force: Sequence[Known]) -> tuple[Decline, ...]:
    """Return the refusals in their order.

    An approval after an appeal, or a reinstatement, overturns whatever stands; so does a ruling for the buyer, the
    whole way or half of it.
    """
    found: list[Decline] = []
    for known in in_force:
        entry = known.entry
        if entry.verb in DECLINES:
            found.append(Decline(entry.rule))
        elif (entry.verb == "approve_return" and entry.from_state == "under_appeal") or (entry.verb == "reinstate"):
            found = [_overturned(one, "appeal") for one in found]
        elif entry.verb == "rule" and known.values.get("outcome") in FOR_THE_BUYER:
            found = [_overturned(one, "ruling") for one in found]
    return tuple(found)


def _overturned(decline: Decline, by: str) -> Decline:
    return decline if decline.overturned_by is not None else Decline(decline.rule, by)


@dataclass(slots=True)
class _Hold:
    """A customs hold while it is read; `ended` is None while it lasts."""

    began: datetime
    ended: datetime | None = None


def _holds(in_force: Sequence[Known]) -> tuple[int | None, ...]:
    """Return the length of each hold; one that an offer interrupted goes on when the offer is refused."""
    holds: list[_Hold] = []
    for place, known in enumerate(in_force):
        entry = known.entry
        if entry.kind is not Kind.TRANSITION or HOLD not in (entry.from_state, entry.to_state):
            continue
        seen = happening(known)
        at = time_of(Step(place, seen, seen.fields)).at
        if entry.verb == "hold_at_customs":
            holds.append(_Hold(at))
        elif holds and entry.from_state != HOLD:
            holds[-1].ended = None
        elif holds and entry.to_state != HOLD:
            holds[-1].ended = at
    return tuple(None if one.ended is None else max(0, (one.ended - one.began) // _SECOND) for one in holds)
