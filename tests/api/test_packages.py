"""Promises of packages and exports over HTTP: who gets them, the entry first, the same again under the same key."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO
from typing import Any

import pytest

from ledger_service.core.entry import Role
from ledger_service.core.report import Outcome
from ledger_service.core.verify_export import verify_export
from ledger_service.core.verify_package import verify_package
from ledger_service.operations.credentials import issue_key
from ledger_service.operations.principal import Scope
from tests.api.asking import PARTIES, Asking
from tests.core.packages import Bytes
from tests.documents.reading import text_of
from tests.operations.world import BUYER, PLATFORM, SELLER

REGULATOR = PARTIES[Role.REGULATOR]


def failed(report: Any) -> list[str]:
    """Return the names of the checks that failed."""
    return [one.name for one in report.checks if one.outcome is Outcome.FAIL]


def test_a_party_gets_the_package_as_a_file_that_verifies(service: Asking) -> None:
    return_id = service.open_case()

    answer = service.ask("POST", f"/v1/returns/{return_id}/package", SELLER)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == f'attachment; filename="return-{return_id}.zip"'
    assert answer.headers["cache-control"] == "private, no-store"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert failed(verify_package(Bytes(answer.content), service.ledger.trust())) == []
    case = json.loads(zipfile.ZipFile(BytesIO(answer.content)).read("case.json"))
    assert (case["return_id"], case["prepared_for"]) == (return_id, "seller")


def test_the_report_is_printed_in_the_language_that_was_asked_for(service: Asking) -> None:
    return_id = service.open_case()
    path = f"/v1/returns/{return_id}/package"

    texts = [
        text_of(zipfile.ZipFile(BytesIO(service.ask("POST", path + query, SELLER).content)).read("report.pdf"))
        for query in ("", "?language=en", "?language=zh")
    ]

    assert ["Findingoffacts" in text for text in texts] == [True, True, False]
    assert "事实认定" in texts[2]
    assert service.ask("POST", f"{path}?language=fr", SELLER).status_code == 422


def test_the_same_key_gives_the_same_package_and_records_nothing_more(service: Asking) -> None:
    return_id = service.open_case()
    path = f"/v1/returns/{return_id}/package"

    first = service.ask("POST", path, SELLER, key="same")
    recorded = service.ledger.read.entries_of(return_id)
    second = service.ask("POST", path, SELLER, key="same")
    other = service.ask("POST", f"/v1/returns/{service.open_case()}/package", SELLER, key="same")

    assert first.content == second.content
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert [row.index for row in service.ledger.read.entries_of(return_id)] == [row.index for row in recorded]
    assert other.status_code == 422


def test_the_package_needs_its_scope_and_its_key(service: Asking) -> None:
    return_id = service.open_case()
    path = f"/v1/returns/{return_id}/package"
    reader = issue_key(service.ledger, SELLER, label="x", scopes=[Scope.READ]).token

    assert service.ask("POST", path, reader).status_code == 403
    assert service.ask("POST", path, SELLER, key=None).status_code == 400
    assert service.ask("GET", path, SELLER).status_code == 405
    assert service.ask("POST", "/v1/returns/" + "0" * 32 + "/package", SELLER).status_code == 404


def test_no_file_of_a_package_stays_in_the_home(service: Asking) -> None:
    return_id = service.open_case()
    home = service.app.state.service.settings.home
    before = sorted(path.name for path in home.iterdir())

    service.ask("POST", f"/v1/returns/{return_id}/package", SELLER)

    assert sorted(path.name for path in home.iterdir()) == before


def test_an_export_is_lines_that_verify(service: Asking) -> None:
    german, french = service.open_case(), service.open_case(buyer_country="FR", seller_country="IT")

    answer = service.post("/v1/exports", REGULATOR, {"buyer_country": "DE"})
    lines = answer.content.splitlines(keepends=True)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert failed(verify_export(lines, service.ledger.trust())) == []
    cases = {json.loads(json.loads(line)["entry"])["return_id"] for line in lines[1:-1]}
    assert german in cases
    assert french not in cases
    assert json.loads(lines[0])["reader"] == "regulator"


def test_an_export_under_the_same_key_has_the_same_lines_and_is_recorded_again(service: Asking) -> None:
    service.open_case()

    first = service.post("/v1/exports", SELLER, {}, key="again")
    size = service.ledger.read.size()
    second = service.post("/v1/exports", SELLER, {}, key="again")

    assert first.content == second.content
    assert second.headers["idempotent-replayed"] == "true"
    assert service.ledger.read.size() > size


@pytest.mark.parametrize(
    "body",
    [{"buyer_country": "de"}, {"buyer_country": "DEU"}, {"opened_from": "2026-10-01"}, {"final": 1}, {"case": "x"}],
)
def test_an_export_that_is_asked_for_wrongly_is_told(service: Asking, body: dict[str, Any]) -> None:
    assert service.post("/v1/exports", SELLER, body).status_code == 422


def test_nothing_is_final_where_nothing_was_anchored_but_the_genesis(service: Asking) -> None:
    answer = service.post("/v1/exports", SELLER, {"final": True})

    assert answer.status_code in (200, 422)
    if answer.status_code == 200:
        assert json.loads(answer.content.splitlines()[0])["head"]["anchors"]


def test_a_bundle_of_cases_is_for_the_operator_and_nobody_shares_it(service: Asking) -> None:
    service.open_case("somebody-else", members=(), buyer_country="FR", seller_country="IT")
    size = min(service.ledger.read.size(), 255)
    path = f"/tile/entries/000.p/{size}"

    given = service.ask("GET", path, PLATFORM)

    assert given.status_code == 200
    assert given.headers["cache-control"].startswith("private")
    rows = list(service.ledger.read.entries(0, size))
    assert given.content == b"".join(len(row.encoded).to_bytes(2, "big") + row.encoded for row in rows)
    for who in (None, BUYER, SELLER, REGULATOR):
        refused = service.ask("GET", path, who)
        assert refused.status_code == 404
        assert refused.json()["type"].endswith("/unknown-object")


@pytest.mark.parametrize("place", ["000.p/0", "000.p/256", "0", "000.p/255", "x001/000", "000"])
def test_a_bundle_that_is_not_there_is_told(service: Asking, place: str) -> None:
    assert service.ask("GET", f"/tile/entries/{place}", PLATFORM).status_code == 404
