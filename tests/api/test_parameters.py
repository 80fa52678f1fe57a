"""What may stand in a URL: known parameters, each once, of one spelling, and the same answer on both databases."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger_service.api.address import PARAMETERS_MAX, QUERY_BYTES_MAX, query_names
from ledger_service.api.openapi import routes_of
from ledger_service.operations.credentials import issue_key
from ledger_service.operations.principal import Scope
from tests.api.asking import PARTIES, Asking, asking
from tests.api.places import Objects
from tests.api.test_matrix import ROWS, STEP
from tests.operations.conftest import make_world
from tests.operations.world import BUYER, PLATFORM, SELLER
from tests.postgres import PostgresServer

ID = "0" * 32
NOT_PLAIN = [
    "1.0", "+1", "-1", "-0", "01", "00", "1e0", "0x1", "1_0", "", "%20", "%201", "1%20", "1%0A", "%D9%A1", "%EF%BC%91",
    "%C2%B9", "%E2%85%A0", "true", "null", "1%00", "9007199254740992", "99999999999999999999", "9" * 5_000,
    "1,2", "[1]",
]  # fmt: skip
CONTROL = [
    "%00",
    "a%00b",
    "%01",
    "%0A",
    "%0D%0AX:1",
    "%1B[31m",
    "%7F",
    "%C2%85",
    "%FF",
    "%C0%80",
    "%ED%A0%80",
    "%E2%82",
]


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def each_service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """A service on SQLite, then on PostgreSQL."""
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.upper().startswith("LEDGER_")}
    folder = tmp_path_factory.mktemp("parameters")
    settings: dict[str, Any] = {"requests_per_second_max": 0}
    owner_url = ""
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create_database()
        owner_url = database.owner_url
        settings |= {"database_url": database.application_url, "application_role": database.application_role}
    world = make_world(folder / "home", owner_url=owner_url, **settings)
    world.found()
    with asking(world, Path(folder)) as opened:
        yield opened
    os.environ.update(kept)


def paths(service: Asking) -> list[tuple[str, str, str]]:
    """Return operation, method and path of every operation, for objects that exist."""
    return_id = service.open_case(members=tuple(PARTIES.values()))
    made = issue_key(service.ledger, SELLER, label="x", scopes=[Scope.READ]).credential
    objects = Objects(return_id, service.ledger.read.case(return_id).last_index, made.prefix)
    found = []
    for route in routes_of(service.app):
        (method,) = route.methods or {"GET"}
        found.append((route.name, method, ROWS[route.name].path(objects)))
    return found


def refused(answer: Any) -> bool:
    """Say whether it is a refusal of the request's form that a machine can read."""
    return bool(answer.status_code == 422 and answer.json()["type"] == "/help/problems/invalid-request")


def test_no_operation_takes_a_parameter_that_it_does_not_know_or_one_twice(each_service: Asking) -> None:
    for name, method, path in paths(each_service):
        mark = "&" if "?" in path else "?"
        unknown = each_service.ask(method, f"{path}{mark}limitt=1", PLATFORM)
        assert refused(unknown), (name, unknown.text)
        assert unknown.json()["errors"][0]["pointer"] == "/query/limitt"
        if method == "GET":
            assert not refused(each_service.ask(method, f"{path}{mark}", PLATFORM)), name

    route = {route.name: route for route in routes_of(each_service.app)}
    known = {name: query_names(route[name]) for name in route}
    assert known["list_entries"] == {"start", "limit"}
    for name, method, path in paths(each_service):
        for parameter in known[name]:
            bare = path.partition("?")[0]
            twice = each_service.ask(method, f"{bare}?{parameter}=1&{parameter}=1", PLATFORM)
            assert refused(twice), (name, parameter, twice.text)
            (error,) = twice.json()["errors"]
            assert error == {"pointer": f"/query/{parameter}", "reason": "the parameter stands twice"}


@pytest.mark.parametrize("query", ["&&&=", "a", "%61=1", "Limit=1", "limit[]=1", "limit%00=1", "from=1&to=1&from=1"])
def test_a_parameter_is_known_by_its_exact_name(each_service: Asking, query: str) -> None:
    assert refused(each_service.ask("GET", f"/v1/returns?{query}", PLATFORM))
    assert refused(each_service.ask("GET", f"/openapi.json?{query}"))


def test_a_query_has_a_longest_form(each_service: Asking) -> None:
    assert refused(each_service.ask("GET", "/v1/returns?after=" + "0" * QUERY_BYTES_MAX, PLATFORM))
    assert refused(each_service.ask("GET", "/v1/returns?" + "&".join(["a=1"] * (PARAMETERS_MAX + 1)), PLATFORM))


@pytest.mark.parametrize("written", NOT_PLAIN)
def test_a_number_has_one_spelling(each_service: Asking, written: str) -> None:
    for path in (
        f"/v1/entries?start={written}",
        f"/v1/entries?limit={written}",
        f"/v1/returns?limit={written}",
        f"/v1/proofs/consistency?from={written}&to=1",
        f"/v1/proofs/consistency?from=1&to={written}",
        f"/v1/proofs/inclusion?index={written}&size=1",
        f"/v1/proofs/inclusion?index=0&size={written}",
        f"/v1/entries/{written}/receipt",
    ):
        answer = each_service.ask("GET", path, PLATFORM)
        assert answer.status_code in ((404, 422) if "//" in path else (422,)), (path, answer.text)


