"""The headers of answers, as OpenAPI describes them: which operation sends which, with which status.

Promises: a header that an answer of the API holds is described here; those that are `required` come every time.
Does not: send any. A test compares each answer that it gets. Left out is what HTTP itself says of a body
(`Content-Type`, `Content-Length`) and of the connection.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

_TEXT = {"type": "string"}
HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-ID": {
        "description": "the request's id: the one that it was sent with, or a new one; our log names it",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
        "example": "5f2c9a1e77d04b3c-17",
    },
    "X-Content-Type-Options": {
        "description": "a browser takes the answer for nothing but its Content-Type",
        "required": True,
        "schema": {"type": "string", "const": "nosniff"},
        "example": "nosniff",
    },
    "Referrer-Policy": {
        "description": "where the answer leads, nobody learns from where",
        "required": True,
        "schema": _TEXT,
        "example": "no-referrer",
    },
    "Cross-Origin-Resource-Policy": {
        "description": "no page of another site may embed the answer",
        "required": True,
        "schema": _TEXT,
        "example": "same-origin",
    },
    "Content-Security-Policy": {
        "description": "a browser that shows the answer runs and loads nothing with it",
        "required": True,
        "schema": _TEXT,
        "example": "default-src 'none'; frame-ancestors 'none'",
    },
    "Cache-Control": {
        "description": "`no-store` for what is personal or changes; a year for what never does",
        "required": True,
        "schema": _TEXT,
        "example": "private, no-store",
    },
    "ETag": {
        "description": "the index of the return's last entry, for `If-Match` of the next step",
        "required": True,
        "schema": {"type": "string", "pattern": '^"(0|[1-9][0-9]{0,15})"$'},
        "example": '"17"',
    },
    "Location": {
        "description": "where what was made is found (RFC 9110 §10.2.2)",
        "required": True,
        "schema": {"type": "string", "pattern": "^/v1/"},
        "example": "/v1/entries/17",
    },
    "Link": {
        "description": "the receipt of the entry (RFC 8288)",
        "required": True,
        "schema": _TEXT,
        "example": '</v1/entries/17/receipt>; rel="receipt"',
    },
    "Idempotent-Replayed": {
        "description": "there where the request was done before: this is its answer again",
        "schema": {"type": "string", "const": "true"},
        "example": "true",
    },
    "Content-Disposition": {
        "description": "the name to save the file under; a browser does not show it (RFC 6266)",
        "required": True,
        "schema": {"type": "string", "pattern": '^attachment; filename="[A-Za-z0-9._-]+"$'},
        "example": 'attachment; filename="entry-17.receipt.json"',
    },
    "Content-Language": {
        "description": "the language that is spoken: the one of the two that Accept-Language puts first",
        "required": True,
        "schema": {"type": "string", "enum": ["en", "zh-Hans"]},
        "example": "en",
    },
    "Vary": {
        "description": "the headers of a request that the answer depends on",
        "required": True,
        "schema": _TEXT,
        "example": "Accept-Language",
    },
    "Retry-After": {
        "description": "seconds after which to send it again",
        "required": True,
        "schema": {"type": "string", "pattern": "^[1-9][0-9]*$"},
        "example": "5",
    },
    "WWW-Authenticate": {
        "description": "how to authenticate (RFC 6750)",
        "required": True,
        "schema": _TEXT,
        "example": 'Bearer realm="return-ledger"',
    },
    "Connection": {
        "description": "`close` after an upload that stopped: the rest of it is not read as another request",
        "schema": {"type": "string", "const": "close"},
        "example": "close",
    },
}
_EVERYWHERE = (
    "X-Request-ID", "X-Content-Type-Options", "Referrer-Policy", "Cross-Origin-Resource-Policy",
    "Content-Security-Policy",
)  # fmt: skip
_OF_A_RECORDED = ("ETag", "Location", "Link")
_WITH: dict[str, tuple[str, ...]] = {
    "open_return": _OF_A_RECORDED,
    "record_transition": _OF_A_RECORDED,
    "show_return": ("ETag",),
    "show_timeline": ("ETag",),
    "list_actions": ("ETag",),
    "upload_evidence": ("Location",),
    "decide_erasure": ("Location",),
    "lift_restriction": ("Location",),
    "read_evidence": ("Content-Disposition",),
    "get_receipt": ("Content-Disposition",),
    "print_receipt": ("Content-Disposition",),
    "get_tlog_proof": ("Content-Disposition",),
    "export_return": ("Content-Disposition",),
    "export_cases": ("Content-Disposition",),
    "show_completeness": ("Content-Disposition",),
    "show_scope_completeness": ("Content-Disposition",),
    "problem_page": ("Content-Language", "Vary"),
}


def headers_of(name: str, status: int, *, slugs: Collection[str] = (), with_key: bool = False) -> dict[str, Any]:
    """Return the headers that an operation's answers of a status hold, as OpenAPI wants them.

    Args:
        name: Of the operation.
        status: Of the answers.
        slugs: The problem types that they may be of.
        with_key: The operation takes an Idempotency-Key.
    """
    found, maybe = [*_EVERYWHERE], []
    if status != 204:
        found.append("Cache-Control")
    if status >= 400:
        found += ["Content-Language", "Vary"]
        if status == 401:
            found.append("WWW-Authenticate")
        if status in (429, 503):
            found.append("Retry-After")
        elif "request-running" in slugs:
            maybe.append("Retry-After")  # the others of this status are not worth a second try
        if "upload-stopped" in slugs:
            maybe.append("Connection")
    else:
        found += _WITH.get(name, ())
        if name == "put_evidence" and status == 201:
            found.append("Location")
        if name == "show_statistics":
            maybe.append("Content-Disposition")  # of the table alone
        if with_key or (name == "put_evidence" and status == 201):
            found.append("Idempotent-Replayed")
    named: dict[str, Any] = {one: {"$ref": f"#/components/headers/{one}"} for one in found}
    return named | {one: {**HEADERS[one], "required": False} for one in maybe}
