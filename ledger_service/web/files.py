"""Files that a party sends from a page, before a step names them: whole by a form, or in parts by the page's script.

Bytes take the way of the API (`/v1/evidence`), which the request is passed on to with the session of its cookie.
Promises: what the API refuses is refused here, in the same words to a script and on a page to a person. Does not: look
into a file, or keep its name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Message, Receive, Scope, Send

from ledger_service.core.moments import parse_instant
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.principal import Principal
from ledger_service.operations.uploads import expires_at
from ledger_service.web.answering import PageRoute, error_page
from ledger_service.web.session import COOKIE, KEY, PageError, is_ours, required_caller

FILES_SHOWN = 20  # of those that wait, the newest; a form has room for as many
DIGEST = re.compile(r"[0-9a-f]{64}")
_TAKEN_ALONG = frozenset({b"content-type", b"content-length", b"content-range", b"transfer-encoding"})
_REASONS = {
    HTTPStatus.UNAUTHORIZED: "session",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "file_too_large",
    HTTPStatus.SERVICE_UNAVAILABLE: "busy",
    HTTPStatus.INSUFFICIENT_STORAGE: "busy",
    HTTPStatus.TOO_MANY_REQUESTS: "too_many",
}  # what is told of an answer of the API; of any other, that there was no whole file


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file that a party has sent and that no step names yet; its SHA-256 in hex, its size in bytes."""

    sha256: str
    size: int
    media_type: str


def waiting_files(ledger: Ledger, principal: Principal) -> tuple[Waiting, ...]:
    """Return the files of a party that wait for a step, the newest first."""
    now = ledger.clock()
    found = [
        upload
        for upload in ledger.uploads.of_party(principal.mark)
        if parse_instant(expires_at(ledger, upload)) > now and ledger.evidence.names_of(upload.name) == 1
    ]
    newest = sorted(found, key=lambda one: (one.created_at, one.sha256), reverse=True)[:FILES_SHOWN]
    return tuple(Waiting(one.sha256.hex(), one.size, one.media_type) for one in newest)


async def send_file(request: Request) -> Response:
    """Take a file from a form and lead back to the form of its step."""
    try:
        key = request.path_params["key"]
        if not is_ours(request):
            raise PageError("elsewhere", HTTPStatus.FORBIDDEN)
        if not KEY.fullmatch(key):
            raise PageError("form", HTTPStatus.BAD_REQUEST)
        required_caller(request)
        status = await _passed_on(request, "/v1/evidence", [(b"idempotency-key", f"page-file-{key}".encode())])
        if status != HTTPStatus.CREATED:
            raise PageError(_REASONS.get(HTTPStatus(status), "file"), HTTPStatus(status))
    except PageError as error:
        return error_page(request, error)
    dispute = request.path_params.get("dispute_id")
    step = request.path_params["verb"] + ("" if dispute is None else f"/{dispute}")
    return RedirectResponse(f"/return/steps/{step}#files", int(HTTPStatus.SEE_OTHER))


class _Parts:
    """The way of a script: says how much of a file is here, and takes the next part of it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on to the API, whose answer is the answer."""
        request = Request(scope, receive)
        try:
            if not is_ours(request):
                raise PageError("elsewhere", HTTPStatus.FORBIDDEN)
            required_caller(request)
        except PageError as error:
            await error_page(request, error)(scope, receive, send)
            return
        inner = scope_for(request, f"/v1/evidence/{request.path_params['sha256']}", [])
        await request.app(inner, receive, send)


async def _passed_on(request: Request, path: str, more: list[tuple[bytes, bytes]]) -> int:
    """Send a request on to the API; return the status of its answer."""
    status = int(HTTPStatus.INTERNAL_SERVER_ERROR)

    async def note(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]

    await request.app(scope_for(request, path, more), request.receive, note)
    return status


def scope_for(request: Request, path: str, more: list[tuple[bytes, bytes]], *, query: str = "") -> Scope:
    """Return a request to the API that says what this one says, under the session of its cookie."""
    kept = [(name, value) for name, value in request.scope["headers"] if name in _TAKEN_ALONG]
    token = request.cookies.get(COOKIE, "")
    headers = [*kept, (b"authorization", b"Bearer " + token.encode("latin-1", "replace")), *more]
    names = ("type", "asgi", "http_version", "method", "scheme", "client", "server", "extensions")
    same = {name: request.scope[name] for name in names if name in request.scope}
    asked = {"path": path, "raw_path": path.encode(), "root_path": "", "query_string": query.encode()}
    return {**same, **asked, "headers": headers}


ROUTES = [
    PageRoute("/return/files/{key}/{verb}", send_file, methods=["POST"]),
    PageRoute("/return/files/{key}/{verb}/{dispute_id}", send_file, methods=["POST"]),
    PageRoute("/return/parts/{sha256}", _Parts(), methods=["GET", "PUT"]),
]
