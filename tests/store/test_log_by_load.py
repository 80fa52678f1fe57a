"""A group is appended here while there is little to do, and apart while there is much; the log is one either way."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from ledger_service.errors import GateClosedError
from ledger_service.store.drafts import Appended, Draft
from ledger_service.store.engine import open_store
from ledger_service.store.ledger import LogWriter, Outcome
from ledger_service.store.log_by_load import GROUPS, LITTLE, MUCH, LogByLoad
from ledger_service.store.read import LedgerReader
from tests.store import drafts
from tests.store.conftest import sqlite_place
from tests.store.test_log_process import rules


class Clock:
    """Stands still unless somebody works or waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Place:
    """Takes its time, counts, and appends where it is given something that does."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.took = clock, 1.0
        self.begun = True
        self.fails: Exception | None = None
        self.log: LogWriter | None = None
        self.groups = 0
        self.closed = False

    def append_group(self, drafts: Sequence[Draft]) -> list[Outcome]:
        self.groups += 1
        self.clock.now += self.took
        if self.fails is not None:
            raise self.fails
        return [] if self.log is None else self.log.append_group(drafts)

    def ready(self) -> bool:
        return self.begun

    def close(self) -> None:
        self.closed = True


class Load:
    """A log in two places, and groups that come so long after the one before."""

    def __init__(self, *, much: float = MUCH) -> None:
        self.clock = Clock()
        self.here, self.apart = Place(self.clock), Place(self.clock)
        self.log = LogByLoad(self.here, self.apart, much=much, clock=self.clock)

    def come(self, count: int, *, share: float) -> tuple[int, int]:
        """Append so many groups that take this share of the time; return how many each place appended."""
        before = self.here.groups, self.apart.groups
        for _ in range(count):
            self.clock.now += 1.0 / share - 1.0
            self.log.append_group([])
        return self.here.groups - before[0], self.apart.groups - before[1]


def test_with_little_to_do_nothing_goes_apart() -> None:
    assert Load().come(200, share=0.3) == (200, 0)


def test_with_much_to_do_it_goes_apart_and_with_little_it_comes_back() -> None:
    load = Load()

    here, apart = load.come(200, share=0.9)
    assert here <= GROUPS
    assert apart >= 200 - GROUPS

    here, apart = load.come(200, share=0.1)
    assert apart <= 2 * GROUPS
    assert here >= 200 - 2 * GROUPS


def test_between_the_two_it_stays_where_it_is() -> None:
    between = (LITTLE + MUCH) / 2
    quiet, busy = Load(), Load()
    busy.come(200, share=0.9)

    assert quiet.come(200, share=between) == (200, 0)
    assert busy.come(200, share=between) == (0, 200)


def test_nobody_waits_for_a_process_that_has_not_begun() -> None:
    load = Load()
    load.apart.begun = False

    assert load.come(100, share=0.9) == (100, 0)
    load.apart.begun = True
    assert load.come(100, share=0.9) == (0, 100)


def test_where_it_is_wanted_everything_goes_apart() -> None:
    load = Load(much=0.0)
    load.apart.begun = False

    assert load.come(50, share=0.01) == (0, 50)


def test_a_group_that_fails_is_told_and_counts() -> None:
    load = Load()
    load.here.fails = GateClosedError("the mark is ahead")

    with pytest.raises(GateClosedError):
        load.log.append_group([])
    for _ in range(2 * GROUPS):
        with suppress(GateClosedError):
            load.log.append_group([])

    assert load.apart.groups > 0


def test_a_clock_that_does_not_move_divides_by_nothing() -> None:
    load = Load()
    load.here.took = 0.0

    assert load.log.append_group([]) == []


def test_both_are_ended_by_the_one_that_holds_the_other() -> None:
    load = Load()
    load.log.close()

    assert load.apart.closed
    assert not load.here.closed


def test_two_places_in_turn_make_one_log(tmp_path: Path) -> None:
    """Each finds that the other wrote, and goes on from there."""
    with open_store(sqlite_place(tmp_path).url) as store:
        load, logs = Load(), [LogWriter(store, rules()), LogWriter(store, rules())]
        load.here.log, load.apart.log = logs
        outcomes = load.log.append_group([drafts.genesis(), drafts.request("a")])
        for number in range(120):
            load.clock.now += 0.0 if number // 40 == 1 else 100.0  # much to do for a while
            outcomes += load.log.append_group([drafts.request(f"{256 + number:x}")])
        for log in logs:
            log.close()
        size = LedgerReader(store).size()

    assert [one.index for one in outcomes if isinstance(one, Appended)] == list(range(122))
    assert size == 122
    assert min(load.here.groups, load.apart.groups) > GROUPS
