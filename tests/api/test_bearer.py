"""Staff with tokens of their own issuer, over HTTP: forged ones get 401 and nothing else, good ones what is set."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from ledger_service.api import service as parts
from ledger_service.api.openapi import routes_of
from ledger_service.core.entry import Role
from ledger_service.errors import SettingsError
from ledger_service.operations import issuer_keys
from ledger_service.operations.access import share
from ledger_service.operations.pseudonyms import Party
from tests import receiver as behaves
from tests.api.asking import Asking, with_issuers
from tests.api.described import description, resolved
from tests.forged import forgeries
from tests.issuer import COUNTS, SUBJECT, URL, key_set, token
from tests.operations.world import BUYER, SELLER
from tests.receiver import Receiver, receiving

ARBITRATOR = Party(Role.ARBITRATOR, f"court/{SUBJECT}")
MINISTRY = URL + "/ministry"


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """An issuer on this machine; nothing that it said is believed for longer than a question takes."""
    monkeypatch.setattr(issuer_keys, "ASK_SECONDS_MIN", 0.0)
    monkeypatch.setattr(issuer_keys, "RETRY_SECONDS_MIN", 0.0)
    monkeypatch.setattr(parts, "CREDENTIAL_SECONDS", 0.0)
    with receiving() as server:
        publish(server, "ES256")
        yield server


def publish(issuer: Receiver, *algorithms: str, number: int = 0) -> None:
    """Let the issuer answer with these keys from now on."""
    issuer.behave = [behaves.answer(200, json.dumps(key_set(*algorithms, number=number)).encode())]


def seconds(service: Asking) -> int:
    """Return the time of the ledger's clock."""
    return int(service.ledger.clock().timestamp())


def fetched(issuer: Receiver) -> dict[str, Any]:
    """Return the court, whose keys are fetched from this machine."""
    return {**COUNTS, "keys": {"jwks_url": issuer.url("/keys")}}


def test_every_forged_token_gets_401_and_the_true_ones_get_in(service: Asking, tmp_path: Path) -> None:
    # Without the limit that slows down whoever guesses: here each guess is to be judged.
    asked, now = with_issuers(service, tmp_path, requests_per_second_max=0.0), seconds(service)
    forged = [
        (what, sent) for algorithm in ("ES256", "Ed25519", "RS256") for what, _, sent in forgeries(algorithm, now)
    ]

    answers = asked.together([("GET", "/v1/returns", sent, None, {}, {}) for _, sent in forged])

    wrong = [
        (what, answer.status_code) for (what, _), answer in zip(forged, answers, strict=True) if not is_401(answer)
    ]
    assert wrong == []
    assert len(forged) >= 400
    for algorithm in COUNTS["algorithms"]:
        assert asked.ask("GET", "/v1/returns", token(algorithm, now)).status_code == 200


def is_401(answer: httpx.Response) -> bool:
    """Say whether an answer is the one that every credential gets which does not count."""
    said = answer.json()
    return (answer.status_code, said["type"]) == (401, "/help/problems/not-authenticated")


def test_a_token_in_the_form_of_our_own_credentials_is_never_read_as_an_issuer_s(
    service: Asking, tmp_path: Path
) -> None:
    asked = with_issuers(service, tmp_path)
    sent = token("ES256", seconds(service))

    for prefix in ("rlk_", "rll_", "rls_"):
        assert is_401(asked.ask("GET", "/v1/returns", prefix + sent))


def test_an_arbitrator_sees_the_cases_that_were_shared_with_it_and_acts_in_its_role(
    service: Asking, tmp_path: Path
) -> None:
    asked, sent = with_issuers(service, tmp_path), token("ES256", seconds(service))
    mine, other = service.open_case(members=(SELLER,)), service.open_case(members=(SELLER,))
    share(service.ledger, mine, ARBITRATOR)

    assert asked.ask("GET", f"/v1/returns/{mine}", sent).status_code == 200
    assert asked.ask("GET", f"/v1/returns/{other}", sent).status_code == 404
    assert [one["return_id"] for one in asked.ask("GET", "/v1/returns", sent).json()["items"]] == [mine]
    as_buyer = {"verb": "cancel", "asserted_by": {"role": "buyer", "reference": BUYER.reference}, "fields": {}}
    assert asked.post(f"/v1/returns/{mine}/transitions", sent, as_buyer).status_code == 403
    assert (
        asked.post("/v1/keys", sent, {"party": as_buyer["asserted_by"], "label": "x", "scopes": ["read"]}).status_code
        == 403
    )


