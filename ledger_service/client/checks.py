"""Is this the answer to what was asked? A recorded step, and a receipt, against what was sent and the pinned log.

Promises: pure; every number comes from the request, the pinned trust or the signed note. Whatever is not exactly as
it was asked for raises, under the name of what is wrong. Does not: compare checkpoints with each other (`seen.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ledger_service.client.answers import RecordedAnswer
from ledger_service.client.failures import WrongAnswerError
from ledger_service.client.sent import SentStep
from ledger_service.core import encoding
from ledger_service.core.checkpoint import Checkpoint, VerifierKey, parse_checkpoint
from ledger_service.core.disclosure import evidence_name
from ledger_service.core.encoding import Json
from ledger_service.core.entry import ASIDE_KINDS, Authenticity, CaseEntry, Entry, parse_entry
from ledger_service.core.log_entry import KeyEntry
from ledger_service.core.merkle import leaf_hash
from ledger_service.core.receipt import Receipt, parse_receipt
from ledger_service.core.report import Outcome
from ledger_service.core.signing import SIGNATURE_NAME, SIGNER_NAME
from ledger_service.core.trust import Trust
from ledger_service.core.verify import verify

# Without these a receipt shows nothing; the rest (anchor, chain, finality, policy) comes with time and a node.
REQUIRED = ("format", "trust", "entry", "disclosures", "checkpoint", "inclusion")
GIVEN_BY_THE_SERVICE = {"open_dispute": frozenset({"dispute_id"})}  # fields that it adds where none was sent


@dataclass(frozen=True, slots=True)
class Proven:
    """A receipt that holds: its parts, its entry, its checkpoint, and the keys that may sign from here on."""

    receipt: Receipt
    entry: Entry
    checkpoint: Checkpoint
    keys: tuple[VerifierKey, ...]


def check_receipt(data: bytes, trust: Trust) -> Proven:
    """Return a receipt whose entry is in the pinned log by its own checkpoint.

    Raises:
        WrongAnswerError: `receipt_…`, after the check that failed.
    """
    report = verify(data, trust)
    for check in report.checks:
        if check.outcome is Outcome.FAIL:
            raise WrongAnswerError(f"receipt_{check.name}", check.detail, answer=data)
    passed = {check.name for check in report.checks if check.outcome is Outcome.PASS}
    for name in REQUIRED:
        if name not in passed:
            raise WrongAnswerError(f"receipt_{name}", "the receipt leaves this open", answer=data)
    receipt = parse_receipt(data)
    checkpoint, _ = parse_checkpoint(receipt.checkpoint)
    changes = [parse_entry(change.entry) for change in receipt.key_changes[-1:]]
    keys = tuple(change.new_key for change in changes if isinstance(change, KeyEntry))
    return Proven(receipt, parse_entry(receipt.entry), checkpoint, keys)


def check_recorded(said: RecordedAnswer, sent: SentStep, proven: Proven, *, previous: bytes | None) -> None:
    """Accept the answer to a step only if its receipt is of the very step that was sent.

    Args:
        said: What the answer says beside the receipt.
        sent: The step.
        proven: The answer's receipt.
        previous: Leaf hash of the entry that the step was to follow; None: any.

    Raises:
        WrongAnswerError: It names what differs.
    """
    entry, receipt = proven.entry, proven.receipt
    if not isinstance(entry, CaseEntry) or entry.kind in ASIDE_KINDS:
        raise _wrong("kind", "the entry is no step of a return", said)
    _same("index", said.index, receipt.index, said)
    _same("leaf_hash", said.leaf_hash, leaf_hash(receipt.entry), said)
    _same("size", said.size, proven.checkpoint.size, said)
    for name, one, other in (
        ("verb", said.verb, entry.verb),
        ("return_id", said.return_id, entry.return_id),
        ("state", said.state, entry.to_state),
        ("recorded_at", said.recorded_at, entry.recorded_at),
        ("verb", sent.verb, entry.verb),
        ("occurred_at", sent.occurred_at, entry.occurred_at),
        ("rule", sent.rule, entry.rule),
        ("state", entry.to_state if sent.to_state is None else sent.to_state, entry.to_state),
        ("authenticity", sent.authenticity if sent.signed is None else Authenticity.SIGNED, entry.authenticity),
    ):
        _same(name, one, other, said)
    _check_place(said, sent, entry, previous)
    _check_parties(said, sent, entry)
    _check_content(said, sent, entry, receipt)


def _check_place(said: RecordedAnswer, sent: SentStep, entry: CaseEntry, previous: bytes | None) -> None:
    if sent.return_id is None:
        if entry.seq != 0:
            raise _wrong("place", "the entry is not the first of its return", said)
        return
    _same("return_id", sent.return_id, entry.return_id, said)
    if entry.seq == 0 or (previous is not None and entry.prev != previous):
        raise _wrong("place", "the entry does not follow the one that it was to follow", said)


def _check_parties(said: RecordedAnswer, sent: SentStep, entry: CaseEntry) -> None:
    """Compare roles; who a pseudonym stands for is the service's to know, but it knows itself from others."""
    if sent.asserted_by is None:
        if entry.asserted_by != entry.recorded_by:
            raise _wrong("parties", "the step is asserted by another party than its sender", said)
    elif sent.asserted_by.role is not entry.asserted_by.role:
        raise _wrong("parties", "the step is asserted by another role", said)


