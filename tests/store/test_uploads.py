"""Uploads as rows, on both databases: one of each content for a party, and never more bytes than it may have."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace

import pytest

from ledger_service.errors import StoreError
from ledger_service.store.engine import Store
from ledger_service.store.uploads import EXPIRED_PAGE, Upload, Uploads

NOW, LATER = "2026-11-03T12:00:00.000Z", "2026-11-03T12:05:00.000Z"
MARK, OTHER = b"m" * 32, b"\xff" * 32
PHOTO = Upload(MARK, b"1" * 32, "aa" * 16, 100, "image/jpeg", NOW)
MUCH = 10**15


def test_an_upload_comes_back_as_it_was_kept_until_it_is_too_old(store: Store) -> None:
    uploads = Uploads(store)

    assert uploads.keep(PHOTO, most=MUCH) == (True, None)

    assert uploads.find(MARK, PHOTO.sha256, since=NOW) == PHOTO
    assert uploads.find(MARK, PHOTO.sha256, since=LATER) is None
    assert uploads.find(OTHER, PHOTO.sha256, since=NOW) is None
    assert uploads.find(MARK, b"2" * 32, since=NOW) is None
    assert uploads.names() == {PHOTO.name}


def test_the_same_content_again_takes_the_place_and_names_the_file_that_is_free(store: Store) -> None:
    uploads = Uploads(store)
    again = replace(PHOTO, name="bb" * 16, media_type="image/png", created_at=LATER)
    uploads.keep(PHOTO, most=100)

    assert uploads.keep(again, most=100) == (True, PHOTO.name)

    assert uploads.of_party(MARK) == [again]
    assert uploads.bytes_of(MARK) == 100


def test_a_party_has_what_it_may_have_and_another_is_not_in_its_way(store: Store) -> None:
    uploads = Uploads(store)
    second = replace(PHOTO, sha256=b"2" * 32, name="bb" * 16, size=50)
    uploads.keep(PHOTO, most=149)

    assert uploads.keep(second, most=149) == (False, None)
    assert uploads.keep(replace(second, mark=OTHER), most=149) == (True, None)
    assert uploads.keep(second, most=150) == (True, None)

    assert (uploads.bytes_of(MARK), uploads.bytes_of(OTHER), uploads.bytes_of(b"n" * 32)) == (150, 50, 0)
    assert {upload.mark for upload in uploads.of_content(second.sha256)} == {MARK, OTHER}


def test_many_at_once_pass_no_limit(store: Store) -> None:
    uploads = Uploads(store)
    outcomes: list[bool] = []
    start = threading.Barrier(8)

    def client(number: int) -> None:
        start.wait()
        kept, _ = uploads.keep(replace(PHOTO, sha256=bytes([number]) * 32, name=f"{number:032x}"), most=300)
        outcomes.append(kept)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Counter(outcomes) == {True: 3, False: 5}
    assert uploads.bytes_of(MARK) == 300


def test_the_oldest_expire_first_a_page_at_a_time(store: Store) -> None:
    uploads = Uploads(store)
    for number in range(EXPIRED_PAGE + 2):
        made = replace(PHOTO, sha256=number.to_bytes(32), name=f"{number:032x}", created_at=f"{number:024d}")
        uploads.keep(made, most=MUCH)

    expired = uploads.expired(before=f"{EXPIRED_PAGE + 1:024d}")

    assert [upload.created_at for upload in expired] == [f"{number:024d}" for number in range(EXPIRED_PAGE)]
    assert uploads.expired(before="") == []


def test_a_row_goes_with_its_file_and_stays_if_the_file_does(store: Store) -> None:
    uploads, erased = Uploads(store), []
    uploads.keep(PHOTO, most=MUCH)

    def fail() -> None:
        raise StoreError("the disk is gone")

    with pytest.raises(StoreError, match="the disk is gone"):
        uploads.drop(PHOTO, fail)
    assert uploads.of_party(MARK) == [PHOTO]
    assert not uploads.drop(replace(PHOTO, created_at=LATER), lambda: erased.append("sent again meanwhile"))
    assert not uploads.drop(replace(PHOTO, name="bb" * 16), lambda: erased.append("another file"))
    assert uploads.drop(PHOTO, lambda: erased.append("file"))
    assert not uploads.drop(PHOTO, lambda: erased.append("twice"))

    assert erased == ["file"]
    assert uploads.of_party(MARK) == []
