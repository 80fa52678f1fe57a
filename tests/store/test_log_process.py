"""A log that another process appends to: the same outcomes as in this one, and none that is lost when it dies."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from ledger_service.core.entry import Kind, kind_of
from ledger_service.core.returns import Case
from ledger_service.errors import (
    GateClosedError,
    IdempotencyMismatchError,
    StaleHeadError,
    StoreError,
    UnknownOutcomeError,
    WrongStateError,
)
from ledger_service.store.drafts import Appended, Draft
from ledger_service.store.engine import Store, open_store
from ledger_service.store.ledger import LogWriter, Outcome
from ledger_service.store.log_process import LogProcess, WriterApart
from ledger_service.store.read import LedgerReader
from ledger_service.store.rules import Rules
from tests.store import drafts
from tests.store.conftest import sqlite_place

ROOT = Path(__file__).resolve().parents[2]


def rules() -> Rules:
    """Return the rules of this process."""
    return Rules(sign=drafts.sign, clock=drafts.SteppingClock(), before_answer=drafts.MarkList().advance)


def serving(url: str, how: str = "well") -> Callable[[int], list[str]]:
    """Return the command line of the process."""
    return lambda descriptor: [sys.executable, "-m", "tests.store.appending_child", str(descriptor), url, how]


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A migrated, empty ledger database; child processes find the tests."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))))
    return sqlite_place(tmp_path).url


@contextmanager
def apart(store: Store, url: str, how: str = "well") -> Iterator[LogProcess]:
    """A log whose groups another process appends."""
    log = LogProcess(serving(url, how), LogWriter(store, rules()))
    try:
        yield log
    finally:
        log.close()


def appending() -> psutil.Process:
    """Return the process that appends; the databases of other tests are children of this one too."""
    running = [one for one in psutil.Process().children() if one.status() != psutil.STATUS_ZOMBIE]
    (found,) = [one for one in running if "tests.store.appending_child" in one.cmdline()]
    return found


def groups() -> list[list[Draft]]:
    """Return groups of every kind of draft, some of them refused."""
    case = drafts.request("a", key="open-a")
    return [
        [drafts.genesis(), case, drafts.request("b")],
        [drafts.step("a", 1), drafts.seal(), drafts.step("b", 1, expected_head=bytes(32)), drafts.aside("a")],
        [
            drafts.request("a", key="open-a"),
            drafts.request("c", key="open-a", fingerprint=bytes(32)),
            drafts.request("b"),
        ],
    ]


def essence(outcome: Outcome) -> object:
    """Return what two processes with clocks of their own agree on."""
    if isinstance(outcome, Appended):
        return outcome.index, type(outcome.entry), getattr(outcome.entry, "verb", None), outcome.replayed
    members = {name: value for name, value in outcome.__dict__.items() if name != "message"}
    return type(outcome), members


def test_what_is_appended_apart_is_what_is_appended_here(url: str, tmp_path: Path) -> None:
    (other := tmp_path / "other").mkdir()
    with open_store(url) as store, open_store(sqlite_place(other).url) as beside, apart(store, url) as log:
        there = [log.append_group(group) for group in groups()]
        here = LogWriter(beside, rules())
        try:
            expected = [here.append_group(group) for group in groups()]
        finally:
            here.close()
        reader = LedgerReader(store)
        for outcome in (one for group in there for one in group if isinstance(one, Appended)):
            proof = outcome.inclusion_proof()
            if not outcome.replayed:
                assert proof is not None
                assert list(proof) == reader.inclusion_proof(outcome.index, outcome.size)
            assert reader.entry(outcome.index).encoded == outcome.encoded

    assert [[essence(one) for one in group] for group in there] == [
        [essence(one) for one in group] for group in expected
    ]
    (refused,) = [one for one in there[1] if isinstance(one, Exception)]
    mismatch, exists = there[2][1:]
    assert isinstance(refused, StaleHeadError)
    assert refused.hint
    assert isinstance(mismatch, IdempotencyMismatchError)
    assert isinstance(exists, WrongStateError)
    assert exists.allowed == expected[2][2].allowed  # type: ignore[union-attr] # a refusal like it
    assert str(exists) == str(expected[2][2])
    moved = there[1][0]
    assert isinstance(moved, Appended)
    assert isinstance(moved.case, Case)
    assert (moved.case.count, moved.case.head) == (2, moved.leaf_hash)
    aside = there[1][-1]
    assert isinstance(aside, Appended)
    assert kind_of(aside.entry) is Kind.ATTEMPT


@pytest.mark.parametrize("group", [1, 2])
def test_when_the_process_dies_nobody_knows_and_a_retry_does(url: str, group: int) -> None:
    with open_store(url) as store, apart(store, url, f"dies{group}") as log:
        log.append_group([drafts.genesis(), *[drafts.request("a")] * (group - 1)])

        (lost,) = log.append_group([drafts.request("b", key="open-b")])
        here = LogWriter(store, rules())
        (again,) = here.append_group([drafts.request("b", key="open-b")])
        here.close()

    assert isinstance(lost, UnknownOutcomeError)
    assert "exit code 9" in str(lost)
    assert "same idempotency key" in lost.hint
    assert isinstance(again, Appended)
    assert (again.replayed, again.index) == (True, group)


def test_whether_it_has_begun_is_said_at_once(url: str) -> None:
    silent = "import socket, sys; socket.socket(fileno=int(sys.argv[1])).recv(1)"  # until we close
    with open_store(url) as store:
        log = LogProcess(lambda channel: [sys.executable, "-c", silent, str(channel)], LogWriter(store, rules()))
        assert not log.ready()
        log.close()

    with open_store(url) as store, apart(store, url) as log:
        wait_for(log)
        assert log.ready()
        log.append_group([drafts.genesis(), drafts.request("a")])


def test_one_that_ended_before_it_began_is_told(url: str) -> None:
    ended = pytest.raises(StoreError, match="exit code 3 before it appended anything")
    with open_store(url) as store, apart(store, url, "gone") as log, ended:
        wait_for(log)


def wait_for(log: LogProcess) -> None:
    """Return once the process has begun."""
    end = time.monotonic() + 30
    while not log.ready():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_process_that_does_not_come_up_stops_the_writer(url: str) -> None:
    with open_store(url) as store:
        given = {"sign": drafts.sign, "clock": drafts.SteppingClock(), "before_answer": drafts.MarkList().advance}
        with WriterApart(store, command=serving(url, "gone"), much=0.0, **given) as writer:
            writer.append(drafts.genesis())
            for _ in range(2):
                with pytest.raises(StoreError, match="exit code 3 before it appended anything"):
                    writer.append(drafts.request("a"))


def test_a_mark_that_contradicts_stops_it_there_and_here(url: str) -> None:
    with open_store(url) as store, apart(store, url, "closed") as log:
        log.append_group([drafts.genesis()])

        with pytest.raises(GateClosedError, match="the mark is ahead") as refused:
            log.append_group([drafts.request("a")])

    assert refused.value.hint == "look at it"


def test_a_draft_that_cannot_be_sent_is_said_and_nothing_is_lost(url: str) -> None:
    with open_store(url) as store, apart(store, url) as log:
        log.append_group([drafts.genesis()])

        with pytest.raises(StoreError, match="does not go to another process"):
            log.append_group([drafts.request("a"), lambda: None])  # type: ignore[list-item] # no draft
        (outcome,) = log.append_group([drafts.request("a")])

    assert isinstance(outcome, Appended)
    assert outcome.index == 1


def test_it_ends_when_it_is_closed_and_when_nobody_is_there(url: str) -> None:
    with open_store(url) as store, apart(store, url) as log:
        log.append_group([drafts.genesis(), drafts.request("a")])
        child = appending()
        child.send_signal(signal.SIGSTOP)  # at whatever it is
        child.send_signal(signal.SIGCONT)

    assert not child.is_running()

    with open_store(url) as store, apart(store, url) as log:
        child = appending()
        log._child.channel.close()  # type: ignore[union-attr] # as when this process is killed
        end = time.monotonic() + 30
        while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < end
            time.sleep(0.05)
