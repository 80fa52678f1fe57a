"""Forged bearer tokens, for each algorithm: what people try, each properly signed where that is what makes it forged.

`forgeries` yields (what, reason, token); the reason is what an honest reader gives. A token that only fails its
signature says nothing about the check that it was made for, so all but the last families carry a good one.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Iterator
from typing import Any

from joserfc.jws import JWSRegistry

from ledger_service.operations.bearer import Fault
from ledger_service.operations.key_set import ALGORITHMS
from tests.issuer import (
    AGE_SECONDS_MAX,
    AUDIENCE,
    SKEW_SECONDS,
    URL,
    claims,
    header,
    key_of,
    kid_of,
    public_jwk,
    segment,
    sign,
    token,
)

Forged = tuple[str, Fault, str]

_HEADER_MEMBERS: dict[str, Any] = {
    "jku": "https://attacker.example/keys",
    "x5u": "https://attacker.example/certificate",
    "x5c": ["MIIB"],
    "crit": ["exp"],
    "b64": False,
    "zip": "DEF",
    "cty": "JWT",
    "enc": "A256GCM",
    "nonce": "1",
    "url": "https://attacker.example/",
}
_KIDS: tuple[tuple[object, Fault], ...] = (
    ("../../../../dev/null", Fault.KEY_ID),
    ("/proc/self/environ", Fault.KEY_ID),
    ("..\\..\\keys", Fault.KEY_ID),
    ("https://attacker.example/keys.json", Fault.KEY_ID),
    ("file:///etc/passwd", Fault.KEY_ID),
    ("' OR '1'='1", Fault.KEY_ID),
    ("key\n", Fault.KEY_ID),
    ("key\x00", Fault.HEADER),
    ("k" * 129, Fault.KEY_ID),
    ("ключ", Fault.KEY_ID),
    ("", Fault.KEY_ID),
    (..., Fault.KEY_ID),
    (7, Fault.HEADER),
    (None, Fault.HEADER),
    (["key"], Fault.HEADER),
    ({"key": 1}, Fault.HEADER),
    ("nobody-has-this", Fault.UNKNOWN_KEY),
)
_ALGORITHM_NAMES: tuple[tuple[object, Fault], ...] = (
    ("none", Fault.ALGORITHM),
    ("None", Fault.ALGORITHM),
    ("nOnE", Fault.ALGORITHM),
    ("", Fault.ALGORITHM),
    ("RS1", Fault.ALGORITHM),
    ("ES256K", Fault.ALGORITHM),
    ("Ed448", Fault.ALGORITHM),
    ("dir", Fault.ALGORITHM),
    (..., Fault.ALGORITHM),
    (None, Fault.HEADER),
    (["RS256"], Fault.HEADER),
    (True, Fault.HEADER),
)
_NO_SECONDS: tuple[Any, ...] = ("1790000000", 1.79e9, True, None, -1, 2**53, [1], {}, "")
_NO_ISSUER: tuple[object, ...] = (..., URL + "/", URL.upper(), URL.replace("https", "http"), "", [URL], 1, None)
_NO_AUDIENCE: tuple[object, ...] = (
    ..., "another", AUDIENCE + " ", AUDIENCE.upper(), "", [], ["another"], [AUDIENCE, 1], [[AUDIENCE]], {AUDIENCE: 1},
    [AUDIENCE] * 17, None, True,
)  # fmt: skip
_NO_SUBJECT: tuple[object, ...] = (..., "", 7, None, ["f"], "s" * 256, "a\nb", "a\u0085b")


def forgeries(algorithm: str, now: float) -> Iterator[Forged]:
    """Yield forged tokens that pretend to be of the issuer's key for an algorithm."""
    yield from _headers(algorithm, now)
    yield from _claims(algorithm, now)
    yield from _doubled(algorithm, now)
    yield from _not_json(algorithm, now)
    yield from _shapes(algorithm, now)
    yield from _under_a_public_key(algorithm, now)
    yield from _signatures(algorithm, now)


