"""Verify when an entry was recorded, from both sides: after one anchor's block, no later than another's.

Not earlier: the last seal before the entry quotes the commitment of an anchor. That takes in the hash of the block
before the anchor's own, which nobody knew before it existed; so the seal, and what follows it, was written later.
A tree head alone shows no such thing: it is frozen before the block that holds it, and says nothing of a time before.
Not later: the entry stands in the tree of a head that the chain held by the time of its block.

Promises: pure; raises nothing because the evidence is bad. Does not: show when the thing happened that was recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from ledger_service.core.checkpoint import Checkpoint
from ledger_service.core.entry import parse_entry
from ledger_service.core.facts import Answer, Question, TargetFacts
from ledger_service.core.log_entry import SealEntry
from ledger_service.core.merkle import leaf_hash, verify_inclusion
from ledger_service.core.receipt import AnchorProof, Receipt
from ledger_service.core.receipt_state import AfterProof
from ledger_service.core.registry import compute_commitment, compute_commitment_slot
from ledger_service.core.report import Check, Outcome
from ledger_service.core.state_proof import prove_slot
from ledger_service.core.trust import PinnedTarget, Trust
from ledger_service.core.verify_state import question_about, storage_root
from ledger_service.errors import InvalidProofError, LedgerError

_SECONDS_MAX = 253_402_300_799  # the last second of the year 9999


def question_after(receipt: Receipt, trust: Trust) -> Question | None:
    """Return what must be asked of a chain to know that it holds the quoted anchor; None where the file proves it."""
    after = receipt.after
    pinned = None if after is None else trust.target_of(after.log_id)
    if after is None or pinned is None or after.storage is not None:
        return None
    return question_about(pinned, after.sequence, block_number=after.block_number)


def check_after(receipt: Receipt, checkpoint: Checkpoint, trust: Trust, answers: Sequence[Answer]) -> list[Check]:
    """Return the checks of the earlier bound; none where the receipt has no such proof."""
    after = receipt.after
    if after is None:
        return []
    try:
        pinned, commitment = _quoted(after, receipt, checkpoint, trust)
        if after.storage is not None:
            return [_check_storage(after, receipt, pinned, commitment)]
    except LedgerError as error:
        return [Check("after", Outcome.FAIL, error.message)]
    asked = question_after(receipt, trust)
    checks = [
        _check_answer(answer, after, pinned, commitment)
        for answer in answers
        if isinstance(answer, TargetFacts) and answer.question == asked
    ]
    if any(check.outcome is not Outcome.UNKNOWN for check in checks):
        return checks
    unknown = f"no node of {pinned.name} said that the contract holds the head that the seal before the entry quotes"
    return [*checks, Check("after", Outcome.UNKNOWN, unknown)]


def check_time(receipt: Receipt, final: Sequence[AnchorProof], required: int) -> Check:
    """Return when the entry was recorded, once all else holds: `final` anchors, at least `required` of them."""
    last = sorted(final, key=lambda anchor: anchor.time)[required - 1]
    until = f"no later than {_utc(last.time)} (block {last.block_number})"
    after = receipt.after
    if after is None:
        why = "no seal before it in this file quotes an anchor, as for the first entries of a log"
        return Check("time", Outcome.PASS, f"recorded {until}; not known since when: {why}")
    since = f"after {_utc(after.time)} (block {after.block_number}, or the block just before it)"
    return Check("time", Outcome.PASS, f"recorded {since} and {until}")


def _quoted(after: AfterProof, receipt: Receipt, checkpoint: Checkpoint, trust: Trust) -> tuple[PinnedTarget, bytes]:
    """Return the target and the commitment that the seal quotes.

    Raises:
        LedgerError: The seal is none, stands elsewhere, or quotes another anchor than the receipt shows.
    """
    seal = parse_entry(after.seal)
    if not isinstance(seal, SealEntry) or seal.origin != trust.origin or seal.after is None:
        raise InvalidProofError("it is no seal of this log that quotes an anchor")
    if after.index >= receipt.index:
        raise InvalidProofError("the seal does not stand before the entry")
    verify_inclusion(leaf_hash(after.seal), after.index, checkpoint.size, after.inclusion, checkpoint.root)
    pinned = trust.target_of(after.log_id)
    if pinned is None:
        raise InvalidProofError("the seal quotes an anchor of a log that the trust file does not pin")
    commitment = compute_commitment(
        after.log_id,
        after.sequence,
        size=after.size,
        root=after.root,
        time=after.time,
        block_number=after.block_number,
        parent_hash=after.parent_hash,
    )
    quoted = (seal.after.chain_id, seal.after.log_id, seal.after.sequence, seal.after.commitment)
    if quoted != (pinned.target.chain_id, after.log_id, after.sequence, commitment):
        raise InvalidProofError("the seal quotes another anchor than the receipt shows")
    return pinned, commitment


def _check_storage(after: AfterProof, receipt: Receipt, pinned: PinnedTarget, commitment: bytes) -> Check:
    """Return whether the quoted anchor stands in the state that the receipt's anchor of the same log id shows.

    Raises:
        InvalidProofError: It does not.
    """
    assert after.storage is not None  # who calls has looked
    shown = next((one for one in receipt.anchors if one.log_id == after.log_id and one.state is not None), None)
    if shown is None:
        raise InvalidProofError("a storage proof without the state that it belongs to")
    slot = compute_commitment_slot(pinned.target.log_id, after.sequence)
    if prove_slot(storage_root(shown, pinned), slot, after.storage) != commitment:
        raise InvalidProofError("the contract does not hold the head that the seal quotes")
    return _passed(after, "the same state")


def _check_answer(answer: TargetFacts, after: AfterProof, pinned: PinnedTarget, commitment: bytes) -> Check:
    def found(outcome: Outcome, reason: str) -> Check:
        return Check("after", outcome, f"{answer.source}: {reason}", decisive=outcome is Outcome.FAIL)

    if (answer.chain_id, answer.chain_genesis) != (pinned.target.chain_id, pinned.target.chain_genesis):
        return found(Outcome.UNKNOWN, f"serves chain {answer.chain_id}, which is not the pinned {pinned.name}")
    if answer.final_number < after.block_number:
        return found(Outcome.UNKNOWN, "the head that the seal before the entry quotes is not final there yet")
    if answer.code_hash != pinned.target.code_hash or answer.commitment != commitment:
        return found(Outcome.FAIL, "the pinned contract does not hold the head that the seal before the entry quotes")
    return _passed(after, answer.source)


def _passed(after: AfterProof, source: str) -> Check:
    detail = f"the seal at index {after.index} quotes head {after.sequence} of block {after.block_number}: by {source}"
    return Check("after", Outcome.PASS, detail)


def _utc(seconds: int) -> str:
    if seconds > _SECONDS_MAX:
        return f"{seconds} seconds after 1970"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
