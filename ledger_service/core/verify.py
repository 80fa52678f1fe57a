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
9. state        where a state proof is given: header, account with the pinned code and slot lead to that commitment
10. chain       each node asked serves the pinned chain and contract, and has the block that the anchor rests on
11. finality    that block is final by the pinned rule, or the caller gave its hash
12. policy      enough targets are final
13. after       the last seal before the entry quotes an anchor that the contract holds
14. time        what follows: recorded after which block, and no later than which
15. witnesses   if the trust file pins some: enough of them cosigned the checkpoint
16. evidence    each file offered is one that the receipt shows the fingerprint of

Promises: pure; every number is taken from the pinned file or the signed note, none from a proof. Does not: ask a
node (`questions` says what to ask) or read a file.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import NewType, TypeAlias

from ledger_service.core.checkpoint import Checkpoint, VerifierKey, parse_checkpoint, verify_checkpoint
from ledger_service.core.disclosure import EVIDENCE_PREFIX, describe_records
from ledger_service.core.entry import CaseEntry, Entry, NamedCommitment, parse_entry
from ledger_service.core.facts import Answer, Question, TargetFacts, Unanswered
from ledger_service.core.log_entry import KeyEntry, key_change_message
from ledger_service.core.merkle import leaf_hash, verify_inclusion
from ledger_service.core.receipt import AnchorProof, KeyChange, Receipt, parse_receipt
from ledger_service.core.registry import compute_commitment
from ledger_service.core.report import Check, Outcome, Report
from ledger_service.core.statement_check import check_statement
from ledger_service.core.trust import EMBEDDED_CHAIN_ID, PinnedTarget, Trust
from ledger_service.core.verify_after import check_after, check_time, question_after
from ledger_service.core.verify_state import Claim, check_state, claimed_block, missing_block, question_about
from ledger_service.core.witness_check import check_witnesses
from ledger_service.errors import FormatError, InvalidProofError, LedgerError

Sha256Hex = NewType("Sha256Hex", str)

Known: TypeAlias = tuple[Sequence[Answer], Collection[bytes]]  # what nodes said, and the block hashes that were given
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
    asked = [question_after(receipt, trust)]
    for anchor in receipt.anchors:
        found = trust.target_of(anchor.log_id)
        if found is None:
            continue
        with suppress(InvalidProofError):  # a header that is none: there is nothing to ask
            number = claimed_block(anchor).number
            asked.append(question_about(found, anchor.sequence, block_number=number))
    return tuple(one for one in asked if one is not None)


