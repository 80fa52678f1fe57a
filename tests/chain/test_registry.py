"""The registry's binding and deployment on the embedded chain, and the strict reading of its event."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from eth_hash.auto import keccak

from ledger_service.chain.account import Signer, development_signer
from ledger_service.chain.answers import Log, TxReceipt
from ledger_service.chain.deploy import (
    Envelope,
    build_anchor_tx,
    build_deploy_tx,
    build_register_log_tx,
    check_deployed,
    compute_deploy_address,
    compute_fee_cap,
    deployed_code,
    sign_tx,
)
from ledger_service.chain.registry import (
    AnchoredHead,
    Registry,
    RegistryHead,
    encode_accept_ownership,
    encode_anchor,
    encode_close_log,
    encode_set_anchorer,
    encode_set_max_growth,
    encode_transfer_ownership,
    parse_anchored,
)
from ledger_service.chain.reverts import decode_revert
from ledger_service.chain.rpc import Node, open_node
from ledger_service.core import merkle
from ledger_service.core.registry import (
    compute_commitment,
    compute_log_id,
    compute_origin_hash,
)
from ledger_service.errors import ContractRevertedError, NodeAnswerError, WrongCodeError
from tests.chain.conftest import SLOTS_RUNTIME, Sender, SetClock, word
from tests.chain.fake_node import FakeNode, instead

ORIGIN = "ledger.example/returns"
LEAVES = [merkle.leaf_hash(bytes([i])) for i in range(200)]
TREE = merkle.complete_nodes(LEAVES)


def root(size: int) -> bytes:
    return merkle.compute_root(size, [TREE[node] for node in merkle.nodes_for_root(size)])


def consistency(old: int, new: int) -> list[bytes]:
    return list(merkle.fold_consistency(old, new, [TREE[node] for node in merkle.nodes_for_consistency(old, new)]))


@dataclass
class Deployed:
    """A registry with one log on an embedded chain; account 0 registers, owns and anchors."""

    node: Node
    signer: Signer
    registry: Registry
    log_id: bytes
    registered: TxReceipt

    def envelope(self, gas: int = 500_000) -> Envelope:
        return envelope(self.node, self.signer, gas)

    def anchor(self, old: int, new: int) -> TxReceipt:
        """Anchor the head of size `new` over `old`; the transaction's receipt."""
        request = build_anchor_tx(
            self.envelope(),
            self.registry.address,
            log_id=self.log_id,
            size=new,
            root=root(new),
            proof=consistency(old, new),
        )
        return send(self.node, self.signer, request)

    def write(self, data: bytes, signer: Signer | None = None) -> TxReceipt:
        """Send any calldata to the registry."""
        by = signer or self.signer
        request = build_anchor_tx(
            envelope(self.node, by), self.registry.address, log_id=bytes(32), size=1, root=bytes(32), proof=[]
        )
        return send(self.node, by, replace(request, data=data))


def envelope(node: Node, signer: Signer, gas: int = 500_000) -> Envelope:
    quote = node.fee_quote()
    return Envelope(
        chain_id=node.chain_id(),
        nonce=node.nonce(signer.address),
        gas=gas,
        fee=compute_fee_cap(quote),
        priority_fee=quote.priority_fee,
    )


def send(node: Node, signer: Signer, request: object) -> TxReceipt:
    tx = sign_tx(signer, request)  # type: ignore[arg-type]
    assert node.send_raw(tx.raw) == tx.tx_hash
    receipt = node.tx_receipt(tx.tx_hash)
    assert receipt is not None
    return receipt


@pytest.fixture
def deployed(folder: Path, clock: SetClock) -> Iterator[Deployed]:
    """A fresh registry with one log."""
    with open_node(f"embedded:{folder}", writable=True, clock=clock) as node:
        signer = development_signer(0, node.chain_id())
        made = send(node, signer, build_deploy_tx(envelope(node, signer, 3_000_000)))
        assert made.contract_address is not None
        registered = send(
            node,
            signer,
            build_register_log_tx(
                envelope(node, signer),
                made.contract_address,
                origin_hash=compute_origin_hash(ORIGIN),
                genesis_leaf_hash=LEAVES[0],
                owner=signer.address,
                anchorer=signer.address,
                max_growth=100,
            ),
        )
        log_id = compute_log_id(
            node.chain_id(),
            made.contract_address,
            registrar=signer.address,
            origin_hash=compute_origin_hash(ORIGIN),
        )
        yield Deployed(node, signer, Registry(node, made.contract_address), log_id, registered)


