"""What the registry costs in gas: whole transactions that anchor a head, and the verification inside them.

Gas does not depend on the machine: the same code gives the same figures, and tests/contracts/gas.json holds them.
Trees are made of equal leaves, so that a head of 2^30 entries needs no entries. All accounts and values are fixed.
"""

from __future__ import annotations

from typing import Any

from eth_abi.abi import decode, encode

from ledger_service.chain.artifact import load_artifact
from ledger_service.core.merkle import leaf_hash
from tests.contracts.costs import Gas, cost_table
from tests.contracts.evm import HARNESS, Evm, calldata, decode_outputs, selector
from tests.contracts.trees import EqualLeaves

GROWTH = 64  # entries between two heads
CAP = 2**62
# The last size before the measured head: the smallest log, a page of entries, and edges where the paths differ most.
SIZES = [1, 2, 63, 64, 1000, 2**10, 2**14 + 1, 2**17 - 1, 2**20 - 1, 2**20, 2**20 + 1, 2**30 - 1, 2**30]
SIZES_SHORT = [1, 1000, 2**20 - 1, 2**30 - 1]
# Sizes of verification alone: the shortest proofs, where the constant shows, and the longest.
PAIRS = [(1, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (8, 13), (7, 8), (2**32, 2**32 + 1), (2**62 - 1, 2**62 + 63)]
INCLUSIONS = [(0, 1), (0, 2), (1, 2), (999, 1000), (2**20 - 2, 2**20 - 1), (2**20 - 1, 2**20), (0, 2**62)]
RECORD = "record(bytes32)"
CONSISTENCY = "meterConsistency(uint64,bytes32,uint64,bytes32,bytes32[])"
INCLUSION = "meterInclusion(bytes32,uint64,uint64,bytes32[],bytes32)"


def measure(short: bool) -> dict[str, Any]:
    """Measure gas; `short` leaves rows of the table out and keeps the figures.

    Returns:
        `figures`: gas of the whole transaction for two heads, of the verification per element of the proof and
        beside it, the table, and what that costs (`tests/contracts/costs.py`). No verification costs more than
        `verify_constant` + `verify_per_element` × elements; `verify_per_element` is what one more element costs at
        most (both roots hash it).
    """
    gas = GasMeter()
    heads = [gas.head(size) for size in (SIZES_SHORT if short else SIZES)]
    pairs = [gas.consistency(size1, size2) for size1, size2 in PAIRS]
    inclusions = [gas.inclusion(index, size) for index, size in INCLUSIONS]
    by_size = {head["from_size"]: head for head in heads}
    low, high = by_size[2**20 - 1], by_size[2**30 - 1]
    per_element = (high["verify_gas"] - low["verify_gas"]) / (high["elements"] - low["elements"])
    rows = [*heads, *pairs, *inclusions]
    return {
        "figures": {
            "head_2p20_minus_1_plus_64": low["tx_gas"],
            "head_1000_plus_64": by_size[1000]["tx_gas"],
            "verify_per_element": per_element,
            "verify_constant": max(row["verify_gas"] - per_element * row["elements"] for row in rows),
            "table": {
                "deploy_tx_gas": gas.deploy_gas,
                "register_log_tx_gas": gas.register_gas,
                "heads": heads,
                "consistency": pairs,
                "inclusion": inclusions,
            },
            "costs": cost_table(Gas(head=low["tx_gas"], step=gas.step())),
        },
        "ratios": {},
    }


class GasMeter:
    """One chain with a registry and the contract that measures the library's calls."""

    def __init__(self) -> None:
        self._evm = Evm()
        self._tree = EqualLeaves(leaf_hash(b"entry"))
        self.deploy_gas, registry = self._evm.send(load_artifact().bytecode)
        self._registry = registry.output
        self._meter = self._evm.send(bytes.fromhex(HARNESS["MerkleTreeMeter"]))[1].output
        self.register_gas = 0

    def head(self, size: int) -> dict[str, int]:
        """Return the gas of the transaction that anchors `GROWTH` entries on top of `size`, and of its verification."""
        log_id = self._register(b"log at %d" % size)
        if size > 1:
            self._anchor(log_id, 1, size)
        verified = self.consistency(size, size + GROWTH)
        return {
            "from_size": size,
            "to_size": size + GROWTH,
            "elements": verified["elements"],
            "verify_gas": verified["verify_gas"],
            "tx_gas": self._anchor(log_id, size, size + GROWTH),
        }

    def consistency(self, size1: int, size2: int) -> dict[str, int]:
        """Return the gas of the library's verifyConsistency alone."""
        proof = self._tree.consistency(size1, size2)
        values = (size1, self._tree.root(size1), size2, self._tree.root(size2), proof)
        gas = self._measured(CONSISTENCY, ["uint64", "bytes32", "uint64", "bytes32", "bytes32[]"], *values)
        return {"size1": size1, "size2": size2, "elements": len(proof), "verify_gas": gas}

    def inclusion(self, index: int, size: int) -> dict[str, int]:
        """Return the gas of the library's verifyInclusion alone."""
        proof = self._tree.inclusion(index, size)
        values = (self._tree.leaf, index, size, proof, self._tree.root(size))
        gas = self._measured(INCLUSION, ["bytes32", "uint64", "uint64", "bytes32[]", "bytes32"], *values)
        return {"index": index, "size": size, "elements": len(proof), "verify_gas": gas}

    def step(self) -> int:
        """Return the gas of the transaction that stores one hash, as one for each step would."""
        recorder = self._evm.send(bytes.fromhex(HARNESS["StepRecorder"]))[1].output
        used, outcome = self._evm.send(selector(RECORD) + leaf_hash(b"a step"), to=recorder)
        assert outcome.accepted
        return used

    def _register(self, origin: bytes) -> bytes:
        owner = "0x" + self._evm.sender.hex()
        data = calldata("registerLog", leaf_hash(origin), self._tree.leaf, owner, owner, CAP)
        self.register_gas, outcome = self._evm.send(data, to=self._registry)
        assert outcome.accepted
        return bytes(decode_outputs("registerLog", outcome.output)[0])

    def _anchor(self, log_id: bytes, size1: int, size2: int) -> int:
        proof = self._tree.consistency(size1, size2)
        data = calldata("anchor", log_id, size2, self._tree.root(size2), proof)
        gas, outcome = self._evm.send(data, to=self._registry)
        assert outcome.accepted, outcome.refusal
        return gas

    def _measured(self, signature: str, types: list[str], *values: object) -> int:
        _, outcome = self._evm.send(selector(signature) + encode(types, values), to=self._meter)
        assert outcome.accepted, outcome.refusal
        return int(decode(["uint256"], outcome.output)[0])
