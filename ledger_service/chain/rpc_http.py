"""JSON-RPC over HTTP to a node that is not believed: one request, one answer, everything bounded.

Promises: an answer is at most `ANSWER_BYTES_MAX` and arrives within the time limit as a whole, or it is refused; the
id must match; redirects are not followed. Whoever did not answer (refused, unknown name, TLS, time out, rate limit,
server error) is a `NodeUnreachableError`, whoever answered nonsense a `NodeAnswerError`. User names, passwords,
paths and queries of URLs never appear in messages, since API keys live there.

Does not: retry; see `rpc`.
"""

from __future__ import annotations

import itertools
import json
import re
import ssl
import time
from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

import httpx

from ledger_service.chain.jsonrpc import NodeRefusal, error_from_object
from ledger_service.errors import NodeAnswerError, NodeUnreachableError, SettingsError

ANSWER_BYTES_MAX = 8 * 1024 * 1024  # a whole block with receipts is below this; refuse before memory is filled
ANSWER_DEPTH_MAX = 64  # nested arrays and objects; a block with its transactions and access lists has 7
RATE_LIMITED = 429
_STRUCTURE = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]')
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class HttpTransport:
    """Sends requests to one URL over a kept connection."""

    def __init__(self, url: str, *, timeout_seconds: float) -> None:
        parts = _split(url)
        self.name = redact_url(url)
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._ids = itertools.count(1)
        # A proxy of the environment is for the outside world, not for this machine's own node.
        self._client = httpx.Client(
            timeout=timeout_seconds,
            follow_redirects=False,
            trust_env=parts.hostname not in LOOPBACK,
            verify=_tls(parts.scheme),
            headers={"accept-encoding": "identity", "accept": "application/json"},
        )

    def request(self, method: str, params: Sequence[object]) -> object:
        """Return the `result` of one request.

        Raises:
            NodeUnreachableError: Nobody answered in time, or asked us to come back later.
            NodeAnswerError: The answer is not one; `JsonRpcError` when it is an error object.
        """
        number = next(self._ids)
        body = {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}
        http_code, content = self._exchange(body)
        answer = self._parse(http_code, content)
        if answer.get("id") != number and not (answer.get("id") is None and "error" in answer):
            raise NodeAnswerError(f"{self.name} answered another request than ours (wrong JSON-RPC id)")
        if answer.get("error") is not None:
            error = error_from_object(answer["error"])
            if error.reason is NodeRefusal.RATE_LIMITED:
                raise NodeUnreachableError(f"{self.name} limits the rate: {error.text[:80]}", hint="try later")
            raise error
        if http_code != httpx.codes.OK:
            raise NodeAnswerError(f"{self.name} answered HTTP {http_code} to {method}", hint=_hint(http_code))
        if "result" not in answer:
            raise NodeAnswerError(f"{self.name} answered {method} with neither result nor error")
        return answer["result"]

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _exchange(self, body: object) -> tuple[int, bytes]:
        deadline = time.monotonic() + self._timeout_seconds
        content = bytearray()
        try:
            with self._client.stream("POST", self._url, json=body) as response:
                for chunk in response.iter_bytes():
                    content += chunk
                    if len(content) > ANSWER_BYTES_MAX:
                        raise NodeAnswerError(f"{self.name} answered with more than {ANSWER_BYTES_MAX} bytes")
                    if time.monotonic() > deadline:
                        raise self._unreachable(f"no whole answer within {self._timeout_seconds:g} s")
                http_code = response.status_code
        except httpx.TimeoutException as exc:
            raise self._unreachable(f"no answer within {self._timeout_seconds:g} s") from exc
        except httpx.ConnectError as exc:
            raise self._unreachable(str(exc) or "no connection") from exc
        except httpx.TransportError as exc:
            raise self._unreachable(f"the connection broke ({type(exc).__name__})") from exc
        except (httpx.InvalidURL, httpx.DecodingError) as exc:
            raise NodeAnswerError(f"{self.name} cannot be talked to ({type(exc).__name__})") from exc
        if http_code == RATE_LIMITED or http_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise self._unreachable(f"HTTP {http_code}")
        if httpx.codes.is_redirect(http_code):
            raise NodeAnswerError(
                f"{self.name} answered with a redirect (HTTP {http_code}), which is not followed",
                hint="give the URL that it points to, if you trust it",
            )
        return http_code, bytes(content)

    def _parse(self, http_code: int, content: bytes) -> dict[str, object]:
        if _is_deep(content):
            raise NodeAnswerError(f"{self.name} answered with JSON nested deeper than {ANSWER_DEPTH_MAX}")
        try:
            answer = json.loads(content.decode())
        except ValueError as exc:
            shown = f"HTTP {http_code}, beginning {content[:40]!r}"
            raise NodeAnswerError(
                f"{self.name} answered with something that is not JSON: {shown}", hint=_hint(http_code)
            ) from exc
        if not isinstance(answer, dict):
            raise NodeAnswerError(f"{self.name} answered with JSON that is no object")
        return answer

    def _unreachable(self, why: str) -> NodeUnreachableError:
        return NodeUnreachableError(
            f"{self.name} cannot be reached: {why}", hint="is the node running, and is the URL right?"
        )


def redact_url(url: str) -> str:
    """Return scheme, host and port of a URL, and `/…` for the rest.

    >>> redact_url("https://me:secret@node.example:8545/v3/key?token=1")
    'https://node.example:8545/…'
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "the URL"
    shown = f"[{host}]" if ":" in host else host
    rest = "/…" if parts.path.strip("/") or parts.query else ""
    return f"{parts.scheme}://{shown}" + (f":{port}" if port else "") + rest


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as exc:
        raise SettingsError(f"the RPC URL is not a URL: {redact_url(url)}") from exc
    if parts.scheme not in ("http", "https") or not host:
        raise SettingsError(
            "the RPC address must be http://…, https://… or embedded:FOLDER", hint="check --rpc or the settings"
        )
    return parts


def _tls(scheme: str) -> ssl.SSLContext | bool:
    # Loading the certificates of all authorities takes 30 ms, which plain http does not need: a context without any
    # trusts nobody.
    return True if scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _is_deep(content: bytes) -> bool:
    """Whether brackets outside strings nest too deep; asked before parsing, which recurses on the C stack."""
    if content.count(b"[") + content.count(b"{") <= ANSWER_DEPTH_MAX:
        return False
    depth = 0
    for found in _STRUCTURE.finditer(content):
        first = found.group()[:1]
        depth += (first in b"[{") - (first in b"]}")
        if depth > ANSWER_DEPTH_MAX:
            return True
    return False


def _hint(http_code: int) -> str:
    if http_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return "the node wants another key, or no calls from here"
    return "is this the URL of a node's JSON-RPC?"