def test_the_deployed_address_is_known_beforehand_and_holds_the_committed_code(deployed: Deployed) -> None:
    assert deployed.registry.address == compute_deploy_address(deployed.signer.address, 0)
    check_deployed(deployed.node, deployed.registry.address)
    assert keccak(deployed.node.code(deployed.registry.address)) == keccak(deployed_code())


def test_no_contract_and_another_contract_are_told_apart(deployed: Deployed, sender_on: Sender) -> None:
    with pytest.raises(WrongCodeError, match="there is no contract"):
        check_deployed(deployed.node, bytes(20))
    with pytest.raises(WrongCodeError, match="not this version's"):
        check_deployed(deployed.node, sender_on.deploy_slots())


@pytest.fixture
def sender_on(deployed: Deployed) -> Sender:
    """Account 5 on the same chain, for other contracts."""
    return Sender(deployed.node._transport.chain, 5)  # type: ignore[attr-defined]


def test_registering_anchors_the_genesis_leaf_as_head_0(deployed: Deployed) -> None:
    head = parse_anchored(deployed.registered, deployed.registry.address, log_id=deployed.log_id)

    assert head is not None
    assert (head.sequence, head.size, head.root) == (0, 1, LEAVES[0])
    assert deployed.registry.head(deployed.log_id) == RegistryHead(0, 1, LEAVES[0])


def test_the_logs_roles_are_read_whole(deployed: Deployed) -> None:
    found = deployed.registry.log(deployed.log_id)

    me, nobody = deployed.signer.address, bytes(20)
    assert (found.registrar, found.owner, found.pending_owner, found.anchorer) == (me, me, nobody, me)
    assert (found.origin_hash, found.max_growth) == (compute_origin_hash(ORIGIN), 100)
    assert (found.closed, found.successor, found.last_honest_sequence) == (False, bytes(32), 0)


def test_a_commitment_is_what_event_view_slot_and_proof_all_give(deployed: Deployed) -> None:
    for old, new in ((1, 7), (7, 70), (70, 130)):
        head = parse_anchored(deployed.anchor(old, new), deployed.registry.address, log_id=deployed.log_id)
        assert head is not None
        assert (head.size, head.root) == (new, root(new))
        expected = compute_commitment(
            deployed.log_id,
            head.sequence,
            size=new,
            root=root(new),
            time=head.time,
            block_number=head.block_number,
            parent_hash=head.parent_hash,
        )

        block, parent = deployed.node.block(head.block_number), deployed.node.block(head.block_number - 1)
        assert block is not None
        assert parent is not None
        assert (block.time, parent.block_hash) == (head.time, head.parent_hash)
        assert deployed.registry.commitment(deployed.log_id, head.sequence) == expected
        assert deployed.registry.stored_commitment(deployed.log_id, head.sequence) == expected

    assert deployed.registry.commitment(deployed.log_id, 9) == bytes(32)
    assert deployed.registry.stored_commitment(deployed.log_id, 9) == bytes(32)
    assert deployed.registry.head(deployed.log_id, deployed.registered.block_number).sequence == 0


def test_the_transaction_that_anchored_a_head_is_found_by_its_event(deployed: Deployed) -> None:
    receipt = deployed.anchor(1, 7)

    assert deployed.registry.find_anchored_tx(deployed.log_id, 0) == deployed.registered.tx_hash
    assert deployed.registry.find_anchored_tx(deployed.log_id, 1) == receipt.tx_hash
    assert deployed.registry.find_anchored_tx(deployed.log_id, 2) is None
    assert deployed.registry.find_anchored_tx(word(1), 0) is None


@pytest.mark.parametrize(
    ("old", "new", "size", "name"),
    [
        (1, 7, 1, "HeadNotGrowing"),
        (1, 150, 150, "HeadGrowthOverCap"),
        (1, 9, 7, "MerkleProofLength"),
    ],
)
def test_what_the_contract_refuses_comes_back_under_its_own_name(
    deployed: Deployed, old: int, new: int, size: int, name: str
) -> None:
    data = encode_anchor(deployed.log_id, size, root=root(new), proof=consistency(old, new))

    with pytest.raises(ContractRevertedError) as caught:
        deployed.node.estimate_gas(deployed.signer.address, deployed.registry.address, data)

    assert caught.value.name == name
    if name == "HeadNotGrowing":
        assert caught.value.arguments == (deployed.log_id, 1, 1)


