"""Verify a completeness file: a report of named checks, those of the seal's receipt first.

The checks that follow them:

seal         the receipt is one of a seal that holds a case index
case_index   the nodes lead from its root to everything below the prefix, and to nothing else
receipts     each receipt that is given beside it is of an entry that the case index counts (a seal after the entry):
             the last one that it names leads to it (`case_chain.py`)

Promises: pure; what is said of cases comes from the root in the sealed entry alone. Does not: ask a node.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ledger_service.core.case_chain import Link, check_links
from ledger_service.core.case_index import Indexed, parse_value
from ledger_service.core.case_proof import CaseProof, parse_case_proof
from ledger_service.core.entry import CaseEntry, parse_entry
from ledger_service.core.facts import Answer, Question
from ledger_service.core.log_entry import SealEntry
from ledger_service.core.merkle import leaf_hash
from ledger_service.core.receipt import Receipt, encode_receipt
from ledger_service.core.report import Check, Outcome, Report, Verdict
from ledger_service.core.trie import read_proof
from ledger_service.core.trust import Trust
from ledger_service.core.verify import questions, verify
from ledger_service.errors import FormatError, LedgerError


def questions_of_case_proof(data: bytes, trust: Trust) -> tuple[Question, ...]:
    """Return what must be asked of chains to verify this file: nothing if it is none."""
    try:
        proof = parse_case_proof(data)
    except FormatError:
        return ()
    return questions(encode_receipt(proof.seal), trust)


def verify_case_proof(
    data: bytes,
    trust: Trust | None,
    answers: Sequence[Answer] = (),
    *,
    receipts: Sequence[Receipt] = (),
    block_hashes: Collection[bytes] = (),
) -> Report:
    """Return the report on a completeness file.

    Args:
        data: The file's bytes, from anywhere.
        trust: The pinned trust file; without one the verdict is at best inconclusive.
        answers: What nodes answered to `questions_of_case_proof(data, trust)`.
        block_hashes: Of blocks that the caller knows to be on the pinned chains, final.
        receipts: Of entries that should be counted; each must be of the case or the scope, and be verified itself.
    """
    try:
        proof = parse_case_proof(data)
    except LedgerError as error:
        return Report((Check("format", Outcome.FAIL, error.message),))
    checks = list(verify(encode_receipt(proof.seal), trust, answers, block_hashes=block_hashes).checks)
    checks[0] = Check("format", Outcome.PASS, "a completeness file in its one spelling")
    entry = parse_entry(proof.seal.entry) if all(one.outcome is not Outcome.FAIL for one in checks) else None
    if entry is None:
        return Report(tuple(checks))
    if not isinstance(entry, SealEntry) or entry.case_index is None:
        what = "the receipt is of an entry that is no seal with a case index"
        return Report((*checks, Check("seal", Outcome.FAIL, what)))
    at = f"entry {proof.seal.index}, recorded {entry.recorded_at}"
    checks.append(Check("seal", Outcome.PASS, f"a seal with a case index: {at}"))
    try:
        found = read_proof(entry.case_index, proof.prefix, proof.nodes)
        shown = {key: parse_value(value) for key, value in found.items()}
    except LedgerError as error:
        return Report((*checks, Check("case_index", Outcome.FAIL, error.message)))
    checks.append(Check("case_index", Outcome.PASS, said(proof, shown)))
    return Report((*checks, *_check_receipts(proof, next(iter(shown.values()), None), receipts)))


@dataclass(frozen=True, slots=True)
class Counted:
    """What a completeness file of a case says: before the seal at this index, so many entries, the last with this leaf.

    `sealed_at` is when the seal was recorded; `outcome` is unknown while it is not shown to be final.
    """

    return_id: str | None
    seal: int
    sealed_at: str
    count: int
    last: bytes | None
    outcome: Outcome


def counted_by(
    data: bytes, trust: Trust | None, answers: Sequence[Answer], *, block_hashes: Collection[bytes]
) -> Counted | Check:
    """Return what a completeness file counts, or the check of a package that fails because the file does."""
    found = verify_case_proof(data, trust, answers, block_hashes=block_hashes)
    if (failed := next((one for one in found.checks if one.outcome is Outcome.FAIL), None)) is not None:
        return Check("completeness", Outcome.FAIL, f"{failed.name}: {failed.detail}")
    proof = parse_case_proof(data)
    seal = parse_entry(proof.seal.entry)
    assert isinstance(seal, SealEntry)  # it was verified just now
    assert seal.case_index is not None
    values = read_proof(seal.case_index, proof.prefix, proof.nodes).values()
    held = [parse_value(value) for value in values] if proof.return_id is not None else []
    outcome = Outcome.PASS if found.verdict is Verdict.VALID else Outcome.UNKNOWN
    count, last = (held[0].count, held[0].last) if held else (0, None)
    return Counted(proof.return_id, proof.seal.index, seal.recorded_at, count, last, outcome)


def said(proof: CaseProof, shown: dict[bytes, Indexed]) -> str:
    """Return in words what the index says."""
    scope = proof.scope
    pair = f"{scope.buyer_country} <- {scope.seller_country}"
    until = f"before entry {proof.seal.index}"
    if proof.return_id is not None:
        found = next(iter(shown.values()), None)
        if found is None:
            return f"{until} there was no return {proof.return_id} of {pair} opened in {scope.month}"
        count = "1 entry" if found.count == 1 else f"{found.count} entries"
        return f"{until} the return {proof.return_id} had exactly {count}, the last one {found.last.hex()}"
    opened = "" if scope.month is None else f" opened in {scope.month}"
    entries = sum(one.count for one in shown.values())
    return f"{until} there were exactly {len(shown)} returns of {pair}{opened}, with {entries} entries together"


def _check_receipts(proof: CaseProof, counted: Indexed | None, receipts: Sequence[Receipt]) -> list[Check]:
    """Compare entries that somebody shows with what the index counts; `verify` says whether a receipt is good."""
    links: list[Link] = []
    told: list[Check | None] = []  # none: a link, which is judged beside the others
    for receipt in receipts:
        entry = parse_entry(receipt.entry)
        if not isinstance(entry, CaseEntry) or entry.seq is None or entry.return_id != proof.return_id:
            why = f"entry {receipt.index} is not on the chain of this return"
        elif receipt.index >= proof.seal.index:
            why = f"entry {receipt.index} came after the seal"
        else:
            links.append(Link(receipt.index, entry.seq, entry.prev, leaf_hash(receipt.entry)))
            told.append(None)
            continue
        told.append(Check("receipts", Outcome.UNKNOWN, why, decisive=False))
    judged = iter(check_links(counted, links))
    return [next(judged) if check is None else check for check in told]
