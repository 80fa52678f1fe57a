"""The drafts of one commit, worked into rows: decided, encoded, hashed and chained in memory.

Promises: a draft that is refused leaves no trace in the group; what the group holds follows from the tip and the
cases that were read under the lock, and from nothing else.
Does not: touch a database (`ledger.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from ledger_service.core.decided import encode_decided
from ledger_service.core.entry import (
    ASIDE_KINDS,
    CaseEntry,
    Entry,
    Kind,
    encode_entry,
    kind_of,
    parse_entry,
)
from ledger_service.core.log_entry import After, GenesisEntry, SealEntry
from ledger_service.core.merkle import Frontier, leaf_hash, stored_count
from ledger_service.core.returns import Case, case_members, decide, evolve
from ledger_service.errors import (
    CaseMovedError,
    EntryFormatError,
    IdempotencyMismatchError,
    LedgerExistsError,
    LedgerMissingError,
    SignatureRefusedError,
)
from ledger_service.store.commit_nodes import CommitNodes
from ledger_service.store.drafts import (
    AsideDraft,
    CaseDraft,
    Draft,
    IdempotencyKey,
    LogDraft,
    SealedValue,
    WriteView,
    require_attachments,
)

Row = tuple[object, ...]
KnownCase = tuple[Case, int]  # a case, and the index of its first entry

_encode = json.JSONEncoder(separators=(",", ":"), sort_keys=True).encode  # `json.dumps` makes one for each call


@dataclass(frozen=True, slots=True)
class Tip:
    """The right end of the log, as the newest checkpoint says and the stored nodes confirm."""

    size: int
    root: bytes
    recorded_at: str
    origin: str
    last_seal_size: int
    frontier: Frontier


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry in its place: appended by this group, or found by its idempotency key."""

    index: int
    leaf_hash: bytes
    encoded: bytes
    entry: Entry
    case: Case | None = None


@dataclass(frozen=True, slots=True)
class Replay:
    """The answer to a key that was used before: the index that it led to."""

    index: int


