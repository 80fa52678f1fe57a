"""The published RFC 9162 vectors against the contract, as far as its types can hold them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.evm import Registry

UINT64_MAX = 2**64 - 1


def read_vectors(shared: Path, name: str) -> list[dict[str, Any]]:
    file = shared / "vectors" / name
    if not file.is_file():
        pytest.skip(f"../shared/vectors/{name} is not there: the published vectors are not tested")
    vectors: list[dict[str, Any]] = json.loads(file.read_bytes())
    return vectors


def fits(hashes: list[bytes], numbers: list[int]) -> bool:
    """Say whether the contract's types hold a vector: bytes32 and uint64."""
    return all(len(value) == 32 for value in hashes) and all(0 <= number <= UINT64_MAX for number in numbers)


def decode(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def test_the_published_consistency_vectors_agree(shared: Path, verifier: Registry) -> None:
    wrong, tried, left_out = [], 0, []
    for vector in read_vectors(shared, "rfc9162_consistency.json"):
        root1, root2 = decode(vector["root1"]), decode(vector["root2"])
        proof = [decode(element) for element in vector["proof"] or []]
        size1, size2 = vector["size1"], vector["size2"]
        if not fits([root1, root2, *proof], [size1, size2]):
            left_out.append(vector)
            continue
        tried += 1
        outcome = verifier.call("verifyConsistency", size1, root1, size2, root2, proof)
        if outcome.accepted is vector["wantErr"]:
            wrong.append(vector["name"])

    assert wrong == []
    assert tried + len(left_out) == 98
    # Opaque roots of one size are the only accepted vectors whose hashes are no hashes.
    assert all(vector["wantErr"] or vector["size1"] == vector["size2"] for vector in left_out)
    assert tried >= 60


def test_the_published_inclusion_vectors_agree(shared: Path, verifier: Registry) -> None:
    wrong, tried, left_out = [], 0, []
    for vector in read_vectors(shared, "rfc9162_inclusion.json"):
        leaf, root = decode(vector["leafHash"]), decode(vector["root"])
        proof = [decode(element) for element in vector["proof"] or []]
        index, size = vector["leafIdx"], vector["treeSize"]
        if not fits([leaf, root, *proof], [index, size]):
            left_out.append(vector)
            continue
        tried += 1
        outcome = verifier.call("verifyInclusion", leaf, index, size, proof, root)
        if outcome.accepted is vector["wantErr"]:
            wrong.append(vector["name"])

    assert wrong == []
    assert tried + len(left_out) == 98
    assert all(vector["wantErr"] for vector in left_out)
    assert tried >= 60
