"""Uploads: one party's alone, taken by steps without a copy, bounded, and gone when they expire; on both databases."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import pytest

from ledger_service.errors import (
    IdempotencyMismatchError,
    StorageFullError,
    StoreError,
    TransitionRefusedError,
)
from ledger_service.evidence.failures import UnknownUploadError, UploadOffsetError, UploadQuotaError
from ledger_service.evidence.folder import StoredEvidence
from ledger_service.evidence.partial import PartialName
from ledger_service.operations import uploads as module
from ledger_service.operations.access import member_of
from ledger_service.operations.asked import Step, Uploaded
from ledger_service.operations.audit import audit
from ledger_service.operations.ledger import Ledger
from ledger_service.operations.prepare_statement import prepare_statement
from ledger_service.operations.record import record
from ledger_service.operations.uploads import (
    Purged,
    begin_part,
    expires_at,
    find_upload,
    keep_upload,
    purge_uploads,
    received,
    require_disk,
    take_upload,
)
from ledger_service.store.drafts import StoredFile, require_attachments
from tests.operations.test_record import FailingWriter
from tests.operations.world import BUYER, PLATFORM, SELLER, World, ask_step, request_step, stored_files

PHOTO = b"\x89PNG\r\n\x1a\n a lamp with a crack"
HOUR = 3_600


def mark(ledger: Ledger, party: object = PLATFORM) -> bytes:
    """Return the mark of a party."""
    assert isinstance(party, type(PLATFORM))
    return member_of(ledger, party).mark


def receive(ledger: Ledger, content: bytes) -> StoredEvidence:
    """Take bytes in as the API does."""
    incoming = ledger.evidence.begin(size_max=ledger.evidence_bytes_max)
    incoming.write(content)
    return incoming.finish()


def upload(ledger: Ledger, content: bytes = PHOTO, party: object = PLATFORM) -> Uploaded:
    """Upload a file as a party."""
    kept = keep_upload(ledger, mark(ledger, party), receive(ledger, content))
    return Uploaded(kept.mark, kept.sha256)


def step_with(wanted: Uploaded, **changed: object) -> Step:
    """Return the step that opens a case with an upload."""
    return request_step(Path("unused"), evidence=[("product_photo", wanted)], **changed)


def test_a_step_uses_an_upload_without_a_copy_and_the_upload_stays(each_world: World) -> None:
    with each_world.opened() as opened:
        ledger = opened.ledger
        wanted = upload(ledger)

        first, second = record(ledger, step_with(wanted)), record(ledger, step_with(wanted))

        for done in (first, second):
            (file,) = ledger.read.files(done.appended.index)
            assert (file.sha256, file.size, file.media_type) == (sha256(PHOTO).digest(), len(PHOTO), "image/png")
            ledger.evidence.verify(file.name, file.sha256, file.size)
            assert ledger.evidence.names_of(file.name) == 3  # the upload's and one for each entry: one file on disk
        assert find_upload(ledger, wanted).size == len(PHOTO)
        report = audit(ledger, None)
        assert (report.findings, report.notes) == ([], [])


def test_an_upload_is_its_partys_alone(each_world: World) -> None:
    with each_world.opened() as opened:
        ledger = opened.ledger
        wanted = upload(ledger, party=BUYER)

        theirs = Uploaded(mark(ledger, SELLER), wanted.sha256)

        with pytest.raises(UnknownUploadError):
            record(ledger, step_with(theirs))
        record(ledger, step_with(wanted))


def test_a_refused_step_leaves_the_upload_usable_and_no_file(world: World) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        wanted = upload(ledger)
        opening = record(ledger, step_with(wanted))
        before = stored_files(world)

        with pytest.raises(TransitionRefusedError):
            record(ledger, ask_step(opening.return_id, verb="close", evidence=[("product_photo", wanted)]))
        real = ledger.require_writer()
        ledger.writer = FailingWriter(ledger, StorageFullError("full"), appends=False)  # type: ignore[assignment]
        with pytest.raises(StorageFullError):  # when the file was taken in
            record(ledger, step_with(wanted))
        ledger.writer = real

        assert stored_files(world) == before
        record(ledger, step_with(wanted))


def test_a_retry_gets_the_first_answer_though_the_upload_is_gone_and_leaves_no_orphan(each_world: World) -> None:
    with each_world.opened() as opened:
        ledger = opened.ledger
        wanted = upload(ledger)
        first = record(ledger, step_with(wanted, idempotency_key="k"))
        files = stored_files(each_world)
        again = record(ledger, step_with(wanted, idempotency_key="k"))
        assert stored_files(each_world) == files

        each_world.clock.pass_seconds(73 * HOUR)
        assert purge_uploads(ledger) == Purged(uploads=1, partial=0)
        late = record(ledger, step_with(wanted, idempotency_key="k"))
        with pytest.raises(IdempotencyMismatchError):
            record(ledger, step_with(Uploaded(wanted.mark, b"x" * 32), idempotency_key="k"))

        assert again.appended.replayed
        assert late.appended.replayed
        assert {first.appended.index} == {again.appended.index, late.appended.index}
        assert audit(ledger, None).notes == []


def test_a_file_that_was_not_taken_in_is_never_kept_in_an_entry(world: World) -> None:
    with world.opened() as opened:
        done = record(opened.ledger, step_with(upload(opened.ledger)))

        with pytest.raises(StoreError, match="not taken in"):
            require_attachments(
                (),
                [StoredFile(0, "product_photo", "", bytes(32), 1, "image/png")],
                None,
                done.appended.entry,  # type: ignore[arg-type]  # the entry of a step
            )


def test_a_statement_is_prepared_over_an_upload_and_over_no_unknown_one(world: World, tmp_path: Path) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        wanted = upload(ledger)

        path = tmp_path / "photo.png"
        path.write_bytes(PHOTO)

        made, same = (
            prepare_statement(ledger, step, valid_seconds=60).typed_data["message"]
            for step in (step_with(wanted), request_step(path))
        )

        differing = ("nonce", "deadline")
        assert {name: made[name] for name in made if name not in differing} == {
            name: same[name] for name in same if name not in differing
        }
        with pytest.raises(UnknownUploadError):
            prepare_statement(ledger, step_with(Uploaded(wanted.mark, b"x" * 32)), valid_seconds=60)


def test_an_upload_expires_and_is_purged_with_what_never_came_whole(each_world: World) -> None:
    with each_world.opened() as opened:
        ledger = opened.ledger
        wanted, announced = upload(ledger), Uploaded(mark(ledger), sha256(b"whole").digest())
        part = begin_part(ledger, announced, offset=0, size=5)
        part.write(b"who")
        part.finish()
        each_world.clock.pass_seconds(71 * HOUR)
        assert purge_uploads(ledger) == Purged(0, 0)
        assert find_upload(ledger, wanted).size == len(PHOTO)

        each_world.clock.pass_seconds(2 * HOUR)
        with pytest.raises(UnknownUploadError):
            find_upload(ledger, wanted)
        (unfinished,) = (each_world.home / "files" / "partial").iterdir()
        old = each_world.clock.seconds() - 73 * HOUR
        os.utime(unfinished, (old, old))

        assert purge_uploads(ledger) == Purged(1, 1)
        assert stored_files(each_world) == []
        assert purge_uploads(ledger) == Purged(0, 0)


def test_when_an_upload_expires_is_said_to_the_millisecond(world: World) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        kept = find_upload(ledger, upload(ledger))

        assert kept.created_at.startswith("2026-11-03T12:00:0")
        assert expires_at(ledger, kept) == kept.created_at.replace("2026-11-03", "2026-11-06")


def test_the_same_content_again_begins_its_time_anew_and_keeps_one_file(world: World) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        wanted = upload(ledger)
        world.clock.pass_seconds(71 * HOUR)

        assert upload(ledger) == wanted

        world.clock.pass_seconds(2 * HOUR)
        assert find_upload(ledger, wanted).size == len(PHOTO)
        assert len(stored_files(world)) == 1


def test_what_waits_stays_below_the_quota_and_what_entries_hold_makes_room(each_world: World) -> None:
    with each_world.opened() as opened:
        ledger = opened.ledger
        ledger.upload_bytes_max = 100
        used = upload(ledger, b"u" * 60)

        with pytest.raises(UploadQuotaError) as refused:
            upload(ledger, b"n" * 60)
        assert (refused.value.held, refused.value.most) == (60, 100)
        assert len(stored_files(each_world)) == 1
        upload(ledger, b"o" * 60, party=SELLER)  # another's quota is another's

        record(ledger, step_with(used))
        upload(ledger, b"n" * 60)

        with pytest.raises(UnknownUploadError):
            find_upload(ledger, used)
        assert audit(ledger, None).findings == []
        assert audit(ledger, None).notes == []


def test_parts_count_towards_the_quota_before_they_come(world: World) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        ledger.upload_bytes_max = 100
        first, second = (Uploaded(mark(ledger), bytes([n]) * 32) for n in (1, 2))
        part = begin_part(ledger, first, offset=0, size=80)
        part.write(b"x" * 60)
        part.finish()

        with pytest.raises(UploadQuotaError):
            begin_part(ledger, second, offset=0, size=41)
        begin_part(ledger, second, offset=0, size=40).abandon()
        with pytest.raises(UploadQuotaError):
            begin_part(ledger, first, offset=60, size=101)
        with pytest.raises(UploadOffsetError):
            begin_part(ledger, first, offset=61, size=100)
        assert received(ledger, first) == 60


def test_many_small_files_are_bounded_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "UPLOADS_MAX", 3)
    with world.opened() as opened:
        ledger = opened.ledger
        for number in range(3):
            part = begin_part(ledger, Uploaded(mark(ledger), bytes([number]) * 32), offset=0, size=2)
            part.write(b"x")
            part.finish()

        with pytest.raises(UploadQuotaError):
            begin_part(ledger, Uploaded(mark(ledger), b"y" * 32), offset=0, size=2)


def test_nothing_is_taken_when_the_disk_is_nearly_full(world: World) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        free = ledger.evidence.free_bytes()
        require_disk(ledger, 1)
        ledger.free_bytes_min = free // 2

        with pytest.raises(StorageFullError):
            begin_part(ledger, Uploaded(mark(ledger), b"y" * 32), offset=0, size=free)


def test_a_link_that_no_commit_followed_is_an_orphan_and_the_upload_still_works(world: World) -> None:
    """A process killed between link and commit: what it leaves is a name more of the same bytes, which audit lists."""
    with world.opened() as opened:
        wanted = upload(opened.ledger)
        left = take_upload(opened.ledger, wanted)

    with world.opened() as opened:
        assert audit(opened.ledger, None).notes == [f"the evidence file {left.name} belongs to no entry and no upload"]
        record(opened.ledger, step_with(wanted))
        assert audit(opened.ledger, None).findings == []


def test_an_upload_whose_file_is_gone_is_unknown_and_purged(world: World) -> None:
    with world.opened() as opened:
        ledger = opened.ledger
        wanted = upload(ledger)
        ledger.evidence.erase(find_upload(ledger, wanted).name)

        with pytest.raises(UnknownUploadError):
            take_upload(ledger, wanted)
        world.clock.pass_seconds(73 * HOUR)

        assert purge_uploads(ledger) == Purged(1, 0)


def test_a_page_of_expired_uploads_is_not_all_of_them(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger_service.store.uploads.EXPIRED_PAGE", 2)
    monkeypatch.setattr(module, "EXPIRED_PAGE", 2)
    with world.opened() as opened:
        for number in range(5):
            upload(opened.ledger, bytes([number]) * 9)
        world.clock.pass_seconds(73 * HOUR)

        assert purge_uploads(opened.ledger) == Purged(5, 0)


def test_a_party_is_named_by_no_file(world: World) -> None:
    with world.opened() as opened:
        name = str(PartialName(mark(opened.ledger), sha256(PHOTO).digest()))

        assert mark(opened.ledger).hex() not in name
        assert sha256(PHOTO).hexdigest()[:16] not in name
