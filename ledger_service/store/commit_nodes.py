"""The tree nodes of one commit, kept by its answers: the inclusion proofs of its entries need no query.

Promises: a proof is the one that `LedgerReader.inclusion_proof` would make of the committed rows. Does not: know nodes
that were completed before the commit, but for those on the right edge, which are all that such a proof needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger_service.core.merkle import (
    Frontier,
    fold_inclusion,
    nodes_for_inclusion,
    nodes_for_root,
    stored_count,
    stored_id,
)


@dataclass(frozen=True, slots=True)
class CommitNodes:
    """What a commit added: `added` are (id, hash) by id, from `first` on; `before` is the right edge it found."""

    size: int
    first: int
    added: Sequence[tuple[int, bytes]]
    before: dict[int, bytes]

    @classmethod
    def of(cls, before: Frontier, added: Sequence[tuple[int, bytes]], *, size: int) -> CommitNodes:
        """Return the nodes of a commit that grew the tree from `before` to `size`."""
        edge = (stored_id(level, position) for level, position in nodes_for_root(before.size))
        return cls(size, stored_count(before.size), added, dict(zip(edge, before.peaks, strict=True)))

    def inclusion_proof(self, index: int) -> list[bytes]:
        """Return the inclusion proof, to this commit's head, of an entry that it appended.

        Raises:
            KeyError: The entry is an older one.
        """
        ids = [stored_id(level, position) for level, position in nodes_for_inclusion(index, self.size)]
        hashes = [self.before[one] if one < self.first else self.added[one - self.first][1] for one in ids]
        return fold_inclusion(index, self.size, hashes)
