"""Change every byte of headers, account proofs, storage proofs and values: none may lead to the same commitment.

A state of a thousand accounts and a storage of as many slots are built with another library; beside it stand the proofs
that anvil and Hardhat make of an anchored head, where their packages are installed. Each byte of header, nodes and
value is replaced by others; whatever still leads from the block hash to the commitment is a broken promise. Then copies
of the check with one rule taken out are attacked in the same way: each must be found.
"""

from __future__ import annotations

import importlib
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import rlp
from eth_hash.auto import keccak
from trie import HexaryTrie

from ledger_service.core import state_proof
from ledger_service.core.registry import compute_commitment_slot
from ledger_service.core.rlp_items import encode_number
from ledger_service.core.verify import tree_of
from tests.campaigns.receipts.judge import planted
from tests.chain.local_nodes import installed, local_node
from tests.core.receipts import held_of
from tests.operations.local_world import Local, founded, stated

MUTATIONS, MUTATIONS_SHORT = 100_000, 20_000  # shared among the proofs that are attacked
BUILT = "built"
ENTRIES = 1_000  # accounts, and slots of the contract
# (name, text of core/state_proof.py, replacement)
_END = "if path or left or not isinstance(child, bytes):"
WEAKNESSES = (
    ("length_unchecked", _END, "if path or not isinstance(child, bytes):"),
    ("hashes_not_compared", "if keccak(encoded) != child:", "if False:"),
)


@dataclass(frozen=True, slots=True)
class Proof:
    """What is attacked, and what it must go on to mean: block hash, contract, slot, code hash and commitment."""

    header: bytes
    account: tuple[bytes, ...]
    storage: tuple[bytes, ...]
    block_hash: bytes
    address: bytes
    slot: bytes
    code_hash: bytes
    commitment: bytes


def build(rng: random.Random) -> Proof:
    """Return a proof of one slot of one account, among many."""
    slot, address, commitment, code_hash = (rng.randbytes(size) for size in (32, 20, 32, 32))
    slots = {rng.randbytes(32): rng.randbytes(32) for _ in range(ENTRIES)} | {slot: commitment}
    storage = _trie({key: rlp.encode(value.lstrip(b"\0")) for key, value in slots.items()})
    account = rlp.encode([encode_number(1), b"", storage.root_hash, code_hash])
    state = _trie({rng.randbytes(20): account for _ in range(ENTRIES)} | {address: account})
    header = rlp.encode(
        [rng.randbytes(32), rng.randbytes(32), rng.randbytes(20), state.root_hash, rng.randbytes(32), rng.randbytes(32),
         bytes(256), b"", encode_number(120), encode_number(36_000_000), b"", encode_number(1_793_701_400), b"",
         rng.randbytes(32), bytes(8), encode_number(7), rng.randbytes(32), b"", b"", rng.randbytes(32),
         rng.randbytes(32)]
    )  # fmt: skip
    nodes, slot_nodes = _nodes(state, address), _nodes(storage, slot)
    return Proof(header, nodes, slot_nodes, keccak(header), address, slot, code_hash, commitment)


def made_by_clients(folder: Path) -> dict[str, Proof]:
    """Return the proof of an anchored head by each local node that is installed, by its kind."""
    found = {}
    for kind in installed():
        home = folder / kind
        home.mkdir()
        with local_node(kind) as url:
            world = founded(Local(kind, url), home / "home", origin=f"returns.example/{kind}")
            receipt, trust = stated(world, home, heads=1)
        (anchor,), target = receipt.anchors, trust.targets[0].target
        state, (size, root) = anchor.state, tree_of(receipt)
        if state is None:
            raise AssertionError(f"the receipt that was anchored on {kind} has no state proof")
        commitment = held_of(anchor, size=size, root=root)
        slot = compute_commitment_slot(target.log_id, anchor.sequence)
        found[kind] = Proof(
            state.header,
            state.account,
            state.storage,
            keccak(state.header),
            target.contract,
            slot,
            target.code_hash,
            commitment,
        )
    return found


def holds(proof: Proof, module: ModuleType = state_proof) -> bool:
    """Return whether the bytes lead from the block hash to the commitment."""
    try:
        header = module.read_header(proof.header)
        account = module.prove_account(header.state_root, proof.address, proof.account)
        found = module.prove_slot(account.storage_root, proof.slot, proof.storage)
    except ValueError as error:
        raise AssertionError(f"the check raised {error!r}") from error
    except Exception as error:
        if type(error).__name__ != "InvalidProofError":
            raise AssertionError(f"the check raised {error!r}") from error
        return False
    expected = (proof.block_hash, proof.code_hash, proof.commitment)
    return (header.block_hash, account.code_hash, found) == expected


