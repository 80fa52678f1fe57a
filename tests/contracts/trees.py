"""Trees for the contract's tests: a small one of distinct leaves, and one of any size whose leaves are all equal."""

from __future__ import annotations

from ledger_service.core import merkle

SIZES = 70  # leaves of the small tree
LEAVES = [merkle.leaf_hash(b"entry %d" % index) for index in range(SIZES)]
_NODES = merkle.complete_nodes(LEAVES)


def root(size: int) -> bytes:
    """Return the root of the small tree at a size."""
    return merkle.compute_root(size, [_NODES[node] for node in merkle.nodes_for_root(size)])


def consistency(size1: int, size2: int) -> list[bytes]:
    """Return a consistency proof in the small tree."""
    return merkle.fold_consistency(size1, size2, [_NODES[node] for node in merkle.nodes_for_consistency(size1, size2)])


def inclusion(index: int, size: int) -> list[bytes]:
    """Return an inclusion proof in the small tree."""
    return merkle.fold_inclusion(index, size, [_NODES[node] for node in merkle.nodes_for_inclusion(index, size)])


class EqualLeaves:
    """A tree of up to 2^63 − 1 equal leaves: a complete subtree depends on its level alone."""

    def __init__(self, leaf: bytes) -> None:
        self.leaf = leaf
        self._levels = [leaf]
        for _ in range(63):
            self._levels.append(merkle.node_hash(self._levels[-1], self._levels[-1]))

    def root(self, size: int) -> bytes:
        """Return the root at a size."""
        return merkle.compute_root(size, self._read(merkle.nodes_for_root(size)))

    def consistency(self, size1: int, size2: int) -> list[bytes]:
        """Return a consistency proof."""
        return merkle.fold_consistency(size1, size2, self._read(merkle.nodes_for_consistency(size1, size2)))

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Return an inclusion proof."""
        return merkle.fold_inclusion(index, size, self._read(merkle.nodes_for_inclusion(index, size)))

    def _read(self, nodes: list[merkle.Node]) -> list[bytes]:
        return [self._levels[level] for level, _ in nodes]
