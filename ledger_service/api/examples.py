"""Examples of requests and answers, as OpenAPI shows them: what a ledger of a test was asked, and answered.

Promises: every value comes from `examples.json`, which `python -m tests.api.made_examples` wrote by asking a ledger;
tokens and secrets in it are made up. Does not: hold anything of a real person.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from ledger_service.api.problem_types import PROBLEM_TYPES

HOW_IT_BEGINS = "how it begins"
HEXADECIMAL = "in hexadecimal digits"


class Examples(NamedTuple):
    """Of one operation: of its body by media type, and of its answers by status and media type."""

    request: dict[str, Any]
    answers: dict[str, dict[str, Any]]


@cache
def examples() -> dict[str, Examples]:
    """Return the examples of all operations, by their ids."""
    found = json.loads(files("ledger_service.api").joinpath("examples.json").read_bytes())
    return {name: Examples(one.get("request", {}), one.get("answers", {})) for name, one in found.items()}


def shown(media_type: str, value: Any) -> dict[str, Any]:
    """Return how a media type object holds an example; bytes that are no text are named for what is shown of them."""
    if media_type in ("application/octet-stream", "image/png"):
        return {"examples": {"hexadecimal": {"summary": HEXADECIMAL, "value": value}}}
    if media_type in ("application/pdf", "application/zip", "text/html"):
        return {"examples": {"beginning": {"summary": HOW_IT_BEGINS, "value": value}}}
    return {"example": value}


def problem_examples() -> dict[str, Any]:
    """Return an example of each problem type, by its slug."""
    return {
        slug: {
            "summary": known.title,
            "value": {
                "type": known.url,
                "title": known.title,
                "status": known.status,
                "detail": known.meaning,
                "instance": "5f2c9a1e77d04b3c-17",
            },
        }
        for slug, known in PROBLEM_TYPES.items()
    }
