"""Takes the connections of a socket that several processes share, so that each of them gets its part.

The kernel wakes all processes that wait, and the same one comes first every time: of 32 connections to two idle
processes it got 30. So a process lets the others go first, the longer the more connections it has.
Promises: a connection that nobody else takes is taken within `PAUSES_MAX` milliseconds, and one process alone does not
let anybody wait. Does not: know what the others have, or move a connection afterwards.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sized
from typing import Any

import uvicorn

EACH = 4  # connections for which a process waits a millisecond more, and takes one more at once
PAUSES_MAX = 16
PAUSE_SECONDS = 0.001  # the least that a timer of the loop tells apart


class SharingServer(uvicorn.Server):
    """A server of one process among several on the same socket."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Come up, and begin to take connections of the sockets."""
        await super().startup(sockets=[])

        def make_protocol() -> asyncio.Protocol:
            protocol: Any = self.config.http_protocol_class
            made: asyncio.Protocol = protocol(
                config=self.config, server_state=self.server_state, app_state=self.lifespan.state
            )
            return made

        doors: list[Any] = [Door(one, make_protocol, self.server_state.connections) for one in sockets or ()]
        self.servers = doors  # uvicorn closes them, and waits until they are closed


class Door:
    """Takes connections of one listening socket until it is closed."""

    def __init__(self, listening: socket.socket, make_protocol: Callable[[], asyncio.Protocol], held: Sized) -> None:
        """Begin.

        Args:
            listening: Shared with other processes.
            make_protocol: Makes what speaks on a new connection.
            held: The connections of this process.
        """
        self._loop = asyncio.get_running_loop()
        self._listening = listening
        self._make_protocol = make_protocol
        self._held = held
        self._pause: asyncio.TimerHandle | None = None
        self._begun: set[asyncio.Task[Any]] = set()
        listening.setblocking(False)
        self._watch()

    def close(self) -> None:
        """Take no more connections. The socket stays open."""
        if self._pause is None:
            self._loop.remove_reader(self._listening)
        else:
            self._pause.cancel()

    async def wait_closed(self) -> None:
        """Return once no connection is on its way in."""
        await asyncio.gather(*self._begun, return_exceptions=True)

    def _watch(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listening, self._arrived)

    def _arrived(self) -> None:
        pauses = min(len(self._held) // EACH, PAUSES_MAX)
        if not pauses:
            self._take(1)
            return
        self._loop.remove_reader(self._listening)
        self._pause = self._loop.call_later(pauses * PAUSE_SECONDS, self._take_after_pause, 1 + pauses)

    def _take_after_pause(self, most: int) -> None:
        self._watch()
        self._take(most)

    def _take(self, most: int) -> None:
        for _ in range(most):
            try:
                taken, _address = self._listening.accept()
            except OSError:  # somebody else took it, or whoever came is gone, or no descriptor is left: the next turn
                return
            taken.setblocking(False)
            task = self._loop.create_task(self._loop.connect_accepted_socket(self._make_protocol, taken))
            self._begun.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._begun.discard(task)
        if not task.cancelled():
            task.exception()  # who hung up meanwhile needs nothing
