"""A file on disk that is read in pieces, for whoever verifies more than fits into memory. Does not: write."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self


class FileSource:
    """An open file: `core.archive.Source`."""

    def __init__(self, path: Path) -> None:
        """Open it."""
        self._stream = path.open("rb")
        self.size = os.fstat(self._stream.fileno()).st_size

    def read(self, offset: int, count: int, /) -> bytes:
        """Return at most `count` bytes from `offset` on."""
        return os.pread(self._stream.fileno(), count, offset)

    def __enter__(self) -> Self:
        """Return the file."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self._stream.close()
