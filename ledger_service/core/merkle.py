"""The RFC 9162 Merkle tree: leaf and node hashes, roots, inclusion and consistency proofs.

Promises: proofs are computed by naming the nodes they need first (`nodes_for_…`), so that a store answers with one
batched read, and then folding what was read (`fold_…`). Verifiers take every number from the caller, never from
the proof; they reject by length before anything is hashed. RFC 9162 calls a tree by its size `n`; a stored node
is a complete subtree, named by (level, position): level 0 are leaf hashes, and node (l, p) covers the leaves
p·2^l … (p+1)·2^l − 1.

Does not: read or write anything, or know what a leaf means.

>>> leaves = [leaf_hash(bytes([i])) for i in range(5)]
>>> tree = complete_nodes(leaves)
>>> root = compute_root(5, [tree[n] for n in nodes_for_root(5)])
>>> proof = fold_inclusion(3, 5, [tree[n] for n in nodes_for_inclusion(3, 5)])
>>> verify_inclusion(leaves[3], 3, 5, proof, root)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import NewType

from ledger_service.errors import InvalidProofError

Index = NewType("Index", int)
LeafHash = NewType("LeafHash", bytes)
RootHash = NewType("RootHash", bytes)
Node = tuple[int, int]  # (level, position)

HASH_BYTES = 32  # SHA-256
SIZE_MAX = 2**63 - 1  # a signed 64-bit integer, so that every database and the contract's uint64 hold it
EMPTY_ROOT = RootHash(sha256(b"").digest())  # RFC 9162 §2.1.1: MTH({}) = HASH()


def leaf_hash(entry: bytes) -> LeafHash:
    """Return SHA-256(0x00 ‖ entry) (RFC 9162 §2.1.1)."""
    return LeafHash(sha256(b"\x00" + entry).digest())


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 ‖ left ‖ right) (RFC 9162 §2.1.1)."""
    return sha256(b"\x01" + left + right).digest()


def stored_id(level: int, position: int) -> int:
    """Number the complete subtrees in the order in which they come into being, from 0.

    Appending a leaf adds the leaf's own node and then each subtree that it completes, lowest first, so ids are
    contiguous: an append-only table of hashes keyed by this id never has a gap.

    >>> [stored_id(0, 0), stored_id(0, 1), stored_id(1, 0), stored_id(0, 2)]
    [0, 1, 2, 3]
    """
    # The subtree is completed by its last leaf; before that leaf, leaf + completed parents were added for each
    # earlier leaf: 2·n − popcount(n) nodes for n leaves.
    last_leaf = ((position + 1) << level) - 1
    return stored_count(last_leaf) + level


def stored_count(size: int) -> int:
    """Return how many complete subtrees, leaves included, a tree of `size` leaves has."""
    return 2 * size - size.bit_count()


def complete_nodes(leaves: Iterable[bytes]) -> dict[Node, bytes]:
    """Return every complete subtree over `leaves`, in memory; for tests, audits and small trees."""
    nodes: dict[Node, bytes] = {}
    frontier = Frontier.empty()
    for index, leaf in enumerate(leaves):
        for level, value in enumerate(frontier.append(leaf)):
            nodes[(level, index >> level)] = value
    return nodes


