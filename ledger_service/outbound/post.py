"""One POST to a URL that a stranger chose, of which nothing comes back but a word on how it went.

Promises: the host's name is looked up once; unless every address that it leads to is public nothing is sent; the
connection goes to an address that was checked, while certificate, SNI and `Host` are the name's. No redirect is
followed, no proxy of the environment used, no cookie kept. The whole attempt ends within its time limit, however
slowly the other side talks, and at most `ANSWER_BYTES_MAX` of an answer are read and thrown away.
Does not: retry (`operations/deliver.py`), or bound how long the machine's resolver takes.
"""

from __future__ import annotations

import contextlib
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpcore

from ledger_service import __version__
from ledger_service.errors import AddressRefusedError
from ledger_service.outbound.connection import FAILURES, Resolver, Rules, TimeLimit, look_up, url_of, word_for
from ledger_service.outbound.target import Target, parse_target

ATTEMPT_SECONDS_MAX = 15.0  # from the first connection to the head of the answer
BODY_SECONDS_MAX = 1.0  # what is read of a body is read for the receiver's sake: it may dislike a closed connection
ANSWER_BYTES_MAX = 4096
_SECONDS = re.compile(r"[0-9]{1,6}")


@dataclass(frozen=True, slots=True)
class Answer:
    """How an attempt went: the HTTP code, None where nobody answered, and a word for it without any address.

    `retry_after_seconds`: when the receiver asked to be tried again, if it did.
    """

    code: int | None
    said: str
    retry_after_seconds: int | None = None

    @property
    def accepted(self) -> bool:
        """Whether the receiver took it."""
        return self.code is not None and 200 <= self.code < 300


class Outbound:
    """Sends to strangers. Safe to share between threads; keeps no connection."""

    def __init__(
        self,
        *,
        allow_loopback: bool = False,
        resolve: Resolver = look_up,
        tls: ssl.SSLContext | None = None,
        seconds_max: float = ATTEMPT_SECONDS_MAX,
    ) -> None:
        """Take the rules.

        Args:
            allow_loopback: For development: this machine may be reached, over http too.
            resolve: Looks a name up.
            tls: Whose certificates count; None: the authorities of the `certifi` package.
            seconds_max: For one attempt.
        """
        self._rules = Rules(allow_loopback, resolve, tls)
        self._seconds_max = seconds_max

    def host_of(self, url: str) -> str:
        """Return the host of a URL, empty where nothing is sent."""
        try:
            return parse_target(url, allow_loopback=self._rules.allow_loopback).host
        except AddressRefusedError:
            return ""

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a JSON body once; say how it went, whatever happens."""
        try:
            target, addresses = self._rules.reach(url)
            return self._send(target, addresses, body, headers)
        except FAILURES as error:
            return Answer(None, word_for(error))

    def _send(self, target: Target, addresses: Sequence[str], body: bytes, headers: Mapping[str, str]) -> Answer:
        limit = TimeLimit(self._seconds_max)
        sent = {
            "host": target.authority,
            "user-agent": f"return-ledger/{__version__}",
            "content-type": "application/json",
            "content-length": str(len(body)),
            "accept-encoding": "identity",
            "connection": "close",
            **headers,
        }
        with (
            self._rules.pool(target, addresses, limit) as pool,
            pool.stream("POST", url_of(target), headers=list(sent.items()), content=body) as response,
        ):
            limit.shorten(BODY_SECONDS_MAX)
            with contextlib.suppress(httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
                read = 0
                for chunk in response.iter_stream():
                    read += len(chunk)
                    if read >= ANSWER_BYTES_MAX:
                        break
            return Answer(response.status, str(response.status), _retry_after(response.headers))


def _retry_after(headers: Sequence[tuple[bytes, bytes]]) -> int | None:
    """Return the seconds of a `Retry-After` header; a date there is not read: it is rare, and clocks differ."""
    found = [value.decode("latin-1") for name, value in headers if name.lower() == b"retry-after"]
    return int(found[0]) if len(found) == 1 and _SECONDS.fullmatch(found[0]) else None
