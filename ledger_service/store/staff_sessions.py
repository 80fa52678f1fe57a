"""Sessions of staff on the pages, as rows: made from a key or by an issuer's word, gone when they are signed out of.

Promises: of a secret only its SHA-256 is stored. Does not: judge whether a session still counts
(`operations/staff.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.store.connection import Database
from ledger_service.store.read import stored_bytes

_COLUMNS = "prefix, secret_sha256, credential, issuer, name, role, mark, key_id, reference, created_at, expires_at"


@dataclass(frozen=True, slots=True)
class StaffSession:
    """A session: of the key with the public prefix `credential`, or of staff that an `issuer` of the settings knows.

    `reference` is sealed under the party's key `key_id`; `mark` (32 bytes) names the party in access lists, `name` who
    it is in the log. Times are RFC 3339 UTC with milliseconds.
    """

    prefix: str
    secret_sha256: bytes
    credential: str | None
    issuer: str | None
    name: str
    role: str
    mark: bytes
    key_id: bytes
    reference: bytes
    created_at: str
    expires_at: str


class StaffSessions:
    """Reads and changes the sessions in one database. Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        """Take an open database."""
        self._database = database

    def add(self, session: StaffSession) -> None:
        """Store a session, and remove those that have expired when it is made; durable on return."""
        self._database.change("DELETE FROM staff_sessions WHERE expires_at <= ?", session.created_at)
        values = (
            session.prefix,
            session.secret_sha256,
            session.credential,
            session.issuer,
            session.name,
            session.role,
            session.mark,
            session.key_id,
            session.reference,
            session.created_at,
            session.expires_at,
        )
        holes = ", ".join("?" * len(values))
        self._database.change(f"INSERT INTO staff_sessions ({_COLUMNS}) VALUES ({holes})", *values)  # noqa: S608

    def find(self, prefix: str) -> StaffSession | None:
        """Return the session with this public prefix, None if there is none."""
        rows = self._database.rows(f"SELECT {_COLUMNS} FROM staff_sessions WHERE prefix = ?", prefix)  # noqa: S608
        if not rows:
            return None
        name, secret, credential, issuer, who, role, mark, key_id, reference, created_at, expires_at = rows[0]
        return StaffSession(
            str(name),
            stored_bytes(secret),
            credential,
            issuer,
            str(who),
            str(role),
            stored_bytes(mark),
            stored_bytes(key_id),
            stored_bytes(reference),
            str(created_at),
            str(expires_at),
        )

    def remove(self, prefix: str) -> bool:
        """Remove a session; durable on return. Say whether it was there."""
        return self._database.change("DELETE FROM staff_sessions WHERE prefix = ?", prefix) == 1
