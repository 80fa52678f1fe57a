"""The timeline of a case: from its entries to everything that a reader is shown, in one pure function.

Rows with their flags, the clocks (as the steps in force give them and, where a correction changed one, as they were
before), the balance, disputes, the custody chain, refused attempts, contradictions, and the three lists. Command line,
pages, documents and exports all show this value.
Promises: the same entries and `now` give the same timeline. Does not: read the log, or choose words (`pages/words.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ledger_service.core.balance import Balance
from ledger_service.core.clock import Clock, clock_members
from ledger_service.core.clocks import clocks
from ledger_service.core.concern import concerned
from ledger_service.core.custody import Custody, custody_members, custody_of
from ledger_service.core.docket import Docket, make_docket
from ledger_service.core.encoding import Json
from ledger_service.core.entry import Kind, Role
from ledger_service.core.findings import Findings, find_facts, finding_members
from ledger_service.core.flags import Contradiction, contradictions, future_claims, late_evidence, own_flags
from ledger_service.core.happenings import happening, happenings_as_recorded
from ledger_service.core.lifecycle import LIFECYCLE, Words
from ledger_service.core.timeline_row import Act, Flag, Placed, Row, act_of, claimed_times, row_members

_STATE_KINDS = frozenset({Kind.TRANSITION, Kind.CORRECTION})
_WORTH_KNOWING = ("legal_basis", "language", "buyer_country", "seller_country")


@dataclass(frozen=True, slots=True)
class DisputeCourse:
    """One dispute: its type, where it is, and the indexes of its steps; `outcome` once it was ruled."""

    dispute_id: str
    type: str | None
    state: str | None
    outcome: str | None
    indexes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A step that was tried and refused: who, what, the class of the refusal, and why in words (None: erased)."""

    index: int
    verb: str
    role: Role
    recorded_at: str
    refused: str
    why: str | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """Everything about one case at `now` (RFC 3339 UTC with milliseconds).

    `state` is where the case is. `places` maps the `seq` of a step, as clocks name it, to its index in the log.
    `clocks_before_corrections` are those that a correction changed, as they were without any.
    """

    origin: str
    return_id: str
    now: str
    state: str
    rows: tuple[Row, ...]
    places: Mapping[int, int]
    clocks: tuple[Clock, ...]
    clocks_before_corrections: tuple[Clock, ...]
    balance: Balance
    disputes: tuple[DisputeCourse, ...]
    custody: Custody
    attempts: tuple[Attempt, ...]
    contradictions: tuple[Contradiction, ...]
    findings: Findings

    @property
    def state_words(self) -> Words:
        """What the state means."""
        return LIFECYCLE.case.states[self.state].words

    @property
    def request(self) -> Row:
        """The row that opened the case."""
        return next(row for row in self.rows if row.entry.seq == 0)


def make_timeline(placed: Sequence[Placed], *, now: str) -> Timeline:
    """Return the timeline of a case.

    Args:
        placed: Every entry of the case by index, those beside its chain included; its first step is among them.
        now: RFC 3339 UTC with milliseconds.
    """
    docket = make_docket(one.known for one in placed)
    index_of = {one.known.leaf: one.index for one in placed}
    in_force = [known for known in docket.in_force() if known.entry.kind is not Kind.CORRECTION]
    seen = [happening(known) for known in in_force]
    acts = [act_of(index_of[known.leaf], known, one) for known, one in zip(in_force, seen, strict=True)]
    found = clocks(seen, now=now)
    against, flags = _flags(placed, acts, docket, index_of)
    for index in late_evidence(acts, found):
        flags[index].add(Flag.LATE_EVIDENCE)
    rows = _rows(placed, docket, index_of, flags)
    first = docket.steps[0].entry
    moved = [known.entry for known in docket.steps if known.entry.kind in _STATE_KINDS]
    state = moved[-1].to_state or ""
    ended = LIFECYCLE.case.states[state].terminal
    custody = custody_of(acts, until=moved[-1].recorded_at if ended else now)
    return Timeline(
        origin=first.origin,
        return_id=first.return_id,
        now=now,
        state=state,
        rows=rows,
        places={known.entry.seq or 0: index_of[known.leaf] for known in docket.steps},
        clocks=found,
        clocks_before_corrections=_before_corrections(docket, found, now),
        balance=docket.balance,
        disputes=_disputes(acts),
        custody=custody,
        attempts=tuple(_attempt(row) for row in rows if row.entry.kind is Kind.ATTEMPT),
        contradictions=against,
        findings=find_facts(rows, acts, docket, found, custody.gaps),
    )


