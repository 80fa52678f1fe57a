"""Answers: canonical JSON with the headers that its kind asks for.

Promises: what is personal is never kept by a cache; what is fixed for ever may be. Does not: know what it sends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Response

from ledger_service.core import encoding
from ledger_service.core.encoding import Json

FIXED = {"Cache-Control": "public, max-age=31536000, immutable"}
FRESH = {"Cache-Control": "no-store"}
PRIVATE = {"Cache-Control": "private, no-store"}


def document(
    value: Json, *, status: int = 200, headers: Mapping[str, str] | None = None, cache: Mapping[str, str] = PRIVATE
) -> Response:
    """Return a JSON answer."""
    return Response(encoding.encode(value), status, {**cache, **(headers or {})}, "application/json")


def page(items: Sequence[Json], after: str | int | None) -> Response:
    """Return a page of a list; `after` is where the next begins, None at the end."""
    return document({"items": list(items), "next": after})


def created(value: Json, *, headers: Mapping[str, str], replayed: bool) -> Response:
    """Return 201; a repeated answer is marked as one."""
    marked: dict[str, Any] = {"Idempotent-Replayed": "true"} if replayed else {}
    return document(value, status=201, headers={**headers, **marked})
