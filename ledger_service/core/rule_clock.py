"""How one rule set counts one kind of clock, as a value, and its row of `data/rules.json` read strictly.

Promises: a row that is read names clocks, steps, roles and countries that exist, and a period with a unit.
Does not: know the rule sets (`rules.py`) or count (`counting.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ledger_service.core.calendars import default_zone
from ledger_service.core.clock_kinds import CLOCK_KINDS, read_flag, read_triggers, read_words
from ledger_service.core.counting import Offset, Period, Roll, Unit
from ledger_service.core.encoding import Json
from ledger_service.core.entry import Role
from ledger_service.core.fields import Form, check
from ledger_service.core.lifecycle import Words
from ledger_service.core.members import Reader
from ledger_service.core.trigger import Trigger

COUNT_MAX = 1_000  # the longest period of the table has 90
VALUES_MAX = 300  # countries of one list: ISO 3166-1 has about 250
BUYER, WAREHOUSE = "buyer", "warehouse"  # whose local days count: the buyer's, or those where the goods go back
NOTICE = "notice"  # the unit of a clock whose time only a notice says
OTHER_PARTY = "other_party"  # the actor of a clock that the party answers which did not start it
FACTS = frozenset({"buyer_country", "customs_regime", "goods_to", "reason", "seller_country"})
BASES = frozenset({"statutory_withdrawal", "non_conformity", "seller_policy", "platform_guarantee", "goodwill"})


class Confidence(StrEnum):
    """How sure we are of a rule: read in a source, partly, or from memory. In order, surest first."""

    READ = "V"
    PARTLY = "P"
    MEMORY = "M"


class From(StrEnum):
    """From where a window runs when the buyer was not informed: its own end, its start, or a day nobody recorded."""

    END = "end"
    START = "start"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Uninformed:
    """What happens to a window when the buyer was not informed: so many months from there (0 if unknown)."""

    months: int
    start: From


@dataclass(frozen=True, slots=True)
class Need:
    """A fact of the case that must (or must not) be one of some values."""

    fact: str
    positive: bool
    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class RuleClock:
    """How one rule set counts one kind of clock.

    `period` is None where only a notice says the time (`due_field`). `starts` begin it; `starts_if_idle` only when
    none of the kind runs; `starts_if_collected` instead of `starts` when the seller collects the goods. `each`:
    every start begins a clock of its own, else the earliest begins the only one. `actor` is who must act (None: the
    other party of the dispute); `place` is `buyer`, `warehouse` or a country. `bases` are the legal bases for which
    it runs (empty: all); `when` facts that it needs, `needs` steps without which it is not shown. `silent`: only
    where no law that applies has this clock. `sent`: a statement sent in time is enough. `withheld_until`: what ends
    a lawful withholding.
    """

    kind: str
    period: Period | None
    starts: tuple[Trigger, ...]
    starts_if_idle: tuple[Trigger, ...]
    starts_if_collected: tuple[Trigger, ...]
    needs: tuple[Trigger, ...]
    withheld_until: tuple[Trigger, ...]
    each: bool
    silent: bool
    sent: bool
    actor: Role | None
    place: str
    bases: tuple[str, ...]
    when: tuple[Need, ...]
    uninformed: Uninformed | None
    count_field: str | None
    due_field: str | None
    conditions: Words | None
    citation: str
    confidence: Confidence


def read_countries(read: Reader, value: Json, groups: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Return the countries of a group's name or of a list."""
    if isinstance(value, str) and value in groups:
        return groups[value]
    found = frozenset(read.items(value, VALUES_MAX, lambda item: read.choice(item, str)))
    if wrong := sorted(country for country in found if check(Form("country"), country)):
        raise read.fail(f"{wrong[0]!r:.60} is no country")
    return found


