"""Record one step of a return: the only way into the ledger for a case.

The order is: admit the step at the head of its case, take in the evidence, salt and seal the values, then one write
transaction decides, appends and answers. If the case moved meanwhile, the step is judged again. A step that is refused
leaves no file behind and is recorded as an attempt; one whose outcome is not known leaves its files. An upload gets
one more name, the entry's: it stays what it was, whatever becomes of the step.

Promises: whoever gets an answer holds a durable entry; the same idempotency key gives the same answer.
Does not: verify webhooks (their callers say what they verified in `authenticity`).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ledger_service.core.disclosure import EVIDENCE_PREFIX, SALT_BYTES, Disclosure, evidence_name
from ledger_service.core.docket import Docket, Known
from ledger_service.core.encoding import as_read
from ledger_service.core.entry import (
    RETURN_ID_BYTES,
    Authenticity,
    CaseEntry,
    EvidenceDescriptor,
    NamedCommitment,
    Role,
)
from ledger_service.core.fields import Subject
from ledger_service.core.lifecycle import LIFECYCLE
from ledger_service.core.step import STATEMENT_NAMES
from ledger_service.errors import (
    CaseMovedError,
    GateClosedError,
    IdempotencyMismatchError,
    LedgerError,
    SignatureRefusedError,
    StoreError,
    UnknownOutcomeError,
)
from ledger_service.evidence.folder import StoredEvidence
from ledger_service.evidence.media_type import OCTET_STREAM
from ledger_service.operations.access import new_members
from ledger_service.operations.admit import Admitted, admitting, command_of, request_key
from ledger_service.operations.appending import Appending, finish
from ledger_service.operations.asked import Step, Uploaded
from ledger_service.operations.attempt import attempting
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.pseudonyms import Party, actor
from ledger_service.operations.sign_step import Content, check_signature
from ledger_service.operations.uploads import take_upload
from ledger_service.store.drafts import STATEMENT_SCOPE, Appended, CaseDraft, IdempotencyKey, SealedValue, StoredFile
from ledger_service.store.read import StoredCase
from ledger_service.store.values import NONCE_BYTES, seal_value

__all__ = ["Party", "Recorded", "Step", "record", "recording"]

NOT_TAKEN = ""  # the name of a file that is not here; the writer refuses to keep it in an entry
READ_AT_ONCE_MAX = 16  # entries of a case that are read in an event loop too, in some tenths of a millisecond
JUDGED_AGAIN_MAX = 20  # times that a case may move on while one step is judged; each takes a few milliseconds


@dataclass(frozen=True, slots=True)
class Recorded:
    """The durable answer: the case, where its new entry stands, and its values in the order of its commitments.

    `disclosures` is None where the entry stood before: it holds the values of the first call.
    """

    return_id: str
    appended: Appended
    disclosures: tuple[Disclosure, ...] | None = None


def record(ledger: Ledger, step: Step) -> Recorded:
    """Record a step and return once it is durable.

    Raises:
        RefusedError: The step is not allowed now; the case did not move. The subclass says why; a step of the table
            that was refused for an existing case stands in the log as an attempt.
        EvidenceError: A file is missing, empty or too large, or was not uploaded.
        FormatError: Something of the step has no place in an entry: too long, or not of its form.
        StoreError: The database failed; `UnknownOutcomeError` means: retry with the same idempotency key.
    """
    return finish(ledger.require_writer(), recording(ledger, step))


def recording(
    ledger: Ledger, step: Step, *, later: Callable[[Callable[[], None]], object] = lambda work: work()
) -> Appending[Recorded]:
    """Record a step, leaving it to the caller to append each draft and to wait; else as `record`.

    `later` is given work that no answer needs to wait for; by default it is done at once.
    """
    ledger.require_space()
    return_id = step.return_id or secrets.token_hex(RETURN_ID_BYTES)
    asked = step
    if step.signed is not None:
        step = replace(step, authenticity=Authenticity.SIGNED)
    if step.verb == "open_dispute" and "dispute_id" not in step.fields:
        step = replace(step, fields={**step.fields, "dispute_id": secrets.token_hex(RETURN_ID_BYTES)})
    judged = yield from admitting(ledger, step, return_id)
    files = _take_in(ledger, asked)
    sent = False
    try:
        key = request_key(ledger, asked, [(kind, stored.sha256) for kind, stored in files], keys=judged.keys)
        for _ in range(JUDGED_AGAIN_MAX):
            draft, disclosures = _draft(ledger, step, return_id, judged, files, key)
            sent = True
            try:
                appended = yield draft
                break
            except CaseMovedError:
                step = replace(step, seen=None)
                judged = yield from admitting(ledger, step, return_id)
        else:
            raise CaseMovedError(
                f"the return {return_id} moved on {JUDGED_AGAIN_MAX} times while the step was judged",
                hint="send the step again",
            )
    except BaseException as error:
        if not sent or (isinstance(error, LedgerError) and not _may_stand(error)):
            _forget(ledger, files)
        if isinstance(error, SignatureRefusedError):
            yield from attempting(ledger, step, return_id, error)
        if isinstance(error, IdempotencyMismatchError):  # the writer knows the key's pseudonym only
            message = f"the idempotency key {step.idempotency_key!r:.80} was used before, for another request"
            raise IdempotencyMismatchError(message, hint=error.hint) from None
        raise
    if appended.replayed:  # the files of the first call stand; these are copies
        _forget(ledger, files)
        return Recorded(getattr(appended.entry, "return_id", return_id), appended)
    later(partial(_remember, ledger, judged, appended, disclosures))
    return Recorded(return_id, appended, disclosures)


def _draft(
    ledger: Ledger,
    step: Step,
    return_id: str,
    judged: Admitted,
    files: Sequence[tuple[str, StoredEvidence]],
    key: IdempotencyKey | None,
) -> tuple[CaseDraft, tuple[Disclosure, ...]]:
    keys = judged.keys
    case_key_id, case_key = keys.key_for(f"case:{return_id}")
    person_key_id, person_key = case_key_id, case_key
    if step.asserted_by.role is Role.BUYER:  # what a consumer says in their own words is about the consumer
        person_key_id, person_key = keys.key_for(f"party:{step.asserted_by.reference}")
    transition = LIFECYCLE.transition(step.verb)
    assert transition is not None  # `admit` accepted the step
    drawn = _Drawn(len(files) + len(judged.fields.committed) + len(STATEMENT_NAMES))
    disclosures = [Disclosure(evidence_name(kind), drawn.salt(), stored.sha256.hex()) for kind, stored in files]
    disclosures += [Disclosure(name, drawn.salt(), value) for name, value in judged.fields.committed.items()]
    asserted_by, recorded_by = judged.who or (actor(case_key, step.asserted_by), actor(case_key, step.recorded_by))
    used_up = None
    # The retry of a signed step comes when the head has moved: the writer finds it by its key and decides nothing.
    if step.signed is not None and not (key is not None and ledger.read.was_used(key)):
        content = _content(step, judged, files)
        values, statement_digest = check_signature(
            ledger,
            content,
            step.signed,
            docket=judged.docket or Docket(),  # one that is admitted to be signed looked at it
            actor=asserted_by,
            now=int(ledger.clock().timestamp()),
        )
        disclosures += [Disclosure(name, drawn.salt(), value) for name, value in values.items()]
        used_up = IdempotencyKey(STATEMENT_SCOPE, statement_digest.hex(), statement_digest)
    commitments = [disclosure.commitment() for disclosure in disclosures]
    command = command_of(
        ledger,
        step,
        return_id,
        (asserted_by, recorded_by),
        facts=judged.fields.facts,
        commitments=tuple(
            NamedCommitment(d.name, c)
            for d, c in zip(disclosures[len(files) :], commitments[len(files) :], strict=True)
        ),
        evidence=tuple(
            EvidenceDescriptor(kind, stored.size, stored.media_type, commitments[n])
            for n, (kind, stored) in enumerate(files)
        ),
        to_state=judged.to_state,
    )

    def sealed(position: int, disclosure: Disclosure) -> SealedValue:
        known = None if position < len(files) else transition.fields.get(disclosure.name)
        joint = known is not None and known.subject is Subject.CASE  # files, words and wallets are a person's
        key_id, key = (case_key_id, case_key) if joint else (person_key_id, person_key)
        ciphertext = seal_value(key, disclosure, nonce=drawn.nonce(), commitment=commitments[position])
        return SealedValue(position, disclosure.name, key_id, ciphertext)

    draft = CaseDraft(
        command=command,
        values=tuple(sealed(n, disclosure) for n, disclosure in enumerate(disclosures)),
        files=tuple(
            StoredFile(n, kind, stored.name, stored.sha256, stored.size, stored.media_type)
            for n, (kind, stored) in enumerate(files)
        ),
        idempotency=key,
        judged_at=judged.judged_at,
        used_up=used_up,
        members=new_members(ledger, return_id, (step.asserted_by, step.recorded_by, *step.members), keys=keys),
    )
    return draft, tuple(disclosures)


def _remember(ledger: Ledger, judged: Admitted, appended: Appended, disclosures: Sequence[Disclosure]) -> None:
    """Keep the case and its docket as they are with this entry, so that the next step reads neither."""
    entry = appended.entry
    assert isinstance(entry, CaseEntry)  # a step of a case
    if appended.case is not None:
        ledger.read.learn(StoredCase(appended.case, appended.index))
    if judged.docket is None:  # nothing of it was needed: the next step may look at it
        if appended.case is not None and appended.case.count <= READ_AT_ONCE_MAX:
            with suppress(LedgerError):  # whoever needs it is told
                ledger.dockets.of(entry.return_id)
    elif entry.seq == len(judged.docket.steps):  # judged against all that was before it
        opened = {one.name: one.value for one in disclosures if not one.name.startswith(EVIDENCE_PREFIX)}
        values = as_read({**entry.facts, **opened})
        assert isinstance(values, dict)
        known = Known(appended.leaf_hash, entry, values)
        ledger.dockets.learn(
            entry.return_id, judged.docket, known, index=appended.index, destroyed=judged.keys.destroyed
        )


def _content(step: Step, judged: Admitted, files: Sequence[tuple[str, StoredEvidence]]) -> Content:
    return Content(
        return_id=step.return_id,
        verb=step.verb,
        role=step.asserted_by.role,
        occurred_at=step.occurred_at,
        fields=step.fields,
        evidence=[(kind, stored.sha256) for kind, stored in files],
        rule=step.rule,
        to_state=judged.to_state,
    )


def _take_in(ledger: Ledger, step: Step) -> list[tuple[str, StoredEvidence]]:
    files: list[tuple[str, StoredEvidence]] = []
    uploaded = any(isinstance(source, Uploaded) for _, source in step.evidence)
    key = request_key(ledger, step, ()) if uploaded else None
    stands = key is not None and ledger.read.was_used(key)
    try:
        for kind, source in step.evidence:
            if isinstance(source, Path):
                files.append((kind, ledger.evidence.store(source, size_max=ledger.evidence_bytes_max)))
            elif stands:  # the retry of a step that stands: its upload may be gone, and nothing is taken in twice
                files.append((kind, StoredEvidence(NOT_TAKEN, source.sha256, 1, OCTET_STREAM)))
            else:
                files.append((kind, take_upload(ledger, source)))
    except BaseException:
        _forget(ledger, files)
        raise
    return files


def _may_stand(error: LedgerError) -> bool:
    """Say whether an entry may be in the log although its writer answered with this error.

    A closed gate is found after the commit (the mark refused to follow), and a plain `StoreError` names no cause that
    came before it. Then the files stay: `audit` lists those that no entry names.
    """
    return isinstance(error, UnknownOutcomeError | GateClosedError) or type(error) is StoreError


def _forget(ledger: Ledger, files: Sequence[tuple[str, StoredEvidence]]) -> None:
    for stored in (stored for _, stored in files if stored.name != NOT_TAKEN):
        with suppress(LedgerError):  # what failed before is what the caller must hear of; `audit` lists what is left
            ledger.evidence.erase(stored.name)


class _Drawn:
    """Random bytes for the salts and nonces of one step, drawn at once; each is handed out one time."""

    def __init__(self, count: int) -> None:
        self._bytes = secrets.token_bytes(count * (SALT_BYTES + NONCE_BYTES))
        self._used = 0

    def salt(self) -> bytes:
        return self._take(SALT_BYTES)

    def nonce(self) -> bytes:
        return self._take(NONCE_BYTES)

    def _take(self, count: int) -> bytes:
        self._used += count
        assert self._used <= len(self._bytes)  # drawn for the most that a step takes
        return self._bytes[self._used - count : self._used]
