"""What goes into the one write path, and what comes out of it, as values.

A draft is an entry that is not yet decided: only under the write lock are its place, its predecessor and its time
known. Does not: write anything (`ledger.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ledger_service.core.entry import CaseEntry, Entry
from ledger_service.core.log_entry import After, GenesisEntry, KeyEntry, SealEntry, TargetEntry
from ledger_service.core.returns import Case, Command
from ledger_service.errors import StoreError
from ledger_service.store.commit_nodes import CommitNodes

FINGERPRINT_BYTES = 32  # SHA-256 of the payload
KEY_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A caller's key for one request: `scope` says whose, `fingerprint` is the SHA-256 of what was asked."""

    scope: str
    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class SealedValue:
    """An encrypted value of an entry: `position` is its place in `entry.all_commitments()`."""

    position: int
    name: str
    key_id: bytes
    ciphertext: bytes


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of an entry: `position` as in `SealedValue`, `name` its random name in the evidence store."""

    position: int
    kind: str
    name: str
    sha256: bytes
    size: int
    media_type: str


@dataclass(frozen=True, slots=True)
class Member:
    """A party on the access list of a case: its mark (32 bytes) and role."""

    mark: bytes
    role: str


STATEMENT_SCOPE = "statement"  # of the keys that name signed statements which were used up


@dataclass(frozen=True, slots=True)
class WriteView:
    """The log as a log step sees it under the lock.

    `size` and `root` without the step; `last_seal_size` is the size just after the newest seal (1 while there is
    none: head 0 is the genesis entry alone); `newest_final_anchor` is None before the first. `case_index` returns the
    root over all entries without the step; it is made when it is asked for, as part of this commit.
    """

    size: int
    root: bytes
    last_seal_size: int
    newest_final_anchor: After | None
    case_index: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class CaseDraft:
    """A step of a case. The writer sets `command.recorded_at`.

    `judged_at` is the head (32 bytes) of the case whose balance and clocks the step was judged against; None: it was
    judged against the table alone. `used_up` names what this step uses up: a second step that names it is refused.
    `members` come onto the access list of the case, if they are not there yet.
    """

    command: Command
    values: tuple[SealedValue, ...] = ()
    files: tuple[StoredFile, ...] = ()
    idempotency: IdempotencyKey | None = None
    judged_at: bytes | None = None
    used_up: IdempotencyKey | None = None
    members: tuple[Member, ...] = ()


@dataclass(frozen=True, slots=True)
class AsideDraft:
    """An attempt, access or finding: beside the case's chain. The writer sets only `recorded_at`."""

    entry: CaseEntry
    values: tuple[SealedValue, ...] = ()
    idempotency: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True)
class LogDraft:
    """A step of the log itself, made under the lock from a view of the log and the time to record."""

    make: Callable[[WriteView, str], GenesisEntry | KeyEntry | TargetEntry | SealEntry]


Draft = CaseDraft | AsideDraft | LogDraft


@dataclass(frozen=True, slots=True)
class Appended:
    """A durable entry: its index, leaf hash, exact bytes and value, and the signed checkpoint that covers it.

    `size` is that checkpoint's. `replayed` says that the idempotency key had led to this entry before. `nodes` are
    those of its commit (or `inclusion` the proof that they give), and `case` is the return after the entry, where it
    was this one that appended it.
    """

    index: int
    leaf_hash: bytes
    encoded: bytes
    entry: Entry
    checkpoint: bytes
    size: int
    replayed: bool = False
    nodes: CommitNodes | None = field(default=None, repr=False, compare=False)
    case: Case | None = field(default=None, repr=False, compare=False)
    inclusion: tuple[bytes, ...] | None = field(default=None, repr=False, compare=False)

    def inclusion_proof(self) -> Sequence[bytes] | None:
        """Return the proof that the checkpoint holds the entry, None where it must be read (`LedgerReader`)."""
        if self.inclusion is not None or self.nodes is None:
            return self.inclusion
        return self.nodes.inclusion_proof(self.index)


def require_attachments(
    values: Sequence[SealedValue], stored: Sequence[StoredFile], key: IdempotencyKey | None, entry: CaseEntry
) -> None:
    """Refuse what the schema would refuse, so that one bad draft does not cost its group the commit.

    Raises:
        StoreError: A value, file or key that has no place in the entry, or not its length.
    """
    places, files = len(entry.evidence) + len(entry.commitments), len(entry.evidence)
    taken: set[int] = set()
    for value in values:
        if not 0 <= value.position < places or value.position in taken:
            raise StoreError(f"no commitment of its own for the sealed value {value.name!r:.80}")
        if len(value.key_id) != KEY_ID_BYTES or not value.ciphertext:
            raise StoreError(f"a key id is {KEY_ID_BYTES} bytes, and a sealed value is not empty")
        taken.add(value.position)
    taken.clear()
    for file in stored:
        if not 0 <= file.position < files or file.position in taken:
            raise StoreError(f"no descriptor of its own for the file {file.name!r:.80}")
        if len(file.sha256) != FINGERPRINT_BYTES or file.size < 1:
            raise StoreError("a file is not empty, and its fingerprint has 32 bytes")
        if not file.name:
            raise StoreError(f"the file {file.position} was not taken in")
        taken.add(file.position)
    if key is not None and len(key.fingerprint) != FINGERPRINT_BYTES:
        raise StoreError("the fingerprint of a request has 32 bytes")
