"""Files that come in parts: each begins where the last one ended, and the whole is the announced one, or nothing."""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.errors import (
    EvidenceEmptyError,
    EvidenceMismatchError,
    EvidenceTooLargeError,
    StorageFullError,
    StoreError,
)
from ledger_service.evidence.failures import UploadBusyError, UploadOffsetError
from ledger_service.evidence.folder import EvidenceFolder, StoredEvidence
from ledger_service.evidence.partial import PartialName

PHOTO = b"\xff\xd8\xff\xe0" + bytes(range(60))
SIZE = len(PHOTO)
OWNER, OTHER = b"o" * 32, b"p" * 32
NAME = PartialName(OWNER, sha256(PHOTO).digest())

# The child appends the second half of a file and dies within the n-th call of one function of `os`.
KILLED_WITHIN = """
import os, signal, sys
from hashlib import sha256
from pathlib import Path
from ledger_service.evidence.folder import EvidenceFolder
from ledger_service.evidence.partial import PartialName

content, name, place = b"evidence " * 100_000, sys.argv[2], int(sys.argv[3])
real, calls = getattr(os, name), 0

def counted(*arguments, **keywords):
    global calls
    calls += 1
    if calls == place:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **keywords)

part = PartialName(b"o" * 32, sha256(content).digest())
files = EvidenceFolder(Path(sys.argv[1])).partial
setattr(os, name, counted)
half = len(content) // 2
file = files.begin(part, offset=half, size=len(content))
file.write(content[half:])
stored = file.finish()
print(stored.name)
"""
LONG = b"evidence " * 100_000
LONG_NAME = PartialName(OWNER, sha256(LONG).digest())


@pytest.fixture
def folder(tmp_path: Path) -> EvidenceFolder:
    return EvidenceFolder(tmp_path / "evidence")


def send(
    folder: EvidenceFolder, content: bytes, offset: int, *, size: int = SIZE, name: PartialName = NAME
) -> StoredEvidence | None:
    """Send one part and finish it."""
    file = folder.partial.begin(name, offset=offset, size=size)
    try:
        file.write(content)
        return file.finish()
    finally:
        file.abandon()


def partial_files(tmp_path: Path) -> list[Path]:
    """Return the unfinished files that are there."""
    return sorted((tmp_path / "evidence" / "partial").glob("*"))


@pytest.mark.parametrize("cut", range(SIZE + 1))
def test_a_file_cut_anywhere_goes_on_there_and_is_whole(tmp_path: Path, folder: EvidenceFolder, cut: int) -> None:
    first = send(folder, PHOTO[:cut], 0)
    if first is None:
        assert folder.partial.length(NAME) == cut
        first = send(EvidenceFolder(tmp_path / "evidence"), PHOTO[cut:], cut)  # also after a restart

    assert first is not None
    assert (first.sha256, first.size, first.media_type) == (sha256(PHOTO).digest(), SIZE, "image/jpeg")
    folder.verify(first.name, first.sha256, first.size)
    assert partial_files(tmp_path) == []
    assert folder.partial.length(NAME) == 0


@given(cuts=st.lists(st.integers(0, SIZE), max_size=6))
def test_any_number_of_parts_makes_the_same_file(tmp_path_factory: pytest.TempPathFactory, cuts: list[int]) -> None:
    folder = EvidenceFolder(tmp_path_factory.mktemp("parts"))
    edges = [0, *sorted(cuts), SIZE]
    stored = None

    for start, end in pairwise(edges):
        if stored is None:
            stored = send(folder, PHOTO[start:end], start)

    assert stored is not None
    folder.verify(stored.name, sha256(PHOTO).digest(), SIZE)


@pytest.mark.parametrize("offset", [0, 1, 9, 11, SIZE, SIZE + 1])
def test_a_part_that_begins_elsewhere_is_told_where_to_go_on(folder: EvidenceFolder, offset: int) -> None:
    send(folder, PHOTO[:10], 0)

    with pytest.raises(UploadOffsetError, match="10 bytes of the file are here") as caught:
        send(folder, PHOTO[offset : offset + 5], offset)

    assert (caught.value.offset, caught.value.hint) == (10, "go on at byte 10")
    assert folder.partial.length(NAME) == 10
    assert send(folder, PHOTO[10:], 10) is not None


