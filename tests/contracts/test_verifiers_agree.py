"""The contract and core/merkle.py accept the same proofs and refuse the same ones, over every small tree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

import pytest
from eth_abi.abi import decode, encode

from ledger_service.core import merkle
from ledger_service.errors import InvalidProofError
from tests.contracts import trees
from tests.contracts.evm import HARNESS, Registry, selector, without_sha256
from tests.core.untraced import untraced

PARTS = 4  # so that pytest-xdist can share the pairs out
INCLUSION_SIZES = 64
SIZES_64_BITS = [2**62 - 1, 2**63 - 1, 2**40 + 1, 2**33, 2**32 + 2**31, 3 * 2**20 + 5]


def accepts(verify: Callable[..., None], *arguments: object) -> bool:
    """Say whether core/merkle.py accepts."""
    try:
        verify(*arguments)
    except InvalidProofError:
        return False
    return True


def consistent(registry: Registry, size1: int, root1: bytes, size2: int, root2: bytes, proof: Sequence[bytes]) -> bool:
    """Return what both verifiers say about a consistency proof; they must not differ."""
    ours = accepts(merkle.verify_consistency, size1, size2, proof, root1, root2)
    theirs = registry.call("verifyConsistency", size1, root1, size2, root2, proof).accepted
    assert ours == theirs, (size1, size2, ours, theirs)
    return theirs


def included(registry: Registry, leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Return what both verifiers say about an inclusion proof; they must not differ."""
    ours = accepts(merkle.verify_inclusion, leaf, index, size, proof, root)
    theirs = registry.call("verifyInclusion", leaf, index, size, proof, root).accepted
    assert ours == theirs, (index, size, ours, theirs)
    return theirs


def with_one_bit_changed(hashes: Sequence[bytes], *numbers: int) -> list[bytes]:
    """Return the hashes with one bit changed, chosen by the numbers so that all places have their turn."""
    draw = int.from_bytes(sha256(repr(numbers).encode()).digest(), "big")
    place, bit = draw % len(hashes), (draw >> 32) % 256
    changed = (int.from_bytes(hashes[place], "big") ^ (1 << bit)).to_bytes(32, "big")
    return [*hashes[:place], changed, *hashes[place + 1 :]]


@pytest.mark.parametrize("part", range(PARTS))
@untraced
def test_every_consistency_pair_up_to_70_is_accepted_by_both_and_refused_once_anything_is_changed(
    verifier: Registry, part: int
) -> None:
    for size2 in range(1 + part, trees.SIZES + 1, PARTS):
        root2 = trees.root(size2)
        for size1 in range(1, size2 + 1):
            root1, proof = trees.root(size1), trees.consistency(size1, size2)
            spoiled = with_one_bit_changed([root1, root2, *proof], size1, size2)

            assert consistent(verifier, size1, root1, size2, root2, proof)
            assert not consistent(verifier, size1, spoiled[0], size2, spoiled[1], spoiled[2:])
            assert not consistent(verifier, size1, root1, size2, root2, [*proof, root2])
            if size1 != size2:
                assert not consistent(verifier, size1, root1, size2, root2, proof[:-1])
                assert not consistent(verifier, size2, root2, size1, root1, proof)


@pytest.mark.parametrize("part", range(PARTS))
@untraced
def test_every_inclusion_proof_up_to_64_is_accepted_by_both_and_refused_once_anything_is_changed(
    verifier: Registry, part: int
) -> None:
    for size in range(1 + part, INCLUSION_SIZES + 1, PARTS):
        root = trees.root(size)
        for index in range(size):
            leaf, proof = trees.LEAVES[index], trees.inclusion(index, size)
            spoiled = with_one_bit_changed([leaf, root, *proof], index, size)

            assert included(verifier, leaf, index, size, proof, root)
            assert not included(verifier, spoiled[0], index, size, spoiled[2:], spoiled[1])
            assert not included(verifier, leaf, index, size, [*proof, root], root)
            assert not included(verifier, leaf, size, size, proof, root)
            if proof:
                assert not included(verifier, leaf, index, size, proof[:-1], root)
                assert not included(verifier, leaf, index ^ 1, size, proof, root)


