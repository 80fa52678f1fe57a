"""A missing browser, Node or database: a person's run goes on without it and says so, CI fails."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.installed import not_installed

TESTS = Path(__file__).parent
OWN = {"installed.py", "test_installed.py"}
# What a skip of what scripts/install puts in place would speak of; the two that may be missing say so otherwise.
_INSTALLED = re.compile(r"skip(?:if)?\([^\n]*(?:scripts/install|node_modules|hardhat|pgserver|[Cc]hromium|NoBrowser)")


def test_a_person_s_run_goes_on_and_ci_fails() -> None:
    with pytest.raises(pytest.skip.Exception, match="no browser"):
        not_installed("no browser", {})
    with pytest.raises(pytest.fail.Exception, match="no browser"):
        not_installed("no browser", {"CI": "true"})


def test_nothing_that_is_installed_is_skipped_past_this_rule() -> None:
    found = [
        f"{path.relative_to(TESTS)}: {line.strip()}"
        for path in sorted(TESTS.rglob("*.py"))
        if path.name not in OWN
        for line in path.read_text().splitlines()
        if _INSTALLED.search(line)
    ]

    assert found == []
