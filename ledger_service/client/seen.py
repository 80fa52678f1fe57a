"""What a client has seen of a log, and every later answer must agree with: the newest checkpoint, and leaves.

Promises: a checkpoint that is taken is consistent (RFC 9162 §2.1.4) with the newest one seen before, which begins with
the pinned genesis entry; the newest never gets smaller. Does not: ask anybody itself; it is given who to ask.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

from ledger_service.client.failures import WrongAnswerError
from ledger_service.core.checkpoint import Checkpoint, VerifierKey, verify_checkpoint
from ledger_service.core.merkle import verify_consistency
from ledger_service.core.proven_leaf import ProvenLeaf
from ledger_service.core.trust import Trust
from ledger_service.errors import InvalidProofError, LedgerError

ANSWERS_REMEMBERED = 4_096  # entries that were answered to keys of ours
LEAVES_REMEMBERED = 4_096  # of receipts that were shown; a leaf with its proof takes some 2 KB
Consistency = Callable[[Checkpoint, Checkpoint], Sequence[bytes]]


class Seen:
    """What one client has seen of one log. May be used from several threads."""

    def __init__(self, trust: Trust, consistency: Consistency) -> None:
        """Take the pinned trust, and who gives the consistency proof between two checkpoints, the smaller first."""
        self._trust = trust
        self._consistency = consistency
        self._keys = trust.keys
        self._newest = Checkpoint(trust.origin, 1, trust.genesis)  # the tree of one leaf has its leaf hash as root
        self._answered: OrderedDict[bytes, str] = OrderedDict()
        self._leaves: OrderedDict[int, ProvenLeaf] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def newest(self) -> Checkpoint:
        """Return the newest checkpoint seen; of size 1, the genesis entry, before there was one."""
        return self._newest

    def open(self, note: bytes) -> Checkpoint:
        """Return the checkpoint of a signed note.

        Raises:
            WrongAnswerError: It is none of the pinned log.
        """
        try:
            return verify_checkpoint(note, self._keys, origin=self._trust.origin)
        except LedgerError as error:
            raise WrongAnswerError("receipt_checkpoint", error.message, answer=note) from None

    def start(self, checkpoint: Checkpoint) -> None:
        """Begin with a checkpoint that was seen before, in place of the genesis entry."""
        self._newest = checkpoint

    def learn(self, keys: Sequence[VerifierKey]) -> None:
        """Take keys that proven key changes of this log brought in."""
        with self._lock:
            self._keys = (*self._keys, *(key for key in keys if key not in self._keys))

    def take(self, checkpoint: Checkpoint, *, note: bytes = b"") -> None:
        """Compare a verified checkpoint with the newest, and keep the larger one.

        Raises:
            WrongAnswerError: `fork`: neither is the beginning of the other; `size`: it is empty.
        """
        if checkpoint.size < 1:
            raise WrongAnswerError("size", "the log is older than its genesis entry", answer=note)
        while True:
            newest = self._newest
            self._compare(checkpoint, newest, note)
            with self._lock:
                if self._newest is newest:  # else another thread saw a larger one meanwhile: compare with that
                    self._newest = checkpoint if checkpoint.size > newest.size else newest
                    return

    def leaf_before(self, leaf: ProvenLeaf) -> ProvenLeaf | None:
        """Remember a leaf that a receipt proves; return the one that an earlier receipt proved at its index, if any."""
        with self._lock:
            before = self._leaves.setdefault(leaf.index, leaf)
            while len(self._leaves) > LEAVES_REMEMBERED:
                self._leaves.popitem(last=False)
        return None if before is leaf else before

    def answer(self, leaf: bytes, key: str) -> None:
        """Remember that an entry is the answer to a key.

        Raises:
            WrongAnswerError: It was the answer to another.
        """
        with self._lock:
            if self._answered.setdefault(leaf, key) != key:
                raise WrongAnswerError("replayed", "the entry was the answer to another idempotency key")
            while len(self._answered) > ANSWERS_REMEMBERED:
                self._answered.popitem(last=False)

    def _compare(self, checkpoint: Checkpoint, newest: Checkpoint, note: bytes) -> None:
        older, newer = sorted((checkpoint, newest), key=lambda one: one.size)
        try:
            hashes = () if older.size == newer.size else self._consistency(older, newer)
            verify_consistency(older.size, newer.size, hashes, older.root, newer.root)
        except InvalidProofError as error:
            raise WrongAnswerError("fork", error.message, answer=note) from None
