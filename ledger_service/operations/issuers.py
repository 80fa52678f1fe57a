"""The issuers whose tokens count: who they are, how they sign, and what their staff may do. Operators write the file.

Promises: everything that a token may bring about is fixed here before the first one arrives: algorithms, keys or where
they are fetched, role, scopes, countries. Two issuers never speak for one party. A file that leaves anything open is
refused with its member's path. Does not: read tokens (`bearer.py`) or fetch keys (`issuer_keys.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ledger_service.core import encoding
from ledger_service.core.encoding import Json
from ledger_service.core.entry import Role
from ledger_service.core.members import Reader
from ledger_service.errors import (
    AddressRefusedError,
    FormatError,
    PermissionRefusedError,
    SettingsError,
)
from ledger_service.operations.key_set import ALGORITHMS, KeySet, KeySetFormatError, parse_key_set, read_key_set
from ledger_service.operations.principal import ACTS_FOR_ALL, Scope, allowed_scopes
from ledger_service.outbound.target import parse_target

FORMAT = "return-ledger/issuers@v1"
FILE_BYTES_MAX = 1024 * 1024  # a hundred issuers with their keys
ISSUERS_MAX = 100
CLOCK_SKEW_SECONDS_MAX = 300  # a clock that is further off is broken; RFC 7519 speaks of "a few minutes"
TOKEN_AGE_SECONDS_MAX = 86_400  # nothing here can revoke a token: it must end by itself within a day
REFERENCE_CHARACTERS_MAX = 256  # of a party, as the API has it

_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_ISSUER = re.compile(r"https?://[!\"$-;=@-~]{1,480}")  # a URL without query or fragment; compared, never fetched
_AUDIENCE = re.compile(r"[!-~]{1,255}")
_CLAIM = re.compile(r"[A-Za-z][A-Za-z0-9_.:/-]{0,127}")
_PREFIX = re.compile(r"[!-~]{0,64}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_PATH = re.compile(r"[^\x00]{1,1024}")
_URL = re.compile(r"https?://[!\"$-;=@-~][!\"$-;=?@-~]{0,480}")  # no fragment: it would never be sent
_LOOPBACK = re.compile(r"http://(?:localhost|127\.0\.0\.1)(?::[0-9]{1,5})?/")
_SECRET = re.compile(r"[!-~]{1,512}")
_PAGES = ("authorization_url", "token_url", "client_id", "redirect_url")
REDIRECT_PATH = "/staff/back"  # where the pages take up a browser that comes back
_KEY_SOURCES = ("jwks", "jwks_file", "jwks_url")
_MEMBERS = (
    "name", "issuer", "audience", "algorithms", "keys", "role", "scopes", "acts_for", "countries", "party_claim",
    "reference_prefix", "clock_skew_seconds", "token_age_seconds_max",
)  # fmt: skip


class IssuersFormatError(FormatError):
    """Not a file of issuers, or one that leaves something open."""


@dataclass(frozen=True, slots=True)
class CodeFlow:
    """How staff sign in at an issuer to look at our pages (OpenID Connect Core §3.1, with PKCE).

    The browser goes to `authorization_url` and comes back to `redirect_url`; the code that it brings is exchanged at
    `token_url`, in the name of `client_id`, with `client_secret` where the issuer gave one.
    """

    authorization_url: str
    token_url: str
    client_id: str
    client_secret: str | None = field(repr=False)
    redirect_url: str


@dataclass(frozen=True, slots=True)
class Issuer:
    """One issuer. Its keys are in `key_set`, or at `jwks_url`; a party's reference is `reference_prefix` + claim.

    `pages`: how its staff sign in on the pages; None: they send its tokens themselves.
    """

    name: str
    url: str
    audience: str
    algorithms: frozenset[str]
    key_set: KeySet | None
    jwks_url: str | None
    role: Role
    scopes: frozenset[Scope]
    acts_for: frozenset[Role]
    countries: frozenset[str]
    party_claim: str
    reference_prefix: str
    clock_skew_seconds: int
    token_age_seconds_max: int
    pages: CodeFlow | None = None


def load_issuers(path: Path | None, *, allow_loopback: bool = False) -> tuple[Issuer, ...]:
    """Return the issuers of the settings' file; none where none is set.

    Raises:
        SettingsError: It cannot be read, or is refused.
    """
    if path is None:
        return ()
    try:
        return parse_issuers(path.read_bytes(), folder=path.parent, allow_loopback=allow_loopback)
    except OSError as error:
        raise SettingsError(f"LEDGER_OIDC_FILE: {path} cannot be read: {error.strerror}") from None
    except FormatError as error:
        raise SettingsError(f"LEDGER_OIDC_FILE: {path}: {error.message}", hint=error.hint) from None


def parse_issuers(data: bytes, *, folder: Path, allow_loopback: bool = False) -> tuple[Issuer, ...]:
    """Return the issuers of a file's bytes.

    Args:
        data: Strict JSON.
        folder: Where the paths in it begin.
        allow_loopback: For development: keys may be fetched from this machine, over http too.

    Raises:
        IssuersFormatError: Anything else than such a file.
    """
    read = Reader(IssuersFormatError, "issuers")
    try:
        value = encoding.parse(data, bytes_max=FILE_BYTES_MAX)
    except FormatError as error:
        raise read.fail(error.message) from None
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise read.fail(f"the format {FORMAT!r} is expected")
    listed = read.members(value, ("format", "issuers"))["issuers"]
    found = read.items(listed, ISSUERS_MAX, lambda one: _parse_issuer(read, one, folder, allow_loopback))
    if not found:
        raise read.fail("at least one is expected")
    _require_apart(read, found)
    return found


def _parse_issuer(outer: Reader, value: Json, folder: Path, allow_loopback: bool) -> Issuer:
    named = value.get("name") if isinstance(value, dict) else None
    read = outer.at(named if isinstance(named, str) and _NAME.fullmatch(named) else "?")
    m = read.members(value, _MEMBERS, optional=("pages",))
    algorithms = read.at("algorithms").items(
        m["algorithms"], len(ALGORITHMS), lambda one: read.at("algorithms").choice(one, _algorithm)
    )
    if not algorithms:
        raise read.at("algorithms").fail(f"at least one of {', '.join(ALGORITHMS)} is expected")
    key_set, jwks_url = _parse_keys(read.at("keys"), m["keys"], frozenset(algorithms), folder, allow_loopback)
    return Issuer(
        name=read.at("name").text(m["name"], _NAME),
        url=read.at("issuer").text(m["issuer"], _ISSUER),
        audience=read.at("audience").text(m["audience"], _AUDIENCE),
        algorithms=frozenset(algorithms),
        key_set=key_set,
        jwks_url=jwks_url,
        party_claim=read.at("party_claim").text(m["party_claim"], _CLAIM),
        reference_prefix=read.at("reference_prefix").text(m["reference_prefix"], _PREFIX),
        clock_skew_seconds=read.at("clock_skew_seconds").integer(
            m["clock_skew_seconds"], least=0, most=CLOCK_SKEW_SECONDS_MAX
        ),
        token_age_seconds_max=read.at("token_age_seconds_max").integer(
            m["token_age_seconds_max"], least=1, most=TOKEN_AGE_SECONDS_MAX
        ),
        pages=_parse_pages(read.at("pages"), m["pages"], folder, allow_loopback) if "pages" in m else None,
        **_parse_rights(read, m),
    )


def _parse_rights(read: Reader, m: dict[str, Any]) -> dict[str, Any]:
    """Return what the issuer's staff may do: never more than a key of their role may."""
    role = read.at("role").choice(m["role"], Role)
    scopes = read.at("scopes").items(m["scopes"], len(Scope), lambda one: read.at("scopes").choice(one, Scope))
    acts_for = read.at("acts_for").items(m["acts_for"], len(Role), lambda one: read.at("acts_for").choice(one, Role))
    countries = read.at("countries").items(m["countries"], 300, lambda one: read.at("countries").text(one, _COUNTRY))
    if not scopes:
        raise read.at("scopes").fail("at least one is expected")
    try:
        allowed = allowed_scopes(role, scopes)
    except PermissionRefusedError as error:
        raise IssuersFormatError(f"{read.what}.scopes: {error.message}", hint=error.hint) from None
    if acts_for and (role is not Role.PLATFORM or not ACTS_FOR_ALL.issuperset(acts_for)):
        raise read.at("acts_for").fail("only the platform hands in steps of others, and of no regulator or system")
    if bool(countries) != (role is Role.REGULATOR):
        raise read.at("countries").fail("a regulator sees cases by country, and nobody else does")
    return {
        "role": role,
        "scopes": allowed,
        "acts_for": frozenset(acts_for),
        "countries": frozenset(countries),
    }


