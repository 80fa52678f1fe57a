"""Evidence files over HTTP: sent whole in a form, or in parts under their SHA-256; handed out as attachments.

A step then names the file by its SHA-256. Parts: `PUT /v1/evidence/{sha256}` with Content-Range answers 200 with
`offset` while bytes are missing, 201 when the file is whole, 409 with `offset` where it stands elsewhere; `bytes
*/TOTAL` with an empty body asks where it stands, and completes it if it is all here.

Promises: bytes go to disk as they arrive; a connection that breaks leaves what came of a part, and nothing of a form; a
file is served as nothing that a browser would run or show. Does not: look into files (their fingerprint counts).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any, BinaryIO

import structlog
from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from ledger_service.api.bodies import require_media_type, too_large
from ledger_service.api.form import FORM_BYTES_MAX, Form, boundary_of
from ledger_service.api.identity import At, Key, Reader, Recorder
from ledger_service.api.problems import ProblemError
from ledger_service.api.receiving import Part, announced_length, batches, in_thread, part_of
from ledger_service.api.respond import PRIVATE, created, document
from ledger_service.api.wire import PartAnswer, UploadAnswer, UploadState
from ledger_service.core.encoding import Json
from ledger_service.errors import EvidenceMismatchError, EvidenceTooLargeError
from ledger_service.evidence.failures import UnknownUploadError, UploadBusyError
from ledger_service.evidence.folder import CHUNK_BYTES, StoredEvidence
from ledger_service.evidence.media_type import OCTET_STREAM, SERVED
from ledger_service.evidence.partial import PartialFile
from ledger_service.operations.asked import Uploaded
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.once import Outcome, once
from ledger_service.operations.principal import Principal
from ledger_service.operations.read_evidence import open_evidence
from ledger_service.operations.uploads import (
    begin_part,
    discard,
    expires_at,
    find_upload,
    keep_upload,
    received,
    require_disk,
    require_quota,
)
from ledger_service.store.uploads import Upload

router = APIRouter(tags=["evidence"])
_ATTACHED = {
    **PRIVATE,
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
}
_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
                    },
                }
            }
        },
    }
}
_OCTETS: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    },
    "parameters": [
        {
            "name": "Content-Range",
            "in": "header",
            "required": False,
            "schema": {"type": "string", "pattern": "^bytes (([0-9]+)-([0-9]+)|\\*)/([0-9]+)$"},
            "description": "which part of the file the body is; left out: all of it",
        }
    ],
}
Digest = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the whole file")]


@router.post("/v1/evidence", status_code=201, responses={201: {"model": UploadAnswer}}, openapi_extra=_FORM)
async def upload_evidence(request: Request, service: At, principal: Recorder, key: Key) -> Response:
    """Send a file as the part `file` of a form; a part `sha256` makes sure that it arrived unchanged.

    A step of the caller may use it until `expires_at`. The name that comes with it is not kept.
    """
    ledger, most = service.ledger, service.ledger.evidence_bytes_max
    boundary = boundary_of(request)
    length = announced_length(request, most=most + FORM_BYTES_MAX)
    with service.receiving.one(principal.mark):
        await in_thread(_require_room, ledger, principal.mark, length or 0)
        form = Form(boundary, partial(ledger.evidence.begin, size_max=most))
        try:
            async for batch in batches(request, service.pace):
                await in_thread(_feed, ledger, form, batch)
            stored = await in_thread(form.finish)
        except EvidenceTooLargeError:
            raise too_large(most) from None
        finally:
            form.abandon()
        outcome = await in_thread(_keep_once, ledger, principal, key, stored)
    return created(outcome.answer, headers=_location(stored.sha256), replayed=outcome.replayed)


@router.put(
    "/v1/evidence/{sha256}",
    status_code=201,
    responses={200: {"model": PartAnswer}, 201: {"model": UploadAnswer}},
    openapi_extra=_OCTETS,
)
async def put_evidence(request: Request, service: At, principal: Recorder, sha256: Digest) -> Response:
    """Send a file, or the next part of it, under its SHA-256; what came stays if the connection breaks."""
    ledger, most = service.ledger, service.ledger.evidence_bytes_max
    wanted = Uploaded(principal.mark, bytes.fromhex(sha256))
    require_media_type(request, OCTET_STREAM)
    part = part_of(request, most=most)
    with service.receiving.one(principal.mark):
        known = await in_thread(_find, ledger, wanted)
        if known is not None:
            return created(_members(ledger, known), headers=_location(wanted.sha256), replayed=True)
        file = await in_thread(_begin, ledger, wanted, part)
        count = 0
        try:
            async for batch in batches(request, service.pace):
                count += len(batch)
                if count > part.length:
                    detail = f"the body has more than the {part.length} bytes of its part"
                    raise ProblemError("invalid-header", detail, header="Content-Range")
                await in_thread(_write, ledger, file, batch)
            offset = file.length
            stored = await in_thread(file.finish)
        finally:
            file.abandon()  # what came stays
        if stored is None:
            return document({"sha256": sha256, "offset": offset, "size": part.total})
        upload = await in_thread(keep_upload, ledger, principal.mark, stored)
    return created(_members(ledger, upload), headers=_location(wanted.sha256), replayed=False)


@router.get("/v1/evidence/{sha256}", responses={200: {"model": UploadState}})
def show_upload(service: At, principal: Recorder, sha256: Digest) -> Response:
    """Say how much of a file of the caller is here; never the file, and never that somebody else sent it."""
    wanted = Uploaded(principal.mark, bytes.fromhex(sha256))
    upload = _find(service.ledger, wanted)
    if upload is not None:
        return document({**_members(service.ledger, upload), "offset": upload.size, "complete": True})
    offset = received(service.ledger, wanted)
    if not offset:
        raise ProblemError("unknown-object", f"nothing of a file with the SHA-256 {sha256} is here")
    nothing = dict.fromkeys(("size", "media_type", "expires_at"))
    return document({"sha256": sha256, "offset": offset, "complete": False, **nothing})


@router.get(
    "/v1/entries/{index}/evidence/{position}",
    response_class=StreamingResponse,
    responses={
        200: {"content": {one: {"schema": {"type": "string", "format": "binary"}} for one in (OCTET_STREAM, *SERVED)}}
    },
)
def read_evidence(
    request: Request,
    service: At,
    principal: Reader,
    index: int,
    position: Annotated[int, Path(description="of the file among the entry's `evidence`, from 0")],
) -> Response:
    """Return a file of an entry, its bytes checked first. That the caller opened it is recorded in the ledger.

    Needs the scope `evidence`, unless the caller asserted or recorded the entry.
    """
    try:
        opened = open_evidence(service.ledger, principal, index, position)
    except EvidenceMismatchError:
        structlog.get_logger().error(
            "evidence_altered", request_id=request.state.request_id, index=index, position=position
        )
        raise
    ending = SERVED.get(opened.descriptor.media_type)
    name = f"entry-{index}-{opened.descriptor.kind}-{position}.{ending or 'bin'}"
    return _FileResponse(
        opened.stream,
        headers={
            **_ATTACHED,
            "Content-Disposition": f'attachment; filename="{name}"',  # RFC 6266: made of our own words, all ASCII
            "Content-Length": str(opened.descriptor.size),
        },
        media_type=opened.descriptor.media_type if ending else OCTET_STREAM,
    )


class _FileResponse(StreamingResponse):
    """A file that is closed when the answer is out, or nobody wants it any more."""

    def __init__(self, stream: BinaryIO, **more: Any) -> None:
        super().__init__(_chunks(stream), **more)
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._stream.close()


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk


def _require_room(ledger: Ledger, mark: bytes, length: int) -> None:
    """Refuse early. How much more a party may have is known when its file is whole: it may be one that it has."""
    ledger.require_writer()
    require_disk(ledger, length)
    require_quota(ledger, mark, 0)


def _feed(ledger: Ledger, form: Form, batch: bytes) -> None:
    require_disk(ledger, len(batch))
    form.feed(batch)


def _begin(ledger: Ledger, wanted: Uploaded, part: Part) -> PartialFile:
    ledger.require_writer()
    offset = received(ledger, wanted) if part.offset is None else part.offset
    try:
        return begin_part(ledger, wanted, offset=offset, size=part.total)
    except UploadBusyError as error:
        raise ProblemError("upload-conflict", error.message, offset=received(ledger, wanted)) from None


def _write(ledger: Ledger, file: PartialFile, batch: bytes) -> None:
    require_disk(ledger, len(batch))
    file.write(batch)


def _find(ledger: Ledger, wanted: Uploaded) -> Upload | None:
    try:
        return find_upload(ledger, wanted)
    except UnknownUploadError:
        return None


def _keep_once(ledger: Ledger, principal: Principal, key: str, stored: StoredEvidence) -> Outcome:
    """Keep a received file, once for each idempotency key; what is not kept is removed."""
    kept = False

    def work() -> Outcome:
        nonlocal kept
        upload = keep_upload(ledger, principal.mark, stored)
        kept = True
        return Outcome(_members(ledger, upload))

    try:
        outcome = once(ledger, principal.party, key, ["POST /v1/evidence", stored.sha256.hex()], work)
        if outcome.replayed and _find(ledger, Uploaded(principal.mark, stored.sha256)) is None:
            keep_upload(ledger, principal.mark, stored)  # the first one expired, or made room: a step needs the file
            kept = True
    finally:
        if not kept:
            discard(ledger, stored)
    return outcome


def _members(ledger: Ledger, upload: Upload) -> dict[str, Json]:
    return {
        "sha256": upload.sha256.hex(),
        "size": upload.size,
        "media_type": upload.media_type,
        "expires_at": expires_at(ledger, upload),
    }


def _location(digest: bytes) -> dict[str, str]:
    return {"Location": f"/v1/evidence/{digest.hex()}"}
