"""Hashes, roots, the frontier and the numbering of stored nodes."""

from __future__ import annotations

from hashlib import sha256

import pytest

from ledger_service.core import merkle
from ledger_service.core.merkle import EMPTY_ROOT, SIZE_MAX, Frontier
from ledger_service.errors import InvalidProofError
from tests.core.rfc9162 import LEAVES, ROOTS, SIZES, TREE
from tests.core.untraced import untraced

HUGE = 10**5000  # more digits than Python turns into text


def test_leaves_and_nodes_are_hashed_apart() -> None:
    """A node offered as a leaf never has the same hash: the first byte differs (RFC 9162 §2.1.1)."""
    left, right = LEAVES[:2]

    assert merkle.leaf_hash(b"") == sha256(b"\x00").digest()
    assert merkle.node_hash(left, right) == sha256(b"\x01" + left + right).digest()
    assert merkle.leaf_hash(left + right) != merkle.node_hash(left, right)


@untraced
def test_every_root_up_to_257_is_that_of_the_recursive_definition() -> None:
    for size in range(SIZES + 1):
        assert merkle.compute_root(size, [TREE[node] for node in merkle.nodes_for_root(size)]) == ROOTS[size]

    assert ROOTS[0] == EMPTY_ROOT


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_root_is_not_computed_from_too_few_or_too_many_hashes(count: int) -> None:
    with pytest.raises(InvalidProofError, match="takes 2 hashes"):
        merkle.compute_root(5, [bytes(32)] * count)


def test_the_frontier_gives_the_root_of_every_size() -> None:
    frontier = Frontier.empty()
    roots = [frontier.root()]

    for leaf in LEAVES:
        frontier.append(leaf)
        roots.append(frontier.root())
        again = Frontier(frontier.size, [TREE[node] for node in merkle.nodes_for_root(frontier.size)])
        assert again.peaks == frontier.peaks

    assert roots == ROOTS


def test_a_copy_of_a_frontier_grows_alone() -> None:
    frontier = Frontier(3, [TREE[1, 0], TREE[0, 2]])
    trial = frontier.copy()

    trial.append(LEAVES[3])

    assert (frontier.size, frontier.root()) == (3, ROOTS[3])
    assert (trial.size, trial.root()) == (4, ROOTS[4])


@pytest.mark.parametrize(
    ("size", "peaks"),
    [
        (3, [bytes(32)]),
        (3, [bytes(32)] * 3),
        (0, [bytes(32)]),
        (1, [bytes(31)]),
        (1, [bytearray(32)]),
        (-1, []),
        (True, [bytes(32)]),
        (SIZE_MAX + 1, [bytes(32)]),
        (HUGE, []),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_frontier_of_wrong_shape_is_refused(size: int, peaks: list[bytes]) -> None:
    with pytest.raises(InvalidProofError):
        Frontier(size, peaks)


def test_a_frontier_takes_whole_leaf_hashes_and_no_more_than_the_largest_size() -> None:
    almost, full = Frontier(SIZE_MAX - 1, [bytes(32)] * 62), Frontier(SIZE_MAX, [bytes(32)] * 63)

    with pytest.raises(InvalidProofError):
        almost.append(bytes(31))
    with pytest.raises(InvalidProofError):
        full.append(bytes(32))
    almost.append(bytes(32))

    assert (almost.size, almost.root()) == (SIZE_MAX, full.root())


@untraced
def test_stored_ids_have_no_gap_in_the_order_of_appending() -> None:
    frontier, count = Frontier.empty(), 0

    for index in range(2000):
        for level, _ in enumerate(frontier.append(bytes(32))):
            assert merkle.stored_id(level, index >> level) == count
            count += 1
        assert merkle.stored_count(index + 1) == count


def test_the_stored_count_is_the_number_of_complete_subtrees() -> None:
    for size in range(2001):
        assert merkle.stored_count(size) == sum(size >> level for level in range(size.bit_length()))


def test_stored_ids_name_each_complete_subtree_once() -> None:
    size = 1000
    ids = [merkle.stored_id(level, place) for level in range(10) for place in range(size >> level)]

    assert sorted(ids) == list(range(merkle.stored_count(size)))


@untraced
def test_every_node_that_a_proof_needs_is_stored_by_then() -> None:
    for size in range(1, 131):
        stored = range(merkle.stored_count(size))
        assert all(merkle.stored_id(*node) in stored for node in merkle.nodes_for_root(size))
        for other in range(size):
            assert all(merkle.stored_id(*node) in stored for node in merkle.nodes_for_inclusion(other, size))
            assert all(merkle.stored_id(*node) in stored for node in merkle.nodes_for_consistency(other + 1, size))
