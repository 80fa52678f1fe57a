"""Bearer tokens of issuers that the settings name: JSON Web Tokens (RFC 7519) of the staff of courts and others.

A token is read in this order, and the first thing that is wrong ends it: its size; its header, before anything else is
believed; its claims, each of its exact type; its issuer, which fixes the algorithms and the keys; its times; last its
signature. Header and claims go through the strict parser of `core/encoding.py`, once: a name that stands twice is
refused, and nobody reads them a second time in another way.

Promises: who sends a forged token learns nothing but that it does not count; `TokenRefusedError.reason` is for the
operator's log. No URL, key or certificate in a token is looked at. Does not: revoke anything: a token ends by itself.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Sequence
from enum import StrEnum
from hashlib import sha256
from typing import Any

from ledger_service.core import encoding
from ledger_service.core.encoding import INTEGER_MAX, Json
from ledger_service.errors import CredentialError, FormatError
from ledger_service.operations.access import member_of
from ledger_service.operations.issuer_keys import IssuerKeys
from ledger_service.operations.issuers import REFERENCE_CHARACTERS_MAX, Issuer
from ledger_service.operations.key_set import KID, decode_segment
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.principal import Principal
from ledger_service.operations.pseudonyms import Party

TOKEN_CHARACTERS_MAX = 8_192  # what the API takes of an Authorization header; usual tokens have 1,000 to 3,000
HEADER_BYTES_MAX = 512
CLAIMS_DEPTH_MAX = 8  # nested claims of large issuers have 3 or 4 levels
AUDIENCES_MAX = 16
SUBJECT_CHARACTERS_MAX = 255  # OpenID Connect Core §2
NAME_DIGITS = 12  # of the short name in a log line: no two members of one staff share it by chance

_SEGMENTS = re.compile(r"([A-Za-z0-9_-]{1,700})\.([A-Za-z0-9_-]{1,8192})\.([A-Za-z0-9_-]{1,1400})")
_VISIBLE = re.compile(r"[ -~\u00a0-\U0010ffff]+")  # no control characters: a name is shown to people
_TYPES = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})  # RFC 7519 §5.1, RFC 9068 §2.1
_THUMBPRINTS = ("x5t", "x5t#S256")  # some issuers send them; they name a certificate, and are not looked at


class Fault(StrEnum):
    """What is wrong with a token that does not count."""

    FORM = "form"
    HEADER = "header"
    ALGORITHM = "algorithm"
    KEY_ID = "key_id"
    TYPE = "type"
    CLAIMS = "claims"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    EXPIRED = "expired"
    NOT_YET = "not_yet"
    TOO_OLD = "too_old"
    PARTY = "party"
    UNKNOWN_KEY = "unknown_key"
    SIGNATURE = "signature"


class TokenRefusedError(CredentialError):
    """A token does not count. Its sender is told as little as `CredentialError` tells; `reason` is for the log."""

    def __init__(self, reason: Fault) -> None:
        super().__init__("the credential does not count", hint="it may be unknown, used, revoked or expired")
        self.reason = reason


class BearerTokens:
    """Reads the tokens of the issuers of one ledger. Safe to share between threads."""

    def __init__(self, ledger: Ledger, issuers: Sequence[Issuer], keys: IssuerKeys) -> None:
        """Take the ledger that the parties belong to, who may issue, and what finds their keys."""
        self._ledger = ledger
        self._issuers = {issuer.url: issuer for issuer in issuers}
        self._keys = keys
        self._naming = secrets.token_bytes(32)  # of this process: names in its log lead to nobody afterwards

    def authenticate(self, token: str) -> Principal:
        """Return who a token speaks for.

        Raises:
            TokenRefusedError: It does not count.
            IssuerUnreachableError: Its issuer's keys could not be fetched.
        """
        return self._read(token)[0]

    def signed_in(self, token: str, issuer: Issuer, *, nonce: str) -> tuple[Principal, int]:
        """Return who signed in at an issuer for our pages, and when its ID token ends (seconds since 1970).

        Args:
            token: The ID token, as it came from the issuer's own token endpoint.
            issuer: Who was asked.
            nonce: That the browser was sent away with; a token for another sign-in has another.

        Raises:
            TokenRefusedError, IssuerUnreachableError: As `authenticate`.
        """
        assert issuer.pages is not None  # who has none is never asked
        client_id = issuer.pages.client_id
        principal, claims = self._read(token, audience=client_id, issuer=issuer)
        given, named = claims.get("nonce"), claims["aud"]
        if not isinstance(given, str) or not hmac.compare_digest(given.encode(), nonce.encode()):
            raise TokenRefusedError(Fault.CLAIMS)
        alone = named in (client_id, [client_id])  # OpenID Connect Core §3.1.3.7: else `azp` says whose it is
        if claims.get("azp", client_id if alone else None) != client_id:
            raise TokenRefusedError(Fault.AUDIENCE)
        return principal, claims["exp"]

    def _read(
        self, token: str, *, audience: str | None = None, issuer: Issuer | None = None
    ) -> tuple[Principal, dict[str, Any]]:
        """Return who a token speaks for and its claims; of an issuer and for an audience, where these are given."""
        found = _SEGMENTS.fullmatch(token) if len(token) <= TOKEN_CHARACTERS_MAX else None
        if found is None:
            raise TokenRefusedError(Fault.FORM)
        algorithm, kid = _read_header(found[1])
        claims = _parse(found[2], Fault.CLAIMS, bytes_max=TOKEN_CHARACTERS_MAX)
        named = self._issuer(claims)
        if issuer is not None and named is not issuer:
            raise TokenRefusedError(Fault.ISSUER)
        issuer = named
        if algorithm not in issuer.algorithms:
            raise TokenRefusedError(Fault.ALGORITHM)
        _require_audience(claims.get("aud"), audience or issuer.audience)
        _require_times(claims, issuer, now=self._ledger.clock().timestamp())
        subject, party = _subject(claims), _party(claims, issuer)
        key = self._keys.find(issuer, kid)
        if key is None:
            raise TokenRefusedError(Fault.UNKNOWN_KEY)
        signature = _decode(found[3], Fault.SIGNATURE)
        if not key.signed(algorithm, f"{found[1]}.{found[2]}".encode(), signature):
            raise TokenRefusedError(Fault.SIGNATURE)
        mark = member_of(self._ledger, party).mark
        return principal_at(issuer, party, mark, name=self._name(issuer, subject)), claims

    def _issuer(self, claims: dict[str, Any]) -> Issuer:
        named = claims.get("iss")
        issuer = self._issuers.get(named) if isinstance(named, str) else None
        if issuer is None:
            raise TokenRefusedError(Fault.ISSUER)
        return issuer

    def _name(self, issuer: Issuer, subject: str) -> str:
        digest = hmac.digest(self._naming, f"{issuer.url}\n{subject}".encode(), sha256)
        return f"{issuer.name}:{digest.hex()[:NAME_DIGITS]}"


def principal_at(issuer: Issuer, party: Party, mark: bytes, *, name: str) -> Principal:
    """Return a member of an issuer's staff, with what the settings let it do."""
    return Principal(
        party=party,
        mark=mark,
        name=name,
        scopes=issuer.scopes,
        acts_for=issuer.acts_for,
        countries=issuer.countries,
        issuer=issuer.name,
    )


