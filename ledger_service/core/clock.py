"""A clock of a case as a value, the step that clocks look at, and a clock as JSON.

Promises: a clock says everything that a reader needs to check it: rule and citation, what started it and on whose
word, the local days, pauses, the bound, and what stopped it by how much. What is not known is None, and the reason
says what is missing. Does not: compute clocks (`clocks.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from ledger_service.core.clock_kinds import Nature
from ledger_service.core.encoding import Json
from ledger_service.core.entry import Authenticity, Role, RuleReference
from ledger_service.core.lifecycle import Words
from ledger_service.core.rule_clock import Confidence
from ledger_service.core.rules import Ground


class ClockState(StrEnum):
    """Where a clock is at a given time."""

    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    MISSED = "missed"
    UNKNOWN = "unknown"
    STOPPED = "stopped"


class Basis(StrEnum):
    """Whose word a time rests on: a field of the step, when the step is said to have happened, our own recording."""

    STATED = "stated"
    OCCURRED = "occurred"
    RECORDED = "recorded"


class ZoneBasis(StrEnum):
    """Why a zone counts: the case names it, the country has only one, or the rule names the country."""

    STATED = "stated"
    COUNTRY = "country"
    RULE = "rule"


class Reason(StrEnum):
    """Why a clock is unknown, or, for the last, why it is not missed though its day is over."""

    START_NOT_RECORDED = "start_not_recorded"
    CONDITION_NOT_RECORDED = "condition_not_recorded"
    ZONE_NOT_RECORDED = "zone_not_recorded"
    ZONE_UNKNOWN = "zone_unknown"
    CALENDAR_UNKNOWN = "calendar_unknown"
    NOTICE_WITHOUT_DATE = "notice_without_date"
    BUYER_NOT_INFORMED = "buyer_not_informed"
    RULE_SET_UNKNOWN = "rule_set_unknown"
    LAWFULLY_WITHHELD = "lawfully_withheld"


@dataclass(frozen=True, slots=True)
class Happening:
    """One step of a case as the clocks see it.

    Args:
        seq: Its place on the case's chain.
        verb: The step's name in the life cycle.
        role: Who asserts it.
        occurred_at: When it is said to have happened, None if nobody says; RFC 3339 UTC with milliseconds.
        recorded_at: When the ledger recorded it; the same form.
        fields: Facts and opened values by name. What is erased or withheld is absent.
        evidence: The kinds of its files.
        rule: The rule that the step rests on.
        dispute: A step of the dispute machine; then `fields` hold `dispute_id`.
        authenticity: How we know that the role said it; None is taken as nothing that vouches for its time.
        to_state: The state that the step led to, if the caller has it.
    """

    seq: int
    verb: str
    role: Role
    occurred_at: str | None
    recorded_at: str
    fields: Mapping[str, Json]
    evidence: tuple[str, ...]
    rule: RuleReference | None
    dispute: bool = False
    authenticity: Authenticity | None = None
    to_state: str | None = None


@dataclass(frozen=True, slots=True)
class Clock:
    """One deadline of a case.

    `due_date` is the last local day in time, `due_at` the first instant (UTC) that is too late: an act at `due_at`
    itself misses the clock. `margin_seconds` is `due_at` minus the stop, or minus now while nothing stopped it,
    rounded down to whole seconds: at or over 0 in time, or exactly at the bound; below 0 missed by so much; None
    where nothing is owed or known. While paused, `due_*` are None and the margin is what remains. `withheld_from` and
    `withheld_until` bound the time in which a refund may lawfully be withheld. `missing` names the fields that
    `reason` speaks of, `stopping_steps` the steps that stop the clock. Times are RFC 3339 UTC with milliseconds, days
    are ISO dates of `zone`.
    """

    clock_id: str
    words: Words
    nature: Nature
    rule: RuleReference
    ground: Ground
    actor: Role
    state: ClockState
    started_by: int
    citation: str
    confidence: Confidence
    subject: str | None = None
    start_at: str | None = None
    start_basis: Basis | None = None
    zone: str | None = None
    zone_basis: ZoneBasis | None = None
    first_day: str | None = None
    pauses: tuple[tuple[str, str | None], ...] = ()
    due_date: str | None = None
    due_at: str | None = None
    withheld_from: str | None = None
    withheld_until: str | None = None
    stopped_by: int | None = None
    stopped_at: str | None = None
    stop_basis: Basis | None = None
    margin_seconds: int | None = None
    reason: Reason | None = None
    missing: tuple[str, ...] = ()
    details: str = ""
    conditions: Words | None = None
    stopping_steps: tuple[str, ...] = ()


def clock_members(clock: Clock) -> dict[str, Json]:
    """Return the clock as a JSON object."""
    return {
        "actor": clock.actor.value,
        "citation": clock.citation,
        "clock_id": clock.clock_id,
        "conditions": None if clock.conditions is None else _words(clock.conditions),
        "confidence": clock.confidence.value,
        "details": clock.details,
        "due_at": clock.due_at,
        "due_date": clock.due_date,
        "first_day": clock.first_day,
        "ground": clock.ground.value,
        "margin_seconds": clock.margin_seconds,
        "missing": list(clock.missing),
        "nature": clock.nature.value,
        "pauses": [{"from": since, "to": until} for since, until in clock.pauses],
        "reason": clock.reason,
        "rule": {"id": clock.rule.id, "version": clock.rule.version},
        "start_at": clock.start_at,
        "start_basis": clock.start_basis,
        "started_by": clock.started_by,
        "state": clock.state.value,
        "stop_basis": clock.stop_basis,
        "stopped_at": clock.stopped_at,
        "stopped_by": clock.stopped_by,
        "stopping_steps": list(clock.stopping_steps),
        "subject": clock.subject,
        "withheld_from": clock.withheld_from,
        "withheld_until": clock.withheld_until,
        "words": _words(clock.words),
        "zone": clock.zone,
        "zone_basis": clock.zone_basis,
    }


def instant_text(at: datetime) -> str:
    """Return an aware instant as RFC 3339 UTC with milliseconds, rounded down."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _words(words: Words) -> dict[str, Json]:
    return {"en": words.en, "zh": words.zh}
