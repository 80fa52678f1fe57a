"""The flags of a timeline's rows: contradictions between claims, and what a reader should know of a row.

Promises: a contradiction is flagged with both times and never corrected; nothing is flagged on account of a value that
cannot be seen. Does not: decide which of two claims is true.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ledger_service.core.clock import Clock, ClockState, instant_text
from ledger_service.core.docket import Known
from ledger_service.core.entry import Authenticity
from ledger_service.core.moments import stated
from ledger_service.core.timeline_row import Act, Flag, seconds_between

LATE_SECONDS = 24 * 3_600  # recorded later than this after it is said to have happened, a step is marked late
CONTRADICTIONS = frozenset(
    {
        Flag.OCCURRED_AFTER_RECORDED,
        Flag.DELIVERED_BEFORE_SHIPPED,
        Flag.PHOTO_BEFORE_ORDER,
        Flag.STEP_BEFORE_EARLIER_STEP,
        Flag.DOES_NOT_BALANCE,
    }
)
SHIPPED, DELIVERED = "ship_back", "confirm_delivery"
FOLLOWS: Mapping[str, tuple[str, ...]] = {  # what cannot have happened before what
    "scan": (SHIPPED,),
    "hold_at_customs": (SHIPPED,),
    "submit_customs_documents": ("hold_at_customs",),
    "release_from_customs": ("hold_at_customs",),
    "seize": ("hold_at_customs",),
    DELIVERED: (SHIPPED, "hold_at_customs", "release_from_customs"),
    "receive": (SHIPPED, DELIVERED),
    "start_inspection": ("receive",),
    "complete_inspection": ("receive", "start_inspection"),
    "return_to_buyer": ("receive",),
    "deliver_exchange": ("ship_exchange",),
    "settle_refund": ("issue_refund",),
    "fail_refund": ("issue_refund",),
}
EARLIER = frozenset(verb for verbs in FOLLOWS.values() for verb in verbs)
DECIDING = frozenset({"decline_return", "uphold", "deny_refund", "resolve", "rule"})
REVIEWING = frozenset({"appeal", "reopen", "reinstate"})  # evidence is in time again
OF_DISPUTES = frozenset({"evidence_due", "chargeback"})


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two claims that cannot both be true.

    `said` is the time that the entry at `index` claims, `other` the one that it contradicts, and `against` the index of
    the entry that claims that one (None: the entry's own recording, or its own other field). `details` says what else.
    """

    flag: Flag
    index: int
    said: str | None = None
    other: str | None = None
    against: int | None = None
    details: str = ""


def own_flags(known: Known, claims: Sequence[str]) -> Iterator[Flag]:
    """Yield what an entry shows by itself, in force or not; `claims` are its `claimed_times`."""
    entry = known.entry
    if any(seconds_between(at, entry.recorded_at) > LATE_SECONDS for at in claims):
        yield Flag.RECORDED_LATE
    if entry.asserted_by != entry.recorded_by:
        yield Flag.ON_BEHALF
        if entry.authenticity is Authenticity.PLATFORM_ATTESTED:  # the word of whoever recorded it is all there is
            yield Flag.UNSIGNED
    if entry.authenticity is Authenticity.IMPORTED_UNVERIFIED:
        yield Flag.IMPORTED_UNVERIFIED


def future_claims(index: int, known: Known, claims: Sequence[str]) -> Iterator[Contradiction]:
    """Yield the claims of an entry about a time after it was recorded."""
    recorded = known.entry.recorded_at
    for at in claims:
        if at > recorded:
            yield Contradiction(Flag.OCCURRED_AFTER_RECORDED, index, at, recorded)


