"""The schema's version: bring a database up to it, and say where a database stands.

Promises: `upgrade` is one transaction under a lock, so that a crash or a second process leaves either the old or the
new schema; running it again changes nothing. On PostgreSQL the owner runs it and names the application's role, which
gets SELECT and INSERT on the log tables and nothing else there.
Does not: run inside the service; the service only checks (`require_current`).
"""

from __future__ import annotations

import contextlib
from enum import StrEnum
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from ledger_service.errors import SchemaVersionError, StoreReadOnlyError, StoreSettingsError
from ledger_service.store.connection import Database, make_engine, parse_url, sqlite_path, switch_to_wal
from ledger_service.store.failures import translated
from ledger_service.store.service_tables import SERVICE_TABLES
from ledger_service.store.tables import LOG_TABLES, MUTABLE_TABLES

REVISIONS = (
    "0001",
    "0002",
    "0003",
    "0004",
    "0005",
    "0006",
    "0007",
    "0008",
)  # oldest first; the last is the schema of this code
LOG_RIGHTS = ("SELECT", "INSERT")
MUTABLE_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")
_VERSION_TABLE = "alembic_version"
_UPGRADE = "rledger database upgrade"


class SchemaState(StrEnum):
    """Where a database stands against this code."""

    ABSENT = "absent"
    OLDER = "older"
    CURRENT = "current"
    NEWER = "newer"


def schema_state(engine: Engine) -> SchemaState:
    """Return where the database stands.

    Raises:
        StoreError: It cannot be reached.
    """
    with translated(), engine.connect() as connection:
        return _state(connection)


def require_current(connection: Connection) -> None:
    """Accept only the schema of this code.

    Raises:
        SchemaVersionError: Another one; reading is refused too, because what it means is not known here.
    """
    state = _state(connection)
    if state is SchemaState.NEWER:
        raise SchemaVersionError(
            "the database has a newer schema than this program knows; it neither reads nor writes it",
            hint="install the newer version of return-ledger",
        )
    if state is SchemaState.OLDER:
        raise SchemaVersionError("the database has an older schema than this program needs", hint=_UPGRADE)
    if state is SchemaState.ABSENT:
        raise SchemaVersionError("the database holds no ledger's tables", hint=_UPGRADE)


def upgrade(database_url: str, *, application_role: str | None = None) -> SchemaState:
    """Bring a database to the schema of this code; return where it stood before.

    Args:
        database_url: SQLite file (made if absent), or PostgreSQL with the owner's credentials.
        application_role: PostgreSQL role of the service, which gets its rights here; not for SQLite.

    Raises:
        SchemaVersionError: The database is newer than this code.
        StoreError: It cannot be reached, is read-only, full or busy.
    """
    url = parse_url(database_url)
    path = sqlite_path(url)
    if path is not None:
        _make_folder(path)
    engine = make_engine(url)
    store = Database(engine, path=path)
    try:
        if path is not None:
            switch_to_wal(path)
        with store.writing() as connection:
            before = _state(connection)
            if before is SchemaState.NEWER:
                require_current(connection)
            if before is not SchemaState.CURRENT:
                _run_revisions(connection)
            if application_role is not None and path is None:
                _grant(connection, application_role)
        return before
    finally:
        store.close()


def _state(connection: Connection) -> SchemaState:
    if not inspect(connection).has_table(_VERSION_TABLE):
        return SchemaState.ABSENT
    versions = connection.exec_driver_sql(f"SELECT version_num FROM {_VERSION_TABLE}").scalars().all()  # noqa: S608
    if not versions:
        return SchemaState.ABSENT
    if list(versions) == [REVISIONS[-1]]:
        return SchemaState.CURRENT
    return SchemaState.OLDER if all(version in REVISIONS for version in versions) else SchemaState.NEWER


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreReadOnlyError(
            f"the folder {path.parent} cannot be made: {error.strerror}", hint="choose another place for the database"
        ) from None


def _run_revisions(connection: Connection) -> None:
    # Imported here: reading and writing a ledger never needs Alembic.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    with contextlib.redirect_stdout(None):
        command.upgrade(config, "head")


def _grant(connection: Connection, role: str) -> None:
    quote = connection.dialect.identifier_preparer.quote
    schema = connection.scalar(text("SELECT current_schema()"))
    owner = connection.scalar(text("SELECT current_user"))
    if role == owner:
        raise StoreSettingsError(
            f"the application's role {role!r} must not own the tables", hint="create a role of its own for the service"
        )
    if not connection.scalar(text("SELECT count(*) FROM pg_roles WHERE rolname = :role"), {"role": role}):
        raise StoreSettingsError(f"there is no role {role!r}", hint=f"CREATE ROLE {quote(role)} LOGIN PASSWORD …")
    place = quote(schema)
    connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA {place} TO {quote(role)}")
    for tables, rights in (
        (LOG_TABLES, LOG_RIGHTS),
        ((*MUTABLE_TABLES, *SERVICE_TABLES), MUTABLE_RIGHTS),
        ((_VERSION_TABLE,), ("SELECT",)),
    ):
        for table in tables:
            connection.exec_driver_sql(f"REVOKE ALL ON {place}.{table} FROM {quote(role)}, PUBLIC")
            connection.exec_driver_sql(f"GRANT {', '.join(rights)} ON {place}.{table} TO {quote(role)}")
