"""A small OpenID provider on this machine: real HTTP, real signatures, one member of staff who is always signed in.

Promises: it gives an ID token for a code once, to the client that the code is for, at the same redirect address, and
only to who knows the verifier of the challenge. `spoil` changes what it answers, as one that is wrong or hostile would.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from tests.issuer import COUNTS, key_set, token

CLIENT = "return-ledger-pages"
SECRET = "a_secret:_with_+_and_%"
ALGORITHM = "ES256"


@dataclass
class Provider:
    """What the provider knows, and how it is wrong. `client` and `secret` are who may exchange its codes."""

    now: Callable[[], float]
    url: str = ""
    client: str = CLIENT
    secret: str | None = SECRET
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    spoil: dict[str, Any] = field(default_factory=dict)  # claims of the ID token, to change them
    answer: tuple[int, bytes] | None = None  # of the token endpoint, in place of the right one
    seen: list[str] = field(default_factory=list)  # paths that were asked

    def issuer(self, address: str, folder: Any, **changed: Any) -> dict[str, Any]:
        """Return the provider as a file of issuers names it, for a service at an address."""
        pages: dict[str, Any] = {
            "authorization_url": f"{self.url}/authorize",
            "token_url": f"{self.url}/token",
            "client_id": self.client,
            "redirect_url": f"{address}/staff/back",
        }
        if self.secret is not None:
            (folder / "client.secret").write_text(self.secret + "\n")
            pages["client_secret_file"] = str(folder / "client.secret")
        return {
            **COUNTS,
            "name": "ministry",
            "issuer": self.url,
            "algorithms": [ALGORITHM],
            "keys": {"jwks_url": f"{self.url}/keys"},
            "role": "regulator",
            "scopes": ["read", "export"],
            "countries": ["DE"],
            "reference_prefix": "ministry/",
            "pages": pages,
            **changed,
        }

    def authorize(self, asked: dict[str, str]) -> str:
        """Return where a browser is sent back to, with a code."""
        assert asked["response_type"] == "code"
        assert (asked["client_id"], asked["scope"], asked["code_challenge_method"]) == (self.client, "openid", "S256")
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?" + urlencode({"code": code, "state": asked["state"], "iss": self.url})

    def exchange(self, sent: dict[str, str], authorization: str) -> tuple[int, bytes]:
        """Return the answer of the token endpoint."""
        if self.answer is not None:
            return self.answer
        asked = self.codes.pop(sent.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(sha256(sent.get("code_verifier", "").encode()).digest()).rstrip(b"=")
        if self.secret is not None:
            name, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
            if (unquote(name), unquote(secret)) != (self.client, self.secret):
                return 401, b"{}"
        if asked is None or asked["code_challenge"].encode() != challenge:
            return 400, b'{"error": "invalid_grant"}'
        if (sent["client_id"], sent["redirect_uri"]) != (self.client, asked["redirect_uri"]):
            return 400, b'{"error": "invalid_grant"}'
        claims = {"iss": self.url, "aud": self.client, "nonce": asked["nonce"], **self.spoil}
        return 200, json.dumps({"token_type": "Bearer", "id_token": token(ALGORITHM, self.now(), **claims)}).encode()


@contextmanager
def provider(now: Callable[[], float]) -> Iterator[Provider]:
    """Run a provider on a free port."""
    made = Provider(now)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            made.seen.append(self.path)
            place = urlsplit(self.path)
            if place.path == "/authorize":
                asked = {name: values[0] for name, values in parse_qs(place.query).items()}
                self._send(303, b"", location=made.authorize(asked))
            else:
                self._send(200, json.dumps(key_set(ALGORITHM)).encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            sent = {name: values[0] for name, values in parse_qs(body).items()}
            self._send(*made.exchange(sent, self.headers.get("authorization", "")))

        def _send(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in {
                "content-type": "application/json",
                "content-length": str(len(body)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
