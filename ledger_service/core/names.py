"""What the fields of a step name: a time zone, a law, entries of the case. Each must exist.

Promises: corrected values are held to the same. Does not: look at forms (`fields.py`), or at what a name leads to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ledger_service.core.calendars import ZONES
from ledger_service.core.docket import Docket
from ledger_service.core.lifecycle import LIFECYCLE
from ledger_service.core.rules import RULE_SETS

_LAWS = tuple(dict.fromkeys(known.id for known in RULE_SETS))


@dataclass(frozen=True, slots=True)
class UnknownName:
    """A name of nothing: why it is refused, and what to do."""

    reason: str
    hint: str


def unknown_name(docket: Docket, verb: str, values: Mapping[str, Any]) -> UnknownName | None:
    """Return the first name that leads nowhere, None if each leads somewhere.

    Args:
        docket: Of the case, without the step.
        verb: Of the step whose fields these are.
        values: Its fields, each of its form.
    """
    if (zone := values.get("buyer_zone")) is not None and zone not in ZONES:
        return UnknownName(f"there is no time zone {zone!r:.60} (IANA)", "write it as Europe/Berlin")
    for law in values.get("governing_law", ()):
        if law not in _LAWS:
            return UnknownName(f"there is no rule set {law!r:.60}", f"rule sets: {', '.join(_LAWS)}")
    for name, leaf in named_entries(verb, values):
        if docket.find(leaf) is None:
            reason = f"{name}: {leaf} is the leaf hash of no entry of this case"
            return UnknownName(reason, "`rledger show ID` lists them")
    return None


def named_entries(verb: str, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the entries that the fields of a step name, as (field, leaf hash in hex), in the order of its table."""
    transition = LIFECYCLE.transition(verb)
    assert transition is not None  # it is a step of the table
    return [
        (name, leaf)
        for name, known in transition.fields.items()
        if known.form.name == "leaf_hash" and name in values
        for leaf in (values[name] if known.form.many else [values[name]])
    ]
