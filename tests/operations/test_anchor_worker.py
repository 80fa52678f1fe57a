"""A target's worker: which alarm a round ends with, who may act, and what is looked at again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ledger_service.chain.account import Signer
from ledger_service.chain.jsonrpc import JsonRpcError, to_data
from ledger_service.chain.registry import encode_close_log, encode_set_anchorer, encode_set_max_growth
from ledger_service.chain.rpc import Node
from ledger_service.core.alarms import Alarm
from ledger_service.core.anchor_record import AnchorState
from ledger_service.core.cadence import Cadence
from ledger_service.core.fees import GWEI, FeePolicy
from ledger_service.operations.anchor import Anchorer
from ledger_service.operations.anchor_state import anchoring
from ledger_service.operations.anchor_worker import LEASE_SECONDS, TargetWorker, make_anchorer
from ledger_service.operations.anchored import anchors_of
from ledger_service.operations.audit import audit
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.prove import prove
from ledger_service.store.anchors import AnchorHistory
from ledger_service.store.leases import LeaseLostError
from tests.operations.test_anchor import STRANGER, send_as, states, walk_to
from tests.operations.world import Wire, World, open_case, registry

PROMISE = 3_600


def make_worker(
    ledger: Ledger, node: Node, signer: Signer, *, cadence: Cadence | None = None, policy: FeePolicy | None = None
) -> TargetWorker:
    """Return a worker with a lease of its own."""
    anchorer = make_anchorer(ledger, [node], signer, cadence=cadence, policy=policy, leased=True)
    return TargetWorker(ledger, anchorer, promise_seconds=PROMISE, cadence=cadence)


@contextmanager
def working(world: World, **options: Any) -> Iterator[tuple[Wire, Ledger, TargetWorker]]:
    """Open a ledger and its worker over a wire that a test can cut."""
    with world.wired() as (wire, node), world.opened(node) as opened:
        yield wire, opened.ledger, make_worker(opened.ledger, node, world.signer, **options)


def alarm(ledger: Ledger) -> Alarm | None:
    """Return the alarm that other processes see."""
    (found,) = anchoring(ledger)
    return found.alarm


def raising(error: Exception) -> Callable[..., object]:
    """Return an answer that is an error."""

    def answer(*_: object) -> object:
        raise error

    return answer


def test_a_round_that_ends_well_says_so_to_other_processes(world: World, tmp_path: Path) -> None:
    with working(world) as (wire, ledger, worker):
        open_case(ledger, tmp_path)
        worker.round()
        Node(wire.inner).mine(3)
        found = worker.round()
        (state,) = anchoring(ledger)

        assert (found.alarm, found.failed) == (None, False)
        assert (state.state, state.alarm, state.final_size) == ("finalized", None, ledger.read.size())
        assert state.looked_at is not None


def closed(world: World, ledger: Ledger, node: Node, _wire: Wire) -> None:
    send_as(node, world.signer, ledger.target().contract,
            encode_close_log(ledger.target().log_id, bytes(32), last_honest_sequence=0))  # fmt: skip


def another_anchorer(world: World, ledger: Ledger, node: Node, _wire: Wire) -> None:
    send_as(node, world.signer, ledger.target().contract,
            encode_set_anchorer(ledger.target().log_id, STRANGER.address))  # fmt: skip


def lowered_cap(world: World, ledger: Ledger, node: Node, _wire: Wire) -> None:
    send_as(node, world.signer, ledger.target().contract, encode_set_max_growth(ledger.target().log_id, 1))


def silent(_world: World, _ledger: Ledger, _node: Node, wire: Wire) -> None:
    wire.count, wire.down_at = 0, 1


def another_chain(_world: World, _ledger: Ledger, _node: Node, wire: Wire) -> None:
    wire.answers["eth_chainId"] = lambda *_: "0x1"


def no_code(_world: World, _ledger: Ledger, _node: Node, wire: Wire) -> None:
    wire.answers["eth_getCode"] = lambda *_: "0x"


def poor(_world: World, _ledger: Ledger, _node: Node, wire: Wire) -> None:
    wire.answers["eth_getBalance"] = lambda *_: "0x1"


def no_money_at_the_node(_world: World, _ledger: Ledger, _node: Node, wire: Wire) -> None:
    wire.answers["eth_sendRawTransaction"] = raising(
        JsonRpcError(-32000, "insufficient funds for gas * price + value: balance 1, tx cost 2")
    )


def dear(_world: World, _ledger: Ledger, _node: Node, wire: Wire) -> None:
    wire.answers["eth_maxPriorityFeePerGas"] = lambda *_: hex(1000 * GWEI)


def foreign(_world: World, _ledger: Ledger, _node: Node, wire: Wire) -> None:
    wire.answers["eth_getTransactionCount"] = lambda params, truth: (
        hex(int(str(truth()), 16) + 1) if params[1] == "pending" else truth()
    )


def refusing(_world: World, _ledger: Ledger, _node: Node, wire: Wire) -> None:
    wire.answers["eth_sendRawTransaction"] = raising(JsonRpcError(-32000, "the pool is full today"))


HEALS = {silent, another_chain, no_code, poor, no_money_at_the_node, dear, foreign, refusing}


@pytest.mark.parametrize(
    ("fault", "wanted"),
    [
        (closed, Alarm.LOG_CLOSED),
        (another_anchorer, Alarm.NOT_AUTHORISED),
        (lowered_cap, Alarm.OVER_CAP),
        (silent, Alarm.NODE_SILENT),
        (another_chain, Alarm.WRONG_CHAIN),
        (no_code, Alarm.WRONG_CODE),
        (poor, Alarm.NO_FUNDS),
        (no_money_at_the_node, Alarm.NO_FUNDS),
        (dear, Alarm.FEE_CEILING),
        (foreign, Alarm.FOREIGN_TRANSACTION),
        (refusing, Alarm.NODE_REFUSES),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_what_keeps_a_head_waiting_is_an_alarm_of_its_own_and_ends_with_its_cause(
    world: World, tmp_path: Path, fault: Callable[..., None], wanted: Alarm
) -> None:
    with working(world) as (wire, ledger, worker):
        open_case(ledger, tmp_path)
        fault(world, ledger, Node(wire.inner), wire)
        for _ in range(2):
            found = worker.round()
            assert (found.alarm, alarm(ledger)) == (wanted, wanted), found.said
        size = ledger.read.size()
        open_case(ledger, tmp_path)  # recording goes on
        assert ledger.read.size() > size
        if fault not in HEALS:
            return
        wire.heal()
        wire.answers.clear()
        for _ in range(4):
            found = worker.round()
            Node(wire.inner).mine(3)
        assert (found.alarm, alarm(ledger)) == (None, None), found.said
        assert anchoring(ledger)[0].final_size == ledger.read.size()


def test_entries_that_wait_longer_than_was_promised_are_an_alarm_whatever_the_reason(
    world: World, tmp_path: Path
) -> None:
    with working(world, policy=FeePolicy(cheap_fee=0, promise_seconds=10**6)) as (wire, ledger, worker):
        open_case(ledger, tmp_path)
        assert worker.round().alarm is None  # a cheaper hour is waited for
        world.clock.pass_seconds(PROMISE + 10)
        found = worker.round()

        assert (found.alarm, alarm(ledger)) == (Alarm.LATE, Alarm.LATE)
        assert "were promised" in found.said
        assert "a cheaper hour" in found.said
        assert wire.sent == []


def test_of_two_workers_one_acts_and_a_sleeper_that_wakes_up_changes_nothing(world: World, tmp_path: Path) -> None:
    with world.wired() as (wire, node), world.opened(node) as opened:
        ledger = opened.ledger
        first, second = (make_worker(ledger, node, world.signer) for _ in range(2))
        open_case(ledger, tmp_path)
        walk_to(first.anchorer, AnchorState.SIGNED)
        asked = wire.count

        assert second.round().said == "another worker anchors this log"
        assert wire.count == asked  # it does not even look
        world.clock.pass_seconds(LEASE_SECONDS + 1)
        (signed,) = first.anchorer._load()
        walk_to(second.anchorer, AnchorState.SUBMITTED)  # took over
        with pytest.raises(LeaseLostError):
            first.anchorer._save(signed, "what the sleeper was about to save")
        assert first.round().said == "another worker anchors this log"
        assert states(ledger) == ["planned", "signed", "submitted"]
        second.anchorer.give_back()
        walk_to(first.anchorer, AnchorState.INCLUDED)
        assert len(wire.sent) == 1


def test_a_round_in_which_nothing_can_be_due_asks_no_node(world: World, tmp_path: Path) -> None:
    cadence = Cadence(age_seconds=600, count=5, heartbeat_seconds=86_400)
    with working(world, cadence=cadence) as (wire, ledger, worker):
        worker.round()
        asked = wire.count
        open_case(ledger, tmp_path)
        for _ in range(3):
            worker.round()
        assert wire.count == asked
        world.clock.pass_seconds(601)
        worker.round()
        assert wire.count > asked
        assert states(ledger)[-1] in ("included", "submitted")


def test_many_entries_and_urgent_ones_do_not_wait_and_a_quiet_log_has_a_heartbeat(world: World, tmp_path: Path) -> None:
    cadence = Cadence(age_seconds=10_000, count=4, heartbeat_seconds=86_400)
    with world.node() as node, world.opened(node) as opened:
        ledger = opened.ledger
        anchorer = make_anchorer(ledger, [node], world.signer, cadence=cadence)
        open_case(ledger, tmp_path)
        assert anchorer.run().said == "not due yet: 1 entry waits"  # the request, and the genesis before it is anchored
        for _ in range(3):
            open_case(ledger, tmp_path)
        anchorer.run()
        assert [anchor.state for anchor in anchors_of(ledger)] == [AnchorState.FINALIZED]
        covered = f"nothing to anchor: head 1 covers all {ledger.read.size()} entries"
        assert anchorer.run().said == covered
        world.clock.pass_seconds(86_460)
        anchorer.run()
        assert [anchor.state for anchor in anchors_of(ledger)] == [AnchorState.FINALIZED] * 2


def reorganised(number: int) -> Callable[[Sequence[object], Callable[[], object]], object]:
    """Return an answer in which the block at a height is another one."""

    def answer(params: Sequence[object], truth: Callable[[], object]) -> object:
        found = truth()
        if isinstance(found, dict) and int(found["number"], 16) == number:
            return {**found, "hash": to_data(bytes([9]) * 32)}
        return found

    return answer


def final_head(world: World, wire: Wire, ledger: Ledger, worker: TargetWorker, folder: Path) -> int:
    """Anchor a case to the end; return the number of its block."""
    open_case(ledger, folder)
    walk_to(worker.anchorer, AnchorState.INCLUDED)
    Node(wire.inner).mine(3)
    final = walk_to(worker.anchorer, AnchorState.FINALIZED)
    assert final.block is not None
    return final.block.number


def test_a_final_head_that_left_the_chain_is_marked_and_anchored_again(world: World, tmp_path: Path) -> None:
    with working(world) as (wire, ledger, worker):
        number = final_head(world, wire, ledger, worker, tmp_path)
        index = ledger.read.size() - 2
        before = prove(ledger, index)
        worker.round()  # the first look at what is final finds it there
        world.clock.pass_seconds(86_401)
        wire.answers["eth_getBlockByNumber"] = reorganised(number)
        head = registry(ledger, Node(wire.inner)).head(ledger.target().log_id)
        assert head.sequence == 1
        found = worker.round()
        marked = prove(ledger, index)

        assert (found.alarm, alarm(ledger)) == (Alarm.CONTRADICTED, Alarm.CONTRADICTED)
        assert states(ledger)[:6] == ["planned", "signed", "submitted", "included", "finalized", "contradicted"]
        assert before.anchors
        assert marked.unprotected["contradicted"] == [{"log_id": "0x" + ledger.target().log_id.hex(), "sequence": 1}]
        wire.answers.clear()
        for _ in range(3):
            worker.round()
            Node(wire.inner).mine(3)
        again = prove(ledger, index)
        assert again.unprotected["state"] == "finalized"
        assert "contradicted" not in again.unprotected
        assert alarm(ledger) is None
        assert audit(ledger, registry(ledger, Node(wire.inner))).findings == []


def test_what_is_final_is_looked_at_once_a_day(world: World, tmp_path: Path) -> None:
    with working(world) as (wire, ledger, worker):
        final_head(world, wire, ledger, worker, tmp_path)
        looks: list[object] = []

        def look(params: Sequence[object], truth: Callable[[], object]) -> object:
            looks.append(params)
            return truth()

        wire.answers["eth_getStorageAt"] = look
        worker.round()
        worker.round()
        assert len(looks) == 1
        world.clock.pass_seconds(86_401)
        worker.round()
        assert len(looks) == 2


def test_a_halt_ends_when_a_person_says_so_and_comes_back_while_its_cause_stands(world: World, tmp_path: Path) -> None:
    with working(world) as (wire, ledger, worker):
        open_case(ledger, tmp_path)
        walk_to(worker.anchorer, AnchorState.PLANNED)
        wire.answers["eth_getCode"] = lambda *_: "0x6001"
        for _ in range(2):
            assert worker.round().alarm is Alarm.HALTED
            halted = worker.anchorer.resume()
            assert halted is not None
            assert "is not the pinned code" in halted.reason
            wire.answers.clear()
            walk_to(worker.anchorer, AnchorState.PLANNED)
            wire.answers["eth_getCode"] = lambda *_: "0x6001"
        assert worker.anchorer.resume() is None
        wire.answers.clear()
        for _ in range(3):
            worker.round()
            Node(wire.inner).mine(3)
        assert alarm(ledger) is None
        assert states(ledger)[-1] == "finalized"


def test_the_budget_of_the_day_counts_what_was_paid_and_is_free_again_a_day_later(world: World, tmp_path: Path) -> None:
    with working(world) as (wire, ledger, worker):
        final_head(world, wire, ledger, worker, tmp_path)
        (first,) = anchors_of(ledger)
        attempt = first.attempts[0]
        assert first.fee_paid is not None
        assert 0 < first.fee_paid <= attempt.gas * attempt.max_fee
        worst = attempt.gas * attempt.max_fee * 2
        tight = FeePolicy(daily_budget=first.fee_paid + worst // 10)
        frugal = make_anchorer(ledger, [Node(wire)], world.signer, policy=tight)
        open_case(ledger, tmp_path)
        held: Anchorer = frugal
        said = held.run()
        assert said.alarm is Alarm.OVER_BUDGET
        world.clock.pass_seconds(86_401)
        free = make_anchorer(ledger, [Node(wire)], world.signer, policy=FeePolicy(daily_budget=worst))
        assert free.run().alarm is None
        assert AnchorHistory(ledger.store).newest(ledger.target().log_id) is not None
