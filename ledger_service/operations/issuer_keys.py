"""The keys of the issuers as they are now: those of the settings, or fetched from where the settings say and kept.

Promises: a URL is asked at most once in `ASK_SECONDS_MIN` for a kid that is not known, whoever sends how many; no
request waits for another's question; keys that were withdrawn stop counting within `FRESH_SECONDS`. "I could not ask"
is an error of its own and never "no". Does not: fetch from any place that a token names.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil, inf

from ledger_service.errors import LedgerError
from ledger_service.operations.issuers import Issuer
from ledger_service.operations.key_set import KEY_SET_BYTES_MAX, KeySet, KeySetFormatError, PublicKey, parse_key_set
from ledger_service.outbound.connection import Rules
from ledger_service.outbound.get import Got, get

ASK_SECONDS_MIN = 60.0  # between two questions that an issuer answered: an unknown kid costs a stranger nothing to send
RETRY_SECONDS_MIN = 10.0  # after a question that nobody answered
FRESH_SECONDS = 3_600.0  # a key that its issuer withdrew counts no longer than this, while the issuer can be asked
BELIEVED_SECONDS = 86_400.0  # while it cannot be asked; then nothing is known about its tokens any more

Fetch = Callable[[str], Got]


class IssuerUnreachableError(LedgerError):
    """An issuer could not be asked for its keys. This says nothing about the token; `retry_after_seconds` says when
    to send it again."""

    def __init__(self, message: str, *, retry_after_seconds: int, hint: str = "") -> None:
        super().__init__(message, hint=hint or f"send it again in {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds


@dataclass(slots=True)
class _Known:
    """What is known of one issuer's URL. Times are of the monotonic clock; `failure` is empty after an answer."""

    asking: threading.Lock = field(default_factory=threading.Lock)
    key_set: KeySet | None = None
    answered_at: float = -inf
    asked_at: float = -inf
    failure: str = "it was not asked yet"


class IssuerKeys:
    """Finds the key that a token names. Safe to share between threads."""

    def __init__(self, fetch: Fetch, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Take what asks a URL, and a clock that nobody sets."""
        self._fetch = fetch
        self._monotonic = monotonic
        self._known: dict[str, _Known] = {}
        self._adding = threading.Lock()

    def find(self, issuer: Issuer, kid: str) -> PublicKey | None:
        """Return the issuer's key of this name; None: it has none.

        Raises:
            IssuerUnreachableError: The issuer could not be asked.
        """
        if issuer.jwks_url is None:
            assert issuer.key_set is not None  # one of the two; `issuers.py` says so
            return issuer.key_set.keys.get(kid)
        with self._adding:
            known = self._known.setdefault(issuer.name, _Known())
        key = self._believed(known, kid)
        if key is not None and self._monotonic() - known.answered_at < FRESH_SECONDS:
            return key
        self._ask(issuer, known)
        key = self._believed(known, kid)
        if key is None and known.failure:
            pause = 0.0 if known.asking.locked() else known.asked_at + RETRY_SECONDS_MIN - self._monotonic()
            raise IssuerUnreachableError(
                f"the issuer {issuer.name!r} could not be asked for its keys: {known.failure}",
                retry_after_seconds=max(1, ceil(pause)),
            )
        return key

    def examine(self, issuer: Issuer) -> KeySet:
        """Return the issuer's keys as they are now, asked anew.

        Raises:
            IssuerUnreachableError: It could not be asked.
        """
        if issuer.key_set is not None:
            return issuer.key_set
        known = _Known()
        self._ask(issuer, known)
        if known.key_set is None:
            raise IssuerUnreachableError(known.failure, retry_after_seconds=ceil(RETRY_SECONDS_MIN))
        return known.key_set

    def _believed(self, known: _Known, kid: str) -> PublicKey | None:
        if known.key_set is None or self._monotonic() - known.answered_at > BELIEVED_SECONDS:
            return None
        return known.key_set.keys.get(kid)

    def _ask(self, issuer: Issuer, known: _Known) -> None:
        """Ask for the keys, unless that was done a moment ago or is being done."""
        assert issuer.jwks_url is not None
        if not known.asking.acquire(blocking=False):
            return  # who holds it says how it went; until then the last answer stands
        try:
            pause = RETRY_SECONDS_MIN if known.failure else ASK_SECONDS_MIN
            if self._monotonic() - known.asked_at < pause:
                return
            # Until it has answered nothing is known; and a later look measures the pause from the beginning.
            known.asked_at, known.failure = self._monotonic(), "it is being asked"
            got = self._fetch(issuer.jwks_url)
            if got.body is None:
                known.failure = got.said
                return
            try:
                known.key_set = parse_key_set(got.body, issuer.algorithms)
            except KeySetFormatError as error:
                known.failure = error.message
                return
            known.answered_at, known.failure = self._monotonic(), ""
        finally:
            known.asking.release()


def fetch_with(rules: Rules) -> Fetch:
    """Return what asks a URL of the settings under the rules of `outbound/`."""

    def fetch(url: str) -> Got:
        return get(url, rules, bytes_max=KEY_SET_BYTES_MAX)

    return fetch