def _check_content(said: RecordedAnswer, sent: SentStep, entry: CaseEntry, receipt: Receipt) -> None:
    opened: list[tuple[str, Json]] = []
    for record in receipt.records:
        if record.disclosure is None:
            raise _wrong("withheld", f"the value of {record.name} is not shown to its sender", said)
        opened.append((record.name, record.disclosure.value))
    files, values = opened[: len(entry.evidence)], opened[len(entry.evidence) :]
    if files != [(evidence_name(one.kind), one.sha256) for one in sent.evidence]:
        raise _wrong("evidence", "the files are not those that were sent", said)
    fields: dict[str, Any] = {**entry.facts, **dict(values)}
    if len(fields) != len(entry.facts) + len(values):
        raise _wrong("fields", "a field stands twice", said)
    _check_statement(said, sent, fields)
    asked = encoding.parse(sent.fields)
    assert isinstance(asked, dict)  # `sent_step` made it of one
    for name in GIVEN_BY_THE_SERVICE.get(sent.verb, frozenset()) - asked.keys():
        fields.pop(name, None)
    if fields.keys() != asked.keys():
        odd = sorted(fields.keys() ^ asked.keys())
        raise _wrong("fields", f"the entry and the step differ in the fields {', '.join(odd)[:200]}", said)
    for name, value in asked.items():
        if encoding.encode(value) != encoding.encode(fields[name]):  # as bytes: in Python True is 1
            raise _wrong("fields", f"the value of {name[:80]} is not the one that was sent", said)


def _check_statement(said: RecordedAnswer, sent: SentStep, fields: dict[str, Any]) -> None:
    """Take the wallet's statement out of the fields; it must be the one that was sent, or none."""
    value, signer = fields.pop(SIGNATURE_NAME, None), fields.pop(SIGNER_NAME, None)
    if sent.signed is None:
        if value is not None or signer is not None:
            raise _wrong("authenticity", "the entry holds a wallet's signature that nobody sent", said)
        return
    mine = {"signature": sent.signed.signature.lower(), "nonce": sent.signed.nonce, "deadline": sent.signed.deadline,
            "previous": sent.signed.previous}  # fmt: skip
    held = {name: value.get(name) for name in mine} if isinstance(value, dict) else {}
    if held != mine or signer != sent.signed.address.lower():
        raise _wrong("authenticity", "the entry does not hold the wallet's signature that was sent", said)


def _same(what: str, one: object, other: object, said: RecordedAnswer) -> None:
    if one != other:
        raise _wrong(what, "the receipt says otherwise than the answer or the request", said)


def _wrong(what: str, message: str, said: RecordedAnswer) -> WrongAnswerError:
    return WrongAnswerError(what, message, answer=said.receipt)
