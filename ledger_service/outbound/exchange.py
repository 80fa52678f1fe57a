"""One POST of a form to a URL of the settings, whose small JSON answer is handed back: the end of a code flow.

Promises: as `connection.py`; no redirect is followed, no proxy of the environment used, no cookie kept. The attempt
ends within its time limit, body included, and a body over its limit is no answer. Does not: retry, or read the body.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from ledger_service import __version__
from ledger_service.outbound.connection import FAILURES, Rules, TimeLimit, url_of, word_for
from ledger_service.outbound.get import GET_SECONDS_MAX, Got, read_body


def exchange(
    url: str, fields: Mapping[str, str], rules: Rules, *, bytes_max: int, headers: Mapping[str, str] | None = None
) -> Got:
    """Send a form once; say how it went, whatever happens."""
    body = urlencode(fields).encode()
    try:
        target, addresses = rules.reach(url)
        limit = TimeLimit(GET_SECONDS_MAX)
        sent = {
            "host": target.authority,
            "user-agent": f"return-ledger/{__version__}",
            "content-type": "application/x-www-form-urlencoded",
            "content-length": str(len(body)),
            "accept": "application/json",
            "accept-encoding": "identity",
            "connection": "close",
            **(headers or {}),
        }
        with (
            rules.pool(target, addresses, limit) as pool,
            pool.stream("POST", url_of(target), headers=list(sent.items()), content=body) as response,
        ):
            return Got(None, str(response.status)) if response.status != 200 else read_body(response, bytes_max)
    except FAILURES as error:
        return Got(None, word_for(error))
