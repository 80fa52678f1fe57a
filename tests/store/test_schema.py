"""The schema: one upgrade, the same as the tables say, and a clear word about every other one."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from ledger_service.errors import SchemaVersionError, SettingsError, StoreError, StoreSettingsError
from ledger_service.store import migrations, schema
from ledger_service.store.engine import open_store
from ledger_service.store.schema import SchemaState, schema_state, upgrade
from ledger_service.store.service_tables import SERVICE_TABLES
from ledger_service.store.tables import LOG_TABLES, MUTABLE_TABLES, metadata
from tests.postgres import PostgresDatabase
from tests.store import drafts
from tests.store.conftest import Place, opened_log, sqlite_place


def test_the_tables_say_what_the_migrations_make(place: Place) -> None:
    engine = sa.create_engine(place.owner_url)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()

    assert differences == []


def test_the_checks_of_the_tables_are_those_of_the_migrations(tmp_path: Path) -> None:
    """Alembic compares no CHECK constraints, so the statements themselves are compared."""
    place = sqlite_place(tmp_path)
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'fresh.db'}")
    metadata.create_all(engine)
    engine.dispose()

    def statements(path: Path) -> dict[str, list[str]]:
        with closing(sqlite3.connect(path)) as connection:
            rows = connection.execute(
                "SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql <> ''"
            ).fetchall()
        # SQLAlchemy and Alembic may order the constraints of a table differently.
        return {name: sorted(re.sub(r"\s+", " ", part) for part in sql.split("\n")) for name, sql in rows}

    assert place.path is not None
    migrated = statements(place.path)
    del migrated["alembic_version"]
    assert {name: sorted(p.rstrip(", ") for p in parts) for name, parts in migrated.items()} == {
        name: sorted(p.rstrip(", ") for p in parts) for name, parts in statements(tmp_path / "fresh.db").items()
    }


def test_the_known_revisions_are_the_shipped_ones() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(str(migrations.__file__)).parent))
    script = ScriptDirectory.from_config(config)

    assert tuple(revision.revision for revision in script.walk_revisions())[::-1] == schema.REVISIONS


def test_upgrading_again_changes_nothing(place: Place) -> None:
    role = place.postgres.application_role if place.postgres else None

    assert upgrade(place.owner_url, application_role=role) is SchemaState.CURRENT
    with open_store(place.url) as store:
        assert schema_state(store.engine) is SchemaState.CURRENT


def test_a_newer_schema_is_neither_read_nor_written(place: Place) -> None:
    place.run("UPDATE alembic_version SET version_num = '9999'", owner=True)

    with pytest.raises(SchemaVersionError, match="newer"):
        open_store(place.url)
    with pytest.raises(SchemaVersionError, match="newer"):
        upgrade(place.owner_url)


def test_an_older_schema_names_the_command(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "REVISIONS", (*schema.REVISIONS, "9998"))

    with pytest.raises(SchemaVersionError, match="older") as refusal:
        open_store(place.url)
    assert "rledger database upgrade" in refusal.value.hint


def test_a_log_of_the_first_schema_is_brought_up_with_its_entries(place: Place) -> None:
    with opened_log(place.url) as (_, log):
        log.append_group([drafts.genesis()])
    for table in reversed(SERVICE_TABLES):
        place.run(f"DROP TABLE {table}", owner=True)
    place.run("UPDATE alembic_version SET version_num = '0001'", owner=True)
    entries = place.run("SELECT idx, entry FROM entries")

    role = None if place.postgres is None else place.postgres.application_role
    assert upgrade(place.owner_url, application_role=role) is SchemaState.OLDER

    assert place.run("SELECT idx, entry FROM entries") == entries
    with open_store(place.url) as store:
        assert schema_state(store.engine) is SchemaState.CURRENT


def test_a_database_without_tables_names_the_command(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()

    with pytest.raises(SchemaVersionError) as refusal:
        open_store(f"sqlite:///{tmp_path / 'empty.db'}")
    assert "rledger database upgrade" in refusal.value.hint


def test_a_missing_file_is_made_only_when_asked(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new folder' / 'ledger.db'}"

    with pytest.raises(StoreError, match="no database"):
        open_store(url)
    with open_store(url, create=True) as store:
        assert schema_state(store.engine) is SchemaState.CURRENT
    with open_store(url) as store:
        assert schema_state(store.engine) is SchemaState.CURRENT


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "mysql://host/db", "ledger.db", "sqlite:///a.db?mode=ro", ""]
)
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(SettingsError):
        open_store(url)


def test_processes_that_make_one_database_at_once_all_open_it(tmp_path: Path) -> None:
    """The switch to WAL and the migration both happen once, whoever is first."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    program = (
        "import sys; from ledger_service.store.engine import open_store\n"
        "print('ready', flush=True); sys.stdin.readline(); open_store(sys.argv[1], create=True).close()"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", program, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()

    for process in started:
        process.communicate(timeout=60)
        assert process.returncode == 0
    open_store(url).close()


@pytest.mark.postgres
def test_the_application_gets_select_and_insert_on_the_log_and_nothing_else_there(
    postgres_database: PostgresDatabase,
) -> None:
    upgrade(postgres_database.owner_url, application_role=postgres_database.application_role)

    with psycopg.connect(postgres_database.application_url.replace("+psycopg", "")) as connection:
        rights = {
            table: {
                right
                for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
                if connection.execute("SELECT has_table_privilege(%s, %s)", (table, right)).fetchone() == (True,)
            }
            for table in (*LOG_TABLES, *MUTABLE_TABLES, *SERVICE_TABLES)
        }
    assert rights == {table: {"SELECT", "INSERT"} for table in LOG_TABLES} | {
        table: {"SELECT", "INSERT", "UPDATE", "DELETE"} for table in (*MUTABLE_TABLES, *SERVICE_TABLES)
    }


@pytest.mark.postgres
def test_upgrading_takes_back_rights_that_somebody_gave(postgres_database: PostgresDatabase) -> None:
    role = postgres_database.application_role
    upgrade(postgres_database.owner_url, application_role=role)
    with psycopg.connect(postgres_database.owner_url.replace("+psycopg", "")) as owner:
        owner.execute(f"GRANT UPDATE ON entries TO {role}")
    with pytest.raises(StoreSettingsError, match="UPDATE"):
        open_store(postgres_database.application_url)

    upgrade(postgres_database.owner_url, application_role=role)

    open_store(postgres_database.application_url).close()


@pytest.mark.postgres
def test_the_owner_is_not_the_application(postgres_database: PostgresDatabase) -> None:
    with pytest.raises(StoreSettingsError, match="must not own"):
        upgrade(postgres_database.owner_url, application_role=postgres_database.owner_role)
    with pytest.raises(StoreSettingsError, match="no role"):
        upgrade(postgres_database.owner_url, application_role="nobody_of_this_name")
    upgrade(postgres_database.owner_url, application_role=postgres_database.application_role)
    with pytest.raises(StoreSettingsError, match="owns"):
        open_store(postgres_database.owner_url)


@pytest.mark.postgres
def test_a_refused_upgrade_leaves_no_table(postgres_database: PostgresDatabase) -> None:
    with pytest.raises(StoreSettingsError):
        upgrade(postgres_database.owner_url, application_role="nobody_of_this_name")

    with psycopg.connect(postgres_database.owner_url.replace("+psycopg", "")) as owner:
        assert owner.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
