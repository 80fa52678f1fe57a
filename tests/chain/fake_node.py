"""A node on loopback that tells the truth about an embedded chain until a test scripts a fault.

Each fault is used once, in order, for the next request (of a method, if named); afterwards the truth comes back.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from ledger_service.chain.embedded import EmbeddedChain
from ledger_service.chain.embedded_rpc import answer
from ledger_service.chain.jsonrpc import JsonRpcError, to_data

Json = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """What goes over the wire instead of the truth."""

    body: bytes = b""
    code: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None  # the Content-Length to claim; the connection closes after the body
    repeat: int = 1  # how often to send the body
    until: threading.Event | None = None  # wait for this, at most, before each body
    executes: bool = True  # whether the node acts on the request before it misbehaves


_FOR_PAGES = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "content-type"}
Fault = Callable[[Json, Json], Reply]


class FakeNode:
    """The server; `url` is its address, `requests` what was asked, in order."""

    def __init__(self, chain: EmbeddedChain) -> None:
        self.requests: list[Json] = []
        self.over = threading.Event()
        self._chain = chain
        self._faults: deque[tuple[str | None, Fault]] = deque()
        self._server = _QuietServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        """Where the node listens, with a secret in every place where people keep one."""
        return f"http://user:hunter2@127.0.0.1:{self._server.server_port}/v3/secret-key?token=secret-token"

    def fail(self, fault: Fault | Reply, *, times: int = 1, method: str | None = None) -> None:
        """Use a fault for the next `times` requests, of one method when named."""
        act = fault if not isinstance(fault, Reply) else lambda _request, _truth: fault
        self._faults.extend([(method, act)] * times)

    def asked(self, method: str) -> int:
        """How often a method was asked for."""
        return sum(request["method"] == method for request in self.requests)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _reply(self, request: Json) -> Reply:
        self.requests.append(request)
        fault = None
        if self._faults and self._faults[0][0] in (None, request["method"]):
            fault = self._faults.popleft()[1]
        truth = self._truth(request)
        if fault is not None:
            return fault(request, truth)
        return Reply(json.dumps(truth).encode())

    def _truth(self, request: Json) -> Json:
        head = {"jsonrpc": "2.0", "id": request["id"]}
        try:
            return {**head, "result": answer(self._chain, request["method"], request["params"])}
        except JsonRpcError as exc:
            error: Json = {"code": exc.rpc_code, "message": exc.text}
            if exc.data is not None:
                error["data"] = to_data(exc.data)
            return {**head, "error": error}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        node = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["content-length"]))
                reply = node._reply(json.loads(content))
                length = reply.length if reply.length is not None else len(reply.body) * reply.repeat
                with suppress(OSError):  # the client may have hung up: that is what some tests are about
                    self.send_response(reply.code)
                    for name, value in {**_FOR_PAGES, **reply.headers}.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(length))
                    self.end_headers()
                    for _ in range(reply.repeat):
                        if reply.until is not None:
                            reply.until.wait(0.05)
                        self.wfile.write(reply.body)
                        self.wfile.flush()
                self.close_connection = reply.length is not None

            def do_OPTIONS(self) -> None:
                """Answer what a browser asks before a page of another origin may ask (CORS)."""
                self.send_response(204)
                for name, value in _FOR_PAGES.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


class _QuietServer(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Say nothing about clients that hang up or speak TLS."""


def changed(**members: Any) -> Fault:
    """The truth, with members of its `result` changed."""
    return lambda _request, truth: Reply(json.dumps({**truth, "result": {**truth["result"], **members}}).encode())


def instead(result: Any) -> Fault:
    """Another `result`."""
    return lambda _request, truth: Reply(json.dumps({"jsonrpc": "2.0", "id": truth["id"], "result": result}).encode())


def error(code: int, message: str, data: Any = None) -> Fault:
    """An error object."""
    return lambda _request, truth: Reply(
        json.dumps(
            {"jsonrpc": "2.0", "id": truth["id"], "error": {"code": code, "message": message, "data": data}}
        ).encode()
    )


def cut(_request: Json, truth: Json) -> Reply:
    """The first half of the truth, as if that were all."""
    whole = json.dumps(truth).encode()
    return Reply(whole[: len(whole) // 2])


def broken(_request: Json, truth: Json) -> Reply:
    """The first half of the truth, then the connection ends too early."""
    whole = json.dumps(truth).encode()
    return Reply(whole[: len(whole) // 2], length=len(whole))


def wrong_id(_request: Json, truth: Json) -> Reply:
    """The truth, as the answer to another request."""
    return Reply(json.dumps({**truth, "id": truth["id"] + 1}).encode())
