"""Evidence files arrive whole or not at all, under random names, and are checked by their content."""

from __future__ import annotations

import errno
import io
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ledger_service.errors import (
    EvidenceEmptyError,
    EvidenceError,
    EvidenceMismatchError,
    EvidenceMissingError,
    EvidenceTooLargeError,
    StorageFullError,
    StoreError,
    StoreReadOnlyError,
)
from ledger_service.evidence.folder import CHUNK_BYTES, EvidenceFolder

PHOTO = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 40
LIMIT = 10_000_000


@pytest.fixture
def folder(tmp_path: Path) -> EvidenceFolder:
    return EvidenceFolder(tmp_path / "evidence")


def files_in(path: Path) -> list[Path]:
    return [item for item in path.rglob("*") if not item.is_dir()]


def path_of(tmp_path: Path, name: str) -> Path:
    return tmp_path / "evidence" / name[:2] / name[2:4] / name


class Trickle(io.RawIOBase):
    """A stream that gives at most 7 bytes at a time."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def read(self, size: int = -1) -> bytes:
        return self._content.read(7)


class Failing(io.RawIOBase):
    """A stream that gives some bytes and then answers as told."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self._read_before = False

    def read(self, size: int = -1) -> Any:
        if not self._read_before:
            self._read_before = True
            return b"some bytes"
        if isinstance(self._answer, BaseException):
            raise self._answer
        return self._answer


@pytest.mark.parametrize("source", ["stream", "trickle", "path"])
def test_a_stored_file_is_described_by_what_was_received(tmp_path: Path, folder: EvidenceFolder, source: str) -> None:
    original = tmp_path / "photo 照片.txt"
    original.write_bytes(PHOTO)
    sources: dict[str, Any] = {"stream": io.BytesIO(PHOTO), "trickle": Trickle(PHOTO), "path": original}

    stored = folder.store(sources[source], size_max=LIMIT)

    assert (stored.sha256, stored.size, stored.media_type) == (sha256(PHOTO).digest(), len(PHOTO), "image/jpeg")
    with folder.open(stored.name) as stream:
        assert stream.read() == PHOTO
    assert original.read_bytes() == PHOTO


def test_names_are_random_and_the_original_name_is_nowhere(tmp_path: Path, folder: EvidenceFolder) -> None:
    (tmp_path / "secret-name.jpg").write_bytes(PHOTO)

    names = {folder.store(tmp_path / "secret-name.jpg", size_max=LIMIT).name for _ in range(20)}

    assert len(names) == 20
    assert all(re.fullmatch("[0-9a-f]{32}", name) for name in names)
    assert {item.name for item in files_in(tmp_path / "evidence")} == names


def test_only_the_owner_can_read_what_is_stored(tmp_path: Path, folder: EvidenceFolder) -> None:
    before = os.umask(0)
    try:
        stored = folder.store(io.BytesIO(PHOTO), size_max=LIMIT)
    finally:
        os.umask(before)

    path = path_of(tmp_path, stored.name)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for above in (path.parent, path.parent.parent, tmp_path / "evidence", tmp_path / "evidence" / "incoming"):
        assert stat.S_IMODE(above.stat().st_mode) == 0o700


@pytest.mark.parametrize("size", [1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1])
def test_a_file_of_exactly_the_limit_is_taken_and_one_more_byte_is_not(
    tmp_path: Path, folder: EvidenceFolder, size: int
) -> None:
    stored = folder.store(io.BytesIO(b"a" * size), size_max=size)

    with pytest.raises(EvidenceTooLargeError, match=str(size)):
        folder.store(io.BytesIO(b"a" * (size + 1)), size_max=size)

    assert stored.size == size
    assert [item.name for item in files_in(tmp_path / "evidence")] == [stored.name]


def test_a_file_without_bytes_is_refused_and_leaves_nothing(tmp_path: Path, folder: EvidenceFolder) -> None:
    (tmp_path / "empty.jpg").touch()

    with pytest.raises(EvidenceEmptyError, match=r"empty\.jpg has no bytes"):
        folder.store(tmp_path / "empty.jpg", size_max=LIMIT)
    with pytest.raises(EvidenceEmptyError):
        folder.store(io.BytesIO(b""), size_max=LIMIT)

    assert files_in(tmp_path / "evidence") == []


def test_what_is_no_readable_file_is_missing(tmp_path: Path, folder: EvidenceFolder) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")

    for source in (tmp_path / "absent.jpg", tmp_path, tmp_path / "pipe", tmp_path / "loop", Path("a\x00b")):
        with pytest.raises(EvidenceMissingError) as caught:
            folder.store(source, size_max=LIMIT)
        assert str(source) in caught.value.message

    assert files_in(tmp_path / "evidence") == []


