"""Files that hold a secret: made whole and durable, and read only if they are for their owner alone.

Promises: a key file is there with all its bytes or not at all, and never replaces another unasked. Does not: encrypt.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_service.errors import SettingsError, StorageFullError, StoreReadOnlyError


def load_signing_key(path: Path, *, create: bool = False) -> Ed25519PrivateKey:
    """Return the checkpoint key of a PEM file, made when there is none and `create` says so.

    Raises:
        SettingsError: Missing, readable by others, or no Ed25519 key.
    """
    if create and not path.exists():
        pem = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        _write_new(path, pem)
    if not path.exists():
        raise SettingsError(f"there is no checkpoint key at {path}", hint="found the ledger with `rledger deploy`")
    try:
        key = serialization.load_pem_private_key(read_secret(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError(f"{path} holds no Ed25519 key in PEM without a password")
    return key


def read_secret(path: Path) -> bytes:
    """Return a small file that is for its owner alone."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise SettingsError(f"{path} can be read by others (mode {mode:04o})", hint=f"chmod 600 {path}")
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}", hint="check the path and its rights") from None


def replace_durably(source: Path, target: Path) -> None:
    """Put one file into the place of another: the old one or the new one is there, whatever kills the process."""
    with translated(target.parent):
        source.replace(target)
        _sync_folder(target.parent)


@contextmanager
def translated(folder: Path) -> Iterator[None]:
    """Run a block that writes into a folder; raise what an `OSError` of it means.

    Raises:
        StorageFullError, StoreReadOnlyError: As it says.
    """
    try:
        yield
    except OSError as error:
        message = f"the folder {folder} cannot be written: {error.strerror}"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFullError(message, hint="free some space, then try again") from None
        raise StoreReadOnlyError(message, hint="check its rights, or set LEDGER_HOME") from None


def _write_new(path: Path, content: bytes) -> None:
    """Make a file of mode 0600: whole and durable, or not at all; what is there already stays."""
    with translated(path.parent):
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            with suppress(FileExistsError):  # another process was first: its key is the one
                os.link(name, path)
        finally:
            Path(name).unlink()
        _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
