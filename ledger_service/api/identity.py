"""Who asks: the credential of a request, its scope, its share of the service, and the headers of a safe retry.

Promises: a route names the scope that it needs; a token never comes from a URL. Does not: open cases
(`operations/access.py`).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool

from ledger_service.api.problems import ProblemError
from ledger_service.api.service import Service, service_of
from ledger_service.errors import CredentialError
from ledger_service.operations.bearer import TokenRefusedError
from ledger_service.operations.credentials import is_ours
from ledger_service.operations.principal import Principal, Scope

KEY_CHARACTERS_MAX = 255
TOKEN_CHARACTERS_MAX = 8_192
_KEY = re.compile(rf"[\x21-\x7e]{{1,{KEY_CHARACTERS_MAX}}}")
_BEARER = re.compile(r"(?i:bearer) +([A-Za-z0-9._~+/=-]{1,8192})")
_ETAG = re.compile(r'"(0|[1-9][0-9]{0,15})"')


async def at(request: Request) -> Service:  # async, as all dependencies here: else each would cost a change of thread
    """Return the parts of the application that a request came to."""
    return service_of(request)


At = Annotated[Service, Depends(at)]


def token_of(request: Request) -> str | None:
    """Return the bearer token of a request (RFC 6750 §2.1), None if it has none.

    Raises:
        CredentialError: The header holds something else.
    """
    sent = request.headers.getlist("authorization")
    if not sent:
        return None
    match = _BEARER.fullmatch(sent[0])
    if len(sent) > 1 or match is None:
        raise CredentialError("the Authorization header holds no bearer token", hint="Authorization: Bearer TOKEN")
    return match[1]


def caller(scope: Scope | None) -> Callable[[Request], Awaitable[Principal]]:
    """Return a dependency: who asks, with the scope that the route needs (None: any credential will do)."""

    async def ask(request: Request) -> Principal:
        principal = await anybody(request)
        if principal is None:
            raise CredentialError("this needs a credential", hint="Authorization: Bearer TOKEN")
        if scope is not None:
            principal.require(scope)
        return principal

    ask.__name__ = "any_credential" if scope is None else f"scope_{scope.value}"  # OpenAPI and the tests read it
    return ask


async def anybody(request: Request) -> Principal | None:
    """Return who asks, None if nobody says; a credential that is sent must count.

    A request takes of the share of its address until it is known to be somebody's: whoever guesses is slowed down
    before a guess is looked at, and with it whoever shares that address.
    """
    service = service_of(request)
    address = stranger(request)
    token = token_of(request)
    if token is None:
        return None
    principal = await _known(request, service, token)
    service.limiter.give_back(address)
    _take_share(service, principal.name)
    return principal


def stranger(request: Request) -> str:
    """Take of the share of the address that a request comes from, and return the share's name."""
    address = "address " + (request.client.host if request.client else "")
    _take_share(service_of(request), address)
    return address


async def a_stranger(request: Request) -> str:
    """Return the name of the share that a request without any credential took of."""
    return stranger(request)


async def idempotency_key(request: Request) -> str:
    """Return the Idempotency-Key of a request.

    Raises:
        ProblemError: It has none, or not one of 1 to 255 visible ASCII characters.
    """
    sent = request.headers.getlist("idempotency-key")
    if not sent:
        raise ProblemError("idempotency-key-missing", "a POST needs an Idempotency-Key, so that a retry is safe")
    if len(sent) > 1 or not _KEY.fullmatch(sent[0]):
        raise ProblemError(
            "invalid-header",
            f"Idempotency-Key has 1 to {KEY_CHARACTERS_MAX} visible ASCII characters",
            header="Idempotency-Key",
        )
    return sent[0]


async def if_match(request: Request) -> int | None:
    """Return the index that If-Match names, None if it is not sent.

    Raises:
        ProblemError: It is no ETag of ours.
    """
    sent = request.headers.getlist("if-match")
    if not sent:
        return None
    match = _ETAG.fullmatch(sent[0].strip())
    if len(sent) > 1 or match is None:
        raise ProblemError(
            "invalid-header",
            'If-Match holds the ETag of the return as it was sent, for example "17"',
            header="If-Match",
        )
    return int(match[1])


def etag(index: int) -> str:
    """Return the ETag of a return: the index of its last entry."""
    return f'"{index}"'


Key = Annotated[str, Depends(idempotency_key)]
IfMatch = Annotated[int | None, Depends(if_match)]
Anybody = Annotated[Principal | None, Depends(anybody)]
Stranger = Annotated[str, Depends(a_stranger)]


Reader = Annotated[Principal, Depends(caller(Scope.READ))]
Recorder = Annotated[Principal, Depends(caller(Scope.RECORD))]
Exporter = Annotated[Principal, Depends(caller(Scope.EXPORT))]
Sharer = Annotated[Principal, Depends(caller(Scope.SHARE))]
Notified = Annotated[Principal, Depends(caller(Scope.NOTIFY))]
Eraser = Annotated[Principal, Depends(caller(Scope.ERASE))]
Operator = Annotated[Principal, Depends(caller(Scope.OPERATE))]


async def _known(request: Request, service: Service, token: str) -> Principal:
    """Return who holds a token, with its name noted for the log. Only the keys of an issuer may have to be fetched."""
    try:
        if is_ours(token):
            principal = service.callers.of(token)
        else:
            principal = await run_in_threadpool(service.callers.of, token)
    except TokenRefusedError as error:
        request.state.refused = error.reason.value  # for the operator's log alone: an answer does not say why
        raise
    request.state.caller = principal.name
    return principal


def _take_share(service: Service, who: str) -> None:
    if waiting := service.limiter.take(who):
        seconds = max(1, round(waiting + 0.5))
        raise ProblemError(
            "too-many-requests",
            f"more requests than your share; go on in {seconds} s",
            headers={"Retry-After": str(seconds)},
        )
