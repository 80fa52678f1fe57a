"""The anchors' histories: every step that an anchor took, appended before the act that it announces.

An anchor is named by the log's id on its chain and the sequence of its head; its present state is its highest step.
Promises: a step is saved by one of two workers, never by both; nothing of a history is changed or removed.
Does not: know what a record says, except to find the newest final one (`core.anchor_record`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from ledger_service.core.anchor_record import UNFINISHED, AnchorState, parse_anchor_record
from ledger_service.core.log_entry import After
from ledger_service.errors import StoreBusyError, StoreError
from ledger_service.store.connection import Database
from ledger_service.store.leases import Lease, require
from ledger_service.store.read import stored_bytes

_GIVEN_UP = frozenset(AnchorState) - UNFINISHED - {AnchorState.FINALIZED}
_COLUMNS = "log_id, sequence, step, size, state, recorded_at, record"
_NEWEST_STEP = (
    "step = (SELECT MAX(other.step) FROM anchor_history other"
    " WHERE other.log_id = anchor_history.log_id AND other.sequence = anchor_history.sequence)"
)


@dataclass(frozen=True, slots=True)
class StoredAnchor:
    """One step of an anchor: `record` is its canonical JSON, `size` the tree size of its head."""

    log_id: bytes
    sequence: int
    step: int
    size: int
    state: str
    recorded_at: str
    record: bytes


class AnchorHistory:
    """Reads and extends the histories in one database."""

    def __init__(self, database: Database) -> None:
        """Take an open database."""
        self._database = database

    def save(
        self,
        log_id: bytes,
        sequence: int,
        *,
        step: int,
        size: int,
        state: str,
        record: bytes,
        recorded_at: str,
        lease: Lease | None = None,
    ) -> None:
        """Append a step; durable on return.

        Args:
            log_id: The log's id in the contract, 32 bytes.
            sequence: The head's number.
            step: 0 for a new anchor, else one more than the step that the caller acted on.
            size: Tree size of the head.
            state: `AnchorState` value.
            record: Canonical bytes of the anchor.
            recorded_at: RFC 3339 UTC with milliseconds.
            lease: Without which the step must not be taken.

        Raises:
            LeaseLostError: Another worker has taken over.
            StoreBusyError: Another worker took this step first; read again, then decide anew.
        """
        with self._database.writing() as connection:
            if lease is not None:
                require(self._database, connection, lease)
            newest = connection.exec_driver_sql(
                self._database.sql("SELECT MAX(step) FROM anchor_history WHERE log_id = ? AND sequence = ?"),
                (log_id, sequence),
            ).scalar()
            expected = 0 if newest is None else int(newest) + 1
            if step != expected:
                raise StoreBusyError(
                    f"the next step of anchor {sequence} is {expected}, not {step}: another worker was first",
                    hint="read the anchor again, then decide anew",
                )
            number = connection.exec_driver_sql("SELECT COALESCE(MAX(id), -1) + 1 FROM anchor_history").scalar()
            connection.exec_driver_sql(
                self._database.sql(f"INSERT INTO anchor_history (id, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"),  # noqa: S608
                (number, log_id, sequence, step, size, state, recorded_at, record),
            )

    def current(self, log_id: bytes) -> list[StoredAnchor]:
        """Return the newest step of each anchor of a log, by sequence."""
        return self._select(f"WHERE log_id = ? AND {_NEWEST_STEP} ORDER BY sequence", log_id)

    def working_set(self, log_id: bytes, *, since: str) -> list[StoredAnchor]:
        """Return what the next step is decided on, by sequence and step.

        The newest step of every anchor that is not final, or became so since a time (RFC 3339 UTC), and every step
        since then by which an anchor ended without success: of both, other transactions may still wait.
        """
        ended = ", ".join(f"'{state.value}'" for state in sorted(_GIVEN_UP))
        newest = f"({_NEWEST_STEP} AND (state <> 'finalized' OR recorded_at >= ?))"
        where = f"WHERE log_id = ? AND ({newest} OR (state IN ({ended}) AND recorded_at >= ?)) ORDER BY sequence, step"
        return self._select(where, log_id, since, since)

    def unfinished(self, log_id: bytes) -> list[StoredAnchor]:
        """Return the newest step of each anchor that still has a way to go, by sequence."""
        states = ", ".join(f"'{state.value}'" for state in sorted(UNFINISHED))
        return self._select(f"WHERE log_id = ? AND {_NEWEST_STEP} AND state IN ({states}) ORDER BY sequence", log_id)

    def sizes_elsewhere(self, log_id: bytes, *, above: int) -> list[int]:
        """Return the sizes above `above` of heads that stand, or are on their way, at other targets than this."""
        given_up = ", ".join(f"'{state.value}'" for state in sorted(_GIVEN_UP))
        statement = (
            f"SELECT DISTINCT size FROM anchor_history WHERE log_id <> ? AND size > ? AND {_NEWEST_STEP}"  # noqa: S608
            f" AND state NOT IN ({given_up}) ORDER BY size"
        )
        return [int(row[0]) for row in self._database.rows(statement, log_id, above)]

    def placed_size(self, log_id: bytes) -> int:
        """Return the largest size of a head that is in a block now; 0 where none is."""
        statement = (
            f"SELECT MAX(size) FROM anchor_history WHERE log_id = ? AND {_NEWEST_STEP}"  # noqa: S608
            f" AND state IN ('{AnchorState.INCLUDED.value}', '{AnchorState.FINALIZED.value}')"
        )
        return int(self._database.rows(statement, log_id)[0][0] or 0)

    def newest(self, log_id: bytes) -> StoredAnchor | None:
        """Return the newest step of the anchor with the highest sequence, or None."""
        found = self._select(f"WHERE log_id = ? AND {_NEWEST_STEP} ORDER BY sequence DESC LIMIT 1", log_id)
        return found[0] if found else None

    def newest_final(self, log_id: bytes) -> StoredAnchor | None:
        """Return the newest step of the finalized anchor with the highest sequence, or None."""
        where = f"WHERE log_id = ? AND {_NEWEST_STEP} AND state = 'finalized' ORDER BY sequence DESC LIMIT 1"
        found = self._select(where, log_id)
        return found[0] if found else None

    def finalized(self, *, after: int = -1) -> list[tuple[int, StoredAnchor]]:
        """Return the steps by which anchors became final, oldest first, those with a row above `after`."""
        statement = (
            f"SELECT id, {_COLUMNS} FROM anchor_history"  # noqa: S608 - our own text
            f" WHERE state = '{AnchorState.FINALIZED.value}' AND id > ? ORDER BY id"
        )
        return [(int(row[0]), _anchor(row[1:])) for row in self._database.rows(statement, after)]

    def contradicted(self) -> list[StoredAnchor]:
        """Return the steps by which anchors that were final turned out not to be, oldest first."""
        return self._select(f"WHERE state = '{AnchorState.CONTRADICTED.value}' ORDER BY id")

    def history(self, log_id: bytes, sequence: int) -> list[StoredAnchor]:
        """Return every step of one anchor, oldest first."""
        return self._select("WHERE log_id = ? AND sequence = ? ORDER BY step", log_id, sequence)

    def _select(self, where: str, *values: object) -> list[StoredAnchor]:
        statement = self._database.sql(f"SELECT {_COLUMNS} FROM anchor_history {where}")  # noqa: S608 - our own text
        with self._database.reading() as connection:
            rows = connection.exec_driver_sql(statement, values).all()
        return [_anchor(row) for row in rows]


def _anchor(row: Sequence[Any]) -> StoredAnchor:
    log_id, sequence, step, size, state, recorded_at, record = row
    return StoredAnchor(stored_bytes(log_id), sequence, step, size, state, recorded_at, stored_bytes(record))


def read_newest_final_anchor(connection: Connection) -> After | None:
    """Return what a seal quotes: the anchor that became final last, on any chain; None before the first.

    Raises:
        StoreError: Its record holds no commitment.
    """
    encoded = connection.exec_driver_sql(
        f"SELECT record FROM anchor_history WHERE state = '{AnchorState.FINALIZED.value}' AND {_NEWEST_STEP}"  # noqa: S608
        " ORDER BY id DESC LIMIT 1"
    ).scalar()
    if encoded is None:
        return None
    anchor = parse_anchor_record(bytes(encoded))
    if anchor.commitment is None:
        raise StoreError(f"the finalized anchor {anchor.sequence} has no commitment", hint="run `rledger audit`")
    return After(anchor.chain_id, anchor.log_id, anchor.sequence, anchor.commitment)
