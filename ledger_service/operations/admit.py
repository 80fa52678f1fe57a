"""Admit a step of a return: what of it may be recorded now, judged against the docket of its case.

Promises: nothing is written but, for a refused step of an existing case, the attempt (`attempt.py`). What is admitted
holds at one head; the writer refuses it at another. Does not: take in files or append (`record.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from ledger_service.core.case import Case
from ledger_service.core.docket import Docket
from ledger_service.core.encoding import encode
from ledger_service.core.entry import (
    PARTY_BYTES,
    Actor,
    EvidenceDescriptor,
    NamedCommitment,
    Role,
)
from ledger_service.core.judge import judge, looks_back
from ledger_service.core.returns import Command, SortedFields, allowed_verbs, decide, decide_way, sort_fields
from ledger_service.core.step import STATEMENT_NAMES
from ledger_service.errors import (
    RefusedError,
    TransitionRefusedError,
    UnknownReturnError,
    UnknownVerbError,
)
from ledger_service.operations.appending import Appending, finish
from ledger_service.operations.asked import Step
from ledger_service.operations.attempt import attempting
from ledger_service.operations.ledger import Ledger, format_instant
from ledger_service.operations.pseudonyms import actor, idempotency_key
from ledger_service.store.drafts import IdempotencyKey
from ledger_service.store.keys import KeyRing

TEXT_CHARACTERS_MAX = 256  # of a party's reference or an idempotency key: names of other systems are shorter


@dataclass(frozen=True, slots=True)
class Admitted:
    """A step that may be recorded: its fields, where it leads, and the head that it was judged at.

    `keys` are as they were then; they are for this step's work alone. `docket` is None where the case is older than the
    step and nothing of its docket was looked at. `who` asserts and who records it, under their pseudonyms in the case;
    None where it has no key yet.
    """

    fields: SortedFields
    to_state: str | None
    judged_at: bytes | None
    keys: KeyRing
    docket: Docket | None = None
    who: tuple[Actor, Actor] | None = None


def admit(ledger: Ledger, step: Step, return_id: str) -> Admitted:
    """Refuse what is not possible before a file is taken in or a key is made.

    A step whose idempotency key was used goes on to the writer even so: it is the retry of one that stands.

    Raises:
        RefusedError: Why it may not be recorded; `record` says more.
    """
    return finish(ledger.require_writer(), admitting(ledger, step, return_id))


def admitting(ledger: Ledger, step: Step, return_id: str) -> Appending[Admitted]:
    """Admit a step, leaving it to the caller to append its attempt and to wait; else as `admit`."""
    _require_texts(step)
    try:
        return _check(ledger, step, return_id)
    except RefusedError as error:
        key = None if step.idempotency_key is None else request_key(ledger, step, ())
        if key is not None and ledger.read.was_used(key):
            with suppress(TransitionRefusedError):
                return Admitted(sort_fields(step.verb, dict(step.fields)), step.to_state, None, ledger.keys.ring())
        if isinstance(error, TransitionRefusedError):
            yield from attempting(ledger, step, return_id, error)
        raise


def _check(ledger: Ledger, step: Step, return_id: str) -> Admitted:
    keys = ledger.keys.ring()
    case = ledger.read.find_case(return_id) if step.seen is None else step.seen.case
    if (
        case is None and step.return_id is not None and not step.opens
    ):  # a new case gets a random name, never one that says something
        raise UnknownReturnError(
            f"there is no return {return_id:.60}", hint="look the return_id up, or leave it out to open a new case"
        )
    who = _actors(case, step, keys)
    # Of files and values it is not known yet what they are, only that they are there.
    files = tuple(EvidenceDescriptor(kind, 1, "application/octet-stream", bytes(32)) for kind, _ in step.evidence)
    try:
        found = sort_fields(step.verb, dict(step.fields))
    except TransitionRefusedError as error:
        facts = {name: value for name, value in step.fields.items() if name == "dispute_id"}
        asked = command_of(ledger, step, return_id, who, facts=facts, evidence=files, to_state=step.to_state)
        if isinstance(error, UnknownVerbError):
            decide(case, asked)  # refuses it, naming what is possible
            raise
        decide_way(case, asked)  # a step that is not possible at all is refused for that, not for its fields
        allowed = allowed_verbs(case, step.asserted_by.role)
        hint = f"{error.hint}; possible now: {', '.join(allowed) or 'nothing by this role'}"
        state = None if case is None else case.state
        raise type(error)(error.message, verb=error.verb, state=state, allowed=allowed, hint=hint) from None
    names = tuple(
        NamedCommitment(name, bytes(32)) for name in (*found.committed, *(STATEMENT_NAMES if step.signed else ()))
    )
    command = command_of(
        ledger,
        step,
        return_id,
        who,
        facts=found.facts,
        commitments=names,
        evidence=files,
        to_state=step.to_state,
    )
    decide_way(case, command)
    now = format_instant(ledger.clock())
    values = {**found.facts, **found.committed}
    docket = Docket() if case is None else _docket(ledger, step, case, values, destroyed=keys.destroyed)
    target = judge(docket or Docket(), case, command, values, now=now)
    if target is not None:
        command = replace(command, to_state=target)
    entry = decide(case, command)
    judged_at = docket.head if docket is not None else None if case is None else case.head
    return Admitted(found, entry.to_state, judged_at, keys, docket, None if case is None else who)


def _actors(case: Case | None, step: Step, keys: KeyRing) -> tuple[Actor, Actor]:
    """Return who asserts and who records a step, under pseudonyms where its case has a key for them."""
    if case is None:
        nobody = "0" * 2 * PARTY_BYTES
        return Actor(step.asserted_by.role, nobody), Actor(step.recorded_by.role, nobody)
    _, case_key = keys.key_for(f"case:{case.return_id}")
    return actor(case_key, step.asserted_by), actor(case_key, step.recorded_by)


def command_of(
    ledger: Ledger,
    step: Step,
    return_id: str,
    who: tuple[Actor, Actor],
    *,
    facts: dict[str, Any],
    evidence: tuple[EvidenceDescriptor, ...],
    commitments: tuple[NamedCommitment, ...] = (),
    to_state: str | None,
) -> Command:
    """Return a step as the case machine takes it; `who` asserts and who records it, under their pseudonyms."""
    asserted_by, recorded_by = who
    return Command(
        origin=ledger.origin,
        return_id=return_id,
        verb=step.verb,
        asserted_by=asserted_by,
        recorded_by=recorded_by,
        authenticity=step.authenticity,
        occurred_at=step.occurred_at,
        recorded_at="",
        facts=facts,
        commitments=commitments,
        evidence=evidence,
        rule=step.rule,
        to_state=to_state,
        expected_head=step.expected_head,
    )


def _docket(ledger: Ledger, step: Step, case: Case, values: Mapping[str, Any], *, destroyed: int) -> Docket | None:
    """Return the docket of a case; None where it would have to be read and the step does not look at it."""
    docket = ledger.dockets.at(case.return_id, case.head, destroyed=destroyed)
    if docket is None and wants_docket(step, values):
        docket = ledger.dockets.of(case.return_id)
    return docket


def wants_docket(step: Step, values: Mapping[str, Any]) -> bool:
    """Say whether a step is judged against the docket of its case; `values` are its fields, also as they came."""
    return step.signed is not None or looks_back(step.verb, values)


def _require_texts(step: Step) -> None:
    """Refuse names of parties and keys that are no text: they are hashed as UTF-8."""
    named = [("reference of a party", p.reference) for p in (step.asserted_by, step.recorded_by)]
    if step.idempotency_key is not None:
        named.append(("idempotency key", step.idempotency_key))
    for what, text in named:
        if not 0 < len(text) <= TEXT_CHARACTERS_MAX or any("\ud800" <= character <= "\udfff" for character in text):
            raise RefusedError(f"the {what} is no text of 1 to {TEXT_CHARACTERS_MAX} characters")


def request_key(
    ledger: Ledger, step: Step, files: Sequence[tuple[str, bytes]], *, keys: KeyRing | None = None
) -> IdempotencyKey | None:
    """Return the key of the step under its pseudonym, None if it has none; the fingerprint covers erasable values.

    `files` are the kinds of its evidence with their SHA-256.
    """
    if step.idempotency_key is None:
        return None
    payload = encode(
        [
            [step.verb, step.return_id, step.to_state, step.occurred_at, step.authenticity.value],
            [step.asserted_by.role.value, step.asserted_by.reference],
            None if step.rule is None else [step.rule.id, step.rule.version],
            dict(step.fields),
            [[kind, digest.hex()] for kind, digest in files],
        ]
    )
    if step.asserted_by.role is Role.BUYER:
        about = [f"party:{step.asserted_by.reference}"]
    else:
        about = [] if step.return_id is None else [f"case:{step.return_id}"]
    return idempotency_key(ledger, step.recorded_by, step.idempotency_key, about=about, payload=payload, keys=keys)
