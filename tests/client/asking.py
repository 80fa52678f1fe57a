"""A client before the real application without a socket, and what can go wrong between the two.

Promises: the application, its ledger and its proofs are real; what lies is the wire. No test sleeps: `Hurry` counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from ledger_service.client import Ledger, Patience
from ledger_service.core import encoding
from ledger_service.core.trust import encode_trust
from ledger_service.operations.afterwards import finish
from ledger_service.operations.pseudonyms import Party
from tests.api.asking import Asking

Forward = Callable[[httpx.Request], httpx.Response]
Lie = Callable[[httpx.Request, Forward], httpx.Response]


class Hurry:
    """A clock that only moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        self.pauses.append(seconds)
        self.now += seconds

    def patience(self, total: float = 30.0) -> Patience:
        """Return the patience of a client that lives in this time."""
        return Patience(total=total, clock=lambda: self.now, sleep=self.sleep)


@dataclass
class Wire(httpx.BaseTransport):
    """A transport to the application. `lies` are told for paths that begin with their name; `sent` is what came."""

    app: Any
    lies: dict[str, Lie] = field(default_factory=dict)
    sent: list[httpx.Request] = field(default_factory=list)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request, truly or not."""
        self.sent.append(request)
        for path, lie in self.lies.items():
            if request.url.path.startswith(path) or request.url.path.endswith(path):
                return lie(request, self.forward)
        return self.forward(request)

    def forward(self, request: httpx.Request) -> httpx.Response:
        """Ask the application."""

        async def run() -> httpx.Response:
            answer = await httpx.ASGITransport(self.app, raise_app_exceptions=False).handle_async_request(request)
            content = await answer.aread()
            finish()  # the loop of a server goes on
            return httpx.Response(answer.status_code, headers=answer.headers, content=content)

        return asyncio.run(run())

    def posts(self) -> list[httpx.Request]:
        """Return the steps that were sent."""
        return [request for request in self.sent if request.method == "POST"]


def changed(request: httpx.Request, *, headers: dict[str, str] | None = None, **members: Any) -> httpx.Request:
    """Return the request with other members in its body (None: without one), or other headers."""
    body: Any = encoding.parse(request.read())
    body = {name: value for name, value in (body | members).items() if value is not None}
    kept = {name: value for name, value in request.headers.items() if name != "content-length"}
    return httpx.Request(
        request.method, request.url, headers={**kept, **(headers or {})}, content=encoding.encode(body)
    )


def said(answer: httpx.Response, **members: Any) -> httpx.Response:
    """Return the answer with other members."""
    kept = {name: value for name, value in answer.headers.items() if name != "content-length"}
    return httpx.Response(answer.status_code, headers=kept, content=encoding.encode({**answer.json(), **members}))


@contextmanager
def client_of(service: Asking, who: Party, *, hurry: Hurry | None = None, **more: Any) -> Iterator[tuple[Ledger, Wire]]:
    """Open a client of a party with the service's own trust file pinned."""
    wire = Wire(service.app)
    given = {"trust": encode_trust(service.ledger.trust()), "patience": (hurry or Hurry()).patience(), **more}
    with Ledger("https://ledger.test", service.token(who), transport=wire, **given) as ledger:
        yield ledger, wire
