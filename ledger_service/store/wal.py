"""Moves SQLite's write-ahead log into the database while others write: so that no commit has to.

SQLite does it by itself in the commit that makes the log too long, and whoever waits for that commit waits for a second
sync of some megabytes: one request in a hundred. Promises: a commit is durable as before, since the log is synced with
each; the log stays short while entries come. Does not: block a writer (it is the passive way), or run on PostgreSQL.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path

from ledger_service.store.connection import BUSY_MILLISECONDS

PAGES_DUE = 4_000  # 16 MB of log: moved in some tens of milliseconds beside the commits, and written over from then on
PAGES_OF_COMMIT = 8  # that a commit writes to the log, about: twelve with one entry, fifty with 32
PAGES_OF_ENTRY = 2  # and for each of its entries


class WalKeeper:
    """A thread beside the writer of one SQLite file; `close` it."""

    def __init__(self, path: Path, *, every: int = PAGES_DUE) -> None:
        """Start the thread; it moves the log after about so many pages."""
        self._path = path
        self._every = every
        self._pages = 0
        self._due = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ledger-wal", daemon=True)
        self._thread.start()

    def written(self, count: int) -> None:
        """Say how many entries a commit added to the log; for one thread."""
        self._pages += PAGES_OF_COMMIT + PAGES_OF_ENTRY * count
        if self._pages >= self._every:
            self._pages = 0
            self._due.set()

    def close(self) -> None:
        """Stop the thread. Safe to call twice."""
        self._stop.set()
        self._due.set()
        self._thread.join()

    def _run(self) -> None:
        while self._due.wait() and not self._stop.is_set():
            self._due.clear()
            with suppress(sqlite3.Error):  # busy, full or gone: the writer meets it too, and says so
                self._move()

    def _move(self) -> None:
        with closing(sqlite3.connect(self._path, timeout=BUSY_MILLISECONDS / 1000)) as connection:
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
