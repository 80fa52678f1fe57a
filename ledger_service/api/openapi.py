"""The description of the API (OpenAPI 3.1): what FastAPI sees of the routes, completed.

Promises: every operation lists its problems, headers and credential, and every body its schema. Does not: describe
anything that no route has; `scripts/check` compares it with the committed `openapi.json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI, Response
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import Request

from ledger_service.api.bodies import DOCUMENTED
from ledger_service.api.examples import Examples, examples, problem_examples, shown
from ledger_service.api.headers import HEADERS, headers_of
from ledger_service.api.identity import anybody, idempotency_key, if_match
from ledger_service.api.problem_types import HELP, PROBLEM_TYPES
from ledger_service.api.respond import FRESH
from ledger_service.api.wire import ProblemAnswer

PATH = "/openapi.json"
_ALWAYS = ("invalid-request", "internal", "unavailable")  # any URL may hold a parameter too many
_WITH_CREDENTIAL = ("not-authenticated", "not-permitted", "too-many-requests", "issuer-unreachable")
_WITH_BODY = (
    "invalid-json", "limit-exceeded", "invalid-header", "idempotency-key-missing", "body-too-large",
    "unsupported-media-type", "invalid-request", "idempotency-key-reused", "request-running", "busy", "storage-full",
    "outcome-unknown", "gate-closed",
)  # fmt: skip
_WITH_FILE = (
    "invalid-header", "body-too-large", "unsupported-media-type", "invalid-request", "upload-stopped",
    "upload-mismatch", "quota-exceeded", "busy", "storage-full", "gate-closed",
)  # fmt: skip
_WHEN_RECORDED = ("busy", "storage-full", "gate-closed", "outcome-unknown")
_FOR_FILES = {
    "upload_evidence": (
        *_WITH_FILE, "invalid-form", "idempotency-key-missing", "idempotency-key-reused", "request-running",
    ),
    "put_evidence": (*_WITH_FILE, "upload-conflict"),
    "read_evidence": ("evidence-altered", "erased", *_WHEN_RECORDED),
}  # fmt: skip
_WITH_STEP = ("step-not-allowed", "incomplete-step", "signature-refused", "stale-head")
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
    "description": "of your choice; the same request under the same key is done once and answered alike, for 30 days",
}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "pattern": '^"(0|[1-9][0-9]{0,15})"$'},
    "example": '"17"',
    "description": "the ETag of the return: the step is refused (412) if the return moved on",
}


def describe(app: FastAPI) -> None:
    """Make the application describe itself, at `PATH`."""

    def made() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = make_description(app)
        return app.openapi_schema

    def serve(_: Request) -> Response:
        """Return the description of the API."""
        return Response(encoded(made()), 200, FRESH, "application/json")

    app.openapi = made  # type: ignore[method-assign]  # FastAPI's own way to replace it
    app.add_route(PATH, serve, include_in_schema=False)


def encoded(description: dict[str, Any]) -> bytes:
    """Return the description as the committed file holds it."""
    return (json.dumps(description, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def make_description(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of an application."""
    for route in routes_of(app):
        route.operation_id = route.name
    value = get_openapi(
        title="return-ledger",
        version=app.version,
        openapi_version="3.1.0",
        summary="The tamper-evident ledger of cross-border returns",
        routes=app.routes,
    )
    schemas = value.setdefault("components", {}).setdefault("schemas", {})
    models: list[type[BaseModel]] = [*DOCUMENTED.values(), ProblemAnswer]
    for model in models:
        made = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= made.pop("$defs", {})
        schemas[model.__name__] = made
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    value["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "a key, a session, or a token of an issuer"}
    }
    value["components"]["headers"] = HEADERS
    value["components"]["examples"] = problem_examples()
    problems: dict[str, Any] = {}
    value["components"]["responses"] = problems
    for route in routes_of(app):
        for method in route.methods or ():
            _complete(route, value["paths"][route.path_format][method.lower()], problems)
    return value


def routes_of(app: FastAPI) -> Iterator[APIRoute]:
    """Yield the routes that are described."""
    for route in app.routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            yield route


def dependencies_of(route: APIRoute) -> set[Any]:
    """Return the functions that a route depends on, through others too."""
    found: set[Any] = set()
    waiting = list(route.dependant.dependencies)
    while waiting:
        one = waiting.pop()
        found |= {one.call, *getattr(one.call, "parts", ())}  # several in one: `asked.py`
        waiting += one.dependencies
    return found


def scope_of(route: APIRoute) -> str | None:
    """Return the scope that a route needs; `anybody` where a credential is optional, None where none is looked at."""
    for call in dependencies_of(route):
        if call is anybody:
            return "anybody"
        if getattr(call, "__name__", "").startswith("scope_"):
            return str(call.__name__.removeprefix("scope_"))
    return None