def _parse_keys(
    read: Reader, value: Json, algorithms: frozenset[str], folder: Path, allow_loopback: bool
) -> tuple[KeySet | None, str | None]:
    m = read.members(value, (), optional=_KEY_SOURCES)
    if len(m) != 1:
        raise read.fail(f"exactly one of {', '.join(_KEY_SOURCES)} is expected")
    try:
        if "jwks_url" in m:
            url = read.at("jwks_url").text(m["jwks_url"], _PATH)
            parse_target(url, allow_loopback=allow_loopback)
            return None, url
        if "jwks" in m:
            keys = read_key_set(m["jwks"], algorithms)
        else:
            keys = parse_key_set((folder / read.at("jwks_file").text(m["jwks_file"], _PATH)).read_bytes(), algorithms)
    except KeySetFormatError as error:
        raise read.fail(error.message) from None
    except OSError as error:
        raise read.at("jwks_file").fail(f"it cannot be read: {error.strerror}") from None
    except AddressRefusedError as error:
        hint = "keys of an issuer in a network of its own come as jwks_file"
        raise IssuersFormatError(f"{read.what}.jwks_url: {error.message}", hint=hint) from None
    if keys.left_out or not keys.keys:  # who wrote them down here meant each of them to count
        raise read.fail(keys.left_out[0] if keys.left_out else "at least one key is expected")
    return keys, None


