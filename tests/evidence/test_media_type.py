"""The media type of a file is told from its content, and only from that."""

from __future__ import annotations

import struct
import subprocess
import sys

import pytest

from ledger_service.evidence.media_type import HEAD_BYTES, JSON_DEPTH_MAX, OCTET_STREAM, Sniffer

SAMPLES = [
    (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "image/png"),
    (b"GIF87a\x01\x00", "image/gif"),
    (b"GIF89a\x01\x00", "image/gif"),
    (b"RIFF\x24\x00\x00\x00WEBPVP8 ", "image/webp"),
    (b"\x00\x00\x00\x18ftypheic\x00\x00", "image/heic"),
    (b"\x00\x00\x00\x18ftypmif1\x00\x00", "image/heif"),
    (b"\x00\x00\x00\x18ftypavif\x00\x00", "image/avif"),
    (b"\x00\x00\x00\x18ftypisom\x00\x00", "video/mp4"),
    (b"\x00\x00\x00\x18ftypmp42\x00\x00", "video/mp4"),
    (b"\x00\x00\x00\x18ftypqt  \x00\x00", "video/quicktime"),
    (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "application/pdf"),
    (b"PK\x03\x04\x14\x00", "application/zip"),
    (b"PK\x05\x06" + bytes(18), "application/zip"),
    (b'{"status": "in_transit"}', "application/json"),
    (b'\n [1, {"a": null}]\n', "application/json"),
    (b"{}", "application/json"),
    (b"[]", "application/json"),
    (b'<?xml version="1.0"?><a/>', "application/xml"),
    (b'\xef\xbb\xbf<?xml version="1.0"?><a/>', "application/xml"),
    ("Karton beschädigt 破损\n".encode(), "text/plain"),
    (b"\xef\xbb\xbfwith a byte order mark", "text/plain"),
]

# One step away from a sample: each differs from it in what makes it that type.
NEAR_MISSES = [
    (b"\xff\xd8\xfe\xe0\x00\x10JFIF\x00", OCTET_STREAM),
    (b"\x89PNG\n\x1a\n\x00\x00\x00\rIHDR", OCTET_STREAM),
    (b"GIF88a\x01\x00", OCTET_STREAM),
    (b"RIFF\x24\x00\x00\x00WAVEfmt ", OCTET_STREAM),
    (b"\x00\x00\x00\x18ftypXXXX\x00\x00", OCTET_STREAM),
    (b" %PDF-1.7\n", "text/plain"),
    (b"PK\x01\x02\x14\x00", OCTET_STREAM),
    (b'{"status": "in_transit"', "text/plain"),
    (b"[draft] see below", "text/plain"),
    (b"[1, 2", "text/plain"),
    (b"<html></html>", "text/plain"),
    (b"Karton besch\xe4digt\n", OCTET_STREAM),
    (b"cut in a character \xe7\xa0", OCTET_STREAM),
    (b"text\x00with a zero byte", OCTET_STREAM),
    (b"", OCTET_STREAM),
]


def sniff(content: bytes, chunk: int) -> str:
    sniffer = Sniffer()
    for start in range(0, len(content), chunk):
        sniffer.feed(content[start : start + chunk])
    return sniffer.media_type()


@pytest.mark.parametrize("chunk", [1, 3, 4096])
@pytest.mark.parametrize(("content", "media_type"), SAMPLES + NEAR_MISSES)
def test_content_gives_the_type_however_it_is_cut_into_chunks(content: bytes, media_type: str, chunk: int) -> None:
    assert sniff(content, chunk) == media_type


def test_a_long_json_text_is_told_from_its_start() -> None:
    content = b'{"a": "' + b"x" * HEAD_BYTES + b'"}'

    assert sniff(content, 4096) == "application/json"
    assert sniff(b"[x" + content, 4096) == "text/plain"


@pytest.mark.parametrize("limit", [1_000, 1 << 20])
def test_a_text_nested_beyond_all_measure_is_text_and_does_no_harm(limit: int) -> None:
    """Also where a library has raised the recursion limit beyond what the C stack bears, which kills a process."""
    program = (
        "import sys; from ledger_service.evidence.media_type import *\n"
        f"sys.setrecursionlimit({limit}); sniffer = Sniffer(); sniffer.feed(b'[' * HEAD_BYTES)\n"
        "print(sniffer.media_type())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "text/plain\n")


@pytest.mark.parametrize(
    ("depth", "expected"), [(JSON_DEPTH_MAX, "application/json"), (JSON_DEPTH_MAX + 1, "text/plain")]
)
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"[":', "}"), ('["]",', "]")])
def test_json_is_told_down_to_a_depth(depth: int, expected: str, opening: str, closing: str) -> None:
    assert sniff((opening * depth + '"}]"' + closing * depth).encode(), 4096) == expected


def test_a_binary_byte_far_behind_the_start_makes_a_file_binary() -> None:
    assert sniff(b"a" * (3 * HEAD_BYTES), HEAD_BYTES) == "text/plain"
    assert sniff(b"a" * (3 * HEAD_BYTES) + b"\x01", HEAD_BYTES) == OCTET_STREAM


def test_a_head_that_is_binary_after_a_json_start_is_not_json() -> None:
    assert sniff(b'{"a": 1}' + struct.pack(">I", 7), 4096) == OCTET_STREAM
