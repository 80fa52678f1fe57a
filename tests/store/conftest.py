"""Both databases under one name: a test that takes `place` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger_service.store.engine import Store, open_store
from ledger_service.store.ledger import LogWriter
from ledger_service.store.rules import Rules
from ledger_service.store.schema import upgrade
from tests.postgres import PostgresDatabase
from tests.store import drafts


@dataclass(frozen=True, slots=True)
class Place:
    """A migrated, empty database: the application's URL, and one for its owner (the same file on SQLite)."""

    kind: str
    url: str
    owner_url: str
    path: Path | None
    postgres: PostgresDatabase | None = None

    def connect(self, *, owner: bool = False) -> Any:
        """Return a stock connection of the driver, without any setting of ours; commits each statement."""
        if self.path is not None:
            return sqlite3.connect(self.path, isolation_level=None)
        url = self.owner_url if owner else self.url
        return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)

    def run(self, statement: str, *values: Any, owner: bool = False) -> list[Any]:
        """Run one statement on a stock connection; return its rows."""
        mark = statement if self.path is not None else statement.replace("?", "%s")
        with closing(self.connect(owner=owner)) as connection:
            cursor = connection.execute(mark, values)
            return cursor.fetchall() if cursor.description else []


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty ledger database on each of the two systems."""
    if request.param == "sqlite":
        return sqlite_place(tmp_path)
    return postgres_place(request.getfixturevalue("postgres_database"))


def sqlite_place(folder: Path) -> Place:
    """Return a migrated SQLite file in a folder."""
    path = folder / "ledger.db"
    url = f"sqlite:///{path}"
    upgrade(url)
    return Place("sqlite", url, url, path)


def postgres_place(database: PostgresDatabase) -> Place:
    """Return a migrated PostgreSQL database."""
    upgrade(database.owner_url, application_role=database.application_role)
    return Place("postgresql", database.application_url, database.owner_url, None, database)


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    """An open store on each of the two systems."""
    with open_store(place.url) as opened:
        yield opened


@pytest.fixture
def sqlite(tmp_path: Path) -> Place:
    """An empty SQLite database, for what is SQLite's alone."""
    return sqlite_place(tmp_path)


@pytest.fixture
def postgresql(postgres_database: PostgresDatabase) -> Place:
    """An empty PostgreSQL database, for what is PostgreSQL's alone."""
    return postgres_place(postgres_database)


@pytest.fixture
def marks() -> drafts.MarkList:
    """A high-water mark that remembers what it was given."""
    return drafts.MarkList()


@contextmanager
def opened_log(url: str, **rules: Any) -> Iterator[tuple[Store, LogWriter]]:
    """Open a store and a log writer on it, both closed at the end."""
    given: dict[str, Any] = {
        "sign": drafts.sign,
        "clock": drafts.SteppingClock(),
        "before_answer": drafts.MarkList().advance,
    } | rules
    with open_store(url) as store:
        log = LogWriter(store, Rules(**given))
        try:
            yield store, log
        finally:
            log.close()


@pytest.fixture
def make_log(marks: drafts.MarkList) -> Iterator[Callable[..., LogWriter]]:
    """Make log writers, closed at the end: `make_log(store, kind=LogWriter, **rules)`."""
    made: list[LogWriter] = []

    def make(store: Store, kind: type[LogWriter] = LogWriter, **rules: Any) -> LogWriter:
        given: dict[str, Any] = {
            "sign": drafts.sign,
            "clock": drafts.SteppingClock(),
            "before_answer": marks.advance,
        } | rules
        made.append(kind(store, Rules(**given)))
        return made[-1]

    yield make
    for log in made:
        log.close()