def test_a_reverted_transaction_anchors_nothing(deployed: Deployed) -> None:
    first = deployed.anchor(1, 7)
    again = deployed.anchor(1, 7)

    assert parse_anchored(first, deployed.registry.address, log_id=deployed.log_id) is not None
    assert not again.succeeded
    assert parse_anchored(again, deployed.registry.address, log_id=deployed.log_id) is None


def test_an_unknown_log_is_refused_by_name(deployed: Deployed) -> None:
    for ask in (deployed.registry.head, deployed.registry.log):
        with pytest.raises(ContractRevertedError) as caught:
            ask(word(1))
        assert (caught.value.name, caught.value.arguments) == ("LogUnknown", (word(1),))


def test_a_stranger_may_not_anchor_and_is_named(deployed: Deployed) -> None:
    stranger = development_signer(1, deployed.node.chain_id())
    data = encode_anchor(deployed.log_id, 7, root=root(7), proof=consistency(1, 7))

    with pytest.raises(ContractRevertedError) as caught:
        deployed.node.estimate_gas(stranger.address, deployed.registry.address, data)

    assert caught.value.name == "LogAnchorerOnly"
    assert caught.value.arguments == (deployed.log_id, stranger.address, deployed.signer.address)


def test_the_owners_acts_reach_the_contract(deployed: Deployed) -> None:
    heir = development_signer(1, deployed.node.chain_id())

    assert deployed.write(encode_set_anchorer(deployed.log_id, heir.address)).succeeded
    assert deployed.write(encode_set_max_growth(deployed.log_id, 55)).succeeded
    assert deployed.write(encode_transfer_ownership(deployed.log_id, heir.address)).succeeded
    assert deployed.registry.log(deployed.log_id).pending_owner == heir.address
    assert deployed.write(encode_accept_ownership(deployed.log_id), heir).succeeded
    close = encode_close_log(deployed.log_id, word(9), last_honest_sequence=0)
    assert not deployed.write(close).succeeded
    assert deployed.write(close, heir).succeeded

    found = deployed.registry.log(deployed.log_id)
    assert (found.anchorer, found.owner, found.max_growth) == (heir.address, heir.address, 55)
    assert (found.closed, found.successor, found.last_honest_sequence) == (True, word(9), 0)


def test_the_contract_checks_proofs_for_anybody(deployed: Deployed) -> None:
    inclusion = merkle.fold_inclusion(3, 7, [TREE[node] for node in merkle.nodes_for_inclusion(3, 7)])

    deployed.registry.verify_inclusion(LEAVES[3], 3, size=7, proof=inclusion, root=root(7))
    deployed.registry.verify_consistency(3, root(3), size2=7, root2=root(7), proof=consistency(3, 7))

    with pytest.raises(ContractRevertedError):
        deployed.registry.verify_inclusion(LEAVES[4], 3, size=7, proof=inclusion, root=root(7))
    with pytest.raises(ContractRevertedError):
        deployed.registry.verify_consistency(3, root(3), size2=7, root2=root(8), proof=consistency(3, 7))


def test_a_view_where_no_contract_is_is_a_node_answer_error(deployed: Deployed) -> None:
    with pytest.raises(NodeAnswerError, match="crooked bytes") as caught:
        Registry(deployed.node, bytes(range(20))).head(deployed.log_id)

    assert "deployed at this address" in caught.value.hint


def test_a_crooked_view_answer_is_a_node_answer_error(deployed: Deployed) -> None:
    chain = deployed.node._transport.chain  # type: ignore[attr-defined]
    with FakeNode(chain) as fake, open_node(fake.url) as node:
        registry = Registry(node, deployed.registry.address)
        assert registry.head(deployed.log_id).size == 1
        for crooked in ("0x", "0x00", "0x" + "ff" * 96):
            fake.fail(instead(crooked))
            with pytest.raises(NodeAnswerError, match="crooked"):
                registry.head(deployed.log_id)


def test_a_revert_over_http_is_decoded_too(deployed: Deployed) -> None:
    chain = deployed.node._transport.chain  # type: ignore[attr-defined]
    with FakeNode(chain) as fake, open_node(fake.url) as node, pytest.raises(ContractRevertedError) as caught:
        Registry(node, deployed.registry.address).head(word(1))

    assert caught.value.name == "LogUnknown"


