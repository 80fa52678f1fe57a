"""Our errors as problem documents (RFC 9457): the one place that knows which status an error has.

Promises: every answer that is no success has this shape; no stack trace, no path, no value of a person stands in one.
Does not: raise. Domain errors do not know HTTP; what this table does not name is `internal`, and a test finds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from ledger_service import errors
from ledger_service.api.problem_types import PROBLEM_TYPES
from ledger_service.core import encoding
from ledger_service.evidence import failures
from ledger_service.operations.case_tallies import StillCountingError
from ledger_service.operations.issuer_keys import IssuerUnreachableError
from ledger_service.operations.lift import NotRestrictedError, UnknownErasureError
from ledger_service.operations.prove_case import NoSealError

RETRY_SECONDS = 2  # for answers that a moment's patience may cure

_SLUGS: dict[type[errors.LedgerError], str] = {
    errors.JsonFormatError: "invalid-json",
    errors.LimitError: "limit-exceeded",
    errors.FormatError: "invalid-request",
    errors.InvalidProofError: "invalid-request",
    errors.WithheldError: "invalid-request",
    errors.CredentialError: "not-authenticated",
    errors.PermissionRefusedError: "not-permitted",
    errors.UnknownWebhookError: "unknown-object",
    UnknownErasureError: "unknown-object",
    NotRestrictedError: "not-restricted",
    errors.AddressRefusedError: "address-refused",
    errors.UnknownReturnError: "unknown-return",
    errors.UnknownEntryError: "unknown-entry",
    errors.TransitionRefusedError: "step-not-allowed",
    errors.UnknownVerbError: "incomplete-step",
    errors.MissingEvidenceError: "incomplete-step",
    errors.EvidenceKindError: "incomplete-step",
    errors.MissingFieldError: "incomplete-step",
    errors.FieldValueError: "incomplete-step",
    errors.UnknownRuleError: "incomplete-step",
    errors.CalendarError: "incomplete-step",
    errors.SignatureRefusedError: "signature-refused",
    errors.StaleHeadError: "stale-head",
    errors.CaseMovedError: "busy",
    errors.IdempotencyMismatchError: "idempotency-key-reused",
    errors.RequestRunningError: "request-running",
    errors.BackPressureError: "busy",
    errors.LedgerMissingError: "not-founded",
    errors.GateClosedError: "gate-closed",
    NoSealError: "not-sealed",
    StillCountingError: "still-counting",
    errors.RefusedError: "invalid-request",
    errors.StoreBusyError: "busy",
    errors.StorageFullError: "storage-full",
    errors.UnknownOutcomeError: "outcome-unknown",
    errors.StoreError: "unavailable",
    errors.EvidenceEmptyError: "invalid-request",
    errors.EvidenceMissingError: "invalid-request",
    errors.EvidenceTooLargeError: "body-too-large",
    errors.EvidenceMismatchError: "evidence-altered",
    failures.EvidenceErasedError: "erased",
    failures.UnknownUploadError: "incomplete-step",
    failures.UploadOffsetError: "upload-conflict",
    failures.UploadBusyError: "upload-conflict",
    failures.UploadQuotaError: "quota-exceeded",
    failures.UploadMismatchError: "upload-mismatch",
    failures.UploadStoppedError: "upload-stopped",
    errors.EvidenceError: "invalid-request",
    errors.ChainError: "unavailable",
    errors.SettingsError: "unavailable",
    IssuerUnreachableError: "issuer-unreachable",
    errors.LedgerError: "internal",
}
# What went wrong there is the operator's to know; messages of a full disk name its folder.
_OURS = frozenset({"unavailable", "internal", "evidence-altered", "storage-full"})


class ProblemError(Exception):
    """A problem that the API itself finds: a header, a path, a limit of HTTP."""

    def __init__(self, slug: str, detail: str, *, headers: Mapping[str, str] | None = None, **members: Any) -> None:
        super().__init__(detail)
        self.slug = slug
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members


def slug_of(error: errors.LedgerError) -> str:
    """Return the slug of the problem type of an error: that of the narrowest class which has one."""
    return next(_SLUGS[kind] for kind in type(error).__mro__ if kind in _SLUGS)


def problem_of(error: errors.LedgerError, request: Request) -> Response:
    """Return the answer for one of our errors."""
    slug = slug_of(error)
    hidden = slug in _OURS
    detail = PROBLEM_TYPES[slug].meaning if hidden else error.message
    members: dict[str, Any] = {}
    if error.hint and not hidden:
        members["hint"] = error.hint
    if isinstance(error, errors.JsonFormatError):
        members["code"] = error.code
    if isinstance(error, errors.LimitError):
        members |= {"limit": error.limit, "most": error.most}
    if isinstance(error, errors.TransitionRefusedError):
        members |= {"verb": error.verb, "state": error.state, "allowed": list(error.allowed)}
    if isinstance(error, errors.GateClosedError):
        members["reason"] = error.reason
    if isinstance(error, failures.UploadOffsetError):
        members["offset"] = error.offset
    if isinstance(error, failures.UploadQuotaError):
        members |= {"held": error.held, "most": error.most}
    headers = {}
    if isinstance(error, failures.UploadStoppedError):
        headers["Connection"] = "close"  # whoever sends the rest too late must not have it read as another request
    if isinstance(error, errors.BackPressureError | IssuerUnreachableError):
        headers["Retry-After"] = str(error.retry_after_seconds)
    return problem(request, slug, detail, headers=headers, **members)


def problem(
    request: Request, slug: str, detail: str, *, headers: Mapping[str, str] | None = None, **members: Any
) -> Response:
    """Return a problem document of a type.

    Args:
        request: Gives the language of the title and the request id.
        slug: Of the type.
        detail: What happened, why, what to do, for a person.
        headers: Further headers.
        members: Further members, for machines.
    """
    known = PROBLEM_TYPES[slug]
    chinese = prefers_chinese(request.headers.get("accept-language", ""))
    body = {
        "type": known.url,
        "title": known.title_zh if chinese else known.title,
        "status": known.status,
        "detail": detail.encode("utf-8", "replace").decode(),
        "instance": getattr(request.state, "request_id", ""),
        **members,
    }
    sent = {
        "Cache-Control": "no-store",
        "Content-Language": "zh-Hans" if chinese else "en",
        "Vary": "Accept-Language",
        **(headers or {}),
    }
    if known.status in (429, 503) or slug == "request-running":
        sent.setdefault("Retry-After", str(RETRY_SECONDS))
    if known.status == 401:
        sent["WWW-Authenticate"] = 'Bearer realm="return-ledger"'
    return Response(encoding.encode(body), known.status, sent, "application/problem+json")


def prefers_chinese(accepted: str) -> bool:
    """Say whether an Accept-Language header (RFC 9110 §12.5.4) puts Chinese before English.

    >>> prefers_chinese("zh-CN,zh;q=0.9,en;q=0.8"), prefers_chinese("en, zh;q=0.5"), prefers_chinese("")
    (True, False, False)
    """
    weights = {"zh": 0.0, "en": 0.0}
    for place, part in enumerate(accepted.split(",")[:20]):
        tag, _, quality = part.strip().partition(";")
        language = tag.strip().lower()[:2]
        if language in weights:
            try:
                weight = float(quality.strip().removeprefix("q=") or "1")
            except ValueError:
                continue
            weights[language] = max(weights[language], weight - place / 10_000)
    return weights["zh"] > weights["en"]


def answer_ledger_error(request: Request, error: Exception) -> Response:
    """Answer one of our errors."""
    assert isinstance(error, errors.LedgerError)
    return problem_of(error, request)


def answer_problem_error(request: Request, error: Exception) -> Response:
    """Answer a problem that the API found."""
    assert isinstance(error, ProblemError)
    return problem(request, error.slug, error.detail, headers=error.headers, **error.members)


def answer_validation_error(request: Request, error: Exception) -> Response:
    """Answer a path, query or header parameter that has not its form."""
    assert isinstance(error, RequestValidationError)
    return invalid(request, error.errors())


def answer_http_error(request: Request, error: Exception) -> Response:
    """Answer a path or a method that there is not."""
    assert isinstance(error, HTTPException)
    slug = {404: "unknown-path", 405: "method-not-allowed"}.get(error.status_code, "internal")
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(sorted(methods_at(request)))
    return problem(request, slug, PROBLEM_TYPES[slug].meaning, headers=headers)


def methods_at(request: Request) -> set[str]:
    """Return the methods of a path (RFC 9110 §15.5.6): those of every route there, and not of the first one only."""
    found: set[str] = set()
    for route in request.app.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            found |= route.methods or set()
    return found


def invalid(request: Request, found: Any) -> Response:
    """Return the answer for values that have not their form, each named by a JSON pointer (RFC 6901)."""
    listed = [{"pointer": _pointer(one["loc"]), "reason": _reason(one)} for one in list(found)[:20]]
    detail = "; ".join(f"{one['pointer']}: {one['reason']}" for one in listed[:3])
    return problem(request, "invalid-request", detail or "the request has not its form", errors=listed)


def _pointer(place: Any) -> str:
    return "/" + "/".join(str(part)[:80].replace("~", "~0").replace("/", "~1") for part in place)


def _reason(one: Mapping[str, Any]) -> str:
    return str(one["msg"])[:200].lower()
