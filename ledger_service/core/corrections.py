"""Which corrections are possible: an earlier entry is declared wrong, never changed (EPCIS 2.0 errorDeclaration).

`did_not_occur` takes the entry back; `incorrect_data` names either the entry that stands in its place or the corrected
values of its fields. Promises: after a correction the balance of the case still holds; nothing is deleted.
Does not: apply corrections (`docket.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger_service.core.case import Case, Command
from ledger_service.core.docket import DID_NOT_OCCUR, Docket, Known
from ledger_service.core.entry import Actor, Authenticity, CaseEntry, Kind, Role
from ledger_service.core.fields import check
from ledger_service.core.lifecycle import LIFECYCLE
from ledger_service.core.names import unknown_name
from ledger_service.core.step import refuse
from ledger_service.errors import BalanceError, CorrectionRefusedError, FieldValueError

Values = Mapping[str, Any]
OPENING = "the request that opened the case is withdrawn, or its data are corrected; it is not taken back"


def require_correction(docket: Docket, case: Case | None, command: Command, values: Values) -> None:
    """Check a correction whose fields have their forms and name entries of this case.

    Raises:
        CorrectionRefusedError: The entry cannot be corrected so, or not by this party.
        FieldValueError: A corrected value that its field cannot have.
        BalanceError: What was recorded since rests on the entry.
    """
    wrong = docket.find(values["wrong_entry"])
    assert wrong is not None  # `judge` looked it up
    if reason := _refusal(docket, wrong, command, values):
        hint = "the corrective entry, or the corrected values, of an entry that is in force"
        raise refuse(CorrectionRefusedError, f"correct is refused: {reason}", case, command, hint=hint)
    transition = LIFECYCLE.transition(wrong.entry.verb)
    assert transition is not None  # it was decided by the table
    for name, value in values.get("corrected", {}).items():
        known = transition.fields.get(name)
        reason = f"{wrong.entry.verb} has no such field" if known is None else check(known.form, value)
        if reason is not None:
            raise refuse(FieldValueError, f"corrected: {name!r:.60} is refused: {reason}", case, command)
    if unknown := unknown_name(docket, wrong.entry.verb, values.get("corrected", {})):
        raise refuse(FieldValueError, f"corrected: {unknown.reason}", case, command, hint=unknown.hint)
    after = docket.follow(Known(bytes(32), _as_entry(docket, command), values))
    if new := [what for what in after.problems if what not in docket.problems]:
        seq, what = new[0]
        reason = f"entry {seq} of the case rests on it: {what}"
        raise refuse(BalanceError, f"correct is refused: {reason}", case, command, hint="correct that one first")


def _refusal(docket: Docket, wrong: Known, command: Command, values: Values) -> str | None:
    who = command.asserted_by
    involved = {wrong.entry.recorded_by.party, wrong.entry.asserted_by.party}
    if who.role is not Role.PLATFORM and who.party not in involved:
        return "only who recorded or asserted the entry, or the platform, declares it wrong"
    voided = docket.voided()
    if wrong.leaf in voided:
        return "the entry was taken back already"
    corrective, corrected = values.get("corrective_entry"), values.get("corrected")
    if wrong.entry.kind is Kind.ERASURE:
        return "an erasure was carried out, what it removed does not come back"
    if values["reason"] == DID_NOT_OCCUR:
        if corrective or corrected:
            return "what did not occur has no corrective entry"
        return OPENING if wrong.entry.seq == 0 else None
    if wrong.entry.kind is Kind.CORRECTION:
        return "a correction is taken back (did_not_occur) and made anew, it is not corrected"
    if (corrective is None) == (corrected is None):
        return "incorrect data need either a corrective entry or the corrected values"
    if corrective is None:
        return None
    stands_in = docket.find(corrective)
    assert stands_in is not None  # `judge` looked it up
    if stands_in.leaf in voided or stands_in.entry.kind in (Kind.CORRECTION, Kind.ERASURE):
        return "the corrective entry is not in force"
    if (stands_in.entry.seq or 0) <= (wrong.entry.seq or 0):
        return "the corrective entry comes after the wrong one"
    return OPENING if wrong.entry.seq == 0 else None


def _as_entry(docket: Docket, command: Command) -> CaseEntry:
    """Return the correction as an entry, for the docket to try."""
    nobody = Actor(Role.PLATFORM, "0" * 32)
    return CaseEntry(
        kind=Kind.CORRECTION,
        origin=command.origin,
        return_id=command.return_id,
        seq=len(docket.steps),
        prev=docket.head,
        verb=command.verb,
        from_state=None,
        to_state=None,
        asserted_by=nobody,
        recorded_by=nobody,
        authenticity=Authenticity.PLATFORM_ATTESTED,
        occurred_at=None,
        recorded_at=command.recorded_at,
    )
