"""The stories of reorganisations, replacements, fees, money and code again, on real local chains: anvil and Hardhat."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger_service.chain.jsonrpc import to_data, to_quantity
from ledger_service.core.alarms import Alarm
from ledger_service.core.anchor_record import AnchorState
from ledger_service.core.fees import GWEI
from ledger_service.operations.anchor_state import anchoring
from ledger_service.operations.anchored import anchors_of
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.prove import prove
from tests.chain.local_nodes import local_node
from tests.operations.local_world import ACCOUNT, BUMP_SECONDS, RULE, Local, LocalWorld, founded
from tests.operations.test_anchor import states, walk_to
from tests.operations.world import open_case, registry

pytestmark = pytest.mark.node

ETHER = 10**18


@pytest.fixture(scope="module")
def hardhat() -> Iterator[Local]:
    """A Hardhat chain that the tests of this module share: it takes seconds to start."""
    with local_node("hardhat") as url:
        yield Local("hardhat", url)


@pytest.fixture(params=["anvil", "hardhat"])
def local(request: pytest.FixtureRequest) -> Iterator[Local]:
    """A local chain; anvil's is fresh, since it does not go far back on a long one."""
    if request.param == "hardhat":
        yield request.getfixturevalue("hardhat")
        return
    with local_node("anvil") as url:
        yield Local("anvil", url)


@pytest.fixture
def world(local: Local, tmp_path: Path) -> LocalWorld:
    """A ledger that is founded on it: an origin for each test, since the chain is shared."""
    return founded(local, tmp_path / "home", origin=f"returns.example/{local.kind}/{tmp_path.name}")


@pytest.mark.parametrize("depth", [1, 8, 63])
@pytest.mark.parametrize("seen", [False, True])
def test_a_block_that_leaves_takes_its_head_along_and_it_is_placed_again(
    world: LocalWorld, tmp_path: Path, depth: int, seen: bool
) -> None:
    local = world.local
    with world.working() as (ledger, node, worker):
        open_case(ledger, tmp_path)
        walk_to(worker.anchorer, AnchorState.SIGNED)
        before = local.ask("evm_snapshot")
        local.automine(False)
        walk_to(worker.anchorer, AnchorState.SUBMITTED)
        local.mine(depth)
        local.automine(True)
        if seen:
            walk_to(worker.anchorer, AnchorState.INCLUDED)
        local.reorg(depth, before)
        assert registry(ledger, node).head(ledger.target().log_id).sequence == 0

        world.goes_on(ledger, node, worker)
        assert ("included" in states(ledger)[:4]) is seen
        assert len(anchors_of(ledger)[-1].attempts) > 1  # the first one left the pool with its block


def test_a_reorganisation_deeper_than_finality_is_told_and_anchored_again(world: LocalWorld, tmp_path: Path) -> None:
    local = world.local
    with world.working() as (ledger, node, worker):
        open_case(ledger, tmp_path)
        walk_to(worker.anchorer, AnchorState.SIGNED)
        before = local.ask("evm_snapshot")
        walk_to(worker.anchorer, AnchorState.INCLUDED)
        local.mine(RULE)
        walk_to(worker.anchorer, AnchorState.FINALIZED)
        world.clock.pass_seconds(86_401)
        local.reorg(RULE + 1, before)
        found = worker.round()

        assert found.alarm is Alarm.CONTRADICTED, found.said
        assert anchoring(ledger)[0].alarm is Alarm.CONTRADICTED
        assert "contradicted" in prove(ledger, 1).unprotected
        world.goes_on(ledger, node, worker)


def test_a_transaction_that_waits_is_replaced_by_one_that_pays_more(world: LocalWorld, tmp_path: Path) -> None:
    local = world.local
    local.automine(False)
    try:
        with world.working() as (ledger, node, worker):
            open_case(ledger, tmp_path)
            for _ in range(3):
                worker.round()
                world.clock.pass_seconds(BUMP_SECONDS + 1)
            attempts = anchors_of(ledger)[-1].attempts
            assert len({attempt.nonce for attempt in attempts}) == 1
            assert len(attempts) == 3
            assert registry(ledger, node).head(ledger.target().log_id).sequence == 0
            local.automine(True)
            world.goes_on(ledger, node, worker)
    finally:
        local.automine(True)


Fault = Callable[[Local, Ledger], None]


def no_money(local: Local, _ledger: Ledger) -> None:
    local.ask("…_setBalance", to_data(ACCOUNT.address), "0x0")


def money(local: Local, _ledger: Ledger) -> None:
    local.ask("…_setBalance", to_data(ACCOUNT.address), to_quantity(1_000 * ETHER))


def dear(local: Local, _ledger: Ledger) -> None:
    local.ask("…_setNextBlockBaseFeePerGas", to_quantity(1_000 * GWEI))
    local.mine(1)


def cheap(local: Local, _ledger: Ledger) -> None:
    local.ask("…_setNextBlockBaseFeePerGas", to_quantity(GWEI))
    local.mine(1)


def other_code(local: Local, ledger: Ledger) -> None:
    local.ask("…_setCode", to_data(ledger.target().contract), "0x6001")


def own_code(local: Local, ledger: Ledger) -> None:
    from ledger_service.chain.deploy import deployed_code

    local.ask("…_setCode", to_data(ledger.target().contract), to_data(deployed_code()))


@pytest.mark.parametrize(
    ("fault", "end", "alarm"),
    [
        (no_money, money, Alarm.NO_FUNDS),
        (dear, cheap, Alarm.FEE_CEILING),
        (other_code, own_code, Alarm.WRONG_CODE),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_what_keeps_a_head_waiting_on_a_real_chain_is_told_and_ends_with_its_cause(
    world: LocalWorld, tmp_path: Path, fault: Fault, end: Fault, alarm: Alarm
) -> None:
    with world.working() as (ledger, node, worker):
        open_case(ledger, tmp_path)
        fault(world.local, ledger)
        try:
            found = worker.round()
            assert found.alarm is alarm, found.said
            assert anchoring(ledger)[0].alarm is alarm
        finally:
            end(world.local, ledger)
        world.goes_on(ledger, node, worker)
