"""The wallet signature over a step: who made it, whether it counts now, and how it stands in the entry.

In the entry it stands as two commitments (`SIGNATURE_NAME`, `SIGNER_NAME`): whoever may see their values can check
them with `verify_signed_entry`, and nobody else learns the wallet. What is signed: `statement.py`.

Promises: one accepted spelling of a signature (65 bytes, v 27 or 28, low s).
Does not: know which wallet belongs to whom, ask contract wallets (EIP-1271 needs a chain), or remember statements: one
about a case is used up when the head moves, but whoever opens cases keeps the digest of each statement that opened
one, and refuses its second use.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from coincurve import PublicKey
from eth_hash.auto import keccak

from ledger_service.core.disclosure import EVIDENCE_PREFIX, Record
from ledger_service.core.encoding import Json
from ledger_service.core.entry import ASIDE_KINDS, Authenticity, CaseEntry
from ledger_service.core.log_entry import HASH
from ledger_service.core.members import Reader
from ledger_service.core.registry import ADDRESS_BYTES
from ledger_service.core.statement import NO_HEAD, Domain, Statement, content_hash, digest, typed_data
from ledger_service.errors import (
    EntryFormatError,
    InvalidProofError,
    InvalidSignatureError,
    SignatureRefusedError,
    StaleHeadError,
    StatementExpiredError,
    WithheldError,
    WrongSignerError,
)

__all__ = [
    "SIGNATURE_NAME",
    "SIGNER_NAME",
    "Domain",
    "SignatureValue",
    "Statement",
    "content_hash",
    "digest",
    "parse_signature_value",
    "recover",
    "signer_value",
    "typed_data",
    "verify_signed_entry",
    "verify_statement",
]

SIGNATURE_NAME = "statement:signature"  # the colon keeps it apart from every field: names of fields have none
SIGNER_NAME = "statement:signer"
SIGNATURE_BYTES = 65  # r ‖ s ‖ v
NONCE_BYTES = 32  # random: without it nobody can guess the statement from its digest
RECORDING_SECONDS_MAX = 60  # from the check of the deadline to `recorded_at`, which is set under the write lock

_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141  # of secp256k1 (SEC 2, §2.4.1)
_STATE = re.compile(r"[a-z][a-z0-9_]{0,63}")  # as entry.py
_VALUE_MEMBERS = ("chain_id", "contract", "deadline", "nonce", "previous", "signature", "to_state")


@dataclass(frozen=True, slots=True)
class SignatureValue:
    """The value committed to under `SIGNATURE_NAME`: what the entry does not say, but the check needs."""

    chain_id: int
    contract: bytes
    previous: bytes | None
    to_state: str | None
    nonce: bytes
    deadline: int
    signature: bytes

    def as_json(self) -> dict[str, Json]:
        """Return the JSON value; `parse_signature_value` reads it."""
        return {
            "chain_id": self.chain_id,
            "contract": "0x" + self.contract.hex(),
            "deadline": self.deadline,
            "nonce": self.nonce.hex(),
            "previous": None if self.previous is None else self.previous.hex(),
            "signature": "0x" + self.signature.hex(),
            "to_state": self.to_state,
        }


def recover(domain: Domain, statement: Statement, signature: bytes) -> bytes:
    """Return the address (20 bytes) whose key made the signature over this statement, whoever that is.

    The bytes of a signature are no name for it: who holds one could spell a second one of most schemes. Here the
    second spelling (n − s) is refused; a statement is still named by its digest.

    Raises:
        SignatureRefusedError: Not 65 bytes, v not 27 or 28, r or s out of range, a high s, or no key gives it.
    """
    if len(signature) != SIGNATURE_BYTES:
        raise SignatureRefusedError(
            f"a signature has {SIGNATURE_BYTES} bytes (r, s, v), found {len(signature)}",
            hint="send what eth_signTypedData_v4 returned; the short form of EIP-2098 is not taken",
        )
    r, s, v = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big"), signature[64]
    if v not in (27, 28):
        raise SignatureRefusedError(f"the last byte of a signature is 27 or 28, found {v}", hint="add 27 to 0 or 1")
    if not 1 <= r < _ORDER or not 1 <= s < _ORDER:
        raise SignatureRefusedError("r or s of the signature is not from 1 to n − 1", hint="sign the statement again")
    if s > _ORDER // 2:  # EIP-2: of the two signatures that everybody can make from one, the lower counts
        raise SignatureRefusedError("the signature has a high s (EIP-2)", hint="sign with a wallet that gives low s")
    try:
        key = PublicKey.from_signature_and_message(
            signature[:64] + bytes([v - 27]), digest(domain, statement), hasher=None
        )
    except ValueError:
        raise SignatureRefusedError("no key gives this signature", hint="sign the statement again") from None
    return keccak(key.format(compressed=False)[1:])[-ADDRESS_BYTES:]


def verify_statement(
    domain: Domain, statement: Statement, signature: bytes, *, expected_address: bytes, now: int, head: bytes | None
) -> None:
    """Refuse a statement that was not signed by this wallet, for this place, on this head, in time.

    `domain` is the ledger's own, `now` is in seconds since 1970, `head` the leaf hash of the case's head (None: no
    case yet). A signature for another origin, chain or contract recovers to another address.

    Raises:
        SignatureRefusedError: As `recover`.
        WrongSignerError: Another wallet signed, or something else was signed.
        StatementExpiredError: `now` is past the deadline.
        StaleHeadError: The signer saw another head.
    """
    if recover(domain, statement, signature) != expected_address:
        raise WrongSignerError(
            "the signature is not by the wallet of this party over this step in this ledger",
            hint="sign the step that is sent, with the wallet that the party registered, for this chain and contract",
        )
    if now > statement.deadline:
        raise StatementExpiredError(
            f"the statement was to be recorded by {statement.deadline}, it is {now} (seconds since 1970)",
            hint="sign again with a later deadline",
        )
    if statement.previous != head:
        seen = "no case" if statement.previous is None else statement.previous.hex()
        raise StaleHeadError(
            f"the statement was signed on {seen}, the head is {'no case' if head is None else head.hex()}",
            hint="somebody else recorded a step; read the case again, then sign again if yours still fits",
        )


def parse_signature_value(value: Json) -> SignatureValue:
    """Return what `SignatureValue.as_json` wrote.

    Raises:
        EntryFormatError: Anything else.
    """
    read = Reader(EntryFormatError, SIGNATURE_NAME)
    m = read.members(value, _VALUE_MEMBERS)
    if m["previous"] == NO_HEAD.hex():
        raise read.at("previous").fail("zero stands for no case, which is null here")
    return SignatureValue(
        chain_id=read.at("chain_id").integer(m["chain_id"], least=1),
        contract=read.at("contract").hexadecimal(m["contract"], ADDRESS_BYTES, prefix="0x"),
        previous=read.nullable(m["previous"], lambda v: read.at("previous").hexadecimal(v, HASH)),
        to_state=read.nullable(m["to_state"], lambda v: read.at("to_state").text(v, _STATE)),
        nonce=read.at("nonce").hexadecimal(m["nonce"], NONCE_BYTES),
        deadline=read.at("deadline").integer(m["deadline"]),
        signature=read.at("signature").hexadecimal(m["signature"], SIGNATURE_BYTES, prefix="0x"),
    )


def signer_value(address: bytes) -> str:
    """Return the value committed to under `SIGNER_NAME`: the address as `0x` and lower-case hex."""
    return "0x" + address.hex()


def verify_signed_entry(entry: CaseEntry, records: Sequence[Record], domains: Collection[Domain]) -> bytes:
    """Return the address (20 bytes) of the wallet that signed the step of this entry.

    Args:
        entry: A step that says it was signed.
        records: One for each commitment of the entry, in entry order, all shown.
        domains: The places that the verifier pins, one for each target.

    Raises:
        WithheldError: A value is withheld or erased, so nobody can say; `names` tells which.
        InvalidProofError: The records do not open the commitments of this entry.
        FormatError: An opened value has not its form.
        InvalidSignatureError: The statement is missing, of another place or head, recorded too late, or not signed by
            the committed signer.
    """
    opened = _open(entry, records)
    if entry.authenticity is not Authenticity.SIGNED:
        raise InvalidSignatureError(f"the entry is marked {entry.authenticity.value}, not signed")
    if SIGNATURE_NAME not in opened.fields or SIGNER_NAME not in opened.fields:
        raise InvalidSignatureError("the entry is marked signed and carries no statement")
    value = parse_signature_value(opened.fields.pop(SIGNATURE_NAME))
    signer = Reader(EntryFormatError, SIGNER_NAME).hexadecimal(
        opened.fields.pop(SIGNER_NAME), ADDRESS_BYTES, prefix="0x"
    )
    domain = Domain(entry.origin, value.chain_id, value.contract)
    if domain not in domains:
        raise InvalidSignatureError(f"signed for chain {value.chain_id}, contract 0x{value.contract.hex()}")
    if entry.kind not in ASIDE_KINDS and (value.previous, value.to_state) != (entry.prev, entry.to_state):
        raise InvalidSignatureError("signed on another head, or for another state than the entry's")
    recorded = int(datetime.fromisoformat(entry.recorded_at).timestamp())
    if recorded > value.deadline + RECORDING_SECONDS_MAX:
        raise InvalidSignatureError(f"recorded at {recorded}, after the deadline of the statement, {value.deadline}")
    statement = Statement(
        return_id=None if value.previous is None else entry.return_id,
        previous=value.previous,
        verb=entry.verb,
        role=entry.asserted_by.role,
        occurred_at=entry.occurred_at,
        content_hash=content_hash(
            fields=opened.fields, evidence=opened.evidence, rule=entry.rule, to_state=value.to_state
        ),
        nonce=value.nonce,
        deadline=value.deadline,
    )
    try:
        found = recover(domain, statement, value.signature)
    except SignatureRefusedError as error:
        raise InvalidSignatureError(error.message) from None
    if found != signer:
        raise InvalidSignatureError("the signature is not by the committed signer over the step of this entry")
    return found


@dataclass(frozen=True, slots=True)
class _Opened:
    fields: dict[str, Json]
    evidence: list[tuple[str, bytes]]


def _open(entry: CaseEntry, records: Sequence[Record]) -> _Opened:
    """Check each record against its commitment; return all fields, and kind and content digest of each file."""
    commitments = entry.all_commitments()
    if [record.name for record in records] != [item.name for item in commitments]:
        raise InvalidProofError("the records are not those of the commitments of this entry, one by one")
    fields, evidence, withheld = dict(entry.facts), [], []
    for item, record in zip(commitments, records, strict=True):
        shown = record.disclosure
        if shown is None:
            withheld.append(item.name)
        elif shown.name != item.name or shown.commitment() != item.commitment:
            raise InvalidProofError(f"the value shown does not open the commitment {item.name!r}")
        elif item.name.startswith(EVIDENCE_PREFIX):
            read = Reader(EntryFormatError, item.name)
            evidence.append((item.name.removeprefix(EVIDENCE_PREFIX), read.hexadecimal(shown.value, HASH)))
        elif item.name in fields:  # the signer's fields have one value each
            raise EntryFormatError(f"the field {item.name!r} stands twice in the entry")
        else:
            fields[item.name] = shown.value
    if withheld:
        raise WithheldError("the signature covers values that are not shown", names=withheld)
    return _Opened(fields, evidence)