def _headers(algorithm: str, now: float) -> Iterator[Forged]:
    body = claims(now)
    for name, value in _HEADER_MEMBERS.items():
        yield f"header {name}", Fault.HEADER, sign(algorithm, header(algorithm, **{name: value}), body)
    own = public_jwk(algorithm, 1)
    yield "own key in the header", Fault.HEADER, sign(algorithm, header(algorithm, 1, jwk=own), body, number=1)
    for kid, fault in _KIDS:
        yield f"kid {kid!r:.40}", fault, sign(algorithm, header(algorithm, kid=kid), body)
    for called, fault in _ALGORITHM_NAMES:
        yield f"alg {called!r}", fault, sign(algorithm, header(algorithm, alg=called), body)
    for typ in ("JWE", "dpop+jwt", "logout+jwt", "secevent+jwt", ""):
        yield f"typ {typ!r}", Fault.TYPE, sign(algorithm, header(algorithm, typ=typ), body)
    yield "typ 1", Fault.HEADER, sign(algorithm, header(algorithm, typ=1), body)


def _claims(algorithm: str, now: float) -> Iterator[Forged]:
    at = int(now)
    late: dict[str, tuple[Fault, dict[str, Any]]] = {
        "expired": (Fault.EXPIRED, {"exp": at - SKEW_SECONDS - 1, "iat": at - 900, "nbf": at - 900}),
        "not yet": (Fault.NOT_YET, {"nbf": at + SKEW_SECONDS + 60}),
        "issued later": (Fault.NOT_YET, {"iat": at + SKEW_SECONDS + 60, "nbf": ...}),
        "issued long ago": (Fault.TOO_OLD, {"iat": at - AGE_SECONDS_MAX - SKEW_SECONDS - 60}),
        "ends before it begins": (Fault.CLAIMS, {"nbf": at + 20, "exp": at + 10}),
        "ends when it is issued": (Fault.CLAIMS, {"iat": at, "nbf": ..., "exp": at}),
        "for ever": (Fault.CLAIMS, {"exp": ...}),
        "of no day": (Fault.CLAIMS, {"iat": ...}),
        "a sentence as party": (Fault.CLAIMS, {"sub": "a\u0000b"}),
    }
    for what, (fault, changed) in late.items():
        yield what, fault, token(algorithm, now, **changed)
    for name in ("exp", "iat", "nbf"):
        for value in _NO_SECONDS:
            changed = {name: value}
            yield f"{name} {value!r}", Fault.CLAIMS, token(algorithm, now, **changed)
    for value in _NO_ISSUER:
        yield f"iss {value!r}", Fault.ISSUER, token(algorithm, now, iss=value)
    for value in _NO_AUDIENCE:
        yield f"aud {value!r:.60}", Fault.AUDIENCE, token(algorithm, now, aud=value)
    for value in _NO_SUBJECT:
        yield f"sub {value!r:.40}", Fault.CLAIMS, token(algorithm, now, sub=value)


def _doubled(algorithm: str, now: float) -> Iterator[Forged]:
    """A name that stands twice: one reader takes the first, another the last."""
    head, body = json.dumps(header(algorithm)), json.dumps(claims(now))
    for name in ("alg", "kid", "typ"):
        doubled = head[:-1] + f', "{name}": {json.dumps(header(algorithm)[name])}}}'
        yield f"header {name} twice", Fault.HEADER, sign(algorithm, doubled.encode(), claims(now))
    for name in ("iss", "aud", "sub", "exp", "iat"):
        doubled = body[:-1] + f', "{name}": {json.dumps(claims(now)[name])}}}'
        yield f"{name} twice", Fault.CLAIMS, sign(algorithm, header(algorithm), doubled.encode())
    escaped = body[:-1] + f', "\\u0069ss": "{URL}"}}'
    yield "iss twice, escaped", Fault.CLAIMS, sign(algorithm, header(algorithm), escaped.encode())


def _not_json(algorithm: str, now: float) -> Iterator[Forged]:
    text = json.dumps(claims(now))
    bodies: dict[str, bytes] = {
        "a list": b"[]",
        "a word": b'"claims"',
        "nothing": b"{}x",
        "a byte order mark": b"\xef\xbb\xbf" + text.encode(),
        "UTF-16": text.encode("utf-16"),
        "Latin-1": text.replace("court", "caf\u00e9").encode("latin-1"),
        "a trailing comma": text.replace("}", ",}").encode(),
        "NaN": text.replace("}", ', "x": NaN}').encode(),
        "deep": text.replace("}", ', "x": ' + "[" * 9 + "]" * 9 + "}").encode(),
    }
    for what, body in bodies.items():
        yield f"claims: {what}", Fault.CLAIMS, sign(algorithm, header(algorithm), body)
        if what != "deep":
            yield f"header: {what}", Fault.HEADER, sign(algorithm, body, claims(now))
    wide = json.dumps(header(algorithm, x5t="a" * 520)).encode()
    yield "header: too long", Fault.FORM, sign(algorithm, wide, claims(now))