def test_the_plain_spelling_is_taken(each_service: Asking) -> None:
    for path in ("/v1/entries?start=0&limit=10", "/v1/entries/0", "/v1/proofs/inclusion?index=0&size=1"):
        assert each_service.ask("GET", path, PLATFORM).status_code == 200


@pytest.mark.parametrize("written", CONTROL)
def test_no_control_character_reaches_a_route(each_service: Asking, written: str) -> None:
    for method, path in (
        ("GET", f"/v1/returns/{written}"),
        ("GET", f"/v1/returns/{written}/timeline"),
        ("GET", f"/v1/returns/{written}/actions"),
        ("GET", f"/v1/returns?after={written}"),
        ("GET", f"/v1/keys?after={written}"),
        ("DELETE", f"/v1/keys/{written}"),
        ("DELETE", f"/v1/webhooks/{written}"),
        ("GET", f"/v1/webhooks/{written}/deliveries"),
        ("GET", f"/v1/webhooks/{ID}/deliveries?before={written}"),
        ("GET", f"/v1/entries/1/receipt?show={written}"),
        ("GET", f"/v1/entries/{written}"),
        ("GET", f"/help/problems/{written}"),
        ("GET", f"/checkpoint{written}"),
        ("GET", f"/tile/0/000{written}"),
    ):
        answer = each_service.ask(method, path, PLATFORM)
        another = answer.status_code == 404 and answer.json()["type"] == "/help/problems/unknown-path"
        assert refused(answer) or another, (path, answer.status_code, answer.text)


@pytest.mark.parametrize(
    "written", ["x", "0" * 31, "0" * 33, "A" * 32, "g" * 32, "%D9%A0" * 32, "..%2F..", "' OR 1=1 --", "🧾", "%25", "*"]
)
def test_an_id_that_cannot_be_one_is_refused_alike_on_both_databases(each_service: Asking, written: str) -> None:
    for method, path in (
        ("GET", f"/v1/returns/{written}"),
        ("POST", f"/v1/returns/{written}/transitions"),
        ("DELETE", f"/v1/keys/{written}"),
        ("DELETE", f"/v1/webhooks/{written}"),
        ("GET", f"/v1/returns?after={written * 9}"),
    ):
        if method == "POST":
            answer = each_service.post(path, PLATFORM, STEP)
        else:
            answer = each_service.ask(method, path, PLATFORM)
        wanted = (404, 405) if "%2F" in path and "?" not in path else (422,)  # a slash makes another path
        assert answer.status_code in wanted, (path, answer.text)


@pytest.mark.parametrize("label", ["a\x01b", "a\nb", "\x1b[31m", "\x7f", "a\x85b"])
def test_no_name_holds_a_control_character(each_service: Asking, label: str) -> None:
    party = {"role": "seller", "reference": "shop"}
    key = {"party": party, "label": label, "scopes": ["read"]}

    assert refused(each_service.post("/v1/keys", PLATFORM, key))
    assert refused(
        each_service.post("/v1/keys", PLATFORM, {**key, "label": "x", "party": {**party, "reference": label}})
    )
    hook = {"url": f"https://shop.example/{label}", "events": ["return.state_changed"]}
    assert each_service.post("/v1/webhooks", BUYER, hook).status_code == 422
    unknown = each_service.post("/v1/webhooks", BUYER, {"url": "https://shop.example/", "events": [label]})
    assert unknown.status_code == 403


@pytest.mark.parametrize(
    "instant",
    [
        "2027-02-29T00:00:00.000Z", "2027-02-31T00:00:00.000Z", "2027-13-01T00:00:00.000Z", "2027-00-01T00:00:00.000Z",
        "2027-01-01T24:00:00.000Z", "2027-01-01T23:59:60.000Z", "2027-01-01T00:00:00Z", "2027-01-01T00:00:00.000",
        "2027-01-01T00:00:00.000+00:00", "2027-01-01T00:00:00.000+99:00", "2027-01-01T00:00:00.000z", "1798761600",
        "2027-01-01 00:00:00.000Z", "0000-01-01T00:00:00.000Z", "2027-01-01T00:00:00.0000Z",
        "\u0662027-01-01T00:00:00.000Z",
        "2026-11-03T11:59:59.999Z", "2020-01-01T00:00:00.000Z",
    ],
)  # fmt: skip
def test_a_key_ends_at_a_time_that_exists_and_is_to_come(each_service: Asking, instant: str) -> None:
    key = {"party": {"role": "seller", "reference": "shop"}, "label": "x", "scopes": ["read"]}

    assert refused(each_service.post("/v1/keys", PLATFORM, {**key, "expires_at": instant}))
    made = each_service.post("/v1/keys", PLATFORM, {**key, "expires_at": "2028-02-29T23:59:59.999Z"})
    assert made.status_code == 201, made.text


def test_a_method_that_a_path_has_not_is_answered_with_those_that_it_has(each_service: Asking) -> None:
    for path, methods in (("/v1/returns", "GET, POST"), ("/v1/keys", "GET, POST"), (f"/v1/webhooks/{ID}", "DELETE")):
        answer = each_service.ask("PATCH", path, PLATFORM)
        assert (answer.status_code, answer.headers["allow"]) == (405, methods)
