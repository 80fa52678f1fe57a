"""The key store: one AES key for each person and each case, in a SQLite file of its own beside the database.

A backup of the database without this file holds nothing readable; destroying a key erases what it sealed.
Promises: a key is durable before it is handed out; a destroyed one is overwritten in the file and never comes back
under its id; who a subject is stands nowhere in the file (HMAC-SHA-256 under a secret of the file). Keys are remembered
in memory, and all are forgotten as soon as any connection, of this or of another process, changed the file: whoever
looks after a destruction was acknowledged, in whatever process, does not find the key.
Does not: protect the file from who may read it (mode 0600; encrypt the disk), or reach copies that others made.
"""

from __future__ import annotations

import hmac
import os
import secrets
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from ledger_service.errors import StoreError, StoreReadOnlyError, StoreSettingsError
from ledger_service.store.connection import BUSY_MILLISECONDS
from ledger_service.store.drafts import KEY_ID_BYTES
from ledger_service.store.failures import translate, translated
from ledger_service.store.values import KEY_BYTES

MODE = 0o600
APPLICATION_ID = 0x524C4B31  # "RLK1", in the file's header: not to be taken for the ledger's database
SECRET_BYTES = 32
COUNTER_AT, COUNTER_BYTES = 24, 4  # of the file change counter (sqlite.org/fileformat2.html §1.3.8)
KEYS_REMEMBERED = 20_000  # some megabytes: the keys of the cases and parties that were used last

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS secret (id INTEGER PRIMARY KEY CHECK (id = 1), value BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS subject_keys (key_id BLOB PRIMARY KEY CHECK (length(key_id) = 16),"
    " subject BLOB NOT NULL UNIQUE CHECK (length(subject) = 32), key BLOB NOT NULL CHECK (length(key) = 32))"
    " WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS destroyed (key_id BLOB PRIMARY KEY CHECK (length(key_id) = 16)) WITHOUT ROWID",
)
# DELETE journal: no write-ahead log that would keep a destroyed key until it is overwritten some day.
_PRAGMAS = {"journal_mode": "delete", "synchronous": 2, "secure_delete": 1, "foreign_keys": 1}

SubjectKey = tuple[bytes, bytes]  # (key_id, key)


class KeyRing:
    """The keys as they were when the ring was taken: for one step's work, then to be dropped."""

    __slots__ = ("_known", "_store", "destroyed")

    def __init__(self, store: KeyStore, known: dict[str, SubjectKey], destroyed: int) -> None:
        """Take what the store remembers, checked just now; use `KeyStore.ring`."""
        self._store = store
        self._known = known
        self.destroyed = destroyed

    def key_for(self, subject: str) -> SubjectKey:
        """Return the key of a subject as `KeyStore.key_for`, without asking the file again for one that is known."""
        return self._known.get(subject) or self._store.key_for(subject)


class KeyStore:
    """The keys of one ledger. Safe to share between threads and between processes."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        """Take a prepared connection; use `open`."""
        self.path = path
        self._connection = connection
        self._lock = threading.RLock()
        self._secret = self._read_secret()
        self._known: dict[str, SubjectKey] = {}
        self._by_id: dict[bytes, bytes] = {}
        self._file: int | None = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._counter = b""  # of the file when it was looked at; every commit, whoever's, makes it another one
        self._version = -1  # of the file, as its other writers count it
        self._destroyed = 0

    @property
    def destroyed_seen(self) -> int:
        """How many keys were destroyed when this store looked last; asks nothing."""
        return self._destroyed

    @classmethod
    def open(cls, path: Path) -> KeyStore:
        """Open the file, or make it with mode 0600.

        Raises:
            StoreSettingsError: Others may read the file, or SQLite does not take a setting.
            StoreReadOnlyError: The file cannot be made.
            StoreError: It is no key store, or cannot be opened.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, MODE))
            mode = path.stat().st_mode & 0o777
        except OSError as error:
            raise StoreReadOnlyError(
                f"the key store {path.name} cannot be opened: {error.strerror}", hint="check its folder's rights"
            ) from None
        if mode & 0o077:
            raise StoreSettingsError(f"others may read the key store (mode {mode:o})", hint=f"chmod 600 {path}")
        with translated(path.parent):
            connection = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, timeout=BUSY_MILLISECONDS / 1000
            )
            try:
                _prepare(connection)
                return cls(connection, path)
            except BaseException:
                connection.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        with self._lock:
            self._connection.close()
            if self._file is not None:  # after the connection: closing a file gives up this process's locks on it
                os.close(self._file)
                self._file = None

    def ring(self) -> KeyRing:
        """Return the keys as they are now: one look at the file, whatever the number of keys that are known.

        Raises:
            StoreError: The file cannot be read.
        """
        self._look()
        return KeyRing(self, self._known, self._destroyed)

    def key_for(self, subject: str) -> SubjectKey:
        """Return (key id, 16 bytes; key, 32 bytes) of a subject; made when there is none, durable on return.

        Args:
            subject: Any name of a person or case; only its HMAC is kept.
        """
        return self.keys_for([subject])[0]

    def keys_for(self, subjects: Sequence[str]) -> list[SubjectKey]:
        """Return the key of each subject, in order; missing ones are made in one transaction."""
        with self._lock, translated(self.path.parent):
            self._look()
            found = {subject: self._known[subject] for subject in subjects if subject in self._known}
            if missing := [subject for subject in dict.fromkeys(subjects) if subject not in found]:
                made = self._find_or_make(missing)
                self._remember(made)
                found |= made
            return [found[subject] for subject in subjects]

    def get(self, key_id: bytes) -> bytes | None:
        """Return a key by its id; None if it was destroyed or never was."""
        with self._lock, translated(self.path.parent):
            self._look()
            if (known := self._by_id.get(key_id)) is not None:
                return known
            row = self._connection.execute("SELECT key FROM subject_keys WHERE key_id = ?", (key_id,)).fetchone()
            if row is None:
                return None
            if len(self._by_id) >= KEYS_REMEMBERED:
                self._by_id.clear()
            self._by_id[key_id] = bytes(row[0])
            return self._by_id[key_id]

    def find(self, subject: str) -> SubjectKey | None:
        """Return the key of a subject without making one."""
        mark = self._mark(subject)
        with self._lock, translated(self.path.parent):
            return self._find({mark}).get(mark)

    def destroy(self, key_id: bytes) -> bool:
        """Destroy a key for good; durable on return. Say whether it was there. Its subject may get a new one."""
        with self._lock, translated(self.path.parent):
            self._forget()  # before the commit: whoever looks after it finds nothing remembered
            with self._transaction():
                # secure_delete overwrites the row's bytes with zeros.
                gone = self._connection.execute("DELETE FROM subject_keys WHERE key_id = ?", (key_id,)).rowcount > 0
                if gone:
                    self._connection.execute("INSERT INTO destroyed (key_id) VALUES (?)", (key_id,))
            return gone

    def destroyed(self) -> list[bytes]:
        """Return the ids of all destroyed keys: to be destroyed again after an old copy was restored."""
        with self._lock, translated(self.path.parent):
            rows = self._connection.execute("SELECT key_id FROM destroyed ORDER BY key_id").fetchall()
        return [bytes(row[0]) for row in rows]

    def destroyed_count(self) -> int:
        """Return how many keys were destroyed: when it grows, what was opened before may be erased."""
        self._look()
        return self._destroyed

    def _look(self) -> None:
        """Forget every key if anybody else wrote the file since the last look: a key may be destroyed now."""
        # A commit writes a higher counter into the file before it is acknowledged: while it is the one that was read
        # under SQLite's lock, nothing was committed since. Asking SQLite takes ten times as long.
        if self._counter and self._read_counter() == self._counter:
            return
        with self._lock:
            try:
                self._connection.execute("BEGIN")
                try:
                    # This takes the lock that a commit excludes: the counter is of what is read, and of no half commit.
                    (self._destroyed,) = self._connection.execute("SELECT COUNT(*) FROM destroyed").fetchone()
                    # The version changes with each commit of another connection, and only then.
                    (version,) = self._connection.execute("PRAGMA data_version").fetchone()
                    counter = self._read_counter()
                finally:
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")
                if version != self._version:
                    self._known.clear()
                    self._by_id.clear()
                self._version, self._counter = version, counter
            except sqlite3.Error as error:
                raise translate(error, self.path.parent) from error

    def _read_counter(self) -> bytes:
        """Return the counter in the file; nothing once this store is closed, so that SQLite says so."""
        try:
            return b"" if self._file is None else os.pread(self._file, COUNTER_BYTES, COUNTER_AT)
        except OSError:
            return b""

    def _forget(self) -> None:
        self._known.clear()
        self._by_id.clear()
        self._version, self._counter = -1, b""

    def _remember(self, found: dict[str, SubjectKey]) -> None:
        if len(self._known) + len(found) > KEYS_REMEMBERED:
            self._known.clear()
        self._known.update(found)

    def _mark(self, subject: str) -> bytes:
        return hmac.digest(self._secret, subject.encode(), "sha256")

    def _find_or_make(self, subjects: Sequence[str]) -> dict[str, SubjectKey]:
        marks = {subject: self._mark(subject) for subject in subjects}
        found = self._find(marks.values())
        if missing := [mark for mark in marks.values() if mark not in found]:
            with self._transaction():
                found |= self._find(missing)  # another process may have been first
                for mark in missing:
                    if mark not in found:
                        found[mark] = (secrets.token_bytes(KEY_ID_BYTES), secrets.token_bytes(KEY_BYTES))
                        self._connection.execute(
                            "INSERT INTO subject_keys (key_id, subject, key) VALUES (?, ?, ?)",
                            (found[mark][0], mark, found[mark][1]),
                        )
        return {subject: found[mark] for subject, mark in marks.items()}

    def _find(self, marks: Iterable[bytes]) -> dict[bytes, SubjectKey]:
        found = {}
        for mark in marks:
            row = self._connection.execute("SELECT key_id, key FROM subject_keys WHERE subject = ?", (mark,)).fetchone()
            if row is not None:
                found[mark] = (bytes(row[0]), bytes(row[1]))
        return found

    def _read_secret(self) -> bytes:
        with self._transaction():
            self._connection.execute(
                "INSERT INTO secret (id, value) VALUES (1, ?) ON CONFLICT DO NOTHING",
                (secrets.token_bytes(SECRET_BYTES),),
            )
        (value,) = self._connection.execute("SELECT value FROM secret").fetchone()
        return bytes(value)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise


def _prepare(connection: sqlite3.Connection) -> None:
    for name, value in _PRAGMAS.items():
        connection.execute(f"PRAGMA {name}={value}")
        (found,) = connection.execute(f"PRAGMA {name}").fetchone()
        if found != value:
            raise StoreSettingsError(f"PRAGMA {name} of the key store is {found!r}, erasure rests on {value!r}")
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application not in (0, APPLICATION_ID) or (application == 0 and tables):
        raise StoreError("the file is another database, no key store", hint="check LEDGER settings for the key file")
    connection.execute("BEGIN IMMEDIATE")
    for statement in _SCHEMA:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.execute("COMMIT")
