"""A load of prepared HTTP/1.1 requests over a fixed number of connections, cheap enough to share cores with a server.

Promises: every request is sent once and answered once, those of a connection in their order; an answer of another
status than 201 ends the run. Latency is from when a request was due to when its answer was whole, so that a server
which falls behind cannot hide it; the collector of the load's own process rests meanwhile, whose walk through all that
a benchmark imported took a tenth of a second, which was counted as the server's. Does not: know what is sent.
"""

from __future__ import annotations

import asyncio
import gc
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


def run_load(ports: Sequence[int], lanes: Sequence[Sequence[bytes]], *, rate: float | None = None) -> Measured:
    """Send the requests and return what was measured.

    Args:
        ports: On the loopback address; connections are spread over them.
        lanes: For each connection its whole requests, sent in this order, one under way at a time.
        rate: Requests a second that become due over all lanes, however the server does; None: the next of a lane is
            due as soon as the one before it is answered.

    Raises:
        AssertionError: An answer was not 201.
    """
    gc.collect()
    gc.disable()
    try:
        return uvloop.run(_run(ports, lanes, rate))
    finally:
        gc.enable()


class _Connection(asyncio.Protocol):
    """One connection: sends what is due, reads one whole answer, reports it."""

    def __init__(self, load: _Load, requests: Sequence[bytes], place: int) -> None:
        self._load = load
        self._requests = deque(requests)
        self._due: deque[float] = deque()  # of those that became due, the one under way included
        self._place = place
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's class has another base

    def start(self, started: float, pace: tuple[float, int] | None) -> None:
        """Begin; with a pace (requests a second over all lanes, number of lanes) each comes at its time."""
        if pace is None:
            self.becomes_due(time.perf_counter())
            return
        rate, lanes = pace
        loop, now = asyncio.get_running_loop(), time.perf_counter()
        for n in range(len(self._requests)):
            due = started + (n * lanes + self._place) / rate
            loop.call_later(max(0.0, due - now), self.becomes_due, due)

    def becomes_due(self, due: float) -> None:
        self._due.append(due)
        if len(self._due) == 1:
            self._send()

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
        self._load.answered(time.perf_counter() - self._due.popleft())
        if self._due:
            self._send()
        elif self._load.restless and self._requests:
            self.becomes_due(time.perf_counter())

    def connection_lost(self, exc: Exception | None) -> None:
        if self._due or self._requests:  # one that has nothing left to send is closed where others take longer
            self._load.fail(exc or AssertionError("the server closed a connection"))

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()

    def _send(self) -> None:
        assert self._transport is not None
        self._transport.write(self._requests.popleft())


class _Load:
    """What all connections report to."""

    def __init__(self, count: int, *, restless: bool) -> None:
        self.restless = restless
        self.latencies: list[float] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count = count

    def fail(self, error: BaseException) -> None:
        if not self.done.done():
            self.done.set_exception(error)

    def answered(self, latency: float) -> None:
        self.latencies.append(latency)
        if len(self.latencies) == self._count and not self.done.done():
            self.done.set_result(None)


async def _run(ports: Sequence[int], lanes: Sequence[Sequence[bytes]], rate: float | None) -> Measured:
    load = _Load(sum(len(lane) for lane in lanes), restless=rate is None)
    loop = asyncio.get_running_loop()
    opened: list[_Connection] = []
    for place, lane in enumerate(lanes):
        connection = _Connection(load, lane, place)
        await loop.create_connection(lambda made=connection: made, "127.0.0.1", ports[place % len(ports)])  # type: ignore[misc]
        opened.append(connection)
    started = time.perf_counter()
    try:
        for connection in opened:
            connection.start(started, None if rate is None else (rate, len(lanes)))
        await load.done
        return Measured(time.perf_counter() - started, tuple(load.latencies))
    finally:
        load.done.cancel()
        for connection in opened:
            connection.close()
