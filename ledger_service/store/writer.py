"""The writer: one thread that gathers waiting drafts into groups, so that many callers share one commit.

Promises: a caller is answered only after its entry is durable and the high-water mark follows; drafts are appended
in the order in which they were submitted; a full queue refuses at once (`BackPressureError`) instead of growing;
`close` answers whatever is queued. Two processes may each run a writer on one database.
Does not: decide or write anything itself (`ledger.py`).

    with Writer(store, sign=sign, clock=clock, before_answer=mark.advance) as writer:
        appended = writer.append(draft)
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime
from typing import Protocol, Self

from ledger_service.core.checkpoint import Checkpoint
from ledger_service.core.log_entry import SealEntry
from ledger_service.errors import BackPressureError, LedgerError, StoreError
from ledger_service.store.connection import Database
from ledger_service.store.drafts import Appended, Draft, WriteView
from ledger_service.store.ledger import GROUP_COUNT_MAX, LogWriter, Outcome
from ledger_service.store.rules import Rules
from ledger_service.store.wal import WalKeeper

GROUP_AGE_SECONDS = 0.002  # longest wait for company; about what a commit costs on a slow disk
QUEUE_MAX = 4_096  # waiting drafts: some seconds of work, so that a caller's time-out is not spent in line


Wake = Callable[[], None]
Observe = Callable[[float, float], None]  # seconds that a group's oldest draft waited, and that the group then took


class Answer(Protocol):
    """Where a caller waits for the outcome of its draft."""

    def resolve(self, outcome: Outcome) -> Wake | None:
        """Take the outcome, in the writer's thread; return what is to be called once its whole group has theirs."""

    def done(self) -> bool:
        """Say whether there is an outcome."""


class Appending(Protocol):
    """What appends groups of drafts, as `LogWriter` does."""

    def append_group(self, drafts: Sequence[Draft]) -> list[Outcome]:
        """Append the drafts and return what became of each."""

    def close(self) -> None:
        """Give back what it holds."""


class _Slot:
    """Where one blocked caller waits for its outcome: a bare lock, a tenth of a Future's cost."""

    __slots__ = ("_outcome", "_ready")

    def __init__(self) -> None:
        self._ready = threading.Lock()
        self._ready.acquire()
        self._outcome: Outcome | None = None

    def resolve(self, outcome: Outcome) -> None:
        self._outcome = outcome
        self._ready.release()

    def done(self) -> bool:
        return self._outcome is not None

    def result(self) -> Appended:
        self._ready.acquire()
        if isinstance(self._outcome, Appended):
            return self._outcome
        assert self._outcome is not None  # `resolve` released the lock after setting it
        raise self._outcome


class _Promise:
    """The same for a caller that did not block: resolves its Future."""

    __slots__ = ("future",)

    def __init__(self) -> None:
        self.future: Future[Appended] = Future()

    def resolve(self, outcome: Outcome) -> None:
        if not self.future.set_running_or_notify_cancel():
            return  # the caller does not want to know; the entry stands all the same
        if isinstance(outcome, Exception):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)

    def done(self) -> bool:
        return self.future.done()


_Waiting = tuple[Draft, Answer]