def _read_header(segment: str) -> tuple[str, str]:
    """Return algorithm and kid of a header that holds nothing else that could mean anything (RFC 7515 §4)."""
    header = _parse(segment, Fault.HEADER, bytes_max=HEADER_BYTES_MAX)
    # Named are the members that may be there: `jku`, `jwk`, `x5u`, `x5c`, `crit`, `b64`, `zip` and `cty` are refused,
    # and so is whatever is invented next.
    if not set(header) <= {"alg", "kid", "typ", *_THUMBPRINTS}:
        raise TokenRefusedError(Fault.HEADER)
    if not all(isinstance(value, str) for value in header.values()):
        raise TokenRefusedError(Fault.HEADER)
    if "alg" not in header:
        raise TokenRefusedError(Fault.ALGORITHM)
    if not KID.fullmatch(header.get("kid", "")):
        raise TokenRefusedError(Fault.KEY_ID)
    if header.get("typ", "JWT").lower() not in _TYPES:
        raise TokenRefusedError(Fault.TYPE)
    return header["alg"], header["kid"]


def _require_audience(value: Json, audience: str) -> None:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not 0 < len(listed) <= AUDIENCES_MAX:
        raise TokenRefusedError(Fault.AUDIENCE)
    if not all(isinstance(one, str) for one in listed) or audience not in listed:
        raise TokenRefusedError(Fault.AUDIENCE)


def _require_times(claims: dict[str, Any], issuer: Issuer, *, now: float) -> None:
    """Refuse a token outside its time (RFC 7519 §4.1.4 to §4.1.6), the skew of two clocks allowed for."""
    skew = issuer.clock_skew_seconds
    expires, issued = _seconds(claims.get("exp")), _seconds(claims.get("iat"))
    begins = _seconds(claims["nbf"]) if "nbf" in claims else issued
    if expires <= issued or expires <= begins:
        raise TokenRefusedError(Fault.CLAIMS)
    if now >= expires + skew:
        raise TokenRefusedError(Fault.EXPIRED)
    if now < max(begins, issued) - skew:
        raise TokenRefusedError(Fault.NOT_YET)
    if now - issued > issuer.token_age_seconds_max + skew:
        raise TokenRefusedError(Fault.TOO_OLD)


def _seconds(value: Json) -> int:
    if type(value) is not int or not 0 <= value <= INTEGER_MAX:  # not a float, not text, not `true`
        raise TokenRefusedError(Fault.CLAIMS)
    return value


def _subject(claims: dict[str, Any]) -> str:
    value = claims.get("sub")
    if not isinstance(value, str) or not 0 < len(value) <= SUBJECT_CHARACTERS_MAX or not _VISIBLE.fullmatch(value):
        raise TokenRefusedError(Fault.CLAIMS)
    return value


def _party(claims: dict[str, Any], issuer: Issuer) -> Party:
    value = claims.get(issuer.party_claim)
    if not isinstance(value, str) or not _VISIBLE.fullmatch(value):
        raise TokenRefusedError(Fault.PARTY)
    reference = issuer.reference_prefix + value
    if len(reference) > REFERENCE_CHARACTERS_MAX:
        raise TokenRefusedError(Fault.PARTY)
    return Party(issuer.role, reference)


def _parse(segment: str, fault: Fault, *, bytes_max: int) -> dict[str, Any]:
    try:
        value = encoding.parse(_decode(segment, fault), bytes_max=bytes_max, depth_max=CLAIMS_DEPTH_MAX)
    except FormatError:
        raise TokenRefusedError(fault) from None
    if not isinstance(value, dict):
        raise TokenRefusedError(fault)
    return value


def _decode(segment: str, fault: Fault) -> bytes:
    try:
        return decode_segment(segment)
    except FormatError:
        raise TokenRefusedError(fault) from None
