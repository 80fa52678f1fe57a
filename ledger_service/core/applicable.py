"""What a case says that decides which rules apply, and the rule sets that apply to it.

Statutory rights follow the buyer's habitual residence; laws that the contract or a decision names stand beside;
customs rules follow the countries and the customs regime; the platform's policy always applies. Nothing that a party
records takes the law of the buyer's residence away.

Promises: no fact is guessed; a fact that cannot be seen is None. Does not: count (`clocks.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from typing import Any

from ledger_service.core import calendars
from ledger_service.core.calendars import Territory
from ledger_service.core.clock import Happening
from ledger_service.core.encoding import Json
from ledger_service.core.moments import History, Step, stated, time_of
from ledger_service.core.rule_clock import BUYER, WAREHOUSE, Confidence, RuleClock
from ledger_service.core.rules import RULE_SETS, Ground, RuleSet
from ledger_service.errors import CalendarError

_SURE = list(Confidence)


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What decides over rules and clocks.

    `values` holds the facts that a rule may ask for, each with every value that it has: none where the case says
    there is none, None where it cannot be seen. `buyer_zone` is the zone that the case names, `laws` the rule sets
    that it or a decision names, `pinned` the versions that decisions rest on, `collected` that the seller collects
    the goods.
    """

    values: Mapping[str, frozenset[str] | None]
    basis: str | None
    buyer_zone: str | None
    informed: bool
    laws: tuple[str, ...]
    pinned: Mapping[str, str]
    collected: bool
    on: date

    def one(self, fact: str) -> str | None:
        """Return the only value of a fact, None if it has none."""
        return next(iter(self.values[fact] or ()), None)


@dataclass(frozen=True, slots=True)
class Applied:
    """A rule set that applies, why, and how sure we are that it binds."""

    rules: RuleSet
    ground: Ground
    confidence: Confidence


def complete(happenings: Sequence[Happening]) -> list[Step]:
    """Return the steps with fields that other fields or earlier steps imply.

    `to_state` joins every step; `outcome` an inspection whose lines say it; `remedy` an acceptance, from the offer;
    `order_by` a ruling, the last day that its orders name.
    """
    steps: list[Step] = []
    remedy: Json = None
    for place, seen in enumerate(happenings):
        fields = {**seen.fields, "to_state": seen.to_state or ""}
        if seen.verb == "offer_settlement":
            remedy = fields.get("remedy")
        elif seen.verb == "accept_offer" and remedy is not None:
            fields["remedy"] = remedy
        elif seen.verb == "complete_inspection" and "outcome" not in fields and "lines" in fields:
            rows = _rows(fields["lines"])
            failed = any(row.get("rejected_qty") or row.get("missing_qty") for row in rows)
            fields["outcome"] = "mixed" if failed else "passed"
        elif seen.verb == "rule":
            days = {at: row["by"] for row in _rows(fields.get("order")) if (at := stated(row, "by")) is not None}
            if days:
                fields["order_by"] = days[max(days)]
        steps.append(Step(place, seen, fields))
    return steps


def case_facts(history: History, request: Step) -> CaseFacts:
    """Return the facts of a case that a request opened."""
    fields = request.fields
    regime = fields.get("customs_regime")
    lines = fields.get("lines")
    laws = [item for item in _list(fields.get("governing_law")) if isinstance(item, str)]
    pinned: dict[str, str] = {}
    collected, goods_to = False, fields.get("seller_country")
    for step in history.steps:
        if step.seen.rule is not None:
            pinned[step.seen.rule.id] = step.seen.rule.version
        if step.seen.verb == "supersede_policy_basis" and (new := str(step.fields.get("new_rule_id"))) in _LAWS:
            laws.append(new)
        if step.seen.verb == "approve_return":
            collected = step.fields.get("return_method") == "collected"
            goods_to = step.fields.get("ship_to_country", goods_to)
    values: dict[str, frozenset[str] | None] = {
        "buyer_country": _set(fields.get("buyer_country")),
        "customs_regime": _set(regime),
        "goods_to": _set(goods_to),
        "reason": None if lines is None else frozenset(str(row.get("reason")) for row in _rows(lines)),
        "seller_country": _set(fields.get("seller_country")),
    }
    basis, named = fields.get("legal_basis"), fields.get("buyer_zone")
    buyer_zone = named if isinstance(named, str) else None
    return CaseFacts(
        values=values,
        basis=basis if isinstance(basis, str) else None,
        buyer_zone=buyer_zone,
        informed=fields.get("buyer_informed") is not False,
        laws=tuple(dict.fromkeys(laws)),
        pinned=pinned,
        collected=collected,
        on=_day_of(request, buyer_zone or calendars.default_zone(str(fields.get("buyer_country")))),
    )


