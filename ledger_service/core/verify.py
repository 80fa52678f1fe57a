"""Verify a proof file: a report of named checks; nothing is raised because the evidence is bad.

The checks of a receipt, in this order:

1. format       the file is a receipt in its one spelling
2. trust        a trust file is given
3. entry        the bytes are an entry of the pinned log
4. disclosures  each record belongs to its commitment; shown values open theirs
5. keys         key changes lead from a pinned key to the one used
6. checkpoint   signed by a pinned key, or by the one that the last key change brought in
7. inclusion    the entry is at its index in the checkpoint's tree: size and root come from the signed note
8. anchor       the pinned contract's commitment to this head is recomputed from the receipt
9. chain        each node asked serves the pinned chain and contract and holds that commitment in that block
10. finality    the block is final by the pinned rule
11. policy      enough targets are final
12. evidence    each file offered is one that the receipt shows the fingerprint of

Promises: pure; every number is taken from the pinned file or the signed note, none from a proof. Does not: ask a
node (`questions` says what to ask) or read a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NewType

from ledger_service.core.checkpoint import Checkpoint, VerifierKey, parse_checkpoint, verify_checkpoint
from ledger_service.core.disclosure import EVIDENCE_PREFIX
from ledger_service.core.entry import CaseEntry, Entry, NamedCommitment, parse_entry
from ledger_service.core.facts import Answer, Question, TargetFacts, Unanswered
from ledger_service.core.log_entry import KeyEntry, key_change_message
from ledger_service.core.merkle import leaf_hash, verify_inclusion
from ledger_service.core.receipt import AnchorProof, Receipt, parse_receipt
from ledger_service.core.registry import compute_commitment
from ledger_service.core.report import Check, Outcome, Report
from ledger_service.core.statement_check import check_statement
from ledger_service.core.trust import EMBEDDED_CHAIN_ID, PinnedTarget, Trust
from ledger_service.errors import FormatError, InvalidProofError, LedgerError

Sha256Hex = NewType("Sha256Hex", str)

DEMONSTRATION = "a demonstration chain proves nothing against its operator"


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """A file offered beside a receipt: how the caller calls it, and the SHA-256 of its bytes in lower-case hex."""

    name: str
    sha256: Sha256Hex


def questions(data: bytes, trust: Trust) -> tuple[Question, ...]:
    """Return what must be asked of chains to verify this file: nothing if it is no receipt, or of no pinned target."""
    try:
        receipt = parse_receipt(data)
    except FormatError:
        return ()
    pinned = [(anchor, trust.target_of(anchor.log_id)) for anchor in receipt.anchors]
    return tuple(_question(anchor, found) for anchor, found in pinned if found is not None)


def verify(
    data: bytes, trust: Trust | None, answers: Sequence[Answer] = (), *, evidence: Sequence[EvidenceFile] = ()
) -> Report:
    """Return the report on a receipt.

    Args:
        data: The file's bytes, from anywhere.
        trust: The pinned trust file; without one the verdict is at best inconclusive.
        answers: What nodes answered to `questions(data, trust)`.
        evidence: Files that the caller says belong to the entry.
    """
    try:
        receipt = parse_receipt(data)
    except LedgerError as error:
        return Report((Check("format", Outcome.FAIL, error.message),))
    checks = [Check("format", Outcome.PASS, "a receipt in its one spelling")]
    checks.append(_check_trust(trust))
    entry, check = _check_entry(receipt, trust)
    checks.append(check)
    if entry is not None:
        checks.append(_check_disclosures(receipt, entry))
        checks.extend(check_statement(entry, receipt.records, trust))
    keys, found = _check_keys(receipt, trust)
    checks.extend(found)
    checkpoint, check = _check_checkpoint(receipt, trust, keys)
    checks.append(check)
    if checkpoint is not None:
        checks.append(_check_inclusion(receipt, checkpoint, trust))
        checks.extend(_check_anchors(receipt, checkpoint, trust, answers))
    if evidence:
        checks.extend(_check_evidence(receipt, evidence))
    return Report(tuple(checks))


def fingerprints(receipt: Receipt) -> frozenset[str]:
    """Return the SHA-256 (hex) of every evidence file whose fingerprint the receipt shows."""
    return frozenset(
        record.disclosure.value
        for record in receipt.records
        if record.disclosure is not None
        and record.name.startswith(EVIDENCE_PREFIX)
        and isinstance(record.disclosure.value, str)
    )


def signing_keys(receipt: Receipt, trust: Trust) -> tuple[VerifierKey, ...]:
    """Return the keys that may sign this receipt's checkpoint: pinned ones, or the one its key changes lead to."""
    return _check_keys(receipt, trust)[0]


