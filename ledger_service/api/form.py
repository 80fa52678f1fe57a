"""A multipart form (RFC 7578) with one file, written to disk while it arrives.

Promises: one part named `file`, at most one named `sha256`, no other, so that a form has two parts at most and each of
its bytes is counted by a limit; names, types and sizes that come with a part are bounded and then forgotten: none
becomes a path, a row or an answer. Nothing is kept in memory but one part's headers and the announced SHA-256.
Does not: read the request (`receiving.py`), or keep the file (`operations/uploads.py`).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import NoReturn

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from ledger_service.api.problems import ProblemError
from ledger_service.evidence.folder import StoredEvidence
from ledger_service.evidence.incoming import IncomingFile

HEADERS_MAX = 4  # of a part: Content-Disposition, Content-Type, Content-Length, Content-Transfer-Encoding
HEADER_BYTES_MAX = 2_048  # a file name of 255 characters, percent-encoded, has 765
PREAMBLE_BYTES_MAX = 1_024  # before the first boundary
EPILOGUE_BYTES_MAX = 1_024  # after the last, beside the slice that it is in
SLICE_BYTES = 65_536  # parsed at once: the parser does not say how much of it came after the last boundary
FORM_BYTES_MAX = 16_384  # of a form beside its file: boundaries, headers, the other part
DIGEST_CHARACTERS = 64

_TYPE = re.compile(r'multipart/form-data *; *boundary=(?:"([^"\\]{1,70})"|([^\s;"\\]{1,70}))', re.IGNORECASE)
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")  # RFC 2046 §5.1.1
_PARAMETER = re.compile(rb';[ \t]*([A-Za-z0-9*_-]{1,20})=("(?:[^"\\]|\\.)*"|[^;" \t]*)[ \t]*', re.DOTALL)
_DIGEST = re.compile(rb"[0-9a-f]{64}")
_AS_IT_IS = frozenset({b"binary", b"8bit", b"7bit"})

logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # what a client sends wrong is answered, not logged


class Form:
    """A form that is being received: `feed` it every batch, then `finish` it, and `abandon` it in the end."""

    def __init__(self, boundary: str, begin: Callable[[], IncomingFile]) -> None:
        """Take the boundary, and what makes the file when its part begins."""
        self._begin = begin
        self._file: IncomingFile | None = None
        self._announced: bytearray | None = None
        self._writing: Callable[[bytes], None] | None = None
        self._begun, self._before, self._after, self._ended = False, 0, 0, False
        self._header, self._value, self._headers = bytearray(), bytearray(), dict[bytes, bytes]()
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._on_part,
                "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                "on_header_end": self._on_header,
                "on_headers_finished": self._on_headers,
                "on_part_data": self._on_data,
                "on_end": self._on_end,
            },
            max_header_count=HEADERS_MAX,
            max_header_size=HEADER_BYTES_MAX,
        )

    def feed(self, batch: bytes) -> None:
        """Take the next bytes.

        Raises:
            ProblemError: They are no form of this kind.
            EvidenceTooLargeError, StorageFullError, StoreError: The file cannot be taken.
        """
        if self._awaits_a_part():
            first = batch[: PREAMBLE_BYTES_MAX - self._before]
            self._before += len(first)
            self._write(first)
            if self._awaits_a_part() and self._before == PREAMBLE_BYTES_MAX:
                _refuse(f"no part begins within {PREAMBLE_BYTES_MAX} bytes")
            batch = batch[len(first) :]
        for start in range(0, len(batch), SLICE_BYTES):
            piece = batch[start : start + SLICE_BYTES]
            if not self._ended:
                self._write(piece)
                continue
            self._after += len(piece)
            if self._after > EPILOGUE_BYTES_MAX:
                _refuse(f"more than {EPILOGUE_BYTES_MAX} bytes come after the last boundary")

    def finish(self) -> StoredEvidence:
        """Return the file, on disk.

        Raises:
            ProblemError: The form is not whole, or holds no file.
            EvidenceEmptyError: The file has no bytes.
            UploadMismatchError: The file has another SHA-256 than the form announced.
            StorageFullError, StoreError: It cannot be kept.
        """
        if not self._ended:
            _refuse("the form ends before its last boundary")
        if self._file is None:
            _refuse("the form has no part named `file`")
        if self._announced is not None and not _DIGEST.fullmatch(self._announced):
            _refuse(f"the part `sha256` holds {DIGEST_CHARACTERS} lower-case hex digits")
        return self._file.finish(None if self._announced is None else bytes.fromhex(self._announced.decode()))

    def abandon(self) -> None:
        """Remove what was written, unless it was finished."""
        if self._file is not None:
            self._file.abandon()

    def _awaits_a_part(self) -> bool:
        return not self._begun and not self._ended

    def _write(self, data: bytes) -> None:
        try:
            self._parser.write(data)
        except FormParserError:
            _refuse("the body is no multipart form with this boundary, or a header of a part is too large")

    def _on_part(self) -> None:
        self._begun = True
        self._headers.clear()
        self._writing = None

    def _on_header(self) -> None:
        name = bytes(self._header).lower()
        if name in self._headers:
            _refuse("a part has a header twice")
        self._headers[name] = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _on_headers(self) -> None:
        if self._headers.get(b"content-transfer-encoding", b"binary").strip().lower() not in _AS_IT_IS:
            _refuse("a part is sent as it is, with no Content-Transfer-Encoding")
        name = _name_of(self._headers.get(b"content-disposition", b""))
        if name == b"file" and self._file is None:
            self._file = self._begin()
            self._writing = self._file.write
        elif name == b"sha256" and self._announced is None:
            self._announced = bytearray()
            self._writing = self._on_digest
        else:
            _refuse("a form has one part named `file`, at most one named `sha256`, and no other")

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        assert self._writing is not None  # headers end before data begins
        self._writing(data[start:end])

    def _on_digest(self, data: bytes) -> None:
        assert self._announced is not None  # its part began
        self._announced += data
        if len(self._announced) > DIGEST_CHARACTERS:
            _refuse(f"the part `sha256` holds {DIGEST_CHARACTERS} lower-case hex digits")

    def _on_end(self) -> None:
        self._ended = True


def boundary_of(request: Request) -> str:
    """Return the boundary that Content-Type names.

    Raises:
        ProblemError: It is no multipart form, or its boundary is none.
    """
    sent = request.headers.getlist("content-type")
    match = _TYPE.fullmatch(sent[0].strip()) if len(sent) == 1 else None
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise ProblemError("unsupported-media-type", "a body is sent as it is, with no Content-Encoding")
    boundary = "" if match is None else match[1] or match[2]
    if not _BOUNDARY.fullmatch(boundary):
        raise ProblemError("unsupported-media-type", "Content-Type must be multipart/form-data with its boundary")
    return boundary


def _name_of(disposition: bytes) -> bytes:
    """Return the `name` of a Content-Disposition (RFC 7578 §4.2); its `filename` is skipped and never looked at.

    >>> _name_of(b'form-data; filename="; name=x"; name="file"')
    b'file'
    """
    kind, place, found = disposition[:9].lower(), 9, dict[bytes, bytes]()
    while kind == b"form-data" and (match := _PARAMETER.match(disposition, place)):
        name, place = match[1].lower(), match.end()
        if name in found:
            _refuse("a part's Content-Disposition names something twice")
        found[name] = match[2].strip(b'"')
    if kind != b"form-data" or place != len(disposition) or b"name" not in found:
        _refuse("a part begins with Content-Disposition: form-data; name=…")
    return found[b"name"]


def _refuse(detail: str) -> NoReturn:
    raise ProblemError("invalid-form", detail)
