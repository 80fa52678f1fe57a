"""Many callers, one thread: order, company, limits, and the end."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from typing import Any

import pytest

from ledger_service.errors import BackPressureError, ContradictedError, StoreError, UnknownReturnError
from ledger_service.store.drafts import Appended
from ledger_service.store.engine import Store
from ledger_service.store.ledger import Outcome
from ledger_service.store.read import LedgerReader
from ledger_service.store.writer import Writer
from tests.store import drafts
from tests.store.conftest import Place
from tests.store.rederive import Acknowledged, check

PATIENCE = 60.0
LONG = 600.0  # seconds that a draft may wait for others: far longer than any test has patience


class Gate:
    """A high-water mark that lets answers out only while it is open; tells when somebody waits at it."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.reached = threading.Event()
        self.sizes: list[int] = []

    def advance(self, _: bytes, size: int, __: bytes) -> None:
        self.sizes.append(size)
        self.reached.set()
        assert self.open.wait(PATIENCE)


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def make_writer(store: Store, gate: Gate) -> Iterator[Callable[..., Writer]]:
    """Start writers, closed at the end."""
    made: list[Writer] = []

    def make(**rules: Any) -> Writer:
        given: dict[str, Any] = {
            "sign": drafts.sign,
            "clock": drafts.SteppingClock(),
            "before_answer": gate.advance,
        } | rules
        made.append(Writer(store, **given))
        return made[-1]

    yield make
    gate.open.set()
    for writer in made:
        writer.close()


MakeWriter = Callable[..., Writer]


def test_drafts_are_appended_in_the_order_of_submission(store: Store, make_writer: MakeWriter) -> None:
    writer = make_writer()
    futures = [writer.submit(drafts.genesis()), *(writer.submit(drafts.request(n)) for n in range(50))]

    assert [future.result(PATIENCE).index for future in futures] == list(range(51))
    assert check(store) == 51


def test_each_group_is_observed_once_with_the_wait_of_its_oldest_draft(make_writer: MakeWriter, gate: Gate) -> None:
    writer, seen = make_writer(group_count_max=2), list[tuple[float, float]]()
    writer.observe = lambda waited, took: seen.append((waited, took))
    writer.append(drafts.genesis())
    gate.open.clear()
    gate.reached.clear()
    first = writer.submit(drafts.request(1))
    assert gate.reached.wait(PATIENCE)  # it is under way: whoever comes now waits for it
    others = [writer.submit(drafts.request(number)) for number in (2, 3, 4)]
    gate.open.set()
    wait([first, *others])
    writer.close()  # it is told of a group after those who wait for it

    assert len(seen) == 4  # genesis, the first, two of the others, the last
    assert all(waited >= 0 and took > 0 for waited, took in seen)
    (_, third_took), (fourth_waited, _) = seen[2:]
    assert fourth_waited >= third_took  # it waited for the group before it, too


def test_what_observing_raises_stops_nothing(make_writer: MakeWriter) -> None:
    writer = make_writer()

    def fail(_: float, __: float) -> None:
        raise OSError("no space left for figures")

    writer.observe = fail
    assert writer.append(drafts.genesis()).index == 0
    assert writer.append(drafts.request(1)).index == 1


def test_a_refusal_reaches_only_its_caller(make_writer: MakeWriter) -> None:
    writer = make_writer()
    writer.append(drafts.genesis())

    with pytest.raises(UnknownReturnError):
        writer.append(drafts.step("nobody", 1))
    assert writer.append(drafts.request("a")).index == 1
    assert isinstance(writer.submit(drafts.step("nobody", 1)).exception(PATIENCE), UnknownReturnError)


def test_callers_that_wait_share_one_commit(store: Store, make_writer: MakeWriter, gate: Gate) -> None:
    writer = make_writer()
    writer.append(drafts.genesis())
    gate.open.clear()
    gate.reached.clear()
    first = writer.submit(drafts.request("first"))
    assert gate.reached.wait(PATIENCE)
    rest = [writer.submit(drafts.request(n)) for n in range(20)]
    gate.open.set()

    wait([first, *rest], PATIENCE)

    assert [checkpoint.size for checkpoint in LedgerReader(store).checkpoints()] == [1, 2, 22]


