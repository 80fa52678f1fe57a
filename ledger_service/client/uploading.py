"""Send a file in parts under its SHA-256, from where the service has it on; a broken connection costs one part.

Promises: what the service says it keeps is the file that was read here, byte for byte; a file that is there already is
not sent again. Does not: send two parts at once, or remember anything: the service says where to go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from ledger_service.client.answers import parse_json
from ledger_service.client.asking import Answered, Asker
from ledger_service.client.failures import ProblemError, UnknownError, WrongAnswerError
from ledger_service.core.encoding import Json
from ledger_service.core.members import Reader
from ledger_service.errors import FormatError

PART_BYTES = 1 << 20  # a part is sent within one attempt (10 s) at 1 Mbit/s; of one that is not, what came counts
CONFLICTS_MAX = 10  # times in a row that the service says to go on elsewhere, each after a pause
CONFLICT_PAUSE_SECONDS = 0.5  # another request of ours, whose answer was lost, may still be written
_READ = Reader(FormatError, "answer")


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file that the service keeps, checked to be the one that was sent: name it in a step before `expires_at`.

    `sha256` is lower-case hex, `size` in bytes; `media_type` is what the service sees in the content.
    """

    sha256: str
    size: int
    media_type: str
    expires_at: str


def upload(asker: Asker, path: Path) -> UploadedFile:
    """Send a file, or what of it is not there yet.

    Raises:
        OSError: It cannot be read.
        ValueError: It has no bytes, or changed while it was sent.
        ProblemError: The service refused: too large, no room, a quota.
        UnreachableError: Nobody answered; call it again, it goes on where it was.
        WrongAnswerError: The service says that it keeps something else.
    """
    with path.open("rb") as stream:
        digest, size = _look(stream)
        if not size:
            raise ValueError(f"{path} has no bytes")
        place = f"/v1/evidence/{digest}"
        answered, offset = _ask_where(asker, place, digest, size=size)
        while answered is None:
            answered, offset = _send_part(asker, stream, place, offset=offset, size=size)
    return _uploaded(answered, digest, size)


def _look(stream: BinaryIO) -> tuple[str, int]:
    digest, size = sha256(), 0
    while chunk := stream.read(PART_BYTES):
        digest.update(chunk)
        size += len(chunk)
    return digest.hexdigest(), size


def _ask_where(asker: Asker, place: str, digest: str, *, size: int) -> tuple[Answered | None, int]:
    """Return the answer that says the file is whole, or where to go on."""
    try:
        answered = asker.ask("GET", place)
    except UnknownError:
        return None, 0
    m = _members(answered)
    if m.get("sha256") != digest:
        raise WrongAnswerError("sha256", "the answer is of another file", answer=answered.body)
    if m.get("complete") is True:
        return answered, size
    if (offset := _offset(answered)) > size:
        raise WrongAnswerError("offset", "more of the file is there than it has", answer=answered.body)
    return None, offset


def _send_part(asker: Asker, stream: BinaryIO, place: str, *, offset: int, size: int) -> tuple[Answered | None, int]:
    """Send the next part, wherever that is; return the answer of the last one, or where to go on."""
    for _ in range(CONFLICTS_MAX):
        stream.seek(offset)
        part = stream.read(min(PART_BYTES, size - offset))
        if len(part) != min(PART_BYTES, size - offset):
            raise ValueError("the file changed while it was sent")
        spot = f"{offset}-{offset + len(part) - 1}" if part else "*"
        headers = {"Content-Range": f"bytes {spot}/{size}"}
        try:
            answered = asker.ask("PUT", place, headers=headers, body=part, media_type="application/octet-stream")
        except ProblemError as error:
            elsewhere = error.members.get("offset")
            if error.slug != "upload-conflict" or type(elsewhere) is not int or not 0 <= elsewhere <= size:
                raise
            conflict = error
            if elsewhere == offset:
                asker.pause(CONFLICT_PAUSE_SECONDS)
            offset = elsewhere
            continue
        if answered.status == 201:
            return answered, size
        if _offset(answered) != offset + len(part) or not part:
            raise WrongAnswerError("offset", "the part was taken, and its end is elsewhere", answer=answered.body)
        return None, offset + len(part)
    raise conflict


def _uploaded(answered: Answered, digest: str, size: int) -> UploadedFile:
    m = _members(answered)
    if (m.get("sha256"), m.get("size")) != (digest, size):
        raise WrongAnswerError("sha256", "the service keeps another file than the one sent", answer=answered.body)
    try:
        media_type, expires_at = m.get("media_type"), _READ.at("expires_at").instant(m.get("expires_at"))
        if not isinstance(media_type, str):
            raise _READ.at("media_type").fail("text is expected")
    except FormatError as error:
        raise WrongAnswerError("form", error.message, answer=answered.body) from None
    return UploadedFile(digest, size, media_type, expires_at)


def _offset(answered: Answered) -> int:
    value = _members(answered).get("offset")
    if type(value) is not int or value < 0:
        raise WrongAnswerError("form", "the answer does not say where to go on", answer=answered.body)
    return value


def _members(answered: Answered) -> dict[str, Json]:
    value = parse_json(answered.body)
    if not isinstance(value, dict):
        raise WrongAnswerError("form", "an object is expected", answer=answered.body)
    return value
