"""Parties with webhooks, and the steps that they hear of."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ledger_service.operations.credentials import authenticate, issue_key
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.notices import Event, make_body
from ledger_service.operations.principal import Principal, Scope
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.record import Recorded, Step, record
from ledger_service.operations.webhooks import Added, add_webhook
from ledger_service.store.webhooks import StoredDelivery
from tests.operations.world import BUYER, PLATFORM, SELLER, World, photo

URL = "https://shop.example.com/hooks/canary-path?token=canary-token"
DAY, HOUR = 86_400.0, 3_600.0
APPROVAL: dict[str, Any] = {"approved_lines": [{"line_id": "line-1", "qty": 1}], "return_cost_payer": "seller"}


def caller(ledger: Ledger, party: Party = SELLER, **allowed: Any) -> Principal:
    """Return a party as its key makes it known."""
    values: dict[str, Any] = {"label": "key", "scopes": [Scope.READ, Scope.NOTIFY]}
    return authenticate(ledger, issue_key(ledger, party, **(values | allowed)).token)


def hook(
    ledger: Ledger, party: Party = PLATFORM, events: Collection[str] = tuple(Event), *, url: str = URL, **allowed: Any
) -> Added:
    """Add a webhook of a party."""
    return add_webhook(ledger, caller(ledger, party, **allowed), url, events)


def approve(ledger: Ledger, return_id: str, folder: Path) -> Recorded:
    """Record the seller's approval, which puts the seller on the access list."""
    evidence = (("rma_document", photo(folder)),)
    return record(ledger, Step("approve_return", SELLER, PLATFORM, APPROVAL, evidence, return_id=return_id))


def dispute(ledger: Ledger, return_id: str, folder: Path) -> Recorded:
    """Record that the buyer opens a dispute, which moves no state of the case."""
    fields = {"dispute_id": "d1" * 16, "type": "adr", "claim": "the lamp"}
    evidence = (("dispute_notice", photo(folder)),)
    return record(ledger, Step("open_dispute", BUYER, PLATFORM, fields, evidence, return_id=return_id))


def developing(world: World) -> World:
    """Return the world with the setting that lets webhooks go to this machine."""
    world.settings = world.settings.model_copy(update={"webhook_allow_loopback": True})
    return world


def told(ledger: Ledger, added: Added) -> list[StoredDelivery]:
    """Return what was made for a webhook, oldest first."""
    return ledger.webhooks.deliveries(added.webhook.id)[::-1]


def body(ledger: Ledger, delivery: StoredDelivery) -> Any:
    """Return the body of a notice, parsed; None where it is not sent."""
    made = make_body(ledger, delivery)
    return None if made is None else json.loads(made)
