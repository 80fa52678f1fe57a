"""Folders opened as descriptors, so that no name is looked up twice and no symbolic link is followed below the top.

Promises: a folder that these functions make is on disk when they return. Does not: close what it returns open.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TOP_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC  # the operator may link the folder to another disk
FOLDER_FLAGS = TOP_FLAGS | os.O_NOFOLLOW
FOLDER_MODE = 0o700  # the owner's alone


@contextmanager
def closing(descriptor: int) -> Iterator[int]:
    """Close the descriptor in the end."""
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, each on disk before the next."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    with suppress(FileExistsError):
        folder.mkdir(mode=FOLDER_MODE)
    with closing(os.open(folder.parent, TOP_FLAGS)) as above:
        os.fsync(above)


def open_subfolder(parent: int, name: str, *, create: bool) -> int:
    """Open a folder below `parent`; with `create`, make it if it is not there, and have its name on disk."""
    if create:
        with suppress(FileExistsError):
            os.mkdir(name, FOLDER_MODE, dir_fd=parent)
        os.fsync(parent)  # also where another process made it and may have died before its own fsync
    return os.open(name, FOLDER_FLAGS, dir_fd=parent)
