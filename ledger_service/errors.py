"""Every error the ledger raises on purpose, in one tree.

::

    LedgerError                      what happened, why, what to do (`hint`)
    ├── FormatError                  bytes are not what they claim to be
    │   ├── JsonFormatError          not strict JSON, or not canonical (RFC 8259, RFC 8785)
    │   ├── LimitError               larger, deeper or longer than a named limit
    │   ├── EntryFormatError         JSON, but not an entry
    │   ├── CheckpointFormatError    not a signed note with a tree head (C2SP)
    │   ├── ReceiptFormatError       not a receipt
    │   └── TrustFormatError         not a trust file
    ├── InvalidProofError            a proof does not prove what it is offered for
    │   └── InvalidSignatureError    a signature does not verify under the pinned key
    ├── WithheldError                a value that a check needs is not shown: says nothing about the evidence
    ├── RefusedError                 well formed, but not allowed; nothing was written
    │   ├── TransitionRefusedError   the state machine says no; `allowed` says what is possible
    │   │   ├── UnknownVerbError
    │   │   ├── WrongStateError
    │   │   ├── WrongRoleError
    │   │   ├── MissingEvidenceError
    │   │   ├── EvidenceKindError
    │   │   ├── MissingFieldError
    │   │   ├── FieldValueError
    │   │   ├── BalanceError         the quantities or the money of the case refuse it
    │   │   ├── ClockRefusedError    a deadline has not passed, or has
    │   │   └── CorrectionRefusedError
    │   ├── UnknownRuleError         no rule set of this id, of this version, or in force on this day
    │   ├── CalendarError            no time zone, holidays or date to count with; nothing is guessed
    │   ├── SignatureRefusedError    a wallet signature is not one, or not of the form that counts
    │   │   ├── WrongSignerError     another wallet signed, or something else was signed
    │   │   └── StatementExpiredError  its deadline has passed; sign again
    │   ├── StaleHeadError           the case moved on since the caller or signer looked
    │   │   └── CaseMovedError       it moved while the step was judged; the step is judged again
    │   ├── UnknownReturnError       no case with this return_id
    │   ├── UnknownEntryError        no entry with this index, or no value of this name in it
    │   ├── UnknownWebhookError      no webhook or delivery of the caller's with this id
    │   ├── AddressRefusedError      a URL or address that nothing is sent to
    │   ├── CredentialError          no credential, or one that does not count; says not which
    │   ├── PermissionRefusedError   known, but not allowed to do this
    │   ├── IdempotencyMismatchError the key was used for another payload
    │   ├── RequestRunningError      a request with this key is being worked on
    │   ├── BackPressureError        the queue is full; try again later
    │   ├── LedgerExistsError        this database already holds a genesis entry
    │   ├── LedgerMissingError       this database holds no genesis entry yet
    │   └── GateClosedError          the ledger must not write (design §6, boot gate)
    │       ├── BehindChainError     the chain holds a head that this database does not reach
    │       ├── BehindMarkError      the database is behind the high-water mark
    │       ├── MissingMarkError     the high-water mark is gone
    │       ├── ContradictedError    chain or mark hold another root for the same size
    │       ├── WrongChainError      the node serves another chain than the one pinned
    │       └── WrongCodeError       the contract's code is missing or differs
    ├── StoreError                   the database cannot do its job
    │   ├── SchemaVersionError       older or newer than this code
    │   ├── StoreSettingsError       a PRAGMA, trigger or grant that safety rests on is missing
    │   ├── StoreReadOnlyError
    │   ├── StorageFullError
    │   ├── StoreBusyError           another writer held the lock too long
    │   └── UnknownOutcomeError      the commit may or may not have happened; safe to retry
    ├── EvidenceError
    │   ├── EvidenceEmptyError
    │   ├── EvidenceMissingError     no such file, or it cannot be read
    │   ├── EvidenceTooLargeError
    │   └── EvidenceMismatchError    stored bytes differ from the recorded fingerprint
    ├── ChainError
    │   ├── NodeUnreachableError     nobody answered: says nothing about the evidence
    │   ├── NodeAnswerError          an answer that no honest node gives, or a JSON-RPC error
    │   ├── ContractRevertedError    the contract refused; `name` and `arguments` of its custom error
    │   ├── ChainDataMissingError    the embedded chain's blocks are gone
    │   ├── ChainBusyError           another process writes the embedded chain
    │   └── AccountError             keystore, password, or a development key on a public chain
    └── SettingsError                a setting is missing or cannot be right
"""

