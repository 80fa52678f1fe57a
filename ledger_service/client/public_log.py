"""A log as everybody sees it: its newest signed head, its hash tiles, and how its keys changed.

Promises: a head that is returned is signed by a pinned key, or by one that its key changes lead to, each proved in that
very tree. Does not: compare one head with another, or remember any: `seen.py` and the monitor do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger_service.client.answers import parse_json, read_proof
from ledger_service.client.asking import Asker
from ledger_service.client.failures import WrongAnswerError
from ledger_service.client.tiles import Tiles
from ledger_service.core.checkpoint import Checkpoint, VerifierKey, parse_checkpoint, verify_checkpoint
from ledger_service.core.contradiction import SignedHead, sole_signature
from ledger_service.core.receipt import KeyChange, parse_receipt
from ledger_service.core.trust import Trust
from ledger_service.core.verify import follow_key_changes
from ledger_service.errors import FormatError, LedgerError


@dataclass(frozen=True, slots=True)
class ShownHead:
    """A head that the log signed: the checkpoint, and the note with what leads to its key."""

    checkpoint: Checkpoint
    signed: SignedHead


class PublicLog:
    """One log, asked through one asker. Not for several threads."""

    def __init__(self, asker: Asker, trust: Trust) -> None:
        """Take who asks, and what is pinned."""
        self._asker = asker
        self._trust = trust
        self.tiles = Tiles(lambda path: asker.ask("GET", path).body)

    def head(self) -> ShownHead:
        """Return the newest head that the log shows.

        Raises:
            ClientError: Nobody answered, or what answered is no head of this log.
        """
        return self.open(self._asker.ask("GET", "/checkpoint").body)

    def open(self, note: bytes) -> ShownHead:
        """Return the head of a signed note, from anywhere; the log is asked only where its key changed.

        Raises:
            WrongAnswerError: It is no head of this log.
            ClientError: The log could not be asked about its keys.
        """
        try:
            checkpoint, signatures = parse_checkpoint(note)
            known = {(key.name, key.key_id()) for key in self._trust.keys}
            pinned = any((one.name, one.key_id) in known for one in signatures)
            changes = () if pinned else self._key_changes(checkpoint)
            keys: Sequence[VerifierKey] = follow_key_changes(changes, checkpoint, self._trust)
            sole = sole_signature(note, keys)
            return ShownHead(verify_checkpoint(sole, keys, origin=self._trust.origin), SignedHead(sole, changes))
        except LedgerError as error:
            raise WrongAnswerError("receipt_checkpoint", error.message, answer=note) from None

    def proved_path(self, older: int, newer: int) -> list[bytes]:
        """Return the path between two sizes as the consistency proof of the log's API gives it.

        Raises:
            ClientError: There is none.
        """
        answered = self._asker.ask("GET", "/v1/proofs/consistency", query={"from": older, "to": newer})
        try:
            _, roots, hashes = read_proof(parse_json(answered.body), "consistency")
        except FormatError as error:
            raise WrongAnswerError("form", error.message, answer=answered.body) from None
        return list(hashes) if older & (older - 1) else [*roots[:1], *hashes]

    def _key_changes(self, checkpoint: Checkpoint) -> tuple[KeyChange, ...]:
        """Return the key entries that the log's receipts carry, proved in the tree of this checkpoint."""
        self.tiles.forget()  # those kept may be of the log before it forked, and would prove nothing in this tree
        changes = parse_receipt(self._asker.ask("GET", "/v1/entries/0/receipt").body).key_changes
        return tuple(
            KeyChange(one.entry, one.index, tuple(self.tiles.inclusion(one.index, checkpoint.size)))
            for one in changes
            if one.index < checkpoint.size
        )
