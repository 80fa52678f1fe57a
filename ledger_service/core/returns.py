"""The case: `decide` says whether a step is allowed and makes its entry, `evolve` replays entries.

Promises: the same entries always give the same case; a refusal is the narrowest class of `TransitionRefusedError`
and names what the asserting role could do instead; a decided entry always evolves. The checks stand in this order:
the verb, the case, its head, the state, the role, the guard, the evidence, the fields.

Does not: open commitments. A committed value was checked by `sort_fields` before it was committed to; `decide` sees
its name only.
"""

from __future__ import annotations

from collections.abc import Iterable

from ledger_service.core.case import COUNTRY, Case, Command, case_members, parse_case
from ledger_service.core.dispute import decide_dispute_way, dispute_targets, evolve_disputes
from ledger_service.core.entry import ASIDE_KINDS, CaseEntry, Kind, encode_entry
from ledger_service.core.erasure_entry import ERASE, decide_erasure_entry, require_erasure
from ledger_service.core.lifecycle import LIFECYCLE, Transition
from ledger_service.core.members import Reader
from ledger_service.core.merkle import leaf_hash
from ledger_service.core.step import (
    SortedFields,
    allowed_verbs,
    choose_target,
    guard_reason,
    possible_targets,
    refuse,
    require_evidence,
    require_fields,
    require_way,
    sort_fields,
)
from ledger_service.errors import (
    EntryFormatError,
    StaleHeadError,
    UnknownReturnError,
    UnknownVerbError,
    WrongStateError,
)

__all__ = [
    "Case",
    "Command",
    "SortedFields",
    "allowed_verbs",
    "case_members",
    "decide",
    "decide_way",
    "evolve",
    "parse_case",
    "replay",
    "sort_fields",
]

CORRECTION_VERB = "correct"  # its entry is a correction, every other one a transition
_READ = Reader(EntryFormatError, "entry.facts")


def decide(case: Case | None, command: Command, *, recorded_at: str | None = None) -> CaseEntry:
    """Return the entry that records the command, the next of its case.

    `recorded_at` stands in for the command's, for a writer that knows the time only under its lock.

    Raises:
        TransitionRefusedError: Its narrowest subclass; `allowed` names what the asserting role may do now.
        UnknownReturnError: The step needs a case, and there is none with this return_id.
        StaleHeadError: The case moved on since the caller looked.
        LimitError: More files or committed fields than an entry holds.
    """
    if command.verb == ERASE:  # no step of the table: the ledger's own word about what it no longer holds
        return decide_erasure_entry(
            case, command, recorded_at=command.recorded_at if recorded_at is None else recorded_at
        )
    transition, from_state, targets = _way(case, command)
    missing = require_evidence(case, command, transition)
    require_fields(case, command, transition)
    return CaseEntry(
        kind=_kind(command.verb),
        origin=command.origin,
        return_id=command.return_id,
        seq=0 if case is None else case.count,
        prev=None if case is None else case.head,
        verb=command.verb,
        from_state=from_state,
        to_state=choose_target(case, command, targets),
        asserted_by=command.asserted_by,
        recorded_by=command.recorded_by,
        authenticity=command.authenticity,
        occurred_at=command.occurred_at,
        recorded_at=command.recorded_at if recorded_at is None else recorded_at,
        rule=command.rule,
        facts=command.facts,
        evidence=command.evidence,
        missing=missing,
        commitments=command.commitments,
    )


def decide_way(case: Case | None, command: Command) -> Transition:
    """Return the transition that the command names if it is possible for this case and role at all.

    Raises:
        UnknownVerbError, UnknownReturnError, StaleHeadError, WrongStateError, WrongRoleError: As `decide`.
    """
    return _way(case, command)[0]


def _way(case: Case | None, command: Command) -> tuple[Transition, str | None, tuple[str, ...]]:
    """Return the row of the step, the state it starts from and those it can lead to, of the case or of a dispute."""
    transition = LIFECYCLE.transition(command.verb)
    if transition is None:
        raise refuse(UnknownVerbError, f"no step is called {command.verb!r:.60}", case, command)
    _require_case(case, command, transition)
    if command.expected_head is not None and (case is None or case.head != command.expected_head):
        raise StaleHeadError(
            f"the head of {command.return_id} is not {command.expected_head.hex()}",
            hint="somebody else recorded a step; read the case again, then decide whether yours still fits",
        )
    if case is not None and command.verb in LIFECYCLE.dispute.transitions:
        transition, dispute = decide_dispute_way(case, command)
        return transition, None if dispute is None else dispute.state, dispute_targets(dispute, transition)
    require_way(case, command, transition)
    return transition, None if case is None else case.state, possible_targets(case, transition)


