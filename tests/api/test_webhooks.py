"""Webhooks over HTTP: the party's own, with a secret that is shown once."""

from __future__ import annotations

from tests.api.asking import Asking
from tests.operations.world import BUYER, PLATFORM, SELLER

HOOK = {"url": "https://shop.example/hooks/ledger", "events": ["return.state_changed", "anchor.finalized"]}


def test_a_webhook_is_added_once_listed_for_its_party_alone_and_removed(service: Asking) -> None:
    first = service.post("/v1/webhooks", SELLER, HOOK, key="hook")
    again = service.post("/v1/webhooks", SELLER, HOOK, key="hook")
    made = first.json()
    path = f"/v1/webhooks/{made['id']}"

    assert first.status_code == 201, first.text
    assert made["secret"].startswith("whsec_")
    assert again.json() == {**made, "secret": None}
    assert [one["id"] for one in service.ask("GET", "/v1/webhooks", SELLER).json()["items"]] == [made["id"]]
    assert made["secret"] not in service.ask("GET", "/v1/webhooks", SELLER).text
    assert service.ask("GET", "/v1/webhooks", BUYER).json()["items"] == []
    for who in (BUYER, PLATFORM):
        assert service.ask("DELETE", path, who).status_code == 404
        assert service.ask("GET", f"{path}/deliveries", who).status_code == 404
    assert service.ask("GET", f"{path}/deliveries", SELLER).json() == {"items": [], "next": None}
    assert service.ask("DELETE", path, SELLER).status_code == 204
    assert service.ask("GET", "/v1/webhooks", SELLER).json()["items"] == []
    assert service.post("/v1/webhooks", SELLER, HOOK, key="hook").json() == {**made, "secret": None}


def test_an_address_of_this_network_is_refused_and_an_unknown_event_too(service: Asking) -> None:
    for url in ("https://127.0.0.1/x", "https://[::1]/x", "http://shop.example/x", "https://169.254.169.254/", "x"):
        answer = service.post("/v1/webhooks", SELLER, {**HOOK, "url": url})
        assert (answer.status_code, answer.json()["type"]) == (422, "/help/problems/address-refused")
    assert service.post("/v1/webhooks", SELLER, {**HOOK, "events": ["everything"]}).status_code == 403
