"""The verifiers at the largest size, out of range, with other types, and with proofs of a wrong length."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from ledger_service.core import merkle
from ledger_service.core.merkle import SIZE_MAX, verify_consistency, verify_inclusion
from ledger_service.errors import InvalidProofError
from tests.core.rfc9162 import LEAVES, ROOTS, consistency, holds, inclusion, root_by_path, roots_by_subproof

HUGE = 10**5000  # more digits than Python turns into text


@pytest.mark.parametrize("size", [1, 2, 2**31, 2**32 - 1, 2**32, 2**62, 2**62 + 1, SIZE_MAX - 1, SIZE_MAX])
def test_proofs_of_trees_up_to_the_largest_size_are_verified(size: int) -> None:
    """Nobody builds these trees: the hashes are drawn, and the recursive definition says where they lead."""
    draw = random.Random(size)
    for index in {0, size // 2, size - 1, draw.randrange(size)}:
        needed = merkle.nodes_for_inclusion(index, size)
        proof = merkle.fold_inclusion(index, size, [draw.randbytes(32) for _ in needed])
        root = root_by_path(LEAVES[0], index, size, proof)
        assert root is not None
        verify_inclusion(LEAVES[0], index, size, proof, root)
        assert not holds(verify_inclusion, LEAVES[0], index, size, proof, draw.randbytes(32))
    for size1 in {1, size // 2 or 1, size - 1 or 1, size, 1 + draw.randrange(size)}:
        count = len(merkle.fold_consistency(size1, size, [bytes(32)] * len(merkle.nodes_for_consistency(size1, size))))
        proof = [draw.randbytes(32) for _ in range(count)]
        whole = size1 & (size1 - 1) == 0 or size1 == size
        roots = roots_by_subproof(size1, size, proof, LEAVES[0] if whole else None)
        if roots is None:  # RFC 9162 leaves the older root out only where it is a complete subtree
            roots = roots_by_subproof(size1, size, proof, LEAVES[0])
        assert roots is not None
        verify_consistency(size1, size, proof, *roots)
        assert not holds(verify_consistency, size1, size, proof, roots[0], draw.randbytes(32))


@pytest.mark.parametrize(
    ("index", "size"),
    [
        (0, 0),
        (1, 1),
        (-1, 1),
        (2**64 - 1, 1),
        (0, -1),
        (0, SIZE_MAX + 1),
        (SIZE_MAX, SIZE_MAX),
        (HUGE, 2),
        (0, HUGE),
        (False, 1),
        (0, True),
        (0.0, 1),
        (0, 1.0),
        ("0", 1),
        (None, 1),
    ],
    ids=lambda value: str(value)[:24] if value is not HUGE else "huge",
)
def test_an_index_or_size_out_of_range_or_of_another_type_is_rejected(index: Any, size: Any) -> None:
    leaf = LEAVES[0]

    assert holds(verify_inclusion, leaf, 0, 1, [], leaf)
    assert not holds(verify_inclusion, leaf, index, size, [], leaf)
    with pytest.raises(InvalidProofError):
        merkle.nodes_for_inclusion(index, size)
    with pytest.raises(InvalidProofError):
        merkle.fold_inclusion(index, size, [])


@pytest.mark.parametrize(
    ("size1", "size2"),
    [(0, 1), (0, 0), (2, 1), (-1, 1), (1, SIZE_MAX + 1), (True, 1), (1, True), (1.0, 1), (HUGE, HUGE), ("1", 1)],
    ids=lambda value: str(value)[:24] if value is not HUGE else "huge",
)
def test_sizes_out_of_range_or_of_another_type_are_rejected(size1: Any, size2: Any) -> None:
    root = LEAVES[0]

    assert holds(verify_consistency, 1, 1, [], root, root)
    assert not holds(verify_consistency, size1, size2, [], root, root)
    with pytest.raises(InvalidProofError):
        merkle.nodes_for_consistency(size1, size2)
    with pytest.raises(InvalidProofError):
        merkle.fold_consistency(size1, size2, [])


@pytest.mark.parametrize("size", [-1, SIZE_MAX + 1, True, 1.0, None, HUGE], ids=lambda value: str(type(value)))
def test_no_root_of_an_impossible_size_is_computed(size: Any) -> None:
    with pytest.raises(InvalidProofError):
        merkle.nodes_for_root(size)
    with pytest.raises(InvalidProofError):
        merkle.compute_root(size, [bytes(32)])


@pytest.mark.parametrize("wrong", [b"", bytes(31), bytes(33), bytearray(32), "0" * 32, None], ids=repr)
def test_a_hash_is_exactly_32_bytes_wherever_it_stands(wrong: Any) -> None:
    proof, root = inclusion(1, 3), ROOTS[3]
    older, newer = consistency(3, 7), ROOTS[7]

    assert holds(verify_inclusion, LEAVES[1], 1, 3, proof, root)
    assert not holds(verify_inclusion, wrong, 1, 3, proof, root)
    assert not holds(verify_inclusion, LEAVES[1], 1, 3, proof, wrong)
    assert not holds(verify_inclusion, LEAVES[1], 1, 3, [proof[0], wrong], root)
    assert not holds(verify_inclusion, wrong, 0, 1, [], wrong)
    assert holds(verify_consistency, 3, 7, older, root, newer)
    assert not holds(verify_consistency, 3, 7, older, wrong, newer)
    assert not holds(verify_consistency, 3, 7, older, root, wrong)
    assert not holds(verify_consistency, 3, 7, [*older[:-1], wrong], root, newer)


class Untouchable(Sequence[bytes]):
    """A proof that says how long it is and fails as soon as anybody looks at one of its hashes."""

    def __init__(self, length: int) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, place: Any) -> Any:
        raise AssertionError(f"the hash at {place} was read")


@pytest.mark.parametrize("length", [0, 2, 4, 10**6])
def test_a_proof_of_wrong_length_is_rejected_before_a_hash_of_it_is_read(length: int) -> None:
    with pytest.raises(InvalidProofError, match=f"has 3 hashes, got {length}"):
        verify_inclusion(LEAVES[5], 5, 8, Untouchable(length), ROOTS[8])
    with pytest.raises(InvalidProofError, match=f"has 1 hashes, got {length}"):
        verify_consistency(4, 8, Untouchable(length), ROOTS[4], ROOTS[8])


def test_a_proof_is_not_folded_from_too_few_or_too_many_nodes() -> None:
    """A store that lacks a node must not hand out a proof that nobody can verify."""
    for count in (0, 2, 4):
        with pytest.raises(InvalidProofError, match=f"from 3 hashes, got {count}"):
            merkle.fold_inclusion(5, 8, [bytes(32)] * count)
        with pytest.raises(InvalidProofError, match=f"from 3 hashes, got {count}"):
            merkle.fold_consistency(3, 4, [bytes(32)] * count)
