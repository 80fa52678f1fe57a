"""`rledger` with a bug planted in it, for the campaign `history`.

Run as `python -m tests.campaigns.history.served BUG serve --port NUMBER`.
Each bug is one that a careless change could bring: it changes a real part of the program, in the process that is
served and nowhere else. The schema of the database stops some of them by itself; `loosen` in `bugs.py` takes that away
first, so that the checker is asked and not the database. Does not: run without a bug.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, RootTransaction

from ledger_service import wiring
from ledger_service.__main__ import main
from ledger_service.core.entry import CaseEntry, encode_entry, parse_entry
from ledger_service.core.merkle import Node, leaf_hash, stored_id
from ledger_service.store import ledger as log_writer
from ledger_service.store import lookups, statements
from ledger_service.store.group import Group
from ledger_service.store.ledger import LogWriter
from ledger_service.store.read import LedgerReader, StoredCheckpoint
from ledger_service.store.writer import Writer
from tests.store.killed_writer import HastyLog

STALE_SECONDS = 1.0
HASTE_SECONDS = 0.1  # in which a reader asks: far longer than any disk takes
REPLACED_AT = 60  # of this size on, a process replaces one entry: its case takes no more steps afterwards


PENDING: dict[int, bytes] = {}  # of `early_answer`: nodes of commits that have not happened


def no_lock() -> None:
    """Both processes append without waiting for each other."""
    vars(log_writer)["take_lock"] = lambda connection: None


class EarlyLog(HastyLog):
    """Answers its callers, and wakes them, before COMMIT; their receipts are made of `PENDING`."""

    def _insert(self, connection: Connection, group: Group) -> Any:
        PENDING.update(group.nodes)
        return super()._insert(connection, group)

    def _commit(self, connection: Connection, transaction: RootTransaction) -> None:
        waiting = [slot for slot in self.slots if not slot.done()]  # type: ignore[attr-defined] # the writer's slots
        for slot, answer in zip(waiting, self.ready, strict=False):
            _tell(slot, answer)
        self.ready.clear()
        time.sleep(HASTE_SECONDS)
        LogWriter._commit(self, connection, transaction)


def _tell(slot: Any, outcome: object) -> None:
    wake = slot.resolve(outcome)
    if wake is not None:
        wake()


class EarlyWriter(Writer):
    """Appends with `EarlyLog`; whoever it did not answer, a replay say, is answered afterwards."""

    _log: EarlyLog

    def make_log(self, store: Any, rules: Any) -> LogWriter:
        return EarlyLog(store, rules)

    def _append(self, group: Sequence[tuple[Any, Any]]) -> None:
        self._log.ready.clear()
        self._log.slots = [slot for _, slot in group]
        outcomes = self._log.append_group([draft for draft, _ in group])
        for (_, slot), outcome in zip(group, outcomes, strict=True):
            if not slot.done():
                _tell(slot, outcome)


def early_answer() -> None:
    """Callers are answered before the commit, with receipts that name nodes which are not stored yet."""
    vars(wiring)["Writer"] = EarlyWriter
    real = LedgerReader.nodes

    def nodes(self: LedgerReader, wanted: Sequence[Node]) -> list[bytes]:
        kept = [PENDING.get(stored_id(*node)) for node in wanted]
        stored = iter(real(self, [node for node, found in zip(wanted, kept, strict=True) if found is None]))
        return [next(stored) if found is None else found for found in kept]

    LedgerReader.nodes = nodes  # type: ignore[method-assign] # planted


def stale_cache() -> None:
    """Each process believes for a while in the newest head that it saw."""
    real = LedgerReader.head
    seen: list[tuple[float, StoredCheckpoint | None]] = []

    def head(self: LedgerReader) -> StoredCheckpoint | None:
        if not seen or time.monotonic() - seen[-1][0] > STALE_SECONDS:
            seen.append((time.monotonic(), real(self)))
        return seen[-1][1]

    LedgerReader.head = head  # type: ignore[method-assign] # planted


def replace_entry() -> None:
    """A commit writes the entry before its own anew, with a later time than it had; each process does it once."""
    real = LogWriter._insert
    replaced: list[int] = []

    def insert(self: LogWriter, connection: Connection, group: Group) -> object:
        first = group.placed[0].index
        if first > REPLACED_AT and not replaced:
            found = connection.exec_driver_sql("SELECT entry FROM entries WHERE idx = %s", (first - 1,)).scalar_one()
            entry = parse_entry(bytes(found))
            if isinstance(entry, CaseEntry) and entry.occurred_at:
                other = encode_entry(replace(entry, recorded_at=group.now))
                connection.exec_driver_sql(
                    "UPDATE entries SET entry = %s, leaf_hash = %s WHERE idx = %s",
                    (other, leaf_hash(other), first - 1),
                )
                replaced.append(first - 1)
        return real(self, connection, group)

    LogWriter._insert = insert  # type: ignore[method-assign,assignment] # planted


def ignored_key() -> None:
    """No idempotency key is known again."""
    vars(lookups)["read_keys"] = lambda *_: {}
    statements.INSERT_IDEMPOTENCY += " ON CONFLICT DO NOTHING"


BUGS: dict[str, Callable[[], None]] = {
    one.__name__: one for one in (no_lock, early_answer, stale_cache, replace_entry, ignored_key)
}


def run(arguments: Sequence[str]) -> None:
    """Plant the bug that is named first, then do what the rest says."""
    bug, *rest = arguments
    BUGS[bug]()
    sys.argv = ["rledger", *rest]
    main()


if __name__ == "__main__":
    run(sys.argv[1:])
