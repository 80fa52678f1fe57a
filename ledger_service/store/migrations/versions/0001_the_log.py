"""Revision 0001: the log, its projections, and the triggers that make the log append-only.

Written out by itself, so that later changes of `tables.py` do not change history. The triggers come from
`guards.py`; a revision that changes one drops it and creates it again.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from ledger_service.errors import SchemaVersionError
from ledger_service.store import guards

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BYTES = sa.LargeBinary()
TEXT = sa.Text()


def upgrade() -> None:
    """Create every table and trigger of the first schema."""
    _create_entries()
    _create_nodes_and_checkpoints()
    _create_anchor_history()
    _create_cases()
    _create_secrets_and_files()
    _create_idempotency()
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        made = guards.sqlite_guards()
    else:
        schema = connection.scalar(sa.text("SELECT quote_ident(current_schema())"))
        made = guards.postgresql_guards(schema)
    for guard in made:
        for statement in guard.statements:
            connection.exec_driver_sql(statement)


def downgrade() -> None:
    """Refuse: a log is never taken back."""
    raise SchemaVersionError("the tables of a log are not removed by a migration", hint="make a database of its own")


def _required(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _key(name: str) -> sa.Column[Any]:
    return sa.Column(name, NUMBER, primary_key=True, autoincrement=False)


def _create_entries() -> None:
    op.create_table(
        "entries",
        _key("idx"),
        _required("leaf_hash", BYTES),
        _required("kind", TEXT),
        sa.Column("return_id", TEXT, nullable=True),
        sa.Column("first_idx", NUMBER, nullable=True),
        sa.Column("seq", NUMBER, nullable=True),
        _required("recorded_at", TEXT),
        _required("entry", BYTES),
        sa.CheckConstraint("idx >= 0", name="ck_entries_idx"),
        sa.CheckConstraint("length(leaf_hash) = 32", name="ck_entries_leaf_hash"),
        sa.CheckConstraint("length(return_id) = 32", name="ck_entries_return_id"),
        sa.CheckConstraint("seq >= 0", name="ck_entries_seq"),
        sa.CheckConstraint("(first_idx IS NULL) = (seq IS NULL)", name="ck_entries_first_idx"),
        sa.CheckConstraint("length(recorded_at) = 24", name="ck_entries_recorded_at"),
        sa.CheckConstraint("length(entry) BETWEEN 1 AND 65535", name="ck_entries_entry"),
        sa.CheckConstraint("(idx = 0) = (kind = 'genesis')", name="ck_entries_genesis"),
        sa.CheckConstraint(
            "CASE kind"
            " WHEN 'transition' THEN return_id IS NOT NULL AND seq IS NOT NULL"
            " WHEN 'correction' THEN return_id IS NOT NULL AND seq IS NOT NULL"
            " WHEN 'dispute' THEN return_id IS NOT NULL AND seq IS NOT NULL"
            " WHEN 'erasure' THEN return_id IS NOT NULL AND seq IS NOT NULL"
            " WHEN 'attempt' THEN return_id IS NOT NULL AND seq IS NULL"
            " WHEN 'access' THEN return_id IS NOT NULL AND seq IS NULL"
            " WHEN 'finding' THEN return_id IS NOT NULL AND seq IS NULL"
            " WHEN 'genesis' THEN return_id IS NULL AND seq IS NULL"
            " WHEN 'key' THEN return_id IS NULL AND seq IS NULL"
            " WHEN 'target' THEN return_id IS NULL AND seq IS NULL"
            " WHEN 'seal' THEN return_id IS NULL AND seq IS NULL"
            " ELSE FALSE END",
            name="ck_entries_kind",
        ),
        sa.UniqueConstraint("first_idx", "seq", name="uq_entries_first_idx_seq"),
    )
    for name, column, unique, where in (
        ("uq_entries_opening", "return_id", True, sa.text("seq = 0")),
        ("ix_entries_aside", "return_id", False, sa.text("seq IS NULL")),
        ("ix_entries_log_steps", "idx", False, sa.text("return_id IS NULL")),
    ):
        op.create_index(name, "entries", [column], unique=unique, sqlite_where=where, postgresql_where=where)


def _create_nodes_and_checkpoints() -> None:
    op.create_table(
        "nodes",
        _key("id"),
        _required("hash", BYTES),
        sa.CheckConstraint("id >= 0", name="ck_nodes_id"),
        sa.CheckConstraint("length(hash) = 32", name="ck_nodes_hash"),
    )
    op.create_table(
        "checkpoints",
        _key("size"),
        _required("root", BYTES),
        _required("note", BYTES),
        _required("recorded_at", TEXT),
        sa.CheckConstraint("size >= 1", name="ck_checkpoints_size"),
        sa.CheckConstraint("length(root) = 32", name="ck_checkpoints_root"),
        sa.CheckConstraint("length(note) BETWEEN 1 AND 65536", name="ck_checkpoints_note"),
        sa.CheckConstraint("length(recorded_at) = 24", name="ck_checkpoints_recorded_at"),
    )


def _create_anchor_history() -> None:
    op.create_table(
        "anchor_history",
        _key("id"),
        _required("log_id", BYTES),
        _required("sequence", NUMBER),
        _required("step", NUMBER),
        _required("size", NUMBER),
        _required("state", TEXT),
        _required("recorded_at", TEXT),
        _required("record", BYTES),
        sa.CheckConstraint("id >= 0", name="ck_anchor_history_id"),
        sa.CheckConstraint("length(log_id) = 32", name="ck_anchor_history_log_id"),
        sa.CheckConstraint("sequence >= 0", name="ck_anchor_history_sequence"),
        sa.CheckConstraint("step >= 0", name="ck_anchor_history_step"),
        sa.CheckConstraint("size >= 1", name="ck_anchor_history_size"),
        sa.CheckConstraint("length(recorded_at) = 24", name="ck_anchor_history_recorded_at"),
        sa.CheckConstraint("length(record) >= 1", name="ck_anchor_history_record"),
        sa.UniqueConstraint("log_id", "sequence", "step", name="uq_anchor_history_step"),
    )


def _create_cases() -> None:
    op.create_table(
        "cases",
        sa.Column("return_id", TEXT, primary_key=True),
        _required("state", TEXT),
        _required("count", NUMBER),
        _required("head", BYTES),
        _required("last_index", NUMBER),
        _required("buyer_country", TEXT),
        _required("seller_country", TEXT),
        _required("opened_at", TEXT),
        _required("snapshot", TEXT),
        sa.CheckConstraint("length(return_id) = 32", name="ck_cases_return_id"),
        sa.CheckConstraint("count >= 1", name="ck_cases_count"),
        sa.CheckConstraint("length(head) = 32", name="ck_cases_head"),
        sa.ForeignKeyConstraint(["last_index"], ["entries.idx"], name="fk_cases_last_index"),
        # Rows lie in the order in which cases were opened: cases that move together share their pages.
    )
    op.create_index("ix_cases_opened_at", "cases", ["opened_at"])


def _create_secrets_and_files() -> None:
    op.create_table(
        "sealed_values",
        _key("idx"),
        _key("position"),
        _required("name", TEXT),
        _required("key_id", BYTES),
        _required("ciphertext", BYTES),
        sa.CheckConstraint("position >= 0", name="ck_sealed_values_position"),
        sa.CheckConstraint("length(key_id) = 16", name="ck_sealed_values_key_id"),
        sa.CheckConstraint("length(ciphertext) >= 1", name="ck_sealed_values_ciphertext"),
        sa.ForeignKeyConstraint(["idx"], ["entries.idx"], name="fk_sealed_values_idx"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "evidence_files",
        _key("idx"),
        _key("position"),
        _required("kind", TEXT),
        _required("name", TEXT),
        _required("sha256", BYTES),
        _required("size", NUMBER),
        _required("media_type", TEXT),
        sa.CheckConstraint("position >= 0", name="ck_evidence_files_position"),
        sa.CheckConstraint("length(sha256) = 32", name="ck_evidence_files_sha256"),
        sa.CheckConstraint("size >= 1", name="ck_evidence_files_size"),
        sa.ForeignKeyConstraint(["idx"], ["entries.idx"], name="fk_evidence_files_idx"),
        sqlite_with_rowid=False,
    )


def _create_idempotency() -> None:
    op.create_table(
        "idempotency",
        sa.Column("scope", TEXT, primary_key=True),
        sa.Column("key", TEXT, primary_key=True),
        _required("fingerprint", BYTES),
        _required("idx", NUMBER),
        _required("created_at", TEXT),
        sa.CheckConstraint("length(fingerprint) = 32", name="ck_idempotency_fingerprint"),
        sa.CheckConstraint("length(created_at) = 24", name="ck_idempotency_created_at"),
        sa.ForeignKeyConstraint(["idx"], ["entries.idx"], name="fk_idempotency_idx"),
        # With row numbers: rows lie in the order they came, and only the short index is written at random places.
    )
