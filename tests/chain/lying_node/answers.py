"""The simulated chain's answers to JSON-RPC, in geth's words and codes, as seen from its newest block or from behind.

Promises: `answer` returns the `result` member or raises `JsonRpcError`; with `back`, everything is as it was so many
blocks ago, nonces and receipts included. Does not: know `eth_getProof` (`-32601`), or misbehave (`faults.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ledger_service.chain.deploy import deployed_code
from ledger_service.chain.jsonrpc import JsonRpcError, parse_data, to_data, to_quantity
from tests.chain.lying_node.chain import Block, SimulatedChain
from tests.chain.lying_node.contract import NOBODY, NOTHING, RevertedError, Storage
from tests.chain.lying_node.ledger_state import Receipt, State
from tests.chain.lying_node.pool import RefusedError

METHOD_NOT_FOUND = -32601
REVERTED = 3
SERVER_ERROR = -32000

Params = Sequence[Any]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class View:
    """The chain up to a height; `oldest_receipt`: below it no receipts and logs are shown."""

    chain: SimulatedChain
    height: int
    oldest_receipt: int = 0

    def block(self, named: object) -> Block | None:
        """Return a block by number or tag."""
        number = self._number(named)
        return None if number is None or number > self.height else self.chain.block(number)

    def required(self, named: object) -> Block:
        """Return a block that must be there."""
        block = self.block(named)
        if block is None:
            raise JsonRpcError(SERVER_ERROR, "header not found")
        return block

    def state(self, named: object) -> State:
        """Return the state after a block that must be there."""
        state = self.required(named).state
        if state is None:
            raise JsonRpcError(SERVER_ERROR, "missing trie node: the state is not available")
        return state

    def _number(self, named: object) -> int | None:
        if named in ("latest", "pending"):
            return self.height
        if named == "earliest":
            return 0
        if named == "safe":
            return max(self.height - self.chain.safe_depth, 0)
        if named == "finalized":
            return max(self.height - self.chain.final_depth, 0)
        return int(str(named), 16)


def answer(chain: SimulatedChain, method: str, params: Params, *, back: int = 0, oldest_receipt: int = 0) -> object:
    """Return what the chain answers to one request, `back` blocks behind.

    Raises:
        JsonRpcError: The request is refused.
    """
    act = _METHODS.get(method)
    if act is None:
        raise JsonRpcError(METHOD_NOT_FOUND, f"the method {method} does not exist/is not available")
    return act(View(chain, max(chain.height - back, 0), oldest_receipt), params)


def receipt_json(block: Block, receipt: Receipt) -> Json:
    """Return a receipt as nodes show it."""
    tx = receipt.tx
    at = {
        "blockHash": to_data(block.block_hash),
        "blockNumber": to_quantity(block.number),
        "transactionHash": to_data(tx.tx_hash),
        "transactionIndex": "0x0",
    }
    return {
        **at,
        "contractAddress": None if receipt.contract is None else to_data(receipt.contract),
        "cumulativeGasUsed": to_quantity(receipt.gas_used),
        "effectiveGasPrice": to_quantity(receipt.price),
        "from": to_data(tx.sender),
        "gasUsed": to_quantity(receipt.gas_used),
        "logs": [
            {
                **at,
                "address": to_data(tx.to),
                "topics": [to_data(topic) for topic in event.topics],
                "data": to_data(event.data),
                "logIndex": to_quantity(place),
                "removed": False,
            }
            for place, event in enumerate(receipt.events)
        ],
        "status": to_quantity(int(receipt.succeeded)),
        "to": to_data(tx.to) if tx.to else None,
        "type": "0x2",
    }


def _block(view: View, params: Params) -> object:
    block = view.block(params[0])
    if block is None:
        return None
    return {
        "number": to_quantity(block.number),
        "hash": to_data(block.block_hash),
        "parentHash": to_data(block.parent_hash),
        "timestamp": to_quantity(block.time),
        "baseFeePerGas": to_quantity(block.base_fee),
        "gasUsed": to_quantity(block.gas_used),
        "transactions": [to_data(receipt.tx.tx_hash) for receipt in block.receipts],
    }


def _receipt(view: View, params: Params) -> object:
    found = view.chain.find(parse_data(params[0], "hash"))
    if found is None or not view.oldest_receipt <= found[0].number <= view.height:
        return None
    return receipt_json(*found)


def _nonce(view: View, params: Params) -> object:
    address, named = parse_data(params[0], "address"), params[1] if len(params) > 1 else "latest"
    state = view.state(named)
    if named == "pending":
        return to_quantity(view.chain.pool.pending_nonce(address, state))
    return to_quantity(state.nonce(address))


def _balance(view: View, params: Params) -> object:
    return to_quantity(view.state(params[1]).balance(parse_data(params[0], "address")))


def _code(view: View, params: Params) -> object:
    return to_data(view.state(params[1]).code.get(parse_data(params[0], "address"), b""))


def _storage_at(view: View, params: Params) -> object:
    address, slot = parse_data(params[0], "address"), parse_data(params[1], "slot")
    state = view.state(params[2])
    if state.code.get(address) != deployed_code():
        return to_data(NOTHING)
    return to_data(state.storage.get(address, Storage()).slots.get(slot, NOTHING))


def _call(view: View, params: Params) -> object:
    named = params[1] if len(params) > 1 else "latest"
    to, caller, data = _message(params[0])
    try:
        return to_data(view.state(named).call(view.chain.context(to, caller, view.required(named)), data))
    except RevertedError as error:
        raise JsonRpcError(REVERTED, "execution reverted", error.data) from None


def _estimate(view: View, params: Params) -> object:
    to, caller, data = _message(params[0])
    block = view.required("latest")
    try:
        return to_quantity(view.state("latest").estimate(view.chain.context(to, caller, block), data))
    except RevertedError as error:
        raise JsonRpcError(REVERTED, "execution reverted", error.data) from None


def _send(view: View, params: Params) -> object:
    try:
        return to_data(view.chain.send_raw(parse_data(params[0], "raw transaction")))
    except RefusedError as error:
        raise JsonRpcError(SERVER_ERROR, str(error)) from None


def _fee_history(view: View, params: Params) -> object:
    newest = view.required(params[1])
    after = view.chain.base_fee if newest.number == view.chain.height else newest.base_fee
    return {
        "oldestBlock": to_quantity(newest.number),
        "baseFeePerGas": [to_quantity(newest.base_fee), to_quantity(after)],
        "gasUsedRatio": [0.5],
        "reward": [],
    }


def _logs(view: View, params: Params) -> object:
    wanted = params[0]
    first, last = (view.required(wanted.get(name, "latest")).number for name in ("fromBlock", "toBlock"))
    found: list[Json] = []
    for number in range(max(first, view.oldest_receipt), last + 1):
        block = view.chain.block(number)
        for receipt in () if block is None else block.receipts:
            assert block is not None  # it has receipts
            if receipt.events:
                found += receipt_json(block, receipt)["logs"]
    return [log for log in found if _wanted(log, wanted.get("address"), wanted.get("topics") or [])]


def _wanted(log: Json, address: object, topics: Sequence[object]) -> bool:
    if address is not None and log["address"] != str(address).lower():
        return False
    if len(topics) > len(log["topics"]):
        return False
    return all(asked is None or asked == found for asked, found in zip(topics, log["topics"], strict=False))


def _message(found: Mapping[str, Any]) -> tuple[bytes, bytes, bytes]:
    to, caller = found.get("to"), found.get("from")
    data = parse_data(found.get("input", found.get("data")) or "0x", "data")
    return (b"" if to is None else parse_data(to, "to"), NOBODY if caller is None else parse_data(caller, "from"), data)


_METHODS: dict[str, Callable[[View, Params], object]] = {
    "eth_blockNumber": lambda view, _: to_quantity(view.height),
    "eth_call": _call,
    "eth_chainId": lambda view, _: to_quantity(view.chain.chain_id),
    "eth_estimateGas": _estimate,
    "eth_feeHistory": _fee_history,
    "eth_getBalance": _balance,
    "eth_getBlockByNumber": _block,
    "eth_getCode": _code,
    "eth_getLogs": _logs,
    "eth_getStorageAt": _storage_at,
    "eth_getTransactionCount": _nonce,
    "eth_getTransactionReceipt": _receipt,
    "eth_maxPriorityFeePerGas": lambda view, _: to_quantity(view.chain.priority_fee),
    "eth_sendRawTransaction": _send,
    "net_version": lambda view, _: str(view.chain.chain_id),
    "web3_clientVersion": lambda _view, _params: "simulated",
}