def test_a_link_to_a_photo_is_read_because_its_owner_named_it(tmp_path: Path, folder: EvidenceFolder) -> None:
    (tmp_path / "photo.jpg").write_bytes(PHOTO)
    (tmp_path / "link.jpg").symlink_to("photo.jpg")

    assert folder.store(tmp_path / "link.jpg", size_max=LIMIT).size == len(PHOTO)


@pytest.mark.parametrize("answer", [OSError(errno.EIO, "Input/output error"), ValueError("closed"), None, "text"])
def test_a_stream_that_breaks_leaves_nothing(tmp_path: Path, folder: EvidenceFolder, answer: Any) -> None:
    with pytest.raises(EvidenceMissingError):
        folder.store(Failing(answer), size_max=LIMIT)

    assert files_in(tmp_path / "evidence") == []
    assert folder.store(Failing(b""), size_max=LIMIT).size == len(b"some bytes")


def test_an_interrupted_upload_leaves_nothing(tmp_path: Path, folder: EvidenceFolder) -> None:
    with pytest.raises(KeyboardInterrupt):
        folder.store(Failing(KeyboardInterrupt()), size_max=LIMIT)

    assert files_in(tmp_path / "evidence") == []


def test_an_unchanged_file_verifies(folder: EvidenceFolder) -> None:
    stored = folder.store(io.BytesIO(PHOTO), size_max=LIMIT)

    folder.verify(stored.name, stored.sha256, stored.size)


@pytest.mark.parametrize("change", ["one bit", "one byte more", "one byte less"])
def test_a_changed_file_does_not_verify(tmp_path: Path, folder: EvidenceFolder, change: str) -> None:
    stored = folder.store(io.BytesIO(PHOTO), size_max=LIMIT)
    path = path_of(tmp_path, stored.name)
    changed = {
        "one bit": PHOTO[:-1] + bytes([PHOTO[-1] ^ 1]),
        "one byte more": PHOTO + b"\x00",
        "one byte less": PHOTO[:-1],
    }
    path.write_bytes(changed[change])

    with pytest.raises(EvidenceMismatchError, match=stored.name):
        folder.verify(stored.name, stored.sha256, stored.size)


def test_an_erased_file_is_gone_and_the_others_stay(tmp_path: Path, folder: EvidenceFolder) -> None:
    erased, kept = (folder.store(io.BytesIO(PHOTO), size_max=LIMIT) for _ in range(2))

    folder.erase(erased.name)

    assert [item.name for item in files_in(tmp_path / "evidence")] == [kept.name]
    for act in (folder.open, folder.erase, lambda name: folder.verify(name, erased.sha256, erased.size)):
        with pytest.raises(EvidenceMissingError):
            act(erased.name)
    folder.verify(kept.name, kept.sha256, kept.size)


@pytest.mark.parametrize(
    "name", ["", "..", "../../etc/passwd", "a" * 31, "a" * 33, "A" * 32, "/" + "a" * 31, "a" * 32 + "\n", "é" * 32]
)
def test_what_is_no_store_name_opens_and_erases_nothing(folder: EvidenceFolder, name: str) -> None:
    for act in (folder.open, folder.erase):
        with pytest.raises(EvidenceMissingError, match="32 lower-case hex digits"):
            act(name)


def test_a_name_that_was_never_given_is_missing(folder: EvidenceFolder) -> None:
    with pytest.raises(EvidenceMissingError):
        folder.open("ab" * 16)

    folder.store(io.BytesIO(PHOTO), size_max=LIMIT)

    for act in (folder.open, folder.erase):
        with pytest.raises(EvidenceMissingError):
            act("ab" * 16)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_symbolic_link_inside_the_folder_is_not_followed(tmp_path: Path, folder: EvidenceFolder, level: int) -> None:
    stored = folder.store(io.BytesIO(PHOTO), size_max=LIMIT)
    path = path_of(tmp_path, stored.name)
    linked = [path.parent.parent, path.parent, path][level]
    linked.rename(tmp_path / "elsewhere")
    linked.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(EvidenceMissingError):
        folder.open(stored.name)


def test_the_folder_itself_may_be_a_link_to_another_disk(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "evidence").symlink_to("disk")
    folder = EvidenceFolder(tmp_path / "evidence")

    stored = folder.store(io.BytesIO(PHOTO), size_max=LIMIT)

    folder.verify(stored.name, stored.sha256, stored.size)


