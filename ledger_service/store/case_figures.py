"""What each case adds to statistics, as rows: sealed under the key of the case, since deadlines follow from its values.

Promises: an older count never takes the place of a newer one; a row goes with the key of its case. Does not: count
(`core/case_figures.py`), or know whether a row still holds (`operations/case_tallies.py`). Losing them costs time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ledger_service.store.connection import Database
from ledger_service.store.read import stored_bytes
from ledger_service.store.selecting import Place

TOGETHER = 500  # names in one query


@dataclass(frozen=True, slots=True)
class KeptFigures:
    """Figures of a case up to an index, sealed under the key `key_id` (16 bytes)."""

    return_id: str
    last_index: int
    key_id: bytes
    sealed: bytes


class CaseFiguresStore:
    """Reads and replaces the figures in one database. Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        """Take an open database."""
        self._database = database

    def of(self, return_ids: Sequence[str]) -> Iterator[KeptFigures]:
        """Yield what is kept of these cases."""
        for start in range(0, len(return_ids), TOGETHER):
            some = return_ids[start : start + TOGETHER]
            holes = ", ".join("?" * len(some))
            statement = f"SELECT return_id, last_index, key_id, sealed FROM case_figures WHERE return_id IN ({holes})"  # noqa: S608
            for row in self._database.rows(statement, *some):
                yield KeptFigures(str(row[0]), int(row[1]), stored_bytes(row[2]), stored_bytes(row[3]))

    def moved(self, *, limit: int) -> list[Place]:
        """Return at most `limit` cases that have no figures up to their newest entry, those that moved last first."""
        statement = (
            "SELECT c.return_id, c.last_index FROM cases c LEFT JOIN case_figures f ON f.return_id = c.return_id"
            " WHERE f.last_index IS NULL OR f.last_index <> c.last_index ORDER BY c.last_index DESC LIMIT ?"
        )
        return [Place(str(row[0]), int(row[1]), ()) for row in self._database.rows(statement, limit)]

    def keep(self, figures: Sequence[KeptFigures]) -> None:
        """Keep figures in place of older ones; durable on return.

        In one order, whoever writes: two processes that keep the same cases at once then wait for each other in turn.
        """
        if not figures:
            return
        statement = self._database.sql(
            "INSERT INTO case_figures (return_id, last_index, key_id, sealed) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (return_id) DO UPDATE SET last_index = excluded.last_index, key_id = excluded.key_id,"
            " sealed = excluded.sealed WHERE excluded.last_index >= case_figures.last_index"
        )
        ordered = sorted(figures, key=lambda one: one.return_id)
        with self._database.changing() as connection:
            connection.exec_driver_sql(
                statement, [(one.return_id, one.last_index, one.key_id, one.sealed) for one in ordered]
            )

    def remove(self, return_ids: Sequence[str]) -> None:
        """Remove what is kept of these cases; durable on return."""
        for start in range(0, len(return_ids), TOGETHER):
            some = return_ids[start : start + TOGETHER]
            holes = ", ".join("?" * len(some))
            self._database.change(f"DELETE FROM case_figures WHERE return_id IN ({holes})", *some)  # noqa: S608
