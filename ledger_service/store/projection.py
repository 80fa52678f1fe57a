"""The projection of cases, derived again from the entries: compare it, or build it anew.

Promises: what is derived comes from entry bytes alone. `rebuild_cases` is one transaction under the write lock, so
that no entry slips in between. Does not: touch the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from ledger_service.core.entry import ASIDE_KINDS, CaseEntry, parse_entry
from ledger_service.core.returns import Case, evolve
from ledger_service.store import case_index, statements
from ledger_service.store.connection import Database
from ledger_service.store.group import Row, case_row
from ledger_service.store.read import CHUNK, stored_bytes

_COLUMNS = (
    "return_id", "state", "count", "head", "last_index", "buyer_country", "seller_country", "opened_at", "snapshot",
)  # fmt: skip
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM cases"  # noqa: S608 - our own text


@dataclass(frozen=True, slots=True)
class CaseDifference:
    """A case whose row differs: `member` is the first column that does; None in place of a value: no row at all."""

    return_id: str
    member: str
    stored: object
    derived: object


def compare_cases(store: Database) -> list[CaseDifference]:
    """Return where the projection differs from what the entries give, by return_id; empty if nowhere.

    Raises:
        EntryFormatError: An entry does not follow its case, so nothing can be derived.
    """
    with store.reading() as connection:  # one snapshot for entries and cases
        derived = _derive(connection, store)
        stored = {str(row[0]): _plain(row) for row in connection.exec_driver_sql(_SELECT).all()}
    differences = []
    for return_id in sorted(stored.keys() | derived.keys()):
        ours, theirs = derived.get(return_id), stored.get(return_id)
        if ours is None or theirs is None:
            differences.append(CaseDifference(return_id, "return_id", theirs and return_id, ours and return_id))
            continue
        for member, left, right in zip(_COLUMNS, theirs, ours, strict=True):
            if left != right:
                differences.append(CaseDifference(return_id, member, left, right))
                break
    return differences


def rebuild_cases(store: Database) -> int:
    """Replace the projection by what the entries give; return how many cases there are.

    Raises:
        EntryFormatError: An entry does not follow its case; the projection is left as it is.
        StoreError: The database cannot be written.
    """
    with store.writing() as connection:
        derived = _derive(connection, store)
        connection.exec_driver_sql("DELETE FROM cases")
        case_index.forget(connection)  # it was made from what the projection said
        if derived:
            connection.exec_driver_sql(store.sql(statements.PUT_CASE), list(derived.values()))
    return len(derived)


def derive_cases(entries: Iterable[tuple[int, bytes]]) -> dict[str, Row]:
    """Return the row of each case, by return_id, that the entries give.

    Args:
        entries: (index, canonical bytes) in the order of the log.
    """
    cases: dict[str, tuple[Case, int]] = {}
    for index, encoded in entries:
        entry = parse_entry(encoded)
        if isinstance(entry, CaseEntry) and entry.kind not in ASIDE_KINDS:
            before = cases.get(entry.return_id)
            case = evolve(None if before is None else before[0], entry, encoded=encoded)
            cases[entry.return_id] = (case, index)
    return {return_id: case_row(case, index) for return_id, (case, index) in cases.items()}


def _derive(connection: Connection, store: Database) -> dict[str, Row]:
    return derive_cases(_entries(connection, store))


def _entries(connection: Connection, store: Database) -> Iterator[tuple[int, bytes]]:
    statement = store.sql("SELECT idx, entry FROM entries WHERE idx >= ? AND seq IS NOT NULL ORDER BY idx LIMIT ?")
    start = 0
    while rows := connection.exec_driver_sql(statement, (start, CHUNK)).all():
        for index, encoded in rows:
            yield index, stored_bytes(encoded)
        start = rows[-1][0] + 1


def _plain(row: Sequence[Any]) -> Row:
    return tuple(bytes(value) if isinstance(value, memoryview) else value for value in row)
