"""Drafts that the tests, benches and campaigns of the store append: a genesis, requests, and steps after them.

Promises: every draft is one that the state machine takes; what is in it follows from its arguments.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_service.core.checkpoint import Checkpoint, sign_checkpoint, verifier_key
from ledger_service.core.entry import (
    Actor,
    Authenticity,
    CaseEntry,
    EvidenceDescriptor,
    Kind,
    NamedCommitment,
    Role,
)
from ledger_service.core.log_entry import GenesisEntry, SealEntry, Target
from ledger_service.core.returns import Command
from ledger_service.store.drafts import (
    AsideDraft,
    CaseDraft,
    IdempotencyKey,
    LogDraft,
    SealedValue,
    StoredFile,
    WriteView,
)

ORIGIN = "returns.example/test"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NOON = datetime(2026, 11, 3, 12, 0, 0, tzinfo=UTC)


def sign(checkpoint: Checkpoint) -> bytes:
    """Return the note signed by the tests' key."""
    return sign_checkpoint(checkpoint, KEY)


class SteppingClock:
    """A clock that moves on by a step at each look; a test may set it back."""

    def __init__(self, now: datetime = NOON, *, step: timedelta = timedelta(milliseconds=1)) -> None:
        self.now = now
        self.step = step

    def __call__(self) -> datetime:
        self.now += self.step
        return self.now


class MarkList:
    """Stands in for the high-water mark: remembers every (note, size, root) it was given."""

    def __init__(self) -> None:
        self.given: list[tuple[bytes, int, bytes]] = []

    def advance(self, note: bytes, size: int, root: bytes) -> None:
        self.given.append((note, size, root))


def digest(*parts: object) -> bytes:
    """Return 32 bytes that follow from the parts."""
    return sha256("/".join(str(part) for part in parts).encode()).digest()


def return_id(*parts: object) -> str:
    """Return a case's name that follows from the parts."""
    return digest("return", *parts).hex()[:32]


def actor(role: Role) -> Actor:
    """Return the tests' party of a role."""
    return Actor(role, digest("party", role).hex()[:32])


def genesis(origin: str = ORIGIN) -> LogDraft:
    """Return the draft of index 0."""
    target = Target(31337, digest("chain"), bytes(20), digest("code"), bytes(20), digest("log"))

    def make(_: WriteView, now: str) -> GenesisEntry:
        return GenesisEntry(origin, now, (verifier_key(ORIGIN, KEY),), (target,), 1, 1_024)

    return LogDraft(make)


def make_seal(view: WriteView, now: str) -> SealEntry:
    """Return a seal without a case index."""
    return SealEntry(ORIGIN, now, None, view.newest_final_anchor)


def seal() -> LogDraft:
    """Return the draft of a seal."""
    return LogDraft(make_seal)


def request(
    name: object, *, key: str | None = None, fingerprint: bytes | None = None, origin: str = ORIGIN
) -> CaseDraft:
    """Return the draft that opens the case `return_id(name)`, with three sealed values and one file."""
    case = return_id(name)
    committed = (NamedCommitment("lines", digest(name, "lines")),)
    photo = EvidenceDescriptor("product_photo", 182_044, "image/jpeg", digest(name, "photo"))
    command = Command(
        origin=origin,
        return_id=case,
        verb="request_return",
        asserted_by=actor(Role.BUYER),
        recorded_by=actor(Role.PLATFORM),
        authenticity=Authenticity.PLATFORM_ATTESTED,
        occurred_at="2026-11-03T09:15:00.000Z",
        recorded_at="",
        facts={"legal_basis": "non_conformity", "language": "de", "buyer_country": "DE", "seller_country": "CN"},
        commitments=committed,
        evidence=(photo,),
    )
    return _draft(command, name, key=key, fingerprint=fingerprint)


def step(name: object, number: int, *, key: str | None = None, expected_head: bytes | None = None) -> CaseDraft:
    """Return the draft of a further step (another photo) of the case `return_id(name)`."""
    photo = EvidenceDescriptor("product_photo", 90_000 + number, "image/jpeg", digest(name, "photo", number))
    command = Command(
        origin=ORIGIN,
        return_id=return_id(name),
        verb="add_evidence",
        asserted_by=actor(Role.BUYER),
        recorded_by=actor(Role.PLATFORM),
        authenticity=Authenticity.PLATFORM_ATTESTED,
        occurred_at=None,
        recorded_at="",
        facts={"language": "de"},
        commitments=(NamedCommitment("comment", digest(name, "comment", number)),),
        evidence=(photo,),
        expected_head=expected_head,
    )
    return _draft(command, (name, number), key=key, fingerprint=None)


def aside(name: object, *, kind: Kind = Kind.ATTEMPT) -> AsideDraft:
    """Return the draft of a refused attempt, beside the chain of its case."""
    entry = CaseEntry(
        kind=kind,
        origin=ORIGIN,
        return_id=return_id(name),
        seq=None,
        prev=None,
        verb="add_evidence",
        from_state=None,
        to_state=None,
        asserted_by=actor(Role.BUYER),
        recorded_by=actor(Role.PLATFORM),
        authenticity=Authenticity.PLATFORM_ATTESTED,
        occurred_at=None,
        recorded_at="",
        facts={"reason": "wrong_state"},
    )
    return AsideDraft(entry)


def _draft(command: Command, name: object, *, key: str | None, fingerprint: bytes | None) -> CaseDraft:
    names = [f"evidence:{item.kind}" for item in command.evidence] + [item.name for item in command.commitments]
    return CaseDraft(
        command,
        values=tuple(
            SealedValue(position, label, digest(name)[:16], digest(name, label) * 4)
            for position, label in enumerate(names)
        ),
        files=(StoredFile(0, "product_photo", digest(name, "file").hex(), digest(name, "bytes"), 9, "image/jpeg"),),
        idempotency=None if key is None else IdempotencyKey("tests", key, fingerprint or digest(key)),
    )
