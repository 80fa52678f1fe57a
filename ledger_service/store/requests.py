"""What POSTs that led to something else than one entry were answered: kept, so that a retry gets the same answer.

Promises: of requests under one key one works at a time; an answer is kept with the work that it reports. Does not:
hold secrets or disclosures: an answer is references.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.errors import IdempotencyMismatchError, RequestRunningError
from ledger_service.store.connection import Database
from ledger_service.store.drafts import STATEMENT_SCOPE, IdempotencyKey
from ledger_service.store.read import stored_bytes

RUNNING_SECONDS_MAX = 600  # a request that runs longer died with its process; the next one takes over


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer that a request got: its HTTP status and JSON text."""

    status: int
    answer: str


class Requests:
    """The kept requests of one database. Safe to share between threads and processes."""

    def __init__(self, database: Database) -> None:
        """Take an open database."""
        self._database = database

    def begin(self, key: IdempotencyKey, *, now: str, stale: str) -> Answered | None:
        """Claim a key, or return the answer that it led to.

        Args:
            key: The caller's key and the fingerprint of its request.
            now: RFC 3339 UTC with milliseconds.
            stale: A request that began before this time and has no answer is taken over.

        Raises:
            IdempotencyMismatchError: The key was used for another request.
            RequestRunningError: The same request is being worked on.
        """
        insert = (
            "INSERT INTO requests (scope, key, fingerprint, status, answer, created_at) VALUES (?, ?, ?, NULL, NULL, ?)"
            " ON CONFLICT DO NOTHING"
        )
        sql = self._database.sql
        with self._database.changing() as connection:
            if connection.exec_driver_sql(sql(insert), (key.scope, key.key, key.fingerprint, now)).rowcount == 1:
                return None
            found = connection.exec_driver_sql(
                sql("SELECT fingerprint, status, answer, created_at FROM requests WHERE scope = ? AND key = ?"),
                (key.scope, key.key),
            ).one()
            if stored_bytes(found[0]) != key.fingerprint:
                raise IdempotencyMismatchError(
                    "the idempotency key was used before, for another request",
                    hint="repeat the first request exactly, or take a new key",
                )
            if found[1] is not None:
                return Answered(int(found[1]), str(found[2]))
            takeover = "UPDATE requests SET created_at = ? WHERE scope = ? AND key = ? AND created_at = ?"
            if (
                str(found[3]) < stale
                and connection.exec_driver_sql(sql(takeover), (now, key.scope, key.key, found[3])).rowcount == 1
            ):
                return None
        raise RequestRunningError(
            "a request with this idempotency key is being worked on", hint="send it again in a few seconds"
        )

    def finish(self, key: IdempotencyKey, answered: Answered) -> None:
        """Keep the answer of a request that was claimed."""
        statement = "UPDATE requests SET status = ?, answer = ? WHERE scope = ? AND key = ?"
        self._database.change(statement, answered.status, answered.answer, key.scope, key.key)

    def forget(self, key: IdempotencyKey) -> None:
        """Give a claimed key back: the request failed and left nothing behind."""
        self._database.change("DELETE FROM requests WHERE scope = ? AND key = ? AND status IS NULL", key.scope, key.key)

    def purge(self, *, before: str) -> int:
        """Remove what was kept before a time, idempotency rows of entries included; return how many rows went.

        Signed statements that were used up stay: one that could be used again would be recorded twice.
        """
        gone = self._database.change("DELETE FROM requests WHERE created_at < ?", before)
        return gone + self._database.change(
            "DELETE FROM idempotency WHERE created_at < ? AND scope <> ?", before, STATEMENT_SCOPE
        )
