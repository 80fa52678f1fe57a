"""A log that grows, as anchoring sees it (`operations/heads.py: Heads`): real RFC 9162 roots and proofs, no database.

The entries are the same in every world, so that roots and proofs are computed once a process; what differs is when
they come, which of them are seals and which are urgent.

Promises: a seal at least every half of the cap. Does not: know a chain.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cache, lru_cache

from ledger_service.core.cadence import Backlog
from ledger_service.core.merkle import (
    complete_nodes,
    compute_root,
    fold_consistency,
    leaf_hash,
    nodes_for_consistency,
    nodes_for_root,
)

ENTRIES_MAX = 1024  # no world of a few hundred steps records more
CAP = 64  # the most that a head may grow by
_NODES = complete_nodes(leaf_hash(b"entry %d" % index) for index in range(ENTRIES_MAX))


@cache
def root_at(size: int) -> bytes:
    """Return the root hash of the first entries."""
    return compute_root(size, [_NODES[node] for node in nodes_for_root(size)])


@lru_cache(maxsize=65_536)
def proof_between(old_size: int, size: int) -> tuple[bytes, ...]:
    """Return the consistency proof of two sizes."""
    return tuple(fold_consistency(old_size, size, [_NODES[node] for node in nodes_for_consistency(old_size, size)]))


class SimulatedLog:
    """One log; both workers see the same."""

    def __init__(self, now: int) -> None:
        """Begin with the genesis entry."""
        self.now = now
        self._recorded_at = [now]
        self._urgent: list[int] = []
        self._seals = [1]  # sizes that end with a seal; the genesis entry counts as one
        self._checkpoints = {1}

    def append(self, count: int, *, urgent: bool) -> int:
        """Record entries in one commit, and a seal where one is due; return how many came."""
        count = min(count, ENTRIES_MAX - 4 - len(self._recorded_at))
        for _ in range(count):
            if len(self._recorded_at) - self._seals[-1] >= CAP // 2 - 1:
                self.seal(covered=0)
            self._recorded_at.append(self.now)
            self._checkpoints.add(len(self._recorded_at))
        if urgent and count > 0:
            self._urgent.append(len(self._recorded_at))
        return max(count, 0)

    def size(self) -> int:
        """Return how many entries are committed."""
        return len(self._recorded_at)

    def root(self, size: int) -> bytes:
        """Return the root hash at a size."""
        return root_at(size)

    def own_root(self, size: int) -> bytes | None:
        """Return the same, None beyond the present size."""
        return root_at(size) if size <= len(self._recorded_at) else None

    def is_checkpoint(self, size: int) -> bool:
        """Say whether a commit ended at this size."""
        return size in self._checkpoints

    def consistency_proof(self, old_size: int, size: int) -> tuple[bytes, ...]:
        """Return the consistency proof of two sizes."""
        return proof_between(old_size, size)

    def seal(self, *, covered: int) -> None:
        """Make the newest entry a seal beyond a size, unless it is one."""
        if self._seals[-1] < len(self._recorded_at) or len(self._recorded_at) <= covered:
            self._recorded_at.append(self.now)
            self._seals.append(len(self._recorded_at))
            self._checkpoints.add(len(self._recorded_at))

    def sealed(self, most: int) -> int | None:
        """Return the largest size, at most this, that ends with a seal."""
        place = bisect_right(self._seals, most)
        return self._seals[place - 1] if place else None

    def oldest_at(self, size: int) -> int:
        """Return when the first entry beyond a size was recorded."""
        return self._recorded_at[size]

    def max_growth(self) -> int:
        """Return the cap."""
        return CAP

    def backlog(self, covered: int, anchored_at: int | None) -> Backlog:
        """Return what waits beyond a size; seals do not count."""
        seals = [size for size in self._seals if size > covered]
        count = len(self._recorded_at) - covered - len(seals)
        oldest = None if count <= 0 else self._recorded_at[covered]
        return Backlog(max(count, 0), oldest, any(size > covered for size in self._urgent), anchored_at)
