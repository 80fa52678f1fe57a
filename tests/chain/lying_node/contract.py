"""AnchorRegistry in plain Python: the same checks in the same order, the same custom errors, the same events.

Promises: `execute` takes calldata and answers as the contract does, or raises `RevertedError` with the contract's own
revert data; proofs are checked with `core.merkle`; state is a value, so that a block which leaves the chain takes its
changes with it. Does not: count gas as the EVM does (`gas_of` is a plausible figure), or
compute the values inside the Merkle library's errors: their names are the contract's, their roots are zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from eth_abi.abi import decode, encode

from ledger_service.core import merkle
from ledger_service.core.registry import compute_commitment, compute_commitment_slot, compute_log_id
from ledger_service.errors import InvalidProofError
from tests.chain.lying_node.abi import METHODS, abi_value, errors, events, functions, plain

NOBODY = bytes(20)
NOTHING = bytes(32)
CALL_GAS = 40_000  # of any call; a permanent slot and the hashes of a proof come on top
SLOT_GAS = 22_100
HASH_GAS = 620


class RevertedError(Exception):
    """The contract refused; `data` is what it returned."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data.hex())
        self.data = data


@dataclass(frozen=True, slots=True)
class LogRecord:
    """What the contract keeps about one log."""

    origin_hash: bytes
    registrar: bytes
    owner: bytes
    anchorer: bytes
    max_growth: int
    root: bytes
    size: int = 1
    sequence: int = 0
    closed: bool = False
    pending_owner: bytes = NOBODY
    successor: bytes = NOTHING
    last_honest: int = 0


