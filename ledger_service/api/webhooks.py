"""Webhooks: where a party wants to be told what happens in its cases.

Promises: a webhook's secret is in the answer that makes it and never again; a party sees its own webhooks only. Does
not: send anything (`operations/deliver.py`).
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from ledger_service.api.address import Cursor, WebhookId
from ledger_service.api.bodies import Wire, body_of, documented
from ledger_service.api.identity import At, Key, Notified
from ledger_service.api.respond import created, document, page
from ledger_service.api.wire import Answer, Hex16, Instant
from ledger_service.core.encoding import Json
from ledger_service.operations import webhooks
from ledger_service.operations.notices import Event
from ledger_service.operations.once import Outcome, once
from ledger_service.store.webhooks import PAGE

router = APIRouter(tags=["webhooks"])


class WebhookRequest(Wire):
    """A webhook to add: where to, and what about."""

    url: Annotated[str, Field(min_length=1, max_length=2_000)]
    events: Annotated[list[str], Field(min_length=1, max_length=8)]


class WebhookAnswer(Answer):
    """A webhook; `disabled_at` says since when nothing is sent there."""

    id: Hex16
    url: str
    events: list[str]
    created_at: Instant
    disabled_at: Instant | None


class AddedWebhookAnswer(WebhookAnswer):
    """A new webhook; a repeated answer holds null in place of the secret that signs what is sent."""

    secret: str | None


class WebhookList(Answer):
    """The webhooks of the caller's party, oldest first."""

    items: list[WebhookAnswer]
    next: None


@router.post(
    "/v1/webhooks",
    status_code=201,
    responses={201: {"model": AddedWebhookAnswer}},
    openapi_extra=documented(WebhookRequest),
)
def add_webhook(
    service: At, principal: Notified, key: Key, body: Annotated[WebhookRequest, Depends(body_of(WebhookRequest))]
) -> Response:
    """Tell the caller's party of what happens from now on in the returns that it may see."""

    def work() -> Outcome:
        added = webhooks.add_webhook(service.ledger, principal, body.url, body.events)
        shown: dict[str, Json] = {**_members(added.webhook), "secret": added.secret}
        # A URL is the party's: references only are kept.
        kept: dict[str, Json] = {"id": added.webhook.id, "created_at": added.webhook.created_at}
        return Outcome(kept, shown)

    request: list[Json] = ["POST /v1/webhooks", body.model_dump()]
    outcome = once(service.ledger, principal.party, key, request, work, nothing=["secret"])
    if outcome.replayed:
        mine = webhooks.list_webhooks(service.ledger, principal)
        again = next((_members(one) for one in mine if one.id == outcome.answer["id"]), None)
        if again is None:  # removed since: as it was when it was added, by the request that added it
            events: list[Json] = [event for event in Event if event in body.events]
            again = {**outcome.answer, "url": body.url, "events": events, "disabled_at": None}
        value: dict[str, Json] = {**again, "secret": None}
        return created(value, headers={}, replayed=True)
    return created({**outcome.answer, **outcome.shown}, headers={}, replayed=False)


@router.get("/v1/webhooks", responses={200: {"model": WebhookList}})
def list_webhooks(service: At, principal: Notified) -> Response:
    """List the webhooks of the caller's party."""
    return page([_members(one) for one in webhooks.list_webhooks(service.ledger, principal)], None)


@router.delete("/v1/webhooks/{id}", status_code=204)
def remove_webhook(service: At, principal: Notified, id: WebhookId) -> Response:
    """Remove a webhook, with everything that was to be sent there."""
    webhooks.remove_webhook(service.ledger, principal, id)
    return Response(status_code=204)


@router.get(
    "/v1/webhooks/{id}/deliveries",
    responses={200: {"content": {"application/json": {"schema": {"type": "object"}}}}},
)
def list_deliveries(
    service: At,
    principal: Notified,
    id: WebhookId,
    before: Annotated[Cursor | None, Query(description="`next` of the page before")] = None,
) -> Response:
    """List what was or will be sent to a webhook, newest first, with what the receiver answered."""
    found = webhooks.list_deliveries(service.ledger, principal, id, before=before)
    items: list[Json] = [
        {
            "id": one.id,
            "event": one.event,
            "return_id": one.return_id,
            "state": one.state,
            "attempts": one.attempts,
            "created_at": one.created_at,
            "next_at": one.next_at,
            "answered": one.answered,
        }
        for one in found
    ]
    return document({"items": items, "next": found[-1].id if len(found) == PAGE else None})


def _members(one: webhooks.Webhook) -> dict[str, Json]:
    return {
        "id": one.id,
        "url": one.url,
        "events": list(one.events),
        "created_at": one.created_at,
        "disabled_at": one.disabled_at,
    }
