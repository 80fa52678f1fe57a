"""Deliver notices: claim one, make its body, sign, send, save how it went; what failed is sent again later.

Each webhook is served in the order of its notices, one at a time, until one is not taken; then it rests. Webhooks are
served side by side, few of one host and of one party, so that receivers that do not answer delay nobody else.
Promises: a notice is sent at least once, always under the same id: a process that dies after sending and before saving
sends it again when its claim has run out. Whoever may no longer see the case, or was erased, gets nothing.
No line that is reported holds a URL or a secret. Does not: decide what is told to whom (`notify.py`).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import timedelta
from threading import Event as Flag
from threading import Lock

from ledger_service.errors import LedgerError, StoreError
from ledger_service.operations.access import audience
from ledger_service.operations.ledger import Ledger, format_instant
from ledger_service.operations.notices import make_body, message_id
from ledger_service.operations.webhooks import Address, open_address
from ledger_service.outbound.post import Answer, Outbound
from ledger_service.outbound.signature import signed_headers
from ledger_service.store.webhooks import DELIVERED, FAILED, WAITING, StoredDelivery, StoredWebhook

IN_FLIGHT_MAX = 16  # webhooks that are sent to at once
OF_HOST_MAX = 6  # of them to one host
OF_PARTY_MAX = 3  # of them of one party: fewer than of a host, which many parties may share
IN_A_ROW_MAX = 50  # notices of one webhook before others get its place
CLAIM_SECONDS = 120  # longer than an attempt takes, a slow resolver included
RETRY_SECONDS_MIN, RETRY_FACTOR, RETRY_SECONDS_MAX = 5, 4, 6 * 3600
ATTEMPTS_MAX = 19  # 5 s, 20 s, … 6 h: the last one comes about three days after the first
REST_SECONDS_MAX = 600  # of a webhook whose notices are not taken, one after the other: 2 s, 4 s, …
SPREAD = 0.2  # of a pause, either way: receivers that fell over together are not tried together
GONE = 410  # RFC 9110 §15.5.11: the receiver wants nothing more


def pause_seconds(attempts: int, *, chance: float) -> float:
    """Return how long to wait after an attempt that was not taken.

    Args:
        attempts: How many were made, 1 or more.
        chance: From 0 to 1, drawn for each.
    """
    pause = float(min(RETRY_SECONDS_MIN * RETRY_FACTOR ** (attempts - 1), RETRY_SECONDS_MAX))
    return pause * (1 - SPREAD + 2 * SPREAD * chance)


@dataclass(frozen=True, slots=True)
class _Place:
    """What a webhook that is being sent to takes up."""

    host: str
    mark: bytes


@dataclass(frozen=True, slots=True)
class _Rest:
    """How often in a row a webhook took nothing, and until when it is left alone."""

    failures: int
    until: str


class Deliverer:
    """Sends the notices of one ledger from threads of its own. `start` is for one thread; `close` it at the end."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        outbound: Outbound | None = None,
        report: Callable[[str], None] = lambda _: None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Take a ledger.

        Args:
            ledger: Opened to write.
            outbound: What sends; None: by the ledger's own rules.
            report: Is told, in words, of notices that are given up and of webhooks that end.
            chance: Draws from 0 to 1, to spread retries.
        """
        self._ledger = ledger
        self._outbound = outbound or Outbound(allow_loopback=ledger.webhook_allow_loopback)
        self._report = report
        self._chance = chance
        self._pool = ThreadPoolExecutor(IN_FLIGHT_MAX, thread_name_prefix="webhooks")
        self._lock = Lock()
        self._busy: dict[str, _Place] = {}
        self._resting: dict[str, _Rest] = {}
        self._running: set[Future[None]] = set()
        self._stopping = Flag()

    def start(self, *, due_by: str | None = None) -> int:
        """Begin to send what is due, as far as there is room; return to how many webhooks. Waits for none of them.

        Args:
            due_by: What becomes due later is left for another time; None: nothing is.

        Raises:
            StoreError: The database cannot be read now.
        """
        begun, now = 0, self._now()
        for webhook_id in self._ledger.webhooks.due(now=due_by or now):
            with self._lock:
                if len(self._busy) >= IN_FLIGHT_MAX:
                    break
                rest = self._resting.get(webhook_id)
                if webhook_id in self._busy or (rest is not None and rest.until > now):
                    continue
            place = self._place_of(webhook_id)
            if place is None or not self._take(webhook_id, place):
                continue
            future = self._pool.submit(self._serve, webhook_id, due_by)
            with self._lock:
                self._running = {one for one in self._running if not one.done()} | {future}
            begun += 1
        return begun

    def wait(self) -> None:
        """Return when nothing is being sent any more."""
        with self._lock:
            running = set(self._running)
        wait(running)

    def send_due(self) -> None:
        """Try once, now, to send everything that is due; return when all was tried.

        Raises:
            StoreError: As `start`.
        """
        due_by = self._now()
        while self.start(due_by=due_by):
            self.wait()

    def close(self) -> None:
        """Begin nothing more, and return when the attempts under way have ended. Safe to call twice."""
        self._stopping.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _now(self) -> str:
        return format_instant(self._ledger.clock())

    def _later(self, seconds: float) -> str:
        return format_instant(self._ledger.clock() + timedelta(seconds=seconds))

    def _place_of(self, webhook_id: str) -> _Place | None:
        """Return what sending to a webhook takes up, None where nothing can be sent."""
        stored = self._ledger.webhooks.find(webhook_id)
        try:
            address = None if stored is None else open_address(self._ledger, stored)
        except StoreError as error:  # the row or the key of this one: the others go on
            self._rest(webhook_id)
            self._report(f"webhook {webhook_id}: nothing can be sent: {error.message}")
            return None
        return None if stored is None or address is None else _Place(self._outbound.host_of(address.url), stored.mark)

    def _take(self, webhook_id: str, place: _Place) -> bool:
        """Take a place for a webhook; say whether there was one."""
        with self._lock:
            others = list(self._busy.values())
            if sum(one.host == place.host for one in others) >= OF_HOST_MAX:
                return False
            if sum(one.mark == place.mark for one in others) >= OF_PARTY_MAX:
                return False
            self._busy[webhook_id] = place
        return True

    def _rest(self, webhook_id: str) -> None:
        """Leave a webhook alone for a while, longer each time."""
        with self._lock:
            before = self._resting.get(webhook_id)
            failures = 1 if before is None else before.failures + 1
            seconds = min(2 ** min(failures, 16), REST_SECONDS_MAX)
            self._resting[webhook_id] = _Rest(failures, self._later(seconds))

    def _serve(self, webhook_id: str, due_by: str | None) -> None:
        """Send to one webhook what is due, until it does not take one."""
        try:
            for _ in range(IN_A_ROW_MAX):
                if self._stopping.is_set() or not self._send_next(webhook_id, due_by or self._now()):
                    return
        except Exception as error:  # a claim that is left behind runs out; the others go on
            self._rest(webhook_id)
            reason = error.message if isinstance(error, LedgerError) else type(error).__name__
            self._report(f"webhook {webhook_id}: sending stopped, trying again later: {reason}")
        finally:
            with self._lock:
                del self._busy[webhook_id]

    def _send_next(self, webhook_id: str, due_by: str) -> bool:
        """Send the notice that is due the longest; say whether to go on with the next."""
        webhooks = self._ledger.webhooks
        stored = webhooks.find(webhook_id)
        address = None if stored is None or stored.disabled_at is not None else open_address(self._ledger, stored)
        if stored is None or address is None:
            return False
        delivery = webhooks.next_due(webhook_id, now=due_by)
        if delivery is None:
            return False
        claimed = webhooks.claim(delivery, until=self._later(CLAIM_SECONDS))
        if claimed is None:  # another worker has it: look for the next one
            return True
        return self._attempt(stored, address, claimed)

    def _attempt(self, stored: StoredWebhook, address: Address, claimed: StoredDelivery) -> bool:
        if claimed.attempts > ATTEMPTS_MAX:  # attempts that died with their process count too
            return self._end(claimed, FAILED, claimed.answered or "not sent")
        if not self._may_see(stored, claimed):
            return self._end(claimed, FAILED, "not sent: the case is no longer yours to see")
        body = make_body(self._ledger, claimed)
        if body is None:
            return self._end(claimed, FAILED, "not sent: it is no longer so")
        message = message_id(claimed)
        seconds = int(self._ledger.clock().timestamp())
        answer = self._outbound.post(
            address.url, body, signed_headers(address.secret, message, seconds=seconds, body=body)
        )
        # A process that dies here has sent and not saved: when the claim runs out it is sent again, under the same id.
        if answer.accepted:
            with self._lock:
                self._resting.pop(stored.id, None)
            return self._end(claimed, DELIVERED, answer.said)
        self._rest(stored.id)
        if answer.code == GONE:
            self._ledger.webhooks.disable(stored.id, now=self._now(), answered=answer.said)
            self._report(f"webhook {stored.id}: its receiver is gone ({GONE}), it is used no more")
        elif claimed.attempts >= ATTEMPTS_MAX:
            self._end(claimed, FAILED, answer.said)
            self._report(f"webhook {stored.id}: {message} given up after {claimed.attempts} attempts: {answer.said}")
        else:
            self._retry(claimed, answer)
        return False

    def _end(self, claimed: StoredDelivery, state: str, answered: str) -> bool:
        self._ledger.webhooks.settle(claimed, state=state, next_at=self._now(), answered=answered)
        return True

    def _retry(self, claimed: StoredDelivery, answer: Answer) -> None:
        asked = min(answer.retry_after_seconds or 0, RETRY_SECONDS_MAX)
        seconds = max(pause_seconds(claimed.attempts, chance=self._chance()), asked)
        self._ledger.webhooks.settle(claimed, state=WAITING, next_at=self._later(seconds), answered=answer.said)

    def _may_see(self, stored: StoredWebhook, claimed: StoredDelivery) -> bool:
        if claimed.return_id is None:
            return True
        return audience(self._ledger, claimed.return_id).includes(stored.mark, stored.countries)
