"""Anchoring: each head exactly once on chain, whatever dies, lies or goes away on the way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ledger_service.chain.account import Signer, development_signer
from ledger_service.chain.deploy import Envelope, build_anchor_tx, compute_fee_cap, sign_tx
from ledger_service.chain.jsonrpc import JsonRpcError, to_data
from ledger_service.chain.parameters import EMBEDDED_CHAIN_ID
from ledger_service.chain.registry import anchored_topic, encode_close_log, encode_set_anchorer, encode_set_max_growth
from ledger_service.chain.rpc import Node
from ledger_service.core.anchor_record import Anchor, AnchorState
from ledger_service.core.entry import parse_entry
from ledger_service.core.fees import FeePolicy
from ledger_service.core.log_entry import SealEntry
from ledger_service.core.merkle import leaf_hash
from ledger_service.core.report import Verdict
from ledger_service.errors import (
    AccountError,
    BehindChainError,
    ChainError,
    ContradictedError,
    NodeAnswerError,
    NodeUnreachableError,
    StoreBusyError,
    WrongChainError,
    WrongCodeError,
)
from ledger_service.operations.anchor import Anchorer
from ledger_service.operations.anchor_ports import Progress
from ledger_service.operations.anchor_worker import make_anchorer
from ledger_service.operations.anchored import anchors_of
from ledger_service.operations.audit import audit
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.prove import prove
from ledger_service.store.anchors import AnchorHistory
from tests.operations.world import Wire, World, check, open_case, open_cases, registry

WALK = [
    AnchorState.PLANNED,
    AnchorState.SIGNED,
    AnchorState.SUBMITTED,
    AnchorState.INCLUDED,
    AnchorState.FINALIZED,
]
STRANGER = development_signer(3, EMBEDDED_CHAIN_ID)


def states(ledger: Ledger, sequence: int = 1) -> list[str]:
    """Return the states that an anchor went through."""
    return [row.state for row in AnchorHistory(ledger.store).history(ledger.target().log_id, sequence)]


def anchored_txs(ledger: Ledger, node: Node) -> list[dict[str, Any]]:
    """Return the events of heads that the contract holds."""
    wanted = {
        "address": to_data(ledger.target().contract),
        "topics": [to_data(anchored_topic()), to_data(ledger.target().log_id)],
        "fromBlock": "earliest",
    }
    found = node.request("eth_getLogs", [wanted])
    assert isinstance(found, list)
    return [log for log in found if int(log["topics"][2], 16) > 0]


def walk_to(anchorer: Anchorer, state: AnchorState) -> Anchor:
    """Step until the anchor is in this state."""
    for _ in range(10):
        progress = anchorer.step()
        if progress.anchor is not None and progress.anchor.state is state:
            return progress.anchor
    raise AssertionError(f"never {state}")


def finish(anchorer: Anchorer, node: Node, wire: Wire | None = None) -> Progress:
    """Run until nothing is left, adding blocks as a chain with other users would."""
    inner = node if wire is None else Node(wire.inner)
    for _ in range(8):
        progress = anchorer.run()
        if progress.anchor is None:
            return progress
        inner.mine()
    raise AssertionError(f"not finished: {progress.said}")


def send_as(node: Node, signer: Signer, to: bytes, data: bytes) -> None:
    """Send a transaction of another program; it must succeed."""
    from ledger_service.chain.account import TxRequest

    fees = node.fee_quote()
    request = TxRequest(
        EMBEDDED_CHAIN_ID, node.nonce(signer.address), 500_000, compute_fee_cap(fees), fees.priority_fee, to, data
    )
    receipt = node.tx_receipt(node.send_raw(sign_tx(signer, request).raw))
    assert receipt is not None
    assert receipt.succeeded


def anchor_elsewhere(ledger: Ledger, node: Node, signer: Signer, size: int, root: bytes | None = None) -> None:
    """Anchor a head as another process with the same account would; with `root`, of another history."""
    target = ledger.target()
    head = registry(ledger, node).head(target.log_id)
    proof = ledger.read.consistency_proof(head.size, size)
    fees = node.fee_quote()
    envelope = Envelope(
        EMBEDDED_CHAIN_ID, node.nonce(signer.address), 500_000, compute_fee_cap(fees), fees.priority_fee
    )
    request = build_anchor_tx(
        envelope, target.contract, log_id=target.log_id, size=size, root=root or ledger.read.root(size), proof=proof
    )
    receipt = node.tx_receipt(node.send_raw(sign_tx(signer, request).raw))
    assert receipt is not None
    assert receipt.succeeded


def test_a_head_walks_from_planned_to_final_and_then_nothing_is_left(each_world: World, tmp_path: Path) -> None:
    with each_world.anchoring() as (ledger, node, anchorer):
        open_cases(ledger, tmp_path, 3)
        done = anchorer.run()

        assert done.quiet
        assert states(ledger) == [state.value for state in WALK]
        assert registry(ledger, node).head(ledger.target().log_id).size == ledger.read.size() == 5
        assert anchorer.run().said == "nothing to anchor: head 1 covers all 5 entries"
        assert ledger.read.size() == 5  # and no further seal


def test_every_anchored_head_ends_with_a_seal_that_quotes_the_newest_final_anchor(world: World, tmp_path: Path) -> None:
    with world.anchoring() as (ledger, node, anchorer):
        for _ in range(3):
            open_case(ledger, tmp_path)
            anchorer.run()
        anchors = anchors_of(ledger)
        seals = [parse_entry(ledger.read.entry(anchor.size - 1).encoded) for anchor in anchors]

        assert [anchor.sequence for anchor in anchors] == [1, 2, 3]
        for number, seal in enumerate(seals):
            assert isinstance(seal, SealEntry)
            quoted = None if seal.after is None else (seal.after.sequence, seal.after.commitment)
            assert quoted == (None if number == 0 else (number, anchors[number - 1].commitment))
        assert audit(ledger, registry(ledger, node)).findings == []


@pytest.mark.parametrize("state", WALK[:-1])
def test_a_worker_that_dies_after_any_state_is_taken_over_and_the_head_stands_once(
    world: World, tmp_path: Path, state: AnchorState
) -> None:
    with world.anchoring() as (ledger, _, anchorer):
        open_case(ledger, tmp_path)
        walk_to(anchorer, state)
    with world.anchoring() as (ledger, node, anchorer):  # another process, from what is on disk
        anchorer.run()

        assert states(ledger) == [each.value for each in WALK]
        assert len(anchored_txs(ledger, node)) == 1
        assert check(prove(ledger, 1), ledger.trust(), node).verdict is Verdict.VALID


@pytest.mark.parametrize("after_acting", [False, True])
def test_whatever_request_of_a_step_goes_unanswered_the_next_worker_goes_on_and_the_head_stands_once(
    world: World, tmp_path: Path, after_acting: bool
) -> None:
    with world.wired() as (wire, node), world.opened(node) as opened:
        ledger = opened.ledger
        open_case(ledger, tmp_path)
        failures, request = 0, 1
        walked: list[str] = []
        while walked[-1:] != ["finalized"]:
            wire.heal()
            if walked[-1:] != ["signed"] or "submitted" not in walked:  # the first sending goes unanswered, not each
                wire.down_at, wire.after_acting = request, after_acting
            try:
                progress = make_anchorer(ledger, [node], world.signer).step()
            except NodeUnreachableError:
                failures, request = failures + 1, request + 1
                assert states(ledger) == walked  # a step that failed has saved nothing
                continue
            request, walked = 1, states(ledger)
            if progress.waiting:
                wire.inner.chain.mine()  # type: ignore[attr-defined]
                world.clock.pass_seconds(200)  # what never arrived is signed again
            assert len(walked) < 8
        wire.heal()

        assert failures > 40
        assert [state for n, state in enumerate(walked) if state not in walked[:n]] == [state.value for state in WALK]
        assert len(anchored_txs(ledger, node)) == 1
        assert len(set(wire.sent)) == 1
        assert ledger.read.size() == 3
        assert audit(ledger, registry(ledger, node)).findings == []


def test_of_two_workers_one_acts_and_the_head_stands_once(each_world: World, tmp_path: Path) -> None:
    with each_world.node() as node, each_world.opened(node) as one, each_world.opened(node) as two:
        open_cases(one.ledger, tmp_path, 2)
        outcomes: list[str] = []
        start = threading.Barrier(2)

        def work(ledger: Ledger) -> None:
            anchorer = make_anchorer(ledger, [node], each_world.signer)
            start.wait()
            for _ in range(40):
                try:
                    if anchorer.run().anchor is None:
                        outcomes.append("done")
                        return
                except StoreBusyError:
                    outcomes.append("other was first")
            outcomes.append("never")

        threads = [threading.Thread(target=work, args=(opened.ledger,)) for opened in (one, two)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert outcomes.count("done") == 2
        head = registry(one.ledger, node).head(one.ledger.target().log_id)
        assert head.size == one.ledger.read.size()
        assert len(anchored_txs(one.ledger, node)) == head.sequence <= 2
        assert audit(one.ledger, registry(one.ledger, node)).findings == []


def test_the_second_of_two_workers_at_the_same_step_is_told_so(world: World, tmp_path: Path) -> None:
    with world.anchoring() as (ledger, node, anchorer):
        open_case(ledger, tmp_path)
        walk_to(anchorer, AnchorState.PLANNED)
        other = make_anchorer(ledger, [node], world.signer)
        (newest,) = other._load()
        anchorer.step()
        with pytest.raises(StoreBusyError, match="another worker was first"):
            other._save(newest, "too late")

        assert states(ledger) == ["planned", "signed"]


def test_a_backlog_is_anchored_in_steps_that_the_cap_allows(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:  # the chain is away: nobody anchors
        open_cases(opened.ledger, tmp_path, 36)
        seals = [0, *(seal.index for seal in opened.ledger.read.seals()), opened.ledger.read.size() - 1]
    with world.anchoring() as (ledger, node, anchorer):
        anchorer.run()
        sizes = [1, *(anchor.size for anchor in anchors_of(ledger))]

        assert max(after - before for before, after in pairwise(seals)) <= 8  # half of the cap
        assert sizes[-1] == ledger.read.size()
        assert len(sizes) > 3
        assert max(after - before for before, after in pairwise(sizes)) <= 16
        assert check(prove(ledger, 1), ledger.trust(), node).verdict is Verdict.VALID


def test_a_backlog_larger_than_one_call_has_steps_is_anchored_in_one_call(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger_service.operations.anchor.STEPS_MAX", 9)  # one head takes seven
    with world.opened() as opened:
        open_cases(opened.ledger, tmp_path, 20)
    with world.anchoring() as (ledger, _, anchorer):
        assert anchorer.run().anchor is None
        assert anchors_of(ledger)[-1].size == ledger.read.size()


@pytest.mark.parametrize("state", WALK[:3])
def test_a_head_that_another_process_placed_is_a_success(world: World, tmp_path: Path, state: AnchorState) -> None:
    with world.anchoring() as (ledger, node, anchorer):
        open_case(ledger, tmp_path)
        size = walk_to(anchorer, AnchorState.PLANNED).size
        if state is not AnchorState.PLANNED:
            walk_to(anchorer, AnchorState.SIGNED)
        if state is AnchorState.SUBMITTED:  # ours was sent and lost
            (newest,) = anchorer._load()
            anchorer._save(replace(newest, state=AnchorState.SUBMITTED), "sent")
        anchor_elsewhere(ledger, node, world.signer, size)
        anchorer.run()

        assert states(ledger)[-2:] == ["included", "finalized"]
        assert len(anchored_txs(ledger, node)) == 1
        assert check(prove(ledger, 1), ledger.trust(), node).verdict is Verdict.VALID


def test_a_head_of_ours_that_no_record_tells_of_is_found_and_finished(world: World, tmp_path: Path) -> None:
    with world.anchoring() as (ledger, node, anchorer):
        open_case(ledger, tmp_path)
        anchor_elsewhere(ledger, node, world.signer, ledger.read.size())  # no seal at its end, but a checkpoint
        anchorer.run()

        assert states(ledger) == ["planned", "included", "finalized"]
        assert len(anchored_txs(ledger, node)) == 1
        assert check(prove(ledger, 1), ledger.trust(), node).verdict is Verdict.VALID


def test_a_head_given_up_on_a_lagging_node_s_word_is_found_again(world: World, tmp_path: Path) -> None:
    with world.wired() as (wire, node), world.opened(node) as opened:
        ledger = opened.ledger
        open_case(ledger, tmp_path)
        anchorer = make_anchorer(ledger, [node], world.signer)
        walk_to(anchorer, AnchorState.SUBMITTED)
        wire.answers["eth_getTransactionReceipt"] = lambda *_: None  # a replica behind the one that counts nonces
        wire.answers["eth_call"] = _head_before(wire)
        ended = anchorer.step()
        assert ended.anchor is not None
        assert ended.anchor.state is AnchorState.REPLACED
        wire.answers.clear()
        finish(anchorer, node, wire)

        assert states(ledger) == ["planned", "signed", "submitted", "replaced", "planned", "included", "finalized"]
        assert len(anchored_txs(ledger, node)) == 1
        assert ledger.read.size() == 3


def _head_before(wire: Wire, back: int = 1) -> Callable[[Sequence[object], Callable[[], object]], object]:
    """Answer calls as of so many blocks before the newest."""
    number = int(str(wire.inner.request("eth_blockNumber", [])), 16) - back
    return lambda params, _truth: wire.inner.request("eth_call", [params[0], hex(number)])


def test_a_node_that_does_not_search_its_history_only_delays_what_others_placed(world: World, tmp_path: Path) -> None:
    def refuse(*_: object) -> object:
        raise JsonRpcError(-32000, "query exceeds max block range 10000")

    with world.wired() as (wire, node), world.opened(node) as opened:
        ledger = opened.ledger
        wire.answers["eth_getLogs"] = refuse
        anchorer = make_anchorer(ledger, [node], world.signer)
        open_case(ledger, tmp_path)
        finish(anchorer, node, wire)  # our own heads need no search
        assert states(ledger)[-1] == "finalized"

        open_case(ledger, tmp_path)
        anchor_elsewhere(ledger, Node(wire.inner), world.signer, ledger.read.size())
        assert anchorer.run().said.startswith("nothing to anchor")
        open_case(ledger, tmp_path)
        finish(anchorer, node, wire)

        assert states(ledger, 3)[-1] == "finalized"  # head 2 is not ours to name; head 3 covers the same entries
        assert check(prove(ledger, 4), ledger.trust(), node).verdict is Verdict.VALID


def test_a_block_that_leaves_the_chain_takes_its_head_back_to_submitted(world: World, tmp_path: Path) -> None:
    with world.wired() as (wire, node), world.opened(node) as opened:
        ledger = opened.ledger
        open_case(ledger, tmp_path)
        anchorer = make_anchorer(ledger, [node], world.signer)
        included = walk_to(anchorer, AnchorState.INCLUDED)
        assert included.block is not None
        number, other = hex(included.block.number), "0x" + "ab" * 32

        def reorganised(params: Sequence[object], truth: Callable[[], object]) -> object:
            block = truth()
            return {**block, "hash": other} if params[0] == number and isinstance(block, dict) else block

        wire.answers["eth_getBlockByNumber"] = reorganised
        wire.answers["eth_getTransactionReceipt"] = lambda *_: None
        wire.answers["eth_getTransactionCount"] = lambda *_: hex(included.nonce or 0)
        wire.answers["eth_call"] = _head_before(wire)
        again = anchorer.step()
        assert again.anchor is not None
        assert (again.anchor.state, again.anchor.block, again.anchor.commitment) == (AnchorState.SUBMITTED, None, None)
        assert prove(ledger, 1).unprotected["state"] == "submitted"
        wire.answers.clear()
        finish(anchorer, node, wire)

        assert states(ledger)[3:] == ["included", "submitted", "included", "finalized"]
        assert len(anchored_txs(ledger, node)) == 1


def test_a_head_that_others_placed_in_a_block_that_left_is_planned_again(world: World, tmp_path: Path) -> None:
    with world.wired() as (wire, node), world.opened(node) as opened:
        ledger = opened.ledger
        open_case(ledger, tmp_path)
        anchorer = make_anchorer(ledger, [node], world.signer)
        planned = walk_to(anchorer, AnchorState.PLANNED)
        anchor_elsewhere(ledger, Node(wire.inner), world.signer, planned.size)
        included = walk_to(anchorer, AnchorState.INCLUDED)
        assert included.attempts == ()
        assert included.block is not None
        number = hex(included.block.number)
        wire.answers["eth_getBlockByNumber"] = lambda params, truth: None if params[0] == number else truth()
        again = anchorer.step()
        assert again.anchor is not None
        assert again.anchor.state is AnchorState.PLANNED
        wire.answers.clear()
        finish(anchorer, node, wire)

        assert states(ledger) == ["planned", "included", "planned", "included", "finalized"]


def test_a_node_between_two_chains_is_asked_again(world: World, tmp_path: Path) -> None:
    with world.wired() as (wire, node), world.opened(node) as opened:
        open_case(opened.ledger, tmp_path)
        anchorer = make_anchorer(opened.ledger, [node], world.signer)
        walk_to(anchorer, AnchorState.SUBMITTED)
        wire.answers["eth_getBlockByNumber"] = lambda params, truth: (
            None if params[0] not in ("0x0", "latest", "finalized") else truth()
        )
        wire.answers["eth_call"] = _head_before(wire)
        wire.answers["eth_getTransactionCount"] = lambda *_: "0x2"
        progress = anchorer.step()
        assert progress.waiting
        wire.answers.clear()
        finish(anchorer, node, wire)

        assert states(opened.ledger)[-1] == "finalized"


def junk_head(ledger: Ledger, node: Node, signer: Signer) -> None:
    """Anchor two entries that are not in the ledger: what a thief of the anchoring key can do."""
    from ledger_service.core.merkle import Frontier

    target = ledger.target()
    head = registry(ledger, node).head(target.log_id)
    assert head.size == 1  # from the genesis leaf on, the proof is the sibling itself
    sibling = leaf_hash(b"junk")
    frontier = Frontier(1, [head.root])
    frontier.append(sibling)
    fees = node.fee_quote()
    envelope = Envelope(
        EMBEDDED_CHAIN_ID, node.nonce(signer.address), 500_000, compute_fee_cap(fees), fees.priority_fee
    )
    request = build_anchor_tx(
        envelope, target.contract, log_id=target.log_id, size=2, root=frontier.root(), proof=[sibling]
    )
    receipt = node.tx_receipt(node.send_raw(sign_tx(signer, request).raw))
    assert receipt is not None
    assert receipt.succeeded


def test_another_root_on_chain_halts_for_good_and_says_so_each_time(world: World, tmp_path: Path) -> None:
    with world.anchoring() as (ledger, node, anchorer):
        open_case(ledger, tmp_path)
        walk_to(anchorer, AnchorState.SIGNED)
        junk_head(ledger, node, world.signer)
        for worker in (anchorer, anchorer, make_anchorer(ledger, [node], world.signer)):
            with pytest.raises(ContradictedError, match="halted"):
                worker.run()

        assert states(ledger) == ["planned", "signed", "halted"]
        open_case(ledger, tmp_path)  # appending goes on until somebody opens the ledger anew
    with pytest.raises(ContradictedError, match="another root"), world.opened():
        pass


def test_another_root_on_chain_is_no_base_for_a_plan(world: World, tmp_path: Path) -> None:
    with world.anchoring() as (ledger, node, anchorer):
        open_case(ledger, tmp_path)
        junk_head(ledger, node, world.signer)
        with pytest.raises(ContradictedError, match="another root"):
            anchorer.run()

        assert states(ledger) == []


def test_a_chain_ahead_of_the_database_is_no_base_for_a_plan(world: World) -> None:
    with world.anchoring() as (ledger, node, anchorer):
        junk_head(ledger, node, world.signer)
        with pytest.raises(BehindChainError, match="holds a head of 2 entries"):
            anchorer.run()


def test_a_chain_that_lost_a_final_head_is_waited_for_not_anchored_again(world: World, tmp_path: Path) -> None:
    with world.wired() as (wire, node), world.opened(node) as opened:
        ledger = opened.ledger
        before = _head_before(wire, back=0)
        open_case(ledger, tmp_path)
        anchorer = make_anchorer(ledger, [node], world.signer)
        finish(anchorer, node, wire)
        open_case(ledger, tmp_path)
        wire.answers["eth_call"] = before
        with pytest.raises(NodeAnswerError, match="head 1 was final already"):
            anchorer.run()
        wire.answers.clear()
        finish(anchorer, node, wire)

        assert [a.state.value for a in anchors_of(ledger)] == ["finalized", "finalized"]


def test_another_commitment_in_the_final_slot_halts(world: World, tmp_path: Path) -> None:
    with world.anchoring() as (ledger, node, anchorer):
        open_case(ledger, tmp_path)
        included = walk_to(anchorer, AnchorState.INCLUDED)
        anchorer._load()
        anchorer._save(replace(included, commitment=bytes(32)), "spoiled")
        node.mine(3)
        with pytest.raises(ContradictedError, match="another commitment"):
            anchorer.step()


def test_another_chain_at_the_same_address_is_refused_and_nothing_halts(world: World, tmp_path: Path) -> None:
    with world.wired() as (wire, node), world.opened(node) as opened:
        ledger = opened.ledger
        open_case(ledger, tmp_path)
        anchorer = make_anchorer(ledger, [node], world.signer)
        walk_to(anchorer, AnchorState.SIGNED)
        wire.answers["eth_chainId"] = lambda *_: "0x1"
        with pytest.raises(WrongChainError):
            anchorer.run()
        wire.answers = {"eth_getCode": lambda *_: "0x"}  # a node that is still syncing
        with pytest.raises(WrongCodeError, match="no contract"):
            anchorer.run()

        assert wire.sent == []
        wire.answers.clear()
        finish(anchorer, node, wire)
        assert states(ledger) == [state.value for state in WALK]


def test_other_code_at_the_contract_s_address_halts(world: World, tmp_path: Path) -> None:
    with world.wired() as (wire, node), world.opened(node) as opened:
        open_case(opened.ledger, tmp_path)
        anchorer = make_anchorer(opened.ledger, [node], world.signer)
        walk_to(anchorer, AnchorState.SIGNED)
        wire.answers["eth_getCode"] = lambda *_: "0x6001"
        with pytest.raises(ContradictedError, match="code"):
            anchorer.run()

        assert wire.sent == []


@pytest.mark.parametrize(
    "words",
    [
        "nonce too low",
        "already known",
        "replacement transaction underpriced",
        "max fee per gas less than block base fee",
    ],
)
def test_a_refusal_after_which_looking_decides_is_no_failure(world: World, tmp_path: Path, words: str) -> None:
    def arrives_and_refuses(_params: object, truth: Callable[[], object]) -> object:
        truth()
        raise JsonRpcError(-32000, words)

    with world.wired() as (wire, node), world.opened(node) as opened:
        open_case(opened.ledger, tmp_path)
        anchorer = make_anchorer(opened.ledger, [node], world.signer)
        wire.answers["eth_sendRawTransaction"] = arrives_and_refuses
        finish(anchorer, node, wire)

        assert states(opened.ledger) == [state.value for state in WALK]
        assert len(anchored_txs(opened.ledger, node)) == 1


def test_a_node_that_takes_no_nonce_after_a_gap_is_given_the_one_before(world: World, tmp_path: Path) -> None:
    def refuse(*_: object) -> object:
        raise JsonRpcError(-32000, "nonce too high. Expected nonce to be 1 but got 2.")

    with world.wired() as (wire, node), world.opened(node) as opened:
        open_case(opened.ledger, tmp_path)
        anchorer = make_anchorer(opened.ledger, [node], world.signer, policy=FeePolicy(bump_after_seconds=60))
        walk_to(anchorer, AnchorState.SIGNED)
        wire.answers["eth_sendRawTransaction"] = refuse
        wire.answers["eth_getTransactionCount"] = lambda *_: "0x1"  # a reorg took the transaction before it away
        anchorer.step()
        world.clock.pass_seconds(61)
        anchorer.step()

        newest = anchors_of(opened.ledger)[-1]
        assert [attempt.nonce for attempt in newest.attempts] == [2, 1]


def test_any_other_refusal_is_said_and_the_same_bytes_are_sent_again(world: World, tmp_path: Path) -> None:
    def refuse(*_: object) -> object:
        raise JsonRpcError(-32000, "insufficient funds for gas * price + value")

    with world.wired() as (wire, node), world.opened(node) as opened:
        open_case(opened.ledger, tmp_path)
        anchorer = make_anchorer(opened.ledger, [node], world.signer)
        wire.answers["eth_sendRawTransaction"] = refuse
        for _ in range(2):
            with pytest.raises(NodeAnswerError, match="insufficient funds"):
                anchorer.run()
        wire.answers.clear()
        finish(anchorer, node, wire)

        assert len(set(wire.sent)) == 1
        assert states(opened.ledger) == [state.value for state in WALK]


def test_a_transaction_that_waits_is_signed_again_with_higher_fees_up_to_the_ceiling(
    world: World, tmp_path: Path
) -> None:
    pool: list[str] = []

    def keep(params: Sequence[object], _truth: object) -> object:
        from eth_hash.auto import keccak

        pool.append(str(params[0]))
        return to_data(keccak(bytes.fromhex(pool[-1][2:])))

    with world.wired() as (wire, node), world.opened(node) as opened:
        ledger = opened.ledger
        open_case(ledger, tmp_path)
        fees = node.fee_quote()
        ceiling = (2 * fees.base_fee + fees.priority_fee) * 125 // 100  # room for two bumps of a tenth
        policy = FeePolicy(max_fee_ceiling=ceiling, bump_after_seconds=60)
        anchorer = make_anchorer(ledger, [node], world.signer, policy=policy)
        wire.answers["eth_sendRawTransaction"] = keep  # it stays in the pool for ever
        for _ in range(5):
            anchorer.run()
            world.clock.pass_seconds(61)
        newest = anchors_of(ledger)[-1]

        assert len(newest.attempts) == 3
        for one, two in pairwise(newest.attempts):
            assert two.max_fee * 100 >= one.max_fee * 110
            assert two.priority_fee * 100 >= one.priority_fee * 110
        assert newest.attempts[-1].max_fee <= ceiling
        assert pool[-1] == pool[-2] == to_data(newest.attempts[-1].raw)  # at the ceiling the same bytes again
        assert {newest.nonce} == {2}

        wire.answers.clear()
        Node(wire.inner).send_raw(newest.attempts[0].raw)  # the first one made it after all
        finish(anchorer, node, wire)
        assert states(ledger)[-2:] == ["included", "finalized"]
        assert len(anchored_txs(ledger, node)) == 1


def test_a_dear_hour_is_waited_out_before_the_first_signature(world: World, tmp_path: Path) -> None:
    with world.wired() as (wire, node), world.opened(node) as opened:
        open_case(opened.ledger, tmp_path)
        progress = make_anchorer(opened.ledger, [node], world.signer, policy=FeePolicy(max_fee_ceiling=1)).run()

        assert progress.waiting
        assert "cheaper hour" in progress.said
        assert not progress.quiet
        assert states(opened.ledger) == ["planned"]
        assert wire.sent == []


def test_a_nonce_that_another_program_used_leads_to_a_new_plan(world: World, tmp_path: Path) -> None:
    with world.anchoring() as (ledger, node, anchorer):
        open_case(ledger, tmp_path)
        walk_to(anchorer, AnchorState.SIGNED)
        send_as(node, world.signer, ledger.target().contract, encode_set_max_growth(ledger.target().log_id, 16))
        anchorer.run()

        assert states(ledger)[:5] == ["planned", "signed", "submitted", "replaced", "planned"]
        assert states(ledger)[-1] == "finalized"
        assert len(anchored_txs(ledger, node)) == 1


def test_a_transaction_that_reverts_ends_its_anchor_and_only_the_right_account_plans_anew(
    world: World, tmp_path: Path
) -> None:
    with world.anchoring() as (ledger, node, anchorer):
        contract, log_id = ledger.target().contract, ledger.target().log_id
        send_as(node, world.signer, contract, encode_set_anchorer(log_id, STRANGER.address))
        other = make_anchorer(ledger, [node], STRANGER)
        open_case(ledger, tmp_path)
        walk_to(other, AnchorState.SIGNED)
        send_as(node, world.signer, contract, encode_set_anchorer(log_id, world.signer.address))
        walk_to(other, AnchorState.REVERTED)
        with pytest.raises(AccountError, match="takes heads from"):
            other.run()
        anchorer.run()

        assert states(ledger)[:4] == ["planned", "signed", "submitted", "reverted"]
        assert states(ledger)[-1] == "finalized"
        assert len(anchored_txs(ledger, node)) == 1


def test_a_closed_log_is_not_anchored_any_more_and_what_is_final_stays(world: World, tmp_path: Path) -> None:
    with world.anchoring() as (ledger, node, anchorer):
        open_case(ledger, tmp_path)
        anchorer.run()
        log_id = ledger.target().log_id
        close = encode_close_log(log_id, leaf_hash(b"successor"), last_honest_sequence=1)
        send_as(node, world.signer, ledger.target().contract, close)
        open_case(ledger, tmp_path)
        with pytest.raises(ChainError, match="closed in its contract"):
            anchorer.run()

        assert check(prove(ledger, 1), ledger.trust(), node).verdict is Verdict.VALID


def test_a_cap_that_the_owner_lowered_is_kept_to(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        open_cases(opened.ledger, tmp_path, 20)
    with world.anchoring() as (ledger, node, anchorer):
        target = ledger.target()
        send_as(node, world.signer, target.contract, encode_set_max_growth(target.log_id, 2))
        with pytest.raises(ChainError, match="no seal lies within 2 entries"):
            anchorer.run()
        send_as(node, world.signer, target.contract, encode_set_max_growth(target.log_id, 9))
        anchorer.run()
        sizes = [1, *(anchor.size for anchor in anchors_of(ledger))]

        assert sizes[-1] == ledger.read.size()
        assert max(after - before for before, after in pairwise(sizes)) <= 9


def test_final_is_what_the_chain_s_own_tag_says_where_no_confirmations_are_set(world: World, tmp_path: Path) -> None:
    world.settings = world.settings.model_copy(update={"confirmations": None})
    with world.wired() as (wire, node), world.opened(node) as opened:
        open_case(opened.ledger, tmp_path)
        anchorer = make_anchorer(opened.ledger, [node], world.signer)
        walk_to(anchorer, AnchorState.INCLUDED)
        wire.answers["eth_getBlockByNumber"] = lambda params, truth: None if params[0] == "finalized" else truth()
        wire.inner.chain.mine(5)  # type: ignore[attr-defined]
        assert anchorer.run().waiting  # the node knows no final block yet

        wire.answers.clear()
        assert walk_to(anchorer, AnchorState.FINALIZED).block is not None
