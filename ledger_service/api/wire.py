"""The values that go over the wire, as pydantic models: what requests hold and what answers promise.

Promises: every member has its type, range and meaning; OpenAPI is made from these. Does not: share a class with a
table, or hold a rule of the domain.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from ledger_service.api.bodies import Wire
from ledger_service.core.encoding import INTEGER_MAX
from ledger_service.core.entry import Role

Hex16 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Hex32 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


def _that_exists(value: str) -> str:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("a time that exists is expected: 2026-11-03T10:22:05.000Z") from None
    return value


Instant = Annotated[
    str,
    StringConstraints(
        pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3])(:[0-5][0-9]){2}\.[0-9]{3}Z$"
    ),
    AfterValidator(_that_exists),  # of the days that a month has
]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
PLAIN_TEXT = r"^[^\x00-\x1f\x7f-\x9f]*$"  # no control characters: a terminal or a log would act on them
Reference = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=PLAIN_TEXT)]
Index = Annotated[int, Field(ge=0, le=INTEGER_MAX)]
RoleName = Literal[
    "buyer", "seller", "platform", "carrier", "customs", "inspector", "psp", "arbitrator", "regulator", "system"
]
assert set(RoleName.__args__) == {role.value for role in Role}  # type: ignore[attr-defined]


class PartyReference(Wire):
    """A party: its role, and how the marketplace calls it. Kept only under its own key."""

    role: RoleName
    reference: Reference


class EvidenceReference(Wire):
    """A file that was uploaded before, by its SHA-256."""

    kind: Name
    sha256: Hex32


class RuleName(Wire):
    """The rule that a decision rests on."""

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    version: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class WalletStatement(Wire):
    """A wallet's signature over a prepared statement (EIP-712)."""

    address: Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{40}$")]
    signature: Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{130}$")]
    nonce: Hex32
    deadline: Index
    previous: Hex32 | None


class StepRequest(Wire):
    """One step of a return. `fields` are those of the step (see `/v1/steps`)."""

    verb: Name
    asserted_by: PartyReference | None = Field(
        default=None, description="who says so; left out: the caller. A platform's key names others here."
    )
    fields: dict[str, Any] = Field(default_factory=dict)
    evidence: list[EvidenceReference] = Field(default_factory=list, max_length=64)
    occurred_at: Instant | None = Field(default=None, description="when it happened, as claimed")
    rule: RuleName | None = None
    to_state: Name | None = Field(default=None, description="where the step leads, if the table leaves a choice")
    authenticity: Literal["platform_attested", "webhook_verified", "imported_unverified"] = "platform_attested"
    signed: WalletStatement | None = None
    parties: list[PartyReference] = Field(
        default_factory=list, max_length=16, description="parties that come onto the access list with this step"
    )


class Answer(BaseModel):
    """What we send: documented, not validated again on the way out."""

    model_config = ConfigDict(extra="forbid")


class RecordedAnswer(Answer):
    """A durable entry. `receipt` can be kept as a file and verified with `rledger verify`."""

    return_id: Hex16
    index: Index
    leaf_hash: Hex32
    verb: Name
    state: str | None = Field(description="of the return, or of the dispute, after the step")
    recorded_at: Instant
    size: Index = Field(description="tree size of the signed checkpoint that covers the entry")
    receipt: dict[str, Any]


class UploadAnswer(Answer):
    """A file that is here, whole, and that a step of its caller may name by its SHA-256 until `expires_at`."""

    sha256: Hex32
    size: Index
    media_type: str = Field(description="what the content shows; a name or type that was sent is not asked")
    expires_at: Instant


class PartAnswer(Answer):
    """A file that is not whole yet: its next part begins at `offset`."""

    sha256: Hex32
    offset: Index
    size: Index


class UploadState(Answer):
    """How much of a file is here; what is not known before it is whole is null."""

    sha256: Hex32
    offset: Index
    complete: bool
    size: Index | None
    media_type: str | None
    expires_at: Instant | None


class CaseAnswer(Answer):
    """A return as it stands now. `last_index` is its ETag."""

    return_id: Hex16
    state: str
    entries: Index
    head: Hex32
    last_index: Index
    buyer_country: str
    seller_country: str
    opened_at: Instant
    disputes: list[dict[str, Any]]


class CaseList(Answer):
    """A page of returns; `next` is where the next page begins, null at the end."""

    items: list[CaseAnswer]
    next: str | None


class EntryAnswer(Answer):
    """An entry: its place, leaf hash, exact members, and how far it has come."""

    index: Index
    leaf_hash: Hex32
    state: Literal["recorded", "checkpointed", "submitted", "included", "finalized"]
    anchored_at: int | None = Field(description="time of the block that holds its head, in seconds since 1970")
    entry: dict[str, Any]


class EntryList(Answer):
    """The entries of a range that the caller may see; `next` is the start of the next range, null at the end."""

    items: list[EntryAnswer]
    next: Index | None


class ProofAnswer(Answer):
    """A proof of RFC 9162: hashes in the order of the RFC, with the sizes and roots that it is about."""

    kind: Literal["consistency", "inclusion"]
    sizes: list[Index]
    roots: list[Hex32]
    index: Index | None
    leaf_hash: Hex32 | None
    hashes: list[Hex32]


class AnchorAnswer(Answer):
    """A tree head on its way to a chain, or there. Times are in seconds since 1970."""

    sequence: Index
    size: Index
    root: Hex32
    state: str
    reason: str
    chain: str
    chain_id: Index
    contract: str
    log_id: Hex32
    transactions: list[str]
    block_number: Index | None
    block_hash: str | None
    anchored_at: int | None
    fee_paid: str | None = Field(description="what it cost, in wei; null: it is in no block, or another account paid")
    block_url: str | None = Field(description="where people look its block up; null: it is in none, or nobody shows it")


class AnchorList(Answer):
    """All anchors, oldest first."""

    items: list[AnchorAnswer]
    next: None


class ProblemAnswer(BaseModel):
    """A problem document (RFC 9457). Further members depend on the type."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    instance: str = Field(description="the request id, for the operator")
