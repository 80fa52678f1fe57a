"""One POST to a URL that a stranger chose, of which nothing comes back but a word on how it went.

Promises: the host's name is looked up once; unless every address that it leads to is public nothing is sent; the
connection goes to an address that was checked, while certificate, SNI and `Host` are the name's. No redirect is
followed, no proxy of the environment used, no cookie kept. The whole attempt ends within its time limit, however
slowly the other side talks, and at most `ANSWER_BYTES_MAX` of an answer are read and thrown away.
Does not: retry (`operations/deliver.py`), or bound how long the machine's resolver takes.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpcore
import httpx

from ledger_service import __version__
from ledger_service.errors import AddressRefusedError
from ledger_service.outbound.addresses import Reach, reach_of
from ledger_service.outbound.target import Target, parse_target

ATTEMPT_SECONDS_MAX = 15.0  # from the first connection to the head of the answer
CONNECT_SECONDS_MAX = 5.0  # to one address; a name may have several
ADDRESSES_MAX = 3  # of a name that are tried
BODY_SECONDS_MAX = 1.0  # what is read of a body is read for the receiver's sake: it may dislike a closed connection
ANSWER_BYTES_MAX = 4096
_SECONDS = re.compile(r"[0-9]{1,6}")

Resolver = Callable[[str, int], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """How an attempt went: the HTTP code, None where nobody answered, and a word for it without any address.

    `retry_after_seconds`: when the receiver asked to be tried again, if it did.
    """

    code: int | None
    said: str
    retry_after_seconds: int | None = None

    @property
    def accepted(self) -> bool:
        """Whether the receiver took it."""
        return self.code is not None and 200 <= self.code < 300


def look_up(host: str, port: int) -> list[str]:
    """Return the addresses of a name, as the machine's resolver orders them.

    Raises:
        OSError, UnicodeError: There are none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(place[4][0]) for place in found))


class Outbound:
    """Sends to strangers. Safe to share between threads; keeps no connection."""

    def __init__(
        self,
        *,
        allow_loopback: bool = False,
        resolve: Resolver = look_up,
        tls: ssl.SSLContext | None = None,
        seconds_max: float = ATTEMPT_SECONDS_MAX,
    ) -> None:
        """Take the rules.

        Args:
            allow_loopback: For development: this machine may be reached, over http too.
            resolve: Looks a name up.
            tls: Whose certificates count; None: the authorities of the `certifi` package.
            seconds_max: For one attempt.
        """
        self._allow_loopback = allow_loopback
        self._resolve = resolve
        self._tls = tls
        self._seconds_max = seconds_max

    def host_of(self, url: str) -> str:
        """Return the host of a URL, empty where nothing is sent."""
        try:
            return parse_target(url, allow_loopback=self._allow_loopback).host
        except AddressRefusedError:
            return ""

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a JSON body once; say how it went, whatever happens."""
        try:
            target = parse_target(url, allow_loopback=self._allow_loopback)
            addresses = self._addresses(target)
        except AddressRefusedError:
            return Answer(None, "address refused")
        except (OSError, UnicodeError):
            return Answer(None, "unknown name")
        try:
            return self._send(target, addresses, body, headers)
        except httpcore.TimeoutException:
            return Answer(None, "no answer in time")
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            return Answer(None, _word_for(error))

    def _addresses(self, target: Target) -> list[str]:
        """Return the addresses to connect to, every one of them checked.

        Raises:
            AddressRefusedError: One is not public: then none is used, since the next look-up may order them otherwise.
            OSError, UnicodeError: There are none.
        """
        found = [target.host] if target.literal else list(self._resolve(target.host, target.port))
        allowed = {Reach.LOOPBACK} if self._allow_loopback else set()
        if not target.plain:
            allowed.add(Reach.PUBLIC)
        if not all(reach_of(address) in allowed for address in found):
            raise AddressRefusedError("the name leads to an address that is not public")
        if not found:
            raise OSError("no address")
        return found[:ADDRESSES_MAX]

    def _send(self, target: Target, addresses: Sequence[str], body: bytes, headers: Mapping[str, str]) -> Answer:
        limit = _TimeLimit(self._seconds_max)
        sent = {
            "host": target.authority,
            "user-agent": f"return-ledger/{__version__}",
            "content-type": "application/json",
            "content-length": str(len(body)),
            "accept-encoding": "identity",
            "connection": "close",
            **headers,
        }
        url = httpcore.URL(
            scheme="http" if target.plain else "https", host=target.host, port=target.port, target=target.path
        )
        with (
            httpcore.ConnectionPool(
                ssl_context=None if target.plain else self._context(), network_backend=_Pinned(addresses, limit)
            ) as pool,
            pool.stream("POST", url, headers=list(sent.items()), content=body) as response,
        ):
            limit.shorten(BODY_SECONDS_MAX)
            with contextlib.suppress(httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
                read = 0
                for chunk in response.iter_stream():
                    read += len(chunk)
                    if read >= ANSWER_BYTES_MAX:
                        break
            return Answer(response.status, str(response.status), _retry_after(response.headers))

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:  # reading the certificates of all authorities takes 30 ms: once
            self._tls = httpx.create_ssl_context(trust_env=False)
        return self._tls


class _UntrustedError(httpcore.ConnectError):
    """The other side speaks no TLS, or has no certificate for the name that counts here."""


class _TimeLimit:
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


class _Pinned(httpcore.NetworkBackend):
    """Connects to addresses that were checked, whatever name it is asked for: nothing is looked up a second time."""

    def __init__(self, addresses: Sequence[str], limit: _TimeLimit) -> None:
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

    def __init__(self, stream: httpcore.NetworkStream, limit: _TimeLimit) -> None:
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
            raise _UntrustedError from error

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _word_for(error: Exception) -> str:
    if isinstance(error, _UntrustedError):
        return "no trusted TLS"
    if isinstance(error, httpcore.ConnectError):
        return "no connection"
    return "no HTTP answer"


def _retry_after(headers: Sequence[tuple[bytes, bytes]]) -> int | None:
    """Return the seconds of a `Retry-After` header; a date there is not read: it is rare, and clocks differ."""
    found = [value.decode("latin-1") for name, value in headers if name.lower() == b"retry-after"]
    return int(found[0]) if len(found) == 1 and _SECONDS.fullmatch(found[0]) else None
