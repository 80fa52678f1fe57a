"""The history checker: what clients were told, against the log as it is at the end. Values in, violations out.

Eight rules (of one log that only grows, whatever processes were killed while it did):

1. each `ok` is at its index with its leaf hash, exactly once
2. each `fail` is absent, each `unknown` is there once or not at all
3. if A was answered before B was asked for, A stands before B
4. the sizes that one reader sees never fall; after the `ok` of index i every later read has a size above i
5. every (size, root) that anybody was shown is the root of the final log at that size
6. one idempotency key leads to one index
7. indexes have no gap, and each leaf hash is that of the entry's bytes
8. the checkpoint of every signed receipt is signed by the log, a prefix of the final log, and includes the entry

Linear in what was written down, sorting aside. Does not: read anything, or know how the log was written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ledger_service.core.checkpoint import VerifierKey, verify_checkpoint
from ledger_service.core.merkle import Frontier, leaf_hash, verify_inclusion
from ledger_service.core.receipt import parse_receipt
from ledger_service.errors import LedgerError
from tests.campaigns.history.notes import Attempt, History, Logged, Outcome

RULES = range(1, 9)


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that does not hold, and where."""

    rule: int
    said: str


@dataclass(frozen=True, slots=True)
class _Operation:
    """All attempts under one key."""

    key: str
    body: bytes
    invoked_at: float
    ended_at: float  # of the first `ok`; infinity without one
    oks: tuple[Attempt, ...]
    failed: bool  # every attempt was answered with a definite no


def check(history: History, log: Sequence[Logged], *, origin: str, keys: Sequence[VerifierKey]) -> list[Violation]:
    """Return every violation of the eight rules; none for a history that a sound ledger can make."""
    operations = _operations(history.attempts)
    by_body: dict[bytes, list[int]] = defaultdict(list)
    for row in log:
        if row.body is not None:
            by_body[row.body].append(row.index)
    rows = {row.index: row for row in log}
    roots = _roots(log)
    found: list[Violation] = []
    for operation in operations:
        found += _places(operation, rows, by_body.get(operation.body, []))
        found += _one_index(operation)
        for attempt in operation.oks:
            found += _receipt(attempt, roots, origin=origin, keys=keys)
    found += _real_time(operations)
    found += _sizes(history)
    found += [
        Violation(5, f"{read.reader} was shown size {read.size} with another root than the log has")
        for read in history.reads
        if roots.get(read.size) != read.root
    ]
    found += _rows(log)
    return found


def _operations(attempts: Iterable[Attempt]) -> list[_Operation]:
    by_key: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        by_key[attempt.key].append(attempt)
    made = []
    for key, tried in by_key.items():
        oks = tuple(one for one in tried if one.outcome is Outcome.OK)
        made.append(
            _Operation(
                key,
                tried[0].body,
                invoked_at=min(one.invoked_at for one in tried),
                ended_at=min((one.ended_at for one in oks), default=float("inf")),
                oks=oks,
                failed=all(one.outcome is Outcome.FAIL for one in tried),
            )
        )
    return made


def _places(operation: _Operation, rows: dict[int, Logged], places: list[int]) -> Iterable[Violation]:
    """Rules 1 and 2: where the body of an operation stands in the log."""
    if not operation.oks:
        if places and operation.failed:
            yield Violation(2, f"{operation.key} was refused and stands at {places}")
        if len(places) > 1:
            yield Violation(2, f"{operation.key} was never answered and stands at {places}")
        return
    if len(places) != 1:
        yield Violation(1, f"{operation.key} was acknowledged and stands at {places or 'no index'}")
    for attempt in operation.oks:
        row = rows.get(attempt.index)
        if row is None:
            yield Violation(1, f"{operation.key} was acknowledged at {attempt.index}, where nothing stands")
        elif row.leaf_hash != attempt.leaf_hash or row.body != operation.body:
            yield Violation(1, f"{operation.key} was acknowledged at {attempt.index}, where another entry stands")


def _one_index(operation: _Operation) -> Iterable[Violation]:
    indexes = sorted({attempt.index for attempt in operation.oks})
    if len(indexes) > 1:
        yield Violation(6, f"{operation.key} was acknowledged at {indexes}")


def _real_time(operations: Sequence[_Operation]) -> Iterable[Violation]:
    """Rule 3, in one sweep: the largest index that was answered before an operation was first asked for."""
    answered = sorted((one for one in operations if one.oks), key=lambda one: one.ended_at)
    asked = sorted(answered, key=lambda one: one.invoked_at)
    highest, name, done = -1, "", 0
    for operation in asked:
        while done < len(answered) and answered[done].ended_at < operation.invoked_at:
            if (index := answered[done].oks[0].index) > highest:
                highest, name = index, answered[done].key
            done += 1
        if (index := operation.oks[0].index) < highest:
            yield Violation(3, f"{operation.key} stands at {index}, before {name} at {highest} that was answered first")


def _sizes(history: History) -> Iterable[Violation]:
    """Rule 4: what readers see only grows, and holds whatever was answered before they asked."""
    answered = sorted((one for one in history.attempts if one.outcome is Outcome.OK), key=lambda one: one.ended_at)
    seen: dict[str, int] = {}
    highest, done = -1, 0
    for read in sorted(history.reads, key=lambda one: one.asked_at):
        while done < len(answered) and answered[done].ended_at < read.asked_at:
            highest = max(highest, answered[done].index)
            done += 1
        if read.size <= highest:
            yield Violation(4, f"{read.reader} saw size {read.size} after index {highest} was acknowledged")
        if read.size < seen.get(read.reader, 0):
            yield Violation(4, f"{read.reader} saw size {read.size} after size {seen[read.reader]}")
        seen[read.reader] = read.size


def _rows(log: Sequence[Logged]) -> Iterable[Violation]:
    """Rule 7."""
    for place, row in enumerate(log):
        if row.index != place:
            yield Violation(7, f"index {row.index} stands where {place} is expected")
            return  # every later row would say the same
    for row in log:
        if leaf_hash(row.encoded) != row.leaf_hash:
            yield Violation(7, f"the leaf hash at {row.index} is not that of its entry")


def _receipt(
    attempt: Attempt, roots: dict[int, bytes], *, origin: str, keys: Sequence[VerifierKey]
) -> Iterable[Violation]:
    """Rule 8."""
    try:
        receipt = parse_receipt(attempt.receipt)
        head = verify_checkpoint(receipt.checkpoint, keys, origin=origin)
        if receipt.index != attempt.index or leaf_hash(receipt.entry) != attempt.leaf_hash:
            yield Violation(8, f"the receipt of {attempt.key} is of another entry")
        verify_inclusion(leaf_hash(receipt.entry), receipt.index, head.size, receipt.inclusion, head.root)
    except LedgerError as error:
        yield Violation(8, f"the receipt of {attempt.key} does not verify: {error.message}")
        return
    if roots.get(head.size) != head.root:
        yield Violation(8, f"the receipt of {attempt.key} is of size {head.size}, no prefix of the log")


def _roots(log: Sequence[Logged]) -> dict[int, bytes]:
    """Return the root at every size, as far as the rows are a log: 32 hashes a size at most."""
    frontier = Frontier.empty()
    roots: dict[int, bytes] = {}
    for place, row in enumerate(log):
        if row.index != place:
            break
        frontier.append(row.leaf_hash)
        roots[frontier.size] = frontier.root()
    return roots
