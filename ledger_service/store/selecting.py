"""Which cases an export holds, or statistics count: by country and by when they were opened, of those that one may see.

Promises: a case counts that began below an index; the order is that of the return_ids. Does not: decide who may see
what (`operations/export.py` says whose).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger_service.core.export import Filters
from ledger_service.store.connection import Database
from ledger_service.store.read import stored_bytes


@dataclass(frozen=True, slots=True)
class Seer:
    """Whose cases: those with this mark (32 bytes) on their access list, and those of these countries."""

    mark: bytes
    countries: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """A case, the index of its newest entry, and the marks of the sellers on its access list."""

    return_id: str
    last_index: int
    sellers: tuple[bytes, ...]


def select_cases(database: Database, seer: Seer | None, filters: Filters, *, below: int, limit: int) -> list[str]:
    """Return the return_ids of the cases wanted, in order, at most `limit`.

    Args:
        database: An open one.
        seer: Whose; None: all cases.
        filters: Which of them.
        below: Only cases whose first entry has a smaller index.
        limit: Most of them.
    """
    chosen, values = _chosen(seer, filters)
    begun = "EXISTS (SELECT 1 FROM entries e WHERE e.return_id = c.return_id AND e.seq = 0 AND e.idx < ?)"
    statement = f"SELECT c.return_id FROM cases c WHERE {chosen} AND {begun} ORDER BY c.return_id LIMIT ?"  # noqa: S608 - our own text
    return [str(row[0]) for row in database.rows(statement, *values, below, limit)]


def select_places(database: Database, seer: Seer | None, filters: Filters, *, limit: int) -> list[Place]:
    """Return the cases wanted as they are now, in the order of their return_ids, at most `limit`; as `select_cases`."""
    chosen, values = _chosen(seer, filters)
    inner = f"SELECT c.return_id FROM cases c WHERE {chosen}"  # noqa: S608 - our own text
    marks: dict[str, list[bytes]] = {}
    for return_id, mark in database.rows(
        f"SELECT return_id, mark FROM members WHERE role = 'seller' AND return_id IN ({inner})",  # noqa: S608
        *values,
    ):
        marks.setdefault(str(return_id), []).append(stored_bytes(mark))
    statement = f"SELECT c.return_id, c.last_index FROM cases c WHERE {chosen} ORDER BY c.return_id LIMIT ?"  # noqa: S608
    rows = database.rows(statement, *values, limit)
    return [Place(str(row[0]), int(row[1]), tuple(sorted(marks.get(str(row[0]), ())))) for row in rows]


def _chosen(seer: Seer | None, filters: Filters) -> tuple[str, list[object]]:
    """Return the condition on a row `c` of the cases, and its values."""
    where, values = ["1 = 1"], list[object]()
    if seer is not None:
        seen = ["c.return_id IN (SELECT return_id FROM members WHERE mark = ?)"]
        values.append(seer.mark)
        if seer.countries:
            marks = ", ".join("?" * len(seer.countries))
            seen += [f"c.buyer_country IN ({marks})", f"c.seller_country IN ({marks})"]
            values += [*seer.countries, *seer.countries]
        where.append("(" + " OR ".join(seen) + ")")
    for condition, value in (
        ("c.buyer_country = ?", filters.buyer_country),
        ("c.seller_country = ?", filters.seller_country),
        ("c.opened_at >= ?", filters.opened_from),
        ("c.opened_at < ?", filters.opened_until),
    ):
        if value is not None:
            where.append(condition)
            values.append(value)
    return " AND ".join(where), values