def problems_of(route: APIRoute) -> tuple[str, ...]:
    """Return the slugs of the problems that a route may answer with."""
    calls, scope = dependencies_of(route), scope_of(route)
    found = [*_ALWAYS]
    if scope == "anybody":
        found += ["not-authenticated", "too-many-requests", "issuer-unreachable"]
    elif scope is not None:
        found += _WITH_CREDENTIAL
    if route.name in _FOR_FILES:
        found += _FOR_FILES[route.name]
    elif "requestBody" in (route.openapi_extra or {}):
        found += _WITH_BODY
    elif idempotency_key in calls:
        found += ["invalid-header", "idempotency-key-missing", "busy", "gate-closed", "storage-full", "outcome-unknown"]
    if route.name in ("open_return", "record_transition", "prepare_statement_of_step"):
        found += _WITH_STEP
    if route.name == "export_return":
        found += ["evidence-altered", "limit-exceeded", "idempotency-key-reused", "request-running"]
    if route.name == "show_statistics":
        found += ["still-counting", "limit-exceeded", *_WHEN_RECORDED]
    if route.name == "add_webhook":
        found.append("address-refused")
    if route.name == "lift_restriction":
        found.append("not-restricted")
    if route.name in ("show_completeness", "show_scope_completeness"):
        found.append("not-sealed")
    if route.name == "end_session":
        found.append("no-session")
    if route.name in ("create_key", "create_link"):
        found.append("unknown-object")  # a repeated request, after the credential went with its party's data
    if route.name == "create_session":
        found += ["not-authenticated", "too-many-requests"]
    if "{return_id}" in route.path or route.name == "create_link":
        found.append("unknown-return")
    if "{index}" in route.path:
        found.append("unknown-entry")
    named = ("{prefix}", "{slug}", "{level}", "{place:path}", "{id}")
    if any(part in route.path for part in named) or route.name == "show_upload":
        found.append("unknown-object")
    if "/proofs/" in route.path:
        found.append("limit-exceeded")
    if "not-founded" not in found:
        found.append("not-founded")
    return tuple(dict.fromkeys(found))


def _complete(route: APIRoute, operation: dict[str, Any], problems: dict[str, Any]) -> None:
    """Complete an operation; `problems` are the responses that several share, and get those of this one."""
    calls = dependencies_of(route)
    parameters = operation.setdefault("parameters", [])
    if idempotency_key in calls:
        parameters.append(_KEY)
    if if_match in calls:
        parameters.append(_IF_MATCH)
    scope = scope_of(route)
    if scope == "anybody":
        operation["security"] = [{}, {"bearer": []}]
    elif scope is not None:
        operation["security"] = [{"bearer": []}]
        operation["x-scope"] = scope
    responses = operation["responses"]
    responses.pop("422", None)
    for status, declared in route.responses.items():  # FastAPI lists JSON beside whatever else a route sends
        if "content" in declared:
            responses[str(status)]["content"] = declared["content"]
    by_status: dict[int, list[str]] = {}
    for slug in problems_of(route):
        by_status.setdefault(PROBLEM_TYPES[slug].status, []).append(slug)
    for status, answer in responses.items():
        answer["headers"] = headers_of(route.name, int(status), with_key=idempotency_key in calls)
    for status, slugs in sorted(by_status.items()):
        name = ".".join((str(status), *slugs))
        problems[name] = _problem_response(status, slugs)
        responses[str(status)] = {"$ref": f"#/components/responses/{name}"}
    _show(examples().get(route.name, Examples({}, {})), operation)


def _problem_response(status: int, slugs: list[str]) -> dict[str, Any]:
    answer = {
        "schema": {"$ref": "#/components/schemas/ProblemAnswer"},
        "examples": {slug: {"$ref": f"#/components/examples/{slug}"} for slug in slugs},
    }
    return {
        "description": "; ".join(f"{PROBLEM_TYPES[slug].title} (`{HELP}{slug}`)" for slug in slugs),
        "content": {"application/problem+json": answer},
        "headers": headers_of("", status, slugs=slugs),
    }


def _show(known: Examples, operation: dict[str, Any]) -> None:
    """Put the examples of an operation where OpenAPI has them."""
    places = [(operation.get("requestBody", {}), known.request)]
    places += [(operation["responses"].get(status, {}), found) for status, found in known.answers.items()]
    for place, found in places:
        for media_type, content in place.get("content", {}).items():
            if media_type in found:
                content |= shown(media_type, found[media_type])
