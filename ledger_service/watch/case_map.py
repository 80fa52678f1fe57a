"""The case index as a monitor re-derives it: every case with its count and last leaf, and the trie over them, durably.

One SQLite file in the monitor's folder. It moves on with the entries, in transactions: after a power cut it stands at
some entry before, with everything as it was there, and goes on from it. Promises: a step that does not follow the one
before it in its case, and a seal whose case index is not that of the entries before it, are told; memory does not grow
with the log. Does not: open commitments, or judge whether a step was allowed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger_service.core.case_index import EMPTY_ROOT, Indexed, case_key, update, value_of
from ledger_service.core.entry import ASIDE_KINDS, CaseEntry, Entry
from ledger_service.core.log_entry import SealEntry
from ledger_service.core.returns import evolve
from ledger_service.watch.durable import BrokenStateError

FILE = "cases.sqlite3"
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS course (one INTEGER PRIMARY KEY CHECK (one = 1), genesis BLOB NOT NULL,"
    " following INTEGER NOT NULL, recorded_at TEXT NOT NULL, root BLOB NOT NULL, seals INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS cases (return_id TEXT PRIMARY KEY, key BLOB NOT NULL, count INTEGER NOT NULL,"
    " last BLOB NOT NULL, moved INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS cases_moved ON cases (moved) WHERE moved = 1",
    "CREATE TABLE IF NOT EXISTS nodes (hash BLOB PRIMARY KEY, node BLOB NOT NULL) WITHOUT ROWID",
)
_HINT = "this says nothing about the log: remove the file, and the next round reads all entries again"


class CaseMap:
    """The cases of one log up to the entry `following`."""

    def __init__(self, folder: Path, *, origin: str, genesis: bytes) -> None:
        """Open the file of a folder; begin at the first entry where there is none.

        Args:
            folder: The monitor's; this process holds it.
            origin: The log's name.
            genesis: Leaf hash of the log's first entry.

        Raises:
            BrokenStateError: The file cannot be read, or is of another log.
        """
        self.origin = origin
        self._path = folder / FILE
        with self._told():
            self._sql = sqlite3.connect(self._path, isolation_level=None)
            self._sql.execute("PRAGMA synchronous = FULL")
            for statement in _SCHEMA:
                self._sql.execute(statement)
            first = (genesis, 0, "", EMPTY_ROOT, 0)
            self._sql.execute("INSERT OR IGNORE INTO course VALUES (1, ?, ?, ?, ?, ?)", first)
            row = self._sql.execute("SELECT genesis, following, recorded_at, root, seals FROM course").fetchone()
        if bytes(row[0]) != genesis:
            self._sql.close()
            raise BrokenStateError(f"{self._path} is of another log", hint="name a folder for each log")
        self.following, self.recorded_at, self._root, self.seals = int(row[1]), str(row[2]), bytes(row[3]), int(row[4])

    def close(self) -> None:
        """Let go of the file."""
        self._sql.close()

    @contextmanager
    def moving(self) -> Iterator[None]:
        """Take what is taken within as one: all of it is durable at the end, also where one of it was wrong.

        Raises:
            BrokenStateError: The file cannot be written.
        """
        with self._told():
            self._sql.execute("BEGIN IMMEDIATE")
            try:
                yield
            finally:
                course = (self.following, self.recorded_at, self._root, self.seals)
                self._sql.execute("UPDATE course SET following = ?, recorded_at = ?, root = ?, seals = ?", course)
                self._sql.execute("COMMIT")

    def take(self, entry: Entry, encoded: bytes, leaf: bytes) -> str | None:
        """Take the next entry; return what is wrong with it, None if nothing. One that is wrong is not taken.

        Raises:
            EntryFormatError: The first entry of a case opens none.
        """
        wrong = None
        if isinstance(entry, SealEntry):
            wrong = self._compare(entry)
        elif isinstance(entry, CaseEntry) and entry.kind not in ASIDE_KINDS:
            wrong = self._move(entry, encoded, leaf)
        if wrong is None:
            self.following += 1
            self.recorded_at = entry.recorded_at
        return wrong

    def _move(self, entry: CaseEntry, encoded: bytes, leaf: bytes) -> str | None:
        row = self._sql.execute("SELECT count, last FROM cases WHERE return_id = ?", (entry.return_id,)).fetchone()
        if row is None:
            key = case_key(evolve(None, entry, encoded=encoded))
            self._sql.execute("INSERT INTO cases VALUES (?, ?, 1, ?, 1)", (entry.return_id, key, leaf))
            return None
        count, last = int(row[0]), bytes(row[1])
        if (entry.seq, entry.prev) != (count, last):
            return f"it does not follow the {count} entries of its case before it"
        self._sql.execute(
            "UPDATE cases SET count = count + 1, last = ?, moved = 1 WHERE return_id = ?", (leaf, entry.return_id)
        )
        return None

    def _compare(self, seal: SealEntry) -> str | None:
        if seal.case_index is None:  # a ledger of before the index has seals without
            return None
        moved = self._sql.execute("SELECT key, count, last FROM cases WHERE moved = 1")
        changes = {bytes(key): value_of(Indexed(int(count), bytes(last))) for key, count, last in moved}
        replaced: set[bytes] = set()

        def read(wanted: bytes) -> bytes:
            replaced.add(wanted)
            row = self._sql.execute("SELECT node FROM nodes WHERE hash = ?", (wanted,)).fetchone()
            if row is None:
                raise BrokenStateError(f"{self._path} lacks a node of its trie", hint=_HINT)
            return bytes(row[0])

        root, new = update(self._root, changes, read)
        if root != seal.case_index:
            return "its case index is not that of the entries before it: it leaves something out, or adds something"
        self._sql.executemany("INSERT OR IGNORE INTO nodes VALUES (?, ?)", new.items())
        self._sql.executemany("DELETE FROM nodes WHERE hash = ?", [(one,) for one in replaced - new.keys()])
        self._sql.execute("UPDATE cases SET moved = 0 WHERE moved = 1")
        self._root = root
        self.seals += 1
        return None

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise BrokenStateError(f"{self._path} cannot be used: {error}", hint=_HINT) from None
