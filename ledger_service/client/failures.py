"""What a call of the client can end in instead of an answer.

::

    ClientError                  what happened, and what to do (`hint`); the key of the request (`idempotency_key`)
    ├── ProblemError             the service answered with a problem document (RFC 9457)
    │   ├── CredentialRefusedError   the token does not count, or does not allow this
    │   ├── UnknownError             no such return, entry or object for this token
    │   ├── StepNotAllowedError      the return refuses the step now; `allowed` says what is possible
    │   ├── StaleReturnError         the return moved on since it was read
    │   └── BusyError                not now: the service answered 429 or 503 until the patience was over
    ├── UnreachableError         nobody answered; whether a step was recorded is not known
    └── WrongAnswerError         an answer that is not what was asked for, or that contradicts the pinned log
        └── ContradictionError   the log signed what contradicts what it signed before; `evidence` shows it to anybody

Promises: no message holds a token or a value of a step. Does not: share classes with the service's own errors; whoever
calls over the wire has another tree to catch.
"""

from __future__ import annotations

from collections.abc import Mapping

from ledger_service.core.encoding import Json


class ClientError(Exception):
    """Root of the tree.

    `message` says what happened, `hint` what to do, or is empty. `idempotency_key` is the key of the step that was to
    be recorded, None for a question: the same call with this key is safe.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.idempotency_key: str | None = None


class ProblemError(ClientError):
    """The service refused: `slug` is the problem type, `status` of HTTP, `detail` for a person, `members` the others.

    `slug` is empty where something between client and service answered, with no problem document.
    """

    def __init__(self, slug: str, status: int, detail: str, *, hint: str = "", members: Mapping[str, Json]) -> None:
        super().__init__(f"{slug or 'no problem document'} ({status}): {detail}", hint=hint)
        self.slug = slug
        self.status = status
        self.detail = detail
        self.members = dict(members)


class CredentialRefusedError(ProblemError):
    """The token is unknown, revoked or expired (401), or does not allow this (403)."""


class UnknownError(ProblemError):
    """There is no such return, entry or object, or not for this token; the service answers both alike."""


class StepNotAllowedError(ProblemError):
    """The return refuses the step now; the attempt stands in the log. `allowed` are the verbs possible now."""

    @property
    def allowed(self) -> tuple[str, ...]:
        """Return the verbs that the asserting role may use now."""
        found = self.members.get("allowed")
        return tuple(str(verb) for verb in found) if isinstance(found, list) else ()


class StaleReturnError(ProblemError):
    """The return has another last entry than `if_match` names: read it again, then decide."""


class BusyError(ProblemError):
    """The service is busy, must not write, or asks for fewer requests (429 and 503), and was so for the whole call."""


class UnreachableError(ClientError):
    """Nobody answered within the patience of the client. A step may be recorded or not: repeat it with its key."""


class WrongAnswerError(ClientError):
    """An answer that an honest service does not give. Keep `answer`: it is what the operator has to explain.

    `what` is a stable code: `form`, `redirect`, `size`, `index`, `leaf_hash`, `verb`, `return_id`, `parties`,
    `authenticity`, `occurred_at`, `rule`, `state`, `fields`, `withheld`, `evidence`, `kind`, `place`, `replayed`,
    `sha256`, `offset`, `backwards`, `fork`, or the name of a failed check of the receipt (`receipt_checkpoint`,
    `receipt_inclusion` …).
    `answer` is the body as it was sent.
    """

    def __init__(self, what: str, message: str, *, answer: bytes = b"") -> None:
        super().__init__(
            f"wrong answer ({what}): {message}",
            hint="do not go on with it: keep the answer, and ask the operator and another holder of a receipt",
        )
        self.what = what
        self.answer = answer


class ContradictionError(WrongAnswerError):
    """A `fork` that can be shown: the log signed two heads that are not of one log.

    `evidence` is a contradiction file for `rledger verify`.
    """

    def __init__(self, message: str, *, evidence: bytes, answer: bytes = b"") -> None:
        super().__init__("fork", message, answer=answer)
        self.hint = "keep `evidence` as a file and hand it on: `rledger verify` shows it to whoever pinned this log"
        self.evidence = evidence


_BY_SLUG: Mapping[str, type[ProblemError]] = {
    "step-not-allowed": StepNotAllowedError,
    "stale-head": StaleReturnError,
    "unknown-return": UnknownError,
    "unknown-entry": UnknownError,
    "unknown-object": UnknownError,
}
_BY_STATUS: Mapping[int, type[ProblemError]] = {
    401: CredentialRefusedError,
    403: CredentialRefusedError,
    429: BusyError,
    503: BusyError,
}


def problem_class(slug: str, status: int) -> type[ProblemError]:
    """Return the narrowest class for a problem: by its type, else by the status of HTTP."""
    return _BY_SLUG.get(slug) or _BY_STATUS.get(status, ProblemError)
