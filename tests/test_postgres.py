"""Promises of the PostgreSQL fixture, because the store's tests rest on them."""

from __future__ import annotations

import psycopg
import pytest

from tests.postgres import PostgresDatabase

pytestmark = pytest.mark.postgres


def libpq(url: str) -> str:
    """Return the address as psycopg itself reads it."""
    return url.replace("postgresql+psycopg://", "postgresql://")


def test_the_owner_creates_tables_and_the_application_cannot(postgres_database: PostgresDatabase) -> None:
    with psycopg.connect(libpq(postgres_database.owner_url)) as owner:
        owner.execute("CREATE TABLE kept (n integer)")

    with (
        psycopg.connect(libpq(postgres_database.application_url)) as application,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        application.execute("CREATE TABLE sneaked (n integer)")


def test_the_application_has_no_right_on_a_table_before_it_is_granted(
    postgres_database: PostgresDatabase,
) -> None:
    with psycopg.connect(libpq(postgres_database.owner_url)) as owner:
        owner.execute("CREATE TABLE kept (n integer)")

    with (
        psycopg.connect(libpq(postgres_database.application_url)) as application,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        application.execute("SELECT n FROM kept")


def test_a_wrong_password_is_refused(postgres_database: PostgresDatabase) -> None:
    wrong = libpq(postgres_database.owner_url).replace(postgres_database.server.password, "wrong")

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_committed_rows_survive_a_killed_server_and_others_do_not(
    postgres_database: PostgresDatabase,
) -> None:
    address = libpq(postgres_database.owner_url)
    with psycopg.connect(address) as owner:
        owner.execute("CREATE TABLE kept (n integer)")
        owner.execute("INSERT INTO kept VALUES (1)")
    half_done = psycopg.connect(address)
    half_done.execute("INSERT INTO kept VALUES (2)")

    postgres_database.server.crash()
    assert not postgres_database.server.running
    with pytest.raises(psycopg.OperationalError):
        half_done.commit()
    half_done.close()
    postgres_database.server.restart()

    with psycopg.connect(address) as owner:
        assert owner.execute("SELECT n FROM kept").fetchall() == [(1,)]
