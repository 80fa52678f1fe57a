"""Revision 0002: the tables of the service around the log: credentials, access lists, retries, uploads, notices.

Written out by itself, so that later changes of `service_tables.py` do not change history. Nothing of the log changes.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from ledger_service.errors import SchemaVersionError

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BYTES = sa.LargeBinary()
TEXT = sa.Text()


def upgrade() -> None:
    """Create the tables of the service."""
    _create_credentials()
    _create_members()
    _create_requests()
    _create_uploads()
    _create_webhooks()
    _create_deliveries()
    _create_erasures()


def downgrade() -> None:
    """Refuse: code that does not know the tables would leave revoked keys and erasures behind."""
    raise SchemaVersionError("a schema is never taken back", hint="go on with the newer version of return-ledger")


def _required(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _create_credentials() -> None:
    op.create_table(
        "credentials",
        sa.Column("prefix", TEXT, primary_key=True),
        _required("kind", TEXT),
        _required("secret_sha256", BYTES),
        _required("role", TEXT),
        _required("mark", BYTES),
        _required("key_id", BYTES),
        _required("reference", BYTES),
        _required("label", TEXT),
        _required("scopes", TEXT),
        _required("acts_for", TEXT),
        _required("countries", TEXT),
        sa.Column("return_id", TEXT, nullable=True),
        _required("created_at", TEXT),
        sa.Column("expires_at", TEXT, nullable=True),
        sa.Column("revoked_at", TEXT, nullable=True),
        sa.Column("used_at", TEXT, nullable=True),
        sa.CheckConstraint(
            "(kind = 'key') OR (return_id IS NOT NULL AND expires_at IS NOT NULL)", name="ck_credentials_case"
        ),
        sa.CheckConstraint("length(key_id) = 16", name="ck_credentials_key_id"),
        sa.CheckConstraint("kind IN ('key', 'link', 'session')", name="ck_credentials_kind"),
        sa.CheckConstraint("length(mark) = 32", name="ck_credentials_mark"),
        sa.CheckConstraint("length(prefix) = 16", name="ck_credentials_prefix"),
        sa.CheckConstraint("length(secret_sha256) = 32", name="ck_credentials_secret_sha256"),
    )
    op.create_index("ix_credentials_mark", "credentials", ["mark"])


def _create_members() -> None:
    op.create_table(
        "members",
        sa.Column("return_id", TEXT, primary_key=True),
        sa.Column("mark", BYTES, primary_key=True),
        _required("role", TEXT),
        _required("since", TEXT),
        sa.CheckConstraint("length(mark) = 32", name="ck_members_mark"),
        sa.CheckConstraint("length(return_id) = 32", name="ck_members_return_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_members_mark", "members", ["mark", "return_id"])


def _create_requests() -> None:
    op.create_table(
        "requests",
        sa.Column("scope", TEXT, primary_key=True),
        sa.Column("key", TEXT, primary_key=True),
        _required("fingerprint", BYTES),
        sa.Column("status", NUMBER, nullable=True),
        sa.Column("answer", TEXT, nullable=True),
        _required("created_at", TEXT),
        sa.CheckConstraint("(status IS NULL) = (answer IS NULL)", name="ck_requests_answer"),
        sa.CheckConstraint("length(fingerprint) = 32", name="ck_requests_fingerprint"),
        sa.CheckConstraint("length(scope) = 32", name="ck_requests_scope"),
    )
    op.create_index("ix_requests_created_at", "requests", ["created_at"])


def _create_uploads() -> None:
    op.create_table(
        "uploads",
        sa.Column("mark", BYTES, primary_key=True),
        sa.Column("sha256", BYTES, primary_key=True),
        _required("name", TEXT),
        _required("size", NUMBER),
        _required("media_type", TEXT),
        _required("created_at", TEXT),
        sa.CheckConstraint("length(mark) = 32", name="ck_uploads_mark"),
        sa.CheckConstraint("length(sha256) = 32", name="ck_uploads_sha256"),
        sa.CheckConstraint("size >= 1", name="ck_uploads_size"),
    )
    op.create_index("ix_uploads_created_at", "uploads", ["created_at"])


def _create_webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", TEXT, primary_key=True),
        _required("mark", BYTES),
        _required("role", TEXT),
        _required("key_id", BYTES),
        _required("sealed", BYTES),
        _required("events", TEXT),
        _required("countries", TEXT),
        _required("cursor", NUMBER),
        _required("created_at", TEXT),
        sa.Column("disabled_at", TEXT, nullable=True),
        sa.CheckConstraint("cursor >= 0", name="ck_webhooks_cursor"),
        sa.CheckConstraint("length(id) = 32", name="ck_webhooks_id"),
        sa.CheckConstraint("length(key_id) = 16", name="ck_webhooks_key_id"),
        sa.CheckConstraint("length(mark) = 32", name="ck_webhooks_mark"),
    )
    op.create_index("ix_webhooks_mark", "webhooks", ["mark"])


def _create_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", TEXT, primary_key=True),
        _required("webhook_id", TEXT),
        _required("event", TEXT),
        _required("subject", TEXT),
        sa.Column("return_id", TEXT, nullable=True),
        _required("state", TEXT),
        _required("attempts", NUMBER),
        _required("created_at", TEXT),
        _required("next_at", TEXT),
        sa.Column("answered", TEXT, nullable=True),
        sa.CheckConstraint("attempts >= 0", name="ck_deliveries_attempts"),
        sa.CheckConstraint("length(id) = 32", name="ck_deliveries_id"),
        sa.CheckConstraint("state IN ('waiting', 'delivered', 'failed')", name="ck_deliveries_state"),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhooks.id"], name="fk_deliveries_webhook_id"),
    )
    op.create_index("ix_deliveries_next_at", "deliveries", ["state", "next_at"])
    op.create_index("uq_deliveries_subject", "deliveries", ["webhook_id", "event", "subject"], unique=True)


def _create_erasures() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", TEXT, primary_key=True),
        _required("mark", BYTES),
        _required("outcome", TEXT),
        _required("ground", TEXT),
        _required("asked_at", TEXT),
        _required("decided_at", TEXT),
        sa.Column("review_at", TEXT, nullable=True),
        _required("answer", TEXT),
        sa.CheckConstraint("length(id) = 32", name="ck_erasures_id"),
        sa.CheckConstraint("length(mark) = 32", name="ck_erasures_mark"),
        sa.CheckConstraint("outcome IN ('done', 'restricted', 'deferred')", name="ck_erasures_outcome"),
    )
    op.create_index("ix_erasures_mark", "erasures", ["mark"])
