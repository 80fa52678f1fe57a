"""Decide about the erasure of a person's data: carried out at once, kept and not shown, or put off to a later day.

Promises: a decision is made once for each id, however often it is asked for; one at a time, whatever process asks; what
is done cannot be undone. Does not: say who may ask over HTTP (`api/`), destroy (`destroy.py`), or wait for the day of a
review (`erase_again.py`).
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ledger_service.core.encoding import Json
from ledger_service.core.entry import Role
from ledger_service.core.erasure import ErasureDecision, Extent, Ground, Outcome, decide_erasure
from ledger_service.core.erasure_entry import ERASING_ROLES, ERASURE_ID_BYTES
from ledger_service.core.members import Reader
from ledger_service.errors import EntryFormatError, IdempotencyMismatchError, PermissionRefusedError, RefusedError
from ledger_service.operations.destroy import Reached, carry_out, is_finished, nowhere
from ledger_service.operations.holdings import Held, HeldCase, held_of, listed_case
from ledger_service.operations.ledger import Ledger, format_instant
from ledger_service.operations.pseudonyms import Party, mark_of
from ledger_service.store.erasure_list import Intent
from ledger_service.store.erasures import LIFTED, StoredErasure
from ledger_service.store.values import seal_text

REFERENCE_CHARACTERS_MAX = 256  # as of every reference of a party
_READ = Reader(EntryFormatError, "the request")


ASK_FOR_OTHERS = frozenset({Role.PLATFORM, Role.REGULATOR, Role.SYSTEM})  # the law's own reasons have no person's voice


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: whose data, on what ground, by which role, when; `id` (16 bytes as hex) makes a retry safe."""

    person: Party
    ground: Ground
    asked_by: Role
    asked_at: str
    id: str = ""


def erase(ledger: Ledger, request: Request, *, by: Party, reached: Reached = nowhere) -> StoredErasure:
    """Decide about a request and carry the decision out; durable on return.

    Args:
        ledger: Opened to write.
        request: What is asked. The same id gets the same decision again.
        by: Who decides: the platform.
        reached: Told of each step, for tests that end the process there.

    Raises:
        PermissionRefusedError: Somebody else decides, or about itself.
        RefusedError, EntryFormatError: The request cannot be: no text, no time, or of the future.
        IdempotencyMismatchError: The id was used for another request.
        StoreError: It could not be finished now; whatever was listed is finished by whoever goes on.
    """
    ledger.require_writer()
    _require(ledger, request, by)
    request = replace(request, id=request.id or secrets.token_hex(ERASURE_ID_BYTES))
    with ledger.erasure_list.deciding():
        for intent in ledger.erasure_list.intents():
            if not is_finished(ledger, intent):  # a process died: what it began may be about the same person
                carry_out(ledger, intent, reached)
        known = ledger.erasures.find(request.id)
        if known is None:
            return decide(ledger, request, by=by, reached=reached)
        _require_same(ledger, request, known)
        return known


def erasure_members(erasure: StoredErasure) -> dict[str, Json]:
    """Return a decision as machines are shown it: never whose data it is about."""
    return {
        "id": erasure.id,
        "outcome": str(erasure.outcome),
        "ground": erasure.ground,
        "reason": erasure.answer["reason"],
        "citation": erasure.answer["citation"],
        "asked_by": erasure.answer["asked_by"],
        "asked_at": erasure.asked_at,
        "decided_at": erasure.decided_at,
        "review_at": erasure.review_at,
        "told_at": erasure.answer.get("told_at"),
        "lifted_at": erasure.answer.get(LIFTED),
        "cases": erasure.answer["cases"],
    }


def decide(ledger: Ledger, request: Request, *, by: Party, reached: Reached = nowhere) -> StoredErasure:
    """Decide about a request, whatever was decided before; the caller holds `deciding`."""
    now = format_instant(ledger.clock())
    held = held_of(ledger, request.person)
    decision = decide_erasure([case.holding for case in held.cases], ground=request.ground, own=held.own, now=now)
    if decision.outcome is not Outcome.DONE:
        return _keep(ledger, request, held, decision, now)
    return _do(ledger, request, held, decision, by=by, now=now, reached=reached)


