"""A database: connections with the settings that durability rests on, and the two ways to use one.

Promises: every connection carries our settings. `reading()` gives a snapshot; `writing()` takes the ledger's one
write lock first and commits at the end. Whatever goes wrong is a `StoreError`.
Does not: check what it opens (`engine.open_store` does), or know what is in the tables.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from ledger_service.errors import SettingsError, StoreBusyError
from ledger_service.store.failures import translated
from ledger_service.store.readers import Readers

BUSY_MILLISECONDS = 5_000  # how long a connection waits for another writer before it gives up
WAL_PAGES_MAX = 32_000  # 128 MB of log before a commit moves it into the database: `wal.py` does it long before
WAL_ATTEMPTS = 50  # the switch to WAL does not wait for locks by itself
ADVISORY_LOCK = 0x72657475726E6C67  # PostgreSQL: the ledger's write lock, one for each database ("returnlg")
INDEX_LOCK = ADVISORY_LOCK + 1  # and that of the case index; whoever needs both takes the write lock first
POOL_SIZE = 16
WRITE = "ledger_write"  # execution option of a connection: its transaction takes the write lock at once

# PRAGMA name -> (statement's value, value read back). WAL needs FULL: with NORMAL a power cut loses commits.
SQLITE_SETTINGS: dict[str, tuple[str, Any]] = {
    "synchronous": ("FULL", 2),
    "foreign_keys": ("ON", 1),
    "recursive_triggers": ("ON", 1),
    "busy_timeout": (str(BUSY_MILLISECONDS), BUSY_MILLISECONDS),
    "secure_delete": ("ON", 1),  # what erasure deletes is overwritten in the file, not left on a free page
    "temp_store": ("MEMORY", 2),  # sorted rows and pages of half a statement are in no temporary file
}


class Database:
    """An open database. Safe to share between threads; `close` it, or use it as a context manager."""

    def __init__(self, engine: Engine, *, path: Path | None) -> None:
        """Take an engine of `make_engine`; `path` is SQLite's file, None for PostgreSQL."""
        self.engine = engine
        self.path = path
        self.dialect = engine.dialect.name
        self.folder = None if path is None else path.parent
        self.shown_url = engine.url.render_as_string(hide_password=True)
        self._reading = engine
        self._readers = Readers(engine)
        self._writing = engine.execution_options(**{WRITE: True})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._readers.close()
        self.engine.dispose()

    def sql(self, statement: str) -> str:
        """Return a statement written with `?` in the driver's own style."""
        return statement if self.dialect == "sqlite" else statement.replace("?", "%s")

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection whose statements all see one state of the database.

        Raises:
            StoreError: The narrowest one for what the driver said.
        """
        with translated(self.folder), self._reading.connect() as connection:
            yield connection

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Return all rows of one query, written with `?`.

        Raises:
            StoreError: The narrowest one for what the driver said.
        """
        with translated(self.folder):
            return self._readers.rows(self.sql(statement), values)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection that holds the ledger's write lock; commit at the end, or roll back.

        Raises:
            StoreBusyError: Another writer held the lock too long.
            StoreError: The narrowest one for what the driver said.
        """
        with translated(self.folder), self.connect_to_write() as connection, connection.begin():
            take_lock(connection)
            yield connection

    @contextmanager
    def changing(self) -> Iterator[Connection]:
        """Give a connection to change tables that are not the log; commit at the end, or roll back.

        The ledger's write lock is not taken, except on SQLite, which knows one writer only.

        Raises:
            StoreBusyError: Another writer held the lock too long.
            StoreError: The narrowest one for what the driver said.
        """
        with translated(self.folder), self.connect_to_write() as connection, connection.begin():
            yield connection

    def change(self, statement: str, *values: object) -> int:
        """Run one statement, written with `?`, as a transaction of its own; return how many rows it changed.

        Raises:
            StoreError: As `changing`.
        """
        with self.changing() as connection:
            return connection.exec_driver_sql(self.sql(statement), values).rowcount

    def connect_to_write(self) -> Connection:
        """Return a connection whose `begin` takes SQLite's write lock; for `ledger.py`, which commits by itself."""
        return self._writing.connect()


