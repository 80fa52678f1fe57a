"""A step as the client sends it, kept to compare the answer with.

Promises: what is sent cannot change after it was made. Does not: know which fields a step has; the service does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ledger_service.core import encoding
from ledger_service.core.entry import Authenticity, Role, RuleReference


@dataclass(frozen=True, slots=True)
class Party:
    """A party: its role (`buyer`, `seller`, …), and how the marketplace calls it."""

    role: Role
    reference: str


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """A file that was uploaded before: its kind (`product_photo`, …), and the SHA-256 of its bytes in hex."""

    kind: str
    sha256: str


@dataclass(frozen=True, slots=True)
class WalletSignature:
    """A wallet's signature over a prepared statement: text and numbers as the service sent or takes them."""

    address: str
    signature: str
    nonce: str
    deadline: int
    previous: str | None


@dataclass(frozen=True, slots=True)
class SentStep:
    """One step. `return_id` None opens a return; `fields` are canonical JSON of the step's fields by name."""

    verb: str
    return_id: str | None
    fields: bytes
    asserted_by: Party | None
    evidence: tuple[EvidenceFile, ...]
    occurred_at: str | None
    rule: RuleReference | None
    to_state: str | None
    authenticity: Authenticity
    signed: WalletSignature | None
    parties: tuple[Party, ...]

    def body(self) -> bytes:
        """Return the body of the request. What was left out is left out here too."""
        value: dict[str, Any] = {"verb": self.verb, "fields": encoding.parse(self.fields)}
        if self.asserted_by is not None:
            value["asserted_by"] = _party(self.asserted_by)
        if self.evidence:
            value["evidence"] = [{"kind": one.kind, "sha256": one.sha256} for one in self.evidence]
        if self.rule is not None:
            value["rule"] = {"id": self.rule.id, "version": self.rule.version}
        if self.signed is not None:
            value["signed"] = {name: getattr(self.signed, name) for name in WalletSignature.__slots__}
        if self.parties:
            value["parties"] = [_party(one) for one in self.parties]
        if self.authenticity is not Authenticity.PLATFORM_ATTESTED:
            value["authenticity"] = self.authenticity.value
        given = {"occurred_at": self.occurred_at, "to_state": self.to_state}
        return encoding.encode(value | {name: one for name, one in given.items() if one is not None})


def sent_step(
    verb: str,
    return_id: str | None,
    fields: Mapping[str, Any],
    *,
    asserted_by: Party | None = None,
    evidence: Sequence[EvidenceFile] = (),
    occurred_at: str | None = None,
    rule: RuleReference | None = None,
    to_state: str | None = None,
    authenticity: Authenticity = Authenticity.PLATFORM_ATTESTED,
    signed: WalletSignature | None = None,
    parties: Sequence[Party] = (),
) -> SentStep:
    """Return a step to send.

    Raises:
        JsonFormatError, LimitError: The fields have no canonical JSON (a float, a number beyond 2^53 − 1).
    """
    return SentStep(
        verb=verb,
        return_id=return_id,
        fields=encoding.encode(dict(fields)),
        asserted_by=asserted_by,
        evidence=tuple(evidence),
        occurred_at=occurred_at,
        rule=rule,
        to_state=to_state,
        authenticity=Authenticity(authenticity),
        signed=signed,
        parties=tuple(parties),
    )


def _party(party: Party) -> dict[str, str]:
    return {"role": Role(party.role).value, "reference": party.reference}
