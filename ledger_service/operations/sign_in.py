"""Sign staff in at their own provider: OpenID Connect's code flow (Core §3.1) with PKCE (RFC 7636).

The browser is sent away with a state, a nonce and the hash of a verifier; it comes back with a code, which is exchanged
for an ID token at the provider itself. Promises: a code counts only in the browser that was sent away, once, for the
provider that was asked (RFC 9207 where it names itself), and an ID token only with this sign-in's nonce; who may do
what stands in the settings. Does not: keep a token of the provider: the session ends when the ID token would.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import quote, urlencode

from ledger_service.core import encoding
from ledger_service.errors import CredentialError, FormatError, LedgerError
from ledger_service.operations.bearer import BearerTokens
from ledger_service.operations.issuers import Issuer
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.staff import SignedIn, sign_in_with_issuer
from ledger_service.outbound.connection import Rules
from ledger_service.outbound.exchange import exchange

ANSWER_BYTES_MAX = 65_536  # tokens of large issuers have 3 KB, and there may be three of them
AWAY_SECONDS_MAX = 600  # for a password and a second factor
CODE_CHARACTERS_MAX = 2_048
_CODE = re.compile(rf"[!-~]{{1,{CODE_CHARACTERS_MAX}}}")
_KEPT = re.compile(r"([a-z][a-z0-9-]{0,31})\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{43})")


class ProviderError(LedgerError):
    """The provider could not be asked, or its answer is none; this says nothing about who wants to sign in."""


@dataclass(frozen=True, slots=True)
class Away:
    """Where a browser is sent, and what it keeps until it is back."""

    url: str
    kept: str


class Providers:
    """The issuers at which staff sign in for the pages. Safe to share between threads."""

    def __init__(self, ledger: Ledger, issuers: Sequence[Issuer], tokens: BearerTokens, rules: Rules) -> None:
        """Take the ledger, the issuers of the settings, what reads their tokens, and how to connect to them."""
        self._ledger = ledger
        self._tokens = tokens
        self._rules = rules
        self.issuers: Mapping[str, Issuer] = {one.name: one for one in issuers}

    @property
    def names(self) -> list[str]:
        """The names of those that have pages to sign in on."""
        return [name for name, one in self.issuers.items() if one.pages is not None]

    def send(self, name: str) -> Away:
        """Return where to send a browser.

        Raises:
            CredentialError: There is no such provider.
        """
        issuer = self._named(name)
        assert issuer.pages is not None
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": issuer.pages.client_id,
            "redirect_uri": issuer.pages.redirect_url,
            "scope": "openid",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in issuer.pages.authorization_url else "?"
        url = f"{issuer.pages.authorization_url}{joint}{urlencode(asked)}"
        return Away(url, f"{name}.{state}.{nonce}.{verifier}")

    def take_back(self, kept: str, answer: Mapping[str, str]) -> SignedIn:
        """Return the session of a browser that came back.

        Args:
            kept: What it kept.
            answer: What the provider put into the URL.

        Raises:
            CredentialError: It was not sent from here, was refused there, or the token does not count.
            ProviderError, IssuerUnreachableError: The provider could not be asked.
        """
        found = _KEPT.fullmatch(kept)
        if found is None:
            raise _refusal()
        issuer, (_, state, nonce, verifier) = self._named(found[1]), found.groups()
        if not hmac.compare_digest(answer.get("state", "").encode(), state.encode()):
            raise _refusal()
        if (
            answer.get("iss", issuer.url) != issuer.url
            or "error" in answer
            or not _CODE.fullmatch(answer.get("code", ""))
        ):
            raise _refusal()
        token = self._exchange(issuer, answer["code"], verifier)
        principal, ends = self._tokens.signed_in(token, issuer, nonce=nonce)
        return sign_in_with_issuer(self._ledger, principal, ends=ends)

    def _named(self, name: str) -> Issuer:
        issuer = self.issuers.get(name)
        if issuer is None or issuer.pages is None:
            raise _refusal()
        return issuer

    def _exchange(self, issuer: Issuer, code: str, verifier: str) -> str:
        """Return the ID token for a code (RFC 6749 §4.1.3)."""
        pages = issuer.pages
        assert pages is not None
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": pages.redirect_url,
            "client_id": pages.client_id,
            "code_verifier": verifier,
        }
        headers = {}
        if pages.client_secret is not None:  # RFC 6749 §2.3.1: both are form-encoded first
            pair = f"{quote(pages.client_id, safe='')}:{quote(pages.client_secret, safe='')}"
            headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        got = exchange(pages.token_url, fields, self._rules, bytes_max=ANSWER_BYTES_MAX, headers=headers)
        if got.body is None and got.said in ("400", "401"):
            raise _refusal()  # the code was used, or is not this browser's
        if got.body is None:
            raise ProviderError(f"the provider {issuer.name!r} could not be asked: {got.said}", hint="try again")
        try:
            value = encoding.parse(got.body, bytes_max=ANSWER_BYTES_MAX)
        except FormatError:
            value = None
        token = value.get("id_token") if isinstance(value, dict) else None
        if not isinstance(token, str):
            raise ProviderError(f"the provider {issuer.name!r} sent no ID token", hint="ask for the scope openid")
        return token


def _refusal() -> CredentialError:
    return CredentialError("the sign-in does not count", hint="begin again")
