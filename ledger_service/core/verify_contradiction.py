"""Verify a contradiction file: does it show that the pinned log contradicts itself?

The checks, in this order:

1. format         the file is a contradiction file in its one spelling
2. trust          a trust file is given
3. keys           of a head with key changes: they lead from a pinned key to the one that signed it
4. checkpoint     of each head: signed by a pinned key, or by the one that its last key change brought in
5. contradiction  both heads cannot be those of one log that only grows

Promises: pure; `valid` only where an honest log could not have signed both heads, whoever made the file: a proof that
leads nowhere makes the file invalid and says nothing about the log. Sizes, roots and what is compared come from the
signed notes alone. Does not: say who is to blame for a key that somebody else holds too.
"""

from __future__ import annotations

from ledger_service.core.checkpoint import Checkpoint, parse_checkpoint, verify_checkpoint
from ledger_service.core.contradiction import Contradiction, Kind, SignedHead, heads_of, parse_contradiction
from ledger_service.core.merkle import leaf_hash, reconstruct_roots, verify_inclusion
from ledger_service.core.report import Check, Outcome, Report
from ledger_service.core.trust import Trust
from ledger_service.core.verify import follow_key_changes
from ledger_service.errors import InvalidProofError, LedgerError

CONTRADICTION = "contradiction"  # the name of the check that decides, and that only such a file has


def verify_contradiction(data: bytes, trust: Trust | None) -> Report:
    """Return the report on a contradiction file: `valid` means that the log contradicts itself.

    Args:
        data: The file's bytes, from anywhere.
        trust: The pinned trust file; without one the verdict is at best inconclusive.
    """
    try:
        found = parse_contradiction(data)
    except LedgerError as error:
        return Report((Check("format", Outcome.FAIL, error.message),))
    checks = [Check("format", Outcome.PASS, f"a contradiction file in its one spelling: {found.kind}")]
    if trust is None:
        checks.append(Check("trust", Outcome.UNKNOWN, "no trust file: nothing says which log and keys are meant"))
    else:
        checks.append(Check("trust", Outcome.PASS, f"pinned to the log {trust.origin}"))
        for head in found.heads:
            checks.extend(_check_head(head, trust))
    checks.append(_check_contradiction(found))
    return Report(tuple(checks))


def _check_head(head: SignedHead, trust: Trust) -> list[Check]:
    checks = []
    name = "keys"
    try:
        checkpoint, signatures = parse_checkpoint(head.note)
        keys = follow_key_changes(head.key_changes, checkpoint, trust)
        if head.key_changes:
            checks.append(Check("keys", Outcome.PASS, f"{len(head.key_changes)} key changes, each by the old key"))
        name = "checkpoint"
        if len(signatures) != 1:  # a further line would be a part of the file that no check covers
            raise InvalidProofError("a head has one signature")
        verify_checkpoint(head.note, keys, origin=trust.origin)
    except LedgerError as error:
        return [*checks, Check(name, Outcome.FAIL, error.message)]
    return [*checks, Check("checkpoint", Outcome.PASS, f"signed by {trust.origin}: {checkpoint.size} entries")]


def _check_contradiction(found: Contradiction) -> Check:
    one, other = heads_of(found)
    try:
        detail = _SHOW[found.kind](found, one, other)
    except InvalidProofError as error:
        return Check(CONTRADICTION, Outcome.FAIL, f"none is shown: {error.message}")
    return Check(CONTRADICTION, Outcome.PASS, detail)


def _show_two_roots(_: Contradiction, one: Checkpoint, other: Checkpoint) -> str:
    if one.size != other.size:
        raise InvalidProofError(f"the heads have {one.size} and {other.size} entries, each its own root")
    assert one.root != other.root  # the format says so
    return f"two roots for one size, {one.size}"


def _show_rewritten(found: Contradiction, older: Checkpoint, newer: Checkpoint) -> str:
    """A path that leads to the newer root names that tree's own nodes; the older root in it is one the log has signed.

    For an older tree of 2^k leaves the path holds that node itself, so it is compared with the signed root.
    """
    before, after = reconstruct_roots(older.size, newer.size, found.path)
    if after != newer.root:
        raise InvalidProofError("the path does not lead to the newer root, so it says nothing about that tree")
    if before == older.root:
        raise InvalidProofError("the newer head begins with the older one")
    return f"the log of {newer.size} entries does not begin with the one of {older.size} that was signed before"


def _show_two_leaves(found: Contradiction, one: Checkpoint, other: Checkpoint) -> str:
    for leaf, head in zip(found.leaves, (one, other), strict=True):
        if leaf.entry is not None and leaf_hash(leaf.entry) != leaf.leaf_hash:
            raise InvalidProofError("an entry is not that of its leaf hash")
        verify_inclusion(leaf.leaf_hash, found.index, head.size, leaf.inclusion, head.root)
    assert found.leaves[0].leaf_hash != found.leaves[1].leaf_hash  # the format says so
    return f"two leaves at one index, {found.index}: in the head of {one.size} entries and in that of {other.size}"


_SHOW = {
    Kind.TWO_ROOTS: _show_two_roots,
    Kind.REWRITTEN: _show_rewritten,
    Kind.TWO_LEAVES: _show_two_leaves,
}