def test_sizes_that_no_pair_of_trees_has_are_refused_by_both(verifier: Registry) -> None:
    root = trees.root(5)

    assert not consistent(verifier, 0, root, 5, root, [])
    assert not consistent(verifier, 0, root, 0, root, [])
    assert not consistent(verifier, 6, trees.root(6), 5, root, [])
    assert not consistent(verifier, 5, root, 5, trees.root(6), [])
    assert not included(verifier, trees.LEAVES[0], 0, 0, [], trees.LEAVES[0])


@pytest.mark.parametrize("size2", SIZES_64_BITS)
def test_trees_of_sizes_near_64_bits_are_verified_alike(verifier: Registry, size2: int) -> None:
    tree = trees.EqualLeaves(merkle.leaf_hash(b"x"))
    for size1 in {1, 2, 3, size2 // 3, size2 // 2, size2 // 2 + 1, size2 - 1, size2}:
        proof = tree.consistency(size1, size2)
        assert consistent(verifier, size1, tree.root(size1), size2, tree.root(size2), proof)
        assert not consistent(verifier, size1, tree.root(size1), size2, tree.root(size2), [*proof, tree.leaf])

        proof = tree.inclusion(size1 - 1, size2)
        assert included(verifier, tree.leaf, size1 - 1, size2, proof, tree.root(size2))
        assert not included(verifier, tree.leaf, size1 - 1, size2, [*proof, tree.leaf], tree.root(size2))


def test_a_refusal_names_its_reason(verifier: Registry) -> None:
    root3, root7, proof = trees.root(3), trees.root(7), trees.consistency(3, 7)

    def reason(*arguments: object) -> object:
        return verifier.call("verifyConsistency", *arguments).refusal

    assert reason(0, root3, 7, root7, proof) == ("MerkleSizes", 0, 7)
    assert reason(3, root3, 7, root7, proof[1:]) == ("MerkleProofLength", 4, 3)
    assert reason(3, root7, 7, root7, proof) == ("MerkleOlderRoot", root7, root3)
    assert reason(3, root3, 7, root3, proof) == ("MerkleNewerRoot", root3, root7)
    assert reason(3, root3, 7, root7, proof) == ()
    leaf, path = trees.LEAVES[2], trees.inclusion(2, 7)
    assert verifier.call("verifyInclusion", leaf, 7, 7, path, root7).refusal == ("MerkleIndex", 7, 7)
    assert verifier.call("verifyInclusion", leaf, 2, 7, path, root3).refusal == ("MerkleRoot", root3, root7)


def test_a_chain_without_the_sha256_precompile_accepts_nothing() -> None:
    """A call to an empty address succeeds and writes nothing: what stood in memory must not pass for a hash."""
    bare = Registry.placed(without_sha256())
    stale = bytes(32)  # what the memory of a hash that was never written holds

    for root2 in (trees.root(2), stale):
        outcome = bare.call("verifyConsistency", 1, trees.root(1), 2, root2, trees.consistency(1, 2))
        assert (outcome.accepted, outcome.output) == (False, b"")
        outcome = bare.call("verifyInclusion", trees.LEAVES[0], 0, 2, trees.inclusion(0, 2), root2)
        assert (outcome.accepted, outcome.output) == (False, b"")


def test_the_contract_that_flips_bits_notices_a_verifier_that_accepts_everything(verifier: Registry) -> None:
    """The tests on Hardhat rest on its counts, so they are checked here with a registry that is only a STOP."""
    types = ["uint64", "bytes32", "uint64", "bytes32", "bytes32[]", "uint256", "uint256"]
    values = (3, trees.root(3), 7, trees.root(7), trees.consistency(3, 7), 0, 128)
    data = selector(f"consistency({','.join(types)})") + encode(types, values)

    def count(registry: bytes) -> tuple[int, int]:
        evm = verifier.evm
        creation = bytes.fromhex(HARNESS["MerkleTreeFlips"]) + bytes(12) + registry
        flips = evm.place(creation, address=bytes([0xF1]) * 20)
        refused, offered = decode(["uint256", "uint256"], evm.call(flips, data).output)
        return refused, offered

    assert count(verifier.address) == (12, 12), "two bits of two roots and of four hashes"
    credulous = verifier.evm.place(bytes.fromhex("6001600081f3"), address=bytes([0xF2]) * 20)
    assert count(credulous) == (0, 12)
