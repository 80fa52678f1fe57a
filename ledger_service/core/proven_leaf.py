"""What one receipt shows against another: the leaf at an index, under a signed head of the pinned log.

Two receipts of one log agree on every index and on every size. Where they do not, what both carry is a contradiction
that anybody can check (`contradiction.py`): two leaves at one index, or two roots for one size.

Promises: pure; a leaf is proven by signature and inclusion proof alone, so a receipt that says anything else wrong
still counts, and one that proves no leaf frames nobody. Does not: say which of two leaves is the one on the chain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger_service.core.checkpoint import Checkpoint, parse_checkpoint, verify_checkpoint
from ledger_service.core.contradiction import Contradiction, ShownLeaf, SignedHead, two_leaves, two_roots
from ledger_service.core.merkle import leaf_hash, verify_inclusion
from ledger_service.core.receipt import Receipt
from ledger_service.core.trust import Trust
from ledger_service.core.verify import follow_key_changes
from ledger_service.errors import InvalidProofError


@dataclass(frozen=True, slots=True)
class ProvenLeaf:
    """A leaf at its index, and the signed head that it is in; `head` is what the note of `signed` says."""

    index: int
    leaf: ShownLeaf
    signed: SignedHead
    head: Checkpoint


@dataclass(frozen=True, slots=True)
class Conflict:
    """A contradiction between two of the leaves given, by their places."""

    one: int
    other: int
    contradiction: Contradiction


def prove_leaf(receipt: Receipt, trust: Trust) -> ProvenLeaf:
    """Return what a receipt proves of its leaf. The entry is left out: what it says need not be shown to convict.

    Raises:
        FormatError, InvalidProofError: The head is not signed by the pinned log, or the leaf is not in it.
    """
    head, signatures = parse_checkpoint(receipt.checkpoint)
    if len(signatures) != 1:  # as a contradiction file has it
        raise InvalidProofError("a head has one signature")
    keys = follow_key_changes(receipt.key_changes, head, trust)
    verify_checkpoint(receipt.checkpoint, keys, origin=trust.origin)
    leaf = leaf_hash(receipt.entry)
    verify_inclusion(leaf, receipt.index, head.size, receipt.inclusion, head.root)
    signed = SignedHead(receipt.checkpoint, receipt.key_changes)
    return ProvenLeaf(receipt.index, ShownLeaf(leaf, receipt.inclusion), signed, head)


def contradict(one: ProvenLeaf, other: ProvenLeaf) -> Contradiction | None:
    """Return the contradiction of two leaves of one log, None where they can stand in one that only grows."""
    if one.index == other.index and one.leaf.leaf_hash != other.leaf.leaf_hash:
        return two_leaves(one.index, (one.signed, one.leaf), (other.signed, other.leaf))
    if one.head.size == other.head.size and one.head.root != other.head.root:
        return two_roots(one.signed, other.signed)
    return None


def conflicts_among(leaves: Sequence[ProvenLeaf | None]) -> list[Conflict]:
    """Return the contradictions among leaves, each other leaf or root once: against the first of its index or size.

    Args:
        leaves: In the order given, None for a file that proves none.
    """
    found: dict[tuple[int, int], Conflict] = {}
    at_index: dict[int, dict[bytes, int]] = {}  # the places of the leaves at an index, the first one first
    at_size: dict[int, dict[bytes, int]] = {}  # and those of the roots of a size
    proven = {place: leaf for place, leaf in enumerate(leaves) if leaf is not None}
    for place, leaf in proven.items():
        for known, value in (
            (at_index.setdefault(leaf.index, {}), leaf.leaf.leaf_hash),
            (at_size.setdefault(leaf.head.size, {}), leaf.head.root),
        ):
            if value in known:
                continue
            known[value] = place
            first = next(iter(known.values()))
            contradiction = contradict(proven[first], leaf)  # None with itself
            if contradiction is not None:
                found[first, place] = Conflict(first, place, contradiction)
    return list(found.values())