def _shapes(algorithm: str, now: float) -> Iterator[Forged]:
    good = token(algorithm, now)
    head, body, signature = good.split(".")
    shapes = {
        "no signature": f"{head}.{body}.",
        "no signature, no dot": f"{head}.{body}",
        "no claims": f"{head}..{signature}",
        "no header": f".{body}.{signature}",
        "four parts": f"{good}.{signature}",
        "five parts": f"{good}.{signature}.{signature}",
        "padding": f"{head}=.{body}.{signature}",
        "plain base64": f"{head}.{body}.{signature[:-1]}+",
        "a prefix": f"x.{good}",
        "too long": f"{head}.{body}{'A' * 8192}.{signature}",
    }
    for what, shape in shapes.items():
        yield what, Fault.FORM, shape
    yield "a second spelling of the signature", Fault.SIGNATURE, f"{head}.{body}.{_respelled(signature)}"


def _under_a_public_key(algorithm: str, now: float) -> Iterator[Forged]:
    """The public key, which everybody has, taken for the secret of a MAC."""
    key = key_of(algorithm)
    secrets = {
        "PEM": key.as_pem(private=False),
        "DER": key.as_der(private=False),
        "JWK": json.dumps(public_jwk(algorithm)).encode(),
        "nothing": b"",
    }
    for digest in ("256", "384", "512"):
        for what, secret in secrets.items():
            message = f"{segment(header(algorithm, alg=f'HS{digest}'))}.{segment(claims(now))}"
            mac = hmac.digest(secret, message.encode(), f"sha{digest}")
            yield f"HS{digest} with the {what}", Fault.ALGORITHM, f"{message}.{segment(mac)}"


def _signatures(algorithm: str, now: float) -> Iterator[Forged]:
    good = token(algorithm, now)
    head, body, signature = good.split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    for place in (0, len(raw) // 2, len(raw) - 1):
        flipped = bytearray(raw)
        flipped[place] ^= 1
        yield f"signature, byte {place}", Fault.SIGNATURE, f"{head}.{body}.{segment(bytes(flipped))}"
    others = {
        "cut": raw[:-1],
        "longer": raw + b"\0",
        "nothing but zeros": bytes(len(raw)),  # r = s = 0: one famous verifier took it
        "a byte": b"\x30",
    }
    for what, forged in others.items():
        yield f"signature: {what}", Fault.SIGNATURE, f"{head}.{body}.{segment(forged)}"
    yield "another's key", Fault.SIGNATURE, sign(algorithm, header(algorithm), claims(now), number=1)
    richer = segment(claims(now, sub="somebody-else"))
    yield "another's claims", Fault.SIGNATURE, f"{head}.{richer}.{signature}"
    yield "another header", Fault.SIGNATURE, f"{segment(header(algorithm, typ='at+jwt'))}.{body}.{signature}"
    for other in sorted(set(ALGORITHMS) - {algorithm}):
        model: Any = JWSRegistry.algorithms[algorithm]
        message = f"{segment(header(other))}.{body}"  # names another algorithm and its key, signed with this one's
        mixed = f"{message}.{segment(model.sign(message.encode(), key_of(algorithm)))}"
        if ALGORITHMS[other] != ALGORITHMS[algorithm] or ALGORITHMS[other][0] == "RSA":
            yield f"signed as {algorithm}, called {other}", Fault.SIGNATURE, mixed
        wrong_kid = sign(algorithm, header(algorithm, kid=kid_of(other)), claims(now))
        yield f"the kid of the {other} key", Fault.SIGNATURE, wrong_kid


def _respelled(text: str) -> str:
    """Return base64url that decodes to the same bytes, or nearly, in a spelling that is not the one."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + alphabet[alphabet.index(text[-1]) ^ 1]
