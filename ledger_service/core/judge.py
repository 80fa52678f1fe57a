"""The judgement of a step against its case's docket: what the table of states alone cannot refuse.

Looks at the balance (quantities and money), at the entries that the step names, at corrections, and at clocks that
must have run out or must not run any more. Promises: a refusal is the narrowest class of `TransitionRefusedError`;
nothing lawful is refused for a value that was erased or that another party holds.
Does not: look at state, role, evidence or forms (`returns.py` does, before).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger_service.core.balance import Balance, UnbalancedError
from ledger_service.core.case import Case, Command
from ledger_service.core.clock import Clock, ClockState
from ledger_service.core.clocks import clocks
from ledger_service.core.corrections import require_correction
from ledger_service.core.docket import Docket
from ledger_service.core.effects import moves, take
from ledger_service.core.entry import Authenticity, Role
from ledger_service.core.happenings import happenings
from ledger_service.core.lifecycle import LIFECYCLE
from ledger_service.core.names import unknown_name
from ledger_service.core.step import refuse
from ledger_service.errors import (
    BalanceError,
    ClockRefusedError,
    FieldValueError,
    MissingFieldError,
    TransitionRefusedError,
)

RESOLVED, RESOLVING = "resolved", "resolving"
OFFER_EXPIRY, APPEAL_WINDOW = "offer_expiry", "appeal_window"
Values = Mapping[str, Any]


def judge(docket: Docket, case: Case | None, command: Command, values: Values, *, now: str) -> str | None:
    """Return the state that the numbers lead to where the table leaves a choice that they decide, else None.

    Args:
        docket: Of the case as it is; empty for a new one.
        case: The case, None for a new one.
        command: The step, which `decide` accepts.
        values: All its fields, facts and those it will commit to.
        now: RFC 3339 UTC with milliseconds.

    Raises:
        BalanceError: The numbers refuse it.
        MissingFieldError, FieldValueError: A field that the numbers need, or one that names what does not exist.
        CorrectionRefusedError: A correction of an entry that cannot be corrected so.
        ClockRefusedError: A deadline that has not passed, or one that has.
    """
    if unknown := unknown_name(docket, command.verb, values):
        raise refuse(FieldValueError, unknown.reason, case, command, hint=unknown.hint)
    if command.verb == "correct":
        require_correction(docket, case, command, values)
        return None
    from_state = None if case is None else case.state
    try:
        moved = take(docket.balance, command.verb, values, from_state=from_state, has_rule=command.rule is not None)
    except UnbalancedError as error:
        kind: type[TransitionRefusedError] = MissingFieldError if error.missing else BalanceError
        raise refuse(kind, f"{command.verb} is refused: {error}", case, command, hint=_hint(error)) from None
    _require_clocks(docket, case, command, values, now)
    return _target(moved, case, command)


def looks_back(verb: str, values: Values) -> bool:
    """Say whether `judge` looks at the steps before this one, and not at its case and its own fields alone.

    It may be asked before anything was checked: `verb` may be no step at all, and a value of any form.
    """
    transition = LIFECYCLE.transition(verb)
    if transition is None:
        return False
    named = any(known.form.name == "leaf_hash" and name in values for name, known in transition.fields.items())
    return named or verb in _LOOKS_BACK or moves(verb, values)


def _require_clocks(docket: Docket, case: Case | None, command: Command, values: Values, now: str) -> None:
    verb, by_system = command.verb, command.asserted_by.role is Role.SYSTEM
    if verb == "expire":
        wanted = str(values.get("clock_id"))
        missed = [one for one in _running(docket, now, wanted) if one.state is ClockState.MISSED]
        if not missed:
            reason = f"no clock {wanted!r:.60} of this case has run out"
            raise refuse(ClockRefusedError, reason, case, command, hint="`rledger show ID` lists its clocks")
        if all(one.due_at != values.get("due_at") for one in missed):
            reason = f"{wanted} was due at {missed[0].due_at}, not at {values.get('due_at')}"
            raise refuse(FieldValueError, reason, case, command, hint="deadlines are computed, never typed")
    # An acceptance counts when it was sent, where somebody else vouches for that time.
    sent = command.occurred_at if verb == "accept_offer" and command.authenticity in _VOUCHED else None
    offer = _running(docket, min(sent or now, now), OFFER_EXPIRY) if verb in _OF_OFFERS else ()
    if verb == "refuse_offer" and by_system and not any(one.state is ClockState.MISSED for one in offer[-1:]):
        raise refuse(ClockRefusedError, "silence is no refusal before the offer has expired", case, command)
    if verb == "accept_offer" and any(one.state is ClockState.MISSED for one in offer[-1:]):
        hint = "the other party may make the offer again"
        raise refuse(ClockRefusedError, f"the offer expired at {offer[-1].due_at}", case, command, hint=hint)
    if verb == "close":
        for one in _running(docket, now, APPEAL_WINDOW):
            if one.state in (ClockState.RUNNING, ClockState.PAUSED):
                hint = "close it afterwards, or record the appeal"
                raise refuse(ClockRefusedError, f"the appeal window runs until {one.due_at}", case, command, hint=hint)


def _target(moved: Balance, case: Case | None, command: Command) -> str | None:
    """Return the state that follows from the numbers, and refuse another one or an end that they do not allow."""
    verb = command.verb
    if verb == "receive" and moved.lines:
        target = moved.received_state()
    elif verb in ("settle_refund", "deliver_exchange"):
        target = RESOLVED if not moved.open_matters() else RESOLVING
    elif verb in ("resolve", "close"):
        if matters := moved.open_matters():
            hint = "settle it, or record what became of it"
            raise refuse(BalanceError, f"{verb} is refused: {'; '.join(matters)}", case, command, hint=hint)
        return None
    else:
        return None
    if command.to_state not in (None, target):
        reason = f"{verb} leads to {target} here, not to {command.to_state}"
        matters_hint = "; ".join(moved.open_matters()) if verb != "receive" else "it follows from the pieces counted"
        raise refuse(FieldValueError, reason, case, command, hint=matters_hint)
    return target


def _running(docket: Docket, now: str, kind: str) -> tuple[Clock, ...]:
    return clocks(happenings(docket), now=now, only=(kind,))


def _hint(error: UnbalancedError) -> str:
    return "add the field" if error.missing else "`rledger show ID` shows the balance; correct the numbers"


_VOUCHED = frozenset({Authenticity.WEBHOOK_VERIFIED, Authenticity.PLATFORM_ATTESTED})
_LOOKS_BACK = frozenset({"correct", "expire", "close"})  # beside those that move something
_OF_OFFERS = frozenset({"accept_offer", "refuse_offer"})
