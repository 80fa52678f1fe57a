"""Verify a package: a report of named checks, as of a receipt; nothing is raised because the evidence is bad.

1. archive      the file is an archive in its one spelling, with the files of a package; nothing is unpacked
2. manifest     it is in its one spelling, and lists exactly the other files with their sizes
3. trust        a trust file is given; the one in the package is of the same log
4. head         the tree head of the package is that of the pinned log, signed by its key
5. signature    the manifest is signed by the key that signed that head
6. files        every file has the SHA-256 that the manifest says, and the CRC-32 of its header
7. receipts     each receipt verifies by its own rules (`verify.py`); each is of this case, at the index of its name
8. chain        the sequence numbers run from 0 without a hole, each entry names the one before it, up to the head
9. completeness as of a seal, the entries before it are as many as the case index counts, and end with the same one; no
                head that a receipt rests on is newer than that seal (`verify_complete.py`)
10. evidence    each original is one that the receipt of its entry shows the fingerprint of
11. events      each line of events.jsonl says of its entry what the receipt of that entry says (`verify_events.py`)
12. pages       how many files are the ledger's word: its signature binds it to them, and they are not compared
13. receipt     each receipt that is given beside the package is of an entry in it, or came later

Promises: pure; a file is read in pieces, receipts one at a time; valid only if every receipt is and a seal shows
that none is left out. Does not: say that nothing came later.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from ledger_service.core.archive import Placed, Source, read_directory
from ledger_service.core.case_proof import CASE_PROOF_BYTES_MAX
from ledger_service.core.checkpoint import parse_checkpoint
from ledger_service.core.encoding import DOCUMENT_BYTES_MAX
from ledger_service.core.facts import Answer, Question
from ledger_service.core.package import (
    COMPLETENESS,
    EVENTS,
    HEAD_RECEIPT,
    MANIFEST,
    NOTE,
    NOTE_BYTES_MAX,
    PAGES,
    REPORTS,
    TRUST,
    Manifest,
    PackageFormatError,
    evidence_place,
    parse_manifest,
    receipt_index,
    require_layout,
    verify_manifest,
)
from ledger_service.core.receipt import RECEIPT_BYTES_MAX, Receipt, parse_receipt
from ledger_service.core.report import Check, Outcome, Report, Verdict
from ledger_service.core.trust import TRUST_BYTES_MAX, Trust, parse_trust
from ledger_service.core.verify import questions, signing_keys, verify
from ledger_service.core.verify_case_proof import counted_by, questions_of_case_proof
from ledger_service.core.verify_complete import Step, check_beside, check_completeness, step_of
from ledger_service.core.verify_events import check_events
from ledger_service.errors import FormatError, LedgerError

CHUNK_BYTES = 1024 * 1024  # of a file that is hashed
NAMED_MAX = 20  # receipts that a report names one by one
_MOST = {
    MANIFEST: DOCUMENT_BYTES_MAX,
    NOTE: NOTE_BYTES_MAX,
    TRUST: TRUST_BYTES_MAX,
    HEAD_RECEIPT: RECEIPT_BYTES_MAX,
    COMPLETENESS: CASE_PROOF_BYTES_MAX,
}
_OUTCOMES = {
    Verdict.VALID: Outcome.PASS,
    Verdict.INVALID: Outcome.FAIL,
    Verdict.INCONCLUSIVE: Outcome.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Opened:
    """A package whose archive is in order: its source, where each file stands, and the manifest."""

    source: Source
    files: dict[str, Placed]
    manifest: Manifest

    def receipts(self) -> Iterator[tuple[str, int, bytes]]:
        """Yield name, index and bytes of each receipt, by index."""
        for name in self.files:
            if (index := receipt_index(name)) is not None:
                yield name, index, self.content(name)

    def content(self, name: str) -> bytes:
        """Return the content of a file whose size was bounded when the archive was opened."""
        return _content(self.source, self.files[name])

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield the content of a file in pieces."""
        return _chunks(self.source, self.files[name])


def questions_of_package(source: Source, trust: Trust) -> tuple[Question, ...]:
    """Return what must be asked of chains to verify a package: nothing if it is none."""
    opened, _ = _open(source)
    if opened is None:
        return ()
    asked = [question for _, _, data in opened.receipts() for question in questions(data, trust)]
    if COMPLETENESS in opened.files:
        asked += questions_of_case_proof(opened.content(COMPLETENESS), trust)
    return tuple(dict.fromkeys(asked))


