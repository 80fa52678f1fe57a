"""A trial on a small or read-only disk, run as a program in a mount namespace of its own; prints one JSON document.

    unshare -rm python -m tests.cli.small_disk full|readonly HOME FOLDER

`FOLDER` becomes a file system in memory that holds a copy of the ledger in `HOME`; nobody else sees it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.cli.program import BUYER, REQUEST, Program

SIZE = "4m"
FREE_BYTES = (0, 4_096, 12_288, 28_672, 61_440, 126_976, 258_048)
PHOTO_BYTES = 20_000
CHUNK = bytes(4096)


def record(rledger: Program, photo: Path) -> dict[str, Any]:
    """Try one step; how it ended."""
    ended = rledger(
        "record", "request_return", "--as", BUYER, "--fields", "-", "--evidence", f"product_photo={photo}",
        stdin=json.dumps(REQUEST).encode(),
    )  # fmt: skip
    return {"code": ended.code, "err": ended.err}


def fill(folder: Path, free: int) -> Path:
    """Leave so many bytes free."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as stream:
        try:
            while stream.write(CHUNK):
                pass
        except OSError:
            stream.truncate(max(0, filler.stat().st_size - free))
    return filler


def full(rledger: Program, folder: Path, photo: Path) -> list[dict[str, Any]]:
    """Try one step at each amount of free space; then what the ledger holds and what the audit says."""
    trials = []
    for free in FREE_BYTES:
        before = rledger.size()
        filler = fill(folder, free)
        trial = record(rledger, photo)
        filler.unlink()
        audited = rledger("audit", "--json")
        trials.append({**trial, "free": free, "grown": rledger.size() - before, "audit": audited.code})
    trials.append({**record(rledger, photo), "free": None, "grown": 1, "audit": rledger("audit").code})
    return trials


def readonly(rledger: Program, folder: Path, photo: Path) -> list[dict[str, Any]]:
    """Try to write and to read on a file system that cannot be written; then write where it can again."""
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    trials = [record(rledger, photo)]
    for words in (["worker", "--once"], ["deploy"], ["database", "upgrade"], ["show"], ["receipt", "1"], ["audit"]):
        ended = rledger(*words)
        trials.append({"words": words, "code": ended.code, "err": ended.err})
    subprocess.run(["mount", "-o", "remount,rw", folder], check=True)
    return [*trials, record(rledger, photo), {"code": rledger("audit").code, "err": ""}]


def main() -> None:
    """Mount, copy, try, print."""
    trial, home, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    photo = folder.with_name("photo.png")
    photo.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(PHOTO_BYTES))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "tmpfs", folder], check=True)
    shutil.copytree(home, folder / "home")
    rledger = Program(folder / "home").with_settings(disk_free_bytes_min="0")
    act = {"full": full, "readonly": readonly}[trial]
    sys.stdout.write(json.dumps(act(rledger, folder, photo)))


if __name__ == "__main__":
    main()
