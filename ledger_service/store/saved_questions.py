"""The questions to statistics that parties saved, as rows.

Promises: name and question are sealed under the party's key, and go with it. Does not: read them
(`operations/saved_questions.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.store.connection import Database
from ledger_service.store.read import stored_bytes


@dataclass(frozen=True, slots=True)
class StoredQuestion:
    """A saved question: 32 hex digits, the party's mark (32 bytes), and what is sealed under its key `key_id`."""

    id: str
    mark: bytes
    key_id: bytes
    sealed: bytes


class SavedQuestions:
    """Reads and changes the saved questions in one database. Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        """Take an open database."""
        self._database = database

    def put(self, question: StoredQuestion, *, now: str, most: int) -> bool:
        """Store a question in place of one with the same id; durable on return.

        Say whether there was room: a party has at most `most`.
        """
        statement = (
            "INSERT INTO saved_questions (id, mark, key_id, sealed, created_at) SELECT ?, ?, ?, ?, ?"
            " WHERE (SELECT COUNT(*) FROM saved_questions WHERE mark = ? AND id <> ?) < ?"
            " ON CONFLICT (id) DO UPDATE SET sealed = excluded.sealed, key_id = excluded.key_id"
        )
        given = (question.id, question.mark, question.key_id, question.sealed, now, question.mark, question.id, most)
        return self._database.change(statement, *given) == 1

    def of(self, mark: bytes) -> list[StoredQuestion]:
        """Return the questions of a party, oldest first."""
        statement = "SELECT id, mark, key_id, sealed FROM saved_questions WHERE mark = ? ORDER BY created_at, id"
        return [
            StoredQuestion(str(row[0]), stored_bytes(row[1]), stored_bytes(row[2]), stored_bytes(row[3]))
            for row in self._database.rows(statement, mark)
        ]

    def remove(self, identity: str, *, mark: bytes) -> bool:
        """Remove a question of a party; durable on return. Say whether it was there."""
        return self._database.change("DELETE FROM saved_questions WHERE id = ? AND mark = ?", identity, mark) == 1
