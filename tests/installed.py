"""What `scripts/install` puts in place for tests: where it is missing, a person's run skips, and CI fails.

Promises: no green run of CI left out a browser, Node or a database. Does not: speak of what a machine may lack on
purpose (Go, root, `../shared`, an optional package): those skip everywhere, saying so.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NoReturn

import pytest


def not_installed(why: str, environment: Mapping[str, str] = os.environ) -> NoReturn:
    """Skip the test that asks, saying why; where CI runs (`CI` is set, as `.ci/run` does) let it fail.

    Args:
        why: What is missing, and how it is put in place.
        environment: The variables to look at.
    """
    if environment.get("CI"):
        pytest.fail(f"in CI nothing that scripts/install puts in place may be missing: {why}", pytrace=False)
    pytest.skip(why)
