"""When a head is due: the table of the module, row by row."""

from __future__ import annotations

import dataclasses

import pytest

from ledger_service.core.cadence import URGENT, Backlog, Cadence, due
from ledger_service.core.entry import Kind

NOW = 1_793_700_000
CADENCE = Cadence(age_seconds=60, count=100, heartbeat_seconds=86_400)
NOTHING = Backlog(count=0, oldest_at=None, urgent=False, anchored_at=NOW - 100)
SOME = Backlog(count=3, oldest_at=NOW - 59, urgent=False, anchored_at=None)


@pytest.mark.parametrize(
    ("backlog", "rule"),
    [
        (dataclasses.replace(SOME, urgent=True), "urgent"),
        (dataclasses.replace(SOME, count=100), "count"),
        (dataclasses.replace(SOME, count=99), None),
        (dataclasses.replace(SOME, oldest_at=NOW - 60), "age"),
        (SOME, None),
        (NOTHING, None),
        (dataclasses.replace(NOTHING, anchored_at=NOW - 86_400), "heartbeat"),
        (dataclasses.replace(NOTHING, anchored_at=NOW - 86_399), None),
        (dataclasses.replace(NOTHING, anchored_at=None), None),
    ],
    ids=range(9),
)
def test_a_head_is_due_by_the_first_rule_that_holds(backlog: Backlog, rule: str | None) -> None:
    assert due(backlog, CADENCE, NOW) == rule


def test_without_a_heartbeat_a_quiet_log_is_left_alone() -> None:
    silent = dataclasses.replace(CADENCE, heartbeat_seconds=0)

    assert due(dataclasses.replace(NOTHING, anchored_at=0), silent, NOW) is None


def test_disputes_erasures_and_keys_do_not_wait() -> None:
    assert frozenset({Kind.DISPUTE, Kind.ERASURE, Kind.KEY, Kind.TARGET}) == URGENT
