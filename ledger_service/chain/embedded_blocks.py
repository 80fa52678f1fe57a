"""The embedded chain's blocks, transactions, receipts and logs in the JSON form that nodes give.

Promises: every member is read from the stored chain; a block holds at most one transaction, at index 0.

Does not: look anything up by name or number; see `embedded_rpc`.
"""

from __future__ import annotations

from ledger_service.chain.embedded_state import DYNAMIC_FEE_TYPE, ChainState, Header, LogItem, Tx
from ledger_service.chain.header import header_json
from ledger_service.chain.jsonrpc import to_data, to_quantity
from ledger_service.core.registry import compute_contract_address

Json = dict[str, object]


def block_json(state: ChainState, header: Header, *, whole_txs: bool) -> Json:
    """Return a block, with its transaction whole or as a hash."""
    tx = state.tx_in(header)
    place = None if tx is None else state.store.tx_place(tx.tx_hash)
    shown: list[object] = []
    if tx is not None and place is not None:
        shown = [tx_json(state, header, place.sender) if whole_txs else to_data(tx.tx_hash)]
    return {
        **header_json(header.encoded),
        "hash": to_data(header.block_hash),
        "size": to_quantity(len(header.encoded) + (0 if tx is None else len(tx.raw))),
        "transactions": shown,
        "uncles": [],
        "withdrawals": [],
    }


def tx_json(state: ChainState, header: Header, sender: bytes) -> Json:
    """Return the transaction of a block."""
    tx = _tx(state, header)
    return {
        "accessList": [
            {"address": to_data(address), "storageKeys": [to_data(key) for key in keys]}
            for address, keys in tx.access_list
        ],
        "blockHash": to_data(header.block_hash),
        "blockNumber": to_quantity(header.number),
        "chainId": to_quantity(tx.chain_id),
        "from": to_data(sender),
        "gas": to_quantity(tx.gas),
        "gasPrice": to_quantity(_effective_price(tx, header)),
        "hash": to_data(tx.tx_hash),
        "input": to_data(tx.data),
        "maxFeePerGas": to_quantity(tx.fee),
        "maxPriorityFeePerGas": to_quantity(tx.priority_fee),
        "nonce": to_quantity(tx.nonce),
        "r": to_quantity(tx.r),
        "s": to_quantity(tx.s),
        "to": to_data(tx.to) if tx.to else None,
        "transactionIndex": to_quantity(0),
        "type": to_quantity(DYNAMIC_FEE_TYPE),
        "v": to_quantity(tx.y_parity),
        "value": to_quantity(tx.value),
        "yParity": to_quantity(tx.y_parity),
    }


def receipt_json(state: ChainState, header: Header, sender: bytes) -> Json:
    """Return what became of the transaction of a block, with its logs."""
    tx, outcome = _tx(state, header), state.outcome_in(header)
    created = None if tx.to else to_data(compute_contract_address(sender, tx.nonce))
    return {
        "blockHash": to_data(header.block_hash),
        "blockNumber": to_quantity(header.number),
        "contractAddress": created,
        "cumulativeGasUsed": to_quantity(outcome.gas_used),
        "effectiveGasPrice": to_quantity(_effective_price(tx, header)),
        "from": to_data(sender),
        "gasUsed": to_quantity(outcome.gas_used),
        "logs": [_log_json(header, tx, log, index) for index, log in enumerate(outcome.logs)],
        "logsBloom": to_data(outcome.logs_bloom),
        "status": to_quantity(int(outcome.succeeded)),
        "to": to_data(tx.to) if tx.to else None,
        "transactionHash": to_data(tx.tx_hash),
        "transactionIndex": to_quantity(0),
        "type": to_quantity(DYNAMIC_FEE_TYPE),
    }


def logs_json(state: ChainState, header: Header) -> list[Json]:
    """Return the logs of a block, none for an empty one."""
    tx = state.tx_in(header)
    if tx is None:
        return []
    return [_log_json(header, tx, log, index) for index, log in enumerate(state.outcome_in(header).logs)]


def _log_json(header: Header, tx: Tx, log: LogItem, index: int) -> Json:
    return {
        "address": to_data(log.address),
        "blockHash": to_data(header.block_hash),
        "blockNumber": to_quantity(header.number),
        "data": to_data(log.data),
        "logIndex": to_quantity(index),
        "removed": False,
        "topics": [to_data(topic) for topic in log.topics],
        "transactionHash": to_data(tx.tx_hash),
        "transactionIndex": to_quantity(0),
    }


def _tx(state: ChainState, header: Header) -> Tx:
    tx = state.tx_in(header)
    assert tx is not None, "the index named this block for its transaction"
    return tx


def _effective_price(tx: Tx, header: Header) -> int:
    return min(tx.fee, header.number_of("baseFeePerGas") + tx.priority_fee)
