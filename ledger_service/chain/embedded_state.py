"""What the embedded chain's data say: blocks, transactions, receipts, accounts, storage slots and their proofs.

Promises: every answer is read from the tries under a header's own roots, at any height (no state is pruned), so a
storage proof made here verifies against the state root in the header. A piece that is not there is
`ChainDataMissingError`, never an empty answer.

Does not: execute anything; needs rlp and trie only, so that asking for a proof stays quick.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import rlp
from eth_hash.auto import keccak
from trie import HexaryTrie
from trie.exceptions import MissingTrieNode

from ledger_service.chain.embedded_store import ChainStore
from ledger_service.chain.header import HEADER_FIELDS, PRAGUE_FIELDS
from ledger_service.errors import ChainDataMissingError

EMPTY_CODE_HASH = keccak(b"")
EMPTY_TRIE_ROOT = keccak(b"\x80")  # RLP of an empty string
FIRST_ITEM = rlp.encode(0)  # a block holds at most one transaction: the trie key of index 0
DYNAMIC_FEE_TYPE = 2  # EIP-1559, the only kind that this chain takes
_POSITION = {name: position for position, (name, _) in enumerate(HEADER_FIELDS)}


@dataclass(frozen=True, slots=True)
class Header:
    """One header: the RLP bytes as stored, their hash, and the RLP items."""

    encoded: bytes
    block_hash: bytes
    items: tuple[bytes, ...]

    def number_of(self, name: str) -> int:
        """Return a quantity by its JSON name."""
        return _int(self.items[_POSITION[name]])

    def bytes_of(self, name: str) -> bytes:
        """Return a byte string by its JSON name."""
        return self.items[_POSITION[name]]

    @property
    def number(self) -> int:
        """The height."""
        return self.number_of("number")


@dataclass(frozen=True, slots=True)
class Account:
    """An account in the state trie; the hash and root of an empty one when it does not exist."""

    nonce: int
    balance: int
    storage_root: bytes
    code_hash: bytes


@dataclass(frozen=True, slots=True)
class LogItem:
    """One contract event as the receipt trie holds it."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a transaction: the receipt trie's item."""

    succeeded: bool
    gas_used: int
    logs_bloom: bytes
    logs: tuple[LogItem, ...]


@dataclass(frozen=True, slots=True)
class Tx:
    """A signed EIP-1559 transaction, decoded; `to` is empty when it creates a contract."""

    raw: bytes
    chain_id: int
    nonce: int
    priority_fee: int
    fee: int
    gas: int
    to: bytes
    value: int
    data: bytes
    access_list: tuple[tuple[bytes, tuple[bytes, ...]], ...]
    y_parity: int
    r: int
    s: int

    @property
    def tx_hash(self) -> bytes:
        """keccak-256 of the raw bytes."""
        return keccak(self.raw)


