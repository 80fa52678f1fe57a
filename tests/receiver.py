"""A receiver of webhooks on this machine that answers as a test wants: 200, 500, 410, a redirect, too much, nothing."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

LONG_SECONDS = 10.0  # longer than any sender in a test waits; a test of a sender that waits fails, and does not hang
Behaviour = Callable[["Handler"], None]


@dataclass(frozen=True)
class Received:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """Takes requests and remembers them; `behave` answers the next ones in turn, the last of them for ever."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.behave: list[Behaviour] = [answer(200)]
        self.port = 0
        self.scheme = "http"
        self.held = threading.Event()  # set at the end: whoever holds a connection lets it go
        self.arrived = threading.Event()
        self.finished = threading.Event()  # set when somebody listened to the end of an answer that is far too long
        self.flooded = 0  # bytes that a flood got rid of
        self._lock = threading.Lock()

    def url(self, path: str = "/hook", *, host: str = "127.0.0.1") -> str:
        """Return a URL of this receiver."""
        return f"{self.scheme}://{host}:{self.port}{path}"

    def next(self, request: Received) -> Behaviour:
        """Remember a request and return how to answer it."""
        with self._lock:
            self.received.append(request)
            self.arrived.set()
            return self.behave.pop(0) if len(self.behave) > 1 else self.behave[0]


class Handler(http.server.BaseHTTPRequestHandler):
    """Hands each request to the receiver of its server."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        """Answer a POST."""
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.receiver.next(Received(self.command, self.path, headers, body))(self)

    do_GET = do_POST

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@dataclass
class _Answers:
    code: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def __call__(self, handler: Handler) -> None:
        handler.send_response(self.code)
        for name, value in self.headers.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(self.body)))
        handler.end_headers()
        handler.wfile.write(self.body)


def answer(code: int, body: bytes = b"", **headers: str) -> Behaviour:
    """Answer with this code; `retry_after="5"` is a header."""
    return _Answers(code, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def silence(handler: Handler) -> None:
    """Take the request and say nothing until the test is over, or for far too long."""
    handler.server.receiver.held.wait(LONG_SECONDS)
    handler.close_connection = True


def drip(handler: Handler) -> None:
    """Send the head of an answer a byte at a time, for far too long."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nx-slow: ")
    _drip(handler)
    handler.wfile.write(b"\r\ncontent-length: 0\r\n\r\n")


def flood(handler: Handler) -> None:
    """Send a body that is far too long."""
    handler.send_response(200)
    handler.end_headers()
    for _ in range(10_000):
        handler.wfile.write(bytes(65536))
        handler.server.receiver.flooded += 65536
    handler.server.receiver.finished.set()
    handler.close_connection = True


def drip_body(handler: Handler) -> None:
    """Send a whole head and then a body a byte at a time, for far too long."""
    handler.send_response(200)
    handler.send_header("content-length", "100000")
    handler.end_headers()
    _drip(handler)
    handler.close_connection = True


def _drip(handler: Handler) -> None:
    for _ in range(int(LONG_SECONDS / 0.02)):
        if handler.server.receiver.held.wait(0.02):
            return
        handler.wfile.write(b"a")
    handler.server.receiver.finished.set()


def nonsense(handler: Handler) -> None:
    """Answer with something that is not HTTP."""
    handler.wfile.write(b"220 mail.example ESMTP\r\n")
    handler.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    """A server whose threads may be cut off by the other side, which is what happens here on purpose."""

    daemon_threads = True
    block_on_close = True

    def __init__(self, receiver: Receiver, host: str) -> None:
        self.receiver = receiver
        super().__init__((host, 0), Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a connection that the sender closed."""


@contextmanager
def receiving(*, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Receiver]:
    """Run a receiver; with `tls` it speaks https."""
    receiver = Receiver()
    server = Server(receiver, host)
    if tls is not None:
        # The handshake is left to the connection's own thread, so that a client that refuses it stops nobody.
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        receiver.scheme = "https"
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.held.set()
        server.shutdown()
        server.server_close()
        thread.join()
