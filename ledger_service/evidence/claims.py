"""Read what a photo says of itself: EXIF with Pillow, content credentials (C2PA) where their reader is installed.

Promises: no pixel is decoded, and a bounded part of a file is read; nothing is fetched from anywhere; a file that
cannot be read claims nothing, and is no error. Does not: believe anything (`core/file_claims.py`).
"""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, BinaryIO, Final

from ledger_service.core.clock import instant_text
from ledger_service.core.file_claims import CODES_MAX, TEXT_CHARACTERS_MAX, Credentials, FileClaims

FORMATS: Final = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
HEAD_BYTES_MAX: Final = 4 * 1024 * 1024  # of a file that Pillow is given: EXIF stands at the beginning
EXIF_BYTES_MAX: Final = 256 * 1024  # a segment of JPEG has 64 KiB
CREDENTIALS_BYTES_MAX: Final = 64 * 1024 * 1024  # of a file that is hashed for its content credentials
_MAKE, _MODEL, _SOFTWARE = 0x010F, 0x0110, 0x0131  # tags of Exif 2.32
_EXIF, _GPS = 0x8769, 0x8825
_TAKEN, _OFFSET = 0x9003, 0x9011
_LATITUDE, _GPS_TIME, _GPS_DATE = 2, 7, 29
_STATES: Final = {"Valid": Credentials.VALID, "Trusted": Credentials.TRUSTED, "Invalid": Credentials.INVALID}
_SETTINGS: Final = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}


def read_claims(stream: BinaryIO, *, media_type: str, size: int) -> FileClaims | None:
    """Return what a photo says of itself; None where it is none of the types that are read.

    Args:
        stream: At the file's beginning; it is left anywhere.
        media_type: Of the file, as it was found out when it came.
        size: In bytes.
    """
    if media_type not in FORMATS:
        return None
    exif = _exif(stream.read(HEAD_BYTES_MAX), FORMATS[media_type])
    found = FileClaims(**_claimed(exif))
    if size > CREDENTIALS_BYTES_MAX:
        return found
    stream.seek(0)
    credentials, codes, reader = _credentials(stream, media_type)
    return replace(found, credentials=credentials, codes=codes, reader=reader)


def _exif(head: bytes, kind: str) -> Any:
    """Return the EXIF of an image; `Image.open` reads its headers alone."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Pillow warns of is in the file, and the file is not ours
            with Image.open(io.BytesIO(head), formats=[kind]) as opened:
                raw = opened.info.get("exif", b"")
            exif = Image.Exif()
            if isinstance(raw, bytes) and len(raw) <= EXIF_BYTES_MAX:
                exif.load(raw)
            return {0: dict(exif), _EXIF: dict(exif.get_ifd(_EXIF)), _GPS: dict(exif.get_ifd(_GPS))}
    except Exception:
        return {0: {}, _EXIF: {}, _GPS: {}}


def _claimed(exif: Mapping[int, Mapping[int, Any]]) -> dict[str, Any]:
    first, camera, gps = exif[0], exif[_EXIF], exif[_GPS]
    names = [text for text in (_text(first.get(_MAKE)), _text(first.get(_MODEL))) if text is not None]
    return {
        "camera": " ".join(names) or None,
        "software": _text(first.get(_SOFTWARE)),
        "taken_at": _text(camera.get(_TAKEN)),
        "offset": _text(camera.get(_OFFSET)),
        "satellite_at": _satellite(gps.get(_GPS_DATE), gps.get(_GPS_TIME)),
        "position": _LATITUDE in gps,
    }


def _text(value: object) -> str | None:
    """Return a text of EXIF, cut; None where it is empty, or no text."""
    found = value.strip("\0 ")[:TEXT_CHARACTERS_MAX] if isinstance(value, str) else ""
    return found or None


def _satellite(date: object, time: object) -> str | None:
    try:
        year, month, day = (int(part) for part in str(date).split(":"))
        hour, minute, second = (int(part) for part in time)  # type: ignore[attr-defined]
        return instant_text(datetime(year, month, day, hour, minute, second, tzinfo=UTC))
    except (ValueError, TypeError, ArithmeticError):
        return None


def _credentials(stream: BinaryIO, media_type: str) -> tuple[Credentials, tuple[str, ...], str | None]:
    try:
        import c2pa
    except ImportError:  # the extra `c2pa` is not installed
        return Credentials.UNREAD, (), None
    reader = f"c2pa {c2pa.sdk_version()}"
    try:
        context = c2pa.Context(c2pa.Settings.from_dict(_SETTINGS))
        with c2pa.Reader(media_type, stream, context=context) as opened:
            found = json.loads(opened.json())
    except c2pa.C2paError as error:
        missing = isinstance(error, c2pa.C2paError.ManifestNotFound)
        return (Credentials.NONE, (), reader) if missing else (Credentials.INVALID, ("unreadable",), reader)
    state = _STATES.get(str(found.get("validation_state")), Credentials.INVALID)
    codes = [str(one.get("code"))[:TEXT_CHARACTERS_MAX] for one in found.get("validation_status") or []]
    return state, tuple(codes[:CODES_MAX]), reader
