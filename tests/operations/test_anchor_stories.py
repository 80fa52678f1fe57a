"""What a node can do to anchoring, fault by fault: the line that people read, and that it goes on by itself."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from ledger_service.core.alarms import Alarm
from tests.chain.lying_node.faults import Fault
from tests.operations.simulated import SimulatedWorld
from tests.operations.world import open_case

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
    simulated: SimulatedWorld, tmp_path: Path, fault: Fault, told: set[Alarm | None]
) -> None:
    with simulated.working() as (ledger, worker):
        open_case(ledger, tmp_path)
        simulated.lying[0].misbehave(1.0, chance=Random(2), kinds=[fault])
        seen = set()
        for _ in range(3):
            seen.add(worker.round().alarm)
            simulated.pass_blocks(1)
        assert seen <= told, seen
        if alarm := worker.round().alarm:
            simulated.assert_told(ledger, alarm)
        size = ledger.read.size()
        open_case(ledger, tmp_path)
        assert ledger.read.size() > size  # recording never waits

        simulated.lying[0].heal()
        simulated.goes_on(ledger, worker)
        assert simulated.lying[0].faulted[fault] > 0


def test_the_table_above_has_every_fault() -> None:
    (mark,) = (
        mark
        for mark in test_whatever_a_node_does_to_every_answer_ends_in_one_line_and_goes_on_when_it_is_well.pytestmark  # type: ignore[attr-defined]
        if mark.name == "parametrize"
    )
    assert {fault for fault, _ in mark.args[1]} == set(Fault)
