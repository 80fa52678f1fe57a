"""Revision 0007: what each case adds to statistics, kept so that it is not counted again.

Written out by itself, so that later changes of `service_tables.py` do not change history. Nothing of the log changes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger_service.errors import SchemaVersionError

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "case_figures",
        sa.Column("return_id", sa.Text(), primary_key=True),
        sa.Column("last_index", NUMBER, nullable=False),
        sa.Column("key_id", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(return_id) = 32", name="ck_case_figures_return_id"),
        sa.CheckConstraint("last_index >= 0", name="ck_case_figures_last_index"),
        sa.CheckConstraint("length(key_id) = 16", name="ck_case_figures_key_id"),
    )
    op.create_index("ix_case_figures_key_id", "case_figures", ["key_id"])


def downgrade() -> None:
    """Refuse, as every revision does."""
    raise SchemaVersionError("a schema is never taken back", hint="go on with the newer version of return-ledger")
