"""Stories of the worker that need a simulated chain: reorgs below finality, and days between two heads.

What was final is looked at again by whoever holds the lease, and before the next head is called final; what a final
head left in the pool is outbid however much later.
"""

from __future__ import annotations

import dataclasses

import pytest

from ledger_service.chain.account import TxRequest
from ledger_service.core.alarms import Alarm
from ledger_service.core.anchor_record import Anchor, AnchorState, parse_anchor_record
from ledger_service.core.chain_view import ChainView, FinalView
from ledger_service.core.fees import GWEI, raised
from ledger_service.core.quorum import Disagreement
from tests.simulator.chain import TARGET, FastSigner
from tests.simulator.planted import Disguised
from tests.simulator.world import World


class Shy(Disguised):
    """A chain that, once told to, does not say whether what was final still is."""

    silent = False

    def seen(self, anchor: Anchor, view: ChainView) -> ChainView:
        """Return the view as it is."""
        return view

    def final_view(self, anchor: Anchor) -> FinalView | Disagreement:
        """Call nothing final, once told to."""
        view = self._chain.final_view(anchor)
        assert isinstance(view, FinalView)
        return dataclasses.replace(view, final_number=0) if Shy.silent else view


@pytest.fixture
def calm(monkeypatch: pytest.MonkeyPatch) -> World:
    """A world with one node, two workers under a lease, and no fault."""
    monkeypatch.setattr(Shy, "silent", False)
    weather = dataclasses.replace(
        World(0).weather, nodes=1, quorum=1, leased=True, final_depth=3, balance=10**18, cadence=None
    )
    weather = dataclasses.replace(weather, policy=dataclasses.replace(weather.policy, daily_budget=None))
    world = World(0, weather=weather, disguise=Shy)
    world.calm()
    world.watch.deep = True
    for worker in world.workers:
        worker.is_new = False
    return world


def states(world: World) -> list[str]:
    """Return the present states of the anchors, by sequence."""
    return [row.state for row in world.history.newest()]


def walk(world: World, *, until: AnchorState) -> None:
    """Let the first worker step, and blocks come, until the newest anchor is in a state."""
    for _ in range(60):
        if states(world)[-1:] == [until.value]:
            return
        world.work(world.workers[0])
        world.now += 15
        world.watch.mined(world.chain.mine(world.now))
    raise AssertionError(f"never {until}: {world.shown(20)}")


def dig(world: World) -> None:
    """Replace every block but the first, and bring the same transactions back."""
    world.chain.reorg(len(world.chain.blocks) - 1, world.now, drop=False)


def test_a_worker_without_the_lease_rechecks_nothing(calm: World) -> None:
    first, second = calm.workers
    calm.log.append(3, urgent=False)
    walk(calm, until=AnchorState.FINALIZED)
    dig(calm)
    calm.chain.reorg(1, calm.now, drop=True)

    assert second.anchorer.recheck() is None
    assert states(calm) == ["finalized"]
    assert [anchor.sequence for anchor in first.anchorer.recheck() or ()] == [1]
    assert states(calm) == ["contradicted"]


def test_a_head_below_is_looked_at_again_before_the_next_is_called_final(calm: World) -> None:
    calm.log.append(3, urgent=False)
    walk(calm, until=AnchorState.FINALIZED)
    calm.log.append(3, urgent=False)
    calm.work(calm.workers[0])
    dig(calm)  # the first head stands in another block now
    walk(calm, until=AnchorState.FINALIZED)

    assert states(calm) == ["contradicted", "finalized"]
    assert calm.trace[-1][-1] == "head 2: final; 1 below it left the chain"


def test_a_head_is_not_called_final_while_the_one_below_cannot_be_seen(
    calm: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm.log.append(3, urgent=False)
    walk(calm, until=AnchorState.FINALIZED)
    calm.log.append(3, urgent=False)
    walk(calm, until=AnchorState.INCLUDED)
    for _ in range(5):
        calm.chain.mine(calm.now)
    monkeypatch.setattr(Shy, "silent", True)

    progress = calm.workers[0].anchorer.step()

    assert (progress.waiting, progress.alarm) == (True, Alarm.NODE_BEHIND)
    assert states(calm) == ["finalized", "included"]


def test_what_a_final_head_left_waiting_is_outbid_a_day_later(calm: World) -> None:
    chain, worker = calm.chain, calm.workers[0]
    stranger = TxRequest(TARGET.chain_id, 0, 21_000, 100 * GWEI, GWEI, b"\x77" * 20, b"")
    chain.receive(FastSigner().sign_transaction(stranger))
    chain.mine(calm.now)
    calm.log.append(3, urgent=False)
    for _ in range(3):
        calm.work(worker)  # planned, signed with nonce 1, sent
    chain.reorg(1, calm.now, drop=True)  # nonce 0 is free again, and ours waits behind the gap
    left = chain.pool.pop(1)  # out of the way, for a while
    calm.now += 200
    walk(calm, until=AnchorState.FINALIZED)  # with nonce 0
    chain.inclusion, chain.pool[1] = -1.0, left  # no block has room for it
    calm.now += 25 * 3600
    calm.log.append(3, urgent=False)
    walk(calm, until=AnchorState.SIGNED)

    signed = parse_anchor_record(calm.history.newest()[-1].record).attempts[-1]
    assert signed.nonce == left.nonce == 1
    assert (signed.max_fee, signed.priority_fee) >= (raised(left.max_fee), raised(left.priority_fee))
