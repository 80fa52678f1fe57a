"""The decision about the erasure of a person's data: done, restricted or deferred, with its ground and reason.

What a person said and sent lies under a key of that person, and goes as a whole or not at all. Joint facts (quantities,
amounts, what others said) lie under the key of their case and stay until its retention ends, so that nobody destroys
what another's rights rest on.
Promises: the same cases, ground and time give the same decision. Does not: destroy anything (`operations/erase.py`),
or give legal advice: each ground and reason names the article that it is taken from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from ledger_service.core.case import Case
from ledger_service.core.clock import instant_text
from ledger_service.core.docket import Docket
from ledger_service.core.entry import Kind
from ledger_service.core.lifecycle import LIFECYCLE

REVIEW_DAYS = 30  # a deferred request is looked at again within a month, as GDPR Art. 12(3) asks of an answer
_MOVING = frozenset({Kind.TRANSITION, Kind.CORRECTION})


class Ground(StrEnum):
    """Why erasure, or restriction, is asked for."""

    PURPOSE_FULFILLED = "purpose_fulfilled"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    OBJECTION = "objection"
    UNLAWFUL_PROCESSING = "unlawful_processing"
    LEGAL_OBLIGATION = "legal_obligation"
    RETENTION_ENDED = "retention_ended"
    ACCURACY_CONTESTED = "accuracy_contested"
    ERASURE_OPPOSED = "erasure_opposed"
    NEEDED_FOR_CLAIMS = "needed_for_claims"
    OBJECTION_PENDING = "objection_pending"


class Reason(StrEnum):
    """Why an erasure is deferred."""

    OPEN_DISPUTE = "open_dispute"
    OPEN_CASE = "open_case"
    RETENTION = "retention"


class Outcome(StrEnum):
    """What was decided."""

    DONE = "done"
    RESTRICTED = "restricted"
    DEFERRED = "deferred"


class Extent(StrEnum):
    """What of a case goes: the person's own words and files, or everything under the key of the case too."""

    OWN = "own"
    CASE = "case"


RESTRICTING: Final = frozenset(
    {Ground.ACCURACY_CONTESTED, Ground.ERASURE_OPPOSED, Ground.NEEDED_FOR_CLAIMS, Ground.OBJECTION_PENDING}
)
"""Grounds on which data are kept and not shown."""

CITATIONS: Final[Mapping[Ground | Reason, str]] = MappingProxyType(
    {
        Ground.PURPOSE_FULFILLED: "GDPR Art. 17(1)(a); PIPL Art. 47(1) no. 1",
        Ground.CONSENT_WITHDRAWN: "GDPR Art. 17(1)(b); PIPL Art. 47(1) no. 3",
        Ground.OBJECTION: "GDPR Art. 17(1)(c)",
        Ground.UNLAWFUL_PROCESSING: "GDPR Art. 17(1)(d); PIPL Art. 47(1) no. 4",
        Ground.LEGAL_OBLIGATION: "GDPR Art. 17(1)(e); PIPL Art. 47(1) no. 5",
        Ground.RETENTION_ENDED: "PIPL Art. 47(1) no. 2",
        Ground.ACCURACY_CONTESTED: "GDPR Art. 18(1)(a)",
        Ground.ERASURE_OPPOSED: "GDPR Art. 18(1)(b)",
        Ground.NEEDED_FOR_CLAIMS: "GDPR Art. 18(1)(c)",
        Ground.OBJECTION_PENDING: "GDPR Art. 18(1)(d)",
        Reason.OPEN_DISPUTE: "GDPR Art. 17(3)(e)",
        Reason.OPEN_CASE: "GDPR Art. 17(3)(e)",
        Reason.RETENTION: "GDPR Art. 17(3)(b); PIPL Art. 47(2); E-Commerce Law of China Art. 31",
    }
)
"""The article that each ground and reason is taken from; from memory, except the last one, which names its source."""


@dataclass(frozen=True, slots=True)
class Holding:
    """A case that a person is a party of.

    `ended_at` is when it came to its end (None: it has not), `retention_until` until when its joint facts are kept
    (None: they are gone already, or the case has not ended). Times are RFC 3339 UTC with milliseconds.
    """

    return_id: str
    ended_at: str | None
    dispute_open: bool
    retention_until: str | None


