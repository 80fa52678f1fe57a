"""What was erased does not come back: not with a database, not with a key store, not with files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger_service.errors import GateClosedError, StoreError
from ledger_service.operations.audit import audit
from ledger_service.operations.erase import erase
from ledger_service.operations.erase_again import finish
from ledger_service.operations.ledger import Ledger
from ledger_service.wiring import open_ledger
from tests.operations.persons import Person, live, surround
from tests.operations.test_erase import ask, erased_names, erasures_in, findings
from tests.operations.world import PLATFORM, World, stored_files

COMING_BACK = ("sealed_values", "evidence_files", "members", "credentials", "webhooks", "erasures")


def lived(world: World, folder: Path, person: Person) -> None:
    """Let a person have a return that ended."""
    with world.opened() as opened:
        live(opened.ledger, folder, person)
        surround(opened.ledger, person)


def forget(world: World, person: Person) -> str:
    """Erase the person and return the id of the decision."""
    with world.opened() as opened:
        return erase(opened.ledger, ask(person), by=PLATFORM).id


def rows(world: World) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of the tables that a backup would bring back."""
    with world.opened(write=False) as opened:
        return {table: opened.ledger.store.rows(f"SELECT * FROM {table}") for table in COMING_BACK}


def bring_back(world: World, before: dict[str, list[tuple[Any, ...]]]) -> None:
    """Put rows back into the tables, as a backup of these would; the log stays as it is."""
    for table in reversed(COMING_BACK):
        with world.opened(write=False) as opened, opened.ledger.store.changing() as connection:
            connection.exec_driver_sql(f"DELETE FROM {table}")
    for table in COMING_BACK:
        with world.opened(write=False) as opened, opened.ledger.store.changing() as connection:
            for row in before[table]:
                holes = ", ".join("?" * len(row))
                connection.exec_driver_sql(opened.ledger.store.sql(f"INSERT INTO {table} VALUES ({holes})"), row)


@contextmanager
def opened_to_look(world: World) -> Iterator[Ledger]:
    """Open the ledger as an audit does."""
    with open_ledger(world.settings, clock=world.clock, look_only=True) as found:
        yield found.ledger


def test_rows_keys_and_files_of_an_older_backup_are_erased_at_the_next_opening(
    each_world: World, tmp_path: Path
) -> None:
    person = Person(1)
    lived(each_world, tmp_path, person)
    before = rows(each_world)
    for name in ("files", "secrets"):
        shutil.copytree(each_world.home / name, tmp_path / name)
    forget(each_world, person)
    after = rows(each_world)
    bring_back(each_world, before)
    for name in ("files", "secrets"):
        shutil.rmtree(each_world.home / name)
        shutil.copytree(tmp_path / name, each_world.home / name)
    with opened_to_look(each_world) as ledger:
        told = "; ".join(one.what for one in audit(ledger, None).findings if one.stage == "erasures")
    assert "1 of its keys should be destroyed and are there" in told
    assert "4 values should be gone" in told
    assert "file" in told
    assert "is not gone as it says" in told

    with each_world.opened() as opened:
        ledger = opened.ledger
        assert erased_names(ledger, person.indexes[0]) == ["evidence:product_photo", "comment"]
        assert finish(ledger) != []  # the row of the decision was gone
        assert len(erasures_in(ledger, person.return_id)) == 1  # the entry was not

    now = rows(each_world)
    assert {name: len(now[name]) for name in COMING_BACK} == {name: len(after[name]) for name in COMING_BACK}
    assert stored_files(each_world) == []
    assert findings(each_world) == []


def test_a_whole_older_database_is_cleaned_before_the_gate_refuses_it(world: World, tmp_path: Path) -> None:
    person = Person(2)
    lived(world, tmp_path, person)
    shutil.copytree(world.home, tmp_path / "old")
    forget(world, person)
    for name in ("files", "secrets"):
        shutil.rmtree(world.home / name)
        shutil.copytree(tmp_path / "old" / name, world.home / name)
    shutil.copy2(tmp_path / "old" / "ledger.sqlite3", world.home)

    with pytest.raises(GateClosedError), world.opened():
        pass

    assert stored_files(world) == []
    with world.opened(write=False) as opened:
        assert opened.ledger.erasures.values_under([bytes.fromhex(k) for k in intents_keys(world)]) == 0
        assert erased_names(opened.ledger, person.indexes[0]) == ["evidence:product_photo", "comment"]


