"""Issue, check and revoke credentials: API keys, one-time links, and the sessions that links are exchanged for.

A token is `rlk_` (key), `rll_` (link) or `rls_` (session), a public prefix of 16 hex digits, `_`, and a secret of 256
random bits. Promises: the secret is shown once and kept as its SHA-256; it is compared in constant time; what does
not count is refused in one way, whatever the reason. Does not: check tokens of other issuers (`bearer.py`).
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from ledger_service.core.encoding import Json
from ledger_service.core.entry import RETURN_ID_BYTES, Role
from ledger_service.errors import CredentialError, PermissionRefusedError, RefusedError
from ledger_service.operations.ledger import Ledger, format_instant
from ledger_service.operations.principal import ACTS_FOR_ALL, LINK_SCOPES, Principal, Scope, allowed_scopes
from ledger_service.operations.pseudonyms import Party, mark_of
from ledger_service.store.credentials import StoredCredential
from ledger_service.store.values import open_text, seal_text

PREFIX_BYTES = 8
SECRET_BYTES = 32
LABEL_CHARACTERS_MAX = 80
LINK_ROLES = (Role.BUYER, Role.SELLER, Role.INSPECTOR, Role.ARBITRATOR)
LINK_SECONDS_MAX = 30 * 86_400  # a link in a mailbox is a key under the mat: it should not lie there for long
SESSION_SECONDS_MAX = 7 * 86_400
_KINDS = {"rlk": "key", "rll": "link", "rls": "session"}
# base64url of 32 bytes in its one spelling: of the last character two bits are left over, and are zero (RFC 4648 §3.5).
_TOKEN = re.compile(r"(rlk|rll|rls)_([0-9a-f]{16})_([A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])")
_COUNTRY = re.compile(r"[A-Z]{2}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # C0, DEL, C1: a terminal or a log would act on them


class KeyRefusedError(RefusedError):
    """A label that is no name, or a key that would have expired before anybody used it."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A new credential and its token, which is shown this once."""

    credential: StoredCredential
    token: str


def issue_key(
    ledger: Ledger,
    party: Party,
    *,
    label: str,
    scopes: Collection[Scope],
    acts_for: Collection[Role] = (),
    countries: Collection[str] = (),
    expires_at: str | None = None,
) -> Issued:
    """Make an API key for a party.

    Args:
        ledger: Opened to write.
        party: Whose key it is.
        label: What people call it, at most `LABEL_CHARACTERS_MAX` characters.
        scopes: What it may be used for.
        acts_for: Roles whose steps a platform's key may hand in.
        countries: ISO 3166-1 alpha-2 codes: cases of these countries are seen by a regulator's key.
        expires_at: RFC 3339 UTC with milliseconds; None: never.

    Raises:
        PermissionRefusedError: Scopes, roles or countries that this role cannot have.
        KeyRefusedError: A label with a control character, or a time that has passed.
    """
    allowed = allowed_scopes(party.role, scopes)
    if acts_for and party.role is not Role.PLATFORM:
        raise PermissionRefusedError("only the platform hands in steps of others", hint="leave acts_for out")
    if beyond := sorted(set(acts_for) - ACTS_FOR_ALL):
        raise PermissionRefusedError(f"nobody hands in steps of the role {beyond[0].value!r}")
    if countries and party.role is not Role.REGULATOR:
        raise PermissionRefusedError("only a regulator sees cases by country", hint="leave countries out")
    if bad := [code for code in countries if not _COUNTRY.fullmatch(code)]:
        raise PermissionRefusedError(f"{bad[0]!r:.20} is no country code", hint="two capital letters, as in DE")
    if not 0 < len(label) <= LABEL_CHARACTERS_MAX:
        raise PermissionRefusedError(f"a label has 1 to {LABEL_CHARACTERS_MAX} characters")
    if _CONTROL.search(label) or _CONTROL.search(party.reference):
        raise KeyRefusedError("a label or a party's reference holds a control character", hint="leave it out")
    if expires_at is not None and expires_at <= format_instant(ledger.clock()):
        raise KeyRefusedError(f"a key that expires at {expires_at} has expired already", hint="name a later time")
    return _issue(
        ledger,
        party,
        kind="key",
        label=label,
        scopes=allowed,
        acts_for=acts_for,
        countries=countries,
        return_id=None,
        expires_at=expires_at,
    )