class Frontier:
    """The right edge of a growing tree: the roots of its complete subtrees, largest first.

    It is all that appending needs, at most 63 hashes. Mutable, for a writer's loop; `copy` before trying.
    """

    __slots__ = ("peaks", "size")

    def __init__(self, size: int, peaks: Sequence[bytes]) -> None:
        """Take the hashes of `nodes_for_root(size)`, in that order.

        Raises:
            InvalidProofError: The number of peaks does not fit the size, or one is not 32 bytes.
        """
        _require_size(size)
        _require_hashes(peaks)
        if len(peaks) != size.bit_count():
            raise InvalidProofError(f"a tree of size {size} has {size.bit_count()} peaks, got {len(peaks)}")
        self.size = size
        self.peaks = list(peaks)

    @classmethod
    def empty(cls) -> Frontier:
        """Return the frontier of the tree without leaves."""
        return cls(0, [])

    def copy(self) -> Frontier:
        """Return an independent copy."""
        return Frontier(self.size, self.peaks)

    def append(self, leaf: bytes) -> list[bytes]:
        """Add a leaf; return the hashes of the subtrees it completes, the leaf first (ids are contiguous).

        Raises:
            InvalidProofError: The leaf hash is not 32 bytes, or the tree is full.
        """
        _require_hashes([leaf])
        _require_size(self.size + 1)
        joined = (~self.size & (self.size + 1)).bit_length() - 1  # trailing one bits of the index
        completed = [leaf]
        for _ in range(joined):
            completed.append(node_hash(self.peaks.pop(), completed[-1]))
        self.peaks.append(completed[-1])
        self.size += 1
        return completed

    def root(self) -> RootHash:
        """Return the root hash at the present size."""
        return compute_root(self.size, self.peaks)


def nodes_for_root(size: int) -> list[Node]:
    """Return the complete subtrees whose hashes give the root of a tree of `size`, largest first.

    Raises:
        InvalidProofError: `size` is not from 0 to `SIZE_MAX`.
    """
    _require_size(size)
    return _cover(0, size)


def compute_root(size: int, hashes: Sequence[bytes]) -> RootHash:
    """Return the root of a tree of `size` from the hashes of `nodes_for_root(size)` (RFC 9162 §2.1.1).

    Raises:
        InvalidProofError: The number of hashes does not fit the size.
    """
    _require_size(size)
    if len(hashes) != size.bit_count():
        raise InvalidProofError(f"the root of {size} leaves takes {size.bit_count()} hashes, got {len(hashes)}")
    if size == 0:
        return EMPTY_ROOT
    return RootHash(_fold_right(hashes))


def nodes_for_inclusion(index: int, size: int) -> list[Node]:
    """Return the stored nodes that the inclusion proof of `index` in a tree of `size` is folded from.

    Raises:
        InvalidProofError: `index` is not below `size`.
    """
    _require_index(index, size)
    return [node for part in _inclusion_parts(index, size) for node in part]


def fold_inclusion(index: int, size: int, hashes: Sequence[bytes]) -> list[bytes]:
    """Return the inclusion proof (RFC 9162 §2.1.3.1) from the hashes of `nodes_for_inclusion`, in that order.

    Raises:
        InvalidProofError: `index` is not below `size`, or the number of hashes does not fit.
    """
    _require_index(index, size)
    return _fold_parts(_inclusion_parts(index, size), hashes)


def nodes_for_consistency(size1: int, size2: int) -> list[Node]:
    """Return the stored nodes that the consistency proof from `size1` to `size2` is folded from.

    Raises:
        InvalidProofError: Not 1 ≤ size1 ≤ size2.
    """
    _require_sizes(size1, size2)
    return [node for part in _consistency_parts(size1, size2) for node in part]