def mutations(proof: Proof, rng: random.Random) -> Iterator[tuple[str, Proof]]:
    """Yield changed proofs without end: each byte in turn, and now and then a node dropped, doubled or added."""
    parts = ("header", "account", "storage", "commitment")
    while True:
        for part in parts:
            value: Any = getattr(proof, part)
            if isinstance(value, bytes):
                for at in range(len(value)):
                    yield part, _with(proof, part, _byte(value, at, rng))
                continue
            for place, node in enumerate(value):
                for at in range(len(node)):
                    changed = (*value[:place], _byte(node, at, rng), *value[place + 1 :])
                    yield part, _with(proof, part, changed)
                for nodes in (
                    (*value[:place], *value[place + 1 :]),
                    (*value[: place + 1], *value[place:]),
                    (*value[:place], node + b"\0", *value[place + 1 :]),
                    (*value, node),
                ):
                    yield f"{part} nodes", _with(proof, part, nodes)
        yield "slot", replace(proof, slot=_byte(proof.slot, rng.randrange(32), rng))
        yield "address", replace(proof, address=_byte(proof.address, rng.randrange(20), rng))


def attack(proof: Proof, rng: random.Random, count: int, module: ModuleType = state_proof) -> Counter[str]:
    """Try so many changed proofs; AssertionError for the first that holds."""
    kinds: Counter[str] = Counter()
    for kind, changed in mutations(proof, rng):
        if kinds.total() == count:
            break
        kinds[kind] += 1
        if holds(changed, module):
            raise AssertionError(f"a changed proof holds: {kind}, after {kinds.total()}")
    return kinds


def find(proof: Proof, folder: Path, name: str, rng: random.Random) -> str:
    """Attack a check that lacks one rule; return what found it."""
    change = next((text, other) for one, text, other in WEAKNESSES if one == name)
    with planted(folder, f"planted_state_{name}", (("core/state_proof", *change),)):
        module = importlib.import_module(f"planted_state_{name}.core.state_proof")
        try:
            attack(proof, rng, MUTATIONS_SHORT, module)
        except AssertionError as error:
            return str(error)
    raise AssertionError(f"{MUTATIONS_SHORT} changed proofs did not find the planted weakness {name}")


def require_each_byte(name: str, proof: Proof, kinds: Counter[str]) -> None:
    """Insist that every byte of header, nodes and value had its turn."""
    for part in ("header", "account", "storage", "commitment"):
        value: Any = getattr(proof, part)
        count = len(value) if isinstance(value, bytes) else sum(map(len, value))
        if kinds[part] < count:
            raise AssertionError(f"{name}: {kinds[part]} changes of {part}, which has {count} bytes")


def run(short: bool, seed: int) -> dict[str, Any]:
    """Run the campaign; `short` is the form of the test suite. Raises AssertionError where a promise is broken."""
    rng = random.Random(seed)
    count = MUTATIONS_SHORT if short else MUTATIONS
    with tempfile.TemporaryDirectory(prefix="mutate-state-proofs-") as folder:
        proofs = {BUILT: build(rng), **made_by_clients(Path(folder))}
        kinds: Counter[str] = Counter()
        each: dict[str, int] = {}
        for place, (name, proof) in enumerate(proofs.items()):
            if not holds(proof):
                raise AssertionError(f"an untouched proof does not hold: {name}")
            changed = attack(proof, rng, count // len(proofs) + (place < count % len(proofs)))
            require_each_byte(name, proof, changed)
            kinds += changed
            each[name] = changed.total()
        found = {name: find(proofs[BUILT], Path(folder), name, rng) for name, _, _ in WEAKNESSES}
    return {"mutations": kinds.total(), "each_proof": each, "each_kind": dict(kinds), "found_by": found}


def _with(proof: Proof, part: str, value: Any) -> Proof:
    changed: dict[str, Any] = {part: value}
    return replace(proof, **changed)


def _trie(values: dict[bytes, bytes]) -> HexaryTrie:
    trie = HexaryTrie({})
    for key, value in values.items():
        trie.set(keccak(key), value)
    return trie


def _nodes(trie: HexaryTrie, key: bytes) -> tuple[bytes, ...]:
    return tuple(rlp.encode(node) for node in trie.get_proof(keccak(key)))


def _byte(data: bytes, at: int, rng: random.Random) -> bytes:
    return data[:at] + bytes([data[at] ^ rng.randrange(1, 256)]) + data[at + 1 :]
