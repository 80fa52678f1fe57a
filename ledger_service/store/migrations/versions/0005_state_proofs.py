"""Revision 0005: the state proofs of anchors.

Written out by itself, so that later changes of `service_tables.py` do not change history. Nothing of the log changes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger_service.errors import SchemaVersionError

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the table of state proofs."""
    op.create_table(
        "anchor_proofs",
        sa.Column("log_id", sa.LargeBinary(), primary_key=True),
        sa.Column("sequence", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("block_number", NUMBER, nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(log_id) = 32", name="ck_anchor_proofs_log_id"),
        sa.CheckConstraint("sequence >= 0", name="ck_anchor_proofs_sequence"),
    )


def downgrade() -> None:
    """Refuse, as every revision does."""
    raise SchemaVersionError("a schema is never taken back", hint="go on with the newer version of return-ledger")
