"""What every route works on: the opened ledger, its settings, and what the process remembers between requests.

Promises: one of these for each application; routes reach it through the request. Does not: hold anything that must
survive the process.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import sha256

from fastapi import Request

from ledger_service.api.receiving import Pace, Receiving
from ledger_service.errors import CredentialError
from ledger_service.operations.asked import Uploaded
from ledger_service.operations.bearer import BearerTokens
from ledger_service.operations.credentials import authenticate, is_ours
from ledger_service.operations.issuer_keys import IssuerKeys, fetch_with
from ledger_service.operations.issuers import load_issuers
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.principal import Principal
from ledger_service.operations.sign_in import Providers
from ledger_service.outbound.connection import Rules
from ledger_service.settings import Settings

CREDENTIAL_SECONDS = 0.5  # how long a credential is believed without a look: a revocation counts within a second
CREDENTIALS_REMEMBERED = 4_096


class Callers:
    """Who the tokens of the last moments belong to; what did not count is never remembered."""

    def __init__(self, ledger: Ledger, bearer: BearerTokens) -> None:
        """Take the ledger whose credentials count, and what reads the tokens of others."""
        self._ledger = ledger
        self._bearer = bearer
        self._known: OrderedDict[bytes, tuple[float, Principal]] = OrderedDict()

    def of(self, token: str) -> Principal:
        """Return who holds a token.

        Raises:
            CredentialError: It does not count.
            IssuerUnreachableError: It is not ours, and its issuer could not be asked.
        """
        digest, now = sha256(token.encode("utf-8", "replace")).digest(), time.monotonic()
        if (known := self._known.get(digest)) is not None and now - known[0] < CREDENTIAL_SECONDS:
            return known[1]
        try:
            principal = authenticate(self._ledger, token) if is_ours(token) else self._bearer.authenticate(token)
        except CredentialError:
            self._known.pop(digest, None)
            raise
        self._known[digest] = (now, principal)
        while len(self._known) > CREDENTIALS_REMEMBERED:
            self._known.popitem(last=False)
        return principal


class Limiter:
    """Token buckets, one for each caller: `rate` requests a second, `burst` at once; 0 means no limit."""

    def __init__(self, *, rate: float, burst: int) -> None:
        """Take the figures of the settings."""
        self._rate = rate
        self._burst = burst
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, who: str) -> float:
        """Take one request from a caller's bucket; return 0, or the seconds until there is one."""
        if not self._rate:
            return 0.0
        now = time.monotonic()
        left, then = self._left.pop(who, (float(self._burst), now))
        left = min(float(self._burst), left + (now - then) * self._rate)
        waiting = 0.0 if left >= 1 else (1 - left) / self._rate
        self._left[who] = (left if waiting else left - 1, now)
        while len(self._left) > CREDENTIALS_REMEMBERED:
            self._left.popitem(last=False)
        return waiting

    def give_back(self, who: str) -> None:
        """Put a request back into a bucket that it was taken from."""
        if (known := self._left.get(who)) is not None:
            self._left[who] = (min(float(self._burst), known[0] + 1), known[1])


@dataclass(slots=True)
class Service:
    """An application's parts. To make them raises `SettingsError` where the file of issuers is refused."""

    ledger: Ledger
    settings: Settings
    callers: Callers = field(init=False)
    providers: Providers = field(init=False)
    limiter: Limiter = field(init=False)
    receiving: Receiving = field(default_factory=Receiving)
    pace: Pace = field(default_factory=Pace)

    def __post_init__(self) -> None:
        local = self.settings.oidc_allow_loopback
        issuers, rules = load_issuers(self.settings.oidc_file, allow_loopback=local), Rules(allow_loopback=local)
        tokens = BearerTokens(self.ledger, issuers, IssuerKeys(fetch_with(rules)))
        self.callers = Callers(self.ledger, tokens)
        self.providers = Providers(self.ledger, issuers, tokens, rules)
        self.limiter = Limiter(rate=self.settings.requests_per_second_max, burst=self.settings.requests_burst_max)

    def upload(self, principal: Principal, kind: str, digest: bytes) -> tuple[str, Uploaded]:
        """Return a file that the caller uploaded before, as evidence of a kind; `record` finds it, or refuses."""
        return kind, Uploaded(principal.mark, digest)


def service_of(request: Request) -> Service:
    """Return the parts of the application that a request came to."""
    found = request.app.state.service
    assert isinstance(found, Service)
    return found
