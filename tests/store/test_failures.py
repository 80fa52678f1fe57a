"""What goes wrong under a store comes out as one clear error, and what was acknowledged is still there."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from ledger_service.errors import (
    StorageFullError,
    StoreBusyError,
    StoreError,
    StoreReadOnlyError,
    StoreSettingsError,
)
from ledger_service.store import connection as connections
from ledger_service.store.drafts import Appended
from ledger_service.store.engine import Store, open_store
from ledger_service.store.failures import RowRefusedError, outcome_known, translate
from ledger_service.store.mark import HighWaterMark
from ledger_service.store.read import LedgerReader
from tests.store import drafts
from tests.store.conftest import Place, opened_log, sqlite_place
from tests.store.rederive import Acknowledged, check


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one and a half megabytes; skipped where it cannot be mounted."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1536k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("only root may mount a small file system")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_loses_nothing_and_recovers_by_itself(small_disk: Path) -> None:
    place = sqlite_place(small_disk)
    answers: list[Appended] = []
    with opened_log(place.url) as (store, log):
        log.append_group([drafts.genesis()])
        outcome: object = None
        for number in range(2_000):
            (outcome,) = log.append_group([drafts.request(number)])
            if not isinstance(outcome, Appended):
                break
            answers.append(outcome)

        assert isinstance(outcome, StorageFullError)
        assert len(answers) > 20
        size = check(store, acknowledged=[Acknowledged(a.index, a.leaf_hash) for a in answers])
        assert size == len(answers) + 1
        subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
        (again,) = log.append_group([drafts.request("when space returned")])
        assert isinstance(again, Appended)
        assert check(store, acknowledged=[Acknowledged(a.index, a.leaf_hash) for a in [*answers, again]]) == size + 1


def test_a_full_disk_under_the_mark_is_said(small_disk: Path) -> None:
    filler = os.open(small_disk / "filler", os.O_WRONLY | os.O_CREAT)
    os.posix_fallocate(filler, 0, 3 * 2**19)
    os.close(filler)
    mark = HighWaterMark(small_disk / "mark")

    with pytest.raises(StorageFullError):
        mark.create()
    assert mark.read() is None


def test_a_file_system_that_became_read_only_refuses_and_still_reads(small_disk: Path) -> None:
    place = sqlite_place(small_disk)
    with opened_log(place.url) as (_, log):
        log.append_group([drafts.genesis(), drafts.request("a")])
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    try:
        with pytest.raises(StoreReadOnlyError):
            HighWaterMark(small_disk / "mark").create()
        mode = f"file:{place.path}?mode=ro&immutable=1"
        with closing(sqlite3.connect(mode, uri=True)) as connection:
            assert connection.execute("SELECT COUNT(*) FROM entries").fetchone() == (2,)
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)


def test_a_full_database_is_full_by_its_own_limit(sqlite: Place) -> None:
    """SQLite's own page limit gives SQLITE_FULL wherever nothing can be mounted."""
    with opened_log(sqlite.url) as (store, log):
        log.append_group([drafts.genesis()])
        assert log._connection is not None
        log._connection.exec_driver_sql("PRAGMA max_page_count=60")
        log._connection.rollback()
        outcomes = [log.append_group([drafts.request(number)])[0] for number in range(200)]

        full = next(outcome for outcome in outcomes if not isinstance(outcome, Appended))
        assert isinstance(full, StorageFullError)
        check(store, acknowledged=[Acknowledged(o.index, o.leaf_hash) for o in outcomes if isinstance(o, Appended)])


def test_a_database_that_may_not_be_written_refuses_and_still_reads(sqlite: Place) -> None:
    with opened_log(sqlite.url) as (store, log):
        log.append_group([drafts.genesis()])
        assert log._connection is not None
        log._connection.exec_driver_sql("PRAGMA query_only=ON")
        log._connection.rollback()

        (outcome,) = log.append_group([drafts.request("a")])

        assert isinstance(outcome, StoreReadOnlyError)
        assert LedgerReader(store).size() == 1
        (again,) = log.append_group([drafts.request("a")])  # on a fresh connection
        assert isinstance(again, Appended)


