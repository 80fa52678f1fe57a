"""What campaigns share: the world that several attack, which counts for no coverage (`tests/unmeasured.py`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from coverage import Coverage

from tests.campaigns.receipts.world import World, open_world


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Real ledgers, their receipts, and their chains; built once for each process of the test suite."""
    with ExitStack() as stack:
        with unmeasured():
            opened = stack.enter_context(open_world(tmp_path_factory.mktemp("receipts")))
        yield opened


@contextmanager
def unmeasured() -> Iterator[None]:
    """Count nothing meanwhile: `no_cover` is for a test, and what it is given is made before it."""
    measuring = Coverage.current()
    if measuring is None:
        yield
        return
    measuring.stop()
    try:
        yield
    finally:
        measuring.start()
