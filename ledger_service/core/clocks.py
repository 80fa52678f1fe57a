"""Every deadline of a case: computed from its steps and the rules that apply, never typed in.

Promises: the same steps and the same `now` give the same clocks on every machine; where two laws may apply both
clocks are given; what is not known gives a clock that is unknown and says what is missing. Nothing that a party
recorded makes `clocks` raise. Does not: record a breach, or judge whether a refusal was lawful.

>>> request = Happening(
...     0, "request_return", Role.BUYER, None, "2026-03-02T09:00:00.000Z",
...     {"legal_basis": "statutory_withdrawal", "buyer_country": "DE", "seller_country": "FR"}, (), None)
>>> found = clocks([request], now="2026-03-02T09:00:00.000Z")
>>> [(clock.clock_id, clock.due_date) for clock in found if clock.ground is Ground.RESIDENCE]
[('withdrawal_window', None), ('ship_back', '2026-03-16'), ('refund_deadline', '2026-03-16')]
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from ledger_service.core.applicable import (
    Applied,
    CaseFacts,
    applied_sets,
    case_facts,
    complete,
    runs,
    unknown_laws,
)
from ledger_service.core.clock import Clock, ClockState, Happening, Reason, clock_members
from ledger_service.core.clock_kinds import CLOCK_KINDS
from ledger_service.core.course import find_starts
from ledger_service.core.entry import Role, RuleReference
from ledger_service.core.moments import History, parse_instant
from ledger_service.core.reading import Reading
from ledger_service.core.rule_clock import Confidence, RuleClock
from ledger_service.core.rules import RULE_SETS, Ground

__all__ = ["Clock", "Happening", "clock_members", "clocks"]

UNKNOWN_LAW = "withdrawal_window"  # the kind of clock that says that we do not have the rules of a law
UNKNOWN_VERSION = "unknown"  # the version of a rule set that we do not have


def clocks(happenings: Sequence[Happening], *, now: str, only: Collection[str] | None = None) -> tuple[Clock, ...]:
    """Return every clock of a case, in the order of the steps that start them.

    Args:
        happenings: The steps of the case and of its disputes, in the order of the log, without those that a
            correction voided. Without a `request_return` there is no case and no clock.
        now: RFC 3339 UTC with milliseconds; what is not stopped is judged by it.
        only: The kinds (`clock_id`) that the caller looks at; None: all.
    """
    if only is not None and not _may_begin(happenings, frozenset(only)):
        return ()
    case = History.of(complete([seen for seen in happenings if not seen.dispute]))
    request = next((step for step in case.steps if step.seen.verb == "request_return"), None)
    if request is None:
        return ()
    by_dispute: dict[str, list[Happening]] = {}
    for seen in happenings:
        if seen.dispute:
            by_dispute.setdefault(str(seen.fields.get("dispute_id")), []).append(seen)
    disputes = [History.of(complete(group)) for group in by_dispute.values()]
    facts = case_facts(case, request)
    at = parse_instant(now)
    found: list[Clock] = []
    for applied, rule, unseen in _rules(facts):
        if only is not None and rule.kind not in only:
            continue
        kind = CLOCK_KINDS[rule.kind]
        for history in disputes if kind.dispute else [case]:
            if rule.needs and not any(history.named_by(trigger) for trigger in rule.needs):
                continue
            for start in find_starts(history, kind, rule, collected=facts.collected):
                known = replace(start, moment=None, missing=unseen, own=False) if unseen else start
                found.append(Reading(applied, rule, kind, facts, history, known, at).clock())
    if only is None or UNKNOWN_LAW in only:
        found += [_unknown_law(name, request.seen.seq) for name in unknown_laws(facts)]
    return tuple(sorted(found, key=lambda clock: clock.started_by))


def _may_begin(happenings: Sequence[Happening], kinds: frozenset[str]) -> bool:
    """Say whether a step is among those that begin a clock of these kinds under any rule; most cases have none."""
    names = _beginnings(kinds)
    return UNKNOWN_LAW in kinds or any(
        seen.verb in names or not names.isdisjoint(f"evidence:{item}" for item in seen.evidence) for seen in happenings
    )


@lru_cache(maxsize=64)
def _beginnings(kinds: frozenset[str]) -> frozenset[str]:
    rules = [rule for known in RULE_SETS for rule in known.clocks if rule.kind in kinds]
    triggers = [[*rule.starts, *rule.starts_if_collected, *rule.starts_if_idle] for rule in rules]
    return frozenset(trigger.name for some in triggers for trigger in some)


def _rules(facts: CaseFacts) -> Iterator[tuple[Applied, RuleClock, tuple[str, ...]]]:
    """Yield the clocks of the rules that apply, each with the facts that it needs and nobody can see."""
    applied = applied_sets(facts)
    spoken = {
        rule.kind
        for one in applied
        if one.ground in (Ground.RESIDENCE, Ground.GOVERNING_LAW)
        for rule in one.rules.clocks
        if runs(rule, facts)[0]
    }
    for one in applied:
        for rule in one.rules.clocks:
            wanted, unseen = runs(rule, facts)
            if wanted is not False and not (rule.silent and rule.kind in spoken):
                yield one, rule, unseen


def _unknown_law(name: str, seq: int) -> Clock:
    """Return the clock that says that a law was named which we have no rules of."""
    kind = CLOCK_KINDS[UNKNOWN_LAW]
    return Clock(
        clock_id=kind.id,
        words=kind.words,
        nature=kind.nature,
        rule=RuleReference(name, UNKNOWN_VERSION),
        ground=Ground.GOVERNING_LAW,
        actor=Role.BUYER,
        state=ClockState.UNKNOWN,
        started_by=seq,
        reason=Reason.RULE_SET_UNKNOWN,
        citation="",
        confidence=Confidence.MEMORY,
    )
