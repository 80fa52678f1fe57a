"""The case index as rows: the nodes of its trie, and the root as of each size at which it was made.

A root of size n covers the entries 0 to n-1. Nodes have numbers and name those below them by number, so that what an
update adds lies together at the end of its table: by their hashes it would lie anywhere, a page for each node. A node
is kept until no root needs it: `case_index_replaced` says from which size on. Promises: what is made under the write
lock is part of that commit; what is made outside of it counts only if nobody was faster. Everything here follows from
the entries (`audit` shows it) and may be thrown away. Does not: take the lock.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from sqlalchemy import Connection

from ledger_service.core.case_index import EMPTY_ROOT, Indexed, case_key, key_of, update, value_of
from ledger_service.core.returns import Case
from ledger_service.core.trie import ReadNode, references
from ledger_service.errors import StoreError
from ledger_service.store.connection import Database, take_index_lock

PRUNED_AT_ONCE = 500  # nodes in one transaction: on SQLite no entry is appended meanwhile

_NEWEST = "SELECT size, root, node FROM case_index_roots ORDER BY size DESC LIMIT 1"
_NODE = "SELECT node, below FROM case_index_nodes WHERE id = ?"
_CHANGED = (
    "SELECT return_id, buyer_country, seller_country, opened_at, count, head FROM cases WHERE return_id IN"
    " (SELECT return_id FROM entries WHERE idx >= ? AND seq IS NOT NULL)"
)
_LAST_NODE = "SELECT COALESCE(MAX(id), 0) FROM case_index_nodes"
_PUT_NODE = "INSERT INTO case_index_nodes (id, node, below) VALUES (?, ?, ?)"
_PUT_ROOT = "INSERT INTO case_index_roots (size, root, node) VALUES (?, ?, ?)"
_PUT_REPLACED = "INSERT INTO case_index_replaced (until, id) VALUES (?, ?)"
_REPLACED = "SELECT until, id FROM case_index_replaced WHERE until <= ? ORDER BY until, id LIMIT ?"


@dataclass(frozen=True, slots=True)
class Root:
    """The root over the first `size` entries; `number` is that of its node, 0 where there is none."""

    size: int
    hash: bytes
    number: int


class _Nodes:
    """The nodes below a root by their hashes, as the trie asks for them: from the top down."""

    def __init__(self, root: Root, fetch: Callable[[int], Sequence[Any] | None]) -> None:
        self.numbers = {root.hash: root.number}
        self.read: dict[bytes, int] = {}
        self._fetch = fetch

    def __call__(self, wanted: bytes) -> bytes:
        """Return a node; StoreError if it is not stored."""
        number = self.numbers.get(wanted)
        row = None if number is None else self._fetch(number)
        if number is None or row is None:
            raise _lost()
        self.read[wanted] = number
        node, below = bytes(row[0]), bytes(row[1])
        self.numbers.update(zip(references(node), _unpacked(below), strict=True))
        return node


@dataclass(frozen=True, slots=True)
class _Grown:
    """A root with the nodes that the one before it had not, and what was read of that one."""

    size: int
    root: bytes
    new: Mapping[bytes, bytes]
    nodes: _Nodes


def root_under_lock(connection: Connection, store: Database, *, size: int, moved: Mapping[str, Case]) -> bytes:
    """Return the root over the first `size` entries, and put it into the transaction of a seal.

    Args:
        connection: Holds the write lock.
        store: Whose connection it is.
        size: How many entries there are, those of this commit included.
        moved: The cases that this commit moved, by return_id, as they are now.
    """
    take_index_lock(connection)
    base = _newest(connection)
    if base.size == size:  # it was caught up with just before, and nothing came since
        return base.hash
    changes = _changes(connection, store, base.size)
    changes |= {case_key(case): value_of(Indexed(case.count, case.head)) for case in moved.values()}
    grown = _grow(connection, store, base, changes, size=size)
    _put(connection, store, grown)
    return grown.root


def catch_up(store: Database) -> bool:
    """Bring the index up to the newest entries outside of the write lock; say whether there was something to do."""
    with store.reading() as connection:
        base = _newest(connection)
        size = int(connection.exec_driver_sql("SELECT COALESCE(MAX(size), 0) FROM checkpoints").scalar_one())
        if size <= base.size:
            return False
        changes = _changes(connection, store, base.size)
        grown = _grow(connection, store, base, changes, size=size)
    with store.changing() as connection:
        take_index_lock(connection)
        if _newest(connection) != base:
            return True  # a seal was faster, and its root is further on
        _put(connection, store, grown)
    return True


def prune(store: Database, *, keep: int) -> int:
    """Throw away all but the newest `keep` roots and what they need; return how many nodes went."""
    oldest = store.rows("SELECT size FROM case_index_roots ORDER BY size DESC LIMIT 1 OFFSET ?", keep - 1)
    if not oldest:
        return 0
    size = int(oldest[0][0])
    store.change("DELETE FROM case_index_roots WHERE size < ?", size)
    gone = 0
    while True:
        with store.changing() as connection:
            rows = connection.exec_driver_sql(store.sql(_REPLACED), (size, PRUNED_AT_ONCE)).all()
            if not rows:
                return gone
            marks = [(int(until), int(number)) for until, number in rows]
            nodes = [(number,) for _, number in marks]
            connection.exec_driver_sql(store.sql("DELETE FROM case_index_nodes WHERE id = ?"), nodes)
            connection.exec_driver_sql(store.sql("DELETE FROM case_index_replaced WHERE until = ? AND id = ?"), marks)
        gone += len(rows)


def forget(connection: Connection) -> None:
    """Throw the whole index away; the next seal makes it anew from the cases."""
    take_index_lock(connection)
    for table in ("roots", "replaced", "nodes"):
        connection.exec_driver_sql(f"DELETE FROM case_index_{table}")  # noqa: S608 - our own text


def root_at(store: Database, size: int) -> Root | None:
    """Return the root over the first `size` entries, None where it was not made or was thrown away."""
    rows = store.rows("SELECT size, root, node FROM case_index_roots WHERE size = ?", size)
    return _root(rows[0]) if rows else None


def nodes_of(store: Database, root: Root) -> ReadNode:
    """Return what reads the nodes of a root by their hashes, from the top down.

    It raises a StoreError for a node that is not stored.
    """
    return _Nodes(root, lambda number: next(iter(store.rows(_NODE, number)), None))


def _newest(connection: Connection) -> Root:
    row = connection.exec_driver_sql(_NEWEST).one_or_none()
    return Root(0, EMPTY_ROOT, 0) if row is None else _root(row)


def _root(row: Sequence[Any]) -> Root:
    return Root(int(row[0]), bytes(row[1]), int(row[2]))


def _changes(connection: Connection, store: Database, since: int) -> dict[bytes, bytes]:
    """Return the values, by key, of the cases with an entry at `since` or later."""
    rows = connection.exec_driver_sql(store.sql(_CHANGED), (since,))
    return {
        key_of(str(row[0]), buyer_country=str(row[1]), seller_country=str(row[2]), opened_at=str(row[3])): value_of(
            Indexed(int(row[4]), bytes(row[5]))
        )
        for row in rows
    }


def _grow(connection: Connection, store: Database, base: Root, changes: Mapping[bytes, bytes], *, size: int) -> _Grown:
    statement = store.sql(_NODE)
    nodes = _Nodes(base, lambda number: connection.exec_driver_sql(statement, (number,)).one_or_none())
    root, new = update(base.hash, changes, nodes)
    return _Grown(size, root, new, nodes)


def _put(connection: Connection, store: Database, grown: _Grown) -> None:
    numbers, stayed = grown.nodes.numbers, grown.nodes.read.keys() & grown.new.keys()
    free = count(int(connection.exec_driver_sql(_LAST_NODE).scalar_one()) + 1)
    rows = []
    for hashed, node in grown.new.items():  # what a node refers to comes before it
        if hashed not in stayed:
            numbers[hashed] = next(free)
            rows.append((numbers[hashed], node, _packed([numbers[one] for one in references(node)])))
    if rows:
        connection.exec_driver_sql(store.sql(_PUT_NODE), rows)
    replaced = [(grown.size, number) for hashed, number in grown.nodes.read.items() if hashed not in stayed]
    if replaced:
        connection.exec_driver_sql(store.sql(_PUT_REPLACED), replaced)
    connection.exec_driver_sql(store.sql(_PUT_ROOT), (grown.size, grown.root, numbers[grown.root]))


def _packed(numbers: Sequence[int]) -> bytes:
    return struct.pack(f">{len(numbers)}Q", *numbers)


def _unpacked(below: bytes) -> tuple[int, ...]:
    return struct.unpack(f">{len(below) // 8}Q", below)


def _lost() -> StoreError:
    return StoreError(
        "a node of the case index is not stored", hint="`rledger database rebuild-cases` makes it anew from the entries"
    )