def parse_url(database_url: str) -> URL:
    """Return the parsed URL of a database that this code supports.

    Raises:
        SettingsError: Another database, another driver, or not a URL.
    """
    try:
        url = make_url(database_url)
    except ArgumentError:
        raise SettingsError("the database URL cannot be read", hint="sqlite:///path/to/ledger.db") from None
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "postgresql+psycopg"):
        raise SettingsError(
            f"the ledger does not run on {url.drivername!r}", hint="sqlite:///… or postgresql+psycopg://…"
        )
    if url.drivername == "sqlite" and (not url.database or url.database == ":memory:" or url.query):
        raise SettingsError("a SQLite ledger is a plain file", hint="sqlite:///path/to/ledger.db")
    return url


def sqlite_path(url: URL) -> Path | None:
    """Return the file of a SQLite URL, None for PostgreSQL."""
    return Path(url.database).absolute() if url.drivername == "sqlite" and url.database else None


def make_engine(url: URL) -> Engine:
    """Return an engine whose connections all carry our settings; nothing is opened yet."""
    try:
        if url.drivername == "sqlite":
            engine = create_engine(url, pool_size=POOL_SIZE, max_overflow=POOL_SIZE)
            event.listen(engine, "connect", _set_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return engine
        engine = create_engine(
            url,
            pool_size=POOL_SIZE,
            max_overflow=POOL_SIZE,
            pool_pre_ping=True,  # a server that restarted is noticed before a statement is lost to it
            isolation_level="READ COMMITTED",  # the snapshot of a statement is taken after the lock is won
        )
    except (ArgumentError, NoSuchModuleError) as error:
        raise SettingsError("the database URL cannot be used", hint=str(error).split("\n", 1)[0]) from None
    event.listen(engine, "connect", _set_postgresql)
    return engine


def take_lock(connection: Connection) -> None:
    """Wait for the ledger's write lock; it is held until the transaction ends. SQLite has it since BEGIN."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")


def take_index_lock(connection: Connection) -> None:
    """Wait for the lock of the case index; it is held until the transaction ends. SQLite has it since BEGIN."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({INDEX_LOCK})")


def switch_to_wal(path: Path) -> None:
    """Make a SQLite file keep a write-ahead log; make the file if there is none.

    Safe when several processes start at once: two connections that switch at the same moment fail as busy without
    waiting, so this tries again.

    Raises:
        StoreBusyError: Others kept the file locked.
        StoreError: The file cannot be opened or written.
    """
    for _ in range(WAL_ATTEMPTS):
        try:
            with translated(path.parent), closing(sqlite3.connect(path, isolation_level=None)) as connection:
                if connection.execute("PRAGMA journal_mode=WAL").fetchone() == ("wal",):
                    return
        except StoreBusyError:
            pass
        time.sleep(0.02)
    raise StoreBusyError("the database could not be switched to write-ahead logging", hint="close other programs")


def _set_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself: `_begin_sqlite` does
    for name, (value, _expected) in SQLITE_SETTINGS.items():
        connection.execute(f"PRAGMA {name}={value}")
    connection.execute(f"PRAGMA wal_autocheckpoint={WAL_PAGES_MAX}")


def _begin_sqlite(connection: Connection) -> None:
    # A read that turns into a write fails as busy under WAL without waiting, so writers take the lock first.
    # On the driver's connection: a statement of SQLAlchemy's would cost a commit a twentieth of its time.
    write = connection.get_execution_options().get(WRITE)
    driver = connection.connection.dbapi_connection
    assert driver is not None  # a transaction begins on an open connection
    driver.execute("BEGIN IMMEDIATE" if write else "BEGIN")


def _set_postgresql(connection: Any, _: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = {BUSY_MILLISECONDS}")
        cursor.execute("SET synchronous_commit = on")  # a user-settable setting: never inherit `off`
    connection.commit()