def list_and_carry_out(
    ledger: Ledger,
    cases: Sequence[tuple[HeldCase, Extent]],
    *,
    by: Party,
    held: Held | None,
    row: StoredErasure,
    at: str,
    reached: Reached = nowhere,
) -> StoredErasure:
    """Write the intent of a round, then carry it out.

    Args:
        ledger: Opened to write.
        cases: The cases that an entry is recorded in, and what of each goes.
        by: Who decides.
        held: The person, whose own key, marks and scopes go; None: they went in an earlier round.
        row: What the database is to hold in the end; `rounds` in its answer counts this one too.
        at: When this round was decided.
        reached: Told of each step.
    """
    keys: list[bytes] = [] if held is None or held.key_id is None else [held.key_id]
    listed = []
    for case, extent in cases:
        one, case_key = listed_case(ledger, case, extent, by)
        listed.append(one)
        keys += [] if case_key is None else [case_key]
    intent = Intent(
        erasure_id=row.id,
        round=row.answer["rounds"] - 1,
        size=ledger.read.size(),
        at=at,
        keys=tuple(key.hex() for key in keys),
        marks=() if held is None else tuple(mark.hex() for mark in held.marks),
        scopes=() if held is None else held.scopes,
        files=_files(ledger, keys, () if held is None else held.marks),
        cases=tuple(listed),
        row=_members(row),
    )
    ledger.erasure_list.append(intent)
    return carry_out(ledger, intent, reached)


def _files(ledger: Ledger, keys: Sequence[bytes], marks: Sequence[bytes]) -> tuple[str, ...]:
    """Return the names of the files that go, those of waiting uploads too: a copy of their folder may come back."""
    stored = ledger.erasures.files(keys)
    waiting = [upload for mark in marks for upload in ledger.uploads.of_party(mark)]
    waiting += [upload for _, digest in stored for upload in ledger.uploads.of_content(digest)]
    return tuple(dict.fromkeys([*(name for name, _ in stored), *(upload.name for upload in waiting)]))


def _require(ledger: Ledger, request: Request, by: Party) -> None:
    person = request.person
    if by.role not in ERASING_ROLES:
        raise PermissionRefusedError("only the platform decides about an erasure", hint="ask the marketplace")
    if person.role is Role.SYSTEM:
        raise PermissionRefusedError("the ledger itself is nobody whose data could be erased")
    if request.asked_by is not person.role and request.asked_by not in ASK_FOR_OTHERS:
        message = f"a {request.asked_by.value} cannot have the data of a {person.role.value} erased"
        raise PermissionRefusedError(message, hint="whoever the data are about asks, or an authority")
    if person.reference == by.reference:
        raise PermissionRefusedError("nobody decides about its own data", hint="let another key of the platform decide")
    if not 0 < len(person.reference) <= REFERENCE_CHARACTERS_MAX:
        raise RefusedError(f"the reference of a party is no text of 1 to {REFERENCE_CHARACTERS_MAX} characters")
    if any("\ud800" <= character <= "\udfff" for character in person.reference):
        raise RefusedError("the reference of a party is no text")
    _READ.at("asked_at").instant(request.asked_at)  # before anything is destroyed: the entries must hold it
    if request.asked_at > format_instant(ledger.clock()):
        raise RefusedError("the request is said to have been made in the future", hint="check `asked_at`")


def _require_same(ledger: Ledger, request: Request, known: StoredErasure) -> None:
    """Refuse an id that was used for another request; of whom it was, nothing tells any more once it is done."""
    found = ledger.keys.find(f"party:{request.person.reference}")
    other = known.outcome != Outcome.DONE and (found is None or mark_of(found[1], request.person) != known.mark)
    asked = (request.ground.value, request.asked_by.value, request.asked_at)
    if other or asked != (known.ground, known.answer["asked_by"], known.asked_at):
        raise IdempotencyMismatchError(
            "the idempotency key was used before, for another request",
            hint="repeat the first request exactly, or take a new key",
        )


