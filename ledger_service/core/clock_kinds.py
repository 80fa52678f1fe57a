"""The kinds of clocks, read once from `data/clocks.json`: what stops, ends, revives and pauses each.

Promises: every step that is named exists. Does not: know days or laws (`rules.py`).

>>> [str(trigger.verb) for trigger in CLOCK_KINDS["info_due"].stops]
['provide_info']
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from ledger_service.core import data
from ledger_service.core.encoding import Json
from ledger_service.core.lifecycle import Words
from ledger_service.core.members import Reader
from ledger_service.core.trigger import Trigger, parse_trigger
from ledger_service.errors import FormatError

STEPS_MAX = 20  # phrases of one list of the table


class Nature(StrEnum):
    """A duty that can be breached, or a right that lapses when it is not used."""

    DUTY = "duty"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class ClockKind:
    """One kind of clock.

    `stops` are the steps that fulfil it, `ends` those after which nothing is owed; `revives` maps a verb to the
    verbs whose stop or end it undoes; `pauses` maps a pausing verb to the one that resumes. `dispute`: it belongs to
    a dispute. `subject` names the field that tells two clocks of the kind apart. `other_party`: only the party that
    did not start it stops it.
    """

    id: str
    words: Words
    nature: Nature
    dispute: bool
    subject: str | None
    stops: tuple[Trigger, ...]
    ends: tuple[Trigger, ...]
    revives: Mapping[str, tuple[str, ...]]
    pauses: Mapping[str, str]
    other_party: bool


def parse_clock_kinds(document: Json) -> Mapping[str, ClockKind]:
    """Return the kinds of a parsed document, by id, in its order.

    Raises:
        FormatError: The document is wrong; the message names the place.
    """
    read = Reader(FormatError, "clocks.json")
    return MappingProxyType({name: _kind(read.at(name), name, value) for name, value in read_object(read, document)})


def read_object(read: Reader, value: Json) -> list[tuple[str, Json]]:
    """Return the members of an object whose names are free."""
    if not isinstance(value, dict):
        raise read.fail("an object is expected")
    return list(value.items())


def read_triggers(read: Reader, value: Json) -> tuple[Trigger, ...]:
    """Return the triggers of an array of phrases."""
    return read.items(value, STEPS_MAX, lambda phrase: read.choice(phrase, parse_trigger))


def read_words(read: Reader, value: Json) -> Words:
    """Return a meaning in both languages."""
    m = read.members(value, ("en", "zh"))
    if not all(isinstance(text, str) and text for text in m.values()):
        raise read.fail("a text in each language is expected")
    return Words(m["en"], m["zh"])


def read_flag(read: Reader, value: Json) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise read.fail("true or false is expected")
    return value


def _kind(read: Reader, name: str, value: Json) -> ClockKind:
    m: dict[str, Any] = read.members(
        value,
        ("en", "zh", "nature", "machine", "stops", "ends"),
        optional=("revives", "pauses", "subject", "stopped_by_other_party"),
    )
    verb = read.at("revives")
    revives = {
        _verb(verb, reviving): verb.items(undone, STEPS_MAX, lambda item: _verb(verb, item))
        for reviving, undone in read_object(verb, m.get("revives", {}))
    }
    pauses = {
        _verb(read.at("pauses"), pausing): _verb(read.at("pauses"), resuming)
        for pausing, resuming in read_object(read.at("pauses"), m.get("pauses", {}))
    }
    return ClockKind(
        id=name,
        words=read_words(read, {"en": m["en"], "zh": m["zh"]}),
        nature=read.at("nature").choice(m["nature"], Nature),
        dispute=read.at("machine").choice(m["machine"], ("case", "dispute").index) == 1,
        subject=read.nullable(m.get("subject"), lambda name: read.at("subject").choice(name, str)),
        stops=read_triggers(read.at("stops"), m["stops"]),
        ends=read_triggers(read.at("ends"), m["ends"]),
        revives=MappingProxyType(revives),
        pauses=MappingProxyType(pauses),
        other_party=read_flag(read.at("stopped_by_other_party"), m.get("stopped_by_other_party", False)),
    )


def _verb(read: Reader, value: Json) -> str:
    return str(read.choice(value, parse_trigger).verb)


CLOCK_KINDS: Final = parse_clock_kinds(data.load("clocks.json"))
"""The kinds in force, by id."""