def test_orphans_are_the_files_that_nobody_knows(tmp_path: Path, folder: EvidenceFolder) -> None:
    assert list(folder.orphans(set())) == []
    names = sorted(folder.store(io.BytesIO(PHOTO), size_max=LIMIT).name for _ in range(5))
    path_of(tmp_path, names[0]).with_name("notes.txt").write_text("no stored file")

    assert list(folder.orphans(set(names))) == []
    assert list(folder.orphans(set(names[1:-1]))) == [names[0], names[-1]]


@contextmanager
def unprivileged() -> Iterator[None]:
    """Act as a user for whom permissions count (root passes by them)."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that everybody may enter."""
    path = tmp_path_factory.mktemp("open")
    enter = stat.S_IXGRP | stat.S_IXOTH
    modes = [(above, stat.S_IMODE(above.stat().st_mode)) for above in (path, *path.parents)]
    modes = [(above, mode) for above, mode in modes if mode & enter != enter]
    for above, mode in modes:
        above.chmod(mode | enter)
    path.chmod(0o777)
    yield path
    for above, mode in modes:
        above.chmod(mode)


def test_a_folder_that_may_only_be_read_is_named_and_reading_goes_on(open_folder: Path) -> None:
    with unprivileged():
        folder = EvidenceFolder(open_folder / "evidence")
        stored = folder.store(io.BytesIO(PHOTO), size_max=LIMIT)
        every = [open_folder / "evidence", *(p for p in (open_folder / "evidence").rglob("*") if p.is_dir())]
        for below in every:
            below.chmod(0o500)
        try:
            reopened = EvidenceFolder(open_folder / "evidence")
            with pytest.raises(StoreReadOnlyError, match="cannot be written"):
                reopened.store(io.BytesIO(PHOTO), size_max=LIMIT)
            with pytest.raises(StoreReadOnlyError):
                reopened.erase(stored.name)
            reopened.verify(stored.name, stored.sha256, stored.size)
        finally:
            for below in every:
                below.chmod(0o700)
        folder.store(io.BytesIO(PHOTO), size_max=LIMIT)


def test_a_file_without_read_permission_is_missing(open_folder: Path) -> None:
    (open_folder / "photo.jpg").write_bytes(PHOTO)
    (open_folder / "photo.jpg").chmod(0o000)

    with unprivileged(), pytest.raises(EvidenceMissingError, match="permission denied"):
        EvidenceFolder(open_folder / "evidence").store(open_folder / "photo.jpg", size_max=LIMIT)


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path: Path, folder: EvidenceFolder) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    content = b"a" * (3 * CHUNK_BYTES)
    resource.setrlimit(resource.RLIMIT_FSIZE, (CHUNK_BYTES, hard))
    try:
        with pytest.raises(StorageFullError, match="no space is left"):
            folder.store(io.BytesIO(content), size_max=LIMIT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert files_in(tmp_path / "evidence") == []
    assert folder.store(io.BytesIO(content), size_max=LIMIT).size == len(content)


def test_a_folder_that_is_a_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "evidence").write_text("no folder")

    with pytest.raises(StoreError, match="cannot take the file"):
        EvidenceFolder(tmp_path / "evidence").store(io.BytesIO(PHOTO), size_max=LIMIT)


def test_a_folder_swapped_for_a_link_takes_no_file(tmp_path: Path, folder: EvidenceFolder) -> None:
    folder.store(io.BytesIO(PHOTO), size_max=LIMIT)
    (tmp_path / "evidence" / "incoming").rmdir()
    (tmp_path / "evidence" / "incoming").symlink_to(tmp_path)

    with pytest.raises(StoreError):
        folder.store(io.BytesIO(PHOTO), size_max=LIMIT)


def test_the_right_content_under_a_wrong_size_does_not_verify(folder: EvidenceFolder) -> None:
    stored = folder.store(io.BytesIO(PHOTO), size_max=LIMIT)

    with pytest.raises(EvidenceMismatchError, match=f"{len(PHOTO) + 1} were recorded"):
        folder.verify(stored.name, stored.sha256, stored.size + 1)