class Group:
    """What one commit will write. Used once, by one thread, under the write lock."""

    def __init__(
        self,
        tip: Tip,
        *,
        now: str,
        cases: dict[str, KnownCase],
        keys: Mapping[tuple[str, str], tuple[bytes, int]],
        newest_final_anchor: Callable[[], After | None],
        case_index: Callable[[int, Mapping[str, Case]], bytes],
    ) -> None:
        """Start from the tip.

        Args:
            tip: The log's right end; its frontier is copied.
            now: The clock, RFC 3339 UTC with milliseconds.
            cases: The cases of the drafts that exist, by return_id; changed by the group.
            keys: Idempotency rows found: (scope, key) to (fingerprint, index).
            newest_final_anchor: Asked only when a log step is made.
            case_index: Given a size and the cases that this group moved, returns the root; asked only for a seal.
        """
        self.now = max(now, tip.recorded_at)  # a clock that goes back never takes the log with it
        self.origin = tip.origin
        self.last_seal_size = tip.last_seal_size
        self.frontier = tip.frontier.copy()
        self._before = tip.frontier
        self.cases = cases
        self.placed: list[Placed] = []
        self.entries: list[Row] = []
        self.nodes: list[tuple[int, bytes]] = []
        self.values: list[Row] = []
        self.files: list[Row] = []
        self.new_keys: list[Row] = []
        self.members: list[Row] = []
        self._first = tip.size
        self._first_node = stored_count(tip.size)
        self._moved: dict[str, int] = {}  # return_id -> index of its newest entry in this group
        self._keys = dict(keys)
        self._newest_final_anchor = newest_final_anchor
        self._case_index = case_index

    @property
    def size(self) -> int:
        """Return the size of the log with this group."""
        return self.frontier.size

    def take(self, draft: AsideDraft | LogDraft) -> Placed | Replay:
        """Append the draft's entry, or find the one its key led to.

        Raises:
            LedgerError: The draft is refused; the group is as before.
        """
        if isinstance(draft, AsideDraft):
            return self._take_aside(draft)
        return self._take_log_step(draft)

    def take_wave(self, drafts: Sequence[CaseDraft]) -> list[Placed | Replay | Exception]:
        """Append the entries of a wave (`first_wave`); return for each draft its place, or why it is refused.

        Stage by stage over the whole wave and not draft by draft: a processor's caches hold one stage well and all
        of them badly, which made each step half as slow again.
        """
        steps = [_Step(draft) for draft in drafts]
        for stage in (self._decide, self._encode, self._evolve):
            for step in steps:
                if step.outcome is None:
                    try:
                        stage(step)
                    except Exception as error:
                        step.outcome = error
        return [self._place_step(step) if step.outcome is None else step.outcome for step in steps]

    def tip(self, root: bytes) -> Tip:
        """Return the log's right end after this group."""
        return Tip(
            size=self.size,
            root=root,
            recorded_at=self.now,
            origin=self.origin,
            last_seal_size=self.last_seal_size,
            frontier=self.frontier,
        )

    def case_rows(self) -> list[Row]:
        """Return the rows of the cases that this group moved."""
        return [case_row(self.cases[return_id][0], index) for return_id, index in self._moved.items()]

    def commit_nodes(self) -> CommitNodes:
        """Return the tree nodes of this commit, for the proofs of its entries."""
        return CommitNodes.of(self._before, self.nodes, size=self.size)

    def own(self, index: int) -> Placed | None:
        """Return the entry at this index if this group appended it."""
        return self.placed[index - self._first] if index >= self._first else None

    def _take_aside(self, draft: AsideDraft) -> Placed | Replay:
        key = draft.idempotency
        if key is not None and (found := self._find_key(key)) is not None:
            return found
        if self.size == 0:
            raise _no_genesis()
        if draft.entry.kind not in ASIDE_KINDS:
            raise EntryFormatError(f"a {draft.entry.kind.value} moves its case and cannot stand aside")
        require_attachments(draft.values, (), key, draft.entry)
        placed = self._take_entry(replace(draft.entry, recorded_at=self.now))
        self._keep_values(draft.values, placed.index)
        self._keep_key(key, placed.index)
        return placed

    def _keep_values(self, values: Sequence[SealedValue], index: int) -> None:
        for value in values:
            self.values.append((index, value.position, value.name, value.key_id, value.ciphertext))

    def _keep_key(self, key: IdempotencyKey | None, index: int) -> None:
        if key is not None:
            self._keys[key.scope, key.key] = (key.fingerprint, index)
            self.new_keys.append((key.scope, key.key, key.fingerprint, index, self.now))

    def _take_log_step(self, draft: LogDraft) -> Placed:
        entry = draft.make(self.view(), self.now)
        if isinstance(entry, GenesisEntry):
            if self.size:
                raise LedgerExistsError(
                    f"this database already holds the ledger {self.origin}",
                    hint="a new ledger needs a database of its own",
                )
            self.origin = entry.origin
            self.last_seal_size = 1
        elif self.size == 0:
            raise _no_genesis()
        placed = self._take_entry(entry)
        if isinstance(entry, SealEntry):
            self.last_seal_size = self.size
        return placed

    def _decide(self, step: _Step) -> None:
        draft = step.draft
        if draft.idempotency is not None:
            step.outcome = self._find_key(draft.idempotency)
            if step.outcome is not None:
                return
        if self.size == 0:
            raise _no_genesis()
        command = draft.command
        step.case, step.first = self.cases.get(command.return_id, (None, None))
        if draft.used_up is not None and (draft.used_up.scope, draft.used_up.key) in self._keys:
            raise SignatureRefusedError("the signed statement was recorded before", hint="sign a new one")
        if draft.judged_at is not None and (step.case is None or step.case.head != draft.judged_at):
            raise CaseMovedError(f"the return {command.return_id} moved on while the step was judged")
        step.entry = decide(step.case, command, recorded_at=self.now)
        self._require_origin(step.entry)
        require_attachments(draft.values, draft.files, draft.idempotency, step.entry)

    def _encode(self, step: _Step) -> None:
        step.encoded = encode_decided(step.entry)

    def _evolve(self, step: _Step) -> None:
        step.moved = evolve(step.case, step.entry, encoded=step.encoded)

    def _place_step(self, step: _Step) -> Placed:
        """Take a step into the rows; nothing here refuses."""
        draft, index = step.draft, self.size
        first = index if step.first is None else step.first
        placed = self._place(step.entry, step.encoded, step.moved.head, first, case=step.moved)
        self.cases[step.moved.return_id] = step.moved, first
        self._moved[step.moved.return_id] = index
        self._keep_values(draft.values, index)
        for file in draft.files:
            self.files.append((index, file.position, file.kind, file.name, file.sha256, file.size, file.media_type))
        self._keep_key(draft.idempotency, index)
        self._keep_key(draft.used_up, index)
        for member in draft.members:
            self.members.append((step.moved.return_id, member.mark, member.role, self.now))
        return placed

    def view(self) -> WriteView:
        """Return the log as a log step sees it now."""
        return WriteView(
            self.size, self.frontier.root(), self.last_seal_size, self._newest_final_anchor(), self._index_root
        )

    def _index_root(self) -> bytes:
        return self._case_index(self.size, {return_id: self.cases[return_id][0] for return_id in self._moved})

    def _take_entry(self, entry: Entry) -> Placed:
        encoded = encode_entry(entry)
        self._require_origin(entry)
        if parse_entry(encoded) != entry:  # made by hand, not by `decide`: what is logged must stay readable
            raise EntryFormatError("the entry does not read back as it was written")
        if entry.recorded_at != self.now:
            raise EntryFormatError("a log step is recorded at the time it is given")
        return self._place(entry, encoded, leaf_hash(encoded))

    def _place(
        self, entry: Entry, encoded: bytes, leaf: bytes, first: int | None = None, *, case: Case | None = None
    ) -> Placed:
        index = self.frontier.size
        first_node = self._first_node + len(self.nodes)
        for offset, value in enumerate(self.frontier.append(leaf)):
            self.nodes.append((first_node + offset, value))
        return_id, seq = (entry.return_id, entry.seq) if isinstance(entry, CaseEntry) else (None, None)
        self.entries.append((index, leaf, kind_of(entry).value, return_id, first, seq, self.now, encoded))
        placed = Placed(index, leaf, encoded, entry, case)
        self.placed.append(placed)
        return placed

    def _find_key(self, key: IdempotencyKey) -> Replay | None:
        found = self._keys.get((key.scope, key.key))
        if found is None:
            return None
        if found[0] != key.fingerprint:
            raise IdempotencyMismatchError(
                f"the idempotency key {key.key!r:.80} was used before, for another request",
                hint="repeat the first request exactly, or take a new key",
            )
        return Replay(found[1])

    def _require_origin(self, entry: Entry) -> None:
        if entry.origin != self.origin:
            raise EntryFormatError(f"the entry is of the log {entry.origin!r:.80}, this one is {self.origin!r:.80}")


