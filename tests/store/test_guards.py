"""The log tables take the next row and nothing else, with the application's own credentials."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing

import psycopg
import pytest

from ledger_service.store.engine import Store, open_store
from ledger_service.store.guards import sqlite_guards
from ledger_service.store.ledger import LogWriter
from tests.store import drafts
from tests.store.conftest import Place

REFUSED = (sqlite3.IntegrityError, psycopg.errors.InsufficientPrivilege, psycopg.errors.RestrictViolation)
LOG_TABLES = ("entries", "nodes", "checkpoints", "anchor_history")
KEYS = {"entries": "idx", "nodes": "id", "checkpoints": "size", "anchor_history": "id"}
HASH = b"\x11" * 32
TIME = "2026-11-03T12:00:00.000Z"
CASE = "ab" * 16


@pytest.fixture
def filled(place: Place, make_log: Callable[..., LogWriter]) -> Place:
    """A database with a few entries and two steps of an anchor."""
    return fill(place, make_log)


@pytest.fixture
def filled_sqlite(sqlite: Place, make_log: Callable[..., LogWriter]) -> Place:
    """The same on SQLite alone."""
    return fill(sqlite, make_log)


@pytest.fixture
def filled_postgresql(postgresql: Place, make_log: Callable[..., LogWriter]) -> Place:
    """The same on PostgreSQL alone."""
    return fill(postgresql, make_log)


def fill(place: Place, make_log: Callable[..., LogWriter]) -> Place:
    with open_store(place.url) as store:
        _fill(store, make_log(store))
    return place


def _fill(store: Store, log: LogWriter) -> None:
    log.append_group([drafts.genesis(), drafts.request("a"), drafts.step("a", 1), drafts.request("b")])
    for step in (0, 1):
        store.anchors.save(
            HASH, 1, step=step, size=3, state="planned", record=b"{}", recorded_at="2026-11-03T12:00:00.000Z"
        )
    log.close()


def content(place: Place) -> dict[str, list[tuple[object, ...]]]:
    return {table: sorted(map(tuple, place.run(f"SELECT * FROM {table}"))) for table in LOG_TABLES}


def refuse(place: Place, statement: str, *values: object, owner: bool = False) -> None:
    before = content(place)
    with pytest.raises(REFUSED):
        place.run(statement, *values, owner=owner)
    assert content(place) == before


def test_update_of_a_log_table_is_refused(filled: Place) -> None:
    for table, key in KEYS.items():
        refuse(filled, f"UPDATE {table} SET {key} = {key} + 100")
        refuse(filled, f"UPDATE {table} SET {key} = {key}")


def test_delete_from_a_log_table_is_refused(filled: Place) -> None:
    for table, key in KEYS.items():
        refuse(filled, f"DELETE FROM {table}")
        refuse(filled, f"DELETE FROM {table} WHERE {key} = (SELECT MAX({key}) FROM {table})")


@pytest.mark.parametrize("owner", [False, True])
def test_update_delete_and_truncate_are_refused_by_trigger_even_to_the_owner(filled: Place, owner: bool) -> None:
    for table, key in KEYS.items():
        refuse(filled, f"UPDATE {table} SET {key} = 7", owner=owner)
        refuse(filled, f"DELETE FROM {table}", owner=owner)
        if filled.kind == "postgresql":
            refuse(filled, f"TRUNCATE {table} CASCADE", owner=owner)


@pytest.mark.postgres
def test_the_application_may_not_alter_a_log_table(filled_postgresql: Place) -> None:
    for table in LOG_TABLES:
        refuse(filled_postgresql, f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        refuse(filled_postgresql, f"DROP TABLE {table} CASCADE")
        refuse(filled_postgresql, f"DROP TRIGGER {table}_in_order ON {table}")


INSERTS = {
    "entries": (
        "entries (idx, leaf_hash, kind, return_id, first_idx, seq, recorded_at, entry)"
        " VALUES (?, ?, 'transition', ?, ?, 0, ?, ?)",
        lambda key: (key, HASH, CASE, key, TIME, b"{}"),
    ),
    "nodes": ("nodes (id, hash) VALUES (?, ?)", lambda key: (key, HASH)),
    "checkpoints": (
        "checkpoints (size, root, note, recorded_at) VALUES (?, ?, ?, ?)",
        lambda key: (key, HASH, b"note", TIME),
    ),
    "anchor_history": (
        "anchor_history (id, log_id, sequence, step, size, state, recorded_at, record)"
        " VALUES (?, ?, 9, 0, 3, 'planned', ?, ?)",
        lambda key: (key, HASH, TIME, b"{}"),
    ),
}


def newest(place: Place, table: str) -> int:
    return int(place.run(f"SELECT MAX({KEYS[table]}) FROM {table}")[0][0])


def test_only_the_next_row_may_be_inserted(filled: Place) -> None:
    for table, (into, values) in INSERTS.items():
        for offset in (-100, -2, -1, 0, 2, 100):
            refuse(filled, f"INSERT INTO {into}", *values(newest(filled, table) + offset))


@pytest.mark.parametrize("table", ["entries", "nodes", "anchor_history"])
def test_the_next_row_is_taken(filled: Place, table: str) -> None:
    """The control of the refusals: the same rows at the right place."""
    last = newest(filled, table)
    into, values = INSERTS[table]

    filled.run(f"INSERT INTO {into}", *values(last + 1))

    assert newest(filled, table) == last + 1


@pytest.mark.parametrize("verb", ["INSERT OR REPLACE", "INSERT OR IGNORE", "INSERT OR FAIL", "REPLACE"])
def test_replace_is_refused_from_a_stock_connection(filled_sqlite: Place, verb: str) -> None:
    for table, (into, values) in INSERTS.items():
        for key in (0, 1, newest(filled_sqlite, table)):
            refuse(filled_sqlite, f"{verb} INTO {into}", *values(key))


@pytest.mark.parametrize("what", ["NOTHING", "UPDATE SET {key} = excluded.{key}"])
def test_on_conflict_is_refused(filled: Place, what: str) -> None:
    for table, (into, values) in INSERTS.items():
        action = what.format(key=KEYS[table])
        refuse(filled, f"INSERT INTO {into} ON CONFLICT ({KEYS[table]}) DO {action}", *values(newest(filled, table)))


NEXT_ENTRY = (
    "INTO entries (idx, leaf_hash, kind, return_id, first_idx, seq, recorded_at, entry)"
    " VALUES (?, ?, 'transition', ?, ?, ?, ?, ?)"
)
# (return_id, first_idx, seq) of an entry 4 after: 0 genesis, 1 and 2 the case a, 3 the case b
OUT_OF_ORDER = [
    ("the opening of a case again", ("a", 4, 0)),
    ("the opening of a case in its place", ("a", 1, 0)),
    ("an earlier entry of a case again", ("a", 1, 1)),
    ("a gap in a case", ("a", 1, 3)),
    ("an opening that names another entry", ("c", 1, 0)),
    ("a step of another case's opening", ("b", 1, 2)),
    ("a step of an entry that opens nothing", ("a", 2, 1)),
    ("a step of a case that is not there", ("c", 4, 1)),
    ("a step of an entry to come", ("a", 9, 1)),
]


@pytest.mark.parametrize(
    ("return_id", "first", "seq"), [row for _, row in OUT_OF_ORDER], ids=[n for n, _ in OUT_OF_ORDER]
)
def test_the_next_index_does_not_let_a_case_leave_its_order(
    filled: Place, return_id: str, first: int, seq: int
) -> None:
    """REPLACE would delete the row that collides in another column, whatever the index of the new one."""
    assert newest(filled, "entries") == 3
    for verb in ("INSERT", "INSERT OR REPLACE") if filled.kind == "sqlite" else ("INSERT",):
        refuse(filled, f"{verb} {NEXT_ENTRY}", 4, HASH, drafts.return_id(return_id), first, seq, TIME, b"{}")


@pytest.mark.parametrize(("return_id", "first", "seq"), [("a", 1, 2), ("b", 3, 1), ("c", 4, 0)])
def test_the_next_entry_of_each_case_is_taken(filled: Place, return_id: str, first: int, seq: int) -> None:
    """The control of the refusals before."""
    filled.run(f"INSERT {NEXT_ENTRY}", 4, HASH, drafts.return_id(return_id), first, seq, TIME, b"{}")

    assert newest(filled, "entries") == 4


@pytest.mark.parametrize(("first", "seq"), [(None, 2), (1, None)])
def test_the_schema_refuses_half_a_place_in_a_case(filled: Place, first: int | None, seq: int | None) -> None:
    before = content(filled)
    with pytest.raises((sqlite3.IntegrityError, psycopg.errors.RestrictViolation, psycopg.errors.CheckViolation)):
        filled.run(f"INSERT {NEXT_ENTRY}", 4, HASH, drafts.return_id("a"), first, seq, TIME, b"{}")
    assert content(filled) == before


def test_a_row_without_a_key_is_refused(filled_sqlite: Place) -> None:
    refuse(filled_sqlite, "INSERT INTO nodes (hash) VALUES (?)", HASH)
    refuse(filled_sqlite, "INSERT INTO nodes (id, hash) VALUES (NULL, ?)", HASH)


def test_without_its_guard_replace_overwrites_history(filled_sqlite: Place) -> None:
    """Planted: the guard is what refuses; with it dropped the same statement rewrites a row past the other triggers."""
    with closing(filled_sqlite.connect()) as connection:
        connection.execute("DROP TRIGGER nodes_in_order")
        connection.execute("INSERT OR REPLACE INTO nodes (id, hash) VALUES (0, ?)", (HASH,))

        assert connection.execute("SELECT hash FROM nodes WHERE id = 0").fetchone() == (HASH,)


@pytest.mark.postgres
def test_a_replication_role_does_not_pass_the_triggers_by(filled_postgresql: Place) -> None:
    assert filled_postgresql.postgres is not None
    conninfo = filled_postgresql.postgres.server.conninfo(filled_postgresql.postgres.name)
    with closing(psycopg.connect(conninfo, autocommit=True)) as superuser:
        superuser.execute("SET session_replication_role = replica")
        with pytest.raises(psycopg.errors.RestrictViolation):
            superuser.execute("DELETE FROM nodes")


@pytest.mark.postgres
def test_a_temporary_table_of_the_same_name_does_not_fool_a_guard(filled_postgresql: Place) -> None:
    with closing(filled_postgresql.connect()) as connection:
        connection.execute("CREATE TEMPORARY TABLE nodes (id bigint, hash bytea)")
        with pytest.raises(psycopg.errors.RestrictViolation):
            connection.execute("INSERT INTO public.nodes (id, hash) VALUES (0, %s)", (HASH,))


def test_every_log_table_has_three_guards() -> None:
    assert sorted(guard.table for guard in sqlite_guards()) == sorted(LOG_TABLES * 3)