def test_no_refusal_leaves_a_file_open(tmp_path: Path, folder: EvidenceFolder) -> None:
    descriptors = Path("/dev/fd")
    if not descriptors.is_dir():
        pytest.skip("this system does not list open descriptors")
    stored = folder.store(io.BytesIO(PHOTO), size_max=LIMIT)
    os.mkfifo(tmp_path / "pipe")
    before = len(list(descriptors.iterdir()))

    for source in (tmp_path, tmp_path / "pipe", tmp_path / "absent", Failing(None), io.BytesIO(b""), io.BytesIO(PHOTO)):
        with pytest.raises(EvidenceError):
            folder.store(source, size_max=1)
    for name in ("ab" * 16, "..", stored.name[:4] + "ab" * 14):
        with pytest.raises(EvidenceMissingError):
            folder.open(name)
    EvidenceFolder(tmp_path / "evidence").verify(stored.name, stored.sha256, stored.size)

    assert len(list(descriptors.iterdir())) == before


def test_a_link_is_one_more_name_and_erasing_one_leaves_the_other(tmp_path: Path, folder: EvidenceFolder) -> None:
    stored = folder.store(io.BytesIO(PHOTO), size_max=LIMIT)

    first, second = folder.link(stored.name), folder.link(stored.name)

    assert len({stored.name, first, second}) == 3
    assert folder.names_of(first) == 3
    for erased, left in ((stored.name, first), (first, second)):
        folder.erase(erased)
        folder.verify(left, stored.sha256, stored.size)
        with pytest.raises(EvidenceMissingError):
            folder.open(erased)
    assert [item.name for item in files_in(tmp_path / "evidence")] == [second]
    assert (folder.names_of(second), folder.names_of(first)) == (1, 0)


@pytest.mark.parametrize("reason", [errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP])
def test_where_the_disk_takes_no_link_the_file_is_copied(
    folder: EvidenceFolder, monkeypatch: pytest.MonkeyPatch, reason: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(reason, os.strerror(reason))

    stored = folder.store(io.BytesIO(PHOTO), size_max=LIMIT)
    monkeypatch.setattr(os, "link", refuse)

    copied = folder.link(stored.name)

    assert folder.names_of(copied) == folder.names_of(stored.name) == 1
    folder.verify(copied, stored.sha256, stored.size)


def test_a_disk_that_is_full_of_names_is_told_and_nothing_is_left(
    tmp_path: Path, folder: EvidenceFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    stored = folder.store(io.BytesIO(PHOTO), size_max=LIMIT)
    monkeypatch.setattr(os, "link", refuse)

    with pytest.raises(StorageFullError):
        folder.link(stored.name)

    assert [item.name for item in files_in(tmp_path / "evidence")] == [stored.name]


def test_what_is_not_there_or_no_file_is_not_linked(tmp_path: Path, folder: EvidenceFolder) -> None:
    stored = folder.store(io.BytesIO(PHOTO), size_max=LIMIT)
    path_of(tmp_path, stored.name).rename(tmp_path / "elsewhere")
    path_of(tmp_path, stored.name).symlink_to(tmp_path / "elsewhere")

    for name in (stored.name, "ab" * 16, "../../etc/passwd"):
        with pytest.raises(EvidenceMissingError):
            folder.link(name)
    assert folder.names_of("../../etc/passwd") == 0


def test_a_verified_file_is_the_very_one_that_was_checked_at_its_beginning(
    tmp_path: Path, folder: EvidenceFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever opens the name a second time finds another file."""
    stored = folder.store(io.BytesIO(PHOTO), size_max=LIMIT)
    real = os.open

    def swapped_after(path: Any, *arguments: Any, **keywords: Any) -> int:
        descriptor = real(path, *arguments, **keywords)
        if path == stored.name:
            (tmp_path / "other").write_bytes(b"x" * len(PHOTO))
            (tmp_path / "other").rename(path_of(tmp_path, stored.name))
        return descriptor

    monkeypatch.setattr(os, "open", swapped_after)

    with folder.open_verified(stored.name, stored.sha256, stored.size) as stream:
        assert stream.read() == PHOTO
    with pytest.raises(EvidenceMismatchError):
        folder.open_verified(stored.name, stored.sha256, stored.size)


def test_a_file_that_is_pushed_is_the_one_that_was_announced_or_none(tmp_path: Path, folder: EvidenceFolder) -> None:
    incoming, other = folder.begin(size_max=LIMIT), folder.begin(size_max=LIMIT, what="the upload")
    for part in (PHOTO[:7], b"", PHOTO[7:]):
        incoming.write(part)
        other.write(part)

    stored = incoming.finish(sha256(PHOTO).digest())
    with pytest.raises(EvidenceMismatchError, match=r"the upload has the SHA-256 [0-9a-f]{64}, 00"):
        other.finish(bytes(32))
    other.abandon()
    other.abandon()
    incoming.abandon()

    assert incoming.size == len(PHOTO)
    assert [item.name for item in files_in(tmp_path / "evidence")] == [stored.name]
