"""A founded ledger with many open returns, and the requests that take each of them three steps further.

Promises: the returns are recorded through the ledger's own write path, the requests are whole and differ in what they
are about. Does not: send any.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ledger_service.core import encoding
from ledger_service.core.encoding import Json
from ledger_service.operations.credentials import issue_key
from ledger_service.operations.ledger import system_clock
from ledger_service.operations.principal import ACTS_FOR_ALL, SCOPES_OF
from ledger_service.operations.record import Step, record
from ledger_service.settings import Settings
from tests.operations.world import BUYER, PLATFORM, SELLER, Clock, World, photo, request_step

THREADS = 32
BODIES: tuple[dict[str, Json], ...] = (
    {
        "verb": "request_info",
        "fields": {"asked_for": ["product_photo"], "reason": "the label cannot be read on the photo"},
    },
    {
        "verb": "withdraw_request",
        "asserted_by": {"role": "buyer", "reference": BUYER.reference},
        "fields": {"reason": "the missing part was found in the box after all"},
        "occurred_at": "2026-11-03T10:20:00.000Z",
    },
    {
        "verb": "close",
        "fields": {"final_summary_digest": "5f" * 32, "retention_until": "2036-12-31T00:00:00.000Z"},
    },
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A ledger that can be served: its settings as environment, a platform's token, and its open returns."""

    environment: dict[str, str]
    token: str
    return_ids: tuple[str, ...]


class _Now(Clock):
    """The clock of the processes that serve the ledger afterwards."""

    def __call__(self) -> datetime:
        self.now = system_clock()
        return self.now


def prepare(folder: Path, *, returns: int, database: dict[str, str] | None = None) -> Prepared:
    """Found a ledger and open returns in it.

    Args:
        folder: Where its home is made.
        returns: How many.
        database: Settings that name a PostgreSQL database; None: SQLite in the home.
    """
    environment = {"LEDGER_HOME": str(folder / "home"), "LEDGER_REQUESTS_PER_SECOND_MAX": "0", **(database or {})}
    given: dict[str, Any] = {name.removeprefix("LEDGER_").lower(): value for name, value in environment.items()}
    settings = Settings(**given)
    world = World(settings, clock=_Now(), owner_url=environment.get("LEDGER_MIGRATION_DATABASE_URL", ""))
    world.found()
    file = photo(folder)

    async def open_all() -> list[str]:
        gate = asyncio.Semaphore(THREADS)

        async def one() -> str:
            async with gate:
                step: Step = request_step(file, recorded_by=PLATFORM, members=(SELLER,))
                return (await asyncio.to_thread(record, ledger, step)).return_id

        return await asyncio.gather(*(one() for _ in range(returns)))

    with world.opened() as opened:
        ledger = opened.ledger
        token = issue_key(
            ledger, PLATFORM, label="load", scopes=SCOPES_OF[PLATFORM.role], acts_for=ACTS_FOR_ALL, countries=()
        ).token
        return_ids = asyncio.run(open_all())
    return Prepared(environment, token, tuple(return_ids))


def lanes(prepared: Prepared, return_ids: Sequence[str], *, connections: int) -> list[list[bytes]]:
    """Return for each connection the requests that take its returns through all steps, each step of all in turn."""
    return [
        [
            _request(prepared.token, return_id, body, key=f"{return_id}-{step}")
            for step, body in enumerate(BODIES)
            for return_id in return_ids[place::connections]
        ]
        for place in range(connections)
    ]


def _request(token: str, return_id: str, body: dict[str, Json], *, key: str) -> bytes:
    sent = encoding.encode(body)
    head = (
        f"POST /v1/returns/{return_id}/transitions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Idempotency-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: {len(sent)}\r\n\r\n"
    )
    return head.encode() + sent
