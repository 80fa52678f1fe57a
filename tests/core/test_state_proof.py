"""Headers and proofs, built with other libraries (rlp, trie), read strictly."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest
import rlp
from eth_hash.auto import keccak
from trie import HexaryTrie

from ledger_service.core.rlp_items import Item, encode_item, encode_number
from ledger_service.core.state_proof import (
    HEADER_BYTES_MAX,
    NODE_BYTES_MAX,
    NODES_MAX,
    Account,
    prove_account,
    prove_slot,
    read_header,
)
from ledger_service.errors import InvalidProofError

ADDRESS = bytes(range(20))
CODE_HASH = bytes([6]) * 32
HEADER: list[bytes] = [
    b"\1" * 32, b"\2" * 32, b"\3" * 20, b"\4" * 32, b"\5" * 32, b"\6" * 32, bytes(256), b"", encode_number(21_000_000),
    encode_number(36_000_000), encode_number(12_345_678), encode_number(1_793_701_400), b"extra", b"\7" * 32, bytes(8),
]  # fmt: skip


def stored(values: dict[bytes, bytes]) -> HexaryTrie:
    """Return a trie of values, each under keccak-256 of its key."""
    found = HexaryTrie({})
    for key, value in values.items():
        found.set(keccak(key), value)
    return found


def proof_of(trie: HexaryTrie, key: bytes) -> tuple[bytes, ...]:
    """Return the nodes on the way to a key that stand by themselves."""
    nodes = [rlp.encode(node) for node in trie.get_proof(keccak(key))]
    return tuple(node for place, node in enumerate(nodes) if place == 0 or len(node) >= 32)


def slots(count: int, seed: int = 1) -> dict[bytes, bytes]:
    """Return the RLP of random words under random slots."""
    rng = random.Random(seed)
    return {rng.randbytes(32): rlp.encode(rng.randbytes(32).lstrip(b"\0")) for _ in range(count)}


@pytest.mark.parametrize("count", [1, 2, 3, 17, 400])
def test_each_slot_of_a_storage_is_proved(count: int) -> None:
    values = slots(count)
    trie = stored(values)

    for slot, value in values.items():
        assert prove_slot(trie.root_hash, slot, proof_of(trie, slot)) == rlp.decode(value).rjust(32, b"\0")


def test_an_account_is_proved_with_nonce_balance_storage_and_code() -> None:
    account = [encode_number(3), encode_number(10**30), b"\1" * 32, CODE_HASH]
    others = {bytes([n]) * 20: rlp.encode(account) for n in range(50)}
    trie = stored({**others, ADDRESS: rlp.encode(account)})

    assert prove_account(trie.root_hash, ADDRESS, proof_of(trie, ADDRESS)) == Account(3, 10**30, b"\1" * 32, CODE_HASH)


def one_nibble_apart() -> tuple[bytes, bytes]:
    """Return two keys of 20 bytes whose hashes begin with the same two bytes."""
    seen: dict[bytes, bytes] = {}
    for number in range(100_000):
        key = number.to_bytes(20, "big")
        if (start := keccak(key)[:2]) in seen:
            return seen[start], key
        seen[start] = key
    raise AssertionError


def test_a_path_goes_through_extensions() -> None:
    one, other = one_nibble_apart()
    trie = stored({one: rlp.encode(b"\1" * 32), other: rlp.encode(b"\2" * 32)})

    proof = proof_of(trie, one)

    assert len(rlp.decode(proof[0])) == 2
    assert prove_slot(trie.root_hash, one, proof) == b"\1" * 32
    with pytest.raises(InvalidProofError):
        prove_slot(trie.root_hash, one, proof_of(trie, other))


def embedding(key: bytes, *, depth: int, value: bytes = b"\5") -> tuple[bytes, tuple[bytes, ...]]:
    """Return root and proof of a trie in which a branch at `depth` embeds the key's leaf, made by hand.

    Real hashes share that many nibbles only after 2^(4·depth) keys; so the other children are made up.
    """
    path = keccak(key).hex()
    rest = path[depth + 1 :]
    prefix = bytes.fromhex("3" + rest if len(rest) % 2 else "20" + rest)
    leaf: list[Item] = [prefix, value]
    nodes: list[bytes] = []
    child: Item = leaf
    for place in range(depth, -1, -1):
        branch: list[Item] = [b""] * 17
        branch[int(path[place], 16)] = child
        branch[(int(path[place], 16) + 1) % 16] = b"\x42" * 32
        nodes.append(encode_item(branch))
        child = keccak(nodes[-1])
    assert isinstance(child, bytes)
    return child, tuple(reversed(nodes))


def test_a_leaf_that_is_embedded_in_its_branch_is_read_there() -> None:
    root, proof = embedding(ADDRESS, depth=12)

    assert len(proof) == 13
    assert prove_slot(root, ADDRESS, proof) == b"\5".rjust(32, b"\0")


def test_a_node_that_is_too_long_to_be_embedded_is_refused() -> None:
    root, proof = embedding(ADDRESS, depth=2)

    with pytest.raises(InvalidProofError, match="shorter than 32 bytes"):
        prove_slot(root, ADDRESS, proof)


def test_every_node_is_needed_and_none_stands_beside() -> None:
    values = slots(400)
    trie, slot = stored(values), next(iter(values))
    proof = proof_of(trie, slot)
    changed: Iterable[tuple[bytes, ...]] = [
        (), proof[:-1], proof[1:], (*proof, proof[-1]), (*proof, b"\x80"), (proof[0], *proof), proof[::-1],
        (*proof[:-1], proof[-1] + b"\0"), (*proof[:-1], b""), proof * 40, (*proof[:-1], bytes(NODE_BYTES_MAX + 1)),
    ]  # fmt: skip

    assert len(proof) > 2
    for nodes in changed:
        with pytest.raises(InvalidProofError):
            prove_slot(trie.root_hash, slot, nodes)
    assert len(proof * 40) > NODES_MAX


def test_another_key_and_an_empty_slot_are_not_proved() -> None:
    values = slots(40)
    trie, slot = stored(values), next(iter(values))

    for other in (bytes(32), bytes([1]) * 32, slot[:-1] + bytes([slot[-1] ^ 1])):
        with pytest.raises(InvalidProofError):
            prove_slot(trie.root_hash, other, proof_of(trie, slot))
        with pytest.raises(InvalidProofError):
            prove_slot(trie.root_hash, other, proof_of(trie, other))


def leaf(prefix: bytes, value: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    """Return root and proof of a trie of one node."""
    node = encode_item([prefix, value])
    return keccak(node), (node,)


@pytest.mark.parametrize(
    ("name", "prefix", "value"),
    [
        ("an odd path with an even flag", b"\x2f" + keccak(ADDRESS), b"\5"),
        ("an unknown flag", b"\x40" + keccak(ADDRESS), b"\5"),
        ("no path", b"", b"\5"),
        ("an extension to nowhere", b"\x00" + keccak(ADDRESS), b"\5"),
        ("an extension", b"\x00" + keccak(ADDRESS)[:-1], b"\5" * 32),
        ("a path that is too short", b"\x20" + keccak(ADDRESS)[:-1], b"\5"),
        ("a path that is too long", b"\x20" + keccak(ADDRESS) + b"\0", b"\5"),
        ("a value of zero", b"\x20" + keccak(ADDRESS), b"\x80"),
        ("a value with a leading zero", b"\x20" + keccak(ADDRESS), b"\x82\0\5"),
        ("a value with a prefix too many", b"\x20" + keccak(ADDRESS), b"\x81\5"),
        ("a value of 33 bytes", b"\x20" + keccak(ADDRESS), b"\xa1" + b"\5" * 33),
        ("a value that is a list", b"\x20" + keccak(ADDRESS), b"\xc1\5"),
        ("two values", b"\x20" + keccak(ADDRESS), b"\5\5"),
    ],
)
def test_a_leaf_has_one_spelling(name: str, prefix: bytes, value: bytes) -> None:
    good = leaf(b"\x20" + keccak(ADDRESS), b"\5")
    assert prove_slot(good[0], ADDRESS, good[1]) == bytes(31) + b"\5"

    root, proof = leaf(prefix, value)
    with pytest.raises(InvalidProofError):
        prove_slot(root, ADDRESS, proof)


@pytest.mark.parametrize(
    "node",
    [
        b"\xc0",
        b"\x80",
        encode_item([b""] * 17),
        encode_item([b"\1" * 32] * 16),
        encode_item([b"\1" * 32] * 18),
        encode_item([b"\1" * 31] * 16 + [b""]),
        encode_item([b"\1" * 32] * 16 + [b"value"]),
        encode_item([b"\x20" + keccak(ADDRESS), b"\5", b""]),
    ],
)
def test_a_node_is_a_branch_a_leaf_or_an_extension(node: bytes) -> None:
    with pytest.raises(InvalidProofError):
        prove_slot(keccak(node), ADDRESS, (node,))


@pytest.mark.parametrize(
    "items", [[b""] * 3, [b""] * 5, [b"", b"", b"\1" * 31, CODE_HASH], [b"\0", b"", CODE_HASH, CODE_HASH]]
)
def test_an_account_has_its_four_items(items: list[bytes]) -> None:
    root, proof = leaf(b"\x20" + keccak(ADDRESS), rlp.encode(items))

    with pytest.raises(InvalidProofError):
        prove_account(root, ADDRESS, proof)


@pytest.mark.parametrize("more", range(18))
def test_headers_of_every_fork_are_read_also_of_later_ones(more: int) -> None:
    data = rlp.encode(HEADER + [b"\x11" * 32] * min(more, 17))

    header = read_header(data)

    assert header.block_hash == keccak(data)
    assert (header.number, header.time) == (21_000_000, 1_793_701_400)
    assert (header.parent_hash, header.state_root) == (b"\1" * 32, b"\4" * 32)


@pytest.mark.parametrize(
    "items",
    [
        HEADER[:14],
        HEADER + [b""] * 18,
        [*HEADER[:8], b"\0\1", *HEADER[9:]],
        [*HEADER[:8], b"\1" * 9, *HEADER[9:]],
        [*HEADER[:11], b"\1" * 9, *HEADER[12:]],
        [*HEADER[:3], b"\4" * 31, *HEADER[4:]],
        [*HEADER[:2], b"\4" * 32, *HEADER[3:]],
        [*HEADER[:12], [b"extra"], *HEADER[13:]],
        [*HEADER[:12], bytes(HEADER_BYTES_MAX), *HEADER[13:]],
        [*HEADER, [b"\1"]],
    ],
)
def test_what_is_no_header_is_refused(items: list[object]) -> None:
    with pytest.raises(InvalidProofError):
        read_header(rlp.encode(items))


def test_a_header_has_one_spelling() -> None:
    data = rlp.encode(HEADER)

    for changed in (data + b"\0", data[:-1], b"", b"\x80", b"\xfa\0" + data[1:]):
        with pytest.raises(InvalidProofError):
            read_header(changed)
