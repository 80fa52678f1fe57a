"""What people wrote in an entry in words of their own: found by the form of its fields, whatever the script.

Promises: a text is one because its field is (`core/data/lifecycle.json`), in rows too; nothing is left out because of
how it is written. Does not: translate, or make it harmless (the templates' filter `visible` does).

>>> [one.text for one in own_words("add_evidence", {"comment": "线缝开了。", "language": "zh-Hans"})]
['线缝开了。']
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ledger_service.core.fields import Form
from ledger_service.core.lifecycle import LIFECYCLE


@dataclass(frozen=True, slots=True)
class OwnWords:
    """A text as it was written, and the name of its field, the innermost where it stands in a row."""

    name: str
    text: str


def own_words(verb: str, values: Mapping[str, Any]) -> Iterator[OwnWords]:
    """Yield the texts among the values of a step, in the order of its table; none of a verb that no table holds."""
    row = LIFECYCLE.transition(verb)
    for field in () if row is None else row.fields.values():
        if field.name in values:
            yield from _texts(field.name, field.form, values[field.name])


def language_of(values: Mapping[str, Any]) -> str:
    """Return the tag of the language that an entry says its words are in, empty where it says none."""
    found = values.get("language")
    return found if isinstance(found, str) else ""


def _texts(name: str, form: Form, value: Any) -> Iterator[OwnWords]:
    for one in value if form.many and isinstance(value, list) else [value]:
        if form.name == "text" and isinstance(one, str):
            yield OwnWords(name, one)
        elif isinstance(one, dict):
            for member in form.members:
                if member.name in one:
                    yield from _texts(member.name, member.form, one[member.name])
