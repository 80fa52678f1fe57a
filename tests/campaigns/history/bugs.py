"""The five bugs that the history checker must find, and what each needs of the database to get through at all.

The database stops three of them: the log tables take the next row alone, once, and never change one. Here that is
taken away after the processes have started (they refuse to start without it), as an owner could.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from tests.postgres import PostgresDatabase

_ORDER = (
    "ALTER TABLE entries DISABLE TRIGGER USER",
    "ALTER TABLE nodes DISABLE TRIGGER USER",
    "ALTER TABLE checkpoints DISABLE TRIGGER USER",
)
_UNIQUE = (
    "ALTER TABLE entries DROP CONSTRAINT entries_pkey CASCADE",
    "ALTER TABLE entries DROP CONSTRAINT IF EXISTS uq_entries_first_idx_seq",
    "ALTER TABLE nodes DROP CONSTRAINT nodes_pkey CASCADE",
    "ALTER TABLE checkpoints DROP CONSTRAINT checkpoints_pkey CASCADE",
)


@dataclass(frozen=True, slots=True)
class Bug:
    """A bug of `served.py`: rules of which the checker must see at least one broken, and what is loosened for it."""

    name: str
    rules: frozenset[int]
    loosen: Sequence[str] = ()

    def prepare(self, database: PostgresDatabase) -> None:
        """Take away what stops it."""
        with psycopg.connect(database.owner_url.replace("+psycopg", ""), autocommit=True) as connection:
            for statement in self.loosen:
                connection.execute(statement.format(role=database.application_role))


BUGS = (
    Bug("no_lock", frozenset({1, 7}), (*_ORDER, *_UNIQUE)),
    Bug("early_answer", frozenset({1, 4})),
    Bug("stale_cache", frozenset({4})),
    Bug("replace_entry", frozenset({1, 5, 8}), (*_ORDER, 'GRANT UPDATE ON entries TO "{role}"')),
    Bug("ignored_key", frozenset({1, 6})),
)