def verify(
    data: bytes,
    trust: Trust | None,
    answers: Sequence[Answer] = (),
    *,
    evidence: Sequence[EvidenceFile] = (),
    block_hashes: Collection[bytes] = (),
) -> Report:
    """Return the report on a receipt.

    Args:
        data: The file's bytes, from anywhere.
        trust: The pinned trust file; without one the verdict is at best inconclusive.
        answers: What nodes answered to `questions(data, trust)`.
        evidence: Files that the caller says belong to the entry.
        block_hashes: Of blocks that the caller knows to be on the pinned chains, final; 32 bytes each.
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
        checks.extend(_check_anchors(receipt, checkpoint, trust, (answers, block_hashes)))
        if trust is not None:
            checks.extend(check_witnesses(receipt.unprotected, checkpoint, trust))
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
    policy = f"; the policy: {trust.policy()}" if trust.witnesses else ""
    return Check("trust", Outcome.PASS, f"pinned to the log {trust.origin}{policy}")


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
    for named, record in zip(committed, receipt.records, strict=True):
        if record.disclosure is None:
            continue
        try:
            opened = record.disclosure.commitment()
        except LedgerError as error:
            return Check("disclosures", Outcome.FAIL, f"{named.name}: {error.message}")
        if opened != named.commitment:
            return Check("disclosures", Outcome.FAIL, f"{named.name}: value and salt do not open the commitment")
    return Check("disclosures", Outcome.PASS, describe_records(receipt.records, receipt.unprotected))


def follow_key_changes(changes: Sequence[KeyChange], checkpoint: Checkpoint, trust: Trust) -> tuple[VerifierKey, ...]:
    """Follow key entries from a pinned key; each must be signed by the key before it and stand in the tree.

    The keys returned may sign the checkpoint: with key changes that is the last new key alone, so that none of them
    can be left out, doubled or added while the file stays valid.

    Raises:
        FormatError, InvalidProofError: They lead nowhere.
    """
    keys = trust.keys
    for change in changes:
        entry = parse_entry(change.entry)
        if not isinstance(entry, KeyEntry) or entry.origin != trust.origin or entry.old_key not in keys:
            raise InvalidProofError("a key change does not start from a key pinned or brought in just before")
        if entry.new_key.name != trust.origin:
            raise InvalidProofError("a new key is not named like the log")
        entry.old_key.verify(entry.signature, key_change_message(entry.origin, entry.new_key))
        leaf = leaf_hash(change.entry)
        verify_inclusion(leaf, change.index, checkpoint.size, change.inclusion, checkpoint.root)
        keys = (entry.new_key,)
    return keys


def _check_keys(receipt: Receipt, trust: Trust | None) -> tuple[tuple[VerifierKey, ...], list[Check]]:
    if trust is None:
        return (), []
    if not receipt.key_changes:
        return trust.keys, []
    try:
        checkpoint, _ = parse_checkpoint(receipt.checkpoint)
        keys = follow_key_changes(receipt.key_changes, checkpoint, trust)
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


def _check_anchors(receipt: Receipt, checkpoint: Checkpoint, trust: Trust | None, known: Known) -> list[Check]:
    if trust is None:
        if not receipt.anchors:
            return []
        return [Check("anchor", Outcome.UNKNOWN, "no pinned contract to compare the anchors with")]
    checks: list[Check] = []
    final: list[AnchorProof] = []
    for anchor in receipt.anchors:
        pinned = trust.target_of(anchor.log_id)
        if pinned is None or (anchor.chain_id, anchor.contract) != (pinned.target.chain_id, pinned.target.contract):
            reason = "an anchor is of a log, contract or chain that the trust file does not pin"
            checks.append(Check("anchor", Outcome.FAIL, reason))
            continue
        found = _check_target(anchor, checkpoint, pinned, known)
        checks.extend(found)
        final += [anchor] if _is_final(found) else []
    after = check_after(receipt, checkpoint, trust, known[0])
    if len(final) < trust.required:
        wanted = "not anchored yet" if not receipt.anchors else f"{len(final)} targets hold this head, final"
        return [*checks, Check("policy", Outcome.UNKNOWN, f"{wanted}; {trust.required} required"), *after]
    detail = f"{len(final)} of {len(trust.targets)} targets hold this head, final; {trust.required} required"
    checks += [Check("policy", Outcome.PASS, detail), *after]
    if any(check.outcome is not Outcome.PASS and check.decisive for check in after):
        return checks
    return [*checks, check_time(receipt, final, trust.required)]


def _check_target(anchor: AnchorProof, checkpoint: Checkpoint, pinned: PinnedTarget, known: Known) -> list[Check]:
    """Compare one anchor with its state proof, with the block hashes given, and with what nodes say.

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
    try:
        claim = claimed_block(anchor)
    except InvalidProofError as error:
        return [*checks, Check("state", Outcome.FAIL, error.message)]
    answers, given = known
    if anchor.state is not None:
        checks.append(check_state(anchor, commitment, pinned))
        if claim.block_hash in given:
            note = _note(anchor)
            checks.append(Check("finality", Outcome.PASS, f"you gave the hash of block {claim.number}{note}"))
    asked = question_about(pinned, anchor.sequence, block_number=claim.number)
    for answer in answers:
        if answer.question in (None, asked):
            checks.extend(_check_answer(answer, claim, anchor, pinned, commitment))
    if anchor.state is not None and not _is_final(checks):
        checks.append(Check("block", Outcome.UNKNOWN, missing_block(claim, pinned)))
    elif anchor.state is None and not any(answer.question in (None, asked) for answer in answers):
        checks.append(Check("chain", Outcome.UNKNOWN, f"no node of {pinned.name} was asked"))
    if _is_final(checks):
        return checks
    return [replace(check, decisive=True) for check in checks]


def _is_final(checks: Sequence[Check]) -> bool:
    return any((check.name, check.outcome) == ("finality", Outcome.PASS) for check in checks)


def _check_answer(
    answer: Answer, claim: Claim, anchor: AnchorProof, pinned: PinnedTarget, commitment: bytes
) -> list[Check]:
    def chain(outcome: Outcome, reason: str) -> list[Check]:
        return [Check("chain", outcome, f"{answer.source}: {reason}", decisive=False)]

    if isinstance(answer, Unanswered):
        return chain(Outcome.UNKNOWN, answer.reason)
    if (answer.chain_id, answer.chain_genesis) != (pinned.target.chain_id, pinned.target.chain_genesis):
        return chain(Outcome.UNKNOWN, f"serves chain {answer.chain_id}, which is not the pinned {pinned.name}")
    if answer.final_number < claim.number:
        return _check_not_final(answer, claim, pinned)
    if answer.code_hash != pinned.target.code_hash:
        return chain(Outcome.FAIL, "the code at the pinned contract's address is not the pinned code")
    if answer.commitment != commitment:
        return chain(Outcome.FAIL, f"the contract does not hold this head as number {anchor.sequence}")
    if answer.block_hash != claim.block_hash:
        return chain(Outcome.FAIL, f"block {claim.number} has another hash on the chain")
    holds = f"the pinned contract holds this head in block {anchor.block_number}{_note(anchor)}"
    rule = "finalized" if pinned.confirmations is None else f"{pinned.confirmations} confirmations"
    final = f"{answer.source}: final by the rule '{rule}' (final block {answer.final_number})"
    return [*chain(Outcome.PASS, holds), Check("finality", Outcome.PASS, final)]


def _note(anchor: AnchorProof) -> str:
    return f"; {DEMONSTRATION}" if anchor.chain_id == EMBEDDED_CHAIN_ID else ""


def _check_not_final(answer: TargetFacts, claim: Claim, pinned: PinnedTarget) -> list[Check]:
    seen = "in its block" if answer.block_hash == claim.block_hash else "that block is not on this node's chain now"
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