def test_a_commit_waits_for_those_who_said_that_they_follow(store: Store, make_writer: MakeWriter) -> None:
    writer = make_writer(group_age_seconds=LONG)
    writer.append(drafts.genesis())
    writer.expect_more()
    followed = [writer.submit(drafts.request(n)) for n in range(3)]

    writer.expect_no_more()
    wait(followed, PATIENCE)

    assert [checkpoint.size for checkpoint in LedgerReader(store).checkpoints()] == [1, 4]


def test_a_caller_that_is_alone_waits_for_nobody_who_was_there_before(make_writer: MakeWriter) -> None:
    writer = make_writer(group_age_seconds=LONG)
    writer.append(drafts.genesis())
    writer.expect_more()
    before = [writer.submit(drafts.request(n)) for n in range(3)]
    writer.expect_no_more()
    wait(before, PATIENCE)

    assert writer.submit(drafts.request("alone")).result(PATIENCE).size == 5


def test_a_caller_that_never_says_that_nobody_follows_holds_nobody_up_for_ever(make_writer: MakeWriter) -> None:
    writer = make_writer(group_age_seconds=0.01)
    writer.append(drafts.genesis())
    writer.expect_more()

    assert writer.submit(drafts.request("a")).result(PATIENCE).index == 1


def test_a_commit_has_at_most_the_given_number_of_drafts(store: Store, make_writer: MakeWriter, gate: Gate) -> None:
    writer = make_writer(group_count_max=8)
    writer.append(drafts.genesis())
    gate.open.clear()
    gate.reached.clear()
    first = writer.submit(drafts.request("first"))
    assert gate.reached.wait(PATIENCE)
    rest = [writer.submit(drafts.request(n)) for n in range(20)]
    gate.open.set()

    wait([first, *rest], PATIENCE)

    assert [checkpoint.size for checkpoint in LedgerReader(store).checkpoints()] == [1, 2, 10, 18, 22]


def test_nobody_is_answered_before_the_mark_follows(make_writer: MakeWriter, gate: Gate) -> None:
    writer = make_writer()
    gate.open.clear()
    future = writer.submit(drafts.genesis())
    assert gate.reached.wait(PATIENCE)

    assert not future.done()
    gate.open.set()
    assert future.result(PATIENCE).size == gate.sizes[0] == 1