def tree_of(receipt: Receipt) -> tuple[int, bytes]:
    """Return size and root (32 bytes) of the tree that a receipt's checkpoint names; `verify` says who signed it.

    Raises:
        CheckpointFormatError: It is no checkpoint.
    """
    checkpoint, _ = parse_checkpoint(receipt.checkpoint)
    return checkpoint.size, checkpoint.root


def _check_trust(trust: Trust | None) -> Check:
    if trust is None:
        return Check("trust", Outcome.UNKNOWN, "no trust file: nothing says which log, keys and contract are meant")
    return Check("trust", Outcome.PASS, f"pinned to the log {trust.origin}")


def _check_entry(receipt: Receipt, trust: Trust | None) -> tuple[Entry | None, Check]:
    try:
        entry = parse_entry(receipt.entry)
    except LedgerError as error:
        return None, Check("entry", Outcome.FAIL, error.message)
    if trust is not None and entry.origin != trust.origin:
        return entry, Check("entry", Outcome.FAIL, f"the entry is of the log {entry.origin}, not of {trust.origin}")
    what = entry.verb if isinstance(entry, CaseEntry) else "a step of the log itself"
    return entry, Check("entry", Outcome.PASS, f"well formed: {what}, recorded {entry.recorded_at}")


def _check_disclosures(receipt: Receipt, entry: Entry) -> Check:
    committed: tuple[NamedCommitment, ...] = entry.all_commitments() if isinstance(entry, CaseEntry) else ()
    if [c.name for c in committed] != [r.name for r in receipt.records]:
        return Check("disclosures", Outcome.FAIL, "the records are not one for each commitment, in entry order")
    shown = 0
    for named, record in zip(committed, receipt.records, strict=True):
        if record.disclosure is None:
            continue
        try:
            opened = record.disclosure.commitment()
        except LedgerError as error:
            return Check("disclosures", Outcome.FAIL, f"{named.name}: {error.message}")
        if opened != named.commitment:
            return Check("disclosures", Outcome.FAIL, f"{named.name}: value and salt do not open the commitment")
        shown += 1
    return Check("disclosures", Outcome.PASS, f"{shown} of {len(committed)} committed values shown, each opens")


def _check_keys(receipt: Receipt, trust: Trust | None) -> tuple[tuple[VerifierKey, ...], list[Check]]:
    """Follow key entries from a pinned key; each must be signed by the key before it and stand in the tree.

    The keys returned may sign the checkpoint: with key changes that is the last new key alone, so that none of them
    can be left out, doubled or added while the receipt stays valid.
    """
    if trust is None:
        return (), []
    keys = trust.keys
    if not receipt.key_changes:
        return keys, []
    try:
        checkpoint, _ = parse_checkpoint(receipt.checkpoint)
        for change in receipt.key_changes:
            entry = parse_entry(change.entry)
            if not isinstance(entry, KeyEntry) or entry.origin != trust.origin or entry.old_key not in keys:
                raise InvalidProofError("a key change does not start from a key pinned or brought in just before")
            if entry.new_key.name != trust.origin:
                raise InvalidProofError("a new key is not named like the log")
            entry.old_key.verify(entry.signature, key_change_message(entry.origin, entry.new_key))
            leaf = leaf_hash(change.entry)
            verify_inclusion(leaf, change.index, checkpoint.size, change.inclusion, checkpoint.root)
            keys = (entry.new_key,)
    except LedgerError as error:
        return trust.keys, [Check("keys", Outcome.FAIL, error.message)]
    return keys, [Check("keys", Outcome.PASS, f"{len(receipt.key_changes)} key changes, each by the old key")]


