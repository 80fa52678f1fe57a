"""The tables of the service around the log: who may do what, what was asked, what is still to be told.

Promises: as `tables.py`: `metadata` describes what revisions 0002 to 0008 make. Losing them loses access, retries,
notices and state proofs, which can be made again; never an entry. No person stands in them in clear: a party is its
mark (HMAC under its own key), its reference is sealed under that key.
Does not: hold a secret in clear: of a credential only the SHA-256 is kept.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, LargeBinary, Text
from sqlmodel import Field, SQLModel

from ledger_service.store.tables import Number

SERVICE_TABLES = (
    "credentials", "members", "requests", "uploads", "webhooks", "deliveries", "erasures", "leases",
    "anchor_status", "case_index_nodes", "case_index_replaced", "case_index_roots", "anchor_proofs", "staff_sessions",
    "saved_questions", "case_figures",
)  # fmt: skip


def _text(*, key: bool = False, nullable: bool = False) -> Column[str]:
    return Column(Text, primary_key=key, nullable=nullable)


def _bytes(*, key: bool = False, nullable: bool = False) -> Column[bytes]:
    return Column(LargeBinary, primary_key=key, nullable=nullable)


class CredentialRow(SQLModel, table=True):
    """A key, one-time link or session: looked up by its public prefix; lists are words separated by spaces."""

    __tablename__ = "credentials"
    __table_args__ = (
        CheckConstraint("length(prefix) = 16", name="ck_credentials_prefix"),
        CheckConstraint("kind IN ('key', 'link', 'session')", name="ck_credentials_kind"),
        CheckConstraint("length(secret_sha256) = 32", name="ck_credentials_secret_sha256"),
        CheckConstraint("length(mark) = 32", name="ck_credentials_mark"),
        CheckConstraint("length(key_id) = 16", name="ck_credentials_key_id"),
        CheckConstraint(
            "(kind = 'key') OR (return_id IS NOT NULL AND expires_at IS NOT NULL)", name="ck_credentials_case"
        ),
        Index("ix_credentials_mark", "mark"),
    )

    prefix: str = Field(sa_column=_text(key=True))
    kind: str = Field(sa_column=_text())
    secret_sha256: bytes = Field(sa_column=_bytes())
    role: str = Field(sa_column=_text())
    mark: bytes = Field(sa_column=_bytes())
    key_id: bytes = Field(sa_column=_bytes())
    reference: bytes = Field(sa_column=_bytes())
    label: str = Field(sa_column=_text())
    scopes: str = Field(sa_column=_text())
    acts_for: str = Field(sa_column=_text())
    countries: str = Field(sa_column=_text())
    return_id: str | None = Field(sa_column=_text(nullable=True))
    created_at: str = Field(sa_column=_text())
    expires_at: str | None = Field(sa_column=_text(nullable=True))
    revoked_at: str | None = Field(sa_column=_text(nullable=True))
    used_at: str | None = Field(sa_column=_text(nullable=True))


class MemberRow(SQLModel, table=True):
    """A party on the access list of a case; written with the entry that made it one, or by whoever may share it."""

    __tablename__ = "members"
    __table_args__ = (
        CheckConstraint("length(return_id) = 32", name="ck_members_return_id"),
        CheckConstraint("length(mark) = 32", name="ck_members_mark"),
        Index("ix_members_mark", "mark", "return_id"),
        {"sqlite_with_rowid": False},
    )

    return_id: str = Field(sa_column=_text(key=True))
    mark: bytes = Field(sa_column=_bytes(key=True))
    role: str = Field(sa_column=_text())
    since: str = Field(sa_column=_text())


class RequestRow(SQLModel, table=True):
    """A POST that led to something else than one entry: running, or done with its answer, which holds references."""

    __tablename__ = "requests"
    __table_args__ = (
        CheckConstraint("length(scope) = 32", name="ck_requests_scope"),
        CheckConstraint("length(fingerprint) = 32", name="ck_requests_fingerprint"),
        CheckConstraint("(status IS NULL) = (answer IS NULL)", name="ck_requests_answer"),
        Index("ix_requests_created_at", "created_at"),
    )

    scope: str = Field(sa_column=_text(key=True))
    key: str = Field(sa_column=_text(key=True))
    fingerprint: bytes = Field(sa_column=_bytes())
    status: int | None = Field(sa_column=Column(Number, nullable=True))
    answer: str | None = Field(sa_column=_text(nullable=True))
    created_at: str = Field(sa_column=_text())


class UploadRow(SQLModel, table=True):
    """An evidence file that was received and is in no entry yet; its uploader may use it until it expires."""

    __tablename__ = "uploads"
    __table_args__ = (
        CheckConstraint("length(mark) = 32", name="ck_uploads_mark"),
        CheckConstraint("length(sha256) = 32", name="ck_uploads_sha256"),
        CheckConstraint("size >= 1", name="ck_uploads_size"),
        Index("ix_uploads_created_at", "created_at"),
    )

    mark: bytes = Field(sa_column=_bytes(key=True))
    sha256: bytes = Field(sa_column=_bytes(key=True))
    name: str = Field(sa_column=_text())
    size: int = Field(sa_column=Column(Number, nullable=False))
    media_type: str = Field(sa_column=_text())
    created_at: str = Field(sa_column=_text())


class WebhookRow(SQLModel, table=True):
    """Where a party wants to be told: `sealed` holds URL and signing secret; `cursor` is the next index to look at."""

    __tablename__ = "webhooks"
    __table_args__ = (
        CheckConstraint("length(id) = 32", name="ck_webhooks_id"),
        CheckConstraint("length(mark) = 32", name="ck_webhooks_mark"),
        CheckConstraint("length(key_id) = 16", name="ck_webhooks_key_id"),
        CheckConstraint("cursor >= 0", name="ck_webhooks_cursor"),
        Index("ix_webhooks_mark", "mark"),
    )

    id: str = Field(sa_column=_text(key=True))
    mark: bytes = Field(sa_column=_bytes())
    role: str = Field(sa_column=_text())
    key_id: bytes = Field(sa_column=_bytes())
    sealed: bytes = Field(sa_column=_bytes())
    events: str = Field(sa_column=_text())
    countries: str = Field(sa_column=_text())
    cursor: int = Field(sa_column=Column(Number, nullable=False))
    created_at: str = Field(sa_column=_text())
    disabled_at: str | None = Field(sa_column=_text(nullable=True))


class DeliveryRow(SQLModel, table=True):
    """One notice to one webhook, made once for each `subject`; its body is made when it is sent."""

    __tablename__ = "deliveries"
    __table_args__ = (
        CheckConstraint("length(id) = 32", name="ck_deliveries_id"),
        CheckConstraint("attempts >= 0", name="ck_deliveries_attempts"),
        CheckConstraint("state IN ('waiting', 'delivered', 'failed')", name="ck_deliveries_state"),
        Index("uq_deliveries_subject", "webhook_id", "event", "subject", unique=True),
        Index("ix_deliveries_next_at", "state", "next_at"),
    )

    id: str = Field(sa_column=_text(key=True))
    webhook_id: str = Field(
        sa_column=Column(Text, ForeignKey("webhooks.id", name="fk_deliveries_webhook_id"), nullable=False)
    )
    event: str = Field(sa_column=_text())
    subject: str = Field(sa_column=_text())
    return_id: str | None = Field(sa_column=_text(nullable=True))
    state: str = Field(sa_column=_text())
    attempts: int = Field(sa_column=Column(Number, nullable=False))
    created_at: str = Field(sa_column=_text())
    next_at: str = Field(sa_column=_text())
    answered: str | None = Field(sa_column=_text(nullable=True))


class ErasureRow(SQLModel, table=True):
    """A decision about the erasure of a person's data; the person is named by the mark of the request only."""

    __tablename__ = "erasures"
    __table_args__ = (
        CheckConstraint("length(id) = 32", name="ck_erasures_id"),
        CheckConstraint("length(mark) = 32", name="ck_erasures_mark"),
        CheckConstraint("outcome IN ('done', 'restricted', 'deferred')", name="ck_erasures_outcome"),
        Index("ix_erasures_mark", "mark"),
    )

    id: str = Field(sa_column=_text(key=True))
    mark: bytes = Field(sa_column=_bytes())
    outcome: str = Field(sa_column=_text())
    ground: str = Field(sa_column=_text())
    asked_at: str = Field(sa_column=_text())
    decided_at: str = Field(sa_column=_text())
    review_at: str | None = Field(sa_column=_text(nullable=True))
    answer: str = Field(sa_column=_text())


