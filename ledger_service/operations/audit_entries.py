"""The walk over all entries that an audit makes: one pass, from the bytes alone.

Hashes each entry, grows the tree beside the stored nodes, compares every signed checkpoint, and replays the cases.
Promises: memory grows with the number of cases, not of entries. Does not: look at values, files or chains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ledger_service.core.case_index import EMPTY_ROOT, Indexed, case_key, update, value_of
from ledger_service.core.checkpoint import VerifierKey, verify_checkpoint
from ledger_service.core.entry import ASIDE_KINDS, CaseEntry, kind_of, parse_entry
from ledger_service.core.log_entry import (
    After,
    GenesisEntry,
    KeyEntry,
    SealEntry,
    TargetEntry,
    key_change_message,
    target_message,
)
from ledger_service.core.merkle import Frontier, leaf_hash
from ledger_service.core.registry import compute_log_id, compute_origin_hash
from ledger_service.core.returns import Case, evolve
from ledger_service.errors import LedgerError
from ledger_service.store.read import LedgerReader, StoredCheckpoint, StoredEntry

PROGRESS_EVERY = 1_000  # entries
SETTLE_TRIES_MAX = 20  # between two commits there is a moment; three small queries fit into one of these


class EntryWalk:
    """One pass over a ledger's entries; what contradicts goes to `add` as (stage, what)."""

    def __init__(
        self,
        read: LedgerReader,
        *,
        origin: str,
        add: Callable[[str, str], None],
        count: Callable[[str, int], None],
    ) -> None:
        """Take a reader, the log's name, and where findings and counts go."""
        self._read = read
        self._origin = origin
        self._add = add
        self._count = count
        self._frontier = Frontier.empty()
        self._keys: tuple[VerifierKey, ...] = ()
        self._cases: dict[str, tuple[Case, int]] = {}  # with the index of its first entry
        self._targets: set[bytes] = set()  # their log ids
        self._index = _Index()
        self._last_recorded = ""
        self.seals: list[tuple[int, After | None]] = []  # index of each seal, and the anchor that it quotes

    def run(self, *, also_at: set[int], say: Callable[[int, int], None]) -> dict[int, bytes]:
        """Walk; return the root at every checkpoint's size and at the sizes `also_at`.

        What others append meanwhile is left for the next audit.
        """
        total, signed = self._settle()
        nodes = self._read.stored_nodes()
        checkpoints = self._read.checkpoints()
        awaited = next(checkpoints, None)
        roots: dict[int, bytes] = {}
        for row in self._read.entries(limit=total):
            self._audit_row(row, nodes)
            size = self._frontier.size
            if size in also_at:
                roots[size] = self._frontier.root()
            if awaited is not None and awaited.size == size:
                self._audit_checkpoint(awaited)
                roots[size] = self._frontier.root()
                awaited = next(checkpoints, None)
            if size % PROGRESS_EVERY == 0 or size == total:
                say(size, total)
        size = self._frontier.size
        self._count("entries", size)
        self._count("cases", len(self._cases))
        if size and size not in roots:
            self._add("checkpoints", f"the newest of {size} entries have no checkpoint")
        if signed > size:
            self._add("checkpoints", f"a checkpoint of size {signed} is signed, there are {size} entries")
        if next(nodes, None) is not None and self._read.size() == signed:
            self._add("nodes", f"there are more stored nodes than {size} entries give")
        return roots

    def _settle(self) -> tuple[int, int]:
        """Return how many entries there are and the size of the newest checkpoint, as of one moment."""
        for _ in range(SETTLE_TRIES_MAX):
            before, count, after = self._read.size(), self._read.entry_count(), self._read.size()
            if before == after:
                break
        return count, before if before == after else count

    def _audit_row(self, row: StoredEntry, nodes: Iterator[bytes]) -> None:
        if row.index != self._frontier.size:
            self._add("entries", f"index {self._frontier.size} is missing, index {row.index} follows")
        leaf = leaf_hash(row.encoded)
        if leaf != row.leaf_hash:
            self._add("entries", f"entry {row.index}: the stored leaf hash is not the hash of its bytes")
        for value in self._frontier.append(leaf):
            if next(nodes, None) != value:
                self._add("nodes", f"entry {row.index}: a stored node differs from the tree over the entry bytes")
        try:
            self._audit_entry(row)
        except LedgerError as error:
            self._add("entries", f"entry {row.index}: {error.message}")

    def _audit_entry(self, row: StoredEntry) -> None:
        entry = parse_entry(row.encoded)
        if entry.origin != self._origin:
            self._add("entries", f"entry {row.index} is of the log {entry.origin}")
        named = (entry.return_id, entry.seq) if isinstance(entry, CaseEntry) else (None, None)
        if (row.kind, row.return_id, row.seq) != (kind_of(entry).value, *named):
            self._add("entries", f"entry {row.index}: kind, return or seq of its row are not those of its bytes")
        if entry.recorded_at < self._last_recorded or entry.recorded_at != row.recorded_at:
            self._add("entries", f"entry {row.index}: its time of recording goes back, or differs from its row")
        self._last_recorded = max(self._last_recorded, entry.recorded_at)
        if isinstance(entry, GenesisEntry) != (row.index == 0):
            self._add("entries", f"entry {row.index}: the genesis entry stands at index 0 and nowhere else")
        first: int | None = None
        if isinstance(entry, GenesisEntry):
            self._keys = entry.keys
            self._targets.update(target.log_id for target in entry.targets)
        elif isinstance(entry, KeyEntry):
            if entry.old_key not in self._keys:
                self._add("entries", f"entry {row.index}: the key that signed the new one is none of the log's")
            entry.old_key.verify(entry.signature, key_change_message(entry.origin, entry.new_key))
            self._keys = (*self._keys, entry.new_key)
        elif isinstance(entry, TargetEntry):
            self._audit_target(row.index, entry)
        elif isinstance(entry, SealEntry):
            self.seals.append((row.index, entry.after))
            if entry.case_index is not None:  # a ledger of before the index has seals without
                self._count("case indexes", 1)
                if self._index.root() != entry.case_index:
                    self._add("entries", f"entry {row.index}: the case index does not follow from the entries before")
        else:
            known = self._cases.get(entry.return_id)
            case = evolve(None if known is None else known[0], entry, encoded=row.encoded)
            if entry.kind not in ASIDE_KINDS:
                first = row.index if known is None else known[1]
                self._cases[entry.return_id] = (case, first)
                self._index.moved(case)
        if row.first_index != first:
            self._add("entries", f"entry {row.index}: its row names another first entry of its case")

    def _audit_target(self, index: int, entry: TargetEntry) -> None:
        """Compare a target entry with its signature, with what its log id follows from, and with the targets before."""
        target = entry.target
        if entry.key not in self._keys:
            self._add("entries", f"entry {index}: the key that signed the target is none of the log's")
        entry.key.verify(entry.signature, target_message(entry.origin, target))
        log_id = compute_log_id(
            target.chain_id,
            target.contract,
            registrar=target.registrar,
            origin_hash=compute_origin_hash(entry.origin),
        )
        if target.log_id != log_id:
            self._add("entries", f"entry {index}: the log id of its target does not follow from its other members")
        if target.log_id in self._targets:
            self._add("entries", f"entry {index}: its target is one of the log's already")
        self._targets.add(target.log_id)

    def _audit_checkpoint(self, stored: StoredCheckpoint) -> None:
        self._count("checkpoints", 1)
        root = self._frontier.root()
        if stored.root != root:
            self._add("checkpoints", f"size {stored.size}: the stored root does not follow from the entries")
        try:
            signed = verify_checkpoint(stored.note, self._keys, origin=self._origin)
        except LedgerError as error:
            self._add("checkpoints", f"size {stored.size}: {error.message}")
            return
        if (signed.size, signed.root) != (stored.size, root):
            self._add("checkpoints", f"size {stored.size}: the signed head is not the one the entries give")


class _Index:
    """The case index grown along the walk; it holds the nodes of its newest root alone."""

    def __init__(self) -> None:
        self._root = EMPTY_ROOT
        self._nodes: dict[bytes, bytes] = {}
        self._moved: dict[str, Case] = {}

    def moved(self, case: Case) -> None:
        """Take a case as it is after another entry of its chain."""
        self._moved[case.return_id] = case

    def root(self) -> bytes:
        """Return the root over all cases as they are now."""
        changes = {case_key(case): value_of(Indexed(case.count, case.head)) for case in self._moved.values()}
        self._moved.clear()
        replaced: set[bytes] = set()

        def read(wanted: bytes) -> bytes:
            replaced.add(wanted)
            return self._nodes[wanted]

        self._root, new = update(self._root, changes, read)
        for one in replaced - new.keys():
            del self._nodes[one]
        self._nodes |= new
        return self._root
