"""Audit: re-derive everything from the entry bytes, and name what contradicts them.

Stages: `guards` (triggers, grants and settings of the database), `entries` (bytes, order, times), `nodes`,
`checkpoints`, `cases`, `values` (commitments), `evidence` (files), `balances` (quantities and money), `erasures` (what
should be gone), `mark`, `anchors` (records, and the chain).

Promises: reads only; goes on after a contradiction, so that the report is whole; a chain that does not answer is
unknown, never a contradiction. Does not: repair.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from ledger_service.chain.registry import Registry
from ledger_service.core.anchor_record import Anchor, AnchorState, parse_anchor_record
from ledger_service.core.entry import CaseEntry, parse_entry
from ledger_service.core.log_entry import After, Target
from ledger_service.core.registry import compute_commitment
from ledger_service.errors import (
    ChainBusyError,
    ChainDataMissingError,
    EvidenceError,
    LedgerError,
    NodeAnswerError,
    NodeUnreachableError,
    WrongChainError,
)
from ledger_service.operations.audit_entries import SETTLE_TRIES_MAX, EntryWalk
from ledger_service.operations.audit_erasures import audit_erasure_entries, audit_erasures
from ledger_service.operations.dockets import read_docket
from ledger_service.operations.gate import check_chain, check_mark, check_place
from ledger_service.operations.ledger import Ledger
from ledger_service.store.anchors import AnchorHistory
from ledger_service.store.engine import missing_guard
from ledger_service.store.projection import compare_cases
from ledger_service.store.values import open_value

# Of these none says anything about the ledger: nobody answered, or not sensibly, or about another chain.
_NO_ANSWER = (NodeUnreachableError, NodeAnswerError, WrongChainError, ChainDataMissingError, ChainBusyError)
FINDINGS_MAX = 1_000  # a broken database gives a million; the first ones tell

Say = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Finding:
    """A contradiction: the stage that found it, and what contradicts what."""

    stage: str
    what: str


@dataclass(slots=True)
class AuditReport:
    """What was looked at, what contradicts, what could not be asked, and what is worth knowing besides."""

    counts: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, stage: str, what: str) -> None:
        """Note a contradiction."""
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(Finding(stage, what))

    def count(self, what: str, number: int = 1) -> None:
        """Count something that was looked at."""
        self.counts[what] = self.counts.get(what, 0) + number

    def as_json(self) -> dict[str, Any]:
        """Return the report for machines."""
        return {
            "counts": self.counts,
            "findings": [{"stage": finding.stage, "what": finding.what} for finding in self.findings],
            "unknown": self.unknown,
            "notes": self.notes,
        }

    def lines(self) -> list[str]:
        """Return the report for people, the first contradiction on top."""
        counted = ", ".join(f"{number} {what}" for what, number in self.counts.items())
        lines = [f"looked at: {counted}"]
        if self.findings:
            lines.append(f"contradicted: {len(self.findings)} findings, the first:")
            lines += [f"  {finding.stage}: {finding.what}" for finding in self.findings[:20]]
        lines += [f"not known: {reason}" for reason in self.unknown]
        lines += [f"note: {note}" for note in self.notes]
        if not self.findings and not self.unknown:
            lines.append("clean: everything follows from the entry bytes, and the chain agrees")
        return lines


def _silent(stage: str, done: int, total: int) -> None:
    """Report progress to nobody."""


def audit(
    ledger: Ledger,
    registry: Registry | None,
    *,
    say: Say = _silent,
    unreachable: str = "",
    further: Sequence[tuple[Target, Registry]] = (),
) -> AuditReport:
    """Return the report on a ledger.

    Args:
        ledger: Opened to read.
        registry: The contract at the first target, or None when its node cannot be asked.
        say: Called with stage, done and total as the audit proceeds.
        unreachable: Why there is no registry.
        further: The other targets, with their contracts.
    """
    report = AuditReport()
    if guard := missing_guard(ledger.store):
        report.add("guards", guard)
    anchors = _anchors(ledger, report)
    walk = EntryWalk(ledger.read, origin=ledger.origin, add=report.add, count=report.count)
    roots = walk.run(also_at={anchor.size for anchor in anchors}, say=lambda done, total: say("entries", done, total))
    _audit_cases(ledger, report)
    _audit_values(ledger, report, say)
    _audit_balances(ledger, report)
    audit_erasures(ledger, add=report.add, count=report.count)
    audit_erasure_entries(ledger, add=report.add)
    _audit_mark(ledger, report)
    for anchor in anchors:
        _audit_record(report, anchor, roots)
    _audit_seals(ledger, report, walk.seals, anchors)
    _audit_chain(ledger, report, registry, anchors, unreachable)
    for target, its in further:
        _audit_target(ledger, report, target, its, anchors)
    return report


def _anchors(ledger: Ledger, report: AuditReport) -> list[Anchor]:
    try:
        history = AnchorHistory(ledger.store)
        rows = [row for target in ledger.targets() for row in history.current(target.log_id)]
    except LedgerError as error:
        report.add("anchors", error.message)
        return []
    anchors = []
    for row in rows:
        try:
            anchor = parse_anchor_record(row.record)
        except LedgerError as error:
            report.add("anchors", f"head {row.sequence}: its record cannot be read: {error.message}")
            continue
        if (row.log_id, row.sequence, row.size, row.state) != (
            anchor.log_id, anchor.sequence, anchor.size, anchor.state.value,
        ):  # fmt: skip
            report.add("anchors", f"head {row.sequence}: its row says something else than its record")
        anchors.append(anchor)
    report.count("anchors", len(anchors))
    return anchors


def _audit_cases(ledger: Ledger, report: AuditReport) -> None:
    """Compare every column of the projection with the cases that the entries give."""
    for _ in range(SETTLE_TRIES_MAX):
        size = ledger.read.size()
        try:
            differences = compare_cases(ledger.store)
        except LedgerError as error:
            report.add("cases", f"what the cases are does not follow from the entries: {error.message}")
            return
        if not differences or ledger.read.size() == size:  # else somebody recorded a step between two reads
            break
    for found in differences:
        if found.member == "return_id":
            which = "is in the projection and has no entry" if found.derived is None else "is not in the projection"
            report.add("cases", f"return {found.return_id} {which}")
        else:
            gives = f"its entries give {_shown(found.derived)}"
            report.add("cases", f"return {found.return_id}: {found.member} is {_shown(found.stored)}, {gives}")


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else f"{value!r:.120}"


def _audit_values(ledger: Ledger, report: AuditReport, say: Say) -> None:
    """Open every value that can be opened and re-hash every evidence file."""
    total = ledger.read.entry_count()
    destroyed = frozenset(ledger.keys.destroyed())
    for row in ledger.read.entries():
        try:
            entry = parse_entry(row.encoded)
        except LedgerError:
            continue  # the walk has named it
        if isinstance(entry, CaseEntry):
            _audit_entry_values(ledger, report, row.index, entry, destroyed=destroyed)
        if (row.index + 1) % 1000 == 0 or row.index + 1 == total:
            say("values and evidence", row.index + 1, total)
    try:
        for name in ledger.evidence.orphans(ledger.read.file_names() | ledger.uploads.names()):
            report.notes.append(f"the evidence file {name} belongs to no entry and no upload")
    except EvidenceError as error:
        report.add("evidence", error.message)


def _audit_balances(ledger: Ledger, report: AuditReport) -> None:
    """Add quantities and money of every case up again, as far as its values can be opened."""
    for return_id in ledger.read.return_ids():
        try:
            docket = read_docket(ledger.read, ledger.keys, return_id)
        except LedgerError:
            continue  # an entry or a value that cannot be read: another stage has named it
        report.count("balances" if docket.balance.complete else "balances with erased values")
        for seq, what in docket.problems:
            report.add("balances", f"return {return_id}, entry {seq} of the case: {what}")


def _audit_entry_values(
    ledger: Ledger, report: AuditReport, index: int, entry: CaseEntry, *, destroyed: Collection[bytes]
) -> None:
    erased: set[int] = set()
    named = entry.all_commitments()
    values = {value.position: value for value in ledger.read.sealed_values(index)}
    digests: dict[int, object] = {}
    for position, commitment in enumerate(named):
        value = values.get(position)
        key = None if value is None else ledger.keys.get(value.key_id)
        if value is not None and key is None and value.key_id not in destroyed:
            report.add(
                "values", f"entry {index}, {commitment.name}: its key is gone, and nothing says it was destroyed"
            )
            continue
        if value is None or key is None:
            report.count("values erased")
            erased.add(position)
            continue
        report.count("values")
        try:
            disclosure = open_value(key, value.ciphertext, commitment=commitment.commitment)
        except LedgerError as error:
            report.add("values", f"entry {index}, {commitment.name}: {error.message}")
            continue
        if disclosure.name != commitment.name or disclosure.commitment() != commitment.commitment:
            report.add("values", f"entry {index}, {commitment.name}: the value does not open its commitment")
        digests[position] = disclosure.value
    files = ledger.read.files(index)
    for position in set(range(len(entry.evidence))) - {file.position for file in files} - erased:
        report.add("evidence", f"entry {index}: its file {position} is described, and nothing says where it lies")
    for file in files:
        report.count("evidence files")
        described = entry.evidence[file.position] if file.position < len(entry.evidence) else None
        if described is None or (described.kind, described.size) != (file.kind, file.size):
            report.add("evidence", f"entry {index}: its file {file.position} is not the one that the entry describes")
        if digests.get(file.position, file.sha256.hex()) != file.sha256.hex():
            report.add("evidence", f"entry {index}: the fingerprint kept for file {file.position} is not the entry's")
        try:
            ledger.evidence.verify(file.name, file.sha256, file.size)
        except EvidenceError as error:
            report.add("evidence", f"entry {index}, {file.kind}: {error.message}")


def _audit_mark(ledger: Ledger, report: AuditReport) -> None:
    try:
        check_mark(ledger)
    except LedgerError as error:  # also where the nodes that its root follows from are gone
        report.add("mark", error.message)


def _audit_record(report: AuditReport, anchor: Anchor, roots: dict[int, bytes]) -> None:
    if roots.get(anchor.size) != anchor.root:
        report.add(
            "anchors", f"head {anchor.sequence}: its root at size {anchor.size} does not follow from the entries"
        )
    if anchor.block is None or anchor.commitment is None:
        return
    commitment = compute_commitment(
        anchor.log_id,
        anchor.sequence,
        size=anchor.size,
        root=anchor.root,
        time=anchor.block.time,
        block_number=anchor.block.number,
        parent_hash=anchor.block.parent_hash,
    )
    if commitment != anchor.commitment:
        report.add("anchors", f"head {anchor.sequence}: its commitment does not follow from its head and block")


def _audit_seals(
    ledger: Ledger, report: AuditReport, seals: list[tuple[int, After | None]], anchors: list[Anchor]
) -> None:
    """Each seal quotes an anchor that was final, and none that an earlier seal had passed already.

    What was final when it was quoted, and left the chain later, is no fault of the seal.
    """
    final = {(a.log_id, a.sequence, a.commitment) for a in anchors if a.state is AnchorState.FINALIZED}
    lost = [parse_anchor_record(row.record) for row in AnchorHistory(ledger.store).contradicted()]
    lost_quotes = {(a.log_id, a.sequence, a.commitment) for a in lost}
    newest: dict[bytes, int] = {}
    for index, after in seals:
        if after is None or (quote := (after.log_id, after.sequence, after.commitment)) in lost_quotes:
            continue
        if quote not in final or after.sequence < newest.get(after.log_id, -1):
            report.add("anchors", f"entry {index}: the seal quotes head {after.sequence}, which no final record holds")
        newest[after.log_id] = max(newest.get(after.log_id, -1), after.sequence)


def _audit_chain(
    ledger: Ledger, report: AuditReport, registry: Registry | None, anchors: list[Anchor], unreachable: str
) -> None:
    if registry is None:
        report.unknown.append(f"the chain was not asked: {unreachable or 'no node'}")
        return
    _audit_target(ledger, report, ledger.target(), registry, anchors)


def _audit_target(
    ledger: Ledger, report: AuditReport, target: Target, registry: Registry, anchors: list[Anchor]
) -> None:
    own = [anchor for anchor in anchors if anchor.log_id == target.log_id]
    try:
        check_place(target, registry)
        _compare_heads(ledger, report, target, registry, own)
    except _NO_ANSWER as error:
        report.unknown.append(f"the chain did not answer: {error.message}")
    except LedgerError as error:
        report.add("anchors", error.message)


def _compare_heads(
    ledger: Ledger, report: AuditReport, target: Target, registry: Registry, anchors: list[Anchor]
) -> None:
    """Compare the newest head, then the commitment of each; a contradiction does not end it."""
    try:
        head = check_chain(ledger, registry, target)
    except _NO_ANSWER:
        raise
    except LedgerError as error:
        report.add("anchors", error.message)
    else:
        known = {anchor.sequence for anchor in anchors}
        if head.sequence and head.sequence not in known:
            report.notes.append(f"the chain holds head {head.sequence}, of which no record tells")
    for anchor in anchors:
        if anchor.state not in (AnchorState.INCLUDED, AnchorState.FINALIZED):
            continue
        report.count("anchors compared with the chain")
        if registry.commitment(anchor.log_id, anchor.sequence) != anchor.commitment:
            report.add("anchors", f"head {anchor.sequence}: the contract holds another commitment")
