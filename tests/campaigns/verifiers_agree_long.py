"""The long form of `verifiers_agree`: the same on 100,000 changed files, before a release."""

from __future__ import annotations

from typing import Any

from tests.campaigns.verifiers_agree import FILES, FILES_LONG, measure


def run(short: bool, seed: int) -> dict[str, Any]:
    """Run the campaign; `short` is the usual form of the other one."""
    return measure(FILES if short else FILES_LONG, seed)
