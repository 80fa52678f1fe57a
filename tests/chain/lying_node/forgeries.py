"""Receipts and logs as a liar shows them: the true answer with one thing changed, or made up where there is none.

Promises: each forgery changes one thing that a caller must compare. Does not: lie about anything else.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from ledger_service.chain.jsonrpc import parse_data, to_data, to_quantity
from ledger_service.chain.registry import anchored_topic
from tests.chain.lying_node.chain import SimulatedChain

Json = dict[str, Any]
WORD = 2 + 64  # characters of `0x` and 32 bytes


class Forgery(StrEnum):
    """What is changed."""

    NO_EVENT = "no_event"
    FAILED = "failed"
    OTHER_CONTRACT = "other_contract"
    OTHER_TOPIC = "other_topic"
    OTHER_LOG = "other_log"
    OTHER_ROOT = "other_root"
    OTHER_BLOCK = "other_block"
    OTHER_HASH = "other_hash"
    REMOVED = "removed"


FORGED = {"eth_getTransactionReceipt", "eth_getLogs"}  # the methods about which there is something to forge


def forge(chain: SimulatedChain, method: str, params: list[Any], truth: Any, forgery: Forgery) -> Any:
    """Return what stands in the place of the truth."""
    if method == "eth_getLogs":
        return []  # as if nobody had placed the head
    receipt = made_up(chain, params[0]) if truth is None else truth
    if forgery is Forgery.NO_EVENT:
        return {**receipt, "status": "0x1", "logs": []}
    if forgery is Forgery.FAILED:
        return {**receipt, "status": "0x0", "logs": []}
    if forgery is Forgery.OTHER_HASH:
        receipt = {**receipt, "blockHash": _spoiled(receipt["blockHash"])}
        return {**receipt, "logs": [{**log, "blockHash": receipt["blockHash"]} for log in receipt["logs"]]}
    return {**receipt, "logs": [_forged_log(log, forgery) for log in receipt["logs"]]}


def made_up(chain: SimulatedChain, tx_hash: str, logs: list[Json] | None = None) -> Json:
    """Return the receipt of a transaction that is in no block, as if the newest held it."""
    return {
        "blockHash": to_data(chain.head.block_hash),
        "blockNumber": to_quantity(chain.height),
        "contractAddress": None,
        "effectiveGasPrice": "0x1",
        "gasUsed": "0x1",
        "logs": [] if logs is None else logs,
        "status": "0x1",
        "transactionHash": tx_hash,
    }


def convincing(
    chain: SimulatedChain, tx_hash: str, contract: bytes, log_id: bytes, *, sequence: int, size: int, root: bytes
) -> Json:
    """Return a receipt in which everything fits, though no block holds the transaction: only the slot gives it away."""
    head = chain.head
    words = (size, int.from_bytes(root, "big"), head.time, head.number, int.from_bytes(head.parent_hash, "big"))
    log = {
        "address": to_data(contract),
        "topics": [to_data(anchored_topic()), to_data(log_id), to_data(sequence.to_bytes(32, "big"))],
        "data": to_data(b"".join(word.to_bytes(32, "big") for word in words)),
        "blockHash": to_data(head.block_hash),
        "transactionHash": tx_hash,
        "removed": False,
    }
    return made_up(chain, tx_hash, [log])


def _forged_log(log: Json, forgery: Forgery) -> Json:
    topics, data = list(log["topics"]), parse_data(log["data"], "data")
    if forgery is Forgery.OTHER_CONTRACT:
        return {**log, "address": to_data(bytes(19) + b"\1")}
    if forgery is Forgery.OTHER_TOPIC:
        return {**log, "topics": [_spoiled(topics[0]), *topics[1:]]}
    if forgery is Forgery.OTHER_LOG:
        return {**log, "topics": [topics[0], _spoiled(topics[1]), *topics[2:]]}
    if forgery is Forgery.OTHER_ROOT:
        return {**log, "data": to_data(data[:32] + bytes(32) + data[64:])}
    if forgery is Forgery.OTHER_BLOCK:
        return {**log, "data": to_data(data[:96] + (7).to_bytes(32, "big") + data[128:])}
    assert forgery is Forgery.REMOVED
    return {**log, "removed": True}


def _spoiled(word: str) -> str:
    return word[: WORD - 1] + ("0" if word[-1] != "0" else "1")
