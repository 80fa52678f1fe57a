"""An issuer of bearer tokens as tests play it: keys of every kind, a settings file, and tokens good and forged.

Promises: a token is put together by hand from header, claims and signature, so that nothing which a library would not
write is out of reach; only the signing itself is the library's.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from ledger_service.operations.key_set import ALGORITHMS

URL = "https://login.court.example/realms/staff"
AUDIENCE = "return-ledger"
SUBJECT = "f3b0c442-98fc"
LIFE_SECONDS = 300
SKEW_SECONDS = 30
AGE_SECONDS_MAX = 3600

SigningKey = RSAKey | ECKey | OKPKey
COUNTS: dict[str, Any] = {
    "name": "court",
    "issuer": URL,
    "audience": AUDIENCE,
    "algorithms": sorted(ALGORITHMS),
    "role": "arbitrator",
    "scopes": ["read", "record"],
    "acts_for": [],
    "countries": [],
    "party_claim": "sub",
    "reference_prefix": "court/",
    "clock_skew_seconds": SKEW_SECONDS,
    "token_age_seconds_max": AGE_SECONDS_MAX,
}


@cache
def key_of(algorithm: str, number: int = 0) -> SigningKey:
    """Return a private key for an algorithm; a family of RSA algorithms shares one, which costs time to make."""
    kty, curve = ALGORITHMS[algorithm]
    if kty == "RSA":
        return _rsa_key(number)
    return ECKey.generate_key(curve) if kty == "EC" else OKPKey.generate_key("Ed25519")


@cache
def _rsa_key(_number: int) -> RSAKey:
    return RSAKey.generate_key(2048)


def kid_of(algorithm: str, number: int = 0) -> str:
    """Return what the issuer calls that key."""
    return f"{algorithm.lower()}-{number}"


def public_jwk(algorithm: str, number: int = 0, **changed: Any) -> dict[str, Any]:
    """Return the public half of a key as the issuer publishes it."""
    members = dict(key_of(algorithm, number).as_dict(private=False))
    return {**members, "kid": kid_of(algorithm, number), "use": "sig", "alg": algorithm, **changed}


def key_set(*algorithms: str, number: int = 0) -> dict[str, Any]:
    """Return the issuer's JWK Set with a key for each of these algorithms; for all of them when none is named."""
    return {"keys": [public_jwk(name, number) for name in algorithms or sorted(ALGORITHMS)]}


def settings_file(*issuers: Mapping[str, Any]) -> bytes:
    """Return the bytes of a settings file; the test's court with keys for every algorithm when none is given."""
    listed = [dict(one) for one in issuers] or [{**COUNTS, "keys": {"jwks": key_set()}}]
    return json.dumps({"format": "return-ledger/issuers@v1", "issuers": listed}).encode()


def segment(value: object) -> str:
    """Return a segment of a token: of bytes as they are, of anything else its JSON."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims(now: float, **changed: Any) -> dict[str, Any]:
    """Return claims that count; a value of `...` leaves a claim out."""
    values = {
        "iss": URL,
        "aud": AUDIENCE,
        "sub": SUBJECT,
        "iat": int(now) - 10,
        "nbf": int(now) - 10,
        "exp": int(now) + LIFE_SECONDS,
        **changed,
    }
    return {name: value for name, value in values.items() if value is not ...}


def header(algorithm: str, number: int = 0, **changed: Any) -> dict[str, Any]:
    """Return the header that counts for an algorithm; a value of `...` leaves a member out."""
    values = {"alg": algorithm, "kid": kid_of(algorithm, number), "typ": "JWT", **changed}
    return {name: value for name, value in values.items() if value is not ...}


def sign(algorithm: str, head: object, body: object, *, number: int = 0) -> str:
    """Return a token of this header and body, properly signed with the issuer's key for `algorithm`."""
    message = f"{segment(head)}.{segment(body)}"
    model: Any = JWSRegistry.algorithms[algorithm]
    return f"{message}.{segment(model.sign(message.encode(), key_of(algorithm, number)))}"


def token(algorithm: str, now: float, *, number: int = 0, **changed: Any) -> str:
    """Return a token that counts, with some claims changed."""
    return sign(algorithm, header(algorithm, number), claims(now, **changed), number=number)
