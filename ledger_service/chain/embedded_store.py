"""The embedded chain's folder: one SQLite file of chain data, one lock file, one writer, many readers.

Promises: everything that belongs to one block becomes visible and durable together, in one SQLite transaction with
`synchronous=FULL`, or not at all; no block that was committed is ever changed or deleted. A second writer is refused
by an operating-system lock that ends with its process. Readers in other processes see whole blocks only and write
nothing. A file that is missing, empty or damaged is reported as missing chain data, never replaced by a new chain.

Does not: know what the bytes mean, beyond an index of blocks and transactions.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ledger_service.errors import ChainBusyError, ChainDataMissingError, ChainError

CHAIN_FILE = "chain.sqlite3"
LOCK_FILE = "chain.lock"
APPLICATION_ID = 0x726C6564  # "rled": marks the SQLite file as ours
SCHEMA_VERSION = 1
BUSY_TIMEOUT_SECONDS = 10  # a reader waits this long for a block to be committed, and the other way round
LOCK_MARK = b"a chain was begun in this folder\n"  # so that a deleted chain is not silently begun again

_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE node (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE block (number INTEGER PRIMARY KEY, block_hash BLOB NOT NULL UNIQUE);
CREATE TABLE tx (tx_hash BLOB PRIMARY KEY, block_number INTEGER NOT NULL, sender BLOB NOT NULL) WITHOUT ROWID;
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
COMMIT;
"""
_HINT_GONE = (
    "the blocks cannot be made again: restore the folder from a copy, or delete the whole folder and begin a new "
    "chain; receipts that were anchored in the old one then stay inconclusive"
)


@dataclass(frozen=True, slots=True)
class TxPlace:
    """Where a transaction is: the number of its block (alone in it), and the 20-byte address that sent it."""

    block_number: int
    sender: bytes


class ChainStore:
    """Chain data behind `get` and `put`; made by `open_store`. One thread at a time."""

    def __init__(self, connection: sqlite3.Connection, folder: Path, *, lock: int | None) -> None:
        self._connection = connection
        self._lock = lock
        self._pending: dict[bytes, bytes] = {}
        self.folder = folder

    @property
    def read_only(self) -> bool:
        """Whether this process may only read."""
        return self._lock is None

    @property
    def begun(self) -> bool:
        """Whether the lock file says that this folder has held a chain; only a writer knows."""
        return self._lock is not None and os.fstat(self._lock).st_size > 0

    def mark_begun(self) -> None:
        """Say durably in the lock file that this folder has held a chain; does nothing for a reader."""
        if self._lock is not None and not self.begun:
            for folder in (self.folder, self.folder.parent):  # the new names must survive a power cut too
                descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
            os.pwrite(self._lock, LOCK_MARK, 0)
            os.fsync(self._lock)

    def get(self, key: bytes) -> bytes:
        """Return the value of a key, written or about to be; KeyError if there is none."""
        if key in self._pending:
            return self._pending[key]
        row = self._row("SELECT value FROM node WHERE key = ?", (key,))
        if row is None:
            raise KeyError(key)
        return bytes(row[0])

    def put(self, key: bytes, value: bytes) -> None:
        """Keep a value for the next `commit_block`."""
        self._pending[key] = value

    def discard(self) -> None:
        """Forget what was put since the last block."""
        self._pending.clear()

    def commit_block(self, number: int, block_hash: bytes, *, tx: tuple[bytes, TxPlace] | None) -> None:
        """Write the pending values and the block's index rows as one durable transaction.

        A process that dies before COMMIT returns leaves the chain at the block before; SQLite rolls the file back
        when it is opened next. After it returned, the block survives a power cut.
        """
        try:
            with _transaction(self._connection):
                self._connection.executemany(
                    "INSERT INTO node VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                    self._pending.items(),
                )
                self._connection.execute("INSERT INTO block VALUES (?, ?)", (number, block_hash))
                if tx is not None:
                    tx_hash, place = tx
                    self._connection.execute(
                        "INSERT INTO tx VALUES (?, ?, ?)", (tx_hash, place.block_number, place.sender)
                    )
        except sqlite3.Error as exc:
            raise ChainError(
                f"block {number} of the embedded chain was not written: {exc}",
                hint=f"make room and check permissions in {self.folder}, then try again",
            ) from exc
        finally:
            self._pending.clear()

    def head(self) -> tuple[int, bytes] | None:
        """Return number and hash of the newest block, or None in a file without blocks."""
        row = self._row("SELECT number, block_hash FROM block ORDER BY number DESC LIMIT 1", ())
        return None if row is None else (int(row[0]), bytes(row[1]))

    def count_blocks(self) -> int:
        """Return how many blocks the index holds."""
        row = self._row("SELECT count(*) FROM block", ())
        return 0 if row is None else int(row[0])

    def block_hash(self, number: int) -> bytes | None:
        """Return the hash of the block at a height, or None above the head."""
        row = self._row("SELECT block_hash FROM block WHERE number = ?", (number,))
        return None if row is None else bytes(row[0])

    def tx_place(self, tx_hash: bytes) -> TxPlace | None:
        """Return where a transaction is, or None if it was never mined."""
        row = self._row("SELECT block_number, sender FROM tx WHERE tx_hash = ?", (tx_hash,))
        return None if row is None else TxPlace(int(row[0]), bytes(row[1]))

    def close(self) -> None:
        """Close the file and let go of the writer's lock. Closing twice does nothing."""
        self._connection.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _row(self, sql: str, values: tuple[object, ...]) -> tuple[Any, ...] | None:
        try:
            row: tuple[Any, ...] | None = self._connection.execute(sql, values).fetchone()
        except sqlite3.Error as exc:
            raise _unreadable(self.folder, exc) from exc
        return row


