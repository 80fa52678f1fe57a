"""Connections for single queries: the driver's own, kept open, each query a transaction of its own.

Promises: a query costs what the driver takes for it. SQLAlchemy's pool begins, wraps and rolls back around each, which
for a query of microseconds is most of the time, and on PostgreSQL two more round trips. Does not: give a snapshot over
several queries (`Database.reading` does).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine

IDLE_MAX = 16  # connections kept open; what more threads need at once is opened for one query


class Readers:
    """The reading connections of one database. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        """Take an engine of `make_engine`; nothing is opened before the first query."""
        self._engine = engine
        self._idle: list[Any] = []
        self._closed = False

    def rows(self, statement: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        """Return all rows of one query in the driver's own style.

        A kept connection that turns out to be cut is replaced once: the server was restarted meanwhile.

        Raises:
            Exception: The driver's.
        """
        kept = True
        try:
            connection = self._idle.pop()
        except IndexError:
            kept, connection = False, self._open()
        try:
            found = list(connection.execute(statement, values).fetchall())
        except Exception:
            cut = kept and getattr(connection, "closed", False)
            connection.close()
            if not cut:
                raise
            self._close_idle()  # cut like this one
            connection = self._open()
            try:
                found = list(connection.execute(statement, values).fetchall())
            except BaseException:
                connection.close()
                raise
        except BaseException:
            connection.close()
            raise
        if self._closed or len(self._idle) >= IDLE_MAX:
            connection.close()
        else:
            self._idle.append(connection)
        return found

    def close(self) -> None:
        """Close every connection, those in use when they come back. Safe to call twice."""
        self._closed = True
        self._close_idle()

    def _open(self) -> Any:
        """Open a connection with all settings of the engine's, and take it out of the pool."""
        pooled = self._engine.raw_connection()
        driver = pooled.driver_connection
        assert driver is not None  # it was opened just now
        pooled.detach()
        if self._engine.dialect.name == "postgresql":
            driver.autocommit = True
        return driver

    def _close_idle(self) -> None:
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread took the last one
                return
            connection.close()
