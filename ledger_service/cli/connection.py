"""How `rledger serve` reads HTTP from a connection: uvicorn's protocol with limits, and its configuration.

Promises: a head has a bounded size and count of lines and arrives in a bounded time, a body keeps moving, a request
names one host, trailers never become headers; what breaks a rule gets a 4xx, and the connection ends. No thread waits
for a client. Does not: know paths, count requests (`api/identity.py`), or speak TLS: that is a proxy's work.
"""

from __future__ import annotations

import asyncio
import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

if TYPE_CHECKING:
    from collections.abc import Callable

HEADERS_MAX = 100  # browsers and proxies together send some thirty
HEAD_BYTES_MAX = 32_768  # request line and headers; the longest token that counts has 8 KiB
HEAD_SECONDS_MAX = 10.0  # from the first moment that a head may come to its last byte
BODY_SECONDS = 20.0  # how often a body is looked at
BODY_BYTES_MIN = 10_240  # what must have come in that time: 4 kbit/s, slower than any line people complain about
DRAINED_BYTES_MAX = 16 * 1024**2  # of a body that nobody reads any more: an answer was sent, the sender may see it
_HOST = re.compile(
    rb"(?:[A-Za-z0-9._~-]|%[0-9A-Fa-f]{2}){0,253}(?::[0-9]{0,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{0,5})?"
)


def server_config(
    app: Callable[..., Any], *, trusted_proxies: str = "", protocol: type[BoundedProtocol] | None = None
) -> uvicorn.Config:
    """Return the configuration that the service runs under.

    Args:
        app: The application.
        trusted_proxies: Addresses with commas whose `X-Forwarded-For` is believed; empty: nobody's.
        protocol: One with other times.
    """
    return uvicorn.Config(
        app,
        http=protocol or BoundedProtocol,
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=trusted_proxies or None,
    )


