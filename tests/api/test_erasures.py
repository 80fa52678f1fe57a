"""Erasures over HTTP: the platform decides, a retry is safe, and an answer names nobody."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_service.core.entry import Role
from ledger_service.operations.credentials import issue_key
from ledger_service.operations.principal import Scope
from ledger_service.operations.pseudonyms import Party
from tests.api.asking import Asking
from tests.operations.world import PLATFORM, SELLER

ASKED_AT = "2026-11-03T11:00:00.000Z"


def body(reference: str, **changed: Any) -> dict[str, Any]:
    """Return a request for a buyer's data."""
    party = {"role": "buyer", "reference": reference}
    return {"party": party, "ground": "objection", "asked_by": "buyer", "asked_at": ASKED_AT} | changed


def ended_case(service: Asking, name: str) -> str:
    """Record a return of a buyer that was withdrawn."""
    return_id = service.open_case(name)
    step = {"verb": "withdraw_request", "asserted_by": {"role": "buyer", "reference": name}, "fields": {}}
    answer = service.post(f"/v1/returns/{return_id}/transitions", PLATFORM, step)
    assert answer.status_code == 201, answer.text
    return return_id


def test_a_person_is_erased_and_a_retry_gets_the_same_answer(service: Asking) -> None:
    return_id = ended_case(service, "erased@canary.example")
    first_row = service.ledger.read.chain_of(return_id)[0]  # a seal may stand between it and the next step

    first = service.post("/v1/erasures", PLATFORM, body("erased@canary.example"), key="forget-1")
    again = service.post("/v1/erasures", PLATFORM, body("erased@canary.example"), key="forget-1")

    told = first.json()
    assert first.status_code == 201
    assert (told["outcome"], told["ground"], told["reason"]) == ("done", "objection", None)
    assert told["citation"] == "GDPR Art. 17(1)(c)"
    assert (told["asked_by"], told["asked_at"]) == ("buyer", ASKED_AT)
    (case,) = told["cases"]
    assert (case["return_id"], case["extent"], case["retention_until"]) == (return_id, "own", told["review_at"])
    assert first.headers["location"] == f"/v1/erasures/{told['id']}"
    assert "idempotent-replayed" not in first.headers
    assert (again.json(), again.headers["idempotent-replayed"]) == (told, "true")
    assert service.ask("GET", f"/v1/erasures/{told['id']}", PLATFORM).json() == told
    assert "canary" not in first.text
    (index,) = case["entries"]
    entry = service.ask("GET", f"/v1/entries/{index}", PLATFORM).json()["entry"]
    assert (entry["kind"], entry["facts"]["erasure_id"]) == ("erasure", told["id"])
    receipt = service.ask("GET", f"/v1/entries/{first_row.index}/receipt", PLATFORM).json()
    assert "evidence:product_photo" in receipt["unprotected"]["erased"]
    assert not any(
        name in service.ask("GET", f"/v1/returns/{return_id}/timeline", PLATFORM).text for name in ["canary"]
    )


def test_a_restriction_is_lifted_over_http_and_only_a_restriction(service: Asking) -> None:
    service.open_case("limited@canary.example")
    decided = service.post("/v1/erasures", PLATFORM, body("limited@canary.example", ground="accuracy_contested"))
    path, told_at = f"/v1/erasures/{decided.json()['id']}/lift", decided.json()["decided_at"]
    assert decided.json()["lifted_at"] is None

    first, again = (service.post(path, PLATFORM, {"told_at": told_at}) for _ in range(2))

    assert (first.status_code, first.json()["told_at"]) == (201, told_at)
    assert first.json()["lifted_at"] is not None
    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    assert "idempotent-replayed" not in first.headers
    assert service.ask("GET", f"/v1/erasures/{decided.json()['id']}", PLATFORM).json() == first.json()
    erased = service.post("/v1/erasures", PLATFORM, body("never-here@canary.example"))
    refused = service.post(f"/v1/erasures/{erased.json()['id']}/lift", PLATFORM, {"told_at": told_at})
    assert (refused.status_code, refused.json()["type"]) == (409, "/help/problems/not-restricted")
    assert service.post(path, PLATFORM, {"told_at": "2031-01-01T00:00:00.000Z"}).status_code == 201  # it stands already
    assert service.post(path, SELLER, {"told_at": told_at}).status_code in (403, 404)


def test_a_key_that_asked_for_something_else_is_refused(service: Asking) -> None:
    ended_case(service, "second@canary.example")
    service.open_case("third@canary.example")
    deferred = service.post("/v1/erasures", PLATFORM, body("third@canary.example"), key="forget-3")
    assert (deferred.json()["outcome"], deferred.json()["reason"]) == ("deferred", "open_case")

    ground = service.post(
        "/v1/erasures", PLATFORM, body("third@canary.example", ground="legal_obligation"), key="forget-3"
    )
    person = service.post("/v1/erasures", PLATFORM, body("second@canary.example"), key="forget-3")

    for answer in (ground, person):
        assert (answer.status_code, answer.json()["type"]) == (422, "/help/problems/idempotency-key-reused"), (
            answer.text
        )
    assert service.ledger.keys.find("party:second@canary.example") is not None


