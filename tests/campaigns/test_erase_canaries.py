"""The short form of the campaign `erase_canaries`, on both databases, and the proof that it would notice."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger_service.core.entry import Role
from ledger_service.core.erasure import Ground
from ledger_service.operations.erase import Request, erase
from ledger_service.operations.ledger import Ledger
from ledger_service.store.erasures import Erasures
from tests.api.asking import asking
from tests.campaigns import erase_canaries
from tests.campaigns.erase_canaries import (
    Traces,
    erase_over_http,
    live_aloud,
    no_settings_of_the_machine,
    temporary_folder,
    traces_of,
)
from tests.operations.conftest import make_world
from tests.operations.persons import Person, forms_of, hits_in_files, live
from tests.operations.world import PLATFORM, World
from tests.postgres import PostgresDatabase

pytestmark = pytest.mark.campaign


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    """Whoever runs the tests may have a ledger of their own."""
    with no_settings_of_the_machine():
        yield


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A founded SQLite ledger."""
    made = make_world(tmp_path / "home")
    made.found()
    return made


def test_nothing_of_twenty_persons_is_left_anywhere() -> None:
    counts = erase_canaries.run(short=True, seed=1)

    assert (counts["persons"], counts["restored"], counts["guesses"]) == (20, 20, 10**5)
    assert counts["receipts"] == 22 * 6  # each of three steps, as handed out and afresh


@pytest.mark.postgres
def test_nothing_of_twenty_persons_is_left_in_postgresql(postgres_database: PostgresDatabase, tmp_path: Path) -> None:
    world = make_world(
        tmp_path / "home",
        owner_url=postgres_database.owner_url,
        database_url=postgres_database.application_url,
        application_role=postgres_database.application_role,
    )
    world.found()

    counts = erase_canaries.erase_and_look(world, tmp_path, guesses=1_000)

    assert (counts["persons"], counts["restored"]) == (20, 20)


@pytest.mark.postgres
def test_the_files_of_postgresql_hold_nothing_once_its_owner_ran_what_readme_says(
    postgres_database: PostgresDatabase, tmp_path: Path, project_root: Path
) -> None:
    world = make_world(
        tmp_path / "home",
        owner_url=postgres_database.owner_url,
        database_url=postgres_database.application_url,
        application_role=postgres_database.application_role,
    )
    world.found()
    kept, gone = Person(711), Person(712)  # in no other test: one write-ahead log serves all databases
    with asking(world, tmp_path) as service:
        for person in (kept, gone):  # the last rows of a page: a plain VACUUM leaves what they held
            live_aloud(service, tmp_path, person)
        lost, stay = traces_of(service.ledger, [gone]), traces_of(service.ledger, [kept])
        erase_over_http(service, gone)
    with psycopg.connect(postgres_database.server.conninfo(postgres_database.name), autocommit=True) as owner:
        folder = data_folder(owner, postgres_database)
        owner.execute("VACUUM sealed_values")  # frees the room and leaves the bytes in it
        owner.execute("CHECKPOINT")
        assert lost.in_files(folder), "the look finds nothing even before"

        statements = said_in(project_root / "README.md")
        for statement in statements:
            owner.execute(statement)

    assert [statement.partition(" (")[0] for statement in statements] == ["VACUUM", "CHECKPOINT"]
    assert lost.in_files(folder) == []
    assert stay.in_files(folder), "those who stay are gone too"
    whole = postgres_database.server.folder / "data"
    assert stay.in_files(whole / "pg_wal"), "README says that the server's own log keeps what was written"
    assert hits_in_files(whole, [*lost.canaries, *stay.canaries]) == [], "something was written unencrypted"


def data_folder(owner: psycopg.Connection[Any], database: PostgresDatabase) -> Path:
    """Return where the files of a database's tables and indexes lie."""
    row = owner.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone()
    assert row is not None
    return database.server.folder / "data" / "base" / str(row[0])


def said_in(readme: Path) -> list[str]:
    """Return what the part on erasure tells the owner of a PostgreSQL database to run."""
    return re.findall(r"`(VACUUM \(FULL\)[^`]*|CHECKPOINT)`", readme.read_text())


class UnsettledErasures(Erasures):
    """Planted bug: the write-ahead log keeps the pages as they were."""

    def settle(self) -> None:
        """Leave the log as it is."""


class ForgetfulErasures(Erasures):
    """Planted bug: rows stay, since their keys are gone."""

    def take_out(self, **_: object) -> int:
        """Remove nothing."""
        return 0


@pytest.mark.parametrize("planted", [Erasures, UnsettledErasures, ForgetfulErasures])
def test_planted_a_copy_in_log_or_table_is_found(world: World, tmp_path: Path, planted: type[Erasures]) -> None:
    person = Person(1)
    with world.opened() as opened:
        traces = _lived(opened.ledger, tmp_path, person)
    with world.opened() as opened:
        opened.ledger.erasures = planted(opened.ledger.store)
        request = Request(person.party, Ground.OBJECTION, Role.BUYER, "2026-11-03T11:00:00.000Z")
        erase(opened.ledger, request, by=PLATFORM)
        found = traces.in_files(world.home)  # while it is open: closing the last connection empties the log

    assert bool(found) == (planted is not Erasures), found[:3]


def test_planted_a_canary_in_any_form_or_name_is_found(tmp_path: Path) -> None:
    person = Person(2)
    folder = tmp_path / "home"
    for number, canary in enumerate(person.canaries):
        for form, content in enumerate(forms_of(canary)):
            folder.mkdir(exist_ok=True)
            path = folder / f"{number}-{form}"
            path.write_bytes(b"before " + content + b" after")
            assert hits_in_files(folder, person.canaries), (canary, content)
            path.unlink()
    (folder / person.name).write_bytes(b"")
    assert hits_in_files(folder, person.canaries)


def test_planted_a_temporary_file_of_this_process_or_another_is_found(world: World) -> None:
    person = Person(3)
    traces = Traces([person])
    program = "import sys, tempfile; open(tempfile.mkstemp()[0], 'wb').write(bytes.fromhex(sys.argv[1]))"
    with temporary_folder(world.home / "temporary"):
        assert traces.in_files(world.home) == []
        with tempfile.NamedTemporaryFile() as spool:
            spool.write(person.name.encode())
            spool.flush()
            assert len(traces.in_files(world.home)) == 1
        subprocess.run([sys.executable, "-c", program, person.pixels.hex()], check=True)
        assert len(traces.in_files(world.home)) == 1
    assert tempfile.gettempdir() != str(world.home / "temporary")


def _lived(ledger: Ledger, folder: Path, person: Person) -> Traces:
    live(ledger, folder, person)
    return traces_of(ledger, [person])
