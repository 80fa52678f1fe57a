"""A keccak Merkle-Patricia trie over keys of one length (Ethereum yellow paper, app. D): made larger, proved, checked.

Keys are `KEY_BYTES` long and are not hashed, so that a prefix of keys is a subtree; nothing is ever taken out. Values
have at least 32 bytes: so every node has too, and each reference is a hash. A proof is every node on the way to a
prefix and below it; what it gives is every key with that prefix, and so also that there is no other.
Promises: nodes that have not their one spelling, that are missing, or that nothing refers to are refused.
Does not: know what keys and values mean (`case_index.py`).

>>> empty = EMPTY_ROOT
>>> root, nodes = update(empty, {bytes(32): bytes(32)}, {}.__getitem__)
>>> read_proof(root, "0000", prove(root, "0000", nodes.__getitem__)) == {bytes(32): bytes(32)}
True
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from eth_hash.auto import keccak

from ledger_service.core.rlp_items import Item, decode_list, encode_item
from ledger_service.errors import InvalidProofError, LimitError

KEY_BYTES = 32
KEY_NIBBLES = 2 * KEY_BYTES
VALUE_BYTES_MIN = 32  # so that no node is short enough to stand in another one
HASH_BYTES = 32
NODE_BYTES_MAX = 1_024  # a branch of sixteen hashes has 532 bytes
NODES_MAX = 200_000  # of a proof
EMPTY_ROOT = keccak(b"\x80")  # of nothing: RLP of no bytes

ReadNode: TypeAlias = Callable[[bytes], bytes]
_Changes: TypeAlias = Sequence[tuple[str, bytes]]  # nibbles of the whole key in hex, and the value; sorted


def update(root: bytes, changes: Mapping[bytes, bytes], read: ReadNode) -> tuple[bytes, dict[bytes, bytes]]:
    """Return the root with these keys at these values, and the nodes that are new, by hash.

    Args:
        root: 32 bytes, `EMPTY_ROOT` for a trie without keys.
        changes: Values by key; a key that is there gets the new value.
        read: Returns a node by its hash.

    Raises:
        InvalidProofError: A node that is read is none.
        ValueError: A key or a value of a length that cannot be.
    """
    if any(len(key) != KEY_BYTES or len(value) < VALUE_BYTES_MIN for key, value in changes.items()):
        raise ValueError(f"keys have {KEY_BYTES} bytes, values at least {VALUE_BYTES_MIN}")
    if not changes:
        return root, {}
    grown = _Grown(read)
    listed = sorted((key.hex(), value) for key, value in changes.items())
    reached = grown.put(None if root == EMPTY_ROOT else root, 0, listed)
    return reached, grown.nodes


def prove(root: bytes, prefix: str, read: ReadNode) -> list[bytes]:
    """Return the nodes that show which keys begin with a prefix, in the order in which they are walked.

    Args:
        root: 32 bytes.
        prefix: Nibbles as lower-case hex digits; a whole key for one key.
        read: Returns a node by its hash.
    """
    found: list[bytes] = []

    def taking(wanted: bytes) -> bytes:
        found.append(read(wanted))
        return found[-1]

    for _ in _walk(root, prefix, taking):
        pass
    return found


def read_proof(root: bytes, prefix: str, nodes: Sequence[bytes]) -> dict[bytes, bytes]:
    """Return every key with a prefix, with its value, as a proof shows them.

    Args:
        root: 32 bytes.
        prefix: As `prove`.
        nodes: The proof, in its order.

    Raises:
        InvalidProofError: The nodes do not lead from the root to everything below the prefix, or hold more than that.
        LimitError: More than `NODES_MAX` nodes, or one of more than `NODE_BYTES_MAX` bytes.
    """
    if len(nodes) > NODES_MAX:
        raise LimitError("the most nodes of a proof", NODES_MAX, len(nodes))
    given = iter(nodes)

    def taking(wanted: bytes) -> bytes:
        node = next(given, None)
        if node is None:
            raise InvalidProofError("trie: a node is missing at the end of the proof")
        if len(node) > NODE_BYTES_MAX:
            raise LimitError("the most bytes of a node", NODE_BYTES_MAX, len(node))
        if keccak(node) != wanted:
            raise InvalidProofError("trie: a node is not the one that its parent refers to")
        return node

    shown = dict(_walk(root, prefix, taking))
    if next(given, None) is not None:
        raise InvalidProofError("trie: nothing refers to the nodes at the end of the proof")
    return shown


def references(node: bytes) -> list[bytes]:
    """Return the hashes of the nodes right below a node, in the order of their paths.

    Raises:
        InvalidProofError: It is no node of this trie.
    """
    kind, _, rest = _parse(node)
    return [] if kind == "leaf" else [child for child in rest if child]


def _walk(root: bytes, prefix: str, read: ReadNode) -> Iterator[tuple[bytes, bytes]]:
    """Yield each key with the prefix and its value, by key; read only the nodes on the way."""
    if root == EMPTY_ROOT:
        return
    waiting = [("", root)]
    while waiting:
        path, wanted = waiting.pop()
        kind, part, rest = _parse(read(wanted))
        if kind == "leaf":
            key = path + part
            if len(key) != KEY_NIBBLES:
                raise InvalidProofError(f"trie: a key of {len(key)} nibbles")
            if key.startswith(prefix):
                yield bytes.fromhex(key), rest[0]
            continue
        if kind == "extension":
            below = [(path + part, rest[0])]
        else:
            below = [(path + f"{nibble:x}", child) for nibble, child in enumerate(rest) if child]
        for deeper, child in reversed(below):
            if len(deeper) > KEY_NIBBLES - (kind == "extension"):  # below an extension stands a branch
                raise InvalidProofError("trie: a path is longer than a key")
            if deeper.startswith(prefix) or prefix.startswith(deeper):
                waiting.append((deeper, child))


def _parse(node: bytes) -> tuple[str, str, list[bytes]]:
    """Return a node's kind, its part of the path, and its value or references.

    Raises:
        InvalidProofError: It is none of this trie.
    """
    items = decode_list(node)
    texts = [_text(item) for item in items]
    if len(texts) == 17:
        if texts[16] or any(len(child) not in (0, HASH_BYTES) for child in texts[:16]):
            raise InvalidProofError("trie: a branch refers to something that is no hash, or holds a value")
        if sum(map(bool, texts)) < 2:
            raise InvalidProofError("trie: a branch with fewer than two ways")
        return "branch", "", texts[:16]
    if len(texts) != 2:
        raise InvalidProofError(f"trie: a node of {len(texts)} items")
    leaf, part = _parse_path(texts[0])
    if leaf:
        if len(texts[1]) < VALUE_BYTES_MIN:
            raise InvalidProofError(f"trie: a value of {len(texts[1])} bytes")
        return "leaf", part, [texts[1]]
    if not part or len(texts[1]) != HASH_BYTES:
        raise InvalidProofError("trie: an extension without a path, or to something that is no hash")
    return "extension", part, [texts[1]]


def _text(item: Item) -> bytes:
    if not isinstance(item, bytes):
        raise InvalidProofError("trie: a node within a node")
    return item


def _parse_path(encoded: bytes) -> tuple[bool, str]:
    """Return whether a path ends at a leaf, and its nibbles (yellow paper, appendix C: hex prefix)."""
    digits = encoded.hex()
    if not digits or digits[0] not in "0123":
        raise InvalidProofError("trie: a path without its prefix")
    flag = int(digits[0])
    if flag & 1:
        return flag >= 2, digits[1:]
    if digits[1] != "0":
        raise InvalidProofError("trie: a path that is padded with something")
    return flag >= 2, digits[2:]


def _path(part: str, *, leaf: bool) -> bytes:
    flag = 2 * leaf + len(part) % 2
    return bytes.fromhex(f"{flag}{part}" if flag & 1 else f"{flag}0{part}")


class _Grown:
    """A trie while keys are put into it: `nodes` are those that it has and the one before had not."""

    def __init__(self, read: ReadNode) -> None:
        self.nodes: dict[bytes, bytes] = {}
        self._read = read

    def put(self, root: bytes | None, depth: int, changes: _Changes) -> bytes:
        """Return the hash of a subtree, whose keys share their first `depth` nibbles, with the changes in it."""
        if root is None:
            return self._make(depth, changes)
        kind, part, rest = _parse(self._read(root))
        if kind == "branch":
            children = list(rest)
            for nibble, group in _by_nibble(changes, depth):
                children[nibble] = self.put(children[nibble] or None, depth + 1, group)
            return self._branch(children)
        if kind == "leaf":
            key = changes[0][0][:depth] + part
            there = [] if any(changed == key for changed, _ in changes) else [(key, rest[0])]
            return self._make(depth, sorted([*changes, *there]))
        return self._below(part, rest[0], depth, changes)

    def _below(self, part: str, child: bytes, depth: int, changes: _Changes) -> bytes:
        """Put the changes into the subtree that `part` leads to, or beside it."""
        if not part:
            return self.put(child, depth, changes)
        shared = min(_shared(part, key[depth:]) for key, _ in changes)
        if shared == len(part):
            return self._extension(part, self.put(child, depth + shared, changes))
        split = depth + shared
        children = [b""] * 16
        mine = int(part[shared], 16)
        for nibble, group in _by_nibble(changes, split):
            if nibble == mine:
                children[nibble] = self._below(part[shared + 1 :], child, split + 1, group)
            else:
                children[nibble] = self._make(split + 1, group)
        if not children[mine]:
            children[mine] = self._extension(part[shared + 1 :], child)
        return self._extension(part[:shared], self._branch(children))

    def _make(self, depth: int, changes: _Changes) -> bytes:
        """Return the hash of a subtree of nothing but the changes."""
        if len(changes) == 1:
            key, value = changes[0]
            return self._keep([_path(key[depth:], leaf=True), value])
        split = depth + _shared(changes[0][0][depth:], changes[-1][0][depth:])  # they are sorted
        children = [b""] * 16
        for nibble, group in _by_nibble(changes, split):
            children[nibble] = self._make(split + 1, group)
        return self._extension(changes[0][0][depth:split], self._branch(children))

    def _branch(self, children: list[bytes]) -> bytes:
        return self._keep([*children, b""])

    def _extension(self, part: str, child: bytes) -> bytes:
        """Return the hash of what leads to a branch by a path; the branch itself where there is none."""
        if not part:
            return child
        return self._keep([_path(part, leaf=False), child])

    def _keep(self, items: list[bytes]) -> bytes:
        encoded = encode_item(items)
        hashed = keccak(encoded)
        self.nodes[hashed] = encoded
        return hashed


def _shared(one: str, other: str) -> int:
    """Return how many nibbles two paths begin with together."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _by_nibble(changes: _Changes, depth: int) -> Iterator[tuple[int, list[tuple[str, bytes]]]]:
    groups: dict[str, list[tuple[str, bytes]]] = {}
    for change in changes:
        groups.setdefault(change[0][depth], []).append(change)
    for digit, group in groups.items():
        yield int(digit, 16), group
