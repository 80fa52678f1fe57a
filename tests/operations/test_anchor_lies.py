"""Nodes that lie well: a forgery without a flaw, two histories, a replica that comes and goes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ledger_service.core.alarms import Alarm
from ledger_service.core.anchor_record import AnchorState
from ledger_service.operations.anchored import anchors_of
from ledger_service.operations.ledger import Ledger
from tests.chain.lying_node.forgeries import convincing
from tests.operations.simulated import RULE, SimulatedWorld, final_head, junk
from tests.operations.test_anchor import states, walk_to
from tests.operations.world import open_case


def forged(world: SimulatedWorld, ledger: Ledger) -> Callable[..., Any]:
    """Return an answer that shows our newest attempt in the newest block."""
    anchor = anchors_of(ledger)[-1]

    def answer(params: Sequence[Any]) -> Any:
        return convincing(
            world.chain,
            params[0],
            anchor.contract,
            anchor.log_id,
            sequence=anchor.sequence,
            size=anchor.size,
            root=anchor.root,
        )

    return answer


def test_a_receipt_forged_in_every_detail_is_never_final_and_halts(simulated: SimulatedWorld, tmp_path: Path) -> None:
    with simulated.working() as (ledger, worker):
        open_case(ledger, tmp_path)
        walk_to(worker.anchorer, AnchorState.SUBMITTED)
        simulated.chain.pool.clear()
        simulated.lying[0].lies["eth_getTransactionReceipt"] = forged(simulated, ledger)
        walk_to(worker.anchorer, AnchorState.INCLUDED)
        simulated.pass_blocks(RULE + 1)
        assert worker.round().alarm is Alarm.HALTED
        simulated.assert_told(ledger, Alarm.HALTED, "another commitment")
        assert "finalized" not in states(ledger)

        simulated.lying[0].lies.clear()
        assert worker.anchorer.resume() is not None
        simulated.goes_on(ledger, worker)


def test_of_three_nodes_one_that_forges_convinces_nobody(simulated: SimulatedWorld, tmp_path: Path) -> None:
    simulated.further_nodes(2)
    with simulated.working(quorum=2) as (ledger, worker):
        open_case(ledger, tmp_path)
        walk_to(worker.anchorer, AnchorState.SUBMITTED)
        simulated.chain.pool.clear()
        simulated.lying[1].lies["eth_getTransactionReceipt"] = forged(simulated, ledger)
        for _ in range(3):
            worker.round()
            simulated.chain.mine()
        assert "included" not in states(ledger)

        simulated.goes_on(ledger, worker)
        assert simulated.contract_log(ledger).sequence == 1


def test_nodes_that_show_two_heads_under_one_number_halt_until_the_liar_is_taken_out(
    simulated: SimulatedWorld, tmp_path: Path
) -> None:
    simulated.further_nodes(2)
    with simulated.working(quorum=2) as (ledger, worker):
        open_case(ledger, tmp_path)
        walk_to(worker.anchorer, AnchorState.SUBMITTED)
        fork = copy.deepcopy(simulated.chain)
        simulated.chain.mine()
        honest, simulated.chain = simulated.chain, fork
        fork.pool.clear()
        junk(simulated, ledger, 2)
        simulated.chain, simulated.lying[2].chain = honest, fork
        assert worker.round().alarm is Alarm.NODES_DISAGREE
        simulated.assert_told(ledger, Alarm.NODES_DISAGREE)
        assert states(ledger)[-1] == "halted"

        simulated.lying[2].chain = honest
        assert worker.anchorer.resume() is not None
        simulated.goes_on(ledger, worker)


def test_a_replica_that_comes_and_goes_never_takes_back_what_is_final(
    simulated: SimulatedWorld, tmp_path: Path
) -> None:
    with simulated.working() as (ledger, worker):
        final_head(simulated, ledger, worker, tmp_path)
        open_case(ledger, tmp_path)
        for turn in range(40):
            simulated.lying[0].lag = 6 * (turn % 2)
            worker.round()
            simulated.pass_blocks(2)
        simulated.lying[0].heal()
        simulated.goes_on(ledger, worker)

        assert states(ledger)[-1] == "finalized"
        assert simulated.contract_log(ledger).sequence == 2
