"""The SQL of the write path, written once with `?` for both databases.

Does not: run anything. Column orders here are those of the tuples in `group.py`.
"""

from __future__ import annotations

NEWEST_CHECKPOINT = "SELECT size, root, recorded_at FROM checkpoints ORDER BY size DESC LIMIT 1"
GENESIS = "SELECT entry FROM entries WHERE idx = 0"
LAST_SEAL = "SELECT idx FROM entries WHERE return_id IS NULL AND kind = 'seal' ORDER BY idx DESC LIMIT 1"
ENTRY_AND_CHECKPOINT = (
    "SELECT e.leaf_hash, e.entry, c.note, c.size FROM entries e JOIN checkpoints c"
    " ON c.size = (SELECT MIN(size) FROM checkpoints WHERE size > e.idx) WHERE e.idx = ?"
)
NEWEST_NOTE = "SELECT note, size, root FROM checkpoints ORDER BY size DESC LIMIT 1"

INSERT_ENTRY = (
    "INSERT INTO entries (idx, leaf_hash, kind, return_id, first_idx, seq, recorded_at, entry)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
INSERT_NODE = "INSERT INTO nodes (id, hash) VALUES (?, ?)"
INSERT_CHECKPOINT = "INSERT INTO checkpoints (size, root, note, recorded_at) VALUES (?, ?, ?, ?)"
INSERT_VALUE = "INSERT INTO sealed_values (idx, position, name, key_id, ciphertext) VALUES (?, ?, ?, ?, ?)"
INSERT_FILE = (
    "INSERT INTO evidence_files (idx, position, kind, name, sha256, size, media_type) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
INSERT_IDEMPOTENCY = "INSERT INTO idempotency (scope, key, fingerprint, idx, created_at) VALUES (?, ?, ?, ?, ?)"
INSERT_MEMBER = "INSERT INTO members (return_id, mark, role, since) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
# Countries and time of a case are those of its opening: to set them again would write a page of their index.
PUT_CASE = (
    "INSERT INTO cases (return_id, state, count, head, last_index, buyer_country, seller_country, opened_at, snapshot)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (return_id) DO UPDATE SET state = excluded.state,"
    " count = excluded.count, head = excluded.head, last_index = excluded.last_index, snapshot = excluded.snapshot"
)


def select_cases(count: int) -> str:
    """Return the statement that reads the snapshots of so many cases, each with the index of its first entry."""
    return (
        "SELECT c.return_id, c.snapshot, e.idx FROM cases c JOIN entries e ON e.return_id = c.return_id AND e.seq = 0"  # noqa: S608 - only marks
        f" WHERE c.return_id IN ({_marks(count)})"
    )


def select_keys(count: int) -> str:
    """Return the statement that reads so many idempotency rows of one scope."""
    return f"SELECT key, fingerprint, idx FROM idempotency WHERE scope = ? AND key IN ({_marks(count)})"  # noqa: S608


def select_nodes(count: int) -> str:
    """Return the statement that reads so many nodes by id."""
    return f"SELECT id, hash FROM nodes WHERE id IN ({_marks(count)})"  # noqa: S608 - only marks


def _marks(count: int) -> str:
    return ", ".join(["?"] * count)
