"""What keeps anchoring waiting at each target, as its worker saw it last: for people and metrics in other processes.

Promises: `since` stays while the alarm stays. Does not: prove anything; losing it loses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.store.connection import Database
from ledger_service.store.leases import Lease, require
from ledger_service.store.read import stored_bytes


@dataclass(frozen=True, slots=True)
class AnchorStatus:
    """`alarm`: a `core.alarms.Alarm`'s word, None if nothing waits for a person. Times are RFC 3339 UTC."""

    log_id: bytes
    alarm: str | None
    detail: str
    since: str
    looked_at: str


class AnchorStatuses:
    """Reads and replaces the status of each target in one database."""

    def __init__(self, database: Database) -> None:
        """Take an open database."""
        self._database = database

    def save(self, log_id: bytes, *, alarm: str | None, detail: str, now: str, lease: Lease | None = None) -> None:
        """Replace the status of a target.

        Raises:
            LeaseLostError: Another worker has taken over.
        """
        statement = self._database.sql(
            "INSERT INTO anchor_status (log_id, alarm, detail, since, looked_at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (log_id) DO UPDATE SET detail = excluded.detail, looked_at = excluded.looked_at,"
            " since = CASE WHEN COALESCE(anchor_status.alarm, '') = COALESCE(excluded.alarm, '')"
            " THEN anchor_status.since ELSE excluded.since END, alarm = excluded.alarm"
        )
        with self._database.changing() as connection:
            if lease is not None:
                require(self._database, connection, lease)
            connection.exec_driver_sql(statement, (log_id, alarm, detail, now, now))

    def all(self) -> dict[bytes, AnchorStatus]:
        """Return the status of each target that a worker looked at, by log id."""
        rows = self._database.rows("SELECT log_id, alarm, detail, since, looked_at FROM anchor_status")
        found = (
            AnchorStatus(stored_bytes(row[0]), None if row[1] is None else str(row[1]), *map(str, row[2:]))
            for row in rows
        )
        return {status.log_id: status for status in found}
