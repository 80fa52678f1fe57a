"""Revision 0006: sessions of staff on the pages, and the questions that parties saved.

Written out by itself, so that later changes of `service_tables.py` do not change history. Nothing of the log changes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger_service.errors import SchemaVersionError

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "staff_sessions",
        sa.Column("prefix", sa.Text(), primary_key=True),
        sa.Column("secret_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("credential", sa.Text(), nullable=True),
        sa.Column("issuer", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("mark", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.LargeBinary(), nullable=False),
        sa.Column("reference", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.Text(), nullable=False),
        sa.CheckConstraint("length(prefix) = 16", name="ck_staff_sessions_prefix"),
        sa.CheckConstraint("length(secret_sha256) = 32", name="ck_staff_sessions_secret_sha256"),
        sa.CheckConstraint("(credential IS NULL) <> (issuer IS NULL)", name="ck_staff_sessions_source"),
        sa.CheckConstraint("length(mark) = 32", name="ck_staff_sessions_mark"),
        sa.CheckConstraint("length(key_id) = 16", name="ck_staff_sessions_key_id"),
    )
    op.create_index("ix_staff_sessions_expires_at", "staff_sessions", ["expires_at"])
    op.create_table(
        "saved_questions",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("mark", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.CheckConstraint("length(id) = 32", name="ck_saved_questions_id"),
        sa.CheckConstraint("length(mark) = 32", name="ck_saved_questions_mark"),
        sa.CheckConstraint("length(key_id) = 16", name="ck_saved_questions_key_id"),
    )
    op.create_index("ix_saved_questions_mark", "saved_questions", ["mark"])


def downgrade() -> None:
    """Refuse, as every revision does."""
    raise SchemaVersionError("a schema is never taken back", hint="go on with the newer version of return-ledger")
