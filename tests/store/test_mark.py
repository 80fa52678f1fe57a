"""The high-water mark: never back, never another root, never lost to a torn write."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ledger_service.core.merkle import EMPTY_ROOT
from ledger_service.errors import ContradictedError, LimitError, MissingMarkError, StoreError
from ledger_service.store.mark import SLOT_BYTES, HighWaterMark, Mark
from tests.store.drafts import digest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mark"


@pytest.fixture
def mark(path: Path) -> HighWaterMark:
    made = HighWaterMark(path)
    made.create()
    return made


def root(size: int) -> bytes:
    return digest("root", size)


def test_a_new_mark_stands_at_the_empty_log(mark: HighWaterMark) -> None:
    assert mark.read() == Mark(0, EMPTY_ROOT, b"")
    assert mark.path.stat().st_mode & 0o777 == 0o600


def test_advancing_is_read_back_by_everyone(mark: HighWaterMark, path: Path) -> None:
    for size in (1, 2, 7, 7, 100):
        mark.advance(b"note %d" % size, size, root(size))
        assert HighWaterMark(path).read() == Mark(size, root(size), b"note %d" % size)
    mark.close()


def test_the_mark_never_goes_back(mark: HighWaterMark) -> None:
    mark.advance(b"ten", 10, root(10))

    mark.advance(b"nine", 9, root(9))

    assert mark.read() == Mark(10, root(10), b"ten")


def test_another_root_for_the_same_size_is_refused(mark: HighWaterMark) -> None:
    mark.advance(b"ten", 10, root(10))

    with pytest.raises(ContradictedError):
        mark.advance(b"ten", 10, root(11))
    assert mark.read() == Mark(10, root(10), b"ten")


def test_a_missing_mark_is_not_made_by_itself(path: Path) -> None:
    missing = HighWaterMark(path)

    assert missing.read() is None
    with pytest.raises(MissingMarkError):
        missing.advance(b"one", 1, root(1))
    assert not path.exists()


def test_a_mark_that_was_removed_under_us_is_noticed(mark: HighWaterMark, path: Path) -> None:
    mark.advance(b"one", 1, root(1))
    path.unlink()

    with pytest.raises(MissingMarkError):
        mark.advance(b"two", 2, root(2))


def test_a_mark_that_was_replaced_under_us_is_the_one_that_counts(mark: HighWaterMark, path: Path) -> None:
    mark.advance(b"one", 1, root(1))
    other = HighWaterMark(path.with_name("other"))
    other.create(note=b"five", size=5, root=root(5))
    os.replace(other.path, path)  # noqa: PTH105 - the test speaks of the system call

    mark.advance(b"three", 3, root(3))

    assert HighWaterMark(path).read() == Mark(5, root(5), b"five")


def test_create_never_replaces_a_mark(mark: HighWaterMark) -> None:
    mark.advance(b"one", 1, root(1))

    with pytest.raises(StoreError, match="already"):
        mark.create()
    assert mark.read() == Mark(1, root(1), b"one")
    assert [entry.name for entry in mark.path.parent.iterdir()] == ["mark"]


def test_an_operator_may_accept_a_tree_head(path: Path) -> None:
    HighWaterMark(path).create(note=b"n", size=42, root=root(42))

    assert HighWaterMark(path).read() == Mark(42, root(42), b"n")


def test_a_note_that_does_not_fit_is_refused(mark: HighWaterMark, tmp_path: Path) -> None:
    with pytest.raises(LimitError):
        mark.advance(b"x" * SLOT_BYTES, 1, root(1))
    with pytest.raises(LimitError):
        HighWaterMark(tmp_path / "other").create(note=b"x" * SLOT_BYTES)
    mark.advance(b"x" * 3_000, 1, root(1))
    assert mark.read() == Mark(1, root(1), b"x" * 3_000)


@pytest.mark.parametrize("kept", [0, 1, 8, 16, 57, 100, SLOT_BYTES - 1])
def test_a_torn_write_leaves_the_mark_before_it(mark: HighWaterMark, path: Path, kept: int) -> None:
    """The slot of each write in turn is cut off after `kept` bytes, the rest being what stood there before."""
    contents = [path.read_bytes()]
    for size in range(1, 5):
        mark.advance(b"note %d" % size, size, root(size))
        contents.append(path.read_bytes())
    mark.close()
    for size in range(1, 5):
        before, after = contents[size - 1], contents[size]
        start = 0 if before[:SLOT_BYTES] != after[:SLOT_BYTES] else SLOT_BYTES
        torn = before[:start] + after[start : start + kept] + before[start + kept :]
        path.write_bytes(torn)

        found = HighWaterMark(path).read()

        assert found is not None
        assert found.size == (size if torn == after else size - 1)
        again = HighWaterMark(path)
        again.advance(b"again", size, root(size))
        again.close()
        assert HighWaterMark(path).read() == Mark(size, root(size), b"again" if torn != after else b"note %d" % size)


def test_every_flipped_bit_of_the_newest_slot_is_noticed(mark: HighWaterMark, path: Path) -> None:
    mark.advance(b"one", 1, root(1))
    mark.advance(b"two", 2, root(2))
    mark.close()
    whole = path.read_bytes()
    start = next(s for s in (0, SLOT_BYTES) if b"two" in whole[s : s + SLOT_BYTES])
    for offset in range(start, start + 58 + 3 + 32):
        for bit in (1, 128):
            spoiled = bytearray(whole)
            spoiled[offset] ^= bit
            path.write_bytes(spoiled)

            assert HighWaterMark(path).read() == Mark(1, root(1), b"one")


@pytest.mark.parametrize("content", [b"", b"\x00" * (2 * SLOT_BYTES), b"RLMARK1\n" * 1_024, b"short"])
def test_a_file_without_a_whole_slot_is_no_mark(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with pytest.raises(MissingMarkError, match="damaged"):
        HighWaterMark(path).read()
    with pytest.raises(MissingMarkError, match="damaged"):
        HighWaterMark(path).advance(b"one", 1, root(1))


def _advance_often(path: Path, first: int) -> None:
    mark = HighWaterMark(path)
    for size in range(first, 400, 2):
        mark.advance(b"%d" % size, size, root(size))
    mark.close()


def test_processes_that_advance_at_once_leave_the_highest(mark: HighWaterMark, path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_advance_often, args=(path, first)) for first in (1, 2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0

    assert mark.read() == Mark(399, root(399), b"399")


ADVANCE_FOREVER = """
import sys
from pathlib import Path
from ledger_service.store.mark import HighWaterMark
from tests.store.test_mark import root
mark = HighWaterMark(Path(sys.argv[1]))
size = int(sys.argv[2])
while True:
    size += 1
    mark.advance(b"note", size, root(size))
    print(size, flush=True)
"""


def test_a_killed_process_loses_no_mark_that_it_told(mark: HighWaterMark, path: Path) -> None:
    told = 0
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", ADVANCE_FOREVER, str(path), str(told)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(100):
            told = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        rest = process.communicate(timeout=60)[0].split("\n")[:-1]
        told = int(rest[-1]) if rest else told

        found = mark.read()

        assert found is not None
        assert found.size >= told
        assert found.root == root(found.size)
        told = found.size
