"""What an entry holds, value by value, in words: by the form of each field, as the table of the life cycle gives it.

Promises: no code of ours is shown where there are words for it; what somebody wrote stays as written, and is told apart
from our words. Does not: make a text harmless (the templates' filter `visible` does), or choose what may be seen.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from ledger_service.core.clock import instant_text
from ledger_service.core.clock_kinds import CLOCK_KINDS
from ledger_service.core.entry import CaseEntry, Kind
from ledger_service.core.fields import Field, Form, check
from ledger_service.core.lifecycle import LIFECYCLE
from ledger_service.core.moments import parse_instant
from ledger_service.core.pages.words import WORDS
from ledger_service.core.timeline import Timeline
from ledger_service.core.timeline_row import Row
from ledger_service.web.own_words import language_of
from ledger_service.web.talk import Talk

VALUE_CHARACTERS_MAX = 4_000
_ANY, _INSTANT, _CLOCK, _LEAF = Form("any"), Form("instant"), Form("clock"), Form("leaf_hash")
_ASIDE: Final = frozenset({Kind.ACCESS, Kind.ATTEMPT, Kind.ERASURE, Kind.FINDING})


def _named(group: str) -> Form:
    return Form(group, choices=tuple(WORDS[group]))


_ROLE = _named("role")
_BESIDE: Final[Mapping[str, Form]] = MappingProxyType({
    "actor": _ROLE,
    "asked_at": _INSTANT,
    "asked_by": _ROLE,
    "case_head": _LEAF,
    "clock_id": _CLOCK,
    "decided_at": _INSTANT,
    "entry": _LEAF,
    "erased": Form("erased", members=(Field("entry", _LEAF), Field("positions", Form("count", many=True))), many=True),
    "extent": _named("erasure_extent"),
    "ground": _named("erasure_ground"),
    "refused": _named("attempt"),
    "started_by": _LEAF,
    "why": Form("text"),
    "subject": Form("subject", members=(Field("role", _ROLE), Field("party", Form("digest")))),
})  # fmt: skip
"""The forms of what entries beside the chain hold; no table does."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a value: its name where it is one of several, and its text.

    `given` says that the text came from outside, as a reference or as somebody's own words; of those, `lang` is the
    tag of the language that the entry says they are in, and `language` its name where it is not the page's own.
    """

    name: str
    text: str
    given: bool = False
    lang: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Value:
    """A value of an entry: the code of its field, what that means, and its lines of parts."""

    code: str
    name: str
    lines: tuple[tuple[Part, ...], ...]


class Teller:
    """Tells the values of the entries of one case, in one language."""

    def __init__(self, timeline: Timeline, talk: Talk) -> None:
        """Take the case, since values refer to other entries of it."""
        self._talk = talk
        self._rows = {row.placed.known.leaf.hex(): row for row in timeline.rows}
        self._tell: dict[str, Callable[[Any], str | None]] = {
            "amount": lambda value: talk.amount(value["minor"], value["currency"]),
            "boolean": lambda value: talk.choice("boolean", str(value).lower()),
            "country": talk.country,
            "evidence_kind": talk.evidence,
            "instant": self._instant,
            "language": talk.language,
            "role": lambda value: talk.speech.code("role", value),
            **dict.fromkeys(("count", "days", "quantity", "score"), talk.number),
        }

    def values(self, row: Row) -> Iterator[Value]:
        """Yield the values of an entry, as they count, sorted by their codes."""
        corrected = {} if row.corrected is None else row.corrected
        for name, value in sorted({**row.values, **corrected}.items()):
            form, lang = _form_of(row.entry, name), language_of(row.values)
            if row.entry.kind is Kind.ATTEMPT and name == "why":
                lang = "en"  # of a refusal: what an error says
            if name == "corrected" and isinstance(value, dict):
                wrong = self._rows.get(str(row.values.get("wrong_entry")))
                lines = tuple(self._corrected(value, None if wrong is None else wrong.entry, lang))
            else:
                lines = tuple(self.lines(form, value, lang))
            yield Value(name, self._talk.speech.field(name), lines)

    def lines(self, form: Form, value: Any, lang: str = "") -> Iterator[tuple[Part, ...]]:
        """Yield the lines of a value: one a row where it is a list of rows, else one.

        Args:
            form: That it should have; a value that has not is told as it is.
            value: It.
            lang: The tag of the language of its texts, empty where nothing says it.
        """
        of_one = replace(form, many=False)
        if not form.many:
            yield tuple(self._parts("", form, value, lang))
        elif form.members and isinstance(value, list):
            for one in value:
                yield tuple(self._parts("", of_one, one, lang))
        elif isinstance(value, list):
            told = [part for one in value for part in self._parts("", of_one, one, lang)]
            given = any(part.given for part in told)
            yield (Part("", ", ".join(part.text for part in told), given),)
        else:
            yield (_as_it_is("", value),)

    def _parts(self, name: str, form: Form, value: Any, lang: str) -> Iterator[Part]:
        if form.members and isinstance(value, dict):
            for key, one in value.items():
                member = next((known for known in form.members if known.name == key), None)
                named = self._talk.speech.field(key)
                if member is None:
                    yield _as_it_is(named, one)
                elif member.form.many:
                    for line in self.lines(member.form, one, lang):
                        yield from (replace(part, name=part.name or named) for part in line)
                else:
                    yield from self._parts(named, member.form, one, lang)
        elif form.name == "text" and isinstance(value, str):
            yield Part(name, _short(value), True, lang, self._talk.other_language(lang))
        else:
            words = self._words(form, value)
            yield _as_it_is(name, value) if words is None else Part(name, words)

    def _words(self, form: Form, value: Any) -> str | None:
        """Return a value in words, None where it is shown as it was given: a reference, or not of the form."""
        talk = self._talk
        if form.name in self._tell:
            return self._tell[form.name](value) if check(form, value) is None else None
        if form.choices:
            return talk.choice(form.name, value) if value in form.choices else None
        if form.name == _CLOCK.name:
            known = CLOCK_KINDS.get(value) if isinstance(value, str) else None
            return None if known is None else talk.speech.of(known.words)
        if form.name == _LEAF.name:
            row = self._rows.get(value) if isinstance(value, str) else None
            return None if row is None else talk.speech.entries([row.index])
        return None

    def _instant(self, text: str) -> str | None:
        try:
            return self._talk.instant(instant_text(parse_instant(text)))
        except OverflowError:  # the first or the last hours of the calendar, in a zone beside UTC
            return None

    def _corrected(self, values: Mapping[str, Any], wrong: CaseEntry | None, lang: str) -> Iterator[tuple[Part, ...]]:
        for name, value in values.items():
            named, form = self._talk.speech.field(name), _ANY if wrong is None else _form_of(wrong, name)
            for line in self.lines(form, value, lang):
                first, *others = line or (Part("", ""),)
                label = named if first.name in ("", named) else f"{named}, {first.name}"
                yield (replace(first, name=label), *others)


def _form_of(entry: CaseEntry, name: str) -> Form:
    row = None if entry.kind in _ASIDE else LIFECYCLE.transition(entry.verb)
    if row is None:
        return _BESIDE.get(name, _ANY)
    if name == "clock_id":
        return _CLOCK
    return row.fields[name].form if name in row.fields else _ANY


def _as_it_is(name: str, value: Any) -> Part:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return Part(name, _short(text), given=True)


def _short(text: str) -> str:
    return text if len(text) <= VALUE_CHARACTERS_MAX else text[: VALUE_CHARACTERS_MAX - 1] + "…"
