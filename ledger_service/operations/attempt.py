"""Record that a step was tried and refused: beside the chain of its case, with who, what and why.

Promises: the case does not move. The reason in words may quote what was sent, so it is committed to under the key of
the one who tried; its code stands in clear. Does not: record steps that name no case.
"""

from __future__ import annotations

import re
import secrets

from ledger_service.core.disclosure import SALT_BYTES, Disclosure
from ledger_service.core.entry import Authenticity, CaseEntry, Kind, NamedCommitment, Role
from ledger_service.core.members import Reader
from ledger_service.errors import EntryFormatError, RefusedError
from ledger_service.operations.appending import Appending
from ledger_service.operations.asked import Step
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.pseudonyms import actor
from ledger_service.store.drafts import AsideDraft, SealedValue
from ledger_service.store.values import seal_value

UNKNOWN_STEP = "unknown_step"  # stands for a verb that could not be one
_READ = Reader(EntryFormatError, "attempt")
_VERB = re.compile(r"[a-z][a-z0-9_]{0,63}")


def refusal_code(error: RefusedError) -> str:
    """Return the class of a refusal as a code.

    >>> from ledger_service.errors import WrongStateError
    >>> refusal_code(WrongStateError("…", verb="close", state="requested", allowed=()))
    'wrong_state'
    """
    return refusal_classes(error)[0]


def refusal_classes(error: RefusedError) -> list[str]:
    """Return the classes of a refusal as codes, its own first, `refused` last.

    >>> from ledger_service.errors import WrongSignerError
    >>> refusal_classes(WrongSignerError("…"))
    ['wrong_signer', 'signature_refused', 'refused']
    """
    names = [kind.__name__.removesuffix("Error") for kind in type(error).__mro__ if issubclass(kind, RefusedError)]
    return [re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower() for name in names]


def attempting(ledger: Ledger, step: Step, return_id: str, error: RefusedError) -> Appending[None]:
    """Append the refused step of a party beside its case, if there is one; durable when the work is done.

    Raises:
        StoreError, RefusedError: It cannot be written now; the step is refused all the same.
    """
    case = ledger.read.find_case(return_id)
    if case is None or step.asserted_by.role is Role.SYSTEM:  # the clock tries nothing on anybody's behalf
        return
    _, case_key = ledger.keys.key_for(f"case:{return_id}")
    key_id, key = ledger.keys.key_for(f"party:{step.asserted_by.reference}")
    why = Disclosure("why", secrets.token_bytes(SALT_BYTES), error.message)
    entry = CaseEntry(
        kind=Kind.ATTEMPT,
        origin=ledger.origin,
        return_id=return_id,
        seq=None,
        prev=None,
        verb=step.verb if _VERB.fullmatch(step.verb) else UNKNOWN_STEP,
        from_state=case.state,
        to_state=None,
        asserted_by=actor(case_key, step.asserted_by),
        recorded_by=actor(case_key, step.recorded_by),
        authenticity=Authenticity.PLATFORM_ATTESTED,  # whatever vouched for the step was not accepted
        occurred_at=step.occurred_at if _is_instant(step.occurred_at) else None,
        recorded_at="",
        facts={"refused": refusal_code(error), "case_head": case.head.hex()},
        commitments=(NamedCommitment(why.name, why.commitment()),),
    )
    sealed = SealedValue(0, why.name, key_id, seal_value(key, why))
    yield AsideDraft(entry, values=(sealed,))


def _is_instant(text: str | None) -> bool:
    try:
        return text is not None and bool(_READ.instant(text))
    except EntryFormatError:
        return False
