"""States of a chain that another library builds: tries of accounts and slots, and a header over them.

Nothing here uses our own tries or proofs, so that what they accept is checked against somebody else's work.
"""

from __future__ import annotations

import rlp
from eth_hash.auto import keccak
from trie import HexaryTrie

from ledger_service.core.rlp_items import encode_number
from ledger_service.core.state_proof import StateProof

WORD = bytes(range(32))


def trie_of(values: dict[bytes, bytes]) -> HexaryTrie:
    """Return a trie with these values under the hashes of their keys."""
    made = HexaryTrie({})
    for key, value in values.items():
        made.set(keccak(key), value)
    return made


def nodes_of(made: HexaryTrie, key: bytes) -> tuple[bytes, ...]:
    """Return the proof of a key."""
    return tuple(rlp.encode(node) for node in made.get_proof(keccak(key)))


def account_of(storage: HexaryTrie, code_hash: bytes) -> bytes:
    """Return an account with this storage and code."""
    encoded: bytes = rlp.encode([encode_number(1), b"", storage.root_hash, code_hash])
    return encoded


def header_of(state: HexaryTrie, *, number: int, time: int) -> bytes:
    """Return the header of a block with this state, as before the London fork."""
    encoded: bytes = rlp.encode(
        [WORD, WORD, WORD[:20], state.root_hash, WORD, WORD, bytes(256), b"", encode_number(number),
         encode_number(30_000_000), b"", encode_number(time), b"", WORD, bytes(8)]
    )  # fmt: skip
    return encoded


def state_of(
    contract: bytes, slot: bytes, value: bytes, *, code_hash: bytes, number: int, time: int
) -> tuple[StateProof, bytes]:
    """Return the proof that a contract with this code holds a value in a slot, and the hash of its block."""
    storage = trie_of({slot: rlp.encode(value), b"another slot": rlp.encode(WORD)})
    state = trie_of({contract: account_of(storage, code_hash), b"another account": account_of(storage, WORD)})
    header = header_of(state, number=number, time=time)
    return StateProof(header, nodes_of(state, contract), nodes_of(storage, slot)), keccak(header)
