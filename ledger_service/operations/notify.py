"""Make the notices of what happened: derived from log, clocks and anchors, never written beside them.

A round looks at the entries after each webhook's cursor, at anchors that became final and at clocks that run out soon,
and makes a delivery for each webhook whose party may see the case. Promises: each is made once, however many workers
run and however often one dies: a cursor moves in the transaction that makes the deliveries, and a webhook is told of a
subject once. A webhook whose party's key was destroyed is removed. Does not: send anything (`deliver.py`), or slow
the writing of entries: a round holds no lock while it looks.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger_service.core.case import Case
from ledger_service.core.clock import ClockState
from ledger_service.core.clocks import clocks
from ledger_service.core.happenings import happenings
from ledger_service.core.lifecycle import LIFECYCLE
from ledger_service.operations.access import Audience, audience
from ledger_service.operations.ledger import Ledger, format_instant
from ledger_service.operations.notices import Event, anchor_subject, clock_subject, event_of
from ledger_service.operations.webhooks import new_delivery_id
from ledger_service.store.anchors import AnchorHistory
from ledger_service.store.webhooks import WAITING, Batch, StoredDelivery, StoredWebhook

ENTRIES_MAX = 200  # looked at in one transaction: SQLite has one writer, and entries must not wait long for it
CLOCKS_SECONDS = 60  # between looks at the clocks: the warning comes hours ahead
KEPT_DAYS = 90  # deliveries that ended are kept this long, longer than anything below comes back to a subject
ANCHORS_DAYS = 30  # older anchors are no news
PURGE_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Round:
    """What a round did: webhooks that it removed because their party was erased, and whether entries are left."""

    removed: int
    behind: bool


@dataclass(frozen=True, slots=True)
class _Due:
    """A running clock: its subject, and when it runs out."""

    subject: str
    due_at: str


class Notifier:
    """Makes the notices of one ledger, again and again. For one thread."""

    def __init__(self, ledger: Ledger, *, due_soon_hours: int = 48) -> None:
        """Take a ledger, and how long before a deadline its parties are told."""
        self._ledger = ledger
        self._ahead = timedelta(hours=due_soon_hours)
        self._numbers = itertools.count()  # notices of one round are sent in the order of what they tell
        self._anchors_seen = -1
        self._running: dict[str, tuple[int, tuple[_Due, ...]]] = {}  # by case: its last index, its clocks
        self._told: set[tuple[str, str]] = set()  # webhook and subject: of clocks that still run
        self._clocks_at = self._purge_at = ""

    def run(self) -> Round:
        """Make what is due now.

        Raises:
            StoreError: The database cannot be read or written now; nothing is lost, the next round goes on.
        """
        now = self._ledger.clock()
        webhooks, removed = self._living()
        if not webhooks:
            return Round(removed, behind=False)
        behind = self._tell_entries(webhooks, now)
        self._tell_anchors([one for one in webhooks if Event.ANCHOR_FINALIZED in one.events], now)
        if format_instant(now) >= self._clocks_at:
            self._tell_clocks([one for one in webhooks if Event.DUE_SOON in one.events], now)
            self._clocks_at = format_instant(now + timedelta(seconds=CLOCKS_SECONDS))
        if format_instant(now) >= self._purge_at:
            self._ledger.webhooks.purge(before=format_instant(now - timedelta(days=KEPT_DAYS)))
            self._purge_at = format_instant(now + timedelta(seconds=PURGE_SECONDS))
        return Round(removed, behind)

    def _living(self) -> tuple[list[StoredWebhook], int]:
        """Return the webhooks in use, and how many were removed because nobody is behind them any more."""
        living, removed = [], 0
        for webhook in self._ledger.webhooks.all():
            if self._ledger.keys.get(webhook.key_id) is None:
                removed += self._ledger.webhooks.remove(webhook.id)
            elif webhook.disabled_at is None:
                living.append(webhook)
        return living, removed

    def _tell_entries(self, webhooks: Sequence[StoredWebhook], now: datetime) -> bool:
        """Make the notices of the next entries; those that look from the same index are done together."""
        size = self._ledger.read.size()
        by_cursor: dict[int, list[StoredWebhook]] = defaultdict(list)
        for webhook in webhooks:
            by_cursor[webhook.cursor].append(webhook)
        for cursor, group in sorted(by_cursor.items()):
            if cursor < size:
                end = min(cursor + ENTRIES_MAX, size)
                found = self._of_entries(group, cursor, end, now)
                self._ledger.webhooks.make(
                    [Batch(webhook.id, tuple(found[webhook.id]), (cursor, end)) for webhook in group]
                )
        return any(cursor + ENTRIES_MAX < size for cursor in by_cursor)

    def _of_entries(
        self, webhooks: Sequence[StoredWebhook], start: int, end: int, now: datetime
    ) -> dict[str, list[StoredDelivery]]:
        found: dict[str, list[StoredDelivery]] = defaultdict(list)
        listeners, seen = _Listeners(webhooks), dict[str, Audience]()
        for row in self._ledger.read.entries(start, end - start):
            event = None if row.return_id is None else event_of(row)
            if event is None or row.return_id is None:
                continue
            if row.return_id not in seen:
                seen[row.return_id] = audience(self._ledger, row.return_id)
            for webhook in listeners.among(seen[row.return_id]):
                if event in webhook.events:
                    found[webhook.id].append(
                        self._delivery(webhook, event, str(row.index), now, return_id=row.return_id)
                    )
        return found

    def _tell_anchors(self, webhooks: Sequence[StoredWebhook], now: datetime) -> None:
        if not webhooks:
            return
        rows = AnchorHistory(self._ledger.store).finalized(after=self._anchors_seen)
        oldest = format_instant(now - timedelta(days=ANCHORS_DAYS))
        batches = []
        for webhook in webhooks:
            since = max(webhook.created_at, oldest)
            news = [anchor_subject(anchor) for _, anchor in rows if anchor.recorded_at >= since]
            if news:
                made = (self._delivery(webhook, Event.ANCHOR_FINALIZED, subject, now) for subject in news)
                batches.append(Batch(webhook.id, tuple(made)))
        if batches:
            self._ledger.webhooks.make(batches)
        if rows:
            self._anchors_seen = rows[-1][0]

    def _tell_clocks(self, webhooks: Sequence[StoredWebhook], now: datetime) -> None:
        if not webhooks:
            return
        listeners = _Listeners(webhooks)
        batches: dict[str, list[StoredDelivery]] = defaultdict(list)
        running: set[str] = set()
        for return_id, due in self._due_soon(now):
            running.add(due.subject)
            for webhook in listeners.among(audience(self._ledger, return_id)):
                if (webhook.id, due.subject) not in self._told:
                    made = self._delivery(webhook, Event.DUE_SOON, due.subject, now, return_id=return_id)
                    batches[webhook.id].append(made)
        if batches:
            self._ledger.webhooks.make([Batch(webhook_id, tuple(made)) for webhook_id, made in batches.items()])
        told = self._told | {(one.webhook_id, one.subject) for made in batches.values() for one in made}
        self._told = {pair for pair in told if pair[1] in running}

    def _due_soon(self, now: datetime) -> Iterator[tuple[str, _Due]]:
        """Yield the clocks of open cases that run out within the time ahead."""
        at, until = format_instant(now), format_instant(now + self._ahead)
        for stored in self._ledger.read.cases():
            if _is_over(stored.case):  # nothing runs in it, and nothing of it is looked at again
                self._running.pop(stored.case.return_id, None)
                continue
            for due in self._clocks_of(stored.case.return_id, stored.last_index, at):
                if at < due.due_at <= until:
                    yield stored.case.return_id, due

    def _clocks_of(self, return_id: str, last_index: int, now: str) -> tuple[_Due, ...]:
        """Return the running clocks of a case; they change with its entries only."""
        last, found = self._running.get(return_id, (-1, ()))
        if last != last_index:
            found = tuple(
                _Due(clock_subject(return_id, clock), clock.due_at)
                for clock in clocks(happenings(self._ledger.dockets.of(return_id)), now=now)
                if clock.state is ClockState.RUNNING and clock.due_at is not None
            )
            self._running[return_id] = (last_index, found)
        return found

    def _delivery(
        self, webhook: StoredWebhook, event: Event, subject: str, now: datetime, *, return_id: str | None = None
    ) -> StoredDelivery:
        at = format_instant(now)
        return StoredDelivery(
            id=new_delivery_id(now, next(self._numbers)),
            webhook_id=webhook.id,
            event=event.value,
            subject=subject,
            return_id=return_id,
            state=WAITING,
            attempts=0,
            created_at=at,
            next_at=at,
        )


class _Listeners:
    """Webhooks by who is behind them, so that each entry asks for its own few."""

    def __init__(self, webhooks: Sequence[StoredWebhook]) -> None:
        self._by_mark: dict[bytes, list[StoredWebhook]] = defaultdict(list)
        self._by_country: list[StoredWebhook] = [webhook for webhook in webhooks if webhook.countries]
        for webhook in webhooks:
            self._by_mark[webhook.mark].append(webhook)

    def among(self, audience: Audience) -> list[StoredWebhook]:
        """Return those that may see a case."""
        listed = [webhook for mark in audience.marks for webhook in self._by_mark.get(mark, ())]
        return listed + [one for one in self._by_country if audience.includes(one.mark, one.countries)]


def _is_over(case: Case) -> bool:
    return LIFECYCLE.case.states[case.state].terminal and not any(one.open for one in case.disputes)
