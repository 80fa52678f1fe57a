"""The dispute machine, which runs beside the case: negotiation, mediation, arbitration, ruling, implementation.

A case may have any number of disputes, each under a random id that every step of it names; one may start in any state
of the case, also after closing. Promises: a decided step always evolves; a refusal names what the role may do with
this dispute instead. Does not: move the state of the case, or count money (`balance.py`).
"""

from __future__ import annotations

from dataclasses import replace

from ledger_service.core.case import DISPUTES_MAX, Case, Command, Dispute
from ledger_service.core.encoding import Json
from ledger_service.core.entry import CaseEntry, Role
from ledger_service.core.fields import check
from ledger_service.core.lifecycle import LIFECYCLE, SAME, Transition
from ledger_service.core.step import find_dispute, refuse
from ledger_service.errors import LimitError, MissingFieldError, TransitionRefusedError, WrongRoleError, WrongStateError

CHARGEBACK = "chargeback"
NETWORK_OUTCOMES = ("won", "lost")  # a card network does not rule for buyer or seller, it decides the chargeback


def decide_dispute_way(case: Case, command: Command) -> tuple[Transition, Dispute | None]:
    """Return the row of the step and the dispute that it is about (None when it opens one).

    Raises:
        MissingFieldError: It names no dispute.
        WrongStateError: No such dispute, one that is there already, or a step that it does not have now.
        WrongRoleError: Not for this role.
        LimitError: The case has `DISPUTES_MAX` disputes.
    """
    transition = LIFECYCLE.dispute.transitions[command.verb]
    if (dispute_id := command.facts.get("dispute_id")) is None:
        hint = "for a new dispute 32 random hex digits, else the id under which it was opened"
        raise refuse(MissingFieldError, f"{command.verb} needs dispute_id", case, command, hint=hint)
    dispute = find_dispute(case, dispute_id)
    opens = None in transition.sources
    if opens and len(case.disputes) >= DISPUTES_MAX:
        raise LimitError("the most disputes of one case", DISPUTES_MAX, hint="go on with one that is open")
    if dispute is None and not opens:
        raise refuse(WrongStateError, f"the case has no dispute {dispute_id!r:.60}", case, command)
    state = None if dispute is None else dispute.state
    if state not in transition.sources:
        ways = ", ".join(source or "no dispute" for source in transition.sources)
        message = f"the dispute {dispute_id} is {state!r}; {command.verb} is possible from {ways}"
        raise refuse(WrongStateError, message, case, command)
    role = command.asserted_by.role
    if role not in transition.actors:
        who = ", ".join(transition.actors)
        raise refuse(WrongRoleError, f"{command.verb} is asserted by {who}, not by {role.value}", case, command)
    if reason := ruling_refusal(dispute, transition, role, command.facts.get("outcome")):
        error: type[TransitionRefusedError] = WrongRoleError if reason.startswith("a ruling") else WrongStateError
        raise refuse(error, reason, case, command)
    return transition, dispute


def dispute_targets(dispute: Dispute | None, transition: Transition) -> tuple[str, ...]:
    """Return the states to which the step can lead the dispute."""
    return (dispute.state,) if dispute is not None and transition.leads == SAME else transition.targets


def evolve_disputes(case: Case, entry: CaseEntry) -> tuple[Dispute, ...]:
    """Return the disputes of the case after one more step of one of them.

    Raises:
        ValueError: The step does not follow; the text says why.
    """
    transition = LIFECYCLE.dispute.transitions.get(entry.verb)
    if transition is None:
        raise ValueError(f"no step of a dispute is called {entry.verb!r:.60}")
    dispute_id = entry.facts.get("dispute_id")
    dispute = find_dispute(case, dispute_id)
    state = None if dispute is None else dispute.state
    if not isinstance(dispute_id, str) or entry.from_state != state or state not in transition.sources:
        raise ValueError(f"{entry.verb} does not lead from {state}, or the entry says {entry.from_state}")
    if entry.asserted_by.role not in transition.actors:
        raise ValueError(f"{entry.verb} is not for the role {entry.asserted_by.role.value}")
    if reason := ruling_refusal(dispute, transition, entry.asserted_by.role, entry.facts.get("outcome")):
        raise ValueError(reason)
    if entry.to_state is None or entry.to_state not in dispute_targets(dispute, transition):
        raise ValueError(f"{entry.verb} does not lead to {entry.to_state}")
    if dispute is None:
        return (*case.disputes, _opened(case, dispute_id, entry))
    moved = replace(dispute, state=entry.to_state)
    return tuple(moved if one is dispute else one for one in case.disputes)


def _opened(case: Case, dispute_id: str, entry: CaseEntry) -> Dispute:
    """Return the new dispute, one that a stored case can hold (`parse_case`)."""
    fields = LIFECYCLE.dispute.transitions[entry.verb].fields
    dispute_type = entry.facts.get("type")
    for name, value in (("dispute_id", dispute_id), ("type", dispute_type)):
        if reason := check(fields[name].form, value):
            raise ValueError(f"{name}: {reason}")
    if len(case.disputes) >= DISPUTES_MAX:
        raise ValueError(f"a case has at most {DISPUTES_MAX} disputes")
    return Dispute(dispute_id, str(entry.to_state), str(dispute_type))


def ruling_refusal(dispute: Dispute | None, transition: Transition, role: Role, outcome: Json) -> str | None:
    """Return why a ruling is not possible: on a chargeback the network decides, on anything else a neutral."""
    if transition.guard is None or dispute is None:
        return None
    if dispute.type == CHARGEBACK:
        if role is not Role.PSP:
            return "a ruling on a chargeback comes from the payment provider"
        return None if outcome in NETWORK_OUTCOMES else "a chargeback is won or lost"
    if role is not Role.ARBITRATOR:
        return f"a ruling on a dispute of type {dispute.type} comes from a neutral"
    if dispute.state == "opened":
        return "no neutral was appointed yet"
    return "only a chargeback is won or lost" if outcome in NETWORK_OUTCOMES else None