def _check_checkpoint(
    receipt: Receipt, trust: Trust | None, keys: tuple[VerifierKey, ...]
) -> tuple[Checkpoint | None, Check]:
    try:
        checkpoint, signatures = parse_checkpoint(receipt.checkpoint)
        if len(signatures) != 1 or checkpoint.extensions:
            # Anything more would be a part of the file that no check covers.
            reason = "a receipt's checkpoint has one signature and no extension; others stand under unprotected"
            return checkpoint, Check("checkpoint", Outcome.FAIL, reason)
        if trust is None:
            return checkpoint, Check("checkpoint", Outcome.UNKNOWN, "no pinned key to verify the signature with")
        verify_checkpoint(receipt.checkpoint, keys, origin=trust.origin)
    except FormatError as error:
        return None, Check("checkpoint", Outcome.FAIL, error.message)
    except InvalidProofError as error:
        return checkpoint, Check("checkpoint", Outcome.FAIL, error.message)
    return checkpoint, Check("checkpoint", Outcome.PASS, f"signed by {trust.origin}: {checkpoint.size} entries")


def _check_inclusion(receipt: Receipt, checkpoint: Checkpoint, trust: Trust | None) -> Check:
    leaf = leaf_hash(receipt.entry)
    try:
        verify_inclusion(leaf, receipt.index, checkpoint.size, receipt.inclusion, checkpoint.root)
    except InvalidProofError as error:
        return Check("inclusion", Outcome.FAIL, error.message)
    if receipt.index == 0 and trust is not None and leaf != trust.genesis:
        return Check("inclusion", Outcome.FAIL, "the entry at index 0 is not the pinned genesis entry")
    return Check("inclusion", Outcome.PASS, f"at index {receipt.index} of {checkpoint.size}")


def _check_anchors(
    receipt: Receipt, checkpoint: Checkpoint, trust: Trust | None, answers: Sequence[Answer]
) -> list[Check]:
    if trust is None:
        if not receipt.anchors:
            return []
        return [Check("anchor", Outcome.UNKNOWN, "no pinned contract to compare the anchors with")]
    checks: list[Check] = []
    final = 0
    for anchor in receipt.anchors:
        pinned = trust.target_of(anchor.log_id)
        if pinned is None or (anchor.chain_id, anchor.contract) != (pinned.target.chain_id, pinned.target.contract):
            reason = "an anchor is of a log, contract or chain that the trust file does not pin"
            checks.append(Check("anchor", Outcome.FAIL, reason))
            continue
        found = _check_target(anchor, checkpoint, pinned, answers)
        checks.extend(found)
        final += _is_final(found)
    if final >= trust.required:
        detail = f"{final} of {len(trust.targets)} targets hold this head, final; {trust.required} required"
        return [*checks, Check("policy", Outcome.PASS, detail)]
    wanted = "not anchored yet" if not receipt.anchors else f"{final} targets hold this head, final"
    return [*checks, Check("policy", Outcome.UNKNOWN, f"{wanted}; {trust.required} required")]


def _question(anchor: AnchorProof, pinned: PinnedTarget) -> Question:
    return Question(
        chain_id=pinned.target.chain_id,
        chain_genesis=pinned.target.chain_genesis,
        contract=pinned.target.contract,
        log_id=anchor.log_id,
        sequence=anchor.sequence,
        block_number=anchor.block_number,
        confirmations=pinned.confirmations,
    )


