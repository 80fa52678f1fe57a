"""Do what a POST asks once, however often it is sent: for whatever is not one entry of the log.

Promises: the same key and request get the first answer again; the same key with another request is refused. Does not:
keep secrets: what is shown once (`shown`) is in the first answer alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from ledger_service.core import encoding
from ledger_service.core.encoding import Json
from ledger_service.operations.ledger import Ledger, format_instant
from ledger_service.operations.pseudonyms import Party, idempotency_key
from ledger_service.store.requests import RUNNING_SECONDS_MAX, Answered

KEPT_DAYS = 30  # how long a request may be repeated, as the API says


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a request led to: references (`answer`), and what is shown this once (`shown`)."""

    answer: dict[str, Json]
    shown: dict[str, Json] = field(default_factory=dict)
    replayed: bool = False


def once(
    ledger: Ledger,
    who: Party,
    key: str,
    request: Sequence[Json],
    work: Callable[[], Outcome],
    *,
    nothing: Sequence[str] = (),
) -> Outcome:
    """Do the work of a request, or return what it led to before.

    Args:
        ledger: Opened to write.
        who: Whose key it is.
        key: The caller's idempotency key.
        request: What was asked: method, path and body.
        work: Does it; what it raises leaves nothing behind, and the key may be used again.
        nothing: Names of members that a repeated answer holds as null: they were shown once.

    Raises:
        IdempotencyMismatchError: The key was used for another request.
        RequestRunningError: The same request is being worked on.
    """
    named = idempotency_key(ledger, who, key, about=[], payload=encoding.encode(list(request)))
    now = ledger.clock()
    stale = format_instant(now - timedelta(seconds=RUNNING_SECONDS_MAX))
    kept = ledger.requests.begin(named, now=format_instant(now), stale=stale)
    if kept is not None:
        answer = encoding.parse(kept.answer.encode())
        assert isinstance(answer, dict)  # as it was kept
        return Outcome(answer, dict.fromkeys(nothing), replayed=True)
    try:
        outcome = work()
    except BaseException:
        ledger.requests.forget(named)
        raise
    ledger.requests.finish(named, Answered(201, encoding.encode(outcome.answer).decode()))
    return outcome


def forget_old_answers(ledger: Ledger) -> int:
    """Remove what requests of more than 30 days ago were answered; return how many answers went.

    A request that is sent again after that is a new one: it is judged as one.
    """
    return ledger.requests.purge(before=format_instant(ledger.clock() - timedelta(days=KEPT_DAYS)))