def issue_link(ledger: Ledger, party: Party, return_id: str, *, valid_seconds: int) -> Issued:
    """Make a link that lets a party see and act on one case, once exchanged (`redeem_link`).

    Raises:
        PermissionRefusedError: A validity beyond `LINK_SECONDS_MAX`, or a role that gets no link.
    """
    if party.role not in LINK_ROLES:
        raise PermissionRefusedError(
            "one-time links are for buyers, sellers, inspectors and arbitrators", hint="issue a key instead"
        )
    return _issue_link(ledger, party, return_id, valid_seconds=valid_seconds)


def issue_start(ledger: Ledger, party: Party, order: str, *, valid_seconds: int) -> Issued:
    """Make a link with which a buyer opens one new case, whose name is drawn now.

    Args:
        ledger: Opened to write.
        party: The buyer.
        order: What the marketplace knows of the order (`orders.py`), as text without a line break.
        valid_seconds: At most `LINK_SECONDS_MAX`.

    Raises:
        PermissionRefusedError: Another role, or a validity beyond the limit.
    """
    if party.role is not Role.BUYER:
        raise PermissionRefusedError("only a buyer asks for a return with a link", hint="record the step with a key")
    return _issue_link(ledger, party, secrets.token_hex(RETURN_ID_BYTES), valid_seconds=valid_seconds, order=order)


def _issue_link(ledger: Ledger, party: Party, return_id: str, *, valid_seconds: int, order: str = "") -> Issued:
    if not 0 < valid_seconds <= LINK_SECONDS_MAX:
        raise PermissionRefusedError(f"a link is valid for 1 to {LINK_SECONDS_MAX} seconds")
    return _issue(
        ledger,
        party,
        kind="link",
        label="one-time link",
        scopes=LINK_SCOPES,
        acts_for=(),
        countries=(),
        return_id=return_id,
        expires_at=format_instant(ledger.clock() + timedelta(seconds=valid_seconds)),
        order=order,
    )


def redeem_link(ledger: Ledger, token: str, attempt: str) -> tuple[Issued, bool]:
    """Exchange a one-time link for a session; of several tries at once, one gets it.

    Args:
        ledger: Opened to write.
        token: The link's.
        attempt: The caller's idempotency key: the same one gets the same session again, whose answer may have been
            lost. The session's secret is made from the link's and this, so that nothing has to be kept for it.

    Returns:
        The session, and whether it was there before.

    Raises:
        CredentialError: It is none, was used, revoked, or has expired.
    """
    link = _check(ledger, token, kinds=("link",), used=True)
    party, order = about_credential(ledger, link)
    secret = _derived(token, f"secret\n{attempt}")
    prefix = _derived(token, f"prefix\n{attempt}")[:PREFIX_BYTES].hex()
    if not ledger.credentials.use_up(link.prefix, now=format_instant(ledger.clock())):
        known = ledger.credentials.find(prefix)
        if known is None or known.revoked_at is not None:
            raise refusal()
        return Issued(known, _token("rls", prefix, secret)), True
    assert link.return_id is not None  # of every link; the schema says so
    issued = _issue(
        ledger,
        party,
        kind="session",
        label="session of a link",
        scopes=LINK_SCOPES,
        acts_for=(),
        countries=(),
        return_id=link.return_id,
        expires_at=format_instant(ledger.clock() + timedelta(seconds=SESSION_SECONDS_MAX)),
        named=(prefix, secret),
        order=order,
    )
    return issued, False


def authenticate(ledger: Ledger, token: str) -> Principal:
    """Return who holds a key or a session.

    Raises:
        CredentialError: It does not count.
    """
    return _principal(ledger, _check(ledger, token, kinds=("key", "session")))


def principal_of(ledger: Ledger, prefix: str) -> Principal:
    """Return who holds the key with a public prefix, for whoever was shown the key before.

    Raises:
        CredentialError: There is none, or it counts no more.
    """
    found = ledger.credentials.find(prefix)
    if found is None or found.kind != "key" or not _counts(ledger, found):
        raise refusal()
    return _principal(ledger, found)


def refusal() -> CredentialError:
    """Return the one answer to whatever does not count."""
    return CredentialError("the credential does not count", hint="it may be unknown, used, revoked or expired")