from __future__ import annotations

from collections.abc import Sequence


class LedgerError(Exception):
    """Root of the tree. `message`: what happened and why, with value and limit; `hint`: what to do next, or empty."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class FormatError(LedgerError):
    """Bytes are not what they claim to be."""


class JsonFormatError(FormatError):
    """Not strict JSON. `code`: utf8, bom, syntax, duplicate_key, float, number, surrogate, nul or not_canonical."""

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


class LimitError(FormatError):
    """Over a named limit: `limit` is its name, `most` its value, `actual` what was found (or None)."""

    def __init__(self, limit: str, most: int, actual: int | None = None, *, hint: str = "") -> None:
        super().__init__(f"{limit} is {most}, found {'more' if actual is None else actual}", hint=hint)
        self.limit = limit
        self.most = most
        self.actual = actual


class EntryFormatError(FormatError):
    """JSON, but not an entry."""


class CheckpointFormatError(FormatError):
    """Not a signed note that holds a tree head."""


class ReceiptFormatError(FormatError):
    """Not a receipt."""


class TrustFormatError(FormatError):
    """Not a trust file."""


class InvalidProofError(LedgerError):
    """A proof does not prove what it is offered for."""


class InvalidSignatureError(InvalidProofError):
    """A signature does not verify under the pinned key."""


class WithheldError(LedgerError):
    """Values that a check needs are withheld or erased; `names` are theirs. This says nothing about the evidence."""

    def __init__(self, message: str, *, names: Sequence[str], hint: str = "") -> None:
        super().__init__(f"{message}: {', '.join(names)}", hint=hint or "ask whoever may show them, unless erased")
        self.names = tuple(names)


class RefusedError(LedgerError):
    """Well formed, but not allowed; nothing was written."""


class TransitionRefusedError(RefusedError):
    """The state machine says no to `verb`. `state` is that of the case (None before the first entry), `allowed` the
    verbs that are possible now for the caller's role, in the order of the table."""

    def __init__(self, message: str, *, verb: str, state: str | None, allowed: Sequence[str], hint: str = "") -> None:
        listed = ", ".join(allowed) if allowed else "nothing by this role"
        super().__init__(message, hint=hint or f"allowed now: {listed}")
        self.verb = verb
        self.state = state
        self.allowed = tuple(allowed)


class UnknownVerbError(TransitionRefusedError):
    """No transition has this name."""


class WrongStateError(TransitionRefusedError):
    """The transition exists, but not from the state the case is in."""


class WrongRoleError(TransitionRefusedError):
    """The transition exists from here, but this role may not assert it."""


class MissingEvidenceError(TransitionRefusedError):
    """A required kind of evidence is not there."""


class EvidenceKindError(TransitionRefusedError):
    """Evidence of a kind that does not exist."""


class MissingFieldError(TransitionRefusedError):
    """A required field is not there."""


class FieldValueError(TransitionRefusedError):
    """A field is unknown to this transition, or has a value outside its domain."""


class BalanceError(TransitionRefusedError):
    """The quantities or the money of the case do not allow the step."""


class ClockRefusedError(TransitionRefusedError):
    """A deadline that the step rests on has not passed yet, or one that it had to keep has."""


class CorrectionRefusedError(TransitionRefusedError):
    """The entry cannot be corrected like this, or not by this party."""


class UnknownRuleError(RefusedError):
    """There is no rule set of this id, of this version, or none in force on this day."""


class CalendarError(RefusedError):
    """A day cannot be counted: the zone is unknown, the calendar lacks the year, or no such date exists."""


class SignatureRefusedError(RefusedError):
    """A wallet signature is not one, or not of the one form that counts (65 bytes, v 27 or 28, low s)."""


class WrongSignerError(SignatureRefusedError):
    """Another wallet than the party's signed, or another step, ledger, chain or contract was signed."""


class StatementExpiredError(SignatureRefusedError):
    """The deadline of a signed statement has passed."""


class StaleHeadError(RefusedError):
    """The head that the caller expected, or that the signer saw, is not the case's head any more."""


class CaseMovedError(StaleHeadError):
    """The case moved on while the step was judged against its balance; it is to be judged again."""


class UnknownReturnError(RefusedError):
    """There is no case with this return_id."""


