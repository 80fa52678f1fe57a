"""The second verifier, started once for all tests of this folder that compare it with the first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.installed import not_installed
from tests.verifier.second import NOBLE, SecondVerifier


@pytest.fixture(scope="session")
def second() -> Iterator[SecondVerifier]:
    """The verifier of the browser, in Node."""
    if not NOBLE.is_dir():
        not_installed("hardhat_local/node_modules is not there: scripts/install_node puts it in place")
    with SecondVerifier() as started:
        yield started
