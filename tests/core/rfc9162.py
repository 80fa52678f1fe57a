"""A second implementation of RFC 9162 §2.1, straight from its recursive definitions, and one test tree.

It shares nothing with `ledger_service.core.merkle` but the leaf hashes: roots and proofs are computed by recursion over
lists of leaves, and proofs are verified by undoing the recursion.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

from ledger_service.core import merkle
from ledger_service.core.merkle import SIZE_MAX
from ledger_service.errors import InvalidProofError


def split(n: int) -> int:
    """The largest power of two smaller than n."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def mth(leaves: Sequence[bytes]) -> bytes:
    """MTH(D_n) of RFC 9162 §2.1.1, over leaf hashes."""
    if not leaves:
        return sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D_n) of RFC 9162 §2.1.3.1."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: Sequence[bytes], whole: bool) -> list[bytes]:
    """SUBPROOF(m, D_n, b) of RFC 9162 §2.1.4.1."""
    n = len(leaves)
    if m == n:
        return [] if whole else [mth(leaves)]
    k = split(n)
    if m <= k:
        return [*subproof(m, leaves[:k], whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), mth(leaves[:k])]


def root_by_path(leaf: bytes, m: int, n: int, proof: Sequence[bytes]) -> bytes | None:
    """Undo PATH: the root that a proof leads to, or None where its length is wrong."""
    if n == 1:
        return None if proof else leaf
    if not proof:
        return None
    k = split(n)
    inner = root_by_path(leaf, m, k, proof[:-1]) if m < k else root_by_path(leaf, m - k, n - k, proof[:-1])
    if inner is None:
        return None
    return sha256(b"\x01" + (inner + proof[-1] if m < k else proof[-1] + inner)).digest()


def roots_by_subproof(m: int, n: int, proof: Sequence[bytes], old: bytes | None) -> tuple[bytes, bytes] | None:
    """Undo SUBPROOF: the older and newer root that a proof leads to; `old` is known as long as b is true."""
    if m == n:
        if old is not None:
            return None if proof else (old, old)
        return (proof[0], proof[0]) if len(proof) == 1 else None
    if not proof:
        return None
    k = split(n)
    below = roots_by_subproof(m, k, proof[:-1], old) if m <= k else roots_by_subproof(m - k, n - k, proof[:-1], None)
    if below is None:
        return None
    older, newer = below
    if m <= k:
        return older, sha256(b"\x01" + newer + proof[-1]).digest()
    return sha256(b"\x01" + proof[-1] + older).digest(), sha256(b"\x01" + proof[-1] + newer).digest()


def accepts_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Return the second implementation's verdict on an inclusion proof."""
    if not 0 <= index < size <= SIZE_MAX or any(len(h) != 32 for h in (leaf, root, *proof)):
        return False
    return root_by_path(leaf, index, size, proof) == root


def accepts_consistency(size1: int, size2: int, proof: Sequence[bytes], root1: bytes, root2: bytes) -> bool:
    """Return the second implementation's verdict on a consistency proof."""
    if not 1 <= size1 <= size2 <= SIZE_MAX or any(len(h) != 32 for h in (root1, root2, *proof)):
        return False
    return roots_by_subproof(size1, size2, proof, root1) == (root1, root2)


SIZES = 257  # one past a full tree of eight levels
LEAVES = [merkle.leaf_hash(b"entry %d" % i) for i in range(SIZES)]
TREE = merkle.complete_nodes(LEAVES)
ROOTS = [mth(LEAVES[:n]) for n in range(SIZES + 1)]


def inclusion(index: int, size: int) -> list[bytes]:
    """Return our inclusion proof in the test tree."""
    return merkle.fold_inclusion(index, size, [TREE[node] for node in merkle.nodes_for_inclusion(index, size)])


def consistency(size1: int, size2: int) -> list[bytes]:
    """Return our consistency proof in the test tree."""
    return merkle.fold_consistency(size1, size2, [TREE[node] for node in merkle.nodes_for_consistency(size1, size2)])


def holds(verify: Callable[..., None], *arguments: Any) -> bool:
    """Say whether a verifier accepts; any other error than ours passes through."""
    try:
        verify(*arguments)
    except InvalidProofError:
        return False
    return True


def each_bit_changed(value: bytes) -> list[bytes]:
    """Return the value once for each of its bits, that bit changed."""
    number = int.from_bytes(value, "big")
    return [(number ^ (1 << bit)).to_bytes(len(value), "big") for bit in range(8 * len(value))]


def all_rejected(verify: Callable[..., None], calls: Sequence[tuple[Any, ...]]) -> bool:
    """Say whether a verifier rejects every one of these calls."""
    return not any(holds(verify, *call) for call in calls)
