"""All that a step is asked with, as one dependency: a framework that resolves five takes half a request's time for it.

Promises: the same checks in the same order as the single dependencies, whose names it shows to whoever describes the
route (`parts`). Does not: check anything itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from fastapi import Request
from pydantic import BaseModel

from ledger_service.api.bodies import body_of
from ledger_service.api.identity import caller, idempotency_key, if_match
from ledger_service.api.service import Service, service_of
from ledger_service.operations.principal import Principal, Scope

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Asked(Generic[M]):
    """Who asks what of which service; `expected` is the index that If-Match names, None if it is not sent."""

    service: Service
    principal: Principal
    key: str
    expected: int | None
    body: M


def asking(scope: Scope, model: type[M], *, matched: bool = False) -> Callable[[Request], Awaitable[Asked[M]]]:
    """Return a dependency for a POST with a body of the model.

    Args:
        scope: That the caller needs.
        model: Of the body.
        matched: The route looks at If-Match.
    """
    who, read = caller(scope), body_of(model)

    async def ask(request: Request) -> Asked[M]:
        principal = await who(request)
        key = await idempotency_key(request)
        expected = await if_match(request) if matched else None
        return Asked(service_of(request), principal, key, expected, await read(request))

    ask.parts = (who, idempotency_key, if_match) if matched else (who, idempotency_key)  # type: ignore[attr-defined]
    return ask
