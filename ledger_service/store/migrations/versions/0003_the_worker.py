"""Revision 0003: the tables of the worker: leases, and what keeps anchoring waiting.

Written out by itself, so that later changes of `service_tables.py` do not change history. Nothing of the log changes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger_service.errors import SchemaVersionError

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables of the worker."""
    op.create_table(
        "leases",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("token", NUMBER, nullable=False),
        sa.Column("expires_at", sa.Text(), nullable=False),
        sa.CheckConstraint("token > 0", name="ck_leases_token"),
    )
    op.create_table(
        "anchor_status",
        sa.Column("log_id", sa.LargeBinary(), primary_key=True),
        sa.Column("alarm", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("since", sa.Text(), nullable=False),
        sa.Column("looked_at", sa.Text(), nullable=False),
        sa.CheckConstraint("length(log_id) = 32", name="ck_anchor_status_log_id"),
    )


def downgrade() -> None:
    """Refuse: code that does not know leases would let two workers act at once."""
    raise SchemaVersionError("a schema is never taken back", hint="go on with the newer version of return-ledger")
