"""Leases: of several processes that could do a job, one does it, and one that slept through its end is kept out.

Each new holder gets a token larger than every earlier one. What the job writes names its token in the same transaction
(`require`), so that a process which wakes up after its lease ran out changes nothing (a fencing token).

Promises: two holders of one name never both pass `require`, whatever their clocks say; times only decide who may begin.
Does not: wait, or renew by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from ledger_service.errors import StoreBusyError
from ledger_service.store.connection import Database


class LeaseLostError(StoreBusyError):
    """Another process has taken over: stop, and begin again only with a lease of your own."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease that was taken: its name and token."""

    name: str
    token: int


@dataclass(frozen=True, slots=True)
class HeldLease:
    """Who holds a lease now, and until when (RFC 3339 UTC with milliseconds)."""

    holder: str
    token: int
    expires_at: str


class Leases:
    """Takes and gives back leases in one database."""

    def __init__(self, database: Database) -> None:
        """Take an open database."""
        self._database = database

    def take(self, name: str, *, holder: str, now: str, until: str) -> Lease | None:
        """Take or renew a lease; None while another holder has it.

        Args:
            name: Of the job.
            holder: Names this process among all that could do it, unlike every other.
            now: RFC 3339 UTC with milliseconds.
            until: When it runs out unless it is renewed, in the same form.
        """
        with self._database.writing() as connection:
            held = self._read(connection, name)
            if held is None:
                self._run(connection, "INSERT INTO leases (name, holder, token, expires_at) VALUES (?, ?, 1, ?)",
                          name, holder, until)  # fmt: skip
                return Lease(name, 1)
            if held.holder != holder and held.expires_at > now:
                return None
            token = held.token if held.holder == holder else held.token + 1
            self._run(connection, "UPDATE leases SET holder = ?, token = ?, expires_at = ? WHERE name = ?",
                      holder, token, until, name)  # fmt: skip
            return Lease(name, token)

    def give_back(self, lease: Lease, *, now: str) -> None:
        """Let the next holder begin at once; nothing if it was lost already."""
        with self._database.writing() as connection:
            self._run(connection, "UPDATE leases SET expires_at = ? WHERE name = ? AND token = ?",
                      now, lease.name, lease.token)  # fmt: skip

    def held(self, name: str) -> HeldLease | None:
        """Return who holds it, or held it last."""
        with self._database.reading() as connection:
            return self._read(connection, name)

    def _read(self, connection: Connection, name: str) -> HeldLease | None:
        statement = self._database.sql("SELECT holder, token, expires_at FROM leases WHERE name = ?")
        row = connection.exec_driver_sql(statement, (name,)).first()
        return None if row is None else HeldLease(str(row[0]), int(row[1]), str(row[2]))

    def _run(self, connection: Connection, statement: str, *values: object) -> None:
        connection.exec_driver_sql(self._database.sql(statement), values)


def require(database: Database, connection: Connection, lease: Lease) -> None:
    """Go on only while the lease is its holder's; in the transaction that writes.

    Raises:
        LeaseLostError: Somebody else took over.
    """
    statement = database.sql("SELECT token FROM leases WHERE name = ?")
    token = connection.exec_driver_sql(statement, (lease.name,)).scalar()
    if token != lease.token:
        raise LeaseLostError(
            "another worker has taken over: the lease ran out before this step was saved",
            hint="nothing was changed; this worker begins again when that one ends",
        )
