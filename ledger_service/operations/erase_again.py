"""Erase again what came back, finish what a process left half done, and look again at what was put off.

Promises: at an opening to write nothing on the erasure list is left readable before anything is served, whatever backup
was brought back; an intent that was not finished is finished once; a deferred request is carried out when its reason is
gone, and joint facts go when their retention ends. Does not: run by itself (`wiring.py` and the worker call it).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from ledger_service.core.entry import Actor, Role
from ledger_service.core.erasure import Extent, Ground, Outcome, decide_erasure
from ledger_service.operations.destroy import (
    carry_out,
    destroy_keys,
    forget_file,
    is_finished,
    remove_files,
    remove_rows,
)
from ledger_service.operations.erase import Request, decide, list_and_carry_out
from ledger_service.operations.holdings import HeldCase, holding
from ledger_service.operations.ledger import Ledger, format_instant
from ledger_service.operations.pseudonyms import Party
from ledger_service.store.erasures import StoredErasure
from ledger_service.store.values import open_text

REVIEWER = Party(Role.SYSTEM, "erasure")  # decides when nobody asks: the day of a review has come
LATE_SECONDS = 3_600  # a step that was judged before a key went may be appended after it; none takes this long


def destroy_keys_again(ledger: Ledger) -> int:
    """Destroy every key on the erasure list that is there; return how many were. An old key store was brought back.

    Raises:
        StoreError: The list cannot be read, or a key not destroyed: nothing may be shown.
    """
    wanted = {key for intent in ledger.erasure_list.intents() for key in intent.keys}
    gone = [key for key in sorted(wanted) if ledger.keys.destroy(bytes.fromhex(key))]
    return len(gone)


def erase_again(ledger: Ledger) -> int:
    """Destroy everything on the erasure list that came back; return how many of its intents had anything left.

    Rows are looked for where the database does not know of the intent: then it is older, or the process that carried it
    out died. Entries are recorded later, by whoever finishes it.

    Raises:
        StoreError: Something cannot be erased: nothing may be served.
    """
    found = 0
    for intent in ledger.erasure_list.intents():
        back = destroy_keys(ledger, intent) > 0
        if not is_finished(ledger, intent):
            back = True
            remove_files(ledger, intent)
            remove_rows(ledger, intent)
            ledger.erasures.settle()
        for name in intent.files:
            if ledger.evidence.names_of(name):
                back = True
                forget_file(ledger, name)
        found += back
    return found


def finish(ledger: Ledger) -> list[StoredErasure]:
    """Finish the intents that no row tells the end of; return what they led to.

    Raises:
        LedgerError: One cannot be finished now.
    """
    with ledger.erasure_list.deciding():
        return _finish(ledger)


def review(ledger: Ledger) -> list[StoredErasure]:
    """Finish what is unfinished, and look again at every decision that is due; return those that changed anything.

    Raises:
        LedgerError: The ledger cannot be written now.
    """
    now = format_instant(ledger.clock())
    with ledger.erasure_list.deciding():
        changed = _finish(ledger)
        for row in ledger.erasures.due(now=now):
            looked = _decide_again(ledger, row) if row.outcome == Outcome.DEFERRED else _end_retention(ledger, row)
            if _said(looked) != _said(row):  # not only put off again
                changed.append(looked)
    _remove_late(ledger)
    return changed


def _said(row: StoredErasure) -> tuple[object, ...]:
    return row.outcome, row.answer["reason"], row.answer["cases"]


def _finish(ledger: Ledger) -> list[StoredErasure]:
    return [carry_out(ledger, intent) for intent in ledger.erasure_list.intents() if not is_finished(ledger, intent)]


def _decide_again(ledger: Ledger, row: StoredErasure) -> StoredErasure:
    """Look again at a request that was deferred."""
    answer = row.answer
    key = ledger.keys.get(bytes.fromhex(answer["key_id"]))
    if key is None:  # another decision took this person's data
        kept = {name: answer[name] for name in ("asked_by", "citation", "cases")}
        done = replace(
            row, outcome=Outcome.DONE.value, review_at=None, answer={**kept, "reason": None, "kept": [], "rounds": 0}
        )
        ledger.erasures.save(done)
        return done
    reference = open_text(key, bytes.fromhex(answer["sealed"]), about=row.id.encode())
    person = Party(Role(answer["role"]), reference)
    request = Request(person, Ground(row.ground), Role(answer["asked_by"]), row.asked_at, row.id)
    return decide(ledger, request, by=REVIEWER)


def _end_retention(ledger: Ledger, row: StoredErasure) -> StoredErasure:
    """Let the joint facts go of those cases whose retention has ended."""
    now = format_instant(ledger.clock())
    cases = [
        HeldCase(holding(ledger, return_id, joint_facts=True), Actor(Role(role), party))
        for return_id, role, party in row.answer["kept"]
        if ledger.keys.find(f"case:{return_id}") is not None  # else they went with another person's
    ]
    decided = decide_erasure([one.holding for one in cases], ground=Ground(row.ground), own=False, now=now)
    whole = [one for one in cases if one.holding.return_id in decided.whole]
    left = [one for one in cases if one not in whole]
    gone = {one.holding.return_id for one in whole}
    ends = dict(decided.kept)
    answer = {
        **row.answer,
        "kept": [[one.holding.return_id, one.subject.role.value, one.subject.party] for one in left],
        "cases": [
            {
                **case,
                "extent": Extent.CASE.value if case["return_id"] in gone else case["extent"],
                "retention_until": ends.get(case["return_id"]),
            }
            for case in row.answer["cases"]
        ],
    }
    looked = replace(row, review_at=decided.review_at, answer=answer)
    if not whole:
        ledger.erasures.save(looked)
        return looked
    looked.answer["rounds"] += 1
    parts = [(one, Extent.CASE) for one in whole]
    return list_and_carry_out(ledger, parts, by=REVIEWER, held=None, row=looked, at=now)


def _remove_late(ledger: Ledger) -> None:
    """Remove what steps that were under way at an erasure appended after it, under a key that was gone by then."""
    since = format_instant(ledger.clock() - timedelta(seconds=LATE_SECONDS))
    for intent in ledger.erasure_list.intents():
        if intent.at >= since:
            remove_files(ledger, intent, since=intent.size)
            if remove_rows(ledger, intent, since=intent.size):
                ledger.erasures.settle()
