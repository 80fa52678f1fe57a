"""The operator's page: whether the service is well, what keeps anchoring waiting and the way out, keys, webhooks.

Promises: it only reads; a key is shown by its public prefix, never its secret. Does not: show a return.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from ledger_service.core.registry import format_address
from ledger_service.operations.anchor_state import TargetState
from ledger_service.operations.health import SHOWN, Health, look
from ledger_service.operations.ledger import format_instant
from ledger_service.operations.principal import Scope
from ledger_service.store.credentials import StoredCredential
from ledger_service.web.answering import PageRoute, page
from ledger_service.web.public import anchor_rows
from ledger_service.web.session import PageError, required_staff
from ledger_service.web.site import render, site_of, talk_of
from ledger_service.web.talk import Talk

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Place:
    """A target: its contract and the log's id there, what waits there, and the alarm's word (empty: none)."""

    chain: str
    contract: str
    log_id: str
    unanchored: int
    unfinal: int
    waiting: str
    late: bool
    alarm: str
    detail: str
    since: str
    looked_at: str


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is shown; `ended` says that it counts no more."""

    prefix: str
    role: str
    label: str
    scopes: str
    until: str
    ended: bool


@page
def show(request: Request) -> Response:
    """Return the page."""
    required_staff(request, Scope.OPERATE)
    ledger, talk = site_of(request).ledger, talk_of(request)
    if ledger.read.size() == 0:
        raise PageError("closed", HTTPStatus.SERVICE_UNAVAILABLE)
    health = look(ledger)
    contracts = {one.log_id: format_address(one.contract) for one in ledger.targets()}
    places = [_place(one, contracts[one.log_id], health, talk) for one in health.targets]
    now = format_instant(ledger.clock())
    return render(
        request, "operator.html", staff=True, health=health, places=places, shown=SHOWN,
        log_keys=[one.encode() for one in reversed(ledger.checkpoint_keys())],
        keys=[_key(one, now, talk) for one in health.keys], anchors=anchor_rows(ledger),
        free=talk.number(health.free_bytes // MEGABYTE), wanted=talk.number(health.wanted_bytes // MEGABYTE),
        promise=talk.length(health.promise_seconds), now=talk.instant(now),
        well=health.waiting is not None and health.has_room and not any(one.alarm or one.late for one in places),
    )  # fmt: skip


def _place(one: TargetState, contract: str, health: Health, talk: Talk) -> Place:
    return Place(
        chain=one.chain,
        contract=contract,
        log_id="0x" + one.log_id.hex(),
        unanchored=health.size - one.included_size,
        unfinal=health.size - one.final_size,
        waiting=talk.length(one.waiting_seconds) if health.size > one.included_size else "",
        late=one.waiting_seconds > health.promise_seconds,
        alarm="" if one.alarm is None else one.alarm.value,
        detail=one.detail,
        since="" if one.since is None else talk.instant(one.since),
        looked_at="" if one.looked_at is None else talk.instant(one.looked_at),
    )


def _key(one: StoredCredential, now: str, talk: Talk) -> Key:
    end = min((at for at in (one.expires_at, one.revoked_at) if at is not None), default=None)
    return Key(
        prefix=one.prefix,
        role=talk.speech.code("role", one.role),
        label=one.label,
        scopes=", ".join(one.scopes),
        until="" if end is None else talk.instant(end),
        ended=end is not None and end <= now,
    )


ROUTES = [PageRoute("/operator", show)]
