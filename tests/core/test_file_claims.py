"""What a photo says of itself stays its claim; what of it does not fit is named, and nothing is decided."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger_service.core.file_claims import ClaimDoubt, Credentials, FileClaims, camera_time
from ledger_service.core.pages.claims_text import claims_told
from ledger_service.core.pages.language import Language
from ledger_service.core.pages.speech import Speech

RECORDED = "2026-03-02T10:00:00.000Z"
SATELLITE, AFTER = ClaimDoubt.CAMERA_AGAINST_SATELLITE, ClaimDoubt.TAKEN_AFTER_RECORDED


@pytest.mark.parametrize(
    ("taken", "offset", "satellite", "doubts"),
    [
        (None, None, None, ()),
        ("2026:03:01 10:00:00", None, None, ()),
        ("2026:03:01 10:00:00", None, "2026-03-01T08:59:00.000Z", ()),  # one hour ahead of UTC, or so
        ("2008:10:22 16:28:39", None, "2008-10-23T14:27:07.000Z", (SATELLITE,)),  # no zone is 22 hours behind
        ("2008:10:22 16:28:39", None, "2008-10-23T05:28:38.000Z", ()),  # twelve, and an hour of a clock gone wrong
        ("2008:10:22 16:28:39", None, "2008-10-23T05:28:40.000Z", (SATELLITE,)),
        ("2008:10:22 16:28:39", None, "2008-10-22T01:28:39.000Z", ()),  # fourteen, and the hour
        ("2008:10:22 16:28:39", None, "2008-10-22T01:28:38.000Z", (SATELLITE,)),
        ("2008:10:22 16:28:39", "+02:00", "2008-10-22T14:27:07.000Z", ()),
        ("2008:10:22 16:28:39", "-02:30", "2008-10-22T18:58:39.000Z", ()),
        ("2008:10:22 16:28:39", "+02:00", "2008-10-22T16:27:07.000Z", (SATELLITE,)),
        ("2008:10:22 16:28:39", "somewhere", "2008-10-22T16:27:07.000Z", ()),
        ("2026:03:02 23:59:59", None, None, ()),  # in the east it is so late already
        ("2026:03:03 00:00:01", None, None, (AFTER,)),
        ("2026:03:02 10:00:01", "+00:00", None, (AFTER,)),
        ("2026:03:02 10:00:00", "+00:00", None, ()),
        (None, None, "2026-03-02T10:00:00.001Z", (AFTER,)),
        ("9999:99:99 99:99:99", None, "2026-03-02T09:00:00.000Z", ()),
        ("2026:13:01 10:00:00", None, None, ()),
    ],
)
def test_what_does_not_fit_is_named(
    taken: str | None, offset: str | None, satellite: str | None, doubts: tuple[ClaimDoubt, ...]
) -> None:
    claims = FileClaims(taken_at=taken, offset=offset, satellite_at=satellite)

    assert claims.doubts(RECORDED) == doubts
    assert claims.members(RECORDED)["doubts"] == [one.value for one in doubts]


def test_a_time_that_a_camera_cannot_mean_is_none() -> None:
    assert camera_time("2200:01:01 00:00:00") is None
    assert camera_time("0001:01:01 00:00:00") is None
    assert camera_time("2026-03-02T10:00:00") is None


@pytest.mark.parametrize(
    ("change", "empty"),
    [
        ({}, True),
        ({"credentials": Credentials.NONE}, True),
        ({"offset": "+01:00"}, True),
        ({"credentials": Credentials.INVALID}, False),
        ({"camera": "x"}, False),
        ({"position": True}, False),
        ({"satellite_at": RECORDED}, False),
    ],
)
def test_a_file_that_says_nothing_claims_nothing(change: dict[str, object], empty: bool) -> None:
    assert replace(FileClaims(), **change).is_empty() is empty  # type: ignore[arg-type]


@pytest.mark.parametrize("language", Language)
def test_each_claim_is_told_and_what_a_file_does_not_say_is_not(language: Language) -> None:
    whole = FileClaims(
        camera="Canon", software="x\u202e", taken_at="2026:03:01 10:00:00", satellite_at="2026-03-01T09:00:00.000Z",
        position=True, credentials=Credentials.INVALID, codes=("claimSignature.mismatch",), reader="c2pa 1",
    )  # fmt: skip
    speech = Speech(language)

    told = list(claims_told(whole, speech))

    assert len(told) == 6
    assert "\u202e" not in "".join(told)
    assert "claimSignature.mismatch" in told[-1]
    assert list(claims_told(FileClaims(), speech)) == []
    assert len(list(claims_told(FileClaims(credentials=Credentials.NONE, reader="c2pa 1"), speech))) == 1
    assert "+01:00" in next(claims_told(FileClaims(taken_at="x", offset="+01:00"), speech))
