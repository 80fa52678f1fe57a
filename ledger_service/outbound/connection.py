"""Connections to a stranger's address and to no other: what `post.py` and `get.py` have in common.

Promises: the host's name is looked up once; unless every address that it leads to may be reached nothing is sent; the
connection goes to an address that was checked, while certificate, SNI and `Host` are the name's. Every wait of one
attempt ends at the same time. Does not: speak HTTP.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpcore
import httpx

from ledger_service.errors import AddressRefusedError
from ledger_service.outbound.addresses import Reach, reach_of
from ledger_service.outbound.target import Target, parse_target

CONNECT_SECONDS_MAX = 5.0  # to one address; a name may have several
ADDRESSES_MAX = 3  # of a name that are tried

Resolver = Callable[[str, int], Sequence[str]]
FAILURES = (
    AddressRefusedError,
    OSError,  # of the look-up, with UnicodeError: no such name
    UnicodeError,
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
)  # what may come of an attempt; `word_for` says what it was


def look_up(host: str, port: int) -> list[str]:
    """Return the addresses of a name, as the machine's resolver orders them.

    Raises:
        OSError, UnicodeError: There are none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(place[4][0]) for place in found))


@dataclass(slots=True)
class Rules:
    """Whom to connect to, and how.

    `allow_loopback`: for development, this machine may be reached, over http too. `resolve` looks a name up. `tls`:
    whose certificates count; None: the authorities of the `certifi` package.
    """

    allow_loopback: bool = False
    resolve: Resolver = look_up
    tls: ssl.SSLContext | None = field(default=None)

    def reach(self, url: str) -> tuple[Target, list[str]]:
        """Return the parts of a URL, and the addresses to connect to, every one of them checked.

        Raises:
            AddressRefusedError: One is not public: then none is used, since the next look-up may order them otherwise.
            OSError, UnicodeError: There are none.
        """
        target = parse_target(url, allow_loopback=self.allow_loopback)
        found = [target.host] if target.literal else list(self.resolve(target.host, target.port))
        allowed = {Reach.LOOPBACK} if self.allow_loopback else set()
        if not target.plain:
            allowed.add(Reach.PUBLIC)
        if not all(reach_of(address) in allowed for address in found):
            raise AddressRefusedError("the name leads to an address that is not public")
        if not found:
            raise OSError("no address")
        return target, found[:ADDRESSES_MAX]

    def pool(self, target: Target, addresses: Sequence[str], limit: TimeLimit) -> httpcore.ConnectionPool:
        """Return what connects to these addresses within the limit; for one request."""
        if not target.plain and self.tls is None:  # reading the certificates of all authorities takes 30 ms: once
            self.tls = httpx.create_ssl_context(trust_env=False)
        return httpcore.ConnectionPool(
            ssl_context=None if target.plain else self.tls, network_backend=Pinned(addresses, limit)
        )


def url_of(target: Target) -> httpcore.URL:
    """Return a target as the HTTP client takes it."""
    return httpcore.URL(
        scheme="http" if target.plain else "https", host=target.host, port=target.port, target=target.path
    )


def word_for(error: Exception) -> str:
    """Return what to say of an attempt that failed: a word without any address."""
    if isinstance(error, AddressRefusedError):
        return "address refused"
    if isinstance(error, httpcore.TimeoutException):
        return "no answer in time"
    if isinstance(error, UntrustedError):
        return "no trusted TLS"
    if isinstance(error, httpcore.ConnectError):
        return "no connection"
    if isinstance(error, (httpcore.NetworkError, httpcore.ProtocolError)):
        return "no HTTP answer"
    return "unknown name"


class UntrustedError(httpcore.ConnectError):
    """The other side speaks no TLS, or has no certificate for the name that counts here."""


class TimeLimit:
    """The end of an attempt, on a clock that nobody sets."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def shorten(self, seconds: float) -> None:
        self._end = min(self._end, time.monotonic() + seconds)

    def left(self, *, most: float | None = None) -> float:
        seconds = self._end - time.monotonic()
        if seconds <= 0:
            raise httpcore.ReadTimeout
        return seconds if most is None else min(seconds, most)


class Pinned(httpcore.NetworkBackend):
    """Connects to addresses that were checked, whatever name it is asked for: nothing is looked up a second time."""

    def __init__(self, addresses: Sequence[str], limit: TimeLimit) -> None:
        self._addresses = addresses
        self._limit = limit
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,  # noqa: ARG002 - the name was looked up, and what it led to was checked
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception = httpcore.ConnectError("no address")
        for address in self._addresses:
            try:
                seconds = self._limit.left(most=CONNECT_SECONDS_MAX if timeout is None else timeout)
                stream = self._sockets.connect_tcp(address, port, seconds, local_address, socket_options)
                return _Bounded(stream, self._limit)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


class _Bounded(httpcore.NetworkStream):
    """A connection of which every wait ends at the same time."""

    def __init__(self, stream: httpcore.NetworkStream, limit: TimeLimit) -> None:
        self._stream = stream
        self._limit = limit

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, timeout=self._limit.left(most=timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout=self._limit.left(most=timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        seconds = self._limit.left(most=timeout)
        try:
            return _Bounded(self._stream.start_tls(ssl_context, server_hostname, seconds), self._limit)
        except httpcore.ConnectError as error:
            raise UntrustedError from error

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
