"""The one write transaction: drafts in, durable entries out, everything of a group in one commit.

The order of one group, and what holds if the process dies between two lines:

1. take the write lock, read the newest checkpoint under it        nothing changed
2. decide, encode, hash, chain in memory; sign the new tree head   nothing changed; the note left nobody's hands
3. insert entries, nodes, checkpoint, cases, secrets, keys         nothing changed: the transaction is not committed
4. COMMIT                                                          all of the group or none of it is there
5. advance the high-water mark                                     durable, unanswered: a retry with its key finds it
6. answer                                                          answered entries are durable and marked

Promises: indexes follow each other without gaps whoever else writes; an answer is given only after 5; after any
error whose outcome is not known, nothing in memory is believed: the next group reads the database again.
Does not: queue or wait for callers (`writer.py`).
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from sqlalchemy import Connection, RootTransaction
from sqlalchemy.exc import DBAPIError

from ledger_service.core.checkpoint import Checkpoint
from ledger_service.errors import (
    GateClosedError,
    LedgerError,
    SettingsError,
    StoreBusyError,
    StoreError,
    UnknownOutcomeError,
)
from ledger_service.store import lookups, statements
from ledger_service.store.anchors import read_newest_final_anchor
from ledger_service.store.case_index import root_under_lock
from ledger_service.store.commit_nodes import CommitNodes
from ledger_service.store.connection import Database, take_lock
from ledger_service.store.drafts import Appended, AsideDraft, CaseDraft, Draft, LogDraft
from ledger_service.store.failures import ConnectionLostError, RowRefusedError, outcome_known, translate, translated
from ledger_service.store.group import Group, KnownCase, Placed, Replay, Tip, ends_group, first_wave
from ledger_service.store.rules import Rules

BUSY_ATTEMPTS = 3  # each waits up to connection.BUSY_MILLISECONDS for the lock
GROUP_COUNT_MAX = 256  # drafts in one commit: beyond this a commit's cost is no longer shared by much
CACHE_KIB = 32_768  # SQLite pages of the one writing connection: the inner pages of a large log stay at hand
CASES_REMEMBERED = 10_000  # about 10 MB; the steps of a case tend to come close together
BUSY_PAUSE_SECONDS = 0.05  # times a random factor, so that two writers do not meet again

Outcome = Appended | Exception


class LogWriter:
    """Appends groups of drafts. For one thread; other processes may write the same database."""

    def __init__(self, store: Database, rules: Rules) -> None:
        """Take an open store; nothing is read before the first group."""
        self.store = store
        self.rules = rules
        self._tip: Tip | None = None  # believed only while the newest checkpoint equals it
        self._connection: Connection | None = None
        self._cases: dict[str, KnownCase] = {}  # cases as they are at that tip; the one used last stands last
        self._marked_size = 0  # what the high-water mark is known to have reached

    def append_group(self, drafts: Sequence[Draft]) -> list[Outcome]:
        """Append the drafts, in their order, in as few commits as they allow.

        Returns:
            For each draft what was appended (or replayed), or the exception for its caller. Nothing is raised for
            a draft's sake.

        Raises:
            GateClosedError: The high-water mark contradicts this database; nothing more may be written.
        """
        outcomes: list[Outcome | None] = [None] * len(drafts)
        waiting = list(range(len(drafts)))
        while waiting:
            waiting = self._append_some(drafts, waiting, outcomes)
        return [outcome if outcome is not None else StoreError("no outcome") for outcome in outcomes]

    def _append_some(self, drafts: Sequence[Draft], waiting: list[int], outcomes: list[Outcome | None]) -> list[int]:
        """Run one commit; return what is left to do."""
        failure: LedgerError
        for attempt in range(1, BUSY_ATTEMPTS + 1):
            try:
                done = self._commit_once([drafts[n] for n in waiting])
            except (StoreBusyError, ConnectionLostError) as error:
                failure = error
                if attempt < BUSY_ATTEMPTS:
                    time.sleep(BUSY_PAUSE_SECONDS * attempt * (0.5 + random.random()))  # noqa: S311 - not a secret
            except GateClosedError:
                raise  # the mark contradicts this database: the writer ends
            except RowRefusedError as error:
                if len(waiting) == 1:
                    failure = error
                    break
                # One draft holds what the schema refuses: each by itself, so that it fails alone.
                for n in waiting:
                    self._append_some(drafts, [n], outcomes)
                return []
            except LedgerError as error:
                failure = error
                break
            else:
                for n, outcome in zip(waiting, done, strict=False):
                    outcomes[n] = outcome
                return waiting[len(done) :]
        for n in waiting:
            outcomes[n] = failure
        return []

    def _commit_once(self, drafts: Sequence[Draft]) -> list[Outcome]:
        """Append as many of the drafts as belong into one commit; return an outcome for each of those."""
        known, self._tip = self._tip, None  # whatever goes wrong from here on, memory is not believed afterwards
        with translated(self.store.folder):
            connection = self._connect()
            try:
                transaction = connection.begin()
                take_lock(connection)
                tip = self._read_tip(connection, known)
                group = self._begin_group(connection, tip, drafts)
                taken = self._take(group, drafts)
                head = self._insert(connection, group) if group.placed else None
                nodes = group.commit_nodes() if group.placed else None
                answers = [self._answer(connection, group, item, head, nodes) for item in taken]
            except BaseException:
                self._drop(connection)  # like the memory, the connection is not believed after an error
                raise
            if head is None:
                transaction.rollback()
                self._tip = tip
                return self._marked(answers)
            # Here nothing of the group exists outside this transaction. A crash: no trace of it.
            try:
                self._commit(connection, transaction)
            except StoreError as error:
                return [error if _is_new(answer, tip.size) else answer for answer in answers]
            # Here all of it is durable and nobody knows. A crash: a retry with its key finds the entry.
        self._remember(group, head)
        # Here the mark may stand behind the database, never ahead of it.
        return self._marked(answers, head)

    def close(self) -> None:
        """Give the connection back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):  # it is thrown away, whatever state it is in
                connection.close()

    def _drop(self, connection: Connection) -> None:
        """Undo what is not committed, and throw the connection away."""
        with suppress(Exception):  # a server that is gone undoes it by itself
            # Not left to closing: SQLite keeps a closed connection, and its lock, while a statement is alive.
            connection.connection.rollback()
        with suppress(DBAPIError):
            connection.invalidate()
        self.close()

    def _connect(self) -> Connection:
        """Return the writer's own connection: its page cache stays warm while nobody else writes."""
        if self._connection is None or self._connection.invalidated:
            self.close()
            self._connection = self.store.connect_to_write()
            if self.store.dialect == "sqlite":
                self._connection.exec_driver_sql(f"PRAGMA cache_size=-{CACHE_KIB}")
                self._connection.rollback()
        return self._connection

    def _commit(self, connection: Connection, transaction: RootTransaction) -> None:
        """Commit; no caller may be answered before this returned.

        Raises:
            UnknownOutcomeError: Nothing proves that the commit happened, or that it did not.
            StoreError: It did not happen.
        """
        try:
            transaction.commit()
        except DBAPIError as error:
            self._drop(connection)
            if outcome_known(error.orig):
                raise translate(error.orig, self.store.folder) from error
            raise UnknownOutcomeError(
                "the database failed while committing: the entry may or may not be recorded",
                hint="retry with the same idempotency key",
            ) from error

    def _marked(self, answers: list[Outcome], head: _Head | None = None) -> list[Outcome]:
        """Return the answers once the high-water mark stands at or past all of them."""
        try:
            if head is None:  # nothing new, but a replayed entry may be one that a crash left unmarked
                if not any(isinstance(answer, Appended) for answer in answers):
                    return answers
                with self.store.reading() as connection:
                    note, size, root = connection.exec_driver_sql(statements.NEWEST_NOTE).one()
                head = _Head(size, bytes(root), bytes(note))
            if head.size > self._marked_size:
                self.rules.before_answer(head.note, head.size, head.root)
                self._marked_size = head.size
        except GateClosedError:
            raise  # the mark contradicts this database: nothing more may be written
        except (LedgerError, OSError) as error:
            unmarked = UnknownOutcomeError(
                f"recorded, but the high-water mark did not follow: {error}",
                hint="retry with the same idempotency key once the mark's folder can be written",
            )
            unmarked.__cause__ = error
            return [unmarked if isinstance(answer, Appended) else answer for answer in answers]
        return answers

    def _remember(self, group: Group, head: _Head) -> None:
        self._tip = group.tip(head.root)
        for return_id, case in group.cases.items():
            self._cases.pop(return_id, None)
            self._cases[return_id] = case
        for return_id in list(islice(self._cases, max(0, len(self._cases) - CASES_REMEMBERED))):
            del self._cases[return_id]

    def _begin_group(self, connection: Connection, tip: Tip, drafts: Sequence[Draft]) -> Group:
        steps = [draft for draft in drafts if isinstance(draft, CaseDraft)]
        retried = [d.idempotency for d in drafts if isinstance(d, CaseDraft | AsideDraft) and d.idempotency]
        retried += [draft.used_up for draft in steps if draft.used_up]
        return Group(
            tip,
            now=_instant(self.rules.clock()),
            cases=self._read_cases(connection, {draft.command.return_id for draft in steps}),
            keys=lookups.read_keys(connection, self.store, retried),
            newest_final_anchor=lambda: read_newest_final_anchor(connection),
            case_index=lambda size, moved: root_under_lock(connection, self.store, size=size, moved=moved),
        )

    def _take(self, group: Group, drafts: Sequence[Draft]) -> list[Placed | Replay | Exception]:
        """Take drafts until a seal ends the commit; a refusal is the outcome of its draft alone."""
        taken: list[Placed | Replay | Exception] = []
        while (start := len(taken)) < len(drafts):
            draft = drafts[start]
            if isinstance(draft, CaseDraft):
                taken += group.take_wave(first_wave(drafts, start, max(1, self._before_seal(group))))
            else:
                taken.append(self._take_one(group, draft))
            if ends_group(taken[-1]):
                break
            if self._before_seal(group) <= 0 and not all(isinstance(item, Exception) for item in taken[start:]):
                assert self.rules.make_seal is not None  # `Rules` checked it
                group.take(LogDraft(self.rules.make_seal))
                break
        return taken

    def _take_one(self, group: Group, draft: AsideDraft | LogDraft) -> Placed | Replay | Exception:
        try:
            return group.take(draft)
        except DBAPIError:
            raise  # the database failed, not the draft
        except Exception as error:
            return error

    def _before_seal(self, group: Group) -> int:
        """Return how many more entries the group takes before a seal is due."""
        # With the seal, so that no head ever lies further from the last than the contract lets it grow.
        every = self.rules.seal_every
        return GROUP_COUNT_MAX if every is None else every - (group.size + 1 - group.last_seal_size)

    def _insert(self, connection: Connection, group: Group) -> _Head:
        root = group.frontier.root()
        note = self.rules.sign(Checkpoint(group.origin, group.size, root))
        # The driver's own cursor: a tenth of the write path's time would go into wrapping these statements.
        with closing(connection.connection.cursor()) as cursor:
            for statement, rows in (
                (statements.INSERT_ENTRY, group.entries),
                (statements.INSERT_NODE, group.nodes),
                (statements.INSERT_CHECKPOINT, [(group.size, root, note, group.now)]),
                (statements.PUT_CASE, group.case_rows()),
                (statements.INSERT_VALUE, group.values),
                (statements.INSERT_FILE, group.files),
                (statements.INSERT_IDEMPOTENCY, group.new_keys),
                (statements.INSERT_MEMBER, group.members),
            ):
                if rows:
                    cursor.executemany(self.store.sql(statement), rows)
        return _Head(group.size, root, note)

    def _answer(
        self,
        connection: Connection,
        group: Group,
        item: Placed | Replay | Exception,
        head: _Head | None,
        nodes: CommitNodes | None,
    ) -> Outcome:
        if isinstance(item, Exception):
            return item
        own = group.own(item.index)
        if own is not None:
            assert head is not None  # the group holds an entry, so it was signed
            replayed = isinstance(item, Replay)
            where = own.index, own.leaf_hash, own.encoded, own.entry, head.note, head.size
            return Appended(*where, replayed, nodes, None if replayed else own.case)
        return lookups.read_replayed(connection, self.store, item.index)

    def _read_tip(self, connection: Connection, known: Tip | None) -> Tip:
        """Return the right end of the log; what is remembered counts only while the newest checkpoint equals it."""
        head = lookups.read_newest_head(connection)
        if known is not None and head is not None and (known.size, known.root) == (head.size, head.root):
            return known
        self._cases.clear()  # somebody else wrote, or an outcome was unknown
        return lookups.read_tip(connection, self.store, head)

    def _read_cases(self, connection: Connection, return_ids: set[str]) -> dict[str, KnownCase]:
        found = {return_id: self._cases[return_id] for return_id in return_ids if return_id in self._cases}
        return found | lookups.read_cases(connection, self.store, return_ids.difference(found))


@dataclass(frozen=True, slots=True)
class _Head:
    """The signed tree head of a commit."""

    size: int
    root: bytes
    note: bytes


def _is_new(answer: Outcome, first: int) -> bool:
    return isinstance(answer, Appended) and answer.index >= first


def _instant(moment: datetime) -> str:
    """Return a time as RFC 3339 UTC with milliseconds."""
    if moment.tzinfo is None:
        raise SettingsError("the clock gives times without a time zone")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
