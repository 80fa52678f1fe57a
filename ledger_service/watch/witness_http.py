"""The witness over HTTP: an ASGI application with one route, `POST /add-checkpoint`.

Promises: a body beyond the limit is not read to its end; what goes wrong inside is a 500 and no cosignature. Does not:
know connections and their time-outs (`cli/witness.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ledger_service.watch.witness import BODY_BYTES_MAX, Answer, Witness

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]
PATH = "/add-checkpoint"


def witness_app(witness: Witness, *, report: Callable[[str], None]) -> Application:
    """Return the application of a witness; `report` is told of each answer that is no cosignature."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        answer = await _answer(scope, receive)
        if answer.status != 200:
            report(f"{answer.status}: {answer.body.decode().strip()}")
        length = str(len(answer.body)).encode()
        headers = [(b"content-type", answer.media_type.encode()), (b"content-length", length)]
        headers.append((b"cache-control", b"no-store"))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(scope: Message, receive: Receive) -> Answer:
        if scope["path"] != PATH:
            return Answer(404, b"no such page: POST /add-checkpoint\n")
        if scope["method"] != "POST":
            return Answer(405, b"POST it\n")
        body = await _body(receive)
        if body is None:
            return Answer(413, f"a request has at most {BODY_BYTES_MAX} bytes\n".encode())
        try:
            return await asyncio.to_thread(witness.add, body)
        except OSError as error:
            return Answer(500, f"not cosigned: {(error.strerror or 'the disk failed').lower()}\n".encode())

    return app


async def _body(receive: Receive) -> bytes | None:
    """Return the body of a request, None if it is too large or its sender went away."""
    chunks = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        chunks += message.get("body", b"")
        if len(chunks) > BODY_BYTES_MAX:
            return None
        if not message.get("more_body", False):
            return bytes(chunks)