# --- the event, read strictly -----------------------------------------------------------------------------------


@pytest.fixture
def anchored(deployed: Deployed) -> tuple[TxReceipt, bytes, bytes]:
    """An honest receipt of an anchor, the registry's address and the log id."""
    return deployed.anchor(1, 7), deployed.registry.address, deployed.log_id


def with_log(receipt: TxReceipt, **changed: object) -> TxReceipt:
    return replace(receipt, logs=(replace(receipt.logs[0], **changed),))  # type: ignore[arg-type]


def test_the_honest_event_is_read(anchored: tuple[TxReceipt, bytes, bytes]) -> None:
    receipt, address, log_id = anchored

    head = parse_anchored(receipt, address, log_id=log_id)

    assert isinstance(head, AnchoredHead)
    assert (head.log_id, head.sequence, head.size, head.root) == (log_id, 1, 7, root(7))
    assert head.block_number == receipt.block_number


def test_events_of_others_are_not_ours(anchored: tuple[TxReceipt, bytes, bytes]) -> None:
    receipt, address, log_id = anchored
    log = receipt.logs[0]

    assert parse_anchored(with_log(receipt, address=bytes(20)), address, log_id=log_id) is None
    assert parse_anchored(with_log(receipt, topics=(word(1), *log.topics[1:])), address, log_id=log_id) is None
    assert parse_anchored(with_log(receipt, topics=()), address, log_id=log_id) is None
    assert parse_anchored(with_log(receipt, topics=log.topics[:1]), address, log_id=log_id) is None
    assert parse_anchored(replace(receipt, logs=()), address, log_id=log_id) is None
    assert parse_anchored(replace(receipt, succeeded=False), address, log_id=log_id) is None
    assert parse_anchored(receipt, address, log_id=word(1)) is None
    other: Log = replace(log, address=bytes(20))
    assert parse_anchored(replace(receipt, logs=(other, log)), address, log_id=log_id) is not None


def test_an_event_that_contradicts_its_receipt_is_refused(anchored: tuple[TxReceipt, bytes, bytes]) -> None:
    receipt, address, log_id = anchored
    log = receipt.logs[0]
    too_large = b"\x01" + log.data[1:]
    crooked = [
        with_log(receipt, removed=True),
        with_log(receipt, block_hash=word(1)),
        with_log(receipt, tx_hash=word(1)),
        with_log(receipt, data=log.data[:-1]),
        with_log(receipt, data=log.data + bytes(32)),
        with_log(receipt, data=too_large),
        with_log(receipt, topics=(*log.topics, word(1))),
        with_log(receipt, topics=log.topics[:2]),
        with_log(receipt, topics=(*log.topics[:2], b"\xff" * 32)),
        replace(receipt, block_number=receipt.block_number + 1),
        replace(receipt, logs=(log, log)),
    ]

    for one in crooked:
        with pytest.raises(NodeAnswerError):
            parse_anchored(one, address, log_id=log_id)


# --- revert data ------------------------------------------------------------------------------------------------


def test_solidity_s_own_errors_are_decoded() -> None:
    from eth_abi.abi import encode

    reason = decode_revert(bytes.fromhex("08c379a0") + encode(["string"], ["not today"]))
    panic = decode_revert(bytes.fromhex("4e487b71") + encode(["uint256"], [0x11]))

    assert (reason.name, reason.arguments) == ("Error", ("not today",))
    assert (panic.name, panic.arguments) == ("Panic", (17,))


@pytest.mark.parametrize("data", [None, b"", b"\x01", bytes.fromhex("deadbeef"), bytes.fromhex("deadbeef") + bytes(64)])
def test_revert_data_of_no_known_error_are_shown_as_they_are(data: bytes | None) -> None:
    found = decode_revert(data)

    assert found.name == ""
    assert found.arguments == ((data,) if data else ())


@pytest.mark.parametrize(
    "tail", [b"", b"\x01", b"\xff" * 96, word(32) + word(2**255), word(32) + word(2) + b"\xff" * 32]
)
def test_a_known_error_with_crooked_values_still_has_its_name(tail: bytes) -> None:
    found = decode_revert(bytes.fromhex("08c379a0") + tail)

    assert found.name == "Error"


def test_the_slot_contracts_code_is_not_the_registrys() -> None:
    assert deployed_code() != SLOTS_RUNTIME
