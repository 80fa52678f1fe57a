"""Multipart forms as bytes, well formed or not, and requests message by message: what no client library would send."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ledger_service.operations.pseudonyms import Party
from tests.api.asking import Asking

BOUNDARY = "----ledger-test-boundary"


def part(content: bytes, disposition: bytes = b'form-data; name="file"; filename="photo.jpg"', *more: bytes) -> bytes:
    """Return one part, without the boundary before it."""
    lines = [b"Content-Disposition: " + disposition, *more]
    return b"\r\n".join(lines) + b"\r\n\r\n" + content


def form(
    *parts: bytes, boundary: str = BOUNDARY, before: bytes = b"", after: bytes = b"\r\n", end: bool = True
) -> bytes:
    """Return a form of parts."""
    line = b"--" + boundary.encode()
    body = before + b"".join(line + b"\r\n" + one + b"\r\n" for one in parts)
    return body + (line + b"--" + after if end else b"")


def form_headers(boundary: str = BOUNDARY, **more: str) -> dict[str, str]:
    """Return the headers of a form."""
    return {"Content-Type": f"multipart/form-data; boundary={boundary}", **more}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the application sent, if anything."""

    status: int | None
    headers: dict[str, str]
    body: bytes


def raw(
    service: Asking,
    method: str,
    path: str,
    who: Party,
    headers: Iterable[tuple[str, str]],
    messages: Iterable[dict[str, Any]],
    *,
    then: Callable[[], Any] | None = None,
) -> Answer:
    """Send a request as ASGI messages; when they are over, nothing more comes, for ever. `then` is called at that."""
    token = service.token(who)
    sent = [("authorization", f"Bearer {token}"), ("idempotency-key", secrets.token_hex(8)), *headers]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
        "raw_path": path.encode(), "query_string": b"", "scheme": "http", "root_path": "", "state": {},
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in sent],
        "client": ("127.0.0.1", 1), "server": ("ledger.test", 80),
    }  # fmt: skip
    coming = iter(messages)
    out: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        for message in coming:
            return message
        if then is not None:
            then()
        return await asyncio.Event().wait()  # type: ignore[return-value]  # never

    async def send(message: Any) -> None:
        out.append(message)

    async def run() -> None:
        async with asyncio.timeout(60):
            await service.app(scope, receive, send)

    asyncio.run(run())
    if not out:
        return Answer(None, {}, b"")
    found = {name.decode(): value.decode() for name, value in out[0]["headers"]}
    return Answer(out[0]["status"], found, b"".join(one.get("body", b"") for one in out[1:]))


def body(*chunks: bytes, more: bool = False) -> list[dict[str, Any]]:
    """Return the messages of a body; with `more`, its end never comes."""
    last = len(chunks) - 1
    return [
        {"type": "http.request", "body": chunk, "more_body": more or number < last}
        for number, chunk in enumerate(chunks)
    ]


GONE = {"type": "http.disconnect"}
