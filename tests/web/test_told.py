"""What the page of a return is told, where a case on a server would take long to come there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger_service.core.clock import ClockState
from ledger_service.core.entry import Role
from ledger_service.web.paging import Part
from ledger_service.web.talk import TAGS, talk
from ledger_service.web.told import told_return
from tests.core.cases import approved


@pytest.mark.parametrize("tag", TAGS)
def test_a_deadline_without_a_local_day_is_told_by_its_instant(tag: str) -> None:
    timeline, spoken = approved().timeline(), talk(tag)
    clock = next(one for one in timeline.clocks if one.state is ClockState.RUNNING and one.due_date)
    by_day = replace(timeline, clocks=(clock,))
    by_instant = replace(timeline, clocks=(replace(clock, due_date=None),))

    duties = [told_return(one, spoken, role=Role.BUYER, part=Part(1, 1, 0, 9)).duties for one in (by_day, by_instant)]

    assert [one.due for (one,) in duties] == [spoken.day(str(clock.due_date)), spoken.instant(str(clock.due_at))]
