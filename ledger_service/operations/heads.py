"""The log as anchoring sees it: sizes, roots, proofs, seals, and what waits for an anchor.

`Heads` is all that the worker needs of a log; `LedgerHeads` is an opened ledger as that. Promises: `seal` writes only
where the newest entry is no seal, or a head covers it. Does not: know a chain.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from ledger_service.core.cadence import URGENT, Backlog
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.seal import make_seal
from ledger_service.store.drafts import LogDraft


class Heads(Protocol):
    """A log whose heads are anchored."""

    def size(self) -> int:
        """Return how many entries are committed."""

    def root(self, size: int) -> bytes:
        """Return the root hash at a size up to the present one, 32 bytes."""

    def is_checkpoint(self, size: int) -> bool:
        """Say whether a commit ended at this size, so that a signed tree head is there."""

    def consistency_proof(self, old_size: int, size: int) -> Sequence[bytes]:
        """Return the proof that the head of `size` extends the one of `old_size`."""

    def seal(self, *, covered: int) -> None:
        """Make the newest entry a seal beyond a size, unless it is one."""

    def sealed(self, most: int) -> int | None:
        """Return the largest size, at most this, that ends with a seal."""

    def oldest_at(self, size: int) -> int:
        """Return when the first entry beyond a size was recorded, in seconds since 1970."""

    def max_growth(self) -> int:
        """Return the cap that the log promised in its genesis entry."""

    def backlog(self, covered: int, anchored_at: int | None) -> Backlog:
        """Return what waits beyond a size; `anchored_at` is passed on."""


class LedgerHeads:
    """An opened ledger with a writer, as anchoring sees it."""

    def __init__(self, ledger: Ledger) -> None:
        """Take the ledger."""
        self._ledger = ledger

    def size(self) -> int:
        """Return how many entries are committed."""
        return self._ledger.read.size()

    def root(self, size: int) -> bytes:
        """Return the root hash at a size, 32 bytes."""
        return self._ledger.read.root(size)

    def is_checkpoint(self, size: int) -> bool:
        """Say whether a commit ended at this size."""
        return self._ledger.read.checkpoint_at(size) is not None

    def consistency_proof(self, old_size: int, size: int) -> Sequence[bytes]:
        """Return the consistency proof between two sizes."""
        return self._ledger.read.consistency_proof(old_size, size)

    def seal(self, *, covered: int) -> None:
        """Append a seal, unless the newest entry is one that no head covers."""
        newest = self._ledger.read.latest_seal()
        if newest is None or newest.index + 1 < self.size() or self.size() <= covered:
            self._ledger.require_writer().append(LogDraft(make_seal(self._ledger.origin)))

    def sealed(self, most: int) -> int | None:
        """Return the largest size, at most this, that ends with a seal."""
        found = self._ledger.read.latest_seal(before=most)
        return None if found is None else found.index + 1

    def oldest_at(self, size: int) -> int:
        """Return when the first entry beyond a size was recorded."""
        return _seconds(self._ledger.read.entry(size).recorded_at)

    def max_growth(self) -> int:
        """Return the cap of the genesis entry."""
        return self._ledger.genesis()[0].max_growth

    def backlog(self, covered: int, anchored_at: int | None) -> Backlog:
        """Return what waits beyond a size."""
        waiting = self._ledger.read.waiting(covered, urgent=[kind.value for kind in URGENT])
        oldest = None if waiting.oldest_at is None else _seconds(waiting.oldest_at)
        return Backlog(waiting.count, oldest, waiting.urgent, anchored_at)


def _seconds(recorded_at: str) -> int:
    return int(datetime.fromisoformat(recorded_at).timestamp())
