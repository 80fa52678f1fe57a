"""A log in memory, as anchoring sees one: entries, seals, roots and proofs, without a database or files.

Promises: the same rules as a ledger's: a seal at least every half of the cap, and one at the end of what is anchored.
Does not: hold entries; a leaf is the hash of its number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ledger_service.core import merkle
from ledger_service.core.cadence import Backlog
from ledger_service.core.merkle import leaf_hash


class MemoryLog:
    """Satisfies `operations.heads.Heads`."""

    def __init__(self, *, cap: int, clock: Callable[[], int]) -> None:
        self._cap = cap
        self._clock = clock
        self._nodes: list[bytes] = []
        self._frontier = merkle.Frontier.empty()
        self._recorded: list[int] = []
        self._seals: list[int] = []
        self.append(1)

    @property
    def leaf(self) -> bytes:
        """The genesis leaf."""
        return self._nodes[0]

    def append(self, count: int) -> None:
        """Record entries; a seal comes by itself before half of the cap is passed."""
        for _ in range(count):
            if self.size() - self._sealed_size() >= self._cap // 2 - 1:
                self._add(sealing=True)
            self._add(sealing=False)

    def leaves(self, size: int) -> list[bytes]:
        """Return the first leaf hashes: they are public."""
        return [self._nodes[merkle.stored_id(0, index)] for index in range(size)]

    def size(self) -> int:
        """Return how many entries there are."""
        return self._frontier.size

    def root(self, size: int) -> bytes:
        """Return the root hash at a size."""
        return merkle.compute_root(size, self._read(merkle.nodes_for_root(size)))

    def root_or_none(self, size: int) -> bytes | None:
        """Return the root hash at a size, None beyond the log's."""
        return self.root(size) if size <= self.size() else None

    def is_checkpoint(self, size: int) -> bool:
        """Say whether a commit ended here: each entry is a commit of its own."""
        return size <= self.size()

    def consistency_proof(self, old_size: int, size: int) -> Sequence[bytes]:
        """Return the proof between two sizes."""
        return merkle.fold_consistency(old_size, size, self._read(merkle.nodes_for_consistency(old_size, size)))

    def seal(self, *, covered: int) -> None:
        """Make the newest entry a seal beyond a size, unless it is one."""
        if self._sealed_size() < self.size() or self.size() <= covered:
            self._add(sealing=True)

    def sealed(self, most: int) -> int | None:
        """Return the largest size, at most this, that ends with a seal."""
        return next((seal + 1 for seal in reversed(self._seals) if seal < most), None)

    def oldest_at(self, size: int) -> int:
        """Return when the first entry beyond a size was recorded."""
        return self._recorded[size]

    def max_growth(self) -> int:
        """Return the cap."""
        return self._cap

    def backlog(self, covered: int, anchored_at: int | None) -> Backlog:
        """Return what waits beyond a size."""
        count = self.size() - covered - sum(seal >= covered for seal in self._seals)
        return Backlog(count, self._recorded[covered] if count else None, False, anchored_at)

    def _add(self, *, sealing: bool) -> None:
        if sealing:
            self._seals.append(self.size())
        self._recorded.append(self._clock())
        self._nodes += self._frontier.append(leaf_hash(self.size().to_bytes(8, "big")))

    def _sealed_size(self) -> int:
        return self._seals[-1] + 1 if self._seals else 0

    def _read(self, nodes: Sequence[merkle.Node]) -> list[bytes]:
        return [self._nodes[merkle.stored_id(*node)] for node in nodes]
