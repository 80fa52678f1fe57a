"""Files over HTTP: streamed to disk, whole or in parts, once for each key, their sender's alone."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from fastapi import Request

from ledger_service.api import receiving
from ledger_service.api.receiving import BATCH_BYTES, RECEIVING_MAX, Pace, batches, in_thread
from ledger_service.core.entry import Role
from ledger_service.evidence.partial import PartialName
from ledger_service.operations.access import member_of
from ledger_service.operations.audit import audit
from ledger_service.operations.ledger import format_instant
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.uploads import purge_uploads
from tests.api.asking import Asking, asking
from tests.api.forms import GONE, body, form, form_headers, part, raw
from tests.operations.world import BUYER, PLATFORM, REQUEST_FIELDS, SELLER, World

OCTETS = {"Content-Type": "application/octet-stream"}


@pytest.fixture
def most(service: Asking) -> Iterator[int]:
    """A small limit for one file."""
    kept = service.ledger.evidence_bytes_max
    service.ledger.evidence_bytes_max = 3 * BATCH_BYTES
    yield 3 * BATCH_BYTES
    service.ledger.evidence_bytes_max = kept


def photo(size: int = 64) -> bytes:
    """Return a photo that nobody sent before."""
    return b"\x89PNG\r\n\x1a\n" + secrets.token_bytes(size)


def files(service: Asking) -> list[str]:
    """Return every file below the evidence folder."""
    top = service.folder / "home" / "files"
    return sorted(str(path.relative_to(top)) for path in top.rglob("*") if path.is_file())


def send(service: Asking, content: bytes, who: Party = PLATFORM, **more: Any) -> Any:
    """Send a file as a form."""
    return service.ask("POST", "/v1/evidence", who, files={"file": ("photo.png", content)}, **more)


def put(service: Asking, content: bytes, who: Party = PLATFORM, *, of: bytes | None = None, at: str = "") -> Any:
    """Send (a part of) a file under its SHA-256."""
    headers = OCTETS | ({"Content-Range": f"bytes {at}"} if at else {})
    path = f"/v1/evidence/{sha256(of or content).hexdigest()}"
    return service.ask("PUT", path, who, content=content, headers=headers)


def slug(answer: Any) -> tuple[int, str]:
    """Return the status and problem type of an answer."""
    return answer.status_code, answer.json()["type"].rpartition("/")[2]


def request_with(digest: str) -> dict[str, Any]:
    """Return the request of a return that names an uploaded photo."""
    return {
        "verb": "request_return",
        "asserted_by": {"role": "buyer", "reference": BUYER.reference},
        "fields": REQUEST_FIELDS,
        "evidence": [{"kind": "product_photo", "sha256": digest}],
    }


def test_a_return_is_opened_with_a_photo_that_came_over_http(service: Asking) -> None:
    content = photo()
    digest = sha256(content).hexdigest()

    sent = send(service, content)
    opened = service.post("/v1/returns", PLATFORM, request_with(digest))

    assert sent.status_code == 201
    assert sent.headers["location"] == f"/v1/evidence/{digest}"
    value = sent.json()
    assert (value["sha256"], value["size"], value["media_type"]) == (digest, len(content), "image/png")
    assert value["expires_at"] > format_instant(service.ledger.clock())
    assert opened.status_code == 201
    (file,) = service.ledger.read.files(opened.json()["index"])
    service.ledger.evidence.verify(file.name, sha256(content).digest(), len(content))
    assert service.ask("GET", f"/v1/evidence/{digest}", PLATFORM).json() == {
        **value, "offset": len(content), "complete": True,
    }  # fmt: skip


def test_files_come_over_http_on_both_databases(each_world: World, tmp_path: Path) -> None:
    content = photo()
    digest = sha256(content).hexdigest()
    with asking(each_world, tmp_path) as service:
        assert send(service, content, key="k").status_code == 201
        assert send(service, content, key="k").headers["idempotent-replayed"] == "true"
        assert put(service, b"ab", of=b"abcd", at="0-1/4").json()["offset"] == 2
        assert put(service, b"cd", of=b"abcd", at="2-3/4").status_code == 201
        first = service.post("/v1/returns", PLATFORM, request_with(digest), key="s")
        again = service.post("/v1/returns", PLATFORM, request_with(digest), key="s")
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.json() == again.json()
        assert service.ask("GET", f"/v1/entries/{first.json()['index']}/evidence/0", PLATFORM).content == content
        assert audit(service.ledger, None).findings == []
        assert audit(service.ledger, None).notes == []
        each_world.clock.pass_seconds(73 * 3_600)
        assert purge_uploads(service.ledger).uploads == 2
        assert slug(service.post("/v1/returns", PLATFORM, request_with(digest))) == (422, "incomplete-step")


def test_a_file_of_somebody_else_is_no_file(service: Asking) -> None:
    content = photo()
    digest = sha256(content).hexdigest()
    send(service, content, SELLER)

    assert slug(service.ask("GET", f"/v1/evidence/{digest}", PLATFORM)) == (404, "unknown-object")
    assert slug(service.post("/v1/returns", PLATFORM, request_with(digest))) == (422, "incomplete-step")


def test_the_same_key_gets_the_same_answer_and_keeps_one_file(service: Asking) -> None:
    content, before = photo(), len(files(service))

    first, again = (send(service, content, key="once") for _ in range(2))
    other = send(service, photo(), key="once")

    assert first.json() == again.json()
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert slug(other) == (422, "idempotency-key-reused")
    assert len(files(service)) == before + 1


def test_a_repeated_answer_is_true_even_when_the_file_had_gone(each_world: World, tmp_path: Path) -> None:
    content = photo()
    with asking(each_world, tmp_path) as service:
        send(service, content, key="once")
        each_world.clock.pass_seconds(73 * 3_600)
        purge_uploads(service.ledger)

        again = send(service, content, key="once")

        assert again.headers["idempotent-replayed"] == "true"
        opened = service.post("/v1/returns", PLATFORM, request_with(sha256(content).hexdigest()))
        assert opened.status_code == 201


def test_two_at_once_under_one_key_keep_one_file(service: Asking) -> None:
    content, before = photo(), len(files(service))
    request: tuple[Any, ...] = ("POST", "/v1/evidence", PLATFORM, "together", {}, {"files": {"file": content}})

    answers = service.together([request] * 4)

    assert {answer.status_code for answer in answers} <= {201, 409}
    assert any(answer.status_code == 201 for answer in answers)
    assert len(files(service)) == before + 1


def test_a_form_may_announce_its_sha256_and_is_held_to_it(service: Asking) -> None:
    content, before = photo(), len(files(service))
    right, wrong = sha256(content).hexdigest().encode(), sha256(b"x").hexdigest().encode()
    digest = b'form-data; name="sha256"'

    def sent(*parts: bytes) -> Any:
        return service.ask("POST", "/v1/evidence", PLATFORM, content=form(*parts), headers=form_headers())

    assert slug(sent(part(content), part(wrong, digest))) == (422, "upload-mismatch")
    assert slug(sent(part(wrong, digest), part(content))) == (422, "upload-mismatch")
    assert slug(sent(part(b"abc", digest), part(content))) == (400, "invalid-form")
    assert len(files(service)) == before
    assert sent(part(right, digest), part(content)).status_code == 201


def test_a_file_beyond_the_limit_is_cut_off_there(service: Asking, most: int) -> None:
    before = files(service)
    announced = send(service, bytes(most + 1))
    chunks = [form(part(b"x" * BATCH_BYTES), end=False)[:-2], *[b"x" * BATCH_BYTES] * 9]
    streamed = raw(service, "POST", "/v1/evidence", PLATFORM, form_headers().items(), body(*chunks))
    whole = put(service, bytes(most + 1))
    ranged = put(service, b"x", at=f"0-0/{most + 1}")

    for answer in (announced, whole, ranged):
        assert slug(answer) == (413, "body-too-large")
        assert answer.json()["most"] == most
    assert streamed.status == 413
    assert files(service) == before
    assert send(service, photo(most - 8)).status_code == 201


def test_a_file_comes_in_parts_and_goes_on_where_it_stands(service: Asking) -> None:
    content = photo(2 * BATCH_BYTES)
    size = len(content)
    path = f"/v1/evidence/{sha256(content).hexdigest()}"

    first = put(service, content[:1000], of=content, at=f"0-999/{size}")
    state = service.ask("GET", path, PLATFORM).json()
    ahead = put(service, content[2000:3000], of=content, at=f"2000-2999/{size}")
    again = put(service, content[:1000], of=content, at=f"0-999/{size}")
    last = put(service, content[1000:], of=content, at=f"1000-{size - 1}/{size}")
    repeated = put(service, content[1000:], of=content, at=f"1000-{size - 1}/{size}")

    assert (first.status_code, first.json()["offset"], first.json()["size"]) == (200, 1000, size)
    assert (state["offset"], state["complete"], state["expires_at"]) == (1000, False, None)
    for answer in (ahead, again):
        assert slug(answer) == (409, "upload-conflict")
        assert answer.json()["offset"] == 1000
    assert last.status_code == 201
    assert (repeated.status_code, repeated.json()) == (201, last.json())
    assert repeated.headers["idempotent-replayed"] == "true"
    assert service.ask("GET", path, SELLER).status_code == 404
    opened = service.post("/v1/returns", PLATFORM, request_with(sha256(content).hexdigest()))
    assert opened.status_code == 201


def test_an_empty_part_asks_where_the_file_stands_and_completes_it(service: Asking) -> None:
    content = photo(1000)
    size = len(content)

    assert put(service, b"", of=content, at=f"*/{size}").json()["offset"] == 0
    wanted = PartialName(member_of(service.ledger, PLATFORM).mark, sha256(content).digest())
    left = service.ledger.evidence.partial.begin(wanted, offset=0, size=size)
    left.write(content)
    left.abandon()  # as after a process that died before it finished

    assert put(service, b"", of=content, at=f"*/{size}").status_code == 201


def test_other_bytes_than_announced_are_refused_and_removed(service: Asking) -> None:
    content, before = photo(), files(service)

    whole = put(service, content, of=b"another file")
    put(service, content[:10], of=content, at=f"0-9/{len(content)}")
    spoiled = put(service, bytes(len(content) - 10), of=content, at=f"10-{len(content) - 1}/{len(content)}")

    for answer in (whole, spoiled):
        assert slug(answer) == (422, "upload-mismatch")
    assert files(service) == before
    assert put(service, content).status_code == 201


def test_a_broken_connection_leaves_what_came_of_a_part_and_nothing_of_a_form(service: Asking) -> None:
    content = photo(BATCH_BYTES)
    digest, size, before = sha256(content).hexdigest(), len(content), files(service)
    path = f"/v1/evidence/{digest}"
    headers = [("content-type", "application/octet-stream"), ("content-length", str(size))]

    form_answer = raw(
        service, "POST", "/v1/evidence", PLATFORM, form_headers().items(),
        [*body(form(part(content), end=False), more=True), GONE],
    )  # fmt: skip
    after_form = files(service)
    raw(service, "PUT", path, PLATFORM, headers, [*body(content[:700], content[700:1500], more=True), GONE])

    assert form_answer.status is None
    assert after_form == before
    assert service.ask("GET", path, PLATFORM).json()["offset"] == 1500
    assert put(service, content[1500:], of=content, at=f"1500-{size - 1}/{size}").status_code == 201


def test_a_body_that_stops_is_not_waited_for_and_what_came_stays(
    service: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.app.state.service, "pace", Pace(idle_seconds=0.05))
    content, before = photo(3000), files(service)
    path = f"/v1/evidence/{sha256(content).hexdigest()}"
    headers = [("content-type", "application/octet-stream"), ("content-length", str(len(content)))]

    stalled = raw(service, "PUT", path, PLATFORM, headers, body(content[:2000], more=True))
    half = body(form(part(content), end=False), more=True)
    stalled_form = raw(service, "POST", "/v1/evidence", PLATFORM, form_headers().items(), half)

    for answer in (stalled, stalled_form):
        assert answer.status == 408
        assert answer.headers["connection"] == "close"
        assert b"upload-stopped" in answer.body
    assert service.ask("GET", path, PLATFORM).json()["offset"] == 2000
    assert len(files(service)) == len(before) + 1


def test_a_body_that_drips_is_stopped_by_its_average(service: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service.app.state.service, "pace", Pace(grace_seconds=0, bytes_a_second_min=10**12))
    headers = [("content-type", "application/octet-stream"), ("content-length", "6")]
    path = f"/v1/evidence/{sha256(b'abcdef').hexdigest()}"

    assert raw(service, "PUT", path, PLATFORM, headers, body(b"abc", b"def")).status == 408
    monkeypatch.setattr(service.app.state.service, "pace", Pace(bytes_a_second_min=10**12))  # not in its first minute
    assert put(service, photo()).status_code == 201


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Range": "bytes 0-4/5", "Content-Length": "4"}, 400),
        ({"Content-Range": "bytes 3-2/5"}, 400),
        ({"Content-Range": "bytes 0-5/5"}, 400),
        ({"Content-Range": "bytes -1-4/5"}, 400),
        ({"Content-Range": "bytes 0-4/*"}, 400),
        ({"Content-Range": "bytes 0-4/0"}, 400),
        ({"Content-Range": "bytes 00-4/5"}, 400),
        ({"Content-Range": "octets 0-4/5"}, 400),
        ({"Content-Range": "bytes 0-4/99999999999999999999999"}, 400),
        ({"Content-Range": "bytes 0-4/999999999999999"}, 413),
        ({"Content-Range": "bytes ٠-4/5"}, 400),
        ({"Content-Length": "-5"}, 400),
        ({"Content-Length": "5.0"}, 400),
        ({"Content-Length": "0x5"}, 400),
        ({"Content-Length": "9" * 30}, 400),
        ({"Content-Length": "9" * 18}, 413),
        ({"Content-Length": ""}, 400),
        ({}, 400),
    ],
)
def test_headers_that_cannot_be_are_refused(service: Asking, headers: dict[str, str], status: int) -> None:
    before = files(service)
    sent = [("content-type", "application/octet-stream")]
    sent += [(name, value.encode().decode("latin-1")) for name, value in headers.items()]

    answer = raw(service, "PUT", f"/v1/evidence/{'2' * 64}", PLATFORM, sent, body(b"hello"))

    assert answer.status == status
    assert files(service) == before


def test_a_header_sent_twice_is_refused(service: Asking) -> None:
    twice = [("content-type", "application/octet-stream"), ("content-length", "5"), ("content-length", "5")]

    assert raw(service, "PUT", f"/v1/evidence/{'2' * 64}", PLATFORM, twice, body(b"hello")).status == 400


def test_a_part_longer_than_it_says_is_refused(service: Asking) -> None:
    headers = [("content-type", "application/octet-stream"), ("content-range", "bytes 0-3/9")]

    answer = raw(service, "PUT", f"/v1/evidence/{'3' * 64}", PLATFORM, headers, body(b"abcdef"))

    assert answer.status == 400
    assert b"more than the 4 bytes" in answer.body


def test_two_writers_of_one_file_do_not_mix(service: Asking) -> None:
    content = photo(1000)
    wanted = PartialName(member_of(service.ledger, PLATFORM).mark, sha256(content).digest())
    other = service.ledger.evidence.partial.begin(wanted, offset=0, size=len(content))
    other.write(content[:10])

    refused = put(service, content)
    other.abandon()

    assert slug(refused) == (409, "upload-conflict")
    assert refused.json()["offset"] == 10
    assert put(service, content[10:], of=content, at=f"10-{len(content) - 1}/{len(content)}").status_code == 201


def test_a_quota_and_a_full_disk_are_said_so(service: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    party = Party(Role.CARRIER, "carrier-with-much")
    before = len(files(service))
    monkeypatch.setattr(service.ledger, "upload_bytes_max", 100)
    assert send(service, b"x" * 90, party).status_code == 201

    over, over_part = send(service, b"y" * 90, party), put(service, b"z" * 90, party)
    assert slug(over) == slug(over_part) == (429, "quota-exceeded")
    assert (over.json()["held"], over.json()["most"]) == (90, 100)
    monkeypatch.setattr(service.ledger, "free_bytes_min", service.ledger.evidence.free_bytes() * 2)
    step = service.post("/v1/returns", PLATFORM, request_with("0" * 64))
    for answer in (send(service, b"small"), put(service, b"small"), step):
        assert slug(answer) == (503, "storage-full")
        assert str(service.folder) not in answer.text
    assert len(files(service)) == before + 1


def test_a_party_sends_so_many_at_once_and_no_more(service: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "RECEIVING_MAX", 2)
    counted = service.app.state.service.receiving
    mark = member_of(service.ledger, PLATFORM).mark

    with counted.one(mark), counted.one(mark):
        assert slug(send(service, photo())) == (429, "too-many-requests")
        assert send(service, photo(), SELLER).status_code == 201

    assert send(service, photo()).status_code == 201
    assert not counted.now
    assert RECEIVING_MAX > 2


def test_a_body_is_never_whole_in_memory() -> None:
    coming = iter(body(*[b"x" * 65_536] * 80))

    async def receive() -> dict[str, Any]:
        return next(coming)

    async def sizes() -> list[int]:
        request = Request({"type": "http"}, receive)
        return [len(batch) async for batch in batches(request, Pace())]

    assert asyncio.run(sizes()) == [BATCH_BYTES] * 5


def test_work_in_a_thread_is_waited_for_though_nobody_wants_it_any_more() -> None:
    """Else a file would be closed under the thread that writes to it."""
    started, go, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        assert go.wait(60)
        ended.set()

    async def cancel() -> bool:
        task = asyncio.create_task(in_thread(work))
        await asyncio.to_thread(started.wait, 60)
        task.cancel()
        await asyncio.sleep(0)
        waited = not task.done()
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        return waited and ended.is_set()

    assert asyncio.run(cancel())