@dataclass(frozen=True, slots=True)
class ErasureDecision:
    """What is decided of one person's data.

    `reason` says why it is deferred. `whole` are the cases whose joint facts go too, `kept` those whose joint facts
    stay, with the end of their retention. `review_at` is when something is to be looked at again, None: nothing is.
    """

    outcome: Outcome
    ground: Ground
    reason: Reason | None = None
    review_at: str | None = None
    whole: tuple[str, ...] = ()
    kept: tuple[tuple[str, str], ...] = ()

    @property
    def citation(self) -> str:
        """Return the article of the ground, and of the reason if there is one."""
        return CITATIONS[self.ground] + ("" if self.reason is None else f"; {CITATIONS[self.reason]}")


def decide_erasure(holdings: Sequence[Holding], *, ground: Ground, own: bool, now: str) -> ErasureDecision:
    """Return the decision.

    Args:
        holdings: Every case that the person is a party of.
        ground: Why it is asked for.
        own: Something lies under the person's own key.
        now: RFC 3339 UTC with milliseconds.

    >>> open_case = Holding("00" * 16, None, dispute_open=False, retention_until=None)
    >>> decided = decide_erasure([open_case], ground=Ground.OBJECTION, own=True, now="2026-11-03T12:00:00.000Z")
    >>> decided.outcome.value, decided.reason.value, decided.review_at
    ('deferred', 'open_case', '2026-12-03T12:00:00.000Z')
    """
    if ground in RESTRICTING:
        return ErasureDecision(Outcome.RESTRICTED, ground)
    for reason, blocks in (
        (Reason.OPEN_DISPUTE, any(one.dispute_open for one in holdings)),
        (Reason.OPEN_CASE, any(one.ended_at is None for one in holdings)),
    ):
        if blocks:
            return ErasureDecision(Outcome.DEFERRED, ground, reason, review_after(now))
    ends = [(one.return_id, one.retention_until) for one in holdings if one.retention_until is not None]
    kept = tuple((return_id, until) for return_id, until in ends if until > now)
    whole = tuple(return_id for return_id, until in ends if until <= now)
    review_at = min((until for _, until in kept), default=None)
    if kept and not own and not whole:  # nothing but joint facts, and these are kept
        return ErasureDecision(Outcome.DEFERRED, ground, Reason.RETENTION, review_at, kept=kept)
    return ErasureDecision(Outcome.DONE, ground, review_at=review_at, whole=whole, kept=kept)


def holding_of(case: Case, docket: Docket, *, retention_years: int, joint_facts: bool) -> Holding:
    """Return a case as the decision sees it.

    The retention that the newest `close` in force names counts, where it can be opened; else `retention_years` after
    the end.

    Args:
        case: The case.
        docket: Of the case.
        retention_years: Years from the end of a case.
        joint_facts: The key of the case is still there.
    """
    ended_at = _ended_at(docket)
    dispute_open = any(one.open for one in case.disputes)
    if ended_at is None or not joint_facts:
        return Holding(case.return_id, ended_at, dispute_open, None)
    closes = [known.values for known in docket.in_force() if known.entry.verb == "close"]
    named = closes[-1].get("retention_until") if closes else None
    until = _years_after(ended_at, retention_years) if named is None else _utc(str(named))
    return Holding(case.return_id, ended_at, dispute_open, until)


def review_after(now: str) -> str:
    """Return when a deferred request is looked at again, from an instant on."""
    return instant_text(datetime.fromisoformat(now) + timedelta(days=REVIEW_DAYS))


def _ended_at(docket: Docket) -> str | None:
    """Return when the last step led into the terminal state in which the case is, None where it is in none."""
    state, ended_at = None, None
    for known in docket.steps:
        entry = known.entry
        if entry.kind in _MOVING and entry.to_state is not None and entry.to_state != state:
            state = entry.to_state
            ended_at = entry.recorded_at if LIFECYCLE.case.states[state].terminal else None
    return ended_at


def _years_after(instant: str, years: int) -> str:
    """Return the same time so many years later; 28 February where the year has no 29th."""
    at = datetime.fromisoformat(instant)
    year = min(at.year + years, 9999)
    try:
        return instant_text(at.replace(year=year))
    except ValueError:
        return instant_text(at.replace(year=year, day=28))


def _utc(instant: str) -> str:
    return instant_text(datetime.fromisoformat(instant).astimezone(UTC))
