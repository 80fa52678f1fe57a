"""Revision 0004: the nodes and roots of the case index.

Written out by itself, so that later changes of `service_tables.py` do not change history. Nothing of the log changes;
the index of a ledger that is older is made from its cases when its next seal is.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger_service.errors import SchemaVersionError

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables of the case index."""
    op.create_table(
        "case_index_nodes",
        sa.Column("hash", sa.LargeBinary(), primary_key=True),
        sa.Column("node", sa.LargeBinary(), nullable=False),
        sa.Column("until", NUMBER, nullable=True),
        sa.CheckConstraint("length(hash) = 32", name="ck_case_index_nodes_hash"),
    )
    until = sa.text("until IS NOT NULL")
    op.create_index(
        "ix_case_index_nodes_until", "case_index_nodes", ["until"], sqlite_where=until, postgresql_where=until
    )
    op.create_table(
        "case_index_roots",
        sa.Column("size", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("size >= 1", name="ck_case_index_roots_size"),
        sa.CheckConstraint("length(root) = 32", name="ck_case_index_roots_root"),
    )


def downgrade() -> None:
    """Refuse: code that does not know the index would make seals without it."""
    raise SchemaVersionError("a schema is never taken back", hint="go on with the newer version of return-ledger")
