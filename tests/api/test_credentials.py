"""Keys, links and sessions: shown once, revoked within a second, used up once."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from dataclasses import replace
from string import ascii_letters, digits

import pytest

from ledger_service.api import service as parts
from ledger_service.core.entry import Role
from ledger_service.operations.credentials import issue_key
from ledger_service.operations.principal import Scope
from ledger_service.operations.pseudonyms import Party
from tests.api.asking import Asking
from tests.operations.world import BUYER, PLATFORM, SELLER

SHOP = {"party": {"role": "seller", "reference": "new-shop"}, "label": "Shop", "scopes": ["read", "record"]}


def link(service: Asking, return_id: str) -> str:
    """Return the token of a one-time link for the buyer of a return."""
    body = {"return_id": return_id, "party": {"role": "buyer", "reference": BUYER.reference}}
    answer = service.post("/v1/links", PLATFORM, body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


def test_a_key_is_shown_once_and_its_repetition_holds_none(service: Asking) -> None:
    first = service.post("/v1/keys", PLATFORM, SHOP, key="make-it")
    again = service.post("/v1/keys", PLATFORM, SHOP, key="make-it")

    token = first.json()["token"]
    assert again.json() == {**first.json(), "token": None}
    assert again.headers["idempotent-replayed"] == "true"
    assert service.ask("GET", "/v1/returns", token).status_code == 200
    assert token not in service.ask("GET", "/v1/keys", PLATFORM).text
    assert token.split("_", 2)[2].encode() not in b"".join(
        path.read_bytes() for path in service.folder.rglob("*") if path.is_file()
    )


def test_a_key_has_no_scope_that_its_role_cannot_have(service: Asking) -> None:
    answer = service.post("/v1/keys", PLATFORM, {**SHOP, "scopes": ["operate"]})

    assert (answer.status_code, answer.json()["type"]) == (403, "/help/problems/not-permitted")


def test_a_revoked_key_stops_counting_once_it_is_looked_up_again(
    service: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = issue_key(service.ledger, Party(Role.SELLER, "leaving"), label="x", scopes=[Scope.READ])
    assert service.ask("GET", "/v1/returns", made.token).status_code == 200

    assert service.ask("DELETE", f"/v1/keys/{made.credential.prefix}", PLATFORM).status_code == 204
    assert parts.CREDENTIAL_SECONDS < 1
    monkeypatch.setattr(parts, "CREDENTIAL_SECONDS", 0)

    assert service.ask("GET", "/v1/returns", made.token).status_code == 401


def test_a_link_opens_one_return_once(service: Asking) -> None:
    return_id, other = service.open_case(), service.open_case()
    token = link(service, return_id)

    assert service.ask("GET", "/v1/returns", token).status_code == 401
    answers = service.together(
        [("POST", "/v1/sessions", None, f"try-{n}", {}, {"json": {"link": token}}) for n in range(8)]
    )

    (made,) = [answer.json() for answer in answers if answer.status_code == 201]
    assert sorted(answer.status_code for answer in answers) == [201] + [401] * 7
    assert service.ask("GET", f"/v1/returns/{return_id}", made["token"]).status_code == 200
    assert service.ask("GET", f"/v1/returns/{other}", made["token"]).status_code == 404
    assert service.ask("GET", "/v1/returns", made["token"]).json()["items"][0]["return_id"] == return_id
    step = {"verb": "withdraw_request", "fields": {}}
    assert service.post(f"/v1/returns/{return_id}/transitions", made["token"], step).status_code == 201
    assert service.ask("DELETE", "/v1/sessions/current", made["token"]).status_code == 204


def test_a_session_whose_answer_was_lost_is_had_again_under_the_same_key(service: Asking) -> None:
    token = link(service, service.open_case())

    first = service.post("/v1/sessions", None, {"link": token}, key="lost")
    again = service.post("/v1/sessions", None, {"link": token}, key="lost")
    other = service.post("/v1/sessions", None, {"link": token}, key="another")

    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 401)
    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize(
    "header",
    ["", "Basic YTpi", "Bearer", "Bearer a b", "Bearer rlk_0123456789abcdef_" + "A" * 43, "rlk_x"],
)
def test_what_is_no_credential_is_refused_in_one_way(service: Asking, header: str) -> None:
    answer = service.ask("GET", "/v1/returns", headers={"Authorization": header})

    assert answer.status_code == 401
    assert answer.json()["type"] == "/help/problems/not-authenticated"


def test_a_secret_in_another_spelling_of_the_same_bytes_is_no_key(service: Asking) -> None:
    token = issue_key(service.ledger, Party(Role.SELLER, "speller"), label="x", scopes=[Scope.READ]).token
    head, secret = token[:-43], token[-43:]
    spelled = {head + secret[:-1] + last for last in ascii_letters + digits + "-_" if same_bytes(secret, last)}

    assert len(spelled) == 4
    counted = {one for one in spelled if service.ask("GET", "/v1/returns", one).status_code == 200}
    assert counted == {token}


def same_bytes(secret: str, last: str) -> bool:
    """Say whether a secret means the same bytes when it ends in another character."""
    return urlsafe_b64decode(secret + "=") == urlsafe_b64decode(secret[:-1] + last + "=")


def test_a_caller_beyond_its_share_is_told_when_to_go_on(service: Asking) -> None:
    token = issue_key(service.ledger, Party(Role.SELLER, "greedy"), label="x", scopes=[Scope.READ]).token
    limiter = service.app.state.service.limiter
    service.app.state.service.limiter = parts.Limiter(rate=0.5, burst=2)
    try:
        statuses = [service.ask("GET", "/v1/returns", token).status_code for _ in range(4)]
        others = service.ask("GET", "/v1/returns", BUYER).status_code
    finally:
        service.app.state.service.limiter = limiter

    assert statuses == [200, 200, 429, 429]
    assert others == 200


def test_guesses_take_the_share_of_their_address_and_what_counts_does_not(service: Asking) -> None:
    token = service.token(BUYER)
    limiter = service.app.state.service.limiter
    service.app.state.service.limiter = parts.Limiter(rate=0.001, burst=3)
    guess = "rlk_0123456789abcdef_" + "A" * 43
    try:
        good = [service.ask("GET", "/v1/webhooks", token).status_code for _ in range(3)]
        guesses = [service.ask("GET", "/v1/returns", guess).status_code for _ in range(2)]
        malformed = service.ask("GET", "/v1/returns", headers={"Authorization": "Basic YTpi"}).status_code
        later = [
            service.ask("GET", "/v1/returns", guess).status_code,
            service.ask("GET", "/v1/anchors").status_code,
            service.post("/v1/sessions", None, {"link": "rll_0123456789abcdef_" + "A" * 43}).status_code,
        ]
    finally:
        service.app.state.service.limiter = limiter

    assert good == [200] * 3  # each gave back what it took of the address
    assert guesses == [401] * 2
    assert malformed == 401
    assert later == [429] * 3


def test_links_are_guessed_no_faster(service: Asking) -> None:
    limiter = service.app.state.service.limiter
    service.app.state.service.limiter = parts.Limiter(rate=0.001, burst=2)
    link_token = "rll_0123456789abcdef_" + "A" * 43
    try:
        statuses = [service.post("/v1/sessions", None, {"link": link_token}).status_code for _ in range(4)]
    finally:
        service.app.state.service.limiter = limiter

    assert statuses == [401, 401, 429, 429]


def test_the_last_key_of_a_party_takes_its_webhooks_along_and_no_other_does(service: Asking) -> None:
    party = Party(Role.SELLER, "leaving")
    hook = {"url": "https://shop.example/hooks/ledger", "events": ["return.state_changed"]}
    keys = [issue_key(service.ledger, party, label="x", scopes=[Scope.READ, Scope.NOTIFY]) for _ in range(2)]
    mark = keys[0].credential.mark
    expired = replace(keys[0].credential, prefix="f" * 16, expires_at="2020-01-01T00:00:00.000Z")
    service.ledger.credentials.add(expired)
    assert service.post("/v1/webhooks", keys[0].token, hook).status_code == 201
    assert service.post("/v1/webhooks", SELLER, hook).status_code == 201

    assert service.ask("DELETE", "/v1/keys/" + keys[0].credential.prefix, PLATFORM).status_code == 204
    left = len(service.ledger.webhooks.of(mark))
    assert service.ask("DELETE", "/v1/sessions/current", keys[1].token).status_code == 204

    assert left == 1
    assert service.ledger.webhooks.of(mark) == []
    assert len(service.ask("GET", "/v1/webhooks", SELLER).json()["items"]) == 1