def intents_keys(world: World) -> list[str]:
    """Return the keys on the list."""
    with world.opened(write=False) as opened:
        return [key for intent in opened.ledger.erasure_list.intents() for key in intent.keys]


def test_files_that_come_back_alone_go_at_the_next_opening(each_world: World, tmp_path: Path) -> None:
    person = Person(8)
    lived(each_world, tmp_path, person)
    shutil.copytree(each_world.home / "files", tmp_path / "files")
    forget(each_world, person)
    shutil.rmtree(each_world.home / "files")
    shutil.copytree(tmp_path / "files", each_world.home / "files")
    assert len(stored_files(each_world)) == 2

    with each_world.opened():
        assert stored_files(each_world) == []


def test_who_only_reads_is_shown_nothing_that_an_old_key_store_would_open(world: World, tmp_path: Path) -> None:
    person = Person(3)
    lived(world, tmp_path, person)
    shutil.copytree(world.home, tmp_path / "old")
    forget(world, person)
    shutil.copy2(tmp_path / "old" / "secrets" / "subjects.sqlite3", world.home / "secrets")
    shutil.copy2(tmp_path / "old" / "ledger.sqlite3", world.home)

    with world.opened(write=False) as opened:
        assert erased_names(opened.ledger, person.indexes[0]) == ["evidence:product_photo", "comment"]


def test_a_damaged_list_keeps_the_ledger_shut(world: World, tmp_path: Path) -> None:
    person = Person(4)
    lived(world, tmp_path, person)
    forget(world, person)
    path = world.home / "erasures.list"
    content = bytearray(path.read_bytes())
    content[10] ^= 1
    path.write_bytes(content)

    for write in (True, False):
        with pytest.raises(StoreError, match="damaged"), world.opened(write=write):
            pass
    with opened_to_look(world) as ledger:
        assert any("is damaged" in one.what for one in audit(ledger, None).findings)


def test_an_audit_misses_a_lost_list(world: World, tmp_path: Path) -> None:
    person = Person(5)
    lived(world, tmp_path, person)
    erasure_id = forget(world, person)
    (world.home / "erasures.list").unlink()

    assert findings(world) == [
        f"erasures: erasure {erasure_id}, round 0: not on the erasure list, so a backup would undo it"
    ]


def test_an_audit_changes_nothing(world: World, tmp_path: Path) -> None:
    person = Person(6)
    lived(world, tmp_path, person)
    shutil.copytree(world.home / "secrets", tmp_path / "secrets")
    forget(world, person)
    shutil.copy2(tmp_path / "secrets" / "subjects.sqlite3", world.home / "secrets")

    for _ in range(2):  # the key is there for the second audit, too
        with opened_to_look(world) as ledger:
            assert any("of its keys" in one.what for one in audit(ledger, None).findings)


@pytest.mark.postgres
def test_the_service_needs_no_right_on_the_log_to_erase(postgres_empty: World, tmp_path: Path) -> None:
    """The application's role deletes values, which are outside the log; VACUUM is the owner's."""
    world, person = postgres_empty, Person(7)
    world.found()
    lived(world, tmp_path, person)
    forget(world, person)
    owner = world.owner_url.replace("+psycopg", "")

    with closing(psycopg.connect(owner, autocommit=True)) as connection:
        connection.execute("VACUUM sealed_values, evidence_files, members, credentials, webhooks, requests")
        (count,) = connection.execute("SELECT count(*) FROM sealed_values WHERE name = 'comment'").fetchone() or (-1,)
        rights = connection.execute(
            "SELECT has_table_privilege(%s, 'entries', 'DELETE, UPDATE, TRUNCATE')", (world.settings.application_role,)
        ).fetchone()

    assert (count, rights) == (0, (False,))
