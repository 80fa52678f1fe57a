"""Large bodies as they arrive: in batches, at a pace that is kept, announced by headers that are believed to a limit.

Promises: at most about `BATCH_BYTES` of a body are in memory; a body that stops or drips ends in a problem, and what
came of it before was handed on; work that blocks is done in a thread, and never left alone with what it works on.
Does not: know what a body holds.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

from fastapi import Request
from starlette.requests import ClientDisconnect

from ledger_service.api.bodies import too_large
from ledger_service.api.problems import ProblemError
from ledger_service.evidence.failures import UploadStoppedError

BATCH_BYTES = 1 << 20  # hashed and written at once, in a thread: fewer would cost more in changing threads than in work
RECEIVING_MAX = 16  # bodies of one party at a time: each holds a batch and an open file
_LENGTH = re.compile(r"0|[1-9][0-9]{0,18}")
_RANGE = re.compile(r"bytes (?:(0|[1-9][0-9]{0,15})-(0|[1-9][0-9]{0,15})|\*)/([1-9][0-9]{0,15})")
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Pace:
    """How slowly a body may come: `idle_seconds` with no byte, and so many bytes a second on average after a while."""

    idle_seconds: float = 30.0
    grace_seconds: float = 60.0  # before the average counts: a phone in a lift
    bytes_a_second_min: int = 1_024  # a photo of 4 MiB in an hour; less is no connection, but holds one


@dataclass(slots=True)
class Receiving:
    """How many bodies of each party are being received by this process."""

    now: Counter[bytes] = field(default_factory=Counter)

    @contextmanager
    def one(self, mark: bytes) -> Iterator[None]:
        """Count one body more of a party for the length of the block.

        Raises:
            ProblemError: Too many of its bodies are being received.
        """
        if self.now[mark] >= RECEIVING_MAX:
            raise ProblemError(
                "too-many-requests",
                f"{RECEIVING_MAX} files of yours are being received; send the next when one is done",
            )
        self.now[mark] += 1
        try:
            yield
        finally:
            self.now[mark] -= 1
            if not self.now[mark]:
                del self.now[mark]


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a file that a request holds: from byte `offset`, `length` bytes of `total`.

    `offset` None: wherever the file stands; the part is empty.
    """

    offset: int | None
    length: int
    total: int


async def batches(request: Request, pace: Pace) -> AsyncIterator[bytes]:
    """Yield the body; what came before it stopped is yielded first.

    Raises:
        UploadStoppedError: It came too slowly, or not at all.
        ClientDisconnect: The connection closed before the body was whole.
    """
    clock = asyncio.get_running_loop().time
    started, count, batch = clock(), 0, bytearray()
    stream = aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout(pace.idle_seconds):
                chunk = await anext(stream)
            count += len(chunk)
            elapsed = clock() - started
            if elapsed > pace.grace_seconds and count < elapsed * pace.bytes_a_second_min:
                raise TimeoutError
        except StopAsyncIteration:
            break
        except (TimeoutError, ClientDisconnect) as error:
            if batch:
                yield bytes(batch)
            if isinstance(error, ClientDisconnect):
                raise
            raise UploadStoppedError(f"the body stopped, or came too slowly, at byte {count}") from None
        batch += chunk
        if len(batch) >= BATCH_BYTES:
            yield bytes(batch)
            batch.clear()
    if batch:
        yield bytes(batch)


async def in_thread(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Do blocking work in a thread; cancelled, wait for its end even so: nobody closes a file that it writes to."""
    task = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def announced_length(request: Request, *, most: int) -> int | None:
    """Return the Content-Length of a request, None if it has none.

    Raises:
        ProblemError: It is no number, there are two, or it is beyond `most`.
    """
    sent = request.headers.getlist("content-length")
    if not sent:
        return None
    if len(sent) > 1 or not _LENGTH.fullmatch(sent[0]):
        raise ProblemError("invalid-header", "Content-Length is one number of bytes", header="Content-Length")
    if int(sent[0]) > most:
        raise too_large(most)
    return int(sent[0])


def part_of(request: Request, *, most: int) -> Part:
    """Return which part of a file a request holds (Content-Range, RFC 9110 §14.4); without the header, all of it.

    Raises:
        ProblemError: The header has not its form, or contradicts Content-Length, or the file is beyond `most`.
    """
    length = announced_length(request, most=most)
    sent = request.headers.getlist("content-range")
    if not sent:
        if length is None:
            raise _bad_range("without Content-Range, Content-Length says how many bytes the file has")
        return Part(0, length, length)
    match = _RANGE.fullmatch(sent[0])
    if len(sent) > 1 or match is None:
        raise _bad_range("Content-Range is `bytes FIRST-LAST/TOTAL`, or `bytes */TOTAL` with an empty body")
    total = int(match[3])
    if total > most:
        raise too_large(most)
    if match[1] is None:
        part = Part(None, 0, total)
    else:
        first, last = int(match[1]), int(match[2])
        if not first <= last < total:
            raise _bad_range("in Content-Range, FIRST is at most LAST, and LAST is below TOTAL")
        part = Part(first, last - first + 1, total)
    if length not in (None, part.length):
        raise _bad_range(f"Content-Range speaks of {part.length} bytes, Content-Length of {length}")
    return part


def _bad_range(detail: str) -> ProblemError:
    return ProblemError("invalid-header", detail, header="Content-Range")
