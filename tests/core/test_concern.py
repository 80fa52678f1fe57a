"""A clock that a step does not concern is the same without it: what a correction need not compute again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from ledger_service.core.clock import Happening
from ledger_service.core.clocks import clocks
from ledger_service.core.concern import EVERY_KIND, concerned
from ledger_service.core.happenings import happenings
from tests.core.cases import Told, declined, hours, inspected, long_case, refunded, shipped
from tests.core.deadlines import ROWS, Row
from tests.core.happenings import numbered, utc


def changed(steps: list[Happening], left_out: int, now: str) -> set[str]:
    """Return the kinds of clocks that read otherwise without a step."""
    fewer = [step for place, step in enumerate(steps) if place != left_out]
    whole, part = Counter(clocks(steps, now=now)), Counter(clocks(fewer, now=now))
    return {clock.clock_id for clock in (whole - part) + (part - whole)}


@pytest.mark.parametrize("make", [shipped, inspected, refunded, declined, lambda: long_case(80)])
def test_leaving_a_step_of_a_story_out_changes_only_clocks_that_it_concerns(make: Callable[[], Told]) -> None:
    steps = happenings(make().docket)
    for place, step in enumerate(steps):
        assert changed(steps, place, hours(24 * 20)) <= concerned(step), step.verb


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_leaving_a_step_of_a_worked_deadline_out_changes_only_clocks_that_it_concerns(row: Row) -> None:
    steps, now = numbered(row.steps), utc(row.now)
    for place, step in enumerate(steps):
        assert changed(steps, place, now) <= concerned(step), step.verb


def test_a_step_concerns_what_it_starts_stops_or_pauses_and_one_with_a_rule_concerns_everything() -> None:
    told = refunded()
    told.step("add_evidence", evidence=["message_log"])
    by_verb = {step.verb: step for step in happenings(told.docket)}

    assert "review" in concerned(by_verb["approve_return"])
    assert concerned(by_verb["approve_return"]) == EVERY_KIND
    assert "refund_deadline" in concerned(by_verb["issue_refund"])
    assert "review" not in concerned(by_verb["issue_refund"])
    assert concerned(by_verb["add_evidence"]) == frozenset()
    ruled = declined()
    assert concerned(happenings(ruled.docket)[-1]) == EVERY_KIND
