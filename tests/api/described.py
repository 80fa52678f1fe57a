"""What the committed description says of an answer: its operation, its headers, its schema.

Promises: `check_described` is asked of every answer that a test of the API gets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs

import ledger_service.api

COMMITTED = Path(ledger_service.api.__file__).parent / "openapi.json"
OF_HTTP_ITSELF = {"content-type", "content-length", "date", "server"}
Answers = Mapping[str, Any]  # by status


@cache
def description() -> dict[str, Any]:
    """Return the committed description."""
    found: dict[str, Any] = json.loads(COMMITTED.read_bytes())
    return found


def resolved(value: Any) -> Any:
    """Return what a reference leads to, or the value itself."""
    while isinstance(value, dict) and set(value) == {"$ref"}:
        place: Any = description()
        for part in value["$ref"].removeprefix("#/").split("/"):
            place = place[part]
        value = place
    return value


@cache
def operations() -> dict[str, dict[str, Any]]:
    """Return the operations by their ids."""
    return {one["operationId"]: one for methods in description()["paths"].values() for one in methods.values()}


@cache
def _places() -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    """Return the paths as patterns; those with the fewest names in them first: they win."""
    ordered = sorted(description()["paths"].items(), key=lambda pair: pair[0].count("{"))
    return [(re.compile(re.sub(r"\\\{[a-z_0-9]+\\\}", r"[^/]+", re.escape(path))), each) for path, each in ordered]


def answers_of(method: str, path: str) -> Answers | None:
    """Return what may come back of a request, by status; None where nothing is described there."""
    for pattern, methods in _places():
        if pattern.fullmatch(path):
            operation = methods.get(method.lower())
            return None if operation is None else operation["responses"]
    return None


def faults_of(headers: Mapping[str, str], status: int, answers: Answers) -> list[str]:
    """Return what is wrong with an answer's status and headers: undescribed, missing, or of another form."""
    if str(status) not in answers:
        return [f"the status {status} is not described"]
    sent = {name.lower(): value for name, value in headers.items()}
    described = {name.lower(): resolved(one) for name, one in resolved(answers[str(status)])["headers"].items()}
    faults = [f"{name} is not described" for name in sent if name not in described and name not in OF_HTTP_ITSELF]
    for name, one in described.items():
        if name not in sent:
            faults += [f"{name} is missing"] if one.get("required") else []
        elif not _validator(json.dumps(one["schema"])).is_valid(sent[name]):
            faults.append(f"{name} has another form: {sent[name]}")
    return faults


def check_described(answer: httpx.Response) -> None:
    """Assert that the description knows an answer's status and headers; pages and unknown paths are none of its."""
    answers = answers_of(answer.request.method, answer.request.url.path)
    if answers is not None:
        faults = faults_of(answer.headers, answer.status_code, answers)
        assert not faults, (answer.request.method, str(answer.request.url), answer.status_code, faults)


def examples_in(content: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the examples of a media type object."""
    if "example" in content:
        yield content["example"]
    for one in content.get("examples", {}).values():
        yield resolved(one)["value"]


def is_valid(value: Any, schema: Any) -> bool:
    """Say whether a value has the form of a schema of the description."""
    whole = {"components": description()["components"], **schema}
    return bool(_validator(json.dumps(whole)).is_valid(value))


@cache
def _validator(schema: str) -> Any:
    return jsonschema_rs.Draft202012Validator(json.loads(schema))
