"""What a failed commit, a failed mark or a rewritten database leaves behind, and what the caller is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, cast

import pytest
from sqlalchemy import Connection, RootTransaction
from sqlalchemy.exc import OperationalError

from ledger_service.errors import (
    ContradictedError,
    LedgerError,
    StorageFullError,
    StoreError,
    UnknownOutcomeError,
    UnknownReturnError,
)
from ledger_service.store.engine import Store
from ledger_service.store.ledger import LogWriter
from ledger_service.store.read import LedgerReader
from tests.store import drafts
from tests.store.conftest import Place
from tests.store.outcomes import appended
from tests.store.rederive import check

Make = Callable[..., LogWriter]


class FailingTransaction:
    """A transaction whose COMMIT fails; `after` says whether it happened all the same."""

    def __init__(self, transaction: RootTransaction, *, error: Exception, after: bool) -> None:
        self.transaction = transaction
        self.error = error
        self.after = after

    def commit(self) -> None:
        if self.after:
            self.transaction.commit()
        else:
            self.transaction.rollback()
        raise self.error


class FailingCommit(LogWriter):
    """Fails once at COMMIT, when armed, as a disk or a server would."""

    after = False
    error: Exception = OperationalError("COMMIT", None, sqlite3.OperationalError("disk I/O error"))
    armed = False

    def _commit(self, connection: Connection, transaction: RootTransaction) -> None:
        failing = FailingTransaction(transaction, error=self.error, after=self.after)
        armed, self.armed = self.armed, False
        super()._commit(connection, cast(RootTransaction, failing) if armed else transaction)


@pytest.mark.parametrize("happened", [False, True])
def test_an_unknown_outcome_is_said_and_a_retry_is_safe(store: Store, make_log: Make, happened: bool) -> None:
    log = make_log(store, FailingCommit)
    assert isinstance(log, FailingCommit)
    log.append_group([drafts.genesis(), drafts.request("a")])
    log.after, log.armed = happened, True

    unknown, refused = log.append_group([drafts.step("a", 1, key="k"), drafts.step("nobody", 1)])
    (again,) = log.append_group([drafts.step("a", 1, key="k")])

    assert isinstance(unknown, UnknownOutcomeError)
    assert isinstance(refused, UnknownReturnError)
    assert appended(again).index == 2
    assert appended(again).replayed is happened
    assert check(store) == 3


class FailingReload(FailingCommit):
    """Fails at COMMIT and then again when it looks at the database anew: the pair that killed a real log."""

    reloads_to_fail = 0

    def _read_tip(self, connection: Connection, known: Any) -> Any:
        if self.reloads_to_fail and not self.armed:
            self.reloads_to_fail -= 1
            raise OperationalError("SELECT", None, sqlite3.OperationalError("disk I/O error"))
        return super()._read_tip(connection, known)


@pytest.mark.parametrize("happened", [False, True])
def test_two_failures_in_a_row_never_leave_a_stale_memory(store: Store, make_log: Make, happened: bool) -> None:
    log = make_log(store, FailingReload)
    assert isinstance(log, FailingReload)
    log.append_group([drafts.genesis(), drafts.request("a"), drafts.request("b")])
    log.after, log.armed, log.reloads_to_fail = happened, True, 1

    first, second, third, fourth = [
        log.append_group([draft])[0]
        for draft in (
            drafts.step("a", 1, key="k"),
            drafts.request("c"),
            drafts.request("c"),
            drafts.step("a", 1, key="k"),
        )
    ]

    assert isinstance(first, UnknownOutcomeError)
    assert type(second) is StoreError
    assert appended(third).index == (4 if happened else 3)
    assert appended(fourth).index == (3 if happened else 4)
    assert check(store) == 5


def test_a_full_disk_at_commit_is_known_to_have_written_nothing(store: Store, make_log: Make) -> None:
    log = make_log(store, FailingCommit)
    assert isinstance(log, FailingCommit)
    log.append_group([drafts.genesis()])
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    log.error, log.armed = OperationalError("COMMIT", None, full), True

    (outcome,) = log.append_group([drafts.request("a")])
    (again,) = log.append_group([drafts.request("a")])

    assert isinstance(outcome, StorageFullError)
    assert appended(again).index == 1


def test_entries_whose_mark_failed_are_not_answered_until_it_follows(store: Store, make_log: Make) -> None:
    """Durable but unmarked: the caller retries, and is answered only once the mark stands past the entry."""
    given: list[int] = []
    failing = [True]

    def advance(_: bytes, size: int, __: bytes) -> None:
        if failing[0]:
            raise StorageFullError("no space for the mark")
        given.append(size)

    log = make_log(store, before_answer=advance)
    (outcome,) = log.append_group([drafts.genesis()])
    (first,) = log.append_group([drafts.request("a", key="k")])
    (still,) = log.append_group([drafts.request("a", key="k")])
    failing[0] = False
    (again,) = log.append_group([drafts.request("a", key="k")])

    assert [type(o) for o in (outcome, first, still)] == [UnknownOutcomeError] * 3
    assert appended(again).replayed
    assert given == [2]


def test_a_mark_that_contradicts_stops_the_writer(store: Store, make_log: Make) -> None:
    def advance(_: bytes, __: int, ___: bytes) -> None:
        raise ContradictedError("another root")

    log = make_log(store, before_answer=advance)

    with pytest.raises(ContradictedError):
        log.append_group([drafts.genesis()])


def test_nodes_that_do_not_give_the_checkpoint_stop_appending(sqlite: Place, make_log: Make) -> None:
    """A database rewritten under the writer is noticed before anything new is signed over it."""
    from ledger_service.store.engine import open_store

    with open_store(sqlite.url) as store:
        make_log(store).append_group([drafts.genesis(), drafts.request("a"), drafts.request("b")])
        sqlite.run("DROP TRIGGER nodes_refuse_update")
        sqlite.run("UPDATE nodes SET hash = ? WHERE id = 2", b"\x00" * 32)

        (outcome,) = make_log(store).append_group([drafts.request("c")])

        assert isinstance(outcome, LedgerError)
        assert LedgerReader(store).size() == 3


class NoLock(LogWriter):
    """Planted: a writer that believes its memory without looking at the newest checkpoint."""

    def _read_tip(self, connection: Connection, known: Any) -> Any:
        return known if known is not None else super()._read_tip(connection, known)


def test_planted_a_writer_that_believes_its_memory_is_caught(place: Place, store: Store, make_log: Make) -> None:
    from ledger_service.store.engine import open_store

    with open_store(place.url) as other:
        stale, fresh = make_log(store, NoLock), make_log(other)
        stale.append_group([drafts.genesis(), drafts.request("a")])
        fresh.append_group([drafts.request("b")])

        (outcome,) = stale.append_group([drafts.request("c")])

        assert isinstance(outcome, StoreError)  # the guard on the index refuses what the stale writer made
        fresh.close()
    assert check(store) == 3
