"""State proofs of anchors that are final, one for each head at each target: the newest wins.

Promises: a proof at an older block never replaces one at a newer. Does not: know what a proof says
(`core.kept_proof`), or verify it. Losing them loses nothing: they are made again at a newer block.
"""

from __future__ import annotations

from ledger_service.core.anchor_record import AnchorState
from ledger_service.store.connection import Database
from ledger_service.store.read import stored_bytes


class AnchorProofs:
    """Reads and replaces the proofs in one database."""

    def __init__(self, database: Database) -> None:
        """Take an open database."""
        self._database = database

    def save(self, log_id: bytes, sequence: int, *, block_number: int, record: bytes) -> None:
        """Keep a proof made at a block, unless one at a newer block is kept."""
        statement = self._database.sql(
            "INSERT INTO anchor_proofs (log_id, sequence, block_number, record) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (log_id, sequence) DO UPDATE SET block_number = excluded.block_number,"
            " record = excluded.record WHERE excluded.block_number >= anchor_proofs.block_number"
        )
        with self._database.changing() as connection:
            connection.exec_driver_sql(statement, (log_id, sequence, block_number, record))

    def record(self, log_id: bytes, sequence: int) -> bytes | None:
        """Return the proof that is kept of a head, None if none is."""
        rows = self._database.rows(
            "SELECT record FROM anchor_proofs WHERE log_id = ? AND sequence = ?", log_id, sequence
        )
        return stored_bytes(rows[0][0]) if rows else None

    def missing(self, log_id: bytes, *, most: int) -> list[int]:
        """Return the sequences of heads that became final and have no proof yet, newest first, at most `most`."""
        rows = self._database.rows(
            "SELECT DISTINCT sequence FROM anchor_history WHERE log_id = ?"  # noqa: S608 - our own text
            f" AND state = '{AnchorState.FINALIZED.value}' AND NOT EXISTS (SELECT 1 FROM anchor_proofs p"
            " WHERE p.log_id = anchor_history.log_id AND p.sequence = anchor_history.sequence)"
            " ORDER BY sequence DESC LIMIT ?",
            log_id,
            most,
        )
        return [int(row[0]) for row in rows]
