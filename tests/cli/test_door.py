"""A process that shares a socket lets those with fewer connections go first, and keeps nobody waiting for long."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import pytest

from ledger_service.cli.door import EACH, PAUSE_SECONDS, PAUSES_MAX, Door

CONNECTIONS = 12
SECONDS_MAX = 10.0  # a loaded machine turns its loops slowly


class Speaking(asyncio.Protocol):
    """Notes that a connection was made."""

    def __init__(self, made: list[asyncio.BaseTransport]) -> None:
        self._made = made

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._made.append(transport)


class Side:
    """A process at the door: the connections that it had before, and those that it took."""

    def __init__(self, listening: socket.socket, before: int) -> None:
        self.taken: list[asyncio.BaseTransport] = []
        self._socket = listening.dup()
        self.door = Door(self._socket, lambda: Speaking(self.taken), Held(before, self.taken))

    async def leave(self) -> None:
        self.door.close()
        await self.door.wait_closed()
        self._socket.close()


class Held:
    """Counts what a side had and took."""

    def __init__(self, before: int, taken: Sequence[object]) -> None:
        self._before, self._taken = before, taken

    def __len__(self) -> int:
        return self._before + len(self._taken)


def at_the_door(before: Sequence[int], count: int) -> tuple[list[int], float]:
    """Return how many of so many connections, one after the other, each side took, and the seconds it took them."""

    async def run() -> tuple[list[int], float]:
        with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
            sides = [Side(listening, one) for one in before]
            began, clients = time.monotonic(), []
            for number in range(count):
                clients.append(await _connected(listening.getsockname()[1]))
                await _until(lambda wanted=number + 1: sum(len(side.taken) for side in sides) >= wanted)  # type: ignore[misc]
            seconds = time.monotonic() - began
            for side in sides:
                await side.leave()
            taken = [len(side.taken) for side in sides]
            for client in clients:
                client.close()
            for transport in (one for side in sides for one in side.taken):
                transport.close()
            return taken, seconds

    return asyncio.run(run())


async def _connected(port: int) -> socket.socket:
    client = socket.socket()
    client.setblocking(False)
    await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port))
    return client


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS_MAX):
        while not holds():
            await asyncio.sleep(PAUSE_SECONDS / 4)


@pytest.mark.parametrize("before", [[40 * EACH, 0], [0, 40 * EACH]])
def test_whoever_has_fewer_connections_takes_those_that_come(before: list[int]) -> None:
    taken, _ = at_the_door(before, CONNECTIONS)

    assert taken[before.index(0)] >= CONNECTIONS - 2, "a loaded machine may hold the idle side up for a moment"


def test_two_that_have_none_share_what_comes() -> None:
    taken, _ = at_the_door([0, 0], 4 * CONNECTIONS)

    assert min(taken) >= CONNECTIONS


def test_what_nobody_else_takes_is_taken_by_whoever_has_many() -> None:
    taken, seconds = at_the_door([1_000], 3)

    assert taken == [3]
    assert seconds >= 3 * PAUSES_MAX * PAUSE_SECONDS * 0.9


def test_a_closed_door_takes_nothing_and_leaves_the_socket_open() -> None:
    async def run() -> int:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            side, waiting = Side(listening, 0), Side(listening, EACH)
            for one in (side, waiting):
                await one.leave()
            client = await _connected(listening.getsockname()[1])
            with suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    await _until(lambda: bool(side.taken or waiting.taken))
            listening.accept()[0].close()
            client.close()
            return len(side.taken) + len(waiting.taken)

    assert asyncio.run(run()) == 0


def test_a_door_that_is_closed_while_it_waits_takes_nothing_afterwards() -> None:
    async def run() -> int:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            side = Side(listening, 1_000)
            client = await _connected(listening.getsockname()[1])
            await asyncio.sleep(PAUSE_SECONDS)  # it has heard of it, and lets others go first
            await side.leave()
            await asyncio.sleep(2 * PAUSES_MAX * PAUSE_SECONDS)
            client.close()
            return len(side.taken)

    assert asyncio.run(run()) == 0
