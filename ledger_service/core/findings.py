"""The finding of facts of a case: what is proven, what is only claimed, what is missing.

Promises: proven is only what an anchor, the chain of entries, a wallet's signature or the check of a message shows, in
these words: recorded after one block's time (where a receipt shows that) and no later than another's, never that a
claim or a photo is true. Everything else that a party said is claimed. Does not: weigh anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby

from ledger_service.core.clock import Clock, ClockState
from ledger_service.core.custody import CustodyGap
from ledger_service.core.docket import Docket
from ledger_service.core.encoding import Json
from ledger_service.core.entry import ASIDE_KINDS, Authenticity, Kind
from ledger_service.core.timeline_row import Act, Row, block_instant

FINALIZED = "finalized"


class FindingCode(StrEnum):
    """What a finding says; the words for it belong to whoever shows it."""

    RECORDED_BY = "recorded_by"
    CHAIN_WHOLE = "chain_whole"
    FILES_FIXED = "files_fixed"
    SIGNED_BY_WALLET = "signed_by_wallet"
    MESSAGE_VERIFIED = "message_verified"
    SAYS = "says"
    NOT_FINAL = "not_final"
    CHAIN_BROKEN = "chain_broken"
    EVIDENCE_NOT_HELD = "evidence_not_held"
    CLOCK_UNKNOWN = "clock_unknown"
    CUSTODY_GAP = "custody_gap"
    VALUES_ERASED = "values_erased"


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence: its code, the indexes of the entries that it is about, and what fills its words."""

    code: FindingCode
    indexes: tuple[int, ...]
    details: dict[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Findings:
    """The three lists."""

    proven: tuple[Finding, ...] = ()
    claimed: tuple[Finding, ...] = ()
    missing: tuple[Finding, ...] = ()


def find_facts(
    rows: Sequence[Row], acts: Sequence[Act], docket: Docket, clocks: Sequence[Clock], gaps: Sequence[CustodyGap]
) -> Findings:
    """Return the three lists of a case.

    Args:
        rows: All of them, by index.
        acts: The steps in force.
        docket: Of the case.
        clocks: Of the steps in force.
        gaps: Of its custody chain.
    """
    broken = _broken(rows)
    return Findings(
        proven=tuple(_proven(rows, whole=not broken)),
        claimed=tuple(_claimed(acts)),
        missing=(
            *broken,
            *_not_final(rows),
            *_not_held(acts),
            *_unknown(clocks, docket, rows),
            *(_gap(gap) for gap in gaps),
            *_erased(rows),
        ),
    )


def finding_members(finding: Finding) -> dict[str, Json]:
    """Return a finding as a JSON object."""
    return {"code": finding.code.value, "indexes": list(finding.indexes), **finding.details}


def _proven(rows: Sequence[Row], *, whole: bool) -> Iterator[Finding]:
    final = [row for row in rows if row.life == FINALIZED and row.placed.anchored_at is not None]
    for (since, at), group in groupby(final, key=lambda row: (row.since_at, row.placed.anchored_at or 0)):
        between: dict[str, Json] = {"since": since, "at": block_instant(at)}
        yield Finding(FindingCode.RECORDED_BY, tuple(row.index for row in group), between)
    if whole:
        chained = tuple(row.index for row in rows if row.entry.seq is not None)
        yield Finding(FindingCode.CHAIN_WHOLE, chained, {"count": len(chained)})
    with_files = [row for row in rows if row.entry.evidence]
    for at_most, group in groupby(
        with_files, key=lambda row: row.placed.anchored_at if row.life == FINALIZED else None
    ):
        found = list(group)
        count = sum(len(row.entry.evidence) for row in found)
        details: dict[str, Json] = {"count": count, "at": None if at_most is None else block_instant(at_most)}
        yield Finding(FindingCode.FILES_FIXED, tuple(row.index for row in found), details)
    for row in rows:
        entry = row.entry
        if entry.authenticity is Authenticity.SIGNED:
            yield Finding(FindingCode.SIGNED_BY_WALLET, (row.index,), {"role": entry.asserted_by.role.value})
        elif entry.authenticity is Authenticity.WEBHOOK_VERIFIED:
            yield Finding(FindingCode.MESSAGE_VERIFIED, (row.index,), {"role": entry.asserted_by.role.value})


def _claimed(acts: Sequence[Act]) -> Iterator[Finding]:
    for act in acts:
        entry = act.entry
        details: dict[str, Json] = {
            "role": entry.asserted_by.role.value,
            "verb": entry.verb,
            "at": act.claims[0] if act.claims else None,
            "authenticity": entry.authenticity.value,
        }
        yield Finding(FindingCode.SAYS, (act.index,), details)


def _broken(rows: Sequence[Row]) -> list[Finding]:
    """Return the places where the case's own chain does not hold: a number is left out, or another entry named."""
    found, seq, head = [], 0, None
    for row in rows:
        entry = row.entry
        if entry.kind in ASIDE_KINDS:
            continue
        if (entry.seq, entry.prev) != (seq, head):
            found.append(Finding(FindingCode.CHAIN_BROKEN, (row.index,), {"seq": entry.seq, "expected": seq}))
        seq, head = (entry.seq or 0) + 1, row.placed.known.leaf
    return found


def _not_final(rows: Sequence[Row]) -> Iterator[Finding]:
    waiting = [row for row in rows if row.life != FINALIZED]
    for life, group in groupby(waiting, key=lambda row: row.life):
        yield Finding(FindingCode.NOT_FINAL, tuple(row.index for row in group), {"life": life})


def _not_held(acts: Sequence[Act]) -> Iterator[Finding]:
    """Yield each kind that was recorded as missing and that nobody has given since."""
    given: set[str] = set()
    wanted: dict[str, int] = {}
    for act in reversed(acts):
        wanted |= {kind: act.index for kind in act.entry.missing if kind not in given}
        given.update(item.kind for item in act.entry.evidence)
    for kind, index in wanted.items():
        yield Finding(FindingCode.EVIDENCE_NOT_HELD, (index,), {"kind": kind})


def _unknown(clocks: Sequence[Clock], docket: Docket, rows: Sequence[Row]) -> Iterator[Finding]:
    places = {row.placed.known.leaf: row.index for row in rows}
    for clock in clocks:
        if clock.state is ClockState.UNKNOWN:
            details: dict[str, Json] = {
                "clock_id": clock.clock_id,
                "rule": clock.rule.id,
                "reason": None if clock.reason is None else clock.reason.value,
                "missing": list(clock.missing),
            }
            yield Finding(FindingCode.CLOCK_UNKNOWN, (places[docket.steps[clock.started_by].leaf],), details)


def _gap(gap: CustodyGap) -> Finding:
    indexes = (gap.after,) if gap.before is None else (gap.after, gap.before)
    details: dict[str, Json] = {"reason": gap.reason.value, "since": gap.since, "until": gap.until}
    return Finding(FindingCode.CUSTODY_GAP, indexes, details)


def _erased(rows: Sequence[Row]) -> Iterator[Finding]:
    for row in rows:
        if row.erased and row.entry.kind is not Kind.ERASURE:
            yield Finding(FindingCode.VALUES_ERASED, (row.index,), {"names": list(row.erased)})
