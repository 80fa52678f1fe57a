"""The tables as SQLModel classes: what the database holds, with the constraints that it enforces by itself.

Promises: `metadata` describes exactly the schema that the migrations make (a test compares them). Lengths, ranges,
uniqueness and references are constraints of the schema, so that a mistake in the code meets them.
Does not: parse or check anything from outside; rows never leave `store/`, and no wire model is one of these classes.

Two families. `LOG_TABLES` only ever grow: triggers (`guards.py`) and grants (`schema.py`) refuse everything but
INSERT of the next row. `MUTABLE_TABLES` are projections, secrets that erasure may remove, and retry bookkeeping.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, MetaData, Text
from sqlalchemy import text as sql_text
from sqlalchemy.schema import UniqueConstraint
from sqlmodel import Field, SQLModel

LOG_TABLES = ("entries", "nodes", "checkpoints", "anchor_history")
MUTABLE_TABLES = ("cases", "sealed_values", "evidence_files", "idempotency")

# INTEGER PRIMARY KEY is SQLite's own row number: no second index, and rows lie in the order they came.
Number = BigInteger().with_variant(Integer(), "sqlite")


class EntryRow(SQLModel, table=True):
    """One entry: its exact bytes, its leaf hash, and what look-ups need of it.

    `first_idx` is the index of the first entry of its case, of an entry on a case's chain.
    """

    __tablename__ = "entries"
    __table_args__ = (
        CheckConstraint("idx >= 0", name="ck_entries_idx"),
        CheckConstraint("length(leaf_hash) = 32", name="ck_entries_leaf_hash"),
        CheckConstraint("length(return_id) = 32", name="ck_entries_return_id"),
        CheckConstraint("seq >= 0", name="ck_entries_seq"),
        CheckConstraint("(first_idx IS NULL) = (seq IS NULL)", name="ck_entries_first_idx"),
        CheckConstraint("length(recorded_at) = 24", name="ck_entries_recorded_at"),
        CheckConstraint("length(entry) BETWEEN 1 AND 65535", name="ck_entries_entry"),
        CheckConstraint("(idx = 0) = (kind = 'genesis')", name="ck_entries_genesis"),
        CheckConstraint(
            # CASE and not IN: SQLite builds a table for each IN, which doubled the time of an INSERT.
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
        # By the case's place in the log and not by its random return_id: cases that move together share the pages of
        # this index, where every step of another case would write a page of its own.
        UniqueConstraint("first_idx", "seq", name="uq_entries_first_idx_seq"),
        Index(
            "uq_entries_opening",
            "return_id",
            unique=True,
            sqlite_where=sql_text("seq = 0"),
            postgresql_where=sql_text("seq = 0"),
        ),
        Index(
            "ix_entries_aside",
            "return_id",
            sqlite_where=sql_text("seq IS NULL"),
            postgresql_where=sql_text("seq IS NULL"),
        ),
        # Genesis, key, target and seal entries are public and few: found without a walk over the cases' entries.
        Index(
            "ix_entries_log_steps",
            "idx",
            sqlite_where=sql_text("return_id IS NULL"),
            postgresql_where=sql_text("return_id IS NULL"),
        ),
    )

    idx: int = Field(sa_column=Column(Number, primary_key=True, autoincrement=False))
    leaf_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    return_id: str | None = Field(sa_column=Column(Text, nullable=True))
    first_idx: int | None = Field(sa_column=Column(Number, nullable=True))
    seq: int | None = Field(sa_column=Column(Number, nullable=True))
    recorded_at: str = Field(sa_column=Column(Text, nullable=False))
    entry: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class NodeRow(SQLModel, table=True):
    """The hash of one complete subtree under `merkle.stored_id(level, position)`; leaf hashes included."""

    __tablename__ = "nodes"
    __table_args__ = (
        CheckConstraint("id >= 0", name="ck_nodes_id"),
        CheckConstraint("length(hash) = 32", name="ck_nodes_hash"),
    )

    id: int = Field(sa_column=Column(Number, primary_key=True, autoincrement=False))
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class CheckpointRow(SQLModel, table=True):
    """The signed tree head of one commit; `recorded_at` is that of its newest entry."""

    __tablename__ = "checkpoints"
    __table_args__ = (
        CheckConstraint("size >= 1", name="ck_checkpoints_size"),
        CheckConstraint("length(root) = 32", name="ck_checkpoints_root"),
        CheckConstraint("length(note) BETWEEN 1 AND 65536", name="ck_checkpoints_note"),
        CheckConstraint("length(recorded_at) = 24", name="ck_checkpoints_recorded_at"),
    )

    size: int = Field(sa_column=Column(Number, primary_key=True, autoincrement=False))
    root: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    note: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    recorded_at: str = Field(sa_column=Column(Text, nullable=False))


class AnchorRow(SQLModel, table=True):
    """One step in the life of one anchor; its present state is its highest step. `record` is `core.anchor_record`."""

    __tablename__ = "anchor_history"
    __table_args__ = (
        CheckConstraint("id >= 0", name="ck_anchor_history_id"),
        CheckConstraint("length(log_id) = 32", name="ck_anchor_history_log_id"),
        CheckConstraint("sequence >= 0", name="ck_anchor_history_sequence"),
        CheckConstraint("step >= 0", name="ck_anchor_history_step"),
        CheckConstraint("size >= 1", name="ck_anchor_history_size"),
        CheckConstraint("length(recorded_at) = 24", name="ck_anchor_history_recorded_at"),
        CheckConstraint("length(record) >= 1", name="ck_anchor_history_record"),
        UniqueConstraint("log_id", "sequence", "step", name="uq_anchor_history_step"),
    )

    id: int = Field(sa_column=Column(Number, primary_key=True, autoincrement=False))
    log_id: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    sequence: int = Field(sa_column=Column(Number, nullable=False))
    step: int = Field(sa_column=Column(Number, nullable=False))
    size: int = Field(sa_column=Column(Number, nullable=False))
    state: str = Field(sa_column=Column(Text, nullable=False))
    recorded_at: str = Field(sa_column=Column(Text, nullable=False))
    record: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class CaseRow(SQLModel, table=True):
    """The present state of one case: a projection that `projection.py` derives again from the entries."""

    __tablename__ = "cases"
    __table_args__ = (
        CheckConstraint("length(return_id) = 32", name="ck_cases_return_id"),
        CheckConstraint("count >= 1", name="ck_cases_count"),
        CheckConstraint("length(head) = 32", name="ck_cases_head"),
        Index("ix_cases_opened_at", "opened_at"),
        # With row numbers on purpose: rows lie in the order in which cases were opened, so that cases that move
        # together share their pages.
    )

    return_id: str = Field(sa_column=Column(Text, primary_key=True))
    state: str = Field(sa_column=Column(Text, nullable=False))
    count: int = Field(sa_column=Column(Number, nullable=False))
    head: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    last_index: int = Field(
        sa_column=Column(Number, ForeignKey("entries.idx", name="fk_cases_last_index"), nullable=False)
    )
    buyer_country: str = Field(sa_column=Column(Text, nullable=False))
    seller_country: str = Field(sa_column=Column(Text, nullable=False))
    opened_at: str = Field(sa_column=Column(Text, nullable=False))
    snapshot: str = Field(sa_column=Column(Text, nullable=False))


class SealedValueRow(SQLModel, table=True):
    """A committed value, encrypted with its salt under one person's key; erasure removes the key and the row."""

    __tablename__ = "sealed_values"
    __table_args__ = (
        CheckConstraint("position >= 0", name="ck_sealed_values_position"),
        CheckConstraint("length(key_id) = 16", name="ck_sealed_values_key_id"),
        CheckConstraint("length(ciphertext) >= 1", name="ck_sealed_values_ciphertext"),
        {"sqlite_with_rowid": False},
    )

    idx: int = Field(
        sa_column=Column(
            Number, ForeignKey("entries.idx", name="fk_sealed_values_idx"), primary_key=True, autoincrement=False
        )
    )
    position: int = Field(sa_column=Column(Number, primary_key=True, autoincrement=False))
    name: str = Field(sa_column=Column(Text, nullable=False))
    key_id: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    ciphertext: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class EvidenceFileRow(SQLModel, table=True):
    """Where the file of one evidence descriptor lies: a random name in the evidence store."""

    __tablename__ = "evidence_files"
    __table_args__ = (
        CheckConstraint("position >= 0", name="ck_evidence_files_position"),
        CheckConstraint("length(sha256) = 32", name="ck_evidence_files_sha256"),
        CheckConstraint("size >= 1", name="ck_evidence_files_size"),
        {"sqlite_with_rowid": False},
    )

    idx: int = Field(
        sa_column=Column(
            Number, ForeignKey("entries.idx", name="fk_evidence_files_idx"), primary_key=True, autoincrement=False
        )
    )
    position: int = Field(sa_column=Column(Number, primary_key=True, autoincrement=False))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    name: str = Field(sa_column=Column(Text, nullable=False))
    sha256: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    size: int = Field(sa_column=Column(Number, nullable=False))
    media_type: str = Field(sa_column=Column(Text, nullable=False))


class IdempotencyRow(SQLModel, table=True):
    """Which entry a caller's key led to; `fingerprint` is the SHA-256 of what was asked."""

    __tablename__ = "idempotency"
    __table_args__ = (
        CheckConstraint("length(fingerprint) = 32", name="ck_idempotency_fingerprint"),
        CheckConstraint("length(created_at) = 24", name="ck_idempotency_created_at"),
    )

    scope: str = Field(sa_column=Column(Text, primary_key=True))
    key: str = Field(sa_column=Column(Text, primary_key=True))
    fingerprint: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    idx: int = Field(sa_column=Column(Number, ForeignKey("entries.idx", name="fk_idempotency_idx"), nullable=False))
    created_at: str = Field(sa_column=Column(Text, nullable=False))


metadata: MetaData = SQLModel.metadata