class _Step:
    """A draft of a wave on its way through the stages; `outcome` as soon as it is replayed or refused."""

    __slots__ = ("case", "draft", "encoded", "entry", "first", "moved", "outcome")

    case: Case | None
    first: int | None
    entry: CaseEntry
    encoded: bytes
    moved: Case

    def __init__(self, draft: CaseDraft) -> None:
        self.draft = draft
        self.outcome: Replay | Exception | None = None


def first_wave(drafts: Sequence[Draft], start: int, count_max: int) -> list[CaseDraft]:
    """Return the drafts from `start` on that `Group.take_wave` may take at once, at most `count_max`.

    They are steps of different cases under different keys, so that none of them rests on another.
    """
    wave: list[CaseDraft] = []
    cases: set[str] = set()
    keys: set[tuple[str, str]] = set()
    for draft in islice(drafts, start, start + count_max):
        if not isinstance(draft, CaseDraft) or draft.command.return_id in cases:
            break
        mine = {(key.scope, key.key) for key in (draft.idempotency, draft.used_up) if key is not None}
        if mine & keys:
            break
        keys |= mine
        cases.add(draft.command.return_id)
        wave.append(draft)
    return wave


def case_row(case: Case, last_index: int) -> Row:
    """Return the row of the projection `cases` for a case whose newest entry stands at this index."""
    snapshot = _encode(case_members(case))
    return (
        case.return_id,
        case.state,
        case.count,
        case.head,
        last_index,
        case.buyer_country,
        case.seller_country,
        case.opened_at,
        snapshot,
    )


def ends_group(placed: Placed | Replay | Exception) -> bool:
    """Say whether a commit ends with this entry: a seal is the last of its commit."""
    return isinstance(placed, Placed) and kind_of(placed.entry) is Kind.SEAL


def _no_genesis() -> LedgerMissingError:
    return LedgerMissingError("this database holds no ledger yet", hint="found it with `rledger deploy`")
