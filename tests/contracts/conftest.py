"""One registry for tests that only read it, and a new one for each test that writes."""

from __future__ import annotations

import pytest

from tests.contracts.evm import Registry


@pytest.fixture(scope="session")
def verifier() -> Registry:
    """A registry whose verifying functions are called; nothing is registered in it."""
    return Registry.placed()


@pytest.fixture
def registry() -> Registry:
    """A registry on a chain of its own."""
    return Registry.placed()
