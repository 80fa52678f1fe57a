"""Around every request: its id, security headers, and the last resort for what nobody foresaw.

Promises: every answer carries `X-Request-ID`; the trace of an unforeseen error goes to the log and to nobody else.
Does not: know routes.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from functools import partial
from itertools import count

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledger_service.api.observe import Observer
from ledger_service.api.shortcut import Shortcut
from ledger_service.operations.afterwards import finish, put_off

_IDS = count()
_ID_PREFIX = secrets.token_hex(8)  # of this process; what follows counts its requests
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SECURITY = (  # for answers that do not say otherwise
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)


class Envelope:
    """ASGI middleware. Pure ASGI: Starlette's class of that name copies every body through a queue."""

    def __init__(
        self, app: ASGIApp, *, observer: Observer, shortcut: Shortcut, unforeseen: Callable[[Request], Response]
    ) -> None:
        """Take the application, who is told of each request, the shorter way for some, and the last resort."""
        self._app = app
        self._unforeseen = unforeseen
        self._observer = observer
        self._shortcut = shortcut

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            try:
                await self._app(scope, receive, send)
            finally:
                finish()  # the server ends: its last requests are noted too
            return
        request = Request(scope, receive)
        sent_id = request.headers.get("x-request-id", "")
        request_id = sent_id if _REQUEST_ID.fullmatch(sent_id) else f"{_ID_PREFIX}-{next(_IDS)}"
        request.state.request_id = request_id
        started, status = time.perf_counter(), 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                sent = [pair for pair in message["headers"] if pair[0] != b"x-request-id"]
                there = {name for name, _ in sent}
                sent.append((b"x-request-id", request_id.encode()))
                sent += [pair for pair in _SECURITY if pair[0] not in there]
                message["headers"] = sent
            await send(message)

        try:
            if (value := self._shortcut.value_of(scope)) is not None:
                await self._shortcut.serve(request, value, sending)
            else:
                await self._app(scope, receive, sending)
        except ClientDisconnect:
            status = 499  # nobody is there to be answered
        except Exception as error:
            self._observer.failed(request, error)
            if status:  # half an answer is out: the connection breaks, so that nobody takes it for a whole one
                raise
            await self._unforeseen(request)(scope, receive, sending)
        finally:
            put_off(partial(self._observer.served, request, status, time.perf_counter() - started))