@pytest.mark.postgres
def test_a_read_only_postgresql_refuses(postgresql: Place) -> None:
    assert postgresql.postgres is not None
    role = postgresql.postgres.application_role
    with opened_log(postgresql.url) as (_, log):
        log.append_group([drafts.genesis()])
    postgresql.run(f"ALTER ROLE {role} SET default_transaction_read_only = on")

    with opened_log(postgresql.url) as (store, log):
        (outcome,) = log.append_group([drafts.request("a")])

        assert isinstance(outcome, StoreReadOnlyError)
        assert LedgerReader(store).size() == 1


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks are waited for a tenth of a second."""
    monkeypatch.setattr(connections, "BUSY_MILLISECONDS", 100)
    monkeypatch.setitem(connections.SQLITE_SETTINGS, "busy_timeout", ("100", 100))


def test_a_lock_held_too_long_is_busy_and_nothing_is_lost(impatient: None, place: Place) -> None:
    with opened_log(place.url) as (store, log):
        log.append_group([drafts.genesis()])
        with closing(place.connect()) as other:
            if place.kind == "sqlite":
                other.execute("BEGIN IMMEDIATE")
            else:
                other.execute(f"SELECT pg_advisory_lock({connections.ADVISORY_LOCK})")
            outcomes = log.append_group([drafts.request("a"), drafts.request("b")])
            with pytest.raises(StoreBusyError):
                store.anchors.save(
                    b"\x01" * 32, 1, step=0, size=1, state="planned", record=b"{}", recorded_at=drafts.genesis.__name__
                )

        assert all(isinstance(outcome, StoreBusyError) for outcome in outcomes)
        (again,) = log.append_group([drafts.request("a")])
        assert isinstance(again, Appended)
        assert check(store) == 2


@pytest.mark.postgres
def test_a_server_that_is_not_there_is_said(postgresql: Place) -> None:
    assert postgresql.postgres is not None
    with pytest.raises(StoreError, match="cannot be reached") as refusal:
        open_store("postgresql+psycopg://nobody:secret@127.0.0.1:9/none")
    assert "secret" not in str(refusal.value)
    with pytest.raises(StoreError, match="log-in"):
        open_store(postgresql.url.replace(postgresql.postgres.server.password, "wrong"))


@pytest.mark.postgres
def test_a_server_that_crashed_and_came_back_is_written_again(postgresql: Place) -> None:
    assert postgresql.postgres is not None
    with opened_log(postgresql.url) as (store, log):
        first = log.append_group([drafts.genesis(), drafts.request("a")])
        postgresql.postgres.server.crash()
        (down,) = log.append_group([drafts.request("b", key="k")])
        postgresql.postgres.server.restart()

        (again,) = log.append_group([drafts.request("b", key="k")])

        assert isinstance(down, StoreError)
        assert isinstance(again, Appended)
        answers = [outcome for outcome in [*first, again] if isinstance(outcome, Appended)]
        assert check(store, acknowledged=[Acknowledged(a.index, a.leaf_hash) for a in answers]) == 3


@pytest.mark.postgres
def test_a_session_that_was_cut_is_replaced_without_a_word(postgresql: Place) -> None:
    assert postgresql.postgres is not None
    with opened_log(postgresql.url) as (_, log):
        log.append_group([drafts.genesis()])
        conninfo = postgresql.postgres.server.conninfo(postgresql.postgres.name)
        with psycopg.connect(conninfo, autocommit=True) as superuser:
            superuser.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s",
                (postgresql.postgres.application_role,),
            )

        (outcome,) = log.append_group([drafts.request("a")])

        assert isinstance(outcome, Appended)


def test_a_folder_that_does_not_exist_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreReadOnlyError, match="cannot be made"):
        open_store(f"sqlite:///{tmp_path / 'file' / 'ledger.db'}", create=True)


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(os.urandom(8_192))

    with pytest.raises(StoreError, match="no database"):
        open_store(f"sqlite:///{tmp_path / 'ledger.db'}")


def sqlite_error(code: int, kind: type[sqlite3.Error] = sqlite3.OperationalError) -> sqlite3.Error:
    """Return a driver's error with this result code."""
    error = kind("details")
    error.sqlite_errorcode = code
    error.sqlite_errorname = "NAMED"
    return error