def _principal(ledger: Ledger, found: StoredCredential) -> Principal:
    return Principal(
        party=about_credential(ledger, found)[0],
        mark=found.mark,
        name=found.prefix,
        scopes=frozenset(map(Scope, found.scopes)),
        acts_for=frozenset(map(Role, found.acts_for)),
        countries=frozenset(found.countries),
        return_id=found.return_id,
    )


def is_ours(token: str) -> bool:
    """Say whether a token is of the form of our credentials, whether it counts or not."""
    return token.startswith(tuple(f"{short}_" for short in _KINDS))


def credential_members(credential: StoredCredential) -> dict[str, Json]:
    """Return a credential as machines are shown it: never its secret, nor whose it is."""
    return {
        "prefix": credential.prefix,
        "kind": credential.kind,
        "role": credential.role,
        "label": credential.label,
        "scopes": list(credential.scopes),
        "acts_for": list(credential.acts_for),
        "countries": list(credential.countries),
        "return_id": credential.return_id,
        "created_at": credential.created_at,
        "expires_at": credential.expires_at,
        "revoked_at": credential.revoked_at,
    }


def _issue(
    ledger: Ledger,
    party: Party,
    *,
    kind: str,
    label: str,
    scopes: Collection[Scope],
    acts_for: Collection[Role],
    countries: Collection[str],
    return_id: str | None,
    expires_at: str | None,
    named: tuple[str, bytes] | None = None,
    order: str = "",
) -> Issued:
    prefix, secret = named or (secrets.token_hex(PREFIX_BYTES), secrets.token_bytes(SECRET_BYTES))
    key_id, key = ledger.keys.key_for(f"party:{party.reference}")
    credential = StoredCredential(
        prefix=prefix,
        kind=kind,
        secret_sha256=sha256(secret).digest(),
        role=party.role.value,
        mark=mark_of(key, party),
        key_id=key_id,
        reference=seal_text(key, f"{party.reference}\n{order}" if order else party.reference, about=prefix.encode()),
        label=label,
        scopes=tuple(sorted(scopes)),
        acts_for=tuple(sorted(acts_for)),
        countries=tuple(sorted(countries)),
        return_id=return_id,
        created_at=format_instant(ledger.clock()),
        expires_at=expires_at,
    )
    ledger.credentials.add(credential)
    short = next(short for short, name in _KINDS.items() if name == kind)
    return Issued(credential, _token(short, prefix, secret))


def _token(short: str, prefix: str, secret: bytes) -> str:
    return f"{short}_{prefix}_{base64.urlsafe_b64encode(secret).rstrip(b'=').decode()}"


def _derived(token: str, purpose: str) -> bytes:
    return hmac.new(token.encode(), f"return-ledger/session@v1\n{purpose}".encode(), sha256).digest()


def find_by_token(ledger: Ledger, token: str, *, kinds: Collection[str]) -> StoredCredential | None:
    """Return the credential of these kinds whose secret a token holds, whether it counts or not; None if none is."""
    match = _TOKEN.fullmatch(token)
    if match is None or _KINDS[match[1]] not in kinds:
        return None
    digest = sha256(base64.urlsafe_b64decode(match[3] + "=")).digest()
    found = ledger.credentials.find(match[2])
    # Compared even when nothing was found, so that the time tells no prefix.
    same = hmac.compare_digest(digest, bytes(32) if found is None else found.secret_sha256)
    return found if found is not None and same and found.kind == _KINDS[match[1]] else None


def _check(ledger: Ledger, token: str, *, kinds: Collection[str], used: bool = False) -> StoredCredential:
    found = find_by_token(ledger, token, kinds=kinds)
    if found is None or (found.used_at is not None and not used) or not _counts(ledger, found):
        raise refusal()
    return found


def _counts(ledger: Ledger, found: StoredCredential) -> bool:
    """Say whether a credential was not revoked and has not expired."""
    if found.revoked_at is not None:
        return False
    return found.expires_at is None or found.expires_at > format_instant(ledger.clock())


def about_credential(ledger: Ledger, credential: StoredCredential) -> tuple[Party, str]:
    """Return whose a credential is, and the order that it opens a case for as text, empty where it opens none.

    Raises:
        CredentialError: The party's data was erased, and with it whose credential this is.
    """
    key = ledger.keys.get(credential.key_id)
    if key is None:
        raise refusal()
    text = open_text(key, credential.reference, about=credential.prefix.encode())
    reference, _, order = text.partition("\n")
    return Party(Role(credential.role), reference), order
