"""Hold a package against the seal that it shows, and against receipts that somebody has beside it.

completeness  as of the seal, the entries before it are as many as the case index counts, and end with the same one; the
              seal is not older than any anchored head that a receipt of the package rests on: each such head ends in
              a seal (SPEC.md, section 7), so what a package leaves out before it can be shown, and must be
receipt       each receipt that is given beside the package is of an entry in it, or came later

Promises: pure; that nothing was shown is unknown, and holds the verdict back. Does not: verify receipts or the seal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ledger_service.core.checkpoint import parse_checkpoint
from ledger_service.core.disclosure import Record
from ledger_service.core.entry import CaseEntry, parse_entry
from ledger_service.core.merkle import leaf_hash
from ledger_service.core.package import Manifest
from ledger_service.core.package_events import Event, digest_of
from ledger_service.core.receipt import Receipt, parse_receipt
from ledger_service.core.report import Check, Outcome
from ledger_service.core.verify_case_proof import Counted


@dataclass(frozen=True, slots=True)
class Step:
    """An entry of the case as its receipt shows it: what events.jsonl says of it too, and its place in the case.

    `anchored` is the size of the anchored head that the receipt rests on; 0: none.
    """

    event: Event
    seq: int | None
    prev: bytes | None
    anchored: int


def step_of(data: bytes, return_id: str) -> Step | None:
    """Return what a verified receipt of a package shows; None if it is of another case.

    Raises:
        FormatError: It is no receipt.
    """
    receipt = parse_receipt(data)
    entry = parse_entry(receipt.entry)
    if not isinstance(entry, CaseEntry) or entry.return_id != return_id:
        return None
    files, others = receipt.records[: len(entry.evidence)], receipt.records[len(entry.evidence) :]
    shown = {record.name: record.disclosure.value for record in others if record.disclosure is not None}
    hidden = [record.name for record in others if record.disclosure is None]
    event = Event(
        index=receipt.index,
        leaf=leaf_hash(receipt.entry),
        files=tuple(_fingerprint(record) for record in files),
        told=digest_of(shown, hidden),
    )
    head, _ = parse_checkpoint(receipt.checkpoint)
    return Step(event, entry.seq, entry.prev, head.size if receipt.anchors else 0)


def _fingerprint(record: Record) -> str | None:
    value = None if record.disclosure is None else record.disclosure.value
    return value if isinstance(value, str) else None


def check_completeness(counted: Counted | Check | None, manifest: Manifest, steps: Mapping[int, Step]) -> Check:
    """Compare the entries before the seal with what it counts; what came after it, no seal of the package covers.

    Args:
        counted: What the completeness file says, or the check that fails because it does; None: there is no such file.
        manifest: Of the package.
        steps: What its receipts show, by index.
    """
    newest = max((step.anchored for step in steps.values()), default=0)
    if counted is None and not newest:
        reason = "no completeness file, and no receipt in the package is anchored yet"
        return Check("completeness", Outcome.UNKNOWN, reason, decisive=False)
    if counted is None:
        reason = f"no completeness file shows what the seal at entry {newest - 1} counts, which is anchored"
        return Check("completeness", Outcome.UNKNOWN, reason)
    if not isinstance(counted, Counted):
        return counted
    if counted.return_id != manifest.return_id:
        return Check("completeness", Outcome.FAIL, "the seal is shown for another case")
    covered = [one for _, one in sorted(steps.items()) if one.seq is not None and one.event.index < counted.seal]
    last = covered[-1].event.leaf if covered else None
    if (len(covered), last) != (counted.count, counted.last):
        reason = f"the seal at entry {counted.seal} counts {counted.count} entries before it, the package has others"
        return Check("completeness", Outcome.FAIL, reason)
    if counted.seal >= manifest.size:
        reason = f"the seal at entry {counted.seal} is newer than the tree head of the package"
        return Check("completeness", Outcome.FAIL, reason)
    if counted.seal < newest - 1:
        reason = (
            f"the seal at entry {counted.seal}, recorded {counted.sealed_at}, is older than the one at entry"
            f" {newest - 1} that a receipt rests on: what that counts is not shown"
        )
        return Check("completeness", Outcome.UNKNOWN, reason)
    later = sum(one.seq is not None and one.event.index > counted.seal for one in steps.values())
    detail = (
        f"before the seal at entry {counted.seal}, recorded {counted.sealed_at}: exactly these {len(covered)} entries;"
        f" the log had {manifest.size - 1 - counted.seal} entries after it, {later} of them on the chain of this return"
    )
    return Check("completeness", counted.outcome, detail, decisive=bool(newest))


def check_beside(
    receipts: Sequence[Receipt], manifest: Manifest, steps: Mapping[int, Step], counted: Counted | Check | None
) -> list[Check]:
    """Return a check for each receipt that is given beside a package: its entry is in it, or came later.

    Args:
        receipts: Good ones, of any entries.
        manifest: Of the package.
        steps: What its receipts show, by index: all of them hold.
        counted: As `check_completeness` takes it.
    """
    places = {step.seq: index for index, step in sorted(steps.items()) if step.seq is not None}
    seal = counted.seal if isinstance(counted, Counted) else 0
    return [_check_one(receipt, manifest, steps, places, seal) for receipt in receipts]


def _check_one(
    receipt: Receipt, manifest: Manifest, steps: Mapping[int, Step], places: Mapping[int, int], seal: int
) -> Check:
    entry = parse_entry(receipt.entry)
    about, index = f"entry {receipt.index}, shown beside the package,", receipt.index
    if not isinstance(entry, CaseEntry) or entry.return_id != manifest.return_id:
        return Check("receipt", Outcome.UNKNOWN, f"{about} is not of this return", decisive=False)
    if index in steps:
        if steps[index].event.leaf == leaf_hash(receipt.entry):
            return Check("receipt", Outcome.PASS, f"{about} is in it")
        return Check("receipt", Outcome.FAIL, f"{about} is another than the package has at that index")
    if entry.seq is not None and entry.seq in places:
        reason = f"has the place {entry.seq} of the return, where the package has entry {places[entry.seq]}"
        return Check("receipt", Outcome.FAIL, f"{about} {reason}")
    if entry.recorded_at < manifest.generated_at or (entry.seq is not None and index < seal):
        return Check("receipt", Outcome.FAIL, f"{about} was recorded before the package, which leaves it out")
    return Check("receipt", Outcome.UNKNOWN, f"{about} came after the package was made", decisive=False)
