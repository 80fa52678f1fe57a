"""Cosignatures that witnesses gave to anchored heads: a small file for each head, in a folder beside the mark.

Promises: a line that was added is durable. Does not: prove anything of the log itself: losing the folder loses
cosignatures, which a witness gives again for its newest head only.
"""

from __future__ import annotations

import os
from pathlib import Path

LINES_MAX = 100  # as many signatures as a note has
LINE_BYTES_MAX = 1_024


class Cosignatures:
    """The cosignatures of one log, by the size of the head."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; it is made by the first `add`."""
        self._folder = folder

    def of(self, size: int) -> list[str]:
        """Return the signature lines, without their newlines, of the head of a size; none where there is none."""
        try:
            with (self._folder / str(size)).open("rb") as source:
                content = source.read(LINES_MAX * LINE_BYTES_MAX)
        except FileNotFoundError:
            return []
        return [line for line in content.decode("utf-8", "replace").split("\n") if line][:LINES_MAX]

    def add(self, size: int, line: str) -> None:
        """Add a signature line to those of a head, durably. For one process at a time."""
        lines = self.of(size)
        if line in lines or len(lines) >= LINES_MAX:
            return
        self._folder.mkdir(exist_ok=True)
        path = self._folder / str(size)
        beside = path.with_name(f".{path.name}.new")
        with beside.open("wb") as target:
            target.write("".join(f"{one}\n" for one in [*lines, line]).encode())
            target.flush()
            os.fsync(target.fileno())
        beside.replace(path)
        handle = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