class LeaseRow(SQLModel, table=True):
    """Who does what only one process may do at a time; `token` grows with each new holder."""

    __tablename__ = "leases"
    __table_args__ = (CheckConstraint("token > 0", name="ck_leases_token"),)

    name: str = Field(sa_column=_text(key=True))
    holder: str = Field(sa_column=_text())
    token: int = Field(sa_column=Column(Number, nullable=False))
    expires_at: str = Field(sa_column=_text())


class AnchorStatusRow(SQLModel, table=True):
    """What keeps anchoring at one target waiting, as its worker saw it last; `alarm` NULL: nothing."""

    __tablename__ = "anchor_status"
    __table_args__ = (CheckConstraint("length(log_id) = 32", name="ck_anchor_status_log_id"),)

    log_id: bytes = Field(sa_column=_bytes(key=True))
    alarm: str | None = Field(sa_column=_text(nullable=True))
    detail: str = Field(sa_column=_text())
    since: str = Field(sa_column=_text())
    looked_at: str = Field(sa_column=_text())


class CaseIndexNodeRow(SQLModel, table=True):
    """One node of the case index; `below` holds the ids of those right below it, 8 bytes each."""

    __tablename__ = "case_index_nodes"

    id: int = Field(sa_column=Column(Number, primary_key=True, autoincrement=False))
    node: bytes = Field(sa_column=_bytes())
    below: bytes = Field(sa_column=_bytes())


