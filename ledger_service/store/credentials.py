"""Credentials and access lists as rows: keys, one-time links, sessions, and who is a party of which case.

Promises: of a secret only its SHA-256 is stored; a link is used up once, whoever is faster; a revocation counts for
the next look-up. Does not: judge what a credential allows (`operations/principal.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ledger_service.store.connection import Database
from ledger_service.store.drafts import Member
from ledger_service.store.read import stored_bytes

_COLUMNS = (
    "prefix, kind, secret_sha256, role, mark, key_id, reference, label, scopes, acts_for, countries, return_id,"
    " created_at, expires_at, revoked_at, used_at"
)
PAGE = 200  # rows of one page of a list
KNOWN_MAX = 50_000  # members remembered, some megabytes: enough for the cases that move


@dataclass(frozen=True, slots=True)
class StoredCredential:
    """A credential: `kind` is `key`, `link` or `session`.

    `reference`, and with it the order that a link opens a case for, is sealed under the party's key `key_id`.
    `mark` (32 bytes) names the party in access lists; `scopes`, `acts_for` and `countries` are words. Times are RFC
    3339 UTC with milliseconds; None: never.
    """

    prefix: str
    kind: str
    secret_sha256: bytes
    role: str
    mark: bytes
    key_id: bytes
    reference: bytes
    label: str
    scopes: tuple[str, ...]
    acts_for: tuple[str, ...]
    countries: tuple[str, ...]
    return_id: str | None
    created_at: str
    expires_at: str | None = None
    revoked_at: str | None = None
    used_at: str | None = None


class Credentials:
    """Reads and changes credentials and access lists in one database. Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        """Take an open database."""
        self._database = database
        self._known: set[tuple[str, bytes]] = set()

    def add(self, credential: StoredCredential) -> None:
        """Store a credential; durable on return."""
        values = (
            credential.prefix,
            credential.kind,
            credential.secret_sha256,
            credential.role,
            credential.mark,
            credential.key_id,
            credential.reference,
            credential.label,
            " ".join(credential.scopes),
            " ".join(credential.acts_for),
            " ".join(credential.countries),
            credential.return_id,
            credential.created_at,
            credential.expires_at,
            credential.revoked_at,
            credential.used_at,
        )
        marks = ", ".join("?" * len(values))
        self._database.change(f"INSERT INTO credentials ({_COLUMNS}) VALUES ({marks})", *values)  # noqa: S608

    def find(self, prefix: str) -> StoredCredential | None:
        """Return the credential with this public prefix, None if there is none."""
        rows = self._database.rows(f"SELECT {_COLUMNS} FROM credentials WHERE prefix = ?", prefix)  # noqa: S608
        return _credential(rows[0]) if rows else None

    def all(self, *, after: str = "") -> list[StoredCredential]:
        """Return a page of all credentials by prefix, those after `after`."""
        statement = f"SELECT {_COLUMNS} FROM credentials WHERE prefix > ? ORDER BY prefix LIMIT {PAGE}"  # noqa: S608
        return [_credential(row) for row in self._database.rows(statement, after)]

    def revoke(self, prefix: str, *, now: str) -> bool:
        """Revoke a credential; durable on return. Say whether it counted until now."""
        statement = "UPDATE credentials SET revoked_at = ? WHERE prefix = ? AND revoked_at IS NULL"
        return self._database.change(statement, now, prefix) == 1

    def has_key(self, mark: bytes, *, now: str) -> bool:
        """Say whether a party has a key that counts."""
        statement = (
            "SELECT 1 FROM credentials WHERE mark = ? AND kind = 'key' AND revoked_at IS NULL"
            " AND (expires_at IS NULL OR expires_at > ?) LIMIT 1"
        )
        return bool(self._database.rows(statement, mark, now))

    def keys(self, *, limit: int = PAGE) -> list[StoredCredential]:
        """Return the newest keys, those that have ended included; no links and no sessions."""
        statement = f"SELECT {_COLUMNS} FROM credentials WHERE kind = 'key' ORDER BY created_at DESC, prefix LIMIT ?"  # noqa: S608
        return [_credential(row) for row in self._database.rows(statement, limit)]

    def use_up(self, prefix: str, *, now: str) -> bool:
        """Use a one-time link up. Of several that try at once, one is told True."""
        statement = (
            "UPDATE credentials SET used_at = ? WHERE prefix = ? AND kind = 'link' AND used_at IS NULL"
            " AND revoked_at IS NULL"
        )
        return self._database.change(statement, now, prefix) == 1

    def is_member(self, return_id: str, mark: bytes) -> bool:
        """Say whether a party is on the access list of a case."""
        statement = "SELECT 1 FROM members WHERE return_id = ? AND mark = ?"
        return bool(self._database.rows(statement, return_id, mark))

    def is_known_member(self, return_id: str, mark: bytes) -> bool:
        """As `is_member`; who was found there once is not looked up again."""
        place = (return_id, mark)
        if place in self._known:
            return True
        if not self.is_member(return_id, mark):
            return False
        self.learn_member(return_id, mark)
        return True

    def learn_member(self, return_id: str, mark: bytes) -> None:
        """Remember a party that was found on the access list of a case just now."""
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        self._known.add((return_id, mark))

    def forget_members(self) -> None:
        """Look everybody up again: members were taken out behind the back of what is remembered."""
        self._known.clear()

    def members(self, return_id: str) -> list[Member]:
        """Return the access list of a case."""
        statement = "SELECT mark, role FROM members WHERE return_id = ? ORDER BY role, mark"
        return [Member(stored_bytes(row[0]), str(row[1])) for row in self._database.rows(statement, return_id)]

    def share(self, return_id: str, member: Member, *, now: str) -> bool:
        """Put a party on the access list of a case; durable on return. Say whether it is new there."""
        statement = "INSERT INTO members (return_id, mark, role, since) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
        return self._database.change(statement, return_id, member.mark, member.role, now) == 1

    def unshare(self, return_id: str, mark: bytes) -> bool:
        """Take a party off the access list of a case; durable on return. Say whether it was there."""
        self._known.discard((return_id, mark))
        return self._database.change("DELETE FROM members WHERE return_id = ? AND mark = ?", return_id, mark) == 1

    def cases_of(
        self,
        mark: bytes,
        *,
        countries: Sequence[str] = (),
        after: str = "",
        limit: int = PAGE,
    ) -> list[str]:
        """Return a page of the return_ids that a party may see, in order.

        Args:
            mark: Of the party, 32 bytes.
            countries: Cases whose buyer or seller is in one of these are seen too.
            after: Only return_ids after this one.
            limit: Most of them.
        """
        where = ["c.return_id IN (SELECT return_id FROM members WHERE mark = ?)"]
        values: list[object] = [after, mark]
        if countries:
            marks = ", ".join("?" * len(countries))
            where += [f"c.buyer_country IN ({marks})", f"c.seller_country IN ({marks})"]
            values += [*countries, *countries]
        seen = " OR ".join(where)
        statement = f"SELECT c.return_id FROM cases c WHERE c.return_id > ? AND ({seen}) ORDER BY c.return_id LIMIT ?"  # noqa: S608
        return [str(row[0]) for row in self._database.rows(statement, *values, limit)]


def _credential(row: Sequence[Any]) -> StoredCredential:
    prefix, kind, secret, role, mark, key_id, reference, label, scopes, acts_for, countries, *rest = row
    return StoredCredential(
        str(prefix),
        str(kind),
        stored_bytes(secret),
        str(role),
        stored_bytes(mark),
        stored_bytes(key_id),
        stored_bytes(reference),
        str(label),
        tuple(str(scopes).split()),
        tuple(str(acts_for).split()),
        tuple(str(countries).split()),
        *rest,
    )
