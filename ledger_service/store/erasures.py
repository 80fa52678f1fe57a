"""Erasures as rows: the decisions, what lies under a key, and the one transaction that takes a person out.

Promises: `take_out` removes everything of a person from the tables that are not the log, in one transaction, and again
without harm; `settle` leaves no copy of it in SQLite's write-ahead log (`secure_delete` sees to freed pages). On
PostgreSQL dead rows stay in the files until VACUUM FULL, which is the owner's to run; what they hold of values is
encrypted.
Does not: decide, destroy keys or touch files (`operations/`).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from ledger_service.errors import StoreBusyError
from ledger_service.store.connection import BUSY_MILLISECONDS, Database
from ledger_service.store.failures import translated
from ledger_service.store.read import stored_bytes

_COLUMNS = "id, mark, outcome, ground, asked_at, decided_at, review_at, answer"
VALUES_AT_ONCE = 500  # values of one statement; SQLite and PostgreSQL both take thousands
LIFTED = "lifted_at"  # the member of an answer that says that a restriction ended
DUE_PAGE = 200  # decisions that are looked at again in one round


@dataclass(frozen=True, slots=True)
class StoredErasure:
    """A decision: `mark` (32 bytes) is the person's as it was then; `answer` holds what else it says, as JSON members.

    `outcome` is `done`, `restricted` or `deferred`. Times are RFC 3339 UTC with milliseconds; `review_at` None: it is
    not looked at again.
    """

    id: str
    mark: bytes
    outcome: str
    ground: str
    asked_at: str
    decided_at: str
    review_at: str | None
    answer: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed value stands: index and leaf hash (32 bytes) of its entry, the return, and its position there."""

    index: int
    leaf: bytes
    return_id: str
    position: int