class ChainState:
    """Reads one `ChainStore`. Heights and hashes come from its index, everything else from the tries."""

    def __init__(self, store: ChainStore) -> None:
        self.store = store
        self._nodes = _Nodes(store)

    def head(self) -> Header:
        """Return the newest block's header."""
        head = self.store.head()
        if head is None:
            raise ChainDataMissingError(
                f"the embedded chain in {self.store.folder} holds no block",
                hint="restore the folder from a copy, or delete it whole and begin a new chain",
            )
        return self.header_by_hash(head[1])

    def header_at(self, number: int) -> Header | None:
        """Return the header at a height, or None above the head."""
        block_hash = self.store.block_hash(number)
        if block_hash is not None:
            return self.header_by_hash(block_hash)
        head = self.store.head()
        if head is not None and number <= head[0]:
            raise self._missing(f"block {number}")
        return None

    def header_by_hash(self, block_hash: bytes) -> Header:
        """Return the header with this hash, which the index has named."""
        try:
            encoded = self.store.get(block_hash)
        except KeyError:
            raise self._missing(f"the block 0x{block_hash.hex()}") from None
        if keccak(encoded) != block_hash:
            raise self._missing(f"the block 0x{block_hash.hex()} (its bytes were changed)")
        return Header(encoded=encoded, block_hash=block_hash, items=tuple(rlp.decode(encoded)))

    def find_header(self, block_hash: bytes) -> Header | None:
        """Return the header with any hash that a caller asks for, or None."""
        try:
            encoded = self.store.get(block_hash)
            items = rlp.decode(encoded)
        except (KeyError, rlp.DecodingError):
            return None
        if len(items) != PRAGUE_FIELDS or keccak(encoded) != block_hash:
            return None
        return Header(encoded=encoded, block_hash=block_hash, items=tuple(items))

    def tx_in(self, header: Header) -> Tx | None:
        """Return the transaction of a block, or None in an empty one."""
        raw = self._item(header.bytes_of("transactionsRoot"), FIRST_ITEM)
        return decode_tx(raw) if raw else None

    def outcome_in(self, header: Header) -> Outcome:
        """Return the outcome of a block's one transaction."""
        typed = self._item(header.bytes_of("receiptsRoot"), FIRST_ITEM)
        status, gas_used, bloom, logs = rlp.decode(typed[1:])
        return Outcome(
            succeeded=status == b"\x01",
            gas_used=_int(gas_used),
            logs_bloom=bloom,
            logs=tuple(LogItem(address, tuple(topics), data) for address, topics, data in logs),
        )

    def account(self, header: Header, address: bytes) -> Account:
        """Return an account as of a block."""
        encoded = self._item(header.bytes_of("stateRoot"), keccak(address))
        if not encoded:
            return Account(0, 0, EMPTY_TRIE_ROOT, EMPTY_CODE_HASH)
        nonce, balance, storage_root, code_hash = rlp.decode(encoded)
        return Account(_int(nonce), _int(balance), storage_root, code_hash)

    def code(self, header: Header, address: bytes) -> bytes:
        """Return the code of a contract as of a block, empty when there is none."""
        code_hash = self.account(header, address).code_hash
        if code_hash == EMPTY_CODE_HASH:
            return b""
        try:
            return self.store.get(code_hash)
        except KeyError:
            raise self._missing(f"the code of 0x{address.hex()}") from None

    def slot(self, header: Header, address: bytes, slot: bytes) -> bytes:
        """Return the 32 bytes in a storage slot as of a block."""
        encoded = self._item(self.account(header, address).storage_root, keccak(slot))
        value: bytes = rlp.decode(encoded) if encoded else b""
        return value.rjust(32, b"\0")

    def account_proof(self, header: Header, address: bytes) -> tuple[bytes, ...]:
        """Return the trie nodes from the state root down to an account, RLP bytes, root first."""
        return self._proof(header.bytes_of("stateRoot"), keccak(address))

    def slot_proof(self, header: Header, address: bytes, slot: bytes) -> tuple[bytes, ...]:
        """Return the trie nodes from an account's storage root down to a slot, RLP bytes, root first."""
        return self._proof(self.account(header, address).storage_root, keccak(slot))

    def _item(self, root: bytes, key: bytes) -> bytes:
        if root == EMPTY_TRIE_ROOT:
            return b""
        try:
            found: bytes = HexaryTrie(self._nodes, root)[key]
        except (MissingTrieNode, KeyError) as exc:
            raise self._missing("a trie node") from exc
        return found

    def _proof(self, root: bytes, key: bytes) -> tuple[bytes, ...]:
        if root == EMPTY_TRIE_ROOT:
            return ()
        try:
            nodes = HexaryTrie(self._nodes, root).get_proof(key)
        except (MissingTrieNode, KeyError) as exc:
            raise self._missing("a trie node") from exc
        # A node shorter than 32 bytes stands inside its parent and is no item of its own (yellow paper, appendix D).
        encoded = [rlp.encode(node) for node in nodes]
        return tuple(node for i, node in enumerate(encoded) if i == 0 or len(node) >= 32)

    def _missing(self, what: str) -> ChainDataMissingError:
        return ChainDataMissingError(
            f"the embedded chain in {self.store.folder} has lost {what}: blocks were deleted",
            hint="restore the folder from a copy; what was anchored in it stays inconclusive until then",
        )


class _Nodes:
    """The store as the read-only mapping that HexaryTrie asks for."""

    def __init__(self, store: ChainStore) -> None:
        self._store = store

    def __getitem__(self, key: bytes) -> bytes:
        return self._store.get(key)

    def __contains__(self, key: bytes) -> bool:
        try:
            self._store.get(key)
        except KeyError:
            return False
        return True

    def __iter__(self) -> Iterator[bytes]:
        raise TypeError("chain data cannot be listed")


def decode_tx(raw: bytes) -> Tx:
    """Return the members of a signed EIP-1559 transaction.

    Raises:
        ValueError: Another type, or not twelve well-formed RLP items.
    """
    if raw[:1] != bytes([DYNAMIC_FEE_TYPE]):
        raise ValueError("transaction type not supported: only EIP-1559 (type 2) transactions are")
    try:
        items = rlp.decode(raw[1:])
    except rlp.DecodingError as exc:
        raise ValueError(f"transaction is not RLP: {exc}") from exc
    if not isinstance(items, list) or len(items) != 12:
        raise ValueError("a type 2 transaction has twelve items")
    if any(isinstance(item, list) != (position == 8) for position, item in enumerate(items)):
        raise ValueError("a type 2 transaction is eleven byte strings and an access list")
    return Tx(
        raw=raw,
        chain_id=_int(items[0]),
        nonce=_int(items[1]),
        priority_fee=_int(items[2]),
        fee=_int(items[3]),
        gas=_int(items[4]),
        to=items[5],
        value=_int(items[6]),
        data=items[7],
        access_list=_access_list(items[8]),
        y_parity=_int(items[9]),
        r=_int(items[10]),
        s=_int(items[11]),
    )


def _int(item: bytes) -> int:
    return int.from_bytes(item, "big")


def _access_list(items: list[Any]) -> tuple[tuple[bytes, tuple[bytes, ...]], ...]:
    if any(not isinstance(item, list) or len(item) != 2 or not isinstance(item[1], list) for item in items):
        raise ValueError("an access list is a list of addresses, each with a list of storage keys")
    return tuple((address, tuple(keys)) for address, keys in items)
