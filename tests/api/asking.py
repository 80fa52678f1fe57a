"""A founded ledger with its service, and clients of every role that ask it without a socket.

Promises: the ledger, its database and files are real; only the socket is missing. Each answer is checked: an error is a
problem document, nothing unexpected happened inside.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from ledger_service.api.problem_types import PROBLEM_TYPES
from ledger_service.app import make_app
from ledger_service.core.entry import Role
from ledger_service.operations.afterwards import finish
from ledger_service.operations.credentials import issue_key
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.principal import ACTS_FOR_ALL, SCOPES_OF
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.record import Step, record
from ledger_service.settings import Settings
from tests.api.described import check_described
from tests.issuer import settings_file
from tests.operations.world import BUYER, PLATFORM, REQUEST_FIELDS, SELLER, World

PARTIES: dict[Role, Party] = {role: Party(role, f"{role.value}-1") for role in list(Role) if role is not Role.SYSTEM}
PARTIES |= {Role.BUYER: BUYER, Role.SELLER: SELLER, Role.PLATFORM: PLATFORM}


@dataclass
class Asking:
    """The service over one ledger, and the tokens of its parties."""

    ledger: Ledger
    app: FastAPI
    folder: Path
    tokens: dict[Party, str] = field(default_factory=dict)

    def token(self, party: Party) -> str:
        """Return a key of a party with everything that its role may have; a regulator sees Germany."""
        if party not in self.tokens:
            self.tokens[party] = issue_key(
                self.ledger,
                party,
                label=party.role.value,
                scopes=SCOPES_OF[party.role],
                acts_for=ACTS_FOR_ALL if party.role is Role.PLATFORM else (),
                countries=("DE",) if party.role is Role.REGULATOR else (),
            ).token
        return self.tokens[party]

    def ask(
        self,
        method: str,
        path: str,
        who: Party | str | None = None,
        *,
        key: str | None = "",
        headers: dict[str, str] | None = None,
        **sent: Any,
    ) -> httpx.Response:
        """Ask as a party (or with a token); a POST gets a fresh idempotency key unless one is given (None: none)."""
        return self.together([(method, path, who, key, headers or {}, sent)])[0]

    def post(self, path: str, who: Party | str | None, value: Any, **more: Any) -> httpx.Response:
        """Post a JSON value."""
        return self.ask("POST", path, who, json=value, **more)

    def together(self, requests: list[tuple[Any, ...]]) -> list[httpx.Response]:
        """Ask several things at once, in one event loop."""

        async def run() -> list[httpx.Response]:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://ledger.test") as client:
                answers = await asyncio.gather(*(self._one(client, *request) for request in requests))
            finish()  # the loop of a server goes on
            return answers

        return asyncio.run(run())

    async def _one(
        self, client: httpx.AsyncClient, method: str, path: str, who: Any, key: str | None, headers: Any, sent: Any
    ) -> httpx.Response:
        given = dict(headers)
        if who is not None:
            given.setdefault("Authorization", "Bearer " + (self.token(who) if isinstance(who, Party) else who))
        if method == "POST" and key is not None:
            given.setdefault("Idempotency-Key", key or secrets.token_hex(8))
        answer = await client.request(method, path, headers=given, **sent)
        check_answer(answer)
        return answer

    def open_case(self, name: str = "", *, members: tuple[Party, ...] = (SELLER,), **fields: Any) -> str:
        """Record the request of a return and return its id."""
        photo = self.folder / f"photo-{secrets.token_hex(4)}.png"
        photo.write_bytes(b"\x89PNG\r\n\x1a\n" + secrets.token_bytes(64))
        step = Step(
            verb="request_return",
            asserted_by=BUYER if not name else Party(Role.BUYER, name),
            recorded_by=PLATFORM,
            fields={**REQUEST_FIELDS, **fields},
            evidence=[("product_photo", photo)],
            members=members,
        )
        return record(self.ledger, step).return_id


@contextmanager
def asking(world: World, folder: Path, *, write: bool = True) -> Iterator[Asking]:
    """Open the ledger of a world and its service."""
    with world.opened(write=write) as opened:
        yield Asking(opened.ledger, make_app(opened.ledger, world.settings), folder)


def with_issuers(service: Asking, tmp_path: Path, *listed: dict[str, Any], **settings: Any) -> Asking:
    """Return the service with a file of issuers in its settings; the test's court with all keys when none is given."""
    path = tmp_path / "issuers.json"
    path.write_bytes(settings_file(*listed))
    before: Settings = service.app.state.service.settings
    changed = before.model_copy(update={"oidc_file": path, "oidc_allow_loopback": True, **settings})
    return Asking(service.ledger, make_app(service.ledger, changed), service.folder)


def check_answer(answer: httpx.Response) -> None:
    """Assert what holds for every answer."""
    assert answer.headers["x-request-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    check_described(answer)
    if answer.status_code < 400:
        return
    body = answer.json()
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    assert answer.headers["cache-control"] == "no-store"
    slug = body["type"].removeprefix("/help/problems/")
    assert PROBLEM_TYPES[slug].status == body["status"] == answer.status_code
    assert body["instance"] == answer.headers["x-request-id"]
    assert slug != "internal", answer.text
    assert "Traceback" not in answer.text
    if answer.status_code in (429, 503):
        assert int(answer.headers["retry-after"]) >= 1
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")
