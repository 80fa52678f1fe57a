"""A store opens only if every setting, trigger and grant that safety rests on is in place."""

from __future__ import annotations

import pytest

from ledger_service.errors import StoreSettingsError
from ledger_service.store import connection as connections
from ledger_service.store import guards
from ledger_service.store.engine import missing_guard, open_store
from ledger_service.store.read import LedgerReader
from ledger_service.store.tables import LOG_TABLES
from tests.store.conftest import Place

TRIGGERS = [f"{table}_{what}" for table in LOG_TABLES for what in ("refuse_update", "refuse_delete", "in_order")]


def test_a_good_database_opens(place: Place) -> None:
    """The control of every refusal below."""
    open_store(place.url).close()


@pytest.mark.parametrize("name", TRIGGERS)
def test_a_missing_trigger_is_named(sqlite: Place, name: str) -> None:
    sqlite.run(f"DROP TRIGGER {name}")

    with pytest.raises(StoreSettingsError, match=f"{name} is missing"):
        open_store(sqlite.url)


def test_an_audit_may_read_an_unguarded_database_and_name_the_guard(sqlite: Place) -> None:
    with open_store(sqlite.url, unguarded=True) as store:
        assert missing_guard(store) == ""
    sqlite.run("DROP TRIGGER nodes_in_order")

    with open_store(sqlite.url, unguarded=True) as store:
        assert LedgerReader(store).size() == 0
        assert "nodes_in_order is missing" in missing_guard(store)


def test_an_altered_trigger_is_named(sqlite: Place) -> None:
    sqlite.run("DROP TRIGGER nodes_refuse_update")
    sqlite.run("CREATE TRIGGER nodes_refuse_update BEFORE UPDATE ON nodes BEGIN SELECT 1; END")

    with pytest.raises(StoreSettingsError, match="nodes_refuse_update was altered"):
        open_store(sqlite.url)


def test_a_file_that_left_wal_is_refused(sqlite: Place) -> None:
    sqlite.run("PRAGMA journal_mode=DELETE")

    with pytest.raises(StoreSettingsError, match="journal_mode"):
        open_store(sqlite.url)


@pytest.mark.parametrize("name", ["synchronous", "foreign_keys", "recursive_triggers", "busy_timeout"])
def test_a_setting_that_does_not_hold_is_named(sqlite: Place, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: the connection is given a weaker value; what is read back must show it."""
    weaker = {"synchronous": "NORMAL", "foreign_keys": "OFF", "recursive_triggers": "OFF", "busy_timeout": "0"}
    expected = connections.SQLITE_SETTINGS[name][1]
    monkeypatch.setitem(connections.SQLITE_SETTINGS, name, (weaker[name], expected))

    with pytest.raises(StoreSettingsError, match=name):
        open_store(sqlite.url)


@pytest.mark.postgres
def test_each_missing_or_sleeping_trigger_is_named_on_postgresql(postgresql: Place) -> None:
    for guard in guards.postgresql_guards("public"):
        _, create, enable = guard.statements
        postgresql.run(f"DROP TRIGGER {guard.name} ON {guard.table}", owner=True)
        with pytest.raises(StoreSettingsError, match=f"{guard.name} is missing"):
            open_store(postgresql.url)
        postgresql.run(create, owner=True)
        for how in ("DISABLE TRIGGER", "ENABLE TRIGGER", "ENABLE REPLICA TRIGGER"):
            postgresql.run(f"ALTER TABLE {guard.table} {how} {guard.name}", owner=True)
            with pytest.raises(StoreSettingsError, match=f"{guard.name} is disabled"):
                open_store(postgresql.url)
        postgresql.run(enable, owner=True)

    open_store(postgresql.url).close()


@pytest.mark.postgres
def test_an_altered_function_is_named(postgresql: Place) -> None:
    postgresql.run(
        "CREATE OR REPLACE FUNCTION nodes_in_order() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
        owner=True,
    )

    with pytest.raises(StoreSettingsError, match="nodes_in_order was altered"):
        open_store(postgresql.url)


@pytest.mark.postgres
def test_each_right_too_many_is_named(postgresql: Place) -> None:
    assert postgresql.postgres is not None
    role = postgresql.postgres.application_role
    for table in LOG_TABLES:
        for right in ("UPDATE", "DELETE", "TRUNCATE", "TRIGGER"):
            postgresql.run(f"GRANT {right} ON {table} TO {role}", owner=True)
            with pytest.raises(StoreSettingsError, match=f"{right} {table}"):
                open_store(postgresql.url)
            postgresql.run(f"REVOKE {right} ON {table} FROM {role}", owner=True)

    open_store(postgresql.url).close()


@pytest.mark.postgres
def test_a_right_through_public_is_named(postgresql: Place) -> None:
    postgresql.run("GRANT DELETE ON entries TO PUBLIC", owner=True)

    with pytest.raises(StoreSettingsError, match="DELETE entries"):
        open_store(postgresql.url)


@pytest.mark.postgres
def test_a_superuser_is_refused(postgresql: Place) -> None:
    assert postgresql.postgres is not None

    with pytest.raises(StoreSettingsError, match="superuser"):
        open_store(postgresql.postgres.server.url(postgresql.postgres.name))


@pytest.mark.postgres
def test_a_role_that_does_not_wait_for_the_disk_is_set_right(postgresql: Place) -> None:
    """`synchronous_commit` is the user's to set, so every connection of ours sets it."""
    assert postgresql.postgres is not None
    postgresql.run(f"ALTER ROLE {postgresql.postgres.application_role} SET synchronous_commit = off")

    with open_store(postgresql.url) as store, store.reading() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"


def test_the_expected_functions_name_the_schema() -> None:
    assert "public.nodes" in guards.postgresql_bodies("public")["nodes_in_order"]