def fold_consistency(size1: int, size2: int, hashes: Sequence[bytes]) -> list[bytes]:
    """Return the consistency proof (RFC 9162 §2.1.4.1) from the hashes of `nodes_for_consistency`.

    Raises:
        InvalidProofError: Not 1 ≤ size1 ≤ size2, or the number of hashes does not fit.
    """
    _require_sizes(size1, size2)
    return _fold_parts(_consistency_parts(size1, size2), hashes)


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Accept only if `proof` shows that `leaf` is at `index` of the tree of `size` with `root` (RFC 9162 §2.1.3.2).

    The proof alone does not bind the size: the same proof can hold for another size with the same root. The
    caller takes `size` and `root` from one signed checkpoint or one anchored head.

    Args:
        leaf: Leaf hash, 32 bytes.
        index: Zero-based place of the leaf.
        size: Number of leaves.
        proof: Hashes from the leaf's sibling upwards, 32 bytes each.
        root: Root hash, 32 bytes.

    Raises:
        InvalidProofError: It does not.
    """
    _require_index(index, size)
    expected = _inclusion_length(index, size)
    if len(proof) != expected:  # first of all: a proof has exactly one right length
        raise InvalidProofError(f"the inclusion proof of {index} in {size} has {expected} hashes, got {len(proof)}")
    _require_hashes([leaf, root])
    _require_hashes(proof)
    fn, sn = index, size - 1  # step 2
    r = leaf  # step 3
    for p in proof:  # step 4; 4a cannot fail: a proof of the right length never outlives sn
        if fn & 1 or fn == sn:  # step 4b
            r = node_hash(p, r)  # step 4b i
            while not fn & 1 and fn != 0:  # step 4b ii
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)  # step 4b, otherwise
        fn, sn = fn >> 1, sn >> 1  # step 4c
    if sn != 0 or r != root:  # step 5
        raise InvalidProofError(f"the inclusion proof of {index} in {size} leads to another root")


def verify_consistency(size1: int, size2: int, proof: Sequence[bytes], root1: bytes, root2: bytes) -> None:
    """Accept only if the tree (size1, root1) is a prefix of the tree (size2, root2) (RFC 9162 §2.1.4.2).

    Args:
        size1: Size of the older tree, at least 1.
        size2: Size of the newer tree, at least `size1`.
        proof: Consistency proof, 32 bytes an element; empty exactly when the sizes are equal.
        root1: Root of the older tree, 32 bytes.
        root2: Root of the newer tree, 32 bytes.

    Raises:
        InvalidProofError: It is not.
    """
    _require_sizes(size1, size2)
    expected = _consistency_length(size1, size2)
    if len(proof) != expected:  # step 1 included: first of all
        raise InvalidProofError(
            f"the consistency proof from {size1} to {size2} has {expected} hashes, got {len(proof)}"
        )
    if size1 == size2:
        # Nothing is hashed: two heads of one size agree exactly when their roots are the same bytes. The field's
        # vectors pass opaque roots here (transparency-dev/merkle), so their length is the business of whoever parsed.
        _require_bytes([root1, root2])
        if root1 != root2:
            raise InvalidProofError(f"two roots for one size {size1}")
        return
    _require_hashes([root1, root2])
    whole = size1 & (size1 - 1) == 0  # step 2: an exact power of two is its own first node
    older, newer = reconstruct_roots(size1, size2, [root1, *proof] if whole else proof)
    if (older, newer) != (root1, root2):  # step 7
        which = "older" if older != root1 else "newer"
        raise InvalidProofError(f"the consistency proof from {size1} to {size2} leads to another {which} root")


def reconstruct_roots(size1: int, size2: int, path: Sequence[bytes]) -> tuple[RootHash, RootHash]:
    """Return the older and newer root that a consistency proof leads to (RFC 9162 §2.1.4.2).

    `path` is the proof with its first node always there: of an older tree of 2^k leaves that is its root.

    Raises:
        InvalidProofError: Not 1 ≤ size1 < size2, or a path of another length.
    """
    _require_sizes(size1, size2)
    expected = _consistency_length(size1, size2) + (size1 & (size1 - 1) == 0)
    if size1 == size2 or len(path) != expected:
        raise InvalidProofError(f"the path from {size1} to {size2} has {expected} hashes, got {len(path)}")
    _require_hashes(path)
    fn, sn = size1 - 1, size2 - 1  # step 3
    while fn & 1:  # step 4
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]  # step 5
    for c in path[1:]:  # step 6; 6a cannot fail, for the same reason as 4a above
        if fn & 1 or fn == sn:  # step 6b
            fr = node_hash(c, fr)  # step 6b i
            sr = node_hash(c, sr)  # step 6b ii
            while not fn & 1 and fn != 0:  # step 6b iii
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)  # step 6b, otherwise
        fn, sn = fn >> 1, sn >> 1  # step 6c
    assert sn == 0  # step 7: a path of the right length ends at the top
    return RootHash(fr), RootHash(sr)


def _inclusion_length(index: int, size: int) -> int:
    inner = (index ^ (size - 1)).bit_length()  # levels until the leaf's path joins the right edge
    return inner + (index >> inner).bit_count()


def _consistency_length(size1: int, size2: int) -> int:
    if size1 == size2:
        return 0
    inner = ((size1 - 1) ^ (size2 - 1)).bit_length()
    shift = (size1 & -size1).bit_length() - 1  # trailing zeros: levels that size1 shares with its first node
    whole = size1 == 1 << shift  # step 2 of RFC 9162 §2.1.4.2: root1 stands in for the first hash
    return inner - shift + ((size1 - 1) >> inner).bit_count() + (0 if whole else 1)


def _inclusion_parts(index: int, size: int) -> list[list[Node]]:
    """PATH(m, D_n) of RFC 9162 §2.1.3.1 as ranges, lowest first; each part folds into one hash of the proof."""
    parts: list[list[Node]] = []
    start, end = 0, size
    while end - start > 1:
        k = _split(end - start)
        if index < start + k:
            parts.append(_cover(start + k, end))
            end = start + k
        else:
            parts.append(_cover(start, start + k))
            start += k
    return parts[::-1]


def _consistency_parts(size1: int, size2: int) -> list[list[Node]]:
    """SUBPROOF(m, D_n, true) of RFC 9162 §2.1.4.1 as ranges, in the order of the proof."""
    if size1 == size2:
        return []
    parts: list[list[Node]] = []
    start, end = 0, size2
    while size1 != end:
        k = _split(end - start)
        if size1 <= start + k:
            parts.append(_cover(start + k, end))
            end = start + k
        else:
            parts.append(_cover(start, start + k))
            start += k
    if start != 0:  # the flag b of SUBPROOF: the old root itself is known to the verifier
        parts.append(_cover(start, end))
    return parts[::-1]


def _fold_parts(parts: Sequence[Sequence[Node]], hashes: Sequence[bytes]) -> list[bytes]:
    needed = sum(map(len, parts))
    if len(hashes) != needed:  # a store that lacks a node must not make a proof that nobody can verify
        raise InvalidProofError(f"the proof is folded from {needed} hashes, got {len(hashes)}")
    folded, used = [], 0
    for part in parts:
        folded.append(_fold_right(hashes[used : used + len(part)]))
        used += len(part)
    return folded


def _fold_right(hashes: Sequence[bytes]) -> bytes:
    """Join complete subtrees, largest first, into the root of the range they cover."""
    value = hashes[-1]
    for left in reversed(hashes[:-1]):
        value = node_hash(left, value)
    return value


def _cover(start: int, end: int) -> list[Node]:
    """Cut [start, end) into complete subtrees, left to right; `start` is a multiple of the largest one's width."""
    nodes: list[Node] = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append((level, start >> level))
        start += 1 << level
    return nodes


