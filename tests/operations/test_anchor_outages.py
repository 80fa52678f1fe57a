"""Anchoring after an outage longer than the cap, and on a database that came back from a backup."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from ledger_service.core.alarms import Alarm
from ledger_service.core.report import Outcome
from ledger_service.errors import BehindChainError, BehindMarkError, GateClosedError
from ledger_service.operations.anchored import anchors_of
from tests.chain.lying_node.faults import LyingNode
from tests.operations.simulated import CAP, ORIGIN, SimulatedWorld, final_head
from tests.operations.world import open_case, open_cases


def test_an_outage_longer_than_the_cap_is_told_and_caught_up_in_steps_that_the_cap_allows(
    simulated: SimulatedWorld, tmp_path: Path
) -> None:
    with simulated.working() as (ledger, worker):
        simulated.lying[0].down = True
        for _ in range(3):
            open_cases(ledger, tmp_path, CAP)
            simulated.pass_blocks(1, seconds=3_700)
            assert worker.round().alarm is Alarm.NODE_SILENT
        simulated.assert_told(ledger, Alarm.NODE_SILENT)
        assert simulated.state(ledger)["waiting_seconds"] > 3_600

        simulated.lying[0].heal()
        simulated.goes_on(ledger, worker)
        sizes = [1, *(anchor.size for anchor in anchors_of(ledger))]
        assert len(sizes) > 3
        assert max(after - before for before, after in pairwise(sizes)) <= CAP


@pytest.mark.parametrize(
    ("whole_home", "wanted", "line", "reason"),
    [
        (True, BehindChainError, "chain hardhat_local", "behind_chain: "),  # from before the last anchor
        (False, BehindMarkError, "high-water mark", "behind_mark: "),  # and with the mark that was never restored
    ],
)
def test_a_database_restored_from_before_the_last_anchor_refuses_to_write(
    simulated: SimulatedWorld, tmp_path: Path, whole_home: bool, wanted: type[GateClosedError], line: str, reason: str
) -> None:
    with simulated.working() as (ledger, worker):
        final_head(simulated, ledger, worker, tmp_path)
    backup, newest, home = tmp_path / "backup", tmp_path / "newest", simulated.home
    shutil.copytree(home, backup)
    with simulated.working() as (ledger, worker):
        final_head(simulated, ledger, worker, tmp_path)
    shutil.copytree(home, newest)
    restore(backup, home, whole=whole_home)
    assert_refused(simulated, wanted, line, reason)

    restore(newest, home, whole=whole_home)  # the way out: the newest copy
    with simulated.working() as (ledger, worker):
        open_case(ledger, tmp_path)
        simulated.goes_on(ledger, worker)


def test_a_database_restored_from_after_the_last_anchor_but_behind_the_mark_refuses_to_write(
    simulated: SimulatedWorld, tmp_path: Path
) -> None:
    with simulated.working() as (ledger, worker):
        final_head(simulated, ledger, worker, tmp_path)
    backup, newest, home = tmp_path / "backup", tmp_path / "newest", simulated.home
    shutil.copytree(home, backup)
    with simulated.working() as (ledger, _):
        open_case(ledger, tmp_path)  # a receipt left; no anchor yet
    shutil.copytree(home, newest)
    restore(backup, home, whole=False)
    assert_refused(simulated, BehindMarkError, "high-water mark", "behind_mark: ")

    restore(newest, home, whole=False)
    with simulated.working() as (ledger, worker):
        simulated.goes_on(ledger, worker)


def restore(source: Path, home: Path, *, whole: bool) -> None:
    """Bring back a copy of the home, or only its database."""
    for path in home.glob("ledger.sqlite3*"):
        path.unlink()
    for path in source.iterdir():
        if path.is_file() and (whole or path.name.startswith("ledger.sqlite3")):
            shutil.copy2(path, home / path.name)


def assert_refused(world: SimulatedWorld, wanted: type[GateClosedError], line: str, reason: str) -> None:
    """Assert that nothing is written, that doctor says why, and that reading goes on."""
    with pytest.raises(wanted), world.opened(world.reach(LyingNode(world.chain))):
        pass
    check = world.doctor()[line]
    assert check.outcome is Outcome.FAIL
    assert check.detail.startswith(reason), check.detail
    with world.opened(write=False) as read:
        assert read.ledger.origin == ORIGIN
        assert read.ledger.read.size() > 1
