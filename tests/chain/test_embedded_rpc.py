"""The embedded chain's JSON-RPC: web3 can work with it, and odd questions get a node's answers."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from eth_abi.abi import decode
from eth_typing import BlockNumber
from hexbytes import HexBytes
from web3 import Web3
from web3.exceptions import ContractCustomError, ContractLogicError, TransactionNotFound, Web3RPCError
from web3.types import TxParams

from ledger_service.chain.account import TxRequest, development_signer
from ledger_service.chain.embedded import EmbeddedChain
from ledger_service.chain.embedded_provider import EmbeddedProvider
from ledger_service.chain.embedded_rpc import answer
from ledger_service.chain.jsonrpc import JsonRpcError, to_data
from ledger_service.chain.parameters import EMBEDDED_CHAIN_ID, PRIORITY_FEE_WEI
from ledger_service.core.registry import format_address
from tests.chain.conftest import FEE, Sender, word


@pytest.fixture
def w3(chain: EmbeddedChain) -> Web3:
    """web3 over the embedded chain."""
    return Web3(EmbeddedProvider(chain))


def test_web3_reads_blocks_transactions_and_receipts(w3: Web3, chain: EmbeddedChain, sender: Sender) -> None:
    contract = sender.deploy_slots()
    tx_hash = sender.send(contract, word(1) + word(7))
    chain.mine()

    block = w3.eth.get_block(2, full_transactions=True)
    tx: Any = w3.eth.get_transaction(HexBytes(tx_hash))
    receipt = w3.eth.get_transaction_receipt(HexBytes(tx_hash))

    assert w3.is_connected()
    assert w3.eth.chain_id == EMBEDDED_CHAIN_ID
    assert w3.net.version == str(EMBEDDED_CHAIN_ID)
    assert "embedded" in w3.client_version
    assert w3.eth.block_number == 3
    assert block["transactions"][0] == tx
    assert w3.eth.get_block(block["hash"])["hash"] == block["hash"]
    assert w3.eth.get_block(block["hash"])["transactions"] == [HexBytes(tx_hash)]
    assert (tx["from"], tx["to"]) == (format_address(sender.signer.address), format_address(contract))
    assert (tx["input"], tx["nonce"], tx["type"]) == (HexBytes(word(1) + word(7)), 1, 2)
    assert receipt["status"] == 1
    assert receipt["logs"][0]["data"] == HexBytes(word(7))
    assert receipt["effectiveGasPrice"] == block["baseFeePerGas"] + 1


def test_web3_signs_estimates_and_sends(w3: Web3, chain: EmbeddedChain, sender: Sender) -> None:
    contract = format_address(sender.deploy_slots())
    account = format_address(sender.signer.address)
    wanted: TxParams = {"from": account, "to": contract, "data": HexBytes(word(1) + word(7))}

    gas = w3.eth.estimate_gas(wanted)
    raw = sender.sign(bytes.fromhex(contract[2:]), word(1) + word(7), gas=gas)
    receipt = w3.eth.wait_for_transaction_receipt(w3.eth.send_raw_transaction(raw))

    assert receipt["status"] == 1
    assert w3.eth.get_storage_at(contract, 1) == HexBytes(word(7))  # type: ignore[arg-type]
    assert w3.eth.call({"to": contract, "data": HexBytes(word(1))}) == HexBytes(word(7))
    assert w3.eth.get_transaction_count(account) == 2  # type: ignore[arg-type]
    assert w3.eth.get_balance(account) > 0  # type: ignore[arg-type]
    assert len(w3.eth.get_code(contract)) > 0  # type: ignore[arg-type]
    with pytest.raises(Web3RPCError, match="already known"):
        w3.eth.send_raw_transaction(raw)


def test_web3_sees_reverts_and_what_is_missing(w3: Web3, sender: Sender) -> None:
    contract = format_address(sender.deploy_slots())

    with pytest.raises(ContractCustomError, match="0xdeadbeef"):
        w3.eth.call({"to": contract, "data": HexBytes("0x01")})
    with pytest.raises(ContractLogicError):
        w3.eth.estimate_gas({"to": contract, "data": HexBytes("0x01")})
    with pytest.raises(TransactionNotFound):
        w3.eth.get_transaction(HexBytes(word(1)))
    with pytest.raises(TransactionNotFound):
        w3.eth.get_transaction_receipt(HexBytes(word(1)))


def test_fees_are_quoted(w3: Web3, chain: EmbeddedChain) -> None:
    chain.mine(4)

    history = w3.eth.fee_history(3, "latest", [25, 75])

    assert w3.eth.max_priority_fee == PRIORITY_FEE_WEI
    assert w3.eth.gas_price == chain.next_base_fee() + PRIORITY_FEE_WEI
    assert history["oldestBlock"] == 2
    assert history["baseFeePerGas"][-1] == chain.next_base_fee()
    assert history["gasUsedRatio"] == [0.0, 0.0, 0.0]
    assert history["reward"] == [[PRIORITY_FEE_WEI] * 2] * 3
    assert w3.eth.fee_history(99, BlockNumber(1))["baseFeePerGas"][-1] == w3.eth.get_block(2)["baseFeePerGas"]


def test_tags_name_blocks(w3: Web3, chain: EmbeddedChain) -> None:
    chain.mine(5)

    numbers = [w3.eth.get_block(tag)["number"] for tag in ("earliest", "finalized", "safe", "latest")]

    assert numbers == [0, 3, 4, 5]
    assert answer(chain, "eth_getBlockByNumber", ["pending", False]) is not None


def test_logs_are_found_by_block_address_and_topic(chain: EmbeddedChain, sender: Sender) -> None:
    first, second = sender.deploy_slots(), sender.deploy_slots()
    for contract in (first, second):
        sender.send(contract, word(1) + word(7))
        sender.send(contract, word(2) + word(8))
    everywhere = {"fromBlock": "earliest", "toBlock": "latest"}

    def found(**wanted: object) -> list[tuple[str, int]]:
        logs: Any = answer(chain, "eth_getLogs", [wanted])
        return [(log["address"], decode(["uint256"], bytes.fromhex(log["data"][2:]))[0]) for log in logs]

    a, b = to_data(first), to_data(second)
    assert found(**everywhere) == [(a, 7), (a, 8), (b, 7), (b, 8)]
    assert found(**everywhere, address=a.upper().replace("0X", "0x")) == [(a, 7), (a, 8)]
    assert found(**everywhere, address=[a, b], topics=[to_data(word(2))]) == [(a, 8), (b, 8)]
    assert found(**everywhere, topics=[[to_data(word(1)), to_data(word(2))]]) == found(**everywhere)
    assert found(**everywhere, topics=[None]) == found(**everywhere)
    assert found(**everywhere, topics=[None, None]) == []
    assert found(fromBlock="0x3", toBlock="0x3") == [(a, 7)]
    assert found() == [(b, 8)]
    assert found(blockHash=to_data(chain.head().block_hash)) == [(b, 8)]
    assert found(blockHash=to_data(word(1))) == []


def test_a_transaction_with_an_access_list_shows_it(w3: Web3, chain: EmbeddedChain, sender: Sender) -> None:
    from eth_account import Account

    contract = sender.deploy_slots()
    key = Account.create().key
    poor = Account.from_key(key)
    sender.send(bytes.fromhex(poor.address[2:]), gas=21_000, value=10**18)
    raw = poor.sign_transaction(
        {
            "type": 2,
            "chainId": EMBEDDED_CHAIN_ID,
            "nonce": 0,
            "gas": 100_000,
            "maxFeePerGas": FEE,
            "maxPriorityFeePerGas": 1,
            "to": format_address(contract),
            "value": 0,
            "data": word(1) + word(7),
            "accessList": [{"address": format_address(contract), "storageKeys": [to_data(word(1))]}],
        }
    ).raw_transaction

    shown: Any = answer(chain, "eth_getTransactionByHash", [to_data(chain.send_raw(bytes(raw)))])

    assert shown["accessList"] == [{"address": to_data(contract), "storageKeys": [to_data(word(1))]}]


ZERO = "0x" + "00" * 20


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("eth_subscribe", [], -32601),
        ("eth_sendTransaction", [{}], -32601),
        ("eth_getBalance", [], -32602),
        ("eth_getBalance", ["0x12"], -32602),
        ("eth_getBalance", [ZERO, "0xzz"], -32602),
        ("eth_getBalance", [ZERO, "newest"], -32602),
        ("eth_getBalance", [ZERO, -1], -32602),
        ("eth_getBalance", [ZERO, "0x99"], -32000),
        ("eth_getBalance", [ZERO, {"blockHash": "0x" + "11" * 32}], -32000),
        ("eth_getBalance", [ZERO, {}], -32602),
        ("eth_getStorageAt", [ZERO, "0x" + "1" * 65], -32602),
        ("eth_getStorageAt", [ZERO, "0x"], -32602),
        ("eth_getStorageAt", [ZERO, "one"], -32602),
        ("eth_getStorageAt", [ZERO, "0x1_0"], -32602),
        ("eth_getProof", [ZERO, "0x1", "latest"], -32602),
        ("eth_call", ["0x"], -32602),
        ("eth_call", [{"to": "0x12"}], -32602),
        ("eth_call", [{"value": "1"}], -32602),
        ("eth_sendRawTransaction", ["02"], -32602),
        ("eth_sendRawTransaction", ["0x02"], -32000),
        ("eth_feeHistory", ["0x1", "latest", "x"], -32602),
        ("eth_getLogs", ["latest"], -32602),
        ("eth_getBlockByHash", ["0x12"], -32602),
        ("eth_getTransactionReceipt", [7], -32602),
    ],
)
def test_odd_questions_are_refused_with_a_code(
    chain: EmbeddedChain, method: str, params: list[object], code: int
) -> None:
    with pytest.raises(JsonRpcError) as caught:
        answer(chain, method, params)

    assert caught.value.rpc_code == code


@pytest.mark.parametrize(
    ("method", "params", "expected"),
    [
        ("eth_getBlockByNumber", ["0x99", False], None),
        ("eth_getBlockByNumber", ["0x" + "f" * 20, False], None),
        ("eth_getBlockByHash", ["0x" + "11" * 32, False], None),
        ("eth_getTransactionByHash", ["0x" + "11" * 32], None),
        ("eth_getBalance", [ZERO, {"blockNumber": "0x0"}], "0x0"),
        ("eth_getStorageAt", [ZERO, "0x1", "earliest"], "0x" + "00" * 32),
        ("eth_getStorageAt", [ZERO, "0x" + "00" * 32], "0x" + "00" * 32),
        ("eth_call", [{"to": ZERO}, "latest"], "0x"),
        ("eth_call", [{"input": "0x600160005260206000f3"}], "0x" + "00" * 31 + "01"),
    ],
)
def test_what_is_not_there_is_null_or_zero(
    chain: EmbeddedChain, method: str, params: list[object], expected: object
) -> None:
    assert answer(chain, method, params) == expected


def test_no_hash_of_a_trie_node_is_taken_for_a_block(chain: EmbeddedChain, sender: Sender) -> None:
    contract = sender.deploy_slots()
    header = chain.head()
    keys = [header.bytes_of("stateRoot"), header.bytes_of("transactionsRoot")]
    keys.append(chain.state.account(header, contract).code_hash)

    for key in keys:
        assert answer(chain, "eth_getBlockByHash", [to_data(key), False]) is None


IMPORTS = """
import sys
import ledger_service.chain.{module}
heavy = {{"web3", "eth", "eth_account", "httpx", "trie", "rlp", "eth_abi"}}
print(",".join(sorted(heavy & set(sys.modules))))
"""


@pytest.mark.parametrize(
    ("module", "allowed"),
    [("rpc", ""), ("registry", ""), ("reverts", ""), ("deploy", "rlp,trie"), ("account", "rlp,trie")],
)
def test_importing_a_module_stays_cheap(module: str, allowed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS.format(module=module)], capture_output=True, text=True, check=True
    )

    assert set(done.stdout.strip().split(",")) <= set(allowed.split(",")) | {""}


DEEP = """
import json, sys, threading
{act}
def parse():
    for opening in ("[", '{{"a":'):
        try:
            json.loads(opening * 200_000)
        except RecursionError:
            print("refused")
