"""A file of an entry, sent to whoever reads its return: a picture to be shown in a page, anything to be kept.

Promises: that it was opened stands in the ledger before its first byte leaves, as over the API; a picture is sent as
one and as nothing else, and no file as something that a browser would run. Does not: decide who may open it
(`operations/read_evidence.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import BinaryIO

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ledger_service.evidence.folder import CHUNK_BYTES
from ledger_service.evidence.media_type import OCTET_STREAM, SERVED, TEXT
from ledger_service.operations.read_evidence import OpenedFile, open_evidence
from ledger_service.web.answering import PageRoute, page
from ledger_service.web.session import PageError, required_caller
from ledger_service.web.site import site_of

PICTURES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp", "image/avif"})  # what browsers show
_ENDINGS = {**SERVED, TEXT: "txt"}  # no browser runs a .txt, whatever markup is in it
_PLACE_DIGITS_MAX = 15
_HEADERS = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


@page
def picture(request: Request) -> Response:
    """Return a picture of an entry; that it was opened is recorded first."""
    opened = _opened(request)
    if opened.descriptor.media_type not in PICTURES:
        opened.stream.close()
        raise PageError("nothing", HTTPStatus.NOT_FOUND)
    return _sent(opened, opened.descriptor.media_type, {})


@page
def file(request: Request) -> Response:
    """Return a file of an entry to be kept; that it was opened is recorded first."""
    opened = _opened(request)
    media_type, (index, position) = opened.descriptor.media_type, _place(request)
    # RFC 6266: made of our own words, all ASCII; the name that a file had is not known here
    name = f"entry-{index}-{opened.descriptor.kind}-{position + 1}.{_ENDINGS.get(media_type, 'bin')}"
    attached = {"Content-Disposition": f'attachment; filename="{name}"'}
    return _sent(opened, media_type if media_type in SERVED else OCTET_STREAM, attached)


def _opened(request: Request) -> OpenedFile:
    principal = required_caller(request)
    return open_evidence(site_of(request).ledger, principal, *_place(request))


def _place(request: Request) -> tuple[int, int]:
    index, position = (_number(request.path_params[name]) for name in ("index", "position"))
    return index, position


def _sent(opened: OpenedFile, media_type: str, headers: dict[str, str]) -> Response:
    headers = {**_HEADERS, **headers, "Content-Length": str(opened.descriptor.size)}
    closing = BackgroundTask(opened.stream.close)
    return StreamingResponse(_chunks(opened.stream), 200, headers, media_type, closing)


def _number(digits: str) -> int:
    if not digits.isascii() or not digits.isdigit() or len(digits) > _PLACE_DIGITS_MAX:
        raise PageError("nothing", HTTPStatus.NOT_FOUND)
    return int(digits)


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk


ROUTES = [
    PageRoute("/return/pictures/{index}/{position}", picture),
    PageRoute("/return/files/{index}/{position}", file),
]