def read_clock(read: Reader, value: Json, groups: Mapping[str, frozenset[str]]) -> RuleClock:
    """Return the clock of a row.

    Raises:
        FormatError: The row is wrong; the message names the rule set and the member.
    """
    needed = ("clock", "count", "unit", "offset", "roll", "starts", "actor", "place", "citation", "confidence")
    lists = ("starts_if_idle", "starts_if_collected", "needs", "withheld_until")
    flags = ("each", "where_law_is_silent", "sent")
    m: dict[str, Any] = read.members(
        value,
        needed,
        optional=(*lists, *flags, "bases", "when", "uninformed", "count_field", "due_field", "conditions"),
    )
    if m["clock"] not in CLOCK_KINDS:
        raise read.fail(f"{m['clock']!r:.60} is no kind of clock")
    read = read.at(m["clock"])
    if m["place"] not in (BUYER, WAREHOUSE) and default_zone(str(m["place"])) is None:
        raise read.at("place").fail(f"{m['place']!r:.60} is neither buyer, warehouse nor a country with one zone")
    steps = {name: read_triggers(read.at(name), m.get(name, [])) for name in (*lists, "starts")}
    flag = {name: read_flag(read.at(name), m.get(name, False)) for name in flags}
    return RuleClock(
        kind=m["clock"],
        period=_period(read, m),
        starts=steps["starts"],
        starts_if_idle=steps["starts_if_idle"],
        starts_if_collected=steps["starts_if_collected"],
        needs=steps["needs"],
        withheld_until=steps["withheld_until"],
        each=flag["each"],
        silent=flag["where_law_is_silent"],
        sent=flag["sent"],
        actor=None if m["actor"] == OTHER_PARTY else read.at("actor").choice(m["actor"], Role),
        place=m["place"],
        bases=tuple(_known(read.at("bases"), basis, BASES) for basis in m.get("bases", [])),
        when=read.at("when").items(m.get("when", []), VALUES_MAX, lambda need: _need(read.at("when"), need, groups)),
        uninformed=read.nullable(m.get("uninformed"), lambda u: _uninformed(read.at("uninformed"), u)),
        count_field=read.nullable(m.get("count_field"), lambda name: read.at("count_field").choice(name, str)),
        due_field=read.nullable(m.get("due_field"), lambda name: read.at("due_field").choice(name, str)),
        conditions=read.nullable(m.get("conditions"), lambda w: read_words(read.at("conditions"), w)),
        citation=read.at("citation").choice(m["citation"], str),
        confidence=read.at("confidence").choice(m["confidence"], Confidence),
    )


def _period(read: Reader, m: Mapping[str, Any]) -> Period | None:
    offset = read.at("offset").choice(m["offset"], Offset)
    roll = read.at("roll").choice(m["roll"], Roll)
    if m["unit"] == NOTICE:
        if m["count"] is not None or "due_field" not in m:
            raise read.at("unit").fail("a notice has no count, and a field that says its time")
        return None
    unit = read.at("unit").choice(m["unit"], Unit)
    if CLOCK_KINDS[m["clock"]].pauses and unit is not Unit.HOURS:
        raise read.at("unit").fail("only hours can be paused")
    return Period(read.at("count").integer(m["count"], most=COUNT_MAX), unit, offset, roll)


def _need(read: Reader, value: Json, groups: Mapping[str, frozenset[str]]) -> Need:
    parts = read.items(value, 3, lambda item: item)
    if len(parts) != 3 or parts[1] not in ("in", "not_in"):
        raise read.fail("a fact, in or not_in, and values are expected")
    fact = _known(read, parts[0], FACTS)
    if fact.endswith(("country", "to")):
        return Need(fact, parts[1] == "in", read_countries(read, parts[2], groups))
    return Need(
        fact, parts[1] == "in", frozenset(read.items(parts[2], VALUES_MAX, lambda item: read.choice(item, str)))
    )


def _uninformed(read: Reader, value: Json) -> Uninformed:
    m = read.members(value, ("months", "from"))
    months = read.nullable(m["months"], lambda v: read.at("months").integer(v, least=1, most=COUNT_MAX))
    return Uninformed(months or 0, read.at("from").choice(m["from"], From))


def _known(read: Reader, value: Json, known: frozenset[str]) -> str:
    if value not in known:
        raise read.fail(f"{value!r:.60} is none of {', '.join(sorted(known))}")
    return str(value)
