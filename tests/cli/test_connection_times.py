"""What a connection waits for: one timer serves many requests, and cuts none short and none off too late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from uvicorn.server import ServerState

from ledger_service.cli.connection import BoundedProtocol, server_config
from tests.api.served import echo

HEAD_SECONDS = 1.0
LONG_SECONDS = 3_600.0
FAR_SECONDS = 30.0  # a test that needs it has failed


class Quick(BoundedProtocol):
    """One that waits for a head shortly and for a body long."""

    head_seconds = HEAD_SECONDS
    body_seconds = LONG_SECONDS


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Serve what says what it understood, and connect to it."""
    config = server_config(echo, protocol=Quick)
    config.timeout_keep_alive = int(LONG_SECONDS)  # uvicorn's own, which would end what we forget to
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Quick(config=config, server_state=state, app_state={}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        async with asyncio.timeout(FAR_SECONDS):
            yield reader, writer
    finally:
        writer.close()
        server.close()


async def answered(reader: asyncio.StreamReader) -> None:
    """Read one answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), head
    length = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length"))
    await reader.readexactly(int(length.split()[1]))


def request(*, body: bytes = b"", length: int | None = None) -> bytes:
    """Return a request, or the beginning of one."""
    count = len(body) if length is None else length
    return b"POST / HTTP/1.1\r\nHost: ledger.test\r\nContent-Length: %d\r\n\r\n" % count + body


def test_requests_that_keep_coming_are_answered_however_old_the_timer_is() -> None:
    async def walk() -> None:
        async with connected() as (reader, writer):
            for _ in range(6):
                writer.write(request(body=b"ab"))
                await answered(reader)
                await asyncio.sleep(HEAD_SECONDS / 2)

    asyncio.run(walk())


def test_a_head_has_its_whole_time_after_another_request() -> None:
    async def walk() -> None:
        async with connected() as (reader, writer):
            await asyncio.sleep(HEAD_SECONDS * 0.6)
            writer.write(request(body=b"ab"))
            await answered(reader)
            writer.write(request(body=b"ab")[:10])
            await asyncio.sleep(HEAD_SECONDS * 0.6)  # past the time that the connection began with
            writer.write(request(body=b"ab")[10:])
            await answered(reader)

    asyncio.run(walk())


def test_a_connection_that_rests_ends_soon_though_a_body_had_long() -> None:
    async def walk() -> None:
        async with connected() as (reader, writer):
            writer.write(request(length=2))
            await asyncio.sleep(HEAD_SECONDS * 2)  # the timer is set for the body now
            writer.write(b"ab")
            await answered(reader)
            assert await reader.read() == b""

    asyncio.run(walk())


def test_a_head_that_stops_after_another_request_is_given_up() -> None:
    async def walk() -> None:
        async with connected() as (reader, writer):
            writer.write(request(body=b"ab"))
            await answered(reader)
            writer.write(request(body=b"ab")[:10])
            assert (await reader.read()).startswith(b"HTTP/1.1 408 ")

    asyncio.run(walk())
