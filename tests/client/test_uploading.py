"""Files that the client sends: in parts, from where the service has them on; no other file is believed to be kept."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from ledger_service.client import ProblemError, UnreachableError, UploadedFile, WrongAnswerError, uploading
from ledger_service.evidence.partial import PartialName
from ledger_service.operations.asked import Uploaded
from ledger_service.operations.uploads import find_upload
from tests.api.asking import Asking
from tests.client.asking import Forward, Hurry, Wire, client_of, said
from tests.operations.world import PLATFORM, SELLER

PART = 1_000


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of a size that a test can look at."""
    monkeypatch.setattr(uploading, "PART_BYTES", PART)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A photo of three parts and a half, which nobody sent before."""
    path = tmp_path / "photo.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + secrets.token_bytes(3 * PART + 492))
    return path


def ranges(wire: Wire) -> list[str]:
    """Return which parts were sent."""
    return [request.headers["content-range"] for request in wire.sent if request.method == "PUT"]


def kept(service: Asking, file: Path) -> bytes:
    """Return what the service keeps under the name of a file of the marketplace."""
    token = service.app.state.service.callers.of(service.token(PLATFORM))
    found = find_upload(service.ledger, Uploaded(token.mark, sha256(file.read_bytes()).digest()))
    with service.ledger.evidence.open(found.name) as stream:
        return stream.read()


def test_a_file_is_sent_in_parts_and_what_is_kept_is_the_file(service: Asking, file: Path) -> None:
    with client_of(service, PLATFORM) as (ledger, wire):
        done = ledger.upload(file)

    content = file.read_bytes()
    assert isinstance(done, UploadedFile)
    assert (done.sha256, done.size, done.media_type) == (sha256(content).hexdigest(), 3_500, "image/png")
    assert ranges(wire) == ["bytes 0-999/3500", "bytes 1000-1999/3500", "bytes 2000-2999/3500", "bytes 3000-3499/3500"]
    assert kept(service, file) == content


def test_a_file_that_is_there_is_not_sent_again_and_another_partys_is(service: Asking, file: Path) -> None:
    with client_of(service, PLATFORM) as (ledger, _):
        first = ledger.upload(file)

    with client_of(service, PLATFORM) as (ledger, wire):
        assert ledger.upload(file) == first
        assert ranges(wire) == []
    with client_of(service, SELLER) as (ledger, wire):
        assert ledger.upload(file).sha256 == first.sha256
        assert len(ranges(wire)) == 4


def test_a_call_that_failed_goes_on_where_it_was(service: Asking, file: Path) -> None:
    sent: list[httpx.Request] = []

    def break_after_two(request: httpx.Request, forward: Forward) -> httpx.Response:
        if request.method == "PUT":
            sent.append(request)
            if len(sent) > 2:
                raise httpx.ConnectError("the wire was cut")
        return forward(request)

    with client_of(service, PLATFORM) as (ledger, wire):
        wire.lies["/v1/evidence"] = break_after_two
        with pytest.raises(UnreachableError):
            ledger.upload(file)

    with client_of(service, PLATFORM) as (ledger, wire):
        ledger.upload(file)
        assert ranges(wire) == ["bytes 2000-2999/3500", "bytes 3000-3499/3500"]
    assert kept(service, file) == file.read_bytes()


@pytest.mark.parametrize("lost", [0, 1, 3])
def test_a_part_whose_answer_is_lost_is_not_kept_twice(service: Asking, file: Path, lost: int) -> None:
    parts: list[int] = []

    def lose_one(request: httpx.Request, forward: Forward) -> httpx.Response:
        answer = forward(request)
        if request.method == "PUT":
            parts.append(answer.status_code)
            if len(parts) == lost + 1:
                raise httpx.ReadError("the answer was lost")
        return answer

    with client_of(service, PLATFORM) as (ledger, wire):
        wire.lies["/v1/evidence"] = lose_one
        done = ledger.upload(file)

    assert done.size == 3_500
    assert kept(service, file) == file.read_bytes()


def test_a_file_whose_last_answer_never_came_is_completed_by_an_empty_part(service: Asking, file: Path) -> None:
    """What a server that died before it finished the file leaves: all bytes, and nothing that counts."""
    content = file.read_bytes()
    mark = service.app.state.service.callers.of(service.token(PLATFORM)).mark

    left = service.ledger.evidence.partial.begin(PartialName(mark, sha256(content).digest()), offset=0, size=3_500)
    left.write(content)
    left.abandon()

    with client_of(service, PLATFORM) as (ledger, wire):
        ledger.upload(file)

    assert ranges(wire) == ["bytes */3500"]
    assert kept(service, file) == content


def test_another_writer_is_waited_for_a_bounded_time(service: Asking, file: Path) -> None:
    hurry = Hurry()
    content = file.read_bytes()
    mark = service.app.state.service.callers.of(service.token(PLATFORM)).mark

    other = service.ledger.evidence.partial.begin(PartialName(mark, sha256(content).digest()), offset=0, size=3_500)
    other.write(content[:1])
    with client_of(service, PLATFORM, hurry=hurry) as (ledger, wire):
        with pytest.raises(ProblemError, match="upload-conflict"):
            ledger.upload(file)
        assert len(ranges(wire)) == uploading.CONFLICTS_MAX
        other.abandon()
        assert ledger.upload(file).size == 3_500

    assert uploading.CONFLICT_PAUSE_SECONDS in hurry.pauses


def test_a_file_of_nothing_and_one_that_cannot_be_read_are_refused_here(service: Asking, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    with client_of(service, PLATFORM) as (ledger, wire):
        with pytest.raises(ValueError, match="no bytes"):
            ledger.upload(tmp_path / "empty")
        with pytest.raises(OSError, match="absent"):
            ledger.upload(tmp_path / "absent")

    assert wire.sent == []


def test_a_file_that_shrinks_while_it_is_sent_is_refused_here(service: Asking, file: Path) -> None:
    def shrink(request: httpx.Request, forward: Forward) -> httpx.Response:
        file.write_bytes(b"short")
        return forward(request)

    with client_of(service, PLATFORM) as (ledger, wire):
        wire.lies["/v1/evidence"] = shrink
        with pytest.raises(ValueError, match="changed"):
            ledger.upload(file)


def test_a_file_that_changes_while_it_is_sent_is_refused_there(service: Asking, file: Path) -> None:
    def change(request: httpx.Request, forward: Forward) -> httpx.Response:
        file.write_bytes(bytes(3_500))
        return forward(request)

    with client_of(service, PLATFORM) as (ledger, wire):
        wire.lies["/v1/evidence"] = change
        with pytest.raises(ProblemError, match="upload-mismatch"):
            ledger.upload(file)


def _last(**members: Any) -> Callable[[httpx.Request, Forward], httpx.Response]:
    def lie(request: httpx.Request, forward: Forward) -> httpx.Response:
        answer = forward(request)
        return said(answer, **members) if answer.status_code == 201 else answer

    return lie


def _part(**members: Any) -> Callable[[httpx.Request, Forward], httpx.Response]:
    def lie(request: httpx.Request, forward: Forward) -> httpx.Response:
        answer = forward(request)
        return said(answer, **members) if request.method == "PUT" and answer.status_code == 200 else answer

    return lie


def _state(**members: Any) -> Callable[[httpx.Request, Forward], httpx.Response]:
    def lie(request: httpx.Request, forward: Forward) -> httpx.Response:
        digest = request.url.path.rpartition("/")[2]
        truth = {"sha256": digest, "offset": 3_500, "complete": True, "size": 3_500, "media_type": "image/png"}
        if request.method == "GET":
            return said(httpx.Response(200, json={**truth, "expires_at": "2026-11-03T12:00:00.000Z"}), **members)
        return forward(request)

    return lie


@pytest.mark.parametrize(
    ("lie", "what"),
    [
        (_last(sha256="0" * 64), "sha256"),
        (_last(size=3_499), "sha256"),
        (_last(size="3500"), "sha256"),
        (_last(expires_at="soon"), "form"),
        (_last(media_type=None), "form"),
        (_part(offset=999), "offset"),
        (_part(offset=3_500), "offset"),
        (_part(offset="1000"), "form"),
        (_part(offset=True), "form"),
        (_state(sha256="0" * 64), "sha256"),
        (_state(size=1), "sha256"),
        (_state(complete=False, offset=-1), "form"),
        (_state(complete=False, offset=10, sha256="0" * 64), "sha256"),
        (_state(complete=False, offset=3_501), "offset"),
    ],
)
def test_an_answer_about_another_file_is_not_believed(service: Asking, file: Path, lie: Any, what: str) -> None:
    with client_of(service, PLATFORM) as (ledger, wire):
        wire.lies["/v1/evidence"] = lie
        with pytest.raises(WrongAnswerError) as caught:
            ledger.upload(file)

    assert caught.value.what == what


def test_an_offset_beyond_the_file_is_not_followed(service: Asking, file: Path) -> None:
    def lie(request: httpx.Request, forward: Forward) -> httpx.Response:
        if request.method == "GET":
            return forward(request)
        problem = {"type": "/help/problems/upload-conflict", "detail": "x", "offset": 10**9}
        return httpx.Response(409, json=problem)

    with client_of(service, PLATFORM) as (ledger, wire):
        wire.lies["/v1/evidence"] = lie
        with pytest.raises(ProblemError, match="upload-conflict"):
            ledger.upload(file)

    assert len(ranges(wire)) == 1
