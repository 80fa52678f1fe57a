"""Webhooks of a party: its own alone, sealed under its key, https to public hosts, the secret shown once."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from ledger_service.core.entry import Role
from ledger_service.errors import AddressRefusedError, PermissionRefusedError, UnknownWebhookError
from ledger_service.operations.notices import Event
from ledger_service.operations.principal import Scope
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.webhooks import (
    WEBHOOKS_MAX,
    add_webhook,
    list_deliveries,
    list_webhooks,
    new_delivery_id,
    open_address,
    remove_webhook,
    remove_webhooks_of,
    send_again,
)
from tests.operations.hooks import URL, caller, developing
from tests.operations.world import NOON, SELLER, World


def test_a_webhook_is_added_shown_and_removed_by_its_party(each_world: World) -> None:
    with each_world.opened() as opened:
        ledger = opened.ledger
        seller = caller(ledger)

        added = add_webhook(ledger, seller, URL, [Event.BREACHED, Event.STATE_CHANGED, Event.BREACHED])

        assert added.webhook.events == ("return.state_changed", "clock.breached")
        assert added.webhook.disabled_at is None
        assert list_webhooks(ledger, seller) == [added.webhook]
        assert added.webhook.url == URL
        remove_webhook(ledger, seller, added.webhook.id)
        assert list_webhooks(ledger, seller) == []
        with pytest.raises(UnknownWebhookError):
            remove_webhook(ledger, seller, added.webhook.id)


def test_the_secret_is_shown_once_and_stands_sealed_beside_the_url(world: World) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        first, second = (add_webhook(ledger, caller(ledger), URL, [Event.BREACHED]) for _ in range(2))
        (stored, _) = ledger.webhooks.all()
        secret = base64.b64decode(first.secret.removeprefix("whsec_"))

        assert first.secret.startswith("whsec_")
        assert first.secret != second.secret
        assert len(secret) == 32
        address = open_address(ledger, next(one for one in ledger.webhooks.all() if one.id == first.webhook.id))
        assert address is not None
        assert (address.url, address.secret) == (URL, secret)
        assert b"canary" not in stored.sealed
        assert not hasattr(first.webhook, "secret")
    for file in world.home.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert b"canary-path" not in content, file
            assert first.secret.encode() not in content, file


def test_it_looks_from_the_newest_entry_on(world: World) -> None:
    with world.opened() as opened:
        add_webhook(opened.ledger, caller(opened.ledger), URL, [Event.STATE_CHANGED])

        assert opened.ledger.webhooks.all()[0].cursor == opened.ledger.read.size()


def test_a_webhook_of_somebody_else_is_as_unknown_as_one_that_does_not_exist(world: World) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        seller, stranger = caller(ledger), caller(ledger, Party(Role.SELLER, "seller-other"))
        webhook_id = add_webhook(ledger, seller, URL, [Event.BREACHED]).webhook.id

        def refusals(tried: str) -> list[tuple[str, str]]:
            said = []
            for act in (
                lambda: remove_webhook(ledger, stranger, tried),
                lambda: list_deliveries(ledger, stranger, tried),
                lambda: send_again(ledger, stranger, tried, "0" * 32),
            ):
                with pytest.raises(UnknownWebhookError) as raised:
                    act()
                said.append((raised.value.message.replace(tried, "…"), raised.value.hint))
            return said

        assert refusals(webhook_id) == refusals("0" * 32)
        assert list_webhooks(ledger, stranger) == []
        assert len(list_webhooks(ledger, seller)) == 1


def test_the_same_reference_in_another_role_is_another_party(world: World) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        add_webhook(ledger, caller(ledger), URL, [Event.BREACHED])

        assert list_webhooks(ledger, caller(ledger, Party(Role.BUYER, SELLER.reference))) == []


def test_who_has_no_scope_for_it_and_a_session_of_one_case_have_no_webhooks(world: World) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        for refused in (caller(ledger, scopes=[Scope.READ]), replace(caller(ledger), return_id="ab" * 16)):
            for act in (
                lambda who=refused: add_webhook(ledger, who, URL, [Event.BREACHED]),
                lambda who=refused: list_webhooks(ledger, who),
                lambda who=refused: remove_webhook(ledger, who, "0" * 32),
                lambda who=refused: list_deliveries(ledger, who, "0" * 32),
                lambda who=refused: send_again(ledger, who, "0" * 32, "0" * 32),
            ):
                with pytest.raises(PermissionRefusedError):
                    act()


@pytest.mark.parametrize("events", [[], ["return.everything"], ["return.state_changed", ""]])
def test_a_webhook_needs_events_that_there_are(world: World, events: list[str]) -> None:
    with world.opened() as opened, pytest.raises(PermissionRefusedError, match=r"event") as raised:
        add_webhook(opened.ledger, caller(opened.ledger), URL, events)
    assert "anchor.finalized" in raised.value.hint


@pytest.mark.parametrize(
    "url", ["http://shop.example.com/", "https://127.0.0.1/canary", "http://localhost:9000/canary"]
)
def test_only_https_to_a_public_host_is_taken_and_a_refusal_repeats_no_url(world: World, url: str) -> None:
    with world.opened() as opened, pytest.raises(AddressRefusedError) as raised:
        add_webhook(opened.ledger, caller(opened.ledger), url, [Event.BREACHED])
    assert "canary" not in raised.value.message + raised.value.hint


def test_this_machine_is_taken_where_a_setting_allows_it(world: World) -> None:
    with developing(world).opened() as opened:
        added = add_webhook(opened.ledger, caller(opened.ledger), "http://localhost:9000/", [Event.BREACHED])

        assert added.webhook.url == "http://localhost:9000/"
        with pytest.raises(AddressRefusedError):
            add_webhook(opened.ledger, caller(opened.ledger), "http://10.0.0.1:9000/", [Event.BREACHED])


def test_a_party_has_a_number_of_webhooks_at_most(world: World) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        seller = caller(ledger)
        for _ in range(WEBHOOKS_MAX):
            last = add_webhook(ledger, seller, URL, [Event.BREACHED])

        with pytest.raises(PermissionRefusedError, match=f"at most {WEBHOOKS_MAX} webhooks"):
            add_webhook(ledger, seller, URL, [Event.BREACHED])
        remove_webhook(ledger, seller, last.webhook.id)
        add_webhook(ledger, seller, URL, [Event.BREACHED])


def test_a_webhook_that_is_not_in_use_and_a_delivery_that_does_not_exist_are_not_sent_again(world: World) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        seller = caller(ledger)
        webhook_id = add_webhook(ledger, seller, URL, [Event.BREACHED]).webhook.id

        with pytest.raises(UnknownWebhookError, match="no delivery"):
            send_again(ledger, seller, webhook_id, "0" * 32)
        ledger.webhooks.disable(webhook_id, now="2026-11-03T12:00:00.000Z", answered="410")
        with pytest.raises(UnknownWebhookError, match="not in use"):
            send_again(ledger, seller, webhook_id, "0" * 32)
        assert list_webhooks(ledger, seller)[0].disabled_at == "2026-11-03T12:00:00.000Z"


def test_erasing_the_party_ends_what_was_sealed(world: World) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        seller = caller(ledger)
        add_webhook(ledger, seller, URL, [Event.BREACHED])
        (stored,) = ledger.webhooks.all()

        ledger.keys.destroy(stored.key_id)

        assert open_address(ledger, stored) is None
        assert list_webhooks(ledger, seller) == []


def test_every_webhook_of_a_party_is_removed_at_once(world: World) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        seller, stranger = caller(ledger), caller(ledger, Party(Role.SELLER, "seller-other"))
        for who in (seller, seller, stranger):
            add_webhook(ledger, who, URL, [Event.BREACHED])

        assert remove_webhooks_of(ledger, seller.mark) == 2
        assert remove_webhooks_of(ledger, seller.mark) == 0
        assert list_webhooks(ledger, seller) == []
        assert len(list_webhooks(ledger, stranger)) == 1


def test_ids_of_deliveries_sort_by_their_time_and_place() -> None:
    later = NOON.replace(hour=13)
    ids = [new_delivery_id(NOON, 0), new_delivery_id(NOON, 1), new_delivery_id(NOON, 256), new_delivery_id(later, 0)]

    assert ids == sorted(ids)
    assert {len(one) for one in ids} == {32}
    assert new_delivery_id(NOON, 0) != ids[0]
