"""The compiled AnchorRegistry that ships with the package: ABI, code, and what they were compiled from.

Promises: what `load_artifact` returns is the committed file, which `scripts/compile_contracts --check` proves to be
what the sources give. Does not compile, and asks no chain.

>>> artifact = load_artifact()
>>> artifact.compiler["version"].split("+")[0]
'0.8.37'
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Artifact:
    """One compilation of the contract.

    Attributes:
        abi: Items of the contract's JSON ABI: functions, events and custom errors, the Merkle library's included.
        bytecode: Code that creates the contract; the constructor takes no arguments.
        deployed_bytecode: Code that a created contract has, the same at every address (it holds no constants that
            are set at creation); its keccak-256 is what a trust file pins.
        source_sha256: SHA-256, in hex, of the lines that `sha256sum` prints for the three sources.
        compiler: `version` and `settings` of solc.
    """

    abi: list[dict[str, Any]]
    bytecode: bytes
    deployed_bytecode: bytes
    source_sha256: str
    compiler: dict[str, Any]


@lru_cache(maxsize=1)
def load_artifact() -> Artifact:
    """Return the committed artifact; read once, shared by all callers, not to be changed by them."""
    text = (files("ledger_service.chain") / "data" / "AnchorRegistry.json").read_text(encoding="utf-8")
    members = json.loads(text)
    return Artifact(
        abi=members["abi"],
        bytecode=bytes.fromhex(members["bytecode"]),
        deployed_bytecode=bytes.fromhex(members["deployed_bytecode"]),
        source_sha256=members["source_sha256"],
        compiler=members["compiler"],
    )
