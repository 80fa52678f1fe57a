"""The worked deadlines: the library counts what was worked out by hand, for every jurisdiction."""

from __future__ import annotations

import pytest

from ledger_service.core.rules import RULE_SETS
from tests.core.deadlines import ROWS, Row
from tests.core.happenings import read


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_worked_deadline(row: Row) -> None:
    found = read(row.steps, row.now, row.clock, row.rule)

    assert len(found) == 1
    clock = found[0]
    expected = (row.state, *row.due, row.margin, *row.more.values())
    assert (
        clock.state,
        clock.due_date,
        clock.due_at,
        clock.margin_seconds,
        *[getattr(clock, name) for name in row.more],
    ) == expected
    assert row.cite in clock.citation


def test_every_rule_set_is_worked_in_at_least_one_row() -> None:
    by_policy = {"AU", "CH", "SG"}  # these set no days; rows named after them show that policy counts

    worked = {row.rule.partition("@")[0] for row in ROWS} | {c for c in by_policy if any(r.name[:2] == c for r in ROWS)}

    assert worked == {known.id for known in RULE_SETS}
    assert len(ROWS) >= 80
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert all(row.why and row.cite for row in ROWS)