def _keep(ledger: Ledger, request: Request, held: Held, decision: ErasureDecision, now: str) -> StoredErasure:
    """Save a decision that destroys nothing; whom it is about lies under that person's own key."""
    key_id, key, marks = held.key_id, held.key, held.marks
    if key_id is None:  # restricted before anything came: what comes is not shown either
        key_id, key = ledger.keys.key_for(f"party:{request.person.reference}")
        held = held_of(ledger, request.person)
        marks = held.marks
    kept = dict(decision.kept)
    answer: dict[str, Any] = {
        **_answer(request, decision),
        "cases": [_case(one.holding.return_id, None, kept.get(one.holding.return_id)) for one in held.cases],
        "key_id": key_id.hex(),
        "role": request.person.role.value,
        "sealed": seal_text(key, request.person.reference, about=request.id.encode()).hex(),
    }
    mark = marks[list(Role).index(request.person.role)]
    stored = StoredErasure(
        request.id, mark, decision.outcome, request.ground, request.asked_at, now, decision.review_at, answer
    )
    if decision.outcome is Outcome.RESTRICTED:
        ledger.erasure_list.append_restriction(row_members(stored))
    ledger.erasures.save(stored)
    return stored


def row_members(row: StoredErasure) -> dict[str, Any]:
    """Return a decision as the erasure list holds it beside the database."""
    return {"id": row.id, "outcome": row.outcome, "review_at": row.review_at, **_members(row)}


def row_of(members: dict[str, Any]) -> StoredErasure:
    """Return the decision of `row_members`."""
    return StoredErasure(
        members["id"],
        bytes.fromhex(members["mark"]),
        members["outcome"],
        members["ground"],
        members["asked_at"],
        members["decided_at"],
        members["review_at"],
        members["answer"],
    )


def _do(
    ledger: Ledger,
    request: Request,
    held: Held,
    decision: ErasureDecision,
    *,
    by: Party,
    now: str,
    reached: Reached,
) -> StoredErasure:
    kept = dict(decision.kept)
    cases = [(case, Extent.CASE if case.holding.return_id in decision.whole else Extent.OWN) for case in held.cases]
    answer: dict[str, Any] = {
        **_answer(request, decision),
        "cases": [
            _case(case.holding.return_id, extent.value, kept.get(case.holding.return_id)) for case, extent in cases
        ],
        # For the end of their retention: who the person was in these cases can then not be derived any more.
        "kept": [
            [one.holding.return_id, one.subject.role.value, one.subject.party]
            for one in held.cases
            if one.holding.return_id in kept
        ],
        "rounds": 1,
    }
    place = list(Role).index(request.person.role)
    mark = held.marks[place] if held.marks else secrets.token_bytes(32)  # of nobody: nothing was held
    row = StoredErasure(
        request.id, mark, Outcome.DONE, request.ground, request.asked_at, now, decision.review_at, answer
    )
    return list_and_carry_out(ledger, cases, by=by, held=held, row=row, at=now, reached=reached)


def _answer(request: Request, decision: ErasureDecision) -> dict[str, Any]:
    return {
        "asked_by": request.asked_by.value,
        "citation": decision.citation,
        "reason": None if decision.reason is None else decision.reason.value,
    }


def _case(return_id: str, extent: str | None, retention_until: str | None) -> dict[str, Json]:
    return {"return_id": return_id, "extent": extent, "retention_until": retention_until, "entries": []}


def _members(row: StoredErasure) -> dict[str, Any]:
    return {
        "mark": row.mark.hex(),
        "ground": row.ground,
        "asked_at": row.asked_at,
        "decided_at": row.decided_at,
        "review_at": row.review_at,
        "answer": row.answer,
    }