def test_a_part_in_the_middle_of_nothing_leaves_nothing(tmp_path: Path, folder: EvidenceFolder) -> None:
    with pytest.raises(UploadOffsetError) as caught:
        send(folder, PHOTO[10:], 10)

    assert caught.value.offset == 0
    assert send(folder, b"", 0) is None
    assert partial_files(tmp_path) == []


@pytest.mark.parametrize("change", ["one bit", "reordered", "shorter"])
def test_what_is_not_the_announced_file_is_removed(tmp_path: Path, folder: EvidenceFolder, change: str) -> None:
    changed = {"one bit": PHOTO[:-1] + bytes([PHOTO[-1] ^ 1]), "reordered": PHOTO[::-1], "shorter": PHOTO[:-1]}[change]
    send(folder, changed[:20], 0, size=len(changed))

    with pytest.raises(EvidenceMismatchError, match="was announced") as caught:
        send(folder, changed[20:], 20, size=len(changed))

    assert "from its beginning" in caught.value.hint
    assert partial_files(tmp_path) == []
    assert list(folder.orphans(())) == []
    assert send(folder, PHOTO, 0) is not None


def test_a_size_announced_too_small_later_is_not_the_file(tmp_path: Path, folder: EvidenceFolder) -> None:
    send(folder, PHOTO[:40], 0)
    file = folder.partial.begin(NAME, offset=40, size=30)

    with pytest.raises(EvidenceTooLargeError):
        file.write(b"x")
    with pytest.raises(EvidenceMismatchError):
        file.finish()

    assert partial_files(tmp_path) == []


def test_more_bytes_than_announced_are_not_taken(folder: EvidenceFolder) -> None:
    with pytest.raises(EvidenceTooLargeError, match=f"more than the {SIZE} bytes"):
        send(folder, PHOTO + b"x", 0)
    with pytest.raises(EvidenceEmptyError):
        send(folder, b"", 0, size=0)

    assert folder.partial.length(NAME) == 0


def test_two_writers_do_not_mix(folder: EvidenceFolder) -> None:
    first = folder.partial.begin(NAME, offset=0, size=SIZE)
    first.write(PHOTO[:10])

    with pytest.raises(UploadBusyError, match="another request"):
        folder.partial.begin(NAME, offset=10, size=SIZE)
    other = send(folder, PHOTO, 0, name=PartialName(OTHER, NAME.sha256))  # another party's file is another file

    first.write(PHOTO[10:])
    assert first.finish() is not None
    assert other is not None