class Erasures:
    """Reads and changes erasures in one database. Safe to share between threads and processes."""

    def __init__(self, database: Database) -> None:
        """Take an open database."""
        self._database = database

    def save(self, erasure: StoredErasure) -> None:
        """Store a decision in the place of an earlier one of the same id; durable on return."""
        values = (
            erasure.id,
            erasure.mark,
            erasure.outcome,
            erasure.ground,
            erasure.asked_at,
            erasure.decided_at,
            erasure.review_at,
            json.dumps(erasure.answer, sort_keys=True, separators=(",", ":")),
        )
        statement = (
            f"INSERT INTO erasures ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"  # noqa: S608
            " mark = excluded.mark, outcome = excluded.outcome, decided_at = excluded.decided_at,"
            " review_at = excluded.review_at, answer = excluded.answer"
        )
        self._database.change(statement, *values)

    def find(self, erasure_id: str) -> StoredErasure | None:
        """Return the decision with this id, None if there is none."""
        found = self._select("id = ?", erasure_id)
        return found[0] if found else None

    def all(self) -> list[StoredErasure]:
        """Return every decision, by id."""
        return self._select("id >= '' ORDER BY id")

    def due(self, *, now: str) -> list[StoredErasure]:
        """Return a page of the decisions that are to be looked at again, the longest due first."""
        return self._select(f"review_at <= ? ORDER BY review_at, id LIMIT {DUE_PAGE}", now)

    def restricted_keys(self) -> frozenset[bytes]:
        """Return the ids of the keys (16 bytes) of persons whose data are kept and not shown."""
        rows = self._database.rows("SELECT answer FROM erasures WHERE outcome = 'restricted'")
        answers = [json.loads(str(row[0])) for row in rows]
        return frozenset(bytes.fromhex(answer["key_id"]) for answer in answers if LIFTED not in answer)

    def cases_of(self, marks: Sequence[bytes]) -> dict[str, str]:
        """Return the returns on whose access list one of these marks is: return_id to role."""
        statement = f"SELECT return_id, role FROM members WHERE mark IN ({_holes(marks)}) ORDER BY return_id"  # noqa: S608
        return {str(row[0]): str(row[1]) for row in self._database.rows(statement, *marks)} if marks else {}

    def places(self, key_id: bytes) -> list[Place]:
        """Return where the values under a key stand, by index and position.

        Looks at every row: an index over keys would cost each append pages of its own, for a rare question.
        """
        statement = (
            "SELECT v.idx, e.leaf_hash, e.return_id, v.position FROM sealed_values v JOIN entries e ON e.idx = v.idx"
            " WHERE v.key_id = ?"
        )
        rows = sorted(self._database.rows(statement, key_id), key=lambda row: (row[0], row[3]))
        return [Place(int(row[0]), stored_bytes(row[1]), str(row[2]), int(row[3])) for row in rows]

    def files(self, keys: Sequence[bytes], *, since: int = 0) -> list[tuple[str, bytes]]:
        """Return name and SHA-256 (32 bytes) of the evidence files whose fingerprints lie under these keys.

        Only those of entries from the index `since` on.
        """
        found: list[tuple[str, bytes]] = []
        for some in _pages(keys):
            statement = (
                "SELECT f.name, f.sha256 FROM evidence_files f JOIN sealed_values v ON v.idx = f.idx"  # noqa: S608
                f" AND v.position = f.position WHERE v.idx >= ? AND v.key_id IN ({_holes(some)})"
            )
            found += [(str(row[0]), stored_bytes(row[1])) for row in self._database.rows(statement, since, *some)]
        return sorted(found)

    def values_under(self, keys: Sequence[bytes]) -> int:
        """Return how many sealed values lie under these keys."""
        count = 0
        for some in _pages(keys):
            statement = f"SELECT COUNT(*) FROM sealed_values WHERE key_id IN ({_holes(some)})"  # noqa: S608
            count += int(self._database.rows(statement, *some)[0][0])
        return count

    def cases_told(self) -> list[str]:
        """Return the returns in which an `erasure` entry stands."""
        statement = "SELECT DISTINCT return_id FROM entries WHERE kind = 'erasure' ORDER BY return_id"
        return [str(row[0]) for row in self._database.rows(statement)]

    def holds_of(self, key_id: bytes, marks: Sequence[bytes]) -> bool:
        """Say whether credentials, sessions, webhooks, saved questions or uploads of a person are there."""
        asked: list[tuple[str, Sequence[bytes]]] = [
            ("credentials WHERE key_id = ?", [key_id]),
            ("webhooks WHERE key_id = ?", [key_id]),
            ("staff_sessions WHERE key_id = ?", [key_id]),
            ("saved_questions WHERE key_id = ?", [key_id]),
            (f"uploads WHERE mark IN ({_holes(marks)})", marks),
        ]
        return any(self._database.rows(f"SELECT 1 FROM {where} LIMIT 1", *values) for where, values in asked)  # noqa: S608

    def take_out(self, *, keys: Sequence[bytes], marks: Sequence[bytes], scopes: Sequence[str], since: int = 0) -> int:
        """Remove all that lies under these keys and marks; durable on return. Return how many values went.

        Args:
            keys: Ids of keys, 16 bytes each.
            marks: Of the person in each role, 32 bytes each.
            scopes: Of the person's kept requests.
            since: Values of entries from this index on only; 0: all.
        """
        gone = 0
        with self._database.changing() as connection:
            for some in _pages(keys):
                under = f"v.key_id IN ({_holes(some)})"
                self._run(
                    connection,
                    "DELETE FROM evidence_files WHERE idx >= ? AND EXISTS (SELECT 1 FROM sealed_values v"  # noqa: S608
                    f" WHERE v.idx = evidence_files.idx AND v.position = evidence_files.position AND {under})",
                    since,
                    *some,
                )
                gone += self._run(
                    connection,
                    f"DELETE FROM sealed_values WHERE idx >= ? AND key_id IN ({_holes(some)})",  # noqa: S608
                    since,
                    *some,
                )
                # The webhooks' rows are locked first, as `Webhooks.make` does, so that no delivery is made meanwhile.
                self._run(connection, f"UPDATE webhooks SET cursor = cursor WHERE key_id IN ({_holes(some)})", *some)  # noqa: S608
                self._run(
                    connection,
                    "DELETE FROM deliveries WHERE webhook_id IN (SELECT w.id FROM webhooks w"  # noqa: S608
                    f" WHERE w.key_id IN ({_holes(some)}))",
                    *some,
                )
                for table in ("webhooks", "credentials", "staff_sessions", "saved_questions", "case_figures"):
                    self._run(connection, f"DELETE FROM {table} WHERE key_id IN ({_holes(some)})", *some)  # noqa: S608
            if marks:
                for table in ("members", "uploads"):
                    self._run(connection, f"DELETE FROM {table} WHERE mark IN ({_holes(marks)})", *marks)  # noqa: S608
            if scopes:
                for table in ("requests", "idempotency"):
                    self._run(connection, f"DELETE FROM {table} WHERE scope IN ({_holes(scopes)})", *scopes)  # noqa: S608
        return gone

    def settle(self) -> None:
        """Empty SQLite's write-ahead log, which holds pages as they were; nothing to do on PostgreSQL.

        Raises:
            StoreBusyError: Somebody read for too long; try again.
        """
        path = self._database.path
        if path is None:
            return
        with (
            translated(path.parent),
            closing(sqlite3.connect(path, isolation_level=None, timeout=BUSY_MILLISECONDS / 1000)) as connection,
        ):
            (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise StoreBusyError("somebody reads the database for long: its write-ahead log was not emptied")

    def _run(self, connection: Connection, statement: str, *values: object) -> int:
        return connection.exec_driver_sql(self._database.sql(statement), values).rowcount

    def _select(self, where: str, *values: object) -> list[StoredErasure]:
        rows = self._database.rows(f"SELECT {_COLUMNS} FROM erasures WHERE {where}", *values)  # noqa: S608
        return [_erasure(row) for row in rows]


def _pages(values: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(values), VALUES_AT_ONCE):
        yield values[start : start + VALUES_AT_ONCE]


def _holes(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _erasure(row: Sequence[Any]) -> StoredErasure:
    erasure_id, mark, outcome, ground, asked_at, decided_at, review_at, answer = row
    return StoredErasure(
        str(erasure_id),
        stored_bytes(mark),
        str(outcome),
        str(ground),
        str(asked_at),
        str(decided_at),
        None if review_at is None else str(review_at),
        json.loads(str(answer)),
    )
