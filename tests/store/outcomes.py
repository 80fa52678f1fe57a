"""What the tests of the write path say about an outcome."""

from __future__ import annotations

from ledger_service.store.drafts import Appended


def appended(outcome: object) -> Appended:
    """Return the outcome if it is an appended entry."""
    assert isinstance(outcome, Appended), repr(outcome)
    return outcome
