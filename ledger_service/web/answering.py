"""Around every page: its work is done in a thread, and an error becomes a page in the language of the reader.

Promises: no error of ours leaves a page as anything else; the status is that of the API. Does not: know a page.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import wraps
from http import HTTPStatus
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from ledger_service.errors import (
    BackPressureError,
    CredentialError,
    EvidenceError,
    GateClosedError,
    LedgerError,
    LedgerMissingError,
    LimitError,
    PermissionRefusedError,
    RefusedError,
    RequestRunningError,
    StaleHeadError,
    UnknownEntryError,
    UnknownReturnError,
)
from ledger_service.operations.attempt import refusal_classes
from ledger_service.operations.case_tallies import StillCountingError
from ledger_service.operations.prove_case import NoSealError
from ledger_service.operations.saved_questions import QuestionNameError, TooManyQuestionsError
from ledger_service.web.session import PageError, form_of
from ledger_service.web.site import render, site_of, talk_of

Form = Mapping[str, str]
Endpoint = Callable[[Request], Awaitable[Response]]

_REASONS: tuple[tuple[type[LedgerError], str, HTTPStatus], ...] = (  # the first that fits
    (UnknownReturnError, "nothing", HTTPStatus.NOT_FOUND),
    (UnknownEntryError, "nothing", HTTPStatus.NOT_FOUND),
    (CredentialError, "link", HTTPStatus.UNAUTHORIZED),
    (PermissionRefusedError, "not_permitted", HTTPStatus.FORBIDDEN),
    (StaleHeadError, "moved", HTTPStatus.CONFLICT),
    (NoSealError, "not_sealed", HTTPStatus.CONFLICT),
    (QuestionNameError, "question_name", HTTPStatus.BAD_REQUEST),
    (TooManyQuestionsError, "question_many", HTTPStatus.CONFLICT),
    (StillCountingError, "counting", HTTPStatus.SERVICE_UNAVAILABLE),
    (LimitError, "many", HTTPStatus.BAD_REQUEST),
    (EvidenceError, "file_gone", HTTPStatus.CONFLICT),
    (GateClosedError, "closed", HTTPStatus.SERVICE_UNAVAILABLE),
    (LedgerMissingError, "closed", HTTPStatus.SERVICE_UNAVAILABLE),
    (BackPressureError, "busy", HTTPStatus.SERVICE_UNAVAILABLE),
    (RequestRunningError, "busy", HTTPStatus.SERVICE_UNAVAILABLE),
    (RefusedError, "refused", HTTPStatus.CONFLICT),
    (LedgerError, "busy", HTTPStatus.SERVICE_UNAVAILABLE),
)
_OF_STATUS = {
    HTTPStatus.UNAUTHORIZED: "session",
    HTTPStatus.FORBIDDEN: "not_permitted",
    HTTPStatus.NOT_FOUND: "nothing",
    HTTPStatus.METHOD_NOT_ALLOWED: "method",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
    HTTPStatus.TOO_MANY_REQUESTS: "too_many",
    HTTPStatus.SERVICE_UNAVAILABLE: "busy",
}  # what a person is told of an answer that is no page's; of any other below 500, that the request cannot be read
_FOR_MACHINES = ("/v1/", "/hooks/", "/tile/", "/checkpoint", "/.well-known/", "/health/", "/metrics", "/openapi.json")
RETRY_SECONDS = 5


class PageRoute(Route):
    """The route of a page: the log and the figures call a request by its path's template, which names no case.

    `query` are the names of the parameters that its URL may hold.
    """

    def __init__(
        self, path: str, endpoint: Any, *, methods: list[str] | None = None, query: Iterable[str] = ()
    ) -> None:
        super().__init__(path, endpoint, methods=methods)
        self.query = frozenset(query)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether a request is for this page, and what the page is told of it."""
        match, found = super().matches(scope)
        return match, found if match is Match.NONE else {**found, "route": self}


def page(work: Callable[[Request], Response]) -> Endpoint:
    """Return the endpoint of a page that is looked at."""

    @wraps(work)
    async def answer(request: Request) -> Response:
        try:
            take_share(request)
            return await run_in_threadpool(work, request)
        except (PageError, LedgerError) as error:
            return error_page(request, error)

    return answer


def sent_form(work: Callable[[Request, Form], Response]) -> Endpoint:
    """Return the endpoint of a form that is sent; its work is given the request and the form."""

    @wraps(work)
    async def answer(request: Request) -> Response:
        try:
            take_share(request)
            form = await form_of(request)
            return await run_in_threadpool(work, request, form)
        except (PageError, LedgerError) as error:
            return error_page(request, error)

    return answer


def take_share(request: Request) -> None:
    """Take of the share of the address that a request comes from.

    Raises:
        PageError: It is used up.
    """
    if site_of(request).take("address " + (request.client.host if request.client else "")):
        raise PageError("too_many", HTTPStatus.TOO_MANY_REQUESTS)


def error_page(request: Request, error: PageError | LedgerError) -> Response:
    """Return the page that says what happened, why, and what to do."""
    said, at, classes = "", "", list[str]()
    if isinstance(error, PageError):
        reason, status = error.reason, error.status
        at = talk_of(request).instant(error.at) if error.at else ""
    else:
        reason, status = next((reason, status) for kind, reason, status in _REASONS if isinstance(error, kind))
        if reason == "refused" and isinstance(error, RefusedError):
            said, classes = error.message, refusal_classes(error)
    answer = render(
        request, "error.html", status=status, reason=reason, said=said, classes=classes, at=at,
        request_id=request.state.request_id,
    )  # fmt: skip
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        answer.headers["Retry-After"] = str(RETRY_SECONDS)
    return answer


def is_for_a_person(request: Request) -> bool:
    """Say whether an answer goes to a person: what was asked for is no path of the API, and a page is welcome."""
    if request.url.path.startswith(_FOR_MACHINES):
        return False
    ranges = (part.split(";") for part in request.headers.get("accept", "")[:1000].lower().split(","))
    return any(name.strip() == "text/html" and "q=0" not in map(str.strip, more) for name, *more in ranges)


def page_of_status(request: Request, status: int, *, allow: str | None = None) -> Response:
    """Return the page for an answer that is no page's own: a path or a method that there is not, or a fault of ours.

    Args:
        request: That it answers.
        status: Of the answer.
        allow: The methods of the path, of an answer that has a header for them.
    """
    known = HTTPStatus(status)
    unknown = "form" if known < HTTPStatus.INTERNAL_SERVER_ERROR else "internal"
    answer = error_page(request, PageError(_OF_STATUS.get(known, unknown), known))
    if allow is not None:
        answer.headers["Allow"] = allow
    return answer
