"""A node's answers as typed values: blocks, transaction receipts, logs, fee quotes, account proofs.

Promises: numbers are ints, hashes and addresses are bytes of their right length; an answer that lacks a member or
holds a crooked one is a `NodeAnswerError` that names it. Nothing here is believed: whoever asked compares the values
with what was asked for.

Does not: ask; see `rpc`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ledger_service.chain.jsonrpc import ADDRESS_BYTES, WORD_BYTES, parse_data, parse_quantity
from ledger_service.errors import NodeAnswerError

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Block:
    """A block as a node names it. `time` is in seconds since 1970."""

    number: int
    block_hash: bytes
    parent_hash: bytes
    time: int


@dataclass(frozen=True, slots=True)
class FeeQuote:
    """What the next block asks for and what a node suggests on top, in wei per gas."""

    base_fee: int
    priority_fee: int


@dataclass(frozen=True, slots=True)
class Log:
    """One contract event. `removed` says that a reorganisation took it away."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes
    block_hash: bytes
    tx_hash: bytes
    removed: bool


@dataclass(frozen=True, slots=True)
class TxReceipt:
    """What a node says became of a transaction; `contract_address` only when it created one."""

    tx_hash: bytes
    block_number: int
    block_hash: bytes
    succeeded: bool
    gas_used: int
    effective_gas_price: int
    contract_address: bytes | None
    logs: tuple[Log, ...]


@dataclass(frozen=True, slots=True)
class SlotProof:
    """A storage slot, its 32-byte value, and the trie nodes from the storage root down, RLP bytes."""

    slot: bytes
    value: bytes
    nodes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class AccountProof:
    """An account and the trie nodes from the state root down to it (EIP-1186), with proofs of its slots."""

    address: bytes
    nonce: int
    balance: int
    storage_root: bytes
    code_hash: bytes
    nodes: tuple[bytes, ...]
    slots: tuple[SlotProof, ...]


def parse_block(found: object) -> Block:
    """Return a block from an `eth_getBlockBy…` answer."""
    block = as_object(found, "block")
    return Block(
        number=parse_quantity(block.get("number"), "block number"),
        block_hash=_word(block, "hash"),
        parent_hash=_word(block, "parentHash"),
        time=parse_quantity(block.get("timestamp"), "block timestamp"),
    )


def parse_tx_receipt(found: object) -> TxReceipt:
    """Return a transaction receipt from an `eth_getTransactionReceipt` answer."""
    receipt = as_object(found, "transaction receipt")
    outcome = parse_quantity(receipt.get("status"), "transaction receipt's status")
    if outcome not in (0, 1):
        raise NodeAnswerError(f"the node's transaction receipt has the status {outcome}, not 0 or 1")
    created = receipt.get("contractAddress")
    logs = receipt.get("logs")
    if not isinstance(logs, list):
        raise NodeAnswerError("the node's transaction receipt has no list of logs")
    return TxReceipt(
        tx_hash=_word(receipt, "transactionHash"),
        block_number=parse_quantity(receipt.get("blockNumber"), "transaction receipt's block number"),
        block_hash=_word(receipt, "blockHash"),
        succeeded=outcome == 1,
        gas_used=parse_quantity(receipt.get("gasUsed"), "transaction receipt's gas used"),
        effective_gas_price=parse_quantity(receipt.get("effectiveGasPrice"), "effective gas price"),
        contract_address=None if created is None else parse_data(created, "contract address", size=ADDRESS_BYTES),
        logs=tuple(_parse_log(log) for log in logs),
    )


def parse_account_proof(found: object) -> AccountProof:
    """Return an account proof from an `eth_getProof` answer."""
    proof = as_object(found, "account proof")
    slots = proof.get("storageProof")
    if not isinstance(slots, list):
        raise NodeAnswerError("the node's account proof has no list of storage proofs")
    return AccountProof(
        address=parse_data(proof.get("address"), "account proof's address", size=ADDRESS_BYTES),
        nonce=parse_quantity(proof.get("nonce"), "account nonce"),
        balance=parse_quantity(proof.get("balance"), "account balance"),
        storage_root=_word(proof, "storageHash"),
        code_hash=_word(proof, "codeHash"),
        nodes=_nodes(proof.get("accountProof"), "account proof"),
        slots=tuple(_parse_slot_proof(slot) for slot in slots),
    )


def as_object(found: object, name: str) -> Json:
    """Return an answer that must be a JSON object."""
    if not isinstance(found, dict):
        raise NodeAnswerError(f"the node's {name} is not an object: {str(found)[:80]!r}")
    return found


def _parse_log(found: object) -> Log:
    log = as_object(found, "log")
    topics, removed = log.get("topics"), log.get("removed", False)
    if not isinstance(topics, list) or not isinstance(removed, bool):
        raise NodeAnswerError("the node's log has crooked topics or a crooked `removed`")
    return Log(
        address=parse_data(log.get("address"), "log address", size=ADDRESS_BYTES),
        topics=tuple(parse_data(topic, "log topic", size=WORD_BYTES) for topic in topics),
        data=parse_data(log.get("data"), "log data"),
        block_hash=_word(log, "blockHash"),
        tx_hash=_word(log, "transactionHash"),
        removed=removed,
    )


def _parse_slot_proof(found: object) -> SlotProof:
    slot = as_object(found, "storage proof")
    return SlotProof(
        slot=_slot_word(slot.get("key"), "storage key"),
        value=_slot_word(slot.get("value"), "storage value"),
        nodes=_nodes(slot.get("proof"), "storage proof"),
    )


def _slot_word(found: object, name: str) -> bytes:
    # Clients differ: 32 bytes in full, or a quantity.
    if isinstance(found, str) and len(found) == 2 + 2 * WORD_BYTES:
        return parse_data(found, name, size=WORD_BYTES)
    return parse_quantity(found, name).to_bytes(WORD_BYTES, "big")


def _nodes(found: object, name: str) -> tuple[bytes, ...]:
    if not isinstance(found, list):
        raise NodeAnswerError(f"the node's {name} has no list of trie nodes")
    return tuple(parse_data(node, f"{name}'s trie node") for node in found)


def _word(found: Json, name: str) -> bytes:
    return parse_data(found.get(name), name, size=WORD_BYTES)
