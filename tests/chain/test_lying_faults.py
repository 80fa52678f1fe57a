"""The lying node misbehaves as it was told to, in the process and over HTTP alike; its chain loses blocks as told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from ledger_service.chain.account import TxRequest, development_signer
from ledger_service.chain.deploy import sign_tx
from ledger_service.chain.jsonrpc import JsonRpcError, NodeRefusal
from ledger_service.chain.parameters import HARDHAT_CHAIN_ID
from ledger_service.chain.rpc import READ_TRIES_MAX, Node, open_node
from ledger_service.core.fees import GWEI
from ledger_service.errors import NodeAnswerError, NodeUnreachableError
from tests.chain.conftest import SetClock
from tests.chain.lying_node.chain import HEADERS_KEPT, Block, Keep, SimulatedChain
from tests.chain.lying_node.faults import Fault, LyingNode
from tests.chain.lying_node.wires import TIMEOUT_SECONDS, in_process, over_http

SIGNER = development_signer(0, HARDHAT_CHAIN_ID)
ELSE = development_signer(1, HARDHAT_CHAIN_ID)


@pytest.fixture
def lying() -> LyingNode:
    """A node of a fresh chain."""
    return LyingNode(SimulatedChain(clock=SetClock(1_800_000_000)))


@contextmanager
def reached(lying: LyingNode, wire: str) -> Iterator[Node]:
    """Reach the node, in the process or over HTTP, without real pauses."""
    if wire == "in_process":
        with in_process(lying) as node:
            yield node
        return
    with over_http(lying) as url, open_node(url, timeout_seconds=5) as plain:
        yield Node(plain._transport, sleep=lambda _: None)


def raw(nonce: int, max_fee: int = 3 * GWEI, priority_fee: int = GWEI, *, gas: int = 21_000, value: int = 0) -> bytes:
    """Sign a payment to nobody."""
    request = TxRequest(HARDHAT_CHAIN_ID, nonce, gas, max_fee, priority_fee, bytes(19) + b"\1", b"", value)
    return sign_tx(SIGNER, request).raw


def blocks(chain: SimulatedChain) -> list[Block]:
    """Return every block from the first on."""
    return [block for number in range(chain.height + 1) if (block := chain.block(number)) is not None]


@pytest.mark.parametrize("wire", ["in_process", "over_http"])
@pytest.mark.parametrize(
    ("fault", "wanted"),
    [
        (Fault.DROP_REQUEST, NodeUnreachableError),
        (Fault.DROP_ANSWER, NodeUnreachableError),
        (Fault.REORDER, NodeUnreachableError),  # the first answer is kept back; the second question gets it
        (Fault.RATE_LIMIT, NodeUnreachableError),
        (Fault.RATE_LIMIT_RPC, NodeUnreachableError),
        (Fault.CLOSE, NodeUnreachableError),
        (Fault.ERROR_200, JsonRpcError),
        (Fault.TRUNCATED, NodeAnswerError),
        (Fault.WRONG_ID, NodeAnswerError),
        (Fault.HUGE, NodeAnswerError),
    ],
)
def test_a_scripted_fault_fails_alike_in_the_process_and_over_http(
    lying: LyingNode, wire: str, fault: Fault, wanted: type[Exception]
) -> None:
    with reached(lying, wire) as node:
        lying.fail(fault, times=1)
        transport = node._transport
        with pytest.raises(wanted):
            transport.request("eth_blockNumber", [])
        assert lying.faulted == {fault: 1}
        if fault is Fault.REORDER:
            lying.fail(fault, times=1)
            with pytest.raises(NodeAnswerError, match="wrong JSON-RPC id"):
                transport.request("eth_chainId", [])
        assert transport.request("eth_blockNumber", []) == "0x0"  # and then the truth comes back


@pytest.mark.parametrize("wire", ["in_process", "over_http"])
def test_a_page_and_a_lie_are_answers_and_a_dropped_read_is_asked_again(lying: LyingNode, wire: str) -> None:
    with reached(lying, wire) as node:
        lying.fail(Fault.HTML)
        with pytest.raises((NodeAnswerError, NodeUnreachableError), match=r"not JSON|HTTP 502"):
            node._transport.request("eth_chainId", [])
        lying.fail(Fault.CHAIN_ID, method="eth_chainId")
        assert node.chain_id() == 1
        lying.fail(Fault.DROP_REQUEST, times=READ_TRIES_MAX - 1)
        assert node.chain_id() == HARDHAT_CHAIN_ID
        lying.chain.mine(5)
        lying.fail(Fault.LAG, blocks=3)
        seen = [found.number for found in (node.block("latest"), node.block("latest")) if found is not None]
        assert seen == [2, 5]
        lying.fail(Fault.DELAY, seconds=1)
        assert node.chain_id() == HARDHAT_CHAIN_ID


@pytest.mark.parametrize("wire", ["in_process", "over_http"])
@pytest.mark.parametrize(
    ("fault", "arrives"), [(Fault.DROP_REQUEST, False), (Fault.DROP_ANSWER, True), (Fault.CLOSE, True)]
)
def test_whether_a_transaction_arrived_cannot_be_told_from_the_silence(
    lying: LyingNode, wire: str, fault: Fault, arrives: bool
) -> None:
    with reached(lying, wire) as node:
        lying.fail(fault, method="eth_sendRawTransaction")
        with pytest.raises(NodeUnreachableError):
            node.send_raw(raw(0))
        assert len(lying.chain.pool) == arrives
        node.send_raw(raw(0))  # the same bytes again: `already known` is a success
        lying.fail(Fault.DUPLICATE, method="eth_sendRawTransaction")
        node.send_raw(raw(1))
        assert len(lying.chain.pool) == 2


def test_a_late_answer_moves_the_clock_and_one_that_is_too_late_is_none(lying: LyingNode) -> None:
    passed: list[float] = []
    with in_process(lying, pass_seconds=passed.append) as node:
        lying.fail(Fault.DELAY, seconds=4)
        assert node._transport.request("eth_chainId", []) == hex(HARDHAT_CHAIN_ID)
        lying.fail(Fault.DELAY, seconds=40)
        with pytest.raises(NodeUnreachableError):
            node._transport.request("eth_chainId", [])
    assert passed == [4, TIMEOUT_SECONDS]


def test_the_same_seed_misbehaves_in_the_same_way_and_at_the_rate_that_was_asked_for(lying: LyingNode) -> None:
    def spoiled() -> list[str]:
        lying.misbehave(0.3, chance=Random(7))
        return [str(plan.fault) if (plan := lying.next_fault("eth_call")) else "" for _ in range(2000)]

    first = spoiled()
    assert spoiled() == first
    assert 500 < sum(map(bool, first)) < 700
    assert {*first} - {""} == {*map(str, Fault)} - {"forge", "chain_id", "prune"}  # nothing of a call to forge


def test_the_pool_refuses_in_geth_s_words_and_lets_gaps_and_low_caps_wait(lying: LyingNode) -> None:
    chain = lying.chain
    with in_process(lying) as node:

        def refused(sent: bytes) -> NodeRefusal:
            with pytest.raises(JsonRpcError) as caught:
                node._transport.request("eth_sendRawTransaction", ["0x" + sent.hex()])
            return caught.value.reason

        node.send_raw(raw(1))
        chain.mine()
        assert node.nonce(SIGNER.address) == 0  # behind a gap
        assert node.nonce(SIGNER.address, "pending") == 0
        node.send_raw(raw(0, max_fee=chain.base_fee - 1, priority_fee=1))
        chain.mine()
        assert node.nonce(SIGNER.address) == 0  # too cheap for now
        assert node.nonce(SIGNER.address, "pending") == 2
        chain.base_fee -= 1
        chain.mine()
        assert node.nonce(SIGNER.address) == 2

        assert refused(raw(0)) is NodeRefusal.NONCE_TOO_LOW
        node.send_raw(raw(2, 1000, 100))
        assert refused(raw(2, 1000, 100)) is NodeRefusal.ALREADY_KNOWN
        for max_fee, priority_fee in ((1099, 110), (1100, 109), (1000, 110)):
            assert refused(raw(2, max_fee, priority_fee)) is NodeRefusal.REPLACEMENT_UNDERPRICED
        node.send_raw(raw(2, 1100, 110))
        assert refused(raw(3, value=10**30)) is NodeRefusal.INSUFFICIENT_FUNDS
        assert len(chain.pool) == 1


def test_the_base_fee_moves_as_eip_1559_says_where_it_is_told_to(lying: LyingNode) -> None:
    chain = lying.chain
    chain.fees_move = True
    chain.mine()
    assert chain.base_fee == GWEI * 7 // 8
    chain.plant(ELSE.address, bytes(20), gas=21_000)
    chain.mine()
    assert GWEI * 49 // 64 < chain.base_fee < GWEI * 7 // 8


@pytest.mark.parametrize("depth", [1, 2, 8, 64, 65])
def test_after_a_reorganisation_the_blocks_still_form_a_chain_of_other_blocks(lying: LyingNode, depth: int) -> None:
    chain = lying.chain
    chain.mine(70)
    before = blocks(chain)
    chain.reorg(depth)
    after = blocks(chain)
    kept = len(before) - depth

    assert after[:kept] == before[:kept]
    assert not {b.block_hash for b in after[kept:]} & {b.block_hash for b in before}
    assert all(two.parent_hash == one.block_hash for one, two in pairwise(after))
    assert len(after) == len(before)


@pytest.mark.parametrize(("keep", "expected"), [(Keep.ALL, 6), (Keep.NONE, 0), (Keep.SOME, None), (Keep.REVERSED, 6)])
def test_which_transactions_come_again_is_the_test_s_choice(lying: LyingNode, keep: Keep, expected: int | None) -> None:
    chain = lying.chain
    for _ in range(3):
        for account in (SIGNER, ELSE):
            chain.plant(account.address, bytes(20))
        chain.mine()
    lost = chain.reorg(3, keep=keep, chance=Random(1))

    assert len(lost) == 6
    assert chain.state.nonce(SIGNER.address) == 0  # the new blocks are empty unless told otherwise
    assert 0 < len(chain.pool) < 6 if expected is None else len(chain.pool) == expected
    assert all(chain.find(tx.tx_hash) is None for tx in lost)
    if expected == 6:
        chain.mine()
        order = [receipt.tx.sender for receipt in chain.head.receipts]
        first = SIGNER.address if keep is Keep.ALL else ELSE.address
        assert order[0] == first
        assert chain.state.nonce(SIGNER.address) == 3


def test_a_chain_begun_anew_has_the_same_id_and_the_genesis_block_that_was_asked_for(lying: LyingNode) -> None:
    chain = lying.chain
    first = chain.head.block_hash
    chain.mine(3)
    chain.reset()
    assert (chain.height, chain.head.block_hash) == (0, first)
    chain.reset(b"another")
    assert chain.head.block_hash != first


def test_the_tags_stand_where_they_were_told_to_and_old_blocks_are_forgotten() -> None:
    chain = SimulatedChain(clock=SetClock(1_800_000_000), final_depth=64, safe_depth=32, kept=100)
    with in_process(LyingNode(chain)) as node:
        chain.mine(150)
        tags: list[Any] = [node.block(tag) for tag in ("latest", "safe", "finalized")]
        assert [tag.number for tag in tags] == [150, 118, 86]
        assert node.block(40) is not None
        with pytest.raises(JsonRpcError, match="state is not available"):
            node.balance(SIGNER.address, 40)
        chain.mine(HEADERS_KEPT)
        assert node.block(40) is None
        assert node.block(0) is not None  # the genesis block is always asked for