def test_of_many_writers_at_once_one_stores_the_file(tmp_path: Path, folder: EvidenceFolder) -> None:
    """Each tries what a client tries; whoever is late is told so, and no file has mixed content."""
    outcomes: list[str] = []
    start = threading.Barrier(8)

    def client() -> None:
        start.wait()
        try:
            stored = send(folder, LONG, 0, size=len(LONG), name=LONG_NAME)
        except (UploadBusyError, UploadOffsetError) as error:
            outcomes.append(type(error).__name__)
        else:
            assert stored is not None
            folder.verify(stored.name, LONG_NAME.sha256, len(LONG))
            outcomes.append("stored")

    threads = [threading.Thread(target=client) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(outcomes) == 8
    assert outcomes.count("stored") == len(list(folder.orphans(()))) >= 1
    assert partial_files(tmp_path) == []


@contextmanager
def opened_before(path: Path) -> Iterator[None]:
    """Hold the file open, as a writer that waits for the lock does."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        yield
    finally:
        os.close(descriptor)


def test_a_writer_that_opened_the_file_before_it_was_stored_does_not_touch_it(
    tmp_path: Path, folder: EvidenceFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other writer stores the file between our opening it and our lock: we begin anew, beside it."""
    send(folder, PHOTO[:10], 0)
    real, stored = fcntl.flock, []

    def late(descriptor: int, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", real)
        stored.append(send(folder, PHOTO[10:], 10))
        real(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(UploadOffsetError) as caught:
        folder.partial.begin(NAME, offset=10, size=SIZE)

    assert caught.value.offset == 0
    (whole,) = stored
    assert whole is not None
    folder.verify(whole.name, NAME.sha256, SIZE)


def test_a_name_that_a_power_cut_left_beside_the_stored_file_is_not_written_to(
    tmp_path: Path, folder: EvidenceFolder
) -> None:
    whole = send(folder, PHOTO, 0)
    assert whole is not None
    path = tmp_path / "evidence" / whole.name[:2] / whole.name[2:4] / whole.name
    os.link(path, tmp_path / "evidence" / "partial" / str(NAME))

    with pytest.raises(UploadOffsetError) as caught:
        folder.partial.begin(NAME, offset=SIZE, size=SIZE + 1)

    assert caught.value.offset == 0
    folder.verify(whole.name, NAME.sha256, SIZE)


def test_what_came_before_a_cut_stays_and_is_for_its_owner_alone(tmp_path: Path, folder: EvidenceFolder) -> None:
    before = os.umask(0)
    try:
        file = folder.partial.begin(NAME, offset=0, size=SIZE)
    finally:
        os.umask(before)
    file.write(PHOTO[:10])
    file.abandon()
    file.abandon()

    (path,) = partial_files(tmp_path)
    assert path.read_bytes() == PHOTO[:10]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.name == str(NAME)
    assert NAME.sha256.hex()[:8] not in path.name
    assert list(folder.orphans(())) == []


def test_what_an_owner_has_here_is_counted(folder: EvidenceFolder) -> None:
    assert folder.partial.held(OWNER) == 0
    send(folder, PHOTO[:10], 0)
    send(folder, PHOTO[:7], 0, name=PartialName(OWNER, b"2" * 32))
    send(folder, PHOTO[:5], 0, name=PartialName(OTHER, NAME.sha256))

    assert (folder.partial.held(OWNER), folder.partial.held(OTHER)) == (17, 5)


def test_what_nobody_went_on_with_expires_unless_somebody_writes(tmp_path: Path, folder: EvidenceFolder) -> None:
    names = [PartialName(OWNER, bytes([n]) * 32) for n in range(3)]
    for name in names:
        send(folder, PHOTO[:10], 0, name=name)
    paths = {name: tmp_path / "evidence" / "partial" / str(name) for name in names}
    for old in names[:2]:
        os.utime(paths[old], (1_000, 1_000))
    (tmp_path / "evidence" / "partial" / "notes.txt").write_text("not ours")
    being_written = folder.partial.begin(names[1], offset=10, size=SIZE)

    gone = folder.partial.purge(before=2_000)
    being_written.abandon()

    assert gone == 1
    assert [paths[name].exists() for name in names] == [False, True, True]
    assert folder.partial.purge(before=2_000) == 1
    assert (tmp_path / "evidence" / "partial" / "notes.txt").exists()
    assert EvidenceFolder(tmp_path / "nothing").partial.purge(before=2_000) == 0


def test_a_purge_spares_a_file_that_took_the_place_of_an_old_one(
    tmp_path: Path, folder: EvidenceFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old one is stored, and the next begun, between the purge's opening it and its lock."""
    send(folder, PHOTO[:10], 0)
    os.utime(tmp_path / "evidence" / "partial" / str(NAME), (1_000, 1_000))
    real = fcntl.flock

    def late(descriptor: int, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", real)
        send(folder, PHOTO[10:], 10)
        send(folder, PHOTO[:5], 0)
        os.utime(descriptor, (1_000, 1_000))
        real(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", late)

    assert folder.partial.purge(before=2_000) == 0
    assert folder.partial.length(NAME) == 5


def test_what_must_be_forgotten_goes_by_owner_by_content_or_both(folder: EvidenceFolder) -> None:
    names = [PartialName(owner, bytes([n]) * 32) for owner in (OWNER, OTHER) for n in range(3)]

    def fill() -> None:
        for name in names:
            if not folder.partial.length(name):
                send(folder, PHOTO[:10], 0, name=name)

    for arguments, gone in (
        ({"owner": OWNER}, {0, 1, 2}),
        ({"sha256": bytes(32)}, {0, 3}),
        ({"owner": OTHER, "sha256": bytes(32)}, {3}),
    ):
        fill()
        assert folder.partial.forget(**arguments) == len(gone)
        assert {n for n, name in enumerate(names) if not folder.partial.length(name)} == gone


def test_a_full_disk_keeps_what_came_and_the_rest_goes_on_later(tmp_path: Path, folder: EvidenceFolder) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
    try:
        with pytest.raises(StorageFullError, match="no space is left"):
            send(folder, LONG, 0, size=len(LONG), name=LONG_NAME)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    here = folder.partial.length(LONG_NAME)
    assert here == 400_000
    assert send(folder, LONG[here:], here, size=len(LONG), name=LONG_NAME) is not None


def test_a_folder_that_is_a_file_or_a_link_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / "partial").symlink_to(tmp_path)

    for place in ("file", "evidence"):
        with pytest.raises(StoreError):
            send(EvidenceFolder(tmp_path / place), PHOTO, 0)
        with pytest.raises(StoreError):
            EvidenceFolder(tmp_path / place).partial.held(OWNER)


def test_no_refusal_leaves_a_file_open(folder: EvidenceFolder) -> None:
    descriptors = Path("/dev/fd")
    if not descriptors.is_dir():
        pytest.skip("this system does not list open descriptors")
    before = len(list(descriptors.iterdir()))

    held = folder.partial.begin(NAME, offset=0, size=SIZE)
    for _ in range(3):
        with pytest.raises(UploadBusyError):
            folder.partial.begin(NAME, offset=0, size=SIZE)
    held.write(PHOTO[:10])
    held.abandon()
    for offset in (0, 11):
        with pytest.raises(UploadOffsetError):
            send(folder, b"", offset)
    with pytest.raises(EvidenceMismatchError):
        send(folder, PHOTO[: SIZE - 10], 10)
    send(folder, PHOTO, 0)
    folder.partial.held(OWNER)
    folder.partial.purge(before=0)

    assert len(list(descriptors.iterdir())) == before


def begun(path: Path) -> EvidenceFolder:
    """Return a folder in which the first half of the long file has come."""
    folder = EvidenceFolder(path)
    half = len(LONG) // 2
    send(folder, LONG[:half], 0, size=len(LONG), name=LONG_NAME)
    return folder


def killed(path: Path, function: str, place: int) -> subprocess.CompletedProcess[str]:
    """Send the second half in a process that dies."""
    return subprocess.run(
        [sys.executable, "-c", KILLED_WITHIN, str(path), function, str(place)],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


# Calls of fsync: evidence (for partial/), partial/, the file, ab, ab/cd, then the folder that has the new name.
@pytest.mark.parametrize(
    ("function", "place"), [("write", 1), ("fsync", 3), ("pread", 1), ("pread", 4), ("fsync", 4), ("rename", 1)]
)
def test_a_process_killed_before_the_rename_leaves_a_part_that_goes_on(
    tmp_path: Path, function: str, place: int
) -> None:
    path = tmp_path / "evidence"
    begun(path)

    assert killed(path, function, place).returncode == -signal.SIGKILL

    folder = EvidenceFolder(path)
    assert list(folder.orphans(())) == []
    here = folder.partial.length(LONG_NAME)
    assert here >= len(LONG) // 2
    stored = send(folder, LONG[here:], here, size=len(LONG), name=LONG_NAME)
    assert stored is not None
    folder.verify(stored.name, LONG_NAME.sha256, len(LONG))


def test_a_process_killed_after_the_rename_leaves_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "evidence"
    begun(path)

    assert killed(path, "fsync", 6).returncode == -signal.SIGKILL

    folder = EvidenceFolder(path)
    (name,) = folder.orphans(())
    folder.verify(name, LONG_NAME.sha256, len(LONG))
    assert folder.partial.length(LONG_NAME) == 0


def test_the_kill_is_what_makes_the_difference(tmp_path: Path) -> None:
    path = tmp_path / "evidence"
    folder = begun(path)

    done = killed(path, "fsync", 7)

    assert done.returncode == 0, done.stderr
    assert list(folder.orphans(())) == [done.stdout.strip()]
