"""The small log of `receipts.py`, the log that its operator shows to others, and what sets them against each other."""

from __future__ import annotations

import dataclasses
import functools

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_service.core import merkle
from ledger_service.core.checkpoint import Checkpoint, sign_checkpoint
from ledger_service.core.contradiction import Contradiction, ShownLeaf, SignedHead, rewritten, two_leaves, two_roots
from ledger_service.core.disclosure import Record
from ledger_service.core.entry import CaseEntry, Entry, encode_entry, parse_entry
from ledger_service.core.receipt import KeyChange, Receipt
from tests.core.entries import FIRST, NEW_KEY, OLD_KEY, ORIGIN
from tests.core.receipts import LOG, ROTATION, ROTATION_AT, STEP_AT

TRUE = tuple(encode_entry(entry) for entry in LOG)
FALSE_STEP: Entry = dataclasses.replace(FIRST, return_id="44" * 16)
OTHER = (*TRUE[:STEP_AT], encode_entry(FALSE_STEP), *TRUE[STEP_AT + 1 :])  # the step is another; the rest is the same


@functools.cache
def nodes(entries: tuple[bytes, ...]) -> dict[merkle.Node, bytes]:
    """Return the complete subtrees over entries."""
    return merkle.complete_nodes(map(merkle.leaf_hash, entries))


def root(entries: tuple[bytes, ...], size: int) -> merkle.RootHash:
    """Return the root over the first of them."""
    return merkle.compute_root(size, [nodes(entries)[node] for node in merkle.nodes_for_root(size)])


def inclusion(entries: tuple[bytes, ...], index: int, size: int) -> tuple[bytes, ...]:
    """Return the inclusion proof of one of them."""
    return tuple(
        merkle.fold_inclusion(index, size, [nodes(entries)[n] for n in merkle.nodes_for_inclusion(index, size)])
    )


def path(entries: tuple[bytes, ...], older: int, newer: int) -> list[bytes]:
    """Return the path from a smaller tree over them to a larger one, its first node included."""
    found = [nodes(entries)[node] for node in merkle.nodes_for_consistency(older, newer)]
    proof = merkle.fold_consistency(older, newer, found)
    return [root(entries, older), *proof] if older & (older - 1) == 0 else proof


def head(entries: tuple[bytes, ...], size: int, key: Ed25519PrivateKey = OLD_KEY) -> SignedHead:
    """Return a signed head over the first of them; with the second key the key change that leads to it."""
    note = sign_checkpoint(Checkpoint(ORIGIN, size, root(entries, size)), key)
    if key is not NEW_KEY:
        return SignedHead(note)
    return SignedHead(note, (KeyChange(encode_entry(ROTATION), ROTATION_AT, inclusion(entries, ROTATION_AT, size)),))


def leaf(entries: tuple[bytes, ...], index: int, size: int, *, shown: bool = True) -> ShownLeaf:
    """Return a leaf with its proof, and with the entry where it is shown."""
    entry = entries[index]
    return ShownLeaf(merkle.leaf_hash(entry), inclusion(entries, index, size), entry if shown else None)


def roots(size: int = 7) -> Contradiction:
    """Return two roots for one size."""
    return two_roots(head(TRUE, size), head(OTHER, size))


def rewriting(older: int = 6, newer: int = 9) -> Contradiction:
    """Return a signed head that a later one does not begin with."""
    return rewritten(head(TRUE, older), head(OTHER, newer), path(OTHER, older, newer))


def leaves(*, shown: bool = True) -> Contradiction:
    """Return two steps at one index."""
    one = head(TRUE, 7), leaf(TRUE, STEP_AT, 7, shown=shown)
    return two_leaves(STEP_AT, one, (head(OTHER, 9), leaf(OTHER, STEP_AT, 9, shown=shown)))


def forged_receipt(
    entries: tuple[bytes, ...], index: int, size: int, *, rotated: bool = False, key: Ed25519PrivateKey | None = None
) -> Receipt:
    """Return the receipt of one of the entries, with every value withheld and no anchor, as the key's holder makes it.

    `rotated` signs with the second key and shows the change that leads to it; `key` signs with another and shows none.
    """
    signed = head(entries, size, NEW_KEY if rotated else OLD_KEY)
    note = signed.note
    if key is not None:
        note = sign_checkpoint(Checkpoint(ORIGIN, size, root(entries, size)), key)
    entry = parse_entry(entries[index])
    named = entry.all_commitments() if isinstance(entry, CaseEntry) else ()
    return Receipt(
        entry=entries[index],
        index=index,
        records=tuple(Record(one.name, None) for one in named),
        inclusion=inclusion(entries, index, size),
        checkpoint=note,
        key_changes=signed.key_changes,
    )