@dataclass(frozen=True, slots=True)
class Storage:
    """The contract's storage: logs by id, and the permanent slots of their heads by slot."""

    logs: Mapping[bytes, LogRecord] = field(default_factory=dict)
    slots: Mapping[bytes, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Context:
    """Who calls, and in which block; `parent_hash` is the hash of the block before."""

    chain_id: int
    contract: bytes
    caller: bytes
    time: int
    number: int
    parent_hash: bytes


@dataclass(frozen=True, slots=True)
class Event:
    """One log entry of a transaction."""

    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call changed, told and returned."""

    storage: Storage
    events: tuple[Event, ...]
    returned: bytes


def execute(storage: Storage, context: Context, calldata: bytes) -> Outcome:
    """Run one call.

    Raises:
        RevertedError: The contract refuses; nothing has changed.
    """
    known = functions().get(calldata[:4])
    if known is None:
        raise RevertedError(b"")
    name, types = known
    call = _Call(storage, context)
    values = [plain(kind, value) for kind, value in zip(types, decode(types, calldata[4:]), strict=True)]
    return getattr(call, METHODS[name])(*values)  # type: ignore[no-any-return]


def gas_of(calldata: bytes) -> int:
    """Return about what a call costs: the more, the longer its proof."""
    return CALL_GAS + SLOT_GAS + 16 * len(calldata) + HASH_GAS * (len(calldata) // 32)


class _Call:
    """One call under way."""

    def __init__(self, storage: Storage, context: Context) -> None:
        self.storage = storage
        self.context = context
        self.events: list[Event] = []

    def register(self, origin_hash: bytes, leaf: bytes, owner: bytes, anchorer: bytes, max_growth: int) -> Outcome:
        named = {"originHash": origin_hash, "genesisLeafHash": leaf, "owner": owner, "anchorer": anchorer}
        for argument, value in named.items():
            if not any(value):
                _refuse("LogZeroValue", argument)
        if max_growth == 0:
            _refuse("LogZeroValue", "maxGrowth")
        caller = self.context.caller
        log_id = self._log_id(caller, origin_hash)
        if log_id in self.storage.logs:
            _refuse("LogExists", log_id)
        record = LogRecord(origin_hash, caller, owner, anchorer, max_growth, leaf)
        self._keep(log_id, record)
        self._tell("LogRegistered", [log_id, origin_hash, caller], leaf, owner, anchorer, max_growth)
        self._commit(log_id, record)
        return self._done(log_id)

    def anchor(self, log_id: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> Outcome:
        record, caller = self._known(log_id), self.context.caller
        if caller != record.anchorer:
            _refuse("LogAnchorerOnly", log_id, caller, record.anchorer)
        if record.closed:
            _refuse("LogIsClosed", log_id)
        if size <= record.size:
            _refuse("HeadNotGrowing", log_id, record.size, size)
        if size - record.size > record.max_growth:
            _refuse("HeadGrowthOverCap", log_id, size - record.size, record.max_growth)
        check_consistency(record.size, record.root, size, root, proof)
        grown = replace(record, root=root, size=size, sequence=record.sequence + 1)
        self._keep(log_id, grown)
        self._commit(log_id, grown)
        return self._done(grown.sequence)

    def offer(self, log_id: bytes, new_owner: bytes) -> Outcome:
        record = self._owned(log_id)
        self._keep(log_id, replace(record, pending_owner=new_owner))
        self._tell("OwnershipOffered", [log_id, self.context.caller, new_owner])
        return self._done()

    def accept(self, log_id: bytes) -> Outcome:
        record, caller = self._known(log_id), self.context.caller
        if record.closed:
            _refuse("LogIsClosed", log_id)
        if caller != record.pending_owner:
            _refuse("LogPendingOwnerOnly", log_id, caller, record.pending_owner)
        self._keep(log_id, replace(record, owner=caller, pending_owner=NOBODY))
        self._tell("OwnershipTransferred", [log_id, record.owner, caller])
        return self._done()

    def set_anchorer(self, log_id: bytes, anchorer: bytes) -> Outcome:
        record = self._owned(log_id)
        if not any(anchorer):
            _refuse("LogZeroValue", "anchorer")
        self._keep(log_id, replace(record, anchorer=anchorer))
        self._tell("AnchorerChanged", [log_id, record.anchorer, anchorer], record.size)
        return self._done()

    def set_max_growth(self, log_id: bytes, max_growth: int) -> Outcome:
        record = self._owned(log_id)
        if max_growth == 0:
            _refuse("LogZeroValue", "maxGrowth")
        self._keep(log_id, replace(record, max_growth=max_growth))
        self._tell("MaxGrowthChanged", [log_id], record.max_growth, max_growth, record.size)
        return self._done()

    def close(self, log_id: bytes, successor: bytes, last_honest: int) -> Outcome:
        record = self._owned(log_id)
        if last_honest > record.sequence:
            _refuse("LogSequenceUnknown", log_id, record.sequence, last_honest)
        self._keep(log_id, replace(record, closed=True, successor=successor, last_honest=last_honest))
        self._tell("LogClosed", [log_id, successor], last_honest, record.sequence)
        return self._done()

    def head(self, log_id: bytes) -> Outcome:
        record = self._known(log_id)
        return self._done(record.sequence, record.size, record.root)

    def log(self, log_id: bytes) -> Outcome:
        found = self._known(log_id)
        return self._done(
            found.origin_hash,
            found.registrar,
            found.owner,
            found.pending_owner,
            found.anchorer,
            found.max_growth,
            found.closed,
            found.successor,
            found.last_honest,
        )

    def commitment(self, log_id: bytes, sequence: int) -> Outcome:
        return self._done(self.storage.slots.get(compute_commitment_slot(log_id, sequence), NOTHING))

    def log_id(self, registrar: bytes, origin_hash: bytes) -> Outcome:
        return self._done(self._log_id(registrar, origin_hash))

    def consistency(self, size1: int, root1: bytes, size2: int, root2: bytes, proof: Sequence[bytes]) -> Outcome:
        if not 0 < size1 <= size2:
            _refuse("MerkleSizes", size1, size2)
        check_consistency(size1, root1, size2, root2, proof)
        return self._done()

    def inclusion(self, leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> Outcome:
        if index >= size:
            _refuse("MerkleIndex", index, size)
        expected = merkle._inclusion_length(index, size)
        try:
            merkle.verify_inclusion(leaf, index, size, proof, root)
        except InvalidProofError:
            if len(proof) != expected:
                _refuse("MerkleProofLength", expected, len(proof))
            _refuse("MerkleRoot", root, NOTHING)
        return self._done()

    def _known(self, log_id: bytes) -> LogRecord:
        if log_id not in self.storage.logs:
            _refuse("LogUnknown", log_id)
        return self.storage.logs[log_id]

    def _owned(self, log_id: bytes) -> LogRecord:
        record = self._known(log_id)
        if record.closed:
            _refuse("LogIsClosed", log_id)
        if self.context.caller != record.owner:
            _refuse("LogOwnerOnly", log_id, self.context.caller, record.owner)
        return record

    def _log_id(self, registrar: bytes, origin_hash: bytes) -> bytes:
        return compute_log_id(
            self.context.chain_id, self.context.contract, registrar=registrar, origin_hash=origin_hash
        )

    def _keep(self, log_id: bytes, record: LogRecord) -> None:
        self.storage = replace(self.storage, logs={**self.storage.logs, log_id: record})

    def _commit(self, log_id: bytes, record: LogRecord) -> None:
        at = self.context
        commitment = compute_commitment(
            log_id,
            record.sequence,
            size=record.size,
            root=record.root,
            time=at.time,
            block_number=at.number,
            parent_hash=at.parent_hash,
        )
        slot = compute_commitment_slot(log_id, record.sequence)
        self.storage = replace(self.storage, slots={**self.storage.slots, slot: commitment})
        self._tell("HeadAnchored", [log_id, record.sequence], record.size, record.root, at.time, at.number,
                   at.parent_hash)  # fmt: skip

    def _tell(self, name: str, indexed: list[Any], *values: Any) -> None:
        topic, indexed_types, types = events()[name]
        topics = [encode([kind], [abi_value(kind, value)]) for kind, value in zip(indexed_types, indexed, strict=True)]
        data = encode(types, [abi_value(kind, value) for kind, value in zip(types, values, strict=True)])
        self.events.append(Event((topic, *topics), data))

    def _done(self, *values: Any) -> Outcome:
        types = ["bytes32" if isinstance(value, bytes) and len(value) == 32 else
                 "address" if isinstance(value, bytes) else
                 "bool" if isinstance(value, bool) else "uint64" for value in values]  # fmt: skip
        returned = encode(types, [abi_value(kind, value) for kind, value in zip(types, values, strict=True)])
        return Outcome(self.storage, tuple(self.events), returned)


def check_consistency(size1: int, root1: bytes, size2: int, root2: bytes, proof: Sequence[bytes]) -> None:
    """Check a proof with `core.merkle`, and refuse as the contract's library does."""
    try:
        merkle.verify_consistency(size1, size2, proof, root1, root2)
    except InvalidProofError as error:
        expected = 0 if size1 == size2 else merkle._consistency_length(size1, size2)
        if len(proof) != expected:
            _refuse("MerkleProofLength", expected, len(proof))
        _refuse("MerkleOlderRoot" if "older root" in error.message else "MerkleNewerRoot", NOTHING, NOTHING)


def _refuse(name: str, *values: Any) -> None:
    selector, types = errors()[name]
    given = [abi_value(kind, one) for kind, one in zip(types, values, strict=True)]
    raise RevertedError(selector + encode(types, given))
