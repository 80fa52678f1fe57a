"""What a role may do with a case now: each step with what it needs, what refuses it, and what is due when.

Looks at the table of states, the balance and the clocks, as `decide` and `judge` would. Promises: a step that is
refused here would be refused whatever its fields say (but for amounts of zero, and where a value was erased nothing is
refused on account of it). Does not: promise that a step that is not refused here passes: its fields and the party who
asks decide the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ledger_service.core.case import Case, Dispute
from ledger_service.core.clock import Clock, ClockState, clock_members
from ledger_service.core.clocks import clocks
from ledger_service.core.dispute import ruling_refusal
from ledger_service.core.docket import Docket
from ledger_service.core.effects import BEFORE_RECEIPT
from ledger_service.core.encoding import Json
from ledger_service.core.entry import Role
from ledger_service.core.fields import Field
from ledger_service.core.happenings import happenings
from ledger_service.core.lifecycle import ANY_EVIDENCE, LIFECYCLE, SAME, Transition, Words
from ledger_service.core.refusals import OPEN, Reason, refusals
from ledger_service.core.step import dispute_verbs, possible_targets


@dataclass(frozen=True, slots=True)
class Action:
    """A step that a role may take now, if `refused` is empty.

    `evidence` are groups, of each of which one kind is needed; `recorded_as_missing` are kinds that are recorded as
    missing where nobody gives them. `left_minor` is the most that may be sent, in the minor units of `currency`.
    `due` are the open clocks of this role that the step stops.
    """

    verb: str
    words: Words
    dispute_id: str | None
    targets: tuple[str, ...]
    evidence: tuple[tuple[str, ...], ...]
    recorded_as_missing: tuple[str, ...]
    required: tuple[Field, ...]
    optional: tuple[Field, ...]
    needs_rule: bool
    refused: tuple[Reason, ...] = ()
    left_minor: int | None = None
    currency: str | None = None
    due: tuple[Clock, ...] = ()


def actions(
    case: Case | None, docket: Docket, role: Role, *, now: str, found: Sequence[Clock] | None = None
) -> tuple[Action, ...]:
    """Return what the role may do, the case's steps in the order of the table, then those of each dispute.

    Args:
        case: None for one that is not there yet.
        docket: Of the case.
        role: Who asks.
        now: RFC 3339 UTC with milliseconds.
        found: The clocks of the case, if the caller has them.
    """
    look = _Look(case, docket, role, clocks(happenings(docket), now=now) if found is None else found)
    state = None if case is None else case.state
    steps = [row for row in LIFECYCLE.case.transitions.values() if state in row.sources and role in row.actors]
    available = [look.action(row, None) for row in steps]
    if case is not None:
        disputes: list[Dispute | None] = [None, *(one for one in case.disputes if one.open)]
        for dispute in disputes:
            for verb in dispute_verbs(dispute, role):
                row = LIFECYCLE.dispute.transitions[verb]
                if dispute is None or _may_rule(dispute, row, role):
                    available.append(look.action(row, dispute))
    return tuple(available)


def duties(found: Sequence[Clock], role: Role) -> tuple[Clock, ...]:
    """Return the clocks that this role must still keep, or has missed and not yet answered, the earliest first."""
    own = [one for one in found if one.actor is role and _waits(one)]
    return tuple(sorted(own, key=lambda one: one.due_at or "~"))


def action_members(action: Action) -> dict[str, Json]:
    """Return the action as a JSON object."""
    return {
        "verb": action.verb,
        "words": {"en": action.words.en, "zh": action.words.zh},
        "dispute_id": action.dispute_id,
        "possible": not action.refused,
        "refused": [{"code": one.code.value, "details": one.details} for one in action.refused],
        "targets": list(action.targets),
        "evidence": [list(group) for group in action.evidence],
        "recorded_as_missing": list(action.recorded_as_missing),
        "required": [_field(known) for known in action.required],
        "optional": [_field(known) for known in action.optional],
        "needs_rule": action.needs_rule,
        "left_minor": action.left_minor,
        "currency": action.currency,
        "due": [clock_members(one) for one in action.due],
    }


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look at a case sees."""

    case: Case | None
    docket: Docket
    role: Role
    found: Sequence[Clock]

    def action(self, row: Transition, dispute: Dispute | None) -> Action:
        balance, case = self.docket.balance, self.case
        of_dispute = row.verb in LIFECYCLE.dispute.transitions
        sends = row.verb == "issue_refund" and balance.complete
        fields = list(row.fields.values())
        if of_dispute and dispute is not None:
            known_here = (known for known in fields if known.name != "dispute_id")
            fields = [_outcomes_of(known, dispute, row, self.role) for known in known_here]
        before_receipt = row.verb == "approve_refund" and case is not None and case.state in BEFORE_RECEIPT
        if of_dispute:
            targets = (dispute.state,) if dispute is not None and row.leads == SAME else row.targets
        else:
            targets = possible_targets(case, row)
        return Action(
            verb=row.verb,
            words=row.words,
            dispute_id=None if dispute is None else dispute.dispute_id,
            targets=targets,
            evidence=row.evidence,
            recorded_as_missing=row.evidence_if_held,
            required=tuple(known for known in fields if known.required),
            optional=tuple(known for known in fields if not known.required),
            needs_rule=row.rule_required or before_receipt,
            refused=tuple(refusals(case, balance, self.found, row, self.role)),
            left_minor=balance.refund_approved_minor - balance.refunded_minor() if sends else None,
            currency=balance.currency if sends else None,
            due=tuple(one for one in duties(self.found, self.role) if _stops(row, dispute, one)),
        )


def _may_rule(dispute: Dispute, row: Transition, role: Role) -> bool:
    """Say whether some outcome is this role's to give; every other step has no such question."""
    outcome = row.fields.get("outcome")
    return outcome is None or bool(_outcomes_of(outcome, dispute, row, role).form.choices)


def _outcomes_of(known: Field, dispute: Dispute, row: Transition, role: Role) -> Field:
    """Return the field; one for the outcome with those that this role may give in this dispute, and no others."""
    if known.name != "outcome":
        return known
    choices = tuple(one for one in known.form.choices if ruling_refusal(dispute, row, role, one) is None)
    return replace(known, form=replace(known.form, choices=choices))


def _waits(clock: Clock) -> bool:
    return clock.state in OPEN or (clock.state is ClockState.MISSED and clock.stopped_by is None)


def _stops(row: Transition, dispute: Dispute | None, clock: Clock) -> bool:
    """Say whether the step stops the clock, or can with the right file."""
    if (dispute is not None) and clock.subject != dispute.dispute_id:
        return False
    kinds = {f"evidence:{kind}" for group in row.evidence for kind in group}
    for name in clock.stopping_steps:
        if name == row.verb or name in kinds:
            return True
        if name.startswith("evidence:") and f"evidence:{ANY_EVIDENCE}" in kinds:
            return True
    return False


def _field(known: Field) -> dict[str, Json]:
    form = known.form
    return {
        "name": known.name,
        "form": form.name,
        "many": form.many,
        "choices": list(form.choices),
        "members": [{**_field(member), "required": member.required} for member in form.members],
        "disclosure": known.disclosure.value,
    }
