"""openapi.json: committed, complete, and what the application serves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import ledger_service.api
from ledger_service import errors
from ledger_service.api import examples, problems
from ledger_service.api.openapi import encoded, make_description, problems_of, routes_of
from ledger_service.api.problem_types import PROBLEM_TYPES
from ledger_service.api.problems import slug_of
from ledger_service.api.wire import StepRequest
from ledger_service.errors import LedgerError
from tests.api.asking import Asking
from tests.operations.world import PLATFORM

COMMITTED = Path(ledger_service.api.__file__).parent / "openapi.json"


def test_the_committed_description_is_what_the_application_serves(service: Asking) -> None:
    served = service.ask("GET", "/openapi.json")

    assert served.content == COMMITTED.read_bytes(), "run scripts/describe_api"
    assert encoded(make_description(service.app)) == served.content


def test_every_operation_says_what_may_come_back(service: Asking) -> None:
    described = json.loads(COMMITTED.read_bytes())

    for route in routes_of(service.app):
        for method in route.methods or ():
            operation = described["paths"][route.path_format][method.lower()]
            assert operation["operationId"] == route.name
            assert operation["tags"]
            assert operation["description"]
            for slug in problems_of(route):
                answer = operation["responses"][str(PROBLEM_TYPES[slug].status)]
                assert slug in answer["description"]
                assert "application/problem+json" in answer["content"]
            if method == "POST":
                assert any(one["name"] == "Idempotency-Key" for one in operation["parameters"])


@pytest.mark.parametrize("example", [examples.REQUEST_RETURN, examples.APPROVE_RETURN])
def test_examples_have_the_form_that_they_are_examples_of(example: dict[str, object]) -> None:
    assert StepRequest.model_validate(example).verb == example["verb"]


def _errors(kind: type[LedgerError]) -> set[type[LedgerError]]:
    return {kind}.union(*(_errors(one) for one in kind.__subclasses__()))


def test_every_error_of_ours_has_a_problem_type_and_none_that_a_client_causes_is_internal() -> None:
    assert set(problems._SLUGS.values()) <= set(PROBLEM_TYPES)
    for kind in _errors(LedgerError) - {LedgerError}:
        if kind.__module__ != errors.__name__:
            continue  # a program's own, which never comes here
        assert slug_of(kind.__new__(kind)) != "internal", kind


@pytest.mark.parametrize("slug", sorted(PROBLEM_TYPES))
def test_every_problem_type_resolves_to_a_page_in_both_languages(service: Asking, slug: str) -> None:
    answer = service.ask("GET", PROBLEM_TYPES[slug].url)

    assert answer.status_code == 200
    assert PROBLEM_TYPES[slug].title in answer.text
    assert PROBLEM_TYPES[slug].title_zh in answer.text


def test_the_title_of_a_problem_follows_the_language_and_nothing_else_does(service: Asking) -> None:
    english = service.ask("GET", "/nothing", headers={"X-Request-ID": "one"})
    chinese = service.ask("GET", "/nothing", headers={"X-Request-ID": "one", "Accept-Language": "zh-CN, en;q=0.5"})

    assert english.headers["content-language"] == "en"
    assert chinese.headers["content-language"] == "zh-Hans"
    assert english.json() | {"title": ""} == chinese.json() | {"title": ""}
    assert chinese.json()["title"] == PROBLEM_TYPES["unknown-path"].title_zh


def test_what_is_not_json_is_described_as_what_it_is(service: Asking) -> None:
    described = json.loads(COMMITTED.read_bytes())["paths"]
    return_id = service.open_case()

    for template, path, who in (
        ("/checkpoint", "/checkpoint", None),
        ("/tile/{level}/{place}", "/tile/0/000.p/1", None),
        ("/metrics", "/metrics", PLATFORM),
        ("/help/problems/{slug}", "/help/problems/busy", None),
        ("/.well-known/return-ledger", "/.well-known/return-ledger", None),
        ("/health/ready", "/health/ready", None),
        ("/v1/returns/{return_id}/timeline", f"/v1/returns/{return_id}/timeline", PLATFORM),
    ):
        sent = service.ask("GET", path, who).headers["content-type"].partition(";")[0]
        assert list(described[template]["get"]["responses"]["200"]["content"]) == [sent], template