def contradictions(acts: Sequence[Act]) -> Iterator[Contradiction]:
    """Yield what the steps in force claim against one another, in order."""
    ordered: tuple[int, str] | None = None
    latest: dict[tuple[str, str | None], Act] = {}
    for act in acts:
        if act.entry.verb == "request_return":
            if (at := stated(act.values, "ordered_at")) is not None:
                ordered = (act.index, instant_text(at))
            yield from _outbound(act, ordered)
        yield from _photo(act, ordered)
        if act.claims:
            yield from _order(act, latest)
        if act.entry.verb in EARLIER:
            latest[act.entry.verb, None] = latest[act.entry.verb, _subject(act)] = act


def _outbound(act: Act, ordered: tuple[int, str] | None) -> Iterator[Contradiction]:
    """Yield a delivery to the buyer before the goods left for export, or before they were ordered."""
    if (delivered := stated(act.values, "outbound_delivered_at")) is None:
        return
    said = instant_text(delivered)
    exported = stated(act.values, "outbound_exported_at")
    others = [] if exported is None else [instant_text(exported)]
    if ordered is not None:
        others.append(ordered[1])
    if others and said < max(others):
        yield Contradiction(Flag.DELIVERED_BEFORE_SHIPPED, act.index, said, max(others))


def _photo(act: Act, ordered: tuple[int, str] | None) -> Iterator[Contradiction]:
    captured = None if ordered is None else stated(act.values, "captured_at")
    if ordered is not None and captured is not None and (said := instant_text(captured)) < ordered[1]:
        against = None if ordered[0] == act.index else ordered[0]
        yield Contradiction(Flag.PHOTO_BEFORE_ORDER, act.index, said, ordered[1], against)


def _order(act: Act, latest: Mapping[tuple[str, str | None], Act]) -> Iterator[Contradiction]:
    """Yield the first earlier step after which this one must have happened and says that it did not."""
    verb, said = act.entry.verb, act.claims[0]
    for earlier in FOLLOWS.get(verb, ()):
        before = latest.get((earlier, _subject(act)))
        if before is not None and before.claims and said < before.claims[0]:
            delivered = verb == DELIVERED and earlier == SHIPPED
            flag = Flag.DELIVERED_BEFORE_SHIPPED if delivered else Flag.STEP_BEFORE_EARLIER_STEP
            yield Contradiction(flag, act.index, said, before.claims[0], before.index)
            return


def _subject(act: Act) -> str | None:
    """Return which refund or remedy a step is about."""
    subject = act.values.get("refund_id", act.values.get("remedy_id"))
    return subject if isinstance(subject, str) else None


def late_evidence(acts: Sequence[Act], found: Sequence[Clock]) -> Iterator[int]:
    """Yield the indexes of evidence that came after its deadline or after the decision it was for."""
    questions = sorted((one for one in found if one.clock_id == "info_due"), key=lambda one: one.started_by)
    starts = [one.started_by for one in questions]
    missed = {one.stopped_by for one in questions if one.state is ClockState.MISSED}
    by_dispute: dict[str | None, list[str]] = {}
    for one in found:
        if one.clock_id in OF_DISPUTES and one.due_at is not None:
            by_dispute.setdefault(one.subject, []).append(one.due_at)
    decided = False
    for act in acts:
        verb, seq = act.entry.verb, act.entry.seq or 0
        if verb in DECIDING or verb in REVIEWING:
            decided = verb in DECIDING
        elif verb == "submit_evidence":
            if any(due <= act.at for due in by_dispute.get(str(act.values.get("dispute_id")), ())):
                yield act.index
        elif verb == "provide_info":
            if decided or seq in missed:
                yield act.index
        elif verb == "add_evidence" and (decided or _unanswered(questions, starts, act, seq)):
            yield act.index


def _unanswered(questions: Sequence[Clock], starts: Sequence[int], act: Act, seq: int) -> bool:
    """Say whether a question whose deadline had passed was still open when evidence came."""
    place = bisect_left(starts, seq)
    newest = starts[place - 1] if place else None
    for one in reversed(questions[:place]):
        if one.started_by != newest:
            break
        open_then = one.stopped_by is None or one.stopped_by > seq
        if open_then and one.due_at is not None and one.due_at <= act.at:
            return True
    return False
