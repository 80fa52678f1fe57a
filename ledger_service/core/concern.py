"""Which kinds of clocks a step concerns: those that would read otherwise if it had not happened, or otherwise.

Promises: a kind that is not named is the same with and without the step, whatever its fields say.
Does not: compute clocks (`clocks.py`).

>>> sorted(_BY_NAME["give_feedback"])
['feedback_window']
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger_service.core.clock import Happening
from ledger_service.core.clock_kinds import CLOCK_KINDS
from ledger_service.core.rules import RULE_SETS

# Steps that decide which rules apply (`applicable.case_facts`), or lend a field to a later one (`complete`).
DECIDING = frozenset({"request_return", "approve_return", "supersede_policy_basis", "offer_settlement"})
EVERY_KIND: Final = frozenset(CLOCK_KINDS)


def concerned(happening: Happening) -> frozenset[str]:
    """Return the kinds of clocks that a step concerns; all of them where it decides which rules apply."""
    if happening.verb in DECIDING or happening.rule is not None:
        return EVERY_KIND
    names = (happening.verb, *(f"evidence:{kind}" for kind in happening.evidence))
    return frozenset[str]().union(*(_BY_NAME.get(name, ()) for name in names))


def _named() -> Iterator[tuple[str, str]]:
    """Yield each verb or `evidence:kind` that the tables name, with the kind of clock that looks at it."""
    for kind in CLOCK_KINDS.values():
        verbs = {*kind.revives, *kind.pauses, *kind.pauses.values()}
        verbs.update(verb for undone in kind.revives.values() for verb in undone)
        for name in {*verbs, *(trigger.name for trigger in (*kind.stops, *kind.ends))}:
            yield name, kind.id
    for rules in RULE_SETS:
        for rule in rules.clocks:
            starts = (*rule.starts, *rule.starts_if_idle, *rule.starts_if_collected)
            for trigger in (*starts, *rule.needs, *rule.withheld_until):
                yield trigger.name, rule.kind


def _by_name() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for name, kind in _named():
        found.setdefault(name, set()).add(kind)
    return {name: frozenset(kinds) for name, kinds in found.items()}


_BY_NAME: Final = _by_name()