class Writer:
    """Appends drafts from any number of threads. Use as a context manager, or `close` it."""

    def __init__(
        self,
        store: Database,
        *,
        sign: Callable[[Checkpoint], bytes],
        clock: Callable[[], datetime],
        before_answer: Callable[[bytes, int, bytes], None],
        group_count_max: int = GROUP_COUNT_MAX,
        group_age_seconds: float = GROUP_AGE_SECONDS,
        queue_max: int = QUEUE_MAX,
        seal_every: int | None = None,
        make_seal: Callable[[WriteView, str], SealEntry] | None = None,
    ) -> None:
        """Start the thread.

        Args:
            store: An open store.
            sign: Returns the signed note of a checkpoint.
            clock: The time now, with a time zone.
            before_answer: Called with (note, size, root) after a commit, before its answers: the high-water mark.
            group_count_max: Most drafts in one commit.
            group_age_seconds: Longest time that a draft waits for others.
            queue_max: Most waiting drafts.
            seal_every: Most entries from one seal to the next; the writer then appends one by itself.
            make_seal: Makes that seal from the log under the lock and the time to record.
        """
        rules = Rules(sign=sign, clock=clock, before_answer=before_answer, seal_every=seal_every, make_seal=make_seal)
        self._log = self.make_log(store, rules)
        self._wal = WalKeeper(store.path) if store.path is not None else None
        self._count_max = group_count_max
        self._age_seconds = group_age_seconds
        self._queue_max = queue_max
        self.observe: Observe | None = None  # told of each group after its answers; what it raises is dropped
        self._queue: deque[_Waiting] = deque()
        self._queued_at: deque[float] = deque()  # of each in the queue
        self._oldest_at = 0.0  # of the group that is written
        self._lock = threading.Lock()
        self._arrived = threading.Condition(self._lock)
        self._wanted = 1  # how long the queue must be before the thread is woken
        self._more_until = 0.0  # until when a caller that does not block may hand in more at once
        self._closing = False
        self._fatal: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def make_log(self, store: Database, rules: Rules) -> Appending:
        """Return what appends the groups."""
        return LogWriter(store, rules)

    def submit(self, draft: Draft) -> Future[Appended]:
        """Queue a draft; the future resolves once its entry is durable, or with the refusal.

        Raises:
            BackPressureError: The queue is full.
            StoreError: The writer is closed, or stopped after a fatal error.
        """
        promise = _Promise()
        self.enqueue(draft, promise)
        return promise.future

    def append(self, draft: Draft) -> Appended:
        """Append a draft and return once its entry is durable.

        Raises:
            LedgerError: As `submit`, or why the draft was refused or could not be written.
        """
        slot = _Slot()
        self.enqueue(draft, slot)
        return slot.result()

    def enqueue(self, draft: Draft, answer: Answer) -> None:
        """Queue a draft whose caller waits in a way of its own.

        Raises:
            LedgerError: As `submit`; the answer is never resolved then.
        """
        with self._lock:
            if self._fatal is not None:
                raise self._stopped()
            if self._closing:
                raise StoreError("the writer is closed")
            if len(self._queue) >= self._queue_max:
                raise BackPressureError(f"{self._queue_max} steps are waiting to be recorded already")
            self._queue.append((draft, answer))
            self._queued_at.append(time.monotonic())
            if len(self._queue) == self._wanted:
                self._arrived.notify()

    def expect_more(self) -> None:
        """Hear from a caller that does not block that more drafts may follow at once; forgotten after a moment."""
        self._more_until = time.monotonic() + self._age_seconds

    def expect_no_more(self) -> None:
        """Hear that none follow: what waits is written now."""
        with self._lock:
            self._more_until = 0.0
            self._arrived.notify()

    @property
    def stopped(self) -> bool:
        """Say whether an error ended it that no single draft caused: then nothing is appended any more."""
        return self._fatal is not None

    @property
    def waiting(self) -> int:
        """Return how many drafts wait."""
        return len(self._queue)

    def close(self) -> None:
        """Answer whatever is queued, then stop. Safe to call twice."""
        with self._lock:
            self._closing = True
            self._arrived.notify()
        self._thread.join()
        if self._wal is not None:
            self._wal.close()

    def _run(self) -> None:
        group: Sequence[_Waiting] = ()
        expected = 1
        try:
            while group := self._gather(expected):
                expected = sum(isinstance(answer, _Slot) for _, answer in group)
                self._append(group)
                group = ()  # nothing of those that were answered is kept until the next come
        except BaseException as error:
            self._stop(error, group)
        finally:
            self._log.close()

    def _gather(self, expected: int) -> list[_Waiting]:
        """Return the next group; empty when closed and drained.

        Blocked callers that were answered together tend to come back together, so the thread waits a little, and only
        for as many as came last time. Others say themselves whether more is on its way (`expect_more`). Either way a
        single caller never waits for company.
        """
        with self._lock:
            self._wanted = 1
            while not self._queue and not self._closing:
                self._arrived.wait()
            enough = min(expected, self._count_max)
            deadline = time.monotonic() + self._age_seconds
            while len(self._queue) < self._count_max and not self._closing:
                few = len(self._queue) < enough
                left = (deadline if few else min(deadline, self._more_until)) - time.monotonic()
                if left <= 0:
                    break
                self._wanted = enough if few else self._count_max
                self._arrived.wait(left)
            count = min(len(self._queue), self._count_max)
            self._oldest_at = self._queued_at[0] if count else 0.0
            for _ in range(count):
                self._queued_at.popleft()
            return [self._queue.popleft() for _ in range(count)]

    def _append(self, group: Sequence[_Waiting]) -> None:
        began = time.monotonic()
        outcomes = self._log.append_group([draft for draft, _ in group])
        ended = time.monotonic()
        _resolve((answer, outcome) for (_, answer), outcome in zip(group, outcomes, strict=True))
        if self._wal is not None:
            self._wal.written(len(group))
        if self.observe is not None:
            with suppress(Exception):  # what was appended stands, whatever the figures are worth
                self.observe(began - self._oldest_at, ended - began)

    def _stop(self, error: BaseException, group: Sequence[_Waiting]) -> None:
        """End after an error that no single draft caused: everyone who waits learns of it, and everyone after."""
        with self._lock:
            self._fatal = error
            waiting = [*group, *self._queue]
            self._queue.clear()
        _resolve((answer, self._stopped()) for _, answer in waiting if not answer.done())

    def _stopped(self) -> LedgerError:
        if isinstance(self._fatal, LedgerError):
            return self._fatal
        stopped = StoreError(
            f"the writer stopped after an unexpected error: {type(self._fatal).__name__}",
            hint="restart the service; retry with the same idempotency key",
        )
        stopped.__cause__ = self._fatal
        return stopped


def _resolve(answers: Iterable[tuple[Answer, Outcome]]) -> None:
    """Give each caller its outcome, then wake each place where several of them wait, once."""
    wakes: dict[Wake, None] = {}
    for answer, outcome in answers:
        wake = answer.resolve(outcome)
        if wake is not None:
            wakes[wake] = None
    for wake in wakes:
        wake()
