"""The leaf hashes of a log as a monitor has seen them, 32 bytes each, in one file that only grows.

Whoever keeps them needs nobody to show what the tree was at any size: of a log that goes back, or shows another tree of
a size that was seen, the proof is made of them.

Promises: `append` is durable when it returns; what stands behind the size that the reader names is cut off, so a write
that a power cut tore says nothing. Does not: know roots that were signed.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from ledger_service.core.merkle import (
    HASH_BYTES,
    Frontier,
    Node,
    RootHash,
    fold_consistency,
    nodes_for_consistency,
    nodes_for_root,
)
from ledger_service.watch.durable import sync_folder

CHUNK_LEAVES = 8_192  # 256 KB


class LeafFile:
    """The leaves of one log."""

    def __init__(self, path: Path) -> None:
        """Name the file; it is made by the first `append`."""
        self._path = path

    def frontier(self, size: int) -> Frontier | None:
        """Return the right edge of the tree over the first `size` leaves, None if they are not all there."""
        frontier = Frontier.empty()
        for leaf in self.leaves(0, size):
            frontier.append(leaf)
        return frontier if frontier.size == size else None

    def append(self, size: int, leaves: Sequence[bytes]) -> None:
        """Put leaves behind the first `size`, in place of whatever stands there."""
        with self._path.open("r+b" if self._path.exists() else "w+b") as target:
            target.truncate(size * HASH_BYTES)
            target.seek(size * HASH_BYTES)
            target.write(b"".join(leaves))
            target.flush()
            os.fsync(target.fileno())
        sync_folder(self._path.parent)

    def leaves(self, start: int, end: int) -> Iterator[bytes]:
        """Yield the leaf hashes from `start` up to `end`, as far as they are there."""
        if not self._path.exists():
            return
        with self._path.open("rb") as source:
            source.seek(start * HASH_BYTES)
            left = (end - start) * HASH_BYTES
            while chunk := source.read(min(left, CHUNK_LEAVES * HASH_BYTES)):
                left -= len(chunk)
                for at in range(0, len(chunk) - HASH_BYTES + 1, HASH_BYTES):
                    yield chunk[at : at + HASH_BYTES]

    def roots(self, sizes: Collection[int]) -> dict[int, RootHash]:
        """Return the roots over the first leaves, for each of these sizes that is there, in one pass."""
        frontier, found = Frontier.empty(), {}
        for leaf in self.leaves(0, max(sizes, default=0)):
            frontier.append(leaf)
            if frontier.size in sizes:
                found[frontier.size] = frontier.root()
        return found

    def path(self, older: int, newer: int) -> list[bytes]:
        """Return the path from the tree of one size to that of a larger, its first node included."""
        proof = fold_consistency(older, newer, self._nodes(nodes_for_consistency(older, newer)))
        return proof if older & (older - 1) else [*self._nodes(nodes_for_root(older)), *proof]

    def _nodes(self, wanted: Sequence[Node]) -> list[bytes]:
        return [self._node(level, position) for level, position in wanted]

    def _node(self, level: int, position: int) -> bytes:
        frontier = Frontier.empty()
        for leaf in self.leaves(position << level, (position + 1) << level):
            frontier.append(leaf)
        return frontier.root()
