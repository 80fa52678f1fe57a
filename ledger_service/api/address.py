"""The URL of a request, checked before its route sees it: path, query, and the values in both.

Promises: a query parameter that the route does not have, or that stands twice, is refused, for the caller meant
something by it; so is a value that is not UTF-8 or holds a control character (PostgreSQL keeps no U+0000 in a text, and
SQLite does: one answer for both). An integer is written in one way. Does not: know what the values mean.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Annotated, NoReturn
from urllib.parse import parse_qsl

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BeforeValidator, StringConstraints
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ledger_service.api.problems import ProblemError

QUERY_BYTES_MAX = 8_192  # the longest list of names that a receipt may be asked to show has half of it
PARAMETERS_MAX = 32  # several times what any route has

# C0, DEL, C1, and what a decoder writes in place of bytes that are no UTF-8: nothing of ours is named with these.
_REFUSED = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffd]")
_INTEGER = re.compile(r"0|[1-9][0-9]{0,15}")


def _plain(value: object) -> int:
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    raise ValueError("a whole number in decimal digits is expected, with no sign, point, space or leading zero")


Plain = Annotated[int, BeforeValidator(_plain)]  # of paths and queries: one spelling of each number from 0 to 10^16
ReturnId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
WebhookId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
KeyPrefix = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
Cursor = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{0,64}$")]  # `next` of a page, handed back as it came


class CheckedAddress:
    """ASGI application around one route's: refuses what its URL may not hold."""

    def __init__(self, app: ASGIApp, *, known: Collection[str]) -> None:
        """Take the route's application and the names of its query parameters."""
        self._app = app
        self._known = frozenset(known)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request of the route."""
        _require_text("path", "", scope["path"])  # the whole: a route's pattern lets a line break pass at its end
        require_query(scope.get("query_string", b""), known=self._known)
        await self._app(scope, receive, send)


def check_addresses(app: FastAPI) -> None:
    """Have every route of an application check the URL first."""
    for route in app.routes:
        if isinstance(route, Route) and not isinstance(route.app, CheckedAddress):
            route.app = CheckedAddress(route.app, known=query_names(route))


def query_names(route: Route) -> set[str]:
    """Return the names of the query parameters that a route has, its dependencies' included."""
    if not isinstance(route, APIRoute):
        return set(getattr(route, "query", ()))  # of a page that has a form which is looked up by its URL
    found: set[str] = set()
    waiting = [route.dependant]
    while waiting:
        one = waiting.pop()
        found |= {field.alias for field in one.query_params}
        waiting += one.dependencies
    return found


def require_query(query: bytes, *, known: Collection[str]) -> None:
    """Refuse a query string that holds anything but the known parameters, each at most once.

    Raises:
        ProblemError: It does, or it is too long.
    """
    if not query:
        return
    if len(query) > QUERY_BYTES_MAX:
        raise ProblemError(
            "invalid-request", f"the query has more than {QUERY_BYTES_MAX} bytes", errors=[], most=QUERY_BYTES_MAX
        )
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=PARAMETERS_MAX)
    except UnicodeError:
        _refuse("query", "", "the query is not percent-encoded UTF-8")
    except ValueError:
        _refuse("query", "", f"the query has more than {PARAMETERS_MAX} parameters")
    seen: set[str] = set()
    for name, value in pairs:
        _require_text("query", name, value)
        if name not in known:
            choice = ", ".join(sorted(known))
            _refuse("query", name, f"there is no such parameter here; there are: {choice or 'none'}")
        if name in seen:
            _refuse("query", name, "the parameter stands twice")
        seen.add(name)


def _require_text(place: str, name: str, value: str) -> None:
    if _REFUSED.search(name) or _REFUSED.search(value):
        _refuse(place, _REFUSED.sub("?", name), "a control character, or bytes that are no UTF-8")


def _refuse(place: str, name: str, reason: str) -> NoReturn:
    pointer = "/" + place + ("/" + name[:80].replace("~", "~0").replace("/", "~1") if name else "")
    raise ProblemError("invalid-request", f"{pointer}: {reason}", errors=[{"pointer": pointer, "reason": reason}])
