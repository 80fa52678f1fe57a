"""One founded ledger with its service for a module's tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.api.asking import Asking, asking
from tests.operations.conftest import each_world, make_world, postgres_empty, template, world

__all__ = ["each_world", "postgres_empty", "template", "world"]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """A service over a ledger of its own, shared by the tests of a module."""
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.upper().startswith("LEDGER_")}
    folder = tmp_path_factory.mktemp("service")
    world = make_world(folder / "home")
    world.found()
    with asking(world, folder) as opened:
        yield opened
    os.environ.update(kept)
