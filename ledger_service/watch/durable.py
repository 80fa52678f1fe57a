"""A small document in a folder that no power cut takes away: written beside, synced, renamed, the one before it kept.

Promises: `write` is durable when it returns; `read` gives the newest whole document, else the one before it. A document
that is older than the newest says less, and nothing false. Does not: know what it holds.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from ledger_service.core import encoding
from ledger_service.core.encoding import Json
from ledger_service.errors import FormatError, RefusedError

_SUM = "sha256"


class BrokenStateError(RefusedError):
    """What is kept of a log cannot be read: our own file is broken, and nothing is known to be wrong with the log."""


class DurableDocument:
    """One document `NAME.json`, with `NAME.previous.json` beside it."""

    def __init__(self, folder: Path, name: str) -> None:
        """Name it; nothing is opened."""
        self.path = folder / f"{name}.json"
        self.previous = folder / f"{name}.previous.json"

    def versions(self) -> list[dict[str, Json]]:
        """Return what is whole, the newest first; nothing where there was never anything.

        Raises:
            BrokenStateError: There is a file, and none is whole.
        """
        there = [path for path in (self.path, self.previous) if path.exists()]
        found = [members for path in there if (members := _whole(path)) is not None]
        if there and not found:
            raise BrokenStateError(
                f"{self.path} is broken, and so is the one before it",
                hint="this says nothing about the log: move the folder away and start anew, or restore a copy of it",
            )
        return found

    def newest(self) -> dict[str, Json] | None:
        """Return the newest document, None where there was never one: for whoever must not fall back to an older.

        Raises:
            BrokenStateError: It is broken or gone.
        """
        if not self.path.exists() and not self.previous.exists():
            return None
        members = _whole(self.path) if self.path.exists() else None
        if members is None:
            raise BrokenStateError(f"{self.path} is broken or gone", hint="restore it; never begin anew")
        return members

    def write(self, members: dict[str, Json]) -> None:
        """Replace the document, durably."""
        content = encoding.encode_document({**members, _SUM: _sum(members)})
        if self.path.exists() and _whole(self.path) is not None:  # a broken one takes no whole one's place
            kept = self.path.with_name(f".{self.path.name}.kept")
            kept.unlink(missing_ok=True)
            os.link(self.path, kept)  # the document keeps its name until the new one takes it
            kept.replace(self.previous)
        write_whole(self.path, content)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for one process.

    Raises:
        BrokenStateError: Another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BrokenStateError(
                f"another process works in {folder}", hint="stop it, or name another folder"
            ) from None
        yield
    finally:
        os.close(handle)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all; durable on return."""
    beside = path.with_name(f".{path.name}.new")
    with beside.open("wb") as target:
        target.write(content)
        target.flush()
        os.fsync(target.fileno())
    beside.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _whole(path: Path) -> dict[str, Json] | None:
    try:
        value = encoding.parse_document(path.read_bytes())
    except FormatError:
        return None
    if not isinstance(value, dict) or value.get(_SUM) != _sum({n: v for n, v in value.items() if n != _SUM}):
        return None
    return {name: item for name, item in value.items() if name != _SUM}


def _sum(members: dict[str, Json]) -> str:
    return sha256(encoding.encode(members)).hexdigest()