def verify_package(
    source: Source,
    trust: Trust | None,
    answers: Sequence[Answer] = (),
    *,
    receipts: Sequence[Receipt] = (),
    block_hashes: Collection[bytes] = (),
) -> Report:
    """Return the report on a package.

    Args:
        source: The file, from anywhere; it does not change meanwhile.
        trust: The pinned trust file; without one the verdict is at best inconclusive.
        answers: What nodes answered to `questions_of_package(source, trust)`.
        receipts: Of entries that should be in it if they are of its case; each must be verified itself.
        block_hashes: Of blocks that the caller knows to be on the pinned chains, final.
    """
    opened, checks = _open(source)
    if opened is None:
        return Report(tuple(checks))
    checks.append(_check_trust(opened, trust))
    checks.extend(_check_signature(opened, trust))
    checks.append(_check_files(opened))
    steps, found = _check_receipts(opened, trust, answers, block_hashes)
    checks.extend(found)
    checks.append(_check_chain(opened, steps))
    counted = None
    if COMPLETENESS in opened.files:
        counted = counted_by(opened.content(COMPLETENESS), trust, answers, block_hashes=block_hashes)
    checks.append(check_completeness(counted, opened.manifest, steps))
    checks.append(_check_evidence(opened, steps))
    said = [step.event for _, step in sorted(steps.items())]
    checks.append(check_events(opened.chunks(EVENTS) if EVENTS in opened.files else None, said))
    checks.append(_say_pages(opened))
    if all(check.outcome is not Outcome.FAIL for check in found):
        checks.extend(check_beside(receipts, opened.manifest, steps, counted))
    return Report(tuple(checks))


def _open(source: Source) -> tuple[Opened | None, list[Check]]:
    try:
        placed = {one.member.name: one for one in read_directory(source)}
        require_layout(list(placed))
        for name, one in placed.items():
            most = RECEIPT_BYTES_MAX if receipt_index(name) is not None else _MOST.get(name)
            if most is not None and one.member.size > most:
                raise PackageFormatError(f"{name} has more than {most} bytes")
    except FormatError as error:
        return None, [Check("archive", Outcome.FAIL, error.message)]
    checks = [Check("archive", Outcome.PASS, f"{len(placed)} files, in the one spelling of a package's archive")]
    try:
        manifest = parse_manifest(_content(source, placed[MANIFEST]))
        listed = {one.name: one.size for one in manifest.files}
        held = {name: one.member.size for name, one in placed.items() if name not in (MANIFEST, NOTE)}
        if listed != held:
            raise PackageFormatError("the manifest lists other files, or other sizes, than the archive has")
    except FormatError as error:
        return None, [*checks, Check("manifest", Outcome.FAIL, error.message)]
    detail = f"return {manifest.return_id}, as of {manifest.generated_at}"
    return Opened(source, placed, manifest), [*checks, Check("manifest", Outcome.PASS, detail)]


def _check_trust(opened: Opened, trust: Trust | None) -> Check:
    try:
        carried = parse_trust(opened.content(TRUST))
    except FormatError as error:
        return Check("trust", Outcome.FAIL, error.message)
    if carried.origin != opened.manifest.origin:
        return Check("trust", Outcome.FAIL, "the trust file in the package is of another log than its manifest")
    if trust is None:
        reason = "no trust file: the one in the package is the operator's word, and pins nothing"
        return Check("trust", Outcome.UNKNOWN, reason)
    if (carried.origin, carried.genesis) != (trust.origin, trust.genesis):
        return Check("trust", Outcome.FAIL, f"the package is of the log {carried.origin}, not of the pinned one")
    return Check("trust", Outcome.PASS, f"pinned to the log {trust.origin}")


def _check_signature(opened: Opened, trust: Trust | None) -> list[Check]:
    """Check the tree head first: the key that may sign it signs the manifest."""
    manifest, data = opened.manifest, opened.content(HEAD_RECEIPT)
    found = verify(data, trust)
    if (failed := next((one for one in found.checks if one.outcome is Outcome.FAIL), None)) is not None:
        return [Check("head", Outcome.FAIL, f"{failed.name}: {failed.detail}")]
    head = parse_receipt(data)
    checkpoint, _ = parse_checkpoint(head.checkpoint)
    if (checkpoint.origin, checkpoint.size, checkpoint.root) != (manifest.origin, manifest.size, manifest.root):
        return [Check("head", Outcome.FAIL, "the manifest names another tree head")]
    if head.index != 0:
        return [Check("head", Outcome.FAIL, "it is no receipt of the genesis entry")]
    if trust is None:
        unknown = "no pinned key to verify it with"
        return [Check("head", Outcome.UNKNOWN, unknown), Check("signature", Outcome.UNKNOWN, unknown)]
    passed = Check("head", Outcome.PASS, f"signed by {trust.origin}: {checkpoint.size} entries")
    keys = signing_keys(head, trust)
    try:
        verify_manifest(
            opened.content(NOTE), opened.content(MANIFEST), keys, origin=manifest.origin, return_id=manifest.return_id
        )
    except LedgerError as error:
        return [passed, Check("signature", Outcome.FAIL, error.message)]
    return [passed, Check("signature", Outcome.PASS, f"the manifest is signed by {trust.origin}")]


