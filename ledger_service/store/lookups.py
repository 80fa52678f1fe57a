"""What a group of drafts starts from, read under the write lock: the tip, the cases, the keys, the earlier answers.

Promises: one query a kind, whatever the number of drafts; a tip whose nodes do not give the root of the newest
checkpoint is refused. Does not: take the lock (`ledger.py` holds it), or remember anything.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from ledger_service.core import encoding
from ledger_service.core.entry import parse_entry
from ledger_service.core.merkle import EMPTY_ROOT, Frontier, nodes_for_root, stored_id
from ledger_service.core.returns import parse_case
from ledger_service.errors import StoreError
from ledger_service.store import statements
from ledger_service.store.connection import Database
from ledger_service.store.drafts import Appended, IdempotencyKey
from ledger_service.store.group import KnownCase, Tip


@dataclass(frozen=True, slots=True)
class NewestHead:
    """The newest checkpoint's size, root and time."""

    size: int
    root: bytes
    recorded_at: str


def read_newest_head(connection: Connection) -> NewestHead | None:
    """Return the newest tree head, None in an empty log."""
    rows = _rows(connection, statements.NEWEST_CHECKPOINT)
    return NewestHead(int(rows[0][0]), bytes(rows[0][1]), str(rows[0][2])) if rows else None


def read_tip(connection: Connection, store: Database, head: NewestHead | None) -> Tip:
    """Return the right end of the log at its newest head, the frontier read back and checked against the root.

    Raises:
        StoreError: The stored nodes do not give that root.
    """
    if head is None:
        return Tip(0, EMPTY_ROOT, "", "", 1, Frontier.empty())
    wanted = [stored_id(level, position) for level, position in nodes_for_root(head.size)]
    rows = connection.exec_driver_sql(store.sql(statements.select_nodes(len(wanted))), tuple(wanted))
    found = {int(row[0]): bytes(row[1]) for row in rows}
    peaks = [found[number] for number in wanted if number in found]
    if len(peaks) != len(wanted) or Frontier(head.size, peaks).root() != head.root:
        raise StoreError(
            f"the stored nodes do not give the root of the newest checkpoint, size {head.size}",
            hint="write nothing more; `rledger audit` names the first contradiction",
        )
    genesis = bytes(connection.exec_driver_sql(statements.GENESIS).scalar_one())
    seal = connection.exec_driver_sql(statements.LAST_SEAL).scalar()
    return Tip(
        size=head.size,
        root=head.root,
        recorded_at=head.recorded_at,
        origin=parse_entry(genesis).origin,
        last_seal_size=1 if seal is None else int(seal) + 1,
        frontier=Frontier(head.size, peaks),
    )


def read_cases(connection: Connection, store: Database, return_ids: Collection[str]) -> dict[str, KnownCase]:
    """Return those of the cases that exist, by return_id."""
    if not return_ids:
        return {}
    statement = store.sql(statements.select_cases(len(return_ids)))
    rows = _rows(connection, statement, *return_ids)
    return {
        return_id: (parse_case(encoding.parse(snapshot.encode())), int(first)) for return_id, snapshot, first in rows
    }


def read_keys(
    connection: Connection, store: Database, keys: Collection[IdempotencyKey]
) -> dict[tuple[str, str], tuple[bytes, int]]:
    """Return for those of the keys that were used before, by (scope, key), the fingerprint and the index."""
    by_scope: dict[str, list[str]] = {}
    for key in keys:
        by_scope.setdefault(key.scope, []).append(key.key)
    found = {}
    for scope, names in by_scope.items():  # a scope is a caller of the API: few in one group
        statement = store.sql(statements.select_keys(len(names)))
        for name, fingerprint, index in _rows(connection, statement, scope, *names):
            found[scope, name] = (bytes(fingerprint), int(index))
    return found


def read_replayed(connection: Connection, store: Database, index: int) -> Appended:
    """Return the answer that was given for an entry: the entry, and the first checkpoint that covers it."""
    statement = store.sql(statements.ENTRY_AND_CHECKPOINT)
    leaf, entry, note, size = connection.exec_driver_sql(statement, (index,)).one()
    encoded = bytes(entry)
    return Appended(index, bytes(leaf), encoded, parse_entry(encoded), bytes(note), int(size), replayed=True)


def _rows(connection: Connection, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Return the rows of a query on the driver's own cursor, as `Database.rows` does, inside the transaction."""
    with closing(connection.connection.cursor()) as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