@pytest.mark.parametrize(
    ("code", "expected", "known"),
    [
        (sqlite3.SQLITE_FULL, StorageFullError, True),
        (sqlite3.SQLITE_BUSY, StoreBusyError, True),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, StoreBusyError, True),
        (sqlite3.SQLITE_LOCKED, StoreBusyError, False),
        (sqlite3.SQLITE_READONLY_DBMOVED, StoreReadOnlyError, True),
        (sqlite3.SQLITE_CANTOPEN, StoreError, False),
        (sqlite3.SQLITE_IOERR_FSYNC, StoreError, False),
        (sqlite3.SQLITE_IOERR_WRITE, StoreError, False),
        (sqlite3.SQLITE_CORRUPT, StoreError, False),
        (sqlite3.SQLITE_CONSTRAINT_TRIGGER, RowRefusedError, True),
        (sqlite3.SQLITE_TOOBIG, RowRefusedError, False),
        (sqlite3.SQLITE_ERROR, StoreError, False),
    ],
)
def test_each_code_of_sqlite_has_its_error(code: int, expected: type[StoreError], known: bool, tmp_path: Path) -> None:
    error = sqlite_error(code)

    assert type(translate(error, tmp_path)) is expected
    assert outcome_known(error) is known


@pytest.mark.parametrize(
    ("error", "expected", "known"),
    [
        (psycopg.errors.DiskFull("x"), StorageFullError, True),
        (psycopg.errors.SerializationFailure("x"), StoreBusyError, True),
        (psycopg.errors.DeadlockDetected("x"), StoreBusyError, True),
        (psycopg.errors.LockNotAvailable("x"), StoreBusyError, True),
        (psycopg.errors.ReadOnlySqlTransaction("x"), StoreReadOnlyError, False),
        (psycopg.errors.InsufficientPrivilege("x"), StoreSettingsError, True),
        (psycopg.errors.RestrictViolation("x"), RowRefusedError, True),
        (psycopg.errors.CharacterNotInRepertoire("x"), RowRefusedError, True),
        (psycopg.DataError("x"), RowRefusedError, False),
        (psycopg.errors.AdminShutdown("x"), StoreError, False),
        (psycopg.OperationalError("x"), StoreError, False),
        (psycopg.errors.InternalError_("x"), StoreError, False),
        (psycopg.errors.UndefinedTable("x"), StoreError, True),
    ],
)
def test_each_state_of_postgresql_has_its_error(error: psycopg.Error, expected: type[StoreError], known: bool) -> None:
    translated = translate(error)

    assert isinstance(translated, expected)
    assert outcome_known(error) is known


def test_other_errors_are_never_known(tmp_path: Path) -> None:
    assert type(translate(ValueError("x"), tmp_path)) is StoreError
    assert not outcome_known(ValueError("x"))


def test_an_error_never_shows_a_rows_values(store: Store) -> None:
    with pytest.raises(RowRefusedError) as refusal, store.writing() as connection:
        connection.exec_driver_sql(
            store.sql("INSERT INTO cases VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"),
            ("too short", "secret state", 1, b"x" * 32, 0, "DE", "CN", "now", "{}"),
        )
    assert "secret" not in str(refusal.value)