def _check_files(opened: Opened) -> Check:
    sums = {one.name: one.sha256 for one in opened.manifest.files}
    for name, one in opened.files.items():
        digest, crc = sha256(), 0
        for chunk in _chunks(opened.source, one):
            digest.update(chunk)
            crc = zlib.crc32(chunk, crc)
        if crc != one.member.crc:
            return Check("files", Outcome.FAIL, f"{name} has not the CRC-32 of its header")
        if name in sums and digest.digest() != sums[name]:
            return Check("files", Outcome.FAIL, f"{name} has not the SHA-256 that the manifest says")
    return Check("files", Outcome.PASS, f"{len(sums)} files, each with the SHA-256 that the manifest says")


def _check_receipts(
    opened: Opened, trust: Trust | None, answers: Sequence[Answer], block_hashes: Collection[bytes]
) -> tuple[dict[int, Step], list[Check]]:
    """Verify each receipt; of those that hold and are of this case, what the next checks need is returned by index."""
    steps: dict[int, Step] = {}
    outcomes: Counter[Outcome] = Counter()
    named: list[Check] = []
    for name, index, data in opened.receipts():
        found = verify(data, trust, answers, block_hashes=block_hashes)
        outcome, reason = _OUTCOMES[found.verdict], _reason(found)
        if outcome is not Outcome.FAIL:
            step = step_of(data, opened.manifest.return_id)
            if step is None or step.event.index != index:
                outcome, reason = Outcome.FAIL, "it is of another case or entry than its name says"
            else:
                steps[index] = step
        outcomes[outcome] += 1
        if outcome is not Outcome.PASS and len(named) < NAMED_MAX:
            named.append(Check("receipt", outcome, f"{name}: {reason}"))
    count, wanted = outcomes.total(), opened.manifest.entries
    if count != wanted:
        return steps, [*named, Check("receipts", Outcome.FAIL, f"{count} receipts, the manifest says {wanted} entries")]
    told = ", ".join(f"{outcomes[one]} {verdict.value}" for verdict, one in _OUTCOMES.items() if outcomes[one])
    worst = next(one for one in (Outcome.FAIL, Outcome.UNKNOWN, Outcome.PASS) if outcomes[one])
    return steps, [*named, Check("receipts", worst, f"of {count} receipts: {told}")]


def _reason(found: Report) -> str:
    wanted = Outcome.FAIL if found.verdict is Verdict.INVALID else Outcome.UNKNOWN
    return next((f"{one.name}: {one.detail}" for one in found.checks if one.outcome is wanted and one.decisive), "")


def _check_chain(opened: Opened, steps: dict[int, Step]) -> Check:
    chain = [step for _, step in sorted(steps.items()) if step.seq is not None]
    previous: bytes | None = None
    for place, step in enumerate(chain):
        if (step.seq, step.prev) != (place, previous):
            reason = f"entry {step.event.index} does not follow the one before it in the case"
            return Check("chain", Outcome.FAIL, reason)
        previous = step.event.leaf
    if (previous, len(chain)) != (opened.manifest.head, opened.manifest.chain):
        return Check("chain", Outcome.FAIL, "the entries do not end at the head that the manifest names")
    return Check("chain", Outcome.PASS, f"{len(chain)} entries without a hole, up to the head of the manifest")


def _check_evidence(opened: Opened, steps: dict[int, Step]) -> Check:
    sums = {one.name: one.sha256.hex() for one in opened.manifest.files}
    originals = [(name, place) for name in sums if (place := evidence_place(name)) is not None]
    if len({place for _, place in originals}) != len(originals):
        return Check("evidence", Outcome.FAIL, "two originals claim one place")
    for name, (index, position) in originals:
        shown = steps[index].event.files[position : position + 1] if index in steps else ()
        if shown != (sums[name],):
            return Check("evidence", Outcome.FAIL, f"{name} is not the file that entry {index} fingerprints there")
    return Check("evidence", Outcome.PASS, f"{len(originals)} originals, each the one that its entry fingerprints")


def _say_pages(opened: Opened) -> Check:
    pages = sum(name in PAGES or name in REPORTS for name in opened.files)
    reason = f"{pages} files are the ledger's word: signed with the manifest, not compared with the entries"
    return Check("pages", Outcome.UNKNOWN, reason, decisive=False)


def _content(source: Source, placed: Placed) -> bytes:
    return b"".join(_chunks(source, placed))


def _chunks(source: Source, placed: Placed) -> Iterator[bytes]:
    at, left = placed.content_at, placed.member.size
    while left and (chunk := source.read(at, min(CHUNK_BYTES, left))):
        at, left = at + len(chunk), left - len(chunk)
        yield chunk
