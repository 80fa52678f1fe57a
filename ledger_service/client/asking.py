"""Requests and their answers: sent again where that is safe and helps, for a bounded time, and read to a bounded size.

Sent again are a request that nobody answered (a broken or refused connection, a time-out) and one that was answered
with 429 or 503, always with the same body and the same Idempotency-Key, if it has one. A `Retry-After` in seconds is
waited for, up to `RETRY_AFTER_SECONDS_MAX`; without one the pauses double.

Promises: a call ends within its patience, whatever the service sends or does not send; a redirect is never followed,
so that the token goes to nobody else. Does not: know what an answer means.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx

from ledger_service.client.failures import (
    ProblemError,
    UnreachableError,
    WrongAnswerError,
    problem_class,
)
from ledger_service.core import encoding
from ledger_service.errors import FormatError

BODY_BYTES_MAX = encoding.DOCUMENT_BYTES_MAX  # a receipt has at most 1 MiB, a page of returns far less
PATIENCE_SECONDS = 30.0  # for one request with all its repetitions
ATTEMPT_SECONDS = 10.0  # for one of them; a durable commit takes milliseconds
PAUSE_SECONDS = 0.25  # before the second attempt; doubled before each further one
PAUSE_SECONDS_MAX = 4.0
RETRY_AFTER_SECONDS_MAX = 15.0
_AGAIN = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on: `total` seconds for a call, `attempt` seconds for each time that it is sent.

    `clock` gives seconds that only grow, `sleep` waits; both are given by tests.
    """

    total: float = PATIENCE_SECONDS
    attempt: float = ATTEMPT_SECONDS
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer of 2xx: its body, its headers, how many times the request was sent, and the status."""

    body: bytes
    headers: Mapping[str, str]
    attempts: int
    status: int = 200


@dataclass(frozen=True, slots=True)
class _Got:
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Asker:
    """Asks one service with one token."""

    def __init__(
        self, base_url: str, token: str | None, *, transport: httpx.BaseTransport | None, patience: Patience
    ) -> None:
        """Take the service's address, the token (None: none) and how long to go on."""
        headers = {"Accept": "application/json, application/problem+json", "Accept-Encoding": "identity"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        self._http = httpx.Client(base_url=base_url, headers=headers, transport=transport, follow_redirects=False)
        self._patience = patience

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        media_type: str = "application/json",
    ) -> Answered:
        """Ask, again if need be, and return an answer of 2xx.

        Raises:
            ProblemError: The service refused; `BusyError` if it did so until the patience was over.
            UnreachableError: Nobody answered within the patience.
            WrongAnswerError: `redirect`, `size` or `form`: no answer of this service looks like this.
        """
        request = self._http.build_request(method, path, params=query, headers=headers, content=body)
        if body is not None:
            request.headers["Content-Type"] = media_type
        end = self._patience.clock() + self._patience.total
        attempts = 0
        while True:
            attempts += 1
            try:
                got = self._send(request, end)
            except httpx.TransportError as error:
                failed: UnreachableError | ProblemError = _unreachable(error, attempts)
                wanted = 0.0
            else:
                if 200 <= got.status < 300:
                    return Answered(got.body, got.headers, attempts, got.status)
                failed = _problem(got)
                if got.status not in _AGAIN:
                    raise failed
                wanted = _retry_after(got.headers)
            pause = min(PAUSE_SECONDS * 2 ** min(attempts - 1, 10), PAUSE_SECONDS_MAX)
            pause = max(pause, min(wanted, RETRY_AFTER_SECONDS_MAX))
            if self._patience.clock() + pause >= end:
                raise failed
            self._patience.sleep(pause)

    def pause(self, seconds: float) -> None:
        """Wait before something else is asked."""
        self._patience.sleep(seconds)

    def _send(self, request: httpx.Request, end: float) -> _Got:
        left = min(self._patience.attempt, end - self._patience.clock())
        stop = self._patience.clock() + left
        request.extensions = {**request.extensions, "timeout": httpx.Timeout(max(left, 0.001)).as_dict()}
        answer = self._http.send(request, stream=True)
        try:
            if answer.headers.get("content-encoding", "identity").lower() != "identity":
                raise WrongAnswerError("form", "the answer is compressed, which nobody asked for")
            chunks: list[bytes] = []
            count = 0
            for chunk in answer.iter_bytes():
                count += len(chunk)
                if count > BODY_BYTES_MAX:
                    raise WrongAnswerError("size", f"the answer has more than {BODY_BYTES_MAX} bytes")
                if self._patience.clock() > stop:  # it drips; the time-out of the transport is for each piece
                    raise httpx.ReadTimeout("the answer took too long", request=request)
                chunks.append(chunk)
            return _Got(answer.status_code, answer.headers, b"".join(chunks))
        finally:
            answer.close()


def _unreachable(error: httpx.TransportError, attempts: int) -> UnreachableError:
    return UnreachableError(
        f"the ledger did not answer ({type(error).__name__}, {attempts} attempts)",
        hint="a step may be recorded or not: send it again with the same idempotency key",
    )


def _problem(got: _Got) -> ProblemError:
    """Return the error for an answer that is not 2xx.

    Raises:
        WrongAnswerError: A redirect, or an informational answer, which no answer of this service is.
    """
    if got.status < 400:
        raise WrongAnswerError("redirect", f"the service answered {got.status}", answer=got.body)
    slug, detail, hint = "", "what answered sent no problem document", ""
    members = {}
    try:
        value = encoding.parse(got.body)
    except FormatError:
        value = None
    if isinstance(value, dict) and isinstance(value.get("type"), str):
        slug = value["type"].rpartition("/")[2]
        detail, hint = str(value.get("detail", "")), str(value.get("hint", ""))
        members = {name: one for name, one in value.items() if name not in ("type", "status", "detail", "hint")}
    return problem_class(slug, got.status)(slug, got.status, detail, hint=hint, members=members)


def _retry_after(headers: Mapping[str, str]) -> float:
    """Return the seconds of Retry-After (RFC 9110 §10.2.3), 0 if it has none; our service sends no dates."""
    sent = headers.get("retry-after", "")
    return float(sent) if sent.isascii() and sent.isdigit() and len(sent) < 10 else 0.0
