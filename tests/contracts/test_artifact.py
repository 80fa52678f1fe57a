"""The committed artifact: what it holds, and that the sources give it."""

from __future__ import annotations

import json
import re
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from ledger_service.chain.artifact import load_artifact
from tests.contracts.evm import Evm

SOURCES = (
    "contracts/AnchorRegistry.sol",
    "contracts/interfaces/IAnchorRegistry.sol",
    "contracts/libraries/MerkleTree.sol",
)
LINES_MAX = 350  # what a reader takes in at one sitting: interface, library and contract together


def test_the_artifact_was_made_from_these_sources_with_these_settings(project_root: Path) -> None:
    artifact = load_artifact()
    lines = [f"{sha256((project_root / name).read_bytes()).hexdigest()}  {name}\n" for name in SOURCES]
    settings = json.loads((project_root / "contracts" / "compiler.json").read_text(encoding="utf-8"))

    assert artifact.source_sha256 == sha256("".join(lines).encode()).hexdigest()
    assert artifact.compiler["settings"] == settings["settings"]
    assert artifact.compiler["version"].startswith(settings["version"] + "+")


def test_the_creation_code_gives_the_deployed_code(project_root: Path) -> None:
    artifact = load_artifact()

    _, outcome = Evm().send(artifact.bytecode)

    assert outcome.accepted
    placed = Evm()
    placed.place(artifact.bytecode, address=outcome.output)
    assert placed.code(outcome.output) == artifact.deployed_bytecode


def test_the_functions_are_those_that_verifiers_and_explorers_call() -> None:
    names = {item["name"] for item in load_artifact().abi if item["type"] == "function"}

    assert names == {
        "registerLog", "anchor", "transferOwnership", "acceptOwnership", "setAnchorer", "setMaxGrowth", "closeLog",
        "head", "log", "commitment", "computeLogId", "verifyConsistency", "verifyInclusion",
    }  # fmt: skip


def test_nothing_in_the_registry_is_payable_or_runs_without_a_name() -> None:
    for item in load_artifact().abi:
        assert item["type"] in {"function", "event", "error"}, "no constructor, fallback or receive"
        assert item.get("stateMutability") != "payable"


def test_the_sources_stay_short_and_within_the_rules_of_the_house(project_root: Path) -> None:
    texts = {name: (project_root / name).read_text(encoding="utf-8") for name in SOURCES}

    assert sum(text.count("\n") for text in texts.values()) <= LINES_MAX
    assert sum(text.count("assembly (") for text in texts.values()) == 1, "one block, in the Merkle library"
    assert 'assembly ("memory-safe")' in texts[SOURCES[2]]
    for text in texts.values():
        assert "pragma solidity 0.8.37;" in text
        assert not re.search(r"delegatecall|selfdestruct|payable|tx\.origin|\bdelete\b [a-z_]", text)


@pytest.mark.node
def test_compiling_again_gives_the_committed_files(project_root: Path) -> None:
    check = [str(project_root / "scripts" / "compile_contracts"), "--check"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
