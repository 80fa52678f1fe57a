"""Carry out an erasure: destroy what an intent of the erasure list names, then record it in each case.

What is destroyed, in this order, and what holds if the process dies between two lines:

1. the intent is in the erasure list, on disk          nothing is destroyed; whoever goes on (`erase_again.py`) does
2. the keys are destroyed                              no value opens any more, wherever a copy of it is
3. evidence files and uploads are removed              receipts show their fingerprints as erased already
4. rows are removed, the write-ahead log is emptied    nothing of the person is in the database
5. an `erasure` entry stands in each case              found by its facts, so that it is recorded once
6. the decision is a row of `erasures`                 this round is finished

Promises: each step may be done again without harm. Does not: decide (`erase.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from enum import StrEnum
from functools import partial
from hashlib import sha256

from ledger_service.core.encoding import encode
from ledger_service.core.entry import Actor, Authenticity, CaseEntry, Kind, Role, parse_entry
from ledger_service.core.erasure import Extent, Ground, Outcome
from ledger_service.core.erasure_entry import ERASE, Erased, Erasure, erasure_facts, in_entries
from ledger_service.core.returns import Command
from ledger_service.errors import EvidenceMissingError
from ledger_service.operations.ledger import Ledger
from ledger_service.store.drafts import CaseDraft
from ledger_service.store.erasure_list import Intent, ListedCase
from ledger_service.store.erasures import StoredErasure


class Step(StrEnum):
    """The steps of carrying out, each named when it is done: the places where a process may die."""

    LISTED = "listed"
    KEYS = "keys"
    FILES = "files"
    ROWS = "rows"
    SETTLED = "settled"
    ENTRY = "entry"
    DECIDED = "decided"


Reached = Callable[[Step], None]


def nowhere(_: Step) -> None:
    """Take note of no step."""


def carry_out(ledger: Ledger, intent: Intent, reached: Reached = nowhere) -> StoredErasure:
    """Do, or do again, everything that an intent says; durable on return."""
    reached(Step.LISTED)
    destroy_keys(ledger, intent)
    reached(Step.KEYS)
    remove_files(ledger, intent)
    reached(Step.FILES)
    remove_rows(ledger, intent)
    reached(Step.ROWS)
    ledger.erasures.settle()
    reached(Step.SETTLED)
    places = {}
    for case in intent.cases:
        places[case.return_id] = _record(ledger, intent, case)
        reached(Step.ENTRY)
    stored = _row(intent, places)
    ledger.erasures.save(stored)
    reached(Step.DECIDED)
    return stored


def is_finished(ledger: Ledger, intent: Intent) -> bool:
    """Say whether the database knows of this round: what is older than that was restored, or is under way."""
    row = ledger.erasures.find(intent.erasure_id)
    return row is not None and row.outcome == Outcome.DONE and row.answer.get("rounds", 0) > intent.round


def destroy_keys(ledger: Ledger, intent: Intent) -> int:
    """Destroy the keys of an intent that are there; return how many were. Forget what was opened with any."""
    gone = [key for key in intent.keys if ledger.keys.destroy(bytes.fromhex(key))]
    ledger.dockets.forget()
    ledger.tallies.forget([case.return_id for case in intent.cases])
    ledger.credentials.forget_members()
    return len(gone)


def remove_files(ledger: Ledger, intent: Intent, *, since: int = 0) -> None:
    """Remove evidence files and uploads of an intent, under every name; of entries from the index `since` on only."""
    stored = ledger.erasures.files([bytes.fromhex(key) for key in intent.keys], since=since)
    marks = [bytes.fromhex(mark) for mark in intent.marks]
    # Whoever sent the same bytes has them waiting under a name of their own: in no entry yet, so nobody's evidence.
    uploads = [upload for mark in marks for upload in ledger.uploads.of_party(mark)]
    uploads += [upload for _, digest in stored for upload in ledger.uploads.of_content(digest)]
    for upload in uploads:
        ledger.uploads.drop(upload, partial(forget_file, ledger, upload.name))
    for mark in marks:
        ledger.evidence.partial.forget(owner=mark)
    for name, digest in stored:
        ledger.evidence.partial.forget(sha256=digest)
        forget_file(ledger, name)
    for name in intent.files:
        forget_file(ledger, name)


def remove_rows(ledger: Ledger, intent: Intent, *, since: int = 0) -> int:
    """Remove the rows of an intent; return how many values went."""
    return ledger.erasures.take_out(
        keys=[bytes.fromhex(key) for key in intent.keys],
        marks=[bytes.fromhex(mark) for mark in intent.marks],
        scopes=intent.scopes,
        since=since,
    )


def forget_file(ledger: Ledger, name: str) -> None:
    """Remove an evidence file, if it is there."""
    with suppress(EvidenceMissingError):
        ledger.evidence.erase(name)


def _record(ledger: Ledger, intent: Intent, case: ListedCase) -> list[int]:
    """Record in a case what was erased of it, unless it stands there; return the indexes of the entries."""
    row = intent.row
    erasure = Erasure(
        erasure_id=intent.erasure_id,
        ground=Ground(row["ground"]),
        asked_by=Role(row["answer"]["asked_by"]),
        asked_at=row["asked_at"],
        decided_at=intent.at,
        subject=Actor(Role(case.subject[0]), case.subject[1]),
        extent=Extent(case.extent),
    )
    by = Actor(Role(case.by[0]), case.by[1])
    standing = _standing(ledger, case.return_id)
    indexes = []
    erased = (Erased(bytes.fromhex(leaf), positions) for leaf, positions in case.erased)
    for portion in in_entries(erased):
        facts = erasure_facts(replace(erasure, erased=portion))
        digest = sha256(encode(facts)).digest()
        if digest in standing:
            indexes.append(standing[digest])
            continue
        command = Command(
            origin=ledger.origin,
            return_id=case.return_id,
            verb=ERASE,
            asserted_by=by,
            recorded_by=by,
            authenticity=Authenticity.PLATFORM_ATTESTED,
            occurred_at=None,
            recorded_at="",
            facts=facts,
        )
        # One process at a time goes on with an intent (`ErasureList.deciding`), so nobody records it meanwhile.
        indexes.append(ledger.require_writer().append(CaseDraft(command)).index)
    return indexes


def _standing(ledger: Ledger, return_id: str) -> dict[bytes, int]:
    """Return the erasure entries of a case: the digest of their facts to their index."""
    found = {}
    for row in ledger.read.chain_of(return_id):
        if row.kind == Kind.ERASURE:
            entry = parse_entry(row.encoded)
            assert isinstance(entry, CaseEntry)  # of this kind
            found[sha256(encode(entry.facts)).digest()] = row.index
    return found


def _row(intent: Intent, places: dict[str, list[int]]) -> StoredErasure:
    row, answer = intent.row, dict(intent.row["answer"])
    answer["cases"] = [
        {**case, "entries": [*case["entries"], *places.get(case["return_id"], [])]} for case in answer["cases"]
    ]
    return StoredErasure(
        intent.erasure_id,
        bytes.fromhex(row["mark"]),
        Outcome.DONE,
        row["ground"],
        row["asked_at"],
        row["decided_at"],
        row["review_at"],
        answer,
    )
