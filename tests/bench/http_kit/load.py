"""A load of prepared HTTP/1.1 requests over a fixed number of connections, cheap enough to share cores with a server.

Promises: every request is sent once and answered once, in order on its connection; an answer of another status than
201 ends the run. Latency is from when a request was due to when its answer was whole, so that a server which falls
behind cannot hide it. Does not: know what is sent.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import uvloop

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: how long it took, and what each request waited, in seconds."""

    seconds: float
    latencies: tuple[float, ...]

    @property
    def per_second(self) -> float:
        """Return requests a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """Return the latency that this share of the requests did not pass, in milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000


def run_load(
    ports: Sequence[int], requests: Sequence[bytes], *, connections: int, rate: float | None = None
) -> Measured:
    """Send the requests and return what was measured.

    Args:
        ports: On the loopback address; connections are spread over them.
        requests: Whole requests, sent in this order.
        connections: How many are open at once; each has one request under way at most.
        rate: Requests a second that become due, however the server does; None: the next as soon as one is answered.

    Raises:
        AssertionError: An answer was not 201.
    """
    return uvloop.run(_run(ports, requests, connections, rate))


class _Connection(asyncio.Protocol):
    """One connection: sends what is due, reads one whole answer, reports it."""

    def __init__(self, load: _Load) -> None:
        self._load = load
        self._received = b""
        self._due = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's class has another base

    def send(self, due: float, request: bytes) -> None:
        assert self._transport is not None
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        length = _LENGTH.search(self._received, 0, end + 4)
        assert length is not None, self._received[:end]
        if len(self._received) < end + 4 + int(length[1]):
            return
        if not self._received.startswith(b"HTTP/1.1 201"):
            self._load.fail(AssertionError(self._received[:2000].decode(errors="replace")))
            return
        self._received = b""
        self._load.answered(self, self._due)

    def connection_lost(self, exc: Exception | None) -> None:
        self._load.fail(exc or AssertionError("the server closed a connection"))

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()


class _Load:
    """The requests that wait, and the connections that are free."""

    def __init__(self, requests: Sequence[bytes], rate: float | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._requests = requests
        self._rate = rate
        self._next = 0
        self._due: deque[tuple[float, bytes]] = deque()
        self._free: deque[_Connection] = deque()
        self._latencies: list[float] = []
        self.done: asyncio.Future[None] = self._loop.create_future()

    def fail(self, error: BaseException) -> None:
        if not self.done.done():
            self.done.set_exception(error)

    def answered(self, connection: _Connection, due: float) -> None:
        self._latencies.append(time.perf_counter() - due)
        if len(self._latencies) == len(self._requests):
            self.done.set_result(None)
            return
        if self._rate is None and self._next < len(self._requests):
            connection.send(time.perf_counter(), self._requests[self._next])
            self._next += 1
        elif self._due:
            connection.send(*self._due.popleft())
        else:
            self._free.append(connection)

    async def run(self, connections: Sequence[_Connection]) -> Measured:
        self._free.extend(connections)
        started = time.perf_counter()
        if self._rate is None:
            while self._free and self._next < len(self._requests):
                self._free.popleft().send(time.perf_counter(), self._requests[self._next])
                self._next += 1
        else:
            for n, request in enumerate(self._requests):
                due = started + n / self._rate
                if (early := due - time.perf_counter()) > 0:
                    await asyncio.sleep(early)
                if self._free:
                    self._free.popleft().send(due, request)
                else:
                    self._due.append((due, request))
                if self.done.done():
                    break
        await self.done
        return Measured(time.perf_counter() - started, tuple(self._latencies))


async def _run(ports: Sequence[int], requests: Sequence[bytes], connections: int, rate: float | None) -> Measured:
    load = _Load(requests, rate)
    loop = asyncio.get_running_loop()
    opened: list[_Connection] = []
    for n in range(connections):
        _, connection = await loop.create_connection(lambda: _Connection(load), "127.0.0.1", ports[n % len(ports)])
        opened.append(connection)
    try:
        return await load.run(opened)
    finally:
        load.done.cancel()
        for connection in opened:
            connection.close()
