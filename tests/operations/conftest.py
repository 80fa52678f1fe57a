"""Founded ledgers: one is founded for each database and session, and each test gets a copy of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger_service.settings import load_settings
from tests.operations.simulated import SimulatedWorld, simulated_world
from tests.operations.world import World
from tests.postgres import PostgresDatabase

ORIGIN = "returns.example/test"
MAX_GROWTH = 16  # the least that settings take: a few entries make several anchors


@pytest.fixture(autouse=True)
def no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have a ledger of their own."""
    for name in [name for name in os.environ if name.upper().startswith("LEDGER_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A founded SQLite ledger that nobody writes to."""
    world = make_world(tmp_path_factory.mktemp("template") / "home")
    world.found()
    return world


@pytest.fixture
def world(template: World, tmp_path: Path) -> World:
    """A founded SQLite ledger."""
    return template.copy(tmp_path / "home")


@pytest.fixture(scope="session")
def simulated_template(tmp_path_factory: pytest.TempPathFactory) -> SimulatedWorld:
    """A founded ledger on a simulated chain, which nobody writes to."""
    return simulated_world(tmp_path_factory.mktemp("simulated") / "home")


@pytest.fixture
def simulated(simulated_template: SimulatedWorld, tmp_path: Path) -> SimulatedWorld:
    """A founded ledger on a simulated chain of its own."""
    return simulated_template.copied(tmp_path / "home")


@pytest.fixture
def empty(tmp_path: Path) -> World:
    """A home with nothing in it."""
    return make_world(tmp_path / "home")


@pytest.fixture
def postgres_empty(postgres_database: PostgresDatabase, tmp_path: Path) -> World:
    """An empty PostgreSQL database."""
    return make_world(
        tmp_path / "home",
        owner_url=postgres_database.owner_url,
        database_url=postgres_database.application_url,
        application_role=postgres_database.application_role,
    )


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def each_world(request: pytest.FixtureRequest) -> Iterator[World]:
    """A founded ledger on SQLite, then on PostgreSQL."""
    if request.param == "sqlite":
        yield request.getfixturevalue("world")
        return
    world: World = request.getfixturevalue("postgres_empty")
    world.found()
    yield world


@pytest.fixture
def make() -> Callable[..., World]:
    """Make a world with other settings."""
    return make_world


def make_world(home: Path, *, owner_url: str = "", **settings: object) -> World:
    """Return a world in this home; nothing is founded."""
    values: dict[str, object] = {"origin": ORIGIN, "max_growth": MAX_GROWTH, "confirmations": 2}
    return World(load_settings(home=home, **(values | settings)), owner_url=owner_url)
