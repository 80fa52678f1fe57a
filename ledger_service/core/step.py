"""What a step needs: the checks of a command against its row of the table, and the refusals that they end in.

Promises: every refusal is the narrowest class of `TransitionRefusedError` and names the verbs that the asserting
role may use now. Does not: make entries or move a case (`returns.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ledger_service.core.case import Case, Command, Dispute
from ledger_service.core.encoding import INTEGER_MAX, Json
from ledger_service.core.entry import (
    COMMITMENTS_MAX,
    EVIDENCE_MAX,
    MEDIA_TYPE,
    PARTY_BYTES,
    RETURN_ID_BYTES,
    RULE,
    Authenticity,
    Role,
)
from ledger_service.core.fields import Disclosure, check
from ledger_service.core.lifecycle import ANY_EVIDENCE, BEFORE_OFFER, LIFECYCLE, SAME, Transition
from ledger_service.core.log_entry import HASH
from ledger_service.core.members import Reader
from ledger_service.core.signing import SIGNATURE_NAME, SIGNER_NAME
from ledger_service.errors import (
    EntryFormatError,
    EvidenceKindError,
    FieldValueError,
    LimitError,
    MissingEvidenceError,
    MissingFieldError,
    TransitionRefusedError,
    UnknownVerbError,
    WrongRoleError,
    WrongStateError,
)

STATEMENT_NAMES = frozenset({SIGNATURE_NAME, SIGNER_NAME})
_MACHINE = LIFECYCLE.case
_READ = Reader(EntryFormatError, "command")
_READ_RETURN_ID = _READ.at("return_id")
_READ_OCCURRED_AT = _READ.at("occurred_at")
_PARTY = re.compile(rf"[0-9a-f]{{{2 * PARTY_BYTES}}}")


@dataclass(frozen=True, slots=True)
class SortedFields:
    """The fields of a step by disclosure class: `facts` go into the entry, `committed` are committed to."""

    facts: dict[str, Json]
    committed: dict[str, Json]


def sort_fields(verb: str, fields: Mapping[str, Json]) -> SortedFields:
    """Check the names and forms of a step's fields and sort them by disclosure class.

    Raises:
        UnknownVerbError: No such verb.
        FieldValueError: A field that the step does not have, or a value that has not its form.
        MissingFieldError: A required field is not there.
    """
    transition = LIFECYCLE.transition(verb)
    if transition is None:
        raise UnknownVerbError(f"no step is called {verb!r:.60}", verb=verb, state=None, allowed=(), hint=_VERBS_HINT)
    found = SortedFields({}, {})
    for name, value in fields.items():
        known = transition.fields.get(name)
        reason = _unknown_field(transition) if known is None else check(known.form, value)
        if known is None or reason is not None:
            message = f"{verb}: the field {name!r:.60} is refused: {reason}"
            raise FieldValueError(message, verb=verb, state=None, allowed=(), hint=_fields_hint(transition))
        (found.facts if known.disclosure is Disclosure.CLEAR else found.committed)[name] = value
    if lacking := _lacking_fields(transition, fields):
        message = f"{verb} needs {', '.join(lacking)}"
        raise MissingFieldError(message, verb=verb, state=None, allowed=(), hint=_fields_hint(transition))
    return found


def allowed_verbs(case: Case | None, role: Role) -> tuple[str, ...]:
    """Return the verbs that `role` may assert now, in the order of the table."""
    verbs = _VERBS.get((None if case is None else case.state, role), ())
    return tuple(verb for verb in verbs if guard_reason(case, _MACHINE.transitions[verb]) is None)


def guard_reason(case: Case | None, transition: Transition) -> str | None:
    """Return why the guard of the transition refuses the case, None if it does not."""
    if transition.guard is None or case is None:
        return None
    if transition.guard == "goods_not_sent":
        return "the goods were sent back already" if case.shipped else None
    if transition.guard == "no_dispute_open":
        return next((f"the dispute {one.dispute_id} is {one.state}" for one in case.disputes if one.open), None)
    return None if case.state_before_offer else "no offer is open"


def possible_targets(case: Case | None, transition: Transition) -> tuple[str, ...]:
    """Return the states to which the transition can lead this case."""
    if case is not None and transition.leads == SAME:
        return (case.state,)
    if case is not None and transition.leads == BEFORE_OFFER:
        return (case.state_before_offer,) if case.state_before_offer else ()
    return transition.targets


def choose_target(case: Case | None, command: Command, targets: tuple[str, ...]) -> str:
    """Return the state that the command leads to, one of `targets`.

    Raises:
        MissingFieldError: The table leaves a choice, and `to_state` makes none.
        FieldValueError: `to_state` is not a state that this step leads to.
    """
    if command.to_state is None and len(targets) == 1:
        return targets[0]
    if command.to_state is None:
        raise refuse(MissingFieldError, f"{command.verb} needs to_state: {' or '.join(targets)}", case, command)
    if command.to_state not in targets:
        reason = f"{command.verb} leads to {' or '.join(targets)}, not to {command.to_state!r:.60}"
        raise refuse(FieldValueError, reason, case, command)
    return command.to_state


def require_way(case: Case | None, command: Command, transition: Transition) -> None:
    """Check the state, then the role, then the guard.

    Raises:
        WrongStateError, WrongRoleError: The step is not possible from here, or not by this role.
    """
    state = None if case is None else case.state
    role = command.asserted_by.role
    if state not in transition.sources:
        ways = ", ".join(source or "no case" for source in transition.sources)
        raise refuse(WrongStateError, f"the case is {state!r}; {command.verb} is possible from {ways}", case, command)
    if role not in transition.actors:
        who = ", ".join(transition.actors)
        raise refuse(WrongRoleError, f"{command.verb} is asserted by {who}, not by {role.value}", case, command)
    if reason := guard_reason(case, transition):
        raise refuse(WrongStateError, f"{command.verb} is not possible: {reason}", case, command)


def require_evidence(case: Case | None, command: Command, transition: Transition) -> tuple[str, ...]:
    """Check the kinds of evidence; return those that the step would rest on if somebody held them.

    Raises:
        LimitError: More than `EVIDENCE_MAX` files.
        EvidenceKindError: A kind that does not exist.
        MissingEvidenceError: A required kind is not there.
    """
    if len(command.evidence) > EVIDENCE_MAX:
        hint = "send the others with add_evidence"
        raise LimitError("the most files of one step", EVIDENCE_MAX, len(command.evidence), hint=hint)
    kinds = {item.kind for item in command.evidence}
    if unknown := sorted(kinds.difference(LIFECYCLE.evidence_kinds)):
        raise refuse(EvidenceKindError, f"there is no evidence of the kind {unknown[0]!r:.60}", case, command)
    for group in transition.evidence:
        if kinds.isdisjoint(group) and not (kinds and ANY_EVIDENCE in group):
            wanted = "evidence of any kind" if ANY_EVIDENCE in group else " or ".join(group)
            hint = "send the file with its kind; further photos and papers may follow with add_evidence"
            raise refuse(MissingEvidenceError, f"{command.verb} needs {wanted}", case, command, hint=hint)
    return tuple(kind for kind in transition.evidence_if_held if kind not in kinds)


def require_fields(case: Case | None, command: Command, transition: Transition) -> None:
    """Check the rule, the fields in clear, the names of the committed ones, and the claimed time.

    Raises:
        LimitError: More than `COMMITMENTS_MAX` committed fields.
        FieldValueError: A field that the step does not have or has otherwise, or a value that has not its form.
        MissingFieldError: A required field or the rule is not there.
    """
    if len(command.commitments) > COMMITMENTS_MAX:
        raise LimitError("the most committed fields of one step", COMMITMENTS_MAX, len(command.commitments))
    try:
        _READ_RETURN_ID.hexadecimal(command.return_id, RETURN_ID_BYTES)
        if command.occurred_at is not None:
            _READ_OCCURRED_AT.instant(command.occurred_at)
        _require_written_forms(command)
    except EntryFormatError as error:
        raise refuse(FieldValueError, error.message, case, command, hint="correct the value") from None
    names = [(name, Disclosure.CLEAR) for name in command.facts]
    names += [(item.name, Disclosure.COMMITTED) for item in command.commitments if item.name not in STATEMENT_NAMES]
    _require_statement(case, command)
    for name, disclosure in names:
        known = transition.fields.get(name)
        if known is None:
            reason: str | None = _unknown_field(transition)
        elif known.disclosure is not disclosure:
            reason = f"it is {known.disclosure.value} here, not {disclosure.value}"
        else:
            reason = check(known.form, command.facts[name]) if disclosure is Disclosure.CLEAR else None
        if reason is not None:
            raise refuse(FieldValueError, f"{command.verb}: the field {name!r:.60} is refused: {reason}", case, command)
    present = dict(names)
    if len(present) != len(names):
        raise refuse(FieldValueError, f"{command.verb}: a field is committed to twice", case, command)
    if lacking := _lacking_fields(transition, present):
        hint = _fields_hint(transition)
        raise refuse(MissingFieldError, f"{command.verb} needs {', '.join(lacking)}", case, command, hint=hint)
    if transition.rule_required and command.rule is None:
        hint = "give the id and the version of the rule, the shop's own policy included"
        raise refuse(MissingFieldError, f"{command.verb} needs the rule that it rests on", case, command, hint=hint)


def _require_statement(case: Case | None, command: Command) -> None:
    """A step is signed when, and only when, it carries a wallet's signature and signer, once each."""
    found = sorted(item.name for item in command.commitments if item.name in STATEMENT_NAMES)
    if found != (sorted(STATEMENT_NAMES) if command.authenticity is Authenticity.SIGNED else []):
        reason = "a step is marked signed when it carries a wallet's signature, and only then"
        hint = "send the signature with the step, or say how else its authenticity is known"
        raise refuse(FieldValueError, reason, case, command, hint=hint)


