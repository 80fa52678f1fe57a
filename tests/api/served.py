"""A server process for tests that speak HTTP themselves: `python -m tests.api.served HOME [BURST]`.

It serves the ledger in HOME as `rledger serve` does, with the times of a connection shortened, on a free port of this
machine, which is its first line of output. HOME may be `echo`: then what it answers is the count of a request's headers
and of its body's bytes, after the whole body. BURST: requests that one caller may send; there are no more for it.
"""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path
from typing import Any

import uvicorn

from ledger_service.app import make_app
from ledger_service.cli.connection import BoundedProtocol, server_config
from tests.operations.conftest import make_world


class Impatient(BoundedProtocol):
    """The same with shorter times, so that nobody waits for them."""

    head_seconds = 1.0
    body_seconds = 1.0


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer with what was understood of a request."""
    if scope["type"] != "http":
        return
    count, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        count += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = json.dumps({"path": scope["path"], "names": [name.decode() for name, _ in scope["headers"]], "bytes": count})
    head = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": body.encode()})


def main(home: str, burst: str = "") -> None:
    """Serve until killed."""
    listener = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    if home == "echo":
        uvicorn.Server(server_config(echo, protocol=Impatient)).run(sockets=[listener])
        return
    world = make_world(Path(home))
    if burst:
        world = make_world(Path(home), requests_per_second_max=0.001, requests_burst_max=int(burst))
    with world.opened() as opened:
        config = server_config(make_app(opened.ledger, world.settings), protocol=Impatient)
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(*sys.argv[1:])
