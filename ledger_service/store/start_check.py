"""What is read back when a store opens: settings, triggers and grants that the ledger's safety rests on.

Promises: `require_settings` returns only if every one is as it must be; a missing or altered trigger is named.
Does not: repair anything; a database that lost a guard was touched by somebody, and that is for a person to judge.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from ledger_service.errors import StoreSettingsError
from ledger_service.store import guards
from ledger_service.store.connection import SQLITE_SETTINGS
from ledger_service.store.tables import LOG_TABLES

_FORBIDDEN_RIGHTS = ("UPDATE", "DELETE", "TRUNCATE", "TRIGGER")
_ALWAYS = "A"  # pg_trigger.tgenabled: fires in every session_replication_role


def require_settings(connection: Connection) -> None:
    """Accept only a connection and a database with every setting, trigger and grant in place.

    Raises:
        StoreSettingsError: One is missing or differs; the message names it.
    """
    if connection.dialect.name == "sqlite":
        _require_pragmas(connection)
        _require_sqlite_triggers(connection)
    else:
        _require_durable_server(connection)
        _require_few_rights(connection)
        _require_postgresql_triggers(connection)


def _require_pragmas(connection: Connection) -> None:
    expected = {"journal_mode": "wal"} | {name: value for name, (_, value) in SQLITE_SETTINGS.items()}
    for name, value in expected.items():
        found = connection.exec_driver_sql(f"PRAGMA {name}").scalar()
        if found != value:
            raise StoreSettingsError(
                f"PRAGMA {name} is {found!r}, safety rests on {value!r}",
                hint="rledger database upgrade" if name == "journal_mode" else "use another build of SQLite",
            )


def _require_sqlite_triggers(connection: Connection) -> None:
    rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").all()
    found = {str(name): str(statement) for name, statement in rows}
    for guard in guards.sqlite_guards():
        _require_same(guard.name, found.get(guard.name), guard.statements[0])


def _require_same(name: str, found: str | None, expected: str) -> None:
    if found is None:
        raise StoreSettingsError(f"the trigger {name} is missing", hint="rledger audit, and ask who removed it")
    if found != expected:
        raise StoreSettingsError(f"the trigger {name} was altered", hint="rledger audit, and ask who altered it")


def _require_durable_server(connection: Connection) -> None:
    for name, wrong in (("synchronous_commit", "off"), ("fsync", "off"), ("full_page_writes", "off")):
        if connection.scalar(text("SELECT current_setting(:name, true)"), {"name": name}) == wrong:
            raise StoreSettingsError(
                f"PostgreSQL runs with {name} = {wrong}: an acknowledged entry could be lost",
                hint=f"set {name} = on",
            )


def _require_few_rights(connection: Connection) -> None:
    if connection.scalar(text("SELECT current_setting('is_superuser')")) == "on":
        raise StoreSettingsError(
            "the service is connected as a superuser, whom no grant binds", hint="give the service a role of its own"
        )
    for table in LOG_TABLES:
        owned = connection.scalar(
            text("SELECT pg_has_role(current_user, relowner, 'MEMBER') FROM pg_class WHERE oid = to_regclass(:table)"),
            {"table": table},
        )
        if owned is not False:
            raise StoreSettingsError(
                f"the service's role owns {table}, or is a member of its owner",
                hint="connect with the application's role, not with the one that runs database upgrade",
            )
        for right in _FORBIDDEN_RIGHTS:
            if connection.scalar(text("SELECT has_table_privilege(:table, :right)"), {"table": table, "right": right}):
                raise StoreSettingsError(
                    f"the service's role may {right} {table}", hint="rledger database upgrade takes the right away"
                )


def _require_postgresql_triggers(connection: Connection) -> None:
    rows = connection.execute(
        text(
            "SELECT t.tgname, t.tgenabled, p.prosrc, t.tgtype FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid"
            " JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal AND c.relname = ANY(:tables)"
            " AND c.relnamespace = current_schema()::regnamespace"
        ),
        {"tables": list(LOG_TABLES)},
    ).all()
    enabled = {str(row[0]): str(row[1]) for row in rows}
    found = {str(row[0]): str(row[2]) for row in rows}
    schema = str(connection.scalar(text("SELECT quote_ident(current_schema())")))
    for name, body in guards.postgresql_bodies(schema).items():
        _require_same(name, found.get(name), body)
        if enabled[name] != _ALWAYS:
            raise StoreSettingsError(f"the trigger {name} is disabled", hint="ALTER TABLE … ENABLE ALWAYS TRIGGER")