class CaseIndexReplacedRow(SQLModel, table=True):
    """A node that the root of size `until` has another in place of, and no later root needs."""

    __tablename__ = "case_index_replaced"
    __table_args__ = ({"sqlite_with_rowid": False},)

    until: int = Field(sa_column=Column(Number, primary_key=True, autoincrement=False))
    id: int = Field(sa_column=Column(Number, primary_key=True, autoincrement=False))


class CaseIndexRootRow(SQLModel, table=True):
    """The root of the case index over the first `size` entries; `node` is the id of its node, 0 of none."""

    __tablename__ = "case_index_roots"
    __table_args__ = (
        CheckConstraint("size >= 1", name="ck_case_index_roots_size"),
        CheckConstraint("length(root) = 32", name="ck_case_index_roots_root"),
    )

    size: int = Field(sa_column=Column(Number, primary_key=True, autoincrement=False))
    root: bytes = Field(sa_column=_bytes())
    node: int = Field(sa_column=Column(Number, nullable=False))


class AnchorProofRow(SQLModel, table=True):
    """The newest state proof of a final head at one target."""

    __tablename__ = "anchor_proofs"
    __table_args__ = (
        CheckConstraint("length(log_id) = 32", name="ck_anchor_proofs_log_id"),
        CheckConstraint("sequence >= 0", name="ck_anchor_proofs_sequence"),
    )

    log_id: bytes = Field(sa_column=_bytes(key=True))
    sequence: int = Field(sa_column=Column(Number, primary_key=True, autoincrement=False))
    block_number: int = Field(sa_column=Column(Number, nullable=False))
    record: bytes = Field(sa_column=_bytes())


class StaffSessionRow(SQLModel, table=True):
    """A session of staff on the pages: of a key (`credential`), or of an `issuer` of the settings."""

    __tablename__ = "staff_sessions"
    __table_args__ = (
        CheckConstraint("length(prefix) = 16", name="ck_staff_sessions_prefix"),
        CheckConstraint("length(secret_sha256) = 32", name="ck_staff_sessions_secret_sha256"),
        CheckConstraint("(credential IS NULL) <> (issuer IS NULL)", name="ck_staff_sessions_source"),
        CheckConstraint("length(mark) = 32", name="ck_staff_sessions_mark"),
        CheckConstraint("length(key_id) = 16", name="ck_staff_sessions_key_id"),
        Index("ix_staff_sessions_expires_at", "expires_at"),
    )

    prefix: str = Field(sa_column=_text(key=True))
    secret_sha256: bytes = Field(sa_column=_bytes())
    credential: str | None = Field(sa_column=_text(nullable=True))
    issuer: str | None = Field(sa_column=_text(nullable=True))
    name: str = Field(sa_column=_text())
    role: str = Field(sa_column=_text())
    mark: bytes = Field(sa_column=_bytes())
    key_id: bytes = Field(sa_column=_bytes())
    reference: bytes = Field(sa_column=_bytes())
    created_at: str = Field(sa_column=_text())
    expires_at: str = Field(sa_column=_text())


class SavedQuestionRow(SQLModel, table=True):
    """A question to statistics that a party saved; `sealed` holds its name and what it asks."""

    __tablename__ = "saved_questions"
    __table_args__ = (
        CheckConstraint("length(id) = 32", name="ck_saved_questions_id"),
        CheckConstraint("length(mark) = 32", name="ck_saved_questions_mark"),
        CheckConstraint("length(key_id) = 16", name="ck_saved_questions_key_id"),
        Index("ix_saved_questions_mark", "mark"),
    )

    id: str = Field(sa_column=_text(key=True))
    mark: bytes = Field(sa_column=_bytes())
    key_id: bytes = Field(sa_column=_bytes())
    sealed: bytes = Field(sa_column=_bytes())
    created_at: str = Field(sa_column=_text())


class CaseFiguresRow(SQLModel, table=True):
    """What a case adds to statistics up to an index; sealed under the key of the case."""

    __tablename__ = "case_figures"
    __table_args__ = (
        CheckConstraint("length(return_id) = 32", name="ck_case_figures_return_id"),
        CheckConstraint("last_index >= 0", name="ck_case_figures_last_index"),
        CheckConstraint("length(key_id) = 16", name="ck_case_figures_key_id"),
        Index("ix_case_figures_key_id", "key_id"),
    )

    return_id: str = Field(sa_column=_text(key=True))
    last_index: int = Field(sa_column=Column(Number, nullable=False))
    key_id: bytes = Field(sa_column=_bytes())
    sealed: bytes = Field(sa_column=_bytes())