class Shelf:
    """Where several callers wait together: takes their outcomes, and counts how often it is woken."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.woken: list[int] = []
        self.full = threading.Event()

    def resolve(self, outcome: Outcome) -> Callable[[], None]:
        """Take an outcome."""
        self.outcomes.append(outcome)
        return self.wake

    def done(self) -> bool:
        """Say no: a shelf has room for more."""
        return False

    def wake(self) -> None:
        """Note how many outcomes there are."""
        self.woken.append(len(self.outcomes))
        if len(self.outcomes) == 20:
            self.full.set()


def test_a_place_where_many_wait_is_woken_once_for_all_of_a_commit(make_writer: MakeWriter, gate: Gate) -> None:
    writer, shelf = make_writer(), Shelf()
    writer.append(drafts.genesis())
    gate.open.clear()
    gate.reached.clear()
    writer.submit(drafts.request("first"))
    assert gate.reached.wait(PATIENCE)
    for n in range(20):
        writer.enqueue(drafts.request(n), shelf)
    gate.open.set()

    assert shelf.full.wait(PATIENCE)
    assert shelf.woken == [20]
    assert [outcome.index for outcome in shelf.outcomes if isinstance(outcome, Appended)] == list(range(2, 22))


def test_a_full_queue_refuses_at_once_and_loses_nothing(make_writer: MakeWriter, gate: Gate) -> None:
    writer = make_writer(queue_max=3)
    writer.append(drafts.genesis())
    gate.open.clear()
    gate.reached.clear()
    first = writer.submit(drafts.request("first"))
    assert gate.reached.wait(PATIENCE)
    queued = [writer.submit(drafts.request(n)) for n in range(3)]

    with pytest.raises(BackPressureError) as refusal:
        writer.append(drafts.request("one too many"))
    gate.open.set()

    assert refusal.value.retry_after_seconds >= 1
    assert [future.result(PATIENCE).index for future in [first, *queued]] == [1, 2, 3, 4]
    assert writer.append(drafts.request("one too many")).index == 5


def test_close_answers_what_is_queued_and_then_refuses(make_writer: MakeWriter, gate: Gate) -> None:
    writer = make_writer()
    gate.open.clear()
    futures = [writer.submit(drafts.genesis()), *(writer.submit(drafts.request(n)) for n in range(10))]
    closing = threading.Thread(target=writer.close)
    closing.start()
    gate.open.set()
    closing.join(PATIENCE)

    assert [future.result(0).index for future in futures] == list(range(11))
    with pytest.raises(StoreError, match="closed"):
        writer.append(drafts.request("late"))
    writer.close()


def test_a_fatal_error_reaches_every_caller(store: Store, make_writer: MakeWriter) -> None:
    entered, leave = threading.Event(), threading.Event()

    def advance(_: bytes, __: int, ___: bytes) -> None:
        entered.set()
        assert leave.wait(PATIENCE)
        raise ContradictedError("the mark holds another root")

    writer = make_writer(before_answer=advance)
    first = writer.submit(drafts.genesis())
    assert entered.wait(PATIENCE)
    second = writer.submit(drafts.request("a"))
    leave.set()

    assert isinstance(first.exception(PATIENCE), ContradictedError)
    assert isinstance(second.exception(PATIENCE), ContradictedError)
    with pytest.raises(ContradictedError):
        writer.append(drafts.request("b"))
    assert LedgerReader(store).size() == 1


def test_an_unexpected_error_stops_the_writer_and_is_said(make_writer: MakeWriter) -> None:
    def advance(_: bytes, __: int, ___: bytes) -> None:
        raise ZeroDivisionError

    writer = make_writer(before_answer=advance)

    with pytest.raises(StoreError, match="ZeroDivisionError"):
        writer.append(drafts.genesis())
    with pytest.raises(StoreError, match="stopped"):
        writer.submit(drafts.request("a"))


def test_a_cancelled_future_does_not_disturb_the_others(make_writer: MakeWriter, gate: Gate) -> None:
    writer = make_writer()
    gate.open.clear()
    first = writer.submit(drafts.genesis())
    assert gate.reached.wait(PATIENCE)
    given_up, kept = writer.submit(drafts.request("a")), writer.submit(drafts.request("b"))
    assert given_up.cancel()
    gate.open.set()

    assert first.result(PATIENCE).index == 0
    assert kept.result(PATIENCE).index == 2


def test_sixteen_threads_append_without_loss_or_double(store: Store, make_writer: MakeWriter) -> None:
    writer = make_writer()
    writer.append(drafts.genesis())
    answers: list[Appended] = []

    def client(number: int) -> None:
        answers.append(writer.append(drafts.request(number)))
        answers.extend(writer.append(drafts.step(number, n)) for n in range(1, 8))

    threads = [threading.Thread(target=client, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)

    assert len(answers) == 128
    assert check(store, acknowledged=[Acknowledged(a.index, a.leaf_hash) for a in answers]) == 129


APPEND_ALONE = """
import sys
from datetime import UTC, datetime
from ledger_service.store.engine import open_store
from ledger_service.store.writer import Writer
from tests.store import drafts
url, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
with open_store(url) as store, Writer(
    store, sign=drafts.sign, clock=lambda: datetime.now(UTC), before_answer=lambda *_: None
) as writer:
    print("ready", flush=True)
    sys.stdin.readline()
    for first in range(0, count, 8):
        for future in [writer.submit(drafts.request((name, n))) for n in range(first, min(first + 8, count))]:
            answer = future.result()
            print(answer.index, answer.leaf_hash.hex(), flush=True)
"""


def test_two_processes_append_to_one_database_at_once(place: Place, store: Store, make_writer: MakeWriter) -> None:
    make_writer().append(drafts.genesis())
    command = [sys.executable, "-c", APPEND_ALONE, place.url]
    started = [
        subprocess.Popen([*command, name, "96"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for name in ("one", "two")
    ]
    answers = []
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in started:
        output, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
        answers += [line.split() for line in output.splitlines()]

    assert len(answers) == 192
    assert check(store, acknowledged=[Acknowledged(int(i), bytes.fromhex(leaf)) for i, leaf in answers]) == 193
