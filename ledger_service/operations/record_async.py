"""Record a step from an event loop: the work of `record.py`, waiting in the loop and not in a thread.

Promises: as `record`; the loop is woken once for all answers of a commit. Steps that the loop has at hand go into one
commit, and one that is alone waits for nobody. What reads files, or a long case from its beginning, is done in a thread
of the loop, so that nobody else waits for it.
Does not: decide anything (`record.py`), or take an entry back when its caller is cancelled: it may stand all the same.

    recorded = await record_async(ledger, step)
"""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import Callable
from functools import partial

from ledger_service.operations.admit import wants_docket
from ledger_service.operations.afterwards import put_off
from ledger_service.operations.asked import Step
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.record import READ_AT_ONCE_MAX, Recorded, record, recording
from ledger_service.store.drafts import Appended, Draft
from ledger_service.store.ledger import Outcome
from ledger_service.store.writer import Writer

QUIET_TURNS = 1  # of a loop without a draft: each costs a look at all sockets, and three took a tenth of a step's time


async def record_async(ledger: Ledger, step: Step) -> Recorded:
    """Record a step and return once it is durable.

    Raises:
        LedgerError: As `record`.
    """
    writer = ledger.require_writer()
    if step.evidence:
        return await asyncio.to_thread(record, ledger, step)
    if step.return_id is not None and _reads_long(ledger, step, step.return_id):
        await asyncio.to_thread(ledger.dockets.of, step.return_id)
    loop = asyncio.get_running_loop()
    inbox = _inbox_of(loop)
    work = recording(ledger, step, later=put_off)
    go_on: Callable[[], Draft] = partial(next, work)
    while True:
        try:
            draft = go_on()
        except StopIteration as end:
            recorded: Recorded = end.value
            return recorded
        try:
            go_on = partial(work.send, await inbox.append(writer, draft))
        except BaseException as error:
            go_on = partial(work.throw, error)


def _reads_long(ledger: Ledger, step: Step, return_id: str) -> bool:
    """Say whether a step is judged against a docket that takes too long to read in a loop."""
    short = step.seen is not None and step.seen.case.count <= READ_AT_ONCE_MAX
    return not short and not ledger.dockets.holds(return_id) and wants_docket(step, step.fields)


class _Inbox:
    """Where the answers for one event loop arrive."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)  # which keeps the inbox, and is not to be kept by it
        self._expecting: Writer | None = None  # whom more drafts may reach at once
        self._quiet_turns = 0
        self.arrived: deque[tuple[asyncio.Future[Outcome], Outcome]] = deque()

    async def append(self, writer: Writer, draft: Draft) -> Appended:
        loop = asyncio.get_running_loop()
        answer = _Answer(self, loop.create_future())
        self._quiet_turns = 0
        if self._expecting is not writer:
            self._expecting = writer
            loop.call_soon(self._look_for_more, writer)
        writer.expect_more()
        writer.enqueue(draft, answer)
        outcome = await answer.future
        if isinstance(outcome, Appended):
            return outcome
        raise outcome

    def wake(self) -> None:
        """Let the loop hand out what has arrived; called by the writer's thread, once for a commit."""
        loop = self._loop()
        try:
            if loop is not None:
                loop.call_soon_threadsafe(self._hand_out)
        except RuntimeError:  # it was closed: nobody waits there any more, and the entries stand
            self.arrived.clear()

    def _look_for_more(self, writer: Writer) -> None:
        """Tell the writer to go on once the loop turned without bringing it a draft: nobody else is on the way."""
        if self._expecting is not writer:
            return
        if self._quiet_turns < QUIET_TURNS:
            self._quiet_turns += 1
            asyncio.get_running_loop().call_soon(self._look_for_more, writer)
        else:
            self._expecting = None
            writer.expect_no_more()

    def _hand_out(self) -> None:
        while self.arrived:
            future, outcome = self.arrived.popleft()
            if not future.done():  # a caller that was cancelled does not want to know
                future.set_result(outcome)


class _Answer:
    """One caller's place in the inbox of its loop."""

    __slots__ = ("_inbox", "_outcome", "future")

    def __init__(self, inbox: _Inbox, future: asyncio.Future[Outcome]) -> None:
        self._inbox = inbox
        self._outcome: Outcome | None = None
        self.future = future

    def resolve(self, outcome: Outcome) -> Callable[[], None]:
        self._outcome = outcome
        self._inbox.arrived.append((self.future, outcome))
        return self._inbox.wake

    def done(self) -> bool:
        return self._outcome is not None


_INBOXES: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Inbox] = weakref.WeakKeyDictionary()


def _inbox_of(loop: asyncio.AbstractEventLoop) -> _Inbox:
    inbox = _INBOXES.get(loop)
    if inbox is None:
        inbox = _INBOXES[loop] = _Inbox(loop)
    return inbox
