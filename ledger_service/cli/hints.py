"""What each role may do now, as text: hints after a timeline, and the answer of `rledger actions`.

Does not: decide what is possible (`core/actions.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ledger_service.cli.language import Language
from ledger_service.core.actions import Action
from ledger_service.core.clock import Clock
from ledger_service.core.entry import Role
from ledger_service.core.lifecycle import ANY_EVIDENCE
from ledger_service.core.pages.sheets import due_of, why_of
from ledger_service.core.pages.speech import Speech

if TYPE_CHECKING:
    from ledger_service.operations.show import Available


def hints(available: list[Available], language: Language) -> Iterator[str]:
    """Yield a line for each role that may do something, and one for each deadline that it must keep."""
    speech = Speech(language)
    for one in available:
        role = speech.code("role", one.role.value)
        if verbs := dict.fromkeys(action.verb for action in one.actions if not action.refused):
            yield speech.say("may", role=role, verbs=", ".join(verbs))
        for clock in one.due:
            yield speech.say("must", role=role, clock=speech.of(clock.words), due=_due(clock, speech))


def format_actions(available: Available | None, role: Role, language: Language) -> str:
    """Return everything that a role may do, with what it needs and what refuses it; None: it can do nothing."""
    speech = Speech(language)
    who = speech.code("role", role.value)
    if available is None:
        return speech.say("nothing", role=who)
    lines = [line for action in available.actions for line in _action(action, speech)]
    if available.due:
        lines += [speech.say("due_for", role=who)]
        lines += [f"    {speech.of(clock.words)}: {_due(clock, speech)}" for clock in available.due]
    return "\n".join(lines)


def _action(action: Action, speech: Speech) -> Iterator[str]:
    targets = speech.say("leads", targets=speech.say("or").join(action.targets)) if action.targets else ""
    yield speech.say("action", verb=action.verb, words=speech.of(action.words), targets=targets)
    told = []
    if action.dispute_id is not None:
        told.append(speech.say("in_dispute", id=action.dispute_id))
    for group in action.evidence:
        kinds = speech.say("or").join(speech.say("any") if k == ANY_EVIDENCE else speech.evidence(k) for k in group)
        told.append(speech.say("needs_evidence", kinds=kinds))
    if action.required:
        told.append(speech.say("needs_fields", names=", ".join(known.name for known in action.required)))
    if action.optional:
        told.append(speech.say("may_fields", names=", ".join(known.name for known in action.optional)))
    if action.needs_rule:
        told.append(speech.say("needs_rule"))
    if action.left_minor is not None and not action.refused:
        told.append(speech.say("left", amount=speech.money(action.left_minor, action.currency)))
    for clock in action.due:
        told.append(speech.say("stops", clock=speech.of(clock.words), due=_due(clock, speech)))
    for reason in action.refused:
        why = speech.code("refusal", reason.code.value)
        told.append(speech.say("refused_now", why=f"{why}: {reason.details}" if reason.details else why))
    for line in told:
        yield f"    {line}"


def _due(clock: Clock, speech: Speech) -> str:
    if clock.due_at is not None:
        return due_of(clock, speech)
    return speech.code("clock_state", clock.state.value) if clock.reason is None else why_of(clock, speech)
