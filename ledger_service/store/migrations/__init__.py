"""The schema's history as Alembic revisions; `store.schema` runs them."""