def open_store(folder: Path, *, read_only: bool) -> ChainStore:
    """Open the chain data in `folder`, or begin an empty file there when writing for the first time.

    Raises:
        ChainDataMissingError: Reading, and there is no chain; or the file was deleted, emptied or damaged.
        ChainBusyError: Writing, and another process holds the writer's lock.
        ChainError: The folder cannot be written.
    """
    path = folder / CHAIN_FILE
    if read_only:
        if not path.is_file():
            raise ChainDataMissingError(
                f"the embedded chain's blocks are missing: {path} does not exist", hint=_HINT_GONE
            )
        return ChainStore(_connect_reader(folder), folder, lock=None)
    lock = _take_lock(folder)
    try:
        return ChainStore(_connect_writer(folder, lock), folder, lock=lock)
    except BaseException:
        os.close(lock)
        raise


def _connect_reader(folder: Path) -> sqlite3.Connection:
    # A writer that died inside a commit left its journal. Rolling back needs write access, hence the second mode;
    # SQLite does it under its own locks while opening, and `query_only` keeps us from writing anything else.
    try:
        return _connect_checked(folder, "ro")
    except sqlite3.Error as exc:
        if getattr(exc, "sqlite_errorcode", None) != sqlite3.SQLITE_READONLY_ROLLBACK:
            raise _unreadable(folder, exc) from exc
    try:
        return _connect_checked(folder, "rw")
    except sqlite3.Error as exc:
        raise _unreadable(folder, exc) from exc


def _connect_checked(folder: Path, mode: str) -> sqlite3.Connection:
    connection = _connect(folder, mode)
    try:
        connection.execute("PRAGMA query_only = ON")
        _check_schema(connection, folder)
    except BaseException:
        connection.close()
        raise
    return connection


def _connect_writer(folder: Path, lock: int) -> sqlite3.Connection:
    path = folder / CHAIN_FILE
    fresh = not path.is_file() or path.stat().st_size == 0
    if fresh and os.fstat(lock).st_size > 0:
        raise ChainDataMissingError(
            f"the embedded chain's blocks are missing: {path} was deleted or emptied", hint=_HINT_GONE
        )
    try:
        connection = _connect(folder, "rwc")
    except sqlite3.Error as exc:
        raise _unreadable(folder, exc) from exc
    try:
        # TRUNCATE: the journal's end is synced too, so that a commit survives a power cut, and the folder keeps one
        # file of data that readers can open from a read-only mount. WAL would need its shared-memory file there.
        connection.execute("PRAGMA journal_mode = TRUNCATE")
        connection.execute("PRAGMA synchronous = FULL")
        if fresh:
            connection.executescript(_SCHEMA)
        _check_schema(connection, folder)
    except sqlite3.Error as exc:
        connection.close()
        raise _unreadable(folder, exc) from exc
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(folder: Path, mode: str) -> sqlite3.Connection:
    uri = f"file:{quote(str((folder / CHAIN_FILE).absolute()))}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False)


def _check_schema(connection: sqlite3.Connection, folder: Path) -> None:
    found = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if found != APPLICATION_ID:
        raise ChainDataMissingError(
            f"the embedded chain's blocks are missing: {folder / CHAIN_FILE} is empty or another program's file",
            hint=_HINT_GONE,
        )
    if version != SCHEMA_VERSION:
        raise ChainError(
            f"the embedded chain in {folder} has format {version}, this version reads {SCHEMA_VERSION}",
            hint="use the version of return-ledger that wrote it",
        )


def _take_lock(folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as exc:
        raise ChainError(
            f"the embedded chain's folder {folder} cannot be written: {exc.strerror}",
            hint="choose a folder that you may write, or open the chain for reading only",
        ) from exc
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        os.close(lock)
        raise ChainBusyError(
            f"another process writes the embedded chain in {folder}",
            hint="stop it first (a server or worker on the same folder?); reading does not need the lock",
        ) from exc
    return lock


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _unreadable(folder: Path, exc: Exception) -> ChainError:
    code = getattr(exc, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return ChainBusyError(f"the embedded chain in {folder} stayed locked: {exc}", hint="try again")
    return ChainDataMissingError(
        f"the embedded chain's blocks cannot be read: {folder / CHAIN_FILE}: {exc}", hint=_HINT_GONE
    )
