"""Block headers and `eth_getProof` proofs, verified from their bytes: what a state holds, told without a node.

A header's keccak-256 is its block hash; it names the state root. The account proof leads from there to an account, the
storage proof from the account's storage root to one slot (Ethereum yellow paper, §4 and appendix D).

Promises: what is returned follows from the block hash, if that is a block's; each proof has one spelling: canonical
RLP, every node used, in order, nothing beside. Counts and sizes are bounded before anything is hashed.
Does not: know which block hash is right, or prove that an account or a slot is empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eth_hash.auto import keccak

from ledger_service.core.rlp_items import Item, decode_item, decode_list, decode_number, encode_item
from ledger_service.errors import InvalidProofError

WORD_BYTES = 32
HEADER_BYTES_MAX = 4096  # of today's main network some 650
HEADER_ITEMS_MAX = 32  # 21 since Prague, 23 with Amsterdam; a later fork appends
NODES_MAX = 65  # 64 nibbles of a key, and the leaf; on a main network 8 or 9
NODE_BYTES_MAX = 532  # a branch of sixteen hashes; every key is hashed, so that no leaf or extension is longer
# The first fifteen items, which every header has had since the first block: bytes of each, None for a number,
# −1 for any number of bytes. What later forks appended is bound by the hash, and not looked at.
_FORMS: tuple[int | None, ...] = (32, 32, 20, 32, 32, 32, 256, None, None, None, None, None, -1, 32, 8)
_PARENT, _STATE_ROOT, _NUMBER, _TIME = 0, 3, 8, 11
_WORD_BITS = 256
_BRANCH, _SHORT = 17, 2  # items of a node


@dataclass(frozen=True, slots=True)
class StateProof:
    """Bytes that lead from a block's header to one storage slot: the header, and the nodes of both proofs."""

    header: bytes
    account: tuple[bytes, ...]
    storage: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Header:
    """What a header says. `time` is in seconds since 1970; hashes are 32 bytes."""

    block_hash: bytes
    parent_hash: bytes
    number: int
    time: int
    state_root: bytes


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the state: balance in wei, root of its storage, keccak-256 of its code."""

    nonce: int
    balance: int
    storage_root: bytes
    code_hash: bytes


def read_header(data: bytes) -> Header:
    """Return what the header of these RLP bytes says.

    Raises:
        InvalidProofError: Too long, not RLP in its one spelling, or not the form that every header has.
    """
    if len(data) > HEADER_BYTES_MAX:
        raise InvalidProofError(f"a block header has at most {HEADER_BYTES_MAX} bytes")
    found = decode_list(data)
    items = [item for item in found if isinstance(item, bytes)]
    if len(items) != len(found) or not len(_FORMS) <= len(items) <= HEADER_ITEMS_MAX:
        raise InvalidProofError(f"a block header is {len(_FORMS)} to {HEADER_ITEMS_MAX} items, none of them a list")
    for item, form in zip(items, _FORMS, strict=False):
        if form is None:
            decode_number(item, bits=_WORD_BITS)
        elif form >= 0 and len(item) != form:
            raise InvalidProofError("an item of the block header has not its length")
    return Header(
        block_hash=keccak(data),
        parent_hash=items[_PARENT],
        number=decode_number(items[_NUMBER]),
        time=decode_number(items[_TIME]),
        state_root=items[_STATE_ROOT],
    )


def prove_account(state_root: bytes, address: bytes, nodes: Sequence[bytes]) -> Account:
    """Return the account that a state holds at an address of 20 bytes.

    Raises:
        InvalidProofError: The nodes do not lead there, or not in their one spelling.
    """
    items = decode_list(_walk(state_root, keccak(address), nodes))
    if len(items) != 4:
        raise InvalidProofError("an account has four items")
    nonce, balance, storage_root, code_hash = items
    return Account(
        nonce=decode_number(nonce),
        balance=decode_number(balance, bits=_WORD_BITS),
        storage_root=_word(storage_root),
        code_hash=_word(code_hash),
    )


def prove_slot(storage_root: bytes, slot: bytes, nodes: Sequence[bytes]) -> bytes:
    """Return the 32 bytes that a storage holds in a slot.

    Raises:
        InvalidProofError: The nodes do not lead there, or not in their one spelling; also if the slot is empty.
    """
    value = decode_number(decode_item(_walk(storage_root, keccak(slot), nodes)), bits=_WORD_BITS)
    if value == 0:
        raise InvalidProofError("an empty slot stands in no storage")
    return value.to_bytes(WORD_BYTES, "big")


def _walk(root: bytes, key: bytes, nodes: Sequence[bytes]) -> bytes:
    """Follow a key of 32 bytes from a root through nodes, every one of them in order; return the leaf's value."""
    if not 1 <= len(nodes) <= NODES_MAX or any(not 1 <= len(node) <= NODE_BYTES_MAX for node in nodes):
        raise InvalidProofError(f"a proof is 1 to {NODES_MAX} trie nodes of at most {NODE_BYTES_MAX} bytes")
    path, left = key.hex(), list(reversed(nodes))
    child: Item = root
    branch_due = False  # an extension leads to a branch, or it would be one with what it leads to
    while True:
        node = _resolve(child, left)
        if len(node) == _BRANCH:
            _check_branch(node)
            if not path:
                raise InvalidProofError("the path ends in a branch")
            child, path, branch_due = node[int(path[0], 16)], path[1:], False
            continue
        if len(node) != _SHORT or branch_due:
            raise InvalidProofError("a trie node is a branch of 17 items, or a leaf or extension of 2")
        is_leaf, part = _read_prefix(node[0])
        if not path.startswith(part):
            raise InvalidProofError("the proof leads to another key")
        path, child = path[len(part) :], node[1]
        if is_leaf:
            if path or left or not isinstance(child, bytes):
                raise InvalidProofError("the proof does not end with the leaf of its key")
            return child
        if not part:
            raise InvalidProofError("an extension without nibbles")
        branch_due = True


