"""Webhooks and their deliveries as rows: where a party wants to be told, and what it was told or is to be told.

Promises: of one subject a webhook gets one delivery, and its cursor moves in the transaction that makes them; of two
workers one claims a delivery, and whoever lost its claim since then changes nothing. Does not: know URLs or secrets
(they are sealed), say who may see what, or send anything (`operations/`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ledger_service.store.connection import Database
from ledger_service.store.read import stored_bytes

_WEBHOOK = "id, mark, role, key_id, sealed, events, countries, cursor, created_at, disabled_at"
_DELIVERY = "id, webhook_id, event, subject, return_id, state, attempts, created_at, next_at, answered"
PAGE = 200  # deliveries of one page of a list
WAITING, DELIVERED, FAILED = "waiting", "delivered", "failed"


@dataclass(frozen=True, slots=True)
class StoredWebhook:
    """A webhook: `sealed` holds URL and secret under the party's key `key_id`; `cursor` is the next index to look at.

    `mark` (32 bytes) names the party in access lists; `countries` are those whose cases it sees. Times are RFC 3339
    UTC with milliseconds; `disabled_at` None: it is in use.
    """

    id: str
    mark: bytes
    role: str
    key_id: bytes
    sealed: bytes
    events: tuple[str, ...]
    countries: tuple[str, ...]
    cursor: int
    created_at: str
    disabled_at: str | None = None


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """One notice to one webhook: `state` is `waiting`, `delivered` or `failed`, `answered` a word on the last attempt.

    `attempts` counts those that were begun. Of a waiting delivery `next_at` is when it is due, or until when it is
    claimed; of any other, when it ended.
    """

    id: str
    webhook_id: str
    event: str
    subject: str
    return_id: str | None
    state: str
    attempts: int
    created_at: str
    next_at: str
    answered: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """New deliveries of one webhook, and how its cursor moves with them (None: it stays)."""

    webhook_id: str
    deliveries: tuple[StoredDelivery, ...]
    moves: tuple[int, int] | None = None


class Webhooks:
    """Reads and changes webhooks and deliveries in one database. Safe to share between threads and processes."""

    def __init__(self, database: Database) -> None:
        """Take an open database."""
        self._database = database

    def add(self, webhook: StoredWebhook, *, most: int) -> bool:
        """Store a webhook unless its party has `most` already; durable on return. Say whether it was stored."""
        values = (
            webhook.id,
            webhook.mark,
            webhook.role,
            webhook.key_id,
            webhook.sealed,
            " ".join(webhook.events),
            " ".join(webhook.countries),
            webhook.cursor,
            webhook.created_at,
            webhook.disabled_at,
        )
        sql = self._database.sql
        with self._database.changing() as connection:
            count = sql("SELECT COUNT(*) FROM webhooks WHERE mark = ?")
            if int(connection.exec_driver_sql(count, (webhook.mark,)).scalar_one()) >= most:
                return False
            marks = ", ".join("?" * len(values))
            connection.exec_driver_sql(sql(f"INSERT INTO webhooks ({_WEBHOOK}) VALUES ({marks})"), values)  # noqa: S608
        return True

    def all(self) -> list[StoredWebhook]:
        """Return every webhook, those that are disabled included, by id."""
        return [_webhook(row) for row in self._database.rows(f"SELECT {_WEBHOOK} FROM webhooks ORDER BY id")]  # noqa: S608

    def of(self, mark: bytes) -> list[StoredWebhook]:
        """Return the webhooks of a party, oldest first."""
        statement = f"SELECT {_WEBHOOK} FROM webhooks WHERE mark = ? ORDER BY created_at, id"  # noqa: S608
        return [_webhook(row) for row in self._database.rows(statement, mark)]

    def find(self, webhook_id: str) -> StoredWebhook | None:
        """Return the webhook with this id, None if there is none."""
        rows = self._database.rows(f"SELECT {_WEBHOOK} FROM webhooks WHERE id = ?", webhook_id)  # noqa: S608
        return _webhook(rows[0]) if rows else None

    def remove(self, webhook_id: str) -> bool:
        """Remove a webhook with its deliveries; durable on return. Say whether it was there."""
        sql = self._database.sql
        with self._database.changing() as connection:
            # The webhook's row is locked first, as `make` does, so that no delivery is made meanwhile.
            connection.exec_driver_sql(sql("UPDATE webhooks SET cursor = cursor WHERE id = ?"), (webhook_id,))
            connection.exec_driver_sql(sql("DELETE FROM deliveries WHERE webhook_id = ?"), (webhook_id,))
            return connection.exec_driver_sql(sql("DELETE FROM webhooks WHERE id = ?"), (webhook_id,)).rowcount == 1

    def disable(self, webhook_id: str, *, now: str, answered: str) -> bool:
        """Use a webhook no more; what waits for it has failed. Durable on return. Say whether it was in use."""
        sql = self._database.sql
        with self._database.changing() as connection:
            disable = sql("UPDATE webhooks SET disabled_at = ? WHERE id = ? AND disabled_at IS NULL")
            if connection.exec_driver_sql(disable, (now, webhook_id)).rowcount != 1:
                return False
            end = sql(
                f"UPDATE deliveries SET state = '{FAILED}', next_at = ?, answered = ?"  # noqa: S608 - our own text
                f" WHERE webhook_id = ? AND state = '{WAITING}'"
            )
            connection.exec_driver_sql(end, (now, answered, webhook_id))
        return True

    def make(self, batches: Sequence[Batch]) -> int:
        """Store new deliveries and move cursors, all in one transaction; return how many webhooks it was done for.

        A webhook that was disabled or removed meanwhile, or whose cursor another worker moved, is left out. A delivery
        of a subject that the webhook was told of before is left out.
        """
        sql, done = self._database.sql, 0
        lock = sql("UPDATE webhooks SET cursor = cursor WHERE id = ? AND disabled_at IS NULL")
        move = sql("UPDATE webhooks SET cursor = ? WHERE id = ? AND cursor = ? AND disabled_at IS NULL")
        marks = ", ".join("?" * len(_DELIVERY.split(", ")))
        insert = sql(f"INSERT INTO deliveries ({_DELIVERY}) VALUES ({marks}) ON CONFLICT DO NOTHING")  # noqa: S608
        with self._database.changing() as connection:
            for batch in sorted(batches, key=lambda one: one.webhook_id):  # one order: no two workers block each other
                if batch.moves is None:
                    changed = connection.exec_driver_sql(lock, (batch.webhook_id,))
                else:
                    changed = connection.exec_driver_sql(move, (batch.moves[1], batch.webhook_id, batch.moves[0]))
                if changed.rowcount != 1:
                    continue
                done += 1
                if batch.deliveries:
                    connection.exec_driver_sql(insert, [_values(delivery) for delivery in batch.deliveries])
        return done

    def deliveries(self, webhook_id: str, *, before: str | None = None, limit: int = PAGE) -> list[StoredDelivery]:
        """Return a page of the deliveries of a webhook, newest first, those with an id below `before`."""
        statement = f"SELECT {_DELIVERY} FROM deliveries WHERE webhook_id = ?"  # noqa: S608 - our own text
        order = " ORDER BY id DESC LIMIT ?"
        if before is None:
            return [_delivery(row) for row in self._database.rows(statement + order, webhook_id, limit)]
        return [
            _delivery(row) for row in self._database.rows(f"{statement} AND id < ?{order}", webhook_id, before, limit)
        ]

    def failed(self, *, limit: int = PAGE) -> list[StoredDelivery]:
        """Return the deliveries that were given up last, whose webhook it ever was, newest first."""
        statement = f"SELECT {_DELIVERY} FROM deliveries WHERE state = '{FAILED}' ORDER BY next_at DESC, id LIMIT ?"  # noqa: S608
        return [_delivery(row) for row in self._database.rows(statement, limit)]

    def waiting(self) -> int:
        """Return how many deliveries are still to be made."""
        statement = f"SELECT COUNT(*) FROM deliveries WHERE state = '{WAITING}'"  # noqa: S608 - our own text
        return int(self._database.rows(statement)[0][0])

    def due(self, *, now: str) -> list[str]:
        """Return the ids of the webhooks that something is due for, the longest due first."""
        statement = (
            f"SELECT webhook_id, MIN(next_at) FROM deliveries WHERE state = '{WAITING}' AND next_at <= ?"  # noqa: S608
            " GROUP BY webhook_id ORDER BY 2, 1"
        )
        return [str(row[0]) for row in self._database.rows(statement, now)]

    def next_due(self, webhook_id: str, *, now: str) -> StoredDelivery | None:
        """Return the delivery of a webhook that is due the longest, None if none is."""
        statement = (
            f"SELECT {_DELIVERY} FROM deliveries WHERE webhook_id = ? AND state = '{WAITING}' AND next_at <= ?"  # noqa: S608
            " ORDER BY next_at, id LIMIT 1"
        )
        rows = self._database.rows(statement, webhook_id, now)
        return _delivery(rows[0]) if rows else None

    def claim(self, delivery: StoredDelivery, *, until: str) -> StoredDelivery | None:
        """Claim a due delivery for one attempt, which counts from now on; None: another worker was first.

        Args:
            delivery: As it was read.
            until: From this time on anybody may claim it again: the attempt died with its process.
        """
        statement = (
            "UPDATE deliveries SET next_at = ?, attempts = attempts + 1"  # noqa: S608 - our own text
            f" WHERE id = ? AND state = '{WAITING}' AND next_at = ? AND attempts = ?"
        )
        if self._database.change(statement, until, delivery.id, delivery.next_at, delivery.attempts) != 1:
            return None
        return replace(delivery, attempts=delivery.attempts + 1, next_at=until)

    def settle(self, claimed: StoredDelivery, *, state: str, next_at: str, answered: str) -> bool:
        """Save how an attempt ended; say whether the claim still counted, so that this did."""
        statement = (
            "UPDATE deliveries SET state = ?, next_at = ?, answered = ?"  # noqa: S608 - our own text
            f" WHERE id = ? AND state = '{WAITING}' AND next_at = ? AND attempts = ?"
        )
        place = (claimed.id, claimed.next_at, claimed.attempts)
        return self._database.change(statement, state, next_at, answered, *place) == 1

    def again(self, webhook_id: str, delivery_id: str, *, now: str) -> bool:
        """Make a delivery due now, with all its attempts before it; say whether there is one."""
        statement = (
            f"UPDATE deliveries SET state = '{WAITING}', attempts = 0, next_at = ?"  # noqa: S608 - our own text
            " WHERE id = ? AND webhook_id = ?"
        )
        return self._database.change(statement, now, delivery_id, webhook_id) == 1

    def purge(self, *, before: str) -> int:
        """Remove the deliveries that ended before a time; return how many went."""
        statement = f"DELETE FROM deliveries WHERE state IN ('{DELIVERED}', '{FAILED}') AND next_at < ?"  # noqa: S608
        return self._database.change(statement, before)


def _values(delivery: StoredDelivery) -> tuple[Any, ...]:
    return (
        delivery.id,
        delivery.webhook_id,
        delivery.event,
        delivery.subject,
        delivery.return_id,
        delivery.state,
        delivery.attempts,
        delivery.created_at,
        delivery.next_at,
        delivery.answered,
    )


def _webhook(row: Sequence[Any]) -> StoredWebhook:
    webhook_id, mark, role, key_id, sealed, events, countries, cursor, created_at, disabled_at = row
    return StoredWebhook(
        str(webhook_id),
        stored_bytes(mark),
        str(role),
        stored_bytes(key_id),
        stored_bytes(sealed),
        tuple(str(events).split()),
        tuple(str(countries).split()),
        int(cursor),
        str(created_at),
        disabled_at,
    )


def _delivery(row: Sequence[Any]) -> StoredDelivery:
    return StoredDelivery(*row)
