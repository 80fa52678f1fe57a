"""What a photo says of itself: camera, times, position, and content credentials; claims of the file, never findings.

Anybody can write any of it into a file, and most programs take it out. Promises: where two of its claims cannot both be
true, or one lies after the recording, both are named and nothing is decided. Does not: read a file
(`evidence/claims.py`), or show where a photo was taken: only that the file says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum

from ledger_service.core.encoding import Json

TEXT_CHARACTERS_MAX = 100  # of one claim: a name of a camera or a program
CODES_MAX = 20  # of content credentials; one that was edited has two or three
EASTMOST, WESTMOST = timedelta(hours=14), timedelta(hours=-12)  # what local time can differ by from UTC
_CAMERA_TIME = re.compile(r"(?:19|2[01])[0-9]{2}:[0-9]{2}:[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")  # Exif 2.32 §4.6.5
_OFFSET = re.compile(r"[+-](?:0[0-9]|1[0-4]):[0-5][0-9]")


class ClaimDoubt(StrEnum):
    """What does not fit among the claims of one file."""

    CAMERA_AGAINST_SATELLITE = "camera_against_satellite"
    TAKEN_AFTER_RECORDED = "taken_after_recorded"


class Credentials(StrEnum):
    """What was found of content credentials (C2PA): `unread` where nobody looked, or the file is too large to."""

    NONE = "none"
    VALID = "valid"
    INVALID = "invalid"
    TRUSTED = "trusted"
    UNREAD = "unread"


@dataclass(frozen=True, slots=True)
class FileClaims:
    """The claims of one file.

    `taken_at` is camera time as written (`YYYY:MM:DD HH:MM:SS`, with no zone) and `offset` its zone, `satellite_at` the
    time of its satellite receiver (RFC 3339 UTC); None where it says nothing of the kind. `codes` are those that the
    reader of content credentials (`reader`) gave.
    """

    camera: str | None = None
    software: str | None = None
    taken_at: str | None = None
    offset: str | None = None
    satellite_at: str | None = None
    position: bool = False
    credentials: Credentials = Credentials.UNREAD
    codes: tuple[str, ...] = ()
    reader: str | None = None

    def is_empty(self) -> bool:
        """Say whether the file claims nothing at all, as far as it was read."""
        nothing = (self.camera, self.software, self.taken_at, self.satellite_at) == (None, None, None, None)
        return nothing and not self.position and self.credentials in (Credentials.NONE, Credentials.UNREAD)

    def doubts(self, recorded_at: str) -> tuple[ClaimDoubt, ...]:
        """Return what does not fit, given when the file was recorded (RFC 3339 UTC)."""
        return tuple(_doubts(self, datetime.fromisoformat(recorded_at)))

    def members(self, recorded_at: str) -> dict[str, Json]:
        """Return the claims as a JSON object."""
        return {
            "camera": self.camera,
            "software": self.software,
            "taken_at": self.taken_at,
            "offset": self.offset,
            "satellite_at": self.satellite_at,
            "position": self.position,
            "credentials": self.credentials.value,
            "codes": list(self.codes),
            "reader": self.reader,
            "doubts": [one.value for one in self.doubts(recorded_at)],
        }


def camera_time(text: str | None) -> datetime | None:
    """Return a camera's time, None where it is none.

    >>> camera_time("2008:10:22 16:28:39")
    datetime.datetime(2008, 10, 22, 16, 28, 39)
    >>> camera_time("0000:00:00 00:00:00") is None
    True
    """
    if text is None or not _CAMERA_TIME.fullmatch(text):
        return None
    try:
        return datetime.strptime(text, "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007 - a camera's clock has no zone
    except ValueError:
        return None


def _doubts(claims: FileClaims, recorded: datetime) -> Iterator[ClaimDoubt]:
    taken = camera_time(claims.taken_at)
    earliest, latest = _bounds(taken, claims.offset)
    if claims.satellite_at is not None and earliest is not None and latest is not None:
        satellite = datetime.fromisoformat(claims.satellite_at)
        slack = timedelta(hours=1)
        if not earliest - slack <= satellite <= latest + slack:
            yield ClaimDoubt.CAMERA_AGAINST_SATELLITE
    after = claims.satellite_at is not None and datetime.fromisoformat(claims.satellite_at) > recorded
    if after or (earliest is not None and earliest > recorded):
        yield ClaimDoubt.TAKEN_AFTER_RECORDED


def _bounds(taken: datetime | None, offset: str | None) -> tuple[datetime | None, datetime | None]:
    """Return the earliest and the latest instant that camera time can be: one where the file says its zone."""
    if taken is None:
        return None, None
    if offset is not None and _OFFSET.fullmatch(offset):
        hours, minutes = int(offset[1:3]), int(offset[4:])
        ahead = timedelta(hours=hours, minutes=minutes) * (-1 if offset[0] == "-" else 1)
        instant = taken.replace(tzinfo=timezone(ahead)).astimezone(UTC)
        return instant, instant
    plain = taken.replace(tzinfo=UTC)
    return plain - EASTMOST, plain - WESTMOST
