"""A whole receipt as a log of a million entries gives it, on a chain the size of a main network: made of its paths.

Of log and chain only what the receipt's proofs pass is there; everything beside a path is the hash of its place. The
tries are written with another library's RLP and nothing of our own proofs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import rlp
from eth_hash.auto import keccak

from ledger_service.core.checkpoint import Checkpoint, sign_checkpoint
from ledger_service.core.entry import encode_entry
from ledger_service.core.log_entry import After
from ledger_service.core.merkle import leaf_hash, node_hash
from ledger_service.core.receipt import Receipt
from ledger_service.core.receipt_state import AfterProof
from ledger_service.core.registry import compute_commitment, compute_commitment_slot
from ledger_service.core.rlp_items import encode_number
from ledger_service.core.state_proof import StateProof
from ledger_service.core.trust import Trust
from tests.core.entries import OLD_KEY, ORIGIN, SEAL
from tests.core.receipts import SEPOLIA, STEP, TRUST, anchor, held_of, receipt

BYTES_MAX, STATED_BYTES_MAX = 12 * 1024, 32 * 1024  # of such a receipt without state proofs, and with them
SIZE, STEP_AT, SEAL_AT = 1_000_000, 999_900, 999_000
ACCOUNT_DEPTH, STORAGE_DEPTH = 8, 6  # full branches: 16^8 accounts are ten times as many as there are; 16^6 slots


@dataclass(frozen=True, slots=True)
class Large:
    """The receipt, the trust file it is meant for, and the hash of the one block that is left to know."""

    receipt: Receipt
    trust: Trust
    block_hash: bytes


def large(*, stated: bool) -> Large:
    """Return such a receipt, with state proofs or without."""
    target = SEPOLIA.target
    older = {
        "size": 990_000,
        "root": filler("older root"),
        "time": 1_793_700_000,
        "block_number": 20_999_000,
        "parent_hash": filler("older parent"),
    }
    quoted = compute_commitment(target.log_id, 2_000, **older)  # type: ignore[arg-type]  # its members, by name
    seal = encode_entry(dataclasses.replace(SEAL, after=After(target.chain_id, target.log_id, 2_000, quoted)))
    log = SparseLog({STEP_AT: leaf_hash(encode_entry(STEP)), SEAL_AT: leaf_hash(seal)})
    head = Checkpoint(ORIGIN, SIZE, log.root())
    shown = dataclasses.replace(anchor(SEPOLIA), sequence=2_001, block_number=21_000_000)
    held = held_of(shown, size=SIZE, root=head.root)
    slots = {compute_commitment_slot(target.log_id, 2_001): held, compute_commitment_slot(target.log_id, 2_000): quoted}
    storage = SparseTrie({slot: rlp.encode(value) for slot, value in slots.items()}, depth=STORAGE_DEPTH)
    account = rlp.encode([encode_number(1), b"", storage.root, target.code_hash])
    state = SparseTrie({target.contract: account}, depth=ACCOUNT_DEPTH)
    header = header_of(state.root, number=shown.block_number + 9, time=shown.time + 108)
    here, before = slots
    if stated:
        proof = StateProof(header, state.nodes(target.contract), storage.nodes(here))
        shown = dataclasses.replace(shown, block_hash=None, state=proof)
    after = AfterProof(
        seal=seal,
        index=SEAL_AT,
        inclusion=log.inclusion(SEAL_AT),
        log_id=target.log_id,
        sequence=2_000,
        storage=storage.nodes(before) if stated else None,
        **older,  # type: ignore[arg-type]  # the same
    )
    made = dataclasses.replace(
        receipt(),
        index=STEP_AT,
        inclusion=log.inclusion(STEP_AT),
        checkpoint=sign_checkpoint(head, OLD_KEY),
        anchors=(shown,),
        after=after,
    )
    return Large(made, TRUST, keccak(header))


class SparseLog:
    """A tree of `SIZE` leaves (RFC 9162 §2.1) of which only a few are there."""

    def __init__(self, leaves: dict[int, bytes]) -> None:
        self._leaves = leaves

    def root(self) -> bytes:
        """Return the root."""
        return self._hash(0, SIZE)

    def inclusion(self, index: int) -> tuple[bytes, ...]:
        """Return the inclusion proof of a leaf that is there, from the leaf up."""
        start, end, path = 0, SIZE, []
        while end - start > 1:
            middle = start + (1 << (end - start - 1).bit_length() - 1)
            if index < middle:
                path.append(self._hash(middle, end))
                end = middle
            else:
                path.append(self._hash(start, middle))
                start = middle
        return tuple(reversed(path))

    def _hash(self, start: int, end: int) -> bytes:
        if not any(start <= index < end for index in self._leaves):
            return filler("subtree", start, end)
        if end - start == 1:
            return self._leaves[start]
        middle = start + (1 << (end - start - 1).bit_length() - 1)
        return node_hash(self._hash(start, middle), self._hash(middle, end))


class SparseTrie:
    """A trie of which every branch down to a depth is full, with a few keys that are there (yellow paper, app. D)."""

    def __init__(self, values: dict[bytes, bytes], *, depth: int) -> None:
        self._values = {keccak(key).hex(): value for key, value in values.items()}
        self._depth = depth
        self._made: dict[bytes, bytes] = {}
        self._way: dict[str, list[bytes]] = {key: [] for key in self._values}
        self.root = self._node("")

    def nodes(self, key: bytes) -> tuple[bytes, ...]:
        """Return the proof of a key that is there, the root first."""
        return tuple(reversed(self._way[keccak(key).hex()]))

    def _node(self, path: str) -> bytes:
        keys = [key for key in self._values if key.startswith(path)]
        if not keys:
            return filler("trie", path)
        if len(path) >= self._depth and len(keys) == 1:
            rest = keys[0][len(path) :]
            flag = f"3{rest}" if len(rest) % 2 else f"20{rest}"
            node = rlp.encode([bytes.fromhex(flag), self._values[keys[0]]])
        else:
            node = rlp.encode([*(self._node(f"{path}{nibble:x}") for nibble in range(16)), b""])
        for key in keys:
            self._way[key].append(node)
        return keccak(node)


def header_of(state_root: bytes, *, number: int, time: int) -> bytes:
    """Return the header of a block as since the Prague fork: 21 fields."""
    fields: Sequence[bytes] = (
        filler("parent"), filler("uncles"), filler("miner")[:20], state_root, filler("transactions"),
        filler("receipts"), filler("bloom") * 8, b"", encode_number(number), encode_number(36_000_000),
        encode_number(17_345_678), encode_number(time), b"extra", filler("mix"), bytes(8), encode_number(1_234_567),
        filler("withdrawals"), encode_number(786_432), b"", filler("beacon"), filler("requests"),
    )  # fmt: skip
    encoded: bytes = rlp.encode(list(fields))
    return encoded


def filler(*place: object) -> bytes:
    """Return 32 bytes that stand for what is not there."""
    return sha256(repr(place).encode()).digest()