parse()
thread = threading.Thread(target=parse)
thread.start()
thread.join()
"""


@pytest.mark.parametrize(
    "act",
    [
        "import ledger_service.chain.embedded_engine",
        "import ledger_service.chain.embedded_provider",
        "from ledger_service.chain.registry import anchored_topic; anchored_topic()",
        "from ledger_service.chain.account import development_signer; development_signer(0, 31337)",
    ],
)
def test_deep_json_raises_and_does_not_kill_the_process_after_heavy_imports(act: str) -> None:
    """py_ecc raises the recursion limit so far that json's C code would overflow its stack."""
    done = subprocess.run([sys.executable, "-c", DEEP.format(act=act)], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout.split()) == (0, ["refused"] * 4), done.stderr[-500:]


def test_a_development_signers_transaction_is_the_one_that_the_chain_shows(chain: EmbeddedChain) -> None:
    signer = development_signer(2, EMBEDDED_CHAIN_ID)
    request = TxRequest(
        chain_id=EMBEDDED_CHAIN_ID, nonce=0, gas=21_000, fee=FEE, priority_fee=7, to=bytes(20), data=b"", value=9
    )

    shown: Any = answer(chain, "eth_getTransactionByHash", [to_data(chain.send_raw(signer.sign_transaction(request)))])

    assert shown["from"] == to_data(signer.address)
    assert (shown["value"], shown["gas"], shown["maxFeePerGas"]) == ("0x9", hex(21_000), hex(FEE))
    assert (shown["maxPriorityFeePerGas"], shown["input"], shown["accessList"]) == ("0x7", "0x", [])
