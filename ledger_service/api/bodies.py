"""Request bodies: read with a limit, parsed strictly, then checked against a model.

Promises: bytes are counted while they arrive, whatever Content-Length says; JSON passes the strict gate of
`core/encoding.py` before any model sees it; nothing is coerced. Does not: keep a body on disk.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, ValidationError

from ledger_service.api.problems import ProblemError
from ledger_service.core import encoding

BODY_BYTES_MAX = 262_144  # JSON of one request: a step at its limits has some tens of kilobytes
M = TypeVar("M", bound=BaseModel)


class Wire(BaseModel):
    """A value that comes from outside: strict types, no member that we do not know."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


async def read_bytes(request: Request, *, most: int) -> bytes:
    """Return the body of a request.

    Raises:
        ProblemError: It has more than `most` bytes, or it ended before it was whole.
    """
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and len(announced) < 20 and int(announced) > most:
        raise too_large(most)
    chunks, count = [], 0
    async for chunk in request.stream():
        count += len(chunk)
        if count > most:
            raise too_large(most)
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def too_large(most: int) -> ProblemError:
    """Return the problem of a body beyond a limit."""
    return ProblemError("body-too-large", f"the body has more than {most} bytes", most=most)


def require_media_type(request: Request, wanted: str) -> None:
    """Refuse a body of another media type, or in another encoding than UTF-8.

    Raises:
        ProblemError: It is of another.
    """
    media_type, _, rest = request.headers.get("content-type", "").lower().partition(";")
    parameter = rest.strip().replace('"', "")
    if media_type.strip() != wanted or parameter not in ("", "charset=utf-8"):
        raise ProblemError("unsupported-media-type", f"Content-Type must be {wanted}, in UTF-8")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise ProblemError("unsupported-media-type", "a body is sent as it is, with no Content-Encoding")


def body_of(model: type[M]) -> Callable[[Request], Awaitable[M]]:
    """Return a dependency that reads a strict JSON body as a value of the model."""

    async def read(request: Request) -> M:
        require_media_type(request, "application/json")
        data = await read_bytes(request, most=BODY_BYTES_MAX)
        request.state.body = data
        return check(model, encoding.parse(data, bytes_max=BODY_BYTES_MAX))

    return read


def check(model: type[M], value: Any) -> M:
    """Return a parsed value as one of the model.

    Raises:
        RequestValidationError: It has not the form of the model.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_input=False, include_url=False)) from None


def documented(model: type[BaseModel], *, media_type: str = "application/json") -> dict[str, Any]:
    """Return what a route says about its body in OpenAPI; `openapi.py` adds the model's schema and an example."""
    content = {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}
    DOCUMENTED[model.__name__] = model
    return {"requestBody": {"required": True, "content": {media_type: content}}}


DOCUMENTED: dict[str, type[BaseModel]] = {}
