"""A step as it is asked for, before anything was decided. Does not: check anything (`admit.py`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ledger_service.core.encoding import Json
from ledger_service.core.entry import Authenticity, RuleReference
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.sign_step import WalletSignature
from ledger_service.store.read import StoredCase


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A file that a party has sent before (`uploads.py`): `mark` (32 bytes) is the party's, `sha256` the content's."""

    mark: bytes
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Step:
    """One step to record.

    `return_id` None opens a new case; with `opens` it is the name, drawn at random before, that a new case may get.
    `fields` are the transition's fields by name, `evidence` pairs of kind and file: a path, or an upload of the one
    who records. `occurred_at` is the claimed time (RFC 3339 UTC with milliseconds). `expected_head` (leaf hash)
    refuses the step if the case moved on. `idempotency_key` makes a retry safe. `members` are parties that come
    onto the access list of the case with this step, beside the two that act. `signed` is the asserting party's
    wallet signature over the step; the entry is then marked signed, whatever `authenticity` says. `seen` is the
    case as its caller read it just now, which saves reading it again; a case that moved since is judged anew.
    """

    verb: str
    asserted_by: Party
    recorded_by: Party
    fields: Mapping[str, Json] = field(default_factory=dict)
    evidence: Sequence[tuple[str, Path | Uploaded]] = ()
    return_id: str | None = None
    authenticity: Authenticity = Authenticity.PLATFORM_ATTESTED
    occurred_at: str | None = None
    rule: RuleReference | None = None
    to_state: str | None = None
    expected_head: bytes | None = None
    idempotency_key: str | None = None
    signed: WalletSignature | None = None
    members: Sequence[Party] = ()
    seen: StoredCase | None = None
    opens: bool = False
