"""What a driver's error means: every failure of SQLite and PostgreSQL as one of ours.

Promises: nothing that leaves `store/` is a driver's or SQLAlchemy's exception; a message never holds a value of a
row. Does not: retry (`ledger.py`, `engine.py`), or decide what happened to a commit (`ledger.py`).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import sqlalchemy.exc

from ledger_service.errors import (
    StorageFullError,
    StoreBusyError,
    StoreError,
    StoreReadOnlyError,
    StoreSettingsError,
)

FREE_BYTES_LEAST = 128 * 1024  # below this an I/O error of SQLite (its -shm file, a temporary file) means "full"

_SQLITE_PRIMARY = 0xFF  # the low byte of an extended result code is its family
_POSTGRESQL_BUSY = {"40001", "40P01", "55P03", "57014"}  # serialization, deadlock, lock or statement timeout
_POSTGRESQL_FULL = {"53100"}
_POSTGRESQL_READ_ONLY = {"25006"}
_POSTGRESQL_REFUSED = {"42501"}  # insufficient_privilege
_POSTGRESQL_LOGIN = {"28000", "28P01", "3D000"}
_LOGIN_WORDS = ("authentication failed", "does not exist")  # psycopg keeps no code of an error while connecting


class RowRefusedError(StoreError):
    """The schema refused a row: a constraint, a guard, or a value that the database cannot hold."""


class ConnectionLostError(StoreError):
    """The server is gone or cut the connection, before any commit of ours: nothing was written."""


@contextmanager
def translated(folder: Path | None = None) -> Iterator[None]:
    """Run a block of SQL; raise a `StoreError` for whatever a driver or SQLAlchemy raises in it.

    Args:
        folder: Where SQLite's file lies, to tell a full disk from a broken one; None for PostgreSQL.
    """
    try:
        yield
    except sqlalchemy.exc.DBAPIError as error:
        raise translate(error.orig, folder) from error
    except (sqlite3.Error, psycopg.Error) as error:
        raise translate(error, folder) from error
    except (UnicodeError, OverflowError) as error:
        raise RowRefusedError("the database holds no such text or number", hint="send well-formed Unicode") from error
    except sqlalchemy.exc.TimeoutError as error:
        raise StoreBusyError("no connection to the database became free", hint="try again in a moment") from error
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise StoreError(f"the database cannot be used: {type(error).__name__}") from error


def translate(error: BaseException | None, folder: Path | None = None) -> StoreError:
    """Return our error for a driver's exception."""
    if isinstance(error, sqlite3.Error):
        return _translate_sqlite(error, folder)
    if isinstance(error, psycopg.Error):
        return _translate_postgresql(error)
    return StoreError(f"the database failed: {type(error).__name__}")


def _translate_sqlite(error: sqlite3.Error, folder: Path | None) -> StoreError:
    code = getattr(error, "sqlite_errorcode", 0) & _SQLITE_PRIMARY
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    if code == sqlite3.SQLITE_FULL:
        return _full(name)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreBusyError(f"another writer held the database too long ({name})", hint="try again in a moment")
    if code == sqlite3.SQLITE_READONLY:
        return _read_only(name)
    if code == sqlite3.SQLITE_CANTOPEN:
        return StoreError(
            f"the database file cannot be opened ({name})", hint="check that its folder exists and may be written"
        )
    if code == sqlite3.SQLITE_IOERR:
        if folder is not None and free_bytes(folder) < FREE_BYTES_LEAST:
            return _full(name)
        return StoreError(f"the disk failed under the database ({name})", hint="check the disk, then rledger audit")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreError(f"the database file is damaged or no database ({name})", hint="rledger audit, then a backup")
    if code in (sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH):
        return RowRefusedError(f"the database refused a row: {_first_line(error)}")
    if code == 0 and not isinstance(error, sqlite3.OperationalError):  # the module's own: a value it cannot bind
        return RowRefusedError(f"the database refused a value: {_first_line(error)}")
    return StoreError(f"the database failed ({name}): {_first_line(error)}")


def _translate_postgresql(error: psycopg.Error) -> StoreError:
    state = error.sqlstate
    if state in _POSTGRESQL_FULL:
        return _full(state)
    if state in _POSTGRESQL_BUSY:
        return StoreBusyError(f"another writer held the database too long ({state})", hint="try again in a moment")
    if state in _POSTGRESQL_READ_ONLY:
        return _read_only(state)
    if state in _POSTGRESQL_REFUSED:
        return StoreSettingsError(
            f"the database role lacks a right: {_first_line(error)}",
            hint="run rledger database upgrade with the owner's URL and name the application's role",
        )
    if state in _POSTGRESQL_LOGIN or (state is None and any(words in str(error) for words in _LOGIN_WORDS)):
        return StoreError("the database refused the log-in", hint="check role, password and database name")
    if state is not None and state[:2] in ("22", "23"):  # data exception, integrity constraint violation
        return RowRefusedError(f"the database refused a row: {_first_line(error)}")
    if state is None and isinstance(error, psycopg.DataError):
        return RowRefusedError(f"the database refused a value: {_first_line(error)}")
    if state is None or state[:2] in ("08", "57"):
        return ConnectionLostError(
            "the database cannot be reached, or cut the connection",
            hint="check that the server runs and that LEDGER_DATABASE_URL is right",
        )
    return StoreError(f"the database failed ({state}): {_first_line(error)}")


def outcome_known(error: BaseException | None) -> bool:
    """Say whether an error of COMMIT proves that nothing was committed.

    SQLite: FULL and BUSY come before the commit frame is whole; a failed fsync (IOERR) comes after it was written.
    PostgreSQL: an ERROR that the server sent means it rolled back; a lost connection or a shutdown says nothing.
    """
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0) & _SQLITE_PRIMARY
        return code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CONSTRAINT)
    if isinstance(error, psycopg.Error):
        return error.sqlstate is not None and error.sqlstate[:2] not in ("08", "57", "58", "XX", "25")
    return False


def free_bytes(folder: Path) -> int:
    """Return how many bytes an ordinary user may still write in this folder's file system."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def _full(name: str) -> StorageFullError:
    return StorageFullError(
        f"no space is left for the database ({name}); nothing of this was written", hint="free some space, then retry"
    )


def _read_only(name: str) -> StoreReadOnlyError:
    return StoreReadOnlyError(
        f"the database cannot be written ({name})", hint="check the rights of its file and folder, and the mount"
    )


def _first_line(error: BaseException) -> str:
    """Return the first line of a driver's message: PostgreSQL puts the row's values into the next ones."""
    return str(error).split("\n", 1)[0][:200]