def applied_sets(facts: CaseFacts) -> list[Applied]:
    """Return the rule sets that apply, the law of the buyer's residence first."""
    country = facts.one("buyer_country")
    found: list[Applied] = []
    for known in RULE_SETS:
        mark = known.countries.get(str(country))
        if known.ground is not Ground.RESIDENCE:
            if _chosen(known, facts):
                found.append(Applied(known, known.ground, Confidence.READ))
        elif mark is not None and _chosen(known, facts):
            found.insert(0, Applied(known, Ground.RESIDENCE, mark))
        elif mark is None and known.id in facts.laws and _chosen(known, facts):
            found.append(Applied(known, Ground.GOVERNING_LAW, Confidence.READ))
    return found


def unknown_laws(facts: CaseFacts) -> list[str]:
    """Return the names of laws that are no rule sets of ours."""
    return [name for name in facts.laws if name not in _LAWS]


def runs(clock: RuleClock, facts: CaseFacts) -> tuple[bool | None, tuple[str, ...]]:
    """Return whether the case has what the clock needs; None, and the facts, where some cannot be seen."""
    if clock.bases and facts.basis not in clock.bases:
        return False, ()
    unseen = []
    for need in clock.when:
        values = facts.values[need.fact]
        if values is None:
            unseen.append(need.fact)
        elif not values or values.isdisjoint(need.values) is need.positive:
            return False, ()
    return (None, tuple(unseen)) if unseen else (True, ())


def territory(applied: Applied, clock: RuleClock, facts: CaseFacts) -> Territory | None:
    """Return whose public holidays count: those of the place, or, for a law that was chosen, of its own territory."""
    if clock.place == WAREHOUSE:
        return _territory(facts.one("goods_to"))
    if clock.place != BUYER:
        return Territory(clock.place)
    if applied.ground is not Ground.GOVERNING_LAW:
        return _territory(facts.one("buyer_country"))
    bound = applied.rules.countries
    if len(bound) == 1:
        return Territory(next(iter(bound)))
    seller = facts.one("seller_country")
    return Territory(seller) if seller is not None and seller in bound else None


def weaker(one: Confidence, other: Confidence) -> Confidence:
    """Return the less sure of two marks."""
    return max(one, other, key=_SURE.index)


def _chosen(known: RuleSet, facts: CaseFacts) -> bool:
    """Return whether this version counts: the one that a decision names if we have it, else the one in force."""
    version = facts.pinned.get(known.id)
    if any(other.id == known.id and other.version == version for other in RULE_SETS):
        return known.version == version
    return known.in_force(facts.on)


def _day_of(request: Step, zone: str | None) -> date:
    at = time_of(request).at
    try:
        return calendars.local_day(at, calendars.zone(zone)) if zone else at.astimezone(UTC).date()
    except CalendarError:
        return at.astimezone(UTC).date()


def _territory(country: str | None) -> Territory | None:
    return None if country is None else Territory(country)


def _set(value: Any) -> frozenset[str]:
    return frozenset({value}) if isinstance(value, str) else frozenset()


def _list(value: Json) -> list[Any]:
    return value if isinstance(value, list) else []


def _rows(value: Json) -> list[dict[str, Any]]:
    return [row for row in _list(value) if isinstance(row, dict)]


_LAWS = frozenset(known.id for known in RULE_SETS if known.ground is Ground.RESIDENCE)
