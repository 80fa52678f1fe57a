"""What Alembic runs: the revisions, on the connection and in the transaction that `store.schema` opened.

Does not: open a database by itself, so a stray `alembic` command cannot migrate anything.
"""

from __future__ import annotations

from alembic import context

from ledger_service.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