def _require_written_forms(command: Command) -> None:
    """Refuse what an entry could hold and `parse_entry` would then not read back.

    Raises:
        EntryFormatError: A rule, party, media type, size or commitment that has not its form.
    """
    if command.rule is not None:
        _READ.at("rule.id").text(command.rule.id, RULE)
        _READ.at("rule.version").text(command.rule.version, RULE)
    for actor in (command.asserted_by, command.recorded_by):
        if not _PARTY.fullmatch(actor.party):
            raise _READ.at("party").fail(f"{PARTY_BYTES} bytes of lower-case hex are expected")
    for item in command.evidence:
        if (
            not MEDIA_TYPE.fullmatch(item.media_type)
            or not 1 <= item.size <= INTEGER_MAX
            or len(item.commitment) != HASH
        ):
            raise _READ.at("evidence").fail("a file has a media type, a size and a commitment")
    if any(len(item.commitment) != HASH for item in command.commitments):
        raise _READ.at("commitments").fail(f"a commitment is {HASH} bytes")


def refuse(
    error: type[TransitionRefusedError], message: str, case: Case | None, command: Command, *, hint: str = ""
) -> TransitionRefusedError:
    """Return the refusal to raise, with the verbs that the asserting role may use now."""
    role = command.asserted_by.role
    dispute = find_dispute(case, command.facts.get("dispute_id"))
    if command.verb in LIFECYCLE.dispute.transitions:
        state = None if dispute is None else dispute.state
        return error(message, verb=command.verb, state=state, allowed=dispute_verbs(dispute, role), hint=hint)
    state = None if case is None else case.state
    return error(message, verb=command.verb, state=state, allowed=allowed_verbs(case, role), hint=hint)