def _check_target(
    anchor: AnchorProof, checkpoint: Checkpoint, pinned: PinnedTarget, answers: Sequence[Answer]
) -> list[Check]:
    """Compare one anchor with what nodes say.

    An unknown answer is not decisive beside one that shows the anchor final. An anchor that nobody showed final holds
    the verdict back even where the policy has enough others: a part of the file that was not compared with anything
    must not stand in a valid receipt. Who cannot ask its chain moves it under `unprotected`.
    """
    commitment = compute_commitment(
        anchor.log_id,
        anchor.sequence,
        size=checkpoint.size,
        root=checkpoint.root,
        time=anchor.time,
        block_number=anchor.block_number,
        parent_hash=anchor.parent_hash,
    )
    where = f"{pinned.name} (chain {anchor.chain_id}), block {anchor.block_number}"
    checks = [Check("anchor", Outcome.PASS, f"head {anchor.sequence} in {where}")]
    asked = _question(anchor, pinned)
    mine = [answer for answer in answers if answer.question in (None, asked)]
    if not mine:
        return [*checks, Check("chain", Outcome.UNKNOWN, f"no node of {pinned.name} was asked")]
    for answer in mine:
        checks.extend(_check_answer(answer, anchor, pinned, commitment))
    if _is_final(checks):
        return checks
    return [replace(check, decisive=True) for check in checks]


def _is_final(checks: Sequence[Check]) -> bool:
    return any((check.name, check.outcome) == ("finality", Outcome.PASS) for check in checks)


def _check_answer(answer: Answer, anchor: AnchorProof, pinned: PinnedTarget, commitment: bytes) -> list[Check]:
    def chain(outcome: Outcome, reason: str) -> list[Check]:
        return [Check("chain", outcome, f"{answer.source}: {reason}", decisive=False)]

    if isinstance(answer, Unanswered):
        return chain(Outcome.UNKNOWN, answer.reason)
    if (answer.chain_id, answer.chain_genesis) != (pinned.target.chain_id, pinned.target.chain_genesis):
        return chain(Outcome.UNKNOWN, f"serves chain {answer.chain_id}, which is not the pinned {pinned.name}")
    if answer.final_number < anchor.block_number:
        return _check_not_final(answer, anchor, pinned)
    if answer.code_hash != pinned.target.code_hash:
        return chain(Outcome.FAIL, "the code at the pinned contract's address is not the pinned code")
    if answer.commitment != commitment:
        return chain(Outcome.FAIL, f"the contract does not hold this head as number {anchor.sequence}")
    if answer.block_hash != anchor.block_hash:
        return chain(Outcome.FAIL, f"block {anchor.block_number} has another hash on the chain")
    note = f"; {DEMONSTRATION}" if anchor.chain_id == EMBEDDED_CHAIN_ID else ""
    holds = f"the pinned contract holds this head in block {anchor.block_number}{note}"
    rule = "finalized" if pinned.confirmations is None else f"{pinned.confirmations} confirmations"
    final = f"{answer.source}: final by the rule '{rule}' (final block {answer.final_number})"
    return [*chain(Outcome.PASS, holds), Check("finality", Outcome.PASS, final)]


def _check_not_final(answer: TargetFacts, anchor: AnchorProof, pinned: PinnedTarget) -> list[Check]:
    seen = "in its block" if answer.block_hash == anchor.block_hash else "that block is not on this node's chain now"
    detail = f"{answer.source}: not final yet, {seen} (final block of {pinned.name}: {answer.final_number})"
    return [Check("finality", Outcome.UNKNOWN, detail, decisive=False)]


def _check_evidence(receipt: Receipt, evidence: Sequence[EvidenceFile]) -> list[Check]:
    shown = fingerprints(receipt)
    withheld = [r for r in receipt.records if r.disclosure is None and r.name.startswith(EVIDENCE_PREFIX)]
    checks = []
    for file in evidence:
        if file.sha256 in shown:
            check = Check("evidence", Outcome.PASS, f"{file.name} is unchanged: its fingerprint is in the entry")
        elif withheld:
            reason = f"{file.name}: {len(withheld)} fingerprints of this entry are withheld, none shown is this file's"
            check = Check("evidence", Outcome.UNKNOWN, reason)
        else:
            check = Check("evidence", Outcome.FAIL, f"{file.name} is not a file that this entry fingerprints")
        checks.append(check)
    return checks


def entry_of(data: bytes) -> Entry | None:
    """Return the entry that a receipt carries, for showing it; None if the file or its entry is malformed."""
    try:
        return parse_entry(parse_receipt(data).entry)
    except LedgerError:
        return None