def _split(width: int) -> int:
    """Return the largest power of two smaller than `width` (RFC 9162 §2.1.1)."""
    return 1 << ((width - 1).bit_length() - 1)


def _require_size(size: int) -> None:
    if type(size) is not int or not 0 <= size <= SIZE_MAX:
        raise InvalidProofError(f"a tree size is an integer from 0 to {SIZE_MAX}")  # too large to print, perhaps


def _require_index(index: int, size: int) -> None:
    _require_size(size)
    if type(index) is not int or not 0 <= index < size:
        raise InvalidProofError(f"an index is an integer from 0 and below the size {size}")


def _require_sizes(size1: int, size2: int) -> None:
    _require_size(size1)
    _require_size(size2)
    if not 1 <= size1 <= size2:
        raise InvalidProofError(f"an older size is at least 1 and at most the newer one, got {size1} and {size2}")


def _require_bytes(values: Sequence[object]) -> None:
    if not all(isinstance(value, bytes) for value in values):
        raise InvalidProofError("a hash is of the type bytes")


def _require_hashes(hashes: Sequence[object]) -> None:
    for value in hashes:
        if not isinstance(value, bytes) or len(value) != HASH_BYTES:
            raise InvalidProofError(f"a hash is exactly {HASH_BYTES} bytes")
