"""One GET of a small document from a URL of the settings, under the rules that hold for strangers' URLs.

Promises: as `connection.py`; no redirect is followed, no proxy of the environment used, no cookie kept. The attempt
ends within its time limit, body included, and a body over its limit is no answer. Does not: retry, or read the body.
"""

from __future__ import annotations

from dataclasses import dataclass

import httpcore

from ledger_service import __version__
from ledger_service.outbound.connection import FAILURES, Rules, TimeLimit, url_of, word_for

GET_SECONDS_MAX = 5.0  # from the first connection to the end of the body


@dataclass(frozen=True, slots=True)
class Got:
    """The body of a 200, or None and a word for what happened instead, without any address."""

    body: bytes | None
    said: str


def get(url: str, rules: Rules, *, bytes_max: int, seconds_max: float = GET_SECONDS_MAX) -> Got:
    """Ask once; say how it went, whatever happens."""
    try:
        target, addresses = rules.reach(url)
        limit = TimeLimit(seconds_max)
        sent = {
            "host": target.authority,
            "user-agent": f"return-ledger/{__version__}",
            "accept": "application/json",
            "accept-encoding": "identity",
            "connection": "close",
        }
        with (
            rules.pool(target, addresses, limit) as pool,
            pool.stream("GET", url_of(target), headers=list(sent.items())) as response,
        ):
            return Got(None, str(response.status)) if response.status != 200 else read_body(response, bytes_max)
    except FAILURES as error:
        return Got(None, word_for(error))


def read_body(response: httpcore.Response, bytes_max: int) -> Got:
    """Return the body of an answer that is no longer than it may be."""
    body = bytearray()
    for chunk in response.iter_stream():
        body += chunk
        if len(body) > bytes_max:
            return Got(None, f"more than {bytes_max} bytes")
    return Got(bytes(body), "200")
