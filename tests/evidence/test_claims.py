"""What a photo says of itself is read from a bounded part of it; no pixel is decoded, and no file is too strange."""

from __future__ import annotations

import io
import random
import struct
import tracemalloc
import warnings
import zlib
from pathlib import Path

import pytest
from PIL import Image

from ledger_service.core.file_claims import Credentials, FileClaims
from ledger_service.evidence.claims import CREDENTIALS_BYTES_MAX, EXIF_BYTES_MAX, read_claims

MEMORY_MAX = 64 * 1024 * 1024


def photo(kind: str = "JPEG", exif: Image.Exif | None = None) -> bytes:
    """Return a small photo."""
    made = io.BytesIO()
    image = Image.new("RGB", (8, 8), "brown")
    image.save(made, kind, **({} if exif is None else {"exif": exif.tobytes()}))
    return made.getvalue()


def told() -> Image.Exif:
    """Return EXIF with everything that is read."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0131] = "Maker", "Model 1", "Editor 2"
    exif.get_ifd(0x8769).update({0x9003: "2008:10:22 16:28:39", 0x9011: "+02:00"})
    exif.get_ifd(0x8825).update({1: "N", 2: (43.0, 28.0, 2.8), 7: (14.0, 27.0, 7.24), 29: "2008:10:23"})
    return exif


def claims(data: bytes, media_type: str = "image/jpeg", *, size: int | None = None) -> FileClaims:
    """Return the claims of a file."""
    found = read_claims(io.BytesIO(data), media_type=media_type, size=len(data) if size is None else size)
    assert found is not None
    return found


@pytest.mark.parametrize(("kind", "media_type"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")])
def test_what_a_photo_says_is_read(kind: str, media_type: str) -> None:
    found = claims(photo(kind, told()), media_type)

    assert (found.camera, found.software) == ("Maker Model 1", "Editor 2")
    assert (found.taken_at, found.offset) == ("2008:10:22 16:28:39", "+02:00")
    assert (found.satellite_at, found.position) == ("2008-10-23T14:27:07.000Z", True)
    assert found.credentials in (Credentials.NONE, Credentials.UNREAD)


def test_where_it_was_taken_is_not_repeated() -> None:
    found = claims(photo(exif=told())).members("2026-03-02T10:00:00.000Z")

    assert "43" not in str(found)
    assert found["position"] is True


def test_a_photo_without_any_says_nothing_and_other_files_are_not_read() -> None:
    assert claims(photo()).is_empty()
    for media_type in ("application/pdf", "image/gif", "text/plain", "video/mp4"):
        assert read_claims(io.BytesIO(photo()), media_type=media_type, size=1) is None


def bomb() -> bytes:
    """Return the head of a PNG of 2,500 million pixels, in some hundred bytes."""
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(bytes(50_000_000)))]
    chunks += [(b"IDAT", zlib.compress(bytes(1_000))), (b"IEND", b"")]
    packed = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"", "image/jpeg"),
        (b"\xff\xd8", "image/jpeg"),
        (b"\xff\xd8\xff\xe1\xff\xffExif\0\0" + bytes(70_000), "image/jpeg"),
        (photo()[:40], "image/jpeg"),
        (photo("PNG"), "image/jpeg"),
        (b"<svg onload=alert(1)>", "image/png"),
        (b"RIFF\xff\xff\xff\xffWEBPVP8X", "image/webp"),
        (bomb(), "image/png"),
    ],
)
def test_a_file_that_lies_about_itself_claims_nothing(data: bytes, media_type: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        found = claims(data, media_type)

    assert replace_credentials(found).is_empty()


def replace_credentials(found: FileClaims) -> FileClaims:
    """Return claims without those that are signed: a file that is no photo may have them called unreadable."""
    return FileClaims(found.camera, found.software, found.taken_at, found.offset, found.satellite_at, found.position)


def test_a_bomb_takes_no_memory_and_a_sparse_file_is_not_read_whole(tmp_path: Path) -> None:
    sparse = tmp_path / "large.jpg"
    with sparse.open("wb") as file:
        file.write(photo(exif=told()))
        file.truncate(CREDENTIALS_BYTES_MAX + 1)

    tracemalloc.start()
    claims(bomb(), "image/png")
    with sparse.open("rb") as file:
        found = read_claims(file, media_type="image/jpeg", size=CREDENTIALS_BYTES_MAX + 1)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most < MEMORY_MAX
    assert found is not None
    assert (found.camera, found.credentials) == ("Maker Model 1", Credentials.UNREAD)


@pytest.mark.parametrize(("kind", "media_type"), [("JPEG", "image/jpeg"), ("PNG", "image/png")])
def test_no_pixel_is_decoded(kind: str, media_type: str) -> None:
    """A photo whose pixels are broken off says what a whole one says."""
    made = io.BytesIO()
    Image.effect_noise((128, 128), 90).save(made, kind, exif=told().tobytes())

    assert claims(made.getvalue()[:-400], media_type).camera == "Maker Model 1"


def test_exif_that_is_too_long_or_of_other_types_is_left_out() -> None:
    long, odd = told(), Image.Exif()
    long[0x010F] = "x" * 500
    odd[0x0131] = "\0 "
    odd.get_ifd(0x8825).update({7: (99.0, 99.0, 99.0), 29: "2008:10:23"})

    assert claims(photo(exif=long)).camera == "x" * 100 + " Model 1"
    assert claims(photo(exif=odd)).is_empty()
    huge = io.BytesIO()
    Image.new("RGB", (8, 8)).save(huge, "PNG", exif=b"Exif\0\0" + told().tobytes()[6:] + bytes(EXIF_BYTES_MAX))
    assert replace_credentials(claims(huge.getvalue(), "image/png")).is_empty()


def test_five_hundred_spoiled_photos_raise_nothing() -> None:
    rng = random.Random(7)
    for _ in range(500):
        kind, media_type = rng.choice([("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")])
        data = bytearray(photo(kind, told()))
        for _ in range(rng.randint(1, 8)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        assert isinstance(claims(bytes(data), media_type), FileClaims)


@pytest.mark.parametrize(
    ("name", "credentials", "code"),
    [
        ("A.jpg", Credentials.NONE, None),
        ("C.jpg", Credentials.VALID, "signingCredential.untrusted"),
        ("XCA.jpg", Credentials.INVALID, "assertion.dataHash.mismatch"),
        ("E-sig-CA.jpg", Credentials.INVALID, "claimSignature.mismatch"),
    ],
)
def test_content_credentials_keep_their_state_and_codes(
    shared: Path, name: str, credentials: Credentials, code: str | None
) -> None:
    pytest.importorskip("c2pa")
    found = claims((shared / "samples" / "photos" / name).read_bytes())

    assert found.credentials is credentials
    assert code is None or code in found.codes
    assert str(found.reader).startswith("c2pa ")