def timeline_members(timeline: Timeline) -> dict[str, Json]:
    """Return the timeline as a JSON object."""
    request = timeline.request
    return {
        "origin": timeline.origin,
        "return_id": timeline.return_id,
        "now": timeline.now,
        "state": timeline.state,
        "state_words": {"en": timeline.state_words.en, "zh": timeline.state_words.zh},
        "opened_at": request.entry.recorded_at,
        **{name: request.entry.facts.get(name) for name in _WORTH_KNOWING},
        "parties": [{"role": role, "party": party} for role, party in parties(timeline)],
        "rows": [row_members(row) for row in timeline.rows],
        "clocks": [_clock(timeline, one) for one in timeline.clocks],
        "clocks_before_corrections": [_clock(timeline, one) for one in timeline.clocks_before_corrections],
        "balance": timeline.balance.members(),
        "disputes": [
            {
                "dispute_id": one.dispute_id,
                "type": one.type,
                "state": one.state,
                "outcome": one.outcome,
                "indexes": list(one.indexes),
            }
            for one in timeline.disputes
        ],
        "custody": custody_members(timeline.custody),
        "attempts": [
            {
                "index": one.index,
                "verb": one.verb,
                "role": one.role.value,
                "recorded_at": one.recorded_at,
                "refused": one.refused,
                "why": one.why,
            }
            for one in timeline.attempts
        ],
        "contradictions": [
            {
                "flag": one.flag.value,
                "index": one.index,
                "said": one.said,
                "other": one.other,
                "against": one.against,
                "details": one.details,
            }
            for one in timeline.contradictions
        ],
        "proven": [finding_members(one) for one in timeline.findings.proven],
        "claimed": [finding_members(one) for one in timeline.findings.claimed],
        "missing": [finding_members(one) for one in timeline.findings.missing],
    }


def parties(timeline: Timeline) -> list[tuple[str, str]]:
    """Return role and pseudonym of everybody who said or recorded something, in the order in which they came."""
    seen = [one for row in timeline.rows for one in (row.entry.asserted_by, row.entry.recorded_by)]
    return list(dict.fromkeys((one.role.value, one.party) for one in seen))


def _flags(
    placed: Sequence[Placed], acts: Sequence[Act], docket: Docket, index_of: Mapping[bytes, int]
) -> tuple[tuple[Contradiction, ...], dict[int, set[Flag]]]:
    """Return the contradictions, and by index the flags that entries have by themselves and by them."""
    found = list(contradictions(acts))
    flags: dict[int, set[Flag]] = {}
    for one in placed:
        claims = claimed_times(one.known)
        flags[one.index] = set(own_flags(one.known, claims))
        found += future_claims(one.index, one.known, claims)
    for seq, what in docket.problems:
        index = index_of[docket.steps[seq].leaf]
        found.append(Contradiction(Flag.DOES_NOT_BALANCE, index, details=what))
    for against in found:
        flags[against.index].add(against.flag)
    return tuple(sorted(found, key=lambda one: one.index)), flags


def _rows(
    placed: Sequence[Placed], docket: Docket, index_of: Mapping[bytes, int], flags: Mapping[int, set[Flag]]
) -> tuple[Row, ...]:
    corrections, rows = docket.corrections, []
    for one in placed:
        leaf, own = one.known.leaf, flags[one.index]
        voided_by, corrected_by = corrections.voided.get(leaf), corrections.corrected_by.get(leaf)
        if voided_by is not None:
            own.add(Flag.VOIDED)
        if corrected_by is not None:
            own.add(Flag.CORRECTED)
        rows.append(
            Row(
                placed=one,
                flags=tuple(flag for flag in Flag if flag in own) if own else (),
                voided_by=None if voided_by is None else index_of[voided_by],
                corrected_by=None if corrected_by is None else index_of[corrected_by],
                corrected=corrections.corrected.get(leaf),
            )
        )
    return tuple(rows)


def _before_corrections(docket: Docket, found: Sequence[Clock], now: str) -> tuple[Clock, ...]:
    """Return the clocks that corrections changed, as they were: only kinds that a corrected step concerns can be."""
    corrections = docket.corrections
    wrong = [known for known in docket.steps if known.leaf in corrections.voided or known.leaf in corrections.corrected]
    kinds = frozenset[str]().union(*(concerned(happening(known)) for known in wrong))
    if not kinds:
        return ()
    still = set(found)
    before = clocks(happenings_as_recorded(docket), now=now, only=kinds)
    return tuple(one for one in before if one not in still)


def _disputes(acts: Sequence[Act]) -> tuple[DisputeCourse, ...]:
    by_id: dict[str, list[Act]] = {}
    for act in acts:
        if act.entry.kind is Kind.DISPUTE:
            by_id.setdefault(str(act.values.get("dispute_id")), []).append(act)
    found = []
    for dispute_id, steps in by_id.items():
        types = [str(act.values["type"]) for act in steps if act.entry.verb == "open_dispute"]
        outcomes = [str(act.values["outcome"]) for act in steps if act.entry.verb == "rule"]
        found.append(
            DisputeCourse(
                dispute_id=dispute_id,
                type=types[-1] if types else None,
                state=steps[-1].entry.to_state,
                outcome=outcomes[-1] if outcomes else None,
                indexes=tuple(act.index for act in steps),
            )
        )
    return tuple(found)


def _attempt(row: Row) -> Attempt:
    entry = row.entry
    why = row.values.get("why")
    return Attempt(
        index=row.index,
        verb=entry.verb,
        role=entry.asserted_by.role,
        recorded_at=entry.recorded_at,
        refused=str(entry.facts.get("refused")),
        why=None if why is None else str(why),
    )


def _clock(timeline: Timeline, clock: Clock) -> Json:
    """Return a clock with the indexes of the entries that it names by their `seq`."""
    stopped = None if clock.stopped_by is None else timeline.places[clock.stopped_by]
    return {
        **clock_members(clock),
        "started_by_index": timeline.places[clock.started_by],
        "stopped_by_index": stopped,
    }