class RefusedHeadError(Exception):
    """A head that is not served; the parser hands it on as a fault of its own."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection. What uvicorn leaves open is closed here; everything else is uvicorn's."""

    head_seconds: ClassVar[float] = HEAD_SECONDS_MAX
    body_seconds: ClassVar[float] = BODY_SECONDS

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        """Take what uvicorn gives a protocol."""
        super().__init__(*arguments, **keywords)
        self._timer: asyncio.TimerHandle | None = None  # one for many requests: see `_expect`
        self._timer_at = 0.0
        self._due = 0.0  # when `_otherwise` is done, on the loop's clock
        self._otherwise: Callable[[], None] | None = None
        self._refusal = HTTPStatus.BAD_REQUEST
        self._in_head = False
        self._in_body = False
        self._head_bytes = 0  # of lines that were read
        self._spent_bytes = 0  # that led to no line and no byte of a body yet
        self._body_bytes = 0
        self._body_bytes_before = 0  # when the body was last looked at

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Begin, and expect a head."""
        super().connection_made(transport)
        self._expect(self.head_seconds, self._head_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._expect_nothing()
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came; bytes that only lengthen an unfinished line are counted too, for the parser keeps them."""
        head, body, counted = self._in_head, self._in_body, self._body_bytes
        super().data_received(data)
        if self.transport.is_closing():
            return
        if head and self._in_head:
            self._spent_bytes += len(data)
        elif body and self._in_body:
            self._spent_bytes += len(data) - (self._body_bytes - counted)
            if self._spent_bytes > HEAD_BYTES_MAX + 16 * self._body_bytes:  # a chunk of one byte costs five more
                self._end(HTTPStatus.BAD_REQUEST)
            return
        if self._spent_bytes > HEAD_BYTES_MAX:
            self._end(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._in_head, self._in_body = True, False
        self._head_bytes = self._spent_bytes = self._body_bytes = self._body_bytes_before = 0
        self._expect(self.head_seconds, self._head_is_late)

    def on_url(self, url: bytes) -> None:
        """Take a piece of the request line."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; a trailer is counted and left aside, or it would stand among the headers of a request."""
        self._count(len(name) + len(value) + 4)
        if self._in_head:
            super().on_header(name, value)
            if len(self.headers) > HEADERS_MAX:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_headers_complete(self) -> None:
        """Serve the request, if it names one host (RFC 9112 §3.2); two lengths the parser refuses (§6.3)."""
        named = [value for name, value in self.headers if name == b"host"]
        if len(named) > 1 or (not named and self.parser.get_http_version() != "1.0"):
            self._refuse(HTTPStatus.BAD_REQUEST)
        if named and not _HOST.fullmatch(named[0]):
            self._refuse(HTTPStatus.BAD_REQUEST)
        super().on_headers_complete()
        self._in_head, self._in_body = False, True
        self._spent_bytes = 0
        self._expect(self.body_seconds, self._look_at_body)

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        self._body_bytes += len(body)
        super().on_body(body)
        if self.cycle.response_complete and self._body_bytes > DRAINED_BYTES_MAX:
            self.transport.close()

    def on_message_complete(self) -> None:
        """End a request's body."""
        self._in_body = False
        self._expect_nothing()
        super().on_message_complete()
        if self.cycle.response_complete:  # before the body was: no answer is to come that would expect the next head
            self._expect(self.head_seconds, self._head_is_late)

    def on_response_complete(self) -> None:
        """End an answer, and expect the next head."""
        super().on_response_complete()
        if not self._in_body and not self._in_head and not self.transport.is_closing():
            self._expect(self.head_seconds, self._head_is_late)

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be read."""
        del msg
        self._end(self._refusal)

    def _answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request, whatever uvicorn declares
        return cycle is not None and not cycle.response_complete

    def _count(self, count: int) -> None:
        self._head_bytes += count
        if self._head_bytes > HEAD_BYTES_MAX:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def _refuse(self, status: HTTPStatus) -> None:
        self._refusal = status
        raise RefusedHeadError

    def _end(self, status: HTTPStatus) -> None:
        """Say why, unless that would stand in place of another answer or break into one, and close."""
        if self.transport.is_closing():
            return
        # In a body the newest request's answer may be out already, or wait for that of an earlier one.
        spoken = self.cycle.response_started or bool(self.pipeline) if self._in_body else self._answering()
        if not spoken:
            problem = {"status": status.value, "title": status.phrase, "type": "about:blank"}
            body = json.dumps(problem, separators=(",", ":")).encode()
            head = (
                f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/problem+json\r\n"
                f"cache-control: no-store\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
        self.transport.close()

    def _head_is_late(self) -> None:
        if self.flow.read_paused:  # we are not listening: an answer to an earlier request is under way
            self._expect(self.head_seconds, self._head_is_late)
        elif self._in_head:
            self._end(HTTPStatus.REQUEST_TIMEOUT)
        elif not self._answering():
            self.transport.close()

    def _look_at_body(self) -> None:
        moved = self._body_bytes - self._body_bytes_before
        if moved < BODY_BYTES_MIN and not self.flow.read_paused:
            self._end(HTTPStatus.REQUEST_TIMEOUT)
            return
        self._body_bytes_before = self._body_bytes
        self._expect(self.body_seconds, self._look_at_body)

    def _expect(self, seconds: float, otherwise: Callable[[], None]) -> None:
        """Do this after so many seconds, unless something else is expected until then.

        Four are expected in a request. A timer that is set stays until its time, and is set anew then for what is left.
        """
        self._due, self._otherwise = self.loop.time() + seconds, otherwise
        if self._timer is None or self._timer_at > self._due:
            self._set_timer(seconds)

    def _expect_nothing(self) -> None:
        self._otherwise = None

    def _set_timer(self, seconds: float) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(seconds, self._look_at_time)
        self._timer_at = self.loop.time() + seconds

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_at_time(self) -> None:
        self._timer = None
        otherwise = self._otherwise
        if otherwise is None:
            return
        left = self._due - self.loop.time()
        if left > 0:  # what the timer was set for happened, and something else is expected
            self._set_timer(left)
        else:
            self._otherwise = None
            otherwise()
