"""Inclusion and consistency proofs: every small case holds, and nothing that differs from it does."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_service.core import merkle
from ledger_service.core.merkle import EMPTY_ROOT, verify_consistency, verify_inclusion
from ledger_service.errors import InvalidProofError
from tests.core.rfc9162 import (
    LEAVES,
    ROOTS,
    SIZES,
    accepts_consistency,
    accepts_inclusion,
    all_rejected,
    consistency,
    each_bit_changed,
    holds,
    inclusion,
    mth,
    path,
    subproof,
)  # fmt: skip
from tests.core.untraced import untraced


@untraced
def test_every_leaf_of_every_tree_up_to_257_is_proved_and_verified() -> None:
    for size in range(1, SIZES + 1):
        for index in range(size):
            verify_inclusion(LEAVES[index], index, size, inclusion(index, size), ROOTS[size])


@untraced
def test_inclusion_proofs_are_those_of_the_recursive_definition() -> None:
    for size in range(1, 71):
        for index in range(size):
            assert inclusion(index, size) == path(index, LEAVES[:size])


@untraced
def test_no_inclusion_proof_up_to_33_survives_the_change_of_one_bit() -> None:
    for size in range(1, 34):
        for index in range(size):
            leaf, proof, root = LEAVES[index], inclusion(index, size), ROOTS[size]
            calls = [(changed, index, size, proof, root) for changed in each_bit_changed(leaf)]
            calls += [(leaf, index, size, proof, changed) for changed in each_bit_changed(root)]
            for place, value in enumerate(proof):
                before, after = proof[:place], proof[place + 1 :]
                calls += [(leaf, index, size, [*before, c, *after], root) for c in each_bit_changed(value)]
            assert all_rejected(verify_inclusion, calls), (index, size)


@untraced
def test_an_inclusion_proof_of_another_length_or_for_another_leaf_is_rejected() -> None:
    for size in range(1, 71):
        for index in range(size):
            leaf, proof, root = LEAVES[index], inclusion(index, size), ROOTS[size]
            calls: list[tuple[Any, ...]] = [
                (leaf, index, size, [*proof, root], root),
                (leaf, index, size, [leaf, *proof], root),
                (leaf, index, size, [*proof, *proof, bytes(32)], root),
            ]
            calls += [(leaf, index, size, proof[:place] + proof[place + 1 :], root) for place in range(len(proof))]
            calls += [(leaf, other, size, proof, root) for other in range(size) if other != index]
            calls += [(LEAVES[other], index, size, proof, root) for other in range(size) if other != index]
            assert all_rejected(verify_inclusion, calls), (index, size)


def test_an_inner_node_is_not_accepted_as_a_leaf_of_the_tree_it_belongs_to() -> None:
    """Only a size that the caller does not get from the proof keeps a node from passing as a leaf of a smaller tree."""
    inner = merkle.node_hash(LEAVES[0], LEAVES[1])

    assert holds(verify_inclusion, inner, 0, 2, [merkle.node_hash(LEAVES[2], LEAVES[3])], ROOTS[4])
    assert not holds(verify_inclusion, inner, 0, 4, [merkle.node_hash(LEAVES[2], LEAVES[3])], ROOTS[4])
    assert not holds(verify_inclusion, inner, 0, 4, inclusion(0, 4), ROOTS[4])


@untraced
def test_an_inclusion_proof_alone_does_not_bind_the_size() -> None:
    """So size and root come from one signed checkpoint or one anchored head: the same proof fits 3 and 4 leaves.

    Trees of 3 and of 4 leaves have the same path from leaf 0 to the root, and RFC 9162 hashes no size. The verifier
    cannot tell; it still never accepts the true root of the other size.
    """
    proof, root = inclusion(0, 4), ROOTS[4]

    verify_inclusion(LEAVES[0], 0, 4, proof, root)
    verify_inclusion(LEAVES[0], 0, 3, proof, root)

    assert not holds(verify_inclusion, LEAVES[0], 0, 3, proof, ROOTS[3])
    passing = 0
    for size in range(1, 34):
        for index in range(size):
            for other in range(1, 34):
                accepted = holds(verify_inclusion, LEAVES[index], index, other, inclusion(index, size), ROOTS[size])
                assert accepted == accepts_inclusion(LEAVES[index], index, other, inclusion(index, size), ROOTS[size])
                passing += accepted and other != size
    assert passing > 1000


@untraced
def test_every_consistency_pair_up_to_257_is_proved_and_verified() -> None:
    for size2 in range(1, SIZES + 1):
        for size1 in range(1, size2 + 1):
            verify_consistency(size1, size2, consistency(size1, size2), ROOTS[size1], ROOTS[size2])


@untraced
def test_consistency_proofs_are_those_of_the_recursive_definition() -> None:
    for size2 in range(1, 71):
        for size1 in range(1, size2 + 1):
            assert consistency(size1, size2) == subproof(size1, LEAVES[:size2], True)


@pytest.mark.parametrize("part", range(8))
@untraced
def test_no_consistency_proof_up_to_70_survives_the_change_of_one_bit(part: int) -> None:
    for size2 in range(1 + part, 71, 8):
        for size1 in range(1, size2 + 1):
            proof, root1, root2 = consistency(size1, size2), ROOTS[size1], ROOTS[size2]
            calls = [(size1, size2, proof, changed, root2) for changed in each_bit_changed(root1)]
            calls += [(size1, size2, proof, root1, changed) for changed in each_bit_changed(root2)]
            for place, value in enumerate(proof):
                before, after = proof[:place], proof[place + 1 :]
                calls += [(size1, size2, [*before, c, *after], root1, root2) for c in each_bit_changed(value)]
            assert all_rejected(verify_consistency, calls), (size1, size2)


@untraced
def test_a_consistency_proof_of_another_length_or_order_is_rejected() -> None:
    for size2 in range(1, 71):
        for size1 in range(1, size2 + 1):
            proof, root1, root2 = consistency(size1, size2), ROOTS[size1], ROOTS[size2]
            calls: list[tuple[Any, ...]] = [
                (size1, size2, [*proof, root1], root1, root2),
                (size1, size2, [root1, *proof], root1, root2),
                (size1, size2, [*proof, *proof, bytes(32)], root1, root2),
            ]
            calls += [(size1, size2, proof[:place] + proof[place + 1 :], root1, root2) for place in range(len(proof))]
            if proof[::-1] != proof:
                calls.append((size1, size2, proof[::-1], root1, root2))
            if size1 != size2:
                calls += [
                    (size2, size1, proof, root2, root1),
                    (size2, size1, proof, root1, root2),
                    (size1, size2, proof, root2, root1),
                    (size1, size2, proof, root1, root1),
                    (size1, size1, [], root1, root2),
                    (size1, size2, [], root1, root2),
                ]
            assert all_rejected(verify_consistency, calls), (size1, size2)


@untraced
def test_a_size_off_by_one_is_rejected_unless_no_verifier_of_rfc_9162_could_tell() -> None:
    """Consistency proofs do not hash sizes either: a neighbour with the same path passes, with the same two roots.

    What passes is exactly what the recursive definition lets pass, and never the true root of the claimed size.
    """
    passing = 0
    for size2 in range(2, 71):
        for size1 in range(1, size2):
            proof, root1, root2 = consistency(size1, size2), ROOTS[size1], ROOTS[size2]
            for a, b in ((size1 - 1, size2), (size1 + 1, size2), (size1, size2 - 1), (size1, size2 + 1)):
                accepted = holds(verify_consistency, a, b, proof, root1, root2)
                assert accepted == accepts_consistency(a, b, proof, root1, root2)
                assert not holds(verify_consistency, a, b, proof, ROOTS[a], ROOTS[b])
                passing += accepted
    assert 0 < passing < 2415 * 4 / 2


@untraced
def test_a_rewritten_tree_has_no_consistency_proof_from_the_old_one() -> None:
    other = [*LEAVES[:5], merkle.leaf_hash(b"another entry"), *LEAVES[6:40]]
    tree = merkle.complete_nodes(other)

    for size1 in range(6, 30):
        for size2 in range(size1, 41):
            proof = merkle.fold_consistency(
                size1, size2, [tree[node] for node in merkle.nodes_for_consistency(size1, size2)]
            )
            assert holds(verify_consistency, size1, size2, proof, mth(other[:size1]), mth(other[:size2]))
            assert not holds(verify_consistency, size1, size2, proof, ROOTS[size1], mth(other[:size2]))


def test_a_consistency_proof_says_which_of_the_two_roots_it_misses() -> None:
    proof = consistency(6, 11)

    verify_consistency(6, 11, proof, ROOTS[6], ROOTS[11])
    with pytest.raises(InvalidProofError, match="another older root"):
        verify_consistency(6, 11, proof, ROOTS[5], ROOTS[11])
    with pytest.raises(InvalidProofError, match="another newer root"):
        verify_consistency(6, 11, proof, ROOTS[6], ROOTS[10])


def test_two_heads_of_one_size_agree_only_with_the_same_root_and_no_proof() -> None:
    verify_consistency(7, 7, [], ROOTS[7], ROOTS[7])

    assert not holds(verify_consistency, 7, 7, [], ROOTS[7], ROOTS[8])
    assert not holds(verify_consistency, 7, 7, [ROOTS[7]], ROOTS[7], ROOTS[7])
    assert not holds(verify_consistency, 7, 7, [], bytearray(ROOTS[7]), bytearray(ROOTS[7]))
    assert not holds(verify_consistency, 7, 7, [], ROOTS[7], bytearray(ROOTS[7]))
    assert not holds(verify_consistency, 0, 0, [], EMPTY_ROOT, EMPTY_ROOT)
    assert not holds(verify_consistency, 0, 7, [], EMPTY_ROOT, ROOTS[7])
