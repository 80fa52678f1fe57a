"""A worker's rounds, when what was final is not on the chain that the node shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ledger_service.chain.rpc import Node
from ledger_service.core.alarms import Alarm
from ledger_service.errors import NodeUnreachableError
from ledger_service.operations.anchor_worker import TargetWorker, make_anchorer
from ledger_service.operations.ledger import Ledger
from ledger_service.store.anchors import AnchorHistory
from tests.operations.world import Wire, World, open_case

OTHER_HASH = "0x" + "ab" * 32


@contextmanager
def anchored(world: World, folder: Path) -> Iterator[tuple[Wire, Ledger, TargetWorker, dict[str, object]]]:
    """Anchor one head to the end; yield also what the contract said by call before that."""
    with world.wired() as (wire, node), world.opened(node) as opened:
        ledger = opened.ledger
        before: dict[str, object] = {}

        def keep(params: Sequence[object], truth: Callable[[], object]) -> object:
            answer = truth()
            before.setdefault(str(params[0]), answer)
            return answer

        wire.answers["eth_call"] = keep
        open_case(ledger, folder)
        worker = TargetWorker(ledger, make_anchorer(ledger, [node], world.signer), promise_seconds=3600)
        for _ in range(8):
            worker.round()
            Node(wire.inner).mine()
        wire.answers.clear()
        assert [row.state for row in AnchorHistory(ledger.store).current(ledger.target().log_id)] == ["finalized"]
        yield wire, ledger, worker, before


def test_a_node_behind_what_was_final_is_looked_at_again_in_the_next_round(world: World, tmp_path: Path) -> None:
    with anchored(world, tmp_path) as (wire, ledger, worker, before):
        looks = 0

        def counted(_params: Sequence[object], truth: Callable[[], object]) -> object:
            nonlocal looks
            looks += 1
            return truth()

        wire.answers["eth_getStorageAt"] = counted  # only the look at what is final asks for a slot
        wire.answers["eth_call"] = lambda params, truth: before.get(str(params[0]), truth())
        open_case(ledger, tmp_path)

        assert worker.round().alarm is Alarm.NODE_BEHIND
        assert looks == 0  # it is not time for the daily look
        assert worker.round().alarm is Alarm.NODE_BEHIND
        assert looks == 1
        wire.answers.pop("eth_call")
        assert worker.round().alarm is None


def test_that_a_head_was_lost_is_said_even_if_nobody_answers_afterwards(world: World, tmp_path: Path) -> None:
    with anchored(world, tmp_path) as (wire, _, worker, _):
        world.clock.pass_seconds(86_401)

        def replaced(_params: Sequence[object], truth: Callable[[], object]) -> object:
            found = truth()
            assert isinstance(found, dict)
            return found | {"hash": OTHER_HASH} if found["number"] not in ("0x0",) else found

        def silent(_params: Sequence[object], _truth: Callable[[], object]) -> object:
            raise NodeUnreachableError("nobody answers")

        wire.answers["eth_getBlockByNumber"] = replaced
        wire.answers["eth_call"] = silent  # the look at what is final needs no call

        done = worker.round()

        assert (done.alarm, done.failed) == (Alarm.CONTRADICTED, True)
        assert done.said.startswith("1 heads that were final left the chain; ")
