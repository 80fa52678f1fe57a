"""Who looks at the pages: the session of a one-time link, or of staff, each in a cookie that no script can read.

Promises: a form counts only if it was sent from a page of ours (`Origin`, `Sec-Fetch-Site`); the cookie goes to no
other site, and over https to no other name; a form's body is small and its fields are text. Does not: hold anything:
a session is a credential of the ledger (`operations/credentials.py`, `operations/staff.py`).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from ledger_service.errors import CredentialError
from ledger_service.operations.credentials import authenticate
from ledger_service.operations.principal import Principal, Scope
from ledger_service.operations.staff import staff_of
from ledger_service.web.site import site_of

COOKIE = "session"
STAFF_COOKIE = "staff"  # apart: who decides about a return by a link may work for an authority in the same browser
FORM_BYTES_MAX = 65_536  # a statement of the most characters that a text may have, escaped, and the fields beside it
FIELDS_MAX = 150  # of the form with the most: the goods of an order, their parcels, files
KEY = re.compile(r"[0-9a-f]{32}")


class PageError(Exception):
    """Something that a person is told on a page of its own: `reason` names the words in `error.html`, `at` is the
    instant (RFC 3339 UTC) that they speak of, empty where they speak of none."""

    def __init__(self, reason: str, status: HTTPStatus, *, at: str = "") -> None:
        """Take the words' name, the status and the instant."""
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.at = at


def caller_of(request: Request) -> Principal | None:
    """Return whose session a request carries, None if it has none that counts."""
    token = request.cookies.get(COOKIE, "")
    if not token:
        return None
    try:
        found = authenticate(site_of(request).ledger, token)
    except CredentialError:
        return None
    return found if found.return_id is not None else None  # a key is no session: it belongs in no browser


def required_caller(request: Request) -> Principal:
    """Return whose session a request carries.

    Raises:
        PageError: It has none that counts: it ended, or there was none.
    """
    found = caller_of(request)
    if found is None:
        raise PageError("session", HTTPStatus.UNAUTHORIZED)
    return found


def staff_caller_of(request: Request) -> Principal | None:
    """Return whose staff session a request carries, None if it has none that counts."""
    token, site = request.cookies.get(STAFF_COOKIE, ""), site_of(request)
    if not token:
        return None
    try:
        found = staff_of(site.ledger, token, site.providers.issuers)
    except CredentialError:
        return None
    request.state.caller = found.name  # for the operator's log
    return found


def required_staff(request: Request, scope: Scope) -> Principal:
    """Return whose staff session a request carries.

    Raises:
        PageError: It has none that counts, or one that does not allow what a scope stands for.
    """
    found = staff_caller_of(request)
    if found is None:
        raise PageError("staff", HTTPStatus.UNAUTHORIZED)
    if scope not in found.scopes:
        raise PageError("staff_scope", HTTPStatus.FORBIDDEN)
    return found


async def form_of(request: Request) -> Mapping[str, str]:
    """Return the fields of a form that was sent from a page of ours.

    Raises:
        PageError: It was sent from elsewhere, is too large, or no form.
    """
    if not is_ours(request):
        raise PageError("elsewhere", HTTPStatus.FORBIDDEN)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_BYTES_MAX:
            raise PageError("too_large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and media_type != "application/x-www-form-urlencoded":
        raise PageError("form", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(body), errors="strict",
            max_num_fields=FIELDS_MAX,
        )  # fmt: skip
    except ValueError:
        raise PageError("form", HTTPStatus.BAD_REQUEST) from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise PageError("form", HTTPStatus.BAD_REQUEST)
    return {name: value.replace("\r\n", "\n") for name, value in fields.items()}


def new_key() -> str:
    """Return a key for a form: sent twice, it is one request."""
    return secrets.token_hex(16)


def key_in(form: Mapping[str, str]) -> str:
    """Return the key of a form.

    Raises:
        PageError: It has none of ours.
    """
    key = form.get("key", "")
    if not KEY.fullmatch(key):
        raise PageError("form", HTTPStatus.BAD_REQUEST)
    return key


def sign_in(
    request: Request, answer: Response, token: str, *, seconds: int, cookie: str = COOKIE, away: bool = False
) -> None:
    """Put a session into its cookie; `away`: the browser brings it along when it comes back from another site."""
    answer.set_cookie(
        cookie,
        token,
        max_age=seconds,
        path="/",
        httponly=True,
        samesite="lax" if away else "strict",
        secure=is_secure(request),
    )


def sign_out(request: Request, answer: Response, *, cookie: str = COOKIE) -> None:
    """Take the session out of its cookie."""
    answer.delete_cookie(cookie, path="/", httponly=True, samesite="strict", secure=is_secure(request))


def is_secure(request: Request) -> bool:
    """Say whether a browser came over https: then its cookies go back over nothing else."""
    return request.url.scheme == "https"


def is_ours(request: Request) -> bool:
    """Say whether a browser sent what it sends from one of our pages; what is no browser has no session to misuse."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin")
    if origin is None:
        return site is not None  # every browser of today sends one of the two with a form
    return urlsplit(origin).netloc == request.headers.get("host", "") != ""
