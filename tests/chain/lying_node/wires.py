"""Two ways to reach a lying node: in this process, and over HTTP on loopback.

Promises: in the process, a request that the node answers truly costs no serialisation, and one at which it misbehaves
goes through the client's own HTTP code, so that both ways fail alike; delays pass on a test's clock. Over HTTP delays
are real, and short. Does not: decide how to misbehave (`faults.py`).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

from ledger_service.chain.rpc import Node
from ledger_service.chain.rpc_http import HttpTransport
from tests.chain.lying_node.faults import Json, LyingNode, Plan, Sent

TIMEOUT_SECONDS = 10.0  # as `open_node` has it
REAL_SECONDS_MAX = 0.05  # how long a real answer is late at most, and how long silence lasts before the end


def _no_time(_seconds: float) -> None:
    """Let no time pass."""


class InProcess(HttpTransport):
    """A transport of this process. `pass_seconds` moves the clock while the caller waits for an answer."""

    def __init__(self, node: LyingNode, *, pass_seconds: Callable[[float], None] = _no_time) -> None:
        super().__init__("http://127.0.0.1:1/", timeout_seconds=TIMEOUT_SECONDS)
        self._client.close()
        self._client = httpx.Client(transport=_Loop(self), timeout=TIMEOUT_SECONDS)
        self.node = node
        self.pass_seconds = pass_seconds
        self.plan: Plan | None = None

    def request(self, method: str, params: Sequence[object]) -> object:
        """Answer one request, well or badly."""
        self.plan = self.node.next_fault(method)
        if self.plan is None:
            return self.node.act(method, list(params))
        return super().request(method, params)


class _Loop(httpx.BaseTransport):
    def __init__(self, wire: InProcess) -> None:
        self._wire = wire

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        assert self._wire.plan is not None  # else it would not come this way
        sent = self._wire.node.misbehaved(json.loads(request.read()), self._wire.plan)
        self._wire.pass_seconds(TIMEOUT_SECONDS if sent.silent else min(sent.late_seconds, TIMEOUT_SECONDS))
        if sent.silent or sent.late_seconds > TIMEOUT_SECONDS:
            raise httpx.ReadTimeout("nobody answered", request=request)
        return httpx.Response(sent.code, stream=_Pieces(sent), request=request)


class _Pieces(httpx.SyncByteStream):
    def __init__(self, sent: Sent) -> None:
        self._sent = sent

    def __iter__(self) -> Iterator[bytes]:
        yield from self._sent.pieces
        if self._sent.cut:
            raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")


def in_process(node: LyingNode, *, pass_seconds: Callable[[float], None] = _no_time) -> Node:
    """Return a node to ask, whose pauses between tries pass on the same clock."""
    return Node(InProcess(node, pass_seconds=pass_seconds), sleep=pass_seconds, jitter=lambda: 0.5)


@contextmanager
def over_http(node: LyingNode) -> Iterator[str]:
    """Serve a node on loopback; its URL."""
    over, turn = threading.Event(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request: Json = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with turn:
                plan = node.next_fault(request["method"])
                sent = (
                    Sent((json.dumps(node.truth(request)).encode(),))
                    if plan is None
                    else node.misbehaved(request, plan)
                )
            if sent.silent or sent.late_seconds:
                over.wait(REAL_SECONDS_MAX)
            self.close_connection = sent.silent or sent.cut
            if not sent.silent:
                with suppress(OSError):  # the client may have hung up: that is what some tests are about
                    self._write(sent)

        def _write(self, sent: Sent) -> None:
            self.send_response(sent.code)
            self.send_header("Content-Length", str(sum(map(len, sent.pieces)) * (2 if sent.cut else 1)))
            self.end_headers()
            for piece in sent.pieces:
                self.wfile.write(piece)
                self.wfile.flush()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = _QuietServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        over.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _QuietServer(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Say nothing about clients that hang up."""
