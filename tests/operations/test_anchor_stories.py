"""What a chain, its nodes, its owner or a thief can do to anchoring: where it ends, what people are told, the way out."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from ledger_service.chain.registry import encode_close_log, encode_set_anchorer, encode_set_max_growth
from ledger_service.core.alarms import LINES, Alarm
from ledger_service.core.anchor_record import AnchorState
from ledger_service.core.fees import GWEI
from ledger_service.core.report import Outcome
from ledger_service.errors import BehindChainError, BehindMarkError, ContradictedError
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.prove import prove
from ledger_service.store.anchors import AnchorHistory
from tests.chain.lying_node.chain import Keep
from tests.chain.lying_node.faults import Fault, LyingNode
from tests.operations.simulated import (
    CAP,
    RULE,
    STRANGER,
    SimulatedWorld,
    junk,
    simulated_world,
)
from tests.operations.test_anchor import states, walk_to
from tests.operations.world import open_case, open_cases


@pytest.fixture(scope="session")
def simulated_template(tmp_path_factory: pytest.TempPathFactory) -> SimulatedWorld:
    """A founded ledger on a simulated chain; tests copy it."""
    return simulated_world(tmp_path_factory.mktemp("simulated") / "home")


@pytest.fixture
def world(simulated_template: SimulatedWorld, tmp_path: Path) -> SimulatedWorld:
    """A founded ledger on a simulated chain."""
    return simulated_template.copied(tmp_path / "home")


SILENT, REFUSES = Alarm.NODE_SILENT, Alarm.NODE_REFUSES


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault.DROP_REQUEST, {SILENT}),
        (Fault.DROP_ANSWER, {SILENT}),
        (Fault.DELAY, {SILENT}),
        (Fault.DUPLICATE, {None}),
        (Fault.REORDER, {REFUSES, SILENT}),
        (Fault.FORGE, {None}),
        (Fault.LAG, {None}),
        (Fault.RATE_LIMIT, {SILENT}),
        (Fault.RATE_LIMIT_RPC, {SILENT}),
        (Fault.CLOSE, {SILENT}),
        (Fault.HTML, {REFUSES, SILENT}),
        (Fault.ERROR_200, {REFUSES}),
        (Fault.TRUNCATED, {REFUSES}),
        (Fault.WRONG_ID, {REFUSES}),
        (Fault.HUGE, {REFUSES}),
        (Fault.CHAIN_ID, {Alarm.WRONG_CHAIN}),
        (Fault.PRUNE, {None}),
    ],
)
def test_whatever_a_node_does_to_every_answer_ends_in_one_line_and_goes_on_when_it_is_well(
    world: SimulatedWorld, tmp_path: Path, fault: Fault, told: set[Alarm | None]
) -> None:
    with world.working() as (ledger, worker):
        open_case(ledger, tmp_path)
        world.lying[0].misbehave(1.0, chance=Random(2), kinds=[fault])
        seen = set()
        for _ in range(3):
            seen.add(worker.round().alarm)
            world.pass_blocks(1)
        assert seen <= told, seen
        if alarm := worker.round().alarm:
            world.assert_told(ledger, alarm)
        size = ledger.read.size()
        open_case(ledger, tmp_path)
        assert ledger.read.size() > size  # recording never waits

        world.lying[0].heal()
        world.goes_on(ledger, worker)
        assert world.lying[0].faulted[fault] > 0


def test_the_table_above_has_every_fault() -> None:
    (mark,) = (
        mark
        for mark in test_whatever_a_node_does_to_every_answer_ends_in_one_line_and_goes_on_when_it_is_well.pytestmark  # type: ignore[attr-defined]
        if mark.name == "parametrize"
    )
    assert {fault for fault, _ in mark.args[1]} == set(Fault)
