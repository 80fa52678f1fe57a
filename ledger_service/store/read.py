"""Reading the log: typed rows, and proofs computed from one batched read of nodes.

Promises: every answer comes from committed rows; a proof costs one query, whatever the size of the log.
Does not: check what it reads against anything (`rledger audit` re-derives all of it), or decide who may see it.

>>> LedgerReader(store).inclusion_proof(3, 5)        # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ledger_service.core import encoding
from ledger_service.core.merkle import (
    Node,
    RootHash,
    compute_root,
    fold_consistency,
    fold_inclusion,
    nodes_for_consistency,
    nodes_for_inclusion,
    nodes_for_root,
    stored_id,
)
from ledger_service.core.returns import Case, parse_case
from ledger_service.errors import InvalidProofError, StoreError, UnknownEntryError, UnknownReturnError
from ledger_service.store.connection import Database
from ledger_service.store.drafts import IdempotencyKey, SealedValue, StoredFile
from ledger_service.store.lookups import read_keys
from ledger_service.store.statements import select_nodes

CHUNK = 1_000  # entries read at once by an audit: about a megabyte

CASES_REMEMBERED = 8_000  # some megabytes; parsing a case costs more than reading it

_ENTRY = "idx, leaf_hash, kind, return_id, first_idx, seq, recorded_at, entry"
_CHECKPOINT = "size, root, note, recorded_at"


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as stored: `encoded` are the exact bytes, `leaf_hash` what the table says their hash is.

    `first_index` is the index of the first entry of its case, None beside the chains of the cases.
    """

    index: int
    leaf_hash: bytes
    kind: str
    return_id: str | None
    first_index: int | None
    seq: int | None
    recorded_at: str
    encoded: bytes


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A signed tree head: `note` is the signed note, `recorded_at` the time of its newest entry."""

    size: int
    root: bytes
    note: bytes
    recorded_at: str


@dataclass(frozen=True, slots=True)
class StoredCase:
    """A case of the projection, and the index of its newest entry."""

    case: Case
    last_index: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """Entries beyond a size that are no seals: how many, when the first was recorded, whether one of them is urgent."""

    count: int
    oldest_at: str | None
    urgent: bool


class LedgerReader:
    """Reads one ledger. Safe to share between threads."""

    def __init__(self, store: Database) -> None:
        """Take an open store."""
        self._store = store
        self._cases: dict[str, StoredCase] = {}  # believed only while head and index are those of the row

    def size(self) -> int:
        """Return how many entries are committed."""
        head = self.head()
        return 0 if head is None else head.size

    def head(self) -> StoredCheckpoint | None:
        """Return the newest checkpoint, None while there is no genesis entry."""
        return self._checkpoint("ORDER BY size DESC LIMIT 1")

    def checkpoint_at(self, size: int) -> StoredCheckpoint | None:
        """Return the checkpoint of exactly this size, if a commit ended there."""
        return self._checkpoint("WHERE size = ?", size)

    def first_checkpoint_covering(self, index: int) -> StoredCheckpoint | None:
        """Return the smallest checkpoint that holds the entry at `index`: the one its writer answered with."""
        return self._checkpoint("WHERE size > ? ORDER BY size LIMIT 1", index)

    def checkpoints(self, *, after: int = 0) -> Iterator[StoredCheckpoint]:
        """Yield the checkpoints larger than `after`, by size, reading `CHUNK` at once."""
        statement = f"SELECT {_CHECKPOINT} FROM checkpoints WHERE size > ? ORDER BY size LIMIT {CHUNK}"  # noqa: S608
        while rows := self._all(statement, after):
            for row in rows:
                yield _checkpoint(row)
            after = rows[-1][0]

    def entry(self, index: int) -> StoredEntry:
        """Return one entry.

        Raises:
            UnknownEntryError: There is none at this index.
        """
        rows = self._all(f"SELECT {_ENTRY} FROM entries WHERE idx = ?", index)  # noqa: S608 - our own text
        if not rows:
            raise UnknownEntryError(f"there is no entry {index}", hint="indexes start at 0 and end below the size")
        return _entry(rows[0])

    def entries(self, start: int = 0, limit: int | None = None) -> Iterator[StoredEntry]:
        """Yield the entries from `start` on, at most `limit`, reading `CHUNK` at once."""
        statement = f"SELECT {_ENTRY} FROM entries WHERE idx >= ? ORDER BY idx LIMIT ?"  # noqa: S608 - our own text
        left = limit
        while left is None or left > 0:
            wanted = CHUNK if left is None else min(CHUNK, left)
            rows = self._all(statement, start, wanted)
            for row in rows:
                yield _entry(row)
            if len(rows) < wanted:
                return
            start = int(rows[-1][0]) + 1
            left = None if left is None else left - len(rows)

    def chain_of(self, return_id: str, *, after: int = -1) -> list[StoredEntry]:
        """Return the entries on the chain of a case with an index above `after`, by index."""
        first = "SELECT idx FROM entries WHERE return_id = ? AND seq = 0"
        statement = f"SELECT {_ENTRY} FROM entries WHERE first_idx = ({first}) AND idx > ? ORDER BY idx"  # noqa: S608
        return [_entry(row) for row in self._all(statement, return_id, after)]

    def entries_of(self, return_id: str, *, after: int = -1) -> list[StoredEntry]:
        """Return every entry of a case with an index above `after`, those beside its chain included, by index."""
        first = "SELECT idx FROM entries WHERE return_id = ? AND seq = 0"
        statement = (
            f"SELECT {_ENTRY} FROM entries WHERE first_idx = ({first}) AND idx > ? UNION ALL"  # noqa: S608 - our own text
            f" SELECT {_ENTRY} FROM entries WHERE return_id = ? AND seq IS NULL AND idx > ? ORDER BY idx"
        )
        return [_entry(row) for row in self._all(statement, return_id, after, return_id, after)]

    def values_of(self, return_id: str, *, after: int = -1) -> dict[int, list[SealedValue]]:
        """Return the encrypted values of a case's entries with an index above `after`, by index, then by position."""
        columns = "v.idx, v.position, v.name, v.key_id, v.ciphertext"
        join = f"SELECT {columns} FROM entries e JOIN sealed_values v ON v.idx = e.idx WHERE e.idx > ?"  # noqa: S608
        first = "SELECT idx FROM entries WHERE return_id = ? AND seq = 0"
        statement = f"{join} AND e.first_idx = ({first}) UNION ALL {join} AND e.return_id = ? AND e.seq IS NULL"
        found: dict[int, list[SealedValue]] = {}
        for index, position, name, key_id, ciphertext in sorted(
            self._all(statement, after, return_id, after, return_id)
        ):
            value = SealedValue(position, name, stored_bytes(key_id), stored_bytes(ciphertext))
            found.setdefault(index, []).append(value)
        return found

    def was_used(self, key: IdempotencyKey) -> bool:
        """Say whether an idempotency key led to an entry before."""
        with self._store.reading() as connection:
            return bool(read_keys(connection, self._store, [key]))

    def log_entries(self) -> list[StoredEntry]:
        """Return the steps of the log itself (genesis, keys, targets, seals), by index."""
        statement = f"SELECT {_ENTRY} FROM entries WHERE return_id IS NULL ORDER BY idx"  # noqa: S608 - our own text
        return [_entry(row) for row in self._all(statement)]

    def target_entries(self, start: int, end: int) -> list[StoredEntry]:
        """Return the entries that added a target, from one index to before another."""
        statement = (
            f"SELECT {_ENTRY} FROM entries WHERE return_id IS NULL AND kind = 'target'"  # noqa: S608 - our own text
            " AND idx >= ? AND idx < ? ORDER BY idx"
        )
        return [_entry(row) for row in self._all(statement, start, end)]

    def latest_seal(self, *, before: int | None = None) -> StoredEntry | None:
        """Return the newest seal, or the newest with an index below `before`."""
        statement = f"SELECT {_ENTRY} FROM entries WHERE return_id IS NULL AND kind = 'seal'"  # noqa: S608
        order = " ORDER BY idx DESC LIMIT 1"
        rows = self._all(statement + order) if before is None else self._all(f"{statement} AND idx < ?{order}", before)
        return _entry(rows[0]) if rows else None

    def waiting(self, covered: int, *, urgent: Sequence[str]) -> Waiting:
        """Return what stands beyond a size, but for seals; `urgent` names kinds that must not wait."""
        holes = ", ".join("?" * len(urgent))
        statement = (
            f"SELECT COUNT(*), MIN(recorded_at), COALESCE(SUM(CASE WHEN kind IN ({holes}) THEN 1 ELSE 0 END), 0)"  # noqa: S608
            " FROM entries WHERE idx >= ? AND kind <> 'seal'"
        )
        count, oldest, pressing = self._all(statement, *urgent, covered)[0]
        return Waiting(int(count), None if oldest is None else str(oldest), int(pressing) > 0)

    def seals(self) -> list[StoredEntry]:
        """Return every seal, by index."""
        return [entry for entry in self.log_entries() if entry.kind == "seal"]

    def find_by_leaf_hash(self, leaf: bytes, *, return_id: str) -> StoredEntry | None:
        """Return the first entry of a case with this leaf hash (32 bytes), if there is one.

        An index over all leaf hashes would cost every append a page of its own, for a rare question.
        """
        return next((entry for entry in self.entries_of(return_id) if entry.leaf_hash == leaf), None)

    def nodes(self, wanted: Sequence[Node]) -> list[bytes]:
        """Return the hashes of complete subtrees (level, position), in the order asked, by one query.

        Raises:
            StoreError: One is not stored: beyond the size, or lost.
        """
        if not wanted:
            return []
        ids = [stored_id(level, position) for level, position in wanted]
        found = {row[0]: row[1] for row in self._all(select_nodes(len(ids)), *ids)}
        try:
            return [stored_bytes(found[number]) for number in ids]
        except KeyError:
            raise StoreError("a tree node is not stored", hint="`rledger audit` names the first gap") from None

    def entry_count(self) -> int:
        """Return how many rows of entries there are, whatever the checkpoints say: where an audit starts."""
        return int(self._all("SELECT COUNT(*) FROM entries")[0][0])

    def stored_nodes(self) -> Iterator[bytes]:
        """Yield every stored node by id (`merkle.stored_id`), as an audit compares them, reading `CHUNK` at once."""
        statement = f"SELECT id, hash FROM nodes WHERE id > ? ORDER BY id LIMIT {CHUNK}"  # noqa: S608 - our own text
        after = -1
        while rows := self._all(statement, after):
            for row in rows:
                yield stored_bytes(row[1])
            after = int(rows[-1][0])

    def tile(self, level: int, first: int, count: int) -> list[bytes]:
        """Return `count` hashes of one level from position `first`: a row of complete subtrees, for hash tiles."""
        return self.nodes([(level, first + offset) for offset in range(count)])

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """Return the inclusion proof of an entry in the tree of `size` (RFC 9162 §2.1.3.1).

        Raises:
            InvalidProofError: Not 0 ≤ index < size.
            StoreError: The log has not that many entries.
        """
        return fold_inclusion(index, size, self.nodes(nodes_for_inclusion(index, size)))

    def consistency_proof(self, size1: int, size2: int) -> list[bytes]:
        """Return the consistency proof between two sizes (RFC 9162 §2.1.4.1).

        Raises:
            InvalidProofError: Not 1 ≤ size1 ≤ size2.
            StoreError: The log has not that many entries.
        """
        return fold_consistency(size1, size2, self.nodes(nodes_for_consistency(size1, size2)))

    def root(self, size: int) -> RootHash:
        """Return the root hash at a size up to the present one.

        Raises:
            InvalidProofError: A negative size.
            StoreError: The log has not that many entries.
        """
        if size < 0:
            raise InvalidProofError(f"a tree size is not negative, got {size}")
        return compute_root(size, self.nodes(nodes_for_root(size)))

    def case(self, return_id: str) -> StoredCase:
        """Return a case as the projection has it.

        Raises:
            UnknownReturnError: There is none.
        """
        rows = self._all("SELECT head, last_index, snapshot FROM cases WHERE return_id = ?", return_id)
        if not rows:
            raise UnknownReturnError(f"there is no return {return_id:.60}", hint="look the return_id up")
        return self._case(return_id, *rows[0])

    def case_for(self, return_id: str, mark: bytes) -> tuple[StoredCase, bool]:
        """Return a case as `case` does, and whether the party with this mark (32 bytes) is on its access list.

        Raises:
            UnknownReturnError: There is none.
        """
        rows = self._all(
            "SELECT head, last_index, snapshot, EXISTS (SELECT 1 FROM members m WHERE m.return_id = c.return_id"
            " AND m.mark = ?) FROM cases c WHERE c.return_id = ?",
            mark,
            return_id,
        )
        if not rows:
            raise UnknownReturnError(f"there is no return {return_id:.60}", hint="look the return_id up")
        *row, member = rows[0]
        return self._case(return_id, *row), bool(member)

    def _case(self, return_id: str, head: object, last_index: int, snapshot: str) -> StoredCase:
        known = self._cases.get(return_id)
        if known is not None and (known.case.head, known.last_index) == (stored_bytes(head), last_index):
            return known
        stored = StoredCase(parse_case(encoding.parse(str(snapshot).encode())), int(last_index))
        if stored.case.head == stored_bytes(head):  # a row that contradicts itself is not remembered
            self.learn(stored)
        return stored

    def learn(self, stored: StoredCase) -> None:
        """Remember a case as it was read, or as it is after an entry that was appended just now."""
        if len(self._cases) >= CASES_REMEMBERED:
            self._cases.clear()
        self._cases[stored.case.return_id] = stored

    def find_case(self, return_id: str) -> Case | None:
        """Return a case as the projection has it, None if there is none."""
        try:
            return self.case(return_id).case
        except UnknownReturnError:
            return None

    def cases(self) -> Iterator[StoredCase]:
        """Yield every case of the projection, by return_id."""
        after = ""
        statement = (
            f"SELECT snapshot, last_index, return_id FROM cases WHERE return_id > ? ORDER BY return_id LIMIT {CHUNK}"  # noqa: S608
        )
        while rows := self._all(statement, after):
            for row in rows:
                yield StoredCase(parse_case(encoding.parse(str(row[0]).encode())), int(row[1]))
            after = str(rows[-1][2])

    def return_ids(self) -> list[str]:
        """Return the name of every case that has an entry on its chain, whatever the projection says."""
        return [str(row[0]) for row in self._all("SELECT return_id FROM entries WHERE seq = 0 ORDER BY idx")]

    def sealed_values(self, index: int) -> list[SealedValue]:
        """Return the encrypted values of an entry, by position; an erased one is not there."""
        statement = "SELECT position, name, key_id, ciphertext FROM sealed_values WHERE idx = ? ORDER BY position"
        return [
            SealedValue(row[0], row[1], stored_bytes(row[2]), stored_bytes(row[3]))
            for row in self._all(statement, index)
        ]

    def files(self, index: int) -> list[StoredFile]:
        """Return where the files of an entry lie, by position."""
        statement = (
            "SELECT position, kind, name, sha256, size, media_type FROM evidence_files WHERE idx = ? ORDER BY position"
        )
        return [
            StoredFile(row[0], row[1], row[2], stored_bytes(row[3]), row[4], row[5])
            for row in self._all(statement, index)
        ]

    def file_names(self) -> set[str]:
        """Return the name of every evidence file that an entry knows."""
        return {str(row[0]) for row in self._all("SELECT name FROM evidence_files")}

    def _checkpoint(self, where: str, *values: object) -> StoredCheckpoint | None:
        rows = self._all(f"SELECT {_CHECKPOINT} FROM checkpoints {where}", *values)  # noqa: S608 - our own text
        return _checkpoint(rows[0]) if rows else None

    def _all(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return self._store.rows(statement, *values)


def _entry(row: Sequence[Any]) -> StoredEntry:
    index, leaf, kind, return_id, first, seq, recorded_at, encoded = row
    return StoredEntry(index, stored_bytes(leaf), kind, return_id, first, seq, recorded_at, stored_bytes(encoded))


def _checkpoint(row: Sequence[Any]) -> StoredCheckpoint:
    size, root, note, recorded_at = row
    return StoredCheckpoint(size, stored_bytes(root), stored_bytes(note), recorded_at)


def stored_bytes(value: object) -> bytes:
    """Return a column's bytes. SQLite keeps text or a number where somebody put it: its text, so that hashes tell.

    >>> stored_bytes(memoryview(b"ab")), stored_bytes("ab"), stored_bytes(7)
    (b'ab', b'ab', b'7')
    """
    if isinstance(value, bytes | memoryview):
        return bytes(value)
    return str(value).encode()
