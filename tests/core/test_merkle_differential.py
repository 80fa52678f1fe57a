"""The tree against published vectors, against a second implementation, and at random."""

from __future__ import annotations

import base64
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.core import merkle
from ledger_service.core.merkle import SIZE_MAX, verify_consistency, verify_inclusion
from tests.core.rfc9162 import (
    LEAVES,
    ROOTS,
    SIZES,
    accepts_consistency,
    accepts_inclusion,
    consistency,
    each_bit_changed,
    holds,
    inclusion,
    mth,
)  # fmt: skip
from tests.core.untraced import untraced


def read_vectors(shared: Path, name: str) -> list[dict[str, Any]]:
    file = shared / "vectors" / name
    if not file.is_file():
        pytest.skip(f"../shared/vectors/{name} is not there: the published vectors are not tested")
    vectors: list[dict[str, Any]] = json.loads(file.read_bytes())
    return vectors


def decode(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def test_all_98_published_inclusion_vectors_agree(shared: Path) -> None:
    vectors = read_vectors(shared, "rfc9162_inclusion.json")

    wrong = [
        v["name"]
        for v in vectors
        if holds(
            verify_inclusion,
            decode(v["leafHash"]),
            v["leafIdx"],
            v["treeSize"],
            [decode(p) for p in v["proof"] or []],
            decode(v["root"]),
        )
        is v["wantErr"]
    ]

    assert (wrong, len(vectors)) == ([], 98)
    assert {v["wantErr"] for v in vectors} == {True, False}


def test_all_98_published_consistency_vectors_agree(shared: Path) -> None:
    vectors = read_vectors(shared, "rfc9162_consistency.json")

    wrong = [
        v["name"]
        for v in vectors
        if holds(
            verify_consistency,
            v["size1"],
            v["size2"],
            [decode(p) for p in v["proof"] or []],
            decode(v["root1"]),
            decode(v["root2"]),
        )
        is v["wantErr"]
    ]

    assert (wrong, len(vectors)) == ([], 98)
    assert {v["wantErr"] for v in vectors} == {True, False}


LARGE = 100_000


@pytest.fixture(scope="module")
def large() -> tuple[list[bytes], dict[merkle.Node, bytes]]:
    """The leaves and nodes of one large tree."""
    leaves: list[bytes] = [merkle.leaf_hash(i.to_bytes(4, "big")) for i in range(LARGE)]
    return leaves, merkle.complete_nodes(leaves)


@untraced
def test_random_proofs_of_trees_up_to_100_000_leaves_verify(
    large: tuple[list[bytes], dict[merkle.Node, bytes]],
) -> None:
    leaves, tree = large
    draw = random.Random(20_261_103)

    for _ in range(2000):
        size2 = draw.randint(1, LARGE)
        size1, index = draw.randint(1, size2), draw.randrange(size2)
        root1, root2 = (merkle.compute_root(n, [tree[i] for i in merkle.nodes_for_root(n)]) for n in (size1, size2))
        shown = merkle.fold_inclusion(index, size2, [tree[i] for i in merkle.nodes_for_inclusion(index, size2)])
        kept = merkle.fold_consistency(size1, size2, [tree[i] for i in merkle.nodes_for_consistency(size1, size2)])

        verify_inclusion(leaves[index], index, size2, shown, root2)
        verify_consistency(size1, size2, kept, root1, root2)
        assert accepts_inclusion(leaves[index], index, size2, shown, root2)
        assert accepts_consistency(size1, size2, kept, root1, root2)
        assert not holds(verify_inclusion, leaves[index], (index + 1) % size2, size2, shown, root2) or size2 == 1


@given(leaves=st.lists(st.binary(max_size=8), min_size=1, max_size=200), place=st.integers(min_value=0))
def test_the_proof_of_any_leaf_of_any_tree_verifies(leaves: list[bytes], place: int) -> None:
    hashes: list[bytes] = [merkle.leaf_hash(leaf) for leaf in leaves]
    tree, size, index = merkle.complete_nodes(hashes), len(hashes), place % len(hashes)

    proof = merkle.fold_inclusion(index, size, [tree[node] for node in merkle.nodes_for_inclusion(index, size)])

    verify_inclusion(hashes[index], index, size, proof, mth(hashes))


def mutate(draw: random.Random, hashes: list[bytes], numbers: list[Any]) -> None:
    """Change a proof in place in one of many ways: `hashes` holds the roots or leaf and root first, then the proof."""
    kind, place = draw.randrange(12), draw.randrange(len(hashes))
    if kind == 0:
        hashes[place] = draw.choice(each_bit_changed(hashes[place]))
    elif kind == 1:
        hashes[place] = draw.choice(ROOTS)
    elif kind == 2:
        hashes.insert(draw.randint(2, len(hashes)), draw.choice(hashes))
    elif kind == 3 and len(hashes) > 2:
        del hashes[draw.randrange(2, len(hashes))]
    elif kind == 4:
        other = draw.randrange(len(hashes))
        hashes[place], hashes[other] = hashes[other], hashes[place]
    elif kind == 5:
        hashes[place] = hashes[place][: draw.randrange(32)]
    elif kind == 6:
        hashes[place] += b"\0"
    elif kind == 7:
        numbers.reverse()
    elif kind == 8:
        hashes[2:] = hashes[:1:-1]
    elif kind == 9:
        hashes[2:] = [merkle.node_hash(h, h) for h in hashes[2:]]
    else:
        which = draw.randrange(2)
        numbers[which] += draw.choice([-2, -1, 1, 2, numbers[which], 2**64, draw.randint(-300, 300)])


@untraced
def test_two_implementations_agree_on_20_000_changed_proofs() -> None:
    """What RFC 9162's iterative verifier accepts is what undoing its recursive definition accepts."""
    draw = random.Random(9162)
    verdicts: dict[tuple[str, bool], int] = {}

    for _ in range(10_000):
        size = draw.randint(1, SIZES)
        other = draw.randint(1, size)
        hashes, numbers = [LEAVES[other - 1], ROOTS[size], *inclusion(other - 1, size)], [other - 1, size]
        mutate(draw, hashes, numbers)
        place, claimed = numbers
        verdict = holds(verify_inclusion, hashes[0], place, claimed, hashes[2:], hashes[1])
        assert verdict == accepts_inclusion(hashes[0], place, claimed, hashes[2:], hashes[1]), (numbers, hashes)
        verdicts["inclusion", verdict] = verdicts.get(("inclusion", verdict), 0) + 1

        hashes, numbers = [ROOTS[other], ROOTS[size], *consistency(other, size)], [other, size]
        mutate(draw, hashes, numbers)
        older, newer = numbers
        verdict = holds(verify_consistency, older, newer, hashes[2:], hashes[0], hashes[1])
        if SIZE_MAX >= older == newer >= 1 and not hashes[2:]:
            expected = hashes[0] == hashes[1]  # equal sizes: roots are compared, not measured
        else:
            expected = accepts_consistency(older, newer, hashes[2:], hashes[0], hashes[1])
        assert verdict == expected, (numbers, hashes)
        verdicts["consistency", verdict] = verdicts.get(("consistency", verdict), 0) + 1

    assert sum(verdicts.values()) == 20_000
    assert all(verdicts[kind, accepted] > 100 for kind in ("inclusion", "consistency") for accepted in (True, False))
