"""The embedded chain's answers to JSON-RPC, as a node of the network would give them (ethereum/execution-apis).

Promises: `answer` returns the `result` member or raises `JsonRpcError` in geth's words and codes; a missing block,
transaction or receipt is None. Blocks are named by number, hash, `earliest`, `latest`, `pending` (the same as
`latest`: nothing waits here), `safe` and `finalized`.

Does not: subscribe, filter over time, or sign for anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ledger_service.chain.embedded import EmbeddedChain
from ledger_service.chain.embedded_blocks import block_json, logs_json, receipt_json, tx_json
from ledger_service.chain.embedded_state import Header
from ledger_service.chain.jsonrpc import (
    ADDRESS_BYTES,
    UINT256_MAX,
    WORD_BYTES,
    JsonRpcError,
    parse_data,
    parse_quantity,
    to_data,
    to_quantity,
)
from ledger_service.chain.parameters import BLOCK_GAS_LIMIT, EMBEDDED_CHAIN_ID, PRIORITY_FEE_WEI
from ledger_service.errors import NodeAnswerError

if TYPE_CHECKING:
    from ledger_service.chain.embedded_engine import Call

INVALID_PARAMS = -32602
METHOD_NOT_FOUND = -32601
FEE_HISTORY_BLOCKS_MAX = 1024  # geth's limit

Params = Sequence[object]


def answer(chain: EmbeddedChain, method: str, params: Params) -> object:
    """Return what the chain answers to one request.

    Raises:
        JsonRpcError: The request is refused.
        ChainDataMissingError: The answer's blocks were deleted.
    """
    act = _METHODS.get(method)
    if act is None:
        raise JsonRpcError(METHOD_NOT_FOUND, f"the method {method} does not exist/is not available")
    with chain.turn:
        try:
            return act(chain, params)
        except JsonRpcError:
            raise
        except (IndexError, NodeAnswerError) as exc:
            raise JsonRpcError(INVALID_PARAMS, f"invalid argument of {method}: {exc}") from exc


def _block_by_number(chain: EmbeddedChain, params: Params) -> object:
    header = _find(chain, params[0])
    return None if header is None else block_json(chain.state, header, whole_txs=_flag(params, 1))


def _block_by_hash(chain: EmbeddedChain, params: Params) -> object:
    header = chain.state.find_header(parse_data(params[0], "block hash", size=WORD_BYTES))
    return None if header is None else block_json(chain.state, header, whole_txs=_flag(params, 1))


def _tx_by_hash(chain: EmbeddedChain, params: Params) -> object:
    return _of_tx(chain, params, lambda header, sender: tx_json(chain.state, header, sender))


def _tx_receipt(chain: EmbeddedChain, params: Params) -> object:
    return _of_tx(chain, params, lambda header, sender: receipt_json(chain.state, header, sender))


def _of_tx(chain: EmbeddedChain, params: Params, show: Callable[[Header, bytes], object]) -> object:
    place = chain.tx_place(parse_data(params[0], "transaction hash", size=WORD_BYTES))
    header = None if place is None else chain.state.header_at(place.block_number)
    return None if place is None or header is None else show(header, place.sender)


def _tx_count(chain: EmbeddedChain, params: Params) -> object:
    return to_quantity(chain.state.account(_header(chain, params, 1), _address(params, 0)).nonce)


def _balance(chain: EmbeddedChain, params: Params) -> object:
    return to_quantity(chain.state.account(_header(chain, params, 1), _address(params, 0)).balance)


def _code(chain: EmbeddedChain, params: Params) -> object:
    return to_data(chain.state.code(_header(chain, params, 1), _address(params, 0)))


def _storage_at(chain: EmbeddedChain, params: Params) -> object:
    return to_data(chain.state.slot(_header(chain, params, 2), _address(params, 0), _slot(params[1])))


def _proof(chain: EmbeddedChain, params: Params) -> object:
    address, header, slots = _address(params, 0), _header(chain, params, 2), params[1]
    if not isinstance(slots, list | tuple):
        raise NodeAnswerError("the storage keys are not a list")
    account = chain.state.account(header, address)
    return {
        "address": to_data(address),
        "accountProof": [to_data(node) for node in chain.state.account_proof(header, address)],
        "balance": to_quantity(account.balance),
        "codeHash": to_data(account.code_hash),
        "nonce": to_quantity(account.nonce),
        "storageHash": to_data(account.storage_root),
        "storageProof": [
            {
                "key": key,
                "value": to_quantity(int.from_bytes(chain.state.slot(header, address, _slot(key)), "big")),
                "proof": [to_data(n) for n in chain.state.slot_proof(header, address, _slot(key))],
            }
            for key in slots
        ],
    }


def _call(chain: EmbeddedChain, params: Params) -> object:
    return to_data(chain.call(_header(chain, params, 1), _message(params[0])))


def _estimate_gas(chain: EmbeddedChain, params: Params) -> object:
    return to_quantity(chain.estimate_gas(_header(chain, params, 1), _message(params[0])))


def _send_raw(chain: EmbeddedChain, params: Params) -> object:
    return to_data(chain.send_raw(parse_data(params[0], "raw transaction")))


def _fee_history(chain: EmbeddedChain, params: Params) -> object:
    wanted = params[0] if isinstance(params[0], int) else parse_quantity(params[0], "block count")
    newest = _header(chain, params, 1)
    rewards = params[2] if len(params) > 2 else []
    if not isinstance(rewards, list | tuple):
        raise NodeAnswerError("the reward percentiles are not a list")
    count = min(wanted, FEE_HISTORY_BLOCKS_MAX, newest.number + 1)
    headers = [chain.state.header_at(newest.number - back) for back in reversed(range(count))]
    shown = [header for header in headers if header is not None]
    after = chain.state.header_at(newest.number + 1)
    next_fee = chain.next_base_fee() if after is None else after.number_of("baseFeePerGas")
    return {
        "oldestBlock": to_quantity(newest.number - count + 1),
        "baseFeePerGas": [to_quantity(h.number_of("baseFeePerGas")) for h in shown] + [to_quantity(next_fee)],
        "gasUsedRatio": [h.number_of("gasUsed") / h.number_of("gasLimit") for h in shown],
        "reward": [[to_quantity(PRIORITY_FEE_WEI) for _ in rewards] for _ in shown],
    }


def _logs(chain: EmbeddedChain, params: Params) -> object:
    wanted = params[0]
    if not isinstance(wanted, Mapping):
        raise NodeAnswerError("the log filter is not an object")
    if wanted.get("blockHash") is not None:
        only = chain.state.find_header(parse_data(wanted["blockHash"], "block hash", size=WORD_BYTES))
        headers = [] if only is None else [only]
    else:
        first = _required(chain, wanted.get("fromBlock", "latest")).number
        last = _required(chain, wanted.get("toBlock", "latest")).number
        headers = [h for n in range(first, last + 1) if (h := chain.state.header_at(n)) is not None]
    found = [log for header in headers for log in logs_json(chain.state, header)]
    return [log for log in found if _wanted(log, wanted.get("address"), wanted.get("topics") or [])]


def _wanted(log: Mapping[str, object], address: object, topics: Sequence[object]) -> bool:
    of_log = log["topics"]
    assert isinstance(of_log, list)
    if not _matches(str(log["address"]), address) or len(topics) > len(of_log):
        return False
    return all(_matches(found, asked) for found, asked in zip(of_log, topics, strict=False))


def _matches(found: str, asked: object) -> bool:
    """Whether a value is the one asked for, one of several asked for, or nothing was asked."""
    if asked is None:
        return True
    several = asked if isinstance(asked, list | tuple) else [asked]
    return found in [str(one).lower() for one in several]


def _message(found: object) -> Call:
    from ledger_service.chain.embedded_engine import Call

    if not isinstance(found, Mapping):
        raise NodeAnswerError("the transaction is not an object")
    to, data = found.get("to"), found.get("input", found.get("data"))
    gas = parse_quantity(found["gas"], "gas") if found.get("gas") is not None else BLOCK_GAS_LIMIT
    return Call(
        sender=parse_data(found.get("from") or "0x" + "00" * ADDRESS_BYTES, "from", size=ADDRESS_BYTES),
        to=b"" if to in (None, "", "0x") else parse_data(to, "to", size=ADDRESS_BYTES),
        data=b"" if data is None else parse_data(data, "data"),
        value=parse_quantity(found.get("value") or "0x0", "value"),
        gas=min(gas, BLOCK_GAS_LIMIT),
    )


def _find(chain: EmbeddedChain, named: object) -> Header | None:
    """Return the header that a block parameter names (EIP-1898 objects too), or None."""
    if isinstance(named, Mapping):
        if named.get("blockHash") is not None:
            return chain.state.find_header(parse_data(named["blockHash"], "block hash", size=WORD_BYTES))
        named = named.get("blockNumber")
    if named in ("latest", "pending"):
        return chain.head()
    tags = {"earliest": lambda: 0, "safe": chain.safe_number, "finalized": chain.finalized_number}
    number = tags[named]() if isinstance(named, str) and named in tags else _number(named)
    return chain.state.header_at(number)


def _number(named: object) -> int:
    number = named if isinstance(named, int) else parse_quantity(named, "block number")
    if number < 0:
        raise NodeAnswerError(f"the block number {number} is negative")
    return min(number, 2**63 - 1)  # what SQLite holds; no chain is that high


def _required(chain: EmbeddedChain, named: object) -> Header:
    header = _find(chain, named)
    if header is None:
        raise JsonRpcError(-32000, "header not found")
    return header


def _header(chain: EmbeddedChain, params: Params, place: int) -> Header:
    return _required(chain, params[place] if len(params) > place else "latest")


def _address(params: Params, place: int) -> bytes:
    return parse_data(params[place], "address", size=ADDRESS_BYTES)


def _slot(named: object) -> bytes:
    """Return a storage key: 32 bytes, or a quantity as older clients send it."""
    text = str(named)
    number = int(text, 16) if text.startswith("0x") and len(text) <= 66 and _hexadecimal(text[2:]) else -1
    if not 0 <= number <= UINT256_MAX:
        raise NodeAnswerError(f"the storage key is not 32 bytes: {text[:80]!r}")
    return number.to_bytes(WORD_BYTES, "big")


def _hexadecimal(digits: str) -> bool:
    return bool(digits) and all(digit in "0123456789abcdefABCDEF" for digit in digits)


def _flag(params: Params, place: int) -> bool:
    return len(params) > place and params[place] is True


_METHODS: dict[str, Callable[[EmbeddedChain, Params], object]] = {
    "eth_blockNumber": lambda chain, _: to_quantity(chain.head().number),
    "eth_call": _call,
    "eth_chainId": lambda _chain, _params: to_quantity(EMBEDDED_CHAIN_ID),
    "eth_estimateGas": _estimate_gas,
    "eth_feeHistory": _fee_history,
    "eth_gasPrice": lambda chain, _: to_quantity(chain.next_base_fee() + PRIORITY_FEE_WEI),
    "eth_getBalance": _balance,
    "eth_getBlockByHash": _block_by_hash,
    "eth_getBlockByNumber": _block_by_number,
    "eth_getCode": _code,
    "eth_getLogs": _logs,
    "eth_getProof": _proof,
    "eth_getStorageAt": _storage_at,
    "eth_getTransactionByHash": _tx_by_hash,
    "eth_getTransactionCount": _tx_count,
    "eth_getTransactionReceipt": _tx_receipt,
    "eth_maxPriorityFeePerGas": lambda _chain, _params: to_quantity(PRIORITY_FEE_WEI),
    "eth_sendRawTransaction": _send_raw,
    "net_version": lambda _chain, _params: str(EMBEDDED_CHAIN_ID),
    "web3_clientVersion": lambda _chain, _params: "return-ledger/embedded/py-evm",
}
