"""The same node interface on real local nodes, Hardhat and anvil: deploy, register, anchor, prove, be refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
import rlp
from eth_hash.auto import keccak
from trie import HexaryTrie

from ledger_service.chain.account import TxRequest, development_signer
from ledger_service.chain.answers import TxReceipt
from ledger_service.chain.deploy import (
    Envelope,
    SignedTx,
    build_anchor_tx,
    build_deploy_tx,
    build_register_log_tx,
    check_deployed,
    compute_deploy_address,
    compute_fee_cap,
    sign_tx,
)
from ledger_service.chain.jsonrpc import JsonRpcError, NodeRefusal
from ledger_service.chain.parameters import HARDHAT_CHAIN_ID
from ledger_service.chain.registry import Registry, parse_anchored
from ledger_service.chain.rpc import Node, open_node
from ledger_service.core.registry import (
    compute_commitment,
    compute_commitment_slot,
    compute_log_id,
    compute_origin_hash,
)
from ledger_service.core.state_proof import prove_account, prove_slot, read_header
from ledger_service.errors import ChainError, ContractRevertedError, WrongCodeError
from tests.chain.conftest import word
from tests.chain.local_nodes import local_node
from tests.chain.test_registry import LEAVES, ORIGIN, consistency, root

pytestmark = pytest.mark.node


@pytest.fixture(scope="module", params=["hardhat", "anvil"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A node of the test's own on loopback."""
    with local_node(request.param) as address:
        yield address


@pytest.fixture
def node(url: str) -> Iterator[Node]:
    """That node, asked with a generous limit: it may compile things while it starts."""
    with open_node(url, timeout_seconds=30) as opened:
        yield opened


def envelope(node: Node, index: int = 0, gas: int = 500_000) -> Envelope:
    quote = node.fee_quote()
    signer = development_signer(index, HARDHAT_CHAIN_ID)
    return Envelope(HARDHAT_CHAIN_ID, node.nonce(signer.address), gas, compute_fee_cap(quote), quote.priority_fee)


def mined(node: Node, tx: SignedTx) -> TxReceipt:
    """Send a transaction and ask until its receipt is there: anvil answers before it has mined."""
    assert node.send_raw(tx.raw) == tx.tx_hash
    end = time.monotonic() + 10
    while time.monotonic() < end:
        receipt = node.tx_receipt(tx.tx_hash)
        if receipt is not None:
            return receipt
    pytest.fail("the node did not mine within 10 s")


def test_the_whole_story_on_a_local_node(node: Node) -> None:
    signer = development_signer(0, HARDHAT_CHAIN_ID)
    origin_hash = compute_origin_hash(ORIGIN)
    assert node.chain_id() == HARDHAT_CHAIN_ID

    creation = sign_tx(signer, build_deploy_tx(envelope(node, gas=3_000_000)))
    address = compute_deploy_address(signer.address, creation.request.nonce)
    with pytest.raises(WrongCodeError):
        check_deployed(node, address)
    made = mined(node, creation)
    assert made.contract_address == address
    check_deployed(node, address)

    registration = sign_tx(
        signer,
        build_register_log_tx(
            envelope(node),
            address,
            origin_hash=origin_hash,
            genesis_leaf_hash=LEAVES[0],
            owner=signer.address,
            anchorer=signer.address,
            max_growth=100,
        ),
    )
    assert mined(node, registration).succeeded
    log_id = compute_log_id(HARDHAT_CHAIN_ID, address, registrar=signer.address, origin_hash=origin_hash)
    registry = Registry(node, address)
    assert registry.head(log_id).root == LEAVES[0]

    anchoring = sign_tx(
        signer,
        build_anchor_tx(envelope(node), address, log_id=log_id, size=7, root=root(7), proof=consistency(1, 7)),
    )
    receipt = mined(node, anchoring)
    head = parse_anchored(receipt, address, log_id=log_id)
    assert head is not None
    commitment = compute_commitment(
        log_id,
        head.sequence,
        size=7,
        root=root(7),
        time=head.time,
        block_number=head.block_number,
        parent_hash=head.parent_hash,
    )
    assert commitment == registry.commitment(log_id, 1) == registry.stored_commitment(log_id, 1)

    header = node.header(head.block_number)
    proof = node.get_proof(address, [compute_commitment_slot(log_id, 1)], head.block_number)
    assert header is not None
    assert read_header(header).block_hash == receipt.block_hash
    account = prove_account(read_header(header).state_root, address, proof.nodes)
    assert account.code_hash == keccak(node.code(address))
    found = prove_slot(account.storage_root, compute_commitment_slot(log_id, 1), proof.slots[0].nodes)
    assert found == commitment
    # Another library's trie finds the same in the node's proofs.
    at, slot = keccak(address), keccak(compute_commitment_slot(log_id, 1))
    theirs = HexaryTrie.get_from_proof(read_header(header).state_root, at, [rlp.decode(one) for one in proof.nodes])
    root_there, code_hash = rlp.decode(theirs)[2:]
    assert (root_there, code_hash) == (account.storage_root, account.code_hash)
    slot_nodes = [rlp.decode(one) for one in proof.slots[0].nodes]
    assert rlp.decode(HexaryTrie.get_from_proof(root_there, slot, slot_nodes)) == commitment

    with pytest.raises(ContractRevertedError) as caught:
        registry.head(word(1))
    assert (caught.value.name, caught.value.arguments) == ("LogUnknown", (word(1),))
    with pytest.raises(ContractRevertedError) as caught:
        node.estimate_gas(signer.address, address, anchoring.request.data)
    assert caught.value.name == "HeadNotGrowing"


def test_its_refusals_have_our_reasons(node: Node) -> None:
    signer = development_signer(1, HARDHAT_CHAIN_ID)
    ask = replace(build_deploy_tx(envelope(node, 1, 21_000)), to=bytes(20), data=b"")
    first = sign_tx(signer, ask)
    assert mined(node, first).succeeded

    def reason(request: TxRequest) -> NodeRefusal:
        with pytest.raises(JsonRpcError) as caught:
            node.send_raw(sign_tx(signer, request).raw)
        return caught.value.reason

    again = replace(ask, nonce=node.nonce(signer.address))
    assert reason(replace(ask, value=1)) is NodeRefusal.NONCE_TOO_LOW
    assert reason(replace(again, value=10**30)) is NodeRefusal.INSUFFICIENT_FUNDS
    assert reason(replace(again, fee=1, priority_fee=1)) is NodeRefusal.FEE_TOO_LOW


def test_a_block_that_is_not_there_is_none(node: Node) -> None:
    assert node.block(10**9) is None
    assert node.tx_receipt(word(1)) is None
    assert node.block("finalized") is not None
    with pytest.raises(ChainError, match="not the embedded chain"):
        node.mine()
