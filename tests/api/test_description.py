"""openapi.json: committed, complete, and what the application serves."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ledger_service import errors
from ledger_service.api import problems
from ledger_service.api.openapi import encoded, make_description, problems_of, routes_of
from ledger_service.api.problem_types import PROBLEM_TYPES
from ledger_service.api.problems import slug_of
from ledger_service.errors import LedgerError
from tests.api.asking import Asking
from tests.api.described import (
    COMMITTED,
    answers_of,
    description,
    examples_in,
    faults_of,
    is_valid,
    operations,
    resolved,
)
from tests.api.made_examples import FILE, made_examples
from tests.operations.world import PLATFORM


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
                answer = resolved(operation["responses"][str(PROBLEM_TYPES[slug].status)])
                assert slug in answer["description"]
                assert slug in answer["content"]["application/problem+json"]["examples"]
            if method == "POST":
                assert any(one["name"] == "Idempotency-Key" for one in operation["parameters"])


def incomplete(operation: dict[str, Any]) -> list[str]:
    """Return what the description of an operation lacks: examples, or a form that they have."""
    faults = []
    for content in operation.get("requestBody", {}).get("content", {}).values():
        faults += [] if [*examples_in(content)] else ["no example of the request"]
    for status, answer in operation["responses"].items():
        contents = resolved(answer).get("content", {}).values()
        if contents and not any([*examples_in(content)] for content in contents):
            faults.append(f"no example of an answer {status}")
    for content in [
        *operation.get("requestBody", {}).get("content", {}).values(),
        *(one for answer in operation["responses"].values() for one in resolved(answer).get("content", {}).values()),
    ]:
        faults += [
            f"not of its form: {one!r:.60}" for one in examples_in(content) if not is_valid(one, content["schema"])
        ]
    return faults


def test_every_request_and_every_answer_has_an_example_of_its_form() -> None:
    assert {name: found for name, one in operations().items() if (found := incomplete(one))} == {}


@pytest.mark.parametrize("name", ["decide_erasure", "upload_evidence", "put_evidence", "create_session"])
def test_an_example_that_is_missing_or_of_another_form_is_noticed(name: str) -> None:
    operation = operations()[name]
    wrong = json.loads(json.dumps(operation))
    (content,) = wrong["requestBody"]["content"].values()
    content |= {"example": 17}

    assert any(fault.startswith("not of its form") for fault in incomplete(wrong))
    del content["example"]
    content.pop("examples", None)
    assert "no example of the request" in incomplete(wrong)
    wrong["responses"]["201"]["content"]["application/json"].pop("example")
    assert "no example of an answer 201" in incomplete(wrong)


def test_the_examples_of_headers_have_their_form() -> None:
    for name, header in description()["components"]["headers"].items():
        assert header["description"], name
        assert is_valid(header["example"], header["schema"]), name


def test_a_header_or_a_status_that_nobody_described_is_noticed(service: Asking) -> None:
    """The check that every answer of these tests goes through (`asking.py`)."""
    answer = service.ask("GET", "/v1/anchors")
    described = answers_of("GET", "/v1/anchors")
    assert described is not None
    assert faults_of(answer.headers, 200, described) == []

    changed = {**answer.headers, "x-build": "7", "x-request-id": "with spaces in it"}
    del changed["cache-control"]
    assert sorted(faults_of(changed, 200, described)) == [
        "cache-control is missing",
        "x-build is not described",
        "x-request-id has another form: with spaces in it",
    ]
    assert faults_of(answer.headers, 202, described) == ["the status 202 is not described"]


def form_of(value: Any, at: str = "") -> set[str]:
    """Return the members of a value, as paths with the kind of what stands there; lists count as one element."""
    if isinstance(value, dict):
        return {one for name, inner in value.items() for one in form_of(inner, f"{at}/{name}")}
    if isinstance(value, list):
        return {one for inner in value for one in form_of(inner, f"{at}/*")}
    return {f"{at}: {type(value).__name__}"}


def test_the_examples_are_what_the_service_answers_today() -> None:
    kept = json.loads(FILE.read_bytes())

    assert form_of(made_examples()) == form_of(kept), "run python -m tests.api.made_examples, then scripts/describe_api"


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