def _resolve(child: Item, left: list[bytes]) -> list[Item]:
    """Return the node that a reference names: the next one of the proof, by its hash, or one embedded in its parent."""
    if isinstance(child, list):
        _check_child(child)
        return child
    if len(child) != WORD_BYTES:
        raise InvalidProofError("the proof leads to an empty place")
    if not left:
        raise InvalidProofError("a trie node is missing")
    encoded = left.pop()
    if keccak(encoded) != child:
        raise InvalidProofError("a trie node has not the hash that its parent names")
    return decode_list(encoded)


def _check_branch(node: list[Item]) -> None:
    for child in node[:-1]:
        _check_child(child)
    if node[-1] != b"":
        raise InvalidProofError("a branch holds a value, which no key of 32 bytes leads to")
    if sum(child != b"" for child in node) < 2:
        raise InvalidProofError("a branch has at least two children")


def _check_child(child: Item) -> None:
    """Accept nothing, a hash, or an embedded node, which is shorter than a hash."""
    if isinstance(child, list):
        if len(encode_item(child)) >= WORD_BYTES:
            raise InvalidProofError("an embedded trie node is shorter than 32 bytes")
    elif len(child) not in (0, WORD_BYTES):
        raise InvalidProofError("a branch names its children by 32 bytes")


def _read_prefix(item: Item) -> tuple[bool, str]:
    """Return whether a hex-prefix path is a leaf's, and its nibbles as hex digits (yellow paper, appendix C)."""
    if not isinstance(item, bytes) or not item:
        raise InvalidProofError("a path is bytes")
    digits = item.hex()
    flag = int(digits[0], 16)
    if flag > 3 or (flag % 2 == 0 and digits[1] != "0"):
        raise InvalidProofError("a path has not the hex-prefix form")
    return flag >= 2, digits[1:] if flag % 2 else digits[2:]


def _word(item: Item) -> bytes:
    if not isinstance(item, bytes) or len(item) != WORD_BYTES:
        raise InvalidProofError("32 bytes are expected")
    return item