class UnknownEntryError(RefusedError):
    """There is no entry with this index, or no committed value of this name in it."""


class UnknownWebhookError(RefusedError):
    """There is no webhook of the caller's with this id, or no delivery of it with this id."""


class AddressRefusedError(RefusedError):
    """Nothing is sent to this URL, or to the address that its name leads to: it is not a public one."""


class CredentialError(RefusedError):
    """No credential was given, or it is unknown, revoked, expired or used up. Which of these is not told."""


class PermissionRefusedError(RefusedError):
    """Who asks is known, but its role or its credential does not allow this."""


class IdempotencyMismatchError(RefusedError):
    """The idempotency key was used before, for another payload."""


class RequestRunningError(RefusedError):
    """A request with the same idempotency key is still being worked on; its answer will be kept."""


class BackPressureError(RefusedError):
    """The queue of the writer is full. `retry_after_seconds` says when to try again."""

    def __init__(self, message: str, *, retry_after_seconds: int = 1, hint: str = "") -> None:
        super().__init__(message, hint=hint or f"try again in {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds


class LedgerExistsError(RefusedError):
    """The database already holds a genesis entry."""


class LedgerMissingError(RefusedError):
    """The database holds no genesis entry yet."""


class GateClosedError(RefusedError):
    """The ledger must not write. `reason` is a stable code; reading stays possible."""

    reason = "gate_closed"


class BehindChainError(GateClosedError):
    """The chain holds a head that this database does not reach: a restored backup."""

    reason = "behind_chain"


class BehindMarkError(GateClosedError):
    """The database is behind the high-water mark: a restored backup."""

    reason = "behind_mark"


class MissingMarkError(GateClosedError):
    """The high-water mark is gone, so nothing says how far this ledger had come."""

    reason = "mark_missing"


class ContradictedError(GateClosedError):
    """The chain or the mark holds another root for a size that this database has."""

    reason = "contradicted"


class WrongChainError(GateClosedError):
    """The node serves another chain than the one pinned (chain id or genesis block hash)."""

    reason = "wrong_chain"


class WrongCodeError(GateClosedError):
    """There is no contract at the pinned address, or its code differs."""

    reason = "wrong_code"


class StoreError(LedgerError):
    """The database cannot do its job."""


class SchemaVersionError(StoreError):
    """The database's schema is older or newer than this code."""


class StoreSettingsError(StoreError):
    """A PRAGMA, a trigger or a grant that safety rests on is missing."""


class StoreReadOnlyError(StoreError):
    """The database or its folder cannot be written."""


class StorageFullError(StoreError):
    """No space is left where the ledger writes."""


class StoreBusyError(StoreError):
    """Another writer held the lock too long."""


class UnknownOutcomeError(StoreError):
    """The commit may or may not have happened. Retrying with the same idempotency key is safe."""


class EvidenceError(LedgerError):
    """A file that stands for evidence cannot be used."""


class EvidenceEmptyError(EvidenceError):
    """The file has no bytes."""


class EvidenceMissingError(EvidenceError):
    """There is no such file, or it cannot be read."""


class EvidenceTooLargeError(EvidenceError):
    """The file is larger than the limit."""


class EvidenceMismatchError(EvidenceError):
    """The stored bytes differ from the recorded fingerprint."""


class ChainError(LedgerError):
    """Something between us and a chain."""


class NodeUnreachableError(ChainError):
    """Nobody answered. This says nothing about the evidence."""


class NodeAnswerError(ChainError):
    """An answer that no honest node gives, or a JSON-RPC error."""


class ContractRevertedError(ChainError):
    """The contract refused. `name` is its custom error (empty when unknown), `arguments` its values."""

    def __init__(self, name: str, arguments: Sequence[object] = (), *, hint: str = "") -> None:
        shown = ", ".join(a.hex() if isinstance(a, bytes) else str(a) for a in arguments)
        super().__init__(f"the contract refused: {name or 'no reason given'}({shown})", hint=hint)
        self.name = name
        self.arguments = tuple(arguments)


class ChainDataMissingError(ChainError):
    """The embedded chain's blocks are gone."""


class ChainBusyError(ChainError):
    """Another process writes the embedded chain."""


class AccountError(ChainError):
    """Keystore, password, or a development key on a public chain."""


class SettingsError(LedgerError):
    """A setting is missing or cannot be right."""
