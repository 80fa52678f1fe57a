"""Which step starts or stops a clock: a phrase of the tables, and whether a step matches it.

A phrase is `verb`, `verb.field` (the time that the field states), `verb?field=value|value` (only with one of these
values) or `evidence:kind` (any step that brings a file of the kind).

Promises: a phrase names a verb or a kind of evidence of the life cycle. Does not: say when a step happened
(`moments.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ledger_service.core.encoding import Json
from ledger_service.core.lifecycle import LIFECYCLE

_PHRASE = re.compile(
    r"evidence:(?P<kind>[a-z_]+)|(?P<verb>[a-z_]+)(\.(?P<at>[a-z_]+)|\?(?P<field>[a-z_]+)=(?P<values>[a-z_|]+))?"
)
_VERBS = {*LIFECYCLE.case.transitions, *LIFECYCLE.dispute.transitions}


@dataclass(frozen=True, slots=True)
class Trigger:
    """A parsed phrase: either `verb` or `evidence` is set; `at` names the field whose time counts."""

    verb: str | None
    evidence: str | None = None
    at: str | None = None
    field: str | None = None
    values: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The verb, or `evidence:kind`."""
        return f"evidence:{self.evidence}" if self.verb is None else self.verb

    def holds(self, fields: Mapping[str, Json]) -> bool | None:
        """Return whether the step's fields satisfy the condition, None if the field is not there to be seen."""
        if self.field is None:
            return True
        if self.field not in fields:
            return None
        value = fields[self.field]
        return (value if isinstance(value, str) else str(value).lower()) in self.values


def parse_trigger(phrase: str) -> Trigger:
    """Return the trigger of a phrase.

    Raises:
        ValueError: No phrase, or one that names no verb or kind of evidence of the life cycle.
    """
    found = _PHRASE.fullmatch(phrase)
    if not found:
        raise ValueError(f"{phrase!r} is no phrase: verb, verb.field, verb?field=value or evidence:kind")
    if kind := found["kind"]:
        if kind not in LIFECYCLE.evidence_kinds:
            raise ValueError(f"{kind!r} is no kind of evidence")
        return Trigger(None, evidence=kind)
    if found["verb"] not in _VERBS:
        raise ValueError(f"{found['verb']!r} is no verb")
    values = frozenset(found["values"].split("|")) if found["values"] else frozenset()
    return Trigger(found["verb"], at=found["at"], field=found["field"], values=values)
