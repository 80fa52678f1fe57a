"""Where a party wants to be told: add, list and remove webhooks, and look at what was delivered.

Promises: URL and secret are sealed under the party's own key, so that erasing the party ends them; the secret is shown
once, when the webhook is added; a webhook of somebody else is as unknown as one that does not exist. Does not: look
the URL's name up: that is done at each delivery, and only then counts (`outbound/post.py`).
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from ledger_service.core import encoding
from ledger_service.errors import PermissionRefusedError, UnknownWebhookError
from ledger_service.operations.ledger import Ledger, format_instant
from ledger_service.operations.notices import Event
from ledger_service.operations.principal import Principal, Scope
from ledger_service.outbound.signature import SECRET_BYTES, SECRET_PREFIX, show_secret
from ledger_service.outbound.target import parse_target
from ledger_service.store.values import open_text, seal_text
from ledger_service.store.webhooks import PAGE, StoredDelivery, StoredWebhook

WEBHOOKS_MAX = 20  # of one party: each event of each case is sent to each of them
ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook as its party sees it. Times are RFC 3339 UTC with milliseconds; `disabled_at` None: it is in use."""

    id: str
    url: str
    events: tuple[str, ...]
    created_at: str
    disabled_at: str | None


@dataclass(frozen=True, slots=True)
class Added:
    """A new webhook and its secret (`whsec_…`), which is shown this once."""

    webhook: Webhook
    secret: str


@dataclass(frozen=True, slots=True)
class Address:
    """What is sealed of a webhook: its URL, and the secret (32 bytes) that signs what is sent there."""

    url: str
    secret: bytes


def add_webhook(ledger: Ledger, principal: Principal, url: str, events: Collection[str]) -> Added:
    """Tell a party of what happens from now on in the cases that it may see.

    Args:
        ledger: Opened to write.
        principal: Whose webhook it is.
        url: Where notices are sent: https, a public host, port 443 or one from 1024 on.
        events: Some of `Event`.

    Raises:
        PermissionRefusedError: No scope for it, a session of one case, an unknown event, or too many webhooks.
        AddressRefusedError: Nothing is sent to this URL.
    """
    _require(principal)
    if unknown := sorted(set(events) - set(Event)):
        raise PermissionRefusedError(f"there is no event {unknown[0]!r:.60}", hint=f"there are: {', '.join(Event)}")
    if not events:
        raise PermissionRefusedError("a webhook needs an event", hint=f"there are: {', '.join(Event)}")
    parse_target(url, allow_loopback=ledger.webhook_allow_loopback)
    key_id, key = ledger.keys.key_for(f"party:{principal.party.reference}")
    webhook_id, secret = secrets.token_hex(ID_BYTES), secrets.token_bytes(SECRET_BYTES)
    sealed = encoding.encode({"secret": show_secret(secret), "url": url}).decode()
    stored = StoredWebhook(
        id=webhook_id,
        mark=principal.mark,
        role=principal.party.role.value,
        key_id=key_id,
        sealed=seal_text(key, sealed, about=webhook_id.encode()),
        events=tuple(event for event in Event if event in events),
        countries=tuple(sorted(principal.countries)),
        cursor=ledger.read.size(),
        created_at=format_instant(ledger.clock()),
    )
    if not ledger.webhooks.add(stored, most=WEBHOOKS_MAX):
        raise PermissionRefusedError(f"a party has at most {WEBHOOKS_MAX} webhooks", hint="remove one first")
    return Added(_shown(stored, url), show_secret(secret))


def list_webhooks(ledger: Ledger, principal: Principal) -> list[Webhook]:
    """Return the webhooks of a party, oldest first.

    Raises:
        PermissionRefusedError: No scope for it.
    """
    _require(principal)
    opened = ((stored, open_address(ledger, stored)) for stored in ledger.webhooks.of(principal.mark))
    return [_shown(stored, address.url) for stored, address in opened if address is not None]


def remove_webhook(ledger: Ledger, principal: Principal, webhook_id: str) -> None:
    """Remove a webhook of a party, with everything that was to be sent there.

    Raises:
        PermissionRefusedError: No scope for it.
        UnknownWebhookError: It has none with this id.
    """
    _own(ledger, principal, webhook_id)
    ledger.webhooks.remove(webhook_id)


def remove_webhooks_of(ledger: Ledger, mark: bytes) -> int:
    """Remove every webhook of a party; return how many there were. For whoever takes its last key (`revoke.py`)."""
    return sum(ledger.webhooks.remove(stored.id) for stored in ledger.webhooks.of(mark))


def list_deliveries(
    ledger: Ledger, principal: Principal, webhook_id: str, *, before: str | None = None, limit: int = PAGE
) -> list[StoredDelivery]:
    """Return a page of what was or will be sent to a webhook, newest first.

    Args:
        ledger: The ledger.
        principal: Whose webhook it is.
        webhook_id: The webhook.
        before: Only deliveries older than the one with this id.
        limit: Most of them.

    Raises:
        PermissionRefusedError: No scope for it.
        UnknownWebhookError: It has no webhook with this id.
    """
    _own(ledger, principal, webhook_id)
    return ledger.webhooks.deliveries(webhook_id, before=before, limit=limit)


def send_again(ledger: Ledger, principal: Principal, webhook_id: str, delivery_id: str) -> None:
    """Send a notice once more, under the same id, with all its attempts before it.

    Raises:
        PermissionRefusedError: No scope for it.
        UnknownWebhookError: It has no such webhook in use, or no such delivery.
    """
    stored = _own(ledger, principal, webhook_id)
    if stored.disabled_at is not None:
        raise UnknownWebhookError("the webhook is not in use: its receiver said that it is gone", hint="add it anew")
    if not ledger.webhooks.again(webhook_id, delivery_id, now=format_instant(ledger.clock())):
        raise UnknownWebhookError(f"there is no delivery {delivery_id!r:.60} of this webhook", hint="look its id up")


def open_address(ledger: Ledger, stored: StoredWebhook) -> Address | None:
    """Return URL and secret of a webhook; None: its party's key was destroyed, and they with it.

    Raises:
        StoreError: Its row or its key was altered.
    """
    key = ledger.keys.get(stored.key_id)
    if key is None:
        return None
    opened = encoding.parse(open_text(key, stored.sealed, about=stored.id.encode()).encode())
    assert isinstance(opened, dict)  # `add_webhook` sealed it
    secret = base64.b64decode(str(opened["secret"]).removeprefix(SECRET_PREFIX))
    return Address(str(opened["url"]), secret)


def new_delivery_id(now: datetime, number: int) -> str:
    """Return an id for a delivery: by time to the millisecond, then by the number that its maker gave it, then random.

    Args:
        now: When it is made.
        number: Its place among those that are made now.
    """
    return f"{int(now.timestamp() * 1000):012x}{number & 0xFFFFFF:06x}{secrets.token_hex(ID_BYTES - 9)}"


def _require(principal: Principal) -> None:
    principal.require(Scope.NOTIFY)
    if principal.return_id is not None:
        raise PermissionRefusedError("a session of one case has no webhooks", hint="ask the operator for a key")


def _own(ledger: Ledger, principal: Principal, webhook_id: str) -> StoredWebhook:
    _require(principal)
    stored = ledger.webhooks.find(webhook_id)
    if stored is None or stored.mark != principal.mark:
        raise UnknownWebhookError(f"there is no webhook {webhook_id!r:.60} of yours", hint="look its id up")
    return stored


def _shown(stored: StoredWebhook, url: str) -> Webhook:
    return Webhook(stored.id, url, stored.events, stored.created_at, stored.disabled_at)
