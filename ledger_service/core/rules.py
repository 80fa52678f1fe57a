"""The rule sets of countries, customs, carriers and the platform as values, read once from `data/rules.json`.

Promises: what `RULE_SETS` holds was checked when it was read: every clock, step, country and unit exists, no two
versions of a set are in force on one day. Every clock carries its citation and how sure we are of it: `V` read in a
source, `P` partly, `M` from memory. Does not: count (`counting.py`), or choose the sets of a case (`applicable.py`).

>>> rule_set("EU", on=date(2026, 6, 18)).version, rule_set("EU", on=date(2026, 6, 19)).version
('1', '2')
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from ledger_service.core import data
from ledger_service.core.clock_kinds import read_object, read_words
from ledger_service.core.encoding import Json
from ledger_service.core.entry import RULE, RuleReference
from ledger_service.core.lifecycle import Words
from ledger_service.core.members import Reader
from ledger_service.core.rule_clock import Confidence, RuleClock, read_clock, read_countries
from ledger_service.errors import FormatError, UnknownRuleError

ROWS_MAX = 100  # rule sets, clocks or versions of one list


class Ground(StrEnum):
    """Why a rule set applies."""

    RESIDENCE = "residence"
    GOVERNING_LAW = "governing_law"
    POLICY = "policy"
    CUSTOMS = "customs"
    CARRIER = "carrier"
    CARD_NETWORK = "card_network"


@dataclass(frozen=True, slots=True)
class RuleSet:
    """One version of the rules of one jurisdiction or party.

    In force from `valid_from` to `valid_to`, both included (None: still). `countries` are those whose residents it
    binds, with our confidence that it does. `payer_of_return` maps a legal basis to who pays the return (`contract`:
    the contract says); `notes` are exclusions and other terms in words.
    """

    id: str
    version: str
    ground: Ground
    words: Words
    countries: Mapping[str, Confidence]
    valid_from: date
    valid_to: date | None
    law: str
    confidence: Confidence
    payer_of_return: Mapping[str, str]
    notes: Mapping[str, Words]
    clocks: tuple[RuleClock, ...]

    @property
    def reference(self) -> RuleReference:
        """The set as a decision stores it."""
        return RuleReference(self.id, self.version)

    def in_force(self, on: date) -> bool:
        """Return whether this version is in force on a day."""
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)


def rule_set(identity: str, version: str | None = None, *, on: date | None = None) -> RuleSet:
    """Return a rule set by its id and version, or the version in force on a day, or else the newest.

    Raises:
        UnknownRuleError: There is none.
    """
    versions = [known for known in RULE_SETS if known.id == identity]
    if not versions:
        hint = f"known: {', '.join(dict.fromkeys(known.id for known in RULE_SETS))}"
        raise UnknownRuleError(f"no rule set is called {identity!r:.60}", hint=hint)
    found = [k for k in versions if version in (None, k.version) and (on is None or k.in_force(on))]
    if not found:
        asked = f"version {version!r:.60}" if version is not None else f"version in force on {on}"
        hint = "; ".join(f"{k.version}: {k.valid_from} to {k.valid_to or 'now'}" for k in versions)
        raise UnknownRuleError(f"the rule set {identity} has no {asked}", hint=hint)
    return found[-1]


def parse_rule_sets(document: Json) -> tuple[RuleSet, ...]:
    """Return every version of every rule set of a parsed document, in its order.

    Raises:
        FormatError: The document is wrong; the message names the place.
    """
    read = Reader(FormatError, "rules.json")
    m = read.members(document, ("groups", "rule_sets"))
    groups = {name: read_countries(read.at(name), value, {}) for name, value in read_object(read, m["groups"])}
    rows = read.at("rule_sets").items(m["rule_sets"], ROWS_MAX, lambda row: _rule_set(read, row, groups))
    found = tuple(version for versions in rows for version in versions)
    for place, known in enumerate(found):
        for other in found[:place]:
            if other.id == known.id and other.in_force(known.valid_from):
                raise read.fail(f"{known.id}: versions {other.version} and {known.version} overlap")
    return found


def _rule_set(read: Reader, row: Json, groups: Mapping[str, frozenset[str]]) -> tuple[RuleSet, ...]:
    names = ("id", "ground", "en", "zh", "countries", "versions", "confidence", "payer_of_return", "notes", "clocks")
    m: dict[str, Any] = read.members(row, names)
    identity = read.at("id").text(m["id"], RULE)
    read = Reader(FormatError, f"rules.json: {identity}")
    countries: dict[str, Confidence] = {}
    for group in read.at("countries").items(m["countries"], ROWS_MAX, lambda v: v):
        g = read.at("countries").members(group, ("of", "confidence"))
        mark = read.at("countries").choice(g["confidence"], Confidence)
        countries |= dict.fromkeys(read_countries(read.at("countries"), g["of"], groups), mark)
    clocks = read.at("clocks").items(m["clocks"], ROWS_MAX, lambda v: read_clock(read.at("clocks"), v, groups))
    notes = {name: read_words(read.at(f"notes.{name}"), value) for name, value in read_object(read, m["notes"])}

    def version(value: Json) -> RuleSet:
        inner = read.at("versions")
        v = inner.members(value, ("version", "valid_from", "valid_to", "law"))
        return RuleSet(
            id=identity,
            version=inner.text(v["version"], RULE),
            ground=read.at("ground").choice(m["ground"], Ground),
            words=read_words(read, {"en": m["en"], "zh": m["zh"]}),
            countries=MappingProxyType(countries),
            valid_from=inner.choice(v["valid_from"], date.fromisoformat),
            valid_to=inner.nullable(v["valid_to"], lambda d: inner.choice(d, date.fromisoformat)),
            law=inner.choice(v["law"], str),
            confidence=read.at("confidence").choice(m["confidence"], Confidence),
            payer_of_return=MappingProxyType(
                {b: read.at("payer_of_return").choice(p, str) for b, p in read_object(read, m["payer_of_return"])}
            ),
            notes=MappingProxyType(notes),
            clocks=clocks,
        )

    return read.at("versions").items(m["versions"], ROWS_MAX, version)


RULE_SETS: Final = parse_rule_sets(data.load("rules.json"))
"""Every version of every rule set, in the order of the table."""
