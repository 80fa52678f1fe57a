"""Clients that record steps through two processes at once, and write down what they asked and what they were told.

A request that nobody answered is sent again under its idempotency key, to whichever process comes next. Some are
abandoned on purpose right after they were sent, some sent again although they were answered, some expect a head of
the case that may have moved. Promises: nothing is written down that was not seen. Does not: judge any of it
(`check.py`), or go on against a ledger that stopped writing.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import httpx

from ledger_service.core.checkpoint import parse_checkpoint
from ledger_service.core.encoding import Json, encode
from tests.campaigns.history.notes import Attempt, History, Outcome, Read

CLIENTS = 64
READERS = 4
ANSWER_SECONDS_MAX = 30.0
HURRY_SECONDS = 0.02  # long enough to send a request, rarely to hear of it
HURRIED, REPEATED, EXPECTING = 0.05, 0.08, 0.15  # shares of the requests
ATTEMPTS_MAX = 400  # of one request: a process that was killed is back long before
ATTEMPTS_PLANTED_MAX = 12  # where a bug keeps a case from ever taking a step again
PAUSE_SECONDS_MAX = 0.25  # between attempts, so that a process that starts is not flooded


@dataclass(frozen=True, slots=True)
class OpenCase:
    """A case that steps can be recorded in: what the request of a step needs of it."""

    return_id: str
    dispute_id: str
    served_entry: str
    speakers: tuple[tuple[str, str], ...]  # role and reference


@dataclass(frozen=True, slots=True)
class Request:
    """One step to be recorded; `moment`, which no other request has, stands in its entry in clear."""

    key: str
    path: str
    content: bytes
    moment: str

    @property
    def body(self) -> bytes:
        """What the request is known by."""
        return sha256(self.path.encode() + b"\n" + self.content).digest()


class Clients:
    """All clients and readers of one run."""

    def __init__(
        self,
        urls: Sequence[str],
        token: str,
        cases: Sequence[OpenCase],
        *,
        operations: int,
        chance: random.Random,
        attempts_max: int = ATTEMPTS_MAX,
    ) -> None:
        """Take the processes, a platform's key, the cases, and how many requests to make together."""
        self._attempts_max = attempts_max
        self.history = History()
        self.requests: list[Request] = []
        self.faults: list[str] = []  # answers that a sound ledger never gives
        self.done = 0
        self.stopped = False  # a process said that it must not write any more
        self._urls = urls
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._cases = cases
        self._operations = operations
        self._chance = chance
        self._over = asyncio.Event()

    async def run(self) -> None:
        """Make every request; return when each has its answer, or the ledger stopped writing."""
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=CLIENTS)
        async with httpx.AsyncClient(trust_env=False, limits=limits, timeout=ANSWER_SECONDS_MAX) as http:
            readers = [asyncio.create_task(self._read(http, f"reader {n}")) for n in range(READERS)]
            await asyncio.gather(*(self._write(http, number) for number in range(CLIENTS)))
            self._over.set()
            await asyncio.gather(*readers)

    async def _write(self, http: httpx.AsyncClient, client: int) -> None:
        while len(self.requests) < self._operations and not self.stopped:
            request = self._next()
            await self._ask_until_known(http, client, request)
            self.done += 1

    def _next(self) -> Request:
        number = len(self.requests)
        case = self._cases[self._chance.randrange(len(self._cases))]
        role, reference = case.speakers[number % len(case.speakers)]
        moment = moment_of(number)
        body: Json = {
            "verb": "acknowledge_service",
            "asserted_by": {"role": role, "reference": reference},
            "occurred_at": moment,
            "fields": {"dispute_id": case.dispute_id, "served_entry": case.served_entry},
        }
        request = Request(f"request-{number}", f"/v1/returns/{case.return_id}/transitions", encode(body), moment)
        self.requests.append(request)
        return request

    async def _ask_until_known(self, http: httpx.AsyncClient, client: int, request: Request) -> None:
        headers = {**self._headers, "Idempotency-Key": request.key}
        if self._chance.random() < EXPECTING and (etag := await self._etag(http, request)):
            headers["If-Match"] = etag
        hurried = self._chance.random() < HURRIED
        for tried in range(self._attempts_max):
            outcome = await self._ask(http, client, request, headers, hurried=hurried and tried == 0)
            if outcome is not Outcome.UNKNOWN or self.stopped:
                break
            await asyncio.sleep(self._chance.uniform(0.0, PAUSE_SECONDS_MAX))  # a retry's pause
        if outcome is Outcome.OK and self._chance.random() < REPEATED:
            await self._ask(http, client, request, headers, hurried=False)

    async def _ask(
        self, http: httpx.AsyncClient, client: int, request: Request, headers: dict[str, str], *, hurried: bool
    ) -> Outcome:
        """Send a request once and write down what came of it."""
        url = self._chance.choice(self._urls) + request.path
        limit = HURRY_SECONDS if hurried else ANSWER_SECONDS_MAX
        asked = time.monotonic()
        told: dict[str, Any] = {"outcome": Outcome.UNKNOWN}
        with contextlib.suppress(httpx.HTTPError):
            answer = await http.post(url, content=request.content, headers=headers, timeout=limit)
            told = self._read_answer(answer)
        self.history.attempts.append(Attempt(client, request.key, request.body, asked, time.monotonic(), **told))
        outcome: Outcome = told["outcome"]
        return outcome

    def _read_answer(self, answer: httpx.Response) -> dict[str, Any]:
        if answer.status_code == 201:
            said = answer.json()
            return {
                "outcome": Outcome.OK,
                "index": said["index"],
                "leaf_hash": bytes.fromhex(said["leaf_hash"]),
                "receipt": encode(said["receipt"]),
            }
        slug = answer.json().get("type", "").rpartition("/")[2]
        if answer.status_code == 412:
            return {"outcome": Outcome.FAIL}
        if slug == "gate-closed":
            self.stopped = True
        elif answer.status_code != 503:
            self.faults.append(f"{answer.status_code} {slug}")
        return {"outcome": Outcome.UNKNOWN}

    async def _etag(self, http: httpx.AsyncClient, request: Request) -> str | None:
        path = request.path.removesuffix("/transitions")
        with contextlib.suppress(httpx.HTTPError):
            answer = await http.get(self._chance.choice(self._urls) + path, headers=self._headers)
            return str(answer.headers["etag"]) if answer.status_code == 200 else None
        return None

    async def _read(self, http: httpx.AsyncClient, reader: str) -> None:
        """Look at the newest checkpoint again and again, through either process."""
        while not self._over.is_set():
            asked = time.monotonic()
            with contextlib.suppress(httpx.HTTPError):
                answer = await http.get(self._chance.choice(self._urls) + "/checkpoint")
                if answer.status_code == 200:
                    head = parse_checkpoint(answer.content)[0]
                    self.history.reads.append(Read(reader, asked, time.monotonic(), head.size, head.root))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), self._chance.uniform(0.0, 0.1))


def moment_of(number: int) -> str:
    """Return the claimed time of a request: a millisecond of its own, long before any clock of a test.

    >>> moment_of(61_234)
    '2026-10-01T00:01:01.234Z'
    """
    seconds, milliseconds = divmod(number, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"2026-10-01T{hours:02d}:{minutes:02d}:{seconds:02d}.{milliseconds:03d}Z"
