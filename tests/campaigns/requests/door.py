"""What stands between an attack and the application: it lets every request through and looks at every answer.

Promises: whoever comes with the token `ALIAS` gets a token that counts, and a new one when that was revoked, for the
attack revokes keys too. Of well-formed requests every second gets an idempotency key of its own and names, in its
path, what exists: else nearly all would end at a key that was used or at an object that is not there. What holds
for every answer is checked here, whatever the attacker's tools look at: no 5xx, a request id, no sniffing, and an error
is a problem document that says nothing of the inside.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from starlette.routing import Match, Route

from ledger_service.api.problem_types import HELP, PROBLEM_TYPES

ALIAS = "the-role-itself"  # a token of no form of ours
SLOW_SECONDS = 2.0
_KEY = re.compile(rb"[\x21-\x7e]{1,255}")
_HEX = re.compile(r"[0-9a-f]+")
_INSIDE = ("Traceback (most recent", 'File \\"/', "psycopg.errors.", "sqlite3.OperationalError", "sqlalchemy.exc.")


class Door:
    """ASGI application around another."""

    def __init__(self, app: FastAPI, renew: Callable[[], str] | None, known: Mapping[str, Sequence[str]]) -> None:
        """Take the application, what makes a token (None: nobody is let in under the alias), and what exists, by the
        names of path parameters."""
        self._app = app
        self._known = known
        self._count = 0
        self._renew = renew
        self._token = renew() if renew is not None else ""
        self.statuses: Counter[int] = Counter()
        self.accepted: Counter[str] = Counter()
        self.slow: Counter[str] = Counter()
        self.broken: dict[tuple[str, str], str] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        alias = f"Bearer {ALIAS}".encode()
        theirs = any(name == b"authorization" and value == alias for name, value in scope["headers"])
        token = f"Bearer {self._token}".encode()
        self._count += 1
        even = self._count % 2 == 0
        headers = []
        for name, value in scope["headers"]:
            if theirs and value == alias:
                headers.append((name, token))
            elif even and name == b"idempotency-key" and _KEY.fullmatch(value):
                headers.append((name, secrets.token_hex(8).encode()))
            else:
                headers.append((name, value))
        scope = {**scope, "headers": headers, "path": self._existing(scope) if even else scope["path"]}
        answer = Answer(said=repr(scope["path"]) + repr(scope["query_string"]) + repr(headers))

        async def receiving() -> Any:
            message = await receive()
            answer.said += repr(message.get("body", b""))
            return message

        async def sending(message: Any) -> None:
            answer.take(message)
            await send(message)

        started = time.monotonic()
        await self._app(scope, receiving, sending)
        seconds = time.monotonic() - started
        self._look(scope, answer, seconds)
        if theirs and answer.status == 401 and self._renew is not None:
            self._token = self._renew()

    def _existing(self, scope: Any) -> str:
        """Return the path with what exists in place of each parameter that is as long as one."""
        for route in self._app.routes:
            if not isinstance(route, Route) or route.matches(scope)[0] is not Match.FULL:
                continue
            given = route.matches(scope)[1]["path_params"]
            for name, value in given.items():
                if _HEX.fullmatch(str(value)) and len(str(value)) in map(len, self._known.get(name, ())):
                    given[name] = self._known[name][self._count // 2 % len(self._known[name])]
            return str(route.url_path_for(route.name, **given))
        return str(scope["path"])

    def _look(self, scope: Any, answer: Answer, seconds: float) -> None:
        operation = f"{scope['method']} {getattr(scope.get('route'), 'path', scope['path'])}"
        self.statuses[answer.status] += 1
        if 200 <= answer.status < 300:
            self.accepted[operation] += 1
        if seconds > SLOW_SECONDS:
            self.slow[operation] += 1
        if reason := answer.fault():
            sent = scope["query_string"].decode("latin-1")
            detail = f"{reason}: {scope['path']!r:.200} query={sent!r:.200} answered {answer.body[:300]!r}"
            self.broken.setdefault((reason.split(":")[0], operation), detail)


class Answer:
    """An answer as it went out."""

    def __init__(self, said: str = "") -> None:
        self.said = said  # by the client: what it is told of its own words tells nothing of the inside
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""

    def take(self, message: Any) -> None:
        """Take a message of the application."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode().lower(): value.decode("latin-1") for name, value in message["headers"]}
        else:
            self.body += message.get("body", b"")

    def fault(self) -> str:
        """Return which promise of every answer is broken; empty: none."""
        if self.status >= 500 or self.status == 0:
            return f"server error: {self.status}"
        if not self.headers.get("x-request-id") or self.headers.get("x-content-type-options") != "nosniff":
            return "no request id, or sniffing allowed"
        return "" if self.status < 400 else self._fault_of_problem()

    def _fault_of_problem(self) -> str:
        if self.headers.get("content-type") != "application/problem+json":
            return "an error that is no problem document"
        if self.headers.get("cache-control") != "no-store":
            return "an error that a cache may keep"
        text = self.body.decode()
        if word := next((word for word in _INSIDE if word in text and word not in self.said), ""):
            return f"an error that tells of the inside: {word}"
        value = json.loads(text)
        known = PROBLEM_TYPES.get(str(value["type"]).removeprefix(HELP))
        if known is None or not known.status == value["status"] == self.status:
            return "a problem of a type that there is not, or of another status"
        return ""