def test_a_restricted_person_is_not_shown(service: Asking) -> None:
    return_id = service.open_case("fourth@canary.example", comment="a canary word")
    seen = service.ask("GET", f"/v1/returns/{return_id}/timeline", PLATFORM).text
    assert "a canary word" in seen

    told = service.post("/v1/erasures", PLATFORM, body("fourth@canary.example", ground="accuracy_contested")).json()

    assert (told["outcome"], told["review_at"], told["cases"][0]["extent"]) == ("restricted", None, None)
    index = service.ledger.read.case(return_id).last_index
    for path in (f"/v1/returns/{return_id}/timeline", f"/v1/entries/{index}/receipt"):
        assert "a canary word" not in service.ask("GET", path, PLATFORM).text
    assert service.ask("GET", f"/v1/entries/{index}/receipt?show=comment", PLATFORM).status_code == 404
    buyer = issue_key(service.ledger, Party(Role.BUYER, "fourth@canary.example"), label="x", scopes=[Scope.READ]).token
    assert "a canary word" in service.ask("GET", f"/v1/returns/{return_id}/timeline", buyer).text


def test_a_restricted_persons_file_is_handed_to_that_person_alone(service: Asking) -> None:
    return_id = service.open_case("seventh@canary.example")
    path = f"/v1/entries/{service.ledger.read.case(return_id).last_index}/evidence/0"
    buyer = issue_key(
        service.ledger, Party(Role.BUYER, "seventh@canary.example"), label="x", scopes=[Scope.EVIDENCE, Scope.READ]
    ).token
    assert [service.ask("GET", path, who).status_code for who in (PLATFORM, SELLER, buyer)] == [200, 200, 200]

    service.post("/v1/erasures", PLATFORM, body("seventh@canary.example", ground="objection_pending"))

    assert [service.ask("GET", path, who).status_code for who in (PLATFORM, SELLER, buyer)] == [404, 404, 200]


@pytest.mark.parametrize(
    "changed",
    [
        {"ground": "whim"},
        {"asked_at": "yesterday"},
        {"asked_at": "2026-02-30T11:00:00.000Z"},
        {"asked_at": "2031-01-01T00:00:00.000Z"},
        {"asked_by": "passer_by"},
        {"party": {"role": "buyer", "reference": ""}},
        {"name": "Quillon"},
    ],
    ids=str,
)
def test_what_is_no_request_is_refused(service: Asking, changed: dict[str, Any]) -> None:
    answer = service.post("/v1/erasures", PLATFORM, body("fifth@canary.example", **changed))

    assert (answer.status_code, answer.json()["type"]) == (422, "/help/problems/invalid-request"), answer.text


def test_nobody_decides_about_itself_and_no_other_id_is_known(service: Asking) -> None:
    own = service.post("/v1/erasures", PLATFORM, body(PLATFORM.reference))
    unknown = service.ask("GET", f"/v1/erasures/{'0' * 32}", PLATFORM)

    assert (own.status_code, unknown.status_code) == (403, 404)


def test_a_label_is_kept_with_its_key_only_and_goes_with_it(service: Asking) -> None:
    ended_case(service, "label@canary.example")
    asked = {
        "party": {"role": "buyer", "reference": "label@canary.example"},
        "label": "LABEL-CANARY",
        "scopes": ["read"],
    }
    assert service.post("/v1/keys", PLATFORM, asked, key="label-key").status_code == 201
    again = service.post("/v1/keys", PLATFORM, asked, key="label-key")
    assert (again.json()["label"], again.json()["token"]) == ("LABEL-CANARY", None)

    service.post("/v1/erasures", PLATFORM, body("label@canary.example"))

    gone = service.post("/v1/keys", PLATFORM, asked, key="label-key")
    assert (gone.status_code, gone.json()["type"]) == (404, "/help/problems/unknown-object")
    kept = service.ledger.store.rows("SELECT answer FROM requests")
    assert all("LABEL-CANARY" not in str(answer) for (answer,) in kept)


@pytest.mark.parametrize(
    ("asked_by", "status"), [("seller", 403), ("carrier", 403), ("buyer", 201), ("regulator", 201)]
)
def test_a_party_cannot_have_anothers_data_erased(service: Asking, asked_by: str, status: int) -> None:
    name = f"asked-by-{asked_by}@canary.example"
    ended_case(service, name)

    answer = service.post("/v1/erasures", PLATFORM, body(name, asked_by=asked_by))

    assert answer.status_code == status, answer.text
    assert (service.ledger.keys.find(f"party:{name}") is None) == (status == 201)
