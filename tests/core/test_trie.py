"""The trie gives the roots of another implementation, and its proofs show what is there, what is not, and all below."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st
from trie import HexaryTrie

from ledger_service.core.rlp_items import encode_item
from ledger_service.core.trie import EMPTY_ROOT, NODES_MAX, prove, read_proof, update
from ledger_service.errors import InvalidProofError, LedgerError, LimitError

Keys = Mapping[bytes, bytes]


def grown(*steps: Keys) -> tuple[bytes, dict[bytes, bytes]]:
    """Return the root after these changes, and all nodes that there ever were."""
    root, nodes = EMPTY_ROOT, dict[bytes, bytes]()
    for changes in steps:
        root, new = update(root, changes, nodes.__getitem__)
        nodes |= new
    return root, nodes


def others(*steps: Keys) -> bytes:
    """Return the root that the other implementation gives."""
    trie = HexaryTrie({})
    for changes in steps:
        for key, value in changes.items():
            trie[key] = value
    return bytes(trie.root_hash)


def drawn(seed: int, count: int, *, alike: int = 0) -> dict[bytes, bytes]:
    """Return random keys; `alike` of their bytes are of few kinds, so that paths are shared."""
    draw = random.Random(seed)
    return {
        bytes(draw.choice((0, 1, 16)) for _ in range(alike)) + draw.randbytes(32 - alike): draw.randbytes(35)
        for _ in range(count)
    }


@pytest.mark.parametrize("seed", range(30))
def test_roots_are_those_of_another_implementation_however_keys_come(seed: int) -> None:
    steps = [drawn(seed * 7 + n, count, alike=n % 4 * 8) for n, count in enumerate((1, 2, 40, 3, 200))]
    changed = {key: bytes([seed]) * 33 for key in list(steps[2])[:10]}

    root, _ = grown(*steps, changed)

    assert root == others(*steps, changed)
    assert root == grown({**steps[0], **steps[1], **steps[2], **steps[3], **steps[4], **changed})[0]


@given(st.dictionaries(st.binary(min_size=2, max_size=2), st.binary(min_size=32, max_size=40), min_size=1, max_size=20))
def test_roots_agree_where_keys_differ_only_at_their_ends(short: dict[bytes, bytes]) -> None:
    keys = {bytes(30) + key: value for key, value in short.items()}

    root, nodes = grown(keys)

    assert root == others(keys)
    assert read_proof(root, "", prove(root, "", nodes.__getitem__)) == keys


def test_nothing_has_the_root_of_nothing() -> None:
    assert grown({}) == (EMPTY_ROOT, {})
    assert others({}) == EMPTY_ROOT
    assert read_proof(EMPTY_ROOT, "44", []) == {}
    with pytest.raises(InvalidProofError, match="nothing refers"):
        read_proof(EMPTY_ROOT, "44", [b"\x80"])


@pytest.mark.parametrize("keys", [{bytes(31): bytes(32)}, {bytes(32): bytes(31)}])
def test_a_key_or_a_value_of_another_length_is_refused(keys: Keys) -> None:
    with pytest.raises(ValueError, match="32"):
        update(EMPTY_ROOT, keys, dict[bytes, bytes]().__getitem__)


@pytest.mark.parametrize("seed", range(10))
def test_a_proof_shows_a_key_its_absence_and_all_with_a_prefix(seed: int) -> None:
    keys = drawn(seed, 120, alike=6)
    root, nodes = grown(keys)
    absent = [key for key in drawn(seed + 1_000, 40, alike=6) if key not in keys]

    for key, value in list(keys.items())[:40]:
        assert read_proof(root, key.hex(), prove(root, key.hex(), nodes.__getitem__)) == {key: value}
    for key in absent:
        assert read_proof(root, key.hex(), prove(root, key.hex(), nodes.__getitem__)) == {}
    for length in (0, 1, 2, 3, 4, 5, 9, 12, 40):
        prefix = next(iter(keys)).hex()[:length]
        shown = read_proof(root, prefix, prove(root, prefix, nodes.__getitem__))
        assert shown == {key: value for key, value in keys.items() if key.hex().startswith(prefix)}


def test_no_byte_of_a_proof_can_be_another() -> None:
    keys = drawn(5, 60, alike=4)
    root, nodes = grown(keys)
    key = next(iter(keys))
    proof = prove(root, key.hex(), nodes.__getitem__)
    tried = 0
    for place, node in enumerate(proof):
        for at in range(len(node)):
            spoiled = node[:at] + bytes([node[at] ^ 1 << tried % 8]) + node[at + 1 :]
            with pytest.raises(LedgerError):
                read_proof(root, key.hex(), [*proof[:place], spoiled, *proof[place + 1 :]])
            tried += 1
    assert tried > 500


def test_nodes_that_are_missing_moved_or_too_many_are_refused() -> None:
    keys = drawn(6, 60, alike=4)
    root, nodes = grown(keys)
    prefix = next(iter(keys)).hex()[:2]
    proof = prove(root, prefix, nodes.__getitem__)
    assert len(proof) > 3

    for spoiled in (proof[:-1], proof[1:], [*proof, proof[-1]], proof[::-1], [*proof[:2], proof[1], *proof[2:]], []):
        with pytest.raises(InvalidProofError):
            read_proof(root, prefix, spoiled)


HASH, VALUE, WAYS = bytes(32), bytes(40), [b""] * 14


@pytest.mark.parametrize(
    ("node", "why"),
    [
        ([b"\x20" + bytes(31), VALUE], "62 nibbles"),
        ([b"\x20" + bytes(33), VALUE], "66 nibbles"),
        ([b"\x20" + bytes(32), bytes(31)], "31 bytes"),
        ([b"\x21" + bytes(32), VALUE], "padded"),
        ([b"\x40" + bytes(32), VALUE], "prefix"),
        ([b"", VALUE], "prefix"),
        ([b"\x00", HASH], "without a path"),
        ([b"\x00" + bytes(32), HASH], "longer than a key"),
        ([b"\x11", bytes(31)], "no hash"),
        ([HASH, HASH, *WAYS, b"x"], "holds a value"),
        ([HASH, bytes(31), *WAYS, b""], "no hash"),
        ([HASH, b"", *WAYS, b""], "fewer than two"),
        ([HASH, VALUE, b""], "3 items"),
        ([[b"a"], VALUE], "within a node"),
        (VALUE, "a list is expected"),
    ],
)
def test_what_is_no_node_of_this_trie_is_refused(node: object, why: str) -> None:
    encoded = encode_item(node)  # type: ignore[arg-type]  # some are wrong on purpose

    with pytest.raises(InvalidProofError, match=why):
        read_proof(keccak(encoded), "", [encoded])


def test_the_size_of_a_proof_is_limited_before_it_is_hashed() -> None:
    with pytest.raises(LimitError, match="nodes"):
        read_proof(bytes(32), "", [b""] * (NODES_MAX + 1))
    with pytest.raises(LimitError, match="bytes"):
        read_proof(bytes(32), "", [bytes(2_000)])