def test_a_regulator_sees_the_cases_of_its_countries(service: Asking, tmp_path: Path) -> None:
    ministry = {
        **COUNTS, "name": "ministry", "issuer": MINISTRY, "role": "regulator", "scopes": ["read"], "countries": ["DE"],
        "keys": {"jwks": key_set("ES256")},
    }  # fmt: skip
    asked, sent = with_issuers(service, tmp_path, ministry), token("ES256", seconds(service), iss=MINISTRY)
    german = service.open_case(buyer_country="DE", seller_country="CN")
    french = service.open_case(buyer_country="FR", seller_country="CN")

    assert asked.ask("GET", f"/v1/returns/{german}", sent).status_code == 200
    assert asked.ask("GET", f"/v1/returns/{french}", sent).status_code == 404


def test_there_is_nothing_to_end_for_a_token_of_an_issuer(service: Asking, tmp_path: Path) -> None:
    asked, sent = with_issuers(service, tmp_path), token("ES256", seconds(service))

    answer = asked.ask("DELETE", "/v1/sessions/current", sent)

    assert (answer.status_code, answer.json()["type"]) == (409, "/help/problems/no-session")
    assert "'court'" in answer.json()["detail"]
    assert asked.ask("GET", "/v1/returns", sent).status_code == 200


def test_each_member_of_the_staff_has_a_share_of_its_own(service: Asking, tmp_path: Path) -> None:
    asked = with_issuers(service, tmp_path, requests_per_second_max=0.001, requests_burst_max=2)
    now = seconds(service)
    one, same, other = token("ES256", now), token("RS256", now), token("ES256", now, sub="other")

    statuses = [asked.ask("GET", "/v1/returns", sent).status_code for sent in (one, same, one, same, other)]

    assert statuses == [200, 200, 429, 429, 200]  # the share is the person's, not the token's


def test_a_log_line_names_the_issuer_and_no_person(service: Asking, tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as lines:
        asked = with_issuers(service, tmp_path)
        sent = token("ES256", seconds(service))
        asked.ask("GET", "/v1/returns", sent)
        asked.ask("GET", "/v1/returns", sent[:-4] + "AAAA")

    seen = [line for line in lines if line["event"] == "request"]
    assert seen[0]["caller"].startswith("court:")
    assert (seen[1]["caller"], seen[1]["token_refused"]) == (None, "signature")
    assert "token_refused" not in seen[0]
    text = json.dumps(seen)
    assert SUBJECT not in text
    assert sent.split(".")[1] not in text


def test_keys_that_rotate_at_the_issuer_are_followed(service: Asking, tmp_path: Path, issuer: Receiver) -> None:
    asked, now = with_issuers(service, tmp_path, fetched(issuer)), seconds(service)
    old, new = token("ES256", now), token("ES256", now, number=1)
    assert asked.ask("GET", "/v1/returns", old).status_code == 200
    assert is_401(asked.ask("GET", "/v1/returns", new))

    publish(issuer, "ES256", number=1)

    assert asked.ask("GET", "/v1/returns", new).status_code == 200
    assert is_401(asked.ask("GET", "/v1/returns", old))
    assert {got.path for got in issuer.received} == {"/keys"}


@pytest.mark.parametrize(
    "away", [behaves.answer(500), behaves.answer(302, location="https://elsewhere.example/"), behaves.nonsense]
)
def test_an_issuer_that_cannot_be_asked_is_503_and_never_no(
    service: Asking, tmp_path: Path, issuer: Receiver, away: behaves.Behaviour
) -> None:
    asked, sent = with_issuers(service, tmp_path, fetched(issuer)), token("ES256", seconds(service))
    issuer.behave = [away]

    answer = asked.ask("GET", "/v1/returns", sent)

    assert (answer.status_code, answer.json()["type"]) == (503, "/help/problems/issuer-unreachable")
    assert int(answer.headers["retry-after"]) >= 1
    assert "127.0.0.1" not in answer.text
    publish(issuer, "ES256")
    assert asked.ask("GET", "/v1/returns", sent).status_code == 200


def test_a_token_that_is_wrong_in_itself_asks_nobody(service: Asking, tmp_path: Path, issuer: Receiver) -> None:
    asked, now = with_issuers(service, tmp_path, fetched(issuer)), seconds(service)
    for sent in (token("ES256", now, iss="https://attacker.example"), token("ES256", now - 10_000), "nonsense"):
        assert is_401(asked.ask("GET", "/v1/returns", sent))

    assert issuer.received == []


def test_every_operation_with_a_credential_says_that_an_issuer_may_be_away(service: Asking) -> None:
    described = description()
    for route in routes_of(service.app):
        (method,) = route.methods or {""}
        operation = described["paths"][route.path_format][method.lower()]
        if "security" in operation:
            assert "issuer-unreachable" in resolved(operation["responses"]["503"])["description"], route.name


def test_a_service_with_a_file_that_is_not_right_does_not_begin(service: Asking, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="LEDGER_OIDC_FILE"):
        with_issuers(service, tmp_path, {**COUNTS, "keys": {}})