def evolve(case: Case | None, entry: CaseEntry, *, encoded: bytes | None = None) -> Case:
    """Return the case after one more of its entries.

    `encoded` is the canonical bytes of the entry where the caller has them already. An entry that stands aside
    (attempt, access, finding) leaves the case as it is; one of a dispute or an erasure moves head and count, not
    the state.

    Raises:
        EntryFormatError: The entry does not follow: another case, a gap, another predecessor, or a step that the
            table does not have from here.
    """
    if case is None:
        if entry.kind in ASIDE_KINDS or entry.seq != 0 or entry.prev is not None:
            raise _broken(entry, "the first entry of a case has seq 0 and no prev")
        return _open_case(entry, leaf_hash(encode_entry(entry) if encoded is None else encoded))
    if (entry.origin, entry.return_id) != (case.origin, case.return_id):
        raise _broken(entry, f"it is not of the case {case.return_id} of {case.origin}")
    if entry.kind in ASIDE_KINDS:
        return case
    if entry.seq != case.count:
        raise _broken(entry, f"the next seq of the case is {case.count}")
    if entry.prev != case.head:
        raise _broken(entry, f"its prev is not the head of the case, {case.head.hex()}")
    state, before_offer, shipped, disputes = case.state, case.state_before_offer, case.shipped, case.disputes
    if entry.kind is Kind.DISPUTE:
        try:
            disputes = evolve_disputes(case, entry)
        except ValueError as error:
            raise _broken(entry, str(error)) from None
    elif entry.kind is Kind.ERASURE:  # on the case's chain, beside its state
        try:
            require_erasure(case, entry)
        except ValueError as error:
            raise _broken(entry, str(error)) from None
    else:
        transition, state = _require_step(case, entry)
        if transition.effect == "offer_opened":
            before_offer = case.state
        elif transition.effect == "offer_accepted" or state != case.state:
            before_offer = None
        shipped = shipped or transition.effect == "goods_sent"
    return Case(
        origin=case.origin,
        return_id=case.return_id,
        state=state,
        count=case.count + 1,
        head=leaf_hash(encode_entry(entry) if encoded is None else encoded),
        opened_at=case.opened_at,
        buyer_country=case.buyer_country,
        seller_country=case.seller_country,
        state_before_offer=before_offer,
        shipped=shipped,
        disputes=disputes,
    )


def replay(entries: Iterable[CaseEntry]) -> Case:
    """Return the case that its entries give, in their order.

    Raises:
        EntryFormatError: There is no entry, or one does not follow.
    """
    case: Case | None = None
    for entry in entries:
        case = evolve(case, entry)
    if case is None:
        raise EntryFormatError("a case has at least one entry")
    return case


def _require_case(case: Case | None, command: Command, transition: Transition) -> None:
    opens = None in transition.sources and command.verb not in LIFECYCLE.dispute.transitions
    if case is None and not opens:
        raise UnknownReturnError(
            f"there is no return {command.return_id}", hint="look the return_id up, or begin with request_return"
        )
    if case is not None and (case.origin, case.return_id) != (command.origin, command.return_id):
        raise UnknownReturnError(f"the command is for {command.return_id}, the case is {case.return_id}")
    if case is not None and opens:
        raise refuse(WrongStateError, f"the return {case.return_id} exists already", case, command)


def _open_case(entry: CaseEntry, head: bytes) -> Case:
    _, state = _require_step(None, entry)
    return Case(
        origin=entry.origin,
        return_id=entry.return_id,
        state=state,
        count=1,
        head=head,
        opened_at=entry.recorded_at,
        buyer_country=_READ.at("buyer_country").text(entry.facts.get("buyer_country"), COUNTRY),
        seller_country=_READ.at("seller_country").text(entry.facts.get("seller_country"), COUNTRY),
        state_before_offer=None,
        shipped=False,
    )


def _require_step(case: Case | None, entry: CaseEntry) -> tuple[Transition, str]:
    """Check that the table has this step from here; return its row and the state it leads to."""
    state = None if case is None else case.state
    transition = LIFECYCLE.case.transitions.get(entry.verb)
    if transition is None or entry.kind is not _kind(entry.verb):
        raise _broken(entry, f"no {entry.kind.value} of a case is called {entry.verb!r:.60}")
    if entry.from_state != state or state not in transition.sources:
        raise _broken(entry, f"{entry.verb} does not lead from {state}, or the entry says {entry.from_state}")
    if entry.asserted_by.role not in transition.actors:
        raise _broken(entry, f"{entry.verb} is not for the role {entry.asserted_by.role.value}")
    if reason := guard_reason(case, transition):
        raise _broken(entry, reason)
    if entry.to_state is None or entry.to_state not in possible_targets(case, transition):
        raise _broken(entry, f"{entry.verb} does not lead to {entry.to_state}")
    return transition, entry.to_state


def _kind(verb: str) -> Kind:
    if verb in LIFECYCLE.dispute.transitions:
        return Kind.DISPUTE
    return Kind.CORRECTION if verb == CORRECTION_VERB else Kind.TRANSITION


def _broken(entry: CaseEntry, reason: str) -> EntryFormatError:
    return EntryFormatError(f"the entry {entry.seq} of the return {entry.return_id} does not follow: {reason}")
