"""Uploads as rows: files that a party has sent and that wait for a step to use them.

Promises: a party has one upload of one content; the bytes of all that a party has never pass what it may have, however
many requests come at once. Does not: touch the files (`operations/uploads.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from ledger_service.store.connection import Database
from ledger_service.store.read import stored_bytes

_COLUMNS = "mark, sha256, name, size, media_type, created_at"
_LOCK = 0x75706C64  # PostgreSQL: the class of the locks that are taken for one party each ("upld")
EXPIRED_PAGE = 200  # rows that a purge takes at once


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that a party has sent: `mark` (32 bytes) is the party's, `name` the file's in the evidence folder.

    `sha256` (32 bytes), `size` (bytes) and `media_type` are of the content as received; `created_at` is RFC 3339 UTC
    with milliseconds.
    """

    mark: bytes
    sha256: bytes
    name: str
    size: int
    media_type: str
    created_at: str


class Uploads:
    """The uploads of one database. Safe to share between threads and processes."""

    def __init__(self, database: Database) -> None:
        """Take an open database."""
        self._database = database

    def find(self, mark: bytes, sha256: bytes, *, since: str) -> Upload | None:
        """Return a party's upload of a content, if it was received at `since` or later."""
        where = "mark = ? AND sha256 = ? AND created_at >= ?"
        found = self._select(where, mark, sha256, since)
        return found[0] if found else None

    def of_party(self, mark: bytes) -> list[Upload]:
        """Return all uploads of a party."""
        return self._select("mark = ?", mark)

    def of_content(self, sha256: bytes) -> list[Upload]:
        """Return the uploads of a content, whoever sent them; this looks at every row."""
        return self._select("sha256 = ?", sha256)

    def expired(self, *, before: str) -> list[Upload]:
        """Return a page of uploads that were received before a time, the oldest first."""
        return self._select(f"created_at < ? ORDER BY created_at LIMIT {EXPIRED_PAGE}", before)

    def names(self) -> set[str]:
        """Return the name of the file of every upload."""
        return {str(row[0]) for row in self._database.rows("SELECT name FROM uploads")}

    def count_of(self, mark: bytes) -> int:
        """Return how many uploads a party has."""
        (row,) = self._database.rows("SELECT COUNT(*) FROM uploads WHERE mark = ?", mark)
        return int(row[0])

    def bytes_of(self, mark: bytes) -> int:
        """Return how many bytes the uploads of a party have together."""
        (row,) = self._database.rows("SELECT COALESCE(SUM(size), 0) FROM uploads WHERE mark = ?", mark)
        return int(row[0])

    def keep(self, upload: Upload, *, most: int) -> tuple[bool, str | None]:
        """Store an upload in the place of an earlier one of the same party and content; durable on return.

        Args:
            upload: The upload, its file on disk.
            most: Bytes that all uploads of the party may have together.

        Returns:
            Whether it was stored, which it is not where it would pass `most`; and the name of the file whose place it
            took, which no row holds any more.
        """
        sql = self._database.sql
        with self._database.changing() as connection:
            self._lock(connection, upload.mark)
            others = "SELECT COALESCE(SUM(size), 0) FROM uploads WHERE mark = ? AND sha256 <> ?"
            held = connection.exec_driver_sql(sql(others), (upload.mark, upload.sha256)).scalar_one()
            if int(held) + upload.size > most:
                return False, None
            earlier = "SELECT name FROM uploads WHERE mark = ? AND sha256 = ?"
            replaced = connection.exec_driver_sql(sql(earlier), (upload.mark, upload.sha256)).scalar()
            insert = (
                f"INSERT INTO uploads ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"  # noqa: S608 - our own text
                " ON CONFLICT (mark, sha256) DO UPDATE SET name = excluded.name, size = excluded.size,"
                " media_type = excluded.media_type, created_at = excluded.created_at"
            )
            values = (upload.mark, upload.sha256, upload.name, upload.size, upload.media_type, upload.created_at)
            connection.exec_driver_sql(sql(insert), values)
            return True, None if replaced is None else str(replaced)

    def drop(self, upload: Upload, then: Callable[[], None]) -> bool:
        """Remove an upload, if it is still the one that was read; durable on return. Say whether it was.

        `then` runs before the removal counts: it removes the file. If it fails the row stays, so that whoever tries
        again finds it; if the process dies after it, the row names a file that is gone, and goes the next time.
        """
        statement = "DELETE FROM uploads WHERE mark = ? AND sha256 = ? AND name = ? AND created_at = ?"
        values = (upload.mark, upload.sha256, upload.name, upload.created_at)
        with self._database.changing() as connection:
            gone = connection.exec_driver_sql(self._database.sql(statement), values).rowcount == 1
            if gone:
                then()
        return gone

    def _lock(self, connection: Connection, mark: bytes) -> None:
        """Let one transaction at a time add to a party's uploads; SQLite has one writer anyhow."""
        if self._database.dialect == "postgresql":
            number = int.from_bytes(mark[:4], signed=True)
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK}, {number})")

    def _select(self, where: str, *values: object) -> list[Upload]:
        rows = self._database.rows(f"SELECT {_COLUMNS} FROM uploads WHERE {where}", *values)  # noqa: S608
        return [_upload(row) for row in rows]


def _upload(row: Sequence[Any]) -> Upload:
    mark, sha256, name, size, media_type, created_at = row
    return Upload(stored_bytes(mark), stored_bytes(sha256), str(name), int(size), str(media_type), str(created_at))
