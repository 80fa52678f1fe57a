"""Many steps in one request, as NDJSON: for migrations and feeds. Each line is a step, each answer a line.

Promises: a line is judged by itself, with the status and body that a request of its own would have had; the answers
come in the order of the lines, as soon as each is durable; lines of one return are taken one after another. The same
batch under the same Idempotency-Key is recorded once, however often and wherever it broke off. Does not: undo lines
because a later one is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from pydantic import Field

from ledger_service.api.bodies import DOCUMENTED, check, documented, read_bytes, require_media_type
from ledger_service.api.identity import At, Key, Recorder
from ledger_service.api.problems import ProblemError, invalid, problem, problem_of
from ledger_service.api.respond import PRIVATE
from ledger_service.api.returns import recorded_members, take_step
from ledger_service.api.service import Service
from ledger_service.api.wire import Answer, Hex16, RecordedAnswer, StepRequest
from ledger_service.core import encoding
from ledger_service.core.encoding import Json
from ledger_service.errors import LedgerError
from ledger_service.operations.access import open_case
from ledger_service.operations.principal import Principal

router = APIRouter(tags=["returns"])
MEDIA_TYPE = "application/x-ndjson"
BATCH_BYTES_MAX = 8 * 1024 * 1024  # of a body: it is read whole, so that a client may write all and then read
LINES_MAX = 1_000
LINE_BYTES_MAX = 262_144  # as the body of a request for one step
UNDER_WAY_MAX = 64  # lines that are worked on at once: enough to share commits


class BatchLine(StepRequest):
    """A step, and of which return: neither member opens a new one."""

    return_id: Hex16 | None = Field(default=None, description="the return that the step is one of")
    return_of: Annotated[int, Field(ge=1, le=LINES_MAX)] | None = Field(
        default=None, description="the return of an earlier line of this batch, by its number from 1"
    )


class BatchAnswer(Answer):
    """What became of a line: with 201 `recorded`, otherwise `problem` (RFC 9457)."""

    line: int
    status: int
    replayed: bool = Field(description="the line was recorded before, by an earlier sending of this batch")
    recorded: RecordedAnswer | None
    problem: dict[str, Any] | None


DOCUMENTED[BatchAnswer.__name__] = BatchAnswer


async def lines_of(request: Request) -> list[bytes]:
    """Return the lines of an NDJSON body; those with nothing on them count as lines, and are refused as such.

    Raises:
        ProblemError: Another media type, or more bytes or lines than a batch has.
    """
    require_media_type(request, MEDIA_TYPE)
    lines = (await read_bytes(request, most=BATCH_BYTES_MAX)).split(b"\n")
    if lines and not lines[-1]:
        lines.pop()  # what ends the last line begins no other
    if len(lines) > LINES_MAX:
        raise ProblemError("body-too-large", f"the batch has more than {LINES_MAX} lines", most=LINES_MAX)
    return lines


@router.post(
    "/v1/returns:batch",
    responses={200: {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/BatchAnswer"}}}}},
    openapi_extra=documented(BatchLine, media_type=MEDIA_TYPE),
)
async def record_batch(
    request: Request, service: At, principal: Recorder, key: Key, lines: Annotated[list[bytes], Depends(lines_of)]
) -> Response:
    """Record up to 1,000 steps of new and known returns; the answer is NDJSON too, a line for each line."""
    batch = Batch(request, service, principal, key, lines)
    return StreamingResponse(batch.answers(), 200, PRIVATE, MEDIA_TYPE)


@dataclass(slots=True)
class Batch:
    """One batch on its way."""

    request: Request
    service: Service
    principal: Principal
    key: str
    lines: Sequence[bytes]

    async def answers(self) -> AsyncIterator[bytes]:
        """Yield the answer of each line, in order."""
        gate = asyncio.Semaphore(UNDER_WAY_MAX)
        before: dict[str | int, asyncio.Task[_Done]] = {}
        returns: list[str | int] = []  # of each line: the return_id that it names, or the line that opens it
        tasks: list[asyncio.Task[_Done]] = []
        for number, line in enumerate(self.lines, 1):
            parsed = self._parse(number, line)
            of: str | int = number
            if isinstance(parsed, BatchLine):
                of = parsed.return_id or (returns[parsed.return_of - 1] if parsed.return_of else number)
            task = asyncio.create_task(self._answer(number, parsed, before.get(of), gate, tasks))
            before[of] = task  # the next line of this return waits for it
            returns.append(of)
            tasks.append(task)
        try:
            for task in tasks:
                yield (await task).line
        finally:
            for task in tasks:
                task.cancel()

    def _parse(self, number: int, line: bytes) -> BatchLine | Response:
        try:
            found = check(BatchLine, encoding.parse(line, bytes_max=LINE_BYTES_MAX))
        except (LedgerError, RequestValidationError) as error:
            return self._refused(error)
        if found.return_of is not None and (found.return_id is not None or found.return_of >= number):
            wrong = "/return_of: an earlier line, and no return_id beside it"
            return problem(self.request, "invalid-request", wrong, errors=[{"pointer": "/return_of", "reason": wrong}])
        return found

    async def _answer(
        self,
        number: int,
        parsed: BatchLine | Response,
        before: asyncio.Task[_Done] | None,
        gate: asyncio.Semaphore,
        tasks: Sequence[asyncio.Task[_Done]],
    ) -> _Done:
        if isinstance(parsed, Response):
            return _Done(None, _line(number, parsed))
        if before is not None:
            await asyncio.wait([before])
        return_id = parsed.return_id
        if parsed.return_of is not None:
            return_id = (await tasks[parsed.return_of - 1]).return_id
            if return_id is None:
                detail = f"line {parsed.return_of} was not recorded, so that there is no return for this one"
                return _Done(None, _line(number, problem(self.request, "unknown-return", detail)))
        async with gate:
            await self._share()
            try:
                return await self._record(number, parsed, return_id)
            except (LedgerError, ProblemError) as error:
                return _Done(return_id, _line(number, self._refused(error)))

    async def _record(self, number: int, line: BatchLine, return_id: str | None) -> _Done:
        seen = None if return_id is None else open_case(self.service.ledger, self.principal, return_id)
        key = f"{sha256(self.key.encode()).hexdigest()}/{number}"  # the batch's key may be as long as a key can be
        recorded = await take_step(self.service, self.principal, line, key=key, seen=seen)
        answer: dict[str, Json] = {
            "line": number,
            "status": 201,
            "replayed": recorded.appended.replayed,
            "recorded": recorded_members(self.service, recorded),
            "problem": None,
        }
        return _Done(recorded.return_id, encoding.encode(answer) + b"\n")

    async def _share(self) -> None:
        """Wait until the caller's share of the service has room for one more: a batch is paced, not refused."""
        while waiting := self.service.limiter.take(self.principal.name):
            await asyncio.sleep(waiting)

    def _refused(self, error: Exception) -> Response:
        if isinstance(error, RequestValidationError):
            return invalid(self.request, error.errors())
        if isinstance(error, ProblemError):
            return problem(self.request, error.slug, error.detail, **error.members)
        assert isinstance(error, LedgerError)
        return problem_of(error, self.request)


@dataclass(frozen=True, slots=True)
class _Done:
    """A line that was worked on: the return that it is about, if there is one, and its answer."""

    return_id: str | None
    line: bytes


def _line(number: int, refused: Response) -> bytes:
    answer: dict[str, Json] = {
        "line": number,
        "status": refused.status_code,
        "replayed": False,
        "recorded": None,
        "problem": encoding.parse(bytes(refused.body)),
    }
    return encoding.encode(answer) + b"\n"
