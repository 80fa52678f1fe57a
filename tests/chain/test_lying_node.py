"""The simulated chain of the lying node says what the embedded chain, anvil and Hardhat say to the same calls."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ledger_service.chain.account import TxRequest, development_signer
from ledger_service.chain.answers import TxReceipt
from ledger_service.chain.deploy import (
    Envelope,
    build_deploy_tx,
    check_deployed,
    compute_fee_cap,
    sign_tx,
)
from ledger_service.chain.parameters import EMBEDDED_CHAIN_ID
from ledger_service.chain.registry import (
    Registry,
    encode_accept_ownership,
    encode_anchor,
    encode_close_log,
    encode_register_log,
    encode_set_anchorer,
    encode_set_max_growth,
    encode_transfer_ownership,
    parse_anchored,
)
from ledger_service.chain.rpc import Node, open_node
from ledger_service.core.registry import compute_commitment, compute_log_id, compute_origin_hash
from ledger_service.errors import ContractRevertedError
from tests.chain.conftest import SetClock
from tests.chain.local_nodes import local_node
from tests.chain.lying_node.chain import SimulatedChain
from tests.chain.lying_node.faults import LyingNode
from tests.chain.lying_node.wires import in_process, over_http
from tests.chain.test_registry import LEAVES, ORIGIN, consistency, root

ME, OTHER = 0, 1  # development accounts


@dataclass
class Talk:
    """A registry that is talked to, and what it said so far, without the numbers that chains choose themselves."""

    node: Node
    registry: Registry
    log_id: bytes
    said: list[Any] = field(default_factory=list)

    def send(self, data: bytes, index: int = ME) -> TxReceipt:
        """Send calldata as an account, whatever the contract thinks of it."""
        return mined(self.node, index, self.registry.address, data)

    def ask(self, data: bytes, index: int = ME) -> None:
        """Note whether a call would be taken, and the error where it would not; then send it, and note the event."""
        sender = development_signer(index, self.node.chain_id()).address
        try:
            self.node.estimate_gas(sender, self.registry.address, data)
        except ContractRevertedError as error:
            values = [] if error.name.startswith("Merkle") else list(error.arguments)
            self.said.append((error.name, values))
            return
        receipt = self.send(data, index)
        head = parse_anchored(receipt, self.registry.address, log_id=self.log_id)
        self.said.append((receipt.succeeded, len(receipt.logs), [log.topics for log in receipt.logs]))
        if head is not None:
            block, parent = self.node.block(head.block_number), self.node.block(head.block_number - 1)
            assert block is not None
            assert parent is not None
            assert (block.time, block.parent_hash, parent.block_hash) == (head.time, *[head.parent_hash] * 2)
            expected = compute_commitment(
                self.log_id, head.sequence, size=head.size, root=head.root, time=head.time,
                block_number=head.block_number, parent_hash=head.parent_hash,
            )  # fmt: skip
            assert self.registry.commitment(self.log_id, head.sequence) == expected
            assert self.registry.stored_commitment(self.log_id, head.sequence) == expected
            self.said.append((head.sequence, head.size, head.root))

    def look(self) -> None:
        """Note what the views show."""
        self.said += [self.registry.head(self.log_id), self.registry.log(self.log_id)]
        self.said.append(self.registry.commitment(self.log_id, 99))

    def check(self, name: str, *arguments: Any, **named: Any) -> None:
        """Note what a view that only checks says."""
        try:
            getattr(self.registry, name)(*arguments, **named)
            self.said.append(name)
        except ContractRevertedError as error:
            self.said.append((name, error.name))


def envelope(node: Node, index: int, gas: int = 3_000_000) -> Envelope:
    quote, chain_id = node.fee_quote(), node.chain_id()
    nonce = node.nonce(development_signer(index, chain_id).address)
    return Envelope(chain_id, nonce, gas, compute_fee_cap(quote), quote.priority_fee)


def mined(node: Node, index: int, to: bytes | None, data: bytes) -> TxReceipt:
    """Send calldata and wait for its receipt: anvil answers before it has mined."""
    given = envelope(node, index)
    request = TxRequest(given.chain_id, given.nonce, given.gas, given.fee, given.priority_fee, to, data)
    tx_hash = node.send_raw(sign_tx(development_signer(index, given.chain_id), request).raw)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if (receipt := node.tx_receipt(tx_hash)) is not None:
            return receipt
    raise AssertionError("no block for it")


def talk(node: Node) -> list[Any]:
    """Deploy, register, anchor, be refused in every way, rotate, close; what the chain said to it."""
    chain_id, me = node.chain_id(), development_signer(ME, node.chain_id()).address
    other = development_signer(OTHER, chain_id).address
    made = mined(node, ME, None, build_deploy_tx(envelope(node, ME)).data)
    assert made.contract_address is not None
    check_deployed(node, made.contract_address)
    origin = compute_origin_hash(ORIGIN)
    log_id = compute_log_id(chain_id, made.contract_address, registrar=me, origin_hash=origin)
    told = Talk(node, Registry(node, made.contract_address), log_id)
    register = encode_register_log(origin, LEAVES[0], owner=me, anchorer=me, max_growth=100)

    def anchor(old: int, new: int, **changed: Any) -> bytes:
        values: dict[str, Any] = {"size": new, "root": root(new), "proof": consistency(old, new)} | changed
        return encode_anchor(log_id, values["size"], root=values["root"], proof=values["proof"])

    told.ask(anchor(1, 7))  # LogUnknown
    told.ask(encode_register_log(bytes(32), LEAVES[0], owner=me, anchorer=me, max_growth=100))
    told.ask(encode_register_log(origin, LEAVES[0], owner=me, anchorer=bytes(20), max_growth=100))
    told.ask(encode_register_log(origin, LEAVES[0], owner=me, anchorer=me, max_growth=0))
    told.ask(register)
    told.ask(register)  # LogExists
    told.look()
    told.ask(anchor(1, 7), OTHER)  # LogAnchorerOnly
    for old, new in ((1, 7), (7, 64), (64, 130)):
        told.ask(anchor(old, new, root=bytes(32)))  # MerkleNewerRoot
        told.ask(anchor(old, new, proof=[]))  # MerkleProofLength
        told.ask(anchor(old, new, proof=[bytes(32), *consistency(old, new)[1:]]))  # another older or newer root
        told.ask(anchor(old, new))
        told.look()
    told.ask(anchor(64, 130))  # HeadNotGrowing
    told.ask(encode_set_max_growth(log_id, 3))
    told.ask(encode_set_max_growth(log_id, 0))
    told.ask(encode_set_max_growth(log_id, 9), OTHER)  # LogOwnerOnly
    told.ask(anchor(130, 140))  # HeadGrowthOverCap
    told.ask(encode_set_anchorer(log_id, bytes(20)))
    told.ask(encode_set_anchorer(log_id, other))
    told.ask(anchor(130, 132))
    told.ask(anchor(130, 132), OTHER)
    told.ask(encode_transfer_ownership(log_id, other))
    told.ask(encode_accept_ownership(log_id))  # LogPendingOwnerOnly
    told.ask(encode_accept_ownership(log_id), OTHER)
    told.ask(encode_close_log(log_id, LEAVES[9], last_honest_sequence=9), OTHER)  # LogSequenceUnknown
    told.ask(encode_close_log(log_id, LEAVES[9], last_honest_sequence=4), OTHER)
    told.ask(anchor(132, 133), OTHER)  # LogIsClosed
    told.ask(encode_set_anchorer(log_id, me), OTHER)
    told.ask(encode_accept_ownership(log_id))
    told.look()
    told.check("verify_consistency", 7, root(7), size2=64, root2=root(64), proof=consistency(7, 64))
    told.check("verify_consistency", 7, root(7), size2=64, root2=root(63), proof=consistency(7, 64))
    told.check("verify_consistency", 9, root(9), size2=7, root2=root(7), proof=[])
    told.check("verify_inclusion", LEAVES[0], 0, size=1, proof=[], root=LEAVES[0])
    told.check("verify_inclusion", LEAVES[0], 1, size=1, proof=[], root=LEAVES[0])
    told.check("verify_inclusion", LEAVES[0], 0, size=2, proof=[], root=LEAVES[0])
    told.check("verify_inclusion", LEAVES[0], 0, size=2, proof=[LEAVES[2]], root=root(2))
    return told.said


@contextmanager
def simulated(**options: Any) -> Iterator[tuple[SimulatedChain, LyingNode, Node]]:
    """A simulated chain on which every transaction gets its block at once, and a node of it."""
    chain = SimulatedChain(clock=SetClock(1_800_000_000), **options)
    chain.automine = True
    lying = LyingNode(chain)
    with in_process(lying) as node:
        yield chain, lying, node


def test_the_simulated_chain_says_what_the_embedded_one_says(folder: Path, clock: SetClock) -> None:
    with simulated(chain_id=EMBEDDED_CHAIN_ID) as (_, _, node):
        said = talk(node)
    with open_node(f"embedded:{folder}", writable=True, clock=clock) as embedded:
        assert talk(embedded) == said
    assert len(said) > 50


@pytest.mark.node
@pytest.mark.parametrize("kind", ["anvil", "hardhat"])
def test_the_simulated_chain_says_what_a_local_node_says(kind: str) -> None:
    with local_node(kind) as url, open_node(url, timeout_seconds=30) as real, simulated() as (_, _, node):
        assert talk(node) == talk(real)


def test_over_http_the_simulated_chain_says_the_same(folder: Path) -> None:
    with simulated() as (_, lying, node):
        said = talk(node)
        lying.chain.reset()
        with over_http(lying) as url, open_node(url) as remote:
            assert talk(remote) == said
