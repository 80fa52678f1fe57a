"""Whatever kills the process, a stored file is whole or invisible; and memory stays small."""

from __future__ import annotations

import fcntl
import io
import os
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from ledger_service.evidence.folder import EvidenceFolder

LIMIT = 300_000_000
CONTENT = b"evidence " * 200_000

# The child kills itself inside the n-th call of one function of `os` while it stores a file.
KILLED_WITHIN = """
import io, os, signal, sys
from pathlib import Path
from ledger_service.evidence.folder import EvidenceFolder

name, place = sys.argv[2], int(sys.argv[3])
real, calls = getattr(os, name), 0

def counted(*arguments, **keywords):
    global calls
    calls += 1
    if calls == place:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **keywords)

folder = EvidenceFolder(Path(sys.argv[1]))
setattr(os, name, counted)
folder.store(io.BytesIO(b"evidence " * 200_000), size_max=300_000_000)
print("stored")
"""

# The high-water mark of the child's memory, in KiB: after storing, after verifying, after holding the file whole.
STREAMED = """
import re, sys
from pathlib import Path
from ledger_service.evidence.folder import EvidenceFolder

def most_memory_kib():
    return int(re.search("VmHWM:\\s+([0-9]+) kB", Path("/proc/self/status").read_text())[1])

class Long:
    left = 200_000_000
    def read(self, size):
        size = min(size, self.left)
        self.left -= size
        return b"x" * size

folder = EvidenceFolder(Path(sys.argv[1]))
before = most_memory_kib()
stored = folder.store(Long(), size_max=300_000_000)
storing = most_memory_kib() - before
folder.verify(stored.name, stored.sha256, stored.size)
verifying = most_memory_kib() - before
whole = Long().read(200_000_000)
print(stored.size, storing, verifying, most_memory_kib() - before)
"""


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False, timeout=120
    )


def visible(path: Path) -> list[Path]:
    return [item for item in path.rglob("*") if item.is_file() and item.parent.name != "incoming"]


@pytest.mark.parametrize(
    ("function", "place"),
    [("write", 1), ("write", 4), ("fsync", 1), ("fsync", 2), ("fsync", 3), ("fsync", 4), ("rename", 1)],
)
def test_a_process_killed_before_the_rename_leaves_nothing_visible(tmp_path: Path, function: str, place: int) -> None:
    path = tmp_path / "evidence"

    done = run(KILLED_WITHIN, str(path), function, str(place))

    assert done.returncode == -signal.SIGKILL
    assert visible(path) == []
    EvidenceFolder(path)
    assert [item for item in path.rglob("*") if item.is_file()] == []


def test_a_process_killed_after_the_rename_leaves_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "evidence"
    last_fsync = 6  # evidence, incoming, the file, ab, ab/cd, then the folder that now holds the name

    done = run(KILLED_WITHIN, str(path), "fsync", str(last_fsync))

    assert done.returncode == -signal.SIGKILL
    (stored,) = visible(path)
    EvidenceFolder(path).verify(stored.name, sha256(CONTENT).digest(), len(CONTENT))
    assert list(EvidenceFolder(path).orphans(set())) == [stored.name]


def test_the_kill_is_what_makes_the_difference(tmp_path: Path) -> None:
    done = run(KILLED_WITHIN, str(tmp_path / "evidence"), "fsync", "7")

    assert (done.returncode, done.stdout) == (0, "stored\n")
    assert len(visible(tmp_path / "evidence")) == 1


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not tell the most memory used")
def test_200_megabytes_stream_through_little_memory(tmp_path: Path) -> None:
    done = run(STREAMED, str(tmp_path / "evidence"))

    assert done.returncode == 0, done.stderr
    size, storing_kib, verifying_kib, whole_kib = map(int, done.stdout.split())
    assert size == 200_000_000
    assert storing_kib < 8 * 1024
    assert verifying_kib < 8 * 1024
    assert whole_kib > 190_000  # the measure would have seen it


def test_opening_the_folder_spares_what_another_process_is_writing(tmp_path: Path) -> None:
    path = tmp_path / "evidence"
    EvidenceFolder(path).store(io.BytesIO(CONTENT), size_max=LIMIT)
    left_behind, being_written, foreign = (path / "incoming" / name for name in ("ab" * 16, "cd" * 16, "notes.txt"))
    for item in (left_behind, being_written, foreign):
        item.write_bytes(b"half a fi")

    descriptor = os.open(being_written, os.O_WRONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        EvidenceFolder(path)
        assert sorted((path / "incoming").iterdir()) == [being_written, foreign]
    finally:
        os.close(descriptor)

    EvidenceFolder(path)
    assert list((path / "incoming").iterdir()) == [foreign]


def test_a_file_taken_for_left_behind_before_it_was_locked_is_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "evidence"
    real = fcntl.flock
    begun: list[Path] = []

    def open_folder_first(descriptor: int, operation: int) -> None:
        if operation == fcntl.LOCK_EX and not begun:
            begun.extend((path / "incoming").iterdir())
            EvidenceFolder(path)
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", open_folder_first)
    stored = EvidenceFolder(path).store(io.BytesIO(CONTENT), size_max=LIMIT)

    assert len(begun) == 1
    assert begun[0].name != stored.name
    EvidenceFolder(path).verify(stored.name, stored.sha256, stored.size)


def test_a_folder_opened_while_a_file_streams_in_leaves_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "evidence"

    class Reopening(io.RawIOBase):
        left = 3

        def read(self, size: int = -1) -> bytes:
            EvidenceFolder(path)
            self.left -= 1
            return b"x" * 1000 if self.left else b""

    stored = EvidenceFolder(path).store(Reopening(), size_max=LIMIT)

    assert stored.size == 2000
    EvidenceFolder(path).verify(stored.name, stored.sha256, stored.size)
