"""Revision 0008: the nodes of the case index have numbers, and lie in the order in which they were made.

Written out by itself, so that later changes of `service_tables.py` do not change history. The index is thrown away: the
worker makes it anew from the cases when it starts, and a case can be proved again as of the next seal.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger_service.errors import SchemaVersionError

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Put other tables in the place of those of the case index."""
    op.drop_table("case_index_nodes")
    op.drop_table("case_index_roots")
    op.create_table(
        "case_index_nodes",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("node", sa.LargeBinary(), nullable=False),
        sa.Column("below", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "case_index_replaced",
        sa.Column("until", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("id", NUMBER, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "case_index_roots",
        sa.Column("size", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("node", NUMBER, nullable=False),
        sa.CheckConstraint("size >= 1", name="ck_case_index_roots_size"),
        sa.CheckConstraint("length(root) = 32", name="ck_case_index_roots_root"),
    )


def downgrade() -> None:
    """Refuse: code that does not know these tables would make seals without the index."""
    raise SchemaVersionError("a schema is never taken back", hint="go on with the newer version of return-ledger")
