"""Where stored files lie: `ab/cd/abcd…`, 32 random lower-case hex digits, below the top of the evidence folder.

Promises: a name leads nowhere else, whatever it is; no symbolic link is followed below the top. Does not: know what a
file is.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger_service.errors import EvidenceMissingError
from ledger_service.evidence.descriptors import TOP_FLAGS, closing, open_subfolder

NAME_BYTES = 16  # 128 random bits: no name is guessed, no two meet
NAME = re.compile(r"[0-9a-f]{32}")
READ_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC  # non-blocking: a named pipe must not hold us up


def new_name() -> str:
    """Return a random name for a stored file."""
    return secrets.token_hex(NAME_BYTES)


@contextmanager
def folder_of(top: Path, name: str, *, create: bool = False) -> Iterator[int]:
    """Open the two-level folder of a name.

    Raises:
        EvidenceMissingError: It is no name of a stored file.
        OSError: There is no such folder, or it cannot be opened.
    """
    if not NAME.fullmatch(name):
        raise EvidenceMissingError(f"{name!r:.60} is not the name of a stored file: 32 lower-case hex digits")
    with (
        closing(os.open(top, TOP_FLAGS)) as above,
        closing(open_subfolder(above, name[:2], create=create)) as level,
        closing(open_subfolder(level, name[2:4], create=create)) as folder,
    ):
        yield folder


def put(top: Path, name: str, *, source: int, source_name: str) -> None:
    """Move a whole file that is on disk to its place under `name`; when this returns, the move is on disk.

    Before the rename the file has no name here, after it the whole file has: nothing in between can be seen.
    """
    with folder_of(top, name, create=True) as folder:
        os.rename(source_name, name, src_dir_fd=source, dst_dir_fd=folder)
        os.fsync(folder)