def _parse_pages(read: Reader, value: Json, folder: Path, allow_loopback: bool) -> CodeFlow:
    m = read.members(value, _PAGES, optional=("client_secret_file",))
    urls = {name: read.at(name).text(m[name], _URL) for name in ("authorization_url", "token_url", "redirect_url")}
    for name, url in urls.items():
        if not url.startswith("https://") and not (allow_loopback and _LOOPBACK.match(url)):
            raise read.at(name).fail("it must begin with https://")
    if (
        not urls["redirect_url"].endswith(REDIRECT_PATH)
        or urls["redirect_url"].count("/") != REDIRECT_PATH.count("/") + 2
    ):
        raise read.at("redirect_url").fail(f"the address of this service and {REDIRECT_PATH} are expected")
    try:
        parse_target(urls["token_url"], allow_loopback=allow_loopback)
    except AddressRefusedError as error:
        raise IssuersFormatError(f"{read.what}.token_url: {error.message}", hint=error.hint) from None
    secret = None
    if "client_secret_file" in m:
        try:
            path = folder / read.at("client_secret_file").text(m["client_secret_file"], _PATH)
            secret = read.at("client_secret_file").text(path.read_text("ascii").strip(), _SECRET)
        except (OSError, UnicodeError):
            raise read.at("client_secret_file").fail("it cannot be read") from None
    client_id = read.at("client_id").text(m["client_id"], _AUDIENCE)
    return CodeFlow(urls["authorization_url"], urls["token_url"], client_id, secret, urls["redirect_url"])


def _algorithm(name: str) -> str:
    if name not in ALGORITHMS:
        raise ValueError(name)
    return name


def _require_apart(read: Reader, found: tuple[Issuer, ...]) -> None:
    """Refuse issuers that could be taken for each other, or whose staff could speak for one party."""
    for place, one in enumerate(found):
        for other in found[:place]:
            if one.name == other.name or one.url == other.url:
                raise read.at(one.name).fail("its name and its issuer are its own")
            prefixes = sorted((one.reference_prefix, other.reference_prefix), key=len)
            if one.role is other.role and prefixes[1].startswith(prefixes[0]):
                raise IssuersFormatError(
                    f"issuers.{one.name}.reference_prefix: staff of {other.name!r} could have the same references",
                    hint="give the issuers of one role prefixes of which none begins another: court-a/, court-b/",
                )
