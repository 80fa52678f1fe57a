"""Sessions of staff on the pages: made from a key that is typed once, or by the word of an issuer of the settings.

A session's token is `rlt_`, a public prefix of 16 hex digits, `_`, and a secret of 256 random bits. Promises: the key
itself is kept nowhere; a session ends when it is signed out of, after `SESSION_SECONDS_MAX`, and as soon as its key is
revoked or expires, or with the issuer's token. An issuer that is not in the settings any more ends its staff's. What
does not count is refused in one way. Does not: know a page, or read tokens (`sign_in.py`).
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from ledger_service.core.moments import parse_instant
from ledger_service.operations.bearer import principal_at
from ledger_service.operations.credentials import PREFIX_BYTES, SECRET_BYTES, authenticate, principal_of, refusal
from ledger_service.operations.issuers import Issuer
from ledger_service.operations.ledger import Ledger, format_instant
from ledger_service.operations.principal import Principal
from ledger_service.operations.pseudonyms import Party
from ledger_service.store.staff_sessions import StaffSession
from ledger_service.store.values import open_text, seal_text

SESSION_SECONDS_MAX = 8 * 3_600  # a working day: who comes back tomorrow signs in again
_TOKEN = re.compile(r"rlt_([0-9a-f]{16})_([A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])")  # 32 bytes in their one spelling


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session: its token, which is shown this once, and for how many seconds it counts at most."""

    token: str
    seconds: int


def sign_in_with_key(ledger: Ledger, token: str) -> SignedIn:
    """Exchange an API key for a session.

    Raises:
        CredentialError: It is no key, or does not count.
    """
    if not token.startswith("rlk_"):  # a session of a link is for one return, on pages of its own
        raise refusal()
    principal = authenticate(ledger, token)
    found = ledger.credentials.find(principal.name)
    until = None if found is None or found.expires_at is None else parse_instant(found.expires_at)
    return _sign_in(ledger, principal, credential=principal.name, until=until)


def sign_in_with_issuer(ledger: Ledger, principal: Principal, *, ends: int) -> SignedIn:
    """Make a session for a member of an issuer's staff, whose token ends then (seconds since 1970)."""
    return _sign_in(ledger, principal, credential=None, until=datetime.fromtimestamp(ends, UTC))


def staff_of(ledger: Ledger, token: str, issuers: Mapping[str, Issuer]) -> Principal:
    """Return who is signed in.

    Args:
        ledger: The ledger.
        token: Of the session.
        issuers: Those of the settings, by name.

    Raises:
        CredentialError: Nobody: the session or what it rests on has ended.
    """
    session = _find(ledger, token)
    if session is None or session.expires_at <= format_instant(ledger.clock()):
        raise refusal()
    if session.credential is not None:
        return principal_of(ledger, session.credential)
    issuer, key = issuers.get(session.issuer or ""), ledger.keys.get(session.key_id)
    if issuer is None or key is None or issuer.role.value != session.role:
        raise refusal()
    party = Party(issuer.role, open_text(key, session.reference, about=session.prefix.encode()))
    if not party.reference.startswith(issuer.reference_prefix):  # the settings speak of other parties now
        raise refusal()
    return principal_at(issuer, party, session.mark, name=session.name)


def sign_out(ledger: Ledger, token: str) -> None:
    """End a session, for whoever else holds its token too."""
    if (session := _find(ledger, token)) is not None:
        ledger.staff_sessions.remove(session.prefix)


def _sign_in(ledger: Ledger, principal: Principal, *, credential: str | None, until: datetime | None) -> SignedIn:
    now = ledger.clock()
    end = now + timedelta(seconds=SESSION_SECONDS_MAX)
    if until is not None:
        end = min(end, until)
    prefix, secret = secrets.token_hex(PREFIX_BYTES), secrets.token_bytes(SECRET_BYTES)
    key_id, key = ledger.keys.key_for(f"party:{principal.party.reference}")
    ledger.staff_sessions.add(
        StaffSession(
            prefix=prefix,
            secret_sha256=sha256(secret).digest(),
            credential=credential,
            issuer=principal.issuer,
            name=principal.name,
            role=principal.party.role.value,
            mark=principal.mark,
            key_id=key_id,
            reference=seal_text(key, principal.party.reference, about=prefix.encode()),
            created_at=format_instant(now),
            expires_at=format_instant(end),
        )
    )
    text = base64.urlsafe_b64encode(secret).rstrip(b"=").decode()
    return SignedIn(f"rlt_{prefix}_{text}", max(1, (end - now) // timedelta(seconds=1)))


def _find(ledger: Ledger, token: str) -> StaffSession | None:
    match = _TOKEN.fullmatch(token)
    if match is None:
        return None
    digest, found = sha256(base64.urlsafe_b64decode(match[2] + "=")).digest(), ledger.staff_sessions.find(match[1])
    # Compared even when nothing was found, so that the time tells no prefix.
    same = hmac.compare_digest(digest, bytes(32) if found is None else found.secret_sha256)
    return found if same else None
