"""Verify a tlog-proof (c2sp.org/tlog-proof@v1): a report of named checks, as of a receipt.

1. format      the file is a tlog-proof in its one spelling
2. trust       a trust file is given
3. entry       the extra data are an entry of the pinned log
4. checkpoint  signed by a pinned key; lines of keys that are not pinned are ignored
5. witnesses   if the trust file pins some: enough of them cosigned the checkpoint
6. inclusion   the entry is at the index in the checkpoint's tree
7. anchor      unknown, always: a tlog-proof names no anchor

Promises: pure; at best inconclusive, because valid means final on a chain and nothing here says so. A checkpoint that
no pinned key claims to have signed is unknown and not a contradiction: a log that changed its key shows the change in
the receipt, which has a place for it. Does not: ask anybody.
"""

from __future__ import annotations

from ledger_service.core.checkpoint import parse_checkpoint, verify_checkpoint
from ledger_service.core.entry import CaseEntry, parse_entry
from ledger_service.core.merkle import leaf_hash, verify_inclusion
from ledger_service.core.report import Check, Outcome, Report
from ledger_service.core.tlog_proof import TlogProof, parse_tlog_proof
from ledger_service.core.trust import Trust
from ledger_service.core.witness_check import MEMBER, check_witnesses
from ledger_service.errors import InvalidProofError, LedgerError


def verify_tlog_proof(data: bytes, trust: Trust | None) -> Report:
    """Return the report on a tlog-proof.

    Args:
        data: The file's bytes, from anywhere.
        trust: The pinned trust file.
    """
    try:
        proof = parse_tlog_proof(data)
    except LedgerError as error:
        return Report((Check("format", Outcome.FAIL, error.message),))
    checks = [Check("format", Outcome.PASS, "a tlog-proof in its one spelling")]
    if trust is None:
        reason = "no trust file: nothing says which log and keys are meant"
        checks.append(Check("trust", Outcome.UNKNOWN, reason))
    else:
        checks.append(Check("trust", Outcome.PASS, f"pinned to the log {trust.origin}"))
    checks.append(_check_entry(proof, trust))
    checks.append(_check_checkpoint(proof, trust))
    if trust is not None:
        checkpoint, signatures = parse_checkpoint(proof.checkpoint)
        checks += check_witnesses({MEMBER: [line.line().rstrip("\n") for line in signatures]}, checkpoint, trust)
    checks.append(_check_inclusion(proof, trust))
    reason = "a tlog-proof names no anchor: whether the head is final, the entry's receipt shows"
    return Report((*checks, Check("anchor", Outcome.UNKNOWN, reason)))


def _check_entry(proof: TlogProof, trust: Trust | None) -> Check:
    if proof.extra is None:
        return Check("entry", Outcome.UNKNOWN, "it has no extra data, so it does not say of which entry it is")
    try:
        entry = parse_entry(proof.extra)
    except LedgerError as error:
        return Check("entry", Outcome.FAIL, error.message)
    if trust is not None and entry.origin != trust.origin:
        return Check("entry", Outcome.FAIL, f"the entry is of the log {entry.origin}, not of {trust.origin}")
    what = entry.verb if isinstance(entry, CaseEntry) else "a step of the log itself"
    return Check("entry", Outcome.PASS, f"well formed: {what}, recorded {entry.recorded_at}")


def _check_checkpoint(proof: TlogProof, trust: Trust | None) -> Check:
    checkpoint, signatures = parse_checkpoint(proof.checkpoint)
    if trust is None:
        return Check("checkpoint", Outcome.UNKNOWN, "no pinned key to verify the signature with")
    pinned = {(key.name, key.key_id()) for key in trust.keys}
    claimed = sum((one.name, one.key_id) in pinned for one in signatures)
    if checkpoint.origin == trust.origin and not claimed:
        reason = "no pinned key claims it; where the log changed its key, the entry's receipt shows the change"
        return Check("checkpoint", Outcome.UNKNOWN, reason)
    try:
        verify_checkpoint(proof.checkpoint, trust.keys, origin=trust.origin)
    except InvalidProofError as error:
        return Check("checkpoint", Outcome.FAIL, error.message)
    others = len(signatures) - claimed
    ignored = f"; {others} signatures of other keys ignored" if others else ""
    return Check("checkpoint", Outcome.PASS, f"signed by {trust.origin}: {checkpoint.size} entries{ignored}")


def _check_inclusion(proof: TlogProof, trust: Trust | None) -> Check:
    checkpoint, _ = parse_checkpoint(proof.checkpoint)
    if proof.extra is None:
        return Check("inclusion", Outcome.UNKNOWN, "no entry to compute the leaf hash of")
    leaf = leaf_hash(proof.extra)
    try:
        verify_inclusion(leaf, proof.index, checkpoint.size, proof.hashes, checkpoint.root)
    except InvalidProofError as error:
        return Check("inclusion", Outcome.FAIL, error.message)
    if proof.index == 0 and trust is not None and leaf != trust.genesis:
        return Check("inclusion", Outcome.FAIL, "the entry at index 0 is not the pinned genesis entry")
    return Check("inclusion", Outcome.PASS, f"at index {proof.index} of {checkpoint.size}")
