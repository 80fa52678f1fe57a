"""The public keys of an issuer, out of a JWK Set (RFC 7517), and the one check that they are for: a signature.

Promises: a key counts for the algorithms that were pinned and that fit its type and curve, and for nothing else; a
private, symmetric, weak or unnamed key counts for nothing, and neither does a name that two keys have.
Does not: fetch anything, or read tokens.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from ledger_service.core import encoding
from ledger_service.core.encoding import Json
from ledger_service.errors import FormatError

KEY_SET_BYTES_MAX = 65_536  # large issuers publish a dozen keys with certificates, 20 KB
KEYS_MAX = 64
RSA_BITS_MIN, RSA_BITS_MAX = 2048, 8192  # NIST SP 800-131A; and no key that takes a second to check with
KID = re.compile(r"[A-Za-z0-9._=+@:-]{1,128}")  # no slash: nothing that anybody could take for a path or a URL

# Type and curve of the key that each algorithm needs. What is not here is never accepted: no `none`, no MAC, no RSA
# with SHA-1. Ed448 and secp256k1 are left out because no issuer in use signs with them.
ALGORITHMS: dict[str, tuple[str, str | None]] = {
    "RS256": ("RSA", None),
    "RS384": ("RSA", None),
    "RS512": ("RSA", None),
    "PS256": ("RSA", None),
    "PS384": ("RSA", None),
    "PS512": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "Ed25519": ("OKP", "Ed25519"),
    "EdDSA": ("OKP", "Ed25519"),  # the older name (RFC 8037); RFC 9864 has the newer one
}
_READERS: dict[str, tuple[type[RSAKey] | type[ECKey] | type[OKPKey], tuple[str, ...]]] = {
    "RSA": (RSAKey, ("n", "e")),
    "EC": (ECKey, ("crv", "x", "y")),
    "OKP": (OKPKey, ("crv", "x")),
}
_SECRET_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class KeySetFormatError(FormatError):
    """Not a JWK Set, or a key of one that counts for nothing."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One key of an issuer, and the algorithms that it may be used with."""

    kid: str
    key: RSAKey | ECKey | OKPKey
    algorithms: frozenset[str]

    def signed(self, algorithm: str, message: bytes, signature: bytes) -> bool:
        """Say whether `signature` is this key's over `message`, under an algorithm that it may be used with."""
        if algorithm not in self.algorithms:
            return False
        # The model itself, not `jws.deserialize_compact`: that would read the header a second time, in its own way.
        model: Any = JWSRegistry.algorithms[algorithm]
        try:
            model.check_key(self.key)
            return bool(model.verify(message, signature, self.key))
        except (JoseError, ValueError):  # a signature of a length that the curve or the modulus cannot have
            return False


@dataclass(frozen=True, slots=True)
class KeySet:
    """The keys that count, by kid, and for each of the others why it does not."""

    keys: Mapping[str, PublicKey]
    left_out: tuple[str, ...] = ()


def parse_key_set(data: bytes, algorithms: Collection[str]) -> KeySet:
    """Return the key set in a JWK Set's bytes; unknown members and keys are left out (RFC 7517 §5).

    Raises:
        KeySetFormatError: No JWK Set at all.
    """
    try:
        value = encoding.parse(data, bytes_max=KEY_SET_BYTES_MAX)
    except FormatError as error:
        raise KeySetFormatError(f"JWK Set: {error.message}", hint=error.hint) from None
    return read_key_set(value, algorithms)


def read_key_set(value: Json, algorithms: Collection[str]) -> KeySet:
    """Return the key set in a parsed JWK Set.

    Raises:
        KeySetFormatError: No JWK Set at all.
    """
    listed = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(listed, list):
        raise KeySetFormatError("JWK Set: an object with an array 'keys' is expected")
    if len(listed) > KEYS_MAX:
        raise KeySetFormatError(f"JWK Set: at most {KEYS_MAX} keys, found {len(listed)}")
    found: dict[str, PublicKey] = {}
    left_out: list[str] = []
    twice: set[str] = set()
    for place, one in enumerate(listed):
        try:
            key = _read_key(one, algorithms)
        except KeySetFormatError as error:
            left_out.append(f"key {place}: {error.message}")
            continue
        if key.kid in found:
            twice.add(key.kid)
        found[key.kid] = key
    left_out += [f"two keys are called {kid!r}" for kid in sorted(twice)]
    return KeySet({kid: key for kid, key in found.items() if kid not in twice}, tuple(left_out))


def decode_segment(text: str) -> bytes:
    """Return the bytes of base64url without padding, in the one spelling that they have (RFC 7515 §2).

    Raises:
        KeySetFormatError: Another spelling, or none.
    """
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != text:
        raise KeySetFormatError("base64url without padding is expected")
    return raw


def _read_key(value: Json, algorithms: Collection[str]) -> PublicKey:
    if not isinstance(value, dict):
        raise KeySetFormatError("an object is expected")
    kty, kid = value.get("kty"), value.get("kid")
    if not isinstance(kty, str) or kty not in _READERS:
        raise KeySetFormatError(f"its type is none of {', '.join(_READERS)}")
    if not _SECRET_MEMBERS.isdisjoint(value):
        raise KeySetFormatError("a private key is expected nowhere but at its issuer")
    if not isinstance(kid, str) or not KID.fullmatch(kid):
        raise KeySetFormatError(f"its kid has not the form {KID.pattern}")
    uses = value.get("key_ops", ["verify"])
    if value.get("use", "sig") != "sig" or not isinstance(uses, list) or "verify" not in uses:
        raise KeySetFormatError("it is not for signatures")
    kind, names = _READERS[kty]
    members = {name: value.get(name) for name in names}
    if not all(isinstance(item, str) for item in members.values()):
        raise KeySetFormatError(f"text is expected in {', '.join(names)}")
    fitting = frozenset(
        name for name in algorithms if ALGORITHMS[name] == (kty, members.get("crv")) and value.get("alg", name) == name
    )
    if not fitting:
        raise KeySetFormatError("it fits no algorithm that is pinned")
    if kty == "RSA":
        _require_strength(str(members["n"]))
    try:
        key = kind.import_key({"kty": kty, **{name: str(item) for name, item in members.items()}})
    except (JoseError, ValueError, TypeError):
        raise KeySetFormatError("its numbers are no key") from None
    return PublicKey(kid, key, fitting)


def _require_strength(modulus: str) -> None:
    bits = int.from_bytes(decode_segment(modulus), "big").bit_length()
    if not RSA_BITS_MIN <= bits <= RSA_BITS_MAX:
        raise KeySetFormatError(f"an RSA key has {RSA_BITS_MIN} to {RSA_BITS_MAX} bits, this one {bits}")
