"""Opening a store: only one whose schema, settings, triggers and grants were read back and found right.

    with open_store("sqlite:///ledger.db", create=True) as store:
        with store.reading() as connection: ...

Promises: after `open_store` returned, an acknowledged commit survives a power cut as far as the disk keeps its word,
and the log tables refuse change with these credentials. Does not: migrate PostgreSQL; its owner does (`schema.py`).
"""

from __future__ import annotations

from pathlib import Path

from ledger_service.errors import StoreError, StoreSettingsError
from ledger_service.store import schema, start_check
from ledger_service.store.anchors import AnchorHistory
from ledger_service.store.connection import Database, make_engine, parse_url, sqlite_path


class Store(Database):
    """A checked database of this code's schema."""

    @property
    def anchors(self) -> AnchorHistory:
        """Return the anchors' histories in this store."""
        return AnchorHistory(self)


def open_store(database_url: str, *, create: bool = False, unguarded: bool = False) -> Store:
    """Open a database and assert what safety rests on.

    Args:
        database_url: `sqlite:///path` or `postgresql+psycopg://role:password@host/database`.
        create: Make a SQLite file with the present schema if there is none.
        unguarded: Open it to read even if a guard is missing; an audit does, and names the guard (`missing_guard`).

    Raises:
        SettingsError: Not such a URL.
        SchemaVersionError: Older or newer than this code, or no ledger at all.
        StoreSettingsError: A setting, trigger or grant is missing.
        StoreError: It cannot be reached or opened.
    """
    url = parse_url(database_url)
    path = sqlite_path(url)
    if path is not None and not path.exists() and not create:
        raise StoreError(f"there is no database at {path}", hint="found a ledger with `rledger deploy`")
    if path is not None and create and _is_empty(path):
        schema.upgrade(database_url)  # under a lock: of two processes that start at once, one makes it
    engine = make_engine(url)
    store = Store(engine, path=path)
    try:
        with store.reading() as connection:
            schema.require_current(connection)
            if not unguarded:
                start_check.require_settings(connection)
    except BaseException:
        store.close()
        raise
    return store


def missing_guard(store: Store) -> str:
    """Return what `open_store` would refuse about an opened store; empty if nothing."""
    try:
        with store.reading() as connection:
            start_check.require_settings(connection)
    except StoreSettingsError as error:
        return error.message
    return ""


def _is_empty(path: Path) -> bool:
    """Say whether a file is missing, or was made and not yet filled."""
    if not path.exists():
        return True
    engine = make_engine(parse_url(f"sqlite:///{path}"))
    try:
        return schema.schema_state(engine) is schema.SchemaState.ABSENT
    finally:
        engine.dispose()
