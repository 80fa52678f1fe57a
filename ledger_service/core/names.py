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
    transition = LIFECYCLE.transition(verb)
    assert transition is not None  # it is a step of the table
    for name, known in transition.fields.items():
        if known.form.name != "leaf_hash" or name not in values:
            continue
        for leaf in values[name] if known.form.many else [values[name]]:
            if docket.find(leaf) is None:
                reason = f"{name}: {leaf} is the leaf hash of no entry of this case"
                return UnknownName(reason, "`rledger show ID` lists them")
    return None