def find_dispute(case: Case | None, dispute_id: object) -> Dispute | None:
    """Return the dispute of a case with this id, None if it has none."""
    return next((one for one in (() if case is None else case.disputes) if one.dispute_id == dispute_id), None)


def dispute_verbs(dispute: Dispute | None, role: Role) -> tuple[str, ...]:
    """Return the verbs that `role` may assert about a dispute now; None: about one that is not there yet."""
    return tuple(
        verb
        for verb, row in LIFECYCLE.dispute.transitions.items()
        if (None if dispute is None else dispute.state) in row.sources and role in row.actors
    )


def _lacking_fields(transition: Transition, present: Mapping[str, object]) -> list[str]:
    return [name for name, known in transition.fields.items() if known.required and name not in present]


def _unknown_field(transition: Transition) -> str:
    return f"{transition.verb} has no such field"


def _fields_hint(transition: Transition) -> str:
    names = [name if known.required else f"{name} (optional)" for name, known in transition.fields.items()]
    return f"fields of {transition.verb}: {', '.join(names) or 'none'}"


def _verbs_by_state_and_role() -> dict[tuple[str | None, Role], tuple[str, ...]]:
    verbs: dict[tuple[str | None, Role], tuple[str, ...]] = {}
    for transition in _MACHINE.transitions.values():
        for source in transition.sources:
            for role in transition.actors:
                verbs[source, role] = (*verbs.get((source, role), ()), transition.verb)
    return verbs


_VERBS = _verbs_by_state_and_role()
_VERBS_HINT = f"steps: {', '.join((*_MACHINE.transitions, *LIFECYCLE.dispute.transitions))}"
